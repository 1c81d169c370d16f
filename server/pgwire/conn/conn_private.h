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
    CONN_READ_SIZE = 64 * 1024,
    CONN_LOGIN_TIMEOUT_MS = 10000,
    CONN_KEEP_CAPACITY = 1024, /* what an idle connection's output buffer may hold */
    /* What may run on the loop: a text to parse, any other message, one visit in all. */
    CONN_LOOP_SQL_MAX = 1024,
    CONN_LOOP_MESSAGE_MAX = 16 * 1024,
    CONN_LOOP_VISIT_NS = 2 * 1000 * 1000,
    /* One visit of a worker; then others get their turn. */
    CONN_WORKER_VISIT_NS = 10 * 1000 * 1000,
};

/* One event loop and what keeps it from running statements for a while. */
struct pgwire_loop {
    struct loop *loop;
    int64_t workers_until_ns;  /* loop's: a visit took too long, so all go to workers until then */
    const struct conn *latest; /* loop's: the last one to be visited; never followed */
    int64_t changed_ns;        /* loop's: when it became that */
    int64_t visited_ns;        /* loop's: end of the last visit */
    int64_t preemptions;       /* loop's: of the thread, when it last took too long */
    int64_t busy_ns;           /* loop's: in visits, since window_from_ns */
    int64_t window_from_ns;
    int64_t moved_ns;           /* loop's: when it gave a connection away */
    atomic_int load;            /* thousandths of the last window; see balance.c */
    _Atomic(int64_t) loaded_ns; /* the end of that window */
    struct ky_arena arena;      /* loop's: of one message */
};

struct pgwire {
    struct pgwire_options options;
    struct pgwire_loop *loops; /* options.loop_count, owned */
    int next_loop;             /* the accepting loop's */
    struct listener *tcp;
    struct listener *unix_socket;
    struct loop_timer login_timer; /* the accepting loop's */
    struct ky_mutex lock;
    struct ky_cond idle;
    int connection_count KY_GUARDED_BY(lock);
    bool is_stopping KY_GUARDED_BY(lock);
    struct ky_list logins KY_GUARDED_BY(lock); /* struct conn.login_link, oldest first */
};

enum conn_state {
    CONN_STARTUP,
    CONN_SASL_FIRST,
    CONN_SASL_FINAL,
    CONN_READY,
    CONN_COPY_IN,
    CONN_CLOSED,
};

/* What a step of a connection came to. */
enum progress {
    PROGRESS_ON,   /* go on with the next message */
    PROGRESS_WAIT, /* for input, for the socket or for the session */
    PROGRESS_MOVE, /* go on at once, on a worker */
    PROGRESS_CLOSE,
};

/**
 * One client. Whoever set CONN_RUNNING runs it, one thread at a time; the loop and wakers only set
 * CONN_WOKEN and submit. The watch is the loop's.
 */
struct conn {
    struct result_sink sink; /* first: the sink is the connection */
    struct pgwire *pgwire;
    struct pgwire_loop *home; /* its loop; changed by who runs it, on the loop */
    struct stream *stream;
    struct loop_watch watch; /* loop's */
    struct pool_job job;     /* of a pool or the loop */
    atomic_int flags;        /* CONN_RUNNING ... */
    atomic_bool is_terminated;
    enum conn_state state;
    bool is_on_loop;   /* where it runs */
    bool is_workers;   /* what is pending runs on workers, not on the loop */
    bool is_begun;     /* its first byte was seen */
    bool is_direct;    /* TLS from the first byte on: ALPN must name us */
    bool is_pending;   /* a session call waits */
    char pending_type; /* the message it belongs to */
    bool is_skipping;  /* after an error: until Sync */
    bool has_more;     /* the socket may hold more than was read */
    bool is_input_ended;
    bool is_blocked;       /* the socket takes no more for now */
    bool is_output_lost;   /* the client reads no more: answers are dropped */
    bool must_flush;       /* the client waits for what is in `out` */
    bool is_simple_copy;   /* a COPY of a simple query: ReadyForQuery follows it */
    enum pool_queue queue; /* where it goes when it moves to a worker */
    int64_t visit_end_ns;
    int64_t visit_mean_ns;  /* of visits on loops */
    int64_t moved_ns;       /* to its loop */
    struct ky_arena *arena; /* borrowed for a visit; of one message */
    /* Input that was read and not yet processed: in `in`, or in the thread's read buffer while it
     * runs. */
    const uint8_t *input;
    size_t input_size;
    size_t input_used;
    struct ky_buffer in;
    struct ky_buffer out;
    size_t out_sent;
    size_t lost_size; /* bytes of one statement's answer that nobody wanted */
    struct session *session;
    struct ky_error *reason; /* owned; why it is terminated. Guarded by pgwire->lock */
    struct login *login;     /* owned; until logged in */
    int64_t login_deadline_ns;
    struct ky_list login_link; /* guarded by pgwire->lock */
    struct net_peer peer;
};

/* What is needed until a session exists. */
struct login {
    struct scram scram;
    bool has_scram;
    char user[64];
    char database[64];
    const char **settings; /* heap; start-up parameters */
    char *settings_text;
};

/* conn.c */
void conn_accept(void *pgwire, int fd, const struct net_peer *peer);
/* Something happened: run it soon. Any thread. */
void conn_schedule(void *conn);
/* Ends it with FATAL once nothing is pending. Any thread; reason is copied. */
void conn_terminate(void *conn, const struct ky_error *reason);
/* The same with pgwire->lock held. */
void conn_terminate_locked(struct conn *conn, const struct ky_error *reason);
void conn_login_free(struct conn *conn);
/* Sends what waits; a client that is gone costs its answers, not its statements. */
void conn_flush(struct conn *conn);
/* balance.c: the loop that the connection should live on after this visit, mostly its own. On its
 * loop's thread. */
struct pgwire_loop *balance_choose(struct conn *conn, int64_t start_ns, int64_t end_ns);
/* message.c: one message after login; what a session call's answer means for its message. */
enum progress conn_message(struct conn *conn, const struct pgw_frame *frame);
enum progress conn_resume(struct conn *conn);
/* NotificationResponse for what came, between transactions. */
void conn_notices(struct conn *conn);
/* A cancel while the client is to send COPY data. */
enum progress conn_cancel_copy(struct conn *conn);
/* startup.c: one start-up or authentication message. */
enum progress conn_startup(struct conn *conn, const struct pgw_frame *frame);
enum progress conn_sasl(struct conn *conn, const struct pgw_frame *frame);
/* The first byte says TLS: the handshake comes before the start-up packet. */
enum progress conn_direct_tls(struct conn *conn);
/* sink.c */
void conn_sink_init(struct result_sink *sink);
void conn_encode_columns(struct conn *conn, const struct result_column *columns, uint16_t count);
/* Appends FATAL and says that the connection ends. */
enum progress conn_fatal(struct conn *conn, const struct ky_error *err);
