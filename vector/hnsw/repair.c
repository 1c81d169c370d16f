/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Taking dead nodes out. A node whose last row went stays where it is, as a stepping stone, until
 * there are enough of them. Then, in one pass over all lists: whoever links to a dead node chooses
 * anew, from its own links and from what the dead one linked to, by the same rule as ever; so paths
 * that led through it lead past it. (The idea of consolidation in FreshDiskANN, Singh et al.,
 * arXiv 2105.09613. Searching for new neighbours instead is what makes graphs decay.) A node that
 * is left with few links on a level (less than a third of what it may have) is linked like a new
 * one, the entry is replaced if it is dead, and an audit follows. Readers go on all the while: the
 * dead nodes' own links stay as they are, and the nodes wait in limbo.
 */

#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "vector/collection_private.h"
#include "vector/hnsw/build.h"
#include "vector/hnsw/link.h"

enum { FEW_SHARE = 3, LOCKED_RUN = 256, CANDIDATES_MAX = 512 };

struct repair {
    struct graph *graph;
    uint32_t count;
    bool *is_dead; /* to be taken out now */
    bool *is_free;
    uint32_t *dead; /* owned until freed */
    uint32_t dead_count;
};

/* Dead nodes leave the map, and so cannot come to life again. */
static void
collect_dead(struct collection *collection, struct repair *repair)
{
    struct graph *graph = repair->graph;
    for (uint32_t first = 0; first < repair->count; first += LOCKED_RUN) {
        uint32_t end = KY_MIN(first + LOCKED_RUN, repair->count);
        ky_mutex_lock(&collection->lock);
        for (uint32_t node = first; node < end; node++) {
            if (!repair->is_free[node] && !graph_is_live(graph, node)) {
                graph_unmap(graph, node);
                repair->is_dead[node] = true;
                repair->dead[repair->dead_count++] = node;
            }
        }
        ky_mutex_unlock(&collection->lock);
    }
    atomic_fetch_sub_explicit(&graph->dead_count, repair->dead_count, memory_order_relaxed);
}

static void
replace_entry(struct repair *repair)
{
    struct graph *graph = repair->graph;
    uint64_t entry = atomic_load_explicit(&graph->entry, memory_order_relaxed);
    if ((uint32_t)entry == NODE_NONE || !repair->is_dead[(uint32_t)entry]) {
        return;
    }
    uint64_t best = NODE_NONE;
    for (uint32_t node = 0; node < repair->count; node++) {
        uint64_t own = (uint64_t)graph->levels[node] << 32 | node;
        if (!repair->is_dead[node] && !repair->is_free[node] &&
            ((uint32_t)best == NODE_NONE || own >> 32 > best >> 32)) {
            best = own;
        }
    }
    atomic_store_explicit(&graph->entry, best, memory_order_release);
}

static uint32_t
add_candidate(const struct repair *repair, uint32_t self, uint32_t node, uint32_t *nodes,
              uint32_t count)
{
    if (node == self || repair->is_dead[node] || count == CANDIDATES_MAX) {
        return count;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (nodes[i] == node) {
            return count;
        }
    }
    nodes[count] = node;
    return count + 1;
}

/* Returns how many links the list has now, or UINT32_MAX when it needed nothing. */
static uint32_t
repair_list(struct repair *repair, uint32_t node, uint32_t level)
{
    struct graph *graph = repair->graph;
    uint32_t links[WALK_LINKS_MAX];
    uint32_t nodes[CANDIDATES_MAX];
    pool_item_t items[CANDIDATES_MAX];
    uint32_t link_count = graph_read_links(graph, node, level, links);
    uint32_t count = 0;
    for (uint32_t i = 0; i < link_count; i++) {
        count = add_candidate(repair, node, links[i], nodes, count);
    }
    if (count == link_count) {
        return UINT32_MAX;
    }
    for (uint32_t i = 0; i < link_count; i++) {
        uint32_t further[WALK_LINKS_MAX];
        uint32_t further_count =
            repair->is_dead[links[i]] ? graph_read_links(graph, links[i], level, further) : 0;
        for (uint32_t j = 0; j < further_count; j++) {
            count = add_candidate(repair, node, further[j], nodes, count);
        }
    }
    uint32_t max = 0;
    (void)graph_links(graph, node, level, &max);
    link_sort(graph, node, nodes, count, items);
    uint32_t kept = link_select(graph, items, count, max, links);
    link_write(graph, node, level, links, kept);
    return kept;
}

static void
repair_lists(struct repair *repair)
{
    struct graph *graph = repair->graph;
    for (uint32_t node = 0; node < repair->count; node++) {
        if (repair->is_dead[node] || repair->is_free[node]) {
            continue;
        }
        bool has_few = false;
        for (uint32_t level = 0; level <= graph->levels[node]; level++) {
            uint32_t kept = repair_list(repair, node, level);
            uint32_t max = 0;
            (void)graph_links(graph, node, level, &max);
            has_few = has_few || kept < KY_MAX(max / FEW_SHARE, (uint32_t)2);
        }
        if (has_few) {
            ky_epoch_enter();
            link_node(graph, node);
            ky_epoch_leave();
        }
    }
}

void
graph_repair(struct collection *collection, struct graph *graph)
{
    struct repair repair = {.graph = graph, .count = graph_node_count(graph)};
    repair.is_dead = (bool *)ky_calloc(repair.count + 1, sizeof(bool));
    repair.is_free = (bool *)ky_calloc(repair.count + 1, sizeof(bool));
    repair.dead = (uint32_t *)ky_malloc((repair.count + 1) * sizeof(uint32_t));
    ky_mutex_lock(&collection->lock);
    graph_mark_free(graph, repair.is_free);
    ky_mutex_unlock(&collection->lock);
    collect_dead(collection, &repair);
    replace_entry(&repair);
    repair_lists(&repair);
    graph->removed_count += repair.dead_count;
    enum { AUDITS = 3 };
    ky_epoch_enter();
    for (int i = 0; i < AUDITS && audit_reachability(graph, 0) > 0; i++) {
    }
    ky_epoch_leave();
    ky_mutex_lock(&collection->lock);
    graph_free_nodes(graph, repair.dead, repair.dead_count);
    ky_mutex_unlock(&collection->lock);
    ky_free(repair.is_dead);
    ky_free(repair.is_free);
}
