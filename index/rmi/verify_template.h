/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The walk over leaves and their blocks, compiled once for each instruction set. The including file
 * defines TARGET, and for eight numbers, a bit of the answer for each,
 *
 *   any_bits(numbers, bits)          which have any of the bits
 *   any_bits_not_in(numbers, bits)   which lack any of them
 *   equal_next(numbers)              which equal the one after them
 *   below_next(numbers, mask)        which are below the one after them, in the bits of the mask
 *
 * of which the last two may read a ninth number, and say anything of the eighth; and
 *
 *   raise_to(maxima, numbers, mask)  makes eight maxima at least the numbers, in the bits of the
 * mask
 *
 * No guard: it is a template.
 */

#define INLINE TARGET __attribute__((always_inline)) static inline

/* A block that is not a plain one: marks, equal codes, or a fault. twins_out: entries that say that
 * they have one. */
TARGET static const char *
verify_marked_block(struct rmi_walk *walk, const uint64_t *codes, const uint64_t *words,
                    uint32_t *twins_out)
{
    const uint32_t pads = any_bits(words, RMI_ROW_IS_PAD);
    const uint32_t used = (uint32_t)__builtin_ctz(pads | 1U << RMI_BLOCK_SLOTS);
    const uint32_t entries = (1U << used) - 1;
    const uint32_t pairs = entries >> 1;
    const uint32_t equal = equal_next(codes) & pairs;
    *twins_out = any_bits(words, RMI_ROW_HAS_TWIN) & entries;
    const struct rmi_block_faults faults = {
        .after_pad = pads ^ entries ^ ((1U << RMI_BLOCK_SLOTS) - 1),
        .pad_code = any_bits_not_in(codes, UINT64_MAX) & pads,
        .order = pairs & ~(below_next(codes, UINT64_MAX) | equal),
        .twin = (*twins_out ^ equal) & pairs,
        .row_order = walk->run->shape.is_exact ? equal & ~below_next(words, RMI_ROW_MASK) : 0,
        .code_size = any_bits(codes, walk->unused_bits) & entries,
        .word = any_bits(words, walk->strange_bits),
    };
    walk->dead += (uint32_t)__builtin_popcount(any_bits(words, RMI_ROW_IS_DEAD) & entries);
    return rmi_block_fault(&faults);
}

/* Ascending entries, then pads; and that they come after what was before. */
INLINE const char *
verify_block(struct rmi_walk *walk, const struct rmi_block *block, uint32_t *used_out)
{
    const uint64_t *codes = block->codes;
    /* Nobody changes them while they are verified. */
    const uint64_t *words = (const uint64_t *)(const void *)((const char *)(const void *)block +
                                                             offsetof(struct rmi_block, rows));
    const uint32_t pads = any_bits(words, RMI_ROW_IS_PAD);
    const uint32_t used = (uint32_t)__builtin_ctz(pads | 1U << RMI_BLOCK_SLOTS);
    const uint32_t entries = (1U << used) - 1;
    uint32_t marks = pads ^ entries ^ ((1U << RMI_BLOCK_SLOTS) - 1);
    marks |= any_bits(words, ~(RMI_ROW_MASK | RMI_ROW_IS_PAD));
    marks |= any_bits_not_in(codes, UINT64_MAX) & pads;
    marks |= entries >> 1 & ~below_next(codes, UINT64_MAX);
    marks |= walk->unused_bits == 0 ? 0 : any_bits(codes, walk->unused_bits) & entries;
    uint32_t twins = 0;
    *used_out = used;
    if (KY_UNLIKELY(marks != 0)) {
        const char *fault = verify_marked_block(walk, codes, words, &twins);
        if (fault != NULL) {
            return fault;
        }
    }
    if (used == 0) {
        return NULL;
    }
    if (KY_UNLIKELY(walk->has_twin || codes[0] <= walk->last_code) && walk->has_last) {
        const bool is_same = codes[0] == walk->last_code;
        const struct rmi_block_faults faults = {
            .order = codes[0] < walk->last_code,
            .twin = is_same != walk->has_twin,
            .row_order = is_same && walk->run->shape.is_exact &&
                         (words[0] & RMI_ROW_MASK) <= walk->last_row_id,
        };
        const char *fault = rmi_block_fault(&faults);
        if (fault != NULL) {
            return fault;
        }
    }
    raise_to(walk->row_max, words, RMI_ROW_MASK);
    walk->has_last = true;
    walk->last_code = codes[used - 1];
    walk->last_row_id = words[used - 1] & RMI_ROW_MASK;
    walk->has_twin = twins >> (used - 1) != 0;
    walk->twins |= twins;
    walk->entries += used;
    return NULL;
}

/* What a model says of a block with entries. It is monotone, so the first entry and the last speak
 * for all between them: none is before where it is predicted, and none too far after. */
INLINE const char *
verify_prediction(const struct rmi_walk *walk, const struct rmi_leaf *leaf, uint32_t block,
                  uint32_t used)
{
    const uint64_t *codes = walk->run->blocks[block].codes;
    const uint32_t lowest = leaf->first_block + rmi_leaf_predict_at(leaf, codes[0] - leaf->base);
    const uint32_t highest =
        leaf->first_block + rmi_leaf_predict_at(leaf, codes[used - 1] - leaf->base);
    if (KY_UNLIKELY(highest > block || block - lowest > leaf->spill_max)) {
        return "an entry outside its bound";
    }
    /* What lies between must be full, or a search would end there. */
    return KY_UNLIKELY(block - lowest > walk->full_blocks)
               ? "a spilled entry behind a block with room"
               : NULL;
}

/* Between two blocks of a leaf without a model: a search that begins in the first one never needs
 * the next, or goes on into it because the first is full. before: the last code of the first. */
INLINE const char *
verify_boundary(const struct rmi_walk *walk, const struct rmi_leaf *leaf, uint64_t before,
                uint64_t after)
{
    const bool can_tell = leaf->kind == RMI_LEAF_PACKED &&
                          rmi_leaf_quantise(leaf, before) < rmi_leaf_quantise(leaf, after);
    return walk->full_blocks == 0 && !can_tell ? "a packed leaf with room" : NULL;
}

INLINE const char *
verify_blocks(struct rmi_walk *walk, const struct rmi_leaf *leaf, uint32_t *at)
{
    const struct rmi_run *run = walk->run;
    const struct rmi_separators *separators =
        leaf->kind == RMI_LEAF_PACKED ? &run->separators[leaf - run->leaves] : NULL;
    const uint64_t range = leaf->kind == RMI_LEAF_SINGLE ? 0 : leaf->range;
    const uint32_t end = leaf[1].first_block;
    for (uint32_t block = leaf->first_block; block < end; block++) {
        const uint64_t before = walk->last_code;
        const uint64_t *codes = run->blocks[block].codes;
        uint32_t used = 0;
        *at = block;
        __builtin_prefetch(walk->ahead);
        __builtin_prefetch(walk->ahead + sizeof(struct rmi_block) / 2);
        walk->ahead += sizeof(struct rmi_block);
        const char *fault = verify_block(walk, &run->blocks[block], &used);
        if (KY_UNLIKELY(fault != NULL)) {
            return fault;
        }
        if (used > 0 &&
            KY_UNLIKELY(codes[0] < leaf->base || codes[used - 1] - leaf->base > range)) {
            return "a code outside its leaf";
        }
        if (leaf->kind == RMI_LEAF_MODEL) {
            fault = used > 0 ? verify_prediction(walk, leaf, block, used) : NULL;
        } else if (used == 0) {
            fault = "a packed leaf with an empty block";
        } else {
            fault =
                block > leaf->first_block ? verify_boundary(walk, leaf, before, codes[0]) : NULL;
        }
        if (KY_UNLIKELY(fault != NULL)) {
            return fault;
        }
        walk->full_blocks = used == RMI_BLOCK_SLOTS ? walk->full_blocks + 1 : 0;
        if (leaf->kind == RMI_LEAF_PACKED) {
            const uint16_t expected =
                block + 1 < end ? rmi_leaf_quantise(leaf, walk->last_code) : UINT16_MAX;
            if (separators->codes[block - leaf->first_block] != expected) {
                return "a wrong separator";
            }
        }
    }
    for (uint32_t i = end - leaf->first_block;
         leaf->kind == RMI_LEAF_PACKED && i < RMI_PACKED_BLOCKS_MAX; i++) {
        if (separators->codes[i] != UINT16_MAX) {
            return "a wrong separator";
        }
    }
    return NULL;
}

TARGET static bool
verify(struct rmi_walk *walk, uint32_t block_end)
{
    /* A copy that nobody else knows the address of may live in registers. */
    struct rmi_walk at = *walk;
    const struct rmi_run *run = at.run;
    while (at.fault == NULL && at.leaf < run->leaf_count) {
        const struct rmi_leaf *leaf = &run->leaves[at.leaf];
        /* A block beyond the leaves is a fault, whether it is there or not. */
        if (leaf[1].first_block > block_end && leaf[1].first_block < run->block_count) {
            break;
        }
        uint32_t block = at.leaf;
        at.fault = rmi_walk_leaf_fault(run, at.leaf);
        if (at.fault == NULL && at.has_last && leaf->base <= at.last_code) {
            at.fault = "leaves out of order";
        }
        if (at.fault == NULL) {
            at.fault = verify_blocks(&at, leaf, &block);
        }
        at.fault_at = block;
        at.leaf++;
    }
    *walk = at;
    return at.fault == NULL;
}
