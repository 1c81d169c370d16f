/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/metric.h"
#include "server/base/mutex.h"
#include "server/net/net.h"

/*
 * Two lists under one mutex. A worker takes the oldest short job, else the oldest long one if
 * fewer than long_max workers run long jobs; so a short statement always finds a worker soon.
 * A submit wakes a worker only when one sleeps.
 */

enum { POOL_WORKERS_MAX = 256 };

KY_METRIC(jobs_short, "kyrodb_worker_jobs_total", "queue=\"short\"", KY_COUNTER,
          "Jobs run by the worker pool.")
KY_METRIC(jobs_long, "kyrodb_worker_jobs_total", "queue=\"long\"", KY_COUNTER,
          "Jobs run by the worker pool.")

struct pool {
    struct ky_mutex lock;
    struct ky_cond is_filled;
    struct ky_list queues[2] KY_GUARDED_BY(lock);
    int sleeping_count KY_GUARDED_BY(lock);
    int long_count KY_GUARDED_BY(lock); /* workers inside long jobs */
    int long_max;
    bool is_stopping KY_GUARDED_BY(lock);
    atomic_int queued_count; /* relaxed: a hint for pool_is_quiet */
    int worker_count;
    struct ky_thread workers[];
};

/* The next job a worker may run now, or NULL. */
static struct pool_job *
take_job(struct pool *pool, enum pool_queue *queue_out) KY_REQUIRES(pool->lock)
{
    enum pool_queue queue = POOL_SHORT;
    if (ky_list_is_empty(&pool->queues[POOL_SHORT])) {
        queue = POOL_LONG;
        if (ky_list_is_empty(&pool->queues[POOL_LONG]) || pool->long_count >= pool->long_max) {
            return NULL;
        }
        pool->long_count++;
    }
    struct pool_job *job = ky_list_entry(pool->queues[queue].next, struct pool_job, link);
    ky_list_remove(&job->link);
    atomic_fetch_sub_explicit(&pool->queued_count, 1, memory_order_relaxed);
    *queue_out = queue;
    return job;
}

static void *
work(void *arg)
{
    struct pool *pool = arg;
    ky_mutex_lock(&pool->lock);
    for (;;) {
        enum pool_queue queue;
        struct pool_job *job = take_job(pool, &queue);
        if (job != NULL) {
            void (*run)(void *arg) = job->run;
            void *job_arg = job->arg;
            ky_mutex_unlock(&pool->lock);
            run(job_arg); /* job may be gone afterwards */
            ky_metric_add(queue == POOL_LONG ? &jobs_long : &jobs_short, 1);
            ky_mutex_lock(&pool->lock);
            if (queue == POOL_LONG) {
                pool->long_count--;
                if (pool->sleeping_count > 0 && !ky_list_is_empty(&pool->queues[POOL_LONG])) {
                    ky_cond_signal(&pool->is_filled);
                }
            }
            continue;
        }
        if (pool->is_stopping && ky_list_is_empty(&pool->queues[POOL_LONG])) {
            break;
        }
        pool->sleeping_count++;
        ky_cond_wait(&pool->is_filled, &pool->lock);
        pool->sleeping_count--;
    }
    ky_cond_broadcast(&pool->is_filled);
    ky_mutex_unlock(&pool->lock);
    return NULL;
}

struct pool *
pool_new(int worker_count)
{
    KY_ASSERT(worker_count > 0);
    KY_ASSERT(worker_count <= POOL_WORKERS_MAX);
    struct pool *pool =
        ky_calloc(1, sizeof(*pool) + (size_t)worker_count * sizeof(struct ky_thread));
    ky_mutex_init(&pool->lock);
    ky_cond_init(&pool->is_filled);
    ky_list_init(&pool->queues[POOL_SHORT]);
    ky_list_init(&pool->queues[POOL_LONG]);
    pool->long_max = worker_count > 1 ? worker_count - 1 : 1;
    pool->worker_count = worker_count;
    for (int i = 0; i < worker_count; i++) {
        char name[24];
        (void)snprintf(name, sizeof(name), "worker-%d", i);
        ky_thread_start(&pool->workers[i], name, work, pool);
    }
    return pool;
}

void
pool_free(struct pool *pool)
{
    if (pool == NULL) {
        return;
    }
    ky_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    ky_cond_broadcast(&pool->is_filled);
    ky_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->worker_count; i++) {
        ky_thread_join(&pool->workers[i]);
    }
    ky_cond_deinit(&pool->is_filled);
    ky_mutex_deinit(&pool->lock);
    ky_free(pool);
}

void
pool_submit(struct pool *pool, struct pool_job *job, enum pool_queue queue)
{
    ky_mutex_lock(&pool->lock);
    ky_list_push_back(&pool->queues[queue], &job->link);
    atomic_fetch_add_explicit(&pool->queued_count, 1, memory_order_relaxed);
    if (pool->sleeping_count > 0) {
        ky_cond_signal(&pool->is_filled);
    }
    ky_mutex_unlock(&pool->lock);
}

bool
pool_is_quiet(struct pool *pool)
{
    return atomic_load_explicit(&pool->queued_count, memory_order_relaxed) == 0;
}

int
pool_worker_count(const struct pool *pool)
{
    return pool->worker_count;
}
