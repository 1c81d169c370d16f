/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Properties of a run, for keys from easy to hostile and sizes from none on: every entry lies
 * within its leaf's bound (rmi_run_verify walks them), every code lands where a binary search says,
 * every lookup finds what it should, and all kernels agree.
 */

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#include "index/rmi/rmi.h"
#include "index/rmi/verify.h"
#include "server/base/cpu.h"
#include "server/base/endian.h"
#include "server/base/epoch.h"
#include "server/base/random.h"

enum distribution {
    UNIFORM,
    DENSE,
    GAPS,
    ALL_EQUAL,
    FEW_VALUES,
    HIGH_END, /* up to the greatest code, which pads have too */
    POWERS,
    CLUSTERS,
    OUTLIERS,
    LOGS,           /* as many between any two powers of two */
    POWERS_BETWEEN, /* of two, with any exponent: nearly */
    LOG_MIXED,      /* the same, in bursts */
    DENSE_START,    /* half of them in a sixteenth of the range */
    TWO_WIDTHS,
    NARROW_MIDDLE, /* half of them close together, far from both ends */
    STAIRS,        /* made so that a line through the ends is wrong by most */
    DISTRIBUTIONS,
};

static uint64_t
draw(enum distribution distribution, struct ky_prng *prng, uint64_t i, uint64_t count)
{
    switch (distribution) {
    case UNIFORM:
        return ky_prng_next(prng);
    case DENSE:
        return 1000 + i;
    case GAPS:
        return i * 3 + (i / 100) * 5000;
    case ALL_EQUAL:
        return 42;
    case FEW_VALUES:
        return ky_prng_below(prng, 5) << 40;
    case HIGH_END:
        return UINT64_MAX - ky_prng_below(prng, count / 2 + 1);
    case POWERS:
        return (uint64_t)1 << ky_prng_below(prng, 64);
    case CLUSTERS:
        return (ky_prng_below(prng, 7) << 60) + (ky_prng_below(prng, 9) << 33) +
               ky_prng_below(prng, 50);
    case OUTLIERS:
        return ky_prng_below(prng, 100) == 0 ? ky_prng_next(prng) : i;
    case LOGS:
        return ky_prng_next(prng) >> ky_prng_below(prng, 50);
    case POWERS_BETWEEN: {
        const double rest = (double)(ky_prng_next(prng) >> 11) / 9007199254740992.0;
        return (uint64_t)((1.0 + rest * (0.6565 + 0.3435 * rest)) *
                          (double)((uint64_t)1 << (48 + ky_prng_below(prng, 14))));
    }
    case DENSE_START:
        return i % 2 == 0 ? ky_prng_next(prng) : ky_prng_next(prng) >> 4;
    case LOG_MIXED:
        return (((uint64_t)1 << (14 + i / 100 * 100 * 49 / (count + 1))) + i / 100 * 4096) +
               ky_prng_below(prng, 200);
    case TWO_WIDTHS:
        return (ky_prng_next(prng) >> 20) * (i % 2 == 0 ? 1 : 16);
    case NARROW_MIDDLE:
        return i % 2 == 0 ? ky_prng_next(prng) : ((uint64_t)3 << 60) + (ky_prng_next(prng) >> 40);
    case STAIRS:
        return i % 512 < 500 ? i / 512 * 100000 + i % 512 : i / 512 * 100000 + 99000 + i % 512;
    case DISTRIBUTIONS:
        break;
    }
    return 0;
}

static int
compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The first entry with a code at or after this one. */
static uint64_t
lower_bound(const uint64_t *codes, uint64_t count, uint64_t code)
{
    uint64_t low = 0;
    uint64_t high = count;
    while (low < high) {
        const uint64_t middle = (low + high) / 2;
        if (codes[middle] < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static const struct rmi_kernel *kernels[3];
static uint32_t kernel_count;

static void
find_kernels(void)
{
    kernel_count = 0;
    kernels[kernel_count++] = &rmi_kernel_scalar;
#if defined(__x86_64__)
    if (ky_cpu()->has_avx2) {
        kernels[kernel_count++] = &rmi_kernel_avx2;
    }
    if (ky_cpu()->has_avx512) {
        kernels[kernel_count++] = &rmi_kernel_avx512;
    }
#endif
}

TestSuite(rmi_run, .init = find_kernels);

/* Which searches were tried: tests of lookups are worth little for kinds of runs that never come.
 */
static bool was_tried[RMI_SEARCH_KINDS];

/* Lookups that the fast way must leave alone: of a run of another kind, without room, of keys that
 * only look alike. */
static void
check_unusual(struct rmi *view, uint32_t kind, const uint8_t key[9], uint32_t expected)
{
    row_id_t rows[3] = {0};
    uint8_t other[9];
    memcpy(other, key, sizeof(other));
    other[0] = 1;
    for (uint32_t i = 0; i < kernel_count; i++) {
        const rmi_finder find = kernels[i]->find[kind * 2];
        const rmi_finder wrong = kernels[i]->find[(kind * 2 + 2) % (2 * RMI_SEARCH_KINDS)];
        cr_assert_eq(wrong(view, ky_slice(key, 9), rows, 3), expected);
        cr_assert_eq(find(view, ky_slice(key, 9), NULL, 0), expected);
        cr_assert_eq(find(view, ky_slice(key, 8), rows, 3), 0, "a shorter key");
        cr_assert_eq(find(view, ky_slice(other, 9), rows, 3), 0, "another marker");
    }
}

/* Each kernel's lookup for the run's kind. */
static void
check_find(struct rmi_run *run, const uint64_t *codes, uint64_t count, uint64_t code)
{
    struct rmi_delta nothing = {.shape = run->shape};
    struct rmi_state state = {.run = run, .active = &nothing};
    struct rmi view = {.is_rebuilding = false};
    atomic_init(&view.state, &state);
    uint8_t key[9] = {0};
    ky_store_be64(key + 1, code);
    const uint64_t first = lower_bound(codes, count, code);
    uint64_t last = first;
    while (last < count && last <= first + 3 && codes[last] == code) {
        last++;
    }
    if (last > first + 3) {
        return; /* counting many equals each time would take long */
    }
    const uint32_t expected = (uint32_t)(last - first);
    const uint32_t kind = rmi_search_kind(run);
    was_tried[kind] = true;
    /* A filter that holds some of the keys sends them into parts that are empty. */
    struct rmi_filter *filter = code % 64 == 0 ? rmi_filter_new(1) : NULL;
    if (code % 128 == 0) {
        rmi_filter_add(filter, rmi_hash_code(code, 0));
    }
    atomic_init(&state.filter, filter);
    for (uint32_t i = 0; i < 2 * kernel_count; i++) {
        row_id_t rows[3] = {0};
        const struct rmi_kernel *kernel = kernels[i / 2];
        const rmi_finder find = kernel->find[kind * 2 + i % 2];
        const uint32_t found = find(&view, ky_slice(key, sizeof(key)), rows, 3);
        cr_assert_eq(found, expected, "%s finds %u of %u for %" PRIu64, kernel->name, found,
                     expected, code);
        for (uint32_t k = 0; k < expected; k++) {
            cr_assert_eq(rows[k], first + k + 1);
        }
    }
    atomic_init(&state.filter, NULL);
    rmi_filter_free(filter);
    if (code % 101 == 0) {
        check_unusual(&view, kind, key, expected);
    }
}

/* Lookups may be nearly sure of the block, may guess it, or not: that is judged by how often they
 * would be wrong, and right for all. */
static void
check_find_both(struct rmi_run *run, const uint64_t *codes, uint64_t count, uint64_t code)
{
    static const uint8_t others[] = {[RMI_LEAVES_MODELS] = RMI_LEAVES_MODELS,
                                     [RMI_LEAVES_MIXED] = RMI_LEAVES_SURE,
                                     [RMI_LEAVES_SURE] = RMI_LEAVES_MIXED,
                                     [RMI_LEAVES_GUESSED] = RMI_LEAVES_MODELS};
    const uint8_t kind = run->leaves_kind;
    check_find(run, codes, count, code);
    if (others[kind] != kind) {
        run->leaves_kind = others[kind];
        run->direct_kind = rmi_search_kind(run);
        check_find(run, codes, count, code);
        run->leaves_kind = kind;
        run->direct_kind = rmi_search_kind(run);
    }
}

/* Row ids are positions + 1, so a slot says which entry it holds. */
static void
check_code(struct rmi_run *run, const uint64_t *codes, uint64_t count, uint64_t code)
{
    check_find_both(run, codes, count, code);
    uint64_t slot = kernels[0]->seek(run, code);
    for (uint32_t i = 1; i < kernel_count; i++) {
        cr_assert_eq(kernels[i]->seek(run, code), slot, "%s lands elsewhere for %" PRIu64,
                     kernels[i]->name, code);
    }
    cr_assert_leq(slot, rmi_slot_end(run));
    /* Pads may lie between the landing slot and the entry. */
    while (slot < rmi_slot_end(run) && (rmi_slot_word(run, slot) & RMI_ROW_IS_PAD) != 0) {
        slot++;
    }
    const uint64_t expected = lower_bound(codes, count, code);
    if (expected == count) {
        cr_assert_eq(slot, rmi_slot_end(run), "code %" PRIu64 " is after all", code);
        return;
    }
    cr_assert_lt(slot, rmi_slot_end(run));
    cr_assert_eq(rmi_slot_word(run, slot) & RMI_ROW_MASK, expected + 1,
                 "code %" PRIu64 " lands at another entry", code);
}

static void
check_batches(const struct rmi_run *run, const uint64_t *codes, uint64_t count,
              struct ky_prng *prng)
{
    uint64_t wanted[RMI_BATCH];
    uint64_t slots[RMI_BATCH];
    for (uint32_t size = 1; size <= RMI_BATCH; size += 5) {
        for (uint32_t i = 0; i < size; i++) {
            wanted[i] =
                count == 0 || i % 3 == 0 ? ky_prng_next(prng) : codes[ky_prng_below(prng, count)];
        }
        for (uint32_t k = 0; k < kernel_count; k++) {
            kernels[k]->seek_many(run, wanted, size, slots);
            for (uint32_t i = 0; i < size; i++) {
                cr_assert_eq(slots[i], kernels[0]->seek(run, wanted[i]));
            }
        }
    }
}

/* What every kernel says of the run, in one go and leaf by leaf. */
static bool
is_sound(const struct rmi_run *run)
{
    struct ky_error err;
    ky_error_init(&err);
    const bool is_sound = rmi_run_verify(run, &err) == KY_OK;
    for (uint32_t k = 0; k < kernel_count; k++) {
        struct rmi_walk walk;
        rmi_walk_init(&walk, run, 0);
        for (uint32_t block = 0; block < run->block_count; block += 7) {
            (void)kernels[k]->verify(&walk, block);
        }
        (void)kernels[k]->verify(&walk, run->block_count);
        const bool is_same = (rmi_walk_finish(&walk, &err) == KY_OK) == is_sound;
        cr_assert(is_same, "%s and the best kernel do not agree", kernels[k]->name);
    }
    return is_sound;
}

static void
check_run(enum distribution distribution, uint64_t count, uint64_t seed)
{
    struct ky_prng prng;
    ky_prng_init(&prng, seed);
    uint64_t *codes = (uint64_t *)malloc((count + 1) * sizeof(uint64_t));
    uint64_t *rows = (uint64_t *)malloc((count + 1) * sizeof(uint64_t));
    for (uint64_t i = 0; i < count; i++) {
        codes[i] = draw(distribution, &prng, i, count);
        rows[i] = i + 1;
    }
    qsort(codes, count, sizeof(*codes), compare);
    const struct rmi_shape shape = {.key_size = 9, .prefix_size = 1, .is_exact = true};
    const struct rmi_input input = {.count = count, .codes = codes, .rows = rows};
    struct rmi_run *run = rmi_run_new(&shape, &input);
    cr_assert_not_null(run);
    cr_assert(is_sound(run), "distribution %d, %" PRIu64 " keys", (int)distribution, count);
    for (uint64_t i = 0; i < count; i++) {
        check_code(run, codes, count, codes[i]);
        check_code(run, codes, count, codes[i] + 1);
        check_code(run, codes, count, codes[i] - 1);
    }
    for (int i = 0; i < 2000; i++) {
        check_code(run, codes, count, ky_prng_next(&prng) >> ky_prng_below(&prng, 64));
    }
    check_code(run, codes, count, 0);
    check_code(run, codes, count, UINT64_MAX);
    check_batches(run, codes, count, &prng);
    cr_expect_leq(run->bytes, 4096 + count * 27, "distribution %d: %" PRIu64 " bytes",
                  (int)distribution, run->bytes);
    rmi_run_free(run);
    free(codes);
    free(rows);
}

Test(rmi_run, every_distribution_at_every_small_size)
{
    for (int distribution = 0; distribution < DISTRIBUTIONS; distribution++) {
        for (uint64_t count = 0; count < 40; count++) {
            check_run((enum distribution)distribution, count, count);
        }
        static const uint64_t sizes[] = {63,  64,  65,  255,  256,  257,
                                         511, 512, 513, 1023, 1024, 1025};
        for (size_t i = 0; i < KY_COUNT_OF(sizes); i++) {
            check_run((enum distribution)distribution, sizes[i], i);
        }
    }
}

Test(rmi_run, every_distribution_large)
{
    for (int distribution = 0; distribution < DISTRIBUTIONS; distribution++) {
        check_run((enum distribution)distribution, 60000, 9);
    }
    check_run(POWERS_BETWEEN, 150000, 9); /* less bent between two leaves */
    for (uint32_t i = 0; i < RMI_SEARCH_KINDS; i++) {
        const bool is_none = i == RMI_SEARCH_KIND(RMI_ROOT_LEVELS, RMI_LEAVES_GUESSED);
        cr_expect(was_tried[i] != is_none, "no run is searched the way of number %u", i);
    }
}

/* ---- damage that sums would not find */

/* Each row word with another one's marks, or with marks that none has. */
static void
expect_word_faults(struct rmi_run *run)
{
    static const uint64_t marks[] = {RMI_ROW_HAS_TWIN, RMI_ROW_IS_PAD, (uint64_t)1 << 48,
                                     (uint64_t)1 << 59};
    for (uint64_t slot = 0; slot < rmi_slot_end(run); slot += 31) {
        _Atomic uint64_t *row = rmi_slot_row(run, slot);
        const uint64_t word = rmi_slot_word(run, slot);
        for (size_t i = 0; i < KY_COUNT_OF(marks); i++) {
            if ((word & RMI_ROW_IS_PAD) != 0 && marks[i] == RMI_ROW_HAS_TWIN) {
                continue; /* of a pad, it means nothing */
            }
            atomic_store(row, word ^ marks[i]);
            struct rmi_walk walk;
            for (uint32_t k = 0; k < kernel_count; k++) {
                rmi_walk_init(&walk, run, ~(RMI_ROW_MASK | RMI_ROW_IS_PAD | RMI_ROW_HAS_TWIN));
                cr_expect_not(kernels[k]->verify(&walk, run->block_count),
                              "%s: mark %zu of slot %" PRIu64, kernels[k]->name, i, slot);
            }
        }
        atomic_store(row, word);
    }
}

Test(rmi_run, verify_finds_what_a_search_would_trip_over)
{
    enum { COUNT = 5000 };
    struct ky_prng prng;
    static uint64_t codes[COUNT];
    static uint64_t rows[COUNT];
    ky_prng_init(&prng, 3);
    for (uint64_t i = 0; i < COUNT; i++) {
        codes[i] = draw(CLUSTERS, &prng, i, COUNT) + i;
        rows[i] = i + 1;
    }
    qsort(codes, COUNT, sizeof(*codes), compare);
    const struct rmi_shape shape = {.key_size = 9, .prefix_size = 1, .is_exact = true};
    const struct rmi_input input = {.count = COUNT, .codes = codes, .rows = rows};
    struct rmi_run *run = rmi_run_new(&shape, &input);
    cr_assert(is_sound(run));
    struct rmi_leaf *leaf = &run->leaves[run->leaf_count / 2];
    const struct rmi_leaf before = *leaf;
    leaf->base++;
    cr_expect_not(is_sound(run));
    *leaf = before;
    leaf->range /= 2;
    cr_expect_not(is_sound(run));
    *leaf = before;
    leaf->first_block++;
    cr_expect_not(is_sound(run));
    *leaf = before;
    leaf->kind = leaf->kind == RMI_LEAF_MODEL ? RMI_LEAF_PACKED : RMI_LEAF_MODEL;
    cr_expect_not(is_sound(run));
    *leaf = before;
    cr_assert_eq(leaf->kind, RMI_LEAF_PACKED);
    leaf->scale = 1;
    cr_expect_not(is_sound(run));
    *leaf = before;
    cr_assert_gt(run->separators_count, 0);
    uint16_t *separator = &run->separators[run->separators_count / 2].codes[0];
    for (int step = -1; step <= 1; step += 2) {
        *separator = (uint16_t)(*separator + step);
        cr_expect_not(is_sound(run));
        *separator = (uint16_t)(*separator - step);
    }
    uint64_t *code = &run->blocks[run->block_count / 2].codes[1];
    const uint64_t kept = *code;
    *code = kept ^ (uint64_t)1 << 50;
    cr_expect_not(is_sound(run));
    *code = kept;
    cr_expect(is_sound(run));
    expect_word_faults(run);
    rmi_run_free(run);
}
