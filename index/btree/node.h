/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "server/base/buffer.h"
#include "storage/api/ids.h"

/*
 * One node of the B+tree: sorted slots of (key, row id), and children between them when it is
 * not a leaf. Private to index/btree.
 *
 *     version count level ... prefix | heads[] | tails[] | children[] | long prefix | heap
 *
 * All keys of a node begin with its prefix. A slot's head is the next 8 bytes of its key as a
 * big-endian number, zero filled; its tail is the row id and, in the low 16 bits, `where`: the
 * size of the key after the prefix when that is at most 8 bytes, else HEAP_BASE + the place of
 * the remaining bytes in the heap. A search therefore reads heads only until it is nearly there,
 * and a typical key (one marker byte and eight more) needs no heap at all.
 *
 * Readers look without a lock. version is a sequence lock: odd while the one writer changes the
 * node in place, and NODE_OBSOLETE once the node has left the tree. What changes is atomic: heads
 * and count relaxed, since the version decides afterwards whether they were read whole; tails and
 * children with release and acquire, so that the heap bytes or the node behind them are complete.
 * Heap bytes never change once a tail points at them: every tail that a reader can catch in
 * passing is safe to follow. A child caught in passing is not: validate before following it.
 */
enum {
    NODE_SLOTS = 128,
    NODE_PREFIX_INLINE = 32,
    NODE_HEAP_SIZE_MAX = 32 * 1024,
    NODE_HEAD_SIZE = 8,
    NODE_HEAP_BASE = NODE_HEAD_SIZE + 1,
    NODE_WRITING = 1,
    NODE_OBSOLETE = 2,
    NODE_VERSION_STEP = 4,
};

struct node {
    _Atomic uint64_t version;
    _Atomic uint32_t count;
    uint16_t level; /* 0 is a leaf; immutable, as are the next three */
    uint16_t prefix_size;
    uint32_t heap_capacity;
    uint32_t size;                      /* of the allocation */
    uint32_t heap_used;                 /* the writer's */
    uint32_t heap_dead;                 /* the writer's: bytes of removed slots */
    uint8_t prefix[NODE_PREFIX_INLINE]; /* when it fits; else at the start of the bytes */
    _Atomic uint64_t heads[NODE_SLOTS];
    _Atomic uint64_t tails[NODE_SLOTS];
};

_Static_assert(offsetof(struct node, heads) == 64, "the header is one cache line");
_Static_assert(NODE_HEAP_BASE + NODE_HEAP_SIZE_MAX + 4096 < 65536, "where has 16 bits");

typedef _Atomic(struct node *) node_link;

/* What is looked for: the first slot at or after (key, row_id); the end when is_end. */
struct target {
    const uint8_t *key;
    size_t size;
    row_id_t row_id;
    bool is_end;
};

static inline node_link *
node_children(const struct node *node)
{
    return (node_link *)(uintptr_t)(const void *)(node + 1);
}

static inline uint8_t *
node_bytes(const struct node *node)
{
    size_t children_size = node->level == 0 ? 0 : (NODE_SLOTS + 1) * sizeof(node_link);
    return (uint8_t *)(uintptr_t)(const void *)(node + 1) + children_size;
}

static inline const uint8_t *
node_prefix(const struct node *node)
{
    return node->prefix_size <= NODE_PREFIX_INLINE ? node->prefix : node_bytes(node);
}

static inline uint8_t *
node_heap(const struct node *node)
{
    return node_bytes(node) + (node->prefix_size <= NODE_PREFIX_INLINE ? 0 : node->prefix_size);
}

static inline uint32_t
node_count(const struct node *node)
{
    return atomic_load_explicit(&node->count, memory_order_relaxed);
}

static inline uint64_t
node_head(const struct node *node, uint32_t slot)
{
    return atomic_load_explicit(&node->heads[slot], memory_order_relaxed);
}

static inline uint64_t
node_tail(const struct node *node, uint32_t slot)
{
    /* Acquire pairs with the release in node.c: the heap bytes it names are there. */
    return atomic_load_explicit(&node->tails[slot], memory_order_acquire);
}

static inline row_id_t
node_row_id(const struct node *node, uint32_t slot)
{
    return node_tail(node, slot) >> 16;
}

static inline struct node *
node_child(const struct node *node, uint32_t index)
{
    return atomic_load_explicit(&node_children(node)[index], memory_order_acquire);
}

/* All the lines that a search in the node may need, at once rather than one after another. Always
 * inline: a function that does nothing but prefetch looks to GCC like one that does nothing. */
__attribute__((always_inline)) static inline void
node_prefetch(const struct node *node)
{
    enum { CACHE_LINE_SIZE = 64, LINES = 13 /* the header and three quarters of the heads */ };
    const char *bytes = (const char *)(const void *)node;
#pragma GCC unroll 16
    for (size_t line = 0; line < LINES; line++) {
        __builtin_prefetch(bytes + line * CACHE_LINE_SIZE);
    }
}

/* Waits out a writer; NODE_OBSOLETE is set in the answer when the node has left the tree. */
static inline uint64_t
node_read_begin(const struct node *node)
{
    uint64_t version = atomic_load_explicit(&node->version, memory_order_acquire);
    while (KY_UNLIKELY((version & NODE_WRITING) != 0)) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
        version = atomic_load_explicit(&node->version, memory_order_acquire);
    }
    return version;
}

/* Was all that has been read since node_read_begin there at one moment? */
static inline bool
node_validate(const struct node *node, uint64_t version)
{
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&node->version, memory_order_relaxed) == version;
}

static inline void
node_write_begin(struct node *node)
{
    uint64_t version = atomic_load_explicit(&node->version, memory_order_relaxed);
    atomic_store_explicit(&node->version, version | NODE_WRITING, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static inline void
node_write_end(struct node *node)
{
    uint64_t version = atomic_load_explicit(&node->version, memory_order_relaxed);
    atomic_store_explicit(&node->version, version - NODE_WRITING + NODE_VERSION_STEP,
                          memory_order_release);
}

/* Index of the first slot at or after the target. */
uint32_t node_search(const struct node *node, const struct target *target);
/* The slot's key (without row id) against a key: <0, 0, >0. */
int node_compare_key(const struct node *node, uint32_t slot, struct ky_slice key);
/* Appends the slot's key. */
void node_append_key(const struct node *node, uint32_t slot, struct ky_buffer *buffer);
size_t node_key_size(const struct node *node, uint32_t slot);

/* Writer's, in place; insert answers false when the entry needs a new node. In an
 * inner node the child before the new separator becomes left and the one after it is right. */
bool node_insert_at(struct node *node, uint32_t slot, struct ky_slice key, row_id_t row_id,
                    struct node *left, struct node *right);
/* Removes the slot, and in an inner node the child after it. */
void node_remove_at(struct node *node, uint32_t slot);
/* Removes the slot of an inner node; child stands for both children beside it. */
void node_replace_pair(struct node *node, uint32_t slot, struct node *child);
void node_set_child(struct node *node, uint32_t index, struct node *child);
void node_mark_obsolete(struct node *node);

/* Slots taken out of nodes, on the way to new ones. The writer's scratch memory. */
struct run_item {
    uint32_t offset; /* of the key in bytes */
    uint32_t size;
    row_id_t row_id;
    struct node *child; /* after this separator; NULL in leaves */
};

struct run {
    struct run_item items[2 * NODE_SLOTS + 2];
    uint32_t count;
    struct node *first_child;
    struct ky_buffer bytes;
};

void run_clear(struct run *run);
void run_append_node(struct run *run, const struct node *node);
void run_insert(struct run *run, uint32_t index, struct ky_slice key, row_id_t row_id,
                struct node *child);
struct ky_slice run_key(const struct run *run, uint32_t index);
/* Heap bytes that a node of items [from, to) would use, in the best arrangement. */
uint32_t run_heap_size(const struct run *run, uint32_t from, uint32_t to);
/* Where to cut so that both sides hold about as much. */
uint32_t run_middle(const struct run *run);
/* first is the child before the first separator (NULL in leaves). */
struct node *node_new(const struct run *run, uint32_t from, uint32_t to, uint16_t level,
                      struct node *first);
void node_free(void *node);
