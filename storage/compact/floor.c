/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/epoch.h"
#include "storage/compact/compact_private.h"

/*
 * Up to where the log may go: the least of
 *
 *   bytes        the last retention_bytes of the log stay
 *   time         so does what was committed within retention_seconds
 *   reader       and what a reader of events stands before, but not more than reader_bytes of it,
 *                and none when the disk is full: a dead consumer must not stop the living
 *   checkpoint   recovery starts at the checkpoint, and reads the chunks of commits after it
 *   transaction  commits after the border keep the chunks that lie before it
 *
 * For the sake of such chunks a few segments before the border may stay. They may hold commits
 * whose own chunks go; so history begins at the border, not at the first segment there is.
 */
static void
lower(struct compact_floor *floor, lsn_t lsn, enum retention_reason reason)
{
    if (lsn < floor->lsn) {
        floor->lsn = lsn;
        floor->reason = reason;
    }
}

static lsn_t
back_from(lsn_t lsn, uint64_t bytes)
{
    return lsn > bytes ? lsn - bytes : 0;
}

/* When the first frame of a segment was committed: everything before it is older. */
static bool
first_commit_time(const struct log *log, const struct log_segment_info *info, int64_t *time_out)
{
    struct frame frame;
    struct ky_error err;
    bool is_found = false;
    ky_error_init(&err);
    if (log_seek_frame(log, info->start, KY_MIN(info->end, log_visible_lsn(log)), &frame, &is_found,
                       &err) != KY_OK ||
        !is_found || frame.commit_time == 0) {
        return false;
    }
    *time_out = frame.commit_time;
    return true;
}

/* The start of the first segment whose successor was begun within the time. */
static lsn_t
time_floor(const struct log *log, int64_t seconds)
{
    int64_t oldest_us = ky_wall_us() - seconds * 1000000;
    lsn_t floor = 0;
    struct log_segment_info info;
    struct log_segment_info next;
    for (lsn_t at = 0; log_segment_info(log, at, &info); at = info.end) {
        int64_t time_us = 0;
        floor = info.start - info.start % info.size;
        if (!log_segment_info(log, info.end, &next) || !first_commit_time(log, &next, &time_us) ||
            time_us > oldest_us) {
            return floor;
        }
    }
    return floor;
}

struct compact_floor
compact_retention_floor(struct compactor *compactor)
{
    struct storage *storage = compactor->storage;
    struct log *log = storage->log;
    lsn_t visible = log_visible_lsn(log);
    struct compact_floor floor = {.lsn = visible, .reason = RETENTION_NONE};
    uint64_t bytes = atomic_load_explicit(&compactor->retention_bytes, memory_order_relaxed);
    int64_t seconds = atomic_load_explicit(&compactor->retention_seconds, memory_order_relaxed);
    lower(&floor, back_from(visible, bytes), RETENTION_BYTES);
    if (seconds > 0) {
        ky_epoch_enter();
        lower(&floor, time_floor(log, seconds), RETENTION_TIME);
        ky_epoch_leave();
    }
    if (log_has_space(log)) {
        uint64_t most = atomic_load_explicit(&compactor->reader_bytes, memory_order_relaxed);
        lsn_t reader = storage_reader_floor(storage);
        lower(&floor, KY_MAX(reader, back_from(floor.lsn, most)), RETENTION_READER);
    }
    return floor;
}

uint64_t
compact_log_bytes_below(struct compactor *compactor, lsn_t lsn)
{
    uint64_t bytes = 0;
    struct log_segment_info info;
    ky_epoch_enter();
    for (lsn_t at = log_first_lsn(compactor->storage->log);
         log_segment_info(compactor->storage->log, at, &info) && info.end <= lsn; at = info.end) {
        bytes += info.is_dropped ? 0 : info.size;
    }
    ky_epoch_leave();
    return bytes;
}

/* ------------------------------------------------------------------ transactions across the border
 */

/* Transactions with a chunk in [from, border) and no commit there: txid -> first chunk. */
static ky_status
find_open(const struct log *log, lsn_t from, lsn_t border, struct ky_map64 *open,
          struct ky_error *err)
{
    struct frame frame;
    bool is_found = false;
    for (lsn_t at = from;; at = frame.lsn + frame.total_size) {
        KY_TRY(log_seek_frame(log, at, border, &frame, &is_found, err));
        if (!is_found || frame.lsn >= border) {
            return KY_OK;
        }
        if (frame.flags == FRAME_COMMIT) {
            (void)ky_map64_remove(open, frame.txid);
        } else if (frame.flags == FRAME_CHUNK) {
            bool is_new = false;
            uint64_t *first = ky_map64_put(open, frame.txid, &is_new);
            *first = is_new ? frame.lsn : *first;
        }
    }
}

/* The lowest chunk below the border that a commit in [border, end) refers to. */
static ky_status
find_lowest(const struct log *log, lsn_t border, lsn_t end, const struct ky_map64 *open,
            lsn_t *lowest_out, struct ky_error *err)
{
    struct frame frame;
    bool is_found = false;
    for (lsn_t at = border;; at = frame.lsn + frame.total_size) {
        KY_TRY(log_seek_frame(log, at, end, &frame, &is_found, err));
        if (!is_found) {
            return KY_OK;
        }
        const uint64_t *first =
            frame.flags == FRAME_COMMIT ? ky_map64_find(open, frame.txid) : NULL;
        if (first != NULL) {
            *lowest_out = KY_MIN(*lowest_out, *first);
        }
    }
}

/* Lowers the floor to the first chunk of a commit between the border and end. */
static ky_status
keep_chunks(const struct log *log, lsn_t border, lsn_t end, struct compact_floor *floor,
            struct ky_error *err)
{
    struct ky_map64 open = {0};
    lsn_t lowest = LSN_MAX;
    ky_status status = find_open(log, log_first_lsn(log), border, &open, err);
    if (status == KY_OK && open.count > 0) {
        status = find_lowest(log, border, end, &open, &lowest, err);
    }
    ky_map64_deinit(&open);
    KY_TRY(status);
    struct log_segment_info info;
    if (lowest < border && log_segment_info(log, lowest, &info)) {
        lower(floor, info.start - info.start % info.size, RETENTION_TRANSACTION);
    }
    return KY_OK;
}

ky_status
compact_floor(struct compactor *compactor, struct compact_floor *floor_out, struct ky_error *err)
{
    struct storage *storage = compactor->storage;
    struct compact_floor floor = compact_retention_floor(compactor);
    lsn_t recovery = atomic_load_explicit(&storage->recovery_floor, memory_order_acquire);
    lower(&floor, recovery, RETENTION_CHECKPOINT);
    struct log_segment_info info;
    if (log_segment_info(storage->log, floor.lsn, &info)) {
        floor.lsn = KY_MIN(floor.lsn, info.start - info.start % info.size);
        floor.history_event = info.first_event;
    }
    ky_epoch_enter();
    ky_status status = keep_chunks(storage->log, floor.lsn, recovery, &floor, err);
    ky_epoch_leave();
    KY_TRY(status);
    *floor_out = floor;
    return KY_OK;
}
