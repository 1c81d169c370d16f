/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <string.h>

/* IEEE 754 binary16 as its bits: sign, five bits of exponent (bias 15), ten of mantissa. */

static inline float
ky_half_to_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
    const uint32_t exponent = (half >> 10) & 0x1FU;
    const uint32_t mantissa = half & 0x3FFU;
    uint32_t bits;
    float value;
    if (exponent == 0) {
        /* Zero or subnormal: a multiple of 2^-24, which a float holds exactly. */
        value = (float)mantissa * 0x1p-24F;
        return sign == 0 ? value : -value;
    }
    if (exponent == 0x1F) {
        bits = sign | UINT32_C(0x7F800000) | mantissa << 13;
    } else {
        bits = sign | (exponent + 127 - 15) << 23 | mantissa << 13;
    }
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Nearest, ties to even; what is too large becomes infinite. */
static inline uint16_t
ky_half_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    const uint32_t sign = bits >> 16 & 0x8000U;
    const uint32_t magnitude = bits & UINT32_C(0x7FFFFFFF);
    if (magnitude > UINT32_C(0x7F800000)) {
        return (uint16_t)(sign | 0x7E00U | (magnitude >> 13 & 0x3FFU));
    }
    if (magnitude >= UINT32_C(0x477FF000)) { /* 65520 rounds to 2^16 */
        return (uint16_t)(sign | 0x7C00U);
    }
    if (magnitude < UINT32_C(0x38800000)) { /* below 2^-14: a count of 2^-24 */
        if (magnitude < UINT32_C(0x33000000)) {
            return (uint16_t)sign;
        }
        const uint32_t shift = 126 - (magnitude >> 23); /* 14 to 24 */
        const uint32_t mantissa = (magnitude & UINT32_C(0x7FFFFF)) | UINT32_C(0x800000);
        const uint32_t rest = mantissa & ((UINT32_C(1) << shift) - 1);
        const uint32_t middle = UINT32_C(1) << (shift - 1);
        uint32_t half = mantissa >> shift;
        half += rest > middle || (rest == middle && (half & 1U) != 0);
        return (uint16_t)(sign | half);
    }
    /* A carry out of the mantissa moves the exponent up, as it should. */
    const uint32_t rounded = magnitude + 0xFFFU + (magnitude >> 13 & 1U);
    return (uint16_t)(sign | ((rounded - (UINT32_C(112) << 23)) >> 13));
}
