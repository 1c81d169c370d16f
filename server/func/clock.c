/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/clock.h"

#include <stdio.h>

#include "server/func/datetime_unit.h"

/* Clocks: of the transaction, of the statement, of the wall. */

SCALAR(now)
{
    *out = datum_word(env->transaction_start_us);
    return KY_OK;
}

SCALAR(statement_timestamp)
{
    *out = datum_word(env->statement_start_us);
    return KY_OK;
}

SCALAR(clock_timestamp)
{
    *out = datum_word(ky_wall_us() - DATETIME_UNIX_TO_2000_US);
    return KY_OK;
}

SCALAR(local_now)
{
    *out = datum_word(instant_to_local(env->types.zone, env->transaction_start_us));
    return KY_OK;
}

SCALAR(current_date)
{
    int64_t local = instant_to_local(env->types.zone, env->transaction_start_us);
    *out = datum_word(floor_div(local, DATETIME_US_PER_DAY));
    return KY_OK;
}

SCALAR(local_time)
{
    int64_t local = instant_to_local(env->types.zone, env->transaction_start_us);
    *out = datum_word(local - floor_div(local, DATETIME_US_PER_DAY) * DATETIME_US_PER_DAY);
    return KY_OK;
}

static struct datum
make_timetz(struct func_env *env, int64_t us, int seconds_west)
{
    uint8_t *bytes = ky_arena_alloc(env->types.arena, 12);
    ky_store_le64(bytes, (uint64_t)us);
    ky_store_le32(bytes + 8, (uint32_t)seconds_west);
    return datum_bytes(bytes, 12);
}

SCALAR(current_time)
{
    const int64_t instant = env->transaction_start_us;
    int offset = timezone_offset_at(env->types.zone, instant, NULL, NULL);
    KY_TRY(local_time(env, args, arg_count, out, err));
    *out = make_timetz(env, out->word, -offset);
    return KY_OK;
}

/* The wall clock as the words of Unix: "Sat Nov 28 03:54:42.123456 2026 UTC". */
SCALAR(time_of_day)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    enum { TEXT_SIZE = 96, SATURDAY = 6 }; /* 2000-01-01 was one */
    const int64_t instant = ky_wall_us() - DATETIME_UNIX_TO_2000_US;
    const int64_t local = instant_to_local(env->types.zone, instant);
    const int64_t day = floor_div(local, DATETIME_US_PER_DAY);
    const int64_t weekday = day + SATURDAY - floor_div(day + SATURDAY, 7) * 7;
    const char *abbreviation = "";
    struct civil_time civil;
    timestamp_to_civil(local, &civil);
    (void)timezone_offset_at(env->types.zone, instant, &abbreviation, NULL);
    char *text = ky_arena_alloc(env->types.arena, TEXT_SIZE);
    const int size =
        snprintf(text, TEXT_SIZE, "%s %s %02d %02d:%02d:%02d.%06d %d %s", days[weekday],
                 months[civil.month - 1], civil.day, civil.hour, civil.minute, civil.second,
                 civil.microsecond, civil.year, abbreviation);
    *out = datum_bytes(text, (size_t)size);
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1299, "now", OID_TIMESTAMPTZ, 's', true, NO_ARGS, .scalar = now),
    FUNC(2647, "transaction_timestamp", OID_TIMESTAMPTZ, 's', true, NO_ARGS, .scalar = now),
    FUNC(2648, "statement_timestamp", OID_TIMESTAMPTZ, 's', true, NO_ARGS,
         .scalar = statement_timestamp),
    FUNC(2649, "clock_timestamp", OID_TIMESTAMPTZ, 'v', true, NO_ARGS, .scalar = clock_timestamp),
    FUNC(15000, "current_timestamp", OID_TIMESTAMPTZ, 's', true, NO_ARGS, .scalar = now),
    FUNC(15001, "localtimestamp", OID_TIMESTAMP, 's', true, NO_ARGS, .scalar = local_now),
    FUNC(15002, "current_date", OID_DATE, 's', true, NO_ARGS, .scalar = current_date),
    FUNC(15003, "localtime", OID_TIME, 's', true, NO_ARGS, .scalar = local_time),
    FUNC(15004, "current_time", OID_TIMETZ, 's', true, NO_ARGS, .scalar = current_time),
    FUNC(274, "timeofday", OID_TEXT, 'v', true, NO_ARGS, .scalar = time_of_day),
};

const struct func_table func_table_clock = {funcs, KY_COUNT_OF(funcs), NULL, 0};
