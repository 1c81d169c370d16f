/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/distance/code.h"

extern const struct code_kernels code_scalar;
#if defined(__x86_64__)
extern const struct code_kernels code_avx2;
extern const struct code_kernels code_avx512;
extern const struct code_kernels code_avx512vnni;
#endif
#if defined(__aarch64__)
extern const struct code_kernels code_neon;
#endif
