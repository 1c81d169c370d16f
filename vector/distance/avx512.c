/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)

#include <immintrin.h>

#include "server/base/compiler.h"
#include "vector/distance/distance_private.h"

/* AVX-512F: sixteen lanes; the tail through a lane mask. */
#define TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
enum { LANES = 16 };

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

/* The query is loaded once for four rows. Each row is summed up just as l2_squared does it: the
 * same pair gives the same bits whichever way it is computed. */
#define STEP(row, at, sum, load)                   \
    do {                                           \
        __m512 d = SUB(q, load(rows[row] + (at))); \
        sum = FMA(d, d, sum);                      \
    } while (0)
#define LOAD_LEFT(p) LOAD_TAIL(p, left)

TARGET static void
l2_squared_4(const float *query, const float *const rows[4], size_t count, float out[4])
{
    __m512 even[4] = {ZERO(), ZERO(), ZERO(), ZERO()};
    __m512 odd[4] = {ZERO(), ZERO(), ZERO(), ZERO()};
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        __m512 q = LOAD(query + i);
        STEP(0, i, even[0], LOAD);
        STEP(1, i, even[1], LOAD);
        STEP(2, i, even[2], LOAD);
        STEP(3, i, even[3], LOAD);
        q = LOAD(query + i + LANES);
        STEP(0, i + LANES, odd[0], LOAD);
        STEP(1, i + LANES, odd[1], LOAD);
        STEP(2, i + LANES, odd[2], LOAD);
        STEP(3, i + LANES, odd[3], LOAD);
    }
    for (; i < count; i += LANES) {
        size_t left = count - i;
        __m512 q = LOAD_LEFT(query + i);
        STEP(0, i, even[0], LOAD_LEFT);
        STEP(1, i, even[1], LOAD_LEFT);
        STEP(2, i, even[2], LOAD_LEFT);
        STEP(3, i, even[3], LOAD_LEFT);
    }
    for (int row = 0; row < 4; row++) {
        out[row] = REDUCE(ADD(even[row], odd[row]));
    }
}

const struct distance_kernels distance_avx512 = {
    .name = "avx512",
    .l2_squared = l2_squared,
    .inner_product = inner_product,
    .l1 = l1,
    .cosine_parts = cosine_parts,
    .l2_squared_4 = l2_squared_4,
};

#endif
