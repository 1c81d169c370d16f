/* SPDX-License-Identifier: Apache-2.0 */
#include <libpq-fe.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/server_launcher.h"

/*
 * A real file system that gets full: a tmpfs of a few MiB in a mount namespace of our own. Writers
 * must be answered 53100, readers and DELETE served, DROP or TRUNCATE make room, and writing
 * resume, after VACUUM or by itself. After a kill all that was acknowledged is there.
 * Without the right to mount this is skipped (exit status 77).
 *
 *   full_disk KYRODB
 */
enum { SKIPPED = 77, ROWS_MAX = 4000, WAIT_S = 60, RESERVE_SIZE = 16 * 1024 * 1024 };

static int failures;

static void
expect(const char *what, bool is_good)
{
    if (!is_good) {
        (void)fprintf(stderr, "not so: %s\n", what);
        failures++;
    }
}

static bool
mount_small(char *dir, size_t size)
{
    (void)snprintf(dir, size, "/tmp/kyro-full-XXXXXX");
    return mkdtemp(dir) != NULL && unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", dir, "tmpfs", 0, "size=48m") == 0;
}

/* The SQLSTATE of a statement: "" when it went well. */
static const char *
run(PGconn *conn, const char *sql)
{
    static char state[8];
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    const char *text = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    state[0] = '\0';
    if (getenv("KYRO_VERBOSE") != NULL && text != NULL) {
        (void)fprintf(stderr, "%.60s: %s", sql, PQresultErrorMessage(result));
    }
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        (void)snprintf(state, sizeof(state), "%s", text == NULL ? "gone" : text);
    }
    PQclear(result);
    return state;
}

static long
ask(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    long value = PQresultStatus(result) == PGRES_TUPLES_OK ? atol(PQgetvalue(result, 0, 0)) : -1;
    PQclear(result);
    return value;
}

static int
fill(PGconn *conn)
{
    for (int i = 0; i < ROWS_MAX; i++) {
        /* Every fourth row stays alive: compaction has to find a place for it. */
        const char *state =
            run(conn, i % 4 == 3 ? "INSERT INTO live VALUES (repeat('x', 50000))"
                                 : "INSERT INTO filler VALUES (repeat('x', 50000))");
        if (strcmp(state, "53100") == 0) {
            return i;
        }
        expect("an insert goes well or says that the disk is full", state[0] == '\0');
    }
    return -1;
}

/* Of the reserve that compaction may give back; it is made in the background. */
static bool
wait_for_reserve(const struct test_server *server)
{
    char path[600];
    struct stat status;
    (void)snprintf(path, sizeof(path), "%s/data/reserve", server->dir);
    for (int i = 0; i < WAIT_S * 10; i++) {
        if (stat(path, &status) == 0) {
            return status.st_size == RESERVE_SIZE &&
                   (long)status.st_blocks * 512 >= (long)RESERVE_SIZE;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    return false;
}

static bool
log_says(const struct test_server *server, const char *text)
{
    char path[600];
    char line[2048];
    bool is_found = false;
    (void)snprintf(path, sizeof(path), "%s/server.log", server->dir);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        is_found |= strstr(line, text) != NULL;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return is_found;
}

static bool
wait_for_room(PGconn *conn)
{
    for (int i = 0; i < WAIT_S * 10; i++) {
        if (run(conn, "INSERT INTO kept VALUES (1000, 'again')")[0] == '\0') {
            return true;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    return false;
}

static void
play(PGconn *conn, const struct test_server *server)
{
    expect("there is a reserve", wait_for_reserve(server));
    expect("made", run(conn, "CREATE TABLE kept (id int PRIMARY KEY, v text)")[0] == '\0');
    expect("filled",
           run(conn, "INSERT INTO kept SELECT g, 'v' FROM generate_series(1, 100) g")[0] == '\0');
    expect("made", run(conn, "CREATE TABLE filler (v text)")[0] == '\0');
    expect("made", run(conn, "CREATE TABLE live (v text)")[0] == '\0');
    int count = fill(conn);
    (void)printf("full after %d rows\n", count);
    expect("the disk gets full", count > 50);
    expect("reads go on", ask(conn, "SELECT count(*) FROM kept") == 100);
    expect("all that was acknowledged is there",
           ask(conn, "SELECT (SELECT count(*) FROM filler) + (SELECT count(*) FROM live)") ==
               count);
    expect("UPDATE is refused",
           strcmp(run(conn, "UPDATE kept SET v = 'w' WHERE id = 1"), "53100") == 0);
    expect("DELETE goes on", run(conn, "DELETE FROM kept WHERE id = 100")[0] == '\0');
    expect("DROP goes on", run(conn, "DROP TABLE filler")[0] == '\0');
    expect("VACUUM goes on", run(conn, "VACUUM")[0] == '\0');
    expect("writing resumes", wait_for_room(conn));
    expect("the reserve is there again", wait_for_reserve(server));

    /* Once more, without VACUUM: compaction sees to it by itself. */
    expect("made", run(conn, "CREATE TABLE filler (v text)")[0] == '\0');
    expect("the disk gets full again", fill(conn) > 50);
    expect("TRUNCATE goes on", run(conn, "TRUNCATE filler")[0] == '\0');
    expect("deleted", run(conn, "DELETE FROM kept WHERE id = 1000")[0] == '\0');
    expect("writing resumes by itself", wait_for_room(conn));
    expect("the reserve was needed", log_says(server, "its reserve is compaction's now"));
}

int
main(int argc, char **argv)
{
    static const char *const extra[] = {"--wal-segment-size",
                                        "1MB",
                                        "--log-retention-bytes",
                                        "0",
                                        "--max-slot-keep-bytes",
                                        "0",
                                        NULL};
    struct test_server server;
    char dir[64];
    char conninfo[256];
    if (argc < 2) {
        (void)fprintf(stderr, "usage: full_disk KYRODB\n");
        return 2;
    }
    if (!mount_small(dir, sizeof(dir))) {
        (void)printf("cannot mount a small file system: skipped\n");
        return SKIPPED;
    }
    (void)setenv("TMPDIR", dir, 1);
    test_server_init(&server, argv[1]);
    server.extra = extra;
    (void)test_server_conninfo(&server, conninfo, sizeof(conninfo));
    if (!test_server_start(&server)) {
        return 2;
    }
    PGconn *conn = PQconnectdb(conninfo);
    play(conn, &server);
    PQfinish(conn);
    (void)test_server_stop(&server, SIGKILL);
    if (!test_server_start(&server)) {
        return 1;
    }
    conn = PQconnectdb(conninfo);
    expect("what was deleted is gone, what was kept is there",
           ask(conn, "SELECT count(*) FROM kept") == 100);
    expect("the last row is there", ask(conn, "SELECT count(*) FROM kept WHERE id = 1000") == 1);
    PQfinish(conn);
    (void)test_server_stop(&server, SIGTERM);
    test_server_deinit(&server);
    (void)umount(dir);
    (void)rmdir(dir);
    return failures == 0 ? 0 : 1;
}
