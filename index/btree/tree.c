/* SPDX-License-Identifier: Apache-2.0 */

#include "index/btree/btree.h"
#include "server/base/arena.h"
#include "server/base/epoch.h"

void
btree_count_node(struct btree *tree, const struct node *node)
{
    atomic_fetch_add_explicit(&tree->nodes, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&tree->bytes, node->size, memory_order_relaxed);
}

static void
uncount_node(struct btree *tree, const struct node *node)
{
    atomic_fetch_sub_explicit(&tree->nodes, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&tree->bytes, node->size, memory_order_relaxed);
}

void
btree_retire(struct btree *tree, struct node *node)
{
    uncount_node(tree, node);
    node_mark_obsolete(node);
    ky_epoch_retire(node, node_free);
}

void
btree_retire_below(struct btree *tree, struct node *node)
{
    if (node->level > 0) {
        for (uint32_t i = 0; i <= node_count(node); i++) {
            btree_retire_below(tree, node_child(node, i));
        }
    }
    btree_retire(tree, node);
}

static void
free_below(struct node *node)
{
    if (node->level > 0) {
        for (uint32_t i = 0; i <= node_count(node); i++) {
            free_below(node_child(node, i));
        }
    }
    node_free(node);
}

void
btree_init(struct btree *tree)
{
    ky_mutex_init(&tree->lock);
    atomic_init(&tree->entries, 0);
    atomic_init(&tree->nodes, 0);
    atomic_init(&tree->bytes, 0);
    tree->run = (struct run *)ky_calloc(1, sizeof(*tree->run));
    struct node *root = node_new(tree->run, 0, 0, 0, NULL);
    btree_count_node(tree, root);
    atomic_init(&tree->root, root);
}

void
btree_deinit(struct btree *tree)
{
    free_below(atomic_load_explicit(&tree->root, memory_order_acquire));
    ky_buffer_deinit(&tree->run->bytes);
    ky_free(tree->run);
    ky_mutex_deinit(&tree->lock);
}

void
btree_stats(struct btree *tree, struct index_stats *stats_out)
{
    ky_epoch_enter();
    const struct node *root = atomic_load_explicit(&tree->root, memory_order_acquire);
    uint32_t height = (uint32_t)root->level + 1;
    ky_epoch_leave();
    *stats_out = (struct index_stats){
        .entries = atomic_load_explicit(&tree->entries, memory_order_relaxed),
        .bytes = atomic_load_explicit(&tree->bytes, memory_order_relaxed),
        .height = height,
        .nodes = atomic_load_explicit(&tree->nodes, memory_order_relaxed),
    };
}
