/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Are answers of a learned index right, for many probes? Each is compared with a binary search of
 * the sorted keys:
 *
 *     check_index [probes = 1000000] [entries = 100000] [set, or all]
 *
 * A third of the probes are present keys, a third are random or near present ones and mostly
 * absent, a third lie at boundaries: one below and above keys, at powers of two and at both ends.
 * Half of them go through index_find_batch. Prints how many, and fails at the first wrong answer.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/key_sets.h"
#include "index/index.h"
#include "server/base/endian.h"
#include "server/base/epoch.h"
#include "server/base/random.h"

enum { BATCH = 64, KEY_SIZE = 9 };

struct check {
    const uint64_t *keys;
    uint64_t count;
    struct index *index;
    struct ky_prng prng;
    uint64_t found; /* of the probes */
};

static struct ky_slice
make_key(uint64_t number, uint8_t key[KEY_SIZE])
{
    key[0] = 1;
    ky_store_be64(key + 1, number);
    return ky_slice(key, KEY_SIZE);
}

struct source {
    const uint64_t *keys;
    uint64_t count;
    uint64_t next;
    uint8_t key[KEY_SIZE];
};

static bool
source_next(void *arg, struct index_entry *entry_out)
{
    struct source *source = (struct source *)arg;
    if (source->next == source->count) {
        return false;
    }
    entry_out->key = make_key(source->keys[source->next], source->key);
    entry_out->row_id = ++source->next;
    return true;
}

/* 0 when it is not there. */
static row_id_t
expected_row(const struct check *check, uint64_t key)
{
    uint64_t low = 0;
    uint64_t high = check->count;
    while (low < high) {
        const uint64_t middle = (low + high) / 2;
        if (check->keys[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < check->count && check->keys[low] == key ? low + 1 : 0;
}

static uint64_t
draw(struct check *check)
{
    const uint64_t any = check->keys[ky_prng_below(&check->prng, check->count)];
    switch (ky_prng_below(&check->prng, 9)) {
    case 0:
        return ky_prng_next(&check->prng);
    case 1:
        return any + ky_prng_below(&check->prng, 1000);
    case 2:
        return any - ky_prng_below(&check->prng, 1000);
    case 3:
        return any + 1;
    case 4:
        return any - 1;
    case 5:
        return ((uint64_t)1 << ky_prng_below(&check->prng, 64)) - ky_prng_below(&check->prng, 2);
    default:
        return any;
    }
}

static void
expect(struct check *check, uint64_t key, uint32_t count, row_id_t row_id)
{
    const row_id_t expected = expected_row(check, key);
    if (count != (expected != 0) || (expected != 0 && row_id != expected)) {
        (void)fprintf(stderr,
                      "key %" PRIu64 ": %u rows, the first %" PRIu64 "; expected %" PRIu64 "\n",
                      key, count, row_id, expected);
        exit(1);
    }
    check->found += count;
}

static void
check_one(struct check *check)
{
    uint8_t bytes[KEY_SIZE];
    row_id_t row_id = 0;
    const uint64_t key = draw(check);
    const uint32_t count = index_find(check->index, make_key(key, bytes), &row_id, 1);
    expect(check, key, count, row_id);
}

static void
check_batch(struct check *check)
{
    uint64_t numbers[BATCH];
    uint8_t bytes[BATCH][KEY_SIZE];
    struct ky_slice keys[BATCH];
    row_id_t rows[BATCH] = {0};
    uint32_t counts[BATCH];
    for (uint32_t i = 0; i < BATCH; i++) {
        numbers[i] = draw(check);
        keys[i] = make_key(numbers[i], bytes[i]);
    }
    index_find_batch(check->index, keys, BATCH, 1, rows, counts);
    for (uint32_t i = 0; i < BATCH; i++) {
        expect(check, numbers[i], counts[i], rows[i]);
    }
}

static void
check_set(enum key_set set, uint64_t count, uint64_t probes)
{
    uint64_t *keys = key_set_new(set, count, 42);
    struct check check = {.keys = keys, .count = count, .index = index_new(INDEX_KIND_RMI)};
    struct source source = {.keys = keys, .count = count};
    struct ky_error err;
    ky_prng_init(&check.prng, count + (uint64_t)set);
    if (index_build(check.index, source_next, &source, &err) != KY_OK ||
        index_verify(check.index, &err) != KY_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    uint64_t done = 0;
    for (; done < probes; done += 2 * (uint64_t)BATCH) {
        for (uint32_t i = 0; i < BATCH; i++) {
            check_one(&check);
        }
        check_batch(&check);
    }
    printf("%s, %" PRIu64 " keys: %" PRIu64 " probes right, %" PRIu64 " of them present\n",
           key_set_names[set], count, done, check.found);
    (void)fflush(stdout);
    index_free(check.index);
    ky_epoch_drain();
    free(keys);
}

int
main(int argc, char **argv)
{
    const uint64_t probes = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    const uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    for (int set = 0; set < SET_COUNT; set++) {
        if (argc < 4 || strcmp(argv[3], "all") == 0 || strcmp(argv[3], key_set_names[set]) == 0) {
            check_set((enum key_set)set, count, probes);
        }
    }
    return 0;
}
