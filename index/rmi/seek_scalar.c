/* SPDX-License-Identifier: Apache-2.0 */

/* The reference: what every processor can do. */

#include "index/rmi/rmi.h"
#include "index/rmi/verify.h"
#include "server/base/assert.h"
#include "server/base/cpu.h"
#include "server/base/epoch_inline.h"

#define TARGET

static inline uint32_t
first_at_least(const uint64_t *codes, uint64_t code)
{
    uint32_t below = 0;
    for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i++) {
        below += codes[i] < code;
    }
    return below;
}

static inline uint32_t
equal_to(const uint64_t *codes, uint64_t code)
{
    uint32_t equal = 0;
    for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i++) {
        equal |= (uint32_t)(codes[i] == code) << i;
    }
    return equal;
}

static inline uint32_t
equal_in_two(const struct rmi_block *block, uint64_t code)
{
    return equal_to(block[0].codes, code) | equal_to(block[1].codes, code) << RMI_BLOCK_WORDS;
}

static inline uint32_t
at_least_in_two(const struct rmi_block *block, uint64_t code)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i++) {
        found |= (uint32_t)(block[0].codes[i] >= code) << i;
        found |= (uint32_t)(block[1].codes[i] >= code) << (RMI_BLOCK_WORDS + i);
    }
    return found;
}

static inline bool
is_inside_two(const struct rmi_block *block, uint64_t code)
{
    const uint32_t found = at_least_in_two(block, code);
    const uint32_t pads = equal_in_two(block, UINT64_MAX);
    return (found & 1) == 0 && (found & ~pads) != 0;
}

static inline uint32_t
count_at_most(const uint64_t *heads, uint32_t count, uint64_t code)
{
    uint32_t at_most = 0;
    for (uint32_t i = 0; i < count; i++) {
        at_most += heads[i] <= code;
    }
    return at_most;
}

static inline uint32_t
count_below_16(const uint16_t *separators, uint16_t code)
{
    uint32_t below = 0;
    for (uint32_t i = 0; i < RMI_PACKED_BLOCKS_MAX; i++) {
        below += separators[i] < code;
    }
    return below;
}

static inline uint32_t
any_bits(const uint64_t *numbers, uint64_t bits)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i++) {
        found |= (uint32_t)((numbers[i] & bits) != 0) << i;
    }
    return found;
}

static inline uint32_t
any_bits_not_in(const uint64_t *numbers, uint64_t bits)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i++) {
        found |= (uint32_t)((~numbers[i] & bits) != 0) << i;
    }
    return found;
}

static inline uint32_t
equal_next(const uint64_t *numbers)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i + 1 < RMI_BLOCK_SLOTS; i++) {
        found |= (uint32_t)(numbers[i] == numbers[i + 1]) << i;
    }
    return found;
}

static inline uint32_t
below_next(const uint64_t *numbers, uint64_t mask)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i + 1 < RMI_BLOCK_SLOTS; i++) {
        found |= (uint32_t)((numbers[i] & mask) < (numbers[i + 1] & mask)) << i;
    }
    return found;
}

static inline void
raise_to(uint64_t *maxima, const uint64_t *numbers, uint64_t mask)
{
    for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i++) {
        maxima[i] = KY_MAX(maxima[i], numbers[i] & mask);
    }
}

#define KERNEL rmi_kernel_scalar
#define KERNEL_NAME "scalar"
#include "index/rmi/verify_template.h"
/* and what it has defined */
#include "index/rmi/seek_template.h"

_Atomic(const struct rmi_kernel *) rmi_kernel_chosen;

const struct rmi_kernel *
rmi_kernel_choose(void)
{
    const struct rmi_kernel *kernel = &rmi_kernel_scalar;
#if defined(__x86_64__)
    if (ky_cpu()->has_avx512) {
        kernel = &rmi_kernel_avx512;
    } else if (ky_cpu()->has_avx2) {
        kernel = &rmi_kernel_avx2;
    }
#endif
    atomic_store_explicit(&rmi_kernel_chosen, kernel, memory_order_relaxed);
    return kernel;
}
