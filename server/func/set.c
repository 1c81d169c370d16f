/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/datetime_unit.h"
#include "server/func/utext.h"
#include "server/types/array.h"
#include "server/types/numeric.h"

/* Set-returning functions: generate_series, unnest, generate_subscripts, string_to_table. */

static ky_status
zero_step(struct ky_error *err)
{
    return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "step size cannot equal zero");
}

#define ROWS(type, rows) ((type *)(void *)(rows))
#define AS_ROWS(rows) ((struct func_rows *)(void *)(rows))

/* integers */
struct int_series {
    int64_t next;
    int64_t stop;
    int64_t step;
    bool is_done;
};

static ky_status
int_series_open(struct func_env *env, const struct datum *args, int arg_count,
                struct func_rows **rows_out, struct ky_error *err)
{
    struct int_series *series = ky_arena_new(env->types.arena, struct int_series);
    series->next = args[0].word;
    series->stop = args[1].word;
    series->step = arg_count > 2 ? args[2].word : 1;
    if (series->step == 0) {
        return zero_step(err);
    }
    *rows_out = AS_ROWS(series);
    return KY_OK;
}

static ky_status
int_series_next(struct func_env *env KY_UNUSED, struct func_rows *rows, struct datum *values,
                bool *has_row_out, struct ky_error *err KY_UNUSED)
{
    struct int_series *series = ROWS(struct int_series, rows);
    *has_row_out = !series->is_done &&
                   (series->step > 0 ? series->next <= series->stop : series->next >= series->stop);
    if (*has_row_out) {
        values[0] = datum_word(series->next);
        series->is_done = __builtin_add_overflow(series->next, series->step, &series->next);
    }
    return KY_OK;
}

/* numeric */
struct numeric_series {
    struct ky_slice next;
    struct ky_slice stop;
    struct ky_slice step;
};

static ky_status
numeric_series_open(struct func_env *env, const struct datum *args, int arg_count,
                    struct func_rows **rows_out, struct ky_error *err)
{
    struct numeric_series *series = ky_arena_new(env->types.arena, struct numeric_series);
    static const char *const phrases[] = {"start value", "stop value", "step size"};
    KY_ASSERT(arg_count <= (int)KY_COUNT_OF(phrases));
    for (int i = 0; i < arg_count; i++) {
        if (numeric_is_nan(args[i].bytes)) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "%s cannot be NaN", phrases[i]);
        }
        if (__builtin_isinf(numeric_to_double(args[i].bytes))) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "%s cannot be infinity",
                                phrases[i]);
        }
    }
    series->next = ky_slice_dup(env->types.arena, args[0].bytes);
    series->stop = ky_slice_dup(env->types.arena, args[1].bytes);
    series->step = arg_count > 2 ? ky_slice_dup(env->types.arena, args[2].bytes)
                                 : numeric_from_int64(env->types.arena, 1);
    if (numeric_sign(series->step) == 0) {
        return zero_step(err);
    }
    *rows_out = AS_ROWS(series);
    return KY_OK;
}

static ky_status
numeric_series_next(struct func_env *env, struct func_rows *rows, struct datum *values,
                    bool *has_row_out, struct ky_error *err)
{
    struct numeric_series *series = ROWS(struct numeric_series, rows);
    int order = numeric_compare(series->next, series->stop);
    *has_row_out = numeric_sign(series->step) > 0 ? order <= 0 : order >= 0;
    if (*has_row_out) {
        values[0] = (struct datum){.bytes = series->next};
        KY_TRY(numeric_add(env->types.arena, series->next, series->step, &series->next, err));
    }
    return KY_OK;
}

/* timestamps */
struct time_series {
    int64_t next;
    int64_t stop;
    struct interval step;
    int sign;
    bool has_zone;
};

static ky_status
time_series_open(struct func_env *env, const struct datum *args, bool has_zone,
                 struct func_rows **rows_out, struct ky_error *err)
{
    struct time_series *series = ky_arena_new(env->types.arena, struct time_series);
    series->next = args[0].word;
    series->stop = args[1].word;
    series->step = interval_load(args[2].bytes);
    series->has_zone = has_zone;
    series->sign = interval_compare(series->step, (struct interval){0});
    if (series->sign == 0) {
        return zero_step(err);
    }
    *rows_out = AS_ROWS(series);
    return KY_OK;
}

static ky_status
timestamp_series_open(struct func_env *env, const struct datum *args, int arg_count KY_UNUSED,
                      struct func_rows **rows_out, struct ky_error *err)
{
    return time_series_open(env, args, false, rows_out, err);
}

static ky_status
timestamptz_series_open(struct func_env *env, const struct datum *args, int arg_count KY_UNUSED,
                        struct func_rows **rows_out, struct ky_error *err)
{
    return time_series_open(env, args, true, rows_out, err);
}

static ky_status
time_series_next(struct func_env *env, struct func_rows *rows, struct datum *values,
                 bool *has_row_out, struct ky_error *err)
{
    struct time_series *series = ROWS(struct time_series, rows);
    *has_row_out = series->sign > 0 ? series->next <= series->stop : series->next >= series->stop;
    if (!*has_row_out) {
        return KY_OK;
    }
    values[0] = datum_word(series->next);
    if (!timestamp_is_finite(series->next)) {
        return KY_OK;
    }
    if (series->has_zone) {
        return timestamptz_add_interval(env->types.zone, series->next, series->step, &series->next,
                                        err);
    }
    return timestamp_add_interval(series->next, series->step, &series->next, err);
}

/* unnest */
struct element_rows {
    struct array_view view;
    const uint8_t *cursor;
    uint32_t left;
};

static ky_status
unnest_open(struct func_env *env, const struct datum *args, int arg_count KY_UNUSED,
            struct func_rows **rows_out, struct ky_error *err KY_UNUSED)
{
    struct element_rows *elements = ky_arena_new(env->types.arena, struct element_rows);
    array_open(args[0].bytes, &elements->view);
    elements->cursor = elements->view.first;
    elements->left = elements->view.count;
    *rows_out = AS_ROWS(elements);
    return KY_OK;
}

static ky_status
unnest_next(struct func_env *env KY_UNUSED, struct func_rows *rows, struct datum *values,
            bool *has_row_out, struct ky_error *err KY_UNUSED)
{
    struct element_rows *elements = ROWS(struct element_rows, rows);
    *has_row_out = elements->left > 0;
    if (elements->left > 0) {
        values[0] = array_next(&elements->view, &elements->cursor);
        elements->left--;
    }
    return KY_OK;
}

/* information_schema._pg_expandarray: each element with its number, from 1. */
static ky_status
numbered_next(struct func_env *env, struct func_rows *rows, struct datum *values, bool *has_row_out,
              struct ky_error *err)
{
    const struct element_rows *elements = ROWS(struct element_rows, rows);
    values[1] = datum_word((int64_t)(elements->view.count - elements->left) + 1);
    return unnest_next(env, rows, values, has_row_out, err);
}

static ky_status
subscripts_open(struct func_env *env, const struct datum *args, int arg_count,
                struct func_rows **rows_out, struct ky_error *err KY_UNUSED)
{
    struct int_series *series = ky_arena_new(env->types.arena, struct int_series);
    struct array_view view;
    array_open(args[0].bytes, &view);
    const int64_t dimension = args[1].word - 1;
    const bool is_backward = arg_count > 2 && args[2].word != 0;
    series->is_done = dimension < 0 || dimension >= view.dimension_count;
    if (!series->is_done) {
        const int64_t first = view.lower[dimension];
        const int64_t last = first + view.size[dimension] - 1;
        series->next = is_backward ? last : first;
        series->stop = is_backward ? first : last;
        series->step = is_backward ? -1 : 1;
    }
    *rows_out = AS_ROWS(series);
    return KY_OK;
}

/* string_to_table(text, delimiter [, null text]) */
struct piece_rows {
    struct ky_slice rest;
    struct ky_slice delimiter;
    struct ky_slice null_text;
    bool has_delimiter;
    bool has_null_text;
    bool is_done;
};

static ky_status
pieces_open(struct func_env *env, const struct datum *args, int arg_count,
            struct func_rows **rows_out, struct ky_error *err KY_UNUSED)
{
    struct piece_rows *pieces = ky_arena_new(env->types.arena, struct piece_rows);
    pieces->rest = args[0].bytes;
    pieces->is_done = args[0].is_null || args[0].bytes.size == 0;
    pieces->has_delimiter = !args[1].is_null;
    pieces->delimiter = args[1].bytes;
    pieces->has_null_text = arg_count > 2 && !args[2].is_null;
    if (pieces->has_null_text) {
        pieces->null_text = args[2].bytes;
    }
    *rows_out = AS_ROWS(pieces);
    return KY_OK;
}

static ky_status
pieces_next(struct func_env *env KY_UNUSED, struct func_rows *rows, struct datum *values,
            bool *has_row_out, struct ky_error *err KY_UNUSED)
{
    struct piece_rows *pieces = ROWS(struct piece_rows, rows);
    *has_row_out = !pieces->is_done;
    if (pieces->is_done) {
        return KY_OK;
    }
    struct ky_slice rest = pieces->rest;
    struct ky_slice piece = rest;
    if (!pieces->has_delimiter) {
        size_t size = utext_size(*(const uint8_t *)rest.data);
        piece = slice_part(rest, 0, size);
        pieces->rest = slice_part(rest, size, rest.size);
        pieces->is_done = pieces->rest.size == 0;
    } else {
        const uint8_t *found =
            pieces->delimiter.size == 0 || rest.size == 0
                ? NULL
                : memmem(rest.data, rest.size, pieces->delimiter.data, pieces->delimiter.size);
        if (found == NULL) {
            pieces->is_done = true;
        } else {
            size_t before = (size_t)(found - (const uint8_t *)rest.data);
            piece = slice_part(rest, 0, before);
            pieces->rest = slice_part(rest, before + pieces->delimiter.size, rest.size);
        }
    }
    values[0] = (struct datum){.bytes = piece};
    if (pieces->has_null_text && ky_slice_equal(piece, pieces->null_text)) {
        values[0] = datum_null();
    }
    return KY_OK;
}

SCALAR(string_to_array)
{
    struct ky_buffer values = {0};
    struct func_rows *rows;
    bool has_row = true;
    *out = datum_null();
    if (args[0].is_null) {
        return KY_OK;
    }
    KY_TRY(pieces_open(env, args, arg_count, &rows, err));
    while (has_row) {
        struct datum value;
        ky_status status = pieces_next(env, rows, &value, &has_row, err);
        KY_ASSERT(status == KY_OK);
        if (func_check_cancel(env, err) != KY_OK) {
            ky_buffer_deinit(&values);
            return KY_ERR;
        }
        if (has_row) {
            ky_buffer_append(&values, &value, sizeof(value));
        }
    }
    struct ky_slice array =
        array_make(env->types.arena, type_get(OID_TEXT), (const struct datum *)(void *)values.data,
                   (uint32_t)(values.size / sizeof(struct datum)));
    ky_buffer_deinit(&values);
    *out = (struct datum){.bytes = array};
    return KY_OK;
}

#define ONE_COLUMN(name, open, next, column_name, oid)                                      \
    static const struct func_set name = {open, next, 1, (const char *const[]){column_name}, \
                                         (const oid_t[]){oid}}
ONE_COLUMN(int4_series, int_series_open, int_series_next, "generate_series", OID_INT4);
ONE_COLUMN(int8_series, int_series_open, int_series_next, "generate_series", OID_INT8);
ONE_COLUMN(numeric_series, numeric_series_open, numeric_series_next, "generate_series",
           OID_NUMERIC);
ONE_COLUMN(timestamp_series, timestamp_series_open, time_series_next, "generate_series",
           OID_TIMESTAMP);
ONE_COLUMN(timestamptz_series, timestamptz_series_open, time_series_next, "generate_series",
           OID_TIMESTAMPTZ);
ONE_COLUMN(unnest_set, unnest_open, unnest_next, "unnest", OID_ANYELEMENT);
static const struct func_set numbered_set = {unnest_open, numbered_next, 2,
                                             (const char *const[]){"x", "n"},
                                             (const oid_t[]){OID_ANYELEMENT, OID_INT4}};
ONE_COLUMN(subscripts_set, subscripts_open, int_series_next, "generate_subscripts", OID_INT4);
ONE_COLUMN(pieces_set, pieces_open, pieces_next, "string_to_table", OID_TEXT);

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1067, "generate_series", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .is_set = true,
         .set = &int4_series),
    FUNC(1066, "generate_series", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4, OID_INT4),
         .is_set = true, .set = &int4_series),
    FUNC(1069, "generate_series", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .is_set = true,
         .set = &int8_series),
    FUNC(1068, "generate_series", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8, OID_INT8),
         .is_set = true, .set = &int8_series),
    FUNC(3260, "generate_series", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .is_set = true, .set = &numeric_series),
    FUNC(3259, "generate_series", OID_NUMERIC, 'i', true,
         ARGS(OID_NUMERIC, OID_NUMERIC, OID_NUMERIC), .is_set = true, .set = &numeric_series),
    FUNC(938, "generate_series", OID_TIMESTAMP, 'i', true,
         ARGS(OID_TIMESTAMP, OID_TIMESTAMP, OID_INTERVAL), .is_set = true,
         .set = &timestamp_series),
    FUNC(939, "generate_series", OID_TIMESTAMPTZ, 's', true,
         ARGS(OID_TIMESTAMPTZ, OID_TIMESTAMPTZ, OID_INTERVAL), .is_set = true,
         .set = &timestamptz_series),
    FUNC(2331, "unnest", OID_ANYELEMENT, 'i', true, ARGS(OID_ANYARRAY), .is_set = true,
         .set = &unnest_set),
    FUNC(OID_FUNC_EXPANDARRAY, "_pg_expandarray", OID_RECORD, 'i', true, ARGS(OID_ANYARRAY),
         .is_set = true, .set = &numbered_set),
    FUNC(1191, "generate_subscripts", OID_INT4, 'i', true, ARGS(OID_ANYARRAY, OID_INT4, OID_BOOL),
         .is_set = true, .set = &subscripts_set),
    FUNC(1192, "generate_subscripts", OID_INT4, 'i', true, ARGS(OID_ANYARRAY, OID_INT4),
         .is_set = true, .set = &subscripts_set),
    FUNC(6160, "string_to_table", OID_TEXT, 'i', false, ARGS(OID_TEXT, OID_TEXT), .is_set = true,
         .set = &pieces_set),
    FUNC(6161, "string_to_table", OID_TEXT, 'i', false, ARGS(OID_TEXT, OID_TEXT, OID_TEXT),
         .is_set = true, .set = &pieces_set),
    FUNC(394, "string_to_array", OID_TEXT_ARRAY, 'i', false, ARGS(OID_TEXT, OID_TEXT),
         .scalar = string_to_array, .can_grow = true),
    FUNC(376, "string_to_array", OID_TEXT_ARRAY, 'i', false, ARGS(OID_TEXT, OID_TEXT, OID_TEXT),
         .scalar = string_to_array, .can_grow = true),
};

const struct func_table func_table_set = {funcs, KY_COUNT_OF(funcs), NULL, 0};
