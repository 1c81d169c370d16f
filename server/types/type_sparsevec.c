/* SPDX-License-Identifier: Apache-2.0 */
/* sparsevec: `{1:1.5,3:2}/5`, indices from 1 in text and from 0 in memory and on the wire;
 * conditions and texts are pgvector's. */
#include <math.h>
#include <stdlib.h>

#include "server/base/map.h"
#include "server/types/number_text.h"
#include "server/types/types_private.h"
#include "server/types/vector_value.h"

struct element {
    int64_t index; /* from 0 */
    float value;
};

static KY_COLD ky_status
syntax(struct ky_slice text, const char *detail, struct ky_error *err)
{
    type_error_syntax(err, "sparsevec", text);
    return detail == NULL ? KY_ERR : ky_error_detail(err, "%s", detail);
}

static ky_status
check_count(int64_t count, int64_t dimensions, struct ky_error *err)
{
    if (count < 0) {
        return ky_error_set(err, KY_DATA_EXCEPTION,
                            "sparsevec cannot have negative number of elements");
    }
    if (count > SPARSEVEC_ELEMENTS_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "sparsevec cannot have more than %d non-zero elements",
                            SPARSEVEC_ELEMENTS_MAX);
    }
    if (count > dimensions) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "sparsevec cannot have more elements than dimensions");
    }
    return KY_OK;
}

static ky_status
check_index(int64_t index, int64_t before, uint32_t dimensions, struct ky_error *err)
{
    if (index < 0 || index >= dimensions) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "sparsevec index out of bounds");
    }
    if (index < before) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "sparsevec indices must be in ascending order");
    }
    if (index == before) {
        return ky_error_set(err, KY_DATA_EXCEPTION,
                            "sparsevec indices must not contain duplicates");
    }
    return KY_OK;
}

/* What is left to read. */
struct reader {
    const struct type *type;
    struct ky_slice text;
    const char *p;
    const char *end;
};

static void
skip_space(struct reader *reader)
{
    while (reader->p < reader->end && type_is_space(*reader->p)) {
        reader->p++;
    }
}

static bool
take(struct reader *reader, char c)
{
    skip_space(reader);
    if (reader->p == reader->end || *reader->p != c) {
        return false;
    }
    reader->p++;
    return true;
}

/* A whole number, cut to 32 bits; false: there is none. */
static bool
take_integer(struct reader *reader, int64_t *out)
{
    skip_space(reader);
    const char *start = reader->p;
    bool is_negative = start < reader->end && *start == '-';
    int64_t value = 0;
    if (start < reader->end && (*start == '-' || *start == '+')) {
        reader->p++;
    }
    const char *digits = reader->p;
    while (reader->p < reader->end && *reader->p >= '0' && *reader->p <= '9') {
        value = KY_MIN(value * 10 + (*reader->p - '0'), (int64_t)INT32_MAX + is_negative);
        reader->p++;
    }
    *out = is_negative ? -value : value;
    return reader->p > digits;
}

static ky_status
read_element(struct reader *reader, struct element *out, struct ky_error *err)
{
    bool is_overflow;
    if (!take_integer(reader, &out->index) || !take(reader, ':')) {
        return syntax(reader->text, NULL, err);
    }
    out->index--;
    skip_space(reader);
    size_t size = number_scan_float(ky_slice(reader->p, (size_t)(reader->end - reader->p)),
                                    &out->value, &is_overflow);
    if (size == 0) {
        return syntax(reader->text, NULL, err);
    }
    /* Here a number too small for a float is refused as well: zeros are not stored. */
    bool is_underflow = out->value == 0;
    for (size_t i = 0; is_underflow && i < size && (reader->p[i] | 0x20) != 'e'; i++) {
        if (reader->p[i] >= '1' && reader->p[i] <= '9') {
            is_overflow = true;
        }
    }
    if (is_overflow) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE,
                            "\"%.*s\" is out of range for type sparsevec", (int)KY_MIN(size, 400),
                            reader->p);
    }
    reader->p += size;
    return vector_check_element(reader->type, out->value, err);
}

static ky_status
read_elements(struct reader *reader, struct element *elements, uint32_t room, uint32_t *count_out,
              struct ky_error *err)
{
    uint32_t count = 0;
    while (!take(reader, '}')) {
        struct element element = {0};
        if (count > 0 && !take(reader, ',')) {
            return syntax(reader->text, NULL, err);
        }
        KY_TRY(read_element(reader, &element, err));
        skip_space(reader);
        if (reader->p == reader->end || (*reader->p != ',' && *reader->p != '}') || count == room) {
            return syntax(reader->text, NULL, err);
        }
        elements[count++] = element;
    }
    *count_out = count;
    return KY_OK;
}

static int
compare_elements(const void *a, const void *b)
{
    const struct element *x = a;
    const struct element *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

/* Sorted, checked, without zeros. */
static ky_status
make_value(struct ky_arena *arena, struct element *elements, uint32_t count, uint32_t dimensions,
           struct datum *out, struct ky_error *err)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (elements[i].value != 0) {
            elements[kept++] = elements[i];
        }
    }
    qsort(elements, kept, sizeof(*elements), compare_elements);
    uint32_t *indices = ky_arena_array(arena, uint32_t, (size_t)kept + 1);
    float *values = ky_arena_array(arena, float, (size_t)kept + 1);
    for (uint32_t i = 0; i < kept; i++) {
        KY_TRY(
            check_index(elements[i].index, i == 0 ? -1 : elements[i - 1].index, dimensions, err));
        indices[i] = (uint32_t)elements[i].index;
        values[i] = elements[i].value;
    }
    struct ky_slice bytes = sparsevec_make(arena, dimensions, indices, values, kept);
    *out = datum_bytes(bytes.data, bytes.size);
    return KY_OK;
}

ky_status
sparsevec_in(const struct type *type, const struct type_context *context, struct ky_slice text,
             int32_t typmod, struct datum *out, struct ky_error *err)
{
    struct reader reader = {type, text, text.size == 0 ? "" : text.data, NULL};
    reader.end = reader.p + text.size;
    uint32_t room = 1;
    uint32_t count = 0;
    int64_t dimensions = 0;
    for (const char *p = reader.p; p < reader.end && room <= SPARSEVEC_ELEMENTS_MAX; p++) {
        room += *p == ',';
    }
    KY_TRY(check_count(room, INT64_MAX, err));
    struct element *elements = ky_arena_array(context->arena, struct element, room);
    if (!take(&reader, '{')) {
        return syntax(text, "Vector contents must start with \"{\".", err);
    }
    KY_TRY(read_elements(&reader, elements, room, &count, err));
    if (!take(&reader, '/')) {
        return syntax(text, "Unexpected end of input.", err);
    }
    if (!take_integer(&reader, &dimensions)) {
        return syntax(text, NULL, err);
    }
    skip_space(&reader);
    if (reader.p != reader.end) {
        return syntax(text, "Junk after closing.", err);
    }
    KY_TRY(vector_check_dimensions(type, dimensions, err));
    KY_TRY(vector_check_expected(typmod, (uint32_t)dimensions, err));
    return make_value(context->arena, elements, count, (uint32_t)dimensions, out, err);
}

void
sparsevec_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
              struct datum value, struct ky_buffer *out)
{
    const uint32_t count = sparsevec_count(value.bytes);
    char text[NUMBER_TEXT_SIZE_MAX];
    ky_buffer_append_byte(out, '{');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            ky_buffer_append_byte(out, ',');
        }
        ky_buffer_append(out, text,
                         number_format_uint((uint64_t)sparsevec_index(value.bytes, i) + 1, text));
        ky_buffer_append_byte(out, ':');
        ky_buffer_append(out, text,
                         number_format_float(sparsevec_element(value.bytes, i), 1, text));
    }
    ky_buffer_printf(out, "}/%u", sparsevec_dimensions(value.bytes));
}

ky_status
sparsevec_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
               int32_t typmod, struct datum *out, struct ky_error *err)
{
    enum { HEAD_SIZE = 12 };
    const uint8_t *p = wire.data;
    if (wire.size < HEAD_SIZE) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    const int32_t dimensions = (int32_t)ky_load_be32(p);
    const int32_t count = (int32_t)ky_load_be32(p + 4);
    const int32_t unused = (int32_t)ky_load_be32(p + 8);
    KY_TRY(vector_check_dimensions(type, dimensions, err));
    KY_TRY(check_count(count, dimensions, err));
    KY_TRY(vector_check_expected(typmod, (uint32_t)dimensions, err));
    if (unused != 0) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "expected unused to be 0, not %d", unused);
    }
    const size_t size = HEAD_SIZE + (size_t)count * SPARSEVEC_ELEMENT_SIZE;
    if (wire.size < size) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    if (wire.size > size) {
        return type_error_binary(err);
    }
    uint32_t *indices = ky_arena_array(context->arena, uint32_t, (size_t)count + 1);
    float *values = ky_arena_array(context->arena, float, (size_t)count + 1);
    for (int32_t i = 0; i < count; i++) {
        const int32_t index = (int32_t)ky_load_be32(p + HEAD_SIZE + (size_t)i * 4);
        KY_TRY(
            check_index(index, i == 0 ? -1 : (int64_t)indices[i - 1], (uint32_t)dimensions, err));
        indices[i] = (uint32_t)index;
    }
    for (int32_t i = 0; i < count; i++) {
        const uint32_t bits = ky_load_be32(p + HEAD_SIZE + ((size_t)count + (size_t)i) * 4);
        memcpy(&values[i], &bits, sizeof(bits));
        KY_TRY(vector_check_element(type, values[i], err));
        if (values[i] == 0) {
            return ky_error_set(err, KY_DATA_EXCEPTION,
                                "binary representation of sparsevec cannot contain zero values");
        }
    }
    struct ky_slice bytes =
        sparsevec_make(context->arena, (uint32_t)dimensions, indices, values, (uint32_t)count);
    *out = datum_bytes(bytes.data, bytes.size);
    return KY_OK;
}

void
sparsevec_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
               struct datum value, struct ky_buffer *out)
{
    const uint32_t count = sparsevec_count(value.bytes);
    ky_buffer_append_be32(out, sparsevec_dimensions(value.bytes));
    ky_buffer_append_be32(out, count);
    ky_buffer_append_be32(out, 0);
    for (uint32_t i = 0; i < count; i++) {
        ky_buffer_append_be32(out, sparsevec_index(value.bytes, i));
    }
    for (uint32_t i = 0; i < count; i++) {
        const float element = sparsevec_element(value.bytes, i);
        uint32_t bits;
        memcpy(&bits, &element, sizeof(bits));
        ky_buffer_append_be32(out, bits);
    }
}

/* As the dense vectors would order: element by element, then by dimensions. */
int
sparsevec_compare(const struct type *type KY_UNUSED, struct datum a, struct datum b)
{
    const uint32_t a_count = sparsevec_count(a.bytes);
    const uint32_t b_count = sparsevec_count(b.bytes);
    const uint32_t a_dimensions = sparsevec_dimensions(a.bytes);
    const uint32_t b_dimensions = sparsevec_dimensions(b.bytes);
    const uint32_t shared = KY_MIN(a_dimensions, b_dimensions);
    for (uint32_t i = 0; i < a_count || i < b_count; i++) {
        const uint32_t a_index = i < a_count ? sparsevec_index(a.bytes, i) : UINT32_MAX;
        const uint32_t b_index = i < b_count ? sparsevec_index(b.bytes, i) : UINT32_MAX;
        if (a_index >= shared && b_index >= shared) {
            break;
        }
        const float x = a_index <= b_index ? sparsevec_element(a.bytes, i) : 0;
        const float y = b_index <= a_index ? sparsevec_element(b.bytes, i) : 0;
        if (x < y || x > y) {
            return x < y ? -1 : 1;
        }
    }
    return (a_dimensions > b_dimensions) - (a_dimensions < b_dimensions);
}

/*
 * What two values differ in first is the element at the least index that only one of them has, or
 * the end of one: there a negative element or the end makes it the lesser, a positive element the
 * greater. So negative elements and the end share a first byte and go by place, earlier ones first
 * (at one place the end before the element); positive ones follow, later ones first.
 */
void
sparsevec_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    enum { LESSER = 2, GREATER = 4, AT_END = 0, AT_ELEMENT = 1 };
    const uint32_t count = sparsevec_count(value.bytes);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t index = sparsevec_index(value.bytes, i);
        const float element = sparsevec_element(value.bytes, i);
        uint32_t bits;
        memcpy(&bits, &element, sizeof(bits));
        if (element < 0) {
            ky_buffer_append_byte(out, LESSER);
            ky_buffer_append_be32(out, index);
            ky_buffer_append_byte(out, AT_ELEMENT);
            ky_buffer_append_be32(out, ~bits);
        } else {
            ky_buffer_append_byte(out, GREATER);
            ky_buffer_append_be32(out, ~index);
            ky_buffer_append_be32(out, bits);
        }
    }
    ky_buffer_append_byte(out, LESSER);
    ky_buffer_append_be32(out, sparsevec_dimensions(value.bytes));
    ky_buffer_append_byte(out, AT_END);
}

uint64_t
sparsevec_hash(const struct type *type KY_UNUSED, struct datum value)
{
    return ky_hash_bytes(value.bytes.data, value.bytes.size, 0);
}

ky_status
sparsevec_coerce(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
                 struct datum value, int32_t typmod, bool is_explicit KY_UNUSED, struct datum *out,
                 struct ky_error *err)
{
    KY_TRY(vector_check_expected(typmod, sparsevec_dimensions(value.bytes), err));
    *out = value;
    return KY_OK;
}

void
sparsevec_typmod_out(int32_t typmod, struct ky_buffer *out)
{
    vector_typmod_out(typmod, out);
}
