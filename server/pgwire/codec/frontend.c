/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pgwire/codec/frontend.h"

#include <stdio.h>

#include "server/base/assert.h"
#include "server/base/endian.h"
#include "server/base/utf8.h"

enum { STARTUP_SIZE_MIN = 8, FRAME_HEADER_SIZE = 5, UNKNOWN_OPTIONS_MAX = 64 };

/* ------------------------------------------------------------------ frames */

enum pgw_frame_answer
pgw_frame_startup(struct ky_slice input, struct pgw_frame *frame_out)
{
    *frame_out = (struct pgw_frame){.need_size = sizeof(uint32_t)};
    if (input.size < sizeof(uint32_t)) {
        return PGW_FRAME_PARTIAL;
    }
    uint32_t size = ky_load_be32(input.data);
    if (size < STARTUP_SIZE_MIN || size > PGW_STARTUP_SIZE_MAX) {
        return PGW_FRAME_BAD;
    }
    frame_out->need_size = size;
    if (input.size < size) {
        return PGW_FRAME_PARTIAL;
    }
    frame_out->size = size;
    frame_out->body = ky_slice((const uint8_t *)input.data + 4, size - 4);
    return PGW_FRAME_WHOLE;
}

enum pgw_frame_answer
pgw_frame_next(struct ky_slice input, size_t size_max, struct pgw_frame *frame_out)
{
    *frame_out = (struct pgw_frame){.need_size = FRAME_HEADER_SIZE};
    if (input.size < FRAME_HEADER_SIZE) {
        return PGW_FRAME_PARTIAL;
    }
    const uint8_t *bytes = input.data;
    uint32_t size = ky_load_be32(bytes + 1);
    frame_out->type = bytes[0];
    if (size < 4 || size - 4 > size_max) {
        return PGW_FRAME_BAD;
    }
    frame_out->need_size = (size_t)size + 1;
    if (input.size < frame_out->need_size) {
        return PGW_FRAME_PARTIAL;
    }
    frame_out->size = frame_out->need_size;
    frame_out->body = ky_slice(bytes + FRAME_HEADER_SIZE, size - 4);
    return PGW_FRAME_WHOLE;
}

/* ------------------------------------------------------------------ reading a body */

/* Reads past the end set is_short and give zeros, so that a decoder checks once. */
struct reader {
    const uint8_t *next;
    const uint8_t *end;
    bool is_short;
    bool is_open; /* a string without its zero byte */
};

static struct reader
reader_of(struct ky_slice body)
{
    const uint8_t *bytes = body.data;
    return (struct reader){.next = bytes, .end = body.size == 0 ? bytes : bytes + body.size};
}

static size_t
reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->next);
}

static bool
has_bytes(struct reader *reader, size_t size)
{
    if (reader_left(reader) < size) {
        reader->is_short = true;
        reader->next = reader->end;
        return false;
    }
    return true;
}

static uint8_t
get_byte(struct reader *reader)
{
    return has_bytes(reader, 1) ? *reader->next++ : 0;
}

static uint16_t
get_u16(struct reader *reader)
{
    if (!has_bytes(reader, 2)) {
        return 0;
    }
    uint16_t value = ky_load_be16(reader->next);
    reader->next += 2;
    return value;
}

static uint32_t
get_u32(struct reader *reader)
{
    if (!has_bytes(reader, 4)) {
        return 0;
    }
    uint32_t value = ky_load_be32(reader->next);
    reader->next += 4;
    return value;
}

static struct ky_slice
get_bytes(struct reader *reader, size_t size)
{
    if (!has_bytes(reader, size)) {
        return ky_slice("", 0);
    }
    struct ky_slice bytes = ky_slice(size == 0 ? (const void *)"" : reader->next, size);
    reader->next += size;
    return bytes;
}

/* Without its zero byte, which follows. */
static struct ky_slice
get_string(struct reader *reader)
{
    size_t left = reader_left(reader);
    const uint8_t *zero = left == 0 ? NULL : memchr(reader->next, 0, left);
    if (zero == NULL) {
        reader->is_open = true;
        reader->next = reader->end;
        return ky_slice("", 0);
    }
    struct ky_slice text = ky_slice(reader->next, (size_t)(zero - reader->next));
    reader->next = zero + 1;
    return text;
}

static const char *
get_cstr(struct reader *reader)
{
    return get_string(reader).data;
}

/* An array cannot have more elements than bytes are left for it: bounds what is allocated. */
static bool
has_array(struct reader *reader, uint16_t count, size_t element_size)
{
    return has_bytes(reader, count * element_size);
}

static ky_status
finish(const struct reader *reader, struct ky_error *err)
{
    if (reader->is_open) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "invalid string in message");
    }
    if (reader->is_short) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    if (reader->next != reader->end) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "invalid message format");
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ messages */

static ky_status
decode_parameters(struct reader *reader, struct ky_arena *arena, struct pgw_startup *out,
                  struct ky_error *err)
{
    /* Each pair takes at least three bytes. */
    size_t pairs_max = reader_left(reader) / 3 + 1;
    const char **parameters = ky_arena_array(arena, const char *, pairs_max * 2 + 1);
    const char **unknown = ky_arena_array(arena, const char *, UNKNOWN_OPTIONS_MAX + 1);
    size_t count = 0;
    for (;;) {
        const char *name = get_cstr(reader);
        if (reader->is_open || name[0] == '\0') {
            break;
        }
        const char *value = get_cstr(reader);
        if (strncmp(name, "_pq_.", 5) == 0) {
            if (out->unknown_count < UNKNOWN_OPTIONS_MAX) {
                unknown[out->unknown_count++] = name;
            }
            continue;
        }
        KY_ASSERT(count + 2 <= pairs_max * 2);
        parameters[count++] = name;
        parameters[count++] = value;
    }
    if (reader->is_open || reader->next != reader->end) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION,
                            "invalid startup packet layout: expected terminator as last byte");
    }
    out->parameters = parameters;
    out->unknown_options = unknown;
    return KY_OK;
}

ky_status
pgw_decode_startup(struct ky_slice body, struct ky_arena *arena, struct pgw_startup *out,
                   struct ky_error *err)
{
    struct reader reader = reader_of(body);
    *out = (struct pgw_startup){.code = get_u32(&reader)};
    switch (out->code) {
    case PGW_CODE_SSL:
    case PGW_CODE_GSS:
        return finish(&reader, err);
    case PGW_CODE_CANCEL:
        out->cancel_pid = (int32_t)get_u32(&reader);
        out->cancel_key = (int32_t)get_u32(&reader);
        return finish(&reader, err);
    default:
        break;
    }
    /* Other major versions put something else here: the caller refuses them by the code. */
    return out->code >> 16 == 3 ? decode_parameters(&reader, arena, out, err) : KY_OK;
}

ky_status
pgw_decode_sasl_initial(struct ky_slice body, struct pgw_sasl_initial *out, struct ky_error *err)
{
    struct reader reader = reader_of(body);
    struct pgw_sasl_initial message = {.mechanism = get_cstr(&reader)};
    int32_t size = (int32_t)get_u32(&reader);
    if (size != -1) {
        message.data = get_bytes(&reader, (uint32_t)size);
    }
    KY_TRY(finish(&reader, err));
    *out = message;
    return KY_OK;
}

ky_status
pgw_decode_string(struct ky_slice body, struct ky_slice *out, struct ky_error *err)
{
    struct reader reader = reader_of(body);
    struct ky_slice text = get_string(&reader);
    KY_TRY(finish(&reader, err));
    *out = text;
    return KY_OK;
}

ky_status
pgw_decode_parse(struct ky_slice body, struct ky_arena *arena, struct pgw_parse *out,
                 struct ky_error *err)
{
    struct reader reader = reader_of(body);
    struct pgw_parse message = {.name = get_cstr(&reader)};
    message.sql = get_string(&reader);
    message.param_count = get_u16(&reader);
    if (has_array(&reader, message.param_count, sizeof(uint32_t))) {
        uint32_t *types = ky_arena_array(arena, uint32_t, message.param_count);
        for (uint16_t i = 0; i < message.param_count; i++) {
            types[i] = get_u32(&reader);
        }
        message.param_types = types;
    }
    KY_TRY(finish(&reader, err));
    *out = message;
    return KY_OK;
}

static const int16_t *
get_formats(struct reader *reader, struct ky_arena *arena, uint16_t *count_out)
{
    *count_out = get_u16(reader);
    if (*count_out == 0 || !has_array(reader, *count_out, sizeof(int16_t))) {
        *count_out = 0;
        return NULL;
    }
    int16_t *formats = ky_arena_array(arena, int16_t, *count_out);
    for (uint16_t i = 0; i < *count_out; i++) {
        formats[i] = (int16_t)get_u16(reader);
    }
    return formats;
}

ky_status
pgw_decode_bind(struct ky_slice body, struct ky_arena *arena, struct pgw_bind *out,
                struct ky_error *err)
{
    struct reader reader = reader_of(body);
    struct pgw_bind message = {.portal = get_cstr(&reader)};
    message.statement = get_cstr(&reader);
    message.param_formats = get_formats(&reader, arena, &message.param_format_count);
    message.param_count = get_u16(&reader);
    if (message.param_format_count > 1 && message.param_format_count != message.param_count &&
        !reader.is_short && !reader.is_open) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION,
                            "bind message has %d parameter formats but %d parameters",
                            message.param_format_count, message.param_count);
    }
    if (has_array(&reader, message.param_count, sizeof(int32_t))) {
        struct ky_slice *params = ky_arena_array(arena, struct ky_slice, message.param_count);
        for (uint16_t i = 0; i < message.param_count; i++) {
            int32_t size = (int32_t)get_u32(&reader);
            if (size != -1) {
                params[i] = get_bytes(&reader, (uint32_t)size);
            }
        }
        message.params = params;
    }
    message.result_formats = get_formats(&reader, arena, &message.result_format_count);
    KY_TRY(finish(&reader, err));
    *out = message;
    return KY_OK;
}

ky_status
pgw_decode_target(struct ky_slice body, const char *verb, struct pgw_target *out,
                  struct ky_error *err)
{
    struct reader reader = reader_of(body);
    struct pgw_target message = {.kind = (char)get_byte(&reader)};
    message.name = get_cstr(&reader);
    KY_TRY(finish(&reader, err));
    if (message.kind != 'S' && message.kind != 'P') {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "invalid %s message subtype %d", verb,
                            (int)(uint8_t)message.kind);
    }
    *out = message;
    return KY_OK;
}

ky_status
pgw_decode_execute(struct ky_slice body, struct pgw_execute *out, struct ky_error *err)
{
    struct reader reader = reader_of(body);
    struct pgw_execute message = {.portal = get_cstr(&reader)};
    int32_t limit = (int32_t)get_u32(&reader);
    message.max_rows = limit > 0 ? (uint32_t)limit : 0;
    KY_TRY(finish(&reader, err));
    *out = message;
    return KY_OK;
}

ky_status
pgw_decode_empty(struct ky_slice body, struct ky_error *err)
{
    struct reader reader = reader_of(body);
    return finish(&reader, err);
}

/* ------------------------------------------------------------------ text */

ky_status
pgw_check_utf8(struct ky_slice text, struct ky_error *err)
{
    const uint8_t *bytes = text.data;
    size_t offset = 0;
    while (offset < text.size) {
        /* Eight ASCII bytes at a time: most SQL is nothing else. */
        uint64_t word;
        if (text.size - offset >= sizeof(word)) {
            memcpy(&word, bytes + offset, sizeof(word));
            if ((word & 0x8080808080808080ULL) == 0) {
                offset += sizeof(word);
                continue;
            }
        }
        size_t size = ky_utf8_sequence_size(bytes + offset, text.size - offset);
        if (size == 0) {
            break;
        }
        offset += size;
    }
    if (offset == text.size) {
        return KY_OK;
    }
    char shown[32];
    size_t at = 0;
    uint8_t lead = bytes[offset];
    size_t count = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    count = KY_MIN(count, text.size - offset);
    for (size_t i = 0; i < count; i++) {
        at += (size_t)snprintf(shown + at, sizeof(shown) - at, "%s0x%02x", i == 0 ? "" : " ",
                               bytes[offset + i]);
    }
    return ky_error_set(err, KY_CHARACTER_NOT_IN_REPERTOIRE,
                        "invalid byte sequence for encoding \"UTF8\": %s", shown);
}
