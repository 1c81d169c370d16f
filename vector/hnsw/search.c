/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A search is a pipeline. Nodes are sourced: expanded by the walk, nearly in the order of their
 * keys. In that order they come, each when enough nodes beyond it have been sourced (slack: that is
 * what ef buys). Of those that are live and whose row passes the test (many are asked about at
 * once, before a vector is decoded) the rank is computed, from the values when keys are not exact,
 * and they wait in a heap. One is popped when enough others have come after it (rerank: what makes
 * up for the codes), and only then it is shown to accept. What is dead, invisible or filtered out
 * takes no place: more is sourced instead.
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
    BATCH = 16,        /* nodes that are tested at once */
    REFUSED_SHARE = 4, /* see may_come */
};

static uint32_t
rerank_of(const struct walk *walk, uint32_t wanted)
{
    return walk->is_exact ? 0 : RERANK_MIN + wanted / 2;
}

uint32_t
graph_search_least(const struct walk *walk, uint32_t wanted)
{
    return wanted + rerank_of(walk, wanted);
}

/* Without a source yet. */
static void
begin(struct graph_search *gs, struct graph *graph, const struct vector_search *search, uint32_t ef,
      uint32_t wanted, struct measure *measure, struct vector_search_stats *stats)
{
    *gs = (struct graph_search){
        .graph = graph, .search = search, .stats = stats, .measure = measure, .wanted = wanted};
    gs->slack = ef - KY_MIN(ef, wanted);
    gs->walk = walk_begin(graph);
    stats->ef = ef;
    walk_set_query(gs->walk, search->query, measure);
    gs->rerank = rerank_of(gs->walk, wanted);
    if (codec_kind(&graph->codec) == VECTOR_CODEC_SIGN) {
        gs->rerank = KY_MAX(gs->rerank, gs->slack); /* signs tell little: all of the pool */
    }
}

void
graph_search_init(struct graph_search *gs, struct graph *graph, const struct vector_search *search,
                  uint32_t ef, uint32_t wanted, struct measure *measure,
                  struct vector_search_stats *stats)
{
    ef = KY_MIN(KY_MAX(ef, wanted), (uint32_t)WALK_EF_MAX);
    begin(gs, graph, search, ef, wanted, measure, stats);
    if (atomic_load_explicit(&graph->entry, memory_order_acquire) == NODE_NONE) {
        gs->is_done = true;
        return;
    }
    gs->walk->keeps_spill = true;
    uint32_t key = 0;
    uint32_t from = walk_descend(gs->walk, 0, &key);
    walk_level(gs->walk, 0, ef, from, key);
    gs->sourced = gs->walk->pool.count;
}

void
graph_search_init_pool(struct graph_search *gs, struct graph *graph,
                       const struct vector_search *search, const pool_item_t *items, uint32_t count,
                       uint32_t wanted, struct measure *measure, struct vector_search_stats *stats)
{
    begin(gs, graph, search, KY_MAX(count, wanted), wanted, measure, stats);
    for (uint32_t i = 0; i < count; i++) {
        items_push(&gs->walk->pool, items[i]);
    }
    gs->sourced = count;
    gs->is_done = true;
}

void
graph_search_deinit(struct graph_search *gs)
{
    walk_end(gs->walk);
    ky_free(gs->candidates.items);
    ky_free(gs->waiting.items);
    ky_free(gs->ranked);
    ky_free(gs->queue);
}

/* ------------------------------------------------------------------ ranking */

/* Not a number is the last. */
static bool
is_before(const struct ranked *a, const struct ranked *b)
{
    return a->rank < b->rank || (isnan(b->rank) && !isnan(a->rank));
}

static void
ranked_push(struct graph_search *gs, struct ranked item)
{
    if (gs->ranked_count == gs->ranked_capacity) {
        gs->ranked_capacity = KY_MAX(gs->ranked_capacity * 2, (size_t)CAPACITY_MIN);
        gs->ranked =
            (struct ranked *)ky_realloc(gs->ranked, gs->ranked_capacity * sizeof(gs->ranked[0]));
    }
    size_t at = gs->ranked_count++;
    while (at > 0 && is_before(&item, &gs->ranked[(at - 1) / 2])) {
        gs->ranked[at] = gs->ranked[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    gs->ranked[at] = item;
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

/* Testing is by the batch; without a filter no more is ranked than is needed. Nor with a radius:
 * where it is reached is told by the ranks of all. */
static uint32_t
batch_size(const struct graph_search *gs)
{
    return gs->search->test != NULL && !gs->search->has_radius ? BATCH : 1;
}

/* Whose only row fails is out; nodes with several rows are tested when their turn has come. */
static void
test_items(struct graph_search *gs, const pool_item_t *items, uint32_t count, row_id_t *row_ids_out,
           bool *passes_out)
{
    row_id_t asked[BATCH] = {ROW_ID_NONE};
    bool answers[BATCH];
    uint32_t asked_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        row_ids_out[i] = graph_only_row(gs->graph, item_node(items[i]));
        if (row_ids_out[i] != ROW_ID_NONE) {
            asked[asked_count++] = row_ids_out[i];
        }
    }
    search_test(gs->search, gs->stats, asked, asked_count, answers);
    gs->tested += asked_count;
    for (uint32_t i = 0, at = 0; i < count; i++) {
        passes_out[i] = row_ids_out[i] == ROW_ID_NONE || answers[at++];
        gs->passed += row_ids_out[i] != ROW_ID_NONE && passes_out[i];
        gs->refused += !passes_out[i];
    }
}

static void
rank_items(struct graph_search *gs, const pool_item_t *items, uint32_t count)
{
    row_id_t row_ids[BATCH] = {ROW_ID_NONE};
    bool passes[BATCH];
    memset(passes, true, sizeof(passes));
    if (batch_size(gs) > 1) {
        test_items(gs, items, count, row_ids, passes);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = item_node(items[i]);
        uint32_t place = (uint32_t)gs->come++;
        if (!passes[i] || !graph_is_live(gs->graph, node)) {
            continue;
        }
        double rank = are_keys_ranks(gs) ? rank_of_key(gs, item_key(items[i])) : rank_of(gs, node);
        ranked_push(gs, (struct ranked){rank, row_ids[i], node, item_key(items[i]), place});
    }
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

/* The waiting nodes that are nearest by key. */
static uint32_t
next_waiting(struct graph_search *gs, pool_item_t items[BATCH])
{
    const struct items *pool = &gs->walk->pool;
    uint32_t count = 0;
    if (gs->pool_at < pool->count && !are_keys_ranks(gs)) {
        prefetch_values(gs, gs->pool_at + AHEAD);
    }
    while (count < batch_size(gs) && gs->pool_at < pool->count) {
        items[count++] = pool->items[gs->pool_at++];
    }
    while (count < batch_size(gs) && gs->waiting.count > 0) {
        items[count++] = heap_pop(&gs->waiting);
    }
    return count;
}

static bool
has_waiting(const struct graph_search *gs, uint32_t *key_out)
{
    const struct items *pool = &gs->walk->pool;
    if (gs->pool_at < pool->count) {
        *key_out = item_key(pool->items[gs->pool_at]);
        return true;
    }
    if (gs->waiting.count > 0) {
        *key_out = item_key(gs->waiting.items[0]);
        return true;
    }
    return false;
}

/* ------------------------------------------------------------------ sourcing on */

/* What the walk saw and had no room for becomes the source. */
static void
go_on(struct graph_search *gs)
{
    const struct items *pool = &gs->walk->pool;
    struct items spill = gs->walk->spill;
    gs->is_continued = true;
    gs->stats->is_widened = true;
    while (gs->pool_at < pool->count) {
        heap_push(&gs->waiting, pool->items[gs->pool_at++]);
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
    gs->stats->is_swept = true;
    gs->is_done = true;
    for (size_t i = 0; i < gs->candidates.count; i++) {
        items_push(&gs->waiting, gs->candidates.items[i]);
    }
    for (uint32_t node = 0; node < count;) {
        uint32_t run = 0;
        for (; node < count && run < RUN; node++) {
            if (!walk_has_visited(gs->walk, node) && graph_is_live(gs->graph, node)) {
                nodes[run++] = node;
            }
        }
        walk_keys(gs->walk, nodes, run, keys);
        for (uint32_t i = 0; i < run; i++) {
            items_push(&gs->waiting, item_of(keys[i], nodes[i]));
        }
    }
    heap_make(&gs->waiting);
}

/* Nodes that come for each one that gives a hit, as far as can be told. */
static double
nodes_per_hit(const struct graph_search *gs)
{
    double nodes = 1;
    if (gs->tested >= SWEEP_TESTS_MIN) {
        nodes = (double)gs->tested / ((double)gs->passed + 0.5);
    }
    if (gs->live >= SWEEP_TESTS_MIN) {
        nodes *= (double)gs->live / ((double)gs->hits + 0.5);
    }
    return nodes;
}

/* Would going on by the graph cost more than evaluating all that is left? */
static bool
is_sweep_cheaper(const struct graph_search *gs)
{
    uint64_t known = gs->hits + gs->ranked_count;
    if (known >= gs->wanted) {
        return false;
    }
    double needed = (double)(gs->wanted - known) * nodes_per_hit(gs);
    double evaluated_per_node = (double)gs->walk->evaluated / (double)(gs->walk->expanded + 1);
    double left = (double)graph_node_count(gs->graph) - (double)gs->walk->evaluated;
    return needed * evaluated_per_node * SWEEP_COST > left;
}

static bool
has_given_up(struct graph_search *gs)
{
    const uint32_t max = gs->search->tests_max;
    if (max != 0 && gs->tested >= SWEEP_TESTS_MIN && gs->hits + gs->ranked_count < gs->wanted &&
        nodes_per_hit(gs) * (double)gs->wanted > (double)max) {
        gs->stats->is_given_up = true;
    }
    return gs->stats->is_given_up;
}

static void
source_one(struct graph_search *gs)
{
    if (gs->candidates.count == 0 || is_sweep_cheaper(gs)) {
        if (gs->search->tests_max != 0) {
            gs->stats->is_given_up = true;
        } else {
            sweep(gs);
        }
        return;
    }
    uint32_t nodes[WALK_LINKS_MAX];
    uint32_t keys[WALK_LINKS_MAX];
    pool_item_t item = heap_pop(&gs->candidates);
    uint32_t found = walk_expand(gs->walk, item_node(item), 0, nodes, keys);
    for (uint32_t i = 0; i < found; i++) {
        heap_push(&gs->candidates, item_of(keys[i], nodes[i]));
    }
    heap_push(&gs->waiting, item);
    gs->sourced++;
}

/*
 * Have enough nodes been sourced for the next one to come? What came in vain lies between the hits:
 * to find those as surely among more nodes takes a wider walk. For what a filter refused a quarter
 * of it does: 20,000 x 784, ef 40, 10 % pass, anywhere, near the query and far from it, have recall
 * 0.98, 0.98 and 0.93; with all of it 0.98, 0.95 and 0.96; without a filter it is 0.93. Deleted
 * rows are not there in a graph built anew, which is what the result is compared with: for them the
 * walk is as wide as if it looked for that many more.
 */
static bool
may_come(const struct graph_search *gs)
{
    uint64_t place = gs->come - KY_MIN(gs->come, (uint64_t)gs->rerank);
    uint64_t vain = place - KY_MIN(place, gs->hits + gs->ranked_count);
    uint64_t refused = KY_MIN(vain, gs->refused);
    uint64_t gone = vain - refused;
    uint64_t wider =
        refused / REFUSED_SHARE + (gs->wanted == 0 ? gone : gone + gone * gs->slack / gs->wanted);
    return gs->is_done || gs->sourced > place + gs->slack + wider;
}

/* May the nearest ranked node be given out? */
static bool
has_top(const struct graph_search *gs)
{
    uint32_t key = 0;
    if (gs->ranked_count == 0) {
        return false;
    }
    if (!has_waiting(gs, &key)) {
        return gs->is_done || gs->come > gs->ranked[0].place + (uint64_t)gs->rerank;
    }
    return key >= gs->ranked[0].key && gs->come > gs->ranked[0].place + (uint64_t)gs->rerank;
}

/* Until the nearest ranked node may be given out, or there is no more. */
static void
prepare(struct graph_search *gs)
{
    uint32_t key = 0;
    for (uint32_t steps = 1; !has_top(gs); steps++) {
        if (has_waiting(gs, &key) && may_come(gs)) {
            pool_item_t items[BATCH];
            rank_items(gs, items, next_waiting(gs, items));
        } else if (gs->is_done || has_given_up(gs)) {
            return;
        } else if (!gs->is_continued) {
            go_on(gs);
        } else {
            source_one(gs);
        }
        if (steps % CHECK_EVERY == 0 && search_is_cancelled(gs->search)) {
            gs->is_cancelled = true;
            return;
        }
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

static void
queue_push(struct graph_search *gs, struct vector_hit hit)
{
    if (gs->queue_count == gs->queue_capacity) {
        gs->queue_capacity = KY_MAX(gs->queue_capacity * 2, (size_t)CAPACITY_MIN);
        gs->queue =
            (struct vector_hit *)ky_realloc(gs->queue, gs->queue_capacity * sizeof(gs->queue[0]));
    }
    gs->queue[gs->queue_count++] = hit;
}

/* Some rows of one node; its vector is decoded when one of them passes. */
static void
queue_batch(struct graph_search *gs, const struct ranked *item, const row_id_t *row_ids,
            uint32_t count)
{
    bool passes[VECTOR_TEST_MAX];
    const void *values = NULL;
    double distance = measure_distance(gs->measure, item->rank);
    if (count == 1 && row_ids[0] == item->row_id) {
        passes[0] = true; /* asked before */
    } else {
        search_test(gs->search, gs->stats, row_ids, count, passes);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!passes[i]) {
            continue;
        }
        if (values == NULL) {
            values = graph_values(gs->graph, item->node, gs->walk->scratch);
        }
        if (search_accepts(gs->search, gs->stats, row_ids[i], values, distance)) {
            queue_push(gs, (struct vector_hit){row_ids[i], item->rank});
        }
    }
}

static void
queue_rows(struct graph_search *gs, const struct ranked *item)
{
    row_id_t row_ids[VECTOR_TEST_MAX];
    uint32_t count = 0;
    struct graph_rows rows;
    gs->queue_at = gs->queue_count = 0;
    gs->live++;
    graph_rows_begin(&rows, gs->graph, item->node);
    for (row_id_t row_id = graph_rows_next(&rows); row_id != ROW_ID_NONE;
         row_id = graph_rows_next(&rows)) {
        row_ids[count++] = row_id;
        if (count == VECTOR_TEST_MAX) {
            queue_batch(gs, item, row_ids, count);
            count = 0;
        }
    }
    if (count > 0) {
        queue_batch(gs, item, row_ids, count);
    }
    gs->hits += gs->queue_count;
    gs->refused += gs->queue_count == 0 && gs->search->test != NULL &&
                   item->row_id == ROW_ID_NONE; /* the others were asked about before */
    if (gs->queue_count > 0 && are_keys_ranks(gs)) {
        double rank = rank_of(gs, item->node);
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
    if (gs->ranked_count == 0 || gs->stats->is_given_up || gs->is_cancelled) {
        return false;
    }
    struct ranked item = ranked_pop(gs);
    double distance = measure_distance(gs->measure, item.rank);
    if (gs->search->has_radius && !(distance <= gs->search->radius)) {
        gs->is_done = true;
        gs->ranked_count = 0;
        gs->pool_at = gs->walk->pool.count;
        gs->waiting.count = 0;
        return false;
    }
    queue_rows(gs, &item);
    return true;
}

ky_status
graph_search_next(struct graph_search *gs, struct vector_hit *hits, uint32_t max,
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
        has_more = pop_node(gs);
        if (gs->is_cancelled) {
            return search_set_cancelled(err);
        }
    }
    gs->stats->visited = gs->walk->evaluated;
    gs->stats->expanded = gs->walk->expanded;
    *count_out = found;
    return KY_OK;
}
