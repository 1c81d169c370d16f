/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>

#include "server/func/func_private.h"
#include "server/func/utext.h"
#include "server/types/encoding.h"

/* Digests, and bytea as text: hex, base64, escape. */

static ky_status
digest(const EVP_MD *kind, struct ky_slice bytes, uint8_t *out, unsigned *size_out,
       struct ky_error *err)
{
    if (EVP_Digest(bytes.data, bytes.size, out, size_out, kind, NULL) != 1) {
        return ky_error_set(err, KY_INTERNAL_ERROR, "could not compute the digest");
    }
    return KY_OK;
}

static struct datum
as_hex(struct func_env *env, const uint8_t *bytes, size_t size)
{
    char *text = ky_arena_alloc(env->types.arena, size * 2);
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    return datum_bytes(text, size * 2);
}

SCALAR(md5)
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned size;
    KY_TRY(digest(EVP_md5(), args[0].bytes, bytes, &size, err));
    *out = as_hex(env, bytes, size);
    return KY_OK;
}

#define SHA(name)                                                           \
    SCALAR(name)                                                            \
    {                                                                       \
        uint8_t *bytes = ky_arena_alloc(env->types.arena, EVP_MAX_MD_SIZE); \
        unsigned size;                                                      \
        KY_TRY(digest(EVP_##name(), args[0].bytes, bytes, &size, err));     \
        *out = datum_bytes(bytes, size);                                    \
        return KY_OK;                                                       \
    }
SHA(sha224)
SHA(sha256)
SHA(sha384)
SHA(sha512)

static ky_status
unknown_encoding(struct ky_slice name, struct ky_error *err)
{
    return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "unrecognized encoding: \"%.*s\"",
                        (int)name.size, (const char *)name.data);
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static struct datum
as_base64(struct func_env *env, const uint8_t *bytes, size_t size)
{
    enum { LINE_SIZE = 76 };
    struct ky_buffer text = {0};
    size_t line = 0;
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= left > 2 ? bytes[i + 2] : 0;
        if (line == LINE_SIZE) {
            ky_buffer_append_byte(&text, '\n');
            line = 0;
        }
        ky_buffer_append_byte(&text, (uint8_t)base64_digits[group >> 18]);
        ky_buffer_append_byte(&text, (uint8_t)base64_digits[group >> 12 & 63]);
        ky_buffer_append_byte(&text, left > 1 ? (uint8_t)base64_digits[group >> 6 & 63] : '=');
        ky_buffer_append_byte(&text, left > 2 ? (uint8_t)base64_digits[group & 63] : '=');
        line += 4;
    }
    return func_take_buffer(env, &text);
}

static struct datum
as_escape(struct func_env *env, const uint8_t *bytes, size_t size)
{
    struct ky_buffer text = {0};
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == 0 || bytes[i] >= 0x80) {
            ky_buffer_printf(&text, "\\%03o", bytes[i]);
        } else {
            if (bytes[i] == '\\') {
                ky_buffer_append_byte(&text, '\\');
            }
            ky_buffer_append_byte(&text, bytes[i]);
        }
    }
    return func_take_buffer(env, &text);
}

SCALAR(encode)
{
    const struct ky_slice bytes = args[0].bytes;
    const struct ky_slice format = args[1].bytes;
    if (ky_slice_is(format, "hex")) {
        *out = as_hex(env, bytes.data, bytes.size);
    } else if (ky_slice_is(format, "base64")) {
        *out = as_base64(env, bytes.data, bytes.size);
    } else if (ky_slice_is(format, "escape")) {
        *out = as_escape(env, bytes.data, bytes.size);
    } else {
        return unknown_encoding(format, err);
    }
    return KY_OK;
}

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static ky_status
from_hex(struct ky_slice text, struct ky_buffer *out, struct ky_error *err)
{
    const uint8_t *p = text.data;
    int high = -1;
    for (size_t i = 0; i < text.size; i++) {
        if (is_blank(p[i]) && high < 0) {
            continue;
        }
        const int digit = hex_digit(p[i]);
        if (digit < 0) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "invalid hexadecimal digit: \"%.*s\"", (int)utext_size(p[i]),
                                (const char *)p + i);
        }
        if (high < 0) {
            high = digit;
        } else {
            ky_buffer_append_byte(out, (uint8_t)(high << 4 | digit));
            high = -1;
        }
    }
    if (high >= 0) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "invalid hexadecimal data: odd number of digits");
    }
    return KY_OK;
}

static ky_status
from_base64(struct ky_slice text, struct ky_buffer *out, struct ky_error *err)
{
    const uint8_t *p = text.data;
    uint32_t group = 0;
    int count = 0;
    int padding = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (is_blank(p[i])) {
            continue;
        }
        uint32_t digit = 0;
        if (p[i] == '=') {
            if (padding == 2 || count + padding < 2) {
                return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                    "unexpected \"=\" while decoding base64 sequence");
            }
            padding++;
        } else {
            const char *found = p[i] == '\0' ? NULL : strchr(base64_digits, p[i]);
            if (found == NULL || padding > 0) {
                return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                    "invalid symbol \"%.*s\" found while decoding base64 sequence",
                                    (int)utext_size(p[i]), (const char *)p + i);
            }
            digit = (uint32_t)(found - base64_digits);
        }
        group = group << 6 | digit;
        if (++count == 4) {
            const uint8_t bytes[] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
            ky_buffer_append(out, bytes, (size_t)(3 - padding));
            group = 0;
            count = 0;
        }
    }
    if (count != 0) {
        ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "invalid base64 end sequence");
        return ky_error_hint(
            err, "Input data is missing padding, is truncated, or is otherwise corrupted.");
    }
    return KY_OK;
}

static ky_status
from_escape(struct ky_slice text, struct ky_buffer *out, struct ky_error *err)
{
    const uint8_t *p = text.data;
    for (size_t i = 0; i < text.size;) {
        const size_t left = text.size - i;
        if (p[i] != '\\') {
            ky_buffer_append_byte(out, p[i++]);
        } else if (left >= 4 && p[i + 1] >= '0' && p[i + 1] <= '3' && p[i + 2] >= '0' &&
                   p[i + 2] <= '7' && p[i + 3] >= '0' && p[i + 3] <= '7') {
            ky_buffer_append_byte(
                out, (uint8_t)((p[i + 1] - '0') << 6 | (p[i + 2] - '0') << 3 | (p[i + 3] - '0')));
            i += 4;
        } else if (left >= 2 && p[i + 1] == '\\') {
            ky_buffer_append_byte(out, '\\');
            i += 2;
        } else {
            return ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION,
                                "invalid input syntax for type %s", "bytea");
        }
    }
    return KY_OK;
}

SCALAR(decode)
{
    const struct ky_slice format = args[1].bytes;
    struct ky_buffer bytes = {0};
    ky_status status;
    if (ky_slice_is(format, "hex")) {
        status = from_hex(args[0].bytes, &bytes, err);
    } else if (ky_slice_is(format, "base64")) {
        status = from_base64(args[0].bytes, &bytes, err);
    } else if (ky_slice_is(format, "escape")) {
        status = from_escape(args[0].bytes, &bytes, err);
    } else {
        status = unknown_encoding(format, err);
    }
    if (status != KY_OK) {
        ky_buffer_deinit(&bytes);
        return KY_ERR;
    }
    *out = func_take_buffer(env, &bytes);
    return KY_OK;
}

/* Text and bytea hold the same bytes: UTF-8 is the only encoding. */
/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(2311, "md5", OID_TEXT, 'i', true, ARGS(OID_TEXT), .scalar = md5),
    FUNC(2321, "md5", OID_TEXT, 'i', true, ARGS(OID_BYTEA), .scalar = md5),
    FUNC(3419, "sha224", OID_BYTEA, 'i', true, ARGS(OID_BYTEA), .scalar = sha224),
    FUNC(3420, "sha256", OID_BYTEA, 'i', true, ARGS(OID_BYTEA), .scalar = sha256),
    FUNC(3421, "sha384", OID_BYTEA, 'i', true, ARGS(OID_BYTEA), .scalar = sha384),
    FUNC(3422, "sha512", OID_BYTEA, 'i', true, ARGS(OID_BYTEA), .scalar = sha512),
    FUNC(1946, "encode", OID_TEXT, 'i', true, ARGS(OID_BYTEA, OID_TEXT), .scalar = encode),
    FUNC(1947, "decode", OID_BYTEA, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = decode),
};

const struct func_table func_table_encode = {funcs, KY_COUNT_OF(funcs), NULL, 0};
