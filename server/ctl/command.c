/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/json.h"

enum { STATUS_TIMEOUT_S = 10, READ_SIZE = 64 * 1024 };

static int
usage(const char *text)
{
    (void)fprintf(stderr, "kyrodbctl: %s; see kyrodbctl --help\n", text);
    return CTL_USAGE;
}

static int
print_endpoint(const struct ctl_target *target, int argc, const char *path)
{
    const struct ctl_request request = {
        .path = path, .timeout_s = STATUS_TIMEOUT_S, .sink = ctl_print};
    return argc > 0 ? usage("this command takes no arguments") : ctl_send(target, &request);
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

/* ------------------------------------------------------------------ status */

/* The value of a metric without labels; text ends with a zero byte. */
static bool
find_metric(const char *text, const char *name, double *value_out)
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
    bool is_ready = find_metric(text, "kyrodb_ready", &value) && value > 0;
    bool is_full = find_metric(text, "kyrodb_log_has_space", &value) && !(value > 0);
    (void)printf("%-18s%s\n", "ready", !is_ready ? "no" : is_full ? "read only: disk full" : "yes");
    if (find_metric(text, "process_start_time_seconds", &value)) {
        (void)printf("%-18s%.0f s\n", "up", (double)ky_wall_us() / 1e6 - value);
    }
    for (size_t i = 0; i < KY_COUNT_OF(shown); i++) {
        if (find_metric(text, shown[i].name, &value)) {
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
        .path = "/health", .timeout_s = STATUS_TIMEOUT_S, .sink = ctl_keep, .arg = &text};
    (void)argv;
    if (argc > 0) {
        return usage("this command takes no arguments");
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
    const struct ctl_request request = {.path = "/sql", .body = &body, .sink = ctl_print};
    if (argc < 1) {
        return usage("\"sql\" needs a statement");
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

/* ------------------------------------------------------------------ replay */

struct replay {
    uint64_t start;
    uint64_t end;
    uint64_t limit;
    const char *table; /* --follow only */
    const char *type;  /* --follow only */
    bool has_start;
    bool has_end;
    bool is_following;
    /* The answer that is being read. */
    struct ky_buffer line; /* begun, or the last one */
    bool is_line_ended;
    uint64_t count;
};

static bool
read_number(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static bool
read_options(struct replay *replay, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--follow") == 0) {
            replay->is_following = true;
            continue;
        }
        const char *name = argv[i];
        if (++i >= argc) {
            return false;
        }
        if (strcmp(name, "--table") == 0) {
            replay->table = argv[i];
        } else if (strcmp(name, "--type") == 0) {
            replay->type = argv[i];
        } else if (strcmp(name, "--start") == 0) {
            replay->has_start = true;
            if (!read_number(argv[i], &replay->start)) {
                return false;
            }
        } else if (strcmp(name, "--end") == 0 || strcmp(name, "--limit") == 0) {
            bool is_end = strcmp(name, "--end") == 0;
            replay->has_end = true;
            if (!read_number(argv[i], is_end ? &replay->end : &replay->limit)) {
                return false;
            }
        } else {
            return false;
        }
    }
    return replay->is_following ? !replay->has_end : replay->table == NULL && replay->type == NULL;
}

static void
add_text_param(struct ky_buffer *path, const char *name, const char *text)
{
    ky_buffer_printf(path, "&%s=", name);
    for (const char *c = text; *c != '\0'; c++) {
        ky_buffer_printf(path, "%%%02X", (unsigned)(unsigned char)*c);
    }
}

static int
follow(const struct ctl_target *target, const struct replay *replay)
{
    struct ky_buffer path = {0};
    ky_buffer_append_cstr(&path, "/subscribe?");
    if (replay->has_start) {
        ky_buffer_printf(&path, "from=%" PRIu64, replay->start);
    }
    if (replay->table != NULL) {
        add_text_param(&path, "table", replay->table);
    }
    if (replay->type != NULL) {
        add_text_param(&path, "type", replay->type);
    }
    ky_buffer_append_byte(&path, '\0');
    const struct ctl_request request = {
        .path = (const char *)path.data, .accept = "text/event-stream", .sink = ctl_print};
    int result = ctl_send(target, &request);
    ky_buffer_deinit(&path);
    if (result == CTL_OK) {
        (void)fprintf(stderr, "kyrodbctl: the server ended the stream\n");
        result = CTL_ERROR;
    }
    return result;
}

/* Prints lines but empty ones (an answer without events is one), and keeps the last. */
static bool
take_lines(void *arg, struct ky_slice piece)
{
    struct replay *replay = arg;
    const char *text = piece.data;
    for (size_t at = 0; at < piece.size;) {
        const char *end = memchr(text + at, '\n', piece.size - at);
        size_t size = end == NULL ? piece.size - at : (size_t)(end - text) - at;
        if (size > 0 && replay->is_line_ended) {
            ky_buffer_clear(&replay->line);
            replay->is_line_ended = false;
        }
        ky_buffer_append(&replay->line, text + at, size);
        at += size;
        if (end == NULL) {
            break;
        }
        at++;
        if (replay->line.size > 0 && !replay->is_line_ended) {
            replay->is_line_ended = true;
            replay->count++;
            if (!ctl_print(NULL, ky_buffer_slice(&replay->line)) ||
                !ctl_print(NULL, ky_slice("\n", 1))) {
                return false;
            }
        }
    }
    return true;
}

/* The offset of the last event printed. */
static bool
last_offset(const struct replay *replay, uint64_t *out)
{
    struct ky_arena arena;
    struct json_value *event;
    struct ky_error err;
    char text[32];
    ky_error_init(&err);
    ky_arena_init(&arena);
    bool is_good = json_parse(&arena, ky_buffer_slice(&replay->line), &event, &err) == KY_OK &&
                   event->kind == JSON_OBJECT;
    const struct json_value *offset = is_good ? json_get(event, "offset") : NULL;
    is_good = offset != NULL && offset->kind == JSON_NUMBER && offset->text.size < sizeof(text);
    if (is_good) {
        (void)snprintf(text, sizeof(text), "%.*s", (int)offset->text.size,
                       (const char *)offset->text.data);
        is_good = read_number(text, out);
    }
    ky_arena_deinit(&arena);
    if (!is_good) {
        (void)fprintf(stderr, "kyrodbctl: the last event has no offset to go on from\n");
    }
    return is_good;
}

/* One answer. count is 0 at the end. */
static int
replay_piece(const struct ctl_target *target, struct replay *replay)
{
    char path[128];
    uint64_t offset;
    int size = snprintf(path, sizeof(path), "/replay?start=%" PRIu64, replay->start);
    const struct ctl_request request = {
        .path = path, .accept = "application/x-ndjson", .sink = take_lines, .arg = replay};
    if (replay->end != UINT64_MAX) {
        size += snprintf(path + size, sizeof(path) - (size_t)size, "&end=%" PRIu64, replay->end);
    }
    if (replay->limit != UINT64_MAX) {
        (void)snprintf(path + size, sizeof(path) - (size_t)size, "&limit=%" PRIu64, replay->limit);
    }
    replay->count = 0;
    int result = ctl_send(target, &request);
    if (result != CTL_OK || replay->count == 0) {
        return result;
    }
    if (!last_offset(replay, &offset)) {
        return CTL_ERROR;
    }
    replay->start = offset + 1;
    if (replay->limit != UINT64_MAX) {
        replay->limit -= KY_MIN(replay->limit, replay->count);
    }
    return CTL_OK;
}

/* Where the log starts, for a replay of everything that is kept. */
static int
find_earliest(const struct ctl_target *target, uint64_t *out)
{
    static const char name[] = "\"earliest\":";
    struct ky_buffer text = {0};
    const struct ctl_request request = {
        .path = "/offset", .timeout_s = STATUS_TIMEOUT_S, .sink = ctl_keep, .arg = &text};
    int result = ctl_send(target, &request);
    if (result == CTL_OK) {
        ky_buffer_append_byte(&text, '\0');
        const char *place = strstr((const char *)text.data, name);
        *out = place == NULL ? 0 : strtoull(place + sizeof(name) - 1, NULL, 10);
    }
    ky_buffer_deinit(&text);
    return result;
}

int
command_replay(const struct ctl_target *target, int argc, char **argv)
{
    struct replay replay = {.end = UINT64_MAX, .limit = UINT64_MAX};
    int result = CTL_OK;
    if (!read_options(&replay, argc, argv)) {
        return usage("bad options of \"replay\"");
    }
    if (replay.is_following) {
        return follow(target, &replay);
    }
    if (!replay.has_start) {
        result = find_earliest(target, &replay.start);
    }
    replay.count = 1;
    while (result == CTL_OK && replay.count > 0 && replay.limit > 0 && replay.start < replay.end) {
        result = replay_piece(target, &replay);
    }
    ky_buffer_deinit(&replay.line);
    return result;
}
