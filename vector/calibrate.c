/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What ef gives which recall, measured when a graph is made: queries like its vectors but none of
 * them, the true nearest by looking at all, and the share of them that each ef of a ladder finds.
 */

#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "server/base/random.h"
#include "vector/collection_private.h"
#include "vector/hnsw/search.h"

enum {
    K_MAX = 100,
    QUERIES_MIN = 24,
    QUERIES_MAX = 100,
    LOOKS = 1000000, /* vectors looked at for the truth, about */
};

static const uint32_t ladder[CALIBRATION_STEPS] = {10, 16,  24,  32,  48,  64,
                                                   96, 128, 192, 256, 384, 512};
static const uint32_t ks[3] = {1, 10, K_MAX};

static bool
make_query(struct graph *graph, struct ky_prng *prng, void *query_out, void *scratch)
{
    enum { TRIES = 64 };
    uint32_t count = graph_node_count(graph);
    for (int i = 0; i < TRIES && count > 0; i++) {
        uint32_t node = (uint32_t)ky_prng_below(prng, count);
        uint32_t links[WALK_LINKS_MAX];
        uint32_t link_count = graph_read_links(graph, node, 0, links);
        if (!graph_is_live(graph, node) || link_count == 0) {
            continue;
        }
        memcpy(query_out, graph_values(graph, node, scratch), graph->values_size);
        uint32_t other = links[ky_prng_below(prng, link_count)];
        vector_mix(&graph->codec.options, query_out, graph_values(graph, other, scratch));
        return true;
    }
    return false;
}

static uint32_t
find_truth(struct graph *graph, const void *query, struct vector_hit *truth)
{
    struct vector_search_stats stats = {0};
    const struct vector_search search = {.query = query, .k = K_MAX, .is_alone = true};
    struct exact_search exact;
    struct ky_error err;
    exact_init(&exact, &graph->codec.options, &search, truth, &stats);
    uint32_t count = graph_search_exact(&exact, graph, &err) == KY_OK ? exact_finish(&exact) : 0;
    exact_deinit(&exact);
    return count;
}

static float
share_found(struct graph *graph, const void *query, uint32_t ef, uint32_t k,
            const struct vector_hit *truth, uint32_t truth_count)
{
    struct vector_search_stats stats = {0};
    const struct vector_search search = {.query = query, .k = k, .ef = ef};
    struct vector_hit hits[K_MAX];
    struct measure measure;
    struct graph_search gs;
    struct ky_error err;
    uint32_t count = 0;
    uint32_t wanted = KY_MIN(k, truth_count);
    measure_init(&measure, &graph->codec.options, query);
    ky_epoch_enter();
    graph_search_init(&gs, graph, &search, ef, k, &measure, &stats);
    ky_status status = graph_search_next(&gs, hits, k, &count, &err);
    graph_search_deinit(&gs);
    ky_epoch_leave();
    uint32_t found = 0;
    for (uint32_t i = 0; status == KY_OK && i < count; i++) {
        found += measure_distance(&measure, hits[i].distance) <= truth[wanted - 1].distance;
    }
    measure_deinit(&measure);
    return (float)KY_MIN(found, wanted) / (float)wanted;
}

static void
try_query(struct graph *graph, const void *query, struct calibration *table)
{
    struct vector_hit truth[K_MAX];
    uint32_t truth_count = find_truth(graph, query, truth);
    for (int column = 0; column < 3 && truth_count > 0; column++) {
        for (int i = 0; i < CALIBRATION_STEPS; i++) {
            table->recall[column][i] +=
                share_found(graph, query, ladder[i], ks[column], truth, truth_count);
        }
    }
}

/* More ef never finds less, but for chance. */
static void
finish(struct calibration *table, uint32_t queries)
{
    for (int column = 0; column < 3; column++) {
        float best = 0;
        for (int i = 0; i < CALIBRATION_STEPS; i++) {
            float mean = table->recall[column][i] / (float)queries;
            best = mean > best ? mean : best;
            table->recall[column][i] = best;
        }
    }
}

void
graph_calibrate(struct graph *graph, const struct vector_work *work)
{
    uint32_t nodes = graph_node_count(graph);
    uint32_t queries = LOOKS / (nodes + 1);
    queries = KY_MIN(KY_MAX(queries, (uint32_t)QUERIES_MIN), (uint32_t)QUERIES_MAX);
    struct calibration *table = (struct calibration *)ky_calloc(1, sizeof(*table));
    void *query = ky_malloc(graph->values_size);
    void *scratch = ky_malloc(graph->values_size);
    struct ky_prng prng;
    ky_prng_init(&prng, nodes);
    table->nodes = nodes;
    memcpy(table->ef, ladder, sizeof(ladder));
    uint32_t done = 0;
    for (; done < queries && make_query(graph, &prng, query, scratch); done++) {
        try_query(graph, query, table);
        if (work->progress != NULL) {
            work->progress(work->arg, VECTOR_PHASE_CALIBRATE, done + 1, queries);
        }
    }
    ky_free(query);
    ky_free(scratch);
    if (done == 0) {
        ky_free(table);
        return;
    }
    finish(table, done);
    /* Release pairs with the acquire in graph_search_ef: the table is there. */
    struct calibration *old =
        atomic_exchange_explicit(&graph->calibration, table, memory_order_acq_rel);
    if (old != NULL) {
        ky_epoch_retire(old, ky_free);
    }
}
