/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/thread_value.h"

#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/compiler.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards opening, and the list */
static struct ky_thread_value *first;

/* Destructors of keys do not run for the thread that ends the process. */
static void
free_last(void)
{
    for (struct ky_thread_value *value = first; value != NULL; value = value->next) {
        void *own = pthread_getspecific(value->key);
        if (own != NULL) {
            (void)pthread_setspecific(value->key, NULL);
            value->destroy(own);
        }
    }
}

KY_COLD static void
open_value(struct ky_thread_value *value)
{
    (void)pthread_mutex_lock(&lock);
    if (atomic_load_explicit(&value->is_open, memory_order_relaxed) == 0) {
        int failure = pthread_key_create(&value->key, value->destroy);
        KY_ASSERT(failure == 0);
        if (first == NULL) {
            failure = atexit(free_last);
            KY_ASSERT(failure == 0);
        }
        value->next = first;
        first = value;
        atomic_store_explicit(&value->is_open, 1, memory_order_release);
    }
    (void)pthread_mutex_unlock(&lock);
}

void *
ky_thread_value_get(struct ky_thread_value *value)
{
    if (KY_UNLIKELY(atomic_load_explicit(&value->is_open, memory_order_acquire) == 0)) {
        open_value(value);
    }
    void *own = pthread_getspecific(value->key);
    if (KY_UNLIKELY(own == NULL)) {
        own = value->make();
        const int failure = pthread_setspecific(value->key, own);
        KY_ASSERT(failure == 0);
    }
    return own;
}
