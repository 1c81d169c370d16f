/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)

#include <immintrin.h>

#include "server/base/compiler.h"
#include "vector/distance/distance_private.h"

/* AVX-512F: sixteen lanes; the tail through a lane mask. */
#define TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
enum { LANES = 16 };

#define VEC __m512
#define ZERO() _mm512_setzero_ps()
#define LOAD(p) _mm512_loadu_ps(p)
#define ADD(x, y) _mm512_add_ps(x, y)
#define SUB(x, y) _mm512_sub_ps(x, y)
#define FMA(x, y, z) _mm512_fmadd_ps(x, y, z)
#define ABS(x) _mm512_abs_ps(x)
#define REDUCE(x) _mm512_reduce_add_ps(x)
#define LOAD_TAIL(p, left) load_tail(p, left)

TARGET static inline __m512
load_tail(const float *from, size_t left)
{
    if (left >= LANES) {
        return _mm512_loadu_ps(from);
    }
    return _mm512_maskz_loadu_ps((__mmask16)((1U << left) - 1), from);
}

TARGET static float
l2_squared(const float *a, const float *b, size_t count)
{
    __m512 sum0 = ZERO();
    __m512 sum1 = ZERO();
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        __m512 d0 = SUB(LOAD(a + i), LOAD(b + i));
        __m512 d1 = SUB(LOAD(a + i + LANES), LOAD(b + i + LANES));
        sum0 = FMA(d0, d0, sum0);
        sum1 = FMA(d1, d1, sum1);
    }
    for (; i < count; i += LANES) {
        __m512 d = SUB(LOAD_TAIL(a + i, count - i), LOAD_TAIL(b + i, count - i));
        sum0 = FMA(d, d, sum0);
    }
    return REDUCE(ADD(sum0, sum1));
}

TARGET static float
inner_product(const float *a, const float *b, size_t count)
{
    __m512 sum0 = ZERO();
    __m512 sum1 = ZERO();
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        sum0 = FMA(LOAD(a + i), LOAD(b + i), sum0);
        sum1 = FMA(LOAD(a + i + LANES), LOAD(b + i + LANES), sum1);
    }
    for (; i < count; i += LANES) {
        sum0 = FMA(LOAD_TAIL(a + i, count - i), LOAD_TAIL(b + i, count - i), sum0);
    }
    return REDUCE(ADD(sum0, sum1));
}

TARGET static float
l1(const float *a, const float *b, size_t count)
{
    __m512 sum = ZERO();
    for (size_t i = 0; i < count; i += LANES) {
        size_t left = count - i;
        sum = ADD(sum, ABS(SUB(LOAD_TAIL(a + i, left), LOAD_TAIL(b + i, left))));
    }
    return REDUCE(sum);
}

TARGET static void
cosine_parts(const float *a, const float *b, size_t count, float *dot_out,
             float *b_norm_squared_out)
{
    __m512 dot = ZERO();
    __m512 norm = ZERO();
    for (size_t i = 0; i < count; i += LANES) {
        __m512 y = LOAD_TAIL(b + i, count - i);
        dot = FMA(LOAD_TAIL(a + i, count - i), y, dot);
        norm = FMA(y, y, norm);
    }
    *dot_out = REDUCE(dot);
    *b_norm_squared_out = REDUCE(norm);
}

/* The query is loaded once for four rows. Each row is summed up just as it is alone: the same pair
 * gives the same bits whichever way it is computed. */
#define LOAD_LEFT(p) LOAD_TAIL(p, left)
#define FOUR(STEP, at, sum, load) \
    do {                          \
        STEP(0, at, sum, load);   \
        STEP(1, at, sum, load);   \
        STEP(2, at, sum, load);   \
        STEP(3, at, sum, load);   \
    } while (0)
#define SQUARE(row, at, sum, load)              \
    do {                                        \
        VEC d = SUB(q, load(rows[row] + (at))); \
        sum[row] = FMA(d, d, sum[row]);         \
    } while (0)
#define PRODUCT(row, at, sum, load) sum[row] = FMA(q, load(rows[row] + (at)), sum[row])
#define APART(row, at, sum, load) sum[row] = ADD(sum[row], ABS(SUB(q, load(rows[row] + (at)))))
#define COSINE(row, at, sum, load)          \
    do {                                    \
        VEC y = load(rows[row] + (at));     \
        sum[row] = FMA(q, y, sum[row]);     \
        norms[row] = FMA(y, y, norms[row]); \
    } while (0)

/* By turns into two sums, the tail into the first. */
#define TWO_SUMS(STEP)                               \
    VEC even[4] = {ZERO(), ZERO(), ZERO(), ZERO()};  \
    VEC odd[4] = {ZERO(), ZERO(), ZERO(), ZERO()};   \
    size_t i = 0;                                    \
    for (; i + 2 * LANES <= count; i += 2 * LANES) { \
        VEC q = LOAD(query + i);                     \
        FOUR(STEP, i, even, LOAD);                   \
        q = LOAD(query + i + LANES);                 \
        FOUR(STEP, i + LANES, odd, LOAD);            \
    }                                                \
    for (; i < count; i += LANES) {                  \
        size_t left = count - i;                     \
        VEC q = LOAD_LEFT(query + i);                \
        FOUR(STEP, i, even, LOAD_LEFT);              \
    }                                                \
    for (int row = 0; row < 4; row++) {              \
        out[row] = REDUCE(ADD(even[row], odd[row])); \
    }

TARGET static void
l2_squared_4(const float *query, const float *const rows[4], size_t count,
             float out[4]){TWO_SUMS(SQUARE)}

TARGET static void inner_product_4(const float *query, const float *const rows[4], size_t count,
                                   float out[4]){TWO_SUMS(PRODUCT)}

TARGET static void l1_4(const float *query, const float *const rows[4], size_t count, float out[4])
{
    VEC sums[4] = {ZERO(), ZERO(), ZERO(), ZERO()};
    for (size_t i = 0; i < count; i += LANES) {
        size_t left = count - i;
        VEC q = LOAD_LEFT(query + i);
        FOUR(APART, i, sums, LOAD_LEFT);
    }
    for (int row = 0; row < 4; row++) {
        out[row] = REDUCE(sums[row]);
    }
}

TARGET static void
cosine_parts_4(const float *query, const float *const rows[4], size_t count, float dots_out[4],
               float norms_squared_out[4])
{
    VEC dots[4] = {ZERO(), ZERO(), ZERO(), ZERO()};
    VEC norms[4] = {ZERO(), ZERO(), ZERO(), ZERO()};
    for (size_t i = 0; i < count; i += LANES) {
        size_t left = count - i;
        VEC q = LOAD_LEFT(query + i);
        FOUR(COSINE, i, dots, LOAD_LEFT);
    }
    for (int row = 0; row < 4; row++) {
        dots_out[row] = REDUCE(dots[row]);
        norms_squared_out[row] = REDUCE(norms[row]);
    }
}

const struct distance_kernels distance_avx512 = {
    .name = "avx512",
    .l2_squared = l2_squared,
    .inner_product = inner_product,
    .l1 = l1,
    .cosine_parts = cosine_parts,
    .l2_squared_4 = l2_squared_4,
    .inner_product_4 = inner_product_4,
    .l1_4 = l1_4,
    .cosine_parts_4 = cosine_parts_4,
};

#endif
