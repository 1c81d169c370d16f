/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/epoch.h"
#include "server/base/failpoint.h"
#include "server/base/log.h"
#include "storage/compact/compact_private.h"

/*
 * One job of compaction, and why a crash between any two steps loses nothing:
 *
 *   1  gather    which versions in the sources can be seen from now on
 *   2  write     them into new base files, sorted; synced           a crash leaves strays
 *   3  list      the new files in the manifest                      ... files without a live row
 *   4  relocate  slots of the directory, old place -> new place     ... the same: slots are memory
 *   5  checkpoint  the directory; now nothing on disk names an old place
 *   6  wait      until every commit that made a version needless is durable
 *   7  drop      the sources from the manifest                      the old files become strays
 *   8  retire    unlink; unmap when no snapshot looks at them any more
 *
 * A version that moved on between 1 and 4 is not found at its old place and is left alone; its copy
 * is dead. Step 5 is left out when nothing moved: a place in the last checkpoint that nobody has
 * now is overwritten by recovery before anyone reads it. A failure at any step leaves the sources
 * listed; what is in the new files counts, and the next job finishes the work.
 */
enum {
    DURABLE_WAIT_MS = 10000,
    BASE_FILE_SEGMENTS = 4, /* a base file is about so many segments long */
};

static int
compare_entries(const void *a, const void *b)
{
    const struct compact_entry *x = a;
    const struct compact_entry *y = b;
    if (x->rel != y->rel) {
        return x->rel < y->rel ? -1 : 1;
    }
    if (x->row_id != y->row_id) {
        return x->row_id < y->row_id ? -1 : 1;
    }
    return x->commit_lsn < y->commit_lsn ? -1 : x->commit_lsn > y->commit_lsn;
}

ky_status
job_check(const struct job *job, struct ky_error *err)
{
    if (atomic_load_explicit(&job->compactor->is_stopping, memory_order_relaxed)) {
        return ky_error_set(err, KY_ADMIN_SHUTDOWN, "compaction was ended by shutdown");
    }
    if (job->cancel != NULL && atomic_load_explicit(job->cancel, memory_order_relaxed) != 0) {
        return ky_error_set(err, KY_QUERY_CANCELED, "canceling statement due to user request");
    }
    return KY_OK;
}

/* Called by the writer of a base file: keeps to the rate, and ends early when asked to. */
static ky_status
pace(void *arg, uint64_t bytes, struct ky_error *err)
{
    struct job *job = arg;
    job->result.bytes_written += bytes;
    if (job->rate > 0) {
        int64_t now_ns = ky_monotonic_ns();
        int64_t cost_ns = (int64_t)((double)bytes * 1e9 / (double)job->rate);
        job->pace_ns = KY_MAX(job->pace_ns, now_ns) + cost_ns;
        int64_t wait_ns = job->pace_ns - now_ns;
        const struct timespec pause = {.tv_sec = wait_ns / 1000000000,
                                       .tv_nsec = wait_ns % 1000000000};
        (void)nanosleep(&pause, NULL);
    }
    return job_check(job, err);
}

/* ------------------------------------------------------------------ writing */

/* The version's bytes, checked: damage must not be copied under a fresh checksum. */
static ky_status
read_version(const struct job *job, const struct compact_entry *entry,
             struct base_record *record_out, struct ky_error *err)
{
    const struct storage *storage = job->storage;
    if (location_is_base(entry->location)) {
        size_t size = 0;
        const struct base_file *file =
            base_set_find(&storage->base, location_base_id(entry->location));
        uint64_t offset = location_base_offset(entry->location);
        return base_record_decode(ky_slice(file->bytes + offset, file->index_offset - offset), true,
                                  record_out, &size, err);
    }
    struct log_segment_info info;
    const uint8_t *at = log_at(storage->log, entry->location);
    if (at == NULL || !log_segment_info(storage->log, entry->location, &info)) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "the log has no position %" PRIu64,
                            entry->location);
    }
    struct record record;
    KY_TRY(record_decode(ky_slice(at, info.end - entry->location), true, &record, err));
    *record_out = (struct base_record){
        .rel = record.rel,
        .row_id = record.row_id,
        .commit_lsn = entry->commit_lsn,
        .body = record.body,
    };
    const struct version version = {.commit_lsn = entry->commit_lsn, .location = entry->location};
    record_out->is_event = storage_event_of(storage, &version, &record_out->event);
    return KY_OK;
}

static ky_status
write_version(struct job *job, struct base_writer *writer, struct compact_entry *entry,
              lsn_t *location_out, struct ky_error *err)
{
    struct base_record record;
    if (read_version(job, entry, &record, err) != KY_OK) {
        return ky_error_detail(err, "Relation %u, row %" PRIu64 ", place %" PRIx64 ".", entry->rel,
                               entry->row_id, entry->location);
    }
    if (record.rel != entry->rel || record.row_id != entry->row_id ||
        record.commit_lsn != entry->commit_lsn) {
        return ky_error_set(err, KY_DATA_CORRUPTED,
                            "relation %u has another row at the place of row %" PRIu64, entry->rel,
                            entry->row_id);
    }
    job->result.bytes_moved += base_record_size(&record);
    return base_writer_add(writer, &record, location_out, err);
}

/* The next base file: entries from *next on, until it is long enough. places get the new places. */
static ky_status
write_file(struct job *job, uint32_t *next, lsn_t *places, struct base_file **file_out,
           struct ky_error *err)
{
    struct storage *storage = job->storage;
    struct base_writer writer = {.io = storage->io, .dir = storage->dir, .pace = pace, .arg = job};
    log_system_id(storage->log, writer.identity.system_id);
    writer.identity.id = storage->base.next_id++;
    uint64_t size_max = storage->options.segment_size * BASE_FILE_SEGMENTS;
    ky_status status = base_writer_begin(&writer, err);
    while (status == KY_OK && *next < job->entry_count && base_writer_size(&writer) < size_max) {
        status = write_version(job, &writer, &job->entries[*next], &places[*next], err);
        *next += 1;
    }
    if (status == KY_OK) {
        status = base_writer_finish(&writer, file_out, err);
    }
    if (status != KY_OK) {
        base_writer_abandon(&writer);
    }
    return status;
}

/* Makes the file one that the manifest lists and that places may point into. */
static ky_status
adopt_file(struct job *job, struct base_file *file, struct ky_error *err)
{
    struct log_file listed;
    base_describe(file, &listed);
    const struct log_change change = {.add = &listed, .add_count = 1};
    if (log_install(job->storage->log, &change, err) != KY_OK) {
        struct ky_error ignored;
        ky_error_init(&ignored);
        if (!log_has_failed(job->storage->log)) {
            ky_status removed = io_unlink(file->io, file->file->path, &ignored);
            (void)removed;
        }
        base_file_free(file);
        return KY_ERR;
    }
    file->live_count = file->record_count;
    base_set_add(&job->storage->base, file);
    job->result.files_written++;
    return KY_OK;
}

/* ------------------------------------------------------------------ relocating */

static void
relocate_some(struct job *job, uint32_t from, uint32_t to, const lsn_t *places)
{
    struct relation *relation = directory_find(&job->storage->directory, job->entries[from].rel);
    if (relation == NULL) {
        return;
    }
    ky_mutex_lock(&relation->lock);
    for (uint32_t i = from; i < to; i++) {
        const struct compact_entry *entry = &job->entries[i];
        if (relation_relocate(relation, entry->row_id, entry->location, places[i])) {
            job->result.rows_moved++;
        }
    }
    /* A checkpoint that copied a slot before it changed is at or below this. */
    atomic_thread_fence(memory_order_seq_cst);
    lsn_t visible = log_visible_lsn(job->storage->log);
    for (uint32_t i = from; i < to; i++) {
        relation_note_moved(relation, job->entries[i].row_id, visible);
    }
    ky_mutex_unlock(&relation->lock);
}

static void
relocate(struct job *job, uint32_t from, uint32_t end, const lsn_t *places)
{
    while (from < end) {
        uint32_t to = from + 1;
        while (to < end && to - from < RELOCATE_BATCH &&
               job->entries[to].rel == job->entries[from].rel) {
            to++;
        }
        ky_epoch_enter();
        relocate_some(job, from, to, places);
        ky_epoch_leave();
        from = to;
        atomic_store_explicit(&job->compactor->rows_moved, job->result.rows_moved,
                              memory_order_relaxed);
    }
    /* Release: a checkpoint that reads the number sees the new places. */
    uint64_t number =
        atomic_fetch_add_explicit(&job->storage->relocations, 1, memory_order_acq_rel) + 1;
    for (uint32_t i = 0; i < job->segment_count; i++) {
        job->segments[i].segment->moved_seq = number;
    }
    for (uint32_t i = 0; i < job->file_count; i++) {
        job->files[i]->moved_seq = number;
    }
}

/* Steps 2 to 4 for the entries gathered so far, file by file. */
static ky_status
flush(struct job *job, struct ky_error *err)
{
    struct compactor *compactor = job->compactor;
    atomic_store_explicit(&compactor->phase, COMPACT_WRITING, memory_order_relaxed);
    atomic_fetch_add_explicit(&compactor->rows_to_move, job->entry_count, memory_order_relaxed);
    qsort(job->entries, job->entry_count, sizeof(*job->entries), compare_entries);
    lsn_t *places = ky_malloc(job->entry_count * sizeof(*places));
    ky_status status = KY_OK;
    for (uint32_t next = 0; status == KY_OK && next < job->entry_count;) {
        uint32_t first = next;
        struct base_file *file = NULL;
        status = write_file(job, &next, places, &file, err);
        if (status == KY_OK) {
            failpoint("compact-written");
            status = adopt_file(job, file, err);
        }
        if (status == KY_OK) {
            failpoint("compact-listed");
            relocate(job, first, next, places);
            failpoint("compact-relocated");
        }
    }
    ky_free(places);
    job->entry_count = 0;
    atomic_store_explicit(&compactor->phase, COMPACT_SCANNING, memory_order_relaxed);
    return status;
}

/* ------------------------------------------------------------------ dropping */

static ky_status
checkpoint_if_moved(struct job *job, struct ky_error *err)
{
    struct storage *storage = job->storage;
    uint64_t moved = 0;
    for (uint32_t i = 0; i < job->segment_count; i++) {
        moved = KY_MAX(moved, job->segments[i].segment->moved_seq);
    }
    for (uint32_t i = 0; i < job->file_count; i++) {
        moved = KY_MAX(moved, job->files[i]->moved_seq);
    }
    if (moved <= atomic_load_explicit(&storage->checkpoint_relocations, memory_order_acquire)) {
        return KY_OK;
    }
    lsn_t lsn = 0;
    return storage_checkpoint(storage, &lsn, err);
}

static ky_status
wait_durable(const struct job *job, lsn_t lsn, struct ky_error *err)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int waited_ms = 0; waited_ms < DURABLE_WAIT_MS; waited_ms++) {
        if (log_durable_lsn(job->storage->log) >= lsn) {
            return KY_OK;
        }
        (void)nanosleep(&pause, NULL);
    }
    return ky_error_set(err, KY_IO_ERROR,
                        "could not compact: position %" PRIu64 " is not durable yet", lsn);
}

static bool
is_source(void *arg, const struct log_file *file)
{
    const struct job *job = arg;
    for (uint32_t i = 0; i < job->file_count; i++) {
        if (file->kind == LOG_FILE_BASE && file->info[0] == job->files[i]->id) {
            return true;
        }
    }
    return false;
}

/* Steps 5 to 8. */
static ky_status
drop_sources(struct job *job, struct ky_error *err)
{
    struct compactor *compactor = job->compactor;
    struct log *log = job->storage->log;
    atomic_store_explicit(&compactor->phase, COMPACT_INSTALLING, memory_order_relaxed);
    lsn_t visible = log_visible_lsn(log);
    KY_TRY(checkpoint_if_moved(job, err));
    KY_TRY(wait_durable(job, visible, err));
    failpoint("compact-saved");
    struct log_change change = {.removes = is_source, .arg = job};
    if (job->segment_count > 0) {
        change.keep_from = job->segments[job->segment_count - 1].end;
        change.history_event = job->history_event;
    }
    KY_TRY(log_install(log, &change, err));
    failpoint("compact-dropped");
    for (uint32_t i = 0; i < job->segment_count; i++) {
        job->result.segments_dropped++;
        job->result.bytes_freed += job->segments[i].size;
        retire_segment(compactor, &job->segments[i]);
    }
    for (uint32_t i = 0; i < job->file_count; i++) {
        job->result.files_removed++;
        job->result.bytes_freed += job->files[i]->size;
        retire_file(compactor, job->files[i]);
    }
    failpoint("compact-unlinked");
    retire_poll(compactor);
    return KY_OK;
}

/* ------------------------------------------------------------------ the whole */

/* A checkpoint that lags behind what retention lets go is made anew first. */
static ky_status
choose_segments(struct job *job, bool *is_more_out, struct ky_error *err)
{
    struct compactor *compactor = job->compactor;
    struct storage *storage = job->storage;
    struct compact_floor wanted = compact_retention_floor(compactor);
    lsn_t recovery = atomic_load_explicit(&storage->recovery_floor, memory_order_acquire);
    if (compact_log_bytes_below(compactor, wanted.lsn) >
        compact_log_bytes_below(compactor, recovery)) {
        lsn_t lsn = 0;
        KY_TRY(storage_checkpoint(storage, &lsn, err));
    }
    struct compact_floor floor;
    KY_TRY(compact_floor(compactor, &floor, err));
    job->history_event = floor.history_event == UINT64_MAX ? 0 : floor.history_event;
    struct log_segment_info info;
    for (lsn_t at = log_first_lsn(storage->log);
         log_segment_info(storage->log, at, &info) && info.end <= floor.lsn; at = info.end) {
        if (job->segment_count == job->segments_max) {
            *is_more_out = true;
            break;
        }
        if (!info.is_dropped) {
            job->segments[job->segment_count++] = info;
        }
    }
    return KY_OK;
}

static ky_status
run_job(struct job *job, enum compact_depth depth, bool *is_more_out, struct ky_error *err)
{
    struct compactor *compactor = job->compactor;
    KY_TRY(choose_segments(job, is_more_out, err));
    compact_survey(compactor);
    compact_choose_files(job, depth);
    if (job->segment_count + job->file_count == 0) {
        return KY_OK;
    }
    atomic_store_explicit(&compactor->sources_total, job->segment_count + job->file_count,
                          memory_order_relaxed);
    storage_snapshots(job->storage, &job->snapshots);
    char *dir = io_path(job->storage->dir, "base");
    ky_status status = io_make_dir(job->storage->io, dir, err);
    free(dir);
    if (status == KY_OK) {
        status = io_sync_dir(job->storage->io, job->storage->dir, err);
    }
    if (status == KY_OK) {
        status = compact_gather(job, flush, err);
    }
    return status == KY_OK ? drop_sources(job, err) : status;
}

static void
add_result(struct compact_result *sum, const struct compact_result *more)
{
    sum->segments_dropped += more->segments_dropped;
    sum->files_removed += more->files_removed;
    sum->files_written += more->files_written;
    sum->rows_moved += more->rows_moved;
    sum->bytes_moved += more->bytes_moved;
    sum->bytes_freed += more->bytes_freed;
    sum->bytes_written += more->bytes_written;
}

ky_status
compact_job(struct compactor *compactor, const struct job_options *options,
            struct compact_result *result, bool *is_more_out, struct ky_error *err)
{
    struct job job = {
        .compactor = compactor,
        .storage = compactor->storage,
        .rate = options->rate,
        .cancel = options->cancel,
        .segments_max = options->segments_max == 0 ? JOB_SEGMENTS_MAX : options->segments_max,
    };
    atomic_store_explicit(&compactor->phase, COMPACT_SCANNING, memory_order_relaxed);
    atomic_store_explicit(&compactor->sources_scanned, 0, memory_order_relaxed);
    atomic_store_explicit(&compactor->sources_total, 0, memory_order_relaxed);
    atomic_store_explicit(&compactor->rows_to_move, 0, memory_order_relaxed);
    atomic_store_explicit(&compactor->rows_moved, 0, memory_order_relaxed);
    *is_more_out = false;
    retire_poll(compactor);
    ky_status status = run_job(&job, options->depth, is_more_out, err);
    free(job.snapshots.singles);
    ky_free(job.entries);
    atomic_store_explicit(&compactor->phase, COMPACT_IDLE, memory_order_relaxed);
    ky_mutex_lock(&compactor->total_lock);
    add_result(&compactor->total, &job.result);
    ky_mutex_unlock(&compactor->total_lock);
    add_result(result, &job.result);
    return status;
}
