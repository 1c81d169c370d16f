/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/metric.h"
#include "server/http/console.h"
#include "server/http/http_private.h"

/* Health, positions, metrics, the console page. */

static int64_t process_start_us;

enum http_answer
handle_health(struct http_request *request)
{
    ky_buffer_printf(&request->out, "{\"status\":\"ok\",\"version\":\"%s\"}\n",
                     request->http->options.version);
    return HTTP_DONE;
}

enum http_answer
handle_ready(struct http_request *request)
{
    bool is_ready = atomic_load_explicit(&request->http->server, memory_order_acquire) != NULL;
    int percent = atomic_load_explicit(&request->http->progress, memory_order_relaxed);
    if (is_ready) {
        bool has_space = server_has_space(request->http->server);
        request->status = has_space ? 200 : 503;
        ky_buffer_append_cstr(&request->out,
                              has_space ? "{\"status\":\"ready\"}\n"
                                        : "{\"status\":\"read only\",\"reason\":\"disk full\"}\n");
        return HTTP_DONE;
    }
    request->status = 503;
    ky_buffer_printf(&request->out, "{\"status\":\"recovering\",\"recovery_percent\":%d}\n",
                     percent);
    return HTTP_DONE;
}

enum http_answer
handle_offset(struct http_request *request)
{
    struct server *server = request->http->server;
    lsn_t lsn = server_visible_lsn(server);
    ky_buffer_printf(&request->out,
                     "{\"next\":%" PRIu64 ",\"earliest\":%" PRIu64 ",\"lsn\":\"%X/%X\"}\n",
                     server_next_event(server), server_earliest_event(server),
                     (unsigned)(lsn >> 32), (unsigned)lsn);
    return HTTP_DONE;
}

enum http_answer
handle_snapshot(struct http_request *request)
{
    struct ky_error err;
    lsn_t lsn;
    ky_error_init(&err);
    if (server_checkpoint(request->http->server, &lsn, &err) != KY_OK) {
        return request_fail(request, &err);
    }
    ky_buffer_printf(&request->out, "{\"lsn\":\"%X/%X\"}\n", (unsigned)(lsn >> 32), (unsigned)lsn);
    return HTTP_DONE;
}

/* The absolute path in "directory"; NULL when it was answered as a mistake. */
static const char *
directory_member(struct http_request *request)
{
    const struct json_value *value = request_member(request, "directory");
    if (value == NULL || value->kind != JSON_STRING || value->text.size == 0 ||
        ((const char *)value->text.data)[0] != '/' ||
        memchr(value->text.data, '\0', value->text.size) != NULL) {
        (void)request_error(request, KY_INVALID_PARAMETER_VALUE,
                            "the request's body needs a member \"directory\" that is an absolute "
                            "path on the server's machine");
        return NULL;
    }
    return ky_arena_cstr(&request->arena, value->text);
}

/* On a worker, for as long as it takes. */
enum http_answer
handle_backup(struct http_request *request)
{
    struct ky_error err;
    struct backup_result result;
    const char *directory = directory_member(request);
    ky_error_init(&err);
    if (directory == NULL) {
        return HTTP_DONE;
    }
    if (server_backup(request->http->server, directory, &result, &err) != KY_OK) {
        return request_fail(request, &err);
    }
    ky_buffer_printf(&request->out,
                     "{\"lsn\":\"%X/%X\",\"next\":%" PRIu64 ",\"files\":%" PRIu64
                     ",\"bytes\":%" PRIu64 "}\n",
                     (unsigned)(result.lsn >> 32), (unsigned)result.lsn, result.next_event,
                     result.files, result.bytes);
    return HTTP_DONE;
}

enum http_answer
handle_verify(struct http_request *request)
{
    struct ky_error err;
    struct ky_buffer damages = {0};
    uint64_t count = 0;
    const char *directory = directory_member(request);
    ky_error_init(&err);
    if (directory == NULL) {
        return HTTP_DONE;
    }
    ky_status status = server_verify(directory, &damages, &count, &err);
    if (status == KY_OK) {
        ky_buffer_printf(&request->out, "{\"damaged\":%" PRIu64 ",\"damages\":[", count);
        ky_buffer_append_slice(&request->out, ky_buffer_slice(&damages));
        ky_buffer_append_cstr(&request->out, "]}\n");
    }
    ky_buffer_deinit(&damages);
    return status == KY_OK ? HTTP_DONE : request_fail(request, &err);
}

/* Answers when it is done: a client that goes away does not end it. */
enum http_answer
handle_compact(struct http_request *request)
{
    struct ky_error err;
    struct server_compaction result;
    ky_error_init(&err);
    if (server_compact(request->http->server, &result, &err) != KY_OK) {
        return request_fail(request, &err);
    }
    ky_buffer_printf(
        &request->out,
        "{\"segments_dropped\":%" PRIu64 ",\"base_files_removed\":%" PRIu64
        ",\"base_files_written\":%" PRIu64 ",\"rows_moved\":%" PRIu64 ",\"bytes_written\":%" PRIu64
        ",\"bytes_freed\":%" PRIu64 ",\"earliest\":%" PRIu64 "}\n",
        result.segments_dropped, result.files_removed, result.files_written, result.rows_moved,
        result.bytes_written, result.bytes_freed, server_earliest_event(request->http->server));
    return HTTP_DONE;
}

enum http_answer
handle_rmi_build(struct http_request *request)
{
    struct ky_error err;
    uint32_t count = 0;
    ky_error_init(&err);
    if (server_rebuild_indexes(request->http->server, request_param(request, "index"), &count,
                               &err) != KY_OK) {
        return request_fail(request, &err);
    }
    request->status = 202;
    ky_buffer_printf(&request->out, "{\"rebuilding\":%u}\n", count);
    return HTTP_DONE;
}

/* ------------------------------------------------------------------ metrics */

static uint64_t
resident_bytes(void)
{
    unsigned long pages = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &pages, &resident) != 2) {
            resident = 0;
        }
        (void)fclose(file);
    }
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
write_gauge(struct ky_buffer *out, const char *name, const char *type, const char *help,
            double value)
{
    ky_metric_write_family(out, name, type, help);
    ky_metric_write_sample(out, name, NULL, value);
}

static void
collect_process(void *arg, struct ky_buffer *out)
{
    struct rusage usage;
    (void)arg;
    (void)getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    write_gauge(out, "process_cpu_seconds_total", "counter",
                "Processor time used by the server, user and system.", cpu);
    write_gauge(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
                (double)resident_bytes());
    write_gauge(out, "process_start_time_seconds", "gauge", "Start of the server, Unix time.",
                (double)process_start_us / 1e6);
    ky_metric_write_family(out, "kyrodb_build_info", "gauge", "1, with the version as a label.");
    ky_metric_write_sample(out, "kyrodb_build_info", "version=\"" KYRO_VERSION "\"", 1);
}

void
metrics_start(void)
{
    process_start_us = ky_wall_us();
    ky_metric_add_collector(collect_process, NULL);
}

static void
write_positions(struct ky_buffer *out, struct server *server)
{
    write_gauge(out, "kyrodb_sessions", "gauge", "Sessions open.",
                (double)server_session_count(server));
    write_gauge(out, "kyrodb_events_next_offset", "gauge", "Offset that the next event gets.",
                (double)server_next_event(server));
    write_gauge(out, "kyrodb_events_earliest_offset", "gauge", "Offset of the oldest event kept.",
                (double)server_earliest_event(server));
    write_gauge(out, "kyrodb_ready", "gauge", "1 when statements are served.", 1);
    server_write_vector_metrics(server, out);
    server_write_index_metrics(server, out);
}

enum http_answer
handle_metrics(struct http_request *request)
{
    struct server *server = atomic_load_explicit(&request->http->server, memory_order_acquire);
    request->content_type = "text/plain; version=0.0.4; charset=utf-8";
    ky_metrics_write(&request->out);
    if (server != NULL) {
        write_positions(&request->out, server);
    }
    return HTTP_DONE;
}

enum http_answer
handle_console(struct http_request *request)
{
    request->content_type = "text/html; charset=utf-8";
    ky_buffer_append(&request->out, console_html, console_html_size);
    return HTTP_DONE;
}

enum http_answer
handle_pictures(struct http_request *request)
{
    request->content_type = "text/html; charset=utf-8";
    ky_buffer_append(&request->out, pictures_html, pictures_html_size);
    return HTTP_DONE;
}
