/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The search for a code's landing slot, and the lookup of one key around it, compiled once for each
 * instruction set, after verify_template.h. The including file defines TARGET, KERNEL (the struct
 * to define), KERNEL_NAME, and
 *
 *   first_at_least(codes, code)     first of 8 ascending codes that is >= code; 8 if none
 *   equal_to(codes, code)           a bit for each of 8 codes that is the one
 *   equal_in_two(block, code)       the same for the block and the next, whose first bit is
 *                                   1 << RMI_BLOCK_WORDS: a bit's place is that of the code, in
 *                                   words from the first
 *   at_least_in_two(block, code)    such bits for codes that are >= code
 *   is_inside_two(block, code)      the code, which neither of the two has, lies between entries
 *                                   of theirs: it is in no block
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

enum { DIRECT_SIZE = 1 + RMI_CODE_SIZE }; /* of the usual key */

enum { UNROLLED = 4 }; /* levels */
#define STEP(level)          \
    (at *= RMI_LEVEL_FANOUT, \
     at += count_at_most(run->levels[level] + at + 1, RMI_LEVEL_FANOUT, code))

/* Of any code but the greatest, which pads have. One below the first leaf's gets that. */
INLINE uint32_t
find_leaf_by_levels(const struct rmi_run *run, uint64_t code)
{
    /* Of 16 heads the first is at most the code: it was chosen for that, or is the first of all.
     * Nor is it told from the others: it stands before them, and the 16th is of the next ones. */
    uint64_t at = 0;
    switch (run->level_count) {
    default:
        for (uint32_t level = run->level_count; level-- > UNROLLED;) {
            STEP(level);
        }
        KY_FALLTHROUGH;
    case 4:
        STEP(3);
        KY_FALLTHROUGH;
    case 3:
        STEP(2);
        KY_FALLTHROUGH;
    case 2:
        STEP(1);
        KY_FALLTHROUGH;
    case 1:
        STEP(0);
    }
    return (uint32_t)at;
}

/* The leaf of a code that is not below the first leaf's, nor the greatest; or NOT_HERE, when it
 * takes more. */
INLINE uint32_t
find_leaf_in(const struct rmi_run *run, uint64_t code, uint32_t bucket, uint32_t root,
             bool is_mixed)
{
    const uint32_t leaf = run->buckets[bucket];
    if (KY_UNLIKELY((leaf & RMI_BUCKET_IS_WIDE) != 0)) {
        return NOT_HERE;
    }
    if (root == RMI_ROOT_NARROW) {
        /* One of two neighbours: no need to look at the heads. */
        return leaf - (run->leaves[leaf].base > code);
    }
    /* Nearly always it is the first one: its lines come while the heads do. */
    __builtin_prefetch(&run->leaves[leaf]);
    if (is_mixed) {
        __builtin_prefetch(&run->separators[leaf]);
    }
    /* Heads after the bucket's belong to later ones, or are pads. */
    return leaf + count_at_most(run->levels[0] + leaf + 1, RMI_WINDOW_MAX, code);
}

/* Of a code that is not below the first leaf's. */
INLINE uint32_t
find_leaf(const struct rmi_run *run, uint64_t code, uint32_t bucket)
{
    if (KY_UNLIKELY(code == UINT64_MAX)) {
        return (uint32_t)run->level_sizes[0] - 1;
    }
    const uint32_t leaf = run->root_kind == RMI_ROOT_LEVELS
                              ? NOT_HERE
                              : find_leaf_in(run, code, bucket, run->root_kind, false);
    return leaf == NOT_HERE ? find_leaf_by_levels(run, code) : leaf;
}

/* Model and separators: which kind the next leaf has is anyone's guess. Packed leaves have no
 * scale, and other leaves use separators that count nothing: not their own, which would have to be
 * waited for. The distance is not beyond the leaf's range. */
INLINE uint32_t
first_block_either(const struct rmi_run *run, uint32_t at, uint64_t distance)
{
    const struct rmi_leaf *leaf = &run->leaves[at];
    const uint32_t none = run->separators_count;
    const uint32_t own = none ^ ((none ^ at) & -(uint32_t)(leaf->kind == RMI_LEAF_PACKED));
    const uint32_t counted =
        count_below_16(run->separators[own].codes, (uint16_t)(distance >> leaf->shift));
    return leaf->first_block + (uint32_t)rmi_high_product(distance, leaf->scale) + counted;
}

INLINE bool
has_separators(const struct rmi_run *run)
{
    return run->leaves_kind == RMI_LEAVES_MIXED || run->leaves_kind == RMI_LEAVES_SURE;
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
    if (has_separators(run) || leaf->kind == RMI_LEAF_PACKED) {
        return first_block_either(run, at, KY_MIN(distance, leaf->range));
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
    const uint32_t at = find_leaf(run, code, rmi_root_bucket(run, code));
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
            at[i] = find_leaf(run, codes[i], 0);
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
    if (has_separators(run)) {
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

/* A code of the block or the next one, by its place in words. */
INLINE uint64_t
code_in_two(const struct rmi_block *block, uint32_t place)
{
    return ((const uint64_t *)(const void *)block)[place];
}

INLINE uint64_t
word_in_two(const struct rmi_block *block, uint32_t place)
{
    const _Atomic uint64_t *rows = block->rows;
    return atomic_load_explicit(rows + place, memory_order_acquire);
}

/* A lookup that did not find its code where the root guesses. It began within the epoch. */
__attribute__((noinline)) TARGET static uint32_t
find_unguessed(struct rmi *rmi, const uint8_t *bytes, const struct rmi_block *guessed,
               row_id_t *row_ids, uint32_t max)
{
    const bool is_absent = is_inside_two(guessed, ky_load_be64(bytes + 1));
    ky_epoch_leave_entered(ky_epoch_own);
    return KY_LIKELY(is_absent) ? 0
                                : rmi_find_slowly(rmi, ky_slice(bytes, DIRECT_SIZE), row_ids, max);
}

/* A lookup whose code is not where its search begins, but there or further on. Within the epoch. */
__attribute__((noinline)) TARGET static uint32_t
find_beyond(struct rmi *rmi, const uint8_t *bytes, const struct rmi_block *block, row_id_t *row_ids,
            uint32_t max)
{
    const uint64_t code = ky_load_be64(bytes + 1);
    uint32_t slot = first_at_least(block->codes, code);
    while (slot == RMI_BLOCK_SLOTS) {
        block++;
        slot = first_at_least(block->codes, code);
    }
    if (block->codes[slot] == code) {
        const uint64_t word = atomic_load_explicit(&block->rows[slot], memory_order_acquire);
        ky_epoch_leave_entered(ky_epoch_own);
        if (KY_UNLIKELY(word > RMI_ROW_MASK)) {
            return rmi_find_slowly(rmi, ky_slice(bytes, DIRECT_SIZE), row_ids, max);
        }
        row_ids[0] = word;
        return 1;
    }
    ky_epoch_leave_entered(ky_epoch_own);
    return 0;
}

/* The usual lookup, which is over in this function and calls nothing. What it cannot do begins anew
 * elsewhere: so do codes beyond their leaf's last, and with them all beyond the run's. */
INLINE uint32_t
find_as(struct rmi *rmi, struct ky_slice key, row_id_t *row_ids, uint32_t max, uint32_t root,
        uint32_t leaves, bool has_filter)
{
    const bool is_mixed = leaves == RMI_LEAVES_MIXED || leaves == RMI_LEAVES_SURE;
    const uint8_t *bytes = (const uint8_t *)key.data;
    struct ky_epoch_word *epoch = ky_epoch_try_enter();
    if (KY_UNLIKELY(epoch == NULL)) {
        return rmi_find_slowly(rmi, key, row_ids, max);
    }
    const struct rmi_state *state = rmi_state_of(rmi);
    const struct rmi_run *run = state->run;
    if (KY_UNLIKELY(key.size != DIRECT_SIZE)) {
        ky_epoch_leave_entered(ky_epoch_own);
        return rmi_find_slowly(rmi, key, row_ids, max);
    }
    if (KY_UNLIKELY(run->direct_kind != RMI_SEARCH_KIND(root, leaves) ||
                    *bytes != run->direct_marker || max == 0)) {
        goto slowly;
    }
    const uint64_t code = ky_load_be64(bytes + 1);
    /* Among guessed ones the greatest code is a pad's, whose word sends it away. */
    if (leaves != RMI_LEAVES_GUESSED && KY_UNLIKELY(code == UINT64_MAX)) {
        goto slowly;
    }
    if (has_filter) {
        const struct rmi_filter *filter = rmi_state_filter(state);
        if (filter != NULL && rmi_state_may_hold(state, filter, rmi_hash_code(code, *bytes))) {
            goto slowly;
        }
    }
    uint64_t distance = code - run->root_base; /* beyond the range, too, when code is below */
    uint32_t at = 0;
    if (leaves == RMI_LEAVES_GUESSED && root != RMI_ROOT_LEVELS) {
        if (root == RMI_ROOT_LOG) {
            distance = rmi_log(distance);
        }
        if (KY_UNLIKELY(distance > run->root_range)) {
            goto slowly;
        }
        const struct rmi_block *guessed = &run->blocks[rmi_guess_at(run, distance)];
        /* One entry in six is in the next block: its row must not be a second wait. */
        __builtin_prefetch(&guessed[0].rows);
        __builtin_prefetch(&guessed[1].rows);
        const uint32_t equal = equal_in_two(guessed, code);
        if (KY_UNLIKELY(equal == 0)) {
            return find_unguessed(rmi, bytes, guessed, row_ids, max);
        }
        const uint64_t word = word_in_two(guessed, (uint32_t)__builtin_ctz(equal));
        if (KY_UNLIKELY(word > RMI_ROW_MASK)) {
            goto slowly;
        }
        row_ids[0] = word;
        ky_epoch_leave_entered(ky_epoch_own);
        return 1;
    }
    if (root == RMI_ROOT_LEVELS) {
        at = find_leaf_by_levels(run, code);
    } else {
        if (root == RMI_ROOT_LOG) {
            distance = rmi_log(distance);
        }
        if (KY_UNLIKELY(distance > run->root_range)) {
            goto slowly;
        }
        at = find_leaf_in(run, code, (uint32_t)rmi_high_product(distance, run->root_scale), root,
                          is_mixed);
        if (KY_UNLIKELY(at == NOT_HERE)) {
            goto slowly;
        }
    }
    if (is_mixed) {
        __builtin_prefetch(&run->separators[at]);
    }
    const struct rmi_leaf *leaf = &run->leaves[at];
    /* In a mixed run the one code of a leaf is found as those of a model without range. */
    if (KY_UNLIKELY(!is_mixed && leaf->kind != RMI_LEAF_MODEL)) {
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
    __builtin_prefetch(block[1].codes);
    __builtin_prefetch(&block[0].rows);
    if (leaves != RMI_LEAVES_SURE) {
        __builtin_prefetch(&block[1].rows);
    }
    if (leaves == RMI_LEAVES_SURE) {
        const uint32_t equal = equal_to(block->codes, code);
        if (KY_UNLIKELY(equal == 0)) {
            return find_beyond(rmi, bytes, block, row_ids, max);
        }
        const uint64_t word = word_in_two(block, (uint32_t)__builtin_ctz(equal));
        if (KY_UNLIKELY(word > RMI_ROW_MASK)) {
            goto slowly;
        }
        row_ids[0] = word;
        ky_epoch_leave_entered(ky_epoch_own);
        return 1;
    }
    const uint32_t found = at_least_in_two(block, code);
    if (KY_UNLIKELY(found == 0)) {
        return find_beyond(rmi, bytes, block + 2, row_ids, max);
    }
    const uint32_t place = (uint32_t)__builtin_ctz(found);
    const uint64_t word = word_in_two(block, place);
    if (KY_LIKELY(code_in_two(block, place) == code)) {
        if (KY_LIKELY(word <= RMI_ROW_MASK)) {
            row_ids[0] = word;
            ky_epoch_leave_entered(ky_epoch_own);
            return 1;
        }
    } else {
        ky_epoch_leave_entered(ky_epoch_own);
        return 0;
    }
slowly:
    ky_epoch_leave_entered(ky_epoch_own);
    /* By now the size is known: a register less to keep. */
    return rmi_find_slowly(rmi, ky_slice(bytes, DIRECT_SIZE), row_ids, max);
}

#define FIND(name, root, leaves)                                                         \
    TARGET static uint32_t name(struct rmi *rmi, struct ky_slice key, row_id_t *row_ids, \
                                uint32_t max)                                            \
    {                                                                                    \
        return find_as(rmi, key, row_ids, max, root, leaves, false);                     \
    }                                                                                    \
    TARGET static uint32_t name##_filtered(struct rmi *rmi, struct ky_slice key,         \
                                           row_id_t *row_ids, uint32_t max)              \
    {                                                                                    \
        return find_as(rmi, key, row_ids, max, root, leaves, true);                      \
    }
#define FIND_ALL(name, root)                     \
    FIND(name##_models, root, RMI_LEAVES_MODELS) \
    FIND(name##_mixed, root, RMI_LEAVES_MIXED)   \
    FIND(name##_sure, root, RMI_LEAVES_SURE)     \
    FIND(name##_guessed, root, RMI_LEAVES_GUESSED)
FIND_ALL(find_narrow, RMI_ROOT_NARROW)
FIND_ALL(find_linear, RMI_ROOT_LINEAR)
FIND_ALL(find_log, RMI_ROOT_LOG)
FIND_ALL(find_levels, RMI_ROOT_LEVELS)

#define BOTH(name) name, name##_filtered
#define ALL(name) BOTH(name##_models), BOTH(name##_mixed), BOTH(name##_sure), BOTH(name##_guessed)
const struct rmi_kernel KERNEL = {
    KERNEL_NAME,
    {ALL(find_narrow), ALL(find_linear), ALL(find_log), ALL(find_levels)},
    seek,
    seek_many,
    verify};
