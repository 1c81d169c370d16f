/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linking. A node finds its neighbours level by level, from its own highest one down, and writes
 * its own lists first, all of them: when the first link to it is stored, with release, it is
 * whole. Only then do its neighbours link back, one list locked at a time, and last it becomes the
 * entry if it is higher than that. Nobody clears a list that others may have added to.
 *
 * A full list is chosen anew from its links and the new one. A little room is left, so that not
 * every further link does it again: choosing is most of what linking costs.
 */

#include "vector/hnsw/link.h"

#include <stdlib.h>

#include "server/base/assert.h"

enum { GROUP = 4 };

static bool
is_crowded(const struct graph *graph, pool_item_t item, const uint8_t *const *taken,
           uint32_t taken_count)
{
    const struct codec *codec = &graph->codec;
    const uint8_t *code = graph_code(graph, item_node(item));
    for (uint32_t first = 0; first < taken_count; first += GROUP) {
        uint32_t keys[GROUP];
        uint32_t count = KY_MIN(taken_count - first, (uint32_t)GROUP);
        codec_keys(codec, code, taken + first, count, keys);
        for (uint32_t i = 0; i < count; i++) {
            /* Keys are never negative: as numbers they compare as their bits do. */
            if (keys[i] < item_key(item)) {
                return true;
            }
        }
    }
    return false;
}

/* The first `chosen` of nodes_out are some of the items, in their order. */
static uint32_t
fill_up(const pool_item_t *items, uint32_t count, uint32_t max, uint32_t chosen,
        uint32_t *nodes_out)
{
    uint32_t kept = chosen;
    uint32_t next = 0;
    for (uint32_t i = 0; i < count && kept < max; i++) {
        if (next < chosen && nodes_out[next] == item_node(items[i])) {
            next++;
        } else {
            nodes_out[kept++] = item_node(items[i]);
        }
    }
    return kept;
}

uint32_t
link_select(const struct graph *graph, const pool_item_t *items, uint32_t count, uint32_t max,
            uint32_t *nodes_out)
{
    const uint8_t *taken[WALK_LINKS_MAX];
    uint32_t kept = 0;
    KY_ASSERT(max <= WALK_LINKS_MAX);
    for (uint32_t i = 0; i < count && kept < max; i++) {
        if (!is_crowded(graph, items[i], taken, kept)) {
            taken[kept] = graph_code(graph, item_node(items[i]));
            nodes_out[kept++] = item_node(items[i]);
        }
    }
    /* By inner product a long neighbour crowds out nearly all others, and the longest would be left
     * to lead to each other: lists are filled up with the nearest. */
    return graph->codec.options.metric == VECTOR_INNER_PRODUCT
               ? fill_up(items, count, max, kept, nodes_out)
               : kept;
}

/*
 * Equal keys in an order that has nothing to do with age: were it the nodes', many vectors with one
 * code would all link to the oldest of them, and the youngest would be linked from nowhere.
 */
static bool
is_before(pool_item_t a, pool_item_t b)
{
    enum { MIX = 0x9E3779B1U };
    return item_key(a) != item_key(b) ? item_key(a) < item_key(b)
                                      : item_node(a) * MIX < item_node(b) * MIX;
}

static int
compare_items(const void *left, const void *right)
{
    pool_item_t a = *(const pool_item_t *)left;
    pool_item_t b = *(const pool_item_t *)right;
    return is_before(b, a) - is_before(a, b);
}

/* By insertion: lists are short. Longer ones, of a repair, by qsort. */
static void
sort_items(pool_item_t *items, uint32_t count)
{
    enum { SHORT = 64 };
    if (count > SHORT) {
        qsort(items, count, sizeof(items[0]), compare_items);
        return;
    }
    for (uint32_t i = 1; i < count; i++) {
        pool_item_t item = items[i];
        uint32_t at = i;
        for (; at > 0 && is_before(item, items[at - 1]); at--) {
            items[at] = items[at - 1];
        }
        items[at] = item;
    }
}

void
link_sort(const struct graph *graph, uint32_t node, const uint32_t *nodes, uint32_t count,
          pool_item_t *items_out)
{
    for (uint32_t first = 0; first < count; first += GROUP) {
        const uint8_t *rows[GROUP];
        uint32_t keys[GROUP];
        uint32_t group = KY_MIN(count - first, (uint32_t)GROUP);
        for (uint32_t i = 0; i < group; i++) {
            rows[i] = graph_code(graph, nodes[first + i]);
        }
        codec_keys(&graph->codec, graph_code(graph, node), rows, group, keys);
        for (uint32_t i = 0; i < group; i++) {
            items_out[first + i] = item_of(keys[i], nodes[first + i]);
        }
    }
    sort_items(items_out, count);
}

void
link_write(struct graph *graph, uint32_t node, uint32_t level, const uint32_t *nodes,
           uint32_t count)
{
    uint32_t max = 0;
    _Atomic uint32_t *links = graph_links(graph, node, level, &max);
    KY_ASSERT(count <= max);
    for (uint32_t i = 0; i < max; i++) {
        uint32_t link = i < count ? nodes[i] : (uint32_t)NODE_NONE;
        /* Release pairs with the acquire in graph_read_links: the node is whole. */
        atomic_store_explicit(&links[i], link, memory_order_release);
    }
}

static void
add_to_list(struct graph *graph, uint32_t from, uint32_t level, uint32_t to)
{
    uint32_t nodes[WALK_LINKS_MAX + 1];
    uint32_t max = 0;
    _Atomic uint32_t *links = graph_links(graph, from, level, &max);
    uint32_t count = graph_read_links(graph, from, level, nodes);
    for (uint32_t i = 0; i < count; i++) {
        if (nodes[i] == to) {
            return;
        }
    }
    if (count < max) {
        atomic_store_explicit(&links[count], to, memory_order_release);
        return;
    }
    pool_item_t items[WALK_LINKS_MAX + 1];
    uint32_t kept[WALK_LINKS_MAX];
    nodes[count++] = to;
    link_sort(graph, from, nodes, count, items);
    uint32_t room = max / 16;
    link_write(graph, from, level, kept, link_select(graph, items, count, max - room, kept));
}

void
link_add(struct graph *graph, uint32_t from, uint32_t level, uint32_t to)
{
    graph_lock_list(graph, from);
    add_to_list(graph, from, level, to);
    graph_unlock_list(graph, from);
}

/* Out of the pool: the node itself and dead ones are no neighbours. */
static uint32_t
choose(const struct walk *walk, uint32_t node, uint32_t max, uint32_t *nodes_out)
{
    const struct graph *graph = walk->graph;
    uint32_t count = 0;
    for (size_t i = 0; i < walk->pool.count; i++) {
        uint32_t found = item_node(walk->pool.items[i]);
        if (found != node && graph_is_live(graph, found)) {
            walk->pool.items[count++] = walk->pool.items[i] & ~(pool_item_t)1;
        }
    }
    return link_select(graph, walk->pool.items, count, max, nodes_out);
}

static void
become_entry(struct graph *graph, uint32_t node, uint32_t level)
{
    uint64_t entry = atomic_load_explicit(&graph->entry, memory_order_acquire);
    uint64_t own = (uint64_t)level << 32 | node;
    while (((uint32_t)entry == NODE_NONE || entry >> 32 < level) &&
           !atomic_compare_exchange_weak_explicit(&graph->entry, &entry, own, memory_order_acq_rel,
                                                  memory_order_acquire)) {
    }
}

/* Chosen neighbours of all levels. */
struct choice {
    uint32_t count;
    uint32_t nodes[WALK_LINKS_MAX];
};

static void
find_neighbours(struct walk *walk, uint32_t node, uint32_t top, struct choice *choices)
{
    struct graph *graph = walk->graph;
    uint32_t key = 0;
    uint32_t from = walk_descend(walk, top, &key);
    for (uint32_t level = top + 1; level-- > 0;) {
        walk_reset(walk);
        walk_level(walk, level, graph->ef_construction, from, key);
        from = item_node(walk->pool.items[0]);
        key = item_key(walk->pool.items[0]);
        choices[level].count =
            choose(walk, node, level == 0 ? graph->links_max : graph->m, choices[level].nodes);
    }
}

void
link_node(struct graph *graph, uint32_t node)
{
    uint32_t level = graph->levels[node];
    uint64_t entry = atomic_load_explicit(&graph->entry, memory_order_acquire);
    uint64_t own = (uint64_t)level << 32 | node;
    if (entry == NODE_NONE &&
        atomic_compare_exchange_strong_explicit(&graph->entry, &entry, own, memory_order_acq_rel,
                                                memory_order_acquire)) {
        return;
    }
    uint32_t top = KY_MIN(level, (uint32_t)(entry >> 32));
    struct choice choices[LEVEL_MAX + 1];
    struct walk *walk = walk_begin(graph);
    walk_set_node(walk, node);
    find_neighbours(walk, node, top, choices);
    walk_end(walk);
    for (uint32_t i = 0; i <= top; i++) {
        link_write(graph, node, i, choices[i].nodes, choices[i].count);
    }
    for (uint32_t i = 0; i <= top; i++) {
        for (uint32_t j = 0; j < choices[i].count; j++) {
            link_add(graph, choices[i].nodes[j], i, node);
        }
    }
    if (level > entry >> 32) {
        become_entry(graph, node, level);
    }
}
