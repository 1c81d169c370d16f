/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/access/access.h"
#include "server/access/evaluator.h"
#include "server/access/relation_stats_private.h"
#include "server/base/budget.h"
#include "server/base/map.h"
#include "server/base/mutex.h"

/* struct access_vector_totals, counted. relaxed: each for itself. */
struct vector_counts {
    _Atomic uint64_t searches, exact, widened, ef, visited, reranked, tested, passed;
};

/* A live index or vector collection. Once a transaction that dropped it has committed, only the
 * purger may still look at it (the ACCESS EXCLUSIVE lock kept all others out), so the purger
 * frees it. */
struct access_index {
    struct access *access;
    oid_t oid;
    rel_id_t rel;
    struct index *tree;         /* owned; NULL for vectors */
    struct collection *vectors; /* owned; NULL for trees, and for vectors without an engine */
    bool is_vector;             /* of hnsw or ivfflat */
    bool is_inverted;           /* a tree with many keys for a row: inverted.c */
    uint8_t *classes;           /* owned; of an inverted one, by key: enum inverted_class */
    uint16_t vector_column;     /* 0-based */
    oid_t vector_type;
    struct vector_counts counts;
    bool is_upkeep_failing;  /* the linker's */
    _Atomic bool is_resting; /* not yet committed: not the linker's. relaxed: it may look late */
    atomic_int references;   /* the registry's or the dropper's, and whoever else works on it */
    void *evaluator;         /* owned; NULL: keys are columns, all rows have entries */
    /* Entries that may stand for an old key of a live row. Raised before the row's new entry goes
     * in: a scan that saw the new entry sees the count (release/acquire through the tree), and
     * re-checks keys; while it is 0, a visible row has exactly its own entry. */
    atomic_long stale_count;
    /* How often it was raised; written after it. See stale_mark. */
    atomic_ulong stale_raises;
    /* Of the saved part that this index was loaded from or wrote; 0: none. Any other part of its
     * name is not trusted again. The opening thread's, then the checkpoint's. */
    lsn_t part_lsn;
    uint64_t part_nodes;  /* of the graph in that part; whose it is as above */
    bool is_build_wanted; /* guarded by access.lock: somebody asked for maintenance */
    struct access_index *next_dropped;
};

/*
 * Whether entries read between taking a mark and asking it may be of old keys. The count alone does
 * not tell: whoever raised it may have taken its entry out and lowered it again after the entry was
 * read. Raises only grow, and are written after the count: a mark that has seen a raise has seen
 * the count that goes with it, or what is left of it; a raise after the mark shows in the number.
 */
struct stale_mark {
    unsigned long raises;
    bool has_stale;
};

static inline struct stale_mark
stale_mark_take(const struct access_index *runtime)
{
    struct stale_mark mark;
    mark.raises = atomic_load_explicit(&runtime->stale_raises, memory_order_acquire);
    mark.has_stale = atomic_load_explicit(&runtime->stale_count, memory_order_acquire) != 0;
    return mark;
}

static inline bool
stale_mark_is_checked(const struct stale_mark *mark, const struct access_index *runtime)
{
    return mark->has_stale ||
           atomic_load_explicit(&runtime->stale_raises, memory_order_acquire) != mark->raises;
}

/* What an entry log holds: entries that a rollback must take out, or that may go once no
 * snapshot sees the version they stood for. Packed: struct logged_entry, key, padding to 8. */
struct logged_entry {
    row_id_t row_id;
    oid_t index;
    uint32_t key_size;
    bool is_key_change; /* counted in stale_count */
};

struct garbage {
    struct garbage *next;
    struct ky_buffer entries;
    lsn_t lsn; /* of the commit that made them garbage */
};

struct access {
    struct storage *storage;
    struct catalog *catalog;
    struct ky_mutex lock;
    struct ky_map64 indexes KY_GUARDED_BY(lock); /* oid -> struct access_index */
    /* The purger's queue, oldest first. */
    struct ky_mutex purge_lock;
    struct ky_cond purge_wake;
    struct garbage *purge_first KY_GUARDED_BY(purge_lock);
    struct garbage *purge_last KY_GUARDED_BY(purge_lock);
    struct access_index *dropped KY_GUARDED_BY(purge_lock); /* to be freed */
    bool is_dropped_held KY_GUARDED_BY(purge_lock);         /* dropped indexes may still be read */
    bool is_stopping KY_GUARDED_BY(purge_lock);
    struct ky_thread purger;
    struct ky_budget vectors; /* memory of vector indexes */
    uint64_t failed_loads;    /* saved indexes that could not be used; set while opening */
    struct ky_mutex link_lock;
    struct ky_cond link_wake;
    _Atomic int is_link_stopping;
    struct ky_thread linker;
    struct relation_stats stats;
};

struct access_txn {
    struct access *access;
    struct txn *txn;
    enum isolation isolation;
    struct ky_buffer undo;    /* logged entries put in by this transaction */
    struct ky_buffer garbage; /* logged entries to purge after the commit */
    struct ky_buffer created; /* struct access_index *: gone on rollback */
    struct ky_buffer dropped; /* oid_t: gone on commit */
    struct ky_buffer row;     /* scratch for encoding */
    struct ky_buffer key;
    struct ky_buffer old_key;
    struct ky_buffer new_keys;
    txn_done done;
    void *done_arg;
    uint32_t counted; /* relations in counts */
    struct pending_counts counts[STATS_PENDING_MAX];
};

/* The live index of a catalog entry; asserts that there is one. */
struct access_index *access_runtime(struct access *access, const struct cat_index *index);
/* A new, empty one, not yet known to access. 0A000 for methods that have no engine. */
KY_MUST_CHECK ky_status runtime_new(struct access *access, const struct cat_image *image,
                                    const struct cat_index *index, struct access_index **out,
                                    struct ky_error *err);
/* Takes a reference; runtime_free gives one back, and the last one frees. */
void runtime_hold(struct access_index *runtime);
void runtime_free(struct access_index *runtime);
/* vector.c: the parts for hnsw and ivfflat. */
KY_MUST_CHECK ky_status runtime_new_vectors(struct access_index *runtime,
                                            const struct cat_index *index, struct ky_error *err);
bool runtime_vector_key(const struct access_index *runtime, struct datum value,
                        struct ky_buffer *out);
KY_MUST_CHECK ky_status runtime_fill_vectors(struct access_index *runtime,
                                             const struct cat_index *index, struct txn *txn,
                                             struct ky_error *err);
void runtime_stats(const struct access_index *runtime, struct access_index_stats *stats_out);
/* The linker's thread; arg is the struct access. */
void *access_link_run(void *arg);
void access_link_stop(struct access *access);
/* Of an index that is a tree. */
enum index_kind runtime_tree_kind(const struct cat_index *index);
void runtime_set_tree(struct access_index *runtime, const struct cat_index *index,
                      struct index *tree);
/* Fills it from the rows that txn sees. 23505. */
KY_MUST_CHECK ky_status runtime_fill(struct access_index *runtime, const struct cat_index *index,
                                     struct txn *txn, struct ky_error *err);

/* inverted.c. The key of a row in an inverted index is all of its keys: inverted.h. */
/* Those of keys that are not among less. */
void inverted_subtract(struct ky_slice keys, struct ky_slice less, struct ky_buffer *out);
bool inverted_has(struct ky_slice keys, struct ky_slice key);
/* From the values of the index's columns. */
void inverted_row_keys(const struct access_index *runtime, const struct cat_index *index,
                       const struct datum *values, struct ky_buffer *out);
/* new_out: those that were not there; NULL: nobody asks. */
KY_MUST_CHECK ky_status inverted_insert(struct access_index *runtime, struct ky_slice keys,
                                        row_id_t row_id, struct ky_buffer *new_out,
                                        struct ky_error *err);
void inverted_remove(struct access_index *runtime, struct ky_slice keys, row_id_t row_id);
/* Puts a new row in, which has txn->key. */
KY_MUST_CHECK ky_status inverted_add_row(struct access_txn *txn, struct access_index *runtime,
                                         row_id_t row_id, struct ky_error *err);
/* A row gets txn->key in place of txn->old_key. */
KY_MUST_CHECK ky_status inverted_move_row(struct access_txn *txn, struct access_index *runtime,
                                          row_id_t row_id, bool *is_moved_out,
                                          struct ky_error *err);
/* Takes out those of keys that row, the newest version, does not have. */
void inverted_purge(struct access_index *runtime, const struct cat_index *index,
                    struct ky_slice row, struct ky_slice keys, row_id_t row_id,
                    struct ky_buffer *scratch);
KY_MUST_CHECK ky_status inverted_fill(struct access_index *runtime, const struct cat_index *index,
                                      struct txn *txn, struct ky_error *err);

/* What there is to know of a row's key besides its bytes. */
struct key_info {
    bool has_entry; /* false: the row has none (a null vector, a predicate that is not true) */
    bool has_null;  /* uniqueness does not apply */
};
/* Key bytes of a row: the tree's key, all keys of an inverted one, or the vector's floats. Fails as
 * expressions do. */
KY_MUST_CHECK ky_status runtime_values_key(const struct access_index *runtime,
                                           const struct cat_index *index,
                                           const struct datum *values, struct ky_buffer *out,
                                           struct key_info *info_out, struct ky_error *err);
KY_MUST_CHECK ky_status runtime_try_row_key(const struct access_index *runtime,
                                            const struct cat_index *index, struct ky_slice row,
                                            struct ky_buffer *out, struct key_info *info_out,
                                            struct ky_error *err);
/* Of a row that went in before, so that its expressions cannot fail. False: no entry. */
bool runtime_row_key(const struct access_index *runtime, const struct cat_index *index,
                     struct ky_slice row, struct ky_buffer *out);
/* Does a change of these columns matter to the index? */
bool runtime_is_touched(const struct access_index *runtime, const struct cat_index *index,
                        const bool *is_changed);

void entry_log_add(struct ky_buffer *log, oid_t index, struct ky_slice key, row_id_t row_id,
                   bool is_key_change);
/* Walks a log from *offset; false at the end. */
bool entry_log_next(const struct ky_buffer *log, size_t *offset, struct logged_entry *entry_out,
                    struct ky_slice *key_out);
void runtime_remove(struct access_index *runtime, struct ky_slice key, row_id_t row_id);

/* ------------------------------------------------------------------ row_lock.c */

/* Two versions of a row: what KEY SHARE keeps as it is has not changed. */
bool access_has_same_keys(struct access_txn *txn, const struct cat_table *table, struct ky_slice a,
                          struct ky_slice b);
/* Does a change of these columns matter to the index? */
bool access_is_touched(const struct access_txn *txn, const struct cat_index *index,
                       const bool *is_changed);
/* A changed unique key takes a stronger lock: others' checks of keys must wait for it. DONE or
 * PENDING. */
KY_MUST_CHECK ky_status access_lock_key_change(struct access_txn *txn,
                                               const struct cat_table *table, row_id_t row_id,
                                               const struct datum *values, const bool *is_changed,
                                               struct lock_waiter *waiter,
                                               enum access_answer *answer_out,
                                               struct ky_error *err);

/* ------------------------------------------------------------------ unique.c */

enum unique_answer { UNIQUE_INSERTED, UNIQUE_DUPLICATE, UNIQUE_PENDING, UNIQUE_RETRY };

/* How an entry goes into a unique index, and what came of it. */
struct entry {
    row_id_t row_id;
    bool is_unique;
    enum row_lock_mode look; /* whom to wait for at a row that has the key */
    row_id_t existing;       /* out: that row */
    enum unique_answer answer;
};

/* Inserts the entry for txn->key into a unique index, where nobody has the key. *is_new_out: it was
 * not there before. */
KY_MUST_CHECK ky_status unique_insert(struct access_txn *txn, struct access_index *runtime,
                                      const struct cat_index *index, struct entry *entry,
                                      struct lock_waiter *waiter, bool *is_new_out,
                                      struct ky_error *err);

/* For SERIALIZABLE: a version of a row, in row format, was written or written over. */
void access_note_row(struct access_txn *txn, const struct cat_table *table, struct ky_slice row);

/* NULL when it was dropped. */
struct access_index *access_find_runtime(struct access *access, oid_t index);

void *access_purge_run(void *access);
/* Queues entries (taken) of a commit. Quick: the log writer calls it. */
void access_purge_later(struct access *access, struct ky_buffer *entries, lsn_t lsn);
/* state.c. Fills it from what the checkpoint in force has saved of it; false when it must be filled
 * from the rows: then it is empty. Nobody writes yet. */
bool runtime_load(struct access_index *runtime, const struct cat_index *index, struct txn *txn);
/* struct storage_derived's save, with struct access as arg. */
ky_status access_save(void *arg, struct checkpoint_writer *writer, struct txn *pin,
                      struct ky_error *err);
/* While held, indexes that were live are not freed when they are dropped. */
void access_hold_dropped(struct access *access, bool is_held);
/* Gives a dropped index to the purger to free. */
void access_purge_drop(struct access *access, struct access_index *runtime);
/* 23505 with constraint name and DETAIL. */
/* 55000: ON CONFLICT has to do with a deferrable key. */
ky_status access_deferrable_error(const struct cat_index *index, struct ky_error *err);
ky_status access_duplicate_error(const struct access_index *runtime, const struct cat_index *index,
                                 const struct datum *values, bool is_building,
                                 struct ky_error *err);
