/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)

/* One comparison for a block, two for a step through the heads. */

#include <immintrin.h>

#include "index/rmi/rmi.h"
#include "server/base/assert.h"
#include "server/base/epoch_inline.h"

#define TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,bmi,bmi2,lzcnt,popcnt")))

TARGET static inline uint32_t
first_at_least(const uint64_t *codes, uint64_t code)
{
    const __mmask8 found =
        _mm512_cmple_epu64_mask(_mm512_set1_epi64((long long)code), _mm512_load_si512(codes));
    return (uint32_t)_tzcnt_u32((uint32_t)found | 1U << RMI_BLOCK_SLOTS);
}

TARGET static inline uint32_t
at_least_in_two(const struct rmi_block *block, uint64_t code)
{
    const __m512i wanted = _mm512_set1_epi64((long long)code);
    const __mmask8 first = _mm512_cmple_epu64_mask(wanted, _mm512_load_si512(block[0].codes));
    const __mmask8 second = _mm512_cmple_epu64_mask(wanted, _mm512_load_si512(block[1].codes));
    return (uint32_t)_mm512_kunpackb(second, first);
}

TARGET static inline uint32_t
count_at_most(const uint64_t *heads, uint32_t count, uint64_t code)
{
    const __m512i wanted = _mm512_set1_epi64((long long)code);
    uint32_t found = _mm512_cmple_epu64_mask(_mm512_loadu_si512(heads), wanted);
    if (count > 8) {
        const uint32_t upper = _mm512_cmple_epu64_mask(_mm512_loadu_si512(heads + 8), wanted);
        found |= upper << 8;
    }
    return (uint32_t)_mm_popcnt_u32(found);
}

TARGET static inline uint32_t
count_below_16(const uint16_t *separators, uint16_t code)
{
    const __mmask32 below =
        _mm512_cmplt_epu16_mask(_mm512_load_si512(separators), _mm512_set1_epi16((short)code));
    return (uint32_t)_mm_popcnt_u32(below);
}

#define KERNEL rmi_kernel_avx512
#define KERNEL_NAME "avx512"
#include "index/rmi/seek_template.h"

#endif
