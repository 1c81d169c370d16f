/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/checkpoint/list.h"
#include "storage/compact/base_set.h"
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
    bool is_new;               /* the directory was made by this start */
    struct log *log;           /* owned */
    uint8_t system_id[16];
    struct directory directory;
    struct base_set base;
    struct lock_table locks;
    struct janitor janitor;
    struct guard_ring ring;
    struct txn_pool pools[TXN_POOL_COUNT];
    _Atomic(struct txn *) all_txns; /* every object ever made, linked by all_next */
    _Atomic txid_t next_txid;
    struct ky_mutex checkpoint_lock;
    /* Guarded by checkpoint_lock, or storage is still being opened. */
    struct checkpoint_list *checkpoint; /* in force; owned; NULL: none */
    struct storage_derived derived;
    uint64_t next_serial; /* of checkpoint files */
    /* Recovery from the checkpoint in force reads nothing of the log below this. */
    _Atomic lsn_t recovery_floor;
    /* Counts rounds of relocation; a checkpoint holds no place that was given up in a round up to
     * checkpoint_relocations. */
    _Atomic uint64_t relocations;
    _Atomic uint64_t checkpoint_relocations;
    atomic_bool wants_parts; /* see storage_want_parts */
    /* For storage_checkpoint_counts; relaxed: numbers to look at. */
    _Atomic uint64_t timed_checkpoints, requested_checkpoints, checkpoint_pages, checkpoint_ns;
    struct compactor *compactor; /* owned */
    struct ky_mutex reader_lock;
    struct ky_list readers; /* of events; guarded by reader_lock */
    uint64_t body_size_max;
};

/* checkpoint/load.c: reads the list that the manifest names; lsn must be the one it was written
 * for. XX001 names the file. */
struct checkpoint_source {
    struct io *io;
    const char *dir;
    const char *name;
    lsn_t lsn;
};
KY_MUST_CHECK ky_status checkpoint_read_list(const struct checkpoint_source *source,
                                             struct checkpoint_list **list_out,
                                             struct ky_error *err);
/* Fills the directory from its pages. storage NULL: only checks them. */
KY_MUST_CHECK ky_status checkpoint_load(const struct checkpoint_source *source,
                                        const struct checkpoint_list *list, struct storage *storage,
                                        struct ky_error *err);
/* Checks the sums of all parts; tells report about each that is damaged. */
typedef void (*checkpoint_damage)(void *arg, const struct ky_error *err);
void checkpoint_verify_parts(const struct checkpoint_source *source,
                             const struct checkpoint_list *list, checkpoint_damage report,
                             void *arg);
/* Removes the files in ckpt/ that list (NULL: none) does not name. */
void checkpoint_remove_others(struct io *io, const char *dir, const struct checkpoint_list *list);
/* recovery.c: applies every commit from a position on to the directory. */
KY_MUST_CHECK ky_status storage_replay(struct storage *storage, lsn_t from, struct ky_error *err);

/* event.c: the lowest position that a reader of events is about to read; LSN_MAX without one. */
lsn_t storage_reader_floor(struct storage *storage);
/* Offset of the event that a committed version is; false when it is none. */
bool storage_event_of(const struct storage *storage, const struct version *version,
                      event_offset_t *offset_out);
/* The bytes of a committed record's body. */
struct ky_slice storage_body_at(const struct storage *storage, lsn_t location);
