/* SPDX-License-Identifier: Apache-2.0 */
/* bool, "char", smallint, integer, bigint. */
#include <strings.h>

#include "server/types/number_text.h"
#include "server/types/types_private.h"
#include "server/types/utf8.h"

/* Any prefix of these words that only one of them has. */
static bool
parse_bool(struct ky_slice text, bool *out)
{
    static const struct {
        const char *word;
        size_t shortest;
        bool value;
    } WORDS[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
                 {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false}};
    for (size_t i = 0; i < KY_COUNT_OF(WORDS); i++) {
        if (text.size >= WORDS[i].shortest && text.size <= strlen(WORDS[i].word) &&
            strncasecmp(text.data, WORDS[i].word, text.size) == 0) {
            *out = WORDS[i].value;
            return true;
        }
    }
    return false;
}

ky_status
bool_in(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
        struct ky_slice text, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    bool value;
    if (!parse_bool(type_trim(text), &value)) {
        return type_error_syntax(err, "boolean", text);
    }
    *out = datum_word(value);
    return KY_OK;
}

void
bool_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_byte(out, value.word != 0 ? 't' : 'f');
}

ky_status
bool_recv(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
          struct ky_slice wire, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    KY_TRY(type_check_wire(wire, 1, err));
    *out = datum_word(*(const uint8_t *)wire.data != 0);
    return KY_OK;
}

void
bool_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
          struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_byte(out, value.word != 0);
}

static bool
is_octal(uint8_t c)
{
    return c >= '0' && c <= '7';
}

/* One byte, 0..255. Bytes that are no ASCII are written \ooo, so that text stays UTF-8. */
ky_status
char_in(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
        struct ky_slice text, int32_t typmod KY_UNUSED, struct datum *out,
        struct ky_error *err KY_UNUSED)
{
    const uint8_t *p = text.data;
    if (text.size == 4 && p[0] == '\\' && is_octal(p[1]) && is_octal(p[2]) && is_octal(p[3])) {
        *out = datum_word(((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0')) & 0xFF);
    } else {
        *out = datum_word(text.size == 0 ? 0 : p[0]);
    }
    return KY_OK;
}

void
char_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct datum value, struct ky_buffer *out)
{
    if (value.word >= 0x80) {
        ky_buffer_printf(out, "\\%03o", (unsigned)(value.word & 0xFF));
    } else if (value.word != 0) {
        ky_buffer_append_byte(out, (uint8_t)value.word);
    }
}

ky_status
char_recv(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
          struct ky_slice wire, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    KY_TRY(type_check_wire(wire, 1, err));
    *out = datum_word(*(const uint8_t *)wire.data);
    return KY_OK;
}

void
char_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
          struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_byte(out, (uint8_t)value.word);
}

ky_status
int_in(const struct type *type, const struct type_context *context KY_UNUSED, struct ky_slice text,
       int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    int bits = type->disk_size * 8;
    int64_t max = (int64_t)(UINT64_MAX >> (65 - bits));
    int64_t value;
    switch (number_parse_int(text, -max - 1, max, &value)) {
    case NUMBER_OK:
        *out = datum_word(value);
        return KY_OK;
    case NUMBER_SYNTAX:
        return type_error_syntax(err, type->sql_name, text);
    case NUMBER_RANGE:
        break;
    }
    return type_error_range(err, type->sql_name, text);
}

void
int_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
        struct datum value, struct ky_buffer *out)
{
    char *place = (char *)ky_buffer_extend(out, NUMBER_TEXT_SIZE_MAX);
    size_t size = number_format_int(value.word, place);
    out->size -= NUMBER_TEXT_SIZE_MAX - size;
}

ky_status
int_recv(const struct type *type, const struct type_context *context KY_UNUSED,
         struct ky_slice wire, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    KY_TRY(type_check_wire(wire, (size_t)type->disk_size, err));
    if (wire.size == 2) {
        *out = datum_word((int16_t)ky_load_be16(wire.data));
    } else if (wire.size == 4) {
        *out = datum_word((int32_t)ky_load_be32(wire.data));
    } else {
        *out = datum_word((int64_t)ky_load_be64(wire.data));
    }
    return KY_OK;
}

void
int_send(const struct type *type, const struct type_context *context KY_UNUSED, struct datum value,
         struct ky_buffer *out)
{
    if (type->disk_size == 2) {
        ky_buffer_append_be16(out, (uint16_t)value.word);
    } else if (type->disk_size == 4) {
        ky_buffer_append_be32(out, (uint32_t)value.word);
    } else {
        ky_buffer_append_be64(out, (uint64_t)value.word);
    }
}
