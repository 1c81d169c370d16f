/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One thread on one B+tree of nine-byte keys: bench_btree [entries]. Random keys are a permutation
 * of the numbers, so that lookups hit.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "index/index.h"
#include "server/base/clock.h"
#include "server/base/endian.h"
#include "server/base/epoch.h"

static uint64_t entry_count = 1000000;

/* Odd multipliers permute the numbers below 2^64. */
static uint64_t
scatter(uint64_t i)
{
    return i * 0x9e3779b97f4a7c15ULL;
}

static struct ky_slice
make_key(uint64_t number, uint8_t key[9])
{
    key[0] = 1;
    ky_store_be64(key + 1, number);
    return ky_slice(key, 9);
}

static void
report(const char *what, int64_t started_ns, uint64_t count)
{
    printf("%-28s %8.1f ns/op\n", what, (double)(ky_monotonic_ns() - started_ns) / (double)count);
}

static void
report_size(struct index *index)
{
    struct index_stats stats;
    index_stats(index, &stats);
    printf("%-28s %8.1f bytes/entry, height %u\n", "", (double)stats.bytes / (double)stats.entries,
           stats.height);
}

static void
insert(struct index *index, uint64_t number, row_id_t row_id)
{
    uint8_t key[9];
    struct ky_error err;
    if (index_insert(index, make_key(number, key), row_id, NULL, &err) != KY_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
}

static void
find_all(struct index *index, const char *what, uint64_t (*number_of)(uint64_t))
{
    uint8_t key[9];
    uint64_t found = 0;
    uint64_t state = 1;
    int64_t started = ky_monotonic_ns();
    for (uint64_t i = 0; i < entry_count; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        row_id_t row_id = 0;
        found +=
            index_find(index, make_key(number_of((state >> 20) % entry_count), key), &row_id, 1);
    }
    report(what, started, entry_count);
    if (found != entry_count) {
        (void)fprintf(stderr, "%" PRIu64 " keys were missing\n", entry_count - found);
        exit(1);
    }
}

static void
scan_all(struct index *index)
{
    struct index_scan scan = {.index = index};
    struct index_entry entries[256];
    uint64_t seen = 0;
    int64_t started = ky_monotonic_ns();
    for (uint32_t count; (count = index_scan_next(&scan, entries, 256)) > 0;) {
        seen += count;
    }
    report("scan, 256 at a time", started, seen);
    index_scan_deinit(&scan);
}

static uint64_t
same(uint64_t i)
{
    return i;
}

int
main(int argc, char **argv)
{
    if (argc > 1) {
        entry_count = strtoull(argv[1], NULL, 10);
    }
    printf("%" PRIu64 " entries\n", entry_count);
    struct index *growing = index_new(INDEX_KIND_BTREE);
    int64_t started = ky_monotonic_ns();
    for (uint64_t i = 0; i < entry_count; i++) {
        insert(growing, i, i + 1);
    }
    report("insert, growing keys", started, entry_count);
    report_size(growing);
    find_all(growing, "find, random among growing", same);
    index_free(growing);

    struct index *random = index_new(INDEX_KIND_BTREE);
    started = ky_monotonic_ns();
    for (uint64_t i = 0; i < entry_count; i++) {
        insert(random, scatter(i), i + 1);
    }
    report("insert, random keys", started, entry_count);
    report_size(random);
    find_all(random, "find, random keys", scatter);
    scan_all(random);
    started = ky_monotonic_ns();
    uint8_t key[9];
    for (uint64_t i = 0; i < entry_count; i++) {
        (void)index_remove(random, make_key(scatter(i), key), i + 1);
    }
    report("remove, random keys", started, entry_count);
    index_free(random);
    ky_epoch_drain();
    return 0;
}
