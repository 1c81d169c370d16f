/* SPDX-License-Identifier: Apache-2.0 */

/* Exact searches by several threads, against the same search by one: with a filter that lets all
 * through there is only one. */

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "server/base/cpu.h"
#include "server/base/epoch.h"
#include "server/base/random.h"
#include "vector/collection.h"

/* Enough bytes for several threads, also of codes of a byte a dimension. */
enum { DIMENSION = 2000, ROWS = 6000, K = 25 };

static struct ky_error err;

static bool
accept_all(void *arg, row_id_t row_id, const void *values, double distance)
{
    (void)arg;
    (void)row_id;
    (void)values;
    (void)distance;
    return true;
}

/* One of every *arg rows. */
static bool
accept_some(void *arg, row_id_t row_id, const void *values, double distance)
{
    (void)values;
    (void)distance;
    return row_id % *(const uint32_t *)arg == 0;
}

static void
test_all(void *arg, const row_id_t *row_ids, uint32_t count, bool *passes_out)
{
    (void)arg;
    (void)row_ids;
    memset(passes_out, true, count);
}

/* distinct: how many different vectors there are; rows of one vector tie. Higher row ids lie
 * first, so that the order of places is not the order of rows. */
static struct collection *
fill(bool has_graph, uint32_t distinct, bool is_whole, uint32_t rows)
{
    const struct vector_options options = {.dimension = DIMENSION, .has_graph = has_graph};
    struct collection *collection = collection_new(&options);
    float *values = malloc(DIMENSION * sizeof(float));
    struct ky_prng prng;
    for (row_id_t i = rows; i >= 1; i--) {
        ky_prng_init(&prng, i % distinct + 1);
        for (uint32_t j = 0; j < DIMENSION; j++) {
            values[j] = is_whole ? (float)ky_prng_below(&prng, 2)
                                 : (float)(ky_prng_double(&prng) - 0.5) * (float)(i % 7 + 1);
        }
        cr_assert_eq(collection_insert(collection, i, values, NULL, &err), KY_OK);
    }
    free(values);
    return collection;
}

/* Returns how many threads the first one used. */
static uint32_t
compare(struct collection *collection, struct vector_search search, uint64_t seed)
{
    struct vector_search_stats stats = {0};
    struct vector_hit want[K + 1];
    struct vector_hit got[K + 1];
    uint32_t want_count = 0;
    uint32_t got_count = 0;
    float *query = malloc(DIMENSION * sizeof(float));
    struct ky_prng prng;
    ky_prng_init(&prng, seed);
    for (uint32_t j = 0; j < DIMENSION; j++) {
        query[j] = (float)(ky_prng_double(&prng) - 0.5);
    }
    search.query = query;
    search.k = K;
    search.mode = VECTOR_MODE_EXACT;
    cr_assert_eq(collection_search(collection, &search, got, &got_count, &stats, &err), KY_OK);
    const uint32_t threads = stats.threads;
    search.test = test_all;
    stats.threads = 0;
    cr_assert_eq(collection_search(collection, &search, want, &want_count, &stats, &err), KY_OK);
    cr_assert_eq(stats.threads, 0);
    cr_assert_eq(want_count, got_count);
    for (uint32_t i = 0; i < want_count; i++) {
        cr_assert_eq(want[i].row_id, got[i].row_id);
        cr_assert(want[i].distance == got[i].distance ||
                  (isnan(want[i].distance) && isnan(got[i].distance)));
    }
    free(query);
    return threads;
}

static void
compare_all(struct collection *collection)
{
    uint32_t share = 1;
    const uint32_t threads =
        compare(collection, (struct vector_search){.accept = accept_all}, 100000);
    cr_assert_eq(threads > 1, ky_cpu()->core_count > 1);
    (void)compare(collection, (struct vector_search){0}, 100001);
    /* Some refused, nearly all refused, more refused than are drafted beyond k. */
    for (share = 2; share <= ROWS; share *= 5) {
        (void)compare(collection, (struct vector_search){.accept = accept_some, .arg = &share},
                      100000 + share);
    }
    for (double radius = 10; radius < 100; radius += 9) {
        (void)compare(collection, (struct vector_search){.has_radius = true, .radius = radius},
                      200000);
    }
}

Test(exact, several_threads_find_what_one_finds)
{
    for (int round = 0; round < 4; round++) {
        const bool has_graph = round >= 2;
        struct collection *collection = fill(has_graph, ROWS, round % 2 == 1, ROWS);
        if (has_graph) {
            const struct vector_work work = {.threads = 0};
            cr_assert_eq(collection_build(collection, &work, &err), KY_OK);
        }
        compare_all(collection);
        collection_free(collection);
    }
    ky_epoch_drain();
}

/* The draft ends among equals, whose row ids decide. */
Test(exact, ties_are_broken_by_row_id_whoever_finds_them)
{
    static const uint32_t distinct[] = {1, 3, 60};
    for (size_t i = 0; i < KY_COUNT_OF(distinct); i++) {
        struct collection *collection = fill(false, distinct[i], true, ROWS);
        compare_all(collection);
        collection_free(collection);
    }
    ky_epoch_drain();
}

/* Under cosine a zero vector's distance is not a number: the farthest, and all of them tie. */
Test(exact, what_is_not_a_number_ties_too)
{
    for (uint32_t numbers = 0; numbers <= 2 * K; numbers += K - 5) {
        const struct vector_options options = {.dimension = DIMENSION, .metric = VECTOR_COSINE};
        struct collection *collection = collection_new(&options);
        float *values = calloc(DIMENSION, sizeof(float));
        for (row_id_t i = ROWS; i >= 1; i--) {
            values[0] = i <= numbers ? (float)i : 0;
            values[1] = i <= numbers ? (float)(i * i % 31) : 0;
            cr_assert_eq(collection_insert(collection, i, values, NULL, &err), KY_OK);
        }
        free(values);
        compare_all(collection);
        collection_free(collection);
    }
    ky_epoch_drain();
}

/* What one flat gave is kept when the draft of the next one does not do. */
Test(exact, hits_of_several_parts_are_merged)
{
    struct collection *collection = fill(true, 50, true, ROWS);
    const struct vector_work work = {.threads = 0};
    cr_assert_eq(collection_build(collection, &work, &err), KY_OK);
    float *values = malloc(DIMENSION * sizeof(float));
    struct ky_prng prng;
    ky_prng_init(&prng, 77);
    for (row_id_t i = ROWS + 1; i <= ROWS + 2000; i++) {
        for (uint32_t j = 0; j < DIMENSION; j++) {
            values[j] = i % 10 == 0 ? 1 : (float)ky_prng_below(&prng, 2);
        }
        cr_assert_eq(collection_insert(collection, i, values, NULL, &err), KY_OK);
    }
    free(values);
    compare_all(collection);
    collection_free(collection);
    ky_epoch_drain();
}

Test(exact, cancel_ends_it)
{
    struct collection *collection = fill(false, ROWS, false, ROWS);
    const _Atomic int cancelled = 1;
    float query[DIMENSION] = {0};
    struct vector_hit hits[K];
    uint32_t count = 0;
    const struct vector_search search = {
        .query = query, .k = K, .mode = VECTOR_MODE_EXACT, .is_cancelled = &cancelled};
    cr_assert_eq(collection_search(collection, &search, hits, &count, NULL, &err), KY_ERR);
    cr_assert_eq(err.sqlstate, KY_QUERY_CANCELED);
    collection_free(collection);
    ky_epoch_drain();
}
