/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A graph searched while everything happens to it: entries come and go, are linked, dead ones are
 * repaired around and their nodes used again, and now and then all is built anew. Every vector says
 * which row it belongs to, so a search that reads a node while it is written anew is found out.
 * Some entries are never removed, and cursors must meet each of them. At the end every entry must
 * be reachable: a search for as many as there are finds them all by the graph.
 */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "server/base/mutex.h"
#include "server/base/random.h"
#include "tests/support/state_buffer.h"
#include "vector/collection.h"

enum {
    DIMENSION = 27,
    WRITERS = 2,
    READERS = 2,
    FIXED = 2400,    /* enough that a build holds nodes back to measure with */
    OWN_ROWS = 600,  /* of each writer, at most */
    CHANGES = 60000, /* of each writer */
    BUILDS_EVERY = 40,
};

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                              \
        }                                                                         \
    } while (0)

static struct collection *collection;
static _Atomic int is_over;
static _Atomic unsigned searches, misses;
static const struct vector_options options = {.dimension = DIMENSION, .has_graph = true};

static void
make_values(row_id_t row_id, float values[DIMENSION])
{
    struct ky_prng prng;
    ky_prng_init(&prng, row_id);
    for (int i = 0; i < DIMENSION; i++) {
        values[i] = (float)ky_prng_double(&prng);
    }
}

static void
insert(row_id_t row_id)
{
    struct ky_error err;
    float values[DIMENSION];
    make_values(row_id, values);
    CHECK(collection_insert(collection, row_id, values, NULL, &err) == KY_OK);
}

static void *
change_entries(void *arg)
{
    uint64_t self = *(const uint64_t *)arg;
    struct ky_prng prng;
    ky_prng_init(&prng, self);
    static bool is_held[WRITERS][OWN_ROWS];
    for (int i = 0; i < CHANGES; i++) {
        uint64_t own = ky_prng_below(&prng, OWN_ROWS);
        row_id_t row_id = 10000 + own * WRITERS + self;
        if (is_held[self][own]) {
            float values[DIMENSION];
            make_values(row_id, values);
            CHECK(collection_remove(collection, row_id, values));
        } else {
            insert(row_id);
        }
        is_held[self][own] = !is_held[self][own];
    }
    return NULL;
}

static bool
accept_whole(void *arg, row_id_t row_id, const void *values, double distance)
{
    float own[DIMENSION];
    (void)arg;
    (void)distance;
    make_values(row_id, own);
    CHECK(memcmp(own, values, sizeof(own)) == 0);
    return true;
}

static void
search_once(struct ky_prng *prng)
{
    struct ky_error err;
    float query[DIMENSION];
    struct vector_hit hits[50];
    uint32_t count = 0;
    make_values(1 + ky_prng_below(prng, FIXED), query);
    const struct vector_search search = {.query = query,
                                         .k = 50,
                                         .mode = prng->state[0] % 8 == 0 ? VECTOR_MODE_EXACT
                                                                         : VECTOR_MODE_ANN,
                                         .accept = accept_whole};
    CHECK(collection_search(collection, &search, hits, &count, NULL, &err) == KY_OK);
    CHECK(count == 50);
    /* The query itself is there; once in a while a search by the graph may miss it. */
    atomic_fetch_add_explicit(&searches, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&misses, hits[0].distance != 0, memory_order_relaxed);
    for (uint32_t i = 1; i < count; i++) {
        CHECK(hits[i].distance >= hits[i - 1].distance);
        CHECK(hits[i].row_id != hits[i - 1].row_id);
    }
}

static void
walk_all(struct ky_prng *prng)
{
    struct ky_error err;
    float query[DIMENSION];
    bool *is_seen = (bool *)ky_calloc(FIXED + 1, sizeof(bool));
    struct vector_cursor *cursor = NULL;
    uint32_t fixed = 0;
    make_values(1 + ky_prng_below(prng, FIXED), query);
    const struct vector_search search = {
        .query = query, .mode = VECTOR_MODE_ANN, .accept = accept_whole};
    CHECK(vector_cursor_open(collection, &search, &cursor, &err) == KY_OK);
    for (uint32_t count = 1; count > 0;) {
        struct vector_hit hits[100];
        CHECK(vector_cursor_next(cursor, hits, 100, &count, &err) == KY_OK);
        for (uint32_t i = 0; i < count; i++) {
            if (hits[i].row_id <= FIXED) {
                CHECK(!is_seen[hits[i].row_id]);
                is_seen[hits[i].row_id] = true;
                fixed++;
            }
        }
    }
    CHECK(fixed == FIXED);
    vector_cursor_close(cursor);
    ky_free(is_seen);
}

/* Looks at nodes at random while they are made, taken out and used again. */
static void
ask_recall(void)
{
    struct ky_error err;
    double recall = 0;
    CHECK(collection_recall(collection, 10, 40, 0, 12, &recall, &err) == KY_OK);
    CHECK(recall > 0 && recall <= 1);
}

static void *
search_entries(void *arg)
{
    struct ky_prng prng;
    ky_prng_init(&prng, *(const uint64_t *)arg);
    for (int i = 0; atomic_load_explicit(&is_over, memory_order_relaxed) == 0; i++) {
        search_once(&prng);
        if (i % 16 == 0) {
            walk_all(&prng);
            ask_recall();
        }
    }
    return NULL;
}

static void
save_and_load(void)
{
    struct ky_error err;
    struct buffer_sink sink;
    struct collection *copy = NULL;
    struct collection_stats stats;
    buffer_sink_init(&sink);
    CHECK(collection_save(collection, NULL, NULL, &sink.sink, &err) == KY_OK);
    struct state_map *map = buffer_map_new(sink.bytes.data, sink.bytes.size);
    CHECK(collection_load(&options, map, NULL, NULL, &copy, &err) == KY_OK);
    collection_stats(copy, &stats);
    CHECK(stats.entries >= FIXED);
    collection_free(copy);
    ky_buffer_deinit(&sink.bytes);
}

static void *
maintain(void *arg)
{
    struct ky_error err;
    const struct vector_work work = {.threads = 2};
    for (int i = 1; atomic_load_explicit(&is_over, memory_order_relaxed) == 0; i++) {
        bool has_more = false;
        if (i % BUILDS_EVERY == 0) {
            CHECK(collection_build(collection, &work, &err) == KY_OK);
            save_and_load();
        } else {
            CHECK(collection_maintain(collection, 50, &work, &has_more, &err) == KY_OK);
        }
    }
    return arg;
}

/* All that is left, by the graph alone. */
static void
check_reachable(void)
{
    struct ky_error err;
    const struct vector_work work = {.threads = 2};
    for (bool has_more = true; has_more;) {
        CHECK(collection_maintain(collection, 1000, &work, &has_more, &err) == KY_OK);
    }
    struct collection_stats stats;
    collection_stats(collection, &stats);
    float query[DIMENSION];
    make_values(1, query);
    struct vector_hit *hits = (struct vector_hit *)ky_malloc(stats.entries * sizeof(*hits));
    uint32_t count = 0;
    struct vector_search_stats search_stats;
    const struct vector_search search = {.query = query,
                                         .k = (uint32_t)stats.entries,
                                         .ef = (uint32_t)stats.nodes + 10,
                                         .mode = VECTOR_MODE_ANN,
                                         .accept = accept_whole};
    CHECK(collection_search(collection, &search, hits, &count, &search_stats, &err) == KY_OK);
    CHECK(count == stats.entries);
    printf("entries %u nodes %u dead %u delta %u expanded %u builds %u rescued %u\n", count,
           (unsigned)stats.nodes, (unsigned)stats.dead_nodes, (unsigned)stats.delta_entries,
           (unsigned)search_stats.expanded, (unsigned)stats.builds,
           (unsigned)stats.unreachable_repaired);
    (void)fflush(stdout);
    CHECK(search_stats.expanded >= stats.nodes);
    CHECK(atomic_load(&misses) * 20 <= atomic_load(&searches));
    ky_free(hits);
}

int
main(void)
{
    struct ky_thread writers[WRITERS];
    struct ky_thread readers[READERS];
    struct ky_thread maintainer;
    uint64_t numbers[] = {0, 1, 2, 3};
    collection = collection_new(&options);
    for (row_id_t i = 1; i <= FIXED; i++) {
        insert(i);
    }
    struct ky_error err;
    const struct vector_work work = {.threads = 2};
    CHECK(collection_build(collection, &work, &err) == KY_OK);
    for (int i = 0; i < WRITERS; i++) {
        ky_thread_start(&writers[i], "writer", change_entries, &numbers[i]);
    }
    for (int i = 0; i < READERS; i++) {
        ky_thread_start(&readers[i], "reader", search_entries, &numbers[i]);
    }
    ky_thread_start(&maintainer, "maintainer", maintain, NULL);
    for (int i = 0; i < WRITERS; i++) {
        ky_thread_join(&writers[i]);
    }
    atomic_store_explicit(&is_over, 1, memory_order_relaxed);
    for (int i = 0; i < READERS; i++) {
        ky_thread_join(&readers[i]);
    }
    ky_thread_join(&maintainer);
    check_reachable();
    collection_free(collection);
    ky_epoch_drain();
    return 0;
}
