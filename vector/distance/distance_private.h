/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/distance/distance.h"

extern const struct distance_kernels distance_scalar;
#if defined(__x86_64__)
extern const struct distance_kernels distance_avx2;
extern const struct distance_kernels distance_avx512;
#endif
#if defined(__aarch64__)
extern const struct distance_kernels distance_neon;
#endif
