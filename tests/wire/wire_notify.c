/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/wire/wire.h"

/* LISTEN and NOTIFY, as PostgreSQL delivers them. */

static void
a_notification_comes_with_the_commit(int port)
{
    struct wire listener;
    struct wire sender;
    wire_open_session(&listener, port);
    wire_open_session(&sender, port);
    CHECK_TEXT(wire_run(&listener, "LISTEN wire_a; LISTEN wire_b"), "C(LISTEN) C(LISTEN) Z(I)");
    CHECK_TEXT(wire_run(&sender, "BEGIN; NOTIFY wire_a, 'one'; NOTIFY wire_a, 'one'"),
               "C(BEGIN) C(NOTIFY) C(NOTIFY) Z(T)");
    CHECK_TEXT(wire_run(&sender, "SELECT pg_notify('wire_b', 'two')"),
               "T(pg_notify) D() C(SELECT 1) Z(T)");
    CHECK_TEXT(wire_read_for(&listener, 100), "");
    CHECK_TEXT(wire_run(&sender, "COMMIT"), "C(COMMIT) Z(I)");
    CHECK_TEXT(wire_read(&listener, 2), "A(wire_a,one) A(wire_b,two)");
    CHECK_TEXT(wire_run(&sender, "BEGIN; NOTIFY wire_a; ROLLBACK"),
               "C(BEGIN) C(NOTIFY) C(ROLLBACK) Z(I)");
    CHECK_TEXT(wire_run(&sender, "NOTIFY wire_c, 'nobody'"), "C(NOTIFY) Z(I)");
    CHECK_TEXT(wire_read_for(&listener, 100), "");
    wire_close(&sender);
    wire_close(&listener);
}

static void
ones_own_come_before_ready(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    CHECK_TEXT(wire_run(&wire, "LISTEN wire_own; NOTIFY wire_own, 'x'"),
               "C(LISTEN) C(NOTIFY) A(wire_own,x) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT pg_listening_channels() AS c"),
               "T(c) D(wire_own) C(SELECT 1) Z(I)");
    CHECK_TEXT(wire_run(&wire, "UNLISTEN wire_own"), "C(UNLISTEN) Z(I)");
    CHECK_TEXT(wire_run(&wire, "NOTIFY wire_own"), "C(NOTIFY) Z(I)");
    CHECK_TEXT(wire_run(&wire, "LISTEN wire_own; UNLISTEN *; NOTIFY wire_own"),
               "C(LISTEN) C(UNLISTEN) C(NOTIFY) Z(I)");
    wire_close(&wire);
}

static void
a_listener_in_a_block_hears_after_it(int port)
{
    struct wire listener;
    struct wire sender;
    wire_open_session(&listener, port);
    wire_open_session(&sender, port);
    CHECK_TEXT(wire_run(&listener, "LISTEN wire_block"), "C(LISTEN) Z(I)");
    CHECK_TEXT(wire_run(&listener, "BEGIN"), "C(BEGIN) Z(T)");
    CHECK_TEXT(wire_run(&sender, "NOTIFY wire_block, 'p'"), "C(NOTIFY) Z(I)");
    CHECK_TEXT(wire_run(&listener, "SELECT 1 AS a"), "T(a) D(1) C(SELECT 1) Z(T)");
    CHECK_TEXT(wire_run(&listener, "COMMIT"), "C(COMMIT) A(wire_block,p) Z(I)");
    wire_close(&sender);
    wire_close(&listener);
}

static void
savepoints_take_their_part_back(int port)
{
    struct wire wire;
    wire_open_session(&wire, port);
    CHECK_TEXT(wire_run(&wire, "LISTEN wire_save"), "C(LISTEN) Z(I)");
    CHECK_TEXT(wire_run(&wire, "BEGIN; NOTIFY wire_save, '1'; SAVEPOINT s; NOTIFY wire_save, '2'; "
                               "ROLLBACK TO s; NOTIFY wire_save, '3'; COMMIT"),
               "C(BEGIN) C(NOTIFY) C(SAVEPOINT) C(NOTIFY) C(ROLLBACK) C(NOTIFY) C(COMMIT) "
               "A(wire_save,1) A(wire_save,3) Z(I)");
    wire_close(&wire);
}

static void
names_and_payloads_have_limits(int port)
{
    struct wire wire;
    char sql[100];
    wire_open_session(&wire, port);
    CHECK_TEXT(wire_run(&wire, "SELECT pg_notify('', 'x')"), "T(pg_notify) E(ERROR 22023) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT pg_notify(repeat('x', 64), 'x')"),
               "T(pg_notify) E(ERROR 22023) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT pg_notify('x', repeat('x', 8000))"),
               "T(pg_notify) E(ERROR 22023) Z(I)");
    CHECK_TEXT(wire_run(&wire, "SELECT pg_notify('x', repeat('x', 7999))"),
               "T(pg_notify) D() C(SELECT 1) Z(I)");
    (void)snprintf(sql, sizeof(sql), "SELECT pg_notification_queue_usage() < 1 AS u");
    CHECK_TEXT(wire_run(&wire, sql), "T(u) D(t) C(SELECT 1) Z(I)");
    wire_close(&wire);
}

static const struct wire_case cases[] = {
    {"a notification comes with the commit", a_notification_comes_with_the_commit, false},
    {"one's own come before ReadyForQuery", ones_own_come_before_ready, false},
    {"a listener in a block hears after it", a_listener_in_a_block_hears_after_it, false},
    {"savepoints take their part back", savepoints_take_their_part_back, false},
    {"names and payloads have limits", names_and_payloads_have_limits, false},
};

int
main(int argc, char **argv)
{
    return wire_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]), NULL);
}
