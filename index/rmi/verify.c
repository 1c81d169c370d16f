/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The invariants that searches rely on, walked one by one; leaf by leaf in verify_template.h. A
 * run that comes from a file is verified before anyone searches it, so nothing here may trust an
 * index or a size.
 */

#include "index/rmi/verify.h"

#include "index/rmi/rmi.h"
#include "server/base/arena.h"
#include "server/base/assert.h"

static ky_status
damaged(struct ky_error *err, const char *what, uint64_t where)
{
    return ky_error_set(err, KY_INDEX_CORRUPTED, "index is damaged: %s at %llu", what,
                        (unsigned long long)where);
}

void
rmi_walk_init(struct rmi_walk *walk, const struct rmi_run *run, uint64_t strange_bits)
{
    *walk = (struct rmi_walk){
        .run = run, .ahead = (const char *)(const void *)run->blocks, .strange_bits = strange_bits};
    if (run->shape.is_exact) {
        const size_t suffix = (size_t)run->shape.key_size - run->shape.prefix_size;
        walk->unused_bits = suffix >= RMI_CODE_SIZE ? 0 : UINT64_MAX >> (8 * suffix);
    }
    if (run->block_count == 0 || run->leaves[run->leaf_count].first_block != run->block_count - 1 ||
        (run->leaf_count > 0 && run->leaves[0].first_block != 0)) {
        walk->fault = "a bad size";
        walk->fault_at = run->block_count;
    }
}

const char *
rmi_block_fault(const struct rmi_block_faults *faults)
{
    return faults->order != 0       ? "codes out of order"
           : faults->twin != 0      ? "a wrong twin"
           : faults->row_order != 0 ? "row ids out of order"
           : faults->code_size != 0 ? "a code longer than its key"
           : faults->after_pad != 0 ? "an entry after a pad"
           : faults->pad_code != 0  ? "a pad with a code"
           : faults->word != 0      ? "a row number out of range"
                                    : NULL;
}

const char *
rmi_walk_leaf_fault(const struct rmi_run *run, uint32_t i)
{
    const struct rmi_leaf *leaf = &run->leaves[i];
    const uint32_t end = leaf[1].first_block;
    if (end <= leaf->first_block || end >= run->block_count || leaf->shift > 63 ||
        leaf->kind > RMI_LEAF_SINGLE || leaf->spill_max > RMI_SPILL_MAX) {
        return "a bad leaf";
    }
    if (leaf->kind != RMI_LEAF_MODEL && leaf->scale != 0) {
        return "a scale without a model";
    }
    if (leaf->kind == RMI_LEAF_SINGLE && leaf->range != 0) {
        return "a range of one code";
    }
    if (leaf->kind == RMI_LEAF_PACKED && leaf->range >> leaf->shift > UINT16_MAX) {
        return "a range that separators do not see";
    }
    if (leaf->kind != RMI_LEAF_SINGLE && leaf->block_count != end - leaf->first_block) {
        return "a leaf of another size";
    }
    if (leaf->kind == RMI_LEAF_MODEL && rmi_leaf_predict(leaf, UINT64_MAX) >= leaf->block_count) {
        return "a model that leaves its leaf";
    }
    if (leaf->kind == RMI_LEAF_PACKED &&
        (run->separators_count != run->leaf_count || leaf->block_count > RMI_PACKED_BLOCKS_MAX)) {
        return "a leaf without separators";
    }
    const struct rmi_block *first = &run->blocks[leaf->first_block];
    const uint64_t word = atomic_load_explicit(&first->rows[0], memory_order_relaxed);
    const bool is_there = first->codes[0] == leaf->base && (word & RMI_ROW_IS_PAD) == 0;
    return is_there ? NULL : "a leaf that begins elsewhere";
}

static ky_status
verify_rests(const struct rmi_run *run, struct ky_error *err)
{
    struct ky_buffer keys[2] = {{0}, {0}};
    row_id_t last_row_id = 0;
    uint32_t turn = 0;
    bool has_last = false;
    ky_status status = KY_OK;
    for (uint64_t slot = 0; slot < rmi_slot_end(run) && status == KY_OK; slot++) {
        const uint64_t word = rmi_slot_word(run, slot);
        if ((word & RMI_ROW_IS_PAD) != 0) {
            continue;
        }
        if (run->shape.key_size == 0) {
            const uint64_t place = run->rest_places[slot];
            uint16_t suffix = 0;
            if (run->rests_size < sizeof(suffix) || place > run->rests_size - sizeof(suffix)) {
                status = damaged(err, "a key outside the run", slot);
                break;
            }
            memcpy(&suffix, run->rests + place, sizeof(suffix));
            const uint64_t rest = suffix > RMI_CODE_SIZE ? (uint64_t)suffix - RMI_CODE_SIZE : 0;
            if (rest > run->rests_size - place - sizeof(suffix) ||
                suffix + run->shape.prefix_size > INDEX_KEY_SIZE_MAX) {
                status = damaged(err, "a key outside the run", slot);
                break;
            }
        }
        struct ky_buffer *key = &keys[turn % 2];
        ky_buffer_clear(key);
        rmi_slot_append_key(run, slot, key);
        if (!rmi_shape_fits(&run->shape, ky_buffer_slice(key)) ||
            rmi_shape_code(&run->shape, ky_buffer_slice(key)) != rmi_slot_code(run, slot)) {
            status = damaged(err, "a key of another shape", slot);
        } else if (has_last) {
            const int order =
                ky_slice_compare(ky_buffer_slice(&keys[(turn + 1) % 2]), ky_buffer_slice(key));
            if (order > 0 || (order == 0 && last_row_id >= (word & RMI_ROW_MASK))) {
                status = damaged(err, "entries out of order", slot);
            }
        }
        last_row_id = word & RMI_ROW_MASK;
        has_last = true;
        turn++;
    }
    ky_buffer_deinit(&keys[0]);
    ky_buffer_deinit(&keys[1]);
    return status;
}

static ky_status
verify_root(const struct rmi_run *run, struct ky_error *err)
{
    for (uint32_t i = 0; i < run->leaf_count; i++) {
        const uint64_t head = run->leaves[i].base;
        if (run->levels[0][i] != head) {
            return damaged(err, "a root that misses a leaf", i);
        }
        if (run->root_kind == RMI_ROOT_LEVELS) {
            continue;
        }
        const uint32_t bucket = rmi_root_bucket(run, head);
        bool is_found = bucket < run->bucket_count;
        if (is_found && run->root_kind == RMI_ROOT_NARROW) {
            const uint32_t high = run->buckets[bucket] & ~RMI_BUCKET_IS_WIDE;
            const bool is_wide = high != run->buckets[bucket];
            is_found = high == i || high == i + 1 || (is_wide && high > i);
        } else if (is_found) {
            const uint32_t low = run->buckets[bucket] & ~RMI_BUCKET_IS_WIDE;
            const bool is_wide = low != run->buckets[bucket];
            is_found = low <= i && (is_wide || i - low <= RMI_WINDOW_MAX);
        }
        if (!is_found) {
            return damaged(err, "a root that misses a leaf", i);
        }
    }
    return KY_OK;
}

ky_status
rmi_walk_finish(struct rmi_walk *walk, struct ky_error *err)
{
    const struct rmi_run *run = walk->run;
    if (walk->fault != NULL) {
        return damaged(err, walk->fault, walk->fault_at);
    }
    KY_ASSERT(walk->leaf == run->leaf_count);
    const struct rmi_block *last = &run->blocks[run->block_count - 1];
    for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i++) {
        const uint64_t word = atomic_load_explicit(&last->rows[i], memory_order_relaxed);
        if (last->codes[i] != UINT64_MAX || (word & RMI_ROW_IS_PAD) == 0 ||
            (word & walk->strange_bits) != 0) {
            return damaged(err, "no end", i);
        }
    }
    if (walk->has_twin || walk->entries != run->entry_count ||
        walk->dead != atomic_load_explicit(&run->dead_count, memory_order_relaxed)) {
        return damaged(err, "counts that do not match", walk->entries);
    }
    if (walk->last_code != run->last_code || rmi_walk_row_max(walk) > run->row_max) {
        return damaged(err, "ends that do not match", run->leaf_count);
    }
    KY_TRY(verify_root(run, err));
    return run->shape.is_exact ? KY_OK : verify_rests(run, err);
}

ky_status
rmi_run_verify(const struct rmi_run *run, struct ky_error *err)
{
    const uint64_t known = RMI_ROW_MASK | RMI_ROW_HAS_TWIN | RMI_ROW_IS_PAD | RMI_ROW_IS_DEAD;
    struct rmi_walk walk;
    rmi_walk_init(&walk, run, ~known);
    (void)rmi_walk_to(&walk, run->block_count);
    return rmi_walk_finish(&walk, err);
}

/* Lookups must know of every entry that is not in the run, and inserts of every row id. */
static ky_status
verify_reach(struct rmi *rmi, const struct rmi_state *state, struct ky_error *err)
{
    enum { AT_ONCE = 256 };
    struct index_entry *entries =
        (struct index_entry *)ky_malloc(AT_ONCE * sizeof(struct index_entry));
    struct index_scan scan = {0};
    uint64_t count = 0;
    ky_status status = KY_OK;
    for (uint32_t found;
         status == KY_OK && (found = rmi_scan_next(rmi, &scan, entries, AT_ONCE)) > 0;) {
        count += found;
        for (uint32_t i = 0; i < found && status == KY_OK; i++) {
            const uint64_t slot = rmi_run_find(state->run, entries[i].key, entries[i].row_id);
            if (entries[i].row_id > rmi->row_max) {
                status = damaged(err, "a row number that inserts do not know", entries[i].row_id);
            }
            const bool is_in_run =
                slot != UINT64_MAX && (rmi_slot_word(state->run, slot) & RMI_ROW_IS_DEAD) == 0;
            if (status == KY_OK && !is_in_run &&
                rmi_shape_fits(&state->run->shape, entries[i].key)) {
                const uint64_t code = rmi_shape_code(&state->run->shape, entries[i].key);
                if (!rmi_state_may_be_elsewhere(state, code, entries[i].key)) {
                    status = damaged(err, "an entry that no lookup finds", code);
                }
            }
        }
    }
    if (status == KY_OK && count != atomic_load_explicit(&rmi->entries, memory_order_relaxed)) {
        status = damaged(err, "a count that does not match its contents", count);
    }
    ky_buffer_deinit(&scan.keys);
    ky_buffer_deinit(&scan.last_key);
    ky_free(entries);
    return status;
}

ky_status
rmi_verify(struct rmi *rmi, struct ky_error *err)
{
    ky_mutex_lock(&rmi->lock);
    const struct rmi_state *state = rmi_state_of(rmi);
    ky_status status = rmi_run_verify(state->run, err);
    for (uint32_t i = 0; i < RMI_PARTS && status == KY_OK; i++) {
        if (state->parts[i] != NULL) {
            status = btree_verify(&state->parts[i]->tree, err);
        }
    }
    if (status == KY_OK) {
        status = verify_reach(rmi, state, err);
    }
    ky_mutex_unlock(&rmi->lock);
    return status;
}
