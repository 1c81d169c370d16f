/* SPDX-License-Identifier: Apache-2.0 */
/* Casts among bit, varbit and integers. */
#include "server/types/types_private.h"
#include "server/types/vector_value.h"

/* The low bits of a number, sign-extended to the left; without a length one bit. */
static ky_status
from_integer(const struct type_context *context, int64_t value, int32_t typmod, struct datum *out)
{
    const uint32_t length = typmod <= 0 ? 1 : (uint32_t)typmod;
    uint8_t *bits;
    struct ky_slice made = bit_new(context->arena, length, &bits);
    for (uint32_t i = 0; i < length; i++) {
        const uint32_t place = KY_MIN(length - 1 - i, UINT32_C(63)); /* 63: the sign */
        if (((uint64_t)value >> place & 1U) != 0) {
            bits[i / 8] |= (uint8_t)(0x80U >> (i % 8));
        }
    }
    *out = datum_bytes(made.data, made.size);
    return KY_OK;
}

static ky_status
integer_to_bit(const struct type_context *context, struct datum value, int32_t typmod,
               bool is_explicit KY_UNUSED, struct datum *out, struct ky_error *err KY_UNUSED)
{
    return from_integer(context, value.word, typmod, out);
}

static ky_status
to_integer(struct ky_slice bits, uint32_t length_max, const char *name, uint64_t *out,
           struct ky_error *err)
{
    const uint32_t length = bit_length(bits);
    uint64_t value = 0;
    if (length > length_max) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", name);
    }
    for (uint32_t i = 0; i < length; i++) {
        value = value << 1 | (bit_data(bits)[i / 8] >> (7 - i % 8) & 1U);
    }
    *out = value;
    return KY_OK;
}

static ky_status
bit_to_int4(const struct type_context *context KY_UNUSED, struct datum value,
            int32_t typmod KY_UNUSED, bool is_explicit KY_UNUSED, struct datum *out,
            struct ky_error *err)
{
    uint64_t word = 0;
    KY_TRY(to_integer(value.bytes, 32, "integer", &word, err));
    *out = datum_word((int32_t)(uint32_t)word);
    return KY_OK;
}

static ky_status
bit_to_int8(const struct type_context *context KY_UNUSED, struct datum value,
            int32_t typmod KY_UNUSED, bool is_explicit KY_UNUSED, struct datum *out,
            struct ky_error *err)
{
    uint64_t word = 0;
    KY_TRY(to_integer(value.bytes, 64, "bigint", &word, err));
    *out = datum_word((int64_t)word);
    return KY_OK;
}

const struct cast bit_casts[] = {
    {OID_BIT, OID_VARBIT, CAST_IMPLICIT, CAST_RELABEL, NULL, 0},
    {OID_VARBIT, OID_BIT, CAST_IMPLICIT, CAST_RELABEL, NULL, 0},
    {OID_INT4, OID_BIT, CAST_EXPLICIT, CAST_FUNCTION, integer_to_bit, 1683},
    {OID_INT8, OID_BIT, CAST_EXPLICIT, CAST_FUNCTION, integer_to_bit, 2075},
    {OID_BIT, OID_INT4, CAST_EXPLICIT, CAST_FUNCTION, bit_to_int4, 1684},
    {OID_BIT, OID_INT8, CAST_EXPLICIT, CAST_FUNCTION, bit_to_int8, 2076},
};
const size_t bit_casts_count = KY_COUNT_OF(bit_casts);
