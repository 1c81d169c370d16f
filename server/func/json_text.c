/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/json_text.h"

#include "server/func/utext.h"
#include "server/types/array.h"
#include "server/types/record.h"

/* Reading valid JSON text in place, and writing SQL values as JSON. */

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
skip_blanks(struct json_cursor *cursor)
{
    while (cursor->place < cursor->end && is_blank(*cursor->place)) {
        cursor->place++;
    }
}

static const char *
string_end(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\') {
            p++;
        }
    }
    return p < end ? p + 1 : end;
}

static const char *
value_end(const char *p, const char *end)
{
    if (p >= end) {
        return end;
    }
    if (*p == '"') {
        return string_end(p, end);
    }
    if (*p != '{' && *p != '[') {
        while (p < end && *p != ',' && *p != '}' && *p != ']' && !is_blank(*p)) {
            p++;
        }
        return p;
    }
    for (int depth = 0; p < end;) {
        if (*p == '"') {
            p = string_end(p, end);
            continue;
        }
        if (*p == '{' || *p == '[') {
            depth++;
        } else if (*p == '}' || *p == ']') {
            depth--;
        }
        p++;
        if (depth == 0) {
            return p;
        }
    }
    return end;
}

struct ky_slice
json_trim(struct ky_slice text)
{
    struct json_cursor cursor = {text.data, (const char *)text.data + text.size};
    skip_blanks(&cursor);
    const char *end = value_end(cursor.place, cursor.end);
    return ky_slice(cursor.place, (size_t)(end - cursor.place));
}

char
json_first(struct ky_slice value)
{
    const char c = value.size == 0 ? 'n' : *(const char *)value.data;
    return c == '-' || (c >= '0' && c <= '9') ? '0' : c;
}

struct json_cursor
json_children(struct ky_slice container)
{
    const char *start = container.data;
    return (struct json_cursor){start + 1, start + container.size - 1};
}

bool
json_next_child(struct json_cursor *cursor, bool is_object, struct ky_slice *key,
                struct ky_slice *value)
{
    skip_blanks(cursor);
    if (cursor->place < cursor->end && *cursor->place == ',') {
        cursor->place++;
        skip_blanks(cursor);
    }
    if (cursor->place >= cursor->end) {
        return false;
    }
    if (is_object) {
        const char *end = string_end(cursor->place, cursor->end);
        *key = ky_slice(cursor->place, (size_t)(end - cursor->place));
        cursor->place = end;
        skip_blanks(cursor);
        cursor->place++; /* the colon */
        skip_blanks(cursor);
    }
    const char *end = value_end(cursor->place, cursor->end);
    *value = ky_slice(cursor->place, (size_t)(end - cursor->place));
    cursor->place = end;
    return true;
}

static uint32_t
hex4(const char *p)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        const char c = p[i];
        value = value * 16 + (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

struct ky_slice
json_decode(struct ky_arena *arena, struct ky_slice raw)
{
    const char *p = (const char *)raw.data + 1;
    const char *end = (const char *)raw.data + raw.size - 1;
    if (memchr(p, '\\', (size_t)(end - p)) == NULL) {
        return ky_slice(p, (size_t)(end - p));
    }
    uint8_t *text = ky_arena_alloc(arena, raw.size);
    size_t size = 0;
    while (p < end) {
        if (*p != '\\' || p + 1 >= end) {
            text[size++] = (uint8_t)*p++;
            continue;
        }
        p++;
        switch (*p) {
        case 'b':
            text[size++] = '\b';
            break;
        case 'f':
            text[size++] = '\f';
            break;
        case 'n':
            text[size++] = '\n';
            break;
        case 'r':
            text[size++] = '\r';
            break;
        case 't':
            text[size++] = '\t';
            break;
        case 'u': {
            uint32_t code = hex4(p + 1);
            p += 4;
            if (code >= 0xd800 && code < 0xdc00 && end - p > 6) {
                code = 0x10000 + ((code - 0xd800) << 10) + (hex4(p + 3) - 0xdc00);
                p += 6;
            }
            size += utext_put(text + size, code);
            break;
        }
        default:
            text[size++] = (uint8_t)*p;
        }
        p++;
    }
    return ky_slice(text, size);
}

bool
json_member(struct ky_arena *arena, struct ky_slice object, struct ky_slice key,
            struct ky_slice *value)
{
    struct json_cursor cursor = json_children(object);
    struct ky_slice name;
    struct ky_slice candidate;
    bool is_found = false;
    while (json_next_child(&cursor, true, &name, &candidate)) {
        if (ky_slice_equal(json_decode(arena, name), key)) {
            *value = candidate;
            is_found = true;
        }
    }
    return is_found;
}

size_t
json_count(struct ky_slice container)
{
    struct json_cursor cursor = json_children(container);
    struct ky_slice key;
    struct ky_slice value;
    size_t count = 0;
    const bool is_object = json_first(container) == '{';
    while (json_next_child(&cursor, is_object, &key, &value)) {
        count++;
    }
    return count;
}

bool
json_element(struct ky_slice array, int64_t index, struct ky_slice *value)
{
    struct json_cursor cursor = json_children(array);
    if (index < 0) {
        index += (int64_t)json_count(array);
    }
    for (int64_t i = 0; i <= index; i++) {
        if (!json_next_child(&cursor, false, NULL, value)) {
            return false;
        }
    }
    return index >= 0;
}

/* As strtol reads it. */
bool
json_parse_index(struct ky_slice step, int64_t *index_out)
{
    const char *p = step.data;
    const char *end = p + step.size;
    int64_t value = 0;
    while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) {
        p++;
    }
    const bool is_negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    if (p == end) {
        return false;
    }
    for (; p < end; p++) {
        if (*p < '0' || *p > '9') {
            return false;
        }
        value = value * 10 + (*p - '0');
        if (value > (int64_t)INT32_MAX + is_negative) {
            return false;
        }
    }
    *index_out = is_negative ? -value : value;
    return true;
}

struct datum
json_as_text(struct ky_arena *arena, struct ky_slice value)
{
    switch (json_first(value)) {
    case 'n':
        return datum_null();
    case '"':
        return (struct datum){.bytes = json_decode(arena, value)};
    default:
        return (struct datum){.bytes = value};
    }
}

ky_status
json_normalise(struct func_env *env, struct ky_slice text, struct datum *out, struct ky_error *err)
{
    const struct type *jsonb = type_get(OID_JSONB);
    return jsonb->input(jsonb, &env->types, text, -1, out, err);
}

/* Times in JSON are ISO 8601 with a T, whatever DateStyle says. */
static void
append_time(struct func_env *env, const struct type *type, struct datum value,
            struct ky_buffer *out)
{
    struct type_context iso = env->types;
    struct ky_buffer text = {0};
    iso.date_style = 0;
    type->output(type, &iso, value, &text);
    if (text.size > 10 && text.data[10] == ' ') {
        text.data[10] = 'T';
    }
    if (type->oid == OID_TIMESTAMPTZ && text.size > 3 &&
        (text.data[text.size - 3] == '+' || text.data[text.size - 3] == '-')) {
        ky_buffer_append_cstr(&text, ":00");
    }
    ky_buffer_append_byte(out, '"');
    ky_buffer_append(out, text.data, text.size);
    ky_buffer_append_byte(out, '"');
    ky_buffer_deinit(&text);
}

static ky_status
append_array(struct func_env *env, const struct array_view *view, int dimension,
             const uint8_t **cursor, struct ky_buffer *out, struct ky_error *err)
{
    ky_buffer_append_byte(out, '[');
    for (int32_t i = 0; dimension < view->dimension_count && i < view->size[dimension]; i++) {
        if (i > 0) {
            ky_buffer_append_byte(out, ',');
        }
        if (dimension + 1 < view->dimension_count) {
            KY_TRY(append_array(env, view, dimension + 1, cursor, out, err));
        } else {
            KY_TRY(
                json_append_datum(env, view->element, array_next(view, cursor), false, out, err));
        }
    }
    ky_buffer_append_byte(out, ']');
    return KY_OK;
}

/* A row as an object. separator stands between its members. */
ky_status
json_append_record(struct func_env *env, struct ky_slice record, const char *separator,
                   struct ky_buffer *out, struct ky_error *err)
{
    struct record_view view;
    record_open(record, &view);
    ky_buffer_append_byte(out, '{');
    for (uint32_t i = 0; i < view.count; i++) {
        const struct record_field field = record_next(&view);
        ky_buffer_append_cstr(out, i == 0 ? "" : separator);
        if (field.name.size == 0) {
            ky_buffer_printf(out, "\"f%u\"", i + 1);
        } else {
            json_write_string(out, field.name);
        }
        ky_buffer_append_byte(out, ':');
        KY_TRY(json_append_datum(env, field.type, field.value, false, out, err));
    }
    ky_buffer_append_byte(out, '}');
    return KY_OK;
}

ky_status
json_append_datum(struct func_env *env, const struct type *type, struct datum value, bool as_key,
                  struct ky_buffer *out, struct ky_error *err)
{
    if (value.is_null) {
        if (as_key) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "key value must not be null");
        }
        ky_buffer_append_cstr(out, "null");
        return KY_OK;
    }
    type = type == NULL ? type_get(OID_TEXT) : type;
    if (!as_key && type->element_oid != OID_NONE && type->category == 'A') {
        struct array_view view;
        array_open(value.bytes, &view);
        const uint8_t *cursor = view.first;
        return append_array(env, &view, 0, &cursor, out, err);
    }
    if (!as_key && type->oid == OID_RECORD) {
        return json_append_record(env, value.bytes, ",", out, err);
    }
    const bool is_number = type->category == 'N' && type->oid != OID_OID && type->name[0] != 'r';
    if (!as_key && type->oid == OID_BOOL) {
        ky_buffer_append_cstr(out, value.word ? "true" : "false");
    } else if (!as_key && (type->oid == OID_JSON || type->oid == OID_JSONB)) {
        ky_buffer_append_slice(out, value.bytes);
    } else if (type->oid == OID_DATE || type->oid == OID_TIMESTAMP ||
               type->oid == OID_TIMESTAMPTZ) {
        append_time(env, type, value, out);
    } else {
        struct ky_buffer text = {0};
        type->output(type, &env->types, value, &text);
        const char first = text.size == 0 ? '\0' : (char)text.data[text.size - 1];
        if (!as_key && is_number && first >= '0' && first <= '9') {
            ky_buffer_append(out, text.data, text.size); /* NaN and the infinities are strings */
        } else {
            json_write_string(out, ky_buffer_slice(&text));
        }
        ky_buffer_deinit(&text);
    }
    return KY_OK;
}
