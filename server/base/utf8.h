/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/compiler.h"

/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */

/* Bytes of the valid sequence at the start of text (1 to 4), or 0 when it is not valid or cut. */
static inline size_t
ky_utf8_sequence_size(const void *text, size_t size)
{
    const uint8_t *p = (const uint8_t *)text;
    if (size == 0) {
        return 0;
    }
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }
    size_t need = p[0] < 0xe0 ? 2 : (p[0] < 0xf0 ? 3 : 4);
    if (size < need) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    return need;
}

/* The longest size <= size_max at which text can be cut without splitting a character. */
static inline size_t
ky_utf8_cut(const char *text, size_t size, size_t size_max)
{
    if (size <= size_max) {
        return size;
    }
    size_t cut = size_max;
    while (cut > 0 && size_max - cut < 3 && ((uint8_t)text[cut] & 0xc0) == 0x80) {
        cut--;
    }
    return cut;
}
