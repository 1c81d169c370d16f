/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/budget.h"
#include "server/types/batch.h"

/*
 * Rows that an operator keeps: copied, column by column, in chunks of a batch each, so that they
 * can be given out again as batches. The statement's.
 */
struct store {
    struct ky_arena arena;
    struct ky_budget *budget; /* charged for the arena; NULL: not */
    uint64_t charged;
    const struct type **types;
    uint32_t column_count;
    struct batch *chunks; /* on the heap */
    uint32_t chunk_count, chunk_room;
    uint32_t last_capacity; /* places in the last chunk */
    uint64_t count;
};

/* types is copied. */
void store_init(struct store *store, const struct type *const *types, uint32_t column_count,
                struct ky_budget *budget);
/* Safe on zeroed memory. */
void store_deinit(struct store *store);
void store_clear(struct store *store);
/* Copies the rows of a batch, its first columns. 53200. */
KY_MUST_CHECK ky_status store_append(struct store *store, const struct batch *batch,
                                     struct ky_error *err);
/* The same with columns from anywhere, at the places of a selection. */
KY_MUST_CHECK ky_status store_append_columns(struct store *store,
                                             const struct column *const *columns,
                                             const uint16_t *selection, uint32_t count,
                                             struct ky_error *err);
/* One row. */
KY_MUST_CHECK ky_status store_append_row(struct store *store, const struct datum *values,
                                         struct ky_error *err);

static inline struct batch *
store_chunk(const struct store *store, uint32_t chunk)
{
    return &store->chunks[chunk];
}

static inline struct datum
store_get(const struct store *store, uint64_t row, uint32_t column)
{
    const struct batch *chunk = &store->chunks[row / BATCH_SIZE_MAX];
    return column_get(&chunk->columns[column], (uint32_t)(row % BATCH_SIZE_MAX));
}

/*
 * Rows of a store by the hash of their key columns.
 */
struct key_table {
    uint32_t *heads;  /* row + 1; 0: none */
    uint32_t *nexts;  /* by row */
    uint64_t *hashes; /* by row */
    uint32_t mask;
    uint32_t room; /* of nexts and hashes */
    uint32_t count;
    struct ky_budget *budget;
    uint64_t charged;
};
void key_table_init(struct key_table *table, struct ky_budget *budget);
void key_table_deinit(struct key_table *table);
void key_table_clear(struct key_table *table);
/* Row count becomes known under hash. Rows come in order: 0, 1, 2 ... 53200. */
KY_MUST_CHECK ky_status key_table_add(struct key_table *table, uint64_t hash, struct ky_error *err);
/* First row with this hash and, from it, the next: row + 1, 0 at the end. Newest first. */
static inline uint32_t
key_table_first(const struct key_table *table, uint64_t hash)
{
    if (table->count == 0) {
        return 0;
    }
    uint32_t row = table->heads[hash & table->mask];
    while (row != 0 && table->hashes[row - 1] != hash) {
        row = table->nexts[row - 1];
    }
    return row;
}
static inline uint32_t
key_table_next(const struct key_table *table, uint32_t row)
{
    const uint64_t hash = table->hashes[row - 1];
    do {
        row = table->nexts[row - 1];
    } while (row != 0 && table->hashes[row - 1] != hash);
    return row;
}
/* Turns the chains so that equal keys come in the order they were added. */
void key_table_settle(struct key_table *table);

/* Hashes of the rows' keys, by place. Nulls hash alike. */
void hash_rows(const struct column *const *keys, uint32_t key_count, const uint16_t *selection,
               uint32_t count, uint64_t *hashes);
