/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Accept, which looks at rows, is one thread's. So several threads only draft: they rank places,
 * whoever has them, and keep the best. A few more than k are drafted (SPARE), because some of them
 * may be of rows that are not visible. Then the caller considers the drafted places from the
 * nearest on, as a search alone would do it. When too many of them were refused, or ranks are equal
 * where the draft ends, the draft does not say who is next: then the caller searches alone.
 *
 * What the threads tell each other is the rank that the draft ends at: a heap that is full has
 * enough places that are better, so no thread needs any above it. It only falls. A place below its
 * last value is in one of the heaps: it was never above the value, nor displaced by better ones.
 */

#include "vector/exact/space.h"

#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/cpu.h"
#include "server/base/mutex.h"

enum {
    SPARE = 32,
    THREADS_MAX = 16,
    THREAD_BYTES_MIN = 4 << 20, /* less for each is not worth starting a thread */
};

/* Threads that search large spaces now. One more is started only while there is a core for it:
 * beside other searches it would but take turns with them. */
static atomic_int searching;

struct draft {
    const struct exact_space *space;
    const struct vector_options *options;
    struct vector_search search;
    _Atomic uint64_t next; /* place */
    _Atomic double limit;  /* the rank that the draft ends at */
};

struct drafter {
    struct draft *draft;
    struct exact_search exact;
    struct vector_search_stats stats;
    struct ky_thread thread;
};

static void
share_limit(struct draft *draft, struct exact_search *exact)
{
    /* Relaxed: a value that is late is only higher than it might be. */
    double limit = atomic_load_explicit(&draft->limit, memory_order_relaxed);
    while (exact->threshold < limit &&
           !atomic_compare_exchange_weak_explicit(&draft->limit, &limit, exact->threshold,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    if (limit < exact->threshold) {
        exact->threshold = limit;
    }
}

static void *
draft_run(void *arg)
{
    struct drafter *drafter = (struct drafter *)arg;
    struct draft *draft = drafter->draft;
    const struct exact_space *space = draft->space;
    struct exact_search *exact = &drafter->exact;
    void *work = space->begin(space->places, exact);
    while (!search_is_cancelled(exact->search)) {
        const uint64_t first =
            atomic_fetch_add_explicit(&draft->next, space->run_places, memory_order_relaxed);
        if (first >= space->place_count) {
            break;
        }
        space->run(work, exact, first, KY_MIN(first + space->run_places, space->place_count));
        share_limit(draft, exact);
    }
    space->end(work);
    return NULL;
}

static void
drafter_init(struct drafter *drafter, struct draft *draft)
{
    drafter->draft = draft;
    drafter->stats = (struct vector_search_stats){0};
    struct vector_hit *hits =
        (struct vector_hit *)ky_malloc(((size_t)draft->search.k + 1) * sizeof(*hits));
    exact_init(&drafter->exact, draft->options, &draft->search, hits, &drafter->stats);
    drafter->exact.is_draft = true;
}

static void
drafter_deinit(struct drafter *drafter)
{
    ky_free(drafter->exact.heap.hits);
    exact_deinit(&drafter->exact);
}

static int
compare_drafted(const void *left, const void *right)
{
    const struct vector_hit *a = (const struct vector_hit *)left;
    const struct vector_hit *b = (const struct vector_hit *)right;
    return hit_is_worse(a, b) ? 1 : hit_is_worse(b, a) ? -1 : 0;
}

/* What was drafted by all. */
struct drafted {
    struct vector_hit *hits; /* owned; the nearest first */
    size_t count;
    bool is_all; /* no place was left out */
    double limit;
};

static struct drafted
gather(const struct drafter *drafters, uint32_t count)
{
    struct drafted drafted = {
        .is_all = true,
        .limit = atomic_load_explicit(&drafters[0].draft->limit, memory_order_relaxed)};
    const size_t room = (size_t)count * drafters[0].draft->search.k + 1;
    drafted.hits = (struct vector_hit *)ky_malloc(room * sizeof(*drafted.hits));
    for (uint32_t i = 0; i < count; i++) {
        const struct hit_heap *heap = &drafters[i].exact.heap;
        memcpy(drafted.hits + drafted.count, heap->hits, heap->count * sizeof(*drafted.hits));
        drafted.count += heap->count;
        drafted.is_all = drafted.is_all && heap->count < heap->capacity;
    }
    qsort(drafted.hits, drafted.count, sizeof(*drafted.hits), compare_drafted);
    return drafted;
}

/* Are those the k best, whatever the draft left out? A heap full of what is not a number has left
 * out some of that, and set no limit. */
static bool
choose(struct exact_search *exact, const struct exact_space *space, const struct drafted *drafted)
{
    const uint64_t scanned = exact->stats->delta_scanned; /* the drafters count */
    void *work = space->begin(space->places, exact);
    for (size_t i = 0; i < drafted->count && !(drafted->hits[i].distance > exact->threshold); i++) {
        space->consider(work, exact, drafted->hits[i].row_id);
    }
    space->end(work);
    exact->stats->delta_scanned = scanned;
    return drafted->is_all || exact->threshold < drafted->limit;
}

static uint32_t
helpers_wanted(const struct exact_search *exact, const struct exact_space *space)
{
    const uint64_t worth = space->place_count * space->place_size / THREAD_BYTES_MIN;
    const uint64_t cores = (uint64_t)KY_MIN(ky_cpu()->core_count, (int)THREADS_MAX);
    const bool is_one = exact->search->is_alone || exact->search->test != NULL || worth < 2;
    return is_one ? 0 : (uint32_t)KY_MIN(worth, cores) - 1;
}

/* Counts the caller and as many helpers as there are cores for, up to those wanted. */
static uint32_t
take_helpers(uint32_t wanted)
{
    int running = atomic_load_explicit(&searching, memory_order_relaxed);
    int taken = 0;
    do {
        taken = KY_MIN((int)wanted, KY_MAX(ky_cpu()->core_count - 1 - running, 0));
    } while (!atomic_compare_exchange_weak_explicit(&searching, &running, running + 1 + taken,
                                                    memory_order_relaxed, memory_order_relaxed));
    return (uint32_t)taken;
}

static void
give_back(uint32_t count)
{
    (void)atomic_fetch_sub_explicit(&searching, (int)count, memory_order_relaxed);
}

/* What a search had found elsewhere before it came to a space. */
struct hits_before {
    struct vector_hit *hits; /* owned */
    uint32_t count;
    double threshold;
};

static struct hits_before
remember(const struct exact_search *exact)
{
    const size_t size = exact->heap.count * sizeof(struct vector_hit);
    struct hits_before before = {(struct vector_hit *)ky_malloc(size + 1), exact->heap.count,
                                 exact->threshold};
    memcpy(before.hits, exact->heap.hits, size);
    return before;
}

static void
go_back(struct exact_search *exact, const struct hits_before *before)
{
    memcpy(exact->heap.hits, before->hits, before->count * sizeof(struct vector_hit));
    exact->heap.count = before->count;
    exact->threshold = before->threshold;
}

/* True: the hits are complete, or the search is cancelled. */
static bool
search_together(struct exact_search *exact, const struct exact_space *space, uint32_t count)
{
    struct draft draft = {.space = space,
                          .options = exact->options,
                          .search = *exact->search,
                          .limit = (double)INFINITY};
    struct drafter drafters[THREADS_MAX];
    uint32_t started = 1; /* the caller's */
    draft.search.accept = NULL;
    draft.search.has_radius = false;
    draft.search.k = exact->search->k + SPARE;
    for (uint32_t i = 0; i < count; i++) {
        drafter_init(&drafters[i], &draft);
    }
    while (started < count && ky_thread_start_beside(&drafters[started].thread, "vector-search",
                                                     draft_run, &drafters[started])) {
        started++;
    }
    (void)draft_run(&drafters[0]);
    for (uint32_t i = 1; i < started; i++) {
        ky_thread_join(&drafters[i].thread);
    }
    exact->stats->threads = KY_MAX(exact->stats->threads, started);
    bool is_complete = search_is_cancelled(exact->search);
    if (!is_complete) {
        struct drafted drafted = gather(drafters, count);
        is_complete = choose(exact, space, &drafted);
        ky_free(drafted.hits);
    }
    for (uint32_t i = 0; i < count; i++) {
        exact->stats->delta_scanned += drafters[i].stats.delta_scanned;
        drafter_deinit(&drafters[i]);
    }
    return is_complete;
}

static ky_status
search_alone(struct exact_search *exact, const struct exact_space *space, struct ky_error *err)
{
    void *work = space->begin(space->places, exact);
    for (uint64_t first = 0; first < space->place_count && !search_is_cancelled(exact->search);
         first += space->run_places) {
        space->run(work, exact, first, KY_MIN(first + space->run_places, space->place_count));
    }
    space->end(work);
    return search_is_cancelled(exact->search) ? search_set_cancelled(err) : KY_OK;
}

static ky_status
search_by_several(struct exact_search *exact, const struct exact_space *space, uint32_t count,
                  struct ky_error *err)
{
    struct hits_before before = remember(exact);
    const bool is_complete = search_together(exact, space, count);
    if (!is_complete) {
        go_back(exact, &before);
    }
    ky_free(before.hits);
    if (search_is_cancelled(exact->search)) {
        return search_set_cancelled(err);
    }
    return is_complete ? KY_OK : search_alone(exact, space, err);
}

ky_status
exact_search_space(struct exact_search *exact, const struct exact_space *space,
                   struct ky_error *err)
{
    if (exact->search->k == 0) {
        return KY_OK;
    }
    const uint32_t wanted = helpers_wanted(exact, space);
    if (wanted == 0) {
        return search_alone(exact, space, err);
    }
    const uint32_t taken = take_helpers(wanted);
    ky_status status = taken == 0 ? search_alone(exact, space, err)
                                  : search_by_several(exact, space, taken + 1, err);
    give_back(taken + 1);
    return status;
}
