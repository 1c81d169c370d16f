/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A run out of sorted codes, in one pass. The next keys become a leaf: as many as RMI_LEAF_KEYS_MAX
 * if a line through the first and the last of them predicts blocks well, half as many if that
 * does, else a packed leaf. How well is found by placing them: the densest filling wins whose
 * keys lie at most a little after where they are predicted.
 */

#include "index/rmi/run.h"
#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/clock.h"

/* Slots that a filling uses of 128, and the mean number of blocks it may spill, in 1/64. */
static const struct filling {
    uint32_t slots;
    uint32_t spill_mean;
} fillings[] = {{128, 6}, {112, 8}, {104, 8}, {97, 38}};

enum { SPILL_UNIT = 64, SINGLE_STEP = RMI_SINGLE_COUNT_MIN / 2, RMI_SCALE_BITS = 56 };

struct builder {
    const struct rmi_input *input;
    struct rmi_run *run;
    uint64_t blocks_capacity;
    uint64_t leaves_capacity;
    uint64_t separators_capacity;
    uint64_t spills[RMI_SPILL_MAX + 1]; /* entries by the blocks they spilled */
};

static uint64_t
scale_of(uint64_t range, uint32_t shift, uint32_t targets, uint32_t bits)
{
    /* (range + 1) << shift is at most 2^64. */
    const rmi_u128 top = ((rmi_u128)range + 1) << shift;
    return (uint64_t)((((rmi_u128)targets << bits) << 64) / top);
}

static void
aim_leaf(struct rmi_leaf *leaf, uint64_t base, uint64_t range, uint32_t blocks)
{
    leaf->kind = RMI_LEAF_MODEL;
    leaf->base = base;
    leaf->range = range;
    leaf->shift = range == 0 ? 0 : (uint8_t)__builtin_clzll(range);
    /* Few codes close together: one block for each is as far as a line needs to go. */
    const uint32_t targets = (uint32_t)KY_MIN((uint64_t)blocks, range + 1);
    leaf->scale = targets <= 1 ? 0 : scale_of(range, leaf->shift, targets, RMI_SCALE_BITS);
}

/* Places the keys; false when they spill more than budget blocks in all, or one too far. */
static bool
simulate(struct rmi_leaf *leaf, const uint64_t *codes, uint32_t count, uint64_t budget)
{
    uint32_t block = 0;
    uint32_t used = 0;
    uint32_t spill_max = 0;
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t predicted = rmi_leaf_predict(leaf, codes[i]);
        if (predicted > block) {
            block = predicted;
            used = 0;
        } else if (used == RMI_BLOCK_SLOTS) {
            block++;
            used = 0;
        }
        used++;
        const uint32_t spill = block - predicted;
        total += spill;
        spill_max = KY_MAX(spill_max, spill);
        if (total > budget || spill > RMI_SPILL_MAX) {
            return false;
        }
    }
    leaf->spill_max = (uint8_t)spill_max;
    leaf->block_count = (uint8_t)(block + 1);
    return true;
}

static bool
fit_model(struct rmi_leaf *leaf, const uint64_t *codes, uint32_t count)
{
    for (size_t i = 0; i < KY_COUNT_OF(fillings); i++) {
        const uint32_t slots = fillings[i].slots;
        const uint32_t blocks = (count * 16 + slots - 1) / slots;
        aim_leaf(leaf, codes[0], codes[count - 1] - codes[0], blocks);
        const uint64_t budget = (uint64_t)count * fillings[i].spill_mean / SPILL_UNIT;
        if (simulate(leaf, codes, count, budget)) {
            return true;
        }
    }
    return false;
}

/* ---- cutting */

/* Does a run of equal codes that deserves its own leaf begin at from? Its end, else from. */
static uint64_t
single_end(const struct rmi_input *input, uint64_t from)
{
    const uint64_t *codes = input->codes;
    if (from + RMI_SINGLE_COUNT_MIN > input->count ||
        codes[from + RMI_SINGLE_COUNT_MIN - 1] != codes[from]) {
        return from;
    }
    uint64_t end = from + RMI_SINGLE_COUNT_MIN;
    while (end < input->count && codes[end] == codes[from]) {
        end++;
    }
    return end;
}

/* The end of at most max keys from `from`, before a single and not within equal codes. */
static uint64_t
cut(const struct rmi_input *input, uint64_t from, uint32_t max)
{
    const uint64_t *codes = input->codes;
    uint64_t end = KY_MIN(from + max, input->count);
    /* A run of 64 equals covers one of these pairs whole. */
    for (uint64_t i = from; i + SINGLE_STEP <= end; i += SINGLE_STEP) {
        if (codes[i] != codes[i + SINGLE_STEP - 1]) {
            continue;
        }
        uint64_t start = i;
        while (start > from && codes[start - 1] == codes[i]) {
            start--;
        }
        if (start > from && single_end(input, start) > start) {
            return start;
        }
    }
    if (end < input->count && codes[end] == codes[end - 1]) {
        uint64_t start = end - 1;
        while (start > from && codes[start - 1] == codes[end]) {
            start--;
        }
        /* Too many equals to go back: it is a single, and from is before it or not here. */
        end = start > from ? start : end;
        while (start == from && end < input->count && codes[end] == codes[from]) {
            end++;
        }
    }
    return end;
}

/* ---- writing */

static struct rmi_leaf *
next_leaf(struct builder *builder)
{
    struct rmi_run *run = builder->run;
    if (run->leaf_count + 1 >= builder->leaves_capacity) {
        builder->leaves_capacity = KY_MAX(builder->leaves_capacity * 2, (uint64_t)64);
        run->leaves = (struct rmi_leaf *)ky_realloc(run->leaves, builder->leaves_capacity *
                                                                     sizeof(struct rmi_leaf));
    }
    return &run->leaves[run->leaf_count];
}

static void
pad_block(struct rmi_block *block, uint32_t from)
{
    for (uint32_t i = from; i < RMI_BLOCK_SLOTS; i++) {
        block->codes[i] = UINT64_MAX;
        atomic_init(&block->rows[i], RMI_ROW_IS_PAD);
    }
}

/* Ends the block that has used slots and begins the one at next. */
static void
skip_to(struct rmi_block *blocks, uint32_t *block, uint32_t *used, uint32_t next)
{
    pad_block(&blocks[*block], *used);
    for (uint32_t i = *block + 1; i < next; i++) {
        pad_block(&blocks[i], 0);
    }
    *block = next;
    *used = 0;
}

/* With whether the next one has its code: a lookup need not look for it then. */
static uint64_t
row_word(const struct rmi_input *input, uint64_t i)
{
    const bool has_twin = i + 1 < input->count && input->codes[i + 1] == input->codes[i];
    return input->rows[i] | (has_twin ? RMI_ROW_HAS_TWIN : 0);
}

static void
write_model(struct builder *builder, const struct rmi_leaf *leaf, uint64_t from, uint64_t to)
{
    struct rmi_block *blocks = builder->run->blocks + leaf->first_block;
    const uint64_t *codes = builder->input->codes;
    uint32_t block = 0;
    uint32_t used = 0;
    for (uint64_t i = from; i < to; i++) {
        const uint32_t predicted = rmi_leaf_predict(leaf, codes[i]);
        if (predicted > block) {
            skip_to(blocks, &block, &used, predicted);
        } else if (used == RMI_BLOCK_SLOTS) {
            block++;
            used = 0;
        }
        builder->spills[block - predicted]++;
        blocks[block].codes[used] = codes[i];
        atomic_init(&blocks[block].rows[used], row_word(builder->input, i));
        used++;
    }
    skip_to(blocks, &block, &used, leaf->block_count);
}

static void
write_packed(struct builder *builder, uint32_t first_block, uint64_t from, uint64_t to)
{
    struct rmi_block *blocks = builder->run->blocks + first_block;
    uint64_t i = from;
    for (; i < to; i++) {
        const uint64_t at = i - from;
        struct rmi_block *block = &blocks[at / RMI_BLOCK_SLOTS];
        block->codes[at % RMI_BLOCK_SLOTS] = builder->input->codes[i];
        atomic_init(&block->rows[at % RMI_BLOCK_SLOTS], row_word(builder->input, i));
    }
    const uint64_t rest = (to - from) % RMI_BLOCK_SLOTS;
    if (rest != 0) {
        pad_block(&blocks[(to - from) / RMI_BLOCK_SLOTS], (uint32_t)rest);
    }
}

static uint32_t
blocks_for(uint64_t count)
{
    return (uint32_t)((count + RMI_BLOCK_SLOTS - 1) / RMI_BLOCK_SLOTS);
}

static void
add_packed(struct builder *builder, struct rmi_leaf *leaf, uint64_t from, uint64_t to)
{
    struct rmi_run *run = builder->run;
    const uint64_t *codes = builder->input->codes;
    const uint64_t range = codes[to - 1] - codes[from];
    const uint32_t bits = range == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(range);
    *leaf = (struct rmi_leaf){
        .base = codes[from],
        .range = range,
        .scale = run->separators_count,
        .first_block = run->block_count,
        .kind = RMI_LEAF_PACKED,
        .shift = (uint8_t)(bits > 16 ? bits - 16 : 0),
        .block_count = (uint8_t)blocks_for(to - from),
    };
    if (run->separators_count == builder->separators_capacity) {
        const uint64_t capacity = KY_MAX(builder->separators_capacity * 2, (uint64_t)64);
        struct rmi_separators *grown =
            (struct rmi_separators *)rmi_pages_new(capacity * sizeof(*grown));
        if (run->separators_count > 0) {
            memcpy(grown, run->separators, run->separators_count * sizeof(*grown));
        }
        rmi_pages_free(run->separators, builder->separators_capacity * sizeof(*grown));
        run->separators = grown;
        builder->separators_capacity = capacity;
    }
    struct rmi_separators *separators = &run->separators[run->separators_count++];
    for (uint32_t i = 0; i < RMI_PACKED_BLOCKS_MAX; i++) {
        const uint64_t first = from + ((uint64_t)i + 1) * RMI_BLOCK_SLOTS;
        separators->codes[i] = first < to ? rmi_leaf_quantise(leaf, codes[first]) : UINT16_MAX;
    }
    write_packed(builder, leaf->first_block, from, to);
    run->block_count += leaf->block_count;
    run->packed_leaves++;
}

static void
add_single(struct builder *builder, struct rmi_leaf *leaf, uint64_t from, uint64_t to)
{
    struct rmi_run *run = builder->run;
    *leaf = (struct rmi_leaf){.base = builder->input->codes[from],
                              .first_block = run->block_count,
                              .kind = RMI_LEAF_SINGLE};
    write_packed(builder, leaf->first_block, from, to);
    run->block_count += blocks_for(to - from);
    run->single_leaves++;
}

/* Makes the next leaf; returns where the one after it begins. */
static uint64_t
add_leaf(struct builder *builder, uint64_t from)
{
    struct rmi_run *run = builder->run;
    const uint64_t *codes = builder->input->codes;
    struct rmi_leaf *leaf = next_leaf(builder);
    *leaf = (struct rmi_leaf){0};
    uint64_t to = single_end(builder->input, from);
    if (to > from) {
        add_single(builder, leaf, from, to);
    } else {
        uint32_t max = RMI_LEAF_KEYS_MAX;
        to = cut(builder->input, from, max);
        bool is_model = fit_model(leaf, codes + from, (uint32_t)(to - from));
        if (!is_model && to - from > RMI_LEAF_KEYS_MAX / 2) {
            to = cut(builder->input, from, RMI_LEAF_KEYS_MAX / 2);
            is_model = fit_model(leaf, codes + from, (uint32_t)(to - from));
        }
        if (is_model) {
            leaf->first_block = run->block_count;
            write_model(builder, leaf, from, to);
            run->block_count += leaf->block_count;
            run->model_leaves++;
        } else {
            add_packed(builder, leaf, from, to);
        }
    }
    run->leaf_count++;
    return to;
}

/* ---- rests of keys that are longer than their code */

static struct ky_slice
input_suffix(const struct rmi_run *run, const struct rmi_input *input, uint64_t i)
{
    const uint64_t start = (i == 0 ? 0 : input->key_ends[i - 1]) + run->shape.prefix_size;
    return ky_slice(input->keys + start, input->key_ends[i] - start);
}

static void
write_fixed_rests(struct rmi_run *run, const struct rmi_input *input)
{
    const size_t rest_size = rmi_rest_size(&run->shape);
    run->rests_size = rmi_slot_end(run) * rest_size;
    run->rests = (uint8_t *)rmi_pages_new(run->rests_size + 1);
    uint64_t i = 0;
    for (uint64_t slot = 0; slot < rmi_slot_end(run); slot++) {
        if ((rmi_slot_word(run, slot) & RMI_ROW_IS_PAD) == 0) {
            const uint8_t *suffix = (const uint8_t *)input_suffix(run, input, i++).data;
            memcpy(run->rests + slot * rest_size, suffix + RMI_CODE_SIZE, rest_size);
        }
    }
}

/* Records: size of the suffix (2 bytes), then what of it is after the code. */
static bool
write_rest_records(struct rmi_run *run, const struct rmi_input *input)
{
    uint64_t size = 0;
    for (uint64_t i = 0; i < input->count; i++) {
        const uint64_t suffix = input_suffix(run, input, i).size;
        size += sizeof(uint16_t) + (suffix > RMI_CODE_SIZE ? suffix - RMI_CODE_SIZE : 0);
    }
    if (size > UINT32_MAX) {
        return false;
    }
    run->rests_size = size;
    run->rests = (uint8_t *)rmi_pages_new(size + 1);
    run->rest_places = (uint32_t *)rmi_pages_new((rmi_slot_end(run) + 1) * sizeof(uint32_t));
    uint64_t i = 0;
    uint32_t at = 0;
    for (uint64_t slot = 0; slot < rmi_slot_end(run); slot++) {
        run->rest_places[slot] = at;
        if ((rmi_slot_word(run, slot) & RMI_ROW_IS_PAD) != 0) {
            continue;
        }
        const struct ky_slice suffix = input_suffix(run, input, i++);
        const uint16_t stored = (uint16_t)suffix.size;
        memcpy(run->rests + at, &stored, sizeof(stored));
        at += (uint32_t)sizeof(stored);
        if (suffix.size > RMI_CODE_SIZE) {
            memcpy(run->rests + at, (const uint8_t *)suffix.data + RMI_CODE_SIZE,
                   suffix.size - RMI_CODE_SIZE);
            at += (uint32_t)(suffix.size - RMI_CODE_SIZE);
        }
    }
    return true;
}

/* ---- root */

static void
make_levels(struct rmi_run *run)
{
    enum { LINE = 8 };
    uint64_t sizes[RMI_LEVELS_MAX];
    uint64_t room = 0;
    uint64_t size = KY_MAX(run->leaf_count, 1U);
    run->level_count = 0;
    for (;;) {
        KY_ASSERT(run->level_count < RMI_LEVELS_MAX);
        sizes[run->level_count++] = size;
        room += ky_align_up(size + 2 * RMI_LEVEL_FANOUT, LINE);
        if (size <= RMI_LEVEL_FANOUT) {
            break;
        }
        size = (size + RMI_LEVEL_FANOUT - 1) / RMI_LEVEL_FANOUT;
    }
    run->heads_memory_size = room * sizeof(uint64_t);
    run->heads_memory = (uint64_t *)rmi_pages_new(run->heads_memory_size);
    uint64_t *at = run->heads_memory;
    for (uint32_t level = 0; level < run->level_count; level++) {
        const uint64_t padded = ky_align_up(sizes[level] + 2 * RMI_LEVEL_FANOUT, LINE);
        run->levels[level] = at;
        run->level_sizes[level] = sizes[level];
        for (uint64_t i = 0; i < padded; i++) {
            if (i >= sizes[level] || run->leaf_count == 0) {
                at[i] = UINT64_MAX;
            } else {
                at[i] =
                    level == 0 ? run->leaves[i].base : run->levels[level - 1][i * RMI_LEVEL_FANOUT];
            }
        }
        at += padded;
    }
}

static void
make_root(struct rmi_run *run)
{
    const uint64_t *heads = run->levels[0];
    const uint32_t count = run->leaf_count;
    const uint64_t range = count == 0 ? 0 : heads[count - 1] - heads[0];
    run->root_base = count == 0 ? 0 : heads[0];
    run->root_range = range;
    run->root_shift = range == 0 ? 0 : (uint8_t)__builtin_clzll(range);
    /* Wide enough that most buckets lie within a leaf; never more than there are codes. */
    run->bucket_count = (uint32_t)KY_MIN((uint64_t)count * RMI_LEAF_BUCKETS,
                                         range == UINT64_MAX ? range : range + 1);
    run->bucket_count = KY_MAX(run->bucket_count, 1U);
    run->root_scale =
        run->bucket_count == 1 ? 0 : scale_of(range, run->root_shift, run->bucket_count, 32);
    run->buckets = (uint32_t *)rmi_pages_new(((size_t)run->bucket_count + 1) * sizeof(uint32_t));
    uint32_t leaf = 0;
    run->wide_windows = 0;
    for (uint32_t bucket = 0; bucket <= run->bucket_count; bucket++) {
        while (leaf < count && rmi_root_bucket(run, heads[leaf]) < bucket) {
            leaf++;
        }
        run->buckets[bucket] = leaf == 0 ? 0 : leaf - 1;
        if (bucket > 0 &&
            run->buckets[bucket] - run->buckets[bucket - 1] > (uint32_t)RMI_WINDOW_MAX) {
            run->wide_windows += run->buckets[bucket] - run->buckets[bucket - 1];
        }
    }
}

void
rmi_run_index(struct rmi_run *run)
{
    run->leaves[run->leaf_count] =
        (struct rmi_leaf){.base = UINT64_MAX, .first_block = run->block_count - 1};
    make_levels(run);
    make_root(run);
    run->bytes = sizeof(*run) + (uint64_t)run->block_count * sizeof(struct rmi_block) +
                 ((uint64_t)run->leaf_count + 1) * sizeof(struct rmi_leaf) +
                 run->separators_count * sizeof(struct rmi_separators) + run->heads_memory_size +
                 ((uint64_t)run->bucket_count + 1) * sizeof(uint32_t) + run->rests_size +
                 (run->rest_places == NULL ? 0 : rmi_slot_end(run) * sizeof(uint32_t));
}

static void
count_spills(struct builder *builder)
{
    struct rmi_run *run = builder->run;
    uint64_t total = 0;
    for (uint32_t i = 0; i <= RMI_SPILL_MAX; i++) {
        total += builder->spills[i];
    }
    uint64_t below = 0;
    for (uint32_t i = 0; i <= RMI_SPILL_MAX; i++) {
        run->spill_p50 = below * 2 < total ? i : run->spill_p50;
        run->spill_p99 = below * 100 < total * 99 ? i : run->spill_p99;
        run->spill_max = builder->spills[i] > 0 ? i : run->spill_max;
        below += builder->spills[i];
    }
}

struct rmi_run *
rmi_run_new(const struct rmi_shape *shape, const struct rmi_input *input)
{
    const int64_t started_ns = ky_monotonic_ns();
    /* Every leaf is at least three quarters full but for its last block and a few spilled ones. */
    const uint64_t capacity = input->count / 5 + input->count / 16 + 32;
    if (capacity > INT32_MAX) {
        return NULL;
    }
    struct rmi_run *run = (struct rmi_run *)ky_calloc(1, sizeof(*run));
    struct builder builder = {.input = input, .run = run, .blocks_capacity = capacity};
    run->shape = *shape;
    run->entry_count = input->count;
    run->blocks = (struct rmi_block *)rmi_pages_new(capacity * sizeof(struct rmi_block));
    for (uint64_t from = 0; from < input->count;) {
        from = add_leaf(&builder, from);
        KY_ASSERT(run->block_count < capacity);
    }
    (void)next_leaf(&builder); /* room for the last, empty one */
    pad_block(&run->blocks[run->block_count++], 0);
    run->blocks =
        (struct rmi_block *)rmi_pages_trim(run->blocks, capacity * sizeof(struct rmi_block),
                                           (size_t)run->block_count * sizeof(struct rmi_block));
    /* From here on the sizes of all parts follow from the counts. */
    run->separators = (struct rmi_separators *)rmi_pages_trim(
        run->separators, builder.separators_capacity * sizeof(struct rmi_separators),
        run->separators_count * sizeof(struct rmi_separators));
    bool is_whole = true;
    if (!shape->is_exact && shape->key_size != 0) {
        write_fixed_rests(run, input);
    } else if (!shape->is_exact) {
        is_whole = write_rest_records(run, input);
    }
    rmi_run_index(run);
    count_spills(&builder);
    run->build_ns = ky_monotonic_ns() - started_ns;
    if (!is_whole) {
        rmi_run_free(run);
        return NULL;
    }
    return run;
}

const struct rmi_shape rmi_no_shape = {.key_size = UINT16_MAX, .is_exact = true};

struct rmi_run *
rmi_run_new_empty(void)
{
    const struct rmi_input input = {0};
    return rmi_run_new(&rmi_no_shape, &input);
}

void
rmi_run_free(void *pointer)
{
    struct rmi_run *run = (struct rmi_run *)pointer;
    if (run == NULL) {
        return;
    }
    rmi_pages_free(run->blocks, (size_t)run->block_count * sizeof(struct rmi_block));
    rmi_pages_free(run->separators, run->separators_count * sizeof(struct rmi_separators));
    rmi_pages_free(run->heads_memory, run->heads_memory_size);
    rmi_pages_free(run->buckets, ((size_t)run->bucket_count + 1) * sizeof(uint32_t));
    rmi_pages_free(run->rests, run->rests_size + 1);
    if (run->rest_places != NULL) {
        rmi_pages_free(run->rest_places, (rmi_slot_end(run) + 1) * sizeof(uint32_t));
    }
    ky_free(run->leaves);
    ky_free(run);
}
