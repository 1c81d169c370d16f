/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/aggregate.h"
#include "server/types/vector_value.h"

/* pgvector's functions and operators. Distances add in float and answer in double, element-wise
 * arithmetic is checked for overflow and underflow, as pgvector's is. */

/* Four lanes at a time: the compiler may not reorder a float's additions, we may. */
typedef float lanes __attribute__((vector_size(16)));
enum { LANES = 4 };

static float
element(struct ky_slice vector, uint32_t i)
{
    return vector_element(vector, i);
}

static lanes
load(struct ky_slice vector, uint32_t i)
{
    lanes values;
    memcpy(&values, (const uint8_t *)vector.data + (size_t)i * sizeof(float), sizeof(values));
    return values;
}

static float
total_of(lanes sums)
{
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static ky_status
validate_same_dimensions(struct ky_slice a, struct ky_slice b, struct ky_error *err)
{
    if (a.size != b.size) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "different vector dimensions %u and %u",
                            vector_dimensions(a), vector_dimensions(b));
    }
    return KY_OK;
}

/* Leaves the sum of a term over all elements in sum; the term has x and y, lanes or floats. */
#define SUM_OF(lanes_term, float_term)               \
    const uint32_t count = vector_dimensions(a);     \
    uint32_t i = 0;                                  \
    lanes even = {0};                                \
    lanes odd = {0};                                 \
    for (; i + 2 * LANES <= count; i += 2 * LANES) { \
        {                                            \
            const lanes x = load(a, i);              \
            const lanes y = load(b, i);              \
            even += (lanes_term);                    \
        }                                            \
        {                                            \
            const lanes x = load(a, i + LANES);      \
            const lanes y = load(b, i + LANES);      \
            odd += (lanes_term);                     \
        }                                            \
    }                                                \
    float sum = total_of(even + odd);                \
    for (; i < count; i++) {                         \
        const float x = element(a, i);               \
        const float y = element(b, i);               \
        sum += (float_term);                         \
    }

static lanes
absolute(lanes values)
{
    typedef int32_t masks __attribute__((vector_size(16)));
    return (lanes)((masks)values & INT32_MAX);
}

static double
squared_distance(struct ky_slice a, struct ky_slice b)
{
    SUM_OF((x - y) * (x - y), (x - y) * (x - y))
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
    SUM_OF(x * y, x * y)
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
    SUM_OF(absolute(x - y), fabsf(x - y))
    return (double)sum;
}

static double
cosine_distance(struct ky_slice a, struct ky_slice b)
{
    const double norms = sqrt(inner_product(a, a) * inner_product(b, b));
    double similarity = inner_product(a, b) / norms;
    if (similarity > 1) {
        similarity = 1;
    } else if (similarity < -1) {
        similarity = -1;
    }
    return 1 - similarity;
}

static double
spherical_distance(struct ky_slice a, struct ky_slice b)
{
    double product = inner_product(a, b);
    product = product > 1 ? 1 : product < -1 ? -1 : product;
    return acos(product) / M_PI;
}

#define DISTANCE(name)                                                                           \
    SCALAR(name##_scalar)                                                                        \
    {                                                                                            \
        KY_TRY(validate_same_dimensions(args[0].bytes, args[1].bytes, err));                     \
        *out = datum_real(name(args[0].bytes, args[1].bytes));                                   \
        return KY_OK;                                                                            \
    }                                                                                            \
    KERNEL(name##_kernel)                                                                        \
    {                                                                                            \
        EACH_PLACE(i, KY_TRY(validate_same_dimensions(args[0].bytes[i], args[1].bytes[i], err)); \
                   out->real[i] = name(args[0].bytes[i], args[1].bytes[i]))                      \
        return KY_OK;                                                                            \
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
    float *result = ky_arena_alloc(env->types.arena, a.size);
    for (uint32_t i = 0; i < vector_dimensions(a); i++) {
        const float x = element(a, i);
        const float y = element(b, i);
        result[i] = kind == ADD ? x + y : kind == SUBTRACT ? x - y : x * y;
        if (isinf(result[i])) {
            return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
        }
        if (kind == MULTIPLY && result[i] == 0 && x != 0 && y != 0) {
            return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE,
                                "value out of range: underflow");
        }
    }
    *out = datum_bytes(result, a.size);
    return KY_OK;
}

SCALAR(vector_add)
{
    return combine(env, ADD, args[0].bytes, args[1].bytes, out, err);
}

SCALAR(vector_sub)
{
    return combine(env, SUBTRACT, args[0].bytes, args[1].bytes, out, err);
}

SCALAR(vector_mul)
{
    return combine(env, MULTIPLY, args[0].bytes, args[1].bytes, out, err);
}

SCALAR(vector_concat)
{
    const struct ky_slice a = args[0].bytes;
    const struct ky_slice b = args[1].bytes;
    const uint32_t count = vector_dimensions(a) + vector_dimensions(b);
    if (count > VECTOR_DIMENSIONS_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "vector cannot have more than %d dimensions",
                            (int)VECTOR_DIMENSIONS_MAX);
    }
    uint8_t *result = ky_arena_alloc(env->types.arena, a.size + b.size);
    memcpy(result, a.data, a.size);
    memcpy(result + a.size, b.data, b.size);
    *out = datum_bytes(result, a.size + b.size);
    return KY_OK;
}

SCALAR(vector_dims)
{
    *out = datum_word(vector_dimensions(args[0].bytes));
    return KY_OK;
}

static double
norm_of(struct ky_slice vector)
{
    double sum = 0;
    for (uint32_t i = 0; i < vector_dimensions(vector); i++) {
        const double x = (double)element(vector, i);
        sum += x * x;
    }
    return sqrt(sum);
}

SCALAR(vector_norm)
{
    *out = datum_real(norm_of(args[0].bytes));
    return KY_OK;
}

SCALAR(l2_normalize)
{
    const struct ky_slice a = args[0].bytes;
    const double norm = norm_of(a);
    float *result = ky_arena_array(env->types.arena, float, vector_dimensions(a));
    for (uint32_t i = 0; norm > 0 && i < vector_dimensions(a); i++) {
        result[i] = (float)((double)element(a, i) / norm);
        if (isinf(result[i])) {
            return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
        }
    }
    *out = datum_bytes(result, a.size);
    return KY_OK;
}

SCALAR(binary_quantize)
{
    const struct ky_slice a = args[0].bytes;
    uint8_t *bits;
    struct ky_slice made = bit_new(env->types.arena, vector_dimensions(a), &bits);
    for (uint32_t i = 0; i < vector_dimensions(a); i++) {
        bits[i / 8] |= (uint8_t)((element(a, i) > 0 ? 0x80U : 0) >> (i % 8));
    }
    *out = datum_bytes(made.data, made.size);
    return KY_OK;
}

SCALAR(vector_cmp)
{
    *out = datum_word(compare_as(OID_VECTOR, args[0], args[1]));
    return KY_OK;
}

/* subvector(vector, start, count): 1-based, cut to what there is. */
SCALAR(subvector)
{
    const struct ky_slice a = args[0].bytes;
    const int64_t dimensions = vector_dimensions(a);
    if (args[2].word < 1) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "vector must have at least 1 dimension");
    }
    int64_t start = args[1].word;
    int64_t end = KY_MIN(start + args[2].word, dimensions + 1);
    start = KY_MAX(start, (int64_t)1);
    if (start > dimensions || end <= start) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "vector must have at least 1 dimension");
    }
    *out = datum_bytes((const uint8_t *)a.data + (start - 1) * (int64_t)sizeof(float),
                       (size_t)(end - start) * sizeof(float));
    return KY_OK;
}

/* sum adds in float, avg in double. */
struct vector_state {
    double *sum;
    uint32_t dimensions;
    int64_t count;
};

static ky_status
vector_accumulate(struct func_env *env, struct vector_state *total, struct ky_slice value,
                  bool is_float, struct ky_error *err)
{
    const uint32_t dimensions = vector_dimensions(value);
    if (total->count == 0) {
        total->sum = ky_arena_array(env->types.arena, double, dimensions);
        total->dimensions = dimensions;
    } else if (total->dimensions != dimensions) {
        return ky_error_set(err, KY_DATA_EXCEPTION,
                            is_float ? "different vector dimensions %u and %u"
                                     : "expected %u dimensions, not %u",
                            total->dimensions, dimensions);
    }
    for (uint32_t i = 0; i < dimensions; i++) {
        const double sum = total->sum[i] + (double)element(value, i);
        total->sum[i] = is_float ? (double)(float)sum : sum;
        if (isinf(total->sum[i])) {
            return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
        }
    }
    total->count++;
    return KY_OK;
}

AGGREGATE_ADD(vector_sum_add)
{
    return vector_accumulate(env, state, args[0].bytes, true, err);
}

AGGREGATE_ADD(vector_avg_add)
{
    return vector_accumulate(env, state, args[0].bytes, false, err);
}

AGGREGATE_COMBINE(vector_combine)
{
    struct vector_state *total = state;
    const struct vector_state *part = other;
    if (part->count == 0) {
        return KY_OK;
    }
    if (total->count == 0) {
        total->sum = ky_arena_array(env->types.arena, double, part->dimensions);
        total->dimensions = part->dimensions;
    } else if (total->dimensions != part->dimensions) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "expected %u dimensions, not %u",
                            total->dimensions, part->dimensions);
    }
    for (uint32_t i = 0; i < part->dimensions; i++) {
        total->sum[i] += part->sum[i];
    }
    total->count += part->count;
    return KY_OK;
}

static ky_status
vector_result(struct func_env *env, const struct vector_state *total, double divisor,
              struct datum *out, struct ky_error *err)
{
    *out = datum_null();
    if (total->count > 0) {
        float *result = ky_arena_array(env->types.arena, float, total->dimensions);
        for (uint32_t i = 0; i < total->dimensions; i++) {
            result[i] = (float)(total->sum[i] / divisor);
            if (isinf(result[i])) {
                return ky_error_set(err, KY_DATA_EXCEPTION, "infinite value not allowed in vector");
            }
        }
        *out = datum_bytes(result, total->dimensions * sizeof(float));
    }
    return KY_OK;
}

AGGREGATE_FINISH(vector_sum_finish)
{
    return vector_result(env, state, 1.0, out, err);
}

AGGREGATE_FINISH(vector_avg_finish)
{
    const struct vector_state *total = state;
    return vector_result(env, total, (double)total->count, out, err);
}

static const struct func_aggregate vector_sum = {
    .state_size = sizeof(struct vector_state),
    .add = vector_sum_add,
    .finish = vector_sum_finish,
    .combine = vector_combine,
    .skips_nulls = true,
};
static const struct func_aggregate vector_avg = {
    .state_size = sizeof(struct vector_state),
    .add = vector_avg_add,
    .finish = vector_avg_finish,
    .combine = vector_combine,
    .skips_nulls = true,
};

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(15120, "l2_distance", OID_FLOAT8, 'i', true, ARGS(OID_VECTOR, OID_VECTOR),
         .scalar = l2_distance_scalar, .kernel = l2_distance_kernel),
    FUNC(15121, "inner_product", OID_FLOAT8, 'i', true, ARGS(OID_VECTOR, OID_VECTOR),
         .scalar = inner_product_scalar, .kernel = inner_product_kernel),
    FUNC(15122, "cosine_distance", OID_FLOAT8, 'i', true, ARGS(OID_VECTOR, OID_VECTOR),
         .scalar = cosine_distance_scalar, .kernel = cosine_distance_kernel),
    FUNC(15123, "l1_distance", OID_FLOAT8, 'i', true, ARGS(OID_VECTOR, OID_VECTOR),
         .scalar = l1_distance_scalar, .kernel = l1_distance_kernel),
    FUNC(15124, "vector_l2_squared_distance", OID_FLOAT8, 'i', true, ARGS(OID_VECTOR, OID_VECTOR),
         .scalar = squared_distance_scalar, .kernel = squared_distance_kernel),
    FUNC(15125, "vector_negative_inner_product", OID_FLOAT8, 'i', true,
         ARGS(OID_VECTOR, OID_VECTOR), .scalar = negative_inner_product_scalar,
         .kernel = negative_inner_product_kernel),
    FUNC(15126, "vector_spherical_distance", OID_FLOAT8, 'i', true, ARGS(OID_VECTOR, OID_VECTOR),
         .scalar = spherical_distance_scalar, .kernel = spherical_distance_kernel),
    FUNC(15127, "vector_dims", OID_INT4, 'i', true, ARGS(OID_VECTOR), .scalar = vector_dims),
    FUNC(15128, "vector_norm", OID_FLOAT8, 'i', true, ARGS(OID_VECTOR), .scalar = vector_norm),
    FUNC(15129, "l2_normalize", OID_VECTOR, 'i', true, ARGS(OID_VECTOR), .scalar = l2_normalize),
    FUNC(15130, "subvector", OID_VECTOR, 'i', true, ARGS(OID_VECTOR, OID_INT4, OID_INT4),
         .scalar = subvector),
    FUNC(15131, "vector_add", OID_VECTOR, 'i', true, ARGS(OID_VECTOR, OID_VECTOR),
         .scalar = vector_add),
    FUNC(15132, "vector_sub", OID_VECTOR, 'i', true, ARGS(OID_VECTOR, OID_VECTOR),
         .scalar = vector_sub),
    FUNC(15133, "vector_mul", OID_VECTOR, 'i', true, ARGS(OID_VECTOR, OID_VECTOR),
         .scalar = vector_mul),
    FUNC(15134, "vector_concat", OID_VECTOR, 'i', true, ARGS(OID_VECTOR, OID_VECTOR),
         .scalar = vector_concat),
    FUNC(15137, "binary_quantize", OID_BIT, 'i', true, ARGS(OID_VECTOR), .scalar = binary_quantize),
    FUNC(15106, "vector_cmp", OID_INT4, 'i', true, ARGS(OID_VECTOR, OID_VECTOR),
         .scalar = vector_cmp),
    AGGREGATE(15135, "sum", OID_VECTOR, 'i', false, ARGS(OID_VECTOR), .aggregate = &vector_sum),
    AGGREGATE(15136, "avg", OID_VECTOR, 'i', false, ARGS(OID_VECTOR), .aggregate = &vector_avg),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(15150, "<->", OID_VECTOR, OID_VECTOR, OID_FLOAT8, 15120, 15150, 0, 0, false),
    OPERATOR(15151, "<#>", OID_VECTOR, OID_VECTOR, OID_FLOAT8, 15125, 15151, 0, 0, false),
    OPERATOR(15152, "<=>", OID_VECTOR, OID_VECTOR, OID_FLOAT8, 15122, 15152, 0, 0, false),
    OPERATOR(15153, "<+>", OID_VECTOR, OID_VECTOR, OID_FLOAT8, 15123, 15153, 0, 0, false),
    OPERATOR(15154, "+", OID_VECTOR, OID_VECTOR, OID_VECTOR, 15131, 15154, 0, 0, false),
    OPERATOR(15155, "-", OID_VECTOR, OID_VECTOR, OID_VECTOR, 15132, 0, 0, 0, false),
    OPERATOR(15156, "*", OID_VECTOR, OID_VECTOR, OID_VECTOR, 15133, 15156, 0, 0, false),
    OPERATOR(15157, "||", OID_VECTOR, OID_VECTOR, OID_VECTOR, 15134, 0, 0, 0, false),
};

const struct func_table func_table_vector = {funcs, KY_COUNT_OF(funcs), operators,
                                             KY_COUNT_OF(operators)};
