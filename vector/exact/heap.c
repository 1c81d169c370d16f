/* SPDX-License-Identifier: Apache-2.0 */

#include "vector/exact/heap.h"

#include <math.h>

#include "server/base/assert.h"

bool
hit_is_worse(const struct vector_hit *a, const struct vector_hit *b)
{
    if (a->distance != b->distance) {
        bool is_a_nan = isnan(a->distance);
        bool is_b_nan = isnan(b->distance);
        if (is_a_nan != is_b_nan) {
            return is_a_nan;
        }
        if (!is_a_nan) {
            return a->distance > b->distance;
        }
    }
    return a->row_id > b->row_id;
}

/* Puts the hit where the hole at `at` has to go, downwards. */
static void
sift_down(struct hit_heap *heap, uint32_t at, struct vector_hit hit)
{
    struct vector_hit *hits = heap->hits;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count && hit_is_worse(&hits[child + 1], &hits[child])) {
            child++;
        }
        if (!hit_is_worse(&hits[child], &hit)) {
            break;
        }
        hits[at] = hits[child];
        at = child;
    }
    hits[at] = hit;
}

bool
hit_heap_wants(const struct hit_heap *heap, const struct vector_hit *hit)
{
    return heap->count < heap->capacity || hit_is_worse(&heap->hits[0], hit);
}

void
hit_heap_add(struct hit_heap *heap, struct vector_hit hit)
{
    KY_ASSERT(heap->capacity > 0);
    if (heap->count == heap->capacity) {
        sift_down(heap, 0, hit);
        return;
    }
    uint32_t at = heap->count++;
    while (at > 0 && hit_is_worse(&hit, &heap->hits[(at - 1) / 2])) {
        heap->hits[at] = heap->hits[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->hits[at] = hit;
}

void
hit_heap_sort(struct hit_heap *heap)
{
    uint32_t count = heap->count;
    while (heap->count > 1) {
        struct vector_hit worst = heap->hits[0];
        struct vector_hit last = heap->hits[--heap->count];
        sift_down(heap, 0, last);
        heap->hits[heap->count] = worst;
    }
    heap->count = count;
}
