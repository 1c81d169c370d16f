/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/support/server_launcher.h"
#include "tests/wire/wire.h"

/*
 * Many connections with statements of different lengths at once. A server that moves connections
 * between its threads while they run must not be told from one that does not: no answer lost,
 * given twice or to another, no notification late, transactions as they were.
 */

enum { CONNECTIONS = 6, ROUNDS = 400 };

static void
open_all(struct wire *wires, int port)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        wire_open_session(&wires[i], port);
    }
    (void)wire_run(&wires[0], "DROP TABLE IF EXISTS balance");
    (void)wire_run(&wires[0], "CREATE TABLE balance (k int PRIMARY KEY, n int)");
    (void)wire_run(&wires[0], "INSERT INTO balance SELECT i, 0 FROM generate_series(1, 2000) i");
}

static void
close_all(struct wire *wires)
{
    (void)wire_run(&wires[0], "DROP TABLE balance");
    for (int i = 0; i < CONNECTIONS; i++) {
        wire_close(&wires[i]);
    }
}

/* All at once, from a look by key to some hundred microseconds and back; each knows its answer. */
static void
statements_grow_and_shrink(int port)
{
    static struct wire wires[CONNECTIONS];
    open_all(wires, port);
    for (int round = 0; round < ROUNDS; round++) {
        const int length = round < ROUNDS / 2 ? round * 10 + 1 : (ROUNDS - round) * 10;
        for (int i = 0; i < CONNECTIONS; i++) {
            char sql[128];
            const int rows = i == CONNECTIONS - 1 ? 1 : length; /* one stays short */
            (void)snprintf(sql, sizeof(sql),
                           "SELECT sum(k + %d)::int AS s FROM balance WHERE k <= %d", i, rows);
            wire_put_query(&wires[i], sql);
            wire_push(&wires[i]);
        }
        for (int i = 0; i < CONNECTIONS; i++) {
            char wanted[128];
            const int rows = i == CONNECTIONS - 1 ? 1 : length;
            const int sum = rows > 2000 ? 0 : rows * (rows + 1) / 2 + rows * i;
            (void)snprintf(wanted, sizeof(wanted), "T(s) D(%d) C(SELECT 1) Z(I)", sum);
            CHECK_TEXT(wire_read_ready(&wires[i], 1), wanted);
        }
    }
    close_all(wires);
}

/* What a session holds goes with it: a transaction, a prepared statement, a channel. */
static void
sessions_keep_what_they_hold(int port)
{
    static struct wire wires[CONNECTIONS];
    char sql[160];
    char wanted[160];
    open_all(wires, port);
    for (int i = 0; i < CONNECTIONS; i++) {
        CHECK_TEXT(wire_run(&wires[i], "LISTEN balance"), "C(LISTEN) Z(I)");
        CHECK_TEXT(wire_run(&wires[i], "PREPARE p (int) AS SELECT count(*)::int AS c FROM balance "
                                       "WHERE n + k % 1000 < $1"),
                   "C(PREPARE) Z(I)");
        CHECK_TEXT(wire_run(&wires[i], "BEGIN"), "C(BEGIN) Z(T)");
        (void)snprintf(sql, sizeof(sql), "UPDATE balance SET n = 5000 WHERE k = %d", i + 1);
        CHECK_TEXT(wire_run(&wires[i], sql), "C(UPDATE 1) Z(T)");
    }
    for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < CONNECTIONS; i++) {
            (void)snprintf(sql, sizeof(sql), "EXECUTE p(%d)", round % 1000 + 1);
            wire_put_query(&wires[i], sql);
            wire_push(&wires[i]);
        }
        for (int i = 0; i < CONNECTIONS; i++) {
            /* Two rows for each remainder, less the one that this session changed. */
            const int count = 2 * (round % 1000 + 1) - (round % 1000 >= i + 1);
            (void)snprintf(wanted, sizeof(wanted), "T(c) D(%d) C(SELECT 1) Z(T)", count);
            CHECK_TEXT(wire_read_ready(&wires[i], 1), wanted);
        }
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        CHECK_TEXT(wire_run(&wires[i], "COMMIT"), "C(COMMIT) Z(I)");
    }
    CHECK_TEXT(wire_run(&wires[0], "NOTIFY balance, 'all'"), "C(NOTIFY) A(balance,all) Z(I)");
    for (int i = 1; i < CONNECTIONS; i++) {
        CHECK_TEXT(wire_read(&wires[i], 1), "A(balance,all)");
    }
    (void)snprintf(wanted, sizeof(wanted), "T(c) D(%d) C(SELECT 1) Z(I)", CONNECTIONS);
    CHECK_TEXT(wire_run(&wires[0], "SELECT count(*)::int AS c FROM balance WHERE n = 5000"),
               wanted);
    close_all(wires);
}

/* What /metrics says of connections whose visits had become heavy. */
static long
moves(void)
{
    static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
    static const char name[] = "kyrodb_connection_moves_total{visits=\"heavy\"} ";
    static char answer[1 << 20];
    static struct wire http;
    size_t size = 0;
    wire_open(&http, wire_server->http_port);
    CHECK(send(http.fd, request, sizeof(request) - 1, 0) == (ssize_t)sizeof(request) - 1);
    for (ssize_t got = 1; got > 0 && size < sizeof(answer) - 1; size += (size_t)got) {
        got = recv(http.fd, answer + size, sizeof(answer) - 1 - size, 0);
        CHECK(got >= 0);
        got = got < 0 ? 0 : got;
    }
    answer[size] = '\0';
    wire_close(&http);
    const char *found = strstr(answer, name);
    CHECK(found != NULL);
    return found == NULL ? 0 : strtol(found + sizeof(name) - 1, NULL, 10);
}

/* Several statements a visit, of any length until a connection has moved. */
static void
heavy_visits_leave_a_busy_loop(int port)
{
    enum { STATEMENTS = 8, LENGTH_MAX = 600, PATIENCE_MS = 60000 };
    static struct wire wires[CONNECTIONS];
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof(cores), &cores) != 0 || CPU_COUNT(&cores) < 2) {
        return; /* there is one loop */
    }
    open_all(wires, port);
    const int64_t end_ms = wire_now_ms() + PATIENCE_MS;
    const long before = moves();
    for (int round = 0; moves() == before && wire_now_ms() < end_ms; round++) {
        char sql[128];
        (void)snprintf(sql, sizeof(sql), "SELECT sum(k)::int AS s FROM balance WHERE k <= %d",
                       round * 20 % LENGTH_MAX);
        for (int turn = 0; turn < 20; turn++) {
            for (int i = 0; i < CONNECTIONS; i++) {
                for (int j = 0; j < STATEMENTS; j++) {
                    wire_put_query(&wires[i], sql);
                }
                wire_push(&wires[i]);
            }
            for (int i = 0; i < CONNECTIONS; i++) {
                CHECK(strstr(wire_read_ready(&wires[i], STATEMENTS), "E(") == NULL);
            }
        }
    }
    CHECK(moves() > before);
    close_all(wires);
}

int
main(int argc, char **argv)
{
    static const struct wire_case cases[] = {
        {"statements grow and shrink", statements_grow_and_shrink, false},
        {"sessions keep what they hold", sessions_keep_what_they_hold, false},
        {"heavy visits leave a busy loop", heavy_visits_leave_a_busy_loop, true},
    };
    return wire_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), NULL);
}
