/* SPDX-License-Identifier: Apache-2.0 */

/* A graph searched without its links: every node, in order. */

#include <math.h>

#include "server/base/epoch.h"
#include "vector/hnsw/search.h"

enum { RUN = 256 };

/*
 * Which keys are too high for the best. By exact codes a key is the rank, up to the rounding of
 * sums of floats that ranks are. By codes with errors the triangle inequality holds: the vectors
 * are at least as far apart as their codes, less both errors; again with room for rounding. The
 * result is the same as if every vector had been looked at.
 */
struct key_bound {
    bool is_exact;
    bool has_errors;
    double query_error;
};

#define ROUNDING 1e-4

static struct key_bound
make_bound(const struct walk *walk, const struct vector_search *search)
{
    const struct codec *codec = &walk->graph->codec;
    struct key_bound bound = {0};
    if (!walk->is_by_values && codec->form <= CODE_BITS_HAMMING) {
        bound.is_exact = walk->is_exact;
        bound.has_errors = !walk->is_exact && walk->graph->errors != NULL;
        bound.query_error = (double)codec_error(codec, search->query, walk->query);
    }
    return bound;
}

static bool
may_enter(const struct exact_search *exact, const struct graph *graph,
          const struct key_bound *bound, uint32_t node, uint32_t key)
{
    if (bound->is_exact) {
        return !((double)key * (1 - ROUNDING) > exact->threshold);
    }
    double apart = (double)graph->codec.step * sqrt((double)key) * (1 - ROUNDING) -
                   bound->query_error - (double)graph->errors[node];
    /* Vectors of length one are as far apart, squared, as twice their cosine distance. */
    double limit =
        exact->measure.metric == VECTOR_COSINE ? 2 * exact->threshold + ROUNDING : exact->threshold;
    return !(apart > 0 && apart * apart * (1 - ROUNDING) > limit);
}

static void
consider_node(struct exact_search *exact, struct graph *graph, uint32_t node, void *scratch)
{
    const void *values = graph_values(graph, node, scratch);
    double rank = measure_rank(&exact->measure, values);
    struct graph_rows rows;
    graph_rows_begin(&rows, graph, node);
    for (row_id_t row_id = graph_rows_next(&rows); row_id != ROW_ID_NONE;
         row_id = graph_rows_next(&rows)) {
        exact_consider(exact, row_id, values, rank);
    }
}

static void
search_run(struct exact_search *exact, struct walk *walk, const struct key_bound *bound,
           uint32_t first, uint32_t end)
{
    uint32_t nodes[RUN];
    uint32_t keys[RUN];
    uint32_t count = 0;
    for (uint32_t node = first; node < end; node++) {
        if (graph_is_live(walk->graph, node)) {
            nodes[count++] = node;
        }
    }
    exact->stats->delta_scanned += count;
    if (count == 0) {
        return;
    }
    bool has_keys = bound->is_exact || bound->has_errors;
    if (has_keys) {
        walk_keys(walk, nodes, count, keys);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!has_keys || may_enter(exact, walk->graph, bound, nodes[i], keys[i])) {
            consider_node(exact, walk->graph, nodes[i], walk->scratch);
        }
    }
}

ky_status
graph_search_exact(struct exact_search *exact, struct graph *graph, struct ky_error *err)
{
    ky_status status = KY_OK;
    if (exact->search->k == 0) {
        return KY_OK;
    }
    struct walk *walk = walk_begin(graph);
    walk_set_query(walk, exact->search->query, &exact->measure);
    const struct key_bound bound = make_bound(walk, exact->search);
    uint32_t count = graph_node_count(graph);
    for (uint32_t first = 0; first < count && status == KY_OK; first += RUN) {
        ky_epoch_enter();
        search_run(exact, walk, &bound, first, KY_MIN(first + RUN, count));
        ky_epoch_leave();
        if (search_is_cancelled(exact->search)) {
            status = search_set_cancelled(err);
        }
    }
    walk_end(walk);
    return status;
}
