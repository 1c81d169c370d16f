/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "storage/mvcc/directory_private.h"

/*
 * Slots and version chains. A row with one committed version costs its slot and nothing else.
 * A second version makes a node that holds the newer one and, in the form of a slot, what was
 * there before:
 *
 *     slot { -, node }          node { L3, record, older { -, node } }
 *                                                          node { L2, record, older { L1, record }
 * }
 *
 * A node never changes once readers can reach it, but for two words: `ref` may be replaced while
 * its commit is still invisible to everybody, and `older_ref` becomes 0 when no snapshot needs
 * what is behind it. Once the horizon has passed the newest commit, the chain is folded back
 * into the slot, or the slot emptied when the newest version is a delete.
 */

/* ------------------------------------------------------------------ chunks */

/* Anonymous memory comes zeroed and costs nothing until touched: small relations stay small. */
static struct chunk *
chunk_new(void)
{
    void *memory = mmap(NULL, sizeof(struct chunk), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    KY_ASSERT(memory != MAP_FAILED);
    return memory;
}

static void
chunk_unmap(void *chunk)
{
    (void)munmap(chunk, sizeof(struct chunk));
}

void
chain_free(void *chain)
{
    struct version_node *node = chain;
    while (node != NULL) {
        uint64_t older = atomic_load_explicit(&node->older_ref, memory_order_relaxed);
        ky_free(node);
        node = ref_tag(older) == SLOT_NODE ? ref_node(older) : NULL;
    }
}

struct relation *
relation_new(rel_id_t rel)
{
    struct relation *relation = ky_calloc(1, sizeof(*relation));
    relation->id = rel;
    ky_mutex_init(&relation->lock);
    atomic_init(&relation->next_row_id, 1);
    atomic_init(&relation->drop_lsn, LSN_MAX);
    return relation;
}

void
relation_free(struct relation *relation)
{
    struct chunk_table *table = atomic_load_explicit(&relation->table, memory_order_relaxed);
    for (size_t i = 0; table != NULL && i < table->capacity; i++) {
        struct chunk *chunk = atomic_load_explicit(&table->chunks[i], memory_order_relaxed);
        if (chunk == NULL) {
            continue;
        }
        for (size_t s = 0; s < CHUNK_SLOTS; s++) {
            uint64_t ref = atomic_load_explicit(&chunk->slots[s].ref, memory_order_relaxed);
            if (ref_tag(ref) == SLOT_NODE) {
                chain_free(ref_node(ref));
            }
        }
        chunk_unmap(chunk);
    }
    ky_free(table);
    ky_mutex_deinit(&relation->lock);
    ky_free(relation);
}

const struct chunk *
relation_chunk(const struct relation *relation, row_id_t row_id)
{
    return find_chunk(relation, row_id);
}

static struct chunk_table *
table_grow(struct relation *relation, size_t index) KY_REQUIRES(relation->lock)
{
    struct chunk_table *old = atomic_load_explicit(&relation->table, memory_order_relaxed);
    size_t capacity = old == NULL ? 1 : old->capacity;
    while (capacity <= index) {
        capacity *= 2;
    }
    struct chunk_table *table = ky_calloc(1, sizeof(*table) + capacity * sizeof(table->chunks[0]));
    table->capacity = capacity;
    for (size_t i = 0; old != NULL && i < old->capacity; i++) {
        atomic_init(&table->chunks[i], atomic_load_explicit(&old->chunks[i], memory_order_relaxed));
    }
    atomic_store_explicit(&relation->table, table, memory_order_release);
    if (old != NULL) {
        ky_epoch_retire(old, ky_free);
    }
    return table;
}

static struct chunk *
get_chunk(struct relation *relation, row_id_t row_id) KY_REQUIRES(relation->lock)
{
    struct chunk_table *table = atomic_load_explicit(&relation->table, memory_order_relaxed);
    size_t index = (size_t)(row_id >> CHUNK_BITS);
    if (table == NULL || index >= table->capacity) {
        table = table_grow(relation, index);
    }
    struct chunk *chunk = atomic_load_explicit(&table->chunks[index], memory_order_relaxed);
    if (chunk == NULL) {
        chunk = chunk_new();
        if (index == 0) {
            /* Row id 0 is nobody's. */
            atomic_init(&chunk->dead_count, 1);
        }
        atomic_store_explicit(&table->chunks[index], chunk, memory_order_release);
    }
    return chunk;
}

static void
free_chunk(struct relation *relation, size_t index) KY_REQUIRES(relation->lock)
{
    struct chunk_table *table = atomic_load_explicit(&relation->table, memory_order_relaxed);
    struct chunk *chunk = atomic_load_explicit(&table->chunks[index], memory_order_relaxed);
    atomic_store_explicit(&table->chunks[index], NULL, memory_order_release);
    ky_epoch_retire(chunk, chunk_unmap);
}

/* The slot of row_id has been emptied for good. True when its chunk is all dead. */
static bool
count_dead(struct chunk *chunk)
{
    return atomic_fetch_add_explicit(&chunk->dead_count, 1, memory_order_acq_rel) ==
           CHUNK_SLOTS - 1;
}

static void
slot_kill(struct relation *relation, struct chunk *chunk, row_id_t row_id)
    KY_REQUIRES(relation->lock)
{
    atomic_store_explicit(&chunk_slot(chunk, row_id)->ref, 0, memory_order_release);
    if (count_dead(chunk)) {
        free_chunk(relation, (size_t)(row_id >> CHUNK_BITS));
    }
}

/* ------------------------------------------------------------------ uncommitted rows */

row_id_t
relation_new_row(struct relation *relation, struct txn *owner)
{
    row_id_t row_id = atomic_fetch_add_explicit(&relation->next_row_id, 1, memory_order_relaxed);
    if (row_id > ROW_ID_MAX) {
        atomic_store_explicit(&relation->next_row_id, ROW_ID_MAX + 1, memory_order_relaxed);
        return ROW_ID_NONE;
    }
    /* Inside an epoch because a grown table retires the one that find_chunk may be reading. */
    ky_epoch_enter();
    struct chunk *chunk = find_chunk(relation, row_id);
    if (KY_UNLIKELY(chunk == NULL)) {
        ky_mutex_lock(&relation->lock);
        chunk = get_chunk(relation, row_id);
        ky_mutex_unlock(&relation->lock);
    }
    /* The chunk stays: it cannot be all dead before this row is. */
    atomic_store_explicit(&chunk_slot(chunk, row_id)->ref, (uint64_t)(uintptr_t)owner | SLOT_OWNER,
                          memory_order_release);
    ky_epoch_leave();
    return row_id;
}

void
relation_forget_row(struct relation *relation, row_id_t row_id)
{
    ky_epoch_enter();
    struct chunk *chunk = find_chunk(relation, row_id);
    KY_ASSERT(chunk != NULL);
    atomic_store_explicit(&chunk_slot(chunk, row_id)->ref, 0, memory_order_release);
    if (count_dead(chunk)) {
        ky_mutex_lock(&relation->lock);
        free_chunk(relation, (size_t)(row_id >> CHUNK_BITS));
        ky_mutex_unlock(&relation->lock);
    }
    ky_epoch_leave();
}

/* ------------------------------------------------------------------ reading */

static bool
version_set(struct version *version, lsn_t commit_lsn, uint64_t ref)
{
    version->commit_lsn = commit_lsn;
    version->location = ref_location(ref);
    version->is_deleted = ref_tag(ref) == SLOT_DELETED;
    return !version->is_deleted;
}

static bool
chain_version_at(const struct version_node *node, lsn_t snapshot, struct version *version_out)
{
    for (;;) {
        if (node->commit_lsn < snapshot) {
            return version_set(version_out, node->commit_lsn,
                               atomic_load_explicit(&node->ref, memory_order_acquire));
        }
        uint64_t older = atomic_load_explicit(&node->older_ref, memory_order_acquire);
        if (older == 0) {
            return false;
        }
        if (ref_tag(older) != SLOT_NODE) {
            return node->older_lsn < snapshot && version_set(version_out, node->older_lsn, older);
        }
        node = ref_node(older);
    }
}

bool
slot_version_at(const struct slot *slot, lsn_t snapshot, struct version *version_out)
{
    for (;;) {
        uint64_t ref = atomic_load_explicit(&slot->ref, memory_order_acquire);
        if (ref == 0) {
            return false;
        }
        switch (ref_tag(ref)) {
        case SLOT_PLAIN: {
            /* Acquire: whoever stored this commit_lsn had changed ref before, so that the second
             * load of ref below would differ. */
            lsn_t commit_lsn = atomic_load_explicit(&slot->commit_lsn, memory_order_acquire);
            if (atomic_load_explicit(&slot->ref, memory_order_relaxed) != ref) {
                continue;
            }
            return commit_lsn < snapshot && version_set(version_out, commit_lsn, ref);
        }
        case SLOT_NODE:
            return chain_version_at(ref_node(ref), snapshot, version_out);
        default:
            return false;
        }
    }
}

bool
relation_version_at(const struct relation *relation, row_id_t row_id, lsn_t snapshot,
                    struct version *version_out)
{
    struct chunk *chunk = find_chunk(relation, row_id);
    return chunk != NULL && slot_version_at(chunk_slot(chunk, row_id), snapshot, version_out);
}

enum slot_state
relation_newest(const struct relation *relation, row_id_t row_id, struct version *version_out,
                struct txn **owner_out)
{
    struct chunk *chunk = find_chunk(relation, row_id);
    if (chunk == NULL) {
        return SLOT_STATE_NONE;
    }
    const struct slot *slot = chunk_slot(chunk, row_id);
    for (;;) {
        uint64_t ref = atomic_load_explicit(&slot->ref, memory_order_acquire);
        if (ref == 0) {
            return SLOT_STATE_NONE;
        }
        switch (ref_tag(ref)) {
        case SLOT_OWNER:
            *owner_out = (struct txn *)(uintptr_t)(ref & ~(uint64_t)SLOT_TAG_MASK);
            return SLOT_STATE_IN_PROGRESS;
        case SLOT_NODE: {
            const struct version_node *node = ref_node(ref);
            (void)version_set(version_out, node->commit_lsn,
                              atomic_load_explicit(&node->ref, memory_order_acquire));
            return SLOT_STATE_COMMITTED;
        }
        default: {
            lsn_t commit_lsn = atomic_load_explicit(&slot->commit_lsn, memory_order_acquire);
            if (atomic_load_explicit(&slot->ref, memory_order_relaxed) == ref) {
                (void)version_set(version_out, commit_lsn, ref);
                return SLOT_STATE_COMMITTED;
            }
        }
        }
    }
}

/* ------------------------------------------------------------------ commits */

static void
add_live(struct relation *relation, bool was_live, bool is_live) KY_REQUIRES(relation->lock)
{
    uint64_t live = atomic_load_explicit(&relation->live_count, memory_order_relaxed);
    live += (uint64_t)is_live - (uint64_t)was_live;
    atomic_store_explicit(&relation->live_count, live, memory_order_relaxed);
}

/* commit_lsn first: a reader that sees the new ref sees it; one that saw the old ref ignores it
 * because an old ref that is not plain does not use commit_lsn, and a plain one has changed. */
static void
slot_set_plain(struct slot *slot, lsn_t commit_lsn, uint64_t ref)
{
    atomic_store_explicit(&slot->commit_lsn, commit_lsn, memory_order_release);
    atomic_store_explicit(&slot->ref, ref, memory_order_release);
}

static void
push_node(struct slot *slot, const struct install *install, lsn_t older_lsn, uint64_t older_ref)
{
    struct version_node *node = ky_malloc(sizeof(*node));
    node->commit_lsn = install->commit_lsn;
    atomic_init(&node->ref,
                install->location | (install->type == RECORD_DELETE ? SLOT_DELETED : SLOT_PLAIN));
    node->older_lsn = older_lsn;
    atomic_init(&node->older_ref, older_ref);
    atomic_store_explicit(&slot->ref, node_ref(node), memory_order_release);
}

static bool
install_over_plain(struct relation *relation, struct chunk *chunk, uint64_t ref,
                   const struct install *install) KY_REQUIRES(relation->lock)
{
    struct slot *slot = chunk_slot(chunk, install->row_id);
    bool is_delete = install->type == RECORD_DELETE;
    lsn_t commit_lsn = atomic_load_explicit(&slot->commit_lsn, memory_order_relaxed);
    if (commit_lsn > install->commit_lsn ||
        (commit_lsn == install->commit_lsn && ref_location(ref) >= install->location)) {
        return false;
    }
    add_live(relation, true, !is_delete);
    if (commit_lsn < install->commit_lsn && !install->is_recovery) {
        push_node(slot, install, commit_lsn, ref);
        return true;
    }
    /* Invisible to everybody so far: the row is this commit's own, or nobody reads yet. */
    if (is_delete && install->is_recovery) {
        /* Dead slots are counted at the end of recovery. */
        atomic_store_explicit(&slot->ref, 0, memory_order_relaxed);
    } else if (is_delete) {
        slot_kill(relation, chunk, install->row_id);
    } else {
        slot_set_plain(slot, install->commit_lsn, install->location);
    }
    return false;
}

static bool
install_over_node(struct relation *relation, struct slot *slot, uint64_t ref,
                  const struct install *install) KY_REQUIRES(relation->lock)
{
    struct version_node *node = ref_node(ref);
    bool is_delete = install->type == RECORD_DELETE;
    bool was_live = ref_tag(atomic_load_explicit(&node->ref, memory_order_relaxed)) != SLOT_DELETED;
    add_live(relation, was_live, !is_delete);
    if (node->commit_lsn == install->commit_lsn) {
        atomic_store_explicit(&node->ref,
                              install->location | (is_delete ? SLOT_DELETED : SLOT_PLAIN),
                              memory_order_release);
        return false;
    }
    push_node(slot, install, 0, ref);
    return true;
}

bool
relation_install(struct relation *relation, const struct install *install)
{
    KY_ASSERT(install->location % 8 == 0);
    atomic_fetch_add_explicit(&relation->appended_bytes, install->record_size,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&relation->appended_count, 1, memory_order_relaxed);
    struct chunk *chunk = get_chunk(relation, install->row_id);
    struct slot *slot = chunk_slot(chunk, install->row_id);
    chunk_note_change(chunk, install->row_id, install->commit_lsn);
    uint64_t ref = atomic_load_explicit(&slot->ref, memory_order_relaxed);
    if (ref == 0 || ref_tag(ref) == SLOT_OWNER) {
        if (install->is_recovery) {
            row_id_t next = atomic_load_explicit(&relation->next_row_id, memory_order_relaxed);
            atomic_store_explicit(&relation->next_row_id, KY_MAX(next, install->row_id + 1),
                                  memory_order_relaxed);
        }
        if (install->type != RECORD_DELETE) {
            add_live(relation, false, true);
            slot_set_plain(slot, install->commit_lsn, install->location);
        }
        return false;
    }
    if (ref_tag(ref) == SLOT_NODE) {
        return install_over_node(relation, slot, ref, install);
    }
    return install_over_plain(relation, chunk, ref, install);
}

static void
fold_head(struct relation *relation, struct chunk *chunk, row_id_t row_id,
          struct version_node *head) KY_REQUIRES(relation->lock)
{
    uint64_t ref = atomic_load_explicit(&head->ref, memory_order_relaxed);
    if (ref_tag(ref) == SLOT_DELETED) {
        slot_kill(relation, chunk, row_id);
    } else {
        slot_set_plain(chunk_slot(chunk, row_id), head->commit_lsn, ref);
    }
    ky_epoch_retire(head, chain_free);
}

void
relation_fold(struct relation *relation, row_id_t row_id, lsn_t horizon)
{
    struct chunk *chunk = find_chunk(relation, row_id);
    if (chunk == NULL) {
        return;
    }
    uint64_t ref = atomic_load_explicit(&chunk_slot(chunk, row_id)->ref, memory_order_relaxed);
    if (ref_tag(ref) != SLOT_NODE) {
        return;
    }
    struct version_node *node = ref_node(ref);
    if (node->commit_lsn < horizon) {
        fold_head(relation, chunk, row_id, node);
        return;
    }
    /* Keep down to the newest version that every snapshot sees; drop what is behind it. */
    for (;;) {
        uint64_t older = atomic_load_explicit(&node->older_ref, memory_order_relaxed);
        if (older == 0 || ref_tag(older) != SLOT_NODE) {
            return;
        }
        node = ref_node(older);
        if (node->commit_lsn < horizon) {
            older = atomic_exchange_explicit(&node->older_ref, 0, memory_order_acq_rel);
            if (ref_tag(older) == SLOT_NODE) {
                ky_epoch_retire(ref_node(older), chain_free);
            }
            return;
        }
    }
}

/* ------------------------------------------------------------------ loading */

void
relation_load_slot(struct relation *relation, row_id_t row_id, lsn_t commit_lsn, lsn_t location)
{
    struct chunk *chunk = get_chunk(relation, row_id);
    slot_set_plain(chunk_slot(chunk, row_id), commit_lsn, location);
}

void
relation_load_page(struct relation *relation, row_id_t first, lsn_t change_lsn)
{
    chunk_note_change(get_chunk(relation, first), first, change_lsn);
}

static uint32_t
chunk_count_dead(const struct chunk *chunk, row_id_t base, row_id_t end)
{
    uint32_t dead = 0;
    for (row_id_t i = 0; i < CHUNK_SLOTS && base + i < end; i++) {
        dead += atomic_load_explicit(&chunk->slots[i].ref, memory_order_relaxed) == 0;
    }
    return dead;
}

void
relation_finish_load(struct relation *relation)
{
    ky_mutex_lock(&relation->lock);
    struct chunk_table *table = atomic_load_explicit(&relation->table, memory_order_relaxed);
    row_id_t end = atomic_load_explicit(&relation->next_row_id, memory_order_relaxed);
    for (size_t i = 0; table != NULL && i < table->capacity; i++) {
        struct chunk *chunk = atomic_load_explicit(&table->chunks[i], memory_order_relaxed);
        if (chunk == NULL) {
            continue;
        }
        uint32_t dead = chunk_count_dead(chunk, (row_id_t)i << CHUNK_BITS, end);
        atomic_store_explicit(&chunk->dead_count, dead, memory_order_relaxed);
        if (dead == CHUNK_SLOTS) {
            free_chunk(relation, i);
        }
    }
    ky_mutex_unlock(&relation->lock);
}
