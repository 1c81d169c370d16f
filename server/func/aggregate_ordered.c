/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/aggregate.h"
#include "server/types/array.h"

/*
 * Ordered-set aggregates: percentile_cont, percentile_disc, mode. The executor feeds the values in
 * the order of WITHIN GROUP; percentiles keep them, mode keeps the longest run.
 */

struct percentile {
    struct datum fraction; /* a float8, or an array of them */
    struct datum *values;
    size_t count;
    size_t capacity;
    const struct type *type;          /* of the values */
    const struct type *fraction_type; /* float8 or float8[] */
};

AGGREGATE_ADD(percentile_add)
{
    struct percentile *percentile = state;
    if (percentile->type == NULL) {
        percentile->fraction_type = func_arg_type(env, 0);
        percentile->type = func_arg_type(env, 1);
        percentile->fraction = args[0];
        if (!args[0].is_null && percentile->fraction_type->storage == TYPE_BYTES) {
            percentile->fraction.bytes = ky_slice_dup(env->types.arena, args[0].bytes);
        }
    }
    if (args[1].is_null) {
        return KY_OK;
    }
    if (percentile->count == percentile->capacity) {
        size_t capacity = KY_MAX(percentile->capacity * 2, (size_t)16);
        struct datum *values = ky_arena_array(env->types.arena, struct datum, capacity);
        if (percentile->count > 0) {
            memcpy(values, percentile->values, percentile->count * sizeof(*values));
        }
        percentile->values = values;
        percentile->capacity = capacity;
    }
    struct datum value = args[1];
    if (percentile->type->storage == TYPE_BYTES) {
        value.bytes = ky_slice_dup(env->types.arena, value.bytes);
    }
    percentile->values[percentile->count++] = value;
    return KY_OK;
}

static ky_status
check_fraction(double fraction, struct ky_error *err)
{
    return fraction >= 0.0 && fraction <= 1.0
               ? KY_OK
               : ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE,
                              "percentile value %g is not between 0 and 1", fraction);
}

/* One percentile of count > 0 values. */
typedef ky_status (*percentile_at)(struct func_env *env, const struct percentile *percentile,
                                   double fraction, struct datum *out, struct ky_error *err);

static ky_status
discrete_at(struct func_env *env, const struct percentile *percentile, double fraction,
            struct datum *out, struct ky_error *err)
{
    (void)env;
    (void)err;
    size_t rank = (size_t)ceil(fraction * (double)percentile->count);
    *out = percentile->values[rank == 0 ? 0 : rank - 1];
    return KY_OK;
}

static ky_status
float_at(struct func_env *env, const struct percentile *percentile, double fraction,
         struct datum *out, struct ky_error *err)
{
    (void)env;
    (void)err;
    double place = fraction * (double)(percentile->count - 1);
    double low = percentile->values[(size_t)floor(place)].real;
    double high = percentile->values[(size_t)ceil(place)].real;
    *out = datum_real(low + (place - floor(place)) * (high - low));
    return KY_OK;
}

static ky_status
interval_at(struct func_env *env, const struct percentile *percentile, double fraction,
            struct datum *out, struct ky_error *err)
{
    double place = fraction * (double)(percentile->count - 1);
    struct interval low = interval_load(percentile->values[(size_t)floor(place)].bytes);
    struct interval high = interval_load(percentile->values[(size_t)ceil(place)].bytes);
    struct interval step;
    struct interval part;
    if (__builtin_sub_overflow(high.time_us, low.time_us, &step.time_us) ||
        __builtin_sub_overflow(high.days, low.days, &step.days) ||
        __builtin_sub_overflow(high.months, low.months, &step.months)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "interval out of range");
    }
    KY_TRY(func_interval_multiply(step, place - floor(place), &part, err));
    if (__builtin_add_overflow(low.time_us, part.time_us, &part.time_us) ||
        __builtin_add_overflow(low.days, part.days, &part.days) ||
        __builtin_add_overflow(low.months, part.months, &part.months)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "interval out of range");
    }
    *out = (struct datum){.bytes = interval_store(env->types.arena, part)};
    return KY_OK;
}

static ky_status
finish_one(struct func_env *env, const struct percentile *percentile, percentile_at at,
           struct datum *out, struct ky_error *err)
{
    *out = datum_null();
    if (percentile->type == NULL || percentile->fraction.is_null) {
        return KY_OK;
    }
    KY_TRY(check_fraction(percentile->fraction.real, err));
    return percentile->count == 0 ? KY_OK
                                  : at(env, percentile, percentile->fraction.real, out, err);
}

/* The same shape as the array of fractions; a null fraction gives a null. */
static ky_status
finish_array(struct func_env *env, const struct percentile *percentile, percentile_at at,
             struct datum *out, struct ky_error *err)
{
    *out = datum_null();
    if (percentile->type == NULL || percentile->fraction.is_null || percentile->count == 0) {
        return KY_OK;
    }
    struct array_view view;
    array_open(percentile->fraction.bytes, &view);
    struct datum *results = ky_arena_array(env->types.arena, struct datum, view.count + 1);
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        struct datum fraction = array_next(&view, &cursor);
        results[i] = datum_null();
        if (!fraction.is_null) {
            KY_TRY(check_fraction(fraction.real, err));
            KY_TRY(at(env, percentile, fraction.real, &results[i], err));
        }
    }
    out->is_null = false;
    out->bytes = array_make_shaped(env->types.arena, percentile->type, results,
                                   view.dimension_count, view.size, view.lower);
    return KY_OK;
}

#define PERCENTILE(name, finish_with, at)             \
    AGGREGATE_FINISH(name##_finish)                   \
    {                                                 \
        return finish_with(env, state, at, out, err); \
    }                                                 \
    static const struct func_aggregate name = {       \
        .state_size = sizeof(struct percentile),      \
        .add = percentile_add,                        \
        .finish = name##_finish,                      \
        .is_memory_growing = true,                    \
        .is_ordered_set = true,                       \
        .direct_count = 1,                            \
    }
PERCENTILE(percentile_disc, finish_one, discrete_at);
PERCENTILE(percentile_cont_float, finish_one, float_at);
PERCENTILE(percentile_cont_interval, finish_one, interval_at);
PERCENTILE(percentile_disc_array, finish_array, discrete_at);
PERCENTILE(percentile_cont_float_array, finish_array, float_at);
PERCENTILE(percentile_cont_interval_array, finish_array, interval_at);

/* mode: of several values equally frequent the first in order. */
struct mode {
    struct datum best;
    struct datum current;
    uint64_t best_count;
    uint64_t current_count;
    bool is_started;
};

AGGREGATE_ADD(mode_add)
{
    struct mode *mode = state;
    const struct type *type = func_arg_type(env, 0);
    if (args[0].is_null) {
        return KY_OK;
    }
    if (mode->is_started && type->compare(type, mode->current, args[0]) == 0) {
        mode->current_count++;
    } else {
        mode->current = args[0];
        mode->current_count = 1;
        mode->is_started = true;
        if (type->storage == TYPE_BYTES) {
            mode->current.bytes = ky_slice_dup(env->types.arena, args[0].bytes);
        }
    }
    if (mode->current_count > mode->best_count) {
        mode->best = mode->current;
        mode->best_count = mode->current_count;
    }
    return KY_OK;
}

AGGREGATE_FINISH(mode_finish)
{
    const struct mode *mode = state;
    *out = mode->is_started ? mode->best : datum_null();
    return KY_OK;
}

static const struct func_aggregate mode = {
    .state_size = sizeof(struct mode),
    .add = mode_add,
    .finish = mode_finish,
    .is_memory_growing = true,
    .is_ordered_set = true,
};

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    AGGREGATE(3972, "percentile_disc", OID_ANYELEMENT, 'i', false, ARGS(OID_FLOAT8, OID_ANYELEMENT),
              .aggregate = &percentile_disc),
    AGGREGATE(3974, "percentile_cont", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8, OID_FLOAT8),
              .aggregate = &percentile_cont_float),
    AGGREGATE(3976, "percentile_cont", OID_INTERVAL, 'i', false, ARGS(OID_FLOAT8, OID_INTERVAL),
              .aggregate = &percentile_cont_interval),
    AGGREGATE(3978, "percentile_disc", OID_ANYARRAY, 'i', false,
              ARGS(OID_FLOAT8_ARRAY, OID_ANYELEMENT), .aggregate = &percentile_disc_array),
    AGGREGATE(3980, "percentile_cont", OID_FLOAT8_ARRAY, 'i', false,
              ARGS(OID_FLOAT8_ARRAY, OID_FLOAT8), .aggregate = &percentile_cont_float_array),
    AGGREGATE(3982, "percentile_cont", OID_INTERVAL_ARRAY, 'i', false,
              ARGS(OID_FLOAT8_ARRAY, OID_INTERVAL), .aggregate = &percentile_cont_interval_array),
    AGGREGATE(3984, "mode", OID_ANYELEMENT, 'i', false, ARGS(OID_ANYELEMENT), .aggregate = &mode),
};

const struct func_table func_table_aggregate_ordered = {funcs, KY_COUNT_OF(funcs), NULL, 0};
