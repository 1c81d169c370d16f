/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/recall/world.h"

#include <math.h>
#include <stdlib.h>

#include "server/base/epoch.h"
#include "vector/distance/code.h"

static struct ky_error err;

/* Near enough to a normal distribution: the sum of four uniform ones. */
static double
bell(struct ky_prng *prng)
{
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += ky_prng_double(prng) - 0.5;
    }
    return sum * 1.7;
}

uint32_t
world_draw(struct world *world, void *values_out)
{
    uint32_t cluster = (uint32_t)ky_prng_below(&world->prng, world->clusters);
    const float *center = world->centers + (size_t)cluster * world->options.dimension;
    memset(values_out, 0, vector_values_size(world->options.element, world->options.dimension));
    for (uint32_t j = 0; j < world->options.dimension; j++) {
        float value = center[j] + (float)bell(&world->prng);
        if (world->is_whole) {
            value = roundf(value * 40 + 128);
            value = value <= 0 ? 0 : value > 255 ? 255 : value; /* and no minus zero */
        }
        switch (world->options.element) {
        case VECTOR_F32:
            ((float *)values_out)[j] = value;
            break;
        case VECTOR_F16:
            ((uint16_t *)values_out)[j] = half_from_float(value);
            break;
        case VECTOR_BIT:
            ((uint8_t *)values_out)[j / 8] |= (uint8_t)(value > 0 ? 0x80 >> j % 8 : 0);
            break;
        }
    }
    return cluster;
}

void
world_insert(struct world *world, uint32_t i)
{
    cr_assert_eq(
        collection_insert(world->collection, world->row_ids[i], world->values[i], NULL, &err),
        KY_OK);
    world->is_live[i] = true;
}

void
world_remove(struct world *world, uint32_t i)
{
    cr_assert(world->is_live[i]);
    cr_assert(collection_remove(world->collection, world->row_ids[i], world->values[i]));
    world->is_live[i] = false;
}

void
world_replace(struct world *world, uint32_t i)
{
    world_remove(world, i);
    world->cluster_of[i] = world_draw(world, world->values[i]);
    world->row_ids[i] += ROW_STRIDE;
    world_insert(world, i);
}

struct world *
world_new(struct vector_options options, uint32_t rows, bool is_whole)
{
    struct world *world = (struct world *)calloc(1, sizeof(*world));
    cr_assert_leq(rows, WORLD_ROWS_MAX);
    options.has_graph = true;
    world->options = options;
    world->rows = rows;
    world->is_whole = is_whole;
    world->clusters = 1 + rows / 200;
    ky_prng_init(&world->prng, 42 + rows + options.dimension);
    size_t floats = (size_t)world->clusters * options.dimension;
    world->centers = (float *)malloc(floats * sizeof(float));
    for (size_t i = 0; i < floats; i++) {
        world->centers[i] = (float)bell(&world->prng);
    }
    world->collection = collection_new(&options);
    for (uint32_t i = 0; i < rows; i++) {
        world->values[i] = malloc(vector_values_size(options.element, options.dimension));
        world->cluster_of[i] = world_draw(world, world->values[i]);
        world->row_ids[i] = i + 1;
        world_insert(world, i);
    }
    return world;
}

void
world_free(struct world *world)
{
    for (uint32_t i = 0; i < world->rows; i++) {
        free(world->values[i]);
    }
    collection_free(world->collection);
    ky_epoch_drain();
    free(world->centers);
    free(world);
}

void
world_build(struct world *world)
{
    const struct vector_work work = {.threads = 2};
    cr_assert_eq(collection_build(world->collection, &work, &err), KY_OK);
}

void
world_maintain(struct world *world)
{
    const struct vector_work work = {.threads = 1};
    for (bool has_more = true; has_more;) {
        cr_assert_eq(collection_maintain(world->collection, 500, &work, &has_more, &err), KY_OK);
    }
}

struct collection_stats
world_stats(struct world *world)
{
    struct collection_stats stats;
    collection_stats(world->collection, &stats);
    return stats;
}

static void
check_hits(const struct world *world, const struct vector_hit *hits, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (uint32_t)((hits[i].row_id - 1) % ROW_STRIDE);
        cr_assert_lt(at, world->rows);
        cr_assert(world->is_live[at]);
        cr_assert_eq(world->row_ids[at], hits[i].row_id);
        cr_assert(i == 0 || !(hits[i].distance < hits[i - 1].distance));
        for (uint32_t j = 0; j < i; j++) {
            cr_assert_neq(hits[j].row_id, hits[i].row_id);
        }
    }
}

double
world_recall(struct world *world, uint32_t k, uint32_t ef, vector_accept accept, void *arg)
{
    struct vector_hit *truth = (struct vector_hit *)calloc(2 * k, sizeof(*truth));
    struct vector_hit *hits = truth + k;
    void *query = malloc(vector_values_size(world->options.element, world->options.dimension));
    double sum = 0;
    for (int i = 0; i < QUERIES; i++) {
        world->query_cluster = world_draw(world, query);
        struct vector_search search = {.query = query,
                                       .k = k,
                                       .mode = VECTOR_MODE_EXACT,
                                       .test = world->test,
                                       .accept = accept,
                                       .arg = arg};
        struct vector_search_stats stats;
        uint32_t truth_count = 0;
        uint32_t count = 0;
        cr_assert_eq(collection_search(world->collection, &search, truth, &truth_count, NULL, &err),
                     KY_OK);
        check_hits(world, truth, truth_count);
        search.mode = VECTOR_MODE_ANN;
        search.ef = ef;
        search.tests_max = world->tests_max;
        search.target_recall = world->target_recall;
        cr_assert_eq(collection_search(world->collection, &search, hits, &count, &stats, &err),
                     KY_OK);
        check_hits(world, hits, count);
        world->last_ef = stats.ef;
        world->swept += stats.is_swept;
        world->given_up += stats.is_given_up;
        if (stats.is_given_up) {
            cr_assert_eq(count, 0);
            continue;
        }
        cr_assert_eq(count, truth_count, "%u of %u hits", count, truth_count);
        uint32_t found = 0;
        for (uint32_t j = 0; j < count; j++) {
            found += hits[j].distance <= truth[truth_count - 1].distance;
        }
        sum += truth_count > 0 ? (double)found / truth_count : 1;
    }
    free(truth);
    free(query);
    return sum / QUERIES;
}
