/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "server/func/func_private.h"
#include "server/func/utext.h"
#include "server/types/array.h"
#include "server/types/numeric.h"

/* Sizes: shown with a unit, read with one, and how many bytes a value takes. */

/* Five digits at most, then the next unit; rounded half away from zero. */
SCALAR(size_pretty)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    int64_t size = args[0].word;
    char *text = ky_arena_alloc(env->types.arena, 32);
    if (size > -10240 && size < 10240) {
        *out = datum_bytes(text, (size_t)snprintf(text, 32, "%lld bytes", (long long)size));
        return KY_OK;
    }
    size /= 512; /* twice the number of kB, so that a half survives */
    size_t unit = 0;
    while (unit + 1 < KY_COUNT_OF(units) && (size <= -20479 || size >= 20479)) {
        size /= 1024;
        unit++;
    }
    const int64_t rounded = (size + (size > 0) - (size < 0)) / 2;
    *out =
        datum_bytes(text, (size_t)snprintf(text, 32, "%lld %s", (long long)rounded, units[unit]));
    return KY_OK;
}

static bool
is_below(struct ky_arena *arena, struct ky_slice value, int64_t limit)
{
    return numeric_compare(numeric_abs(arena, value), numeric_from_int64(arena, limit)) < 0;
}

static ky_status
divide(struct ky_arena *arena, struct ky_slice *value, int64_t by, struct ky_error *err)
{
    KY_TRY(numeric_div(arena, *value, numeric_from_int64(arena, by), value, err));
    *value = numeric_trunc(arena, *value, 0);
    return KY_OK;
}

static struct datum
with_unit(struct func_env *env, struct ky_slice number, const char *unit)
{
    const struct type *numeric = type_get(OID_NUMERIC);
    struct ky_buffer text = {0};
    numeric->output(numeric, &env->types, (struct datum){.bytes = number}, &text);
    ky_buffer_printf(&text, " %s", unit);
    return func_take_buffer(env, &text);
}

SCALAR(size_pretty_numeric)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    struct ky_arena *arena = env->types.arena;
    struct ky_slice size = args[0].bytes;
    if (is_below(arena, size, 10240)) {
        *out = with_unit(env, size, "bytes");
        return KY_OK;
    }
    size = numeric_trunc(arena, size, 0);
    KY_TRY(divide(arena, &size, 512, err));
    size_t unit = 0;
    while (unit + 1 < KY_COUNT_OF(units) && !is_below(arena, size, 20479)) {
        KY_TRY(divide(arena, &size, 1024, err));
        unit++;
    }
    const int64_t half = numeric_sign(size) < 0 ? -1 : 1;
    KY_TRY(numeric_add(arena, size, numeric_from_int64(arena, half), &size, err));
    KY_TRY(divide(arena, &size, 2, err));
    *out = with_unit(env, size, units[unit]);
    return KY_OK;
}

/* How much of text is a number: [sign] digits [. digits] [e [sign] digits]. 0: none. */
static size_t
number_size(const char *text)
{
    const char *p = text;
    size_t digits = 0;
    p += *p == '+' || *p == '-';
    for (; isdigit((unsigned char)*p) != 0; p++) {
        digits++;
    }
    if (*p == '.') {
        for (p++; isdigit((unsigned char)*p) != 0; p++) {
            digits++;
        }
    }
    if (digits == 0) {
        return 0;
    }
    if (*p == 'e' || *p == 'E') {
        const char *exponent = p + 1;
        exponent += *exponent == '+' || *exponent == '-';
        if (isdigit((unsigned char)*exponent) != 0) {
            while (isdigit((unsigned char)*exponent) != 0) {
                exponent++;
            }
            p = exponent;
        }
    }
    return (size_t)(p - text);
}

SCALAR(size_bytes)
{
    static const struct {
        const char *name;
        int shift;
    } units[] = {{"bytes", 0}, {"kB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}, {"PB", 50}};
    const struct type *numeric = type_get(OID_NUMERIC);
    const char *whole = ky_arena_cstr(env->types.arena, args[0].bytes);
    const char *text = whole;
    struct datum number;
    while (isspace((unsigned char)*text) != 0) {
        text++;
    }
    const size_t size = number_size(text);
    if (size == 0) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "invalid size: \"%s\"", whole);
    }
    KY_TRY(numeric->input(numeric, &env->types, ky_slice(text, size), -1, &number, err));
    const char *unit = text + size;
    while (isspace((unsigned char)*unit) != 0) {
        unit++;
    }
    size_t unit_size = strlen(unit);
    while (unit_size > 0 && isspace((unsigned char)unit[unit_size - 1]) != 0) {
        unit_size--;
    }
    size_t i = 0;
    while (
        i < KY_COUNT_OF(units) && unit_size > 0 &&
        (strlen(units[i].name) != unit_size || strncasecmp(units[i].name, unit, unit_size) != 0)) {
        i++;
    }
    if (i == KY_COUNT_OF(units)) {
        ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "invalid size: \"%s\"", whole);
        ky_error_detail(err, "Invalid size unit: \"%.*s\".", (int)unit_size, unit);
        return ky_error_hint(
            err, "Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".");
    }
    const struct ky_slice factor =
        numeric_from_int64(env->types.arena, INT64_C(1) << units[i].shift);
    KY_TRY(numeric_mul(env->types.arena, number.bytes, factor, &number.bytes, err));
    *out = datum_word(0);
    return numeric_to_int64(number.bytes, &out->word, err);
}

/* What PostgreSQL would keep of a numeric: two bytes of head (four when the scale or weight is
 * large) and two for each group of four digits that is not zero at either end. */
static int64_t
numeric_bytes(struct func_env *env, struct datum value)
{
    const struct ky_slice text = func_output(env, type_get(OID_NUMERIC), value);
    const char *p = text.data;
    int64_t first = INT64_MIN; /* power of ten of the first and last digit that is not 0 */
    int64_t last = 0;
    int64_t scale = 0;
    size_t size = text.size;
    const char *point = memchr(p, '.', size);
    int64_t power = (point == NULL ? (int64_t)size : point - p) - 1;
    for (size_t i = 0; i < size; i++) {
        if (p[i] == '.') {
            scale = (int64_t)(size - i) - 1;
            continue;
        }
        if (p[i] == '-') {
            power--;
            continue;
        }
        if (p[i] > '0' && p[i] <= '9') {
            first = first == INT64_MIN ? power : first;
            last = power;
        }
        power--;
    }
    if (first == INT64_MIN) {
        return 2;
    }
    const int64_t high = first >= 0 ? first / 4 : -((-first + 3) / 4);
    const int64_t low = last >= 0 ? last / 4 : -((-last + 3) / 4);
    return (scale > 63 || high > 63 || high < -64 ? 4 : 2) + 2 * (high - low + 1);
}

/* Head, bounds and elements; each element that varies in width has four bytes of its own in front
 * and begins at a multiple of four. */
static int64_t
array_bytes(struct ky_slice array)
{
    enum { HEAD_SIZE = 12, BOUNDS_SIZE = 8, MARGIN = 8 };
    struct array_view view;
    array_open(array, &view);
    const uint8_t *cursor = view.first;
    int64_t size = 0;
    bool has_nulls = false;
    for (uint32_t i = 0; i < view.count; i++) {
        const struct datum value = array_next(&view, &cursor);
        has_nulls = has_nulls || value.is_null;
        if (!value.is_null) {
            size += view.element->typlen > 0 ? view.element->typlen
                                             : (int64_t)((value.bytes.size + 4 + 3) / 4 * 4);
        }
    }
    size += HEAD_SIZE + BOUNDS_SIZE * view.dimension_count;
    return has_nulls ? (size + view.count / 8 + MARGIN) / 8 * 8 : size;
}

/* The size of a value of a row as PostgreSQL would keep it, uncompressed: fixed widths as they
 * are, the others with one byte of length in front, four where they take more than 126. */
SCALAR(column_size)
{
    enum { SHORT_MAX = 126 };
    const struct type *type = func_arg_type(env, 0);
    if (type != NULL && type->typlen > 0) {
        *out = datum_word(type->typlen);
        return KY_OK;
    }
    if (type != NULL && type->oid == OID_UNKNOWN) {
        *out = datum_word((int64_t)args[0].bytes.size + 1);
        return KY_OK;
    }
    int64_t size = (int64_t)args[0].bytes.size;
    if (type != NULL && type->oid == OID_NUMERIC) {
        size = numeric_bytes(env, args[0]);
    } else if (type != NULL && type->category == 'A') {
        size = array_bytes(args[0].bytes);
    }
    size += size <= SHORT_MAX ? 1 : 4;
    *out = datum_word(size);
    return KY_OK;
}

/* Values are not compressed one by one. */
SCALAR(column_compression)
{
    *out = datum_null();
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(2288, "pg_size_pretty", OID_TEXT, 'i', true, ARGS(OID_INT8), .scalar = size_pretty),
    FUNC(3166, "pg_size_pretty", OID_TEXT, 'i', true, ARGS(OID_NUMERIC),
         .scalar = size_pretty_numeric),
    FUNC(3334, "pg_size_bytes", OID_INT8, 'i', true, ARGS(OID_TEXT), .scalar = size_bytes),
    FUNC(1269, "pg_column_size", OID_INT4, 's', true, ARGS(OID_ANY), .scalar = column_size),
    FUNC(2121, "pg_column_compression", OID_TEXT, 's', true, ARGS(OID_ANY),
         .scalar = column_compression),
};

const struct func_table func_table_size = {funcs, KY_COUNT_OF(funcs), NULL, 0};
