/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/clock.h"
#include "server/base/endian.h"
#include "server/base/log.h"
#include "storage/storage_private.h"

/*
 * Replaying the log into the directory: every commit from the checkpoint on, in order. Installing
 * skips what is applied already, so replaying the same log again changes nothing. Nobody reads
 * yet, so no old versions are kept.
 */
enum { PROGRESS_START = 50 }; /* loading the checkpoint is the first half */

static ky_status
apply_record(struct storage *storage, const struct record *record, lsn_t commit_lsn, lsn_t location,
             struct ky_error *err)
{
    switch (record->type) {
    case RECORD_INSERT:
    case RECORD_UPDATE:
    case RECORD_DELETE: {
        if (record->row_id == ROW_ID_NONE || record->row_id > ROW_ID_MAX) {
            return ky_error_set(err, KY_DATA_CORRUPTED,
                                "record at log position %" PRIu64 " has row number %" PRIu64,
                                location, record->row_id);
        }
        struct relation *relation = directory_get(&storage->directory, record->rel);
        struct install install = {
            .type = record->type,
            .row_id = record->row_id,
            .commit_lsn = commit_lsn,
            .location = location,
            .record_size = record_size(record->body.size),
            .is_recovery = true,
        };
        ky_mutex_lock(&relation->lock);
        (void)relation_install(relation, &install);
        ky_mutex_unlock(&relation->lock);
        return KY_OK;
    }
    case RECORD_DROP:
        directory_remove(&storage->directory, record->rel);
        return KY_OK;
    case RECORD_COUNTER:
    case RECORD_COUNTER_SET: {
        if (record->body.size != sizeof(uint64_t)) {
            break;
        }
        _Atomic uint64_t *place = directory_get_counter(&storage->directory, record->rel);
        uint64_t value = ky_load_le64(record->body.data);
        if (record->type == RECORD_COUNTER_SET ||
            atomic_load_explicit(place, memory_order_relaxed) < value) {
            atomic_store_explicit(place, value, memory_order_release);
        }
        return KY_OK;
    }
    }
    return ky_error_set(err, KY_DATA_CORRUPTED, "record at log position %" PRIu64 " is malformed",
                        location);
}

/* The first record_count records of a frame. The frame's sum was checked when the log opened. */
static ky_status
apply_records(struct storage *storage, const struct frame *frame, uint32_t record_count,
              lsn_t commit_lsn, struct ky_error *err)
{
    struct ky_slice rest = frame->records;
    lsn_t location = frame->lsn + frame->total_size - rest.size;
    for (uint32_t i = 0; i < record_count; i++) {
        struct record record;
        KY_TRY(record_decode(rest, false, &record, err));
        KY_TRY(apply_record(storage, &record, commit_lsn, location, err));
        size_t size = record_size(record.body.size);
        location += size;
        rest = ky_slice((const uint8_t *)rest.data + size, rest.size - size);
    }
    return KY_OK;
}

static ky_status
apply_commit(struct storage *storage, const struct frame *frame, struct ky_error *err)
{
    for (uint32_t i = 0; i < frame->chunk_count; i++) {
        struct frame_chunk_ref ref;
        memcpy(&ref, &frame->chunks[i], sizeof(ref));
        struct frame chunk;
        KY_TRY(log_frame_at(storage->log, ref.lsn, &chunk, err));
        lsn_t floor = atomic_load_explicit(&storage->recovery_floor, memory_order_relaxed);
        atomic_store_explicit(&storage->recovery_floor, KY_MIN(floor, ref.lsn),
                              memory_order_relaxed);
        if (chunk.flags != FRAME_CHUNK || ref.record_count > chunk.record_count) {
            return ky_error_set(err, KY_DATA_CORRUPTED,
                                "commit at log position %" PRIu64 " refers to position %" PRIu64
                                ", which is no such chunk",
                                frame->lsn, ref.lsn);
        }
        KY_TRY(apply_records(storage, &chunk, ref.record_count, frame->lsn, err));
    }
    return apply_records(storage, frame, frame->record_count, frame->lsn, err);
}

static void
report(struct storage *storage, lsn_t from, lsn_t at, lsn_t end, int *percent)
{
    int now = PROGRESS_START + (int)((at - from) * (100 - PROGRESS_START) / (end - from + 1));
    if (now > *percent && storage->options.on_progress != NULL) {
        *percent = now;
        storage->options.on_progress(storage->options.arg, now);
    }
}

ky_status
storage_replay(struct storage *storage, lsn_t from, struct ky_error *err)
{
    int64_t start_ns = ky_monotonic_ns();
    lsn_t end = log_visible_lsn(storage->log);
    uint64_t count = 0;
    int percent = 0;
    struct frame frame;
    for (lsn_t at = from; log_next_commit(storage->log, at, &frame);
         at = frame.lsn + frame.total_size) {
        KY_TRY(apply_commit(storage, &frame, err));
        report(storage, from, KY_MIN(frame.lsn, end), end, &percent);
        count++;
    }
    ky_log(INFO, "storage",
           "log replayed from=%" PRIu64 " to=%" PRIu64 " commits=%" PRIu64 " took_ms=%" PRId64,
           from, end, count, (ky_monotonic_ns() - start_ns) / 1000000);
    return KY_OK;
}
