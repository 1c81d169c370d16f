/* SPDX-License-Identifier: Apache-2.0 */
/* What the type files share: error texts, orders and keys of words, doubles and bytes. */
#include <math.h>
#include <string.h>

#include "server/base/map.h"
#include "server/types/types_private.h"
#include "server/types/utf8.h"

/* Longest piece of the user's text that a message shows. */
enum { ERROR_SHOWN_SIZE_MAX = 400 };

static int
shown_size(struct ky_slice text)
{
    return (int)utf8_cut(text, ERROR_SHOWN_SIZE_MAX);
}

static const char BAD_BINARY[] = "incorrect binary data format";

ky_status
type_error_syntax(struct ky_error *err, const char *type_name, struct ky_slice text)
{
    return ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION,
                        "invalid input syntax for type %s: \"%.*s\"", type_name, shown_size(text),
                        text.size == 0 ? "" : (const char *)text.data);
}

ky_status
type_error_range(struct ky_error *err, const char *type_name, struct ky_slice text)
{
    return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE,
                        "value \"%.*s\" is out of range for type %s", shown_size(text),
                        text.size == 0 ? "" : (const char *)text.data, type_name);
}

ky_status
type_error_binary(struct ky_error *err)
{
    return ky_error_set(err, KY_INVALID_BINARY_REPRESENTATION, "%s", BAD_BINARY);
}

bool
type_is_error_binary(const struct ky_error *err)
{
    return strcmp(err->message, BAD_BINARY) == 0;
}

ky_status
type_check_wire(struct ky_slice wire, size_t size, struct ky_error *err)
{
    if (KY_LIKELY(wire.size == size)) {
        return KY_OK;
    }
    if (wire.size > size) {
        return type_error_binary(err);
    }
    return ky_error_set(err, KY_PROTOCOL_VIOLATION, "%s data left in message",
                        size == 1 ? "no" : "insufficient");
}

struct ky_slice
type_trim(struct ky_slice text)
{
    const char *p = text.data;
    size_t size = text.size;
    while (size > 0 && type_is_space(*p)) {
        p++;
        size--;
    }
    while (size > 0 && type_is_space(p[size - 1])) {
        size--;
    }
    return ky_slice(p, size);
}

struct ky_slice
type_trim_end(struct ky_slice text)
{
    const char *p = text.data;
    while (text.size > 0 && p[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

struct ky_slice
type_name_cut(struct ky_slice text)
{
    return ky_slice(text.data, utf8_cut(text, 63));
}

struct datum
type_take_buffer(struct ky_arena *arena, struct ky_buffer *buffer)
{
    struct ky_slice bytes = ky_slice_dup(arena, ky_buffer_slice(buffer));
    ky_buffer_deinit(buffer);
    return datum_bytes(bytes.data, bytes.size);
}

void
type_key_word(struct ky_buffer *out, int64_t word)
{
    ky_buffer_append_be64(out, (uint64_t)word ^ UINT64_C(0x8000000000000000));
}

/* Positive doubles order as their bits, negative ones in reverse; NaN is one value and the largest.
 */
void
type_key_real(struct ky_buffer *out, double real)
{
    uint64_t bits;
    if (isnan(real)) {
        bits = UINT64_MAX;
    } else {
        real = real == 0 ? 0 : real;
        memcpy(&bits, &real, sizeof(bits));
        bits = bits >> 63 ? ~bits : bits | UINT64_C(0x8000000000000000);
    }
    ky_buffer_append_be64(out, bits);
}

void
type_key_bytes(struct ky_buffer *out, struct ky_slice bytes)
{
    const uint8_t *p = bytes.size == 0 ? (const uint8_t *)"" : bytes.data;
    const uint8_t *end = p + bytes.size;
    while (p < end) {
        const uint8_t *zero = memchr(p, 0, (size_t)(end - p));
        const uint8_t *stop = zero == NULL ? end : zero;
        if (stop > p) {
            ky_buffer_append(out, p, (size_t)(stop - p));
        }
        if (zero == NULL) {
            break;
        }
        ky_buffer_append(out, "\x00\xFF", 2);
        p = zero + 1;
    }
    ky_buffer_append(out, "\x00\x01", 2);
}

int
word_compare(const struct type *type KY_UNUSED, struct datum a, struct datum b)
{
    return (a.word > b.word) - (a.word < b.word);
}

uint64_t
word_hash(const struct type *type KY_UNUSED, struct datum value)
{
    return ky_hash_u64((uint64_t)value.word);
}

void
word_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    type_key_word(out, value.word);
}

int
unsigned_compare(const struct type *type KY_UNUSED, struct datum a, struct datum b)
{
    uint64_t x = (uint64_t)a.word;
    uint64_t y = (uint64_t)b.word;
    return (x > y) - (x < y);
}

uint64_t
unsigned_hash(const struct type *type, struct datum value)
{
    return word_hash(type, value);
}

void
unsigned_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_be64(out, (uint64_t)value.word);
}

int
real_compare(const struct type *type KY_UNUSED, struct datum a, struct datum b)
{
    if (KY_UNLIKELY(isnan(a.real) || isnan(b.real))) {
        return !!isnan(a.real) - !!isnan(b.real);
    }
    return (a.real > b.real) - (a.real < b.real);
}

uint64_t
real_hash(const struct type *type KY_UNUSED, struct datum value)
{
    double real = isnan(value.real) ? (double)NAN : value.real == 0 ? 0 : value.real;
    uint64_t bits;
    memcpy(&bits, &real, sizeof(bits));
    return ky_hash_u64(bits);
}

void
real_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    type_key_real(out, value.real);
}

int
bytes_compare(const struct type *type KY_UNUSED, struct datum a, struct datum b)
{
    return ky_slice_compare(a.bytes, b.bytes);
}

uint64_t
bytes_hash(const struct type *type KY_UNUSED, struct datum value)
{
    return ky_hash_bytes(value.bytes.data, value.bytes.size, 0);
}

void
bytes_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    type_key_bytes(out, value.bytes);
}
