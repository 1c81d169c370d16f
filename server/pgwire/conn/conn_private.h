/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/list.h"
#include "server/base/mutex.h"
#include "server/pgwire/codec/backend.h"
#include "server/pgwire/codec/frontend.h"
#include "server/pgwire/conn/scram.h"
#include "server/pgwire/pgwire.h"

enum {
    CONN_OUT_SEND = 64 * 1024,  /* sent when so much waits, even without Sync */
    CONN_OUT_MAX = 1024 * 1024, /* above this the session waits for the socket */
    CONN_READ_SIZE = 16 * 1024,
    CONN_LOGIN_TIMEOUT_MS = 10000,
    CONN_KEEP_CAPACITY = 4096, /* what an idle connection's buffers may hold */
};

struct pgwire {
    struct pgwire_options options;
    struct listener *tcp;
    struct listener *unix_socket;
    struct ky_mutex lock;
    struct ky_cond idle;
    int connection_count KY_GUARDED_BY(lock);
    bool is_stopping KY_GUARDED_BY(lock);
    struct ky_list logins KY_GUARDED_BY(lock); /* struct conn.login_link: not yet logged in */
};

enum conn_state {
    CONN_STARTUP,
    CONN_SASL_FIRST,
    CONN_SASL_FINAL,
    CONN_READY,
    CONN_COPY_IN,
    CONN_CLOSED,
};

/**
 * One client. Whoever set CONN_RUNNING runs it, one thread at a time; the loop and wakers only set
 * CONN_WOKEN and submit. The watch is the loop's.
 */
struct conn {
    struct result_sink sink; /* first: the sink is the connection */
    struct pgwire *pgwire;
    struct stream *stream;
    struct loop_watch watch;   /* loop's */
    struct loop_timer timer;   /* loop's: login time-out */
    struct ky_list login_link; /* guarded by pgwire->lock */
    struct pool_job job;
    atomic_int flags; /* CONN_RUNNING, CONN_WOKEN */
    struct net_peer peer;
    enum conn_state state;
    struct ky_buffer in;
    size_t in_used; /* bytes of `in` that were processed */
    struct ky_buffer out;
    size_t out_sent;
    struct ky_arena arena; /* of one message */
    struct session *session;
    struct scram scram;
    bool has_scram;
    bool is_pending;   /* a session call waits */
    char pending_type; /* the message it belongs to */
    bool is_skipping;  /* after an error: until Sync */
    bool is_input_ended;
    bool is_simple_copy; /* a COPY of a simple query: ReadyForQuery follows it */
    bool is_copy_failed;
    char user[64];
    char database[64];
    const char **settings; /* heap; start-up parameters */
    char *settings_text;
    atomic_bool is_terminated;
    struct ky_mutex reason_lock;
    struct ky_error reason KY_GUARDED_BY(reason_lock);
};

void conn_accept(void *pgwire, int fd, const struct net_peer *peer);
/* Something happened: run it soon. Any thread. */
void conn_schedule(void *conn);
/* startup.c: one start-up or authentication message. False: the connection ends. */
bool conn_startup(struct conn *conn, const struct pgw_frame *frame);
bool conn_sasl(struct conn *conn, const struct pgw_frame *frame);
/* sink.c */
void conn_sink_init(struct result_sink *sink);
void conn_encode_columns(struct conn *conn, const struct result_column *columns, uint16_t count);
/* Appends FATAL and says that the connection ends. */
bool conn_fatal(struct conn *conn, const struct ky_error *err);
