/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/http/http_private.h"

/* POST /append, GET /replay. /subscribe is subscribe.c. */

enum append_step { APPEND_INSERT, APPEND_LOOKUP };

static const char insert_sql[] = "INSERT INTO kyro.events (id, payload) VALUES ($1, $2) "
                                 "ON CONFLICT (id) DO NOTHING";
static const char lookup_sql[] =
    "SELECT kyro_offset AS offset, payload = $2 AS same FROM kyro.events WHERE id = $1";

struct append {
    struct sql_run *run;
    struct ky_slice params[2];
};

/* The payload's JSON text is what is stored, so that it comes back as it was. */
static bool
append_params(struct http_request *request, struct append *append)
{
    const struct json_value *payload = request_member(request, "payload");
    const struct json_value *id = request_member(request, "id");
    struct ky_buffer text = {0};
    if (payload == NULL) {
        (void)request_error(request, KY_INVALID_TEXT_REPRESENTATION,
                            "the request's body needs a member \"payload\"");
        return false;
    }
    if (id != NULL && id->kind != JSON_STRING && id->kind != JSON_NUMBER && id->kind != JSON_NULL) {
        (void)request_error(request, KY_INVALID_TEXT_REPRESENTATION,
                            "\"id\" must be a string or a number");
        return false;
    }
    json_write_value(&text, payload);
    append->params[0] = id == NULL || id->kind == JSON_NULL ? ky_slice(NULL, 0) : id->text;
    append->params[1] = ky_slice_dup(&request->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return true;
}

/* The id is there already: with this payload it is a replay of the first append. */
static enum http_answer
answer_existing(struct http_request *request, struct sql_run *run)
{
    struct json_value *rows;
    struct ky_error err;
    ky_error_init(&err);
    if (json_parse(&request->arena, sql_run_json(run), &rows, &err) != KY_OK ||
        rows->first == NULL) {
        return request_error(request, KY_SERIALIZATION_FAILURE,
                             "the event with this id is being changed");
    }
    const struct json_value *same = json_get(rows->first, "same");
    const struct json_value *offset = json_get(rows->first, "offset");
    if (same == NULL || same->kind != JSON_TRUE) {
        return request_problem(request, 409, "Conflict",
                               "an event with this id and another payload exists");
    }
    ky_buffer_printf(&request->out, "{\"offset\":%.*s,\"replayed\":true}\n", (int)offset->text.size,
                     (const char *)offset->text.data);
    return HTTP_DONE;
}

enum http_answer
handle_append(struct http_request *request)
{
    struct ky_error err;
    struct append *append = request->state;
    uint64_t offset;
    ky_error_init(&err);
    if (append == NULL) {
        append = request->state = ky_arena_new(&request->arena, struct append);
        if (!append_params(request, append)) {
            return HTTP_DONE;
        }
        append->run = sql_run_new(request, insert_sql, append->params, 2);
    }
    for (;;) {
        enum sql_answer answer = sql_run_step(append->run, &err);
        if (answer == SQL_PENDING) {
            return HTTP_PENDING;
        }
        if (answer == SQL_ERROR) {
            sql_run_free(append->run);
            return request_fail(request, &err);
        }
        if (request->step == APPEND_LOOKUP) {
            enum http_answer done = answer_existing(request, append->run);
            sql_run_free(append->run);
            return done;
        }
        bool was_inserted = sql_run_result(append->run)->rows_affected == 1;
        bool has_offset = sql_run_offset(append->run, &offset);
        sql_run_free(append->run);
        if (was_inserted && has_offset) {
            ky_buffer_printf(&request->out, "{\"offset\":%" PRIu64 ",\"replayed\":false}\n",
                             offset);
            return HTTP_DONE;
        }
        request->step = APPEND_LOOKUP;
        append->run = sql_run_new(request, lookup_sql, append->params, 2);
    }
}

/* ------------------------------------------------------------------ replay */

static enum http_answer
gone(struct http_request *request, uint64_t earliest)
{
    (void)request_problem(request, 410, "Gone", "events before \"earliest\" are gone");
    request->out.size -= 2;
    ky_buffer_printf(&request->out, ",\"earliest\":%" PRIu64 "}\n", earliest);
    return HTTP_DONE;
}

enum http_answer
handle_replay(struct http_request *request)
{
    struct server *server = request->http->server;
    const struct event_filter everything = {{0}, {0}};
    uint64_t start;
    uint64_t end;
    uint64_t limit;
    if (!request_number(request, "start", 0, &start) ||
        !request_number(request, "end", UINT64_MAX, &end) ||
        !request_number(request, "limit", HTTP_REPLAY_LIMIT, &limit)) {
        return HTTP_DONE;
    }
    limit = KY_MIN(limit, (uint64_t)HTTP_REPLAY_LIMIT_MAX);
    if (start < server_earliest_event(server)) {
        return gone(request, server_earliest_event(server));
    }
    struct event_stream *stream = event_stream_open(server, start, &everything);
    enum event_stream_answer answer = EVENT_STREAM_EVENT;
    struct ky_error err;
    struct ky_buffer event = {0};
    ky_status status = KY_OK;
    ky_error_init(&err);
    ky_buffer_append_cstr(&request->out, request->wants_ndjson ? "" : "[");
    for (uint64_t count = 0; count < limit; count++) {
        const char *type;
        uint64_t offset;
        ky_buffer_clear(&event);
        status = event_stream_next(stream, &event, &offset, &type, &answer, &err);
        if (status != KY_OK || answer != EVENT_STREAM_EVENT || offset >= end) {
            break;
        }
        ky_buffer_append_cstr(&request->out, count == 0              ? ""
                                             : request->wants_ndjson ? "\n"
                                                                     : ",\n");
        ky_buffer_append_slice(&request->out, ky_buffer_slice(&event));
    }
    ky_buffer_append_cstr(&request->out, request->wants_ndjson ? "\n" : "]\n");
    ky_buffer_deinit(&event);
    event_stream_close(stream);
    if (status != KY_OK) {
        return request_fail(request, &err);
    }
    if (answer == EVENT_STREAM_GONE) {
        return gone(request, server_earliest_event(server));
    }
    request->content_type = request->wants_ndjson ? "application/x-ndjson" : "application/json";
    return HTTP_DONE;
}
