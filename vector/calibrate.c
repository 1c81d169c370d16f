/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What ef gives which recall, measured when a graph is made: vectors of the graph are searched for
 * as if they were new, the true nearest by looking at all, and the share of them that each ef of a
 * ladder finds.
 *
 * A vector that is in the graph is not quite like one that is new. If the walk does not see its
 * node, those around it lack a neighbour that a new query's would not lack: the recall is too low.
 * If the walk may go through it, all of its neighbours are one step away: too high. Each is done
 * with every other vector, and what is left of the two errors is small (bench_vector_life).
 */

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
    QUERIES_MIN = 100,
    QUERIES_MAX = 300,
    LOOKS = 6000000, /* vectors looked at for the truth, about */
};

static const uint32_t ladders[CALIBRATION_COLUMNS][CALIBRATION_STEPS] = {
    {1, 2, 3, 4, 6, 10, 16, 24, 40, 64, 96, 160, 256, 512},
    {10, 12, 14, 16, 20, 24, 32, 40, 64, 96, 128, 192, 256, 512},
    {30, 34, 38, 42, 48, 56, 64, 80, 96, 128, 192, 256, 384, 512},
    {100, 110, 120, 130, 140, 150, 160, 180, 200, 240, 300, 384, 512, 768},
};

/* A vector of the graph, searched for as if it were not there. */
struct held_out {
    uint32_t node;
    row_id_t own[OWN_MAX]; /* the node's rows */
    uint32_t own_count;
    bool is_seen; /* the walk may go through the node */
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

/* A node that a search can be asked for as if it were not there. False: none was found. */
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

/* The nearest rows but the node's own. */
static void
find_truth(struct graph *graph, struct held_out *query)
{
    struct vector_search_stats stats = {0};
    const struct vector_search search = {
        .query = query->values, .k = K_MAX + query->own_count, .is_alone = true};
    struct exact_search exact;
    struct ky_error err;
    exact_init(&exact, &graph->codec.options, &search, query->truth, &stats);
    const uint32_t found =
        graph_search_exact(&exact, graph, &err) == KY_OK ? exact_finish(&exact) : 0;
    exact_deinit(&exact);
    query->truth_count = 0;
    for (uint32_t i = 0; i < found && query->truth_count < K_MAX; i++) {
        if (!is_own(query, query->truth[i].row_id)) {
            query->truth[query->truth_count++] = query->truth[i];
        }
    }
}

static float
share_found(struct graph *graph, const struct held_out *query, uint32_t ef, uint32_t k)
{
    /* Where the walk goes through the node, its rows are hits more. */
    const uint32_t own = query->is_seen ? query->own_count : 0;
    struct vector_search_stats stats = {0};
    const struct vector_search search = {
        .query = query->values, .k = k + own, .ef = ef + query->is_seen};
    struct vector_hit hits[K_MAX + OWN_MAX];
    struct measure measure;
    struct graph_search gs;
    struct ky_error err;
    uint32_t count = 0;
    const uint32_t wanted = KY_MIN(k, query->truth_count);
    measure_init(&measure, &graph->codec.options, query->values);
    ky_epoch_enter();
    graph_search_init(&gs, graph, &search, search.ef, search.k,
                      query->is_seen ? NODE_NONE : query->node, &measure, &stats);
    const ky_status status = graph_search_next(&gs, hits, search.k, &count, &err);
    graph_search_deinit(&gs);
    ky_epoch_leave();
    uint32_t found = 0;
    for (uint32_t i = 0; status == KY_OK && i < count; i++) {
        found += !is_own(query, hits[i].row_id) &&
                 measure_distance(&measure, hits[i].distance) <= query->truth[wanted - 1].distance;
    }
    measure_deinit(&measure);
    return (float)KY_MIN(found, wanted) / (float)wanted;
}

/* Nearly always, more ef finds what less has found: after all were found, no more is tried. */
static void
try_query(struct graph *graph, const struct held_out *query, struct calibration *table)
{
    for (int column = 0; column < CALIBRATION_COLUMNS; column++) {
        float share = 0;
        for (int i = 0; i < CALIBRATION_STEPS; i++) {
            if (share < 1) {
                share = share_found(graph, query, ladders[column][i], calibration_ks[column]);
            }
            table->recall[column][i] += share;
        }
    }
}

/* Many queries, by several threads: each adds up what its queries find, in a table of its own. The
 * calling thread works too, and is the one that reports progress. */
struct calibrator {
    struct graph *graph;
    const struct vector_work *work;
    uint32_t queries;
    _Atomic uint32_t next; /* relaxed: only who does what */
};

struct calibrating_thread {
    struct calibrator *calibrator;
    struct ky_thread thread;
    struct held_out query;
    struct calibration sums;
    uint32_t done;
};

static void
work_on(struct calibrating_thread *me, bool is_reporting)
{
    const struct calibrator *calibrator = me->calibrator;
    const struct vector_work *work = calibrator->work;
    struct graph *graph = calibrator->graph;
    struct held_out *query = &me->query;
    void *scratch = ky_malloc(graph->values_size);
    while (!work_is_cancelled(work)) {
        const uint32_t number =
            atomic_fetch_add_explicit(&me->calibrator->next, 1, memory_order_relaxed);
        struct ky_prng prng;
        ky_prng_init(&prng, ky_hash_u64(((uint64_t)graph_node_count(graph) << 32) + number));
        if (number >= calibrator->queries || !choose_node(graph, &prng, query)) {
            break;
        }
        query->values = graph_values(graph, query->node, scratch);
        query->is_seen = number % 2 == 1;
        find_truth(graph, query);
        if (query->truth_count > 0) {
            try_query(graph, query, &me->sums);
            me->done++;
        }
        if (is_reporting && work->progress != NULL) {
            work->progress(work->arg, VECTOR_PHASE_CALIBRATE, number + 1, calibrator->queries);
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

void
graph_calibrate(struct graph *graph, const struct vector_work *work)
{
    const uint32_t nodes = graph_node_count(graph);
    const uint32_t wanted = KY_MAX((uint32_t)LOOKS / (nodes + 1), (uint32_t)QUERIES_MIN);
    struct calibrator calibrator = {
        .graph = graph, .work = work, .queries = KY_MIN(wanted, (uint32_t)QUERIES_MAX)};
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
    if (done == 0 || work_is_cancelled(work)) {
        ky_free(table);
        return;
    }
    finish(table, done);
    publish(graph, table);
}
