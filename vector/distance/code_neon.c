/* SPDX-License-Identifier: Apache-2.0 */
#if defined(__aarch64__)

#include <arm_neon.h>

#include "vector/distance/code_private.h"

/* NEON: sixteen bytes at a time, the tail one by one. */

static uint32_t
l2_squared(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint32x4_t sum = vdupq_n_u32(0);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        uint8x16_t d = vabdq_u8(vld1q_u8(a + i), vld1q_u8(b + i));
        sum = vpadalq_u16(sum, vmull_u8(vget_low_u8(d), vget_low_u8(d)));
        sum = vpadalq_u16(sum, vmull_u8(vget_high_u8(d), vget_high_u8(d)));
    }
    return vaddvq_u32(sum) + code_scalar.l2_squared(a + i, b + i, count - i);
}

static uint32_t
l1(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint32x4_t sum = vdupq_n_u32(0);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        sum = vpadalq_u16(sum, vpaddlq_u8(vabdq_u8(vld1q_u8(a + i), vld1q_u8(b + i))));
    }
    return vaddvq_u32(sum) + code_scalar.l1(a + i, b + i, count - i);
}

static uint32_t
hamming(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint32x4_t sum = vdupq_n_u32(0);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        uint8x16_t differ = veorq_u8(vld1q_u8(a + i), vld1q_u8(b + i));
        sum = vpadalq_u16(sum, vpaddlq_u8(vcntq_u8(differ)));
    }
    return vaddvq_u32(sum) + code_scalar.hamming(a + i, b + i, count - i);
}

static void
overlap(const uint8_t *a, const uint8_t *b, size_t count, uint32_t *both_out, uint32_t *either_out)
{
    uint32x4_t both = vdupq_n_u32(0);
    uint32x4_t either = vdupq_n_u32(0);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        uint8x16_t x = vld1q_u8(a + i);
        uint8x16_t y = vld1q_u8(b + i);
        both = vpadalq_u16(both, vpaddlq_u8(vcntq_u8(vandq_u8(x, y))));
        either = vpadalq_u16(either, vpaddlq_u8(vcntq_u8(vorrq_u8(x, y))));
    }
    code_scalar.overlap(a + i, b + i, count - i, both_out, either_out);
    *both_out += vaddvq_u32(both);
    *either_out += vaddvq_u32(either);
}

static void
l2_squared_4(const uint8_t *query, const uint8_t *const rows[4], size_t count, uint32_t out[4])
{
    for (int row = 0; row < 4; row++) {
        out[row] = l2_squared(query, rows[row], count);
    }
}

static void
l1_4(const uint8_t *query, const uint8_t *const rows[4], size_t count, uint32_t out[4])
{
    for (int row = 0; row < 4; row++) {
        out[row] = l1(query, rows[row], count);
    }
}

static void
spread(const uint8_t *bytes, uint8_t zero, float *floats, size_t count)
{
    const int16x8_t zeros = vdupq_n_s16(zero);
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        int16x8_t wide = vsubq_s16(vreinterpretq_s16_u16(vmovl_u8(vld1_u8(bytes + i))), zeros);
        vst1q_f32(floats + i, vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide))));
        vst1q_f32(floats + i + 4, vcvtq_f32_s32(vmovl_s16(vget_high_s16(wide))));
    }
    code_scalar.spread(bytes + i, zero, floats + i, count - i);
}

static void
widen(const uint16_t *halves, float *floats, size_t count)
{
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        vst1q_f32(floats + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves + i))));
    }
    for (; i < count; i++) {
        floats[i] = half_to_float(halves[i]);
    }
}

const struct code_kernels code_neon = {
    .name = "neon",
    .l2_squared = l2_squared,
    .l1 = l1,
    .hamming = hamming,
    .overlap = overlap,
    .l2_squared_4 = l2_squared_4,
    .l1_4 = l1_4,
    .spread = spread,
    .widen = widen,
};

#endif
