/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Looking into one node and changing it in place. The layout is drawn in node.h.
 */

#include "index/btree/node.h"

#include "server/base/assert.h"

/* What remains of a target after a node's prefix. */
struct probe {
    uint64_t head;
    const uint8_t *rest; /* after the head */
    size_t size;         /* after the prefix */
    row_id_t row_id;
};

static inline uint64_t
load_head(const uint8_t *suffix, size_t size)
{
    if (KY_LIKELY(size >= NODE_HEAD_SIZE)) {
        return ky_load_be64(suffix);
    }
    uint64_t head = 0;
    for (size_t i = 0; i < size; i++) {
        head |= (uint64_t)suffix[i] << (56 - 8 * i);
    }
    return head;
}

/* The key against the prefix: <0 when before all keys of the node, >0 when after them. */
static inline int
compare_prefix(const struct node *node, const uint8_t *key, size_t size)
{
    size_t prefix_size = node->prefix_size;
    size_t shared = KY_MIN(prefix_size, size);
    if (shared > 0) {
        const uint8_t *prefix = node_prefix(node);
        if (KY_UNLIKELY(key[0] != prefix[0])) {
            return key[0] < prefix[0] ? -1 : 1;
        }
        int order = shared == 1 ? 0 : memcmp(key, prefix, shared);
        if (order != 0) {
            return order;
        }
    }
    return size < prefix_size ? -1 : 0;
}

static inline struct probe
make_probe(const struct node *node, const uint8_t *key, size_t size, row_id_t row_id)
{
    struct probe probe = {.size = size - node->prefix_size, .row_id = row_id};
    const uint8_t *suffix = key == NULL ? NULL : key + node->prefix_size;
    probe.head = load_head(suffix, probe.size);
    probe.rest = probe.size > NODE_HEAD_SIZE ? suffix + NODE_HEAD_SIZE : NULL;
    return probe;
}

static inline struct ky_slice
heap_rest(const struct node *node, uint64_t where)
{
    const uint8_t *record = node_heap(node) + (where - NODE_HEAP_BASE);
    uint16_t size = 0;
    memcpy(&size, record, sizeof(size));
    return ky_slice(record + sizeof(size), size);
}

/* A slot whose head equals the probe's: what of the key is left to compare. */
static int
compare_rest(const struct node *node, uint64_t where, const struct probe *probe)
{
    if (where <= NODE_HEAD_SIZE) {
        /* Zero filling made them look equal; the shorter one comes first. */
        return (where > probe->size) - (where < probe->size);
    }
    if (probe->size <= NODE_HEAD_SIZE) {
        return 1;
    }
    return ky_slice_compare(heap_rest(node, where),
                            ky_slice(probe->rest, probe->size - NODE_HEAD_SIZE));
}

static bool
is_slot_before(const struct node *node, uint32_t slot, const struct probe *probe)
{
    uint64_t head = node_head(node, slot);
    if (head != probe->head) {
        return head < probe->head;
    }
    uint64_t tail = node_tail(node, slot);
    int order = compare_rest(node, tail & UINT16_MAX, probe);
    return order != 0 ? order < 0 : tail >> 16 < probe->row_id;
}

uint32_t
node_search(const struct node *node, const struct target *target)
{
    uint32_t count = node_count(node);
    if (KY_UNLIKELY(target->is_end)) {
        return count;
    }
    int order = compare_prefix(node, target->key, target->size);
    if (KY_UNLIKELY(order != 0)) {
        return order < 0 ? 0 : count;
    }
    struct probe probe = make_probe(node, target->key, target->size, target->row_id);
    uint32_t base = 0;
    for (uint32_t left = count; left > 0;) {
        uint32_t half = (left + 1) / 2;
        base += node_head(node, base + half - 1) < probe.head ? half : 0;
        left -= half;
    }
    /* Almost always the first slot with this head decides; a long run of equals is halved. */
    if (base >= count || !is_slot_before(node, base, &probe)) {
        return base;
    }
    uint32_t low = base + 1;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (is_slot_before(node, middle, &probe)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int
node_compare_key(const struct node *node, uint32_t slot, struct ky_slice key)
{
    const uint8_t *bytes = (const uint8_t *)key.data;
    int order = compare_prefix(node, bytes, key.size);
    if (order != 0) {
        return -order;
    }
    struct probe probe = make_probe(node, bytes, key.size, 0);
    uint64_t head = node_head(node, slot);
    if (head != probe.head) {
        return head < probe.head ? -1 : 1;
    }
    return compare_rest(node, node_tail(node, slot) & UINT16_MAX, &probe);
}

size_t
node_key_size(const struct node *node, uint32_t slot)
{
    uint64_t where = node_tail(node, slot) & UINT16_MAX;
    if (where <= NODE_HEAD_SIZE) {
        return node->prefix_size + (size_t)where;
    }
    return node->prefix_size + (size_t)NODE_HEAD_SIZE + heap_rest(node, where).size;
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
        ky_buffer_append_slice(buffer, heap_rest(node, where));
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
    if (count == NODE_SLOTS || compare_prefix(node, bytes, key.size) != 0) {
        return false;
    }
    struct probe probe = make_probe(node, bytes, key.size, row_id);
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
        node->heap_dead += (uint32_t)(sizeof(uint16_t) + heap_rest(node, where).size);
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
