/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/json.h"

enum { READ_SIZE = 64 * 1024 };

int
ctl_usage(const char *text)
{
    (void)fprintf(stderr, "kyrodbctl: %s; see kyrodbctl --help\n", text);
    return CTL_USAGE;
}

static int
print_endpoint(const struct ctl_target *target, int argc, const char *path)
{
    const struct ctl_request request = {
        .path = path, .timeout_s = CTL_STATUS_TIMEOUT_S, .sink = ctl_print_line};
    return argc > 0 ? ctl_usage("this command takes no arguments") : ctl_send(target, &request);
}

/* A POST without arguments; it may take as long as it takes. */
static int
post_endpoint(const struct ctl_target *target, int argc, const char *path)
{
    const struct ky_buffer empty = {0};
    const struct ctl_request request = {.path = path, .body = &empty, .sink = ctl_print_line};
    return argc > 0 ? ctl_usage("this command takes no arguments") : ctl_send(target, &request);
}

int
command_health(const struct ctl_target *target, int argc, char **argv)
{
    (void)argv;
    return print_endpoint(target, argc, "/health");
}

int
command_metrics(const struct ctl_target *target, int argc, char **argv)
{
    (void)argv;
    return print_endpoint(target, argc, "/metrics");
}

int
command_ready(const struct ctl_target *target, int argc, char **argv)
{
    (void)argv;
    return print_endpoint(target, argc, "/ready");
}

int
command_offset(const struct ctl_target *target, int argc, char **argv)
{
    (void)argv;
    return print_endpoint(target, argc, "/offset");
}

int
command_snapshot(const struct ctl_target *target, int argc, char **argv)
{
    (void)argv;
    return post_endpoint(target, argc, "/snapshot");
}

int
command_compact(const struct ctl_target *target, int argc, char **argv)
{
    (void)argv;
    return post_endpoint(target, argc, "/compact");
}

int
command_rmi_build(const struct ctl_target *target, int argc, char **argv)
{
    (void)argv;
    return post_endpoint(target, argc, "/rmi/build");
}

/* ------------------------------------------------------------------ status */

bool
ctl_find_metric(const char *text, const char *name, double *value_out)
{
    size_t size = strlen(name);
    for (const char *line = text; *line != '\0';) {
        if (strncmp(line, name, size) == 0 && line[size] == ' ') {
            *value_out = strtod(line + size + 1, NULL);
            return true;
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return false;
}

static void
print_metrics(const char *text)
{
    static const struct {
        const char *name;
        const char *label;
    } shown[] = {
        {"kyrodb_sessions", "sessions"},
        {"kyrodb_connections", "connections"},
        {"kyrodb_subscribers", "subscribers"},
        {"kyrodb_statements_total", "statements"},
        {"kyrodb_statement_errors_total", "statement errors"},
        {"kyrodb_log_commits_total", "commits"},
        {"kyrodb_events_earliest_offset", "earliest event"},
        {"kyrodb_events_next_offset", "next event"},
        {"process_resident_memory_bytes", "resident bytes"},
    };
    double value = 0;
    bool is_ready = ctl_find_metric(text, "kyrodb_ready", &value) && value > 0;
    bool is_full = ctl_find_metric(text, "kyrodb_log_has_space", &value) && !(value > 0);
    (void)printf("%-18s%s\n", "ready", !is_ready ? "no" : is_full ? "read only: disk full" : "yes");
    if (ctl_find_metric(text, "process_start_time_seconds", &value)) {
        (void)printf("%-18s%.0f s\n", "up", (double)ky_wall_us() / 1e6 - value);
    }
    for (size_t i = 0; i < KY_COUNT_OF(shown); i++) {
        if (ctl_find_metric(text, shown[i].name, &value)) {
            (void)printf("%-18s%.0f\n", shown[i].label, value);
        }
    }
}

/* The members of the health answer, one a line. */
static int
print_health(struct ky_slice text)
{
    struct ky_arena arena;
    struct json_value *health;
    struct ky_error err;
    ky_error_init(&err);
    ky_arena_init(&arena);
    bool is_good = json_parse(&arena, text, &health, &err) == KY_OK && health->kind == JSON_OBJECT;
    for (const struct json_value *at = is_good ? health->first : NULL; at != NULL; at = at->next) {
        (void)printf("%-18.*s%.*s\n", (int)at->key.size, (const char *)at->key.data,
                     (int)at->text.size, at->text.size == 0 ? "" : (const char *)at->text.data);
    }
    ky_arena_deinit(&arena);
    if (!is_good) {
        (void)fprintf(stderr, "kyrodbctl: this is not the answer of a KyroDB server\n");
    }
    return is_good ? CTL_OK : CTL_ERROR;
}

int
command_status(const struct ctl_target *target, int argc, char **argv)
{
    struct ky_buffer text = {0};
    struct ctl_request request = {
        .path = "/health", .timeout_s = CTL_STATUS_TIMEOUT_S, .sink = ctl_keep, .arg = &text};
    (void)argv;
    if (argc > 0) {
        return ctl_usage("this command takes no arguments");
    }
    int result = ctl_send(target, &request);
    if (result == CTL_OK) {
        result = print_health(ky_buffer_slice(&text));
    }
    if (result == CTL_OK) {
        ky_buffer_clear(&text);
        request.path = "/metrics";
        result = ctl_send(target, &request);
    }
    if (result == CTL_OK) {
        ky_buffer_append_byte(&text, '\0');
        print_metrics((const char *)text.data);
    }
    ky_buffer_deinit(&text);
    return result;
}

/* ------------------------------------------------------------------ sql */

static bool
read_input(struct ky_buffer *out)
{
    size_t size;
    do {
        uint8_t *place = ky_buffer_extend(out, READ_SIZE);
        size = fread(place, 1, READ_SIZE, stdin);
        out->size -= READ_SIZE - size;
    } while (size > 0);
    return ferror(stdin) == 0;
}

int
command_sql(const struct ctl_target *target, int argc, char **argv)
{
    struct ky_buffer sql = {0};
    struct ky_buffer body = {0};
    const struct ctl_request request = {.path = "/sql", .body = &body, .sink = ctl_print_line};
    if (argc < 1) {
        return ctl_usage("\"sql\" needs a statement");
    }
    if (strcmp(argv[0], "-") != 0) {
        ky_buffer_append_cstr(&sql, argv[0]);
    } else if (!read_input(&sql)) {
        ky_buffer_deinit(&sql);
        (void)fprintf(stderr, "kyrodbctl: could not read standard input\n");
        return CTL_USAGE;
    }
    ky_buffer_append_cstr(&body, "{\"sql\":");
    json_write_string(&body, ky_buffer_slice(&sql));
    for (int i = 1; i < argc; i++) {
        ky_buffer_append_cstr(&body, i == 1 ? ",\"params\":[" : ",");
        json_write_string(&body, ky_slice_cstr(argv[i]));
    }
    ky_buffer_append_cstr(&body, argc > 1 ? "]}" : "}");
    int result = ctl_send(target, &request);
    ky_buffer_deinit(&sql);
    ky_buffer_deinit(&body);
    return result;
}
