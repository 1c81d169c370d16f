/* SPDX-License-Identifier: Apache-2.0 */

/* A search for the k nearest: the flats exactly. */

#include "server/base/assert.h"
#include "vector/collection_private.h"
#include "vector/exact/exact.h"

static ky_status
search_flats(struct exact_search *exact, const struct view *view, struct ky_error *err)
{
    KY_TRY(exact_flat(exact, view->active, err));
    if (view->sealed != NULL) {
        KY_TRY(exact_flat(exact, view->sealed, err));
    }
    return KY_OK;
}

ky_status
collection_search(struct collection *collection, const struct vector_search *search,
                  struct vector_hit *hits, uint32_t *count_out,
                  struct vector_search_stats *stats_out, struct ky_error *err)
{
    KY_ASSERT(search->k <= VECTOR_K_MAX);
    atomic_fetch_add_explicit(&collection->searches, 1, memory_order_relaxed);
    struct vector_search_stats stats = {.is_exact = true};
    struct exact_search exact;
    struct view *view = view_acquire(collection);
    exact_init(&exact, &collection->options, search, hits, &stats);
    ky_status status = search_flats(&exact, view, err);
    if (status == KY_OK) {
        *count_out = exact_finish(&exact);
        if (stats_out != NULL) {
            *stats_out = stats;
        }
    }
    exact_deinit(&exact);
    view_release(view);
    return status;
}
