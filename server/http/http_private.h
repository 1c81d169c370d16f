/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/json.h"
#include "server/base/list.h"
#include "server/base/mutex.h"
#include "server/http/http.h"
#include "server/session/events.h"

struct evhttp;
struct evhttp_request;

enum {
    HTTP_HEADER_SIZE_MAX = 16 * 1024,
    HTTP_BODY_SIZE_MAX = 64 * 1024 * 1024,
    HTTP_SUBSCRIBERS_MAX = 1000,
    HTTP_REPLAY_LIMIT = 10000, /* events in one answer when no limit is given */
    HTTP_REPLAY_LIMIT_MAX = 100000,
};

struct http {
    struct http_options options;
    struct evhttp *evhttp;      /* loop's */
    struct ky_list subscribers; /* loop's: struct subscriber.link */
    int subscriber_count;       /* loop's */
    bool is_stopping;           /* loop's */
    atomic_int progress;
    _Atomic(struct server *) server; /* NULL until ready; release/acquire */
    atomic_bool is_wake_posted;      /* a loop_post for subscribers is on its way */
    struct ky_mutex lock;
    struct ky_cond idle;
    int busy KY_GUARDED_BY(lock); /* requests and subscribers alive */
};

/**
 * One request: read on the loop, handled on a worker, answered on the loop. A handler may answer
 * PENDING after a session call did; it is called again after the wake and keeps its place in
 * `step` and `state`.
 */
struct http_request {
    struct http *http;
    struct evhttp_request *request; /* loop's */
    struct pool_job job;
    atomic_int flags; /* REQUEST_* */
    const struct http_route *route;
    struct ky_arena arena;
    struct ky_slice body;    /* owned by arena */
    const char *query;       /* after '?'; "" */
    struct json_value *json; /* of the body, when the route wants it */
    bool wants_ndjson;
    struct session *session; /* opened by request_session */
    int step;                /* the handler's */
    void *state;             /* the handler's, in arena */
    /* The answer. */
    int status;
    const char *content_type;
    struct ky_buffer out;
};

enum http_answer { HTTP_DONE, HTTP_PENDING };
typedef enum http_answer (*http_handler)(struct http_request *request);

struct http_route {
    const char *method;
    const char *path;
    http_handler handler;
    bool has_json_body;
    bool is_open;    /* needs no token */
    bool is_on_loop; /* quick, touches no storage: answered at once */
    bool is_before_ready;
};
const struct http_route *http_routes(size_t *count_out);

/* Problem answer (RFC 7807) with its status following from the SQLSTATE. Returns HTTP_DONE. */
enum http_answer request_fail(struct http_request *request, const struct ky_error *err);
enum http_answer request_problem(struct http_request *request, int status, const char *title,
                                 const char *detail);
/* Raises and answers in one line. */
enum http_answer request_error(struct http_request *request, enum ky_sqlstate sqlstate,
                               const char *format, ...) KY_PRINTF(3, 4);
/* The request's session, opened on first use. NULL: *err is set. */
struct session *request_session(struct http_request *request, struct ky_error *err);
/* A decoded query parameter in the request's arena, or NULL. */
const char *request_param(struct http_request *request, const char *name);
/* A query parameter as a number; fallback when absent. False: it is not one (answered 400). */
bool request_number(struct http_request *request, const char *name, uint64_t fallback,
                    uint64_t *out);
/* A member of the JSON body as the text of a number, a string ...; NULL when absent. */
const struct json_value *request_member(const struct http_request *request, const char *name);

/* ------------------------------------------------------------------ SQL for handlers */

/* What came of statements run through sql_run. */
struct sql_result {
    struct ky_buffer out; /* JSON: array of objects, or {"command", ...} */
    uint32_t row_count;
    uint64_t rows_affected;
    char command[64];
    bool has_rows;
};
struct sql_run;
/* One statement with text parameters ($1 ..; data NULL is null), committed. Lives in the arena. */
struct sql_run *sql_run_new(struct http_request *request, const char *sql,
                            const struct ky_slice *params, uint16_t param_count);
/* Any number of statements without parameters: results of each in an array when there are several.
 */
struct sql_run *sql_run_script(struct http_request *request, struct ky_slice sql);
enum sql_answer { SQL_DONE, SQL_PENDING, SQL_ERROR };
/* Starts, or goes on after PENDING. */
enum sql_answer sql_run_step(struct sql_run *run, struct ky_error *err);
/* The last statement's result. */
const struct sql_result *sql_run_result(const struct sql_run *run);
/* The JSON of all results. */
struct ky_slice sql_run_json(const struct sql_run *run);
/* Offset of the first event of the last commit; false when there was none. */
uint32_t sql_run_count(const struct sql_run *run);
bool sql_run_offset(const struct sql_run *run, uint64_t *offset_out);
void sql_run_free(struct sql_run *run);

/* ------------------------------------------------------------------ handlers, by file */

enum http_answer handle_sql(struct http_request *request);
enum http_answer handle_append(struct http_request *request);
enum http_answer handle_replay(struct http_request *request);
enum http_answer handle_put(struct http_request *request);
enum http_answer handle_lookup(struct http_request *request);
enum http_answer handle_vector_insert(struct http_request *request);
enum http_answer handle_vector_search(struct http_request *request);
enum http_answer handle_snapshot(struct http_request *request);
enum http_answer handle_backup(struct http_request *request);
enum http_answer handle_verify(struct http_request *request);
enum http_answer handle_compact(struct http_request *request);
enum http_answer handle_rmi_build(struct http_request *request);
enum http_answer handle_offset(struct http_request *request);
enum http_answer handle_health(struct http_request *request);
enum http_answer handle_ready(struct http_request *request);
enum http_answer handle_metrics(struct http_request *request);
enum http_answer handle_console(struct http_request *request);
enum http_answer handle_pictures(struct http_request *request);

/* GET /subscribe: takes the request. On the loop. */
void subscribe_start(struct http *http, struct evhttp_request *request, uint64_t from,
                     const struct event_filter *filter);
/* The log grew. On the loop. */
void subscribe_wake_all(struct http *http);
void subscribe_stop_all(struct http *http);

void http_busy(struct http *http, int change);
void metrics_start(void);
