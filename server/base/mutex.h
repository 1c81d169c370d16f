/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "server/base/compiler.h"

/* pthread mutex and condition with Clang's thread-safety annotations; never fail. */
struct KY_CAPABILITY("mutex") ky_mutex {
    pthread_mutex_t os;
};

struct ky_cond {
    pthread_cond_t os; /* on CLOCK_MONOTONIC */
};

void ky_mutex_init(struct ky_mutex *mutex);
void ky_mutex_deinit(struct ky_mutex *mutex);
void ky_mutex_lock(struct ky_mutex *mutex) KY_ACQUIRE(mutex);
/* False, and no lock, when somebody has it. */
bool ky_mutex_try_lock(struct ky_mutex *mutex) KY_TRY_ACQUIRE(true, mutex);
void ky_mutex_unlock(struct ky_mutex *mutex) KY_RELEASE(mutex);

void ky_cond_init(struct ky_cond *cond);
void ky_cond_deinit(struct ky_cond *cond);
void ky_cond_wait(struct ky_cond *cond, struct ky_mutex *mutex) KY_REQUIRES(mutex);
/* False when timeout_ms passed first. */
bool ky_cond_wait_for(struct ky_cond *cond, struct ky_mutex *mutex, int64_t timeout_ms)
    KY_REQUIRES(mutex);
void ky_cond_signal(struct ky_cond *cond);
void ky_cond_broadcast(struct ky_cond *cond);

struct ky_thread {
    pthread_t os;
};

/* Starts a named thread with all signals but SIGBUS blocked (main handles them). Ends the process
 * on failure.
 */
void ky_thread_start(struct ky_thread *thread, const char *name, void *(*run)(void *), void *arg);
/* The same on other cores than the caller's, which goes on working: the scheduler likes to leave a
 * new thread behind its maker for a while. False: there is none, by a limit of the machine's. */
KY_MUST_CHECK bool ky_thread_start_beside(struct ky_thread *thread, const char *name,
                                          void *(*run)(void *), void *arg);
void ky_thread_join(struct ky_thread *thread);
/* From now on the calling thread gives way to others that want its core (nice 5): for work that
 * nobody waits for. It cannot be undone without privileges. */
void ky_thread_set_background(void);
/* Runs the function on a background thread of its own and waits for it. */
void ky_thread_run_background(const char *name, void (*run)(void *arg), void *arg);
