/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "server/base/log.h"
#include "storage/log/log_private.h"

/*
 * Reading back, lock-free but for the first event lookup in a segment from before the checkpoint.
 * A position names a segment by division, so a row's bytes are two loads away. Everything below
 * visible_lsn is immutable. Segments go when compaction has dropped them: who reads on behalf of a
 * registered snapshot is waited for, everybody else reads inside an epoch.
 */

const uint8_t *
log_span_at(const struct log *log, lsn_t lsn, struct log_span *span_out)
{
    uint64_t number = log_number(log, lsn);
    const struct segment *segment = log_segment(log, number);
    lsn_t start = number * log->options.segment_size;
    if (segment == NULL || lsn - start < SEGMENT_HEADER_SIZE ||
        lsn - start >= segment_limit(segment)) {
        return NULL;
    }
    *span_out = (struct log_span){start, segment_limit(segment), segment->bytes};
    return segment->bytes + (lsn - start);
}

const uint8_t *
log_at(const struct log *log, lsn_t lsn)
{
    struct log_span span;
    return log_span_at(log, lsn, &span);
}

ky_status
log_frame_at(const struct log *log, lsn_t lsn, struct frame *frame_out, struct ky_error *err)
{
    const uint8_t *at = log_at(log, lsn);
    if (at == NULL || lsn % 8 != 0) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "the log has no position %" PRIu64, lsn);
    }
    uint64_t number = log_number(log, lsn);
    const struct segment *segment = log_segment(log, number);
    uint64_t offset = lsn - number * segment->size;
    if (frame_decode(ky_slice(at, segment_limit(segment) - offset), lsn, frame_out, NULL, err) !=
        KY_OK) {
        return ky_error_detail(err, "File \"%s\", offset %" PRIu64 ".", segment->file->path,
                               offset);
    }
    return KY_OK;
}

ky_status
log_seek_frame(const struct log *log, lsn_t from, lsn_t end, struct frame *frame_out,
               bool *found_out, struct ky_error *err)
{
    *found_out = false;
    lsn_t at = from;
    while (at < end) {
        const struct segment *segment = log_segment(log, log_number(log, at));
        uint64_t offset = segment == NULL ? 0 : at - segment->number * segment->size;
        bool is_past = segment == NULL || offset >= segment_limit(segment) ||
                       segment->size - offset < FRAME_HEADER_SIZE;
        if (!is_past && offset < SEGMENT_HEADER_SIZE) {
            at = segment_start(segment);
            continue;
        }
        if (!is_past) {
            struct frame frame;
            KY_TRY(log_frame_at(log, at, &frame, err));
            if (frame.flags != FRAME_PAD) {
                *frame_out = frame;
                *found_out = true;
                return KY_OK;
            }
        }
        const struct segment *next = log_segment_after(log, log_number(log, at));
        if (next == NULL) {
            return KY_OK;
        }
        at = segment_start(next);
    }
    return KY_OK;
}

bool
log_next_commit(const struct log *log, lsn_t from, struct frame *frame_out)
{
    lsn_t end = log_visible_lsn(log);
    struct ky_error err = {0};
    struct frame frame;
    bool is_found = false;
    for (lsn_t at = from;; at = frame.lsn + frame.total_size) {
        if (log_seek_frame(log, at, end, &frame, &is_found, &err) != KY_OK) {
            ky_log(ERROR, "log", "log is damaged position=%" PRIu64 " error=\"%s\"", at,
                   err.message);
            return false;
        }
        if (!is_found) {
            return false;
        }
        if (frame.flags == FRAME_COMMIT) {
            *frame_out = frame;
            return true;
        }
    }
}

/* ------------------------------------------------------------------ positions */

lsn_t
log_visible_lsn(const struct log *log)
{
    return atomic_load_explicit(&log->visible_lsn, memory_order_acquire);
}

lsn_t
log_installed_lsn(const struct log *log)
{
    return atomic_load_explicit(&log->installed_lsn, memory_order_acquire);
}

event_offset_t
log_next_event(const struct log *log)
{
    return atomic_load_explicit(&log->next_event, memory_order_acquire);
}

/* The oldest segment that was not dropped. */
static const struct segment *
first_segment(const struct log *log)
{
    const struct segment *segment = log_segment_after(log, 0);
    while (segment != NULL && atomic_load_explicit(&segment->is_dropped, memory_order_acquire)) {
        segment = log_segment_after(log, segment->number);
    }
    return segment;
}

event_offset_t
log_earliest_event(const struct log *log)
{
    event_offset_t event = EVENT_UNKNOWN; /* the first segment has no frame yet: none are kept */
    ky_epoch_enter();
    const struct segment *first = first_segment(log);
    if (first != NULL) {
        event = atomic_load_explicit(&first->first_event, memory_order_acquire);
    }
    ky_epoch_leave();
    event_offset_t history = atomic_load_explicit(&log->history_event, memory_order_acquire);
    return KY_MIN(KY_MAX(event, history), log_next_event(log));
}

lsn_t
log_first_lsn(const struct log *log)
{
    ky_epoch_enter();
    const struct segment *first = first_segment(log);
    lsn_t lsn = first == NULL ? 0 : first->number * first->size;
    ky_epoch_leave();
    return lsn;
}

bool
log_is_complete(const struct log *log)
{
    return log_number(log, log_first_lsn(log)) <= 1;
}

void
log_system_id(const struct log *log, uint8_t system_id_out[16])
{
    memcpy(system_id_out, log->options.system_id, 16);
}

lsn_t
log_durable_lsn(const struct log *log)
{
    return atomic_load_explicit(&log->durable_lsn, memory_order_acquire);
}

bool
log_has_failed(const struct log *log)
{
    return atomic_load_explicit(&log->is_failed, memory_order_acquire) ||
           atomic_load_explicit(&log->is_maker_fatal, memory_order_acquire);
}

bool
log_has_space(const struct log *log)
{
    return atomic_load_explicit(&log->has_space, memory_order_relaxed);
}

uint32_t
log_frame_size_max(const struct log *log)
{
    return (uint32_t)KY_MIN((uint64_t)FRAME_SIZE_MAX,
                            log->options.segment_size - SEGMENT_HEADER_SIZE);
}

void
log_stats(const struct log *log, struct log_stats *stats_out)
{
    struct log_stats stats = {
        .visible_lsn = log_visible_lsn(log),
        .written_lsn = atomic_load_explicit(&log->written_lsn, memory_order_acquire),
        .durable_lsn = atomic_load_explicit(&log->durable_lsn, memory_order_acquire),
        .epoch = log->epoch,
        .highest_txid = atomic_load_explicit(&log->highest_txid, memory_order_relaxed),
    };
    ky_epoch_enter();
    for (const struct segment *s = first_segment(log); s != NULL;
         s = log_segment_after(log, s->number)) {
        stats.segment_count++;
        stats.bytes_on_disk += s->size;
    }
    ky_epoch_leave();
    *stats_out = stats;
}

/* ------------------------------------------------------------------ events */

/* Walks the headers of a segment that recovery did not scan; once. */
static void
index_segment(struct log *log, struct segment *segment)
{
    ky_mutex_lock(&log->index_lock);
    lsn_t end = KY_MIN(log_visible_lsn(log), (segment->number + 1) * segment->size);
    lsn_t at = segment_start(segment);
    while (!atomic_load_explicit(&segment->is_indexed, memory_order_relaxed)) {
        struct frame frame;
        bool is_found = false;
        struct ky_error err = {0};
        if (log_seek_frame(log, at, end, &frame, &is_found, &err) != KY_OK || !is_found) {
            atomic_store_explicit(&segment->is_indexed, true, memory_order_release);
            break;
        }
        if (frame.flags == FRAME_COMMIT && frame.event_count > 0) {
            segment_index_add(segment, frame.lsn - segment->number * segment->size,
                              frame.first_event);
        }
        at = frame.lsn + frame.total_size;
    }
    ky_mutex_unlock(&log->index_lock);
}

/* The newest segment whose frames begin at or before an event. */
static struct segment *
segment_of_event(const struct log *log, event_offset_t event)
{
    uint64_t first = 0;
    for (uint64_t number = log_number(log, log_visible_lsn(log));; number--) {
        struct segment *segment = log_segment(log, number);
        if (segment != NULL &&
            atomic_load_explicit(&segment->first_event, memory_order_acquire) <= event) {
            bool is_gone = atomic_load_explicit(&segment->is_dropped, memory_order_acquire);
            return is_gone ? NULL : segment;
        }
        if (first == 0) {
            const struct segment *oldest = first_segment(log);
            first = oldest == NULL ? number : oldest->number;
        }
        if (number <= first) {
            return NULL;
        }
    }
}

lsn_t
log_find_event(const struct log *log, event_offset_t offset)
{
    if (offset >= log_next_event(log)) {
        return LSN_MAX;
    }
    struct segment *segment = segment_of_event(log, offset);
    if (segment == NULL || offset < log_earliest_event(log)) {
        return 0;
    }
    if (!atomic_load_explicit(&segment->is_indexed, memory_order_acquire)) {
        union {
            const struct log *from;
            struct log *to;
        } cast = {.from = log}; /* the index is a cache */
        index_segment(cast.to, segment);
    }
    lsn_t at = segment->number * segment->size + segment_index_find(segment, offset);
    struct frame frame;
    while (log_next_commit(log, at, &frame)) {
        if (frame.first_event > offset) {
            return 0;
        }
        if (offset - frame.first_event < frame.event_count) {
            return frame.lsn;
        }
        at = frame.lsn + frame.total_size;
    }
    return 0;
}
