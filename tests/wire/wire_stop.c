/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/support/server_launcher.h"
#include "tests/wire/wire.h"

/*
 * SIGTERM: what runs may end, then is cancelled; SIGINT cancels at once. Either way a checkpoint
 * is written and the exit code is 0. Each case restarts the server for the next.
 */

static void
stop_with(int signal_number)
{
    (void)kill(wire_server->pid, signal_number);
}

static void
stopped_well(void)
{
    int status = 0;
    CHECK(waitpid(wire_server->pid, &status, 0) == wire_server->pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    wire_server->pid = 0;
    CHECK(test_server_start(wire_server));
}

static void
idle_sessions_are_told(int port)
{
    struct wire idle;
    struct wire block;
    struct wire login;
    wire_open_session(&idle, port);
    wire_open_session(&block, port);
    wire_open(&login, port);
    CHECK_TEXT(wire_run(&block, "BEGIN"), "C(BEGIN) Z(T)");
    idle.has_messages = true;
    stop_with(SIGTERM);
    CHECK_TEXT(wire_read_ready(&idle, 1),
               "E(FATAL 57P01 terminating connection due to administrator command) EOF");
    CHECK_TEXT(wire_read_ready(&block, 1), "E(FATAL 57P01) EOF");
    CHECK_TEXT(wire_read_ready(&login, 1), "E(FATAL 57P01) EOF");
    stopped_well();
    wire_close(&idle);
    wire_close(&block);
    wire_close(&login);
}

static void
a_running_statement_may_end(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    CHECK_TEXT(wire_run(&wire, "CREATE TABLE kept (a int)"), "C(CREATE TABLE) Z(I)");
    wire_put_query(&wire, "INSERT INTO kept SELECT 1 FROM pg_sleep(1)");
    wire_push(&wire);
    wire_sleep_ms(200);
    stop_with(SIGTERM);
    CHECK_TEXT(wire_read_ready(&wire, 1), "C(INSERT 0 1) Z(I)");
    CHECK_TEXT(wire_read_ready(&wire, 1), "E(FATAL 57P01) EOF");
    stopped_well();
    wire_close(&wire);
    wire_open_session(&wire, port);
    CHECK_TEXT(wire_run(&wire, "SELECT count(*) AS n FROM kept"), "T(n) D(1) C(SELECT 1) Z(I)");
    wire_close(&wire);
}

static void
long_statements_are_cancelled(int port, int signal_number)
{
    static const struct {
        const char *sql;
        const char *answer;
    } statements[] = {
        {"SELECT pg_sleep(1000)", "T(pg_sleep) E(FATAL 57P01) EOF"},
        {"SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
         "T(count) E(FATAL 57P01) EOF"},
        {"LOCK TABLE held", "E(FATAL 57P01) EOF"},
    };
    struct wire holder;
    struct wire wires[3];
    wire_open_session(&holder, port);
    (void)wire_run(&holder, "CREATE TABLE held (a int)");
    (void)wire_run(&holder, "BEGIN; LOCK TABLE held");
    for (int i = 0; i < 3; i++) {
        wire_open_session(&wires[i], port);
        (void)wire_run(&wires[i], "BEGIN");
        wire_put_query(&wires[i], statements[i].sql);
        wire_push(&wires[i]);
    }
    wire_sleep_ms(300);
    wire_put_query(&holder, "SELECT pg_sleep(1000)"); /* keeps the lock */
    wire_push(&holder);
    wire_sleep_ms(100);
    stop_with(signal_number);
    for (int i = 0; i < 3; i++) {
        CHECK_TEXT(wire_read_ready(&wires[i], 1), statements[i].answer);
        wire_close(&wires[i]);
    }
    stopped_well();
    wire_close(&holder);
}

static void
long_statements_are_cancelled_after_the_grace(int port)
{
    long_statements_are_cancelled(port, SIGTERM);
}

static void
sigint_cancels_at_once(int port)
{
    long_statements_are_cancelled(port, SIGINT);
}

static const struct wire_case cases[] = {
    {"idle sessions are told", idle_sessions_are_told, true},
    {"a running statement may end", a_running_statement_may_end, true},
    {"long statements are cancelled after the grace", long_statements_are_cancelled_after_the_grace,
     true},
    {"SIGINT cancels at once", sigint_cancels_at_once, true},
};

int
main(int argc, char **argv)
{
    return wire_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), NULL);
}
