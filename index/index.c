/* SPDX-License-Identifier: Apache-2.0 */

#include "index/index.h"

#include "index/btree/btree.h"
#include "index/rmi/rmi.h"
#include "server/base/arena.h"
#include "server/base/assert.h"

struct index {
    /* First, so that a lookup passes the address on as it is. */
    union {
        struct btree btree;
        struct rmi rmi;
    };
    enum index_kind kind; /* immutable; which member is meant */
};

static inline bool
is_tree(const struct index *index)
{
    return index->kind == INDEX_KIND_BTREE;
}

struct index *
index_new(enum index_kind kind)
{
    struct index *index = (struct index *)ky_calloc(1, sizeof(*index));
    index->kind = kind;
    if (is_tree(index)) {
        btree_init(&index->btree);
    } else {
        rmi_init(&index->rmi);
    }
    return index;
}

enum index_kind
index_kind_of(const struct index *index)
{
    return index->kind;
}

void
index_free(struct index *index)
{
    if (index == NULL) {
        return;
    }
    if (is_tree(index)) {
        btree_deinit(&index->btree);
    } else {
        rmi_deinit(&index->rmi);
    }
    ky_free(index);
}

static ky_status
validate_key(struct ky_slice key, struct ky_error *err)
{
    if (KY_UNLIKELY(key.size > INDEX_KEY_SIZE_MAX)) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "index row size %zu exceeds btree version 4 maximum %d", key.size,
                            INDEX_KEY_SIZE_MAX);
    }
    return KY_OK;
}

ky_status
index_insert(struct index *index, struct ky_slice key, row_id_t row_id, bool *is_new_out,
             struct ky_error *err)
{
    KY_ASSERT(row_id <= ROW_ID_MAX);
    KY_TRY(validate_key(key, err));
    bool is_new = is_tree(index) ? btree_insert(&index->btree, key, row_id)
                                 : rmi_insert(&index->rmi, key, row_id);
    if (is_new_out != NULL) {
        *is_new_out = is_new;
    }
    return KY_OK;
}

ky_status
index_insert_unique(struct index *index, struct ky_slice key, row_id_t row_id, index_judge judge,
                    void *arg, enum index_verdict *verdict_out, row_id_t *existing_out,
                    bool *is_new_out, struct ky_error *err)
{
    KY_ASSERT(row_id <= ROW_ID_MAX);
    KY_TRY(validate_key(key, err));
    bool is_new = false;
    *verdict_out =
        is_tree(index)
            ? btree_insert_unique(&index->btree, key, row_id, judge, arg, existing_out, &is_new)
            : rmi_insert_unique(&index->rmi, key, row_id, judge, arg, existing_out, &is_new);
    if (is_new_out != NULL) {
        *is_new_out = is_new;
    }
    return KY_OK;
}

bool
index_remove(struct index *index, struct ky_slice key, row_id_t row_id)
{
    if (row_id > ROW_ID_MAX) {
        return false;
    }
    return is_tree(index) ? btree_remove(&index->btree, key, row_id)
                          : rmi_remove(&index->rmi, key, row_id);
}

ky_status
index_build(struct index *index, index_source next, void *arg, struct ky_error *err)
{
    return is_tree(index) ? btree_build(&index->btree, next, arg, err)
                          : rmi_build(&index->rmi, next, arg, err);
}

uint32_t
index_scan_next(struct index_scan *scan, struct index_entry *entries, uint32_t max)
{
    struct index *index = scan->index;
    return is_tree(index) ? btree_scan_next(&index->btree, scan, entries, max)
                          : rmi_scan_next(&index->rmi, scan, entries, max);
}

void
index_scan_deinit(struct index_scan *scan)
{
    ky_buffer_deinit(&scan->keys);
    ky_buffer_deinit(&scan->last_key);
}

uint32_t
index_find(struct index *index, struct ky_slice key, row_id_t *row_ids, uint32_t max)
{
    return is_tree(index) ? btree_find(&index->btree, key, row_ids, max)
                          : rmi_find(&index->rmi, key, row_ids, max);
}

void
index_find_batch(struct index *index, const struct ky_slice *keys, uint32_t count, uint32_t per_key,
                 row_id_t *row_ids, uint32_t *counts_out)
{
    if (is_tree(index)) {
        btree_find_batch(&index->btree, keys, count, per_key, row_ids, counts_out);
    } else {
        rmi_find_batch(&index->rmi, keys, count, per_key, row_ids, counts_out);
    }
}

void
index_judge_itself(struct index *index)
{
    KY_ASSERT(index->kind == INDEX_KIND_RMI);
    index->rmi.is_judging = true;
}

bool
index_wants_maintenance(struct index *index)
{
    return !is_tree(index) && rmi_wants_rebuild(&index->rmi);
}

void
index_maintain(struct index *index)
{
    if (!is_tree(index)) {
        rmi_rebuild(&index->rmi);
    }
}

void
index_stats(struct index *index, struct index_stats *stats_out)
{
    if (is_tree(index)) {
        btree_stats(&index->btree, stats_out);
    } else {
        rmi_stats(&index->rmi, stats_out);
    }
}

ky_status
index_verify(struct index *index, struct ky_error *err)
{
    return is_tree(index) ? btree_verify(&index->btree, err) : rmi_verify(&index->rmi, err);
}

/* ------------------------------------------------------------------ saving */

ky_status
index_save(struct index *index, index_keep keep, void *arg, struct state_sink *sink,
           struct ky_error *err)
{
    return is_tree(index) ? btree_save(&index->btree, keep, arg, sink, err)
                          : rmi_save(&index->rmi, keep, arg, sink, err);
}

ky_status
index_load(enum index_kind kind, struct state_map *map, index_keep keep, void *arg,
           struct index **index_out, struct ky_error *err)
{
    struct index *index = index_new(kind);
    ky_status status = is_tree(index) ? btree_load(&index->btree, map->bytes, keep, arg, err)
                                      : rmi_load(&index->rmi, map->bytes, keep, arg, err);
    if (status != KY_OK) {
        index_free(index);
        return KY_ERR;
    }
    map->release(map);
    *index_out = index;
    return KY_OK;
}
