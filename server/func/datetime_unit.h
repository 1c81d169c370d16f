/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/func/func_private.h"
#include "server/types/datetime.h"

/* The words of extract and date_trunc. */
enum unit {
    UNIT_UNKNOWN,
    UNIT_MICROSECOND,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM,
    UNIT_EPOCH,
    UNIT_DOW,
    UNIT_DOY,
    UNIT_ISODOW,
    UNIT_ISOYEAR,
    UNIT_JULIAN,
    UNIT_TIMEZONE,
    UNIT_TIMEZONE_HOUR,
    UNIT_TIMEZONE_MINUTE,
};

enum unit datetime_unit(struct ky_slice word);
ky_status datetime_unit_error(enum unit unit, struct ky_slice word, oid_t type,
                              struct ky_error *err);

#define TIMESTAMP_MIN INT64_C(-211813488000000000)
#define TIMESTAMP_END INT64_C(9223371331200000000)
#define DATE_MIN INT64_C(-2451545)
#define DATE_END INT64_C(2145031949)

static inline bool
timestamp_is_finite(int64_t timestamp)
{
    return timestamp != INT64_MIN && timestamp != INT64_MAX;
}

static inline bool
date_is_finite(int64_t days)
{
    return days != INT32_MIN && days != INT32_MAX;
}

static inline int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* Local wall time of an instant, as a timestamp. */
static inline int64_t
instant_to_local(const struct timezone *zone, int64_t instant)
{
    if (!timestamp_is_finite(instant)) {
        return instant;
    }
    return instant + timezone_offset_at(zone, instant, NULL, NULL) * INT64_C(1000000);
}

static inline int64_t
local_to_instant(const struct timezone *zone, int64_t local)
{
    return timestamp_is_finite(local) ? timezone_local_to_utc(zone, local) : local;
}

/* ISO year and week of a date. */
int datetime_iso_week(int64_t days, int *iso_year_out);
/* date to timestamp, infinities kept. 22008 when out of range. */
KY_MUST_CHECK ky_status datetime_from_date(int64_t days, int64_t *timestamp_out,
                                           struct ky_error *err);
/* The zone a name means. 22023 when unknown. */
KY_MUST_CHECK ky_status datetime_zone(struct ky_slice name, const struct timezone **zone_out,
                                      struct ky_error *err);
/* Microseconds east of UTC that an interval used as a zone says. 22023 when it has days. */
KY_MUST_CHECK ky_status datetime_zone_interval(struct func_env *env, struct datum zone,
                                               int64_t *us_out, struct ky_error *err);
