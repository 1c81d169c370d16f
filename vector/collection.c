/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Inserts and removals, under the collection's lock, and the view that searches go by.
 */

#include "vector/collection.h"

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/budget.h"
#include "server/base/epoch.h"
#include "vector/collection_private.h"

static struct view *
view_new(struct flat *active, struct flat *sealed, struct graph *graph)
{
    struct view *view = (struct view *)ky_calloc(1, sizeof(*view));
    atomic_init(&view->references, 1);
    view->active = active;
    view->sealed = sealed;
    view->graph = graph;
    return view;
}

struct view *
view_acquire(const struct collection *collection)
{
    /* The collection's own reference is given up after an epoch only: it is held here. */
    ky_epoch_enter();
    struct view *view = collection_view(collection);
    atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
    ky_epoch_leave();
    return view;
}

void
view_release(struct view *view)
{
    /* Release and acquire: whoever frees it sees what all others did with it. */
    if (atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) == 1) {
        flat_release(view->active);
        flat_release(view->sealed);
        graph_release(view->graph);
        ky_free(view);
    }
}

static void
view_release_later(void *view)
{
    view_release((struct view *)view);
}

void
collection_set_view(struct collection *collection, struct flat *active, struct flat *sealed,
                    struct graph *graph)
{
    struct view *old = collection_view(collection);
    /* Release pairs with the acquire in collection_view: the parts are there. */
    atomic_store_explicit(&collection->view, view_new(active, sealed, graph), memory_order_release);
    ky_epoch_retire(old, view_release_later);
}

static void
set_defaults(struct vector_options *options)
{
    if (options->m == 0) {
        options->m = VECTOR_M_DEFAULT;
    }
    if (options->ef_construction == 0) {
        options->ef_construction = KY_MAX((uint32_t)VECTOR_EF_CONSTRUCTION_DEFAULT, 2 * options->m);
    }
}

struct collection *
collection_new(const struct vector_options *options)
{
    bool is_bit = options->element == VECTOR_BIT;
    bool is_bit_metric = options->metric == VECTOR_HAMMING || options->metric == VECTOR_JACCARD;
    KY_ASSERT(options->dimension >= 1);
    KY_ASSERT(options->dimension <=
              (is_bit ? (uint32_t)VECTOR_BIT_DIMENSION_MAX : (uint32_t)VECTOR_DIMENSION_MAX));
    KY_ASSERT(is_bit == is_bit_metric);
    KY_ASSERT(options->m == 0 || (options->m >= 2 && options->m <= 100));
    struct collection *collection = (struct collection *)ky_calloc(1, sizeof(*collection));
    collection->options = *options;
    set_defaults(&collection->options);
    collection->values_size = vector_values_size(options->element, options->dimension);
    collection->scratch = ky_malloc(collection->values_size);
    ky_mutex_init(&collection->lock);
    ky_mutex_init(&collection->maintenance);
    atomic_init(&collection->view, view_new(flat_new(collection->values_size), NULL, NULL));
    return collection;
}

void
collection_free(struct collection *collection)
{
    if (collection == NULL) {
        return;
    }
    if (collection->budget != NULL) {
        ky_budget_release(collection->budget, collection->noted);
    }
    view_release(collection_view(collection));
    for (size_t i = 0; i < collection->removed_count; i++) {
        ky_free(collection->removed[i].values);
    }
    ky_free(collection->removed);
    ky_mutex_deinit(&collection->lock);
    ky_mutex_deinit(&collection->maintenance);
    ky_free(collection->scratch);
    ky_free(collection);
}

void
collection_set_budget(struct collection *collection, struct ky_budget *budget)
{
    collection->budget = budget;
    collection_note_memory(collection);
}

void
collection_note_memory(struct collection *collection)
{
    struct collection_stats stats;
    if (collection->budget == NULL) {
        return;
    }
    collection_stats(collection, &stats);
    if (stats.bytes >= collection->noted) {
        ky_budget_note(collection->budget, stats.bytes - collection->noted);
    } else {
        ky_budget_release(collection->budget, collection->noted - stats.bytes);
    }
    collection->noted = stats.bytes;
}

const struct vector_options *
collection_options(const struct collection *collection)
{
    return &collection->options;
}

/*
 * A vector that the graph has already, for another row, is one more row of its node: at once, not
 * by way of the flat. Not while a new graph is being made, which may have passed that node.
 */
static bool
insert_as_row(struct collection *collection, struct graph *graph, row_id_t row_id,
              const void *values)
{
    if (graph == NULL) {
        return false;
    }
    uint32_t node = graph_find(graph, values, graph_hash(graph, values), collection->scratch);
    if (node == NODE_NONE) {
        return false;
    }
    if (collection->is_building) {
        return graph_has_row(graph, node, row_id);
    }
    if (!graph_is_live(graph, node)) {
        atomic_fetch_sub_explicit(&graph->dead_count, 1, memory_order_relaxed);
    }
    graph_add_row(graph, node, row_id, false);
    return true;
}

/* Where new entries can go. */
static uint64_t
count_entries(const struct view *view)
{
    return flat_entries(view->active) + (view->graph != NULL ? view->graph->entries : 0);
}

ky_status
collection_insert(struct collection *collection, row_id_t row_id, const void *values,
                  bool *is_new_out, struct ky_error *err)
{
    ky_status status = KY_OK;
    ky_mutex_lock(&collection->lock);
    const struct view *view = collection_view(collection);
    const uint64_t before = count_entries(view);
    if ((view->sealed == NULL || !flat_contains(view->sealed, row_id, values)) &&
        !insert_as_row(collection, view->graph, row_id, values)) {
        status = flat_insert(view->active, row_id, values, err);
    }
    if (status == KY_OK && is_new_out != NULL) {
        *is_new_out = count_entries(view) != before;
    }
    ky_mutex_unlock(&collection->lock);
    return status;
}

static void
note_removed(struct collection *collection, row_id_t row_id, const void *values)
{
    if (collection->removed_count == collection->removed_capacity) {
        collection->removed_capacity = KY_MAX(collection->removed_capacity * 2, (size_t)64);
        collection->removed = (struct removed_entry *)ky_realloc(
            collection->removed, collection->removed_capacity * sizeof(collection->removed[0]));
    }
    void *copy = ky_malloc(collection->values_size);
    memcpy(copy, values, collection->values_size);
    collection->removed[collection->removed_count++] = (struct removed_entry){row_id, copy};
}

static bool
remove_from_graph(struct collection *collection, struct graph *graph, row_id_t row_id,
                  const void *values)
{
    uint32_t node = graph_find(graph, values, graph_hash(graph, values), collection->scratch);
    return node != NODE_NONE && graph_remove_row(graph, node, row_id);
}

bool
collection_remove(struct collection *collection, row_id_t row_id, const void *values)
{
    ky_mutex_lock(&collection->lock);
    const struct view *view = collection_view(collection);
    bool is_found = flat_remove(view->active, row_id, values);
    if (!is_found) {
        /* It may be in both of these. */
        is_found = view->sealed != NULL && flat_remove(view->sealed, row_id, values);
        if (view->graph != NULL && remove_from_graph(collection, view->graph, row_id, values)) {
            is_found = true;
        }
        if (is_found && collection->is_building) {
            note_removed(collection, row_id, values);
        }
    }
    ky_mutex_unlock(&collection->lock);
    return is_found;
}

static void
add_graph_stats(struct graph *graph, struct collection_stats *stats)
{
    uint32_t count = graph_node_count(graph);
    uint64_t entry = atomic_load_explicit(&graph->entry, memory_order_relaxed);
    stats->has_graph = true;
    stats->bytes += graph_bytes(graph);
    stats->entries += graph->entries;
    stats->codec = codec_kind(&graph->codec);
    stats->is_codec_exact = graph->codec.is_exact;
    stats->nodes = count - graph->free_count - graph->limbo_count;
    stats->dead_nodes = atomic_load_explicit(&graph->dead_count, memory_order_relaxed);
    stats->level_max = (uint32_t)entry == NODE_NONE ? 0 : (uint32_t)(entry >> 32);
    stats->unreachable_repaired = atomic_load_explicit(&graph->unreachable, memory_order_relaxed);
    ky_epoch_enter();
    const struct calibration *table =
        atomic_load_explicit(&graph->calibration, memory_order_acquire);
    for (uint32_t i = 0; i < 4 && table != NULL; i++) {
        uint32_t at = (i + 1) * CALIBRATION_STEPS / 4 - 1;
        stats->calibration_ef[i] = table->ef[1][at];
        stats->calibration_recall[i] = table->recall[1][at];
    }
    ky_epoch_leave();
}

void
collection_stats(struct collection *collection, struct collection_stats *stats_out)
{
    ky_mutex_lock(&collection->lock);
    const struct view *view = collection_view(collection);
    *stats_out = (struct collection_stats){
        .entries = flat_entries(view->active),
        .bytes = flat_bytes(view->active),
        .searches = atomic_load_explicit(&collection->searches, memory_order_relaxed),
        .is_building = collection->is_building,
        .builds = atomic_load_explicit(&collection->builds, memory_order_relaxed),
        .builds_refused = atomic_load_explicit(&collection->builds_refused, memory_order_relaxed),
        .recall_samples = atomic_load_explicit(&collection->recall_samples, memory_order_relaxed),
        .recall_estimate =
            (double)atomic_load_explicit(&collection->recall_millionths, memory_order_relaxed) /
            1e6,
    };
    if (view->sealed != NULL) {
        stats_out->entries += flat_entries(view->sealed);
        stats_out->bytes += flat_bytes(view->sealed);
    }
    stats_out->delta_entries = stats_out->entries;
    if (view->graph != NULL) {
        add_graph_stats(view->graph, stats_out);
    }
    ky_mutex_unlock(&collection->lock);
}
