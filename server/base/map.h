/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/slice.h"

/*
 * Two open-addressing hash maps on the heap. Zeroed memory is a valid empty map.
 * Pointers to values are valid until the next put or remove.
 */

/* u64 -> u64 (a pointer fits). */
struct ky_map64_slot;
struct ky_map64 {
    struct ky_map64_slot *slots; /* owned */
    size_t capacity;             /* power of two or 0 */
    size_t count;
};

void ky_map64_deinit(struct ky_map64 *map);
void ky_map64_clear(struct ky_map64 *map);
/* NULL when absent. */
uint64_t *ky_map64_find(const struct ky_map64 *map, uint64_t key);
/* The value's place, zeroed when it was made by this call; *is_new_out may be NULL. */
uint64_t *ky_map64_put(struct ky_map64 *map, uint64_t key, bool *is_new_out);
bool ky_map64_remove(struct ky_map64 *map, uint64_t key);
/* Iterates in no order: start with *cursor = 0; false at the end. Do not change the map meanwhile.
 */
bool ky_map64_next(const struct ky_map64 *map, size_t *cursor, uint64_t *key_out,
                   uint64_t *value_out);

/* bytes -> pointer. Keys are copied. */
struct ky_smap_slot;
struct ky_smap {
    struct ky_smap_slot *slots; /* owned */
    size_t capacity;
    size_t count;
};

void ky_smap_deinit(struct ky_smap *map);
void *ky_smap_find(const struct ky_smap *map, struct ky_slice key);
/* Returns the value replaced, or NULL. value must not be NULL. */
void *ky_smap_put(struct ky_smap *map, struct ky_slice key, void *value);
/* Returns the value removed, or NULL. */
void *ky_smap_remove(struct ky_smap *map, struct ky_slice key);
bool ky_smap_next(const struct ky_smap *map, size_t *cursor, struct ky_slice *key_out,
                  void **value_out);

/* A good 64-bit hash of bytes (XXH3) and of one word. Not for keys an attacker picks at will. */
uint64_t ky_hash_bytes(const void *data, size_t size, uint64_t seed);
/* The same of bytes that come in parts. */
struct ky_hash;
struct ky_hash *ky_hash_new(uint64_t seed);
void ky_hash_add(struct ky_hash *hash, const void *data, size_t size);
/* What ky_hash_bytes says of all parts together; frees the hash. */
uint64_t ky_hash_finish(struct ky_hash *hash);
static inline uint64_t
ky_hash_u64(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    return x;
}
