/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The row format is drawn in row.h. Where the pieces of a row lie depends only on how many columns
 * it was written with, so a scan works it out once for the rows that have all columns and asks
 * row_get for the rest.
 */
#include "server/types/row.h"

#include "server/base/assert.h"
#include "server/types/types_private.h"

enum { ROW_SIZE_MAX = 12 * 1024 * 1024, COUNT_SIZE = 2, END_SIZE = 4 };

/* Offsets of the parts of a row written with so many columns. */
struct row_shape {
    size_t fixed;
    size_t ends;
    size_t variable;
};

static struct row_shape
shape_of(const struct row_layout *layout, uint16_t count)
{
    struct row_shape shape;
    shape.fixed = COUNT_SIZE + ((size_t)count + 7) / 8;
    shape.ends = shape.fixed + layout->fixed_size[count];
    shape.variable = shape.ends + (size_t)layout->variable_count[count] * END_SIZE;
    return shape;
}

void
row_layout_init(struct row_layout *layout, const struct type *const *types, uint16_t column_count,
                struct ky_arena *arena)
{
    KY_ASSERT(column_count <= ROW_COLUMNS_MAX);
    layout->column_count = column_count;
    layout->types = ky_arena_array(arena, const struct type *, column_count);
    layout->place = ky_arena_array(arena, uint32_t, column_count);
    layout->missing = ky_arena_array(arena, struct datum, column_count);
    layout->fixed_size = ky_arena_array(arena, uint32_t, (size_t)column_count + 1);
    layout->variable_count = ky_arena_array(arena, uint16_t, (size_t)column_count + 1);
    for (uint16_t i = 0; i < column_count; i++) {
        bool is_fixed = types[i]->disk_size > 0;
        layout->types[i] = types[i];
        layout->missing[i] = datum_null();
        layout->place[i] = is_fixed ? layout->fixed_size[i] : layout->variable_count[i];
        layout->fixed_size[i + 1] = layout->fixed_size[i] + types[i]->disk_size;
        layout->variable_count[i + 1] = (uint16_t)(layout->variable_count[i] + !is_fixed);
    }
}

static void
store_fixed(const struct type *type, struct datum value, uint8_t *to)
{
    if (type->storage == TYPE_BYTES) {
        KY_ASSERT(value.bytes.size == type->disk_size);
        memcpy(to, value.bytes.data, type->disk_size);
    } else if (type->storage == TYPE_FLOAT && type->disk_size == sizeof(float)) {
        float narrow = (float)value.real;
        memcpy(to, &narrow, sizeof(narrow));
    } else {
        memcpy(to, &value.word, type->disk_size); /* little-endian: the low bytes */
    }
}

static inline struct datum
load_fixed(const struct type *type, const uint8_t *from)
{
    if (type->storage == TYPE_BYTES) {
        return datum_bytes(from, type->disk_size);
    }
    if (type->storage == TYPE_FLOAT && type->disk_size == sizeof(float)) {
        float narrow;
        memcpy(&narrow, from, sizeof(narrow));
        return datum_real((double)narrow);
    }
    switch (type->disk_size) {
    case 1:
        return datum_word(from[0]);
    case 2:
        return datum_word((int16_t)ky_load_le16(from));
    case 4:
        return datum_word(type_is_signed(type) ? (int32_t)ky_load_le32(from)
                                               : (int64_t)ky_load_le32(from));
    default:
        return datum_word((int64_t)ky_load_le64(from));
    }
}

ky_status
row_encode(const struct row_layout *layout, const struct datum *values, struct ky_buffer *out,
           struct ky_error *err)
{
    struct row_shape shape = shape_of(layout, layout->column_count);
    size_t size = shape.variable;
    for (uint16_t i = 0; i < layout->column_count; i++) {
        if (layout->types[i]->disk_size == 0 && !values[i].is_null) {
            size += values[i].bytes.size;
        }
    }
    if (size > ROW_SIZE_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "row is too big: size %zu, maximum size %d", size, ROW_SIZE_MAX);
    }
    uint8_t *row = ky_buffer_extend(out, size);
    memset(row, 0, shape.ends);
    ky_store_le16(row, layout->column_count);
    uint32_t end = 0;
    for (uint16_t i = 0; i < layout->column_count; i++) {
        const struct type *type = layout->types[i];
        if (values[i].is_null) {
            row[COUNT_SIZE + i / 8] |= (uint8_t)(1U << (i % 8));
        } else if (type->disk_size > 0) {
            store_fixed(type, values[i], row + shape.fixed + layout->place[i]);
        } else if (values[i].bytes.size > 0) {
            memcpy(row + shape.variable + end, values[i].bytes.data, values[i].bytes.size);
            end += (uint32_t)values[i].bytes.size;
        }
        if (type->disk_size == 0) {
            ky_store_le32(row + shape.ends + (size_t)layout->place[i] * END_SIZE, end);
        }
    }
    return KY_OK;
}

static inline bool
is_null_at(const uint8_t *row, uint16_t column)
{
    return (row[COUNT_SIZE + column / 8] >> (column % 8) & 1) != 0;
}

static inline struct ky_slice
load_variable(const uint8_t *row, const struct row_shape *shape, uint32_t place)
{
    const uint8_t *ends = row + shape->ends + (size_t)place * END_SIZE;
    uint32_t start = place == 0 ? 0 : ky_load_le32(ends - END_SIZE);
    return ky_slice(row + shape->variable + start, ky_load_le32(ends) - start);
}

struct datum
row_get(const struct row_layout *layout, struct ky_slice row, uint16_t column)
{
    const uint8_t *bytes = row.data;
    uint16_t count = ky_load_le16(bytes);
    if (column >= count) {
        return layout->missing[column];
    }
    if (is_null_at(bytes, column)) {
        return datum_null();
    }
    struct row_shape shape = shape_of(layout, count);
    if (layout->types[column]->disk_size > 0) {
        return load_fixed(layout->types[column], bytes + shape.fixed + layout->place[column]);
    }
    struct ky_slice value = load_variable(bytes, &shape, layout->place[column]);
    return datum_bytes(value.data, value.size);
}

/* The loop of row_get_column with the load of one kind of column in the middle. */
#define FOR_EACH_ROW(STORE)                                       \
    for (uint32_t i = 0; i < count; i++) {                        \
        const uint8_t *row = rows[i].data;                        \
        if (KY_UNLIKELY(ky_load_le16(row) != full)) {             \
            column_set(out, i, row_get(layout, rows[i], column)); \
            continue;                                             \
        }                                                         \
        uint8_t is_null = is_null_at(row, column);                \
        null_seen |= is_null;                                     \
        out->is_null[i] = is_null;                                \
        STORE;                                                    \
    }

void
row_get_column(const struct row_layout *layout, const struct ky_slice *rows, uint32_t count,
               uint16_t column, struct column *out)
{
    const struct type *type = layout->types[column];
    uint16_t full = layout->column_count;
    struct row_shape shape = shape_of(layout, full);
    uint32_t place = layout->place[column];
    size_t at = shape.fixed + place; /* meaningless for variable columns, which do not use it */
    uint8_t null_seen = 0;
    out->has_nulls = false;
    if (type->storage == TYPE_BYTES && type->disk_size == 0) {
        FOR_EACH_ROW(out->bytes[i] = load_variable(row, &shape, place))
    } else if (type->storage == TYPE_BYTES) {
        FOR_EACH_ROW(out->bytes[i] = ky_slice(row + at, type->disk_size))
    } else if (type->disk_size == 8) {
        FOR_EACH_ROW(out->word[i] = (int64_t)ky_load_le64(row + at))
    } else if (type->disk_size == 4 && type_is_signed(type)) {
        FOR_EACH_ROW(out->word[i] = (int32_t)ky_load_le32(row + at))
    } else {
        FOR_EACH_ROW(out->word[i] = load_fixed(type, row + at).word)
    }
    out->has_nulls |= null_seen != 0;
}

ky_status
row_verify(const struct row_layout *layout, struct ky_slice row, struct ky_error *err)
{
    const uint8_t *bytes = row.data;
    if (row.size < COUNT_SIZE) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "row of %zu bytes is cut", row.size);
    }
    uint16_t count = ky_load_le16(bytes);
    if (count > layout->column_count) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "row has %u columns, its table %u", count,
                            layout->column_count);
    }
    struct row_shape shape = shape_of(layout, count);
    if (row.size < shape.variable) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "row of %zu bytes is cut", row.size);
    }
    uint32_t end = 0;
    for (uint16_t i = 0; i < layout->variable_count[count]; i++) {
        uint32_t next = ky_load_le32(bytes + shape.ends + (size_t)i * END_SIZE);
        if (next < end || next > row.size - shape.variable) {
            return ky_error_set(err, KY_DATA_CORRUPTED, "row has a value outside of its bytes");
        }
        end = next;
    }
    if (end != row.size - shape.variable) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "row has %zu bytes too many",
                            row.size - shape.variable - end);
    }
    return KY_OK;
}
