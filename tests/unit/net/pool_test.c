/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <unistd.h>

#include "server/net/net.h"

struct task {
    struct pool_job job;
    atomic_int *counter;
    atomic_bool *gate; /* waits until it is true; NULL: does not */
};

static void
run_task(void *arg)
{
    struct task *task = arg;
    while (task->gate != NULL && !atomic_load(task->gate)) {
        usleep(1000);
    }
    atomic_fetch_add(task->counter, 1);
}

static void
submit(struct pool *pool, struct task *task, atomic_int *counter, atomic_bool *gate,
       enum pool_queue queue)
{
    *task = (struct task){.job = {.run = run_task, .arg = task}, .counter = counter, .gate = gate};
    pool_submit(pool, &task->job, queue);
}

static bool
becomes(atomic_int *counter, int wanted)
{
    for (int i = 0; i < 5000 && atomic_load(counter) != wanted; i++) {
        usleep(1000);
    }
    return atomic_load(counter) == wanted;
}

Test(pool, runs_everything_before_it_ends)
{
    enum { COUNT = 500 };
    static struct task tasks[COUNT];
    atomic_int counter = 0;
    struct pool *pool = pool_new(3);
    for (int i = 0; i < COUNT; i++) {
        submit(pool, &tasks[i], &counter, NULL, i % 2 == 0 ? POOL_SHORT : POOL_LONG);
    }
    pool_free(pool);
    cr_expect_eq(atomic_load(&counter), COUNT);
}

Test(pool, long_jobs_leave_a_worker_for_short_ones)
{
    struct task blocked[3];
    struct task quick;
    atomic_int long_counter = 0;
    atomic_int short_counter = 0;
    atomic_bool gate = false;
    struct pool *pool = pool_new(2);
    for (int i = 0; i < 3; i++) {
        submit(pool, &blocked[i], &long_counter, &gate, POOL_LONG);
    }
    submit(pool, &quick, &short_counter, NULL, POOL_SHORT);
    cr_expect(becomes(&short_counter, 1), "a short job starved behind long ones");
    cr_expect_eq(atomic_load(&long_counter), 0);
    atomic_store(&gate, true);
    pool_free(pool);
    cr_expect_eq(atomic_load(&long_counter), 3);
}

Test(pool, one_worker_runs_both_queues)
{
    struct task tasks[2];
    atomic_int counter = 0;
    struct pool *pool = pool_new(1);
    submit(pool, &tasks[0], &counter, NULL, POOL_LONG);
    submit(pool, &tasks[1], &counter, NULL, POOL_SHORT);
    cr_expect(becomes(&counter, 2));
    cr_expect_eq(pool_worker_count(pool), 1);
    pool_free(pool);
}

struct sleeper {
    struct pool *pool;
    struct pool_job job;
    atomic_int *begun;
    atomic_int *ended;
    atomic_bool *gate;
};

static void
sleep_in_job(void *arg)
{
    struct sleeper *sleeper = arg;
    pool_sleep_begin(sleeper->pool);
    atomic_fetch_add(sleeper->begun, 1);
    while (!atomic_load(sleeper->gate)) {
        usleep(1000);
    }
    pool_sleep_end(sleeper->pool);
    atomic_fetch_add(sleeper->ended, 1);
}

/* Whatever sleeps inside jobs, short and long ones find workers, also the second time around. */
Test(pool, sleeping_jobs_hold_no_worker)
{
    enum { SLEEPERS = 20 };
    struct sleeper sleepers[SLEEPERS];
    struct task tasks[2];
    struct pool *pool = pool_new(2);
    for (int round = 0; round < 3; round++) {
        atomic_int begun = 0;
        atomic_int ended = 0;
        atomic_int counter = 0;
        atomic_bool gate = false;
        for (int i = 0; i < SLEEPERS; i++) {
            sleepers[i] =
                (struct sleeper){.pool = pool, .begun = &begun, .ended = &ended, .gate = &gate};
            sleepers[i].job = (struct pool_job){.run = sleep_in_job, .arg = &sleepers[i]};
            pool_submit(pool, &sleepers[i].job, i % 2 == 0 ? POOL_SHORT : POOL_LONG);
        }
        cr_expect(becomes(&begun, SLEEPERS), "a sleeping job held a worker");
        submit(pool, &tasks[0], &counter, NULL, POOL_SHORT);
        submit(pool, &tasks[1], &counter, NULL, POOL_LONG);
        cr_expect(becomes(&counter, 2), "no worker was left");
        atomic_store(&gate, true);
        cr_assert(becomes(&ended, SLEEPERS));
    }
    pool_free(pool);
}
