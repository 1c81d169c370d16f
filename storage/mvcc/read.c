/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "storage/log/log.h"
#include "storage/storage_private.h"

/*
 * Reading rows: own writes first, where there are any in the relation, then the directory at the
 * snapshot. Bodies are looked up in the mapped log and base files and stay there as long as the
 * snapshot does (compaction moves them, but waits for it before it unmaps anything), so epochs are
 * only for slots, chunks and chains.
 */
enum {
    SCAN_SLOTS_MAX = 16384, /* looked at inside one epoch */
    SCAN_STEPS_MAX = 4,     /* so many of them, then a call that has found rows returns */
    SCAN_AHEAD = 32,        /* records asked of memory before the first of them is read */
};

/* Records of the log and of base files have body and size at the same places. */
static const uint8_t *
record_at(const struct storage *storage, lsn_t location)
{
    const uint8_t *record = location_is_base(location) ? base_set_at(&storage->base, location)
                                                       : log_at(storage->log, location);
    KY_ASSERT(record != NULL);
    return record;
}

/* span: of the record before; none at first. */
static const uint8_t *
record_near(const struct storage *storage, struct log_span *span, lsn_t location)
{
    if (KY_LIKELY(location - span->from < span->size)) {
        return span->bytes + (location - span->from);
    }
    const uint8_t *record = location_is_base(location)
                                ? base_set_span_at(&storage->base, location, span)
                                : log_span_at(storage->log, location, span);
    KY_ASSERT(record != NULL);
    return record;
}

static struct ky_slice
body_of(const uint8_t *record)
{
    return ky_slice(record + RECORD_HEADER_SIZE, ky_load_le32(record + 16));
}

struct ky_slice
storage_body_at(const struct storage *storage, lsn_t location)
{
    return body_of(record_at(storage, location));
}

static void
row_committed(const struct storage *storage, row_id_t row_id, const struct version *version,
              struct row_ref *row_out)
{
    row_out->row_id = row_id;
    row_out->commit_lsn = version->commit_lsn;
    row_out->body = storage_body_at(storage, version->location);
}

static void
row_own(struct txn *txn, const struct write *write, struct row_ref *row_out)
{
    row_out->row_id = write->row_id;
    row_out->commit_lsn = 0;
    row_out->body = write_set_body(txn, write);
}

/* Whether the transaction's reads at a command find the relation gone: by its own drop. */
static bool
is_own_dropped(const struct txn *txn, const struct touched *touched, uint32_t command)
{
    return touched != NULL && touched->drop_count > 0 &&
           write_set_find_at(txn, touched->rel, 0, command) != 0;
}

/* The relation as far as a snapshot sees it. Inside an epoch. */
static struct relation *
find_relation(const struct txn *txn, rel_id_t rel, lsn_t snapshot)
{
    struct relation *relation = directory_find(&txn->storage->directory, rel);
    if (relation == NULL ||
        atomic_load_explicit(&relation->drop_lsn, memory_order_acquire) < snapshot) {
        return NULL;
    }
    return relation;
}

/* 1: an own version, 0: own and deleted, -1: none of its own at this command. */
static int
find_own(struct txn *txn, const struct touched *touched, row_id_t row_id, uint32_t command,
         struct row_ref *row_out)
{
    if (touched == NULL || touched->write_count == 0) {
        return -1;
    }
    uint32_t at = write_set_find_at(txn, touched->rel, row_id, command);
    if (at == 0) {
        return -1;
    }
    const struct write *write = &txn->writes[at - 1];
    if (write->type == RECORD_DELETE) {
        return 0;
    }
    row_own(txn, write, row_out);
    return 1;
}

bool
storage_get(struct txn *txn, rel_id_t rel, row_id_t row_id, struct row_ref *row_out)
{
    lsn_t snapshot = txn_snapshot(txn);
    if (txn->write_count > 0) {
        const struct touched *touched = write_set_touched(txn, rel);
        if (is_own_dropped(txn, touched, txn->command)) {
            return false;
        }
        int own = find_own(txn, touched, row_id, txn->command, row_out);
        if (own >= 0) {
            return own == 1;
        }
    }
    struct version version;
    ky_epoch_enter();
    const struct relation *relation = find_relation(txn, rel, snapshot);
    bool is_found = relation != NULL && relation_version_at(relation, row_id, snapshot, &version);
    ky_epoch_leave();
    if (is_found) {
        row_committed(txn->storage, row_id, &version, row_out);
    }
    return is_found;
}

/* Slots are asked of memory for all, then records: rows in any order lie far apart. */
static uint32_t
versions_of_many(struct txn *txn, rel_id_t rel, const row_id_t *row_ids, uint32_t count,
                 struct version *versions, uint32_t *places_out)
{
    lsn_t snapshot = txn_snapshot(txn);
    uint32_t found = 0;
    const struct relation *relation = find_relation(txn, rel, snapshot);
    for (uint32_t i = 0; relation != NULL && i < count; i++) {
        const struct chunk *chunk = relation_chunk(relation, row_ids[i]);
        if (chunk != NULL) {
            __builtin_prefetch(&chunk->slots[row_ids[i] & (CHUNK_SLOTS - 1)], 0, 3);
        }
    }
    for (uint32_t i = 0; relation != NULL && i < count; i++) {
        if (relation_version_at(relation, row_ids[i], snapshot, &versions[found])) {
            const uint8_t *record = record_at(txn->storage, versions[found].location);
            __builtin_prefetch(record, 0, 3);
            __builtin_prefetch(record + 64, 0, 3);
            places_out[found++] = i;
        }
    }
    return found;
}

uint32_t
storage_get_many(struct txn *txn, rel_id_t rel, const row_id_t *row_ids, uint32_t count,
                 struct row_ref *rows_out, uint32_t *places_out)
{
    struct version versions[STORAGE_GET_MAX];
    uint32_t found = 0;
    KY_ASSERT(count <= STORAGE_GET_MAX);
    if (txn->write_count > 0) {
        for (uint32_t i = 0; i < count; i++) {
            places_out[found] = i;
            found += storage_get(txn, rel, row_ids[i], &rows_out[found]);
        }
        return found;
    }
    ky_epoch_enter();
    found = versions_of_many(txn, rel, row_ids, count, versions, places_out);
    ky_epoch_leave();
    for (uint32_t i = 0; i < found; i++) {
        row_committed(txn->storage, row_ids[places_out[i]], &versions[i], &rows_out[i]);
    }
    return found;
}

/* ------------------------------------------------------------------ scans */

void
storage_scan_init(struct storage_scan *scan, struct txn *txn, rel_id_t rel)
{
    memset(scan, 0, sizeof(*scan));
    scan->txn = txn;
    scan->rel = rel;
    scan->snapshot = txn_snapshot(txn);
    scan->command = txn->command;
    txn_note_read(txn, rel, 0, NULL);
    if (is_own_dropped(txn, write_set_touched(txn, rel), txn->command)) {
        return;
    }
    ky_epoch_enter();
    const struct relation *relation = find_relation(txn, rel, scan->snapshot);
    if (relation != NULL) {
        scan->next = 1;
        scan->end = atomic_load_explicit(&relation->next_row_id, memory_order_acquire);
        scan->own_end = txn->write_count;
    }
    ky_epoch_leave();
}

struct scan_out {
    struct row_ref *rows;
    uint32_t count;
    uint32_t max;
};

/* An own version counts even where the snapshot sees no row: READ COMMITTED may lock and change a
 * row that was inserted after the snapshot (ON CONFLICT DO UPDATE). Own inserts come later. */
static bool
has_committed(const struct slot *slot)
{
    uint64_t ref = atomic_load_explicit(&slot->ref, memory_order_relaxed);
    return ref != 0 && (ref & SLOT_OWNER) == 0;
}

static void
scan_row(const struct storage_scan *scan, const struct touched *touched, row_id_t row_id,
         const struct slot *slot, struct scan_out *out)
{
    struct version version;
    bool is_seen = slot_version_at(slot, scan->snapshot, &version);
    if (!is_seen && (touched == NULL || !has_committed(slot))) {
        return;
    }
    struct row_ref *row = &out->rows[out->count];
    int own = find_own(scan->txn, touched, row_id, scan->command, row);
    if (own < 0 && is_seen) {
        row_committed(scan->txn->storage, row_id, &version, row);
        own = 1;
    }
    out->count += own == 1;
}

/* Where nothing is the transaction's own. Records of a scan are mostly in one file, a wide row each
 * on a page of its own: the memory is asked for several at a time. */
static void
scan_committed(struct storage_scan *scan, const struct chunk *chunk, row_id_t end,
               struct log_span *span, struct scan_out *out)
{
    while (scan->next < end && out->count < out->max) {
        const uint8_t *records[SCAN_AHEAD];
        const uint32_t room = KY_MIN(out->max - out->count, (uint32_t)SCAN_AHEAD);
        struct row_ref *rows = out->rows + out->count;
        uint32_t count = 0;
        for (; scan->next < end && count < room; scan->next++) {
            struct version version;
            const struct slot *slot = &chunk->slots[scan->next & (CHUNK_SLOTS - 1)];
            if (!slot_version_at(slot, scan->snapshot, &version)) {
                continue;
            }
            records[count] = record_near(scan->txn->storage, span, version.location);
            __builtin_prefetch(records[count], 0, 3);
            __builtin_prefetch(records[count] + 64, 0, 3);
            rows[count].row_id = scan->next;
            rows[count++].commit_lsn = version.commit_lsn;
        }
        for (uint32_t i = 0; i < count; i++) {
            rows[i].body = body_of(records[i]);
        }
        out->count += count;
    }
}

/* Fills from one chunk, at most SCAN_SLOTS_MAX slots. */
static void
scan_chunk(struct storage_scan *scan, const struct relation *relation,
           const struct touched *touched, struct log_span *span, struct scan_out *out)
{
    row_id_t chunk_end = KY_MIN(((scan->next >> CHUNK_BITS) + 1) << CHUNK_BITS, scan->end);
    const struct chunk *chunk = relation_chunk(relation, scan->next);
    if (chunk == NULL) {
        scan->next = chunk_end;
        return;
    }
    row_id_t end = KY_MIN(chunk_end, scan->next + SCAN_SLOTS_MAX);
    if (touched == NULL) {
        scan_committed(scan, chunk, end, span, out);
        return;
    }
    while (scan->next < end && out->count < out->max) {
        const struct slot *slot = &chunk->slots[scan->next & (CHUNK_SLOTS - 1)];
        scan_row(scan, touched, scan->next, slot, out);
        scan->next++;
    }
}

static void
scan_own(struct storage_scan *scan, struct scan_out *out)
{
    struct txn *txn = scan->txn;
    uint64_t end = KY_MIN(scan->own_end, (uint64_t)txn->write_count);
    for (; scan->own_next < end && out->count < out->max; scan->own_next++) {
        const struct write *write = &txn->writes[scan->own_next];
        if (write->type != RECORD_INSERT || write->rel != scan->rel) {
            continue;
        }
        uint32_t at = write_set_find_at(txn, write->rel, write->row_id, scan->command);
        if (at != 0 && txn->writes[at - 1].type != RECORD_DELETE) {
            row_own(txn, &txn->writes[at - 1], &out->rows[out->count++]);
        }
    }
}

uint32_t
storage_scan_next(struct storage_scan *scan, struct row_ref *rows, uint32_t max)
{
    struct scan_out out = {.rows = rows, .max = max};
    struct log_span span = {0};
    struct txn *txn = scan->txn;
    const struct touched *touched =
        txn->write_count == 0 ? NULL : write_set_touched(txn, scan->rel);
    for (int step = 0; scan->next < scan->end && out.count < max; step++) {
        if (step >= SCAN_STEPS_MAX && out.count > 0) {
            return out.count;
        }
        ky_epoch_enter();
        const struct relation *relation = directory_find(&txn->storage->directory, scan->rel);
        if (relation == NULL) {
            scan->next = scan->end;
        } else {
            scan_chunk(scan, relation, touched, &span, &out);
        }
        ky_epoch_leave();
    }
    if (touched != NULL && touched->write_count > 0 && out.count < max) {
        scan_own(scan, &out);
    }
    return out.count;
}

static uint64_t
count_chunk(const struct chunk *chunk, row_id_t first, row_id_t end, lsn_t snapshot)
{
    uint64_t count = 0;
    struct version version;
    for (row_id_t row_id = first; row_id < end; row_id++) {
        count += slot_version_at(&chunk->slots[row_id & (CHUNK_SLOTS - 1)], snapshot, &version);
    }
    return count;
}

/* Own rows: what the directory counted against what the transaction sees. */
static uint64_t
count_own(struct txn *txn, const struct relation *relation, rel_id_t rel, uint64_t count)
{
    struct version version;
    for (uint32_t i = write_set_next_row(txn, rel, 0); i < txn->write_count;
         i = write_set_next_row(txn, rel, i + 1)) {
        row_id_t row_id = txn->writes[i].row_id;
        uint32_t at = write_set_find_at(txn, rel, row_id, txn->command);
        if (at == 0) {
            continue;
        }
        bool was_seen = relation_version_at(relation, row_id, txn->snapshot, &version);
        bool is_seen = txn->writes[at - 1].type != RECORD_DELETE;
        count += (uint64_t)is_seen - (uint64_t)was_seen;
    }
    return count;
}

uint64_t
storage_count(struct txn *txn, rel_id_t rel)
{
    struct storage_scan scan;
    storage_scan_init(&scan, txn, rel);
    uint64_t count = 0;
    while (scan.next < scan.end) {
        row_id_t end = KY_MIN(((scan.next >> CHUNK_BITS) + 1) << CHUNK_BITS, scan.end);
        ky_epoch_enter();
        const struct relation *relation = directory_find(&txn->storage->directory, rel);
        const struct chunk *chunk = relation == NULL ? NULL : relation_chunk(relation, scan.next);
        if (chunk != NULL) {
            count += count_chunk(chunk, scan.next, end, scan.snapshot);
        }
        ky_epoch_leave();
        scan.next = end;
    }
    if (scan.own_end > 0 && write_set_touched(txn, rel) != NULL) {
        ky_epoch_enter();
        const struct relation *relation = directory_find(&txn->storage->directory, rel);
        if (relation != NULL) {
            count = count_own(txn, relation, rel, count);
        }
        ky_epoch_leave();
    }
    return count;
}

/* ------------------------------------------------------------------ beyond the snapshot */

enum row_state
storage_row_state(struct txn *txn, rel_id_t rel, row_id_t row_id, struct row_ref *row_out)
{
    uint32_t own = txn->write_count == 0 ? 0 : write_set_find(txn, rel, row_id);
    if (own != 0) {
        const struct write *write = &txn->writes[own - 1];
        if (write->type == RECORD_DELETE) {
            return ROW_OWN_GONE;
        }
        row_own(txn, write, row_out);
        return ROW_OWN;
    }
    lsn_t snapshot = txn_snapshot(txn);
    struct version version;
    struct txn *owner = NULL;
    enum slot_state state = SLOT_STATE_NONE;
    ky_epoch_enter();
    const struct relation *relation = find_relation(txn, rel, LSN_MAX);
    if (relation != NULL) {
        state = relation_newest(relation, row_id, &version, &owner);
    }
    if (state == SLOT_STATE_COMMITTED && version.commit_lsn >= snapshot) {
        /* Not what the snapshot keeps: say so, and look where it is after that. */
        txn_widen(txn->self);
        state = relation_newest(relation, row_id, &version, &owner);
    }
    ky_epoch_leave();
    switch (state) {
    case SLOT_STATE_NONE:
        return ROW_GONE;
    case SLOT_STATE_IN_PROGRESS:
        return ROW_IN_PROGRESS;
    case SLOT_STATE_COMMITTED:
        break;
    }
    if (version.commit_lsn >= snapshot) {
        txn->seen_lsn = KY_MAX(txn->seen_lsn, version.commit_lsn + 1);
    }
    if (version.is_deleted) {
        return ROW_GONE;
    }
    row_committed(txn->storage, row_id, &version, row_out);
    return version.commit_lsn < snapshot ? ROW_UNCHANGED : ROW_CHANGED;
}

bool
storage_is_changed_since(const struct txn *txn, rel_id_t rel, row_id_t row_id)
{
    const uint32_t own = txn->write_count == 0 ? 0 : write_set_find(txn, rel, row_id);
    return own != 0 && txn->writes[own - 1].command >= txn->command;
}

/* The event offset of the record at location, committed by the frame at commit_lsn: events of the
 * chunks before its own, then of its own frame. */
static bool
log_event_of(const struct log *log, const struct version *version, event_offset_t *offset_out)
{
    struct ky_error err;
    ky_error_init(&err);
    struct frame frame;
    const uint8_t *at = log_at(log, version->location);
    KY_ASSERT(at != NULL);
    if ((at[1] & RECORD_IS_EVENT) == 0 ||
        log_frame_at(log, version->commit_lsn, &frame, &err) != KY_OK) {
        return false;
    }
    lsn_t own_frame = version->location - (uint64_t)ky_load_le32(at + 24) * 8;
    event_offset_t offset = frame.first_event;
    for (uint32_t i = 0; i < frame.chunk_count; i++) {
        struct frame_chunk_ref ref;
        memcpy(&ref, &frame.chunks[i], sizeof(ref));
        if (ref.lsn == own_frame) {
            break;
        }
        offset += ref.event_count;
    }
    *offset_out = offset + ky_load_le32(at + 28);
    return true;
}

bool
storage_event_of(const struct storage *storage, const struct version *version,
                 event_offset_t *offset_out)
{
    return location_is_base(version->location)
               ? base_set_event(&storage->base, version->location, offset_out)
               : log_event_of(storage->log, version, offset_out);
}

bool
storage_row_event(struct txn *txn, rel_id_t rel, row_id_t row_id, event_offset_t *offset_out)
{
    lsn_t snapshot = txn_snapshot(txn);
    struct version version;
    ky_epoch_enter();
    const struct relation *relation = find_relation(txn, rel, snapshot);
    bool is_found = relation != NULL && relation_version_at(relation, row_id, snapshot, &version);
    ky_epoch_leave();
    return is_found && storage_event_of(txn->storage, &version, offset_out);
}
