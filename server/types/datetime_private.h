/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/datetime.h"

/* The inside of the date and time types; only datetime*.c, timezone.c and type_datetime.c. */

#define DATETIME_US_PER_SECOND INT64_C(1000000)
#define DATETIME_US_PER_MINUTE INT64_C(60000000)
#define DATETIME_US_PER_HOUR INT64_C(3600000000)
/* 4714-11-24 BC and the first days that are too late, counted from 2000-01-01. */
enum { DATE_MIN = -2451545, DATE_END = 2145031949, TIMESTAMP_DATE_END = 106751983 };
#define TIMESTAMP_MIN ((int64_t)DATE_MIN * DATETIME_US_PER_DAY)
#define TIMESTAMP_END ((int64_t)TIMESTAMP_DATE_END * DATETIME_US_PER_DAY)
enum { ZONE_OFFSET_MAX = 16 * 3600 - 1 };

/* Fields of an interval's type modifier: precision in the low half, these in the high one. */
enum {
    INTERVAL_MONTH = 1 << 1,
    INTERVAL_YEAR = 1 << 2,
    INTERVAL_DAY = 1 << 3,
    INTERVAL_HOUR = 1 << 10,
    INTERVAL_MINUTE = 1 << 11,
    INTERVAL_SECOND = 1 << 12,
    INTERVAL_RANGE_ALL = 0x7fff,
    INTERVAL_PRECISION_ALL = 0xffff,
    INTERVAL_MINUTE_TO_SECOND = INTERVAL_MINUTE | INTERVAL_SECOND,
};

static inline bool
timestamp_is_finite(int64_t timestamp)
{
    return timestamp != INT64_MIN && timestamp != INT64_MAX;
}

static inline bool
timestamp_is_valid(int64_t timestamp)
{
    return timestamp >= TIMESTAMP_MIN && timestamp < TIMESTAMP_END;
}

static inline bool
date_is_finite(int64_t date)
{
    return date != INT32_MIN && date != INT32_MAX;
}

int datetime_days_in_month(int year, int month);
bool datetime_word_is(struct ky_slice a, const char *lower_case);

enum parsed_kind { PARSED_VALUE, PARSED_EPOCH, PARSED_INFINITY, PARSED_MINUS_INFINITY };

/* What a date or time string says. */
struct parsed_datetime {
    enum parsed_kind kind;
    struct civil_time civil; /* hour may be 24, second 60 */
    bool has_date;
    bool has_time;
    bool has_zone;               /* zone_offset is meant */
    const struct timezone *zone; /* a named zone, or NULL */
    bool is_now;                 /* civil is the moment now */
};

/* type_name is for messages; is_time_only is for time and timetz. 22007, 22008, 22009. */
KY_MUST_CHECK ky_status datetime_parse(const struct type_context *context, struct ky_slice text,
                                       const char *type_name, bool is_time_only,
                                       struct parsed_datetime *out, struct ky_error *err);
KY_MUST_CHECK ky_status interval_parse(struct ky_slice text, int32_t typmod, int style,
                                       struct interval *out, struct ky_error *err);

void date_print(const struct type_context *context, int64_t date, struct ky_buffer *out);
void time_print(int64_t time_us, struct ky_buffer *out);
void zone_print(int offset_east, struct ky_buffer *out);
/* zone NULL: no zone is shown. */
void timestamp_print(const struct type_context *context, int64_t timestamp,
                     const struct timezone *zone, struct ky_buffer *out);
void interval_print(int style, struct interval interval, struct ky_buffer *out);

KY_COLD ky_status datetime_error_syntax(struct ky_error *err, const char *type_name,
                                        struct ky_slice text);
KY_COLD ky_status datetime_error_range(struct ky_error *err, const char *what,
                                       struct ky_slice text);
/* Rounds microseconds to a precision 0..6, half away from zero. */
int64_t datetime_round(int64_t us, int precision);
/* Offset east of an abbreviation such as "est" (lower case), false when unknown. */
bool timezone_abbreviation(struct ky_slice lower, int *offset_out, bool *is_dst_out);
