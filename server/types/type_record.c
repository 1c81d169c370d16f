/* SPDX-License-Identifier: Apache-2.0 */
/* Row values (record.h): `(1,"a b",)` as text; order field by field. */
#include "server/base/assert.h"
#include "server/base/map.h"
#include "server/types/record.h"
#include "server/types/types_private.h"

void
record_open(struct ky_slice record, struct record_view *view_out)
{
    KY_ASSERT(record.size >= 4);
    view_out->count = ky_load_le32(record.data);
    view_out->first = (const uint8_t *)record.data + 4;
}

struct datum
record_next(const uint8_t **cursor, const struct type **type_out)
{
    const struct type *type = type_get(ky_load_le32(*cursor));
    int32_t size = (int32_t)ky_load_le32(*cursor + 4);
    const uint8_t *bytes = *cursor + 8;
    *type_out = type;
    if (size < 0) {
        *cursor = bytes;
        return datum_null();
    }
    *cursor = bytes + size;
    if (type->storage == TYPE_BYTES) {
        return datum_bytes(bytes, (size_t)size);
    }
    return datum_word((int64_t)ky_load_le64(bytes));
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
record_make(struct ky_arena *arena, const struct type *const *types, const struct datum *values,
            uint32_t count)
{
    size_t total = 4;
    for (uint32_t i = 0; i < count; i++) {
        total += 8 + field_size(types[i], values[i]);
    }
    uint8_t *start = ky_arena_alloc(arena, total);
    uint8_t *p = start;
    ky_store_le32(p, count);
    p += 4;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = field_size(types[i], values[i]);
        ky_store_le32(p, types[i]->oid);
        ky_store_le32(p + 4, values[i].is_null ? UINT32_MAX : (uint32_t)size);
        p += 8;
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
    const uint8_t *cursor = view.first;
    struct ky_buffer field = {0};
    ky_buffer_append_byte(out, '(');
    for (uint32_t i = 0; i < view.count; i++) {
        if (i > 0) {
            ky_buffer_append_byte(out, ',');
        }
        const struct type *field_type;
        struct datum one = record_next(&cursor, &field_type);
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
    const uint8_t *cursor = view.first;
    ky_buffer_append_be32(out, view.count);
    for (uint32_t i = 0; i < view.count; i++) {
        const struct type *field_type;
        struct datum one = record_next(&cursor, &field_type);
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
    const uint8_t *x_cursor = x.first;
    const uint8_t *y_cursor = y.first;
    for (uint32_t i = 0; i < x.count && i < y.count; i++) {
        const struct type *x_type;
        const struct type *y_type;
        struct datum left = record_next(&x_cursor, &x_type);
        struct datum right = record_next(&y_cursor, &y_type);
        int order = compare_fields(x_type, left, y_type, right);
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
    const uint8_t *cursor = view.first;
    uint64_t hash = view.count;
    for (uint32_t i = 0; i < view.count; i++) {
        const struct type *field_type;
        struct datum one = record_next(&cursor, &field_type);
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
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        const struct type *field_type;
        struct datum one = record_next(&cursor, &field_type);
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
