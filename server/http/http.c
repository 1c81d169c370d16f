/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/log.h"
#include "server/base/metric.h"
#include "server/http/http_private.h"

/*
 * A request is read by libevent on the loop, given to a worker, and answered on the loop again.
 * evhttp takes a request away from its connection when the client goes away; answering it then
 * only frees it.
 */

KY_METRIC(requests_total, "kyrodb_http_requests_total", NULL, KY_COUNTER, "HTTP requests answered.")
KY_METRIC(request_failures, "kyrodb_http_request_failures_total", NULL, KY_COUNTER,
          "HTTP requests answered with a status of 400 or above.")

enum { REQUEST_RUNNING = 1, REQUEST_WOKEN = 2 };

static const struct http_route routes[] = {
    {"POST", "/sql", handle_sql, false, false, false, false},
    {"POST", "/append", handle_append, true, false, false, false},
    {"GET", "/replay", handle_replay, false, false, false, false},
    {"GET", "/subscribe", NULL, false, false, false, false},
    {"POST", "/put", handle_put, true, false, false, false},
    {"GET", "/lookup", handle_lookup, false, false, false, false},
    {"POST", "/vector/insert", handle_vector_insert, true, false, false, false},
    {"POST", "/vector/search", handle_vector_search, true, false, false, false},
    {"POST", "/rmi/build", handle_rmi_build, false, false, false, false},
    {"POST", "/compact", handle_compact, false, false, false, false},
    {"POST", "/snapshot", handle_snapshot, false, false, false, false},
    {"POST", "/backup", handle_backup, true, false, false, false},
    {"POST", "/verify", handle_verify, true, false, false, false},
    {"GET", "/offset", handle_offset, false, false, true, false},
    {"GET", "/health", handle_health, false, true, true, true},
    {"GET", "/ready", handle_ready, false, true, true, true},
    {"GET", "/metrics", handle_metrics, false, false, false, true},
    {"GET", "/", handle_console, false, true, true, true},
    {"GET", "/pictures", handle_pictures, false, true, true, true},
};

void
http_busy(struct http *http, int change)
{
    ky_mutex_lock(&http->lock);
    http->busy += change;
    if (http->busy == 0) {
        ky_cond_broadcast(&http->idle);
    }
    ky_mutex_unlock(&http->lock);
}

/* ------------------------------------------------------------------ answers */

static const char *
status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {{200, "OK"},
                 {202, "Accepted"},
                 {400, "Bad Request"},
                 {401, "Unauthorized"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {409, "Conflict"},
                 {410, "Gone"},
                 {413, "Payload Too Large"},
                 {500, "Internal Server Error"},
                 {501, "Not Implemented"},
                 {503, "Service Unavailable"},
                 {504, "Gateway Timeout"}};
    for (size_t i = 0; i < KY_COUNT_OF(texts); i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }
    return "Error";
}

/* A code that is in no table was chosen by who wrote RAISE: the statement's, not the server's. */
static int
status_of(const struct ky_error *err)
{
    const char *code = ky_error_code(err);
    static const struct {
        const char *prefix;
        int status;
    } classes[] = {{"40", 409},    {"53", 503},    {"57014", 504}, {"57", 503},    {"28", 403},
                   {"42501", 403}, {"42P01", 404}, {"23", 409},    {"42P07", 409}, {"25006", 409},
                   {"0A", 501},    {"22", 400},    {"42", 400},    {"21", 400},    {"54", 400},
                   {"08", 400},    {"25", 400},    {"26", 400},    {"34", 400},    {"3", 400},
                   {"2", 400},     {"P0", 400}};
    for (size_t i = 0; i < KY_COUNT_OF(classes); i++) {
        if (strncmp(code, classes[i].prefix, strlen(classes[i].prefix)) == 0) {
            return classes[i].status;
        }
    }
    return err->code[0] != '\0' ? 400 : 500;
}

static void
write_member(struct ky_buffer *out, const char *name, const char *text)
{
    if (text[0] != '\0') {
        ky_buffer_printf(out, ",\"%s\":", name);
        json_write_string(out, ky_slice_cstr(text));
    }
}

enum http_answer
request_fail(struct http_request *request, const struct ky_error *err)
{
    const char *code = ky_error_code(err);
    struct ky_buffer *out = &request->out;
    request->status = status_of(err);
    request->content_type = "application/problem+json";
    ky_buffer_clear(out);
    ky_buffer_printf(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d",
                     status_text(request->status), request->status);
    write_member(out, "detail", err->message);
    ky_buffer_printf(out, ",\"sqlstate\":\"%s\"", code);
    write_member(out, "sql_detail", err->detail);
    write_member(out, "hint", err->hint);
    write_member(out, "constraint", err->constraint_name);
    if (err->position > 0) {
        ky_buffer_printf(out, ",\"position\":%d", err->position);
    }
    bool is_retryable = strncmp(code, "40", 2) == 0 || strncmp(code, "53", 2) == 0;
    ky_buffer_printf(out, ",\"retryable\":%s}\n", is_retryable ? "true" : "false");
    return HTTP_DONE;
}

enum http_answer
request_error(struct http_request *request, enum ky_sqlstate sqlstate, const char *format, ...)
{
    struct ky_error err;
    char text[KY_ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)ky_error_set(&err, sqlstate, "%s", text);
    return request_fail(request, &err);
}

enum http_answer
request_problem(struct http_request *request, int status, const char *title, const char *detail)
{
    request->status = status;
    request->content_type = "application/problem+json";
    ky_buffer_clear(&request->out);
    ky_buffer_printf(&request->out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d",
                     title, status);
    write_member(&request->out, "detail", detail);
    ky_buffer_append_cstr(&request->out, "}\n");
    return HTTP_DONE;
}

/* On the loop: sends what the handler left and frees everything. */
static void
finish_request(void *arg)
{
    struct http_request *request = arg;
    struct http *http = request->http;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request->request);
    struct evbuffer *body = evbuffer_new();
    if (request->session != NULL) {
        session_close(request->session);
    }
    (void)evhttp_add_header(headers, "Content-Type", request->content_type);
    (void)evhttp_add_header(headers, "Cache-Control", "no-store");
    if (request->status == 503) {
        (void)evhttp_add_header(headers, "Retry-After", "1");
    } else if (request->status == 401) {
        (void)evhttp_add_header(headers, "WWW-Authenticate", "Bearer realm=\"kyrodb\"");
    }
    (void)evbuffer_add(body, request->out.data, request->out.size);
    ky_metric_add(&requests_total, 1);
    if (request->status >= 400) {
        ky_metric_add(&request_failures, 1);
    }
    evhttp_send_reply(request->request, request->status, status_text(request->status), body);
    evbuffer_free(body);
    ky_buffer_deinit(&request->out);
    ky_arena_deinit(&request->arena);
    ky_free(request);
    http_busy(http, -1);
}

/* ------------------------------------------------------------------ running */

static void
submit(struct http_request *request)
{
    pool_submit(request->http->options.pool, &request->job, POOL_SHORT);
}

/* The session may go on. While the handler still runs, it only leaves a note. */
static void
request_wake(void *arg)
{
    struct http_request *request = arg;
    /* acq_rel: the runner sees what the waker did before it. */
    int before = atomic_fetch_or_explicit(&request->flags, REQUEST_WOKEN, memory_order_acq_rel);
    if ((before & (REQUEST_RUNNING | REQUEST_WOKEN)) == 0) {
        submit(request);
    }
}

static void
run_request(void *arg)
{
    struct http_request *request = arg;
    for (;;) {
        atomic_store_explicit(&request->flags, REQUEST_RUNNING, memory_order_release);
        if (request->route->handler(request) == HTTP_DONE) {
            loop_post(request->http->options.loop, finish_request, request);
            return;
        }
        int before =
            atomic_fetch_and_explicit(&request->flags, ~REQUEST_RUNNING, memory_order_acq_rel);
        if ((before & REQUEST_WOKEN) == 0) {
            return;
        }
        /* Woken while running: nobody else submits until REQUEST_WOKEN is cleared. */
    }
}

static void
ignore_terminate(void *arg, const struct ky_error *reason)
{
    (void)arg;
    (void)reason;
}

struct session *
request_session(struct http_request *request, struct ky_error *err)
{
    if (request->session != NULL) {
        return request->session;
    }
    static const char *const settings[] = {"application_name", "http", NULL};
    const struct session_options options = {
        .user = "postgres",
        .database = "postgres",
        .client_address = "",
        .client_port = -1,
        .is_http = true,
        .settings = settings,
        .hooks = {.arg = request, .wake = request_wake, .terminate = ignore_terminate},
    };
    struct server *server = atomic_load_explicit(&request->http->server, memory_order_acquire);
    if (session_open(server, &options, &request->session, err) != KY_OK) {
        return NULL;
    }
    return request->session;
}

/* ------------------------------------------------------------------ reading */

static struct ky_slice
read_body(struct http_request *request)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request->request);
    size_t size = evbuffer_get_length(input);
    char *copy = ky_arena_alloc(&request->arena, size + 1);
    (void)evbuffer_copyout(input, copy, size);
    copy[size] = '\0';
    return ky_slice(copy, size);
}

const char *
request_param(struct http_request *request, const char *name)
{
    size_t name_size = strlen(name);
    for (const char *at = request->query; *at != '\0';) {
        size_t size = strcspn(at, "&");
        if (size > name_size && at[name_size] == '=' && strncmp(at, name, name_size) == 0) {
            size_t decoded_size;
            char *raw =
                ky_arena_cstr(&request->arena, ky_slice(at + name_size + 1, size - name_size - 1));
            char *decoded = evhttp_uridecode(raw, 1, &decoded_size);
            char *kept = ky_arena_cstr(&request->arena, ky_slice(decoded, decoded_size));
            free(decoded);
            return kept;
        }
        at += size + (at[size] == '&');
    }
    return NULL;
}

bool
request_number(struct http_request *request, const char *name, uint64_t fallback, uint64_t *out)
{
    const char *text = request_param(request, name);
    char *end;
    if (text == NULL) {
        *out = fallback;
        return true;
    }
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0') {
        (void)request_error(request, KY_INVALID_TEXT_REPRESENTATION,
                            "parameter \"%s\" is not a number: \"%s\"", name, text);
        return false;
    }
    *out = value;
    return true;
}

const struct json_value *
request_member(const struct http_request *request, const char *name)
{
    return json_get(request->json, name);
}

static bool
parse_json_body(struct http_request *request)
{
    struct ky_error err;
    ky_error_init(&err);
    if (json_parse(&request->arena, request->body, &request->json, &err) != KY_OK) {
        (void)request_fail(request, &err);
        return false;
    }
    if (request->json->kind != JSON_OBJECT) {
        (void)request_error(request, KY_INVALID_TEXT_REPRESENTATION,
                            "the request's body is not a JSON object");
        return false;
    }
    return true;
}

static const char *
method_name(enum evhttp_cmd_type command)
{
    switch (command) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    default:
        return "OTHER";
    }
}

/* ------------------------------------------------------------------ routing */

static const struct http_route *
find_route(struct http_request *request, const char *method, const char *path)
{
    bool is_known = false;
    for (size_t i = 0; i < KY_COUNT_OF(routes); i++) {
        if (strcmp(routes[i].path, path) != 0) {
            continue;
        }
        is_known = true;
        if (strcmp(routes[i].method, method) == 0) {
            return &routes[i];
        }
        (void)evhttp_add_header(evhttp_request_get_output_headers(request->request), "Allow",
                                routes[i].method);
    }
    if (is_known) {
        (void)request_problem(request, 405, "Method Not Allowed", "see the Allow header");
    } else {
        (void)request_problem(request, 404, "Not Found", "no such endpoint; see docs/http.md");
    }
    return NULL;
}

static bool
is_authorized(const struct http_request *request)
{
    const char *token = request->http->options.token;
    const char *header =
        evhttp_find_header(evhttp_request_get_input_headers(request->request), "Authorization");
    if (token == NULL || token[0] == '\0') {
        return true;
    }
    if (header == NULL || strncmp(header, "Bearer ", 7) != 0) {
        return false;
    }
    size_t size = strlen(token);
    return strlen(header + 7) == size && CRYPTO_memcmp(header + 7, token, size) == 0;
}

static void
start_subscription(struct http_request *request)
{
    struct event_filter filter = {{0}, {0}};
    uint64_t from;
    struct http *http = request->http;
    const char *table = request_param(request, "table");
    const char *type = request_param(request, "type");
    const char *last =
        evhttp_find_header(evhttp_request_get_input_headers(request->request), "Last-Event-ID");
    if (!request_number(request, "from", server_next_event(http->server), &from)) {
        finish_request(request);
        return;
    }
    if (last != NULL && last[0] >= '0' && last[0] <= '9') {
        from = strtoull(last, NULL, 10) + 1;
    }
    (void)snprintf(filter.table, sizeof(filter.table), "%s", table == NULL ? "" : table);
    (void)snprintf(filter.type, sizeof(filter.type), "%s", type == NULL ? "" : type);
    if (from < server_earliest_event(http->server)) {
        (void)request_problem(request, 410, "Gone", "events before \"earliest\" are gone");
        request->out.size -= 2;
        ky_buffer_printf(&request->out, ",\"earliest\":%llu}\n",
                         (unsigned long long)server_earliest_event(http->server));
        finish_request(request);
        return;
    }
    if (http->subscriber_count >= HTTP_SUBSCRIBERS_MAX) {
        (void)request_error(request, KY_TOO_MANY_CONNECTIONS, "too many subscribers");
        finish_request(request);
        return;
    }
    struct evhttp_request *event_request = request->request;
    ky_buffer_deinit(&request->out);
    ky_arena_deinit(&request->arena);
    ky_free(request);
    subscribe_start(http, event_request, from, &filter);
    http_busy(http, -1);
}

static void
route_request(struct http_request *request, const char *method, const char *path)
{
    struct http *http = request->http;
    bool is_ready = atomic_load_explicit(&http->server, memory_order_acquire) != NULL;
    request->route = find_route(request, method, path);
    if (request->route == NULL) {
        finish_request(request);
    } else if (!request->route->is_open && !is_authorized(request)) {
        (void)request_problem(request, 401, "Unauthorized", "a bearer token is required");
        finish_request(request);
    } else if (!request->route->is_before_ready && !is_ready) {
        (void)request_error(request, KY_CANNOT_CONNECT_NOW, "the database system is starting up");
        finish_request(request);
    } else if (request->route->has_json_body && !parse_json_body(request)) {
        finish_request(request);
    } else if (request->route->handler == NULL) {
        start_subscription(request);
    } else if (request->route->is_on_loop) {
        (void)request->route->handler(request);
        finish_request(request);
    } else {
        submit(request);
    }
}

static void
handle_request(struct evhttp_request *event_request, void *arg)
{
    struct http *http = arg;
    struct http_request *request = ky_calloc(1, sizeof(*request));
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(event_request);
    const char *query = evhttp_uri_get_query(uri);
    const char *path = evhttp_uri_get_path(uri);
    const char *accept =
        evhttp_find_header(evhttp_request_get_input_headers(event_request), "Accept");
    ky_arena_init(&request->arena);
    request->http = http;
    request->request = event_request;
    request->job = (struct pool_job){.run = run_request, .arg = request};
    request->status = 200;
    request->content_type = "application/json";
    request->query = query == NULL ? "" : ky_arena_strdup(&request->arena, query);
    request->wants_ndjson = accept != NULL && strstr(accept, "application/x-ndjson") != NULL;
    request->body = read_body(request);
    http_busy(http, 1);
    route_request(request, method_name(evhttp_request_get_command(event_request)),
                  path == NULL || path[0] == '\0' ? "/" : path);
}

/* ------------------------------------------------------------------ life */

static struct bufferevent *
tls_bufferevent(struct event_base *base, void *arg)
{
    struct http *http = arg;
    return bufferevent_openssl_socket_new(base, -1, SSL_new(tls_context(http->options.tls)),
                                          BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
}

ky_status
http_start(const struct http_options *options, struct http **http_out, struct ky_error *err)
{
    struct http *http = ky_calloc(1, sizeof(*http));
    http->options = *options;
    ky_mutex_init(&http->lock);
    ky_cond_init(&http->idle);
    ky_list_init(&http->subscribers);
    http->evhttp = evhttp_new(loop_base(options->loop));
    KY_ASSERT(http->evhttp != NULL);
    evhttp_set_max_headers_size(http->evhttp, HTTP_HEADER_SIZE_MAX);
    evhttp_set_max_body_size(http->evhttp, HTTP_BODY_SIZE_MAX);
    evhttp_set_allowed_methods(http->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                                 EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE);
    evhttp_set_gencb(http->evhttp, handle_request, http);
    if (options->tls != NULL) {
        evhttp_set_bevcb(http->evhttp, tls_bufferevent, http);
    }
    if (evhttp_bind_socket_with_handle(http->evhttp, options->host, (uint16_t)options->port) ==
        NULL) {
        ky_status status = ky_error_set(err, KY_IO_ERROR, "could not listen for HTTP on %s:%d",
                                        options->host, options->port);
        evhttp_free(http->evhttp);
        ky_free(http);
        return status;
    }
    metrics_start();
    ky_log(INFO, "http", "listening host=%s port=%d", options->host, options->port);
    *http_out = http;
    return KY_OK;
}

void
http_set_progress(struct http *http, int percent)
{
    atomic_store_explicit(&http->progress, percent, memory_order_relaxed);
}

static void
wake_on_loop(void *arg)
{
    struct http *http = arg;
    /* Cleared first: what becomes visible from here on posts again. */
    atomic_store_explicit(&http->is_wake_posted, false, memory_order_seq_cst);
    subscribe_wake_all(http);
}

/* On the log writer's thread: at most one post is under way. */
static void
became_visible(void *arg)
{
    struct http *http = arg;
    if (!atomic_exchange_explicit(&http->is_wake_posted, true, memory_order_seq_cst)) {
        loop_post(http->options.loop, wake_on_loop, http);
    }
}

void
http_set_ready(struct http *http, struct server *server)
{
    atomic_store_explicit(&http->server, server, memory_order_release);
    server_set_visible_listener(server, became_visible, http);
}

static void
stop_on_loop(void *arg)
{
    struct http *http = arg;
    http->is_stopping = true;
    subscribe_stop_all(http);
    evhttp_free(http->evhttp);
    http->evhttp = NULL;
    http_busy(http, -1);
}

void
http_stop(struct http *http)
{
    struct server *server = atomic_load_explicit(&http->server, memory_order_acquire);
    if (server != NULL) {
        server_set_visible_listener(server, NULL, NULL);
    }
    http_busy(http, 1);
    loop_post(http->options.loop, stop_on_loop, http);
    ky_mutex_lock(&http->lock);
    while (http->busy > 0) {
        if (!ky_cond_wait_for(&http->idle, &http->lock, 10000)) {
            break; /* a request that does not end: its session ends with the server */
        }
    }
    ky_mutex_unlock(&http->lock);
}

void
http_free(struct http *http)
{
    if (http == NULL) {
        return;
    }
    if (http->evhttp != NULL) {
        evhttp_free(http->evhttp);
    }
    ky_cond_deinit(&http->idle);
    ky_mutex_deinit(&http->lock);
    ky_free(http);
}
