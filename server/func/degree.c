/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/func_private.h"

/*
 * Trigonometry in degrees. Angles are brought to the first quadrant, where sine and cosine are
 * scaled so that 30 and 60 degrees give 0.5 exactly, and the others follow: what is exact in
 * degrees is exact here. The constants are computed when the program runs, by the same library that
 * computes what is divided by them.
 */

static volatile const double thirty = 30.0, forty_five = 45.0, sixty = 60.0, one = 1.0, half = 0.5;

static double
radians(double degrees)
{
    return degrees * (M_PI / 180.0);
}

/* For 0 to 30. */
static double
sine_of_few(double x)
{
    return sin(radians(x)) / sin(radians(thirty)) / 2.0;
}

/* For 0 to 60. */
static double
cosine_of_few(double x)
{
    return 1.0 - (1.0 - cos(radians(x))) / (1.0 - cos(radians(sixty))) / 2.0;
}

static double
sine_of_quarter(double x)
{
    return x <= 30.0 ? sine_of_few(x) : cosine_of_few(90.0 - x);
}

static double
cosine_of_quarter(double x)
{
    return x <= 60.0 ? cosine_of_few(x) : sine_of_few(90.0 - x);
}

/* An angle of the first quadrant and the signs that functions of the angle itself have. */
struct quarter {
    double angle;
    double sine_sign, cosine_sign;
};

static struct quarter
to_quarter(double x)
{
    struct quarter q = {fmod(x, 360.0), 1, 1};
    if (q.angle < 0.0) {
        q.angle = -q.angle;
        q.sine_sign = -q.sine_sign;
    }
    if (q.angle > 180.0) {
        q.angle = 360.0 - q.angle;
        q.sine_sign = -q.sine_sign;
    }
    if (q.angle > 90.0) {
        q.angle = 180.0 - q.angle;
        q.cosine_sign = -1;
    }
    return q;
}

static double
sine(double x)
{
    const struct quarter q = to_quarter(x);
    return q.sine_sign * sine_of_quarter(q.angle);
}

static double
cosine(double x)
{
    const struct quarter q = to_quarter(x);
    return q.cosine_sign * cosine_of_quarter(q.angle);
}

static double
tangent(double x)
{
    const struct quarter q = to_quarter(x);
    const double unit = sine_of_quarter(forty_five) / cosine_of_quarter(forty_five);
    const double result = q.sine_sign * q.cosine_sign *
                          (sine_of_quarter(q.angle) / cosine_of_quarter(q.angle) / unit);
    return result == 0.0 ? 0.0 : result;
}

static double
cotangent(double x)
{
    const struct quarter q = to_quarter(x);
    const double unit = cosine_of_quarter(forty_five) / sine_of_quarter(forty_five);
    const double result = q.sine_sign * q.cosine_sign *
                          (cosine_of_quarter(q.angle) / sine_of_quarter(q.angle) / unit);
    return result == 0.0 ? 0.0 : result;
}

static double
arc_sine_of_positive(double x)
{
    return x <= 0.5 ? asin(x) / asin(half) * 30.0 : 90.0 - acos(x) / acos(half) * 60.0;
}

static double
arc_cosine_of_positive(double x)
{
    return x <= 0.5 ? 90.0 - asin(x) / asin(half) * 30.0 : acos(x) / acos(half) * 60.0;
}

static double
arc_sine(double x)
{
    return x >= 0.0 ? arc_sine_of_positive(x) : -arc_sine_of_positive(-x);
}

static double
arc_cosine(double x)
{
    return x >= 0.0 ? arc_cosine_of_positive(x) : 90.0 + arc_sine_of_positive(-x);
}

static ky_status
apply(double (*function)(double), bool is_bad, const struct datum *args, struct datum *out,
      struct ky_error *err)
{
    if (isnan(args[0].real)) {
        *out = datum_real((double)NAN);
        return KY_OK;
    }
    if (is_bad) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range");
    }
    *out = datum_real(function(args[0].real));
    return KY_OK;
}

#define DEGREES(name, function, is_bad)                   \
    SCALAR(name)                                          \
    {                                                     \
        const double x = args[0].real;                    \
        return apply(function, (is_bad), args, out, err); \
    }
DEGREES(sind_scalar, sine, isinf(x))
DEGREES(cosd_scalar, cosine, isinf(x))
DEGREES(tand_scalar, tangent, isinf(x))
DEGREES(cotd_scalar, cotangent, isinf(x))
DEGREES(asind_scalar, arc_sine, x<-1.0 || x> 1.0)
DEGREES(acosd_scalar, arc_cosine, x<-1.0 || x> 1.0)

SCALAR(atand_scalar)
{
    *out = datum_real(atan(args[0].real) / atan(one) * 45.0);
    return KY_OK;
}

SCALAR(atan2d_scalar)
{
    *out = datum_real(atan2(args[0].real, args[1].real) / atan(one) * 45.0);
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(2731, "asind", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = asind_scalar),
    FUNC(2732, "acosd", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = acosd_scalar),
    FUNC(2733, "atand", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = atand_scalar),
    FUNC(2734, "atan2d", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8),
         .scalar = atan2d_scalar),
    FUNC(2735, "sind", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = sind_scalar),
    FUNC(2736, "cosd", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = cosd_scalar),
    FUNC(2737, "tand", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = tand_scalar),
    FUNC(2738, "cotd", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT8), .scalar = cotd_scalar),
};

const struct func_table func_table_degree = {funcs, KY_COUNT_OF(funcs), NULL, 0};
