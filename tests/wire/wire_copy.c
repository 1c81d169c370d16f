/* SPDX-License-Identifier: Apache-2.0 */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "tests/wire/wire.h"

/* COPY in binary, byte by byte. Tests of text and csv are tests/sql/copy. */

static PGconn *
connect_to(int port)
{
    char where[128];
    (void)snprintf(where, sizeof(where),
                   "host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=disable", port);
    PGconn *conn = PQconnectdb(where);
    CHECK(PQstatus(conn) == CONNECTION_OK);
    return conn;
}

static void
run(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
        (void)fprintf(stderr, "%s: %s", sql, PQerrorMessage(conn));
        CHECK(false);
    }
    PQclear(result);
}

/* The first value of a query, to be freed. */
static char *
ask(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    char *text = strdup(PQresultStatus(result) != PGRES_TUPLES_OK ? PQerrorMessage(conn)
                        : PQntuples(result) == 0                  ? ""
                                                                  : PQgetvalue(result, 0, 0));
    PQclear(result);
    return text;
}

struct bytes {
    char data[4096];
    size_t size;
};

static void
add(struct bytes *bytes, const void *data, size_t size)
{
    CHECK(bytes->size + size <= sizeof(bytes->data));
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static void
add_number(struct bytes *bytes, int64_t value, int size)
{
    unsigned char out[8];
    for (int i = 0; i < size; i++) {
        out[i] = (unsigned char)((uint64_t)value >> (8 * (size - 1 - i)));
    }
    add(bytes, out, (size_t)size);
}

static void
add_header(struct bytes *bytes, int32_t flags, int32_t extension)
{
    add(bytes, "PGCOPY\n\377\r\n", 11);
    add_number(bytes, flags, 4);
    add_number(bytes, extension, 4);
}

static void
add_row(struct bytes *bytes, int32_t a, const char *b)
{
    add_number(bytes, 2, 2);
    add_number(bytes, 4, 4);
    add_number(bytes, a, 4);
    add_number(bytes, b == NULL ? -1 : (int64_t)strlen(b), 4);
    add(bytes, b == NULL ? "" : b, b == NULL ? 0 : strlen(b));
}

/* Sends bytes in pieces; the tag, or "SQLSTATE message (context)". */
static const char *
copy_in(PGconn *conn, const char *sql, const struct bytes *bytes, size_t piece)
{
    static char answer[512];
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) == PGRES_COPY_IN) {
        CHECK(PQbinaryTuples(result) == 1);
        PQclear(result);
        for (size_t at = 0; at < bytes->size; at += piece) {
            const size_t left = bytes->size - at;
            CHECK(PQputCopyData(conn, bytes->data + at, (int)(left < piece ? left : piece)) == 1);
        }
        CHECK(PQputCopyEnd(conn, NULL) == 1);
        result = PQgetResult(conn);
    }
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
        (void)snprintf(answer, sizeof(answer), "%s", PQcmdStatus(result));
    } else {
        const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
        (void)snprintf(
            answer, sizeof(answer), "%s %s (%s)", PQresultErrorField(result, PG_DIAG_SQLSTATE),
            PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), context == NULL ? "" : context);
    }
    while (result != NULL) {
        PQclear(result);
        result = PQgetResult(conn);
    }
    return answer;
}

static void
copy_out(PGconn *conn, const char *sql, struct bytes *out)
{
    char *data;
    PGresult *result = PQexec(conn, sql);
    CHECK(PQresultStatus(result) == PGRES_COPY_OUT && PQbinaryTuples(result) == 1);
    PQclear(result);
    out->size = 0;
    for (int size; (size = PQgetCopyData(conn, &data, 0)) > 0;) {
        add(out, data, (size_t)size);
        PQfreemem(data);
    }
    PQclear(PQgetResult(conn));
    CHECK(PQgetResult(conn) == NULL);
}

static const char IN[] = "COPY wire_copy FROM STDIN (FORMAT binary)";

static void
what_goes_out_comes_in_again(int port)
{
    PGconn *conn = connect_to(port);
    struct bytes wanted = {0};
    struct bytes got = {0};
    run(conn, "DROP TABLE IF EXISTS wire_copy");
    run(conn, "CREATE TABLE wire_copy (a int, b text)");
    copy_out(conn, "COPY wire_copy TO STDOUT (FORMAT binary)", &got);
    add_header(&wanted, 0, 0);
    add_number(&wanted, -1, 2);
    CHECK(got.size == wanted.size && memcmp(got.data, wanted.data, got.size) == 0);
    run(conn, "INSERT INTO wire_copy VALUES (1, 'one'), (2, NULL), (NULL, '')");
    copy_out(conn, "COPY wire_copy TO STDOUT BINARY", &got);
    wanted.size = 0;
    add_header(&wanted, 0, 0);
    add_row(&wanted, 1, "one");
    add_row(&wanted, 2, NULL);
    add_number(&wanted, 2, 2);
    add_number(&wanted, -1, 4);
    add_number(&wanted, 0, 4);
    add_number(&wanted, -1, 2);
    CHECK(got.size == wanted.size && memcmp(got.data, wanted.data, got.size) == 0);
    for (size_t piece = 1; piece <= got.size; piece += piece < 8 ? 1 : 17) {
        CHECK_TEXT(copy_in(conn, IN, &got, piece), "COPY 3");
    }
    char *text = ask(conn, "SELECT count(DISTINCT (a, b))::text FROM wire_copy");
    CHECK_TEXT(text, "3");
    free(text);
    PQfinish(conn);
}

static void
all_types_go_both_ways(int port)
{
    PGconn *conn = connect_to(port);
    struct bytes bytes;
    run(conn, "DROP TABLE IF EXISTS wire_types");
    run(conn, "CREATE TABLE wire_types (a bool, b int2, c int8, d float4, e float8, f numeric, "
              "g varchar(5), h char(3), i bytea, j date, k timestamp, l timestamptz, m uuid, "
              "n json, o jsonb, p int[], q interval)");
    run(conn, "INSERT INTO wire_types VALUES (true, 1, 2, 1.5, 2.5, 123.450, 'abc', 'x', "
              "'\\x0001', '2024-02-29', '2024-02-29 12:00', '2024-02-29 12:00+00', "
              "'00112233-4455-6677-8899-aabbccddeeff', '{\"a\": 1}', '{\"b\":2}', '{1,NULL,3}', "
              "'1 day 02:00')");
    copy_out(conn, "COPY wire_types TO STDOUT (FORMAT binary)", &bytes);
    run(conn, "CREATE TEMP TABLE wire_again AS SELECT * FROM wire_types LIMIT 0");
    CHECK_TEXT(copy_in(conn, "COPY wire_again FROM STDIN (FORMAT binary)", &bytes, 100), "COPY 1");
    char *text = ask(conn, "SELECT (SELECT w1::text FROM wire_types w1) = (SELECT w2::text "
                           "FROM wire_again w2)");
    CHECK_TEXT(text, "t");
    free(text);
    PQfinish(conn);
}

/* A good row and what follows it. */
static const char *
after_row(PGconn *conn, int64_t first, int first_size, int64_t second, int second_size)
{
    struct bytes bytes = {0};
    add_header(&bytes, 0, 0);
    add_row(&bytes, 1, "x");
    add_number(&bytes, first, first_size);
    add_number(&bytes, second, second_size);
    return copy_in(conn, IN, &bytes, 5);
}

static void
bad_rows_are_refused(int port)
{
    PGconn *conn = connect_to(port);
    struct bytes bytes = {0};
    run(conn, "DROP TABLE IF EXISTS wire_copy");
    run(conn, "CREATE TABLE wire_copy (a int, b varchar(3))");
    CHECK_TEXT(after_row(conn, 0, 0, 0, 0), "COPY 1"); /* without an end */
    CHECK_TEXT(after_row(conn, 3, 2, 0, 0),
               "22P04 row field count is 3, expected 2 (COPY wire_copy, line 2)");
    CHECK_TEXT(after_row(conn, 2, 2, -2, 4),
               "22P04 invalid field size (COPY wire_copy, line 2, column a)");
    CHECK_TEXT(after_row(conn, 2, 2, 0, 0),
               "22P04 unexpected EOF in COPY data (COPY wire_copy, line 2, column a)");
    CHECK_TEXT(after_row(conn, 2, 2, 4, 4),
               "22P04 unexpected EOF in COPY data (COPY wire_copy, line 2, column a)");
    CHECK_TEXT(after_row(conn, -1, 2, 0, 1),
               "22P04 received copy data after EOF marker (COPY wire_copy, line 2)");
    add_header(&bytes, 0, 0);
    add_row(&bytes, 1, "x");
    add_row(&bytes, 2, "long");
    CHECK_TEXT(copy_in(conn, IN, &bytes, 100),
               "22001 value too long for type character varying(3) (COPY wire_copy, line 2, "
               "column b)");
    bytes.size = 0;
    add_header(&bytes, 0, 0);
    add_number(&bytes, 2, 2);
    add_number(&bytes, 5, 4);
    add(&bytes, "12345", 5);
    add_number(&bytes, -1, 4);
    CHECK_TEXT(copy_in(conn, IN, &bytes, 100),
               "22P03 incorrect binary data format (COPY wire_copy, line 1, column a)");
    char *text = ask(conn, "SELECT count(*) FROM wire_copy");
    CHECK_TEXT(text, "1");
    free(text);
    PQfinish(conn);
}

static void
bad_headers_are_refused(int port)
{
    static const struct {
        const char *data;
        size_t size;
        const char *answer;
    } cases[] = {
        {"", 0, "22P04 COPY file signature not recognized ()"},
        {"PGCOPY\n\377\r\r", 11, "22P04 COPY file signature not recognized ()"},
        {"PGC", 3, "22P04 COPY file signature not recognized ()"},
        {"PGCOPY\n\377\r\n", 11, "22P04 invalid COPY file header (missing flags) ()"},
        {"PGCOPY\n\377\r\n\0\0\0\0", 15, "22P04 invalid COPY file header (missing length) ()"},
        {"PGCOPY\n\377\r\n\0\0\1\0\0\0\0\0", 19, "22P04 invalid COPY file header (WITH OIDS) ()"},
        {"PGCOPY\n\377\r\n\0\0\2\0\0\0\0\0", 19,
         "22P04 unrecognized critical flags in COPY file header ()"},
        {"PGCOPY\n\377\r\n\0\0\0\0\0\377\0\0\0", 19,
         "22P04 invalid COPY file header (missing length) ()"},
        {"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\5ab", 21,
         "22P04 invalid COPY file header (wrong length) ()"},
        {"PGCOPY\n\377\r\n\0\0\0\0\7\0\0\0\2ab\377\377", 23, "COPY 0"},
    };
    PGconn *conn = connect_to(port);
    run(conn, "DROP TABLE IF EXISTS wire_copy");
    run(conn, "CREATE TABLE wire_copy (a int, b varchar(3))");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes bytes = {0};
        add(&bytes, cases[i].data, cases[i].size);
        CHECK_TEXT(copy_in(conn, IN, &bytes, 3), cases[i].answer);
    }
    PQfinish(conn);
}

/* A row whose end never comes is refused before it fills the memory. */
static void
endless_rows_are_refused(int port)
{
    enum { PIECE = 1 << 20, PIECES = 80 };
    PGconn *conn = connect_to(port);
    char *piece = malloc(PIECE);
    memset(piece, 'x', PIECE);
    run(conn, "CREATE TEMP TABLE endless (a text)");
    PQclear(PQexec(conn, "COPY endless FROM STDIN"));
    for (int i = 0; i < PIECES; i++) {
        CHECK(PQputCopyData(conn, piece, PIECE) == 1);
    }
    CHECK(PQputCopyEnd(conn, NULL) == 1);
    PGresult *result = PQgetResult(conn);
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    CHECK_TEXT(code == NULL ? "" : code, "54000");
    PQclear(result);
    while ((result = PQgetResult(conn)) != NULL) {
        PQclear(result);
    }
    char *count = ask(conn, "SELECT count(*) FROM endless");
    CHECK_TEXT(count, "0");
    free(count);
    free(piece);
    PQfinish(conn);
}

/* Until the query says what is wanted, or for as long as tests wait. */
static void
becomes(PGconn *conn, const char *sql, const char *wanted)
{
    char *got = ask(conn, sql);
    for (int64_t end_ms = wire_now_ms() + WIRE_TIMEOUT_MS;
         strcmp(got, wanted) != 0 && wire_now_ms() < end_ms; got = ask(conn, sql)) {
        free(got);
        wire_sleep_ms(10);
    }
    CHECK_TEXT(got, wanted);
    free(got);
}

static void
others_see_how_far_it_is(int port)
{
    static const char *const progress =
        "SELECT string_agg(concat_ws(' ', relid::regclass, command, "
        "type, bytes_processed, bytes_total), ',') "
        "FROM pg_stat_progress_copy";
    PGconn *conn = connect_to(port);
    PGconn *watcher = connect_to(port);
    run(conn, "DROP TABLE IF EXISTS wire_progress");
    run(conn, "CREATE TABLE wire_progress (a int)");
    PGresult *result = PQexec(conn, "COPY wire_progress FROM STDIN WHERE a > 1");
    CHECK(PQresultStatus(result) == PGRES_COPY_IN);
    PQclear(result);
    CHECK(PQputCopyData(conn, "1\n2\n3\n", 6) == 1 && PQflush(conn) == 0);
    becomes(watcher, progress, "wire_progress COPY FROM PIPE 6 0");
    CHECK(PQputCopyEnd(conn, NULL) == 1);
    while ((result = PQgetResult(conn)) != NULL) {
        PQclear(result);
    }
    becomes(watcher, progress, "");
    result = PQexec(conn, "COPY (SELECT generate_series(1, 20000000)) TO STDOUT");
    CHECK(PQresultStatus(result) == PGRES_COPY_OUT);
    PQclear(result);
    becomes(watcher,
            "SELECT concat_ws(' ', relid, command, type, tuples_processed > 1000, "
            "bytes_processed > tuples_processed, tuples_excluded) FROM pg_stat_progress_copy",
            "0 COPY TO PIPE t t 0");
    PQfinish(conn);
    becomes(watcher, progress, "");
    run(watcher, "INSERT INTO wire_progress SELECT generate_series(1, 2000000)");
    conn = connect_to(port);
    result = PQexec(conn, "COPY wire_progress TO STDOUT");
    CHECK(PQresultStatus(result) == PGRES_COPY_OUT);
    PQclear(result);
    becomes(watcher, "SELECT concat_ws(' ', relid::regclass, command) FROM pg_stat_progress_copy",
            "wire_progress COPY TO");
    PQfinish(conn);
    becomes(watcher, progress, "");
    run(watcher, "DROP TABLE wire_progress");
    PQfinish(watcher);
}

int
main(int argc, char **argv)
{
    static const struct wire_case cases[] = {
        {"what_goes_out_comes_in_again", what_goes_out_comes_in_again, false},
        {"all_types_go_both_ways", all_types_go_both_ways, false},
        {"bad_rows_are_refused", bad_rows_are_refused, false},
        {"bad_headers_are_refused", bad_headers_are_refused, false},
        {"others_see_how_far_it_is", others_see_how_far_it_is, false},
        {"endless_rows_are_refused", endless_rows_are_refused, true},
    };
    return wire_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), NULL);
}
