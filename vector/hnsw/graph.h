/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/mutex.h"
#include "vector/hnsw/codec.h"

/*
 * A hierarchical graph over different vectors (Malkov and Yashunin, "Efficient and robust
 * approximate nearest neighbor search using hierarchical navigable small world graphs"); private
 * to vector. Everything lies in flat arrays reserved once, indexed by node; a graph that is full
 * is replaced by a larger one.
 *
 *     codes    stride bytes a node, see codec.h
 *     values   as stored; none when the code is exact
 *     links    links_max node numbers, NODE_NONE after the last: 128 bytes for m = 16
 *     rows     the first row id, and whether there is a chain of more
 *     level    0 for most; a node of level L has L lists of m links at upper[node]
 *
 * Threads. Readers take no lock. A node is published by the first link to it (release), or by
 * node_count for sweeps: its code, values, own links and level do not change afterwards until it is
 * freed, links aside. A list may be read while it is changed: some old links, some new, one twice,
 * all of them valid nodes. A freed node is used again only after an epoch and when no cursor of
 * before stands.
 *
 * Writers: the collection's lock guards node numbers, rows and the map; list changes hold the
 * list's stripe, one at a time. Linking a node and repairing exclude each other (`writer`).
 */
enum { NODE_NONE = UINT32_MAX, NODE_MAX = INT32_MAX, LEVEL_MAX = 15, STRIPES = 1024 };

/* Rows beyond the first with one vector. Replaced when it grows. */
struct row_chain {
    uint32_t capacity;
    _Atomic uint32_t count;     /* release and acquire; places, holes included */
    _Atomic row_id_t row_ids[]; /* ROW_ID_NONE: a hole */
};
#define ROW_HAS_CHAIN ((uint64_t)1 << 63)

/* What ef gives which recall, on held-out queries. Immutable. */
enum { CALIBRATION_COLUMNS = 4, CALIBRATION_STEPS = 14 };
struct calibration {
    uint32_t nodes; /* that there were */
    uint32_t ef[CALIBRATION_COLUMNS][CALIBRATION_STEPS];
    float recall[CALIBRATION_COLUMNS][CALIBRATION_STEPS];
};
extern const uint32_t calibration_ks[CALIBRATION_COLUMNS]; /* hits asked for */

struct walk;
struct limbo;

struct graph {
    struct codec codec;
    uint32_t m, links_max, ef_construction;
    uint32_t capacity;
    _Atomic uint32_t references;
    _Atomic uint32_t node_count; /* release and acquire; nodes below exist or are freed */
    _Atomic uint64_t entry;      /* level << 32 | node; NODE_NONE when empty */
    uint8_t *codes;              /* these are reservations, mapped */
    char *values;                /* or NULL */
    float *errors;               /* of codes, see codec_error; or NULL */
    size_t values_size, values_stride;
    _Atomic uint32_t *links;
    _Atomic uint64_t *rows;
    _Atomic(struct row_chain *) *chains;
    uint8_t *levels;
    uint32_t *upper; /* where a node's lists begin in upper_links */
    _Atomic uint32_t *upper_links;
    uint64_t upper_capacity;

    /* Guarded by the collection's lock. */
    uint64_t upper_used;
    uint64_t *map; /* owned; open addressing: hash's upper half << 32 | node + 1 */
    uint64_t map_capacity, map_count;
    uint32_t *free_nodes; /* owned */
    uint32_t free_count, free_capacity;
    uint64_t entries;            /* rows */
    uint32_t built_count;        /* nodes it was built with */
    uint32_t removed_count;      /* nodes taken out since it was built or loaded */
    uint32_t audited_count;      /* nodes at the last audit */
    uint32_t cut_count;          /* nodes added since it was built that the codes cut off */
    _Atomic uint32_t dead_count; /* nodes without rows that are still linked */
    _Atomic uint64_t chain_bytes;

    _Atomic bool stripes[STRIPES];
    struct ky_mutex writer; /* linking steps, repair, saving */

    struct ky_mutex walks_lock;
    struct walk *walks; /* owned; idle ones */

    /* Freed nodes wait for an epoch, and then for the cursors that stood when they were freed: two
     * counters by turns. */
    _Atomic uint32_t cursors[2];
    _Atomic uint32_t cursor_turn;
    struct limbo *limbo;  /* owned; changed by the maintainer, under the collection's lock */
    uint32_t limbo_count; /* nodes in it */

    _Atomic(struct calibration *) calibration; /* owned; NULL before the first */
    _Atomic uint64_t unreachable;              /* found by audits and attached */
};

/* The codec is taken. NULL and 53200 when the machine has no room. */
struct graph *graph_new(const struct codec *codec, uint32_t m, uint32_t ef_construction,
                        uint32_t capacity, struct ky_error *err);
void graph_acquire(struct graph *graph);
void graph_release(struct graph *graph);
uint64_t graph_bytes(const struct graph *graph);
/* Bytes of one node in memory, all told. */
uint64_t graph_node_size(const struct vector_options *options, bool is_exact);

/* ------------------------------------------------------------------ nodes; the collection's lock
 */

uint64_t graph_hash(const struct graph *graph, const void *values);
/* The node of this very vector, or NODE_NONE. scratch holds one vector. */
uint32_t graph_find(const struct graph *graph, const void *values, uint64_t hash, void *scratch);
/* A new node, encoded but not linked; NODE_NONE when the graph is full or the vector does not fit
 * an exact code. */
uint32_t graph_add(struct graph *graph, const void *values, uint64_t hash);
/* Rows of a node. A row is held once: is_new says that it is known not to be. */
void graph_add_row(struct graph *graph, uint32_t node, row_id_t row_id, bool is_new);
bool graph_remove_row(struct graph *graph, uint32_t node, row_id_t row_id);
bool graph_has_row(const struct graph *graph, uint32_t node, row_id_t row_id);
/* Fills the map with all nodes but these, after loading. */
void graph_map_nodes(struct graph *graph, const bool *is_free);
/* A node nobody can find any more: out of the map, now; used again when graph_reuse() says so. */
void graph_unmap(struct graph *graph, uint32_t node);
void graph_reuse(struct graph *graph, const uint32_t *nodes, uint32_t count);

/* Freed nodes: out of reach for all who begin now. graph_settle makes those free to be used again
 * that nobody of before can still see. The maintainer's, both under the collection's lock. */
void graph_free_nodes(struct graph *graph, uint32_t *nodes_taken, uint32_t count);
void graph_settle(struct graph *graph);
/* Marks the nodes that are freed or waiting to be. */
void graph_mark_free(const struct graph *graph, bool *is_free);
/* A cursor keeps the nodes it has seen from being used again; returns its turn. */
uint32_t graph_pin(struct graph *graph);
void graph_unpin(struct graph *graph, uint32_t turn);

/* ------------------------------------------------------------------ reading */

static inline const uint8_t *
graph_code(const struct graph *graph, uint32_t node)
{
    return graph->codes + (size_t)node * graph->codec.stride;
}

/* As stored; decoded into scratch when the code is all there is. */
const void *graph_values(const struct graph *graph, uint32_t node, void *scratch);

static inline _Atomic uint32_t *
graph_links(const struct graph *graph, uint32_t node, uint32_t level, uint32_t *max_out)
{
    if (level == 0) {
        *max_out = graph->links_max;
        return graph->links + (size_t)node * graph->links_max;
    }
    *max_out = graph->m;
    return graph->upper_links + graph->upper[node] + (size_t)(level - 1) * graph->m;
}

/* Up to links_max nodes; returns how many. */
static inline uint32_t
graph_read_links(const struct graph *graph, uint32_t node, uint32_t level, uint32_t *nodes_out)
{
    uint32_t max = 0;
    const _Atomic uint32_t *links = graph_links(graph, node, level, &max);
    uint32_t count = 0;
    for (uint32_t i = 0; i < max; i++) {
        /* Acquire pairs with the release in link.c: what the link leads to is there. */
        uint32_t link = atomic_load_explicit(&links[i], memory_order_acquire);
        if (link == NODE_NONE) {
            break;
        }
        nodes_out[count++] = link;
    }
    return count;
}

static inline uint32_t
graph_node_count(const struct graph *graph)
{
    return atomic_load_explicit(&graph->node_count, memory_order_acquire);
}

static inline bool
graph_is_live(const struct graph *graph, uint32_t node)
{
    return atomic_load_explicit(&graph->rows[node], memory_order_acquire) != 0;
}

/* The row of a node that has one only; ROW_ID_NONE: none or several. */
static inline row_id_t
graph_only_row(const struct graph *graph, uint32_t node)
{
    uint64_t first = atomic_load_explicit(&graph->rows[node], memory_order_acquire);
    return (first & ROW_HAS_CHAIN) != 0 ? ROW_ID_NONE : first;
}

/* The rows of a node as they are at one moment. Inside the epoch. */
struct graph_rows {
    row_id_t first;
    const struct row_chain *chain; /* or NULL */
    uint32_t at, count;            /* of the chain; at is one ahead */
};
void graph_rows_begin(struct graph_rows *rows, const struct graph *graph, uint32_t node);
/* The next one, holes left out; ROW_ID_NONE at the end. */
row_id_t graph_rows_next(struct graph_rows *rows);

void graph_lock_list(struct graph *graph, uint32_t node);
void graph_unlock_list(struct graph *graph, uint32_t node);
