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
    struct guard_ring ring;
    struct txn_pool pools[TXN_POOL_COUNT];
    _Atomic(struct txn *) all_txns; /* every object ever made, linked by all_next */
    _Atomic txid_t next_txid;
    struct ky_mutex checkpoint_lock;
    char checkpoint_name[64]; /* in force; guarded by checkpoint_lock */
    uint64_t body_size_max;
};

/* checkpoint/load.c: fills the directory from a checkpoint; lsn must be the one it was written
 * for. XX001 names the file. storage NULL: only checks it, with dir and io. */
struct checkpoint_source {
    struct io *io;
    const char *dir;
    const char *name;
    lsn_t lsn;
};
KY_MUST_CHECK ky_status checkpoint_load(const struct checkpoint_source *source,
                                        struct storage *storage, struct ky_error *err);
/* Removes checkpoint directories other than keep. */
void checkpoint_remove_others(struct io *io, const char *dir, const char *keep);
/* recovery.c: applies every commit from a position on to the directory. */
KY_MUST_CHECK ky_status storage_replay(struct storage *storage, lsn_t from, struct ky_error *err);

/* The bytes of a committed record's body. */
struct ky_slice storage_body_at(const struct storage *storage, lsn_t location);
