/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/aggregate.h"
#include "server/types/numeric.h"

/*
 * Variance and standard deviation, covariance, correlation and the regr_ family. Floats use
 * Youngs and Cramer's update as PostgreSQL does; integers and numeric keep exact sums.
 */

struct moments {
    double count;
    double sum_x;
    double sum_xx; /* of squared differences from the mean */
};

AGGREGATE_ADD(moments_add)
{
    struct moments *m = state;
    const double x = args[0].real;
    m->count += 1.0;
    m->sum_x += x;
    if (m->count > 1.0) {
        const double difference = x * m->count - m->sum_x;
        m->sum_xx += difference * difference / (m->count * (m->count - 1.0));
    } else if (isnan(x) || isinf(x)) {
        m->sum_xx = __builtin_nan("");
    }
    return KY_OK;
}

AGGREGATE_COMBINE(moments_combine)
{
    struct moments *m = state;
    const struct moments *part = other;
    if (m->count == 0.0) {
        *m = *part;
    } else if (part->count > 0.0) {
        const double difference = m->sum_x / m->count - part->sum_x / part->count;
        const double count = m->count + part->count;
        m->sum_xx += part->sum_xx + m->count * part->count * difference * difference / count;
        m->sum_x += part->sum_x;
        m->count = count;
    }
    return KY_OK;
}

#define MOMENTS(name, count_min, expression)                                   \
    AGGREGATE_FINISH(name##_finish)                                            \
    {                                                                          \
        const struct moments *m = state;                                       \
        *out = m->count < (count_min) ? datum_null() : datum_real(expression); \
        return KY_OK;                                                          \
    }                                                                          \
    static const struct func_aggregate name = {                                \
        .state_size = sizeof(struct moments),                                  \
        .add = moments_add,                                                    \
        .finish = name##_finish,                                               \
        .combine = moments_combine,                                            \
        .skips_nulls = true,                                                   \
    };
MOMENTS(float_var_pop, 1.0, m->sum_xx / m->count)
MOMENTS(float_var_samp, 2.0, m->sum_xx / (m->count - 1.0))
MOMENTS(float_stddev_pop, 1.0, sqrt(m->sum_xx / m->count))
MOMENTS(float_stddev_samp, 2.0, sqrt(m->sum_xx / (m->count - 1.0)))

/* Exact: count, sum and sum of squares. */
struct exact_moments {
    struct numeric_sum *sum;
    struct numeric_sum *squares;
    int64_t count;
    bool is_nan;
};

static ky_status
exact_add(struct func_env *env, struct exact_moments *m, struct ky_slice x, struct ky_error *err)
{
    struct ky_slice square;
    if (m->sum == NULL) {
        m->sum = numeric_sum_new(env->types.arena);
        m->squares = numeric_sum_new(env->types.arena);
    }
    m->count++;
    if (numeric_is_nan(x) || isinf(numeric_to_double(x))) {
        m->is_nan = true;
        return KY_OK;
    }
    KY_TRY(numeric_mul(env->types.arena, x, x, &square, err));
    numeric_sum_add(m->sum, x);
    numeric_sum_add(m->squares, square);
    return KY_OK;
}

AGGREGATE_ADD(exact_numeric_add)
{
    return exact_add(env, state, args[0].bytes, err);
}

AGGREGATE_ADD(exact_int_add)
{
    return exact_add(env, state, numeric_from_int64(env->types.arena, args[0].word), err);
}

/* (N * sum(x^2) - sum(x)^2) / (N * N or N * (N - 1)) */
static ky_status
exact_variance(struct func_env *env, const struct exact_moments *m, bool is_sample, bool is_root,
               struct datum *out, struct ky_error *err)
{
    struct ky_arena *arena = env->types.arena;
    *out = datum_null();
    if (m->count < (is_sample ? 2 : 1)) {
        return KY_OK;
    }
    if (m->is_nan) {
        *out = (struct datum){.bytes = numeric_from_double(arena, __builtin_nan(""), 15)};
        return KY_OK;
    }
    struct ky_slice count = numeric_from_int64(arena, m->count);
    struct ky_slice sum = numeric_sum_result(arena, m->sum);
    struct ky_slice squares;
    struct ky_slice sum_squared;
    struct ky_slice numerator;
    struct ky_slice denominator;
    struct ky_slice result;
    KY_TRY(numeric_mul(arena, numeric_sum_result(arena, m->squares), count, &squares, err));
    KY_TRY(numeric_mul(arena, sum, sum, &sum_squared, err));
    KY_TRY(numeric_sub(arena, squares, sum_squared, &numerator, err));
    if (numeric_sign(numerator) <= 0) {
        *out = (struct datum){.bytes = numeric_from_int64(arena, 0)};
        return KY_OK;
    }
    struct ky_slice second = is_sample ? numeric_from_int64(arena, m->count - 1) : count;
    KY_TRY(numeric_mul(arena, count, second, &denominator, err));
    KY_TRY(numeric_div(arena, numerator, denominator, &result, err));
    if (is_root) {
        KY_TRY(numeric_sqrt(arena, result, &result, err));
    }
    *out = (struct datum){.bytes = result};
    return KY_OK;
}

#define EXACT(name, add_, is_sample, is_root)                            \
    AGGREGATE_FINISH(name##_finish)                                      \
    {                                                                    \
        return exact_variance(env, state, is_sample, is_root, out, err); \
    }                                                                    \
    static const struct func_aggregate name = {                          \
        .state_size = sizeof(struct exact_moments),                      \
        .add = add_,                                                     \
        .finish = name##_finish,                                         \
        .skips_nulls = true,                                             \
    };
EXACT(numeric_var_pop, exact_numeric_add, false, false)
EXACT(numeric_var_samp, exact_numeric_add, true, false)
EXACT(numeric_stddev_pop, exact_numeric_add, false, true)
EXACT(numeric_stddev_samp, exact_numeric_add, true, true)
EXACT(int_var_pop, exact_int_add, false, false)
EXACT(int_var_samp, exact_int_add, true, false)
EXACT(int_stddev_pop, exact_int_add, false, true)
EXACT(int_stddev_samp, exact_int_add, true, true)

/* Two variables: f(Y, X) */
struct pair_moments {
    double count;
    double sum_x;
    double sum_xx;
    double sum_y;
    double sum_yy;
    double sum_xy;
};

AGGREGATE_ADD(pair_add)
{
    struct pair_moments *m = state;
    const double y = args[0].real;
    const double x = args[1].real;
    m->count += 1.0;
    m->sum_x += x;
    m->sum_y += y;
    if (m->count > 1.0) {
        const double dx = x * m->count - m->sum_x;
        const double dy = y * m->count - m->sum_y;
        const double scale = 1.0 / (m->count * (m->count - 1.0));
        m->sum_xx += dx * dx * scale;
        m->sum_yy += dy * dy * scale;
        m->sum_xy += dx * dy * scale;
    } else {
        if (isnan(x) || isinf(x)) {
            m->sum_xx = m->sum_xy = __builtin_nan("");
        }
        if (isnan(y) || isinf(y)) {
            m->sum_yy = m->sum_xy = __builtin_nan("");
        }
    }
    return KY_OK;
}

#define PAIR(name, is_null_when, expression)                           \
    AGGREGATE_FINISH(name##_finish)                                    \
    {                                                                  \
        const struct pair_moments *m = state;                          \
        *out = (is_null_when) ? datum_null() : datum_real(expression); \
        return KY_OK;                                                  \
    }                                                                  \
    static const struct func_aggregate name = {                        \
        .state_size = sizeof(struct pair_moments),                     \
        .add = pair_add,                                               \
        .finish = name##_finish,                                       \
        .skips_nulls = true,                                           \
    };
PAIR(corr, m->count < 1.0 || m->sum_xx == 0 || m->sum_yy == 0,
     m->sum_xy / sqrt(m->sum_xx * m->sum_yy))
PAIR(covar_pop, m->count < 1.0, m->sum_xy / m->count)
PAIR(covar_samp, m->count < 2.0, m->sum_xy / (m->count - 1.0))
PAIR(regr_avgx, m->count < 1.0, m->sum_x / m->count)
PAIR(regr_avgy, m->count < 1.0, m->sum_y / m->count)
PAIR(regr_sxx, m->count < 1.0, m->sum_xx)
PAIR(regr_syy, m->count < 1.0, m->sum_yy)
PAIR(regr_sxy, m->count < 1.0, m->sum_xy)
PAIR(regr_slope, m->count < 1.0 || m->sum_xx == 0, m->sum_xy / m->sum_xx)
PAIR(regr_intercept, m->count < 1.0 || m->sum_xx == 0,
     (m->sum_y - m->sum_x * m->sum_xy / m->sum_xx) / m->count)
PAIR(regr_r2, m->count < 1.0 || m->sum_xx == 0,
     m->sum_yy == 0 ? 1.0 : (m->sum_xy * m->sum_xy) / (m->sum_xx * m->sum_yy))

AGGREGATE_FINISH(regr_count_finish)
{
    *out = datum_word((int64_t)((const struct pair_moments *)state)->count);
    return KY_OK;
}

static const struct func_aggregate regr_count = {
    .state_size = sizeof(struct pair_moments),
    .add = pair_add,
    .finish = regr_count_finish,
    .skips_nulls = true,
};

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    AGGREGATE(2721, "var_pop", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT4),
              .aggregate = &float_var_pop),
    AGGREGATE(2644, "var_samp", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT4),
              .aggregate = &float_var_samp),
    AGGREGATE(2151, "variance", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT4),
              .aggregate = &float_var_samp),
    AGGREGATE(2727, "stddev_pop", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT4),
              .aggregate = &float_stddev_pop),
    AGGREGATE(2715, "stddev_samp", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT4),
              .aggregate = &float_stddev_samp),
    AGGREGATE(2157, "stddev", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT4),
              .aggregate = &float_stddev_samp),
    AGGREGATE(2722, "var_pop", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8),
              .aggregate = &float_var_pop),
    AGGREGATE(2645, "var_samp", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8),
              .aggregate = &float_var_samp),
    AGGREGATE(2152, "variance", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8),
              .aggregate = &float_var_samp),
    AGGREGATE(2728, "stddev_pop", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8),
              .aggregate = &float_stddev_pop),
    AGGREGATE(2716, "stddev_samp", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8),
              .aggregate = &float_stddev_samp),
    AGGREGATE(2158, "stddev", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8),
              .aggregate = &float_stddev_samp),
    AGGREGATE(2723, "var_pop", OID_NUMERIC, 'i', false, ARGS(OID_NUMERIC),
              .aggregate = &numeric_var_pop),
    AGGREGATE(2646, "var_samp", OID_NUMERIC, 'i', false, ARGS(OID_NUMERIC),
              .aggregate = &numeric_var_samp),
    AGGREGATE(2153, "variance", OID_NUMERIC, 'i', false, ARGS(OID_NUMERIC),
              .aggregate = &numeric_var_samp),
    AGGREGATE(2729, "stddev_pop", OID_NUMERIC, 'i', false, ARGS(OID_NUMERIC),
              .aggregate = &numeric_stddev_pop),
    AGGREGATE(2717, "stddev_samp", OID_NUMERIC, 'i', false, ARGS(OID_NUMERIC),
              .aggregate = &numeric_stddev_samp),
    AGGREGATE(2159, "stddev", OID_NUMERIC, 'i', false, ARGS(OID_NUMERIC),
              .aggregate = &numeric_stddev_samp),
    AGGREGATE(2720, "var_pop", OID_NUMERIC, 'i', false, ARGS(OID_INT2), .aggregate = &int_var_pop),
    AGGREGATE(2643, "var_samp", OID_NUMERIC, 'i', false, ARGS(OID_INT2),
              .aggregate = &int_var_samp),
    AGGREGATE(2150, "variance", OID_NUMERIC, 'i', false, ARGS(OID_INT2),
              .aggregate = &int_var_samp),
    AGGREGATE(2726, "stddev_pop", OID_NUMERIC, 'i', false, ARGS(OID_INT2),
              .aggregate = &int_stddev_pop),
    AGGREGATE(2714, "stddev_samp", OID_NUMERIC, 'i', false, ARGS(OID_INT2),
              .aggregate = &int_stddev_samp),
    AGGREGATE(2156, "stddev", OID_NUMERIC, 'i', false, ARGS(OID_INT2),
              .aggregate = &int_stddev_samp),
    AGGREGATE(2719, "var_pop", OID_NUMERIC, 'i', false, ARGS(OID_INT4), .aggregate = &int_var_pop),
    AGGREGATE(2642, "var_samp", OID_NUMERIC, 'i', false, ARGS(OID_INT4),
              .aggregate = &int_var_samp),
    AGGREGATE(2149, "variance", OID_NUMERIC, 'i', false, ARGS(OID_INT4),
              .aggregate = &int_var_samp),
    AGGREGATE(2725, "stddev_pop", OID_NUMERIC, 'i', false, ARGS(OID_INT4),
              .aggregate = &int_stddev_pop),
    AGGREGATE(2713, "stddev_samp", OID_NUMERIC, 'i', false, ARGS(OID_INT4),
              .aggregate = &int_stddev_samp),
    AGGREGATE(2155, "stddev", OID_NUMERIC, 'i', false, ARGS(OID_INT4),
              .aggregate = &int_stddev_samp),
    AGGREGATE(2718, "var_pop", OID_NUMERIC, 'i', false, ARGS(OID_INT8), .aggregate = &int_var_pop),
    AGGREGATE(2641, "var_samp", OID_NUMERIC, 'i', false, ARGS(OID_INT8),
              .aggregate = &int_var_samp),
    AGGREGATE(2148, "variance", OID_NUMERIC, 'i', false, ARGS(OID_INT8),
              .aggregate = &int_var_samp),
    AGGREGATE(2724, "stddev_pop", OID_NUMERIC, 'i', false, ARGS(OID_INT8),
              .aggregate = &int_stddev_pop),
    AGGREGATE(2712, "stddev_samp", OID_NUMERIC, 'i', false, ARGS(OID_INT8),
              .aggregate = &int_stddev_samp),
    AGGREGATE(2154, "stddev", OID_NUMERIC, 'i', false, ARGS(OID_INT8),
              .aggregate = &int_stddev_samp),
    AGGREGATE(2829, "corr", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &corr),
    AGGREGATE(2827, "covar_pop", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &covar_pop),
    AGGREGATE(2828, "covar_samp", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &covar_samp),
    AGGREGATE(2822, "regr_avgx", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &regr_avgx),
    AGGREGATE(2823, "regr_avgy", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &regr_avgy),
    AGGREGATE(2819, "regr_sxx", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &regr_sxx),
    AGGREGATE(2820, "regr_syy", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &regr_syy),
    AGGREGATE(2821, "regr_sxy", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &regr_sxy),
    AGGREGATE(2825, "regr_slope", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &regr_slope),
    AGGREGATE(2826, "regr_intercept", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &regr_intercept),
    AGGREGATE(2824, "regr_r2", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &regr_r2),
    AGGREGATE(2818, "regr_count", OID_INT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &regr_count),
};

const struct func_table func_table_aggregate_statistics = {funcs, KY_COUNT_OF(funcs), NULL, 0};
