/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/collection.h"
#include "vector/distance/measure.h"
#include "vector/exact/heap.h"
#include "vector/flat/flat.h"

/* A search for the k best, as its parts see it: whoever finds an entry considers it. One
 * thread's. */
struct exact_search {
    struct measure measure;
    const struct vector_options *options; /* borrowed */
    struct hit_heap heap;                 /* of ranks */
    double threshold; /* no rank above it is wanted; infinite until the heap is full */
    bool is_tested;   /* what is considered now has passed the test */
    bool is_draft;    /* hits are places, not rows; see space.h */
    const struct vector_search *search;
    struct vector_search_stats *stats;
};

/* hits has room for search->k. */
void exact_init(struct exact_search *exact, const struct vector_options *options,
                const struct vector_search *search, struct vector_hit *hits,
                struct vector_search_stats *stats);
void exact_deinit(struct exact_search *exact);
/* All pass when there is no filter. At most VECTOR_TEST_MAX. */
void search_test(const struct vector_search *search, struct vector_search_stats *stats,
                 const row_id_t *row_ids, uint32_t count, bool *passes_out);
/* Shows an entry that passed the test, if there is one, to accept. */
bool search_accepts(const struct vector_search *search, struct vector_search_stats *stats,
                    row_id_t row_id, const void *values, double distance);
/* Asks test and accept and adds the entry when it is among the best; values as stored. */
void exact_consider_slow(struct exact_search *exact, row_id_t row_id, const void *values,
                         double rank);

static inline void
exact_consider(struct exact_search *exact, row_id_t row_id, const void *values, double rank)
{
    if (!(rank > exact->threshold)) {
        exact_consider_slow(exact, row_id, values, rank);
    }
}

/* All of a flat, by several threads if it is large. 57014. */
KY_MUST_CHECK ky_status exact_flat(struct exact_search *exact, struct flat *flat,
                                   struct ky_error *err);
/* Sorts the hits and makes ranks distances; returns how many. One that was removed and inserted
 * again meanwhile may have been met twice: it is given once. */
uint32_t exact_finish(struct exact_search *exact);

static inline bool
search_is_cancelled(const struct vector_search *search)
{
    /* Relaxed: only a wish to stop. */
    return search->is_cancelled != NULL &&
           atomic_load_explicit(search->is_cancelled, memory_order_relaxed) != 0;
}
KY_COLD ky_status search_set_cancelled(struct ky_error *err);
