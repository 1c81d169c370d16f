/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/json_text.h"
#include "server/types/array.h"

/* json_object and jsonb_object: keys and values as text, in one array or in two. */

static ky_status
bad_shape(struct ky_error *err)
{
    return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
}

static ky_status
append_member(struct ky_buffer *text, struct datum key, struct datum value, struct ky_error *err)
{
    if (key.is_null) {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED,
                            "null value not allowed for object key");
    }
    if (text->size > 1) {
        ky_buffer_append_cstr(text, ", ");
    }
    json_write_string(text, key.bytes);
    ky_buffer_append_cstr(text, " : ");
    if (value.is_null) {
        ky_buffer_append_cstr(text, "null");
    } else {
        json_write_string(text, value.bytes);
    }
    return KY_OK;
}

/* Keys and values in turn: {k,v,k,v} or {{k,v},{k,v}}. */
static ky_status
append_pairs(struct ky_buffer *text, struct ky_slice array, struct ky_error *err)
{
    struct array_view view;
    array_open(array, &view);
    if (view.dimension_count > 2) {
        return bad_shape(err);
    }
    if (view.dimension_count == 1 && view.count % 2 != 0) {
        return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR,
                            "array must have even number of elements");
    }
    if (view.dimension_count == 2 && view.size[1] != 2) {
        return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR, "array must have two columns");
    }
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i += 2) {
        const struct datum key = array_next(&view, &cursor);
        const struct datum value = array_next(&view, &cursor);
        KY_TRY(append_member(text, key, value, err));
    }
    return KY_OK;
}

static ky_status
append_both(struct ky_buffer *text, struct ky_slice keys, struct ky_slice values,
            struct ky_error *err)
{
    struct array_view left;
    struct array_view right;
    array_open(keys, &left);
    array_open(values, &right);
    if (left.dimension_count > 1 || left.dimension_count != right.dimension_count) {
        return bad_shape(err);
    }
    if (left.count != right.count) {
        return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR, "mismatched array dimensions");
    }
    const uint8_t *left_cursor = left.first;
    const uint8_t *right_cursor = right.first;
    for (uint32_t i = 0; i < left.count; i++) {
        const struct datum key = array_next(&left, &left_cursor);
        const struct datum value = array_next(&right, &right_cursor);
        KY_TRY(append_member(text, key, value, err));
    }
    return KY_OK;
}

SCALAR(json_object)
{
    struct ky_buffer text = {0};
    ky_buffer_append_byte(&text, '{');
    const ky_status status = arg_count == 1 ? append_pairs(&text, args[0].bytes, err)
                                            : append_both(&text, args[0].bytes, args[1].bytes, err);
    if (status != KY_OK) {
        ky_buffer_deinit(&text);
        return KY_ERR;
    }
    ky_buffer_append_byte(&text, '}');
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

SCALAR(jsonb_object)
{
    KY_TRY(json_object(env, args, arg_count, out, err));
    return json_normalise(env, out->bytes, out, err);
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(3202, "json_object", OID_JSON, 'i', true, ARGS(OID_TEXT_ARRAY), .scalar = json_object),
    FUNC(3203, "json_object", OID_JSON, 'i', true, ARGS(OID_TEXT_ARRAY, OID_TEXT_ARRAY),
         .scalar = json_object),
    FUNC(3263, "jsonb_object", OID_JSONB, 'i', true, ARGS(OID_TEXT_ARRAY), .scalar = jsonb_object),
    FUNC(3264, "jsonb_object", OID_JSONB, 'i', true, ARGS(OID_TEXT_ARRAY, OID_TEXT_ARRAY),
         .scalar = jsonb_object),
};

const struct func_table func_table_json_object = {funcs, KY_COUNT_OF(funcs), NULL, 0};
