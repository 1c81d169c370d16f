/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "server/base/error.h"
#include "server/base/map.h"
#include "server/base/mutex.h"
#include "storage/api/ids.h"

/*
 * Vectors in the order they came, for exact search: all of a collection without a graph, or what
 * its graph has not taken in yet; private to vector.
 *
 *     table -> block 0, block 1, ...      block: row ids | rows of `stride` bytes, 64-byte aligned
 *
 * A place is a row's number: block * block_rows + row in the block. Blocks never move and are
 * freed with the flat. The table of blocks is copied when it grows.
 *
 * What a search may read without a lock: the values of any place below place_count whose row id
 * it has loaded and found not to be ROW_ID_NONE, for as long as it stays in the epoch. A removed
 * place is dead (ROW_ID_NONE) and is written again only after all who could have seen it alive
 * have left.
 *
 * Inserts and removals are the caller's to serialise.
 */
struct flat_block {
    char *values;               /* owned */
    _Atomic row_id_t row_ids[]; /* ROW_ID_NONE: dead or never used */
};

struct flat_table {
    size_t capacity;
    struct flat_block *blocks[]; /* those that hold places below place_count are set */
};

/* Dead places that nobody looks at any more. Outlives its flat while removals are pending. */
struct free_places {
    struct ky_mutex lock;
    _Atomic uint32_t references;
    uint64_t *places; /* owned; guarded by lock, as are count and capacity */
    size_t count;
    size_t capacity;
};

struct flat {
    size_t values_size;        /* these three are immutable */
    size_t stride;             /* bytes from one row to the next */
    uint32_t block_rows_shift; /* rows in a block are a power of two */
    _Atomic uint32_t references;
    _Atomic(struct flat_table *) table; /* release and acquire */
    _Atomic uint64_t place_count;       /* release and acquire: the blocks below are there */
    _Atomic uint64_t entries;           /* relaxed, as the rest: statistics */
    _Atomic uint64_t bytes;
    struct ky_map64 places;          /* hash of (row, vector) to place + 1; the writer's */
    struct free_places *free_places; /* counted */
};

struct flat *flat_new(size_t values_size);
void flat_acquire(struct flat *flat);
/* Frees it when this was the last one; NULL is allowed. */
void flat_release(struct flat *flat);

/* Held once. */
KY_MUST_CHECK ky_status flat_insert(struct flat *flat, row_id_t row_id, const void *values,
                                    struct ky_error *err);
bool flat_remove(struct flat *flat, row_id_t row_id, const void *values);
bool flat_contains(const struct flat *flat, row_id_t row_id, const void *values);
uint64_t flat_entries(const struct flat *flat);
uint64_t flat_place_count(const struct flat *flat);
uint64_t flat_bytes(const struct flat *flat);

static inline uint32_t
flat_block_rows(const struct flat *flat)
{
    return (uint32_t)1 << flat->block_rows_shift;
}

/* Both inside the epoch, for places below flat_place_count(). The row id may be none. */
static inline row_id_t
flat_row_id(const struct flat *flat, uint64_t place)
{
    const struct flat_table *table = atomic_load_explicit(&flat->table, memory_order_acquire);
    struct flat_block *block = table->blocks[place >> flat->block_rows_shift];
    /* Acquire pairs with the release in flat_insert: the values are there. */
    return atomic_load_explicit(&block->row_ids[place & (flat_block_rows(flat) - 1)],
                                memory_order_acquire);
}

static inline const void *
flat_values(const struct flat *flat, uint64_t place)
{
    const struct flat_table *table = atomic_load_explicit(&flat->table, memory_order_acquire);
    const struct flat_block *block = table->blocks[place >> flat->block_rows_shift];
    return block->values + (place & (flat_block_rows(flat) - 1)) * flat->stride;
}
