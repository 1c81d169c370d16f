/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/access_private.h"
#include "server/base/assert.h"

/*
 * Reading through indexes. An entry leads to a row id; the row's visible version decides. While
 * an index has entries of old keys (stale_count), each row's own key is compared with the
 * entry's, so that a row whose key moved inside the range is given out once, at its place.
 */

enum { SCAN_BATCH = 256, KEYS_TOGETHER = 64, NOTED_RANGES_MAX = 16 };

ky_status
access_index_scan_open(struct access_index_scan *scan, struct access *access, struct ky_error *err)
{
    scan->runtime = access_runtime(access, scan->index);
    if (scan->runtime->tree == NULL || scan->runtime->is_inverted) {
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
    if (!scan->is_list) {
        access_count(scan->txn, scan->index->oid, COUNT_SCANS, 1);
        txn_note_read(scan->txn->txn, scan->index->table->rel, scan->index->oid, &range);
    }
    return KY_OK;
}

static void
count_rows(struct access_index_scan *scan, uint32_t entries, uint32_t rows)
{
    access_count(scan->txn, scan->index->oid, COUNT_RETURNED, entries);
    access_count(scan->txn, scan->index->oid, COUNT_FETCHED, rows);
}

/* The entry's key is the row's key. */
static bool
is_current(struct access_index_scan *scan, struct ky_slice row, struct ky_slice key)
{
    ky_buffer_clear(&scan->scratch);
    return runtime_row_key(scan->runtime, scan->index, row, &scan->scratch) &&
           ky_slice_equal(ky_buffer_slice(&scan->scratch), key);
}

/* The rows among ids that are seen, in order, and which they are; with is_checked, of those only
 * whose key is theirs. */
static uint32_t
take_rows(struct access_index_scan *scan, const row_id_t *ids, const struct ky_slice *keys,
          uint32_t count, bool is_checked, struct row_ref *rows, uint32_t *places)
{
    uint32_t found = storage_get_many(scan->txn->txn, scan->runtime->rel, ids, count, rows, places);
    if (!is_checked) {
        return found;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < found; i++) {
        if (is_current(scan, rows[i].body, keys[places[i]])) {
            places[kept] = places[i];
            rows[kept++] = rows[i];
        }
    }
    return kept;
}

/* The same for entries of the index, any number of them. */
static uint32_t
take_entries(struct access_index_scan *scan, const struct index_entry *entries, uint32_t count,
             bool is_checked, struct row_ref *rows)
{
    row_id_t ids[STORAGE_GET_MAX];
    struct ky_slice keys[STORAGE_GET_MAX];
    uint32_t places[STORAGE_GET_MAX];
    uint32_t row_count = 0;
    for (uint32_t from = 0; from < count; from += STORAGE_GET_MAX) {
        const uint32_t now = KY_MIN(count - from, (uint32_t)STORAGE_GET_MAX);
        for (uint32_t i = 0; i < now; i++) {
            ids[i] = entries[from + i].row_id;
            keys[i] = entries[from + i].key;
        }
        row_count += take_rows(scan, ids, keys, now, is_checked, rows + row_count, places);
    }
    return row_count;
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
    count_rows(scan, found, count);
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
        uint32_t count = take_entries(scan, entries, found, is_checked, rows);
        count_rows(scan, found, count);
        if (count > 0) {
            return count;
        }
    }
}

/* What a transaction is told to have read of a list: few keys one by one, many as ranges; also one
 * by one where ranges of keys in no order would hold others. */
static void
note_keys(struct access_index_scan *scan, const struct ky_slice *keys, uint32_t count,
          bool is_sorted)
{
    const uint32_t step = is_sorted ? (count + NOTED_RANGES_MAX - 1) / NOTED_RANGES_MAX : 1;
    for (uint32_t i = 0; i < count; i += step) {
        struct ky_slice lower = keys[i];
        struct ky_slice upper = keys[KY_MIN(i + step, count) - 1];
        if (ky_slice_compare(lower, upper) > 0) { /* the list runs backward */
            const struct ky_slice first = lower;
            lower = upper;
            upper = first;
        }
        const struct storage_key_range range = {
            .lower = lower, .upper = upper, .has_lower = true, .has_upper = true};
        txn_note_read(scan->txn->txn, scan->index->table->rel, scan->index->oid, &range);
    }
}

/* Entries whose rows are fetched together. */
struct pending {
    row_id_t ids[STORAGE_GET_MAX];
    struct ky_slice keys[STORAGE_GET_MAX];
    uint32_t key_of[STORAGE_GET_MAX];
    uint32_t count;
};

static uint32_t
flush_pending(struct access_index_scan *scan, struct pending *pending, bool is_checked,
              struct row_ref *rows, uint32_t *key_of)
{
    const uint32_t count = pending->count;
    uint32_t places[STORAGE_GET_MAX];
    if (count == 0) {
        return 0;
    }
    pending->count = 0;
    const uint32_t found =
        take_rows(scan, pending->ids, pending->keys, count, is_checked, rows, places);
    for (uint32_t i = 0; key_of != NULL && i < found; i++) {
        key_of[i] = pending->key_of[places[i]];
    }
    return found;
}

/* Where the next row goes. */
static uint32_t *
key_of_at(uint32_t *key_of, uint32_t row)
{
    return key_of == NULL ? NULL : key_of + row;
}

/* access_index_scan_keys for up to KEYS_TOGETHER of keys, from `first` on. */
static uint32_t
find_keys(struct access_index_scan *scan, const struct ky_slice *all, uint32_t first,
          uint32_t count, struct row_ref *rows, uint32_t max, uint32_t *key_of, uint32_t *done_out)
{
    const struct ky_slice *keys = all + first;
    row_id_t ids[KEYS_TOGETHER * ACCESS_KEY_ROWS_MAX];
    uint32_t found[KEYS_TOGETHER];
    struct pending pending = {.count = 0};
    uint32_t row_count = 0;
    uint32_t entry_count = 0;
    uint32_t i = 0;
    const struct stale_mark mark = stale_mark_take(scan->runtime);
    index_find_batch(scan->entries.index, keys, count, ACCESS_KEY_ROWS_MAX, ids, found);
    const bool is_checked = stale_mark_is_checked(&mark, scan->runtime);
    for (; i < count && found[i] <= ACCESS_KEY_ROWS_MAX; i++) {
        if (pending.count + found[i] > STORAGE_GET_MAX ||
            row_count + pending.count + found[i] > max) {
            row_count += flush_pending(scan, &pending, is_checked, rows + row_count,
                                       key_of_at(key_of, row_count));
        }
        if (row_count + found[i] > max) {
            break;
        }
        for (uint32_t k = 0; k < found[i]; k++) {
            pending.ids[pending.count] = ids[i * ACCESS_KEY_ROWS_MAX + k];
            pending.key_of[pending.count] = first + i;
            pending.keys[pending.count++] = keys[i];
        }
        entry_count += found[i];
    }
    row_count +=
        flush_pending(scan, &pending, is_checked, rows + row_count, key_of_at(key_of, row_count));
    access_count(scan->txn, scan->index->oid, COUNT_SCANS, i);
    count_rows(scan, entry_count, row_count);
    *done_out = i;
    return row_count;
}

uint32_t
access_index_scan_keys(struct access_index_scan *scan, const struct ky_slice *keys, uint32_t count,
                       struct row_ref *rows, uint32_t max, uint32_t *key_of, uint32_t *done_out)
{
    uint32_t row_count = 0;
    uint32_t done = 0;
    bool is_whole = true;
    KY_ASSERT(scan->is_list && max >= ACCESS_KEY_ROWS_MAX);
    note_keys(scan, keys, count, key_of == NULL);
    while (is_whole && done < count) {
        const uint32_t now = KY_MIN(count - done, (uint32_t)KEYS_TOGETHER);
        uint32_t found = 0;
        row_count += find_keys(scan, keys, done, now, rows + row_count, max - row_count,
                               key_of_at(key_of, row_count), &found);
        done += found;
        is_whole = found == now;
    }
    *done_out = done;
    return row_count;
}

void
access_index_scan_close(struct access_index_scan *scan)
{
    index_scan_deinit(&scan->entries);
    ky_buffer_deinit(&scan->scratch);
}
