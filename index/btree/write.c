/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Changes to the tree, all under its mutex. Most touch one leaf in place. A node that has no room
 * is taken apart and built anew (node_build.c), and the new nodes take its place in the parent
 * before the old one is marked obsolete: a reader is in the old node or in the new ones, both of
 * which are whole.
 *
 * A new rightmost entry of a full rightmost node gets a node of its own: keys that only grow leave
 * full nodes behind them.
 *
 * Why two halves always fit: a node's keys share at least the old prefix, so a half needs no more
 * heap than it did before. Only a new key outside the prefix could ask for more, and that one is
 * the first or the last, and goes into a node of its own.
 */

#include "index/btree/btree.h"
#include "server/base/assert.h"

enum {
    MERGE_BELOW = NODE_SLOTS / 4, /* slots; a node with fewer looks for a neighbour */
    MERGED_MAX = NODE_SLOTS * 3 / 4,
    MERGED_HEAP_MAX = NODE_HEAP_SIZE_MAX * 3 / 4,
};

static struct node *
root_of(struct btree *tree)
{
    return atomic_load_explicit(&tree->root, memory_order_relaxed);
}

static void
set_root(struct btree *tree, struct node *node)
{
    /* Release pairs with the acquire of readers: the node is complete. */
    atomic_store_explicit(&tree->root, node, memory_order_release);
}

/* The writer's own walk; nobody else changes anything. */
static struct node *
descend(struct btree *tree, const struct target *target, struct btree_path *path)
{
    struct node *node = root_of(tree);
    path->depth = 0;
    /* A separator equal to the target has it on its right. */
    struct target after = *target;
    after.row_id++;
    while (node->level > 0) {
        uint32_t index = node_search(node, &after);
        path->nodes[path->depth] = node;
        path->index[path->depth] = index;
        node = node_child(node, index);
        node_prefetch(node);
        path->depth++;
        KY_ASSERT(path->depth < BTREE_HEIGHT_MAX);
    }
    path->nodes[path->depth] = node;
    return node;
}

/* Moves to the next leaf; NULL after the last. */
static struct node *
next_leaf(struct btree_path *path)
{
    uint32_t depth = path->depth;
    while (depth > 0 && path->index[depth - 1] == node_count(path->nodes[depth - 1])) {
        depth--;
    }
    if (depth == 0) {
        return NULL;
    }
    path->index[depth - 1]++;
    for (; depth <= path->depth; depth++) {
        path->nodes[depth] = node_child(path->nodes[depth - 1], path->index[depth - 1]);
        path->index[depth] = 0;
    }
    return path->nodes[path->depth];
}

static bool
is_rightmost(const struct btree_path *path, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++) {
        if (path->index[i] != node_count(path->nodes[i])) {
            return false;
        }
    }
    return true;
}

struct ky_slice
btree_separator(struct ky_slice before, struct ky_slice after, row_id_t after_row_id,
                row_id_t *row_id_out)
{
    const uint8_t *a = (const uint8_t *)before.data;
    const uint8_t *b = (const uint8_t *)after.data;
    size_t shared = 0;
    while (shared < before.size && shared < after.size && a[shared] == b[shared]) {
        shared++;
    }
    if (shared == after.size) {
        KY_ASSERT(before.size == after.size);
        *row_id_out = after_row_id;
        return after;
    }
    *row_id_out = 0;
    return ky_slice(after.data, shared + 1);
}

static struct node *
new_node(struct btree *tree, uint32_t from, uint32_t to, uint16_t level, struct node *first)
{
    struct node *node = node_new(tree->run, from, to, level, first);
    btree_count_node(tree, node);
    return node;
}

/* Puts a new node where path's node at depth was. */
static void
replace_node(struct btree *tree, struct btree_path *path, uint32_t depth, struct node *node)
{
    if (depth == 0) {
        set_root(tree, node);
    } else {
        node_set_child(path->nodes[depth - 1], path->index[depth - 1], node);
    }
    btree_retire(tree, path->nodes[depth]);
    path->nodes[depth] = node;
}

static bool
run_fits(const struct run *run)
{
    return run->count <= NODE_SLOTS && run_heap_size(run, 0, run->count) <= NODE_HEAP_SIZE_MAX;
}

/* How many items stay on the left; the new one is at slot. */
static uint32_t
cut_of(const struct run *run, uint32_t slot, bool is_outside_prefix)
{
    if (is_outside_prefix) {
        return slot == 0 ? 1 : run->count - 1;
    }
    return run_middle(run);
}

static bool
is_outside_prefix(const struct node *node, struct ky_slice key)
{
    return key.size < node->prefix_size ||
           (node->prefix_size > 0 && memcmp(key.data, node_prefix(node), node->prefix_size) != 0);
}

/* Cuts the run, which holds leaf's entries and the new one at slot, into two leaves. */
static void
split_leaf(struct btree *tree, struct btree_path *path, uint32_t slot, bool is_outside)
{
    struct run *run = tree->run;
    struct node *leaf = path->nodes[path->depth];
    bool is_append = slot == run->count - 1 && (is_outside || is_rightmost(path, path->depth));
    uint32_t cut = is_append ? slot : cut_of(run, slot, is_outside);
    uint8_t key[INDEX_KEY_SIZE_MAX];
    row_id_t row_id = 0;
    struct ky_slice separator =
        btree_separator(run_key(run, cut - 1), run_key(run, cut), run->items[cut].row_id, &row_id);
    memcpy(key, separator.data == NULL ? key : separator.data, separator.size);
    struct node *left = is_append ? leaf : new_node(tree, 0, cut, 0, NULL);
    struct node *right = new_node(tree, cut, run->count, 0, NULL);
    btree_insert_child(tree, path, path->depth, left, ky_slice(key, separator.size), row_id, right);
    if (!is_append) {
        btree_retire(tree, leaf);
    }
}

static void
insert_at(struct btree *tree, struct btree_path *path, uint32_t slot, struct ky_slice key,
          row_id_t row_id)
{
    struct node *leaf = path->nodes[path->depth];
    atomic_fetch_add_explicit(&tree->entries, 1, memory_order_relaxed);
    if (node_insert_at(leaf, slot, key, row_id, NULL, NULL)) {
        return;
    }
    struct run *run = tree->run;
    run_clear(run);
    run_append_node(run, leaf);
    run_insert(run, slot, key, row_id, NULL);
    if (run_fits(run)) {
        replace_node(tree, path, path->depth, new_node(tree, 0, run->count, 0, NULL));
    } else {
        split_leaf(tree, path, slot, is_outside_prefix(leaf, key));
    }
}

static void
grow_root(struct btree *tree, struct node *left, struct ky_slice key, row_id_t row_id,
          struct node *right)
{
    run_clear(tree->run);
    run_insert(tree->run, 0, key, row_id, right);
    set_root(tree, new_node(tree, 0, 1, (uint16_t)(left->level + 1), left));
}

/* Cuts the run, which holds the inner node's separators and the new one at slot, into two inner
 * nodes around a separator that goes up. */
static void
split_inner(struct btree *tree, struct btree_path *path, uint32_t depth, uint32_t slot,
            bool is_outside)
{
    struct run *run = tree->run;
    struct node *node = path->nodes[depth];
    uint32_t up = 0;
    if (is_outside) {
        up = slot;
    } else if (slot == run->count - 1 && is_rightmost(path, depth)) {
        up = run->count - 2;
    } else {
        up = run_middle(run) - 1;
    }
    struct run_item promoted = run->items[up];
    uint8_t key[INDEX_KEY_SIZE_MAX];
    struct ky_slice separator = run_key(run, up);
    memcpy(key, separator.data, separator.size);
    struct node *left = new_node(tree, 0, up, node->level, run->first_child);
    struct node *right = new_node(tree, up + 1, run->count, node->level, promoted.child);
    btree_insert_child(tree, path, depth, left, ky_slice(key, separator.size), promoted.row_id,
                       right);
    btree_retire(tree, node);
}

void
btree_insert_child(struct btree *tree, struct btree_path *path, uint32_t depth, struct node *left,
                   struct ky_slice key, row_id_t row_id, struct node *right)
{
    if (depth == 0) {
        grow_root(tree, left, key, row_id, right);
        return;
    }
    uint32_t parent_depth = depth - 1;
    struct node *parent = path->nodes[parent_depth];
    uint32_t index = path->index[parent_depth];
    if (node_insert_at(parent, index, key, row_id, left, right)) {
        return;
    }
    struct run *run = tree->run;
    run_clear(run);
    run_append_node(run, parent);
    if (index == 0) {
        run->first_child = left;
    } else {
        run->items[index - 1].child = left;
    }
    run_insert(run, index, key, row_id, right);
    if (run_fits(run)) {
        replace_node(tree, path, parent_depth,
                     new_node(tree, 0, run->count, parent->level, run->first_child));
    } else {
        split_inner(tree, path, parent_depth, index, is_outside_prefix(parent, key));
    }
}

bool
btree_insert(struct btree *tree, struct ky_slice key, row_id_t row_id)
{
    struct target target = btree_target(key, row_id);
    struct btree_path path;
    ky_mutex_lock(&tree->lock);
    struct node *leaf = descend(tree, &target, &path);
    uint32_t slot = node_search(leaf, &target);
    bool is_new = slot == node_count(leaf) || node_row_id(leaf, slot) != row_id ||
                  node_compare_key(leaf, slot, key) != 0;
    if (is_new) {
        insert_at(tree, &path, slot, key, row_id);
    }
    ky_mutex_unlock(&tree->lock);
    return is_new;
}

/* Asks the judge about the entries with this key, from path on. *is_own_out: the entry is there. */
static enum index_verdict
judge_equals(struct btree_path *path, uint32_t slot, struct ky_slice key, row_id_t row_id,
             index_judge judge, void *arg, row_id_t *existing_out, bool *is_own_out)
{
    struct btree_path walk = *path;
    struct node *leaf = walk.nodes[walk.depth];
    while (leaf != NULL) {
        for (; slot < node_count(leaf); slot++) {
            if (node_compare_key(leaf, slot, key) != 0) {
                return INDEX_IGNORE;
            }
            row_id_t existing = node_row_id(leaf, slot);
            if (existing == row_id) {
                *is_own_out = true;
                continue;
            }
            enum index_verdict verdict = judge(arg, existing);
            if (verdict != INDEX_IGNORE) {
                *existing_out = existing;
                return verdict;
            }
        }
        leaf = next_leaf(&walk);
        slot = 0;
    }
    return INDEX_IGNORE;
}

enum index_verdict
btree_insert_unique(struct btree *tree, struct ky_slice key, row_id_t row_id, index_judge judge,
                    void *arg, row_id_t *existing_out, bool *is_new_out)
{
    struct target target = btree_target(key, 0);
    struct btree_path path;
    enum index_verdict verdict = INDEX_IGNORE;
    bool is_own = false;
    ky_mutex_lock(&tree->lock);
    struct node *leaf = descend(tree, &target, &path);
    uint32_t slot = node_search(leaf, &target);
    /* A greater key in this leaf: no equal one anywhere, and the new entry belongs here. */
    if (slot == node_count(leaf) || node_compare_key(leaf, slot, key) == 0) {
        verdict = judge_equals(&path, slot, key, row_id, judge, arg, existing_out, &is_own);
        target.row_id = row_id;
        leaf = descend(tree, &target, &path);
        slot = node_search(leaf, &target);
    }
    if (verdict == INDEX_IGNORE && !is_own) {
        insert_at(tree, &path, slot, key, row_id);
    }
    ky_mutex_unlock(&tree->lock);
    *is_new_out = verdict == INDEX_IGNORE && !is_own;
    return verdict;
}

/* A root with one child hands over to it. */
static void
shrink_root(struct btree *tree)
{
    struct node *root = root_of(tree);
    while (root->level > 0 && node_count(root) == 0) {
        struct node *child = node_child(root, 0);
        set_root(tree, child);
        btree_retire(tree, root);
        root = child;
    }
}

/* Makes one node of the parent's children at index and index + 1 if it would be well filled. */
static bool
merge_pair(struct btree *tree, struct node *parent, uint32_t index)
{
    struct node *left = node_child(parent, index);
    struct node *right = node_child(parent, index + 1);
    if (node_count(left) + node_count(right) + 1 > MERGED_MAX) {
        return false;
    }
    struct run *run = tree->run;
    run_clear(run);
    run_append_node(run, left);
    if (left->level > 0) {
        /* The separator comes down between them. */
        struct run_item *item = &run->items[run->count++];
        item->offset = (uint32_t)run->bytes.size;
        node_append_key(parent, index, &run->bytes);
        item->size = (uint32_t)run->bytes.size - item->offset;
        item->row_id = node_row_id(parent, index);
        item->child = node_child(right, 0);
    }
    run_append_node(run, right);
    if (run_heap_size(run, 0, run->count) > MERGED_HEAP_MAX) {
        return false;
    }
    struct node *merged = new_node(tree, 0, run->count, left->level, run->first_child);
    node_replace_pair(parent, index, merged);
    btree_retire(tree, left);
    btree_retire(tree, right);
    return true;
}

/* An empty leaf leaves the tree whatever its neighbours hold. */
static bool
drop_empty(struct btree *tree, struct node *parent, uint32_t index)
{
    struct node *leaf = node_child(parent, index);
    if (leaf->level > 0 || node_count(leaf) > 0) {
        return false;
    }
    if (index > 0) {
        node_remove_at(parent, index - 1);
    } else {
        node_replace_pair(parent, 0, node_child(parent, 1));
    }
    btree_retire(tree, leaf);
    return true;
}

static void
rebalance(struct btree *tree, struct btree_path *path)
{
    for (uint32_t depth = path->depth; depth > 0; depth--) {
        struct node *node = path->nodes[depth];
        struct node *parent = path->nodes[depth - 1];
        uint32_t index = path->index[depth - 1];
        if (node_count(node) >= MERGE_BELOW ||
            node->heap_used - node->heap_dead > MERGED_HEAP_MAX / 2 || node_count(parent) == 0) {
            /* An only child cannot merge; its parent can. */
            if (node_count(parent) > 0) {
                return;
            }
            continue;
        }
        bool is_changed = drop_empty(tree, parent, index) ||
                          (index > 0 && merge_pair(tree, parent, index - 1)) ||
                          (index < node_count(parent) && merge_pair(tree, parent, index));
        if (!is_changed) {
            return;
        }
    }
    shrink_root(tree);
}

bool
btree_remove(struct btree *tree, struct ky_slice key, row_id_t row_id)
{
    struct target target = btree_target(key, row_id);
    struct btree_path path;
    ky_mutex_lock(&tree->lock);
    struct node *leaf = descend(tree, &target, &path);
    uint32_t slot = node_search(leaf, &target);
    bool is_found = slot < node_count(leaf) && node_row_id(leaf, slot) == row_id &&
                    node_compare_key(leaf, slot, key) == 0;
    if (is_found) {
        node_remove_at(leaf, slot);
        atomic_fetch_sub_explicit(&tree->entries, 1, memory_order_relaxed);
        if (node_count(leaf) < MERGE_BELOW) {
            rebalance(tree, &path);
        }
    }
    ky_mutex_unlock(&tree->lock);
    return is_found;
}
