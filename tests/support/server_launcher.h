/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Starts and stops a real server for a test, on free ports and a directory of its own. */
struct test_server {
    char binary[512];
    char dir[512]; /* holds data/ and server.log */
    int port;
    int http_port;
    pid_t pid;                /* 0: not running */
    const char *const *extra; /* more arguments, NULL at the end; may be NULL */
};

/* A new directory under $TMPDIR. binary: path of kyrodb. Does not start it. */
void test_server_init(struct test_server *server, const char *binary);
/* Starts it and waits until it takes connections. False (with the log on standard error) after 60
 * s. */
bool test_server_start(struct test_server *server);
/* False when it has ended by itself: says how, with the end of its log, on standard error. */
bool test_server_is_running(struct test_server *server);
/* Sends the signal and reaps; returns the wait status. */
int test_server_stop(struct test_server *server, int signal_number);
/* Stops it by SIGKILL if it runs, and removes the directory. */
void test_server_deinit(struct test_server *server);
/* "host=127.0.0.1 port=... user=postgres dbname=postgres" */
const char *test_server_conninfo(const struct test_server *server, char *space, size_t size);
int test_free_port(void);
