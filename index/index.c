/* SPDX-License-Identifier: Apache-2.0 */

#include "index/index.h"

#include "index/btree/btree.h"
#include "server/base/arena.h"
#include "server/base/assert.h"

struct index {
    enum index_kind kind; /* immutable; which member is meant */
    struct btree btree;
};

struct index *
index_new(enum index_kind kind)
{
    KY_ASSERT(kind == INDEX_KIND_BTREE);
    struct index *index = (struct index *)ky_calloc(1, sizeof(*index));
    index->kind = kind;
    btree_init(&index->btree);
    return index;
}

void
index_free(struct index *index)
{
    if (index == NULL) {
        return;
    }
    btree_deinit(&index->btree);
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
    bool is_new = btree_insert(&index->btree, key, row_id);
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
        btree_insert_unique(&index->btree, key, row_id, judge, arg, existing_out, &is_new);
    if (is_new_out != NULL) {
        *is_new_out = is_new;
    }
    return KY_OK;
}

bool
index_remove(struct index *index, struct ky_slice key, row_id_t row_id)
{
    return row_id <= ROW_ID_MAX && btree_remove(&index->btree, key, row_id);
}

ky_status
index_build(struct index *index, index_source next, void *arg, struct ky_error *err)
{
    return btree_build(&index->btree, next, arg, err);
}

uint32_t
index_scan_next(struct index_scan *scan, struct index_entry *entries, uint32_t max)
{
    return btree_scan_next(&scan->index->btree, scan, entries, max);
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
    return btree_find(&index->btree, key, row_ids, max);
}

void
index_stats(struct index *index, struct index_stats *stats_out)
{
    btree_stats(&index->btree, stats_out);
}

ky_status
index_verify(struct index *index, struct ky_error *err)
{
    return btree_verify(&index->btree, err);
}

/* ------------------------------------------------------------------ saving */

ky_status
index_save(struct index *index, index_keep keep, void *arg, struct state_sink *sink,
           struct ky_error *err)
{
    return btree_save(&index->btree, keep, arg, sink, err);
}

ky_status
index_load(enum index_kind kind, struct state_map *map, index_keep keep, void *arg,
           struct index **index_out, struct ky_error *err)
{
    struct index *index = index_new(kind);
    if (btree_load(&index->btree, map->bytes, keep, arg, err) != KY_OK) {
        index_free(index);
        return KY_ERR;
    }
    map->release(map);
    *index_out = index;
    return KY_OK;
}
