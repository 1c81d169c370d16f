/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <locale.h>
#include <wctype.h>

#include "server/base/slice.h"
#include "server/types/utf8.h"

/* Text as characters. Values of text are valid UTF-8: what enters the server was checked. */

/* Bytes of the character that starts with this byte. */
static inline size_t
utext_size(uint8_t first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The character at *place, which moves past it. At least one byte is left before end. */
uint32_t utext_next(const uint8_t **place, const uint8_t *end);
/* Writes a character; returns its size. */
size_t utext_put(uint8_t *out, uint32_t character);
/* Byte offset of a character, or the text's size when there are fewer. */
size_t utext_offset(struct ky_slice text, size_t character);
/* Unicode's simple mapping and classes, whatever the process's locale. */
uint32_t utext_lower(uint32_t character);
uint32_t utext_upper(uint32_t character);
bool utext_is_alnum(uint32_t character);

static inline struct ky_slice
slice_part(struct ky_slice text, size_t from, size_t to)
{
    return ky_slice((const uint8_t *)text.data + from, to - from);
}
