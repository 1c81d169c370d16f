/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "server/base/error.h"
#include "server/base/list.h"
#include "server/base/slice.h"
#include "storage/api/ids.h"
#include "storage/api/log_counts.h"
#include "storage/api/state.h"

/*
 * The front door of storage: relations of numbered rows (bytes), versioned by the position
 * of the commit that wrote them, kept in the log. Storage knows no types and no indexes.
 *
 * Threads: a transaction is used by one thread at a time. Reads take no locks.
 */
struct storage;
struct txn;
struct io;

/* How much history the log keeps beside what recovery needs. */
struct storage_retention {
    uint64_t bytes;  /* at least so many bytes of log */
    int64_t seconds; /* and what was committed within so many seconds */
    /* A reader of events keeps at most so many bytes more; then it is told that they are gone. */
    uint64_t reader_bytes;
};

#define STORAGE_RESERVE_AUTO UINT64_MAX /* 16 MiB, or a segment if that is more */

struct storage_options {
    const char *dir;
    struct io *io;         /* NULL: the real disk */
    uint64_t segment_size; /* 0: 64 MiB */
    bool is_sync_off;
    uint64_t chunk_size; /* a transaction's bytes above this go ahead as CHUNK frames; 0: 4 MiB */
    struct storage_retention retention;
    int64_t compaction_poll_ms; /* how often compaction looks for work by itself; 0: never */
    uint64_t compaction_rate;   /* bytes a second that it may write by itself; 0: no limit */
    /* Bytes of the disk that are kept for compaction on a full disk; 0: none. */
    uint64_t reserve_size;
    /* A failed write or sync of the log. The owner ends the process; NULL aborts. */
    void (*on_fatal)(void *arg, const struct ky_error *err);
    /* Something became visible: wakes subscribers. Quick; log writer thread. May be NULL. */
    void (*on_visible)(void *arg);
    /* Recovery progress for /ready, 0..100. May be NULL. */
    void (*on_progress)(void *arg, int percent);
    void *arg;
};

/* Locks the directory (55006 when another server has it), recovers, starts the threads. */
KY_MUST_CHECK ky_status storage_open(const struct storage_options *options,
                                     struct storage **storage_out, struct ky_error *err);
/* No transaction may be open. Writes what is queued; no checkpoint by itself. */
void storage_close(struct storage *storage);
/* Writes the state so that recovery starts here. Any thread; one at a time (waits). Commits go on.
 */
KY_MUST_CHECK ky_status storage_checkpoint(struct storage *storage, lsn_t *lsn_out,
                                           struct ky_error *err);
/* The same because its time has come, and not because somebody asked or the log has grown. */
KY_MUST_CHECK ky_status storage_checkpoint_timed(struct storage *storage, lsn_t *lsn_out,
                                                 struct ky_error *err);
/* Since the storage was opened. */
struct checkpoint_counts {
    uint64_t timed;
    uint64_t requested;
    uint64_t pages; /* of rows, written */
    uint64_t took_ns;
};
void storage_checkpoint_counts(const struct storage *storage, struct checkpoint_counts *counts_out);
/* What the log has done, since the process started. */
void storage_log_counts(struct log_counts *counts_out);
/* Checks every checksum of a closed data directory; reports each damage through report, counts
 * them. */
KY_MUST_CHECK ky_status storage_verify(struct io *io, const char *dir,
                                       void (*report)(void *arg, const char *line), void *arg,
                                       uint64_t *damage_count_out, struct ky_error *err);

/* ------------------------------------------------------------------ backup */

struct backup_result {
    lsn_t lsn; /* end of what is in it */
    event_offset_t next_event;
    uint64_t bytes;
    uint64_t files;
};
/**
 * Writes a checkpoint and copies everything that is durable then to target, a directory that is
 * missing or empty (58P02): a data directory of its own, that storage_open and storage_verify take.
 * Any thread; commits go on. What is left in target after a failure is no data directory.
 */
KY_MUST_CHECK ky_status storage_backup(struct storage *storage, const char *target,
                                       struct backup_result *result_out, struct ky_error *err);

/* Where a restored log shall end; both 0: where it ends. */
struct storage_cut {
    lsn_t lsn;       /* the commits that end at or before it stay */
    int64_t time_us; /* the commits of this time or before stay; us since 1970 */
};
struct restore_options {
    struct io *io;      /* NULL: the real disk */
    const char *backup; /* what storage_backup made */
    /* NULL, or a data directory of the same server, later and closed, or a copy of its log/,
     * FORMAT, CURRENT and manifests: the log goes on as it has it. */
    const char *log;
    const char *target; /* missing or empty */
    struct storage_cut cut;
};
KY_MUST_CHECK ky_status storage_restore(const struct restore_options *options, lsn_t *lsn_out,
                                        struct ky_error *err);
/**
 * Ends the log of a closed data directory for good: later commits are lost. For directories whose
 * log is damaged there, so that storage_open refuses them. 55000 when the checkpoint is newer and
 * the log does not reach back to the start; XX001 when there is damage before. *lsn_out: where it
 * ends.
 */
KY_MUST_CHECK ky_status storage_truncate(struct io *io, const char *dir,
                                         const struct storage_cut *cut, lsn_t *lsn_out,
                                         struct ky_error *err);

/* ------------------------------------------------------------------ saved derived state */

/*
 * Whoever derives state from rows (indexes, collections) saves it with checkpoints as parts. A part
 * has a name and remembers the position of the state it was saved from; later checkpoints may keep
 * it, so that what a part costs follows what changed. Once loaded, it is brought up to date with
 * the rows changed since its position (storage_changes_next).
 */
struct checkpoint_writer;
struct storage_derived {
    /* Keeps or writes every part that the checkpoint shall have. On the checkpoint's thread; pin's
     * snapshot is the checkpoint's position, and stays readable. On KY_ERR the checkpoint fails
     * and the one before stays in force. */
    ky_status (*save)(void *arg, struct checkpoint_writer *writer, struct txn *pin,
                      struct ky_error *err);
    void *arg;
};
/* NULL: nobody saves parts; checkpoints keep those that there are. Waits for a checkpoint under
 * way. */
void storage_set_derived(struct storage *storage, const struct storage_derived *derived);

struct part_info {
    const char *name;  /* below 64 bytes */
    uint64_t identity; /* the owner's: of what it was made */
    uint64_t mark;     /* the owner's */
    lsn_t lsn;         /* of the state it was saved from: every commit below is in it */
    uint64_t size;
};
/* For save(): the part of this name in the checkpoint before; false when there is none. */
bool checkpoint_part_find(const struct checkpoint_writer *writer, const char *name,
                          struct part_info *info_out);
/* Takes it over as it is; it must be there. */
void checkpoint_part_keep(struct checkpoint_writer *writer, const char *name);
/* Begins a new part; name, identity and mark of info count. One at a time. Names are not repeated.
 * *sink_out is valid until checkpoint_part_end. */
KY_MUST_CHECK ky_status checkpoint_part_begin(struct checkpoint_writer *writer,
                                              const struct part_info *info,
                                              struct state_sink **sink_out, struct ky_error *err);
KY_MUST_CHECK ky_status checkpoint_part_end(struct checkpoint_writer *writer, struct ky_error *err);

/* What the checkpoint in force has of this name; false when it has none. */
bool storage_part_find(struct storage *storage, const char *name, struct part_info *info_out);
/* A part was found damaged, and what it held was derived again, or one tells of what leaves no
 * commit behind: the next checkpoint asks for parts even if nothing was committed meanwhile. */
void storage_want_parts(struct storage *storage);
/* The part of this name in the checkpoint in force, mapped; *map_out NULL when there is none.
 * Its checksums are for whoever knows the format to check. XX001 when the file is not as it was. */
KY_MUST_CHECK ky_status storage_part_open(struct storage *storage, const char *name,
                                          struct part_info *info_out, struct state_map **map_out,
                                          struct ky_error *err);

/* ------------------------------------------------------------------ compaction */

/* Settings that change while the storage is open. Any thread. */
void storage_set_retention(struct storage *storage, const struct storage_retention *retention);

enum compact_depth {
    COMPACT_LOG,  /* log that retention does not need, base files that are half dead */
    COMPACT_FULL, /* also every base file with a dead row in it */
};
struct compact_result {
    uint64_t segments_dropped;
    uint64_t files_removed; /* base files */
    uint64_t files_written;
    uint64_t rows_moved;
    uint64_t bytes_moved;
    uint64_t bytes_freed; /* sizes of what was removed */
    uint64_t bytes_written;
};
/**
 * Moves live rows out of log that need not be kept, drops it, and rewrites base files that are
 * mostly dead. Any thread, one at a time (waits). Commits and reads go on. On failure nothing is
 * lost: what was written so far is used or removed later; result_out says what was done. 57014 soon
 * after *cancel is not 0; cancel may be NULL.
 */
KY_MUST_CHECK ky_status storage_compact(struct storage *storage, enum compact_depth depth,
                                        const _Atomic int *cancel,
                                        struct compact_result *result_out, struct ky_error *err);
/* Settings in force. */
void storage_get_retention(struct storage *storage, struct storage_retention *retention_out);

enum compact_phase { COMPACT_IDLE, COMPACT_SCANNING, COMPACT_WRITING, COMPACT_INSTALLING };
enum retention_reason {
    RETENTION_NONE, /* nothing older than this is left */
    RETENTION_BYTES,
    RETENTION_TIME,
    RETENTION_READER,
    RETENTION_CHECKPOINT,
    RETENTION_TRANSACTION,
};
struct compact_stats {
    enum compact_phase phase;
    uint64_t sources_total; /* of the run under way: segments and base files */
    uint64_t sources_scanned;
    uint64_t rows_to_move;
    uint64_t rows_moved;
    int64_t started_us;          /* 0: none under way */
    struct compact_result total; /* since the start of the server */
    uint64_t runs;
    uint64_t failures;
    uint64_t log_bytes;
    uint64_t base_bytes;
    uint64_t base_files;
    uint64_t base_rows;     /* versions in base files */
    uint64_t base_dead;     /* of them, when they were counted last */
    uint64_t retired_bytes; /* removed, but a snapshot may still look at them */
    uint64_t debt_bytes;    /* of log that could go */
    lsn_t floor;            /* the log is needed from here on */
    enum retention_reason reason;
};
void storage_compact_stats(struct storage *storage, struct compact_stats *stats_out);
/* Runs that are over, and when the newest was; 0: none. A glance beside the above. */
uint64_t storage_compact_runs(const struct storage *storage, int64_t *finished_us_out);
const char *retention_reason_name(enum retention_reason reason);
/* Seconds since a commit that the oldest snapshot in use does not see; 0 when it sees all. */
double storage_oldest_snapshot_seconds(const struct storage *storage);
/* Deadlocks found since the process started. */
uint64_t storage_deadlock_count(void);
/* Bytes of all files that belong to the database. */
uint64_t storage_disk_bytes(const struct storage *storage);

/* ------------------------------------------------------------------ transactions */

enum isolation { ISOLATION_READ_COMMITTED, ISOLATION_REPEATABLE_READ, ISOLATION_SERIALIZABLE };

struct txn *txn_begin(struct storage *storage, enum isolation isolation);
txid_t txn_id(const struct txn *txn);
bool txn_has_writes(const struct txn *txn);
/* Position of the snapshot in force, taking one if there is none. */
lsn_t txn_snapshot(struct txn *txn);

/*
 * A statement begins: READ COMMITTED takes a new snapshot (the others keep their first), and own
 * writes of earlier commands become visible. Rows returned by reads stay valid until
 * txn_statement_end (or the end of the transaction for REPEATABLE READ and above, or of the
 * hold count: nested begin/end pairs, open portals, keep the outermost snapshot). The end puts
 * back the snapshot that was in force, of the first TXN_NESTED_MAX that are open at once; whoever
 * goes on after others have ended brings its own view.
 */
enum { TXN_NESTED_MAX = 16 };
void txn_statement_begin(struct txn *txn);
void txn_statement_end(struct txn *txn);
/*
 * What reads look at: what is committed before the snapshot, and own writes of commands before
 * `command`. A statement that is left and entered again, while others run in between, takes its
 * view along: good until its txn_statement_end, in whatever order the statements end.
 */
struct txn_view {
    lsn_t snapshot;
    uint32_t command;
};
/* Puts a view in force and answers the one that was. */
struct txn_view txn_view_set(struct txn *txn, struct txn_view view);
/* The view in force, taking a snapshot if there is none. */
struct txn_view txn_view_get(struct txn *txn);
/* Between these, reads see what is committed now, whatever the isolation: a check that must not
 * miss rows that came after the transaction's snapshot, the catalog. The end takes what the
 * beginning answered. */
lsn_t txn_latest_begin(struct txn *txn);
void txn_latest_end(struct txn *txn, lsn_t before);
/* Makes own writes so far visible to what follows, without a new snapshot (between commands). */
void txn_command_increment(struct txn *txn);
/* What is written from now on makes room in the end (DROP, TRUNCATE): like deletes it is taken when
 * the disk is full, as long as the log's reserve lasts. */
void txn_set_making_room(struct txn *txn, bool is_making_room);

/* Savepoints nest; a mark is a place in the write set. */
struct txn_savepoint {
    uint64_t write_count;
    uint64_t lock_count;
    uint64_t private_state[4]; /* the transaction's own */
};
void txn_savepoint_set(struct txn *txn, struct txn_savepoint *savepoint_out);
/* Drops all writes after the mark; keeps locks if keep_locks (statement restart). */
void txn_savepoint_rollback(struct txn *txn, const struct txn_savepoint *savepoint,
                            bool keep_locks);
/* Gives back the locks taken after the mark, and only them: what was locked only to look at it. */
void txn_release_locks(struct txn *txn, const struct txn_savepoint *savepoint);

struct txn_result {
    lsn_t lsn;                  /* 0 when nothing was written */
    event_offset_t first_event; /* of event_count events */
    uint64_t event_count;
};
/* When a commit is answered, and who waits for its sync. */
enum txn_sync {
    TXN_SYNC,      /* once it is durable */
    TXN_SYNC_HERE, /* the same; the calling thread may write and sync it when the log is idle */
    TXN_ASYNC,     /* synchronous_commit = off: once it is written */
};
/* Called once on the log writer thread, or inside txn_commit when nothing was written or the sync
 * was made there. On KY_ERR the transaction was rolled back and err says why (40001, 53100). */
typedef void (*txn_done)(void *arg, ky_status status, const struct txn_result *result,
                         const struct ky_error *err);
/**
 * Ends the transaction. Takes it: the caller may not touch txn again. done may run before
 * txn_commit returns. Locks are released before done.
 */
void txn_commit(struct txn *txn, enum txn_sync sync, txn_done done, void *arg);
/* Takes it. Immediate. */
void txn_rollback(struct txn *txn);

/* ------------------------------------------------------------------ reading */

/* A version of a row. body is borrowed, see txn_statement_begin. */
struct row_ref {
    row_id_t row_id;
    lsn_t commit_lsn; /* 0: own, not committed */
    struct ky_slice body;
};

/* The version this transaction sees now. False when there is none. */
bool storage_get(struct txn *txn, rel_id_t rel, row_id_t row_id, struct row_ref *row_out);
/* The same for up to STORAGE_GET_MAX rows, whose waits for memory overlap: those there are, in
 * order, and which of row_ids they are. */
enum { STORAGE_GET_MAX = 64 };
uint32_t storage_get_many(struct txn *txn, rel_id_t rel, const row_id_t *row_ids, uint32_t count,
                          struct row_ref *rows_out, uint32_t *places_out);

/* All rows that the transaction sees, in row id order of committed ones, then own inserts. */
struct storage_scan {
    struct txn *txn;
    rel_id_t rel;
    row_id_t next;     /* of the directory */
    row_id_t end;      /* exclusive */
    uint64_t own_next; /* into the write set */
    uint64_t own_end;
    lsn_t snapshot; /* as of storage_scan_init, kept through later commands */
    uint32_t command;
    void *private_state;
};
void storage_scan_init(struct storage_scan *scan, struct txn *txn, rel_id_t rel);
/* Fills up to max rows; 0 at the end. Bounded work: may return fewer than max before the end,
 * never 0 before it. */
uint32_t storage_scan_next(struct storage_scan *scan, struct row_ref *rows, uint32_t max);
/* Number of rows the transaction sees, without touching row bodies. */
uint64_t storage_count(struct txn *txn, rel_id_t rel);
/* Whether the transaction's snapshot has this row, without its body; own writes do not count. */
bool storage_has_row(struct txn *txn, rel_id_t rel, row_id_t row_id);

/* What has changed since a position: rows whose newest version below the snapshot was committed at
 * or after it. Own writes do not count. Pages of rows without a change cost nothing. */
bool storage_has_changes(struct txn *txn, rel_id_t rel, lsn_t since);
/* The snapshot has this row, and its version is older than since. */
bool storage_row_is_older(struct txn *txn, rel_id_t rel, row_id_t row_id, lsn_t since);
/* After storage_scan_init: only rows for which storage_row_is_older is false. 0 at the end. */
uint32_t storage_changes_next(struct storage_scan *scan, lsn_t since, struct row_ref *rows,
                              uint32_t max);
/* Row changes ever committed in a relation, about: only differences of it mean something. */
uint64_t storage_change_count(const struct storage *storage, rel_id_t rel);

/* Committed rows now, from counters: for statistics. */
uint64_t storage_live_count(const struct storage *storage, rel_id_t rel);
/* Bytes of its records in the log and of its blocks in base files, dead ones included. Reads what
 * was written to the log since it was asked last. */
uint64_t storage_relation_bytes(struct storage *storage, rel_id_t rel);
/* Upper bound of row ids in use, exclusive. */
row_id_t storage_row_id_end(const struct storage *storage, rel_id_t rel);

/* ------------------------------------------------------------------ writing */

/* Whatever this returns as 53100 or 54000 leaves the write set unchanged. Bodies are copied.
 * is_event: the change gets an event offset. */
KY_MUST_CHECK ky_status storage_insert(struct txn *txn, rel_id_t rel, bool is_event,
                                       struct ky_slice body, row_id_t *row_id_out,
                                       struct ky_error *err);
/* The row must be locked (ROW_LOCK_NO_KEY_UPDATE or above) or inserted by this transaction. */
KY_MUST_CHECK ky_status storage_update(struct txn *txn, rel_id_t rel, bool is_event,
                                       row_id_t row_id, struct ky_slice body, struct ky_error *err);
/* identity: the key columns in row format, for readers of the event log. */
KY_MUST_CHECK ky_status storage_delete(struct txn *txn, rel_id_t rel, bool is_event,
                                       row_id_t row_id, struct ky_slice identity,
                                       struct ky_error *err);
/* Drops all rows at commit; the caller holds an ACCESS EXCLUSIVE lock and never reuses rel. */
KY_MUST_CHECK ky_status storage_drop(struct txn *txn, rel_id_t rel, struct ky_error *err);

/* A durable 64-bit number, not transactional: 0 at first. The commit of txn waits until the new
 * value is durable. Raising never lowers it and may be done by several threads at once; whoever
 * sets one counter does so one at a time. A counter is either raised or set, all its life. */
uint64_t storage_counter_get(const struct storage *storage, rel_id_t counter);
KY_MUST_CHECK ky_status storage_counter_raise(struct txn *txn, rel_id_t counter, uint64_t value,
                                              struct ky_error *err);
KY_MUST_CHECK ky_status storage_counter_set(struct txn *txn, rel_id_t counter, uint64_t value,
                                            struct ky_error *err);

/* ------------------------------------------------------------------ locks */

/* PostgreSQL's four, and those of who writes the row, which say so to unique checks: a row that is
 * only locked has its key, of one that is being changed nobody knows before its writer ends. */
enum row_lock_mode {
    ROW_LOCK_KEY_SHARE,
    ROW_LOCK_SHARE,
    ROW_LOCK_LOOK,     /* of a unique check: waits for whoever changes the row */
    ROW_LOCK_LOOK_KEY, /* for whoever changes a unique key of it */
    ROW_LOCK_NO_KEY_UPDATE,
    ROW_LOCK_UPDATE,
    ROW_LOCK_CHANGE,       /* NO KEY UPDATE, to write */
    ROW_LOCK_CHANGE_ENTRY, /* the same, with a unique key that no foreign key can refer to */
    ROW_LOCK_CHANGE_KEY,   /* UPDATE, to write another key or to delete */
};
/* PostgreSQL's eight table lock modes and their conflict table. */
enum table_lock_mode {
    LOCK_ACCESS_SHARE = 1,
    LOCK_ROW_SHARE,
    LOCK_ROW_EXCLUSIVE,
    LOCK_SHARE_UPDATE_EXCLUSIVE,
    LOCK_SHARE,
    LOCK_SHARE_ROW_EXCLUSIVE,
    LOCK_EXCLUSIVE,
    LOCK_ACCESS_EXCLUSIVE,
};
enum lock_policy { LOCK_POLICY_WAIT, LOCK_POLICY_NOWAIT, LOCK_POLICY_SKIP };
enum lock_answer {
    LOCK_GRANTED,
    LOCK_PENDING, /* queued, FIFO: wake will be called; then call again with the same arguments */
    LOCK_BUSY,    /* NOWAIT or SKIP: somebody has it */
};

/**
 * A session that waits. Embedded in the session; one wait at a time. wake is called once, on
 * any thread, when the wait may be over; it must only schedule the session.
 */
struct lock_waiter {
    void (*wake)(struct lock_waiter *waiter);
    const char *who; /* for deadlock details and pg_stat_activity: "process 123" */
    int pid;
    struct ky_list link; /* storage's */
    void *waits_for;     /* storage's; NULL when not waiting */
    struct txn *txn;     /* storage's */
    bool is_granted;     /* storage's */
};

/* 40P01 with both sides in DETAIL when waiting would close a circle (the requester is the victim).
 */
KY_MUST_CHECK ky_status storage_lock_row(struct txn *txn, rel_id_t rel, row_id_t row_id,
                                         enum row_lock_mode mode, enum lock_policy policy,
                                         struct lock_waiter *waiter, enum lock_answer *answer_out,
                                         struct ky_error *err);
KY_MUST_CHECK ky_status storage_lock_table(struct txn *txn, uint32_t table,
                                           enum table_lock_mode mode, enum lock_policy policy,
                                           struct lock_waiter *waiter, enum lock_answer *answer_out,
                                           struct ky_error *err);
/* Gives up a wait (cancel, timeout). Safe when it was granted meanwhile. */
void storage_lock_cancel(struct lock_waiter *waiter);
/* Whether it waits for an advisory lock. By who waits. */
bool storage_waits_for_advisory(const struct lock_waiter *waiter);
/* Ends a wait for ROW_LOCK_LOOK or _LOOK_KEY, granted or not: whoever waited looks again. Other
 * waits stay as they are. */
void storage_look_end(struct lock_waiter *waiter);

/* A number that applications agree on: one of 64 bits (space 1) or two of 32 (space 2). */
struct advisory_lock {
    uint32_t space;
    uint64_t id;
    bool is_shared;
};
/*
 * Holds a session's advisory locks, which outlive its transactions. Counts as one with the
 * transactions it leads: they do not wait for each other. Free it when none of them is left.
 */
struct txn *storage_lock_owner_new(struct storage *storage);
void storage_lock_owner_free(struct txn *owner);
/* txn holds no lock that an owner of others could be waiting for, or joins before it waits. */
void txn_set_lock_owner(struct txn *txn, struct txn *owner);
/* For storage_locks_visit. */
void txn_set_pid(struct txn *txn, int pid);
/* txn: a transaction, whose end (or savepoint) releases it, or an owner. Held once however often it
 * is asked for. */
KY_MUST_CHECK ky_status storage_lock_advisory(struct txn *txn, const struct advisory_lock *lock,
                                              enum lock_policy policy, struct lock_waiter *waiter,
                                              enum lock_answer *answer_out, struct ky_error *err);
/* False: the owner does not hold it. */
bool storage_unlock_advisory(struct txn *owner, const struct advisory_lock *lock);

/* One lock held or waited for, for pg_locks. */
struct lock_info {
    enum { LOCK_INFO_ROW, LOCK_INFO_TABLE, LOCK_INFO_TXN, LOCK_INFO_ADVISORY } kind;
    uint32_t rel;     /* table, or relation of the row, or space of the advisory lock */
    uint64_t id;      /* row id, or number of the advisory lock */
    const char *mode; /* "AccessShareLock" */
    bool is_granted;
    bool is_fast_path;
    int pid; /* of txn_set_pid or the waiter; 0: unknown */
    txid_t txid;
    txid_t blocker_txid; /* of one that waits: somebody it waits for */
};
/* A picture of all locks at one moment; visit is quick and asks for no lock. Stops the lock manager
 * meanwhile. */
void storage_locks_visit(struct storage *storage,
                         void (*visit)(void *arg, const struct lock_info *info), void *arg);
/* The pids of those that the process waits for, up to max: how many there are. */
size_t storage_lock_blockers(struct storage *storage, int pid, int *pids_out, size_t max);

/* What a row is, now, beyond the snapshot: for conflict and unique checks. */
enum row_state {
    ROW_UNCHANGED,   /* newest committed version is the one the snapshot sees */
    ROW_CHANGED,     /* a newer committed version exists: *row_out */
    ROW_GONE,        /* deleted and committed, or never committed */
    ROW_OWN,         /* newest version is this transaction's: *row_out */
    ROW_OWN_GONE,    /* this transaction deleted it */
    ROW_IN_PROGRESS, /* inserted by another running transaction */
};
enum row_state storage_row_state(struct txn *txn, rel_id_t rel, row_id_t row_id,
                                 struct row_ref *row_out);
/* The transaction has itself changed the row since the view in force: a command that the view does
 * not see did. */
bool storage_is_changed_since(const struct txn *txn, rel_id_t rel, row_id_t row_id);
/* Waits for the transaction that inserted an uncommitted row; LOCK_GRANTED when it has ended. */
KY_MUST_CHECK ky_status storage_wait_inserter(struct txn *txn, rel_id_t rel, row_id_t row_id,
                                              struct lock_waiter *waiter,
                                              enum lock_answer *answer_out, struct ky_error *err);

/* ------------------------------------------------------------------ serializable */

/*
 * SERIALIZABLE: what a transaction reads and writes, noted by whoever knows it, in terms of byte
 * keys in numbered spaces of a relation (its indexes). txn_commit then answers 40001 when a
 * SERIALIZABLE transaction that committed since the snapshot wrote what this one read; one that
 * wrote nothing is always let through. Other levels: these do nothing. Scans through
 * storage_scan_init and storage_count note the relation themselves.
 */
bool txn_is_guarded(const struct txn *txn);
/* Bounds as in an index scan: each stands for all keys it is a prefix of. */
struct storage_key_range {
    struct ky_slice lower, upper; /* borrowed for the call */
    bool has_lower, has_upper;
    bool is_lower_exclusive, is_upper_exclusive;
};
/* NULL: the whole relation. */
void txn_note_read(struct txn *txn, rel_id_t rel, uint32_t space,
                   const struct storage_key_range *range);
/* A row was written that has (or had) this key: to be called for every space of the relation, and
 * with any space if there is none. */
void txn_note_write(struct txn *txn, rel_id_t rel, uint32_t space, struct ky_slice key);

/* ------------------------------------------------------------------ settling */

/* False when the transaction has looked at rows whose commit is on its way to the disk: nothing
 * that follows from them may be shown before it is true. Commits see to that themselves. */
bool txn_is_settled(const struct txn *txn);
/* Calls done(arg) on the log writer thread, or at once, when it is. One at a time; the transaction
 * may be rolled back meanwhile, and done still comes. */
void txn_settle(struct txn *txn, void (*done)(void *arg), void *arg);

/* ------------------------------------------------------------------ horizon and events */

/* No snapshot, now or later, sees a version older than the newest one below this position. */
lsn_t storage_horizon(const struct storage *storage);
/* False while the log cannot grow: writers are answered 53100, reads and deletes go on. */
bool storage_has_space(const struct storage *storage);
/* End of everything durable; what the next snapshot sees. */
lsn_t storage_visible_lsn(const struct storage *storage);

enum event_kind { EVENT_INSERT, EVENT_UPDATE, EVENT_DELETE };
struct event {
    event_offset_t offset;
    enum event_kind kind;
    rel_id_t rel;
    row_id_t row_id;
    lsn_t commit_lsn;
    txid_t txid;
    int64_t commit_time;  /* us since 1970 */
    bool is_last;         /* of its transaction */
    struct ky_slice body; /* row format; valid until event_reader_close */
};
/* Reads committed, durable events by offset, straight from the log. One thread at a time. */
struct event_reader;
struct event_reader *event_reader_open(struct storage *storage, event_offset_t from);
enum event_answer { EVENT_READY, EVENT_END, EVENT_GONE };
/* EVENT_END: caught up, call again after on_visible. EVENT_GONE: from is below the earliest. */
KY_MUST_CHECK ky_status event_reader_next(struct event_reader *reader, struct event *event_out,
                                          enum event_answer *answer_out, struct ky_error *err);
void event_reader_close(struct event_reader *reader);
event_offset_t storage_next_event(const struct storage *storage);
event_offset_t storage_earliest_event(const struct storage *storage);
/* Offset of the event that wrote the committed version of a row seen by txn. False when none. */
bool storage_row_event(struct txn *txn, rel_id_t rel, row_id_t row_id, event_offset_t *offset_out);
