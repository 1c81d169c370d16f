/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/epoch.h"

/*
 * ky_epoch_enter and ky_epoch_leave without calls, for lookups that are not much longer than these
 * and call nothing in between.
 * What is declared here belongs to epoch.c, which says why it is right.
 */
struct ky_epoch_word {
    _Atomic uint64_t announced; /* epoch * 2 + 1 inside, 0 outside */
};

extern _Atomic uint64_t ky_epoch_global;
/* This thread's, once it has entered; NULL while it is inside by call, and always where readers
 * must fence for themselves. */
extern _Thread_local struct ky_epoch_word *ky_epoch_own __attribute__((tls_model("local-exec")));

/* NULL when it must be done by call: this thread is inside already, or never was. Between the two
 * nothing may be called that enters an epoch. */
static inline struct ky_epoch_word *
ky_epoch_try_enter(void)
{
    struct ky_epoch_word *own = ky_epoch_own;
    if (KY_UNLIKELY(own == NULL)) {
        return NULL;
    }
    const uint64_t epoch = atomic_load_explicit(&ky_epoch_global, memory_order_acquire);
    atomic_store_explicit(&own->announced, epoch * 2 + 1, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    return own;
}

static inline void
ky_epoch_leave_entered(struct ky_epoch_word *own)
{
    /* As in ky_epoch_leave. */
    atomic_store_explicit(&own->announced, 0, memory_order_release);
}
