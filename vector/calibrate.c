/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What ef gives which recall, measured when a graph is made: vectors are searched for, the true
 * nearest by looking at all, and the share of them that each ef of a ladder finds.
 *
 * A build holds some nodes back and links them last: until then they are what a new query is, near
 * to the graph and no part of it. So are nodes that upkeep is about to link.
 *
 * A vector that is in the graph is not quite like one that is new, and serves only where there is
 * no other. If the walk does not see its node, those around it lack a neighbour that a new query's
 * would not lack: the recall is too low. If the walk may go through it, all of its neighbours are
 * one step away: too high. Each is done with every other vector, and what is left of the two errors
 * is mostly small (bench_vector_life).
 */

#include <math.h>

#include "server/base/arena.h"
#include "server/base/cpu.h"
#include "server/base/epoch.h"
#include "server/base/map.h"
#include "server/base/mutex.h"
#include "server/base/random.h"
#include "vector/collection_private.h"
#include "vector/hnsw/build.h"
#include "vector/hnsw/search.h"

enum {
    K_MAX = 100,
    OWN_MAX = 16, /* rows of a node that is searched for */
    TRIES = 64,
    THREADS_MAX = 64,
    QUERIES_MIN = 200,
    QUERIES_MAX = 600,
    LOOKS = 12000000, /* vectors looked at for the truth, about */
};

static const uint32_t ladders[CALIBRATION_COLUMNS][CALIBRATION_STEPS] = {
    {1, 2, 3, 4, 6, 10, 16, 24, 40, 64, 96, 160, 256, 512},
    {10, 12, 14, 16, 20, 24, 32, 40, 64, 96, 128, 192, 256, 512},
    {30, 34, 38, 42, 48, 56, 64, 80, 96, 128, 192, 256, 384, 512},
    {100, 110, 120, 130, 140, 150, 160, 180, 200, 240, 300, 384, 512, 768},
};

/* What is asked of each query: of some ks the share that some efs find, row by row. */
struct ladders {
    int columns;
    int steps;
    const uint32_t *ks;  /* by column */
    const uint32_t *efs; /* by column and step; ascending in each column */
};
static const struct ladders all_ladders = {CALIBRATION_COLUMNS, CALIBRATION_STEPS, calibration_ks,
                                           &ladders[0][0]};

/* A vector of a node, searched for as if it were not there. */
struct held_out {
    uint32_t node;
    row_id_t own[OWN_MAX]; /* the node's rows, if it is linked */
    uint32_t own_count;
    bool is_linked;
    bool is_seen; /* is linked, and the walk may go through it */
    const void *values;
    uint32_t truth_count;
    struct vector_hit truth[K_MAX + OWN_MAX];
};

static bool
is_own(const struct held_out *query, row_id_t row_id)
{
    for (uint32_t i = 0; i < query->own_count; i++) {
        if (query->own[i] == row_id) {
            return true;
        }
    }
    return false;
}

/* False: it has none, or too many. */
static bool
note_own_rows(const struct graph *graph, uint32_t node, struct held_out *query)
{
    struct graph_rows rows;
    row_id_t row_id;
    query->own_count = 0;
    ky_epoch_enter();
    graph_rows_begin(&rows, graph, node);
    while ((row_id = graph_rows_next(&rows)) != ROW_ID_NONE && query->own_count < OWN_MAX) {
        query->own[query->own_count++] = row_id;
    }
    ky_epoch_leave();
    return query->own_count > 0 && row_id == ROW_ID_NONE;
}

/* A linked node that a search can be asked for as if it were not there. False: none was found. */
static bool
choose_node(const struct graph *graph, struct ky_prng *prng, struct held_out *query)
{
    const uint32_t count = graph_node_count(graph);
    const uint32_t entry = (uint32_t)atomic_load_explicit(&graph->entry, memory_order_acquire);
    for (int i = 0; i < TRIES && count > 0; i++) {
        const uint32_t node = (uint32_t)ky_prng_below(prng, count);
        if (graph->levels[node] == 0 && node != entry && note_own_rows(graph, node, query)) {
            query->node = node;
            return true;
        }
    }
    return false;
}

/* vector_test: the rows that a walk can come to. */
static void
is_not_hidden(void *arg, const row_id_t *row_ids, uint32_t count, bool *passes_out)
{
    const struct ky_map64 *hidden = (const struct ky_map64 *)arg;
    for (uint32_t i = 0; i < count; i++) {
        passes_out[i] = ky_map64_find(hidden, row_ids[i]) == NULL;
    }
}

/* The nearest rows but the node's own, and those that are hidden. */
static void
find_truths(struct graph *graph, struct ky_map64 *hidden, struct held_out *queries, uint32_t count)
{
    struct vector_search_stats stats[EXACT_TOGETHER] = {0};
    struct vector_search searches[EXACT_TOGETHER];
    struct exact_search exacts[EXACT_TOGETHER];
    for (uint32_t q = 0; q < count; q++) {
        searches[q] = (struct vector_search){.query = queries[q].values,
                                             .k = K_MAX + queries[q].own_count,
                                             .test = hidden->count > 0 ? is_not_hidden : NULL,
                                             .arg = hidden};
        exact_init(&exacts[q], &graph->codec.options, &searches[q], queries[q].truth, &stats[q]);
    }
    graph_search_exact_together(exacts, count, graph);
    for (uint32_t q = 0; q < count; q++) {
        struct held_out *query = &queries[q];
        const uint32_t found = exact_finish(&exacts[q]);
        exact_deinit(&exacts[q]);
        query->truth_count = 0;
        for (uint32_t i = 0; i < found && query->truth_count < K_MAX; i++) {
            if (!is_own(query, query->truth[i].row_id)) {
                query->truth[query->truth_count++] = query->truth[i];
            }
        }
    }
}

/* ------------------------------------------------------------------ what each ef finds */

enum { RUNGS_MAX = CALIBRATION_COLUMNS * CALIBRATION_STEPS };

/* A query's walk up the ladders. */
struct climb {
    struct graph *graph;
    const struct held_out *query;
    struct walk *walk;
    struct measure *measure;
    const struct ladders *ladders;
    float *sums; /* as the ladders' efs */
    /* How far the walk is when a search with the ef of each step is over. */
    uint32_t ends[CALIBRATION_COLUMNS][CALIBRATION_STEPS];
    uint32_t rungs[RUNGS_MAX]; /* all of these, ascending, each once */
    uint32_t rung_count;
    int steps[CALIBRATION_COLUMNS]; /* of each ladder, that were made */
    float shares[CALIBRATION_COLUMNS];
};

static void
add_rung(struct climb *climb, uint32_t end)
{
    uint32_t at = climb->rung_count;
    while (at > 0 && climb->rungs[at - 1] >= end) {
        at--;
    }
    if (at < climb->rung_count && climb->rungs[at] == end) {
        return;
    }
    memmove(climb->rungs + at + 1, climb->rungs + at, (climb->rung_count - at) * sizeof(uint32_t));
    climb->rungs[at] = end;
    climb->rung_count++;
}

/* Where the walk goes through the query's node, that is one more to find. */
static void
make_rungs(struct climb *climb)
{
    const struct ladders *asked = climb->ladders;
    for (int column = 0; column < asked->columns; column++) {
        const uint32_t least = graph_search_least(climb->walk, asked->ks[column]);
        for (int i = 0; i < asked->steps; i++) {
            const uint32_t ef = asked->efs[column * asked->steps + i];
            climb->ends[column][i] = KY_MAX(ef, least) + climb->query->is_seen;
            add_rung(climb, climb->ends[column][i]);
        }
    }
}

/* Of the k nearest, what a search finds whose walk has ended with these items. */
static float
share_found(const struct climb *climb, const pool_item_t *items, uint32_t count, uint32_t k)
{
    /* Where the walk goes through the node, its rows are hits more. */
    const struct held_out *query = climb->query;
    const uint32_t own = query->is_seen ? query->own_count : 0;
    struct vector_search_stats stats = {0};
    const struct vector_search search = {.query = query->values, .k = k + own};
    struct vector_hit hits[K_MAX + OWN_MAX];
    struct graph_search gs;
    struct ky_error err;
    uint32_t hit_count = 0;
    const uint32_t wanted = KY_MIN(k, query->truth_count);
    graph_search_init_pool(&gs, climb->graph, &search, items, count, search.k, climb->measure,
                           &stats);
    const ky_status status = graph_search_next(&gs, hits, search.k, &hit_count, &err);
    graph_search_deinit(&gs);
    uint32_t found = 0;
    for (uint32_t i = 0; status == KY_OK && i < hit_count; i++) {
        found +=
            !is_own(query, hits[i].row_id) &&
            measure_distance(climb->measure, hits[i].distance) <= query->truth[wanted - 1].distance;
    }
    return (float)KY_MIN(found, wanted) / (float)wanted;
}

/* See struct walk_ladder. Nearly always, more ef finds what less has found: after all were found,
 * no more is tried. */
static bool
settled(void *arg, uint32_t rung)
{
    struct climb *climb = (struct climb *)arg;
    const struct items *pool = &climb->walk->pool;
    const struct ladders *asked = climb->ladders;
    bool is_more = false;
    for (int column = 0; column < asked->columns; column++) {
        const uint32_t *ends = climb->ends[column];
        int *step = &climb->steps[column];
        if (climb->shares[column] < 1 && *step < asked->steps &&
            ends[*step] == climb->rungs[rung]) {
            /* What comes next may still be ranked before it. */
            const uint32_t k = asked->ks[column];
            const uint32_t beyond = climb->walk->is_exact ? 0 : k / 2;
            climb->shares[column] = share_found(
                climb, pool->items, KY_MIN((uint32_t)pool->count, ends[*step] + beyond), k);
            for (; *step < asked->steps && ends[*step] == climb->rungs[rung]; (*step)++) {
                climb->sums[column * asked->steps + *step] += climb->shares[column];
            }
        }
        is_more = is_more || (climb->shares[column] < 1 && *step < asked->steps);
    }
    return is_more;
}

static void
try_query(struct graph *graph, const struct held_out *query, const struct ladders *asked,
          float *sums)
{
    struct measure measure;
    struct climb climb = {
        .graph = graph, .query = query, .measure = &measure, .ladders = asked, .sums = sums};
    measure_init(&measure, &graph->codec.options, query->values);
    ky_epoch_enter();
    climb.walk = walk_begin(graph);
    walk_set_query(climb.walk, query->values, &measure);
    make_rungs(&climb);
    if (query->is_linked && !query->is_seen) {
        (void)walk_visit(climb.walk, query->node);
    }
    const struct walk_ladder ladder = {
        .efs = climb.rungs, .count = climb.rung_count, .settled = settled, .arg = &climb};
    uint32_t key = 0;
    const uint32_t from = walk_descend(climb.walk, 0, &key);
    walk_level_ladder(climb.walk, 0, &ladder, from, key);
    walk_end(climb.walk);
    ky_epoch_leave();
    measure_deinit(&measure);
    for (int column = 0; column < asked->columns; column++) {
        for (int i = climb.steps[column]; i < asked->steps; i++) {
            sums[column * asked->steps + i] += climb.shares[column];
        }
    }
}

/* ------------------------------------------------------------------ all queries */

/* Many queries, by several threads: each adds up what its queries find, in a table of its own. The
 * calling thread works too, and is the one that reports progress. */
struct calibrator {
    struct graph *graph;
    const struct vector_work *work;
    uint32_t queries;
    const uint32_t *unlinked; /* that many; NULL: linked ones are chosen */
    struct ky_map64 hidden;   /* their rows */
    _Atomic uint32_t next;    /* relaxed: only who does what */
};

struct calibrating_thread {
    struct calibrator *calibrator;
    struct ky_thread thread;
    struct held_out queries[EXACT_TOGETHER];
    struct calibration sums;
    uint32_t done;
};

static bool
take_query(struct calibrator *calibrator, uint32_t number, struct held_out *query)
{
    struct ky_prng prng;
    if (number >= calibrator->queries) {
        return false;
    }
    query->is_linked = calibrator->unlinked == NULL;
    query->is_seen = query->is_linked && number % 2 == 1;
    if (!query->is_linked) {
        query->node = calibrator->unlinked[number];
        query->own_count = 0;
        return true;
    }
    const uint32_t nodes = graph_node_count(calibrator->graph);
    ky_prng_init(&prng, ky_hash_u64(((uint64_t)nodes << 32) + number));
    return choose_node(calibrator->graph, &prng, query);
}

static void
work_on(struct calibrating_thread *me, bool is_reporting)
{
    struct calibrator *calibrator = me->calibrator;
    const struct vector_work *work = calibrator->work;
    struct graph *graph = calibrator->graph;
    const size_t size = ky_align_up(graph->values_size, 64);
    uint8_t *scratch = (uint8_t *)ky_malloc(size * EXACT_TOGETHER);
    uint32_t count = EXACT_TOGETHER;
    while (count == EXACT_TOGETHER && !work_is_cancelled(work)) {
        const uint32_t first =
            atomic_fetch_add_explicit(&calibrator->next, EXACT_TOGETHER, memory_order_relaxed);
        count = 0;
        while (count < EXACT_TOGETHER &&
               take_query(calibrator, first + count, &me->queries[count])) {
            struct held_out *query = &me->queries[count];
            query->values = graph_values(graph, query->node, scratch + count * size);
            count++;
        }
        find_truths(graph, &calibrator->hidden, me->queries, count);
        for (uint32_t i = 0; i < count; i++) {
            if (me->queries[i].truth_count > 0) {
                try_query(graph, &me->queries[i], &all_ladders, &me->sums.recall[0][0]);
                me->done++;
            }
        }
        if (is_reporting && work->progress != NULL) {
            work->progress(work->arg, VECTOR_PHASE_CALIBRATE,
                           KY_MIN(first + count, calibrator->queries), calibrator->queries);
        }
    }
    ky_free(scratch);
}

static void *
run_thread(void *arg)
{
    work_on(arg, false);
    return NULL;
}

static void
add_sums(struct calibration *table, const struct calibration *sums)
{
    for (int column = 0; column < CALIBRATION_COLUMNS; column++) {
        for (int i = 0; i < CALIBRATION_STEPS; i++) {
            table->recall[column][i] += sums->recall[column][i];
        }
    }
}

/* Sums into means. More ef never finds less, but for chance. */
static void
finish(struct calibration *table, uint32_t queries)
{
    for (int column = 0; column < CALIBRATION_COLUMNS; column++) {
        float best = 0;
        for (int i = 0; i < CALIBRATION_STEPS; i++) {
            const float mean = table->recall[column][i] / (float)queries;
            best = KY_MIN(KY_MAX(mean, best), 1.0F);
            table->recall[column][i] = best;
        }
    }
}

static void
publish(struct graph *graph, struct calibration *table)
{
    /* Release pairs with the acquire in graph_search_ef: the table is there. */
    struct calibration *old =
        atomic_exchange_explicit(&graph->calibration, table, memory_order_acq_rel);
    if (old != NULL) {
        ky_epoch_retire(old, ky_free);
    }
}

uint32_t
graph_calibration_queries(const struct graph *graph)
{
    const uint32_t wanted = (uint32_t)LOOKS / (graph_node_count(graph) + 1);
    return KY_MIN(KY_MAX(wanted, (uint32_t)QUERIES_MIN), (uint32_t)QUERIES_MAX);
}

static void
hide_rows(struct calibrator *calibrator, uint32_t count)
{
    ky_epoch_enter();
    for (uint32_t i = 0; i < count; i++) {
        struct graph_rows rows;
        row_id_t row_id;
        graph_rows_begin(&rows, calibrator->graph, calibrator->unlinked[i]);
        while ((row_id = graph_rows_next(&rows)) != ROW_ID_NONE) {
            (void)ky_map64_put(&calibrator->hidden, row_id, NULL);
        }
    }
    ky_epoch_leave();
}

void
graph_calibrate(struct graph *graph, const uint32_t *unlinked, uint32_t unlinked_count,
                const struct vector_work *work)
{
    const uint32_t nodes = graph_node_count(graph);
    const uint32_t wanted = graph_calibration_queries(graph);
    if (atomic_load_explicit(&graph->entry, memory_order_acquire) == NODE_NONE) {
        return; /* there is nothing to walk to */
    }
    struct calibrator calibrator = {
        .graph = graph,
        .work = work,
        .queries = unlinked != NULL ? KY_MIN(unlinked_count, wanted) : wanted,
        .unlinked = unlinked,
    };
    if (unlinked != NULL) {
        hide_rows(&calibrator, unlinked_count);
    }
    uint32_t count = work->threads != 0 ? work->threads : (uint32_t)ky_cpu()->core_count;
    count = KY_MIN(count, (uint32_t)THREADS_MAX);
    struct calibrating_thread *threads =
        (struct calibrating_thread *)ky_calloc(count, sizeof(*threads));
    atomic_init(&calibrator.next, 0);
    for (uint32_t i = 0; i < count; i++) {
        threads[i].calibrator = &calibrator;
    }
    for (uint32_t i = 1; i < count; i++) {
        ky_thread_start(&threads[i].thread, "vector-calibrate", run_thread, &threads[i]);
    }
    work_on(&threads[0], true);
    struct calibration *table = (struct calibration *)ky_calloc(1, sizeof(*table));
    uint32_t done = 0;
    table->nodes = nodes;
    memcpy(table->ef, ladders, sizeof(ladders));
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            ky_thread_join(&threads[i].thread);
        }
        done += threads[i].done;
        add_sums(table, &threads[i].sums);
    }
    ky_free(threads);
    ky_map64_deinit(&calibrator.hidden);
    if (done == 0 || work_is_cancelled(work)) {
        ky_free(table);
        return;
    }
    finish(table, done);
    publish(graph, table);
}

/* ------------------------------------------------------------------ one ef */

/* Linked nodes at random, with copies of their values: others may take nodes out meanwhile. */
static uint32_t
draw_queries(const struct graph *graph, struct ky_prng *prng, struct held_out *queries,
             uint32_t count, uint8_t *values, size_t size)
{
    uint32_t drawn = 0;
    /* A node that has rows when it is chosen is not made another one before the epoch ends. */
    ky_epoch_enter();
    while (drawn < count && choose_node(graph, prng, &queries[drawn])) {
        struct held_out *query = &queries[drawn];
        uint8_t *copy = values + drawn * size;
        query->is_linked = true;
        query->is_seen = drawn % 2 == 1;
        memmove(copy, graph_values(graph, query->node, copy), graph->values_size);
        query->values = copy;
        drawn++;
    }
    ky_epoch_leave();
    return drawn;
}

bool
graph_recall(struct graph *graph, uint32_t k, uint32_t ef, uint32_t count, struct ky_prng *prng,
             double *recall_out)
{
    const uint32_t most = KY_MIN(ef, (uint32_t)WALK_EF_MAX);
    const struct ladders one = {1, 1, &k, &most};
    const size_t size = ky_align_up(graph->values_size, 64);
    struct ky_map64 hidden = {0};
    uint32_t done = 0;
    float sum = 0;
    if (k == 0 || k > K_MAX ||
        atomic_load_explicit(&graph->entry, memory_order_acquire) == NODE_NONE) {
        return false;
    }
    uint8_t *values = (uint8_t *)ky_malloc(size * EXACT_TOGETHER);
    struct held_out *queries =
        (struct held_out *)ky_malloc(EXACT_TOGETHER * sizeof(struct held_out));
    for (uint32_t drawn = EXACT_TOGETHER; drawn == EXACT_TOGETHER && done < count;) {
        drawn = draw_queries(graph, prng, queries, KY_MIN(count - done, (uint32_t)EXACT_TOGETHER),
                             values, size);
        find_truths(graph, &hidden, queries, drawn);
        for (uint32_t i = 0; i < drawn; i++) {
            if (queries[i].truth_count > 0) {
                try_query(graph, &queries[i], &one, &sum);
                done++;
            }
        }
    }
    ky_free(queries);
    ky_free(values);
    *recall_out = done == 0 ? 0 : round((double)sum / done * 1e6) / 1e6;
    return done > 0;
}
