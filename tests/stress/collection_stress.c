/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Searches beside inserts and removals. Every vector says which row it belongs to, so a search
 * that reads a place while it is written anew is found out. A few entries are never removed, and
 * each search must find them: they are the nearest.
 */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/epoch.h"
#include "server/base/mutex.h"
#include "server/base/random.h"
#include "vector/collection.h"

enum { WRITERS = 2, FIXED = 8 };
#ifdef IS_LARGE
/* So much to read that a search starts threads of its own, as it does when it is the only one. */
enum { DIMENSION = 2000, READERS = 1, OWN_ROWS = 3000, CHANGES = 60000 };
#else
enum { DIMENSION = 19, READERS = 3, OWN_ROWS = 700 /* of each writer */, CHANGES = 300000 };
#endif

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                              \
        }                                                                         \
    } while (0)

static struct collection *collection;
static _Atomic int is_over;

static void
make_values(row_id_t row_id, float values[DIMENSION])
{
    for (int i = 0; i < DIMENSION; i++) {
        values[i] = (float)row_id;
    }
}

static void
insert(row_id_t row_id)
{
    struct ky_error err;
    float values[DIMENSION];
    make_values(row_id, values);
    CHECK(collection_insert(collection, row_id, values, NULL, &err) == KY_OK);
}

static void *
change_entries(void *arg)
{
    uint64_t self = *(const uint64_t *)arg;
    struct ky_prng prng;
    ky_prng_init(&prng, self);
    static bool is_held[WRITERS][OWN_ROWS];
    for (int i = 0; i < CHANGES; i++) {
        uint64_t own = ky_prng_below(&prng, OWN_ROWS);
        row_id_t row_id = 1000 + own * WRITERS + self;
        if (is_held[self][own]) {
            float values[DIMENSION];
            make_values(row_id, values);
            CHECK(collection_remove(collection, row_id, values));
        } else {
            insert(row_id);
        }
        is_held[self][own] = !is_held[self][own];
    }
    return NULL;
}

static bool
accept_whole(void *arg, row_id_t row_id, const void *values, double distance)
{
    const float *floats = (const float *)values;
    (void)arg;
    (void)distance;
    for (int i = 0; i < DIMENSION; i++) {
        CHECK(floats[i] == (float)row_id);
    }
    return true;
}

static void *
search_entries(void *arg)
{
    struct ky_error err;
    float query[DIMENSION] = {0};
    while (atomic_load_explicit(&is_over, memory_order_relaxed) == 0) {
        struct vector_hit hits[200];
        uint32_t count = 0;
        const struct vector_search search = {.query = query, .k = 200, .accept = accept_whole};
        CHECK(collection_search(collection, &search, hits, &count, NULL, &err) == KY_OK);
        CHECK(count >= FIXED);
        for (uint32_t i = 0; i < count; i++) {
            CHECK(i >= FIXED || hits[i].row_id == i + 1);
            CHECK(i == 0 || hits[i].distance >= hits[i - 1].distance);
        }
    }
    return arg;
}

int
main(void)
{
    struct ky_thread writers[WRITERS];
    struct ky_thread readers[READERS];
    uint64_t numbers[] = {0, 1};
    const struct vector_options options = {.dimension = DIMENSION};
    collection = collection_new(&options);
    for (row_id_t i = 1; i <= FIXED; i++) {
        insert(i);
    }
    for (int i = 0; i < WRITERS; i++) {
        ky_thread_start(&writers[i], "writer", change_entries, &numbers[i]);
    }
    for (int i = 0; i < READERS; i++) {
        ky_thread_start(&readers[i], "reader", search_entries, NULL);
    }
    for (int i = 0; i < WRITERS; i++) {
        ky_thread_join(&writers[i]);
    }
    atomic_store_explicit(&is_over, 1, memory_order_relaxed);
    for (int i = 0; i < READERS; i++) {
        ky_thread_join(&readers[i]);
    }
    collection_free(collection);
    ky_epoch_drain();
    return 0;
}
