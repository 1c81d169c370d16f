/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/datetime_unit.h"

/* Arithmetic of time with time zone: a time of day and the seconds its zone is west of UTC. */

struct timetz {
    int64_t us;
    int32_t west;
};

static struct timetz
load(struct datum value)
{
    const uint8_t *bytes = value.bytes.data;
    return (struct timetz){(int64_t)ky_load_le64(bytes), (int32_t)ky_load_le32(bytes + 8)};
}

/* The time as a time of day. */
static struct datum
store(struct func_env *env, struct timetz value)
{
    enum { TIMETZ_SIZE = 12 };
    uint8_t *bytes = ky_arena_alloc(env->types.arena, TIMETZ_SIZE);
    value.us -= floor_div(value.us, DATETIME_US_PER_DAY) * DATETIME_US_PER_DAY;
    ky_store_le64(bytes, (uint64_t)value.us);
    ky_store_le32(bytes + 8, (uint32_t)value.west);
    return datum_bytes(bytes, TIMETZ_SIZE);
}

SCALAR(timetz_plus)
{
    struct timetz value = load(args[0]);
    value.us += interval_load(args[1].bytes).time_us % DATETIME_US_PER_DAY;
    *out = store(env, value);
    return KY_OK;
}

SCALAR(plus_timetz)
{
    const struct datum swapped[2] = {args[1], args[0]};
    return timetz_plus(env, swapped, 2, out, err);
}

SCALAR(timetz_minus)
{
    struct timetz value = load(args[0]);
    value.us -= interval_load(args[1].bytes).time_us % DATETIME_US_PER_DAY;
    *out = store(env, value);
    return KY_OK;
}

SCALAR(date_plus_timetz)
{
    int64_t timestamp;
    KY_TRY(datetime_from_date(args[0].word, &timestamp, err));
    if (timestamp_is_finite(timestamp)) {
        const struct timetz value = load(args[1]);
        timestamp += value.us + value.west * INT64_C(1000000);
        if (timestamp < TIMESTAMP_MIN || timestamp >= TIMESTAMP_END) {
            return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "date out of range for timestamp");
        }
    }
    *out = datum_word(timestamp);
    return KY_OK;
}

SCALAR(timetz_plus_date)
{
    const struct datum swapped[2] = {args[1], args[0]};
    return date_plus_timetz(env, swapped, 2, out, err);
}

/* The same moment of the day as clocks of another zone show it. */
static struct datum
in_zone(struct func_env *env, struct datum value, int32_t west)
{
    const struct timetz from = load(value);
    return store(env, (struct timetz){from.us + (from.west - west) * INT64_C(1000000), west});
}

/* A zone with summer time counts as it is at the start of the transaction. */
SCALAR(timetz_at_zone)
{
    const struct timezone *zone;
    KY_TRY(datetime_zone(args[0].bytes, &zone, err));
    const int east = timezone_offset_at(zone, env->transaction_start_us, NULL, NULL);
    *out = in_zone(env, args[1], -east);
    return KY_OK;
}

SCALAR(timetz_at_interval)
{
    int64_t offset;
    KY_TRY(datetime_zone_interval(env, args[0], &offset, err));
    *out = in_zone(env, args[1], (int32_t)(-offset / 1000000));
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1297, "datetimetz_pl", OID_TIMESTAMPTZ, 'i', true, ARGS(OID_DATE, OID_TIMETZ),
         .scalar = date_plus_timetz),
    FUNC(1298, "timetzdate_pl", OID_TIMESTAMPTZ, 'i', true, ARGS(OID_TIMETZ, OID_DATE),
         .scalar = timetz_plus_date),
    FUNC(1359, "timestamptz", OID_TIMESTAMPTZ, 'i', true, ARGS(OID_DATE, OID_TIMETZ),
         .scalar = date_plus_timetz),
    FUNC(1749, "timetz_pl_interval", OID_TIMETZ, 'i', true, ARGS(OID_TIMETZ, OID_INTERVAL),
         .scalar = timetz_plus),
    FUNC(1750, "timetz_mi_interval", OID_TIMETZ, 'i', true, ARGS(OID_TIMETZ, OID_INTERVAL),
         .scalar = timetz_minus),
    FUNC(2547, "interval_pl_timetz", OID_TIMETZ, 'i', true, ARGS(OID_INTERVAL, OID_TIMETZ),
         .scalar = plus_timetz),
    FUNC(2037, "timezone", OID_TIMETZ, 's', true, ARGS(OID_TEXT, OID_TIMETZ),
         .scalar = timetz_at_zone),
    FUNC(2038, "timezone", OID_TIMETZ, 'i', true, ARGS(OID_INTERVAL, OID_TIMETZ),
         .scalar = timetz_at_interval),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(1361, "+", OID_DATE, OID_TIMETZ, OID_TIMESTAMPTZ, 1297, 1366, 0, 0, false),
    OPERATOR(1366, "+", OID_TIMETZ, OID_DATE, OID_TIMESTAMPTZ, 1298, 1361, 0, 0, false),
    OPERATOR(1802, "+", OID_TIMETZ, OID_INTERVAL, OID_TIMETZ, 1749, 2552, 0, 0, false),
    OPERATOR(1803, "-", OID_TIMETZ, OID_INTERVAL, OID_TIMETZ, 1750, 0, 0, 0, false),
    OPERATOR(2552, "+", OID_INTERVAL, OID_TIMETZ, OID_TIMETZ, 2547, 1802, 0, 0, false),
};

const struct func_table func_table_timetz = {funcs, KY_COUNT_OF(funcs), operators,
                                             KY_COUNT_OF(operators)};
