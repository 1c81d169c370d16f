/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/aggregate.h"
#include "server/func/datetime_unit.h"

/* The arithmetic of dates, times and timestamps. */

static ky_status
timestamp_out_of_range(struct ky_error *err)
{
    return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
}

static ky_status
date_out_of_range(struct ky_error *err)
{
    return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "date out of range");
}

static struct datum
give(struct func_env *env, struct interval interval)
{
    return (struct datum){.bytes = interval_store(env->types.arena, interval)};
}

ky_status
datetime_from_date(int64_t days, int64_t *timestamp_out, struct ky_error *err)
{
    if (!date_is_finite(days)) {
        *timestamp_out = days > 0 ? INT64_MAX : INT64_MIN;
        return KY_OK;
    }
    if (days >= TIMESTAMP_END / DATETIME_US_PER_DAY) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "date out of range for timestamp");
    }
    *timestamp_out = days * DATETIME_US_PER_DAY;
    return KY_OK;
}

ky_status
datetime_zone(struct ky_slice name, const struct timezone **zone_out, struct ky_error *err)
{
    const struct timezone *zone = timezone_find_word(name);
    if (zone == NULL) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized",
                            (int)name.size, (const char *)name.data);
    }
    *zone_out = zone;
    return KY_OK;
}

/* date */

static ky_status
date_shift(int64_t days, int64_t by, struct datum *out, struct ky_error *err)
{
    if (date_is_finite(days)) {
        days += by;
        if (days < DATE_MIN || days >= DATE_END) {
            return date_out_of_range(err);
        }
    }
    *out = datum_word(days);
    return KY_OK;
}

SCALAR(date_plus_days)
{
    return date_shift(args[0].word, args[1].word, out, err);
}

SCALAR(days_plus_date)
{
    return date_shift(args[1].word, args[0].word, out, err);
}

SCALAR(date_minus_days)
{
    return date_shift(args[0].word, -args[1].word, out, err);
}

SCALAR(date_minus_date)
{
    if (!date_is_finite(args[0].word) || !date_is_finite(args[1].word)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "cannot subtract infinite dates");
    }
    *out = datum_word(args[0].word - args[1].word);
    return KY_OK;
}

static struct interval
negated(struct interval value)
{
    /* The least values stay as they are; adding them overflows and is reported there. */
    value.time_us = (int64_t)(0 - (uint64_t)value.time_us);
    value.days = (int32_t)(0 - (uint32_t)value.days);
    value.months = (int32_t)(0 - (uint32_t)value.months);
    return value;
}

static ky_status
shift_timestamp(int64_t timestamp, struct interval by, struct datum *out, struct ky_error *err)
{
    *out = datum_word(timestamp);
    if (timestamp_is_finite(timestamp)) {
        KY_TRY(timestamp_add_interval(timestamp, by, &out->word, err));
    }
    return KY_OK;
}

static ky_status
shift_instant(const struct timezone *zone, int64_t instant, struct interval by, struct datum *out,
              struct ky_error *err)
{
    *out = datum_word(instant);
    if (timestamp_is_finite(instant)) {
        KY_TRY(timestamptz_add_interval(zone, instant, by, &out->word, err));
    }
    return KY_OK;
}

SCALAR(date_plus_interval)
{
    int64_t timestamp;
    KY_TRY(datetime_from_date(args[0].word, &timestamp, err));
    return shift_timestamp(timestamp, interval_load(args[1].bytes), out, err);
}

SCALAR(interval_plus_date)
{
    int64_t timestamp;
    KY_TRY(datetime_from_date(args[1].word, &timestamp, err));
    return shift_timestamp(timestamp, interval_load(args[0].bytes), out, err);
}

SCALAR(date_minus_interval)
{
    int64_t timestamp;
    KY_TRY(datetime_from_date(args[0].word, &timestamp, err));
    return shift_timestamp(timestamp, negated(interval_load(args[1].bytes)), out, err);
}

SCALAR(date_plus_time)
{
    KY_TRY(datetime_from_date(args[0].word, &out->word, err));
    *out = datum_word(timestamp_is_finite(out->word) ? out->word + args[1].word : out->word);
    return KY_OK;
}

/* As local time, the instant. */
SCALAR(date_plus_time_here)
{
    KY_TRY(date_plus_time(env, args, arg_count, out, err));
    *out = datum_word(local_to_instant(env->types.zone, out->word));
    return KY_OK;
}

SCALAR(time_plus_date)
{
    const struct datum swapped[2] = {args[1], args[0]};
    return date_plus_time(env, swapped, 2, out, err);
}

/* timestamp, timestamptz */

SCALAR(timestamp_plus)
{
    return shift_timestamp(args[0].word, interval_load(args[1].bytes), out, err);
}

SCALAR(plus_timestamp)
{
    return shift_timestamp(args[1].word, interval_load(args[0].bytes), out, err);
}

SCALAR(timestamp_minus)
{
    return shift_timestamp(args[0].word, negated(interval_load(args[1].bytes)), out, err);
}

SCALAR(instant_plus)
{
    return shift_instant(env->types.zone, args[0].word, interval_load(args[1].bytes), out, err);
}

SCALAR(plus_instant)
{
    return shift_instant(env->types.zone, args[1].word, interval_load(args[0].bytes), out, err);
}

SCALAR(instant_minus)
{
    struct interval by = negated(interval_load(args[1].bytes));
    return shift_instant(env->types.zone, args[0].word, by, out, err);
}

SCALAR(timestamp_difference)
{
    struct interval result = {0};
    if (!timestamp_is_finite(args[0].word) || !timestamp_is_finite(args[1].word)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "cannot subtract infinite timestamps");
    }
    if (__builtin_sub_overflow(args[0].word, args[1].word, &result.time_us)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "interval out of range");
    }
    result.days = (int32_t)(result.time_us / DATETIME_US_PER_DAY);
    result.time_us %= DATETIME_US_PER_DAY;
    *out = give(env, result);
    return KY_OK;
}

/* time */

static int64_t
wrap_day(int64_t us)
{
    return us - floor_div(us, DATETIME_US_PER_DAY) * DATETIME_US_PER_DAY;
}

SCALAR(time_plus)
{
    int64_t by = interval_load(args[1].bytes).time_us % DATETIME_US_PER_DAY;
    *out = datum_word(wrap_day(args[0].word + by));
    return KY_OK;
}

SCALAR(plus_time)
{
    const struct datum swapped[2] = {args[1], args[0]};
    return time_plus(env, swapped, 2, out, err);
}

SCALAR(time_minus)
{
    int64_t by = interval_load(args[1].bytes).time_us % DATETIME_US_PER_DAY;
    *out = datum_word(wrap_day(args[0].word - by));
    return KY_OK;
}

SCALAR(time_difference)
{
    *out = give(env, (struct interval){.time_us = args[0].word - args[1].word});
    return KY_OK;
}

/* age: the difference field by field, borrowing from the next larger field. */
static int
days_in_month(int64_t timestamp)
{
    struct civil_time civil;
    timestamp_to_civil(timestamp, &civil);
    int year = civil.month == 12 ? civil.year + 1 : civil.year;
    int month = civil.month == 12 ? 1 : civil.month + 1;
    return (int)(date_from_civil(year, month, 1) - date_from_civil(civil.year, civil.month, 1));
}

static ky_status
age_between(struct func_env *env, int64_t a, int64_t b, struct datum *out, struct ky_error *err)
{
    if (!timestamp_is_finite(a) || !timestamp_is_finite(b)) {
        return timestamp_out_of_range(err);
    }
    struct civil_time late;
    struct civil_time early;
    const int sign = a < b ? -1 : 1;
    timestamp_to_civil(a < b ? b : a, &late);
    timestamp_to_civil(a < b ? a : b, &early);
    int microsecond = late.microsecond - early.microsecond;
    int second = late.second - early.second;
    int minute = late.minute - early.minute;
    int hour = late.hour - early.hour;
    int day = late.day - early.day;
    int month = late.month - early.month;
    int year = late.year - early.year;
    if (microsecond < 0) {
        microsecond += 1000000;
        second--;
    }
    if (second < 0) {
        second += 60;
        minute--;
    }
    if (minute < 0) {
        minute += 60;
        hour--;
    }
    if (hour < 0) {
        hour += 24;
        day--;
    }
    while (day < 0) {
        day += days_in_month(a < b ? a : b);
        month--;
    }
    if (month < 0) {
        month += 12;
        year--;
    }
    struct interval result = {
        .months = sign * (year * 12 + month),
        .days = sign * day,
        .time_us = sign * (((hour * INT64_C(60) + minute) * 60 + second) * 1000000 + microsecond),
    };
    *out = give(env, result);
    return KY_OK;
}

static int64_t
midnight(struct func_env *env)
{
    int64_t local = instant_to_local(env->types.zone, env->transaction_start_us);
    return floor_div(local, DATETIME_US_PER_DAY) * DATETIME_US_PER_DAY;
}

SCALAR(age_timestamps)
{
    return age_between(env, args[0].word, args[1].word, out, err);
}

SCALAR(age_instants)
{
    return age_between(env, instant_to_local(env->types.zone, args[0].word),
                       instant_to_local(env->types.zone, args[1].word), out, err);
}

SCALAR(age_timestamp)
{
    return age_between(env, midnight(env), args[0].word, out, err);
}

SCALAR(age_instant)
{
    return age_between(env, midnight(env), instant_to_local(env->types.zone, args[0].word), out,
                       err);
}

/* Making and converting */

/* shown_year: in the message. */
static ky_status
date_of(int64_t year, int64_t month, int64_t day, int64_t shown_year, int64_t *days_out,
        struct ky_error *err)
{
    enum { YEARS_LONG = 400 };
    bool is_date = false;
    int back_year;
    int back_month;
    int back_day;
    if (year != 0 && year > INT32_MIN && month >= 1 && month <= 12 && day >= 1 && day <= 31) {
        /* Days are the same in each cycle of years. */
        const int64_t astronomical = year < 0 ? year + 1 : year;
        const int cycle_year =
            (int)(((astronomical % YEARS_LONG) + YEARS_LONG) % YEARS_LONG) + 2000;
        const int64_t days = date_from_civil(cycle_year, (int)month, (int)day);
        date_to_civil(days, &back_year, &back_month, &back_day);
        is_date = back_month == month && back_day == day;
        if (is_date && year > -5000 && year < 5900000) {
            *days_out = date_from_civil((int)astronomical, (int)month, (int)day);
            if (*days_out >= DATE_MIN && *days_out < DATE_END) {
                return KY_OK;
            }
        }
    }
    return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "date%s out of range: %lld-%02lld-%02lld",
                        is_date ? "" : " field value", (long long)shown_year, (long long)month,
                        (long long)day);
}

static ky_status
time_of(int64_t hour, int64_t minute, double second, int64_t *us_out, struct ky_error *err)
{
    if (hour < 0 || minute < 0 || minute > 59 || isnan(second) || second < 0 || second > 60 ||
        hour > 24 || (hour == 24 && (minute > 0 || second > 0))) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW,
                            "time field value out of range: %lld:%02lld:%02g", (long long)hour,
                            (long long)minute, second);
    }
    *us_out = (hour * 60 + minute) * INT64_C(60000000) + (int64_t)rint(second * 1000000.0);
    return KY_OK;
}

SCALAR(make_date)
{
    const int64_t year = args[0].word;
    *out = datum_word(0);
    /* PostgreSQL's message counts years before Christ from 0 here. */
    return date_of(year, args[1].word, args[2].word, year < 0 && year > INT32_MIN ? year + 1 : year,
                   &out->word, err);
}

SCALAR(make_time)
{
    *out = datum_word(0);
    return time_of(args[0].word, args[1].word, args[2].real, &out->word, err);
}

SCALAR(make_timestamp)
{
    int64_t days;
    int64_t us;
    KY_TRY(date_of(args[0].word, args[1].word, args[2].word, args[0].word, &days, err));
    KY_TRY(time_of(args[3].word, args[4].word, args[5].real, &us, err));
    KY_TRY(datetime_from_date(days, &out->word, err));
    *out = datum_word(out->word + us);
    return KY_OK;
}

SCALAR(make_timestamptz)
{
    const struct timezone *zone = env->types.zone;
    KY_TRY(make_timestamp(env, args, 6, out, err));
    if (arg_count > 6) {
        KY_TRY(datetime_zone(args[6].bytes, &zone, err));
    }
    *out = datum_word(local_to_instant(zone, out->word));
    return KY_OK;
}

SCALAR(to_timestamp)
{
    const double seconds = args[0].real;
    if (isnan(seconds)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "timestamp cannot be NaN");
    }
    if (isinf(seconds)) {
        *out = datum_word(seconds > 0 ? INT64_MAX : INT64_MIN);
        return KY_OK;
    }
    if (seconds < -210866803200.0 || seconds >= 9224318016000.0) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "timestamp out of range: \"%g\"",
                            seconds);
    }
    *out = datum_word((int64_t)rint((seconds - 946684800.0) * 1000000.0));
    return KY_OK;
}

SCALAR(is_finite_timestamp)
{
    *out = datum_word(timestamp_is_finite(args[0].word));
    return KY_OK;
}

SCALAR(is_finite_date)
{
    *out = datum_word(date_is_finite(args[0].word));
    return KY_OK;
}

SCALAR(is_finite_interval)
{
    *out = datum_word(1);
    return KY_OK;
}

/* AT TIME ZONE */
SCALAR(instant_at_zone)
{
    const struct timezone *zone;
    if (!timestamp_is_finite(args[1].word)) {
        *out = args[1];
        return KY_OK;
    }
    KY_TRY(datetime_zone(args[0].bytes, &zone, err));
    *out = datum_word(instant_to_local(zone, args[1].word));
    return KY_OK;
}

SCALAR(local_at_zone)
{
    const struct timezone *zone;
    if (!timestamp_is_finite(args[1].word)) {
        *out = args[1];
        return KY_OK;
    }
    KY_TRY(datetime_zone(args[0].bytes, &zone, err));
    *out = datum_word(local_to_instant(zone, args[1].word));
    return KY_OK;
}

ky_status
datetime_zone_interval(struct func_env *env, struct datum zone, int64_t *us_out,
                       struct ky_error *err)
{
    struct interval value = interval_load(zone.bytes);
    if (value.months != 0 || value.days != 0) {
        struct ky_slice text = func_output(env, type_get(OID_INTERVAL), zone);
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "interval time zone \"%.*s\" must not include months or days",
                            (int)text.size, (const char *)text.data);
    }
    *us_out = value.time_us;
    return KY_OK;
}

SCALAR(instant_at_interval)
{
    int64_t offset;
    if (!timestamp_is_finite(args[1].word)) {
        *out = args[1];
        return KY_OK;
    }
    KY_TRY(datetime_zone_interval(env, args[0], &offset, err));
    *out = datum_word(timestamp_is_finite(args[1].word) ? args[1].word + offset : args[1].word);
    return KY_OK;
}

SCALAR(local_at_interval)
{
    int64_t offset;
    if (!timestamp_is_finite(args[1].word)) {
        *out = args[1];
        return KY_OK;
    }
    KY_TRY(datetime_zone_interval(env, args[0], &offset, err));
    *out = datum_word(timestamp_is_finite(args[1].word) ? args[1].word - offset : args[1].word);
    return KY_OK;
}

/* date_bin(stride, source, origin) */
SCALAR(date_bin)
{
    struct interval stride = interval_load(args[0].bytes);
    *out = args[1];
    if (!timestamp_is_finite(args[1].word)) {
        return KY_OK;
    }
    if (!timestamp_is_finite(args[2].word)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "origin out of range");
    }
    if (stride.months != 0) {
        return ky_error_set(
            err, KY_FEATURE_NOT_SUPPORTED,
            "timestamps cannot be binned into intervals containing months or years");
    }
    int64_t step;
    int64_t distance;
    if (__builtin_mul_overflow((int64_t)stride.days, DATETIME_US_PER_DAY, &step) ||
        __builtin_add_overflow(step, stride.time_us, &step) ||
        __builtin_sub_overflow(args[1].word, args[2].word, &distance)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "interval out of range");
    }
    if (step <= 0) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "stride must be greater than zero");
    }
    out->word = args[2].word + floor_div(distance, step) * step;
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1141, "date_pli", OID_DATE, 'i', true, ARGS(OID_DATE, OID_INT4), .scalar = date_plus_days),
    FUNC(2550, "integer_pl_date", OID_DATE, 'i', true, ARGS(OID_INT4, OID_DATE),
         .scalar = days_plus_date),
    FUNC(1142, "date_mii", OID_DATE, 'i', true, ARGS(OID_DATE, OID_INT4),
         .scalar = date_minus_days),
    FUNC(1140, "date_mi", OID_INT4, 'i', true, ARGS(OID_DATE, OID_DATE), .scalar = date_minus_date),
    FUNC(2071, "date_pl_interval", OID_TIMESTAMP, 'i', true, ARGS(OID_DATE, OID_INTERVAL),
         .scalar = date_plus_interval),
    FUNC(2546, "interval_pl_date", OID_TIMESTAMP, 'i', true, ARGS(OID_INTERVAL, OID_DATE),
         .scalar = interval_plus_date),
    FUNC(2072, "date_mi_interval", OID_TIMESTAMP, 'i', true, ARGS(OID_DATE, OID_INTERVAL),
         .scalar = date_minus_interval),
    FUNC(1272, "datetime_pl", OID_TIMESTAMP, 'i', true, ARGS(OID_DATE, OID_TIME),
         .scalar = date_plus_time),
    FUNC(1296, "timedate_pl", OID_TIMESTAMP, 'i', true, ARGS(OID_TIME, OID_DATE),
         .scalar = time_plus_date),
    FUNC(2025, "timestamp", OID_TIMESTAMP, 'i', true, ARGS(OID_DATE, OID_TIME),
         .scalar = date_plus_time),
    FUNC(1176, "timestamptz", OID_TIMESTAMPTZ, 's', true, ARGS(OID_DATE, OID_TIME),
         .scalar = date_plus_time_here),
    FUNC(2032, "timestamp_pl_interval", OID_TIMESTAMP, 'i', true, ARGS(OID_TIMESTAMP, OID_INTERVAL),
         .scalar = timestamp_plus),
    FUNC(2548, "interval_pl_timestamp", OID_TIMESTAMP, 'i', true, ARGS(OID_INTERVAL, OID_TIMESTAMP),
         .scalar = plus_timestamp),
    FUNC(2033, "timestamp_mi_interval", OID_TIMESTAMP, 'i', true, ARGS(OID_TIMESTAMP, OID_INTERVAL),
         .scalar = timestamp_minus),
    FUNC(1189, "timestamptz_pl_interval", OID_TIMESTAMPTZ, 's', true,
         ARGS(OID_TIMESTAMPTZ, OID_INTERVAL), .scalar = instant_plus),
    FUNC(2549, "interval_pl_timestamptz", OID_TIMESTAMPTZ, 's', true,
         ARGS(OID_INTERVAL, OID_TIMESTAMPTZ), .scalar = plus_instant),
    FUNC(1190, "timestamptz_mi_interval", OID_TIMESTAMPTZ, 's', true,
         ARGS(OID_TIMESTAMPTZ, OID_INTERVAL), .scalar = instant_minus),
    FUNC(2031, "timestamp_mi", OID_INTERVAL, 'i', true, ARGS(OID_TIMESTAMP, OID_TIMESTAMP),
         .scalar = timestamp_difference),
    FUNC(1188, "timestamptz_mi", OID_INTERVAL, 'i', true, ARGS(OID_TIMESTAMPTZ, OID_TIMESTAMPTZ),
         .scalar = timestamp_difference),
    FUNC(1747, "time_pl_interval", OID_TIME, 'i', true, ARGS(OID_TIME, OID_INTERVAL),
         .scalar = time_plus),
    FUNC(1848, "interval_pl_time", OID_TIME, 'i', true, ARGS(OID_INTERVAL, OID_TIME),
         .scalar = plus_time),
    FUNC(1748, "time_mi_interval", OID_TIME, 'i', true, ARGS(OID_TIME, OID_INTERVAL),
         .scalar = time_minus),
    FUNC(1690, "time_mi_time", OID_INTERVAL, 'i', true, ARGS(OID_TIME, OID_TIME),
         .scalar = time_difference),
    FUNC(2058, "age", OID_INTERVAL, 'i', true, ARGS(OID_TIMESTAMP, OID_TIMESTAMP),
         .scalar = age_timestamps),
    FUNC(1199, "age", OID_INTERVAL, 'i', true, ARGS(OID_TIMESTAMPTZ, OID_TIMESTAMPTZ),
         .scalar = age_instants),
    FUNC(2059, "age", OID_INTERVAL, 's', true, ARGS(OID_TIMESTAMP), .scalar = age_timestamp),
    FUNC(1386, "age", OID_INTERVAL, 's', true, ARGS(OID_TIMESTAMPTZ), .scalar = age_instant),
    FUNC(3846, "make_date", OID_DATE, 'i', true, ARGS(OID_INT4, OID_INT4, OID_INT4),
         .scalar = make_date),
    FUNC(3847, "make_time", OID_TIME, 'i', true, ARGS(OID_INT4, OID_INT4, OID_FLOAT8),
         .scalar = make_time),
    FUNC(3461, "make_timestamp", OID_TIMESTAMP, 'i', true,
         ARGS(OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_FLOAT8),
         .scalar = make_timestamp),
    FUNC(3462, "make_timestamptz", OID_TIMESTAMPTZ, 's', true,
         ARGS(OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_FLOAT8),
         .scalar = make_timestamptz),
    FUNC(3463, "make_timestamptz", OID_TIMESTAMPTZ, 's', true,
         ARGS(OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_FLOAT8, OID_TEXT),
         .scalar = make_timestamptz),
    FUNC(1158, "to_timestamp", OID_TIMESTAMPTZ, 'i', true, ARGS(OID_FLOAT8),
         .scalar = to_timestamp),
    FUNC(2048, "isfinite", OID_BOOL, 'i', true, ARGS(OID_TIMESTAMP), .scalar = is_finite_timestamp),
    FUNC(1389, "isfinite", OID_BOOL, 'i', true, ARGS(OID_TIMESTAMPTZ),
         .scalar = is_finite_timestamp),
    FUNC(1373, "isfinite", OID_BOOL, 'i', true, ARGS(OID_DATE), .scalar = is_finite_date),
    FUNC(1390, "isfinite", OID_BOOL, 'i', true, ARGS(OID_INTERVAL), .scalar = is_finite_interval),
    FUNC(1159, "timezone", OID_TIMESTAMP, 'i', true, ARGS(OID_TEXT, OID_TIMESTAMPTZ),
         .scalar = instant_at_zone),
    FUNC(2069, "timezone", OID_TIMESTAMPTZ, 'i', true, ARGS(OID_TEXT, OID_TIMESTAMP),
         .scalar = local_at_zone),
    FUNC(1026, "timezone", OID_TIMESTAMP, 'i', true, ARGS(OID_INTERVAL, OID_TIMESTAMPTZ),
         .scalar = instant_at_interval),
    FUNC(2070, "timezone", OID_TIMESTAMPTZ, 'i', true, ARGS(OID_INTERVAL, OID_TIMESTAMP),
         .scalar = local_at_interval),
    FUNC(6177, "date_bin", OID_TIMESTAMP, 'i', true,
         ARGS(OID_INTERVAL, OID_TIMESTAMP, OID_TIMESTAMP), .scalar = date_bin),
    FUNC(6178, "date_bin", OID_TIMESTAMPTZ, 'i', true,
         ARGS(OID_INTERVAL, OID_TIMESTAMPTZ, OID_TIMESTAMPTZ), .scalar = date_bin),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(1076, "+", OID_DATE, OID_INTERVAL, OID_TIMESTAMP, 2071, 2551, 0, 0, false),
    OPERATOR(1077, "-", OID_DATE, OID_INTERVAL, OID_TIMESTAMP, 2072, 0, 0, 0, false),
    OPERATOR(1099, "-", OID_DATE, OID_DATE, OID_INT4, 1140, 0, 0, 0, false),
    OPERATOR(1100, "+", OID_DATE, OID_INT4, OID_DATE, 1141, 2555, 0, 0, false),
    OPERATOR(1101, "-", OID_DATE, OID_INT4, OID_DATE, 1142, 0, 0, 0, false),
    OPERATOR(1327, "+", OID_TIMESTAMPTZ, OID_INTERVAL, OID_TIMESTAMPTZ, 1189, 2554, 0, 0, false),
    OPERATOR(1328, "-", OID_TIMESTAMPTZ, OID_TIMESTAMPTZ, OID_INTERVAL, 1188, 0, 0, 0, false),
    OPERATOR(1329, "-", OID_TIMESTAMPTZ, OID_INTERVAL, OID_TIMESTAMPTZ, 1190, 0, 0, 0, false),
    OPERATOR(1360, "+", OID_DATE, OID_TIME, OID_TIMESTAMP, 1272, 1363, 0, 0, false),
    OPERATOR(1363, "+", OID_TIME, OID_DATE, OID_TIMESTAMP, 1296, 1360, 0, 0, false),
    OPERATOR(1399, "-", OID_TIME, OID_TIME, OID_INTERVAL, 1690, 0, 0, 0, false),
    OPERATOR(1800, "+", OID_TIME, OID_INTERVAL, OID_TIME, 1747, 1849, 0, 0, false),
    OPERATOR(1801, "-", OID_TIME, OID_INTERVAL, OID_TIME, 1748, 0, 0, 0, false),
    OPERATOR(1849, "+", OID_INTERVAL, OID_TIME, OID_TIME, 1848, 1800, 0, 0, false),
    OPERATOR(2066, "+", OID_TIMESTAMP, OID_INTERVAL, OID_TIMESTAMP, 2032, 2553, 0, 0, false),
    OPERATOR(2067, "-", OID_TIMESTAMP, OID_TIMESTAMP, OID_INTERVAL, 2031, 0, 0, 0, false),
    OPERATOR(2068, "-", OID_TIMESTAMP, OID_INTERVAL, OID_TIMESTAMP, 2033, 0, 0, 0, false),
    OPERATOR(2551, "+", OID_INTERVAL, OID_DATE, OID_TIMESTAMP, 2546, 1076, 0, 0, false),
    OPERATOR(2553, "+", OID_INTERVAL, OID_TIMESTAMP, OID_TIMESTAMP, 2548, 2066, 0, 0, false),
    OPERATOR(2554, "+", OID_INTERVAL, OID_TIMESTAMPTZ, OID_TIMESTAMPTZ, 2549, 1327, 0, 0, false),
    OPERATOR(2555, "+", OID_INT4, OID_DATE, OID_DATE, 2550, 1100, 0, 0, false),
};

const struct func_table func_table_datetime = {funcs, KY_COUNT_OF(funcs), operators,
                                               KY_COUNT_OF(operators)};
