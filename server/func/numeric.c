/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/numeric.h"

#include <math.h>

#include "server/func/func_private.h"

/* Functions of numeric. The arithmetic itself is types/numeric; here are its SQL faces. */

/* PostgreSQL's least number of significant digits of an inexact result. */
enum { SIGNIFICANT_DIGITS_MIN = 16, DISPLAY_SCALE_MAX = 1000 };

static ky_status
give_binary(numeric_binary function, struct func_env *env, const struct datum *args,
            struct datum *out, struct ky_error *err)
{
    struct ky_slice result;
    KY_TRY(function(env->types.arena, args[0].bytes, args[1].bytes, &result, err));
    *out = (struct datum){.bytes = result};
    return KY_OK;
}

#define NUMERIC_BINARY(name)                                                            \
    SCALAR(name##_scalar)                                                               \
    {                                                                                   \
        return give_binary(name, env, args, out, err);                                  \
    }                                                                                   \
    KERNEL(name##_kernel)                                                               \
    {                                                                                   \
        EACH_PLACE(i, KY_TRY(name(env->types.arena, args[0].bytes[i], args[1].bytes[i], \
                                  &out->bytes[i], err)))                                \
        return KY_OK;                                                                   \
    }
NUMERIC_BINARY(numeric_add)
NUMERIC_BINARY(numeric_sub)
NUMERIC_BINARY(numeric_mul)
NUMERIC_BINARY(numeric_div)
NUMERIC_BINARY(numeric_mod)
NUMERIC_BINARY(numeric_power)

#define NUMERIC_TOTAL(name, expression)               \
    SCALAR(name)                                      \
    {                                                 \
        struct ky_arena *arena = env->types.arena;    \
        const struct ky_slice x = args[0].bytes;      \
        *out = (struct datum){.bytes = (expression)}; \
        return KY_OK;                                 \
    }
NUMERIC_TOTAL(negate, numeric_negate(arena, x))
NUMERIC_TOTAL(absolute, numeric_abs(arena, x))
NUMERIC_TOTAL(ceiling, numeric_ceil(arena, x))
NUMERIC_TOTAL(floor_of, numeric_floor(arena, x))
NUMERIC_TOTAL(round_whole, numeric_round(arena, x, 0))
NUMERIC_TOTAL(trunc_whole, numeric_trunc(arena, x, 0))
NUMERIC_TOTAL(sign_of, numeric_is_nan(x) ? x : numeric_from_int64(arena, (int64_t)numeric_sign(x)))

enum { SPECIAL_DIGITS = 15 };

/* Large numbers too are infinite as doubles. */
static bool
is_infinite(struct ky_arena *arena, struct ky_slice value)
{
    if (numeric_is_nan(value) || !isinf(numeric_to_double(value))) {
        return false;
    }
    const struct ky_slice infinity = numeric_from_double(arena, (double)INFINITY, SPECIAL_DIGITS);
    return numeric_compare(numeric_abs(arena, value), infinity) == 0;
}

static int
bounded_scale(int64_t scale)
{
    return (int)KY_MIN(KY_MAX(scale, -NUMERIC_DIGITS_MAX - 1), NUMERIC_SCALE_MAX);
}

SCALAR(round_to)
{
    int scale = bounded_scale(args[1].word);
    *out = (struct datum){.bytes = numeric_round(env->types.arena, args[0].bytes, scale)};
    /* Rounding up may give one digit more than there can be; a sum is refused then. */
    return scale >= 0 ? KY_OK
                      : numeric_add(env->types.arena, out->bytes,
                                    numeric_from_int64(env->types.arena, 0), &out->bytes, err);
}

SCALAR(trunc_to)
{
    int scale = bounded_scale(args[1].word);
    *out = (struct datum){.bytes = numeric_trunc(env->types.arena, args[0].bytes, scale)};
    return KY_OK;
}

SCALAR(same)
{
    *out = args[0];
    return KY_OK;
}

#define NUMERIC_UNARY(name, function)                                    \
    SCALAR(name)                                                         \
    {                                                                    \
        struct ky_slice result;                                          \
        KY_TRY(function(env->types.arena, args[0].bytes, &result, err)); \
        *out = (struct datum){.bytes = result};                          \
        return KY_OK;                                                    \
    }
NUMERIC_UNARY(sqrt_of, numeric_sqrt)
NUMERIC_UNARY(exp_of, numeric_exp)
NUMERIC_UNARY(ln_of, numeric_ln)

/* The decimal exponent of ln(x), as PostgreSQL estimates it to choose a scale. */
static int
logarithm_weight(double x)
{
    if (x >= 0.9 && x <= 1.1) {
        return x == 1.0 ? 0 : (int)floor(log10(fabs(x - 1.0)));
    }
    return (int)log10(fabs(log(x)));
}

/* log of x to a base: both logarithms with spare digits, then one rounding. */
static ky_status
logarithm(struct func_env *env, struct ky_slice base, struct ky_slice x, struct datum *out,
          struct ky_error *err)
{
    struct ky_arena *arena = env->types.arena;
    struct ky_slice ln_base;
    struct ky_slice ln_x;
    struct ky_slice result;
    int scale = SIGNIFICANT_DIGITS_MIN - logarithm_weight(numeric_to_double(x)) +
                logarithm_weight(numeric_to_double(base));
    scale = KY_MAX(scale, KY_MAX(numeric_scale(base), numeric_scale(x)));
    scale = KY_MIN(KY_MAX(scale, 0), DISPLAY_SCALE_MAX);
    KY_TRY(numeric_ln(arena, numeric_round(arena, base, scale + 12), &ln_base, err));
    KY_TRY(numeric_ln(arena, numeric_round(arena, x, scale + 12), &ln_x, err));
    KY_TRY(numeric_div(arena, ln_x, ln_base, &result, err));
    *out = (struct datum){.bytes = numeric_round(arena, result, scale)};
    return KY_OK;
}

SCALAR(log_of)
{
    if (numeric_is_nan(args[0].bytes) || numeric_sign(args[0].bytes) <= 0 ||
        is_infinite(env->types.arena, args[0].bytes)) {
        /* NaN, the infinities and what is an error: ln has the same answers. */
        return ln_of(env, args, arg_count, out, err);
    }
    return logarithm(env, numeric_from_int64(env->types.arena, 10), args[0].bytes, out, err);
}

SCALAR(log_to_base)
{
    if (numeric_is_nan(args[0].bytes) || numeric_is_nan(args[1].bytes)) {
        *out = numeric_is_nan(args[0].bytes) ? args[0] : args[1];
        return KY_OK;
    }
    for (int i = 0; i < 2; i++) {
        if (numeric_sign(args[i].bytes) <= 0) {
            return ln_of(env, &args[i], 1, out, err);
        }
    }
    if (is_infinite(env->types.arena, args[0].bytes)) {
        *out = is_infinite(env->types.arena, args[1].bytes)
                   ? (struct datum){.bytes = numeric_from_double(env->types.arena, (double)NAN,
                                                                 SPECIAL_DIGITS)}
                   : (struct datum){.bytes = numeric_from_int64(env->types.arena, 0)};
        return KY_OK;
    }
    if (is_infinite(env->types.arena, args[1].bytes)) {
        *out = args[1];
        return KY_OK;
    }
    return logarithm(env, args[0].bytes, args[1].bytes, out, err);
}

/* The quotient without its fraction, exactly: what mod leaves is taken off first. */

static ky_status
whole_quotient(struct ky_arena *arena, struct ky_slice a, struct ky_slice b, struct ky_slice *out,
               struct ky_error *err)
{
    struct ky_slice rest;
    struct ky_slice multiple;
    if (is_infinite(arena, a)) {
        return numeric_div(arena, a, b, out, err);
    }
    KY_TRY(numeric_mod(arena, a, b, &rest, err));
    KY_TRY(numeric_sub(arena, a, rest, &multiple, err));
    KY_TRY(numeric_div(arena, multiple, b, out, err));
    *out = numeric_round(arena, *out, 0);
    return KY_OK;
}

SCALAR(div_whole)
{
    return give_binary(whole_quotient, env, args, out, err);
}

SCALAR(scale_of)
{
    *out = numeric_is_nan(args[0].bytes) || is_infinite(env->types.arena, args[0].bytes)
               ? datum_null()
               : datum_word(numeric_scale(args[0].bytes));
    return KY_OK;
}

static int
least_scale(struct ky_arena *arena, struct ky_slice x)
{
    int scale = numeric_scale(x);
    while (scale > 0 && numeric_compare(numeric_trunc(arena, x, scale - 1), x) == 0) {
        scale--;
    }
    return scale;
}

SCALAR(min_scale)
{
    *out = numeric_is_nan(args[0].bytes) || is_infinite(env->types.arena, args[0].bytes)
               ? datum_null()
               : datum_word(least_scale(env->types.arena, args[0].bytes));
    return KY_OK;
}

SCALAR(trim_scale)
{
    struct ky_arena *arena = env->types.arena;
    *out = args[0];
    if (!numeric_is_nan(args[0].bytes)) {
        out->bytes = numeric_trunc(arena, args[0].bytes, least_scale(arena, args[0].bytes));
    }
    return KY_OK;
}

/* Of an infinity there is none. */
static bool
is_without_divisor(struct ky_arena *arena, struct ky_slice a, struct ky_slice b)
{
    return numeric_is_nan(a) || numeric_is_nan(b) || is_infinite(arena, a) || is_infinite(arena, b);
}

static ky_status
greatest_divisor(struct ky_arena *arena, struct ky_slice a, struct ky_slice b, struct ky_slice *out,
                 struct ky_error *err)
{
    if (is_without_divisor(arena, a, b)) {
        *out = numeric_from_double(arena, (double)NAN, SPECIAL_DIGITS);
        return KY_OK;
    }
    int scale = KY_MAX(numeric_scale(a), numeric_scale(b));
    a = numeric_abs(arena, a);
    b = numeric_abs(arena, b);
    while (numeric_sign(b) != 0 && !numeric_is_nan(b)) {
        struct ky_slice rest;
        KY_TRY(numeric_mod(arena, a, b, &rest, err));
        a = b;
        b = rest;
    }
    *out = numeric_round(arena, a, scale);
    return KY_OK;
}

SCALAR(gcd_of)
{
    return give_binary(greatest_divisor, env, args, out, err);
}

static ky_status
least_multiple(struct ky_arena *arena, struct ky_slice a, struct ky_slice b, struct ky_slice *out,
               struct ky_error *err)
{
    if (is_without_divisor(arena, a, b)) {
        *out = numeric_from_double(arena, (double)NAN, SPECIAL_DIGITS);
        return KY_OK;
    }
    int scale = KY_MAX(numeric_scale(a), numeric_scale(b));
    struct ky_slice result = numeric_from_int64(arena, 0);
    if (numeric_sign(a) != 0 && numeric_sign(b) != 0) {
        struct ky_slice divisor;
        struct ky_slice part;
        KY_TRY(greatest_divisor(arena, a, b, &divisor, err));
        KY_TRY(whole_quotient(arena, a, divisor, &part, err));
        KY_TRY(numeric_mul(arena, part, b, &result, err));
    }
    *out = numeric_round(arena, numeric_abs(arena, result), scale);
    return KY_OK;
}

SCALAR(lcm_of)
{
    return give_binary(least_multiple, env, args, out, err);
}

SCALAR(factorial)
{
    enum { FACTORIAL_MAX = 32177 };
    const int64_t count = args[0].word;
    if (count < 0) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE,
                            "factorial of a negative number is undefined");
    }
    if (count > FACTORIAL_MAX) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
    }
    struct ky_slice result = numeric_from_int64(env->types.arena, 1);
    for (int64_t i = 2; i <= count; i++) {
        struct ky_slice factor = numeric_from_int64(env->types.arena, i);
        KY_TRY(numeric_mul(env->types.arena, result, factor, &result, err));
    }
    *out = (struct datum){.bytes = result};
    return KY_OK;
}

static ky_status
bucket_error(struct ky_error *err, const char *text)
{
    return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, "%s", text);
}

SCALAR(width_bucket)
{
    struct ky_arena *arena = env->types.arena;
    struct ky_slice x = args[0].bytes;
    struct ky_slice low = args[1].bytes;
    struct ky_slice high = args[2].bytes;
    const int64_t count = args[3].word;
    if (count <= 0) {
        return bucket_error(err, "count must be greater than zero");
    }
    if (numeric_is_nan(x) || numeric_is_nan(low) || numeric_is_nan(high)) {
        return bucket_error(err, "operand, lower bound, and upper bound cannot be NaN");
    }
    if (is_infinite(arena, low) || is_infinite(arena, high)) {
        return bucket_error(err, "lower and upper bounds must be finite");
    }
    const int direction = numeric_compare(low, high);
    if (direction == 0) {
        return bucket_error(err, "lower bound cannot equal upper bound");
    }
    if (numeric_compare(x, low) * direction > 0) {
        *out = datum_word(0);
        return KY_OK;
    }
    if (numeric_compare(x, high) * direction <= 0) {
        *out = datum_word(count + 1);
        return count < INT32_MAX
                   ? KY_OK
                   : ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
    }
    struct ky_slice part;
    struct ky_slice width;
    struct ky_slice bucket;
    KY_TRY(numeric_sub(arena, x, low, &part, err));
    KY_TRY(numeric_sub(arena, high, low, &width, err));
    KY_TRY(numeric_mul(arena, part, numeric_from_int64(arena, count), &part, err));
    KY_TRY(whole_quotient(arena, part, width, &bucket, err));
    *out = datum_word(0);
    KY_TRY(numeric_to_int64(bucket, &out->word, err));
    out->word++;
    return KY_OK;
}

SCALAR(larger)
{
    *out = numeric_compare(args[0].bytes, args[1].bytes) > 0 ? args[0] : args[1];
    return KY_OK;
}

SCALAR(smaller)
{
    *out = numeric_compare(args[0].bytes, args[1].bytes) < 0 ? args[0] : args[1];
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1724, "numeric_add", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = numeric_add_scalar, .kernel = numeric_add_kernel),
    FUNC(1725, "numeric_sub", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = numeric_sub_scalar, .kernel = numeric_sub_kernel),
    FUNC(1726, "numeric_mul", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = numeric_mul_scalar, .kernel = numeric_mul_kernel),
    FUNC(1727, "numeric_div", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = numeric_div_scalar, .kernel = numeric_div_kernel),
    FUNC(1729, "numeric_mod", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = numeric_mod_scalar, .kernel = numeric_mod_kernel),
    FUNC(1728, "mod", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = numeric_mod_scalar, .kernel = numeric_mod_kernel),
    FUNC(1739, "numeric_power", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = numeric_power_scalar, .kernel = numeric_power_kernel),
    FUNC(2169, "power", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = numeric_power_scalar, .kernel = numeric_power_kernel),
    FUNC(1738, "pow", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = numeric_power_scalar, .kernel = numeric_power_kernel),
    FUNC(1771, "numeric_uminus", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = negate),
    FUNC(1915, "numeric_uplus", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = same),
    FUNC(1704, "numeric_abs", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = absolute),
    FUNC(1705, "abs", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = absolute),
    FUNC(1706, "sign", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = sign_of),
    FUNC(1711, "ceil", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = ceiling),
    FUNC(2167, "ceiling", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = ceiling),
    FUNC(1712, "floor", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = floor_of),
    FUNC(1708, "round", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = round_whole),
    FUNC(1710, "trunc", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = trunc_whole),
    FUNC(1707, "round", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_INT4), .scalar = round_to),
    FUNC(1709, "trunc", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_INT4), .scalar = trunc_to),
    FUNC(1730, "sqrt", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = sqrt_of),
    FUNC(1731, "numeric_sqrt", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = sqrt_of),
    FUNC(1732, "exp", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = exp_of),
    FUNC(1733, "numeric_exp", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = exp_of),
    FUNC(1734, "ln", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = ln_of),
    FUNC(1735, "numeric_ln", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = ln_of),
    FUNC(1741, "log", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = log_of),
    FUNC(1481, "log10", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = log_of),
    FUNC(1736, "log", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = log_to_base),
    FUNC(1737, "numeric_log", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = log_to_base),
    FUNC(1973, "div", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC), .scalar = div_whole),
    FUNC(1980, "numeric_div_trunc", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = div_whole),
    FUNC(3281, "scale", OID_INT4, 'i', true, ARGS(OID_NUMERIC), .scalar = scale_of),
    FUNC(5042, "min_scale", OID_INT4, 'i', true, ARGS(OID_NUMERIC), .scalar = min_scale),
    FUNC(5043, "trim_scale", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC), .scalar = trim_scale),
    FUNC(5048, "gcd", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC), .scalar = gcd_of),
    FUNC(5049, "lcm", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC), .scalar = lcm_of),
    FUNC(1376, "factorial", OID_NUMERIC, 'i', true, ARGS(OID_INT8), .scalar = factorial),
    FUNC(2170, "width_bucket", OID_INT4, 'i', true,
         ARGS(OID_NUMERIC, OID_NUMERIC, OID_NUMERIC, OID_INT4), .scalar = width_bucket),
    FUNC(1767, "numeric_larger", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = larger),
    FUNC(1766, "numeric_smaller", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = smaller),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(1751, "-", OID_NONE, OID_NUMERIC, OID_NUMERIC, 1771, 0, 0, 0, false),
    OPERATOR(1758, "+", OID_NUMERIC, OID_NUMERIC, OID_NUMERIC, 1724, 1758, 0, 0, false),
    OPERATOR(1759, "-", OID_NUMERIC, OID_NUMERIC, OID_NUMERIC, 1725, 0, 0, 0, false),
    OPERATOR(1760, "*", OID_NUMERIC, OID_NUMERIC, OID_NUMERIC, 1726, 1760, 0, 0, false),
    OPERATOR(1761, "/", OID_NUMERIC, OID_NUMERIC, OID_NUMERIC, 1727, 0, 0, 0, false),
    OPERATOR(1762, "%", OID_NUMERIC, OID_NUMERIC, OID_NUMERIC, 1729, 0, 0, 0, false),
    OPERATOR(1038, "^", OID_NUMERIC, OID_NUMERIC, OID_NUMERIC, 1739, 0, 0, 0, false),
    OPERATOR(1763, "@", OID_NONE, OID_NUMERIC, OID_NUMERIC, 1704, 0, 0, 0, false),
    OPERATOR(1921, "+", OID_NONE, OID_NUMERIC, OID_NUMERIC, 1915, 0, 0, 0, false),
};

const struct func_table func_table_numeric = {funcs, KY_COUNT_OF(funcs), operators,
                                              KY_COUNT_OF(operators)};
