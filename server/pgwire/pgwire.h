/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/net/net.h"
#include "server/session/session.h"

/* The PostgreSQL front end: listeners, and a state machine for each connection. */
struct pgwire;

struct pgwire_options {
    struct loop *const *loops; /* borrowed, as all here; they run already. The first one listens */
    int loop_count;
    int main_loop_count; /* connections begin on one of the first so many; see conn/balance.c */
    struct pool *pool;
    struct tls *tls; /* NULL: SSLRequest is answered N */
    struct server *server;
    const char *host;
    int port;
    const char *socket_dir; /* "": no Unix socket */
    bool may_poll;          /* for the next message soon after one, without sleeping */
};
/* Listens on host:port and the Unix socket. 58030, F0001. */
KY_MUST_CHECK ky_status pgwire_start(const struct pgwire_options *options,
                                     struct pgwire **pgwire_out, struct ky_error *err);
/* Stops listening, ends every connection with 57P01 once its statement is over and waits for them;
 * statements that still run after grace_ms are cancelled. Not on a loop's thread. */
void pgwire_stop(struct pgwire *pgwire, int64_t grace_ms);
/* After pgwire_stop. NULL is allowed. */
void pgwire_free(struct pgwire *pgwire);
