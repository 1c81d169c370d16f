/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* A PostgreSQL of a test's own, to compare with: a new cluster on a free port, gone afterwards. */
struct test_peer {
    char dir[512];
    char bin[256]; /* folder of its programs */
    int port;
    pid_t pid; /* 0: not running */
    uid_t uid; /* whom it runs as: it refuses to be root */
    gid_t gid;
};

/**
 * Makes and starts one. False when there is no PostgreSQL 15 here ($KYRO_PEER_BIN, or where the
 * distributions put it), or nobody to run it as; says so on standard error.
 */
bool test_peer_start(struct test_peer *peer);
/* Stops it and removes its directory. */
void test_peer_stop(struct test_peer *peer);
/* "host=127.0.0.1 port=... user=postgres dbname=postgres" */
const char *test_peer_conninfo(const struct test_peer *peer, char *space, size_t size);
