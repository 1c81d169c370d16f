/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Walks the whole tree under its mutex: every entry lies between its separators and after the one
 * before it, levels go down by one, and the counts agree with what is there.
 */

#include "index/btree/btree.h"

struct bound {
    struct ky_slice key;
    row_id_t row_id;
    bool is_open;
};

struct verifier {
    uint64_t entries;
    uint64_t nodes;
    uint64_t bytes;
};

static int
compare_entries(struct ky_slice a, row_id_t a_row_id, struct ky_slice b, row_id_t b_row_id)
{
    int order = ky_slice_compare(a, b);
    return order != 0 ? order : (a_row_id > b_row_id) - (a_row_id < b_row_id);
}

static ky_status
damaged(struct ky_error *err, const char *what, const struct node *node, uint32_t slot)
{
    return ky_error_set(err, KY_INDEX_CORRUPTED, "index is damaged: %s at level %u, slot %u", what,
                        (unsigned)node->level, slot);
}

static ky_status
verify_where(const struct node *node, uint32_t slot, struct ky_error *err)
{
    uint64_t where = node_tail(node, slot) & UINT16_MAX;
    if (where <= NODE_HEAD_SIZE) {
        return KY_OK;
    }
    if (where - NODE_HEAP_BASE + sizeof(uint16_t) > node->heap_used ||
        node_key_size(node, slot) > INDEX_KEY_SIZE_MAX ||
        where - NODE_HEAP_BASE + sizeof(uint16_t) + node_key_size(node, slot) - node->prefix_size -
                NODE_HEAD_SIZE >
            node->heap_used) {
        return damaged(err, "a key outside the node", node, slot);
    }
    return KY_OK;
}

static ky_status
verify_node(struct verifier *verifier, const struct node *node, struct bound low, struct bound high,
            struct ky_error *err)
{
    uint32_t count = node_count(node);
    if (count > NODE_SLOTS || node->heap_used > node->heap_capacity ||
        atomic_load_explicit(&node->version, memory_order_relaxed) % NODE_VERSION_STEP != 0) {
        return damaged(err, "a bad header", node, count);
    }
    verifier->nodes++;
    verifier->bytes += node->size;
    verifier->entries += node->level == 0 ? count : 0;
    /* Two keys by turns: the one before and this one. */
    struct ky_buffer keys[2] = {{0}, {0}};
    ky_status status = KY_OK;
    struct bound before = low;
    for (uint32_t i = 0; i <= count && status == KY_OK; i++) {
        struct bound current = high;
        if (i < count) {
            status = verify_where(node, i, err);
            if (status != KY_OK) {
                break;
            }
            ky_buffer_clear(&keys[i % 2]);
            node_append_key(node, i, &keys[i % 2]);
            current = (struct bound){ky_buffer_slice(&keys[i % 2]), node_row_id(node, i), false};
        }
        /* A separator may equal the first entry after it. */
        if (!before.is_open && !current.is_open) {
            int order = compare_entries(before.key, before.row_id, current.key, current.row_id);
            bool is_low_bound = i == 0 && node->level == 0 && count > 0;
            if (order > 0 || (order == 0 && !is_low_bound)) {
                status = damaged(err, "entries out of order", node, i);
                break;
            }
        }
        if (node->level > 0) {
            const struct node *child = node_child(node, i);
            status = child->level + 1 == node->level
                         ? verify_node(verifier, child, before, current, err)
                         : damaged(err, "a child of a wrong level", node, i);
        }
        before = current;
    }
    ky_buffer_deinit(&keys[0]);
    ky_buffer_deinit(&keys[1]);
    return status;
}

ky_status
btree_verify(struct btree *tree, struct ky_error *err)
{
    struct verifier verifier = {0};
    const struct bound open = {.is_open = true};
    ky_mutex_lock(&tree->lock);
    const struct node *root = atomic_load_explicit(&tree->root, memory_order_acquire);
    ky_status status = verify_node(&verifier, root, open, open, err);
    if (status == KY_OK &&
        (verifier.entries != atomic_load_explicit(&tree->entries, memory_order_relaxed) ||
         verifier.nodes != atomic_load_explicit(&tree->nodes, memory_order_relaxed) ||
         verifier.bytes != atomic_load_explicit(&tree->bytes, memory_order_relaxed))) {
        status = ky_error_set(err, KY_INDEX_CORRUPTED,
                              "index is damaged: its counts do not match its contents");
    }
    ky_mutex_unlock(&tree->lock);
    return status;
}
