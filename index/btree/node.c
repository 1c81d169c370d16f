/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Looking into one node and changing it in place. The layout is drawn in node.h.
 */

#include "index/btree/search.h"
#include "server/base/assert.h"

uint32_t
node_search(const struct node *node, const struct target *target)
{
    return node_search_here(node, target);
}

int
node_compare_key(const struct node *node, uint32_t slot, struct ky_slice key)
{
    const uint8_t *bytes = (const uint8_t *)key.data;
    int order = node_compare_prefix(node, bytes, key.size);
    if (order != 0) {
        return -order;
    }
    struct node_probe probe = node_probe(node, bytes, key.size, 0);
    uint64_t head = node_head(node, slot);
    if (head != probe.head) {
        return head < probe.head ? -1 : 1;
    }
    return node_compare_rest(node, node_tail(node, slot) & UINT16_MAX, &probe);
}

size_t
node_key_size(const struct node *node, uint32_t slot)
{
    uint64_t where = node_tail(node, slot) & UINT16_MAX;
    if (where <= NODE_HEAD_SIZE) {
        return node->prefix_size + (size_t)where;
    }
    return node->prefix_size + (size_t)NODE_HEAD_SIZE + node_heap_rest(node, where).size;
}

void
node_append_key(const struct node *node, uint32_t slot, struct ky_buffer *buffer)
{
    uint64_t where = node_tail(node, slot) & UINT16_MAX;
    uint8_t *place = ky_buffer_extend(buffer, node->prefix_size + (size_t)NODE_HEAD_SIZE);
    if (KY_LIKELY(node->prefix_size <= NODE_PREFIX_INLINE)) {
        for (size_t i = 0; i < node->prefix_size; i++) {
            place[i] = node->prefix[i];
        }
    } else {
        memcpy(place, node_prefix(node), node->prefix_size);
    }
    ky_store_be64(place + node->prefix_size, node_head(node, slot));
    if (KY_LIKELY(where <= NODE_HEAD_SIZE)) {
        buffer->size -= NODE_HEAD_SIZE - (size_t)where;
    } else {
        ky_buffer_append_slice(buffer, node_heap_rest(node, where));
    }
}

/* Release: a reader that catches the tail sees the heap bytes written before. */
static inline void
set_tail(struct node *node, uint32_t slot, uint64_t tail)
{
    atomic_store_explicit(&node->tails[slot], tail, memory_order_release);
}

static inline void
set_head(struct node *node, uint32_t slot, uint64_t head)
{
    atomic_store_explicit(&node->heads[slot], head, memory_order_relaxed);
}

static inline void
set_child(struct node *node, uint32_t index, struct node *child)
{
    atomic_store_explicit(&node_children(node)[index], child, memory_order_release);
}

bool
node_insert_at(struct node *node, uint32_t slot, struct ky_slice key, row_id_t row_id,
               struct node *left, struct node *right)
{
    const uint8_t *bytes = (const uint8_t *)key.data;
    uint32_t count = node_count(node);
    KY_ASSERT(slot <= count);
    if (count == NODE_SLOTS || node_compare_prefix(node, bytes, key.size) != 0) {
        return false;
    }
    struct node_probe probe = node_probe(node, bytes, key.size, row_id);
    uint64_t where = probe.size;
    if (probe.size > NODE_HEAD_SIZE) {
        size_t rest_size = probe.size - NODE_HEAD_SIZE;
        size_t record_size = sizeof(uint16_t) + rest_size;
        if (node->heap_capacity - node->heap_used < record_size) {
            return false;
        }
        uint8_t *record = node_heap(node) + node->heap_used;
        uint16_t stored_size = (uint16_t)rest_size;
        memcpy(record, &stored_size, sizeof(stored_size));
        memcpy(record + sizeof(stored_size), probe.rest, rest_size);
        where = NODE_HEAP_BASE + (uint64_t)node->heap_used;
        node->heap_used += (uint32_t)record_size;
    }
    node_write_begin(node);
    for (uint32_t i = count; i > slot; i--) {
        set_head(node, i, node_head(node, i - 1));
        set_tail(node, i, node_tail(node, i - 1));
    }
    set_head(node, slot, probe.head);
    set_tail(node, slot, row_id << 16 | where);
    if (node->level > 0) {
        for (uint32_t i = count + 1; i > slot + 1; i--) {
            set_child(node, i, node_child(node, i - 1));
        }
        set_child(node, slot, left);
        set_child(node, slot + 1, right);
    }
    atomic_store_explicit(&node->count, count + 1, memory_order_relaxed);
    node_write_end(node);
    return true;
}

/* In an inner node, kept stands for both children beside the slot. */
static void
remove_slot(struct node *node, uint32_t slot, struct node *kept)
{
    uint32_t count = node_count(node);
    KY_ASSERT(slot < count);
    uint64_t where = node_tail(node, slot) & UINT16_MAX;
    if (where > NODE_HEAD_SIZE) {
        node->heap_dead += (uint32_t)(sizeof(uint16_t) + node_heap_rest(node, where).size);
    }
    node_write_begin(node);
    for (uint32_t i = slot; i + 1 < count; i++) {
        set_head(node, i, node_head(node, i + 1));
        set_tail(node, i, node_tail(node, i + 1));
    }
    if (node->level > 0) {
        for (uint32_t i = slot + 1; i < count; i++) {
            set_child(node, i, node_child(node, i + 1));
        }
        set_child(node, slot, kept);
    }
    atomic_store_explicit(&node->count, count - 1, memory_order_relaxed);
    node_write_end(node);
}

void
node_remove_at(struct node *node, uint32_t slot)
{
    remove_slot(node, slot, node->level > 0 ? node_child(node, slot) : NULL);
}

void
node_replace_pair(struct node *node, uint32_t slot, struct node *child)
{
    KY_ASSERT(node->level > 0);
    remove_slot(node, slot, child);
}

void
node_set_child(struct node *node, uint32_t index, struct node *child)
{
    node_write_begin(node);
    set_child(node, index, child);
    node_write_end(node);
}

void
node_mark_obsolete(struct node *node)
{
    uint64_t version = atomic_load_explicit(&node->version, memory_order_relaxed);
    atomic_store_explicit(&node->version, version | NODE_OBSOLETE, memory_order_release);
}
