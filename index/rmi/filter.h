/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/endian.h"
#include "server/base/map.h"
#include "server/base/slice.h"

/*
 * A Bloom filter of keys whose bits for one key lie in one word, so that asking it costs one access
 * (Putze, Sanders and Singler 2007). Says of a few absent keys that they may be there, of no
 * present one that it is not. Private to index/rmi. One writer; readers need no lock, and see a key
 * that was added before they began.
 */
struct rmi_filter {
    _Atomic uint64_t *words; /* owned; relaxed */
    uint64_t word_count;     /* a power of two */
    uint32_t shift;          /* from a hash to its word */
};

/* One key in about fifty is said to be there wrongly when it holds so many; more when it holds
 * more. */
struct rmi_filter *rmi_filter_new(uint64_t capacity);
void rmi_filter_free(struct rmi_filter *filter);

/* Of a key that is a marker byte and eight more. */
static inline uint64_t
rmi_hash_code(uint64_t code, uint8_t marker)
{
    const uint64_t odd = 0x9e3779b97f4a7c15ULL;
    __extension__ const unsigned __int128 product =
        (unsigned __int128)(code + ((uint64_t)marker << 32)) * odd;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t
rmi_hash_key(struct ky_slice key)
{
    enum { DIRECT_SIZE = 9 };
    const uint8_t *bytes = (const uint8_t *)key.data;
    return KY_LIKELY(key.size == DIRECT_SIZE) ? rmi_hash_code(ky_load_be64(bytes + 1), *bytes)
                                              : ky_hash_bytes(bytes, key.size, 0);
}

static inline uint64_t
rmi_filter_bits(uint64_t hash)
{
    return (uint64_t)1 << (hash & 63) | (uint64_t)1 << (hash >> 6 & 63) |
           (uint64_t)1 << (hash >> 12 & 63);
}

static inline bool
rmi_filter_has(const struct rmi_filter *filter, uint64_t hash)
{
    const uint64_t bits = rmi_filter_bits(hash);
    return (atomic_load_explicit(&filter->words[hash >> filter->shift], memory_order_relaxed) &
            bits) == bits;
}

static inline void
rmi_filter_add(struct rmi_filter *filter, uint64_t hash)
{
    _Atomic uint64_t *word = &filter->words[hash >> filter->shift];
    /* Only the one writer stores. */
    atomic_store_explicit(word,
                          atomic_load_explicit(word, memory_order_relaxed) | rmi_filter_bits(hash),
                          memory_order_relaxed);
}
