/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)

/* Four codes at a time. AVX2 compares signed numbers only: the sign bit is flipped first. */

#include <immintrin.h>

#include "index/rmi/rmi.h"
#include "index/rmi/verify.h"
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
signs(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(low)) |
           (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(high)) << 4;
}

TARGET static inline __m256i
load_4(const uint64_t *numbers)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)numbers);
}

TARGET static inline uint32_t
first_at_least(const uint64_t *codes, uint64_t code)
{
    const __m256i flipped = _mm256_set1_epi64x((long long)(code ^ (uint64_t)INT64_MIN));
    return (uint32_t)_mm_popcnt_u32(below_4(codes, flipped) | below_4(codes + 4, flipped) << 4);
}

TARGET static inline uint32_t
equal_to(const uint64_t *codes, uint64_t code)
{
    const __m256i wanted = _mm256_set1_epi64x((long long)code);
    return signs(_mm256_cmpeq_epi64(load_4(codes), wanted),
                 _mm256_cmpeq_epi64(load_4(codes + 4), wanted));
}

TARGET static inline uint32_t
equal_in_two(const struct rmi_block *block, uint64_t code)
{
    return equal_to(block[0].codes, code) | equal_to(block[1].codes, code) << RMI_BLOCK_WORDS;
}

TARGET static inline uint32_t
at_least_in_two(const struct rmi_block *block, uint64_t code)
{
    const __m256i flipped = _mm256_set1_epi64x((long long)(code ^ (uint64_t)INT64_MIN));
    const uint32_t below =
        below_4(block[0].codes, flipped) | below_4(block[0].codes + 4, flipped) << 4 |
        below_4(block[1].codes, flipped) << 16 | below_4(block[1].codes + 4, flipped) << 20;
    return below ^ 0x00ff00ff;
}

TARGET static inline bool
is_inside_two(const struct rmi_block *block, uint64_t code)
{
    const uint32_t found = at_least_in_two(block, code);
    const uint32_t pads = equal_in_two(block, UINT64_MAX);
    return (found & 1) == 0 && (found & ~pads) != 0;
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

TARGET static inline uint32_t
any_bits(const uint64_t *numbers, uint64_t bits)
{
    const __m256i wanted = _mm256_set1_epi64x((long long)bits);
    const __m256i zero = _mm256_setzero_si256();
    return signs(_mm256_cmpeq_epi64(_mm256_and_si256(load_4(numbers), wanted), zero),
                 _mm256_cmpeq_epi64(_mm256_and_si256(load_4(numbers + 4), wanted), zero)) ^
           UINT8_MAX;
}

TARGET static inline uint32_t
any_bits_not_in(const uint64_t *numbers, uint64_t bits)
{
    const __m256i wanted = _mm256_set1_epi64x((long long)bits);
    return signs(_mm256_cmpeq_epi64(_mm256_and_si256(load_4(numbers), wanted), wanted),
                 _mm256_cmpeq_epi64(_mm256_and_si256(load_4(numbers + 4), wanted), wanted)) ^
           UINT8_MAX;
}

TARGET static inline uint32_t
equal_next(const uint64_t *numbers)
{
    return signs(_mm256_cmpeq_epi64(load_4(numbers), load_4(numbers + 1)),
                 _mm256_cmpeq_epi64(load_4(numbers + 4), load_4(numbers + 5)));
}

TARGET static inline __m256i
below_next_4(const uint64_t *numbers, __m256i bits)
{
    const __m256i sign = _mm256_set1_epi64x(INT64_MIN);
    return _mm256_cmpgt_epi64(_mm256_xor_si256(_mm256_and_si256(load_4(numbers + 1), bits), sign),
                              _mm256_xor_si256(_mm256_and_si256(load_4(numbers), bits), sign));
}

TARGET static inline uint32_t
below_next(const uint64_t *numbers, uint64_t mask)
{
    const __m256i bits = _mm256_set1_epi64x((long long)mask);
    return signs(below_next_4(numbers, bits), below_next_4(numbers + 4, bits));
}

/* The mask leaves the sign bit out. */
TARGET static inline void
raise_to(uint64_t *maxima, const uint64_t *numbers, uint64_t mask)
{
    const __m256i bits = _mm256_set1_epi64x((long long)mask);
    for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i += 4) {
        const __m256i before = load_4(maxima + i);
        const __m256i four = _mm256_and_si256(load_4(numbers + i), bits);
        const __m256i is_greater = _mm256_cmpgt_epi64(four, before);
        _mm256_storeu_si256((__m256i *)(void *)(maxima + i),
                            _mm256_blendv_epi8(before, four, is_greater));
    }
}

#define KERNEL rmi_kernel_avx2
#define KERNEL_NAME "avx2"
#include "index/rmi/verify_template.h"
/* and what it has defined */
#include "index/rmi/seek_template.h"

#endif
