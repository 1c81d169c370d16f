/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 text; plain ASCII is checked eight bytes at a time. */
#include "server/types/utf8.h"

#include <stdio.h>

#include "server/base/endian.h"
#include "server/base/utf8.h"

static KY_COLD ky_status
report(const uint8_t *p, size_t left, struct ky_error *err)
{
    size_t size = p[0] < 0xC0 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF8 ? 4 : 1;
    size = KY_MIN(size, left);
    char bytes[32];
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        int written = snprintf(bytes + used, sizeof(bytes) - used, "%s0x%02x", i > 0 ? " " : "",
                               (unsigned)p[i]);
        used += (size_t)written;
    }
    return ky_error_set(err, KY_CHARACTER_NOT_IN_REPERTOIRE,
                        "invalid byte sequence for encoding \"UTF8\": %s", bytes);
}

ky_status
utf8_validate(struct ky_slice text, struct ky_error *err)
{
    const uint8_t *p = text.data;
    size_t left = text.size;
    while (left > 0) {
        if (left >= 8) {
            uint64_t word = ky_load_le64(p);
            uint64_t has_zero = (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
            if (((word & 0x8080808080808080u) | has_zero) == 0) {
                p += 8;
                left -= 8;
                continue;
            }
        }
        size_t size = *p == 0 ? 0 : ky_utf8_sequence_size(p, left);
        if (size == 0) {
            return report(p, left, err);
        }
        p += size;
        left -= size;
    }
    return KY_OK;
}

size_t
utf8_count(struct ky_slice text)
{
    const uint8_t *p = text.data;
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += (p[i] & 0xC0) != 0x80;
    }
    return count;
}

size_t
utf8_prefix_size(struct ky_slice text, size_t count)
{
    const uint8_t *p = text.data;
    size_t seen = 0;
    for (size_t i = 0; i < text.size; i++) {
        if ((p[i] & 0xC0) != 0x80 && seen++ == count) {
            return i;
        }
    }
    return text.size;
}

size_t
utf8_cut(struct ky_slice text, size_t limit)
{
    if (text.size <= limit) {
        return text.size;
    }
    const uint8_t *p = text.data;
    while (limit > 0 && (p[limit] & 0xC0) == 0x80) {
        limit--;
    }
    return limit;
}
