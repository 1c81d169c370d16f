/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every variant against the scalar one, for every tail length. Small integers must agree exactly;
 * anything else up to what another order of summation can change. The vectors end where their
 * memory ends, so that AddressSanitizer sees a kernel that reads too far.
 */

#include "vector/distance/distance.h"

#include <criterion/criterion.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/random.h"

enum { COUNT_MAX = 130, STRIDE = 144 };

struct sums {
    float l2, inner, l1, dot, norm, four[4], inner_4[4], l1_4[4], dot_4[4], norm_4[4];
};

static struct sums
run(const struct distance_kernels *kernels, const float *a, const float *b, const float *base,
    size_t stride, size_t count)
{
    struct sums sums;
    sums.l2 = kernels->l2_squared(a, b, count);
    sums.inner = kernels->inner_product(a, b, count);
    sums.l1 = kernels->l1(a, b, count);
    kernels->cosine_parts(a, b, count, &sums.dot, &sums.norm);
    const float *const rows[4] = {base, base + stride, base + 2 * stride, base + 3 * stride};
    kernels->l2_squared_4(a, rows, count, sums.four);
    kernels->inner_product_4(a, rows, count, sums.inner_4);
    kernels->l1_4(a, rows, count, sums.l1_4);
    kernels->cosine_parts_4(a, rows, count, sums.dot_4, sums.norm_4);
    return sums;
}

static bool
is_close(float got, float want, float scale, size_t count)
{
    if (isnan(want) || isinf(want)) {
        return isnan(want) ? isnan(got) != 0 : got == want;
    }
    return fabsf(got - want) <= scale * (float)(count + 1) * FLT_EPSILON;
}

typedef float (*make_value)(struct ky_prng *prng, size_t i);

static float
small_integer(struct ky_prng *prng, size_t i)
{
    (void)i;
    return (float)ky_prng_below(prng, 21) - 10;
}

static float
fraction(struct ky_prng *prng, size_t i)
{
    (void)i;
    return (float)(ky_prng_double(prng) * 2 - 1);
}

/* Sums that nearly cancel, and numbers of very different size. */
static float
uneven(struct ky_prng *prng, size_t i)
{
    static const float values[] = {1e6F, -1e6F, 1e-6F, 0.0F, -0.0F, FLT_MIN, 1e-42F, 3.5F};
    return values[(i + ky_prng_below(prng, 8)) % 8];
}

static float
absolute_sum(const float *a, const float *b, size_t count)
{
    float sum = 0;
    for (size_t i = 0; i < count; i++) {
        float both = fabsf(a[i]) + fabsf(b[i]);
        sum += both * both + both;
    }
    return sum;
}

static void
check(const struct distance_kernels *kernels, struct ky_prng *prng, size_t count, make_value make,
      bool is_exact)
{
    /* One float off the alignment, and nothing after the last. */
    float *a_memory = (float *)malloc((count + 1) * sizeof(float));
    float *b_memory = (float *)malloc((count + 1) * sizeof(float));
    float *base = (float *)malloc((3 * STRIDE + count + 1) * sizeof(float));
    float *a = a_memory + 1;
    float *b = b_memory + 1;
    for (size_t i = 0; i < count; i++) {
        a[i] = make(prng, i);
        b[i] = make(prng, i + 3);
    }
    for (size_t i = 0; i < 3 * STRIDE + count + 1; i++) {
        base[i] = make(prng, i);
    }
    size_t count_out = 0;
    const struct distance_kernels *scalar = distance_kernels_all(&count_out)[0];
    struct sums want = run(scalar, a, b, base + 1, STRIDE, count);
    struct sums got = run(kernels, a, b, base + 1, STRIDE, count);
    float scale = is_exact ? 0 : absolute_sum(a, b, count);
    cr_assert(is_close(got.l2, want.l2, scale, count), "%s l2 %zu", kernels->name, count);
    cr_assert(is_close(got.inner, want.inner, scale, count), "%s ip %zu", kernels->name, count);
    cr_assert(is_close(got.l1, want.l1, scale, count), "%s l1 %zu", kernels->name, count);
    cr_assert(is_close(got.dot, want.dot, scale, count), "%s dot %zu", kernels->name, count);
    cr_assert(is_close(got.norm, want.norm, scale, count), "%s norm %zu", kernels->name, count);
    for (size_t row = 0; row < 4; row++) {
        float row_scale = is_exact ? 0 : absolute_sum(a, base + 1 + row * STRIDE, count);
        cr_assert(is_close(got.four[row], want.four[row], row_scale, count), "%s l2_4 %zu row %zu",
                  kernels->name, count, row);
        const float *at = base + 1 + row * STRIDE;
        float dot = 0;
        float norm = 0;
        kernels->cosine_parts(a, at, count, &dot, &norm);
        cr_assert_eq(got.four[row], kernels->l2_squared(a, at, count),
                     "%s l2_4 is not l2 %zu row %zu", kernels->name, count, row);
        cr_assert_eq(got.inner_4[row], kernels->inner_product(a, at, count),
                     "%s ip_4 is not ip %zu row %zu", kernels->name, count, row);
        cr_assert_eq(got.l1_4[row], kernels->l1(a, at, count), "%s l1_4 is not l1 %zu row %zu",
                     kernels->name, count, row);
        cr_assert_eq(got.dot_4[row], dot, "%s dot_4 is not dot %zu row %zu", kernels->name, count,
                     row);
        cr_assert_eq(got.norm_4[row], norm, "%s norm_4 is not norm %zu row %zu", kernels->name,
                     count, row);
    }
    free(a_memory);
    free(b_memory);
    free(base);
}

static void
check_all(make_value make, bool is_exact)
{
    struct ky_prng prng;
    uint64_t seed = (uint64_t)time(NULL);
    printf("distance seed=%" PRIu64 "\n", seed);
    ky_prng_init(&prng, seed);
    size_t count = 0;
    const struct distance_kernels *const *variants = distance_kernels_all(&count);
    cr_assert_geq(count, 1);
    for (size_t i = 0; i < count; i++) {
        for (size_t size = 0; size <= COUNT_MAX; size++) {
            check(variants[i], &prng, size, make, is_exact);
        }
        check(variants[i], &prng, 1536, make, is_exact);
        check(variants[i], &prng, 16000, make, is_exact);
    }
}

Test(distance, small_integers_agree_exactly)
{
    check_all(small_integer, true);
}

Test(distance, fractions_agree_up_to_rounding)
{
    check_all(fraction, false);
}

Test(distance, uneven_values_agree_up_to_rounding)
{
    check_all(uneven, false);
}

/* Wherever it stands, one strange value decides the sum. */
Test(distance, infinities_and_nan_come_through)
{
    static const float strange[] = {INFINITY, -INFINITY, NAN};
    size_t count = 0;
    const struct distance_kernels *const *variants = distance_kernels_all(&count);
    for (size_t v = 0; v < count; v++) {
        for (size_t i = 0; i < COUNT_MAX; i++) {
            for (size_t s = 0; s < 3; s++) {
                float a[COUNT_MAX];
                float b[COUNT_MAX] = {0};
                float base[4 * COUNT_MAX] = {0};
                for (size_t j = 0; j < COUNT_MAX; j++) {
                    a[j] = 1;
                }
                b[i] = base[2 * COUNT_MAX + i] = strange[s];
                struct sums sums = run(variants[v], a, b, base, COUNT_MAX, COUNT_MAX);
                bool is_nan = s == 2;
                cr_assert(is_nan ? isnan(sums.l2) : sums.l2 == INFINITY);
                cr_assert(is_nan ? isnan(sums.l1) : sums.l1 == INFINITY);
                cr_assert(is_nan ? isnan(sums.inner) : sums.inner == strange[s]);
                cr_assert(is_nan ? isnan(sums.dot) : sums.dot == strange[s]);
                cr_assert(is_nan ? isnan(sums.norm) : sums.norm == INFINITY);
                cr_assert(is_nan ? isnan(sums.four[2]) : sums.four[2] == INFINITY);
                cr_assert_eq(sums.four[0], (float)COUNT_MAX);
            }
        }
    }
}

Test(distance, sums_beyond_the_range_are_infinite)
{
    size_t count = 0;
    const struct distance_kernels *const *variants = distance_kernels_all(&count);
    for (size_t v = 0; v < count; v++) {
        for (size_t size = 1; size <= COUNT_MAX; size++) {
            float a[COUNT_MAX];
            float b[COUNT_MAX];
            for (size_t i = 0; i < COUNT_MAX; i++) {
                a[i] = FLT_MAX;
                b[i] = -FLT_MAX;
            }
            cr_assert_eq(variants[v]->l2_squared(a, b, size), INFINITY);
            cr_assert_eq(variants[v]->inner_product(a, b, size), -INFINITY);
            cr_assert_eq(variants[v]->l1(a, b, size), INFINITY);
        }
    }
}

Test(distance, the_chosen_variant_is_the_last_usable_one)
{
    size_t count = 0;
    const struct distance_kernels *const *variants = distance_kernels_all(&count);
    cr_expect_eq(distance_kernels(), variants[count - 1]);
    cr_expect_str_eq(variants[0]->name, "scalar");
}
