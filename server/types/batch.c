/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/batch.h"

void
column_init(struct column *column, const struct type *type, uint32_t capacity,
            struct ky_arena *arena)
{
    column->type = type;
    column->has_nulls = false;
    column->is_null = ky_arena_array(arena, uint8_t, capacity);
    if (type->storage == TYPE_BYTES) {
        column->bytes = ky_arena_array(arena, struct ky_slice, capacity);
    } else {
        column->word = ky_arena_array(arena, int64_t, capacity);
    }
}

void
batch_init(struct batch *batch, const struct type *const *types, uint32_t column_count,
           uint32_t capacity, struct ky_arena *arena)
{
    batch->count = 0;
    batch->selection = NULL;
    batch->column_count = column_count;
    batch->columns = ky_arena_array(arena, struct column, column_count);
    for (uint32_t i = 0; i < column_count; i++) {
        column_init(&batch->columns[i], types[i], capacity, arena);
    }
}
