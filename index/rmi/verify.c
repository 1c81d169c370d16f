/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The invariants that searches rely on, walked one by one. A run that comes from a file is
 * verified before anyone searches it, so nothing here may trust an index or a size.
 */

#include "index/rmi/rmi.h"
#include "server/base/arena.h"

static ky_status
damaged(struct ky_error *err, const char *what, uint64_t where)
{
    return ky_error_set(err, KY_INDEX_CORRUPTED, "index is damaged: %s at %llu", what,
                        (unsigned long long)where);
}

struct walk {
    const struct rmi_run *run;
    uint64_t last_code;
    uint64_t last_row_id;
    uint64_t unused; /* bits that codes of short keys do not have */
    uint64_t entries;
    uint64_t dead;
    bool has_last;
    bool has_twin; /* the last one says so */
};

static bool
is_pad(const struct rmi_block *block, uint32_t slot)
{
    return (atomic_load_explicit(&block->rows[slot], memory_order_relaxed) & RMI_ROW_IS_PAD) != 0;
}

/* What a model says of a block with entries. It is monotone, so the first entry and the last speak
 * for all between them: none is before where it is predicted, and none too far after. */
static ky_status
verify_prediction(const struct walk *walk, const struct rmi_leaf *leaf, uint32_t block,
                  uint32_t used, struct ky_error *err)
{
    const struct rmi_block *here = &walk->run->blocks[block];
    const uint32_t lowest = leaf->first_block + rmi_leaf_predict(leaf, here->codes[0]);
    const uint32_t highest = leaf->first_block + rmi_leaf_predict(leaf, here->codes[used - 1]);
    if (highest > block || block - lowest > leaf->spill_max) {
        return damaged(err, "an entry outside its bound", block);
    }
    /* What lies between must be full, or a search would end there. */
    for (uint32_t before = lowest; before < block; before++) {
        if (is_pad(&walk->run->blocks[before], RMI_BLOCK_SLOTS - 1)) {
            return damaged(err, "a spilled entry behind a block with room", block);
        }
    }
    return KY_OK;
}

/* One entry after the one before: in order, and told apart or not. */
static inline ky_status
verify_entry(struct walk *walk, uint64_t code, uint64_t word, uint32_t block, struct ky_error *err)
{
    if (KY_LIKELY(walk->has_last)) {
        const bool is_same = code == walk->last_code;
        if (KY_UNLIKELY(code < walk->last_code)) {
            return damaged(err, "codes out of order", block);
        }
        if (KY_UNLIKELY(walk->has_twin != is_same)) {
            return damaged(err, "a wrong twin", block);
        }
        if (KY_UNLIKELY(is_same && walk->run->shape.is_exact &&
                        (word & RMI_ROW_MASK) <= walk->last_row_id)) {
            return damaged(err, "row ids out of order", block);
        }
    }
    if (KY_UNLIKELY((code & walk->unused) != 0)) {
        return damaged(err, "a code longer than its key", block);
    }
    walk->has_twin = (word & RMI_ROW_HAS_TWIN) != 0;
    walk->dead += (word & RMI_ROW_IS_DEAD) != 0;
    walk->last_code = code;
    walk->last_row_id = word & RMI_ROW_MASK;
    walk->has_last = true;
    return KY_OK;
}

/* One block: ascending codes, then pads. */
static ky_status
verify_block(struct walk *walk, const struct rmi_leaf *leaf, uint32_t block, struct ky_error *err)
{
    const struct rmi_block *here = &walk->run->blocks[block];
    uint32_t used = 0;
    for (; used < RMI_BLOCK_SLOTS && !is_pad(here, used); used++) {
        const uint64_t word = atomic_load_explicit(&here->rows[used], memory_order_relaxed);
        KY_TRY(verify_entry(walk, here->codes[used], word, block, err));
    }
    for (uint32_t i = used; i < RMI_BLOCK_SLOTS; i++) {
        if (!is_pad(here, i)) {
            return damaged(err, "an entry after a pad", block);
        }
        if (here->codes[i] != UINT64_MAX) {
            return damaged(err, "a pad with a code", block);
        }
    }
    walk->entries += used;
    if (used == 0) {
        return KY_OK;
    }
    /* They ascend, so that the ends speak for all. */
    const uint64_t range = leaf->kind == RMI_LEAF_SINGLE ? 0 : leaf->range;
    if (here->codes[0] < leaf->base || here->codes[used - 1] - leaf->base > range) {
        return damaged(err, "a code outside its leaf", block);
    }
    return leaf->kind == RMI_LEAF_MODEL ? verify_prediction(walk, leaf, block, used, err) : KY_OK;
}

/* Of a block that has one. */
static uint64_t
last_code(const struct rmi_block *block)
{
    uint32_t slot = RMI_BLOCK_SLOTS - 1;
    while (slot > 0 && is_pad(block, slot)) {
        slot--;
    }
    return block->codes[slot];
}

/* Between two blocks of a leaf without a model: a search that begins in the first one never needs
 * the next, or goes on into it because the first is full. */
static ky_status
verify_boundary(const struct rmi_run *run, const struct rmi_leaf *leaf, uint32_t block,
                struct ky_error *err)
{
    const struct rmi_block *here = &run->blocks[block];
    if (is_pad(here, 0) || is_pad(&here[1], 0)) {
        return damaged(err, "a packed leaf with an empty block", block);
    }
    const bool can_tell =
        leaf->kind == RMI_LEAF_PACKED &&
        rmi_leaf_quantise(leaf, last_code(here)) < rmi_leaf_quantise(leaf, here[1].codes[0]);
    if (is_pad(here, RMI_BLOCK_SLOTS - 1) && !can_tell) {
        return damaged(err, "a packed leaf with room", block);
    }
    return KY_OK;
}

static ky_status
verify_leaf(struct walk *walk, uint32_t i, struct ky_error *err)
{
    const struct rmi_run *run = walk->run;
    const struct rmi_leaf *leaf = &run->leaves[i];
    const uint32_t end = leaf[1].first_block;
    if (end <= leaf->first_block || end >= run->block_count || leaf->shift > 63 ||
        leaf->kind > RMI_LEAF_SINGLE || leaf->spill_max > RMI_SPILL_MAX) {
        return damaged(err, "a bad leaf", i);
    }
    if (leaf->kind != RMI_LEAF_SINGLE && leaf->block_count != end - leaf->first_block) {
        return damaged(err, "a leaf of another size", i);
    }
    if (leaf->kind == RMI_LEAF_MODEL && rmi_leaf_predict(leaf, UINT64_MAX) >= leaf->block_count) {
        return damaged(err, "a model that leaves its leaf", i);
    }
    if (leaf->kind == RMI_LEAF_PACKED &&
        (run->separators_count != run->leaf_count || leaf->block_count > RMI_PACKED_BLOCKS_MAX)) {
        return damaged(err, "a leaf without separators", i);
    }
    if (run->blocks[leaf->first_block].codes[0] != leaf->base ||
        (atomic_load_explicit(&run->blocks[leaf->first_block].rows[0], memory_order_relaxed) &
         RMI_ROW_IS_PAD) != 0) {
        return damaged(err, "a leaf that begins elsewhere", i);
    }
    if (walk->has_last && leaf->base <= walk->last_code) {
        return damaged(err, "leaves out of order", i);
    }
    for (uint32_t block = leaf->first_block; block < end; block++) {
        KY_TRY(verify_block(walk, leaf, block, err));
        if (leaf->kind != RMI_LEAF_MODEL && block + 1 < end) {
            KY_TRY(verify_boundary(run, leaf, block, err));
        }
    }
    if (leaf->kind == RMI_LEAF_PACKED) {
        for (uint32_t j = 0; j < RMI_PACKED_BLOCKS_MAX; j++) {
            const uint32_t block = leaf->first_block + j + 1;
            const uint16_t expected =
                block < end ? rmi_leaf_quantise(leaf, last_code(&run->blocks[block - 1]))
                            : UINT16_MAX;
            if (run->separators[i].codes[j] != expected) {
                return damaged(err, "a wrong separator", i);
            }
        }
    }
    return KY_OK;
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
            is_found = run->buckets[bucket] <= i && run->buckets[bucket + 1] >= i;
        }
        if (!is_found) {
            return damaged(err, "a root that misses a leaf", i);
        }
    }
    return KY_OK;
}

ky_status
rmi_run_verify(const struct rmi_run *run, struct ky_error *err)
{
    struct walk walk = {.run = run};
    if (run->shape.is_exact) {
        const size_t suffix = (size_t)run->shape.key_size - run->shape.prefix_size;
        walk.unused = suffix >= RMI_CODE_SIZE ? 0 : UINT64_MAX >> (8 * suffix);
    }
    if (run->block_count == 0 || run->leaves[run->leaf_count].first_block != run->block_count - 1 ||
        (run->leaf_count > 0 && run->leaves[0].first_block != 0)) {
        return damaged(err, "a bad size", run->block_count);
    }
    for (uint32_t i = 0; i < run->leaf_count; i++) {
        KY_TRY(verify_leaf(&walk, i, err));
    }
    for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i++) {
        const struct rmi_block *last = &run->blocks[run->block_count - 1];
        if (last->codes[i] != UINT64_MAX ||
            (atomic_load_explicit(&last->rows[i], memory_order_relaxed) & RMI_ROW_IS_PAD) == 0) {
            return damaged(err, "no end", i);
        }
    }
    if (walk.has_twin || walk.entries != run->entry_count ||
        walk.dead != atomic_load_explicit(&run->dead_count, memory_order_relaxed)) {
        return damaged(err, "counts that do not match", walk.entries);
    }
    KY_TRY(verify_root(run, err));
    return run->shape.is_exact ? KY_OK : verify_rests(run, err);
}

/* Every entry of a part must be found through the run's landing slots. */
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
            const bool is_in_run =
                slot != UINT64_MAX && (rmi_slot_word(state->run, slot) & RMI_ROW_IS_DEAD) == 0;
            if (!is_in_run && rmi_shape_fits(&state->run->shape, entries[i].key)) {
                const uint64_t code = rmi_shape_code(&state->run->shape, entries[i].key);
                const uint64_t landing = rmi_kernel()->seek(state->run, code);
                if ((rmi_slot_word(state->run, landing) & RMI_ROW_HAS_DELTA) == 0) {
                    status = damaged(err, "an entry that no lookup finds", landing);
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
