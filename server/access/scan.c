/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/access_private.h"

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
