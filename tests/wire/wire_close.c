/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/wire/wire.h"

/* Clients that leave, and clients that read slowly. */

enum { STATEMENTS = 50 };

static void
make_table(struct wire *wire, const char *name)
{
    char sql[200];
    (void)snprintf(sql, sizeof(sql), "DROP TABLE IF EXISTS %s; CREATE TABLE %s (a int)", name,
                   name);
    const char *answer = wire_run(wire, sql);
    CHECK(strstr(answer, "C(CREATE TABLE) Z(I)") != NULL);
}

/* Waits until the query answers what is wanted: what a gone client left behind runs on alone. */
static void
becomes(struct wire *wire, const char *sql, const char *wanted)
{
    const char *answer = "";
    for (int64_t end_ms = wire_now_ms() + WIRE_TIMEOUT_MS; wire_now_ms() < end_ms;) {
        answer = wire_run(wire, sql);
        if (strcmp(answer, wanted) == 0) {
            return;
        }
        wire_sleep_ms(20);
    }
    CHECK_TEXT(answer, wanted);
}

static void
put_inserts(struct wire *wire, const char *table)
{
    char sql[100];
    const char *values[1];
    (void)snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES ($1::int)", table);
    wire_put_parse(wire, "insert", sql);
    for (int i = 0; i < STATEMENTS; i++) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%d", i);
        values[0] = number;
        wire_put_bind(wire, "", "insert", 1, values);
        wire_put_execute(wire, "", 0);
        wire_put_bare(wire, 'S');
    }
}

/* PostgreSQL may stop at the first answer it cannot send, so this is ours alone. */
static void
what_was_received_is_run_although_the_client_left(int port)
{
    struct wire wire;
    struct wire other;
    wire_open_session(&other, port);
    make_table(&other, "wire_left");
    for (int round = 1; round <= 5; round++) {
        wire_open_session(&wire, port);
        put_inserts(&wire, "wire_left");
        wire_push(&wire);
        wire_close(&wire);
        char wanted[64];
        (void)snprintf(wanted, sizeof(wanted), "T(n) D(%d) C(SELECT 1) Z(I)", round * STATEMENTS);
        becomes(&other, "SELECT count(*) AS n FROM wire_left", wanted);
    }
    CHECK_TEXT(wire_run(&other, "DROP TABLE wire_left"), "C(DROP TABLE) Z(I)");
    wire_close(&other);
}

static void
a_client_that_only_stops_sending_gets_all_answers(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    make_table(&wire, "wire_half");
    put_inserts(&wire, "wire_half");
    wire_put_query(&wire, "DROP TABLE wire_half");
    wire_push(&wire);
    CHECK(shutdown(wire.fd, SHUT_WR) == 0);
    const char *answer = wire_read_ready(&wire, STATEMENTS);
    CHECK(strncmp(answer, "1 2 C(INSERT 0 1) Z(I) 2", 24) == 0);
    CHECK_TEXT(wire_read_ready(&wire, 2), "C(DROP TABLE) Z(I) EOF");
    wire_close(&wire);
}

static void
a_running_statement_ends_without_its_client(int port)
{
    struct wire wire;
    struct wire other;
    wire_open_session(&other, port);
    make_table(&other, "wire_run");
    wire_open_session(&wire, port);
    wire_put_query(&wire, "INSERT INTO wire_run SELECT 1 FROM pg_sleep(0.3)");
    wire_push(&wire);
    wire_sleep_ms(100);
    wire_close(&wire);
    becomes(&other, "SELECT count(*) AS n FROM wire_run", "T(n) D(1) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&other, "DROP TABLE wire_run"), "C(DROP TABLE) Z(I)");
    wire_close(&other);
}

static void
an_open_transaction_is_rolled_back(int port)
{
    struct wire wire;
    struct wire other;
    wire_open_session(&other, port);
    make_table(&other, "wire_open");
    wire_open_session(&wire, port);
    CHECK_TEXT(wire_run(&wire, "BEGIN; LOCK TABLE wire_open; INSERT INTO wire_open VALUES (1)"),
               "C(BEGIN) C(LOCK TABLE) C(INSERT 0 1) Z(T)");
    wire_close(&wire);
    CHECK_TEXT(wire_run(&other, "SELECT count(*) AS n FROM wire_open"),
               "T(n) D(0) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&other, "DROP TABLE wire_open"), "C(DROP TABLE) Z(I)");
    wire_close(&other);
}

static void
rows_for_nobody_are_not_produced_for_ever(int port)
{
    struct wire wire;
    struct wire other;
    wire_open_session(&other, port);
    wire_open_session(&wire, port);
    CHECK_TEXT(wire_run(&wire, "SET application_name = 'endless'"), "C(SET) Z(I)");
    wire_put_query(&wire, "SELECT n FROM generate_series(1, 2000000000) AS n");
    wire_push(&wire);
    (void)wire_read(&wire, 10);
    wire_close(&wire);
    becomes(&other, "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'endless'",
            "T(n) D(0) C(SELECT 1) Z(I)");
    wire_close(&other);
}

/* More than fits into all buffers: the statement waits for its reader and goes on. */
static void
a_slow_reader_gets_every_row(int port)
{
    enum { ROWS = 400000 };
    struct wire wire;
    static char data[1 << 16];
    size_t rows = 0;
    size_t used = 0;
    bool is_ready = false;
    wire_open_session(&wire, port);
    wire_put_query(&wire, "SELECT n, repeat('x', 20) FROM generate_series(1, 400000) AS n");
    wire_push(&wire);
    for (int i = 0; !is_ready; i++) {
        ssize_t got = recv(wire.fd, data + used, sizeof(data) - used, 0);
        if (got <= 0) {
            break;
        }
        used += (size_t)got;
        size_t at = 0;
        while (used - at >= 5) {
            size_t size =
                1 + ((size_t)(uint8_t)data[at + 1] << 24 | (size_t)(uint8_t)data[at + 2] << 16 |
                     (size_t)(uint8_t)data[at + 3] << 8 | (uint8_t)data[at + 4]);
            if (used - at < size) {
                break;
            }
            rows += data[at] == 'D';
            is_ready = is_ready || data[at] == 'Z';
            at += size;
        }
        used -= at;
        memmove(data, data + at, used);
        if (i < 200) {
            wire_sleep_ms(1);
        }
    }
    CHECK(is_ready);
    CHECK(rows == ROWS);
    CHECK_TEXT(wire_run(&wire, "SELECT 1 AS a"), "T(a) D(1) C(SELECT 1) Z(I)");
    wire_close(&wire);
}

/* Connections come and go while their commits are on the way to the disk. */
static void
leaving_during_a_commit_harms_nobody(int port)
{
    struct wire other;
    char wanted[64];
    wire_open_session(&other, port);
    make_table(&other, "wire_commit");
    for (int i = 0; i < 200; i++) {
        struct wire wire;
        wire_open_session(&wire, port);
        wire_put_query(&wire, "INSERT INTO wire_commit VALUES (1)");
        wire_push(&wire);
        if (i % 3 == 0) {
            wire_sleep_ms(1);
        }
        wire_close(&wire);
    }
    (void)snprintf(wanted, sizeof(wanted), "T(n) D(%d) C(SELECT 1) Z(I)", 200);
    becomes(&other, "SELECT count(*) AS n FROM wire_commit", wanted);
    CHECK_TEXT(wire_run(&other, "DROP TABLE wire_commit"), "C(DROP TABLE) Z(I)");
    wire_close(&other);
}

static const struct wire_case cases[] = {
    {"what was received is run although the client left",
     what_was_received_is_run_although_the_client_left, true},
    {"a client that only stops sending gets all answers",
     a_client_that_only_stops_sending_gets_all_answers, false},
    {"a running statement ends without its client", a_running_statement_ends_without_its_client,
     false},
    {"an open transaction is rolled back", an_open_transaction_is_rolled_back, false},
    {"rows for nobody are not produced for ever", rows_for_nobody_are_not_produced_for_ever, true},
    {"a slow reader gets every row", a_slow_reader_gets_every_row, false},
    {"leaving during a commit harms nobody", leaving_during_a_commit_harms_nobody, false},
};

int
main(int argc, char **argv)
{
    return wire_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), NULL);
}
