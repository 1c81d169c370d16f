/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Inserts and removals, under the collection's lock, and the view that searches go by.
 */

#include "vector/collection.h"

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "vector/collection_private.h"

static struct view *
view_new(struct flat *active, struct flat *sealed)
{
    struct view *view = (struct view *)ky_calloc(1, sizeof(*view));
    atomic_init(&view->references, 1);
    view->active = active;
    view->sealed = sealed;
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
        ky_free(view);
    }
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
    struct collection *collection = (struct collection *)ky_calloc(1, sizeof(*collection));
    collection->options = *options;
    set_defaults(&collection->options);
    collection->values_size = vector_values_size(options->element, options->dimension);
    ky_mutex_init(&collection->lock);
    atomic_init(&collection->view, view_new(flat_new(collection->values_size), NULL));
    return collection;
}

void
collection_free(struct collection *collection)
{
    if (collection == NULL) {
        return;
    }
    view_release(collection_view(collection));
    ky_mutex_deinit(&collection->lock);
    ky_free(collection);
}

const struct vector_options *
collection_options(const struct collection *collection)
{
    return &collection->options;
}

ky_status
collection_insert(struct collection *collection, row_id_t row_id, const void *values,
                  struct ky_error *err)
{
    ky_status status = KY_OK;
    ky_mutex_lock(&collection->lock);
    const struct view *view = collection_view(collection);
    if (view->sealed == NULL || !flat_contains(view->sealed, row_id, values)) {
        status = flat_insert(view->active, row_id, values, err);
    }
    ky_mutex_unlock(&collection->lock);
    return status;
}

bool
collection_remove(struct collection *collection, row_id_t row_id, const void *values)
{
    ky_mutex_lock(&collection->lock);
    const struct view *view = collection_view(collection);
    bool is_found = flat_remove(view->active, row_id, values);
    if (view->sealed != NULL && flat_remove(view->sealed, row_id, values)) {
        is_found = true;
    }
    ky_mutex_unlock(&collection->lock);
    return is_found;
}

void
collection_stats(struct collection *collection, struct collection_stats *stats_out)
{
    struct view *view = view_acquire(collection);
    *stats_out = (struct collection_stats){
        .entries = flat_entries(view->active),
        .bytes = flat_bytes(view->active),
        .searches = atomic_load_explicit(&collection->searches, memory_order_relaxed),
    };
    if (view->sealed != NULL) {
        stats_out->entries += flat_entries(view->sealed);
        stats_out->bytes += flat_bytes(view->sealed);
    }
    stats_out->delta_entries = stats_out->entries;
    view_release(view);
}
