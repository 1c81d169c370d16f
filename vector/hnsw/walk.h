/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/distance/measure.h"
#include "vector/hnsw/graph.h"

/*
 * One walk through a graph: the query's code, the nodes visited, and the pool of the nearest found
 * so far, sorted. Kept by the graph between walks, because the arrays are worth keeping. One
 * thread's while in use. All of it happens inside the epoch.
 */
enum { WALK_LINKS_MAX = 200, WALK_EF_MAX = 4096 };

/* key << 32 | node << 1 | expanded: sorts by key, then node. */
typedef uint64_t pool_item_t;

static inline uint32_t
item_node(pool_item_t item)
{
    return (uint32_t)item >> 1;
}

static inline uint32_t
item_key(pool_item_t item)
{
    return (uint32_t)(item >> 32);
}

static inline pool_item_t
item_of(uint32_t key, uint32_t node)
{
    return (pool_item_t)key << 32 | (pool_item_t)node << 1;
}

struct items {
    pool_item_t *items; /* owned */
    size_t count;
    size_t capacity;
};

struct walk {
    struct walk *next; /* among the idle ones */
    struct graph *graph;
    uint8_t *query; /* owned; a code */
    bool is_exact;  /* keys are in the exact order */
    bool is_by_values;
    struct measure *measure; /* borrowed; by values, keys are of its ranks */
    void *scratch;           /* owned; one vector */
    uint64_t *visited;       /* owned; a bit for each node */
    size_t visited_words;
    struct items touched; /* nodes whose bits are set */
    struct items pool;    /* sorted */
    uint32_t ef;
    bool keeps_spill;
    struct items spill; /* evaluated but not in the pool, in no order */
    uint64_t evaluated;
    uint64_t expanded;
};

struct walk *walk_begin(struct graph *graph);
/* Forgets what was visited; the walk may be used for another search. */
void walk_reset(struct walk *walk);
void walk_end(struct walk *walk);
void walks_free(struct walk *first);

/* The query is a vector as stored, or one of the graph's nodes. */
void walk_set_query(struct walk *walk, const void *values, struct measure *measure);
void walk_set_node(struct walk *walk, uint32_t node);

/* Sets the node's bit; was it not set? */
bool walk_visit(struct walk *walk, uint32_t node);
bool walk_has_visited(const struct walk *walk, uint32_t node);
void walk_keys(struct walk *walk, const uint32_t *nodes, uint32_t count, uint32_t *keys_out);
/* The neighbours of a node that were not visited yet, and their keys. */
uint32_t walk_expand(struct walk *walk, uint32_t node, uint32_t level, uint32_t *nodes_out,
                     uint32_t *keys_out);

/* Down from the entry to the node that is nearest on `level`; *key_out its key. The graph is not
 * empty. */
uint32_t walk_descend(struct walk *walk, uint32_t level, uint32_t *key_out);
/* The ef nearest on a level, from one node on, into the pool, all expanded. */
void walk_level(struct walk *walk, uint32_t level, uint32_t ef, uint32_t from, uint32_t from_key);
/*
 * One walk that is a walk with each ef of a list. With any ef the node to expand next is the
 * nearest one that was not, and the walk is over when the ef nearest are expanded: so a walk with a
 * larger ef does the same up to there, and its first ef items are then what the smaller one ends
 * with.
 */
struct walk_ladder {
    const uint32_t *efs; /* ascending, count of them */
    uint32_t count;
    /* The first efs[step] items of the pool, or all if there are fewer, are that walk's. In order;
     * false: no more is wanted. */
    bool (*settled)(void *arg, uint32_t step);
    void *arg;
};
void walk_level_ladder(struct walk *walk, uint32_t level, const struct walk_ladder *ladder,
                       uint32_t from, uint32_t from_key);

void items_push(struct items *items, pool_item_t item);
/* A min-heap. */
void heap_push(struct items *heap, pool_item_t item);
pool_item_t heap_pop(struct items *heap);
void heap_make(struct items *heap);
