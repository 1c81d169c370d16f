/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A search for the k nearest: the flats exactly, the graph as the mode says, and the two lists
 * merged. The flats come first: what moves from the sealed one into the graph is then in one of the
 * two at least, and may be in both.
 */

#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "vector/collection_private.h"
#include "vector/hnsw/search.h"

/* Below so many nodes, or when a good part of them is wanted or kept as candidates, looking at all
 * is no dearer. */
enum { GRAPH_NODES_MIN = 1000, WANTED_SHARE = 8, EF_SHARE = 2 };

ky_status
view_search_flats(struct exact_search *exact, const struct view *view, struct ky_error *err)
{
    KY_TRY(exact_flat(exact, view->active, err));
    if (view->sealed != NULL) {
        KY_TRY(exact_flat(exact, view->sealed, err));
    }
    return KY_OK;
}

bool
view_uses_graph(const struct view *view, const struct vector_search *search)
{
    if (view->graph == NULL || search->mode == VECTOR_MODE_EXACT) {
        return false;
    }
    uint32_t count = graph_node_count(view->graph);
    return search->mode == VECTOR_MODE_ANN ||
           (count >= GRAPH_NODES_MIN && search->k < count / WANTED_SHARE &&
            search->ef < count / EF_SHARE);
}

static int
compare_hits(const void *left, const void *right)
{
    const struct vector_hit *a = (const struct vector_hit *)left;
    const struct vector_hit *b = (const struct vector_hit *)right;
    if (a->row_id == b->row_id &&
        (a->distance == b->distance || (isnan(a->distance) && isnan(b->distance)))) {
        return 0;
    }
    return hit_is_worse(a, b) ? 1 : -1;
}

/* Merges sorted lists into hits, at most k, one that is in both once. */
static uint32_t
merge(struct vector_hit *hits, uint32_t count, const struct vector_hit *others,
      uint32_t other_count, uint32_t k)
{
    struct vector_hit *all =
        (struct vector_hit *)ky_malloc(((size_t)count + other_count + 1) * sizeof(*all));
    memcpy(all, hits, count * sizeof(*hits));
    memcpy(all + count, others, other_count * sizeof(*others));
    qsort(all, (size_t)count + other_count, sizeof(*all), compare_hits);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count + other_count && kept < k; i++) {
        if (kept == 0 || compare_hits(&hits[kept - 1], &all[i]) != 0) {
            hits[kept++] = all[i];
        }
    }
    ky_free(all);
    return kept;
}

static ky_status
search_graph(struct graph *graph, struct exact_search *exact, struct vector_hit *hits,
             uint32_t *count_out, struct ky_error *err)
{
    const struct vector_search *search = exact->search;
    struct graph_search gs;
    ky_epoch_enter();
    graph_search_init(&gs, graph, search, graph_search_ef(graph, search, search->k), search->k,
                      &exact->measure, exact->stats);
    ky_status status = graph_search_next(&gs, hits, search->k, count_out, err);
    graph_search_deinit(&gs);
    ky_epoch_leave();
    for (uint32_t i = 0; status == KY_OK && i < *count_out; i++) {
        hits[i].distance = measure_distance(&exact->measure, hits[i].distance);
    }
    return status;
}

static ky_status
search_by_graph(struct exact_search *exact, const struct view *view, struct vector_hit *hits,
                uint32_t *count_out, struct ky_error *err)
{
    uint32_t k = exact->search->k;
    uint32_t found = 0;
    exact->stats->codec = codec_kind(&view->graph->codec);
    struct vector_hit *others = (struct vector_hit *)ky_malloc(((size_t)k + 1) * sizeof(*others));
    ky_status status = view_search_flats(exact, view, err);
    if (status == KY_OK) {
        status = search_graph(view->graph, exact, others, &found, err);
    }
    if (status == KY_OK) {
        *count_out = merge(hits, exact_finish(exact), others, found, k);
    }
    if (status == KY_OK && exact->stats->is_given_up) {
        *count_out = 0;
    }
    ky_free(others);
    return status;
}

/* The two lists are kept apart here too: an entry that moves must not take two places. */
static ky_status
search_all(struct exact_search *exact, const struct collection *collection, const struct view *view,
           struct vector_hit *hits, uint32_t *count_out, struct ky_error *err)
{
    exact->stats->is_exact = true;
    KY_TRY(view_search_flats(exact, view, err));
    if (view->graph == NULL) {
        *count_out = exact_finish(exact);
        return KY_OK;
    }
    uint32_t k = exact->search->k;
    exact->stats->codec = codec_kind(&view->graph->codec);
    struct vector_hit *others = (struct vector_hit *)ky_malloc(((size_t)k + 1) * sizeof(*others));
    struct exact_search second;
    exact_init(&second, &collection->options, exact->search, others, exact->stats);
    ky_status status = graph_search_exact(&second, view->graph, err);
    if (status == KY_OK) {
        uint32_t found = exact_finish(&second);
        *count_out = merge(hits, exact_finish(exact), others, found, k);
    }
    exact_deinit(&second);
    ky_free(others);
    return status;
}

ky_status
collection_search(struct collection *collection, const struct vector_search *search,
                  struct vector_hit *hits, uint32_t *count_out,
                  struct vector_search_stats *stats_out, struct ky_error *err)
{
    KY_ASSERT(search->k <= VECTOR_K_MAX);
    atomic_fetch_add_explicit(&collection->searches, 1, memory_order_relaxed);
    struct vector_search_stats stats = {0};
    struct exact_search exact;
    struct view *view = view_acquire(collection);
    exact_init(&exact, &collection->options, search, hits, &stats);
    ky_status status = KY_OK;
    if (search_is_cancelled(search)) {
        status = search_set_cancelled(err);
    } else if (search->k == 0) {
        *count_out = 0;
    } else if (view_uses_graph(view, search)) {
        status = search_by_graph(&exact, view, hits, count_out, err);
    } else {
        status = search_all(&exact, collection, view, hits, count_out, err);
    }
    if (status == KY_OK && stats_out != NULL) {
        *stats_out = stats;
    }
    exact_deinit(&exact);
    view_release(view);
    return status;
}
