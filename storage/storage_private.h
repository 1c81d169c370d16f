/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/io/io.h"
#include "storage/mvcc/janitor.h"
#include "storage/mvcc/txn_private.h"

/* The storage object, for the files behind the front door. */
struct txn_pool {
    struct ky_mutex lock KY_ALIGNED(64);
    struct txn *first;
};

struct storage {
    struct storage_options options;
    char *dir; /* owned */
    struct io *io;
    struct io_file *lock_file; /* owned */
    struct log *log;           /* owned */
    struct directory directory;
    struct lock_table locks;
    struct janitor janitor;
    struct txn_pool pools[TXN_POOL_COUNT];
    _Atomic(struct txn *) all_txns; /* every object ever made, linked by all_next */
    _Atomic txid_t next_txid;
    struct ky_mutex checkpoint_lock;
    char checkpoint_name[64]; /* in force; guarded by checkpoint_lock */
    uint64_t body_size_max;
};

/* The bytes of a committed record's body. */
struct ky_slice storage_body_at(const struct storage *storage, lsn_t location);
