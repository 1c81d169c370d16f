/* SPDX-License-Identifier: Apache-2.0 */

/*
 * numeric as text and on the wire. PostgreSQL's binary form, big-endian 16-bit words:
 *
 *     digit count | weight of the first digit | sign | display scale | digits, base 10000
 *
 * A digit d at position i stands for d * 10000^(weight - i).
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/types/numeric_private.h"
#include "server/types/types_private.h"

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
word_is(const char *at, const char *end, const char *word, const char **rest_out)
{
    for (; *word != '\0'; word++, at++) {
        if (at == end || (*at | 0x20) != *word) {
            return false;
        }
    }
    *rest_out = at;
    return true;
}

static bool
all_space(const char *at, const char *end)
{
    while (at < end && is_space(*at)) {
        at++;
    }
    return at == end;
}

/* The digits with point and exponent taken apart. */
struct literal {
    char *digits; /* in the arena, zero-terminated */
    size_t count;
    int64_t decimals; /* digits after the point */
    int64_t exponent;
    bool is_minus;
};

enum parse_result { PARSE_OK, PARSE_SYNTAX, PARSE_OVERFLOW };

static enum parse_result
read_exponent(const char **at, const char *end, int64_t *out)
{
    const char *p = *at;
    bool is_minus = false;
    if (p < end && (*p == '+' || *p == '-')) {
        is_minus = *p++ == '-';
    }
    if (p == end || !is_digit(*p)) {
        return PARSE_SYNTAX;
    }
    int64_t value = 0;
    for (; p < end && is_digit(*p); p++) {
        value = KY_MIN(value * 10 + (*p - '0'), INT_MAX);
    }
    *at = p;
    *out = is_minus ? -value : value;
    return value >= INT_MAX / 2 ? PARSE_OVERFLOW : PARSE_OK;
}

static enum parse_result
read_literal(struct ky_arena *arena, const char *at, const char *end, struct literal *out)
{
    out->digits = ky_arena_alloc(arena, (size_t)(end - at) + 1);
    bool has_point = false;
    bool has_digit = false;
    for (; at < end; at++) {
        if (is_digit(*at)) {
            has_digit = true;
            out->decimals += has_point;
            if (*at != '0' || out->count > 0) {
                out->digits[out->count++] = *at;
            }
        } else if (*at == '.' && !has_point) {
            has_point = true;
        } else {
            break;
        }
    }
    out->digits[out->count] = '\0';
    if (!has_digit) {
        return PARSE_SYNTAX;
    }
    enum parse_result result = PARSE_OK;
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        result = read_exponent(&at, end, &out->exponent);
    }
    if (result == PARSE_OK && !all_space(at, end)) {
        return PARSE_SYNTAX;
    }
    return result;
}

static ky_status
store_literal(struct ky_arena *arena, const struct literal *literal, struct ky_slice *out,
              struct ky_error *err)
{
    int64_t shift = literal->exponent - literal->decimals; /* value = digits * 10^shift */
    int64_t scale = shift < 0 ? -shift : 0;
    if (scale > NUMERIC_SCALE_MAX ||
        (literal->count > 0 && (int64_t)literal->count + shift > NUMERIC_DIGITS_MAX)) {
        return numeric_overflow(err);
    }
    int zeros = literal->count == 0 || shift < 0 ? 0 : (int)shift;
    if ((int64_t)literal->count + zeros <= 38) {
        numeric_wide value = 0;
        for (size_t i = 0; i < literal->count; i++) {
            value = value * 10 + (literal->digits[i] - '0');
        }
        value *= numeric_pow10(zeros);
        *out = numeric_store(arena, literal->is_minus ? -value : value, (int)scale);
        return KY_OK;
    }
    mpz_t value;
    mpz_init_set_str(value, literal->digits, 10);
    numeric_mpz_scale_up(value, zeros);
    if (literal->is_minus) {
        mpz_neg(value, value);
    }
    ky_status status = numeric_store_checked(arena, value, (int)scale, out, err);
    mpz_clear(value);
    return status;
}

ky_status
numeric_parse(struct ky_arena *arena, struct ky_slice text, struct ky_slice *out,
              struct ky_error *err)
{
    const char *at = text.data;
    const char *end = at + text.size;
    while (at < end && is_space(*at)) {
        at++;
    }
    struct literal literal = {.decimals = 0};
    bool has_sign = at < end && (*at == '+' || *at == '-');
    if (has_sign) {
        literal.is_minus = *at++ == '-';
    }
    const char *rest = at;
    if (at < end && !is_digit(*at) && *at != '.') {
        if (!has_sign && word_is(at, end, "nan", &rest) && all_space(rest, end)) {
            *out = numeric_special(arena, NUMERIC_NAN);
            return KY_OK;
        }
        if ((word_is(at, end, "infinity", &rest) || word_is(at, end, "inf", &rest)) &&
            all_space(rest, end)) {
            *out = numeric_special(arena, literal.is_minus ? NUMERIC_MINUS_INFINITY
                                                           : NUMERIC_PLUS_INFINITY);
            return KY_OK;
        }
        return type_error_syntax(err, "numeric", text);
    }
    switch (read_literal(arena, at, end, &literal)) {
    case PARSE_OK:
        return store_literal(arena, &literal, out, err);
    case PARSE_SYNTAX:
        return type_error_syntax(err, "numeric", text);
    case PARSE_OVERFLOW:
        break;
    }
    return numeric_overflow(err);
}

void
numeric_print(struct ky_slice a, struct ky_buffer *out)
{
    switch (numeric_form(a)) {
    case NUMERIC_NAN:
        ky_buffer_append_cstr(out, "NaN");
        return;
    case NUMERIC_PLUS_INFINITY:
        ky_buffer_append_cstr(out, "Infinity");
        return;
    case NUMERIC_MINUS_INFINITY:
        ky_buffer_append_cstr(out, "-Infinity");
        return;
    case NUMERIC_WORD:
    case NUMERIC_WIDE:
    case NUMERIC_BIG_PLUS:
    case NUMERIC_BIG_MINUS:
        break;
    }
    char local[NUMERIC_DIGITS_LOCAL];
    size_t count;
    char *digits = numeric_digits(a, local, &count);
    size_t scale = (size_t)numeric_scale(a);
    if (numeric_sign(a) < 0) {
        ky_buffer_append_byte(out, '-');
    }
    if (count > scale) {
        ky_buffer_append(out, digits, count - scale);
    } else {
        ky_buffer_append_byte(out, '0');
    }
    if (scale > 0) {
        ky_buffer_append_byte(out, '.');
        if (count < scale) {
            memset(ky_buffer_extend(out, scale - count), '0', scale - count);
        }
        size_t shown = KY_MIN(count, scale);
        ky_buffer_append(out, digits + count - shown, shown);
    }
    numeric_digits_free(digits, local);
}

enum {
    SIGN_PLUS = 0x0000,
    SIGN_MINUS = 0x4000,
    SIGN_NAN = 0xC000,
    SIGN_PINF = 0xD000,
    SIGN_NINF = 0xF000
};

static uint16_t
wire_digit(const char *digits, int64_t count, int64_t first)
{
    int value = 0;
    for (int64_t i = first; i < first + 4; i++) {
        value = value * 10 + (i >= 0 && i < count ? digits[i] - '0' : 0);
    }
    return (uint16_t)value;
}

void
numeric_encode_wire(struct ky_slice a, struct ky_buffer *out)
{
    if (numeric_is_special(a)) {
        ky_buffer_append_be16(out, 0);
        ky_buffer_append_be16(out, 0);
        ky_buffer_append_be16(out, numeric_is_nan(a)     ? SIGN_NAN
                                   : numeric_sign(a) > 0 ? SIGN_PINF
                                                         : SIGN_NINF);
        /* What PostgreSQL sends for the infinities. */
        ky_buffer_append_be16(out, numeric_is_nan(a) ? 0 : 0x20);
        return;
    }
    char local[NUMERIC_DIGITS_LOCAL];
    size_t digit_count;
    char *digits = numeric_digits(a, local, &digit_count);
    int64_t count = (int64_t)digit_count;
    int scale = numeric_scale(a);
    int64_t weight = 0;
    int64_t groups = 0;
    int64_t first = 0; /* index of the first group's first digit; negative: zeros in front */
    if (count > 0) {
        int64_t top = count - 1 - scale;
        weight = top >= 0 ? top / 4 : -((3 - top) / 4);
        first = -(4 * weight + 3 - top);
        groups = (count - first + 3) / 4;
        while (groups > 0 && wire_digit(digits, count, first + 4 * (groups - 1)) == 0) {
            groups--;
        }
    }
    ky_buffer_append_be16(out, (uint16_t)groups);
    ky_buffer_append_be16(out, (uint16_t)weight);
    ky_buffer_append_be16(out, numeric_sign(a) < 0 ? SIGN_MINUS : SIGN_PLUS);
    ky_buffer_append_be16(out, (uint16_t)scale);
    for (int64_t i = 0; i < groups; i++) {
        ky_buffer_append_be16(out, wire_digit(digits, count, first + 4 * i));
    }
    numeric_digits_free(digits, local);
}

static ky_status
wire_error(struct ky_error *err, const char *what)
{
    return ky_error_set(err, KY_INVALID_BINARY_REPRESENTATION,
                        "invalid %s in external \"numeric\" value", what);
}

ky_status
numeric_decode_wire(struct ky_arena *arena, struct ky_slice wire, struct ky_slice *out,
                    struct ky_error *err)
{
    const uint8_t *at = wire.data;
    if (wire.size < 8) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    int groups = (int16_t)ky_load_be16(at);
    int weight = (int16_t)ky_load_be16(at + 2);
    int sign = ky_load_be16(at + 4);
    int scale = ky_load_be16(at + 6);
    if (groups < 0 || groups > NUMERIC_PRECISION_MAX + NUMERIC_RESULT_SCALE_MAX ||
        wire.size != 8 + 2 * (size_t)groups) {
        return wire_error(err, "length");
    }
    if (sign == SIGN_NAN || sign == SIGN_PINF || sign == SIGN_NINF) {
        *out = numeric_special(arena, sign == SIGN_NAN    ? NUMERIC_NAN
                                      : sign == SIGN_PINF ? NUMERIC_PLUS_INFINITY
                                                          : NUMERIC_MINUS_INFINITY);
        return KY_OK;
    }
    if (sign != SIGN_PLUS && sign != SIGN_MINUS) {
        return wire_error(err, "sign");
    }
    if (scale > NUMERIC_SCALE_MAX) {
        return wire_error(err, "scale");
    }
    mpz_t value;
    mpz_init(value);
    for (int i = 0; i < groups; i++) {
        unsigned digit = ky_load_be16(at + 8 + 2 * (size_t)i);
        if (digit >= 10000) {
            mpz_clear(value);
            return wire_error(err, "digit");
        }
        mpz_mul_ui(value, value, 10000);
        mpz_add_ui(value, value, digit);
    }
    /* value * 10000^(weight - groups + 1); decimals beyond the scale are cut as PostgreSQL does. */
    int shift = (weight - groups + 1) * 4 + scale;
    if (shift >= 0) {
        numeric_mpz_scale_up(value, shift);
    } else {
        mpz_t power;
        mpz_init(power);
        mpz_ui_pow_ui(power, 10, (unsigned long)-shift);
        mpz_tdiv_q(value, value, power);
        mpz_clear(power);
    }
    if (sign == SIGN_MINUS) {
        mpz_neg(value, value);
    }
    ky_status status = numeric_store_checked(arena, value, scale, out, err);
    mpz_clear(value);
    return status;
}
