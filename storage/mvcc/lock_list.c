/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "storage/mvcc/lock_private.h"

/* All locks of one moment, for people to look at. All shards are held meanwhile. */
struct listing {
    void (*visit)(void *arg, const struct lock_info *info);
    void *arg;
};

static int
pid_of(const struct txn *txn)
{
    return atomic_load_explicit(&txn->locks.pid, memory_order_relaxed);
}

static txid_t
txid_of(const struct txn *txn)
{
    return atomic_load_explicit(&txn->id, memory_order_relaxed);
}

static struct lock_info
info_of(const struct lock_key *key, const struct txn *txn, uint32_t mode)
{
    struct lock_info info = {
        .kind = LOCK_INFO_ROW,
        .rel = key->rel,
        .id = key->id,
        .mode = lock_mode_name(key->kind, mode),
        .pid = pid_of(txn),
        .txid = txid_of(txn),
    };
    switch ((enum lock_kind)key->kind) {
    case LOCK_KIND_ROW:
        info.kind = LOCK_INFO_ROW;
        break;
    case LOCK_KIND_TABLE:
        info.kind = LOCK_INFO_TABLE;
        break;
    case LOCK_KIND_TXN:
        info.kind = LOCK_INFO_TXN;
        info.id = 0;
        break;
    case LOCK_KIND_ADVISORY:
        info.kind = LOCK_INFO_ADVISORY;
        break;
    }
    return info;
}

enum { BLOCKERS_MAX = 64 };

struct blockers {
    const struct txn *txns[BLOCKERS_MAX];
    size_t count;
};

static void
add_blocker(struct blockers *blockers, const struct txn *txn)
{
    if (blockers->count < BLOCKERS_MAX) {
        blockers->txns[blockers->count++] = txn;
    }
}

/* Whom the waiter waits for: holders, then those in the queue before it. */
static void
find_blockers(const struct lock *lock, const struct lock_waiter *waiter, struct blockers *out)
{
    const struct txn *txn = waiter->txn;
    uint32_t conflicts = lock_conflicts(lock->key.kind, txn->locks.wait_mode);
    out->count = 0;
    if (lock->key.kind == LOCK_KIND_TXN) {
        add_blocker(out, (const struct txn *)(uintptr_t)lock->key.id);
        return;
    }
    for (const struct hold *hold = lock->holds; hold != NULL; hold = hold->next) {
        if (hold->txn->locks.leader != txn->locks.leader && (hold->modes & conflicts) != 0) {
            add_blocker(out, hold->txn);
        }
    }
    if (!lock_heeds_queue(lock, txn->locks.wait_mode, waiter)) {
        return;
    }
    ky_list_foreach (item, &lock->waiters) {
        const struct lock_waiter *other = ky_list_entry(item, struct lock_waiter, link);
        if (other == waiter) {
            break;
        }
        if ((1U << other->txn->locks.wait_mode & conflicts) != 0) {
            add_blocker(out, other->txn);
        }
    }
}

static void
list_lock(const struct listing *listing, const struct lock *lock)
{
    for (const struct hold *hold = lock->holds; hold != NULL; hold = hold->next) {
        for (uint32_t mode = 0; hold->modes >> mode != 0; mode++) {
            if ((hold->modes & 1U << mode) != 0) {
                struct lock_info info = info_of(&lock->key, hold->txn, mode);
                info.is_granted = true;
                listing->visit(listing->arg, &info);
            }
        }
    }
    ky_list_foreach (item, &lock->waiters) {
        const struct lock_waiter *waiter = ky_list_entry(item, struct lock_waiter, link);
        struct blockers blockers;
        find_blockers(lock, waiter, &blockers);
        struct lock_info info = info_of(&lock->key, waiter->txn, waiter->txn->locks.wait_mode);
        info.pid = waiter->pid;
        if (blockers.count > 0) {
            info.blocker_txid = txid_of(blockers.txns[0]);
        }
        listing->visit(listing->arg, &info);
    }
}

static void
list_noted(const struct listing *listing, struct txn *txn)
{
    ky_mutex_lock(&txn->locks.fast_lock);
    for (size_t i = 0; i < LOCK_FAST_MAX; i++) {
        const struct lock_fast *fast = &txn->locks.fast[i];
        for (uint32_t mode = 0; fast->modes >> mode != 0; mode++) {
            if ((fast->modes & 1U << mode) != 0) {
                struct lock_key key = {.kind = LOCK_KIND_TABLE, .rel = fast->table};
                struct lock_info info = info_of(&key, txn, mode);
                info.is_granted = info.is_fast_path = true;
                listing->visit(listing->arg, &info);
            }
        }
    }
    ky_mutex_unlock(&txn->locks.fast_lock);
}

void
storage_locks_visit(struct storage *storage, void (*visit)(void *arg, const struct lock_info *info),
                    void *arg) KY_NO_THREAD_SAFETY_ANALYSIS
{
    struct listing listing = {visit, arg};
    lock_all_shards(&storage->locks);
    for (size_t i = 0; i < LOCK_SHARD_COUNT; i++) {
        const struct lock_shard *shard = &storage->locks.shards[i];
        for (uint32_t slot = 0; slot < shard->capacity; slot++) {
            for (const struct lock *lock = shard->slots[slot]; lock != NULL; lock = lock->chain) {
                list_lock(&listing, lock);
            }
        }
    }
    for (struct txn *txn = atomic_load_explicit(&storage->all_txns, memory_order_acquire);
         txn != NULL; txn = txn->all_next) {
        list_noted(&listing, txn);
        if (pid_of(txn) != 0 && txid_of(txn) != 0) {
            struct lock_key key = {.kind = LOCK_KIND_TXN};
            struct lock_info info = info_of(&key, txn, 0);
            info.mode = "ExclusiveLock";
            info.is_granted = true;
            visit(arg, &info);
        }
    }
    unlock_all_shards(&storage->locks);
}

size_t
storage_lock_blockers(struct storage *storage, int pid, int *pids_out,
                      size_t max) KY_NO_THREAD_SAFETY_ANALYSIS
{
    struct blockers blockers = {.count = 0};
    lock_all_shards(&storage->locks);
    for (struct txn *txn = atomic_load_explicit(&storage->all_txns, memory_order_acquire);
         txn != NULL; txn = txn->all_next) {
        const struct lock_waiter *waiter = txn->locks.waiter;
        if (waiter != NULL && waiter->pid == pid && !waiter->is_granted) {
            const struct lock_key *key = &txn->locks.wait_key;
            find_blockers(lock_find(lock_shard_of(&storage->locks, key), key), waiter, &blockers);
            break;
        }
    }
    for (size_t i = 0; i < KY_MIN(blockers.count, max); i++) {
        pids_out[i] = pid_of(blockers.txns[i]);
    }
    unlock_all_shards(&storage->locks);
    return KY_MIN(blockers.count, max);
}
