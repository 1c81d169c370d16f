/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The graph's arrays. They are reserved at their full size and take memory only where they are
 * written: a reservation costs address space alone, and nothing ever moves.
 */

#include "vector/hnsw/graph.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/map.h"
#include "vector/hnsw/limbo.h"
#include "vector/hnsw/walk.h"

enum { HUGE_PAGE = 2 << 20, MAP_CAPACITY_MIN = 1024, LEVEL_WORDS = 4 /* reserved a node, of m */ };

/* ------------------------------------------------------------------ memory */

static void *
reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    /* Random access over much memory: fewer, larger pages spare most misses of the address cache.
     * A refusal costs nothing but speed. */
    if (size >= HUGE_PAGE) {
        (void)madvise(memory, size, MADV_HUGEPAGE);
    }
    return memory;
}

static void
give_back(void *memory, size_t size)
{
    if (memory != NULL) {
        (void)munmap(memory, size);
    }
}

struct sizes {
    size_t codes, values, errors, links, rows, chains, levels, upper, upper_links;
};

static struct sizes
sizes_of(const struct graph *graph)
{
    size_t capacity = graph->capacity;
    return (struct sizes){
        .codes = capacity * graph->codec.stride,
        .values = capacity * graph->values_stride,
        .errors = codec_has_errors(&graph->codec) ? capacity * sizeof(float) : 0,
        .links = capacity * graph->links_max * sizeof(uint32_t),
        .rows = capacity * sizeof(uint64_t),
        .chains = capacity * sizeof(void *),
        .levels = capacity,
        .upper = capacity * sizeof(uint32_t),
        .upper_links = graph->upper_capacity * sizeof(uint32_t),
    };
}

static bool
reserve_all(struct graph *graph)
{
    struct sizes sizes = sizes_of(graph);
    graph->codes = (uint8_t *)reserve(sizes.codes);
    graph->values = sizes.values > 0 ? (char *)reserve(sizes.values) : NULL;
    graph->errors = sizes.errors > 0 ? (float *)reserve(sizes.errors) : NULL;
    graph->links = (_Atomic uint32_t *)reserve(sizes.links);
    graph->rows = (_Atomic uint64_t *)reserve(sizes.rows);
    graph->chains = (_Atomic(struct row_chain *) *)reserve(sizes.chains);
    graph->levels = (uint8_t *)reserve(sizes.levels);
    graph->upper = (uint32_t *)reserve(sizes.upper);
    graph->upper_links = (_Atomic uint32_t *)reserve(sizes.upper_links);
    return graph->codes != NULL && (sizes.values == 0 || graph->values != NULL) &&
           (sizes.errors == 0 || graph->errors != NULL) && graph->links != NULL &&
           graph->rows != NULL && graph->chains != NULL && graph->levels != NULL &&
           graph->upper != NULL && graph->upper_links != NULL;
}

static void
free_all(struct graph *graph)
{
    struct sizes sizes = sizes_of(graph);
    if (graph->chains != NULL) {
        for (uint32_t node = 0; node < graph_node_count(graph); node++) {
            if ((atomic_load_explicit(&graph->rows[node], memory_order_relaxed) & ROW_HAS_CHAIN) !=
                0) {
                ky_free(atomic_load_explicit(&graph->chains[node], memory_order_relaxed));
            }
        }
    }
    give_back(graph->codes, sizes.codes);
    give_back(graph->values, sizes.values);
    give_back(graph->errors, sizes.errors);
    give_back(graph->links, sizes.links);
    give_back(graph->rows, sizes.rows);
    give_back(graph->chains, sizes.chains);
    give_back(graph->levels, sizes.levels);
    give_back(graph->upper, sizes.upper);
    give_back(graph->upper_links, sizes.upper_links);
    ky_free(graph->map);
    ky_free(graph->free_nodes);
    graph_drop_limbo(graph);
    ky_free(atomic_load_explicit(&graph->calibration, memory_order_relaxed));
    walks_free(graph->walks);
    codec_deinit(&graph->codec);
    ky_mutex_deinit(&graph->walks_lock);
    ky_mutex_deinit(&graph->writer);
    ky_free(graph);
}

struct graph *
graph_new(const struct codec *codec, uint32_t m, uint32_t ef_construction, uint32_t capacity,
          struct ky_error *err)
{
    struct graph *graph = (struct graph *)ky_calloc(1, sizeof(*graph));
    graph->codec = *codec;
    graph->m = m;
    graph->links_max = 2 * m;
    graph->ef_construction = ef_construction;
    graph->capacity = capacity;
    graph->values_size = vector_values_size(codec->options.element, codec->options.dimension);
    graph->values_stride = codec->is_exact ? 0 : ky_align_up(graph->values_size, 64);
    graph->upper_capacity = (uint64_t)capacity * LEVEL_WORDS + (uint64_t)LEVEL_MAX * m;
    atomic_init(&graph->references, 1);
    atomic_init(&graph->entry, NODE_NONE);
    ky_mutex_init(&graph->walks_lock);
    ky_mutex_init(&graph->writer);
    if (!reserve_all(graph)) {
        free_all(graph);
        (void)ky_error_set(err, KY_OUT_OF_MEMORY, "out of memory for a vector index");
        return NULL;
    }
    return graph;
}

void
graph_acquire(struct graph *graph)
{
    atomic_fetch_add_explicit(&graph->references, 1, memory_order_relaxed);
}

void
graph_release(struct graph *graph)
{
    /* Release and acquire: whoever frees it sees what all others did with it. */
    if (graph != NULL &&
        atomic_fetch_sub_explicit(&graph->references, 1, memory_order_acq_rel) == 1) {
        free_all(graph);
    }
}

uint64_t
graph_bytes(const struct graph *graph)
{
    uint64_t count = graph_node_count(graph);
    uint64_t node = graph->codec.stride + graph->values_stride +
                    (graph->errors != NULL ? sizeof(float) : 0) +
                    (uint64_t)graph->links_max * sizeof(uint32_t) + sizeof(uint64_t) + 1;
    return sizeof(*graph) + count * node + graph->map_capacity * sizeof(uint64_t) +
           graph->upper_used * sizeof(uint32_t) +
           atomic_load_explicit(&graph->chain_bytes, memory_order_relaxed);
}

/* ------------------------------------------------------------------ the map */

uint64_t
graph_hash(const struct graph *graph, const void *values)
{
    return ky_hash_bytes(values, graph->values_size, 0);
}

const void *
graph_values(const struct graph *graph, uint32_t node, void *scratch)
{
    if (graph->values != NULL) {
        return graph->values + (size_t)node * graph->values_stride;
    }
    codec_decode(&graph->codec, graph_code(graph, node), scratch);
    return scratch;
}

uint32_t
graph_find(const struct graph *graph, const void *values, uint64_t hash, void *scratch)
{
    if (graph->map_capacity == 0) {
        return NODE_NONE;
    }
    uint64_t mask = graph->map_capacity - 1;
    for (uint64_t at = hash >> 32 & mask; graph->map[at] != 0; at = (at + 1) & mask) {
        uint32_t node = (uint32_t)graph->map[at] - 1;
        if (graph->map[at] >> 32 == hash >> 32 &&
            memcmp(graph_values(graph, node, scratch), values, graph->values_size) == 0) {
            return node;
        }
    }
    return NODE_NONE;
}

/* An entry's place follows from what it keeps of the hash: growing needs no vectors. */
static void
map_put(struct graph *graph, uint64_t entry)
{
    uint64_t mask = graph->map_capacity - 1;
    uint64_t at = entry >> 32 & mask;
    while (graph->map[at] != 0) {
        at = (at + 1) & mask;
    }
    graph->map[at] = entry;
}

static uint64_t
map_entry(uint32_t node, uint64_t hash)
{
    return hash >> 32 << 32 | (node + 1);
}

/* At most 7 of 10 places are taken. */
static bool
is_map_full(const struct graph *graph)
{
    return graph->map_capacity == 0 || graph->map_count * 10 >= graph->map_capacity * 7;
}

static void
map_grow(struct graph *graph)
{
    uint64_t *old = graph->map;
    uint64_t old_capacity = graph->map_capacity;
    graph->map_capacity = KY_MAX(old_capacity * 2, (uint64_t)MAP_CAPACITY_MIN);
    graph->map = (uint64_t *)ky_calloc(graph->map_capacity, sizeof(uint64_t));
    for (uint64_t i = 0; i < old_capacity; i++) {
        if (old[i] != 0) {
            map_put(graph, old[i]);
        }
    }
    ky_free(old);
}

void
graph_map_nodes(struct graph *graph, const bool *is_free)
{
    void *scratch = ky_malloc(graph->values_size);
    for (uint32_t node = 0; node < graph_node_count(graph); node++) {
        if (is_free[node]) {
            continue;
        }
        if (is_map_full(graph)) {
            map_grow(graph);
        }
        map_put(graph, map_entry(node, graph_hash(graph, graph_values(graph, node, scratch))));
        graph->map_count++;
    }
    ky_free(scratch);
}

/* Closes the gap, so that every entry can still be walked to from its place. */
void
graph_unmap(struct graph *graph, uint32_t node)
{
    void *scratch = ky_malloc(graph->values_size);
    uint64_t mask = graph->map_capacity - 1;
    uint64_t at = graph_hash(graph, graph_values(graph, node, scratch)) >> 32 & mask;
    ky_free(scratch);
    while (graph->map[at] != 0 && (uint32_t)graph->map[at] - 1 != node) {
        at = (at + 1) & mask;
    }
    if (graph->map[at] == 0) {
        return;
    }
    uint64_t gap = at;
    for (uint64_t next = (at + 1) & mask; graph->map[next] != 0; next = (next + 1) & mask) {
        uint64_t home = graph->map[next] >> 32 & mask;
        if (((next - home) & mask) >= ((next - gap) & mask)) {
            graph->map[gap] = graph->map[next];
            gap = next;
        }
    }
    graph->map[gap] = 0;
    graph->map_count--;
}

/* ------------------------------------------------------------------ nodes */

/* Levels fall off by a factor of m each; chance comes from the vector, so that a build can be
 * repeated. */
static uint32_t
draw_level(const struct graph *graph, uint64_t hash)
{
    uint64_t bits = ky_hash_u64(hash + 1);
    uint32_t level = 0;
    for (; level < LEVEL_MAX && bits % graph->m == 0; level++) {
        bits = ky_hash_u64(bits);
    }
    return level;
}

static void
clear_links(_Atomic uint32_t *links, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        atomic_store_explicit(&links[i], NODE_NONE, memory_order_relaxed);
    }
}

static uint32_t
take_node(struct graph *graph, uint32_t level)
{
    uint32_t count = graph_node_count(graph);
    if (graph->free_count > 0) {
        /* Its level stays: the lists are there. */
        return graph->free_nodes[--graph->free_count];
    }
    if (count == graph->capacity) {
        return NODE_NONE;
    }
    uint64_t words = (uint64_t)level * graph->m;
    if (graph->upper_used + words > graph->upper_capacity) {
        level = 0;
        words = 0;
    }
    graph->levels[count] = (uint8_t)level;
    graph->upper[count] = (uint32_t)graph->upper_used;
    graph->upper_used += words;
    return count;
}

uint32_t
graph_add(struct graph *graph, const void *values, uint64_t hash)
{
    if (is_map_full(graph)) {
        map_grow(graph);
    }
    uint32_t node = take_node(graph, draw_level(graph, hash));
    if (node == NODE_NONE) {
        return NODE_NONE;
    }
    uint8_t *code = graph->codes + (size_t)node * graph->codec.stride;
    bool is_fitting = codec_encode(&graph->codec, values, code);
    graph->cut_count += !is_fitting;
    if (!is_fitting && graph->codec.is_exact) {
        if (node < graph_node_count(graph)) {
            graph->free_nodes[graph->free_count++] = node;
        }
        return NODE_NONE;
    }
    if (graph->values != NULL) {
        memcpy(graph->values + (size_t)node * graph->values_stride, values, graph->values_size);
    }
    if (graph->errors != NULL) {
        graph->errors[node] = codec_error(&graph->codec, values, code);
    }
    clear_links(graph->links + (size_t)node * graph->links_max, graph->links_max);
    clear_links(graph->upper_links + graph->upper[node], (size_t)graph->levels[node] * graph->m);
    map_put(graph, map_entry(node, hash));
    graph->map_count++;
    if (node == graph_node_count(graph)) {
        /* Release pairs with the acquire in sweeps: code and values are there. */
        atomic_store_explicit(&graph->node_count, node + 1, memory_order_release);
    }
    return node;
}

void
graph_reuse(struct graph *graph, const uint32_t *nodes, uint32_t count)
{
    if (count == 0) {
        return;
    }
    if (graph->free_count + count > graph->free_capacity) {
        graph->free_capacity = (graph->free_count + count) * 2;
        graph->free_nodes =
            (uint32_t *)ky_realloc(graph->free_nodes, graph->free_capacity * sizeof(uint32_t));
    }
    memcpy(graph->free_nodes + graph->free_count, nodes, count * sizeof(uint32_t));
    graph->free_count += count;
}

/* ------------------------------------------------------------------ lists */

void
graph_lock_list(struct graph *graph, uint32_t node)
{
    _Atomic bool *stripe = &graph->stripes[node % STRIPES];
    /* Acquire and release: what was done to the list under the lock is seen by the next. */
    for (int spins = 0; atomic_exchange_explicit(stripe, true, memory_order_acquire); spins++) {
        if (spins > 64) {
            (void)sched_yield();
        }
    }
}

void
graph_unlock_list(struct graph *graph, uint32_t node)
{
    atomic_store_explicit(&graph->stripes[node % STRIPES], false, memory_order_release);
}
