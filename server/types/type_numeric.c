/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The type numeric: entry points, type modifier and casts. The key of a value is
 *
 *     class byte | exponent, 3 bytes | pairs of decimal digits plus one, each a byte | 0
 *
 * without trailing zeros, so that values that compare equal have the same key; for negative
 * values everything after the class byte is inverted.
 */

#include <math.h>

#include "server/base/assert.h"
#include "server/base/map.h"
#include "server/types/numeric_private.h"
#include "server/types/types_private.h"

/* pg's: precision in the high half, eleven bits of signed scale in the low one, plus four. */
static int
typmod_precision(int32_t typmod)
{
    return ((typmod - 4) >> 16) & 0xffff;
}

static int
typmod_scale(int32_t typmod)
{
    return (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
}

static ky_status
apply_typmod(struct ky_arena *arena, struct ky_slice value, int32_t typmod, struct ky_slice *out,
             struct ky_error *err)
{
    if (typmod < 4 || numeric_is_nan(value)) {
        *out = value;
        return KY_OK;
    }
    int precision = typmod_precision(typmod);
    int scale = typmod_scale(typmod);
    if (numeric_is_special(value)) {
        (void)ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow");
        return ky_error_detail(err,
                               "A field with precision %d, scale %d cannot hold an infinite value.",
                               precision, scale);
    }
    struct ky_slice rounded = numeric_round(arena, value, scale);
    char local[NUMERIC_DIGITS_LOCAL];
    size_t count;
    char *digits = numeric_digits(rounded, local, &count);
    numeric_digits_free(digits, local);
    int limit = precision - scale;
    if (count > 0 && (int)count - numeric_scale(rounded) > limit) {
        (void)ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow");
        return ky_error_detail(err,
                               "A field with precision %d, scale %d must round to an absolute "
                               "value less than %s%d.",
                               precision, scale, limit != 0 ? "10^" : "", limit != 0 ? limit : 1);
    }
    *out = rounded;
    return KY_OK;
}

static ky_status
set_with_typmod(const struct type_context *context, struct ky_slice value, int32_t typmod,
                struct datum *out, struct ky_error *err)
{
    struct ky_slice result;
    KY_TRY(apply_typmod(context->arena, value, typmod, &result, err));
    *out = datum_bytes(result.data, result.size);
    return KY_OK;
}

static ky_status
input(const struct type *type, const struct type_context *context, struct ky_slice text,
      int32_t typmod, struct datum *out, struct ky_error *err)
{
    (void)type;
    struct ky_slice value;
    KY_TRY(numeric_parse(context->arena, text, &value, err));
    return set_with_typmod(context, value, typmod, out, err);
}

static void
output(const struct type *type, const struct type_context *context, struct datum value,
       struct ky_buffer *out)
{
    (void)type;
    (void)context;
    numeric_print(value.bytes, out);
}

static ky_status
receive(const struct type *type, const struct type_context *context, struct ky_slice wire,
        int32_t typmod, struct datum *out, struct ky_error *err)
{
    (void)type;
    struct ky_slice value;
    KY_TRY(numeric_decode_wire(context->arena, wire, &value, err));
    return set_with_typmod(context, value, typmod, out, err);
}

static void
send(const struct type *type, const struct type_context *context, struct datum value,
     struct ky_buffer *out)
{
    (void)type;
    (void)context;
    numeric_encode_wire(value.bytes, out);
}

static int
compare(const struct type *type, struct datum a, struct datum b)
{
    (void)type;
    return numeric_compare(a.bytes, b.bytes);
}

static uint64_t
hash(const struct type *type, struct datum value)
{
    numeric_wide small;
    if (numeric_is_special(value.bytes) || !numeric_small(value.bytes, &small)) {
        struct ky_buffer key = {0};
        type->key(type, value, &key);
        uint64_t result;
        /* A big integer with trailing zeros may equal a small one of a lesser scale. */
        char local[NUMERIC_DIGITS_LOCAL];
        size_t count = 0;
        char *digits = local;
        if (!numeric_is_special(value.bytes)) {
            digits = numeric_digits(value.bytes, local, &count);
        }
        int scale = numeric_scale(value.bytes);
        while (count > 0 && scale > 0 && digits[count - 1] == '0') {
            count--;
            scale--;
        }
        if (count > 0 && count <= 38) {
            small = 0;
            for (size_t i = 0; i < count; i++) {
                small = small * 10 + (digits[i] - '0');
            }
            small = numeric_sign(value.bytes) < 0 ? -small : small;
            result = ky_hash_u64((uint64_t)small ^
                                 ky_hash_u64((uint64_t)(small >> 64) + ((uint64_t)scale << 32)));
        } else {
            result = ky_hash_bytes(key.data, key.size, 0);
        }
        numeric_digits_free(digits, local);
        ky_buffer_deinit(&key);
        return result;
    }
    int scale = small == 0 ? 0 : numeric_scale(value.bytes);
    while (scale > 0 && small % 10 == 0) {
        small /= 10;
        scale--;
    }
    if (small >= numeric_pow10(38) || small <= -numeric_pow10(38)) {
        /* 39 digits: hashed by key, as such a value is when it comes from a big integer. */
        struct ky_buffer key = {0};
        type->key(type, value, &key);
        uint64_t result = ky_hash_bytes(key.data, key.size, 0);
        ky_buffer_deinit(&key);
        return result;
    }
    return ky_hash_u64((uint64_t)small ^
                       ky_hash_u64((uint64_t)(small >> 64) + ((uint64_t)scale << 32)));
}

enum key_class {
    KEY_MINUS_INFINITY = 1,
    KEY_MINUS,
    KEY_ZERO,
    KEY_PLUS,
    KEY_PLUS_INFINITY,
    KEY_NAN,
};

static void
key_finite(struct ky_slice value, struct ky_buffer *out)
{
    char local[NUMERIC_DIGITS_LOCAL];
    size_t count;
    char *digits = numeric_digits(value, local, &count);
    if (count == 0) {
        ky_buffer_append_byte(out, KEY_ZERO);
        return;
    }
    bool is_minus = numeric_sign(value) < 0;
    uint8_t flip = is_minus ? 0xff : 0;
    uint32_t exponent = (uint32_t)((int)count - numeric_scale(value) + (1 << 23));
    while (digits[count - 1] == '0') {
        count--;
    }
    uint8_t *at = ky_buffer_extend(out, 4 + (count + 1) / 2 + 1);
    *at++ = is_minus ? KEY_MINUS : KEY_PLUS;
    *at++ = (uint8_t)(exponent >> 16) ^ flip;
    *at++ = (uint8_t)(exponent >> 8) ^ flip;
    *at++ = (uint8_t)exponent ^ flip;
    for (size_t i = 0; i < count; i += 2) {
        int low = i + 1 < count ? digits[i + 1] - '0' : 0;
        *at++ = (uint8_t)((digits[i] - '0') * 10 + low + 1) ^ flip;
    }
    *at = flip;
    numeric_digits_free(digits, local);
}

static void
key(const struct type *type, struct datum value, struct ky_buffer *out)
{
    (void)type;
    switch (numeric_form(value.bytes)) {
    case NUMERIC_NAN:
        ky_buffer_append_byte(out, KEY_NAN);
        break;
    case NUMERIC_PLUS_INFINITY:
        ky_buffer_append_byte(out, KEY_PLUS_INFINITY);
        break;
    case NUMERIC_MINUS_INFINITY:
        ky_buffer_append_byte(out, KEY_MINUS_INFINITY);
        break;
    case NUMERIC_WORD:
    case NUMERIC_WIDE:
    case NUMERIC_BIG_PLUS:
    case NUMERIC_BIG_MINUS:
        key_finite(value.bytes, out);
        break;
    }
}

static ky_status
coerce(const struct type *type, const struct type_context *context, struct datum value,
       int32_t typmod, bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)type;
    (void)is_explicit;
    return set_with_typmod(context, value.bytes, typmod, out, err);
}

static ky_status
typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    if (count < 1 || count > 2) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "invalid NUMERIC type modifier");
    }
    if (values[0] < 1 || values[0] > NUMERIC_PRECISION_MAX) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "NUMERIC precision %d must be between 1 and %d", values[0],
                            NUMERIC_PRECISION_MAX);
    }
    int scale = count == 2 ? values[1] : 0;
    if (scale < -1000 || scale > 1000) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "NUMERIC scale %d must be between %d and %d", scale, -1000, 1000);
    }
    *typmod_out = ((values[0] << 16) | (scale & 0x7ff)) + 4;
    return KY_OK;
}

static void
typmod_out(int32_t typmod, struct ky_buffer *out)
{
    if (typmod >= 4) {
        ky_buffer_printf(out, "(%d,%d)", typmod_precision(typmod), typmod_scale(typmod));
    }
}

const struct type numeric_type = {
    .oid = OID_NUMERIC,
    .name = "numeric",
    .sql_name = "numeric",
    .array_oid = OID_NUMERIC_ARRAY,
    .category = 'N',
    .typtype = 'b',
    .align = 'i',
    .delimiter = ',',
    .typlen = -1,
    .storage = TYPE_BYTES,
    .input = input,
    .output = output,
    .receive = receive,
    .send = send,
    .compare = compare,
    .hash = hash,
    .key = key,
    .coerce = coerce,
    .typmod_in = typmod_in,
    .typmod_out = typmod_out,
};

static ky_status
cast_from_integer(const struct type_context *context, struct datum value, int32_t typmod,
                  bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)is_explicit;
    return set_with_typmod(context, numeric_from_int64(context->arena, value.word), typmod, out,
                           err);
}

static ky_status
cast_from_float4(const struct type_context *context, struct datum value, int32_t typmod,
                 bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)is_explicit;
    return set_with_typmod(context, numeric_from_double(context->arena, value.real, 6), typmod, out,
                           err);
}

static ky_status
cast_from_float8(const struct type_context *context, struct datum value, int32_t typmod,
                 bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)is_explicit;
    return set_with_typmod(context, numeric_from_double(context->arena, value.real, 15), typmod,
                           out, err);
}

static ky_status
to_integer(struct ky_slice value, const char *type_name, int64_t low, int64_t high,
           struct datum *out, struct ky_error *err)
{
    if (numeric_is_special(value)) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "cannot convert %s to %s",
                            numeric_is_nan(value) ? "NaN" : "infinity", type_name);
    }
    int64_t word;
    struct ky_error ignored;
    ky_error_init(&ignored);
    if (numeric_to_int64(value, &word, &ignored) != KY_OK || word < low || word > high) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type_name);
    }
    *out = datum_word(word);
    return KY_OK;
}

static ky_status
cast_to_int2(const struct type_context *context, struct datum value, int32_t typmod,
             bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)context;
    (void)typmod;
    (void)is_explicit;
    return to_integer(value.bytes, "smallint", INT16_MIN, INT16_MAX, out, err);
}

static ky_status
cast_to_int4(const struct type_context *context, struct datum value, int32_t typmod,
             bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)context;
    (void)typmod;
    (void)is_explicit;
    return to_integer(value.bytes, "integer", INT32_MIN, INT32_MAX, out, err);
}

static ky_status
cast_to_int8(const struct type_context *context, struct datum value, int32_t typmod,
             bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)context;
    (void)typmod;
    (void)is_explicit;
    return to_integer(value.bytes, "bigint", INT64_MIN, INT64_MAX, out, err);
}

static ky_status
to_real(struct ky_slice value, const char *type_name, bool is_single, struct datum *out,
        struct ky_error *err)
{
    double real = numeric_to_double(value);
    if (is_single) {
        real = (double)(float)real;
    }
    bool is_lost = (isinf(real) && !numeric_is_special(value)) ||
                   (fpclassify(real) == FP_ZERO && numeric_sign(value) != 0);
    if (is_lost) {
        struct ky_buffer text = {0};
        numeric_print(value, &text);
        (void)ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE,
                           "\"%.*s\" is out of range for type %s", (int)KY_MIN(text.size, 400),
                           (const char *)text.data, type_name);
        ky_buffer_deinit(&text);
        return KY_ERR;
    }
    *out = datum_real(real);
    return KY_OK;
}

static ky_status
cast_to_float4(const struct type_context *context, struct datum value, int32_t typmod,
               bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)context;
    (void)typmod;
    (void)is_explicit;
    return to_real(value.bytes, "real", true, out, err);
}

static ky_status
cast_to_float8(const struct type_context *context, struct datum value, int32_t typmod,
               bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)context;
    (void)typmod;
    (void)is_explicit;
    return to_real(value.bytes, "double precision", false, out, err);
}

const struct cast numeric_casts[] = {
    {OID_INT2, OID_NUMERIC, CAST_IMPLICIT, CAST_FUNCTION, cast_from_integer, 1782},
    {OID_INT4, OID_NUMERIC, CAST_IMPLICIT, CAST_FUNCTION, cast_from_integer, 1740},
    {OID_INT8, OID_NUMERIC, CAST_IMPLICIT, CAST_FUNCTION, cast_from_integer, 1781},
    {OID_FLOAT4, OID_NUMERIC, CAST_ASSIGNMENT, CAST_FUNCTION, cast_from_float4, 1742},
    {OID_FLOAT8, OID_NUMERIC, CAST_ASSIGNMENT, CAST_FUNCTION, cast_from_float8, 1743},
    {OID_NUMERIC, OID_INT2, CAST_ASSIGNMENT, CAST_FUNCTION, cast_to_int2, 1783},
    {OID_NUMERIC, OID_INT4, CAST_ASSIGNMENT, CAST_FUNCTION, cast_to_int4, 1744},
    {OID_NUMERIC, OID_INT8, CAST_ASSIGNMENT, CAST_FUNCTION, cast_to_int8, 1779},
    {OID_NUMERIC, OID_FLOAT4, CAST_IMPLICIT, CAST_FUNCTION, cast_to_float4, 1745},
    {OID_NUMERIC, OID_FLOAT8, CAST_IMPLICIT, CAST_FUNCTION, cast_to_float8, 1746},
};
const size_t numeric_casts_count = KY_COUNT_OF(numeric_casts);
