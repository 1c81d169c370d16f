/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Upkeep, step by step. New entries: the active flat is sealed, its vectors become nodes of the
 * graph and are linked, some at each step, and when all are, the sealed flat goes. Until then they
 * are searched in it, exactly. Dead nodes: see hnsw/repair.c.
 */

#include "vector/maintain.h"

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/epoch.h"
#include "vector/hnsw/build.h"

enum {
    SEAL_MIN = 32,     /* fewer new entries cost less than taking them in */
    BUILD_MIN = 2000,  /* entries for which a graph is worth having */
    REBUILD_SHARE = 1, /* as many new ones as there are nodes */
    REPAIR_SHARE = 20, /* one node in so many dead */
    REPAIR_MIN = 64,
    RECALIBRATE_GROWTH = 2, /* times as many nodes */
    AUDIT_SHARE = 10,       /* one node in so many new */
    CUT_MIN = 256,          /* new nodes the codes cut off, and one new node in so many: */
    CUT_SHARE = 20,
    WORN_MIN = 1000, /* nodes taken out, and one in so many: */
    WORN_SHARE = 3,
};

/* Between two tries of a build that the budget refuses. */
#define REFUSED_REST_NS (60 * INT64_C(1000000000))

/* What became of one place of the sealed flat. */
enum moved { MOVED_ROW, MOVED_NODE, MOVED_NOTHING, MOVED_REFUSED };

static enum moved
move_locked(struct collection *collection, struct flat *sealed, struct graph *graph, uint64_t place,
            uint32_t *node_out)
{
    row_id_t row_id = flat_row_id(sealed, place);
    if (row_id == ROW_ID_NONE) {
        return MOVED_NOTHING;
    }
    const void *values = flat_values(sealed, place);
    uint64_t hash = graph_hash(graph, values);
    uint32_t node = graph_find(graph, values, hash, collection->scratch);
    bool is_new = node == NODE_NONE;
    if (is_new) {
        node = graph_add(graph, values, hash);
    } else if (!graph_is_live(graph, node)) {
        atomic_fetch_sub_explicit(&graph->dead_count, 1, memory_order_relaxed);
    }
    if (node == NODE_NONE) {
        return MOVED_REFUSED;
    }
    graph_add_row(graph, node, row_id, false);
    *node_out = node;
    return is_new ? MOVED_NODE : MOVED_ROW;
}

static enum moved
move_entry(struct collection *collection, struct flat *sealed, struct graph *graph, uint64_t place,
           uint32_t *node_out)
{
    ky_mutex_lock(&collection->lock);
    ky_epoch_enter();
    enum moved moved = move_locked(collection, sealed, graph, place, node_out);
    ky_epoch_leave();
    ky_mutex_unlock(&collection->lock);
    return moved;
}

static void
drop_sealed(struct collection *collection)
{
    ky_mutex_lock(&collection->lock);
    const struct view *view = collection_view(collection);
    flat_acquire(view->active);
    graph_acquire(view->graph);
    collection_set_view(collection, view->active, NULL, view->graph);
    ky_mutex_unlock(&collection->lock);
}

/* Choosing lists anew may have dropped the last link to a node. */
static void
audit_if_due(struct graph *graph)
{
    uint32_t count = graph_node_count(graph);
    if (count - graph->audited_count > count / AUDIT_SHARE) {
        ky_epoch_enter();
        (void)audit_reachability(graph, 0);
        ky_epoch_leave();
        graph->audited_count = count;
    }
}

/* The data has moved away from what the codes were made for. */
static bool
is_outgrown(const struct graph *graph)
{
    uint32_t added = graph_node_count(graph) - graph->built_count;
    return graph->cut_count >= CUT_MIN && graph->cut_count > added / CUT_SHARE;
}

/* Lists that were chosen anew around what was taken out are not as good as those of a new graph. */
static bool
is_worn(const struct graph *graph)
{
    return graph->removed_count >= WORN_MIN &&
           graph->removed_count >= graph_node_count(graph) / WORN_SHARE;
}

static bool
is_calibration_due(const struct graph *graph)
{
    const struct calibration *table =
        atomic_load_explicit(&graph->calibration, memory_order_acquire);
    return table == NULL || graph_node_count(graph) / RECALIBRATE_GROWTH > table->nodes;
}

/* *is_refused_out: there is a vector that this graph cannot take. What has been made a node is
 * linked even when cancelled, since it cannot be told from others later. */
static ky_status
link_sealed(struct collection *collection, struct view *view, uint32_t max,
            const struct vector_work *work, bool *is_refused_out, struct ky_error *err)
{
    struct flat *sealed = view->sealed;
    struct graph *graph = view->graph;
    struct vector_work uncancelled = *work;
    uncancelled.is_cancelled = NULL;
    uncancelled.progress = NULL;
    uint32_t *nodes = (uint32_t *)ky_malloc(((size_t)max + 1) * sizeof(uint32_t));
    uint32_t count = 0;
    uint64_t places = flat_place_count(sealed);
    ky_mutex_lock(&graph->writer);
    for (; collection->sealed_at < places && count < max && !*is_refused_out;
         collection->sealed_at++) {
        switch (move_entry(collection, sealed, graph, collection->sealed_at, &nodes[count])) {
        case MOVED_NODE:
            count++;
            break;
        case MOVED_REFUSED:
            *is_refused_out = true;
            collection->sealed_at--;
            break;
        case MOVED_ROW:
        case MOVED_NOTHING:
            break;
        }
    }
    if (count >= CALIBRATION_QUERIES_MIN && is_calibration_due(graph)) {
        graph_calibrate(graph, nodes, count, work);
    }
    ky_status status = build_links(graph, nodes, count, 0, &uncancelled, err);
    audit_if_due(graph);
    ky_mutex_unlock(&graph->writer);
    ky_free(nodes);
    if (status == KY_OK && collection->sealed_at == places) {
        drop_sealed(collection);
    }
    return status;
}

static bool
has_much_new(const struct view *view)
{
    uint64_t delta = flat_entries(view->active);
    if (view->sealed != NULL) {
        delta += flat_entries(view->sealed);
    }
    if (view->graph == NULL) {
        return delta >= BUILD_MIN;
    }
    return delta >= BUILD_MIN && delta >= (uint64_t)graph_node_count(view->graph) * REBUILD_SHARE;
}

/* A build that was refused is not tried again at each step. */
static bool
may_build(const struct collection *collection)
{
    return collection->refused_ns == 0 ||
           ky_monotonic_ns() - collection->refused_ns > REFUSED_REST_NS;
}

static void
repair_if_due(struct collection *collection, struct graph *graph)
{
    ky_mutex_lock(&collection->lock);
    graph_settle(graph);
    ky_mutex_unlock(&collection->lock);
    uint32_t dead = atomic_load_explicit(&graph->dead_count, memory_order_relaxed);
    if (dead >= REPAIR_MIN && dead >= graph_node_count(graph) / REPAIR_SHARE) {
        ky_mutex_lock(&graph->writer);
        graph_repair(collection, graph);
        ky_mutex_unlock(&graph->writer);
    }
}

static ky_status
step(struct collection *collection, uint32_t max, const struct vector_work *work,
     bool *has_more_out, struct ky_error *err)
{
    struct view *view = view_acquire(collection);
    ky_status status = KY_OK;
    bool is_refused = false;
    if (has_much_new(view) && may_build(collection)) {
        status = maintain_build(collection, work, err);
    } else if (view->graph != NULL) {
        if (view->sealed == NULL && flat_entries(view->active) >= SEAL_MIN) {
            maintain_seal(collection);
            view_release(view);
            view = view_acquire(collection);
        }
        if (view->sealed != NULL) {
            status = link_sealed(collection, view, max, work, &is_refused, err);
        }
        if (status == KY_OK && (is_refused || is_outgrown(view->graph) || is_worn(view->graph)) &&
            may_build(collection)) {
            status = maintain_build(collection, work, err);
        } else if (status == KY_OK) {
            repair_if_due(collection, view->graph);
            if (is_calibration_due(view->graph)) {
                graph_calibrate(view->graph, NULL, 0, work);
            }
        }
    }
    view_release(view);
    if (status == KY_OK) {
        view = view_acquire(collection);
        *has_more_out = view->graph != NULL &&
                        (view->sealed != NULL || flat_entries(view->active) >= SEAL_MIN ||
                         (is_worn(view->graph) && may_build(collection)));
        view_release(view);
    }
    return status;
}

ky_status
collection_maintain(struct collection *collection, uint32_t entries, const struct vector_work *work,
                    bool *has_more_out, struct ky_error *err)
{
    bool has_more = false;
    ky_status status = KY_OK;
    if (collection->options.has_graph) {
        ky_mutex_lock(&collection->maintenance);
        status = step(collection, KY_MAX(entries, (uint32_t)1), work, &has_more, err);
        collection_note_memory(collection);
        ky_mutex_unlock(&collection->maintenance);
        if (status == KY_OK) {
            collection_sample_recall(collection);
        }
    }
    if (status == KY_OK) {
        *has_more_out = has_more;
    }
    return status;
}
