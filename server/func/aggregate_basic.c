/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/aggregate.h"
#include "server/types/datetime.h"
#include "server/types/numeric.h"

/* count, sum and avg. Sums of integers are exact in 128 bits; floats follow PostgreSQL's order of
 * operations so that the digits agree. */

/* count(*), count(any) */
struct count_state {
    int64_t count;
};

AGGREGATE_ADD(count_add)
{
    struct count_state *count = state;
    count->count++;
    return KY_OK;
}

static ky_status
count_add_column(struct func_env *env KY_UNUSED, void *state, const struct column *args KY_UNUSED,
                 int arg_count KY_UNUSED, const uint16_t *selection KY_UNUSED, uint32_t count,
                 struct ky_error *err KY_UNUSED)
{
    ((struct count_state *)state)->count += count;
    return KY_OK;
}

AGGREGATE_FINISH(count_finish)
{
    *out = datum_word(((const struct count_state *)state)->count);
    return KY_OK;
}

AGGREGATE_COMBINE(count_combine)
{
    ((struct count_state *)state)->count += ((const struct count_state *)other)->count;
    return KY_OK;
}

static const struct func_aggregate count_aggregate = {
    .state_size = sizeof(struct count_state),
    .add = count_add,
    .add_column = count_add_column,
    .finish = count_finish,
    .combine = count_combine,
    .skips_nulls = true,
};

/* sum and avg of integers */
/* A state may lie at any multiple of 8. */
typedef __int128 int128_sum __attribute__((aligned(8)));
struct int_state {
    int128_sum sum;
    int64_t count;
};

AGGREGATE_ADD(int_add)
{
    struct int_state *sum = state;
    sum->sum += args[0].word;
    sum->count++;
    return KY_OK;
}

static ky_status
int_add_column(struct func_env *env KY_UNUSED, void *state, const struct column *args,
               int arg_count KY_UNUSED, const uint16_t *selection, uint32_t count,
               struct ky_error *err KY_UNUSED)
{
    struct int_state *sum = state;
    const int64_t *word = args[0].word;
    if (args[0].type->disk_size <= 4) {
        /* At most BATCH_SIZE_MAX 32-bit values: a word is wide enough. */
        int64_t part = 0;
        EACH_PLACE(i, part += word[i])
        sum->sum += part;
    } else {
        EACH_PLACE(i, sum->sum += word[i])
    }
    sum->count += count;
    return KY_OK;
}

AGGREGATE_COMBINE(int_combine)
{
    struct int_state *sum = state;
    sum->sum += ((const struct int_state *)other)->sum;
    sum->count += ((const struct int_state *)other)->count;
    return KY_OK;
}

AGGREGATE_FINISH(int_finish_sum_int8)
{
    const struct int_state *sum = state;
    if (sum->sum < INT64_MIN || sum->sum > INT64_MAX) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range");
    }
    *out = sum->count == 0 ? datum_null() : datum_word((int64_t)sum->sum);
    return KY_OK;
}

AGGREGATE_FINISH(int_finish_sum_numeric)
{
    const struct int_state *sum = state;
    *out = datum_null();
    if (sum->count > 0) {
        *out = (struct datum){.bytes = func_numeric_from_int128(env->types.arena, sum->sum)};
    }
    return KY_OK;
}

AGGREGATE_FINISH(int_finish_avg)
{
    const struct int_state *sum = state;
    *out = datum_null();
    if (sum->count > 0) {
        struct ky_slice total = func_numeric_from_int128(env->types.arena, sum->sum);
        struct ky_slice count = numeric_from_int64(env->types.arena, sum->count);
        struct ky_slice result;
        KY_TRY(numeric_div(env->types.arena, total, count, &result, err));
        *out = (struct datum){.bytes = result};
    }
    return KY_OK;
}

#define INT_AGGREGATE(name, finish_)            \
    static const struct func_aggregate name = { \
        .state_size = sizeof(struct int_state), \
        .add = int_add,                         \
        .add_column = int_add_column,           \
        .finish = finish_,                      \
        .combine = int_combine,                 \
        .skips_nulls = true,                    \
    }
INT_AGGREGATE(int_sum_int8, int_finish_sum_int8);
INT_AGGREGATE(int_sum_numeric, int_finish_sum_numeric);
INT_AGGREGATE(int_avg, int_finish_avg);

/* sum and avg of floats */
struct float_state {
    double sum;
    int64_t count;
};

AGGREGATE_ADD(float_add)
{
    struct float_state *sum = state;
    const double value = args[0].real;
    const double total = sum->sum + value;
    if (isinf(total) && !isinf(sum->sum) && !isinf(value)) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
    }
    sum->sum = total;
    sum->count++;
    return KY_OK;
}

static ky_status
float_add_column(struct func_env *env KY_UNUSED, void *state, const struct column *args,
                 int arg_count KY_UNUSED, const uint16_t *selection, uint32_t count,
                 struct ky_error *err)
{
    struct float_state *sum = state;
    double total = sum->sum;
    bool has_infinity = isinf(total);
    /* One after another: the digits of the result must not depend on the batch. */
    EACH_PLACE(i, total += args[0].real[i]; has_infinity |= (bool)isinf(args[0].real[i]))
    if (isinf(total) && !has_infinity) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
    }
    sum->sum = total;
    sum->count += count;
    return KY_OK;
}

AGGREGATE_COMBINE(float_combine)
{
    struct float_state *sum = state;
    const struct float_state *part = other;
    const double total = sum->sum + part->sum;
    if (isinf(total) && !isinf(sum->sum) && !isinf(part->sum)) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
    }
    sum->sum = total;
    sum->count += part->count;
    return KY_OK;
}

/* sum(float4) adds in float4, as PostgreSQL does. */
AGGREGATE_ADD(float4_add)
{
    struct float_state *sum = state;
    const double total = (double)(float)(sum->sum + args[0].real);
    if (isinf(total) && !isinf(sum->sum) && !isinf(args[0].real)) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
    }
    sum->sum = total;
    sum->count++;
    return KY_OK;
}

AGGREGATE_FINISH(float_finish_sum)
{
    const struct float_state *sum = state;
    *out = sum->count == 0 ? datum_null() : datum_real(sum->sum);
    return KY_OK;
}

AGGREGATE_FINISH(float4_finish_sum)
{
    const struct float_state *sum = state;
    *out = sum->count == 0 ? datum_null() : datum_real((double)(float)sum->sum);
    return KY_OK;
}

AGGREGATE_FINISH(float_finish_avg)
{
    const struct float_state *sum = state;
    *out = sum->count == 0 ? datum_null() : datum_real(sum->sum / (double)sum->count);
    return KY_OK;
}

static const struct func_aggregate float8_sum = {
    .state_size = sizeof(struct float_state),
    .add = float_add,
    .add_column = float_add_column,
    .finish = float_finish_sum,
    .combine = float_combine,
    .skips_nulls = true,
};
static const struct func_aggregate float4_sum = {
    .state_size = sizeof(struct float_state),
    .add = float4_add,
    .finish = float4_finish_sum,
    .combine = float_combine,
    .skips_nulls = true,
};
static const struct func_aggregate float_avg = {
    .state_size = sizeof(struct float_state),
    .add = float_add,
    .add_column = float_add_column,
    .finish = float_finish_avg,
    .combine = float_combine,
    .skips_nulls = true,
};

/* sum and avg of numeric */
struct numeric_state {
    struct numeric_sum *sum;
    int64_t count;
};

AGGREGATE_ADD(numeric_add_value)
{
    struct numeric_state *sum = state;
    if (sum->sum == NULL) {
        sum->sum = numeric_sum_new(env->types.arena);
    }
    numeric_sum_add(sum->sum, args[0].bytes);
    sum->count++;
    return KY_OK;
}

AGGREGATE_COMBINE(numeric_combine)
{
    struct numeric_state *sum = state;
    const struct numeric_state *part = other;
    if (part->count > 0) {
        if (sum->sum == NULL) {
            sum->sum = numeric_sum_new(env->types.arena);
        }
        numeric_sum_add(sum->sum, numeric_sum_result(env->types.arena, part->sum));
        sum->count += part->count;
    }
    return KY_OK;
}

AGGREGATE_FINISH(numeric_finish_sum)
{
    const struct numeric_state *sum = state;
    *out = datum_null();
    if (sum->count > 0) {
        *out = (struct datum){.bytes = numeric_sum_result(env->types.arena, sum->sum)};
    }
    return KY_OK;
}

AGGREGATE_FINISH(numeric_finish_avg)
{
    const struct numeric_state *sum = state;
    *out = datum_null();
    if (sum->count > 0) {
        struct ky_slice total = numeric_sum_result(env->types.arena, sum->sum);
        struct ky_slice count = numeric_from_int64(env->types.arena, sum->count);
        struct ky_slice result;
        KY_TRY(numeric_div(env->types.arena, total, count, &result, err));
        *out = (struct datum){.bytes = result};
    }
    return KY_OK;
}

static const struct func_aggregate numeric_sum_aggregate = {
    .state_size = sizeof(struct numeric_state),
    .add = numeric_add_value,
    .finish = numeric_finish_sum,
    .combine = numeric_combine,
    .skips_nulls = true,
};
static const struct func_aggregate numeric_avg = {
    .state_size = sizeof(struct numeric_state),
    .add = numeric_add_value,
    .finish = numeric_finish_avg,
    .combine = numeric_combine,
    .skips_nulls = true,
};

/* sum and avg of interval */
struct interval_state {
    struct interval sum;
    int64_t count;
};

static ky_status
interval_accumulate(struct interval *sum, struct interval value, struct ky_error *err)
{
    struct interval total;
    if (__builtin_add_overflow(sum->time_us, value.time_us, &total.time_us) ||
        __builtin_add_overflow(sum->days, value.days, &total.days) ||
        __builtin_add_overflow(sum->months, value.months, &total.months)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "interval out of range");
    }
    *sum = total;
    return KY_OK;
}

AGGREGATE_ADD(interval_add_value)
{
    struct interval_state *sum = state;
    KY_TRY(interval_accumulate(&sum->sum, interval_load(args[0].bytes), err));
    sum->count++;
    return KY_OK;
}

AGGREGATE_COMBINE(interval_combine)
{
    struct interval_state *sum = state;
    const struct interval_state *part = other;
    KY_TRY(interval_accumulate(&sum->sum, part->sum, err));
    sum->count += part->count;
    return KY_OK;
}

AGGREGATE_FINISH(interval_finish_sum)
{
    const struct interval_state *sum = state;
    *out = datum_null();
    if (sum->count > 0) {
        *out = (struct datum){.bytes = interval_store(env->types.arena, sum->sum)};
    }
    return KY_OK;
}

AGGREGATE_FINISH(interval_finish_avg)
{
    const struct interval_state *sum = state;
    *out = datum_null();
    if (sum->count > 0) {
        struct interval average;
        KY_TRY(func_interval_divide(sum->sum, (double)sum->count, &average, err));
        *out = (struct datum){.bytes = interval_store(env->types.arena, average)};
    }
    return KY_OK;
}

static const struct func_aggregate interval_sum = {
    .state_size = sizeof(struct interval_state),
    .add = interval_add_value,
    .finish = interval_finish_sum,
    .combine = interval_combine,
    .skips_nulls = true,
};
static const struct func_aggregate interval_avg = {
    .state_size = sizeof(struct interval_state),
    .add = interval_add_value,
    .finish = interval_finish_avg,
    .combine = interval_combine,
    .skips_nulls = true,
};

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    AGGREGATE(2803, "count", OID_INT8, 'i', false, NO_ARGS, .aggregate = &count_aggregate),
    AGGREGATE(2147, "count", OID_INT8, 'i', false, ARGS(OID_ANY), .aggregate = &count_aggregate),
    AGGREGATE(2109, "sum", OID_INT8, 'i', false, ARGS(OID_INT2), .aggregate = &int_sum_int8),
    AGGREGATE(2108, "sum", OID_INT8, 'i', false, ARGS(OID_INT4), .aggregate = &int_sum_int8),
    AGGREGATE(2107, "sum", OID_NUMERIC, 'i', false, ARGS(OID_INT8), .aggregate = &int_sum_numeric),
    AGGREGATE(2102, "avg", OID_NUMERIC, 'i', false, ARGS(OID_INT2), .aggregate = &int_avg),
    AGGREGATE(2101, "avg", OID_NUMERIC, 'i', false, ARGS(OID_INT4), .aggregate = &int_avg),
    AGGREGATE(2100, "avg", OID_NUMERIC, 'i', false, ARGS(OID_INT8), .aggregate = &int_avg),
    AGGREGATE(2110, "sum", OID_FLOAT4, 'i', false, ARGS(OID_FLOAT4), .aggregate = &float4_sum),
    AGGREGATE(2111, "sum", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8), .aggregate = &float8_sum),
    AGGREGATE(2104, "avg", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT4), .aggregate = &float_avg),
    AGGREGATE(2105, "avg", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8), .aggregate = &float_avg),
    AGGREGATE(2114, "sum", OID_NUMERIC, 'i', false, ARGS(OID_NUMERIC),
              .aggregate = &numeric_sum_aggregate),
    AGGREGATE(2103, "avg", OID_NUMERIC, 'i', false, ARGS(OID_NUMERIC), .aggregate = &numeric_avg),
    AGGREGATE(2113, "sum", OID_INTERVAL, 'i', false, ARGS(OID_INTERVAL),
              .aggregate = &interval_sum),
    AGGREGATE(2106, "avg", OID_INTERVAL, 'i', false, ARGS(OID_INTERVAL),
              .aggregate = &interval_avg),
};

const struct func_table func_table_aggregate_basic = {funcs, KY_COUNT_OF(funcs), NULL, 0};
