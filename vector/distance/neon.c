/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__aarch64__)

#include <arm_neon.h>
#include <math.h>

#include "vector/distance/distance_private.h"

/* NEON: four lanes, the tail one by one. */

static float
l2_squared(const float *a, const float *b, size_t count)
{
    float32x4_t sum = vdupq_n_f32(0);
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        float32x4_t d = vsubq_f32(vld1q_f32(a + i), vld1q_f32(b + i));
        sum = vfmaq_f32(sum, d, d);
    }
    float total = vaddvq_f32(sum);
    for (; i < count; i++) {
        total += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return total;
}

static float
inner_product(const float *a, const float *b, size_t count)
{
    float32x4_t sum = vdupq_n_f32(0);
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        sum = vfmaq_f32(sum, vld1q_f32(a + i), vld1q_f32(b + i));
    }
    float total = vaddvq_f32(sum);
    for (; i < count; i++) {
        total += a[i] * b[i];
    }
    return total;
}

static float
l1(const float *a, const float *b, size_t count)
{
    float32x4_t sum = vdupq_n_f32(0);
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        sum = vaddq_f32(sum, vabdq_f32(vld1q_f32(a + i), vld1q_f32(b + i)));
    }
    float total = vaddvq_f32(sum);
    for (; i < count; i++) {
        total += fabsf(a[i] - b[i]);
    }
    return total;
}

static void
cosine_parts(const float *a, const float *b, size_t count, float *dot_out,
             float *b_norm_squared_out)
{
    *dot_out = inner_product(a, b, count);
    *b_norm_squared_out = inner_product(b, b, count);
}

static void
l2_squared_4(const float *query, const float *const rows[4], size_t count, float out[4])
{
    for (size_t row = 0; row < 4; row++) {
        out[row] = l2_squared(query, rows[row], count);
    }
}

static void
inner_product_4(const float *query, const float *const rows[4], size_t count, float out[4])
{
    for (size_t row = 0; row < 4; row++) {
        out[row] = inner_product(query, rows[row], count);
    }
}

static void
l1_4(const float *query, const float *const rows[4], size_t count, float out[4])
{
    for (size_t row = 0; row < 4; row++) {
        out[row] = l1(query, rows[row], count);
    }
}

static void
cosine_parts_4(const float *query, const float *const rows[4], size_t count, float dots_out[4],
               float norms_squared_out[4])
{
    for (size_t row = 0; row < 4; row++) {
        cosine_parts(query, rows[row], count, &dots_out[row], &norms_squared_out[row]);
    }
}

const struct distance_kernels distance_neon = {
    .name = "neon",
    .l2_squared = l2_squared,
    .inner_product = inner_product,
    .l1 = l1,
    .cosine_parts = cosine_parts,
    .l2_squared_4 = l2_squared_4,
    .inner_product_4 = inner_product_4,
    .l1_4 = l1_4,
    .cosine_parts_4 = cosine_parts_4,
};

#endif
