/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/buffer.h"
#include "server/base/error.h"
#include "storage/api/ids.h"

/*
 * SERIALIZABLE: what a transaction read and wrote, and the commits it is checked against. The
 * public face is in storage.h; guard.c has the argument why the check is enough.
 */
struct txn;
struct storage;
struct storage_key_range;

enum {
    GUARD_RANGES_MAX = 4096,               /* read in one relation; above, all of it counts */
    GUARD_WRITES_SIZE_MAX = 1024 * 1024,   /* noted keys; above, whole relations count */
    GUARD_WRITES_KEEP_MAX = 1024 * 1024,   /* a pooled transaction keeps no larger buffer */
    GUARD_RING_SIZE_MAX = 64 * 1024 * 1024 /* of remembered commits */
};

/* A range read: keys with lower <= key < upper, as bytes at these places of `keys`. */
struct guard_range {
    rel_id_t rel;
    uint32_t space;
    size_t lower;
    size_t upper;
    uint32_t lower_size;
    uint32_t upper_size;
    bool has_upper;
};

struct guard_relation {
    rel_id_t rel;
    bool is_all; /* every row of it counts as read (written) */
    uint32_t count;
};

/* What one running transaction did. Its thread's, then the log writer's. */
struct guard {
    struct ky_buffer keys;
    struct guard_range *ranges; /* owned */
    uint32_t range_count;
    uint32_t range_capacity;
    struct guard_relation *reads; /* owned */
    uint32_t read_count;
    uint32_t read_capacity;
    struct ky_buffer writes; /* packed struct guard_key and its bytes */
    rel_id_t *all_written;   /* owned */
    uint32_t all_written_count;
    uint32_t all_written_capacity;
    lsn_t snapshot; /* of the transaction, once its commit is asked for */
    struct guard_commit *commit;
};

/* A written key, followed by its bytes, padded to 8. */
struct guard_key {
    rel_id_t rel;
    uint32_t space;
    uint32_t size;
    uint32_t reserved;
};

/* A commit that others are checked against. */
struct guard_commit {
    struct guard_commit *newer;
    struct guard_commit *older;
    lsn_t lsn;
    struct ky_buffer writes;
    rel_id_t *all_written; /* owned */
    uint32_t all_written_count;
};

/* The remembered commits, newest and oldest. The log writer's alone, but for opening and closing.
 */
struct guard_ring {
    struct guard_commit *newest;
    struct guard_commit *oldest;
    uint64_t size;
    uint32_t count;
    uint32_t since_trim;
    lsn_t
        forgotten; /* a commit at or above this position, below the oldest, may have been let go */
};

void guard_ring_deinit(struct guard_ring *ring);
/* Forgets what the transaction did; frees what is large. */
void guard_reset(struct guard *guard);
void guard_free(struct guard *guard);
/* A place in the noted writes, and back to it. Reads stay: what was seen was seen. */
uint64_t guard_mark(const struct txn *txn);
void guard_rewind(struct txn *txn, uint64_t mark);
/* The commit is about to be submitted: sorts what was read, packs what was written. Its thread. */
void guard_prepare(struct txn *txn);
/* At the transaction's turn in the log: 40001, or remembered at this position. Log writer. */
KY_MUST_CHECK ky_status guard_admit(struct txn *txn, lsn_t lsn, struct ky_error *err);
