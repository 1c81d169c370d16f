/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/base/assert.h"
#include "storage/storage_private.h"

/*
 * Who looks at what, seen from those who take things away. A transaction announces its snapshot in
 * `registered`; it announces in is_wide that it also looks at newer versions: a nested statement's
 * snapshot, the newest version of a row. Both announcements are followed by a fence and by reading
 * visible_lsn or the slot; everybody here reads visible_lsn or changes slots, fences, and reads the
 * announcements. So an announcement that is missed comes with a look that sees the change.
 */

lsn_t
storage_horizon(const struct storage *storage)
{
    lsn_t horizon = log_visible_lsn(storage->log);
    /* Pairs with the fence in register_snapshot. */
    atomic_thread_fence(memory_order_seq_cst);
    for (struct txn *txn = atomic_load_explicit(&storage->all_txns, memory_order_acquire);
         txn != NULL; txn = txn->all_next) {
        /* Acquire pairs with txn_unregister: its reads are over before versions go. */
        lsn_t lsn = atomic_load_explicit(&txn->registered, memory_order_acquire);
        horizon = KY_MIN(horizon, lsn);
    }
    return horizon;
}

static uint32_t
count_txns(const struct storage *storage)
{
    uint32_t count = 0;
    for (const struct txn *txn = atomic_load_explicit(&storage->all_txns, memory_order_acquire);
         txn != NULL; txn = txn->all_next) {
        count++;
    }
    return count;
}

void
storage_snapshots(const struct storage *storage, struct snapshot_set *set_out)
{
    struct snapshot_set set = {.visible = log_visible_lsn(storage->log)};
    set.from = set.visible;
    /* Pairs with the fences in register_snapshot and txn_widen. */
    atomic_thread_fence(memory_order_seq_cst);
    uint32_t capacity = count_txns(storage);
    set.singles = malloc((capacity + 1) * sizeof(lsn_t));
    KY_ASSERT(set.singles != NULL);
    /* Objects made since then register at or after `from`. */
    for (const struct txn *txn = atomic_load_explicit(&storage->all_txns, memory_order_acquire);
         txn != NULL; txn = txn->all_next) {
        lsn_t lsn = atomic_load_explicit(&txn->registered, memory_order_acquire);
        if (lsn >= set.from) {
            continue;
        }
        if (atomic_load_explicit(&txn->is_wide, memory_order_relaxed) || set.count == capacity) {
            set.from = KY_MIN(set.from, lsn);
        } else {
            set.singles[set.count++] = lsn;
        }
    }
    *set_out = set;
}

uint32_t
storage_blockers(const struct storage *storage, lsn_t min_commit_lsn, struct blocker **blockers_out)
{
    /* Pairs with the fences in register_snapshot and txn_widen: who is missed below finds only what
     * the directory said before this. */
    atomic_thread_fence(memory_order_seq_cst);
    uint32_t count = 0;
    struct blocker *blockers = NULL;
    for (const struct txn *txn = atomic_load_explicit(&storage->all_txns, memory_order_acquire);
         txn != NULL; txn = txn->all_next) {
        lsn_t lsn = atomic_load_explicit(&txn->registered, memory_order_acquire);
        bool is_wide = atomic_load_explicit(&txn->is_wide, memory_order_relaxed);
        if (lsn == LSN_MAX || (lsn <= min_commit_lsn && !is_wide)) {
            continue;
        }
        blockers = realloc(blockers, (count + 1) * sizeof(*blockers));
        KY_ASSERT(blockers != NULL);
        blockers[count++] = (struct blocker){
            .txn = txn,
            .registration = atomic_load_explicit(&txn->registrations, memory_order_relaxed),
        };
    }
    *blockers_out = blockers;
    return count;
}

bool
blocker_is_gone(const struct blocker *blocker)
{
    /* Acquire pairs with txn_unregister: its reads are over. */
    return atomic_load_explicit(&blocker->txn->registered, memory_order_acquire) == LSN_MAX ||
           atomic_load_explicit(&blocker->txn->registrations, memory_order_relaxed) !=
               blocker->registration;
}

lsn_t
storage_chunk_floor(const struct storage *storage)
{
    lsn_t floor = log_visible_lsn(storage->log);
    /* Pairs with the fence in write_set_flush: a transaction that is missed submits its first chunk
     * after this, and it gets a position after what was visible. */
    atomic_thread_fence(memory_order_seq_cst);
    for (const struct txn *txn = atomic_load_explicit(&storage->all_txns, memory_order_acquire);
         txn != NULL; txn = txn->all_next) {
        floor = KY_MIN(floor, atomic_load_explicit(&txn->chunk_floor, memory_order_acquire));
    }
    return floor;
}
