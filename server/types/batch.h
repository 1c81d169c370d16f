/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

/* Rows in flight: at most BATCH_SIZE_MAX of them, column by column. */
enum { BATCH_SIZE_MAX = 1024 };

/**
 * One column of a batch. Arrays have room for the batch's capacity. Bytes point into
 * memory that lives as long as the batch's producer says: statement arena, or the rows of
 * the snapshot (storage.h).
 */
struct column {
    const struct type *type;
    bool has_nulls;   /* false: is_null need not be looked at (it is all zero) */
    uint8_t *is_null; /* 0 or 1 */
    union {
        int64_t *word;
        double *real;
        struct ky_slice *bytes;
    };
};

/* The rows of a batch are selection[0..count) when selection is set, else 0..count-1. */
struct batch {
    uint32_t count;
    uint16_t *selection; /* strictly ascending places in the columns; NULL: all */
    uint32_t column_count;
    struct column *columns;
};

static inline uint32_t
batch_place(const struct batch *batch, uint32_t row)
{
    return batch->selection == NULL ? row : batch->selection[row];
}

/* Columns with room for capacity rows in the arena; is_null zeroed. */
void column_init(struct column *column, const struct type *type, uint32_t capacity,
                 struct ky_arena *arena);
/* A batch of such columns. */
void batch_init(struct batch *batch, const struct type *const *types, uint32_t column_count,
                uint32_t capacity, struct ky_arena *arena);

static inline struct datum
column_get(const struct column *column, uint32_t place)
{
    struct datum value;
    if (column->is_null[place]) {
        return datum_null();
    }
    value.is_null = false;
    if (column->type->storage == TYPE_BYTES) {
        value.bytes = column->bytes[place];
    } else {
        value.bytes = (struct ky_slice){NULL, 0};
        value.word = column->word[place]; /* word and real share their bits */
    }
    return value;
}

static inline void
column_set(struct column *column, uint32_t place, struct datum value)
{
    column->is_null[place] = value.is_null;
    if (value.is_null) {
        column->has_nulls = true;
        if (column->type->storage == TYPE_BYTES) {
            column->bytes[place] = (struct ky_slice){NULL, 0};
        } else {
            column->word[place] = 0;
        }
    } else if (column->type->storage == TYPE_BYTES) {
        column->bytes[place] = value.bytes;
    } else {
        column->word[place] = value.word;
    }
}
