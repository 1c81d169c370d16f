/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "tests/wire/wire.h"

/*
 * Prepared statements that run again, with what may change in between: parameters, rows, the
 * catalog, settings, errors, and portals that were left half way. A server that keeps what it made
 * for the first run must not be told from one that makes it anew.
 */

enum { RUNS = 200 };

/* Bind, Execute and Sync with up to two parameters. */
static const char *
again(struct wire *wire, const char *statement, const char *first, const char *second)
{
    const char *values[] = {first, second};
    wire_put_bind(wire, "", statement, second != NULL ? 2 : first != NULL ? 1 : 0, values);
    wire_put_execute(wire, "", 0);
    wire_put_bare(wire, 'S');
    wire_push(wire);
    return wire_read_ready(wire, 1);
}

static void
prepare(struct wire *wire, const char *name, const char *sql)
{
    wire_put_parse(wire, name, sql);
    wire_put_bare(wire, 'S');
    wire_push(wire);
    CHECK_TEXT(wire_read_ready(wire, 1), "1 Z(I)");
}

static void
open_with_table(struct wire *wire, int port)
{
    wire_open_session(wire, port);
    (void)wire_run(wire, "DROP TABLE IF EXISTS again");
    (void)wire_run(wire, "CREATE TABLE again (k int PRIMARY KEY, v text, n int CHECK (n < 1000))");
    (void)wire_run(wire, "INSERT INTO again SELECT i, 'v' || i, i FROM generate_series(1, 300) i");
}

static void
parameters_change(int port)
{
    struct wire wire;
    open_with_table(&wire, port);
    prepare(&wire, "one", "SELECT v, $2::text FROM again WHERE k = $1");
    for (int i = 1; i <= RUNS; i++) {
        char key[16];
        char other[16];
        char wanted[128];
        (void)snprintf(key, sizeof(key), "%d", i);
        (void)snprintf(other, sizeof(other), "p%d", i * 7);
        (void)snprintf(wanted, sizeof(wanted), "2 D(v%d|%s) C(SELECT 1) Z(I)", i, other);
        CHECK_TEXT(again(&wire, "one", key, other), wanted);
    }
    CHECK_TEXT(again(&wire, "one", "4711", "none"), "2 C(SELECT 0) Z(I)");
    CHECK_TEXT(again(&wire, "one", NULL, NULL), "E(ERROR 08P01) Z(I)");
    CHECK_TEXT(again(&wire, "one", "x", "y"), "E(ERROR 22P02) Z(I)");
    CHECK_TEXT(again(&wire, "one", "3", "z"), "2 D(v3|z) C(SELECT 1) Z(I)");
    prepare(&wire, "list", "SELECT n FROM again WHERE k = ANY ($1::int[]) ORDER BY k");
    CHECK_TEXT(again(&wire, "list", "{3,1}", NULL), "2 D(1) D(3) C(SELECT 2) Z(I)");
    CHECK_TEXT(again(&wire, "list", "{}", NULL), "2 C(SELECT 0) Z(I)");
    CHECK_TEXT(again(&wire, "list", "{7,null,9,7}", NULL), "2 D(7) D(9) C(SELECT 2) Z(I)");
    wire_close(&wire);
}

static void
rows_change(int port)
{
    struct wire wire;
    open_with_table(&wire, port);
    prepare(&wire, "get", "SELECT n FROM again WHERE k = $1");
    prepare(&wire, "set", "UPDATE again SET n = n + $2::int WHERE k = $1 RETURNING n");
    prepare(&wire, "put",
            "INSERT INTO again VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = excluded.v");
    prepare(&wire, "drop", "DELETE FROM again WHERE k = $1");
    for (int i = 1; i <= RUNS; i++) {
        char key[16];
        char wanted[128];
        (void)snprintf(key, sizeof(key), "%d", i);
        (void)snprintf(wanted, sizeof(wanted), "2 D(%d) C(UPDATE 1) Z(I)", i + 5);
        CHECK_TEXT(again(&wire, "set", key, "5"), wanted);
        (void)snprintf(wanted, sizeof(wanted), "2 D(%d) C(SELECT 1) Z(I)", i + 5);
        CHECK_TEXT(again(&wire, "get", key, NULL), wanted);
    }
    CHECK_TEXT(again(&wire, "set", "4711", "5"), "2 C(UPDATE 0) Z(I)");
    CHECK_TEXT(again(&wire, "set", "2", "5000"), "2 E(ERROR 23514) Z(I)");
    CHECK_TEXT(again(&wire, "set", "2", "1"), "2 D(8) C(UPDATE 1) Z(I)");
    for (int i = 0; i < 3; i++) {
        CHECK_TEXT(again(&wire, "put", "1000", "a"), "2 C(INSERT 0 1) Z(I)");
    }
    CHECK_TEXT(again(&wire, "drop", "1000", NULL), "2 C(DELETE 1) Z(I)");
    CHECK_TEXT(again(&wire, "drop", "1000", NULL), "2 C(DELETE 0) Z(I)");
    CHECK_TEXT(again(&wire, "put", "1000", "b"), "2 C(INSERT 0 1) Z(I)");
    CHECK_TEXT(again(&wire, "drop", "1000", NULL), "2 C(DELETE 1) Z(I)");
    wire_close(&wire);
}

static void
times_and_sequences_go_on(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    (void)wire_run(&wire, "DROP TABLE IF EXISTS again_log");
    (void)wire_run(&wire,
                   "CREATE TABLE again_log (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
                   "at timestamptz DEFAULT now(), note text)");
    prepare(&wire, "log", "INSERT INTO again_log (note) VALUES (upper($1)) RETURNING id, note");
    CHECK_TEXT(again(&wire, "log", "a", NULL), "2 D(1|A) C(INSERT 0 1) Z(I)");
    CHECK_TEXT(again(&wire, "log", "b", NULL), "2 D(2|B) C(INSERT 0 1) Z(I)");
    CHECK_TEXT(again(&wire, "log", "c", NULL), "2 D(3|C) C(INSERT 0 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT count(DISTINCT at) FROM again_log"),
               "T(count) D(3) C(SELECT 1) Z(I)");
    wire_close(&wire);
}

static void
catalog_and_settings_change(int port)
{
    struct wire wire;
    open_with_table(&wire, port);
    prepare(&wire, "name", "SELECT n FROM again WHERE k = $1");
    CHECK_TEXT(again(&wire, "name", "1", NULL), "2 D(1) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "ALTER TABLE again ADD COLUMN more int DEFAULT 7"),
               "C(ALTER TABLE) Z(I)");
    CHECK_TEXT(again(&wire, "name", "2", NULL), "2 D(2) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SET enable_indexscan = off"), "C(SET) Z(I)");
    CHECK_TEXT(again(&wire, "name", "3", NULL), "2 D(3) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "RESET enable_indexscan"), "C(RESET) Z(I)");
    CHECK_TEXT(again(&wire, "name", "4", NULL), "2 D(4) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "ALTER TABLE again DROP CONSTRAINT again_pkey"),
               "C(ALTER TABLE) Z(I)");
    CHECK_TEXT(again(&wire, "name", "5", NULL), "2 D(5) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "TRUNCATE again"), "C(TRUNCATE TABLE) Z(I)");
    CHECK_TEXT(again(&wire, "name", "5", NULL), "2 C(SELECT 0) Z(I)");
    CHECK_TEXT(wire_run(&wire, "DROP TABLE again"), "C(DROP TABLE) Z(I)");
    CHECK_TEXT(again(&wire, "name", "5", NULL), "E(ERROR 42P01) Z(I)");
    CHECK_TEXT(wire_run(&wire, "DEALLOCATE name"), "C(DEALLOCATE) Z(I)");
    CHECK_TEXT(again(&wire, "name", "5", NULL), "E(ERROR 26000) Z(I)");
    wire_close(&wire);
}

/* Portals that are not run to their end, and several of one statement. */
static void
portals_are_left(int port)
{
    struct wire wire;
    const char *const three[] = {"{1,2,3}"};
    const char *const two[] = {"{8,9}"};
    open_with_table(&wire, port);
    prepare(&wire, "some", "SELECT k FROM again WHERE k = ANY ($1::int[]) ORDER BY k");
    for (int i = 0; i < 3; i++) {
        wire_put_bind(&wire, "", "some", 1, three);
        wire_put_execute(&wire, "", 2);
        wire_put_bind(&wire, "named", "some", 1, two);
        wire_put_execute(&wire, "named", 1);
        wire_put_execute(&wire, "", 0);
        wire_put_execute(&wire, "named", 0);
        wire_put_bind(&wire, "", "some", 1, two);
        wire_put_execute(&wire, "", 1);
        wire_put_bare(&wire, 'S');
        wire_push(&wire);
        CHECK_TEXT(wire_read_ready(&wire, 1),
                   "2 D(1) D(2) s 2 D(8) s D(3) C(SELECT 1) D(9) C(SELECT 1) 2 D(8) s Z(I)");
        CHECK_TEXT(again(&wire, "some", "{5}", NULL), "2 D(5) C(SELECT 1) Z(I)");
    }
    (void)wire_run(&wire, "BEGIN");
    for (int i = 0; i < 3; i++) {
        CHECK_TEXT(again(&wire, "some", "{4}", NULL), "2 D(4) C(SELECT 1) Z(T)");
    }
    CHECK_TEXT(again(&wire, "some", "{x}", NULL), "E(ERROR 22P02) Z(E)");
    CHECK_TEXT(again(&wire, "some", "{4}", NULL), "E(ERROR 25P02) Z(E)");
    (void)wire_run(&wire, "ROLLBACK");
    CHECK_TEXT(again(&wire, "some", "{4}", NULL), "2 D(4) C(SELECT 1) Z(I)");
    wire_close(&wire);
}

/* More statements than are kept. */
static void
many_statements(int port)
{
    struct wire wire;
    open_with_table(&wire, port);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 40; i++) {
            char name[16];
            char sql[64];
            char wanted[64];
            (void)snprintf(name, sizeof(name), "s%d", i);
            (void)snprintf(sql, sizeof(sql), "SELECT n + %d FROM again WHERE k = $1", i);
            if (round == 0) {
                prepare(&wire, name, sql);
            }
            (void)snprintf(wanted, sizeof(wanted), "2 D(%d) C(SELECT 1) Z(I)", 10 + i);
            CHECK_TEXT(again(&wire, name, "10", NULL), wanted);
        }
    }
    CHECK_TEXT(wire_run(&wire, "DISCARD ALL"), "C(DISCARD ALL) Z(I)");
    CHECK_TEXT(again(&wire, "s1", "10", NULL), "E(ERROR 26000) Z(I)");
    wire_close(&wire);
}

int
main(int argc, char **argv)
{
    static const struct wire_case cases[] = {
        {"parameters_change", parameters_change, false},
        {"rows_change", rows_change, false},
        {"times_and_sequences_go_on", times_and_sequences_go_on, false},
        {"catalog_and_settings_change", catalog_and_settings_change, false},
        {"portals_are_left", portals_are_left, false},
        {"many_statements", many_statements, false},
    };
    return wire_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), NULL);
}
