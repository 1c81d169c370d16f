/* SPDX-License-Identifier: Apache-2.0 */
#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/server_launcher.h"

/*
 * Runs .slt files over the wire, each against a fresh server; see README.md for the format.
 *
 *   slt KYRODB file.slt ...            compare with the results in the files
 *   slt --peer CONNINFO file.slt ...   run them on a PostgreSQL instead (its results must be the
 * same)
 *   slt --record CONNINFO file.slt     write the file with what that PostgreSQL answers
 */
enum { LINE_SIZE_MAX = 1 << 16, BLOCK_SIZE_MAX = 1 << 20, CONNECTIONS_MAX = 16 };

struct connection {
    char name[32];
    PGconn *conn;
    bool is_busy; /* a `send` whose `receive` is due */
};

struct runner {
    const char *file;
    int line; /* of the directive that runs */
    int failures;
    int checks;
    char conninfo[1024];
    bool is_recording;
    const char *setup; /* run once on a new peer connection */
    struct connection connections[CONNECTIONS_MAX];
    int connection_count;
    struct connection *current;
};

static void
fail(struct runner *runner, const char *what, const char *wanted, const char *got)
{
    (void)fprintf(stderr, "%s:%d: %s\n  wanted: %s\n  got:    %s\n", runner->file, runner->line,
                  what, wanted, got);
    runner->failures++;
}

static void
drop_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static struct connection *
connection_named(struct runner *runner, const char *name)
{
    for (int i = 0; i < runner->connection_count; i++) {
        if (strcmp(runner->connections[i].name, name) == 0) {
            return &runner->connections[i];
        }
    }
    struct connection *made = &runner->connections[runner->connection_count++];
    (void)snprintf(made->name, sizeof(made->name), "%s", name);
    made->is_busy = false;
    made->conn = PQconnectdb(runner->conninfo);
    if (PQstatus(made->conn) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s", PQerrorMessage(made->conn));
        exit(2);
    }
    (void)PQsetNoticeProcessor(made->conn, drop_notice, NULL);
    if (runner->setup != NULL && runner->connection_count == 1) {
        PQclear(PQexec(made->conn, runner->setup));
    }
    return made;
}

/* Rows as lines, columns joined by |, null as NULL, empty text as (empty). */
static char *
render(const PGresult *result)
{
    size_t size = 1;
    for (int row = 0; row < PQntuples(result); row++) {
        for (int column = 0; column < PQnfields(result); column++) {
            size += (size_t)PQgetlength(result, row, column) + 8;
        }
        size += 8;
    }
    char *text = calloc(1, size);
    char *end = text;
    for (int row = 0; row < PQntuples(result); row++) {
        for (int column = 0; column < PQnfields(result); column++) {
            const char *value = PQgetvalue(result, row, column);
            const char *shown = PQgetisnull(result, row, column) ? "NULL"
                                : value[0] == '\0'               ? "(empty)"
                                                                 : value;
            end += sprintf(end, "%s%s", column == 0 ? "" : "|", shown);
        }
        *end++ = '\n';
    }
    *end = '\0';
    return text;
}

static int
compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the lines of text in place. */
static void
sort_lines(char *text)
{
    size_t size = strlen(text);
    size_t count = 0;
    char **lines = calloc(size + 1, sizeof(*lines));
    char *copy = strdup(text);
    for (char *line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        lines[count++] = line;
    }
    qsort(lines, count, sizeof(*lines), compare_lines);
    char *end = text;
    for (size_t i = 0; i < count; i++) {
        end += sprintf(end, "%s\n", lines[i]);
    }
    free(lines);
    free(copy);
}

/* The message, with its detail if there is one and it is wanted; all on one line. */
static const char *
message_of(const PGresult *result, bool has_detail)
{
    static char text[LINE_SIZE_MAX];
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    (void)snprintf(text, sizeof(text), "%s%s%s",
                   PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
                   has_detail && detail != NULL ? " DETAIL: " : "",
                   has_detail && detail != NULL ? detail : "");
    for (char *end = strchr(text, '\n'); end != NULL; end = strchr(end, '\n')) {
        *end = ';';
    }
    return text;
}

static void
check_statement(struct runner *runner, PGresult *result, const char *expectation)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    char wanted[64];
    char rest[LINE_SIZE_MAX] = "";
    runner->checks++;
    if (sscanf(expectation, "error %63s %65535[^\n]", wanted, rest) >= 1) {
        if (state == NULL || strcmp(state, wanted) != 0) {
            fail(runner, "wrong SQLSTATE", wanted,
                 state == NULL ? "success" : PQresultErrorMessage(result));
        } else if (rest[0] != '\0') {
            const char *got = message_of(result, strstr(rest, " DETAIL: ") != NULL);
            if (strcmp(got, rest) != 0) {
                fail(runner, "wrong message", rest, got);
            }
        }
    } else if (state != NULL) {
        fail(runner, "statement failed", "success", PQresultErrorMessage(result));
    } else if (sscanf(expectation, "tag %65535[^\n]", rest) == 1) {
        const char *tag = PQcmdStatus(result);
        tag = tag == NULL ? "" : tag; /* no result at all */
        if (strcmp(tag, rest) != 0) {
            fail(runner, "wrong command tag", rest, tag);
        }
    }
}

static void
check_query(struct runner *runner, PGresult *result, const char *expectation, char *wanted)
{
    runner->checks++;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail(runner, "query failed", "rows", PQresultErrorMessage(result));
        return;
    }
    char *got = render(result);
    if (strstr(expectation, "rowsort") != NULL) {
        sort_lines(got);
        sort_lines(wanted);
    }
    if (strcmp(got, wanted) != 0) {
        fail(runner, "wrong rows", wanted, got);
    }
    free(got);
}

/* The last result of whatever runs on the connection. */
static PGresult *
receive(struct connection *connection)
{
    PGresult *last = NULL;
    for (PGresult *next; (next = PQgetResult(connection->conn)) != NULL;) {
        PQclear(last);
        last = next;
        if (PQresultStatus(last) == PGRES_COPY_IN) {
            (void)PQputCopyEnd(connection->conn, NULL);
        }
    }
    connection->is_busy = false;
    return last;
}

/* Is still running after a moment: it waits for a lock. */
static void
check_blocked(struct runner *runner)
{
    const struct timespec moment = {0, 10 * 1000 * 1000};
    runner->checks++;
    for (int i = 0; i < 20; i++) {
        (void)PQconsumeInput(runner->current->conn);
        if (!PQisBusy(runner->current->conn)) {
            fail(runner, "statement did not wait", "blocked", "an answer");
            return;
        }
        (void)nanosleep(&moment, NULL);
    }
}

/* COPY FROM STDIN with the lines that follow as data. */
static void
run_copy(struct runner *runner, const char *sql, const char *expectation, const char *data)
{
    PGresult *result = PQexec(runner->current->conn, sql);
    if (PQresultStatus(result) == PGRES_COPY_IN) {
        PQclear(result);
        (void)PQputCopyData(runner->current->conn, data, (int)strlen(data));
        (void)PQputCopyEnd(runner->current->conn, NULL);
        result = receive(runner->current);
    }
    check_statement(runner, result, expectation);
    PQclear(result);
}

/* COPY TO STDOUT: the lines that come out. */
static void
run_copy_out(struct runner *runner, const char *sql, const char *wanted)
{
    char *got = calloc(1, BLOCK_SIZE_MAX);
    size_t size = 0;
    PGresult *result = PQexec(runner->current->conn, sql);
    runner->checks++;
    if (PQresultStatus(result) != PGRES_COPY_OUT) {
        fail(runner, "copy failed", "COPY OUT", PQresultErrorMessage(result));
    } else {
        char *line;
        for (int length; (length = PQgetCopyData(runner->current->conn, &line, 0)) > 0;) {
            memcpy(got + size, line, (size_t)length);
            size += (size_t)length;
            PQfreemem(line);
        }
        if (strcmp(got, wanted) != 0) {
            fail(runner, "wrong copy data", wanted, got);
        }
    }
    PQclear(result);
    PQclear(receive(runner->current));
    free(got);
}

/* ------------------------------------------------------------------ recording */

static void
record_result(const char *directive, const char *sql, PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *break_ = sql[0] == '\0' ? "" : "\n";
    if (state != NULL) {
        /* Which process waits for which differs each time. */
        bool has_detail = strcmp(state, "40P01") != 0;
        (void)printf("%s error %s %s\n%s%s\n", directive, state, message_of(result, has_detail),
                     sql, break_);
    } else if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        char *rows = render(result);
        (void)printf("%s%s\n%s%s----\n%s\n",
                     strcmp(directive, "receive") == 0 ? "receive query" : "query", "", sql, break_,
                     rows);
        free(rows);
    } else {
        (void)printf("%s tag %s\n%s%s\n", directive, PQcmdStatus(result), sql, break_);
    }
}

/* `run` becomes statement or query, or send and blocked when it waits; `finish` becomes receive. */
static void
record_block(struct runner *runner, const char *word, const char *directive, const char *sql)
{
    const struct timespec moment = {0, 10 * 1000 * 1000};
    PGconn *conn = runner->current->conn;
    if (strcmp(word, "finish") == 0) {
        PGresult *result = receive(runner->current);
        record_result("receive", "", result);
        PQclear(result);
        return;
    }
    if (strcmp(word, "run") != 0) {
        (void)printf("%s%s%s\n", directive, sql, sql[0] == '\0' ? "" : "\n");
        return;
    }
    runner->current->is_busy = PQsendQuery(conn, sql) == 1;
    for (int i = 0; i < 20; i++) {
        (void)PQconsumeInput(conn);
        if (!PQisBusy(conn)) {
            PGresult *result = receive(runner->current);
            record_result("statement", sql, result);
            PQclear(result);
            return;
        }
        (void)nanosleep(&moment, NULL);
    }
    (void)printf("send\n%s\n\nblocked\n\n", sql);
}

static void
run_block(struct runner *runner, const char *directive, const char *sql, char *wanted)
{
    char word[32] = "";
    char rest[LINE_SIZE_MAX] = "";
    (void)sscanf(directive, "%31s %65535[^\n]", word, rest);
    if (strcmp(word, "connection") == 0) {
        runner->current = connection_named(runner, rest);
    }
    if (runner->is_recording) {
        runner->checks++;
        record_block(runner, word, directive, sql);
    } else if (strcmp(word, "connection") == 0) {
        return;
    } else if (strcmp(word, "send") == 0) {
        runner->current->is_busy = PQsendQuery(runner->current->conn, sql) == 1;
    } else if (strcmp(word, "blocked") == 0) {
        check_blocked(runner);
    } else if (strcmp(word, "receive") == 0) {
        PGresult *result = receive(runner->current);
        if (strncmp(rest, "query", 5) == 0) {
            check_query(runner, result, rest, wanted);
        } else {
            check_statement(runner, result, rest);
        }
        PQclear(result);
    } else if (strcmp(word, "copy") == 0) {
        run_copy(runner, sql, rest, wanted);
    } else if (strcmp(word, "copyout") == 0) {
        run_copy_out(runner, sql, wanted);
    } else if (strcmp(word, "statement") == 0 || strcmp(word, "query") == 0) {
        PGresult *result = PQexec(runner->current->conn, sql);
        if (word[0] == 's') {
            check_statement(runner, result, rest);
        } else {
            check_query(runner, result, rest, wanted);
        }
        PQclear(result);
    } else {
        fail(runner, "unknown directive", "statement, query ...", directive);
    }
}

static bool
is_blank(const char *line)
{
    return line[strspn(line, " \t\r\n")] == '\0';
}

/* A block: directive line, SQL lines, optionally ---- and result lines; a blank line ends it. */
static void
run_file(struct runner *runner, const char *path)
{
    static char line[LINE_SIZE_MAX];
    static char directive[LINE_SIZE_MAX];
    static char sql[BLOCK_SIZE_MAX];
    static char wanted[BLOCK_SIZE_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    runner->file = path;
    bool is_in_block = false;
    bool is_result = false;
    directive[0] = sql[0] = wanted[0] = '\0';
    int number = 0;
    for (;;) {
        bool is_end = fgets(line, sizeof(line), file) == NULL;
        number++;
        if (is_end || is_blank(line)) {
            if (is_in_block) {
                if (sql[0] != '\0') {
                    sql[strlen(sql) - 1] = '\0'; /* the last line's end */
                }
                run_block(runner, directive, sql, wanted);
            }
            is_in_block = is_result = false;
            sql[0] = wanted[0] = '\0';
            if (is_end) {
                break;
            }
        } else if (!is_in_block && line[0] == '#') {
            if (runner->is_recording) {
                (void)printf("%s\n", line);
            }
            continue;
        } else if (!is_in_block) {
            (void)snprintf(directive, sizeof(directive), "%s", line);
            is_in_block = true;
            runner->line = number;
        } else if (!is_result && strcmp(line, "----\n") == 0) {
            is_result = true;
        } else {
            strncat(is_result ? wanted : sql, line,
                    BLOCK_SIZE_MAX - strlen(is_result ? wanted : sql) - 1);
        }
    }
    (void)fclose(file);
}

static void
run_isolated(struct runner *runner, const char *path)
{
    runner->connection_count = 0;
    runner->current = connection_named(runner, "default");
    run_file(runner, path);
    for (int i = 0; i < runner->connection_count; i++) {
        PQfinish(runner->connections[i].conn);
    }
}

int
main(int argc, char **argv)
{
    static struct runner runner;
    runner.is_recording = argc > 2 && strcmp(argv[1], "--record") == 0;
    bool has_peer = runner.is_recording || (argc > 2 && strcmp(argv[1], "--peer") == 0);
    static const char *const no_sync[] = {"--fsync", "off", "--log-level", "warn", NULL};
    if (argc < 3) {
        (void)fprintf(stderr, "usage: slt KYRODB FILE... | slt --peer CONNINFO FILE...\n");
        return 2;
    }
    for (int i = has_peer ? 3 : 2; i < argc; i++) {
        if (has_peer) {
            (void)snprintf(runner.conninfo, sizeof(runner.conninfo), "%s", argv[2]);
            runner.setup = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
            run_isolated(&runner, argv[i]);
            continue;
        }
        struct test_server server;
        test_server_init(&server, argv[1]);
        server.extra = no_sync;
        if (!test_server_start(&server)) {
            return 2;
        }
        (void)test_server_conninfo(&server, runner.conninfo, sizeof(runner.conninfo));
        run_isolated(&runner, argv[i]);
        (void)test_server_stop(&server, SIGTERM);
        test_server_deinit(&server);
    }
    (void)fprintf(runner.is_recording ? stderr : stdout, "%d checks, %d failed\n", runner.checks,
                  runner.failures);
    return runner.failures == 0 && runner.checks > 0 ? 0 : 1;
}
