/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The search for a code's landing slot, compiled once for each instruction set. The including file
 * defines TARGET, KERNEL (the struct to define), KERNEL_NAME, and
 *
 *   first_at_least(codes, code)     first of 8 ascending codes that is >= code; 8 if none
 *   count_at_most(heads, count, c)  how many of 8 or 16 ascending heads are <= c
 *   count_below_16(separators, q)   how many of 32 separators are < q
 *
 * No guard: it is a template.
 */

TARGET static inline uint32_t
find_leaf_wide(const struct rmi_run *run, uint64_t code)
{
    /* Levels are padded with the greatest code: what is counted wrongly there is cut off below. */
    uint64_t at = 0;
    for (uint32_t level = run->level_count; level-- > 0;) {
        const uint64_t base = at * RMI_LEVEL_FANOUT;
        const uint64_t count = count_at_most(run->levels[level] + base, RMI_LEVEL_FANOUT, code);
        at = base + (count == 0 ? 0 : count - 1);
        at = KY_MIN(at, run->level_sizes[level] - 1);
    }
    return (uint32_t)at;
}

/* The leaf in the window from low to high. */
TARGET static inline uint32_t
find_leaf(const struct rmi_run *run, uint64_t code, uint32_t low, uint32_t high)
{
    if (KY_LIKELY(high - low <= 1)) {
        /* One of two leaves, one of which is needed anyway. high is low or low + 1. */
        return low + (uint32_t)((run->leaves[high].base <= code) & (high != low));
    }
    if (KY_UNLIKELY(high - low > RMI_WINDOW_MAX)) {
        return find_leaf_wide(run, code);
    }
    const uint64_t count = count_at_most(run->levels[0] + low + 1, RMI_WINDOW_MAX, code);
    return KY_MIN(low + (uint32_t)count, high);
}

/* The block of the leaf where the search begins. */
TARGET static inline uint32_t
first_block_of(const struct rmi_run *run, const struct rmi_leaf *leaf, uint64_t code)
{
    if (KY_LIKELY(leaf->kind == RMI_LEAF_MODEL)) {
        return leaf->first_block + rmi_leaf_predict(leaf, code);
    }
    if (leaf->kind == RMI_LEAF_PACKED) {
        return leaf->first_block +
               count_below_16(run->separators[leaf->scale].codes, rmi_leaf_quantise(leaf, code));
    }
    return code > leaf->base ? leaf[1].first_block : leaf->first_block;
}

/* Forward to the landing slot. It ends: the last block's codes are the greatest there are. */
TARGET static inline uint64_t
land(const struct rmi_run *run, uint32_t block, uint64_t code)
{
    uint32_t slot = first_at_least(run->blocks[block].codes, code);
    while (KY_UNLIKELY(slot == RMI_BLOCK_SLOTS)) {
        block++;
        slot = first_at_least(run->blocks[block].codes, code);
    }
    return (uint64_t)block * RMI_BLOCK_SLOTS + slot;
}

TARGET static inline void
prefetch_block(const struct rmi_run *run, uint32_t block)
{
    __builtin_prefetch(run->blocks[block].codes);
    __builtin_prefetch(&run->blocks[block].rows);
}

TARGET static uint64_t
seek(const struct rmi_run *run, uint64_t code)
{
    const uint32_t bucket = rmi_root_bucket(run, code);
    const uint32_t leaf = find_leaf(run, code, run->buckets[bucket], run->buckets[bucket + 1]);
    const uint32_t block = first_block_of(run, &run->leaves[leaf], code);
    prefetch_block(run, block);
    return land(run, block, code);
}

TARGET static void
seek_many(const struct rmi_run *run, const uint64_t *codes, uint32_t count, uint64_t *slots_out)
{
    uint32_t at[RMI_BATCH];
    KY_ASSERT(count <= RMI_BATCH);
    for (uint32_t i = 0; i < count; i++) {
        at[i] = rmi_root_bucket(run, codes[i]);
        __builtin_prefetch(&run->buckets[at[i]]);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t low = run->buckets[at[i]];
        const uint32_t window = run->buckets[at[i] + 1] - low;
        if (window <= 1) {
            __builtin_prefetch(&run->leaves[low + window]);
        } else if (window <= RMI_WINDOW_MAX) {
            __builtin_prefetch(run->levels[0] + low + 1);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        at[i] = find_leaf(run, codes[i], run->buckets[at[i]], run->buckets[at[i] + 1]);
        __builtin_prefetch(&run->leaves[at[i]]);
    }
    if (run->separators_count > 0) {
        for (uint32_t i = 0; i < count; i++) {
            const struct rmi_leaf *leaf = &run->leaves[at[i]];
            if (leaf->kind == RMI_LEAF_PACKED) {
                __builtin_prefetch(&run->separators[leaf->scale]);
            }
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        at[i] = first_block_of(run, &run->leaves[at[i]], codes[i]);
        prefetch_block(run, at[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        slots_out[i] = land(run, at[i], codes[i]);
    }
}

const struct rmi_kernel KERNEL = {KERNEL_NAME, seek, seek_many};
