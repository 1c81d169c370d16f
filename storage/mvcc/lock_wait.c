/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "server/base/metric.h"
#include "storage/mvcc/lock_private.h"

/*
 * Asking for locks. What can be granted at once touches one shard. Starting to wait holds all
 * shards: the whole waits-for graph stands still while it is searched for a circle. Waiting
 * costs a switch of sessions anyway, so this is not what limits it.
 */
KY_METRIC(metric_waiting, "kyrodb_locks_waiting", NULL, KY_GAUGE,
          "Sessions that wait for a row, table or transaction lock.")
KY_METRIC(metric_waits, "kyrodb_lock_waits_total", NULL, KY_COUNTER,
          "Lock requests that had to wait.")

static void
wait_end(struct txn *txn, struct lock_waiter *waiter)
{
    txn->locks.waiter = NULL;
    txn->locks.leader->locks.waiting = NULL;
    waiter->waits_for = NULL;
    waiter->is_granted = false;
    ky_metric_add(&metric_waiting, -1);
}

ky_status
lock_enqueue(struct txn *txn, struct lock_shard *shard, struct lock *lock, uint32_t mode,
             struct lock_waiter *waiter, struct ky_error *err) KY_NO_THREAD_SAFETY_ANALYSIS
{
    struct ky_list *place = &lock->waiters;
    if (lock_hold_of(lock, txn) != NULL) {
        /* In front of those who do not hold it, behind other upgraders. */
        place = lock->waiters.next;
        while (place != &lock->waiters &&
               lock_hold_of(lock, ky_list_entry(place, struct lock_waiter, link)->txn) != NULL) {
            place = place->next;
        }
    }
    ky_list_push_back(place, &waiter->link);
    waiter->txn = txn;
    waiter->waits_for = lock;
    waiter->is_granted = false;
    txn->locks.waiter = waiter;
    txn->locks.leader->locks.waiting = txn;
    txn->locks.wait_key = lock->key;
    txn->locks.wait_mode = mode;
    ky_metric_add(&metric_waiting, 1);
    ky_metric_add(&metric_waits, 1);
    if (deadlock_check(&txn->storage->locks, txn, err) != KY_OK) {
        ky_list_remove(&waiter->link);
        wait_end(txn, waiter);
        lock_put(shard, lock);
        return KY_ERR;
    }
    return KY_OK;
}

bool
lock_resume(struct txn *txn, struct lock_waiter *waiter, const struct lock_key *wanted,
            uint32_t mode, enum lock_answer *answer_out)
{
    if (waiter == NULL || waiter->waits_for == NULL) {
        return false;
    }
    KY_ASSERT(waiter->txn == txn);
    struct lock_key key = txn->locks.wait_key;
    struct lock_shard *shard = lock_shard_of(&txn->storage->locks, &key);
    const bool is_same =
        wanted == NULL || (lock_key_equal(wanted, &key) && mode == txn->locks.wait_mode);
    ky_mutex_lock(&shard->lock);
    bool is_granted = waiter->is_granted;
    if (is_granted) {
        if (key.kind != LOCK_KIND_TXN) {
            lock_log_grant(txn, lock_find(shard, &key), key.rel, txn->locks.wait_mode);
        }
        wait_end(txn, waiter);
    }
    ky_mutex_unlock(&shard->lock);
    if (!is_same && !is_granted) {
        storage_lock_cancel(waiter);
    }
    *answer_out = is_granted ? LOCK_GRANTED : LOCK_PENDING;
    return is_same;
}

static bool
grant_now(struct txn *txn, struct lock *lock, const struct lock_key *key, uint32_t mode)
{
    if (lock_is_covered(lock, txn, mode)) {
        lock_strong_end(&txn->storage->locks, key, mode);
        return true;
    }
    if (lock_can_grant(lock, txn, mode, NULL)) {
        lock_hold_add(lock, txn, 1U << mode);
        lock_log_grant(txn, lock, key->rel, mode);
        return true;
    }
    return false;
}

static ky_status
acquire_slow(struct txn *txn, const struct lock_key *key, uint32_t mode, struct lock_waiter *waiter,
             enum lock_answer *answer_out, struct ky_error *err) KY_NO_THREAD_SAFETY_ANALYSIS
{
    struct lock_table *table = &txn->storage->locks;
    struct lock_shard *shard = lock_shard_of(table, key);
    ky_status status = KY_OK;
    lock_all_shards(table);
    struct lock *lock = lock_get(shard, key);
    if (grant_now(txn, lock, key, mode)) {
        *answer_out = LOCK_GRANTED;
    } else {
        status = lock_enqueue(txn, shard, lock, mode, waiter, err);
        if (status == KY_OK) {
            *answer_out = LOCK_PENDING;
        }
    }
    unlock_all_shards(table);
    if (status != KY_OK) {
        lock_strong_end(table, key, mode);
    }
    return status;
}

ky_status
lock_acquire(struct txn *txn, const struct lock_key *key, uint32_t mode, enum lock_policy policy,
             struct lock_waiter *waiter, enum lock_answer *answer_out, struct ky_error *err)
{
    struct lock_table *table = &txn->storage->locks;
    struct lock_shard *shard = lock_shard_of(table, key);
    ky_mutex_lock(&shard->lock);
    struct lock *lock = lock_get(shard, key);
    bool is_granted = grant_now(txn, lock, key, mode);
    if (!is_granted) {
        lock_put(shard, lock);
    }
    ky_mutex_unlock(&shard->lock);
    if (is_granted) {
        *answer_out = LOCK_GRANTED;
        return KY_OK;
    }
    if (policy != LOCK_POLICY_WAIT) {
        lock_strong_end(table, key, mode);
        *answer_out = LOCK_BUSY;
        return KY_OK;
    }
    return acquire_slow(txn, key, mode, waiter, answer_out, err);
}

ky_status
storage_lock_row(struct txn *txn, rel_id_t rel, row_id_t row_id, enum row_lock_mode mode,
                 enum lock_policy policy, struct lock_waiter *waiter, enum lock_answer *answer_out,
                 struct ky_error *err)
{
    const struct lock_key key = {.kind = LOCK_KIND_ROW, .rel = rel, .id = row_id};
    if (lock_resume(txn, waiter, &key, mode, answer_out)) {
        return KY_OK;
    }
    (void)txn_assign_id(txn);
    return lock_acquire(txn, &key, mode, policy, waiter, answer_out, err);
}

/* ------------------------------------------------------------------ waiting for a transaction */

static bool
find_inserter(const struct txn *txn, rel_id_t rel, row_id_t row_id, struct txn **owner_out)
{
    struct version version;
    bool is_found = false;
    ky_epoch_enter();
    struct relation *relation = directory_find(&txn->storage->directory, rel);
    if (relation != NULL) {
        is_found =
            relation_newest(relation, row_id, &version, owner_out) == SLOT_STATE_IN_PROGRESS &&
            *owner_out != txn;
    }
    ky_epoch_leave();
    return is_found;
}

/*
 * The row's slot is read again with the shards held: its owner clears the slot before it takes
 * the shard to wake those who wait, so either it sees this waiter or the slot is clear already.
 * Row ids are never used twice, so a slot that still names the owner means the same transaction.
 */
ky_status
storage_wait_inserter(struct txn *txn, rel_id_t rel, row_id_t row_id, struct lock_waiter *waiter,
                      enum lock_answer *answer_out,
                      struct ky_error *err) KY_NO_THREAD_SAFETY_ANALYSIS
{
    if (lock_resume(txn, waiter, NULL, 0, answer_out) && *answer_out == LOCK_PENDING) {
        return KY_OK;
    }
    struct txn *owner = NULL;
    if (!find_inserter(txn, rel, row_id, &owner)) {
        *answer_out = LOCK_GRANTED;
        return KY_OK;
    }
    (void)txn_assign_id(txn);
    struct lock_table *table = &txn->storage->locks;
    ky_status status = KY_OK;
    lock_all_shards(table);
    if (!find_inserter(txn, rel, row_id, &owner)) {
        *answer_out = LOCK_GRANTED;
    } else {
        struct lock_key key = {.kind = LOCK_KIND_TXN, .id = (uint64_t)(uintptr_t)owner};
        struct lock_shard *shard = lock_shard_of(table, &key);
        status = lock_enqueue(txn, shard, lock_get(shard, &key), 0, waiter, err);
        if (status == KY_OK) {
            *answer_out = LOCK_PENDING;
        }
    }
    unlock_all_shards(table);
    return status;
}

void
lock_wake_inserted(struct txn *txn)
{
    struct lock_key key = {.kind = LOCK_KIND_TXN, .id = (uint64_t)(uintptr_t)txn};
    struct lock_shard *shard = lock_shard_of(&txn->storage->locks, &key);
    ky_mutex_lock(&shard->lock);
    struct lock *lock = lock_find(shard, &key);
    if (lock != NULL) {
        while (!ky_list_is_empty(&lock->waiters)) {
            struct lock_waiter *waiter =
                ky_list_entry(lock->waiters.next, struct lock_waiter, link);
            ky_list_remove(&waiter->link);
            waiter->is_granted = true;
            waiter->wake(waiter);
        }
        lock_put(shard, lock);
    }
    ky_mutex_unlock(&shard->lock);
}

/* ------------------------------------------------------------------ giving up */

bool
storage_waits_for_advisory(const struct lock_waiter *waiter)
{
    return waiter->waits_for != NULL && waiter->txn->locks.wait_key.kind == LOCK_KIND_ADVISORY;
}

void
storage_look_end(struct lock_waiter *waiter)
{
    if (waiter == NULL || waiter->waits_for == NULL) {
        return;
    }
    const struct lock_set *set = &waiter->txn->locks;
    if (set->wait_key.kind == LOCK_KIND_ROW &&
        (set->wait_mode == ROW_LOCK_LOOK || set->wait_mode == ROW_LOCK_LOOK_KEY)) {
        storage_lock_cancel(waiter);
    }
}

void
storage_lock_cancel(struct lock_waiter *waiter)
{
    if (waiter->waits_for == NULL) {
        return;
    }
    struct txn *txn = waiter->txn;
    struct lock_table *table = &txn->storage->locks;
    struct lock_key key = txn->locks.wait_key;
    uint32_t mode = txn->locks.wait_mode;
    struct lock_shard *shard = lock_shard_of(table, &key);
    ky_mutex_lock(&shard->lock);
    struct lock *lock = lock_find(shard, &key);
    if (!waiter->is_granted) {
        ky_list_remove(&waiter->link);
    } else if (key.kind != LOCK_KIND_TXN) {
        lock_hold_remove(lock, txn, 1U << mode);
    }
    wait_end(txn, waiter);
    if (lock != NULL) {
        if (key.kind != LOCK_KIND_TXN) {
            lock_serve_queue(lock);
        }
        lock_put(shard, lock);
    }
    ky_mutex_unlock(&shard->lock);
    lock_strong_end(table, &key, mode);
}
