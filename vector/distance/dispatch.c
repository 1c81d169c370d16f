/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/cpu.h"
#include "vector/distance/distance_private.h"

const struct distance_kernels *const *
distance_kernels_all(size_t *count_out)
{
    static const struct distance_kernels *usable[4];
    size_t count = 0;
    usable[count++] = &distance_scalar;
#if defined(__x86_64__)
    if (ky_cpu()->has_avx2) {
        usable[count++] = &distance_avx2;
    }
    if (ky_cpu()->has_avx512) {
        usable[count++] = &distance_avx512;
    }
#endif
#if defined(__aarch64__)
    usable[count++] = &distance_neon;
#endif
    *count_out = count;
    return usable;
}

const struct distance_kernels *
distance_kernels(void)
{
#if defined(__x86_64__)
    if (ky_cpu()->has_avx512) {
        return &distance_avx512;
    }
    if (ky_cpu()->has_avx2) {
        return &distance_avx2;
    }
#endif
#if defined(__aarch64__)
    return &distance_neon;
#else
    return &distance_scalar;
#endif
}
