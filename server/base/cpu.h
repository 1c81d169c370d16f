/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* What this processor can do, found once. Fields of another architecture are false. */
struct ky_cpu {
    bool has_sse42;
    bool has_avx2;   /* with FMA and OS support */
    bool has_avx512; /* F, BW, DQ, VL with OS support */
    bool has_avx512_vnni;
    bool has_neon;
    int core_count;
};

const struct ky_cpu *ky_cpu(void);
