/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/func/func_private.h"

/*
 * Integer arithmetic and bits. int2, int4 and int8 lie in words alike, so one function per result
 * width serves all pairs of operand widths; only the range check differs.
 */

static ky_status
overflow(int bits, struct ky_error *err)
{
    const char *name = bits == 16 ? "smallint" : bits == 32 ? "integer" : "bigint";
    return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", name);
}

static ky_status
division_by_zero(struct ky_error *err)
{
    return ky_error_set(err, KY_DIVISION_BY_ZERO, "division by zero");
}

/* Adds, subtracts or multiplies; the kernel looks at the verdict once, after all lanes. */
#define CHECKED(name, bits, builtin)                                                              \
    SCALAR(name)                                                                                  \
    {                                                                                             \
        int##bits##_t result;                                                                     \
        if (builtin(args[0].word, args[1].word, &result)) {                                       \
            return overflow(bits, err);                                                           \
        }                                                                                         \
        *out = datum_word(result);                                                                \
        return KY_OK;                                                                             \
    }                                                                                             \
    KERNEL(name##_kernel)                                                                         \
    {                                                                                             \
        const int64_t *left = args[0].word;                                                       \
        const int64_t *right = args[1].word;                                                      \
        bool is_out_of_range = false;                                                             \
        EACH_PLACE(i, int##bits##_t result;                                                       \
                   is_out_of_range |= builtin(left[i], right[i], &result); out->word[i] = result) \
        return is_out_of_range ? overflow(bits, err) : KY_OK;                                     \
    }
CHECKED(add16, 16, __builtin_add_overflow)
CHECKED(add32, 32, __builtin_add_overflow)
CHECKED(add64, 64, __builtin_add_overflow)
CHECKED(sub16, 16, __builtin_sub_overflow)
CHECKED(sub32, 32, __builtin_sub_overflow)
CHECKED(sub64, 64, __builtin_sub_overflow)
CHECKED(mul16, 16, __builtin_mul_overflow)
CHECKED(mul32, 32, __builtin_mul_overflow)
CHECKED(mul64, 64, __builtin_mul_overflow)

#define DIVISION(name, bits)                                                                     \
    static inline ky_status name##_one(int64_t a, int64_t b, int64_t *out, struct ky_error *err) \
    {                                                                                            \
        if (KY_UNLIKELY(b == 0)) {                                                               \
            return division_by_zero(err);                                                        \
        }                                                                                        \
        if (KY_UNLIKELY(b == -1)) {                                                              \
            if (a == INT##bits##_MIN) {                                                          \
                return overflow(bits, err);                                                      \
            }                                                                                    \
            *out = -a;                                                                           \
            return KY_OK;                                                                        \
        }                                                                                        \
        *out = a / b;                                                                            \
        return KY_OK;                                                                            \
    }                                                                                            \
    SCALAR(name)                                                                                 \
    {                                                                                            \
        *out = datum_word(0);                                                                    \
        return name##_one(args[0].word, args[1].word, &out->word, err);                          \
    }                                                                                            \
    KERNEL(name##_kernel)                                                                        \
    {                                                                                            \
        EACH_PLACE(i, KY_TRY(name##_one(args[0].word[i], args[1].word[i], &out->word[i], err)))  \
        return KY_OK;                                                                            \
    }
DIVISION(div16, 16)
DIVISION(div32, 32)
DIVISION(div64, 64)

static inline ky_status
remainder_one(int64_t a, int64_t b, int64_t *out, struct ky_error *err)
{
    if (KY_UNLIKELY(b == 0)) {
        return division_by_zero(err);
    }
    *out = b == -1 ? 0 : a % b; /* the machine traps on INT64_MIN % -1 */
    return KY_OK;
}

SCALAR(int_mod)
{
    *out = datum_word(0);
    return remainder_one(args[0].word, args[1].word, &out->word, err);
}

KERNEL(int_mod_kernel)
{
    EACH_PLACE(i, KY_TRY(remainder_one(args[0].word[i], args[1].word[i], &out->word[i], err)))
    return KY_OK;
}

#define NEGATION(bits)                                                       \
    SCALAR(negate##bits)                                                     \
    {                                                                        \
        if (args[0].word == INT##bits##_MIN) {                               \
            return overflow(bits, err);                                      \
        }                                                                    \
        *out = datum_word(-args[0].word);                                    \
        return KY_OK;                                                        \
    }                                                                        \
    SCALAR(abs##bits)                                                        \
    {                                                                        \
        if (args[0].word == INT##bits##_MIN) {                               \
            return overflow(bits, err);                                      \
        }                                                                    \
        *out = datum_word(llabs(args[0].word));                              \
        return KY_OK;                                                        \
    }                                                                        \
    SCALAR(shift_left##bits)                                                 \
    {                                                                        \
        uint64_t shift = (uint64_t)args[1].word & (bits == 64 ? 63 : 31);    \
        *out = datum_word((int##bits##_t)((uint64_t)args[0].word << shift)); \
        return KY_OK;                                                        \
    }                                                                        \
    SCALAR(shift_right##bits)                                                \
    {                                                                        \
        uint64_t shift = (uint64_t)args[1].word & (bits == 64 ? 63 : 31);    \
        *out = datum_word(args[0].word >> shift);                            \
        return KY_OK;                                                        \
    }
NEGATION(16)
NEGATION(32)
NEGATION(64)

SCALAR(word_same)
{
    *out = args[0];
    return KY_OK;
}

BINARY_TOTAL(bit_and, word, int64_t, word, a &b)
BINARY_TOTAL(bit_or, word, int64_t, word, a | b)
BINARY_TOTAL(bit_xor, word, int64_t, word, a ^ b)
BINARY_TOTAL(word_larger, word, int64_t, word, a > b ? a : b)
BINARY_TOTAL(word_smaller, word, int64_t, word, a < b ? a : b)

SCALAR(bit_not)
{
    *out = datum_word(~args[0].word);
    return KY_OK;
}

static uint64_t
magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

static uint64_t
greatest_divisor(int64_t a, int64_t b)
{
    uint64_t x = magnitude(a);
    uint64_t y = magnitude(b);
    while (y != 0) {
        uint64_t rest = x % y;
        x = y;
        y = rest;
    }
    return x;
}

#define DIVISORS(bits)                                                                          \
    SCALAR(gcd##bits)                                                                           \
    {                                                                                           \
        uint64_t divisor = greatest_divisor(args[0].word, args[1].word);                        \
        if (divisor > INT##bits##_MAX) {                                                        \
            return overflow(bits, err);                                                         \
        }                                                                                       \
        *out = datum_word((int64_t)divisor);                                                    \
        return KY_OK;                                                                           \
    }                                                                                           \
    SCALAR(lcm##bits)                                                                           \
    {                                                                                           \
        *out = datum_word(0);                                                                   \
        if (args[0].word == 0 || args[1].word == 0) {                                           \
            return KY_OK;                                                                       \
        }                                                                                       \
        uint64_t part = magnitude(args[0].word) / greatest_divisor(args[0].word, args[1].word); \
        int##bits##_t result;                                                                   \
        if (__builtin_mul_overflow(part, magnitude(args[1].word), &result)) {                   \
            return overflow(bits, err);                                                         \
        }                                                                                       \
        *out = datum_word(result);                                                              \
        return KY_OK;                                                                           \
    }
DIVISORS(32)
DIVISORS(64)

static struct datum
word_in_base(struct func_env *env, uint64_t value, int bits_per_digit)
{
    char text[64];
    char *place = text + sizeof(text);
    uint64_t mask = (UINT64_C(1) << bits_per_digit) - 1;
    do {
        *--place = "0123456789abcdef"[value & mask];
        value >>= bits_per_digit;
    } while (value != 0);
    struct ky_slice digits = ky_slice(place, (size_t)(text + sizeof(text) - place));
    return (struct datum){.bytes = ky_slice_dup(env->types.arena, digits)};
}

SCALAR(to_hex32)
{
    *out = word_in_base(env, (uint32_t)args[0].word, 4);
    return KY_OK;
}

SCALAR(to_hex64)
{
    *out = word_in_base(env, (uint64_t)args[0].word, 4);
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(176, "int2pl", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT2), .scalar = add16,
         .kernel = add16_kernel),
    FUNC(178, "int24pl", OID_INT4, 'i', true, ARGS(OID_INT2, OID_INT4), .scalar = add32,
         .kernel = add32_kernel),
    FUNC(841, "int28pl", OID_INT8, 'i', true, ARGS(OID_INT2, OID_INT8), .scalar = add64,
         .kernel = add64_kernel),
    FUNC(179, "int42pl", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT2), .scalar = add32,
         .kernel = add32_kernel),
    FUNC(177, "int4pl", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = add32,
         .kernel = add32_kernel),
    FUNC(1278, "int48pl", OID_INT8, 'i', true, ARGS(OID_INT4, OID_INT8), .scalar = add64,
         .kernel = add64_kernel),
    FUNC(837, "int82pl", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT2), .scalar = add64,
         .kernel = add64_kernel),
    FUNC(1274, "int84pl", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT4), .scalar = add64,
         .kernel = add64_kernel),
    FUNC(463, "int8pl", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = add64,
         .kernel = add64_kernel),
    FUNC(180, "int2mi", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT2), .scalar = sub16,
         .kernel = sub16_kernel),
    FUNC(182, "int24mi", OID_INT4, 'i', true, ARGS(OID_INT2, OID_INT4), .scalar = sub32,
         .kernel = sub32_kernel),
    FUNC(942, "int28mi", OID_INT8, 'i', true, ARGS(OID_INT2, OID_INT8), .scalar = sub64,
         .kernel = sub64_kernel),
    FUNC(183, "int42mi", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT2), .scalar = sub32,
         .kernel = sub32_kernel),
    FUNC(181, "int4mi", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = sub32,
         .kernel = sub32_kernel),
    FUNC(1279, "int48mi", OID_INT8, 'i', true, ARGS(OID_INT4, OID_INT8), .scalar = sub64,
         .kernel = sub64_kernel),
    FUNC(838, "int82mi", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT2), .scalar = sub64,
         .kernel = sub64_kernel),
    FUNC(1275, "int84mi", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT4), .scalar = sub64,
         .kernel = sub64_kernel),
    FUNC(464, "int8mi", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = sub64,
         .kernel = sub64_kernel),
    FUNC(152, "int2mul", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT2), .scalar = mul16,
         .kernel = mul16_kernel),
    FUNC(170, "int24mul", OID_INT4, 'i', true, ARGS(OID_INT2, OID_INT4), .scalar = mul32,
         .kernel = mul32_kernel),
    FUNC(943, "int28mul", OID_INT8, 'i', true, ARGS(OID_INT2, OID_INT8), .scalar = mul64,
         .kernel = mul64_kernel),
    FUNC(171, "int42mul", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT2), .scalar = mul32,
         .kernel = mul32_kernel),
    FUNC(141, "int4mul", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = mul32,
         .kernel = mul32_kernel),
    FUNC(1280, "int48mul", OID_INT8, 'i', true, ARGS(OID_INT4, OID_INT8), .scalar = mul64,
         .kernel = mul64_kernel),
    FUNC(839, "int82mul", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT2), .scalar = mul64,
         .kernel = mul64_kernel),
    FUNC(1276, "int84mul", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT4), .scalar = mul64,
         .kernel = mul64_kernel),
    FUNC(465, "int8mul", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = mul64,
         .kernel = mul64_kernel),
    FUNC(153, "int2div", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT2), .scalar = div16,
         .kernel = div16_kernel),
    FUNC(172, "int24div", OID_INT4, 'i', true, ARGS(OID_INT2, OID_INT4), .scalar = div32,
         .kernel = div32_kernel),
    FUNC(948, "int28div", OID_INT8, 'i', true, ARGS(OID_INT2, OID_INT8), .scalar = div64,
         .kernel = div64_kernel),
    FUNC(173, "int42div", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT2), .scalar = div32,
         .kernel = div32_kernel),
    FUNC(154, "int4div", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = div32,
         .kernel = div32_kernel),
    FUNC(1281, "int48div", OID_INT8, 'i', true, ARGS(OID_INT4, OID_INT8), .scalar = div64,
         .kernel = div64_kernel),
    FUNC(840, "int82div", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT2), .scalar = div64,
         .kernel = div64_kernel),
    FUNC(1277, "int84div", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT4), .scalar = div64,
         .kernel = div64_kernel),
    FUNC(466, "int8div", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = div64,
         .kernel = div64_kernel),
    FUNC(155, "int2mod", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT2), .scalar = int_mod,
         .kernel = int_mod_kernel),
    FUNC(940, "mod", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT2), .scalar = int_mod,
         .kernel = int_mod_kernel),
    FUNC(213, "int2um", OID_INT2, 'i', true, ARGS(OID_INT2), .scalar = negate16),
    FUNC(1911, "int2up", OID_INT2, 'i', true, ARGS(OID_INT2), .scalar = word_same),
    FUNC(1253, "int2abs", OID_INT2, 'i', true, ARGS(OID_INT2), .scalar = abs16),
    FUNC(1398, "abs", OID_INT2, 'i', true, ARGS(OID_INT2), .scalar = abs16),
    FUNC(1892, "int2and", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT2), .scalar = bit_and,
         .kernel = bit_and_kernel),
    FUNC(1893, "int2or", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT2), .scalar = bit_or,
         .kernel = bit_or_kernel),
    FUNC(1894, "int2xor", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT2), .scalar = bit_xor,
         .kernel = bit_xor_kernel),
    FUNC(1895, "int2not", OID_INT2, 'i', true, ARGS(OID_INT2), .scalar = bit_not),
    FUNC(1896, "int2shl", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT4), .scalar = shift_left16),
    FUNC(1897, "int2shr", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT4), .scalar = shift_right16),
    FUNC(770, "int2larger", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT2), .scalar = word_larger,
         .kernel = word_larger_kernel),
    FUNC(771, "int2smaller", OID_INT2, 'i', true, ARGS(OID_INT2, OID_INT2), .scalar = word_smaller,
         .kernel = word_smaller_kernel),
    FUNC(156, "int4mod", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = int_mod,
         .kernel = int_mod_kernel),
    FUNC(941, "mod", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = int_mod,
         .kernel = int_mod_kernel),
    FUNC(212, "int4um", OID_INT4, 'i', true, ARGS(OID_INT4), .scalar = negate32),
    FUNC(1912, "int4up", OID_INT4, 'i', true, ARGS(OID_INT4), .scalar = word_same),
    FUNC(1251, "int4abs", OID_INT4, 'i', true, ARGS(OID_INT4), .scalar = abs32),
    FUNC(1397, "abs", OID_INT4, 'i', true, ARGS(OID_INT4), .scalar = abs32),
    FUNC(1898, "int4and", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = bit_and,
         .kernel = bit_and_kernel),
    FUNC(1899, "int4or", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = bit_or,
         .kernel = bit_or_kernel),
    FUNC(1900, "int4xor", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = bit_xor,
         .kernel = bit_xor_kernel),
    FUNC(1901, "int4not", OID_INT4, 'i', true, ARGS(OID_INT4), .scalar = bit_not),
    FUNC(1902, "int4shl", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = shift_left32),
    FUNC(1903, "int4shr", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = shift_right32),
    FUNC(768, "int4larger", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = word_larger,
         .kernel = word_larger_kernel),
    FUNC(769, "int4smaller", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = word_smaller,
         .kernel = word_smaller_kernel),
    FUNC(945, "int8mod", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = int_mod,
         .kernel = int_mod_kernel),
    FUNC(947, "mod", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = int_mod,
         .kernel = int_mod_kernel),
    FUNC(462, "int8um", OID_INT8, 'i', true, ARGS(OID_INT8), .scalar = negate64),
    FUNC(1910, "int8up", OID_INT8, 'i', true, ARGS(OID_INT8), .scalar = word_same),
    FUNC(1230, "int8abs", OID_INT8, 'i', true, ARGS(OID_INT8), .scalar = abs64),
    FUNC(1396, "abs", OID_INT8, 'i', true, ARGS(OID_INT8), .scalar = abs64),
    FUNC(1904, "int8and", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = bit_and,
         .kernel = bit_and_kernel),
    FUNC(1905, "int8or", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = bit_or,
         .kernel = bit_or_kernel),
    FUNC(1906, "int8xor", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = bit_xor,
         .kernel = bit_xor_kernel),
    FUNC(1907, "int8not", OID_INT8, 'i', true, ARGS(OID_INT8), .scalar = bit_not),
    FUNC(1908, "int8shl", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT4), .scalar = shift_left64),
    FUNC(1909, "int8shr", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT4), .scalar = shift_right64),
    FUNC(1236, "int8larger", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = word_larger,
         .kernel = word_larger_kernel),
    FUNC(1237, "int8smaller", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = word_smaller,
         .kernel = word_smaller_kernel),
    FUNC(5044, "gcd", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = gcd32),
    FUNC(5045, "gcd", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = gcd64),
    FUNC(5046, "lcm", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = lcm32),
    FUNC(5047, "lcm", OID_INT8, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = lcm64),
    FUNC(2089, "to_hex", OID_TEXT, 'i', true, ARGS(OID_INT4), .scalar = to_hex32),
    FUNC(2090, "to_hex", OID_TEXT, 'i', true, ARGS(OID_INT8), .scalar = to_hex64),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(439, "%", OID_INT8, OID_INT8, OID_INT8, 945, 0, 0, 0, false),
    OPERATOR(473, "@", OID_NONE, OID_INT8, OID_INT8, 1230, 0, 0, 0, false),
    OPERATOR(484, "-", OID_NONE, OID_INT8, OID_INT8, 462, 0, 0, 0, false),
    OPERATOR(514, "*", OID_INT4, OID_INT4, OID_INT4, 141, 514, 0, 0, false),
    OPERATOR(526, "*", OID_INT2, OID_INT2, OID_INT2, 152, 526, 0, 0, false),
    OPERATOR(527, "/", OID_INT2, OID_INT2, OID_INT2, 153, 0, 0, 0, false),
    OPERATOR(528, "/", OID_INT4, OID_INT4, OID_INT4, 154, 0, 0, 0, false),
    OPERATOR(529, "%", OID_INT2, OID_INT2, OID_INT2, 155, 0, 0, 0, false),
    OPERATOR(530, "%", OID_INT4, OID_INT4, OID_INT4, 156, 0, 0, 0, false),
    OPERATOR(544, "*", OID_INT2, OID_INT4, OID_INT4, 170, 545, 0, 0, false),
    OPERATOR(545, "*", OID_INT4, OID_INT2, OID_INT4, 171, 544, 0, 0, false),
    OPERATOR(546, "/", OID_INT2, OID_INT4, OID_INT4, 172, 0, 0, 0, false),
    OPERATOR(547, "/", OID_INT4, OID_INT2, OID_INT4, 173, 0, 0, 0, false),
    OPERATOR(550, "+", OID_INT2, OID_INT2, OID_INT2, 176, 550, 0, 0, false),
    OPERATOR(551, "+", OID_INT4, OID_INT4, OID_INT4, 177, 551, 0, 0, false),
    OPERATOR(552, "+", OID_INT2, OID_INT4, OID_INT4, 178, 553, 0, 0, false),
    OPERATOR(553, "+", OID_INT4, OID_INT2, OID_INT4, 179, 552, 0, 0, false),
    OPERATOR(554, "-", OID_INT2, OID_INT2, OID_INT2, 180, 0, 0, 0, false),
    OPERATOR(555, "-", OID_INT4, OID_INT4, OID_INT4, 181, 0, 0, 0, false),
    OPERATOR(556, "-", OID_INT2, OID_INT4, OID_INT4, 182, 0, 0, 0, false),
    OPERATOR(557, "-", OID_INT4, OID_INT2, OID_INT4, 183, 0, 0, 0, false),
    OPERATOR(558, "-", OID_NONE, OID_INT4, OID_INT4, 212, 0, 0, 0, false),
    OPERATOR(559, "-", OID_NONE, OID_INT2, OID_INT2, 213, 0, 0, 0, false),
    OPERATOR(682, "@", OID_NONE, OID_INT2, OID_INT2, 1253, 0, 0, 0, false),
    OPERATOR(684, "+", OID_INT8, OID_INT8, OID_INT8, 463, 684, 0, 0, false),
    OPERATOR(685, "-", OID_INT8, OID_INT8, OID_INT8, 464, 0, 0, 0, false),
    OPERATOR(686, "*", OID_INT8, OID_INT8, OID_INT8, 465, 686, 0, 0, false),
    OPERATOR(687, "/", OID_INT8, OID_INT8, OID_INT8, 466, 0, 0, 0, false),
    OPERATOR(688, "+", OID_INT8, OID_INT4, OID_INT8, 1274, 692, 0, 0, false),
    OPERATOR(689, "-", OID_INT8, OID_INT4, OID_INT8, 1275, 0, 0, 0, false),
    OPERATOR(690, "*", OID_INT8, OID_INT4, OID_INT8, 1276, 694, 0, 0, false),
    OPERATOR(691, "/", OID_INT8, OID_INT4, OID_INT8, 1277, 0, 0, 0, false),
    OPERATOR(692, "+", OID_INT4, OID_INT8, OID_INT8, 1278, 688, 0, 0, false),
    OPERATOR(693, "-", OID_INT4, OID_INT8, OID_INT8, 1279, 0, 0, 0, false),
    OPERATOR(694, "*", OID_INT4, OID_INT8, OID_INT8, 1280, 690, 0, 0, false),
    OPERATOR(695, "/", OID_INT4, OID_INT8, OID_INT8, 1281, 0, 0, 0, false),
    OPERATOR(818, "+", OID_INT8, OID_INT2, OID_INT8, 837, 822, 0, 0, false),
    OPERATOR(819, "-", OID_INT8, OID_INT2, OID_INT8, 838, 0, 0, 0, false),
    OPERATOR(820, "*", OID_INT8, OID_INT2, OID_INT8, 839, 824, 0, 0, false),
    OPERATOR(821, "/", OID_INT8, OID_INT2, OID_INT8, 840, 0, 0, 0, false),
    OPERATOR(822, "+", OID_INT2, OID_INT8, OID_INT8, 841, 818, 0, 0, false),
    OPERATOR(823, "-", OID_INT2, OID_INT8, OID_INT8, 942, 0, 0, 0, false),
    OPERATOR(824, "*", OID_INT2, OID_INT8, OID_INT8, 943, 820, 0, 0, false),
    OPERATOR(825, "/", OID_INT2, OID_INT8, OID_INT8, 948, 0, 0, 0, false),
    OPERATOR(773, "@", OID_NONE, OID_INT4, OID_INT4, 1251, 0, 0, 0, false),
    OPERATOR(1874, "&", OID_INT2, OID_INT2, OID_INT2, 1892, 1874, 0, 0, false),
    OPERATOR(1875, "|", OID_INT2, OID_INT2, OID_INT2, 1893, 1875, 0, 0, false),
    OPERATOR(1876, "#", OID_INT2, OID_INT2, OID_INT2, 1894, 1876, 0, 0, false),
    OPERATOR(1877, "~", OID_NONE, OID_INT2, OID_INT2, 1895, 0, 0, 0, false),
    OPERATOR(1878, "<<", OID_INT2, OID_INT4, OID_INT2, 1896, 0, 0, 0, false),
    OPERATOR(1879, ">>", OID_INT2, OID_INT4, OID_INT2, 1897, 0, 0, 0, false),
    OPERATOR(1880, "&", OID_INT4, OID_INT4, OID_INT4, 1898, 1880, 0, 0, false),
    OPERATOR(1881, "|", OID_INT4, OID_INT4, OID_INT4, 1899, 1881, 0, 0, false),
    OPERATOR(1882, "#", OID_INT4, OID_INT4, OID_INT4, 1900, 1882, 0, 0, false),
    OPERATOR(1883, "~", OID_NONE, OID_INT4, OID_INT4, 1901, 0, 0, 0, false),
    OPERATOR(1884, "<<", OID_INT4, OID_INT4, OID_INT4, 1902, 0, 0, 0, false),
    OPERATOR(1885, ">>", OID_INT4, OID_INT4, OID_INT4, 1903, 0, 0, 0, false),
    OPERATOR(1886, "&", OID_INT8, OID_INT8, OID_INT8, 1904, 1886, 0, 0, false),
    OPERATOR(1887, "|", OID_INT8, OID_INT8, OID_INT8, 1905, 1887, 0, 0, false),
    OPERATOR(1888, "#", OID_INT8, OID_INT8, OID_INT8, 1906, 1888, 0, 0, false),
    OPERATOR(1889, "~", OID_NONE, OID_INT8, OID_INT8, 1907, 0, 0, 0, false),
    OPERATOR(1890, "<<", OID_INT8, OID_INT4, OID_INT8, 1908, 0, 0, 0, false),
    OPERATOR(1891, ">>", OID_INT8, OID_INT4, OID_INT8, 1909, 0, 0, 0, false),
    OPERATOR(1916, "+", OID_NONE, OID_INT8, OID_INT8, 1910, 0, 0, 0, false),
    OPERATOR(1917, "+", OID_NONE, OID_INT2, OID_INT2, 1911, 0, 0, 0, false),
    OPERATOR(1918, "+", OID_NONE, OID_INT4, OID_INT4, 1912, 0, 0, 0, false),
};

const struct func_table func_table_int = {funcs, KY_COUNT_OF(funcs), operators,
                                          KY_COUNT_OF(operators)};
