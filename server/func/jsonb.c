/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/json_text.h"
#include "server/types/array.h"
#include "server/types/numeric.h"

/* jsonb: containment, existence, changing. Values are normalised text; changes write new text and
 * normalise it again. */

enum { JSONB_DEPTH_MAX = 256 };

static ky_status
numbers_equal(struct func_env *env, struct ky_slice a, struct ky_slice b, bool *out,
              struct ky_error *err)
{
    const struct type *numeric = type_get(OID_NUMERIC);
    struct datum left;
    struct datum right;
    KY_TRY(numeric->input(numeric, &env->types, a, -1, &left, err));
    KY_TRY(numeric->input(numeric, &env->types, b, -1, &right, err));
    *out = numeric_compare(left.bytes, right.bytes) == 0;
    return KY_OK;
}

static ky_status
contains(struct func_env *env, struct ky_slice whole, struct ky_slice part, int depth, bool *out,
         struct ky_error *err)
{
    struct ky_slice key;
    struct ky_slice wanted;
    const char kind = json_first(part);
    *out = false;
    if (depth > JSONB_DEPTH_MAX) {
        return ky_error_set(err, KY_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    }
    if (json_first(whole) != kind) {
        return KY_OK;
    }
    if (kind == '0') {
        return numbers_equal(env, whole, part, out, err);
    }
    if (kind != '{' && kind != '[') {
        *out = ky_slice_equal(whole, part);
        return KY_OK;
    }
    struct json_cursor parts = json_children(part);
    while (json_next_child(&parts, kind == '{', &key, &wanted)) {
        struct ky_slice value;
        bool is_found = false;
        if (kind == '{') {
            struct ky_slice name = json_decode(env->types.arena, key);
            if (json_member(env->types.arena, whole, name, &value)) {
                KY_TRY(contains(env, value, wanted, depth + 1, &is_found, err));
            }
        } else {
            struct json_cursor values = json_children(whole);
            while (!is_found && json_next_child(&values, false, NULL, &value)) {
                KY_TRY(contains(env, value, wanted, depth + 1, &is_found, err));
            }
        }
        if (!is_found) {
            return KY_OK;
        }
    }
    *out = true;
    return KY_OK;
}

static ky_status
contains_top(struct func_env *env, struct ky_slice whole, struct ky_slice part, struct datum *out,
             struct ky_error *err)
{
    bool result = false;
    whole = json_trim(whole);
    part = json_trim(part);
    const char kind = json_first(part);
    if (json_first(whole) == '[' && kind != '[' && kind != '{') {
        /* An array may hold a bare scalar, at the top only. */
        struct json_cursor values = json_children(whole);
        struct ky_slice value;
        while (!result && json_next_child(&values, false, NULL, &value)) {
            KY_TRY(contains(env, value, part, 0, &result, err));
        }
    } else {
        KY_TRY(contains(env, whole, part, 0, &result, err));
    }
    *out = datum_word(result);
    return KY_OK;
}

SCALAR(jsonb_contains)
{
    return contains_top(env, args[0].bytes, args[1].bytes, out, err);
}

SCALAR(jsonb_contained)
{
    return contains_top(env, args[1].bytes, args[0].bytes, out, err);
}

static bool
has_key(struct func_env *env, struct ky_slice value, struct ky_slice key)
{
    struct ky_slice item;
    switch (json_first(value)) {
    case '{':
        return json_member(env->types.arena, value, key, &item);
    case '[': {
        struct json_cursor cursor = json_children(value);
        while (json_next_child(&cursor, false, NULL, &item)) {
            if (json_first(item) == '"' &&
                ky_slice_equal(json_decode(env->types.arena, item), key)) {
                return true;
            }
        }
        return false;
    }
    case '"':
        return ky_slice_equal(json_decode(env->types.arena, value), key);
    default:
        return false;
    }
}

SCALAR(jsonb_exists)
{
    *out = datum_word(has_key(env, json_trim(args[0].bytes), args[1].bytes));
    return KY_OK;
}

static bool
exists_keys(struct func_env *env, const struct datum *args, bool wants_all)
{
    struct ky_slice value = json_trim(args[0].bytes);
    struct array_view keys;
    array_open(args[1].bytes, &keys);
    const uint8_t *cursor = keys.first;
    for (uint32_t i = 0; i < keys.count; i++) {
        struct datum key = array_next(&keys, &cursor);
        if (!key.is_null && has_key(env, value, key.bytes) != wants_all) {
            return !wants_all;
        }
    }
    return wants_all;
}

SCALAR(jsonb_exists_any)
{
    *out = datum_word(exists_keys(env, args, false));
    return KY_OK;
}

SCALAR(jsonb_exists_all)
{
    *out = datum_word(exists_keys(env, args, true));
    return KY_OK;
}

/* Text of a container without its brackets. */
static struct ky_slice
inside(struct ky_slice container)
{
    return ky_slice((const char *)container.data + 1, container.size - 2);
}

static ky_status
finish(struct func_env *env, struct ky_buffer *text, struct datum *out, struct ky_error *err)
{
    struct datum raw = func_take_buffer(env, text);
    return json_normalise(env, raw.bytes, out, err);
}

SCALAR(jsonb_concat)
{
    struct ky_slice a = json_trim(args[0].bytes);
    struct ky_slice b = json_trim(args[1].bytes);
    const bool are_objects = json_first(a) == '{' && json_first(b) == '{';
    struct ky_slice left = are_objects || json_first(a) == '[' ? inside(a) : a;
    struct ky_slice right = are_objects || json_first(b) == '[' ? inside(b) : b;
    struct ky_buffer text = {0};
    ky_buffer_append_byte(&text, are_objects ? '{' : '[');
    ky_buffer_append_slice(&text, left);
    if (left.size > 0 && right.size > 0) {
        ky_buffer_append_byte(&text, ',');
    }
    ky_buffer_append_slice(&text, right);
    ky_buffer_append_byte(&text, are_objects ? '}' : ']');
    return finish(env, &text, out, err);
}

static void
separate(struct ky_buffer *text)
{
    const uint8_t last = text->data[text->size - 1];
    if (last != '{' && last != '[') {
        ky_buffer_append_byte(text, ',');
    }
}

static bool
is_listed(const struct datum *keys, uint32_t count, struct ky_slice key)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!keys[i].is_null && ky_slice_equal(keys[i].bytes, key)) {
            return true;
        }
    }
    return false;
}

static ky_status
without_keys(struct func_env *env, struct ky_slice whole, const struct datum *keys, uint32_t count,
             struct datum *out, struct ky_error *err)
{
    struct ky_slice value = json_trim(whole);
    const char kind = json_first(value);
    if (kind != '{' && kind != '[') {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "cannot delete from scalar");
    }
    struct ky_buffer text = {0};
    struct json_cursor cursor = json_children(value);
    struct ky_slice key;
    struct ky_slice item;
    ky_buffer_append_byte(&text, (uint8_t)kind);
    while (json_next_child(&cursor, kind == '{', &key, &item)) {
        const bool is_string = kind == '{' || json_first(item) == '"';
        struct ky_slice name = kind == '{' ? key : item;
        if (is_string && is_listed(keys, count, json_decode(env->types.arena, name))) {
            continue;
        }
        separate(&text);
        if (kind == '{') {
            ky_buffer_append_slice(&text, key);
            ky_buffer_append_byte(&text, ':');
        }
        ky_buffer_append_slice(&text, item);
    }
    ky_buffer_append_byte(&text, kind == '{' ? '}' : ']');
    return finish(env, &text, out, err);
}

SCALAR(jsonb_delete)
{
    return without_keys(env, args[0].bytes, &args[1], 1, out, err);
}

static ky_status
open_path(struct ky_slice array, struct array_view *view_out, struct ky_error *err)
{
    array_open(array, view_out);
    return view_out->dimension_count <= 1
               ? KY_OK
               : ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
}

SCALAR(jsonb_delete_keys)
{
    struct array_view view;
    KY_TRY(open_path(args[1].bytes, &view, err));
    struct datum *keys = ky_arena_array(env->types.arena, struct datum, view.count + 1);
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        keys[i] = array_next(&view, &cursor);
    }
    return without_keys(env, args[0].bytes, keys, view.count, out, err);
}

/* What a change at a path does there. */
enum change { CHANGE_SET, CHANGE_INSERT_BEFORE, CHANGE_INSERT_AFTER, CHANGE_DELETE };
struct edit {
    struct func_env *env;
    enum change change;
    bool creates;
    const struct datum *path;
    uint32_t path_count;
    struct ky_slice value;
};

static ky_status edit_value(const struct edit *edit, struct ky_slice value, uint32_t level,
                            struct ky_buffer *text, struct ky_error *err);

static ky_status
edit_object(const struct edit *edit, struct ky_slice object, uint32_t level, struct ky_buffer *text,
            struct ky_error *err)
{
    const bool is_last = level + 1 == edit->path_count;
    struct json_cursor cursor = json_children(object);
    struct ky_slice key;
    struct ky_slice item;
    bool is_found = false;
    ky_buffer_append_byte(text, '{');
    while (json_next_child(&cursor, true, &key, &item)) {
        const bool is_hit =
            ky_slice_equal(json_decode(edit->env->types.arena, key), edit->path[level].bytes);
        is_found |= is_hit;
        if (is_hit && is_last && edit->change == CHANGE_DELETE) {
            continue;
        }
        separate(text);
        ky_buffer_append_slice(text, key);
        ky_buffer_append_byte(text, ':');
        if (!is_hit) {
            ky_buffer_append_slice(text, item);
        } else if (!is_last) {
            KY_TRY(edit_value(edit, item, level + 1, text, err));
        } else if (edit->change == CHANGE_SET) {
            ky_buffer_append_slice(text, edit->value);
        } else {
            ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "cannot replace existing key");
            return ky_error_hint(err, "Try using the function jsonb_set to replace key value.");
        }
    }
    if (!is_found && is_last && edit->change != CHANGE_DELETE &&
        (edit->creates || edit->change != CHANGE_SET)) {
        separate(text);
        json_write_string(text, edit->path[level].bytes);
        ky_buffer_append_byte(text, ':');
        ky_buffer_append_slice(text, edit->value);
    }
    ky_buffer_append_byte(text, '}');
    return KY_OK;
}

static ky_status
edit_array(const struct edit *edit, struct ky_slice array, uint32_t level, struct ky_buffer *text,
           struct ky_error *err)
{
    const bool is_last = level + 1 == edit->path_count;
    const int64_t count = (int64_t)json_count(array);
    struct json_cursor cursor = json_children(array);
    struct ky_slice item;
    int64_t index;
    if (!json_parse_index(edit->path[level].bytes, &index)) {
        return ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION,
                            "path element at position %u is not an integer: \"%.*s\"", level + 1,
                            (int)edit->path[level].bytes.size,
                            (const char *)edit->path[level].bytes.data);
    }
    index += index < 0 ? count : 0;
    const bool adds =
        is_last && edit->change != CHANGE_DELETE && (edit->creates || edit->change != CHANGE_SET);
    ky_buffer_append_byte(text, '[');
    if (index < 0 && adds) {
        ky_buffer_append_slice(text, edit->value);
    }
    for (int64_t i = 0; json_next_child(&cursor, false, NULL, &item); i++) {
        if (i != index) {
            separate(text);
            ky_buffer_append_slice(text, item);
        } else if (!is_last) {
            separate(text);
            KY_TRY(edit_value(edit, item, level + 1, text, err));
        } else if (edit->change == CHANGE_SET) {
            separate(text);
            ky_buffer_append_slice(text, edit->value);
        } else if (edit->change != CHANGE_DELETE) {
            const bool is_before = edit->change == CHANGE_INSERT_BEFORE;
            separate(text);
            ky_buffer_append_slice(text, is_before ? edit->value : item);
            ky_buffer_append_byte(text, ',');
            ky_buffer_append_slice(text, is_before ? item : edit->value);
        }
    }
    if (index >= count && adds) {
        separate(text);
        ky_buffer_append_slice(text, edit->value);
    }
    ky_buffer_append_byte(text, ']');
    return KY_OK;
}

static ky_status
edit_value(const struct edit *edit, struct ky_slice value, uint32_t level, struct ky_buffer *text,
           struct ky_error *err)
{
    if (edit->path[level].is_null) {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED, "path element at position %u is null",
                            level + 1);
    }
    if (level > JSONB_DEPTH_MAX) {
        return ky_error_set(err, KY_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    }
    switch (json_first(value)) {
    case '{':
        return edit_object(edit, value, level, text, err);
    case '[':
        return edit_array(edit, value, level, text, err);
    default:
        ky_buffer_append_slice(text, value);
        return KY_OK;
    }
}

static ky_status
run_edit(struct edit *edit, const struct datum *args, struct datum *out, struct ky_error *err)
{
    struct ky_slice value = json_trim(args[0].bytes);
    struct array_view view;
    KY_TRY(open_path(args[1].bytes, &view, err));
    struct datum *path = ky_arena_array(edit->env->types.arena, struct datum, view.count + 1);
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        path[i] = array_next(&view, &cursor);
    }
    edit->path = path;
    edit->path_count = view.count;
    const char kind = json_first(value);
    if (kind != '{' && kind != '[') {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            edit->change == CHANGE_DELETE ? "cannot delete path in scalar"
                                                          : "cannot set path in scalar");
    }
    *out = args[0];
    const bool is_nothing_there = edit->change == CHANGE_DELETE && json_count(value) == 0;
    if (view.count == 0 || is_nothing_there) {
        return KY_OK;
    }
    struct ky_buffer text = {0};
    if (edit_value(edit, value, 0, &text, err) != KY_OK) {
        ky_buffer_deinit(&text);
        return KY_ERR;
    }
    return finish(edit->env, &text, out, err);
}

SCALAR(jsonb_set)
{
    struct edit edit = {
        .env = env, .change = CHANGE_SET, .creates = args[3].word != 0, .value = args[2].bytes};
    return run_edit(&edit, args, out, err);
}

static const char bad_treatment[] =
    "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or "
    "\"raise_exception\"";

SCALAR(jsonb_delete_path)
{
    struct edit edit = {.env = env, .change = CHANGE_DELETE};
    return run_edit(&edit, args, out, err);
}

/* jsonb_set where the new value may be null; the last argument says what is done then. */
SCALAR(jsonb_set_lax)
{
    const struct ky_slice what = args[4].bytes;
    struct datum set[4] = {args[0], args[1], args[2], args[3]};
    *out = datum_null();
    if (args[0].is_null || args[1].is_null || args[3].is_null) {
        return KY_OK;
    }
    if (args[4].is_null) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "%s", bad_treatment);
    }
    if (!args[2].is_null) {
        return jsonb_set(env, set, 4, out, err);
    }
    if (ky_slice_is(what, "use_json_null")) {
        set[2] = datum_cstr("null");
        return jsonb_set(env, set, 4, out, err);
    }
    if (ky_slice_is(what, "delete_key")) {
        return jsonb_delete_path(env, args, 2, out, err);
    }
    if (ky_slice_is(what, "return_target")) {
        *out = args[0];
        return KY_OK;
    }
    if (ky_slice_is(what, "raise_exception")) {
        ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED, "JSON value must not be null");
        ky_error_detail(
            err, "Exception was raised because null_value_treatment is \"raise_exception\".");
        return ky_error_hint(err, "To avoid, either change the null_value_treatment argument or "
                                  "ensure that an SQL NULL is not passed.");
    }
    return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "%s", bad_treatment);
}

SCALAR(jsonb_insert)
{
    struct edit edit = {.env = env,
                        .change = args[3].word != 0 ? CHANGE_INSERT_AFTER : CHANGE_INSERT_BEFORE,
                        .value = args[2].bytes};
    return run_edit(&edit, args, out, err);
}

SCALAR(jsonb_delete_index)
{
    struct ky_slice value = json_trim(args[0].bytes);
    if (json_first(value) == '{') {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "cannot delete from object using integer index");
    }
    if (json_first(value) != '[') {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "cannot delete from scalar");
    }
    struct datum key = {.bytes = func_output(env, type_get(OID_INT4), args[1])};
    struct edit edit = {.env = env, .change = CHANGE_DELETE, .path = &key, .path_count = 1};
    struct ky_buffer text = {0};
    if (edit_value(&edit, value, 0, &text, err) != KY_OK) {
        ky_buffer_deinit(&text);
        return KY_ERR;
    }
    return finish(env, &text, out, err);
}

static ky_status
strip_nulls(struct ky_slice value, int depth, struct ky_buffer *text, struct ky_error *err)
{
    const char kind = json_first(value);
    if (depth > JSONB_DEPTH_MAX) {
        return ky_error_set(err, KY_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    }
    if (kind != '{' && kind != '[') {
        ky_buffer_append_slice(text, value);
        return KY_OK;
    }
    struct json_cursor cursor = json_children(value);
    struct ky_slice key;
    struct ky_slice item;
    ky_buffer_append_byte(text, (uint8_t)kind);
    while (json_next_child(&cursor, kind == '{', &key, &item)) {
        if (kind == '{' && json_first(item) == 'n') {
            continue;
        }
        separate(text);
        if (kind == '{') {
            ky_buffer_append_slice(text, key);
            ky_buffer_append_byte(text, ':');
        }
        KY_TRY(strip_nulls(item, depth + 1, text, err));
    }
    ky_buffer_append_byte(text, kind == '{' ? '}' : ']');
    return KY_OK;
}

SCALAR(json_strip_nulls)
{
    struct ky_buffer text = {0};
    if (strip_nulls(json_trim(args[0].bytes), 0, &text, err) != KY_OK) {
        ky_buffer_deinit(&text);
        return KY_ERR;
    }
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

SCALAR(jsonb_strip_nulls)
{
    KY_TRY(json_strip_nulls(env, args, arg_count, out, err));
    return json_normalise(env, out->bytes, out, err);
}

static ky_status
pretty(struct ky_slice value, int depth, struct ky_buffer *text, struct ky_error *err)
{
    const char kind = json_first(value);
    if (depth > JSONB_DEPTH_MAX) {
        return ky_error_set(err, KY_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    }
    if (kind != '{' && kind != '[') {
        ky_buffer_append_slice(text, value);
        return KY_OK;
    }
    struct json_cursor cursor = json_children(value);
    struct ky_slice key;
    struct ky_slice item;
    bool is_first = true;
    ky_buffer_append_byte(text, (uint8_t)kind);
    while (json_next_child(&cursor, kind == '{', &key, &item)) {
        ky_buffer_printf(text, "%s\n%*s", is_first ? "" : ",", (depth + 1) * 4, "");
        is_first = false;
        if (kind == '{') {
            ky_buffer_append_slice(text, key);
            ky_buffer_append_cstr(text, ": ");
        }
        KY_TRY(pretty(item, depth + 1, text, err));
    }
    ky_buffer_printf(text, "\n%*s%c", depth * 4, "", kind == '{' ? '}' : ']');
    return KY_OK;
}

SCALAR(jsonb_pretty)
{
    struct ky_buffer text = {0};
    if (pretty(json_trim(args[0].bytes), 0, &text, err) != KY_OK) {
        ky_buffer_deinit(&text);
        return KY_ERR;
    }
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

static const char *const set_names[] = {"jsonb_in", "path", "replacement", "create_if_missing"};
static const char *const insert_names[] = {"jsonb_in", "path", "replacement", "insert_after"};

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(4046, "jsonb_contains", OID_BOOL, 'i', true, ARGS(OID_JSONB, OID_JSONB),
         .scalar = jsonb_contains),
    FUNC(4050, "jsonb_contained", OID_BOOL, 'i', true, ARGS(OID_JSONB, OID_JSONB),
         .scalar = jsonb_contained),
    FUNC(4047, "jsonb_exists", OID_BOOL, 'i', true, ARGS(OID_JSONB, OID_TEXT),
         .scalar = jsonb_exists),
    FUNC(4048, "jsonb_exists_any", OID_BOOL, 'i', true, ARGS(OID_JSONB, OID_TEXT_ARRAY),
         .scalar = jsonb_exists_any),
    FUNC(4049, "jsonb_exists_all", OID_BOOL, 'i', true, ARGS(OID_JSONB, OID_TEXT_ARRAY),
         .scalar = jsonb_exists_all),
    FUNC(3301, "jsonb_concat", OID_JSONB, 'i', true, ARGS(OID_JSONB, OID_JSONB),
         .scalar = jsonb_concat),
    FUNC(3302, "jsonb_delete", OID_JSONB, 'i', true, ARGS(OID_JSONB, OID_TEXT),
         .scalar = jsonb_delete),
    FUNC(3343, "jsonb_delete", OID_JSONB, 'i', true, ARGS(OID_JSONB, OID_TEXT_ARRAY),
         .scalar = jsonb_delete_keys, .is_variadic = true, .variadic_element = OID_TEXT),
    FUNC(3303, "jsonb_delete", OID_JSONB, 'i', true, ARGS(OID_JSONB, OID_INT4),
         .scalar = jsonb_delete_index),
    FUNC(3304, "jsonb_delete_path", OID_JSONB, 'i', true, ARGS(OID_JSONB, OID_TEXT_ARRAY),
         .scalar = jsonb_delete_path),
    FUNC(5054, "jsonb_set_lax", OID_JSONB, 'i', false,
         ARGS(OID_JSONB, OID_TEXT_ARRAY, OID_JSONB, OID_BOOL, OID_TEXT), .scalar = jsonb_set_lax,
         .default_count = 2, .default_texts = (const char *const[]){"true", "use_json_null"},
         .arg_names = (const char *const[]){"jsonb_in", "path", "replacement", "create_if_missing",
                                            "null_value_treatment"}),
    FUNC(3305, "jsonb_set", OID_JSONB, 'i', true,
         ARGS(OID_JSONB, OID_TEXT_ARRAY, OID_JSONB, OID_BOOL), .scalar = jsonb_set,
         .arg_names = set_names, .default_count = 1, .default_word = true),
    FUNC(3579, "jsonb_insert", OID_JSONB, 'i', true,
         ARGS(OID_JSONB, OID_TEXT_ARRAY, OID_JSONB, OID_BOOL), .scalar = jsonb_insert,
         .arg_names = insert_names, .default_count = 1),
    FUNC(3261, "json_strip_nulls", OID_JSON, 'i', true, ARGS(OID_JSON), .scalar = json_strip_nulls),
    FUNC(3262, "jsonb_strip_nulls", OID_JSONB, 'i', true, ARGS(OID_JSONB),
         .scalar = jsonb_strip_nulls),
    FUNC(3306, "jsonb_pretty", OID_TEXT, 'i', true, ARGS(OID_JSONB), .scalar = jsonb_pretty),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(3246, "@>", OID_JSONB, OID_JSONB, OID_BOOL, 4046, 3250, 0, 0, false),
    OPERATOR(3247, "?", OID_JSONB, OID_TEXT, OID_BOOL, 4047, 0, 0, 0, false),
    OPERATOR(3248, "?|", OID_JSONB, OID_TEXT_ARRAY, OID_BOOL, 4048, 0, 0, 0, false),
    OPERATOR(3249, "?&", OID_JSONB, OID_TEXT_ARRAY, OID_BOOL, 4049, 0, 0, 0, false),
    OPERATOR(3250, "<@", OID_JSONB, OID_JSONB, OID_BOOL, 4050, 3246, 0, 0, false),
    OPERATOR(3284, "||", OID_JSONB, OID_JSONB, OID_JSONB, 3301, 0, 0, 0, false),
    OPERATOR(3285, "-", OID_JSONB, OID_TEXT, OID_JSONB, 3302, 0, 0, 0, false),
    OPERATOR(3398, "-", OID_JSONB, OID_TEXT_ARRAY, OID_JSONB, 3343, 0, 0, 0, false),
    OPERATOR(3286, "-", OID_JSONB, OID_INT4, OID_JSONB, 3303, 0, 0, 0, false),
    OPERATOR(3287, "#-", OID_JSONB, OID_TEXT_ARRAY, OID_JSONB, 3304, 0, 0, 0, false),
};

const struct func_table func_table_jsonb = {funcs, KY_COUNT_OF(funcs), operators,
                                            KY_COUNT_OF(operators)};
