/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Exact search: every live vector against the query, block by block. The worst rank kept is at
 * hand in a register; most vectors are done with after one comparison, and only one that would
 * enter the heap is shown to accept.
 *
 * Each block is a stay of its own in the epoch: a long search does not hold back reclamation. The
 * heap has row ids and ranks, nothing that would have to stay alive.
 */

#include <string.h>

#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "vector/exact/space.h"

enum { GROUP = 4 /* rows of measure_ranks_4 */ };

void
exact_init(struct exact_search *exact, const struct vector_options *options,
           const struct vector_search *search, struct vector_hit *hits,
           struct vector_search_stats *stats)
{
    measure_init(&exact->measure, options, search->query);
    exact->options = options;
    exact->heap = (struct hit_heap){hits, 0, search->k};
    exact->threshold = (double)INFINITY;
    exact->is_tested = exact->is_draft = false;
    exact->search = search;
    exact->stats = stats;
}

void
exact_deinit(struct exact_search *exact)
{
    measure_deinit(&exact->measure);
}

void
search_test(const struct vector_search *search, struct vector_search_stats *stats,
            const row_id_t *row_ids, uint32_t count, bool *passes_out)
{
    KY_ASSERT(count <= VECTOR_TEST_MAX);
    if (search->test == NULL || count == 0) {
        memset(passes_out, true, count);
        return;
    }
    search->test(search->arg, row_ids, count, passes_out);
    stats->tested += count;
    for (uint32_t i = 0; i < count; i++) {
        stats->passed += passes_out[i];
    }
}

bool
search_accepts(const struct vector_search *search, struct vector_search_stats *stats,
               row_id_t row_id, const void *values, double distance)
{
    bool is_accepted =
        search->accept == NULL || search->accept(search->arg, row_id, values, distance);
    if (search->test == NULL && search->accept != NULL) {
        stats->tested++;
        stats->passed += is_accepted;
    }
    return is_accepted;
}

void
exact_consider_slow(struct exact_search *exact, row_id_t row_id, const void *values, double rank)
{
    const struct vector_search *search = exact->search;
    const struct vector_hit hit = {row_id, rank};
    if (!hit_heap_wants(&exact->heap, &hit)) {
        return;
    }
    double distance = measure_distance(&exact->measure, rank);
    /* Not a number is within no radius. */
    if (search->has_radius && !(distance <= search->radius)) {
        return;
    }
    bool passes = true;
    if (!exact->is_tested) {
        search_test(search, exact->stats, &row_id, 1, &passes);
    }
    if (!passes || !search_accepts(search, exact->stats, row_id, values, distance)) {
        return;
    }
    hit_heap_add(&exact->heap, hit);
    /* Not a number on top refuses nothing here: it compares false, and the heap decides. */
    if (exact->heap.count == exact->heap.capacity) {
        exact->threshold = exact->heap.hits[0].distance;
    }
}

/* Four neighbours at once when all of them are alive; dead ones may be being written. */
static void
search_group(struct exact_search *exact, const row_id_t ids[GROUP], const char *base, size_t stride)
{
    const struct measure *measure = &exact->measure;
    const float *const rows[GROUP] = {(const float *)(const void *)base,
                                      (const float *)(const void *)(base + stride),
                                      (const float *)(const void *)(base + 2 * stride),
                                      (const float *)(const void *)(base + 3 * stride)};
    double ranks[GROUP];
    measure_ranks_4(measure, rows, ranks);
    for (size_t i = 0; i < GROUP; i++) {
        exact_consider(exact, ids[i], rows[i], ranks[i]);
    }
}

/* The rows `row` to `end` of a block. place: the block's first. */
static void
search_block(struct exact_search *exact, const struct flat *flat, const struct flat_block *block,
             uint64_t place, uint32_t row, uint32_t end)
{
    bool has_groups = exact->measure.element == VECTOR_F32;
    for (; row < end; row += GROUP) {
        row_id_t row_ids[GROUP] = {0};
        row_id_t ids[GROUP];
        uint32_t alive = 0;
        for (uint32_t i = 0; i < GROUP && row + i < end; i++) {
            /* Acquire pairs with the release in flat_insert: the values are there. */
            row_ids[i] = atomic_load_explicit(&block->row_ids[row + i], memory_order_acquire);
            ids[i] = exact->is_draft ? (row_id_t)(place + row + i) : row_ids[i];
            alive += row_ids[i] != ROW_ID_NONE;
        }
        const char *base = block->values + row * flat->stride;
        exact->stats->delta_scanned += alive;
        if (has_groups && alive == GROUP) {
            search_group(exact, ids, base, flat->stride);
            continue;
        }
        for (uint32_t i = 0; i < GROUP && alive > 0; i++) {
            if (row_ids[i] != ROW_ID_NONE) {
                const char *values = base + i * flat->stride;
                exact_consider(exact, ids[i], values, measure_rank(&exact->measure, values));
            }
        }
    }
}

/* A run is a block; one place is a part of it. */
static void
flat_run(void *work, struct exact_search *exact, uint64_t first, uint64_t end)
{
    const struct flat *flat = (const struct flat *)work;
    const uint64_t block = first >> flat->block_rows_shift;
    const uint64_t place = block << flat->block_rows_shift;
    ky_epoch_enter();
    const struct flat_table *table = atomic_load_explicit(&flat->table, memory_order_acquire);
    search_block(exact, flat, table->blocks[block], place, (uint32_t)(first - place),
                 (uint32_t)(end - place));
    ky_epoch_leave();
}

static void
flat_consider(void *work, struct exact_search *exact, uint64_t place)
{
    flat_run(work, exact, place, place + 1);
}

static void *
flat_begin(void *places, struct exact_search *exact)
{
    (void)exact;
    return places;
}

static void
flat_end(void *work)
{
    (void)work;
}

ky_status
search_set_cancelled(struct ky_error *err)
{
    return ky_error_set(err, KY_QUERY_CANCELED, "canceling statement due to user request");
}

ky_status
exact_flat(struct exact_search *exact, struct flat *flat, struct ky_error *err)
{
    const struct exact_space space = {/* What is inserted from here on may be missed. */
                                      .place_count = flat_place_count(flat),
                                      .run_places = flat_block_rows(flat),
                                      .place_size = flat->stride,
                                      .places = flat,
                                      .begin = flat_begin,
                                      .run = flat_run,
                                      .consider = flat_consider,
                                      .end = flat_end};
    return exact_search_space(exact, &space, err);
}

uint32_t
exact_finish(struct exact_search *exact)
{
    hit_heap_sort(&exact->heap);
    struct vector_hit *hits = exact->heap.hits;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < exact->heap.count; i++) {
        double distance = measure_distance(&exact->measure, hits[i].distance);
        if (kept == 0 || hits[kept - 1].row_id != hits[i].row_id ||
            hits[kept - 1].distance != distance) {
            hits[kept++] = (struct vector_hit){hits[i].row_id, distance};
        }
    }
    return kept;
}
