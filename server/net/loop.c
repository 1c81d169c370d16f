/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/event.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/metric.h"
#include "server/base/mutex.h"
#include "server/net/net.h"

/*
 * libevent's bases are used by one thread each, so its own locking stays off. Other threads
 * reach a loop through a list under a mutex and an eventfd that the base watches; the eventfd
 * is written only when the list was empty, so a burst of posts costs one wake-up.
 *
 * Jobs come the same way through a stack without a lock. The eventfd is watched edge-triggered
 * and never read: each write is a new edge, and 2^64 of them do not happen.
 */

KY_METRIC(metric_looks, "kyrodb_loop_idle_looks_total", NULL, KY_COUNTER,
          "Looks of a polling loop that found nothing to do.")
KY_METRIC(metric_crowded, "kyrodb_loop_poll_rests_total", NULL, KY_COUNTER,
          "Times that a loop stopped polling because others wanted the core.")

/* A yield that took longer gave the core to somebody; the loop does not poll for REST then. */
enum { YIELD_LONG_NS = 500 * 1000, POLL_REST_NS = 200 * 1000 * 1000 };

struct loop_task {
    struct loop_task *next;
    void (*run)(void *arg);
    void *arg;
};

struct loop {
    struct event_base *base; /* owned */
    struct event *wake_event;
    int wake_fd;
    char name[16];
    struct ky_thread thread;
    pthread_t self;         /* valid while is_running */
    atomic_bool is_running; /* release by the loop's thread, acquire by others */
    bool is_started;
    bool is_leaving;       /* loop's */
    bool has_run;          /* loop's: something did since it was cleared */
    int64_t poll_until_ns; /* loop's; 0: sleeps until something happens */
    int64_t poll_from_ns;  /* loop's: the core is not shared well before */
    struct ky_mutex lock;
    struct loop_task *first KY_GUARDED_BY(lock);
    struct loop_task *last KY_GUARDED_BY(lock);
    /* Submitted jobs, newest first, linked through link.next. Alone on its cache line: it is
     * what other threads write. */
    _Atomic(struct ky_list *) jobs KY_ALIGNED(64);
};

static void
wake(const struct loop *loop)
{
    uint64_t one = 1;
    ssize_t put = write(loop->wake_fd, &one, sizeof(one));
    (void)put; /* a full counter wakes as well */
}

/* Runs what was submitted, oldest first. */
static void
run_jobs(struct loop *loop)
{
    /* acquire: pairs with loop_submit's release. */
    struct ky_list *newest = atomic_exchange_explicit(&loop->jobs, NULL, memory_order_acquire);
    struct ky_list *oldest = NULL;
    while (newest != NULL) {
        struct ky_list *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct pool_job *job = ky_list_entry(oldest, struct pool_job, link);
        oldest = oldest->next; /* before run: it may submit the job again */
        job->run(job->arg);
    }
}

static void
run_posted(struct loop *loop)
{
    ky_mutex_lock(&loop->lock);
    struct loop_task *task = loop->first;
    loop->first = loop->last = NULL;
    ky_mutex_unlock(&loop->lock);
    while (task != NULL) {
        struct loop_task *next = task->next;
        task->run(task->arg);
        ky_free(task);
        task = next;
    }
}

static void
woken(evutil_socket_t fd KY_UNUSED, short what KY_UNUSED, void *arg)
{
    struct loop *loop = arg;
    loop->has_run = true;
    run_posted(loop);
    run_jobs(loop);
}

struct loop *
loop_new(const char *name)
{
    void *place = NULL;
    KY_ASSERT(posix_memalign(&place, 64, sizeof(struct loop)) == 0);
    struct loop *loop = memset(place, 0, sizeof(*loop));
    size_t size = strlen(name);
    KY_ASSERT(size < sizeof(loop->name));
    memcpy(loop->name, name, size);
    /* A peer that closed early must give an error from write, not end the process. */
    (void)signal(SIGPIPE, SIG_IGN);
    struct event_config *config = event_config_new();
    KY_ASSERT(config != NULL);
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    (void)event_config_require_features(config, EV_FEATURE_ET);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    KY_ASSERT(loop->base != NULL);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    KY_ASSERT(loop->wake_fd >= 0);
    loop->wake_event =
        event_new(loop->base, loop->wake_fd, EV_READ | EV_ET | EV_PERSIST, woken, loop);
    KY_ASSERT(loop->wake_event != NULL);
    int added = event_add(loop->wake_event, NULL);
    KY_ASSERT(added == 0);
    ky_mutex_init(&loop->lock);
    return loop;
}

/* Nothing happened: yields, and sees by the time that took whether another thread had the core. */
static void
poll_again_or_not(struct loop *loop)
{
    ky_metric_add(&metric_looks, 1);
    int64_t before_ns = ky_monotonic_ns();
    (void)sched_yield();
    int64_t now_ns = ky_monotonic_ns();
    if (now_ns - before_ns > YIELD_LONG_NS) {
        loop->poll_from_ns = now_ns + POLL_REST_NS;
        ky_metric_add(&metric_crowded, 1);
    }
    if (now_ns >= loop->poll_until_ns || now_ns < loop->poll_from_ns) {
        loop->poll_until_ns = 0;
    }
}

static void *
run_loop(void *arg)
{
    struct loop *loop = arg;
    loop->self = pthread_self();
    atomic_store_explicit(&loop->is_running, true, memory_order_release);
    while (!loop->is_leaving) {
        if (loop->poll_until_ns == 0) {
            (void)event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
            continue;
        }
        loop->has_run = false;
        (void)event_base_loop(loop->base, EVLOOP_NONBLOCK);
        if (!loop->has_run) {
            poll_again_or_not(loop);
        }
    }
    run_jobs(loop);
    run_posted(loop);
    atomic_store_explicit(&loop->is_running, false, memory_order_release);
    return NULL;
}

void
loop_start(struct loop *loop)
{
    KY_ASSERT(!loop->is_started);
    loop->is_started = true;
    ky_thread_start(&loop->thread, loop->name, run_loop, loop);
}

static void
leave_loop(void *arg)
{
    struct loop *loop = arg;
    loop->is_leaving = true;
    (void)event_base_loopbreak(loop->base);
}

void
loop_stop(struct loop *loop)
{
    if (!loop->is_started) {
        return;
    }
    KY_ASSERT(!loop_is_current(loop));
    loop_post(loop, leave_loop, loop);
    ky_thread_join(&loop->thread);
    loop->is_started = false;
}

void
loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    loop_stop(loop);
    run_jobs(loop);
    run_posted(loop);
    event_free(loop->wake_event);
    event_base_free(loop->base);
    (void)close(loop->wake_fd);
    ky_mutex_deinit(&loop->lock);
    free(loop);
}

void
loop_post(struct loop *loop, void (*run)(void *arg), void *arg)
{
    struct loop_task *task = ky_malloc(sizeof(*task));
    *task = (struct loop_task){.run = run, .arg = arg};
    ky_mutex_lock(&loop->lock);
    bool was_empty = loop->first == NULL;
    if (was_empty) {
        loop->first = task;
    } else {
        loop->last->next = task;
    }
    loop->last = task;
    if (was_empty) {
        /* Under the lock: once it is given up the loop may run everything, end and be freed. */
        wake(loop);
    }
    ky_mutex_unlock(&loop->lock);
}

void
loop_submit(struct loop *loop, struct pool_job *job)
{
    struct ky_list *head = atomic_load_explicit(&loop->jobs, memory_order_relaxed);
    do {
        job->link.next = head;
        /* release: the loop sees what was done before; the job may be gone after this. */
    } while (!atomic_compare_exchange_weak_explicit(&loop->jobs, &head, &job->link,
                                                    memory_order_release, memory_order_relaxed));
    if (head == NULL) {
        wake(loop);
    }
}

void
loop_poll_until(struct loop *loop, int64_t end_ns)
{
    loop->poll_until_ns = end_ns < loop->poll_from_ns ? 0 : end_ns;
}

bool
loop_is_current(const struct loop *loop)
{
    return atomic_load_explicit(&loop->is_running, memory_order_acquire) &&
           pthread_equal(loop->self, pthread_self()) != 0;
}

struct event_base *
loop_base(struct loop *loop)
{
    return loop->base;
}

/* ------------------------------------------------------------------ timers */

static void
timer_fired(evutil_socket_t fd KY_UNUSED, short what KY_UNUSED, void *arg)
{
    struct loop_timer *timer = arg;
    timer->fire(timer->arg);
}

void
loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms, bool is_repeated,
                 void (*fire)(void *arg), void *arg)
{
    KY_ASSERT(delay_ms >= 0);
    loop_timer_stop(timer);
    timer->fire = fire;
    timer->arg = arg;
    timer->event =
        event_new(loop->base, -1, (short)(is_repeated ? EV_PERSIST : 0), timer_fired, timer);
    KY_ASSERT(timer->event != NULL);
    struct timeval delay = {.tv_sec = (time_t)(delay_ms / 1000),
                            .tv_usec = (suseconds_t)(delay_ms % 1000 * 1000)};
    int added = event_add(timer->event, &delay);
    KY_ASSERT(added == 0);
}

void
loop_timer_stop(struct loop_timer *timer)
{
    if (timer->event != NULL) {
        event_free(timer->event);
        timer->event = NULL;
    }
}

/* ------------------------------------------------------------------ watches */

static void
watch_ready(evutil_socket_t fd KY_UNUSED, short what, void *arg)
{
    struct loop_watch *watch = arg;
    watch->loop->has_run = true;
    int told = ((what & EV_READ) != 0 ? LOOP_READABLE : 0) |
               ((what & EV_WRITE) != 0 ? LOOP_WRITABLE : 0) |
               ((what & EV_CLOSED) != 0 ? LOOP_HANGUP : 0);
    watch->ready(watch->arg, told);
}

void
loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd,
                 void (*ready)(void *arg, int what), void *arg)
{
    KY_ASSERT(watch->event == NULL);
    watch->loop = loop;
    watch->ready = ready;
    watch->arg = arg;
    watch->event = event_new(loop->base, fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
                             watch_ready, watch);
    KY_ASSERT(watch->event != NULL);
    int added = event_add(watch->event, NULL);
    KY_ASSERT(added == 0);
}

void
loop_watch_stop(struct loop_watch *watch)
{
    if (watch->event != NULL) {
        event_free(watch->event);
        watch->event = NULL;
    }
}
