/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/base/map.h"
#include "storage/mvcc/lock_private.h"

/*
 * Table locks. Every statement takes a weak lock (ACCESS SHARE, ROW SHARE, ROW EXCLUSIVE); these
 * never conflict with each other, so as long as nobody wants a mode that conflicts with them
 * (SHARE and above), they are only noted in the transaction itself, under its own mutex. This is
 * PostgreSQL's fast path (src/backend/storage/lmgr/README, "Fast Path Locking"), written anew.
 *
 * Whoever wants a strong mode first raises the table's strong counter, then moves every noted
 * weak lock on the table into the lock table. A weak locker reads the counter under its own
 * fast_lock: either it comes before the mover, who then sees the note, or after, and sees the
 * counter and goes to the lock table itself. A transaction that has a weak lock in the lock table,
 * moved or waited for, asks there from then on: a mode is held in one place or the other.
 */
static _Atomic uint32_t *
strong_count(struct lock_table *table, uint32_t table_id)
{
    return &table->strong[ky_hash_u64(table_id) % LOCK_STRONG_SLOTS];
}

bool
lock_mode_is_strong(uint32_t kind, uint32_t mode)
{
    return kind == LOCK_KIND_TABLE && mode >= LOCK_SHARE;
}

void
lock_strong_end(struct lock_table *table, const struct lock_key *key, uint32_t mode)
{
    if (lock_mode_is_strong(key->kind, mode)) {
        atomic_fetch_sub_explicit(strong_count(table, key->rel), 1, memory_order_seq_cst);
    }
}

static struct lock_fast *
fast_find(struct lock_set *set, uint32_t table)
{
    for (size_t i = 0; i < set->fast_end; i++) {
        if (set->fast[i].modes != 0 && set->fast[i].table == table) {
            return &set->fast[i];
        }
    }
    return NULL;
}

static struct lock_fast *
fast_get(struct lock_set *set, uint32_t table)
{
    struct lock_fast *fast = fast_find(set, table);
    for (uint32_t i = 0; fast == NULL && i < LOCK_FAST_MAX; i++) {
        if (set->fast[i].modes == 0) {
            fast = &set->fast[i];
            fast->table = table;
            set->fast_end = KY_MAX(set->fast_end, i + 1);
        }
    }
    return fast;
}

static bool
fast_acquire(struct txn *txn, uint32_t table, uint32_t mode)
{
    struct lock_set *set = &txn->locks;
    bool is_granted = false;
    bool is_new = false;
    ky_mutex_lock(&set->fast_lock);
    struct lock_fast *fast = fast_find(set, table);
    if (fast != NULL && (fast->modes & (1U << mode)) != 0) {
        is_granted = true;
    } else if (!set->has_moved && atomic_load_explicit(strong_count(&txn->storage->locks, table),
                                                       memory_order_seq_cst) == 0) {
        fast = fast_get(set, table);
        if (fast != NULL) {
            fast->modes |= 1U << mode;
            is_granted = is_new = true;
        }
    }
    ky_mutex_unlock(&set->fast_lock);
    if (is_new) {
        lock_log_grant(txn, NULL, table, mode);
    }
    return is_granted;
}

static void
move_noted(struct txn *txn, const struct lock_key *key)
{
    struct storage *storage = txn->storage;
    struct lock_shard *shard = lock_shard_of(&storage->locks, key);
    ky_mutex_lock(&shard->lock);
    for (struct txn *other = atomic_load_explicit(&storage->all_txns, memory_order_acquire);
         other != NULL; other = other->all_next) {
        ky_mutex_lock(&other->locks.fast_lock);
        struct lock_fast *fast = fast_find(&other->locks, key->rel);
        if (fast != NULL) {
            lock_hold_add(lock_get(shard, key), other, fast->modes);
            fast->modes = 0;
            other->locks.has_moved = true;
        }
        ky_mutex_unlock(&other->locks.fast_lock);
    }
    ky_mutex_unlock(&shard->lock);
}

void
lock_fast_release(struct txn *txn, uint32_t table, uint32_t mode)
{
    struct lock_set *set = &txn->locks;
    ky_mutex_lock(&set->fast_lock);
    struct lock_fast *fast = fast_find(set, table);
    bool is_noted = fast != NULL && (fast->modes & (1U << mode)) != 0;
    if (is_noted) {
        fast->modes &= ~(1U << mode);
    }
    ky_mutex_unlock(&set->fast_lock);
    if (is_noted) {
        return;
    }
    struct lock_key key = {.kind = LOCK_KIND_TABLE, .rel = table};
    struct lock_shard *shard = lock_shard_of(&txn->storage->locks, &key);
    ky_mutex_lock(&shard->lock);
    struct lock *lock = lock_find(shard, &key);
    KY_ASSERT(lock != NULL);
    lock_hold_remove(lock, txn, 1U << mode);
    lock_serve_queue(lock);
    lock_put(shard, lock);
    ky_mutex_unlock(&shard->lock);
}

bool
lock_fast_release_all(struct txn *txn)
{
    struct lock_set *set = &txn->locks;
    ky_mutex_lock(&set->fast_lock);
    const bool are_all_here = !set->has_moved;
    for (size_t i = 0; are_all_here && i < set->fast_end; i++) {
        set->fast[i].modes = 0;
    }
    set->fast_end = are_all_here ? 0 : set->fast_end;
    ky_mutex_unlock(&set->fast_lock);
    return are_all_here;
}

ky_status
storage_lock_table(struct txn *txn, uint32_t table, enum table_lock_mode mode,
                   enum lock_policy policy, struct lock_waiter *waiter,
                   enum lock_answer *answer_out, struct ky_error *err)
{
    const struct lock_key key = {.kind = LOCK_KIND_TABLE, .rel = table};
    if (lock_resume(txn, waiter, &key, mode, answer_out)) {
        return KY_OK;
    }
    if (mode <= LOCK_ROW_EXCLUSIVE && fast_acquire(txn, table, mode)) {
        *answer_out = LOCK_GRANTED;
        return KY_OK;
    }
    if (lock_mode_is_strong(LOCK_KIND_TABLE, mode)) {
        (void)txn_assign_id(txn);
        atomic_fetch_add_explicit(strong_count(&txn->storage->locks, table), 1,
                                  memory_order_seq_cst);
        move_noted(txn, &key);
    }
    return lock_acquire(txn, &key, mode, policy, waiter, answer_out, err);
}
