/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/func_private.h"
#include "server/func/utext.h"
#include "server/types/numeric.h"

/*
 * to_char of numbers and to_number. A template is parsed into what counts (digits before and after
 * the point, the first 0, how the sign is shown), the number is rounded to it, and the template is
 * walked again to print.
 */

enum sign_style {
    SIGN_PLAIN,
    SIGN_LEADING,
    SIGN_TRAILING,
    SIGN_MINUS,
    SIGN_PLUS,
    SIGN_BOTH,
    SIGN_ANGLE
};

struct number_template {
    struct ky_slice text;
    int before;     /* digits before the point */
    int after;      /* and after it */
    int first_zero; /* place of the first 0 among those before, -1: none */
    int last_zero;  /* of the last 0 among those after, -1 */
    bool has_point;
    bool is_fill;
    enum sign_style sign;
};

static bool
starts(struct ky_slice text, size_t at, const char *word)
{
    const size_t size = strlen(word);
    for (size_t i = 0; i < size; i++) {
        if (at + i >= text.size ||
            utext_upper(((const uint8_t *)text.data)[at + i]) != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

static ky_status
template_parse(struct ky_slice text, struct number_template *t, struct ky_error *err)
{
    const char *p = text.data;
    *t = (struct number_template){.text = text, .first_zero = -1, .last_zero = -1};
    for (size_t i = 0; i < text.size; i++) {
        if (p[i] == '"') {
            for (i++; i < text.size && p[i] != '"'; i++) {
            }
        } else if (p[i] == '9' || p[i] == '0') {
            if (p[i] == '0' && t->has_point) {
                t->last_zero = t->after;
            } else if (p[i] == '0' && t->first_zero < 0) {
                t->first_zero = t->before;
            }
            *(t->has_point ? &t->after : &t->before) += 1;
        } else if (p[i] == '.' || p[i] == 'D' || p[i] == 'd') {
            if (t->has_point) {
                return ky_error_set(err, KY_SYNTAX_ERROR, "multiple decimal points");
            }
            t->has_point = true;
        } else if (starts(text, i, "FM")) {
            t->is_fill = true;
            i++;
        } else if (starts(text, i, "MI")) {
            t->sign = SIGN_MINUS;
            i++;
        } else if (starts(text, i, "PL")) {
            t->sign = SIGN_PLUS;
            i++;
        } else if (starts(text, i, "SG")) {
            t->sign = SIGN_BOTH;
            i++;
        } else if (starts(text, i, "PR")) {
            t->sign = SIGN_ANGLE;
            i++;
        } else if (starts(text, i, "S")) {
            t->sign = t->before + t->after == 0 ? SIGN_LEADING : SIGN_TRAILING;
        } else if (starts(text, i, "EEEE") || starts(text, i, "RN") || starts(text, i, "V")) {
            return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                "number format \"%.*s\" is not supported", (int)text.size, p);
        }
    }
    return KY_OK;
}

struct printed_number {
    const char *whole; /* digits, no leading zeros */
    int whole_count;
    const char *fraction; /* exactly after digits, or NULL for ### */
    bool is_negative;
    bool is_overflow;
};

static void
append_sign(const struct number_template *t, bool is_negative, struct ky_buffer *out)
{
    switch (t->sign) {
    case SIGN_PLAIN:
        if (is_negative || !t->is_fill) {
            ky_buffer_append_byte(out, is_negative ? '-' : ' ');
        }
        break;
    case SIGN_LEADING:
        ky_buffer_append_byte(out, is_negative ? '-' : '+');
        break;
    case SIGN_ANGLE:
        if (is_negative || !t->is_fill) {
            ky_buffer_append_byte(out, is_negative ? '<' : ' ');
        }
        break;
    case SIGN_PLUS:
        if (is_negative) {
            ky_buffer_append_byte(out, '-');
        } else if (!t->is_fill) {
            ky_buffer_append_byte(out, ' ');
        }
        break;
    case SIGN_TRAILING:
    case SIGN_MINUS:
    case SIGN_BOTH:
        break;
    }
}

/* Two-letter words that show the sign where they stand. */
static bool
append_sign_word(const struct number_template *t, size_t *i, bool is_negative,
                 struct ky_buffer *out)
{
    if (starts(t->text, *i, "MI")) {
        if (is_negative || !t->is_fill) {
            ky_buffer_append_byte(out, is_negative ? '-' : ' ');
        }
    } else if (starts(t->text, *i, "PL")) {
        if (!is_negative || !t->is_fill) {
            ky_buffer_append_byte(out, is_negative ? ' ' : '+');
        }
    } else if (starts(t->text, *i, "SG")) {
        ky_buffer_append_byte(out, is_negative ? '-' : '+');
    } else if (starts(t->text, *i, "PR")) {
        if (is_negative || !t->is_fill) {
            ky_buffer_append_byte(out, is_negative ? '>' : ' ');
        }
    } else if (!starts(t->text, *i, "FM")) {
        return false;
    }
    (*i)++;
    return true;
}

static void
append_ordinal(const struct printed_number *n, bool is_upper, struct ky_buffer *out)
{
    const int last = n->whole_count > 0 ? n->whole[n->whole_count - 1] - '0' : 0;
    const bool is_teen = n->whole_count > 1 && n->whole[n->whole_count - 2] == '1';
    const char *suffix = is_teen || last == 0 || last > 3 ? "th"
                         : last == 1                      ? "st"
                         : last == 2                      ? "nd"
                                                          : "rd";
    for (int i = 0; i < 2 && !n->is_negative; i++) {
        const uint32_t c = (uint8_t)suffix[i];
        ky_buffer_append_byte(out, (uint8_t)(is_upper ? utext_upper(c) : c));
    }
}

static void
print_number(const struct number_template *t, const struct printed_number *n, struct ky_buffer *out)
{
    const char *p = t->text.data;
    int place = 0;          /* of the next digit before the point */
    int fraction_place = 0; /* and after it */
    bool has_started = false;
    bool has_point = false;
    int fraction_count = t->after;
    while (t->is_fill && !n->is_overflow && fraction_count > t->last_zero + 1 &&
           n->fraction[fraction_count - 1] == '0') {
        fraction_count--;
    }
    for (size_t i = 0; i < t->text.size; i++) {
        if (p[i] == '"') {
            for (i++; i < t->text.size && p[i] != '"'; i++) {
                ky_buffer_append_byte(out, (uint8_t)p[i]);
            }
        } else if ((p[i] == '9' || p[i] == '0') && has_point) {
            if (n->is_overflow || fraction_place < fraction_count) {
                ky_buffer_append_byte(out,
                                      n->is_overflow ? '#' : (uint8_t)n->fraction[fraction_place]);
            }
            fraction_place++;
        } else if (p[i] == '9' || p[i] == '0') {
            const int index = n->whole_count - (t->before - place);
            const bool is_zero = t->first_zero >= 0 && place >= t->first_zero;
            if ((n->is_overflow || index >= 0 || is_zero) && !has_started) {
                append_sign(t, n->is_negative, out);
                has_started = true;
            }
            if (n->is_overflow) {
                ky_buffer_append_byte(out, '#');
            } else if (index >= 0) {
                ky_buffer_append_byte(out, (uint8_t)n->whole[index]);
            } else if (is_zero) {
                ky_buffer_append_byte(out, '0');
            } else if (!t->is_fill) {
                ky_buffer_append_byte(out, ' ');
            }
            place++;
        } else if (p[i] == '.' || p[i] == 'D' || p[i] == 'd') {
            if (!has_started) {
                append_sign(t, n->is_negative, out);
                has_started = true;
            }
            has_point = true;
            ky_buffer_append_byte(out, '.');
        } else if (p[i] == ',' || p[i] == 'G' || p[i] == 'g') {
            if (has_started || !t->is_fill) {
                ky_buffer_append_byte(out, has_started ? ',' : ' ');
            }
        } else if (starts(t->text, i, "TH")) {
            append_ordinal(n, p[i] == 'T', out);
            i++;
        } else if (append_sign_word(t, &i, n->is_negative, out)) {
            continue;
        } else if (p[i] == 'S' || p[i] == 's') {
            if (t->sign == SIGN_TRAILING) {
                ky_buffer_append_byte(out, n->is_negative ? '-' : '+');
            }
        } else if (p[i] == 'L' || p[i] == 'l') {
            ky_buffer_append_byte(out, ' '); /* no currency symbol in this locale */
        } else {
            ky_buffer_append_byte(out, (uint8_t)p[i]);
        }
    }
}

static ky_status
number_to_char(struct func_env *env, struct ky_slice value, struct ky_slice template,
               struct datum *out, struct ky_error *err)
{
    struct number_template t;
    struct printed_number n = {0};
    struct ky_arena *arena = env->types.arena;
    KY_TRY(template_parse(template, &t, err));
    const bool is_finite = !numeric_is_nan(value) && !isinf(numeric_to_double(value));
    if (is_finite) {
        struct ky_slice rounded = numeric_round(arena, value, t.after);
        struct datum magnitude = {.bytes = numeric_abs(arena, rounded)};
        n.is_negative = numeric_sign(rounded) < 0;
        n.whole = ky_arena_cstr(arena, func_output(env, type_get(OID_NUMERIC), magnitude));
        const char *point = strchr(n.whole, '.');
        n.whole_count = (int)(point == NULL ? strlen(n.whole) : (size_t)(point - n.whole));
        n.fraction = point == NULL ? "" : point + 1;
        /* A lone zero is shown only where nothing else would be. */
        if (n.whole_count == 1 && n.whole[0] == '0' && t.after > 0 &&
            !(t.is_fill && t.first_zero >= 0)) {
            n.whole_count = 0;
        }
    }
    n.is_overflow = !is_finite || n.whole_count > t.before;
    struct ky_buffer text = {0};
    print_number(&t, &n, &text);
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

SCALAR(to_char_numeric)
{
    return number_to_char(env, args[0].bytes, args[1].bytes, out, err);
}

SCALAR(to_char_int)
{
    return number_to_char(env, numeric_from_int64(env->types.arena, args[0].word), args[1].bytes,
                          out, err);
}

SCALAR(to_char_float8)
{
    return number_to_char(env, numeric_from_double(env->types.arena, args[0].real, 15),
                          args[1].bytes, out, err);
}

SCALAR(to_char_float4)
{
    return number_to_char(env, numeric_from_double(env->types.arena, args[0].real, 6),
                          args[1].bytes, out, err);
}

/* to_number: the digits and the point that stand where the template lets them, and a sign. */
SCALAR(to_number)
{
    struct number_template t;
    if (args[1].bytes.size == 0) {
        *out = datum_null();
        return KY_OK;
    }
    KY_TRY(template_parse(args[1].bytes, &t, err));
    const char *p = args[0].bytes.data;
    struct ky_buffer digits = {0};
    bool is_negative = false;
    bool has_point = false;
    int before = 0;
    int after = 0;
    for (size_t i = 0; i < args[0].bytes.size; i++) {
        if (p[i] == '-' || p[i] == '<') {
            is_negative = true;
        } else if (p[i] == '.' && t.has_point && !has_point) {
            has_point = true;
            ky_buffer_append_byte(&digits, '.');
        } else if (p[i] == '.') {
            break;
        } else if (p[i] >= '0' && p[i] <= '9') {
            if (has_point ? after++ < t.after : before++ < t.before) {
                ky_buffer_append_byte(&digits, (uint8_t)p[i]);
            }
        }
    }
    if (before + after == 0) {
        ky_buffer_deinit(&digits);
        return ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION,
                            "invalid input syntax for type numeric: \"%.*s\"",
                            (int)KY_MIN(args[0].bytes.size, (size_t)64), p);
    }
    const struct type *numeric = type_get(OID_NUMERIC);
    struct ky_slice text = func_take_buffer(env, &digits).bytes;
    KY_TRY(numeric->input(numeric, &env->types, text, -1, out, err));
    if (is_negative) {
        out->bytes = numeric_negate(env->types.arena, out->bytes);
    }
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1772, "to_char", OID_TEXT, 's', true, ARGS(OID_NUMERIC, OID_TEXT),
         .scalar = to_char_numeric),
    FUNC(1773, "to_char", OID_TEXT, 's', true, ARGS(OID_INT4, OID_TEXT), .scalar = to_char_int),
    FUNC(1774, "to_char", OID_TEXT, 's', true, ARGS(OID_INT8, OID_TEXT), .scalar = to_char_int),
    FUNC(1776, "to_char", OID_TEXT, 's', true, ARGS(OID_FLOAT8, OID_TEXT),
         .scalar = to_char_float8),
    FUNC(1775, "to_char", OID_TEXT, 's', true, ARGS(OID_FLOAT4, OID_TEXT),
         .scalar = to_char_float4),
    FUNC(1777, "to_number", OID_NUMERIC, 's', true, ARGS(OID_TEXT, OID_TEXT), .scalar = to_number),
};

const struct func_table func_table_to_number = {funcs, KY_COUNT_OF(funcs), NULL, 0};
