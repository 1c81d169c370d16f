/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/pgwire/conn/conn_private.h"

/*
 * Messages of a client that is logged in: each becomes a session call, whose answer becomes the
 * messages that end it. After an error in an extended message everything up to Sync is thrown
 * away.
 */

/* ------------------------------------------------------------------ errors and answers */

static void
send_error(struct conn *conn, const struct ky_error *err)
{
    pgw_encode_error(&conn->out, "ERROR", err);
}

static void
emit_notice(void *arg, int32_t pid, const char *channel, const char *payload)
{
    struct conn *conn = arg;
    pgw_encode_notification(&conn->out, pid, channel, payload);
}

void
conn_notices(struct conn *conn)
{
    session_take_notices(conn->session, emit_notice, conn);
}

static void
send_ready(struct conn *conn)
{
    conn_notices(conn);
    pgw_encode_ready(&conn->out, session_status(conn->session));
    conn->must_flush = true;
}

/* What the session waits for, or wants. */
static enum progress
take_pending(struct conn *conn)
{
    switch (session_need(conn->session)) {
    case SESSION_NEEDS_WAKE:
        return PROGRESS_WAIT;
    case SESSION_NEEDS_ROOM:
        conn_flush(conn);
        return PROGRESS_ON;
    case SESSION_NEEDS_SHORT_TURN:
        conn->queue = POOL_SHORT;
        return PROGRESS_MOVE;
    case SESSION_NEEDS_LONG_TURN:
        conn->queue = POOL_LONG;
        return PROGRESS_MOVE;
    }
    KY_UNREACHABLE();
}

/* What a session call's answer means for the message it belongs to. */
static enum progress
take_answer(struct conn *conn, char type, enum session_answer answer, const struct ky_error *err)
{
    conn->is_pending = answer == SESSION_PENDING;
    conn->pending_type = type;
    switch (answer) {
    case SESSION_PENDING:
        return take_pending(conn);
    case SESSION_COPY_IN:
        conn->state = CONN_COPY_IN;
        return PROGRESS_ON;
    case SESSION_SUSPENDED:
        pgw_encode_bare(&conn->out, 's');
        return PROGRESS_ON;
    case SESSION_ERROR:
        if (err->sqlstate == KY_ADMIN_SHUTDOWN) {
            return conn_fatal(conn, err);
        }
        send_error(conn, err);
        conn->state = CONN_READY;
        /* A simple query ends here; so does the COPY of one. The others wait for Sync. */
        if (type == 'Q' || type == 'S' || (conn->is_simple_copy && (type == 'd' || type == 'c'))) {
            send_ready(conn);
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
    if (pgw_decode_parse(body, conn->arena, &parse, err) != KY_OK) {
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
    if (pgw_decode_bind(body, conn->arena, &message, err) != KY_OK) {
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
            session_copy_end(conn->session, ky_arena_cstr(conn->arena, text), &conn->sink, err),
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
        return conn_fatal(conn, err);
    }
}

enum progress
conn_message(struct conn *conn, const struct pgw_frame *frame)
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
        conn->must_flush = true;
        return PROGRESS_ON;
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
        return conn_fatal(conn, &err);
    }
}

/* Goes on with a session call that waited. */
enum progress
conn_resume(struct conn *conn)
{
    struct ky_error err;
    ky_error_init(&err);
    return take_answer(conn, conn->pending_type, session_resume(conn->session, &conn->sink, &err),
                       &err);
}

enum progress
conn_cancel_copy(struct conn *conn)
{
    struct ky_error err;
    ky_error_init(&err);
    return take_answer(conn, 'd',
                       session_copy_data(conn->session, ky_slice("", 0), &conn->sink, &err), &err);
}
