/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/func/func_private.h"
#include "server/func/utext.h"
#include "server/types/array.h"
#include "server/types/identifier.h"

/* concat, concat_ws, format, quoting and the other functions that take values of any type. */

/* Arguments one by one, or the elements of the array after VARIADIC. */
struct any_list {
    struct func_env *env;
    const struct datum *args;
    int first;
    int count;
    struct datum *values; /* of the array */
    const struct type *element;
};

static struct any_list
any_list_open(struct func_env *env, const struct datum *args, int first, int arg_count)
{
    struct any_list list = {.env = env, .args = args, .first = first, .count = arg_count - first};
    if (!env->has_variadic_array || arg_count != first + 1) {
        return list;
    }
    list.count = 0;
    if (!args[first].is_null) {
        struct array_view view;
        array_open(args[first].bytes, &view);
        list.values = ky_arena_array(env->types.arena, struct datum, view.count + 1);
        list.element = view.element;
        list.count = (int)view.count;
        const uint8_t *cursor = view.first;
        for (uint32_t i = 0; i < view.count; i++) {
            list.values[i] = array_next(&view, &cursor);
        }
    }
    return list;
}

static struct datum
any_list_get(const struct any_list *list, int index, const struct type **type)
{
    if (list->values != NULL) {
        *type = list->element;
        return list->values[index];
    }
    *type = func_arg_type(list->env, list->first + index);
    return list->args[list->first + index];
}

static void
append_text(struct func_env *env, const struct type *type, struct datum value,
            struct ky_buffer *out)
{
    if (type == NULL || type->oid == OID_TEXT || type->oid == OID_UNKNOWN) {
        ky_buffer_append_slice(out, value.bytes);
    } else {
        type->output(type, &env->types, value, out);
    }
}

static ky_status
join(struct func_env *env, const struct any_list *list, struct ky_slice separator,
     struct datum *out, struct ky_error *err)
{
    struct ky_buffer text = {0};
    bool is_first = true;
    for (int i = 0; i < list->count; i++) {
        const struct type *type;
        struct datum value = any_list_get(list, i, &type);
        if (value.is_null) {
            continue;
        }
        if (!is_first) {
            ky_buffer_append_slice(&text, separator);
        }
        is_first = false;
        append_text(env, type, value, &text);
        if (func_check_size(env, text.size, err) != KY_OK || func_check_cancel(env, err) != KY_OK) {
            ky_buffer_deinit(&text);
            return KY_ERR;
        }
    }
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

SCALAR(concat)
{
    struct any_list list = any_list_open(env, args, 0, arg_count);
    *out = datum_null();
    return env->has_variadic_array && args[0].is_null
               ? KY_OK
               : join(env, &list, ky_slice(NULL, 0), out, err);
}

SCALAR(concat_ws)
{
    *out = datum_null();
    if (args[0].is_null || (env->has_variadic_array && args[1].is_null)) {
        return KY_OK;
    }
    struct any_list list = any_list_open(env, args, 1, arg_count);
    return join(env, &list, args[0].bytes, out, err);
}

SCALAR(num_nulls)
{
    struct any_list list = any_list_open(env, args, 0, arg_count);
    int64_t count = 0;
    if (env->has_variadic_array && args[0].is_null) {
        *out = datum_null();
        return KY_OK;
    }
    for (int i = 0; i < list.count; i++) {
        const struct type *type;
        count += any_list_get(&list, i, &type).is_null;
    }
    *out = datum_word(count);
    return KY_OK;
}

SCALAR(num_nonnulls)
{
    struct any_list list = any_list_open(env, args, 0, arg_count);
    KY_TRY(num_nulls(env, args, arg_count, out, err));
    out->word = list.count - out->word;
    return KY_OK;
}

/* Quoting */

static void
append_literal(struct ky_slice text, struct ky_buffer *out)
{
    const char *p = text.data;
    if (text.size > 0 && memchr(p, '\\', text.size) != NULL) {
        ky_buffer_append_byte(out, 'E');
    }
    ky_buffer_append_byte(out, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (p[i] == '\'' || p[i] == '\\') {
            ky_buffer_append_byte(out, (uint8_t)p[i]);
        }
        ky_buffer_append_byte(out, (uint8_t)p[i]);
    }
    ky_buffer_append_byte(out, '\'');
}

SCALAR(quote_ident)
{
    struct ky_buffer text = {0};
    identifier_append(args[0].bytes, &text);
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

static ky_status
quote_value(struct func_env *env, struct datum value, struct datum *out)
{
    struct ky_buffer bare = {0};
    struct ky_buffer text = {0};
    append_text(env, func_arg_type(env, 0), value, &bare);
    append_literal(ky_buffer_slice(&bare), &text);
    ky_buffer_deinit(&bare);
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

SCALAR(quote_literal)
{
    return quote_value(env, args[0], out);
}

SCALAR(quote_nullable)
{
    if (args[0].is_null) {
        *out = datum_cstr("NULL");
        return KY_OK;
    }
    return quote_value(env, args[0], out);
}

/* format(): %[position$][-][width]type */

struct format_spec {
    int position; /* 0: the next one */
    int width;
    bool is_left;
    bool has_width_argument;
    int width_position;
    char type;
};

static ky_status
width_out_of_range(struct ky_error *err)
{
    return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range");
}

/* *after_out: what follows it; p itself where there is none. */
static ky_status
parse_number(const char *p, const char *end, int *number, const char **after_out,
             struct ky_error *err)
{
    int64_t value = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');
        if (value > INT32_MAX) {
            return width_out_of_range(err);
        }
    }
    *number = (int)value;
    *after_out = p;
    return KY_OK;
}

static ky_status
parse_spec(const char **place, const char *end, struct format_spec *spec, struct ky_error *err)
{
    const char *p = *place;
    int number;
    *spec = (struct format_spec){0};
    const char *after;
    KY_TRY(parse_number(p, end, &number, &after, err));
    if (after > p && after < end && *after == '$') {
        if (number == 0) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "format specifies argument 0, but arguments are numbered from 1");
        }
        spec->position = number;
        p = after + 1;
    }
    while (p < end && *p == '-') {
        spec->is_left = true;
        p++;
    }
    if (p < end && *p == '*') {
        spec->has_width_argument = true;
        p++;
        KY_TRY(parse_number(p, end, &number, &after, err));
        if (after > p && after < end && *after == '$') {
            spec->width_position = number;
            p = after + 1;
        }
    } else {
        KY_TRY(parse_number(p, end, &spec->width, &p, err));
    }
    if (p >= end) {
        ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "unterminated format() type specifier");
        return ky_error_hint(err, "For a single \"%%\" use \"%%%%\".");
    }
    spec->type = *p;
    if (*p != 's' && *p != 'I' && *p != 'L') {
        ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                     "unrecognized format() type specifier \"%.*s\"", (int)utext_size((uint8_t)*p),
                     p);
        return ky_error_hint(err, "For a single \"%%\" use \"%%%%\".");
    }
    *place = p + 1;
    return KY_OK;
}

static ky_status
too_few(struct ky_error *err)
{
    return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "too few arguments for format()");
}

static ky_status
append_spaces(struct func_env *env, int64_t count, struct ky_buffer *out, struct ky_error *err)
{
    static const char spaces[] = "                                                                ";
    for (; count > 0; count -= (int64_t)sizeof(spaces) - 1) {
        ky_buffer_append(out, spaces, (size_t)KY_MIN(count, (int64_t)sizeof(spaces) - 1));
        KY_TRY(func_check_cancel(env, err));
    }
    return KY_OK;
}

static ky_status
append_formatted(struct func_env *env, const struct any_list *list, struct format_spec spec,
                 int *next, struct ky_buffer *out, struct ky_error *err)
{
    const struct type *type;
    int64_t width = spec.width;
    if (spec.has_width_argument) {
        int index = spec.width_position > 0 ? spec.width_position - 1 : (*next)++;
        if (index >= list->count) {
            return too_few(err);
        }
        struct datum value = any_list_get(list, index, &type);
        width = value.is_null ? 0 : value.word;
        if (!value.is_null && type != NULL && type->storage == TYPE_BYTES) {
            struct ky_slice text = func_output(env, type, value);
            width = strtoll(ky_arena_cstr(env->types.arena, text), NULL, 10);
        }
        if (width < 0) {
            spec.is_left = true;
            width = -width;
        }
        if (width > INT32_MAX) {
            return width_out_of_range(err);
        }
    }
    int index = spec.position > 0 ? spec.position - 1 : *next;
    if (index >= list->count) {
        return too_few(err);
    }
    *next = index + 1;
    struct datum value = any_list_get(list, index, &type);
    struct ky_buffer bare = {0};
    struct ky_buffer text = {0};
    if (value.is_null && spec.type == 'I') {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED,
                            "null values cannot be formatted as an SQL identifier");
    }
    if (!value.is_null) {
        append_text(env, type, value, &bare);
    }
    if (spec.type == 'L' && value.is_null) {
        ky_buffer_append_cstr(&text, "NULL");
    } else if (spec.type == 'L') {
        append_literal(ky_buffer_slice(&bare), &text);
    } else if (spec.type == 'I') {
        identifier_append(ky_buffer_slice(&bare), &text);
    } else {
        ky_buffer_append_slice(&text, ky_buffer_slice(&bare));
    }
    const int64_t padding = width - (int64_t)utf8_count(ky_buffer_slice(&text));
    ky_status status =
        func_check_size(env, out->size + text.size + (size_t)KY_MAX(padding, 0), err);
    if (status == KY_OK && !spec.is_left) {
        status = append_spaces(env, padding, out, err);
    }
    if (status == KY_OK) {
        ky_buffer_append_slice(out, ky_buffer_slice(&text));
    }
    if (status == KY_OK && spec.is_left) {
        status = append_spaces(env, padding, out, err);
    }
    ky_buffer_deinit(&bare);
    ky_buffer_deinit(&text);
    return status;
}

SCALAR(format)
{
    *out = datum_null();
    if (args[0].is_null) {
        return KY_OK;
    }
    const char *p = args[0].bytes.data;
    const char *end = p + args[0].bytes.size;
    struct any_list list = any_list_open(env, args, 1, arg_count);
    struct ky_buffer text = {0};
    int next = 0;
    ky_status status = KY_OK;
    while (p < end && status == KY_OK) {
        if (*p != '%') {
            ky_buffer_append_byte(&text, (uint8_t)*p++);
            continue;
        }
        p++;
        if (p < end && *p == '%') {
            ky_buffer_append_byte(&text, '%');
            p++;
            continue;
        }
        struct format_spec spec;
        status = parse_spec(&p, end, &spec, err);
        if (status == KY_OK) {
            status = append_formatted(env, &list, spec, &next, &text, err);
        }
    }
    if (status != KY_OK) {
        ky_buffer_deinit(&text);
        return KY_ERR;
    }
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(3058, "concat", OID_TEXT, 's', false, ARGS(OID_ANY), .scalar = concat, .is_variadic = true,
         .variadic_element = OID_ANY),
    FUNC(3059, "concat_ws", OID_TEXT, 's', false, ARGS(OID_TEXT, OID_ANY), .scalar = concat_ws,
         .is_variadic = true, .variadic_element = OID_ANY),
    FUNC(438, "num_nulls", OID_INT4, 'i', false, ARGS(OID_ANY), .scalar = num_nulls,
         .is_variadic = true, .variadic_element = OID_ANY),
    FUNC(440, "num_nonnulls", OID_INT4, 'i', false, ARGS(OID_ANY), .scalar = num_nonnulls,
         .is_variadic = true, .variadic_element = OID_ANY),
    FUNC(1282, "quote_ident", OID_TEXT, 'i', true, ARGS(OID_TEXT), .scalar = quote_ident),
    FUNC(1283, "quote_literal", OID_TEXT, 'i', true, ARGS(OID_TEXT), .scalar = quote_literal),
    FUNC(1285, "quote_literal", OID_TEXT, 's', true, ARGS(OID_ANYELEMENT), .scalar = quote_literal),
    FUNC(1289, "quote_nullable", OID_TEXT, 'i', false, ARGS(OID_TEXT), .scalar = quote_nullable),
    FUNC(1290, "quote_nullable", OID_TEXT, 's', false, ARGS(OID_ANYELEMENT),
         .scalar = quote_nullable),
    FUNC(3539, "format", OID_TEXT, 's', false, ARGS(OID_TEXT, OID_ANY), .scalar = format,
         .is_variadic = true, .variadic_element = OID_ANY, .can_grow = true),
    FUNC(3540, "format", OID_TEXT, 's', false, ARGS(OID_TEXT), .scalar = format, .can_grow = true),
};

const struct func_table func_table_string = {funcs, KY_COUNT_OF(funcs), NULL, 0};
