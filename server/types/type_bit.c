/* SPDX-License-Identifier: Apache-2.0 */
/* bit(n) and bit varying(n): `0101`, `b0101` or `x5`; see vector_value.h for the bytes. */
#include "server/base/map.h"
#include "server/types/types_private.h"
#include "server/types/vector_value.h"

static int
hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The modifier against a length: bit wants it exactly, varbit at most. */
static ky_status
check_length(const struct type *type, int32_t typmod, uint32_t length, struct ky_error *err)
{
    if (length > BIT_LENGTH_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "bit string length exceeds the maximum allowed (%d)", BIT_LENGTH_MAX);
    }
    if (typmod > 0 && type->oid == OID_BIT && length != (uint32_t)typmod) {
        return ky_error_set(err, KY_STRING_DATA_LENGTH_MISMATCH,
                            "bit string length %u does not match type bit(%d)", length, typmod);
    }
    if (typmod > 0 && type->oid == OID_VARBIT && length > (uint32_t)typmod) {
        return ky_error_set(err, KY_STRING_DATA_RIGHT_TRUNCATION,
                            "bit string too long for type bit varying(%d)", typmod);
    }
    return KY_OK;
}

static KY_COLD ky_status
bad_digit(const char *p, const char *end, bool is_hex, struct ky_error *err)
{
    int size = 1;
    while (size < 4 && p + size < end && ((uint8_t)p[size] & 0xC0) == 0x80) {
        size++;
    }
    return ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION, "\"%.*s\" is not a valid %s digit",
                        ((uint8_t)*p & 0x80) ? size : 1, p, is_hex ? "hexadecimal" : "binary");
}

ky_status
bit_in(const struct type *type, const struct type_context *context, struct ky_slice text,
       int32_t typmod, struct datum *out, struct ky_error *err)
{
    const char *p = text.size == 0 ? "" : text.data;
    const char *end = p + text.size;
    bool is_hex = false;
    if (p < end && (*p == 'b' || *p == 'B' || *p == 'x' || *p == 'X')) {
        is_hex = *p == 'x' || *p == 'X';
        p++;
    }
    if ((size_t)(end - p) > BIT_LENGTH_MAX / (is_hex ? 4 : 1)) {
        return check_length(type, -1, UINT32_MAX, err);
    }
    const uint32_t length = (uint32_t)(end - p) * (is_hex ? 4 : 1);
    KY_TRY(check_length(type, typmod, length, err));
    uint8_t *bits;
    struct ky_slice value = bit_new(context->arena, length, &bits);
    for (uint32_t i = 0; p + i < end; i++) {
        if (is_hex) {
            const int digit = hex_value(p[i]);
            if (digit < 0) {
                return bad_digit(p + i, end, true, err);
            }
            bits[i / 2] |= (uint8_t)(digit << (i % 2 == 0 ? 4 : 0));
        } else if (p[i] == '1') {
            bits[i / 8] |= (uint8_t)(0x80U >> (i % 8));
        } else if (p[i] != '0') {
            return bad_digit(p + i, end, false, err);
        }
    }
    *out = datum_bytes(value.data, value.size);
    return KY_OK;
}

void
bit_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
        struct datum value, struct ky_buffer *out)
{
    const uint32_t length = bit_length(value.bytes);
    const uint8_t *bits = bit_data(value.bytes);
    uint8_t *to = ky_buffer_extend(out, length);
    for (uint32_t i = 0; i < length; i++) {
        to[i] = (bits[i / 8] & 0x80U >> (i % 8)) != 0 ? '1' : '0';
    }
}

ky_status
bit_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
         int32_t typmod, struct datum *out, struct ky_error *err)
{
    if (wire.size < 4) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    const int32_t length = (int32_t)ky_load_be32(wire.data);
    if (length < 0 || length > BIT_LENGTH_MAX) {
        return ky_error_set(err, KY_INVALID_BINARY_REPRESENTATION,
                            "invalid length in external bit string");
    }
    KY_TRY(check_length(type, typmod, (uint32_t)length, err));
    const size_t size = bit_bytes((uint32_t)length);
    if (wire.size - 4 < size) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    if (wire.size - 4 > size) {
        return type_error_binary(err);
    }
    uint8_t *bits;
    struct ky_slice value = bit_new(context->arena, (uint32_t)length, &bits);
    if (size > 0) {
        memcpy(bits, (const uint8_t *)wire.data + 4, size);
        bits[size - 1] &= (uint8_t)(0xFFU << (size * 8 - (uint32_t)length));
    }
    *out = datum_bytes(value.data, value.size);
    return KY_OK;
}

void
bit_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_be32(out, bit_length(value.bytes));
    ky_buffer_append(out, bit_data(value.bytes), bit_bytes(bit_length(value.bytes)));
}

int
bit_compare(const struct type *type KY_UNUSED, struct datum a, struct datum b)
{
    const uint32_t a_length = bit_length(a.bytes);
    const uint32_t b_length = bit_length(b.bytes);
    const size_t shared = bit_bytes(KY_MIN(a_length, b_length));
    const int order = memcmp(bit_data(a.bytes), bit_data(b.bytes), shared);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

uint64_t
bit_hash(const struct type *type KY_UNUSED, struct datum value)
{
    return ky_hash_bytes(value.bytes.data, value.bytes.size, 0);
}

/* The bytes, padded with zeros, then the length: as bit_compare has it. */
void
bit_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    const uint32_t length = bit_length(value.bytes);
    type_key_bytes(out, ky_slice(bit_data(value.bytes), bit_bytes(length)));
    ky_buffer_append_be32(out, length);
}

/* Cut or filled with zeros on the right. */
static void
resize(struct ky_arena *arena, struct ky_slice from, uint32_t length, struct datum *out)
{
    uint8_t *bits;
    struct ky_slice value = bit_new(arena, length, &bits);
    const uint32_t kept = KY_MIN(length, bit_length(from));
    memcpy(bits, bit_data(from), bit_bytes(kept));
    if (kept % 8 != 0) {
        bits[kept / 8] &= (uint8_t)(0xFFU << (8 - kept % 8));
    }
    *out = datum_bytes(value.data, value.size);
}

ky_status
bit_coerce(const struct type *type, const struct type_context *context, struct datum value,
           int32_t typmod, bool is_explicit, struct datum *out, struct ky_error *err)
{
    const uint32_t length = bit_length(value.bytes);
    *out = value;
    if (typmod <= 0 || length == (uint32_t)typmod) {
        return KY_OK;
    }
    if (!is_explicit) {
        return check_length(type, typmod, length, err);
    }
    resize(context->arena, value.bytes, (uint32_t)typmod, out);
    return KY_OK;
}

ky_status
varbit_coerce(const struct type *type, const struct type_context *context, struct datum value,
              int32_t typmod, bool is_explicit, struct datum *out, struct ky_error *err)
{
    const uint32_t length = bit_length(value.bytes);
    *out = value;
    if (typmod <= 0 || length <= (uint32_t)typmod) {
        return KY_OK;
    }
    if (!is_explicit) {
        return check_length(type, typmod, length, err);
    }
    resize(context->arena, value.bytes, (uint32_t)typmod, out);
    return KY_OK;
}

static ky_status
typmod_in(const char *name, const int32_t *values, int count, int32_t *typmod_out,
          struct ky_error *err)
{
    if (count != 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "invalid type modifier");
    }
    if (values[0] < 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "length for type %s must be at least 1", name);
    }
    if (values[0] > BIT_LENGTH_MAX) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "length for type %s cannot exceed %d",
                            name, BIT_LENGTH_MAX);
    }
    *typmod_out = values[0];
    return KY_OK;
}

ky_status
bit_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    return typmod_in("bit", values, count, typmod_out, err);
}

ky_status
varbit_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    return typmod_in("varbit", values, count, typmod_out, err);
}

void
bit_typmod_out(int32_t typmod, struct ky_buffer *out)
{
    if (typmod >= 0) {
        ky_buffer_printf(out, "(%d)", typmod);
    }
}

void
varbit_typmod_out(int32_t typmod, struct ky_buffer *out)
{
    bit_typmod_out(typmod, out);
}
