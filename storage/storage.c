/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/storage.h"

#include <inttypes.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "server/base/failpoint.h"
#include "server/base/log.h"
#include "server/base/metric.h"
#include "server/base/random.h"
#include "storage/compact/compact_private.h"
#include "storage/storage_private.h"

/*
 * Opening and closing. Order of opening: lock the directory, read the manifest, map the base files,
 * load the checkpoint into the row directory, open the log (which checks and settles its tail),
 * replay what was committed since the checkpoint, start the janitor. Nothing here changes the disk
 * but the log's own settling, so being killed at any point and starting again finds the same state.
 */
enum {
    SEGMENT_SIZE_DEFAULT = 64 * 1024 * 1024,
    CHUNK_SIZE_DEFAULT = 4 * 1024 * 1024,
    CHUNK_SIZE_MIN = 4096,
    CHUNK_SIZE_MAX = 8 * 1024 * 1024,
    SEGMENT_OVERHEAD = 16384, /* of a segment, not for one record */
    SPARE_SEGMENTS = 1,
};

static void
on_log_fatal(void *arg, const struct ky_error *err)
{
    struct storage *storage = arg;
    ky_log(ERROR, "storage", "log failed error=\"%s\"", err->message);
    if (storage->options.on_fatal == NULL) {
        abort();
    }
    storage->options.on_fatal(storage->options.arg, err);
}

static void
on_log_visible(void *arg, lsn_t visible_lsn, event_offset_t next_event)
{
    struct storage *storage = arg;
    (void)visible_lsn;
    (void)next_event;
    if (storage->options.on_visible != NULL) {
        storage->options.on_visible(storage->options.arg);
    }
}

static void
collect_metrics(void *arg, struct ky_buffer *out)
{
    const struct storage *storage = arg;
    lsn_t visible = storage_visible_lsn(storage);
    lsn_t horizon = storage_horizon(storage);
    ky_metric_write_family(out, "kyrodb_oldest_snapshot_lag_bytes", "gauge",
                           "Bytes of log that the oldest snapshot in use does not see.");
    ky_metric_write_sample(out, "kyrodb_oldest_snapshot_lag_bytes", NULL,
                           (double)(visible - KY_MIN(horizon, visible)));
    ky_metric_write_family(out, "kyrodb_visible_lsn_bytes", "gauge",
                           "Position in the log that a new snapshot sees.");
    ky_metric_write_sample(out, "kyrodb_visible_lsn_bytes", NULL, (double)visible);
}

/* A frame lies in one segment: what goes into one frame follows from the segment size. */
static void
set_limits(struct storage *storage, uint64_t chunk_size)
{
    uint64_t segment_size = storage->options.segment_size;
    chunk_size = chunk_size != 0 ? chunk_size : CHUNK_SIZE_DEFAULT;
    chunk_size = KY_MIN(chunk_size, KY_MIN((uint64_t)CHUNK_SIZE_MAX, segment_size / 4));
    storage->options.chunk_size = ky_align_up(KY_MAX(chunk_size, (uint64_t)CHUNK_SIZE_MIN), 8);
    storage->body_size_max =
        KY_MIN((uint64_t)RECORD_BODY_SIZE_MAX, segment_size - SEGMENT_OVERHEAD);
}

/* An existing directory keeps the segment size it was made with. */
static void
adopt_segment_size(struct storage *storage, const struct log_manifest_info *manifest)
{
    if (manifest->exists) {
        storage->options.segment_size = manifest->segment_size;
        set_limits(storage, storage->options.chunk_size);
    }
}

static struct storage *
storage_new(const struct storage_options *options)
{
    void *memory = NULL;
    int failed = posix_memalign(&memory, _Alignof(struct storage), sizeof(struct storage));
    KY_ASSERT(failed == 0);
    struct storage *storage = memory;
    memset(storage, 0, sizeof(*storage));
    storage->options = *options;
    storage->dir = ky_strdup(options->dir);
    storage->options.dir = storage->dir;
    storage->io = options->io != NULL ? options->io : io_disk();
    if (storage->options.segment_size == 0) {
        storage->options.segment_size = SEGMENT_SIZE_DEFAULT;
    }
    set_limits(storage, options->chunk_size);
    directory_init(&storage->directory);
    lock_table_init(&storage->locks);
    for (size_t i = 0; i < TXN_POOL_COUNT; i++) {
        ky_mutex_init(&storage->pools[i].lock);
    }
    atomic_init(&storage->next_txid, 1);
    ky_mutex_init(&storage->checkpoint_lock);
    storage->next_serial = 1;
    ky_mutex_init(&storage->reader_lock);
    ky_list_init(&storage->readers);
    base_set_init(&storage->base);
    storage->compactor = compactor_new(storage);
    return storage;
}

static void
storage_free(struct storage *storage)
{
    log_close(storage->log);
    txn_pools_deinit(storage);
    ky_epoch_drain();
    directory_deinit(&storage->directory);
    compactor_free(storage->compactor);
    base_set_deinit(&storage->base);
    ky_mutex_deinit(&storage->reader_lock);
    lock_table_deinit(&storage->locks);
    guard_ring_deinit(&storage->ring);
    for (size_t i = 0; i < TXN_POOL_COUNT; i++) {
        ky_mutex_deinit(&storage->pools[i].lock);
    }
    ky_mutex_deinit(&storage->checkpoint_lock);
    checkpoint_list_free(storage->checkpoint);
    io_close(storage->lock_file);
    ky_free(storage->dir);
    free(storage);
}

static ky_status
open_log(struct storage *storage, const struct log_manifest_info *manifest, lsn_t from,
         struct ky_error *err)
{
    struct log_options options = {
        .io = storage->io,
        .dir = storage->dir,
        .segment_size = storage->options.segment_size,
        .spare_segments = SPARE_SEGMENTS,
        .is_sync_off = storage->options.is_sync_off,
        .on_fatal = on_log_fatal,
        .on_visible = on_log_visible,
        .arg = storage,
    };
    if (manifest->exists) {
        memcpy(options.system_id, manifest->system_id, sizeof(options.system_id));
    } else {
        ky_random_bytes(options.system_id, sizeof(options.system_id));
    }
    memcpy(storage->system_id, options.system_id, sizeof(storage->system_id));
    return log_open(&options, from, NULL, NULL, &storage->log, err);
}

/* After replay every place in the directory must be one that a file has. */
struct place_check {
    const struct storage *storage;
    lsn_t first;
    lsn_t end;
    lsn_t bad; /* 0: none */
};

static void
check_place(void *arg, lsn_t location)
{
    struct place_check *check = arg;
    bool is_good = location_is_base(location) ? base_set_has(&check->storage->base, location)
                                              : location >= check->first && location < check->end;
    check->bad = is_good ? check->bad : location;
}

static ky_status
finish_relation(struct storage *storage, struct relation *relation, struct ky_error *err)
{
    struct place_check check = {
        .storage = storage,
        .first = log_first_lsn(storage->log),
        .end = log_visible_lsn(storage->log),
    };
    const struct location_visit visit = {.visit = check_place, .arg = &check};
    relation_finish_load(relation);
    for (size_t i = 0; relation_each_location(relation, i, &visit); i++) {
    }
    if (check.bad != 0) {
        (void)ky_error_set(err, KY_DATA_CORRUPTED,
                           "relation %u has a row at place %" PRIx64 ", which no file has",
                           relation->id, check.bad);
        return ky_error_detail(err, "The log begins at position %" PRIu64 ".", check.first);
    }
    return KY_OK;
}

static ky_status
finish_load(struct storage *storage, struct ky_error *err)
{
    rel_id_t rel = 0;
    for (uint64_t next = 0;
         next <= UINT32_MAX && directory_next(&storage->directory, (rel_id_t)next, &rel);
         next = (uint64_t)rel + 1) {
        struct relation *relation = directory_find(&storage->directory, rel);
        if (relation != NULL) {
            KY_TRY(finish_relation(storage, relation, err));
        }
    }
    struct log_stats stats;
    log_stats(storage->log, &stats);
    txid_t next_txid = atomic_load_explicit(&storage->next_txid, memory_order_relaxed);
    atomic_store_explicit(&storage->next_txid, KY_MAX(next_txid, stats.highest_txid + 1),
                          memory_order_relaxed);
    return KY_OK;
}

/* The checkpoint that the manifest names, into the directory. */
static ky_status
load_checkpoint(struct storage *storage, const struct log_manifest_info *manifest,
                struct ky_error *err)
{
    struct checkpoint_source source = {
        .io = storage->io,
        .dir = storage->dir,
        .name = manifest->checkpoint_name,
        .lsn = manifest->checkpoint_lsn,
    };
    struct checkpoint_list *list = NULL;
    KY_TRY(checkpoint_read_list(&source, &list, err));
    storage->next_serial = list->next_serial;
    if (memcmp(list->system_id, manifest->system_id, sizeof(list->system_id)) != 0) {
        checkpoint_list_free(list);
        return ky_error_set(err, KY_DATA_CORRUPTED,
                            "checkpoint file \"%s/%s\" belongs to another data directory",
                            storage->dir, manifest->checkpoint_name);
    }
    if (checkpoint_load(&source, list, storage, err) != KY_OK) {
        checkpoint_list_free(list);
        return KY_ERR;
    }
    storage->checkpoint = list;
    return KY_OK;
}

/* A checkpoint that does not load is no loss while the log has everything since the start. */
static ky_status
load_state(struct storage *storage, const struct log_manifest_info *manifest, struct ky_error *err)
{
    bool has_checkpoint = manifest->exists && manifest->checkpoint_name[0] != '\0';
    bool is_damaged = has_checkpoint && load_checkpoint(storage, manifest, err) != KY_OK;
    struct ky_error damage = *err;
    lsn_t from = has_checkpoint && !is_damaged ? manifest->checkpoint_lsn : 0;
    if (is_damaged) {
        ky_log(WARN, "storage", "checkpoint damaged, reading the whole log error=\"%s\"",
               damage.message);
        directory_deinit(&storage->directory);
        directory_init(&storage->directory);
    }
    KY_TRY(open_log(storage, manifest, from, err));
    if (is_damaged && !log_is_complete(storage->log)) {
        *err = damage;
        return KY_ERR;
    }
    atomic_store_explicit(&storage->recovery_floor, from, memory_order_relaxed);
    failpoint("recovery-settled");
    KY_TRY(storage_replay(storage, from, err));
    KY_TRY(finish_load(storage, err));
    base_set_remove_strays(&storage->base, storage->io, storage->dir);
    checkpoint_remove_others(storage->io, storage->dir, storage->checkpoint);
    ky_error_init(err);
    return KY_OK;
}

/* Reads the manifest and brings the state up to what the log says. */
static ky_status
recover(struct storage *storage, struct ky_error *err)
{
    struct log_manifest_info manifest;
    KY_TRY(log_read_manifest(storage->io, storage->dir, &manifest, err));
    adopt_segment_size(storage, &manifest);
    storage->is_new = !manifest.exists;
    ky_status status = base_set_open(&storage->base, storage->io, storage->dir, &manifest, err);
    if (status == KY_OK) {
        status = load_state(storage, &manifest, err);
    }
    log_manifest_info_deinit(&manifest);
    return status;
}

ky_status
storage_open(const struct storage_options *options, struct storage **storage_out,
             struct ky_error *err)
{
    failpoint_init();
    struct storage *storage = storage_new(options);
    if (io_lock_dir(storage->io, storage->dir, &storage->lock_file, err) != KY_OK ||
        recover(storage, err) != KY_OK) {
        storage_free(storage);
        return KY_ERR;
    }
    failpoint("recovery-done");
    janitor_start(&storage->janitor, storage);
    compactor_start(storage->compactor);
    ky_metric_add_collector(collect_metrics, storage);
    if (storage->options.on_progress != NULL) {
        storage->options.on_progress(storage->options.arg, 100);
    }
    *storage_out = storage;
    return KY_OK;
}

void
storage_close(struct storage *storage)
{
    if (storage == NULL) {
        return;
    }
    ky_metric_remove_collector(collect_metrics, storage);
    compactor_stop(storage->compactor);
    /* The thread asks the log for the horizon; the log, while it writes what is queued, still
     * hands over folds. */
    janitor_stop(&storage->janitor);
    log_close(storage->log);
    storage->log = NULL;
    janitor_deinit(&storage->janitor);
    storage_free(storage);
}

/* ------------------------------------------------------------------ numbers */

void
storage_log_counts(struct log_counts *counts_out)
{
    log_counts(counts_out);
}

uint64_t
storage_live_count(const struct storage *storage, rel_id_t rel)
{
    ky_epoch_enter();
    const struct relation *relation = directory_find(&storage->directory, rel);
    uint64_t count =
        relation == NULL ? 0 : atomic_load_explicit(&relation->live_count, memory_order_relaxed);
    ky_epoch_leave();
    return count;
}

row_id_t
storage_row_id_end(const struct storage *storage, rel_id_t rel)
{
    ky_epoch_enter();
    const struct relation *relation = directory_find(&storage->directory, rel);
    row_id_t end =
        relation == NULL ? 1 : atomic_load_explicit(&relation->next_row_id, memory_order_acquire);
    ky_epoch_leave();
    return end;
}

event_offset_t
storage_next_event(const struct storage *storage)
{
    return log_next_event(storage->log);
}

event_offset_t
storage_earliest_event(const struct storage *storage)
{
    return log_earliest_event(storage->log);
}

bool
storage_has_space(const struct storage *storage)
{
    return log_has_space(storage->log);
}
