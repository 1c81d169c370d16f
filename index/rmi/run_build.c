/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A run out of sorted codes, in one pass. The next keys become a leaf: as many as RMI_LEAF_KEYS_MAX
 * if a line through the first and the last of them predicts blocks well, half as many if that
 * does, else a packed leaf. How well is found by placing them: the densest filling wins whose
 * keys lie at most a little after where they are predicted, and what was placed stays.
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

enum {
    SPILL_UNIT = 64,
    SINGLE_STEP = RMI_SINGLE_COUNT_MIN / 2,
    DENSER_EVERY = 16,   /* leaves after which a denser filling is tried again */
    PACKED_USED_MIN = 6, /* slots of a packed block that ends early */
    PACKED_ATTEMPTS = 3, /* at a packed leaf whose blocks end early */
    BLIND_MAX = 1,       /* ends of blocks that its separators need not see */
    PACKED_KEYS_MAX = RMI_PACKED_BLOCKS_MAX * RMI_BLOCK_SLOTS,
    BLOCKS_SLACK = 256,               /* what an attempt at a leaf may write beyond */
    GIVEN_BACK_MIN = 4 * 1024 * 1024, /* bytes read, to give memory back */
};

struct builder {
    const struct rmi_input *input;
    struct rmi_run *run;
    uint64_t blocks_capacity;
    uint64_t leaves_capacity;
    uint64_t separators_capacity;
    uint32_t filling;                   /* that the last model leaf got */
    uint64_t spills[RMI_SPILL_MAX + 1]; /* entries by the blocks they spilled */
};

static void
aim_leaf(struct rmi_leaf *leaf, uint64_t base, uint64_t range, uint32_t blocks)
{
    leaf->kind = RMI_LEAF_MODEL;
    leaf->base = base;
    leaf->range = range;
    leaf->scale = rmi_scale_of(range, (uint32_t)KY_MIN((uint64_t)blocks, range));
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

#define PAD                                                                                 \
    {                                                                                       \
        UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, \
            UINT64_MAX                                                                      \
    }
#define PAD_ROWS                                                                        \
    {                                                                                   \
        RMI_ROW_IS_PAD, RMI_ROW_IS_PAD, RMI_ROW_IS_PAD, RMI_ROW_IS_PAD, RMI_ROW_IS_PAD, \
            RMI_ROW_IS_PAD, RMI_ROW_IS_PAD, RMI_ROW_IS_PAD                              \
    }
static const struct rmi_block pad = {PAD, PAD_ROWS};

static inline struct rmi_block *
open_block(struct rmi_block *block)
{
    memcpy(block, &pad, sizeof(pad));
    return block;
}

/* With whether the next one has its code: a lookup need not look for it then. */
static inline uint64_t
row_word(const struct rmi_input *input, uint64_t i)
{
    const bool has_twin = i + 1 < input->count && input->codes[i + 1] == input->codes[i];
    return input->rows[i] | (has_twin ? RMI_ROW_HAS_TWIN : 0);
}

static inline void
put(struct rmi_block *block, uint32_t slot, const struct rmi_input *input, uint64_t i)
{
    block->codes[slot] = input->codes[i];
    atomic_init(&block->rows[slot], row_word(input, i));
}

/* Writes the entries where the leaf predicts them; false when they spill more than budget blocks in
 * all, or one too far. */
static bool
place(struct builder *builder, struct rmi_leaf *leaf, uint64_t from, uint64_t to, uint64_t budget)
{
    struct rmi_block *blocks = builder->run->blocks + builder->run->block_count;
    const struct rmi_input *input = builder->input;
    uint32_t spills[RMI_SPILL_MAX + 1] = {0};
    uint32_t block = 0;
    uint32_t used = 0;
    uint64_t total = 0;
    struct rmi_block *at = open_block(blocks);
    for (uint64_t i = from; i < to; i++) {
        const uint32_t predicted = rmi_leaf_predict(leaf, input->codes[i]);
        if (predicted > block || used == RMI_BLOCK_SLOTS) {
            const uint32_t next = KY_MAX(predicted, block + 1);
            for (; block < next; block++) {
                at = open_block(&blocks[block + 1]);
            }
            used = 0;
        }
        const uint32_t spill = block - predicted;
        total += spill;
        if (total > budget || spill > RMI_SPILL_MAX) {
            return false;
        }
        spills[spill]++;
        put(at, used++, input, i);
    }
    leaf->spill_max = 0;
    for (uint32_t i = 0; i <= RMI_SPILL_MAX; i++) {
        builder->spills[i] += spills[i];
        leaf->spill_max = spills[i] > 0 ? (uint8_t)i : leaf->spill_max;
    }
    leaf->first_block = builder->run->block_count;
    leaf->block_count = (uint8_t)(block + 1);
    return true;
}

/* The densest filling that will do, as neighbours are filled alike: from theirs on. */
static bool
place_model(struct builder *builder, struct rmi_leaf *leaf, uint64_t from, uint64_t to)
{
    const uint64_t *codes = builder->input->codes;
    const uint64_t count = to - from;
    const bool is_denser = builder->run->leaf_count % DENSER_EVERY == 0;
    for (uint32_t i = is_denser ? 0 : builder->filling; i < KY_COUNT_OF(fillings); i++) {
        const uint32_t slots = fillings[i].slots;
        const uint32_t blocks = (uint32_t)((count * 16 + slots - 1) / slots);
        aim_leaf(leaf, codes[from], codes[to - 1] - codes[from], blocks);
        if (place(builder, leaf, from, to, count * fillings[i].spill_mean / SPILL_UNIT)) {
            builder->filling = i;
            return true;
        }
    }
    return false;
}

static void
write_full(struct builder *builder, uint64_t from, uint64_t to)
{
    struct rmi_block *blocks = builder->run->blocks + builder->run->block_count;
    for (uint64_t i = from; i < to; i++) {
        struct rmi_block *block = &blocks[(i - from) / RMI_BLOCK_SLOTS];
        if ((i - from) % RMI_BLOCK_SLOTS == 0) {
            (void)open_block(block);
        }
        put(block, (uint32_t)((i - from) % RMI_BLOCK_SLOTS), builder->input, i);
    }
}

static uint32_t
blocks_for(uint64_t count)
{
    return (uint32_t)((count + RMI_BLOCK_SLOTS - 1) / RMI_BLOCK_SLOTS);
}

/* Those of the leaf that is being made. They lie where its number says, so that a search can fetch
 * both at once. */
static struct rmi_separators *
leaf_separators(struct builder *builder)
{
    struct rmi_run *run = builder->run;
    const uint64_t capacity = builder->separators_capacity;
    if (run->leaf_count >= capacity) {
        const uint64_t wanted = KY_MAX((uint64_t)run->leaf_count * 2, (uint64_t)64);
        struct rmi_separators *grown =
            (struct rmi_separators *)rmi_pages_new(wanted * sizeof(*grown));
        if (run->separators_count > 0) {
            memcpy(grown, run->separators, run->separators_count * sizeof(*grown));
        }
        rmi_pages_free(run->separators, capacity * sizeof(*grown));
        run->separators = grown;
        builder->separators_capacity = wanted;
    }
    run->separators_count = run->leaf_count + 1;
    return &run->separators[run->leaf_count];
}

static void
aim_packed(struct rmi_leaf *leaf, const uint64_t *codes, uint64_t from, uint64_t to)
{
    const uint64_t range = codes[to - 1] - codes[from];
    const uint32_t bits = range == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(range);
    *leaf = (struct rmi_leaf){
        .base = codes[from],
        .range = range,
        .kind = RMI_LEAF_PACKED,
        .shift = (uint8_t)(bits > 16 ? bits - 16 : 0),
    };
}

/* How the entries of a packed leaf are divided into blocks. */
struct division {
    uint16_t ends[RMI_PACKED_BLOCKS_MAX]; /* of blocks, counted from the leaf's first entry */
    uint32_t blocks;
    uint32_t blind; /* ends that separators do not see: the next code has the same bits */
};

/* Blocks are full, or end a little earlier where separators can tell the next code. Stops when
 * there are as many as a leaf may have. */
static void
divide(const struct rmi_leaf *leaf, const uint64_t *codes, uint32_t count, bool is_full,
       struct division *division)
{
    division->blocks = 0;
    division->blind = 0;
    for (uint32_t at = 0; at < count && division->blocks < RMI_PACKED_BLOCKS_MAX;) {
        uint32_t end = KY_MIN(at + RMI_BLOCK_SLOTS, count);
        if (end < count && !is_full) {
            uint32_t early = end;
            while (early >= at + PACKED_USED_MIN && rmi_leaf_quantise(leaf, codes[early - 1]) ==
                                                        rmi_leaf_quantise(leaf, codes[early])) {
                early--;
            }
            const bool is_seen = early >= at + PACKED_USED_MIN;
            end = is_seen ? early : end;
            division->blind += !is_seen;
        }
        division->ends[division->blocks++] = (uint16_t)end;
        at = end;
    }
}

/* Separators have few bits: a wide gap makes them blind for what is on both sides of it. The place
 * of the widest among the later entries. */
static uint64_t
widest_gap(const uint64_t *codes, uint64_t from, uint64_t to)
{
    uint64_t widest = to - 1;
    for (uint64_t i = from + (to - from) / 2; i < to; i++) {
        widest = codes[i] - codes[i - 1] > codes[widest] - codes[widest - 1] ? i : widest;
    }
    return widest;
}

/* Divides the entries, or the first of them; returns where the leaf ends. */
static uint64_t
divide_packed(const struct rmi_input *input, struct rmi_leaf *leaf, uint64_t from, uint64_t to,
              struct division *division)
{
    for (uint32_t attempt = 0;; attempt++) {
        const bool is_full = attempt == PACKED_ATTEMPTS;
        aim_packed(leaf, input->codes, from, to);
        divide(leaf, input->codes + from, (uint32_t)(to - from), is_full, division);
        const uint64_t end = from + division->ends[division->blocks - 1];
        if (attempt == 0 && division->blind > BLIND_MAX && to - from >= RMI_SINGLE_COUNT_MIN * 2) {
            const uint64_t gap = widest_gap(input->codes, from, to);
            if (input->codes[gap] != input->codes[gap - 1]) {
                to = gap;
                continue;
            }
        }
        if (end == to) {
            return to;
        }
        /* Equal codes, which are fewer than make a leaf of their own, stay together. */
        to = end;
        while (input->codes[to - 1] == input->codes[to]) {
            to--;
        }
    }
}

/* Makes a packed leaf; returns where it ends. */
static uint64_t
add_packed(struct builder *builder, struct rmi_leaf *leaf, uint64_t from, uint64_t to)
{
    struct rmi_run *run = builder->run;
    const struct rmi_input *input = builder->input;
    struct division division;
    to = divide_packed(input, leaf, from, to, &division);
    const uint32_t blocks = division.blocks;
    leaf->first_block = run->block_count;
    leaf->block_count = (uint8_t)blocks;
    struct rmi_separators *separators = leaf_separators(builder);
    uint64_t i = from;
    for (uint32_t block = 0; block < RMI_PACKED_BLOCKS_MAX; block++) {
        separators->codes[block] = UINT16_MAX;
        if (block >= blocks) {
            continue;
        }
        struct rmi_block *place = open_block(&run->blocks[run->block_count + block]);
        for (uint32_t slot = 0; i < from + division.ends[block]; slot++) {
            put(place, slot, input, i++);
        }
        if (block + 1 < blocks) {
            separators->codes[block] = rmi_leaf_quantise(leaf, input->codes[i - 1]);
        }
    }
    run->block_count += blocks;
    run->packed_leaves++;
    return to;
}

static void
add_single(struct builder *builder, struct rmi_leaf *leaf, uint64_t from, uint64_t to)
{
    struct rmi_run *run = builder->run;
    *leaf = (struct rmi_leaf){.base = builder->input->codes[from],
                              .first_block = run->block_count,
                              .kind = RMI_LEAF_SINGLE};
    write_full(builder, from, to);
    run->block_count += blocks_for(to - from);
    run->single_leaves++;
}

/* Makes the next leaf; returns where the one after it begins. */
static uint64_t
add_leaf(struct builder *builder, uint64_t from)
{
    struct rmi_run *run = builder->run;
    struct rmi_leaf *leaf = next_leaf(builder);
    *leaf = (struct rmi_leaf){0};
    uint64_t to = single_end(builder->input, from);
    if (to > from) {
        add_single(builder, leaf, from, to);
    } else {
        to = cut(builder->input, from, RMI_LEAF_KEYS_MAX);
        bool is_model = place_model(builder, leaf, from, to);
        if (!is_model && to - from > PACKED_KEYS_MAX) {
            to = cut(builder->input, from, PACKED_KEYS_MAX);
            is_model = place_model(builder, leaf, from, to);
        }
        if (is_model) {
            run->block_count += leaf->block_count;
            run->model_leaves++;
        } else {
            to = add_packed(builder, leaf, from, to);
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
    const uint64_t size = input->key_ends[i] - start;
    return size == 0 ? ky_slice("", 0) : ky_slice(input->keys + start, size);
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

/* ---- all of it */

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

/* The blocks that are written next get this memory: to get other memory, which the machine must
 * find first, takes longer than all else. Nothing before from is read again. */
static size_t
give_back(const struct builder *builder, size_t given_back, uint64_t from)
{
    const struct rmi_input *input = builder->input;
    const size_t read = from * sizeof(uint64_t);
    if (!builder->run->shape.is_exact || read - given_back < GIVEN_BACK_MIN) {
        return given_back;
    }
    (void)rmi_pages_give_back(input->codes, input->pages_size, given_back, read);
    return rmi_pages_give_back(input->rows, input->pages_size, given_back, read);
}

struct rmi_run *
rmi_run_new(const struct rmi_shape *shape, const struct rmi_input *input)
{
    const int64_t started_ns = ky_monotonic_ns();
    /* Every leaf is at least three quarters full but for its last block and a few spilled ones. */
    const uint64_t capacity = input->count / 5 + input->count / 16 + 32 + BLOCKS_SLACK;
    if (capacity > INT32_MAX) {
        return NULL;
    }
    struct rmi_run *run = (struct rmi_run *)ky_calloc(1, sizeof(*run));
    struct builder builder = {.input = input, .run = run, .blocks_capacity = capacity};
    run->shape = *shape;
    run->entry_count = input->count;
    run->last_code = input->count == 0 ? 0 : input->codes[input->count - 1];
    run->blocks = (struct rmi_block *)rmi_pages_new(capacity * sizeof(struct rmi_block));
    size_t given_back = 0;
    for (uint64_t from = 0; from < input->count;) {
        const uint64_t to = add_leaf(&builder, from);
        for (; from < to; from++) {
            run->row_max = KY_MAX(run->row_max, input->rows[from]);
            /* Equal codes are in one leaf. */
            run->has_twins |= from + 1 < to && input->codes[from + 1] == input->codes[from];
        }
        given_back = give_back(&builder, given_back, from);
        KY_ASSERT(run->block_count + BLOCKS_SLACK <= capacity);
    }
    if (run->separators_count > 0) {
        (void)leaf_separators(&builder); /* of all leaves, and room for the last ones */
        run->separators_count = run->leaf_count;
    }
    (void)next_leaf(&builder); /* room for the last, empty one */
    (void)open_block(&run->blocks[run->block_count++]);
    run->blocks = (struct rmi_block *)rmi_pages_trim(
        run->blocks, capacity * sizeof(struct rmi_block), rmi_blocks_size(run));
    /* From here on the sizes of all parts follow from the counts. */
    run->separators = (struct rmi_separators *)rmi_pages_trim(
        run->separators, builder.separators_capacity * sizeof(struct rmi_separators),
        rmi_separators_size(run));
    bool is_whole = true;
    if (!shape->is_exact && shape->key_size != 0) {
        write_fixed_rests(run, input);
    } else if (!shape->is_exact) {
        is_whole = write_rest_records(run, input);
    }
    rmi_run_index(run);
    rmi_run_choose_search(run);
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
    rmi_pages_free(run->blocks, rmi_blocks_size(run));
    rmi_pages_free(run->separators, rmi_separators_size(run));
    rmi_pages_free(run->heads_memory, run->heads_memory_size);
    rmi_pages_free(run->buckets, ((size_t)run->bucket_count + 1) * sizeof(uint32_t));
    rmi_pages_free(run->guesses, rmi_guesses_size(run));
    rmi_pages_free(run->rests, run->rests_size + 1);
    if (run->rest_places != NULL) {
        rmi_pages_free(run->rest_places, (rmi_slot_end(run) + 1) * sizeof(uint32_t));
    }
    ky_free(run->leaves);
    ky_free(run);
}
