/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/epoch.h"
#include "storage/mvcc/directory_private.h"

/*
 * What compaction asks of the directory: whether a record is a version that snapshots from now on
 * can see, and that a version be found at another place from now on. A version keeps its commit_lsn
 * when it moves, so a reader that loads ref, commit_lsn, ref gets either place, and both hold the
 * same bytes.
 *
 * A version that only snapshots of before see need not move: those snapshots are waited for before
 * its bytes go. Versions in the middle of a chain that no snapshot sees are taken out on the way.
 * Such a version of commit L, whose successor is of commit N, is needed when there is a snapshot S
 * with L < S <= N. A reader inside the node that goes is in an epoch and finds its way on from
 * there.
 */

static bool
is_needed(const struct snapshot_set *snapshots, lsn_t commit_lsn, lsn_t successor_lsn)
{
    if (successor_lsn >= snapshots->from) {
        return true;
    }
    for (uint32_t i = 0; i < snapshots->count; i++) {
        if (commit_lsn < snapshots->singles[i] && snapshots->singles[i] <= successor_lsn) {
            return true;
        }
    }
    return false;
}

/* Takes needless versions out from behind the newest one. older_lsn before older_ref: a reader
 * that sees a plain older_ref has to see the older_lsn that belongs to it. */
static void
prune_chain(struct version_node *node, const struct snapshot_set *snapshots)
{
    for (;;) {
        uint64_t older = atomic_load_explicit(&node->older_ref, memory_order_relaxed);
        if (older == 0) {
            return;
        }
        if (ref_tag(older) != SLOT_NODE) {
            if (!is_needed(snapshots, node->older_lsn, node->commit_lsn)) {
                atomic_store_explicit(&node->older_ref, 0, memory_order_release);
            }
            return;
        }
        struct version_node *next = ref_node(older);
        if (is_needed(snapshots, next->commit_lsn, node->commit_lsn)) {
            node = next;
            continue;
        }
        node->older_lsn = next->older_lsn;
        atomic_store_explicit(&node->older_ref,
                              atomic_load_explicit(&next->older_ref, memory_order_relaxed),
                              memory_order_release);
        ky_epoch_retire(next, ky_free);
    }
}

/* A version in a chain: the word that says where it is, its commit, and the one after it. */
struct found {
    _Atomic uint64_t *word; /* NULL: the location is nobody's */
    lsn_t commit_lsn;
    lsn_t successor_lsn; /* LSN_MAX: it is the newest */
};

static struct found
find_in_chain(struct version_node *node, lsn_t location)
{
    lsn_t successor_lsn = LSN_MAX;
    for (;;) {
        if (atomic_load_explicit(&node->ref, memory_order_relaxed) == location) {
            return (struct found){&node->ref, node->commit_lsn, successor_lsn};
        }
        uint64_t older = atomic_load_explicit(&node->older_ref, memory_order_relaxed);
        if (older == location) {
            return (struct found){&node->older_ref, node->older_lsn, node->commit_lsn};
        }
        if (ref_tag(older) != SLOT_NODE) {
            return (struct found){0};
        }
        successor_lsn = node->commit_lsn;
        node = ref_node(older);
    }
}

static bool
chain_uses(struct relation *relation, struct slot *slot, lsn_t location,
           const struct snapshot_set *snapshots, lsn_t *commit_lsn_out)
{
    bool is_used = false;
    ky_mutex_lock(&relation->lock);
    uint64_t ref = atomic_load_explicit(&slot->ref, memory_order_relaxed);
    if (ref_tag(ref) == SLOT_NODE) {
        prune_chain(ref_node(ref), snapshots);
        struct found found = find_in_chain(ref_node(ref), location);
        is_used = found.word != NULL && found.successor_lsn >= snapshots->visible;
        *commit_lsn_out = found.commit_lsn;
    } else if (ref == location) {
        *commit_lsn_out = atomic_load_explicit(&slot->commit_lsn, memory_order_relaxed);
        is_used = true;
    }
    ky_mutex_unlock(&relation->lock);
    return is_used;
}

bool
relation_uses(struct relation *relation, row_id_t row_id, lsn_t location,
              const struct snapshot_set *snapshots, lsn_t *commit_lsn_out)
{
    struct chunk *chunk = find_chunk(relation, row_id);
    if (chunk == NULL) {
        return false;
    }
    struct slot *slot = chunk_slot(chunk, row_id);
    uint64_t ref = atomic_load_explicit(&slot->ref, memory_order_acquire);
    if (ref_tag(ref) == SLOT_NODE) {
        return chain_uses(relation, slot, location, snapshots, commit_lsn_out);
    }
    if (ref != location) {
        return false;
    }
    lsn_t commit_lsn = atomic_load_explicit(&slot->commit_lsn, memory_order_acquire);
    if (atomic_load_explicit(&slot->ref, memory_order_relaxed) != ref) {
        return chain_uses(relation, slot, location, snapshots, commit_lsn_out);
    }
    *commit_lsn_out = commit_lsn;
    return true;
}

bool
relation_relocate(struct relation *relation, row_id_t row_id, lsn_t from, lsn_t to)
{
    struct chunk *chunk = find_chunk(relation, row_id);
    if (chunk == NULL) {
        return false;
    }
    struct slot *slot = chunk_slot(chunk, row_id);
    uint64_t ref = atomic_load_explicit(&slot->ref, memory_order_relaxed);
    if (ref == from) {
        /* Release: whoever finds the new place finds its file in the table of base files. */
        atomic_store_explicit(&slot->ref, to, memory_order_release);
        return true;
    }
    if (ref_tag(ref) == SLOT_NODE) {
        struct found found = find_in_chain(ref_node(ref), from);
        if (found.word != NULL) {
            atomic_store_explicit(found.word, to, memory_order_release);
            return true;
        }
    }
    return false;
}

void
relation_note_moved(struct relation *relation, row_id_t row_id, lsn_t visible_lsn)
{
    struct chunk *chunk = find_chunk(relation, row_id);
    if (chunk != NULL) {
        chunk_note_change(chunk, row_id, visible_lsn);
    }
}

static void
each_in_chain(const struct version_node *node, const struct location_visit *visit)
{
    for (;;) {
        uint64_t ref = atomic_load_explicit(&node->ref, memory_order_acquire);
        if (ref_tag(ref) == SLOT_PLAIN) {
            visit->visit(visit->arg, ref);
        }
        uint64_t older = atomic_load_explicit(&node->older_ref, memory_order_acquire);
        if (older == 0 || node->commit_lsn < visit->visible) {
            return;
        }
        if (ref_tag(older) != SLOT_NODE) {
            visit->visit(visit->arg, older);
            return;
        }
        node = ref_node(older);
    }
}

bool
relation_each_location(const struct relation *relation, size_t chunk_index,
                       const struct location_visit *visit)
{
    const struct chunk_table *table = atomic_load_explicit(&relation->table, memory_order_acquire);
    if (table == NULL || chunk_index >= table->capacity) {
        return false;
    }
    const struct chunk *chunk =
        atomic_load_explicit(&table->chunks[chunk_index], memory_order_acquire);
    for (size_t i = 0; chunk != NULL && i < CHUNK_SLOTS; i++) {
        uint64_t ref = atomic_load_explicit(&chunk->slots[i].ref, memory_order_acquire);
        if (ref == 0 || ref_tag(ref) == SLOT_OWNER) {
            continue;
        }
        if (ref_tag(ref) == SLOT_NODE) {
            each_in_chain(ref_node(ref), visit);
        } else {
            visit->visit(visit->arg, ref);
        }
    }
    return true;
}
