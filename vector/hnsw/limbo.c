/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where freed nodes wait. First for an epoch: a walk that began before may still come by a link to
 * them. Then for the cursors that stood: they keep node numbers from one call to the next.
 *
 * Cursors count themselves by turns. A batch waits until the other turn's counter is empty, then
 * the turn changes, and then until the counter of its own turn is empty: cursors that come later
 * count on the other one, so that a stream of them never keeps a batch waiting for ever.
 */

#include "vector/hnsw/limbo.h"

#include "server/base/arena.h"
#include "server/base/epoch.h"

/* Held by the graph and, until the epoch is over, by the epoch. */
struct limbo {
    struct limbo *next;
    uint32_t *nodes; /* owned */
    uint32_t count;
    uint32_t turn;
    bool has_turned;
    _Atomic uint32_t references;
};

static void
limbo_release(void *arg)
{
    struct limbo *batch = (struct limbo *)arg;
    /* Release and acquire: what the epoch's end means is known to whoever sees the count. */
    if (atomic_fetch_sub_explicit(&batch->references, 1, memory_order_acq_rel) == 1) {
        ky_free(batch->nodes);
        ky_free(batch);
    }
}

void
graph_free_nodes(struct graph *graph, uint32_t *nodes_taken, uint32_t count)
{
    struct limbo *batch = (struct limbo *)ky_calloc(1, sizeof(*batch));
    batch->nodes = nodes_taken;
    batch->count = count;
    batch->next = graph->limbo;
    atomic_init(&batch->references, 2);
    graph->limbo = batch;
    graph->limbo_count += count;
    ky_epoch_retire(batch, limbo_release);
}

static bool
is_settled(struct graph *graph, struct limbo *batch)
{
    if (atomic_load_explicit(&batch->references, memory_order_acquire) != 1) {
        return false;
    }
    /* In one order with the counting in graph_pin. */
    if (!batch->has_turned) {
        uint32_t turn = atomic_load_explicit(&graph->cursor_turn, memory_order_seq_cst);
        if (atomic_load_explicit(&graph->cursors[1 - turn], memory_order_seq_cst) != 0) {
            return false;
        }
        atomic_store_explicit(&graph->cursor_turn, 1 - turn, memory_order_seq_cst);
        batch->turn = turn;
        batch->has_turned = true;
    }
    return atomic_load_explicit(&graph->cursors[batch->turn], memory_order_seq_cst) == 0;
}

void
graph_settle(struct graph *graph)
{
    struct limbo **place = &graph->limbo;
    while (*place != NULL) {
        struct limbo *batch = *place;
        if (is_settled(graph, batch)) {
            *place = batch->next;
            graph_reuse(graph, batch->nodes, batch->count);
            graph->limbo_count -= batch->count;
            limbo_release(batch);
        } else {
            place = &batch->next;
        }
    }
}

void
graph_drop_limbo(struct graph *graph)
{
    while (graph->limbo != NULL) {
        struct limbo *batch = graph->limbo;
        graph->limbo = batch->next;
        limbo_release(batch);
    }
}

void
graph_mark_free(const struct graph *graph, bool *is_free)
{
    for (uint32_t i = 0; i < graph->free_count; i++) {
        is_free[graph->free_nodes[i]] = true;
    }
    for (const struct limbo *batch = graph->limbo; batch != NULL; batch = batch->next) {
        for (uint32_t i = 0; i < batch->count; i++) {
            is_free[batch->nodes[i]] = true;
        }
    }
}

uint32_t
graph_pin(struct graph *graph)
{
    for (;;) {
        uint32_t turn = atomic_load_explicit(&graph->cursor_turn, memory_order_seq_cst);
        atomic_fetch_add_explicit(&graph->cursors[turn], 1, memory_order_seq_cst);
        if (atomic_load_explicit(&graph->cursor_turn, memory_order_seq_cst) == turn) {
            return turn;
        }
        graph_unpin(graph, turn);
    }
}

void
graph_unpin(struct graph *graph, uint32_t turn)
{
    atomic_fetch_sub_explicit(&graph->cursors[turn], 1, memory_order_seq_cst);
}
