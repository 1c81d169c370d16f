/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/request.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "server/base/json.h"

enum { CONNECT_TIMEOUT_S = 5, PROBLEM_SIZE_MAX = 64 * 1024, HTTP_OK = 200 };

struct transfer {
    CURL *curl;
    const struct ctl_request *request;
    struct ky_buffer problem; /* the body of an answer that is not 200 */
    char last;                /* byte of a good answer */
    bool is_stopped;          /* the sink wants no more */
};

bool
ctl_keep(void *arg, struct ky_slice piece)
{
    ky_buffer_append_slice(arg, piece);
    return true;
}

bool
ctl_print(void *arg, struct ky_slice piece)
{
    (void)arg;
    return fwrite(piece.data, 1, piece.size, stdout) == piece.size && fflush(stdout) == 0;
}

bool
ctl_print_line(void *arg, struct ky_slice piece)
{
    return ctl_print(arg, piece);
}

static size_t
receive(char *data, size_t unit, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t size = unit * count;
    long status = 0;
    (void)curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != HTTP_OK) {
        size_t room = PROBLEM_SIZE_MAX - transfer->problem.size;
        ky_buffer_append(&transfer->problem, data, KY_MIN(room, size));
        return size;
    }
    transfer->last = size > 0 ? data[size - 1] : transfer->last;
    if (!transfer->request->sink(transfer->request->arg, ky_slice(data, size))) {
        transfer->is_stopped = true;
        return 0;
    }
    return size;
}

static void
print_member(const struct json_value *problem, const char *name, const char *label)
{
    const struct json_value *value = json_get(problem, name);
    if (value != NULL && (value->kind == JSON_STRING || value->kind == JSON_NUMBER)) {
        (void)fprintf(stderr, "%s%.*s\n", label, (int)value->text.size,
                      (const char *)value->text.data);
    }
}

/* "kyrodbctl: 42601: syntax error ..." with what else the server knows; other bodies as they are.
 */
static void
print_problem(long status, struct ky_slice body)
{
    struct ky_arena arena;
    struct json_value *problem;
    struct ky_error err;
    ky_error_init(&err);
    ky_arena_init(&arena);
    if (json_parse(&arena, body, &problem, &err) == KY_OK && problem->kind == JSON_OBJECT &&
        json_get(problem, "detail") != NULL) {
        const struct json_value *code = json_get(problem, "sqlstate");
        (void)fprintf(stderr, "kyrodbctl: HTTP %ld: ", status);
        if (code != NULL && code->kind == JSON_STRING) {
            (void)fprintf(stderr, "%.*s: ", (int)code->text.size, (const char *)code->text.data);
        }
        print_member(problem, "detail", "");
        print_member(problem, "sql_detail", "DETAIL:  ");
        print_member(problem, "hint", "HINT:  ");
        print_member(problem, "position", "POSITION:  ");
        print_member(problem, "earliest", "EARLIEST:  ");
    } else {
        (void)fprintf(stderr, "kyrodbctl: HTTP %ld: %.*s\n", status, (int)body.size,
                      body.size == 0 ? "" : (const char *)body.data);
    }
    ky_arena_deinit(&arena);
}

static struct curl_slist *
make_headers(const struct ctl_target *target, const struct ctl_request *request)
{
    struct curl_slist *headers = NULL;
    struct ky_buffer line = {0};
    if (request->accept != NULL) {
        ky_buffer_printf(&line, "Accept: %s%c", request->accept, '\0');
        headers = curl_slist_append(headers, (const char *)line.data);
        ky_buffer_clear(&line);
    }
    if (target->token != NULL && target->token[0] != '\0') {
        ky_buffer_printf(&line, "Authorization: Bearer %s%c", target->token, '\0');
        headers = curl_slist_append(headers, (const char *)line.data);
    }
    if (request->body != NULL) {
        headers = curl_slist_append(headers, "Content-Type: application/json");
        headers = curl_slist_append(headers, "Expect:");
    }
    ky_buffer_deinit(&line);
    return headers;
}

static void
set_options(struct transfer *transfer, const struct ctl_target *target, const char *url,
            struct curl_slist *headers, char *message)
{
    CURL *curl = transfer->curl;
    const struct ctl_request *request = transfer->request;
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "kyrodbctl/" KYRO_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, request->timeout_s);
    (void)curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    if (target->is_insecure) {
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (request->body != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body->size);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)request->body->data);
    }
}

static int
judge(const struct transfer *transfer, const char *url, CURLcode code, const char *message)
{
    long status = 0;
    (void)curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->is_stopped) {
        (void)fprintf(stderr, "kyrodbctl: could not write the answer\n");
        return CTL_UNREACHABLE;
    }
    if (code != CURLE_OK) {
        (void)fprintf(stderr, "kyrodbctl: %s: %s\n", url,
                      message[0] != '\0' ? message : curl_easy_strerror(code));
        return CTL_UNREACHABLE;
    }
    if (status != HTTP_OK) {
        print_problem(status, ky_buffer_slice(&transfer->problem));
        return CTL_ERROR;
    }
    return CTL_OK;
}

int
ctl_send(const struct ctl_target *target, const struct ctl_request *request)
{
    char message[CURL_ERROR_SIZE] = "";
    struct transfer transfer = {.curl = curl_easy_init(), .request = request};
    struct ky_buffer url = {0};
    size_t size = strlen(target->url);
    if (transfer.curl == NULL) {
        (void)fprintf(stderr, "kyrodbctl: libcurl does not start\n");
        return CTL_UNREACHABLE;
    }
    while (size > 0 && target->url[size - 1] == '/') {
        size--;
    }
    ky_buffer_printf(&url, "%.*s%s%c", (int)size, target->url, request->path, '\0');
    struct curl_slist *headers = make_headers(target, request);
    set_options(&transfer, target, (const char *)url.data, headers, message);
    CURLcode code = curl_easy_perform(transfer.curl);
    int result = judge(&transfer, (const char *)url.data, code, message);
    if (result == CTL_OK && request->sink == ctl_print_line && transfer.last != '\n') {
        (void)ctl_print(NULL, ky_slice("\n", 1));
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(transfer.curl);
    ky_buffer_deinit(&transfer.problem);
    ky_buffer_deinit(&url);
    return result;
}
