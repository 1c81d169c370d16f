/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The search for a code's landing slot, and the lookup of one key around it, compiled once for each
 * instruction set, after verify_template.h. The including file defines TARGET, KERNEL (the struct
 * to define), KERNEL_NAME, and
 *
 *   first_at_least(codes, code)     first of 8 ascending codes that is >= code; 8 if none
 *   at_least_in_two(block, code)    a bit for each code of the block and the next that is >= code
 *   count_at_most(heads, count, c)  how many of 8 or 16 ascending heads are <= c
 *   count_below_16(separators, q)   how many of 32 separators are < q
 *
 * A lookup costs what the processor waits for memory, unless it can begin the next ones meanwhile.
 * So there is no branch here that depends on the place of a key and may go either way: what would
 * be guessed wrongly is computed both ways. And few instructions: only some hundred fit into the
 * window in which a processor looks ahead.
 *
 * No guard: it is a template.
 */

#define NOT_HERE UINT32_MAX /* a leaf that the buckets do not find */

INLINE uint32_t
find_leaf_by_levels(const struct rmi_run *run, uint64_t code)
{
    /* Levels are padded with the greatest code: what is counted wrongly there is cut off below. */
    uint64_t at = 0;
    for (uint32_t level = run->level_count; level-- > 0;) {
        const uint64_t base = at * RMI_LEVEL_FANOUT;
        const uint64_t count = count_at_most(run->levels[level] + base, RMI_LEVEL_FANOUT, code);
        /* The first of them is at most the code: it was chosen for that, or is the first of all. */
        at = KY_MIN(base + count, run->level_sizes[level]) - 1;
    }
    return (uint32_t)at;
}

/* The leaf of a code that is not below the first leaf's; or NOT_HERE, when it takes more. */
INLINE uint32_t
find_leaf_in(const struct rmi_run *run, uint64_t code, uint32_t bucket, uint32_t root)
{
    if (root == RMI_ROOT_NARROW) {
        /* One of two neighbours: no need to look at the heads. */
        const uint32_t high = run->buckets[bucket];
        return KY_UNLIKELY((high & RMI_BUCKET_IS_WIDE) != 0)
                   ? NOT_HERE
                   : high - (run->leaves[high].base > code);
    }
    const uint32_t low = run->buckets[bucket];
    const uint32_t high = run->buckets[bucket + 1];
    if (KY_UNLIKELY(high - low > RMI_WINDOW_MAX)) {
        return NOT_HERE;
    }
    /* Heads after high belong to later buckets, or are pads. */
    const uint64_t count = count_at_most(run->levels[0] + low + 1, RMI_WINDOW_MAX, code);
    return KY_MIN(low + (uint32_t)count, high);
}

INLINE uint32_t
find_leaf(const struct rmi_run *run, uint64_t code, uint32_t bucket)
{
    const uint32_t leaf = find_leaf_in(run, code, bucket, run->root_kind);
    return leaf == NOT_HERE ? find_leaf_by_levels(run, code) : leaf;
}

/* Model and separators, and one of the two results: which kind the next leaf has is anyone's guess.
 * Not for a leaf of one code. */
INLINE uint32_t
first_block_either(const struct rmi_run *run, uint32_t at, uint64_t distance)
{
    const struct rmi_leaf *leaf = &run->leaves[at];
    const uint64_t packed = (uint64_t)0 - (leaf->kind == RMI_LEAF_PACKED);
    const uint64_t predicted = rmi_leaf_predict_at(leaf, distance);
    const struct rmi_separators *separators = &run->separators[at & packed];
    const uint64_t counted =
        count_below_16(separators->codes, rmi_leaf_quantise_at(leaf, distance));
    return leaf->first_block + (uint32_t)((counted & packed) | (predicted & ~packed));
}

/* The block of the leaf where the search begins. The code is not below the leaf's first. */
INLINE uint32_t
first_block_of(const struct rmi_run *run, uint32_t at, uint64_t code)
{
    const struct rmi_leaf *leaf = &run->leaves[at];
    const uint64_t distance = code - leaf->base;
    if (KY_UNLIKELY(leaf->kind == RMI_LEAF_SINGLE)) {
        return distance > 0 ? leaf[1].first_block : leaf->first_block;
    }
    if (run->is_mixed || leaf->kind == RMI_LEAF_PACKED) {
        return first_block_either(run, at, distance);
    }
    return leaf->first_block + rmi_leaf_predict_at(leaf, distance);
}

/* Forward to the landing slot. It ends: the last block's codes are the greatest there are. */
INLINE uint64_t
land(const struct rmi_run *run, uint64_t block, uint64_t code)
{
    uint32_t slot = first_at_least(run->blocks[block].codes, code);
    while (KY_UNLIKELY(slot == RMI_BLOCK_SLOTS)) {
        block++;
        slot = first_at_least(run->blocks[block].codes, code);
    }
    return block * RMI_BLOCK_SLOTS + slot;
}

TARGET static uint64_t
seek(const struct rmi_run *run, uint64_t code)
{
    /* What is below the first code lands where that does. */
    code = KY_MAX(code, run->root_base);
    const uint32_t at = run->root_kind == RMI_ROOT_LEVELS
                            ? find_leaf_by_levels(run, code)
                            : find_leaf(run, code, rmi_root_bucket(run, code));
    const uint64_t block = first_block_of(run, at, code);
    __builtin_prefetch(&run->blocks[block].rows);
    return land(run, block, code);
}

TARGET static void
seek_many(const struct rmi_run *run, const uint64_t *wanted, uint32_t count, uint64_t *slots_out)
{
    uint64_t codes[RMI_BATCH];
    uint32_t at[RMI_BATCH];
    KY_ASSERT(count <= RMI_BATCH);
    for (uint32_t i = 0; i < count; i++) {
        codes[i] = KY_MAX(wanted[i], run->root_base);
    }
    if (run->root_kind == RMI_ROOT_LEVELS) {
        for (uint32_t i = 0; i < count; i++) {
            at[i] = find_leaf_by_levels(run, codes[i]);
            __builtin_prefetch(&run->leaves[at[i]]);
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            at[i] = rmi_root_bucket(run, codes[i]);
            __builtin_prefetch(&run->buckets[at[i]]);
        }
        const bool is_narrow = run->root_kind == RMI_ROOT_NARROW;
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t leaf = run->buckets[at[i]] & ~RMI_BUCKET_IS_WIDE;
            __builtin_prefetch(is_narrow ? (const void *)&run->leaves[leaf]
                                         : (const void *)(run->levels[0] + leaf + 1));
        }
        for (uint32_t i = 0; i < count; i++) {
            at[i] = find_leaf(run, codes[i], at[i]);
            __builtin_prefetch(&run->leaves[at[i]]);
        }
    }
    if (run->is_mixed) {
        for (uint32_t i = 0; i < count; i++) {
            __builtin_prefetch(&run->separators[at[i]]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        at[i] = first_block_of(run, at[i], codes[i]);
        __builtin_prefetch(run->blocks[at[i]].codes);
        __builtin_prefetch(&run->blocks[at[i]].rows);
    }
    /* One block on where it must be; then nearly all are where they land. */
    for (uint32_t i = 0; i < count; i++) {
        at[i] += first_at_least(run->blocks[at[i]].codes, codes[i]) == RMI_BLOCK_SLOTS;
        __builtin_prefetch(run->blocks[at[i]].codes);
        __builtin_prefetch(&run->blocks[at[i]].rows);
    }
    for (uint32_t i = 0; i < count; i++) {
        slots_out[i] = land(run, at[i], codes[i]);
    }
}

/* The usual lookup, which is over in this function and calls nothing. What it cannot do begins anew
 * elsewhere: so do codes beyond their leaf's last, and with them all beyond the run's. */
INLINE uint32_t
find_as(struct rmi *rmi, struct ky_slice key, row_id_t *row_ids, uint32_t max, uint32_t root,
        bool is_mixed, bool has_filter)
{
    enum { DIRECT_SIZE = 1 + RMI_CODE_SIZE };
    const uint8_t *bytes = (const uint8_t *)key.data;
    struct ky_epoch_word *epoch = ky_epoch_try_enter();
    if (KY_UNLIKELY(epoch == NULL)) {
        return rmi_find_slowly(rmi, key, row_ids, max);
    }
    const struct rmi_state *state = rmi_state_of(rmi);
    const struct rmi_run *run = state->run;
    if (KY_UNLIKELY(key.size != DIRECT_SIZE || run->direct_kind != root * 2 + is_mixed ||
                    *bytes != run->direct_marker || max == 0)) {
        goto slowly;
    }
    const uint64_t code = ky_load_be64(bytes + 1);
    if (has_filter) {
        const struct rmi_filter *filter = rmi_state_filter(state);
        if (filter != NULL && rmi_state_may_hold(state, filter, rmi_hash_code(code, *bytes))) {
            goto slowly;
        }
    }
    uint64_t distance = code - run->root_base; /* beyond the range, too, when code is below */
    uint32_t at = 0;
    if (root == RMI_ROOT_LEVELS) {
        if (KY_UNLIKELY(code < run->root_base)) {
            goto slowly;
        }
        at = find_leaf_by_levels(run, code);
    } else {
        if (root == RMI_ROOT_LOG) {
            distance = rmi_log(distance);
        }
        if (KY_UNLIKELY(distance > run->root_range)) {
            goto slowly;
        }
        at = find_leaf_in(run, code, (uint32_t)rmi_high_product(distance, run->root_scale), root);
        if (KY_UNLIKELY(at == NOT_HERE)) {
            goto slowly;
        }
    }
    if (is_mixed) {
        __builtin_prefetch(&run->separators[at]);
    }
    const struct rmi_leaf *leaf = &run->leaves[at];
    if (KY_UNLIKELY(is_mixed ? leaf->kind == RMI_LEAF_SINGLE : leaf->kind != RMI_LEAF_MODEL)) {
        goto slowly;
    }
    distance = code - leaf->base;
    if (KY_UNLIKELY(distance > leaf->range)) {
        goto slowly;
    }
    const uint32_t first =
        is_mixed ? first_block_either(run, at, distance)
                 : leaf->first_block + (uint32_t)rmi_high_product(distance, leaf->scale);
    const struct rmi_block *block = &run->blocks[first];
    __builtin_prefetch(&block->rows);
    const uint32_t found = at_least_in_two(block, code);
    if (KY_UNLIKELY(found == 0)) {
        goto slowly;
    }
    /* The next block's codes come after this one's rows. */
    const uint32_t slot = (uint32_t)__builtin_ctz(found);
    const char *place = (const char *)(const void *)block +
                        (size_t)(slot + (slot & RMI_BLOCK_SLOTS)) * sizeof(uint64_t);
    const _Atomic uint64_t *row =
        (const _Atomic uint64_t *)(const void *)(place + offsetof(struct rmi_block, rows));
    const uint64_t word = atomic_load_explicit(row, memory_order_acquire);
    if (KY_LIKELY(*(const uint64_t *)(const void *)place == code)) {
        if (KY_LIKELY(word <= RMI_ROW_MASK)) {
            row_ids[0] = word;
            ky_epoch_leave_entered(epoch);
            return 1;
        }
    } else {
        ky_epoch_leave_entered(epoch);
        return 0;
    }
slowly:
    ky_epoch_leave_entered(epoch);
    return rmi_find_slowly(rmi, key, row_ids, max);
}

#define FIND(name, root, is_mixed)                                                       \
    TARGET static uint32_t name(struct rmi *rmi, struct ky_slice key, row_id_t *row_ids, \
                                uint32_t max)                                            \
    {                                                                                    \
        return find_as(rmi, key, row_ids, max, root, is_mixed, false);                   \
    }                                                                                    \
    TARGET static uint32_t name##_filtered(struct rmi *rmi, struct ky_slice key,         \
                                           row_id_t *row_ids, uint32_t max)              \
    {                                                                                    \
        return find_as(rmi, key, row_ids, max, root, is_mixed, true);                    \
    }
FIND(find_narrow, RMI_ROOT_NARROW, false)
FIND(find_narrow_mixed, RMI_ROOT_NARROW, true)
FIND(find_linear, RMI_ROOT_LINEAR, false)
FIND(find_linear_mixed, RMI_ROOT_LINEAR, true)
FIND(find_log, RMI_ROOT_LOG, false)
FIND(find_log_mixed, RMI_ROOT_LOG, true)
FIND(find_levels, RMI_ROOT_LEVELS, false)
FIND(find_levels_mixed, RMI_ROOT_LEVELS, true)

#define BOTH(name) name, name##_filtered
const struct rmi_kernel KERNEL = {KERNEL_NAME,
                                  {BOTH(find_narrow), BOTH(find_narrow_mixed), BOTH(find_linear),
                                   BOTH(find_linear_mixed), BOTH(find_log), BOTH(find_log_mixed),
                                   BOTH(find_levels), BOTH(find_levels_mixed)},
                                  seek,
                                  seek_many,
                                  verify};
