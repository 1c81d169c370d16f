/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/base/clock.h"
#include "server/ctl/command.h"

/*
 * top: what the server does now, once a second: rates from two readings of /metrics, and the
 * statements that run.
 */
enum { TOP_INTERVAL_S = 1 };

static const char sessions_sql[] =
    "{\"sql\":\"SELECT pid, state, coalesce(wait_event, '') AS wait, "
    "left(regexp_replace(query, '\\\\s+', ' ', 'g'), 60) AS query "
    "FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid() "
    "ORDER BY query_start LIMIT 20\"}";

static const struct {
    const char *name;
    const char *label;
    bool is_rate;
} rows[] = {
    {"kyrodb_statements_total", "statements/s", true},
    {"kyrodb_statement_errors_total", "errors/s", true},
    {"kyrodb_log_commits_total", "commits/s", true},
    {"kyrodb_log_groups_total", "syncs/s", true},
    {"kyrodb_log_written_bytes_total", "log bytes/s", true},
    {"process_cpu_seconds_total", "cores used", true},
    {"process_resident_memory_bytes", "resident bytes", false},
    {"kyrodb_connections", "connections", false},
    {"kyrodb_subscribers", "subscribers", false},
    {"kyrodb_locks_waiting", "waiting for locks", false},
    {"kyrodb_events_next_offset", "next event", false},
};

struct reading {
    int64_t time_us;
    double values[KY_COUNT_OF(rows)];
    bool is_there[KY_COUNT_OF(rows)];
};

static int
read_metrics(const struct ctl_target *target, struct reading *out)
{
    struct ky_buffer text = {0};
    const struct ctl_request request = {
        .path = "/metrics", .timeout_s = CTL_STATUS_TIMEOUT_S, .sink = ctl_keep, .arg = &text};
    int result = ctl_send(target, &request);
    if (result == CTL_OK) {
        ky_buffer_append_byte(&text, '\0');
        out->time_us = ky_wall_us();
        for (size_t i = 0; i < KY_COUNT_OF(rows); i++) {
            out->is_there[i] =
                ctl_find_metric((const char *)text.data, rows[i].name, &out->values[i]);
        }
    }
    ky_buffer_deinit(&text);
    return result;
}

static void
print_reading(const struct ctl_target *target, const struct reading *last,
              const struct reading *now)
{
    double seconds = (double)(now->time_us - last->time_us) / 1e6;
    (void)printf("%s\n\n", target->url);
    for (size_t i = 0; i < KY_COUNT_OF(rows); i++) {
        if (!now->is_there[i]) {
            continue;
        }
        double value = now->values[i];
        if (rows[i].is_rate) {
            value = seconds > 0 ? (value - last->values[i]) / seconds : 0;
        }
        (void)printf("%-20s%*.*f\n", rows[i].label, 16, rows[i].is_rate ? 1 : 0, value);
    }
    (void)printf("\n");
}

int
command_top(const struct ctl_target *target, int argc, char **argv)
{
    struct ky_buffer sql = {0};
    struct reading last = {0};
    struct reading now = {0};
    long rounds = 0;
    if (argc == 2 && strcmp(argv[0], "--rounds") == 0) {
        rounds = strtol(argv[1], NULL, 10);
    }
    if (argc != 0 && rounds <= 0) {
        return ctl_usage("\"top\" takes [--rounds N]");
    }
    ky_buffer_append_cstr(&sql, sessions_sql);
    const struct ctl_request sessions = {
        .path = "/sql", .body = &sql, .timeout_s = CTL_STATUS_TIMEOUT_S, .sink = ctl_print_line};
    int result = read_metrics(target, &last);
    for (long round = 0; result == CTL_OK && (rounds == 0 || round < rounds); round++) {
        (void)nanosleep(&(struct timespec){.tv_sec = TOP_INTERVAL_S}, NULL);
        result = read_metrics(target, &now);
        if (result == CTL_OK) {
            if (rounds == 0) {
                (void)printf("\033[H\033[J"); /* home, clear to the end */
            }
            print_reading(target, &last, &now);
            result = ctl_send(target, &sessions);
            last = now;
        }
    }
    ky_buffer_deinit(&sql);
    return result;
}
