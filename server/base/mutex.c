/* SPDX-License-Identifier: Apache-2.0 */

/* Failures of these calls are mistakes of ours, so they are assertions. */

#include "server/base/mutex.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "server/base/assert.h"
#include "server/base/log.h"

void
ky_mutex_init(struct ky_mutex *mutex)
{
    pthread_mutexattr_t attributes;
    int result = pthread_mutexattr_init(&attributes);
    KY_ASSERT(result == 0);
#ifdef KY_SLOW_ASSERTS
    result = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    KY_ASSERT(result == 0);
#endif
    result = pthread_mutex_init(&mutex->os, &attributes);
    KY_ASSERT(result == 0);
    (void)pthread_mutexattr_destroy(&attributes);
}

void
ky_mutex_deinit(struct ky_mutex *mutex)
{
    int result = pthread_mutex_destroy(&mutex->os);
    KY_ASSERT(result == 0);
}

KY_NO_THREAD_SAFETY_ANALYSIS void
ky_mutex_lock(struct ky_mutex *mutex)
{
    int result = pthread_mutex_lock(&mutex->os);
    KY_ASSERT(result == 0);
}

KY_NO_THREAD_SAFETY_ANALYSIS bool
ky_mutex_try_lock(struct ky_mutex *mutex)
{
    int result = pthread_mutex_trylock(&mutex->os);
    KY_ASSERT(result == 0 || result == EBUSY);
    return result == 0;
}

KY_NO_THREAD_SAFETY_ANALYSIS void
ky_mutex_unlock(struct ky_mutex *mutex)
{
    int result = pthread_mutex_unlock(&mutex->os);
    KY_ASSERT(result == 0);
}

void
ky_cond_init(struct ky_cond *cond)
{
    pthread_condattr_t attributes;
    int result = pthread_condattr_init(&attributes);
    KY_ASSERT(result == 0);
    result = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    KY_ASSERT(result == 0);
    result = pthread_cond_init(&cond->os, &attributes);
    KY_ASSERT(result == 0);
    (void)pthread_condattr_destroy(&attributes);
}

void
ky_cond_deinit(struct ky_cond *cond)
{
    int result = pthread_cond_destroy(&cond->os);
    KY_ASSERT(result == 0);
}

KY_NO_THREAD_SAFETY_ANALYSIS void
ky_cond_wait(struct ky_cond *cond, struct ky_mutex *mutex)
{
    int result = pthread_cond_wait(&cond->os, &mutex->os);
    KY_ASSERT(result == 0);
}

KY_NO_THREAD_SAFETY_ANALYSIS bool
ky_cond_wait_for(struct ky_cond *cond, struct ky_mutex *mutex, int64_t timeout_ms)
{
    /* The machine's clock on purpose: the condition counts on it, a test's clock may stand still.
     */
    struct timespec until = {0};
    int result = clock_gettime(CLOCK_MONOTONIC, &until);
    KY_ASSERT(result == 0);
    const int64_t year_ms = INT64_C(366) * 24 * 3600 * 1000;
    int64_t wait_ms = KY_MIN(KY_MAX(timeout_ms, 0), year_ms);
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    result = pthread_cond_timedwait(&cond->os, &mutex->os, &until);
    KY_ASSERT(result == 0 || result == ETIMEDOUT);
    return result == 0;
}

void
ky_cond_signal(struct ky_cond *cond)
{
    int result = pthread_cond_signal(&cond->os);
    KY_ASSERT(result == 0);
}

void
ky_cond_broadcast(struct ky_cond *cond)
{
    int result = pthread_cond_broadcast(&cond->os);
    KY_ASSERT(result == 0);
}

/* An errno. */
static int
create_thread(struct ky_thread *thread, const pthread_attr_t *attributes, const char *name,
              void *(*run)(void *), void *arg)
{
    /* A thread inherits the mask, so it is changed here for a moment and not in the thread. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)sigdelset(&all, SIGBUS); /* it comes to whoever reads, blocked it kills without a word */
    int result = pthread_sigmask(SIG_SETMASK, &all, &before);
    KY_ASSERT(result == 0);
    int created = pthread_create(&thread->os, attributes, run, arg);
    result = pthread_sigmask(SIG_SETMASK, &before, NULL);
    KY_ASSERT(result == 0);
    if (created == 0) {
        char short_name[16]; /* the kernel's limit */
        (void)snprintf(short_name, sizeof(short_name), "%s", name);
        (void)pthread_setname_np(thread->os, short_name); /* only for people who look */
    }
    return created;
}

void
ky_thread_start(struct ky_thread *thread, const char *name, void *(*run)(void *), void *arg)
{
    int created = create_thread(thread, NULL, name, run, arg);
    if (created != 0) {
        ky_log_write(KY_LOG_ERROR, "thread", "could not start thread name=%s errno=%d", name,
                     created);
        abort();
    }
}

bool
ky_thread_start_beside(struct ky_thread *thread, const char *name, void *(*run)(void *), void *arg)
{
    cpu_set_t others;
    pthread_attr_t attributes;
    const int own = sched_getcpu();
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    if (own >= 0 && own < CPU_SETSIZE && sched_getaffinity(0, sizeof(others), &others) == 0) {
        CPU_CLR((size_t)own, &others);
        if (CPU_COUNT(&others) > 0) {
            (void)pthread_attr_setaffinity_np(&attributes, sizeof(others), &others);
        }
    }
    int created = create_thread(thread, &attributes, name, run, arg);
    (void)pthread_attr_destroy(&attributes);
    return created == 0;
}

void
ky_thread_join(struct ky_thread *thread)
{
    int result = pthread_join(thread->os, NULL);
    KY_ASSERT(result == 0);
}

void
ky_thread_set_background(void)
{
    enum { BACKGROUND_NICE = 5 };
    /* 0 is the calling thread, on Linux. A refusal leaves it as it is. */
    (void)setpriority(PRIO_PROCESS, 0, BACKGROUND_NICE);
}

struct background {
    void (*run)(void *arg);
    void *arg;
};

static void *
run_background(void *arg)
{
    const struct background *background = arg;
    ky_thread_set_background();
    background->run(background->arg);
    return NULL;
}

void
ky_thread_run_background(const char *name, void (*run)(void *arg), void *arg)
{
    struct background background = {run, arg};
    struct ky_thread thread;
    ky_thread_start(&thread, name, run_background, &background);
    ky_thread_join(&thread);
}
