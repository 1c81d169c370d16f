/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/aggregate.h"
#include "server/types/vector_value.h"

/* pgvector's functions and operators on halfvec. As there, distances are those of the floats that
 * the halves stand for; arithmetic is rounded to halves and checked. */

static ky_status
validate_same_dimensions(struct ky_slice a, struct ky_slice b, struct ky_error *err)
{
    if (a.size != b.size) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "different halfvec dimensions %u and %u",
                            halfvec_dimensions(a), halfvec_dimensions(b));
    }
    return KY_OK;
}

static KY_COLD ky_status
too_few_dimensions(struct ky_error *err)
{
    return ky_error_set(err, KY_DATA_EXCEPTION, "halfvec must have at least 1 dimension");
}

static KY_COLD ky_status
overflow(struct ky_error *err)
{
    return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
}

#define SUM_OF(expression)                                 \
    float sum = 0.0F;                                      \
    for (uint32_t i = 0; i < halfvec_dimensions(a); i++) { \
        const float x = halfvec_element(a, i);             \
        const float y = halfvec_element(b, i);             \
        sum += (expression);                               \
    }

static double
squared_distance(struct ky_slice a, struct ky_slice b)
{
    SUM_OF((x - y) * (x - y))
    return (double)sum;
}

static double
l2_distance(struct ky_slice a, struct ky_slice b)
{
    return sqrt(squared_distance(a, b));
}

static double
inner_product(struct ky_slice a, struct ky_slice b)
{
    SUM_OF(x * y)
    return (double)sum;
}

static double
negative_inner_product(struct ky_slice a, struct ky_slice b)
{
    return -inner_product(a, b);
}

static double
l1_distance(struct ky_slice a, struct ky_slice b)
{
    SUM_OF(fabsf(x - y))
    return (double)sum;
}

static double
cosine_distance(struct ky_slice a, struct ky_slice b)
{
    const double norms = sqrt(inner_product(a, a) * inner_product(b, b));
    const double similarity = inner_product(a, b) / norms;
    return 1 - (similarity > 1 ? 1 : similarity < -1 ? -1 : similarity);
}

static double
spherical_distance(struct ky_slice a, struct ky_slice b)
{
    const double product = inner_product(a, b);
    return acos(product > 1 ? 1 : product < -1 ? -1 : product) / M_PI;
}

#define DISTANCE(name)                                                       \
    SCALAR(name##_scalar)                                                    \
    {                                                                        \
        KY_TRY(validate_same_dimensions(args[0].bytes, args[1].bytes, err)); \
        *out = datum_real(name(args[0].bytes, args[1].bytes));               \
        return KY_OK;                                                        \
    }
DISTANCE(squared_distance)
DISTANCE(l2_distance)
DISTANCE(inner_product)
DISTANCE(negative_inner_product)
DISTANCE(l1_distance)
DISTANCE(cosine_distance)
DISTANCE(spherical_distance)

enum arithmetic { ADD, SUBTRACT, MULTIPLY };

static ky_status
combine(struct func_env *env, enum arithmetic kind, struct ky_slice a, struct ky_slice b,
        struct datum *out, struct ky_error *err)
{
    KY_TRY(validate_same_dimensions(a, b, err));
    uint8_t *result = ky_arena_alloc(env->types.arena, a.size);
    for (uint32_t i = 0; i < halfvec_dimensions(a); i++) {
        const float x = halfvec_element(a, i);
        const float y = halfvec_element(b, i);
        const float exact = kind == ADD ? x + y : kind == SUBTRACT ? x - y : x * y;
        const uint16_t half = ky_half_from_float(exact);
        if (isinf(ky_half_to_float(half))) {
            return overflow(err);
        }
        if (kind == MULTIPLY && ky_half_to_float(half) == 0 && x != 0 && y != 0) {
            return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE,
                                "value out of range: underflow");
        }
        ky_store_le16(result + (size_t)i * 2, half);
    }
    *out = datum_bytes(result, a.size);
    return KY_OK;
}

SCALAR(halfvec_add)
{
    return combine(env, ADD, args[0].bytes, args[1].bytes, out, err);
}

SCALAR(halfvec_sub)
{
    return combine(env, SUBTRACT, args[0].bytes, args[1].bytes, out, err);
}

SCALAR(halfvec_mul)
{
    return combine(env, MULTIPLY, args[0].bytes, args[1].bytes, out, err);
}

SCALAR(halfvec_concat)
{
    const struct ky_slice a = args[0].bytes;
    const struct ky_slice b = args[1].bytes;
    if (halfvec_dimensions(a) + halfvec_dimensions(b) > VECTOR_DIMENSIONS_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "halfvec cannot have more than %d dimensions",
                            (int)VECTOR_DIMENSIONS_MAX);
    }
    uint8_t *result = ky_arena_alloc(env->types.arena, a.size + b.size);
    memcpy(result, a.data, a.size);
    memcpy(result + a.size, b.data, b.size);
    *out = datum_bytes(result, a.size + b.size);
    return KY_OK;
}

SCALAR(halfvec_dims)
{
    *out = datum_word(halfvec_dimensions(args[0].bytes));
    return KY_OK;
}

static double
norm_of(struct ky_slice value)
{
    double sum = 0;
    for (uint32_t i = 0; i < halfvec_dimensions(value); i++) {
        const double x = (double)halfvec_element(value, i);
        sum += x * x;
    }
    return sqrt(sum);
}

SCALAR(l2_norm)
{
    *out = datum_real(norm_of(args[0].bytes));
    return KY_OK;
}

SCALAR(l2_normalize)
{
    const struct ky_slice a = args[0].bytes;
    const double norm = norm_of(a);
    uint8_t *result = ky_arena_alloc(env->types.arena, a.size);
    memset(result, 0, a.size);
    for (uint32_t i = 0; norm > 0 && i < halfvec_dimensions(a); i++) {
        const uint16_t half = ky_half_from_float((float)((double)halfvec_element(a, i) / norm));
        if (isinf(ky_half_to_float(half))) {
            return overflow(err);
        }
        ky_store_le16(result + (size_t)i * 2, half);
    }
    *out = datum_bytes(result, a.size);
    return KY_OK;
}

SCALAR(binary_quantize)
{
    const struct ky_slice a = args[0].bytes;
    uint8_t *bits;
    struct ky_slice made = bit_new(env->types.arena, halfvec_dimensions(a), &bits);
    for (uint32_t i = 0; i < halfvec_dimensions(a); i++) {
        bits[i / 8] |= (uint8_t)((halfvec_element(a, i) > 0 ? 0x80U : 0) >> (i % 8));
    }
    *out = datum_bytes(made.data, made.size);
    return KY_OK;
}

/* 1-based, cut to what there is. */
SCALAR(subvector)
{
    const struct ky_slice a = args[0].bytes;
    const int64_t dimensions = halfvec_dimensions(a);
    if (args[2].word < 1) {
        return too_few_dimensions(err);
    }
    const int64_t end = KY_MIN(args[1].word + args[2].word, dimensions + 1);
    const int64_t start = KY_MAX(args[1].word, (int64_t)1);
    if (start > dimensions || end <= start) {
        return too_few_dimensions(err);
    }
    *out = datum_bytes((const uint8_t *)a.data + (start - 1) * 2, (size_t)(end - start) * 2);
    return KY_OK;
}

SCALAR(halfvec_cmp)
{
    *out = datum_word(compare_as(OID_HALFVEC, args[0], args[1]));
    return KY_OK;
}

/* sum adds in halves, avg in double. */
struct halfvec_state {
    double *sum;
    uint32_t dimensions;
    int64_t count;
};

static ky_status
begin_or_check(struct func_env *env, struct halfvec_state *total, uint32_t dimensions, bool is_sum,
               struct ky_error *err)
{
    if (total->count == 0) {
        total->sum = ky_arena_array(env->types.arena, double, dimensions);
        total->dimensions = dimensions;
    } else if (total->dimensions != dimensions) {
        return ky_error_set(err, KY_DATA_EXCEPTION,
                            is_sum ? "different halfvec dimensions %u and %u"
                                   : "expected %u dimensions, not %u",
                            total->dimensions, dimensions);
    }
    return KY_OK;
}

static double
rounded(double value)
{
    return (double)ky_half_to_float(ky_half_from_float((float)value));
}

AGGREGATE_ADD(halfvec_sum_add)
{
    struct halfvec_state *total = state;
    const uint32_t dimensions = halfvec_dimensions(args[0].bytes);
    KY_TRY(begin_or_check(env, total, dimensions, true, err));
    for (uint32_t i = 0; i < dimensions; i++) {
        total->sum[i] = rounded(total->sum[i] + (double)halfvec_element(args[0].bytes, i));
        if (isinf(total->sum[i])) {
            return overflow(err);
        }
    }
    total->count++;
    return KY_OK;
}

AGGREGATE_ADD(halfvec_avg_add)
{
    struct halfvec_state *total = state;
    const uint32_t dimensions = halfvec_dimensions(args[0].bytes);
    KY_TRY(begin_or_check(env, total, dimensions, false, err));
    for (uint32_t i = 0; i < dimensions; i++) {
        total->sum[i] += (double)halfvec_element(args[0].bytes, i);
    }
    total->count++;
    return KY_OK;
}

static ky_status
halfvec_result(struct func_env *env, const struct halfvec_state *total, double divisor,
               struct datum *out, struct ky_error *err)
{
    *out = datum_null();
    if (total->count == 0) {
        return KY_OK;
    }
    uint8_t *result = ky_arena_alloc(env->types.arena, (size_t)total->dimensions * 2);
    for (uint32_t i = 0; i < total->dimensions; i++) {
        const uint16_t half = ky_half_from_float((float)(total->sum[i] / divisor));
        if (isinf(ky_half_to_float(half))) {
            return ky_error_set(err, KY_DATA_EXCEPTION, "infinite value not allowed in halfvec");
        }
        ky_store_le16(result + (size_t)i * 2, half);
    }
    *out = datum_bytes(result, (size_t)total->dimensions * 2);
    return KY_OK;
}

AGGREGATE_FINISH(halfvec_sum_finish)
{
    return halfvec_result(env, state, 1.0, out, err);
}

AGGREGATE_FINISH(halfvec_avg_finish)
{
    const struct halfvec_state *total = state;
    return halfvec_result(env, total, (double)total->count, out, err);
}

static const struct func_aggregate halfvec_sum = {
    .state_size = sizeof(struct halfvec_state),
    .add = halfvec_sum_add,
    .finish = halfvec_sum_finish,
    .skips_nulls = true,
};
static const struct func_aggregate halfvec_avg = {
    .state_size = sizeof(struct halfvec_state),
    .add = halfvec_avg_add,
    .finish = halfvec_avg_finish,
    .skips_nulls = true,
};

#define PAIR ARGS(OID_HALFVEC, OID_HALFVEC)
static const struct func funcs[] = {
    FUNC(15200, "l2_distance", OID_FLOAT8, 'i', true, PAIR, .scalar = l2_distance_scalar),
    FUNC(15201, "inner_product", OID_FLOAT8, 'i', true, PAIR, .scalar = inner_product_scalar),
    FUNC(15202, "cosine_distance", OID_FLOAT8, 'i', true, PAIR, .scalar = cosine_distance_scalar),
    FUNC(15203, "l1_distance", OID_FLOAT8, 'i', true, PAIR, .scalar = l1_distance_scalar),
    FUNC(15204, "halfvec_l2_squared_distance", OID_FLOAT8, 'i', true, PAIR,
         .scalar = squared_distance_scalar),
    FUNC(15205, "halfvec_negative_inner_product", OID_FLOAT8, 'i', true, PAIR,
         .scalar = negative_inner_product_scalar),
    FUNC(15206, "halfvec_spherical_distance", OID_FLOAT8, 'i', true, PAIR,
         .scalar = spherical_distance_scalar),
    FUNC(15207, "vector_dims", OID_INT4, 'i', true, ARGS(OID_HALFVEC), .scalar = halfvec_dims),
    FUNC(15208, "l2_norm", OID_FLOAT8, 'i', true, ARGS(OID_HALFVEC), .scalar = l2_norm),
    FUNC(15209, "l2_normalize", OID_HALFVEC, 'i', true, ARGS(OID_HALFVEC), .scalar = l2_normalize),
    FUNC(15210, "binary_quantize", OID_BIT, 'i', true, ARGS(OID_HALFVEC),
         .scalar = binary_quantize),
    FUNC(15211, "subvector", OID_HALFVEC, 'i', true, ARGS(OID_HALFVEC, OID_INT4, OID_INT4),
         .scalar = subvector),
    FUNC(15212, "halfvec_add", OID_HALFVEC, 'i', true, PAIR, .scalar = halfvec_add),
    FUNC(15213, "halfvec_sub", OID_HALFVEC, 'i', true, PAIR, .scalar = halfvec_sub),
    FUNC(15214, "halfvec_mul", OID_HALFVEC, 'i', true, PAIR, .scalar = halfvec_mul),
    FUNC(15215, "halfvec_concat", OID_HALFVEC, 'i', true, PAIR, .scalar = halfvec_concat),
    FUNC(15216, "halfvec_cmp", OID_INT4, 'i', true, PAIR, .scalar = halfvec_cmp),
    AGGREGATE(15217, "sum", OID_HALFVEC, 'i', false, ARGS(OID_HALFVEC), .aggregate = &halfvec_sum),
    AGGREGATE(15218, "avg", OID_HALFVEC, 'i', false, ARGS(OID_HALFVEC), .aggregate = &halfvec_avg),
};

static struct operator_row operators[] = {
    OPERATOR(15240, "<->", OID_HALFVEC, OID_HALFVEC, OID_FLOAT8, 15200, 15240, 0, 0, false),
    OPERATOR(15241, "<#>", OID_HALFVEC, OID_HALFVEC, OID_FLOAT8, 15205, 15241, 0, 0, false),
    OPERATOR(15242, "<=>", OID_HALFVEC, OID_HALFVEC, OID_FLOAT8, 15202, 15242, 0, 0, false),
    OPERATOR(15243, "<+>", OID_HALFVEC, OID_HALFVEC, OID_FLOAT8, 15203, 15243, 0, 0, false),
    OPERATOR(15244, "+", OID_HALFVEC, OID_HALFVEC, OID_HALFVEC, 15212, 15244, 0, 0, false),
    OPERATOR(15245, "-", OID_HALFVEC, OID_HALFVEC, OID_HALFVEC, 15213, 0, 0, 0, false),
    OPERATOR(15246, "*", OID_HALFVEC, OID_HALFVEC, OID_HALFVEC, 15214, 15246, 0, 0, false),
    OPERATOR(15247, "||", OID_HALFVEC, OID_HALFVEC, OID_HALFVEC, 15215, 0, 0, 0, false),
};

const struct func_table func_table_halfvec = {funcs, KY_COUNT_OF(funcs), operators,
                                              KY_COUNT_OF(operators)};
