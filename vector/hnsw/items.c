/* SPDX-License-Identifier: Apache-2.0 */

/* Growing arrays of pool items, and a min-heap over them. */

#include "server/base/arena.h"
#include "vector/hnsw/walk.h"

enum { CAPACITY_MIN = 1024 };

void
items_push(struct items *items, pool_item_t item)
{
    if (KY_UNLIKELY(items->count == items->capacity)) {
        items->capacity = KY_MAX(items->capacity * 2, (size_t)CAPACITY_MIN);
        items->items =
            (pool_item_t *)ky_realloc(items->items, items->capacity * sizeof(items->items[0]));
    }
    items->items[items->count++] = item;
}

static void
sift_down(struct items *heap, size_t at, pool_item_t item)
{
    pool_item_t *items = heap->items;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count && items[child + 1] < items[child]) {
            child++;
        }
        if (items[child] >= item) {
            break;
        }
        items[at] = items[child];
        at = child;
    }
    items[at] = item;
}

void
heap_push(struct items *heap, pool_item_t item)
{
    items_push(heap, item);
    pool_item_t *items = heap->items;
    size_t at = heap->count - 1;
    while (at > 0 && items[(at - 1) / 2] > item) {
        items[at] = items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    items[at] = item;
}

pool_item_t
heap_pop(struct items *heap)
{
    pool_item_t top = heap->items[0];
    pool_item_t last = heap->items[--heap->count];
    if (heap->count > 0) {
        sift_down(heap, 0, last);
    }
    return top;
}

void
heap_make(struct items *heap)
{
    for (size_t i = heap->count / 2; i > 0; i--) {
        sift_down(heap, i - 1, heap->items[i - 1]);
    }
}
