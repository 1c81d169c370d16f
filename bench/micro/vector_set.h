/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Sets of vectors for benchmarks, made from a seed so that every program has the same ones. Each
 * cluster is a low-dimensional patch in the space, as real data are.
 *
 *     image    784 dimensions, whole numbers 0 to 255, 40 clusters of 12 latent dimensions
 *     mix128   128 dimensions, 300 clusters of 32 latent dimensions
 *     mix384   384 dimensions, normalised, 200 clusters of 64 latent dimensions
 */
struct vector_set {
    uint32_t dimension;
    uint32_t rows, queries;
    float *values;       /* owned */
    float *query_values; /* owned; drawn like the rows, not among them */
    double *limits; /* owned; of each query: squared distance of the 10th nearest, a little up */
};

enum { VECTOR_SET_K = 10 };

/* rows 0: the set's own number. Ends the program when the name is none. Computes the truth. */
void vector_set_make(struct vector_set *set, const char *name, uint32_t rows);
void vector_set_free(struct vector_set *set);
/* Share of the hits of query i that are among the true nearest. */
double vector_set_recall(const struct vector_set *set, uint32_t query, const uint64_t *rows,
                         uint32_t count);
/* Is this row among those searched? NULL: all are. */
typedef bool (*vector_set_keep)(const void *arg, uint32_t row);
/* As limits, of the rows that keep accepts; one for each query. */
void vector_set_limits(const struct vector_set *set, vector_set_keep keep, const void *arg,
                       double *limits_out);
/* Share of the hits of query i that are within limits[i]. */
double vector_set_recall_within(const struct vector_set *set, const double *limits, uint32_t query,
                                const uint64_t *rows, uint32_t count);
/* Processor time of all threads, seconds: a busy machine does not count. */
double vector_set_cpu_seconds(void);
double vector_set_wall_seconds(void);

extern const uint32_t vector_set_efs[];
extern const uint32_t vector_set_ef_count;

#ifdef __cplusplus
}
#endif
