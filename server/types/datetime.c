/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The calendar and the arithmetic of dates, timestamps and intervals. The calendar is the
 * proleptic Gregorian one. Days are turned into dates through 400-year eras that begin in
 * March, so that the leap day is the last of its year.
 */

#include "server/types/datetime_private.h"

enum { DAYS_PER_ERA = 146097, DAYS_0000_03_01_TO_2000 = 730425 };

static int64_t
floor_div(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return quotient - ((a % b != 0) && ((a < 0) != (b < 0)));
}

int64_t
date_from_civil(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_0000_03_01_TO_2000;
}

void
date_to_civil(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + DAYS_0000_03_01_TO_2000;
    int64_t era = floor_div(z, DAYS_PER_ERA);
    int64_t day_of_era = z - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

void
timestamp_to_civil(int64_t timestamp, struct civil_time *out)
{
    int64_t days = floor_div(timestamp, DATETIME_US_PER_DAY);
    int64_t rest = timestamp - days * DATETIME_US_PER_DAY;
    *out = (struct civil_time){0};
    date_to_civil(days, &out->year, &out->month, &out->day);
    out->hour = (int)(rest / DATETIME_US_PER_HOUR);
    out->minute = (int)(rest / DATETIME_US_PER_MINUTE % 60);
    out->second = (int)(rest / DATETIME_US_PER_SECOND % 60);
    out->microsecond = (int)(rest % DATETIME_US_PER_SECOND);
}

int
datetime_days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : days[month - 1];
}

bool
datetime_word_is(struct ky_slice a, const char *lower_case)
{
    const char *text = a.data;
    for (size_t i = 0; i < a.size; i++) {
        char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
        if (lower_case[i] == '\0' || c != lower_case[i]) {
            return false;
        }
    }
    return lower_case[a.size] == '\0';
}

ky_status
datetime_error_syntax(struct ky_error *err, const char *type_name, struct ky_slice text)
{
    return ky_error_set(err, KY_INVALID_DATETIME_FORMAT,
                        "invalid input syntax for type %s: \"%.*s\"", type_name,
                        (int)KY_MIN(text.size, 400), (const char *)text.data);
}

ky_status
datetime_error_range(struct ky_error *err, const char *what, struct ky_slice text)
{
    return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "%s out of range: \"%.*s\"", what,
                        (int)KY_MIN(text.size, 400), (const char *)text.data);
}

int64_t
datetime_round(int64_t us, int precision)
{
    static const int64_t units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    if (precision < 0 || precision >= 6) {
        return us;
    }
    int64_t unit = units[precision];
    int64_t rest = us % unit;
    int64_t cut = us - rest;
    if (rest * 2 >= unit) {
        return cut + unit;
    }
    return -rest * 2 >= unit ? cut - unit : cut;
}

struct interval
interval_load(struct ky_slice bytes)
{
    const uint8_t *at = bytes.data;
    return (struct interval){(int64_t)ky_load_le64(at), (int32_t)ky_load_le32(at + 8),
                             (int32_t)ky_load_le32(at + 12)};
}

struct ky_slice
interval_store(struct ky_arena *arena, struct interval interval)
{
    uint8_t *bytes = ky_arena_alloc(arena, 16);
    ky_store_le64(bytes, (uint64_t)interval.time_us);
    ky_store_le32(bytes + 8, (uint32_t)interval.days);
    ky_store_le32(bytes + 12, (uint32_t)interval.months);
    return ky_slice(bytes, 16);
}

/* A month counts 30 days, a day 24 hours. */
int
interval_compare(struct interval a, struct interval b)
{
    __int128 left = a.time_us + ((__int128)a.months * 30 + a.days) * (__int128)DATETIME_US_PER_DAY;
    __int128 right = b.time_us + ((__int128)b.months * 30 + b.days) * (__int128)DATETIME_US_PER_DAY;
    return (left > right) - (left < right);
}

static ky_status
timestamp_out_of_range(struct ky_error *err)
{
    return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
}

/* Months, then days, on the wall clock. A day beyond the month's end becomes its last day. */
static ky_status
add_months_and_days(int64_t timestamp, struct interval interval, int64_t *out, struct ky_error *err)
{
    int64_t days = floor_div(timestamp, DATETIME_US_PER_DAY);
    int64_t time = timestamp - days * DATETIME_US_PER_DAY;
    if (interval.months != 0) {
        int year;
        int month;
        int day;
        date_to_civil(days, &year, &month, &day);
        int64_t total = (int64_t)year * 12 + (month - 1) + interval.months;
        int64_t new_year = floor_div(total, 12);
        if (new_year < -4800 || new_year > 300000) {
            return timestamp_out_of_range(err);
        }
        year = (int)new_year;
        month = (int)(total - new_year * 12) + 1;
        days = date_from_civil(year, month, KY_MIN(day, datetime_days_in_month(year, month)));
    }
    days += interval.days;
    if (days < DATE_MIN || days >= TIMESTAMP_DATE_END) {
        return timestamp_out_of_range(err);
    }
    *out = days * DATETIME_US_PER_DAY + time;
    return KY_OK;
}

static ky_status
add_time(int64_t timestamp, int64_t time_us, int64_t *out, struct ky_error *err)
{
    int64_t sum;
    if (__builtin_add_overflow(timestamp, time_us, &sum) || !timestamp_is_valid(sum)) {
        return timestamp_out_of_range(err);
    }
    *out = sum;
    return KY_OK;
}

ky_status
timestamp_add_interval(int64_t timestamp, struct interval interval, int64_t *out,
                       struct ky_error *err)
{
    if (!timestamp_is_finite(timestamp)) {
        *out = timestamp;
        return KY_OK;
    }
    int64_t moved;
    KY_TRY(add_months_and_days(timestamp, interval, &moved, err));
    return add_time(moved, interval.time_us, out, err);
}

ky_status
timestamptz_add_interval(const struct timezone *zone, int64_t timestamp, struct interval interval,
                         int64_t *out, struct ky_error *err)
{
    if (!timestamp_is_finite(timestamp)) {
        *out = timestamp;
        return KY_OK;
    }
    int64_t moved = timestamp;
    if (interval.months != 0 || interval.days != 0) {
        int offset = timezone_offset_at(zone, timestamp, NULL, NULL);
        int64_t local = timestamp + offset * DATETIME_US_PER_SECOND;
        KY_TRY(add_months_and_days(local, interval, &local, err));
        moved = timezone_local_to_utc(zone, local);
    }
    return add_time(moved, interval.time_us, out, err);
}
