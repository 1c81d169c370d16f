/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A numeric is an integer and a display scale: value = integer / 10^scale.
 *
 *     byte 0      form (numeric_private.h)
 *     bytes 1-2   scale, little-endian
 *     bytes 3-    WORD: 8 bytes, WIDE: 16 bytes, two's complement, little-endian
 *                 BIG: magnitude, little-endian, as many bytes as it needs
 *
 * The smallest form that holds the integer is always used. Special values have no payload.
 * Everyday values stay in a machine word or in 128 bits and never reach GMP; each operation
 * tries that first and falls back when a built-in overflow check says so.
 */

#include "server/types/numeric.h"

#include <math.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/types/numeric_private.h"

enum numeric_form
numeric_form(struct ky_slice a)
{
    return (enum numeric_form) * (const uint8_t *)a.data;
}

bool
numeric_is_special(struct ky_slice a)
{
    enum numeric_form form = numeric_form(a);
    return form == NUMERIC_NAN || form == NUMERIC_PLUS_INFINITY || form == NUMERIC_MINUS_INFINITY;
}

bool
numeric_is_nan(struct ky_slice a)
{
    return numeric_form(a) == NUMERIC_NAN;
}

int
numeric_scale(struct ky_slice a)
{
    return ky_load_le16((const uint8_t *)a.data + 1);
}

bool
numeric_small(struct ky_slice a, numeric_wide *out)
{
    const uint8_t *payload = (const uint8_t *)a.data + NUMERIC_HEADER_SIZE;
    if (numeric_form(a) == NUMERIC_WORD) {
        *out = (int64_t)ky_load_le64(payload);
        return true;
    }
    if (numeric_form(a) == NUMERIC_WIDE) {
        memcpy(out, payload, sizeof(*out));
        return true;
    }
    return false;
}

void
numeric_wide_to_mpz(numeric_wide value, mpz_t out)
{
    unsigned __int128 magnitude = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    mpz_set_ui(out, (unsigned long)(magnitude >> 64));
    mpz_mul_2exp(out, out, 64);
    mpz_add_ui(out, out, (unsigned long)magnitude);
    if (value < 0) {
        mpz_neg(out, out);
    }
}

void
numeric_big(struct ky_slice a, mpz_t out)
{
    mpz_init(out);
    numeric_wide value;
    if (numeric_small(a, &value)) {
        numeric_wide_to_mpz(value, out);
        return;
    }
    mpz_import(out, a.size - NUMERIC_HEADER_SIZE, -1, 1, 0, 0,
               (const uint8_t *)a.data + NUMERIC_HEADER_SIZE);
    if (numeric_form(a) == NUMERIC_BIG_MINUS) {
        mpz_neg(out, out);
    }
}

static uint8_t *
store_header(struct ky_arena *arena, enum numeric_form form, int scale, size_t payload_size)
{
    KY_ASSERT(scale >= 0);
    KY_ASSERT(scale <= UINT16_MAX);
    uint8_t *bytes = ky_arena_alloc(arena, NUMERIC_HEADER_SIZE + payload_size);
    bytes[0] = (uint8_t)form;
    ky_store_le16(bytes + 1, (uint16_t)scale);
    return bytes;
}

struct ky_slice
numeric_special(struct ky_arena *arena, enum numeric_form form)
{
    return ky_slice(store_header(arena, form, 0, 0), NUMERIC_HEADER_SIZE);
}

struct ky_slice
numeric_store(struct ky_arena *arena, numeric_wide value, int scale)
{
    if (value >= INT64_MIN && value <= INT64_MAX) {
        uint8_t *bytes = store_header(arena, NUMERIC_WORD, scale, 8);
        ky_store_le64(bytes + NUMERIC_HEADER_SIZE, (uint64_t)value);
        return ky_slice(bytes, NUMERIC_HEADER_SIZE + 8);
    }
    uint8_t *bytes = store_header(arena, NUMERIC_WIDE, scale, 16);
    memcpy(bytes + NUMERIC_HEADER_SIZE, &value, sizeof(value));
    return ky_slice(bytes, NUMERIC_HEADER_SIZE + 16);
}

struct ky_slice
numeric_store_big(struct ky_arena *arena, const mpz_t value, int scale)
{
    if (mpz_sizeinbase(value, 2) <= 127) {
        uint64_t parts[2] = {0, 0};
        size_t count = 0;
        mpz_export(parts, &count, -1, 8, 0, 0, value);
        numeric_wide small = (numeric_wide)(((unsigned __int128)parts[1] << 64) | parts[0]);
        return numeric_store(arena, mpz_sgn(value) < 0 ? -small : small, scale);
    }
    size_t size = (mpz_sizeinbase(value, 2) + 7) / 8;
    enum numeric_form form = mpz_sgn(value) < 0 ? NUMERIC_BIG_MINUS : NUMERIC_BIG_PLUS;
    uint8_t *bytes = store_header(arena, form, scale, size);
    size_t count = 0;
    mpz_export(bytes + NUMERIC_HEADER_SIZE, &count, -1, 1, 0, 0, value);
    KY_ASSERT(count == size);
    return ky_slice(bytes, NUMERIC_HEADER_SIZE + size);
}

ky_status
numeric_overflow(struct ky_error *err)
{
    return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
}

ky_status
numeric_store_checked(struct ky_arena *arena, const mpz_t value, int scale, struct ky_slice *out,
                      struct ky_error *err)
{
    if (scale > NUMERIC_SCALE_MAX) {
        return numeric_overflow(err);
    }
    /* 131072 digits are 435412 bits: only then is counting digits worth its time. */
    if (mpz_sizeinbase(value, 2) > 435000 &&
        numeric_mpz_digits(value) - scale > NUMERIC_DIGITS_MAX) {
        return numeric_overflow(err);
    }
    *out = numeric_store_big(arena, value, scale);
    return KY_OK;
}

numeric_wide
numeric_pow10(int exponent)
{
    static const uint64_t powers[] = {UINT64_C(1),
                                      UINT64_C(10),
                                      UINT64_C(100),
                                      UINT64_C(1000),
                                      UINT64_C(10000),
                                      UINT64_C(100000),
                                      UINT64_C(1000000),
                                      UINT64_C(10000000),
                                      UINT64_C(100000000),
                                      UINT64_C(1000000000),
                                      UINT64_C(10000000000),
                                      UINT64_C(100000000000),
                                      UINT64_C(1000000000000),
                                      UINT64_C(10000000000000),
                                      UINT64_C(100000000000000),
                                      UINT64_C(1000000000000000),
                                      UINT64_C(10000000000000000),
                                      UINT64_C(100000000000000000),
                                      UINT64_C(1000000000000000000),
                                      UINT64_C(10000000000000000000)};
    KY_ASSERT(exponent >= 0);
    KY_ASSERT(exponent <= 38);
    if (exponent < 20) {
        return (numeric_wide)powers[exponent];
    }
    return (numeric_wide)powers[19] * (numeric_wide)powers[exponent - 19];
}

/* False when the product does not fit. */
static bool
wide_scale_up(numeric_wide *value, int exponent)
{
    if (exponent == 0 || *value == 0) {
        return true;
    }
    return exponent <= 38 && !__builtin_mul_overflow(*value, numeric_pow10(exponent), value);
}

static numeric_wide
wide_div_round(numeric_wide n, numeric_wide d)
{
    numeric_wide quotient = n / d;
    numeric_wide rest = n % d;
    unsigned __int128 twice = (unsigned __int128)(rest < 0 ? -rest : rest);
    unsigned __int128 divisor = d < 0 ? -(unsigned __int128)d : (unsigned __int128)d;
    /* rest < divisor <= 2^127, so doubling cannot wrap. */
    if (twice * 2 >= divisor) {
        quotient += (n < 0) == (d < 0) ? 1 : -1;
    }
    return quotient;
}

void
numeric_mpz_scale_up(mpz_t value, int exponent)
{
    if (exponent <= 0 || mpz_sgn(value) == 0) {
        return;
    }
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)exponent);
    mpz_mul(value, value, power);
    mpz_clear(power);
}

void
numeric_mpz_div_round(mpz_t quotient, const mpz_t n, const mpz_t d)
{
    mpz_t rest;
    mpz_init(rest);
    int sign = mpz_sgn(n) * mpz_sgn(d);
    mpz_t divisor;
    mpz_init_set(divisor, d);
    mpz_tdiv_qr(quotient, rest, n, d);
    mpz_mul_2exp(rest, rest, 1);
    if (mpz_cmpabs(rest, divisor) >= 0) {
        if (sign < 0) {
            mpz_sub_ui(quotient, quotient, 1);
        } else {
            mpz_add_ui(quotient, quotient, 1);
        }
    }
    mpz_clear(divisor);
    mpz_clear(rest);
}

void
numeric_mpz_rescale(mpz_t value, int from, int to)
{
    if (to >= from) {
        numeric_mpz_scale_up(value, to - from);
        return;
    }
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)(from - to));
    numeric_mpz_div_round(value, value, power);
    mpz_clear(power);
}

int
numeric_mpz_digits(const mpz_t value)
{
    if (mpz_sgn(value) == 0) {
        return 0;
    }
    /* GMP's answer may be one too large. */
    size_t count = mpz_sizeinbase(value, 10);
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)(count - 1));
    if (mpz_cmpabs(value, power) < 0) {
        count--;
    }
    mpz_clear(power);
    return (int)count;
}

struct numeric_head
numeric_head(const mpz_t value, int scale)
{
    struct numeric_head head = {0, 0, 0, true};
    int digits = numeric_mpz_digits(value);
    if (digits == 0) {
        return head;
    }
    int top = digits - 1 - scale; /* decimal weight of the first digit */
    head.weight = top >= 0 ? top / 4 : -((3 - top) / 4);
    int wanted = top - 4 * head.weight + 1 + 4; /* digits in the first two groups */
    mpz_t part;
    mpz_t power;
    mpz_t rest;
    mpz_init(part);
    mpz_init(rest);
    mpz_init(power);
    mpz_abs(part, value);
    if (digits > wanted) {
        mpz_ui_pow_ui(power, 10, (unsigned long)(digits - wanted));
        mpz_tdiv_qr(part, rest, part, power);
    } else {
        numeric_mpz_scale_up(part, wanted - digits);
    }
    unsigned long both = mpz_get_ui(part);
    head.first = (int)(both / 10000);
    head.second = (int)(both % 10000);
    head.is_single = head.second == 0 && mpz_sgn(rest) == 0;
    mpz_clear(rest);
    mpz_clear(power);
    mpz_clear(part);
    return head;
}

char *
numeric_digits(struct ky_slice a, char local[NUMERIC_DIGITS_LOCAL], size_t *count_out)
{
    numeric_wide small;
    if (numeric_small(a, &small)) {
        unsigned __int128 rest = small < 0 ? -(unsigned __int128)small : (unsigned __int128)small;
        char *end = local + NUMERIC_DIGITS_LOCAL - 1;
        char *at = end;
        *at = '\0';
        while (rest > UINT64_MAX) {
            *--at = (char)('0' + (int)(rest % 10));
            rest /= 10;
        }
        for (uint64_t word = (uint64_t)rest; word > 0; word /= 10) {
            *--at = (char)('0' + (int)(word % 10));
        }
        *count_out = (size_t)(end - at);
        memmove(local, at, *count_out + 1);
        return local;
    }
    mpz_t value;
    numeric_big(a, value);
    mpz_abs(value, value);
    char *digits = ky_malloc(mpz_sizeinbase(value, 10) + 2);
    mpz_get_str(digits, 10, value);
    mpz_clear(value);
    *count_out = strlen(digits);
    return digits;
}

void
numeric_digits_free(char *digits, const char *local)
{
    if (digits != local) {
        ky_free(digits);
    }
}

int
numeric_sign(struct ky_slice a)
{
    switch (numeric_form(a)) {
    case NUMERIC_MINUS_INFINITY:
    case NUMERIC_BIG_MINUS:
        return -1;
    case NUMERIC_BIG_PLUS:
    case NUMERIC_PLUS_INFINITY:
    case NUMERIC_NAN:
        return 1;
    case NUMERIC_WORD:
    case NUMERIC_WIDE:
        break;
    }
    numeric_wide small = 0;
    (void)numeric_small(a, &small);
    return (small > 0) - (small < 0);
}

int
numeric_compare(struct ky_slice a, struct ky_slice b)
{
    if (numeric_is_special(a) || numeric_is_special(b)) {
        int left = numeric_is_special(a) ? (int)numeric_form(a) : (int)NUMERIC_WORD;
        int right = numeric_is_special(b) ? (int)numeric_form(b) : (int)NUMERIC_WORD;
        return (left > right) - (left < right);
    }
    int scale_a = numeric_scale(a);
    int scale_b = numeric_scale(b);
    numeric_wide left;
    numeric_wide right;
    if (numeric_small(a, &left) && numeric_small(b, &right) &&
        wide_scale_up(&left, KY_MAX(scale_b - scale_a, 0)) &&
        wide_scale_up(&right, KY_MAX(scale_a - scale_b, 0))) {
        return (left > right) - (left < right);
    }
    mpz_t x;
    mpz_t y;
    numeric_big(a, x);
    numeric_big(b, y);
    numeric_mpz_scale_up(x, scale_b - scale_a);
    numeric_mpz_scale_up(y, scale_a - scale_b);
    int order = mpz_cmp(x, y);
    mpz_clear(x);
    mpz_clear(y);
    return (order > 0) - (order < 0);
}

struct ky_slice
numeric_negate(struct ky_arena *arena, struct ky_slice a)
{
    numeric_wide small;
    switch (numeric_form(a)) {
    case NUMERIC_NAN:
        return a;
    case NUMERIC_PLUS_INFINITY:
        return numeric_special(arena, NUMERIC_MINUS_INFINITY);
    case NUMERIC_MINUS_INFINITY:
        return numeric_special(arena, NUMERIC_PLUS_INFINITY);
    case NUMERIC_WORD:
    case NUMERIC_WIDE:
        /* The least 128-bit value is never stored: BIG starts at 2^127. */
        (void)numeric_small(a, &small);
        return numeric_store(arena, -small, numeric_scale(a));
    case NUMERIC_BIG_PLUS:
    case NUMERIC_BIG_MINUS:
        break;
    }
    uint8_t *bytes = ky_arena_alloc(arena, a.size);
    memcpy(bytes, a.data, a.size);
    bytes[0] = numeric_form(a) == NUMERIC_BIG_PLUS ? NUMERIC_BIG_MINUS : NUMERIC_BIG_PLUS;
    return ky_slice(bytes, a.size);
}

struct ky_slice
numeric_abs(struct ky_arena *arena, struct ky_slice a)
{
    return numeric_sign(a) < 0 ? numeric_negate(arena, a) : a;
}

static ky_status
add_or_sub(struct ky_arena *arena, struct ky_slice a, struct ky_slice b, bool is_sub,
           struct ky_slice *out, struct ky_error *err)
{
    int scale_a = numeric_scale(a);
    int scale_b = numeric_scale(b);
    int scale = KY_MAX(scale_a, scale_b);
    numeric_wide left;
    numeric_wide right;
    if (numeric_small(a, &left) && numeric_small(b, &right) &&
        wide_scale_up(&left, scale - scale_a) && wide_scale_up(&right, scale - scale_b)) {
        numeric_wide sum;
        bool is_over = is_sub ? __builtin_sub_overflow(left, right, &sum)
                              : __builtin_add_overflow(left, right, &sum);
        if (!is_over && sum != NUMERIC_WIDE_MIN) {
            *out = numeric_store(arena, sum, scale);
            return KY_OK;
        }
    }
    mpz_t x;
    mpz_t y;
    numeric_big(a, x);
    numeric_big(b, y);
    numeric_mpz_scale_up(x, scale - scale_a);
    numeric_mpz_scale_up(y, scale - scale_b);
    if (is_sub) {
        mpz_sub(x, x, y);
    } else {
        mpz_add(x, x, y);
    }
    ky_status status = numeric_store_checked(arena, x, scale, out, err);
    mpz_clear(x);
    mpz_clear(y);
    return status;
}

ky_status
numeric_add(struct ky_arena *arena, struct ky_slice a, struct ky_slice b, struct ky_slice *out,
            struct ky_error *err)
{
    if (numeric_is_special(a) || numeric_is_special(b)) {
        bool is_clash =
            numeric_is_special(a) && numeric_is_special(b) && numeric_form(a) != numeric_form(b);
        if (numeric_is_nan(a) || numeric_is_nan(b) || is_clash) {
            *out = numeric_special(arena, NUMERIC_NAN);
        } else {
            *out = numeric_is_special(a) ? a : b;
        }
        return KY_OK;
    }
    return add_or_sub(arena, a, b, false, out, err);
}

ky_status
numeric_sub(struct ky_arena *arena, struct ky_slice a, struct ky_slice b, struct ky_slice *out,
            struct ky_error *err)
{
    if (numeric_is_special(a) || numeric_is_special(b)) {
        return numeric_add(arena, a, numeric_negate(arena, b), out, err);
    }
    return add_or_sub(arena, a, b, true, out, err);
}

static struct ky_slice
signed_infinity(struct ky_arena *arena, int sign)
{
    return numeric_special(arena, sign == 0  ? NUMERIC_NAN
                                  : sign > 0 ? NUMERIC_PLUS_INFINITY
                                             : NUMERIC_MINUS_INFINITY);
}

ky_status
numeric_mul(struct ky_arena *arena, struct ky_slice a, struct ky_slice b, struct ky_slice *out,
            struct ky_error *err)
{
    if (numeric_is_nan(a) || numeric_is_nan(b)) {
        *out = numeric_special(arena, NUMERIC_NAN);
        return KY_OK;
    }
    if (numeric_is_special(a) || numeric_is_special(b)) {
        *out = signed_infinity(arena, numeric_sign(a) * numeric_sign(b));
        return KY_OK;
    }
    int scale = numeric_scale(a) + numeric_scale(b);
    numeric_wide left;
    numeric_wide right;
    numeric_wide product;
    if (scale <= NUMERIC_SCALE_MAX && numeric_small(a, &left) && numeric_small(b, &right) &&
        !__builtin_mul_overflow(left, right, &product) && product != NUMERIC_WIDE_MIN) {
        *out = numeric_store(arena, product, scale);
        return KY_OK;
    }
    mpz_t x;
    mpz_t y;
    numeric_big(a, x);
    numeric_big(b, y);
    mpz_mul(x, x, y);
    if (scale > NUMERIC_SCALE_MAX) {
        numeric_mpz_rescale(x, scale, NUMERIC_SCALE_MAX);
        scale = NUMERIC_SCALE_MAX;
    }
    ky_status status = numeric_store_checked(arena, x, scale, out, err);
    mpz_clear(x);
    mpz_clear(y);
    return status;
}

static ky_status
division_by_zero(struct ky_error *err)
{
    return ky_error_set(err, KY_DIVISION_BY_ZERO, "division by zero");
}

/* At least 16 significant digits and never fewer decimals than an operand shows. */
static int
division_scale(const mpz_t x, int scale_x, const mpz_t y, int scale_y)
{
    struct numeric_head n = numeric_head(x, scale_x);
    struct numeric_head d = numeric_head(y, scale_y);
    int weight = n.weight - d.weight;
    if (n.first <= d.first) {
        weight--;
    }
    int scale = NUMERIC_SIG_DIGITS_MIN - weight * 4;
    scale = KY_MAX(scale, scale_x);
    scale = KY_MAX(scale, scale_y);
    scale = KY_MAX(scale, 0);
    return KY_MIN(scale, NUMERIC_DISPLAY_SCALE_MAX);
}

struct wide_head {
    int weight;
    int first;
};

/* numeric_head for 128 bits, without GMP. */
static struct wide_head
wide_head(numeric_wide value, int scale)
{
    if (value == 0) {
        return (struct wide_head){0, 0};
    }
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    int digits = 1;
    while (digits < 39 && rest >= (unsigned __int128)numeric_pow10(digits)) {
        digits++;
    }
    int top = digits - 1 - scale;
    int weight = top >= 0 ? top / 4 : -((3 - top) / 4);
    int wanted = top - 4 * weight + 1;
    if (digits > wanted) {
        rest /= (unsigned __int128)numeric_pow10(digits - wanted);
    } else {
        rest *= (unsigned __int128)numeric_pow10(wanted - digits);
    }
    return (struct wide_head){weight, (int)rest};
}

static bool
small_div(struct ky_arena *arena, struct ky_slice a, struct ky_slice b, struct ky_slice *out)
{
    numeric_wide n;
    numeric_wide d;
    if (!numeric_small(a, &n) || !numeric_small(b, &d)) {
        return false;
    }
    int scale_n = numeric_scale(a);
    int scale_d = numeric_scale(b);
    struct wide_head head_n = wide_head(n, scale_n);
    struct wide_head head_d = wide_head(d, scale_d);
    int weight = head_n.weight - head_d.weight - (head_n.first <= head_d.first ? 1 : 0);
    int scale = KY_MAX(NUMERIC_SIG_DIGITS_MIN - weight * 4, KY_MAX(scale_n, scale_d));
    if (scale > NUMERIC_DISPLAY_SCALE_MAX ||
        !wide_scale_up(&n, KY_MAX(scale + scale_d - scale_n, 0))) {
        return false;
    }
    *out = numeric_store(arena, wide_div_round(n, d), scale);
    return true;
}

ky_status
numeric_div(struct ky_arena *arena, struct ky_slice a, struct ky_slice b, struct ky_slice *out,
            struct ky_error *err)
{
    if (numeric_is_nan(a) || numeric_is_nan(b)) {
        *out = numeric_special(arena, NUMERIC_NAN);
        return KY_OK;
    }
    if (numeric_sign(b) == 0) {
        return division_by_zero(err);
    }
    if (numeric_is_special(a)) {
        int sign = numeric_is_special(b) ? 0 : numeric_sign(a) * numeric_sign(b);
        *out = signed_infinity(arena, sign);
        return KY_OK;
    }
    if (numeric_is_special(b)) {
        *out = numeric_store(arena, 0, 0);
        return KY_OK;
    }
    if (small_div(arena, a, b, out)) {
        return KY_OK;
    }
    mpz_t x;
    mpz_t y;
    numeric_big(a, x);
    numeric_big(b, y);
    int scale = division_scale(x, numeric_scale(a), y, numeric_scale(b));
    int shift = scale + numeric_scale(b) - numeric_scale(a);
    /* Negative only where an operand shows more than 1000 decimals. */
    numeric_mpz_scale_up(x, shift);
    numeric_mpz_scale_up(y, -shift);
    numeric_mpz_div_round(x, x, y);
    ky_status status = numeric_store_checked(arena, x, scale, out, err);
    mpz_clear(x);
    mpz_clear(y);
    return status;
}

ky_status
numeric_mod(struct ky_arena *arena, struct ky_slice a, struct ky_slice b, struct ky_slice *out,
            struct ky_error *err)
{
    if (numeric_is_nan(a) || numeric_is_nan(b)) {
        *out = numeric_special(arena, NUMERIC_NAN);
        return KY_OK;
    }
    if (numeric_sign(b) == 0) {
        return division_by_zero(err);
    }
    if (numeric_is_special(a)) {
        *out = numeric_special(arena, NUMERIC_NAN);
        return KY_OK;
    }
    if (numeric_is_special(b)) {
        *out = a;
        return KY_OK;
    }
    int scale_a = numeric_scale(a);
    int scale_b = numeric_scale(b);
    int scale = KY_MAX(scale_a, scale_b);
    numeric_wide left;
    numeric_wide right;
    if (numeric_small(a, &left) && numeric_small(b, &right) &&
        wide_scale_up(&left, scale - scale_a) && wide_scale_up(&right, scale - scale_b)) {
        *out = numeric_store(arena, right == -1 ? 0 : left % right, scale);
        return KY_OK;
    }
    mpz_t x;
    mpz_t y;
    numeric_big(a, x);
    numeric_big(b, y);
    numeric_mpz_scale_up(x, scale - scale_a);
    numeric_mpz_scale_up(y, scale - scale_b);
    mpz_tdiv_r(x, x, y);
    *out = numeric_store_big(arena, x, scale);
    mpz_clear(x);
    mpz_clear(y);
    return KY_OK;
}
