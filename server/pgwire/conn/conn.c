/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/resource.h>

#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/metric.h"
#include "server/pgwire/conn/conn_private.h"

/*
 * The life of a connection. Something happens (the socket can be read or written, a commit is
 * durable, a lock is granted): the connection gets a visit. A visit goes on with what waited,
 * processes every whole message in order and reads on until input is dry or the session waits.
 * Answers are gathered and sent with one call.
 *
 * A visit begins on the connection's loop, where short statements run to their end: no thread has
 * to be woken for them. What is not short moves to a worker (PROGRESS_MOVE) with the token,
 * CONN_RUNNING. When a visit of the loop took long nevertheless, all visits move for a while.
 *
 * A client that leaves has its statements run that were received whole, as PostgreSQL does; their
 * answers are dropped.
 */

KY_METRIC(connections, "kyrodb_connections", NULL, KY_GAUGE,
          "Client connections of the PostgreSQL protocol.")
KY_METRIC(bytes_in, "kyrodb_received_bytes_total", NULL, KY_COUNTER, "Bytes received from clients.")
KY_METRIC(bytes_out, "kyrodb_sent_bytes_total", NULL, KY_COUNTER, "Bytes sent to clients.")
KY_METRIC(messages, "kyrodb_messages_total", NULL, KY_COUNTER, "Messages from clients.")
KY_METRIC(visits_loop, "kyrodb_connection_visits_total", "thread=\"loop\"", KY_COUNTER,
          "Visits of connections, by the kind of thread that made them.")
KY_METRIC(visits_worker, "kyrodb_connection_visits_total", "thread=\"worker\"", KY_COUNTER,
          "Visits of connections, by the kind of thread that made them.")

enum {
    CONN_RUNNING = 1,  /* somebody runs it */
    CONN_WOKEN = 2,    /* another visit is wanted */
    CONN_READABLE = 4, /* the socket had news since the last read */
    CONN_HUNGUP = 8,   /* the peer sends no more: read to the end */
};

/* A loop that took longer than VISIT_LONG for one visit lets workers do all for REST. */
enum { VISIT_LONG_NS = 5 * 1000 * 1000, REST_NS = 50 * 1000 * 1000 };

/* A connection that was the only one to be visited for ALONE_NS is alone on its loop. */
enum { ALONE_NS = 100 * 1000 * 1000 };

/* When somebody came within POLL_NS after the last visit, the loop looks out for the next one as
 * long before it sleeps. */
enum { POLL_NS = 100 * 1000 };

enum { TLS_HANDSHAKE = 0x16 };

static _Thread_local uint8_t read_buffer[CONN_READ_SIZE];

/* ------------------------------------------------------------------ output */

static void
drop_output(struct conn *conn)
{
    conn->lost_size += conn->out.size - conn->out_sent;
    ky_buffer_clear(&conn->out);
    conn->out_sent = 0;
    conn->is_blocked = false;
    /* A statement that only produces rows would go on for nobody. */
    if (conn->is_pending && conn->lost_size >= CONN_OUT_MAX) {
        session_cancel(conn->session);
    }
}

void
conn_flush(struct conn *conn)
{
    conn->must_flush = false;
    while (!conn->is_output_lost && conn->out_sent < conn->out.size) {
        size_t sent;
        enum stream_answer answer = stream_write(conn->stream, conn->out.data + conn->out_sent,
                                                 conn->out.size - conn->out_sent, &sent);
        if (answer == STREAM_AGAIN) {
            conn->is_blocked = true;
            return;
        }
        if (answer == STREAM_END) {
            conn->is_output_lost = true;
            break;
        }
        conn->out_sent += sent;
        ky_metric_add(&bytes_out, (int64_t)sent);
    }
    if (conn->is_output_lost) {
        drop_output(conn);
        return;
    }
    conn->is_blocked = false;
    ky_buffer_clear(&conn->out);
    conn->out_sent = 0;
}

static bool
is_backed_up(const struct conn *conn)
{
    return conn->out.size - conn->out_sent >= CONN_OUT_MAX;
}

/* ------------------------------------------------------------------ input */

static size_t
input_left(const struct conn *conn)
{
    return conn->input_size - conn->input_used;
}

/* What is left goes to the connection's own buffer: the thread's is about to serve others. */
static void
keep_input(struct conn *conn)
{
    size_t left = input_left(conn);
    if (left == 0) {
        ky_buffer_clear(&conn->in);
        ky_buffer_shrink(&conn->in, 0);
    } else if (conn->input != conn->in.data) {
        ky_buffer_clear(&conn->in);
        ky_buffer_append(&conn->in, conn->input + conn->input_used, left);
    } else if (conn->input_used > 0) {
        conn->in.size = conn->input_size;
        ky_buffer_consume(&conn->in, conn->input_used);
    }
    conn->input = conn->in.data;
    conn->input_used = 0;
    conn->input_size = left;
}

/* Reads once. False: nothing is there. The end of input counts as something. */
static bool
read_more(struct conn *conn)
{
    size_t got = 0;
    uint8_t *place = read_buffer;
    size_t room = sizeof(read_buffer);
    int flags = atomic_load_explicit(&conn->flags, memory_order_relaxed);
    if (!conn->has_more && (flags & (CONN_READABLE | CONN_HUNGUP)) == 0) {
        return false;
    }
    /* acq_rel: before the read, so that news after it are not lost. */
    (void)atomic_fetch_and_explicit(&conn->flags, ~CONN_READABLE, memory_order_acq_rel);
    if (input_left(conn) > 0) {
        keep_input(conn);
        ky_buffer_grow(&conn->in, CONN_READ_SIZE);
        conn->input = conn->in.data;
        place = conn->in.data + conn->in.size;
        room = conn->in.capacity - conn->in.size;
    }
    enum stream_answer answer = stream_read(conn->stream, place, room, &got);
    /* A plain read that comes short has emptied the socket, and whatever comes later is news. */
    conn->has_more = answer == STREAM_OK &&
                     (got == room || stream_has_tls(conn->stream) || (flags & CONN_HUNGUP) != 0);
    if (answer == STREAM_AGAIN) {
        return false;
    }
    if (answer == STREAM_END) {
        conn->is_input_ended = true;
        return true;
    }
    ky_metric_add(&bytes_in, (int64_t)got);
    if (place == read_buffer) {
        conn->input = read_buffer;
        conn->input_size = got;
        conn->input_used = 0;
    } else {
        conn->in.size += got;
        conn->input = conn->in.data;
        conn->input_size = conn->in.size;
    }
    return true;
}

/* ------------------------------------------------------------------ messages */

static enum progress
bad_frame(struct conn *conn)
{
    struct ky_error err;
    (void)ky_error_set(&err, KY_PROTOCOL_VIOLATION,
                       conn->state == CONN_STARTUP ? "invalid length of startup packet"
                                                   : "invalid message length");
    return conn_fatal(conn, &err);
}

/* Long texts are long to parse, COPY data are long to insert, SCRAM computes. */
static bool
may_run_on_loop(const struct conn *conn, const struct pgw_frame *frame)
{
    switch (conn->state) {
    case CONN_STARTUP:
        return true;
    case CONN_READY:
        return frame->body.size <= (size_t)(frame->type == 'Q' || frame->type == 'P'
                                                ? CONN_LOOP_SQL_MAX
                                                : CONN_LOOP_MESSAGE_MAX);
    case CONN_SASL_FIRST:
    case CONN_SASL_FINAL:
    case CONN_COPY_IN:
    case CONN_CLOSED:
        break;
    }
    return false;
}

/* One message, if there is a whole one. */
static enum progress
next_message(struct conn *conn)
{
    struct pgw_frame frame;
    size_t left = input_left(conn);
    struct ky_slice input = ky_slice(left == 0 ? NULL : conn->input + conn->input_used, left);
    enum pgw_frame_answer answer =
        conn->state == CONN_STARTUP
            ? pgw_frame_startup(input, &frame)
            : pgw_frame_next(input,
                             conn->session == NULL ? (size_t)PGW_LOGIN_SIZE_MAX
                                                   : (size_t)PGW_MESSAGE_SIZE_MAX,
                             &frame);
    if (answer == PGW_FRAME_BAD) {
        return bad_frame(conn);
    }
    if (answer == PGW_FRAME_PARTIAL) {
        return PROGRESS_WAIT;
    }
    if (conn->is_on_loop && !may_run_on_loop(conn, &frame)) {
        return PROGRESS_MOVE;
    }
    conn->input_used += frame.size;
    conn->lost_size = 0;
    ky_metric_add(&messages, 1);
    ky_arena_reset(conn->arena);
    switch (conn->state) {
    case CONN_STARTUP:
        return conn_startup(conn, &frame);
    case CONN_SASL_FIRST:
    case CONN_SASL_FINAL:
        return conn_sasl(conn, &frame);
    case CONN_READY:
    case CONN_COPY_IN:
        return conn_message(conn, &frame);
    case CONN_CLOSED:
        return PROGRESS_CLOSE;
    }
    KY_UNREACHABLE();
}

/* ------------------------------------------------------------------ a visit */

/* Whether the client speaks TLS from its first byte on. */
static enum progress
begin(struct conn *conn)
{
    uint8_t first;
    switch (stream_peek(conn->stream, &first)) {
    case STREAM_AGAIN:
        return PROGRESS_WAIT;
    case STREAM_END:
        return PROGRESS_CLOSE;
    case STREAM_OK:
        break;
    }
    conn->is_begun = true;
    conn->has_more = true;
    return first == TLS_HANDSHAKE ? conn_direct_tls(conn) : PROGRESS_ON;
}

static enum progress
end_terminated(struct conn *conn)
{
    struct ky_error reason;
    ky_mutex_lock(&conn->pgwire->lock);
    reason = *conn->reason;
    ky_mutex_unlock(&conn->pgwire->lock);
    return conn_fatal(conn, &reason);
}

/* The clock, or when the last statement ended. */
static int64_t
recent_ns(const struct conn *conn)
{
    return conn->state == CONN_READY ? session_now_ns(conn->session) : ky_monotonic_ns();
}

/* Others wait for this thread as well. */
static bool
is_visit_over(const struct conn *conn)
{
    return input_left(conn) > 0 && recent_ns(conn) > conn->visit_end_ns;
}

/* What comes after the whole messages: more input, the end, or waiting. */
static enum progress
go_on_reading(struct conn *conn)
{
    if (conn->is_input_ended) {
        return PROGRESS_CLOSE;
    }
    if (conn->state == CONN_READY && session_has_notices(conn->session)) {
        conn_notices(conn);
    }
    conn_flush(conn);
    if (conn->is_on_loop && !stream_is_ready(conn->stream)) {
        return PROGRESS_MOVE; /* a handshake computes for long */
    }
    return read_more(conn) ? PROGRESS_ON : PROGRESS_WAIT;
}

/* Everything that can be done now. */
static enum progress
run_once(struct conn *conn)
{
    if (conn->is_blocked) {
        conn_flush(conn);
    }
    if (conn->state == CONN_CLOSED) {
        return PROGRESS_CLOSE;
    }
    for (;;) {
        enum progress progress;
        if (conn->is_pending) {
            if (is_backed_up(conn) && !conn->is_blocked) {
                conn_flush(conn); /* notices of a statement whose turn ended */
            }
            progress = is_backed_up(conn) ? PROGRESS_WAIT : conn_resume(conn);
        } else if (atomic_load_explicit(&conn->is_terminated, memory_order_acquire)) {
            /* acquire: pairs with conn_terminate. */
            return end_terminated(conn);
        } else if (!conn->is_begun) {
            progress = begin(conn);
        } else if (is_backed_up(conn)) {
            return PROGRESS_WAIT;
        } else if (conn->state == CONN_COPY_IN && session_is_cancelled(conn->session)) {
            progress = conn_cancel_copy(conn);
        } else {
            progress = next_message(conn);
            if (progress == PROGRESS_WAIT && !conn->is_pending) {
                progress = go_on_reading(conn);
            }
        }
        if (progress != PROGRESS_ON) {
            return progress;
        }
        if (conn->out.size - conn->out_sent >= CONN_OUT_SEND) {
            conn_flush(conn);
        }
        if (!conn->is_pending && is_visit_over(conn)) {
            conn->queue = conn->state == CONN_COPY_IN ? POOL_LONG : POOL_SHORT;
            return PROGRESS_MOVE;
        }
    }
}

/* ------------------------------------------------------------------ the end */

void
conn_login_free(struct conn *conn)
{
    struct login *login = conn->login;
    conn->login = NULL;
    ky_mutex_lock(&conn->pgwire->lock);
    ky_list_remove(&conn->login_link);
    ky_mutex_unlock(&conn->pgwire->lock);
    if (login != NULL) {
        if (login->has_scram) {
            scram_deinit(&login->scram);
        }
        ky_free(login->settings);
        ky_free(login->settings_text);
        ky_free(login);
    }
}

static void
free_on_loop(void *arg)
{
    struct conn *conn = arg;
    struct pgwire *pgwire = conn->pgwire;
    loop_watch_stop(&conn->watch);
    stream_free(conn->stream);
    ky_buffer_deinit(&conn->in);
    ky_buffer_deinit(&conn->out);
    conn_login_free(conn);
    ky_free(conn->reason);
    ky_free(conn);
    ky_metric_add(&connections, -1);
    ky_mutex_lock(&pgwire->lock);
    pgwire->connection_count--;
    if (pgwire->connection_count == 0) {
        ky_cond_broadcast(&pgwire->idle);
    }
    ky_mutex_unlock(&pgwire->lock);
}

/* CONN_RUNNING stays set, so that nobody runs it again. */
static void
close_conn(struct conn *conn)
{
    conn_flush(conn);
    session_close(conn->session);
    conn->session = NULL;
    conn->job = (struct pool_job){.run = free_on_loop, .arg = conn};
    loop_submit(conn->home->loop, &conn->job);
}

/* ------------------------------------------------------------------ running */

static void visit_on_worker(void *arg);
static void visit_on_loop(void *arg);
static void arrive_on_loop(void *arg);

static void
move_to_worker(struct conn *conn)
{
    conn->job = (struct pool_job){.run = visit_on_worker, .arg = conn};
    pool_submit(conn->pgwire->options.pool, &conn->job, conn->queue);
}

/* With the token, which arrives with it. On its loop's thread. */
static void
move_to_loop(struct conn *conn, struct pgwire_loop *home)
{
    loop_watch_stop(&conn->watch);
    conn->home = home;
    conn->job = (struct pool_job){.run = arrive_on_loop, .arg = conn};
    loop_submit(home->loop, &conn->job);
}

static void
take_token(struct conn *conn)
{
    (void)atomic_fetch_or_explicit(&conn->flags, CONN_RUNNING, memory_order_relaxed);
    /* acq_rel: sees what the waker did before. */
    (void)atomic_fetch_and_explicit(&conn->flags, ~CONN_WOKEN, memory_order_acq_rel);
}

static bool
is_alone(const struct conn *conn, int64_t now_ns)
{
    return conn->is_on_loop && conn->home->latest == conn &&
           now_ns - conn->home->changed_ns > ALONE_NS;
}

/* One visit after another until nobody asks for more. The token is the caller's, and gone
 * afterwards. Returns about when it ended. */
static int64_t
visit(struct conn *conn, int64_t now_ns)
{
    for (;;) {
        conn->visit_end_ns = now_ns + (conn->is_on_loop ? (int64_t)CONN_LOOP_VISIT_NS
                                                        : (int64_t)CONN_WORKER_VISIT_NS);
        if (conn->session != NULL) {
            enum session_place place = conn->is_on_loop            ? SESSION_ON_LOOP
                                       : conn->queue == POOL_SHORT ? SESSION_ON_SHORT
                                                                   : SESSION_ON_LONG;
            session_run_on(conn->session, place, is_alone(conn, now_ns), now_ns);
        }
        enum progress progress = run_once(conn);
        /* An answer to a statement that waits goes out with its end: one packet, not two. */
        if (!conn->is_pending || conn->must_flush) {
            conn_flush(conn);
        }
        keep_input(conn);
        if (progress == PROGRESS_CLOSE && conn->is_on_loop && conn->session != NULL) {
            conn->state = CONN_CLOSED; /* rolling back may take long */
            conn->queue = POOL_SHORT;
            progress = PROGRESS_MOVE;
        }
        if (progress == PROGRESS_MOVE) {
            move_to_worker(conn);
            return ky_monotonic_ns();
        }
        if (progress == PROGRESS_CLOSE) {
            close_conn(conn);
            return ky_monotonic_ns();
        }
        conn->is_workers = conn->is_pending && !conn->is_on_loop;
        if (!conn->is_pending) {
            conn->queue = POOL_SHORT;
            if (conn->out.size == 0) {
                ky_buffer_shrink(&conn->out, CONN_KEEP_CAPACITY);
            }
        }
        const int64_t end_ns = recent_ns(conn);
        if (conn->is_on_loop && conn->state == CONN_READY && !conn->is_pending) {
            struct pgwire_loop *home = balance_choose(conn, now_ns, end_ns);
            if (home != conn->home) {
                move_to_loop(conn, home);
                return end_ns;
            }
        }
        /* acq_rel: hands the connection to whoever runs it next. */
        int before = atomic_fetch_and_explicit(&conn->flags, ~CONN_RUNNING, memory_order_acq_rel);
        if ((before & CONN_WOKEN) == 0) {
            return end_ns;
        }
        take_token(conn);
        now_ns = ky_monotonic_ns();
    }
}

static void
visit_on_worker(void *arg)
{
    struct conn *conn = arg;
    struct ky_arena arena;
    ky_arena_init(&arena);
    take_token(conn);
    conn->is_on_loop = false;
    conn->arena = &arena;
    ky_metric_add(&visits_worker, 1);
    (void)visit(conn, ky_monotonic_ns());
    ky_arena_deinit(&arena);
}

/* On a crowded machine a visit takes long because others run. */
static bool
was_preempted(struct pgwire_loop *home)
{
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) != 0) {
        return false;
    }
    bool is_more = usage.ru_nivcsw != home->preemptions;
    home->preemptions = usage.ru_nivcsw;
    return is_more;
}

static void
visit_on_loop(void *arg)
{
    struct conn *conn = arg;
    struct pgwire_loop *home = conn->home;
    const struct pgwire *pgwire = conn->pgwire;
    int64_t start_ns = ky_monotonic_ns();
    if (conn->is_workers || start_ns < home->workers_until_ns) {
        move_to_worker(conn);
        return;
    }
    if (home->latest != conn) {
        home->latest = conn;
        home->changed_ns = start_ns;
    }
    take_token(conn);
    conn->is_on_loop = true;
    conn->arena = &home->arena;
    ky_metric_add(&visits_loop, 1);
    const int64_t end_ns = visit(conn, start_ns);
    /* The connection may live on another loop by now, and may have ended there. */
    if (pgwire->options.may_poll && start_ns - home->visited_ns < POLL_NS) {
        loop_poll_until(home->loop, end_ns + POLL_NS);
    }
    home->visited_ns = end_ns;
    if (end_ns - start_ns > VISIT_LONG_NS && !was_preempted(home)) {
        home->workers_until_ns = end_ns + REST_NS;
    }
}

/* Sets flags. True: nobody runs it or is about to, so the caller has to. */
static bool
note(struct conn *conn, int flags)
{
    /* acq_rel: the runner sees what the waker did before it. */
    int before = atomic_fetch_or_explicit(&conn->flags, flags | CONN_WOKEN, memory_order_acq_rel);
    return (before & (CONN_RUNNING | CONN_WOKEN)) == 0;
}

void
conn_schedule(void *arg)
{
    struct conn *conn = arg;
    if (!note(conn, 0)) {
        return;
    }
    if (conn->is_workers) {
        move_to_worker(conn);
    } else {
        conn->job = (struct pool_job){.run = visit_on_loop, .arg = conn};
        loop_submit(conn->home->loop, &conn->job);
    }
}

static void
socket_ready(void *arg, int what)
{
    struct conn *conn = arg;
    int flags = ((what & (LOOP_READABLE | LOOP_HANGUP)) != 0 ? (int)CONN_READABLE : 0) |
                ((what & LOOP_HANGUP) != 0 ? (int)CONN_HUNGUP : 0);
    if (note(conn, flags)) {
        visit_on_loop(conn);
    }
}

void
conn_terminate_locked(struct conn *conn, const struct ky_error *reason)
{
    if (conn->reason == NULL) {
        conn->reason = ky_malloc(sizeof(*conn->reason));
        *conn->reason = *reason;
    }
    /* release: the reason is read by whoever sees the flag. */
    atomic_store_explicit(&conn->is_terminated, true, memory_order_release);
    conn_schedule(conn);
}

void
conn_terminate(void *arg, const struct ky_error *reason)
{
    struct conn *conn = arg;
    struct pgwire *pgwire = conn->pgwire;
    ky_mutex_lock(&pgwire->lock);
    conn_terminate_locked(conn, reason);
    ky_mutex_unlock(&pgwire->lock);
}

/* ------------------------------------------------------------------ the beginning */

static void
start_on_loop(void *arg)
{
    struct conn *conn = arg;
    loop_watch_start(conn->home->loop, &conn->watch, stream_fd(conn->stream), socket_ready, conn);
}

/* What came while it moved is told by the watch, or was noted. */
static void
arrive_on_loop(void *arg)
{
    start_on_loop(arg);
    visit_on_loop(arg);
}

void
conn_accept(void *arg, int fd, const struct net_peer *peer)
{
    struct pgwire *pgwire = arg;
    struct conn *conn = ky_calloc(1, sizeof(*conn));
    conn_sink_init(&conn->sink);
    conn->pgwire = pgwire;
    conn->home = &pgwire->loops[pgwire->next_loop];
    pgwire->next_loop = (pgwire->next_loop + 1) % pgwire->options.main_loop_count;
    conn->stream = stream_new(fd);
    conn->peer = *peer;
    conn->state = CONN_STARTUP;
    conn->login_deadline_ns = ky_monotonic_ns() + CONN_LOGIN_TIMEOUT_MS * INT64_C(1000000);
    ky_list_init(&conn->login_link);
    ky_mutex_lock(&pgwire->lock);
    if (pgwire->is_stopping) {
        ky_mutex_unlock(&pgwire->lock);
        stream_free(conn->stream);
        ky_free(conn);
        return;
    }
    pgwire->connection_count++;
    ky_metric_add(&connections, 1);
    ky_list_push_back(&pgwire->logins, &conn->login_link);
    if (loop_is_current(conn->home->loop)) {
        start_on_loop(conn);
    } else {
        /* With the lock held: whoever finds it in the list comes after the start. */
        loop_post(conn->home->loop, start_on_loop, conn);
    }
    ky_mutex_unlock(&pgwire->lock);
}
