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
void btree_find_batch(struct btree *tree, const struct ky_slice *keys, uint32_t count,
                      uint32_t per_key, row_id_t *row_ids, uint32_t *counts_out);
/* This very entry is there. */
bool btree_has(struct btree *tree, struct ky_slice key, row_id_t row_id);
uint32_t btree_scan_next(struct btree *tree, struct index_scan *scan, struct index_entry *entries,
                         uint32_t max);

/* What a scan may still give out: at or after low and before high. Keys are borrowed, or in the
 * storage beside. */
struct btree_range {
    struct target low;
    struct target high;
    uint8_t low_key[INDEX_KEY_SIZE_MAX];
    uint8_t high_key[INDEX_KEY_SIZE_MAX];
};

struct btree_output {
    struct index_entry *entries;
    uint32_t count;
    uint32_t max;
    struct ky_buffer *keys; /* may move: entries get their addresses at the end */
};

/* From the bounds of a scan. */
void btree_range_init(struct btree_range *range, const struct index_scan *scan);
/* Leaves out what has been given out already. */
void btree_range_narrow(struct btree_range *range, bool is_backward, struct ky_slice last,
                        row_id_t last_row_id);
/* Fills the output; true when the range has been walked to its end. Within an epoch. last: memory
 * for a place to go on from. */
bool btree_walk(struct btree *tree, struct btree_range *range, bool is_backward,
                struct btree_output *out, struct ky_buffer *last);
/* Gives the entries their keys' addresses, when none will be added. */
void btree_output_place(struct btree_output *out);

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
