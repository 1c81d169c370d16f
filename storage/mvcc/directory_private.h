/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "storage/mvcc/directory.h"

/* Shared by directory.c (relations), directory_rows.c (rows) and relocate.c (compaction). */
struct relation *relation_new(rel_id_t rel);
/* With all chunks and chains, at once: nobody reads it. */
void relation_free(struct relation *relation);

/* One version and what was there before it; drawn in directory_rows.c. */
struct version_node {
    lsn_t commit_lsn;
    _Atomic uint64_t ref; /* SLOT_PLAIN or SLOT_DELETED */
    lsn_t older_lsn;
    _Atomic uint64_t older_ref; /* 0, SLOT_PLAIN or SLOT_NODE */
};
_Static_assert(_Alignof(struct version_node) >= 8, "the low bits hold the tag");

static inline unsigned
ref_tag(uint64_t ref)
{
    return (unsigned)(ref & SLOT_TAG_MASK);
}

static inline lsn_t
ref_location(uint64_t ref)
{
    return ref & ~(uint64_t)SLOT_TAG_MASK;
}

static inline struct version_node *
ref_node(uint64_t ref)
{
    return (struct version_node *)(uintptr_t)(ref & ~(uint64_t)SLOT_TAG_MASK);
}

static inline uint64_t
node_ref(const struct version_node *node)
{
    return (uint64_t)(uintptr_t)node | SLOT_NODE;
}

/* A chain and everything behind it. */
void chain_free(void *chain);

/* Acquire pairs with the release stores in table_grow and get_chunk. */
static inline struct chunk *
find_chunk(const struct relation *relation, row_id_t row_id)
{
    struct chunk_table *table = atomic_load_explicit(&relation->table, memory_order_acquire);
    size_t index = (size_t)(row_id >> CHUNK_BITS);
    if (KY_UNLIKELY(table == NULL || index >= table->capacity)) {
        return NULL;
    }
    return atomic_load_explicit(&table->chunks[index], memory_order_acquire);
}

static inline struct slot *
chunk_slot(struct chunk *chunk, row_id_t row_id)
{
    return &chunk->slots[row_id & (CHUNK_SLOTS - 1)];
}
