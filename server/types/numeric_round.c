/* SPDX-License-Identifier: Apache-2.0 */

/* Rounding of numerics, conversions to and from machine numbers, and the running sum. */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/types/numeric_private.h"

enum rounding { ROUND_HALF_AWAY, ROUND_TOWARD_ZERO, ROUND_UP, ROUND_DOWN };

/* value / divisor, divisor > 0. */
static void
divide(mpz_t value, const mpz_t divisor, enum rounding rounding)
{
    switch (rounding) {
    case ROUND_HALF_AWAY:
        numeric_mpz_div_round(value, value, divisor);
        break;
    case ROUND_TOWARD_ZERO:
        mpz_tdiv_q(value, value, divisor);
        break;
    case ROUND_UP:
        mpz_cdiv_q(value, value, divisor);
        break;
    case ROUND_DOWN:
        mpz_fdiv_q(value, value, divisor);
        break;
    }
}

static numeric_wide
divide_wide(numeric_wide value, numeric_wide divisor, enum rounding rounding)
{
    numeric_wide quotient = value / divisor;
    numeric_wide rest = value % divisor;
    switch (rounding) {
    case ROUND_HALF_AWAY:
        /* divisor is a power of ten not below 10, so half of it is exact. */
        if (rest >= divisor / 2) {
            quotient++;
        } else if (-rest >= divisor / 2) {
            quotient--;
        }
        break;
    case ROUND_TOWARD_ZERO:
        break;
    case ROUND_UP:
        quotient += rest > 0;
        break;
    case ROUND_DOWN:
        quotient -= rest < 0;
        break;
    }
    return quotient;
}

static struct ky_slice
to_scale(struct ky_arena *arena, struct ky_slice a, int scale, enum rounding rounding)
{
    if (numeric_is_special(a)) {
        return a;
    }
    scale = KY_MAX(scale, -NUMERIC_DIGITS_MAX - 1); /* the highest digit may round up */
    scale = KY_MIN(scale, NUMERIC_SCALE_MAX);
    int from = numeric_scale(a);
    if (scale == from) {
        return a;
    }
    numeric_wide small;
    int drop = from - scale;
    if (drop > 0 && drop <= 38 && scale >= 0 && numeric_small(a, &small)) {
        return numeric_store(arena, divide_wide(small, numeric_pow10(drop), rounding), scale);
    }
    mpz_t value;
    numeric_big(a, value);
    if (drop <= 0) {
        numeric_mpz_scale_up(value, -drop);
    } else {
        mpz_t power;
        mpz_init(power);
        mpz_ui_pow_ui(power, 10, (unsigned long)drop);
        divide(value, power, rounding);
        mpz_clear(power);
        numeric_mpz_scale_up(value, -scale);
    }
    struct ky_slice result = numeric_store_big(arena, value, KY_MAX(scale, 0));
    mpz_clear(value);
    return result;
}

struct ky_slice
numeric_round(struct ky_arena *arena, struct ky_slice a, int scale)
{
    return to_scale(arena, a, scale, ROUND_HALF_AWAY);
}

struct ky_slice
numeric_trunc(struct ky_arena *arena, struct ky_slice a, int scale)
{
    return to_scale(arena, a, scale, ROUND_TOWARD_ZERO);
}

struct ky_slice
numeric_ceil(struct ky_arena *arena, struct ky_slice a)
{
    return to_scale(arena, a, 0, ROUND_UP);
}

struct ky_slice
numeric_floor(struct ky_arena *arena, struct ky_slice a)
{
    return to_scale(arena, a, 0, ROUND_DOWN);
}

struct ky_slice
numeric_from_int64(struct ky_arena *arena, int64_t value)
{
    return numeric_store(arena, value, 0);
}

struct ky_slice
numeric_from_double(struct ky_arena *arena, double value, int digits)
{
    if (isnan(value)) {
        return numeric_special(arena, NUMERIC_NAN);
    }
    if (isinf(value)) {
        return numeric_special(arena, value > 0 ? NUMERIC_PLUS_INFINITY : NUMERIC_MINUS_INFINITY);
    }
    char text[64];
    int size = snprintf(text, sizeof(text), "%.*g", KY_MIN(digits, 17), value);
    struct ky_slice result = {NULL, 0};
    struct ky_error ignored;
    ky_error_init(&ignored);
    ky_status status = numeric_parse(arena, ky_slice(text, (size_t)size), &result, &ignored);
    KY_ASSERT(status == KY_OK);
    return result;
}

double
numeric_to_double(struct ky_slice a)
{
    switch (numeric_form(a)) {
    case NUMERIC_NAN:
        return (double)NAN;
    case NUMERIC_PLUS_INFINITY:
        return (double)INFINITY;
    case NUMERIC_MINUS_INFINITY:
        return -(double)INFINITY;
    case NUMERIC_WORD:
    case NUMERIC_WIDE:
    case NUMERIC_BIG_PLUS:
    case NUMERIC_BIG_MINUS:
        break;
    }
    numeric_wide small;
    int scale = numeric_scale(a);
    /* Both operands are exact doubles, so one correctly rounded division is the answer. */
    if (scale <= 22 && numeric_small(a, &small) && small < (1LL << 53) && small > -(1LL << 53)) {
        double divisor = 1;
        if (scale > 0) {
            divisor = (double)numeric_pow10(scale);
        }
        return (double)small / divisor;
    }
    char local[NUMERIC_DIGITS_LOCAL];
    size_t count;
    char *digits = numeric_digits(a, local, &count);
    char *text = ky_malloc(count + 32);
    (void)snprintf(text, count + 32, "%s%se-%d", numeric_sign(a) < 0 ? "-" : "",
                   count == 0 ? "0" : digits, scale);
    double result = strtod(text, NULL);
    ky_free(text);
    numeric_digits_free(digits, local);
    return result;
}

ky_status
numeric_to_int64(struct ky_slice a, int64_t *out, struct ky_error *err)
{
    if (numeric_is_nan(a)) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "cannot convert NaN to bigint");
    }
    if (numeric_is_special(a)) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "cannot convert infinity to bigint");
    }
    numeric_wide small;
    int scale = numeric_scale(a);
    if (scale <= 38 && numeric_small(a, &small)) {
        if (scale > 0) {
            small = divide_wide(small, numeric_pow10(scale), ROUND_HALF_AWAY);
        }
        if (small >= INT64_MIN && small <= INT64_MAX) {
            *out = (int64_t)small;
            return KY_OK;
        }
    } else {
        mpz_t value;
        numeric_big(a, value);
        numeric_mpz_rescale(value, scale, 0);
        bool fits = mpz_fits_slong_p(value) != 0;
        int64_t result = fits ? mpz_get_si(value) : 0;
        mpz_clear(value);
        if (fits) {
            *out = result;
            return KY_OK;
        }
    }
    return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range");
}

/*
 * Values of one scale are added in 128 bits; what no longer fits moves to limbs in the arena,
 * which grow by doubling and are never freed one by one.
 */
struct numeric_sum {
    struct ky_arena *arena;
    numeric_wide small;
    int scale; /* of small and of the limbs */
    mp_limb_t *limbs;
    size_t count;
    size_t capacity;
    bool is_minus; /* sign of the limbs */
    bool has_nan, has_plus, has_minus;
};

struct numeric_sum *
numeric_sum_new(struct ky_arena *arena)
{
    struct numeric_sum *sum = ky_arena_new(arena, struct numeric_sum);
    sum->arena = arena;
    return sum;
}

static void
sum_load(const struct numeric_sum *sum, mpz_t out)
{
    mpz_init(out);
    if (sum->count > 0) {
        mpz_import(out, sum->count, -1, sizeof(mp_limb_t), 0, 0, sum->limbs);
        if (sum->is_minus) {
            mpz_neg(out, out);
        }
    }
}

static void
sum_store(struct numeric_sum *sum, const mpz_t value)
{
    size_t count = mpz_size(value);
    if (count > sum->capacity) {
        sum->capacity = KY_MAX(count * 2, 8);
        sum->limbs = ky_arena_array(sum->arena, mp_limb_t, sum->capacity);
    }
    sum->count = count;
    sum->is_minus = mpz_sgn(value) < 0;
    if (count > 0) {
        memcpy(sum->limbs, mpz_limbs_read(value), count * sizeof(mp_limb_t));
    }
}

/* Adds extra to the limbs, moves small there and goes to a scale that is not smaller. */
static void
sum_spill(struct numeric_sum *sum, const mpz_t extra, int scale)
{
    mpz_t total;
    mpz_t part;
    sum_load(sum, total);
    mpz_init(part);
    numeric_wide_to_mpz(sum->small, part);
    mpz_add(total, total, part);
    numeric_mpz_scale_up(total, scale - sum->scale);
    mpz_add(total, total, extra);
    sum_store(sum, total);
    sum->small = 0;
    sum->scale = scale;
    mpz_clear(part);
    mpz_clear(total);
}

static void
sum_add_wide(struct numeric_sum *sum, numeric_wide value, int scale)
{
    int common = KY_MAX(scale, sum->scale);
    numeric_wide small = sum->small;
    numeric_wide scaled = value;
    bool is_same_scale = scale == sum->scale;
    bool fits = is_same_scale ||
                ((sum->count == 0 || scale <= sum->scale) && common - scale <= 38 &&
                 common - sum->scale <= 38 &&
                 !__builtin_mul_overflow(scaled, numeric_pow10(common - scale), &scaled) &&
                 !__builtin_mul_overflow(small, numeric_pow10(common - sum->scale), &small));
    numeric_wide total;
    if (fits && !__builtin_add_overflow(small, scaled, &total)) {
        sum->small = total;
        sum->scale = common;
        return;
    }
    mpz_t extra;
    mpz_init(extra);
    numeric_wide_to_mpz(value, extra);
    numeric_mpz_scale_up(extra, common - scale);
    sum_spill(sum, extra, common);
    mpz_clear(extra);
}

void
numeric_sum_add(struct numeric_sum *sum, struct ky_slice value)
{
    numeric_wide small;
    if (numeric_small(value, &small)) {
        sum_add_wide(sum, small, numeric_scale(value));
        return;
    }
    if (numeric_is_special(value)) {
        sum->has_nan |= numeric_form(value) == NUMERIC_NAN;
        sum->has_plus |= numeric_form(value) == NUMERIC_PLUS_INFINITY;
        sum->has_minus |= numeric_form(value) == NUMERIC_MINUS_INFINITY;
        return;
    }
    int scale = KY_MAX(numeric_scale(value), sum->scale);
    mpz_t extra;
    numeric_big(value, extra);
    numeric_mpz_scale_up(extra, scale - numeric_scale(value));
    sum_spill(sum, extra, scale);
    mpz_clear(extra);
}

void
numeric_sum_add_int64(struct numeric_sum *sum, int64_t value)
{
    sum_add_wide(sum, value, 0);
}

struct ky_slice
numeric_sum_result(struct ky_arena *arena, const struct numeric_sum *sum)
{
    if (sum->has_nan || (sum->has_plus && sum->has_minus)) {
        return numeric_special(arena, NUMERIC_NAN);
    }
    if (sum->has_plus || sum->has_minus) {
        return numeric_special(arena,
                               sum->has_plus ? NUMERIC_PLUS_INFINITY : NUMERIC_MINUS_INFINITY);
    }
    mpz_t total;
    mpz_t part;
    sum_load(sum, total);
    mpz_init(part);
    numeric_wide_to_mpz(sum->small, part);
    mpz_add(total, total, part);
    struct ky_slice result = numeric_store_big(arena, total, sum->scale);
    mpz_clear(part);
    mpz_clear(total);
    return result;
}
