/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/mutex.h"

#include <criterion/criterion.h>
#include <signal.h>

#include "server/base/clock.h"

struct counter {
    struct ky_mutex lock;
    struct ky_cond changed;
    int value;
};

static void *
count_up(void *arg)
{
    struct counter *counter = arg;
    for (int i = 0; i < 10000; i++) {
        ky_mutex_lock(&counter->lock);
        counter->value++;
        ky_cond_broadcast(&counter->changed);
        ky_mutex_unlock(&counter->lock);
    }
    return NULL;
}

Test(mutex, threads_take_turns_and_wake_each_other)
{
    struct counter counter = {0};
    struct ky_thread threads[4];
    ky_mutex_init(&counter.lock);
    ky_cond_init(&counter.changed);
    for (int i = 0; i < 4; i++) {
        ky_thread_start(&threads[i], "a name longer than the kernel takes", count_up, &counter);
    }
    ky_mutex_lock(&counter.lock);
    while (counter.value < 40000) {
        ky_cond_wait(&counter.changed, &counter.lock);
    }
    ky_mutex_unlock(&counter.lock);
    for (int i = 0; i < 4; i++) {
        ky_thread_join(&threads[i]);
    }
    ky_cond_deinit(&counter.changed);
    ky_mutex_deinit(&counter.lock);
}

Test(mutex, waiting_ends_at_the_timeout)
{
    struct counter counter = {0};
    ky_mutex_init(&counter.lock);
    ky_cond_init(&counter.changed);
    int64_t start = ky_monotonic_ns();
    ky_mutex_lock(&counter.lock);
    cr_assert_not(ky_cond_wait_for(&counter.changed, &counter.lock, -1));
    while (ky_cond_wait_for(&counter.changed, &counter.lock, 20)) {
    }
    ky_mutex_unlock(&counter.lock);
    cr_assert_geq(ky_monotonic_ns() - start, INT64_C(20000000));
    ky_cond_deinit(&counter.changed);
    ky_mutex_deinit(&counter.lock);
}

static void *
report_mask(void *arg)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    *(bool *)arg = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1;
    return NULL;
}

Test(mutex, a_started_thread_blocks_signals_and_its_starter_does_not)
{
    struct ky_thread thread;
    bool is_blocked = false;
    ky_thread_start(&thread, "mask", report_mask, &is_blocked);
    ky_thread_join(&thread);
    cr_assert(is_blocked);
    report_mask(&is_blocked);
    cr_assert_not(is_blocked);
}
