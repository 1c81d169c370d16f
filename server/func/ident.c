/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/func/func_private.h"
#include "server/func/utext.h"
#include "server/types/array.h"

/* parse_ident: "schema"."Table".column as the parts it names. */

struct reader {
    const char *place;
    const char *end;
};

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool
is_first(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (uint8_t)c >= 0x80;
}

static void
skip_space(struct reader *reader)
{
    while (reader->place < reader->end && is_space(*reader->place)) {
        reader->place++;
    }
}

static ky_status
refuse(struct ky_slice text, const char *detail, struct ky_error *err)
{
    ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "string is not a valid identifier: \"%.*s\"",
                 (int)text.size, (const char *)text.data);
    return detail == NULL ? KY_ERR : ky_error_detail(err, "%s", detail);
}

/* A part in quotes, doubled ones inside it being one. */
static ky_status
read_quoted(struct reader *reader, struct ky_slice text, struct ky_buffer *part,
            struct ky_error *err)
{
    for (reader->place++; reader->place < reader->end; reader->place++) {
        if (*reader->place == '"') {
            reader->place++;
            if (reader->place == reader->end || *reader->place != '"') {
                return part->size > 0 ? KY_OK
                                      : refuse(text, "Quoted identifier must not be empty.", err);
            }
        }
        ky_buffer_append_byte(part, (uint8_t)*reader->place);
    }
    return refuse(text, "String has unclosed double quotes.", err);
}

static void
read_plain(struct reader *reader, struct ky_buffer *part)
{
    while (reader->place < reader->end &&
           (is_first(*reader->place) || (*reader->place >= '0' && *reader->place <= '9') ||
            *reader->place == '$')) {
        const char c = *reader->place++;
        ky_buffer_append_byte(part, (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
    }
}

static ky_status
read_part(struct reader *reader, struct ky_slice text, bool is_after_dot, struct ky_buffer *part,
          struct ky_error *err)
{
    const char c = reader->place < reader->end ? *reader->place : '\0';
    if (c == '"') {
        return read_quoted(reader, text, part, err);
    }
    if (is_first(c)) {
        read_plain(reader, part);
        return KY_OK;
    }
    return refuse(text,
                  c == '.'       ? "No valid identifier before \".\"."
                  : is_after_dot ? "No valid identifier after \".\"."
                                 : NULL,
                  err);
}

static ky_status
read_parts(struct func_env *env, struct reader *reader, struct ky_slice text,
           struct ky_buffer *parts, struct ky_error *err)
{
    skip_space(reader);
    for (bool is_after_dot = false;; is_after_dot = true) {
        struct ky_buffer part = {0};
        if (read_part(reader, text, is_after_dot, &part, err) != KY_OK) {
            ky_buffer_deinit(&part);
            return KY_ERR;
        }
        const struct datum value = func_take_buffer(env, &part);
        ky_buffer_append(parts, &value, sizeof(value));
        skip_space(reader);
        if (reader->place == reader->end || *reader->place != '.') {
            return KY_OK;
        }
        reader->place++;
        skip_space(reader);
    }
}

SCALAR(parse_ident)
{
    const struct ky_slice text = args[0].bytes;
    struct reader reader = {text.data, (const char *)text.data + text.size};
    struct ky_buffer parts = {0};
    ky_status status = read_parts(env, &reader, text, &parts, err);
    if (status == KY_OK && reader.place < reader.end && args[1].word != 0) {
        status = refuse(text, NULL, err);
    }
    if (status == KY_OK) {
        out->is_null = false;
        out->bytes = array_make(env->types.arena, type_get(OID_TEXT),
                                (const struct datum *)(const void *)parts.data,
                                (uint32_t)(parts.size / sizeof(struct datum)));
    }
    ky_buffer_deinit(&parts);
    return status;
}

/* name and oid in one, cut to fit a name: what makes the names of things unique. */
SCALAR(name_concat_oid)
{
    enum { NAME_SIZE_MAX = 63 };
    char number[16];
    struct ky_buffer text = {0};
    const int size = snprintf(number, sizeof(number), "_%u", (uint32_t)args[1].word);
    struct ky_slice name = args[0].bytes;
    if (name.size + (size_t)size > NAME_SIZE_MAX) {
        name.size = utf8_cut(name, NAME_SIZE_MAX - (size_t)size);
    }
    ky_buffer_append_slice(&text, name);
    ky_buffer_append(&text, number, (size_t)size);
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1268, "parse_ident", OID_TEXT_ARRAY, 'i', true, ARGS(OID_TEXT, OID_BOOL),
         .scalar = parse_ident, .default_count = 1, .default_word = 1,
         .arg_names = (const char *const[]){"str", "strict"}),
    FUNC(266, "nameconcatoid", OID_NAME, 'i', true, ARGS(OID_NAME, OID_OID),
         .scalar = name_concat_oid),
};

const struct func_table func_table_ident = {funcs, KY_COUNT_OF(funcs), NULL, 0};
