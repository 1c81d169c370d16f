/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "server/base/epoch.h"
#include "server/base/random.h"
#include "vector/collection_private.h"
#include "vector/hnsw/build.h"
#include "vector/hnsw/search.h"

/* Walks and searches that do the work of several at once must find what each alone finds. */
enum { ROWS = 3000, DIMENSION = 24, QUERIES = 40, K = 20 };

static struct ky_prng prng;
static const uint32_t efs[] = {1, 2, 7, 10, 24, 40, 100, 300, 512};

static void
draw(float *values)
{
    for (int i = 0; i < DIMENSION; i++) {
        values[i] = (float)ky_prng_below(&prng, 100) / 7;
    }
}

static struct collection *
make_collection(void)
{
    const struct vector_options options = {.dimension = DIMENSION, .has_graph = true};
    const struct vector_work work = {.threads = 2};
    struct collection *collection = collection_new(&options);
    struct ky_error err;
    float values[DIMENSION];
    ky_prng_init(&prng, 42);
    for (row_id_t row_id = 1; row_id <= ROWS; row_id++) {
        draw(values);
        cr_assert_eq(collection_insert(collection, row_id, values, NULL, &err), KY_OK);
    }
    cr_assert_eq(collection_build(collection, &work, &err), KY_OK);
    return collection;
}

struct comparison {
    struct graph *graph;
    const float *query;
    struct walk *walk;
    uint32_t steps;
    uint32_t steps_max;
};

static bool
compare(void *arg, uint32_t step)
{
    struct comparison *comparison = (struct comparison *)arg;
    const struct items *pool = &comparison->walk->pool;
    struct measure measure;
    cr_assert_eq(step, comparison->steps);
    measure_init(&measure, &comparison->graph->codec.options, comparison->query);
    struct walk *alone = walk_begin(comparison->graph);
    walk_set_query(alone, comparison->query, &measure);
    uint32_t key = 0;
    const uint32_t from = walk_descend(alone, 0, &key);
    walk_level(alone, 0, efs[step], from, key);
    cr_expect_eq(KY_MIN(pool->count, (size_t)efs[step]), alone->pool.count);
    for (size_t i = 0; i < alone->pool.count; i++) {
        cr_expect_eq(pool->items[i], alone->pool.items[i], "ef %u, item %zu", efs[step], i);
    }
    walk_end(alone);
    measure_deinit(&measure);
    return ++comparison->steps < comparison->steps_max;
}

Test(walk, a_ladder_finds_what_a_walk_with_each_ef_finds)
{
    struct collection *collection = make_collection();
    for (uint32_t i = 0; i < QUERIES; i++) {
        float query[DIMENSION];
        struct measure measure;
        draw(query);
        struct comparison comparison = {
            .graph = collection_view(collection)->graph,
            .query = query,
            .steps_max = i % 4 == 3 ? 3 : (uint32_t)KY_COUNT_OF(efs), /* or it is given up */
        };
        const struct walk_ladder ladder = {
            .efs = efs, .count = KY_COUNT_OF(efs), .settled = compare, .arg = &comparison};
        cr_assert_not_null(comparison.graph);
        measure_init(&measure, &comparison.graph->codec.options, query);
        ky_epoch_enter();
        comparison.walk = walk_begin(comparison.graph);
        walk_set_query(comparison.walk, query, &measure);
        uint32_t key = 0;
        const uint32_t from = walk_descend(comparison.walk, 0, &key);
        walk_level_ladder(comparison.walk, 0, &ladder, from, key);
        walk_end(comparison.walk);
        ky_epoch_leave();
        measure_deinit(&measure);
        cr_expect_eq(comparison.steps, comparison.steps_max);
    }
    collection_free(collection);
}

Test(walk, exact_searches_together_find_what_each_alone_finds)
{
    struct collection *collection = make_collection();
    struct graph *graph = collection_view(collection)->graph;
    for (uint32_t count = 1; count <= EXACT_TOGETHER; count++) {
        float queries[EXACT_TOGETHER][DIMENSION];
        struct vector_search searches[EXACT_TOGETHER];
        struct exact_search exacts[EXACT_TOGETHER];
        struct vector_hit hits[EXACT_TOGETHER][K];
        struct vector_search_stats stats[EXACT_TOGETHER] = {0};
        for (uint32_t q = 0; q < count; q++) {
            draw(queries[q]);
            searches[q] = (struct vector_search){.query = queries[q], .k = K};
            exact_init(&exacts[q], &graph->codec.options, &searches[q], hits[q], &stats[q]);
        }
        graph_search_exact_together(exacts, count, graph);
        for (uint32_t q = 0; q < count; q++) {
            struct vector_hit alone[K];
            uint32_t alone_count = 0;
            struct vector_search_stats alone_stats = {0};
            struct ky_error err;
            searches[q].mode = VECTOR_MODE_EXACT;
            cr_assert_eq(exact_finish(&exacts[q]), K);
            exact_deinit(&exacts[q]);
            cr_assert_eq(collection_search(collection, &searches[q], alone, &alone_count,
                                           &alone_stats, &err),
                         KY_OK);
            cr_expect(alone_stats.is_exact);
            cr_expect_eq(alone_stats.codec, codec_kind(&graph->codec));
            cr_assert_eq(alone_count, K);
            for (uint32_t i = 0; i < K; i++) {
                cr_expect_eq(hits[q][i].row_id, alone[i].row_id);
                cr_expect_float_eq(hits[q][i].distance, alone[i].distance, 0);
            }
        }
    }
    collection_free(collection);
}
