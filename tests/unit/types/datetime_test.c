/* SPDX-License-Identifier: Apache-2.0 */

/* Expected texts are PostgreSQL 15's. */

#include "server/types/datetime.h"

#include <criterion/criterion.h>

#include "server/types/types_private.h"

static struct ky_arena arena;
static struct type_context context;

static void
setup(void)
{
    ky_arena_init(&arena);
    context = (struct type_context){.arena = &arena, .zone = timezone_utc()};
}

static void
teardown(void)
{
    ky_arena_deinit(&arena);
}

TestSuite(datetime, .init = setup, .fini = teardown);

/* Text in, text out; an error comes back as its SQLSTATE. */
static const char *
through(const struct type *type, const char *text)
{
    struct datum value = datum_null();
    struct ky_error err;
    ky_error_init(&err);
    if (type->input(type, &context, ky_slice_cstr(text), -1, &value, &err) != KY_OK) {
        return ky_sqlstate_code(err.sqlstate);
    }
    struct ky_buffer wire = {0};
    struct datum copy = datum_null();
    type->send(type, &context, value, &wire);
    cr_expect_eq(type->receive(type, &context, ky_buffer_slice(&wire), -1, &copy, &err), KY_OK);
    cr_expect_eq(type->compare(type, value, copy), 0);
    ky_buffer_deinit(&wire);
    struct ky_buffer out = {0};
    type->output(type, &context, value, &out);
    const char *shown = ky_arena_cstr(&arena, ky_buffer_slice(&out));
    ky_buffer_deinit(&out);
    return shown;
}

static void
expect_all(const struct type *type, const char *const (*cases)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *shown = through(type, cases[i][0]);
        cr_expect_str_eq(shown, cases[i][1], "%s: %s, not %s", cases[i][0], shown, cases[i][1]);
    }
}

Test(datetime, dates_are_read_in_the_usual_forms)
{
    static const char *const cases[][2] = {
        {"2026-11-23", "2026-11-23"},
        {"Nov 23 2026", "2026-11-23"},
        {"23-Nov-2026", "2026-11-23"},
        {"20261123", "2026-11-23"},
        {"11/23/2026", "2026-11-23"},
        {"January 8, 1999", "1999-01-08"},
        {"1999 Jan 08", "1999-01-08"},
        {"J2451187", "1999-01-08"},
        {"97/02/10", "22008"},
        {"4714-11-24 BC", "4714-11-24 BC"},
        {"4714-11-23 BC", "22008"},
        {"5874897-12-31", "5874897-12-31"},
        {"5874898-01-01", "22008"},
        {"infinity", "infinity"},
        {"-infinity", "-infinity"},
        {"epoch", "1970-01-01"},
        {"2026-02-29", "22008"},
        {"2024-02-29", "2024-02-29"},
        {"2026-13-01", "22008"},
        {"0000-01-01", "22008"},
        {"xx", "22007"},
        {"", "22007"},
    };
    expect_all(&date_type, cases, KY_COUNT_OF(cases));
}

Test(datetime, errors_name_the_text)
{
    struct datum value;
    struct ky_error err;
    ky_error_init(&err);
    cr_expect_eq(date_type.input(&date_type, &context, ky_slice_cstr("xx"), -1, &value, &err),
                 KY_ERR);
    cr_expect_str_eq(err.message, "invalid input syntax for type date: \"xx\"");
    cr_expect_eq(
        date_type.input(&date_type, &context, ky_slice_cstr("2026-02-30"), -1, &value, &err),
        KY_ERR);
    cr_expect_str_eq(err.message, "date/time field value out of range: \"2026-02-30\"");
}

Test(datetime, timestamps_round_to_microseconds)
{
    static const char *const cases[][2] = {
        {"2026-11-23T10:00", "2026-11-23 10:00:00"},
        {"2026-11-23 23:59:59.9999999", "2026-11-24 00:00:00"},
        {"2026-11-23 10:00:00.0000004", "2026-11-23 10:00:00"},
        {"2026-11-23 24:00:00", "2026-11-24 00:00:00"},
        {"20261123T101112", "2026-11-23 10:11:12"},
        {"2001-02-16 20:38:40.12 BC", "2001-02-16 20:38:40.12 BC"},
        {"294276-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999"},
        {"294277-01-01", "22008"},
        {"2026-11-23 25:00", "22008"},
        {"2026-11-23 12:30 am", "2026-11-23 00:30:00"},
        {"2026-11-23 10:00+03", "2026-11-23 10:00:00"},
    };
    expect_all(&timestamp_type, cases, KY_COUNT_OF(cases));
}

Test(datetime, zones_are_offsets_abbreviations_and_names)
{
    static const char *const cases[][2] = {
        {"2026-11-23 10:00+03", "2026-11-23 07:00:00+00"},
        {"2026-11-23 10:00 PST", "2026-11-23 18:00:00+00"},
        {"2026-11-23T10:00:00Z", "2026-11-23 10:00:00+00"},
        {"2026-11-23 10:00 +05:30", "2026-11-23 04:30:00+00"},
        {"2026-11-23 10:00 Nowhere/Land", "22023"},
        {"2026-11-23 10:00+17", "22009"},
    };
    expect_all(&timestamptz_type, cases, KY_COUNT_OF(cases));
    if (timezone_find(ky_slice_cstr("America/New_York")) == NULL) {
        cr_skip("no time zone database");
    }
    static const char *const named[][2] = {
        {"2026-11-23 10:00 America/New_York", "2026-11-23 15:00:00+00"},
        {"2026-07-01 10:00 america/new_york", "2026-07-01 14:00:00+00"},
        {"2090-07-01 10:00 Europe/Berlin", "2090-07-01 08:00:00+00"},
    };
    expect_all(&timestamptz_type, named, KY_COUNT_OF(named));
    context.zone = timezone_find(ky_slice_cstr("America/New_York"));
    /* A gap is read with the offset before it, an overlap with the one after it. */
    static const char *const local[][2] = {
        {"2026-03-08 02:30", "2026-03-08 03:30:00-04"},
        {"2026-11-01 01:30", "2026-11-01 01:30:00-05"},
        {"1850-01-01 00:00", "1850-01-01 00:00:00-04:56:02"},
    };
    expect_all(&timestamptz_type, local, KY_COUNT_OF(local));
}

Test(datetime, intervals_are_read_and_shown)
{
    static const char *const cases[][2] = {
        {"1 day 02:03:04", "1 day 02:03:04"},
        {"-1 mons", "-1 mons"},
        {"1 year 2 months -3 days 04:05", "1 year 2 mons -3 days +04:05:00"},
        {"1.5 months", "1 mon 15 days"},
        {"1.5 years", "1 year 6 mons"},
        {"P1Y2M3DT4H5M6.5S", "1 year 2 mons 3 days 04:05:06.5"},
        {"P0001-02-03T04:05:06", "1 year 2 mons 3 days 04:05:06"},
        {"1-2", "1 year 2 mons"},
        {"1 2:03", "1 day 02:03:00"},
        {"@ 1 day ago", "-1 days"},
        {"90 s", "00:01:30"},
        {"0", "00:00:00"},
        {"1 day 1 day", "22007"},
        {"2147483648 days", "22015"},
        {"foo", "22007"},
    };
    expect_all(&interval_type, cases, KY_COUNT_OF(cases));
    context.interval_style = 1;
    cr_expect_str_eq(through(&interval_type, "-1 day -2:03"), "@ 1 day 2 hours 3 mins ago");
    context.interval_style = 3;
    cr_expect_str_eq(through(&interval_type, "1 day 2:03:04.5"), "P1DT2H3M4.5S");
}

Test(datetime, adding_months_stays_in_the_month)
{
    int64_t start = date_from_civil(2024, 1, 31) * DATETIME_US_PER_DAY;
    int64_t moved;
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(timestamp_add_interval(start, (struct interval){.months = 1}, &moved, &err),
                 KY_OK);
    cr_expect_eq(moved, date_from_civil(2024, 2, 29) * DATETIME_US_PER_DAY);
    cr_expect_eq(
        timestamp_add_interval(start, (struct interval){.months = INT32_MAX}, &moved, &err),
        KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DATETIME_FIELD_OVERFLOW);
}

Test(datetime, every_day_of_the_calendar_comes_back)
{
    for (int64_t day = -2451545; day < 2145031949; day += 9973) {
        int year;
        int month;
        int day_of_month;
        date_to_civil(day, &year, &month, &day_of_month);
        cr_assert_eq(date_from_civil(year, month, day_of_month), day);
    }
}
