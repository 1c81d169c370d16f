/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/assert.h"
#include "server/base/endian.h"
#include "server/base/log.h"
#include "storage/log/log_private.h"

/*
 * After a crash the frames between the last proven durable position D and the end E may stand in
 * the page cache and not on the device. Recovery gives them a place of which that cannot be said:
 *
 *      [..... certain .....|D  uncertain  E|torn]       before
 *      [..... certain .....]  [ uncertain' ]            after: the manifest ends the old segment
 *                                                       at D exactly, the copy is synced
 *
 * The copies get new positions, the new epoch and a new hash chain; they keep txid, commit time,
 * event offsets and records. References to copied CHUNK frames follow them; a CHUNK frame whose
 * COMMIT frame did not arrive is left behind.
 *
 * A crash before the manifest switch leaves frames of an epoch that the old manifest does not know:
 * they do not count, and the segment they are in is not zero any more, so it is not used again.
 */
struct moved_chunk {
    lsn_t old_lsn;
    lsn_t new_lsn;
    bool is_kept;
};

struct rewrite {
    struct log *log;
    const struct log_scan *scan;
    struct moved_chunk *chunks; /* owned; ascending old_lsn */
    size_t chunk_count;
    struct segment **fresh; /* owned array: zero segments to write to, in order, not in use */
    size_t fresh_count;
    size_t fresh_used;
    struct segment **made; /* owned array of owned segments: not in the table yet */
    size_t made_count;
    uint64_t last_number;
    struct segment *target;
    uint64_t offset;
    struct log_tail tail;
};

static void
push_segment(struct segment ***list, size_t *count, struct segment *segment)
{
    *list = realloc(*list, (*count + 1) * sizeof(struct segment *));
    KY_ASSERT(*list != NULL);
    (*list)[(*count)++] = segment;
}

/* Segments after the end that were never written to, above every one that was. */
static void
find_fresh(struct rewrite *rewrite)
{
    struct log *log = rewrite->log;
    for (struct segment *s = log_segment_after(log, rewrite->scan->last->number); s != NULL;
         s = log_segment_after(log, s->number)) {
        if (segment_is_zero(s, SEGMENT_HEADER_SIZE)) {
            push_segment(&rewrite->fresh, &rewrite->fresh_count, s);
        } else {
            rewrite->fresh_count = 0;
        }
        rewrite->last_number = s->number;
    }
    rewrite->last_number = KY_MAX(rewrite->last_number, rewrite->scan->last->number);
}

static struct moved_chunk *
find_chunk(struct rewrite *rewrite, lsn_t lsn)
{
    size_t low = 0;
    size_t high = rewrite->chunk_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rewrite->chunks[middle].old_lsn < lsn) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_hit = low < rewrite->chunk_count && rewrite->chunks[low].old_lsn == lsn;
    return is_hit ? &rewrite->chunks[low] : NULL;
}

static ky_status
keep_chunks(struct rewrite *rewrite, const struct frame *frame, struct ky_error *err)
{
    for (uint32_t i = 0; i < frame->chunk_count; i++) {
        lsn_t lsn = frame->chunks[i].lsn;
        if (lsn < rewrite->scan->durable.lsn) {
            continue;
        }
        struct moved_chunk *chunk = find_chunk(rewrite, lsn);
        if (chunk == NULL) {
            return ky_error_set(err, KY_DATA_CORRUPTED,
                                "commit at position %" PRIu64 " refers to position %" PRIu64
                                ", where no part of it is",
                                frame->lsn, lsn);
        }
        chunk->is_kept = true;
    }
    return KY_OK;
}

static ky_status
collect_chunks(struct rewrite *rewrite, struct ky_error *err)
{
    struct frame frame;
    bool is_found = false;
    for (lsn_t at = rewrite->scan->durable.lsn;; at = frame.lsn + frame.total_size) {
        KY_TRY(log_seek_frame(rewrite->log, at, rewrite->scan->end.lsn, &frame, &is_found, err));
        if (!is_found) {
            return KY_OK;
        }
        if (frame.flags == FRAME_COMMIT) {
            KY_TRY(keep_chunks(rewrite, &frame, err));
            continue;
        }
        size_t size = (rewrite->chunk_count + 1) * sizeof(*rewrite->chunks);
        rewrite->chunks = realloc(rewrite->chunks, size);
        KY_ASSERT(rewrite->chunks != NULL);
        rewrite->chunks[rewrite->chunk_count++] = (struct moved_chunk){.old_lsn = frame.lsn};
    }
}

/* ------------------------------------------------------------------ writing the copies */

static ky_status
next_target(struct rewrite *rewrite, struct ky_error *err)
{
    struct segment *next = NULL;
    if (rewrite->fresh_used < rewrite->fresh_count) {
        next = rewrite->fresh[rewrite->fresh_used++];
    } else {
        KY_TRY(log_make_segment(rewrite->log, rewrite->last_number + 1, rewrite->log->epoch, &next,
                                err));
        rewrite->last_number++;
        push_segment(&rewrite->made, &rewrite->made_count, next);
    }
    rewrite->target = next;
    rewrite->offset = SEGMENT_HEADER_SIZE;
    rewrite->tail.lsn = segment_start(next);
    return KY_OK;
}

/* Ends the target with a PAD frame, as the writer does. */
static ky_status
leave_target(struct rewrite *rewrite, struct ky_error *err)
{
    struct segment *target = rewrite->target;
    if (target->size - rewrite->offset >= FRAME_HEADER_SIZE) {
        struct frame pad = {
            .flags = FRAME_PAD,
            .total_size = FRAME_HEADER_SIZE,
            .lsn = rewrite->tail.lsn,
            .epoch = rewrite->log->epoch,
            .durable_lsn = rewrite->scan->durable.lsn,
            .first_event = rewrite->tail.next_event,
        };
        struct frame_sums sums = {
            .prev_sum = rewrite->tail.last_sum,
            .payload_sum = frame_payload_sum(rewrite->log->seed, NULL, 0),
        };
        uint8_t header[FRAME_HEADER_SIZE];
        frame_encode_header(header, &pad, sums);
        KY_TRY(io_write_bytes_at(target->file, rewrite->offset, header, sizeof(header), err));
    }
    return io_sync(target->file, err);
}

/* Points a copied COMMIT frame's references to where its parts are now. */
static void
remap_chunks(struct rewrite *rewrite, uint8_t *payload, uint32_t chunk_count)
{
    for (uint32_t i = 0; i < chunk_count; i++) {
        uint8_t *at = payload + i * sizeof(struct frame_chunk_ref);
        const struct moved_chunk *chunk = find_chunk(rewrite, ky_load_le64(at));
        if (chunk != NULL) {
            ky_store_le64(at, chunk->new_lsn);
        }
    }
}

static ky_status
write_copy(struct rewrite *rewrite, const struct frame *old, uint8_t *copy, struct ky_error *err)
{
    struct segment *target = rewrite->target;
    if (target->size - rewrite->offset < old->total_size) {
        KY_TRY(leave_target(rewrite, err));
        KY_TRY(next_target(rewrite, err));
        target = rewrite->target;
    }
    struct frame frame = *old;
    frame.lsn = rewrite->tail.lsn;
    frame.epoch = rewrite->log->epoch;
    frame.durable_lsn = rewrite->scan->durable.lsn;
    frame.first_event = rewrite->tail.next_event;
    size_t payload_size = old->total_size - (size_t)FRAME_HEADER_SIZE;
    uint8_t *payload = copy + FRAME_HEADER_SIZE;
    memcpy(payload, old->chunks, payload_size);
    remap_chunks(rewrite, payload, old->chunk_count);
    struct frame_sums sums = {
        .prev_sum = rewrite->tail.last_sum,
        .payload_sum = frame_payload_sum(rewrite->log->seed, payload, payload_size),
    };
    frame_encode_header(copy, &frame, sums);
    KY_TRY(io_write_bytes_at(target->file, rewrite->offset, copy, old->total_size, err));

    if (atomic_load_explicit(&target->first_event, memory_order_relaxed) == EVENT_UNKNOWN) {
        atomic_store_explicit(&target->first_event, frame.first_event, memory_order_relaxed);
    }
    if (frame.flags == FRAME_COMMIT) {
        KY_ASSERT(frame.first_event == old->first_event);
        if (frame.event_count > 0) {
            segment_index_add(target, rewrite->offset, frame.first_event);
        }
        rewrite->tail.next_event += frame.event_count;
    }
    rewrite->tail.last_sum = sums.payload_sum;
    rewrite->tail.lsn += frame.total_size;
    rewrite->offset += frame.total_size;
    return KY_OK;
}

static ky_status
copy_frames(struct rewrite *rewrite, uint64_t *count_out, struct ky_error *err)
{
    uint8_t *copy = malloc(FRAME_SIZE_MAX);
    KY_ASSERT(copy != NULL);
    struct frame frame;
    bool is_found = false;
    ky_status status = KY_OK;
    lsn_t at = rewrite->scan->durable.lsn;
    while (status == KY_OK) {
        status = log_seek_frame(rewrite->log, at, rewrite->scan->end.lsn, &frame, &is_found, err);
        if (status != KY_OK || !is_found) {
            break;
        }
        at = frame.lsn + frame.total_size;
        struct moved_chunk *chunk =
            frame.flags == FRAME_CHUNK ? find_chunk(rewrite, frame.lsn) : NULL;
        if (chunk != NULL && !chunk->is_kept) {
            continue;
        }
        status = write_copy(rewrite, &frame, copy, err);
        if (chunk != NULL) {
            chunk->new_lsn = rewrite->tail.lsn - frame.total_size;
        }
        (*count_out)++;
    }
    free(copy);
    return status == KY_OK ? io_sync(rewrite->target->file, err) : status;
}

/* ------------------------------------------------------------------ the new layout */

static void
drop(struct log *log, struct segment *segment)
{
    log_remove_segment(log, segment);
    segment_free(segment);
}

static bool
is_fresh(const struct rewrite *rewrite, const struct segment *segment)
{
    for (size_t i = 0; i < rewrite->fresh_count; i++) {
        if (rewrite->fresh[i] == segment) {
            return true;
        }
    }
    return false;
}

/* Memory only: ends the old log at D and lets the copies follow it. */
static void
adopt_layout(struct rewrite *rewrite)
{
    struct log *log = rewrite->log;
    lsn_t durable_lsn = rewrite->scan->durable.lsn;
    uint64_t number = log_number(log, durable_lsn);
    struct segment *cut = log_segment(log, number);
    struct segment *next = log_segment_after(log, number);
    if (cut != NULL) {
        uint64_t offset = durable_lsn - number * cut->size;
        if (offset <= SEGMENT_HEADER_SIZE) {
            drop(log, cut);
        } else {
            cut->end_offset = offset;
        }
    }
    while (next != NULL) {
        struct segment *after = log_segment_after(log, next->number);
        if (!is_fresh(rewrite, next)) {
            drop(log, next);
        }
        next = after;
    }
    for (size_t i = 0; i < rewrite->made_count; i++) {
        log_add_segment(log, rewrite->made[i]);
    }
    rewrite->made_count = 0;
    ky_mutex_lock(&log->lock);
    for (size_t i = rewrite->fresh_used; i < rewrite->fresh_count; i++) {
        log_push_ready(log, rewrite->fresh[i]);
    }
    log->last_number = KY_MAX(log->last_number, rewrite->last_number);
    ky_mutex_unlock(&log->lock);
    log->active = rewrite->target;
    log->active_offset = rewrite->offset;
    log->tail = rewrite->tail;
}

static ky_status
move_tail(struct log *log, const struct log_scan *scan, struct ky_error *err)
{
    struct rewrite rewrite = {.log = log, .scan = scan, .tail = scan->durable};
    uint64_t count = 0;
    find_fresh(&rewrite);
    ky_status status = collect_chunks(&rewrite, err);
    for (size_t i = 0; i < rewrite.fresh_count; i++) {
        atomic_store_explicit(&rewrite.fresh[i]->first_event, EVENT_UNKNOWN, memory_order_relaxed);
        atomic_store_explicit(&rewrite.fresh[i]->is_indexed, true, memory_order_relaxed);
    }
    if (status == KY_OK) {
        status = next_target(&rewrite, err);
    }
    if (status == KY_OK) {
        status = copy_frames(&rewrite, &count, err);
    }
    if (status == KY_OK) {
        KY_ASSERT(rewrite.tail.next_event == scan->end.next_event);
        adopt_layout(&rewrite);
        ky_log(INFO, "log",
               "uncertain tail moved from=%" PRIu64 " end=%" PRIu64 " frames=%" PRIu64
               " to=%" PRIu64,
               scan->durable.lsn, scan->end.lsn, count, log->tail.lsn);
    }
    for (size_t i = 0; i < rewrite.made_count; i++) {
        segment_free(rewrite.made[i]);
    }
    free((void *)rewrite.made);
    free((void *)rewrite.fresh);
    free(rewrite.chunks);
    return status;
}

/* Nothing is uncertain, and nothing was written after the end. */
static bool
can_continue(const struct log *log, const struct log_scan *scan)
{
    const struct segment *last = scan->last;
    if (scan->durable.lsn != scan->end.lsn || last->end_offset != 0 ||
        !segment_is_zero(last, scan->end.lsn - last->number * last->size)) {
        return false;
    }
    for (const struct segment *s = log_segment_after(log, last->number); s != NULL;
         s = log_segment_after(log, s->number)) {
        if (!segment_is_zero(s, SEGMENT_HEADER_SIZE)) {
            return false;
        }
    }
    return true;
}

static void
continue_in_place(struct log *log, const struct log_scan *scan)
{
    log->active = scan->last;
    log->active_offset = scan->end.lsn - scan->last->number * scan->last->size;
    log->tail = scan->end;
    ky_mutex_lock(&log->lock);
    for (struct segment *s = log_segment_after(log, scan->last->number); s != NULL;
         s = log_segment_after(log, s->number)) {
        atomic_store_explicit(&s->first_event, EVENT_UNKNOWN, memory_order_relaxed);
        atomic_store_explicit(&s->is_indexed, true, memory_order_relaxed);
        log_push_ready(log, s);
    }
    ky_mutex_unlock(&log->lock);
}

ky_status
log_settle(struct log *log, const struct log_scan *scan, struct ky_error *err)
{
    log->epoch = log->manifest.epoch + 1;
    if (can_continue(log, scan)) {
        continue_in_place(log, scan);
    } else {
        KY_TRY(move_tail(log, scan, err));
    }
    bool is_unknown = false;
    ky_mutex_lock(&log->manifest_lock);
    ky_status status = log_switch_manifest(log, &log->tail, &is_unknown, err);
    ky_mutex_unlock(&log->manifest_lock);
    KY_TRY(status);
    return log_remove_strays(log, err);
}
