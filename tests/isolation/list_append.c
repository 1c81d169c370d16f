/* SPDX-License-Identifier: Apache-2.0 */
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/server_launcher.h"

/*
 * Looks for anomalies in histories of random transactions, after Elle (Kingsbury, Alvaro 2020).
 * Each key holds a list; a transaction reads lists and appends numbers that are used once. The
 * final lists tell the order of all writes of a key, and a list that was read tells which of them
 * the reader saw. From that follow dependencies between transactions: who wrote after whom (ww),
 * who read from whom (wr), who overwrote what somebody had read (rw). Then:
 *
 *   every level      no number of a rolled-back transaction, no list that is not a beginning of the
 *                    final one, no half of a transaction's appends, no circle of ww and wr
 *   REPEATABLE READ  no circle with exactly one rw
 *   SERIALIZABLE     no circle
 *
 *   list_append KYRODB [transactions per client [clients [seed]]]
 *   list_append --peer CONNINFO [...]
 */
enum { KEYS = 6, OPS_MAX = 5, CLIENTS_MAX = 64, LIST_MAX = 1 << 20, LEVELS = 3 };

static const char *const level_names[LEVELS] = {"READ COMMITTED", "REPEATABLE READ",
                                                "SERIALIZABLE"};

enum { EDGE_WW = 1, EDGE_WR = 2, EDGE_RW = 4 };

struct op {
    bool is_append;
    int key;
    int number;     /* appended */
    int seen_last;  /* read: the last number of the list, 0: empty */
    int seen_count; /* read: of numbers */
};

struct record {
    struct op ops[OPS_MAX];
    int op_count;
    bool is_committed;
};

struct history {
    struct record *records;
    int count;
    int *writer; /* by number: record */
    int *place;  /* by number: in the key's final list, -1: not there */
    int number_count;
    uint8_t *edges; /* count * count */
    int failures;
};

struct client {
    pthread_t thread;
    const char *conninfo;
    struct record *records;
    int count;
    int first_number;
    int level;
    unsigned seed;
    int committed;
};

static unsigned
next_random(unsigned *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

/* ------------------------------------------------------------------ running */

static PGresult *
run(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        return result;
    }
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state == NULL || (strcmp(state, "40001") != 0 && strcmp(state, "40P01") != 0 &&
                          strcmp(state, "25P02") != 0)) {
        (void)fprintf(stderr, "%s: %s", sql, PQresultErrorMessage(result));
        exit(2);
    }
    PQclear(result);
    return NULL;
}

/* Looks at a list from its end: the numbers in it, and the last one. */
static void
note_list(const char *list, struct op *op)
{
    op->seen_count = op->seen_last = 0;
    for (const char *at = list; *at != '\0'; at++) {
        op->seen_count += *at == ',';
    }
    const char *last = strrchr(list, ',');
    if (last != NULL) {
        op->seen_last = atoi(last + 1);
    }
}

static bool
run_op(PGconn *conn, struct op *op)
{
    char sql[160];
    if (op->is_append) {
        (void)snprintf(sql, sizeof(sql), "UPDATE lists SET v = v || ',%d' WHERE k = %d", op->number,
                       op->key);
    } else if (op->number % 4 == 0) {
        (void)snprintf(sql, sizeof(sql), "SELECT v FROM lists WHERE k + 0 = %d", op->key);
    } else {
        (void)snprintf(sql, sizeof(sql), "SELECT v FROM lists WHERE k = %d", op->key);
    }
    PGresult *result = run(conn, sql);
    if (result == NULL) {
        return false;
    }
    if (!op->is_append) {
        note_list(PQgetvalue(result, 0, 0), op);
    }
    PQclear(result);
    return true;
}

static void
run_transaction(PGconn *conn, struct client *client, struct record *record)
{
    char begin[64];
    (void)snprintf(begin, sizeof(begin), "BEGIN ISOLATION LEVEL %s", level_names[client->level]);
    PQclear(run(conn, begin));
    bool is_good = true;
    for (int i = 0; i < record->op_count && is_good; i++) {
        is_good = run_op(conn, &record->ops[i]);
    }
    PGresult *result = run(conn, is_good ? "COMMIT" : "ROLLBACK");
    record->is_committed = is_good && result != NULL && strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    client->committed += record->is_committed;
}

static void *
run_client(void *arg)
{
    struct client *client = arg;
    PGconn *conn = PQconnectdb(client->conninfo);
    if (PQstatus(conn) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s", PQerrorMessage(conn));
        exit(2);
    }
    int number = client->first_number;
    for (int i = 0; i < client->count; i++) {
        struct record *record = &client->records[i];
        record->op_count = 2 + (int)(next_random(&client->seed) % (OPS_MAX - 1));
        for (int j = 0; j < record->op_count; j++) {
            record->ops[j].is_append = next_random(&client->seed) % 2 == 0;
            record->ops[j].key = 1 + (int)(next_random(&client->seed) % KEYS);
            record->ops[j].number = number++;
        }
        run_transaction(conn, client, record);
    }
    PQfinish(conn);
    return NULL;
}

/* ------------------------------------------------------------------ judging */

static void
blame(struct history *history, const char *what, int a, int b)
{
    (void)fprintf(stderr, "  %s: transactions %d and %d\n", what, a, b);
    history->failures++;
}

static void
add_edge(struct history *history, int from, int to, uint8_t kind)
{
    if (from != to) {
        history->edges[(size_t)from * (size_t)history->count + (size_t)to] |= kind;
    }
}

/* The order of one key's writes, from its final list. */
static void
read_order(struct history *history, const char *list, int *order, int *count_out)
{
    int count = 0;
    for (const char *at = strchr(list, ','); at != NULL; at = strchr(at + 1, ',')) {
        const int number = atoi(at + 1);
        const int writer = history->writer[number];
        if (!history->records[writer].is_committed) {
            blame(history, "the append of a rolled-back transaction is there", writer, writer);
        }
        history->place[number] = count;
        order[count++] = number;
    }
    for (int i = 1; i < count; i++) {
        add_edge(history, history->writer[order[i - 1]], history->writer[order[i]], EDGE_WW);
    }
    *count_out = count;
}

/* Whether the record appends to the key again after this number. */
static bool
appends_later(const struct record *record, int key, int number)
{
    for (int i = 0; i < record->op_count; i++) {
        const struct op *op = &record->ops[i];
        if (op->is_append && op->key == key && op->number > number) {
            return true;
        }
    }
    return false;
}

static void
judge_read(struct history *history, int reader, const struct op *op, const int *order, int count)
{
    if (op->seen_last == 0) {
        if (count > 0) {
            add_edge(history, reader, history->writer[order[0]], EDGE_RW);
        }
        return;
    }
    const int writer = history->writer[op->seen_last];
    const int place = history->place[op->seen_last];
    if (place < 0 || place + 1 != op->seen_count) {
        blame(history, "a list was read that is no beginning of the final one", reader, writer);
        return;
    }
    if (writer != reader && appends_later(&history->records[writer], op->key, op->seen_last)) {
        blame(history, "half of a transaction was read", reader, writer);
    }
    add_edge(history, writer, reader, EDGE_WR);
    if (place + 1 < count) {
        add_edge(history, reader, history->writer[order[place + 1]], EDGE_RW);
    }
}

/* Whether `to` can be reached from `from` over edges of these kinds. */
static bool
reaches(const struct history *history, int from, int to, uint8_t kinds, int *stack, uint8_t *seen)
{
    int depth = 0;
    memset(seen, 0, (size_t)history->count);
    stack[depth++] = from;
    while (depth > 0) {
        const int at = stack[--depth];
        const uint8_t *row = &history->edges[(size_t)at * (size_t)history->count];
        for (int next = 0; next < history->count; next++) {
            if ((row[next] & kinds) == 0 || seen[next]) {
                continue;
            }
            if (next == to) {
                return true;
            }
            seen[next] = 1;
            stack[depth++] = next;
        }
    }
    return false;
}

static void
judge_circles(struct history *history, int level)
{
    int *stack = calloc((size_t)history->count + 1, sizeof(*stack));
    uint8_t *seen = calloc((size_t)history->count + 1, 1);
    for (int i = 0; i < history->count && history->failures < 10; i++) {
        if (reaches(history, i, i, EDGE_WW | EDGE_WR, stack, seen)) {
            blame(history, "a circle of writes and reads", i, i);
        }
        if (level == 2 && reaches(history, i, i, EDGE_WW | EDGE_WR | EDGE_RW, stack, seen)) {
            blame(history, "a circle", i, i);
        }
        for (int j = 0; level == 1 && j < history->count; j++) {
            if ((history->edges[(size_t)i * (size_t)history->count + (size_t)j] & EDGE_RW) != 0 &&
                reaches(history, j, i, EDGE_WW | EDGE_WR, stack, seen)) {
                blame(history, "a circle with one anti-dependency", i, j);
            }
        }
    }
    free(stack);
    free(seen);
}

static void
judge(struct history *history, PGconn *conn, int level)
{
    int *order = calloc((size_t)history->number_count + 1, sizeof(*order));
    for (int key = 1; key <= KEYS; key++) {
        char sql[64];
        int count = 0;
        (void)snprintf(sql, sizeof(sql), "SELECT v FROM lists WHERE k = %d", key);
        PGresult *result = run(conn, sql);
        read_order(history, PQgetvalue(result, 0, 0), order, &count);
        PQclear(result);
        for (int i = 0; i < history->count; i++) {
            const struct record *record = &history->records[i];
            for (int j = 0; record->is_committed && j < record->op_count; j++) {
                const struct op *op = &record->ops[j];
                if (op->key != key) {
                    continue;
                }
                if (!op->is_append) {
                    judge_read(history, i, op, order, count);
                } else if (history->place[op->number] < 0) {
                    blame(history, "an acknowledged append is lost", i, i);
                }
            }
        }
    }
    judge_circles(history, level);
    free(order);
}

static int
run_level(const char *conninfo, int level, int per_client, int client_count, unsigned seed)
{
    PGconn *conn = PQconnectdb(conninfo);
    PQclear(run(conn, "DROP TABLE IF EXISTS lists"));
    PQclear(run(conn, "CREATE TABLE lists (k int PRIMARY KEY, v text NOT NULL)"));
    PQclear(run(conn, "INSERT INTO lists SELECT i, '' FROM generate_series(1, 6) i"));
    struct history history = {.count = per_client * client_count};
    history.number_count = history.count * OPS_MAX;
    history.records = calloc((size_t)history.count, sizeof(*history.records));
    history.writer = calloc((size_t)history.number_count + 1, sizeof(int));
    history.place = calloc((size_t)history.number_count + 1, sizeof(int));
    history.edges = calloc((size_t)history.count, (size_t)history.count);
    static struct client clients[CLIENTS_MAX];
    int committed = 0;
    for (int i = 0; i < client_count; i++) {
        clients[i] = (struct client){.conninfo = conninfo,
                                     .records = &history.records[i * per_client],
                                     .count = per_client,
                                     .first_number = 1 + i * per_client * OPS_MAX,
                                     .level = level,
                                     .seed = seed + (unsigned)i * 7919U};
        (void)pthread_create(&clients[i].thread, NULL, run_client, &clients[i]);
    }
    for (int i = 0; i < client_count; i++) {
        (void)pthread_join(clients[i].thread, NULL);
        committed += clients[i].committed;
    }
    for (int number = 0; number <= history.number_count; number++) {
        history.place[number] = -1;
    }
    for (int i = 0; i < history.count; i++) {
        for (int j = 0; j < history.records[i].op_count; j++) {
            history.writer[history.records[i].ops[j].number] = i;
        }
    }
    judge(&history, conn, level);
    (void)printf("%s: %d of %d transactions committed, %d anomalies\n", level_names[level],
                 committed, history.count, history.failures);
    if (committed < history.count / 20) {
        (void)printf("  too few committed to say anything\n");
        history.failures++;
    }
    PQfinish(conn);
    free(history.records);
    free(history.writer);
    free(history.place);
    free(history.edges);
    return history.failures;
}

int
main(int argc, char **argv)
{
    const bool has_peer = argc > 2 && strcmp(argv[1], "--peer") == 0;
    const int first = has_peer ? 3 : 2;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: list_append KYRODB [PER_CLIENT [CLIENTS [SEED]]]\n");
        return 2;
    }
    const int per_client = argc > first ? atoi(argv[first]) : 60;
    const int clients = argc > first + 1 ? atoi(argv[first + 1]) : 6;
    const unsigned seed = argc > first + 2 ? (unsigned)strtoul(argv[first + 2], NULL, 10) : 1;
    static const char *const no_sync[] = {"--fsync", "off", "--log-level", "warn", NULL};
    char conninfo[1024];
    struct test_server server;
    if (per_client < 1 || clients < 1 || clients > CLIENTS_MAX) {
        return 2;
    }
    if (has_peer) {
        (void)snprintf(conninfo, sizeof(conninfo), "%s", argv[2]);
    } else {
        test_server_init(&server, argv[1]);
        server.extra = no_sync;
        if (!test_server_start(&server)) {
            return 2;
        }
        (void)test_server_conninfo(&server, conninfo, sizeof(conninfo));
    }
    (void)printf("seed %u\n", seed);
    int failures = 0;
    for (int level = 0; level < LEVELS; level++) {
        failures += run_level(conninfo, level, per_client, clients, seed);
    }
    if (!has_peer) {
        (void)test_server_stop(&server, SIGTERM);
        test_server_deinit(&server);
    }
    return failures == 0 ? 0 : 1;
}
