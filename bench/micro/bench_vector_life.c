/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What becomes of recall in the life of a vector index, in process: bench_vector_life SET [ROWS].
 *
 *   calibration   recall asked for by target_recall, and what queries get that are not among the
 * rows deletes       half of the rows invisible, then taken out, beside a graph built anew
 *   turnovers     ten times all rows replaced by others, beside a graph built anew
 *
 * Truth is the exact search of the same collection at the same time. Nothing is timed.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/micro/vector_set.h"
#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "vector/collection.h"

enum { K_MAX = 50, EF = 40, TURNOVERS = 10, PARTS = 20, STEP_MAX = 4000 };

static struct ky_error err;
static const struct vector_work work = {.threads = 2};

static void
must(ky_status status)
{
    if (status != KY_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
}

static const float *
row_of(const struct vector_set *set, uint32_t row)
{
    return set->values + (size_t)row * set->dimension;
}

static struct collection *
new_collection(const struct vector_set *set)
{
    const struct vector_options options = {
        .dimension = set->dimension, .has_graph = true, .ef_construction = 64};
    return collection_new(&options);
}

static void
maintain(struct collection *collection)
{
    bool has_more = true;
    while (has_more) {
        must(collection_maintain(collection, STEP_MAX, &work, &has_more, &err));
    }
}

/* Share of the true k nearest that a search gives, over all queries. */
static double
recall(struct collection *collection, const struct vector_set *set, struct vector_search search,
       uint32_t *ef_out)
{
    uint64_t found = 0;
    uint64_t wanted = 0;
    for (uint32_t i = 0; i < set->queries; i++) {
        struct vector_search exact = search;
        struct vector_search_stats stats = {0};
        struct vector_hit hits[K_MAX];
        struct vector_hit truth[K_MAX];
        uint32_t count = 0;
        uint32_t truth_count = 0;
        search.query = exact.query = set->query_values + (size_t)i * set->dimension;
        search.mode = VECTOR_MODE_ANN;
        exact.mode = VECTOR_MODE_EXACT;
        must(collection_search(collection, &exact, truth, &truth_count, NULL, &err));
        must(collection_search(collection, &search, hits, &count, &stats, &err));
        for (uint32_t j = 0; j < count; j++) {
            found += hits[j].distance <= truth[truth_count - 1].distance;
        }
        wanted += truth_count;
        *ef_out = stats.ef;
    }
    return (double)found / (double)wanted;
}

static double
recall_at_ef(struct collection *collection, const struct vector_set *set, vector_accept accept)
{
    uint32_t ef = 0;
    const struct vector_search search = {.k = VECTOR_SET_K, .ef = EF, .accept = accept};
    return recall(collection, set, search, &ef);
}

/* Where k candidates give more than is asked for, no ef would give less: not counted. */
static void
calibration(struct collection *collection, const struct vector_set *set)
{
    static const uint32_t ks[] = {1, 10, 50};
    static const float targets[] = {0.8F, 0.85F, 0.9F, 0.95F, 0.98F, 0.99F};
    uint32_t cases = 0;
    uint32_t within_1 = 0;
    uint32_t within_2 = 0;
    uint32_t missed = 0;
    for (size_t i = 0; i < KY_COUNT_OF(ks); i++) {
        for (size_t j = 0; j < KY_COUNT_OF(targets); j++) {
            uint32_t ef = 0;
            const struct vector_search search = {.k = ks[i], .target_recall = targets[j]};
            const double got = recall(collection, set, search, &ef);
            const double difference = got - (double)targets[j];
            const bool is_least = ef <= ks[i] && difference > 0;
            printf("k %2" PRIu32 "  asked for %.2f  got %.4f  %+.4f  ef %" PRIu32 "%s\n", ks[i],
                   (double)targets[j], got, difference, ef, is_least ? "  (the least)" : "");
            cases += !is_least;
            within_1 += !is_least && difference >= -0.01 && difference <= 0.01;
            within_2 += !is_least && difference >= -0.02 && difference <= 0.02;
            missed += difference < -0.02;
        }
    }
    printf("calibration: of %" PRIu32 " cases %" PRIu32 " within 0.01, %" PRIu32
           " within 0.02, %" PRIu32 " more than 0.02 below\n",
           cases, within_1, within_2, missed);
}

static bool
accept_odd(void *arg, row_id_t row_id, const void *values, double distance)
{
    (void)arg;
    (void)values;
    (void)distance;
    return row_id % 2 == 1;
}

static double
recall_of_fresh(const struct vector_set *set, uint32_t first, uint32_t step, uint32_t end)
{
    struct collection *fresh = new_collection(set);
    for (uint32_t i = first; i < end; i += step) {
        must(collection_insert(fresh, i + 1, row_of(set, i), NULL, &err));
    }
    must(collection_build(fresh, &work, &err));
    const double got = recall_at_ef(fresh, set, NULL);
    collection_free(fresh);
    return got;
}

/* Row ids are places and one, so the odd ones are at even places. */
static void
deletes(struct collection *collection, const struct vector_set *set)
{
    const double all = recall_at_ef(collection, set, NULL);
    const double invisible = recall_at_ef(collection, set, accept_odd);
    for (uint32_t i = 1; i < set->rows; i += 2) {
        (void)collection_remove(collection, i + 1, row_of(set, i));
    }
    const double removed = recall_at_ef(collection, set, NULL);
    maintain(collection);
    const double repaired = recall_at_ef(collection, set, NULL);
    printf("deletes at ef %d: before %.4f, half invisible %.4f, taken out %.4f, after upkeep %.4f, "
           "built anew %.4f\n",
           EF, all, invisible, removed, repaired, recall_of_fresh(set, 0, 2, set->rows));
}

/* One half of the set is replaced by the other, part by part, again and again; so there are two
 * graphs to compare with, the second half's after odd turnovers. */
static void
turnovers(const struct vector_set *set)
{
    const uint32_t half = set->rows / 2;
    struct collection *collection = new_collection(set);
    for (uint32_t i = 0; i < half; i++) {
        must(collection_insert(collection, i + 1, row_of(set, i), NULL, &err));
    }
    must(collection_build(collection, &work, &err));
    printf("turnovers at ef %d: before %.4f", EF, recall_at_ef(collection, set, NULL));
    if (half * 2 != set->rows) {
        (void)fprintf(stderr, "an even number of rows is needed\n");
        exit(1);
    }
    for (uint32_t turn = 1; turn <= TURNOVERS; turn++) {
        const uint32_t new_first = turn % 2 == 1 ? half : 0;
        const uint32_t old_first = half - new_first;
        for (uint32_t i = 0; i < half; i++) {
            (void)collection_remove(collection, old_first + i + 1, row_of(set, old_first + i));
            must(collection_insert(collection, new_first + i + 1, row_of(set, new_first + i), NULL,
                                   &err));
            if (i % (half / PARTS + 1) == half / PARTS) {
                maintain(collection);
            }
        }
        maintain(collection);
        ky_epoch_drain();
        printf(", %.4f", recall_at_ef(collection, set, NULL));
        (void)fflush(stdout);
    }
    printf(", built anew %.4f and %.4f\n", recall_of_fresh(set, half, 1, set->rows),
           recall_of_fresh(set, 0, 1, half));
    collection_free(collection);
}

int
main(int argc, char **argv)
{
    struct vector_set set;
    vector_set_make(&set, argc > 1 ? argv[1] : "image",
                    argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0);
    struct collection *collection = new_collection(&set);
    for (uint32_t i = 0; i < set.rows; i++) {
        must(collection_insert(collection, i + 1, row_of(&set, i), NULL, &err));
    }
    must(collection_build(collection, &work, &err));
    calibration(collection, &set);
    deletes(collection, &set);
    collection_free(collection);
    turnovers(&set);
    vector_set_free(&set);
    ky_epoch_drain();
    return 0;
}
