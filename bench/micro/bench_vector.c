/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The vector engine in process: bench_vector SET [ROWS [THREADS [EF_CONSTRUCTION]]]. Prints build
 * time, bytes, the frontier of recall@10 and queries a second by ef, exact searches, and filters.
 * Seconds are of the processor, all threads, unless they say wall: the machine may be busy.
 * bench_hnswlib prints the same for hnswlib.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/micro/vector_set.h"
#include "server/base/epoch.h"
#include "vector/collection.h"

static struct ky_error err;

static void
must(ky_status status)
{
    if (status != KY_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
}

/* Every filter-th row. */
static bool
accept_some(void *arg, row_id_t row_id, const void *values, double distance)
{
    (void)values;
    (void)distance;
    return row_id * 2654435761U % 1000 < *(const uint32_t *)arg;
}

static void
run(struct collection *collection, const struct vector_set *set, struct vector_search search,
    const char *label, uint32_t queries)
{
    struct vector_search_stats stats;
    uint64_t visited = 0;
    double recall = 0;
    double seconds = 0;
    search.k = VECTOR_SET_K;
    for (uint32_t i = 0; i < queries; i++) {
        struct vector_hit hits[VECTOR_SET_K];
        uint64_t rows[VECTOR_SET_K];
        uint32_t count = 0;
        search.query = set->query_values + (size_t)i * set->dimension;
        double started = vector_set_cpu_seconds();
        must(collection_search(collection, &search, hits, &count, &stats, &err));
        seconds += vector_set_cpu_seconds() - started;
        visited += stats.visited;
        for (uint32_t j = 0; j < count; j++) {
            rows[j] = hits[j].row_id - 1;
        }
        recall += vector_set_recall(set, i, rows, count);
    }
    printf("%-22s recall %.4f  %8.0f q/s  visited %6.0f\n", label, recall / queries,
           queries / seconds, (double)visited / queries);
}

static void
run_all(struct collection *collection, const struct vector_set *set)
{
    char label[64];
    for (uint32_t i = 0; i < vector_set_ef_count; i++) {
        struct vector_search search = {.mode = VECTOR_MODE_ANN, .ef = vector_set_efs[i]};
        (void)snprintf(label, sizeof(label), "ef %" PRIu32, vector_set_efs[i]);
        run(collection, set, search, label, set->queries);
    }
    run(collection, set, (struct vector_search){.mode = VECTOR_MODE_EXACT}, "exact", 50);
    static const uint32_t shares[] = {1, 10, 100, 500};
    for (size_t i = 0; i < KY_COUNT_OF(shares); i++) {
        uint32_t share = shares[i];
        struct vector_search search = {
            .mode = VECTOR_MODE_ANN, .ef = 40, .accept = accept_some, .arg = &share};
        (void)snprintf(label, sizeof(label), "filter %.1f %% (q/s only)", share / 10.0);
        run(collection, set, search, label, 100);
    }
}

int
main(int argc, char **argv)
{
    struct vector_set set;
    vector_set_make(&set, argc > 1 ? argv[1] : "image",
                    argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0);
    const struct vector_work work = {.threads =
                                         argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 2};
    const struct vector_options options = {
        .dimension = set.dimension,
        .has_graph = true,
        .ef_construction = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 64};
    struct collection *collection = collection_new(&options);
    for (uint32_t i = 0; i < set.rows; i++) {
        must(collection_insert(collection, i + 1, set.values + (size_t)i * set.dimension, NULL,
                               &err));
    }
    double cpu = vector_set_cpu_seconds();
    double wall = vector_set_wall_seconds();
    must(collection_build(collection, &work, &err));
    cpu = vector_set_cpu_seconds() - cpu;
    wall = vector_set_wall_seconds() - wall;
    ky_epoch_drain();
    struct collection_stats stats;
    collection_stats(collection, &stats);
    printf("kyrodb: %" PRIu32 " x %" PRIu32
           ", codec %d%s, build and calibration %.2f s (wall %.2f, "
           "%" PRIu32 " threads), %.0f bytes a vector\n",
           set.rows, set.dimension, (int)stats.codec, stats.is_codec_exact ? " exact" : "", cpu,
           wall, work.threads, (double)stats.bytes / set.rows);
    run_all(collection, &set);
    collection_free(collection);
    vector_set_free(&set);
    return 0;
}
