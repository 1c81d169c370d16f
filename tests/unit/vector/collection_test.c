/* SPDX-License-Identifier: Apache-2.0 */

#include "vector/collection.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/budget.h"
#include "server/base/epoch.h"
#include "server/base/random.h"

static struct ky_error err;

static bool
count_all(void *arg, row_id_t row_id, const void *values, double distance)
{
    (void)row_id;
    (void)values;
    (void)distance;
    ++*(uint32_t *)arg;
    return true;
}

static struct collection *
new_collection(uint32_t dimension, enum vector_metric metric)
{
    const struct vector_options options = {.dimension = dimension, .metric = metric};
    return collection_new(&options);
}

static void
insert(struct collection *collection, row_id_t row_id, const float *values)
{
    cr_assert_eq(collection_insert(collection, row_id, values, NULL, &err), KY_OK);
}

static uint64_t
entries_of(struct collection *collection)
{
    struct collection_stats stats;
    collection_stats(collection, &stats);
    return stats.entries;
}

static uint32_t
search(struct collection *collection, const float *query, uint32_t k, struct vector_hit *hits)
{
    uint32_t count = 0;
    const struct vector_search search = {.query = query, .k = k};
    cr_assert_eq(collection_search(collection, &search, hits, &count, NULL, &err), KY_OK);
    return count;
}

/* ------------------------------------------------------------------ against a naive reference */

enum { ROWS_MAX = 3000 };

struct model_row {
    row_id_t row_id;
    float *values;
    double distance;
};

struct model {
    struct collection *collection;
    uint32_t dimension;
    enum vector_metric metric;
    struct ky_prng prng;
    uint32_t count;
    struct model_row rows[ROWS_MAX];
};

static double
model_distance(const struct model *model, const float *a, const float *b)
{
    double l2 = 0;
    double dot = 0;
    double l1 = 0;
    double a_norm = 0;
    double b_norm = 0;
    for (uint32_t i = 0; i < model->dimension; i++) {
        double x = (double)a[i];
        double y = (double)b[i];
        l2 += (x - y) * (x - y);
        l1 += fabs(x - y);
        dot += x * y;
        a_norm += x * x;
        b_norm += y * y;
    }
    switch (model->metric) {
    case VECTOR_L2:
        return sqrt(l2);
    case VECTOR_INNER_PRODUCT:
        return -dot;
    case VECTOR_L1:
        return l1;
    case VECTOR_COSINE:
        return 1 - fmin(1, fmax(-1, dot / sqrt(a_norm * b_norm)));
    case VECTOR_HAMMING:
    case VECTOR_JACCARD:
        break;
    }
    cr_assert_fail("a metric of bits");
    return 0;
}

static int
compare_rows(const void *left, const void *right)
{
    const struct model_row *a = (const struct model_row *)left;
    const struct model_row *b = (const struct model_row *)right;
    if (a->distance != b->distance) {
        return a->distance < b->distance ? -1 : 1;
    }
    return (a->row_id > b->row_id) - (a->row_id < b->row_id);
}

/* Small integers: sums are exact and there are ties. Never a zero vector. */
static void
random_values(struct model *model, float *values)
{
    for (uint32_t i = 0; i < model->dimension; i++) {
        values[i] = (float)ky_prng_below(&model->prng, 7) - 3;
    }
    values[0] = (float)ky_prng_below(&model->prng, 3) + 1;
}

static bool
accept_odd(void *arg, row_id_t row_id, const void *values, double distance)
{
    (void)arg;
    (void)values;
    (void)distance;
    return row_id % 2 == 1;
}

/* The cursor gives the same entries in the same order, whatever the size of its steps. */
static void
check_cursor(struct model *model, const struct vector_search *search, const struct vector_hit *hits,
             uint32_t count)
{
    struct vector_cursor *cursor = NULL;
    cr_assert_eq(vector_cursor_open(model->collection, search, &cursor, &err), KY_OK);
    for (uint32_t at = 0; at < count;) {
        struct vector_hit next[7];
        uint32_t found = 0;
        cr_assert_eq(vector_cursor_next(cursor, next, 1 + at % 7, &found, &err), KY_OK);
        cr_assert_gt(found, 0);
        for (uint32_t i = 0; i < found && at < count; i++, at++) {
            cr_assert_eq(next[i].row_id, hits[at].row_id);
            cr_assert_eq(next[i].distance, hits[at].distance);
        }
    }
    vector_cursor_close(cursor);
}

static void
check_search(struct model *model, uint32_t k, bool is_filtered)
{
    float query[64];
    random_values(model, query);
    for (uint32_t i = 0; i < model->count; i++) {
        model->rows[i].distance = model_distance(model, query, model->rows[i].values);
    }
    qsort(model->rows, model->count, sizeof(model->rows[0]), compare_rows);
    struct vector_hit *hits = (struct vector_hit *)calloc(k + 1, sizeof(*hits));
    uint32_t count = 0;
    const struct vector_search search = {
        .query = query, .k = k, .accept = is_filtered ? accept_odd : NULL};
    cr_assert_eq(collection_search(model->collection, &search, hits, &count, NULL, &err), KY_OK);
    check_cursor(model, &search, hits, count);
    uint32_t at = 0;
    for (uint32_t i = 0; i < model->count && at < k; i++) {
        if (is_filtered && model->rows[i].row_id % 2 == 0) {
            continue;
        }
        cr_assert_lt(at, count);
        cr_assert_float_eq(hits[at].distance, model->rows[i].distance, 1e-6);
        /* The division of the cosine may tell apart what the reference sees as equal. */
        if (model->metric != VECTOR_COSINE) {
            cr_assert_eq(hits[at].row_id, model->rows[i].row_id, "hit %" PRIu32, at);
        }
        at++;
    }
    cr_assert_eq(at, count);
    free(hits);
}

static void
change(struct model *model)
{
    float values[64];
    if (ky_prng_below(&model->prng, 100) < 60 && model->count < ROWS_MAX) {
        struct model_row *row = &model->rows[model->count++];
        random_values(model, values);
        row->row_id = 1 + ky_prng_next(&model->prng) % ROW_ID_MAX;
        row->values = (float *)malloc(sizeof(values));
        memcpy(row->values, values, sizeof(values));
        insert(model->collection, row->row_id, values);
        insert(model->collection, row->row_id, values);
    } else if (model->count > 0) {
        uint32_t at = (uint32_t)ky_prng_below(&model->prng, model->count);
        struct model_row *row = &model->rows[at];
        cr_assert(collection_remove(model->collection, row->row_id, row->values));
        cr_assert_not(collection_remove(model->collection, row->row_id, row->values));
        free(row->values);
        *row = model->rows[--model->count];
    }
}

static void
run_model(uint32_t dimension, enum vector_metric metric)
{
    struct model *model = (struct model *)calloc(1, sizeof(*model));
    uint64_t seed = (uint64_t)time(NULL);
    printf("collection dimension=%" PRIu32 " metric=%d seed=%" PRIu64 "\n", dimension, (int)metric,
           seed);
    ky_prng_init(&model->prng, seed);
    model->dimension = dimension;
    model->metric = metric;
    model->collection = new_collection(dimension, metric);
    check_search(model, 3, false);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 600; i++) {
            change(model);
        }
        cr_assert_eq(entries_of(model->collection), model->count);
        check_search(model, 1, false);
        check_search(model, 10, false);
        check_search(model, 10, true);
        check_search(model, ROWS_MAX + 5, false);
    }
    for (uint32_t i = 0; i < model->count; i++) {
        free(model->rows[i].values);
    }
    collection_free(model->collection);
    free(model);
    ky_epoch_drain();
}

Test(collection, finds_what_a_naive_search_finds_l2)
{
    run_model(3, VECTOR_L2);
    run_model(37, VECTOR_L2);
}

Test(collection, finds_what_a_naive_search_finds_inner_product)
{
    run_model(16, VECTOR_INNER_PRODUCT);
}

Test(collection, finds_what_a_naive_search_finds_cosine)
{
    run_model(5, VECTOR_COSINE);
}

Test(collection, finds_what_a_naive_search_finds_l1)
{
    run_model(64, VECTOR_L1);
}

/* ------------------------------------------------------------------ single rules */

Test(collection, ties_are_ordered_by_row_id)
{
    struct collection *collection = new_collection(2, VECTOR_L2);
    const float values[2] = {1, 0};
    for (row_id_t i = 100; i > 0; i--) {
        insert(collection, i * 3 % 101, values);
    }
    struct vector_hit hits[5];
    const float query[2] = {0, 0};
    cr_assert_eq(search(collection, query, 5, hits), 5);
    for (row_id_t i = 0; i < 5; i++) {
        cr_expect_eq(hits[i].row_id, i + 1);
        cr_expect_eq(hits[i].distance, 1);
    }
    collection_free(collection);
}

Test(collection, one_row_may_have_several_vectors)
{
    struct collection *collection = new_collection(1, VECTOR_L1);
    const float one = 1;
    const float two = 2;
    insert(collection, 5, &one);
    insert(collection, 5, &two);
    cr_expect_eq(entries_of(collection), 2);
    cr_expect(collection_remove(collection, 5, &one));
    struct vector_hit hits[3];
    cr_assert_eq(search(collection, &one, 3, hits), 1);
    cr_expect_eq(hits[0].distance, 1);
    collection_free(collection);
    ky_epoch_drain();
}

/* The budget is asked before a build, and knows what is held afterwards. */
Test(collection, a_build_is_admitted_first)
{
    enum { ROWS = 3000, DIMENSION = 64 };
    const struct vector_options options = {.dimension = DIMENSION, .has_graph = true};
    const struct vector_work work = {.threads = 1};
    struct collection *collection = collection_new(&options);
    struct collection_stats stats;
    struct ky_budget budget;
    float values[DIMENSION];
    ky_budget_init(&budget, "memory for vector indexes", 1, NULL);
    collection_set_budget(collection, &budget);
    for (row_id_t i = 1; i <= ROWS; i++) {
        for (uint32_t k = 0; k < DIMENSION; k++) {
            values[k] = (float)rand() / (float)RAND_MAX;
        }
        cr_assert_eq(collection_insert(collection, i, values, NULL, &err), KY_OK);
    }
    cr_expect_eq(collection_build(collection, &work, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_OUT_OF_MEMORY);
    collection_stats(collection, &stats);
    cr_expect_not(stats.has_graph);
    cr_expect_not(stats.is_building);
    cr_expect_eq(stats.builds_refused, 1);
    cr_expect_eq(budget.used, stats.bytes, "what is held is known, admitted or not");
    /* Upkeep goes on without it. */
    bool has_more = true;
    cr_expect_eq(collection_maintain(collection, 64, &work, &has_more, &err), KY_OK);
    cr_expect_not(has_more);
    const uint64_t size = collection_build_size(&options, ROWS);
    budget.limit = stats.bytes + size - 1;
    cr_expect_eq(collection_build(collection, &work, &err), KY_ERR);
    budget.limit = stats.bytes + size;
    cr_expect_eq(collection_build(collection, &work, &err), KY_OK);
    collection_stats(collection, &stats);
    cr_expect(stats.has_graph);
    cr_expect_eq(budget.used, stats.bytes);
    cr_expect_leq(stats.bytes, size + size / 4, "%lu of %lu", stats.bytes, size);
    cr_expect_geq(stats.bytes, size / 2, "%lu of %lu", stats.bytes, size);
    collection_free(collection);
    cr_expect_eq(budget.used, 0);
    ky_epoch_drain();
}

/* Of the flat, and of a graph for vectors that it has and for others. */
Test(collection, an_insert_says_whether_the_entry_was_there)
{
    enum { ROWS = 400 };
    const struct vector_options options = {.dimension = 2, .has_graph = true};
    const struct vector_work work = {.threads = 1};
    struct collection *collection = collection_new(&options);
    for (int round = 0; round < 2; round++) {
        for (row_id_t i = 1; i <= ROWS; i++) {
            const float values[2] = {(float)(i / 2), 1};
            bool is_new = round == 1;
            cr_assert_eq(collection_insert(collection, i, values, &is_new, &err), KY_OK);
            cr_assert_eq(is_new, round == 0);
        }
        cr_assert_eq(collection_build(collection, &work, &err), KY_OK);
    }
    const float values[2] = {3, 1};
    for (row_id_t i = 1; i <= 2; i++) {
        bool is_new = false;
        cr_assert_eq(collection_insert(collection, i, values, &is_new, &err), KY_OK);
        cr_assert(is_new);
        cr_assert_eq(collection_insert(collection, i, values, &is_new, &err), KY_OK);
        cr_assert(!is_new);
    }
    cr_assert_eq(entries_of(collection), ROWS + 2);
    collection_free(collection);
    ky_epoch_drain();
}

Test(collection, accept_is_asked_only_about_what_would_enter)
{
    struct collection *collection = new_collection(1, VECTOR_L2);
    for (row_id_t i = 1; i <= 1000; i++) {
        float value = (float)i;
        insert(collection, i, &value);
    }
    uint32_t asked = 0;
    uint32_t count = 0;
    struct vector_hit hits[4];
    const float query = 0;
    struct vector_search search = {.query = &query, .k = 4, .accept = count_all, .arg = &asked};
    cr_assert_eq(collection_search(collection, &search, hits, &count, NULL, &err), KY_OK);
    cr_expect_eq(count, 4);
    cr_expect_eq(asked, 4);
    search.k = 0;
    cr_assert_eq(collection_search(collection, &search, hits, &count, NULL, &err), KY_OK);
    cr_expect_eq(count, 0);
    cr_expect_eq(asked, 4);
    collection_free(collection);
}

Test(collection, not_a_number_is_the_farthest)
{
    struct collection *collection = new_collection(2, VECTOR_COSINE);
    const float zero[2] = {0, 0};
    const float right[2] = {1, 0};
    const float left[2] = {-2, 0};
    insert(collection, 1, zero);
    insert(collection, 2, left);
    insert(collection, 3, right);
    struct vector_hit hits[3];
    const float query[2] = {5, 0};
    cr_assert_eq(search(collection, query, 3, hits), 3);
    cr_expect_eq(hits[0].row_id, 3);
    cr_expect_eq(hits[0].distance, 0);
    cr_expect_eq(hits[1].row_id, 2);
    cr_expect_eq(hits[1].distance, 2);
    cr_expect_eq(hits[2].row_id, 1);
    cr_expect(isnan(hits[2].distance));
    cr_assert_eq(search(collection, query, 2, hits), 2);
    cr_expect_eq(hits[1].row_id, 2);
    collection_free(collection);
}

Test(collection, a_cancelled_search_is_57014)
{
    struct collection *collection = new_collection(1, VECTOR_L2);
    const float value = 1;
    insert(collection, 1, &value);
    _Atomic int is_cancelled = 1;
    struct vector_hit hit;
    uint32_t count = 77;
    const struct vector_search search = {.query = &value, .k = 1, .is_cancelled = &is_cancelled};
    cr_assert_eq(collection_search(collection, &search, &hit, &count, NULL, &err), KY_ERR);
    struct vector_cursor *cursor = NULL;
    cr_assert_eq(vector_cursor_open(collection, &search, &cursor, &err), KY_ERR);
    cr_expect_null(cursor);
    cr_expect_eq(err.sqlstate, KY_QUERY_CANCELED);
    cr_expect_eq(count, 77);
    collection_free(collection);
}

Test(collection, places_are_used_again)
{
    enum { DIMENSION = 200, ROUNDS = 20000 };
    struct collection *collection = new_collection(DIMENSION, VECTOR_L2);
    float values[DIMENSION] = {0};
    for (row_id_t i = 1; i <= ROUNDS; i++) {
        values[7] = (float)i;
        insert(collection, i, values);
        cr_assert(collection_remove(collection, i, values));
    }
    struct collection_stats stats;
    collection_stats(collection, &stats);
    cr_expect_eq(stats.entries, 0);
    cr_expect_lt(stats.bytes, 1 << 20, "%" PRIu64 " bytes", stats.bytes);
    collection_free(collection);
    ky_epoch_drain();
}

Test(collection, a_removal_may_outlive_its_collection)
{
    struct collection *collection = new_collection(1, VECTOR_L2);
    const float value = 1;
    insert(collection, 1, &value);
    cr_assert(collection_remove(collection, 1, &value));
    collection_free(collection);
    ky_epoch_drain();
    collection_free(NULL);
}

/* Of the K nearest of each query, by brute force, the search's hits. */
static uint32_t
count_products_found(struct collection *collection, const float *rows, uint32_t row_count,
                     uint32_t dimension, const float *query, uint32_t ef)
{
    enum { K = 10 };
    struct vector_hit hits[K];
    uint32_t count = 0;
    uint32_t found = 0;
    float *products = (float *)calloc(row_count, sizeof(float));
    const struct vector_search search = {.query = query, .k = K, .ef = ef};
    cr_assert_eq(collection_search(collection, &search, hits, &count, NULL, &err), KY_OK);
    cr_assert_eq(count, K);
    for (uint32_t i = 0; i < row_count; i++) {
        for (uint32_t j = 0; j < dimension; j++) {
            products[i] += query[j] * rows[i * dimension + j];
        }
    }
    for (uint32_t h = 0; h < K; h++) {
        uint32_t before = 0;
        for (uint32_t i = 0; i < row_count; i++) {
            before += products[i] > products[hits[h].row_id - 1];
        }
        found += before < K;
    }
    free(products);
    return found;
}

/* Vectors of very different lengths, as of a factorised matrix. */
Test(collection, inner_products_of_long_and_short_vectors_are_found)
{
    enum { DIMENSION = 48, FACTORS = 24, ROWS = 4000, QUERIES = 60, K = 10 };
    static float factors[FACTORS][DIMENSION];
    static float rows[ROWS][DIMENSION];
    const struct vector_options options = {
        .dimension = DIMENSION, .metric = VECTOR_INNER_PRODUCT, .has_graph = true};
    const struct vector_work work = {.threads = 1};
    struct collection *collection = collection_new(&options);
    struct ky_prng prng;
    uint32_t found = 0;
    ky_prng_init(&prng, 11);
    for (int f = 0; f < FACTORS; f++) {
        for (int j = 0; j < DIMENSION; j++) {
            factors[f][j] = (float)(ky_prng_next(&prng) >> 40) * 0x1p-23F - 1;
        }
    }
    for (int i = 0; i < ROWS + QUERIES; i++) {
        static float query[DIMENSION];
        float *row = i < ROWS ? rows[i] : query;
        const float length = i < ROWS ? 0.3F + 0.1F * (float)(i % 30) : 1;
        memset(row, 0, sizeof(query));
        for (int f = 0; f < FACTORS; f++) {
            const float weight = (float)(ky_prng_next(&prng) >> 40) * 0x1p-23F - 1;
            for (int j = 0; j < DIMENSION; j++) {
                row[j] += length * weight * factors[f][j];
            }
        }
        if (i < ROWS) {
            insert(collection, (row_id_t)i + 1, row);
        }
        if (i == ROWS - 1) {
            cr_assert_eq(collection_build(collection, &work, &err), KY_OK);
        }
        if (i >= ROWS) {
            found += count_products_found(collection, rows[0], ROWS, DIMENSION, query, 64);
        }
    }
    cr_expect_geq(found, QUERIES * K * 95 / 100, "%u of %d", found, QUERIES * K);
    collection_free(collection);
}

Test(collection, the_largest_dimension_works)
{
    struct collection *collection = new_collection(VECTOR_DIMENSION_MAX, VECTOR_L2);
    float *values = (float *)calloc(VECTOR_DIMENSION_MAX, sizeof(float));
    for (row_id_t i = 1; i <= 40; i++) {
        values[VECTOR_DIMENSION_MAX - 1] = (float)i;
        insert(collection, i, values);
    }
    values[VECTOR_DIMENSION_MAX - 1] = 17;
    struct vector_hit hits[2];
    cr_assert_eq(search(collection, values, 2, hits), 2);
    cr_expect_eq(hits[0].row_id, 17);
    cr_expect_eq(hits[1].row_id, 16);
    free(values);
    collection_free(collection);
}

/* ------------------------------------------------------------------ elements, radius, cursors */

Test(collection, halves_are_searched_as_the_floats_they_are)
{
    const struct vector_options options = {.dimension = 3, .element = VECTOR_F16};
    struct collection *collection = collection_new(&options);
    const uint16_t near[3] = {0x3C00, 0x4000, 0xBC00}; /* 1, 2, -1 */
    const uint16_t far[3] = {0x4800, 0x0000, 0x3800};  /* 8, 0, 0.5 */
    cr_assert_eq(collection_insert(collection, 1, far, NULL, &err), KY_OK);
    cr_assert_eq(collection_insert(collection, 2, near, NULL, &err), KY_OK);
    const uint16_t query[3] = {0x0000, 0x0000, 0xBC00};
    const struct vector_search search = {.query = query, .k = 5};
    struct vector_hit hits[5];
    uint32_t count = 0;
    cr_assert_eq(collection_search(collection, &search, hits, &count, NULL, &err), KY_OK);
    cr_assert_eq(count, 2);
    cr_expect_eq(hits[0].row_id, 2);
    cr_expect_float_eq(hits[0].distance, sqrt(5), 1e-6);
    cr_expect_float_eq(hits[1].distance, sqrt(64 + 2.25), 1e-6);
    cr_expect_float_eq(vector_distance(&options, query, far), sqrt(64 + 2.25), 1e-6);
    collection_free(collection);
}

Test(collection, bits_are_compared_by_hamming_and_jaccard)
{
    const uint8_t rows[3][2] = {{0xFF, 0x80}, {0x0F, 0x00}, {0x00, 0x00}};
    const uint8_t query[2] = {0xF0, 0x80};
    const double hamming[3] = {4, 9, 5};
    const double jaccard[3] = {1 - 5.0 / 9.0, 1, 1};
    for (int is_jaccard = 0; is_jaccard < 2; is_jaccard++) {
        const struct vector_options options = {.dimension = 9,
                                               .element = VECTOR_BIT,
                                               .metric =
                                                   is_jaccard ? VECTOR_JACCARD : VECTOR_HAMMING};
        struct collection *collection = collection_new(&options);
        for (row_id_t i = 0; i < 3; i++) {
            cr_assert_eq(collection_insert(collection, i + 1, rows[i], NULL, &err), KY_OK);
        }
        struct vector_hit hits[3];
        cr_assert_eq(search(collection, (const float *)(const void *)query, 3, hits), 3);
        for (int i = 0; i < 3; i++) {
            double want = (is_jaccard ? jaccard : hamming)[hits[i].row_id - 1];
            cr_expect_float_eq(hits[i].distance, want, 1e-12);
            cr_expect(i == 0 || hits[i].distance >= hits[i - 1].distance);
        }
        collection_free(collection);
    }
}

Test(collection, a_radius_keeps_out_what_is_farther)
{
    struct collection *collection = new_collection(1, VECTOR_L2);
    for (row_id_t i = 1; i <= 100; i++) {
        float value = (float)i;
        insert(collection, i, &value);
    }
    const float query = 50;
    const struct vector_search search = {
        .query = &query, .k = 100, .has_radius = true, .radius = 3};
    struct vector_hit hits[100];
    uint32_t count = 0;
    cr_assert_eq(collection_search(collection, &search, hits, &count, NULL, &err), KY_OK);
    cr_expect_eq(count, 7);
    cr_expect_eq(hits[6].distance, 3);
    struct vector_cursor *cursor = NULL;
    cr_assert_eq(vector_cursor_open(collection, &search, &cursor, &err), KY_OK);
    uint32_t total = 0;
    for (count = 1; count > 0; total += count) {
        cr_assert_eq(vector_cursor_next(cursor, hits, 2, &count, &err), KY_OK);
    }
    cr_expect_eq(total, 7);
    vector_cursor_close(cursor);
    collection_free(collection);
}

Test(collection, a_cursor_does_not_give_what_was_removed_or_came_after_it_was_opened)
{
    struct collection *collection = new_collection(1, VECTOR_L2);
    for (row_id_t i = 1; i <= 10; i++) {
        float value = (float)i;
        insert(collection, i, &value);
    }
    const float query = 0;
    const struct vector_search search = {.query = &query};
    struct vector_cursor *cursor = NULL;
    struct vector_hit hits[20];
    uint32_t count = 0;
    cr_assert_eq(vector_cursor_open(collection, &search, &cursor, &err), KY_OK);
    cr_assert_eq(vector_cursor_next(cursor, hits, 3, &count, &err), KY_OK);
    cr_assert_eq(count, 3);
    const float five = 5;
    const float new_value = 4.5F;
    cr_assert(collection_remove(collection, 5, &five));
    ky_epoch_drain();
    insert(collection, 5, &new_value); /* takes the same place */
    cr_assert_eq(vector_cursor_next(cursor, hits, 20, &count, &err), KY_OK);
    cr_assert_eq(count, 6);
    cr_expect_eq(hits[0].row_id, 4);
    cr_expect_eq(hits[1].row_id, 6);
    cr_assert_eq(vector_cursor_next(cursor, hits, 20, &count, &err), KY_OK);
    cr_expect_eq(count, 0);
    vector_cursor_close(cursor);
    collection_free(collection);
    ky_epoch_drain();
}

/* ------------------------------------------------------------------ exact by the codes of a graph
 */

/* What codes rule out must not be among the nearest: the same hits as without a graph. */
Test(collection, an_exact_search_of_a_graph_finds_what_one_of_the_values_finds)
{
    enum { ROWS = 1500, DIMENSION = 48, K = 20 };
    static const enum vector_metric metrics[] = {VECTOR_L2, VECTOR_COSINE, VECTOR_INNER_PRODUCT,
                                                 VECTOR_L1};
    struct ky_prng prng;
    uint64_t seed = (uint64_t)time(NULL);
    printf("exact by codes seed=%" PRIu64 "\n", seed);
    ky_prng_init(&prng, seed);
    for (size_t m = 0; m < 2 * KY_COUNT_OF(metrics); m++) {
        struct vector_options options = {.dimension = DIMENSION, .metric = metrics[m / 2]};
        struct collection *flat = collection_new(&options);
        options.has_graph = true;
        struct collection *graph = collection_new(&options);
        float values[DIMENSION];
        for (row_id_t i = 1; i <= ROWS; i++) {
            for (int j = 0; j < DIMENSION; j++) {
                /* Whole numbers in every other round; a few far out, and one zero. */
                values[j] = m % 2 == 0 ? (float)(ky_prng_double(&prng) - 0.5)
                                       : (float)ky_prng_below(&prng, 256);
                values[j] *= i % 50 == 0 ? 7 : i == 3 ? 0 : 1;
            }
            insert(flat, i, values);
            insert(graph, i, values);
        }
        const struct vector_work work = {.threads = 1};
        cr_assert_eq(collection_build(graph, &work, &err), KY_OK);
        /* Longer than all that the codes were made for. */
        for (row_id_t i = ROWS + 1; i <= ROWS + 40; i++) {
            for (int j = 0; j < DIMENSION; j++) {
                values[j] = (float)(ky_prng_double(&prng) - 0.5) * (float)(i % 4 == 0 ? 9 : 1);
            }
            insert(flat, i, values);
            insert(graph, i, values);
        }
        bool has_more = false;
        cr_assert_eq(collection_maintain(graph, 1000, &work, &has_more, &err), KY_OK);
        for (int i = 0; i < 40; i++) {
            for (int j = 0; j < DIMENSION; j++) {
                values[j] = (float)(ky_prng_double(&prng) - 0.5) * (i % 5 == 0 ? 1000 : 1);
            }
            const struct vector_search search = {
                .query = values, .k = K, .mode = VECTOR_MODE_EXACT};
            struct vector_hit want[K];
            struct vector_hit got[K];
            uint32_t count = 0;
            cr_assert_eq(collection_search(flat, &search, want, &count, NULL, &err), KY_OK);
            cr_assert_eq(count, K);
            cr_assert_eq(collection_search(graph, &search, got, &count, NULL, &err), KY_OK);
            cr_assert_eq(count, K);
            for (int j = 0; j < K; j++) {
                cr_assert_eq(want[j].row_id, got[j].row_id);
                cr_assert_eq(want[j].distance, got[j].distance);
            }
        }
        collection_free(flat);
        collection_free(graph);
    }
    ky_epoch_drain();
}
