/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "server/base/compiler.h"
#include "server/base/endian.h"

/* A borrowed run of bytes. Not zero terminated. data may be NULL when size is 0. */
struct ky_slice {
    const void *data;
    size_t size;
};

static inline struct ky_slice
ky_slice(const void *data, size_t size)
{
    return (struct ky_slice){data, size};
}

static inline struct ky_slice
ky_slice_cstr(const char *text)
{
    return (struct ky_slice){text, strlen(text)};
}

static inline bool
ky_slice_equal(struct ky_slice a, struct ky_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool
ky_slice_is(struct ky_slice a, const char *text)
{
    return ky_slice_equal(a, ky_slice_cstr(text));
}

/* Byte order, a shorter prefix first: the order of the "C" collation. */
static inline int
ky_slice_compare(struct ky_slice a, struct ky_slice b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

/* The first eight bytes as a number: where two differ they order as the slices do. */
static inline uint64_t
ky_slice_prefix(struct ky_slice slice)
{
    uint8_t bytes[sizeof(uint64_t)] = {0};
    if (KY_LIKELY(slice.size >= sizeof(bytes))) {
        return ky_load_be64(slice.data);
    }
    for (size_t i = 0; i < slice.size; i++) {
        bytes[i] = ((const uint8_t *)slice.data)[i];
    }
    return ky_load_be64(bytes);
}
