/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A search is a pipeline. Nodes are sourced: expanded by the walk, nearly in the order of their
 * keys. They are ranked by their values, when keys are not exact or to know the distance, and wait
 * in a heap. One is popped when enough nodes beyond it have been sourced (slack: that is what ef
 * buys) and ranked (rerank: what makes up for the codes), and only then its rows are shown to
 * accept. What is dead, invisible or filtered out takes no place: more is sourced instead.
 *
 * The first ef nodes come from the pool. After that a heap of everything evaluated is the source.
 * When a filter lets so little through that expanding on would cost more than looking at every
 * node, all nodes not seen yet are evaluated at once; from then on the source is complete.
 */

#include "vector/hnsw/search.h"

#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"

enum {
    RERANK_MIN = 8, /* nodes ranked beyond the hits, and half as many as those */
    CAPACITY_MIN = 64,
    CHECK_EVERY = 256,    /* nodes from one look at is_cancelled to the next */
    SWEEP_TESTS_MIN = 64, /* nodes tested before their share is believed */
    SWEEP_COST = 4,       /* a node at random costs so many times one in a row */
    RUN = 256,
    AHEAD = 3,
};

void
graph_search_init(struct graph_search *gs, struct graph *graph, const struct vector_search *search,
                  uint32_t ef, uint32_t wanted, struct measure *measure,
                  struct vector_search_stats *stats)
{
    *gs = (struct graph_search){
        .graph = graph, .search = search, .stats = stats, .measure = measure, .wanted = wanted};
    ef = KY_MIN(KY_MAX(ef, wanted), (uint32_t)WALK_EF_MAX);
    gs->slack = ef - KY_MIN(ef, wanted);
    gs->walk = walk_begin(graph);
    stats->ef = ef;
    if (atomic_load_explicit(&graph->entry, memory_order_acquire) == NODE_NONE) {
        gs->is_done = true;
        return;
    }
    walk_set_query(gs->walk, search->query, measure);
    gs->rerank = gs->walk->is_exact ? 0 : RERANK_MIN + wanted / 2;
    if (codec_kind(&graph->codec) == VECTOR_CODEC_SIGN) {
        gs->rerank = KY_MAX(gs->rerank, gs->slack); /* signs tell little: all of the pool */
    }
    gs->walk->keeps_spill = true;
    uint32_t key = 0;
    uint32_t from = walk_descend(gs->walk, 0, &key);
    walk_level(gs->walk, 0, ef, from, key);
    gs->sourced = gs->walk->pool.count;
}

void
graph_search_deinit(struct graph_search *gs)
{
    walk_end(gs->walk);
    ky_free(gs->candidates.items);
    ky_free(gs->ranked);
    ky_free(gs->queue);
}

/* ------------------------------------------------------------------ ranking */

static void
ranked_push(struct graph_search *gs, struct ranked item)
{
    if (gs->ranked_count == gs->ranked_capacity) {
        gs->ranked_capacity = KY_MAX(gs->ranked_capacity * 2, (size_t)CAPACITY_MIN);
        gs->ranked =
            (struct ranked *)ky_realloc(gs->ranked, gs->ranked_capacity * sizeof(gs->ranked[0]));
    }
    /* Not a number is the last: nothing is greater than it, and it is not less. */
    size_t at = gs->ranked_count++;
    while (at > 0 && (item.rank < gs->ranked[(at - 1) / 2].rank ||
                      (isnan(gs->ranked[(at - 1) / 2].rank) && !isnan(item.rank)))) {
        gs->ranked[at] = gs->ranked[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    gs->ranked[at] = item;
}

static bool
is_before(const struct ranked *a, const struct ranked *b)
{
    return a->rank < b->rank || (isnan(b->rank) && !isnan(a->rank));
}

static struct ranked
ranked_pop(struct graph_search *gs)
{
    struct ranked *heap = gs->ranked;
    struct ranked top = heap[0];
    struct ranked last = heap[--gs->ranked_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= gs->ranked_count) {
            break;
        }
        if (child + 1 < gs->ranked_count && is_before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!is_before(&heap[child], &last)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

/*
 * Exact keys are in the order of the ranks, and cost nothing more: the rank proper is computed when
 * a node's turn has come. Not with a radius, which asks for the distance to the last bit.
 */
static bool
are_keys_ranks(const struct graph_search *gs)
{
    return gs->walk->is_exact && !gs->walk->is_by_values && !gs->search->has_radius;
}

static double
rank_of_key(const struct graph_search *gs, uint32_t key)
{
    const struct codec *codec = &gs->graph->codec;
    return codec->form == CODE_BITS_JACCARD ? (double)codec_key_value(codec, key) : (double)key;
}

static double
rank_of(struct graph_search *gs, uint32_t node)
{
    gs->stats->reranked++;
    return measure_rank(gs->measure, graph_values(gs->graph, node, gs->walk->scratch));
}

static void
rank_item(struct graph_search *gs, pool_item_t item)
{
    uint32_t node = item_node(item);
    gs->ranked_total++;
    if (!graph_is_live(gs->graph, node)) {
        gs->popped++; /* it is out of the way */
        return;
    }
    double rank = are_keys_ranks(gs) ? rank_of_key(gs, item_key(item)) : rank_of(gs, node);
    ranked_push(gs, (struct ranked){rank, node});
}

static void
prefetch_values(const struct graph_search *gs, size_t at)
{
    const struct items *pool = &gs->walk->pool;
    if (gs->graph->values == NULL || at >= pool->count) {
        return;
    }
    const char *values =
        (const char *)graph_values(gs->graph, item_node(pool->items[at]), gs->walk->scratch);
    for (size_t offset = 0; offset < gs->graph->values_size; offset += 64) {
        __builtin_prefetch(values + offset, 0, 3);
    }
}

static bool
rank_from_pool(struct graph_search *gs)
{
    const struct items *pool = &gs->walk->pool;
    if (gs->pool_at >= pool->count) {
        return false;
    }
    if (!are_keys_ranks(gs)) {
        prefetch_values(gs, gs->pool_at + AHEAD);
    }
    rank_item(gs, pool->items[gs->pool_at++]);
    return true;
}

/* ------------------------------------------------------------------ sourcing on */

/* What the walk saw and had no room for becomes the source. */
static void
go_on(struct graph_search *gs)
{
    struct items spill = gs->walk->spill;
    gs->is_continued = true;
    gs->stats->is_widened = true;
    while (rank_from_pool(gs)) { /* what is in the pool is nearer */
    }
    gs->walk->spill = gs->candidates;
    gs->candidates = spill;
    heap_make(&gs->candidates);
}

static void
sweep(struct graph_search *gs)
{
    uint32_t count = graph_node_count(gs->graph);
    uint32_t nodes[RUN];
    uint32_t keys[RUN];
    gs->is_swept = true;
    gs->stats->is_swept = true;
    for (uint32_t node = 0; node < count;) {
        uint32_t run = 0;
        for (; node < count && run < RUN; node++) {
            if (!walk_has_visited(gs->walk, node) && graph_is_live(gs->graph, node)) {
                nodes[run++] = node;
            }
        }
        walk_keys(gs->walk, nodes, run, keys);
        for (uint32_t i = 0; i < run; i++) {
            items_push(&gs->candidates, item_of(keys[i], nodes[i]));
        }
    }
    heap_make(&gs->candidates);
}

/* Would going on by the graph cost more than evaluating all that is left? */
static bool
is_sweep_cheaper(const struct graph_search *gs)
{
    if (gs->live < SWEEP_TESTS_MIN || gs->hits >= gs->wanted) {
        return false;
    }
    double share = ((double)gs->hits + 0.5) / (double)gs->live;
    double nodes_needed = (double)(gs->wanted - gs->hits) / share;
    double evaluated_per_node = (double)gs->walk->evaluated / (double)(gs->walk->expanded + 1);
    double left = (double)graph_node_count(gs->graph) - (double)gs->walk->evaluated;
    return nodes_needed * evaluated_per_node * SWEEP_COST > left;
}

static void
source_one(struct graph_search *gs)
{
    if (!gs->is_swept && (gs->candidates.count == 0 || is_sweep_cheaper(gs))) {
        sweep(gs);
    }
    if (gs->candidates.count == 0) {
        gs->is_done = true;
        return;
    }
    pool_item_t item = heap_pop(&gs->candidates);
    gs->sourced++;
    if (!gs->is_swept) {
        uint32_t nodes[WALK_LINKS_MAX];
        uint32_t keys[WALK_LINKS_MAX];
        uint32_t count = walk_expand(gs->walk, item_node(item), 0, nodes, keys);
        for (uint32_t i = 0; i < count; i++) {
            heap_push(&gs->candidates, item_of(keys[i], nodes[i]));
        }
    }
    rank_item(gs, item);
}

/*
 * How many nodes must have been sourced before the next is given out. What was popped in vain lies
 * between the hits: to find those as surely among more nodes takes a wider walk.
 */
static uint64_t
nodes_needed(const struct graph_search *gs)
{
    if (gs->is_swept) {
        return gs->popped + 1 + gs->rerank; /* nothing is left to be found */
    }
    uint64_t vain = gs->popped - KY_MIN(gs->popped, gs->hits);
    uint64_t wider = gs->wanted == 0 ? vain : KY_MIN(vain, vain * gs->slack / gs->wanted);
    return gs->popped + 1 + gs->slack + wider;
}

/* Until the nearest ranked node may be given out, or there is no more. */
static void
prepare(struct graph_search *gs)
{
    while (gs->ranked_total < gs->popped + 1 + gs->rerank && rank_from_pool(gs)) {
    }
    while (!gs->is_done && gs->sourced < nodes_needed(gs)) {
        if (!gs->is_continued) {
            go_on(gs);
        }
        source_one(gs);
    }
    while (gs->ranked_count == 0 && rank_from_pool(gs)) {
    }
    while (gs->ranked_count == 0 && !gs->is_done) {
        if (!gs->is_continued) {
            go_on(gs);
        }
        source_one(gs);
    }
}

/* ------------------------------------------------------------------ giving out */

static int
compare_hits(const void *left, const void *right)
{
    const struct vector_hit *a = (const struct vector_hit *)left;
    const struct vector_hit *b = (const struct vector_hit *)right;
    return hit_is_worse(a, b) ? 1 : -1;
}

static bool
accepts(struct graph_search *gs, row_id_t row_id, const void *values, double distance)
{
    const struct vector_search *search = gs->search;
    if (search->accept == NULL) {
        return true;
    }
    gs->stats->tested++;
    bool is_accepted = search->accept(search->arg, row_id, values, distance);
    gs->stats->passed += is_accepted;
    return is_accepted;
}

static void
queue_rows(struct graph_search *gs, const struct ranked *item)
{
    double rank = item->rank;
    double distance = measure_distance(gs->measure, rank);
    const void *values = graph_values(gs->graph, item->node, gs->walk->scratch);
    struct graph_rows rows;
    gs->queue_at = gs->queue_count = 0;
    gs->live++;
    graph_rows_begin(&rows, gs->graph, item->node);
    for (row_id_t row_id = graph_rows_next(&rows); row_id != ROW_ID_NONE;
         row_id = graph_rows_next(&rows)) {
        if (!accepts(gs, row_id, values, distance)) {
            continue;
        }
        if (gs->queue_count == gs->queue_capacity) {
            gs->queue_capacity = KY_MAX(gs->queue_capacity * 2, (size_t)CAPACITY_MIN);
            gs->queue = (struct vector_hit *)ky_realloc(gs->queue,
                                                        gs->queue_capacity * sizeof(gs->queue[0]));
        }
        gs->queue[gs->queue_count++] = (struct vector_hit){row_id, rank};
    }
    gs->hits += gs->queue_count;
    if (gs->queue_count > 0 && are_keys_ranks(gs)) {
        rank = rank_of(gs, item->node);
        for (size_t i = 0; i < gs->queue_count; i++) {
            gs->queue[i].distance = rank;
        }
    }
    if (gs->queue_count > 1) {
        qsort(gs->queue, gs->queue_count, sizeof(gs->queue[0]), compare_hits);
    }
}

/* False at the end. */
static bool
pop_node(struct graph_search *gs)
{
    prepare(gs);
    if (gs->ranked_count == 0) {
        return false;
    }
    struct ranked item = ranked_pop(gs);
    gs->popped++;
    double distance = measure_distance(gs->measure, item.rank);
    if (gs->search->has_radius && !(distance <= gs->search->radius)) {
        gs->is_done = true;
        gs->ranked_count = 0;
        gs->pool_at = gs->walk->pool.count;
        return false;
    }
    queue_rows(gs, &item);
    return true;
}

ky_status
graph_search_next(struct graph_search *gs, struct vector_hit *hits, uint32_t max, bool must_fill,
                  uint32_t *count_out, struct ky_error *err)
{
    uint32_t found = 0;
    bool has_more = true;
    for (uint32_t steps = 1; found < max && has_more; steps++) {
        while (gs->queue_at < gs->queue_count && found < max) {
            hits[found++] = gs->queue[gs->queue_at++];
        }
        if (found == max) {
            break;
        }
        if (steps % CHECK_EVERY == 0 && search_is_cancelled(gs->search)) {
            return search_set_cancelled(err);
        }
        if (steps % CHECK_EVERY == 0 && !must_fill && found > 0) {
            break;
        }
        has_more = pop_node(gs);
    }
    gs->stats->visited = gs->walk->evaluated;
    gs->stats->expanded = gs->walk->expanded;
    *count_out = found;
    return KY_OK;
}

/* ------------------------------------------------------------------ exactly */

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

/* ------------------------------------------------------------------ ef */

/* The smallest ef that reached the recall on held-out queries, between two that were tried; a
 * little more than the highest when none did. */
static uint32_t
calibrated_ef(const struct calibration *table, float target, uint32_t k)
{
    int column = k <= 3 ? 0 : k <= 30 ? 1 : 2;
    if (table == NULL) {
        return 2 * VECTOR_EF_DEFAULT;
    }
    for (uint32_t i = 0; i < CALIBRATION_STEPS; i++) {
        float recall = table->recall[column][i];
        if (recall >= target) {
            if (i == 0) {
                return table->ef[0];
            }
            float below = table->recall[column][i - 1];
            float part = recall > below ? (target - below) / (recall - below) : 1;
            float ef = (float)table->ef[i - 1] + part * (float)(table->ef[i] - table->ef[i - 1]);
            return (uint32_t)(ef + 1);
        }
    }
    return 2 * table->ef[CALIBRATION_STEPS - 1];
}

/* Inside the epoch. */
uint32_t
graph_search_ef(const struct graph *graph, const struct vector_search *search, uint32_t k)
{
    uint32_t ef = search->ef;
    if (ef == 0) {
        ef = search->target_recall > 0
                 ? calibrated_ef(atomic_load_explicit(&graph->calibration, memory_order_acquire),
                                 search->target_recall, k)
                 : VECTOR_EF_DEFAULT;
    }
    return KY_MAX(ef, k);
}
