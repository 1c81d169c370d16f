/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/epoch.h"
#include "server/base/log.h"
#include "server/base/metric.h"
#include "storage/compact/compact_private.h"

/*
 * When compaction runs. By itself: when a worthwhile part of the log could go, at once when the
 * disk is full, and now and then to see whether base files have died. Asked for (VACUUM, POST
 * /compact): until nothing is left that can go. A failed run is tried again later, less and less
 * often.
 */
enum {
    SURVEY_INTERVAL_S = 30,
    BACKOFF_MAX = 64, /* polls */
    JOBS_MAX = 1000,  /* of one call */
    DEBT_PART = 8,    /* of what retention keeps, or one segment: that much is worth a run */
};

KY_METRIC(metric_seconds, "kyrodb_compaction_seconds", NULL, KY_HISTOGRAM,
          "Time a run of compaction took.")

/* ------------------------------------------------------------------ one run */

static void
log_run(const struct compact_result *result, int64_t took_ns, bool is_auto)
{
    ky_log(INFO, "compact",
           "compaction finished auto=%d segments=%" PRIu64 " files_removed=%" PRIu64
           " files_written=%" PRIu64 " rows=%" PRIu64 " bytes_written=%" PRIu64
           " bytes_freed=%" PRIu64 " took_ms=%" PRId64,
           is_auto, result->segments_dropped, result->files_removed, result->files_written,
           result->rows_moved, result->bytes_written, result->bytes_freed, took_ns / 1000000);
}

static ky_status
run(struct compactor *compactor, const struct job_options *options, bool is_auto,
    struct compact_result *result, struct ky_error *err) KY_REQUIRES(compactor->lock)
{
    int64_t start_ns = ky_monotonic_ns();
    ky_status status = KY_OK;
    bool is_more = true;
    /* What becomes old while this runs is the next run's: under load there is always more. */
    lsn_t target = compact_retention_floor(compactor).lsn;
    atomic_store_explicit(&compactor->started_us, ky_wall_us(), memory_order_relaxed);
    for (int i = 0; status == KY_OK && is_more && i < JOBS_MAX; i++) {
        is_more = false;
        status = compact_job(compactor, options, result, &is_more, err);
        is_more &= log_first_lsn(compactor->storage->log) < target;
    }
    atomic_store_explicit(&compactor->started_us, 0, memory_order_relaxed);
    int64_t took_ns = ky_monotonic_ns() - start_ns;
    bool did_something = result->segments_dropped + result->files_removed > 0;
    if (status != KY_OK) {
        atomic_fetch_add_explicit(&compactor->failures, 1, memory_order_relaxed);
    } else if (did_something || !is_auto) {
        atomic_store_explicit(&compactor->finished_us, ky_wall_us(), memory_order_relaxed);
        atomic_fetch_add_explicit(&compactor->runs, 1, memory_order_relaxed);
        ky_metric_observe_ns(&metric_seconds, took_ns);
    }
    if (did_something) {
        log_run(result, took_ns, is_auto);
    }
    return status;
}

/* A run that meets a full disk begins again with the reserve, in smaller steps. */
static ky_status
run_with_reserve(struct compactor *compactor, const struct job_options *options, bool is_auto,
                 struct compact_result *result, struct ky_error *err) KY_REQUIRES(compactor->lock)
{
    struct job_options careful = *options;
    careful.segments_max = compactor->is_short ? JOB_SEGMENTS_SHORT : options->segments_max;
    ky_status status = run(compactor, &careful, is_auto, result, err);
    if (status != KY_OK && err->sqlstate == KY_DISK_FULL && reserve_give(compactor)) {
        careful.segments_max = JOB_SEGMENTS_SHORT;
        ky_error_init(err);
        status = run(compactor, &careful, is_auto, result, err);
    }
    reserve_make(compactor);
    return status;
}

ky_status
storage_compact(struct storage *storage, enum compact_depth depth, const _Atomic int *cancel,
                struct compact_result *result_out, struct ky_error *err)
{
    struct compactor *compactor = storage->compactor;
    const struct job_options options = {.depth = depth, .cancel = cancel};
    *result_out = (struct compact_result){0};
    ky_mutex_lock(&compactor->lock);
    ky_status status = run_with_reserve(compactor, &options, false, result_out, err);
    ky_mutex_unlock(&compactor->lock);
    return status;
}

/* ------------------------------------------------------------------ by itself */

/* Base files are counted when the last count is old and something was committed since. */
static bool
is_survey_due(struct compactor *compactor) KY_REQUIRES(compactor->lock)
{
    return base_set_from(&compactor->storage->base, 0) != NULL &&
           compactor->surveyed_lsn != log_visible_lsn(compactor->storage->log) &&
           ky_monotonic_ns() - compactor->surveyed_ns >= (int64_t)SURVEY_INTERVAL_S * 1000000000;
}

static uint64_t
debt_bytes(struct compactor *compactor)
{
    return compact_log_bytes_below(compactor, compact_retention_floor(compactor).lsn);
}

static bool
is_due(struct compactor *compactor) KY_REQUIRES(compactor->lock)
{
    const struct storage *storage = compactor->storage;
    uint64_t debt = debt_bytes(compactor);
    uint64_t kept = atomic_load_explicit(&compactor->retention_bytes, memory_order_relaxed);
    uint64_t enough = KY_MAX(storage->options.segment_size, kept / DEBT_PART);
    bool is_full = !log_has_space(storage->log);
    return debt >= enough || (is_full && debt > 0) || is_survey_due(compactor);
}

/* *is_stuck_out: there was a reason to run, and nothing could be done about it. */
static ky_status
poll_once(struct compactor *compactor, bool *is_stuck_out, struct ky_error *err)
{
    ky_status status = KY_OK;
    *is_stuck_out = false;
    ky_mutex_lock(&compactor->lock);
    retire_poll(compactor);
    reserve_make(compactor);
    if (is_due(compactor)) {
        struct compact_result result = {0};
        const struct job_options options = {.depth = COMPACT_LOG,
                                            .rate = compactor->storage->options.compaction_rate};
        status = run_with_reserve(compactor, &options, true, &result, err);
        *is_stuck_out = result.segments_dropped + result.files_removed == 0;
    }
    ky_mutex_unlock(&compactor->lock);
    return status;
}

/* False: stop. */
static bool
sleep_ms(struct compactor *compactor, int64_t ms)
{
    ky_mutex_lock(&compactor->wake_lock);
    if (!compactor->is_stopping_locked) {
        (void)ky_cond_wait_for(&compactor->wake, &compactor->wake_lock, ms);
    }
    bool is_stopping = compactor->is_stopping_locked;
    ky_mutex_unlock(&compactor->wake_lock);
    return !is_stopping;
}

static void *
thread_main(void *arg)
{
    struct compactor *compactor = arg;
    int64_t poll_ms = compactor->storage->options.compaction_poll_ms;
    int64_t backoff = 1;
    ky_thread_set_background();
    ky_mutex_lock(&compactor->lock);
    reserve_make(compactor);
    ky_mutex_unlock(&compactor->lock);
    while (sleep_ms(compactor, poll_ms * backoff)) {
        struct ky_error err;
        ky_error_init(&err);
        bool is_stuck = false;
        if (poll_once(compactor, &is_stuck, &err) == KY_OK) {
            /* A long transaction holds the floor: its end is not worth a checkpoint a second. */
            backoff = is_stuck ? KY_MIN(backoff * 2, (int64_t)BACKOFF_MAX) : 1;
        } else if (err.sqlstate != KY_ADMIN_SHUTDOWN) {
            backoff = KY_MIN(backoff * 2, (int64_t)BACKOFF_MAX);
            ky_log(ERROR, "compact", "compaction failed error=\"%s\" detail=\"%s\"", err.message,
                   err.detail);
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ numbers */

void
storage_set_retention(struct storage *storage, const struct storage_retention *retention)
{
    struct compactor *compactor = storage->compactor;
    atomic_store_explicit(&compactor->retention_bytes, retention->bytes, memory_order_relaxed);
    atomic_store_explicit(&compactor->retention_seconds, retention->seconds, memory_order_relaxed);
    atomic_store_explicit(&compactor->reader_bytes, retention->reader_bytes, memory_order_relaxed);
}

void
storage_get_retention(struct storage *storage, struct storage_retention *retention_out)
{
    struct compactor *compactor = storage->compactor;
    *retention_out = (struct storage_retention){
        .bytes = atomic_load_explicit(&compactor->retention_bytes, memory_order_relaxed),
        .seconds = atomic_load_explicit(&compactor->retention_seconds, memory_order_relaxed),
        .reader_bytes = atomic_load_explicit(&compactor->reader_bytes, memory_order_relaxed),
    };
}

const char *
retention_reason_name(enum retention_reason reason)
{
    switch (reason) {
    case RETENTION_NONE:
        return "none";
    case RETENTION_BYTES:
        return "bytes";
    case RETENTION_TIME:
        return "time";
    case RETENTION_READER:
        return "reader";
    case RETENTION_CHECKPOINT:
        return "checkpoint";
    case RETENTION_TRANSACTION:
        return "transaction";
    }
    return "unknown";
}

static void
fill_floor(struct compactor *compactor, struct compact_stats *stats)
{
    struct compact_floor floor = compact_retention_floor(compactor);
    lsn_t recovery =
        atomic_load_explicit(&compactor->storage->recovery_floor, memory_order_acquire);
    stats->debt_bytes = compact_log_bytes_below(compactor, floor.lsn);
    stats->floor = KY_MIN(floor.lsn, recovery);
    stats->reason = floor.lsn <= recovery ? floor.reason : RETENTION_CHECKPOINT;
}

static uint64_t
load(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

void
storage_compact_stats(struct storage *storage, struct compact_stats *stats_out)
{
    struct compactor *compactor = storage->compactor;
    struct compact_stats stats = {
        .phase = (enum compact_phase)atomic_load_explicit(&compactor->phase, memory_order_relaxed),
        .sources_total = load(&compactor->sources_total),
        .sources_scanned = load(&compactor->sources_scanned),
        .rows_to_move = load(&compactor->rows_to_move),
        .rows_moved = load(&compactor->rows_moved),
        .started_us = atomic_load_explicit(&compactor->started_us, memory_order_relaxed),
        .runs = load(&compactor->runs),
        .failures = load(&compactor->failures),
        .base_rows = load(&compactor->base_rows),
        .base_dead = load(&compactor->base_dead),
        .retired_bytes = load(&compactor->retired_bytes),
    };
    ky_mutex_lock(&compactor->total_lock);
    stats.total = compactor->total;
    ky_mutex_unlock(&compactor->total_lock);
    struct log_stats log;
    log_stats(storage->log, &log);
    stats.log_bytes = log.bytes_on_disk;
    ky_epoch_enter();
    for (const struct base_file *f = compact_next_file(&storage->base, 0); f != NULL;
         f = compact_next_file(&storage->base, f->id + 1)) {
        stats.base_files++;
        stats.base_bytes += f->size;
    }
    ky_epoch_leave();
    fill_floor(compactor, &stats);
    *stats_out = stats;
}

uint64_t
storage_compact_runs(const struct storage *storage, int64_t *finished_us_out)
{
    const struct compactor *compactor = storage->compactor;
    *finished_us_out = atomic_load_explicit(&compactor->finished_us, memory_order_relaxed);
    return load(&compactor->runs);
}

double
storage_oldest_snapshot_seconds(const struct storage *storage)
{
    lsn_t horizon = storage_horizon(storage);
    struct frame frame;
    ky_epoch_enter();
    bool is_behind = log_next_commit(storage->log, horizon, &frame);
    ky_epoch_leave();
    return is_behind ? (double)(ky_wall_us() - frame.commit_time) / 1e6 : 0;
}

uint64_t
storage_disk_bytes(const struct storage *storage)
{
    struct log_stats log;
    log_stats(storage->log, &log);
    uint64_t bytes = log.bytes_on_disk;
    ky_epoch_enter();
    for (const struct base_file *f = compact_next_file(&storage->base, 0); f != NULL;
         f = compact_next_file(&storage->base, f->id + 1)) {
        bytes += f->size;
    }
    ky_epoch_leave();
    return bytes;
}

struct number {
    const char *name;
    const char *type;
    const char *help;
    double value;
};

static void
collect_metrics(void *arg, struct ky_buffer *out)
{
    struct storage *storage = arg;
    struct compact_stats stats;
    storage_compact_stats(storage, &stats);
    const struct number numbers[] = {
        {"kyrodb_compaction_runs_total", "counter", "Runs of compaction that did something.",
         (double)stats.runs},
        {"kyrodb_compaction_failures_total", "counter",
         "Runs of compaction that failed; they are tried again.", (double)stats.failures},
        {"kyrodb_compaction_moved_rows_total", "counter", "Row versions moved to base files.",
         (double)stats.total.rows_moved},
        {"kyrodb_compaction_written_bytes_total", "counter", "Bytes written to base files.",
         (double)stats.total.bytes_written},
        {"kyrodb_compaction_freed_bytes_total", "counter",
         "Bytes of log segments and base files removed.", (double)stats.total.bytes_freed},
        {"kyrodb_compaction_debt_bytes", "gauge", "Bytes of log that retention does not need.",
         (double)stats.debt_bytes},
        {"kyrodb_compaction_running", "gauge", "1 while a run is under way.",
         stats.started_us != 0 ? 1 : 0},
        {"kyrodb_compaction_retired_bytes", "gauge",
         "Bytes of removed files that a snapshot still looks at.", (double)stats.retired_bytes},
        {"kyrodb_log_bytes", "gauge", "Bytes of log segments.", (double)stats.log_bytes},
        {"kyrodb_base_bytes", "gauge", "Bytes of base files.", (double)stats.base_bytes},
        {"kyrodb_base_files", "gauge", "Base files.", (double)stats.base_files},
        {"kyrodb_base_rows", "gauge", "Row versions in base files.", (double)stats.base_rows},
        {"kyrodb_base_dead_rows", "gauge",
         "Row versions in base files that nobody needs, when they were counted last.",
         (double)stats.base_dead},
        {"kyrodb_oldest_snapshot_seconds", "gauge",
         "Time since the first commit that the oldest snapshot in use does not see.",
         storage_oldest_snapshot_seconds(storage)},
    };
    for (size_t i = 0; i < KY_COUNT_OF(numbers); i++) {
        ky_metric_write_family(out, numbers[i].name, numbers[i].type, numbers[i].help);
        ky_metric_write_sample(out, numbers[i].name, NULL, numbers[i].value);
    }
    ky_metric_write_family(out, "kyrodb_retention_floor_bytes", "gauge",
                           "Position from which on the log is kept, and for whose sake.");
    char label[64];
    (void)snprintf(label, sizeof(label), "reason=\"%s\"", retention_reason_name(stats.reason));
    ky_metric_write_sample(out, "kyrodb_retention_floor_bytes", label, (double)stats.floor);
}

/* ------------------------------------------------------------------ life */

struct compactor *
compactor_new(struct storage *storage)
{
    struct compactor *compactor = ky_calloc(1, sizeof(*compactor));
    compactor->storage = storage;
    ky_mutex_init(&compactor->lock);
    ky_mutex_init(&compactor->tally_lock);
    ky_mutex_init(&compactor->wake_lock);
    ky_mutex_init(&compactor->total_lock);
    ky_cond_init(&compactor->wake);
    return compactor;
}

void
compactor_start(struct compactor *compactor)
{
    storage_set_retention(compactor->storage, &compactor->storage->options.retention);
    ky_mutex_lock(&compactor->lock);
    reserve_open(compactor, compactor->storage->is_new);
    ky_mutex_unlock(&compactor->lock);
    ky_metric_add_collector(collect_metrics, compactor->storage);
    compactor->is_started = compactor->storage->options.compaction_poll_ms > 0;
    if (compactor->is_started) {
        ky_thread_start(&compactor->thread, "kyro-compactor", thread_main, compactor);
    }
}

void
compactor_stop(struct compactor *compactor)
{
    ky_metric_remove_collector(collect_metrics, compactor->storage);
    atomic_store_explicit(&compactor->is_stopping, true, memory_order_relaxed);
    ky_mutex_lock(&compactor->wake_lock);
    compactor->is_stopping_locked = true;
    ky_cond_broadcast(&compactor->wake);
    ky_mutex_unlock(&compactor->wake_lock);
    if (compactor->is_started) {
        ky_thread_join(&compactor->thread);
    }
}

void
compactor_free(struct compactor *compactor)
{
    retire_all(compactor);
    tally_deinit(compactor);
    ky_cond_deinit(&compactor->wake);
    ky_mutex_deinit(&compactor->total_lock);
    ky_mutex_deinit(&compactor->wake_lock);
    ky_mutex_deinit(&compactor->tally_lock);
    ky_mutex_deinit(&compactor->lock);
    ky_free(compactor);
}
