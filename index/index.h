/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/buffer.h"
#include "server/base/error.h"
#include "server/base/slice.h"
#include "storage/api/ids.h"
#include "storage/api/state.h"

/*
 * One interface for every ordered index: entries (key, row id), ordered by the key's bytes
 * (memcmp, shorter first) and then by row id. An index is derived state: it may hold
 * entries whose row is invisible, gone, or has another key by now; whoever reads it
 * fetches the row and checks. The same entry is held once.
 *
 * Threads: any number of readers without locks; writers serialise on the index's mutex.
 */
enum { INDEX_KEY_SIZE_MAX = 2704 }; /* PostgreSQL's limit for a btree entry; 54000 above */

struct index;

enum index_kind {
    INDEX_KIND_BTREE,
    INDEX_KIND_RMI, /* a learned index: see rmi/ */
};

struct index_entry {
    struct ky_slice key;
    row_id_t row_id;
};

struct index *index_new(enum index_kind kind);
enum index_kind index_kind_of(const struct index *index);
void index_free(struct index *index);

/* *is_new_out (may be NULL) is false when the entry was there. 54000 for a key over
 * INDEX_KEY_SIZE_MAX: "index row size %zu exceeds btree version 4 maximum 2704". */
KY_MUST_CHECK ky_status index_insert(struct index *index, struct ky_slice key, row_id_t row_id,
                                     bool *is_new_out, struct ky_error *err);

/* What the owner of the rows says of an entry with an equal key. */
enum index_verdict {
    INDEX_IGNORE,   /* stale: does not conflict */
    INDEX_CONFLICT, /* a live row has this key */
    INDEX_WAIT,     /* a running transaction decides */
};
typedef enum index_verdict (*index_judge)(void *arg, row_id_t existing);

/**
 * Inserts unless an entry with the same key is judged otherwise; check and insert are one
 * step for all writers. judge is asked about every equal key but that of row_id itself; it runs
 * under the index's mutex: no waiting, no calls into the index. *verdict_out is INDEX_IGNORE when
 * it was inserted, else the verdict, and *existing_out the row it was about.
 */
KY_MUST_CHECK ky_status index_insert_unique(struct index *index, struct ky_slice key,
                                            row_id_t row_id, index_judge judge, void *arg,
                                            enum index_verdict *verdict_out, row_id_t *existing_out,
                                            bool *is_new_out, struct ky_error *err);
/* False when there was no such entry. */
bool index_remove(struct index *index, struct ky_slice key, row_id_t row_id);

/* A run of entries from sorted input (key, then row id) into an empty index; faster than inserting.
 */
typedef bool (*index_source)(void *arg, struct index_entry *entry_out);
KY_MUST_CHECK ky_status index_build(struct index *index, index_source next, void *arg,
                                    struct ky_error *err);

/**
 * A walk over lower <= key <= upper (either may be open or exclusive). A bound compares as a
 * prefix: an upper bound that is a prefix of a key includes it when inclusive, so that a
 * composite index can be searched by its first columns; an exclusive lower bound skips all
 * keys it is a prefix of. Holds nothing between calls: safe to keep across waits; entries that come
 * and go meanwhile are seen or not.
 */
struct index_scan {
    struct index *index;
    struct ky_slice lower, upper; /* borrowed for the scan's life */
    bool has_lower, has_upper;
    bool is_lower_exclusive, is_upper_exclusive;
    bool is_backward;
    /* The index's own. */
    bool is_started, is_done;
    struct ky_buffer keys;     /* of the entries given out last */
    struct ky_buffer last_key; /* where to go on */
    row_id_t last_row_id;
};
/* The caller zeroes the scan and fills in the first group. Up to max entries in index order (or
 * backward); 0 at the end. Their keys are copied into `keys` and valid until the next call. */
uint32_t index_scan_next(struct index_scan *scan, struct index_entry *entries, uint32_t max);
void index_scan_deinit(struct index_scan *scan);
/* All rows with exactly this key: the point lookup. Returns how many there are (may exceed max). */
uint32_t index_find(struct index *index, struct ky_slice key, row_id_t *row_ids, uint32_t max);

/**
 * index_find for many keys, whose memory is fetched together: for IN lists and joins. The rows of
 * key i begin at row_ids[i * per_key]; counts_out[i] says how many there are (may exceed per_key).
 */
void index_find_batch(struct index *index, const struct ky_slice *keys, uint32_t count,
                      uint32_t per_key, row_id_t *row_ids, uint32_t *counts_out);

/* Before use, of a learned index: it measures every run against a B+tree and is whichever is
 * faster. */
void index_judge_itself(struct index *index);
/* Background work. A learned index asks for it when enough has changed since its run was built. */
bool index_wants_maintenance(struct index *index);
/* Rebuilds beside readers and writers, whether asked for or not. A B+tree has nothing to do. */
void index_maintain(struct index *index);

struct index_stats {
    uint64_t entries;
    uint64_t bytes;
    uint32_t height;
    uint64_t nodes;
    /* Of a learned index; zero for a B+tree. */
    uint64_t run_entries;   /* in the sorted run, */
    uint64_t dead_entries;  /* removed ones among them */
    uint64_t delta_entries; /* inserted since it was built */
    uint64_t odd_entries;   /* that do not have the shape of its keys */
    uint64_t leaves, model_leaves, packed_leaves;
    uint64_t wide_leaves; /* that the root's model does not find alone */
    uint64_t model_bytes; /* of root, heads and leaves */
    /* Blocks between where the model sees an entry and where it is. */
    uint32_t error_p50, error_p99, error_max;
    uint64_t rebuilds;
    uint64_t fallbacks;                /* rebuilds that found no run worth having */
    int64_t build_ns;                  /* the last one */
    int64_t judged_ns, judged_tree_ns; /* a lookup as measured by an index that judges itself */
    const char *reason; /* static text: why the index is as it is; NULL for a B+tree */
};
void index_stats(struct index *index, struct index_stats *stats_out);
/* Walks everything and checks order, links and counts. XX002. */
KY_MUST_CHECK ky_status index_verify(struct index *index, struct ky_error *err);

/* ------------------------------------------------------------------ saving with a checkpoint */

/* Whether an entry belongs into what is written or loaded. No calls into the index. */
typedef bool (*index_keep)(void *arg, struct ky_slice key, row_id_t row_id);
/**
 * Writes the entries that keep accepts (NULL: all) to sink, while others read and write the
 * index. An entry that stays in the index from beginning to end is written exactly once; one that
 * comes or goes meanwhile may be. Fails only when sink does.
 */
KY_MUST_CHECK ky_status index_save(struct index *index, index_keep keep, void *arg,
                                   struct state_sink *sink, struct ky_error *err);
/**
 * A new index of the saved entries that keep accepts (NULL: all), which the caller frees. Takes
 * map on success and may go on reading from it. XX001 when anything in it is not as index_save
 * writes it for this kind: then map is still the caller's, and the index is built from rows.
 */
KY_MUST_CHECK ky_status index_load(enum index_kind kind, struct state_map *map, index_keep keep,
                                   void *arg, struct index **index_out, struct ky_error *err);
