/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/wire/wire.h"

/* Conversations message by message. All of them hold for PostgreSQL 15 (--peer) unless marked. */

enum { PROTOCOL_3_0 = 3 << 16 };

/* ------------------------------------------------------------------ before the session */

static void
put_code(struct wire *wire, int32_t code)
{
    size_t mark = wire_begin(wire, 0);
    wire_put_int32(wire, code);
    wire_end(wire, mark);
}

static char
read_byte(struct wire *wire)
{
    char byte = '?';
    (void)!read(wire->fd, &byte, 1);
    return byte;
}

static void
encryption_is_refused_and_the_session_goes_on(int port)
{
    struct wire wire;
    wire_open(&wire, port);
    if (wire_server != NULL) { /* a PostgreSQL with Kerberos says G */
        put_code(&wire, 80877104);
        wire_push(&wire);
        CHECK(read_byte(&wire) == 'N');
    }
    put_code(&wire, 80877103); /* SSLRequest */
    wire_push(&wire);
    CHECK(read_byte(&wire) == 'N');
    wire_put_startup(&wire, PROTOCOL_3_0, "postgres", NULL, NULL);
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "R0 Z(I)");
    wire_close(&wire);
}

static void
a_newer_minor_is_negotiated(int port)
{
    struct wire wire;
    wire_open(&wire, port);
    wire_put_startup(&wire, PROTOCOL_3_0 | 2, "postgres", "_pq_.newer", "on");
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "v(196608,_pq_.newer) R0 Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT 1 AS a"), "T(a) D(1) C(SELECT 1) Z(I)");
    wire_close(&wire);
}

static void
another_major_is_refused(int port)
{
    struct wire wire;
    wire_open(&wire, port);
    wire.has_messages = true;
    wire_put_startup(&wire, 4 << 16 | 1, "postgres", NULL, NULL);
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "E(FATAL 0A000 unsupported frontend protocol 4.1: "
                                          "server supports 3.0 to 3.0) EOF");
    wire_close(&wire);
}

static void
start_up_names_must_exist(int port)
{
    struct wire wire;
    wire_open(&wire, port);
    wire_put_startup(&wire, PROTOCOL_3_0, "postgres", "no_such_setting", "1");
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "R0 E(FATAL 42704) EOF");
    wire_close(&wire);
    wire_open(&wire, port);
    wire_put_startup(&wire, PROTOCOL_3_0, "postgres", "database", "nowhere");
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "R0 E(FATAL 3D000) EOF");
    wire_close(&wire);
    wire_open(&wire, port);
    size_t mark = wire_begin(&wire, 0);
    wire_put_int32(&wire, PROTOCOL_3_0);
    wire_put_text(&wire, "");
    wire_end(&wire, mark);
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "E(FATAL 28000) EOF");
    wire_close(&wire);
}

static void
start_up_packets_have_limits(int port)
{
    static const int32_t sizes[] = {0, 3, 7, 10001, 0x7fffffff, -1};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct wire wire;
        wire_open(&wire, port);
        wire_put_int32(&wire, sizes[i]);
        wire_put_int32(&wire, PROTOCOL_3_0);
        wire_push(&wire);
        /* PostgreSQL logs the reason and closes; we say it first. */
        CHECK_TEXT(wire_read_ready(&wire, 1), "E(FATAL 08P01) EOF");
        wire_close(&wire);
    }
}

static void
a_cancel_request_with_a_wrong_key_changes_nothing(int port)
{
    struct wire wire;
    struct wire other;
    wire_open_session(&wire, port);
    wire_put_query(&wire, "SELECT pg_sleep(0.3)");
    wire_push(&wire);
    wire_sleep_ms(100);
    wire_open(&other, port);
    size_t mark = wire_begin(&other, 0);
    wire_put_int32(&other, 80877102);
    wire_put_int32(&other, wire.pid);
    wire_put_int32(&other, wire.key ^ 1);
    wire_end(&other, mark);
    wire_push(&other);
    CHECK_TEXT(wire_read_ready(&other, 1), "EOF");
    wire_close(&other);
    CHECK_TEXT(wire_read_ready(&wire, 1), "T(pg_sleep) D() C(SELECT 1) Z(I)");
    wire_close(&wire);
}

/* ------------------------------------------------------------------ simple query */

static void
simple_queries(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    CHECK_TEXT(wire_run(&wire, ""), "I Z(I)");
    CHECK_TEXT(wire_run(&wire, " ; ;"), "I Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT 1 AS a; SELECT 2 AS b, NULL AS c"),
               "T(a) D(1) C(SELECT 1) T(b,c) D(2|NULL) C(SELECT 1) Z(I)");
    CHECK_TEXT(
        wire_run(&wire, "SELECT 1 AS a; SELECT 1/b FROM generate_series(0, 0) AS b; SELECT 3"),
        "T(a) D(1) C(SELECT 1) T(?column?) E(ERROR 22012) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT 1; SELEC"), "E(ERROR 42601) Z(I)");
    CHECK_TEXT(wire_run(&wire, "BEGIN"), "C(BEGIN) Z(T)");
    CHECK_TEXT(wire_run(&wire, "BEGIN"), "N(WARNING 25001) C(BEGIN) Z(T)");
    CHECK_TEXT(wire_run(&wire, "nonsense"), "E(ERROR 42601) Z(E)");
    CHECK_TEXT(wire_run(&wire, "SELECT 1"), "E(ERROR 25P02) Z(E)");
    CHECK_TEXT(wire_run(&wire, "COMMIT"), "C(ROLLBACK) Z(I)");
    CHECK_TEXT(wire_run(&wire, "BEGIN; SELECT 1 AS a; COMMIT; SELECT 2 AS b"),
               "C(BEGIN) T(a) D(1) C(SELECT 1) C(COMMIT) T(b) D(2) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT FROM generate_series(1, 2)"),
               "T() D() D() C(SELECT 2) Z(I)");
    wire_close(&wire);
}

static void
one_simple_query_is_one_transaction(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    CHECK_TEXT(
        wire_run(&wire, "DROP TABLE IF EXISTS wire_t; CREATE TABLE wire_t (a int primary key)"),
        "N(NOTICE 00000) C(DROP TABLE) C(CREATE TABLE) Z(I)");
    CHECK_TEXT(wire_run(&wire, "INSERT INTO wire_t VALUES (1); INSERT INTO wire_t VALUES (1)"),
               "C(INSERT 0 1) E(ERROR 23505) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT count(*) AS n FROM wire_t"), "T(n) D(0) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "INSERT INTO wire_t VALUES (1); COMMIT; SELEC"),
               "E(ERROR 42601) Z(I)");
    CHECK_TEXT(wire_run(&wire, "INSERT INTO wire_t VALUES (1); COMMIT; SELECT a FROM nowhere"),
               "C(INSERT 0 1) N(WARNING 25P01) C(COMMIT) E(ERROR 42P01) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT count(*) AS n FROM wire_t"), "T(n) D(1) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "DROP TABLE wire_t"), "C(DROP TABLE) Z(I)");
    wire_close(&wire);
}

/* ------------------------------------------------------------------ extended query */

static void
put_all(struct wire *wire, const char *sql, int count, const char *const *values)
{
    wire_put_parse(wire, "", sql);
    wire_put_bind(wire, "", "", count, values);
    wire_put_describe(wire, 'P', "");
    wire_put_execute(wire, "", 0);
    wire_put_bare(wire, 'S');
}

static void
extended_queries(int port)
{
    struct wire wire;
    const char *values[] = {"20", NULL};
    wire_open_session(&wire, port);
    put_all(&wire, "SELECT $1::int + 1 AS a, $2::text AS b", 2, values);
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "1 2 T(a,b) D(21|NULL) C(SELECT 1) Z(I)");
    put_all(&wire, "", 0, NULL);
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "1 2 n I Z(I)");
    wire_put_parse(&wire, "s", "SELECT $1::int AS a");
    wire_put_describe(&wire, 'S', "s");
    wire_put_bare(&wire, 'S');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "1 t T(a) Z(I)");
    wire_put_parse(&wire, "s", "SELECT 1");
    wire_put_bare(&wire, 'S');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "E(ERROR 42P05) Z(I)");
    wire_put_close(&wire, 'S', "s");
    wire_put_close(&wire, 'S', "never was");
    wire_put_bare(&wire, 'S');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "3 3 Z(I)");
    wire_put_bind(&wire, "", "s", 1, values);
    wire_put_bare(&wire, 'S');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "E(ERROR 26000) Z(I)");
    wire_put_execute(&wire, "nowhere", 0);
    wire_put_bare(&wire, 'S');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "E(ERROR 34000) Z(I)");
    wire_close(&wire);
}

/* After an error nothing is answered before Sync, also not Parse, Close or Flush. */
static void
an_error_skips_to_sync(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    wire_put_parse(&wire, "", "SELECT 1/b FROM generate_series(0, 0) AS b");
    wire_put_bind(&wire, "", "", 0, NULL);
    wire_put_execute(&wire, "", 0);
    wire_put_parse(&wire, "x", "SELECT 1");
    wire_put_close(&wire, 'S', "x");
    wire_put_bare(&wire, 'H');
    wire_put_bare(&wire, 'S');
    put_all(&wire, "SELECT 2 AS b", 0, NULL);
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 2), "1 2 E(ERROR 22012) Z(I) 1 2 T(b) D(2) C(SELECT 1) Z(I)");
    wire_close(&wire);
}

static void
rows_in_portions(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    wire_put_parse(&wire, "", "SELECT n FROM generate_series(1, 5) AS n");
    wire_put_bind(&wire, "p", "", 0, NULL);
    wire_put_execute(&wire, "p", 2);
    wire_put_execute(&wire, "p", 2);
    wire_put_execute(&wire, "p", 2);
    wire_put_execute(&wire, "p", 2);
    wire_put_bare(&wire, 'S');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1),
               "1 2 D(1) D(2) s D(3) D(4) s D(5) C(SELECT 1) C(SELECT 0) Z(I)");
    /* Portals end with their transaction. */
    wire_put_execute(&wire, "p", 2);
    wire_put_bare(&wire, 'S');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "E(ERROR 34000) Z(I)");
    wire_close(&wire);
}

static void
flush_answers_at_once(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    wire_put_parse(&wire, "", "SELECT 1 AS a");
    wire_put_bare(&wire, 'H');
    wire_push(&wire);
    CHECK_TEXT(wire_read(&wire, 1), "1");
    wire_put_bind(&wire, "", "", 0, NULL);
    wire_put_describe(&wire, 'P', "");
    wire_put_bare(&wire, 'H');
    wire_push(&wire);
    CHECK_TEXT(wire_read(&wire, 2), "2 T(a)");
    wire_put_execute(&wire, "", 0);
    wire_put_bare(&wire, 'S');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "D(1) C(SELECT 1) Z(I)");
    wire_close(&wire);
}

/* What an earlier Sync answered is sent although a later statement waits. */
static void
a_waiting_statement_keeps_no_answer_back(int port)
{
    struct wire wire;
    struct wire other;
    wire_open_session(&other, port);
    (void)wire_run(&other, "DROP TABLE IF EXISTS wire_w");
    CHECK_TEXT(wire_run(&other, "CREATE TABLE wire_w (a int)"), "C(CREATE TABLE) Z(I)");
    CHECK_TEXT(wire_run(&other, "BEGIN; LOCK TABLE wire_w"), "C(BEGIN) C(LOCK TABLE) Z(T)");
    wire_open_session(&wire, port);
    put_all(&wire, "SELECT 1 AS a", 0, NULL);
    put_all(&wire, "SELECT a FROM wire_w", 0, NULL);
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "1 2 T(a) D(1) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&other, "DROP TABLE wire_w; CREATE TABLE wire_w (a int); COMMIT"),
               "C(DROP TABLE) C(CREATE TABLE) C(COMMIT) Z(I)");
    CHECK_TEXT(wire_read_ready(&wire, 1), "1 2 T(a) C(SELECT 0) Z(I)");
    CHECK_TEXT(wire_run(&other, "DROP TABLE wire_w"), "C(DROP TABLE) Z(I)");
    wire_close(&wire);
    wire_close(&other);
}

static void
broken_bind_messages(int port)
{
    struct wire wire;
    const char *values[] = {"1", "2"};
    wire_open_session(&wire, port);
    wire.has_messages = true;
    wire_put_parse(&wire, "", "SELECT $1::int AS a");
    wire_put_bind(&wire, "", "", 2, values);
    wire_put_bare(&wire, 'S');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1),
               "1 E(ERROR 08P01 bind message supplies 2 parameters, but prepared statement \"\" "
               "requires 1) Z(I)");
    /* A parameter that is longer than the message. */
    size_t mark = wire_begin(&wire, 'B');
    wire_put_text(&wire, "");
    wire_put_text(&wire, "");
    wire_put_int16(&wire, 0);
    wire_put_int16(&wire, 1);
    wire_put_int32(&wire, 1000);
    wire_put(&wire, "1", 1);
    wire_put_int16(&wire, 0);
    wire_end(&wire, mark);
    wire_put_bare(&wire, 'S');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "E(ERROR 08P01 insufficient data left in message) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT 1 AS a"), "T(a) D(1) C(SELECT 1) Z(I)");
    wire_close(&wire);
}

static void
unknown_types_end_the_connection(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    wire.has_messages = true;
    wire_put_bare(&wire, '~');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "E(FATAL 08P01 invalid frontend message type 126) EOF");
    wire_close(&wire);
}

/* No memory is taken for what a length only promises. */
static void
oversized_messages_end_the_connection(int port)
{
    static const int32_t sizes[] = {3, 0, -5, 0x7fffffff};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct wire wire;
        wire_open_session(&wire, port);
        wire_put(&wire, "Q", 1);
        wire_put_int32(&wire, sizes[i]);
        wire_put_text(&wire, "SELECT 1");
        wire_push(&wire);
        const char *answer = wire_read_ready(&wire, 1);
        CHECK(strstr(answer, "EOF") != NULL && strstr(answer, "Z(") == NULL);
        wire_close(&wire);
    }
}

static void
a_message_may_come_byte_by_byte(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    wire_put_query(&wire, "SELECT 'a b' AS a");
    for (size_t i = 0; i < wire.out_size; i++) {
        CHECK(write(wire.fd, wire.out + i, 1) == 1);
        if (i % 5 == 0) {
            wire_sleep_ms(2);
        }
    }
    wire.out_size = 0;
    CHECK_TEXT(wire_read_ready(&wire, 1), "T(a) D(a b) C(SELECT 1) Z(I)");
    wire_close(&wire);
}

static void
a_large_message_comes_whole(int port)
{
    enum { SIZE = 3 * 1024 * 1024 };
    struct wire wire;
    char *sql = malloc(SIZE + 100);
    CHECK(sql != NULL);
    strcpy(sql, "SELECT length('");
    size_t size = strlen(sql);
    memset(sql + size, 'x', SIZE);
    strcpy(sql + size + SIZE, "') AS n");
    wire_open_session(&wire, port);
    CHECK_TEXT(wire_run(&wire, sql), "T(n) D(3145728) C(SELECT 1) Z(I)");
    free(sql);
    wire_close(&wire);
}

/* ------------------------------------------------------------------ COPY */

static void
put_copy_data(struct wire *wire, const char *text)
{
    size_t mark = wire_begin(wire, 'd');
    wire_put(wire, text, strlen(text));
    wire_end(wire, mark);
}

static void
copy_messages(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    (void)wire_run(&wire, "DROP TABLE IF EXISTS wire_c");
    CHECK_TEXT(wire_run(&wire, "CREATE TABLE wire_c (a int, b text)"), "C(CREATE TABLE) Z(I)");
    wire_put_query(&wire, "COPY wire_c FROM STDIN");
    wire_push(&wire);
    CHECK_TEXT(wire_read(&wire, 1), "G");
    put_copy_data(&wire, "1\ton");
    put_copy_data(&wire, "e\n2\t\\N\n");
    wire_put_bare(&wire, 'c');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "C(COPY 2) Z(I)");
    wire_put_query(&wire, "COPY wire_c TO STDOUT");
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "H d d c C(COPY 2) Z(I)");
    /* A failure of the client's. */
    wire_put_query(&wire, "COPY wire_c FROM STDIN");
    put_copy_data(&wire, "3\tthree\n");
    size_t mark = wire_begin(&wire, 'f');
    wire_put_text(&wire, "no more");
    wire_end(&wire, mark);
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "G E(ERROR 57014) Z(I)");
    /* Bad data: what still comes is thrown away. */
    wire_put_query(&wire, "COPY wire_c FROM STDIN");
    put_copy_data(&wire, "x\ty\n");
    put_copy_data(&wire, "4\tfour\n");
    wire_put_bare(&wire, 'c');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "G E(ERROR 22P02) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT count(*) AS n FROM wire_c"), "T(n) D(2) C(SELECT 1) Z(I)");
    /* The extended protocol: the answer to Sync comes once. */
    wire_put_parse(&wire, "", "COPY wire_c FROM STDIN");
    wire_put_bind(&wire, "", "", 0, NULL);
    wire_put_execute(&wire, "", 0);
    wire_push(&wire);
    CHECK_TEXT(wire_read_for(&wire, 200), "1 2 G");
    wire_put_bare(&wire, 'S'); /* ignored during COPY, as clients send it along */
    put_copy_data(&wire, "5\tfive\n");
    wire_put_bare(&wire, 'c');
    wire_put_bare(&wire, 'S');
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "C(COPY 1) Z(I)");
    /* A query in the middle of COPY ends the connection's COPY with an error. */
    wire_put_query(&wire, "COPY wire_c FROM STDIN");
    wire_put_query(&wire, "SELECT 1");
    wire_push(&wire);
    const char *answer = wire_read(&wire, 2);
    CHECK(strncmp(answer, "G E(", 4) == 0);
    wire_close(&wire);
    wire_open_session(&wire, port);
    CHECK_TEXT(wire_run(&wire, "SELECT count(*) AS n FROM wire_c"), "T(n) D(3) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "DROP TABLE wire_c"), "C(DROP TABLE) Z(I)");
    wire_close(&wire);
}

static const struct wire_case cases[] = {
    {"encryption is refused and the session goes on", encryption_is_refused_and_the_session_goes_on,
     false},
    {"a newer minor is negotiated", a_newer_minor_is_negotiated, false},
    {"another major is refused", another_major_is_refused, false},
    {"start-up names must exist", start_up_names_must_exist, false},
    {"start-up packets have limits", start_up_packets_have_limits, true},
    {"a cancel request with a wrong key changes nothing",
     a_cancel_request_with_a_wrong_key_changes_nothing, false},
    {"simple queries", simple_queries, false},
    {"one simple query is one transaction", one_simple_query_is_one_transaction, false},
    {"extended queries", extended_queries, false},
    {"an error skips to Sync", an_error_skips_to_sync, false},
    {"rows in portions", rows_in_portions, false},
    {"Flush answers at once", flush_answers_at_once, false},
    {"a waiting statement keeps no answer back", a_waiting_statement_keeps_no_answer_back, false},
    {"broken Bind messages", broken_bind_messages, false},
    {"unknown types end the connection", unknown_types_end_the_connection, false},
    {"oversized messages end the connection", oversized_messages_end_the_connection, false},
    {"a message may come byte by byte", a_message_may_come_byte_by_byte, false},
    {"a large message comes whole", a_large_message_comes_whole, false},
    {"COPY messages", copy_messages, false},
};

int
main(int argc, char **argv)
{
    return wire_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), NULL);
}
