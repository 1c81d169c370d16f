/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "index/index.h"
#include "server/catalog/catalog.h"
#include "storage/storage.h"
#include "vector/collection.h"

/*
 * The one place where storage, indexes and vector collections meet: a row goes in and out
 * here, and everything derived from it stays in step. Indexes and collections are known by
 * the OID of their catalog entry and live in memory; checkpoints save them, and at start they are
 * loaded, or built from the rows.
 */
struct access;
struct access_index;

/* Opens every index of the catalog: what was saved and the rows changed since, or all rows.
 * vector_memory: bytes that vector indexes may take together for a graph to be built; 0: any. */
KY_MUST_CHECK ky_status access_open(struct storage *storage, struct catalog *catalog,
                                    uint64_t vector_memory, struct access **access_out,
                                    struct ky_error *err);
/* Bytes that vector indexes hold, and the limit. */
void access_vector_memory(struct access *access, uint64_t *used_out, uint64_t *limit_out);
void access_close(struct access *access);
/* Opens indexes that are in the catalog but not known yet: after the first start's bootstrap. */
KY_MUST_CHECK ky_status access_refresh(struct access *access, struct ky_error *err);
struct storage *access_storage(struct access *access);

/**
 * A transaction together with what it did to indexes. Entries go in at once, so that others
 * can wait on them and own scans find them; a rollback takes them out again, and entries of
 * old keys are taken out once no snapshot can need them.
 */
struct access_txn;
struct access_txn *access_begin(struct access *access, enum isolation isolation);
struct txn *access_storage_txn(struct access_txn *txn);
/* Takes txn. done as in storage.h. */
void access_commit(struct access_txn *txn, enum txn_sync sync, txn_done done, void *arg);
void access_rollback(struct access_txn *txn);
struct access_savepoint {
    struct txn_savepoint storage;
    size_t undo_count;
    size_t garbage_count;
    size_t created_count;
    size_t dropped_count;
};
void access_savepoint_set(struct access_txn *txn, struct access_savepoint *savepoint_out);
void access_savepoint_rollback(struct access_txn *txn, const struct access_savepoint *savepoint,
                               bool keep_locks);

enum access_answer {
    ACCESS_DONE,
    ACCESS_PENDING,  /* a wait was queued; call again with the same arguments after the wake */
    ACCESS_RESTART,  /* READ COMMITTED: the row moved on since the snapshot and is locked now: look
                      * at  its newest version, or run the statement again */
    ACCESS_CONFLICT, /* ON CONFLICT: *row_id_out is the row that is in the way */
    ACCESS_SKIPPED,  /* SKIP LOCKED; or the row is gone */
};

/* ON CONFLICT: where a row in the way is an answer and no error. */
struct access_conflict {
    const struct cat_index *arbiter; /* NULL: any unique index */
    bool is_update; /* the row will be locked: only whoever changes its key is waited for before */
};

/* Values are one datum per table column (dropped ones null). Not null, checks and casts are the
 * executor's. 23505 with names and DETAIL unless conflict (may be NULL) asks for an answer. */
KY_MUST_CHECK ky_status access_insert(struct access_txn *txn, const struct cat_table *table,
                                      const struct datum *values,
                                      const struct access_conflict *conflict,
                                      struct lock_waiter *waiter, row_id_t *row_id_out,
                                      enum access_answer *answer_out, struct ky_error *err);
/* Locks a row that the snapshot saw, for UPDATE, DELETE or FOR UPDATE. DONE: locked, and its newest
 * version is the one seen. REPEATABLE READ and above: 40001 instead of RESTART. NOWAIT: 55P03. */
KY_MUST_CHECK ky_status access_lock(struct access_txn *txn, const struct cat_table *table,
                                    row_id_t row_id, enum row_lock_mode mode,
                                    enum lock_policy policy, struct lock_waiter *waiter,
                                    enum access_answer *answer_out, struct ky_error *err);
/* The lock that is needed to give a row these values: a changed unique key takes a stronger one. */
enum row_lock_mode access_change_mode(struct access_txn *txn, const struct cat_table *table,
                                      struct ky_slice old_row, const struct datum *values,
                                      const bool *is_changed);
/* The row is locked; its newest version is what is changed. is_changed: per column, what the
 * statement assigned. */
KY_MUST_CHECK ky_status access_update(struct access_txn *txn, const struct cat_table *table,
                                      row_id_t row_id, const struct datum *values,
                                      const bool *is_changed, struct lock_waiter *waiter,
                                      enum access_answer *answer_out, struct ky_error *err);
KY_MUST_CHECK ky_status access_delete(struct access_txn *txn, const struct cat_table *table,
                                      row_id_t row_id, struct ky_error *err);

/* Foreign keys: is there a row with this key (one value per key column of a unique index),
 * committed or our own? DONE: yes, and it stays: locked KEY SHARE unless it is ours. SKIPPED: no.
 * READ COMMITTED looks at what is committed now; the others at what their snapshot sees, 40001 when
 * that has moved on. awaited: ROW_ID_NONE at first; PENDING leaves the row there that is waited
 * for, and the next call looks at no other, as one that came meanwhile was not there when we
 * looked. */
KY_MUST_CHECK ky_status access_share_key(struct access_txn *txn, const struct cat_index *index,
                                         const struct datum *keys, row_id_t *awaited,
                                         struct lock_waiter *waiter, enum access_answer *answer_out,
                                         struct ky_error *err);
/* Does the index hold more than one entry with the key of these values (one per table column)? */
bool access_has_twin(struct access_txn *txn, const struct cat_index *index,
                     const struct datum *values);
/* A deferrable unique index lets duplicates in; this looks whether our row_id is one. DONE: it is
 * not (or the row is gone). 23505. */
KY_MUST_CHECK ky_status access_recheck_unique(struct access_txn *txn, const struct cat_index *index,
                                              row_id_t row_id, struct lock_waiter *waiter,
                                              enum access_answer *answer_out, struct ky_error *err);

/* Index key bytes for a prefix of an index's columns. */
void access_encode_key(const struct cat_index *index, const struct datum *values, uint32_t count,
                       struct ky_buffer *out);

/* The key that a row in row format has in an index; false: it has no entry there. */
bool access_row_key(struct access *access, const struct cat_index *index, struct ky_slice row,
                    struct ky_buffer *out);

/* A scan through an index: rows that the transaction sees and whose key is still the entry's, in
 * index order. Own changes included. lower/upper as index.h says; borrowed. */
struct access_index_scan {
    struct access_txn *txn;
    const struct cat_index *index;
    struct index_scan entries;
    bool is_point; /* lower == upper, all key columns: equality on the whole key */
    bool is_point_done;
    bool is_list; /* for access_index_scan_keys only: no bounds, and it says what was read */
    struct ky_buffer scratch; /* access's */
    struct access_index *runtime;
};
/* txn, index, entries' bounds are set by the caller; entries.index is filled in here. */
KY_MUST_CHECK ky_status access_index_scan_open(struct access_index_scan *scan,
                                               struct access *access, struct ky_error *err);
/* Up to max rows (<= BATCH_SIZE_MAX); 0 at the end. */
uint32_t access_index_scan_next(struct access_index_scan *scan, struct row_ref *rows, uint32_t max);
/* Entries of a key that are looked up together with those of others. */
enum { ACCESS_KEY_ROWS_MAX = 16 };
/**
 * The rows of many whole keys at once, in the order of the keys. Up to max rows, at least
 * ACCESS_KEY_ROWS_MAX; all of keys[0..*done_out), none of the others. Ends early at a key whose
 * rows may not fit, or that has more entries than ACCESS_KEY_ROWS_MAX: if that is the first one,
 * *done_out is 0 and access_index_scan_next is the way, in a scan of its own. key_of: which of
 * keys, by row; NULL: nobody asks, and the keys ascend or descend and differ.
 */
uint32_t access_index_scan_keys(struct access_index_scan *scan, const struct ky_slice *keys,
                                uint32_t count, struct row_ref *rows, uint32_t max,
                                uint32_t *key_of, uint32_t *done_out);
void access_index_scan_close(struct access_index_scan *scan);

/* ------------------------------------------------------------------ vectors */

/* Which of these rows, at most VECTOR_TEST_MAX, pass. Must not wait. */
typedef void (*access_filter)(void *arg, const struct row_ref *rows, uint32_t count,
                              bool *passes_out);
struct access_hit {
    struct row_ref row;
    double distance;
};
struct access_vector_query {
    struct ky_slice value; /* of the indexed type */
    access_filter filter;  /* which rows count; NULL: all */
    void *arg;
    struct vector_search search; /* query, test, accept and arg are filled in here */
};
/* Is there an engine behind this index? sparsevec's are a name only: rows are measured instead. */
bool access_has_vectors(struct access *access, const struct cat_index *index);
/* The search.k nearest visible rows that filter accepts, nearest first. 22000 for a value of
 * another dimension. stats_out may be NULL. */
KY_MUST_CHECK ky_status access_vector_search(struct access_txn *txn, const struct cat_index *index,
                                             const struct access_vector_query *query,
                                             struct access_hit *hits, uint32_t *count_out,
                                             struct vector_search_stats *stats_out,
                                             struct ky_error *err);
/* The same as a stream, for whoever does not know how many. filter and arg live as long. */
struct access_vector_scan;
enum { ACCESS_VECTOR_BATCH = 256 };
KY_MUST_CHECK ky_status access_vector_scan_open(struct access_txn *txn,
                                                const struct cat_index *index,
                                                const struct access_vector_query *query,
                                                struct access_vector_scan **scan_out,
                                                struct ky_error *err);
/* Up to max rows; *count_out is 0 at the end. */
KY_MUST_CHECK ky_status access_vector_scan_next(struct access_vector_scan *scan,
                                                struct access_hit *hits, uint32_t max,
                                                uint32_t *count_out, struct ky_error *err);
void access_vector_scan_stats(const struct access_vector_scan *scan,
                              struct vector_search_stats *stats_out);
void access_vector_scan_close(struct access_vector_scan *scan); /* NULL is allowed */
/* Over all searches and cursors of an index since it was opened. */
struct access_vector_totals {
    uint64_t searches;
    uint64_t exact;   /* of these without the graph */
    uint64_t widened; /* of these on beyond ef */
    uint64_t ef;      /* summed over those by the graph */
    uint64_t visited; /* as in struct vector_search_stats, summed */
    uint64_t reranked;
    uint64_t tested;
    uint64_t passed;
};
/* False: not a vector index with an engine. */
bool access_vector_stats(struct access *access, oid_t index, struct vector_options *options_out,
                         struct collection_stats *stats_out,
                         struct access_vector_totals *totals_out);
/* After access_index_create, if the graph is wanted at once; else the linker makes it when the
 * transaction has committed. Any thread. Nothing for other indexes. 53200, 57014. */
KY_MUST_CHECK ky_status access_vector_build(struct access *access, oid_t index,
                                            const struct vector_work *work, struct ky_error *err);
/* The recall of searches with ef (0: what target asks for), measured now. */
KY_MUST_CHECK ky_status access_vector_recall(struct access *access, const struct cat_index *index,
                                             uint32_t k, uint32_t ef, float target,
                                             uint32_t queries, double *recall_out,
                                             struct ky_error *err);

/* CREATE INDEX: makes and fills the runtime index; undone when the transaction rolls back. The
 * caller holds a SHARE lock. 23505 "could not create unique index" with DETAIL. */
KY_MUST_CHECK ky_status access_index_create(struct access_txn *txn, const struct cat_index *index,
                                            struct ky_error *err);
/* Empties at commit. DROP INDEX, DROP TABLE (each of its indexes), TRUNCATE. */
void access_index_drop(struct access_txn *txn, oid_t index);
struct access_index_stats {
    uint64_t entries;
    uint64_t bytes;
    uint32_t height;
    struct index_stats tree; /* zeroes for vectors */
};
/* Has the learned index (0: every one) rebuilt in the background, soon. How many there are. */
uint32_t access_index_rebuild(struct access *access, oid_t index);
bool access_index_stats(struct access *access, oid_t index, struct access_index_stats *stats_out);
