/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "server/base/clock.h"

static int64_t
fixed_us(void *self)
{
    (void)self;
    return INT64_C(1795420800123456);
}

static int pipe_ends[2];
static int saved_stderr;

static void
capture(void)
{
    static const struct ky_clock clock = {fixed_us, fixed_us, NULL};
    ky_clock_set(&clock);
    cr_assert_eq(pipe2(pipe_ends, O_NONBLOCK), 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
}

/* What was written since capture(); zero terminated. */
static void
captured(char *text, size_t size)
{
    dup2(saved_stderr, STDERR_FILENO);
    ssize_t got = read(pipe_ends[0], text, size - 1);
    text[got < 0 ? 0 : got] = '\0';
}

Test(log, a_line_has_time_level_area_and_event)
{
    char text[1000];
    capture();
    ky_log(INFO, "checkpoint", "finished lsn=%d", 7);
    ky_log(DEBUG, "checkpoint", "not shown");
    captured(text, sizeof(text));
    cr_assert_str_eq(text, "2026-11-23T08:00:00.123456Z info  checkpoint finished lsn=7\n");
}

Test(log, a_message_cannot_forge_a_line)
{
    char text[1000];
    capture();
    ky_log(ERROR, "net", "name=%s", "a\nb\r\x01");
    captured(text, sizeof(text));
    cr_assert_str_eq(text, "2026-11-23T08:00:00.123456Z error net name=a b  \n");
}

Test(log, a_long_line_is_cut_and_still_ends)
{
    static char long_text[10000];
    static char text[20000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    capture();
    ky_log(WARN, "net", "%s", long_text);
    captured(text, sizeof(text));
    cr_assert_eq(strlen(text), 4096);
    cr_assert_eq(text[4095], '\n');
}

Test(log, levels_are_words)
{
    cr_assert_eq(ky_log_level_parse("debug"), KY_LOG_DEBUG);
    cr_assert_eq(ky_log_level_parse("error"), KY_LOG_ERROR);
    cr_assert_eq(ky_log_level_parse("loud"), -1);
    ky_log_set_level(KY_LOG_WARN);
    cr_assert_eq(ky_log_level(), KY_LOG_WARN);
}
