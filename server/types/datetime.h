/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

/*
 * date: days since 2000-01-01 (word; INT32_MIN/INT32_MAX are -infinity/infinity).
 * timestamp, timestamptz: microseconds since 2000-01-01 00:00 (UTC) (INT64_MIN/MAX: infinities).
 * time: microseconds since midnight. timetz: 12 bytes, i64 time then i32 zone seconds west.
 * interval: 16 bytes, i64 microseconds, i32 days, i32 months.
 */
struct interval {
    int64_t time_us;
    int32_t days;
    int32_t months;
};
struct interval interval_load(struct ky_slice bytes);
struct ky_slice interval_store(struct ky_arena *arena, struct interval interval);

struct civil_time {
    int year; /* astronomical: 0 is 1 BC */
    int month, day;
    int hour, minute, second, microsecond;
    int zone_offset; /* seconds east of UTC */
    char zone_name[16];
};

/* Time zones from the system's database (/usr/share/zoneinfo), cached for life. */
struct timezone;
/* NULL when unknown. Accepts names, POSIX-like "UTC+3", "+05:30". */
const struct timezone *timezone_find(struct ky_slice name);
/* As AT TIME ZONE reads it: abbreviations come first ("PST"), and a bare offset is POSIX's, with
 * the sign of zones west of UTC. */
const struct timezone *timezone_find_word(struct ky_slice name);
const struct timezone *timezone_utc(void);
const char *timezone_name(const struct timezone *zone);
/* Visits every zone of the system's database, in no order. It is good for the visit only. */
typedef void (*timezone_visit)(void *arg, const struct timezone *zone);
void timezone_each(timezone_visit visit, void *arg);
/* The abbreviations known, in lower case and sorted; false past the last. */
bool timezone_abbreviation_at(size_t index, const char **text_out, int *offset_out,
                              bool *is_dst_out);
/* Offset east of UTC at an instant. */
int timezone_offset_at(const struct timezone *zone, int64_t timestamptz,
                       const char **abbreviation_out, bool *is_dst_out);
/* Local wall time to an instant, PostgreSQL's rule for gaps and overlaps. */
int64_t timezone_local_to_utc(const struct timezone *zone, int64_t timestamp);

void date_to_civil(int64_t days, int *year, int *month, int *day);
int64_t date_from_civil(int year, int month, int day);
void timestamp_to_civil(int64_t timestamp, struct civil_time *out);

/* The pieces func/ needs. 22008 on overflow. */
KY_MUST_CHECK ky_status timestamp_add_interval(int64_t timestamp, struct interval interval,
                                               int64_t *out, struct ky_error *err);
KY_MUST_CHECK ky_status timestamptz_add_interval(const struct timezone *zone, int64_t timestamp,
                                                 struct interval interval, int64_t *out,
                                                 struct ky_error *err);
int interval_compare(struct interval a, struct interval b);
#define DATETIME_US_PER_DAY INT64_C(86400000000)
/* Microseconds from 1970-01-01 to 2000-01-01. */
#define DATETIME_UNIX_TO_2000_US INT64_C(946684800000000)
