/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "vector/distance/distance_private.h"

/* The reference: one sum, in the order of the elements. */

static float
l2_squared(const float *a, const float *b, size_t count)
{
    float sum = 0;
    for (size_t i = 0; i < count; i++) {
        float difference = a[i] - b[i];
        sum += difference * difference;
    }
    return sum;
}

static float
inner_product(const float *a, const float *b, size_t count)
{
    float sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static float
l1(const float *a, const float *b, size_t count)
{
    float sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += fabsf(a[i] - b[i]);
    }
    return sum;
}

static void
cosine_parts(const float *a, const float *b, size_t count, float *dot_out,
             float *b_norm_squared_out)
{
    float dot = 0;
    float norm = 0;
    for (size_t i = 0; i < count; i++) {
        dot += a[i] * b[i];
        norm += b[i] * b[i];
    }
    *dot_out = dot;
    *b_norm_squared_out = norm;
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

const struct distance_kernels distance_scalar = {
    .name = "scalar",
    .l2_squared = l2_squared,
    .inner_product = inner_product,
    .l1 = l1,
    .cosine_parts = cosine_parts,
    .l2_squared_4 = l2_squared_4,
    .inner_product_4 = inner_product_4,
    .l1_4 = l1_4,
    .cosine_parts_4 = cosine_parts_4,
};
