/* SPDX-License-Identifier: Apache-2.0 */
#include "server/main/checkpointer.h"

#include <inttypes.h>

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/metric.h"
#include "server/base/mutex.h"
#include "storage/storage.h"

enum { POLL_MS = 1000 };

KY_METRIC(checkpoints, "kyrodb_checkpoints_total", NULL, KY_COUNTER, "Checkpoints finished.")
KY_METRIC(checkpoint_failures, "kyrodb_checkpoint_failures_total", NULL, KY_COUNTER,
          "Checkpoints that failed; the one before stays in force.")
KY_METRIC(checkpoint_seconds, "kyrodb_checkpoint_seconds", NULL, KY_HISTOGRAM,
          "Time a checkpoint took.")

struct checkpointer {
    struct storage *storage;
    int64_t interval_s;
    uint64_t log_bytes;
    struct ky_mutex lock;
    struct ky_cond wake;
    bool is_stopping KY_GUARDED_BY(lock);
    struct ky_thread thread;
};

static void
run_checkpoint(struct checkpointer *checkpointer, bool is_timed)
{
    struct ky_error err;
    lsn_t lsn = 0;
    int64_t begin_ns = ky_monotonic_ns();
    ky_error_init(&err);
    ky_status (*run)(struct storage *, lsn_t *, struct ky_error *) =
        is_timed ? storage_checkpoint_timed : storage_checkpoint;
    if (run(checkpointer->storage, &lsn, &err) != KY_OK) {
        ky_metric_add(&checkpoint_failures, 1);
        ky_log(ERROR, "checkpoint", "checkpoint failed: %s", err.message);
        return;
    }
    int64_t took_ns = ky_monotonic_ns() - begin_ns;
    ky_metric_add(&checkpoints, 1);
    ky_metric_observe_ns(&checkpoint_seconds, took_ns);
    ky_log(INFO, "checkpoint", "checkpoint finished lsn=%" PRIu64 " took_ms=%" PRId64, lsn,
           took_ns / 1000000);
}

static void *
run(void *arg)
{
    struct checkpointer *checkpointer = arg;
    int64_t last_ns = ky_monotonic_ns();
    lsn_t last_lsn = storage_visible_lsn(checkpointer->storage);
    ky_thread_set_background();
    ky_mutex_lock(&checkpointer->lock);
    while (!checkpointer->is_stopping) {
        (void)ky_cond_wait_for(&checkpointer->wake, &checkpointer->lock, POLL_MS);
        lsn_t lsn = storage_visible_lsn(checkpointer->storage);
        bool is_grown = lsn - last_lsn >= checkpointer->log_bytes;
        bool is_due = lsn != last_lsn && (is_grown || ky_monotonic_ns() - last_ns >=
                                                          checkpointer->interval_s * 1000000000);
        if (!is_due || checkpointer->is_stopping) {
            continue;
        }
        ky_mutex_unlock(&checkpointer->lock);
        run_checkpoint(checkpointer, !is_grown);
        last_ns = ky_monotonic_ns();
        last_lsn = lsn;
        ky_mutex_lock(&checkpointer->lock);
    }
    ky_mutex_unlock(&checkpointer->lock);
    return NULL;
}

struct checkpointer *
checkpointer_start(struct storage *storage, int64_t interval_s, uint64_t log_bytes)
{
    struct checkpointer *checkpointer = ky_calloc(1, sizeof(*checkpointer));
    checkpointer->storage = storage;
    checkpointer->interval_s = interval_s;
    checkpointer->log_bytes = log_bytes;
    ky_mutex_init(&checkpointer->lock);
    ky_cond_init(&checkpointer->wake);
    ky_thread_start(&checkpointer->thread, "checkpointer", run, checkpointer);
    return checkpointer;
}

void
checkpointer_stop(struct checkpointer *checkpointer)
{
    if (checkpointer == NULL) {
        return;
    }
    ky_mutex_lock(&checkpointer->lock);
    checkpointer->is_stopping = true;
    ky_cond_broadcast(&checkpointer->wake);
    ky_mutex_unlock(&checkpointer->lock);
    ky_thread_join(&checkpointer->thread);
    ky_cond_deinit(&checkpointer->wake);
    ky_mutex_deinit(&checkpointer->lock);
    ky_free(checkpointer);
}
