/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <libpq-fe.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/server_launcher.h"

/*
 * Graphs come back with the checkpoint. A table with vector indexes, one of a column that may be
 * null, one on an expression, one on part of the rows, is saved, changed further and killed. After
 * the start the graphs are there (nodes, and none built since), each index has one entry for each
 * row that it is about, and searches say what the rows say. Then every saved part gets a byte
 * flipped: the graphs are built again, and the answers are the same.
 *
 *   vector_state KYRODB [SEED]
 */
enum { ROWS = 3500, DIMENSION = 16, QUERIES = 15, NEAREST = 10, WAIT_S = 60, SQL_MAX = 1 << 20 };

struct index {
    const char *name;
    const char *definition;
    const char *condition; /* of the rows that it is about */
    const char *order;     /* %s is the query */
};
static const struct index indexes[] = {
    {"v_l2", "(e vector_l2_ops)", "e IS NOT NULL", "e <-> '%s'"},
    {"v_expr", "((e::halfvec(16)) halfvec_l2_ops)", "e IS NOT NULL",
     "e::halfvec(16) <-> '%s'::halfvec(16)"},
    {"v_part", "(e vector_cosine_ops) WHERE kind > 0", "e IS NOT NULL AND kind > 0", "e <=> '%s'"},
    {"v_full", "(f vector_ip_ops)", "true", "f <#> '%s'"},
};
enum { INDEXES = sizeof(indexes) / sizeof(indexes[0]) };

static int failures;
static uint64_t random_state;
static char sql_space[SQL_MAX];

static uint64_t
next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void
fail(const char *what, const char *detail)
{
    (void)fprintf(stderr, "%s: %s\n", what, detail);
    failures++;
}

static void
run(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        (void)fprintf(stderr, "%.200s: %s", sql, PQerrorMessage(conn));
        failures++;
    }
    PQclear(result);
}

/* The one value of an answer, copied. */
static void
ask(PGconn *conn, const char *sql, char *space, size_t size)
{
    PGresult *result = PQexec(conn, sql);
    space[0] = '\0';
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        (void)fprintf(stderr, "%.300s: %s", sql, PQerrorMessage(conn));
        failures++;
    } else {
        (void)snprintf(space, size, "%s", PQgetvalue(result, 0, 0));
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

static long
ask_stat(PGconn *conn, const struct index *index, const char *column)
{
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT %s FROM kyro_stat_vector_index WHERE indexrelname = '%s'", column,
                   index->name);
    return ask_number(conn, sql);
}

/* Appends "[0.1234,..]". */
static char *
put_vector(char *at)
{
    for (int i = 0; i < DIMENSION; i++) {
        at += sprintf(at, "%c0.%04d", i == 0 ? '[' : ',', (int)(next_random() % 10000));
    }
    return stpcpy(at, "]");
}

/* ------------------------------------------------------------------ writing */

static void
insert_rows(PGconn *conn, int first, int count)
{
    char *at = stpcpy(sql_space, "INSERT INTO v VALUES ");
    for (int i = first; i < first + count; i++) {
        at += sprintf(at, "%s(%d, %d, ", i == first ? "" : ", ", i, i % 4);
        at = stpcpy(at, i % 10 == 0 ? "NULL, '" : "'");
        at = i % 10 == 0 ? at : stpcpy(put_vector(at), "', '");
        at = stpcpy(put_vector(at), "')");
    }
    run(conn, sql_space);
}

static void
update_row(PGconn *conn, int id)
{
    char *at = stpcpy(sql_space, "UPDATE v SET e = '");
    at = stpcpy(put_vector(at), "', f = '");
    at = stpcpy(put_vector(at), "' WHERE id = ");
    (void)sprintf(at, "%d", id);
    run(conn, sql_space);
}

static void
prepare(PGconn *conn)
{
    run(conn, "CREATE TABLE v (id int PRIMARY KEY, kind int, e vector(16), f vector(16) NOT NULL)");
    for (int i = 0; i < ROWS; i += 500) {
        insert_rows(conn, i, 500);
    }
    for (int i = 0; i < INDEXES; i++) {
        char sql[256];
        (void)snprintf(sql, sizeof(sql), "CREATE INDEX %s ON v USING hnsw %s", indexes[i].name,
                       indexes[i].definition);
        run(conn, sql);
    }
}

/* Something of every kind: rows that come, go, change, get and lose their vector, change the side
 * of the condition, and changes that are taken back. */
static void
change(PGconn *conn, int round)
{
    const int base = ROWS * (round + 1);
    insert_rows(conn, base, 200);
    for (int i = 0; i < 60; i++) {
        update_row(conn, (int)(next_random() % ROWS));
    }
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "DELETE FROM v WHERE id %% 31 = %d", round + 1);
    run(conn, sql);
    (void)snprintf(sql, sizeof(sql), "UPDATE v SET e = NULL WHERE id %% 37 = %d", round + 1);
    run(conn, sql);
    (void)snprintf(sql, sizeof(sql), "UPDATE v SET kind = (kind + 1) %% 4 WHERE id %% 41 = %d",
                   round + 1);
    run(conn, sql);
    run(conn, "BEGIN");
    insert_rows(conn, base + 1000, 50);
    /* There and back: the entry of the vector that stays must stay. */
    run(conn, "CREATE TEMP TABLE was AS SELECT id, e, f FROM v WHERE id % 43 = 5");
    run(conn, "UPDATE v SET e = f WHERE id % 43 = 5");
    run(conn, "UPDATE v SET e = was.e FROM was WHERE v.id = was.id");
    run(conn, "ROLLBACK");
}

/* ------------------------------------------------------------------ what must hold */

static void
nearest(PGconn *conn, const struct index *index, const char *query, char *space, size_t size)
{
    char order[512];
    char sql[1024];
    /* Not a literal: the index says where the query goes. */
    const char *place = strstr(index->order, "%s");
    (void)snprintf(order, sizeof(order), "%.*s%s%s", (int)(place - index->order), index->order,
                   query, place + 2);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT string_agg(id::text, ' ') FROM "
                   "(SELECT id FROM v WHERE %s ORDER BY %s LIMIT %d) AS x",
                   index->condition, order, NEAREST);
    ask(conn, sql, space, size);
}

static bool
is_among(const char *ids, const char *id, size_t size)
{
    for (const char *at = ids; *at != '\0'; at += strcspn(at, " ") + (strchr(at, ' ') != NULL)) {
        if (strcspn(at, " ") == size && strncmp(at, id, size) == 0) {
            return true;
        }
    }
    return false;
}

static int
count_common(const char *wanted, const char *got)
{
    int common = 0;
    for (const char *at = wanted; *at != '\0';) {
        size_t size = strcspn(at, " ");
        common += is_among(got, at, size);
        at += size + (at[size] == ' ');
    }
    return common;
}

/* The distances of the rows called ids, nearest first, as the SQL operator measures them. */
static int
distances_of(PGconn *conn, const struct index *index, const char *query, const char *ids,
             double distances[NEAREST])
{
    char list[256];
    char sql[1024];
    char answer[1024];
    const char *place = strstr(index->order, "%s");
    (void)snprintf(list, sizeof(list), "%s", ids);
    for (char *at = list; *at != '\0'; at++) {
        *at = *at == ' ' ? ',' : *at;
    }
    (void)snprintf(sql, sizeof(sql),
                   "SELECT string_agg(d::text, ' ' ORDER BY d) FROM (SELECT %.*s%s%s AS d FROM v "
                   "WHERE id IN (%s)) AS x",
                   (int)(place - index->order), index->order, query, place + 2, list);
    ask(conn, sql, answer, sizeof(answer));
    int count = 0;
    for (char *at = answer, *end; count < NEAREST; at = end) {
        distances[count] = strtod(at, &end);
        if (end == at) {
            break;
        }
        count++;
    }
    return count;
}

/* The engine adds up a distance in another order than the operator: of rows that are equally far
 * but for the last bits either may come. */
static bool
are_equally_near(PGconn *conn, const struct index *index, const char *query, const char *rows,
                 const char *exact)
{
    double wanted[NEAREST];
    double got[NEAREST];
    if (strcmp(rows, exact) == 0) {
        return true;
    }
    const int count = distances_of(conn, index, query, rows, wanted);
    if (distances_of(conn, index, query, exact, got) != count) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (fabs(wanted[i] - got[i]) > 1e-6 * (1 + fabs(wanted[i]))) {
            return false;
        }
    }
    return true;
}

static void
check_answers(PGconn *conn, const struct index *index)
{
    int found = 0;
    const long searches = ask_stat(conn, index, "searches");
    for (int i = 0; i < QUERIES; i++) {
        char query[256];
        char rows[256];
        char exact[256];
        char graph[256];
        (void)put_vector(query);
        run(conn, "SET enable_indexscan = off; SET enable_seqscan = on");
        nearest(conn, index, query, rows, sizeof(rows));
        run(conn, "SET enable_indexscan = on; SET enable_seqscan = off");
        /* More candidates than entries: the exact search costs less. */
        run(conn, "SET kyro.ef_search = 1000000");
        nearest(conn, index, query, exact, sizeof(exact));
        run(conn, "SET kyro.ef_search = 400");
        nearest(conn, index, query, graph, sizeof(graph));
        if (!are_equally_near(conn, index, query, rows, exact)) {
            (void)fprintf(stderr, "rows  %s\nexact %s\n", rows, exact);
            fail(index->name, "the exact search differs from the rows");
        }
        found += count_common(rows, graph);
    }
    if (found < QUERIES * NEAREST * 98 / 100) {
        (void)fprintf(stderr, "%d of %d\n", found, QUERIES * NEAREST);
        fail(index->name, "the graph finds too few");
    }
    if (ask_stat(conn, index, "searches") < searches + QUERIES) {
        fail(index->name, "was not searched");
    }
}

/* Nobody has written since the start: no entry of another version is left. */
static void
check_entries(PGconn *conn, const struct index *index)
{
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM v WHERE %s", index->condition);
    const long rows = ask_number(conn, sql);
    const long entries = ask_stat(conn, index, "entries");
    if (rows != entries) {
        (void)fprintf(stderr, "rows %ld entries %ld\n", rows, entries);
        fail(index->name, "does not have one entry for each row");
    }
}

static void
check_loaded(PGconn *conn, const struct index *index)
{
    if (ask_stat(conn, index, "nodes") == 0 || ask_stat(conn, index, "builds") != 0) {
        fail(index->name, "was not loaded");
    }
}

/* Until the linker has done what there is to do. */
static void
await(PGconn *conn, const struct index *index, const char *condition)
{
    const time_t end = time(NULL) + WAIT_S;
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM kyro_stat_vector_index WHERE indexrelname = '%s' AND %s",
                   index->name, condition);
    while (ask_number(conn, sql) == 0) {
        if (time(NULL) > end) {
            fail(index->name, condition);
            return;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
}

static PGconn *
start(struct test_server *server)
{
    char conninfo[256];
    if (!test_server_start(server)) {
        exit(2);
    }
    PGconn *conn = PQconnectdb(test_server_conninfo(server, conninfo, sizeof(conninfo)));
    if (PQstatus(conn) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s", PQerrorMessage(conn));
        exit(2);
    }
    return conn;
}

static PGconn *
kill_and_start(struct test_server *server, PGconn *conn)
{
    (void)test_server_stop(server, SIGKILL);
    PQfinish(conn);
    return start(server);
}

static void
check_all(PGconn *conn, bool is_loaded)
{
    for (int i = 0; i < INDEXES; i++) {
        if (is_loaded) {
            check_loaded(conn, &indexes[i]);
        }
        check_answers(conn, &indexes[i]);
    }
    for (int i = 0; i < INDEXES; i++) {
        await(conn, &indexes[i], is_loaded ? "delta_entries < 32" : "builds > 0 AND nodes > 0");
        check_entries(conn, &indexes[i]);
        check_answers(conn, &indexes[i]);
    }
}

/* ------------------------------------------------------------------ damage */

static void
flip_byte(const char *path)
{
    FILE *file = fopen(path, "r+e");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    const long place = (long)(next_random() % (uint64_t)ftell(file));
    (void)fseek(file, place, SEEK_SET);
    const int byte = fgetc(file);
    (void)fseek(file, place, SEEK_SET);
    (void)fputc(byte ^ (1 << next_random() % 8), file);
    (void)fclose(file);
}

static int
flip_parts(const struct test_server *server)
{
    char path[1200];
    int flipped = 0;
    (void)snprintf(path, sizeof(path), "%s/data/ckpt", server->dir);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot != NULL && strcmp(dot, ".part") == 0) {
            (void)snprintf(path, sizeof(path), "%s/data/ckpt/%s", server->dir, entry->d_name);
            flip_byte(path);
            flipped++;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return flipped;
}

int
main(int argc, char **argv)
{
    struct test_server server;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: vector_state KYRODB [SEED]\n");
        return 2;
    }
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    random_state = seed * 2654435761U + 1;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)printf("seed %llu\n", (unsigned long long)seed);
    test_server_init(&server, argv[1]);
    PGconn *conn = start(&server);
    prepare(conn);
    change(conn, 0);
    /* Somebody is at work while the checkpoint is made, and does not commit. */
    char conninfo[256];
    PGconn *other = PQconnectdb(test_server_conninfo(&server, conninfo, sizeof(conninfo)));
    run(other,
        "BEGIN; UPDATE v SET e = f WHERE e IS NULL AND id < 500; DELETE FROM v WHERE id < 9");
    run(other, "UPDATE v SET kind = 3 - kind, e = f WHERE id BETWEEN 600 AND 700");
    run(conn, "CHECKPOINT");
    run(other, "ROLLBACK");
    PQfinish(other);
    change(conn, 1);
    conn = kill_and_start(&server, conn);
    check_all(conn, true);
    run(conn, "CHECKPOINT");
    change(conn, 2);
    (void)test_server_stop(&server, SIGKILL);
    PQfinish(conn);
    if (flip_parts(&server) < INDEXES) {
        fail("parts", "there are too few");
    }
    conn = start(&server);
    check_all(conn, false);
    /* What was damaged is saved anew. */
    run(conn, "CHECKPOINT");
    conn = kill_and_start(&server, conn);
    check_all(conn, true);
    PQfinish(conn);
    (void)test_server_stop(&server, SIGTERM);
    test_server_deinit(&server);
    (void)printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
