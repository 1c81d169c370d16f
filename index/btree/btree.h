/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "index/btree/node.h"
#include "index/index.h"
#include "server/base/mutex.h"

/*
 * The B+tree behind index.h; private to index. Keys are at most INDEX_KEY_SIZE_MAX here and row
 * ids at most ROW_ID_MAX: index.c has checked.
 */
enum { BTREE_HEIGHT_MAX = 32 };

struct btree {
    node_link root;           /* never NULL */
    struct ky_mutex lock;     /* writers */
    struct run *run;          /* owned; guarded by lock */
    _Atomic uint64_t entries; /* these three relaxed: statistics, written under lock */
    _Atomic uint64_t nodes;
    _Atomic uint64_t bytes;
};

/* From the root to a leaf: in nodes[i] the walk took child index[i]. */
struct btree_path {
    struct node *nodes[BTREE_HEIGHT_MAX];
    uint64_t versions[BTREE_HEIGHT_MAX]; /* readers' */
    uint32_t index[BTREE_HEIGHT_MAX];
    uint32_t depth; /* of the leaf */
};

void btree_init(struct btree *tree);
void btree_deinit(struct btree *tree);
void btree_stats(struct btree *tree, struct index_stats *stats_out);

uint32_t btree_find(struct btree *tree, struct ky_slice key, row_id_t *row_ids, uint32_t max);
uint32_t btree_scan_next(struct btree *tree, struct index_scan *scan, struct index_entry *entries,
                         uint32_t max);

bool btree_insert(struct btree *tree, struct ky_slice key, row_id_t row_id);
enum index_verdict btree_insert_unique(struct btree *tree, struct ky_slice key, row_id_t row_id,
                                       index_judge judge, void *arg, row_id_t *existing_out,
                                       bool *is_new_out);
bool btree_remove(struct btree *tree, struct ky_slice key, row_id_t row_id);
KY_MUST_CHECK ky_status btree_build(struct btree *tree, index_source next, void *arg,
                                    struct ky_error *err);
/* Takes everything out. */
void btree_clear(struct btree *tree);
/* save.c; see index.h. btree_load fills an empty tree and leaves it empty on failure. */
KY_MUST_CHECK ky_status btree_save(struct btree *tree, index_keep keep, void *arg,
                                   struct state_sink *sink, struct ky_error *err);
KY_MUST_CHECK ky_status btree_load(struct btree *tree, struct ky_slice bytes, index_keep keep,
                                   void *arg, struct ky_error *err);
KY_MUST_CHECK ky_status btree_verify(struct btree *tree, struct ky_error *err);

/* Shared by the files of btree; all under the lock. */
void btree_count_node(struct btree *tree, const struct node *node);
/* Marks a node that has left the tree and frees it when no reader can hold it. */
void btree_retire(struct btree *tree, struct node *node);
void btree_retire_below(struct btree *tree, struct node *node);
/* Puts the separator and the node after it beside the child that path took at depth, which is
 * replaced by left; the walk's nodes from depth up may split. */
void btree_insert_child(struct btree *tree, struct btree_path *path, uint32_t depth,
                        struct node *left, struct ky_slice key, row_id_t row_id,
                        struct node *right);
/* The shortest key that separates two neighbours of a run. */
struct ky_slice btree_separator(struct ky_slice before, struct ky_slice after,
                                row_id_t after_row_id, row_id_t *row_id_out);

static inline struct target
btree_target(struct ky_slice key, row_id_t row_id)
{
    return (struct target){(const uint8_t *)key.data, key.size, row_id, false};
}
