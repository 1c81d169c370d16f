/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/jsonb_assign.h"

#include "server/func/json_text.h"

/* jsonb's subscripts on the left of an assignment. New text is written and normalised again. */

enum { FILLED_NULLS_MAX = 16 * 1024 * 1024 };

struct assignment {
    struct func_env *env;
    const struct jsonb_subscript *path;
    int path_count;
    struct ky_slice value;
    struct ky_buffer text;
};

static void
separate(struct ky_buffer *text, bool *is_first)
{
    ky_buffer_append_cstr(text, *is_first ? "" : ",");
    *is_first = false;
}

static ky_status
append_nulls(struct assignment *a, int64_t count, bool *is_first, struct ky_error *err)
{
    if (count > FILLED_NULLS_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "number of jsonb array elements exceeds the maximum allowed (%d)",
                            FILLED_NULLS_MAX);
    }
    for (int64_t i = 0; i < count; i++) {
        separate(&a->text, is_first);
        ky_buffer_append_cstr(&a->text, "null");
    }
    return KY_OK;
}

/* What stands where there was nothing: the rest of the path and the value in it. A key that reads
 * as a number makes an array, as PostgreSQL has it. */
static ky_status
append_made(struct assignment *a, int level, struct ky_error *err)
{
    int end = level;
    for (; end < a->path_count; end++) {
        int64_t index;
        bool is_first = true;
        if (json_parse_index(a->path[end].text, &index)) {
            ky_buffer_append_byte(&a->text, '[');
            KY_TRY(append_nulls(a, index, &is_first, err));
            separate(&a->text, &is_first);
        } else {
            ky_buffer_append_byte(&a->text, '{');
            json_write_string(&a->text, a->path[end].text);
            ky_buffer_append_byte(&a->text, ':');
        }
    }
    ky_buffer_append_slice(&a->text, a->value);
    while (end-- > level) {
        int64_t index;
        ky_buffer_append_byte(&a->text, json_parse_index(a->path[end].text, &index) ? ']' : '}');
    }
    return KY_OK;
}

static ky_status append_changed(struct assignment *a, struct ky_slice old, int level,
                                struct ky_error *err);

static ky_status
append_object(struct assignment *a, struct ky_slice object, int level, struct ky_error *err)
{
    struct json_cursor cursor = json_children(object);
    struct ky_slice key;
    struct ky_slice item;
    bool is_first = true;
    bool is_found = false;
    ky_buffer_append_byte(&a->text, '{');
    while (json_next_child(&cursor, true, &key, &item)) {
        separate(&a->text, &is_first);
        ky_buffer_append_slice(&a->text, key);
        ky_buffer_append_byte(&a->text, ':');
        if (ky_slice_equal(json_decode(a->env->types.arena, key), a->path[level].text)) {
            is_found = true;
            KY_TRY(append_changed(a, item, level + 1, err));
        } else {
            ky_buffer_append_slice(&a->text, item);
        }
    }
    if (!is_found) {
        separate(&a->text, &is_first);
        json_write_string(&a->text, a->path[level].text);
        ky_buffer_append_byte(&a->text, ':');
        KY_TRY(append_made(a, level + 1, err));
    }
    ky_buffer_append_byte(&a->text, '}');
    return KY_OK;
}

static ky_status
append_array(struct assignment *a, struct ky_slice array, int level, struct ky_error *err)
{
    const struct ky_slice step = a->path[level].text;
    struct json_cursor cursor = json_children(array);
    struct ky_slice item;
    bool is_first = true;
    int64_t index;
    int64_t count = 0;
    if (!json_parse_index(step, &index)) {
        return ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION,
                            "path element at position %d is not an integer: \"%.*s\"", level + 1,
                            (int)step.size, (const char *)step.data);
    }
    if (index < 0) {
        const int64_t size = (int64_t)json_count(array);
        if (-index > size) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "path element at position %d is out of range: %d", level + 1,
                                (int)index);
        }
        index += size;
    }
    ky_buffer_append_byte(&a->text, '[');
    for (; json_next_child(&cursor, false, NULL, &item); count++) {
        separate(&a->text, &is_first);
        if (count == index) {
            KY_TRY(append_changed(a, item, level + 1, err));
        } else {
            ky_buffer_append_slice(&a->text, item);
        }
    }
    if (index >= count) {
        KY_TRY(append_nulls(a, index - count, &is_first, err));
        separate(&a->text, &is_first);
        KY_TRY(append_made(a, level + 1, err));
    }
    ky_buffer_append_byte(&a->text, ']');
    return KY_OK;
}

/* The value that was there, with what stands behind it in the path changed. */
static ky_status
append_changed(struct assignment *a, struct ky_slice old, int level, struct ky_error *err)
{
    if (level == a->path_count) {
        ky_buffer_append_slice(&a->text, a->value);
        return KY_OK;
    }
    switch (json_first(old)) {
    case '{':
        return append_object(a, old, level, err);
    case '[':
        return append_array(a, old, level, err);
    default:
        ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "cannot replace existing key");
        return ky_error_detail(err, "The path assumes key is a composite object, but it is a "
                                    "scalar value.");
    }
}

ky_status
jsonb_assign(struct func_env *env, struct datum container, const struct jsonb_subscript *path,
             int path_count, struct datum value, struct datum *out, struct ky_error *err)
{
    struct assignment a = {
        .env = env,
        .path = path,
        .path_count = path_count,
        .value = value.is_null ? ky_slice_cstr("null") : value.bytes,
    };
    const struct ky_slice old = !container.is_null   ? container.bytes
                                : path[0].is_integer ? ky_slice_cstr("[]")
                                                     : ky_slice_cstr("{}");
    ky_status status = append_changed(&a, old, 0, err);
    if (status == KY_OK) {
        status = json_normalise(env, ky_buffer_slice(&a.text), out, err);
    }
    ky_buffer_deinit(&a.text);
    return status;
}
