/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "server/http/http_private.h"

/*
 * Key-value and vectors, in the words of the original endpoints: each is one SQL statement, or
 * two when its table has to be made first. Tables are ordinary ones.
 */

struct data_request {
    struct sql_run *run;
    const char *sql;
    const char *create_sql; /* tried when the table is missing; NULL: do not */
    struct ky_slice params[3];
    uint16_t param_count;
    bool is_creating;
    bool was_created;
};

/* An identifier in double quotes, in the arena. */
static const char *
quote_name(struct http_request *request, struct ky_slice name)
{
    struct ky_buffer quoted = {0};
    const char *text = name.data;
    ky_buffer_append_byte(&quoted, '"');
    for (size_t i = 0; i < name.size; i++) {
        if (text[i] == '"') {
            ky_buffer_append_byte(&quoted, '"');
        }
        ky_buffer_append_byte(&quoted, (uint8_t)text[i]);
    }
    ky_buffer_append_byte(&quoted, '"');
    const char *copy = ky_arena_cstr(&request->arena, ky_buffer_slice(&quoted));
    ky_buffer_deinit(&quoted);
    return copy;
}

/* Runs the statement; a missing table is made once, then it runs again. */
static enum sql_answer
data_step(struct http_request *request, struct data_request *data, struct ky_error *err)
{
    for (;;) {
        if (data->run == NULL) {
            data->run = data->is_creating
                            ? sql_run_script(request, ky_slice_cstr(data->create_sql))
                            : sql_run_new(request, data->sql, data->params, data->param_count);
        }
        enum sql_answer answer = sql_run_step(data->run, err);
        if (answer == SQL_PENDING) {
            return answer;
        }
        bool is_missing = answer == SQL_ERROR && err->sqlstate == KY_UNDEFINED_TABLE &&
                          data->create_sql != NULL && !data->was_created && !data->is_creating;
        /* Somebody else made it at the same moment. */
        bool is_made =
            data->is_creating && (answer == SQL_DONE || err->sqlstate == KY_DUPLICATE_TABLE);
        if (!is_missing && !is_made) {
            return answer;
        }
        sql_run_free(data->run);
        data->run = NULL;
        data->was_created = is_made;
        data->is_creating = is_missing;
    }
}

/* Answers {"offset": n} once the change is committed. */
static enum http_answer
answer_offset(struct http_request *request, struct data_request *data)
{
    struct ky_error err;
    uint64_t offset;
    ky_error_init(&err);
    enum sql_answer answer = data_step(request, data, &err);
    if (answer == SQL_PENDING) {
        return HTTP_PENDING;
    }
    if (answer == SQL_ERROR) {
        sql_run_free(data->run);
        return request_fail(request, &err);
    }
    if (sql_run_offset(data->run, &offset)) {
        ky_buffer_printf(&request->out, "{\"offset\":%" PRIu64 "}\n", offset);
    } else {
        ky_buffer_append_cstr(&request->out, "{\"offset\":null}\n");
    }
    sql_run_free(data->run);
    return HTTP_DONE;
}

/* A member as a parameter: numbers and strings as text, other JSON as its text. */
static bool
member_param(struct http_request *request, const char *name, struct ky_slice *out)
{
    const struct json_value *value = request_member(request, name);
    struct ky_buffer text = {0};
    if (value == NULL || value->kind == JSON_NULL) {
        (void)request_error(request, KY_INVALID_TEXT_REPRESENTATION,
                            "the request's body needs a member \"%s\"", name);
        return false;
    }
    if (value->kind == JSON_STRING || value->kind == JSON_NUMBER) {
        *out = value->text.size == 0 ? ky_slice("", 0) : value->text;
        return true;
    }
    json_write_value(&text, value);
    *out = ky_slice_dup(&request->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return true;
}

/* ------------------------------------------------------------------ key and value */

enum http_answer
handle_put(struct http_request *request)
{
    struct data_request *data = request->state;
    if (data == NULL) {
        data = request->state = ky_arena_new(&request->arena, struct data_request);
        if (!member_param(request, "key", &data->params[0]) ||
            !member_param(request, "value", &data->params[1])) {
            return HTTP_DONE;
        }
        data->param_count = 2;
        data->sql = "INSERT INTO kv (key, value) VALUES ($1, $2) "
                    "ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        data->create_sql = "CREATE TABLE kv (key bigint PRIMARY KEY, value text)";
    }
    return answer_offset(request, data);
}

enum http_answer
handle_lookup(struct http_request *request)
{
    struct data_request *data = request->state;
    struct ky_error err;
    ky_error_init(&err);
    if (data == NULL) {
        const char *key = request_param(request, "key");
        data = request->state = ky_arena_new(&request->arena, struct data_request);
        if (key == NULL) {
            return request_error(request, KY_INVALID_TEXT_REPRESENTATION,
                                 "parameter \"key\" is required");
        }
        data->params[0] = ky_slice_cstr(key);
        data->param_count = 1;
        data->sql = "SELECT key, value FROM kv WHERE key = $1";
    }
    enum sql_answer answer = data_step(request, data, &err);
    if (answer == SQL_PENDING) {
        return HTTP_PENDING;
    }
    bool is_missing = answer == SQL_ERROR && err.sqlstate == KY_UNDEFINED_TABLE;
    if (is_missing || (answer == SQL_DONE && sql_run_result(data->run)->row_count == 0)) {
        sql_run_free(data->run);
        return request_problem(request, 404, "Not Found", "no such key");
    }
    if (answer == SQL_ERROR) {
        sql_run_free(data->run);
        return request_fail(request, &err);
    }
    struct ky_slice json = sql_run_json(data->run);
    ky_buffer_append(&request->out, (const char *)json.data + 1, json.size - 2);
    ky_buffer_append_byte(&request->out, '\n');
    sql_run_free(data->run);
    return HTTP_DONE;
}

/* ------------------------------------------------------------------ vectors */

static const char *
table_member(struct http_request *request)
{
    const struct json_value *table = request_member(request, "table");
    return quote_name(request, table != NULL && table->kind == JSON_STRING
                                   ? table->text
                                   : ky_slice_cstr("vectors"));
}

enum http_answer
handle_vector_insert(struct http_request *request)
{
    struct data_request *data = request->state;
    if (data == NULL) {
        const struct json_value *vector = request_member(request, "vector");
        data = request->state = ky_arena_new(&request->arena, struct data_request);
        if (vector == NULL || vector->kind != JSON_ARRAY) {
            return request_error(request, KY_INVALID_TEXT_REPRESENTATION,
                                 "the request's body needs a member \"vector\" that is an array");
        }
        if (!member_param(request, "key", &data->params[0]) ||
            !member_param(request, "vector", &data->params[1])) {
            return HTTP_DONE;
        }
        const char *table = table_member(request);
        data->param_count = 2;
        data->sql = ky_arena_printf(&request->arena,
                                    "INSERT INTO %s (key, vector) VALUES ($1, $2) ON CONFLICT "
                                    "(key) DO UPDATE SET vector = excluded.vector",
                                    table);
        data->create_sql =
            ky_arena_printf(&request->arena, "CREATE VECTORS %s (dim %zu)", table, vector->count);
    }
    return answer_offset(request, data);
}

/* The statement of a search; the filter is SQL and is parsed as part of it. */
static bool
search_sql(struct http_request *request, struct data_request *data)
{
    const struct json_value *mode = request_member(request, "mode");
    const struct json_value *ef = request_member(request, "ef");
    const struct json_value *filter = request_member(request, "filter");
    const struct json_value *k = request_member(request, "k");
    struct ky_buffer sql = {0};
    if (!member_param(request, "query", &data->params[0])) {
        return false;
    }
    data->param_count = 1;
    ky_buffer_printf(&sql, "SELECT * FROM %s WHERE QUERY = $1", table_member(request));
    if (mode != NULL && mode->kind == JSON_STRING) {
        ky_buffer_append_cstr(&sql, " AND MODE = '");
        for (size_t i = 0; i < mode->text.size; i++) {
            char c = ((const char *)mode->text.data)[i];
            ky_buffer_append_cstr(&sql, c == '\'' ? "'" : "");
            ky_buffer_append_byte(&sql, (uint8_t)c);
        }
        ky_buffer_append_byte(&sql, '\'');
    }
    if (ef != NULL && ef->kind == JSON_NUMBER) {
        ky_buffer_printf(&sql, " AND EF = %.*s", (int)ef->text.size, (const char *)ef->text.data);
    }
    if (filter != NULL && filter->kind == JSON_STRING && filter->text.size > 0) {
        ky_buffer_printf(&sql, " AND (%.*s\n)", (int)filter->text.size,
                         (const char *)filter->text.data);
    }
    if (k != NULL && k->kind == JSON_NUMBER) {
        ky_buffer_printf(&sql, " LIMIT %.*s", (int)k->text.size, (const char *)k->text.data);
    }
    data->sql = ky_arena_cstr(&request->arena, ky_buffer_slice(&sql));
    ky_buffer_deinit(&sql);
    return true;
}

enum http_answer
handle_vector_search(struct http_request *request)
{
    struct data_request *data = request->state;
    struct ky_error err;
    ky_error_init(&err);
    if (data == NULL) {
        data = request->state = ky_arena_new(&request->arena, struct data_request);
        if (!search_sql(request, data)) {
            return HTTP_DONE;
        }
    }
    enum sql_answer answer = data_step(request, data, &err);
    if (answer == SQL_PENDING) {
        return HTTP_PENDING;
    }
    if (answer == SQL_ERROR) {
        sql_run_free(data->run);
        return request_fail(request, &err);
    }
    ky_buffer_append_cstr(&request->out, "{\"results\":");
    ky_buffer_append_slice(&request->out, sql_run_json(data->run));
    ky_buffer_append_cstr(&request->out, "}\n");
    sql_run_free(data->run);
    return HTTP_DONE;
}
