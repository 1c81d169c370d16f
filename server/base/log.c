/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A line is built on the stack and goes out in one write, so that lines of different threads never
 * mix and logging works when memory does not. Control bytes in a message become spaces: nobody
 * can forge a line by naming a file with a line feed in it.
 */

#include "server/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/utf8.h"

enum { LOG_LINE_SIZE_MAX = 4096 };

static const char *const level_words[] = {"error", "warn", "info", "debug"};

/* Relaxed: a thread may notice a new level a little later. */
static _Atomic int current_level = KY_LOG_INFO;

void
ky_log_set_level(enum ky_log_level level)
{
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

enum ky_log_level
ky_log_level(void)
{
    return (enum ky_log_level)atomic_load_explicit(&current_level, memory_order_relaxed);
}

int
ky_log_level_parse(const char *word)
{
    for (size_t i = 0; i < KY_COUNT_OF(level_words); i++) {
        if (strcmp(word, level_words[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* "2026-11-23T08:00:00.123456Z info  area " */
static size_t
format_head(char *line, size_t size, enum ky_log_level level, const char *area)
{
    int64_t now_us = ky_wall_us();
    int64_t part_us = ((now_us % 1000000) + 1000000) % 1000000;
    time_t second = (time_t)((now_us - part_us) / 1000000);
    struct tm utc = {0};
    (void)gmtime_r(&second, &utc);
    int written = snprintf(line, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ %-5s %.64s ",
                           utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                           utc.tm_sec, (int)part_us, level_words[level], area);
    return written < 0 ? 0 : (size_t)written;
}

void
ky_log_write(enum ky_log_level level, const char *area, const char *format, ...)
{
    int saved_errno = errno;
    char line[LOG_LINE_SIZE_MAX + 8];
    size_t head = format_head(line, LOG_LINE_SIZE_MAX / 2, level, area);
    va_list args;
    va_start(args, format);
    int written = vsnprintf(line + head, sizeof(line) - head, format, args);
    va_end(args);
    size_t size = head + strnlen(line + head, written < 0 ? 0 : sizeof(line) - head);
    size = ky_utf8_cut(line, size, LOG_LINE_SIZE_MAX - 1);
    for (size_t i = 0; i < size; i++) {
        if ((uint8_t)line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = ' ';
        }
    }
    line[size] = '\n';
    /* Nobody is left to tell when the log itself cannot be written. */
    ssize_t result = 0;
    do {
        result = write(STDERR_FILENO, line, size + 1);
    } while (result < 0 && errno == EINTR);
    errno = saved_errno;
}
