/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isolation/schedule.h"
#include "tests/support/peer_launcher.h"
#include "tests/support/server_launcher.h"

/*
 * Random schedules of several sessions on KyroDB and on a PostgreSQL beside it: after every step
 * the same sessions must wait, and the others must have had the same answers; at the end the tables
 * must hold the same rows. A difference is run again (PostgreSQL itself does not always answer the
 * same when several are woken at once), shortened and printed.
 *
 *   random_schedules KYRODB [COUNT [SEED [STEPS]]]
 *   random_schedules --peer CONNINFO KYRODB [...]   a PostgreSQL that runs, by a superuser
 *   random_schedules --replay FILE [--peer CONNINFO] KYRODB
 *
 * Exit status 77: there is no PostgreSQL to compare with. The same seed makes the same schedules.
 */
enum { FAILURES_MAX = 8, AGAIN = 3, LINE_MAX = 2048 };

static void
print_schedule(const struct schedule *schedule)
{
    for (int i = 0; i < schedule->setup_count; i++) {
        (void)printf("setup %s\n", schedule->setup[i]);
    }
    for (int i = 0; i < schedule->count; i++) {
        const struct step *step = &schedule->steps[i];
        (void)printf("%c%s %s\n", 'A' + step->session, step->is_extended ? "!" : "", step->sql);
    }
}

static bool
read_schedule(const char *path, struct schedule *schedule)
{
    char line[LINE_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *sql = strchr(line, ' ');
        if (sql == NULL) {
            continue;
        }
        if (strncmp(line, "setup ", 6) == 0 && schedule->setup_count < SETUP_MAX) {
            (void)snprintf(schedule->setup[schedule->setup_count++], SQL_MAX, "%s", sql + 1);
        } else if (line[0] >= 'A' && line[0] < 'A' + SESSIONS && sql - line <= 2 &&
                   schedule->count < STEPS_MAX) {
            struct step *step = &schedule->steps[schedule->count++];
            step->session = line[0] - 'A';
            step->is_extended = line[1] == '!';
            (void)snprintf(step->sql, SQL_MAX, "%s", sql + 1);
        }
    }
    (void)fclose(file);
    return true;
}

/* Whether it differs every time. */
static bool
is_difference(struct pair *pair, struct schedule *schedule, int times)
{
    for (int i = 0; i < times; i++) {
        if (pair_run(pair, schedule, NULL, 0) != OUTCOME_DIFFERS) {
            return false;
        }
    }
    return true;
}

/* Leaves out steps, from longer runs of them to single ones, as long as it still differs. */
static void
shorten(struct pair *pair, struct schedule *schedule)
{
    static struct schedule shorter;
    if (pair->differing_step + 1 < schedule->count) {
        schedule->count = pair->differing_step + 1;
    }
    for (int size = schedule->count / 2; size > 0; size = size > 1 ? size / 2 : 0) {
        for (int at = schedule->count - size; at >= 0; at -= size) {
            shorter = *schedule;
            shorter.count -= size;
            memmove(&shorter.steps[at], &shorter.steps[at + size],
                    sizeof(shorter.steps[0]) * (size_t)(schedule->count - at - size));
            if (is_difference(pair, &shorter, 2)) {
                *schedule = shorter;
            }
        }
    }
    for (int i = 0; i < schedule->count; i++) {
        shorter = *schedule;
        shorter.steps[i].is_extended = false;
        if (schedule->steps[i].is_extended && is_difference(pair, &shorter, 2)) {
            *schedule = shorter;
        }
    }
}

static void
report(struct pair *pair, struct schedule *schedule, unsigned long seed)
{
    shorten(pair, schedule);
    (void)printf("\n==== seed %lu differs\n", seed);
    print_schedule(schedule);
    (void)printf("---- as it runs\n");
    pair->is_verbose = true;
    (void)pair_run(pair, schedule, NULL, 0);
    pair->is_verbose = false;
    (void)fflush(stdout);
}

struct counts {
    int outcomes[OUTCOME_BROKEN + 1];
    int unsteady;
    int failures;
};

static void
run_seed(struct pair *pair, unsigned long seed, int steps, struct counts *counts)
{
    static struct schedule schedule;
    struct gen gen = {.state = seed * 0x9e3779b97f4a7c15ULL};
    memset(&schedule, 0, sizeof(schedule));
    (void)gen_pick(&gen, 2);
    gen.has_ddl = gen_pick(&gen, 4) == 0;
    gen.is_repeatable_read_only = gen_pick(&gen, 5) == 0;
    gen_setup(&gen, &schedule);
    const enum outcome outcome = pair_run(pair, &schedule, &gen, steps);
    counts->outcomes[outcome]++;
    if (outcome == OUTCOME_BROKEN) {
        (void)printf("seed %lu: the servers do not answer\n", seed);
        print_schedule(&schedule);
        counts->failures++;
    } else if (outcome == OUTCOME_DIFFERS) {
        if (is_difference(pair, &schedule, AGAIN)) {
            report(pair, &schedule, seed);
            counts->failures++;
        } else {
            (void)printf("seed %lu differed, but not again\n", seed);
            counts->unsteady++;
        }
    }
}

static bool
prepare(struct pair *pair)
{
    /* Long enough for PostgreSQL to have looked for a deadlock. */
    pair->peer.settle_ms = 25;
    pair->ours.settle_ms = 3;
    if (!side_open(&pair->peer) || !side_open(&pair->ours)) {
        return false;
    }
    PQclear(PQexec(pair->peer.monitor, "ALTER SYSTEM SET deadlock_timeout = '5ms'"));
    PQclear(PQexec(pair->peer.monitor, "SELECT pg_reload_conf()"));
    return true;
}

static int
compare_servers(struct pair *pair, const char *replay, int count, unsigned long seed, int steps)
{
    struct counts counts = {0};
    if (!prepare(pair)) {
        return 2;
    }
    if (replay != NULL) {
        static struct schedule schedule;
        pair->is_verbose = true;
        return read_schedule(replay, &schedule) &&
                       pair_run(pair, &schedule, NULL, 0) == OUTCOME_SAME
                   ? 0
                   : 1;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)printf("seeds %lu to %lu\n", seed, seed + (unsigned long)count - 1);
    for (int i = 0; i < count && counts.failures < FAILURES_MAX; i++) {
        run_seed(pair, seed + (unsigned long)i, steps, &counts);
    }
    (void)printf("%d the same, %d differ, %d differ at times, %d other deadlocks, %d joins that "
                 "waited\n",
                 counts.outcomes[OUTCOME_SAME], counts.failures, counts.unsteady,
                 counts.outcomes[OUTCOME_DEADLOCK], counts.outcomes[OUTCOME_KNOWN]);
    return counts.failures == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
    static const char *const no_sync[] = {"--fsync", "off", "--log-level", "warn", NULL};
    static struct pair pair;
    const char *replay = NULL;
    const char *peer_conninfo = NULL;
    int first = 1;
    for (; first + 1 < argc && strncmp(argv[first], "--", 2) == 0; first += 2) {
        if (strcmp(argv[first], "--peer") == 0) {
            peer_conninfo = argv[first + 1];
        } else if (strcmp(argv[first], "--verbose") == 0) {
            pair.is_verbose = true;
            first--;
        } else if (strcmp(argv[first], "--locks") == 0) {
            pair.ours.has_locks = pair.peer.has_locks = true;
            first--;
        } else {
            replay = argv[first + 1];
        }
    }
    if (argc <= first) {
        (void)fprintf(stderr, "usage: random_schedules [--peer CONNINFO] [--replay FILE] KYRODB "
                              "[COUNT [SEED [STEPS]]]\n");
        return 2;
    }
    const int count = argc > first + 1 ? atoi(argv[first + 1]) : 100;
    const unsigned long seed = argc > first + 2 ? strtoul(argv[first + 2], NULL, 10) : 1;
    const int steps = argc > first + 3 ? atoi(argv[first + 3]) : 40;
    char ours_text[1024];
    char peer_text[1024];
    struct test_peer peer = {0};
    if (peer_conninfo == NULL) {
        if (!test_peer_start(&peer)) {
            return 77;
        }
        peer_conninfo = test_peer_conninfo(&peer, peer_text, sizeof(peer_text));
    }
    struct test_server server;
    test_server_init(&server, argv[first]);
    server.extra = no_sync;
    int status = 2;
    if (steps <= STEPS_MAX && test_server_start(&server)) {
        pair.ours.name = "KyroDB";
        pair.ours.conninfo = test_server_conninfo(&server, ours_text, sizeof(ours_text));
        pair.peer.name = "PostgreSQL";
        pair.peer.conninfo = peer_conninfo;
        status = compare_servers(&pair, replay, count, seed, steps);
        side_close(&pair.ours);
        side_close(&pair.peer);
        if (!test_server_is_running(&server)) {
            status = 1;
        }
        (void)test_server_stop(&server, SIGTERM);
    }
    test_server_deinit(&server);
    test_peer_stop(&peer);
    return status;
}
