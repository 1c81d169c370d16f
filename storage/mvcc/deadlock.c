/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/metric.h"
#include "storage/mvcc/lock_private.h"

/*
 * Who waits for whom, searched breadth first from a transaction that begins to wait. A waiter is
 * blocked by the holders its request conflicts with and by those who wait before it with a
 * conflicting request. A circle can only be closed by the edges of a new wait, so this is the
 * only moment to look. The search needs no memory: queue and path are links in the transactions,
 * guarded, like the whole graph, by all shards being held.
 */
KY_METRIC(metric_deadlocks, "kyrodb_deadlocks_total", NULL, KY_COUNTER,
          "Lock waits refused because they would have closed a circle.")

enum { CIRCLE_SHOWN_MAX = 16 };

struct search {
    struct lock_table *table;
    struct txn *target;
    struct txn *first; /* queue */
    struct txn *last;
    struct txn *closer; /* the one that waits for target, once found */
};

/* Whoever of those led together waits; NULL: none. */
static struct txn *
waiting_of(const struct txn *leader)
{
    struct txn *txn = leader->locks.waiting;
    return txn == NULL || txn->locks.waiter == NULL || txn->locks.waiter->is_granted ? NULL : txn;
}

static void
reach(struct search *search, struct txn *from, struct txn *blocker)
{
    blocker = blocker->locks.leader;
    if (blocker == search->target) {
        search->closer = from;
        return;
    }
    if (blocker->locks.visit == search->table->visit) {
        return;
    }
    blocker->locks.visit = search->table->visit;
    blocker->locks.reached_from = from;
    blocker->locks.search_next = NULL;
    search->last->locks.search_next = blocker;
    search->last = blocker;
}

static void
expand(struct search *search, struct txn *leader) KY_NO_THREAD_SAFETY_ANALYSIS
{
    const struct txn *txn = waiting_of(leader);
    if (txn == NULL) {
        return;
    }
    const struct lock_waiter *waiter = txn->locks.waiter;
    const struct lock_key *key = &txn->locks.wait_key;
    if (key->kind == LOCK_KIND_TXN) {
        reach(search, leader, (struct txn *)(uintptr_t)key->id);
        return;
    }
    const struct lock *lock = lock_find(lock_shard_of(search->table, key), key);
    uint32_t conflicts = lock_conflicts(key->kind, txn->locks.wait_mode);
    for (const struct hold *hold = lock->holds; hold != NULL; hold = hold->next) {
        if (hold->txn->locks.leader != leader && (hold->modes & conflicts) != 0) {
            reach(search, leader, hold->txn);
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
            reach(search, leader, other->txn);
        }
    }
}

/* As PostgreSQL words it. */
static void
describe_wait(struct ky_buffer *out, const struct txn *leader, const struct txn *blocker_leader)
{
    const struct lock_set *set = &waiting_of(leader)->locks;
    const struct txn *blocker = waiting_of(blocker_leader);
    const struct lock_key *key = &set->wait_key;
    ky_buffer_printf(out, "%sProcess %d waits for %s on ", out->size == 0 ? "" : "\n",
                     set->waiter->pid, lock_mode_name(key->kind, set->wait_mode));
    if (key->kind == LOCK_KIND_TABLE) {
        ky_buffer_printf(out, "relation %" PRIu32 " of database %d", key->rel, LOCK_DATABASE);
    } else if (key->kind == LOCK_KIND_ADVISORY) {
        ky_buffer_printf(out, "advisory lock [%d,%" PRIu32 ",%" PRIu32 ",%" PRIu32 "]",
                         LOCK_DATABASE, (uint32_t)(key->id >> 32), (uint32_t)key->id, key->rel);
    } else {
        ky_buffer_printf(out, "transaction %" PRIu64,
                         atomic_load_explicit(&blocker->id, memory_order_relaxed));
    }
    ky_buffer_printf(out, "; blocked by process %d.", blocker->locks.waiter->pid);
}

static ky_status
raise_deadlock(const struct search *search, struct ky_error *err)
{
    struct txn *path[CIRCLE_SHOWN_MAX];
    size_t count = 0;
    for (struct txn *txn = search->closer; txn != search->target; txn = txn->locks.reached_from) {
        if (count == CIRCLE_SHOWN_MAX) {
            memmove(path, path + 1, (CIRCLE_SHOWN_MAX - 1) * sizeof(path[0]));
            count--;
        }
        path[count++] = txn;
    }
    struct ky_buffer detail = {0};
    struct txn *at = search->target;
    for (size_t i = count; i > 0; i--) {
        describe_wait(&detail, at, path[i - 1]);
        at = path[i - 1];
    }
    describe_wait(&detail, at, search->target);
    (void)ky_error_set(err, KY_DEADLOCK_DETECTED, "deadlock detected");
    (void)ky_error_detail(err, "%.*s", (int)detail.size, (const char *)detail.data);
    (void)ky_error_hint(err, "See server log for query details.");
    ky_buffer_deinit(&detail);
    ky_metric_add(&metric_deadlocks, 1);
    return KY_ERR;
}

uint64_t
storage_deadlock_count(void)
{
    return (uint64_t)atomic_load_explicit(&metric_deadlocks.value, memory_order_relaxed);
}

/* Nobody can wait for a transaction that has nothing but noted weak table locks. */
static bool
can_be_waited_for(const struct txn *txn)
{
    if (txn->insert_count > 0 || txn->locks.leader != txn || txn->locks.is_owner) {
        return true;
    }
    for (uint32_t i = 0; i < txn->locks.grant_count; i++) {
        if (txn->locks.grants[i].lock != NULL) {
            return true;
        }
    }
    return false;
}

/* A noted lock may have been moved where others can wait for it. */
static bool
has_moved_locks(struct txn *txn)
{
    ky_mutex_lock(&txn->locks.fast_lock);
    bool has_moved = txn->locks.has_moved;
    ky_mutex_unlock(&txn->locks.fast_lock);
    return has_moved;
}

ky_status
deadlock_check(struct lock_table *table, struct txn *txn, struct ky_error *err)
{
    if (!can_be_waited_for(txn) && !has_moved_locks(txn)) {
        return KY_OK;
    }
    struct txn *leader = txn->locks.leader;
    struct search search = {.table = table, .target = leader, .first = leader, .last = leader};
    table->visit++;
    leader->locks.visit = table->visit;
    leader->locks.search_next = NULL;
    for (struct txn *at = leader; at != NULL; at = at->locks.search_next) {
        expand(&search, at);
        if (search.closer != NULL) {
            return raise_deadlock(&search, err);
        }
    }
    return KY_OK;
}
