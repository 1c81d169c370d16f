/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/access_private.h"
#include "server/base/assert.h"
#include "server/types/vector_value.h"

/*
 * Reading through indexes. An entry leads to a row id; the row's visible version decides. While
 * an index has entries of old keys (stale_count), each row's own key is compared with the
 * entry's, so that a row whose key moved inside the range is given out once, at its place.
 */

enum { SCAN_BATCH = 256 };

ky_status
access_index_scan_open(struct access_index_scan *scan, struct access *access, struct ky_error *err)
{
    scan->runtime = access_runtime(access, scan->index);
    if (scan->runtime->tree == NULL) {
        return ky_error_set(err, KY_WRONG_OBJECT_TYPE, "index \"%s\" is not ordered",
                            scan->index->name);
    }
    scan->entries.index = scan->runtime->tree;
    struct storage_key_range range = {
        .lower = scan->entries.lower,
        .upper = scan->entries.upper,
        .has_lower = scan->entries.has_lower,
        .has_upper = scan->entries.has_upper,
        .is_lower_exclusive = scan->entries.is_lower_exclusive,
        .is_upper_exclusive = scan->entries.is_upper_exclusive,
    };
    txn_note_read(scan->txn->txn, scan->index->table->rel, scan->index->oid, &range);
    return KY_OK;
}

/* The entry's key is the row's key. */
static bool
is_current(struct access_index_scan *scan, struct ky_slice row, struct ky_slice key)
{
    ky_buffer_clear(&scan->scratch);
    return runtime_row_key(scan->runtime, scan->index, row, &scan->scratch) &&
           ky_slice_equal(ky_buffer_slice(&scan->scratch), key);
}

static uint32_t
point_next(struct access_index_scan *scan, struct row_ref *rows, uint32_t max)
{
    row_id_t ids[SCAN_BATCH];
    struct stale_mark mark = stale_mark_take(scan->runtime);
    uint32_t found = index_find(scan->entries.index, scan->entries.lower, ids,
                                KY_MIN(max, (uint32_t)SCAN_BATCH));
    if (found > KY_MIN(max, (uint32_t)SCAN_BATCH)) {
        scan->is_point = false; /* too many of one key: walk them */
        return 0;
    }
    scan->is_point_done = true;
    bool is_checked = stale_mark_is_checked(&mark, scan->runtime);
    uint32_t count = 0;
    for (uint32_t i = 0; i < found; i++) {
        if (storage_get(scan->txn->txn, scan->runtime->rel, ids[i], &rows[count]) &&
            (!is_checked || is_current(scan, rows[count].body, scan->entries.lower))) {
            count++;
        }
    }
    return count;
}

uint32_t
access_index_scan_next(struct access_index_scan *scan, struct row_ref *rows, uint32_t max)
{
    struct index_entry entries[SCAN_BATCH];
    if (scan->is_point && scan->is_point_done) {
        return 0;
    }
    if (scan->is_point) {
        uint32_t count = point_next(scan, rows, max);
        if (scan->is_point_done) {
            return count;
        }
    }
    for (;;) {
        struct stale_mark mark = stale_mark_take(scan->runtime);
        uint32_t found =
            index_scan_next(&scan->entries, entries, KY_MIN(max, (uint32_t)SCAN_BATCH));
        if (found == 0) {
            return 0;
        }
        bool is_checked = stale_mark_is_checked(&mark, scan->runtime);
        uint32_t count = 0;
        for (uint32_t i = 0; i < found; i++) {
            if (storage_get(scan->txn->txn, scan->runtime->rel, entries[i].row_id, &rows[count]) &&
                (!is_checked || is_current(scan, rows[count].body, entries[i].key))) {
                count++;
            }
        }
        if (count > 0) {
            return count;
        }
    }
}

void
access_index_scan_close(struct access_index_scan *scan)
{
    index_scan_deinit(&scan->entries);
    ky_buffer_deinit(&scan->scratch);
}

/* ------------------------------------------------------------------ vectors */

struct search {
    struct access_txn *txn;
    const struct cat_index *index;
    const struct cat_table *table;
    struct access_index *runtime;
    access_filter filter;
    void *arg;
};

static bool
search_accepts(void *arg, row_id_t row_id, const void *values, double distance)
{
    const struct search *search = arg;
    struct row_ref row;
    (void)distance;
    if (!storage_get(search->txn->txn, search->runtime->rel, row_id, &row)) {
        return false;
    }
    if (search->runtime->evaluator != NULL) {
        struct ky_buffer key = {0};
        bool is_same = runtime_row_key(search->runtime, search->index, row.body, &key) &&
                       memcmp(key.data, values, key.size) == 0;
        ky_buffer_deinit(&key);
        return is_same && (search->filter == NULL || search->filter(search->arg, &row));
    }
    struct datum vector = row_get(&search->table->layout, row.body, search->runtime->vector_column);
    return !vector.is_null && memcmp(vector.bytes.data, values, vector.bytes.size) == 0 &&
           (search->filter == NULL || search->filter(search->arg, &row));
}

ky_status
access_vector_search(struct access_txn *txn, const struct cat_index *index, struct ky_slice query,
                     uint32_t k, access_filter filter, void *arg, const _Atomic int *is_cancelled,
                     struct access_hit *hits, uint32_t *count_out, struct ky_error *err)
{
    struct search search = {.txn = txn,
                            .index = index,
                            .table = index->table,
                            .runtime = access_runtime(txn->access, index),
                            .filter = filter,
                            .arg = arg};
    KY_ASSERT(search.runtime->vectors != NULL);
    txn_note_read(txn->txn, index->table->rel, index->oid, NULL);
    uint32_t dimension =
        (uint32_t)(index->keys[0].column == 0
                       ? index->keys[0].typmod
                       : index->table->columns[search.runtime->vector_column].typmod);
    if (vector_dimensions(query) != dimension) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "different vector dimensions %u and %u",
                            dimension, vector_dimensions(query));
    }
    float *aligned = ky_malloc(query.size + 1);
    struct vector_hit *found = ky_malloc(((size_t)k + 1) * sizeof(*found));
    memcpy(aligned, query.data, query.size);
    uint32_t count = 0;
    const struct vector_search wanted = {.query = aligned,
                                         .k = k,
                                         .accept = search_accepts,
                                         .arg = &search,
                                         .is_cancelled = is_cancelled};
    ky_status status =
        collection_search(search.runtime->vectors, &wanted, found, &count, NULL, err);
    uint32_t kept = 0;
    for (uint32_t i = 0; status == KY_OK && i < count; i++) {
        hits[kept].distance = found[i].distance;
        if (storage_get(txn->txn, search.runtime->rel, found[i].row_id, &hits[kept].row)) {
            kept++;
        }
    }
    ky_free(found);
    ky_free(aligned);
    if (status == KY_OK) {
        *count_out = kept;
    }
    return status;
}
