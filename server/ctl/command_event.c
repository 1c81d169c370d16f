/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/json.h"
#include "server/ctl/command.h"

/* The commands that read events: replay and subscribe. */

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
        if (strcmp(name, "--from") == 0) {
            name = "--start";
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

void
ctl_add_param(struct ky_buffer *path, const char *name, const char *text)
{
    ky_buffer_printf(path, "%s=", name);
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
        ctl_add_param(&path, "&table", replay->table);
    }
    if (replay->type != NULL) {
        ctl_add_param(&path, "&type", replay->type);
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
        .path = "/offset", .timeout_s = CTL_STATUS_TIMEOUT_S, .sink = ctl_keep, .arg = &text};
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
        return ctl_usage("bad options of \"replay\"");
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

int
command_subscribe(const struct ctl_target *target, int argc, char **argv)
{
    struct replay replay = {.end = UINT64_MAX, .limit = UINT64_MAX, .is_following = true};
    if (!read_options(&replay, argc, argv)) {
        return ctl_usage("bad options of \"subscribe\"");
    }
    return follow(target, &replay);
}
