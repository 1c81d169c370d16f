/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/access/access_private.h"
#include "server/base/log.h"

/*
 * The linker: one thread of low priority that goes round the vector indexes and lets each do a
 * bounded step of upkeep (take new entries into its graph, repair around removed ones, measure).
 * It holds a reference to what it works on, so that an index may be dropped meanwhile.
 */
enum { LINK_ENTRIES = 256, LINK_IDLE_MS = 100, LINK_NICE = 10, LINK_INDEXES_MAX = 4096 };

static uint32_t
hold_all(struct access *access, struct access_index **held)
{
    uint32_t count = 0;
    size_t cursor = 0;
    uint64_t oid;
    uint64_t pointer;
    ky_mutex_lock(&access->lock);
    while (count < LINK_INDEXES_MAX && ky_map64_next(&access->indexes, &cursor, &oid, &pointer)) {
        struct access_index *runtime = (struct access_index *)(uintptr_t)pointer;
        if (runtime->vectors != NULL &&
            !atomic_load_explicit(&runtime->is_resting, memory_order_relaxed)) {
            runtime_hold(runtime);
            held[count++] = runtime;
        }
    }
    ky_mutex_unlock(&access->lock);
    return count;
}

static bool
step(struct access *access, struct access_index *runtime)
{
    struct ky_error err;
    bool has_more = false;
    const struct vector_work work = {.is_cancelled = &access->is_link_stopping, .threads = 1};
    ky_error_init(&err);
    if (collection_maintain(runtime->vectors, LINK_ENTRIES, &work, &has_more, &err) == KY_OK) {
        runtime->is_upkeep_failing = false;
        return has_more;
    }
    /* Without memory for a graph the search stays exact: said once, tried again later. */
    if (!runtime->is_upkeep_failing && err.sqlstate != KY_QUERY_CANCELED) {
        ky_log(WARN, "access", "vector index upkeep failed index=%u error=\"%s\"", runtime->oid,
               err.message);
        runtime->is_upkeep_failing = true;
    }
    return false;
}

void *
access_link_run(void *arg)
{
    struct access *access = arg;
    struct access_index **held = ky_malloc(LINK_INDEXES_MAX * sizeof(struct access_index *));
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), LINK_NICE);
    ky_mutex_lock(&access->link_lock);
    /* relaxed: written under link_lock; the engine's looks may come late. */
    while (atomic_load_explicit(&access->is_link_stopping, memory_order_relaxed) == 0) {
        ky_mutex_unlock(&access->link_lock);
        bool has_more = false;
        const uint32_t count = hold_all(access, held);
        for (uint32_t i = 0; i < count; i++) {
            has_more = step(access, held[i]) || has_more;
            runtime_free(held[i]);
        }
        ky_mutex_lock(&access->link_lock);
        if (!has_more &&
            atomic_load_explicit(&access->is_link_stopping, memory_order_relaxed) == 0) {
            (void)ky_cond_wait_for(&access->link_wake, &access->link_lock, LINK_IDLE_MS);
        }
    }
    ky_mutex_unlock(&access->link_lock);
    ky_free(held);
    return NULL;
}

void
access_link_stop(struct access *access)
{
    ky_mutex_lock(&access->link_lock);
    atomic_store_explicit(&access->is_link_stopping, 1, memory_order_relaxed);
    ky_cond_broadcast(&access->link_wake);
    ky_mutex_unlock(&access->link_lock);
    ky_thread_join(&access->linker);
}
