/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "server/base/mutex.h"
#include "storage/api/ids.h"
#include "storage/log/record.h"

/*
 * The row directory: for every row of every relation, where its committed versions lie in the
 * log. Private to storage.
 *
 * Readers take no lock: they stand inside ky_epoch_enter/leave while they hold a relation, a
 * chunk or a version node. Committed versions are put in by the log writer thread and folded by
 * the janitor, both under the relation's lock. A slot that names its inserting transaction is
 * changed by that transaction alone until its commit is installed.
 */
struct txn;
struct version_node;

enum {
    CHUNK_BITS = 16,
    CHUNK_SLOTS = 1 << CHUNK_BITS,
    PAGE_BITS = 12, /* a checkpoint saves pages of a chunk */
    PAGE_SLOTS = 1 << PAGE_BITS,
    CHUNK_PAGES = CHUNK_SLOTS / PAGE_SLOTS,
    DIRECTORY_TOP_BITS = 12,
    DIRECTORY_MID_BITS = 10,
    DIRECTORY_LOW_BITS = 10,
};

/*
 * One row. ref is 0 (nobody), or, by its low three bits:
 *   SLOT_PLAIN    place of the record of the only version: a position in the log, or, with bit 63,
 *                 in a base file (storage/compact/base_file.h); commit_lsn is its commit
 *   SLOT_DELETED  as plain, for a delete record (inside chains only)
 *   SLOT_NODE     newest node of a version chain; commit_lsn means nothing
 *   SLOT_OWNER    the running transaction that inserted the row
 * A reader loads ref, then commit_lsn, then ref again. A plain ref is never the ref of a slot
 * twice with two different commits, so two equal loads enclose the right commit_lsn.
 */
struct slot {
    _Atomic lsn_t commit_lsn;
    _Atomic uint64_t ref;
};
enum { SLOT_PLAIN = 0, SLOT_DELETED = 1, SLOT_NODE = 2, SLOT_OWNER = 4, SLOT_TAG_MASK = 7 };
_Static_assert(sizeof(struct slot) == 16, "a slot is two words");

/* CHUNK_SLOTS neighbours. Row ids are never used again, so when all of them are dead it goes. */
struct chunk {
    _Atomic uint32_t dead_count;
    /* At or above the position of the newest change in each page; 0: never any. A page that was
     * saved by a checkpoint at C need not be saved again while this is below C. Written under the
     * relation's lock, see chunk_note_change. */
    _Atomic lsn_t change_lsns[CHUNK_PAGES];
    struct slot slots[CHUNK_SLOTS] KY_ALIGNED(64);
};

/**
 * Whoever changes what a slot says about a committed version notes it, under the relation's lock:
 * a commit before it becomes visible, with its own position; anybody else (who moves a record,
 * say) after the change, with a visible_lsn read after it, so that a checkpoint that copied the
 * slot before the change is at or below that.
 */
static inline void
chunk_note_change(struct chunk *chunk, row_id_t row_id, lsn_t lsn)
{
    _Atomic lsn_t *place = &chunk->change_lsns[(row_id & (CHUNK_SLOTS - 1)) >> PAGE_BITS];
    /* Release: whoever sees it sees the change; a commit is published by visible_lsn anyway. */
    if (atomic_load_explicit(place, memory_order_relaxed) < lsn) {
        atomic_store_explicit(place, lsn, memory_order_release);
    }
}

static inline lsn_t
chunk_change_lsn(const struct chunk *chunk, row_id_t row_id)
{
    return atomic_load_explicit(&chunk->change_lsns[(row_id & (CHUNK_SLOTS - 1)) >> PAGE_BITS],
                                memory_order_acquire);
}

struct chunk_table {
    size_t capacity;
    _Atomic(struct chunk *) chunks[];
};

struct relation {
    rel_id_t id;
    struct ky_mutex lock;                /* serialises writers of slots and of the table */
    _Atomic(struct chunk_table *) table; /* grown copies are published with release */
    _Atomic row_id_t next_row_id;
    _Atomic uint64_t live_count;     /* committed rows; written under lock */
    _Atomic uint64_t appended_bytes; /* record sizes ever installed, for the average */
    _Atomic uint64_t appended_count;
    _Atomic lsn_t drop_lsn; /* LSN_MAX while it exists */
};

struct directory {
    struct ky_mutex lock; /* adds and removes relations and counters */
    _Atomic(struct directory_mid *) top[1 << DIRECTORY_TOP_BITS];
};

/* A committed version. */
struct version {
    lsn_t commit_lsn;
    lsn_t location; /* in the log or in a base file */
    bool is_deleted;
};

enum slot_state { SLOT_STATE_NONE, SLOT_STATE_COMMITTED, SLOT_STATE_IN_PROGRESS };

void directory_init(struct directory *directory);
/* Frees everything; nobody may read any more. */
void directory_deinit(struct directory *directory);
/* NULL when absent. The caller is inside an epoch or keeps the relation from being dropped. */
struct relation *directory_find(const struct directory *directory, rel_id_t rel);
/* Makes it when absent. */
struct relation *directory_get(struct directory *directory, rel_id_t rel);
/* Takes the relation out; its memory goes when no reader is inside it. */
void directory_remove(struct directory *directory, rel_id_t rel);
/* The lowest relation id >= rel that has an entry (relation or counter); false at the end. */
bool directory_next(const struct directory *directory, rel_id_t rel, rel_id_t *rel_out);
/* The counter of this id; NULL when never raised. Lives as long as the directory. */
_Atomic uint64_t *directory_find_counter(const struct directory *directory, rel_id_t counter);
_Atomic uint64_t *directory_get_counter(struct directory *directory, rel_id_t counter);

/* ------------------------------------------------------------------ rows of a relation */

/* A new row id whose slot names its owner. ROW_ID_NONE when all ids are used up. */
row_id_t relation_new_row(struct relation *relation, struct txn *owner);
/* The owner gives the row up: it never existed. */
void relation_forget_row(struct relation *relation, row_id_t row_id);

/* The version visible at a snapshot (newest with commit_lsn < snapshot). False: no such row. */
bool relation_version_at(const struct relation *relation, row_id_t row_id, lsn_t snapshot,
                         struct version *version_out);
/* The newest committed version, or the owner of an uncommitted insert. */
enum slot_state relation_newest(const struct relation *relation, row_id_t row_id,
                                struct version *version_out, struct txn **owner_out);
/* The chunk that holds a row id; NULL when it holds no row. For scans, inside an epoch. */
const struct chunk *relation_chunk(const struct relation *relation, row_id_t row_id);
bool slot_version_at(const struct slot *slot, lsn_t snapshot, struct version *version_out);

struct install {
    enum record_type type; /* INSERT, UPDATE or DELETE */
    row_id_t row_id;
    lsn_t commit_lsn;
    lsn_t location;
    uint64_t record_size;
    bool is_recovery; /* nobody reads: old versions are not kept */
};
/**
 * Makes one committed record the newest version of its row. Records already applied are skipped,
 * so that recovery may apply the same log twice. True when an older version stays behind for
 * old snapshots: relation_fold must be called once the horizon has passed commit_lsn.
 */
bool relation_install(struct relation *relation, const struct install *install)
    KY_REQUIRES(relation->lock);
/* Drops the versions of a row that no snapshot at or after the horizon sees. */
void relation_fold(struct relation *relation, row_id_t row_id, lsn_t horizon)
    KY_REQUIRES(relation->lock);

/* ------------------------------------------------------------------ moving, for compaction */

/* The snapshots in use: `singles`, and perhaps any at or after `from`. */
struct snapshot_set {
    lsn_t *singles; /* owned */
    uint32_t count;
    lsn_t from;
    lsn_t visible; /* snapshots taken from now on are at or after this */
};
/**
 * Is a location the place of a version of this row that a snapshot from now on may see, and of
 * which commit? Takes versions out of the row's chain that no snapshot sees. Inside an epoch.
 */
bool relation_uses(struct relation *relation, row_id_t row_id, lsn_t location,
                   const struct snapshot_set *snapshots, lsn_t *commit_lsn_out);
/* The version at `from` is at `to` from now on. False: no version is at `from` any more. */
bool relation_relocate(struct relation *relation, row_id_t row_id, lsn_t from, lsn_t to)
    KY_REQUIRES(relation->lock);
/* After relocations, with a position that was visible after them: see chunk_note_change. */
void relation_note_moved(struct relation *relation, row_id_t row_id, lsn_t visible_lsn)
    KY_REQUIRES(relation->lock);
struct location_visit {
    void (*visit)(void *arg, lsn_t location);
    void *arg;
    lsn_t visible; /* versions that no snapshot at or after this sees are left out; 0: none are */
};
/* Visits the places of the versions in a chunk. False: there are no more chunks. Inside an epoch.
 */
bool relation_each_location(const struct relation *relation, size_t chunk_index,
                            const struct location_visit *visit);

/* Loading a checkpoint, before anybody reads: one slot, and what its page's newest change was. */
void relation_load_slot(struct relation *relation, row_id_t row_id, lsn_t commit_lsn,
                        lsn_t location) KY_REQUIRES(relation->lock);
void relation_load_page(struct relation *relation, row_id_t first, lsn_t change_lsn)
    KY_REQUIRES(relation->lock);
/* After loading or recovery: counts dead slots again and frees the chunks that have only those. */
void relation_finish_load(struct relation *relation);
