/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Readers beside writers on one index. Some keys are there from beginning to end: every lookup must
 * find them and every scan must give all of them, in order, whatever the writers do between them.
 * Built once for each kind of index; a learned one is rebuilt over and over meanwhile.
 * The writers' keys come and go in numbers that make leaves split, merge and empty, short keys and
 * long ones. At the end the index is verified against what is known to remain.
 * Time ends it as well as work: under a sanitizer, or on a busy machine, fewer waves come to pass.
 */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "index/index.h"
#include "server/base/clock.h"
#include "server/base/endian.h"
#include "server/base/epoch.h"
#include "server/base/mutex.h"
#include "server/base/random.h"

enum {
    WRITERS = 2,
    READERS = 2,
    SCANNERS = 2,
    FIXED_KEYS = 600,
    GAP = 64,  /* between two fixed keys */
    WAVES = 6, /* each fills the gaps and empties them again */
    RUN_MS = 6000,
    LONG_SIZE = 300,
};

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                              \
        }                                                                         \
    } while (0)

static struct index *index_under_test;
static _Atomic int is_over;
static int64_t deadline_ns;
static _Atomic uint64_t remaining; /* of the writers' entries, at the end */

static bool
is_late(void)
{
    return ky_monotonic_ns() > deadline_ns;
}

/* Every fifth key is long; the number decides the order either way. */
static struct ky_slice
make_key(uint64_t number, uint8_t key[LONG_SIZE])
{
    key[0] = 1;
    ky_store_be64(key + 1, number);
    if (number % 5 != 0) {
        return ky_slice(key, 9);
    }
    for (size_t i = 9; i < LONG_SIZE; i++) {
        key[i] = (uint8_t)(number + i);
    }
    return ky_slice(key, LONG_SIZE);
}

/* Of a writer's entry. Every third one has a number that was there before; the others' numbers
 * ascend, but two writers do not take turns exactly. */
static row_id_t
row_of(uint64_t number, uint64_t wave)
{
    return number % 3 == 0 ? wave + 1
                           : FIXED_KEYS + 1 + wave * ((uint64_t)FIXED_KEYS * GAP) + number;
}

static void
insert(uint64_t number, row_id_t row_id)
{
    uint8_t key[LONG_SIZE];
    struct ky_error err;
    bool is_new = false;
    CHECK(index_insert(index_under_test, make_key(number, key), row_id, &is_new, &err) == KY_OK);
    CHECK(is_new);
}

static void *
write_entries(void *arg)
{
    uint64_t self = *(const uint64_t *)arg;
    uint8_t key[LONG_SIZE];
    uint64_t held = 0;
    for (uint64_t wave = 0; wave < WAVES && !is_late(); wave++) {
        for (uint64_t i = 0; i < (uint64_t)FIXED_KEYS * GAP && !is_late(); i++) {
            if (i % GAP != 0 && i % WRITERS == self) {
                insert(i, row_of(i, wave));
                held++;
            }
        }
        for (uint64_t i = 0; i < (uint64_t)FIXED_KEYS * GAP && !is_late(); i++) {
            uint64_t number = wave % 2 == 0 ? i : (uint64_t)FIXED_KEYS * GAP - 1 - i;
            if (number % GAP != 0 && number % WRITERS == self) {
                CHECK(index_remove(index_under_test, make_key(number, key), row_of(number, wave)));
                held--;
            }
        }
    }
    atomic_fetch_add_explicit(&remaining, held, memory_order_relaxed);
    return NULL;
}

/* Many at once: every other one is always there. */
static void
find_many(struct ky_prng *prng)
{
    enum { MANY = 40 };
    uint8_t bytes[MANY][LONG_SIZE];
    struct ky_slice keys[MANY];
    uint64_t numbers[MANY];
    row_id_t row_ids[MANY];
    uint32_t counts[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        const uint64_t fixed = ky_prng_below(prng, FIXED_KEYS);
        numbers[i] = fixed * GAP + (i % 2 == 0 ? 0 : 1 + ky_prng_below(prng, GAP - 1));
        keys[i] = make_key(numbers[i], bytes[i]);
    }
    index_find_batch(index_under_test, keys, MANY, 1, row_ids, counts);
    for (uint32_t i = 0; i < MANY; i++) {
        CHECK(counts[i] <= 1);
        CHECK(i % 2 != 0 || (counts[i] == 1 && row_ids[i] == numbers[i] / GAP + 1));
    }
}

static void *
find_entries(void *arg)
{
    struct ky_prng prng;
    ky_prng_init(&prng, 100 + *(const uint64_t *)arg);
    uint8_t key[LONG_SIZE];
    while (atomic_load_explicit(&is_over, memory_order_relaxed) == 0) {
        uint64_t fixed = ky_prng_below(&prng, FIXED_KEYS);
        row_id_t row_ids[4];
        CHECK(index_find(index_under_test, make_key(fixed * GAP, key), row_ids, 4) == 1);
        CHECK(row_ids[0] == fixed + 1);
        uint64_t other = ky_prng_below(&prng, (uint64_t)FIXED_KEYS * GAP);
        CHECK(index_find(index_under_test, make_key(other, key), row_ids, 4) <= 1);
        CHECK(index_find(index_under_test, ky_slice("no", 2), row_ids, 4) == 0);
        find_many(&prng);
    }
    return NULL;
}

static int
compare(uint64_t a, row_id_t a_row_id, uint64_t b, row_id_t b_row_id)
{
    return a != b ? (a > b) - (a < b) : (a_row_id > b_row_id) - (a_row_id < b_row_id);
}

/* To the end, unless the test ends first. */
static void *
scan_entries(void *arg)
{
    uint64_t self = *(const uint64_t *)arg;
    struct ky_prng prng;
    ky_prng_init(&prng, 200 + self);
    while (atomic_load_explicit(&is_over, memory_order_relaxed) == 0) {
        struct index_scan scan = {.index = index_under_test, .is_backward = self % 2 == 1};
        struct index_entry entries[300];
        uint64_t fixed = 0;
        uint64_t last = 0;
        row_id_t last_row_id = 0;
        bool has_last = false;
        uint32_t max = 1 + (uint32_t)ky_prng_below(&prng, 300);
        uint32_t count = 1;
        while (count > 0 && atomic_load_explicit(&is_over, memory_order_relaxed) == 0) {
            count = index_scan_next(&scan, entries, max);
            for (uint32_t i = 0; i < count; i++) {
                uint64_t number = ky_load_be64((const uint8_t *)entries[i].key.data + 1);
                uint8_t key[LONG_SIZE];
                CHECK(ky_slice_equal(entries[i].key, make_key(number, key)));
                /* The same key again is another wave's entry: the scan slept meanwhile. */
                int order = compare(number, entries[i].row_id, last, last_row_id);
                CHECK(!has_last || (scan.is_backward ? order < 0 : order > 0));
                has_last = true;
                last = number;
                last_row_id = entries[i].row_id;
                if (number % GAP == 0) {
                    uint64_t expected = scan.is_backward ? FIXED_KEYS - 1 - fixed : fixed;
                    CHECK(number == expected * GAP);
                    CHECK(entries[i].row_id == expected + 1);
                    fixed++;
                }
            }
        }
        CHECK(count > 0 || fixed == FIXED_KEYS);
        index_scan_deinit(&scan);
    }
    return NULL;
}

/* Nothing to do for a B+tree; a learned index gets a new run under everybody's hands. */
static void *
rebuild(void *arg)
{
    uint64_t *rounds = (uint64_t *)arg;
    do {
        index_maintain(index_under_test);
        ky_epoch_reclaim();
        (*rounds)++;
    } while (atomic_load_explicit(&is_over, memory_order_relaxed) == 0);
    return NULL;
}

int
main(void)
{
    struct ky_thread writers[WRITERS];
    struct ky_thread readers[READERS];
    struct ky_thread scanners[SCANNERS];
    uint64_t numbers[] = {0, 1, 2, 3};
    index_under_test = index_new(INDEX_UNDER_TEST);
    for (uint64_t i = 0; i < FIXED_KEYS; i++) {
        insert(i * GAP, i + 1);
    }
    deadline_ns = ky_monotonic_ns() + (int64_t)RUN_MS * 1000000;
    for (int i = 0; i < WRITERS; i++) {
        ky_thread_start(&writers[i], "writer", write_entries, &numbers[i]);
    }
    for (int i = 0; i < READERS; i++) {
        ky_thread_start(&readers[i], "reader", find_entries, &numbers[i]);
    }
    for (int i = 0; i < SCANNERS; i++) {
        ky_thread_start(&scanners[i], "scanner", scan_entries, &numbers[i]);
    }
    struct ky_thread rebuilder;
    uint64_t rounds = 0;
    if (INDEX_UNDER_TEST != INDEX_KIND_BTREE) {
        ky_thread_start(&rebuilder, "rebuilder", rebuild, &rounds);
    }
    for (int i = 0; i < WRITERS; i++) {
        ky_thread_join(&writers[i]);
    }
    atomic_store_explicit(&is_over, 1, memory_order_relaxed);
    for (int i = 0; i < READERS; i++) {
        ky_thread_join(&readers[i]);
    }
    for (int i = 0; i < SCANNERS; i++) {
        ky_thread_join(&scanners[i]);
    }
    if (INDEX_UNDER_TEST != INDEX_KIND_BTREE) {
        ky_thread_join(&rebuilder);
        printf("rebuilds=%llu\n", (unsigned long long)rounds);
    }
    struct ky_error err;
    struct index_stats stats;
    ky_error_init(&err);
    CHECK(index_verify(index_under_test, &err) == KY_OK);
    index_stats(index_under_test, &stats);
    CHECK(stats.entries == FIXED_KEYS + atomic_load_explicit(&remaining, memory_order_relaxed));
    index_free(index_under_test);
    ky_epoch_drain();
    return 0;
}
