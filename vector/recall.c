/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How many of the true nearest a search finds. Queries are vectors of the graph, searched for as if
 * they were not there (calibrate.c). For many neighbours, and without a graph, they are made from
 * the collection's own vectors: each is halfway between one of them and a near neighbour, like them
 * but none of them, and a little easier to find than new ones are. A hit counts when it is as near
 * as the k-th true one: equal distances are equally good.
 */

#include <math.h>

#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "server/base/random.h"
#include "vector/collection_private.h"
#include "vector/distance/code.h"
#include "vector/hnsw/search.h"

enum { NEIGHBOURS = 4, TRIES = 64 };

static bool
draw_from_flat(const struct flat *flat, struct ky_prng *prng, void *values_out)
{
    uint64_t count = flat_place_count(flat);
    for (int i = 0; i < TRIES && count > 0; i++) {
        uint64_t place = ky_prng_below(prng, count);
        if (flat_row_id(flat, place) != ROW_ID_NONE) {
            memcpy(values_out, flat_values(flat, place), flat->values_size);
            return true;
        }
    }
    return false;
}

static bool
draw_from_graph(const struct graph *graph, struct ky_prng *prng, void *values_out)
{
    uint32_t count = graph == NULL ? 0 : graph_node_count(graph);
    for (int i = 0; i < TRIES && count > 0; i++) {
        uint32_t node = (uint32_t)ky_prng_below(prng, count);
        if (graph_is_live(graph, node)) {
            const void *values = graph_values(graph, node, values_out);
            memmove(values_out, values, graph->values_size);
            return true;
        }
    }
    return false;
}

/* A live vector drawn at random, copied; false when none was met. */
static bool
draw_vector(const struct collection *collection, struct ky_prng *prng, void *values_out)
{
    ky_epoch_enter();
    const struct view *view = collection_view(collection);
    bool is_found = draw_from_graph(view->graph, prng, values_out) ||
                    draw_from_flat(view->active, prng, values_out);
    ky_epoch_leave();
    return is_found;
}

/* Halfway from a vector to another, near one: like them, but none of them. */
static void
mix(const struct vector_options *options, void *values, const void *other)
{
    switch (options->element) {
    case VECTOR_F32:
        for (uint32_t i = 0; i < options->dimension; i++) {
            float *at = (float *)values + i;
            *at = *at * 0.5F + ((const float *)other)[i] * 0.5F;
        }
        break;
    case VECTOR_F16:
        for (uint32_t i = 0; i < options->dimension; i++) {
            uint16_t *at = (uint16_t *)values + i;
            *at = half_from_float(half_to_float(*at) * 0.5F +
                                  half_to_float(((const uint16_t *)other)[i]) * 0.5F);
        }
        break;
    case VECTOR_BIT: /* every other byte of the other */
        for (size_t i = 0; i < (options->dimension + 7) / 8; i += 2) {
            ((uint8_t *)values)[i] = ((const uint8_t *)other)[i];
        }
        break;
    }
}

struct copy_nearest {
    void *to;
    size_t size;
    double farthest;
};

/* Keeps the farthest of those that were near enough to be shown. */
static bool
copy_values(void *arg, row_id_t row_id, const void *values, double distance)
{
    struct copy_nearest *copy = (struct copy_nearest *)arg;
    (void)row_id;
    if (distance > 0 && (copy->farthest < 0 || distance < copy->farthest)) {
        copy->farthest = distance;
        memcpy(copy->to, values, copy->size);
    }
    return true;
}

/* False when the collection has nothing to make one from. */
static bool
make_query(struct collection *collection, struct ky_prng *prng, void *query_out, void *scratch)
{
    if (!draw_vector(collection, prng, query_out)) {
        return false;
    }
    memcpy(scratch, query_out, collection->values_size);
    struct copy_nearest copy = {scratch, collection->values_size, -1};
    const struct vector_search search = {.query = query_out,
                                         .k = NEIGHBOURS,
                                         .mode = VECTOR_MODE_AUTO,
                                         .accept = copy_values,
                                         .arg = &copy};
    struct vector_hit hits[NEIGHBOURS];
    uint32_t count = 0;
    struct ky_error err;
    if (collection_search(collection, &search, hits, &count, NULL, &err) == KY_OK) {
        mix(&collection->options, query_out, scratch);
    }
    return true;
}

static double
share_found(const struct vector_hit *truth, uint32_t truth_count, const struct vector_hit *hits,
            uint32_t count)
{
    if (truth_count == 0) {
        return 1;
    }
    double limit = truth[truth_count - 1].distance;
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        found += hits[i].distance <= limit;
    }
    return (double)KY_MIN(found, truth_count) / (double)truth_count;
}

static bool
recall_of_graph(struct collection *collection, uint32_t k, uint32_t ef, float target_recall,
                uint32_t queries, struct ky_prng *prng, double *recall_out)
{
    struct view *view = view_acquire(collection);
    bool is_known = false;
    if (view->graph != NULL) {
        const struct vector_search search = {.k = k, .ef = ef, .target_recall = target_recall};
        ky_epoch_enter();
        const uint32_t used = graph_search_ef(view->graph, &search, k);
        ky_epoch_leave();
        is_known = graph_recall(view->graph, k, used, queries, prng, recall_out);
    }
    view_release(view);
    return is_known;
}

ky_status
collection_recall(struct collection *collection, uint32_t k, uint32_t ef, float target_recall,
                  uint32_t queries, double *recall_out, struct ky_error *err)
{
    struct ky_prng prng;
    ky_prng_init(&prng, 1 + atomic_load_explicit(&collection->searches, memory_order_relaxed));
    if (recall_of_graph(collection, k, ef, target_recall, queries, &prng, recall_out)) {
        return KY_OK;
    }
    struct vector_hit *truth = (struct vector_hit *)ky_malloc(2 * ((size_t)k + 1) * sizeof(*truth));
    struct vector_hit *hits = truth + k + 1;
    void *query = ky_malloc(2 * collection->values_size);
    void *scratch = (char *)query + collection->values_size;
    ky_status status = KY_OK;
    double sum = 0;
    uint32_t done = 0;
    for (; done < queries && make_query(collection, &prng, query, scratch); done++) {
        struct vector_search search = {
            .query = query, .k = k, .mode = VECTOR_MODE_EXACT, .is_alone = true};
        uint32_t truth_count = 0;
        uint32_t count = 0;
        status = collection_search(collection, &search, truth, &truth_count, NULL, err);
        if (status != KY_OK) {
            break;
        }
        search.mode = VECTOR_MODE_ANN;
        search.ef = ef;
        search.target_recall = target_recall;
        status = collection_search(collection, &search, hits, &count, NULL, err);
        if (status != KY_OK) {
            break;
        }
        sum += share_found(truth, truth_count, hits, count);
    }
    ky_free(truth);
    ky_free(query);
    if (status == KY_OK) {
        *recall_out = done == 0 ? 1 : sum / (double)done;
    }
    return status;
}

/* ------------------------------------------------------------------ live */

enum { SEARCHES_PER_SAMPLE = 1000, SAMPLE_QUERIES = 4, SAMPLE_K = 10, WEIGHT = 8 };

void
collection_sample_recall(struct collection *collection)
{
    uint64_t searches = atomic_load_explicit(&collection->searches, memory_order_relaxed);
    uint64_t before = atomic_load_explicit(&collection->recall_sampled, memory_order_relaxed);
    if (searches - before < SEARCHES_PER_SAMPLE) {
        return;
    }
    double recall = 0;
    struct ky_error err;
    if (collection_recall(collection, SAMPLE_K, VECTOR_EF_DEFAULT, 0, SAMPLE_QUERIES, &recall,
                          &err) != KY_OK) {
        return;
    }
    uint32_t samples = atomic_load_explicit(&collection->recall_samples, memory_order_relaxed);
    double old =
        (double)atomic_load_explicit(&collection->recall_millionths, memory_order_relaxed) / 1e6;
    double weight = 1 / (double)KY_MIN(samples / SAMPLE_QUERIES + 1, (uint32_t)WEIGHT);
    double estimate = old + (recall - old) * weight;
    atomic_store_explicit(&collection->recall_millionths, (uint32_t)(estimate * 1e6),
                          memory_order_relaxed);
    atomic_store_explicit(&collection->recall_samples, samples + SAMPLE_QUERIES,
                          memory_order_relaxed);
    atomic_store_explicit(&collection->recall_sampled,
                          atomic_load_explicit(&collection->searches, memory_order_relaxed),
                          memory_order_relaxed);
}
