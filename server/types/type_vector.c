/* SPDX-License-Identifier: Apache-2.0 */
/* vector: `[1,2,3]`, at most 16000 finite floats; conditions and texts are pgvector's. */
#include <math.h>

#include "server/base/map.h"
#include "server/types/number_text.h"
#include "server/types/types_private.h"
#include "server/types/utf8.h"
#include "server/types/vector_value.h"

static float
element_at(struct ky_slice vector, uint32_t i)
{
    float value;
    memcpy(&value, (const uint8_t *)vector.data + (size_t)i * sizeof(float), sizeof(value));
    return value;
}

ky_status
vector_check_element(float value, struct ky_error *err)
{
    if (isnan(value)) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "NaN not allowed in vector");
    }
    if (isinf(value)) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "infinite value not allowed in vector");
    }
    return KY_OK;
}

ky_status
vector_check_dimensions(uint32_t dimensions, struct ky_error *err)
{
    if (dimensions < 1) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "vector must have at least 1 dimension");
    }
    if (dimensions > VECTOR_DIMENSIONS_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "vector cannot have more than %d dimensions", VECTOR_DIMENSIONS_MAX);
    }
    return KY_OK;
}

static ky_status
check_expected(int32_t typmod, uint32_t dimensions, struct ky_error *err)
{
    if (typmod != -1 && (uint32_t)typmod != dimensions) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "expected %d dimensions, not %u", typmod,
                            dimensions);
    }
    return KY_OK;
}

static KY_COLD ky_status
syntax(struct ky_slice text, const char *detail, struct ky_error *err)
{
    type_error_syntax(err, "vector", text);
    return detail == NULL ? KY_ERR : ky_error_detail(err, "%s", detail);
}

static const char *
skip_space(const char *p, const char *end)
{
    while (p < end && type_is_space(*p)) {
        p++;
    }
    return p;
}

/* One number at *p, which moves behind it and the blanks that follow. */
static ky_status
parse_element(struct ky_slice text, const char **p, float *out, struct ky_error *err)
{
    const char *end = (const char *)text.data + text.size;
    const char *start = skip_space(*p, end);
    bool is_overflow;
    size_t size = number_scan_float(ky_slice(start, (size_t)(end - start)), out, &is_overflow);
    if (size == 0) {
        return syntax(text, NULL, err);
    }
    if (is_overflow) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE,
                            "\"%.*s\" is out of range for type vector", (int)KY_MIN(size, 400),
                            start);
    }
    KY_TRY(vector_check_element(*out, err));
    *p = skip_space(start + size, end);
    return KY_OK;
}

ky_status
vector_in(const struct type *type KY_UNUSED, const struct type_context *context,
          struct ky_slice text, int32_t typmod, struct datum *out, struct ky_error *err)
{
    const char *p = text.size == 0 ? "" : text.data;
    const char *end = p + text.size;
    p = skip_space(p, end);
    if (p == end || *p != '[') {
        return syntax(text, "Vector contents must start with \"[\".", err);
    }
    p = skip_space(p + 1, end);
    if (p < end && *p == ']') {
        return vector_check_dimensions(0, err);
    }
    /* Each element takes a digit and a delimiter at least. */
    size_t room = KY_MIN((size_t)(end - p) / 2 + 1, (size_t)VECTOR_DIMENSIONS_MAX);
    uint8_t *values = ky_arena_alloc(context->arena, room * sizeof(float));
    uint32_t count = 0;
    for (bool has_more = true; has_more; p++) {
        float value;
        if (count == VECTOR_DIMENSIONS_MAX) {
            return vector_check_dimensions(count + 1, err);
        }
        KY_TRY(parse_element(text, &p, &value, err));
        if (p == end || (*p != ',' && *p != ']')) {
            return syntax(text, NULL, err);
        }
        memcpy(values + (size_t)count++ * sizeof(float), &value, sizeof(value));
        has_more = *p == ',';
    }
    if (skip_space(p, end) != end) {
        return syntax(text, "Junk after closing right brace.", err);
    }
    KY_TRY(vector_check_dimensions(count, err));
    KY_TRY(check_expected(typmod, count, err));
    *out = datum_bytes(values, (size_t)count * sizeof(float));
    return KY_OK;
}

void
vector_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
           struct datum value, struct ky_buffer *out)
{
    uint32_t count = vector_dimensions(value.bytes);
    size_t room = (size_t)count * 16 + NUMBER_TEXT_SIZE_MAX + 2;
    char *start = (char *)ky_buffer_extend(out, room);
    char *p = start;
    *p++ = '[';
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            *p++ = ',';
        }
        p += number_format_float(element_at(value.bytes, i), 1, p);
    }
    *p++ = ']';
    out->size -= room - (size_t)(p - start);
}

ky_status
vector_recv(const struct type *type KY_UNUSED, const struct type_context *context,
            struct ky_slice wire, int32_t typmod, struct datum *out, struct ky_error *err)
{
    const uint8_t *p = wire.data;
    if (wire.size < 4) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    int16_t dimensions = (int16_t)ky_load_be16(p);
    int16_t unused = (int16_t)ky_load_be16(p + 2);
    KY_TRY(vector_check_dimensions(dimensions < 0 ? 0 : (uint32_t)dimensions, err));
    KY_TRY(check_expected(typmod, (uint32_t)dimensions, err));
    if (unused != 0) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "expected unused to be 0, not %d", unused);
    }
    size_t size = (size_t)dimensions * sizeof(float);
    if (wire.size < 4 + size) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    if (wire.size > 4 + size) {
        return type_error_binary(err);
    }
    uint8_t *values = ky_arena_alloc(context->arena, size);
    for (size_t at = 0; at < size; at += sizeof(float)) {
        uint32_t bits = ky_load_be32(p + 4 + at);
        memcpy(values + at, &bits, sizeof(bits));
        float value;
        memcpy(&value, &bits, sizeof(value));
        KY_TRY(vector_check_element(value, err));
    }
    *out = datum_bytes(values, size);
    return KY_OK;
}

void
vector_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
            struct datum value, struct ky_buffer *out)
{
    uint32_t count = vector_dimensions(value.bytes);
    uint8_t *to = ky_buffer_extend(out, 4 + (size_t)count * sizeof(float));
    ky_store_be16(to, (uint16_t)count);
    ky_store_be16(to + 2, 0);
    for (size_t at = 0; at < (size_t)count * sizeof(float); at += sizeof(float)) {
        ky_store_be32(to + 4 + at, ky_load_le32((const uint8_t *)value.bytes.data + at));
    }
}

int
vector_compare(const struct type *type KY_UNUSED, struct datum a, struct datum b)
{
    uint32_t a_count = vector_dimensions(a.bytes);
    uint32_t b_count = vector_dimensions(b.bytes);
    for (uint32_t i = 0; i < a_count && i < b_count; i++) {
        float x = element_at(a.bytes, i);
        float y = element_at(b.bytes, i);
        if (x < y || x > y) {
            return x < y ? -1 : 1;
        }
    }
    return (a_count > b_count) - (a_count < b_count);
}

void
vector_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    uint32_t count = vector_dimensions(value.bytes);
    for (uint32_t i = 0; i < count; i++) {
        float element = element_at(value.bytes, i);
        element = element == 0 ? 0 : element;
        uint32_t bits;
        memcpy(&bits, &element, sizeof(bits));
        bits = bits >> 31 ? ~bits : bits | UINT32_C(0x80000000);
        ky_buffer_append_byte(out, 1);
        ky_buffer_append_be32(out, bits);
    }
    ky_buffer_append_byte(out, 0);
}

uint64_t
vector_hash(const struct type *type KY_UNUSED, struct datum value)
{
    uint32_t count = vector_dimensions(value.bytes);
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++) {
        float element = element_at(value.bytes, i);
        element = element == 0 ? 0 : element;
        uint32_t bits;
        memcpy(&bits, &element, sizeof(bits));
        hash = ky_hash_u64(hash * 31 + bits);
    }
    return hash;
}

ky_status
vector_coerce(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
              struct datum value, int32_t typmod, bool is_explicit KY_UNUSED, struct datum *out,
              struct ky_error *err)
{
    KY_TRY(check_expected(typmod, vector_dimensions(value.bytes), err));
    *out = value;
    return KY_OK;
}

ky_status
vector_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    if (count != 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "invalid type modifier");
    }
    if (values[0] < 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "dimensions for type vector must be at least 1");
    }
    if (values[0] > VECTOR_DIMENSIONS_MAX) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "dimensions for type vector cannot exceed %d", VECTOR_DIMENSIONS_MAX);
    }
    *typmod_out = values[0];
    return KY_OK;
}

void
vector_typmod_out(int32_t typmod, struct ky_buffer *out)
{
    if (typmod >= 0) {
        ky_buffer_printf(out, "(%d)", typmod);
    }
}
