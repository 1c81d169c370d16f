/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Walking. A node's neighbours that are new are gathered first, then their codes are fetched ahead
 * and compared four at a time. The pool is one sorted array of candidates and results alike: an
 * item is the nearest ones' until it falls off the end, and is expanded once. Searching is over
 * when all in the pool are expanded.
 *
 * The visited bits are cleared by going over the nodes that set them: a query visits a few
 * thousand nodes of a graph of any size.
 */

#include "vector/hnsw/walk.h"

#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"

enum { LINE = 64, GROUP = 4, AHEAD_LINES_MAX = 16 };

/* ------------------------------------------------------------------ keeping walks */

static void
walk_free(struct walk *walk)
{
    free(walk->query);
    ky_free(walk->scratch);
    ky_free(walk->visited);
    ky_free(walk->touched.items);
    ky_free(walk->pool.items);
    ky_free(walk->spill.items);
    ky_free(walk);
}

void
walks_free(struct walk *first)
{
    while (first != NULL) {
        struct walk *next = first->next;
        walk_free(first);
        first = next;
    }
}

static struct walk *
walk_new(struct graph *graph)
{
    struct walk *walk = (struct walk *)ky_calloc(1, sizeof(*walk));
    walk->query = (uint8_t *)aligned_alloc(LINE, ky_align_up(graph->codec.stride, LINE));
    KY_ASSERT(walk->query != NULL);
    walk->scratch = ky_malloc(graph->values_size);
    walk->graph = graph;
    return walk;
}

/* Nodes may have come since the walk was used last. */
static void
grow_visited(struct walk *walk, uint32_t node)
{
    size_t words = KY_MAX((size_t)node / 64 + 1, (size_t)graph_node_count(walk->graph) / 64 + 1);
    words += words / 8;
    walk->visited = (uint64_t *)ky_realloc(walk->visited, words * sizeof(uint64_t));
    memset(walk->visited + walk->visited_words, 0,
           (words - walk->visited_words) * sizeof(uint64_t));
    walk->visited_words = words;
}

struct walk *
walk_begin(struct graph *graph)
{
    ky_mutex_lock(&graph->walks_lock);
    struct walk *walk = graph->walks;
    if (walk != NULL) {
        graph->walks = walk->next;
    }
    ky_mutex_unlock(&graph->walks_lock);
    if (walk == NULL) {
        walk = walk_new(graph);
    }
    walk->evaluated = walk->expanded = 0;
    walk->keeps_spill = false;
    return walk;
}

void
walk_reset(struct walk *walk)
{
    for (size_t i = 0; i < walk->touched.count; i++) {
        walk->visited[walk->touched.items[i] / 64] = 0;
    }
    walk->touched.count = 0;
    walk->pool.count = 0;
    walk->spill.count = 0;
}

void
walk_end(struct walk *walk)
{
    struct graph *graph = walk->graph;
    walk_reset(walk);
    ky_mutex_lock(&graph->walks_lock);
    walk->next = graph->walks;
    graph->walks = walk;
    ky_mutex_unlock(&graph->walks_lock);
}

/* ------------------------------------------------------------------ the query */

void
walk_set_query(struct walk *walk, const void *values, struct measure *measure)
{
    walk->measure = measure;
    walk->is_by_values =
        !codec_encode_query(&walk->graph->codec, values, walk->query, &walk->is_exact);
    walk->is_exact = walk->is_exact || walk->is_by_values;
}

void
walk_set_node(struct walk *walk, uint32_t node)
{
    walk->is_by_values = false;
    memcpy(walk->query, graph_code(walk->graph, node), walk->graph->codec.stride);
}

/* ------------------------------------------------------------------ visiting */

bool
walk_has_visited(const struct walk *walk, uint32_t node)
{
    return node / 64 < walk->visited_words && (walk->visited[node / 64] >> node % 64 & 1) != 0;
}

bool
walk_visit(struct walk *walk, uint32_t node)
{
    if (KY_UNLIKELY(node / 64 >= walk->visited_words)) {
        grow_visited(walk, node);
    }
    uint64_t bit = (uint64_t)1 << node % 64;
    uint64_t *word = &walk->visited[node / 64];
    if ((*word & bit) != 0) {
        return false;
    }
    *word |= bit;
    items_push(&walk->touched, node);
    return true;
}

static inline void
prefetch_row(const uint8_t *row, size_t size)
{
    size_t lines = KY_MIN((size + LINE - 1) / LINE, (size_t)AHEAD_LINES_MAX);
    for (size_t i = 0; i < lines; i++) {
        __builtin_prefetch(row + i * LINE, 0, 3);
    }
}

static void
keys_by_values(struct walk *walk, const uint32_t *nodes, uint32_t count, uint32_t *keys_out)
{
    for (uint32_t i = 0; i < count; i++) {
        const void *values = graph_values(walk->graph, nodes[i], walk->scratch);
        keys_out[i] = key_of_rank(measure_rank(walk->measure, values));
    }
}

void
walk_keys(struct walk *walk, const uint32_t *nodes, uint32_t count, uint32_t *keys_out)
{
    const struct graph *graph = walk->graph;
    const struct codec *codec = &graph->codec;
    walk->evaluated += count;
    if (KY_UNLIKELY(walk->is_by_values)) {
        keys_by_values(walk, nodes, count, keys_out);
        return;
    }
    /* What is behind the bytes is at the end of the row. */
    size_t size = codec->has_extra ? codec->stride : codec->size;
    for (uint32_t i = 0; i < KY_MIN(count, (uint32_t)GROUP); i++) {
        prefetch_row(graph_code(graph, nodes[i]), size);
    }
    for (uint32_t first = 0; first < count; first += GROUP) {
        const uint8_t *rows[GROUP];
        uint32_t group = KY_MIN(count - first, (uint32_t)GROUP);
        for (uint32_t i = 0; i < group; i++) {
            rows[i] = graph_code(graph, nodes[first + i]);
            if (first + GROUP + i < count) {
                prefetch_row(graph_code(graph, nodes[first + GROUP + i]), size);
            }
        }
        codec_keys(codec, walk->query, rows, group, keys_out + first);
    }
}

uint32_t
walk_expand(struct walk *walk, uint32_t node, uint32_t level, uint32_t *nodes_out,
            uint32_t *keys_out)
{
    uint32_t links[WALK_LINKS_MAX];
    uint32_t link_count = graph_read_links(walk->graph, node, level, links);
    uint32_t count = 0;
    walk->expanded++;
    for (uint32_t i = 0; i < link_count; i++) {
        if (walk_visit(walk, links[i])) {
            nodes_out[count++] = links[i];
        }
    }
    walk_keys(walk, nodes_out, count, keys_out);
    return count;
}

/* ------------------------------------------------------------------ levels */

uint32_t
walk_descend(struct walk *walk, uint32_t level, uint32_t *key_out)
{
    const struct graph *graph = walk->graph;
    uint64_t entry = atomic_load_explicit(&graph->entry, memory_order_acquire);
    uint32_t node = (uint32_t)entry;
    uint32_t key = 0;
    KY_ASSERT(node != NODE_NONE);
    walk_keys(walk, &node, 1, &key);
    for (uint32_t at = (uint32_t)(entry >> 32); at > level; at--) {
        for (bool has_moved = true; has_moved;) {
            uint32_t nodes[WALK_LINKS_MAX];
            uint32_t keys[WALK_LINKS_MAX];
            uint32_t count = graph_read_links(graph, node, at, nodes);
            has_moved = false;
            walk_keys(walk, nodes, count, keys);
            for (uint32_t i = 0; i < count; i++) {
                if (keys[i] < key) {
                    key = keys[i];
                    node = nodes[i];
                    has_moved = true;
                }
            }
        }
    }
    *key_out = key;
    return node;
}

/* Where the item went, or the pool's count when it did not go in. */
static size_t
pool_insert(struct walk *walk, pool_item_t item)
{
    struct items *pool = &walk->pool;
    if (pool->count == walk->ef) {
        if (item > pool->items[pool->count - 1]) {
            if (walk->keeps_spill) {
                items_push(&walk->spill, item);
            }
            return pool->count;
        }
        pool->count--;
        if (walk->keeps_spill) {
            items_push(&walk->spill, pool->items[pool->count]);
        }
    }
    size_t low = 0;
    size_t high = pool->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pool->items[middle] < item) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    memmove(pool->items + low + 1, pool->items + low, (pool->count - low) * sizeof(pool->items[0]));
    pool->items[low] = item;
    pool->count++;
    return low;
}

/* ladder NULL: ef is all that is asked for. */
static inline __attribute__((always_inline)) void
walk_until(struct walk *walk, uint32_t level, uint32_t ef, uint32_t from, uint32_t from_key,
           const struct walk_ladder *ladder)
{
    struct items *pool = &walk->pool;
    uint32_t step = 0;
    KY_ASSERT(ef >= 1);
    if (pool->capacity < (size_t)ef + 1) {
        pool->capacity = (size_t)ef + 1;
        pool->items =
            (pool_item_t *)ky_realloc(pool->items, pool->capacity * sizeof(pool->items[0]));
    }
    walk->ef = ef;
    pool->count = 0;
    (void)walk_visit(walk, from);
    (void)pool_insert(walk, item_of(from_key, from));
    for (size_t at = 0; at < pool->count;) {
        if ((pool->items[at] & 1) != 0) {
            at++;
            continue;
        }
        for (; ladder != NULL && step < ladder->count && at >= ladder->efs[step]; step++) {
            if (!ladder->settled(ladder->arg, step)) {
                return;
            }
        }
        uint32_t nodes[WALK_LINKS_MAX];
        uint32_t keys[WALK_LINKS_MAX];
        pool->items[at] |= 1;
        uint32_t count = walk_expand(walk, item_node(pool->items[at]), level, nodes, keys);
        size_t lowest = at + 1;
        for (uint32_t i = 0; i < count; i++) {
            size_t place = pool_insert(walk, item_of(keys[i], nodes[i]));
            lowest = KY_MIN(lowest, place);
        }
        at = lowest;
    }
    for (; ladder != NULL && step < ladder->count; step++) {
        if (!ladder->settled(ladder->arg, step)) {
            return;
        }
    }
}

void
walk_level(struct walk *walk, uint32_t level, uint32_t ef, uint32_t from, uint32_t from_key)
{
    walk_until(walk, level, ef, from, from_key, NULL);
}

void
walk_level_ladder(struct walk *walk, uint32_t level, const struct walk_ladder *ladder,
                  uint32_t from, uint32_t from_key)
{
    walk_until(walk, level, ladder->efs[ladder->count - 1], from, from_key, ladder);
}
