/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/server_launcher.h"

/*
 * The server is killed with SIGKILL while several clients write, many times over one data
 * directory. This process remembers what each client sent and what was acknowledged. After each
 * restart:
 *   everything acknowledged is there; of what was in flight, all or nothing;
 *   no transaction is half there (two tables always agree; money is neither made nor lost);
 *   a key's row is found through the index and by scanning alike;
 *   event offsets are dense and each row's insert is reported once.
 * With "learned" all indexes are learned ones over many rows, and somebody has them built anew all
 * the while, so that most kills come in the middle of that.
 * With "compact" the log has small segments and no retention, and somebody runs VACUUM all the
 * while, so that most kills come in the middle of compaction and most rows lie in base files.
 *
 *   kill_server KYRODB [ROUNDS] [SEED] [compact | learned]
 */
enum { WRITERS = 4, ACCOUNTS = 20, START_BALANCE = 1000, FILLED = 100000 };

struct writer {
    pthread_t thread;
    int number;
    const char *conninfo;
    uint64_t random;
    long sent;         /* highest sequence number whose COMMIT was sent */
    long acknowledged; /* highest one that was answered */
};

static atomic_bool is_stopping;
static bool is_compacting;
static bool is_learned;
static atomic_long builds;  /* of learned indexes that were seen done while others wrote */
static int rounds_modelled; /* after which a learned index had its run again */
static long dropped;        /* event offset that history began at when it was looked at last */
static int rounds_based;    /* after which the server started from base files */
static const char *conninfo_of_all;
static int failures;

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static bool
run(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* One unit of work: a row in each of two tables and a transfer, in one transaction. */
static bool
write_once(PGconn *conn, struct writer *writer, long sequence)
{
    char sql[512];
    int from = (int)(next_random(&writer->random) % ACCOUNTS);
    int to = (int)(next_random(&writer->random) % ACCOUNTS);
    int low = from < to ? from : to; /* in one order, so that writers do not deadlock */
    int high = from < to ? to : from;
    int amount = (int)(next_random(&writer->random) % 20) - 10;
    if (sequence % 3 == 0) {
        /* A single statement, so autocommit: both rows through one data-modifying statement each.
         */
        (void)snprintf(sql, sizeof(sql), "INSERT INTO solo VALUES (%ld, %d)",
                       sequence * WRITERS + writer->number, writer->number);
        writer->sent = sequence;
        return run(conn, sql);
    }
    (void)snprintf(sql, sizeof(sql), "INSERT INTO a VALUES (%d, %ld)", writer->number, sequence);
    if (!run(conn, "BEGIN") || !run(conn, sql)) {
        return false;
    }
    (void)snprintf(sql, sizeof(sql), "UPDATE account SET balance = balance - %d WHERE id = %d",
                   amount, low);
    if (!run(conn, sql)) {
        return false;
    }
    (void)snprintf(sql, sizeof(sql), "UPDATE account SET balance = balance + %d WHERE id = %d",
                   amount, high);
    if (!run(conn, sql)) {
        return false;
    }
    (void)snprintf(sql, sizeof(sql), "INSERT INTO b VALUES (%d, %ld)", writer->number, sequence);
    if (!run(conn, sql)) {
        return false;
    }
    writer->sent = sequence;
    return run(conn, "COMMIT");
}

static void *
write_until_killed(void *arg)
{
    struct writer *writer = arg;
    PGconn *conn = PQconnectdb(writer->conninfo);
    while (!atomic_load(&is_stopping) && PQstatus(conn) == CONNECTION_OK) {
        long sequence = writer->sent + 1;
        if (!write_once(conn, writer, sequence)) {
            break;
        }
        writer->acknowledged = sequence;
    }
    PQfinish(conn);
    return NULL;
}

static long
ask(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        (void)fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(conn));
        failures++;
        PQclear(result);
        return -1;
    }
    long value = PQgetisnull(result, 0, 0) ? 0 : atol(PQgetvalue(result, 0, 0));
    PQclear(result);
    return value;
}

static void
expect(const char *what, long wanted, long got)
{
    if (wanted != got) {
        (void)fprintf(stderr, "%s: wanted %ld, got %ld\n", what, wanted, got);
        failures++;
    }
}

/* A request over a socket; the answer is the caller's to free. */
static char *
http_call(int port, const char *method, const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    char request[256];
    size_t size = 0;
    size_t capacity = 1 << 16;
    char *answer = malloc(capacity);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)snprintf(request, sizeof(request),
                   "%s %s HTTP/1.0\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n"
                   "Connection: close\r\nContent-Length: 0\r\n\r\n",
                   method, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        write(fd, request, strlen(request)) > 0) {
        for (ssize_t got; (got = read(fd, answer + size, capacity - size - 1)) > 0;) {
            size += (size_t)got;
            if (capacity - size < 4096) {
                capacity *= 2;
                answer = realloc(answer, capacity);
            }
        }
    }
    answer[size] = '\0';
    (void)close(fd);
    return answer;
}

static long
earliest_offset(int http_port)
{
    char *answer = http_call(http_port, "GET", "/offset");
    const char *at = strstr(answer, "\"earliest\":");
    long earliest = at == NULL ? -1 : atol(at + strlen("\"earliest\":"));
    free(answer);
    return earliest;
}

/* The next event in the text. Looks no further: strstr of an instrumented build measures all of the
 * text each time. */
static const char *
next_event(const char *text)
{
    static const char start[] = "{\"offset\":";
    while ((text = strchr(text, start[0])) != NULL &&
           strncmp(text, start, sizeof(start) - 1) != 0) {
        text++;
    }
    return text == NULL ? NULL : text + sizeof(start) - 1;
}

/* Offsets of all events, from the earliest without a gap; returns how many there ever were. */
static long
check_offsets(int http_port)
{
    long wanted = earliest_offset(http_port);
    expect("history begins at 0, or where compaction left it", 1,
           is_compacting ? wanted >= dropped : wanted == 0);
    dropped = wanted;
    for (;;) {
        char path[128];
        (void)snprintf(path, sizeof(path), "/replay?start=%ld&limit=10000", wanted);
        char *answer = http_call(http_port, "GET", path);
        long before = wanted;
        for (const char *at = answer; (at = next_event(at)) != NULL;) {
            char *end;
            long offset = strtol(at, &end, 10);
            at = end;
            if (offset != wanted) {
                expect("event offset", wanted, offset);
                free(answer);
                return wanted;
            }
            wanted++;
        }
        free(answer);
        if (wanted == before) {
            long earliest = earliest_offset(http_port);
            if (earliest <= wanted) {
                return wanted;
            }
            dropped = wanted = earliest; /* compaction went on meanwhile */
        }
    }
}

static void
check_writer(PGconn *conn, struct writer *writer)
{
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "SELECT coalesce(max(seq), 0) FROM a WHERE writer = %d",
                   writer->number);
    long in_a = ask(conn, sql);
    (void)snprintf(sql, sizeof(sql), "SELECT coalesce(max(k), 0) FROM solo WHERE writer = %d",
                   writer->number);
    long solo_key = ask(conn, sql);
    long in_solo = solo_key <= 0 ? 0 : (solo_key - writer->number) / WRITERS;
    long last = in_a > in_solo ? in_a : in_solo;
    if (last < writer->acknowledged) {
        (void)fprintf(stderr, "writer %d: acknowledged %ld, found %ld\n", writer->number,
                      writer->acknowledged, last);
        failures++;
    }
    if (last > writer->sent) {
        (void)fprintf(stderr, "writer %d: sent %ld, found %ld\n", writer->number, writer->sent,
                      last);
        failures++;
    }
    /* No holes: every sequence number up to the last is in exactly one of the two places. */
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM a WHERE writer = %d", writer->number);
    expect("rows in a", last - last / 3, ask(conn, sql));
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM solo WHERE writer = %d", writer->number);
    expect("rows in solo", last / 3, ask(conn, sql));
    writer->sent = writer->acknowledged = last;
}

static void
check_all(struct test_server *server, struct writer *writers, const char *conninfo)
{
    PGconn *conn = PQconnectdb(conninfo);
    rounds_based += ask(conn, "SELECT base_files FROM kyro.stat_compaction") > 0;
    for (int i = 0; i < WRITERS; i++) {
        check_writer(conn, &writers[i]);
    }
    expect("balance", (long)ACCOUNTS * START_BALANCE,
           ask(conn, "SELECT sum(balance) FROM account"));
    expect("accounts", ACCOUNTS, ask(conn, "SELECT count(*) FROM account"));
    expect("a without b", 0,
           ask(conn, "SELECT count(*) FROM a LEFT JOIN b USING (writer, seq) WHERE b.seq IS NULL"));
    expect("b without a", 0,
           ask(conn, "SELECT count(*) FROM b LEFT JOIN a USING (writer, seq) WHERE a.seq IS NULL"));
    long rows = ask(conn, "SELECT count(*) FROM solo");
    rounds_modelled +=
        is_learned && ask(conn, "SELECT sum(run_entries) FROM kyro_stat_index") >= FILLED;
    (void)run(conn, "SET enable_seqscan = off");
    expect("solo through its index", rows,
           ask(conn, "SELECT count(v) FROM (SELECT writer AS v FROM solo WHERE k >= 0) AS x"));
    expect("rows of solo found by their keys", rows,
           ask(conn, "SELECT count(*) FROM (SELECT writer, (SELECT t.writer FROM solo t WHERE "
                     "t.k = s.k) AS found FROM solo s WHERE writer + 0 >= -1) AS x "
                     "WHERE found = writer"));
    expect("sum of solo's keys through its other index",
           ask(conn, "SELECT sum(k) FROM solo WHERE k + 0 >= 0"),
           ask(conn, "SELECT sum(k) FROM solo WHERE writer >= -1"));
    expect("sum of solo's keys through its index",
           ask(conn, "SELECT sum(k) FROM solo WHERE k + 0 >= 0"),
           ask(conn, "SELECT sum(k) FROM solo WHERE k >= 0"));
    expect("solo through its other index", rows,
           ask(conn, "SELECT count(v) FROM (SELECT k AS v FROM solo WHERE writer >= -1) AS x"));
    expect("a through its index", ask(conn, "SELECT count(*) FROM b"),
           ask(conn, "SELECT count(v) FROM (SELECT seq AS v FROM a WHERE writer >= 0) AS x"));
    long events = check_offsets(server->http_port);
    long inserts = ask(conn, "SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b) + "
                             "(SELECT count(*) FROM solo) + (SELECT count(*) FROM account)");
    /* Each transaction of two rows made two updates as well (one when both ends were one row,
     * which is two changes of it all the same). */
    expect("events", inserts + ask(conn, "SELECT 2 * count(*) FROM a"), events);
    PQfinish(conn);
}

/* Checkpoints while others write, so that the kill meets some. */
static void *
checkpoint_until_killed(void *arg)
{
    PGconn *conn = PQconnectdb(arg);
    while (!atomic_load(&is_stopping) && PQstatus(conn) == CONNECTION_OK &&
           run(conn, "CHECKPOINT")) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    PQfinish(conn);
    return NULL;
}

/* Compaction while others write. */
static void *
vacuum_until_killed(void *arg)
{
    PGconn *conn = PQconnectdb(arg);
    while (!atomic_load(&is_stopping) && PQstatus(conn) == CONNECTION_OK && run(conn, "VACUUM") &&
           run(conn, "VACUUM FULL")) {
    }
    PQfinish(conn);
    return NULL;
}

/* Learned indexes are built anew while others write. */
static void *
rebuild_until_killed(void *arg)
{
    const struct test_server *server = arg;
    PGconn *conn = PQconnectdb(conninfo_of_all);
    long before = -1;
    while (!atomic_load(&is_stopping) && PQstatus(conn) == CONNECTION_OK) {
        PGresult *result = PQexec(conn, "SELECT coalesce(sum(rebuilds), 0) FROM kyro_stat_index");
        if (PQresultStatus(result) == PGRES_TUPLES_OK) {
            const long seen = atol(PQgetvalue(result, 0, 0));
            atomic_fetch_add(&builds, before < 0 ? 0 : seen - before);
            before = seen;
        }
        PQclear(result);
        free(http_call(server->http_port, "POST", "/rmi/build"));
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    PQfinish(conn);
    return NULL;
}

/* Half of the servers kill themselves at a place of server/base/failpoint.h, if they come by. */
static void
choose_failpoint(uint64_t *random)
{
    static const char *const names[] = {
        "log-written",       "log-placed",      "log-synced",       "manifest-written",
        "manifest-switched", "checkpoint-rows", "checkpoint-files", "checkpoint-done",
        "recovery-settled",  "recovery-done",   "compact-written",  "compact-listed",
        "compact-relocated", "compact-saved",   "compact-dropped",  "compact-unlinked"};
    static const char *const learned[] = {"rmi-freezing", "rmi-built", "rmi-swapped", "rmi-saving",
                                          "checkpoint-files"};
    enum {
        NAMES = sizeof(names) / sizeof(names[0]),
        COMPACTING = 6,
        LEARNED = sizeof(learned) / sizeof(learned[0])
    };
    char text[64];
    uint64_t count = is_compacting ? NAMES : NAMES - COMPACTING;
    uint64_t choice = next_random(random) % (2 * count);
    if (choice >= count) {
        (void)unsetenv("KYRO_FAILPOINT");
        return;
    }
    if (is_learned) {
        (void)snprintf(text, sizeof(text), "%s:%d", learned[choice % LEARNED],
                       1 + (int)(next_random(random) % 4));
        (void)setenv("KYRO_FAILPOINT", text, 1);
        return;
    }
    bool is_often = strncmp(names[choice], "log-", 4) == 0;
    (void)snprintf(text, sizeof(text), "%s:%d", names[choice],
                   1 + (int)(next_random(random) % (is_often ? 100 : 3)));
    (void)setenv("KYRO_FAILPOINT", text, 1);
}

/* A server that dies while it starts is started again: recovery killed inside itself. */
static bool
start_again(struct test_server *server, uint64_t *random)
{
    choose_failpoint(random);
    bool is_started = test_server_start(server);
    (void)unsetenv("KYRO_FAILPOINT");
    return is_started || test_server_start(server);
}

static void
play_round(struct test_server *server, struct writer *writers, uint64_t *random)
{
    pthread_t checkpoints;
    pthread_t vacuum;
    pthread_t rebuilds;
    union {
        const char *from;
        void *to;
    } conninfo = {.from = writers[0].conninfo};
    atomic_store(&is_stopping, false);
    (void)pthread_create(&checkpoints, NULL, checkpoint_until_killed, conninfo.to);
    if (is_compacting) {
        (void)pthread_create(&vacuum, NULL, vacuum_until_killed, conninfo.to);
    }
    if (is_learned) {
        (void)pthread_create(&rebuilds, NULL, rebuild_until_killed, server);
    }
    for (int i = 0; i < WRITERS; i++) {
        (void)pthread_create(&writers[i].thread, NULL, write_until_killed, &writers[i]);
    }
    /* Of learned indexes one is built anew each 200 ms. */
    long ms = 20 + (long)(next_random(random) % (is_learned ? 900 : is_compacting ? 600 : 250));
    struct timespec time = {0, ms * 1000000};
    (void)nanosleep(&time, NULL);
    (void)test_server_stop(server, SIGKILL);
    atomic_store(&is_stopping, true);
    for (int i = 0; i < WRITERS; i++) {
        (void)pthread_join(writers[i].thread, NULL);
    }
    (void)pthread_join(checkpoints, NULL);
    if (is_compacting) {
        (void)pthread_join(vacuum, NULL);
    }
    if (is_learned) {
        (void)pthread_join(rebuilds, NULL);
    }
}

static bool
prepare(const char *conninfo)
{
    PGconn *conn = PQconnectdb(conninfo);
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO account SELECT n, %d FROM generate_series(0, %d) AS n",
                   START_BALANCE, ACCOUNTS - 1);
    bool is_good =
        (!is_learned || run(conn, "SET kyro.default_index = rmi")) &&
        run(conn, "CREATE TABLE a (writer int, seq bigint, PRIMARY KEY (writer, seq))") &&
        run(conn, "CREATE TABLE b (writer int, seq bigint, PRIMARY KEY (writer, seq))") &&
        run(conn, "CREATE TABLE solo (k bigint PRIMARY KEY, writer int)") &&
        run(conn, "CREATE INDEX ON solo (writer)") &&
        run(conn, "CREATE TABLE account (id int PRIMARY KEY, balance bigint)") && run(conn, sql);
    (void)snprintf(
        sql, sizeof(sql),
        "INSERT INTO solo SELECT 1000000000 + n * 7, -1 FROM generate_series(1, %d) AS n", FILLED);
    is_good = is_good && (!is_learned || run(conn, sql));
    if (!is_good) {
        (void)fprintf(stderr, "%s", PQerrorMessage(conn));
    }
    PQfinish(conn);
    return is_good;
}

int
main(int argc, char **argv)
{
    static const char *const compacting[] = {"--wal-segment-size",
                                             "1MB",
                                             "--log-retention-bytes",
                                             "0",
                                             "--max-slot-keep-bytes",
                                             "0",
                                             NULL};
    /* A kill can cost a segment of 64 MiB: twenty are more history than is kept unless asked for.
     */
    static const char *const keeping[] = {"--log-retention-bytes", "100GB", NULL};
    struct test_server server;
    char conninfo[256];
    struct writer writers[WRITERS] = {0};
    if (argc < 2) {
        (void)fprintf(stderr, "usage: kill_server KYRODB [ROUNDS] [SEED] [compact | learned]\n");
        return 2;
    }
    int rounds = argc > 2 ? atoi(argv[2]) : 20;
    uint64_t seed =
        argc > 3 && atoll(argv[3]) != 0 ? strtoull(argv[3], NULL, 10) : (uint64_t)time(NULL);
    uint64_t random = seed * 2654435761U + 1;
    is_compacting = argc > 4 && strcmp(argv[4], "compact") == 0;
    is_learned = argc > 4 && strcmp(argv[4], "learned") == 0;
    (void)printf("seed %llu\n", (unsigned long long)seed);
    test_server_init(&server, argv[1]);
    server.extra = is_compacting ? compacting : keeping;
    (void)test_server_conninfo(&server, conninfo, sizeof(conninfo));
    conninfo_of_all = conninfo;
    if (!test_server_start(&server) || !prepare(conninfo)) {
        return 2;
    }
    for (int i = 0; i < WRITERS; i++) {
        writers[i] =
            (struct writer){.number = i, .conninfo = conninfo, .random = next_random(&random) | 1};
    }
    long total = 0;
    for (int round = 0; round < rounds && failures == 0; round++) {
        /* Servers with a failpoint play and recover, but are not looked at: checkpoints, compaction
         * and spare segments come by themselves, and it could strike meanwhile. */
        bool is_started = test_server_stop(&server, SIGKILL) >= 0 && start_again(&server, &random);
        if (is_started) {
            play_round(&server, writers, &random);
            is_started = start_again(&server, &random) && test_server_stop(&server, SIGKILL) >= 0 &&
                         test_server_start(&server);
        }
        if (!is_started) {
            failures++;
            break;
        }
        check_all(&server, writers, conninfo);
        if (failures > 0) {
            (void)test_server_is_running(&server);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        total += writers[i].acknowledged;
    }
    (void)test_server_stop(&server, SIGTERM);
    test_server_deinit(&server);
    if (is_compacting && rounds >= 10) {
        expect("some history was dropped", 1, dropped > 0);
        expect("rows were found in base files", 1, rounds_based > 1);
        (void)printf("base files after %d rounds, history begins at %ld\n", rounds_based, dropped);
    }
    if (is_learned && rounds >= 10) {
        expect("indexes were built anew", 1, atomic_load(&builds) > 2);
        expect("runs were there after starts", 1, rounds_modelled > 1);
        (void)printf("%ld builds seen, runs there after %d rounds\n", atomic_load(&builds),
                     rounds_modelled);
    }
    (void)printf("%d rounds, %ld commits, %d failures\n", rounds, total, failures);
    return failures == 0 && total > rounds ? 0 : 1;
}
