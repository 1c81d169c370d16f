/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "storage/log/log.h"
#include "storage/mvcc/directory.h"
#include "storage/mvcc/guard.h"
#include "storage/mvcc/lock.h"
#include "storage/storage.h"

/*
 * A transaction's insides: snapshot, write set, held locks. Used by one thread at a time until
 * txn_commit; then by the log writer thread. The objects are never freed while the storage is
 * open, so that the horizon, fast-path locks and slot owners may look at any of them.
 */
enum {
    TXN_POOL_COUNT = 16,      /* free lists, so that threads seldom meet */
    BLOCK_SIZE_MIN = 4096,    /* first allocation of a write set */
    BLOCK_KEEP_MAX = 65536,   /* a pooled transaction keeps no larger block */
    BLOCKS_IN_FLIGHT_MAX = 4, /* a writer that is ahead of the disk waits here */
    WRITES_KEEP_MAX = 4096,
};

/* One own change. Its record lies in a block. */
struct write {
    row_id_t row_id;
    rel_id_t rel;
    uint32_t command; /* visible to commands after this one */
    uint32_t older;   /* 1 + the write before it to the same row; 0: none */
    uint32_t block;   /* index */
    uint32_t offset;  /* of the record, from the start of the block's frame */
    uint32_t body_size;
    uint8_t type; /* enum record_type */
    bool is_event;
};

/* Own inserts in a row, of rows numbered in a row. */
struct run {
    row_id_t first;
    uint32_t write; /* the first row's, as index */
    uint32_t count;
};

/* A relation with own writes. */
struct touched {
    rel_id_t rel;
    uint32_t write_count;
    uint32_t drop_count; /* own storage_drop in force */
    struct run *runs;    /* owned; ascending */
    uint32_t run_count;
    uint32_t run_capacity;
    struct relation *relation;
};

/* Records on their way into one frame. */
struct block {
    struct log_entry entry; /* once submitted as a CHUNK frame */
    struct txn *txn;
    uint8_t *frame; /* owned; NULL once written and no longer needed in memory */
    uint32_t size;
    uint32_t capacity;
    uint32_t record_count; /* kept ones: the first so many */
    uint32_t event_count;
    bool is_submitted;
    bool is_exposed; /* a body in it was returned to a caller */
    /* Written; frame may go. Release by the log writer, acquire by the transaction. */
    _Atomic bool is_written;
};

/* Memory that callers may still look at until the statement ends. */
struct old_frame {
    struct old_frame *next;
    uint8_t *frame;
};

/* What happens when the last frame in flight is written. */
enum txn_finish { TXN_FINISH_NONE, TXN_FINISH_COMMIT, TXN_FINISH_READ_ONLY, TXN_FINISH_ROLLBACK };

struct txn {
    /* The oldest snapshot in use, LSN_MAX when none. Its own line: the horizon reads it. */
    _Atomic lsn_t registered KY_ALIGNED(64);
    _Atomic uint64_t registrations; /* how often; names one of them */
    _Atomic bool is_wide;           /* also looks at what is newer than the one registered */
    /* No CHUNK frame of it lies below; LSN_MAX while it has none. */
    _Atomic lsn_t chunk_floor;

    struct storage *storage KY_ALIGNED(64);
    struct txn *self;
    struct txn *pool_next;
    struct txn *all_next; /* immutable after it is made */
    uint32_t pool_index;
    _Atomic txid_t id; /* 0 until needed; written by its thread */
    enum isolation isolation;

    bool is_making_room; /* see txn_set_making_room */
    uint32_t hold_count;
    lsn_t snapshot; /* in force; 0: none */
    lsn_t seen_lsn; /* end of what it looked at beyond its snapshots; may not be durable yet */
    lsn_t outer_snapshots[TXN_NESTED_MAX];

    uint32_t command;
    struct write *writes; /* owned */
    uint32_t write_count;
    uint32_t write_capacity;
    /* Owned; open addressing: 1 + newest write of a row, INDEX_REMOVED, 0. See write_index.c. */
    uint32_t *index;
    uint32_t index_capacity;
    uint32_t index_used;
    struct touched *touched; /* owned */
    uint32_t touched_count;
    uint32_t touched_capacity;
    uint32_t insert_count;
    struct block **blocks; /* owned */
    uint32_t block_count;
    uint32_t block_capacity;
    uint8_t *spare_frame; /* owned: a block's memory, for the next one */
    uint32_t spare_capacity;
    struct old_frame *old_frames;

    struct lock_set locks;
    struct guard *guard; /* owned; NULL until a SERIALIZABLE transaction uses it */

    struct ky_mutex flight_lock; /* for waiting until in_flight falls */
    struct ky_cond flight_cond;
    /* Frames submitted ahead of the commit, plus one until the end is asked for. */
    _Atomic uint32_t in_flight;
    enum txn_finish finish;

    struct log_entry entry;
    uint8_t *commit_frame; /* owned: chunk references */
    txn_done done;
    void *done_arg;
    void (*settle_done)(void *arg);
    void *settle_arg;
    enum txn_sync sync;
    bool is_guarded_commit;
};

enum { INDEX_REMOVED = UINT32_MAX };

/* ------------------------------------------------------------------ write_set.c */

KY_MUST_CHECK ky_status write_set_add(struct txn *txn, const struct record *record,
                                      struct ky_error *err);
struct touched *write_set_touched(const struct txn *txn, rel_id_t rel);
/* Same, making it. */
struct touched *write_set_touch(struct txn *txn, rel_id_t rel);
/* Body of an own write; marks it as shown to a caller. */
struct ky_slice write_set_body(struct txn *txn, const struct write *write);
/* Drops the writes from count on; inserted rows are forgotten. */
void write_set_truncate(struct txn *txn, uint64_t count);
/* Sends the open block ahead as a CHUNK frame. */
void write_set_flush(struct txn *txn);
/* Frees memory that only readers of the last statement could look at. */
void write_set_trim(struct txn *txn);
/* Empties it for the next use of the object. */
void write_set_reset(struct txn *txn);
void write_set_deinit(struct txn *txn);
lsn_t write_location(const struct txn *txn, const struct write *write);

/* ------------------------------------------------------------------ write_index.c */

/* The newest own write of a row as index + 1, or 0. */
uint32_t write_set_find(const struct txn *txn, rel_id_t rel, row_id_t row_id);
/* The newest one that commands from `command` on see; 0 when there is none. */
uint32_t write_set_find_at(const struct txn *txn, rel_id_t rel, row_id_t row_id, uint32_t command);
/* The first own write from `at` on that is the first one to a row of rel; write_count: none. */
uint32_t write_set_next_row(const struct txn *txn, rel_id_t rel, uint32_t at);
/* Makes the write at `at`, the last one, its row's newest and fills in `older`. */
void write_index_add(struct txn *txn, struct touched *touched, uint32_t at);
/* Undoes that for the last write. */
void write_index_remove_last(struct txn *txn, struct touched *touched);
void write_index_reset(struct txn *txn);

/* ------------------------------------------------------------------ txn.c */

void txn_flight_add(struct txn *txn);
/* One frame ahead of the commit has been written; may finish the transaction. */
void txn_flight_done(struct txn *txn);
/* Gives it a number if it has none. */
txid_t txn_assign_id(struct txn *txn);
/* From now on it may look at any version newer than its registered snapshot. */
void txn_widen(struct txn *txn);
/* Ends the snapshot. */
void txn_unregister(struct txn *txn);
/* Back to the pool. */
void txn_recycle(struct txn *txn);
void txn_pools_deinit(struct storage *storage);

/* ------------------------------------------------------------------ snapshot.c */

/* A registered snapshot that may still look at bytes that are to go. */
struct blocker {
    const struct txn *txn;
    uint64_t registration;
};

/* The snapshots in use now; free(singles) afterwards. */
void storage_snapshots(const struct storage *storage, struct snapshot_set *set_out);
/* Those that may hold a body of a commit at or after min_commit_lsn; malloc'd. Whoever looks after
 * this finds only what the directory says now. */
uint32_t storage_blockers(const struct storage *storage, lsn_t min_commit_lsn,
                          struct blocker **blockers_out);
bool blocker_is_gone(const struct blocker *blocker);
/* Every CHUNK frame that a commit at or after the next snapshot refers to lies at or after this. */
lsn_t storage_chunk_floor(const struct storage *storage);
