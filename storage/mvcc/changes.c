/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/epoch.h"
#include "storage/storage_private.h"

/*
 * What has changed since a position, for state that was derived from rows and saved then. Pages
 * remember their newest change, so that this looks at rows only where something happened.
 */
enum { CHANGES_SLOTS_MAX = 16384 }; /* looked at inside one epoch */

/* The relation as far as the snapshot sees it. Inside an epoch. */
static struct relation *
find_relation(struct txn *txn, rel_id_t rel)
{
    struct relation *relation = directory_find(&txn->storage->directory, rel);
    bool is_seen =
        relation != NULL &&
        atomic_load_explicit(&relation->drop_lsn, memory_order_acquire) >= txn_snapshot(txn);
    return is_seen ? relation : NULL;
}

bool
storage_has_row(struct txn *txn, rel_id_t rel, row_id_t row_id)
{
    struct version version;
    ky_epoch_enter();
    const struct relation *relation = find_relation(txn, rel);
    bool is_found =
        relation != NULL && relation_version_at(relation, row_id, txn_snapshot(txn), &version);
    ky_epoch_leave();
    return is_found;
}

/* A page that nothing ever happened in holds no row; what was saved of it is no row either. */
static bool
page_has_changes(const struct chunk *chunk, row_id_t row_id, lsn_t since)
{
    lsn_t change_lsn = chunk_change_lsn(chunk, row_id);
    return change_lsn >= since || change_lsn == 0;
}

bool
storage_has_changes(struct txn *txn, rel_id_t rel, lsn_t since)
{
    bool has_changes = false;
    ky_epoch_enter();
    const struct relation *relation = find_relation(txn, rel);
    row_id_t end =
        relation == NULL ? 0 : atomic_load_explicit(&relation->next_row_id, memory_order_acquire);
    for (row_id_t row_id = 0; row_id < end && !has_changes; row_id += PAGE_SLOTS) {
        const struct chunk *chunk = relation_chunk(relation, row_id);
        has_changes = chunk != NULL && chunk_change_lsn(chunk, row_id) >= since;
    }
    ky_epoch_leave();
    return has_changes;
}

bool
storage_row_is_older(struct txn *txn, rel_id_t rel, row_id_t row_id, lsn_t since)
{
    bool is_older = false;
    ky_epoch_enter();
    const struct relation *relation = find_relation(txn, rel);
    const struct chunk *chunk = relation == NULL ? NULL : relation_chunk(relation, row_id);
    if (chunk != NULL) {
        struct version version;
        is_older = slot_version_at(&chunk->slots[row_id & (CHUNK_SLOTS - 1)], txn_snapshot(txn),
                                   &version) &&
                   version.commit_lsn < since;
    }
    ky_epoch_leave();
    return is_older;
}

/* Looks at rows of one page, or passes over it. */
static uint32_t
scan_page(struct storage_scan *scan, const struct chunk *chunk, lsn_t since, struct row_ref *rows,
          uint32_t max)
{
    row_id_t end = KY_MIN(((scan->next >> PAGE_BITS) + 1) << PAGE_BITS, scan->end);
    uint32_t count = 0;
    if (chunk == NULL || !page_has_changes(chunk, scan->next, since)) {
        scan->next = end;
        return 0;
    }
    for (; scan->next < end && count < max; scan->next++) {
        struct version version;
        if (slot_version_at(&chunk->slots[scan->next & (CHUNK_SLOTS - 1)], scan->snapshot,
                            &version) &&
            version.commit_lsn >= since) {
            rows[count++] = (struct row_ref){
                .row_id = scan->next,
                .commit_lsn = version.commit_lsn,
                .body = storage_body_at(scan->txn->storage, version.location),
            };
        }
    }
    return count;
}

uint32_t
storage_changes_next(struct storage_scan *scan, lsn_t since, struct row_ref *rows, uint32_t max)
{
    uint32_t count = 0;
    while (scan->next < scan->end && count == 0) {
        ky_epoch_enter();
        const struct relation *relation = directory_find(&scan->txn->storage->directory, scan->rel);
        row_id_t stop = KY_MIN(scan->end, scan->next + CHANGES_SLOTS_MAX);
        if (relation == NULL) {
            scan->next = scan->end;
        }
        while (scan->next < stop && count < max) {
            const struct chunk *chunk = relation_chunk(relation, scan->next);
            count += scan_page(scan, chunk, since, rows + count, max - count);
        }
        ky_epoch_leave();
    }
    return count;
}

uint64_t
storage_change_count(const struct storage *storage, rel_id_t rel)
{
    uint64_t count = 0;
    ky_epoch_enter();
    const struct relation *relation = directory_find(&storage->directory, rel);
    if (relation != NULL) {
        count = atomic_load_explicit(&relation->appended_count, memory_order_relaxed);
    }
    ky_epoch_leave();
    return count;
}
