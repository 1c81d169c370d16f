/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/server_launcher.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_TIMEOUT_MS = 60000, POLL_MS = 10, ARGS_MAX = 48 };

/* Below the ports that the system gives to clients, and by process: a server that is killed and
 * started again must find its port free, and no other test's server on it. */
int
test_free_port(void)
{
    enum { FIRST = 10000, COUNT = 22000, PER_PROCESS = 4 };
    static int taken;
    for (int i = 0; i < COUNT; i++) {
        const int port =
            FIRST + ((int)(getpid() % (COUNT / PER_PROCESS)) * PER_PROCESS + taken++) % COUNT;
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port),
                                      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        const int on = 1; /* as the server does: a connection that lingers is no obstacle */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        const bool is_free = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
        if (fd >= 0) {
            (void)close(fd);
        }
        if (is_free) {
            return port;
        }
    }
    (void)fprintf(stderr, "no free port\n");
    exit(2);
}

void
test_server_init(struct test_server *server, const char *binary)
{
    const char *base = getenv("TMPDIR");
    *server = (struct test_server){0};
    (void)snprintf(server->binary, sizeof(server->binary), "%s", binary);
    (void)snprintf(server->dir, sizeof(server->dir), "%s/kyro-test.XXXXXX",
                   base == NULL ? "/tmp" : base);
    if (mkdtemp(server->dir) == NULL) {
        perror("mkdtemp");
        exit(2);
    }
    server->port = test_free_port();
    server->http_port = test_free_port();
}

const char *
test_server_conninfo(const struct test_server *server, char *space, size_t size)
{
    (void)snprintf(space, size,
                   "host=127.0.0.1 port=%d user=postgres dbname=postgres connect_timeout=10",
                   server->port);
    return space;
}

static void
sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static bool
can_connect(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_connected = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    (void)close(fd);
    return is_connected;
}

static void
run_child(struct test_server *server)
{
    char data[600];
    char log[600];
    char port[16];
    char http_port[16];
    const char *args[ARGS_MAX];
    int count = 0;
    (void)snprintf(data, sizeof(data), "%s/data", server->dir);
    (void)snprintf(log, sizeof(log), "%s/server.log", server->dir);
    (void)snprintf(port, sizeof(port), "%d", server->port);
    (void)snprintf(http_port, sizeof(http_port), "%d", server->http_port);
    const char *fixed[] = {server->binary, "serve",   "--data-dir",   data,       "--port", port,
                           "--http-port",  http_port, "--socket-dir", server->dir};
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        args[count++] = fixed[i];
    }
    for (int i = 0; server->extra != NULL && server->extra[i] != NULL && count < ARGS_MAX - 1;
         i++) {
        args[count++] = server->extra[i];
    }
    args[count] = NULL;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    (void)dup2(fd, STDOUT_FILENO);
    (void)dup2(fd, STDERR_FILENO);
    (void)execv(server->binary, (char *const *)(uintptr_t)args);
    perror("execv");
    _exit(127);
}

/* The end of it: a server that was started many times has a long one. */
static void
show_log(const struct test_server *server)
{
    enum { SHOWN = 4096 };
    char path[600];
    char line[1024];
    (void)snprintf(path, sizeof(path), "%s/server.log", server->dir);
    FILE *file = fopen(path, "re");
    if (file != NULL && fseek(file, -SHOWN, SEEK_END) == 0) {
        char *rest_of_a_line = fgets(line, sizeof(line), file);
        (void)rest_of_a_line;
    }
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        (void)fprintf(stderr, "server: %s", line);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

bool
test_server_start(struct test_server *server)
{
    server->pid = fork();
    if (server->pid == 0) {
        run_child(server);
    }
    for (int waited_ms = 0; waited_ms < START_TIMEOUT_MS; waited_ms += POLL_MS) {
        int status;
        if (can_connect(server->port)) {
            return true;
        }
        if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
            server->pid = 0;
            (void)fprintf(stderr, "the server ended while it started, wait status %#x\n",
                          (unsigned)status);
            break;
        }
        sleep_ms(POLL_MS);
    }
    show_log(server);
    return false;
}

bool
test_server_is_running(struct test_server *server)
{
    int status;
    if (server->pid == 0 || waitpid(server->pid, &status, WNOHANG) != server->pid) {
        return server->pid != 0;
    }
    server->pid = 0;
    if (WIFSIGNALED(status)) {
        (void)fprintf(stderr, "the server was ended by signal %d\n", WTERMSIG(status));
    } else {
        (void)fprintf(stderr, "the server ended with exit code %d\n", WEXITSTATUS(status));
    }
    show_log(server);
    return false;
}

int
test_server_stop(struct test_server *server, int signal_number)
{
    int status = 0;
    if (server->pid == 0) {
        return 0;
    }
    (void)kill(server->pid, signal_number);
    while (waitpid(server->pid, &status, 0) < 0 && errno == EINTR) {
    }
    server->pid = 0;
    return status;
}

void
test_server_deinit(struct test_server *server)
{
    char command[700];
    (void)test_server_stop(server, SIGKILL);
    if (getenv("KYRO_KEEP") == NULL) {
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", server->dir);
        if (system(command) != 0) {
            (void)fprintf(stderr, "could not remove %s\n", server->dir);
        }
    }
}
