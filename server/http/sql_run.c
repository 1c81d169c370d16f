/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/http/http_private.h"

/*
 * SQL for handlers: a session and a sink that writes JSON. With parameters the extended calls
 * are used (Parse, Bind, Execute, Sync), without them the simple one.
 */

enum run_phase { RUN_PARSE, RUN_BIND, RUN_EXECUTE, RUN_SYNC, RUN_SIMPLE, RUN_FINISHED };

struct sql_run {
    struct result_sink sink; /* first: the sink is the run */
    struct http_request *request;
    enum run_phase phase;
    bool is_started; /* the phase's call was made; it is to be resumed */
    struct ky_slice sql;
    const struct ky_slice *params;
    uint16_t param_count;
    struct ky_buffer json; /* finished results, separated by commas */
    uint32_t result_count;
    struct sql_result result; /* of the statement that runs */
    bool has_columns;
    uint32_t last_rows;
};

/* ------------------------------------------------------------------ the sink */

static struct sql_run *
run_of(struct result_sink *sink)
{
    return (struct sql_run *)(void *)sink;
}

static void
begin_rows(struct sql_run *run)
{
    run->has_columns = true;
    run->result.has_rows = true;
    ky_buffer_append_byte(&run->result.out, '[');
}

static void
sink_columns(struct result_sink *sink, const struct result_column *columns, uint16_t count)
{
    (void)columns;
    (void)count;
    begin_rows(run_of(sink));
}

static void
write_object(struct sql_run *run, const struct result_column *columns, uint16_t count,
             const struct batch *batch, uint32_t place, const struct type_context *types)
{
    struct ky_buffer *out = &run->result.out;
    ky_buffer_append_cstr(out, run->result.row_count == 0 ? "{" : ",{");
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_append_cstr(out, i == 0 ? "" : ",");
        json_write_string(out, ky_slice_cstr(columns[i].name));
        ky_buffer_append_byte(out, ':');
        event_write_value(out, types, batch->columns[i].type,
                          column_get(&batch->columns[i], place));
    }
    ky_buffer_append_byte(out, '}');
    run->result.row_count++;
}

static bool
sink_rows(struct result_sink *sink, const struct result_column *columns, uint16_t count,
          const struct batch *batch, const struct type_context *types)
{
    struct sql_run *run = run_of(sink);
    if (!run->has_columns) {
        begin_rows(run);
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        write_object(run, columns, count, batch, batch_place(batch, i), types);
    }
    return true;
}

/* "INSERT 0 5" is INSERT and 5, "CREATE TABLE" has no count. */
static void
read_tag(struct sql_result *result, const char *tag)
{
    const char *last = strrchr(tag, ' ');
    bool has_count = last != NULL && last[1] >= '0' && last[1] <= '9';
    size_t size = has_count ? strcspn(tag, "0123456789") - 1 : strlen(tag);
    (void)snprintf(result->command, sizeof(result->command), "%.*s", (int)size, tag);
    result->rows_affected = has_count ? strtoull(last + 1, NULL, 10) : 0;
}

static void
sink_complete(struct result_sink *sink, const char *tag)
{
    struct sql_run *run = run_of(sink);
    struct sql_result *result = &run->result;
    uint64_t offset;
    read_tag(result, tag);
    ky_buffer_append_cstr(&run->json, run->result_count == 0 ? "" : ",");
    run->result_count++;
    if (result->has_rows) {
        ky_buffer_append_byte(&result->out, ']');
        ky_buffer_append_slice(&run->json, ky_buffer_slice(&result->out));
    } else {
        ky_buffer_append_cstr(&run->json, "{\"command\":");
        json_write_string(&run->json, ky_slice_cstr(result->command));
        ky_buffer_printf(&run->json,
                         ",\"rows_affected\":%" PRIu64 ",\"offset\":", result->rows_affected);
        if (sql_run_offset(run, &offset)) {
            ky_buffer_printf(&run->json, "%" PRIu64 "}", offset);
        } else {
            ky_buffer_append_cstr(&run->json, "null}");
        }
    }
    run->has_columns = false;
    if (run->phase == RUN_SIMPLE) {
        /* The next statement of the script starts afresh. */
        struct sql_result finished = *result;
        ky_buffer_clear(&finished.out);
        finished.row_count = 0;
        finished.has_rows = false;
        run->last_rows = result->row_count;
        *result = finished;
    }
}

static void
sink_empty(struct result_sink *sink)
{
    (void)sink;
}

static void
sink_copy_begin(struct result_sink *sink, uint16_t column_count, int16_t format)
{
    (void)sink;
    (void)column_count;
    (void)format;
}

/* COPY TO STDOUT: the lines become one string. */
static bool
sink_copy_data(struct result_sink *sink, struct ky_slice data)
{
    ky_buffer_append_slice(&run_of(sink)->result.out, data);
    return true;
}

static void
sink_copy_end(struct result_sink *sink)
{
    struct sql_run *run = run_of(sink);
    struct ky_buffer quoted = {0};
    json_write_string(&quoted, ky_buffer_slice(&run->result.out));
    ky_buffer_clear(&run->result.out);
    ky_buffer_append_cstr(&run->result.out, "[");
    ky_buffer_append_slice(&run->result.out, ky_buffer_slice(&quoted));
    run->result.has_rows = true;
    ky_buffer_deinit(&quoted);
}

static void
sink_notice(struct result_sink *sink, const char *severity, const struct ky_error *notice)
{
    (void)sink;
    (void)severity;
    (void)notice;
}

static void
sink_parameter(struct result_sink *sink, const char *name, const char *value)
{
    (void)sink;
    (void)name;
    (void)value;
}

/* ------------------------------------------------------------------ running */

static struct sql_run *
new_run(struct http_request *request, enum run_phase phase, struct ky_slice sql)
{
    struct sql_run *run = ky_arena_new(&request->arena, struct sql_run);
    run->sink = (struct result_sink){
        .columns = sink_columns,
        .rows = sink_rows,
        .complete = sink_complete,
        .empty = sink_empty,
        .copy_out = sink_copy_begin,
        .copy_data = sink_copy_data,
        .copy_out_end = sink_copy_end,
        .copy_in = sink_copy_begin,
        .notice = sink_notice,
        .parameter = sink_parameter,
    };
    run->request = request;
    run->phase = phase;
    run->sql = sql;
    return run;
}

struct sql_run *
sql_run_new(struct http_request *request, const char *sql, const struct ky_slice *params,
            uint16_t param_count)
{
    struct sql_run *run = new_run(request, RUN_PARSE, ky_slice_cstr(sql));
    run->params = params;
    run->param_count = param_count;
    return run;
}

struct sql_run *
sql_run_script(struct http_request *request, struct ky_slice sql)
{
    return new_run(request, RUN_SIMPLE, sql);
}

static enum session_answer
call_bind(struct sql_run *run, struct session *session, struct ky_error *err)
{
    const struct session_bind bind = {
        .portal = "", .statement = "", .params = run->params, .param_count = run->param_count};
    return session_bind(session, &bind, &run->sink, err);
}

static enum session_answer
call_phase(struct sql_run *run, struct session *session, struct ky_error *err)
{
    switch (run->phase) {
    case RUN_PARSE:
        return session_parse(session, "", run->sql, NULL, 0, &run->sink, err);
    case RUN_BIND:
        return call_bind(run, session, err);
    case RUN_EXECUTE: {
        struct session_description description;
        enum session_answer answer = session_describe_portal(session, "", &description, err);
        if (answer == SESSION_DONE && description.has_rows) {
            begin_rows(run);
        }
        return answer == SESSION_DONE ? session_execute(session, "", 0, &run->sink, err) : answer;
    }
    case RUN_SYNC:
        return session_sync(session, &run->sink, err);
    case RUN_SIMPLE:
        return session_simple(session, run->sql, &run->sink, err);
    case RUN_FINISHED:
        return SESSION_DONE;
    }
    KY_UNREACHABLE();
}

/* An error in the extended protocol still ends with Sync, which rolls back. */
static void
end_after_error(struct sql_run *run, struct session *session)
{
    struct ky_error ignored;
    ky_error_init(&ignored);
    if (run->phase != RUN_SIMPLE) {
        (void)session_sync(session, &run->sink, &ignored);
    }
    run->phase = RUN_FINISHED;
}

static void
next_phase(struct sql_run *run)
{
    switch (run->phase) {
    case RUN_PARSE:
        run->phase = RUN_BIND;
        break;
    case RUN_BIND:
        run->phase = RUN_EXECUTE;
        break;
    case RUN_EXECUTE:
        run->phase = RUN_SYNC;
        break;
    case RUN_SYNC:
    case RUN_SIMPLE:
    case RUN_FINISHED:
        run->phase = RUN_FINISHED;
        break;
    }
}

enum sql_answer
sql_run_step(struct sql_run *run, struct ky_error *err)
{
    struct session *session = request_session(run->request, err);
    if (session == NULL) {
        return SQL_ERROR;
    }
    while (run->phase != RUN_FINISHED) {
        enum session_answer answer = run->is_started ? session_resume(session, &run->sink, err)
                                                     : call_phase(run, session, err);
        run->is_started = true;
        if (answer == SESSION_COPY_IN) {
            (void)ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                               "COPY FROM STDIN is not possible over HTTP");
            struct ky_error ignored;
            ky_error_init(&ignored);
            (void)session_copy_end(session, "not possible over HTTP", &run->sink, &ignored);
            answer = SESSION_ERROR;
        }
        if (answer == SESSION_PENDING) {
            return SQL_PENDING;
        }
        if (answer == SESSION_ERROR) {
            end_after_error(run, session);
            return SQL_ERROR;
        }
        run->is_started = false;
        next_phase(run);
    }
    return SQL_DONE;
}

const struct sql_result *
sql_run_result(const struct sql_run *run)
{
    return &run->result;
}

struct ky_slice
sql_run_json(const struct sql_run *run)
{
    return ky_buffer_slice(&run->json);
}

uint32_t
sql_run_count(const struct sql_run *run)
{
    return run->result_count;
}

bool
sql_run_offset(const struct sql_run *run, uint64_t *offset_out)
{
    struct txn_result result = session_last_result(run->request->session);
    *offset_out = result.first_event;
    return result.event_count > 0;
}

void
sql_run_free(struct sql_run *run)
{
    if (run != NULL) {
        ky_buffer_deinit(&run->json);
        ky_buffer_deinit(&run->result.out);
    }
}
