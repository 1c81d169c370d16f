/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The distance kernels on vectors that stay in the first cache, and the exact search on a
 * collection that does not.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/clock.h"
#include "server/base/random.h"
#include "vector/collection.h"
#include "vector/distance/distance.h"

enum { ROUNDS = 400000, DIMENSION_MAX = 1536, ROWS = 20000, SEARCHES = 20 };

static float query[DIMENSION_MAX];
static float rows[4 * DIMENSION_MAX];
static volatile float sink;

static double
ns_per(int64_t started_ns, int count)
{
    return (double)(ky_monotonic_ns() - started_ns) / (double)count;
}

static double
time_pair(float (*kernel)(const float *, const float *, size_t), size_t dimension)
{
    int64_t started = ky_monotonic_ns();
    float sum = 0;
    for (int i = 0; i < ROUNDS; i++) {
        sum += kernel(query, rows + (size_t)(i % 4) * dimension, dimension);
    }
    sink = sum;
    return ns_per(started, ROUNDS);
}

static double
time_group(const struct distance_kernels *kernels, size_t dimension)
{
    int64_t started = ky_monotonic_ns();
    float out[4];
    const float *const four[4] = {rows, rows + dimension, rows + 2 * dimension,
                                  rows + 3 * dimension};
    for (int i = 0; i < ROUNDS / 4; i++) {
        kernels->l2_squared_4(query, four, dimension, out);
        sink = out[0];
    }
    return ns_per(started, ROUNDS);
}

static void
time_search(uint32_t dimension, struct ky_prng *prng)
{
    struct ky_error err;
    const struct vector_options options = {.dimension = dimension};
    struct collection *collection = collection_new(&options);
    float values[DIMENSION_MAX];
    for (row_id_t i = 1; i <= ROWS; i++) {
        for (uint32_t j = 0; j < dimension; j++) {
            values[j] = (float)ky_prng_double(prng);
        }
        if (collection_insert(collection, i, values, NULL, &err) != KY_OK) {
            exit(1);
        }
    }
    struct vector_hit hits[10];
    uint32_t count = 0;
    int64_t started = ky_monotonic_ns();
    for (int i = 0; i < SEARCHES; i++) {
        const struct vector_search search = {.query = query, .k = 10};
        if (collection_search(collection, &search, hits, &count, NULL, &err) != KY_OK) {
            exit(1);
        }
    }
    printf("exact search, %4" PRIu32 " dimensions %8.1f ns/vector\n", dimension,
           ns_per(started, SEARCHES) / ROWS);
    collection_free(collection);
}

int
main(void)
{
    static const uint32_t dimensions[] = {3, 128, 768, 1536};
    struct ky_prng prng;
    ky_prng_init(&prng, 1);
    for (size_t i = 0; i < KY_COUNT_OF(rows); i++) {
        rows[i] = (float)ky_prng_double(&prng);
        query[i % DIMENSION_MAX] = (float)ky_prng_double(&prng);
    }
    size_t count = 0;
    const struct distance_kernels *const *variants = distance_kernels_all(&count);
    printf("ns for one vector    dimension      l2      ip      l1    l2x4\n");
    for (size_t v = 0; v < count; v++) {
        for (size_t d = 0; d < KY_COUNT_OF(dimensions); d++) {
            printf("%-20s %9" PRIu32 " %7.1f %7.1f %7.1f %7.1f\n", variants[v]->name, dimensions[d],
                   time_pair(variants[v]->l2_squared, dimensions[d]),
                   time_pair(variants[v]->inner_product, dimensions[d]),
                   time_pair(variants[v]->l1, dimensions[d]),
                   time_group(variants[v], dimensions[d]));
        }
    }
    for (size_t d = 0; d < KY_COUNT_OF(dimensions); d++) {
        time_search(dimensions[d], &prng);
    }
    return 0;
}
