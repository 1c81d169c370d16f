/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A stream of hits. At open the rank of every entry of the flats is computed and the list made a
 * heap; each hit is then taken off its top, and only then shown to accept. The list names places:
 * the view is held, so places stay where they are, and one that was removed meanwhile, and perhaps
 * written anew, is told by its row id or its rank.
 */

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "vector/collection_private.h"
#include "vector/exact/exact.h"

enum { OPEN_CAPACITY = 256, STEP = 512 /* entries from one look at is_cancelled to the next */ };

struct open_entry {
    double rank;
    row_id_t row_id;
    uint64_t place;
    const struct flat *flat; /* the view's */
};

struct vector_cursor {
    struct vector_search search;
    struct vector_search_stats stats;
    struct measure measure;
    struct view *view;          /* counted */
    struct open_entry *entries; /* owned; a heap, the nearest on top */
    size_t count;
    size_t capacity;
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
        if (!cursor->search.has_radius ||
            measure_distance(&cursor->measure, rank) <= cursor->search.radius) {
            push(cursor, (struct open_entry){rank, row_id, place, flat});
        }
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

ky_status
vector_cursor_open(struct collection *collection, const struct vector_search *search,
                   struct vector_cursor **cursor_out, struct ky_error *err)
{
    atomic_fetch_add_explicit(&collection->searches, 1, memory_order_relaxed);
    struct vector_cursor *cursor = (struct vector_cursor *)ky_calloc(1, sizeof(*cursor));
    cursor->search = *search;
    cursor->stats.is_exact = true;
    measure_init(&cursor->measure, &collection->options, search->query);
    cursor->view = view_acquire(collection);
    ky_status status = rank_flat(cursor, cursor->view->active, err);
    if (status == KY_OK && cursor->view->sealed != NULL) {
        status = rank_flat(cursor, cursor->view->sealed, err);
    }
    if (status != KY_OK) {
        vector_cursor_close(cursor);
        return status;
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
    view_release(cursor->view);
    measure_deinit(&cursor->measure);
    ky_free(cursor->entries);
    ky_free(cursor);
}

static bool
accepts(struct vector_cursor *cursor, const struct open_entry *entry, double distance)
{
    const struct vector_search *search = &cursor->search;
    /* An entry that went while the cursor stood has nobody left who could see it. */
    if (flat_row_id(entry->flat, entry->place) != entry->row_id) {
        return false;
    }
    const void *values = flat_values(entry->flat, entry->place);
    double rank = measure_rank(&cursor->measure, values);
    if (rank != entry->rank && !isnan(rank)) {
        return false;
    }
    if (search->accept == NULL) {
        return true;
    }
    cursor->stats.tested++;
    bool is_accepted = search->accept(search->arg, entry->row_id, values, distance);
    cursor->stats.passed += is_accepted;
    return is_accepted;
}

static uint32_t
take_hits(struct vector_cursor *cursor, struct vector_hit *hits, uint32_t max)
{
    uint32_t found = 0;
    ky_epoch_enter();
    for (int step = 0; step < STEP && found < max && cursor->count > 0; step++) {
        struct open_entry entry = cursor->entries[0];
        cursor->entries[0] = cursor->entries[--cursor->count];
        if (cursor->count > 0) {
            sift_down(cursor->entries, cursor->count, 0);
        }
        double distance = measure_distance(&cursor->measure, entry.rank);
        if (accepts(cursor, &entry, distance)) {
            hits[found++] = (struct vector_hit){entry.row_id, distance};
        }
    }
    ky_epoch_leave();
    return found;
}

ky_status
vector_cursor_next(struct vector_cursor *cursor, struct vector_hit *hits, uint32_t max,
                   uint32_t *count_out, struct ky_error *err)
{
    KY_ASSERT(max > 0);
    uint32_t found = 0;
    while (found == 0 && cursor->count > 0) {
        if (search_is_cancelled(&cursor->search)) {
            return search_set_cancelled(err);
        }
        found = take_hits(cursor, hits, max);
    }
    *count_out = found;
    return KY_OK;
}

void
vector_cursor_stats(const struct vector_cursor *cursor, struct vector_search_stats *stats_out)
{
    *stats_out = cursor->stats;
}
