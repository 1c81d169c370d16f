/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { KEYWORD_SLOT_COUNT = 2048, KEYWORD_SIZE_MAX = 17 };

/* Mixes the size and up to the first and the last eight bytes. */
static inline unsigned
keyword_hash(const char *name, size_t size)
{
    uint64_t head = 0;
    uint64_t tail = 0;
    size_t part = size < 8 ? size : 8;
    memcpy(&head, name, part);
    memcpy(&tail, name + size - part, part);
    uint64_t hash = (head ^ (tail * 0x9e3779b97f4a7c15ULL) ^ size) * 0xd6e8feb86659fd93ULL;
    return (unsigned)(hash >> 40) % KEYWORD_SLOT_COUNT;
}
