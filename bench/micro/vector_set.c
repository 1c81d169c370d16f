/* SPDX-License-Identifier: Apache-2.0 */

#include "bench/micro/vector_set.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/random.h"
#include "vector/distance/distance.h"

enum { QUERIES = 1000 };

const uint32_t vector_set_efs[] = {10, 16, 24, 32, 48, 64, 96, 128, 200, 400};
const uint32_t vector_set_ef_count = sizeof(vector_set_efs) / sizeof(vector_set_efs[0]);

struct recipe {
    const char *name;
    uint32_t dimension, rows, clusters, latent;
    int is_image, is_normalised;
};

static const struct recipe recipes[] = {
    {"image", 784, 20000, 40, 12, 1, 0},
    {"mix128", 128, 50000, 300, 32, 0, 0},
    {"mix384", 384, 20000, 200, 64, 0, 1},
};

/* Box and Muller. */
static float
normal(struct ky_prng *prng)
{
    double u = 1 - ky_prng_double(prng);
    double v = ky_prng_double(prng);
    return (float)(sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v));
}

struct patches {
    const struct recipe *recipe;
    float *centers, *bases;
};

static void
draw(const struct patches *patches, struct ky_prng *prng, float *out)
{
    const struct recipe *recipe = patches->recipe;
    size_t dimension = recipe->dimension;
    size_t cluster = ky_prng_below(prng, recipe->clusters);
    float latent[64];
    double norm = 0;
    for (uint32_t l = 0; l < recipe->latent; l++) {
        latent[l] = 1.2F * normal(prng);
    }
    for (size_t j = 0; j < dimension; j++) {
        float value = patches->centers[cluster * dimension + j] + 0.15F * normal(prng);
        for (uint32_t l = 0; l < recipe->latent; l++) {
            value += latent[l] * patches->bases[(cluster * recipe->latent + l) * dimension + j];
        }
        if (recipe->is_image != 0) {
            value = roundf(value * 60 + 60);
            value = value <= 0 ? 0 : value > 255 ? 255 : value;
        }
        out[j] = value;
        norm += (double)value * (double)value;
    }
    for (size_t j = 0; recipe->is_normalised != 0 && j < dimension; j++) {
        out[j] = (float)((double)out[j] / sqrt(norm));
    }
}

static double
squared(const struct vector_set *set, uint32_t query, uint64_t row)
{
    return (double)distance_kernels()->l2_squared(
        set->query_values + (size_t)query * set->dimension, set->values + row * set->dimension,
        set->dimension);
}

/* The tenth smallest of all, by insertion. */
static double
find_limit(const struct vector_set *set, vector_set_keep keep, const void *arg, uint32_t query)
{
    double best[VECTOR_SET_K];
    uint32_t count = 0;
    for (uint32_t row = 0; row < set->rows; row++) {
        if (keep != NULL && !keep(arg, row)) {
            continue;
        }
        double distance = squared(set, query, row);
        if (count == VECTOR_SET_K && distance >= best[count - 1]) {
            continue;
        }
        uint32_t at = count < VECTOR_SET_K ? count++ : count - 1;
        for (; at > 0 && best[at - 1] > distance; at--) {
            best[at] = best[at - 1];
        }
        best[at] = distance;
    }
    return count == 0 ? -1 : best[count - 1] * (1 + 1e-6);
}

void
vector_set_limits(const struct vector_set *set, vector_set_keep keep, const void *arg,
                  double *limits_out)
{
    for (uint32_t i = 0; i < set->queries; i++) {
        limits_out[i] = find_limit(set, keep, arg, i);
    }
}

static void
make_values(struct vector_set *set, const struct recipe *recipe)
{
    struct patches patches = {.recipe = recipe};
    struct ky_prng prng;
    size_t centers = (size_t)recipe->clusters * recipe->dimension;
    size_t bases = centers * recipe->latent;
    ky_prng_init(&prng, 1);
    patches.centers = (float *)ky_malloc(centers * sizeof(float));
    patches.bases = (float *)ky_malloc(bases * sizeof(float));
    for (size_t i = 0; i < centers; i++) {
        patches.centers[i] = normal(&prng);
    }
    for (size_t i = 0; i < bases; i++) {
        patches.bases[i] = normal(&prng) / sqrtf((float)recipe->latent);
    }
    for (size_t i = 0; i < set->rows; i++) {
        draw(&patches, &prng, set->values + i * set->dimension);
    }
    for (size_t i = 0; i < set->queries; i++) {
        draw(&patches, &prng, set->query_values + i * set->dimension);
    }
    ky_free(patches.centers);
    ky_free(patches.bases);
}

void
vector_set_make(struct vector_set *set, const char *name, uint32_t rows)
{
    const struct recipe *recipe = NULL;
    for (size_t i = 0; i < KY_COUNT_OF(recipes); i++) {
        recipe = strcmp(recipes[i].name, name) == 0 ? &recipes[i] : recipe;
    }
    if (recipe == NULL) {
        (void)fprintf(stderr, "no set \"%s\": image, mix128, mix384\n", name);
        exit(2);
    }
    set->dimension = recipe->dimension;
    set->rows = rows != 0 ? rows : recipe->rows;
    set->queries = QUERIES;
    set->values = (float *)ky_malloc((size_t)set->rows * set->dimension * sizeof(float));
    set->query_values = (float *)ky_malloc((size_t)QUERIES * set->dimension * sizeof(float));
    set->limits = (double *)ky_malloc(QUERIES * sizeof(double));
    make_values(set, recipe);
    vector_set_limits(set, NULL, NULL, set->limits);
}

void
vector_set_free(struct vector_set *set)
{
    ky_free(set->values);
    ky_free(set->query_values);
    ky_free(set->limits);
}

double
vector_set_recall_within(const struct vector_set *set, const double *limits, uint32_t query,
                         const uint64_t *rows, uint32_t count)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        found += squared(set, query, rows[i]) <= limits[query];
    }
    return (double)KY_MIN(found, (uint32_t)VECTOR_SET_K) / VECTOR_SET_K;
}

double
vector_set_recall(const struct vector_set *set, uint32_t query, const uint64_t *rows,
                  uint32_t count)
{
    return vector_set_recall_within(set, set->limits, query, rows, count);
}

double
vector_set_cpu_seconds(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double
vector_set_wall_seconds(void)
{
    return (double)ky_monotonic_ns() * 1e-9;
}
