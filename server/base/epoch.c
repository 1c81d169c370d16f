/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A global epoch E, and for each thread a word that says "inside, having seen epoch e" or
 * "outside". E moves to E + 1 only when every thread inside has seen E. What is retired while the
 * epoch is r may be freed when it is r + 2:
 *
 *   Let G be the epoch when a reader's announcement became visible. The reader saw at most G, so
 *   while it stays inside, E can move to G + 1 (by somebody who had looked at the reader's word
 *   before) and no further. Anything the reader can reach was unlinked after that, so it was
 *   retired at r >= G and is freed at r + 2 >= G + 2, when the reader is gone.
 *
 * Two fences make "visible" and "unlinked after" mean the same to all processors: one between the
 * announcement and the reader's loads, one between the unlinking store and reading E in retire.
 * The reader's would cost more than many a lookup, and would keep the processor from overlapping
 * one with the next. So where Linux has membarrier, readers only keep the compiler in order, and
 * whoever wants to move E first has the kernel put a fence into every running thread. Then a reader
 * has either announced itself visibly, or its loads come after the fence: E has to move twice
 * before anything is freed, and the second move's fence comes after the unlinking store.
 * ThreadSanitizer knows no fences; for it both are read-modify-write operations.
 *
 * A thread keeps what it retired in three bags, by epoch modulo 3: when a bag's turn comes again it
 * is three epochs old. Each thread's bags have a lock, taken by their owner and by drain only.
 * A thread that ends leaves its bags to the orphans, which any retiring thread frees.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/epoch_inline.h"
#if defined(__linux__)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/mutex.h"

#if defined(__SANITIZE_THREAD__)
#define EPOCH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EPOCH_TSAN 1
#endif
#endif

enum {
    BAG_COUNT = 3,
    CACHE_LINE_SIZE = 64,
    RETIRES_PER_ATTEMPT = 32, /* how often a retiring thread tries to move the epoch */
};

struct retired {
    void *pointer;
    void (*release)(void *);
};

struct bag {
    uint64_t epoch;        /* of everything in it */
    struct retired *items; /* owned */
    size_t count;
    size_t capacity;
    struct bag *next; /* among the orphans */
};

/* One for each thread; never freed, used again by a later thread. */
struct record {
    struct ky_epoch_word word;
    unsigned depth;   /* owner's */
    unsigned retires; /* owner's */
    _Atomic bool is_taken;
    struct record *next; /* immutable once linked */
    struct ky_mutex lock;
    struct bag bags[BAG_COUNT]; /* guarded by lock */
} KY_ALIGNED(CACHE_LINE_SIZE);

_Atomic uint64_t ky_epoch_global = BAG_COUNT;
static _Atomic(struct record *) records;
static struct ky_mutex orphans_lock = {PTHREAD_MUTEX_INITIALIZER};
static struct bag *orphans;      /* guarded by orphans_lock */
static _Atomic bool has_orphans; /* relaxed hint; the lock decides */

/* Set before the first thread registers: E's mover fences for the readers. */
static bool has_remote_fence;

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static _Thread_local struct record *self;
_Thread_local struct ky_epoch_word *ky_epoch_own;

/* Calls what is in the bag and frees the bag's memory. Holds no lock: release may retire. */
static size_t
release_bag(struct bag *bag)
{
    for (size_t i = 0; i < bag->count; i++) {
        bag->items[i].release(bag->items[i].pointer);
    }
    ky_free(bag->items);
    return bag->count;
}

static struct bag
take_bag(struct bag *bag)
{
    struct bag taken = *bag;
    *bag = (struct bag){0};
    return taken;
}

static void
thread_ends(void *arg)
{
    struct record *record = (struct record *)arg;
    KY_ASSERT(record->depth == 0);
    self = NULL;
    ky_epoch_own = NULL;
    ky_mutex_lock(&record->lock);
    ky_mutex_lock(&orphans_lock);
    for (int i = 0; i < BAG_COUNT; i++) {
        if (record->bags[i].count > 0) {
            struct bag *orphan = (struct bag *)ky_malloc(sizeof(*orphan));
            *orphan = take_bag(&record->bags[i]);
            orphan->next = orphans;
            orphans = orphan;
            atomic_store_explicit(&has_orphans, true, memory_order_relaxed);
        }
    }
    ky_mutex_unlock(&orphans_lock);
    ky_mutex_unlock(&record->lock);
    /* Pairs with the acquire in take_record: the next owner sees an empty record. */
    atomic_store_explicit(&record->is_taken, false, memory_order_release);
}

static void
make_key(void)
{
    int result = pthread_key_create(&key, thread_ends);
    KY_ASSERT(result == 0);
#if defined(__linux__) && !defined(EPOCH_TSAN)
    has_remote_fence =
        syscall(__NR_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
#endif
}

/* Every thread that runs has done what it did before, and sees what we did before. */
static void
fence_everywhere(void)
{
#if defined(__linux__)
    if (has_remote_fence) {
        const long result = syscall(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
        KY_ASSERT(result == 0);
    }
#endif
}

static struct record *
take_record(void)
{
    struct record *record = atomic_load_explicit(&records, memory_order_acquire);
    for (; record != NULL; record = record->next) {
        bool expected = false;
        if (!atomic_load_explicit(&record->is_taken, memory_order_relaxed) &&
            atomic_compare_exchange_strong_explicit(&record->is_taken, &expected, true,
                                                    memory_order_acquire, memory_order_relaxed)) {
            return record;
        }
    }
    record = (struct record *)aligned_alloc(CACHE_LINE_SIZE, sizeof(struct record));
    KY_ASSERT(record != NULL);
    *record = (struct record){0};
    ky_mutex_init(&record->lock);
    atomic_init(&record->word.announced, 0);
    atomic_init(&record->is_taken, true);
    struct record *head = atomic_load_explicit(&records, memory_order_relaxed);
    do {
        record->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&records, &head, record, memory_order_seq_cst,
                                                    memory_order_relaxed));
    return record;
}

KY_COLD static struct record *
register_thread(void)
{
    (void)pthread_once(&key_once, make_key);
    self = take_record();
    ky_epoch_own = has_remote_fence ? &self->word : NULL;
    int result = pthread_setspecific(key, self);
    KY_ASSERT(result == 0);
    return self;
}

static inline struct record *
own_record(void)
{
    return KY_LIKELY(self != NULL) ? self : register_thread();
}

void
ky_epoch_enter(void)
{
    struct record *record = own_record();
    if (record->depth++ > 0) {
        return;
    }
    ky_epoch_own = NULL;
    uint64_t epoch = atomic_load_explicit(&ky_epoch_global, memory_order_acquire);
    uint64_t announced = epoch * 2 + 1;
#ifdef EPOCH_TSAN
    (void)atomic_exchange_explicit(&record->word.announced, announced, memory_order_seq_cst);
#else
    atomic_store_explicit(&record->word.announced, announced, memory_order_release);
    if (KY_LIKELY(has_remote_fence)) {
        atomic_signal_fence(memory_order_seq_cst);
    } else {
        atomic_thread_fence(memory_order_seq_cst);
    }
#endif
}

void
ky_epoch_leave(void)
{
    struct record *record = self;
    KY_ASSERT(record != NULL);
    KY_ASSERT(record->depth > 0);
    if (--record->depth == 0) {
        /* Pairs with the acquire in try_advance: our reads are over before anything is freed. */
        atomic_store_explicit(&record->word.announced, 0, memory_order_release);
        ky_epoch_own = has_remote_fence ? &record->word : NULL;
    }
}

/* The epoch, read after everything this thread did before. */
static uint64_t
epoch_after_unlink(void)
{
#ifdef EPOCH_TSAN
    return atomic_fetch_add_explicit(&ky_epoch_global, 0, memory_order_seq_cst);
#else
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(&ky_epoch_global, memory_order_seq_cst);
#endif
}

static void
try_advance(void)
{
    fence_everywhere();
    uint64_t epoch = epoch_after_unlink();
    struct record *record = atomic_load_explicit(&records, memory_order_seq_cst);
    for (; record != NULL; record = record->next) {
        uint64_t announced = atomic_load_explicit(&record->word.announced, memory_order_seq_cst);
        if (announced != 0 && announced != epoch * 2 + 1) {
            return;
        }
    }
    /* Failure means that somebody else moved it. */
    (void)atomic_compare_exchange_strong_explicit(&ky_epoch_global, &epoch, epoch + 1,
                                                  memory_order_seq_cst, memory_order_relaxed);
}

static void
free_old_orphans(uint64_t epoch)
{
    if (!atomic_load_explicit(&has_orphans, memory_order_relaxed)) {
        return;
    }
    struct bag *old = NULL;
    ky_mutex_lock(&orphans_lock);
    struct bag **place = &orphans;
    while (*place != NULL) {
        struct bag *bag = *place;
        if (bag->epoch + 2 <= epoch) {
            *place = bag->next;
            bag->next = old;
            old = bag;
        } else {
            place = &bag->next;
        }
    }
    atomic_store_explicit(&has_orphans, orphans != NULL, memory_order_relaxed);
    ky_mutex_unlock(&orphans_lock);
    while (old != NULL) {
        struct bag *next = old->next;
        (void)release_bag(old);
        ky_free(old);
        old = next;
    }
}

static void
free_old_bags(struct record *record)
{
    /* Acquire: what readers did before the epoch moved is over for us too. */
    uint64_t epoch = atomic_load_explicit(&ky_epoch_global, memory_order_acquire);
    struct bag old[BAG_COUNT] = {0};
    ky_mutex_lock(&record->lock);
    for (int i = 0; i < BAG_COUNT; i++) {
        if (record->bags[i].count > 0 && record->bags[i].epoch + 2 <= epoch) {
            old[i] = take_bag(&record->bags[i]);
        }
    }
    ky_mutex_unlock(&record->lock);
    for (int i = 0; i < BAG_COUNT; i++) {
        (void)release_bag(&old[i]);
    }
    free_old_orphans(epoch);
}

static void
bag_push(struct bag *bag, struct retired item)
{
    if (bag->count == bag->capacity) {
        bag->capacity = bag->capacity == 0 ? RETIRES_PER_ATTEMPT : bag->capacity * 2;
        bag->items =
            (struct retired *)ky_realloc(bag->items, bag->capacity * sizeof(struct retired));
    }
    bag->items[bag->count++] = item;
}

void
ky_epoch_retire(void *pointer, void (*release)(void *))
{
    struct record *record = own_record();
    struct bag old = {0};
    ky_mutex_lock(&record->lock);
    uint64_t epoch = epoch_after_unlink();
    struct bag *bag = &record->bags[epoch % BAG_COUNT];
    if (bag->epoch != epoch) {
        old = take_bag(bag);
        bag->epoch = epoch;
    }
    bag_push(bag, (struct retired){pointer, release});
    ky_mutex_unlock(&record->lock);
    (void)release_bag(&old);
    if (++record->retires >= RETIRES_PER_ATTEMPT) {
        record->retires = 0;
        try_advance();
        free_old_bags(record);
    }
}

void
ky_epoch_wait(void)
{
    const struct timespec pause = {.tv_nsec = 100000};
    KY_ASSERT(self == NULL || self->depth == 0);
    /* Two steps, as for what is retired: then whoever may have looked before has left. */
    uint64_t target = epoch_after_unlink() + 2;
    while (atomic_load_explicit(&ky_epoch_global, memory_order_acquire) < target) {
        try_advance();
        if (atomic_load_explicit(&ky_epoch_global, memory_order_acquire) < target) {
            (void)nanosleep(&pause, NULL);
        }
    }
}

void
ky_epoch_reclaim(void)
{
    struct record *record = own_record();
    /* Twice, since what is retired now goes two epochs later. */
    try_advance();
    try_advance();
    free_old_bags(record);
}

static size_t
drain_once(void)
{
    size_t released = 0;
    struct record *record = atomic_load_explicit(&records, memory_order_acquire);
    for (; record != NULL; record = record->next) {
        KY_ASSERT(atomic_load_explicit(&record->word.announced, memory_order_acquire) == 0);
        for (int i = 0; i < BAG_COUNT; i++) {
            ky_mutex_lock(&record->lock);
            struct bag bag = take_bag(&record->bags[i]);
            ky_mutex_unlock(&record->lock);
            released += release_bag(&bag);
        }
    }
    ky_mutex_lock(&orphans_lock);
    struct bag *bag = orphans;
    orphans = NULL;
    ky_mutex_unlock(&orphans_lock);
    while (bag != NULL) {
        struct bag *next = bag->next;
        released += release_bag(bag);
        ky_free(bag);
        bag = next;
    }
    return released;
}

void
ky_epoch_drain(void)
{
    /* What is released may retire more. */
    while (drain_once() > 0) {
    }
}
