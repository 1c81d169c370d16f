/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/exact/space.h"
#include "vector/hnsw/walk.h"

/* A node whose rank is known and whose turn has not come. */
struct ranked {
    double rank;
    row_id_t row_id; /* its row, which has passed the test; ROW_ID_NONE: to be tested */
    uint32_t node;
    uint32_t key;
    uint32_t place; /* nodes that came before it, nearly all of them nearer */
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
    uint32_t slack;          /* nodes that must have been sourced beyond the one given out */
    uint32_t rerank;         /* nodes that must have come after it */
    uint64_t sourced;        /* nodes that are expanded, or need not be */
    size_t pool_at;          /* nodes of the pool before it have come */
    struct items waiting;    /* owned; a heap of sourced nodes that have not come, after the pool */
    uint64_t come;           /* nodes that were dead, failed the test or are ranked */
    uint64_t tested, passed; /* nodes, by the test */
    uint64_t refused;        /* nodes that the test has let no row of through */
    uint64_t live, hits;     /* nodes that had their turn; rows given out */
    struct items candidates; /* owned; a heap of evaluated nodes, to be sourced after the pool */
    struct ranked *ranked;   /* owned; a heap */
    size_t ranked_count, ranked_capacity;
    struct vector_hit *queue; /* owned; rows of the node whose turn it is */
    size_t queue_at, queue_count, queue_capacity;
    bool is_continued;
    bool is_done; /* all nodes are sourced */
    bool is_cancelled;
};

/* All of these inside the epoch, but deinit. */
void graph_search_init(struct graph_search *gs, struct graph *graph,
                       const struct vector_search *search, uint32_t ef, uint32_t wanted,
                       struct measure *measure, struct vector_search_stats *stats);
/* Nodes that a search for so many hits expands whatever its ef is. */
uint32_t graph_search_least(const struct walk *walk, uint32_t wanted);
/* After a walk that somebody else has done: of what it found, and no more. */
void graph_search_init_pool(struct graph_search *gs, struct graph *graph,
                            const struct vector_search *search, const pool_item_t *items,
                            uint32_t count, uint32_t wanted, struct measure *measure,
                            struct vector_search_stats *stats);
void graph_search_deinit(struct graph_search *gs);
/* The next hits, with ranks for distances, nearest first as far as is known; *count_out is less
 * than max only at the end. 57014. */
KY_MUST_CHECK ky_status graph_search_next(struct graph_search *gs, struct vector_hit *hits,
                                          uint32_t max, uint32_t *count_out, struct ky_error *err);

/* All nodes, exactly, by several threads if they are many. Enters the epoch itself, run by run.
 * 57014. */
KY_MUST_CHECK ky_status graph_search_exact(struct exact_search *exact, struct graph *graph,
                                           struct ky_error *err);
/* The same for several queries, on the caller's thread: what is fetched of a node serves all. */
enum { EXACT_TOGETHER = 8 };
void graph_search_exact_together(struct exact_search *exacts, uint32_t count, struct graph *graph);
/* The ef that a search should use. */
uint32_t graph_search_ef(const struct graph *graph, const struct vector_search *search, uint32_t k);
