/* SPDX-License-Identifier: Apache-2.0 */

/* Many nodes at once. The threads take short runs of nodes in turn; each run is one stay in the
 * epoch. The calling thread works too, and is the one that reports progress. */

#include "vector/hnsw/build.h"

#include "server/base/assert.h"
#include "server/base/cpu.h"
#include "server/base/epoch.h"
#include "vector/exact/exact.h"
#include "vector/hnsw/link.h"

enum { RUN = 64, THREADS_MAX = 64 };

struct job {
    struct graph *graph;
    const uint32_t *nodes; /* NULL: node i is the i-th */
    uint32_t count;
    uint32_t share; /* see build_holds_back */
    const struct vector_work *work;
    _Atomic uint64_t next; /* relaxed: only who does what */
    _Atomic bool is_stopped;
};

static void
work_on(struct job *job, bool is_reporting)
{
    while (!atomic_load_explicit(&job->is_stopped, memory_order_relaxed)) {
        uint64_t run = atomic_fetch_add_explicit(&job->next, RUN, memory_order_relaxed);
        if (run >= job->count) {
            break;
        }
        ky_epoch_enter();
        for (uint64_t i = run; i < KY_MIN(run + RUN, (uint64_t)job->count); i++) {
            if (job->nodes != NULL) {
                link_node(job->graph, job->nodes[i]);
            } else if (!build_holds_back(job->graph, (uint32_t)i, job->share)) {
                link_node(job->graph, (uint32_t)i);
            }
        }
        ky_epoch_leave();
        if (work_is_cancelled(job->work)) {
            atomic_store_explicit(&job->is_stopped, true, memory_order_relaxed);
        }
        if (is_reporting && job->work->progress != NULL) {
            job->work->progress(job->work->arg, VECTOR_PHASE_LINK, run, job->count);
        }
    }
}

static void *
run_worker(void *arg)
{
    work_on((struct job *)arg, false);
    return NULL;
}

ky_status
build_links(struct graph *graph, const uint32_t *nodes, uint32_t count, uint32_t share,
            const struct vector_work *work, struct ky_error *err)
{
    struct job job = {.graph = graph, .nodes = nodes, .count = count, .share = share, .work = work};
    struct ky_thread threads[THREADS_MAX];
    uint32_t wanted = work->threads != 0 ? work->threads : (uint32_t)ky_cpu()->core_count;
    wanted = KY_MIN(wanted, (uint32_t)THREADS_MAX);
    wanted = KY_MIN(wanted, count / (2 * RUN) + 1);
    atomic_init(&job.next, 0);
    atomic_init(&job.is_stopped, false);
    for (uint32_t i = 1; i < wanted; i++) {
        ky_thread_start(&threads[i], "vector-build", run_worker, &job);
    }
    work_on(&job, true);
    for (uint32_t i = 1; i < wanted; i++) {
        ky_thread_join(&threads[i]);
    }
    if (work_is_cancelled(work)) {
        return search_set_cancelled(err);
    }
    return KY_OK;
}
