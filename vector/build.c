/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A new graph of all there is. The active flat is sealed and an empty one takes its place; the
 * sealed one and the old graph, neither of which gets anything new meanwhile, are what the new
 * graph is made of. Searches go by the old view until the new one is put in its place. What was
 * removed meanwhile has been noted, and is removed from the new graph before anyone sees it.
 */

#include "vector/hnsw/build.h"

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/budget.h"
#include "server/base/clock.h"
#include "server/base/epoch.h"
#include "vector/collection_private.h"
#include "vector/exact/exact.h"
#include "vector/maintain.h"

enum {
    CAPACITY_SPARE = 65536,
    AUDITS = 3,
    RUN = 1024,
    HELD_SHARE = 20,   /* at most one node in so many is linked last */
    ENTRIES_MIN = 256, /* fewer say too little of what is to come, and need no graph */
};

/* Where the vectors are: places of the sealed flat, then nodes of the old graph. */
struct sources {
    const struct flat *flat;
    const struct graph *graph;
    uint64_t *places; /* owned; those that were alive */
    uint64_t place_count;
    uint32_t *nodes; /* owned */
    uint64_t node_count;
    void *scratch; /* owned; one vector */
};

static void
sources_init(struct sources *sources, const struct view *view)
{
    *sources = (struct sources){.flat = view->sealed, .graph = view->graph};
    uint64_t places = view->sealed != NULL ? flat_place_count(view->sealed) : 0;
    uint32_t nodes = view->graph != NULL ? graph_node_count(view->graph) : 0;
    size_t values_size = view->active->values_size;
    sources->places = (uint64_t *)ky_malloc((places + 1) * sizeof(uint64_t));
    sources->nodes = (uint32_t *)ky_malloc(((size_t)nodes + 1) * sizeof(uint32_t));
    sources->scratch = ky_malloc(values_size);
    ky_epoch_enter();
    for (uint64_t i = 0; i < places; i++) {
        if (flat_row_id(view->sealed, i) != ROW_ID_NONE) {
            sources->places[sources->place_count++] = i;
        }
    }
    for (uint32_t i = 0; i < nodes; i++) {
        if (graph_is_live(view->graph, i)) {
            sources->nodes[sources->node_count++] = i;
        }
    }
    ky_epoch_leave();
}

static void
sources_deinit(struct sources *sources)
{
    ky_free(sources->places);
    ky_free(sources->nodes);
    ky_free(sources->scratch);
}

/* Neither part changes its vectors while it is a source, so pointers into them stay good. */
static const void *
source_at(void *arg, uint64_t index)
{
    struct sources *sources = (struct sources *)arg;
    if (index < sources->place_count) {
        return flat_values(sources->flat, sources->places[index]);
    }
    return graph_values(sources->graph, sources->nodes[index - sources->place_count],
                        sources->scratch);
}

static uint32_t
node_for(struct graph *graph, const void *values, void *scratch)
{
    uint64_t hash = graph_hash(graph, values);
    uint32_t node = graph_find(graph, values, hash, scratch);
    return node != NODE_NONE ? node : graph_add(graph, values, hash);
}

static void
add_place(struct graph *graph, const struct sources *sources, uint64_t place, void *scratch)
{
    row_id_t row_id = flat_row_id(sources->flat, place);
    if (row_id != ROW_ID_NONE) {
        uint32_t node = node_for(graph, flat_values(sources->flat, place), scratch);
        KY_ASSERT(node != NODE_NONE);
        graph_add_row(graph, node, row_id, true);
    }
}

static void
add_node(struct graph *graph, const struct sources *sources, uint32_t old, void *scratch)
{
    struct graph_rows rows;
    uint32_t node = NODE_NONE;
    graph_rows_begin(&rows, sources->graph, old);
    for (row_id_t row_id = graph_rows_next(&rows); row_id != ROW_ID_NONE;
         row_id = graph_rows_next(&rows)) {
        if (node == NODE_NONE) {
            node = node_for(graph, graph_values(sources->graph, old, sources->scratch), scratch);
            KY_ASSERT(node != NODE_NONE);
        }
        /* The flat may have had it already. */
        graph_add_row(graph, node, row_id, false);
    }
}

static ky_status
load(struct graph *graph, const struct sources *sources, const struct vector_work *work,
     struct ky_error *err)
{
    uint64_t count = sources->place_count + sources->node_count;
    void *scratch = ky_malloc(graph->values_size);
    ky_status status = KY_OK;
    for (uint64_t first = 0; first < count && status == KY_OK; first += RUN) {
        ky_epoch_enter();
        for (uint64_t i = first; i < KY_MIN(first + RUN, count); i++) {
            if (i < sources->place_count) {
                add_place(graph, sources, sources->places[i], scratch);
            } else {
                add_node(graph, sources, sources->nodes[i - sources->place_count], scratch);
            }
        }
        ky_epoch_leave();
        if (work->progress != NULL) {
            work->progress(work->arg, VECTOR_PHASE_LOAD, first, count);
        }
        if (work_is_cancelled(work)) {
            status = search_set_cancelled(err);
        }
    }
    ky_free(scratch);
    return status;
}

static void
audit(struct graph *graph, uint32_t share)
{
    ky_epoch_enter();
    for (int i = 0; i < AUDITS && audit_reachability(graph, share) > 0; i++) {
    }
    ky_epoch_leave();
}

/* Links all nodes, some of them last: until then they are what the graph is measured with. */
static ky_status
link_all(struct graph *graph, const struct vector_work *work, struct ky_error *err)
{
    const uint32_t nodes = graph_node_count(graph);
    const uint32_t share = KY_MAX(nodes / graph_calibration_queries(graph), (uint32_t)HELD_SHARE);
    const bool is_large = nodes / share >= CALIBRATION_QUERIES_MIN;
    if (!is_large) {
        KY_TRY(build_links(graph, NULL, nodes, 0, work, err));
        audit(graph, 0);
        graph_calibrate(graph, NULL, 0, work);
        return work_is_cancelled(work) ? search_set_cancelled(err) : KY_OK;
    }
    struct vector_work silent = *work;
    silent.progress = NULL;
    uint32_t count = 0;
    for (uint32_t node = 0; node < nodes; node++) {
        count += build_holds_back(graph, node, share);
    }
    uint32_t *held = (uint32_t *)ky_malloc(((size_t)count + 1) * sizeof(uint32_t));
    count = 0;
    for (uint32_t node = 0; node < nodes; node++) {
        if (build_holds_back(graph, node, share)) {
            held[count++] = node;
        }
    }
    ky_status status = build_links(graph, NULL, nodes, share, work, err);
    if (status == KY_OK) {
        audit(graph, share);
        graph_calibrate(graph, held, count, work);
        status = build_links(graph, held, count, 0, &silent, err);
    }
    if (status == KY_OK) {
        audit(graph, 0);
    }
    ky_free(held);
    return status;
}

static ky_status
make_graph(const struct collection *collection, struct sources *sources,
           const struct vector_work *work, struct graph **graph_out, struct ky_error *err)
{
    const struct vector_options *options = &collection->options;
    uint64_t count = sources->place_count + sources->node_count;
    uint64_t capacity = KY_MIN(count * 2 + CAPACITY_SPARE, (uint64_t)NODE_MAX);
    struct codec codec;
    if (count > capacity) {
        return ky_error_set(err, KY_CONFIGURATION_LIMIT_EXCEEDED, "too many vectors for one index");
    }
    codec_choose(&codec, options, source_at, sources, count);
    struct graph *graph =
        graph_new(&codec, options->m, options->ef_construction, (uint32_t)capacity, err);
    if (graph == NULL) {
        return KY_ERR;
    }
    if (load(graph, sources, work, err) != KY_OK || link_all(graph, work, err) != KY_OK) {
        graph_release(graph);
        return KY_ERR;
    }
    graph->built_count = graph->audited_count = graph_node_count(graph);
    graph->cut_count = 0;
    *graph_out = graph;
    return KY_OK;
}

/* The active flat becomes the sealed one, unless there is one left from before. */
static void
seal(struct collection *collection)
{
    const struct view *view = collection_view(collection);
    if (view->sealed != NULL) {
        return;
    }
    flat_acquire(view->active);
    if (view->graph != NULL) {
        graph_acquire(view->graph);
    }
    collection->sealed_at = 0;
    collection_set_view(collection, flat_new(collection->values_size), view->active, view->graph);
}

void
maintain_seal(struct collection *collection)
{
    ky_mutex_lock(&collection->lock);
    seal(collection);
    ky_mutex_unlock(&collection->lock);
}

static void
begin(struct collection *collection)
{
    ky_mutex_lock(&collection->lock);
    seal(collection);
    collection->is_building = true;
    ky_mutex_unlock(&collection->lock);
}

/* graph is taken; NULL when nothing came of it. */
static void
end(struct collection *collection, struct graph *graph)
{
    ky_mutex_lock(&collection->lock);
    for (size_t i = 0; i < collection->removed_count; i++) {
        const struct removed_entry *entry = &collection->removed[i];
        if (graph != NULL) {
            uint32_t node = graph_find(graph, entry->values, graph_hash(graph, entry->values),
                                       collection->scratch);
            if (node != NODE_NONE) {
                (void)graph_remove_row(graph, node, entry->row_id);
            }
        }
        ky_free(entry->values);
    }
    collection->removed_count = 0;
    collection->is_building = false;
    if (graph != NULL) {
        const struct view *view = collection_view(collection);
        flat_acquire(view->active);
        collection_set_view(collection, view->active, NULL, graph);
        atomic_fetch_add_explicit(&collection->builds, 1, memory_order_relaxed);
    }
    ky_mutex_unlock(&collection->lock);
}

/* What the new graph will take; what there is stays until it is ready. */
static ky_status
admit(struct collection *collection, uint64_t size, struct ky_error *err)
{
    collection_note_memory(collection);
    if (collection->budget == NULL) {
        return KY_OK;
    }
    if (ky_budget_charge(collection->budget, size, err) != KY_OK) {
        atomic_fetch_add_explicit(&collection->builds_refused, 1, memory_order_relaxed);
        collection->refused_ns = ky_monotonic_ns();
        return KY_ERR;
    }
    collection->refused_ns = 0;
    return KY_OK;
}

ky_status
maintain_build(struct collection *collection, const struct vector_work *work, struct ky_error *err)
{
    struct sources sources;
    struct collection_stats stats;
    struct graph *graph = NULL;
    collection_stats(collection, &stats);
    if (!stats.has_graph && stats.entries < ENTRIES_MIN) {
        return KY_OK;
    }
    const uint64_t size = collection_build_size(&collection->options, stats.entries);
    KY_TRY(admit(collection, size, err));
    begin(collection);
    struct view *view = view_acquire(collection);
    sources_init(&sources, view);
    ky_status status = make_graph(collection, &sources, work, &graph, err);
    end(collection, graph);
    sources_deinit(&sources);
    view_release(view);
    if (collection->budget != NULL) {
        ky_budget_release(collection->budget, size);
        collection_note_memory(collection);
    }
    return status;
}

ky_status
collection_build(struct collection *collection, const struct vector_work *work,
                 struct ky_error *err)
{
    if (!collection->options.has_graph) {
        return KY_OK;
    }
    ky_mutex_lock(&collection->maintenance);
    ky_status status = maintain_build(collection, work, err);
    ky_mutex_unlock(&collection->maintenance);
    return status;
}

uint64_t
collection_build_size(const struct vector_options *options, uint64_t entries)
{
    uint32_t m = options->m != 0 ? options->m : (uint32_t)VECTOR_M_DEFAULT;
    uint64_t values = vector_values_size(options->element, options->dimension);
    uint64_t code = options->element == VECTOR_BIT          ? 0
                    : options->codec == VECTOR_CODEC_VALUES ? options->dimension * sizeof(float)
                                                            : options->dimension;
    uint64_t overhead = 2 * m * sizeof(uint32_t) + 64 /* rows, map, level, alignment */;
    return options->has_graph ? entries * (values + code + overhead) : 0;
}
