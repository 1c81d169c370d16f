/* SPDX-License-Identifier: Apache-2.0 */

/* Intervals as text, in the four output styles. */

#include <stdlib.h>

#include "server/types/datetime_private.h"

struct parts {
    int years, months, days;
    int64_t hours;
    int minutes, seconds, us;
};

static struct parts
split(struct interval interval)
{
    return (struct parts){
        .years = interval.months / 12,
        .months = interval.months % 12,
        .days = interval.days,
        .hours = interval.time_us / DATETIME_US_PER_HOUR,
        .minutes = (int)(interval.time_us / DATETIME_US_PER_MINUTE % 60),
        .seconds = (int)(interval.time_us / DATETIME_US_PER_SECOND % 60),
        .us = (int)(interval.time_us % DATETIME_US_PER_SECOND),
    };
}

static void
print_seconds(struct ky_buffer *out, int seconds, int us, bool is_padded)
{
    ky_buffer_printf(out, is_padded ? "%02d" : "%d", abs(seconds));
    if (us != 0) {
        ky_buffer_printf(out, ".%06d", abs(us));
        while (out->data[out->size - 1] == '0') {
            out->size--;
        }
    }
}

static void
print_clock(struct ky_buffer *out, const struct parts *p, bool is_padded)
{
    unsigned long long hours =
        p->hours < 0 ? -(unsigned long long)p->hours : (unsigned long long)p->hours;
    ky_buffer_printf(out, is_padded ? "%02llu:%02d:" : "%llu:%02d:", hours, abs(p->minutes));
    print_seconds(out, p->seconds, p->us, true);
}

/* "1 year 2 mons -3 days +04:05:06" */
static void
print_postgres(const struct parts *p, bool is_time_minus, struct ky_buffer *out)
{
    const int values[] = {p->years, p->months, p->days};
    static const char names[][5] = {"year", "mon", "day"};
    bool is_first = true;
    bool is_before_minus = false;
    for (int i = 0; i < 3; i++) {
        if (values[i] != 0) {
            ky_buffer_printf(out, "%s%s%d %s%s", is_first ? "" : " ",
                             is_before_minus && values[i] > 0 ? "+" : "", values[i], names[i],
                             values[i] == 1 ? "" : "s");
            is_before_minus = values[i] < 0;
            is_first = false;
        }
    }
    bool has_time = p->hours != 0 || p->minutes != 0 || p->seconds != 0 || p->us != 0;
    if (has_time || is_first) {
        ky_buffer_printf(out, "%s%s", is_first ? "" : " ",
                         is_time_minus     ? "-"
                         : is_before_minus ? "+"
                                           : "");
        print_clock(out, p, true);
    }
}

/* "@ 1 year 2 mons 3 days 4 hours 5 mins 6 secs ago" */
static void
print_verbose(const struct parts *p, bool is_time_minus, struct ky_buffer *out)
{
    const int64_t values[] = {p->years, p->months, p->days, p->hours, p->minutes};
    static const char names[][5] = {"year", "mon", "day", "hour", "min"};
    bool is_ago = false;
    bool is_zero = true;
    ky_buffer_append_byte(out, '@');
    for (int i = 0; i < 5; i++) {
        if (values[i] != 0) {
            if (is_zero) {
                is_ago = values[i] < 0;
            }
            int64_t shown = is_ago ? -values[i] : values[i];
            ky_buffer_printf(out, " %lld %s%s", (long long)shown, names[i], shown == 1 ? "" : "s");
            is_zero = false;
        }
    }
    if (p->seconds != 0 || p->us != 0) {
        if (is_zero) {
            is_ago = is_time_minus;
        }
        ky_buffer_append_cstr(out, is_time_minus != is_ago ? " -" : " ");
        print_seconds(out, p->seconds, p->us, false);
        ky_buffer_printf(out, " sec%s", abs(p->seconds) == 1 && p->us == 0 ? "" : "s");
        is_zero = false;
    }
    ky_buffer_append_cstr(out, is_zero ? " 0" : "");
    ky_buffer_append_cstr(out, is_ago ? " ago" : "");
}

/* "1-2 3 4:05:06", with a sign on every part when they differ. */
static void
print_sql(const struct parts *given, struct interval interval, struct ky_buffer *out)
{
    struct parts p = *given;
    bool has_minus = interval.months < 0 || interval.days < 0 || interval.time_us < 0;
    bool has_plus = interval.months > 0 || interval.days > 0 || interval.time_us > 0;
    bool has_year_month = interval.months != 0;
    bool has_day_time = interval.days != 0 || interval.time_us != 0;
    if (!has_minus && !has_plus) {
        ky_buffer_append_byte(out, '0');
        return;
    }
    if ((has_minus && has_plus) || (has_year_month && has_day_time)) {
        ky_buffer_printf(out, "%c%d-%d %c%lld %c", interval.months < 0 ? '-' : '+', abs(p.years),
                         abs(p.months), p.days < 0 ? '-' : '+', llabs((long long)p.days),
                         interval.time_us < 0 ? '-' : '+');
        print_clock(out, &p, false);
        return;
    }
    ky_buffer_append_cstr(out, has_minus ? "-" : "");
    if (has_year_month) {
        ky_buffer_printf(out, "%d-%d", abs(p.years), abs(p.months));
        return;
    }
    if (p.days != 0) {
        ky_buffer_printf(out, "%lld ", llabs((long long)p.days));
    }
    print_clock(out, &p, false);
}

static void
print_iso(const struct parts *p, bool is_time_minus, struct ky_buffer *out)
{
    const int64_t values[] = {p->years, p->months, p->days, p->hours, p->minutes};
    size_t start = out->size;
    ky_buffer_append_byte(out, 'P');
    bool has_time = p->hours != 0 || p->minutes != 0 || p->seconds != 0 || p->us != 0;
    for (int i = 0; i < 5; i++) {
        if (i == 3 && has_time) {
            ky_buffer_append_byte(out, 'T');
        }
        if (values[i] != 0) {
            ky_buffer_printf(out, "%lld%c", (long long)values[i], "YMDHM"[i]);
        }
    }
    if (p->seconds != 0 || p->us != 0) {
        ky_buffer_append_cstr(out, is_time_minus ? "-" : "");
        print_seconds(out, p->seconds, p->us, false);
        ky_buffer_append_byte(out, 'S');
    }
    if (out->size == start + 1) {
        ky_buffer_append_cstr(out, "T0S");
    }
}

void
interval_print(int style, struct interval interval, struct ky_buffer *out)
{
    struct parts parts = split(interval);
    bool is_time_minus = interval.time_us < 0;
    switch (style) {
    case 1:
        print_verbose(&parts, is_time_minus, out);
        break;
    case 2:
        print_sql(&parts, interval, out);
        break;
    case 3:
        print_iso(&parts, is_time_minus, out);
        break;
    default:
        print_postgres(&parts, is_time_minus, out);
        break;
    }
}
