/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "storage/mvcc/lock_private.h"

/*
 * Advisory locks: numbers that applications agree on. They are ordinary entries of the lock table;
 * what is special is who holds them. A lock for a transaction is held by its object like any other
 * and goes with it (or with a savepoint). A lock for a session must survive transactions, so it is
 * held by an owner: a transaction object that never reads or writes. A transaction that is led by
 * an owner counts as one with it: their locks do not conflict, and a search for circles that
 * reaches either goes on with whichever of them waits.
 */
struct txn *
storage_lock_owner_new(struct storage *storage)
{
    struct txn *owner = txn_begin(storage, ISOLATION_READ_COMMITTED);
    owner->locks.is_owner = true;
    return owner;
}

void
storage_lock_owner_free(struct txn *owner)
{
    if (owner != NULL) {
        txn_rollback(owner);
    }
}

void
txn_set_lock_owner(struct txn *txn, struct txn *owner) KY_NO_THREAD_SAFETY_ANALYSIS
{
    struct lock_table *table = &txn->storage->locks;
    KY_ASSERT(txn->locks.waiter == NULL);
    /* Others look at leaders while they hold all shards or the shard of a lock held. */
    lock_all_shards(table);
    txn->locks.leader = owner;
    unlock_all_shards(table);
}

void
txn_set_pid(struct txn *txn, int pid)
{
    /* relaxed: shown to people, no more. */
    atomic_store_explicit(&txn->locks.pid, pid, memory_order_relaxed);
}

static struct lock_key
key_of(const struct advisory_lock *lock)
{
    return (struct lock_key){.kind = LOCK_KIND_ADVISORY, .rel = lock->space, .id = lock->id};
}

static uint32_t
mode_of(const struct advisory_lock *lock)
{
    return lock->is_shared ? ADVISORY_MODE_SHARE : ADVISORY_MODE_EXCLUSIVE;
}

ky_status
storage_lock_advisory(struct txn *txn, const struct advisory_lock *lock, enum lock_policy policy,
                      struct lock_waiter *waiter, enum lock_answer *answer_out,
                      struct ky_error *err)
{
    const struct lock_key key = key_of(lock);
    if (lock_resume(txn, waiter, &key, mode_of(lock), answer_out)) {
        return KY_OK;
    }
    return lock_acquire(txn, &key, mode_of(lock), policy, waiter, answer_out, err);
}

bool
storage_unlock_advisory(struct txn *owner, const struct advisory_lock *lock)
{
    struct lock_key key = key_of(lock);
    return lock_set_release_one(owner, &key, mode_of(lock));
}
