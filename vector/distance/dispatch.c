/* SPDX-License-Identifier: Apache-2.0 */

/* Each set includes the ones before it: what runs AVX-512 also runs AVX2. */

#include "server/base/cpu.h"
#include "vector/distance/code_private.h"
#include "vector/distance/distance_private.h"

static const struct distance_kernels *const variants[] = {
    &distance_scalar,
#if defined(__x86_64__)
    &distance_avx2,
    &distance_avx512,
#endif
#if defined(__aarch64__)
    &distance_neon,
#endif
};

const struct distance_kernels *const *
distance_kernels_all(size_t *count_out)
{
    *count_out = 1;
#if defined(__x86_64__)
    const struct ky_cpu *cpu = ky_cpu();
    if (cpu->has_avx2) {
        *count_out = cpu->has_avx512 ? 3 : 2;
    }
#elif defined(__aarch64__)
    *count_out = 2;
#endif
    return variants;
}

const struct distance_kernels *
distance_kernels(void)
{
    size_t count = 0;
    const struct distance_kernels *const *usable = distance_kernels_all(&count);
    return usable[count - 1];
}

static const struct code_kernels *const code_variants[] = {
    &code_scalar,
#if defined(__x86_64__)
    &code_avx2,   &code_avx512, &code_avx512vnni,
#endif
#if defined(__aarch64__)
    &code_neon,
#endif
};

const struct code_kernels *const *
code_kernels_all(size_t *count_out)
{
    *count_out = 1;
#if defined(__x86_64__)
    const struct ky_cpu *cpu = ky_cpu();
    if (cpu->has_avx2) {
        *count_out = 2 + (cpu->has_avx512 ? 1U : 0U) + (cpu->has_avx512_vnni ? 1U : 0U);
    }
#elif defined(__aarch64__)
    *count_out = 2;
#endif
    return code_variants;
}

const struct code_kernels *
code_kernels(void)
{
    size_t count = 0;
    const struct code_kernels *const *usable = code_kernels_all(&count);
    return usable[count - 1];
}
