/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A stream of hits. At open the rank of every entry of the flats, and for an exact cursor of the
 * graph, is computed and the list made a heap; each hit is then taken off its top, and only then
 * shown to accept. By the graph, its search goes on beside that, and the nearer of the two tops is
 * next.
 *
 * The list names places and nodes: the view is held and the graph pinned, so they stay what they
 * are, and one that was removed meanwhile, or a place written anew, is told by its row id or its
 * rank. What was in a flat at open may be met in the graph as well, and is given once.
 */

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "vector/collection_private.h"
#include "vector/hnsw/search.h"

enum {
    OPEN_CAPACITY = 256,
    STEP = 512,       /* entries from one look at is_cancelled to the next */
    GRAPH_BATCH = 16, /* hits asked of the graph at once */
};

struct open_entry {
    double rank;
    row_id_t row_id;
    uint64_t place;
    const struct flat *flat; /* the view's; NULL: place is a node of the graph */
};

struct vector_cursor {
    struct vector_search search;
    struct vector_search_stats stats;
    struct measure measure;
    struct view *view;          /* counted */
    struct open_entry *entries; /* owned; a heap, the nearest on top */
    size_t count;
    size_t capacity;
    struct ky_map64 listed; /* of the flats: row id to the bits of its rank */
    void *scratch;          /* owned; one vector */
    bool is_pinned;
    uint32_t pin;
    bool has_graph; /* gs is open */
    bool is_graph_done;
    struct graph_search gs;
    struct vector_hit batch[GRAPH_BATCH];
    uint32_t batch_at, batch_count;
};

static bool
entry_is_before(const struct open_entry *a, const struct open_entry *b)
{
    const struct vector_hit x = {a->row_id, a->rank};
    const struct vector_hit y = {b->row_id, b->rank};
    return hit_is_worse(&y, &x);
}

static void
sift_down(struct open_entry *entries, size_t count, size_t at)
{
    struct open_entry entry = entries[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && entry_is_before(&entries[child + 1], &entries[child])) {
            child++;
        }
        if (!entry_is_before(&entries[child], &entry)) {
            break;
        }
        entries[at] = entries[child];
        at = child;
    }
    entries[at] = entry;
}

static void
push(struct vector_cursor *cursor, struct open_entry entry)
{
    if (cursor->count == cursor->capacity) {
        cursor->capacity = KY_MAX(cursor->capacity * 2, (size_t)OPEN_CAPACITY);
        cursor->entries = (struct open_entry *)ky_realloc(
            cursor->entries, cursor->capacity * sizeof(cursor->entries[0]));
    }
    cursor->entries[cursor->count++] = entry;
}

static void
push_ranked(struct vector_cursor *cursor, struct open_entry entry)
{
    if (!cursor->search.has_radius ||
        measure_distance(&cursor->measure, entry.rank) <= cursor->search.radius) {
        push(cursor, entry);
    }
}

static uint64_t
bits_of(double rank)
{
    uint64_t bits;
    memcpy(&bits, &rank, sizeof(bits));
    return bits;
}

static void
rank_places(struct vector_cursor *cursor, const struct flat *flat, uint64_t first, uint64_t end)
{
    ky_epoch_enter();
    for (uint64_t place = first; place < end; place++) {
        row_id_t row_id = flat_row_id(flat, place);
        if (row_id == ROW_ID_NONE) {
            continue;
        }
        cursor->stats.delta_scanned++;
        double rank = measure_rank(&cursor->measure, flat_values(flat, place));
        if (cursor->view->graph != NULL) {
            *ky_map64_put(&cursor->listed, row_id, NULL) = bits_of(rank);
        }
        push_ranked(cursor, (struct open_entry){rank, row_id, place, flat});
    }
    ky_epoch_leave();
}

static ky_status
rank_flat(struct vector_cursor *cursor, const struct flat *flat, struct ky_error *err)
{
    uint64_t count = flat_place_count(flat);
    for (uint64_t first = 0; first < count; first += STEP) {
        if (search_is_cancelled(&cursor->search)) {
            return search_set_cancelled(err);
        }
        rank_places(cursor, flat, first, KY_MIN(first + STEP, count));
    }
    return KY_OK;
}

static bool
is_listed(const struct vector_cursor *cursor, row_id_t row_id, double rank)
{
    const uint64_t *found = ky_map64_find(&cursor->listed, row_id);
    return found != NULL && *found == bits_of(rank);
}

static void
rank_nodes(struct vector_cursor *cursor, uint32_t first, uint32_t end)
{
    const struct graph *graph = cursor->view->graph;
    ky_epoch_enter();
    for (uint32_t node = first; node < end; node++) {
        if (!graph_is_live(graph, node)) {
            continue;
        }
        cursor->stats.delta_scanned++;
        double rank = measure_rank(&cursor->measure, graph_values(graph, node, cursor->scratch));
        struct graph_rows rows;
        graph_rows_begin(&rows, graph, node);
        for (row_id_t row_id = graph_rows_next(&rows); row_id != ROW_ID_NONE;
             row_id = graph_rows_next(&rows)) {
            if (!is_listed(cursor, row_id, rank)) {
                push_ranked(cursor, (struct open_entry){rank, row_id, node, NULL});
            }
        }
    }
    ky_epoch_leave();
}

static ky_status
rank_graph(struct vector_cursor *cursor, struct ky_error *err)
{
    uint32_t count = graph_node_count(cursor->view->graph);
    for (uint32_t first = 0; first < count; first += STEP) {
        if (search_is_cancelled(&cursor->search)) {
            return search_set_cancelled(err);
        }
        rank_nodes(cursor, first, KY_MIN(first + STEP, count));
    }
    return KY_OK;
}

static void
begin_graph_search(struct vector_cursor *cursor)
{
    struct graph *graph = cursor->view->graph;
    ky_epoch_enter();
    uint32_t ef = graph_search_ef(graph, &cursor->search, GRAPH_BATCH);
    graph_search_init(&cursor->gs, graph, &cursor->search, ef, GRAPH_BATCH, &cursor->measure,
                      &cursor->stats);
    ky_epoch_leave();
    cursor->stats.codec = codec_kind(&graph->codec);
    cursor->has_graph = true;
}

static ky_status
open_parts(struct vector_cursor *cursor, struct ky_error *err)
{
    const struct view *view = cursor->view;
    KY_TRY(rank_flat(cursor, view->active, err));
    if (view->sealed != NULL) {
        KY_TRY(rank_flat(cursor, view->sealed, err));
    }
    if (view->graph != NULL) {
        cursor->pin = graph_pin(view->graph);
        cursor->is_pinned = true;
    }
    cursor->stats.is_exact = !view_uses_graph(view, &cursor->search);
    if (!cursor->stats.is_exact) {
        begin_graph_search(cursor);
    } else if (view->graph != NULL) {
        KY_TRY(rank_graph(cursor, err));
    }
    return KY_OK;
}

ky_status
vector_cursor_open(struct collection *collection, const struct vector_search *search,
                   struct vector_cursor **cursor_out, struct ky_error *err)
{
    atomic_fetch_add_explicit(&collection->searches, 1, memory_order_relaxed);
    struct vector_cursor *cursor = (struct vector_cursor *)ky_calloc(1, sizeof(*cursor));
    cursor->search = *search;
    cursor->search.k = 0;
    cursor->search.tests_max = 0;
    cursor->scratch = ky_malloc(collection->values_size);
    measure_init(&cursor->measure, &collection->options, search->query);
    cursor->view = view_acquire(collection);
    if (open_parts(cursor, err) != KY_OK) {
        vector_cursor_close(cursor);
        return KY_ERR;
    }
    for (size_t i = cursor->count / 2; i > 0; i--) {
        sift_down(cursor->entries, cursor->count, i - 1);
    }
    *cursor_out = cursor;
    return KY_OK;
}

void
vector_cursor_close(struct vector_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    if (cursor->has_graph) {
        graph_search_deinit(&cursor->gs);
    }
    if (cursor->is_pinned) {
        graph_unpin(cursor->view->graph, cursor->pin);
    }
    view_release(cursor->view);
    measure_deinit(&cursor->measure);
    ky_map64_deinit(&cursor->listed);
    ky_free(cursor->scratch);
    ky_free(cursor->entries);
    ky_free(cursor);
}

/* The entry's vector, or NULL when it is gone: nobody is left who could see it. */
static const void *
values_of(struct vector_cursor *cursor, const struct open_entry *entry)
{
    if (entry->flat == NULL) {
        uint32_t node = (uint32_t)entry->place;
        return graph_has_row(cursor->view->graph, node, entry->row_id)
                   ? graph_values(cursor->view->graph, node, cursor->scratch)
                   : NULL;
    }
    if (flat_row_id(entry->flat, entry->place) != entry->row_id) {
        return NULL;
    }
    const void *values = flat_values(entry->flat, entry->place);
    double rank = measure_rank(&cursor->measure, values);
    return rank == entry->rank || isnan(rank) ? values : NULL;
}

static bool
accepts(struct vector_cursor *cursor, const struct open_entry *entry, double distance)
{
    const struct vector_search *search = &cursor->search;
    bool passes = true;
    search_test(search, &cursor->stats, &entry->row_id, 1, &passes);
    const void *values = passes ? values_of(cursor, entry) : NULL;
    return values != NULL &&
           search_accepts(search, &cursor->stats, entry->row_id, values, distance);
}

static struct open_entry
pop(struct vector_cursor *cursor)
{
    struct open_entry entry = cursor->entries[0];
    cursor->entries[0] = cursor->entries[--cursor->count];
    if (cursor->count > 0) {
        sift_down(cursor->entries, cursor->count, 0);
    }
    return entry;
}

/* The graph's next hits into the batch, those of the flats left out. */
static ky_status
fill_batch(struct vector_cursor *cursor, struct ky_error *err)
{
    while (cursor->batch_at == cursor->batch_count && !cursor->is_graph_done) {
        uint32_t count = 0;
        /* As many more as may be wanted: what the sweep's cost is compared with. */
        cursor->gs.wanted = (uint32_t)KY_MIN(cursor->gs.hits + GRAPH_BATCH, (uint64_t)UINT32_MAX);
        KY_TRY(graph_search_next(&cursor->gs, cursor->batch, GRAPH_BATCH, &count, err));
        cursor->is_graph_done = count < GRAPH_BATCH;
        cursor->batch_at = cursor->batch_count = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (!is_listed(cursor, cursor->batch[i].row_id, cursor->batch[i].distance)) {
                cursor->batch[cursor->batch_count++] = cursor->batch[i];
            }
        }
    }
    return KY_OK;
}

static bool
is_batch_nearer(const struct vector_cursor *cursor)
{
    if (cursor->batch_at == cursor->batch_count) {
        return false;
    }
    const struct vector_hit *hit = &cursor->batch[cursor->batch_at];
    if (cursor->count == 0) {
        return true;
    }
    const struct vector_hit top = {cursor->entries[0].row_id, cursor->entries[0].rank};
    return hit_is_worse(&top, hit);
}

static ky_status
take_hits(struct vector_cursor *cursor, struct vector_hit *hits, uint32_t max, uint32_t *found_out,
          struct ky_error *err)
{
    uint32_t found = 0;
    for (int step = 0; step < STEP && found < max; step++) {
        if (cursor->has_graph) {
            KY_TRY(fill_batch(cursor, err));
        }
        if (is_batch_nearer(cursor)) {
            hits[found] = cursor->batch[cursor->batch_at++];
            hits[found].distance = measure_distance(&cursor->measure, hits[found].distance);
            found++;
        } else if (cursor->count > 0) {
            struct open_entry entry = pop(cursor);
            double distance = measure_distance(&cursor->measure, entry.rank);
            if (accepts(cursor, &entry, distance)) {
                hits[found++] = (struct vector_hit){entry.row_id, distance};
            }
        } else {
            break;
        }
    }
    *found_out = found;
    return KY_OK;
}

static bool
is_at_end(const struct vector_cursor *cursor)
{
    return cursor->count == 0 && cursor->batch_at == cursor->batch_count &&
           (!cursor->has_graph || cursor->is_graph_done);
}

ky_status
vector_cursor_next(struct vector_cursor *cursor, struct vector_hit *hits, uint32_t max,
                   uint32_t *count_out, struct ky_error *err)
{
    KY_ASSERT(max > 0);
    uint32_t found = 0;
    while (found == 0 && !is_at_end(cursor)) {
        if (search_is_cancelled(&cursor->search)) {
            return search_set_cancelled(err);
        }
        ky_epoch_enter();
        ky_status status = take_hits(cursor, hits, max, &found, err);
        ky_epoch_leave();
        KY_TRY(status);
    }
    *count_out = found;
    return KY_OK;
}

void
vector_cursor_stats(const struct vector_cursor *cursor, struct vector_search_stats *stats_out)
{
    *stats_out = cursor->stats;
}
