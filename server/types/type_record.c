/* SPDX-License-Identifier: Apache-2.0 */
/* Row values (record.h): `(1,"a b",)` as text; order field by field. */
#include "server/base/assert.h"
#include "server/base/map.h"
#include "server/types/record.h"
#include "server/types/types_private.h"

#define HAS_NAMES UINT32_C(0x80000000)
enum { NAME_MAX_SIZE = 63 };

void
record_open(struct ky_slice record, struct record_view *view_out)
{
    KY_ASSERT(record.size >= 4);
    uint32_t head = ky_load_le32(record.data);
    view_out->count = head & ~HAS_NAMES;
    view_out->has_names = (head & HAS_NAMES) != 0;
    view_out->next = (const uint8_t *)record.data + 4;
}

struct record_field
record_next(struct record_view *view)
{
    const uint8_t *at = view->next;
    struct record_field field = {.type = type_get(ky_load_le32(at))};
    int32_t size = (int32_t)ky_load_le32(at + 4);
    at += 8;
    if (view->has_names) {
        field.name = ky_slice(at + 1, *at);
        at += 1 + *at;
    }
    if (size < 0) {
        field.value = datum_null();
    } else if (field.type->storage == TYPE_BYTES) {
        field.value = datum_bytes(at, (size_t)size);
        at += size;
    } else {
        field.value = datum_word((int64_t)ky_load_le64(at));
        at += size;
    }
    view->next = at;
    return field;
}

static size_t
field_size(const struct type *type, struct datum value)
{
    if (value.is_null) {
        return 0;
    }
    return type->storage == TYPE_BYTES ? value.bytes.size : sizeof(int64_t);
}

struct ky_slice
record_make(struct ky_arena *arena, const struct type *const *types, const char *const *names,
            const struct datum *values, uint32_t count)
{
    size_t total = 4;
    for (uint32_t i = 0; i < count; i++) {
        total += 8 + field_size(types[i], values[i]);
        total += names == NULL ? 0 : 1 + strnlen(names[i], NAME_MAX_SIZE);
    }
    uint8_t *start = ky_arena_alloc(arena, total);
    uint8_t *p = start;
    ky_store_le32(p, count | (names == NULL ? 0 : HAS_NAMES));
    p += 4;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = field_size(types[i], values[i]);
        ky_store_le32(p, types[i]->oid);
        ky_store_le32(p + 4, values[i].is_null ? UINT32_MAX : (uint32_t)size);
        p += 8;
        if (names != NULL) {
            size_t name_size = strnlen(names[i], NAME_MAX_SIZE);
            *p++ = (uint8_t)name_size;
            memcpy(p, names[i], name_size);
            p += name_size;
        }
        if (!values[i].is_null && types[i]->storage != TYPE_BYTES) {
            ky_store_le64(p, (uint64_t)values[i].word);
        } else if (size > 0) {
            memcpy(p, values[i].bytes.data, size);
        }
        p += size;
    }
    return ky_slice(start, total);
}

ky_status
record_in(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
          struct ky_slice text KY_UNUSED, int32_t typmod KY_UNUSED, struct datum *out KY_UNUSED,
          struct ky_error *err)
{
    return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                        "input of anonymous composite types is not implemented");
}

ky_status
record_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
            int32_t typmod, struct datum *out, struct ky_error *err)
{
    return record_in(type, context, wire, typmod, out, err);
}

static bool
needs_quotes(const uint8_t *p, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (p[i] == '"' || p[i] == '\\' || p[i] == '(' || p[i] == ')' || p[i] == ',' ||
            type_is_space((char)p[i])) {
            return true;
        }
    }
    return size == 0;
}

void
record_out(const struct type *type KY_UNUSED, const struct type_context *context,
           struct datum value, struct ky_buffer *out)
{
    struct record_view view;
    record_open(value.bytes, &view);
    struct ky_buffer field = {0};
    ky_buffer_append_byte(out, '(');
    for (uint32_t i = 0; i < view.count; i++) {
        if (i > 0) {
            ky_buffer_append_byte(out, ',');
        }
        const struct record_field next = record_next(&view);
        const struct type *field_type = next.type;
        struct datum one = next.value;
        if (one.is_null) {
            continue;
        }
        ky_buffer_clear(&field);
        field_type->output(field_type, context, one, &field);
        if (!needs_quotes(field.data, field.size)) {
            ky_buffer_append_slice(out, ky_buffer_slice(&field));
            continue;
        }
        ky_buffer_append_byte(out, '"');
        for (size_t at = 0; at < field.size; at++) {
            if (field.data[at] == '"' || field.data[at] == '\\') {
                ky_buffer_append_byte(out, field.data[at]);
            }
            ky_buffer_append_byte(out, field.data[at]);
        }
        ky_buffer_append_byte(out, '"');
    }
    ky_buffer_append_byte(out, ')');
    ky_buffer_deinit(&field);
}

void
record_send(const struct type *type KY_UNUSED, const struct type_context *context,
            struct datum value, struct ky_buffer *out)
{
    struct record_view view;
    record_open(value.bytes, &view);
    ky_buffer_append_be32(out, view.count);
    for (uint32_t i = 0; i < view.count; i++) {
        const struct record_field next = record_next(&view);
        const struct type *field_type = next.type;
        struct datum one = next.value;
        ky_buffer_append_be32(out, field_type->oid);
        size_t place = out->size;
        ky_buffer_append_be32(out, UINT32_MAX);
        if (!one.is_null) {
            field_type->send(field_type, context, one, out);
            ky_store_be32(out->data + place, (uint32_t)(out->size - place - 4));
        }
    }
}

/* Fields of different types are ordered by their type, those without an order by their bytes. */
static int
compare_fields(const struct type *x, struct datum a, const struct type *y, struct datum b)
{
    if (a.is_null || b.is_null) {
        return a.is_null - b.is_null;
    }
    if (x != y) {
        return x->oid < y->oid ? -1 : 1;
    }
    return x->compare == NULL ? ky_slice_compare(a.bytes, b.bytes) : x->compare(x, a, b);
}

int
record_compare(const struct type *type KY_UNUSED, struct datum a, struct datum b)
{
    struct record_view x;
    struct record_view y;
    record_open(a.bytes, &x);
    record_open(b.bytes, &y);
    for (uint32_t i = 0; i < x.count && i < y.count; i++) {
        const struct record_field left = record_next(&x);
        const struct record_field right = record_next(&y);
        int order = compare_fields(left.type, left.value, right.type, right.value);
        if (order != 0) {
            return order;
        }
    }
    return (x.count > y.count) - (x.count < y.count);
}

uint64_t
record_hash(const struct type *type KY_UNUSED, struct datum value)
{
    struct record_view view;
    record_open(value.bytes, &view);
    uint64_t hash = view.count;
    for (uint32_t i = 0; i < view.count; i++) {
        const struct record_field next = record_next(&view);
        const struct type *field_type = next.type;
        struct datum one = next.value;
        uint64_t part = 0;
        if (!one.is_null) {
            part = field_type->hash == NULL ? ky_hash_bytes(one.bytes.data, one.bytes.size, 0)
                                            : field_type->hash(field_type, one);
        }
        hash = ky_hash_u64(hash * 31 + part);
    }
    return hash;
}

/* Per field 0x01, type oid and key, or 0x02 for null; 0x00 ends them. */
void
record_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    struct record_view view;
    record_open(value.bytes, &view);
    for (uint32_t i = 0; i < view.count; i++) {
        const struct record_field next = record_next(&view);
        const struct type *field_type = next.type;
        struct datum one = next.value;
        ky_buffer_append_byte(out, one.is_null ? 2 : 1);
        if (one.is_null) {
            continue;
        }
        ky_buffer_append_be32(out, field_type->oid);
        if (field_type->key == NULL) {
            type_key_bytes(out, one.bytes);
        } else {
            field_type->key(field_type, one, out);
        }
    }
    ky_buffer_append_byte(out, 0);
}
