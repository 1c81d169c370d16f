/* SPDX-License-Identifier: Apache-2.0 */
#include "vector/collection.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/map.h"
#include "vector/distance/distance.h"

/*
 * Vectors lie in 64-byte aligned blocks of BLOCK_ROWS rows; a row's place never moves. Removing marks
 * a place free (row id 0) for the next insert. A search walks the blocks with the kernels four
 * rows at a time and keeps the k best in a heap; only rows that would enter it are asked about.
 * Searches share a lock, changes have it alone; `accept` runs under the shared lock.
 */
enum { BLOCK_ROWS = 1024, ALIGNMENT = 64 };

struct block {
    row_id_t row_ids[BLOCK_ROWS]; /* 0: free */
    float *values;                /* BLOCK_ROWS rows of `stride` floats, aligned */
};

struct collection {
    uint32_t dimension;
    uint32_t stride; /* floats in a row, padding included */
    enum vector_metric metric;
    pthread_rwlock_t lock;
    struct block **blocks;
    size_t block_count;
    size_t place_count; /* places ever used */
    uint64_t *free;     /* stack of free places */
    size_t free_count, free_capacity;
    struct ky_map64 places; /* hash of (row, vector) -> place + 1; collisions probe on */
    uint64_t entries;
    atomic_ullong searches;
};

/* ------------------------------------------------------------------ life */

struct collection *
collection_new(uint32_t dimension, enum vector_metric metric)
{
    struct collection *collection = ky_calloc(1, sizeof(*collection));
    KY_ASSERT(dimension >= 1);
    KY_ASSERT(dimension <= VECTOR_DIMENSION_MAX);
    collection->dimension = dimension;
    collection->stride = (uint32_t)ky_align_up(dimension, ALIGNMENT / sizeof(float));
    collection->metric = metric;
    KY_ASSERT(pthread_rwlock_init(&collection->lock, NULL) == 0);
    return collection;
}

void
collection_free(struct collection *collection)
{
    if (collection == NULL) {
        return;
    }
    for (size_t i = 0; i < collection->block_count; i++) {
        free(collection->blocks[i]->values);
        ky_free(collection->blocks[i]);
    }
    ky_free(collection->blocks);
    ky_free(collection->free);
    ky_map64_deinit(&collection->places);
    (void)pthread_rwlock_destroy(&collection->lock);
    ky_free(collection);
}

static float *
values_at(const struct collection *collection, uint64_t place)
{
    return collection->blocks[place / BLOCK_ROWS]->values +
           (place % BLOCK_ROWS) * collection->stride;
}

static row_id_t *
row_id_at(const struct collection *collection, uint64_t place)
{
    return &collection->blocks[place / BLOCK_ROWS]->row_ids[place % BLOCK_ROWS];
}

/* ------------------------------------------------------------------ changing */

static uint64_t
entry_hash(const struct collection *collection, row_id_t row_id, const float *values)
{
    return ky_hash_bytes(values, collection->dimension * sizeof(float), row_id);
}

/* The map's key of an entry: its hash, or the first one after it that is this entry's or free. */
static bool
find_entry(const struct collection *collection, row_id_t row_id, const float *values,
           uint64_t *key_out, uint64_t *place_out)
{
    uint64_t key = entry_hash(collection, row_id, values);
    for (;; key++) {
        const uint64_t *found = ky_map64_find(&collection->places, key);
        *key_out = key;
        if (found == NULL) {
            return false;
        }
        uint64_t place = *found - 1;
        /* A place that was emptied stays in its chain as 0. */
        if (*found != 0 && *row_id_at(collection, place) == row_id &&
            memcmp(values_at(collection, place), values,
                   collection->dimension * sizeof(float)) == 0) {
            *place_out = place;
            return true;
        }
    }
}

static ky_status
take_place(struct collection *collection, uint64_t *place_out, struct ky_error *err)
{
    if (collection->free_count > 0) {
        *place_out = collection->free[--collection->free_count];
        return KY_OK;
    }
    if (collection->place_count == collection->block_count * BLOCK_ROWS) {
        size_t size = (size_t)BLOCK_ROWS * collection->stride * sizeof(float);
        float *values = aligned_alloc(ALIGNMENT, size);
        if (values == NULL) {
            return ky_error_set(err, KY_OUT_OF_MEMORY, "out of memory for vectors");
        }
        memset(values, 0, size);
        struct block *block = ky_calloc(1, sizeof(*block));
        block->values = values;
        collection->blocks = ky_realloc(
            collection->blocks, (collection->block_count + 1) * sizeof(*collection->blocks));
        collection->blocks[collection->block_count++] = block;
    }
    *place_out = collection->place_count++;
    return KY_OK;
}

ky_status
collection_insert(struct collection *collection, row_id_t row_id, const float *values,
                  struct ky_error *err)
{
    uint64_t key;
    uint64_t place;
    ky_status status = KY_OK;
    KY_ASSERT(pthread_rwlock_wrlock(&collection->lock) == 0);
    if (!find_entry(collection, row_id, values, &key, &place)) {
        status = take_place(collection, &place, err);
        if (status == KY_OK) {
            memcpy(values_at(collection, place), values, collection->dimension * sizeof(float));
            *row_id_at(collection, place) = row_id;
            *ky_map64_put(&collection->places, key, NULL) = place + 1;
            collection->entries++;
        }
    }
    KY_ASSERT(pthread_rwlock_unlock(&collection->lock) == 0);
    return status;
}

bool
collection_remove(struct collection *collection, row_id_t row_id, const float *values)
{
    uint64_t key;
    uint64_t place;
    KY_ASSERT(pthread_rwlock_wrlock(&collection->lock) == 0);
    bool is_found = find_entry(collection, row_id, values, &key, &place);
    if (is_found) {
        *row_id_at(collection, place) = ROW_ID_NONE;
        /* Entries further along this key's chain must stay reachable. */
        if (ky_map64_find(&collection->places, key + 1) != NULL) {
            *ky_map64_put(&collection->places, key, NULL) = 0;
        } else {
            (void)ky_map64_remove(&collection->places, key);
        }
        if (collection->free_count == collection->free_capacity) {
            collection->free_capacity = KY_MAX(collection->free_capacity * 2, (size_t)64);
            collection->free = ky_realloc(collection->free, collection->free_capacity *
                                                                sizeof(*collection->free));
        }
        collection->free[collection->free_count++] = place;
        collection->entries--;
    }
    KY_ASSERT(pthread_rwlock_unlock(&collection->lock) == 0);
    return is_found;
}

/* ------------------------------------------------------------------ searching */

/* The k best so far, the worst on top; worse is farther, then the higher row id. */
struct heap {
    struct vector_hit *hits;
    uint32_t count, capacity;
};

static bool
is_worse(const struct vector_hit *a, const struct vector_hit *b)
{
    return a->distance > b->distance ||
           (a->distance == b->distance && a->row_id > b->row_id);
}

static void
sift_down(struct heap *heap, uint32_t at)
{
    for (;;) {
        uint32_t worst = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap->count; child++) {
            if (is_worse(&heap->hits[child], &heap->hits[worst])) {
                worst = child;
            }
        }
        if (worst == at) {
            return;
        }
        struct vector_hit swap = heap->hits[at];
        heap->hits[at] = heap->hits[worst];
        heap->hits[worst] = swap;
        at = worst;
    }
}

static void
heap_add(struct heap *heap, struct vector_hit hit)
{
    if (heap->count == heap->capacity) {
        heap->hits[0] = hit;
        sift_down(heap, 0);
        return;
    }
    uint32_t at = heap->count++;
    heap->hits[at] = hit;
    while (at > 0 && is_worse(&heap->hits[at], &heap->hits[(at - 1) / 2])) {
        struct vector_hit swap = heap->hits[at];
        heap->hits[at] = heap->hits[(at - 1) / 2];
        heap->hits[(at - 1) / 2] = swap;
        at = (at - 1) / 2;
    }
}

static int
compare_hits(const void *left, const void *right)
{
    const struct vector_hit *a = left;
    const struct vector_hit *b = right;
    return is_worse(a, b) ? 1 : is_worse(b, a) ? -1 : 0;
}

struct search {
    const struct collection *collection;
    const struct distance_kernels *kernels;
    const float *query;
    double query_norm_squared;
    struct heap heap;
    vector_accept accept;
    void *arg;
};

/* The distance as SQL shows it. */
static double
distance_to(const struct search *search, const float *values)
{
    size_t count = search->collection->dimension;
    float dot;
    float norm;
    switch (search->collection->metric) {
    case VECTOR_L2:
        return sqrt((double)search->kernels->l2_squared(search->query, values, count));
    case VECTOR_INNER_PRODUCT:
        return -(double)search->kernels->inner_product(search->query, values, count);
    case VECTOR_L1:
        return (double)search->kernels->l1(search->query, values, count);
    case VECTOR_COSINE:
        search->kernels->cosine_parts(search->query, values, count, &dot, &norm);
        return 1 - fmax(-1, fmin(1, (double)dot / sqrt(search->query_norm_squared *
                                                       (double)norm)));
    }
    KY_UNREACHABLE();
}

static void
consider(struct search *search, row_id_t row_id, const float *values, double distance)
{
    struct heap *heap = &search->heap;
    const struct vector_hit hit = {row_id, distance};
    bool is_full = heap->count == heap->capacity;
    if (isnan(distance) || (is_full && !is_worse(&heap->hits[0], &hit))) {
        return;
    }
    if (search->accept(search->arg, row_id, values, distance)) {
        heap_add(heap, hit);
    }
}

static void
search_block(struct search *search, const struct block *block, uint32_t used)
{
    uint32_t stride = search->collection->stride;
    uint32_t row = 0;
    if (search->collection->metric == VECTOR_L2) {
        for (; row + 4 <= used; row += 4) {
            float squared[4];
            const float *base = block->values + (size_t)row * stride;
            search->kernels->l2_squared_4(search->query, base, stride,
                                          search->collection->dimension, squared);
            for (uint32_t i = 0; i < 4; i++) {
                if (block->row_ids[row + i] != ROW_ID_NONE) {
                    consider(search, block->row_ids[row + i], base + (size_t)i * stride,
                             sqrt((double)squared[i]));
                }
            }
        }
    }
    for (; row < used; row++) {
        const float *values = block->values + (size_t)row * stride;
        if (block->row_ids[row] != ROW_ID_NONE) {
            consider(search, block->row_ids[row], values, distance_to(search, values));
        }
    }
}

ky_status
collection_search_exact(struct collection *collection, const float *query, uint32_t k,
                        vector_accept accept, void *arg, const _Atomic int *is_cancelled,
                        struct vector_hit *hits, uint32_t *count_out, struct ky_error *err)
{
    struct search search = {.collection = collection,
                            .kernels = distance_kernels(),
                            .query = query,
                            .heap = {.hits = hits, .capacity = k},
                            .accept = accept,
                            .arg = arg};
    ky_status status = KY_OK;
    if (k == 0) {
        *count_out = 0;
        return KY_OK;
    }
    search.query_norm_squared =
        (double)search.kernels->inner_product(query, query, collection->dimension);
    atomic_fetch_add_explicit(&collection->searches, 1, memory_order_relaxed);
    KY_ASSERT(pthread_rwlock_rdlock(&collection->lock) == 0);
    for (size_t i = 0; i < collection->block_count && status == KY_OK; i++) {
        size_t used = KY_MIN(collection->place_count - i * BLOCK_ROWS, (size_t)BLOCK_ROWS);
        search_block(&search, collection->blocks[i], (uint32_t)used);
        if (is_cancelled != NULL &&
            atomic_load_explicit(is_cancelled, memory_order_relaxed) != 0) {
            status = ky_error_set(err, KY_QUERY_CANCELED,
                                  "canceling statement due to user request");
        }
    }
    KY_ASSERT(pthread_rwlock_unlock(&collection->lock) == 0);
    if (status == KY_OK) {
        qsort(hits, search.heap.count, sizeof(*hits), compare_hits);
        *count_out = search.heap.count;
    }
    return status;
}

void
collection_stats(const struct collection *collection, struct collection_stats *stats_out)
{
    struct collection *shared = (struct collection *)(uintptr_t)collection;
    KY_ASSERT(pthread_rwlock_rdlock(&shared->lock) == 0);
    *stats_out = (struct collection_stats){
        .entries = collection->entries,
        .bytes = collection->block_count *
                 (sizeof(struct block) +
                  (uint64_t)BLOCK_ROWS * collection->stride * sizeof(float)),
        .searches = atomic_load_explicit(&collection->searches, memory_order_relaxed),
    };
    KY_ASSERT(pthread_rwlock_unlock(&shared->lock) == 0);
}
