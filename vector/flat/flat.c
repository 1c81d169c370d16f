/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Inserting and removing, by one writer at a time; searches run beside it. The layout and
 * what a search may rely on are in flat.h.
 *
 * A place goes: never used or free -> values written -> row id set (release) -> removed: row id
 * cleared -> waits for an epoch -> free again. The row id is what publishes the values.
 */

#include "vector/flat/flat.h"

#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"

enum {
    ALIGNMENT = 64,
    BLOCK_SIZE = 256 * 1024, /* how many bytes of values a block aims for */
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
retire_place(struct flat *flat, uint64_t place)
{
    struct dead_place *dead = (struct dead_place *)ky_malloc(sizeof(*dead));
    *dead = (struct dead_place){flat->free_places, place};
    atomic_fetch_add_explicit(&flat->free_places->references, 1, memory_order_relaxed);
    ky_epoch_retire(dead, dead_place_end);
}

static struct flat_table *
table_new(size_t capacity)
{
    struct flat_table *table =
        (struct flat_table *)ky_calloc(1, sizeof(*table) + capacity * sizeof(table->blocks[0]));
    table->capacity = capacity;
    return table;
}

struct flat *
flat_new(size_t values_size)
{
    KY_ASSERT(values_size >= 1);
    struct flat *flat = (struct flat *)ky_calloc(1, sizeof(*flat));
    flat->values_size = values_size;
    flat->stride = ky_align_up(values_size, values_size < ALIGNMENT ? 16 : ALIGNMENT);
    uint32_t shift = BLOCK_ROWS_SHIFT_MAX;
    while (shift > BLOCK_ROWS_SHIFT_MIN && flat->stride << shift > BLOCK_SIZE) {
        shift--;
    }
    flat->block_rows_shift = shift;
    atomic_init(&flat->references, 1);
    flat->free_places = free_places_new();
    atomic_init(&flat->table, table_new(TABLE_CAPACITY_MIN));
    return flat;
}

void
flat_acquire(struct flat *flat)
{
    atomic_fetch_add_explicit(&flat->references, 1, memory_order_relaxed);
}

static uint64_t
block_count_of(const struct flat *flat, uint64_t place_count)
{
    return (place_count + flat_block_rows(flat) - 1) >> flat->block_rows_shift;
}

void
flat_release(struct flat *flat)
{
    /* Release and acquire: whoever frees it sees what all others did with it. */
    if (flat == NULL ||
        atomic_fetch_sub_explicit(&flat->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    struct flat_table *table = atomic_load_explicit(&flat->table, memory_order_acquire);
    uint64_t count =
        block_count_of(flat, atomic_load_explicit(&flat->place_count, memory_order_acquire));
    for (uint64_t i = 0; i < count; i++) {
        free(table->blocks[i]->values);
        ky_free(table->blocks[i]);
    }
    ky_free(table);
    ky_map64_deinit(&flat->places);
    free_places_release(flat->free_places);
    ky_free(flat);
}

/* For whoever holds the lock. */
static struct flat_block *
block_of(const struct flat *flat, uint64_t place)
{
    return atomic_load_explicit(&flat->table, memory_order_relaxed)
        ->blocks[place >> flat->block_rows_shift];
}

static _Atomic row_id_t *
row_id_at(const struct flat *flat, uint64_t place)
{
    uint64_t row = place & (flat_block_rows(flat) - 1);
    return &block_of(flat, place)->row_ids[row];
}

static char *
values_at(const struct flat *flat, uint64_t place)
{
    uint64_t row = place & (flat_block_rows(flat) - 1);
    return block_of(flat, place)->values + row * flat->stride;
}

/*
 * The map's key for an entry is its hash, or, when other entries have that, the next number that
 * none has. A removal leaves 0 behind in the middle of such a chain, so that the rest is found.
 * *key_out is the entry's key, or the one to put it under.
 */
static bool
find_entry(const struct flat *flat, row_id_t row_id, const void *values, uint64_t *key_out,
           uint64_t *place_out)
{
    size_t size = flat->values_size;
    uint64_t key = ky_hash_bytes(values, size, row_id);
    bool has_gap = false;
    for (;; key++) {
        const uint64_t *found = ky_map64_find(&flat->places, key);
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
        row_id_t held = atomic_load_explicit(row_id_at(flat, place), memory_order_relaxed);
        if (held == row_id && memcmp(values_at(flat, place), values, size) == 0) {
            *key_out = key;
            *place_out = place;
            return true;
        }
    }
}

static struct flat_block *
block_new(const struct flat *flat)
{
    size_t rows = flat_block_rows(flat);
    size_t size = rows * flat->stride;
    char *values = (char *)aligned_alloc(ALIGNMENT, size);
    if (values == NULL) {
        return NULL;
    }
    struct flat_block *block =
        (struct flat_block *)ky_calloc(1, sizeof(*block) + rows * sizeof(block->row_ids[0]));
    block->values = values;
    return block;
}

/* One more block at the end; searches see it when place_count says so. */
static ky_status
add_block(struct flat *flat, uint64_t index, struct ky_error *err)
{
    struct flat_block *block = block_new(flat);
    if (block == NULL) {
        return ky_error_set(err, KY_OUT_OF_MEMORY, "out of memory for vectors");
    }
    struct flat_table *table = atomic_load_explicit(&flat->table, memory_order_relaxed);
    if (index == table->capacity) {
        struct flat_table *larger = table_new(table->capacity * 2);
        memcpy((void *)larger->blocks, (const void *)table->blocks,
               table->capacity * sizeof(table->blocks[0]));
        /* Release pairs with the acquire in a search: the copied pointers are there. */
        atomic_store_explicit(&flat->table, larger, memory_order_release);
        ky_epoch_retire(table, ky_free);
        table = larger;
    }
    table->blocks[index] = block;
    uint64_t rows = flat_block_rows(flat);
    atomic_fetch_add_explicit(&flat->bytes,
                              sizeof(*block) + rows * (sizeof(row_id_t) + flat->stride),
                              memory_order_relaxed);
    return KY_OK;
}

static ky_status
take_place(struct flat *flat, uint64_t *place_out, struct ky_error *err)
{
    if (free_places_pop(flat->free_places, place_out)) {
        return KY_OK;
    }
    uint64_t place = atomic_load_explicit(&flat->place_count, memory_order_relaxed);
    if ((place & (flat_block_rows(flat) - 1)) == 0) {
        KY_TRY(add_block(flat, place >> flat->block_rows_shift, err));
    }
    /* Release pairs with the acquire in a search: the place's block is in the table. */
    atomic_store_explicit(&flat->place_count, place + 1, memory_order_release);
    *place_out = place;
    return KY_OK;
}

ky_status
flat_insert(struct flat *flat, row_id_t row_id, const void *values, struct ky_error *err)
{
    KY_ASSERT(row_id != ROW_ID_NONE);
    uint64_t key = 0;
    uint64_t place = 0;
    if (find_entry(flat, row_id, values, &key, &place)) {
        return KY_OK;
    }
    KY_TRY(take_place(flat, &place, err));
    memcpy(values_at(flat, place), values, flat->values_size);
    /* Release pairs with the acquire in a search: the values are there. */
    atomic_store_explicit(row_id_at(flat, place), row_id, memory_order_release);
    *ky_map64_put(&flat->places, key, NULL) = place + 1;
    atomic_fetch_add_explicit(&flat->entries, 1, memory_order_relaxed);
    return KY_OK;
}

bool
flat_remove(struct flat *flat, row_id_t row_id, const void *values)
{
    uint64_t key = 0;
    uint64_t place = 0;
    bool is_found = find_entry(flat, row_id, values, &key, &place);
    if (is_found) {
        atomic_store_explicit(row_id_at(flat, place), ROW_ID_NONE, memory_order_relaxed);
        if (ky_map64_find(&flat->places, key + 1) != NULL) {
            *ky_map64_put(&flat->places, key, NULL) = 0;
        } else {
            (void)ky_map64_remove(&flat->places, key);
        }
        atomic_fetch_sub_explicit(&flat->entries, 1, memory_order_relaxed);
        retire_place(flat, place);
    }
    return is_found;
}

bool
flat_contains(const struct flat *flat, row_id_t row_id, const void *values)
{
    uint64_t key = 0;
    uint64_t place = 0;
    return find_entry(flat, row_id, values, &key, &place);
}

uint64_t
flat_entries(const struct flat *flat)
{
    return atomic_load_explicit(&flat->entries, memory_order_relaxed);
}

uint64_t
flat_place_count(const struct flat *flat)
{
    /* Acquire pairs with the release in take_place: the blocks are in the table. */
    return atomic_load_explicit(&flat->place_count, memory_order_acquire);
}

uint64_t
flat_bytes(const struct flat *flat)
{
    return atomic_load_explicit(&flat->bytes, memory_order_relaxed) +
           flat->places.capacity * 2 * sizeof(uint64_t);
}
