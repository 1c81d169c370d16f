/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/log.h"
#include "server/base/metric.h"
#include "storage/log/log_private.h"

/*
 * The segment maker. It keeps spare_segments + 1 segments ready ahead of the writer: zeros written,
 * synced, under their final names, and listed in the manifest, so that going on to the next segment
 * changes no metadata and cannot meet a full disk. The one more is the reserve: when making fails
 * for lack of space and only the reserve is left, log_has_space() turns false, and what is already
 * on its way still fits.
 */
KY_METRIC(metric_spares, "kyrodb_log_spare_segments", NULL, KY_GAUGE,
          "Log segments made ahead of need.")
KY_METRIC(metric_failures, "kyrodb_log_spare_failures_total", NULL, KY_COUNTER,
          "Attempts to make a log segment that met a full disk.")
KY_METRIC(metric_space, "kyrodb_log_has_space", NULL, KY_GAUGE,
          "1 while the log can be extended, 0 when the disk is full.")

void
log_update_space(struct log *log)
{
    bool has_space = !log->is_held && !(log->is_maker_failing && log->ready_count <= 1);
    bool had_space = atomic_exchange_explicit(&log->has_space, has_space, memory_order_relaxed);
    ky_metric_set(&metric_spares, log->ready_count);
    ky_metric_set(&metric_space, has_space ? 1 : 0);
    if (had_space && !has_space) {
        ky_log(ERROR, "log", "disk is full, writing stops spares=%" PRIu32, log->ready_count);
    } else if (!had_space && has_space) {
        ky_log(WARN, "log", "disk has space again, writing goes on spares=%" PRIu32,
               log->ready_count);
    }
}

void
log_hold(struct log *log, bool is_held)
{
    ky_mutex_lock(&log->lock);
    log->is_held = is_held;
    log_update_space(log);
    ky_cond_broadcast(&log->maker_wake);
    while (is_held && log->is_making && !log->is_maker_fatal) {
        ky_cond_wait(&log->segment_ready, &log->lock);
    }
    ky_mutex_unlock(&log->lock);
}

/* Segments that are wanted beside the active one. A held log has the reserve only. */
static uint32_t
wanted(const struct log *log) KY_REQUIRES(log->lock)
{
    return log->is_held ? 1 : log->options.spare_segments + 1;
}

/* Waits until a segment is wanted; false when the log closes or has failed. */
static bool
wait_for_demand(struct log *log)
{
    ky_mutex_lock(&log->lock);
    if (log->is_maker_failing && !log->is_writer_done) {
        (void)ky_cond_wait_for(&log->maker_wake, &log->lock, LOG_SPARE_RETRY_MS);
    }
    while (!log->is_writer_done && !log->is_maker_fatal && log->ready_count >= wanted(log)) {
        ky_cond_wait(&log->maker_wake, &log->lock);
    }
    bool is_wanted = !log->is_writer_done && !log->is_maker_fatal;
    log->is_making = is_wanted;
    ky_mutex_unlock(&log->lock);
    return is_wanted;
}

/* Makes *pending if it is not there yet, and has the manifest list it. */
static ky_status
make_spare(struct log *log, struct segment **pending, bool *is_fatal_out, struct ky_error *err)
{
    *is_fatal_out = false;
    if (*pending == NULL) {
        if (log_make_segment(log, log->last_number + 1, log->epoch, pending, err) != KY_OK) {
            *is_fatal_out = err->sqlstate != KY_DISK_FULL;
            return KY_ERR;
        }
        atomic_store_explicit(&(*pending)->first_event, EVENT_UNKNOWN, memory_order_relaxed);
    }
    ky_mutex_lock(&log->manifest_lock);
    if (log_segment(log, (*pending)->number) == NULL) {
        log_add_segment(log, *pending);
    }
    ky_mutex_lock(&log->lock);
    struct log_tail durable = log->durable;
    ky_mutex_unlock(&log->lock);
    ky_status status = log_switch_manifest(log, &durable, is_fatal_out, err);
    ky_mutex_unlock(&log->manifest_lock);
    return status;
}

static void
report(struct log *log, struct segment *made, const struct ky_error *err)
{
    ky_mutex_lock(&log->lock);
    log->is_making = false;
    if (made != NULL) {
        log_push_ready(log, made);
        log->is_maker_failing = false;
    } else {
        ky_metric_add(&metric_failures, 1);
        if (!log->is_maker_failing) {
            ky_log(WARN, "log", "no spare segment could be made error=\"%s\"", err->message);
        }
        log->is_maker_failing = true;
    }
    log_update_space(log);
    ky_cond_broadcast(&log->segment_ready);
    ky_mutex_unlock(&log->lock);
}

void *
log_maker_run(void *arg)
{
    struct log *log = arg;
    struct segment *pending = NULL;
    while (wait_for_demand(log)) {
        struct ky_error err = {0};
        bool is_fatal = false;
        if (make_spare(log, &pending, &is_fatal, &err) == KY_OK) {
            report(log, pending, NULL);
            pending = NULL;
        } else if (is_fatal) {
            log_fail_from_maker(log, &err);
        } else {
            report(log, NULL, &err);
        }
    }
    return NULL;
}
