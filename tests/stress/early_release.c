/* SPDX-License-Identifier: Apache-2.0 */
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/server_launcher.h"

/*
 * Locks of changed rows go before a commit's sync, all others when it is visible
 * (docs/decisions/0005-locks-before-sync.md). The server sleeps between the two, so that most of
 * what the clients do happens in there. Each kind of client relies on a lock in another way:
 *
 *   children, parents   a foreign key's check against deletes of the parent: no orphan, ever
 *   mutex               FOR UPDATE of a row that nobody changes guards a counter in another table
 *   gate                a row that everybody changes guards one
 *   queue               SKIP LOCKED: each job is done once, by marking or deleting it
 *   keys                a unique key that rows give up and take: no two rows have it
 *   witness             whatever a client is told (a row, an error, a rollback's tag), somebody
 *                       else's new snapshot shows as well: it was durable by then
 *
 *   early_release KYRODB [SECONDS] [SLEEP_MS]
 */
enum { PARENTS = 4, KEYS = 8, THREADS_MAX = 64 };

static char conninfo[256];
static atomic_bool is_over;
static atomic_int failures;
static atomic_long counts[16];

enum { CHILDREN, DELETED_PARENTS, MUTEX, GATE, MARKED, TAKEN, JOBS, KEY_MOVES, WITNESSED };

struct client {
    pthread_t thread;
    const char *name;
    void (*step)(struct client *client);
    int number;
    uint64_t random;
    PGconn *conn;
    PGconn *other; /* the witness's second connection */
};

static unsigned
below(struct client *client, unsigned end)
{
    client->random ^= client->random << 13;
    client->random ^= client->random >> 7;
    client->random ^= client->random << 17;
    return (unsigned)(client->random % end);
}

static void
fail(const char *what, long wanted, long got)
{
    (void)fprintf(stderr, "%s: wanted %ld, got %ld\n", what, wanted, got);
    (void)atomic_fetch_add(&failures, 1);
}

/* The SQLSTATE, "" when all is well; *value_out is the first value of the answer, -1 without. */
static const char *
ask(PGconn *conn, const char *sql, long *value_out)
{
    static _Thread_local char state[6];
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    state[0] = '\0';
    if (value_out != NULL) {
        *value_out =
            status == PGRES_TUPLES_OK && PQntuples(result) > 0 && !PQgetisnull(result, 0, 0)
                ? atol(PQgetvalue(result, 0, 0))
                : -1;
    }
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        const char *given = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        (void)snprintf(state, sizeof(state), "%s", given == NULL ? "08006" : given);
        if (strstr("23503 23505 40001 40P01 25P02", state) == NULL) {
            (void)fprintf(stderr, "%s: %s", sql, PQerrorMessage(conn));
            (void)atomic_fetch_add(&failures, 1);
        }
    }
    PQclear(result);
    return state;
}

static bool
run(struct client *client, const char *sql)
{
    return ask(client->conn, sql, NULL)[0] == '\0';
}

__attribute__((format(printf, 2, 3))) static bool
runf(struct client *client, const char *format, ...)
{
    char sql[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    return run(client, sql);
}

/* Ends a block: true when it is committed. */
static bool
end(struct client *client, bool is_good)
{
    bool is_committed = run(client, is_good ? "COMMIT" : "ROLLBACK") && is_good;
    return is_committed;
}

/* ------------------------------------------------------------------ clients */

static void
child_step(struct client *client)
{
    long parent = below(client, PARENTS);
    bool is_good;
    switch (below(client, 3)) {
    case 0:
        is_good = runf(client, "INSERT INTO child (parent) VALUES (%ld)", parent);
        break;
    case 1: /* the check's lock is one that the update holds already */
        is_good = run(client, "BEGIN") &&
                  runf(client, "UPDATE parent SET n = n + 1 WHERE id = %ld", parent) &&
                  runf(client, "INSERT INTO child (parent) VALUES (%ld)", parent);
        is_good = end(client, is_good);
        break;
    default:
        is_good = run(client, "BEGIN") &&
                  runf(client, "INSERT INTO child (parent) VALUES (%ld)", parent) &&
                  runf(client, "UPDATE parent SET n = n + 1 WHERE id = %ld", parent);
        is_good = end(client, is_good);
        break;
    }
    (void)atomic_fetch_add(&counts[CHILDREN], is_good);
}

static void
parent_step(struct client *client)
{
    long parent = below(client, PARENTS);
    long orphans = 0;
    (void)runf(client, "DELETE FROM child WHERE parent = %ld", parent);
    if (runf(client, "DELETE FROM parent WHERE id = %ld", parent)) {
        (void)atomic_fetch_add(&counts[DELETED_PARENTS], 1);
    }
    (void)ask(
        client->conn,
        "SELECT count(*) FROM child LEFT JOIN parent ON parent = parent.id WHERE parent.id IS NULL",
        &orphans);
    if (orphans > 0) {
        fail("orphans", 0, orphans);
    }
    (void)runf(client, "INSERT INTO parent VALUES (%ld, 0) ON CONFLICT DO NOTHING", parent);
}

/* Reads the counter in a statement of its own and writes what it read plus one. */
static bool
count_up(struct client *client, int id)
{
    char sql[128];
    long value = -1;
    (void)snprintf(sql, sizeof(sql), "SELECT n FROM counter WHERE id = %d", id);
    return ask(client->conn, sql, &value)[0] == '\0' &&
           runf(client, "UPDATE counter SET n = %ld WHERE id = %d", value + 1, id);
}

static void
mutex_step(struct client *client)
{
    bool is_good = run(client, "BEGIN") &&
                   run(client, "SELECT FROM mutex WHERE id = 1 FOR UPDATE") && count_up(client, 1);
    if (end(client, is_good)) {
        (void)atomic_fetch_add(&counts[MUTEX], 1);
    }
}

static void
gate_step(struct client *client)
{
    bool is_good = run(client, "BEGIN") && run(client, "UPDATE mutex SET n = n + 1 WHERE id = 2") &&
                   count_up(client, 2);
    if (end(client, is_good)) {
        (void)atomic_fetch_add(&counts[GATE], 1);
    }
}

static void
queue_step(struct client *client)
{
    long job = -1;
    bool is_marking = below(client, 2) == 0;
    if (below(client, 3) == 0) {
        (void)atomic_fetch_add(&counts[JOBS], run(client, "INSERT INTO job (done) VALUES (false)"));
        return;
    }
    if (!run(client, "BEGIN")) {
        return;
    }
    bool is_good = ask(client->conn,
                       is_marking ? "SELECT id FROM job WHERE NOT done ORDER BY id LIMIT 1 "
                                    "FOR UPDATE SKIP LOCKED"
                                  : "DELETE FROM job WHERE id = (SELECT id FROM job WHERE NOT done "
                                    "ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id",
                       &job)[0] == '\0' &&
                   job >= 0 &&
                   (!is_marking || runf(client, "UPDATE job SET done = true WHERE id = %ld", job));
    is_good = is_good && runf(client, "INSERT INTO taken VALUES (%ld)", job);
    if (end(client, is_good)) {
        (void)atomic_fetch_add(&counts[is_marking ? MARKED : TAKEN], 1);
    }
}

static void
key_step(struct client *client)
{
    char sql[256];
    long key = below(client, KEYS);
    switch (below(client, 4)) {
    case 0:
        (void)runf(client, "INSERT INTO key VALUES (%ld)", key);
        return;
    case 1:
        (void)runf(client, "INSERT INTO key VALUES (%ld) ON CONFLICT DO NOTHING", key);
        return;
    case 2:
        (void)runf(client, "DELETE FROM key WHERE k = %ld", key);
        return;
    default:
        (void)snprintf(sql, sizeof(sql), "UPDATE key SET k = %u WHERE k = %ld", below(client, KEYS),
                       key);
        (void)atomic_fetch_add(&counts[KEY_MOVES], run(client, sql));
        return;
    }
}

/* What the other connection sees in a snapshot of its own is no older than what this one was told.
 */
static void
see_at_least(struct client *client, const char *what, const char *sql, long told)
{
    long seen = -1;
    (void)ask(client->other, sql, &seen);
    if (seen < told) {
        fail(what, told, seen);
    }
    (void)atomic_fetch_add(&counts[WITNESSED], 1);
}

static void
witness_row(struct client *client)
{
    static const char look[] = "SELECT n FROM hot WHERE id = 1";
    long told = -1;
    if (run(client, "BEGIN") &&
        ask(client->conn, "SELECT n FROM hot WHERE id = 1 FOR UPDATE", &told)[0] == '\0') {
        see_at_least(client, "a row told of a commit", look, told);
    }
    if (end(client, run(client, "UPDATE hot SET n = n + 1 WHERE id = 1"))) {
        see_at_least(client, "a commit was not seen", look, told + 1);
    }
}

/* Several clients insert the same new key; whoever hears that it is taken looks for it. */
static void
witness_duplicate(struct client *client)
{
    char sql[128];
    char look[128];
    long key = 1 + atomic_load(&counts[WITNESSED]) / 4;
    (void)snprintf(sql, sizeof(sql), "INSERT INTO told VALUES (%ld)%s", key,
                   below(client, 2) == 0 ? "" : " ON CONFLICT DO NOTHING");
    (void)snprintf(look, sizeof(look), "SELECT count(*) FROM told WHERE k = %ld", key);
    const char *state = ask(client->conn, sql, NULL);
    if (state[0] != '\0' && strcmp(state, "23505") != 0) {
        fail("state of an insert", 23505, atol(state));
    }
    see_at_least(client, "an insert's answer told of a row", look, 1);
}

/* "UPDATE 0" in a block, and the block's end without a commit. */
static void
witness_rollback(struct client *client)
{
    char sql[128];
    long before = -1;
    (void)ask(client->other, "SELECT n FROM hot WHERE id = 1", &before);
    (void)snprintf(sql, sizeof(sql), "UPDATE hot SET n = n WHERE id = 1 AND n <= %ld", before);
    if (!run(client, "BEGIN")) {
        return;
    }
    PGresult *result = PQexec(client->conn, sql);
    bool is_none = strcmp(PQcmdStatus(result), "UPDATE 0") == 0;
    PQclear(result);
    (void)run(client, "ROLLBACK");
    if (is_none) {
        see_at_least(client, "a rollback told of a commit", "SELECT n FROM hot WHERE id = 1",
                     before + 1);
    }
}

static void
witness_step(struct client *client)
{
    switch (below(client, 3)) {
    case 0:
        witness_row(client);
        return;
    case 1:
        witness_duplicate(client);
        return;
    default:
        witness_rollback(client);
        return;
    }
}

/* ------------------------------------------------------------------ running */

static void *
client_main(void *arg)
{
    struct client *client = arg;
    client->conn = PQconnectdb(conninfo);
    client->other = client->step == witness_step ? PQconnectdb(conninfo) : NULL;
    if (PQstatus(client->conn) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s: %s", client->name, PQerrorMessage(client->conn));
        (void)atomic_fetch_add(&failures, 1);
    }
    while (!atomic_load(&is_over) && atomic_load(&failures) == 0) {
        client->step(client);
    }
    PQfinish(client->conn);
    PQfinish(client->other);
    return NULL;
}

static bool
prepare(void)
{
    static const char *const statements[] = {
        "CREATE TABLE parent (id int PRIMARY KEY, n int)",
        "CREATE TABLE child (id bigserial PRIMARY KEY, parent int REFERENCES parent)",
        "CREATE INDEX ON child (parent)",
        "INSERT INTO parent SELECT g, 0 FROM generate_series(0, 3) AS g",
        "CREATE TABLE mutex (id int PRIMARY KEY, n bigint)",
        "INSERT INTO mutex VALUES (1, 0), (2, 0)",
        "CREATE TABLE counter (id int PRIMARY KEY, n bigint)",
        "INSERT INTO counter VALUES (1, 0), (2, 0)",
        "CREATE TABLE job (id bigserial PRIMARY KEY, done bool)",
        "CREATE TABLE taken (job bigint)",
        "CREATE TABLE key (k int PRIMARY KEY)",
        "CREATE TABLE hot (id int PRIMARY KEY, n bigint)",
        "INSERT INTO hot VALUES (1, 0)",
        "CREATE TABLE told (k bigint PRIMARY KEY)",
    };
    PGconn *conn = PQconnectdb(conninfo);
    bool is_good = PQstatus(conn) == CONNECTION_OK;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]) && is_good; i++) {
        is_good = ask(conn, statements[i], NULL)[0] == '\0';
    }
    if (!is_good) {
        (void)fprintf(stderr, "%s", PQerrorMessage(conn));
    }
    PQfinish(conn);
    return is_good;
}

static void
expect(PGconn *conn, const char *what, const char *sql, long wanted)
{
    long got = -1;
    (void)ask(conn, sql, &got);
    if (got != wanted) {
        fail(what, wanted, got);
    }
}

static void
check_end(void)
{
    PGconn *conn = PQconnectdb(conninfo);
    expect(
        conn, "orphans",
        "SELECT count(*) FROM child LEFT JOIN parent ON parent = parent.id WHERE parent.id IS NULL",
        0);
    expect(conn, "counter under a mutex", "SELECT n FROM counter WHERE id = 1",
           atomic_load(&counts[MUTEX]));
    expect(conn, "counter behind a gate", "SELECT n FROM counter WHERE id = 2",
           atomic_load(&counts[GATE]));
    expect(conn, "the gate", "SELECT n FROM mutex WHERE id = 2", atomic_load(&counts[GATE]));
    expect(conn, "jobs taken", "SELECT count(*) FROM taken",
           atomic_load(&counts[MARKED]) + atomic_load(&counts[TAKEN]));
    expect(conn, "jobs taken twice",
           "SELECT count(*) FROM (SELECT FROM taken GROUP BY job HAVING count(*) > 1) AS x", 0);
    expect(conn, "jobs marked", "SELECT count(*) FROM job WHERE done",
           atomic_load(&counts[MARKED]));
    expect(conn, "jobs left", "SELECT count(*) FROM job WHERE NOT done",
           atomic_load(&counts[JOBS]) - atomic_load(&counts[MARKED]) - atomic_load(&counts[TAKEN]));
    (void)ask(conn, "SET enable_indexscan = off", NULL);
    (void)ask(conn, "SET enable_indexonlyscan = off", NULL);
    expect(conn, "keys of two rows", "SELECT count(*) - count(DISTINCT k) FROM key", 0);
    PQfinish(conn);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*step)(struct client *client);
        int count;
    } kinds[] = {{"children", child_step, 3}, {"parents", parent_step, 2}, {"mutex", mutex_step, 3},
                 {"gate", gate_step, 4},      {"queue", queue_step, 4},    {"keys", key_step, 4},
                 {"witness", witness_step, 4}};
    static struct client clients[THREADS_MAX];
    int client_count = 0;
    char failpoint[64];
    struct test_server server;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: early_release KYRODB [SECONDS] [SLEEP_MS]\n");
        return 2;
    }
    int seconds = argc > 2 ? atoi(argv[2]) : 5;
    (void)snprintf(failpoint, sizeof(failpoint), "log-placed:sleep:%d",
                   argc > 3 ? atoi(argv[3]) : 3);
    test_server_init(&server, argv[1]);
    (void)setenv("KYRO_FAILPOINT", failpoint, 1);
    (void)test_server_conninfo(&server, conninfo, sizeof(conninfo));
    if (!test_server_start(&server) || !prepare()) {
        test_server_deinit(&server);
        return 2;
    }
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        for (int i = 0; i < kinds[kind].count; i++, client_count++) {
            struct client *client = &clients[client_count];
            client->name = kinds[kind].name;
            client->step = kinds[kind].step;
            client->number = client_count;
            client->random = 88172645463325252ULL + (uint64_t)client_count * 7919;
            (void)pthread_create(&client->thread, NULL, client_main, client);
        }
    }
    for (int i = 0; i < seconds * 10 && atomic_load(&failures) == 0; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < client_count; i++) {
        (void)pthread_join(clients[i].thread, NULL);
    }
    check_end();
    if (atomic_load(&failures) == 0) {
        /* What was seen before the kill is what recovery finds. */
        (void)test_server_stop(&server, SIGKILL);
        if (test_server_start(&server)) {
            check_end();
        } else {
            fail("starts", 1, 0);
        }
    } else {
        (void)test_server_is_running(&server);
    }
    test_server_deinit(&server);
    (void)printf("children %ld, parents deleted %ld, mutex %ld, gate %ld, jobs %ld + %ld of %ld, "
                 "keys moved %ld, witnessed %ld, failures %d\n",
                 atomic_load(&counts[CHILDREN]), atomic_load(&counts[DELETED_PARENTS]),
                 atomic_load(&counts[MUTEX]), atomic_load(&counts[GATE]),
                 atomic_load(&counts[MARKED]), atomic_load(&counts[TAKEN]),
                 atomic_load(&counts[JOBS]), atomic_load(&counts[KEY_MOVES]),
                 atomic_load(&counts[WITNESSED]), atomic_load(&failures));
    return atomic_load(&failures) == 0 ? 0 : 1;
}
