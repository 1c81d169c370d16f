/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/peer_launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/server_launcher.h"

enum { START_TIMEOUT_MS = 30000, POLL_MS = 20 };

static bool
find_programs(struct test_peer *peer)
{
    const char *wanted = getenv("KYRO_PEER_BIN");
    const char *const places[] = {wanted == NULL ? "" : wanted, "/usr/lib/postgresql/15/bin",
                                  "/usr/pgsql-15/bin", "/usr/local/pgsql/bin"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char path[300];
        (void)snprintf(path, sizeof(path), "%s/initdb", places[i]);
        if (places[i][0] != '\0' && access(path, X_OK) == 0) {
            (void)snprintf(peer->bin, sizeof(peer->bin), "%s", places[i]);
            return true;
        }
    }
    (void)fprintf(stderr, "no PostgreSQL 15 here\n");
    return false;
}

static bool
find_user(struct test_peer *peer)
{
    peer->uid = geteuid();
    peer->gid = getegid();
    if (peer->uid != 0) {
        return true;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a test's only thread */
    const struct passwd *user = getpwnam("postgres");
    if (user == NULL) {
        (void)fprintf(stderr, "nobody to run PostgreSQL as\n");
        return false;
    }
    peer->uid = user->pw_uid;
    peer->gid = user->pw_gid;
    return true;
}

/* In the child: becomes the program, as the peer's user, quiet. */
static void
become(const struct test_peer *peer, const char *const *args)
{
    char path[300];
    char log[600];
    (void)snprintf(path, sizeof(path), "%s/%s", peer->bin, args[0]);
    (void)snprintf(log, sizeof(log), "%s/log", peer->dir);
    if (geteuid() == 0 && (setgid(peer->gid) != 0 || setuid(peer->uid) != 0)) {
        _exit(127);
    }
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    (void)dup2(fd, STDOUT_FILENO);
    (void)dup2(fd, STDERR_FILENO);
    if (chdir(peer->dir) != 0) {
        _exit(127);
    }
    (void)execv(path, (char *const *)(uintptr_t)args);
    _exit(127);
}

static bool
run(const struct test_peer *peer, const char *const *args)
{
    int status = -1;
    const pid_t pid = fork();
    if (pid == 0) {
        become(peer, args);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status == 0;
}

static bool
is_ready(const struct test_peer *peer)
{
    char port[16];
    (void)snprintf(port, sizeof(port), "%d", peer->port);
    const char *const args[] = {"pg_isready", "-q", "-h", "127.0.0.1", "-p", port, NULL};
    return run(peer, args);
}

static bool
wait_until_ready(struct test_peer *peer)
{
    for (int waited_ms = 0; waited_ms < START_TIMEOUT_MS; waited_ms += POLL_MS) {
        const struct timespec time = {0, POLL_MS * 1000000L};
        int status;
        if (is_ready(peer)) {
            return true;
        }
        if (waitpid(peer->pid, &status, WNOHANG) == peer->pid) {
            peer->pid = 0;
            break;
        }
        (void)nanosleep(&time, NULL);
    }
    (void)fprintf(stderr, "PostgreSQL did not start\n");
    return false;
}

bool
test_peer_start(struct test_peer *peer)
{
    const char *base = getenv("TMPDIR");
    *peer = (struct test_peer){0};
    if (!find_programs(peer) || !find_user(peer)) {
        return false;
    }
    (void)snprintf(peer->dir, sizeof(peer->dir), "%s/kyro-peer.XXXXXX",
                   base == NULL ? "/tmp" : base);
    if (mkdtemp(peer->dir) == NULL || chown(peer->dir, peer->uid, peer->gid) != 0) {
        perror("peer's directory");
        return false;
    }
    peer->port = test_free_port();
    char port[16];
    (void)snprintf(port, sizeof(port), "%d", peer->port);
    const char *const init[] = {
        "initdb",     "-D",   "data",     "-U", "postgres",          "-A",        "trust",
        "--encoding", "UTF8", "--locale", "C",  "--no-instructions", "--no-sync", NULL};
    const char *const start[] = {"postgres",
                                 "-D",
                                 "data",
                                 "-p",
                                 port,
                                 "-h",
                                 "127.0.0.1",
                                 "-c",
                                 "unix_socket_directories=",
                                 "-c",
                                 "fsync=off",
                                 "-c",
                                 "autovacuum=off",
                                 "-c",
                                 "shared_buffers=16MB",
                                 NULL};
    if (run(peer, init)) {
        peer->pid = fork();
        if (peer->pid == 0) {
            become(peer, start);
        }
        if (wait_until_ready(peer)) {
            return true;
        }
    }
    test_peer_stop(peer);
    return false;
}

void
test_peer_stop(struct test_peer *peer)
{
    int status;
    if (peer->pid != 0) {
        (void)kill(peer->pid, SIGQUIT);
        while (waitpid(peer->pid, &status, 0) < 0 && errno == EINTR) {
        }
        peer->pid = 0;
    }
    if (peer->dir[0] != '\0') {
        char command[700];
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", peer->dir);
        if (system(command) != 0) {
            (void)fprintf(stderr, "could not remove %s\n", peer->dir);
        }
    }
}

const char *
test_peer_conninfo(const struct test_peer *peer, char *space, size_t size)
{
    (void)snprintf(space, size,
                   "host=127.0.0.1 port=%d user=postgres dbname=postgres connect_timeout=10",
                   peer->port);
    return space;
}
