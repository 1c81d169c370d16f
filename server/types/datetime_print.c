/* SPDX-License-Identifier: Apache-2.0 */

/* Dates, times and timestamps as text, in the four output styles. */

#include <stdlib.h>

#include "server/types/datetime_private.h"

enum { STYLE_ISO, STYLE_SQL, STYLE_POSTGRES, STYLE_GERMAN };
enum { ORDER_DMY = 1 };

static int
shown_year(int year)
{
    return year > 0 ? year : 1 - year;
}

static void
print_era(int year, struct ky_buffer *out)
{
    if (year <= 0) {
        ky_buffer_append_cstr(out, " BC");
    }
}

static void
print_two(struct ky_buffer *out, int value)
{
    uint8_t *at = ky_buffer_extend(out, 2);
    at[0] = (uint8_t)('0' + value / 10 % 10);
    at[1] = (uint8_t)('0' + value % 10);
}

static void
print_ymd(const struct civil_time *civil, struct ky_buffer *out)
{
    int year = shown_year(civil->year);
    if (year > 9999) {
        ky_buffer_printf(out, "%d", year);
    } else {
        print_two(out, year / 100);
        print_two(out, year % 100);
    }
    ky_buffer_append_byte(out, '-');
    print_two(out, civil->month);
    ky_buffer_append_byte(out, '-');
    print_two(out, civil->day);
}

static void
print_clock(const struct civil_time *civil, struct ky_buffer *out)
{
    print_two(out, civil->hour);
    ky_buffer_append_byte(out, ':');
    print_two(out, civil->minute);
    ky_buffer_append_byte(out, ':');
    print_two(out, civil->second);
    if (civil->microsecond != 0) {
        ky_buffer_printf(out, ".%06d", civil->microsecond);
        while (out->data[out->size - 1] == '0') {
            out->size--;
        }
    }
}

static void
print_styled_date(const struct type_context *context, const struct civil_time *civil,
                  struct ky_buffer *out)
{
    bool is_day_first = context->date_order == ORDER_DMY;
    int first = is_day_first ? civil->day : civil->month;
    int second = is_day_first ? civil->month : civil->day;
    switch (context->date_style) {
    case STYLE_SQL:
        ky_buffer_printf(out, "%02d/%02d/%04d", first, second, shown_year(civil->year));
        break;
    case STYLE_POSTGRES:
        ky_buffer_printf(out, "%02d-%02d-%04d", first, second, shown_year(civil->year));
        break;
    case STYLE_GERMAN:
        ky_buffer_printf(out, "%02d.%02d.%04d", civil->day, civil->month, shown_year(civil->year));
        break;
    default:
        print_ymd(civil, out);
        break;
    }
}

void
date_print(const struct type_context *context, int64_t date, struct ky_buffer *out)
{
    if (!date_is_finite(date)) {
        ky_buffer_append_cstr(out, date > 0 ? "infinity" : "-infinity");
        return;
    }
    struct civil_time civil = {0};
    date_to_civil(date, &civil.year, &civil.month, &civil.day);
    print_styled_date(context, &civil, out);
    print_era(civil.year, out);
}

void
time_print(int64_t time_us, struct ky_buffer *out)
{
    struct civil_time civil = {
        .hour = (int)(time_us / DATETIME_US_PER_HOUR),
        .minute = (int)(time_us / DATETIME_US_PER_MINUTE % 60),
        .second = (int)(time_us / DATETIME_US_PER_SECOND % 60),
        .microsecond = (int)(time_us % DATETIME_US_PER_SECOND),
    };
    print_clock(&civil, out);
}

void
zone_print(int offset_east, struct ky_buffer *out)
{
    int size = abs(offset_east);
    ky_buffer_append_byte(out, offset_east < 0 ? '-' : '+');
    if (size / 3600 >= 100) { /* 06:00 abc101: as PostgreSQL, which reads that as 1:01 */
        ky_buffer_append_byte(out, (uint8_t)('0' + size / 360000));
    }
    print_two(out, size / 3600 % 100);
    if (size % 3600 != 0) {
        ky_buffer_append_byte(out, ':');
        print_two(out, size / 60 % 60);
    }
    if (size % 60 != 0) {
        ky_buffer_append_byte(out, ':');
        print_two(out, size % 60);
    }
}

/* "Mon Nov 23 04:05:06 2026" */
static void
print_postgres(const struct type_context *context, int64_t local, const struct civil_time *civil,
               struct ky_buffer *out)
{
    static const char days[7][4] = {"Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t day = local / DATETIME_US_PER_DAY - (local % DATETIME_US_PER_DAY < 0);
    const char *weekday = days[(day % 7 + 7) % 7];
    const char *month = months[civil->month - 1];
    if (context->date_order == ORDER_DMY) {
        ky_buffer_printf(out, "%s %02d %s ", weekday, civil->day, month);
    } else {
        ky_buffer_printf(out, "%s %s %02d ", weekday, month, civil->day);
    }
    print_clock(civil, out);
    ky_buffer_printf(out, " %04d", shown_year(civil->year));
}

void
timestamp_print(const struct type_context *context, int64_t timestamp, const struct timezone *zone,
                struct ky_buffer *out)
{
    if (!timestamp_is_finite(timestamp)) {
        ky_buffer_append_cstr(out, timestamp > 0 ? "infinity" : "-infinity");
        return;
    }
    int offset = 0;
    const char *abbreviation = "";
    if (zone != NULL) {
        offset = timezone_offset_at(zone, timestamp, &abbreviation, NULL);
    }
    int64_t local = timestamp + offset * DATETIME_US_PER_SECOND;
    struct civil_time civil;
    timestamp_to_civil(local, &civil);
    if (context->date_style == STYLE_POSTGRES) {
        print_postgres(context, local, &civil, out);
    } else {
        print_styled_date(context, &civil, out);
        ky_buffer_append_byte(out, ' ');
        print_clock(&civil, out);
    }
    if (zone != NULL) {
        bool has_letters = (abbreviation[0] | 0x20) >= 'a' && (abbreviation[0] | 0x20) <= 'z';
        if (context->date_style != STYLE_ISO && has_letters) {
            ky_buffer_printf(out, " %s", abbreviation);
        } else {
            if (context->date_style == STYLE_POSTGRES) {
                ky_buffer_append_byte(out, ' ');
            }
            zone_print(offset, out);
        }
    }
    print_era(civil.year, out);
}
