/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every variant of the byte kernels gives exactly the scalar one's numbers, for every tail length.
 * The rows end where their memory ends, so that AddressSanitizer sees a kernel that reads too far.
 */

#include "vector/distance/code.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/random.h"

enum { COUNT_MAX = 200, ROWS = 5 };

/* kind 0: random bytes; 1: the largest differences; 2: all alike */
static void
fill(struct ky_prng *prng, uint8_t *row, size_t count, int kind, int number)
{
    for (size_t i = 0; i < count; i++) {
        row[i] = kind == 0   ? (uint8_t)ky_prng_next(prng)
                 : kind == 1 ? (uint8_t)(number % 2 == 0 ? 0 : 255)
                             : 7;
    }
}

static void
check(const struct code_kernels *kernels, struct ky_prng *prng, size_t count, int kind)
{
    const struct code_kernels *scalar = code_kernels_all(&(size_t){0})[0];
    uint8_t *memory[ROWS];
    const uint8_t *rows[ROWS];
    for (int i = 0; i < ROWS; i++) {
        memory[i] = (uint8_t *)malloc(count + 1);
        rows[i] = memory[i] + 1;
        fill(prng, memory[i] + 1, count, kind, i);
    }
    const uint8_t *query = rows[4];
    uint32_t l2[4];
    uint32_t l1[4];
    kernels->l2_squared_4(query, rows, count, l2);
    kernels->l1_4(query, rows, count, l1);
    for (int i = 0; i < 4; i++) {
        uint32_t want = scalar->l2_squared(query, rows[i], count);
        cr_assert_eq(kernels->l2_squared(query, rows[i], count), want, "%s %zu", kernels->name,
                     count);
        cr_assert_eq(l2[i], want, "%s l2_4 %zu", kernels->name, count);
        want = scalar->l1(query, rows[i], count);
        cr_assert_eq(kernels->l1(query, rows[i], count), want, "%s %zu", kernels->name, count);
        cr_assert_eq(l1[i], want, "%s l1_4 %zu", kernels->name, count);
        cr_assert_eq(kernels->hamming(query, rows[i], count),
                     scalar->hamming(query, rows[i], count), "%s %zu", kernels->name, count);
        uint32_t both = 0;
        uint32_t either = 0;
        uint32_t want_both = 1;
        uint32_t want_either = 1;
        kernels->overlap(query, rows[i], count, &both, &either);
        scalar->overlap(query, rows[i], count, &want_both, &want_either);
        float floats[COUNT_MAX];
        kernels->spread(rows[i], 128, floats, KY_MIN(count, (size_t)COUNT_MAX));
        for (size_t j = 0; j < count && j < COUNT_MAX; j++) {
            cr_assert_eq(floats[j], (float)rows[i][j] - 128);
        }
        cr_assert_eq(both, want_both);
        cr_assert_eq(either, want_either);
    }
    for (int i = 0; i < ROWS; i++) {
        free(memory[i]);
    }
}

Test(code, every_variant_gives_the_reference_s_numbers)
{
    struct ky_prng prng;
    uint64_t seed = (uint64_t)time(NULL);
    printf("code seed=%" PRIu64 "\n", seed);
    ky_prng_init(&prng, seed);
    size_t variants = 0;
    const struct code_kernels *const *kernels = code_kernels_all(&variants);
    for (size_t v = 0; v < variants; v++) {
        for (int kind = 0; kind < 3; kind++) {
            for (size_t count = 0; count <= COUNT_MAX; count++) {
                check(kernels[v], &prng, count, kind);
            }
            check(kernels[v], &prng, 16000, kind);
            check(kernels[v], &prng, 65000, kind);
        }
    }
}

Test(code, the_largest_sum_fits)
{
    size_t variants = 0;
    const struct code_kernels *const *kernels = code_kernels_all(&variants);
    enum { COUNT = 65000 };
    uint8_t *zeros = (uint8_t *)calloc(COUNT, 1);
    uint8_t *ones = (uint8_t *)malloc(COUNT);
    memset(ones, 255, COUNT);
    for (size_t v = 0; v < variants; v++) {
        cr_expect_eq(kernels[v]->l2_squared(zeros, ones, COUNT), 255U * 255U * COUNT);
        cr_expect_eq(kernels[v]->l1(zeros, ones, COUNT), 255U * COUNT);
        cr_expect_eq(kernels[v]->hamming(zeros, ones, COUNT), 8U * COUNT);
    }
    free(zeros);
    free(ones);
}

Test(code, every_half_widens_alike_and_comes_back)
{
    enum { HALVES = 65536 };
    uint16_t *halves = (uint16_t *)malloc(HALVES * sizeof(uint16_t));
    float *floats = (float *)malloc(HALVES * sizeof(float));
    for (uint32_t i = 0; i < HALVES; i++) {
        halves[i] = (uint16_t)i;
    }
    size_t variants = 0;
    const struct code_kernels *const *kernels = code_kernels_all(&variants);
    for (size_t v = 0; v < variants; v++) {
        for (size_t count = 0; count < 40; count++) {
            kernels[v]->widen(halves + 100, floats, count);
            cr_assert(count == 0 || floats[count - 1] == half_to_float(halves[99 + count]));
        }
        kernels[v]->widen(halves, floats, HALVES);
        for (uint32_t i = 0; i < HALVES; i++) {
            float want = half_to_float((uint16_t)i);
            cr_assert(memcmp(&floats[i], &want, sizeof(want)) == 0, "%s %x", kernels[v]->name, i);
            if (!isnan(want)) {
                cr_assert_eq(half_from_float(want), i, "%x", i);
            }
        }
    }
    cr_expect_eq(half_from_float(65519.9F), 0x7BFF);
    cr_expect_eq(half_from_float(65520.0F), 0x7C00);
    cr_expect_eq(half_from_float(1.0F + 0x1p-11F), 0x3C00, "a tie goes to the even one");
    cr_expect_eq(half_from_float(1.0F + 3 * 0x1p-11F), 0x3C02);
    cr_expect_eq(half_from_float(0x1p-25F), 0);
    cr_expect_eq(half_from_float(0x1.8p-25F), 1);
    free(halves);
    free(floats);
}
