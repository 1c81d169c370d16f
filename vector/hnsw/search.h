/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/exact/exact.h"
#include "vector/hnsw/walk.h"

/* A node whose rank is known and whose turn has not come. */
struct ranked {
    double rank;
    uint32_t node;
};

/**
 * A search by the graph that can be continued: first the pool of ef, then, when more is asked for
 * than it holds, on and on until all nodes have been looked at. One thread's.
 */
struct graph_search {
    struct graph *graph; /* borrowed */
    const struct vector_search *search;
    struct vector_search_stats *stats;
    struct measure *measure; /* borrowed */
    struct walk *walk;       /* owned */
    uint32_t wanted;         /* hits that will be asked for, as far as known */
    uint32_t slack;          /* nodes that must have been expanded beyond the one given out */
    uint32_t rerank;         /* nodes that must have been ranked beyond it */
    size_t pool_at;          /* nodes of the pool before it are ranked */
    uint64_t sourced;        /* nodes that are expanded, or need not be */
    uint64_t ranked_total;
    uint64_t popped;
    uint64_t live, hits;
    struct items candidates; /* owned; a heap of evaluated nodes, after the pool */
    struct ranked *ranked;   /* owned; a heap */
    size_t ranked_count, ranked_capacity;
    struct vector_hit *queue; /* owned; rows of the node whose turn it is */
    size_t queue_at, queue_count, queue_capacity;
    bool is_continued;
    bool is_swept;
    bool is_done;
};

/* All of these inside the epoch, but deinit. */
void graph_search_init(struct graph_search *gs, struct graph *graph,
                       const struct vector_search *search, uint32_t ef, uint32_t wanted,
                       struct measure *measure, struct vector_search_stats *stats);
void graph_search_deinit(struct graph_search *gs);
/* The next hits, with ranks for distances, nearest first as far as is known; *count_out is less
 * than max only at the end, or, unless must_fill, after a while. 57014. */
KY_MUST_CHECK ky_status graph_search_next(struct graph_search *gs, struct vector_hit *hits,
                                          uint32_t max, bool must_fill, uint32_t *count_out,
                                          struct ky_error *err);

/* All nodes, exactly. Enters the epoch itself, run by run. 57014. */
KY_MUST_CHECK ky_status graph_search_exact(struct exact_search *exact, struct graph *graph,
                                           struct ky_error *err);
/* The ef that a search should use. */
uint32_t graph_search_ef(const struct graph *graph, const struct vector_search *search, uint32_t k);
