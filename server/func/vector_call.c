/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/func_private.h"
#include "server/types/array.h"
#include "server/types/cast.h"
#include "server/types/vector_value.h"

/*
 * What pgvector's casts and its avg are made of, callable by name: array_to_vector(array,
 * modifier, is explicit), vector_accum(state, value) and their kin. The state is an array of
 * doubles, as in pgvector: how many, then the sum of each dimension.
 */

static ky_status
call_cast(struct func_env *env, oid_t source, oid_t target, const struct datum *args,
          struct datum *out, struct ky_error *err)
{
    const struct type *type = type_get(target);
    const int32_t typmod = (int32_t)args[1].word;
    const bool is_explicit = args[2].word != 0;
    struct datum made;
    KY_TRY(
        cast_apply(cast_find(source, target), &env->types, args[0], -1, is_explicit, &made, err));
    if (typmod == -1 || type->coerce == NULL) {
        *out = made;
        return KY_OK;
    }
    return type->coerce(type, &env->types, made, typmod, is_explicit, out, err);
}

#define CALL_CAST(name, source, target)                        \
    SCALAR(name)                                               \
    {                                                          \
        return call_cast(env, source, target, args, out, err); \
    }
CALL_CAST(int4_to_vector, OID_INT4_ARRAY, OID_VECTOR)
CALL_CAST(float4_to_vector, OID_FLOAT4_ARRAY, OID_VECTOR)
CALL_CAST(float8_to_vector, OID_FLOAT8_ARRAY, OID_VECTOR)
CALL_CAST(numeric_to_vector, OID_NUMERIC_ARRAY, OID_VECTOR)
CALL_CAST(int4_to_halfvec, OID_INT4_ARRAY, OID_HALFVEC)
CALL_CAST(float4_to_halfvec, OID_FLOAT4_ARRAY, OID_HALFVEC)
CALL_CAST(float8_to_halfvec, OID_FLOAT8_ARRAY, OID_HALFVEC)
CALL_CAST(numeric_to_halfvec, OID_NUMERIC_ARRAY, OID_HALFVEC)
CALL_CAST(int4_to_sparsevec, OID_INT4_ARRAY, OID_SPARSEVEC)
CALL_CAST(float4_to_sparsevec, OID_FLOAT4_ARRAY, OID_SPARSEVEC)
CALL_CAST(float8_to_sparsevec, OID_FLOAT8_ARRAY, OID_SPARSEVEC)
CALL_CAST(numeric_to_sparsevec, OID_NUMERIC_ARRAY, OID_SPARSEVEC)
CALL_CAST(vector_to_float4, OID_VECTOR, OID_FLOAT4_ARRAY)
CALL_CAST(vector_to_halfvec, OID_VECTOR, OID_HALFVEC)
CALL_CAST(vector_to_sparsevec, OID_VECTOR, OID_SPARSEVEC)
CALL_CAST(halfvec_to_float4, OID_HALFVEC, OID_FLOAT4_ARRAY)
CALL_CAST(halfvec_to_vector, OID_HALFVEC, OID_VECTOR)
CALL_CAST(halfvec_to_sparsevec, OID_HALFVEC, OID_SPARSEVEC)
CALL_CAST(sparsevec_to_vector, OID_SPARSEVEC, OID_VECTOR)
CALL_CAST(sparsevec_to_halfvec, OID_SPARSEVEC, OID_HALFVEC)

/* ------------------------------------------------------------------ state of avg */

struct state {
    double count;
    double *sums;
    uint32_t dimensions;
};

static ky_status
read_state(struct func_env *env, struct datum array, const char *caller, struct state *out,
           struct ky_error *err)
{
    struct array_view view;
    array_open(array.bytes, &view);
    const uint8_t *cursor = view.first;
    bool is_state = view.dimension_count == 1 && view.count > 0;
    double *values = ky_arena_array(env->types.arena, double, (size_t)view.count + 1);
    for (uint32_t i = 0; is_state && i < view.count; i++) {
        const struct datum value = array_next(&view, &cursor);
        is_state = !value.is_null;
        values[i] = value.real;
    }
    if (!is_state) {
        return ky_error_set(err, KY_INTERNAL_ERROR, "%s: expected state array", caller);
    }
    *out = (struct state){
        .count = values[0], .sums = values + 1, .dimensions = (uint32_t)view.count - 1};
    return KY_OK;
}

static void
give_state(struct func_env *env, const struct state *state, struct datum *out)
{
    struct datum *values =
        ky_arena_array(env->types.arena, struct datum, (size_t)state->dimensions + 1);
    values[0] = datum_real(state->count);
    for (uint32_t i = 0; i < state->dimensions; i++) {
        values[i + 1] = datum_real(state->sums[i]);
    }
    const struct ky_slice bytes =
        array_make(env->types.arena, type_get(OID_FLOAT8), values, state->dimensions + 1);
    *out = datum_bytes(bytes.data, bytes.size);
}

static ky_status
check_expected(uint32_t expected, uint32_t given, struct ky_error *err)
{
    return expected == given ? KY_OK
                             : ky_error_set(err, KY_DATA_EXCEPTION,
                                            "expected %u dimensions, not %u", expected, given);
}

static ky_status
add(struct state *state, uint32_t i, double value, struct ky_error *err)
{
    state->sums[i] += value;
    return isinf(state->sums[i])
               ? ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow")
               : KY_OK;
}

static ky_status
accumulate(struct func_env *env, const struct datum *args, bool is_half, struct datum *out,
           struct ky_error *err)
{
    const struct ky_slice value = args[1].bytes;
    const uint32_t dimensions = is_half ? halfvec_dimensions(value) : vector_dimensions(value);
    struct state state;
    KY_TRY(read_state(env, args[0], is_half ? "halfvec_accum" : "vector_accum", &state, err));
    if (state.dimensions == 0) {
        state.dimensions = dimensions;
        state.sums = ky_arena_array(env->types.arena, double, dimensions);
    }
    KY_TRY(check_expected(state.dimensions, dimensions, err));
    for (uint32_t i = 0; i < dimensions; i++) {
        const float element = is_half ? halfvec_element(value, i) : vector_element(value, i);
        KY_TRY(add(&state, i, (double)element, err));
    }
    state.count += 1;
    give_state(env, &state, out);
    return KY_OK;
}

SCALAR(vector_accum)
{
    return accumulate(env, args, false, out, err);
}

SCALAR(halfvec_accum)
{
    return accumulate(env, args, true, out, err);
}

static ky_status
check_dimensions(uint32_t dimensions, struct ky_error *err)
{
    if (dimensions < 1) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "vector must have at least 1 dimension");
    }
    if (dimensions > VECTOR_DIMENSIONS_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "vector cannot have more than %d dimensions",
                            (int)VECTOR_DIMENSIONS_MAX);
    }
    return KY_OK;
}

SCALAR(vector_combine)
{
    struct state total;
    struct state part;
    KY_TRY(read_state(env, args[0], "vector_combine", &total, err));
    KY_TRY(read_state(env, args[1], "vector_combine", &part, err));
    if (total.count == 0) {
        total = part;
        part.count = 0;
    }
    KY_TRY(check_dimensions(total.dimensions, err));
    if (part.count != 0) {
        KY_TRY(check_expected(total.dimensions, part.dimensions, err));
        for (uint32_t i = 0; i < total.dimensions; i++) {
            KY_TRY(add(&total, i, part.sums[i], err));
        }
        total.count += part.count;
    }
    give_state(env, &total, out);
    return KY_OK;
}

static ky_status
average(struct func_env *env, struct datum array, oid_t target, const char *caller,
        struct datum *out, struct ky_error *err)
{
    struct state state;
    KY_TRY(read_state(env, array, caller, &state, err));
    *out = datum_null();
    if (state.count == 0) {
        return KY_OK;
    }
    struct datum *means = ky_arena_array(env->types.arena, struct datum, state.dimensions);
    for (uint32_t i = 0; i < state.dimensions; i++) {
        means[i] = datum_real(state.sums[i] / state.count);
    }
    const struct ky_slice bytes =
        array_make(env->types.arena, type_get(OID_FLOAT8), means, state.dimensions);
    return cast_apply(cast_find(OID_FLOAT8_ARRAY, target), &env->types,
                      datum_bytes(bytes.data, bytes.size), -1, true, out, err);
}

SCALAR(vector_avg)
{
    return average(env, args[0], OID_VECTOR, "vector_avg", out, err);
}

SCALAR(halfvec_avg)
{
    return average(env, args[0], OID_HALFVEC, "halfvec_avg", out, err);
}

#define CAST_ARGS(source) ARGS(source, OID_INT4, OID_BOOL)
/* The numbers of the casts' functions are those that their rows of pg_cast name. */
static const struct func funcs[] = {
    FUNC(15160, "array_to_vector", OID_VECTOR, 'i', true, CAST_ARGS(OID_INT4_ARRAY),
         .scalar = int4_to_vector),
    FUNC(15161, "array_to_vector", OID_VECTOR, 'i', true, CAST_ARGS(OID_FLOAT4_ARRAY),
         .scalar = float4_to_vector),
    FUNC(15162, "array_to_vector", OID_VECTOR, 'i', true, CAST_ARGS(OID_FLOAT8_ARRAY),
         .scalar = float8_to_vector),
    FUNC(15163, "array_to_vector", OID_VECTOR, 'i', true, CAST_ARGS(OID_NUMERIC_ARRAY),
         .scalar = numeric_to_vector),
    FUNC(15164, "vector_to_float4", OID_FLOAT4_ARRAY, 'i', true, CAST_ARGS(OID_VECTOR),
         .scalar = vector_to_float4),
    FUNC(15224, "vector_to_halfvec", OID_HALFVEC, 'i', true, CAST_ARGS(OID_VECTOR),
         .scalar = vector_to_halfvec),
    FUNC(15225, "halfvec_to_vector", OID_VECTOR, 'i', true, CAST_ARGS(OID_HALFVEC),
         .scalar = halfvec_to_vector),
    FUNC(15226, "array_to_halfvec", OID_HALFVEC, 'i', true, CAST_ARGS(OID_INT4_ARRAY),
         .scalar = int4_to_halfvec),
    FUNC(15227, "array_to_halfvec", OID_HALFVEC, 'i', true, CAST_ARGS(OID_FLOAT4_ARRAY),
         .scalar = float4_to_halfvec),
    FUNC(15228, "array_to_halfvec", OID_HALFVEC, 'i', true, CAST_ARGS(OID_FLOAT8_ARRAY),
         .scalar = float8_to_halfvec),
    FUNC(15229, "array_to_halfvec", OID_HALFVEC, 'i', true, CAST_ARGS(OID_NUMERIC_ARRAY),
         .scalar = numeric_to_halfvec),
    FUNC(15230, "halfvec_to_float4", OID_FLOAT4_ARRAY, 'i', true, CAST_ARGS(OID_HALFVEC),
         .scalar = halfvec_to_float4),
    FUNC(15274, "vector_to_sparsevec", OID_SPARSEVEC, 'i', true, CAST_ARGS(OID_VECTOR),
         .scalar = vector_to_sparsevec),
    FUNC(15275, "sparsevec_to_vector", OID_VECTOR, 'i', true, CAST_ARGS(OID_SPARSEVEC),
         .scalar = sparsevec_to_vector),
    FUNC(15276, "halfvec_to_sparsevec", OID_SPARSEVEC, 'i', true, CAST_ARGS(OID_HALFVEC),
         .scalar = halfvec_to_sparsevec),
    FUNC(15277, "sparsevec_to_halfvec", OID_HALFVEC, 'i', true, CAST_ARGS(OID_SPARSEVEC),
         .scalar = sparsevec_to_halfvec),
    FUNC(15278, "array_to_sparsevec", OID_SPARSEVEC, 'i', true, CAST_ARGS(OID_INT4_ARRAY),
         .scalar = int4_to_sparsevec),
    FUNC(15279, "array_to_sparsevec", OID_SPARSEVEC, 'i', true, CAST_ARGS(OID_FLOAT4_ARRAY),
         .scalar = float4_to_sparsevec),
    FUNC(15280, "array_to_sparsevec", OID_SPARSEVEC, 'i', true, CAST_ARGS(OID_FLOAT8_ARRAY),
         .scalar = float8_to_sparsevec),
    FUNC(15281, "array_to_sparsevec", OID_SPARSEVEC, 'i', true, CAST_ARGS(OID_NUMERIC_ARRAY),
         .scalar = numeric_to_sparsevec),
    FUNC(15142, "vector_accum", OID_FLOAT8_ARRAY, 'i', true, ARGS(OID_FLOAT8_ARRAY, OID_VECTOR),
         .scalar = vector_accum),
    FUNC(15143, "vector_combine", OID_FLOAT8_ARRAY, 'i', true,
         ARGS(OID_FLOAT8_ARRAY, OID_FLOAT8_ARRAY), .scalar = vector_combine),
    FUNC(15144, "vector_avg", OID_VECTOR, 'i', true, ARGS(OID_FLOAT8_ARRAY), .scalar = vector_avg),
    FUNC(15145, "halfvec_accum", OID_FLOAT8_ARRAY, 'i', true, ARGS(OID_FLOAT8_ARRAY, OID_HALFVEC),
         .scalar = halfvec_accum),
    FUNC(15146, "halfvec_combine", OID_FLOAT8_ARRAY, 'i', true,
         ARGS(OID_FLOAT8_ARRAY, OID_FLOAT8_ARRAY), .scalar = vector_combine),
    FUNC(15147, "halfvec_avg", OID_HALFVEC, 'i', true, ARGS(OID_FLOAT8_ARRAY),
         .scalar = halfvec_avg),
};

const struct func_table func_table_vector_call = {funcs, KY_COUNT_OF(funcs), NULL, 0};
