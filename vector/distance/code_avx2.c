/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)

#include <immintrin.h>

#include "server/base/compiler.h"
#include "vector/distance/code_private.h"

/* AVX2: sixteen bytes are widened to words at a time; the tail byte by byte. */
#define TARGET __attribute__((target("avx2,popcnt")))
enum { LANES = 16 };

TARGET static inline __m256i
wide(const uint8_t *from)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)from));
}

TARGET static inline __m256i
add_squares(__m256i sum, __m256i a, __m256i b)
{
    __m256i d = _mm256_sub_epi16(a, b);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(d, d));
}

TARGET static inline uint32_t
reduce(__m256i x)
{
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
    return (uint32_t)_mm_cvtsi128_si32(half);
}

static inline uint32_t
squares_tail(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t d = (int32_t)a[i] - (int32_t)b[i];
        sum += (uint32_t)(d * d);
    }
    return sum;
}

TARGET static uint32_t
l2_squared(const uint8_t *a, const uint8_t *b, size_t count)
{
    __m256i sum = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        sum = add_squares(sum, wide(a + i), wide(b + i));
    }
    return reduce(sum) + squares_tail(a + i, b + i, count - i);
}

TARGET static void
l2_squared_4(const uint8_t *query, const uint8_t *const rows[4], size_t count, uint32_t out[4])
{
    __m256i sum0 = _mm256_setzero_si256();
    __m256i sum1 = _mm256_setzero_si256();
    __m256i sum2 = _mm256_setzero_si256();
    __m256i sum3 = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        __m256i q = wide(query + i);
        sum0 = add_squares(sum0, q, wide(rows[0] + i));
        sum1 = add_squares(sum1, q, wide(rows[1] + i));
        sum2 = add_squares(sum2, q, wide(rows[2] + i));
        sum3 = add_squares(sum3, q, wide(rows[3] + i));
    }
    out[0] = reduce(sum0) + squares_tail(query + i, rows[0] + i, count - i);
    out[1] = reduce(sum1) + squares_tail(query + i, rows[1] + i, count - i);
    out[2] = reduce(sum2) + squares_tail(query + i, rows[2] + i, count - i);
    out[3] = reduce(sum3) + squares_tail(query + i, rows[3] + i, count - i);
}

TARGET static uint32_t
l1(const uint8_t *a, const uint8_t *b, size_t count)
{
    __m256i sum = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(a + i));
        __m256i y = _mm256_loadu_si256((const __m256i *)(const void *)(b + i));
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(x, y));
    }
    uint32_t total = reduce(sum);
    for (; i < count; i++) {
        total += a[i] > b[i] ? (uint32_t)(a[i] - b[i]) : (uint32_t)(b[i] - a[i]);
    }
    return total;
}

TARGET static void
l1_4(const uint8_t *query, const uint8_t *const rows[4], size_t count, uint32_t out[4])
{
    for (int row = 0; row < 4; row++) {
        out[row] = l1(query, rows[row], count);
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
    const __m256i zeros = _mm256_set1_epi32(zero);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i packed = _mm_loadl_epi64((const __m128i *)(const void *)(bytes + i));
        __m256i wide = _mm256_sub_epi32(_mm256_cvtepu8_epi32(packed), zeros);
        _mm256_storeu_ps(floats + i, _mm256_cvtepi32_ps(wide));
    }
    for (; i < count; i++) {
        floats[i] = (float)((int)bytes[i] - (int)zero);
    }
}

/* Every processor with AVX2 that we know of converts halves (F16C). */
__attribute__((target("avx2,f16c"))) static void
widen(const uint16_t *halves, float *floats, size_t count)
{
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i packed = _mm_loadu_si128((const __m128i *)(const void *)(halves + i));
        _mm256_storeu_ps(floats + i, _mm256_cvtph_ps(packed));
    }
    for (; i < count; i++) {
        floats[i] = half_to_float(halves[i]);
    }
}

const struct code_kernels code_avx2 = {
    .name = "avx2",
    .l2_squared = l2_squared,
    .l1 = l1,
    .hamming = hamming,
    .overlap = overlap,
    .l2_squared_4 = l2_squared_4,
    .l1_4 = l1_4,
    .spread = spread,
    .widen = widen,
};

#endif
