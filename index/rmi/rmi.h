/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "index/btree/btree.h"
#include "index/rmi/filter.h"
#include "index/rmi/run.h"
#include "index/rmi/tail.h"

/*
 * The learned index behind index.h; private to index. A run that a model searches, and what came
 * after it was built:
 *
 *   run     sorted entries; a removed one is marked in its row word
 *   odd     entries whose keys do not have the run's shape (all of them, when no run is made)
 *   active  entries inserted since: a tree, and a tail for those in ascending order
 *   frozen  the active of before, while a rebuild merges it with the run
 *
 * A lookup of a key that has the run's shape asks active and frozen part only when their filters
 * say so, or when the key's code is beyond the run's last. The filter of a part holds every key
 * that was inserted into it, but those that were beyond the last of the run while no rebuild ran:
 * what is beyond it stays so until the next rebuild has taken the part in.
 *
 * A live entry is in one of them, or for a moment in two while a rebuild is published: readers
 * take the same entry once. Readers load the state once and see its parts, which live as long as
 * their epoch; writers change parts and replace the state under the lock.
 */
struct rmi_delta {
    struct btree tree;
    struct rmi_tail tail;
    struct rmi_shape shape;    /* of the tail's keys; immutable */
    struct rmi_filter *filter; /* owned; NULL: nothing was added */
    row_id_t row_max;          /* of an odd part that was built: the greatest row id */
};

enum { RMI_PARTS = 3 };

struct rmi_state {
    struct rmi_run *run; /* never NULL; may be empty */
    union {
        struct {
            struct rmi_delta *active; /* never NULL */
            struct rmi_delta *frozen; /* NULL but during a rebuild */
            struct rmi_delta *odd;    /* NULL when there are none */
        };
        struct rmi_delta *parts[RMI_PARTS];
    };
    /* Which keys of the run's shape the parts may hold. Both NULL: none; filter is never NULL
     * while there is a frozen part. Release: the filter is complete. */
    _Atomic(struct rmi_filter *) filter;
    struct rmi_filter *frozen_filter;
};

struct rmi {
    _Atomic(struct rmi_state *) state;
    _Atomic(rmi_finder) find;       /* the best one for the state's run, and for its filter */
    struct ky_mutex lock;           /* writers; before the trees' */
    struct ky_mutex rebuild_lock;   /* one rebuild at a time; before lock */
    bool is_rebuilding;             /* guarded by lock: changes are logged */
    struct ky_buffer changes;       /* guarded by lock: what the rebuild may have missed */
    row_id_t row_max;               /* guarded by lock: no entry has had a greater row id */
    _Atomic uint64_t entries;       /* these relaxed: statistics, written under lock */
    _Atomic uint64_t built_entries; /* at the last rebuild */
    _Atomic uint64_t rebuilds;
    _Atomic uint64_t fallbacks;                /* rebuilds that made no run */
    bool is_judging;                           /* set before use: measure runs, see judge.c */
    uint64_t judged_entries;                   /* the builder's: when it was measured last */
    _Atomic int64_t judged_ns, judged_tree_ns; /* a lookup in the run and in a B+tree; 0: never */
    _Atomic int64_t build_ns;                  /* the last one */
    _Atomic(const char *) reason;              /* static text: why there is a run, or none */
};

void rmi_init(struct rmi *rmi);
void rmi_deinit(struct rmi *rmi);
bool rmi_insert(struct rmi *rmi, struct ky_slice key, row_id_t row_id);
enum index_verdict rmi_insert_unique(struct rmi *rmi, struct ky_slice key, row_id_t row_id,
                                     index_judge judge, void *arg, row_id_t *existing_out,
                                     bool *is_new_out);
bool rmi_remove(struct rmi *rmi, struct ky_slice key, row_id_t row_id);
KY_MUST_CHECK ky_status rmi_build(struct rmi *rmi, index_source next, void *arg,
                                  struct ky_error *err);
void rmi_find_batch(struct rmi *rmi, const struct ky_slice *keys, uint32_t count, uint32_t per_key,
                    row_id_t *row_ids, uint32_t *counts_out);
uint32_t rmi_scan_next(struct rmi *rmi, struct index_scan *scan, struct index_entry *entries,
                       uint32_t max);
void rmi_stats(struct rmi *rmi, struct index_stats *stats_out);
KY_MUST_CHECK ky_status rmi_verify(struct rmi *rmi, struct ky_error *err);

/* Enough has changed since the last build. */
bool rmi_wants_rebuild(struct rmi *rmi);
/* Entries of a tree beside a run of this size that make a rebuild worth it. */
uint64_t rmi_delta_wanted(uint64_t run_entries);
/* Merges everything into a new run while others read and write. */
void rmi_rebuild(struct rmi *rmi);

/* save.c; see index.h. */
KY_MUST_CHECK ky_status rmi_save(struct rmi *rmi, index_keep keep, void *arg,
                                 struct state_sink *sink, struct ky_error *err);
KY_MUST_CHECK ky_status rmi_load(struct rmi *rmi, struct ky_slice bytes, index_keep keep, void *arg,
                                 struct ky_error *err);

/* ---- between the files of rmi */

struct rmi_gather;

/* rmi_find for whatever the kernels leave. */
uint32_t rmi_find_slowly(struct rmi *rmi, struct ky_slice key, row_id_t *row_ids, uint32_t max);
/* All live entries of a state, in order; initialises the gather. */
void rmi_gather_state(const struct rmi_state *state, struct rmi_gather *gather);
struct rmi_delta *rmi_delta_new(const struct rmi_shape *shape);
void rmi_delta_free(void *delta);
/* Frees them once no reader can hold them; any may be NULL. */
void rmi_retire(struct rmi_state *state, struct rmi_run *run, struct rmi_delta *delta,
                struct rmi_delta *other);
/* Under the lock: what readers see from now on. */
void rmi_publish(struct rmi *rmi, struct rmi_run *run, struct rmi_delta *active,
                 struct rmi_delta *frozen, struct rmi_delta *odd);
/* A run and a tree for what does not fit it out of what was gathered, which is emptied. */
void rmi_make(struct rmi_gather *gather, struct rmi_run **run_out, struct rmi_delta **odd_out,
              const char **reason_out);

static inline struct rmi_state *
rmi_state_of(struct rmi *rmi)
{
    /* Acquire pairs with the release in rmi_publish: all that it names is complete. */
    return atomic_load_explicit(&rmi->state, memory_order_acquire);
}

static inline uint32_t
rmi_find(struct rmi *rmi, struct ky_slice key, row_id_t *row_ids, uint32_t max)
{
    /* Acquire pairs with the release in rmi_publish: one that asks no filter finds the state that
     * it was chosen for, or a later one. A key in a later one's filter came after this lookup
     * began. */
    const rmi_finder find = atomic_load_explicit(&rmi->find, memory_order_acquire);
    return find(rmi, key, row_ids, max);
}

/* Of a run that is to be the state's, with a filter or without one. */
static inline rmi_finder
rmi_finder_of(const struct rmi_run *run, bool has_filter)
{
    return rmi_kernel()->find[rmi_search_kind(run) * 2 + has_filter];
}

static inline bool
rmi_delta_is_empty(const struct rmi_delta *delta)
{
    return delta == NULL ||
           (atomic_load_explicit(&delta->tree.entries, memory_order_relaxed) == 0 &&
            rmi_tail_count(&delta->tail) == 0);
}

/* The active or the frozen part may hold a key with this hash and a code that is not beyond the
 * run's last. */
static inline bool
rmi_state_may_hold(const struct rmi_state *state, const struct rmi_filter *filter, uint64_t hash)
{
    return rmi_filter_has(filter, hash) ||
           (state->frozen_filter != NULL && rmi_filter_has(state->frozen_filter, hash));
}

static inline const struct rmi_filter *
rmi_state_filter(const struct rmi_state *state)
{
    return atomic_load_explicit(&state->filter, memory_order_acquire);
}

/* A key of the run's shape may be elsewhere than in the run. */
static inline bool
rmi_state_may_be_elsewhere(const struct rmi_state *state, uint64_t code, struct ky_slice key)
{
    const struct rmi_filter *filter = rmi_state_filter(state);
    return code > state->run->last_code ||
           (filter != NULL && rmi_state_may_hold(state, filter, rmi_hash_key(key)));
}

/* The tail's entry, dead or not; UINT64_MAX. */
uint64_t rmi_delta_find_tail(const struct rmi_delta *delta, struct ky_slice key, row_id_t row_id);
/* The slot's row word gets a bit. Release pairs with rmi_slot_word. */
static inline void
rmi_slot_mark(struct rmi_run *run, uint64_t slot, uint64_t bit)
{
    (void)atomic_fetch_or_explicit(rmi_slot_row(run, slot), bit, memory_order_release);
}
