/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)

/* Four codes at a time. AVX2 compares signed numbers only: the sign bit is flipped first. */

#include <immintrin.h>

#include "index/rmi/rmi.h"
#include "server/base/assert.h"
#include "server/base/epoch_inline.h"

#define TARGET __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))

/* Which of four numbers are below the (flipped) one. */
TARGET static inline uint32_t
below_4(const uint64_t *numbers, __m256i flipped)
{
    const __m256i sign = _mm256_set1_epi64x(INT64_MIN);
    const __m256i four = _mm256_loadu_si256((const __m256i *)(const void *)numbers);
    const __m256i below = _mm256_cmpgt_epi64(flipped, _mm256_xor_si256(four, sign));
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(below));
}

TARGET static inline uint32_t
first_at_least(const uint64_t *codes, uint64_t code)
{
    const __m256i flipped = _mm256_set1_epi64x((long long)(code ^ (uint64_t)INT64_MIN));
    return (uint32_t)_mm_popcnt_u32(below_4(codes, flipped) | below_4(codes + 4, flipped) << 4);
}

TARGET static inline uint32_t
at_least_in_two(const struct rmi_block *block, uint64_t code)
{
    const __m256i flipped = _mm256_set1_epi64x((long long)(code ^ (uint64_t)INT64_MIN));
    const uint32_t below =
        below_4(block[0].codes, flipped) | below_4(block[0].codes + 4, flipped) << 4 |
        below_4(block[1].codes, flipped) << 8 | below_4(block[1].codes + 4, flipped) << 12;
    return below ^ UINT16_MAX;
}

TARGET static inline uint32_t
count_at_most(const uint64_t *heads, uint32_t count, uint64_t code)
{
    /* head <= code is not (head > code). */
    const __m256i sign = _mm256_set1_epi64x(INT64_MIN);
    const __m256i flipped = _mm256_set1_epi64x((long long)(code ^ (uint64_t)INT64_MIN));
    uint32_t above = 0;
    for (uint32_t i = 0; i < count; i += 4) {
        const __m256i four = _mm256_loadu_si256((const __m256i *)(const void *)(heads + i));
        const __m256i greater = _mm256_cmpgt_epi64(_mm256_xor_si256(four, sign), flipped);
        above +=
            (uint32_t)_mm_popcnt_u32((uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(greater)));
    }
    return count - above;
}

TARGET static inline uint32_t
count_below_16(const uint16_t *separators, uint16_t code)
{
    const __m256i wanted = _mm256_set1_epi16((short)code);
    uint32_t at_least = 0;
    for (uint32_t i = 0; i < RMI_PACKED_BLOCKS_MAX; i += 16) {
        const __m256i some = _mm256_loadu_si256((const __m256i *)(const void *)(separators + i));
        /* max(x, c) == x: x is at least c. */
        const __m256i found = _mm256_cmpeq_epi16(_mm256_max_epu16(some, wanted), some);
        at_least += (uint32_t)_mm_popcnt_u32((uint32_t)_mm256_movemask_epi8(found)) / 2;
    }
    return RMI_PACKED_BLOCKS_MAX - at_least;
}

#define KERNEL rmi_kernel_avx2
#define KERNEL_NAME "avx2"
#include "index/rmi/seek_template.h"

#endif
