/* SPDX-License-Identifier: Apache-2.0 */
/* bytea and uuid. */
#include "server/base/map.h"
#include "server/types/types_private.h"
#include "server/types/utf8.h"

static const char HEX[] = "0123456789abcdef";

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The text behind \x; blanks may stand between bytes. */
static ky_status
decode_hex(const char *p, const char *end, uint8_t *to, size_t *size_out, struct ky_error *err)
{
    uint8_t *start = to;
    while (p < end) {
        if (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') {
            p++;
            continue;
        }
        int digits[2];
        for (int i = 0; i < 2; i++, p++) {
            if (p == end) {
                return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                    "invalid hexadecimal data: odd number of digits");
            }
            digits[i] = hex_digit(*p);
            if (digits[i] < 0) {
                size_t size = utf8_prefix_size(ky_slice(p, (size_t)(end - p)), 1);
                return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                    "invalid hexadecimal digit: \"%.*s\"", (int)size, p);
            }
        }
        *to++ = (uint8_t)(digits[0] << 4 | digits[1]);
    }
    *size_out = (size_t)(to - start);
    return KY_OK;
}

static bool
is_octal(char c, char highest)
{
    return c >= '0' && c <= highest;
}

static ky_status
decode_escape(const char *p, const char *end, uint8_t *to, size_t *size_out, struct ky_error *err)
{
    uint8_t *start = to;
    while (p < end) {
        if (*p != '\\') {
            *to++ = (uint8_t)*p++;
        } else if (end - p >= 4 && is_octal(p[1], '3') && is_octal(p[2], '7') &&
                   is_octal(p[3], '7')) {
            *to++ = (uint8_t)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
            p += 4;
        } else if (end - p >= 2 && p[1] == '\\') {
            *to++ = '\\';
            p += 2;
        } else {
            return ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION,
                                "invalid input syntax for type bytea");
        }
    }
    *size_out = (size_t)(to - start);
    return KY_OK;
}

ky_status
bytea_in(const struct type *type KY_UNUSED, const struct type_context *context,
         struct ky_slice text, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    const char *p = text.data;
    uint8_t *to = ky_arena_alloc(context->arena, text.size);
    size_t size = 0;
    if (text.size >= 2 && p[0] == '\\' && p[1] == 'x') {
        KY_TRY(decode_hex(p + 2, p + text.size, to, &size, err));
    } else if (text.size > 0) {
        KY_TRY(decode_escape(p, p + text.size, to, &size, err));
    }
    *out = datum_bytes(to, size);
    return KY_OK;
}

void
bytea_out(const struct type *type KY_UNUSED, const struct type_context *context, struct datum value,
          struct ky_buffer *out)
{
    const uint8_t *p = value.bytes.data;
    if (!context->is_bytea_escape) {
        uint8_t *to = ky_buffer_extend(out, 2 + 2 * value.bytes.size);
        *to++ = '\\';
        *to++ = 'x';
        for (size_t i = 0; i < value.bytes.size; i++) {
            *to++ = (uint8_t)HEX[p[i] >> 4];
            *to++ = (uint8_t)HEX[p[i] & 15];
        }
        return;
    }
    for (size_t i = 0; i < value.bytes.size; i++) {
        if (p[i] == '\\') {
            ky_buffer_append(out, "\\\\", 2);
        } else if (p[i] < 0x20 || p[i] > 0x7E) {
            ky_buffer_printf(out, "\\%03o", (unsigned)p[i]);
        } else {
            ky_buffer_append_byte(out, p[i]);
        }
    }
}

ky_status
bytea_recv(const struct type *type KY_UNUSED, const struct type_context *context,
           struct ky_slice wire, int32_t typmod KY_UNUSED, struct datum *out,
           struct ky_error *err KY_UNUSED)
{
    struct ky_slice copy = ky_slice_dup(context->arena, wire);
    *out = datum_bytes(copy.data, copy.size);
    return KY_OK;
}

void
bytea_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
           struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_slice(out, value.bytes);
}

enum { UUID_SIZE = 16 };

/* Hyphens may stand behind every second byte, braces around. */
static bool
parse_uuid(struct ky_slice text, uint8_t *out)
{
    const char *p = text.data;
    const char *end = p + text.size;
    bool has_brace = text.size > 0 && *p == '{';
    if (has_brace) {
        p++;
    }
    for (int i = 0; i < UUID_SIZE; i++) {
        if (end - p < 2 || hex_digit(p[0]) < 0 || hex_digit(p[1]) < 0) {
            return false;
        }
        out[i] = (uint8_t)(hex_digit(p[0]) << 4 | hex_digit(p[1]));
        p += 2;
        if (p < end && *p == '-' && i % 2 == 1 && i < UUID_SIZE - 1) {
            p++;
        }
    }
    if (has_brace) {
        if (p == end || *p != '}') {
            return false;
        }
        p++;
    }
    return p == end;
}

ky_status
uuid_in(const struct type *type KY_UNUSED, const struct type_context *context, struct ky_slice text,
        int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    uint8_t *bytes = ky_arena_alloc(context->arena, UUID_SIZE);
    if (text.size == 0 || !parse_uuid(text, bytes)) {
        return type_error_syntax(err, "uuid", text);
    }
    *out = datum_bytes(bytes, UUID_SIZE);
    return KY_OK;
}

void
uuid_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct datum value, struct ky_buffer *out)
{
    const uint8_t *p = value.bytes.data;
    uint8_t *to = ky_buffer_extend(out, 36);
    for (int i = 0; i < UUID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *to++ = '-';
        }
        *to++ = (uint8_t)HEX[p[i] >> 4];
        *to++ = (uint8_t)HEX[p[i] & 15];
    }
}

ky_status
uuid_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
          int32_t typmod, struct datum *out, struct ky_error *err)
{
    KY_TRY(type_check_wire(wire, UUID_SIZE, err));
    return bytea_recv(type, context, wire, typmod, out, err);
}

void
uuid_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
          struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_slice(out, value.bytes);
}

int
uuid_compare(const struct type *type KY_UNUSED, struct datum a, struct datum b)
{
    return memcmp(a.bytes.data, b.bytes.data, UUID_SIZE);
}

uint64_t
uuid_hash(const struct type *type KY_UNUSED, struct datum value)
{
    return ky_hash_bytes(value.bytes.data, UUID_SIZE, 0);
}

void
uuid_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    ky_buffer_append(out, value.bytes.data, UUID_SIZE);
}
