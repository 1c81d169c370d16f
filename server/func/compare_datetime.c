/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/func_private.h"
#include "server/types/datetime.h"

/* Comparisons between date, timestamp and timestamptz: both sides are made the wider type. */

/* date against timestamp: midnight of that day; beyond timestamp's range a date is infinite. */
static int64_t
date_as_timestamp(int64_t days)
{
    int64_t us;
    if (days == INT32_MIN || __builtin_mul_overflow(days, DATETIME_US_PER_DAY, &us)) {
        return days < 0 ? INT64_MIN : INT64_MAX;
    }
    return days == INT32_MAX ? INT64_MAX : us;
}

static int64_t
local_as_instant(const struct func_env *env, int64_t timestamp)
{
    if (timestamp == INT64_MIN || timestamp == INT64_MAX) {
        return timestamp;
    }
    return timezone_local_to_utc(env->types.zone, timestamp);
}

#define AS_IS(env, word) (word)
#define DATE_UP(env, word) date_as_timestamp(word)
#define LOCAL_UP(env, word) local_as_instant(env, word)
#define DATE_LOCAL_UP(env, word) local_as_instant(env, date_as_timestamp(word))
#define MIXED_COMPARISON(name, left_up, right_up, sign)                                      \
    SCALAR(name)                                                                             \
    {                                                                                        \
        *out = datum_word(left_up(env, args[0].word) sign right_up(env, args[1].word));      \
        return KY_OK;                                                                        \
    }                                                                                        \
    KERNEL(name##_kernel)                                                                    \
    {                                                                                        \
        EACH_PLACE(i, out->word[i] =                                                         \
                          left_up(env, args[0].word[i]) sign right_up(env, args[1].word[i])) \
        return KY_OK;                                                                        \
    }
#define MIXED_SIX(prefix, left_up, right_up)             \
    MIXED_COMPARISON(prefix##_eq, left_up, right_up, ==) \
    MIXED_COMPARISON(prefix##_ne, left_up, right_up, !=) \
    MIXED_COMPARISON(prefix##_lt, left_up, right_up, <)  \
    MIXED_COMPARISON(prefix##_le, left_up, right_up, <=) \
    MIXED_COMPARISON(prefix##_gt, left_up, right_up, >)  \
    MIXED_COMPARISON(prefix##_ge, left_up, right_up, >=)
MIXED_SIX(date_timestamp, DATE_UP, AS_IS)
MIXED_SIX(timestamp_date, AS_IS, DATE_UP)
MIXED_SIX(date_timestamptz, DATE_LOCAL_UP, AS_IS)
MIXED_SIX(timestamptz_date, AS_IS, DATE_LOCAL_UP)
MIXED_SIX(timestamp_timestamptz, LOCAL_UP, AS_IS)
MIXED_SIX(timestamptz_timestamp, AS_IS, LOCAL_UP)

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(2340, "date_eq_timestamp", OID_BOOL, 'i', true, ARGS(OID_DATE, OID_TIMESTAMP),
         .scalar = date_timestamp_eq, .kernel = date_timestamp_eq_kernel),
    FUNC(2343, "date_ne_timestamp", OID_BOOL, 'i', true, ARGS(OID_DATE, OID_TIMESTAMP),
         .scalar = date_timestamp_ne, .kernel = date_timestamp_ne_kernel),
    FUNC(2338, "date_lt_timestamp", OID_BOOL, 'i', true, ARGS(OID_DATE, OID_TIMESTAMP),
         .scalar = date_timestamp_lt, .kernel = date_timestamp_lt_kernel),
    FUNC(2339, "date_le_timestamp", OID_BOOL, 'i', true, ARGS(OID_DATE, OID_TIMESTAMP),
         .scalar = date_timestamp_le, .kernel = date_timestamp_le_kernel),
    FUNC(2341, "date_gt_timestamp", OID_BOOL, 'i', true, ARGS(OID_DATE, OID_TIMESTAMP),
         .scalar = date_timestamp_gt, .kernel = date_timestamp_gt_kernel),
    FUNC(2342, "date_ge_timestamp", OID_BOOL, 'i', true, ARGS(OID_DATE, OID_TIMESTAMP),
         .scalar = date_timestamp_ge, .kernel = date_timestamp_ge_kernel),
    FUNC(2366, "timestamp_eq_date", OID_BOOL, 'i', true, ARGS(OID_TIMESTAMP, OID_DATE),
         .scalar = timestamp_date_eq, .kernel = timestamp_date_eq_kernel),
    FUNC(2369, "timestamp_ne_date", OID_BOOL, 'i', true, ARGS(OID_TIMESTAMP, OID_DATE),
         .scalar = timestamp_date_ne, .kernel = timestamp_date_ne_kernel),
    FUNC(2364, "timestamp_lt_date", OID_BOOL, 'i', true, ARGS(OID_TIMESTAMP, OID_DATE),
         .scalar = timestamp_date_lt, .kernel = timestamp_date_lt_kernel),
    FUNC(2365, "timestamp_le_date", OID_BOOL, 'i', true, ARGS(OID_TIMESTAMP, OID_DATE),
         .scalar = timestamp_date_le, .kernel = timestamp_date_le_kernel),
    FUNC(2367, "timestamp_gt_date", OID_BOOL, 'i', true, ARGS(OID_TIMESTAMP, OID_DATE),
         .scalar = timestamp_date_gt, .kernel = timestamp_date_gt_kernel),
    FUNC(2368, "timestamp_ge_date", OID_BOOL, 'i', true, ARGS(OID_TIMESTAMP, OID_DATE),
         .scalar = timestamp_date_ge, .kernel = timestamp_date_ge_kernel),
    FUNC(2353, "date_eq_timestamptz", OID_BOOL, 's', true, ARGS(OID_DATE, OID_TIMESTAMPTZ),
         .scalar = date_timestamptz_eq, .kernel = date_timestamptz_eq_kernel),
    FUNC(2356, "date_ne_timestamptz", OID_BOOL, 's', true, ARGS(OID_DATE, OID_TIMESTAMPTZ),
         .scalar = date_timestamptz_ne, .kernel = date_timestamptz_ne_kernel),
    FUNC(2351, "date_lt_timestamptz", OID_BOOL, 's', true, ARGS(OID_DATE, OID_TIMESTAMPTZ),
         .scalar = date_timestamptz_lt, .kernel = date_timestamptz_lt_kernel),
    FUNC(2352, "date_le_timestamptz", OID_BOOL, 's', true, ARGS(OID_DATE, OID_TIMESTAMPTZ),
         .scalar = date_timestamptz_le, .kernel = date_timestamptz_le_kernel),
    FUNC(2354, "date_gt_timestamptz", OID_BOOL, 's', true, ARGS(OID_DATE, OID_TIMESTAMPTZ),
         .scalar = date_timestamptz_gt, .kernel = date_timestamptz_gt_kernel),
    FUNC(2355, "date_ge_timestamptz", OID_BOOL, 's', true, ARGS(OID_DATE, OID_TIMESTAMPTZ),
         .scalar = date_timestamptz_ge, .kernel = date_timestamptz_ge_kernel),
    FUNC(2379, "timestamptz_eq_date", OID_BOOL, 's', true, ARGS(OID_TIMESTAMPTZ, OID_DATE),
         .scalar = timestamptz_date_eq, .kernel = timestamptz_date_eq_kernel),
    FUNC(2382, "timestamptz_ne_date", OID_BOOL, 's', true, ARGS(OID_TIMESTAMPTZ, OID_DATE),
         .scalar = timestamptz_date_ne, .kernel = timestamptz_date_ne_kernel),
    FUNC(2377, "timestamptz_lt_date", OID_BOOL, 's', true, ARGS(OID_TIMESTAMPTZ, OID_DATE),
         .scalar = timestamptz_date_lt, .kernel = timestamptz_date_lt_kernel),
    FUNC(2378, "timestamptz_le_date", OID_BOOL, 's', true, ARGS(OID_TIMESTAMPTZ, OID_DATE),
         .scalar = timestamptz_date_le, .kernel = timestamptz_date_le_kernel),
    FUNC(2380, "timestamptz_gt_date", OID_BOOL, 's', true, ARGS(OID_TIMESTAMPTZ, OID_DATE),
         .scalar = timestamptz_date_gt, .kernel = timestamptz_date_gt_kernel),
    FUNC(2381, "timestamptz_ge_date", OID_BOOL, 's', true, ARGS(OID_TIMESTAMPTZ, OID_DATE),
         .scalar = timestamptz_date_ge, .kernel = timestamptz_date_ge_kernel),
    FUNC(2522, "timestamp_eq_timestamptz", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMP, OID_TIMESTAMPTZ), .scalar = timestamp_timestamptz_eq,
         .kernel = timestamp_timestamptz_eq_kernel),
    FUNC(2525, "timestamp_ne_timestamptz", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMP, OID_TIMESTAMPTZ), .scalar = timestamp_timestamptz_ne,
         .kernel = timestamp_timestamptz_ne_kernel),
    FUNC(2520, "timestamp_lt_timestamptz", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMP, OID_TIMESTAMPTZ), .scalar = timestamp_timestamptz_lt,
         .kernel = timestamp_timestamptz_lt_kernel),
    FUNC(2521, "timestamp_le_timestamptz", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMP, OID_TIMESTAMPTZ), .scalar = timestamp_timestamptz_le,
         .kernel = timestamp_timestamptz_le_kernel),
    FUNC(2523, "timestamp_gt_timestamptz", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMP, OID_TIMESTAMPTZ), .scalar = timestamp_timestamptz_gt,
         .kernel = timestamp_timestamptz_gt_kernel),
    FUNC(2524, "timestamp_ge_timestamptz", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMP, OID_TIMESTAMPTZ), .scalar = timestamp_timestamptz_ge,
         .kernel = timestamp_timestamptz_ge_kernel),
    FUNC(2529, "timestamptz_eq_timestamp", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMPTZ, OID_TIMESTAMP), .scalar = timestamptz_timestamp_eq,
         .kernel = timestamptz_timestamp_eq_kernel),
    FUNC(2532, "timestamptz_ne_timestamp", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMPTZ, OID_TIMESTAMP), .scalar = timestamptz_timestamp_ne,
         .kernel = timestamptz_timestamp_ne_kernel),
    FUNC(2527, "timestamptz_lt_timestamp", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMPTZ, OID_TIMESTAMP), .scalar = timestamptz_timestamp_lt,
         .kernel = timestamptz_timestamp_lt_kernel),
    FUNC(2528, "timestamptz_le_timestamp", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMPTZ, OID_TIMESTAMP), .scalar = timestamptz_timestamp_le,
         .kernel = timestamptz_timestamp_le_kernel),
    FUNC(2530, "timestamptz_gt_timestamp", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMPTZ, OID_TIMESTAMP), .scalar = timestamptz_timestamp_gt,
         .kernel = timestamptz_timestamp_gt_kernel),
    FUNC(2531, "timestamptz_ge_timestamp", OID_BOOL, 's', true,
         ARGS(OID_TIMESTAMPTZ, OID_TIMESTAMP), .scalar = timestamptz_timestamp_ge,
         .kernel = timestamptz_timestamp_ge_kernel),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(2345, "<", OID_DATE, OID_TIMESTAMP, OID_BOOL, 2338, 2375, 2348, 1, false),
    OPERATOR(2346, "<=", OID_DATE, OID_TIMESTAMP, OID_BOOL, 2339, 2374, 2349, 2, false),
    OPERATOR(2347, "=", OID_DATE, OID_TIMESTAMP, OID_BOOL, 2340, 2373, 2350, 3, false),
    OPERATOR(2348, ">=", OID_DATE, OID_TIMESTAMP, OID_BOOL, 2342, 2372, 2345, 4, false),
    OPERATOR(2349, ">", OID_DATE, OID_TIMESTAMP, OID_BOOL, 2341, 2371, 2346, 5, false),
    OPERATOR(2350, "<>", OID_DATE, OID_TIMESTAMP, OID_BOOL, 2343, 2376, 2347, 0, false),
    OPERATOR(2358, "<", OID_DATE, OID_TIMESTAMPTZ, OID_BOOL, 2351, 2388, 2361, 1, false),
    OPERATOR(2359, "<=", OID_DATE, OID_TIMESTAMPTZ, OID_BOOL, 2352, 2387, 2362, 2, false),
    OPERATOR(2360, "=", OID_DATE, OID_TIMESTAMPTZ, OID_BOOL, 2353, 2386, 2363, 3, false),
    OPERATOR(2361, ">=", OID_DATE, OID_TIMESTAMPTZ, OID_BOOL, 2355, 2385, 2358, 4, false),
    OPERATOR(2362, ">", OID_DATE, OID_TIMESTAMPTZ, OID_BOOL, 2354, 2384, 2359, 5, false),
    OPERATOR(2363, "<>", OID_DATE, OID_TIMESTAMPTZ, OID_BOOL, 2356, 2389, 2360, 0, false),
    OPERATOR(2371, "<", OID_TIMESTAMP, OID_DATE, OID_BOOL, 2364, 2349, 2374, 1, false),
    OPERATOR(2372, "<=", OID_TIMESTAMP, OID_DATE, OID_BOOL, 2365, 2348, 2375, 2, false),
    OPERATOR(2373, "=", OID_TIMESTAMP, OID_DATE, OID_BOOL, 2366, 2347, 2376, 3, false),
    OPERATOR(2374, ">=", OID_TIMESTAMP, OID_DATE, OID_BOOL, 2368, 2346, 2371, 4, false),
    OPERATOR(2375, ">", OID_TIMESTAMP, OID_DATE, OID_BOOL, 2367, 2345, 2372, 5, false),
    OPERATOR(2376, "<>", OID_TIMESTAMP, OID_DATE, OID_BOOL, 2369, 2350, 2373, 0, false),
    OPERATOR(2384, "<", OID_TIMESTAMPTZ, OID_DATE, OID_BOOL, 2377, 2362, 2387, 1, false),
    OPERATOR(2385, "<=", OID_TIMESTAMPTZ, OID_DATE, OID_BOOL, 2378, 2361, 2388, 2, false),
    OPERATOR(2386, "=", OID_TIMESTAMPTZ, OID_DATE, OID_BOOL, 2379, 2360, 2389, 3, false),
    OPERATOR(2387, ">=", OID_TIMESTAMPTZ, OID_DATE, OID_BOOL, 2381, 2359, 2384, 4, false),
    OPERATOR(2388, ">", OID_TIMESTAMPTZ, OID_DATE, OID_BOOL, 2380, 2358, 2385, 5, false),
    OPERATOR(2389, "<>", OID_TIMESTAMPTZ, OID_DATE, OID_BOOL, 2382, 2363, 2386, 0, false),
    OPERATOR(2534, "<", OID_TIMESTAMP, OID_TIMESTAMPTZ, OID_BOOL, 2520, 2544, 2537, 1, false),
    OPERATOR(2535, "<=", OID_TIMESTAMP, OID_TIMESTAMPTZ, OID_BOOL, 2521, 2543, 2538, 2, false),
    OPERATOR(2536, "=", OID_TIMESTAMP, OID_TIMESTAMPTZ, OID_BOOL, 2522, 2542, 2539, 3, false),
    OPERATOR(2537, ">=", OID_TIMESTAMP, OID_TIMESTAMPTZ, OID_BOOL, 2524, 2541, 2534, 4, false),
    OPERATOR(2538, ">", OID_TIMESTAMP, OID_TIMESTAMPTZ, OID_BOOL, 2523, 2540, 2535, 5, false),
    OPERATOR(2539, "<>", OID_TIMESTAMP, OID_TIMESTAMPTZ, OID_BOOL, 2525, 2545, 2536, 0, false),
    OPERATOR(2540, "<", OID_TIMESTAMPTZ, OID_TIMESTAMP, OID_BOOL, 2527, 2538, 2543, 1, false),
    OPERATOR(2541, "<=", OID_TIMESTAMPTZ, OID_TIMESTAMP, OID_BOOL, 2528, 2537, 2544, 2, false),
    OPERATOR(2542, "=", OID_TIMESTAMPTZ, OID_TIMESTAMP, OID_BOOL, 2529, 2536, 2545, 3, false),
    OPERATOR(2543, ">=", OID_TIMESTAMPTZ, OID_TIMESTAMP, OID_BOOL, 2531, 2535, 2540, 4, false),
    OPERATOR(2544, ">", OID_TIMESTAMPTZ, OID_TIMESTAMP, OID_BOOL, 2530, 2534, 2541, 5, false),
    OPERATOR(2545, "<>", OID_TIMESTAMPTZ, OID_TIMESTAMP, OID_BOOL, 2532, 2539, 2542, 0, false),
};

const struct func_table func_table_compare_datetime = {funcs, KY_COUNT_OF(funcs), operators,
                                                       KY_COUNT_OF(operators)};
