/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/datetime_unit.h"

/* (start, end) OVERLAPS (start, end), where an end may be an interval from its start. */

static void
put_in_order(const struct type *type, struct datum *start, struct datum *end)
{
    const bool is_wrong =
        start->is_null || (!end->is_null && type->compare(type, *start, *end) > 0);
    if (is_wrong) {
        const struct datum first = *end;
        *end = *start;
        *start = first;
    }
}

/* An unknown end leaves what is certain. */
static struct datum
overlap(oid_t oid, struct datum ends[4])
{
    const struct type *type = type_get(oid);
    put_in_order(type, &ends[0], &ends[1]);
    put_in_order(type, &ends[2], &ends[3]);
    if (ends[0].is_null || ends[2].is_null) {
        return datum_null();
    }
    const int order = type->compare(type, ends[0], ends[2]);
    if (order == 0) {
        return ends[1].is_null || ends[3].is_null ? datum_null() : datum_word(true);
    }
    const struct datum *later = order > 0 ? &ends[0] : &ends[2];
    const struct datum *earlier = order > 0 ? &ends[2] : &ends[0];
    if (earlier[1].is_null) {
        return datum_null();
    }
    if (type->compare(type, later[0], earlier[1]) < 0) {
        return datum_word(true);
    }
    return later[1].is_null ? datum_null() : datum_word(false);
}

/* The end of what begins at start and takes so long. */
static ky_status
end_of(struct func_env *env, oid_t oid, struct datum start, struct datum length, struct datum *out,
       struct ky_error *err)
{
    *out = datum_null();
    if (start.is_null || length.is_null) {
        return KY_OK;
    }
    const struct interval by = interval_load(length.bytes);
    if (oid == OID_TIME) {
        const int64_t end = start.word + by.time_us % DATETIME_US_PER_DAY;
        *out = datum_word(end - floor_div(end, DATETIME_US_PER_DAY) * DATETIME_US_PER_DAY);
        return KY_OK;
    }
    *out = start;
    if (!timestamp_is_finite(start.word)) {
        return KY_OK;
    }
    return oid == OID_TIMESTAMP
               ? timestamp_add_interval(start.word, by, &out->word, err)
               : timestamptz_add_interval(env->types.zone, start.word, by, &out->word, err);
}

#define OVERLAPS(name, oid, is_first_interval, is_second_interval)       \
    SCALAR(name)                                                         \
    {                                                                    \
        struct datum ends[4] = {args[0], args[1], args[2], args[3]};     \
        if (is_first_interval) {                                         \
            KY_TRY(end_of(env, (oid), args[0], args[1], &ends[1], err)); \
        }                                                                \
        if (is_second_interval) {                                        \
            KY_TRY(end_of(env, (oid), args[2], args[3], &ends[3], err)); \
        }                                                                \
        *out = overlap((oid), ends);                                     \
        return KY_OK;                                                    \
    }
#define OVERLAPS_ALL(prefix, oid)              \
    OVERLAPS(prefix##_ends, oid, false, false) \
    OVERLAPS(prefix##_both, oid, true, true)   \
    OVERLAPS(prefix##_first, oid, true, false) \
    OVERLAPS(prefix##_second, oid, false, true)
OVERLAPS_ALL(timestamp, OID_TIMESTAMP)
OVERLAPS_ALL(timestamptz, OID_TIMESTAMPTZ)
OVERLAPS_ALL(time, OID_TIME)
OVERLAPS(timetz_ends, OID_TIMETZ, false, false)

#define FOUR(a, b) ARGS(a, b, a, b)
#define FIRST(a) ARGS(a, OID_INTERVAL, a, a)
#define SECOND(a) ARGS(a, a, a, OID_INTERVAL)

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(2041, "overlaps", OID_BOOL, 'i', false, FOUR(OID_TIMESTAMP, OID_TIMESTAMP),
         .scalar = timestamp_ends),
    FUNC(2042, "overlaps", OID_BOOL, 'i', false, FOUR(OID_TIMESTAMP, OID_INTERVAL),
         .scalar = timestamp_both),
    FUNC(2043, "overlaps", OID_BOOL, 'i', false, SECOND(OID_TIMESTAMP), .scalar = timestamp_second),
    FUNC(2044, "overlaps", OID_BOOL, 'i', false, FIRST(OID_TIMESTAMP), .scalar = timestamp_first),
    FUNC(1304, "overlaps", OID_BOOL, 'i', false, FOUR(OID_TIMESTAMPTZ, OID_TIMESTAMPTZ),
         .scalar = timestamptz_ends),
    FUNC(1305, "overlaps", OID_BOOL, 's', false, FOUR(OID_TIMESTAMPTZ, OID_INTERVAL),
         .scalar = timestamptz_both),
    FUNC(1306, "overlaps", OID_BOOL, 's', false, SECOND(OID_TIMESTAMPTZ),
         .scalar = timestamptz_second),
    FUNC(1307, "overlaps", OID_BOOL, 's', false, FIRST(OID_TIMESTAMPTZ),
         .scalar = timestamptz_first),
    FUNC(1308, "overlaps", OID_BOOL, 'i', false, FOUR(OID_TIME, OID_TIME), .scalar = time_ends),
    FUNC(1309, "overlaps", OID_BOOL, 'i', false, FOUR(OID_TIME, OID_INTERVAL), .scalar = time_both),
    FUNC(1310, "overlaps", OID_BOOL, 'i', false, SECOND(OID_TIME), .scalar = time_second),
    FUNC(1311, "overlaps", OID_BOOL, 'i', false, FIRST(OID_TIME), .scalar = time_first),
    FUNC(1271, "overlaps", OID_BOOL, 'i', false, FOUR(OID_TIMETZ, OID_TIMETZ),
         .scalar = timetz_ends),
};

const struct func_table func_table_overlaps = {funcs, KY_COUNT_OF(funcs), NULL, 0};
