/* SPDX-License-Identifier: Apache-2.0 */

#include "vector/distance/measure.h"

#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"

enum { ALIGNMENT = 64 };

static void *
aligned_new(size_t size)
{
    void *memory = aligned_alloc(ALIGNMENT, ky_align_up(size, ALIGNMENT));
    KY_ASSERT(memory != NULL);
    return memory;
}

size_t
vector_values_size(enum vector_element element, uint32_t dimension)
{
    switch (element) {
    case VECTOR_F32:
        return dimension * sizeof(float);
    case VECTOR_F16:
        return dimension * sizeof(uint16_t);
    case VECTOR_BIT:
        return (dimension + 7) / 8;
    }
    KY_UNREACHABLE();
}

void
measure_init(struct measure *measure, const struct vector_options *options, const void *query)
{
    *measure = (struct measure){
        .element = options->element,
        .metric = options->metric,
        .dimension = options->dimension,
        .size = vector_values_size(options->element, options->dimension),
        .kernels = distance_kernels(),
        .codes = code_kernels(),
    };
    size_t floats_size = options->dimension * sizeof(float);
    switch (options->element) {
    case VECTOR_F32:
        measure->query = (float *)aligned_new(floats_size);
        memcpy(measure->query, query, floats_size);
        break;
    case VECTOR_F16:
        measure->query = (float *)aligned_new(floats_size);
        measure->scratch = (float *)aligned_new(floats_size);
        measure->codes->widen((const uint16_t *)query, measure->query, options->dimension);
        break;
    case VECTOR_BIT:
        measure->bits = (uint8_t *)aligned_new(measure->size);
        memcpy(measure->bits, query, measure->size);
        break;
    }
    if (options->metric == VECTOR_COSINE) {
        measure->query_norm_squared = (double)measure->kernels->inner_product(
            measure->query, measure->query, options->dimension);
    }
}

void
measure_deinit(struct measure *measure)
{
    free(measure->query);
    free(measure->bits);
    free(measure->scratch);
}

static double
cosine_distance(const struct measure *measure, float dot, float norm_squared)
{
    double cosine = (double)dot / sqrt(measure->query_norm_squared * (double)norm_squared);
    /* A zero vector has no direction: not a number stays so. Rounding may go beyond one. */
    if (cosine > 1) {
        cosine = 1;
    } else if (cosine < -1) {
        cosine = -1;
    }
    return 1 - cosine;
}

double
measure_rank_floats(const struct measure *measure, const float *values)
{
    const struct distance_kernels *kernels = measure->kernels;
    size_t count = measure->dimension;
    switch (measure->metric) {
    case VECTOR_L2:
        return (double)kernels->l2_squared(measure->query, values, count);
    case VECTOR_INNER_PRODUCT:
        return -(double)kernels->inner_product(measure->query, values, count);
    case VECTOR_COSINE: {
        float dot = 0;
        float norm_squared = 0;
        kernels->cosine_parts(measure->query, values, count, &dot, &norm_squared);
        return cosine_distance(measure, dot, norm_squared);
    }
    case VECTOR_L1:
        return (double)kernels->l1(measure->query, values, count);
    case VECTOR_HAMMING:
    case VECTOR_JACCARD:
        break;
    }
    KY_UNREACHABLE();
}

void
measure_ranks_4(const struct measure *measure, const float *const rows[4], double ranks_out[4])
{
    const struct distance_kernels *kernels = measure->kernels;
    const float *query = measure->query;
    size_t count = measure->dimension;
    float sums[4] = {0};
    float norms[4] = {0};
    switch (measure->metric) {
    case VECTOR_L2:
        kernels->l2_squared_4(query, rows, count, sums);
        break;
    case VECTOR_INNER_PRODUCT:
        kernels->inner_product_4(query, rows, count, sums);
        break;
    case VECTOR_COSINE:
        kernels->cosine_parts_4(query, rows, count, sums, norms);
        break;
    case VECTOR_L1:
        kernels->l1_4(query, rows, count, sums);
        break;
    case VECTOR_HAMMING:
    case VECTOR_JACCARD:
        KY_UNREACHABLE();
    }
    for (int i = 0; i < 4; i++) {
        ranks_out[i] = measure->metric == VECTOR_COSINE
                           ? cosine_distance(measure, sums[i], norms[i])
                       : measure->metric == VECTOR_INNER_PRODUCT ? -(double)sums[i]
                                                                 : (double)sums[i];
    }
}

static double
bits_rank(const struct measure *measure, const uint8_t *bits)
{
    if (measure->metric == VECTOR_HAMMING) {
        return (double)measure->codes->hamming(measure->bits, bits, measure->size);
    }
    uint32_t both = 0;
    uint32_t either = 0;
    measure->codes->overlap(measure->bits, bits, measure->size, &both, &either);
    /* No bit in common, or none at all: as far as can be. */
    return both == 0 ? 1 : 1 - (double)both / (double)either;
}

const float *
measure_floats(struct measure *measure, const void *values)
{
    if (measure->element == VECTOR_F32) {
        return (const float *)values;
    }
    measure->codes->widen((const uint16_t *)values, measure->scratch, measure->dimension);
    return measure->scratch;
}

double
measure_rank(struct measure *measure, const void *values)
{
    if (measure->element == VECTOR_BIT) {
        return bits_rank(measure, (const uint8_t *)values);
    }
    return measure_rank_floats(measure, measure_floats(measure, values));
}

double
vector_distance(const struct vector_options *options, const void *a, const void *b)
{
    struct measure measure;
    measure_init(&measure, options, a);
    double distance = measure_distance(&measure, measure_rank(&measure, b));
    measure_deinit(&measure);
    return distance;
}
