/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "server/base/assert.h"
#include "server/base/log.h"
#include "server/base/metric.h"
#include "server/pgwire/conn/conn_private.h"

/*
 * The life of a connection. The loop tells when the socket can be read or written; a worker then
 * reads, processes every whole message in order, and writes the answers, until input runs dry or
 * the session waits. Answers are gathered and sent with one call.
 */

KY_METRIC(connections, "kyrodb_connections", NULL, KY_GAUGE,
          "Client connections of the PostgreSQL protocol.")
KY_METRIC(bytes_in, "kyrodb_received_bytes_total", NULL, KY_COUNTER, "Bytes received from clients.")
KY_METRIC(bytes_out, "kyrodb_sent_bytes_total", NULL, KY_COUNTER, "Bytes sent to clients.")
KY_METRIC(messages, "kyrodb_messages_total", NULL, KY_COUNTER, "Messages from clients.")

enum { CONN_RUNNING = 1, CONN_WOKEN = 2 };

/* What a step of a connection came to. */
enum progress {
    PROGRESS_ON,   /* go on with the next message */
    PROGRESS_WAIT, /* for input, for the socket or for the session */
    PROGRESS_CLOSE,
};

/* ------------------------------------------------------------------ output */

/* Sends what waits. False: the connection broke. */
static bool
flush_out(struct conn *conn)
{
    while (conn->out_sent < conn->out.size) {
        size_t sent;
        enum stream_answer answer = stream_write(conn->stream, conn->out.data + conn->out_sent,
                                                 conn->out.size - conn->out_sent, &sent);
        if (answer == STREAM_AGAIN) {
            return true;
        }
        if (answer == STREAM_END) {
            return false;
        }
        conn->out_sent += sent;
        ky_metric_add(&bytes_out, (int64_t)sent);
    }
    ky_buffer_clear(&conn->out);
    conn->out_sent = 0;
    return true;
}

static bool
is_backed_up(const struct conn *conn)
{
    return conn->out.size - conn->out_sent >= CONN_OUT_MAX;
}

/* ------------------------------------------------------------------ input */

/* Reads what is there. False: nothing more will come. */
static bool
read_more(struct conn *conn, bool *got_some)
{
    size_t got = 0;
    if (conn->in_used > 0) {
        ky_buffer_consume(&conn->in, conn->in_used);
        conn->in_used = 0;
    }
    if (conn->in.capacity - conn->in.size < CONN_READ_SIZE) {
        ky_buffer_grow(&conn->in, CONN_READ_SIZE);
    }
    enum stream_answer answer = stream_read(conn->stream, conn->in.data + conn->in.size,
                                            conn->in.capacity - conn->in.size, &got);
    *got_some = answer == STREAM_OK;
    if (answer == STREAM_OK) {
        conn->in.size += got;
        ky_metric_add(&bytes_in, (int64_t)got);
    }
    return answer != STREAM_END;
}

/* ------------------------------------------------------------------ errors and answers */

static void
send_error(struct conn *conn, const struct ky_error *err)
{
    pgw_encode_error(&conn->out, "ERROR", err);
}

static void
send_ready(struct conn *conn)
{
    pgw_encode_ready(&conn->out, session_status(conn->session));
}

/* What a session call's answer means for the message it belongs to. */
static enum progress
take_answer(struct conn *conn, char type, enum session_answer answer, const struct ky_error *err)
{
    conn->is_pending = answer == SESSION_PENDING;
    conn->pending_type = type;
    switch (answer) {
    case SESSION_PENDING:
        return PROGRESS_WAIT;
    case SESSION_COPY_IN:
        conn->state = CONN_COPY_IN;
        return PROGRESS_ON;
    case SESSION_SUSPENDED:
        pgw_encode_bare(&conn->out, 's');
        return PROGRESS_ON;
    case SESSION_ERROR:
        send_error(conn, err);
        conn->state = CONN_READY;
        /* A simple query ends here; so does the COPY of one. The others wait for Sync. */
        if (type == 'Q' || type == 'S' || (conn->is_simple_copy && (type == 'd' || type == 'c'))) {
            send_ready(conn);
            conn->is_copy_failed = type == 'd';
        } else {
            conn->is_skipping = true;
        }
        return PROGRESS_ON;
    case SESSION_DONE:
        break;
    }
    switch (type) {
    case 'Q':
    case 'S':
        send_ready(conn);
        break;
    case 'P':
        pgw_encode_bare(&conn->out, '1');
        break;
    case 'B':
        pgw_encode_bare(&conn->out, '2');
        break;
    case 'c':
        conn->state = CONN_READY;
        if (conn->is_simple_copy) {
            send_ready(conn);
        }
        break;
    default:
        break;
    }
    return PROGRESS_ON;
}

/* ------------------------------------------------------------------ messages */

static enum progress
protocol_error(struct conn *conn, const struct ky_error *err)
{
    send_error(conn, err);
    conn->is_skipping = true;
    return PROGRESS_ON;
}

static enum progress
on_query(struct conn *conn, struct ky_slice body, struct ky_error *err)
{
    struct ky_slice sql;
    if (pgw_decode_string(body, &sql, err) != KY_OK) {
        send_error(conn, err);
        send_ready(conn);
        return PROGRESS_ON;
    }
    conn->is_simple_copy = true;
    return take_answer(conn, 'Q', session_simple(conn->session, sql, &conn->sink, err), err);
}

static enum progress
on_parse(struct conn *conn, struct ky_slice body, struct ky_error *err)
{
    struct pgw_parse parse;
    if (pgw_decode_parse(body, &conn->arena, &parse, err) != KY_OK) {
        return protocol_error(conn, err);
    }
    return take_answer(conn, 'P',
                       session_parse(conn->session, parse.name, parse.sql, parse.param_types,
                                     parse.param_count, &conn->sink, err),
                       err);
}

static enum progress
on_bind(struct conn *conn, struct ky_slice body, struct ky_error *err)
{
    struct pgw_bind message;
    if (pgw_decode_bind(body, &conn->arena, &message, err) != KY_OK) {
        return protocol_error(conn, err);
    }
    const struct session_bind bind = {.portal = message.portal,
                                      .statement = message.statement,
                                      .param_formats = message.param_formats,
                                      .param_format_count = message.param_format_count,
                                      .params = message.params,
                                      .param_count = message.param_count,
                                      .result_formats = message.result_formats,
                                      .result_format_count = message.result_format_count};
    return take_answer(conn, 'B', session_bind(conn->session, &bind, &conn->sink, err), err);
}

static enum progress
on_describe(struct conn *conn, struct ky_slice body, struct ky_error *err)
{
    struct pgw_target target;
    struct session_description description;
    if (pgw_decode_target(body, "DESCRIBE", &target, err) != KY_OK) {
        return protocol_error(conn, err);
    }
    bool is_statement = target.kind == 'S';
    enum session_answer answer =
        is_statement ? session_describe_statement(conn->session, target.name, &description, err)
                     : session_describe_portal(conn->session, target.name, &description, err);
    if (answer == SESSION_DONE) {
        if (is_statement) {
            pgw_encode_parameter_description(&conn->out, description.param_types,
                                             description.param_count);
        }
        if (description.has_rows) {
            conn_encode_columns(conn, description.columns, description.column_count);
        } else {
            pgw_encode_bare(&conn->out, 'n');
        }
    }
    return take_answer(conn, 'D', answer, err);
}

static enum progress
on_execute(struct conn *conn, struct ky_slice body, struct ky_error *err)
{
    struct pgw_execute execute;
    if (pgw_decode_execute(body, &execute, err) != KY_OK) {
        return protocol_error(conn, err);
    }
    conn->is_simple_copy = false;
    return take_answer(
        conn, 'E',
        session_execute(conn->session, execute.portal, execute.max_rows, &conn->sink, err), err);
}

static enum progress
on_close(struct conn *conn, struct ky_slice body, struct ky_error *err)
{
    struct pgw_target target;
    if (pgw_decode_target(body, "CLOSE", &target, err) != KY_OK) {
        return protocol_error(conn, err);
    }
    if (target.kind == 'S') {
        session_close_statement(conn->session, target.name);
    } else {
        session_close_portal(conn->session, target.name);
    }
    pgw_encode_bare(&conn->out, '3');
    return PROGRESS_ON;
}

static enum progress
on_copy_message(struct conn *conn, const struct pgw_frame *frame, struct ky_error *err)
{
    struct ky_slice text;
    switch (frame->type) {
    case 'd':
        return take_answer(conn, 'd',
                           session_copy_data(conn->session, frame->body, &conn->sink, err), err);
    case 'c':
        return take_answer(conn, 'c', session_copy_end(conn->session, NULL, &conn->sink, err), err);
    case 'f':
        if (pgw_decode_string(frame->body, &text, err) != KY_OK) {
            return protocol_error(conn, err);
        }
        return take_answer(
            conn, 'c',
            session_copy_end(conn->session, ky_arena_cstr(&conn->arena, text), &conn->sink, err),
            err);
    case 'H':
    case 'S':
        return PROGRESS_ON; /* clients of the extended protocol send them along */
    default:
        (void)ky_error_set(err, KY_PROTOCOL_VIOLATION,
                           "unexpected message type 0x%02X during COPY from stdin", frame->type);
        {
            struct ky_error ignored;
            ky_error_init(&ignored);
            (void)session_copy_end(conn->session, "unexpected message", &conn->sink, &ignored);
        }
        return conn_fatal(conn, err) ? PROGRESS_ON : PROGRESS_CLOSE;
    }
}

static enum progress
on_message(struct conn *conn, const struct pgw_frame *frame)
{
    struct ky_error err;
    ky_error_init(&err);
    if (frame->type == 'X') {
        return PROGRESS_CLOSE;
    }
    if (conn->state == CONN_COPY_IN) {
        return on_copy_message(conn, frame, &err);
    }
    if (conn->is_skipping && frame->type != 'S') {
        return PROGRESS_ON;
    }
    switch (frame->type) {
    case 'Q':
        return on_query(conn, frame->body, &err);
    case 'P':
        return on_parse(conn, frame->body, &err);
    case 'B':
        return on_bind(conn, frame->body, &err);
    case 'D':
        return on_describe(conn, frame->body, &err);
    case 'E':
        return on_execute(conn, frame->body, &err);
    case 'C':
        return on_close(conn, frame->body, &err);
    case 'H':
        return flush_out(conn) ? PROGRESS_ON : PROGRESS_CLOSE;
    case 'S':
        conn->is_skipping = false;
        return take_answer(conn, 'S', session_sync(conn->session, &conn->sink, &err), &err);
    case 'd':
    case 'c':
    case 'f':
        return PROGRESS_ON; /* the rest of a COPY that failed */
    case 'F':
        (void)ky_error_set(&err, KY_FEATURE_NOT_SUPPORTED,
                           "function call messages are not supported");
        send_error(conn, &err);
        send_ready(conn);
        return PROGRESS_ON;
    default:
        (void)ky_error_set(&err, KY_PROTOCOL_VIOLATION, "invalid frontend message type %d",
                           frame->type);
        (void)conn_fatal(conn, &err);
        return PROGRESS_CLOSE;
    }
}

static enum progress
bad_frame(struct conn *conn)
{
    struct ky_error err;
    (void)ky_error_set(&err, KY_PROTOCOL_VIOLATION,
                       conn->state == CONN_STARTUP ? "invalid length of startup packet"
                                                   : "invalid message length");
    (void)conn_fatal(conn, &err);
    return PROGRESS_CLOSE;
}

/* One message, if there is a whole one. */
static enum progress
step(struct conn *conn)
{
    struct pgw_frame frame;
    struct ky_slice input = ky_slice(conn->in.data + conn->in_used, conn->in.size - conn->in_used);
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
    conn->in_used += frame.size;
    ky_metric_add(&messages, 1);
    ky_arena_reset(&conn->arena);
    switch (conn->state) {
    case CONN_STARTUP:
        return conn_startup(conn, &frame) ? PROGRESS_ON : PROGRESS_CLOSE;
    case CONN_SASL_FIRST:
    case CONN_SASL_FINAL:
        return conn_sasl(conn, &frame) ? PROGRESS_ON : PROGRESS_CLOSE;
    case CONN_READY:
    case CONN_COPY_IN:
        return on_message(conn, &frame);
    case CONN_CLOSED:
        return PROGRESS_CLOSE;
    }
    KY_UNREACHABLE();
}

/* ------------------------------------------------------------------ running */

/* Goes on with a session call that waited. */
static enum progress
resume(struct conn *conn)
{
    struct ky_error err;
    ky_error_init(&err);
    if (is_backed_up(conn)) {
        return PROGRESS_WAIT;
    }
    return take_answer(conn, conn->pending_type, session_resume(conn->session, &conn->sink, &err),
                       &err);
}

/* Everything that can be done now. */
static enum progress
run_once(struct conn *conn)
{
    for (;;) {
        bool got_some = false;
        if (!flush_out(conn)) {
            conn->is_input_ended = true;
        }
        if (conn->is_pending) {
            /* Notice a client that left, so that its statement does not run on for nobody. */
            if (!conn->is_input_ended && conn->in.size - conn->in_used < CONN_READ_SIZE &&
                !read_more(conn, &got_some)) {
                conn->is_input_ended = true;
                session_cancel(conn->session);
            }
            if (conn->is_input_ended) {
                ky_buffer_clear(&conn->out);
                conn->out_sent = 0;
            }
            enum progress progress = resume(conn);
            if (progress != PROGRESS_ON) {
                (void)flush_out(conn);
                return progress;
            }
            continue;
        }
        if (conn->is_input_ended) {
            return PROGRESS_CLOSE;
        }
        /* acquire: pairs with terminate(). */
        if (atomic_load_explicit(&conn->is_terminated, memory_order_acquire)) {
            struct ky_error reason;
            ky_mutex_lock(&conn->reason_lock);
            reason = conn->reason;
            ky_mutex_unlock(&conn->reason_lock);
            (void)conn_fatal(conn, &reason);
            return PROGRESS_CLOSE;
        }
        if (is_backed_up(conn)) {
            return PROGRESS_WAIT;
        }
        enum progress progress = step(conn);
        if (progress == PROGRESS_CLOSE) {
            return progress;
        }
        if (progress == PROGRESS_ON) {
            if (conn->out.size - conn->out_sent >= CONN_OUT_SEND && !flush_out(conn)) {
                conn->is_input_ended = true;
            }
            while (!conn->is_pending && !conn->is_input_ended &&
                   !atomic_load_explicit(&conn->is_terminated, memory_order_acquire) &&
                   !is_backed_up(conn) && (progress = step(conn)) == PROGRESS_ON) {
            }
            if (progress == PROGRESS_CLOSE) {
                return progress;
            }
        }
        if (conn->is_pending) {
            (void)flush_out(conn);
            return PROGRESS_WAIT;
        }
        if (!flush_out(conn)) {
            conn->is_input_ended = true;
            continue;
        }
        if (!read_more(conn, &got_some)) {
            conn->is_input_ended = true;
            continue;
        }
        if (!got_some) {
            if (conn->in.size == 0) {
                ky_buffer_shrink(&conn->in, CONN_KEEP_CAPACITY);
                ky_buffer_shrink(&conn->out, CONN_KEEP_CAPACITY);
            }
            return PROGRESS_WAIT;
        }
    }
}

static void
free_on_loop(void *arg)
{
    struct conn *conn = arg;
    struct pgwire *pgwire = conn->pgwire;
    loop_watch_stop(&conn->watch);
    loop_timer_stop(&conn->timer);
    stream_free(conn->stream);
    ky_buffer_deinit(&conn->in);
    ky_buffer_deinit(&conn->out);
    ky_arena_deinit(&conn->arena);
    if (conn->has_scram) {
        scram_deinit(&conn->scram);
    }
    ky_free(conn->settings);
    ky_free(conn->settings_text);
    ky_mutex_deinit(&conn->reason_lock);
    ky_metric_add(&connections, -1);
    ky_mutex_lock(&pgwire->lock);
    ky_list_remove(&conn->login_link);
    pgwire->connection_count--;
    if (pgwire->connection_count == 0) {
        ky_cond_broadcast(&pgwire->idle);
    }
    ky_mutex_unlock(&pgwire->lock);
    ky_free(conn);
}

/* CONN_RUNNING stays set, so that nobody runs it again. */
static void
close_conn(struct conn *conn)
{
    (void)flush_out(conn);
    conn->state = CONN_CLOSED;
    session_close(conn->session);
    conn->session = NULL;
    loop_post(conn->pgwire->options.loop, free_on_loop, conn);
}

static void
run_conn(void *arg)
{
    struct conn *conn = arg;
    for (;;) {
        atomic_store_explicit(&conn->flags, CONN_RUNNING, memory_order_release);
        if (run_once(conn) == PROGRESS_CLOSE) {
            close_conn(conn);
            return;
        }
        int before = atomic_fetch_and_explicit(&conn->flags, ~CONN_RUNNING, memory_order_acq_rel);
        if ((before & CONN_WOKEN) == 0) {
            return;
        }
    }
}

void
conn_schedule(void *arg)
{
    struct conn *conn = arg;
    /* acq_rel: the runner sees what the waker did before it. */
    int before = atomic_fetch_or_explicit(&conn->flags, CONN_WOKEN, memory_order_acq_rel);
    if ((before & (CONN_RUNNING | CONN_WOKEN)) == 0) {
        pool_submit(conn->pgwire->options.pool, &conn->job, POOL_SHORT);
    }
}

static void
socket_ready(void *arg, int what)
{
    (void)what;
    conn_schedule(arg);
}

static void
login_timeout(void *arg)
{
    struct conn *conn = arg;
    struct ky_error reason;
    ky_mutex_lock(&conn->pgwire->lock);
    bool is_logged_in = ky_list_is_empty(&conn->login_link);
    ky_mutex_unlock(&conn->pgwire->lock);
    if (is_logged_in) {
        return;
    }
    (void)ky_error_set(&reason, KY_QUERY_CANCELED, "canceling authentication due to timeout");
    ky_mutex_lock(&conn->reason_lock);
    conn->reason = reason;
    ky_mutex_unlock(&conn->reason_lock);
    atomic_store_explicit(&conn->is_terminated, true, memory_order_release);
    conn_schedule(conn);
}

void
conn_accept(void *arg, int fd, const struct net_peer *peer)
{
    struct pgwire *pgwire = arg;
    ky_mutex_lock(&pgwire->lock);
    bool is_stopping = pgwire->is_stopping;
    pgwire->connection_count += !is_stopping;
    ky_mutex_unlock(&pgwire->lock);
    if (is_stopping) {
        (void)close(fd);
        return;
    }
    struct conn *conn = ky_calloc(1, sizeof(*conn));
    conn_sink_init(&conn->sink);
    conn->pgwire = pgwire;
    conn->stream = stream_new(fd);
    conn->peer = *peer;
    conn->state = CONN_STARTUP;
    conn->job = (struct pool_job){.run = run_conn, .arg = conn};
    ky_arena_init(&conn->arena);
    ky_mutex_init(&conn->reason_lock);
    ky_list_init(&conn->login_link);
    ky_metric_add(&connections, 1);
    ky_mutex_lock(&pgwire->lock);
    ky_list_push_back(&pgwire->logins, &conn->login_link);
    ky_mutex_unlock(&pgwire->lock);
    loop_timer_start(pgwire->options.loop, &conn->timer, CONN_LOGIN_TIMEOUT_MS, false,
                     login_timeout, conn);
    loop_watch_start(pgwire->options.loop, &conn->watch, fd, socket_ready, conn);
}

/* ------------------------------------------------------------------ the front door */

/* Listeners belong to the loop's thread, which runs already: it opens them while we wait. */
struct opening {
    struct pgwire *pgwire;
    struct ky_error *err;
    ky_status status;
    bool is_done;
};

static void
open_listeners(void *arg)
{
    struct opening *opening = arg;
    struct pgwire *pgwire = opening->pgwire;
    const struct pgwire_options *options = &pgwire->options;
    ky_status status = listener_open_tcp(options->loop, options->host, options->port, conn_accept,
                                         pgwire, &pgwire->tcp, opening->err);
    if (status == KY_OK && options->socket_dir[0] != '\0') {
        status = listener_open_unix(options->loop, options->socket_dir, options->port, conn_accept,
                                    pgwire, &pgwire->unix_socket, opening->err);
        if (status != KY_OK) {
            listener_close(pgwire->tcp);
        }
    }
    ky_mutex_lock(&pgwire->lock);
    opening->status = status;
    opening->is_done = true;
    ky_cond_broadcast(&pgwire->idle);
    ky_mutex_unlock(&pgwire->lock);
}

ky_status
pgwire_start(const struct pgwire_options *options, struct pgwire **pgwire_out, struct ky_error *err)
{
    struct pgwire *pgwire = ky_calloc(1, sizeof(*pgwire));
    struct opening opening = {.pgwire = pgwire, .err = err};
    pgwire->options = *options;
    ky_mutex_init(&pgwire->lock);
    ky_cond_init(&pgwire->idle);
    ky_list_init(&pgwire->logins);
    loop_post(options->loop, open_listeners, &opening);
    ky_mutex_lock(&pgwire->lock);
    while (!opening.is_done) {
        ky_cond_wait(&pgwire->idle, &pgwire->lock);
    }
    ky_mutex_unlock(&pgwire->lock);
    if (opening.status != KY_OK) {
        pgwire_free(pgwire);
        return KY_ERR;
    }
    ky_log(INFO, "pgwire", "listening host=%s port=%d", options->host, options->port);
    *pgwire_out = pgwire;
    return KY_OK;
}

static void
close_listeners(void *arg)
{
    struct pgwire *pgwire = arg;
    listener_close(pgwire->tcp);
    listener_close(pgwire->unix_socket);
    ky_mutex_lock(&pgwire->lock);
    pgwire->tcp = pgwire->unix_socket = NULL;
    pgwire->connection_count--;
    if (pgwire->connection_count == 0) {
        ky_cond_broadcast(&pgwire->idle);
    }
    ky_mutex_unlock(&pgwire->lock);
}

void
pgwire_stop(struct pgwire *pgwire)
{
    ky_mutex_lock(&pgwire->lock);
    pgwire->is_stopping = true;
    pgwire->connection_count++; /* for close_listeners */
    ky_list_foreach (item, &pgwire->logins) {
        struct conn *conn = ky_list_entry(item, struct conn, login_link);
        ky_mutex_lock(&conn->reason_lock);
        (void)ky_error_set(&conn->reason, KY_ADMIN_SHUTDOWN,
                           "terminating connection due to administrator command");
        ky_mutex_unlock(&conn->reason_lock);
        atomic_store_explicit(&conn->is_terminated, true, memory_order_release);
        conn_schedule(conn);
    }
    ky_mutex_unlock(&pgwire->lock);
    loop_post(pgwire->options.loop, close_listeners, pgwire);
    server_shutdown(pgwire->options.server);
    ky_mutex_lock(&pgwire->lock);
    for (int rounds = 0; pgwire->connection_count > 0 && rounds < 100; rounds++) {
        (void)ky_cond_wait_for(&pgwire->idle, &pgwire->lock, 100);
    }
    if (pgwire->connection_count > 0) {
        ky_log(WARN, "pgwire", "connections still open at shutdown count=%d",
               pgwire->connection_count);
    }
    ky_mutex_unlock(&pgwire->lock);
}

void
pgwire_free(struct pgwire *pgwire)
{
    if (pgwire == NULL) {
        return;
    }
    ky_cond_deinit(&pgwire->idle);
    ky_mutex_deinit(&pgwire->lock);
    ky_free(pgwire);
}
