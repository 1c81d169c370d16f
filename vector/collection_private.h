/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/mutex.h"
#include "vector/collection.h"
#include "vector/flat/flat.h"
#include "vector/hnsw/graph.h"

/*
 * What a collection consists of at one moment; private to vector. Replaced as a whole, never
 * changed. An entry is in one of the parts, or, while it moves, in the sealed flat and in the
 * graph: a search that looks at the flats before the graph misses none.
 */
struct view {
    _Atomic uint32_t references; /* the collection's, until replaced, and the cursors' */
    struct flat *active;         /* counted; where new entries go */
    struct flat *sealed;         /* counted; on its way into a graph; may be NULL */
    struct graph *graph;         /* counted; may be NULL */
};

/* An entry that was removed while a new graph was being built, which may have taken it in. */
struct removed_entry {
    row_id_t row_id;
    void *values; /* owned */
};

struct collection {
    struct vector_options options; /* immutable; no defaults left in it */
    size_t values_size;            /* immutable */
    _Atomic(struct view *) view;   /* counted; release and acquire, read inside the epoch */
    _Atomic uint64_t searches;     /* relaxed: statistics */
    struct ky_mutex lock;          /* inserts, removals, and replacing the view */

    /* Guarded by lock. */
    bool is_building;              /* a graph is being made of what there was at one moment */
    struct removed_entry *removed; /* owned; while that lasts */
    size_t removed_count, removed_capacity;
    void *scratch; /* owned; one vector */

    struct ky_mutex maintenance; /* builds and steps; taken before lock */
    struct ky_budget *budget;    /* borrowed; NULL: nobody counts */
    uint64_t noted;              /* the maintainer's: bytes that the budget knows of */
    int64_t refused_ns;          /* the maintainer's: when the budget last refused; 0: not */
    _Atomic uint64_t builds;     /* relaxed, as the rest: statistics */
    _Atomic uint64_t builds_refused;
    _Atomic uint64_t recall_sampled;
    _Atomic uint32_t recall_samples;
    _Atomic uint32_t recall_millionths;
    uint64_t sealed_at; /* the maintainer's: places of the sealed flat before it are linked */
};

/* Inside the epoch, or under the lock. */
static inline struct view *
collection_view(const struct collection *collection)
{
    return atomic_load_explicit(&collection->view, memory_order_acquire);
}
/* Counted: parts stay as long as it is held. */
struct view *view_acquire(const struct collection *collection);
void view_release(struct view *view);
/* Makes this the view; its references are taken. The lock is held. */
void collection_set_view(struct collection *collection, struct flat *active, struct flat *sealed,
                         struct graph *graph);

/* Searches both flats. */
struct exact_search;
KY_MUST_CHECK ky_status view_search_flats(struct exact_search *exact, const struct view *view,
                                          struct ky_error *err);
/* Is the graph to be used? */
bool view_uses_graph(const struct view *view, const struct vector_search *search);

/* Measures what ef gives. unlinked: nodes that are not linked yet, to be searched for; NULL: linked
 * ones, which tell less well. The maintainer's. When cancelled, nothing has changed. */
void graph_calibrate(struct graph *graph, const uint32_t *unlinked, uint32_t unlinked_count,
                     const struct vector_work *work);
struct ky_prng;
/* The share of the k nearest that searches with this ef find, for vectors of linked nodes at
 * random. Any thread. False: k is above 100, or there is nothing to search for. */
bool graph_recall(struct graph *graph, uint32_t k, uint32_t ef, uint32_t queries,
                  struct ky_prng *prng, double *recall_out);
/* How many vectors should be searched for, and how few still say something. */
uint32_t graph_calibration_queries(const struct graph *graph);
enum { CALIBRATION_QUERIES_MIN = 100 };
/* Takes nodes without rows out of the graph. The caller is the only writer. */
void graph_repair(struct collection *collection, struct graph *graph);
/* Tells the budget what is held by now. With maintenance held, or before others know it. */
void collection_note_memory(struct collection *collection);
/* Compares one search in many with an exact one, when enough were made since. */
void collection_sample_recall(struct collection *collection);
