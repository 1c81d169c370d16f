/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <math.h>

#include "vector/collection.h"
#include "vector/distance/code.h"
#include "vector/distance/distance.h"

/*
 * One query against vectors as they are stored, of any element and metric. A rank is a number in
 * the order of the distances but cheaper: for L2 the squared distance. (Two different floats have
 * different square roots as doubles, so ties stay ties.) One thread's.
 */
struct measure {
    enum vector_element element;
    enum vector_metric metric;
    uint32_t dimension;
    size_t size; /* bytes of a vector */
    const struct distance_kernels *kernels;
    const struct code_kernels *codes;
    float *query;              /* owned; aligned; not for bits */
    uint8_t *bits;             /* owned; for bits */
    float *scratch;            /* owned; a row of halves as floats */
    double query_norm_squared; /* for cosine */
};

/* query is copied. */
void measure_init(struct measure *measure, const struct vector_options *options, const void *query);
void measure_deinit(struct measure *measure);
/* Of a row as it is stored, aligned for its element. */
double measure_rank(struct measure *measure, const void *values);
/* The same of a row that has been made floats; not for bits. */
double measure_rank_floats(const struct measure *measure, const float *values);
/* Of four, to the same bits. */
void measure_ranks_4(const struct measure *measure, const float *const rows[4],
                     double ranks_out[4]);

static inline double
measure_distance(const struct measure *measure, double rank)
{
    return measure->metric == VECTOR_L2 ? sqrt(rank) : rank;
}

/* A row as floats, in the measure's scratch unless it is floats already; not for bits. */
const float *measure_floats(struct measure *measure, const void *values);
