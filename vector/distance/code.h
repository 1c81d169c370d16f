/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Distances between rows of bytes, chosen once for this processor: what a graph is walked by.
 * Whole numbers, so every variant gives exactly the scalar reference's result. count bytes each,
 * any alignment; sums fit for count up to 65,000.
 */
struct code_kernels {
    const char *name; /* scalar, avx2, avx512, avx512vnni, neon */
    uint32_t (*l2_squared)(const uint8_t *a, const uint8_t *b, size_t count);
    uint32_t (*l1)(const uint8_t *a, const uint8_t *b, size_t count);
    /* Bits that differ. */
    uint32_t (*hamming)(const uint8_t *a, const uint8_t *b, size_t count);
    /* Bits set in both, and in either. */
    void (*overlap)(const uint8_t *a, const uint8_t *b, size_t count, uint32_t *both_out,
                    uint32_t *either_out);
    /* Four rows, wherever they are, against one query. */
    void (*l2_squared_4)(const uint8_t *query, const uint8_t *const rows[4], size_t count,
                         uint32_t out[4]);
    void (*l1_4)(const uint8_t *query, const uint8_t *const rows[4], size_t count, uint32_t out[4]);
    /* Bytes, less what stands for zero, as floats. */
    void (*spread)(const uint8_t *bytes, uint8_t zero, float *floats, size_t count);
    /* IEEE halves to floats. */
    void (*widen)(const uint16_t *halves, float *floats, size_t count);
};
const struct code_kernels *code_kernels(void);
/* All variants this processor can run, for tests. */
const struct code_kernels *const *code_kernels_all(size_t *count_out);

/* One IEEE half: exact; and back, to nearest even. */
float half_to_float(uint16_t half);
uint16_t half_from_float(float value);
