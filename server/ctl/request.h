/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/buffer.h"

/* Exit codes of the program: also what every request and command returns. */
enum { CTL_OK = 0, CTL_ERROR = 1, CTL_USAGE = 2, CTL_UNREACHABLE = 2 };

/* Where the server is and what it wants to see. */
struct ctl_target {
    const char *url;   /* without a path */
    const char *token; /* NULL: none */
    bool is_insecure;  /* certificates are not checked */
};

/* Takes a piece of a good answer. False ends the request. */
typedef bool (*ctl_sink)(void *arg, struct ky_slice piece);

struct ctl_request {
    const char *path;             /* with the query */
    const char *accept;           /* NULL: anything */
    const struct ky_buffer *body; /* NULL: GET; else POST of this JSON */
    long timeout_s;               /* for all of it; 0: none */
    ctl_sink sink;
    void *arg;
};

/* Sends and waits. What goes wrong is printed. CTL_*. */
int ctl_send(const struct ctl_target *target, const struct ctl_request *request);
/* A sink that keeps everything; arg is a struct ky_buffer. */
bool ctl_keep(void *arg, struct ky_slice piece);
/* Sinks that print; the second one ends the answer with a line end where it has none. */
bool ctl_print(void *arg, struct ky_slice piece);
bool ctl_print_line(void *arg, struct ky_slice piece);
