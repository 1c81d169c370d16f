/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Changes to the B+tree and the learned index, side by side in one process, rounds interleaved,
 * medians; and what saving and loading cost:
 *
 *     bench_index_changes [entries = 10000000] [set, or all] [rounds = 5] [measure, or all]
 *
 *   insert     new keys anywhere, a tenth as many as were built from
 *   append     ascending keys after all others
 *   95/5       lookups of present keys and five inserts in a hundred
 *   50/50      as many inserts as lookups
 *   load       index_load with all its verification, per key
 *   rebuild    a lookup at the 99th percentile while rebuilds follow each other, against without
 *
 * A learned index is maintained by a thread of its own meanwhile, as in the server. Times are
 * processor times of the thread that changes. Each round begins with new indexes; malloc's memory
 * is asked for in huge pages, as the run's is.
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/micro/key_sets.h"
#include "index/index.h"
#include "server/base/endian.h"
#include "server/base/epoch.h"
#include "server/base/random.h"
#include "storage/api/state.h"

enum { ROUNDS_MAX = 99, NEW_SHARE = 10, P99_PROBES = 200000 };
enum measure { INSERT, APPEND, MOSTLY_READS, HALF_READS, LOAD, REBUILD, MEASURES };

static const struct {
    const char *name;
    bool is_lower_better; /* the ratio is rmi / btree, else btree / rmi */
    double target;        /* of the ratio, uniform keys; LOAD: ns a key */
    double target_hard;   /* osm and fb; 0: the same */
} measures[MEASURES] = {
    [INSERT] = {"insert", true, 0.6, 0},
    [APPEND] = {"append", true, 0.3, 0},
    [MOSTLY_READS] = {"95/5", false, 3, 1.8},
    [HALF_READS] = {"50/50", false, 1.8, 1.1},
    [LOAD] = {"load", true, 5, 0},
    [REBUILD] = {"rebuild", true, 1.5, 0},
};

struct keys {
    uint64_t *built; /* ascending */
    uint64_t *added; /* in random order, none of them among built */
    uint64_t built_count, added_count;
    uint64_t last;
};

static void
expect(bool is_right, const char *what)
{
    if (!is_right) {
        (void)fprintf(stderr, "wrong: %s\n", what);
        exit(1);
    }
}

static int64_t
now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct ky_slice
make_key(uint64_t number, uint8_t key[9])
{
    key[0] = 1;
    ky_store_be64(key + 1, number);
    return ky_slice(key, 9);
}

/* ---- indexes to change */

struct source {
    const struct keys *keys;
    uint64_t next;
    uint8_t key[9];
};

static bool
source_next(void *arg, struct index_entry *entry_out)
{
    struct source *source = (struct source *)arg;
    if (source->next == source->keys->built_count) {
        return false;
    }
    entry_out->key = make_key(source->keys->built[source->next], source->key);
    entry_out->row_id = ++source->next;
    return true;
}

static struct index *
build(enum index_kind kind, const struct keys *keys)
{
    struct index *index = index_new(kind);
    struct source source = {.keys = keys};
    struct ky_error err;
    expect(index_build(index, source_next, &source, &err) == KY_OK, "build");
    return index;
}

static struct keys
split(uint64_t *all, uint64_t count, struct ky_prng *prng)
{
    struct keys keys = {.last = all[count - 1]};
    keys.built = (uint64_t *)malloc(count * sizeof(uint64_t));
    keys.added = (uint64_t *)malloc(count * sizeof(uint64_t));
    for (uint64_t i = 0; i < count; i++) {
        if (ky_prng_below(prng, NEW_SHARE + 1) == 0) {
            keys.added[keys.added_count++] = all[i];
        } else {
            keys.built[keys.built_count++] = all[i];
        }
    }
    for (uint64_t i = keys.added_count; i > 1; i--) {
        const uint64_t other = ky_prng_below(prng, i);
        const uint64_t key = keys.added[i - 1];
        keys.added[i - 1] = keys.added[other];
        keys.added[other] = key;
    }
    return keys;
}

/* ---- maintenance beside */

struct maintainer {
    struct index *index;
    pthread_t thread;
    _Atomic bool is_over;
    bool is_forced; /* one rebuild after the other */
};

static void *
maintain(void *arg)
{
    struct maintainer *maintainer = (struct maintainer *)arg;
    const struct timespec pause = {.tv_nsec = 1000000};
    while (!atomic_load(&maintainer->is_over)) {
        if (maintainer->is_forced || index_wants_maintenance(maintainer->index)) {
            index_maintain(maintainer->index);
            ky_epoch_reclaim();
        } else {
            (void)nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

static void
start(struct maintainer *maintainer, struct index *index, bool is_forced)
{
    maintainer->index = index;
    maintainer->is_forced = is_forced;
    atomic_init(&maintainer->is_over, false);
    expect(pthread_create(&maintainer->thread, NULL, maintain, maintainer) == 0, "thread");
}

static void
stop(struct maintainer *maintainer)
{
    atomic_store(&maintainer->is_over, true);
    (void)pthread_join(maintainer->thread, NULL);
}

/* ---- measures */

static void
insert(struct index *index, uint64_t number, row_id_t row_id)
{
    uint8_t key[9];
    bool is_new = false;
    struct ky_error err;
    expect(index_insert(index, make_key(number, key), row_id, &is_new, &err) == KY_OK && is_new,
           "insert");
}

struct op {
    uint64_t key;
    row_id_t row_id;
    bool is_insert;
};

static struct op
draw_lookup(const struct keys *keys, struct ky_prng *prng)
{
    const uint64_t at = ky_prng_below(prng, keys->built_count);
    return (struct op){keys->built[at], at + 1, false};
}

static void
look_up(struct index *index, const struct op *op)
{
    uint8_t key[9];
    row_id_t row_id = 0;
    (void)index_find(index, make_key(op->key, key), &row_id, 1);
    expect(row_id == op->row_id, "lookup");
}

/* Drawn before the time is taken, and read one after another: they cost no misses. Of a hundred,
 * `writes` are inserts. */
static struct op *
draw_ops(const struct keys *keys, uint64_t inserts, uint32_t writes, uint64_t *count_out)
{
    const uint64_t room = writes == 100 ? inserts : inserts * 100 / writes * 2 + 1000;
    struct op *ops = (struct op *)malloc(room * sizeof(struct op));
    struct ky_prng prng;
    ky_prng_init(&prng, 11);
    uint64_t count = 0;
    for (uint64_t inserted = 0; inserted < inserts && count < room; count++) {
        if (writes == 100 || ky_prng_below(&prng, 100) < writes) {
            ops[count] = (struct op){keys->added[inserted], keys->built_count + inserted + 1, true};
            inserted++;
        } else {
            ops[count] = draw_lookup(keys, &prng);
        }
    }
    *count_out = count;
    return ops;
}

/* Operations of which `writes` in a hundred are inserts; ns each. */
static double
mix(struct index *index, const struct keys *keys, uint64_t inserts, uint32_t writes)
{
    struct maintainer maintainer;
    uint64_t count = 0;
    struct op *ops = draw_ops(keys, inserts, writes, &count);
    start(&maintainer, index, false);
    const int64_t started = now_ns();
    for (uint64_t i = 0; i < count; i++) {
        if (ops[i].is_insert) {
            insert(index, ops[i].key, ops[i].row_id);
        } else {
            look_up(index, &ops[i]);
        }
    }
    const int64_t took = now_ns() - started;
    stop(&maintainer);
    free(ops);
    return (double)took / (double)count;
}

static double
append(struct index *index, const struct keys *keys)
{
    struct maintainer maintainer;
    const uint64_t room = UINT64_MAX - keys->last;
    const uint64_t count = keys->added_count < room ? keys->added_count : room;
    start(&maintainer, index, false);
    const int64_t started = now_ns();
    for (uint64_t i = 1; i <= count; i++) {
        insert(index, keys->last + i, keys->built_count + i);
    }
    const int64_t took = now_ns() - started;
    stop(&maintainer);
    return (double)took / (double)count;
}

struct memory_sink {
    struct state_sink sink;
    struct ky_buffer bytes;
};

static ky_status
memory_write(struct state_sink *sink, struct ky_slice bytes, struct ky_error *err)
{
    (void)err;
    ky_buffer_append_slice(&((struct memory_sink *)(void *)sink)->bytes, bytes);
    return KY_OK;
}

static void
release_nothing(struct state_map *map)
{
    (void)map;
}

static double
load(struct index *index, enum index_kind kind, uint64_t count)
{
    struct memory_sink sink = {.sink = {memory_write}};
    struct index *loaded = NULL;
    struct ky_error err;
    expect(index_save(index, NULL, NULL, &sink.sink, &err) == KY_OK, "save");
    struct state_map map = {ky_buffer_slice(&sink.bytes), release_nothing};
    const int64_t started = now_ns();
    expect(index_load(kind, &map, NULL, NULL, &loaded, &err) == KY_OK, "load");
    const int64_t took = now_ns() - started;
    index_free(loaded);
    ky_buffer_deinit(&sink.bytes);
    return (double)took / (double)count;
}

static int
compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double
p99(struct index *index, const struct keys *keys)
{
    struct ky_prng prng;
    double *times = (double *)malloc(P99_PROBES * sizeof(double));
    ky_prng_init(&prng, 12);
    for (uint32_t i = 0; i < P99_PROBES; i++) {
        const struct op op = draw_lookup(keys, &prng);
        struct timespec before;
        struct timespec after;
        (void)clock_gettime(CLOCK_MONOTONIC, &before);
        look_up(index, &op);
        (void)clock_gettime(CLOCK_MONOTONIC, &after);
        times[i] =
            (double)(after.tv_sec - before.tv_sec) * 1e9 + (double)(after.tv_nsec - before.tv_nsec);
    }
    qsort(times, P99_PROBES, sizeof(*times), compare);
    const double result = times[P99_PROBES / 100 * 99];
    free(times);
    return result;
}

static double
p99_while_rebuilding(struct index *index, const struct keys *keys)
{
    struct maintainer maintainer;
    start(&maintainer, index, true);
    const double result = p99(index, keys);
    stop(&maintainer);
    return result;
}

static double
run(enum measure measure, enum index_kind kind, const struct keys *keys)
{
    struct index *index = build(kind, keys);
    double result = 0;
    switch (measure) {
    case INSERT:
        result = mix(index, keys, keys->added_count, 100);
        break;
    case APPEND:
        result = append(index, keys);
        break;
    case MOSTLY_READS:
        result = mix(index, keys, keys->added_count / 10, 5);
        break;
    case HALF_READS:
        result = mix(index, keys, keys->added_count, 50);
        break;
    case LOAD:
        result = load(index, kind, keys->built_count);
        break;
    case REBUILD:
        /* Of the learned index: with rebuilds, and without them where the tree's time stands. */
        result = kind == INDEX_KIND_RMI ? p99_while_rebuilding(index, keys) : 0;
        break;
    case MEASURES:
        break;
    }
    index_free(index);
    ky_epoch_drain();
    return result;
}

/* ---- report */

static double
median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return values[count / 2];
}

static void
run_measure(enum measure measure, enum key_set set, const struct keys *keys, int rounds)
{
    const bool is_hard = set >= SET_OSM && measures[measure].target_hard > 0;
    const double target = is_hard ? measures[measure].target_hard : measures[measure].target;
    double trees[ROUNDS_MAX];
    double learned[ROUNDS_MAX];
    double ratios[ROUNDS_MAX];
    for (int round = 0; round < rounds; round++) {
        if (measure == REBUILD) {
            struct index *index = build(INDEX_KIND_RMI, keys);
            trees[round] = p99(index, keys);
            index_free(index);
        } else {
            trees[round] = run(measure, INDEX_KIND_BTREE, keys);
        }
        learned[round] = run(measure, INDEX_KIND_RMI, keys);
        ratios[round] = measures[measure].is_lower_better ? learned[round] / trees[round]
                                                          : trees[round] / learned[round];
    }
    const double ratio = median(ratios, rounds);
    printf("  %-11s %s %7.1f rmi %7.1f ns   ", measures[measure].name,
           measure == REBUILD ? "without" : "btree", median(trees, rounds),
           median(learned, rounds));
    if (measure == LOAD) {
        printf("target %.1f ns\n", target);
    } else {
        printf("%s %5.2fx   target %.2fx\n",
               measure == REBUILD                  ? "with/without"
               : measures[measure].is_lower_better ? "rmi/btree"
                                                   : "btree/rmi",
               ratio, target);
    }
    (void)fflush(stdout);
}

static void
run_set(enum key_set set, uint64_t count, int rounds, const char *only)
{
    struct ky_prng prng;
    ky_prng_init(&prng, 9);
    uint64_t *all = key_set_new(set, count, 42);
    struct keys keys = split(all, count, &prng);
    free(all);
    printf("%s, %" PRIu64 " keys built, %" PRIu64 " new ones, %d rounds\n", key_set_names[set],
           keys.built_count, keys.added_count, rounds);
    for (int measure = 0; measure < MEASURES; measure++) {
        if (only == NULL || strcmp(only, measures[measure].name) == 0) {
            run_measure((enum measure)measure, set, &keys, rounds);
        }
    }
    free(keys.built);
    free(keys.added);
}

int
main(int argc, char **argv)
{
    /* malloc reads its settings at start only. */
    if (getenv("GLIBC_TUNABLES") == NULL) {
        (void)setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
        (void)execv("/proc/self/exe", argv);
    }
    const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    const int rounds = argc > 3 ? atoi(argv[3]) : 5;
    const char *only = argc > 4 && strcmp(argv[4], "all") != 0 ? argv[4] : NULL;
    for (int set = 0; set < SET_COUNT; set++) {
        if (argc < 3 || strcmp(argv[2], "all") == 0 || strcmp(argv[2], key_set_names[set]) == 0) {
            run_set((enum key_set)set, count, KY_MIN(KY_MAX(rounds, 1), (int)ROUNDS_MAX), only);
        }
    }
    return 0;
}
