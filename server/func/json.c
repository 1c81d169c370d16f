/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/json_text.h"
#include "server/types/array.h"

/* Reading and building json and jsonb: -> ->> #> #>>, typeof, build, and the set functions. */

static ky_status
give(struct func_env *env, struct ky_slice value, bool as_text, struct datum *out)
{
    *out = as_text ? json_as_text(env->types.arena, value) : (struct datum){.bytes = value};
    return KY_OK;
}

static ky_status
field(struct func_env *env, const struct datum *args, bool as_text, struct datum *out)
{
    struct ky_slice object = json_trim(args[0].bytes);
    struct ky_slice value;
    *out = datum_null();
    if (json_first(object) == '{' && json_member(env->types.arena, object, args[1].bytes, &value)) {
        return give(env, value, as_text, out);
    }
    return KY_OK;
}

static ky_status
element(struct func_env *env, const struct datum *args, bool as_text, struct datum *out)
{
    struct ky_slice array = json_trim(args[0].bytes);
    struct ky_slice value;
    *out = datum_null();
    if (json_first(array) == '[' && json_element(array, args[1].word, &value)) {
        return give(env, value, as_text, out);
    }
    return KY_OK;
}

/* A scalar of jsonb counts as an array that holds it. */
static ky_status
jsonb_element(struct func_env *env, const struct datum *args, bool as_text, struct datum *out)
{
    const struct ky_slice value = json_trim(args[0].bytes);
    const char kind = json_first(value);
    if (kind != '[' && kind != '{' && (args[1].word == 0 || args[1].word == -1)) {
        return give(env, value, as_text, out);
    }
    return element(env, args, as_text, out);
}

SCALAR(jsonb_item)
{
    return jsonb_element(env, args, false, out);
}

SCALAR(jsonb_item_text)
{
    return jsonb_element(env, args, true, out);
}

SCALAR(json_field)
{
    return field(env, args, false, out);
}

SCALAR(json_field_text)
{
    return field(env, args, true, out);
}

SCALAR(json_item)
{
    return element(env, args, false, out);
}

SCALAR(json_item_text)
{
    return element(env, args, true, out);
}

/* One step of a path; false when it leads nowhere. */
static bool
step(struct func_env *env, struct ky_slice *value, struct datum key)
{
    int64_t index;
    if (key.is_null) {
        return false;
    }
    switch (json_first(*value)) {
    case '{':
        return json_member(env->types.arena, *value, key.bytes, value);
    case '[':
        return json_parse_index(key.bytes, &index) && json_element(*value, index, value);
    default:
        return false;
    }
}

static ky_status
follow(struct func_env *env, const struct datum *args, int arg_count, bool as_text,
       struct datum *out)
{
    struct ky_slice value = json_trim(args[0].bytes);
    const struct type *type = arg_count == 2 ? func_arg_type(env, 1) : NULL;
    *out = datum_null();
    /* An array of keys, or the keys one by one. */
    if (arg_count == 2 && (type == NULL || type->category == 'A')) {
        struct array_view view;
        array_open(args[1].bytes, &view);
        const uint8_t *cursor = view.first;
        for (uint32_t i = 0; i < view.count; i++) {
            if (!step(env, &value, array_next(&view, &cursor))) {
                return KY_OK;
            }
        }
    } else {
        for (int i = 1; i < arg_count; i++) {
            if (!step(env, &value, args[i])) {
                return KY_OK;
            }
        }
    }
    return give(env, value, as_text, out);
}

SCALAR(json_path)
{
    return follow(env, args, arg_count, false, out);
}

SCALAR(json_path_text)
{
    return follow(env, args, arg_count, true, out);
}

SCALAR(json_typeof)
{
    const char *name = "null";
    switch (json_first(json_trim(args[0].bytes))) {
    case '{':
        name = "object";
        break;
    case '[':
        name = "array";
        break;
    case '"':
        name = "string";
        break;
    case '0':
        name = "number";
        break;
    case 't':
    case 'f':
        name = "boolean";
        break;
    default:
        break;
    }
    *out = datum_cstr(name);
    return KY_OK;
}

SCALAR(json_array_length)
{
    struct ky_slice array = json_trim(args[0].bytes);
    const char kind = json_first(array);
    if (kind != '[') {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "cannot get array length of a %s",
                            kind == '{' ? "non-array" : "scalar");
    }
    *out = datum_word((int64_t)json_count(array));
    return KY_OK;
}

SCALAR(to_json)
{
    struct ky_buffer text = {0};
    if (json_append_datum(env, func_arg_type(env, 0), args[0], false, &text, err) != KY_OK) {
        ky_buffer_deinit(&text);
        return KY_ERR;
    }
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

SCALAR(to_jsonb)
{
    KY_TRY(to_json(env, args, arg_count, out, err));
    return json_normalise(env, out->bytes, out, err);
}

/* json_build_array and json_build_object take any arguments, or one array after VARIADIC. */
struct spread {
    struct func_env *env;
    const struct datum *args;
    struct array_view view;
    const uint8_t *cursor;
    uint32_t count;
    uint32_t next;
    bool is_array;
};

static struct spread
spread_open(struct func_env *env, const struct datum *args, int arg_count)
{
    struct spread spread = {.env = env, .args = args, .count = (uint32_t)arg_count};
    if (env->has_variadic_array && arg_count == 1 && !args[0].is_null) {
        array_open(args[0].bytes, &spread.view);
        spread.cursor = spread.view.first;
        spread.count = spread.view.count;
        spread.is_array = true;
    }
    return spread;
}

static struct datum
spread_next(struct spread *spread, const struct type **type)
{
    const uint32_t index = spread->next++;
    if (spread->is_array) {
        *type = spread->view.element;
        return array_next(&spread->view, &spread->cursor);
    }
    *type = func_arg_type(spread->env, (int)index);
    return spread->args[index];
}

SCALAR(json_build_array)
{
    if (env->has_variadic_array && args[0].is_null) {
        *out = datum_null();
        return KY_OK;
    }
    struct spread spread = spread_open(env, args, arg_count);
    struct ky_buffer text = {0};
    ky_buffer_append_byte(&text, '[');
    while (spread.next < spread.count) {
        const struct type *type;
        if (spread.next > 0) {
            ky_buffer_append_cstr(&text, ", ");
        }
        struct datum value = spread_next(&spread, &type);
        if (json_append_datum(env, type, value, false, &text, err) != KY_OK) {
            ky_buffer_deinit(&text);
            return KY_ERR;
        }
    }
    ky_buffer_append_byte(&text, ']');
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

SCALAR(json_build_object)
{
    if (env->has_variadic_array && args[0].is_null) {
        *out = datum_null();
        return KY_OK;
    }
    struct spread spread = spread_open(env, args, arg_count);
    struct ky_buffer text = {0};
    if (spread.count % 2 != 0) {
        ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                     "argument list must have even number of elements");
        return ky_error_hint(err,
                             "The arguments of %s must consist of alternating keys and values.",
                             "json_build_object()");
    }
    ky_buffer_append_byte(&text, '{');
    while (spread.next < spread.count) {
        const struct type *type;
        if (spread.next > 0) {
            ky_buffer_append_cstr(&text, ", ");
        }
        struct datum key = spread_next(&spread, &type);
        ky_status status = KY_OK;
        if (key.is_null) {
            status = ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "argument %u cannot be null",
                                  spread.next);
            status = ky_error_hint(err, "Object keys should be text.");
        } else {
            status = json_append_datum(env, type, key, true, &text, err);
        }
        if (status == KY_OK) {
            ky_buffer_append_cstr(&text, " : ");
            struct datum value = spread_next(&spread, &type);
            status = json_append_datum(env, type, value, false, &text, err);
        }
        if (status != KY_OK) {
            ky_buffer_deinit(&text);
            return KY_ERR;
        }
    }
    ky_buffer_append_byte(&text, '}');
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

SCALAR(jsonb_build_array)
{
    KY_TRY(json_build_array(env, args, arg_count, out, err));
    return out->is_null ? KY_OK : json_normalise(env, out->bytes, out, err);
}

SCALAR(jsonb_build_object)
{
    KY_TRY(json_build_object(env, args, arg_count, out, err));
    return out->is_null ? KY_OK : json_normalise(env, out->bytes, out, err);
}

/* Set functions: the children of one value. */
struct child_rows {
    struct json_cursor cursor;
    bool is_object;
};

/* What a set function says of a container of the other kind and of a scalar. */
struct refusal {
    const char *of_container;
    const char *of_scalar;
};

static ky_status
children_open(struct func_env *env, struct ky_slice text, char wanted,
              const struct refusal *refusal, struct func_rows **rows_out, struct ky_error *err)
{
    struct child_rows *rows = ky_arena_new(env->types.arena, struct child_rows);
    struct ky_slice value = json_trim(text);
    const char kind = json_first(value);
    if (kind != wanted) {
        const bool is_container = kind == '{' || kind == '[';
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "%s",
                            is_container ? refusal->of_container : refusal->of_scalar);
    }
    rows->cursor = json_children(value);
    rows->is_object = wanted == '{';
    *rows_out = (struct func_rows *)(void *)rows;
    return KY_OK;
}

#define CHILDREN(name, wanted, of_container, of_scalar)                                            \
    static ky_status name(struct func_env *env, const struct datum *args, int arg_count KY_UNUSED, \
                          struct func_rows **rows_out, struct ky_error *err)                       \
    {                                                                                              \
        static const struct refusal refusal = {of_container, of_scalar};                           \
        return children_open(env, args[0].bytes, wanted, &refusal, rows_out, err);                 \
    }
CHILDREN(elements_open, '[', "cannot call json_array_elements on a non-array",
         "cannot call json_array_elements on a scalar")
CHILDREN(elements_text_open, '[', "cannot call json_array_elements_text on a non-array",
         "cannot call json_array_elements_text on a scalar")
CHILDREN(jsonb_elements_open, '[', "cannot extract elements from an object",
         "cannot extract elements from a scalar")
CHILDREN(each_open, '{', "cannot deconstruct an array as an object", "cannot deconstruct a scalar")
CHILDREN(jsonb_each_open, '{', "cannot call jsonb_each on a non-object",
         "cannot call jsonb_each on a non-object")
CHILDREN(jsonb_each_text_open, '{', "cannot call jsonb_each_text on a non-object",
         "cannot call jsonb_each_text on a non-object")
CHILDREN(keys_open, '{', "cannot call json_object_keys on an array",
         "cannot call json_object_keys on a scalar")
CHILDREN(jsonb_keys_open, '{', "cannot call jsonb_object_keys on an array",
         "cannot call jsonb_object_keys on a scalar")

static bool
next_child(struct func_rows *state, struct ky_slice *key, struct ky_slice *value)
{
    struct child_rows *rows = (struct child_rows *)(void *)state;
    return json_next_child(&rows->cursor, rows->is_object, key, value);
}

#define CHILD_ROWS(name, body)                                                                     \
    static ky_status name(struct func_env *env KY_UNUSED, struct func_rows *rows,                  \
                          struct datum *values, bool *has_row_out, struct ky_error *err KY_UNUSED) \
    {                                                                                              \
        struct ky_slice key;                                                                       \
        struct ky_slice value;                                                                     \
        *has_row_out = next_child(rows, &key, &value);                                             \
        if (*has_row_out) {                                                                        \
            body                                                                                   \
        }                                                                                          \
        return KY_OK;                                                                              \
    }
CHILD_ROWS(elements_next, values[0] = (struct datum){.bytes = value};)
CHILD_ROWS(elements_text_next, values[0] = json_as_text(env->types.arena, value);)
CHILD_ROWS(keys_next, values[0] = (struct datum){.bytes = json_decode(env->types.arena, key)};)
CHILD_ROWS(each_next, values[0] = (struct datum){.bytes = json_decode(env->types.arena, key)};
           values[1] = (struct datum){.bytes = value};)
CHILD_ROWS(each_text_next, values[0] = (struct datum){.bytes = json_decode(env->types.arena, key)};
           values[1] = json_as_text(env->types.arena, value);)

static const char *const value_name[] = {"value"};
static const char *const pair_names[] = {"key", "value"};
static const oid_t json_column[] = {OID_JSON};
static const oid_t jsonb_column[] = {OID_JSONB};
static const oid_t text_columns[] = {OID_TEXT, OID_TEXT};
static const oid_t text_json[] = {OID_TEXT, OID_JSON};
static const oid_t text_jsonb[] = {OID_TEXT, OID_JSONB};
static const char *const keys_name[] = {"json_object_keys"};
static const char *const jsonb_keys_name[] = {"jsonb_object_keys"};
#define CHILD_SET(name, open, next, count, names, types) \
    static const struct func_set name = {open, next, count, names, types}
CHILD_SET(json_elements, elements_open, elements_next, 1, value_name, json_column);
CHILD_SET(jsonb_elements, jsonb_elements_open, elements_next, 1, value_name, jsonb_column);
CHILD_SET(json_elements_text, elements_text_open, elements_text_next, 1, value_name, text_columns);
CHILD_SET(jsonb_elements_text, jsonb_elements_open, elements_text_next, 1, value_name,
          text_columns);
CHILD_SET(json_keys, keys_open, keys_next, 1, keys_name, text_columns);
CHILD_SET(jsonb_keys, jsonb_keys_open, keys_next, 1, jsonb_keys_name, text_columns);
CHILD_SET(json_each, each_open, each_next, 2, pair_names, text_json);
CHILD_SET(jsonb_each, jsonb_each_open, each_next, 2, pair_names, text_jsonb);
CHILD_SET(json_each_text, each_open, each_text_next, 2, pair_names, text_columns);
CHILD_SET(jsonb_each_text, jsonb_each_text_open, each_text_next, 2, pair_names, text_columns);

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(3947, "json_object_field", OID_JSON, 'i', true, ARGS(OID_JSON, OID_TEXT),
         .scalar = json_field),
    FUNC(3478, "jsonb_object_field", OID_JSONB, 'i', true, ARGS(OID_JSONB, OID_TEXT),
         .scalar = json_field),
    FUNC(3948, "json_object_field_text", OID_TEXT, 'i', true, ARGS(OID_JSON, OID_TEXT),
         .scalar = json_field_text),
    FUNC(3214, "jsonb_object_field_text", OID_TEXT, 'i', true, ARGS(OID_JSONB, OID_TEXT),
         .scalar = json_field_text),
    FUNC(3949, "json_array_element", OID_JSON, 'i', true, ARGS(OID_JSON, OID_INT4),
         .scalar = json_item),
    FUNC(3215, "jsonb_array_element", OID_JSONB, 'i', true, ARGS(OID_JSONB, OID_INT4),
         .scalar = jsonb_item),
    FUNC(3950, "json_array_element_text", OID_TEXT, 'i', true, ARGS(OID_JSON, OID_INT4),
         .scalar = json_item_text),
    FUNC(3216, "jsonb_array_element_text", OID_TEXT, 'i', true, ARGS(OID_JSONB, OID_INT4),
         .scalar = jsonb_item_text),
    FUNC(3951, "json_extract_path", OID_JSON, 'i', true, ARGS(OID_JSON, OID_TEXT_ARRAY),
         .scalar = json_path, .is_variadic = true, .variadic_element = OID_TEXT),
    FUNC(3217, "jsonb_extract_path", OID_JSONB, 'i', true, ARGS(OID_JSONB, OID_TEXT_ARRAY),
         .scalar = json_path, .is_variadic = true, .variadic_element = OID_TEXT),
    FUNC(3953, "json_extract_path_text", OID_TEXT, 'i', true, ARGS(OID_JSON, OID_TEXT_ARRAY),
         .scalar = json_path_text, .is_variadic = true, .variadic_element = OID_TEXT),
    FUNC(3940, "jsonb_extract_path_text", OID_TEXT, 'i', true, ARGS(OID_JSONB, OID_TEXT_ARRAY),
         .scalar = json_path_text, .is_variadic = true, .variadic_element = OID_TEXT),
    FUNC(3968, "json_typeof", OID_TEXT, 'i', true, ARGS(OID_JSON), .scalar = json_typeof),
    FUNC(3210, "jsonb_typeof", OID_TEXT, 'i', true, ARGS(OID_JSONB), .scalar = json_typeof),
    FUNC(3956, "json_array_length", OID_INT4, 'i', true, ARGS(OID_JSON),
         .scalar = json_array_length),
    FUNC(3207, "jsonb_array_length", OID_INT4, 'i', true, ARGS(OID_JSONB),
         .scalar = json_array_length),
    FUNC(3176, "to_json", OID_JSON, 's', true, ARGS(OID_ANYELEMENT), .scalar = to_json),
    FUNC(3153, "array_to_json", OID_JSON, 's', true, ARGS(OID_ANYARRAY), .scalar = to_json),
    FUNC(3787, "to_jsonb", OID_JSONB, 's', true, ARGS(OID_ANYELEMENT), .scalar = to_jsonb),
    FUNC(3198, "json_build_array", OID_JSON, 's', false, ARGS(OID_ANY), .scalar = json_build_array,
         .is_variadic = true, .variadic_element = OID_ANY),
    FUNC(3199, "json_build_array", OID_JSON, 's', false, NO_ARGS, .scalar = json_build_array),
    FUNC(3200, "json_build_object", OID_JSON, 's', false, ARGS(OID_ANY),
         .scalar = json_build_object, .is_variadic = true, .variadic_element = OID_ANY),
    FUNC(3201, "json_build_object", OID_JSON, 's', false, NO_ARGS, .scalar = json_build_object),
    FUNC(3271, "jsonb_build_array", OID_JSONB, 's', false, ARGS(OID_ANY),
         .scalar = jsonb_build_array, .is_variadic = true, .variadic_element = OID_ANY),
    FUNC(3272, "jsonb_build_array", OID_JSONB, 's', false, NO_ARGS, .scalar = jsonb_build_array),
    FUNC(3273, "jsonb_build_object", OID_JSONB, 's', false, ARGS(OID_ANY),
         .scalar = jsonb_build_object, .is_variadic = true, .variadic_element = OID_ANY),
    FUNC(3274, "jsonb_build_object", OID_JSONB, 's', false, NO_ARGS, .scalar = jsonb_build_object),
    FUNC(3955, "json_array_elements", OID_JSON, 'i', true, ARGS(OID_JSON), .is_set = true,
         .set = &json_elements),
    FUNC(3219, "jsonb_array_elements", OID_JSONB, 'i', true, ARGS(OID_JSONB), .is_set = true,
         .set = &jsonb_elements),
    FUNC(3969, "json_array_elements_text", OID_TEXT, 'i', true, ARGS(OID_JSON), .is_set = true,
         .set = &json_elements_text),
    FUNC(3465, "jsonb_array_elements_text", OID_TEXT, 'i', true, ARGS(OID_JSONB), .is_set = true,
         .set = &jsonb_elements_text),
    FUNC(3957, "json_object_keys", OID_TEXT, 'i', true, ARGS(OID_JSON), .is_set = true,
         .set = &json_keys),
    FUNC(3931, "jsonb_object_keys", OID_TEXT, 'i', true, ARGS(OID_JSONB), .is_set = true,
         .set = &jsonb_keys),
    FUNC(3958, "json_each", OID_RECORD, 'i', true, ARGS(OID_JSON), .is_set = true,
         .set = &json_each),
    FUNC(3208, "jsonb_each", OID_RECORD, 'i', true, ARGS(OID_JSONB), .is_set = true,
         .set = &jsonb_each),
    FUNC(3959, "json_each_text", OID_RECORD, 'i', true, ARGS(OID_JSON), .is_set = true,
         .set = &json_each_text),
    FUNC(3932, "jsonb_each_text", OID_RECORD, 'i', true, ARGS(OID_JSONB), .is_set = true,
         .set = &jsonb_each_text),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(3962, "->", OID_JSON, OID_TEXT, OID_JSON, 3947, 0, 0, 0, false),
    OPERATOR(3963, "->>", OID_JSON, OID_TEXT, OID_TEXT, 3948, 0, 0, 0, false),
    OPERATOR(3964, "->", OID_JSON, OID_INT4, OID_JSON, 3949, 0, 0, 0, false),
    OPERATOR(3965, "->>", OID_JSON, OID_INT4, OID_TEXT, 3950, 0, 0, 0, false),
    OPERATOR(3966, "#>", OID_JSON, OID_TEXT_ARRAY, OID_JSON, 3951, 0, 0, 0, false),
    OPERATOR(3967, "#>>", OID_JSON, OID_TEXT_ARRAY, OID_TEXT, 3953, 0, 0, 0, false),
    OPERATOR(3211, "->", OID_JSONB, OID_TEXT, OID_JSONB, 3478, 0, 0, 0, false),
    OPERATOR(3477, "->>", OID_JSONB, OID_TEXT, OID_TEXT, 3214, 0, 0, 0, false),
    OPERATOR(3212, "->", OID_JSONB, OID_INT4, OID_JSONB, 3215, 0, 0, 0, false),
    OPERATOR(3481, "->>", OID_JSONB, OID_INT4, OID_TEXT, 3216, 0, 0, 0, false),
    OPERATOR(3213, "#>", OID_JSONB, OID_TEXT_ARRAY, OID_JSONB, 3217, 0, 0, 0, false),
    OPERATOR(3206, "#>>", OID_JSONB, OID_TEXT_ARRAY, OID_TEXT, 3940, 0, 0, 0, false),
};

const struct func_table func_table_json = {funcs, KY_COUNT_OF(funcs), operators,
                                           KY_COUNT_OF(operators)};
