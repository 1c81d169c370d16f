/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/json_text.h"
#include "server/types/array.h"

/*
 * json_to_record and its kin: the members of an object as the columns that the call's column
 * definition list names. A JSON string is read as the column's type reads text, an array goes into
 * an array element by element, all else is read from its JSON text; json and jsonb take it as it
 * is. The same code reads json and jsonb: the one is text as it was written, the other normalised.
 */

enum { RECORD_DEPTH_MAX = 256 };

struct record_rows {
    const char *function; /* for messages */
    struct json_cursor elements;
    struct ky_slice one; /* the only object, where there is no array of them */
    bool is_one;
    bool is_done;
};

/* What a member becomes. */
struct target {
    const struct type *type;
    int32_t typmod;
    struct ky_slice key; /* of the member, for hints */
};

static ky_status read_value(struct func_env *env, const struct target *target,
                            struct ky_slice value, struct datum *out, struct ky_error *err);

/* An array whose dimensions show while its elements are read. */
struct array_build {
    struct func_env *env;
    struct target element;
    struct ky_buffer values; /* struct datum */
    int dimension_count;     /* 0: not known yet */
    int32_t size[ARRAY_DIMENSIONS_MAX];
    int32_t place[ARRAY_DIMENSIONS_MAX]; /* where the element being read stands */
};

static ky_status
error_no_array(const struct array_build *build, int depth, struct ky_error *err)
{
    struct ky_slice key = build->element.key;
    ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION, "expected JSON array");
    if (depth == 0) {
        return ky_error_hint(err, "See the value of key \"%.*s\".", (int)key.size,
                             (const char *)key.data);
    }
    struct ky_buffer indexes = {0};
    for (int i = 0; i < depth; i++) {
        ky_buffer_printf(&indexes, "[%d]", build->place[i]);
    }
    ky_error_hint(err, "See the array element %.*s of key \"%.*s\".", (int)indexes.size,
                  (const char *)indexes.data, (int)key.size, (const char *)key.data);
    ky_buffer_deinit(&indexes);
    return KY_ERR;
}

/* The array at a depth, from 0. The first that holds no array settles the number of dimensions. */
static ky_status
read_dimension(struct array_build *build, int depth, struct ky_slice value, struct ky_error *err)
{
    struct ky_slice item;
    int32_t count = 0;
    if (json_first(value) != '[') {
        return error_no_array(build, depth, err);
    }
    if (depth >= ARRAY_DIMENSIONS_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                            depth + 1, ARRAY_DIMENSIONS_MAX);
    }
    struct json_cursor cursor = json_children(value);
    for (; json_next_child(&cursor, false, NULL, &item); count++) {
        build->place[depth] = count;
        if (build->dimension_count == 0 && json_first(item) != '[') {
            build->dimension_count = depth + 1;
        }
        if (build->dimension_count != depth + 1) {
            KY_TRY(read_dimension(build, depth + 1, item, err));
            continue;
        }
        struct datum element;
        KY_TRY(read_value(build->env, &build->element, item, &element, err));
        ky_buffer_append(&build->values, &element, sizeof(element));
    }
    if (build->dimension_count == 0) {
        build->dimension_count = depth + 1;
    }
    if (build->size[depth] >= 0 && build->size[depth] != count) {
        ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION, "malformed JSON array");
        return ky_error_detail(err, "Multidimensional arrays must have sub-arrays with matching "
                                    "dimensions.");
    }
    build->size[depth] = count;
    return KY_OK;
}

static ky_status
read_array(struct func_env *env, const struct target *target, struct ky_slice value,
           struct datum *out, struct ky_error *err)
{
    static const int32_t lower[ARRAY_DIMENSIONS_MAX] = {1, 1, 1, 1, 1, 1};
    struct array_build build = {
        .env = env,
        .element = {type_get(target->type->element_oid), target->typmod, target->key},
    };
    for (int i = 0; i < ARRAY_DIMENSIONS_MAX; i++) {
        build.size[i] = -1;
    }
    if (read_dimension(&build, 0, value, err) != KY_OK) {
        ky_buffer_deinit(&build.values);
        return KY_ERR;
    }
    const struct datum *values = (const struct datum *)(const void *)build.values.data;
    *out = (struct datum){.bytes =
                              array_make_shaped(env->types.arena, build.element.type, values,
                                                build.values.size == 0 ? 0 : build.dimension_count,
                                                build.size, lower)};
    ky_buffer_deinit(&build.values);
    return KY_OK;
}

static ky_status
read_value(struct func_env *env, const struct target *target, struct ky_slice value,
           struct datum *out, struct ky_error *err)
{
    const struct type *type = target->type;
    const char kind = json_first(value);
    if (kind == 'n') {
        *out = datum_null();
        return KY_OK;
    }
    if (type->oid == OID_RECORD) {
        return ky_error_set(err, KY_WRONG_OBJECT_TYPE, "record type has not been registered");
    }
    if (kind != '"' && type->category == 'A' && type->element_oid != OID_NONE &&
        type->array_oid == OID_NONE) {
        return read_array(env, target, value, out, err);
    }
    struct ky_slice text = value;
    if (kind == '"' && type->oid != OID_JSON && type->oid != OID_JSONB) {
        text = json_decode(env->types.arena, value);
        if (text.size > 0 && memchr(text.data, 0, text.size) != NULL) {
            ky_error_set(err, KY_UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence");
            return ky_error_detail(err, "\\u0000 cannot be converted to text.");
        }
    }
    return type->input(type, &env->types, text, target->typmod, out, err);
}

/* One object into the columns; of equal keys the last counts. */
static ky_status
read_object(struct func_env *env, struct ky_slice object, struct datum *values,
            struct ky_error *err)
{
    const struct func_shape *shape = env->shape;
    struct ky_slice *members = ky_arena_array(env->types.arena, struct ky_slice, shape->count);
    struct json_cursor cursor = json_children(object);
    struct ky_slice key;
    struct ky_slice value;
    while (json_next_child(&cursor, true, &key, &value)) {
        const struct ky_slice name = json_decode(env->types.arena, key);
        for (uint16_t i = 0; i < shape->count; i++) {
            if (ky_slice_is(name, shape->names[i])) {
                members[i] = value;
                break;
            }
        }
    }
    for (uint16_t i = 0; i < shape->count; i++) {
        const struct target target = {shape->types[i], shape->typmods[i],
                                      ky_slice_cstr(shape->names[i])};
        values[i] = datum_null();
        if (members[i].size > 0) {
            KY_TRY(read_value(env, &target, members[i], &values[i], err));
        }
    }
    return KY_OK;
}

static ky_status
error_no_shape(const char *function, struct ky_error *err)
{
    ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "could not determine row type for result of %s",
                 function);
    return ky_error_hint(err, "Provide a non-null record argument, or call the function in the "
                              "FROM clause using a column definition list.");
}

static ky_status
open_record(struct func_env *env, const char *function, const struct datum *args,
            struct func_rows **rows_out, struct ky_error *err)
{
    struct record_rows *rows = ky_arena_new(env->types.arena, struct record_rows);
    if (env->shape == NULL) {
        return error_no_shape(function, err);
    }
    rows->is_one = true;
    if (!args[0].is_null) {
        rows->one = json_trim(args[0].bytes);
        const char kind = json_first(rows->one);
        if (kind != '{') {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "cannot call populate_composite on %s",
                                kind == '[' ? "an array" : "a scalar");
        }
    }
    *rows_out = (struct func_rows *)(void *)rows;
    return KY_OK;
}

/* All elements are looked at first: a wrong one fails the call whatever is read of its rows. */
static ky_status
check_elements(const char *function, struct ky_slice array, struct ky_error *err)
{
    struct json_cursor cursor = json_children(array);
    struct ky_slice item;
    while (json_next_child(&cursor, false, NULL, &item)) {
        if (json_first(item) != '{') {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "argument of %s must be an array of objects", function);
        }
    }
    return KY_OK;
}

static ky_status
open_recordset(struct func_env *env, const char *function, bool is_jsonb, const struct datum *args,
               struct func_rows **rows_out, struct ky_error *err)
{
    struct record_rows *rows = ky_arena_new(env->types.arena, struct record_rows);
    if (env->shape == NULL) {
        return error_no_shape(function, err);
    }
    *rows_out = (struct func_rows *)(void *)rows;
    rows->is_done = args[0].is_null;
    if (rows->is_done) {
        return KY_OK;
    }
    const struct ky_slice array = json_trim(args[0].bytes);
    const char kind = json_first(array);
    if (kind != '[') {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "cannot call %s on %s", function,
                            is_jsonb      ? "a non-array"
                            : kind == '{' ? "an object"
                                          : "a scalar");
    }
    KY_TRY(check_elements(function, array, err));
    rows->elements = json_children(array);
    return KY_OK;
}

static ky_status
record_next(struct func_env *env, struct func_rows *state, struct datum *values, bool *has_row_out,
            struct ky_error *err)
{
    struct record_rows *rows = (struct record_rows *)(void *)state;
    struct ky_slice object = rows->one;
    *has_row_out =
        !rows->is_done && (rows->is_one || json_next_child(&rows->elements, false, NULL, &object));
    rows->is_done = rows->is_one || !*has_row_out;
    if (!*has_row_out) {
        return KY_OK;
    }
    if (object.size > 0) {
        return read_object(env, object, values, err);
    }
    for (uint16_t i = 0; i < env->shape->count; i++) {
        values[i] = datum_null();
    }
    return KY_OK;
}

/* Outside FROM there is no column definition list. */
SCALAR(json_to_record)
{
    (void)out;
    return error_no_shape("json_to_record", err);
}

SCALAR(jsonb_to_record)
{
    (void)out;
    return error_no_shape("jsonb_to_record", err);
}

#define RECORD_SET(name, open)                                                         \
    static ky_status name##_open(struct func_env *env, const struct datum *args,       \
                                 int arg_count KY_UNUSED, struct func_rows **rows_out, \
                                 struct ky_error *err)                                 \
    {                                                                                  \
        return open;                                                                   \
    }                                                                                  \
    static const struct func_set name##_set = {name##_open, record_next, 0, NULL, NULL};
RECORD_SET(json_to_record, open_record(env, "json_to_record", args, rows_out, err))
RECORD_SET(jsonb_to_record, open_record(env, "jsonb_to_record", args, rows_out, err))
RECORD_SET(json_to_recordset, open_recordset(env, "json_to_recordset", false, args, rows_out, err))
RECORD_SET(jsonb_to_recordset, open_recordset(env, "jsonb_to_recordset", true, args, rows_out, err))

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(3204, "json_to_record", OID_RECORD, 's', true, ARGS(OID_JSON), .scalar = json_to_record,
         .set = &json_to_record_set),
    FUNC(3205, "json_to_recordset", OID_RECORD, 's', false, ARGS(OID_JSON), .is_set = true,
         .set = &json_to_recordset_set),
    FUNC(3490, "jsonb_to_record", OID_RECORD, 's', true, ARGS(OID_JSONB), .scalar = jsonb_to_record,
         .set = &jsonb_to_record_set),
    FUNC(3491, "jsonb_to_recordset", OID_RECORD, 's', false, ARGS(OID_JSONB), .is_set = true,
         .set = &jsonb_to_recordset_set),
};

const struct func_table func_table_json_record = {funcs, KY_COUNT_OF(funcs), NULL, 0};
