/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)

#include <immintrin.h>

#include "server/base/compiler.h"
#include "vector/distance/code_private.h"

/*
 * AVX-512: thirty-two bytes are widened to words, subtracted, and squares added in pairs; with
 * VNNI the adding is part of the multiplication. Tails through byte masks. The bodies are written
 * once, as macros over the instruction that adds squares.
 */
#define TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,popcnt")))
#define TARGET_VNNI __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512vnni,popcnt")))
enum { LANES = 32 };

#define TAIL_MASK(left) ((__mmask32)((left) >= LANES ? ~0U : (1U << (left)) - 1U))
#define WIDE(p, left) _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(TAIL_MASK(left), (p)))
#define WIDE_FULL(p) _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(p)))
#define MADD(sum, d) _mm512_add_epi32((sum), _mm512_madd_epi16((d), (d)))
#define DPWSSD(sum, d) _mm512_dpwssd_epi32((sum), (d), (d))
#define REDUCE(sum) ((uint32_t)_mm512_reduce_add_epi32(sum))

#define DEFINE_L2(name, target_attribute, SQUARES)                                             \
    target_attribute static uint32_t name(const uint8_t *a, const uint8_t *b, size_t count)    \
    {                                                                                          \
        __m512i sum0 = _mm512_setzero_si512();                                                 \
        __m512i sum1 = _mm512_setzero_si512();                                                 \
        size_t i = 0;                                                                          \
        for (; i + 2 * LANES <= count; i += 2 * LANES) {                                       \
            __m512i d0 = _mm512_sub_epi16(WIDE_FULL(a + i), WIDE_FULL(b + i));                 \
            __m512i d1 = _mm512_sub_epi16(WIDE_FULL(a + i + LANES), WIDE_FULL(b + i + LANES)); \
            sum0 = SQUARES(sum0, d0);                                                          \
            sum1 = SQUARES(sum1, d1);                                                          \
        }                                                                                      \
        for (; i < count; i += LANES) {                                                        \
            size_t left = count - i;                                                           \
            __m512i d = _mm512_sub_epi16(WIDE(a + i, left), WIDE(b + i, left));                \
            sum0 = SQUARES(sum0, d);                                                           \
        }                                                                                      \
        return REDUCE(_mm512_add_epi32(sum0, sum1));                                           \
    }

#define STEP_4(SQUARES, LOAD_ROW)                                     \
    sum0 = SQUARES(sum0, _mm512_sub_epi16(q, LOAD_ROW(rows[0] + i))); \
    sum1 = SQUARES(sum1, _mm512_sub_epi16(q, LOAD_ROW(rows[1] + i))); \
    sum2 = SQUARES(sum2, _mm512_sub_epi16(q, LOAD_ROW(rows[2] + i))); \
    sum3 = SQUARES(sum3, _mm512_sub_epi16(q, LOAD_ROW(rows[3] + i)))
#define WIDE_LEFT(p) WIDE(p, left)

#define DEFINE_L2_4(name, target_attribute, SQUARES)                                      \
    target_attribute static void name(const uint8_t *query, const uint8_t *const rows[4], \
                                      size_t count, uint32_t out[4])                      \
    {                                                                                     \
        __m512i sum0 = _mm512_setzero_si512();                                            \
        __m512i sum1 = _mm512_setzero_si512();                                            \
        __m512i sum2 = _mm512_setzero_si512();                                            \
        __m512i sum3 = _mm512_setzero_si512();                                            \
        size_t i = 0;                                                                     \
        for (; i + LANES <= count; i += LANES) {                                          \
            __m512i q = WIDE_FULL(query + i);                                             \
            STEP_4(SQUARES, WIDE_FULL);                                                   \
        }                                                                                 \
        if (i < count) {                                                                  \
            size_t left = count - i;                                                      \
            __m512i q = WIDE_LEFT(query + i);                                             \
            STEP_4(SQUARES, WIDE_LEFT);                                                   \
        }                                                                                 \
        out[0] = REDUCE(sum0);                                                            \
        out[1] = REDUCE(sum1);                                                            \
        out[2] = REDUCE(sum2);                                                            \
        out[3] = REDUCE(sum3);                                                            \
    }

DEFINE_L2(l2_squared, TARGET, MADD)
DEFINE_L2(l2_squared_vnni, TARGET_VNNI, DPWSSD)
DEFINE_L2_4(l2_squared_4, TARGET, MADD)
DEFINE_L2_4(l2_squared_4_vnni, TARGET_VNNI, DPWSSD)

TARGET static inline __m512i
load(const uint8_t *from, size_t left)
{
    __mmask64 mask = left >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
    return _mm512_maskz_loadu_epi8(mask, from);
}

TARGET static uint32_t
l1(const uint8_t *a, const uint8_t *b, size_t count)
{
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < count; i += 64) {
        sum =
            _mm512_add_epi64(sum, _mm512_sad_epu8(load(a + i, count - i), load(b + i, count - i)));
    }
    return (uint32_t)_mm512_reduce_add_epi64(sum);
}

TARGET static void
l1_4(const uint8_t *query, const uint8_t *const rows[4], size_t count, uint32_t out[4])
{
    __m512i sums[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                       _mm512_setzero_si512()};
    for (size_t i = 0; i < count; i += 64) {
        __m512i q = load(query + i, count - i);
        for (int row = 0; row < 4; row++) {
            sums[row] =
                _mm512_add_epi64(sums[row], _mm512_sad_epu8(q, load(rows[row] + i, count - i)));
        }
    }
    for (int row = 0; row < 4; row++) {
        out[row] = (uint32_t)_mm512_reduce_add_epi64(sums[row]);
    }
}

TARGET static inline uint64_t
load_word(const uint8_t *from, size_t left)
{
    uint64_t word = 0;
    if (left >= sizeof(word)) {
        __builtin_memcpy(&word, from, sizeof(word));
    } else {
        __builtin_memcpy(&word, from, left);
    }
    return word;
}

TARGET static uint32_t
hamming(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i += 8) {
        uint64_t x = load_word(a + i, count - i);
        uint64_t y = load_word(b + i, count - i);
        sum += (uint64_t)__builtin_popcountll(x ^ y);
    }
    return (uint32_t)sum;
}

TARGET static void
overlap(const uint8_t *a, const uint8_t *b, size_t count, uint32_t *both_out, uint32_t *either_out)
{
    uint64_t both = 0;
    uint64_t either = 0;
    for (size_t i = 0; i < count; i += 8) {
        uint64_t x = load_word(a + i, count - i);
        uint64_t y = load_word(b + i, count - i);
        both += (uint64_t)__builtin_popcountll(x & y);
        either += (uint64_t)__builtin_popcountll(x | y);
    }
    *both_out = (uint32_t)both;
    *either_out = (uint32_t)either;
}

TARGET static void
spread(const uint8_t *bytes, uint8_t zero, float *floats, size_t count)
{
    const __m512i zeros = _mm512_set1_epi32(zero);
    for (size_t i = 0; i < count; i += 16) {
        size_t left = count - i;
        __mmask16 mask = (__mmask16)(left >= 16 ? 0xFFFFU : (1U << left) - 1U);
        __m512i wide = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, bytes + i));
        _mm512_mask_storeu_ps(floats + i, mask, _mm512_cvtepi32_ps(_mm512_sub_epi32(wide, zeros)));
    }
}

TARGET static void
widen(const uint16_t *halves, float *floats, size_t count)
{
    for (size_t i = 0; i < count; i += 16) {
        size_t left = count - i;
        __mmask16 mask = (__mmask16)(left >= 16 ? 0xFFFFU : (1U << left) - 1U);
        __m512 wide = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, halves + i));
        _mm512_mask_storeu_ps(floats + i, mask, wide);
    }
}

const struct code_kernels code_avx512 = {
    .name = "avx512",
    .l2_squared = l2_squared,
    .l1 = l1,
    .hamming = hamming,
    .overlap = overlap,
    .l2_squared_4 = l2_squared_4,
    .l1_4 = l1_4,
    .spread = spread,
    .widen = widen,
};

const struct code_kernels code_avx512vnni = {
    .name = "avx512vnni",
    .l2_squared = l2_squared_vnni,
    .l1 = l1,
    .hamming = hamming,
    .overlap = overlap,
    .l2_squared_4 = l2_squared_4_vnni,
    .l1_4 = l1_4,
    .spread = spread,
    .widen = widen,
};

#endif
