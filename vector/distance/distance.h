/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Distance kernels, chosen once for this processor. count floats each; any alignment (faster
 * at 64 bytes). Every variant gives the scalar reference's result up to the rounding of
 * another summation order; integers small enough are exact in all of them.
 */
struct distance_kernels {
    const char *name; /* scalar, avx2, avx512, neon */
    float (*l2_squared)(const float *a, const float *b, size_t count);
    float (*inner_product)(const float *a, const float *b, size_t count);
    float (*l1)(const float *a, const float *b, size_t count);
    /* Both sums of the cosine in one pass besides a.b: |a|^2 is not needed per row. */
    void (*cosine_parts)(const float *a, const float *b, size_t count, float *dot_out,
                         float *b_norm_squared_out);
    /* Four rows against one query; each gets the bits it gets alone. */
    void (*l2_squared_4)(const float *query, const float *const rows[4], size_t count,
                         float out[4]);
    void (*inner_product_4)(const float *query, const float *const rows[4], size_t count,
                            float out[4]);
    void (*l1_4)(const float *query, const float *const rows[4], size_t count, float out[4]);
    void (*cosine_parts_4)(const float *query, const float *const rows[4], size_t count,
                           float dots_out[4], float norms_squared_out[4]);
};
const struct distance_kernels *distance_kernels(void);
/* All variants this processor can run, for tests. */
const struct distance_kernels *const *distance_kernels_all(size_t *count_out);
