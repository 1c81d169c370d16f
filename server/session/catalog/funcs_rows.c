/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/catalog/funcs_private.h"

/* Rows that a set function makes all at once. */

struct funcs_rows *
funcs_rows_new(struct ky_arena *arena, int width)
{
    struct funcs_rows *rows = ky_arena_new(arena, struct funcs_rows);
    *rows = (struct funcs_rows){.arena = arena, .width = width};
    return rows;
}

struct datum *
funcs_rows_add(struct funcs_rows *rows)
{
    const size_t width = (size_t)rows->width;
    if (rows->count == rows->capacity) {
        const size_t capacity = KY_MAX(rows->capacity * 2, (size_t)1);
        struct datum *values = ky_arena_array(rows->arena, struct datum, capacity * width);
        if (rows->count > 0) {
            memcpy(values, rows->values, rows->count * width * sizeof(*values));
        }
        rows->values = values;
        rows->capacity = capacity;
    }
    struct datum *row = rows->values + rows->count++ * width;
    for (size_t i = 0; i < width; i++) {
        row[i] = datum_null();
    }
    return row;
}

ky_status
funcs_rows_next(struct func_env *env, struct func_rows *state, struct datum *values,
                bool *has_row_out, struct ky_error *err)
{
    struct funcs_rows *rows = (struct funcs_rows *)(void *)state;
    const size_t width = (size_t)rows->width;
    (void)env;
    (void)err;
    *has_row_out = rows->next < rows->count;
    if (*has_row_out) {
        memcpy(values, rows->values + rows->next++ * width, width * sizeof(*values));
    }
    return KY_OK;
}
