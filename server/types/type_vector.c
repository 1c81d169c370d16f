/* SPDX-License-Identifier: Apache-2.0 */
/* vector and halfvec: `[1,2,3]`, at most 16000 finite floats or halves; conditions and texts are
 * pgvector's. The two differ in the size of an element only, so they share all of this. */
#include <math.h>

#include "server/base/half.h"
#include "server/base/map.h"
#include "server/types/number_text.h"
#include "server/types/types_private.h"
#include "server/types/utf8.h"
#include "server/types/vector_value.h"

static bool
is_half(const struct type *type)
{
    return type->oid == OID_HALFVEC;
}

static uint32_t
dimensions_of(const struct type *type, struct ky_slice value)
{
    return is_half(type) ? halfvec_dimensions(value) : vector_dimensions(value);
}

static float
element_at(const struct type *type, struct ky_slice value, uint32_t i)
{
    return is_half(type) ? halfvec_element(value, i) : vector_element(value, i);
}

ky_status
vector_check_element(const struct type *type, float value, struct ky_error *err)
{
    if (isnan(value)) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "NaN not allowed in %s", type->name);
    }
    if (isinf(value)) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "infinite value not allowed in %s", type->name);
    }
    return KY_OK;
}

ky_status
vector_check_dimensions(const struct type *type, int64_t dimensions, struct ky_error *err)
{
    const int max = type->oid == OID_SPARSEVEC ? SPARSEVEC_DIMENSIONS_MAX : VECTOR_DIMENSIONS_MAX;
    if (dimensions < 1) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "%s must have at least 1 dimension",
                            type->name);
    }
    if (dimensions > max) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "%s cannot have more than %d dimensions", type->name, max);
    }
    return KY_OK;
}

ky_status
vector_check_expected(int32_t typmod, uint32_t dimensions, struct ky_error *err)
{
    if (typmod != -1 && (uint32_t)typmod != dimensions) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "expected %d dimensions, not %u", typmod,
                            dimensions);
    }
    return KY_OK;
}

static KY_COLD ky_status
syntax(const struct type *type, struct ky_slice text, const char *detail, struct ky_error *err)
{
    type_error_syntax(err, type->name, text);
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

ky_status
vector_check_half(float value, struct ky_error *err)
{
    if (!isinf(value) && isinf(ky_half_to_float(ky_half_from_float(value)))) {
        char text[NUMBER_TEXT_SIZE_MAX];
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE,
                            "\"%.*s\" is out of range for type halfvec",
                            (int)number_format_float(value, 1, text), text);
    }
    return KY_OK;
}

/* One number at *p, which moves behind it and the blanks that follow. */
static ky_status
parse_element(const struct type *type, struct ky_slice text, const char **p, float *out,
              struct ky_error *err)
{
    const char *end = (const char *)text.data + text.size;
    const char *start = skip_space(*p, end);
    bool is_overflow;
    size_t size = number_scan_float(ky_slice(start, (size_t)(end - start)), out, &is_overflow);
    if (size == 0) {
        return syntax(type, text, NULL, err);
    }
    if (is_overflow || (is_half(type) && vector_check_half(*out, err) != KY_OK)) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE,
                            "\"%.*s\" is out of range for type %s", (int)KY_MIN(size, 400), start,
                            type->name);
    }
    KY_TRY(vector_check_element(type, *out, err));
    *p = skip_space(start + size, end);
    return KY_OK;
}

static void
store_element(const struct type *type, uint8_t *values, uint32_t i, float value)
{
    if (is_half(type)) {
        const uint16_t half = ky_half_from_float(value);
        memcpy(values + (size_t)i * sizeof(half), &half, sizeof(half));
    } else {
        memcpy(values + (size_t)i * sizeof(value), &value, sizeof(value));
    }
}

ky_status
vector_in(const struct type *type, const struct type_context *context, struct ky_slice text,
          int32_t typmod, struct datum *out, struct ky_error *err)
{
    const char *p = text.size == 0 ? "" : text.data;
    const char *end = p + text.size;
    const size_t size = is_half(type) ? sizeof(uint16_t) : sizeof(float);
    p = skip_space(p, end);
    if (p == end || *p != '[') {
        return syntax(type, text, "Vector contents must start with \"[\".", err);
    }
    p = skip_space(p + 1, end);
    if (p < end && *p == ']') {
        return vector_check_dimensions(type, 0, err);
    }
    /* Each element takes a digit and a delimiter at least. */
    size_t room = KY_MIN((size_t)(end - p) / 2 + 1, (size_t)VECTOR_DIMENSIONS_MAX);
    uint8_t *values = ky_arena_alloc(context->arena, room * size);
    uint32_t count = 0;
    for (bool has_more = true; has_more; p++) {
        float value;
        if (count == VECTOR_DIMENSIONS_MAX) {
            return vector_check_dimensions(type, (int64_t)count + 1, err);
        }
        KY_TRY(parse_element(type, text, &p, &value, err));
        if (p == end || (*p != ',' && *p != ']')) {
            return syntax(type, text, NULL, err);
        }
        store_element(type, values, count++, value);
        has_more = *p == ',';
    }
    if (skip_space(p, end) != end) {
        return syntax(type, text, "Junk after closing right brace.", err);
    }
    KY_TRY(vector_check_dimensions(type, count, err));
    KY_TRY(vector_check_expected(typmod, count, err));
    *out = datum_bytes(values, (size_t)count * size);
    return KY_OK;
}

void
vector_out(const struct type *type, const struct type_context *context KY_UNUSED,
           struct datum value, struct ky_buffer *out)
{
    uint32_t count = dimensions_of(type, value.bytes);
    size_t room = (size_t)count * 16 + NUMBER_TEXT_SIZE_MAX + 2;
    char *start = (char *)ky_buffer_extend(out, room);
    char *p = start;
    *p++ = '[';
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            *p++ = ',';
        }
        p += number_format_float(element_at(type, value.bytes, i), 1, p);
    }
    *p++ = ']';
    out->size -= room - (size_t)(p - start);
}

ky_status
vector_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
            int32_t typmod, struct datum *out, struct ky_error *err)
{
    const uint8_t *p = wire.data;
    const size_t element_size = is_half(type) ? sizeof(uint16_t) : sizeof(float);
    if (wire.size < 4) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    int16_t dimensions = (int16_t)ky_load_be16(p);
    int16_t unused = (int16_t)ky_load_be16(p + 2);
    KY_TRY(vector_check_dimensions(type, dimensions, err));
    KY_TRY(vector_check_expected(typmod, (uint32_t)dimensions, err));
    if (unused != 0) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "expected unused to be 0, not %d", unused);
    }
    size_t size = (size_t)dimensions * element_size;
    if (wire.size < 4 + size) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    if (wire.size > 4 + size) {
        return type_error_binary(err);
    }
    uint8_t *values = ky_arena_alloc(context->arena, size);
    const struct ky_slice received = {values, size};
    for (uint32_t i = 0; i < (uint32_t)dimensions; i++) {
        if (is_half(type)) {
            const uint16_t half = ky_load_be16(p + 4 + 2 * (size_t)i);
            memcpy(values + 2 * (size_t)i, &half, sizeof(half));
        } else {
            const uint32_t bits = ky_load_be32(p + 4 + 4 * (size_t)i);
            memcpy(values + 4 * (size_t)i, &bits, sizeof(bits));
        }
        KY_TRY(vector_check_element(type, element_at(type, received, i), err));
    }
    *out = datum_bytes(values, size);
    return KY_OK;
}

void
vector_send(const struct type *type, const struct type_context *context KY_UNUSED,
            struct datum value, struct ky_buffer *out)
{
    const uint8_t *from = value.bytes.data;
    uint8_t *to = ky_buffer_extend(out, 4 + value.bytes.size);
    ky_store_be16(to, (uint16_t)dimensions_of(type, value.bytes));
    ky_store_be16(to + 2, 0);
    to += 4;
    for (size_t at = 0; is_half(type) && at < value.bytes.size; at += sizeof(uint16_t)) {
        ky_store_be16(to + at, ky_load_le16(from + at));
    }
    for (size_t at = 0; !is_half(type) && at < value.bytes.size; at += sizeof(float)) {
        ky_store_be32(to + at, ky_load_le32(from + at));
    }
}

int
vector_compare(const struct type *type, struct datum a, struct datum b)
{
    uint32_t a_count = dimensions_of(type, a.bytes);
    uint32_t b_count = dimensions_of(type, b.bytes);
    for (uint32_t i = 0; i < a_count && i < b_count; i++) {
        float x = element_at(type, a.bytes, i);
        float y = element_at(type, b.bytes, i);
        if (x < y || x > y) {
            return x < y ? -1 : 1;
        }
    }
    return (a_count > b_count) - (a_count < b_count);
}

void
vector_key(const struct type *type, struct datum value, struct ky_buffer *out)
{
    uint32_t count = dimensions_of(type, value.bytes);
    for (uint32_t i = 0; i < count; i++) {
        float element = element_at(type, value.bytes, i);
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
vector_hash(const struct type *type, struct datum value)
{
    uint32_t count = dimensions_of(type, value.bytes);
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++) {
        float element = element_at(type, value.bytes, i);
        element = element == 0 ? 0 : element;
        uint32_t bits;
        memcpy(&bits, &element, sizeof(bits));
        hash = ky_hash_u64(hash * 31 + bits);
    }
    return hash;
}

ky_status
vector_coerce(const struct type *type, const struct type_context *context KY_UNUSED,
              struct datum value, int32_t typmod, bool is_explicit KY_UNUSED, struct datum *out,
              struct ky_error *err)
{
    KY_TRY(vector_check_expected(typmod, dimensions_of(type, value.bytes), err));
    *out = value;
    return KY_OK;
}

static ky_status
typmod_in(const char *name, int32_t max, const int32_t *values, int count, int32_t *typmod_out,
          struct ky_error *err)
{
    if (count != 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "invalid type modifier");
    }
    if (values[0] < 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "dimensions for type %s must be at least 1", name);
    }
    if (values[0] > max) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "dimensions for type %s cannot exceed %d", name, max);
    }
    *typmod_out = values[0];
    return KY_OK;
}

ky_status
vector_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    return typmod_in("vector", VECTOR_DIMENSIONS_MAX, values, count, typmod_out, err);
}

ky_status
halfvec_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    return typmod_in("halfvec", VECTOR_DIMENSIONS_MAX, values, count, typmod_out, err);
}

ky_status
sparsevec_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    return typmod_in("sparsevec", SPARSEVEC_DIMENSIONS_MAX, values, count, typmod_out, err);
}

void
vector_typmod_out(int32_t typmod, struct ky_buffer *out)
{
    if (typmod >= 0) {
        ky_buffer_printf(out, "(%d)", typmod);
    }
}
