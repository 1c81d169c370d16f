/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/net/net.h"
#include "server/session/session.h"

/* The side port: JSON over HTTP, the event stream, /metrics, the console page. docs/http.md. */
struct http;

struct http_options {
    struct loop *loop; /* borrowed, as all here */
    struct pool *pool;
    struct tls *tls; /* NULL: plain */
    const char *host;
    int port;
    const char *token; /* "": none asked for */
    const char *version;
};
/* Listens at once: /health and /ready answer while the rest is 503. On a loop that does not run
 * yet. 58030. */
KY_MUST_CHECK ky_status http_start(const struct http_options *options, struct http **http_out,
                                   struct ky_error *err);
/* Recovery's progress for /ready, 0..100. Any thread. */
void http_set_progress(struct http *http, int percent);
/* From now on everything is served. Any thread, once. */
void http_set_ready(struct http *http, struct server *server);
/* Stops listening and ends event streams; requests under way finish. Any thread but the loop's;
 * waits. */
void http_stop(struct http *http);
/* After the loop and the pool have stopped. NULL is allowed. */
void http_free(struct http *http);
