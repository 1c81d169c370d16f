/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/base/list.h"
#include "server/base/mutex.h"
#include "storage/api/ids.h"

/*
 * The lock manager's insides; its public face is in storage.h. Locks live in a hash table in
 * shards; weak table locks (ACCESS SHARE, ROW SHARE, ROW EXCLUSIVE) are noted in the transaction
 * alone unless somebody wants a strong one on the same table.
 */
struct txn;
struct storage;
struct lock;
struct lock_waiter;

enum { LOCK_SHARD_COUNT = 32, LOCK_STRONG_SLOTS = 1024, LOCK_FAST_MAX = 16 };

enum lock_kind { LOCK_KIND_ROW, LOCK_KIND_TABLE, LOCK_KIND_TXN, LOCK_KIND_ADVISORY };
enum { ADVISORY_MODE_SHARE, ADVISORY_MODE_EXCLUSIVE };

struct lock_key {
    uint32_t kind;
    uint32_t rel;
    uint64_t id; /* row id; 0; address of the transaction object; the number */
};

/* One grant, in the order of granting. lock is NULL for a fast-path table lock. */
struct lock_grant {
    struct lock *lock;
    uint32_t table;
    uint32_t mode;
};

struct lock_fast {
    uint32_t table;
    uint32_t modes; /* bit per table_lock_mode; 0: free */
};

/* A transaction's locks. */
struct lock_set {
    struct lock_grant *grants; /* owned; its thread's */
    uint32_t grant_count;
    uint32_t grant_capacity;
    /* The search for circles; guarded by all shards. */
    uint32_t visit;
    struct txn *reached_from;
    struct txn *search_next;
    struct ky_mutex fast_lock;
    bool has_moved; /* a noted lock went to the lock table; guarded by fast_lock */
    struct lock_fast fast[LOCK_FAST_MAX]; /* guarded by fast_lock */
    uint32_t fast_end;                    /* those from here on are free */
    /* Who acts: itself, or the owner of its session's locks. Changed with all shards held. */
    struct txn *leader;
    bool is_owner; /* leads others */
    /* Of a leader: whichever of its transactions, or itself, waits. Guarded by all shards, as the
     * wait is. */
    struct txn *waiting;
    _Atomic int pid;
    /* The wait under way; written while all shards are held, or by its thread when none. */
    struct lock_waiter *waiter;
    struct lock_key wait_key;
    uint32_t wait_mode;
};

struct lock_shard {
    struct ky_mutex lock KY_ALIGNED(64);
    struct lock **slots; /* owned; chains */
    uint32_t capacity;
    uint32_t count;
    struct lock *spare; /* free list */
    uint32_t spare_count;
};

struct lock_table {
    struct lock_shard shards[LOCK_SHARD_COUNT];
    _Atomic uint32_t strong[LOCK_STRONG_SLOTS]; /* strong table locks held or wanted, by hash */
    uint32_t visit;                             /* guarded by all shards */
};

void lock_table_init(struct lock_table *table);
void lock_table_deinit(struct lock_table *table);
void lock_set_init(struct lock_set *set);
void lock_set_deinit(struct lock_set *set);
/* Releases the grants from count on. */
void lock_set_release(struct txn *txn, uint32_t count);
/* Locks of rows that a commit with its place in the log has changed: whoever waited for one finds
 * the newer version and begins its next snapshot there. A lock on an unchanged row (FOR SHARE, a
 * foreign key's parent, FOR UPDATE as a mutex) guards other rows, which only a visible commit
 * shows. */
void lock_set_release_rows(struct txn *txn);
/* Releases the newest grant; there is one. */
void lock_set_release_last(struct txn *txn);
/* Releases one grant. False: there is none. */
bool lock_set_release_one(struct txn *txn, const struct lock_key *key, uint32_t mode);
/* Lets those go on who wait for an uncommitted row of this transaction; they look again. */
void lock_wake_inserted(struct txn *txn);
