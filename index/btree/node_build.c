/* SPDX-License-Identifier: Apache-2.0 */

/*
 * New nodes out of runs of entries. A node that splits, merges or runs out of room is taken apart
 * into a run and built anew; only the pointer to it changes in the tree.
 *
 * The prefix is as long as the keys allow, but no longer than it takes to get all of them into
 * their heads: a node of short keys does not have to be rebuilt for each key that goes a little
 * beyond its range.
 */

#include <stdlib.h>

#include "index/btree/node.h"
#include "server/base/arena.h"
#include "server/base/assert.h"

enum { CACHE_LINE_SIZE = 64 };

void
run_clear(struct run *run)
{
    run->count = 0;
    run->first_child = NULL;
    ky_buffer_clear(&run->bytes);
}

struct ky_slice
run_key(const struct run *run, uint32_t index)
{
    const struct run_item *item = &run->items[index];
    return ky_slice(run->bytes.data == NULL ? NULL : run->bytes.data + item->offset, item->size);
}

void
run_append_node(struct run *run, const struct node *node)
{
    uint32_t count = node_count(node);
    KY_ASSERT(run->count + count <= KY_COUNT_OF(run->items));
    if (node->level > 0 && run->first_child == NULL) {
        run->first_child = node_child(node, 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct run_item *item = &run->items[run->count++];
        item->offset = (uint32_t)run->bytes.size;
        node_append_key(node, i, &run->bytes);
        item->size = (uint32_t)run->bytes.size - item->offset;
        item->row_id = node_row_id(node, i);
        item->child = node->level > 0 ? node_child(node, i + 1) : NULL;
    }
}

void
run_insert(struct run *run, uint32_t index, struct ky_slice key, row_id_t row_id,
           struct node *child)
{
    KY_ASSERT(index <= run->count);
    KY_ASSERT(run->count < KY_COUNT_OF(run->items));
    memmove(&run->items[index + 1], &run->items[index],
            (run->count - index) * sizeof(run->items[0]));
    run->items[index] =
        (struct run_item){(uint32_t)run->bytes.size, (uint32_t)key.size, row_id, child};
    run->count++;
    if (key.size > 0) {
        ky_buffer_append_slice(&run->bytes, key);
    }
}

static uint32_t
prefix_size(const struct run *run, uint32_t from, uint32_t to)
{
    uint32_t size_max = 0;
    for (uint32_t i = from; i < to; i++) {
        size_max = KY_MAX(size_max, run->items[i].size);
    }
    if (size_max <= NODE_HEAD_SIZE) {
        return 0;
    }
    /* What the first and the last share, all between them share. */
    struct ky_slice first = run_key(run, from);
    struct ky_slice last = run_key(run, to - 1);
    const uint8_t *a = (const uint8_t *)first.data;
    const uint8_t *b = (const uint8_t *)last.data;
    uint32_t limit = (uint32_t)KY_MIN(first.size, last.size);
    limit = KY_MIN(limit, size_max - NODE_HEAD_SIZE);
    uint32_t shared = 0;
    while (shared < limit && a[shared] == b[shared]) {
        shared++;
    }
    return shared;
}

static uint32_t
heap_size(const struct run *run, uint32_t from, uint32_t to, uint32_t prefix)
{
    uint32_t size = 0;
    for (uint32_t i = from; i < to; i++) {
        uint32_t suffix = run->items[i].size - prefix;
        if (suffix > NODE_HEAD_SIZE) {
            size += (uint32_t)sizeof(uint16_t) + suffix - NODE_HEAD_SIZE;
        }
    }
    return size;
}

uint32_t
run_heap_size(const struct run *run, uint32_t from, uint32_t to)
{
    return from == to ? 0 : heap_size(run, from, to, prefix_size(run, from, to));
}

uint32_t
run_middle(const struct run *run)
{
    enum { SLOT_WEIGHT = 16 };
    uint64_t total = 0;
    for (uint32_t i = 0; i < run->count; i++) {
        total += SLOT_WEIGHT + run->items[i].size;
    }
    uint64_t before = 0;
    uint32_t middle = 0;
    while (middle + 1 < run->count && before < total / 2) {
        before += SLOT_WEIGHT + run->items[middle++].size;
    }
    return KY_MAX(middle, 1U);
}

static struct node *
allocate(uint16_t level, uint32_t prefix, uint32_t heap_capacity)
{
    size_t size = sizeof(struct node) + heap_capacity;
    if (prefix > NODE_PREFIX_INLINE) {
        size += prefix;
    }
    if (level > 0) {
        size += (NODE_SLOTS + 1) * sizeof(node_link);
    }
    size = ky_align_up(size, CACHE_LINE_SIZE);
    struct node *node = (struct node *)aligned_alloc(CACHE_LINE_SIZE, size);
    KY_ASSERT(node != NULL);
    /* Zero is a safe tail: whatever slot a reader strays into can be read. */
    memset(node, 0, size - heap_capacity / CACHE_LINE_SIZE * CACHE_LINE_SIZE);
    node->level = level;
    node->prefix_size = (uint16_t)prefix;
    node->heap_capacity = heap_capacity;
    node->size = (uint32_t)size;
    return node;
}

struct node *
node_new(const struct run *run, uint32_t from, uint32_t to, uint16_t level, struct node *first)
{
    uint32_t count = to - from;
    KY_ASSERT(count <= NODE_SLOTS);
    uint32_t prefix = count == 0 ? 0 : prefix_size(run, from, to);
    uint32_t heap_used = heap_size(run, from, to, prefix);
    KY_ASSERT(heap_used <= NODE_HEAP_SIZE_MAX);
    uint32_t heap_capacity = 0;
    if (heap_used > 0) {
        heap_capacity = KY_MIN(heap_used + heap_used / 2 + 64, (uint32_t)NODE_HEAP_SIZE_MAX);
    }
    struct node *node = allocate(level, prefix, heap_capacity);
    if (prefix > 0) {
        uint8_t *place = prefix <= NODE_PREFIX_INLINE ? node->prefix : node_bytes(node);
        memcpy(place, run_key(run, from).data, prefix);
    }
    if (level > 0) {
        atomic_init(&node_children(node)[0], first);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct run_item *item = &run->items[from + i];
        struct node *left = level > 0 ? node_child(node, i) : NULL;
        bool is_inserted =
            node_insert_at(node, i, run_key(run, from + i), item->row_id, left, item->child);
        KY_ASSERT(is_inserted);
    }
    atomic_store_explicit(&node->version, 0, memory_order_relaxed);
    return node;
}

void
node_free(void *node)
{
    free(node);
}
