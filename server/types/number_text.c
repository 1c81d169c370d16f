/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of integers and floats.
 *
 * Reading a float: a decimal with few enough digits is one exact multiplication or division
 * (Clinger 1990); the rest goes to strtod, which rounds correctly. A float4 is that float8 rounded
 * once more: the same as rounding the decimal, unless the float8 is a midpoint of two float4, on
 * either side of which the decimal may lie.
 *
 * Writing the fewest digits that read back as the same float: for n = 15, 16, 17 digits (6..9 for
 * float4) take the n-digit decimal r * 10^m nearest to the value, and accept it when it lies
 * strictly between the midpoints to the neighbouring floats (PostgreSQL refuses the midpoints
 * themselves, though reading may round them the right way: 1e23 prints as 9.999999999999999e+22).
 * Decimals of 15 digits are further apart than floats, so the 15-digit candidate without its
 * trailing zeros is the shortest of all if it is good. r and 10^27 are exact in a 64-bit mantissa,
 * a single division or multiplication rounds monotonically, and the midpoints are exact; so a
 * computed value strictly between the midpoints proves the same of the true one. Whatever this
 * cannot decide (huge and tiny exponents, subnormals, ties) goes to snprintf and back.
 */
#include "server/types/number_text.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/types/types_private.h"

enum number_status
number_parse_int(struct ky_slice text, int64_t min, int64_t max, int64_t *out)
{
    const char *p = text.size == 0 ? "" : text.data;
    const char *end = p + text.size;
    while (p < end && type_is_space(*p)) {
        p++;
    }
    bool is_negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    if (p == end || *p < '0' || *p > '9') {
        return NUMBER_SYNTAX;
    }
    uint64_t limit = is_negative ? 0 - (uint64_t)min : (uint64_t)max;
    uint64_t value = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > (limit - digit) / 10 || digit > limit) {
            return NUMBER_RANGE;
        }
        value = value * 10 + digit;
    }
    while (p < end && type_is_space(*p)) {
        p++;
    }
    if (p != end) {
        return NUMBER_SYNTAX;
    }
    *out = (int64_t)(is_negative ? 0 - value : value);
    return NUMBER_OK;
}

static const double EXACT_POWER[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Sign, digits and exponent of plain decimal text. */
struct decimal {
    uint64_t mantissa;
    int exponent;
    bool is_negative;
    bool is_exact; /* the mantissa holds all digits */
};

/* Size of the decimal at the start of [p, end), 0 when there is none. */
static size_t
scan_decimal(const char *p, const char *end, struct decimal *out)
{
    const char *start = p;
    *out = (struct decimal){.is_exact = true};
    if (p < end && (*p == '-' || *p == '+')) {
        out->is_negative = *p++ == '-';
    }
    int digit_count = 0;
    bool has_digits = false;
    bool is_fraction = false;
    for (; p < end; p++) {
        if (*p == '.' && !is_fraction) {
            is_fraction = true;
            continue;
        }
        if (*p < '0' || *p > '9') {
            break;
        }
        has_digits = true;
        if (digit_count < 18) {
            out->mantissa = out->mantissa * 10 + (uint64_t)(*p - '0');
            digit_count += out->mantissa != 0;
            out->exponent -= is_fraction;
        } else {
            out->is_exact = false;
        }
    }
    if (!has_digits) {
        return 0;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        const char *mark = p++;
        bool is_minus = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) {
            p++;
        }
        if (p == end || *p < '0' || *p > '9') {
            return (size_t)(mark - start);
        }
        int exponent = 0;
        for (; p < end && *p >= '0' && *p <= '9'; p++) {
            exponent = exponent < 100000 ? exponent * 10 + (*p - '0') : exponent;
        }
        out->exponent += is_minus ? -exponent : exponent;
    }
    return (size_t)(p - start);
}

/* False: not so simple. */
static bool
decimal_to_double(const struct decimal *decimal, double *out)
{
    enum { POWER_MAX = 22 };
    if (!decimal->is_exact || decimal->mantissa > UINT64_C(1) << 53 ||
        decimal->exponent < -POWER_MAX || decimal->exponent > POWER_MAX) {
        return false;
    }
    double value = (double)decimal->mantissa;
    if (decimal->exponent < 0) {
        value /= EXACT_POWER[-decimal->exponent];
    } else {
        value *= EXACT_POWER[decimal->exponent];
    }
    *out = decimal->is_negative ? -value : value;
    return true;
}

static bool
decimal_to_float(const struct decimal *decimal, float *out)
{
    const uint64_t below_float = (UINT64_C(1) << 29) - 1; /* bits that a float4 does not have */
    double value = 0;
    uint64_t bits = 0;
    if (!decimal_to_double(decimal, &value)) {
        return false;
    }
    memcpy(&bits, &value, sizeof(bits));
    const double size = fabs(value);
    if ((bits & below_float) == (below_float + 1) / 2 ||
        (size != 0 && (size < (double)FLT_MIN || size > (double)FLT_MAX))) {
        return false;
    }
    *out = (float)value;
    return true;
}

/* strtod on a zero-terminated copy. *is_range_out as errno has it. */
static size_t
parse_slow(const char *p, size_t size, bool is_float, double *out, bool *is_range_out)
{
    char small[128];
    char *copy = size < sizeof(small) ? small : ky_malloc(size + 1);
    memcpy(copy, p, size);
    copy[size] = '\0';
    char *stop;
    errno = 0;
    *out = is_float ? (double)strtof(copy, &stop) : strtod(copy, &stop);
    *is_range_out = errno == ERANGE;
    size_t used = (size_t)(stop - copy);
    if (copy != small) {
        ky_free(copy);
    }
    return used;
}

static enum number_status
parse_real(struct ky_slice text, bool is_float, double *out)
{
    struct ky_slice trimmed = type_trim(text);
    const char *p = trimmed.data;
    struct decimal decimal;
    size_t size = trimmed.size == 0 ? 0 : scan_decimal(p, p + trimmed.size, &decimal);
    float narrow = 0;
    if (size == trimmed.size && size > 0 && !is_float && decimal_to_double(&decimal, out)) {
        return NUMBER_OK;
    }
    if (size == trimmed.size && size > 0 && is_float && decimal_to_float(&decimal, &narrow)) {
        *out = (double)narrow;
        return NUMBER_OK;
    }
    if (trimmed.size == 0) {
        return NUMBER_SYNTAX;
    }
    bool is_range = false;
    double value = 0;
    if (parse_slow(p, trimmed.size, is_float, &value, &is_range) != trimmed.size) {
        return NUMBER_SYNTAX;
    }
    /* A subnormal result is reported by strtod too, and is fine. */
    if (is_range && (value == 0 || isinf(value))) {
        return NUMBER_RANGE;
    }
    *out = isnan(value) ? (double)NAN : value;
    return NUMBER_OK;
}

enum number_status
number_parse_double(struct ky_slice text, double *out)
{
    return parse_real(text, false, out);
}

enum number_status
number_parse_float(struct ky_slice text, float *out)
{
    double value;
    enum number_status status = parse_real(text, true, &value);
    if (status == NUMBER_OK) {
        *out = (float)value;
    }
    return status;
}

size_t
number_scan_float(struct ky_slice text, float *out, bool *is_overflow_out)
{
    const char *p = text.data;
    struct decimal decimal;
    *is_overflow_out = false;
    size_t size = text.size == 0 ? 0 : scan_decimal(p, p + text.size, &decimal);
    if (size > 0 && decimal_to_float(&decimal, out)) {
        return size;
    }
    bool is_range = false;
    double value = 0;
    /* Without a decimal it may still be "NaN" or "Infinity": enough text for these. */
    size = parse_slow(p, size > 0 ? size : KY_MIN(text.size, (size_t)16), true, &value, &is_range);
    *is_overflow_out = is_range && isinf(value);
    *out = (float)value;
    return size;
}

static const char DIGIT_PAIRS[] =
    "00010203040506070809101112131415161718192021222324252627282930313233"
    "34353637383940414243444546474849505152535455565758596061626364656667"
    "6869707172737475767778798081828384858687888990919293949596979899";

size_t
number_format_uint(uint64_t value, char *text)
{
    char digits[20];
    size_t place = sizeof(digits);
    while (value >= 100) {
        place -= 2;
        memcpy(digits + place, DIGIT_PAIRS + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        place -= 2;
        memcpy(digits + place, DIGIT_PAIRS + value * 2, 2);
    } else {
        digits[--place] = (char)('0' + value);
    }
    memcpy(text, digits + place, sizeof(digits) - place);
    return sizeof(digits) - place;
}

size_t
number_format_int(int64_t value, char *text)
{
    if (value >= 0) {
        return number_format_uint((uint64_t)value, text);
    }
    text[0] = '-';
    return 1 + number_format_uint(0 - (uint64_t)value, text + 1);
}

/* What distinguishes float4 from float8 here. */
struct float_shape {
    int digits_sure;   /* any decimal of so many digits is its own float */
    int digits_enough; /* any float is its own decimal of so many digits */
    bool is_float;
};
static const struct float_shape SHAPE_FLOAT = {6, 9, true};
static const struct float_shape SHAPE_DOUBLE = {15, 17, false};

enum { POWER_EXACT_MAX = 27 };

/* Digits and exponent: value = digits * 10^exponent. */
struct shortest {
    uint64_t digits;
    int exponent;
};

static long double
power_of_ten(int exponent)
{
    static const long double POWERS[POWER_EXACT_MAX + 1] = {
        1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
        1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
        1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
    return POWERS[exponent];
}

/* digits * 10^exponent, rounded once. */
static long double
scaled(long double digits, int exponent)
{
    return exponent < 0 ? digits / power_of_ten(-exponent) : digits * power_of_ten(exponent);
}

static struct shortest
strip_zeros(struct shortest s)
{
    while (s.digits % 10 == 0) {
        s.digits /= 10;
        s.exponent++;
    }
    return s;
}

/* The open interval of numbers that read back as a value. Its ends are exact. */
struct interval_around {
    long double low;
    long double high;
    bool is_lopsided; /* a power of two: the gap below is half the gap above */
};

static struct interval_around
interval_of(double value, const struct float_shape *shape)
{
    double below = shape->is_float ? (double)nextafterf((float)value, 0.0F) : nextafter(value, 0);
    int exponent;
    bool is_power = frexp(value, &exponent) == 0.5;
    double smallest = shape->is_float ? (double)FLT_MIN : DBL_MIN;
    bool is_lopsided = is_power && value > smallest;
    long double gap = (long double)value - (long double)below;
    return (struct interval_around){(long double)value - gap / 2,
                                    (long double)value + (is_lopsided ? gap : gap / 2),
                                    is_lopsided};
}

/* Whether s is exactly bound, which only small powers of five allow. */
static bool
is_exactly(struct shortest s, long double bound)
{
    if (s.exponent > 23 || s.exponent < -24) {
        return false;
    }
    uint64_t five = 1;
    for (int i = 0; i < abs(s.exponent); i++) {
        five *= 5;
    }
    if (s.exponent < 0 && s.digits % five != 0) {
        return false;
    }
    unsigned __int128 left = s.exponent < 0 ? s.digits / five : (unsigned __int128)s.digits * five;
    int left_exponent = s.exponent;
    for (; left % 2 == 0; left /= 2) {
        left_exponent++;
    }
    int right_exponent;
    uint64_t right = (uint64_t)ldexpl(frexpl(bound, &right_exponent), 64);
    right_exponent -= 64;
    for (; right % 2 == 0; right /= 2) {
        right_exponent++;
    }
    return left == right && left_exponent == right_exponent;
}

enum verdict { VERDICT_IN, VERDICT_OUT, VERDICT_UNSURE };

static enum verdict
judge(long double digits, int exponent, const struct interval_around *around)
{
    long double back = scaled(digits, exponent);
    if (back > around->low && back < around->high) {
        return VERDICT_IN;
    }
    if (back == around->low || back == around->high) {
        struct shortest s = {(uint64_t)digits, exponent};
        return is_exactly(s, back) ? VERDICT_OUT : VERDICT_UNSURE;
    }
    return VERDICT_OUT;
}

/* floor(log10(value)) or one less, from the binary exponent. */
static int
estimate_exponent(double value)
{
    int binary_exponent;
    frexp(value, &binary_exponent);
    return (int)floor((binary_exponent - 1) * 0.30102999566398120);
}

/* The fast way; false when it cannot decide. value is positive, finite and normal. */
static bool
shortest_fast(double value, const struct float_shape *shape, struct shortest *out)
{
    int exponent10 = estimate_exponent(value);
    if (exponent10 - shape->digits_enough < -POWER_EXACT_MAX || exponent10 + 2 > POWER_EXACT_MAX) {
        return false;
    }
    if (scaled((long double)value, -exponent10) >= 10) {
        exponent10++;
    }
    struct interval_around around = interval_of(value, shape);
    for (int n = shape->digits_sure; n <= shape->digits_enough; n++) {
        int exponent = exponent10 - n + 1;
        long double exact = scaled((long double)value, -exponent);
        long double whole = (long double)(uint64_t)exact;
        long double fraction = exact - whole;
        if (n > shape->digits_sure && fraction > 0.49L && fraction < 0.51L) {
            return false;
        }
        long double digits = fraction < 0.5L ? whole : whole + 1;
        enum verdict verdict = judge(digits, exponent, &around);
        if (verdict == VERDICT_OUT && around.is_lopsided) {
            digits += 1;
            verdict = judge(digits, exponent, &around);
        }
        if (verdict == VERDICT_UNSURE) {
            return false;
        }
        if (verdict == VERDICT_IN) {
            *out = strip_zeros((struct shortest){(uint64_t)digits, exponent});
            return true;
        }
    }
    return false;
}

static bool
reads_back(struct shortest s, double value, const struct float_shape *shape,
           const struct interval_around *around)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "%" PRIu64 "e%d", s.digits, s.exponent);
    KY_ASSERT(size > 0);
    double back = shape->is_float ? (double)strtof(text, NULL) : strtod(text, NULL);
    return back == value && !is_exactly(s, around->low) && !is_exactly(s, around->high);
}

/* The slow way, for the rest: print and read back. */
static struct shortest
shortest_slow(double value, const struct float_shape *shape)
{
    struct interval_around around = interval_of(value, shape);
    struct shortest s = {0, 0};
    for (int n = 1; n <= shape->digits_enough; n++) {
        char text[64];
        int size = snprintf(text, sizeof(text), "%.*e", n - 1, value);
        KY_ASSERT(size > 0);
        s.digits = 0;
        const char *p = text;
        for (; *p != 'e'; p++) {
            if (*p != '.') {
                s.digits = s.digits * 10 + (uint64_t)(*p - '0');
            }
        }
        s.exponent = (int)strtol(p + 1, NULL, 10) - n + 1;
        if (reads_back(s, value, shape, &around)) {
            break;
        }
        struct shortest higher = {s.digits + 1, s.exponent};
        if (around.is_lopsided && reads_back(higher, value, shape, &around)) {
            s = higher;
            break;
        }
    }
    return strip_zeros(s);
}

/* Digits as %g would lay them out: exponents below -4 and from limit on in scientific form. */
static size_t
layout(struct shortest s, int limit, char *text)
{
    char digits[24];
    int count = (int)number_format_uint(s.digits, digits);
    int exponent = s.exponent + count - 1;
    char *p = text;
    if (exponent < -4 || exponent >= limit) {
        *p++ = digits[0];
        if (count > 1) {
            *p++ = '.';
            memcpy(p, digits + 1, (size_t)count - 1);
            p += count - 1;
        }
        *p++ = 'e';
        *p++ = exponent < 0 ? '-' : '+';
        uint64_t magnitude = (uint64_t)abs(exponent);
        if (magnitude < 10) {
            *p++ = '0';
        }
        return (size_t)(p - text) + number_format_uint(magnitude, p);
    }
    if (exponent < 0) {
        *p++ = '0';
        *p++ = '.';
        memset(p, '0', (size_t)(-exponent - 1));
        p += -exponent - 1;
        memcpy(p, digits, (size_t)count);
        return (size_t)(p - text) + (size_t)count;
    }
    for (int i = 0; i <= exponent || i < count; i++) {
        if (i == exponent + 1) {
            *p++ = '.';
        }
        *p++ = i < count ? digits[i] : '0';
    }
    return (size_t)(p - text);
}

/*
 * shortest_fast for float4 in plain doubles: 9 digits and the midpoints' 25 bits leave 53 bits room
 * enough, and 10^22 is exact. Bounds that are hit are left to the slow way.
 */
static bool
shortest_float_fast(float value, struct shortest *out)
{
    int binary_exponent;
    bool is_power_of_two = frexpf(value, &binary_exponent) == 0.5F;
    int exponent10 = estimate_exponent((double)value);
    if (is_power_of_two || exponent10 < -13 || exponent10 > 20) {
        return false;
    }
    double wide = (double)value;
    if (wide >=
        (exponent10 + 1 < 0 ? 1 / EXACT_POWER[-exponent10 - 1] : EXACT_POWER[exponent10 + 1])) {
        exponent10++;
    }
    double half_gap = (wide - (double)nextafterf(value, 0.0F)) / 2;
    double low = wide - half_gap;
    double high = wide + half_gap;
    for (int n = 6; n <= 9; n++) {
        int power = n - 1 - exponent10;
        double exact = power < 0 ? wide / EXACT_POWER[-power] : wide * EXACT_POWER[power];
        double digits = floor(exact);
        double fraction = exact - digits;
        if (fraction > 0.4999 && fraction < 0.5001) {
            return false;
        }
        digits += fraction > 0.5;
        double back = power < 0 ? digits * EXACT_POWER[-power] : digits / EXACT_POWER[power];
        if (back == low || back == high) {
            return false;
        }
        if (back > low && back < high) {
            *out = strip_zeros((struct shortest){(uint64_t)digits, -power});
            return true;
        }
    }
    return false;
}

static bool
find_fast(double value, const struct float_shape *shape, struct shortest *out)
{
    if (shape->is_float && shortest_float_fast((float)value, out)) {
        return true;
    }
    return shortest_fast(value, shape, out);
}

static size_t
format_real(double value, int extra_digits, const struct float_shape *shape, char *text)
{
    if (isnan(value)) {
        memcpy(text, "NaN", 3);
        return 3;
    }
    if (isinf(value)) {
        memcpy(text, value < 0 ? "-Infinity" : "Infinity", value < 0 ? 9 : 8);
        return value < 0 ? 9 : 8;
    }
    if (extra_digits <= 0) {
        int digits = KY_MAX(shape->digits_sure + extra_digits, 1);
        return (size_t)snprintf(text, NUMBER_TEXT_SIZE_MAX, "%.*g", digits, value);
    }
    size_t sign = signbit(value) ? 1 : 0;
    text[0] = '-';
    value = fabs(value);
    if (value == 0) {
        text[sign] = '0';
        return sign + 1;
    }
    if (value < 1e15 && value == (double)(uint64_t)value && (!shape->is_float || value < 1e6)) {
        return sign + number_format_uint((uint64_t)value, text + sign);
    }
    struct shortest s;
    double smallest = shape->is_float ? (double)FLT_MIN : DBL_MIN;
    if (value < smallest || !find_fast(value, shape, &s)) {
        s = shortest_slow(value, shape);
    }
    return sign + layout(s, shape->digits_sure, text + sign);
}

size_t
number_format_double(double value, int extra_digits, char *text)
{
    return format_real(value, extra_digits, &SHAPE_DOUBLE, text);
}

size_t
number_format_float(float value, int extra_digits, char *text)
{
    return format_real((double)value, extra_digits, &SHAPE_FLOAT, text);
}
