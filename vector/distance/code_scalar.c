/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "vector/distance/code_private.h"

/* The reference, byte by byte; and halves, which every variant must widen alike. */

static uint32_t
l2_squared(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t difference = (int32_t)a[i] - (int32_t)b[i];
        sum += (uint32_t)(difference * difference);
    }
    return sum;
}

static uint32_t
l1(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += a[i] > b[i] ? (uint32_t)(a[i] - b[i]) : (uint32_t)(b[i] - a[i]);
    }
    return sum;
}

static uint32_t
hamming(const uint8_t *a, const uint8_t *b, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (uint32_t)__builtin_popcount((unsigned)(a[i] ^ b[i]));
    }
    return sum;
}

static void
overlap(const uint8_t *a, const uint8_t *b, size_t count, uint32_t *both_out, uint32_t *either_out)
{
    uint32_t both = 0;
    uint32_t either = 0;
    for (size_t i = 0; i < count; i++) {
        both += (uint32_t)__builtin_popcount((unsigned)(a[i] & b[i]));
        either += (uint32_t)__builtin_popcount((unsigned)(a[i] | b[i]));
    }
    *both_out = both;
    *either_out = either;
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

static float
float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

float
half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
    uint32_t exponent = (half >> 10) & 0x1FU;
    uint32_t fraction = half & 0x3FFU;
    if (exponent == 0x1F) {
        /* The processor's conversion makes a signalling not-a-number quiet. */
        uint32_t quiet = fraction != 0 ? 0x400000U : 0;
        return float_of_bits(sign | 0x7F800000U | quiet | fraction << 13);
    }
    if (exponent == 0) {
        float value = (float)fraction * 0x1p-24F;
        return sign != 0 ? -value : value;
    }
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t
half_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint32_t sign = (bits >> 16) & 0x8000U;
    uint32_t magnitude = bits & 0x7FFFFFFFU;
    if (magnitude > 0x7F800000U) {
        return (uint16_t)(sign | 0x7E00U | ((magnitude >> 13) & 0x3FFU));
    }
    if (magnitude >= 0x477FF000U) { /* rounds to 65,536 or more */
        return (uint16_t)(sign | 0x7C00U);
    }
    if (magnitude < 0x38800000U) { /* below the smallest normal half */
        float scaled = float_of_bits(magnitude) * 0x1p24F;
        uint32_t whole = (uint32_t)scaled;
        float rest = scaled - (float)whole;
        whole += rest > 0.5F || (rest == 0.5F && whole % 2 == 1);
        return (uint16_t)(sign | whole);
    }
    uint32_t rounded = magnitude - 0x38000000U + 0xFFFU + ((magnitude >> 13) & 1U);
    return (uint16_t)(sign | rounded >> 13);
}

static void
spread(const uint8_t *bytes, uint8_t zero, float *floats, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        floats[i] = (float)((int)bytes[i] - (int)zero);
    }
}

static void
widen(const uint16_t *halves, float *floats, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        floats[i] = half_to_float(halves[i]);
    }
}

const struct code_kernels code_scalar = {
    .name = "scalar",
    .l2_squared = l2_squared,
    .l1 = l1,
    .hamming = hamming,
    .overlap = overlap,
    .l2_squared_4 = l2_squared_4,
    .l1_4 = l1_4,
    .spread = spread,
    .widen = widen,
};
