/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/endian.h"
#include "server/base/failpoint.h"
#include "server/base/log.h"
#include "server/base/metric.h"
#include "storage/log/log_private.h"

/*
 * Group commit. Submitters push onto a list; one thread takes all of it, gives positions, event
 * offsets and times in order, writes the frames with one gather write, syncs, and only then makes
 * them visible and answers. There is no delay before the sync: while one sync runs, the next
 * batch gathers.
 *
 * Installing comes before the sync: nobody sees what was installed, but whoever waits for a lock of
 * such a commit may go on (placed()). Its own commit is later in the log, so it can only become
 * durable together with what it builds on.
 *
 * A batch lies within one segment. When the next frame does not fit, the segment is ended by a PAD
 * frame, which is synced before anything is written after it.
 *
 * A commit that comes alone is written by its own thread, if that thread can wait (write_here):
 * what waking the writer and being woken by it cost is more than the sync of a fast disk. The write
 * lock makes one writer of the two; the queue is taken under it, so that what was submitted before
 * is written before.
 *
 * A failed write or sync ends it all: nobody knows what is on the device, a second sync proves
 * nothing, so nothing is repeated and nobody is answered. Recovery decides.
 */
KY_METRIC(metric_sync, "kyrodb_log_sync_seconds", NULL, KY_HISTOGRAM,
          "Time that syncs of the log took.")
KY_METRIC(metric_groups, "kyrodb_log_groups_total", NULL, KY_COUNTER,
          "Groups of frames written with one sync.")
KY_METRIC(metric_groups_by_committer, "kyrodb_log_groups_by_committer_total", NULL, KY_COUNTER,
          "Groups that a lone committer wrote and synced by itself.")
KY_METRIC(metric_frames, "kyrodb_log_frames_total", NULL, KY_COUNTER, "Frames written.")
KY_METRIC(metric_commits, "kyrodb_log_commits_total", NULL, KY_COUNTER,
          "Commits written and answered.")
KY_METRIC(metric_bytes, "kyrodb_log_written_bytes_total", NULL, KY_COUNTER,
          "Bytes of frames written.")
KY_METRIC(metric_group_size, "kyrodb_log_last_group_frames", NULL, KY_GAUGE,
          "Frames in the latest group.")
KY_METRIC(metric_failed, "kyrodb_log_failed", NULL, KY_GAUGE,
          "1 after a write or sync failed; the server is about to end.")

enum { AT_PAYLOAD_SUM = 64 };

/* ------------------------------------------------------------------ submitting */

static void
push(struct log *log, struct log_entry *entry)
{
    struct log_entry *head = atomic_load_explicit(&log->queue, memory_order_relaxed);
    do {
        entry->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&log->queue, &head, entry, memory_order_seq_cst,
                                                    memory_order_relaxed));
    /* Pairs with the writer's store of is_writer_asleep before it looks at the queue once more. */
    if (atomic_load_explicit(&log->is_writer_asleep, memory_order_seq_cst)) {
        /* Once the lock was had the writer waits. Signalled after it, it does not wake into a lock
         * that is taken. */
        ky_mutex_lock(&log->lock);
        ky_mutex_unlock(&log->lock);
        ky_cond_signal(&log->writer_wake);
    }
}

void
log_submit_mark(struct log *log, struct log_entry *entry)
{
    void (*done)(struct log_entry *, ky_status, const struct ky_error *) = entry->done;
    *entry = (struct log_entry){.done = done};
    push(log, entry);
}

/* All submitted entries, oldest first. */
static struct log_entry *
take_queue(struct log *log)
{
    struct log_entry *newest = atomic_exchange_explicit(&log->queue, NULL, memory_order_acquire);
    struct log_entry *oldest = NULL;
    while (newest != NULL) {
        struct log_entry *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

/* ------------------------------------------------------------------ failing */

static void
fail_stop(struct log *log, const struct ky_error *err)
{
    if (atomic_exchange_explicit(&log->is_failed, true, memory_order_acq_rel)) {
        return;
    }
    ky_metric_set(&metric_failed, 1);
    atomic_store_explicit(&log->has_space, false, memory_order_relaxed);
    ky_log(ERROR, "log", "log cannot go on, waiting commits stay unanswered error=\"%s\"",
           err->message);
    log->options.on_fatal(log->options.arg, err);
}

static ky_status
sync_active(struct log *log, struct ky_error *err)
{
    if (log->options.is_sync_off) {
        return KY_OK;
    }
    int64_t start_ns = ky_monotonic_ns();
    KY_TRY(io_sync(log->active->file, err));
    int64_t end_ns = ky_monotonic_ns();
    int64_t took_ns = end_ns - start_ns;
    ky_metric_observe_ns(&metric_sync, took_ns);
    if (took_ns > LOG_SYNC_SHORT_NS) {
        log->rest_until_ns = end_ns + LOG_REST_SYNCS * took_ns;
    }
    return KY_OK;
}

/* Everything placed so far is on the device. */
static void
set_durable(struct log *log)
{
    ky_mutex_lock(&log->lock);
    log->durable = log->tail;
    ky_mutex_unlock(&log->lock);
    /* Last: who has seen it may rely on what the manifest takes from log->durable. */
    atomic_store_explicit(&log->durable_lsn, log->tail.lsn, memory_order_release);
}

/* ------------------------------------------------------------------ the next segment */

/* Takes a ready segment, waiting for the maker. NULL: there is none and none can be made. */
static struct segment *
take_segment(struct log *log)
{
    struct segment *segment = NULL;
    ky_mutex_lock(&log->lock);
    ky_cond_signal(&log->maker_wake);
    while (log->ready_count == 0 && !log->is_maker_failing && !log->is_maker_fatal) {
        ky_cond_wait(&log->segment_ready, &log->lock);
    }
    if (log->ready_count > 0) {
        segment = log->ready[0];
        log->ready_count--;
        for (uint32_t i = 0; i < log->ready_count; i++) {
            log->ready[i] = log->ready[i + 1];
        }
        log_update_space(log);
        ky_cond_signal(&log->maker_wake);
    }
    ky_mutex_unlock(&log->lock);
    return segment;
}

static ky_status
write_pad(struct log *log, struct ky_error *err)
{
    struct frame pad = {
        .flags = FRAME_PAD,
        .total_size = FRAME_HEADER_SIZE,
        .lsn = log->tail.lsn,
        .commit_time = log->last_commit_time,
        .epoch = log->epoch,
        .durable_lsn = atomic_load_explicit(&log->durable_lsn, memory_order_relaxed),
        .first_event = log->tail.next_event,
    };
    struct frame_sums sums = {
        .prev_sum = log->tail.last_sum,
        .payload_sum = frame_payload_sum(log->seed, NULL, 0),
    };
    uint8_t header[FRAME_HEADER_SIZE];
    frame_encode_header(header, &pad, sums);
    KY_TRY(io_write_bytes_at(log->active->file, log->active_offset, header, sizeof(header), err));
    return sync_active(log, err);
}

/* Goes on to the next segment. *moved_out false: there is none, which is no failure of the log. */
static ky_status
next_segment(struct log *log, bool *moved_out, struct ky_error *err)
{
    struct segment *next = take_segment(log);
    *moved_out = next != NULL;
    if (next == NULL) {
        return KY_OK;
    }
    if (log->active->size - log->active_offset >= FRAME_HEADER_SIZE) {
        KY_TRY(write_pad(log, err));
    }
    log->active = next;
    log->active_offset = SEGMENT_HEADER_SIZE;
    log->tail.lsn = segment_start(next);
    set_durable(log);
    return KY_OK;
}

/* ------------------------------------------------------------------ placing */

static void
refuse(struct log_batch *batch, struct log_entry *entry, const struct ky_error *err)
{
    struct ky_error *copy = malloc(sizeof(*copy));
    KY_ASSERT(copy != NULL);
    *copy = *err;
    batch->entries[batch->count] = entry;
    batch->errors[batch->count++] = copy;
}

/* Gives the entry its position and fills its header. It fits into the active segment. */
static void
place(struct log *log, struct log_batch *batch, struct log_entry *entry)
{
    log->last_commit_time = KY_MAX(log->last_commit_time, ky_wall_us());
    entry->lsn = log->tail.lsn;
    entry->first_event = log->tail.next_event;
    entry->commit_time = log->last_commit_time;
    struct frame frame = {
        .flags = entry->flags,
        .total_size = entry->size,
        .record_count = entry->record_count,
        .chunk_count = entry->chunk_count,
        .lsn = entry->lsn,
        .txid = entry->txid,
        .commit_time = entry->commit_time,
        .epoch = log->epoch,
        .durable_lsn = batch->durable_lsn,
        .first_event = entry->first_event,
        .event_count = entry->event_count,
    };
    struct frame_sums sums = {
        .prev_sum = log->tail.last_sum,
        .payload_sum = ky_load_le64(entry->frame + AT_PAYLOAD_SUM),
    };
    frame_encode_header(entry->frame, &frame, sums);

    struct segment *segment = log->active;
    if (atomic_load_explicit(&segment->first_event, memory_order_relaxed) == EVENT_UNKNOWN) {
        atomic_store_explicit(&segment->first_event, entry->first_event, memory_order_release);
    }
    if (entry->flags == FRAME_COMMIT) {
        if (entry->event_count > 0) {
            segment_index_add(segment, log->active_offset, entry->first_event);
        }
        log->tail.next_event += entry->event_count;
        batch->commit_count++;
    }
    if (entry->txid > atomic_load_explicit(&log->highest_txid, memory_order_relaxed)) {
        atomic_store_explicit(&log->highest_txid, entry->txid, memory_order_relaxed);
    }
    log->tail.last_sum = sums.payload_sum;
    log->tail.lsn += entry->size;
    log->active_offset += entry->size;

    batch->parts[batch->part_count++] =
        (struct iovec){.iov_base = entry->frame, .iov_len = entry->size};
    batch->size += entry->size;
    batch->entries[batch->count] = entry;
    batch->errors[batch->count++] = NULL;
}

static bool
is_mark(const struct log_entry *entry)
{
    return entry->size == 0;
}

/* Fills the batch from *pending; leaves there what does not go into it any more. */
static ky_status
gather(struct log *log, struct log_batch *batch, struct log_entry **pending, struct ky_error *err)
{
    while (*pending != NULL && batch->count < LOG_BATCH_ENTRIES_MAX &&
           batch->size < LOG_BATCH_SIZE_MAX) {
        struct log_entry *entry = *pending;
        struct ky_error refusal;
        if (is_mark(entry)) {
            *pending = entry->next;
            batch->entries[batch->count] = entry;
            batch->errors[batch->count++] = NULL;
            continue;
        }
        ky_error_init(&refusal);
        bool has_room = entry->size <= log->active->size - log->active_offset;
        if (entry->size > log_frame_size_max(log)) {
            *pending = entry->next;
            (void)ky_error_set(&refusal, KY_PROGRAM_LIMIT_EXCEEDED,
                               "log frame of %" PRIu32 " bytes is larger than %" PRIu32,
                               entry->size, log_frame_size_max(log));
            refuse(batch, entry, &refusal);
            continue;
        }
        if (!has_room && batch->part_count > 0) {
            return KY_OK;
        }
        if (!has_room) {
            KY_TRY(next_segment(log, &has_room, err));
            batch->start_offset = log->active_offset;
            batch->durable_lsn = atomic_load_explicit(&log->durable_lsn, memory_order_relaxed);
        }
        *pending = entry->next;
        entry->lsn = log->tail.lsn;
        if (!has_room) {
            (void)ky_error_set(&refusal, KY_DISK_FULL,
                               "could not extend log: No space left on device");
            refuse(batch, entry, &refusal);
        } else if (entry->admit != NULL && entry->admit(entry, &refusal) != KY_OK) {
            refuse(batch, entry, &refusal);
        } else {
            place(log, batch, entry);
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ answering */

static bool
is_accepted(const struct log_batch *batch, uint32_t place)
{
    return batch->errors[place] == NULL && !is_mark(batch->entries[place]);
}

/* Installs the entries from first on; lets those go on who wait for them. */
static void
install(struct log *log, const struct log_batch *batch, uint32_t first)
{
    for (uint32_t i = first; i < batch->count; i++) {
        struct log_entry *entry = batch->entries[i];
        if (is_accepted(batch, i) && entry->flags == FRAME_COMMIT && entry->install != NULL) {
            entry->install(entry);
        }
    }
    atomic_store_explicit(&log->installed_lsn, log->tail.lsn, memory_order_release);
    for (uint32_t i = first; i < batch->count; i++) {
        struct log_entry *entry = batch->entries[i];
        if (is_accepted(batch, i) && entry->placed != NULL) {
            entry->placed(entry);
        }
    }
}

/* Makes the entries [first, end) visible. */
static void
show(struct log *log, const struct log_batch *batch, uint32_t first, uint32_t end)
{
    lsn_t visible_lsn = 0;
    for (uint32_t i = first; i < end; i++) {
        if (is_accepted(batch, i)) {
            visible_lsn = batch->entries[i]->lsn + batch->entries[i]->size;
        }
    }
    if (visible_lsn != 0) {
        atomic_store_explicit(&log->visible_lsn, visible_lsn, memory_order_release);
    }
}

static void
answer(struct log_batch *batch, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        struct log_entry *entry = batch->entries[i];
        struct ky_error *err = batch->errors[i];
        if (entry->done != NULL) {
            entry->done(entry, err == NULL ? KY_OK : KY_ERR, err);
        }
        free(err);
        batch->errors[i] = NULL;
    }
}

/* How many entries at the front need not wait for the sync. */
static uint32_t
async_prefix(const struct log_batch *batch)
{
    uint32_t count = 0;
    while (count < batch->count &&
           (batch->entries[count]->is_async || batch->errors[count] != NULL)) {
        count++;
    }
    return count;
}

static uint64_t
value_of(const struct ky_metric *metric)
{
    return (uint64_t)atomic_load_explicit(&metric->value, memory_order_relaxed);
}

void
log_counts(struct log_counts *counts_out)
{
    *counts_out = (struct log_counts){
        .frames = value_of(&metric_frames),
        .bytes = value_of(&metric_bytes),
        .writes = value_of(&metric_groups),
        .sync_ns = atomic_load_explicit(&metric_sync.sum_ns, memory_order_relaxed),
    };
    for (int i = 0; i < KY_HISTOGRAM_BUCKETS; i++) {
        counts_out->syncs += atomic_load_explicit(&metric_sync.buckets[i], memory_order_relaxed);
    }
}

static void
count_batch(const struct log_batch *batch)
{
    ky_metric_add(&metric_groups, 1);
    ky_metric_add(&metric_frames, batch->part_count);
    ky_metric_add(&metric_commits, batch->commit_count);
    ky_metric_add(&metric_bytes, (int64_t)batch->size);
    ky_metric_set(&metric_group_size, batch->part_count);
}

static ky_status
commit_batch(struct log *log, struct log_batch *batch, struct ky_error *err)
{
    uint32_t answered = 0;
    if (batch->part_count > 0) {
        KY_TRY(io_write_at(log->active->file, batch->start_offset, batch->parts, batch->part_count,
                           err));
        atomic_store_explicit(&log->written_lsn, log->tail.lsn, memory_order_release);
        failpoint("log-written");
        install(log, batch, 0);
        failpoint("log-placed");
        answered = async_prefix(batch);
        show(log, batch, 0, answered);
        answer(batch, 0, answered);
        failpoint("log-shown");
        KY_TRY(sync_active(log, err));
        failpoint("log-synced");
        set_durable(log);
        count_batch(batch);
    }
    show(log, batch, answered, batch->count);
    if (batch->part_count > 0) {
        atomic_store_explicit(&log->next_event, log->tail.next_event, memory_order_release);
        if (log->options.on_visible != NULL) {
            log->options.on_visible(log->options.arg, log_visible_lsn(log), log->tail.next_event);
        }
    }
    answer(batch, answered, batch->count);
    return KY_OK;
}

/* ------------------------------------------------------------------ writing */

static ky_status
run_batch(struct log *log, struct log_entry **pending, struct ky_error *err)
{
    struct log_batch *batch = &log->batch;
    batch->count = batch->part_count = batch->commit_count = 0;
    batch->size = 0;
    batch->start_offset = log->active_offset;
    batch->durable_lsn = atomic_load_explicit(&log->durable_lsn, memory_order_relaxed);
    ky_status status = gather(log, batch, pending, err);
    if (status == KY_OK) {
        status = commit_batch(log, batch, err);
    }
    for (uint32_t i = 0; status != KY_OK && i < batch->count; i++) {
        free(batch->errors[i]);
    }
    return status;
}

/* ------------------------------------------------------------------ without the thread */

/* The log has nothing to do but this. Under write_lock. */
static bool
may_write_here(const struct log *log, const struct log_entry *entry)
{
    return atomic_load_explicit(&log->queue, memory_order_relaxed) == NULL &&
           !atomic_load_explicit(&log->is_failed, memory_order_relaxed) &&
           !atomic_load_explicit(&log->is_maker_fatal, memory_order_relaxed) &&
           entry->size <= log->active->size - log->active_offset &&
           ky_monotonic_ns() >= log->rest_until_ns;
}

/* Writes, syncs and answers the entry on this thread. False: the queue must take it. */
static bool
write_here(struct log *log, struct log_entry *entry)
{
    if (!ky_mutex_try_lock(&log->write_lock)) {
        return false;
    }
    bool is_mine = may_write_here(log, entry);
    if (is_mine) {
        struct ky_error err;
        entry->next = NULL;
        ky_metric_add(&metric_groups_by_committer, 1);
        if (run_batch(log, &entry, &err) != KY_OK) {
            fail_stop(log, &err);
        }
    }
    ky_mutex_unlock(&log->write_lock);
    return is_mine;
}

void
log_submit(struct log *log, struct log_entry *entry)
{
    KY_ASSERT(entry->size >= FRAME_HEADER_SIZE);
    KY_ASSERT(entry->size % 8 == 0);
    KY_ASSERT(entry->flags == FRAME_COMMIT || entry->flags == FRAME_CHUNK);
    uint64_t sum = frame_payload_sum(log->seed, entry->frame + FRAME_HEADER_SIZE,
                                     entry->size - (size_t)FRAME_HEADER_SIZE);
    ky_store_le64(entry->frame + AT_PAYLOAD_SUM, sum);

    if (!entry->may_sync_here || !write_here(log, entry)) {
        push(log, entry);
    }
}

/* ------------------------------------------------------------------ the thread */

/* Waits for entries. False: closing and nothing left, or (*status_out KY_ERR) the maker met what
 * ends the log. */
static bool
wait_for_entries(struct log *log, ky_status *status_out, struct ky_error *err)
{
    if (atomic_load_explicit(&log->queue, memory_order_relaxed) != NULL &&
        !atomic_load_explicit(&log->is_maker_fatal, memory_order_relaxed)) {
        return true;
    }
    ky_mutex_lock(&log->lock);
    atomic_store_explicit(&log->is_writer_asleep, true, memory_order_seq_cst);
    while (atomic_load_explicit(&log->queue, memory_order_seq_cst) == NULL && !log->is_closing &&
           !log->is_maker_fatal) {
        ky_cond_wait(&log->writer_wake, &log->lock);
    }
    atomic_store_explicit(&log->is_writer_asleep, false, memory_order_relaxed);
    bool is_fatal = log->is_maker_fatal;
    if (is_fatal) {
        *err = log->maker_error;
        *status_out = KY_ERR;
    }
    ky_mutex_unlock(&log->lock);
    return !is_fatal && atomic_load_explicit(&log->queue, memory_order_relaxed) != NULL;
}

/* Writes all that is queued. */
static ky_status
drain(struct log *log, struct ky_error *err)
{
    struct log_entry *pending = take_queue(log);
    while (pending != NULL && !atomic_load_explicit(&log->is_maker_fatal, memory_order_relaxed)) {
        KY_TRY(run_batch(log, &pending, err));
    }
    return KY_OK;
}

void *
log_writer_run(void *arg)
{
    struct log *log = arg;
    struct ky_error err = {0};
    ky_status status = KY_OK;
    while (status == KY_OK && wait_for_entries(log, &status, &err)) {
        ky_mutex_lock(&log->write_lock);
        if (atomic_load_explicit(&log->is_failed, memory_order_relaxed)) {
            status = KY_ERR; /* a committer's own write, which has told of it */
        } else {
            status = drain(log, &err);
        }
        ky_mutex_unlock(&log->write_lock);
    }
    if (status != KY_OK) {
        fail_stop(log, &err);
    }
    return NULL;
}
