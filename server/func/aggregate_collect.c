/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/aggregate.h"
#include "server/func/json_text.h"
#include "server/types/array.h"

/* Aggregates that keep every value: string_agg, array_agg, json_agg, json_object_agg. Their states
 * live in the arena given and grow with the rows. */

/* Bytes in the arena, doubled as they fill. */
struct growing {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

static void
growing_append(struct growing *growing, struct ky_arena *arena, const void *bytes, size_t size)
{
    if (growing->capacity - growing->size < size) {
        const size_t capacity = KY_MAX(growing->capacity * 2, growing->size + size + 64);
        uint8_t *data = ky_arena_alloc(arena, capacity);
        if (growing->size > 0) {
            memcpy(data, growing->data, growing->size);
        }
        growing->data = data;
        growing->capacity = capacity;
    }
    if (size > 0) {
        memcpy(growing->data + growing->size, bytes, size);
    }
    growing->size += size;
}

/* Bytes of a value that is no longer than any may be. */
static ky_status
growing_write(struct growing *growing, struct func_env *env, struct ky_slice bytes,
              struct ky_error *err)
{
    KY_TRY(func_check_size(env, growing->size + bytes.size, err));
    growing_append(growing, env->types.arena, bytes.data, bytes.size);
    return KY_OK;
}

/* string_agg: the delimiter goes before each value but the first. */
struct string_state {
    struct growing text;
    bool has_value;
};

AGGREGATE_ADD(string_add)
{
    struct string_state *string = state;
    if (args[0].is_null) {
        return KY_OK;
    }
    if (string->has_value && !args[1].is_null) {
        KY_TRY(growing_write(&string->text, env, args[1].bytes, err));
    }
    string->has_value = true;
    return growing_write(&string->text, env, args[0].bytes, err);
}

AGGREGATE_FINISH(string_finish)
{
    const struct string_state *string = state;
    *out = string->has_value ? datum_bytes(string->text.data, string->text.size) : datum_null();
    return KY_OK;
}

static const struct func_aggregate string_agg = {
    .state_size = sizeof(struct string_state),
    .add = string_add,
    .finish = string_finish,
    .is_memory_growing = true,
};

/* array_agg: values as they come; bytes are copied. */
struct array_state {
    struct growing values; /* struct datum each */
    const struct type *element;
};

AGGREGATE_ADD(array_add)
{
    struct array_state *array = state;
    struct datum value = args[0];
    const struct type *type = func_arg_type(env, 0);
    if (type == NULL) {
        return ky_error_set(err, KY_INDETERMINATE_DATATYPE, "could not determine input data type");
    }
    array->element = type;
    if (!value.is_null && type->storage == TYPE_BYTES) {
        value.bytes = ky_slice_dup(env->types.arena, value.bytes);
    }
    growing_append(&array->values, env->types.arena, &value, sizeof(value));
    return KY_OK;
}

AGGREGATE_COMBINE(array_combine)
{
    struct array_state *array = state;
    const struct array_state *part = other;
    if (part->element != NULL) {
        array->element = part->element;
    }
    for (size_t i = 0; i < part->values.size; i += sizeof(struct datum)) {
        struct datum value;
        memcpy(&value, part->values.data + i, sizeof(value));
        if (!value.is_null && array->element->storage == TYPE_BYTES) {
            value.bytes = ky_slice_dup(env->types.arena, value.bytes);
        }
        growing_append(&array->values, env->types.arena, &value, sizeof(value));
    }
    return KY_OK;
}

AGGREGATE_FINISH(array_finish)
{
    const struct array_state *array = state;
    *out = datum_null();
    if (array->values.size > 0) {
        struct ky_slice result = array_make(env->types.arena, array->element,
                                            (const struct datum *)(const void *)array->values.data,
                                            (uint32_t)(array->values.size / sizeof(struct datum)));
        *out = (struct datum){.bytes = result};
        return func_check_size(env, result.size, err);
    }
    return KY_OK;
}

static const struct func_aggregate array_agg = {
    .state_size = sizeof(struct array_state),
    .add = array_add,
    .finish = array_finish,
    .combine = array_combine,
    .is_memory_growing = true,
};

/* array_agg(anyarray): one more dimension. */
AGGREGATE_ADD(arrays_add)
{
    struct array_state *array = state;
    if (args[0].is_null) {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED, "cannot accumulate null arrays");
    }
    struct datum value = {.bytes = ky_slice_dup(env->types.arena, args[0].bytes)};
    growing_append(&array->values, env->types.arena, &value, sizeof(value));
    return KY_OK;
}

AGGREGATE_FINISH(arrays_finish)
{
    const struct array_state *array = state;
    const size_t count = array->values.size / sizeof(struct datum);
    const struct datum *arrays = (const struct datum *)(const void *)array->values.data;
    *out = datum_null();
    if (count == 0) {
        return KY_OK;
    }
    struct array_view first;
    array_open(arrays[0].bytes, &first);
    if (first.dimension_count == 0) {
        return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR, "cannot accumulate empty arrays");
    }
    if (first.dimension_count == ARRAY_DIMENSIONS_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                            ARRAY_DIMENSIONS_MAX + 1, (int)ARRAY_DIMENSIONS_MAX);
    }
    struct datum *values = ky_arena_array(env->types.arena, struct datum, count * first.count);
    for (size_t i = 0; i < count; i++) {
        struct array_view view;
        array_open(arrays[i].bytes, &view);
        if (view.dimension_count != first.dimension_count ||
            memcmp(view.size, first.size, (size_t)view.dimension_count * sizeof(view.size[0])) !=
                0) {
            return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR,
                                "cannot accumulate arrays of different dimensionality");
        }
        const uint8_t *cursor = view.first;
        for (uint32_t j = 0; j < view.count; j++) {
            values[i * first.count + j] = array_next(&view, &cursor);
        }
    }
    int32_t size[ARRAY_DIMENSIONS_MAX] = {(int32_t)count};
    int32_t lower[ARRAY_DIMENSIONS_MAX] = {1};
    for (int i = 0; i < first.dimension_count; i++) {
        size[i + 1] = first.size[i];
        lower[i + 1] = first.lower[i];
    }
    struct ky_slice result = array_make_shaped(env->types.arena, first.element, values,
                                               first.dimension_count + 1, size, lower);
    *out = (struct datum){.bytes = result};
    return func_check_size(env, result.size, err);
}

static const struct func_aggregate arrays_agg = {
    .state_size = sizeof(struct array_state),
    .add = arrays_add,
    .finish = arrays_finish,
    .is_memory_growing = true,
};

/* json_agg, jsonb_agg */
struct json_state {
    struct growing text;
    bool has_value;
};

static ky_status
json_append(struct func_env *env, struct json_state *json, int index, struct datum value,
            struct ky_error *err)
{
    struct ky_buffer text = {0};
    ky_status status = json_append_datum(env, func_arg_type(env, index), value, false, &text, err);
    if (status == KY_OK) {
        status = growing_write(&json->text, env, ky_buffer_slice(&text), err);
    }
    ky_buffer_deinit(&text);
    return status;
}

AGGREGATE_ADD(json_array_add)
{
    struct json_state *json = state;
    const struct type *type = func_arg_type(env, 0);
    growing_append(&json->text, env->types.arena, json->has_value ? ", " : "[",
                   json->has_value ? 2 : 1);
    if (json->has_value && !args[0].is_null && type != NULL &&
        (type->oid == OID_RECORD || type->category == 'A')) {
        growing_append(&json->text, env->types.arena, "\n ", 2); /* a line for each */
    }
    json->has_value = true;
    return json_append(env, json, 0, args[0], err);
}

AGGREGATE_ADD(json_object_add)
{
    struct json_state *json = state;
    if (args[0].is_null) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "field name must not be null");
    }
    growing_append(&json->text, env->types.arena, json->has_value ? ", " : "{ ", 2);
    json->has_value = true;
    struct ky_buffer key = {0};
    const struct type *type = func_arg_type(env, 0);
    struct ky_slice name =
        type == NULL || type->oid == OID_TEXT ? args[0].bytes : func_output(env, type, args[0]);
    json_write_string(&key, name);
    ky_buffer_append_cstr(&key, " : ");
    growing_append(&json->text, env->types.arena, key.data, key.size);
    ky_buffer_deinit(&key);
    return json_append(env, json, 1, args[1], err);
}

static void
json_close(struct func_env *env, const struct json_state *json, const char *end, struct datum *out)
{
    const size_t end_size = strlen(end);
    *out = datum_null();
    if (json->has_value) {
        uint8_t *text = ky_arena_alloc(env->types.arena, json->text.size + end_size);
        memcpy(text, json->text.data, json->text.size);
        memcpy(text + json->text.size, end, end_size);
        *out = datum_bytes(text, json->text.size + end_size);
    }
}

AGGREGATE_FINISH(json_array_finish)
{
    json_close(env, state, "]", out);
    return KY_OK;
}

AGGREGATE_FINISH(json_object_finish)
{
    json_close(env, state, " }", out);
    return KY_OK;
}

AGGREGATE_FINISH(jsonb_array_finish)
{
    json_close(env, state, "]", out);
    return out->is_null ? KY_OK : json_normalise(env, out->bytes, out, err);
}

AGGREGATE_FINISH(jsonb_object_finish)
{
    json_close(env, state, "}", out);
    return out->is_null ? KY_OK : json_normalise(env, out->bytes, out, err);
}

#define JSON_AGGREGATE(name, add_, finish_)      \
    static const struct func_aggregate name = {  \
        .state_size = sizeof(struct json_state), \
        .add = add_,                             \
        .finish = finish_,                       \
        .is_memory_growing = true,               \
    }
JSON_AGGREGATE(json_agg, json_array_add, json_array_finish);
JSON_AGGREGATE(jsonb_agg, json_array_add, jsonb_array_finish);
JSON_AGGREGATE(json_object_agg, json_object_add, json_object_finish);
JSON_AGGREGATE(jsonb_object_agg, json_object_add, jsonb_object_finish);

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    AGGREGATE(3538, "string_agg", OID_TEXT, 'i', false, ARGS(OID_TEXT, OID_TEXT),
              .aggregate = &string_agg),
    AGGREGATE(3545, "string_agg", OID_BYTEA, 'i', false, ARGS(OID_BYTEA, OID_BYTEA),
              .aggregate = &string_agg),
    AGGREGATE(2335, "array_agg", OID_ANYARRAY, 'i', false, ARGS(OID_ANYNONARRAY),
              .aggregate = &array_agg),
    AGGREGATE(4053, "array_agg", OID_ANYARRAY, 'i', false, ARGS(OID_ANYARRAY),
              .aggregate = &arrays_agg),
    AGGREGATE(3175, "json_agg", OID_JSON, 's', false, ARGS(OID_ANYELEMENT), .aggregate = &json_agg),
    AGGREGATE(3267, "jsonb_agg", OID_JSONB, 's', false, ARGS(OID_ANYELEMENT),
              .aggregate = &jsonb_agg),
    AGGREGATE(3197, "json_object_agg", OID_JSON, 's', false, ARGS(OID_ANY, OID_ANY),
              .aggregate = &json_object_agg),
    AGGREGATE(3270, "jsonb_object_agg", OID_JSONB, 'i', false, ARGS(OID_ANY, OID_ANY),
              .aggregate = &jsonb_object_agg),
};

const struct func_table func_table_aggregate_collect = {funcs, KY_COUNT_OF(funcs), NULL, 0};
