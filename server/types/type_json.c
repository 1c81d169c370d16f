/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json is text that was checked. jsonb is text too, normalised: keys in PostgreSQL's order (shorter
 * first, then by bytes), of equal keys the last, numbers as numeric prints them, one blank behind
 * ',' and ':'. jsonb orders by an encoding whose bytes compare as PostgreSQL's btree does:
 *   empty top-level array < null < string < number < false < true < array < object;
 *   arrays and objects by count, then by their parts.
 */
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/json.h"
#include "server/base/map.h"
#include "server/types/types_private.h"
#include "server/types/utf8.h"

enum { JSONB_VERSION = 1 };

/* The message is always the type's; what the reader found goes to the detail. */
static ky_status
report(struct ky_error *found, struct ky_error *err)
{
    if (found->sqlstate != KY_INVALID_TEXT_REPRESENTATION) {
        *err = *found;
        return KY_ERR;
    }
    ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json");
    if (found->detail[0] != '\0') {
        ky_error_detail(err, "%s", found->detail);
    } else if (found->message[0] != '\0') {
        ky_error_detail(err, "%s", found->message);
    }
    if (found->context[0] != '\0') {
        ky_error_context(err, "%s", found->context);
    }
    return KY_ERR;
}

ky_status
json_in(const struct type *type KY_UNUSED, const struct type_context *context, struct ky_slice text,
        int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    KY_TRY(utf8_validate(text, err));
    struct ky_error found = {0};
    if (json_validate(text, &found) != KY_OK) {
        return report(&found, err);
    }
    struct ky_slice copy = ky_slice_dup(context->arena, text);
    *out = datum_bytes(copy.data, copy.size);
    return KY_OK;
}

void
json_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_slice(out, value.bytes);
}

ky_status
json_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
          int32_t typmod, struct datum *out, struct ky_error *err)
{
    return json_in(type, context, wire, typmod, out, err);
}

void
json_send(const struct type *type, const struct type_context *context, struct datum value,
          struct ky_buffer *out)
{
    json_out(type, context, value, out);
}

static int
compare_keys(struct ky_slice a, struct ky_slice b)
{
    if (a.size != b.size) {
        return a.size < b.size ? -1 : 1;
    }
    return a.size == 0 ? 0 : memcmp(a.data, b.data, a.size);
}

struct member {
    const struct json_value *value;
    size_t place; /* in the text, so that the last of equal keys can be told */
};

static int
compare_members(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;
    int order = compare_keys(x->value->key, y->value->key);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static ky_status
write_string(struct ky_slice text, struct ky_buffer *out, struct ky_error *err)
{
    if (text.size > 0 && memchr(text.data, 0, text.size) != NULL) {
        ky_error_set(err, KY_UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence");
        return ky_error_detail(err, "\\u0000 cannot be converted to text.");
    }
    json_write_string(out, text);
    return KY_OK;
}

static ky_status write_value(const struct type_context *context, const struct json_value *value,
                             struct ky_buffer *out, struct ky_error *err);

static ky_status
write_object(const struct type_context *context, const struct json_value *object,
             struct ky_buffer *out, struct ky_error *err)
{
    struct member *members = ky_arena_array(context->arena, struct member, object->count);
    size_t count = 0;
    for (const struct json_value *child = object->first; child != NULL; child = child->next) {
        members[count] = (struct member){child, count};
        count++;
    }
    if (count > 1) {
        qsort(members, count, sizeof(members[0]), compare_members);
    }
    ky_buffer_append_byte(out, '{');
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        const struct json_value *child = members[i].value;
        if (i + 1 < count && compare_keys(child->key, members[i + 1].value->key) == 0) {
            continue;
        }
        if (!is_first) {
            ky_buffer_append(out, ", ", 2);
        }
        is_first = false;
        KY_TRY(write_string(child->key, out, err));
        ky_buffer_append(out, ": ", 2);
        KY_TRY(write_value(context, child, out, err));
    }
    ky_buffer_append_byte(out, '}');
    return KY_OK;
}

static ky_status
write_value(const struct type_context *context, const struct json_value *value,
            struct ky_buffer *out, struct ky_error *err)
{
    switch (value->kind) {
    case JSON_NULL:
        ky_buffer_append_cstr(out, "null");
        break;
    case JSON_FALSE:
        ky_buffer_append_cstr(out, "false");
        break;
    case JSON_TRUE:
        ky_buffer_append_cstr(out, "true");
        break;
    case JSON_NUMBER: {
        struct datum number;
        KY_TRY(numeric_type.input(&numeric_type, context, value->text, -1, &number, err));
        numeric_type.output(&numeric_type, context, number, out);
        break;
    }
    case JSON_STRING:
        KY_TRY(write_string(value->text, out, err));
        break;
    case JSON_ARRAY:
        ky_buffer_append_byte(out, '[');
        for (const struct json_value *child = value->first; child != NULL; child = child->next) {
            KY_TRY(write_value(context, child, out, err));
            if (child->next != NULL) {
                ky_buffer_append(out, ", ", 2);
            }
        }
        ky_buffer_append_byte(out, ']');
        break;
    case JSON_OBJECT:
        return write_object(context, value, out, err);
    }
    return KY_OK;
}

ky_status
jsonb_from_text(const struct type_context *context, struct ky_slice text, struct datum *out,
                struct ky_error *err)
{
    KY_TRY(utf8_validate(text, err));
    struct json_value *root;
    struct ky_error found = {0};
    if (json_parse(context->arena, text, &root, &found) != KY_OK) {
        return report(&found, err);
    }
    struct ky_buffer buffer = {0};
    if (write_value(context, root, &buffer, err) != KY_OK) {
        ky_buffer_deinit(&buffer);
        return KY_ERR;
    }
    *out = type_take_buffer(context->arena, &buffer);
    return KY_OK;
}

ky_status
jsonb_in(const struct type *type KY_UNUSED, const struct type_context *context,
         struct ky_slice text, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    return jsonb_from_text(context, text, out, err);
}

void
jsonb_out(const struct type *type, const struct type_context *context, struct datum value,
          struct ky_buffer *out)
{
    json_out(type, context, value, out);
}

ky_status
jsonb_recv(const struct type *type KY_UNUSED, const struct type_context *context,
           struct ky_slice wire, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    const uint8_t *p = wire.data;
    if (wire.size == 0) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "no data left in message");
    }
    if (p[0] != JSONB_VERSION) {
        return ky_error_set(err, KY_INTERNAL_ERROR, "unsupported jsonb version number %d", p[0]);
    }
    return jsonb_from_text(context, ky_slice(p + 1, wire.size - 1), out, err);
}

void
jsonb_send(const struct type *type, const struct type_context *context, struct datum value,
           struct ky_buffer *out)
{
    ky_buffer_append_byte(out, JSONB_VERSION);
    json_out(type, context, value, out);
}

enum jsonb_tag {
    TAG_EMPTY_ARRAY = 1, /* at the top only */
    TAG_NULL,
    TAG_STRING,
    TAG_NUMBER,
    TAG_FALSE,
    TAG_TRUE,
    TAG_ARRAY,
    TAG_OBJECT,
};

static void
key_of(const struct type_context *context, const struct json_value *value, struct ky_buffer *out)
{
    switch (value->kind) {
    case JSON_NULL:
        ky_buffer_append_byte(out, TAG_NULL);
        break;
    case JSON_FALSE:
        ky_buffer_append_byte(out, TAG_FALSE);
        break;
    case JSON_TRUE:
        ky_buffer_append_byte(out, TAG_TRUE);
        break;
    case JSON_NUMBER: {
        struct datum number;
        struct ky_error err = {0};
        ky_status status =
            numeric_type.input(&numeric_type, context, value->text, -1, &number, &err);
        KY_ASSERT(status == KY_OK); /* the value was written by numeric's output */
        ky_buffer_append_byte(out, TAG_NUMBER);
        numeric_type.key(&numeric_type, number, out);
        break;
    }
    case JSON_STRING:
        ky_buffer_append_byte(out, TAG_STRING);
        type_key_bytes(out, value->text);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        ky_buffer_append_byte(out, value->kind == JSON_ARRAY ? TAG_ARRAY : TAG_OBJECT);
        ky_buffer_append_be32(out, (uint32_t)value->count);
        for (const struct json_value *child = value->first; child != NULL; child = child->next) {
            if (value->kind == JSON_OBJECT) {
                type_key_bytes(out, child->key);
            }
            key_of(context, child, out);
        }
        break;
    }
}

void
jsonb_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    struct ky_arena arena;
    ky_arena_init(&arena);
    struct type_context context;
    type_context_init(&context, &arena);
    struct json_value *root;
    struct ky_error err = {0};
    ky_status status = json_parse(&arena, value.bytes, &root, &err);
    KY_ASSERT(status == KY_OK);
    if (root->kind == JSON_ARRAY && root->count == 0) {
        ky_buffer_append_byte(out, TAG_EMPTY_ARRAY);
    } else {
        key_of(&context, root, out);
    }
    ky_arena_deinit(&arena);
}

int
jsonb_compare(const struct type *type, struct datum a, struct datum b)
{
    if (ky_slice_equal(a.bytes, b.bytes)) {
        return 0;
    }
    struct ky_buffer x = {0};
    struct ky_buffer y = {0};
    jsonb_key(type, a, &x);
    jsonb_key(type, b, &y);
    int order = ky_slice_compare(ky_buffer_slice(&x), ky_buffer_slice(&y));
    ky_buffer_deinit(&x);
    ky_buffer_deinit(&y);
    return order;
}

uint64_t
jsonb_hash(const struct type *type, struct datum value)
{
    struct ky_buffer key = {0};
    jsonb_key(type, value, &key);
    uint64_t hash = ky_hash_bytes(key.data, key.size, 0);
    ky_buffer_deinit(&key);
    return hash;
}
