/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/collection.h"

/*
 * The best `capacity` hits so far, the worst on top. Worse is farther, then the higher row id; not
 * a number is the farthest, as SQL sorts it. Memory is the caller's.
 */
struct hit_heap {
    struct vector_hit *hits;
    uint32_t count;
    uint32_t capacity; /* at least 1 */
};

bool hit_is_worse(const struct vector_hit *a, const struct vector_hit *b);
/* Would the hit be kept? */
bool hit_heap_wants(const struct hit_heap *heap, const struct vector_hit *hit);
/* Adds a wanted hit, dropping the worst when full. */
void hit_heap_add(struct hit_heap *heap, struct vector_hit hit);
/* Best first; no heap afterwards. */
void hit_heap_sort(struct hit_heap *heap);
