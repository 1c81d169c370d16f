/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/http_private.h"

/* POST /sql {sql[, params]}: any statements. Parameters bind $1.. of a single statement. */

struct sql_request {
    struct sql_run *run;
};

/* A parameter as text: strings as they are, null as null, everything else as its JSON. */
static struct ky_slice
param_text(struct http_request *request, const struct json_value *value)
{
    struct ky_buffer text = {0};
    if (value->kind == JSON_NULL) {
        return ky_slice(NULL, 0);
    }
    if (value->kind == JSON_STRING) {
        return ky_slice_dup(&request->arena, value->text.size == 0 ? ky_slice("", 0) : value->text);
    }
    json_write_value(&text, value);
    struct ky_slice copy = ky_slice_dup(&request->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return copy;
}

static struct sql_run *
run_from_json(struct http_request *request, struct ky_error *err)
{
    if (json_parse(&request->arena, request->body, &request->json, err) != KY_OK) {
        return NULL;
    }
    const struct json_value *sql =
        request->json->kind == JSON_OBJECT ? json_get(request->json, "sql") : NULL;
    if (sql == NULL || sql->kind != JSON_STRING) {
        (void)ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION,
                           "the request's body needs a member \"sql\" that is a string");
        return NULL;
    }
    const struct json_value *params = json_get(request->json, "params");
    if (params == NULL || params->kind == JSON_NULL) {
        return sql_run_script(request, sql->text);
    }
    if (params->kind != JSON_ARRAY || params->count > 65535) {
        (void)ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION, "\"params\" must be an array");
        return NULL;
    }
    struct ky_slice *texts = ky_arena_array(&request->arena, struct ky_slice, params->count + 1);
    uint16_t count = 0;
    for (const struct json_value *value = params->first; value != NULL; value = value->next) {
        texts[count++] = param_text(request, value);
    }
    return sql_run_new(request, ky_arena_cstr(&request->arena, sql->text), texts, count);
}

enum http_answer
handle_sql(struct http_request *request)
{
    struct ky_error err;
    ky_error_init(&err);
    struct sql_run *run = request->state;
    if (run == NULL) {
        const uint8_t *text = request->body.data;
        size_t blank = 0;
        while (blank < request->body.size && (text[blank] == ' ' || text[blank] == '\n' ||
                                              text[blank] == '\r' || text[blank] == '\t')) {
            blank++;
        }
        /* A body that is not a JSON object is the SQL itself. */
        bool is_json = blank < request->body.size && text[blank] == '{';
        run = is_json ? run_from_json(request, &err) : sql_run_script(request, request->body);
        if (run == NULL) {
            return request_fail(request, &err);
        }
        request->state = run;
    }
    enum sql_answer answer = sql_run_step(run, &err);
    if (answer == SQL_PENDING) {
        return HTTP_PENDING;
    }
    if (answer == SQL_ERROR) {
        sql_run_free(run);
        return request_fail(request, &err);
    }
    uint32_t count = sql_run_count(run);
    ky_buffer_append_cstr(&request->out, count > 1 ? "[" : "");
    ky_buffer_append_slice(&request->out, sql_run_json(run));
    ky_buffer_append_cstr(&request->out, count > 1 ? "]\n" : count == 0 ? "[]\n" : "\n");
    sql_run_free(run);
    return HTTP_DONE;
}
