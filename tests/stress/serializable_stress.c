/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/base/mutex.h"
#include "server/base/random.h"
#include "storage/storage.h"
#include "tests/support/mem_disk.h"

/*
 * Pairs of rows, on call or not; of each pair at least one must be. A SERIALIZABLE transaction
 * reads both and lets one go only if the other stays: write skew breaks the rule at once. Reads and
 * writes are noted as keys of a made-up index. Some transactions also take advisory locks, for
 * themselves or for their session, in any order, so that circles of both kinds of locks happen; one
 * thread lists all locks all the while.
 */
enum { PAIRS = 6, ROWS = 2 * PAIRS, WRITERS = 4, REL = 30000, SPACE = 30001, DURATION_MS = 2500 };

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                              \
        }                                                                         \
    } while (0)

static struct storage *storage;
static row_id_t rows[ROWS];
static _Atomic bool is_over;
static _Atomic uint64_t commits;
static _Atomic uint64_t refusals;
static _Atomic uint64_t deadlocks;
static _Atomic uint64_t listed;

static void
sleep_ms(int ms)
{
    const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

struct actor {
    struct ky_mutex lock;
    struct ky_cond cond;
    bool is_awake;
    ky_status status;
    enum ky_sqlstate sqlstate;
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
    struct actor *actor = arg;
    (void)result;
    actor->status = status;
    actor->sqlstate = status == KY_OK ? KY_SUCCESSFUL_COMPLETION : err->sqlstate;
    actor_signal(actor);
}

static bool
finish_lock(struct actor *actor, ky_status status, enum lock_answer answer,
            const struct ky_error *err)
{
    if (status != KY_OK) {
        CHECK(err->sqlstate == KY_DEADLOCK_DETECTED);
        atomic_fetch_add(&deadlocks, 1);
        return true;
    }
    if (answer == LOCK_PENDING) {
        actor_wait(actor);
        return false;
    }
    return true;
}

static bool
lock_row(struct actor *actor, struct txn *txn, row_id_t row)
{
    struct ky_error err;
    for (;;) {
        enum lock_answer answer = LOCK_BUSY;
        ky_status status = storage_lock_row(txn, REL, row, ROW_LOCK_NO_KEY_UPDATE, LOCK_POLICY_WAIT,
                                            &actor->waiter, &answer, &err);
        if (finish_lock(actor, status, answer, &err)) {
            return status == KY_OK;
        }
    }
}

static bool
lock_advisory(struct actor *actor, struct txn *txn, uint64_t id, bool is_shared)
{
    const struct advisory_lock lock = {.space = 1, .id = id, .is_shared = is_shared};
    struct ky_error err;
    for (;;) {
        enum lock_answer answer = LOCK_BUSY;
        ky_status status =
            storage_lock_advisory(txn, &lock, LOCK_POLICY_WAIT, &actor->waiter, &answer, &err);
        if (finish_lock(actor, status, answer, &err)) {
            return status == KY_OK;
        }
    }
}

static struct ky_slice
key_of(uint32_t row, uint8_t *space)
{
    space[0] = (uint8_t)row;
    return ky_slice(space, 1);
}

/* The pair is a range of two keys. */
static bool
read_pair(struct txn *txn, uint32_t pair, bool *on_call)
{
    uint8_t low;
    uint8_t high;
    struct storage_key_range range = {
        .lower = key_of(2 * pair, &low),
        .upper = key_of(2 * pair + 1, &high),
        .has_lower = true,
        .has_upper = true,
    };
    txn_note_read(txn, REL, SPACE, &range);
    for (uint32_t i = 0; i < 2; i++) {
        struct row_ref ref;
        CHECK(storage_get(txn, REL, rows[2 * pair + i], &ref));
        on_call[i] = *(const uint8_t *)ref.body.data != 0;
    }
    return on_call[0] || on_call[1];
}

static bool
change(struct actor *actor, struct txn *txn, uint32_t row, bool is_on_call)
{
    struct row_ref newest;
    struct ky_error err;
    uint8_t key;
    uint8_t body = is_on_call;
    if (!lock_row(actor, txn, rows[row]) ||
        storage_row_state(txn, REL, rows[row], &newest) != ROW_UNCHANGED) {
        return false;
    }
    txn_note_write(txn, REL, SPACE, key_of(row, &key));
    CHECK(storage_update(txn, REL, true, rows[row], ky_slice(&body, 1), &err) == KY_OK);
    return true;
}

static bool
run_writer_txn(struct actor *actor, struct txn *txn, struct txn *owner)
{
    bool on_call[2];
    const uint32_t pair = (uint32_t)ky_prng_below(&actor->prng, PAIRS);
    const uint32_t which = (uint32_t)ky_prng_below(&actor->prng, 2);
    txn_statement_begin(txn);
    CHECK(read_pair(txn, pair, on_call));
    if (ky_prng_below(&actor->prng, 3) == 0 &&
        !lock_advisory(actor, ky_prng_below(&actor->prng, 2) == 0 ? txn : owner,
                       ky_prng_below(&actor->prng, 3), ky_prng_below(&actor->prng, 2) == 0)) {
        return false;
    }
    if (!on_call[which]) {
        return change(actor, txn, 2 * pair + which, true);
    }
    return !on_call[1 - which] || change(actor, txn, 2 * pair + which, false);
}

static void
release_advisory(struct actor *actor, struct txn *owner)
{
    for (uint64_t id = 0; id < 3; id++) {
        for (int shared = 0; shared < 2; shared++) {
            const struct advisory_lock lock = {.space = 1, .id = id, .is_shared = shared != 0};
            (void)storage_unlock_advisory(owner, &lock);
        }
    }
    (void)actor;
}

static void *
run_writer(void *arg)
{
    struct actor *actor = arg;
    struct txn *owner = storage_lock_owner_new(storage);
    txn_set_pid(owner, actor->waiter.pid);
    while (!atomic_load(&is_over)) {
        struct txn *txn = txn_begin(storage, ISOLATION_SERIALIZABLE);
        txn_set_pid(txn, actor->waiter.pid);
        txn_set_lock_owner(txn, owner);
        const bool is_good = run_writer_txn(actor, txn, owner);
        txn_statement_end(txn);
        if (!is_good) {
            txn_rollback(txn);
        } else {
            txn_commit(txn, (enum txn_sync)ky_prng_below(&actor->prng, 3), actor_done, actor);
            actor_wait(actor);
            CHECK(actor->status == KY_OK || actor->sqlstate == KY_SERIALIZATION_FAILURE);
            atomic_fetch_add(actor->status == KY_OK ? &commits : &refusals, 1);
        }
        if (ky_prng_below(&actor->prng, 2) == 0) {
            release_advisory(actor, owner);
        }
    }
    storage_lock_owner_free(owner);
    return NULL;
}

/* Every snapshot keeps the rule, without noting anything. */
static void *
run_reader(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over)) {
        struct txn *txn = txn_begin(storage, ISOLATION_REPEATABLE_READ);
        bool on_call[2];
        txn_statement_begin(txn);
        for (uint32_t pair = 0; pair < PAIRS; pair++) {
            CHECK(read_pair(txn, pair, on_call));
        }
        txn_statement_end(txn);
        txn_rollback(txn);
    }
    return NULL;
}

static void
count_lock(void *arg, const struct lock_info *info)
{
    uint64_t *count = arg;
    CHECK(info->mode != NULL);
    (*count)++;
}

static void *
run_lister(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over)) {
        int pids[8];
        uint64_t count = 0;
        storage_locks_visit(storage, count_lock, &count);
        for (int pid = 1; pid <= WRITERS; pid++) {
            (void)storage_lock_blockers(storage, pid, pids, KY_COUNT_OF(pids));
        }
        atomic_fetch_add(&listed, count);
        sleep_ms(1);
    }
    return NULL;
}

static void
actor_init(struct actor *actor, int number)
{
    memset(actor, 0, sizeof(*actor));
    ky_mutex_init(&actor->lock);
    ky_cond_init(&actor->cond);
    ky_prng_init(&actor->prng, (uint64_t)number);
    ky_list_init(&actor->waiter.link);
    actor->waiter.wake = actor_wake;
    actor->waiter.pid = number;
}

static void
make_rows(struct actor *actor)
{
    struct ky_error err;
    uint8_t body = 1;
    struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
    txn_statement_begin(txn);
    for (int i = 0; i < ROWS; i++) {
        CHECK(storage_insert(txn, REL, true, ky_slice(&body, 1), &rows[i], &err) == KY_OK);
    }
    txn_statement_end(txn);
    txn_commit(txn, TXN_SYNC, actor_done, actor);
    actor_wait(actor);
    CHECK(actor->status == KY_OK);
}

int
main(void)
{
    struct mem_disk *disk = mem_disk_new();
    struct storage_options options = {
        .dir = "data", .io = mem_disk_io(disk), .segment_size = 4 * 1024 * 1024};
    struct ky_error err;
    static struct actor actors[WRITERS];
    struct ky_thread threads[WRITERS + 2];
    if (storage_open(&options, &storage, &err) != KY_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (int i = 0; i < WRITERS; i++) {
        actor_init(&actors[i], i + 1);
    }
    make_rows(&actors[0]);
    for (int i = 0; i < WRITERS; i++) {
        ky_thread_start(&threads[i], "writer", run_writer, &actors[i]);
    }
    ky_thread_start(&threads[WRITERS], "reader", run_reader, NULL);
    ky_thread_start(&threads[WRITERS + 1], "lister", run_lister, NULL);
    sleep_ms(DURATION_MS);
    atomic_store(&is_over, true);
    for (int i = 0; i < WRITERS + 2; i++) {
        ky_thread_join(&threads[i]);
    }
    (void)printf("commits %" PRIu64 ", refused %" PRIu64 ", deadlocks %" PRIu64 "\n",
                 atomic_load(&commits), atomic_load(&refusals), atomic_load(&deadlocks));
    CHECK(atomic_load(&commits) > 0);
    CHECK(atomic_load(&refusals) > 0);
    CHECK(atomic_load(&listed) > 0);
    storage_close(storage);
    mem_disk_free(disk);
    return 0;
}
