/* SPDX-License-Identifier: Apache-2.0 */

/* Saving and loading: what comes back answers as before, and damage is found out. */

#include <criterion/criterion.h>
#include <stdlib.h>

#include "server/base/epoch.h"
#include "server/base/random.h"
#include "tests/support/state_buffer.h"
#include "vector/collection.h"
#include "vector/state/stream.h"

enum { ROWS = 1200, DIMENSION = 40 };

static struct ky_error err;

static void
make_values(uint64_t number, bool is_whole, float values[DIMENSION])
{
    struct ky_prng prng;
    ky_prng_init(&prng, number);
    for (int i = 0; i < DIMENSION; i++) {
        values[i] = is_whole ? (float)ky_prng_below(&prng, 256) : (float)ky_prng_double(&prng);
    }
}

static struct vector_options
options_of(enum vector_metric metric)
{
    return (struct vector_options){.dimension = DIMENSION, .metric = metric, .has_graph = true};
}

/* A graph, some of it dead and repaired, some rows with equal vectors, and a delta. */
static struct collection *
make_collection(const struct vector_options *options, bool is_whole)
{
    struct collection *collection = collection_new(options);
    float values[DIMENSION];
    const struct vector_work work = {.threads = 1};
    for (row_id_t i = 1; i <= ROWS; i++) {
        make_values(i % 10 == 0 ? 10 : i, is_whole, values);
        cr_assert_eq(collection_insert(collection, i, values, NULL, &err), KY_OK);
    }
    cr_assert_eq(collection_build(collection, &work, &err), KY_OK);
    for (row_id_t i = 1; i <= ROWS; i += 3) {
        make_values(i % 10 == 0 ? 10 : i, is_whole, values);
        cr_assert(collection_remove(collection, i, values));
    }
    bool has_more = true;
    cr_assert_eq(collection_maintain(collection, 10, &work, &has_more, &err), KY_OK);
    for (row_id_t i = ROWS + 1; i <= ROWS + 30; i++) {
        make_values(i, is_whole, values);
        cr_assert_eq(collection_insert(collection, i, values, NULL, &err), KY_OK);
    }
    return collection;
}

static void
check_same(struct collection *a, struct collection *b, bool is_whole)
{
    struct collection_stats a_stats;
    struct collection_stats b_stats;
    collection_stats(a, &a_stats);
    collection_stats(b, &b_stats);
    cr_assert_eq(a_stats.entries, b_stats.entries);
    cr_assert_eq(a_stats.nodes, b_stats.nodes);
    cr_assert_eq(a_stats.dead_nodes, b_stats.dead_nodes);
    cr_assert_eq(a_stats.delta_entries, b_stats.delta_entries);
    cr_assert_eq(a_stats.codec, b_stats.codec);
    cr_assert_eq(a_stats.calibration_ef[2], b_stats.calibration_ef[2]);
    for (uint64_t i = 0; i < 20; i++) {
        float query[DIMENSION];
        struct vector_hit a_hits[20];
        struct vector_hit b_hits[20];
        uint32_t a_count = 0;
        uint32_t b_count = 0;
        make_values(100000 + i, is_whole, query);
        const struct vector_search search = {.query = query, .k = 20, .mode = VECTOR_MODE_ANN};
        cr_assert_eq(collection_search(a, &search, a_hits, &a_count, NULL, &err), KY_OK);
        cr_assert_eq(collection_search(b, &search, b_hits, &b_count, NULL, &err), KY_OK);
        cr_assert_eq(a_count, b_count);
        for (uint32_t j = 0; j < a_count; j++) {
            cr_assert_eq(a_hits[j].row_id, b_hits[j].row_id);
            cr_assert_eq(a_hits[j].distance, b_hits[j].distance);
        }
    }
}

static struct collection *
load(const struct vector_options *options, const struct buffer_sink *sink, vector_keep keep)
{
    struct collection *loaded = NULL;
    struct state_map *map = buffer_map_new(sink->bytes.data, sink->bytes.size);
    cr_assert_eq(collection_load(options, map, keep, NULL, &loaded, &err), KY_OK, "%s",
                 err.message);
    return loaded;
}

Test(state, a_loaded_collection_answers_as_before)
{
    static const enum vector_metric metrics[] = {VECTOR_L2, VECTOR_INNER_PRODUCT, VECTOR_COSINE};
    for (size_t i = 0; i < 2 * KY_COUNT_OF(metrics); i++) {
        const struct vector_options options = options_of(metrics[i / 2]);
        struct collection *collection = make_collection(&options, i % 2 == 0);
        struct buffer_sink sink;
        buffer_sink_init(&sink);
        cr_assert_eq(collection_save(collection, NULL, NULL, &sink.sink, &err), KY_OK);
        struct collection *loaded = load(&options, &sink, NULL);
        check_same(collection, loaded, i % 2 == 0);
        /* And lives on: freed nodes are used, what is removed goes. */
        const struct vector_work work = {.threads = 1};
        float values[DIMENSION];
        make_values(ROWS + 1, i % 2 == 0, values);
        cr_expect(collection_remove(loaded, ROWS + 1, values));
        make_values(2, i % 2 == 0, values);
        cr_expect(collection_remove(loaded, 2, values));
        for (row_id_t j = 2 * ROWS; j < 2 * ROWS + 300; j++) {
            make_values(j, i % 2 == 0, values);
            cr_assert_eq(collection_insert(loaded, j, values, NULL, &err), KY_OK);
        }
        for (bool has_more = true; has_more;) {
            cr_assert_eq(collection_maintain(loaded, 100, &work, &has_more, &err), KY_OK);
        }
        struct vector_hit hit;
        uint32_t count = 0;
        const struct vector_search search = {.query = values, .k = 1, .mode = VECTOR_MODE_EXACT};
        cr_assert_eq(collection_search(loaded, &search, &hit, &count, NULL, &err), KY_OK);
        cr_expect(metrics[i / 2] == VECTOR_INNER_PRODUCT || hit.row_id == 2 * ROWS + 299);
        ky_buffer_deinit(&sink.bytes);
        collection_free(loaded);
        collection_free(collection);
    }
    ky_epoch_drain();
}

/* What is in the blocks of a saved collection. */
static void
unwrap(const struct buffer_sink *sink, struct ky_buffer *bytes_out)
{
    struct stream_reader reader = {.left = {sink->bytes.data, sink->bytes.size}};
    for (uint8_t byte; stream_get(&reader, &byte, 1, &err) == KY_OK;) {
        ky_buffer_append(bytes_out, &byte, 1);
    }
}

static void
wrap(const struct ky_buffer *bytes, struct buffer_sink *sink)
{
    struct stream_writer writer;
    buffer_sink_init(sink);
    stream_writer_init(&writer, &sink->sink);
    cr_assert_eq(stream_put(&writer, bytes->data, bytes->size, &err), KY_OK);
    cr_assert_eq(stream_end(&writer, &err), KY_OK);
    stream_writer_deinit(&writer);
}

/* Version 2 had another table of what ef gives: 49 words, where now there are 113. */
Test(state, the_version_before_comes_back_but_for_its_calibration)
{
    static const uint32_t first_words[] = {1, 2, 3, 4, 6, 10};
    enum { VERSION_AT = 8, TABLE_SIZE = 4 * 113, OLD_TABLE_SIZE = 4 * 49 };
    const struct vector_options options = options_of(VECTOR_L2);
    struct collection *collection = make_collection(&options, true);
    struct buffer_sink sink;
    struct collection_stats stats;
    struct ky_buffer bytes = {0};
    buffer_sink_init(&sink);
    cr_assert_eq(collection_save(collection, NULL, NULL, &sink.sink, &err), KY_OK);
    unwrap(&sink, &bytes);
    ky_buffer_deinit(&sink.bytes);
    const char *found = memmem(bytes.data, bytes.size, first_words, sizeof(first_words));
    cr_assert_not_null(found);
    char *table = (char *)bytes.data + (found - (char *)bytes.data) - sizeof(uint32_t);
    const char *end = (char *)bytes.data + bytes.size;
    memmove(table + OLD_TABLE_SIZE, table + TABLE_SIZE, (size_t)(end - table) - TABLE_SIZE);
    bytes.size -= TABLE_SIZE - OLD_TABLE_SIZE;
    cr_assert_eq(bytes.data[VERSION_AT], 3);
    bytes.data[VERSION_AT] = 2;
    wrap(&bytes, &sink);
    struct collection *loaded = load(&options, &sink, NULL);
    collection_stats(loaded, &stats);
    cr_expect_eq(stats.calibration_ef[2], 0);
    bool has_more = false;
    const struct vector_work work = {.threads = 1};
    cr_assert_eq(collection_maintain(loaded, 1, &work, &has_more, &err), KY_OK);
    check_same(collection, loaded, true);
    ky_buffer_deinit(&bytes);
    ky_buffer_deinit(&sink.bytes);
    collection_free(loaded);
    collection_free(collection);
    ky_epoch_drain();
}

Test(state, a_collection_without_a_graph_comes_back)
{
    struct vector_options options = options_of(VECTOR_L2);
    options.has_graph = false;
    struct collection *collection = make_collection(&options, false);
    struct buffer_sink sink;
    buffer_sink_init(&sink);
    cr_assert_eq(collection_save(collection, NULL, NULL, &sink.sink, &err), KY_OK);
    struct collection *loaded = load(&options, &sink, NULL);
    check_same(collection, loaded, false);
    ky_buffer_deinit(&sink.bytes);
    collection_free(loaded);
    collection_free(collection);
    ky_epoch_drain();
}

static bool
keep_even(void *arg, row_id_t row_id, const void *values)
{
    (void)arg;
    (void)values;
    return row_id % 2 == 0;
}

Test(state, only_what_is_kept_comes_back)
{
    const struct vector_options options = options_of(VECTOR_L2);
    struct collection *collection = make_collection(&options, true);
    struct collection_stats stats;
    for (int is_at_load = 0; is_at_load < 2; is_at_load++) {
        struct buffer_sink sink;
        buffer_sink_init(&sink);
        cr_assert_eq(
            collection_save(collection, is_at_load != 0 ? NULL : keep_even, NULL, &sink.sink, &err),
            KY_OK);
        struct collection *loaded = load(&options, &sink, is_at_load != 0 ? keep_even : NULL);
        collection_stats(loaded, &stats);
        cr_expect_eq(stats.entries, ROWS / 3 + 15);
        ky_buffer_deinit(&sink.bytes);
        collection_free(loaded);
    }
    collection_free(collection);
    ky_epoch_drain();
}

static void
expect_refused(const struct vector_options *options, const void *bytes, size_t size,
               const char *what, size_t at)
{
    struct collection *loaded = NULL;
    struct state_map *map = buffer_map_new(bytes, size);
    cr_assert_eq(collection_load(options, map, NULL, NULL, &loaded, &err), KY_ERR, "%s %zu", what,
                 at);
    cr_assert_eq(err.sqlstate, KY_DATA_CORRUPTED);
    map->release(map);
}

Test(state, damage_is_found_out)
{
    const struct vector_options options = options_of(VECTOR_L2);
    struct collection *collection = make_collection(&options, true);
    struct buffer_sink sink;
    buffer_sink_init(&sink);
    cr_assert_eq(collection_save(collection, NULL, NULL, &sink.sink, &err), KY_OK);
    struct ky_prng prng;
    ky_prng_init(&prng, 3);
    for (int i = 0; i < 150; i++) {
        size_t at = ky_prng_below(&prng, sink.bytes.size);
        uint8_t bit = (uint8_t)(1U << ky_prng_below(&prng, 8));
        sink.bytes.data[at] ^= bit;
        expect_refused(&options, sink.bytes.data, sink.bytes.size, "bit flip at", at);
        sink.bytes.data[at] ^= bit;
        expect_refused(&options, sink.bytes.data, at, "cut at", at);
    }
    ky_buffer_append_byte(&sink.bytes, 0);
    expect_refused(&options, sink.bytes.data, sink.bytes.size, "longer", 0);
    sink.bytes.size--;
    struct vector_options other = options_of(VECTOR_COSINE);
    expect_refused(&other, sink.bytes.data, sink.bytes.size, "other metric", 0);
    other = options_of(VECTOR_L2);
    other.m = 8;
    expect_refused(&other, sink.bytes.data, sink.bytes.size, "other m", 0);
    ky_buffer_deinit(&sink.bytes);
    collection_free(collection);
    ky_epoch_drain();
}

Test(state, a_full_disk_is_reported_and_changes_nothing)
{
    const struct vector_options options = options_of(VECTOR_L2);
    struct collection *collection = make_collection(&options, false);
    for (size_t limit = 1; limit < 400000; limit = limit * 3 + 1) {
        struct buffer_sink sink;
        buffer_sink_init(&sink);
        sink.fail_above = limit;
        ky_status status = collection_save(collection, NULL, NULL, &sink.sink, &err);
        cr_expect(status == KY_OK || err.sqlstate == KY_DISK_FULL);
        cr_expect(limit > 100000 || status == KY_ERR);
        ky_buffer_deinit(&sink.bytes);
    }
    struct collection_stats stats;
    collection_stats(collection, &stats);
    cr_expect_eq(stats.entries, 2 * ROWS / 3 + 30);
    collection_free(collection);
    ky_epoch_drain();
}
