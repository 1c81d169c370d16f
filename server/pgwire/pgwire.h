/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/net/net.h"
#include "server/session/session.h"

/* The PostgreSQL front end: listeners, and a state machine for each connection. */
struct pgwire;

struct pgwire_options {
    struct loop *loop; /* borrowed, as all here; runs already */
    struct pool *pool;
    struct tls *tls; /* NULL: SSLRequest is answered N */
    struct server *server;
    const char *host;
    int port;
    const char *socket_dir; /* "": no Unix socket */
};
/* Listens on host:port and the Unix socket. 58030, F0001. */
KY_MUST_CHECK ky_status pgwire_start(const struct pgwire_options *options,
                                     struct pgwire **pgwire_out, struct ky_error *err);
/* Stops listening, ends every connection with 57P01 and waits for them. Not on the loop's thread.
 */
void pgwire_stop(struct pgwire *pgwire);
/* After pgwire_stop. NULL is allowed. */
void pgwire_free(struct pgwire *pgwire);
