/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/endian.h"
#include "server/base/mutex.h"
#include "server/base/random.h"
#include "storage/storage.h"
#include "tests/support/mem_disk.h"

/*
 * Accounts whose sum never changes: writers move money between two rows under row locks, taken in
 * any order, so that circles happen; some insert and delete rows of no value; readers check the
 * sum in every snapshot, with statements and with long transactions; a checkpoint runs all the
 * while. Then the storage is opened again and the sum checked once more.
 */
enum { ACCOUNTS = 8, START_BALANCE = 1000, WRITERS = 3, READERS = 2, REL = 30000 };

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                              \
        }                                                                         \
    } while (0)

static struct storage *storage;
static row_id_t accounts[ACCOUNTS];
static _Atomic bool is_over;
static _Atomic uint64_t transfers;
static _Atomic uint64_t deadlocks;
static _Atomic uint64_t checks;

/* A thread that sleeps until it is woken: what a session's scheduler would do. */
struct actor {
    struct ky_mutex lock;
    struct ky_cond cond;
    bool is_awake;
    ky_status status;
    struct lock_waiter waiter;
    struct ky_prng prng;
};

static void
actor_signal(struct actor *actor)
{
    ky_mutex_lock(&actor->lock);
    actor->is_awake = true;
    ky_cond_signal(&actor->cond);
    ky_mutex_unlock(&actor->lock);
}

static void
actor_wait(struct actor *actor)
{
    ky_mutex_lock(&actor->lock);
    while (!actor->is_awake) {
        ky_cond_wait(&actor->cond, &actor->lock);
    }
    actor->is_awake = false;
    ky_mutex_unlock(&actor->lock);
}

static void
actor_wake(struct lock_waiter *waiter)
{
    actor_signal(KY_CONTAINER_OF(waiter, struct actor, waiter));
}

static void
actor_done(void *arg, ky_status status, const struct txn_result *result, const struct ky_error *err)
{
    (void)result;
    (void)err;
    struct actor *actor = arg;
    actor->status = status;
    actor_signal(actor);
}

static void
actor_commit(struct actor *actor, struct txn *txn)
{
    txn_commit(txn, (enum txn_sync)ky_prng_below(&actor->prng, 3), actor_done, actor);
    actor_wait(actor);
    CHECK(actor->status == KY_OK);
}

static void
actor_init(struct actor *actor, uint64_t seed)
{
    memset(actor, 0, sizeof(*actor));
    ky_mutex_init(&actor->lock);
    ky_cond_init(&actor->cond);
    ky_prng_init(&actor->prng, seed);
    actor->waiter.wake = actor_wake;
    actor->waiter.pid = (int)seed;
}

static void
actor_deinit(struct actor *actor)
{
    ky_cond_deinit(&actor->cond);
    ky_mutex_deinit(&actor->lock);
}

static bool
lock_row(struct actor *actor, struct txn *txn, row_id_t row)
{
    struct ky_error err;
    enum lock_answer answer = LOCK_BUSY;
    for (;;) {
        if (storage_lock_row(txn, REL, row, ROW_LOCK_NO_KEY_UPDATE, LOCK_POLICY_WAIT,
                             &actor->waiter, &answer, &err) != KY_OK) {
            CHECK(err.sqlstate == KY_DEADLOCK_DETECTED);
            atomic_fetch_add(&deadlocks, 1);
            return false;
        }
        if (answer == LOCK_GRANTED) {
            return true;
        }
        CHECK(answer == LOCK_PENDING);
        if (ky_prng_below(&actor->prng, 50) == 0) {
            storage_lock_cancel(&actor->waiter);
            ky_mutex_lock(&actor->lock);
            actor->is_awake = false;
            ky_mutex_unlock(&actor->lock);
            return false;
        }
        actor_wait(actor);
    }
}

static int64_t
newest_balance(struct txn *txn, row_id_t row)
{
    struct row_ref ref;
    enum row_state state = storage_row_state(txn, REL, row, &ref);
    CHECK(state == ROW_UNCHANGED || state == ROW_CHANGED || state == ROW_OWN);
    return (int64_t)ky_load_le64(ref.body.data);
}

static void
set_balance(struct txn *txn, row_id_t row, int64_t balance)
{
    struct ky_error err;
    uint8_t body[8];
    ky_store_le64(body, (uint64_t)balance);
    CHECK(storage_update(txn, REL, true, row, ky_slice(body, sizeof(body)), &err) == KY_OK);
}

static void
transfer(struct actor *actor)
{
    struct ky_error err;
    enum lock_answer answer = LOCK_BUSY;
    row_id_t from = accounts[ky_prng_below(&actor->prng, ACCOUNTS)];
    row_id_t to = accounts[ky_prng_below(&actor->prng, ACCOUNTS)];
    struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
    txn_statement_begin(txn);
    CHECK(storage_lock_table(txn, REL, LOCK_ROW_EXCLUSIVE, LOCK_POLICY_WAIT, &actor->waiter,
                             &answer, &err) == KY_OK);
    while (answer == LOCK_PENDING) {
        actor_wait(actor);
        CHECK(storage_lock_table(txn, REL, LOCK_ROW_EXCLUSIVE, LOCK_POLICY_WAIT, &actor->waiter,
                                 &answer, &err) == KY_OK);
    }
    if (from == to || !lock_row(actor, txn, from) || !lock_row(actor, txn, to)) {
        txn_rollback(txn);
        return;
    }
    int64_t amount = (int64_t)ky_prng_below(&actor->prng, 100);
    set_balance(txn, from, newest_balance(txn, from) - amount);
    set_balance(txn, to, newest_balance(txn, to) + amount);
    row_id_t extra = 0;
    uint8_t zero[8] = {0};
    CHECK(storage_insert(txn, REL, false, ky_slice(zero, 8), &extra, &err) == KY_OK);
    if (ky_prng_below(&actor->prng, 2) == 0) {
        CHECK(storage_delete(txn, REL, false, extra, ky_slice(zero, 0), &err) == KY_OK);
    }
    if (ky_prng_below(&actor->prng, 10) == 0) {
        txn_rollback(txn);
        return;
    }
    actor_commit(actor, txn);
    atomic_fetch_add(&transfers, 1);
}

static void *
writer_main(void *arg)
{
    struct actor actor;
    actor_init(&actor, (uint64_t)(uintptr_t)arg);
    while (!atomic_load(&is_over)) {
        transfer(&actor);
    }
    actor_deinit(&actor);
    return NULL;
}

static void
check_sum(struct txn *txn)
{
    struct storage_scan scan;
    struct row_ref rows[100];
    int64_t sum = 0;
    uint64_t count = 0;
    storage_scan_init(&scan, txn, REL);
    for (uint32_t got; (got = storage_scan_next(&scan, rows, 100)) > 0;) {
        for (uint32_t i = 0; i < got; i++) {
            sum += (int64_t)ky_load_le64(rows[i].body.data);
        }
        count += got;
    }
    CHECK(sum == (int64_t)ACCOUNTS * START_BALANCE);
    CHECK(count == storage_count(txn, REL));
    struct row_ref row;
    CHECK(storage_get(txn, REL, accounts[count % ACCOUNTS], &row));
    atomic_fetch_add(&checks, 1);
}

static void *
reader_main(void *arg)
{
    struct actor actor;
    actor_init(&actor, (uint64_t)(uintptr_t)arg);
    while (!atomic_load(&is_over)) {
        bool is_long = ky_prng_below(&actor.prng, 4) == 0;
        struct txn *txn =
            txn_begin(storage, is_long ? ISOLATION_REPEATABLE_READ : ISOLATION_READ_COMMITTED);
        for (int i = 0; i < 8; i++) {
            txn_statement_begin(txn);
            check_sum(txn);
            txn_statement_end(txn);
        }
        actor_commit(&actor, txn);
    }
    actor_deinit(&actor);
    return NULL;
}

static void
make_accounts(void)
{
    struct actor actor;
    struct ky_error err;
    actor_init(&actor, 99);
    struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
    uint8_t body[8];
    ky_store_le64(body, START_BALANCE);
    for (int i = 0; i < ACCOUNTS; i++) {
        CHECK(storage_insert(txn, REL, true, ky_slice(body, 8), &accounts[i], &err) == KY_OK);
    }
    actor_commit(&actor, txn);
    actor_deinit(&actor);
}

/* Checkpoints and strong table locks, from the main thread. */
static void
disturb(struct actor *actor, int64_t until_ns)
{
    struct ky_error err;
    lsn_t lsn = 0;
    while (ky_monotonic_ns() < until_ns) {
        CHECK(storage_checkpoint(storage, &lsn, &err) == KY_OK);
        struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
        enum lock_answer answer = LOCK_BUSY;
        ky_status status = storage_lock_table(txn, REL, LOCK_SHARE, LOCK_POLICY_WAIT,
                                              &actor->waiter, &answer, &err);
        while (status == KY_OK && answer == LOCK_PENDING) {
            actor_wait(actor);
            status = storage_lock_table(txn, REL, LOCK_SHARE, LOCK_POLICY_WAIT, &actor->waiter,
                                        &answer, &err);
        }
        CHECK(status == KY_OK);
        txn_rollback(txn);
    }
}

int
main(int argc, char **argv)
{
    int64_t seconds = argc > 1 ? strtoll(argv[1], NULL, 10) : 3;
    struct mem_disk *disk = mem_disk_new();
    struct storage_options options = {
        .dir = "data", .io = mem_disk_io(disk), .segment_size = 1024 * 1024};
    struct ky_error err;
    ky_error_init(&err);
    CHECK(storage_open(&options, &storage, &err) == KY_OK);
    make_accounts();
    struct ky_thread threads[WRITERS + READERS];
    for (size_t i = 0; i < WRITERS + READERS; i++) {
        ky_thread_start(&threads[i], "stress", i < WRITERS ? writer_main : reader_main,
                        (void *)(uintptr_t)(i + 1));
    }
    struct actor actor;
    actor_init(&actor, 100);
    disturb(&actor, ky_monotonic_ns() + seconds * 1000000000);
    atomic_store(&is_over, true);
    for (size_t i = 0; i < WRITERS + READERS; i++) {
        ky_thread_join(&threads[i]);
    }
    for (int round = 0; round < 2; round++) {
        struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
        check_sum(txn);
        txn_rollback(txn);
        storage_close(storage);
        CHECK(round == 1 || storage_open(&options, &storage, &err) == KY_OK);
    }
    (void)printf("transfers=%" PRIu64 " deadlocks=%" PRIu64 " checks=%" PRIu64 "\n",
                 atomic_load(&transfers), atomic_load(&deadlocks), atomic_load(&checks));
    actor_deinit(&actor);
    mem_disk_free(disk);
    return 0;
}
