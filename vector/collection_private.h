/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/map.h"
#include "server/base/mutex.h"
#include "vector/collection.h"

/*
 * How the vectors of a collection lie in memory; private to vector.
 *
 *     table -> block 0, block 1, ...      block: row ids | rows of `stride` floats, 64-byte aligned
 *
 * A place is a row's number: block * block_rows + row in the block. Blocks never move and are
 * freed with the collection. The table of blocks is copied when it grows.
 *
 * What a search may read without a lock: the values of any place below place_count whose row id
 * it has loaded and found not to be ROW_ID_NONE, for as long as it stays in the epoch. A removed
 * place is dead (ROW_ID_NONE) and is written again only after all who could have seen it alive
 * have left.
 */
struct block {
    float *values;              /* owned */
    _Atomic row_id_t row_ids[]; /* ROW_ID_NONE: dead or never used */
};

struct block_table {
    size_t capacity;
    struct block *blocks[]; /* those that hold places below place_count are set */
};

/* Dead places that nobody looks at any more. Outlives its collection while removals are pending. */
struct free_places {
    struct ky_mutex lock;
    _Atomic uint32_t references;
    uint64_t *places; /* owned; guarded by lock, as are count and capacity */
    size_t count;
    size_t capacity;
};

struct collection {
    uint32_t dimension;        /* these four are immutable */
    uint32_t stride;           /* floats from one row to the next */
    uint32_t block_rows_shift; /* rows in a block are a power of two */
    enum vector_metric metric;
    _Atomic(struct block_table *) table; /* release and acquire */
    _Atomic uint64_t place_count;        /* release and acquire: the blocks below are there */
    _Atomic uint64_t entries;            /* relaxed, as the rest: statistics */
    _Atomic uint64_t bytes;
    _Atomic uint64_t searches;
    struct ky_mutex lock;            /* inserts and removals */
    struct ky_map64 places;          /* hash of (row, vector) to place + 1; guarded by lock */
    struct free_places *free_places; /* counted */
};

static inline uint32_t
collection_block_rows(const struct collection *collection)
{
    return (uint32_t)1 << collection->block_rows_shift;
}
