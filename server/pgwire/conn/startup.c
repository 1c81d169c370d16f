/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/pgwire/conn/conn_private.h"

/* From the first byte to ReadyForQuery: TLS, protocol version, parameters, authentication. */

enum { PROTOCOL_MAJOR = 3, SETTINGS_MAX = 64 };

enum progress
conn_fatal(struct conn *conn, const struct ky_error *err)
{
    pgw_encode_error(&conn->out, "FATAL", err);
    return PROGRESS_CLOSE;
}

/* ------------------------------------------------------------------ parameters */

/* "-c name=value -c other=value --name=value", blanks escaped by backslash. */
static uint32_t
split_options(const char *options, char *space, const char **pairs, uint32_t count)
{
    char *out = space;
    for (const char *at = options; *at != '\0' && count + 2 < SETTINGS_MAX;) {
        at += strspn(at, " ");
        if (strncmp(at, "-c", 2) == 0) {
            at += 2;
            at += strspn(at, " ");
        } else if (strncmp(at, "--", 2) == 0) {
            at += 2;
        } else {
            break;
        }
        char *name = out;
        while (*at != '\0' && *at != '=' && *at != ' ') {
            *out++ = *at == '-' ? '_' : *at;
            at++;
        }
        *out++ = '\0';
        at += *at == '=';
        char *value = out;
        while (*at != '\0' && *at != ' ') {
            at += *at == '\\' && at[1] != '\0';
            *out++ = *at++;
        }
        *out++ = '\0';
        pairs[count++] = name;
        pairs[count++] = value;
    }
    return count;
}

static void
keep_parameters(struct login *login, const struct pgw_startup *startup)
{
    size_t size = 2;
    for (const char **parameter = startup->parameters; *parameter != NULL; parameter++) {
        size += strlen(*parameter) + 2;
    }
    login->settings_text = ky_malloc(size);
    login->settings = ky_calloc(SETTINGS_MAX + 2, sizeof(*login->settings));
    char *out = login->settings_text;
    uint32_t count = 0;
    for (const char **pair = startup->parameters; pair[0] != NULL; pair += 2) {
        if (strcmp(pair[0], "user") == 0) {
            ky_error_name(login->user, pair[1]);
        } else if (strcmp(pair[0], "database") == 0) {
            ky_error_name(login->database, pair[1]);
        } else if (strcmp(pair[0], "options") == 0) {
            count = split_options(pair[1], out, login->settings, count);
            out += strlen(pair[1]) + 1;
        } else if (strcmp(pair[0], "replication") != 0 && count + 2 < SETTINGS_MAX &&
                   strncmp(pair[0], "_pq_.", 5) != 0) {
            for (int i = 0; i < 2; i++) {
                login->settings[count++] = out;
                memcpy(out, pair[i], strlen(pair[i]) + 1);
                out += strlen(pair[i]) + 1;
            }
        }
    }
    login->settings[count] = NULL;
    if (login->database[0] == '\0') {
        ky_error_name(login->database, login->user);
    }
}

/* ------------------------------------------------------------------ logged in */

static void
emit_parameter(void *arg, const char *name, const char *value)
{
    struct conn *conn = arg;
    pgw_encode_parameter_status(&conn->out, name, value);
}

static enum progress
log_in(struct conn *conn)
{
    struct ky_error err;
    const struct session_options options = {
        .user = conn->login->user,
        .database = conn->login->database,
        .client_address = conn->peer.address,
        .client_port = conn->peer.port,
        .settings = conn->login->settings,
        .hooks = {.arg = conn, .wake = conn_schedule, .terminate = conn_terminate},
    };
    ky_error_init(&err);
    pgw_encode_auth_ok(&conn->out); /* what is refused from here on is so for other reasons */
    if (session_open(conn->pgwire->options.server, &options, &conn->session, &err) != KY_OK) {
        return conn_fatal(conn, &err);
    }
    conn_login_free(conn);
    session_run_on(conn->session, conn->is_on_loop ? SESSION_ON_LOOP : SESSION_ON_SHORT, false,
                   ky_monotonic_ns());
    session_report(conn->session, emit_parameter, conn);
    pgw_encode_backend_key(&conn->out, session_pid(conn->session), session_key(conn->session));
    pgw_encode_ready(&conn->out, 'I');
    conn->state = CONN_READY;
    ky_log(DEBUG, "pgwire", "connected pid=%d peer=%s tls=%s", session_pid(conn->session),
           conn->peer.address, stream_tls_version(conn->stream));
    return PROGRESS_ON;
}

static enum progress
ask_password(struct conn *conn, const char *secret)
{
    static const char *const plain[] = {"SCRAM-SHA-256", NULL};
    static const char *const both[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", NULL};
    struct tls *tls = conn->pgwire->options.tls;
    bool has_tls = stream_has_tls(conn->stream);
    scram_init(&conn->login->scram, conn->login->user, secret,
               has_tls ? tls_server_end_point(tls) : ky_slice(NULL, 0));
    conn->login->has_scram = true;
    pgw_encode_auth_sasl(&conn->out, has_tls ? both : plain);
    conn->state = CONN_SASL_FIRST;
    return PROGRESS_ON;
}

static enum progress
authenticate(struct conn *conn)
{
    struct role_auth auth;
    struct ky_error err;
    bool is_known = server_find_role(conn->pgwire->options.server, conn->login->user, &auth);
    if (is_known && auth.secret[0] == '\0') {
        if (conn->peer.is_local) {
            return log_in(conn);
        }
        (void)ky_error_set(&err, KY_INVALID_AUTHORIZATION_SPECIFICATION,
                           "role \"%s\" has no password: only local connections are accepted",
                           conn->login->user);
        (void)ky_error_hint(&err, "Set one with KYRODB_PASSWORD or ALTER ROLE ... PASSWORD.");
        return conn_fatal(conn, &err);
    }
    if (!is_known && conn->peer.is_local && !server_has_password(conn->pgwire->options.server)) {
        return log_in(conn); /* says that there is no such role */
    }
    return ask_password(conn, is_known && !auth.is_expired ? auth.secret : "");
}

/* ------------------------------------------------------------------ messages */

static enum progress
answer_ssl(struct conn *conn, bool is_tls)
{
    struct tls *tls = conn->pgwire->options.tls;
    bool can_start = is_tls && tls != NULL && !stream_has_tls(conn->stream);
    size_t sent;
    /* The answer is one bare byte, sent before the first TLS record. */
    (void)stream_write(conn->stream, can_start ? "S" : "N", 1, &sent);
    if (can_start) {
        if (conn->input_size != conn->input_used) {
            struct ky_error err;
            (void)ky_error_set(&err, KY_PROTOCOL_VIOLATION,
                               "received unencrypted data after SSL request");
            return conn_fatal(conn, &err);
        }
        stream_start_tls(conn->stream, tls);
        conn->has_more = true;
    }
    return PROGRESS_ON;
}

enum progress
conn_direct_tls(struct conn *conn)
{
    if (conn->pgwire->options.tls == NULL) {
        return PROGRESS_CLOSE; /* whatever we say, it would not understand */
    }
    stream_start_tls(conn->stream, conn->pgwire->options.tls);
    conn->is_direct = true;
    return PROGRESS_ON;
}

enum progress
conn_startup(struct conn *conn, const struct pgw_frame *frame)
{
    struct pgw_startup startup;
    struct ky_error err;
    ky_error_init(&err);
    if (conn->is_direct && strcmp(stream_alpn(conn->stream), "postgresql") != 0) {
        (void)ky_error_set(&err, KY_PROTOCOL_VIOLATION,
                           "received direct SSL connection request without ALPN protocol "
                           "negotiation extension");
        return conn_fatal(conn, &err);
    }
    if (pgw_decode_startup(frame->body, conn->arena, &startup, &err) != KY_OK) {
        return conn_fatal(conn, &err);
    }
    if (startup.code == PGW_CODE_SSL || startup.code == PGW_CODE_GSS) {
        return answer_ssl(conn, startup.code == PGW_CODE_SSL);
    }
    if (startup.code == PGW_CODE_CANCEL) {
        server_cancel(conn->pgwire->options.server, startup.cancel_pid, startup.cancel_key);
        return PROGRESS_CLOSE;
    }
    if (startup.code >> 16 != PROTOCOL_MAJOR) {
        (void)ky_error_set(&err, KY_FEATURE_NOT_SUPPORTED,
                           "unsupported frontend protocol %u.%u: server supports 3.0 to 3.0",
                           startup.code >> 16, startup.code & 0xffff);
        return conn_fatal(conn, &err);
    }
    if ((startup.code & 0xffff) > 0 || startup.unknown_count > 0) {
        pgw_encode_negotiate(&conn->out, 0, startup.unknown_options, startup.unknown_count);
    }
    conn->login = ky_calloc(1, sizeof(*conn->login));
    keep_parameters(conn->login, &startup);
    if (conn->login->user[0] == '\0') {
        (void)ky_error_set(&err, KY_INVALID_AUTHORIZATION_SPECIFICATION,
                           "no PostgreSQL user name specified in startup packet");
        return conn_fatal(conn, &err);
    }
    return authenticate(conn);
}

enum progress
conn_sasl(struct conn *conn, const struct pgw_frame *frame)
{
    struct ky_error err;
    struct ky_buffer answer = {0};
    ky_status status;
    ky_error_init(&err);
    if (frame->type != 'p') {
        (void)ky_error_set(&err, KY_PROTOCOL_VIOLATION,
                           "expected SASL response, got message type %d", frame->type);
        return conn_fatal(conn, &err);
    }
    if (conn->state == CONN_SASL_FIRST) {
        struct pgw_sasl_initial initial;
        status = pgw_decode_sasl_initial(frame->body, &initial, &err);
        if (status == KY_OK) {
            status =
                scram_first(&conn->login->scram, initial.mechanism, initial.data, &answer, &err);
        }
        if (status == KY_OK) {
            pgw_encode_auth_sasl_continue(&conn->out, ky_buffer_slice(&answer));
            conn->state = CONN_SASL_FINAL;
        }
        ky_buffer_deinit(&answer);
        return status == KY_OK ? PROGRESS_ON : conn_fatal(conn, &err);
    }
    status = scram_final(&conn->login->scram, frame->body, &answer, &err);
    if (status == KY_OK) {
        pgw_encode_auth_sasl_final(&conn->out, ky_buffer_slice(&answer));
    }
    ky_buffer_deinit(&answer);
    return status == KY_OK ? log_in(conn) : conn_fatal(conn, &err);
}
