/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__x86_64__)

/* One comparison for a block, two for a step through the heads. */

#include <immintrin.h>

#include "index/rmi/rmi.h"
#include "index/rmi/verify.h"
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
equal_to(const uint64_t *codes, uint64_t code)
{
    return _mm512_cmpeq_epi64_mask(_mm512_set1_epi64((long long)code), _mm512_load_si512(codes));
}

/* In assembly, as GCC makes room for vectors on the stack of whoever uses some: eight instructions
 * of the sixty that a lookup has. The registers from 16 on need no cleaning up either. */
TARGET static inline uint32_t
equal_in_two(const struct rmi_block *block, uint64_t code)
{
    uint32_t equal;
    __asm__("vpbroadcastq %[code], %%zmm16\n\t"
            "vpcmpeqq %[first], %%zmm16, %%k1\n\t"
            "vpcmpeqq %[second], %%zmm16, %%k2\n\t"
            "kunpckwd %%k1, %%k2, %%k1\n\t"
            "kmovd %%k1, %[equal]"
            : [equal] "=r"(equal)
            : [code] "r"(code), [first] "m"(block[0].codes), [second] "m"(block[1].codes)
            : "xmm16", "k1", "k2");
    return equal;
}

TARGET static inline uint32_t
at_least_in_two(const struct rmi_block *block, uint64_t code)
{
    const __m512i wanted = _mm512_set1_epi64((long long)code);
    const __mmask8 first = _mm512_cmple_epu64_mask(wanted, _mm512_load_si512(block[0].codes));
    const __mmask8 second = _mm512_cmple_epu64_mask(wanted, _mm512_load_si512(block[1].codes));
    return _mm512_kunpackw(second, first);
}

TARGET static inline bool
is_inside_two(const struct rmi_block *block, uint64_t code)
{
    const __m512i wanted = _mm512_set1_epi64((long long)code);
    const __m512i pads = _mm512_set1_epi64(-1);
    const __m512i one = _mm512_load_si512(block[0].codes);
    const __m512i two = _mm512_load_si512(block[1].codes);
    const __mmask8 first = _mm512_cmplt_epu64_mask(wanted, one);
    const __mmask8 second = _mm512_cmplt_epu64_mask(wanted, two);
    return (first & 1) == 0 && !_kortestz_mask8_u8(_mm512_mask_cmplt_epu64_mask(first, one, pads),
                                                   _mm512_mask_cmplt_epu64_mask(second, two, pads));
}

TARGET static inline uint32_t
count_at_most(const uint64_t *heads, uint32_t count, uint64_t code)
{
    const __m512i wanted = _mm512_set1_epi64((long long)code);
    const __mmask8 first = _mm512_cmpge_epu64_mask(wanted, _mm512_loadu_si512(heads));
    if (count == 8) {
        return (uint32_t)_mm_popcnt_u32(first);
    }
    const __mmask8 second = _mm512_cmpge_epu64_mask(wanted, _mm512_loadu_si512(heads + 8));
    /* The second's bits from the 16th on: GCC counts 32 bits with an instruction less. */
    return (uint32_t)_mm_popcnt_u32(_mm512_kunpackw(second, first));
}

TARGET static inline uint32_t
count_below_16(const uint16_t *separators, uint16_t code)
{
    const __mmask32 below =
        _mm512_cmplt_epu16_mask(_mm512_load_si512(separators), _mm512_set1_epi16((short)code));
    return (uint32_t)_mm_popcnt_u32(below);
}

TARGET static inline uint32_t
any_bits(const uint64_t *numbers, uint64_t bits)
{
    return _mm512_test_epi64_mask(_mm512_load_si512(numbers), _mm512_set1_epi64((long long)bits));
}

TARGET static inline uint32_t
any_bits_not_in(const uint64_t *numbers, uint64_t bits)
{
    const __m512i wanted = _mm512_set1_epi64((long long)bits);
    return _mm512_test_epi64_mask(_mm512_xor_si512(_mm512_load_si512(numbers), wanted), wanted);
}

TARGET static inline __m512i
next_of(__m512i numbers)
{
    return _mm512_alignr_epi64(numbers, numbers, 1);
}

TARGET static inline uint32_t
equal_next(const uint64_t *numbers)
{
    const __m512i eight = _mm512_load_si512(numbers);
    return _mm512_cmpeq_epi64_mask(eight, next_of(eight));
}

TARGET static inline uint32_t
below_next(const uint64_t *numbers, uint64_t mask)
{
    const __m512i eight =
        _mm512_and_si512(_mm512_load_si512(numbers), _mm512_set1_epi64((long long)mask));
    return _mm512_cmplt_epu64_mask(eight, next_of(eight));
}

TARGET static inline void
raise_to(uint64_t *maxima, const uint64_t *numbers, uint64_t mask)
{
    const __m512i eight =
        _mm512_and_si512(_mm512_load_si512(numbers), _mm512_set1_epi64((long long)mask));
    _mm512_storeu_si512(maxima, _mm512_max_epu64(_mm512_loadu_si512(maxima), eight));
}

#define KERNEL rmi_kernel_avx512
#define KERNEL_NAME "avx512"
#include "index/rmi/verify_template.h"
/* and what it has defined */
#include "index/rmi/seek_template.h"

#endif
