/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/func_private.h"
#include "server/types/vector_value.h"

/* pgvector's functions and operators on sparsevec: a merge of two ascending lists of indices. */

static ky_status
validate_same_dimensions(struct ky_slice a, struct ky_slice b, struct ky_error *err)
{
    if (sparsevec_dimensions(a) != sparsevec_dimensions(b)) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "different sparsevec dimensions %u and %u",
                            sparsevec_dimensions(a), sparsevec_dimensions(b));
    }
    return KY_OK;
}

/* Leaves the sum of a term of x and y over all places where one of the two has an element. */
#define SUM_OF(expression)                                                         \
    const uint32_t a_count = sparsevec_count(a);                                   \
    const uint32_t b_count = sparsevec_count(b);                                   \
    float sum = 0.0F;                                                              \
    for (uint32_t i = 0, j = 0; i < a_count || j < b_count;) {                     \
        const uint32_t a_index = i < a_count ? sparsevec_index(a, i) : UINT32_MAX; \
        const uint32_t b_index = j < b_count ? sparsevec_index(b, j) : UINT32_MAX; \
        const float x = a_index <= b_index ? sparsevec_element(a, i++) : 0.0F;     \
        const float y = b_index <= a_index ? sparsevec_element(b, j++) : 0.0F;     \
        sum += (expression);                                                       \
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
squared_norm(struct ky_slice value)
{
    float sum = 0.0F;
    for (uint32_t i = 0; i < sparsevec_count(value); i++) {
        const float x = sparsevec_element(value, i);
        sum += x * x;
    }
    return (double)sum;
}

static double
cosine_distance(struct ky_slice a, struct ky_slice b)
{
    const double similarity = inner_product(a, b) / sqrt(squared_norm(a) * squared_norm(b));
    return 1 - (similarity > 1 ? 1 : similarity < -1 ? -1 : similarity);
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

static double
norm_of(struct ky_slice value)
{
    double sum = 0;
    for (uint32_t i = 0; i < sparsevec_count(value); i++) {
        const double x = (double)sparsevec_element(value, i);
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
    const uint32_t count = sparsevec_count(a);
    const double norm = norm_of(a);
    uint32_t *indices = ky_arena_array(env->types.arena, uint32_t, (size_t)count + 1);
    float *values = ky_arena_array(env->types.arena, float, (size_t)count + 1);
    uint32_t kept = 0;
    for (uint32_t i = 0; norm > 0 && i < count; i++) {
        const float value = (float)((double)sparsevec_element(a, i) / norm);
        if (isinf(value)) {
            return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
        }
        if (value != 0) {
            indices[kept] = sparsevec_index(a, i);
            values[kept++] = value;
        }
    }
    struct ky_slice made =
        sparsevec_make(env->types.arena, sparsevec_dimensions(a), indices, values, kept);
    *out = datum_bytes(made.data, made.size);
    return KY_OK;
}

SCALAR(sparsevec_cmp)
{
    *out = datum_word(compare_as(OID_SPARSEVEC, args[0], args[1]));
    return KY_OK;
}

#define PAIR ARGS(OID_SPARSEVEC, OID_SPARSEVEC)
static const struct func funcs[] = {
    FUNC(15250, "l2_distance", OID_FLOAT8, 'i', true, PAIR, .scalar = l2_distance_scalar),
    FUNC(15251, "inner_product", OID_FLOAT8, 'i', true, PAIR, .scalar = inner_product_scalar),
    FUNC(15252, "cosine_distance", OID_FLOAT8, 'i', true, PAIR, .scalar = cosine_distance_scalar),
    FUNC(15253, "l1_distance", OID_FLOAT8, 'i', true, PAIR, .scalar = l1_distance_scalar),
    FUNC(15254, "sparsevec_l2_squared_distance", OID_FLOAT8, 'i', true, PAIR,
         .scalar = squared_distance_scalar),
    FUNC(15255, "sparsevec_negative_inner_product", OID_FLOAT8, 'i', true, PAIR,
         .scalar = negative_inner_product_scalar),
    FUNC(15256, "l2_norm", OID_FLOAT8, 'i', true, ARGS(OID_SPARSEVEC), .scalar = l2_norm),
    FUNC(15257, "l2_normalize", OID_SPARSEVEC, 'i', true, ARGS(OID_SPARSEVEC),
         .scalar = l2_normalize),
    FUNC(15258, "sparsevec_cmp", OID_INT4, 'i', true, PAIR, .scalar = sparsevec_cmp),
};

static struct operator_row operators[] = {
    OPERATOR(15290, "<->", OID_SPARSEVEC, OID_SPARSEVEC, OID_FLOAT8, 15250, 15290, 0, 0, false),
    OPERATOR(15291, "<#>", OID_SPARSEVEC, OID_SPARSEVEC, OID_FLOAT8, 15255, 15291, 0, 0, false),
    OPERATOR(15292, "<=>", OID_SPARSEVEC, OID_SPARSEVEC, OID_FLOAT8, 15252, 15292, 0, 0, false),
    OPERATOR(15293, "<+>", OID_SPARSEVEC, OID_SPARSEVEC, OID_FLOAT8, 15253, 15293, 0, 0, false),
};

const struct func_table func_table_sparsevec = {funcs, KY_COUNT_OF(funcs), operators,
                                                KY_COUNT_OF(operators)};
