/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/socket.h>

#include "tests/wire/wire.h"

/* Waiting, its limits, cancelling it, and what pg_stat_activity says meanwhile. */

static void
put_cancel(int port, const struct wire *target)
{
    struct wire wire;
    wire_open(&wire, port);
    size_t mark = wire_begin(&wire, 0);
    wire_put_int32(&wire, 80877102);
    wire_put_int32(&wire, target->pid);
    wire_put_int32(&wire, target->key);
    wire_end(&wire, mark);
    wire_push(&wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "EOF");
    wire_close(&wire);
}

/* Waits until the session with this pid is in a state ("active Lock relation"). */
static void
becomes(struct wire *watcher, int32_t pid, const char *wanted)
{
    char sql[300];
    char answer_wanted[200];
    const char *answer = "";
    (void)snprintf(sql, sizeof(sql),
                   "SELECT concat_ws(' ', state, wait_event_type, wait_event) AS s FROM "
                   "pg_stat_activity WHERE pid = %d",
                   pid);
    (void)snprintf(answer_wanted, sizeof(answer_wanted), "T(s) D(%s) C(SELECT 1) Z(I)", wanted);
    for (int64_t end_ms = wire_now_ms() + WIRE_TIMEOUT_MS; wire_now_ms() < end_ms;) {
        answer = wire_run(watcher, sql);
        if (strcmp(answer, answer_wanted) == 0) {
            return;
        }
        wire_sleep_ms(10);
    }
    CHECK_TEXT(answer, answer_wanted);
}

static void
a_cancel_ends_what_runs_and_the_session_goes_on(int port)
{
    static const char *const statements[] = {
        "SELECT pg_sleep(1000)",
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
        "SELECT a FROM generate_series(1, 3000000) a ORDER BY md5(a::text), a",
        "LOCK TABLE wire_l",
        "INSERT INTO wire_u VALUES (1)",
        "UPDATE wire_r SET b = 2 WHERE a = 1",
    };
    struct wire holder;
    struct wire wire;
    wire_open_session(&holder, port);
    (void)wire_run(&holder, "DROP TABLE IF EXISTS wire_l, wire_u, wire_r");
    (void)wire_run(&holder, "CREATE TABLE wire_l (a int); CREATE TABLE wire_u (a int PRIMARY KEY); "
                            "CREATE TABLE wire_r (a int PRIMARY KEY, b int); "
                            "INSERT INTO wire_r VALUES (1, 1)");
    CHECK_TEXT(wire_run(&holder, "BEGIN; LOCK TABLE wire_l; INSERT INTO wire_u VALUES (1); "
                                 "UPDATE wire_r SET b = 3"),
               "C(BEGIN) C(LOCK TABLE) C(INSERT 0 1) C(UPDATE 1) Z(T)");
    wire_open_session(&wire, port);
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        CHECK_TEXT(wire_run(&wire, "BEGIN"), "C(BEGIN) Z(T)");
        wire_put_query(&wire, statements[i]);
        wire_push(&wire);
        wire_sleep_ms(100);
        put_cancel(port, &wire);
        const char *answer = wire_read_ready(&wire, 1);
        CHECK(strstr(answer, "E(ERROR 57014) Z(E)") != NULL);
        CHECK_TEXT(wire_run(&wire, "ROLLBACK"), "C(ROLLBACK) Z(I)");
        CHECK_TEXT(wire_run(&wire, "SELECT 1 AS a"), "T(a) D(1) C(SELECT 1) Z(I)");
    }
    wire_close(&wire);
    CHECK_TEXT(wire_run(&holder, "ROLLBACK; DROP TABLE wire_l, wire_u, wire_r"),
               "C(ROLLBACK) C(DROP TABLE) Z(I)");
    wire_close(&holder);
}

static void
a_cancel_ends_copy_from(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    (void)wire_run(&wire, "DROP TABLE IF EXISTS wire_copy");
    (void)wire_run(&wire, "CREATE TABLE wire_copy (a int)");
    wire_put_query(&wire, "COPY wire_copy FROM STDIN");
    wire_push(&wire);
    CHECK_TEXT(wire_read(&wire, 1), "G");
    put_cancel(port, &wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "E(ERROR 57014) Z(I)");
    CHECK_TEXT(wire_run(&wire, "DROP TABLE wire_copy"), "C(DROP TABLE) Z(I)");
    wire_close(&wire);
}

static void
time_limits(int port)
{
    struct wire holder;
    struct wire wire;
    wire_open_session(&holder, port);
    (void)wire_run(&holder, "DROP TABLE IF EXISTS wire_t");
    (void)wire_run(&holder, "CREATE TABLE wire_t (a int)");
    (void)wire_run(&holder, "BEGIN; LOCK TABLE wire_t");
    wire_open_session(&wire, port);
    wire.has_messages = true;
    CHECK_TEXT(wire_run(&wire, "SET statement_timeout = 100"), "C(SET) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT pg_sleep(1000)"),
               "T(pg_sleep) E(ERROR 57014 canceling statement due to statement timeout) Z(I)");
    CHECK_TEXT(wire_run(&wire, "LOCK TABLE wire_t"),
               "E(ERROR 25P01 LOCK TABLE can only be used in transaction blocks) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT a FROM wire_t"),
               "E(ERROR 57014 canceling statement due to statement timeout) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SET statement_timeout = 0; SET lock_timeout = 100"),
               "C(SET) C(SET) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT a FROM wire_t"),
               "E(ERROR 55P03 canceling statement due to lock timeout) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT pg_sleep(0.3)"), "T(pg_sleep) D() C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SET idle_in_transaction_session_timeout = 100; BEGIN"),
               "C(SET) C(BEGIN) Z(T)");
    CHECK_TEXT(wire_read_ready(&wire, 1),
               "E(FATAL 25P03 terminating connection due to idle-in-transaction timeout) EOF");
    wire_close(&wire);
    wire_open_session(&wire, port);
    wire.has_messages = true;
    CHECK_TEXT(wire_run(&wire, "SET idle_session_timeout = 100"), "C(SET) Z(I)");
    CHECK_TEXT(wire_read_ready(&wire, 1),
               "E(FATAL 57P05 terminating connection due to idle-session timeout) EOF");
    wire_close(&wire);
    CHECK_TEXT(wire_run(&holder, "ROLLBACK; DROP TABLE wire_t"), "C(ROLLBACK) C(DROP TABLE) Z(I)");
    wire_close(&holder);
}

static void
activity_says_what_a_session_waits_for(int port)
{
    struct wire watcher;
    struct wire holder;
    struct wire wire;
    wire_open_session(&watcher, port);
    wire_open_session(&holder, port);
    wire_open_session(&wire, port);
    (void)wire_run(&holder, "DROP TABLE IF EXISTS wire_s");
    (void)wire_run(&holder, "CREATE TABLE wire_s (a int PRIMARY KEY, b int); "
                            "INSERT INTO wire_s VALUES (1, 1)");
    becomes(&watcher, wire.pid, "idle Client ClientRead");
    CHECK_TEXT(wire_run(&wire, "BEGIN"), "C(BEGIN) Z(T)");
    becomes(&watcher, wire.pid, "idle in transaction Client ClientRead");
    (void)wire_run(&wire, "SELECT 1/0");
    becomes(&watcher, wire.pid, "idle in transaction (aborted) Client ClientRead");
    (void)wire_run(&wire, "ROLLBACK");
    (void)wire_run(&holder, "BEGIN; UPDATE wire_s SET b = 2");
    wire_put_query(&wire, "UPDATE wire_s SET b = 3");
    wire_push(&wire);
    becomes(&watcher, wire.pid, "active Lock transactionid");
    (void)wire_run(&holder, "COMMIT");
    CHECK_TEXT(wire_read_ready(&wire, 1), "C(UPDATE 1) Z(I)");
    (void)wire_run(&holder, "BEGIN; LOCK TABLE wire_s");
    wire_put_query(&wire, "SELECT count(*) AS n FROM wire_s");
    wire_push(&wire);
    becomes(&watcher, wire.pid, "active Lock relation");
    (void)wire_run(&holder, "COMMIT");
    CHECK_TEXT(wire_read_ready(&wire, 1), "T(n) D(1) C(SELECT 1) Z(I)");
    wire_put_query(&wire, "SELECT pg_sleep(1000)");
    wire_push(&wire);
    becomes(&watcher, wire.pid, "active Timeout PgSleep");
    put_cancel(port, &wire);
    CHECK_TEXT(wire_read_ready(&wire, 1), "T(pg_sleep) E(ERROR 57014) Z(I)");
    /* A reader that does not read. */
    int size = 4096;
    (void)setsockopt(wire.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    wire_put_query(&wire, "SELECT repeat('x', 1000) FROM generate_series(1, 100000)");
    wire_push(&wire);
    becomes(&watcher, wire.pid, "active Client ClientWrite");
    wire_close(&wire);
    (void)wire_run(&holder, "DROP TABLE wire_s");
    wire_close(&holder);
    wire_close(&watcher);
}

static void
sessions_are_cancelled_and_terminated_by_number(int port)
{
    struct wire watcher;
    struct wire wire;
    char sql[100];
    wire_open_session(&watcher, port);
    wire_open_session(&wire, port);
    wire_put_query(&wire, "SELECT pg_sleep(1000)");
    wire_push(&wire);
    becomes(&watcher, wire.pid, "active Timeout PgSleep");
    (void)snprintf(sql, sizeof(sql), "SELECT pg_cancel_backend(%d) AS c", wire.pid);
    CHECK_TEXT(wire_run(&watcher, sql), "T(c) D(t) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_read_ready(&wire, 1), "T(pg_sleep) E(ERROR 57014) Z(I)");
    /* Nothing runs: nothing is cancelled later. */
    CHECK_TEXT(wire_run(&watcher, sql), "T(c) D(t) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT 1 AS a"), "T(a) D(1) C(SELECT 1) Z(I)");
    wire_put_query(&wire, "SELECT pg_sleep(1000)");
    wire_push(&wire);
    becomes(&watcher, wire.pid, "active Timeout PgSleep");
    (void)snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d) AS c", wire.pid);
    CHECK_TEXT(wire_run(&watcher, sql), "T(c) D(t) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_read_ready(&wire, 1), "T(pg_sleep) E(FATAL 57P01) EOF");
    wire_close(&wire);
    CHECK_TEXT(wire_run(&watcher, "SELECT pg_cancel_backend(1234567) AS c"),
               "T(c) N(WARNING 01000) D(f) C(SELECT 1) Z(I)");
    wire_close(&watcher);
}

/* More sleepers and long statements than workers: short statements are answered meanwhile. */
static void
sleepers_and_long_statements_hold_nobody_up(int port)
{
    enum { SLEEPERS = 40, LONG = 6 };
    static struct wire wires[SLEEPERS + LONG];
    struct wire wire;
    for (int i = 0; i < SLEEPERS + LONG; i++) {
        wire_open_session(&wires[i], port);
        wire_put_query(&wires[i], i < SLEEPERS ? "SELECT pg_sleep(1000)"
                                               : "SELECT count(*) FROM generate_series(1, 100000) "
                                                 "a, generate_series(1, 100000) b");
        wire_push(&wires[i]);
    }
    wire_open_session(&wire, port);
    for (int i = 0; i < 20; i++) {
        CHECK_TEXT(wire_run(&wire, "SELECT count(*) AS n FROM generate_series(1, 10)"),
                   "T(n) D(10) C(SELECT 1) Z(I)");
    }
    for (int i = 0; i < SLEEPERS + LONG; i++) {
        put_cancel(port, &wires[i]);
        const char *answer = wire_read_ready(&wires[i], 1);
        CHECK(strstr(answer, "E(ERROR 57014) Z(I)") != NULL);
        wire_close(&wires[i]);
    }
    wire_close(&wire);
}

static void
analyze_says_which_locked_table_it_skips(int port)
{
    struct wire holder;
    struct wire wire;
    wire_open_session(&holder, port);
    (void)wire_run(&holder, "DROP TABLE IF EXISTS wire_held, wire_free");
    (void)wire_run(&holder, "CREATE TABLE wire_held (a int); CREATE TABLE wire_free (a int)");
    CHECK_TEXT(wire_run(&holder, "BEGIN; LOCK TABLE wire_held IN SHARE MODE"),
               "C(BEGIN) C(LOCK TABLE) Z(T)");
    wire_open_session(&wire, port);
    wire.has_messages = true;
    CHECK_TEXT(wire_run(&wire, "ANALYZE (SKIP_LOCKED) wire_held, wire_free"),
               "N(WARNING 55P03 skipping analyze of \"wire_held\" --- lock not available) "
               "C(ANALYZE) Z(I)");
    CHECK_TEXT(wire_run(&wire, "VACUUM (SKIP_LOCKED, ANALYZE) wire_held"),
               "N(WARNING 55P03 skipping vacuum of \"wire_held\" --- lock not available) "
               "C(VACUUM) Z(I)");
    CHECK_TEXT(wire_run(&wire, "ANALYZE (SKIP_LOCKED) wire_free"), "C(ANALYZE) Z(I)");
    CHECK_TEXT(wire_run(&holder, "LOCK TABLE wire_held"), "C(LOCK TABLE) Z(T)");
    CHECK_TEXT(wire_run(&wire, "ANALYZE (SKIP_LOCKED) wire_held"),
               "N(WARNING 55P03 skipping analyze of \"wire_held\" --- lock not available) "
               "C(ANALYZE) Z(I)");
    CHECK_TEXT(wire_run(&holder, "ROLLBACK"), "C(ROLLBACK) Z(I)");
    CHECK_TEXT(wire_run(&wire, "ANALYZE (SKIP_LOCKED) wire_held"), "C(ANALYZE) Z(I)");
    wire_close(&wire);
    CHECK_TEXT(wire_run(&holder, "DROP TABLE wire_held, wire_free"), "C(DROP TABLE) Z(I)");
    wire_close(&holder);
}

static const struct wire_case cases[] = {
    {"a cancel ends what runs and the session goes on",
     a_cancel_ends_what_runs_and_the_session_goes_on, false},
    {"a cancel ends COPY FROM", a_cancel_ends_copy_from, true},
    {"time limits", time_limits, false},
    {"activity says what a session waits for", activity_says_what_a_session_waits_for, false},
    {"sessions are cancelled and terminated by number",
     sessions_are_cancelled_and_terminated_by_number, false},
    {"analyze says which locked table it skips", analyze_says_which_locked_table_it_skips, false},
    {"sleepers and long statements hold nobody up", sleepers_and_long_statements_hold_nobody_up,
     false},
};

int
main(int argc, char **argv)
{
    return wire_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), NULL);
}
