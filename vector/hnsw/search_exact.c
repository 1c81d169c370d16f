/* SPDX-License-Identifier: Apache-2.0 */

/* A graph searched without its links: every node, in order. */

#include <math.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "vector/hnsw/search.h"

enum { RUN = 256, PART = VECTOR_TEST_MAX };

/*
 * Which keys are too high for the best. By exact codes a key is the rank, up to the rounding of
 * sums of floats that ranks are. By codes with errors the triangle inequality holds: the vectors
 * are at least as far apart as their codes, less both errors; again with room for rounding. The
 * result is the same as if every vector had been looked at.
 *
 * What is bounded is the distance that the codes are about. For cosine and inner product it is L2
 * of other vectors: |a - b|^2 = scale * rank + offset.
 */
struct key_bound {
    bool is_exact;
    bool has_errors;
    bool is_l1;
    float unit; /* of a key: 1 or the step; see codec_key_value */
    double query_error;
    double scale, offset;
};

#define ROUNDING 1e-4

static struct key_bound
make_bound(const struct walk *walk, const struct exact_search *exact)
{
    const struct codec *codec = &walk->graph->codec;
    struct key_bound bound = {.scale = 1, .unit = codec->has_extra ? 1 : codec->step};
    if (walk->is_by_values || codec->form > CODE_BITS_HAMMING) {
        return bound;
    }
    bound.is_exact = walk->is_exact;
    bound.has_errors = !walk->is_exact && walk->graph->errors != NULL;
    bound.is_l1 = codec->form == CODE_BYTES_L1;
    bound.query_error = (double)codec_query_error(codec, exact->search->query, walk->query);
    if (codec->options.metric == VECTOR_COSINE) {
        /* Vectors of length one are as far apart, squared, as twice their cosine distance. */
        bound.scale = 2;
        bound.offset = ROUNDING;
    } else if (codec->options.metric == VECTOR_INNER_PRODUCT) {
        /* All are as long as the longest by their further dimension, which the query has not. */
        const float *query = exact->measure.query;
        double norms =
            (double)codec->floats->inner_product(query, query, exact->measure.dimension) +
            (double)codec->norm_squared_max;
        bound.scale = 2;
        bound.offset = norms * (1 + ROUNDING);
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
    double value = (double)codec_key_value(&graph->codec, key);
    double codes = (double)bound->unit * (bound->is_l1 ? value : sqrt(value));
    double apart = codes * (1 - ROUNDING) - bound->query_error - (double)graph->errors[node];
    if (bound->is_l1) {
        return !(apart * (1 - ROUNDING) > exact->threshold);
    }
    double limit = bound->scale * exact->threshold + bound->offset;
    return !(apart > 0 && apart * apart * (1 - ROUNDING) > limit);
}

/* Of a part of a run: the nodes that may be among the best. Parts are small because the threshold
 * falls as the best are found. */
struct part {
    uint32_t nodes[PART];
    row_id_t row_ids[PART]; /* the only row, which has passed the test; ROW_ID_NONE: to be tested */
    uint32_t count;
};

/* Without nodes of one row whose row fails. */
static void
keep_passing(struct exact_search *exact, const struct graph *graph, struct part *part)
{
    uint32_t kept = 0;
    row_id_t asked[PART] = {ROW_ID_NONE};
    bool passes[PART];
    uint32_t asked_count = 0;
    for (uint32_t i = 0; i < part->count; i++) {
        part->row_ids[i] = graph_only_row(graph, part->nodes[i]);
        if (part->row_ids[i] != ROW_ID_NONE) {
            asked[asked_count++] = part->row_ids[i];
        }
    }
    search_test(exact->search, exact->stats, asked, asked_count, passes);
    for (uint32_t i = 0, at = 0; i < part->count; i++) {
        if (part->row_ids[i] == ROW_ID_NONE || passes[at++]) {
            part->nodes[kept] = part->nodes[i];
            part->row_ids[kept++] = part->row_ids[i];
        }
    }
    part->count = kept;
}

static void
consider_node(struct exact_search *exact, const struct graph *graph, const struct part *part,
              uint32_t at, const void *values, double rank)
{
    struct graph_rows rows;
    if (exact->is_draft) {
        exact_consider(exact, part->nodes[at], values, rank);
        return;
    }
    if (part->row_ids[at] != ROW_ID_NONE) {
        exact->is_tested = true;
        exact_consider(exact, part->row_ids[at], values, rank);
        exact->is_tested = false;
        return;
    }
    graph_rows_begin(&rows, graph, part->nodes[at]);
    for (row_id_t row_id = graph_rows_next(&rows); row_id != ROW_ID_NONE;
         row_id = graph_rows_next(&rows)) {
        exact_consider(exact, row_id, values, rank);
    }
}

/* Four at a time as long as their values lie in memory as floats. */
static void
consider_part(struct exact_search *exact, const struct graph *graph, const struct part *part,
              void *scratch)
{
    uint32_t i = 0;
    bool has_floats = graph->values != NULL && exact->measure.element == VECTOR_F32;
    for (; has_floats && i + 4 <= part->count; i += 4) {
        const float *rows[4];
        double ranks[4];
        for (uint32_t j = 0; j < 4; j++) {
            rows[j] = (const float *)graph_values(graph, part->nodes[i + j], scratch);
        }
        measure_ranks_4(&exact->measure, rows, ranks);
        for (uint32_t j = 0; j < 4; j++) {
            consider_node(exact, graph, part, i + j, rows[j], ranks[j]);
        }
    }
    for (; i < part->count; i++) {
        const void *values = graph_values(graph, part->nodes[i], scratch);
        consider_node(exact, graph, part, i, values, measure_rank(&exact->measure, values));
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
    for (uint32_t at = 0; at < count; at += PART) {
        struct part part;
        part.count = 0;
        for (uint32_t i = at; i < KY_MIN(at + PART, count); i++) {
            if (!has_keys || may_enter(exact, walk->graph, bound, nodes[i], keys[i])) {
                part.row_ids[part.count] = ROW_ID_NONE;
                part.nodes[part.count++] = nodes[i];
            }
        }
        if (exact->search->test != NULL) {
            keep_passing(exact, walk->graph, &part);
        }
        consider_part(exact, walk->graph, &part, walk->scratch);
    }
}

/* One thread's. */
struct node_search {
    struct walk *walk;
    struct key_bound bound;
};

static void *
nodes_begin(void *places, struct exact_search *exact)
{
    struct node_search *nodes = (struct node_search *)ky_malloc(sizeof(*nodes));
    nodes->walk = walk_begin((struct graph *)places);
    walk_set_query(nodes->walk, exact->search->query, &exact->measure);
    nodes->bound = make_bound(nodes->walk, exact);
    return nodes;
}

static void
nodes_run(void *work, struct exact_search *exact, uint64_t first, uint64_t end)
{
    struct node_search *nodes = (struct node_search *)work;
    ky_epoch_enter();
    search_run(exact, nodes->walk, &nodes->bound, (uint32_t)first, (uint32_t)end);
    ky_epoch_leave();
}

static void
nodes_consider(void *work, struct exact_search *exact, uint64_t place)
{
    nodes_run(work, exact, place, place + 1);
}

static void
nodes_end(void *work)
{
    struct node_search *nodes = (struct node_search *)work;
    walk_end(nodes->walk);
    ky_free(nodes);
}

ky_status
graph_search_exact(struct exact_search *exact, struct graph *graph, struct ky_error *err)
{
    const struct exact_space space = {.place_count = graph_node_count(graph),
                                      .run_places = RUN,
                                      .place_size = graph->codec.stride,
                                      .places = graph,
                                      .begin = nodes_begin,
                                      .run = nodes_run,
                                      .consider = nodes_consider,
                                      .end = nodes_end};
    return exact_search_space(exact, &space, err);
}

void
graph_search_exact_together(struct exact_search *exacts, uint32_t count, struct graph *graph)
{
    void *works[EXACT_TOGETHER];
    const uint64_t nodes = graph_node_count(graph);
    KY_ASSERT(count <= EXACT_TOGETHER);
    for (uint32_t i = 0; i < count; i++) {
        works[i] = nodes_begin(graph, &exacts[i]);
    }
    for (uint64_t first = 0; first < nodes; first += RUN) {
        for (uint32_t i = 0; i < count; i++) {
            nodes_run(works[i], &exacts[i], first, KY_MIN(first + RUN, nodes));
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        nodes_end(works[i]);
    }
}
