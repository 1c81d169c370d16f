/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The vector engine in process: bench_vector SET [ROWS [THREADS [EF_CONSTRUCTION [METRIC]]]]. With
 * a metric (ip, cosine, l1) only exact searches are timed: what is true is known for L2. Prints
 * build time, bytes, the frontier of recall@10 and queries a second by ef, exact searches, and
 * filters. Seconds are of the processor, all threads, unless they say wall: the machine may be
 * busy. bench_hnswlib prints the same for hnswlib.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/vector_set.h"
#include "server/base/arena.h"
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

/*
 * A filter: a share of the rows, anywhere; or those nearest to one vector, the first. Queries near
 * that one find their matches at once, far ones find none around them.
 */
struct filter {
    uint32_t of_1000;
    const float *distances; /* from the first; NULL: anywhere */
    float limit;
};

static void
test_some(void *arg, const row_id_t *row_ids, uint32_t count, bool *passes_out)
{
    const struct filter *filter = arg;
    for (uint32_t i = 0; i < count; i++) {
        passes_out[i] = filter->distances != NULL
                            ? filter->distances[row_ids[i] - 1] <= filter->limit
                            : row_ids[i] * 2654435761U % 1000 < filter->of_1000;
    }
}

static int
compare_floats(const void *left, const void *right)
{
    float a = *(const float *)left;
    float b = *(const float *)right;
    return (a > b) - (a < b);
}

/* Of count distances of which this share is not above. */
static float
share_limit(const float *distances, uint32_t count, uint32_t of_1000)
{
    float *sorted = ky_malloc(count * sizeof(float));
    memcpy(sorted, distances, count * sizeof(float));
    qsort(sorted, count, sizeof(float), compare_floats);
    float limit = sorted[KY_MIN((uint64_t)count * of_1000 / 1000, (uint64_t)count - 1)];
    ky_free(sorted);
    return limit;
}

/* Recall against the exact search with the same filter. */
static void
run_filter(struct collection *collection, const struct vector_set *set, struct vector_search search,
           const char *label, const uint32_t *queries, uint32_t query_count)
{
    uint64_t visited = 0;
    uint64_t tested = 0;
    uint64_t swept = 0;
    uint64_t wanted = 0;
    uint64_t found = 0;
    double seconds = 0;
    search.k = VECTOR_SET_K;
    for (uint32_t i = 0; i < query_count; i++) {
        struct vector_search exact = search;
        struct vector_search_stats stats;
        struct vector_hit hits[VECTOR_SET_K];
        struct vector_hit truth[VECTOR_SET_K];
        uint32_t count = 0;
        uint32_t truth_count = 0;
        search.query = set->query_values + (size_t)queries[i] * set->dimension;
        exact.query = search.query;
        exact.mode = VECTOR_MODE_EXACT;
        must(collection_search(collection, &exact, truth, &truth_count, NULL, &err));
        double started = vector_set_cpu_seconds();
        must(collection_search(collection, &search, hits, &count, &stats, &err));
        seconds += vector_set_cpu_seconds() - started;
        visited += stats.visited;
        tested += stats.tested;
        swept += stats.is_swept;
        wanted += truth_count;
        for (uint32_t j = 0; j < count; j++) {
            found += hits[j].distance <= truth[truth_count - 1].distance;
        }
    }
    printf("%-22s recall %.4f  %8.0f q/s  visited %6.0f  tested %6.0f  swept %3.0f %%\n", label,
           (double)found / (double)wanted, query_count / seconds, (double)visited / query_count,
           (double)tested / query_count, 100.0 * (double)swept / query_count);
}

enum { FILTER_QUERIES = 60 };

static void
run_filters(struct collection *collection, const struct vector_set *set)
{
    static const uint32_t shares[] = {1, 10, 100, 500};
    uint32_t all[FILTER_QUERIES];
    uint32_t near[FILTER_QUERIES];
    uint32_t far[FILTER_QUERIES];
    uint32_t near_count = 0;
    uint32_t far_count = 0;
    const struct vector_options *options = collection_options(collection);
    float *distances = ky_malloc(set->rows * sizeof(float));
    float *from = ky_malloc(set->queries * sizeof(float));
    for (uint32_t i = 0; i < set->rows; i++) {
        distances[i] =
            (float)vector_distance(options, set->values, set->values + (size_t)i * set->dimension);
    }
    for (uint32_t i = 0; i < set->queries; i++) {
        from[i] = (float)vector_distance(options, set->values,
                                         set->query_values + (size_t)i * set->dimension);
    }
    float near_limit = share_limit(from, set->queries, 200);
    float far_limit = share_limit(from, set->queries, 799);
    for (uint32_t i = 0; i < set->queries; i++) {
        if (i < FILTER_QUERIES) {
            all[i] = i;
        }
        if (from[i] < near_limit && near_count < FILTER_QUERIES) {
            near[near_count++] = i;
        }
        if (from[i] > far_limit && far_count < FILTER_QUERIES) {
            far[far_count++] = i;
        }
    }
    for (size_t i = 0; i < KY_COUNT_OF(shares); i++) {
        char label[64];
        struct filter filter = {.of_1000 = shares[i]};
        const struct vector_search search = {
            .mode = VECTOR_MODE_ANN, .ef = 40, .test = test_some, .arg = &filter};
        (void)snprintf(label, sizeof(label), "filter %.1f %%", shares[i] / 10.0);
        run_filter(collection, set, search, label, all, FILTER_QUERIES);
        filter.distances = distances;
        filter.limit = share_limit(distances, set->rows, shares[i]);
        (void)snprintf(label, sizeof(label), "  near the query");
        run_filter(collection, set, search, label, near, near_count);
        (void)snprintf(label, sizeof(label), "  far from the query");
        run_filter(collection, set, search, label, far, far_count);
    }
    ky_free(distances);
    ky_free(from);
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

static enum vector_metric
metric_of(const char *name)
{
    return strcmp(name, "ip") == 0       ? VECTOR_INNER_PRODUCT
           : strcmp(name, "cosine") == 0 ? VECTOR_COSINE
           : strcmp(name, "l1") == 0     ? VECTOR_L1
                                         : VECTOR_L2;
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
    run_filters(collection, set);
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
        .metric = argc > 5 ? metric_of(argv[5]) : VECTOR_L2,
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
    if (options.metric == VECTOR_L2) {
        run_all(collection, &set);
    } else {
        run(collection, &set, (struct vector_search){.mode = VECTOR_MODE_EXACT}, "exact", 100);
    }
    collection_free(collection);
    vector_set_free(&set);
    return 0;
}
