/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading without locks. A walk down notes each node's version, reads, and asks whether the
 * version is still the same: then what was read was there at one moment. The order matters: a
 * child's version is taken before the parent's is asked for the last time, so that the child was
 * the parent's when its own reading began. Nodes are freed through epochs, so a reader may hold
 * one that has left the tree; it is marked, and the walk starts again.
 *
 * Leaves are not linked. A scan keeps its way down and goes up and over to the next leaf as long
 * as the nodes on the way have not changed, and otherwise seeks anew from the last entry it gave
 * out. Each leaf's entries are copied first and kept only if the leaf has not changed meanwhile.
 */

#include "index/btree/btree.h"
#include "index/btree/search.h"
#include "server/base/assert.h"
#include "server/base/epoch_inline.h"

enum step { STEP_OK, STEP_END, STEP_RETRY };

/* From the node at depth, already in path with its version, down to a leaf. seeks: NULL goes to
 * the outermost child on the side the walk comes from. */
static bool
walk_down(struct btree_path *path, uint32_t depth, const struct target *seeks, bool is_backward)
{
    const struct node *node = path->nodes[depth];
    uint64_t version = path->versions[depth];
    while (node->level > 0) {
        uint32_t index = 0;
        if (seeks != NULL) {
            index = node_search(node, seeks);
        } else if (is_backward) {
            index = node_count(node);
        }
        struct node *child = node_child(node, index);
        node_prefetch(child);
        if (!node_validate(node, version)) {
            return false;
        }
        uint64_t child_version = node_read_begin(child);
        if ((child_version & NODE_OBSOLETE) != 0 || !node_validate(node, version)) {
            return false;
        }
        path->index[depth] = index;
        depth++;
        KY_ASSERT(depth < BTREE_HEIGHT_MAX);
        path->nodes[depth] = child;
        path->versions[depth] = version = child_version;
        node = child;
    }
    path->depth = depth;
    return true;
}

/* To the leaf where the target belongs; backward, to the leaf of what comes before it. */
static void
seek(struct btree *tree, const struct target *target, bool is_backward, struct btree_path *path)
{
    /* What is equal to a separator is on its right, what comes before it on its left. */
    struct target inner = *target;
    if (!is_backward) {
        inner.row_id++;
    }
    for (;;) {
        struct node *root = atomic_load_explicit(&tree->root, memory_order_acquire);
        path->nodes[0] = root;
        path->versions[0] = node_read_begin(root);
        if ((path->versions[0] & NODE_OBSOLETE) == 0 &&
            atomic_load_explicit(&tree->root, memory_order_acquire) == root &&
            walk_down(path, 0, &inner, is_backward)) {
            return;
        }
    }
}

/* Up and over to the neighbouring leaf. STEP_RETRY: the way has changed, seek again. */
static enum step
step_leaf(struct btree_path *path, bool is_backward)
{
    for (uint32_t depth = path->depth; depth > 0; depth--) {
        struct node *node = path->nodes[depth - 1];
        uint64_t version = path->versions[depth - 1];
        uint32_t index = path->index[depth - 1];
        uint32_t count = node_count(node);
        if (!node_validate(node, version)) {
            return STEP_RETRY;
        }
        if (index == (is_backward ? 0 : count)) {
            continue;
        }
        index = is_backward ? index - 1 : index + 1;
        struct node *child = node_child(node, index);
        if (!node_validate(node, version)) {
            return STEP_RETRY;
        }
        uint64_t child_version = node_read_begin(child);
        if ((child_version & NODE_OBSOLETE) != 0 || !node_validate(node, version)) {
            return STEP_RETRY;
        }
        path->index[depth - 1] = index;
        path->nodes[depth] = child;
        path->versions[depth] = child_version;
        return walk_down(path, depth, NULL, is_backward) ? STEP_OK : STEP_RETRY;
    }
    return STEP_END;
}

/* Counts entries with this key from slot on, giving out the first ones; stops before *slot. */
static uint32_t
collect_equals(const struct node *leaf, uint32_t *slot, uint32_t count, struct ky_slice key,
               row_id_t *row_ids, uint32_t max, uint32_t found)
{
    while (*slot < count && node_compare_key(leaf, *slot, key) == 0) {
        if (found < max) {
            row_ids[found] = node_row_id(leaf, *slot);
        }
        found++;
        (*slot)++;
    }
    return found;
}

/* The run of equals reaches the end of its leaf: look into the next ones. */
KY_COLD static uint32_t
find_across(struct btree *tree, struct ky_slice key, row_id_t *row_ids, uint32_t max)
{
    const struct target target = btree_target(key, 0);
    struct btree_path path;
    for (;;) {
        seek(tree, &target, false, &path);
        uint32_t found = 0;
        enum step step = STEP_OK;
        bool is_first = true;
        while (step == STEP_OK) {
            const struct node *leaf = path.nodes[path.depth];
            uint32_t count = node_count(leaf);
            uint32_t slot = is_first ? node_search(leaf, &target) : 0;
            is_first = false;
            uint32_t now = collect_equals(leaf, &slot, count, key, row_ids, max, found);
            if (!node_validate(leaf, path.versions[path.depth])) {
                step = STEP_RETRY;
                break;
            }
            found = now;
            step = slot < count ? STEP_END : step_leaf(&path, false);
        }
        if (step == STEP_END) {
            return found;
        }
    }
}

/* A leaf's tail is needed when its heads have been searched, which were waited for: fetches it
 * together with them, from where it would be if keys were even between the separators beside. What
 * is read here may be torn; nothing but prefetches depends on it. */
__attribute__((always_inline)) static inline void
prefetch_tails(const struct node *parent, uint32_t index, const struct node *leaf,
               const struct target *target)
{
    enum { TYPICAL_COUNT = 112, LINE_SLOTS = 8, MARGIN = 10 };
    _Static_assert(TYPICAL_COUNT + MARGIN < NODE_SLOTS, "within the leaf");
    if (index == 0 || index >= node_count(parent)) {
        return;
    }
    const uint64_t low = node_head(parent, index - 1);
    const uint64_t range = node_head(parent, index) - low;
    const uint64_t head = node_load_head(target->key, target->size, parent->prefix_size);
    const uint64_t distance = KY_MIN(head - low, range);
    /* Halves have no sign bit, which converting would have to look at. */
    const double share = (double)(int64_t)(distance >> 1) / ((double)(int64_t)(range >> 1) + 1.0);
    const uint32_t at = (uint32_t)(int32_t)(share * TYPICAL_COUNT);
    const uint32_t to = (at + MARGIN) / LINE_SLOTS;
    for (uint32_t line = (at - KY_MIN(at, (uint32_t)MARGIN)) / LINE_SLOTS; line <= to; line++) {
        __builtin_prefetch(&leaf->tails[(size_t)line * LINE_SLOTS]);
    }
}

/* seek without a path to go on from. False: something has changed on the way. */
static inline bool
find_leaf(struct btree *tree, const struct target *target, const struct node **leaf_out,
          uint64_t *version_out)
{
    const struct node *node = atomic_load_explicit(&tree->root, memory_order_acquire);
    uint64_t version = node_read_begin(node);
    if ((version & NODE_OBSOLETE) != 0 ||
        atomic_load_explicit(&tree->root, memory_order_acquire) != node) {
        return false;
    }
    while (node->level > 0) {
        const uint32_t index = node_search_here(node, target);
        const struct node *child = node_child(node, index);
        node_prefetch(child);
        if (node->level == 1) {
            prefetch_tails(node, index, child, target);
        }
        if (!node_validate(node, version)) {
            return false;
        }
        const uint64_t child_version = node_read_begin(child);
        if ((child_version & NODE_OBSOLETE) != 0 || !node_validate(node, version)) {
            return false;
        }
        node = child;
        version = child_version;
    }
    *leaf_out = node;
    *version_out = version;
    return true;
}

/* Counts the leaf's entries with this key, giving out the first ones. False: they may go on in the
 * next leaf, or the leaf has changed. */
static inline bool
collect_leaf(const struct node *leaf, uint64_t version, const struct target *target, uint32_t slot,
             row_id_t *row_ids, uint32_t max, uint32_t *found_out)
{
    const uint32_t count = node_count(leaf);
    uint32_t found = 0;
    if (slot < count && node_compare_prefix(leaf, target->key, target->size) == 0) {
        const struct node_probe probe = node_probe(leaf, target->key, target->size, 0);
        for (; slot < count && node_matches(leaf, slot, &probe); slot++) {
            if (found < max) {
                row_ids[found] = node_row_id(leaf, slot);
            }
            found++;
        }
    }
    *found_out = found;
    return KY_LIKELY(slot < count) && KY_LIKELY(node_validate(leaf, version));
}

/* Within an epoch. */
static inline uint32_t
find_inside(struct btree *tree, struct ky_slice key, row_id_t *row_ids, uint32_t max)
{
    const struct target target = btree_target(key, 0);
    /* What is equal to a separator is on its right. */
    const struct target inner = btree_target(key, 1);
    const struct node *leaf = NULL;
    uint64_t version = 0;
    uint32_t found = 0;
    while (KY_UNLIKELY(!find_leaf(tree, &inner, &leaf, &version))) {
    }
    if (KY_UNLIKELY(!collect_leaf(leaf, version, &target, node_search_here(leaf, &target), row_ids,
                                  max, &found))) {
        found = find_across(tree, key, row_ids, max);
    }
    return found;
}

uint32_t
btree_find(struct btree *tree, struct ky_slice key, row_id_t *row_ids, uint32_t max)
{
    struct ky_epoch_word *epoch = ky_epoch_try_enter();
    if (KY_UNLIKELY(epoch == NULL)) {
        ky_epoch_enter();
        const uint32_t found = find_inside(tree, key, row_ids, max);
        ky_epoch_leave();
        return found;
    }
    const uint32_t found = find_inside(tree, key, row_ids, max);
    ky_epoch_leave_entered(epoch);
    return found;
}

bool
btree_has(struct btree *tree, struct ky_slice key, row_id_t row_id)
{
    const struct target target = btree_target(key, row_id);
    struct btree_path path;
    bool has = false;
    bool is_valid = false;
    ky_epoch_enter();
    while (!is_valid) {
        seek(tree, &target, false, &path);
        const struct node *leaf = path.nodes[path.depth];
        uint32_t slot = node_search(leaf, &target);
        has = slot < node_count(leaf) && node_row_id(leaf, slot) == row_id &&
              node_compare_key(leaf, slot, key) == 0;
        is_valid = node_validate(leaf, path.versions[path.depth]);
    }
    ky_epoch_leave();
    return has;
}

/* Lookups that go down side by side: each waits for a node while the others' are fetched. */
enum { GROUP = 16 };

struct group {
    const struct node *nodes[GROUP]; /* NULL: something has changed on the way */
    const struct node *parents[GROUP];
    uint64_t versions[GROUP]; /* of nodes, or of parents while a step is under way */
};

/* Fetches what searches in the nodes will read, and not much else: the first steps of each search
 * are taken, a step of all at a time, for the sake of the lines they come by. What is read here may
 * be torn; nothing but prefetches depends on it. */
static void
group_fetch(const struct group *group, const struct ky_slice *keys, uint32_t count)
{
    enum { FIRST_STEP = NODE_SLOTS / 2, LAST_STEP = 16, LINE_SLOTS = 8 };
    uint64_t heads[GROUP];
    uint32_t bases[GROUP] = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct node *node = group->nodes[i];
        const size_t prefix_size = node == NULL ? 0 : node->prefix_size;
        heads[i] = prefix_size < keys[i].size
                       ? node_load_head((const uint8_t *)keys[i].data, keys[i].size, prefix_size)
                       : 0;
    }
    for (uint32_t step = FIRST_STEP; step >= LAST_STEP; step /= 2) {
        for (uint32_t i = 0; i < count; i++) {
            const struct node *node = group->nodes[i];
            if (node != NULL) {
                const uint32_t at = bases[i] + step;
                const bool is_after = at <= node_count(node) && node_head(node, at - 1) < heads[i];
                bases[i] += (0 - (uint32_t)is_after) & step;
                __builtin_prefetch(&node->heads[bases[i] + step / 2 - 1]);
            }
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct node *node = group->nodes[i];
        if (node != NULL) {
            for (uint32_t at = bases[i]; at < bases[i] + LAST_STEP; at += LINE_SLOTS) {
                __builtin_prefetch(&node->heads[at]);
                if (node->level == 0) {
                    __builtin_prefetch(&node->tails[at]);
                } else {
                    __builtin_prefetch(&node_children(node)[at]);
                }
            }
        }
    }
}

/* One level down, from nodes of one level to their children. */
static void
group_step(struct group *group, const struct ky_slice *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct node *node = group->nodes[i];
        group->parents[i] = node;
        if (node != NULL) {
            const struct target inner = btree_target(keys[i], 1);
            const struct node *child = node_child(node, node_search_here(node, &inner));
            const bool is_child = node_validate(node, group->versions[i]);
            group->nodes[i] = is_child ? child : NULL;
            if (is_child) {
                __builtin_prefetch(child);
                __builtin_prefetch(&child->heads[NODE_SLOTS / 2 - 1]);
            }
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (group->nodes[i] != NULL) {
            const uint64_t version = node_read_begin(group->nodes[i]);
            const bool is_child = (version & NODE_OBSOLETE) == 0 &&
                                  node_validate(group->parents[i], group->versions[i]);
            group->nodes[i] = is_child ? group->nodes[i] : NULL;
            group->versions[i] = version;
        }
    }
    group_fetch(group, keys, count);
}

static void
find_group(struct btree *tree, const struct ky_slice *keys, uint32_t count, uint32_t per_key,
           row_id_t *row_ids, uint32_t *counts_out)
{
    struct group group;
    uint32_t slots[GROUP] = {0};
    const struct node *root = atomic_load_explicit(&tree->root, memory_order_acquire);
    const uint64_t version = node_read_begin(root);
    const bool is_root = (version & NODE_OBSOLETE) == 0 &&
                         atomic_load_explicit(&tree->root, memory_order_acquire) == root;
    for (uint32_t i = 0; i < count; i++) {
        group.nodes[i] = is_root ? root : NULL;
        group.versions[i] = version;
    }
    for (uint32_t level = root->level; level > 0; level--) {
        group_step(&group, keys, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (group.nodes[i] != NULL) {
            const struct target target = btree_target(keys[i], 0);
            slots[i] = node_search_here(group.nodes[i], &target);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct target target = btree_target(keys[i], 0);
        row_id_t *place = row_ids + (size_t)i * per_key;
        if (KY_UNLIKELY(group.nodes[i] == NULL ||
                        !collect_leaf(group.nodes[i], group.versions[i], &target, slots[i], place,
                                      per_key, &counts_out[i]))) {
            counts_out[i] = btree_find(tree, keys[i], place, per_key);
        }
    }
}

void
btree_find_batch(struct btree *tree, const struct ky_slice *keys, uint32_t count, uint32_t per_key,
                 row_id_t *row_ids, uint32_t *counts_out)
{
    ky_epoch_enter();
    for (uint32_t i = 0; i < count; i += GROUP) {
        find_group(tree, keys + i, KY_MIN(count - i, (uint32_t)GROUP), per_key,
                   row_ids + (size_t)i * per_key, counts_out + i);
    }
    ky_epoch_leave();
}

/* The first entry after all that begin with the key: its successor among keys of no greater size.
 * A key longer than any entry is no entry's beginning. */
static struct target
after_prefix(struct ky_slice key, uint8_t storage[INDEX_KEY_SIZE_MAX])
{
    if (key.size > INDEX_KEY_SIZE_MAX) {
        return btree_target(key, 0);
    }
    const uint8_t *bytes = (const uint8_t *)key.data;
    size_t size = key.size;
    while (size > 0 && bytes[size - 1] == UINT8_MAX) {
        size--;
    }
    if (size == 0) {
        return (struct target){.is_end = true};
    }
    memcpy(storage, bytes, size);
    storage[size - 1]++;
    return btree_target(ky_slice(storage, size), 0);
}

void
btree_range_init(struct btree_range *range, const struct index_scan *scan)
{
    range->low = (struct target){0};
    range->high = (struct target){.is_end = true};
    if (scan->has_lower) {
        range->low = scan->is_lower_exclusive ? after_prefix(scan->lower, range->low_key)
                                              : btree_target(scan->lower, 0);
    }
    if (scan->has_upper) {
        range->high = scan->is_upper_exclusive ? btree_target(scan->upper, 0)
                                               : after_prefix(scan->upper, range->high_key);
    }
}

void
btree_range_narrow(struct btree_range *range, bool is_backward, struct ky_slice last,
                   row_id_t last_row_id)
{
    if (is_backward) {
        range->high = btree_target(last, last_row_id);
    } else {
        range->low = btree_target(last, last_row_id + 1);
    }
}

static void
emit_slot(struct btree_output *out, const struct node *leaf, uint32_t slot)
{
    size_t before = out->keys->size;
    node_append_key(leaf, slot, out->keys);
    out->entries[out->count++] = (struct index_entry){
        .key = {NULL, out->keys->size - before},
        .row_id = node_row_id(leaf, slot),
    };
}

/* Copies one leaf's part of the range. *is_last_out: nothing of the range is beyond this leaf. */
static void
copy_leaf(const struct node *leaf, const struct btree_range *range, bool is_backward,
          struct btree_output *out, bool *is_last_out)
{
    uint32_t count = node_count(leaf);
    uint32_t low = node_search(leaf, &range->low);
    uint32_t high = node_search(leaf, &range->high);
    /* Torn reads are found out later, but must stay inside the node. */
    high = KY_MIN(high, count);
    if (is_backward) {
        *is_last_out = low > 0;
        for (; high > low && out->count < out->max; high--) {
            emit_slot(out, leaf, high - 1);
        }
    } else {
        *is_last_out = high < count;
        for (; low < high && out->count < out->max; low++) {
            emit_slot(out, leaf, low);
        }
    }
}

bool
btree_walk(struct btree *tree, struct btree_range *range, bool is_backward,
           struct btree_output *out, struct ky_buffer *last)
{
    struct btree_path path;
    seek(tree, is_backward ? &range->high : &range->low, is_backward, &path);
    for (;;) {
        const struct node *leaf = path.nodes[path.depth];
        uint32_t count = out->count;
        size_t size = out->keys->size;
        bool is_last = false;
        copy_leaf(leaf, range, is_backward, out, &is_last);
        enum step step = STEP_RETRY;
        if (node_validate(leaf, path.versions[path.depth])) {
            if (is_last || out->count == out->max) {
                return is_last && out->count < out->max;
            }
            step = step_leaf(&path, is_backward);
        } else {
            out->count = count;
            out->keys->size = size;
        }
        if (step == STEP_END) {
            return true;
        }
        if (step == STEP_RETRY) {
            if (out->count > 0) {
                const struct index_entry *entry = &out->entries[out->count - 1];
                ky_buffer_clear(last);
                ky_buffer_append(last, out->keys->data + out->keys->size - entry->key.size,
                                 entry->key.size);
                btree_range_narrow(range, is_backward, ky_buffer_slice(last), entry->row_id);
            }
            seek(tree, is_backward ? &range->high : &range->low, is_backward, &path);
        }
    }
}

void
btree_output_place(struct btree_output *out)
{
    size_t offset = 0;
    for (uint32_t i = 0; i < out->count; i++) {
        out->entries[i].key.data = out->keys->data + offset;
        offset += out->entries[i].key.size;
    }
}

uint32_t
btree_scan_next(struct btree *tree, struct index_scan *scan, struct index_entry *entries,
                uint32_t max)
{
    ky_buffer_clear(&scan->keys);
    if (scan->is_done || max == 0) {
        return 0;
    }
    struct btree_range range;
    btree_range_init(&range, scan);
    if (scan->is_started) {
        btree_range_narrow(&range, scan->is_backward, ky_buffer_slice(&scan->last_key),
                           scan->last_row_id);
    }
    struct btree_output out = {entries, 0, max, &scan->keys};
    ky_epoch_enter();
    scan->is_done = btree_walk(tree, &range, scan->is_backward, &out, &scan->last_key);
    ky_epoch_leave();
    if (out.count == 0) {
        scan->is_done = true;
        return 0;
    }
    btree_output_place(&out);
    const struct index_entry *last = &entries[out.count - 1];
    ky_buffer_clear(&scan->last_key);
    ky_buffer_append_slice(&scan->last_key, last->key);
    scan->last_row_id = last->row_id;
    scan->is_started = true;
    return out.count;
}
