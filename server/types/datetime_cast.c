/* SPDX-License-Identifier: Apache-2.0 */

/* Casts among the date and time types. None takes a modifier: the binder adds coerce. */

#include "server/types/datetime_private.h"
#include "server/types/types_private.h"

#define CAST_ARGUMENTS                                                                        \
    const struct type_context *context, struct datum value, int32_t typmod, bool is_explicit, \
        struct datum *out, struct ky_error *err

static const struct timezone *
zone_of(const struct type_context *context)
{
    return context->zone != NULL ? context->zone : timezone_utc();
}

static int64_t
day_of(int64_t timestamp)
{
    return timestamp / DATETIME_US_PER_DAY - (timestamp % DATETIME_US_PER_DAY < 0);
}

static int64_t
time_of(int64_t timestamp)
{
    return timestamp - day_of(timestamp) * DATETIME_US_PER_DAY;
}

static int64_t
to_local(const struct type_context *context, int64_t timestamptz)
{
    return timestamptz +
           timezone_offset_at(zone_of(context), timestamptz, NULL, NULL) * DATETIME_US_PER_SECOND;
}

static struct datum
timestamp_to_date(int64_t timestamp)
{
    if (!timestamp_is_finite(timestamp)) {
        return datum_word(timestamp > 0 ? INT32_MAX : INT32_MIN);
    }
    return datum_word(day_of(timestamp));
}

static ky_status
cast_date_timestamp(CAST_ARGUMENTS)
{
    (void)context;
    (void)typmod;
    (void)is_explicit;
    if (!date_is_finite(value.word)) {
        *out = datum_word(value.word > 0 ? INT64_MAX : INT64_MIN);
        return KY_OK;
    }
    if (value.word >= TIMESTAMP_DATE_END) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "date out of range for timestamp");
    }
    *out = datum_word(value.word * DATETIME_US_PER_DAY);
    return KY_OK;
}

static ky_status
local_to_timestamptz(const struct type_context *context, int64_t local, struct datum *out,
                     struct ky_error *err)
{
    int64_t moment = timezone_local_to_utc(zone_of(context), local);
    if (timestamp_is_finite(moment) && !timestamp_is_valid(moment)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
    }
    *out = datum_word(moment);
    return KY_OK;
}

static ky_status
cast_date_timestamptz(CAST_ARGUMENTS)
{
    struct datum local;
    KY_TRY(cast_date_timestamp(context, value, typmod, is_explicit, &local, err));
    return local_to_timestamptz(context, local.word, out, err);
}

static ky_status
cast_timestamp_timestamptz(CAST_ARGUMENTS)
{
    (void)typmod;
    (void)is_explicit;
    return local_to_timestamptz(context, value.word, out, err);
}

static ky_status
cast_timestamptz_timestamp(CAST_ARGUMENTS)
{
    (void)typmod;
    (void)is_explicit;
    if (!timestamp_is_finite(value.word)) {
        *out = value;
        return KY_OK;
    }
    int64_t local = to_local(context, value.word);
    if (!timestamp_is_valid(local)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
    }
    *out = datum_word(local);
    return KY_OK;
}

static ky_status
cast_timestamp_date(CAST_ARGUMENTS)
{
    (void)context;
    (void)typmod;
    (void)is_explicit;
    (void)err;
    *out = timestamp_to_date(value.word);
    return KY_OK;
}

static ky_status
cast_timestamptz_date(CAST_ARGUMENTS)
{
    (void)typmod;
    (void)is_explicit;
    (void)err;
    bool is_finite = timestamp_is_finite(value.word);
    *out = timestamp_to_date(is_finite ? to_local(context, value.word) : value.word);
    return KY_OK;
}

static ky_status
cast_timestamp_time(CAST_ARGUMENTS)
{
    (void)context;
    (void)typmod;
    (void)is_explicit;
    (void)err;
    *out = timestamp_is_finite(value.word) ? datum_word(time_of(value.word)) : datum_null();
    return KY_OK;
}

static ky_status
cast_timestamptz_time(CAST_ARGUMENTS)
{
    (void)typmod;
    (void)is_explicit;
    (void)err;
    *out = timestamp_is_finite(value.word) ? datum_word(time_of(to_local(context, value.word)))
                                           : datum_null();
    return KY_OK;
}

static struct datum
timetz(struct ky_arena *arena, int64_t time, int offset_east)
{
    uint8_t *bytes = ky_arena_alloc(arena, 12);
    ky_store_le64(bytes, (uint64_t)time);
    ky_store_le32(bytes + 8, (uint32_t)-offset_east);
    return datum_bytes(bytes, 12);
}

static ky_status
cast_timestamptz_timetz(CAST_ARGUMENTS)
{
    (void)typmod;
    (void)is_explicit;
    (void)err;
    if (!timestamp_is_finite(value.word)) {
        *out = datum_null();
        return KY_OK;
    }
    int offset = timezone_offset_at(zone_of(context), value.word, NULL, NULL);
    *out = timetz(context->arena, time_of(to_local(context, value.word)), offset);
    return KY_OK;
}

/* The zone's offset today. */
static ky_status
cast_time_timetz(CAST_ARGUMENTS)
{
    (void)typmod;
    (void)is_explicit;
    (void)err;
    int64_t today = day_of(to_local(context, context->now_us)) * DATETIME_US_PER_DAY;
    int64_t moment = timezone_local_to_utc(zone_of(context), today + value.word);
    *out = timetz(context->arena, value.word,
                  timezone_offset_at(zone_of(context), moment, NULL, NULL));
    return KY_OK;
}

static ky_status
cast_timetz_time(CAST_ARGUMENTS)
{
    (void)context;
    (void)typmod;
    (void)is_explicit;
    (void)err;
    *out = datum_word((int64_t)ky_load_le64(value.bytes.data));
    return KY_OK;
}

static ky_status
cast_time_interval(CAST_ARGUMENTS)
{
    (void)typmod;
    (void)is_explicit;
    (void)err;
    struct ky_slice bytes =
        interval_store(context->arena, (struct interval){.time_us = value.word});
    *out = datum_bytes(bytes.data, bytes.size);
    return KY_OK;
}

static ky_status
cast_interval_time(CAST_ARGUMENTS)
{
    (void)context;
    (void)typmod;
    (void)is_explicit;
    (void)err;
    *out = datum_word(time_of(interval_load(value.bytes).time_us));
    return KY_OK;
}

const struct cast datetime_casts[] = {
    {OID_DATE, OID_TIMESTAMP, CAST_IMPLICIT, CAST_FUNCTION, cast_date_timestamp, 2024},
    {OID_DATE, OID_TIMESTAMPTZ, CAST_IMPLICIT, CAST_FUNCTION, cast_date_timestamptz, 1174},
    {OID_TIME, OID_INTERVAL, CAST_IMPLICIT, CAST_FUNCTION, cast_time_interval, 1370},
    {OID_TIME, OID_TIMETZ, CAST_IMPLICIT, CAST_FUNCTION, cast_time_timetz, 2047},
    {OID_TIMESTAMP, OID_DATE, CAST_ASSIGNMENT, CAST_FUNCTION, cast_timestamp_date, 2029},
    {OID_TIMESTAMP, OID_TIME, CAST_ASSIGNMENT, CAST_FUNCTION, cast_timestamp_time, 1316},
    {OID_TIMESTAMP, OID_TIMESTAMPTZ, CAST_IMPLICIT, CAST_FUNCTION, cast_timestamp_timestamptz,
     2028},
    {OID_TIMESTAMPTZ, OID_DATE, CAST_ASSIGNMENT, CAST_FUNCTION, cast_timestamptz_date, 1178},
    {OID_TIMESTAMPTZ, OID_TIME, CAST_ASSIGNMENT, CAST_FUNCTION, cast_timestamptz_time, 2019},
    {OID_TIMESTAMPTZ, OID_TIMESTAMP, CAST_ASSIGNMENT, CAST_FUNCTION, cast_timestamptz_timestamp,
     2027},
    {OID_TIMESTAMPTZ, OID_TIMETZ, CAST_ASSIGNMENT, CAST_FUNCTION, cast_timestamptz_timetz, 1388},
    {OID_INTERVAL, OID_TIME, CAST_ASSIGNMENT, CAST_FUNCTION, cast_interval_time, 1419},
    {OID_TIMETZ, OID_TIME, CAST_ASSIGNMENT, CAST_FUNCTION, cast_timetz_time, 2046},
};
const size_t datetime_casts_count = KY_COUNT_OF(datetime_casts);
