/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/func_private.h"

/* float4 and float8 arithmetic. A float4 is a double that a float holds; results are rounded to
 * float before they are checked. */

static ky_status
float_overflow(struct ky_error *err)
{
    return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
}

static ky_status
float_underflow(struct ky_error *err)
{
    return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow");
}

static ky_status
float_division_by_zero(struct ky_error *err)
{
    return ky_error_set(err, KY_DIVISION_BY_ZERO, "division by zero");
}

static inline double
to_float4(double value)
{
    return (double)(float)value;
}

#define AS_FLOAT8(value) (value)
#define FLOAT_OPERATOR(name, width, zero_divides, expression, may_overflow, may_underflow)   \
    SCALAR(name)                                                                             \
    {                                                                                        \
        const double a = args[0].real;                                                       \
        const double b = args[1].real;                                                       \
        if (zero_divides && b == 0.0 && !isnan(a)) {                                         \
            return float_division_by_zero(err);                                              \
        }                                                                                    \
        const double result = width(expression);                                             \
        if (isinf(result) && (may_overflow)) {                                               \
            return float_overflow(err);                                                      \
        }                                                                                    \
        if (result == 0.0 && (may_underflow)) {                                              \
            return float_underflow(err);                                                     \
        }                                                                                    \
        *out = datum_real(result);                                                           \
        return KY_OK;                                                                        \
    }                                                                                        \
    KERNEL(name##_kernel)                                                                    \
    {                                                                                        \
        bool has_overflow = false;                                                           \
        bool has_underflow = false;                                                          \
        bool has_zero = false;                                                               \
        EACH_PLACE(i, const double a = args[0].real[i]; const double b = args[1].real[i];    \
                   has_zero |= zero_divides && b == 0.0 && !isnan(a);                        \
                   const double result = width(expression);                                  \
                   has_overflow |= isinf(result) && (may_overflow);                          \
                   has_underflow |= result == 0.0 && (may_underflow); out->real[i] = result) \
        if (has_zero) {                                                                      \
            return float_division_by_zero(err);                                              \
        }                                                                                    \
        if (has_overflow) {                                                                  \
            return float_overflow(err);                                                      \
        }                                                                                    \
        return has_underflow ? float_underflow(err) : KY_OK;                                 \
    }
#define FLOAT_OPERATORS(suffix, width)                                                    \
    FLOAT_OPERATOR(float_add##suffix, width, false, a + b, !isinf(a) && !isinf(b), false) \
    FLOAT_OPERATOR(float_sub##suffix, width, false, a - b, !isinf(a) && !isinf(b), false) \
    FLOAT_OPERATOR(float_mul##suffix, width, false, a *b, !isinf(a) && !isinf(b),         \
                   a != 0.0 && b != 0.0)                                                  \
    FLOAT_OPERATOR(float_div##suffix, width, true, a / b, !isinf(a) && b != 0.0,          \
                   a != 0.0 && !isinf(b))
FLOAT_OPERATORS(4, to_float4)
FLOAT_OPERATORS(8, AS_FLOAT8)

#define FLOAT_UNARY(name, expression)  \
    SCALAR(name)                       \
    {                                  \
        const double x = args[0].real; \
        *out = datum_real(expression); \
        return KY_OK;                  \
    }
FLOAT_UNARY(float_negate, -x)
FLOAT_UNARY(float_same, x)
FLOAT_UNARY(float_abs, fabs(x))
FLOAT_UNARY(float_round, rint(x))
FLOAT_UNARY(float_ceil, ceil(x))
FLOAT_UNARY(float_floor, floor(x))
FLOAT_UNARY(float_trunc, trunc(x))
FLOAT_UNARY(float_sign, x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0)
FLOAT_UNARY(float_cbrt, cbrt(x))
FLOAT_UNARY(float_radians, x *(M_PI / 180.0))
FLOAT_UNARY(float_atan, atan(x))
FLOAT_UNARY(float_tanh, tanh(x))
FLOAT_UNARY(float_asinh, asinh(x))

static ky_status
finish(double result, bool is_input_infinite, struct datum *out, struct ky_error *err)
{
    if (isinf(result) && !is_input_infinite) {
        return float_overflow(err);
    }
    *out = datum_real(result);
    return KY_OK;
}

static ky_status
out_of_range(struct ky_error *err)
{
    return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range");
}

#define FLOAT_FINITE_ONLY(name, is_bad, expression)    \
    SCALAR(name)                                       \
    {                                                  \
        const double x = args[0].real;                 \
        if (!isnan(x) && (is_bad)) {                   \
            return out_of_range(err);                  \
        }                                              \
        return finish(expression, isinf(x), out, err); \
    }
FLOAT_FINITE_ONLY(float_sin, isinf(x), sin(x))
FLOAT_FINITE_ONLY(float_cos, isinf(x), cos(x))
FLOAT_FINITE_ONLY(float_tan, isinf(x), tan(x))
FLOAT_FINITE_ONLY(float_asin, x<-1 || x> 1, asin(x))
FLOAT_FINITE_ONLY(float_acos, x<-1 || x> 1, acos(x))
FLOAT_FINITE_ONLY(float_degrees, false, x / (M_PI / 180.0))
FLOAT_FINITE_ONLY(float_acosh, x < 1, acosh(x))
/* Where they overflow they are infinite. */
FLOAT_UNARY(float_sinh, sinh(x))
FLOAT_UNARY(float_cosh, cosh(x))

/* That of 0 is infinite, and no error. */
SCALAR(float_cot)
{
    const double x = args[0].real;
    if (isinf(x)) {
        return out_of_range(err);
    }
    *out = datum_real(1.0 / tan(x));
    return KY_OK;
}

SCALAR(float_atanh)
{
    const double x = args[0].real;
    if (x < -1 || x > 1) {
        return out_of_range(err);
    }
    *out = datum_real(atanh(x));
    return KY_OK;
}

SCALAR(float_atan2)
{
    *out = datum_real(atan2(args[0].real, args[1].real));
    return KY_OK;
}

SCALAR(float_sqrt)
{
    if (args[0].real < 0) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                            "cannot take square root of a negative number");
    }
    *out = datum_real(sqrt(args[0].real));
    return KY_OK;
}

SCALAR(float_exp)
{
    const double x = args[0].real;
    const double result = exp(x);
    if (isinf(result) && !isinf(x)) {
        return float_overflow(err);
    }
    if (result == 0.0 && !isinf(x)) {
        return float_underflow(err);
    }
    *out = datum_real(result);
    return KY_OK;
}

static ky_status
validate_logarithm(double x, struct ky_error *err)
{
    if (x == 0.0) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_LOGARITHM,
                            "cannot take logarithm of zero");
    }
    if (x < 0) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_LOGARITHM,
                            "cannot take logarithm of a negative number");
    }
    return KY_OK;
}

SCALAR(float_ln)
{
    KY_TRY(validate_logarithm(args[0].real, err));
    *out = datum_real(log(args[0].real));
    return KY_OK;
}

SCALAR(float_log10)
{
    KY_TRY(validate_logarithm(args[0].real, err));
    *out = datum_real(log10(args[0].real));
    return KY_OK;
}

SCALAR(float_power)
{
    const double a = args[0].real;
    const double b = args[1].real;
    if (a == 0.0 && b < 0) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                            "zero raised to a negative power is undefined");
    }
    if (a < 0 && !isnan(b) && !isinf(b) && floor(b) != b) {
        return ky_error_set(
            err, KY_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            "a negative number raised to a non-integer power yields a complex result");
    }
    const double result = pow(a, b);
    if (isinf(result) && !isinf(a) && !isinf(b)) {
        return float_overflow(err);
    }
    if (result == 0.0 && a != 0.0 && !isinf(a) && !isinf(b)) {
        return float_underflow(err);
    }
    *out = datum_real(result);
    return KY_OK;
}

SCALAR(float_pi)
{
    *out = datum_real(M_PI);
    return KY_OK;
}

SCALAR(float_larger)
{
    *out = float_compare(args[0].real, args[1].real) > 0 ? args[0] : args[1];
    return KY_OK;
}

SCALAR(float_smaller)
{
    *out = float_compare(args[0].real, args[1].real) < 0 ? args[0] : args[1];
    return KY_OK;
}

SCALAR(float_width_bucket)
{
    const double x = args[0].real;
    const double low = args[1].real;
    const double high = args[2].real;
    const int64_t count = args[3].word;
    if (count <= 0) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                            "count must be greater than zero");
    }
    if (isnan(x) || isnan(low) || isnan(high)) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                            "operand, lower bound, and upper bound cannot be NaN");
    }
    if (isinf(low) || isinf(high)) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                            "lower and upper bounds must be finite");
    }
    if (low == high) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                            "lower bound cannot equal upper bound");
    }
    const bool is_rising = low < high;
    int64_t bucket;
    if (is_rising ? x < low : x > low) {
        bucket = 0;
    } else if (is_rising ? x >= high : x <= high) {
        if (count == INT32_MAX) {
            return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        }
        bucket = count + 1;
    } else {
        bucket = (int64_t)((double)count * ((x - low) / (high - low))) + 1;
        bucket = KY_MIN(bucket, count);
    }
    *out = datum_word(bucket);
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(204, "float4pl", OID_FLOAT4, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT4), .scalar = float_add4,
         .kernel = float_add4_kernel),
    FUNC(218, "float8pl", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8), .scalar = float_add8,
         .kernel = float_add8_kernel),
    FUNC(281, "float48pl", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT8),
         .scalar = float_add8, .kernel = float_add8_kernel),
    FUNC(285, "float84pl", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT4),
         .scalar = float_add8, .kernel = float_add8_kernel),
    FUNC(205, "float4mi", OID_FLOAT4, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT4), .scalar = float_sub4,
         .kernel = float_sub4_kernel),
    FUNC(219, "float8mi", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8), .scalar = float_sub8,
         .kernel = float_sub8_kernel),
    FUNC(282, "float48mi", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT8),
         .scalar = float_sub8, .kernel = float_sub8_kernel),
    FUNC(286, "float84mi", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT4),
         .scalar = float_sub8, .kernel = float_sub8_kernel),
    FUNC(202, "float4mul", OID_FLOAT4, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT4),
         .scalar = float_mul4, .kernel = float_mul4_kernel),
    FUNC(216, "float8mul", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8),
         .scalar = float_mul8, .kernel = float_mul8_kernel),
    FUNC(279, "float48mul", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT8),
         .scalar = float_mul8, .kernel = float_mul8_kernel),
    FUNC(283, "float84mul", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT4),
         .scalar = float_mul8, .kernel = float_mul8_kernel),
    FUNC(203, "float4div", OID_FLOAT4, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT4),
         .scalar = float_div4, .kernel = float_div4_kernel),
    FUNC(217, "float8div", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8),
         .scalar = float_div8, .kernel = float_div8_kernel),
    FUNC(280, "float48div", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT8),
         .scalar = float_div8, .kernel = float_div8_kernel),
    FUNC(284, "float84div", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT4),
         .scalar = float_div8, .kernel = float_div8_kernel),
    FUNC(206, "float4um", OID_FLOAT4, 'i', true, ARGS(OID_FLOAT4), .scalar = float_negate),
    FUNC(1913, "float4up", OID_FLOAT4, 'i', true, ARGS(OID_FLOAT4), .scalar = float_same),
    FUNC(207, "float4abs", OID_FLOAT4, 'i', true, ARGS(OID_FLOAT4), .scalar = float_abs),
    FUNC(1394, "abs", OID_FLOAT4, 'i', true, ARGS(OID_FLOAT4), .scalar = float_abs),
    FUNC(209, "float4larger", OID_FLOAT4, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT4),
         .scalar = float_larger),
    FUNC(211, "float4smaller", OID_FLOAT4, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT4),
         .scalar = float_smaller),
    FUNC(220, "float8um", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_negate),
    FUNC(1914, "float8up", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_same),
    FUNC(221, "float8abs", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_abs),
    FUNC(1395, "abs", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_abs),
    FUNC(223, "float8larger", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8),
         .scalar = float_larger),
    FUNC(224, "float8smaller", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8),
         .scalar = float_smaller),
    FUNC(228, "dround", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_round),
    FUNC(1342, "round", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_round),
    FUNC(2308, "ceil", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_ceil),
    FUNC(2320, "ceiling", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_ceil),
    FUNC(2309, "floor", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_floor),
    FUNC(1343, "trunc", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_trunc),
    FUNC(229, "dtrunc", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_trunc),
    FUNC(2310, "sign", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_sign),
    FUNC(1345, "cbrt", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_cbrt),
    FUNC(231, "dcbrt", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_cbrt),
    FUNC(1608, "degrees", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_degrees),
    FUNC(1609, "radians", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_radians),
    FUNC(1602, "atan", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_atan),
    FUNC(2464, "tanh", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_tanh),
    FUNC(2465, "asinh", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_asinh),
    FUNC(1604, "sin", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_sin),
    FUNC(1605, "cos", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_cos),
    FUNC(1606, "tan", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_tan),
    FUNC(1607, "cot", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_cot),
    FUNC(1600, "asin", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_asin),
    FUNC(1601, "acos", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_acos),
    FUNC(2466, "acosh", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_acosh),
    FUNC(2462, "sinh", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_sinh),
    FUNC(2463, "cosh", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_cosh),
    FUNC(2467, "atanh", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_atanh),
    FUNC(1603, "atan2", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8), .scalar = float_atan2),
    FUNC(1344, "sqrt", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_sqrt),
    FUNC(230, "dsqrt", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_sqrt),
    FUNC(1347, "exp", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_exp),
    FUNC(233, "dexp", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_exp),
    FUNC(1341, "ln", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_ln),
    FUNC(234, "dlog1", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_ln),
    FUNC(1340, "log", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_log10),
    FUNC(1194, "log10", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_log10),
    FUNC(1339, "dlog10", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = float_log10),
    FUNC(1368, "power", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8), .scalar = float_power),
    FUNC(1346, "pow", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8), .scalar = float_power),
    FUNC(232, "dpow", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8), .scalar = float_power),
    FUNC(1610, "pi", OID_FLOAT8, 'i', true, NO_ARGS, .scalar = float_pi),
    FUNC(320, "width_bucket", OID_INT4, 'i', true,
         ARGS(OID_FLOAT8, OID_FLOAT8, OID_FLOAT8, OID_INT4), .scalar = float_width_bucket),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(584, "-", OID_NONE, OID_FLOAT4, OID_FLOAT4, 206, 0, 0, 0, false),
    OPERATOR(585, "-", OID_NONE, OID_FLOAT8, OID_FLOAT8, 220, 0, 0, 0, false),
    OPERATOR(586, "+", OID_FLOAT4, OID_FLOAT4, OID_FLOAT4, 204, 586, 0, 0, false),
    OPERATOR(587, "-", OID_FLOAT4, OID_FLOAT4, OID_FLOAT4, 205, 0, 0, 0, false),
    OPERATOR(588, "/", OID_FLOAT4, OID_FLOAT4, OID_FLOAT4, 203, 0, 0, 0, false),
    OPERATOR(589, "*", OID_FLOAT4, OID_FLOAT4, OID_FLOAT4, 202, 589, 0, 0, false),
    OPERATOR(590, "@", OID_NONE, OID_FLOAT4, OID_FLOAT4, 207, 0, 0, 0, false),
    OPERATOR(591, "+", OID_FLOAT8, OID_FLOAT8, OID_FLOAT8, 218, 591, 0, 0, false),
    OPERATOR(592, "-", OID_FLOAT8, OID_FLOAT8, OID_FLOAT8, 219, 0, 0, 0, false),
    OPERATOR(593, "/", OID_FLOAT8, OID_FLOAT8, OID_FLOAT8, 217, 0, 0, 0, false),
    OPERATOR(594, "*", OID_FLOAT8, OID_FLOAT8, OID_FLOAT8, 216, 594, 0, 0, false),
    OPERATOR(595, "@", OID_NONE, OID_FLOAT8, OID_FLOAT8, 221, 0, 0, 0, false),
    OPERATOR(596, "|/", OID_NONE, OID_FLOAT8, OID_FLOAT8, 230, 0, 0, 0, false),
    OPERATOR(597, "||/", OID_NONE, OID_FLOAT8, OID_FLOAT8, 231, 0, 0, 0, false),
    OPERATOR(965, "^", OID_FLOAT8, OID_FLOAT8, OID_FLOAT8, 232, 0, 0, 0, false),
    OPERATOR(1116, "+", OID_FLOAT4, OID_FLOAT8, OID_FLOAT8, 281, 1126, 0, 0, false),
    OPERATOR(1117, "-", OID_FLOAT4, OID_FLOAT8, OID_FLOAT8, 282, 0, 0, 0, false),
    OPERATOR(1118, "/", OID_FLOAT4, OID_FLOAT8, OID_FLOAT8, 280, 0, 0, 0, false),
    OPERATOR(1119, "*", OID_FLOAT4, OID_FLOAT8, OID_FLOAT8, 279, 1129, 0, 0, false),
    OPERATOR(1126, "+", OID_FLOAT8, OID_FLOAT4, OID_FLOAT8, 285, 1116, 0, 0, false),
    OPERATOR(1127, "-", OID_FLOAT8, OID_FLOAT4, OID_FLOAT8, 286, 0, 0, 0, false),
    OPERATOR(1128, "/", OID_FLOAT8, OID_FLOAT4, OID_FLOAT8, 284, 0, 0, 0, false),
    OPERATOR(1129, "*", OID_FLOAT8, OID_FLOAT4, OID_FLOAT8, 283, 1119, 0, 0, false),
    OPERATOR(1919, "+", OID_NONE, OID_FLOAT4, OID_FLOAT4, 1913, 0, 0, 0, false),
    OPERATOR(1920, "+", OID_NONE, OID_FLOAT8, OID_FLOAT8, 1914, 0, 0, 0, false),
};

const struct func_table func_table_float = {funcs, KY_COUNT_OF(funcs), operators,
                                            KY_COUNT_OF(operators)};
