/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "storage/storage_private.h"

/*
 * Transactions: their objects, snapshots, savepoints. Their end is in commit.c.
 *
 * A snapshot is one position; what keeps it readable is `registered` in the transaction object,
 * which the horizon reads. Registering is: announce a position, fence, read visible_lsn again,
 * start over if it moved. The horizon is: read visible_lsn, fence, read all announcements. If the
 * horizon missed an announcement, its fence came first, so the transaction's second read sees at
 * least the visible_lsn that the horizon started from, and it registers that or a later one.
 */

static uint32_t
pool_of_thread(void)
{
    static _Atomic uint32_t next_thread;
    static _Thread_local uint32_t own; /* 1 + number */
    if (KY_UNLIKELY(own == 0)) {
        own = 1 + atomic_fetch_add_explicit(&next_thread, 1, memory_order_relaxed);
    }
    return own % TXN_POOL_COUNT;
}

static struct txn *
txn_new(struct storage *storage, uint32_t pool_index)
{
    void *memory = NULL;
    int failed = posix_memalign(&memory, _Alignof(struct txn), sizeof(struct txn));
    KY_ASSERT(failed == 0);
    struct txn *txn = memory;
    memset(txn, 0, sizeof(*txn));
    txn->storage = storage;
    txn->self = txn;
    txn->pool_index = pool_index;
    atomic_init(&txn->registered, LSN_MAX);
    atomic_init(&txn->chunk_floor, LSN_MAX);
    atomic_init(&txn->id, 0);
    atomic_init(&txn->in_flight, 0);
    lock_set_init(&txn->locks);
    ky_mutex_init(&txn->flight_lock);
    ky_cond_init(&txn->flight_cond);
    /* Release pairs with the acquire of whoever walks the list. */
    txn->all_next = atomic_load_explicit(&storage->all_txns, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&storage->all_txns, &txn->all_next, txn,
                                                  memory_order_release, memory_order_relaxed)) {
    }
    return txn;
}

void
txn_pools_deinit(struct storage *storage)
{
    struct txn *txn = atomic_load_explicit(&storage->all_txns, memory_order_acquire);
    while (txn != NULL) {
        struct txn *next = txn->all_next;
        write_set_deinit(txn);
        lock_set_deinit(&txn->locks);
        guard_free(txn->guard);
        ky_cond_deinit(&txn->flight_cond);
        ky_mutex_deinit(&txn->flight_lock);
        free(txn);
        txn = next;
    }
}

struct txn *
txn_begin(struct storage *storage, enum isolation isolation)
{
    uint32_t pool_index = pool_of_thread();
    struct txn_pool *pool = &storage->pools[pool_index];
    ky_mutex_lock(&pool->lock);
    struct txn *txn = pool->first;
    if (txn != NULL) {
        pool->first = txn->pool_next;
    }
    ky_mutex_unlock(&pool->lock);
    if (txn == NULL) {
        txn = txn_new(storage, pool_index);
    }
    txn->isolation = isolation;
    txn->command = 1;
    txn->hold_count = 0;
    txn->snapshot = txn->seen_lsn = 0;
    txn->finish = TXN_FINISH_NONE;
    txn->is_making_room = false;
    txn->locks.leader = txn;
    txn->locks.is_owner = false;
    atomic_store_explicit(&txn->locks.pid, 0, memory_order_relaxed);
    atomic_store_explicit(&txn->in_flight, 1, memory_order_relaxed);
    return txn;
}

void
txn_recycle(struct txn *txn)
{
    write_set_reset(txn);
    guard_reset(txn->guard);
    atomic_store_explicit(&txn->chunk_floor, LSN_MAX, memory_order_release);
    atomic_store_explicit(&txn->id, 0, memory_order_relaxed);
    struct txn_pool *pool = &txn->storage->pools[txn->pool_index];
    ky_mutex_lock(&pool->lock);
    txn->pool_next = pool->first;
    pool->first = txn;
    ky_mutex_unlock(&pool->lock);
}

txid_t
txn_assign_id(struct txn *txn)
{
    txid_t id = atomic_load_explicit(&txn->id, memory_order_relaxed);
    if (KY_UNLIKELY(id == 0)) {
        id = atomic_fetch_add_explicit(&txn->storage->next_txid, 1, memory_order_relaxed);
        atomic_store_explicit(&txn->id, id, memory_order_relaxed);
    }
    return id;
}

txid_t
txn_id(const struct txn *txn)
{
    return txn_assign_id(txn->self);
}

bool
txn_has_writes(const struct txn *txn)
{
    return txn->write_count > 0;
}

/* ------------------------------------------------------------------ snapshots */

static lsn_t
register_snapshot(struct txn *txn)
{
    struct log *log = txn->storage->log;
    lsn_t lsn = log_visible_lsn(log);
    uint64_t number = atomic_load_explicit(&txn->registrations, memory_order_relaxed) + 1;
    atomic_store_explicit(&txn->registrations, number, memory_order_relaxed);
    for (;;) {
        /* Release: who sees it sees the number that belongs to it. */
        atomic_store_explicit(&txn->registered, lsn, memory_order_release);
        /* Pairs with the fence in storage_horizon. */
        atomic_thread_fence(memory_order_seq_cst);
        lsn_t again = log_visible_lsn(log);
        if (again == lsn) {
            return lsn;
        }
        lsn = again;
    }
}

static bool
is_registered(const struct txn *txn)
{
    return atomic_load_explicit(&txn->registered, memory_order_relaxed) != LSN_MAX;
}

void
txn_unregister(struct txn *txn)
{
    txn->snapshot = 0;
    atomic_store_explicit(&txn->is_wide, false, memory_order_relaxed);
    /* Release: what was read under the snapshot was read before. */
    atomic_store_explicit(&txn->registered, LSN_MAX, memory_order_release);
}

void
txn_widen(struct txn *txn)
{
    if (!atomic_load_explicit(&txn->is_wide, memory_order_relaxed)) {
        atomic_store_explicit(&txn->is_wide, true, memory_order_relaxed);
        /* Pairs with the fences in snapshot.c: who misses the flag is seen by what we read now. */
        atomic_thread_fence(memory_order_seq_cst);
    }
}

/*
 * A position at or after what is registered needs no announcement of its own but that it may be
 * later. A transaction that has looked at a commit whose sync is under way goes on from there: it
 * would see rows that it found changed as they were before. It may have met one of a group that is
 * being installed at this moment: no I/O comes before that is through.
 */
static void
take_snapshot(struct txn *txn)
{
    struct log *log = txn->storage->log;
    if (is_registered(txn)) {
        txn_widen(txn);
        txn->snapshot = log_visible_lsn(log);
    } else {
        txn->snapshot = register_snapshot(txn);
    }
    if (KY_UNLIKELY(txn->seen_lsn > txn->snapshot)) {
        txn_widen(txn);
        while ((txn->snapshot = log_installed_lsn(log)) < txn->seen_lsn) {
            (void)sched_yield();
        }
        txn->seen_lsn = txn->snapshot;
    }
}

lsn_t
txn_snapshot(struct txn *txn)
{
    if (txn->snapshot == 0) {
        take_snapshot(txn);
    }
    return txn->snapshot;
}

void
txn_statement_begin(struct txn *txn)
{
    txn_command_increment(txn);
    if (txn->isolation == ISOLATION_READ_COMMITTED) {
        if (txn->hold_count == 0) {
            txn_unregister(txn);
        } else if (txn->hold_count <= TXN_NESTED_MAX) {
            txn->outer_snapshots[txn->hold_count - 1] = txn->snapshot;
        }
        take_snapshot(txn);
    } else {
        (void)txn_snapshot(txn);
    }
    txn->hold_count++;
}

void
txn_statement_end(struct txn *txn)
{
    KY_ASSERT(txn->hold_count > 0);
    txn->hold_count--;
    if (txn->isolation != ISOLATION_READ_COMMITTED) {
        return;
    }
    if (txn->hold_count == 0) {
        txn_unregister(txn);
        write_set_trim(txn);
    } else if (txn->hold_count <= TXN_NESTED_MAX) {
        txn->snapshot = txn->outer_snapshots[txn->hold_count - 1];
    }
}

struct txn_view
txn_view_get(struct txn *txn)
{
    return (struct txn_view){.snapshot = txn_snapshot(txn), .command = txn->command};
}

/* The first snapshot stays registered while any statement is open, and those after it are said by
 * is_wide: a view of an open statement is readable. */
struct txn_view
txn_view_set(struct txn *txn, struct txn_view view)
{
    const struct txn_view before = {.snapshot = txn->snapshot, .command = txn->command};
    txn->snapshot = view.snapshot;
    txn->command = view.command;
    return before;
}

lsn_t
txn_latest_begin(struct txn *txn)
{
    const lsn_t before = txn_snapshot(txn);
    take_snapshot(txn); /* the older one stays registered */
    return before;
}

void
txn_latest_end(struct txn *txn, lsn_t before)
{
    txn->snapshot = before;
}

void
txn_command_increment(struct txn *txn)
{
    txn->command++;
}

lsn_t
storage_visible_lsn(const struct storage *storage)
{
    return log_visible_lsn(storage->log);
}

/* ------------------------------------------------------------------ savepoints */

void
txn_savepoint_set(struct txn *txn, struct txn_savepoint *savepoint_out)
{
    memset(savepoint_out, 0, sizeof(*savepoint_out));
    savepoint_out->write_count = txn->write_count;
    savepoint_out->lock_count = txn->locks.grant_count;
    savepoint_out->private_state[0] = guard_mark(txn);
}

void
txn_savepoint_rollback(struct txn *txn, const struct txn_savepoint *savepoint, bool keep_locks)
{
    write_set_truncate(txn, savepoint->write_count);
    guard_rewind(txn, savepoint->private_state[0]);
    if (!keep_locks) {
        lock_set_release(txn, (uint32_t)savepoint->lock_count);
    }
}

void
txn_release_locks(struct txn *txn, const struct txn_savepoint *savepoint)
{
    /* A wait under way is no grant yet and stays. */
    while (txn->locks.grant_count > savepoint->lock_count) {
        lock_set_release_last(txn);
    }
}
