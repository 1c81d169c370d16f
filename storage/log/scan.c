/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/endian.h"
#include "server/base/log.h"
#include "storage/log/log_private.h"

/*
 * Finds the end of the log. Frames are checked one after the other: header, position, payload sum,
 * the hash chain, dense events, epochs that never go down. The first frame that fails, at P, is
 *
 *   (1) damage to acknowledged data, when the manifest, an earlier frame or any later valid frame
 *       says that something above P was durable: refuse to start, change nothing;
 *   (2) otherwise the torn tail of the last batch, which nobody was told about.
 *
 * (1) is sound because all frames of one unsynced batch carry a durable_lsn at or below the start
 * of that batch: however the device reorders the blocks of a batch, it cannot look like damage.
 * A hole under synced data always does, because the next batch says so. All listed segments are
 * searched for such a frame, not only the largest batch: they were zeros before.
 */
struct scan {
    struct log *log;
    const struct manifest *manifest;
    struct segment *segment;
    struct log_tail tail;
    bool is_begun; /* tail.next_event and tail.last_sum are known */
    uint32_t epoch;
    lsn_t durable_lsn; /* proven */
    struct log_tail durable;
    bool has_durable;
    /* Tails above durable_lsn, oldest first; those that get proven move to durable. */
    struct log_tail *pending; /* owned */
    size_t pending_first;
    size_t pending_count;
    size_t pending_capacity;
    txid_t highest_txid;
};

static void
settle_pending(struct scan *scan)
{
    while (scan->pending_first < scan->pending_count &&
           scan->pending[scan->pending_first].lsn <= scan->durable_lsn) {
        scan->durable = scan->pending[scan->pending_first++];
        scan->has_durable = true;
    }
    if (scan->pending_first == scan->pending_count) {
        scan->pending_first = scan->pending_count = 0;
    }
}

static void
note_tail(struct scan *scan)
{
    if (scan->pending_count == scan->pending_capacity) {
        scan->pending_capacity = scan->pending_capacity * 2 + 64;
        scan->pending = realloc(scan->pending, scan->pending_capacity * sizeof(*scan->pending));
        KY_ASSERT(scan->pending != NULL);
    }
    scan->pending[scan->pending_count++] = scan->tail;
    settle_pending(scan);
}

static uint64_t
offset_of(const struct scan *scan)
{
    return scan->tail.lsn - scan->segment->number * scan->segment->size;
}

static bool
is_payload_valid(const struct scan *scan, const struct frame *frame, uint64_t payload_sum)
{
    struct ky_slice payload = frame_payload(frame);
    return frame_payload_sum(scan->log->seed, payload.data, payload.size) == payload_sum;
}

/* Why a frame that decodes does not continue the log; NULL when it does. */
static const char *
frame_fault(const struct scan *scan, const struct frame *frame, struct frame_sums sums)
{
    if (frame->epoch < scan->epoch || frame->epoch > scan->manifest->epoch) {
        return "wrong epoch";
    }
    if (!is_payload_valid(scan, frame, sums.payload_sum)) {
        return "payload checksum does not match";
    }
    if (scan->is_begun && sums.prev_sum != scan->tail.last_sum) {
        return "it does not follow the frame before it";
    }
    if (scan->is_begun && frame->first_event != scan->tail.next_event) {
        return "wrong event offset";
    }
    return NULL;
}

/* Is there a valid frame after the current position that proves something above it durable? */
static bool
is_proven_later(const struct scan *scan)
{
    struct frame frame;
    struct frame_sums sums;
    uint64_t offset = offset_of(scan) + 8;
    for (const struct segment *s = scan->segment; s != NULL;
         s = log_segment_after(scan->log, s->number), offset = SEGMENT_HEADER_SIZE) {
        uint64_t limit = segment_limit(s);
        for (; offset + FRAME_HEADER_SIZE <= limit; offset += 8) {
            if (ky_load_le32(s->bytes + offset) != FRAME_MAGIC) {
                continue;
            }
            struct ky_error err = {0};
            lsn_t lsn = s->number * s->size + offset;
            if (frame_decode(ky_slice(s->bytes + offset, limit - offset), lsn, &frame, &sums,
                             &err) == KY_OK &&
                frame.epoch <= scan->manifest->epoch && frame.durable_lsn > scan->tail.lsn &&
                is_payload_valid(scan, &frame, sums.payload_sum)) {
                return true;
            }
        }
    }
    return false;
}

/* The frame at the current position does not continue the log: torn tail, or damage? */
static ky_status
judge_end(const struct scan *scan, const char *fault, struct ky_error *err)
{
    if (scan->durable_lsn <= scan->tail.lsn && !is_proven_later(scan)) {
        return KY_OK;
    }
    uint64_t offset = offset_of(scan);
    (void)ky_error_set(err, KY_DATA_CORRUPTED,
                       "log is damaged in file \"%s\", offset %" PRIu64 ", position %" PRIu64
                       ": %s",
                       scan->segment->file->path, offset, scan->tail.lsn, fault);
    return ky_error_detail(err, "Commits after this position were acknowledged. "
                                "Nothing has been changed.");
}

static void
accept(struct scan *scan, const struct frame *frame, struct frame_sums sums)
{
    struct segment *segment = scan->segment;
    if (!scan->is_begun) {
        scan->is_begun = true;
        scan->tail.next_event = frame->first_event;
        scan->tail.last_sum = sums.prev_sum;
        note_tail(scan);
    }
    if (frame->durable_lsn > scan->durable_lsn) {
        scan->durable_lsn = frame->durable_lsn;
        settle_pending(scan);
    }
    scan->epoch = frame->epoch;
    if (atomic_load_explicit(&segment->first_event, memory_order_relaxed) == EVENT_UNKNOWN) {
        atomic_store_explicit(&segment->first_event, frame->first_event, memory_order_release);
    }
    if (frame->flags == FRAME_PAD) {
        return;
    }
    if (frame->flags == FRAME_COMMIT) {
        if (frame->event_count > 0) {
            segment_index_add(segment, offset_of(scan), frame->first_event);
        }
        scan->tail.next_event += frame->event_count;
    }
    scan->highest_txid = KY_MAX(scan->highest_txid, frame->txid);
    scan->tail.last_sum = sums.payload_sum;
    scan->tail.lsn += frame->total_size;
    note_tail(scan);
}

/* False when there is no next segment. */
static bool
enter_next(struct scan *scan)
{
    struct segment *next = log_segment_after(scan->log, scan->segment->number);
    if (next == NULL) {
        return false;
    }
    scan->segment = next;
    scan->tail.lsn = segment_start(next);
    atomic_store_explicit(&next->first_event, EVENT_UNKNOWN, memory_order_relaxed);
    atomic_store_explicit(&next->is_indexed, true, memory_order_relaxed);
    if (scan->is_begun) {
        note_tail(scan);
    }
    return true;
}

/* Steps over one frame or to the next segment. *is_end_out: the log ends here. */
static ky_status
step(struct scan *scan, bool *is_end_out, struct ky_error *err)
{
    struct segment *segment = scan->segment;
    uint64_t offset = offset_of(scan);
    uint64_t limit = segment_limit(segment);
    if (offset >= limit || segment->size - offset < FRAME_HEADER_SIZE) {
        *is_end_out = !enter_next(scan);
        return KY_OK;
    }
    struct frame frame;
    struct frame_sums sums;
    struct ky_error fault_err = {0};
    const char *fault = NULL;
    if (frame_decode(ky_slice(segment->bytes + offset, limit - offset), scan->tail.lsn, &frame,
                     &sums, &fault_err) != KY_OK) {
        fault = fault_err.message;
    } else {
        fault = frame_fault(scan, &frame, sums);
    }
    if (fault != NULL) {
        *is_end_out = true;
        return judge_end(scan, fault, err);
    }
    accept(scan, &frame, sums);
    if (frame.flags == FRAME_PAD && !enter_next(scan)) {
        return ky_error_set(err, KY_DATA_CORRUPTED,
                            "log goes on after file \"%s\", position %" PRIu64
                            ", but there is no next segment",
                            segment->file->path, scan->tail.lsn);
    }
    return KY_OK;
}

static ky_status
finish(struct scan *scan, struct ky_error *err)
{
    const struct manifest *manifest = scan->manifest;
    if (scan->tail.lsn < manifest->durable_lsn) {
        return judge_end(scan, "the log ends before what was acknowledged", err);
    }
    if (!scan->is_begun) {
        /* No frame at all: the manifest knows what came before. */
        scan->tail.next_event = manifest->next_event;
        scan->tail.last_sum = manifest->last_sum;
        scan->durable = scan->tail;
        scan->has_durable = true;
    }
    KY_ASSERT(scan->has_durable);
    if (scan->tail.next_event < manifest->next_event) {
        return ky_error_set(err, KY_DATA_CORRUPTED,
                            "log ends with event %" PRIu64 ", but %" PRIu64 " were acknowledged",
                            scan->tail.next_event, manifest->next_event);
    }
    return KY_OK;
}

ky_status
log_scan(struct log *log, lsn_t from, struct log_scan *scan_out, struct ky_error *err)
{
    /* The whole segment of the checkpoint's position, so that its event index is complete. */
    uint64_t number = log_number(log, from);
    struct segment *first = log_segment(log, number);
    if (first == NULL) {
        first = log_segment_after(log, number);
    }
    if (first == NULL || from > log->manifest.durable_lsn) {
        return ky_error_set(err, KY_DATA_CORRUPTED,
                            "the log does not reach the checkpoint's position %" PRIu64, from);
    }
    struct scan scan = {
        .log = log,
        .manifest = &log->manifest,
        .segment = first,
        .tail.lsn = segment_start(first),
        .durable_lsn = log->manifest.durable_lsn,
    };
    atomic_store_explicit(&first->first_event, EVENT_UNKNOWN, memory_order_relaxed);
    atomic_store_explicit(&first->is_indexed, true, memory_order_relaxed);
    bool is_end = false;
    ky_status status = KY_OK;
    while (status == KY_OK && !is_end) {
        status = step(&scan, &is_end, err);
    }
    if (status == KY_OK) {
        status = finish(&scan, err);
    }
    free(scan.pending);
    KY_TRY(status);
    *scan_out = (struct log_scan){
        .end = scan.tail,
        .durable = scan.durable,
        .last = scan.segment,
        .highest_txid = scan.highest_txid,
    };
    return KY_OK;
}
