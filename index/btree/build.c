/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bulk build: leaves are filled one after another and hung at the right edge of the tree. Inner
 * nodes at that edge split so that what they leave behind is full.
 */

#include "index/btree/btree.h"
#include "server/base/arena.h"
#include "server/base/assert.h"

enum {
    BUILD_FILL = NODE_SLOTS * 9 / 10, /* leaves room for later inserts */
    BUILD_HEAP_FILL = NODE_HEAP_SIZE_MAX * 3 / 4,
};

struct builder {
    struct btree *tree;
    struct run run;     /* the leaf being filled */
    uint32_t heap_size; /* an upper limit of what it needs */
    uint64_t entries;
    uint8_t last_key[INDEX_KEY_SIZE_MAX]; /* of the leaf before */
    size_t last_size;
    bool has_leaf;
};

static void
rightmost_path(struct btree *tree, struct btree_path *path)
{
    struct node *node = atomic_load_explicit(&tree->root, memory_order_relaxed);
    path->depth = 0;
    for (;;) {
        path->nodes[path->depth] = node;
        path->index[path->depth] = node_count(node);
        if (node->level == 0) {
            return;
        }
        node = node_child(node, node_count(node));
        path->depth++;
        KY_ASSERT(path->depth < BTREE_HEIGHT_MAX);
    }
}

static void
finish_leaf(struct builder *builder)
{
    struct btree *tree = builder->tree;
    struct run *run = &builder->run;
    struct node *leaf = node_new(run, 0, run->count, 0, NULL);
    btree_count_node(tree, leaf);
    if (!builder->has_leaf) {
        struct node *empty = atomic_load_explicit(&tree->root, memory_order_relaxed);
        atomic_store_explicit(&tree->root, leaf, memory_order_release);
        btree_retire(tree, empty);
    } else {
        struct btree_path path;
        rightmost_path(tree, &path);
        row_id_t row_id = 0;
        struct ky_slice separator = btree_separator(ky_slice(builder->last_key, builder->last_size),
                                                    run_key(run, 0), run->items[0].row_id, &row_id);
        btree_insert_child(tree, &path, path.depth, path.nodes[path.depth], separator, row_id,
                           leaf);
    }
    builder->has_leaf = true;
    struct ky_slice last = run_key(run, run->count - 1);
    builder->last_size = last.size;
    if (last.size > 0) {
        memcpy(builder->last_key, last.data, last.size);
    }
    run_clear(run);
    builder->heap_size = 0;
}

/* Is the entry the one before? The input must not go back. */
static bool
is_repeated(const struct builder *builder, const struct index_entry *entry)
{
    const struct run *run = &builder->run;
    if (run->count == 0) {
        return false;
    }
    int order = ky_slice_compare(run_key(run, run->count - 1), entry->key);
    row_id_t last = run->items[run->count - 1].row_id;
    KY_ASSERT(order < 0 || (order == 0 && last <= entry->row_id));
    return order == 0 && last == entry->row_id;
}

static ky_status
add_entries(struct builder *builder, index_source next, void *arg, struct ky_error *err)
{
    struct index_entry entry;
    while (next(arg, &entry)) {
        if (entry.key.size > INDEX_KEY_SIZE_MAX) {
            return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                                "index row size %zu exceeds btree version 4 maximum %d",
                                entry.key.size, INDEX_KEY_SIZE_MAX);
        }
        KY_ASSERT(entry.row_id <= ROW_ID_MAX);
        if (is_repeated(builder, &entry)) {
            continue;
        }
        uint32_t record_size = (uint32_t)(entry.key.size + sizeof(uint16_t));
        /* The last entry of a full leaf stays in the run until the next is known not to repeat. */
        if (builder->run.count == BUILD_FILL ||
            builder->heap_size + record_size > BUILD_HEAP_FILL) {
            finish_leaf(builder);
        }
        run_insert(&builder->run, builder->run.count, entry.key, entry.row_id, NULL);
        builder->heap_size += record_size;
        builder->entries++;
    }
    if (builder->run.count > 0) {
        finish_leaf(builder);
    }
    return KY_OK;
}

/* Back to an empty tree after a failure. */
static void
empty_tree(struct btree *tree) KY_REQUIRES(tree->lock)
{
    struct node *built = atomic_load_explicit(&tree->root, memory_order_relaxed);
    run_clear(tree->run);
    struct node *root = node_new(tree->run, 0, 0, 0, NULL);
    atomic_store_explicit(&tree->root, root, memory_order_release);
    btree_retire_below(tree, built);
    btree_count_node(tree, root);
    atomic_store_explicit(&tree->entries, 0, memory_order_relaxed);
}

void
btree_clear(struct btree *tree)
{
    ky_mutex_lock(&tree->lock);
    empty_tree(tree);
    ky_mutex_unlock(&tree->lock);
}

ky_status
btree_build(struct btree *tree, index_source next, void *arg, struct ky_error *err)
{
    struct builder *builder = (struct builder *)ky_calloc(1, sizeof(*builder));
    builder->tree = tree;
    ky_mutex_lock(&tree->lock);
    KY_ASSERT(atomic_load_explicit(&tree->entries, memory_order_relaxed) == 0);
    ky_status status = add_entries(builder, next, arg, err);
    if (status == KY_OK) {
        atomic_store_explicit(&tree->entries, builder->entries, memory_order_relaxed);
    } else {
        empty_tree(tree);
    }
    ky_mutex_unlock(&tree->lock);
    ky_buffer_deinit(&builder->run.bytes);
    ky_free(builder);
    return status;
}
