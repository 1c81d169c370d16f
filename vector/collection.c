/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Inserting and removing, under the collection's mutex; searches run beside it. The layout and
 * what a search may rely on are in collection_private.h.
 *
 * A place goes: never used or free -> values written -> row id set (release) -> removed: row id
 * cleared -> waits for an epoch -> free again. The row id is what publishes the values.
 */

#include "vector/collection.h"

#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "vector/collection_private.h"

enum {
    ALIGNMENT = 64,
    BLOCK_FLOATS = 64 * 1024, /* how many floats a block aims for */
    BLOCK_ROWS_SHIFT_MIN = 4,
    BLOCK_ROWS_SHIFT_MAX = 10,
    TABLE_CAPACITY_MIN = 8,
};

static struct free_places *
free_places_new(void)
{
    struct free_places *list = (struct free_places *)ky_calloc(1, sizeof(*list));
    ky_mutex_init(&list->lock);
    atomic_init(&list->references, 1);
    return list;
}

static void
free_places_release(struct free_places *list)
{
    /* Release and acquire: whoever frees it sees what all others did with it. */
    if (atomic_fetch_sub_explicit(&list->references, 1, memory_order_acq_rel) == 1) {
        ky_mutex_deinit(&list->lock);
        ky_free(list->places);
        ky_free(list);
    }
}

static void
free_places_push(struct free_places *list, uint64_t place)
{
    ky_mutex_lock(&list->lock);
    if (list->count == list->capacity) {
        list->capacity = KY_MAX(list->capacity * 2, (size_t)64);
        list->places =
            (uint64_t *)ky_realloc(list->places, list->capacity * sizeof(list->places[0]));
    }
    list->places[list->count++] = place;
    ky_mutex_unlock(&list->lock);
}

static bool
free_places_pop(struct free_places *list, uint64_t *place_out)
{
    ky_mutex_lock(&list->lock);
    bool is_found = list->count > 0;
    if (is_found) {
        *place_out = list->places[--list->count];
    }
    ky_mutex_unlock(&list->lock);
    return is_found;
}

/* A removed place on its way through the epoch. */
struct dead_place {
    struct free_places *list; /* counted */
    uint64_t place;
};

static void
dead_place_end(void *pointer)
{
    struct dead_place *dead = (struct dead_place *)pointer;
    free_places_push(dead->list, dead->place);
    free_places_release(dead->list);
    ky_free(dead);
}

static void
retire_place(struct collection *collection, uint64_t place)
{
    struct dead_place *dead = (struct dead_place *)ky_malloc(sizeof(*dead));
    *dead = (struct dead_place){collection->free_places, place};
    atomic_fetch_add_explicit(&collection->free_places->references, 1, memory_order_relaxed);
    ky_epoch_retire(dead, dead_place_end);
}

static struct block_table *
table_new(size_t capacity)
{
    struct block_table *table =
        (struct block_table *)ky_calloc(1, sizeof(*table) + capacity * sizeof(table->blocks[0]));
    table->capacity = capacity;
    return table;
}

struct collection *
collection_new(uint32_t dimension, enum vector_metric metric)
{
    KY_ASSERT(dimension >= 1);
    KY_ASSERT(dimension <= VECTOR_DIMENSION_MAX);
    struct collection *collection = (struct collection *)ky_calloc(1, sizeof(*collection));
    collection->dimension = dimension;
    collection->stride = (uint32_t)ky_align_up(dimension, ALIGNMENT / sizeof(float));
    collection->metric = metric;
    uint32_t shift = BLOCK_ROWS_SHIFT_MAX;
    while (shift > BLOCK_ROWS_SHIFT_MIN && collection->stride << shift > BLOCK_FLOATS) {
        shift--;
    }
    collection->block_rows_shift = shift;
    ky_mutex_init(&collection->lock);
    collection->free_places = free_places_new();
    atomic_init(&collection->table, table_new(TABLE_CAPACITY_MIN));
    return collection;
}

static uint64_t
block_count_of(const struct collection *collection, uint64_t place_count)
{
    return (place_count + collection_block_rows(collection) - 1) >> collection->block_rows_shift;
}

void
collection_free(struct collection *collection)
{
    if (collection == NULL) {
        return;
    }
    struct block_table *table = atomic_load_explicit(&collection->table, memory_order_acquire);
    uint64_t count = block_count_of(
        collection, atomic_load_explicit(&collection->place_count, memory_order_acquire));
    for (uint64_t i = 0; i < count; i++) {
        free(table->blocks[i]->values);
        ky_free(table->blocks[i]);
    }
    ky_free(table);
    ky_map64_deinit(&collection->places);
    free_places_release(collection->free_places);
    ky_mutex_deinit(&collection->lock);
    ky_free(collection);
}

/* For whoever holds the lock. */
static struct block *
block_of(const struct collection *collection, uint64_t place)
{
    return atomic_load_explicit(&collection->table, memory_order_relaxed)
        ->blocks[place >> collection->block_rows_shift];
}

static _Atomic row_id_t *
row_id_at(const struct collection *collection, uint64_t place)
{
    uint64_t row = place & (collection_block_rows(collection) - 1);
    return &block_of(collection, place)->row_ids[row];
}

static float *
values_at(const struct collection *collection, uint64_t place)
{
    uint64_t row = place & (collection_block_rows(collection) - 1);
    return block_of(collection, place)->values + row * collection->stride;
}

static size_t
values_size(const struct collection *collection)
{
    return collection->dimension * sizeof(float);
}

/*
 * The map's key for an entry is its hash, or, when other entries have that, the next number that
 * none has. A removal leaves 0 behind in the middle of such a chain, so that the rest is found.
 * *key_out is the entry's key, or the one to put it under.
 */
static bool
find_entry(const struct collection *collection, row_id_t row_id, const float *values,
           uint64_t *key_out, uint64_t *place_out)
{
    size_t size = values_size(collection);
    uint64_t key = ky_hash_bytes(values, size, row_id);
    bool has_gap = false;
    for (;; key++) {
        const uint64_t *found = ky_map64_find(&collection->places, key);
        if (found == NULL) {
            *key_out = has_gap ? *key_out : key;
            return false;
        }
        if (*found == 0) {
            *key_out = has_gap ? *key_out : key;
            has_gap = true;
            continue;
        }
        uint64_t place = *found - 1;
        row_id_t held = atomic_load_explicit(row_id_at(collection, place), memory_order_relaxed);
        if (held == row_id && memcmp(values_at(collection, place), values, size) == 0) {
            *key_out = key;
            *place_out = place;
            return true;
        }
    }
}

static struct block *
block_new(const struct collection *collection)
{
    size_t rows = collection_block_rows(collection);
    size_t size = rows * collection->stride * sizeof(float);
    float *values = (float *)aligned_alloc(ALIGNMENT, size);
    if (values == NULL) {
        return NULL;
    }
    struct block *block =
        (struct block *)ky_calloc(1, sizeof(*block) + rows * sizeof(block->row_ids[0]));
    block->values = values;
    return block;
}

/* One more block at the end; searches see it when place_count says so. */
static ky_status
add_block(struct collection *collection, uint64_t index, struct ky_error *err)
{
    struct block *block = block_new(collection);
    if (block == NULL) {
        return ky_error_set(err, KY_OUT_OF_MEMORY, "out of memory for vectors");
    }
    struct block_table *table = atomic_load_explicit(&collection->table, memory_order_relaxed);
    if (index == table->capacity) {
        struct block_table *larger = table_new(table->capacity * 2);
        memcpy((void *)larger->blocks, (const void *)table->blocks,
               table->capacity * sizeof(table->blocks[0]));
        /* Release pairs with the acquire in a search: the copied pointers are there. */
        atomic_store_explicit(&collection->table, larger, memory_order_release);
        ky_epoch_retire(table, ky_free);
        table = larger;
    }
    table->blocks[index] = block;
    uint64_t rows = collection_block_rows(collection);
    atomic_fetch_add_explicit(&collection->bytes,
                              sizeof(*block) +
                                  rows * (sizeof(row_id_t) + collection->stride * sizeof(float)),
                              memory_order_relaxed);
    return KY_OK;
}

static ky_status
take_place(struct collection *collection, uint64_t *place_out, struct ky_error *err)
{
    if (free_places_pop(collection->free_places, place_out)) {
        return KY_OK;
    }
    uint64_t place = atomic_load_explicit(&collection->place_count, memory_order_relaxed);
    if ((place & (collection_block_rows(collection) - 1)) == 0) {
        KY_TRY(add_block(collection, place >> collection->block_rows_shift, err));
    }
    /* Release pairs with the acquire in a search: the place's block is in the table. */
    atomic_store_explicit(&collection->place_count, place + 1, memory_order_release);
    *place_out = place;
    return KY_OK;
}

static ky_status
insert(struct collection *collection, row_id_t row_id, const float *values, struct ky_error *err)
{
    uint64_t key = 0;
    uint64_t place = 0;
    if (find_entry(collection, row_id, values, &key, &place)) {
        return KY_OK;
    }
    KY_TRY(take_place(collection, &place, err));
    memcpy(values_at(collection, place), values, values_size(collection));
    /* Release pairs with the acquire in a search: the values are there. */
    atomic_store_explicit(row_id_at(collection, place), row_id, memory_order_release);
    *ky_map64_put(&collection->places, key, NULL) = place + 1;
    atomic_fetch_add_explicit(&collection->entries, 1, memory_order_relaxed);
    return KY_OK;
}

ky_status
collection_insert(struct collection *collection, row_id_t row_id, const float *values,
                  struct ky_error *err)
{
    KY_ASSERT(row_id != ROW_ID_NONE);
    ky_mutex_lock(&collection->lock);
    ky_status status = insert(collection, row_id, values, err);
    ky_mutex_unlock(&collection->lock);
    return status;
}

bool
collection_remove(struct collection *collection, row_id_t row_id, const float *values)
{
    uint64_t key = 0;
    uint64_t place = 0;
    ky_mutex_lock(&collection->lock);
    bool is_found = find_entry(collection, row_id, values, &key, &place);
    if (is_found) {
        atomic_store_explicit(row_id_at(collection, place), ROW_ID_NONE, memory_order_relaxed);
        if (ky_map64_find(&collection->places, key + 1) != NULL) {
            *ky_map64_put(&collection->places, key, NULL) = 0;
        } else {
            (void)ky_map64_remove(&collection->places, key);
        }
        atomic_fetch_sub_explicit(&collection->entries, 1, memory_order_relaxed);
        retire_place(collection, place);
    }
    ky_mutex_unlock(&collection->lock);
    return is_found;
}

void
collection_stats(const struct collection *collection, struct collection_stats *stats_out)
{
    *stats_out = (struct collection_stats){
        .entries = atomic_load_explicit(&collection->entries, memory_order_relaxed),
        .bytes = atomic_load_explicit(&collection->bytes, memory_order_relaxed),
        .searches = atomic_load_explicit(&collection->searches, memory_order_relaxed),
    };
}
