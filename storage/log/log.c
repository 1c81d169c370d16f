/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/log/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/epoch.h"
#include "server/base/log.h"
#include "server/base/random.h"
#include "storage/log/log_private.h"

/*
 * Opening and closing. Recovery checks everything before it changes anything:
 *
 *   CURRENT -> manifest -> map segments -> scan and check all frames -> decide where the log ends
 *   -> settle the uncertain tail -> switch to a manifest of the new epoch -> apply -> start threads
 *
 * A crash before the switch leaves the old manifest, under which what was written since does not
 * exist; a crash after it leaves a log whose every frame is proven to be on the device.
 */

/* ------------------------------------------------------------------ the table of segments */

uint64_t
log_number(const struct log *log, lsn_t lsn)
{
    return log->segment_shift != 0 ? lsn >> log->segment_shift : lsn / log->options.segment_size;
}

struct segment *
log_segment(const struct log *log, uint64_t number)
{
    const struct segment_table *table = atomic_load_explicit(&log->table, memory_order_acquire);
    if (table == NULL || number < table->first || number - table->first >= table->capacity) {
        return NULL;
    }
    return atomic_load_explicit(&table->slots[number - table->first], memory_order_acquire);
}

struct segment *
log_segment_after(const struct log *log, uint64_t number)
{
    const struct segment_table *table = atomic_load_explicit(&log->table, memory_order_acquire);
    if (table == NULL) {
        return NULL;
    }
    uint64_t next = number < table->first ? table->first : number + 1;
    for (; next - table->first < table->capacity; next++) {
        struct segment *segment =
            atomic_load_explicit(&table->slots[next - table->first], memory_order_acquire);
        if (segment != NULL) {
            return segment;
        }
    }
    return NULL;
}

void
log_add_segment(struct log *log, struct segment *segment)
{
    struct segment_table *table = atomic_load_explicit(&log->table, memory_order_relaxed);
    if (table == NULL || segment->number - table->first >= table->capacity) {
        /* Segments that were dropped and released need no place in the larger one. */
        const struct segment *oldest = log_segment_after(log, 0);
        uint64_t first = oldest == NULL ? segment->number : oldest->number;
        uint64_t capacity = KY_MAX((segment->number - first + 1) * 2, (uint64_t)64);
        struct segment_table *larger =
            calloc(1, sizeof(*larger) + capacity * sizeof(larger->slots[0]));
        KY_ASSERT(larger != NULL);
        larger->first = first;
        larger->capacity = capacity;
        larger->previous = table;
        for (uint64_t i = 0; i < capacity; i++) {
            atomic_init(&larger->slots[i], log_segment(log, first + i));
        }
        atomic_store_explicit(&log->table, larger, memory_order_release);
        table = larger;
    }
    KY_ASSERT(segment->number >= table->first);
    atomic_store_explicit(&table->slots[segment->number - table->first], segment,
                          memory_order_release);
    log->last_number = KY_MAX(log->last_number, segment->number);
}

void
log_remove_segment(struct log *log, struct segment *segment)
{
    struct segment_table *table = atomic_load_explicit(&log->table, memory_order_relaxed);
    atomic_store_explicit(&table->slots[segment->number - table->first], NULL,
                          memory_order_release);
}

void
log_push_ready(struct log *log, struct segment *segment)
{
    if (log->ready_count == log->ready_capacity) {
        log->ready_capacity = log->ready_capacity * 2 + 8;
        log->ready = realloc(log->ready, log->ready_capacity * sizeof(struct segment *));
        KY_ASSERT(log->ready != NULL);
    }
    log->ready[log->ready_count++] = segment;
}

/* ------------------------------------------------------------------ opening */

static struct log *
log_new(const struct log_options *options)
{
    KY_ASSERT(options->segment_size >= 65536);
    KY_ASSERT(options->segment_size % 65536 == 0);
    KY_ASSERT(options->spare_segments >= 1);
    struct log *log = calloc(1, sizeof(*log));
    KY_ASSERT(log != NULL);
    log->options = *options;
    log->options.dir = strdup(options->dir);
    KY_ASSERT(log->options.dir != NULL);
    ky_mutex_init(&log->lock);
    ky_mutex_init(&log->manifest_lock);
    ky_mutex_init(&log->index_lock);
    ky_mutex_init(&log->write_lock);
    ky_cond_init(&log->writer_wake);
    ky_cond_init(&log->maker_wake);
    ky_cond_init(&log->segment_ready);
    return log;
}

static void
set_segment_size(struct log *log, uint64_t size)
{
    log->options.segment_size = size;
    log->segment_shift = (size & (size - 1)) == 0 ? (unsigned)__builtin_ctzll(size) : 0;
}

/* Takes over what the directory was made with; options may leave the system id zero. */
static ky_status
adopt_manifest(struct log *log, struct ky_error *err)
{
    static const uint8_t NONE[16] = {0};
    const struct manifest *manifest = &log->manifest;
    if (memcmp(log->options.system_id, NONE, 16) != 0 &&
        memcmp(log->options.system_id, manifest->system_id, 16) != 0) {
        return ky_error_set(err, KY_DATA_CORRUPTED,
                            "data directory \"%s\" belongs to another system", log->options.dir);
    }
    memcpy(log->options.system_id, manifest->system_id, 16);
    set_segment_size(log, manifest->segment_size);
    log->seed = frame_seed(log->options.system_id);
    log->epoch = manifest->epoch;
    atomic_store_explicit(&log->history_event, manifest->history_event, memory_order_relaxed);
    return KY_OK;
}

static ky_status
map_segments(struct log *log, struct ky_error *err)
{
    struct segment_identity identity = {.size = log->options.segment_size};
    memcpy(identity.system_id, log->options.system_id, 16);
    for (uint32_t i = 0; i < log->manifest.segment_count; i++) {
        const struct manifest_segment *listed = &log->manifest.segments[i];
        struct segment *segment = NULL;
        identity.number = listed->number;
        KY_TRY(segment_open(log->options.io, log->options.dir, &identity, &segment, err));
        segment->end_offset = listed->end_offset;
        atomic_init(&segment->first_event, listed->first_event);
        log_add_segment(log, segment);
    }
    return KY_OK;
}

static void
start_positions(struct log *log)
{
    atomic_store_explicit(&log->installed_lsn, log->tail.lsn, memory_order_release);
    atomic_store_explicit(&log->visible_lsn, log->tail.lsn, memory_order_release);
    atomic_store_explicit(&log->written_lsn, log->tail.lsn, memory_order_release);
    atomic_store_explicit(&log->durable_lsn, log->tail.lsn, memory_order_release);
    atomic_store_explicit(&log->next_event, log->tail.next_event, memory_order_release);
    log->durable = log->tail;
}

static ky_status
apply_from(struct log *log, lsn_t from, log_apply apply, void *arg, struct ky_error *err)
{
    struct frame frame;
    bool is_found = false;
    for (lsn_t at = from;; at = frame.lsn + frame.total_size) {
        KY_TRY(log_seek_frame(log, at, log->tail.lsn, &frame, &is_found, err));
        if (!is_found) {
            return KY_OK;
        }
        log->last_commit_time = KY_MAX(log->last_commit_time, frame.commit_time);
        if (frame.flags == FRAME_COMMIT && apply != NULL) {
            KY_TRY(apply(arg, &frame, err));
        }
    }
}

static ky_status
recover(struct log *log, lsn_t from, struct ky_error *err)
{
    KY_TRY(adopt_manifest(log, err));
    KY_TRY(map_segments(log, err));
    struct log_scan scan = {0};
    KY_TRY(log_scan(log, from, &scan, err));
    atomic_store_explicit(&log->highest_txid, KY_MAX(scan.highest_txid, log->manifest.highest_txid),
                          memory_order_relaxed);
    return log_settle(log, &scan, err);
}

static ky_status
prepare(struct log *log, lsn_t from, log_apply apply, void *apply_arg, struct ky_error *err)
{
    bool exists = false;
    KY_TRY(manifest_read(log->options.io, log->options.dir, &exists, &log->manifest,
                         &log->manifest_crc, err));
    if (exists) {
        KY_TRY(recover(log, from, err));
    } else {
        static const uint8_t NONE[16] = {0};
        if (memcmp(log->options.system_id, NONE, 16) == 0) {
            ky_random_bytes(log->options.system_id, 16);
        }
        set_segment_size(log, log->options.segment_size);
        log->seed = frame_seed(log->options.system_id);
        KY_TRY(log_create(log, err));
    }
    start_positions(log);
    KY_TRY(apply_from(log, from, apply, apply_arg, err));
    ky_log(INFO, "log", "log opened end=%" PRIu64 " epoch=%" PRIu32 " next_event=%" PRIu64,
           log->tail.lsn, log->epoch, log->tail.next_event);
    return KY_OK;
}

ky_status
log_open(const struct log_options *options, lsn_t from, log_apply apply, void *apply_arg,
         struct log **log_out, struct ky_error *err)
{
    struct log *log = log_new(options);
    if (prepare(log, from, apply, apply_arg, err) != KY_OK) {
        log_free(log);
        return KY_ERR;
    }
    atomic_store_explicit(&log->has_space, true, memory_order_relaxed);
    ky_mutex_lock(&log->lock);
    log_update_space(log); /* its metrics, before the first spare is there */
    ky_mutex_unlock(&log->lock);
    ky_thread_start(&log->writer, "log writer", log_writer_run, log);
    ky_thread_start(&log->maker, "log segments", log_maker_run, log);
    *log_out = log;
    return KY_OK;
}

void
log_free(struct log *log)
{
    struct segment_table *table = atomic_load_explicit(&log->table, memory_order_relaxed);
    for (uint64_t i = 0; table != NULL && i < table->capacity; i++) {
        segment_free(atomic_load_explicit(&table->slots[i], memory_order_relaxed));
    }
    while (table != NULL) {
        struct segment_table *previous = table->previous;
        free(table);
        table = previous;
    }
    manifest_deinit(&log->manifest);
    free(log->ready);
    ky_cond_deinit(&log->segment_ready);
    ky_cond_deinit(&log->maker_wake);
    ky_cond_deinit(&log->writer_wake);
    ky_mutex_deinit(&log->write_lock);
    ky_mutex_deinit(&log->index_lock);
    ky_mutex_deinit(&log->manifest_lock);
    ky_mutex_deinit(&log->lock);
    union {
        const char *from;
        void *to;
    } dir = {.from = log->options.dir};
    free(dir.to);
    free(log);
}

/* A manifest that knows the end of the log: the next start has no uncertain tail to move. */
static void
write_closing_manifest(struct log *log)
{
    struct ky_error err = {0};
    bool is_unknown = false;
    ky_mutex_lock(&log->manifest_lock);
    ky_status status = log_switch_manifest(log, &log->tail, &is_unknown, &err);
    ky_mutex_unlock(&log->manifest_lock);
    if (status != KY_OK) {
        ky_log(WARN, "log", "closing manifest not written error=\"%s\"", err.message);
    }
}

void
log_close(struct log *log)
{
    if (log == NULL) {
        return;
    }
    ky_mutex_lock(&log->lock);
    log->is_closing = true;
    ky_cond_broadcast(&log->writer_wake);
    ky_cond_broadcast(&log->segment_ready);
    ky_mutex_unlock(&log->lock);
    ky_thread_join(&log->writer);
    /* The maker runs on while the writer may wait for a segment. */
    ky_mutex_lock(&log->lock);
    log->is_writer_done = true;
    ky_cond_broadcast(&log->maker_wake);
    ky_mutex_unlock(&log->lock);
    ky_thread_join(&log->maker);
    if (!atomic_load_explicit(&log->is_failed, memory_order_acquire)) {
        write_closing_manifest(log);
    }
    log_free(log);
}

/* ------------------------------------------------------------------ the manifest */

static void
list_segments(struct log *log, struct manifest *manifest)
{
    uint32_t count = 0;
    for (struct segment *s = log_segment_after(log, 0); s != NULL;
         s = log_segment_after(log, s->number)) {
        count += !atomic_load_explicit(&s->is_dropped, memory_order_relaxed);
    }
    manifest->segments = calloc(count, sizeof(*manifest->segments));
    KY_ASSERT(manifest->segments != NULL);
    /* Only the maker and recovery add segments, and both are under manifest_lock or alone. */
    for (struct segment *s = log_segment_after(log, 0);
         s != NULL && manifest->segment_count < count; s = log_segment_after(log, s->number)) {
        if (atomic_load_explicit(&s->is_dropped, memory_order_relaxed)) {
            continue;
        }
        manifest->segments[manifest->segment_count++] = (struct manifest_segment){
            .number = s->number,
            .end_offset = s->end_offset,
            .first_event = atomic_load_explicit(&s->first_event, memory_order_acquire),
            .epoch = s->epoch,
        };
    }
}

/* The manifest to write next; segments are its own, files are those of the one in force. */
static struct manifest
next_manifest(struct log *log, const struct log_tail *durable) KY_REQUIRES(log->manifest_lock)
{
    struct manifest manifest = log->manifest;
    manifest.generation++;
    manifest.prev_crc = log->manifest_crc;
    manifest.epoch = log->epoch;
    manifest.segment_size = log->options.segment_size;
    memcpy(manifest.system_id, log->options.system_id, 16);
    manifest.durable_lsn = durable->lsn;
    manifest.next_event = durable->next_event;
    manifest.last_sum = durable->last_sum;
    manifest.highest_txid = atomic_load_explicit(&log->highest_txid, memory_order_relaxed);
    manifest.created_us = ky_wall_us();
    manifest.segments = NULL;
    manifest.segment_count = 0;
    list_segments(log, &manifest);
    return manifest;
}

void
log_manifest_hold(struct log *log, struct manifest *manifest_out) KY_NO_THREAD_SAFETY_ANALYSIS
{
    ky_mutex_lock(&log->manifest_lock);
    ky_mutex_lock(&log->lock);
    struct log_tail durable = log->durable;
    ky_mutex_unlock(&log->lock);
    *manifest_out = next_manifest(log, &durable);
    size_t size = (size_t)manifest_out->file_count * sizeof(*manifest_out->files);
    struct log_file *files = size == 0 ? NULL : malloc(size);
    KY_ASSERT(size == 0 || files != NULL);
    if (size > 0) {
        memcpy(files, manifest_out->files, size);
    }
    manifest_out->files = files;
}

void
log_manifest_release(struct log *log) KY_NO_THREAD_SAFETY_ANALYSIS
{
    ky_mutex_unlock(&log->manifest_lock);
}

ky_status
log_switch_manifest(struct log *log, const struct log_tail *durable, bool *is_unknown_out,
                    struct ky_error *err)
{
    struct manifest manifest = next_manifest(log, durable);
    uint32_t crc = 0;
    if (manifest_install(log->options.io, log->options.dir, &manifest, &crc, is_unknown_out, err) !=
        KY_OK) {
        free(manifest.segments);
        return KY_ERR;
    }
    /* The files go over from the old one to the new one. */
    free(log->manifest.segments);
    log->manifest = manifest;
    log->manifest_crc = crc;
    return KY_OK;
}

/* The manifest's files with the change made; owned by the caller. */
static struct log_file *
changed_files(const struct manifest *manifest, const struct log_change *change, uint32_t *count_out)
{
    uint32_t count = 0;
    size_t size = ((size_t)manifest->file_count + change->add_count + 1) * sizeof(struct log_file);
    struct log_file *files = malloc(size);
    KY_ASSERT(files != NULL);
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        if (change->removes == NULL || !change->removes(change->arg, &manifest->files[i])) {
            files[count++] = manifest->files[i];
        }
    }
    for (uint32_t i = 0; i < change->add_count; i++) {
        files[count++] = change->add[i];
    }
    *count_out = count;
    return files;
}

static void
set_checkpoint(struct manifest *manifest, lsn_t lsn, const char *name)
{
    KY_ASSERT(strlen(name) < sizeof(manifest->checkpoint_name));
    manifest->checkpoint_lsn = lsn;
    memset(manifest->checkpoint_name, 0, sizeof(manifest->checkpoint_name));
    memcpy(manifest->checkpoint_name, name, strlen(name));
}

/* Marks, or after a failure unmarks, the segments that a change drops. */
static void
mark_dropped(struct log *log, lsn_t from, lsn_t keep_from, bool is_dropped)
    KY_REQUIRES(log->manifest_lock)
{
    for (struct segment *s = log_segment_after(log, 0);
         s != NULL && (s->number + 1) * s->size <= keep_from;
         s = log_segment_after(log, s->number)) {
        if (s->number * s->size >= from) {
            atomic_store_explicit(&s->is_dropped, is_dropped, memory_order_release);
        }
    }
}

/* Makes the change in log->manifest and switches; puts it back when that fails. */
static ky_status
install_locked(struct log *log, const struct log_change *change, bool *is_unknown_out,
               struct ky_error *err) KY_REQUIRES(log->manifest_lock)
{
    ky_mutex_lock(&log->lock);
    struct log_tail durable = log->durable;
    ky_mutex_unlock(&log->lock);
    if (atomic_load_explicit(&log->is_failed, memory_order_acquire)) {
        return ky_error_set(err, KY_IO_ERROR, "could not switch the manifest: the log has failed");
    }
    if (change->checkpoint_name != NULL && change->checkpoint_lsn > durable.lsn) {
        return ky_error_set(err, KY_IO_ERROR,
                            "could not install checkpoint: position %" PRIu64 " is not durable yet",
                            change->checkpoint_lsn);
    }
    uint32_t file_count = 0;
    struct log_file *files = changed_files(&log->manifest, change, &file_count);
    if (file_count > MANIFEST_FILES_MAX) {
        free(files);
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "cannot have more than %d files in a manifest", MANIFEST_FILES_MAX);
    }
    lsn_t first_lsn = log_first_lsn(log);
    mark_dropped(log, first_lsn, change->keep_from, true);
    struct manifest old = log->manifest;
    log->manifest.files = files;
    log->manifest.file_count = file_count;
    log->manifest.history_event = KY_MAX(old.history_event, change->history_event);
    if (change->checkpoint_name != NULL) {
        set_checkpoint(&log->manifest, change->checkpoint_lsn, change->checkpoint_name);
    }
    if (log_switch_manifest(log, &durable, is_unknown_out, err) != KY_OK) {
        free(log->manifest.files);
        log->manifest = old;
        mark_dropped(log, first_lsn, change->keep_from, false);
        return KY_ERR;
    }
    free(old.files);
    atomic_store_explicit(&log->history_event, log->manifest.history_event, memory_order_release);
    return KY_OK;
}

ky_status
log_install(struct log *log, const struct log_change *change, struct ky_error *err)
{
    bool is_unknown = false;
    ky_mutex_lock(&log->manifest_lock);
    ky_status status = install_locked(log, change, &is_unknown, err);
    ky_mutex_unlock(&log->manifest_lock);
    if (is_unknown) {
        log_fail_from_maker(log, err);
    }
    return status;
}

/* ------------------------------------------------------------------ dropping segments */

bool
log_segment_info(const struct log *log, lsn_t above, struct log_segment_info *info_out)
{
    /* The segment that holds `above` ends above it, unless there is none. */
    uint64_t number = log_number(log, above);
    struct segment *segment = log_segment(log, number);
    if (segment == NULL) {
        segment = log_segment_after(log, number);
    }
    if (segment == NULL) {
        return false;
    }
    *info_out = (struct log_segment_info){
        .number = segment->number,
        .start = segment_start(segment),
        .end = (segment->number + 1) * segment->size,
        .size = segment->size,
        .is_dropped = atomic_load_explicit(&segment->is_dropped, memory_order_acquire),
        .first_event = atomic_load_explicit(&segment->first_event, memory_order_acquire),
        .segment = segment,
    };
    return true;
}

ky_status
log_unlink_segment(struct log *log, const struct log_segment_info *info, struct ky_error *err)
{
    char *path = segment_path(log->options.dir, info->number, info->size);
    ky_status status = io_unlink(log->options.io, path, err);
    free(path);
    return status;
}

void
log_release_segment(struct log *log, const struct log_segment_info *info)
{
    struct segment *segment = log_segment(log, info->number);
    KY_ASSERT(segment != NULL && atomic_load_explicit(&segment->is_dropped, memory_order_relaxed));
    /* The maker may be replacing the table. */
    ky_mutex_lock(&log->manifest_lock);
    log_remove_segment(log, segment);
    ky_mutex_unlock(&log->manifest_lock);
    ky_epoch_wait();
    segment_free(segment);
}

void
log_fail_from_maker(struct log *log, const struct ky_error *err)
{
    ky_mutex_lock(&log->lock);
    if (!log->is_maker_fatal) {
        log->is_maker_fatal = true;
        log->maker_error = *err;
    }
    ky_cond_broadcast(&log->writer_wake);
    ky_cond_broadcast(&log->segment_ready);
    ky_mutex_unlock(&log->lock);
}
