/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "index/btree/node.h"

/* The search in a node, to be compiled into whatever searches node after node. Private to
 * index/btree. */

/* What remains of a target after a node's prefix. */
struct node_probe {
    uint64_t head;
    const uint8_t *rest; /* after the head */
    size_t size;         /* after the prefix */
    row_id_t row_id;
};

/* What the key has after from bytes, the first eight bytes of it, zero filled, as a number. */
static inline uint64_t
node_load_head(const uint8_t *key, size_t size, size_t from)
{
    if (KY_LIKELY(size >= NODE_HEAD_SIZE)) {
        /* No more than the key has, and what is before from out again. */
        const size_t at = KY_MIN(from, size - NODE_HEAD_SIZE);
        const size_t bits = 8 * (from - at);
        return bits < 64 ? ky_load_be64(key + at) << bits : 0;
    }
    uint64_t head = 0;
    for (size_t i = from; i < size; i++) {
        head |= (uint64_t)key[i] << (56 - 8 * (i - from));
    }
    return head;
}

static inline int
node_compare_long_prefix(const struct node *node, const uint8_t *key, size_t size)
{
    const size_t prefix_size = node->prefix_size;
    const size_t shared = KY_MIN(prefix_size, size);
    const int order = shared == 0 ? 0 : memcmp(key, node_prefix(node), shared);
    return order != 0 ? order : size < prefix_size ? -1 : 0;
}

/* The key against the prefix: <0 when before all keys of the node, >0 when after them. */
static inline int
node_compare_prefix(const struct node *node, const uint8_t *key, size_t size)
{
    const size_t prefix_size = node->prefix_size;
    if (KY_LIKELY(prefix_size <= NODE_HEAD_SIZE && size >= NODE_HEAD_SIZE)) {
        if (prefix_size == 0) {
            return 0;
        }
        const size_t bits = 64 - 8 * prefix_size;
        const uint64_t own = ky_load_be64(node->prefix) >> bits;
        const uint64_t other = ky_load_be64(key) >> bits;
        return (other > own) - (other < own);
    }
    return node_compare_long_prefix(node, key, size);
}

static inline struct node_probe
node_probe(const struct node *node, const uint8_t *key, size_t size, row_id_t row_id)
{
    const size_t prefix_size = node->prefix_size;
    struct node_probe probe = {.size = size - prefix_size, .row_id = row_id};
    probe.head = node_load_head(key, size, prefix_size);
    probe.rest = probe.size > NODE_HEAD_SIZE ? key + prefix_size + NODE_HEAD_SIZE : NULL;
    return probe;
}

static inline struct ky_slice
node_heap_rest(const struct node *node, uint64_t where)
{
    const uint8_t *record = node_heap(node) + (where - NODE_HEAP_BASE);
    uint16_t size = 0;
    memcpy(&size, record, sizeof(size));
    return ky_slice(record + sizeof(size), size);
}

/* A slot whose head equals the probe's: what of the key is left to compare. */
static inline int
node_compare_rest(const struct node *node, uint64_t where, const struct node_probe *probe)
{
    if (where <= NODE_HEAD_SIZE) {
        /* Zero filling made them look equal; the shorter one comes first. */
        return (where > probe->size) - (where < probe->size);
    }
    if (probe->size <= NODE_HEAD_SIZE) {
        return 1;
    }
    return ky_slice_compare(node_heap_rest(node, where),
                            ky_slice(probe->rest, probe->size - NODE_HEAD_SIZE));
}

static inline bool
node_is_slot_before(const struct node *node, uint32_t slot, const struct node_probe *probe)
{
    uint64_t head = node_head(node, slot);
    if (head != probe->head) {
        return head < probe->head;
    }
    uint64_t tail = node_tail(node, slot);
    int order = node_compare_rest(node, tail & UINT16_MAX, probe);
    return order != 0 ? order < 0 : tail >> 16 < probe->row_id;
}

static inline uint32_t
node_search_here(const struct node *node, const struct target *target)
{
    uint32_t count = node_count(node);
    if (KY_UNLIKELY(target->is_end)) {
        return count;
    }
    int order = node_compare_prefix(node, target->key, target->size);
    if (KY_UNLIKELY(order != 0)) {
        return order < 0 ? 0 : count;
    }
    struct node_probe probe = node_probe(node, target->key, target->size, target->row_id);
    uint32_t base = 0;
    for (uint32_t left = count; left > 0;) {
        uint32_t half = (left + 1) / 2;
        base += node_head(node, base + half - 1) < probe.head ? half : 0;
        left -= half;
    }
    /* Almost always the first slot with this head decides; a long run of equals is halved. */
    if (base >= count || !node_is_slot_before(node, base, &probe)) {
        return base;
    }
    uint32_t low = base + 1;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (node_is_slot_before(node, middle, &probe)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The slot's key is the one that the probe was made of, and the node's prefix its beginning. */
static inline bool
node_matches(const struct node *node, uint32_t slot, const struct node_probe *probe)
{
    return node_head(node, slot) == probe->head &&
           node_compare_rest(node, node_tail(node, slot) & UINT16_MAX, probe) == 0;
}
