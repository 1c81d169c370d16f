/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/hnsw/graph.h"

static inline bool
work_is_cancelled(const struct vector_work *work)
{
    return work->is_cancelled != NULL &&
           atomic_load_explicit(work->is_cancelled, memory_order_relaxed) != 0;
}

/* Links nodes, these or, when nodes is NULL, the first count of all, by several threads. 57014 when
 * cancelled: then some are not linked. */
KY_MUST_CHECK ky_status build_links(struct graph *graph, const uint32_t *nodes, uint32_t count,
                                    const struct vector_work *work, struct ky_error *err);

/* Nodes that cannot be reached from the entry are linked from near ones; returns how many. Nobody
 * else writes. */
uint32_t audit_reachability(struct graph *graph);
