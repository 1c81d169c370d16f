/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <string.h>

/* Loads and stores at any address: big-endian for the wire, little-endian for files. */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file format is native order");

#define KY_ENDIAN_PAIR(bits)                                             \
    static inline uint##bits##_t ky_load_be##bits(const void *from)      \
    {                                                                    \
        uint##bits##_t value;                                            \
        memcpy(&value, from, sizeof(value));                             \
        return __builtin_bswap##bits(value);                             \
    }                                                                    \
    static inline void ky_store_be##bits(void *to, uint##bits##_t value) \
    {                                                                    \
        value = __builtin_bswap##bits(value);                            \
        memcpy(to, &value, sizeof(value));                               \
    }                                                                    \
    static inline uint##bits##_t ky_load_le##bits(const void *from)      \
    {                                                                    \
        uint##bits##_t value;                                            \
        memcpy(&value, from, sizeof(value));                             \
        return value;                                                    \
    }                                                                    \
    static inline void ky_store_le##bits(void *to, uint##bits##_t value) \
    {                                                                    \
        memcpy(to, &value, sizeof(value));                               \
    }

KY_ENDIAN_PAIR(16)
KY_ENDIAN_PAIR(32)
KY_ENDIAN_PAIR(64)
