/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/endian.h"
#include "server/base/half.h"
#include "server/types/type.h"

/*
 * Vectors as bytes, little-endian, not aligned:
 *   vector     dimension count floats, nothing else
 *   halfvec    dimension count IEEE halves, nothing else
 *   sparsevec  u32 dimensions | count indices, u32 ascending from 0 | count floats, none of them 0
 *   bit        u32 bits | the bits, first one highest in its byte, the rest of the last byte 0
 */
enum {
    VECTOR_DIMENSIONS_MAX = 16000,
    SPARSEVEC_DIMENSIONS_MAX = 1000000000,
    SPARSEVEC_ELEMENTS_MAX = 16000,
    BIT_LENGTH_MAX = 83886080,
};

static inline uint32_t
vector_dimensions(struct ky_slice value)
{
    return (uint32_t)(value.size / sizeof(float));
}

static inline float
vector_element(struct ky_slice value, uint32_t i)
{
    float element;
    memcpy(&element, (const uint8_t *)value.data + (size_t)i * sizeof(element), sizeof(element));
    return element;
}

static inline uint32_t
halfvec_dimensions(struct ky_slice value)
{
    return (uint32_t)(value.size / sizeof(uint16_t));
}

static inline float
halfvec_element(struct ky_slice value, uint32_t i)
{
    return ky_half_to_float(ky_load_le16((const uint8_t *)value.data + (size_t)i * 2));
}

enum { SPARSEVEC_HEADER_SIZE = 4, SPARSEVEC_ELEMENT_SIZE = 8 };

static inline uint32_t
sparsevec_dimensions(struct ky_slice value)
{
    return ky_load_le32(value.data);
}

static inline uint32_t
sparsevec_count(struct ky_slice value)
{
    return (uint32_t)((value.size - SPARSEVEC_HEADER_SIZE) / SPARSEVEC_ELEMENT_SIZE);
}

static inline uint32_t
sparsevec_index(struct ky_slice value, uint32_t i)
{
    return ky_load_le32((const uint8_t *)value.data + SPARSEVEC_HEADER_SIZE + (size_t)i * 4);
}

static inline float
sparsevec_element(struct ky_slice value, uint32_t i)
{
    float element;
    const size_t place = SPARSEVEC_HEADER_SIZE + ((size_t)sparsevec_count(value) + i) * 4;
    memcpy(&element, (const uint8_t *)value.data + place, sizeof(element));
    return element;
}

/* Indices ascending, elements not zero: a value of count elements. */
static inline struct ky_slice
sparsevec_make(struct ky_arena *arena, uint32_t dimensions, const uint32_t *indices,
               const float *elements, uint32_t count)
{
    const size_t size = SPARSEVEC_HEADER_SIZE + (size_t)count * SPARSEVEC_ELEMENT_SIZE;
    uint8_t *bytes = ky_arena_alloc(arena, size);
    ky_store_le32(bytes, dimensions);
    for (uint32_t i = 0; i < count; i++) {
        ky_store_le32(bytes + SPARSEVEC_HEADER_SIZE + (size_t)i * 4, indices[i]);
        memcpy(bytes + SPARSEVEC_HEADER_SIZE + ((size_t)count + i) * 4, &elements[i],
               sizeof(elements[i]));
    }
    return ky_slice(bytes, size);
}

enum { BIT_HEADER_SIZE = 4 };

static inline uint32_t
bit_length(struct ky_slice value)
{
    return ky_load_le32(value.data);
}

static inline size_t
bit_bytes(uint32_t length)
{
    return ((size_t)length + 7) / 8;
}

static inline const uint8_t *
bit_data(struct ky_slice value)
{
    return (const uint8_t *)value.data + BIT_HEADER_SIZE;
}

/* All bits 0; *data_out are the bytes behind the length. */
static inline struct ky_slice
bit_new(struct ky_arena *arena, uint32_t length, uint8_t **data_out)
{
    const size_t size = BIT_HEADER_SIZE + bit_bytes(length);
    uint8_t *bytes = ky_arena_alloc(arena, size);
    memset(bytes, 0, size);
    ky_store_le32(bytes, length);
    *data_out = bytes + BIT_HEADER_SIZE;
    return ky_slice(bytes, size);
}
