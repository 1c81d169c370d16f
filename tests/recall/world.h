/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <criterion/criterion.h>

#include "server/base/random.h"
#include "vector/collection.h"

/*
 * A collection beside what it should hold: clustered vectors, as real ones are, some of them live.
 * The row id of vector i is i + 1 plus the stride for each time it was replaced.
 */
enum { WORLD_ROWS_MAX = 20000, ROW_STRIDE = 1 << 20, QUERIES = 60 };

struct world {
    struct vector_options options;
    struct collection *collection;
    uint32_t rows;
    uint32_t clusters;
    float *centers;
    void *values[WORLD_ROWS_MAX]; /* owned, as stored */
    row_id_t row_ids[WORLD_ROWS_MAX];
    uint32_t cluster_of[WORLD_ROWS_MAX];
    bool is_live[WORLD_ROWS_MAX];
    bool is_whole;            /* values are whole numbers of 0 to 255 */
    uint32_t query_cluster;   /* of the query that world_recall is at */
    vector_test test;         /* of world_recall's searches, with the same arg; may be NULL */
    uint32_t swept, given_up; /* how many of world_recall's searches were */
    uint32_t tests_max;       /* of the searches by the graph */
    float target_recall;      /* likewise */
    uint32_t last_ef;         /* that the last of them used */
    struct ky_prng prng;
};

struct world *world_new(struct vector_options options, uint32_t rows, bool is_whole);
void world_free(struct world *world);
/* A new vector of some cluster into values_out, and which cluster. */
uint32_t world_draw(struct world *world, void *values_out);
void world_insert(struct world *world, uint32_t i);
void world_remove(struct world *world, uint32_t i);
/* Another vector, another row id. */
void world_replace(struct world *world, uint32_t i);
void world_build(struct world *world);
/* Until there is nothing more to do. */
void world_maintain(struct world *world);
struct collection_stats world_stats(struct world *world);

/* Mean recall of k against the exact search, on fresh queries; checks that each search gives
 * min(k, matches) live rows in order. accept may be NULL. */
double world_recall(struct world *world, uint32_t k, uint32_t ef, vector_accept accept, void *arg);
