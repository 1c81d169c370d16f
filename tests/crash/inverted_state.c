/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/server_launcher.h"

/*
 * Inverted indexes against scans. Random jsonb and arrays are inserted, changed, deleted, rolled
 * back as a whole and to savepoints by two sessions, one of which is in the middle of a
 * transaction while the other one asks; a third one has an old snapshot. Random conditions have the
 * same answer with the indexes and without them, in each session. Checkpoints come in between, and
 * every few rounds the server is killed: the indexes are loaded, or, with a byte flipped in every
 * saved part, built, the answers are the same, and once nobody looks back there is an entry for
 * each element of each array, and no other.
 *
 *   inverted_state KYRODB [ROUNDS [SEED]]
 */
enum { ROWS = 600, CHANGES = 40, QUERIES = 60, DEPTH = 3, WAIT_S = 60, TEXT_MAX = 1 << 16 };

static const char *const indexes[] = {
    "CREATE INDEX r_e ON r USING gin (e)",
    "CREATE INDEX r_p ON r USING gin (p jsonb_path_ops)",
    "CREATE INDEX r_a ON r USING gin (a)",
    "CREATE INDEX r_xb ON r USING gin (x, b)",
    "CREATE INDEX r_part ON r USING gin ((e -> 'a')) WHERE kind > 0",
};
enum { INDEXES = sizeof(indexes) / sizeof(indexes[0]) };

static int failures;
static int used_indexes;
static uint64_t random_state;
static int next_id = 1;

static uint32_t
random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state % limit);
}

static void
fail(const char *what, const char *detail)
{
    (void)fprintf(stderr, "%s: %s\n", what, detail);
    failures++;
}

static void __attribute__((format(printf, 2, 3))) run(PGconn *conn, const char *format, ...)
{
    static char sql[TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    PGresult *result = PQexec(conn, sql);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail(sql, PQerrorMessage(conn));
    }
    PQclear(result);
}

/* All rows of an answer, one after another. */
static void
ask(PGconn *conn, const char *sql, char *space, size_t size)
{
    PGresult *result = PQexec(conn, sql);
    space[0] = '\0';
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail(sql, PQerrorMessage(conn));
    }
    for (int i = 0; i < PQntuples(result); i++) {
        const size_t at = strlen(space);
        (void)snprintf(space + at, size - at, "%s ", PQgetvalue(result, i, 0));
    }
    PQclear(result);
}

static long
ask_number(PGconn *conn, const char *sql)
{
    char text[64];
    ask(conn, sql, text, sizeof(text));
    return atol(text);
}

/* ------------------------------------------------------------------ values */

static const char *const words[] = {"a", "b", "c", "d", "", "\\u00e9", "two words", "\\\"q\\\""};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

static char *
put_scalar(char *at)
{
    static const char *const numbers[] = {"0", "1", "1.0", "1.50", "1.5", "-2", "10", "1e2"};
    switch (random_below(8)) {
    case 0:
        return stpcpy(at, "null");
    case 1:
        return stpcpy(at, random_below(2) == 0 ? "true" : "false");
    case 2:
    case 3:
    case 4:
        return stpcpy(at, numbers[random_below(sizeof(numbers) / sizeof(numbers[0]))]);
    default:
        return at + sprintf(at, "\"%s\"", words[random_below(WORDS)]);
    }
}

static char *
put_json(char *at, int depth)
{
    const uint32_t kind = depth == 0 ? 2 : random_below(5);
    const uint32_t count = random_below(4);
    if (kind > 2 || (kind == 2 && depth < DEPTH)) {
        return put_scalar(at);
    }
    at = stpcpy(at, kind == 0 ? "[" : "{");
    for (uint32_t i = 0; i < count; i++) {
        at = stpcpy(at, i == 0 ? "" : ",");
        if (kind != 0) {
            at += sprintf(at, "\"%s\":", words[random_below(WORDS)]);
        }
        at = put_json(at, depth - 1);
    }
    return stpcpy(at, kind == 0 ? "]" : "}");
}

/* '{..}' or NULL. */
static char *
put_array(char *at)
{
    if (random_below(12) == 0) {
        return stpcpy(at, "NULL");
    }
    if (random_below(12) == 0) {
        return at + sprintf(at, "'{{%u,%u},{%u,NULL}}'", random_below(8), random_below(8),
                            random_below(8));
    }
    const uint32_t count = random_below(5);
    at = stpcpy(at, "'{");
    for (uint32_t i = 0; i < count; i++) {
        at = stpcpy(at, i == 0 ? "" : ",");
        at = random_below(6) == 0 ? stpcpy(at, "NULL") : at + sprintf(at, "%u", random_below(30));
    }
    return stpcpy(at, "}'");
}

static char *
put_document(char *at)
{
    if (random_below(15) == 0) {
        return stpcpy(at, "NULL");
    }
    at = put_json(stpcpy(at, "'"), DEPTH);
    return stpcpy(at, "'");
}

/* ------------------------------------------------------------------ changes */

static void
insert_rows(PGconn *conn, int count, int parity)
{
    for (int i = 0; i < count; i++) {
        char document[TEXT_MAX / 8];
        char array[256];
        next_id += next_id % 2 == parity ? 2 : 1;
        (void)put_document(document);
        (void)put_array(array);
        run(conn,
            "INSERT INTO r SELECT %d, %u, d, d, z, d, z FROM (SELECT %s::jsonb, %s::int[]) v(d, z)",
            next_id, random_below(3), document, array);
    }
}

/* One of the rows with ids of the session's own parity. */
static void
change_row(PGconn *conn, int parity)
{
    const int id = (int)random_below((uint32_t)next_id / 2) * 2 + parity;
    char document[TEXT_MAX / 8];
    char array[256];
    (void)put_document(document);
    (void)put_array(array);
    switch (random_below(6)) {
    case 0:
        run(conn, "DELETE FROM r WHERE id = %d", id);
        break;
    case 1:
        run(conn, "UPDATE r SET kind = (kind + 1) %% 3 WHERE id = %d", id);
        break;
    case 2:
        run(conn, "UPDATE r SET a = %s, b = %s WHERE id = %d", array, array, id);
        break;
    case 3:
        run(conn, "UPDATE r SET a = a[2:9], e = e || '{\"a\": [1]}' WHERE id = %d", id);
        break;
    case 4:
        insert_rows(conn, 1, parity);
        break;
    default:
        run(conn, "UPDATE r SET e = d, p = d, x = d FROM (SELECT %s::jsonb) v(d) WHERE id = %d",
            document, id);
        break;
    }
}

static void
change_rows(PGconn *conn, int count, int parity)
{
    for (int i = 0; i < count; i++) {
        change_row(conn, parity);
    }
}

/* Committed, rolled back, or partly so. */
static void
run_transaction(PGconn *conn, int parity)
{
    run(conn, "BEGIN");
    change_rows(conn, (int)random_below(10), parity);
    if (random_below(2) == 0) {
        run(conn, "SAVEPOINT s");
        change_rows(conn, (int)random_below(10), parity);
        run(conn, random_below(2) == 0 ? "ROLLBACK TO s" : "RELEASE s");
        change_rows(conn, (int)random_below(5), parity);
    }
    run(conn, random_below(3) == 0 ? "ROLLBACK" : "COMMIT");
}

/* ------------------------------------------------------------------ questions */

static char *
put_names(char *at)
{
    const uint32_t count = random_below(4);
    at = stpcpy(at, "ARRAY[");
    for (uint32_t i = 0; i < count; i++) {
        at += sprintf(at, "%sE'%s'", i == 0 ? "" : ",", words[random_below(WORDS)]);
    }
    return stpcpy(at, "]::text[]");
}

static char *
put_condition(char *at)
{
    static const char *const documents[] = {"e", "p", "x", "e -> 'a'"};
    static const char *const named[] = {"e", "x", "e -> 'a'"};
    static const char *const arrays[] = {"a", "b"};
    static const char *const array_ops[] = {"@>", "<@", "&&", "="};
    switch (random_below(5)) {
    case 0:
        at += sprintf(at, "%s ? E'%s'", named[random_below(3)], words[random_below(WORDS)]);
        break;
    case 1:
        at += sprintf(at, "%s %s ", named[random_below(3)], random_below(2) == 0 ? "?|" : "?&");
        at = put_names(at);
        break;
    case 2:
        at += sprintf(at, "%s %s ", arrays[random_below(2)], array_ops[random_below(4)]);
        at = stpcpy(put_array(at), "::int[]");
        break;
    default:
        at += sprintf(at, "%s @> ", documents[random_below(4)]);
        at = stpcpy(put_document(at), "::jsonb");
        break;
    }
    return at;
}

static void
set_plans(PGconn *conn, bool is_indexed)
{
    run(conn, "SET enable_bitmapscan = %s", is_indexed ? "on" : "off");
    run(conn, "SET enable_seqscan = %s", is_indexed ? "off" : "on");
}

/* Asked with indexes and without: the same rows. */
static void
check_condition(PGconn *conn, const char *condition)
{
    static char with[TEXT_MAX];
    static char without[TEXT_MAX];
    char sql[TEXT_MAX / 4];
    (void)snprintf(sql, sizeof(sql), "EXPLAIN SELECT id FROM r WHERE %s", condition);
    set_plans(conn, true);
    ask(conn, sql, with, sizeof(with));
    used_indexes += strstr(with, "Bitmap Index Scan") != NULL;
    (void)snprintf(sql, sizeof(sql), "SELECT id FROM r WHERE %s ORDER BY id", condition);
    ask(conn, sql, with, sizeof(with));
    set_plans(conn, false);
    ask(conn, sql, without, sizeof(without));
    if (strcmp(with, without) != 0) {
        (void)fprintf(stderr, "rows    %s\nindexes %s\n", without, with);
        fail("answers differ", condition);
    }
}

static void
check_answers(PGconn *conn, int count)
{
    for (int i = 0; i < count; i++) {
        char condition[TEXT_MAX / 8];
        char *at = put_condition(condition);
        for (int more = (int)random_below(3); more > 0; more--) {
            at = put_condition(stpcpy(at, " AND "));
        }
        (void)stpcpy(at, random_below(3) == 0 ? " AND kind > 0" : "");
        check_condition(conn, condition);
    }
}

/* With no snapshot left: an entry for each element, one for an array without any. */
static void
check_entries(PGconn *conn)
{
    const time_t end = time(NULL) + WAIT_S;
    const long wanted =
        ask_number(conn, "SELECT sum(greatest(1, (SELECT count(*) FROM "
                         "(SELECT DISTINCT unnest(a)) d))) FROM r WHERE a IS NOT NULL");
    const char *sql = "SELECT entries FROM kyro_stat_index WHERE indexrelname = 'r_a'";
    while (ask_number(conn, sql) != wanted) {
        if (time(NULL) > end) {
            (void)fprintf(stderr, "wanted %ld, has %ld\n", wanted, ask_number(conn, sql));
            fail("r_a", "does not have one entry for each element");
            return;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

/* ------------------------------------------------------------------ the server */

static PGconn *
connect_to(const struct test_server *server)
{
    char conninfo[256];
    PGconn *conn = PQconnectdb(test_server_conninfo(server, conninfo, sizeof(conninfo)));
    if (PQstatus(conn) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s", PQerrorMessage(conn));
        exit(2);
    }
    return conn;
}

static void
flip_byte(const char *path)
{
    FILE *file = fopen(path, "r+e");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    const long place = (long)random_below((uint32_t)ftell(file));
    (void)fseek(file, place, SEEK_SET);
    const int byte = fgetc(file);
    (void)fseek(file, place, SEEK_SET);
    (void)fputc(byte ^ (1 << random_below(8)), file);
    (void)fclose(file);
}

static void
flip_parts(const struct test_server *server)
{
    char path[1200];
    (void)snprintf(path, sizeof(path), "%s/data/ckpt", server->dir);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot != NULL && strcmp(dot, ".part") == 0) {
            (void)snprintf(path, sizeof(path), "%s/data/ckpt/%s", server->dir, entry->d_name);
            flip_byte(path);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

/* How many indexes the last start built, by the server's own words. */
static int
built_at_start(const struct test_server *server)
{
    char path[600];
    char line[1024];
    int built = -1;
    (void)snprintf(path, sizeof(path), "%s/server.log", server->dir);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *found = strstr(line, "indexes opened");
        const char *number = found == NULL ? NULL : strstr(found, "built=");
        /* Twice at a start: the second time there is nothing to do. */
        if (number != NULL && strstr(found, "loaded=0 built=0") == NULL) {
            built = atoi(number + strlen("built="));
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return built;
}

static void
run_round(const struct test_server *server, int round)
{
    PGconn *even = connect_to(server);
    PGconn *odd = connect_to(server);
    PGconn *old = connect_to(server);
    run(old, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    check_answers(old, 1);
    for (int i = 0; i < CHANGES / 10; i++) {
        run_transaction(even, 0);
    }
    run(odd, "BEGIN");
    change_rows(odd, CHANGES / 2, 1);
    if (round % 2 == 1) {
        run(even, "CHECKPOINT");
    }
    change_rows(even, CHANGES / 2, 0);
    check_answers(even, QUERIES / 3);
    check_answers(odd, QUERIES / 3);
    check_answers(old, QUERIES / 3);
    run(odd, random_below(2) == 0 ? "COMMIT" : "ROLLBACK");
    check_answers(old, QUERIES / 3);
    run(old, "COMMIT");
    check_answers(even, QUERIES / 3);
    check_entries(even);
    PQfinish(even);
    PQfinish(odd);
    PQfinish(old);
}

static void
kill_and_check(struct test_server *server, bool is_damaged)
{
    PGconn *conn = connect_to(server);
    run(conn, "CHECKPOINT");
    change_rows(conn, CHANGES, 0);
    /* Of what is not committed nothing may come back. */
    run(conn, "BEGIN");
    change_rows(conn, CHANGES, 0);
    (void)test_server_stop(server, SIGKILL);
    PQfinish(conn);
    if (is_damaged) {
        flip_parts(server);
    }
    if (!test_server_start(server)) {
        exit(2);
    }
    const int built = built_at_start(server);
    if (is_damaged ? built < INDEXES : built > 0) {
        (void)fprintf(stderr, "built %d\n", built);
        fail("start", is_damaged ? "damaged indexes were used" : "indexes were not loaded");
    }
    conn = connect_to(server);
    check_entries(conn);
    check_answers(conn, QUERIES);
    PQfinish(conn);
}

int
main(int argc, char **argv)
{
    struct test_server server;
    const int rounds = argc > 2 ? atoi(argv[2]) : 6;
    random_state = argc > 3 ? strtoull(argv[3], NULL, 10) : (uint64_t)time(NULL) * 2654435761U + 1;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: inverted_state KYRODB [ROUNDS [SEED]]\n");
        return 2;
    }
    (void)printf("seed %" PRIu64 "\n", random_state);
    (void)fflush(stdout);
    test_server_init(&server, argv[1]);
    if (!test_server_start(&server)) {
        return 2;
    }
    PGconn *conn = connect_to(&server);
    run(conn, "CREATE TABLE r (id int PRIMARY KEY, kind int, e jsonb, p jsonb, a int[], x jsonb, "
              "b int[])");
    for (int i = 0; i < INDEXES; i++) {
        if (i == INDEXES / 2) { /* some are built, some filled */
            insert_rows(conn, ROWS, 0);
            insert_rows(conn, ROWS, 1);
        }
        run(conn, "%s", indexes[i]);
    }
    PQfinish(conn);
    for (int round = 0; round < rounds; round++) {
        run_round(&server, round);
        if (round % 2 == 1) {
            kill_and_check(&server, round % 4 == 3);
        }
    }
    if (used_indexes < rounds * QUERIES / 2) {
        fail("plans", "the indexes were hardly used");
    }
    (void)printf("%d conditions by indexes, %d failures\n", used_indexes, failures);
    test_server_deinit(&server);
    return failures == 0 ? 0 : 1;
}
