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
 * A submit wakes a worker only when one waits for work.
 *
 * A job that sleeps (pg_sleep) says so. Then one more thread than before may take jobs: a
 * substitute, started when none of the earlier ones is left over. A job that comes back from its
 * sleep goes on at once, and the next worker that finds nothing to do, or finds that more work
 * than should, retires until it is needed as a substitute again.
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
    int asleep_count KY_GUARDED_BY(lock);   /* jobs between sleep_begin and sleep_end */
    int awake_count KY_GUARDED_BY(lock);    /* threads that may take jobs, or run one */
    int retired_count KY_GUARDED_BY(lock);  /* threads that wait to be needed */
    int recalled_count KY_GUARDED_BY(lock); /* retired no more, but not yet running */
    struct ky_cond is_needed;
    int substitute_count KY_GUARDED_BY(lock);
    struct ky_thread *substitutes KY_GUARDED_BY(lock); /* owned; POOL_SLEEPERS_MAX of them */
    int worker_count;
    struct ky_thread workers[];
};

/* Set while the thread runs a job of the long queue. */
static _Thread_local bool runs_long;

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
    *queue_out = queue;
    return job;
}

static void
wake_for_long(struct pool *pool) KY_REQUIRES(pool->lock)
{
    if (pool->sleeping_count > 0 && !ky_list_is_empty(&pool->queues[POOL_LONG])) {
        ky_cond_signal(&pool->is_filled);
    }
}

static void
run_job(struct pool *pool, struct pool_job *job, enum pool_queue queue) KY_REQUIRES(pool->lock)
{
    void (*run)(void *arg) = job->run;
    void *job_arg = job->arg;
    ky_mutex_unlock(&pool->lock);
    runs_long = queue == POOL_LONG;
    run(job_arg); /* job may be gone afterwards */
    ky_metric_add(queue == POOL_LONG ? &jobs_long : &jobs_short, 1);
    ky_mutex_lock(&pool->lock);
    if (queue == POOL_LONG) {
        pool->long_count--;
        wake_for_long(pool);
    }
}

/* More threads are awake than there are workers: this one waits until it is needed. */
static void
retire(struct pool *pool) KY_REQUIRES(pool->lock)
{
    pool->awake_count--;
    pool->retired_count++;
    while (pool->recalled_count == 0 && !pool->is_stopping) {
        ky_cond_wait(&pool->is_needed, &pool->lock);
    }
    if (pool->recalled_count > 0) {
        pool->recalled_count--; /* who recalled has counted */
    } else {
        pool->retired_count--;
        pool->awake_count++;
    }
}

static void *
work(void *arg)
{
    struct pool *pool = arg;
    ky_mutex_lock(&pool->lock);
    for (;;) {
        if (pool->awake_count - pool->asleep_count > pool->worker_count && !pool->is_stopping) {
            retire(pool);
            continue;
        }
        enum pool_queue queue;
        struct pool_job *job = take_job(pool, &queue);
        if (job != NULL) {
            run_job(pool, job, queue);
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

void
pool_sleep_begin(struct pool *pool)
{
    ky_mutex_lock(&pool->lock);
    pool->asleep_count++;
    pool->long_count -= runs_long;
    wake_for_long(pool);
    bool is_missed = pool->awake_count - pool->asleep_count < pool->worker_count;
    if (is_missed && pool->retired_count > 0) {
        pool->retired_count--;
        pool->awake_count++;
        pool->recalled_count++;
        ky_cond_signal(&pool->is_needed);
    } else if (is_missed && pool->substitute_count < POOL_SLEEPERS_MAX && !pool->is_stopping) {
        pool->awake_count++;
        ky_thread_start(&pool->substitutes[pool->substitute_count++], "substitute", work, pool);
    }
    ky_mutex_unlock(&pool->lock);
}

void
pool_sleep_end(struct pool *pool)
{
    ky_mutex_lock(&pool->lock);
    pool->asleep_count--;
    pool->long_count += runs_long;
    /* One of those who wait for work looks whether it is one too many. */
    if (pool->sleeping_count > 0) {
        ky_cond_signal(&pool->is_filled);
    }
    ky_mutex_unlock(&pool->lock);
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
    ky_cond_init(&pool->is_needed);
    ky_list_init(&pool->queues[POOL_SHORT]);
    ky_list_init(&pool->queues[POOL_LONG]);
    pool->long_max = worker_count > 1 ? worker_count - 1 : 1;
    pool->worker_count = pool->awake_count = worker_count;
    pool->substitutes = ky_calloc(POOL_SLEEPERS_MAX, sizeof(struct ky_thread));
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
    ky_cond_broadcast(&pool->is_needed);
    int substitute_count = pool->substitute_count; /* none is started from now on */
    ky_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->worker_count; i++) {
        ky_thread_join(&pool->workers[i]);
    }
    for (int i = 0; i < substitute_count; i++) {
        ky_thread_join(&pool->substitutes[i]);
    }
    ky_free(pool->substitutes);
    ky_cond_deinit(&pool->is_needed);
    ky_cond_deinit(&pool->is_filled);
    ky_mutex_deinit(&pool->lock);
    ky_free(pool);
}

void
pool_submit(struct pool *pool, struct pool_job *job, enum pool_queue queue)
{
    ky_mutex_lock(&pool->lock);
    ky_list_push_back(&pool->queues[queue], &job->link);
    if (pool->sleeping_count > 0) {
        ky_cond_signal(&pool->is_filled);
    }
    ky_mutex_unlock(&pool->lock);
}

int
pool_worker_count(const struct pool *pool)
{
    return pool->worker_count;
}
