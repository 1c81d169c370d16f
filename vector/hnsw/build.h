/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/map.h"
#include "vector/hnsw/graph.h"

static inline bool
work_is_cancelled(const struct vector_work *work)
{
    return work->is_cancelled != NULL &&
           atomic_load_explicit(work->is_cancelled, memory_order_relaxed) != 0;
}

/* Links nodes, these or, when nodes is NULL, the first count of all but those that are held back,
 * by several threads. 57014 when cancelled: then some are not linked. */
KY_MUST_CHECK ky_status build_links(struct graph *graph, const uint32_t *nodes, uint32_t count,
                                    uint32_t share, const struct vector_work *work,
                                    struct ky_error *err);
/* Is it among those held back, about one in `share`, whatever order they came in? 0: none is. */
static inline bool
build_holds_back(const struct graph *graph, uint32_t node, uint32_t share)
{
    return share != 0 && graph->levels[node] == 0 && ky_hash_u64((uint64_t)node + 1) % share == 0;
}

/* Nodes that cannot be reached from the entry, but for those held back, are linked from near ones;
 * returns how many. Nobody else writes. */
uint32_t audit_reachability(struct graph *graph, uint32_t share);
