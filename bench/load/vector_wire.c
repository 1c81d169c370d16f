/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Vectors over the wire, KyroDB beside a PostgreSQL with pgvector, the same client for both:
 *
 *     bench_vector_wire [--set image|mix384|mix128] [--rows N] [--rounds N] [--seconds S]
 *         [--connections N] [--parts LIST] [--restart COMMAND] [--pid-file FILE] KYRODB [PEER]
 *
 * KYRODB and PEER are libpq connection strings. Rounds are interleaved (A B A B ...), figures are
 * medians. Each line is one of a table: what, KyroDB, peer, ratio (above one: KyroDB is better),
 * target. Parts: exact build search filter update insert restart delete; the table is made by
 * exact or build. Recall is of the 10 nearest, against the truth. The parts update and insert take
 * 1, 8 and 32 connections and count statements, also those of 100 rows.
 */

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/load/vector_side.h"
#include "server/base/arena.h"

enum { ROUNDS_MAX = 99, ROUND_NUMBERS = 1000000, QUERIES_MAX = 1000 };

static const uint32_t efs[] = {10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 450, 640, 800, 1000};
enum { EF_COUNT = sizeof(efs) / sizeof(efs[0]) };

struct bench {
    struct side sides[2];
    uint32_t side_count;
    struct vector_set set;
    const char *set_name, *parts, *restart, *pid_file;
    uint32_t rows, rounds, connections;
    double seconds;
    uint32_t ef[2]; /* the smallest with recall 0.95 and without filter */
    double build_seconds[2];
};

static const char nearest[] = "SELECT id FROM items ORDER BY v <-> $1 LIMIT 10";

/* ------------------------------------------------------------------ lines */

static void
print_figure(double figure)
{
    printf(figure < 0        ? " - |"
           : figure >= 1000  ? " %.0f |"
           : figure >= 100   ? " %.1f |"
           : figure >= 0.995 ? " %.2f |"
                             : " %.4f |",
           figure);
}

/* figures: KyroDB's and the peer's; a peer that is not there is below 0. */
static void
print_line(const char *what, const double *figures, bool is_less_better, const char *target)
{
    printf("| %s |", what);
    print_figure(figures[0]);
    print_figure(figures[1]);
    if (figures[0] > 0 && figures[1] > 0) {
        printf(" **%.2f** |", is_less_better ? figures[1] / figures[0] : figures[0] / figures[1]);
    } else {
        printf(" |");
    }
    printf(" %s |\n", target);
    (void)fflush(stdout);
}

static int
compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double
median(double *values, uint32_t count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[count / 2];
}

/* ------------------------------------------------------------------ rates, interleaved */

/* works: one for each side. */
static void
rate(struct bench *bench, const struct side_work *works, uint32_t connections, double *figures)
{
    double all[2][ROUNDS_MAX];
    figures[1] = -1;
    for (uint32_t round = 0; round < bench->rounds; round++) {
        for (uint32_t i = 0; i < bench->side_count; i++) {
            struct side_work work = works[i];
            work.first_number += round * ROUND_NUMBERS;
            all[i][round] =
                side_rate(&bench->sides[i], &bench->set, &work, connections, bench->seconds);
        }
    }
    for (uint32_t i = 0; i < bench->side_count; i++) {
        figures[i] = median(all[i], bench->rounds);
    }
}

static const char *
settings_of(uint32_t ef, char *out, size_t size)
{
    (void)snprintf(out, size, "SET hnsw.ef_search = %u", ef);
    return out;
}

static double
recall_at(struct bench *bench, uint32_t side, const double *limits, uint32_t ef)
{
    char settings[64];
    const struct side_work work = {.settings = settings_of(ef, settings, sizeof(settings)),
                                   .statement = nearest};
    return side_recall(&bench->sides[side], &bench->set, limits, &work);
}

static double
rate_once(struct bench *bench, uint32_t side, uint32_t ef)
{
    char settings[64];
    const struct side_work work = {.settings = settings_of(ef, settings, sizeof(settings)),
                                   .statement = nearest};
    return side_rate(&bench->sides[side], &bench->set, &work, bench->connections, bench->seconds);
}

/* Seconds of processor time that KyroDB has used; needs its process. */
static double
cpu_seconds(const struct bench *bench)
{
    char path[64];
    unsigned pid = 0;
    unsigned long user = 0;
    unsigned long system = 0;
    FILE *file = fopen(bench->pid_file, "r");
    if (file == NULL || fscanf(file, "%u", &pid) != 1 || fclose(file) != 0) {
        return 0;
    }
    (void)snprintf(path, sizeof(path), "/proc/%u/stat", pid);
    file = fopen(path, "r");
    if (file == NULL ||
        fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &system) != 2 ||
        fclose(file) != 0) {
        return 0;
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* ------------------------------------------------------------------ parts */

static void
make_table(struct bench *bench)
{
    char sql[128];
    double seconds[2] = {-1, -1};
    for (uint32_t i = 0; i < bench->side_count; i++) {
        const struct side *side = &bench->sides[i];
        side_run(side, "DROP TABLE IF EXISTS items");
        (void)snprintf(
            sql, sizeof(sql),
            "CREATE TABLE items (id int PRIMARY KEY, category int, note int, v vector(%u))",
            bench->set.dimension);
        side_run(side, sql);
        side_run(side, "ALTER TABLE items ALTER COLUMN v SET STORAGE PLAIN");
        const double started = vector_set_wall_seconds();
        side_load(side, &bench->set);
        seconds[i] = vector_set_wall_seconds() - started;
        side_run(side, "VACUUM ANALYZE items");
        side_run(side, "CHECKPOINT");
    }
    print_line("COPY as text, primary key, no index (s)", seconds, true, "");
}

static void
run_exact(struct bench *bench, const char *label, const char *settings, const char *peer_settings)
{
    const struct side_work works[2] = {{.settings = settings, .statement = nearest},
                                       {.settings = peer_settings, .statement = nearest}};
    double figures[2];
    rate(bench, works, 1, figures);
    print_line(label, figures, false, "10, aim 20");
}

static void
run_build(struct bench *bench)
{
    double bytes[2] = {-1, -1};
    double seconds[2] = {-1, -1};
    for (uint32_t i = 0; i < bench->side_count; i++) {
        const struct side *side = &bench->sides[i];
        side_run(side, "DROP INDEX IF EXISTS items_v_idx");
        (void)side_try(side, "SET maintenance_work_mem = '2GB'");
        seconds[i] = side_seconds(side, "CREATE INDEX ON items USING hnsw (v vector_l2_ops) "
                                        "WITH (m = 16, ef_construction = 64)");
        bench->build_seconds[i] = seconds[i];
        bytes[i] = side_number(side, "SELECT pg_relation_size('items_v_idx')") / bench->set.rows;
        side_run(side, "CHECKPOINT");
    }
    print_line("CREATE INDEX, m 16, ef_construction 64 (s)", seconds, true, "2.5, aim 5");
    print_line("index bytes a vector", bytes, true, "784-d: 3.5, aim 4.2");
}

/* Queries a second at a recall: between the two ef around it, both measured. */
static double
rate_at(struct bench *bench, uint32_t side, const double *recalls, double target)
{
    uint32_t at = 0;
    while (at < EF_COUNT && recalls[at] < target) {
        at++;
    }
    if (at == EF_COUNT) {
        return -1;
    }
    const double above = rate_once(bench, side, efs[at]);
    if (at == 0) {
        return above;
    }
    const double below = rate_once(bench, side, efs[at - 1]);
    const double part = (target - recalls[at - 1]) / (recalls[at] - recalls[at - 1]);
    return below * pow(above / below, part);
}

static void
find_frontier(struct bench *bench, uint32_t side, double *recalls)
{
    bench->ef[side] = efs[EF_COUNT - 1];
    for (uint32_t i = 0; i < EF_COUNT; i++) {
        recalls[i] = i > 0 && recalls[i - 1] > 0.998
                         ? recalls[i - 1]
                         : recall_at(bench, side, bench->set.limits, efs[i]);
        if (recalls[i] >= 0.95 && bench->ef[side] > efs[i]) {
            bench->ef[side] = efs[i];
        }
    }
}

static void
run_search(struct bench *bench)
{
    static const struct {
        double recall;
        const char *target;
    } goals[] = {{0.95, "ints 4, aim 7"}, {0.99, "ints 4, aim 6; floats 2.5, aim 4"}};
    double recalls[2][EF_COUNT];
    for (uint32_t i = 0; i < bench->side_count; i++) {
        find_frontier(bench, i, recalls[i]);
        (void)fprintf(stderr, "%s:", bench->sides[i].name);
        for (uint32_t j = 0; j < EF_COUNT; j++) {
            (void)fprintf(stderr, " %u:%.4f", efs[j], recalls[i][j]);
        }
        (void)fprintf(stderr, "\n");
    }
    for (size_t goal = 0; goal < KY_COUNT_OF(goals); goal++) {
        char label[96];
        double all[2][ROUNDS_MAX];
        double figures[2] = {-1, -1};
        for (uint32_t round = 0; round < bench->rounds; round++) {
            for (uint32_t i = 0; i < bench->side_count; i++) {
                all[i][round] = rate_at(bench, i, recalls[i], goals[goal].recall);
            }
        }
        for (uint32_t i = 0; i < bench->side_count; i++) {
            figures[i] = median(all[i], bench->rounds);
        }
        (void)snprintf(label, sizeof(label), "queries a second at recall %.2f, %u connections",
                       goals[goal].recall, bench->connections);
        print_line(label, figures, false, goals[goal].target);
    }
    if (bench->pid_file != NULL) {
        const double before = cpu_seconds(bench);
        const double done = rate_once(bench, 0, bench->ef[0]) * bench->seconds;
        const double each[] = {(cpu_seconds(bench) - before) * 1e6 / done, -1};
        char label[96];
        (void)snprintf(label, sizeof(label), "server's processor time of a query at ef %u (us)",
                       bench->ef[0]);
        print_line(label, each, true, "");
    }
}

static bool
is_of_category(const void *arg, uint32_t row)
{
    return row * 2654435761U % 100 < *(const uint32_t *)arg;
}

static void
run_filter(struct bench *bench)
{
    static const struct {
        uint32_t share;
        const char *target;
    } filters[] = {{1, "10, aim 40"}, {10, "3, aim 5"}, {50, "3, aim 5"}};
    double limits[QUERIES_MAX];
    for (size_t f = 0; f < KY_COUNT_OF(filters); f++) {
        char statement[128];
        char settings[2][128];
        char label[96];
        struct side_work works[2];
        double recalls[2] = {-1, -1};
        double figures[2];
        vector_set_limits(&bench->set, is_of_category, &filters[f].share, limits);
        (void)snprintf(statement, sizeof(statement),
                       "SELECT id FROM items WHERE category < %u ORDER BY v <-> $1 LIMIT 10",
                       filters[f].share);
        for (uint32_t i = 0; i < bench->side_count; i++) {
            (void)snprintf(settings[i], sizeof(settings[i]),
                           "SET hnsw.iterative_scan = relaxed_order; SET hnsw.ef_search = %u",
                           bench->ef[i] != 0 ? bench->ef[i] : 40);
            works[i] = (struct side_work){.settings = settings[i], .statement = statement};
            recalls[i] = side_recall(&bench->sides[i], &bench->set, limits, &works[i]);
        }
        (void)snprintf(label, sizeof(label), "filter %u %%: recall at ef %u / %u", filters[f].share,
                       bench->ef[0], bench->ef[1]);
        print_line(label, recalls, false,
                   filters[f].share == 1 ? "0.99, aim 1.0" : "unfiltered - 0.01");
        rate(bench, works, bench->connections, figures);
        (void)snprintf(label, sizeof(label), "filter %u %%: queries a second", filters[f].share);
        print_line(label, figures, false, filters[f].target);
    }
}

/* One work with one, some and many clients: alone the device's sync bounds both sides, many
 * together share syncs and show what a statement costs. */
static void
rate_by_clients(struct bench *bench, const char *what, struct side_work work, const char *target)
{
    static const uint32_t connections[] = {1, 8, 32};
    for (size_t i = 0; i < KY_COUNT_OF(connections); i++) {
        char label[96];
        double figures[2];
        const struct side_work works[2] = {work, work};
        rate(bench, works, connections[i], figures);
        work.first_number += ROUNDS_MAX * ROUND_NUMBERS;
        (void)snprintf(label, sizeof(label), "%s, %s, %u connection%s (a second)", what,
                       work.settings[0] == '\0' ? "durable" : "synchronous_commit off",
                       connections[i], connections[i] == 1 ? "" : "s");
        print_line(label, figures, false, target);
    }
}

static void
run_update(struct bench *bench)
{
    char sql[2][160];
    const uint32_t rows = bench->set.rows;
    const uint32_t pieces = KY_MAX(rows / 100, 1U);
    (void)snprintf(sql[0], sizeof(sql[0]),
                   "UPDATE items SET note = note + 1 WHERE id = $1::int %% %u", rows);
    (void)snprintf(sql[1], sizeof(sql[1]),
                   "UPDATE items SET note = note + 1 WHERE id BETWEEN $1::int %% %u * 100 "
                   "AND $1::int %% %u * 100 + 99",
                   pieces, pieces);
    const struct side_work one = {.settings = "", .statement = sql[0], .is_number = true};
    const struct side_work hundred = {.settings = "", .statement = sql[1], .is_number = true};
    /* Without its sync, which is the same on both sides, a statement is what the index makes it. */
    struct side_work unsynced = one;
    unsynced.settings = "SET synchronous_commit = off";
    rate_by_clients(bench, "UPDATE of another column", one, "20, aim 50");
    rate_by_clients(bench, "UPDATE of another column", unsynced, "20, aim 50");
    rate_by_clients(bench, "UPDATE of another column, 100 rows a statement", hundred, "20, aim 50");
}

static void
run_insert(struct bench *bench)
{
    char sql[64];
    const struct side_work work = {.settings = "",
                                   .statement = "INSERT INTO items VALUES ($1, 0, 0, $2)",
                                   .is_number = true,
                                   .has_vector_too = true,
                                   .first_number = 100000000};
    rate_by_clients(bench, "INSERT of one row", work, "5, aim 10");
    (void)snprintf(sql, sizeof(sql), "DELETE FROM items WHERE id >= %u", bench->set.rows);
    for (uint32_t i = 0; i < bench->side_count; i++) {
        side_run(&bench->sides[i], sql);
        side_run(&bench->sides[i], "VACUUM items");
    }
}

/* The restart command kills and starts KyroDB; the clock runs until an answer is right. */
static void
run_restart(struct bench *bench)
{
    struct side *side = &bench->sides[0];
    if (bench->restart == NULL) {
        return;
    }
    const struct side_work work = {.settings = "SET hnsw.ef_search = 100", .statement = nearest};
    struct vector_set first = bench->set;
    first.queries = 1;
    side_run(side, "CHECKPOINT");
    side_close(side);
    const double started = vector_set_wall_seconds();
    if (system(bench->restart) != 0) { // NOLINT(cert-env33-c): the caller's own command
        (void)fprintf(stderr, "the restart command failed\n");
        exit(1);
    }
    side_open_when_up(side);
    while (side_recall(side, &first, first.limits, &work) < 0.9) {
    }
    const double figures[] = {vector_set_wall_seconds() - started,
                              bench->build_seconds[0] > 0 ? bench->build_seconds[0] : -1};
    print_line("kill -9 to first right answer, beside CREATE INDEX (s)", figures, true,
               "20; 1 s at 60 k, aim 0.3 s");
}

static bool
is_odd(const void *arg, uint32_t row)
{
    (void)arg;
    return row % 2 == 1;
}

static void
run_delete(struct bench *bench)
{
    double limits[QUERIES_MAX];
    double before[2] = {-1, -1};
    double after[2] = {-1, -1};
    char label[96];
    vector_set_limits(&bench->set, is_odd, NULL, limits);
    for (uint32_t i = 0; i < bench->side_count; i++) {
        const uint32_t ef = bench->ef[i] != 0 ? bench->ef[i] : 40;
        side_run(&bench->sides[i], "DELETE FROM items WHERE id % 2 = 0");
        after[i] = recall_at(bench, i, limits, ef);
        side_run(&bench->sides[i], "REINDEX INDEX items_v_idx");
        before[i] = recall_at(bench, i, limits, ef);
    }
    (void)snprintf(label, sizeof(label), "half deleted: recall at ef %u / %u", bench->ef[0],
                   bench->ef[1]);
    print_line(label, after, false, "fresh - 0.02, aim fresh - 0.005");
    print_line("the same in a fresh index", before, false, "");
}

/* ------------------------------------------------------------------ start */

static bool
has_part(const struct bench *bench, const char *part)
{
    const size_t size = strlen(part);
    for (const char *at = bench->parts; (at = strstr(at, part)) != NULL; at += size) {
        if ((at == bench->parts || at[-1] == ' ' || at[-1] == ',') &&
            (at[size] == '\0' || at[size] == ' ' || at[size] == ',')) {
            return true;
        }
    }
    return false;
}

static void
run(struct bench *bench)
{
    static const struct {
        const char *name;
        void (*run)(struct bench *bench);
    } parts[] = {{"build", run_build},   {"search", run_search}, {"filter", run_filter},
                 {"update", run_update}, {"insert", run_insert}, {"restart", run_restart},
                 {"delete", run_delete}};
    if (has_part(bench, "exact") || has_part(bench, "build")) {
        make_table(bench);
    }
    if (has_part(bench, "exact")) {
        run_exact(bench, "exact search, no index, 1 connection (a second)", "", "");
    }
    for (size_t i = 0; i < KY_COUNT_OF(parts); i++) {
        if (has_part(bench, parts[i].name)) {
            parts[i].run(bench);
        }
        if (i == 0 && has_part(bench, "exact") && has_part(bench, "build")) {
            run_exact(bench, "exact search by the index, kyro.target_recall 1 (a second)",
                      "SET kyro.target_recall = 1", "SET enable_indexscan = off");
            run_exact(bench, "exact search, index there, enable_indexscan off (a second)",
                      "SET enable_indexscan = off", "SET enable_indexscan = off");
        }
    }
}

static uint32_t
number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {{"set", required_argument, NULL, 's'},
                                            {"rows", required_argument, NULL, 'r'},
                                            {"rounds", required_argument, NULL, 'n'},
                                            {"seconds", required_argument, NULL, 't'},
                                            {"parts", required_argument, NULL, 'p'},
                                            {"connections", required_argument, NULL, 'c'},
                                            {"restart", required_argument, NULL, 'k'},
                                            {"pid-file", required_argument, NULL, 'i'},
                                            {NULL, 0, NULL, 0}};
    struct bench bench = {.set_name = "image",
                          .parts = "exact build search filter update insert restart delete",
                          .rounds = 3,
                          .connections = 2,
                          .seconds = 1};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 's':
            bench.set_name = optarg;
            break;
        case 'r':
            bench.rows = number(optarg);
            break;
        case 'n':
            bench.rounds = KY_MIN(number(optarg), (uint32_t)ROUNDS_MAX);
            break;
        case 't':
            bench.seconds = strtod(optarg, NULL);
            break;
        case 'p':
            bench.parts = optarg;
            break;
        case 'c':
            bench.connections = number(optarg);
            break;
        case 'k':
            bench.restart = optarg;
            break;
        case 'i':
            bench.pid_file = optarg;
            break;
        default:
            return 2;
        }
    }
    if (optind >= argc || bench.rounds == 0 || bench.connections == 0) {
        (void)fprintf(stderr, "a connection string of KyroDB, and of the peer, is missing\n");
        return 2;
    }
    static const char *const names[] = {"KyroDB", "pgvector"};
    bench.side_count = (uint32_t)KY_MIN(argc - optind, 2);
    for (uint32_t i = 0; i < bench.side_count; i++) {
        bench.sides[i] = (struct side){.name = names[i], .conninfo = argv[optind + (int)i]};
        side_open(&bench.sides[i]);
    }
    vector_set_make(&bench.set, bench.set_name, bench.rows);
    printf("| %s, %u x %u | KyroDB | pgvector | ratio | target |\n|---|---|---|---|---|\n",
           bench.set_name, bench.set.rows, bench.set.dimension);
    run(&bench);
    for (uint32_t i = 0; i < bench.side_count; i++) {
        side_close(&bench.sides[i]);
    }
    vector_set_free(&bench.set);
    return 0;
}
