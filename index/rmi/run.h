/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "index/btree/node.h"
#include "index/index.h"

/*
 * The sorted run of a learned index: entries (key, row id) in blocks that a model finds. Private
 * to index/rmi.
 *
 * A key becomes a number, its code: the eight bytes after the prefix that all keys of the run
 * share, big-endian and zero filled. Codes keep the order of keys. Where keys have one size and
 * end with the code, the code is the key (is_exact); else the bytes after the code (the rest) are
 * kept beside, and compared last. Keys that do not have the run's shape are not in it.
 *
 *     root: buckets of equal width over the codes, or
 *           over their logarithms                      -> a window of leaves
 *     guesses: where the lowest code of a part should be -> the block, nearly always
 *     heads: the first code of each leaf, in levels of 16 -> the leaf
 *     leaf: model (predicted block), separators, or one code only -> the block
 *     block: 8 codes | 8 row words
 *
 * A model leaf's keys are placed where the model predicts them: in the predicted block or, when
 * that is full, in the next one that is not. The prediction is monotone, so a search goes to the
 * predicted block and only ever forward, to the first block whose last code is not below the one
 * searched for. Slots without an entry hold the greatest code and ROW_IS_PAD: a block with room
 * ends every search, for absent keys too. A model leaf is accepted only if its keys lie within
 * RMI_SPILL_MAX blocks of where they are predicted; other leaves are packed and searched through
 * 31 separators of 16 bits, which a block's last code has: their blocks end, if they can, where the
 * next code differs in these bits. Codes equal to each other are always in one leaf.
 *
 * The run is immutable but for one bit of its row words. Every code, present or absent, has one
 * landing slot: the first one at or after it.
 */
enum {
    RMI_BLOCK_SLOTS = 8,
    RMI_BLOCK_WORDS = 2 * RMI_BLOCK_SLOTS,
    RMI_LEAF_KEYS_MAX = 512,    /* of a model leaf */
    RMI_PACKED_BLOCKS_MAX = 32, /* of a leaf with separators */
    RMI_SINGLE_COUNT_MIN = 64,  /* entries of one code that get a leaf of their own */
    RMI_LEVEL_FANOUT = 16,      /* heads that one step looks at */
    RMI_LEVELS_MAX = 8,
    RMI_LEAF_BUCKETS = 4, /* of the root, for each leaf */
    RMI_WINDOW_MAX = 8,   /* leaves that the root's window may hold to be used */
    RMI_SPILL_MAX = 6,    /* blocks */
    RMI_GUESS_BITS = 4,
    RMI_PREFIX_MAX = 32,
    RMI_CODE_SIZE = 8,
};

#define RMI_BUCKET_IS_WIDE 0x80000000U /* it holds more leaves than a search looks at */

#define RMI_ROW_MASK (((uint64_t)1 << 48) - 1)
#define RMI_ROW_HAS_TWIN ((uint64_t)1 << 60) /* the next entry has the same code; never changes */
#define RMI_ROW_IS_PAD ((uint64_t)1 << 61)   /* no entry; never changes */
#define RMI_ROW_IS_DEAD ((uint64_t)1 << 63)  /* removed */

struct rmi_block {
    uint64_t codes[RMI_BLOCK_SLOTS];
    _Atomic uint64_t rows[RMI_BLOCK_SLOTS];
} KY_ALIGNED(128);
_Static_assert(sizeof(struct rmi_block) == 128, "two cache lines, one of them codes");

enum rmi_leaf_kind {
    RMI_LEAF_MODEL,  /* block = first_block + (code - base) * scale / 2^64 */
    RMI_LEAF_PACKED, /* nearly full blocks, found through the leaf's separators */
    RMI_LEAF_SINGLE, /* one code */
};

struct rmi_leaf {
    uint64_t base;  /* its first code */
    uint64_t range; /* last code - base; 0 of RMI_LEAF_SINGLE */
    uint64_t scale; /* of a model leaf; else 0 */
    uint32_t first_block;
    uint8_t kind;
    uint8_t shift;       /* of a packed leaf: from code - base to a separator's bits */
    uint8_t spill_max;   /* blocks that an entry lies after its predicted one, at most */
    uint8_t block_count; /* not of RMI_LEAF_SINGLE: up to the next leaf's first */
};
_Static_assert(sizeof(struct rmi_leaf) == 32, "two leaves a cache line");

struct rmi_separators {
    uint16_t codes[RMI_PACKED_BLOCKS_MAX]; /* of block i's last code; UINT16_MAX from the last on */
} KY_ALIGNED(64);

/* Which keys may be in a run, and what of them is code and rest. */
struct rmi_shape {
    uint16_t key_size; /* of every key; 0: any */
    uint16_t prefix_size;
    bool is_exact; /* the code is the rest of the key */
    uint8_t prefix[RMI_PREFIX_MAX];
};

/* How the leaf of a code is found. */
enum rmi_root_kind {
    RMI_ROOT_NARROW, /* buckets of equal width, nearly all of them with two leaves at most */
    RMI_ROOT_LINEAR, /* with RMI_WINDOW_MAX at most */
    RMI_ROOT_LOG,    /* the same, over the logarithm of code - root_base */
    RMI_ROOT_LEVELS, /* neither leaves few enough leaves in a bucket: from the top of the levels */
    RMI_ROOT_KINDS,
};

/* What a search must expect of leaves. */
enum rmi_leaves_kind {
    RMI_LEAVES_MODELS, /* packed ones are a rare exception */
    RMI_LEAVES_MIXED,  /* both kinds */
    RMI_LEAVES_SURE, /* both kinds, and nearly all codes lie in the block where their search begins
                      */
    RMI_LEAVES_GUESSED, /* models, and nearly all codes lie where their bucket guesses, or a block
                         * on; not with RMI_ROOT_LEVELS */
    RMI_LEAVES_KINDS,
};

struct rmi_run {
    /* What a lookup of the usual key reads comes first. */
    uint8_t direct_kind;   /* its search, when keys are a marker byte and their code */
    uint8_t direct_marker; /* that byte */
    uint8_t root_kind;     /* enum rmi_root_kind */
    uint8_t leaves_kind;   /* enum rmi_leaves_kind */
    uint8_t level_count;
    bool has_twins;           /* there are equal codes */
    struct rmi_block *blocks; /* block_count, the last one without entries, and one to read over */
    struct rmi_leaf *leaves;  /* leaf_count + 1; the last one only names the last block */
    uint64_t *levels[RMI_LEVELS_MAX];  /* levels[0]: heads; each next one has every 16th of them */
    struct rmi_separators *separators; /* of each leaf, used by packed ones, and one of no leaf;
                                        * none without packed ones */
    uint32_t *buckets;                 /* bucket_count + 1: the leaf of the bucket's lowest code, or
                                        * of a narrow root its greatest */
    uint32_t *guesses;                 /* guess_count + 1, of RMI_LEAVES_GUESSED: where the lowest
                                        * code of each part of the range should be, in blocks,
                                        * RMI_GUESS_BITS after the point */
    uint64_t root_base;                /* the first code */
    uint64_t root_range, root_scale;
    uint64_t guess_scale;
    struct rmi_shape shape;
    uint32_t block_count, leaf_count, separators_count, bucket_count;
    uint32_t guess_count;        /* bucket_count, or some for each bucket */
    uint64_t last_code;          /* 0 without entries */
    row_id_t row_max;            /* none of its entries has a greater row id */
    uint64_t entry_count;        /* with dead ones */
    _Atomic uint64_t dead_count; /* relaxed; changed under the writer's lock */
    uint8_t *rests;              /* fixed size: slot * rest_size; else records */
    uint32_t *rest_places;       /* of the slots' records, when keys have no one size */
    uint64_t rests_size;
    uint64_t level_sizes[RMI_LEVELS_MAX]; /* heads in a level, without padding */
    uint64_t bytes;                       /* of all the above */
    uint64_t *heads_memory;               /* owned: where the levels lie */
    uint64_t heads_memory_size;
    /* What the build found. */
    uint32_t model_leaves, packed_leaves, single_leaves;
    uint32_t spill_p50, spill_p99, spill_max; /* blocks between predicted and actual, by entry */
    uint64_t wide_windows;                    /* leaves under buckets wider than RMI_WINDOW_MAX */
    int64_t build_ns;
};

/* ---- codes */

__extension__ typedef unsigned __int128 rmi_u128;

static inline uint64_t
rmi_high_product(uint64_t a, uint64_t b)
{
    return (uint64_t)(((rmi_u128)a * b) >> 64);
}

/* What makes targets out of a range: range * scale / 2^64 is below targets, which are at most
 * range. */
static inline uint64_t
rmi_scale_of(uint64_t range, uint32_t targets)
{
    return range == 0 ? 0 : (uint64_t)((((rmi_u128)targets << 64) - 1) / range);
}

static inline uint64_t
rmi_code_of(const uint8_t *suffix, size_t size)
{
    if (KY_LIKELY(size >= RMI_CODE_SIZE)) {
        return ky_load_be64(suffix);
    }
    uint64_t code = 0;
    for (size_t i = 0; i < size; i++) {
        code |= (uint64_t)suffix[i] << (56 - 8 * i);
    }
    return code;
}

/* The key may be in a run of this shape. */
static inline bool
rmi_shape_fits(const struct rmi_shape *shape, struct ky_slice key)
{
    if (shape->key_size != 0 ? key.size != shape->key_size : key.size < shape->prefix_size) {
        return false;
    }
    const uint8_t *bytes = (const uint8_t *)key.data;
    if (shape->prefix_size == 0) {
        return true;
    }
    return bytes[0] == shape->prefix[0] &&
           (shape->prefix_size == 1 || memcmp(bytes, shape->prefix, shape->prefix_size) == 0);
}

static inline uint64_t
rmi_shape_code(const struct rmi_shape *shape, struct ky_slice key)
{
    if (KY_UNLIKELY(key.size == 0)) {
        return 0; /* its data may be NULL */
    }
    return rmi_code_of((const uint8_t *)key.data + shape->prefix_size,
                       key.size - shape->prefix_size);
}

static inline size_t
rmi_rest_size(const struct rmi_shape *shape)
{
    size_t suffix = (size_t)shape->key_size - shape->prefix_size;
    return suffix > RMI_CODE_SIZE ? suffix - RMI_CODE_SIZE : 0;
}

/* ---- slots: block * 8 + place */

static inline uint64_t
rmi_slot_code(const struct rmi_run *run, uint64_t slot)
{
    return run->blocks[slot / RMI_BLOCK_SLOTS].codes[slot % RMI_BLOCK_SLOTS];
}

static inline _Atomic uint64_t *
rmi_slot_row(const struct rmi_run *run, uint64_t slot)
{
    return &run->blocks[slot / RMI_BLOCK_SLOTS].rows[slot % RMI_BLOCK_SLOTS];
}

static inline uint64_t
rmi_slot_word(const struct rmi_run *run, uint64_t slot)
{
    /* Acquire pairs with the release of whoever sets or takes off a bit. */
    return atomic_load_explicit(rmi_slot_row(run, slot), memory_order_acquire);
}

/* Of the blocks, with the one that searches read beyond the last. */
static inline size_t
rmi_blocks_size(const struct rmi_run *run)
{
    return ((size_t)run->block_count + 1) * sizeof(struct rmi_block);
}

/* Of the separators, with those of no leaf, which count nothing. */
static inline size_t
rmi_separators_size(const struct rmi_run *run)
{
    return run->separators_count == 0
               ? 0
               : ((size_t)run->separators_count + 1) * sizeof(struct rmi_separators);
}

static inline size_t
rmi_guesses_size(const struct rmi_run *run)
{
    return run->guesses == NULL ? 0 : ((size_t)run->guess_count + 1) * sizeof(uint32_t);
}

static inline uint64_t
rmi_slot_end(const struct rmi_run *run)
{
    return ((uint64_t)run->block_count - 1) * RMI_BLOCK_SLOTS;
}

static inline uint32_t
rmi_leaf_predict_at(const struct rmi_leaf *leaf, uint64_t distance)
{
    distance = KY_MIN(distance, leaf->range);
    return (uint32_t)rmi_high_product(distance, leaf->scale);
}

/* The block where a model leaf has its code, or one before it. */
static inline uint32_t
rmi_leaf_predict(const struct rmi_leaf *leaf, uint64_t code)
{
    return rmi_leaf_predict_at(leaf, code < leaf->base ? 0 : code - leaf->base);
}

static inline uint16_t
rmi_leaf_quantise_at(const struct rmi_leaf *leaf, uint64_t distance)
{
    return (uint16_t)KY_MIN(distance >> leaf->shift, (uint64_t)UINT16_MAX);
}

/* The quantised code that a packed leaf's separators are compared with. */
static inline uint16_t
rmi_leaf_quantise(const struct rmi_leaf *leaf, uint64_t code)
{
    return rmi_leaf_quantise_at(leaf, code < leaf->base ? 0 : code - leaf->base);
}

/* A logarithm to the base of 2, linear between powers: six bits and 58 after the point. */
static inline uint64_t
rmi_log(uint64_t distance)
{
    const uint32_t power = 63 - (uint32_t)__builtin_clzll(distance | 1);
    return (uint64_t)power << 58 | (distance << (63 - power) << 1) >> 6;
}

static inline uint32_t
rmi_root_bucket_at(const struct rmi_run *run, uint64_t distance)
{
    distance = KY_MIN(distance, run->root_range);
    return (uint32_t)rmi_high_product(distance, run->root_scale);
}

/* Where an entry should be, by the root alone: between the guesses for the ends of the part that
 * the code is in. Nothing is certain about it but that there is such a block. */
static inline uint32_t
rmi_guess_at(const struct rmi_run *run, uint64_t distance)
{
    /* Two products: GCC keeps the halves of one in registers that must be saved first. */
    const uint32_t *guesses = run->guesses + rmi_high_product(distance, run->guess_scale);
    const uint64_t share = distance * run->guess_scale >> 32;
    return (guesses[0] + (uint32_t)((guesses[1] - guesses[0]) * share >> 32)) >> RMI_GUESS_BITS;
}

/* Of a code that is not below the first. */
static inline uint32_t
rmi_root_bucket(const struct rmi_run *run, uint64_t code)
{
    const uint64_t distance = code - run->root_base;
    return rmi_root_bucket_at(run, run->root_kind == RMI_ROOT_LOG ? rmi_log(distance) : distance);
}

/* Searches are compiled for each kind of root and leaves. */
#define RMI_SEARCH_KIND(root, leaves) ((root)*RMI_LEAVES_KINDS + (leaves))
enum { RMI_SEARCH_KINDS = RMI_ROOT_KINDS * RMI_LEAVES_KINDS, RMI_SEARCH_NONE = UINT8_MAX };

static inline uint8_t
rmi_search_kind(const struct rmi_run *run)
{
    return (uint8_t)RMI_SEARCH_KIND(run->root_kind, run->leaves_kind);
}

struct rmi;
struct rmi_walk;
/* rmi_find for a kind of run: right for others too, but slow. */
typedef uint32_t (*rmi_finder)(struct rmi *rmi, struct ky_slice key, row_id_t *row_ids,
                               uint32_t max);

/* Landing slots, by the best instructions this processor has. All give the same answers. */
struct rmi_kernel {
    const char *name;
    rmi_finder find[2 * RMI_SEARCH_KINDS]; /* of each kind, without a filter and with one */
    uint64_t (*seek)(const struct rmi_run *run, uint64_t code);
    /* At most RMI_BATCH codes, their memory fetched together. */
    void (*seek_many)(const struct rmi_run *run, const uint64_t *codes, uint32_t count,
                      uint64_t *slots_out);
    /* rmi_walk_to. */
    bool (*verify)(struct rmi_walk *walk, uint32_t block_end);
};
enum { RMI_BATCH = 32 };
extern const struct rmi_kernel rmi_kernel_scalar;
#if defined(__x86_64__)
extern const struct rmi_kernel rmi_kernel_avx2, rmi_kernel_avx512;
#endif
const struct rmi_kernel *rmi_kernel_choose(void);
extern _Atomic(const struct rmi_kernel *) rmi_kernel_chosen;

static inline const struct rmi_kernel *
rmi_kernel(void)
{
    /* Relaxed: whoever comes first stores what all others would. */
    const struct rmi_kernel *kernel =
        atomic_load_explicit(&rmi_kernel_chosen, memory_order_relaxed);
    return KY_LIKELY(kernel != NULL) ? kernel : rmi_kernel_choose();
}

/* ---- building */

/* Entries in order, as arrays; for shapes that are not exact, keys too. */
struct rmi_input {
    uint64_t count;
    uint64_t *codes;
    uint64_t *rows;
    /* Of codes and of rows, as rmi_pages_new made them: those of an exact shape are given back as
     * they are read. 0: they are not. */
    size_t pages_size;
    const uint8_t *keys;      /* of inexact shapes: all keys, one after another */
    const uint64_t *key_ends; /* offset after each */
};
/* Makes levels, root and counts of a run whose blocks and leaves are there. */
void rmi_run_index(struct rmi_run *run);
/* How it is searched from now on. Nothing of the run may be doubtful any more. */
void rmi_run_choose_search(struct rmi_run *run);
/* NULL when the run would be too large for its numbers (2^31 blocks, 4 GiB of rests). */
struct rmi_run *rmi_run_new(const struct rmi_shape *shape, const struct rmi_input *input);
struct rmi_run *rmi_run_new_empty(void);
/* A shape that no key has. */
extern const struct rmi_shape rmi_no_shape;
void rmi_run_free(void *run);

/* ---- reading */

/* The first slot whose entry is at or after the target (key and row id). */
uint64_t rmi_run_lower(const struct rmi_run *run, const struct target *target);
/* The slot (not a pad) holds the key exactly; its code is known to be the key's. */
bool rmi_slot_has_key(const struct rmi_run *run, uint64_t slot, struct ky_slice key);
void rmi_slot_append_key(const struct rmi_run *run, uint64_t slot, struct ky_buffer *buffer);
/* The slot that holds the entry, dead or not; UINT64_MAX. */
uint64_t rmi_run_find(const struct rmi_run *run, struct ky_slice key, row_id_t row_id);
/* Order, bounds, counts, models. XX002. */
KY_MUST_CHECK ky_status rmi_run_verify(const struct rmi_run *run, struct ky_error *err);

/* Zeroed memory in huge pages when it is large. */
void *rmi_pages_new(size_t size);
void rmi_pages_free(void *pages, size_t size);
/* More room behind size bytes, all of which move; NULL of no size grows too. */
void *rmi_pages_grow(void *pages, size_t size, size_t new_size);
/* What is in [from, to) will not be read again; returns the next from, which starts at 0. */
size_t rmi_pages_give_back(void *pages, size_t size, size_t from, size_t to);
/* Gives back what lies after new_size; the memory may move. */
void *rmi_pages_trim(void *pages, size_t size, size_t new_size);
