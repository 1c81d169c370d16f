/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/mvcc/lock.h"

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/map.h"
#include "storage/mvcc/lock_private.h"

/*
 * The lock table: hash shards of locks, each with its holders and a queue of waiters. A request
 * is granted when it conflicts with no other holder and with nobody who waits before it, so that
 * nobody starves; whoever holds the lock already goes in front, because those in the queue wait
 * for it anyway. A new request for a row looks at the holders only, as PostgreSQL's does: children
 * of a foreign key come past who waits to delete the parent, instead of queueing behind it.
 *
 * Order of mutexes: shards by number, then a transaction's fast_lock.
 */
enum { SHARD_CAPACITY_MIN = 64, SHARD_SPARE_MAX = 1024 };

#define MODE_BIT(mode) (1U << (mode))

#define LOOKS MODE_BIT(ROW_LOCK_LOOK)
#define LOOKS_AT_KEYS (MODE_BIT(ROW_LOCK_LOOK) | MODE_BIT(ROW_LOCK_LOOK_KEY))
#define CHANGES_OF_KEYS (MODE_BIT(ROW_LOCK_CHANGE_ENTRY) | MODE_BIT(ROW_LOCK_CHANGE_KEY))
#define STRONGEST (MODE_BIT(ROW_LOCK_UPDATE) | MODE_BIT(ROW_LOCK_CHANGE_KEY))
#define STRONG \
    (STRONGEST | MODE_BIT(ROW_LOCK_NO_KEY_UPDATE) | MODE_BIT(ROW_LOCK_CHANGE) | CHANGES_OF_KEYS)

static const uint32_t row_conflicts[] = {
    [ROW_LOCK_KEY_SHARE] = STRONGEST,
    [ROW_LOCK_SHARE] = STRONG,
    [ROW_LOCK_LOOK] = MODE_BIT(ROW_LOCK_CHANGE) | CHANGES_OF_KEYS,
    [ROW_LOCK_LOOK_KEY] = CHANGES_OF_KEYS,
    [ROW_LOCK_NO_KEY_UPDATE] = STRONG | MODE_BIT(ROW_LOCK_SHARE),
    [ROW_LOCK_UPDATE] = STRONG | MODE_BIT(ROW_LOCK_SHARE) | MODE_BIT(ROW_LOCK_KEY_SHARE),
    [ROW_LOCK_CHANGE] = STRONG | MODE_BIT(ROW_LOCK_SHARE) | LOOKS,
    [ROW_LOCK_CHANGE_ENTRY] = STRONG | MODE_BIT(ROW_LOCK_SHARE) | LOOKS_AT_KEYS,
    [ROW_LOCK_CHANGE_KEY] =
        STRONG | MODE_BIT(ROW_LOCK_SHARE) | MODE_BIT(ROW_LOCK_KEY_SHARE) | LOOKS_AT_KEYS,
};

static const uint32_t advisory_conflicts[] = {
    [ADVISORY_MODE_SHARE] = MODE_BIT(ADVISORY_MODE_EXCLUSIVE),
    [ADVISORY_MODE_EXCLUSIVE] = MODE_BIT(ADVISORY_MODE_SHARE) | MODE_BIT(ADVISORY_MODE_EXCLUSIVE),
};

/* Modes from `first` to ACCESS EXCLUSIVE. */
#define MODES_FROM(first) ((MODE_BIT(LOCK_ACCESS_EXCLUSIVE + 1) - 1) & ~(MODE_BIT(first) - 1))

static const uint32_t table_conflicts[] = {
    [LOCK_ACCESS_SHARE] = MODES_FROM(LOCK_ACCESS_EXCLUSIVE),
    [LOCK_ROW_SHARE] = MODES_FROM(LOCK_EXCLUSIVE),
    [LOCK_ROW_EXCLUSIVE] = MODES_FROM(LOCK_SHARE),
    [LOCK_SHARE_UPDATE_EXCLUSIVE] = MODES_FROM(LOCK_SHARE_UPDATE_EXCLUSIVE),
    /* SHARE alone is compatible with itself. */
    [LOCK_SHARE] = (MODES_FROM(LOCK_ROW_EXCLUSIVE)) & ~MODE_BIT(LOCK_SHARE),
    [LOCK_SHARE_ROW_EXCLUSIVE] = MODES_FROM(LOCK_ROW_EXCLUSIVE),
    [LOCK_EXCLUSIVE] = MODES_FROM(LOCK_ROW_SHARE),
    [LOCK_ACCESS_EXCLUSIVE] = MODES_FROM(LOCK_ACCESS_SHARE),
};

uint32_t
lock_conflicts(uint32_t kind, uint32_t mode)
{
    switch ((enum lock_kind)kind) {
    case LOCK_KIND_ROW:
        return row_conflicts[mode];
    case LOCK_KIND_TABLE:
        return table_conflicts[mode];
    case LOCK_KIND_TXN:
        return 0;
    case LOCK_KIND_ADVISORY:
        return advisory_conflicts[mode];
    }
    return 0;
}

const char *
lock_mode_name(uint32_t kind, uint32_t mode)
{
    static const char *const names[] = {
        [LOCK_ACCESS_SHARE] = "AccessShareLock",
        [LOCK_ROW_SHARE] = "RowShareLock",
        [LOCK_ROW_EXCLUSIVE] = "RowExclusiveLock",
        [LOCK_SHARE_UPDATE_EXCLUSIVE] = "ShareUpdateExclusiveLock",
        [LOCK_SHARE] = "ShareLock",
        [LOCK_SHARE_ROW_EXCLUSIVE] = "ShareRowExclusiveLock",
        [LOCK_EXCLUSIVE] = "ExclusiveLock",
        [LOCK_ACCESS_EXCLUSIVE] = "AccessExclusiveLock",
    };
    if (kind == LOCK_KIND_ADVISORY) {
        mode = mode == ADVISORY_MODE_EXCLUSIVE ? LOCK_EXCLUSIVE : LOCK_SHARE;
    }
    return kind == LOCK_KIND_TABLE || kind == LOCK_KIND_ADVISORY ? names[mode] : "ShareLock";
}

/* ------------------------------------------------------------------ shards */

void
lock_table_init(struct lock_table *table)
{
    memset(table, 0, sizeof(*table));
    for (size_t i = 0; i < LOCK_SHARD_COUNT; i++) {
        ky_mutex_init(&table->shards[i].lock);
    }
}

/* Locks are left only by commits that a failed log never answered. */
static void
free_chain(struct lock *lock)
{
    while (lock != NULL) {
        struct lock *next = lock->chain;
        struct hold *hold = lock->holds;
        while (hold != NULL) {
            struct hold *after = hold->next;
            if (hold != &lock->inline_hold) {
                ky_free(hold);
            }
            hold = after;
        }
        ky_free(lock);
        lock = next;
    }
}

void
lock_table_deinit(struct lock_table *table)
{
    for (size_t i = 0; i < LOCK_SHARD_COUNT; i++) {
        struct lock_shard *shard = &table->shards[i];
        for (uint32_t slot = 0; slot < shard->capacity; slot++) {
            free_chain(shard->slots[slot]);
        }
        while (shard->spare != NULL) {
            struct lock *lock = shard->spare;
            shard->spare = lock->chain;
            ky_free(lock);
        }
        ky_free(shard->slots);
        ky_mutex_deinit(&shard->lock);
    }
}

static uint64_t
key_hash(const struct lock_key *key)
{
    return ky_hash_u64(key->id ^ ((uint64_t)key->rel << 32) ^ ((uint64_t)key->kind << 29));
}

struct lock_shard *
lock_shard_of(struct lock_table *table, const struct lock_key *key)
{
    return &table->shards[(key_hash(key) >> 40) % LOCK_SHARD_COUNT];
}

static struct lock **
shard_slot(const struct lock_shard *shard, const struct lock_key *key)
{
    return &shard->slots[key_hash(key) & (shard->capacity - 1)];
}

bool
lock_key_equal(const struct lock_key *a, const struct lock_key *b)
{
    return a->id == b->id && a->rel == b->rel && a->kind == b->kind;
}

struct lock *
lock_find(const struct lock_shard *shard, const struct lock_key *key)
{
    struct lock *lock = shard->capacity == 0 ? NULL : *shard_slot(shard, key);
    while (lock != NULL && !lock_key_equal(&lock->key, key)) {
        lock = lock->chain;
    }
    return lock;
}

static void
shard_grow(struct lock_shard *shard)
{
    struct lock **old = shard->slots;
    uint32_t old_capacity = shard->capacity;
    shard->capacity = KY_MAX(SHARD_CAPACITY_MIN, old_capacity * 2);
    shard->slots = ky_calloc(shard->capacity, sizeof(struct lock *));
    for (uint32_t i = 0; i < old_capacity; i++) {
        while (old[i] != NULL) {
            struct lock *lock = old[i];
            old[i] = lock->chain;
            struct lock **slot = shard_slot(shard, &lock->key);
            lock->chain = *slot;
            *slot = lock;
        }
    }
    ky_free(old);
}

struct lock *
lock_get(struct lock_shard *shard, const struct lock_key *key)
{
    struct lock *lock = lock_find(shard, key);
    if (lock != NULL) {
        return lock;
    }
    if (shard->count >= shard->capacity) {
        shard_grow(shard);
    }
    lock = shard->spare;
    if (lock != NULL) {
        shard->spare = lock->chain;
        shard->spare_count--;
    } else {
        lock = ky_malloc(sizeof(*lock));
    }
    lock->key = *key;
    lock->holds = NULL;
    lock->inline_hold.txn = NULL;
    ky_list_init(&lock->waiters);
    struct lock **slot = shard_slot(shard, key);
    lock->chain = *slot;
    *slot = lock;
    shard->count++;
    return lock;
}

void
lock_put(struct lock_shard *shard, struct lock *lock)
{
    if (lock->holds != NULL || !ky_list_is_empty(&lock->waiters)) {
        return;
    }
    struct lock **place = shard_slot(shard, &lock->key);
    while (*place != lock) {
        place = &(*place)->chain;
    }
    *place = lock->chain;
    shard->count--;
    if (shard->spare_count < SHARD_SPARE_MAX) {
        lock->chain = shard->spare;
        shard->spare = lock;
        shard->spare_count++;
    } else {
        ky_free(lock);
    }
}

void
lock_all_shards(struct lock_table *table) KY_NO_THREAD_SAFETY_ANALYSIS
{
    for (size_t i = 0; i < LOCK_SHARD_COUNT; i++) {
        ky_mutex_lock(&table->shards[i].lock);
    }
}

void
unlock_all_shards(struct lock_table *table) KY_NO_THREAD_SAFETY_ANALYSIS
{
    for (size_t i = 0; i < LOCK_SHARD_COUNT; i++) {
        ky_mutex_unlock(&table->shards[i].lock);
    }
}

/* ------------------------------------------------------------------ holders */

struct hold *
lock_hold_of(const struct lock *lock, const struct txn *txn)
{
    struct hold *hold = lock->holds;
    while (hold != NULL && hold->txn != txn) {
        hold = hold->next;
    }
    return hold;
}

void
lock_hold_add(struct lock *lock, struct txn *txn, uint32_t modes)
{
    struct hold *hold = lock_hold_of(lock, txn);
    if (hold == NULL) {
        hold = lock->inline_hold.txn == NULL ? &lock->inline_hold : ky_malloc(sizeof(*hold));
        hold->txn = txn;
        hold->modes = 0;
        hold->next = lock->holds;
        lock->holds = hold;
    }
    hold->modes |= modes;
}

void
lock_hold_remove(struct lock *lock, struct txn *txn, uint32_t modes)
{
    struct hold **place = &lock->holds;
    while (*place != NULL && (*place)->txn != txn) {
        place = &(*place)->next;
    }
    struct hold *hold = *place;
    KY_ASSERT(hold != NULL);
    hold->modes &= ~modes;
    if (hold->modes != 0) {
        return;
    }
    *place = hold->next;
    if (hold == &lock->inline_hold) {
        hold->txn = NULL;
    } else {
        ky_free(hold);
    }
}

bool
lock_is_covered(const struct lock *lock, const struct txn *txn, uint32_t mode)
{
    const struct hold *hold = lock_hold_of(lock, txn);
    if (hold == NULL) {
        return false;
    }
    if (lock->key.kind == LOCK_KIND_ADVISORY) {
        return (hold->modes & MODE_BIT(mode)) != 0; /* each is given back by itself */
    }
    uint32_t conflicts = lock_conflicts(lock->key.kind, mode);
    for (uint32_t held = 0; hold->modes >> held != 0; held++) {
        if ((hold->modes & MODE_BIT(held)) != 0 &&
            (conflicts & ~lock_conflicts(lock->key.kind, held)) == 0) {
            return true;
        }
    }
    return false;
}

bool
lock_heeds_queue(const struct lock *lock, uint32_t mode, const struct lock_waiter *waiter)
{
    if (lock->key.kind != LOCK_KIND_ROW) {
        return true;
    }
    return waiter != NULL && mode != ROW_LOCK_LOOK && mode != ROW_LOCK_LOOK_KEY;
}

bool
lock_can_grant(const struct lock *lock, const struct txn *txn, uint32_t mode,
               const struct lock_waiter *before)
{
    uint32_t conflicts = lock_conflicts(lock->key.kind, mode);
    bool is_holder = false;
    for (const struct hold *hold = lock->holds; hold != NULL; hold = hold->next) {
        if (hold->txn->locks.leader == txn->locks.leader) {
            is_holder = true;
        } else if ((hold->modes & conflicts) != 0) {
            return false;
        }
    }
    if (is_holder || !lock_heeds_queue(lock, mode, before)) {
        return true;
    }
    ky_list_foreach (item, &lock->waiters) {
        const struct lock_waiter *other = ky_list_entry(item, struct lock_waiter, link);
        if (other == before) {
            break;
        }
        if ((MODE_BIT(other->txn->locks.wait_mode) & conflicts) != 0) {
            return false;
        }
    }
    return true;
}

/* wake is called under the shard's lock, so that a cancel cannot take the waiter away meanwhile. */
void
lock_serve_queue(struct lock *lock)
{
    struct ky_list *item = lock->waiters.next;
    while (item != &lock->waiters) {
        struct lock_waiter *waiter = ky_list_entry(item, struct lock_waiter, link);
        item = item->next;
        uint32_t mode = waiter->txn->locks.wait_mode;
        if (lock_can_grant(lock, waiter->txn, mode, waiter)) {
            ky_list_remove(&waiter->link);
            lock_hold_add(lock, waiter->txn, MODE_BIT(mode));
            waiter->is_granted = true;
            waiter->wake(waiter);
        }
    }
}

/* ------------------------------------------------------------------ a transaction's locks */

void
lock_set_init(struct lock_set *set)
{
    ky_mutex_init(&set->fast_lock);
}

void
lock_set_deinit(struct lock_set *set)
{
    ky_free(set->grants);
    ky_mutex_deinit(&set->fast_lock);
}

void
lock_log_grant(struct txn *txn, struct lock *lock, uint32_t table, uint32_t mode)
{
    struct lock_set *set = &txn->locks;
    if (lock != NULL && lock->key.kind == LOCK_KIND_TABLE) {
        ky_mutex_lock(&set->fast_lock);
        set->has_moved = true;
        ky_mutex_unlock(&set->fast_lock);
    }
    if (set->grant_count == set->grant_capacity) {
        set->grant_capacity = KY_MAX(16, set->grant_capacity * 2);
        set->grants = ky_realloc(set->grants, set->grant_capacity * sizeof(*set->grants));
    }
    set->grants[set->grant_count++] = (struct lock_grant){lock, table, mode};
}

static void
grant_release(struct txn *txn, const struct lock_grant *grant)
{
    struct lock_table *table = &txn->storage->locks;
    struct lock *lock = grant->lock;
    if (lock == NULL) {
        lock_fast_release(txn, grant->table, grant->mode);
        return;
    }
    struct lock_key key = lock->key;
    struct lock_shard *shard = lock_shard_of(table, &key);
    ky_mutex_lock(&shard->lock);
    lock_hold_remove(lock, txn, MODE_BIT(grant->mode));
    lock_serve_queue(lock);
    lock_put(shard, lock);
    ky_mutex_unlock(&shard->lock);
    lock_strong_end(table, &key, grant->mode);
}

void
lock_set_release_last(struct txn *txn)
{
    grant_release(txn, &txn->locks.grants[--txn->locks.grant_count]);
}

bool
lock_set_release_one(struct txn *txn, const struct lock_key *key, uint32_t mode)
{
    struct lock_set *set = &txn->locks;
    for (uint32_t i = set->grant_count; i > 0; i--) {
        struct lock_grant grant = set->grants[i - 1];
        if (grant.lock != NULL && grant.mode == mode && lock_key_equal(&grant.lock->key, key)) {
            memmove(&set->grants[i - 1], &set->grants[i],
                    (set->grant_count - i) * sizeof(set->grants[0]));
            set->grant_count--;
            grant_release(txn, &grant);
            return true;
        }
    }
    return false;
}

void
lock_set_release_rows(struct txn *txn)
{
    struct lock_set *set = &txn->locks;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->grant_count; i++) {
        const struct lock_grant grant = set->grants[i];
        const struct lock_key *key = grant.lock == NULL ? NULL : &grant.lock->key;
        if (key != NULL && key->kind == LOCK_KIND_ROW && grant.mode >= ROW_LOCK_NO_KEY_UPDATE &&
            write_set_find(txn, key->rel, key->id) != 0) {
            grant_release(txn, &grant);
        } else {
            set->grants[kept++] = grant;
        }
    }
    set->grant_count = kept;
}

void
lock_set_release(struct txn *txn, uint32_t count)
{
    enum { GRANTS_KEEP_MAX = 4096 };
    struct lock_set *set = &txn->locks;
    if (set->waiter != NULL && count == 0) {
        storage_lock_cancel(set->waiter);
    }
    if (set->grant_count == 0) {
        return;
    }
    const bool are_noted_gone = count == 0 && lock_fast_release_all(txn);
    while (set->grant_count > count) {
        const struct lock_grant *grant = &set->grants[--set->grant_count];
        if (grant->lock != NULL || !are_noted_gone) {
            grant_release(txn, grant);
        }
    }
    if (count == 0 && !are_noted_gone) {
        ky_mutex_lock(&set->fast_lock);
        set->has_moved = false;
        ky_mutex_unlock(&set->fast_lock);
    }
    if (set->grant_count == 0 && set->grant_capacity > GRANTS_KEEP_MAX) {
        ky_free(set->grants);
        set->grants = NULL;
        set->grant_capacity = 0;
    }
}
