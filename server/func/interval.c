/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/aggregate.h"

/*
 * Interval arithmetic. An interval has three parts that do not convert into each other exactly;
 * scaling cascades the fraction of a month into days (30) and of a day into time, rounded to
 * microseconds at each step, as PostgreSQL does.
 */

static ky_status
interval_out_of_range(struct ky_error *err)
{
    return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "interval out of range");
}

static double
round_to_us(double seconds)
{
    return rint(seconds * 1000000.0) / 1000000.0;
}

/* months, days and time_us are the exact quotients or products. */
static ky_status
interval_from_parts(double months, double days, double time_us, struct interval *out,
                    struct ky_error *err)
{
    if (isnan(months) || fabs(months) > INT32_MAX || isnan(days) || fabs(days) > INT32_MAX) {
        return interval_out_of_range(err);
    }
    struct interval result = {.months = (int32_t)months, .days = (int32_t)days};
    double month_days = round_to_us((months - result.months) * 30.0);
    double seconds = round_to_us((days - result.days + month_days - (int)month_days) * 86400.0);
    if (fabs(seconds) >= 86400.0) {
        result.days += (int)(seconds / 86400.0);
        seconds -= (int)(seconds / 86400.0) * 86400;
    }
    double total_days = (double)result.days + (int)month_days;
    double total_us = rint(time_us + seconds * 1000000.0);
    if (isnan(total_us) || total_us < -9223372036854775808.0 || total_us >= 9223372036854775808.0 ||
        fabs(total_days) > INT32_MAX) {
        return interval_out_of_range(err);
    }
    result.days = (int32_t)total_days;
    result.time_us = (int64_t)total_us;
    *out = result;
    return KY_OK;
}

ky_status
func_interval_multiply(struct interval value, double factor, struct interval *out,
                       struct ky_error *err)
{
    return interval_from_parts(value.months * factor, value.days * factor,
                               (double)value.time_us * factor, out, err);
}

ky_status
func_interval_divide(struct interval value, double divisor, struct interval *out,
                     struct ky_error *err)
{
    if (divisor == 0.0) {
        return ky_error_set(err, KY_DIVISION_BY_ZERO, "division by zero");
    }
    return interval_from_parts(value.months / divisor, value.days / divisor,
                               (double)value.time_us / divisor, out, err);
}

static struct datum
give(struct func_env *env, struct interval interval)
{
    return (struct datum){.bytes = interval_store(env->types.arena, interval)};
}

SCALAR(interval_negate)
{
    struct interval a = interval_load(args[0].bytes);
    struct interval result;
    if (__builtin_sub_overflow(0, a.time_us, &result.time_us) ||
        __builtin_sub_overflow(0, a.days, &result.days) ||
        __builtin_sub_overflow(0, a.months, &result.months)) {
        return interval_out_of_range(err);
    }
    *out = give(env, result);
    return KY_OK;
}

SCALAR(interval_add)
{
    struct interval a = interval_load(args[0].bytes);
    struct interval b = interval_load(args[1].bytes);
    struct interval result;
    if (__builtin_add_overflow(a.time_us, b.time_us, &result.time_us) ||
        __builtin_add_overflow(a.days, b.days, &result.days) ||
        __builtin_add_overflow(a.months, b.months, &result.months)) {
        return interval_out_of_range(err);
    }
    *out = give(env, result);
    return KY_OK;
}

SCALAR(interval_sub)
{
    struct interval a = interval_load(args[0].bytes);
    struct interval b = interval_load(args[1].bytes);
    struct interval result;
    if (__builtin_sub_overflow(a.time_us, b.time_us, &result.time_us) ||
        __builtin_sub_overflow(a.days, b.days, &result.days) ||
        __builtin_sub_overflow(a.months, b.months, &result.months)) {
        return interval_out_of_range(err);
    }
    *out = give(env, result);
    return KY_OK;
}

SCALAR(interval_mul)
{
    struct interval result;
    KY_TRY(func_interval_multiply(interval_load(args[0].bytes), args[1].real, &result, err));
    *out = give(env, result);
    return KY_OK;
}

SCALAR(mul_interval)
{
    struct interval result;
    KY_TRY(func_interval_multiply(interval_load(args[1].bytes), args[0].real, &result, err));
    *out = give(env, result);
    return KY_OK;
}

SCALAR(interval_div)
{
    struct interval result;
    KY_TRY(func_interval_divide(interval_load(args[0].bytes), args[1].real, &result, err));
    *out = give(env, result);
    return KY_OK;
}

/* Moves whole units between two parts and makes their signs agree. */
static bool
justify_pair(int64_t *small, int32_t *large, int64_t unit)
{
    if (__builtin_add_overflow(*large, *small / unit, large)) {
        return false;
    }
    *small %= unit;
    if (*large > 0 && *small < 0) {
        *small += unit;
        (*large)--;
    } else if (*large < 0 && *small > 0) {
        *small -= unit;
        (*large)++;
    }
    return true;
}

SCALAR(justify_hours)
{
    struct interval value = interval_load(args[0].bytes);
    if (!justify_pair(&value.time_us, &value.days, DATETIME_US_PER_DAY)) {
        return interval_out_of_range(err);
    }
    *out = give(env, value);
    return KY_OK;
}

SCALAR(justify_days)
{
    struct interval value = interval_load(args[0].bytes);
    int64_t days = value.days;
    if (!justify_pair(&days, &value.months, 30)) {
        return interval_out_of_range(err);
    }
    value.days = (int32_t)days;
    *out = give(env, value);
    return KY_OK;
}

SCALAR(justify_interval)
{
    struct interval value = interval_load(args[0].bytes);
    int64_t days;
    if (__builtin_add_overflow((int64_t)value.days, value.time_us / DATETIME_US_PER_DAY, &days)) {
        return interval_out_of_range(err);
    }
    value.time_us %= DATETIME_US_PER_DAY;
    int64_t months = value.months + days / 30;
    days %= 30;
    if (months > 0 && (days < 0 || (days == 0 && value.time_us < 0))) {
        days += 30;
        months--;
    } else if (months < 0 && (days > 0 || (days == 0 && value.time_us > 0))) {
        days -= 30;
        months++;
    }
    if (days > 0 && value.time_us < 0) {
        value.time_us += DATETIME_US_PER_DAY;
        days--;
    } else if (days < 0 && value.time_us > 0) {
        value.time_us -= DATETIME_US_PER_DAY;
        days++;
    }
    if (months < INT32_MIN || months > INT32_MAX) {
        return interval_out_of_range(err);
    }
    value.months = (int32_t)months;
    value.days = (int32_t)days;
    *out = give(env, value);
    return KY_OK;
}

SCALAR(make_interval)
{
    int64_t part[6] = {0}; /* years months weeks days hours minutes */
    for (int i = 0; i < 6; i++) {
        part[i] = args[i].word;
    }
    double seconds = args[6].real;
    if (isnan(seconds) || isinf(seconds)) {
        return interval_out_of_range(err);
    }
    /* What does not fit wraps around, as PostgreSQL's does. */
    const double us = rint(seconds * 1000000.0);
    const int64_t rest = us >= -0x1p63 && us < 0x1p63 ? (int64_t)us : INT64_MIN;
    struct interval result = {
        .months = (int32_t)(uint32_t)(part[0] * 12 + part[1]),
        .days = (int32_t)(uint32_t)(part[2] * 7 + part[3]),
        .time_us = (int64_t)((uint64_t)((part[4] * 3600 + part[5] * 60) * INT64_C(1000000)) +
                             (uint64_t)rest),
    };
    *out = give(env, result);
    return KY_OK;
}

SCALAR(interval_smaller)
{
    *out = compare_as(OID_INTERVAL, args[0], args[1]) < 0 ? args[0] : args[1];
    return KY_OK;
}

SCALAR(interval_larger)
{
    *out = compare_as(OID_INTERVAL, args[0], args[1]) > 0 ? args[0] : args[1];
    return KY_OK;
}

static const char *const make_interval_names[] = {"years", "months", "weeks", "days",
                                                  "hours", "mins",   "secs"};

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1168, "interval_um", OID_INTERVAL, 'i', true, ARGS(OID_INTERVAL),
         .scalar = interval_negate),
    FUNC(1169, "interval_pl", OID_INTERVAL, 'i', true, ARGS(OID_INTERVAL, OID_INTERVAL),
         .scalar = interval_add),
    FUNC(1170, "interval_mi", OID_INTERVAL, 'i', true, ARGS(OID_INTERVAL, OID_INTERVAL),
         .scalar = interval_sub),
    FUNC(1618, "interval_mul", OID_INTERVAL, 'i', true, ARGS(OID_INTERVAL, OID_FLOAT8),
         .scalar = interval_mul),
    FUNC(1624, "mul_d_interval", OID_INTERVAL, 'i', true, ARGS(OID_FLOAT8, OID_INTERVAL),
         .scalar = mul_interval),
    FUNC(1326, "interval_div", OID_INTERVAL, 'i', true, ARGS(OID_INTERVAL, OID_FLOAT8),
         .scalar = interval_div),
    FUNC(1175, "justify_hours", OID_INTERVAL, 'i', true, ARGS(OID_INTERVAL),
         .scalar = justify_hours),
    FUNC(1295, "justify_days", OID_INTERVAL, 'i', true, ARGS(OID_INTERVAL), .scalar = justify_days),
    FUNC(2711, "justify_interval", OID_INTERVAL, 'i', true, ARGS(OID_INTERVAL),
         .scalar = justify_interval),
    FUNC(3464, "make_interval", OID_INTERVAL, 'i', true,
         ARGS(OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_FLOAT8),
         .scalar = make_interval, .arg_names = make_interval_names, .default_count = 7),
    FUNC(1197, "interval_smaller", OID_INTERVAL, 'i', true, ARGS(OID_INTERVAL, OID_INTERVAL),
         .scalar = interval_smaller),
    FUNC(1198, "interval_larger", OID_INTERVAL, 'i', true, ARGS(OID_INTERVAL, OID_INTERVAL),
         .scalar = interval_larger),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(1336, "-", OID_NONE, OID_INTERVAL, OID_INTERVAL, 1168, 0, 0, 0, false),
    OPERATOR(1337, "+", OID_INTERVAL, OID_INTERVAL, OID_INTERVAL, 1169, 1337, 0, 0, false),
    OPERATOR(1338, "-", OID_INTERVAL, OID_INTERVAL, OID_INTERVAL, 1170, 0, 0, 0, false),
    OPERATOR(1583, "*", OID_INTERVAL, OID_FLOAT8, OID_INTERVAL, 1618, 1584, 0, 0, false),
    OPERATOR(1584, "*", OID_FLOAT8, OID_INTERVAL, OID_INTERVAL, 1624, 1583, 0, 0, false),
    OPERATOR(1585, "/", OID_INTERVAL, OID_FLOAT8, OID_INTERVAL, 1326, 0, 0, 0, false),
};

const struct func_table func_table_interval = {funcs, KY_COUNT_OF(funcs), operators,
                                               KY_COUNT_OF(operators)};
