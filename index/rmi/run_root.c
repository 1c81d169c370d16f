/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How the leaf of a code is found: levels of heads, over them buckets if these find few enough
 * leaves, and guesses if blocks can be found without leaves. All follow from the leaves, and are
 * made anew when a run is loaded.
 */

#include "index/rmi/run.h"
#include "server/base/assert.h"

enum {
    OUTLIER_LEAVES = RMI_WINDOW_MAX - 2,
    SEVERAL_SHARE_MAX = 16,
    PACKED_SHARE_MAX = 32, /* of the leaves, to be the exception */
    WIDE_SHARE_MAX = 16,   /* of the leaves, to be found through the root's buckets */
    STRAY_SHARE_MAX = 12,  /* of the entries, for searches that are nearly sure of the block */
    SAMPLED_LEAVES = 64,
    GUESSES_EACH_MAX = 4, /* of a bucket */
    GUESS_EARLY = 3,      /* RMI_GUESS_BITS after the point */
};

static void
make_levels(struct rmi_run *run)
{
    enum { LINE = 8, BEFORE = LINE - 1 };
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
    /* Searches look at heads from the second one on: that is where a cache line begins. */
    run->heads_memory_size = (room + BEFORE) * sizeof(uint64_t);
    run->heads_memory = (uint64_t *)rmi_pages_new(run->heads_memory_size);
    uint64_t *at = run->heads_memory + BEFORE;
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

/* Leaves under buckets that hold more of them than one, and than a search looks at. */
struct windows {
    uint64_t several;
    uint64_t wide;
};

static struct windows
fill_buckets(struct rmi_run *run, enum rmi_root_kind kind)
{
    const uint64_t *heads = run->levels[0];
    const uint32_t count = run->leaf_count;
    /* The last bucket may hold outliers. */
    const uint32_t trim = count < OUTLIER_LEAVES * 4 ? 0 : OUTLIER_LEAVES;
    uint64_t range = count == 0 ? 0 : heads[count - 1 - trim] - heads[0];
    range = kind == RMI_ROOT_LOG ? rmi_log(range) : range;
    run->root_kind = (uint8_t)kind;
    run->root_range = range;
    run->root_scale = rmi_scale_of(range, (uint32_t)KY_MIN((uint64_t)run->bucket_count, range));
    uint32_t leaf = 0;
    struct windows windows = {0, 0};
    for (uint32_t bucket = 0; bucket <= run->bucket_count; bucket++) {
        while (leaf < count && rmi_root_bucket(run, heads[leaf]) < bucket) {
            leaf++;
        }
        run->buckets[bucket] = leaf == 0 ? 0 : leaf - 1;
        const uint32_t window = bucket == 0 ? 0 : run->buckets[bucket] - run->buckets[bucket - 1];
        windows.several += window > 1 ? window : 0;
        windows.wide += window > (uint32_t)RMI_WINDOW_MAX ? window : 0;
    }
    return windows;
}

/* What a search reads of a bucket: its first leaf, or of a narrow root its last, of two at most;
 * and whether there are more than it looks at. */
static void
mark_buckets(struct rmi_run *run, enum rmi_root_kind kind)
{
    const uint32_t window_max = kind == RMI_ROOT_NARROW ? 1 : RMI_WINDOW_MAX;
    run->root_kind = (uint8_t)kind;
    for (uint32_t bucket = 0; bucket < run->bucket_count; bucket++) {
        const uint32_t low = run->buckets[bucket];
        const uint32_t high = run->buckets[bucket + 1];
        run->buckets[bucket] = (kind == RMI_ROOT_NARROW ? high : low) |
                               (high - low > window_max ? RMI_BUCKET_IS_WIDE : 0);
    }
}

static void
make_root(struct rmi_run *run)
{
    const uint64_t *heads = run->levels[0];
    const uint32_t count = run->leaf_count;
    const uint64_t range = count == 0 ? 0 : heads[count - 1] - heads[0];
    run->root_base = count == 0 ? 0 : heads[0];
    /* Wide enough that most buckets lie within a leaf; never more than there are codes. */
    run->bucket_count = (uint32_t)KY_MIN((uint64_t)count * RMI_LEAF_BUCKETS, range);
    run->bucket_count = KY_MAX(run->bucket_count, 1U);
    run->buckets = (uint32_t *)rmi_pages_new(((size_t)run->bucket_count + 1) * sizeof(uint32_t));
    const struct windows linear = fill_buckets(run, RMI_ROOT_LINEAR);
    run->wide_windows = linear.wide;
    if (linear.wide <= count / WIDE_SHARE_MAX) {
        const bool is_narrow = count > 0 && linear.several <= count / SEVERAL_SHARE_MAX;
        mark_buckets(run, is_narrow ? RMI_ROOT_NARROW : RMI_ROOT_LINEAR);
        return;
    }
    const struct windows log = fill_buckets(run, RMI_ROOT_LOG);
    run->wide_windows = KY_MIN(linear.wide, log.wide);
    if (log.wide <= count / WIDE_SHARE_MAX) {
        mark_buckets(run, RMI_ROOT_LOG);
        return;
    }
    run->root_kind = RMI_ROOT_LEVELS;
    rmi_pages_free(run->buckets, ((size_t)run->bucket_count + 1) * sizeof(uint32_t));
    run->bucket_count = 0;
    run->buckets = (uint32_t *)rmi_pages_new(sizeof(uint32_t));
}

/* Reading one block beyond the last must find no code below the one searched for. */
static void
make_end(struct rmi_run *run)
{
    struct rmi_block *end = &run->blocks[run->block_count];
    for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i++) {
        end->codes[i] = UINT64_MAX;
        atomic_init(&end->rows[i], RMI_ROW_IS_PAD);
    }
}

void
rmi_run_index(struct rmi_run *run)
{
    run->leaves[run->leaf_count] =
        (struct rmi_leaf){.base = UINT64_MAX, .first_block = run->block_count - 1};
    make_end(run);
    make_levels(run);
    make_root(run);
    if (run->separators_count > 0) {
        memset(&run->separators[run->separators_count], UINT8_MAX, sizeof(struct rmi_separators));
    }
    run->bytes = sizeof(*run) + rmi_blocks_size(run) +
                 ((uint64_t)run->leaf_count + 1) * sizeof(struct rmi_leaf) +
                 rmi_separators_size(run) + run->heads_memory_size +
                 ((uint64_t)run->bucket_count + 1) * sizeof(uint32_t) + run->rests_size +
                 (run->rest_places == NULL ? 0 : rmi_slot_end(run) * sizeof(uint32_t));
}

/* ---- how it is searched */

/* Where a search for the code begins, in blocks from the leaf's first. */
static uint32_t
begin_of(const struct rmi_run *run, uint32_t at, uint64_t code)
{
    const struct rmi_leaf *leaf = &run->leaves[at];
    if (leaf->kind != RMI_LEAF_PACKED) {
        return rmi_leaf_predict(leaf, code);
    }
    const uint16_t wanted = rmi_leaf_quantise(leaf, code);
    uint32_t below = 0;
    for (uint32_t i = 0; i < RMI_PACKED_BLOCKS_MAX; i++) {
        below += run->separators[at].codes[i] < wanted;
    }
    return below;
}

static uint64_t
root_distance(const struct rmi_run *run, uint64_t code)
{
    const uint64_t distance = code - run->root_base;
    return KY_MIN(run->root_kind == RMI_ROOT_LOG ? rmi_log(distance) : distance, run->root_range);
}

static uint32_t
guess(const struct rmi_run *run, uint64_t code)
{
    return rmi_guess_at(run, root_distance(run, code));
}

/* Of some leaves, nearly all entries lie in the block where a search for them begins; or with
 * guesses, there or in the next one. */
static bool
is_sure(const struct rmi_run *run)
{
    const uint32_t most = run->guesses == NULL ? 0 : 1;
    const uint32_t step = run->leaf_count / SAMPLED_LEAVES + 1;
    uint64_t entries = 0;
    uint64_t strays = 0;
    for (uint32_t at = 0; at < run->leaf_count; at += step) {
        const uint32_t first = run->leaves[at].first_block;
        for (uint32_t block = first; block < run->leaves[at + 1].first_block; block++) {
            for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i++) {
                const uint64_t slot = (uint64_t)block * RMI_BLOCK_SLOTS + i;
                if ((rmi_slot_word(run, slot) & RMI_ROW_IS_PAD) == 0) {
                    entries++;
                    const uint64_t code = rmi_slot_code(run, slot);
                    const uint32_t begin =
                        run->guesses == NULL ? first + begin_of(run, at, code) : guess(run, code);
                    strays += block - begin > most; /* before it, too */
                }
            }
        }
    }
    return strays <= entries / STRAY_SHARE_MAX;
}

/* A point of the curve that guesses follow: how many parts of the range lie before a code, and
 * where its block begins. */
struct knot {
    uint64_t part;  /* 32 bits after the point */
    uint64_t block; /* RMI_GUESS_BITS */
};

static struct knot
make_knot(const struct rmi_run *run, uint64_t code, uint64_t block)
{
    const uint64_t distance = root_distance(run, code);
    return (struct knot){(uint64_t)((rmi_u128)distance * run->guess_scale >> 32), block};
}

/* Two blocks are looked at: an entry a little before the guess would be missed, and a little after
 * it would not. */
static uint32_t
early(uint32_t block)
{
    return block - KY_MIN(block, (uint32_t)GUESS_EARLY);
}

/* Guesses from *part on, for those that begin before the knot. */
static void
guess_to(struct rmi_run *run, uint32_t *part, struct knot before, struct knot knot)
{
    const uint64_t step = knot.part - before.part;
    for (; *part <= run->guess_count && (uint64_t)*part << 32 <= knot.part; (*part)++) {
        const rmi_u128 rise =
            (rmi_u128)(knot.block - before.block) * (((uint64_t)*part << 32) - before.part);
        run->guesses[*part] = early((uint32_t)(before.block + (step == 0 ? 0 : rise / step)));
    }
}

/* Leaves are lines, and parts shorter than they: what is on the way from one guess to the next is
 * nearly where a leaf says, which then need not be asked. */
static void
fill_guesses(struct rmi_run *run)
{
    struct knot last = {0, 0};
    uint32_t part = 0;
    for (uint32_t i = 0; i < run->leaf_count; i++) {
        const struct rmi_leaf *leaf = &run->leaves[i];
        const uint64_t first = (uint64_t)leaf->first_block << RMI_GUESS_BITS;
        const uint64_t rise =
            leaf->kind == RMI_LEAF_MODEL
                ? (uint64_t)((rmi_u128)leaf->range * leaf->scale >> (64 - RMI_GUESS_BITS))
                : (uint64_t)leaf->block_count << RMI_GUESS_BITS;
        const struct knot begin = make_knot(run, leaf->base, first);
        const struct knot end = make_knot(run, leaf->base + leaf->range, first + rise);
        guess_to(run, &part, last, begin);
        guess_to(run, &part, begin, end);
        last = end;
    }
    for (; part <= run->guess_count; part++) {
        run->guesses[part] = early((uint32_t)last.block);
    }
}

/* False: they would be wrong too often, or of use to nobody. */
static bool
make_guesses(struct rmi_run *run)
{
    if (run->root_kind == RMI_ROOT_LEVELS || run->has_twins || run->leaf_count == 0 ||
        run->block_count > UINT32_MAX >> RMI_GUESS_BITS) {
        return false;
    }
    for (uint32_t each = 1; each <= GUESSES_EACH_MAX; each *= 4) {
        run->guess_count = run->bucket_count * each;
        run->guess_scale = run->root_scale * each;
        if (run->guess_scale / each != run->root_scale) {
            break; /* as many as there are codes */
        }
        run->guesses = (uint32_t *)rmi_pages_new(((size_t)run->guess_count + 1) * sizeof(uint32_t));
        fill_guesses(run);
        if (is_sure(run)) {
            run->bytes += rmi_guesses_size(run);
            return true;
        }
        rmi_pages_free(run->guesses, rmi_guesses_size(run));
        run->guesses = NULL;
    }
    return false;
}

void
rmi_run_choose_search(struct rmi_run *run)
{
    const struct rmi_shape *shape = &run->shape;
    const bool is_direct = shape->is_exact && shape->prefix_size == 1 &&
                           shape->key_size == 1 + (uint32_t)RMI_CODE_SIZE;
    uint32_t packed = 0;
    for (uint32_t i = 0; i < run->leaf_count; i++) {
        packed += run->leaves[i].kind == RMI_LEAF_PACKED;
    }
    if (packed > run->leaf_count / PACKED_SHARE_MAX) {
        run->leaves_kind = is_sure(run) ? RMI_LEAVES_SURE : RMI_LEAVES_MIXED;
    } else {
        run->leaves_kind = is_direct && make_guesses(run) ? RMI_LEAVES_GUESSED : RMI_LEAVES_MODELS;
    }
    run->direct_kind = is_direct ? rmi_search_kind(run) : RMI_SEARCH_NONE;
    run->direct_marker = shape->prefix[0];
}
