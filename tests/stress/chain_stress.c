/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/endian.h"
#include "server/base/mutex.h"
#include "server/base/random.h"
#include "storage/storage.h"
#include "tests/support/mem_disk.h"

/*
 * A chain of commits on one row, each built on one that may not be durable yet (locks of changed
 * rows go before the sync), on a disk that loses power in the middle. Every transaction raises the
 * row by one and inserts the number it wrote. Answers come in the order of the chain; after the
 * crash, which keeps any part of what was not synced, the row and the numbers are those of a
 * beginning of the chain that holds every commit that was answered. When a sync fails, neither the
 * commit it was for nor one that builds on it is answered.
 *
 *   chain_stress [ROUNDS=60] [SEED]
 */
enum { ACTORS = 4, REL_HOT = 30000, REL_NUMBERS = 30001, CALLS_MAX = 60 };

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                              \
        }                                                                         \
    } while (0)

struct actor {
    struct ky_thread thread;
    struct lock_waiter waiter;
    bool is_awake; /* guarded by lock */
    uint64_t number;
    uint64_t random;
};

static struct ky_mutex lock;
static struct ky_cond woken;
static bool is_dead; /* guarded by lock */
static uint64_t answered;
static uint64_t overlaps;
static struct storage *storage;
static row_id_t hot;
static struct actor actors[ACTORS];

static void
on_fatal(void *arg, const struct ky_error *err)
{
    (void)arg;
    (void)err;
    ky_mutex_lock(&lock);
    is_dead = true;
    ky_cond_broadcast(&woken);
    ky_mutex_unlock(&lock);
}

static void
wake(struct actor *actor)
{
    ky_mutex_lock(&lock);
    actor->is_awake = true;
    ky_cond_broadcast(&woken);
    ky_mutex_unlock(&lock);
}

static void
lock_woken(struct lock_waiter *waiter)
{
    wake(KY_CONTAINER_OF(waiter, struct actor, waiter));
}

/* False: the log has failed, nobody wakes anybody any more. */
static bool
wait_awake(struct actor *actor)
{
    ky_mutex_lock(&lock);
    while (!actor->is_awake && !is_dead) {
        ky_cond_wait(&woken, &lock);
    }
    bool is_awake = actor->is_awake;
    actor->is_awake = false;
    ky_mutex_unlock(&lock);
    return is_awake;
}

static void
committed(void *arg, ky_status status, const struct txn_result *result, const struct ky_error *err)
{
    struct actor *actor = arg;
    (void)result;
    (void)err;
    CHECK(status == KY_OK);
    CHECK(actor->number == answered + 1); /* the log writer's thread: nobody else writes it */
    answered = actor->number;
    wake(actor);
}

static bool
take_hot(struct actor *actor, struct txn *txn)
{
    struct ky_error err;
    enum lock_answer answer = LOCK_PENDING;
    for (;;) {
        CHECK(storage_lock_row(txn, REL_HOT, hot, ROW_LOCK_NO_KEY_UPDATE, LOCK_POLICY_WAIT,
                               &actor->waiter, &answer, &err) == KY_OK);
        if (answer == LOCK_GRANTED) {
            return true;
        }
        if (!wait_awake(actor)) {
            storage_lock_cancel(&actor->waiter);
            return false;
        }
    }
}

/* One link of the chain. False: the log has failed. */
static bool
add_link(struct actor *actor)
{
    struct ky_error err;
    struct row_ref row;
    row_id_t row_id;
    uint8_t body[8];
    struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
    txn_statement_begin(txn);
    if (!take_hot(actor, txn)) {
        txn_rollback(txn);
        return false;
    }
    enum row_state state = storage_row_state(txn, REL_HOT, hot, &row);
    CHECK(state == ROW_UNCHANGED || state == ROW_CHANGED);
    actor->number = ky_load_le64(row.body.data) + 1;
    (void)__atomic_fetch_add(&overlaps, !txn_is_settled(txn), __ATOMIC_RELAXED);
    ky_store_le64(body, actor->number);
    struct ky_slice slice = ky_slice(body, sizeof(body));
    if (storage_update(txn, REL_HOT, true, hot, slice, &err) != KY_OK ||
        storage_insert(txn, REL_NUMBERS, true, slice, &row_id, &err) != KY_OK) {
        CHECK(err.sqlstate == KY_DISK_FULL); /* what a log that has failed says */
        txn_rollback(txn);
        return false;
    }
    txn_statement_end(txn);
    txn_commit(txn, TXN_SYNC, committed, actor);
    return wait_awake(actor);
}

static void *
actor_main(void *arg)
{
    while (add_link(arg)) {
    }
    return NULL;
}

static void
open_storage(struct mem_disk *disk)
{
    struct ky_error err;
    ky_error_init(&err);
    const struct storage_options options = {
        .dir = "data", .io = mem_disk_io(disk), .segment_size = 256 * 1024, .on_fatal = on_fatal};
    if (storage_open(&options, &storage, &err) != KY_OK) {
        (void)fprintf(stderr, "%s %s\n", err.message, err.detail);
        abort();
    }
}

/* Before the first round: the row. */
static void
make_hot(void)
{
    struct ky_error err;
    uint8_t body[8] = {0};
    struct actor *actor = &actors[0];
    struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
    CHECK(storage_insert(txn, REL_HOT, true, ky_slice(body, 8), &hot, &err) == KY_OK);
    actor->number = 1;
    txn_commit(txn, TXN_SYNC, committed, actor);
    CHECK(wait_awake(actor));
    answered = 0;
}

/* The row's number; the numbers are all those up to it. */
static uint64_t
check_chain(void)
{
    struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
    struct storage_scan scan;
    struct row_ref rows[64];
    struct row_ref row;
    uint64_t count = 0;
    uint64_t sum = 0;
    uint64_t highest = 0;
    txn_statement_begin(txn);
    CHECK(storage_get(txn, REL_HOT, hot, &row));
    uint64_t value = ky_load_le64(row.body.data);
    storage_scan_init(&scan, txn, REL_NUMBERS);
    for (uint32_t got; (got = storage_scan_next(&scan, rows, 64)) > 0; count += got) {
        for (uint32_t i = 0; i < got; i++) {
            uint64_t number = ky_load_le64(rows[i].body.data);
            sum += number;
            highest = KY_MAX(highest, number);
        }
    }
    txn_rollback(txn);
    CHECK(count == value && highest == value && sum == value * (value + 1) / 2);
    return value;
}

static void
play_round(struct mem_disk *disk, struct ky_prng *prng)
{
    is_dead = false;
    mem_disk_fault(disk, MEM_FAULT_POWER, 5, 1 + ky_prng_below(prng, CALLS_MAX));
    for (size_t i = 0; i < ACTORS; i++) {
        actors[i].is_awake = false;
        ky_thread_start(&actors[i].thread, "actor", actor_main, &actors[i]);
    }
    for (size_t i = 0; i < ACTORS; i++) {
        ky_thread_join(&actors[i].thread);
    }
    storage_close(storage);
    CHECK(mem_disk_fault_hit(disk));
    mem_disk_crash(disk, (enum mem_crash)ky_prng_below(prng, 3), ky_prng_next(prng));
    mem_disk_fault(disk, MEM_FAULT_NONE, 0, 0);
    open_storage(disk);
    uint64_t value = check_chain();
    CHECK(value >= answered);
    CHECK(value <= answered + ACTORS);
    answered = value;
}

int
main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 60;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)ky_monotonic_ns();
    struct mem_disk *disk = mem_disk_new();
    struct ky_prng prng;
    /* The disk in memory syncs at once: give others time to come in between. */
    (void)setenv("KYRO_FAILPOINT", "log-placed:sleep:1", 1);
    (void)printf("seed %" PRIu64 "\n", seed);
    (void)fflush(stdout);
    ky_prng_init(&prng, seed);
    ky_mutex_init(&lock);
    ky_cond_init(&woken);
    for (size_t i = 0; i < ACTORS; i++) {
        actors[i].waiter = (struct lock_waiter){.wake = lock_woken, .pid = (int)i + 1};
    }
    open_storage(disk);
    make_hot();
    for (long round = 0; round < rounds; round++) {
        play_round(disk, &prng);
    }
    storage_close(storage);
    mem_disk_free(disk);
    ky_cond_deinit(&woken);
    ky_mutex_deinit(&lock);
    (void)printf("%ld rounds, a chain of %" PRIu64 ", %" PRIu64 " built on what was not durable\n",
                 rounds, answered, overlaps);
    return overlaps > 0 ? 0 : 1;
}
