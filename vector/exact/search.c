/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Exact search: every live vector against the query, block by block. The heap holds ranks, numbers
 * in the order of the distances but cheaper: for L2 the squared distance. (Two different floats
 * have different square roots as doubles, so ties stay ties.) The worst rank kept is at hand in a
 * register; most vectors are done with after one comparison, and only one that would enter the heap
 * is shown to accept.
 *
 * Each block is a stay of its own in the epoch: a long search does not hold back reclamation. The
 * heap has row ids and ranks, nothing that would have to stay alive.
 */

#include <math.h>

#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "vector/collection_private.h"
#include "vector/distance/distance.h"
#include "vector/exact/heap.h"

enum { GROUP = 4 /* rows of l2_squared_4 */ };

struct search {
    const struct collection *collection;
    const struct distance_kernels *kernels;
    const float *query;
    double query_norm_squared; /* for cosine */
    struct hit_heap heap;      /* of ranks */
    double threshold;          /* no rank above it is wanted; infinite until the heap is full */
    vector_accept accept;
    void *arg;
};

static double
cosine_distance(const struct search *search, const float *values)
{
    float dot = 0;
    float norm_squared = 0;
    search->kernels->cosine_parts(search->query, values, search->collection->dimension, &dot,
                                  &norm_squared);
    double cosine = (double)dot / sqrt(search->query_norm_squared * (double)norm_squared);
    /* A zero vector has no direction: not a number stays so. Rounding may go beyond one. */
    if (cosine > 1) {
        cosine = 1;
    } else if (cosine < -1) {
        cosine = -1;
    }
    return 1 - cosine;
}

static inline double
rank_of(const struct search *search, const float *values)
{
    const struct distance_kernels *kernels = search->kernels;
    size_t count = search->collection->dimension;
    switch (search->collection->metric) {
    case VECTOR_L2:
        return (double)kernels->l2_squared(search->query, values, count);
    case VECTOR_INNER_PRODUCT:
        return -(double)kernels->inner_product(search->query, values, count);
    case VECTOR_COSINE:
        return cosine_distance(search, values);
    case VECTOR_L1:
        return (double)kernels->l1(search->query, values, count);
    }
    KY_UNREACHABLE();
}

static double
distance_of(const struct search *search, double rank)
{
    return search->collection->metric == VECTOR_L2 ? sqrt(rank) : rank;
}

static inline void
consider(struct search *search, row_id_t row_id, const float *values, double rank)
{
    if (KY_LIKELY(rank > search->threshold)) {
        return;
    }
    const struct vector_hit hit = {row_id, rank};
    if (!hit_heap_wants(&search->heap, &hit) ||
        !search->accept(search->arg, row_id, values, distance_of(search, rank))) {
        return;
    }
    hit_heap_add(&search->heap, hit);
    /* Not a number on top refuses nothing here: it compares false, and the heap decides. */
    if (search->heap.count == search->heap.capacity) {
        search->threshold = search->heap.hits[0].distance;
    }
}

/* Four neighbours at once when all of them are alive; dead ones may be being written. */
static void
search_group(struct search *search, const row_id_t row_ids[GROUP], const float *base)
{
    size_t stride = search->collection->stride;
    float squared[GROUP];
    search->kernels->l2_squared_4(search->query, base, stride, search->collection->dimension,
                                  squared);
    for (size_t i = 0; i < GROUP; i++) {
        consider(search, row_ids[i], base + i * stride, (double)squared[i]);
    }
}

static void
search_block(struct search *search, const struct block *block, uint32_t used)
{
    size_t stride = search->collection->stride;
    bool has_groups = search->collection->metric == VECTOR_L2;
    for (uint32_t row = 0; row < used; row += GROUP) {
        row_id_t row_ids[GROUP] = {0};
        uint32_t alive = 0;
        for (uint32_t i = 0; i < GROUP && row + i < used; i++) {
            /* Acquire pairs with the release in insert: the values are there. */
            row_ids[i] = atomic_load_explicit(&block->row_ids[row + i], memory_order_acquire);
            alive += row_ids[i] != ROW_ID_NONE;
        }
        const float *base = block->values + row * stride;
        if (has_groups && alive == GROUP) {
            search_group(search, row_ids, base);
            continue;
        }
        for (uint32_t i = 0; i < GROUP && alive > 0; i++) {
            if (row_ids[i] != ROW_ID_NONE) {
                const float *values = base + i * stride;
                consider(search, row_ids[i], values, rank_of(search, values));
            }
        }
    }
}

static bool
is_raised(const _Atomic int *is_cancelled)
{
    return is_cancelled != NULL && atomic_load_explicit(is_cancelled, memory_order_relaxed) != 0;
}

static ky_status
search_all(struct search *search, const _Atomic int *is_cancelled, struct ky_error *err)
{
    const struct collection *collection = search->collection;
    uint32_t block_rows = collection_block_rows(collection);
    /* What is inserted from here on may be missed. Acquire: the blocks are in the table. */
    uint64_t count = atomic_load_explicit(&collection->place_count, memory_order_acquire);
    for (uint64_t first = 0; first < count; first += block_rows) {
        if (is_raised(is_cancelled)) {
            return ky_error_set(err, KY_QUERY_CANCELED, "canceling statement due to user request");
        }
        ky_epoch_enter();
        const struct block_table *table =
            atomic_load_explicit(&collection->table, memory_order_acquire);
        search_block(search, table->blocks[first >> collection->block_rows_shift],
                     (uint32_t)KY_MIN(count - first, (uint64_t)block_rows));
        ky_epoch_leave();
    }
    return KY_OK;
}

ky_status
collection_search_exact(struct collection *collection, const float *query, uint32_t k,
                        vector_accept accept, void *arg, const _Atomic int *is_cancelled,
                        struct vector_hit *hits, uint32_t *count_out, struct ky_error *err)
{
    KY_ASSERT(k <= VECTOR_K_MAX);
    atomic_fetch_add_explicit(&collection->searches, 1, memory_order_relaxed);
    struct search search = {
        .collection = collection,
        .kernels = distance_kernels(),
        .query = query,
        .heap = {hits, 0, k},
        .threshold = (double)INFINITY,
        .accept = accept,
        .arg = arg,
    };
    if (collection->metric == VECTOR_COSINE) {
        search.query_norm_squared =
            (double)search.kernels->inner_product(query, query, collection->dimension);
    }
    if (k > 0) {
        KY_TRY(search_all(&search, is_cancelled, err));
    }
    hit_heap_sort(&search.heap);
    for (uint32_t i = 0; i < search.heap.count; i++) {
        hits[i].distance = distance_of(&search, hits[i].distance);
    }
    *count_out = search.heap.count;
    return KY_OK;
}
