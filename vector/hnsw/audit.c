/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every node must be reachable from the entry at the lowest level, or no search finds it. Links
 * are dropped when lists are chosen anew, and the last one that led to a node may be among them.
 *
 * All that can be reached is marked, breadth first, counting how many links lead to each node. A
 * node without a mark is then linked from a near marked one: in a free place, or instead of a link
 * to a node that enough others lead to; and what it leads to is marked in turn.
 */

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "vector/hnsw/build.h"
#include "vector/hnsw/link.h"

struct audit {
    struct graph *graph;
    uint32_t count;
    uint32_t share; /* see build_holds_back */
    bool *is_reached;
    uint16_t *in_degrees;
    uint32_t *queue;
    uint32_t head, tail;
};

static void
reach(struct audit *audit, uint32_t node)
{
    if (!audit->is_reached[node]) {
        audit->is_reached[node] = true;
        audit->queue[audit->tail++] = node;
    }
}

static void
spread(struct audit *audit)
{
    uint32_t links[WALK_LINKS_MAX];
    while (audit->head < audit->tail) {
        uint32_t count = graph_read_links(audit->graph, audit->queue[audit->head++], 0, links);
        for (uint32_t i = 0; i < count; i++) {
            if (audit->in_degrees[links[i]] < UINT16_MAX) {
                audit->in_degrees[links[i]]++;
            }
            reach(audit, links[i]);
        }
    }
}

/* The farthest link that others lead to as well gives its place. */
static bool
attach(struct audit *audit, uint32_t from, uint32_t node)
{
    struct graph *graph = audit->graph;
    uint32_t links[WALK_LINKS_MAX + 1];
    pool_item_t items[WALK_LINKS_MAX];
    uint32_t count = graph_read_links(graph, from, 0, links);
    if (count < graph->links_max) {
        links[count++] = node;
        link_write(graph, from, 0, links, count);
        return true;
    }
    link_sort(graph, from, links, count, items);
    for (uint32_t i = count; i-- > 0;) {
        uint32_t other = item_node(items[i]);
        if (audit->in_degrees[other] >= 3) {
            audit->in_degrees[other]--;
            for (uint32_t j = 0; j < count; j++) {
                links[j] = links[j] == other ? node : links[j];
            }
            link_write(graph, from, 0, links, count);
            return true;
        }
    }
    return false;
}

static bool
rescue(struct audit *audit, struct walk *walk, uint32_t node)
{
    uint32_t key = 0;
    bool is_attached = false;
    walk_set_node(walk, node);
    uint32_t from = walk_descend(walk, 0, &key);
    walk_level(walk, 0, audit->graph->ef_construction, from, key);
    for (size_t i = 0; i < walk->pool.count && !is_attached; i++) {
        uint32_t near = item_node(walk->pool.items[i]);
        is_attached = near != node && audit->is_reached[near] && attach(audit, near, node);
    }
    walk_reset(walk);
    if (is_attached) {
        audit->in_degrees[node]++;
        reach(audit, node);
        spread(audit);
    }
    return is_attached;
}

static uint32_t
rescue_all(struct audit *audit)
{
    struct walk *walk = walk_begin(audit->graph);
    uint32_t rescued = 0;
    for (uint32_t node = 0; node < audit->count; node++) {
        if (!audit->is_reached[node] && !build_holds_back(audit->graph, node, audit->share) &&
            graph_is_live(audit->graph, node)) {
            rescued += rescue(audit, walk, node);
        }
    }
    walk_end(walk);
    return rescued;
}

uint32_t
audit_reachability(struct graph *graph, uint32_t share)
{
    uint64_t entry = atomic_load_explicit(&graph->entry, memory_order_acquire);
    struct audit audit = {.graph = graph, .count = graph_node_count(graph), .share = share};
    if (entry == NODE_NONE) {
        return 0;
    }
    audit.is_reached = (bool *)ky_calloc(audit.count, sizeof(bool));
    audit.in_degrees = (uint16_t *)ky_calloc(audit.count, sizeof(uint16_t));
    audit.queue = (uint32_t *)ky_malloc(audit.count * sizeof(uint32_t));
    reach(&audit, (uint32_t)entry);
    spread(&audit);
    uint32_t rescued = rescue_all(&audit);
    ky_free(audit.is_reached);
    ky_free(audit.in_degrees);
    ky_free(audit.queue);
    atomic_fetch_add_explicit(&graph->unreachable, rescued, memory_order_relaxed);
    return rescued;
}
