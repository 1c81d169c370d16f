/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The rows of a node: one in the node itself, the rest, for vectors that many rows have, in a
 * chain. Readers walk the chain while it changes: a place is written once with release, or made a
 * hole; a longer chain is a new one, and the old one waits for an epoch.
 *
 * The first row may go while others stay: then the node keeps the chain's mark and its first row
 * is a hole.
 */

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "vector/hnsw/graph.h"

enum { CHAIN_CAPACITY_MIN = 6 };

static size_t
chain_size(uint32_t capacity)
{
    return sizeof(struct row_chain) + capacity * sizeof(_Atomic row_id_t);
}

void
graph_rows_begin(struct graph_rows *rows, const struct graph *graph, uint32_t node)
{
    uint64_t first = atomic_load_explicit(&graph->rows[node], memory_order_acquire);
    *rows = (struct graph_rows){.first = first & ~ROW_HAS_CHAIN};
    if ((first & ROW_HAS_CHAIN) != 0) {
        /* A longer chain may take its place: this one keeps what it had. */
        rows->chain = atomic_load_explicit(&graph->chains[node], memory_order_acquire);
        rows->count = rows->chain == NULL
                          ? 0
                          : atomic_load_explicit(&rows->chain->count, memory_order_acquire);
    }
}

row_id_t
graph_rows_next(struct graph_rows *rows)
{
    if (rows->at == 0) {
        rows->at = 1;
        if (rows->first != ROW_ID_NONE) {
            return rows->first;
        }
    }
    while (rows->at <= rows->count) {
        row_id_t row_id =
            atomic_load_explicit(&rows->chain->row_ids[rows->at - 1], memory_order_acquire);
        rows->at++;
        if (row_id != ROW_ID_NONE) {
            return row_id;
        }
    }
    return ROW_ID_NONE;
}

/* The i-th row of a node, from 0; ROW_ID_NONE for a hole; false after the last. The writer's. */
static bool
graph_row(const struct graph *graph, uint32_t node, uint32_t i, row_id_t *row_id_out)
{
    /* Acquire pairs with the releases below: the chain is there. */
    uint64_t first = atomic_load_explicit(&graph->rows[node], memory_order_acquire);
    if (i == 0) {
        *row_id_out = first & ~ROW_HAS_CHAIN;
        return first != 0;
    }
    if ((first & ROW_HAS_CHAIN) == 0) {
        return false;
    }
    const struct row_chain *chain =
        atomic_load_explicit(&graph->chains[node], memory_order_acquire);
    if (chain == NULL || i > atomic_load_explicit(&chain->count, memory_order_acquire)) {
        return false;
    }
    *row_id_out = atomic_load_explicit(&chain->row_ids[i - 1], memory_order_acquire);
    return true;
}

static bool
find_row(const struct graph *graph, uint32_t node, row_id_t row_id, uint32_t *at_out)
{
    row_id_t held = ROW_ID_NONE;
    for (uint32_t i = 0; graph_row(graph, node, i, &held); i++) {
        if (held == row_id) {
            *at_out = i;
            return true;
        }
    }
    return false;
}

bool
graph_has_row(const struct graph *graph, uint32_t node, row_id_t row_id)
{
    struct graph_rows rows;
    graph_rows_begin(&rows, graph, node);
    for (row_id_t held = graph_rows_next(&rows); held != ROW_ID_NONE;
         held = graph_rows_next(&rows)) {
        if (held == row_id) {
            return true;
        }
    }
    return false;
}

/* A chain with room for one more; holes are left behind when it is copied. */
static struct row_chain *
chain_with_room(struct graph *graph, uint32_t node)
{
    struct row_chain *old = atomic_load_explicit(&graph->chains[node], memory_order_relaxed);
    uint32_t count = 0;
    uint32_t live = 0;
    if (old != NULL) {
        count = atomic_load_explicit(&old->count, memory_order_relaxed);
        if (count < old->capacity) {
            return old;
        }
        for (uint32_t i = 0; i < count; i++) {
            live += atomic_load_explicit(&old->row_ids[i], memory_order_relaxed) != ROW_ID_NONE;
        }
    }
    uint32_t capacity = KY_MAX(live * 2, (uint32_t)CHAIN_CAPACITY_MIN);
    struct row_chain *chain = (struct row_chain *)ky_calloc(1, chain_size(capacity));
    chain->capacity = capacity;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        row_id_t row_id = atomic_load_explicit(&old->row_ids[i], memory_order_relaxed);
        if (row_id != ROW_ID_NONE) {
            atomic_init(&chain->row_ids[kept++], row_id);
        }
    }
    atomic_init(&chain->count, kept);
    atomic_fetch_add_explicit(&graph->chain_bytes, chain_size(capacity), memory_order_relaxed);
    atomic_store_explicit(&graph->chains[node], chain, memory_order_release);
    if (old != NULL) {
        atomic_fetch_sub_explicit(&graph->chain_bytes, chain_size(old->capacity),
                                  memory_order_relaxed);
        ky_epoch_retire(old, ky_free);
    }
    return chain;
}

void
graph_add_row(struct graph *graph, uint32_t node, row_id_t row_id, bool is_new)
{
    uint32_t at = 0;
    if (!is_new && find_row(graph, node, row_id, &at)) {
        return;
    }
    uint64_t first = atomic_load_explicit(&graph->rows[node], memory_order_relaxed);
    if ((first & ~ROW_HAS_CHAIN) == 0) {
        atomic_store_explicit(&graph->rows[node], first | row_id, memory_order_release);
    } else {
        struct row_chain *chain = chain_with_room(graph, node);
        uint32_t count = atomic_load_explicit(&chain->count, memory_order_relaxed);
        atomic_store_explicit(&chain->row_ids[count], row_id, memory_order_release);
        atomic_store_explicit(&chain->count, count + 1, memory_order_release);
        atomic_store_explicit(&graph->rows[node], first | ROW_HAS_CHAIN, memory_order_release);
    }
    graph->entries++;
}

/* Without any row left the chain goes, and the node is dead. */
static void
drop_empty(struct graph *graph, uint32_t node)
{
    row_id_t held = ROW_ID_NONE;
    for (uint32_t i = 0; graph_row(graph, node, i, &held); i++) {
        if (held != ROW_ID_NONE) {
            return;
        }
    }
    struct row_chain *chain = atomic_load_explicit(&graph->chains[node], memory_order_relaxed);
    atomic_store_explicit(&graph->rows[node], 0, memory_order_release);
    if (chain != NULL) {
        atomic_store_explicit(&graph->chains[node], NULL, memory_order_release);
        atomic_fetch_sub_explicit(&graph->chain_bytes, chain_size(chain->capacity),
                                  memory_order_relaxed);
        ky_epoch_retire(chain, ky_free);
    }
    atomic_fetch_add_explicit(&graph->dead_count, 1, memory_order_relaxed);
}

bool
graph_remove_row(struct graph *graph, uint32_t node, row_id_t row_id)
{
    uint32_t at = 0;
    if (!find_row(graph, node, row_id, &at)) {
        return false;
    }
    if (at == 0) {
        uint64_t first = atomic_load_explicit(&graph->rows[node], memory_order_relaxed);
        atomic_store_explicit(&graph->rows[node], first & ROW_HAS_CHAIN, memory_order_release);
    } else {
        struct row_chain *chain = atomic_load_explicit(&graph->chains[node], memory_order_relaxed);
        atomic_store_explicit(&chain->row_ids[at - 1], ROW_ID_NONE, memory_order_release);
    }
    if (atomic_load_explicit(&graph->rows[node], memory_order_relaxed) == 0) {
        atomic_fetch_add_explicit(&graph->dead_count, 1, memory_order_relaxed);
    } else {
        drop_empty(graph, node);
    }
    graph->entries--;
    return true;
}
