/* SPDX-License-Identifier: Apache-2.0 */
/* Array values as bytes (array.h): building, walking, subscripts, order. */
#include "server/types/array.h"

#include "server/base/assert.h"
#include "server/base/map.h"
#include "server/types/types_private.h"

enum { HEADER_SIZE = 12, DIMENSION_SIZE = 8 };

void
array_open(struct ky_slice array, struct array_view *view_out)
{
    const uint8_t *p = array.data;
    KY_ASSERT(array.size >= HEADER_SIZE);
    view_out->dimension_count = (int)ky_load_le32(p);
    KY_ASSERT(view_out->dimension_count <= ARRAY_DIMENSIONS_MAX);
    view_out->element = type_get(ky_load_le32(p + 8));
    view_out->count = view_out->dimension_count == 0 ? 0 : 1;
    p += HEADER_SIZE;
    for (int i = 0; i < view_out->dimension_count; i++) {
        view_out->size[i] = (int32_t)ky_load_le32(p);
        view_out->lower[i] = (int32_t)ky_load_le32(p + 4);
        view_out->count *= (uint32_t)view_out->size[i];
        p += DIMENSION_SIZE;
    }
    view_out->first = p;
}

struct datum
array_next(const struct array_view *view, const uint8_t **cursor)
{
    int32_t size = (int32_t)ky_load_le32(*cursor);
    const uint8_t *bytes = *cursor + 4;
    if (size < 0) {
        *cursor = bytes;
        return datum_null();
    }
    *cursor = bytes + size;
    if (view->element->storage == TYPE_BYTES) {
        return datum_bytes(bytes, (size_t)size);
    }
    return datum_word((int64_t)ky_load_le64(bytes));
}

static size_t
element_size(const struct type *element, struct datum value)
{
    if (value.is_null) {
        return 0;
    }
    return element->storage == TYPE_BYTES ? value.bytes.size : sizeof(int64_t);
}

struct ky_slice
array_make_shaped(struct ky_arena *arena, const struct type *element, const struct datum *values,
                  int dimension_count, const int32_t *size, const int32_t *lower)
{
    KY_ASSERT(dimension_count <= ARRAY_DIMENSIONS_MAX);
    uint32_t count = dimension_count == 0 ? 0 : 1;
    for (int i = 0; i < dimension_count; i++) {
        count *= (uint32_t)size[i];
    }
    size_t total = HEADER_SIZE + (size_t)dimension_count * DIMENSION_SIZE;
    bool has_nulls = false;
    for (uint32_t i = 0; i < count; i++) {
        total += 4 + element_size(element, values[i]);
        has_nulls |= values[i].is_null;
    }
    uint8_t *start = ky_arena_alloc(arena, total);
    uint8_t *p = start;
    ky_store_le32(p, (uint32_t)dimension_count);
    ky_store_le32(p + 4, has_nulls);
    ky_store_le32(p + 8, element->oid);
    p += HEADER_SIZE;
    for (int i = 0; i < dimension_count; i++) {
        ky_store_le32(p, (uint32_t)size[i]);
        ky_store_le32(p + 4, (uint32_t)lower[i]);
        p += DIMENSION_SIZE;
    }
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes = element_size(element, values[i]);
        ky_store_le32(p, values[i].is_null ? UINT32_MAX : (uint32_t)bytes);
        p += 4;
        if (values[i].is_null) {
            continue;
        }
        if (element->storage == TYPE_BYTES) {
            if (bytes > 0) {
                memcpy(p, values[i].bytes.data, bytes);
            }
        } else {
            ky_store_le64(p, (uint64_t)values[i].word);
        }
        p += bytes;
    }
    KY_ASSERT(p == start + total);
    return ky_slice(start, total);
}

struct ky_slice
array_make(struct ky_arena *arena, const struct type *element, const struct datum *values,
           uint32_t count)
{
    int32_t size = (int32_t)count;
    int32_t lower = 1;
    return array_make_shaped(arena, element, values, count == 0 ? 0 : 1, &size, &lower);
}

struct datum
array_get(struct ky_slice array, const int32_t *subscripts, int count)
{
    struct array_view view;
    array_open(array, &view);
    if (count != view.dimension_count || count == 0) {
        return datum_null();
    }
    uint32_t place = 0;
    for (int i = 0; i < count; i++) {
        int64_t offset = (int64_t)subscripts[i] - view.lower[i];
        if (offset < 0 || offset >= view.size[i]) {
            return datum_null();
        }
        place = place * (uint32_t)view.size[i] + (uint32_t)offset;
    }
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < place; i++) {
        array_next(&view, &cursor);
    }
    return array_next(&view, &cursor);
}

/* Elements first (null is the largest), then their count, then the shape. */
int
array_compare(const struct type *type KY_UNUSED, struct datum a, struct datum b)
{
    struct array_view x;
    struct array_view y;
    array_open(a.bytes, &x);
    array_open(b.bytes, &y);
    const uint8_t *x_cursor = x.first;
    const uint8_t *y_cursor = y.first;
    for (uint32_t i = 0; i < x.count && i < y.count; i++) {
        struct datum left = array_next(&x, &x_cursor);
        struct datum right = array_next(&y, &y_cursor);
        int order = left.is_null || right.is_null ? left.is_null - right.is_null
                                                  : x.element->compare(x.element, left, right);
        if (order != 0) {
            return order;
        }
    }
    if (x.count != y.count) {
        return x.count < y.count ? -1 : 1;
    }
    if (x.dimension_count != y.dimension_count) {
        return x.dimension_count < y.dimension_count ? -1 : 1;
    }
    for (int i = 0; i < x.dimension_count; i++) {
        if (x.size[i] != y.size[i]) {
            return x.size[i] < y.size[i] ? -1 : 1;
        }
    }
    for (int i = 0; i < x.dimension_count; i++) {
        if (x.lower[i] != y.lower[i]) {
            return x.lower[i] < y.lower[i] ? -1 : 1;
        }
    }
    return 0;
}

uint64_t
array_hash(const struct type *type KY_UNUSED, struct datum value)
{
    struct array_view view;
    array_open(value.bytes, &view);
    const uint8_t *cursor = view.first;
    uint64_t hash = view.count;
    for (uint32_t i = 0; i < view.count; i++) {
        struct datum element = array_next(&view, &cursor);
        uint64_t one = element.is_null ? 0 : view.element->hash(view.element, element);
        hash = ky_hash_u64(hash * 31 + one);
    }
    return hash;
}

/* Per element 0x01 and its key, or 0x02 for null; 0x00 ends them; then the shape. */
void
array_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    struct array_view view;
    array_open(value.bytes, &view);
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        struct datum element = array_next(&view, &cursor);
        ky_buffer_append_byte(out, element.is_null ? 2 : 1);
        if (!element.is_null) {
            view.element->key(view.element, element, out);
        }
    }
    ky_buffer_append_byte(out, 0);
    ky_buffer_append_byte(out, (uint8_t)view.dimension_count);
    for (int i = 0; i < view.dimension_count; i++) {
        ky_buffer_append_be32(out, (uint32_t)view.size[i]);
    }
    for (int i = 0; i < view.dimension_count; i++) {
        ky_buffer_append_be32(out, (uint32_t)view.lower[i] ^ UINT32_C(0x80000000));
    }
}
