/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The B+tree and the learned index side by side in one process, rounds interleaved, medians:
 *
 *     bench_index [entries = 10000000] [set, or all] [rounds = 7]
 *
 *   throughput  lookups of random present keys that do not wait for each other, ns each
 *   latency     each lookup's key depends on the answer before
 *   batch       32 keys a call (the ratio is to the B+tree one by one)
 *   batches     32 keys a call, of the B+tree too
 *   absent      throughput for keys that are not there
 *   zipf        throughput, few keys looked up often (exponent 0.99)
 *
 * Times are processor times of the one thread. All answers are checked. Keys are the nine bytes of
 * a bigint. malloc's memory is asked for in huge pages, as the run's is. With absl found at build
 * time, absl::btree_map runs in the rounds. Beside each ratio stands the one aimed at, for 10
 * million keys (50 million from there on, of what has another). The share of huge pages is printed:
 * without them the numbers of all contenders mean something else.
 */

#include <inttypes.h>
#include <math.h>
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
#ifdef HAVE_ABSL
#include "bench/micro/absl_map.h"
#endif

enum { PROBES = 1 << 20, BATCH = 32, ROUNDS_MAX = 99 };
enum contender { TREE, RMI, ABSL, CONTENDERS };
enum measure { THROUGHPUT, LATENCY, IN_BATCH, BOTH_IN_BATCH, ABSENT, ZIPF, MEASURES };

static const char *const contender_names[] = {"btree", "rmi", "absl"};
static const char *const measure_names[] = {"throughput", "latency", "batch",
                                            "batches",    "absent",  "zipf"};

struct probe {
    uint64_t key;
    uint64_t row;
};

struct bench {
    uint64_t *keys;
    uint64_t count;
    struct index *indexes[2];
    void *absl;
    struct probe *present; /* PROBES each, read one after another: they cost no misses */
    struct probe *zipf;
    uint64_t *absent;
    double results[MEASURES][CONTENDERS][ROUNDS_MAX];
    int rounds;
};

static struct ky_slice
make_key(uint64_t number, uint8_t key[9])
{
    key[0] = 1;
    ky_store_be64(key + 1, number);
    return ky_slice(key, 9);
}

static inline void
expect(bool is_right, const char *what)
{
    if (!is_right) {
        (void)fprintf(stderr, "wrong answer: %s\n", what);
        exit(1);
    }
}

/* Of this thread: what others do on the machine costs us cache, but not time. */
static int64_t
now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double
median(const double *values, int count)
{
    double sorted[ROUNDS_MAX];
    memcpy(sorted, values, (size_t)count * sizeof(*sorted));
    qsort(sorted, (size_t)count, sizeof(*sorted), compare);
    return sorted[count / 2];
}

/* ---- building */

struct source {
    const uint64_t *keys;
    uint64_t count;
    uint64_t next;
    uint8_t key[9];
};

static bool
source_next(void *arg, struct index_entry *entry_out)
{
    struct source *source = (struct source *)arg;
    if (source->next == source->count) {
        return false;
    }
    entry_out->key = make_key(source->keys[source->next], source->key);
    entry_out->row_id = ++source->next;
    return true;
}

static struct index *
build(enum index_kind kind, const uint64_t *keys, uint64_t count, double *ns_out)
{
    struct index *index = index_new(kind);
    struct source source = {.keys = keys, .count = count};
    struct ky_error err;
    int64_t started = now_ns();
    expect(index_build(index, source_next, &source, &err) == KY_OK, "build");
    *ns_out = (double)(now_ns() - started) / (double)count;
    return index;
}

/* Each some times, to leave the first use of memory out of the median. */
static void
build_both(struct bench *bench, double *build_ns)
{
    enum { BUILDS = 3 };
    double times[2][BUILDS];
    for (int i = 0; i < BUILDS; i++) {
        index_free(bench->indexes[TREE]);
        index_free(bench->indexes[RMI]);
        ky_epoch_drain();
        bench->indexes[TREE] = build(INDEX_KIND_BTREE, bench->keys, bench->count, &times[TREE][i]);
        bench->indexes[RMI] = build(INDEX_KIND_RMI, bench->keys, bench->count, &times[RMI][i]);
    }
    build_ns[TREE] = median(times[TREE], BUILDS);
    build_ns[RMI] = median(times[RMI], BUILDS);
}

static uint64_t
find(const struct bench *bench, enum contender contender, uint64_t number)
{
#ifdef HAVE_ABSL
    if (contender == ABSL) {
        return absl_map_find(bench->absl, number);
    }
#endif
    uint8_t key[9];
    row_id_t row_id = 0;
    (void)index_find(bench->indexes[contender], make_key(number, key), &row_id, 1);
    return row_id;
}

/* ---- measures */

static void
run_find(const struct bench *bench, enum contender contender, const struct probe *probes)
{
    uint64_t sum = 0;
    uint64_t expected = 0;
    for (uint32_t i = 0; i < PROBES; i++) {
        sum += find(bench, contender, probes[i].key);
        expected += probes[i].row;
    }
    expect(sum == expected, "sum of rows");
}

static void
run_dependent(const struct bench *bench, enum contender contender)
{
    uint64_t carry = 0;
    for (uint32_t i = 0; i < PROBES; i++) {
        /* The key is known only when the row is: it is 0 that is added. */
        const struct probe *probe = &bench->present[i];
        const uint64_t row = find(bench, contender, probe->key + carry);
        expect(row == probe->row, "row");
        carry = row >> 60;
    }
}

static void
run_batch(const struct bench *bench, enum contender contender)
{
    uint8_t bytes[BATCH][9];
    struct ky_slice keys[BATCH];
    row_id_t rows[BATCH];
    uint32_t counts[BATCH];
    uint64_t sum = 0;
    uint64_t expected = 0;
    for (uint32_t i = 0; i < PROBES; i += BATCH) {
        for (uint32_t j = 0; j < BATCH; j++) {
            keys[j] = make_key(bench->present[i + j].key, bytes[j]);
            expected += bench->present[i + j].row;
        }
        index_find_batch(bench->indexes[contender], keys, BATCH, 1, rows, counts);
        for (uint32_t j = 0; j < BATCH; j++) {
            sum += rows[j];
        }
    }
    expect(sum == expected, "sum of rows in batches");
}

static void
run_absent(const struct bench *bench, enum contender contender)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < PROBES; i++) {
        sum += find(bench, contender, bench->absent[i]);
    }
    expect(sum == 0, "an absent key was found");
}

static void
run_measure(struct bench *bench, enum measure measure, enum contender contender, int round)
{
    int64_t started = now_ns();
    switch (measure) {
    case THROUGHPUT:
        run_find(bench, contender, bench->present);
        break;
    case LATENCY:
        run_dependent(bench, contender);
        break;
    case IN_BATCH:
        if (contender == RMI) {
            run_batch(bench, contender);
        } else {
            run_find(bench, contender, bench->present);
        }
        break;
    case BOTH_IN_BATCH:
        if (contender == ABSL) {
            run_find(bench, contender, bench->present);
        } else {
            run_batch(bench, contender);
        }
        break;
    case ABSENT:
        run_absent(bench, contender);
        break;
    case ZIPF:
        run_find(bench, contender, bench->zipf);
        break;
    case MEASURES:
        break;
    }
    bench->results[measure][contender][round] = (double)(now_ns() - started) / (double)PROBES;
}

/* ---- probes */

static bool
has_key(const struct bench *bench, uint64_t key)
{
    uint64_t low = 0;
    uint64_t high = bench->count;
    while (low < high) {
        const uint64_t middle = (low + high) / 2;
        if (bench->keys[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < bench->count && bench->keys[low] == key;
}

/* Ranks by the inverse of the integral of x^-0.99, which is near enough to the sum. */
static uint64_t
zipf_rank(struct ky_prng *prng, uint64_t count)
{
    const double power = 0.01;
    const double u = ((double)(ky_prng_next(prng) >> 11) + 0.5) / 9007199254740992.0;
    const double top = pow((double)count, power);
    const double rank = pow(u * (top - 1.0) + 1.0, 1.0 / power);
    return rank < (double)count ? (uint64_t)rank : count - 1;
}

static void
make_probes(struct bench *bench)
{
    struct ky_prng prng;
    ky_prng_init(&prng, 7);
    bench->present = (struct probe *)malloc(PROBES * sizeof(struct probe));
    bench->zipf = (struct probe *)malloc(PROBES * sizeof(struct probe));
    bench->absent = (uint64_t *)malloc(PROBES * sizeof(uint64_t));
    for (uint32_t i = 0; i < PROBES; i++) {
        const uint64_t any = ky_prng_below(&prng, bench->count);
        bench->present[i] = (struct probe){bench->keys[any], any + 1};
        /* Ranks are scattered over the keys. */
        const uint64_t often =
            zipf_rank(&prng, bench->count) * 0x9e3779b97f4a7c15ULL % bench->count;
        bench->zipf[i] = (struct probe){bench->keys[often], often + 1};
        do {
            const uint64_t near = bench->keys[ky_prng_below(&prng, bench->count)];
            bench->absent[i] = near + 1 + ky_prng_below(&prng, 1000);
        } while (has_key(bench, bench->absent[i]));
    }
}

/* ---- report */

/* Wanted of rmi / btree. */
static const double targets[SET_COUNT][MEASURES] = {
    [SET_UNIFORM] = {5.0, 1.7, 10.0, 0.0, 0.0, 5.0},  [SET_DENSE] = {4.0, 1.1, 8.0, 0.0, 0.0, 0.0},
    [SET_LOGNORMAL] = {4.0, 1.5, 8.0, 0.0, 0.0, 0.0}, [SET_OSM] = {2.5, 1.05, 8.0, 0.0, 0.0, 2.5},
    [SET_FB] = {3.5, 1.05, 8.0, 0.0, 0.0, 0.0},
};

static double
target_of(enum key_set set, int measure, uint64_t count)
{
    enum { LARGE = 50000000, SMALL = 1000000 };
    if (measure == LATENCY && count >= LARGE) {
        return set == SET_UNIFORM ? 1.8 : set == SET_OSM ? 1.0 : targets[set][measure];
    }
    return measure == THROUGHPUT && count <= SMALL && set == SET_UNIFORM ? 4.0
                                                                         : targets[set][measure];
}

/* Of this process's memory, in the kernel's words. */
static double
huge_page_share(void)
{
    char line[256];
    double all = 0;
    double huge = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "Anonymous:", 10) == 0) {
            all = strtod(line + 10, NULL);
        } else if (strncmp(line, "AnonHugePages:", 14) == 0) {
            huge = strtod(line + 14, NULL);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return all > 0 ? huge / all : 0;
}

static void
report(const struct bench *bench, enum key_set set, int contenders)
{
    printf("  huge pages: %.0f%% of the memory\n", huge_page_share() * 100);
    for (int measure = 0; measure < MEASURES; measure++) {
        double ratios[ROUNDS_MAX];
        double peer_ratios[ROUNDS_MAX];
        printf("  %-11s", measure_names[measure]);
        for (int i = 0; i < contenders; i++) {
            printf(" %s %7.1f", contender_names[i],
                   median(bench->results[measure][i], bench->rounds));
        }
        for (int i = 0; i < bench->rounds; i++) {
            ratios[i] = bench->results[measure][TREE][i] / bench->results[measure][RMI][i];
            peer_ratios[i] = bench->results[measure][ABSL][i] / bench->results[measure][TREE][i];
        }
        printf("   rmi/btree %5.2fx", median(ratios, bench->rounds));
        const double target = target_of(set, measure, bench->count);
        if (target > 0) {
            printf(" (target %.2fx)", target);
        } else if (measure == ABSENT) {
            printf(" (rmi: %.2f of present, target 1.30)",
                   median(bench->results[ABSENT][RMI], bench->rounds) /
                       median(bench->results[THROUGHPUT][RMI], bench->rounds));
        }
        if (contenders > ABSL) {
            printf("   btree/absl %5.2fx (target 0.90x)", median(peer_ratios, bench->rounds));
        }
        printf("\n");
    }
}

static void
report_shape(struct bench *bench, const double *build_ns)
{
    for (int i = 0; i < 2; i++) {
        struct index_stats stats;
        index_stats(bench->indexes[i], &stats);
        printf("  %s: build %.1f ns/key%s, %.2f bytes/key%s", contender_names[i], build_ns[i],
               i == RMI ? " (target 30)" : "", (double)stats.bytes / (double)bench->count,
               i == RMI ? " (target 22)" : "");
        if (i == RMI) {
            printf(" (models %.3f, target 0.6), leaves %" PRIu64 " (%" PRIu64 " packed, %" PRIu64
                   " under wide buckets), error p50 %u p99 %u max %u",
                   (double)stats.model_bytes / (double)bench->count, stats.leaves,
                   stats.packed_leaves, stats.wide_leaves, stats.error_p50, stats.error_p99,
                   stats.error_max);
        }
        printf("\n");
    }
}

/* As much memory as will be used, touched once: a machine's first use of a page costs whoever comes
 * first, and builds are compared, too. */
static void
warm_up(uint64_t count)
{
    const size_t size = count * 128;
    void *memory = malloc(size);
    if (memory != NULL) {
        memset(memory, 1, size);
        __asm__ volatile("" : : "r"(memory) : "memory");
    }
    free(memory);
}

static void
run_set(enum key_set set, uint64_t count, int rounds)
{
    struct bench *bench = (struct bench *)calloc(1, sizeof(*bench));
    double build_ns[2];
    bench->count = count;
    bench->rounds = rounds;
    warm_up(count);
    bench->keys = key_set_new(set, count, 42);
    printf("%s, %" PRIu64 " keys, %d rounds\n", key_set_names[set], count, rounds);
    build_both(bench, build_ns);
    int contenders = 2;
#ifdef HAVE_ABSL
    bench->absl = absl_map_new(bench->keys, count);
    contenders = 3;
#endif
    make_probes(bench);
    report_shape(bench, build_ns);
    for (int round = 0; round < rounds; round++) {
        for (int measure = 0; measure < MEASURES; measure++) {
            for (int i = 0; i < contenders; i++) {
                run_measure(bench, (enum measure)measure, (enum contender)i, round);
            }
        }
    }
    report(bench, set, contenders);
    (void)fflush(stdout);
#ifdef HAVE_ABSL
    absl_map_free(bench->absl);
#endif
    index_free(bench->indexes[TREE]);
    index_free(bench->indexes[RMI]);
    ky_epoch_drain();
    free(bench->present);
    free(bench->absent);
    free(bench->zipf);
    free(bench->keys);
    free(bench);
}

int
main(int argc, char **argv)
{
    (void)argc;
    /* malloc reads its settings at start only. */
    if (getenv("GLIBC_TUNABLES") == NULL) {
        (void)setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
        (void)execv("/proc/self/exe", argv);
    }
    const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    const int rounds = argc > 3 ? atoi(argv[3]) : 7;
    for (int set = 0; set < SET_COUNT; set++) {
        if (argc < 3 || strcmp(argv[2], "all") == 0 || strcmp(argv[2], key_set_names[set]) == 0) {
            run_set((enum key_set)set, count, KY_MIN(KY_MAX(rounds, 1), (int)ROUNDS_MAX));
        }
    }
    return 0;
}
