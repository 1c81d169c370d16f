/* SPDX-License-Identifier: Apache-2.0 */

/*
 * sqrt, exp, ln and power. Result scales are PostgreSQL's. The digits are computed in binary
 * fixed point (an integer over 2^bits) with dozens of guard bits and rounded once, so they are
 * the correctly rounded ones.
 *
 *     ln x   x = m * 2^k, m near 1; a few square roots bring m closer; 2 atanh((m-1)/(m+1))
 *     exp x  x = k ln 2 + r; r halved a few times; Taylor; squared back
 *     ln 2   18 atanh(1/26) - 2 atanh(1/4801) + 8 atanh(1/8749)
 */

#include <limits.h>
#include <math.h>

#include "server/base/assert.h"
#include "server/types/numeric_private.h"

enum { GUARD_BITS = 64 };

static int
bits_for_digits(int digits)
{
    return (int)((double)digits * 3.3219280948873626) + 2;
}

/* atanh(1/n) in fixed point. */
static void
atanh_inverse(mpz_t out, unsigned long n, int bits)
{
    mpz_t power;
    mpz_t term;
    mpz_init_set_ui(power, 1);
    mpz_init(term);
    mpz_mul_2exp(power, power, (mp_bitcnt_t)bits);
    mpz_tdiv_q_ui(power, power, n);
    mpz_set(out, power);
    for (unsigned long odd = 3; mpz_sgn(power) != 0; odd += 2) {
        mpz_tdiv_q_ui(power, power, n * n);
        mpz_tdiv_q_ui(term, power, odd);
        mpz_add(out, out, term);
    }
    mpz_clear(term);
    mpz_clear(power);
}

static void
fixed_ln2(mpz_t out, int bits)
{
    mpz_t part;
    mpz_init(part);
    int work = bits + 32;
    atanh_inverse(out, 26, work);
    mpz_mul_ui(out, out, 18);
    atanh_inverse(part, 4801, work);
    mpz_submul_ui(out, part, 2);
    atanh_inverse(part, 8749, work);
    mpz_addmul_ui(out, part, 8);
    mpz_tdiv_q_2exp(out, out, 32);
    mpz_clear(part);
}

/* atanh(z) for a small fixed-point z, which is destroyed. */
static void
fixed_atanh(mpz_t out, mpz_t z, int bits)
{
    mpz_t square;
    mpz_t term;
    mpz_init(square);
    mpz_init(term);
    mpz_mul(square, z, z);
    mpz_tdiv_q_2exp(square, square, (mp_bitcnt_t)bits);
    mpz_set(out, z);
    for (unsigned long odd = 3; mpz_sgn(z) != 0; odd += 2) {
        mpz_mul(z, z, square);
        mpz_tdiv_q_2exp(z, z, (mp_bitcnt_t)bits);
        mpz_tdiv_q_ui(term, z, odd);
        mpz_add(out, out, term);
    }
    mpz_clear(term);
    mpz_clear(square);
}

/* ln(value / 10^scale) with an error far below 2^-bits_out. value > 0. */
static void
fixed_ln(mpz_t out, const mpz_t value, int scale, int bits_out)
{
    int roots = 4 + (int)sqrt((double)bits_out / 4);
    int bits = bits_out + 2 * roots + 32;
    mpz_t m;
    mpz_t divisor;
    mpz_t top;
    mpz_init_set(m, value);
    mpz_init(divisor);
    mpz_init(top);
    mpz_ui_pow_ui(divisor, 10, (unsigned long)scale);

    long k = (long)mpz_sizeinbase(value, 2) - (long)mpz_sizeinbase(divisor, 2);
    long shift = bits - k;
    if (shift >= 0) {
        mpz_mul_2exp(m, m, (mp_bitcnt_t)shift);
    } else {
        mpz_mul_2exp(divisor, divisor, (mp_bitcnt_t)-shift);
    }
    mpz_tdiv_q(m, m, divisor);
    /* m is in (1/2, 2); values near one stay near one, so that nothing cancels. */
    mpz_set_ui(top, 3);
    mpz_mul_2exp(top, top, (mp_bitcnt_t)(bits - 1));
    if (mpz_cmp(m, top) > 0) {
        mpz_tdiv_q_2exp(m, m, 1);
        k++;
    }
    mpz_tdiv_q_2exp(top, top, 1);
    if (mpz_cmp(m, top) < 0) {
        mpz_mul_2exp(m, m, 1);
        k--;
    }
    for (int i = 0; i < roots; i++) {
        mpz_mul_2exp(m, m, (mp_bitcnt_t)bits);
        mpz_sqrt(m, m);
    }
    mpz_set_ui(divisor, 1);
    mpz_mul_2exp(divisor, divisor, (mp_bitcnt_t)bits);
    mpz_sub(top, m, divisor);
    mpz_add(divisor, m, divisor);
    mpz_mul_2exp(top, top, (mp_bitcnt_t)bits);
    mpz_tdiv_q(top, top, divisor);
    fixed_atanh(out, top, bits);
    mpz_mul_2exp(out, out, (mp_bitcnt_t)(roots + 1));
    if (k != 0) {
        fixed_ln2(top, bits);
        mpz_mul_si(top, top, k);
        mpz_add(out, out, top);
    }
    mpz_tdiv_q_2exp(out, out, (mp_bitcnt_t)(bits - bits_out));
    mpz_clear(top);
    mpz_clear(divisor);
    mpz_clear(m);
}

/* exp(x / 2^bits) * 10^scale, rounded. digits is about how many digits the result has. */
static void
fixed_exp(mpz_t out, const mpz_t x, int bits, int scale)
{
    int halvings = 4 + (int)sqrt((double)bits / 4);
    int work = bits + halvings + 32;
    mpz_t r;
    mpz_t ln2;
    mpz_t k;
    mpz_t term;
    mpz_init(r);
    mpz_init(ln2);
    mpz_init(k);
    mpz_init(term);
    mpz_mul_2exp(r, x, (mp_bitcnt_t)(work - bits));
    fixed_ln2(ln2, work);
    mpz_fdiv_qr(k, r, r, ln2);
    mpz_tdiv_q_2exp(r, r, (mp_bitcnt_t)halvings);

    mpz_set_ui(out, 1);
    mpz_mul_2exp(out, out, (mp_bitcnt_t)work);
    mpz_set(term, out);
    for (unsigned long n = 1; mpz_sgn(term) != 0; n++) {
        mpz_mul(term, term, r);
        mpz_tdiv_q_2exp(term, term, (mp_bitcnt_t)work);
        mpz_tdiv_q_ui(term, term, n);
        mpz_add(out, out, term);
    }
    for (int i = 0; i < halvings; i++) {
        mpz_mul(out, out, out);
        mpz_tdiv_q_2exp(out, out, (mp_bitcnt_t)work);
    }

    numeric_mpz_scale_up(out, scale);
    long shift = mpz_get_si(k) - work;
    if (shift >= 0) {
        mpz_mul_2exp(out, out, (mp_bitcnt_t)shift);
    } else {
        mpz_set_ui(term, 1);
        mpz_mul_2exp(term, term, (mp_bitcnt_t)-shift);
        numeric_mpz_div_round(out, out, term);
    }
    mpz_clear(term);
    mpz_clear(k);
    mpz_clear(ln2);
    mpz_clear(r);
}

ky_status
numeric_sqrt(struct ky_arena *arena, struct ky_slice a, struct ky_slice *out, struct ky_error *err)
{
    if (numeric_is_nan(a) || numeric_form(a) == NUMERIC_PLUS_INFINITY) {
        *out = a;
        return KY_OK;
    }
    if (numeric_sign(a) < 0) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                            "cannot take square root of a negative number");
    }
    mpz_t value;
    numeric_big(a, value);
    int from = numeric_scale(a);
    int weight = (numeric_head(value, from).weight + 1) * 4 / 2 - 1;
    int scale = KY_MAX(NUMERIC_SIG_DIGITS_MIN - weight, from);
    scale = KY_MIN(KY_MAX(scale, 0), NUMERIC_DISPLAY_SCALE_MAX);
    /* One guard digit below the result; the rest decides only exact ties, which a root of a
     * number with this few digits cannot be. */
    int work = 2 * (scale + 1);
    if (work >= from) {
        numeric_mpz_scale_up(value, work - from);
    } else {
        mpz_t power;
        mpz_init(power);
        mpz_ui_pow_ui(power, 10, (unsigned long)(from - work));
        mpz_tdiv_q(value, value, power);
        mpz_clear(power);
    }
    mpz_sqrt(value, value);
    numeric_mpz_rescale(value, scale + 1, scale);
    ky_status status = numeric_store_checked(arena, value, scale, out, err);
    mpz_clear(value);
    return status;
}

static int
result_scale(int digits, int scale_a, int scale_b)
{
    int scale = KY_MAX(digits, KY_MAX(scale_a, scale_b));
    return KY_MIN(KY_MAX(scale, 0), NUMERIC_DISPLAY_SCALE_MAX);
}

ky_status
numeric_exp(struct ky_arena *arena, struct ky_slice a, struct ky_slice *out, struct ky_error *err)
{
    if (numeric_is_special(a)) {
        *out = numeric_form(a) == NUMERIC_MINUS_INFINITY ? numeric_store(arena, 0, 0) : a;
        return KY_OK;
    }
    double approximate = numeric_to_double(a);
    double decimal_weight = approximate * 0.434294481903252;
    decimal_weight = fmax(decimal_weight, -(double)NUMERIC_RESULT_SCALE_MAX);
    decimal_weight = fmin(decimal_weight, (double)NUMERIC_RESULT_SCALE_MAX);
    int scale = result_scale(NUMERIC_SIG_DIGITS_MIN - (int)decimal_weight, numeric_scale(a), 0);
    if (fabs(approximate) >= NUMERIC_RESULT_SCALE_MAX * 3) {
        if (approximate > 0) {
            return numeric_overflow(err);
        }
        *out = numeric_store(arena, 0, scale);
        return KY_OK;
    }
    int digits = (int)fmax(approximate * 0.434294481903252, 0) + scale + 2;
    int bits = bits_for_digits(digits) + GUARD_BITS;
    mpz_t x;
    mpz_t power;
    numeric_big(a, x);
    mpz_init(power);
    mpz_mul_2exp(x, x, (mp_bitcnt_t)bits);
    mpz_ui_pow_ui(power, 10, (unsigned long)numeric_scale(a));
    mpz_tdiv_q(x, x, power);
    fixed_exp(power, x, bits, scale);
    ky_status status = numeric_store_checked(arena, power, scale, out, err);
    mpz_clear(power);
    mpz_clear(x);
    return status;
}

/* About the decimal weight of ln(value / 10^scale). value > 0. */
static int
ln_weight(const mpz_t value, int scale)
{
    mpz_t one;
    mpz_t rest;
    mpz_t tenth;
    mpz_init_set_ui(one, 1);
    mpz_init(rest);
    mpz_init(tenth);
    numeric_mpz_scale_up(one, scale);
    mpz_sub(rest, value, one);
    mpz_mul_ui(tenth, rest, 10);
    int weight = 0;
    if (mpz_cmpabs(tenth, one) <= 0) {
        struct numeric_head head = numeric_head(rest, scale);
        if (head.first > 0) {
            weight = head.weight * 4 + (int)log10((double)head.first);
        }
    } else {
        struct numeric_head head = numeric_head(value, scale);
        double digits = head.first;
        int shift = head.weight * 4;
        if (!head.is_single) {
            digits = digits * 10000 + head.second;
            shift -= 4;
        }
        weight = (int)log10(fabs(log(digits) + shift * 2.302585092994046));
    }
    mpz_clear(tenth);
    mpz_clear(rest);
    mpz_clear(one);
    return weight;
}

ky_status
numeric_ln(struct ky_arena *arena, struct ky_slice a, struct ky_slice *out, struct ky_error *err)
{
    if (numeric_is_nan(a) || numeric_form(a) == NUMERIC_PLUS_INFINITY) {
        *out = a;
        return KY_OK;
    }
    int sign = numeric_sign(a);
    if (sign <= 0) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_LOGARITHM, "cannot take logarithm of %s",
                            sign < 0 ? "a negative number" : "zero");
    }
    mpz_t value;
    numeric_big(a, value);
    int scale = result_scale(NUMERIC_SIG_DIGITS_MIN - ln_weight(value, numeric_scale(a)),
                             numeric_scale(a), 0);
    int bits = bits_for_digits(scale) + GUARD_BITS;
    mpz_t result;
    mpz_t one;
    mpz_init(result);
    mpz_init_set_ui(one, 1);
    mpz_mul_2exp(one, one, (mp_bitcnt_t)bits);
    fixed_ln(result, value, numeric_scale(a), bits);
    numeric_mpz_scale_up(result, scale);
    numeric_mpz_div_round(result, result, one);
    ky_status status = numeric_store_checked(arena, result, scale, out, err);
    mpz_clear(one);
    mpz_clear(result);
    mpz_clear(value);
    return status;
}

/* a mantissa and a decimal exponent, cut to a number of digits after each product */
struct scientific {
    mpz_t mantissa;
    long exponent;
};

static void
scientific_mul(struct scientific *x, const struct scientific *y, int digits)
{
    mpz_mul(x->mantissa, x->mantissa, y->mantissa);
    x->exponent += y->exponent;
    int extra = (int)((double)mpz_sizeinbase(x->mantissa, 2) / 3.3219280948873626) - digits;
    if (extra > 0) {
        numeric_mpz_rescale(x->mantissa, extra, 0);
        x->exponent += extra;
    }
}

/* base^exponent to scale decimals; the result's weight has been checked. */
static void
power_integer(mpz_t out, const mpz_t base, int base_scale, uint32_t exponent, bool is_inverse,
              int digits, int scale)
{
    struct scientific result = {.exponent = 0};
    struct scientific square = {.exponent = -base_scale};
    mpz_init_set_ui(result.mantissa, 1);
    mpz_init_set(square.mantissa, base);
    for (uint32_t rest = exponent; rest > 0; rest >>= 1) {
        if ((rest & 1) != 0) {
            scientific_mul(&result, &square, digits);
        }
        if (rest > 1) {
            scientific_mul(&square, &square, digits);
        }
    }
    if (is_inverse) {
        mpz_set_ui(square.mantissa, 1);
        long shift = scale - result.exponent;
        if (shift >= 0) {
            numeric_mpz_scale_up(square.mantissa, (int)shift);
        } else {
            numeric_mpz_scale_up(result.mantissa, (int)-shift);
        }
        numeric_mpz_div_round(out, square.mantissa, result.mantissa);
    } else {
        long shift = result.exponent + scale;
        mpz_set(out, result.mantissa);
        numeric_mpz_rescale(out, shift >= 0 ? 0 : (int)-shift, shift >= 0 ? (int)shift : 0);
    }
    mpz_clear(square.mantissa);
    mpz_clear(result.mantissa);
}

static ky_status
power_by_integer(struct ky_arena *arena, const mpz_t base, int base_scale, int32_t exponent,
                 int scale, struct ky_slice *out, struct ky_error *err)
{
    uint32_t count = exponent < 0 ? -(uint32_t)exponent : (uint32_t)exponent;
    if (mpz_sgn(base) == 0 && exponent != 0) {
        if (exponent < 0) {
            return ky_error_set(err, KY_DIVISION_BY_ZERO, "division by zero");
        }
        *out = numeric_store(arena, 0, scale);
        return KY_OK;
    }
    double weight = 0;
    if (exponent != 0) {
        long binary;
        double mantissa = fabs(mpz_get_d_2exp(&binary, base));
        weight =
            exponent * (log10(mantissa) + (double)binary * 0.3010299956639812 - (double)base_scale);
    }
    if (weight > 3.0 * SHRT_MAX * 4) {
        return numeric_overflow(err);
    }
    if (weight + 1 < -scale || weight + 1 < -NUMERIC_DISPLAY_SCALE_MAX) {
        *out = numeric_store(arena, 0, scale);
        return KY_OK;
    }
    int digits = 1 + scale + (int)weight;
    digits = KY_MAX(digits, 1) + (int)log((double)count + 1) + 24;
    mpz_t result;
    mpz_init(result);
    power_integer(result, base, base_scale, count, exponent < 0, digits, scale);
    ky_status status = numeric_store_checked(arena, result, scale, out, err);
    mpz_clear(result);
    return status;
}

static ky_status
power_by_fraction(struct ky_arena *arena, const mpz_t base, int base_scale, const mpz_t exponent,
                  int exponent_scale, bool is_minus, struct ky_slice *out, struct ky_error *err)
{
    mpz_t ln;
    mpz_t divisor;
    mpz_init(ln);
    mpz_init(divisor);
    mpz_ui_pow_ui(divisor, 10, (unsigned long)exponent_scale);
    ky_status status = KY_OK;

    /* A first look with little precision decides on range and scale. */
    int whole = (int)(mpz_sizeinbase(exponent, 2) + 2);
    int rough = 64 + whole;
    fixed_ln(ln, base, base_scale, rough);
    mpz_mul(ln, ln, exponent);
    mpz_tdiv_q(ln, ln, divisor);
    long binary;
    double mantissa = mpz_get_d_2exp(&binary, ln);
    double value = ldexp(mantissa, (int)KY_MIN(binary - rough, 2000));
    if (fabs(value) > NUMERIC_RESULT_SCALE_MAX * 3.01) {
        if (value > 0) {
            status = numeric_overflow(err);
        } else {
            *out = numeric_store(arena, 0, NUMERIC_DISPLAY_SCALE_MAX);
        }
        goto out;
    }
    value *= 0.434294481903252;
    int scale = result_scale(NUMERIC_SIG_DIGITS_MIN - (int)value, base_scale, exponent_scale);
    int digits = (int)fmax(value, 0) + scale + 2;
    int bits = bits_for_digits(digits) + GUARD_BITS;
    fixed_ln(ln, base, base_scale, bits + whole);
    mpz_mul(ln, ln, exponent);
    mpz_tdiv_q(ln, ln, divisor);
    mpz_tdiv_q_2exp(ln, ln, (mp_bitcnt_t)whole);
    fixed_exp(divisor, ln, bits, scale);
    if (is_minus) {
        mpz_neg(divisor, divisor);
    }
    status = numeric_store_checked(arena, divisor, scale, out, err);
out:
    mpz_clear(divisor);
    mpz_clear(ln);
    return status;
}

/* Is a finite numeric a whole number, and an odd one? */
static bool
is_integral(struct ky_slice a, bool *is_odd_out)
{
    mpz_t value;
    mpz_t power;
    numeric_big(a, value);
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)numeric_scale(a));
    bool is_whole = mpz_divisible_p(value, power) != 0;
    mpz_tdiv_q(value, value, power);
    *is_odd_out = is_whole && mpz_odd_p(value) != 0;
    mpz_clear(power);
    mpz_clear(value);
    return is_whole;
}

static bool
is_one(struct ky_slice a, int sign)
{
    uint8_t bytes[NUMERIC_HEADER_SIZE + 8] = {NUMERIC_WORD};
    ky_store_le64(bytes + NUMERIC_HEADER_SIZE, (uint64_t)(int64_t)sign);
    return numeric_compare(a, ky_slice(bytes, sizeof(bytes))) == 0;
}

/* POSIX's rules for infinities; at least one is special and neither is NaN. */
static struct ky_slice
power_special(struct ky_arena *arena, struct ky_slice a, struct ky_slice b)
{
    int sign_a = numeric_sign(a);
    int sign_b = numeric_sign(b);
    if (is_one(a, 1) || sign_b == 0) {
        return numeric_store(arena, 1, 0);
    }
    if (sign_a == 0) {
        return numeric_store(arena, 0, 0);
    }
    if (numeric_is_special(b)) {
        if (is_one(a, -1)) {
            return numeric_store(arena, 1, 0);
        }
        const struct ky_slice one = numeric_store(arena, 1, 0);
        bool is_large = numeric_compare(numeric_abs(arena, a), one) > 0;
        return is_large == (sign_b > 0) ? numeric_special(arena, NUMERIC_PLUS_INFINITY)
                                        : numeric_store(arena, 0, 0);
    }
    if (sign_b < 0) {
        return numeric_store(arena, 0, 0);
    }
    bool is_odd = false;
    (void)is_integral(b, &is_odd);
    return numeric_special(arena,
                           sign_a < 0 && is_odd ? NUMERIC_MINUS_INFINITY : NUMERIC_PLUS_INFINITY);
}

ky_status
numeric_power(struct ky_arena *arena, struct ky_slice a, struct ky_slice b, struct ky_slice *out,
              struct ky_error *err)
{
    if (numeric_is_nan(a) || numeric_is_nan(b)) {
        bool is_answer_one =
            numeric_is_nan(a) ? !numeric_is_nan(b) && numeric_sign(b) == 0 : is_one(a, 1);
        *out = is_answer_one ? numeric_store(arena, 1, 0) : numeric_special(arena, NUMERIC_NAN);
        return KY_OK;
    }
    int sign_a = numeric_sign(a);
    bool is_odd = false;
    bool is_whole = numeric_is_special(b) || is_integral(b, &is_odd);
    if (sign_a == 0 && numeric_sign(b) < 0) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                            "zero raised to a negative power is undefined");
    }
    if (sign_a < 0 && !is_whole) {
        return ky_error_set(
            err, KY_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            "a negative number raised to a non-integer power yields a complex result");
    }
    if (numeric_is_special(a) || numeric_is_special(b)) {
        *out = power_special(arena, a, b);
        return KY_OK;
    }
    int64_t exponent = 0;
    struct ky_error ignored;
    ky_error_init(&ignored);
    bool is_small = is_whole && numeric_to_int64(b, &exponent, &ignored) == KY_OK &&
                    exponent >= INT32_MIN && exponent <= INT32_MAX;
    if (!is_small && sign_a == 0) {
        *out = numeric_store(arena, 0, NUMERIC_SIG_DIGITS_MIN);
        return KY_OK;
    }
    mpz_t base;
    mpz_t power;
    numeric_big(a, base);
    numeric_big(b, power);
    ky_status status;
    if (is_small) {
        int scale = result_scale(NUMERIC_SIG_DIGITS_MIN, numeric_scale(a), numeric_scale(b));
        status =
            power_by_integer(arena, base, numeric_scale(a), (int32_t)exponent, scale, out, err);
    } else {
        mpz_abs(base, base);
        status = power_by_fraction(arena, base, numeric_scale(a), power, numeric_scale(b),
                                   sign_a < 0 && is_odd, out, err);
    }
    mpz_clear(power);
    mpz_clear(base);
    return status;
}
