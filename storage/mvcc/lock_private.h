/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/storage_private.h"

/* The database of a data directory, as messages name it. */
enum { LOCK_DATABASE = 5 };

/* Shared by lock.c (granting), lock_wait.c (waiting), lock_table.c (tables) and deadlock.c. */
struct hold {
    struct hold *next;
    struct txn *txn; /* NULL: free (the inline one) */
    uint32_t modes;  /* bit per mode */
};

struct lock {
    struct lock *chain;
    struct lock_key key;
    struct hold inline_hold;
    struct hold *holds; /* list; may contain inline_hold */
    struct ky_list waiters;
};

/* The modes that a mode conflicts with, as bits. */
uint32_t lock_conflicts(uint32_t kind, uint32_t mode);
const char *lock_mode_name(uint32_t kind, uint32_t mode);

struct lock_shard *lock_shard_of(struct lock_table *table, const struct lock_key *key);
struct lock *lock_find(const struct lock_shard *shard, const struct lock_key *key)
    KY_REQUIRES(shard->lock);
struct lock *lock_get(struct lock_shard *shard, const struct lock_key *key)
    KY_REQUIRES(shard->lock);
/* Frees the lock when nobody holds it or waits for it. */
void lock_put(struct lock_shard *shard, struct lock *lock) KY_REQUIRES(shard->lock);
struct hold *lock_hold_of(const struct lock *lock, const struct txn *txn);
void lock_hold_add(struct lock *lock, struct txn *txn, uint32_t modes);
void lock_hold_remove(struct lock *lock, struct txn *txn, uint32_t modes);
/* Whether what txn holds includes the mode. */
bool lock_is_covered(const struct lock *lock, const struct txn *txn, uint32_t mode);
/* Whether a request waits for those with conflicting ones that wait before it. waiter NULL: it is
 * not in the queue yet. */
bool lock_heeds_queue(const struct lock *lock, uint32_t mode, const struct lock_waiter *waiter);
/* Whether the mode can be granted now; waiters before `before` (NULL: all) count as well unless
 * txn holds the lock already. */
bool lock_can_grant(const struct lock *lock, const struct txn *txn, uint32_t mode,
                    const struct lock_waiter *before);
/* Grants from the queue what can be granted and wakes them. */
void lock_serve_queue(struct lock *lock);
void lock_log_grant(struct txn *txn, struct lock *lock, uint32_t table, uint32_t mode);

void lock_all_shards(struct lock_table *table);
void unlock_all_shards(struct lock_table *table);

/* Waits or grants; see lock_wait.c. */
KY_MUST_CHECK ky_status lock_acquire(struct txn *txn, const struct lock_key *key, uint32_t mode,
                                     enum lock_policy policy, struct lock_waiter *waiter,
                                     enum lock_answer *answer_out, struct ky_error *err);
bool lock_key_equal(const struct lock_key *a, const struct lock_key *b);
/* Answers a second call for a wait under way. True: *answer_out says how it stands. A wait for
 * another lock or mode ends here: what it was granted is held, and false says that this one is
 * still to be asked for. key NULL: any will do. */
bool lock_resume(struct txn *txn, struct lock_waiter *waiter, const struct lock_key *key,
                 uint32_t mode, enum lock_answer *answer_out);
/* Puts the waiter into the queue and looks for a circle. All shards are held. */
KY_MUST_CHECK ky_status lock_enqueue(struct txn *txn, struct lock_shard *shard, struct lock *lock,
                                     uint32_t mode, struct lock_waiter *waiter,
                                     struct ky_error *err);

/* KY_ERR (40P01) when the wait of txn closes a circle. All shards are held. */
KY_MUST_CHECK ky_status deadlock_check(struct lock_table *table, struct txn *txn,
                                       struct ky_error *err);

/* Table locks: whether the mode keeps others from the fast path. */
bool lock_mode_is_strong(uint32_t kind, uint32_t mode);
void lock_strong_end(struct lock_table *table, const struct lock_key *key, uint32_t mode);
/* Gives up a fast-path grant, wherever it is now. */
void lock_fast_release(struct txn *txn, uint32_t table, uint32_t mode);
/* All fast-path grants at once; false, and nothing is done: some are in the lock table by now. */
bool lock_fast_release_all(struct txn *txn);
