/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/aggregate.h"

/* min, max, bit_and, bit_or, bit_xor, bool_and, bool_or, every, any_value-like folds: a state that
 * is one value of the argument's type. */

void
held_bytes_set(struct held_bytes *held, struct ky_arena *arena, struct ky_slice value)
{
    if (held->data == NULL || held->capacity < value.size) {
        held->capacity = KY_MAX(value.size + value.size / 2, (size_t)16);
        held->data = ky_arena_alloc(arena, held->capacity);
    }
    if (value.size > 0) {
        memcpy(held->data, value.data, value.size);
    }
    held->size = value.size;
}

struct fold_state {
    bool has_value;
    union {
        int64_t word;
        double real;
    };
};

/* value is the new one, kept the one so far. */
#define FOLD(name, field, ctype, expression)                                               \
    static inline void name##_one(struct fold_state *fold, ctype value)                    \
    {                                                                                      \
        const ctype kept = fold->has_value ? fold->field : value;                          \
        fold->field = (expression);                                                        \
        fold->has_value = true;                                                            \
    }                                                                                      \
    AGGREGATE_ADD(name##_add)                                                              \
    {                                                                                      \
        name##_one(state, args[0].field);                                                  \
        return KY_OK;                                                                      \
    }                                                                                      \
    static ky_status name##_add_column(struct func_env *env KY_UNUSED, void *state,        \
                                       const struct column *args, int arg_count KY_UNUSED, \
                                       const uint16_t *selection, uint32_t count,          \
                                       struct ky_error *err KY_UNUSED)                     \
    {                                                                                      \
        const ctype *values = args[0].field;                                               \
        EACH_PLACE(i, name##_one(state, values[i]))                                        \
        return KY_OK;                                                                      \
    }                                                                                      \
    AGGREGATE_COMBINE(name##_combine)                                                      \
    {                                                                                      \
        const struct fold_state *part = other;                                             \
        if (part->has_value) {                                                             \
            name##_one(state, part->field);                                                \
        }                                                                                  \
        return KY_OK;                                                                      \
    }                                                                                      \
    static const struct func_aggregate name = {                                            \
        .state_size = sizeof(struct fold_state),                                           \
        .add = name##_add,                                                                 \
        .add_column = name##_add_column,                                                   \
        .finish = fold_finish,                                                             \
        .combine = name##_combine,                                                         \
        .skips_nulls = true,                                                               \
    };

AGGREGATE_FINISH(fold_finish)
{
    const struct fold_state *fold = state;
    /* Word and double share their bits. */
    *out = fold->has_value ? datum_word(fold->word) : datum_null();
    return KY_OK;
}

FOLD(word_min, word, int64_t, value < kept ? value : kept)
FOLD(word_max, word, int64_t, value > kept ? value : kept)
FOLD(float_min, real, double, float_compare(value, kept) <= 0 ? value : kept)
FOLD(float_max, real, double, float_compare(value, kept) >= 0 ? value : kept)
FOLD(word_and, word, int64_t, value &kept)
FOLD(word_or, word, int64_t, value | kept)

/* bit_xor: the first value must not meet itself. */
AGGREGATE_ADD(word_xor_add)
{
    struct fold_state *fold = state;
    fold->word ^= args[0].word;
    fold->has_value = true;
    return KY_OK;
}

AGGREGATE_COMBINE(word_xor_combine)
{
    struct fold_state *fold = state;
    fold->word ^= ((const struct fold_state *)other)->word;
    fold->has_value |= ((const struct fold_state *)other)->has_value;
    return KY_OK;
}

static const struct func_aggregate word_xor = {
    .state_size = sizeof(struct fold_state),
    .add = word_xor_add,
    .finish = fold_finish,
    .combine = word_xor_combine,
    .skips_nulls = true,
};

/* Values as bytes. The state remembers its type: arrays say theirs themselves. */
struct bytes_state {
    struct held_bytes value;
    bool has_value;
};

AGGREGATE_FINISH(bytes_finish)
{
    const struct bytes_state *kept = state;
    *out = datum_null();
    if (kept->has_value) {
        *out = datum_bytes(kept->value.data, kept->value.size);
    }
    return KY_OK;
}

/* Of equal values that look different (1.0 and 1.00) the last one stays; of bpchar the first. */
static void
bytes_fold(struct func_env *env, struct bytes_state *kept, const struct type *type, int sign,
           struct ky_slice value)
{
    struct datum candidate = {.bytes = value};
    struct datum current = datum_bytes(kept->value.data, kept->value.size);
    const int least = type->oid == OID_BPCHAR ? 1 : 0;
    if (!kept->has_value || sign * type->compare(type, candidate, current) >= least) {
        held_bytes_set(&kept->value, env->types.arena, value);
        kept->has_value = true;
    }
}

#define BYTES_FOLD(name, type_expression, sign)                                         \
    AGGREGATE_ADD(name##_add)                                                           \
    {                                                                                   \
        const struct ky_slice value = args[0].bytes;                                    \
        bytes_fold(env, state, type_expression, sign, value);                           \
        return KY_OK;                                                                   \
    }                                                                                   \
    AGGREGATE_COMBINE(name##_combine)                                                   \
    {                                                                                   \
        const struct bytes_state *part = other;                                         \
        if (part->has_value) {                                                          \
            const struct ky_slice value = ky_slice(part->value.data, part->value.size); \
            bytes_fold(env, state, type_expression, sign, value);                       \
        }                                                                               \
        return KY_OK;                                                                   \
    }                                                                                   \
    static const struct func_aggregate name = {                                         \
        .state_size = sizeof(struct bytes_state),                                       \
        .add = name##_add,                                                              \
        .finish = bytes_finish,                                                         \
        .combine = name##_combine,                                                      \
        .skips_nulls = true,                                                            \
    };
#define BYTES_FOLDS(prefix, type_expression)      \
    BYTES_FOLD(prefix##_min, type_expression, -1) \
    BYTES_FOLD(prefix##_max, type_expression, 1)
BYTES_FOLDS(text, type_get(OID_TEXT))
BYTES_FOLDS(bpchar, type_get(OID_BPCHAR))
BYTES_FOLDS(numeric, type_get(OID_NUMERIC))
BYTES_FOLDS(interval, type_get(OID_INTERVAL))
BYTES_FOLDS(timetz, type_get(OID_TIMETZ))
BYTES_FOLDS(array, func_array_type(value))

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    AGGREGATE(2133, "min", OID_INT2, 'i', false, ARGS(OID_INT2), .aggregate = &word_min),
    AGGREGATE(2117, "max", OID_INT2, 'i', false, ARGS(OID_INT2), .aggregate = &word_max),
    AGGREGATE(2132, "min", OID_INT4, 'i', false, ARGS(OID_INT4), .aggregate = &word_min),
    AGGREGATE(2116, "max", OID_INT4, 'i', false, ARGS(OID_INT4), .aggregate = &word_max),
    AGGREGATE(2131, "min", OID_INT8, 'i', false, ARGS(OID_INT8), .aggregate = &word_min),
    AGGREGATE(2115, "max", OID_INT8, 'i', false, ARGS(OID_INT8), .aggregate = &word_max),
    AGGREGATE(2134, "min", OID_OID, 'i', false, ARGS(OID_OID), .aggregate = &word_min),
    AGGREGATE(2118, "max", OID_OID, 'i', false, ARGS(OID_OID), .aggregate = &word_max),
    AGGREGATE(2798, "min", OID_TID, 'i', false, ARGS(OID_TID), .aggregate = &word_min),
    AGGREGATE(2797, "max", OID_TID, 'i', false, ARGS(OID_TID), .aggregate = &word_max),
    AGGREGATE(4190, "min", OID_PG_LSN, 'i', false, ARGS(OID_PG_LSN), .aggregate = &word_min),
    AGGREGATE(4189, "max", OID_PG_LSN, 'i', false, ARGS(OID_PG_LSN), .aggregate = &word_max),
    AGGREGATE(5100, "min", OID_XID8, 'i', false, ARGS(OID_XID8), .aggregate = &word_min),
    AGGREGATE(5099, "max", OID_XID8, 'i', false, ARGS(OID_XID8), .aggregate = &word_max),
    AGGREGATE(2138, "min", OID_DATE, 'i', false, ARGS(OID_DATE), .aggregate = &word_min),
    AGGREGATE(2122, "max", OID_DATE, 'i', false, ARGS(OID_DATE), .aggregate = &word_max),
    AGGREGATE(2139, "min", OID_TIME, 'i', false, ARGS(OID_TIME), .aggregate = &word_min),
    AGGREGATE(2123, "max", OID_TIME, 'i', false, ARGS(OID_TIME), .aggregate = &word_max),
    AGGREGATE(2142, "min", OID_TIMESTAMP, 'i', false, ARGS(OID_TIMESTAMP), .aggregate = &word_min),
    AGGREGATE(2126, "max", OID_TIMESTAMP, 'i', false, ARGS(OID_TIMESTAMP), .aggregate = &word_max),
    AGGREGATE(2143, "min", OID_TIMESTAMPTZ, 'i', false, ARGS(OID_TIMESTAMPTZ),
              .aggregate = &word_min),
    AGGREGATE(2127, "max", OID_TIMESTAMPTZ, 'i', false, ARGS(OID_TIMESTAMPTZ),
              .aggregate = &word_max),
    AGGREGATE(2135, "min", OID_FLOAT4, 'i', false, ARGS(OID_FLOAT4), .aggregate = &float_min),
    AGGREGATE(2119, "max", OID_FLOAT4, 'i', false, ARGS(OID_FLOAT4), .aggregate = &float_max),
    AGGREGATE(2136, "min", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8), .aggregate = &float_min),
    AGGREGATE(2120, "max", OID_FLOAT8, 'i', false, ARGS(OID_FLOAT8), .aggregate = &float_max),
    AGGREGATE(2145, "min", OID_TEXT, 'i', false, ARGS(OID_TEXT), .aggregate = &text_min),
    AGGREGATE(2129, "max", OID_TEXT, 'i', false, ARGS(OID_TEXT), .aggregate = &text_max),
    AGGREGATE(2245, "min", OID_BPCHAR, 'i', false, ARGS(OID_BPCHAR), .aggregate = &bpchar_min),
    AGGREGATE(2244, "max", OID_BPCHAR, 'i', false, ARGS(OID_BPCHAR), .aggregate = &bpchar_max),
    AGGREGATE(2146, "min", OID_NUMERIC, 'i', false, ARGS(OID_NUMERIC), .aggregate = &numeric_min),
    AGGREGATE(2130, "max", OID_NUMERIC, 'i', false, ARGS(OID_NUMERIC), .aggregate = &numeric_max),
    AGGREGATE(2144, "min", OID_INTERVAL, 'i', false, ARGS(OID_INTERVAL),
              .aggregate = &interval_min),
    AGGREGATE(2128, "max", OID_INTERVAL, 'i', false, ARGS(OID_INTERVAL),
              .aggregate = &interval_max),
    AGGREGATE(2140, "min", OID_TIMETZ, 'i', false, ARGS(OID_TIMETZ), .aggregate = &timetz_min),
    AGGREGATE(2124, "max", OID_TIMETZ, 'i', false, ARGS(OID_TIMETZ), .aggregate = &timetz_max),
    AGGREGATE(2051, "min", OID_ANYARRAY, 'i', false, ARGS(OID_ANYARRAY), .aggregate = &array_min),
    AGGREGATE(2050, "max", OID_ANYARRAY, 'i', false, ARGS(OID_ANYARRAY), .aggregate = &array_max),
    AGGREGATE(3527, "min", OID_ANYENUM, 'i', false, ARGS(OID_ANYENUM), .aggregate = &word_min),
    AGGREGATE(3526, "max", OID_ANYENUM, 'i', false, ARGS(OID_ANYENUM), .aggregate = &word_max),
    AGGREGATE(2236, "bit_and", OID_INT2, 'i', false, ARGS(OID_INT2), .aggregate = &word_and),
    AGGREGATE(2237, "bit_or", OID_INT2, 'i', false, ARGS(OID_INT2), .aggregate = &word_or),
    AGGREGATE(6164, "bit_xor", OID_INT2, 'i', false, ARGS(OID_INT2), .aggregate = &word_xor),
    AGGREGATE(2238, "bit_and", OID_INT4, 'i', false, ARGS(OID_INT4), .aggregate = &word_and),
    AGGREGATE(2239, "bit_or", OID_INT4, 'i', false, ARGS(OID_INT4), .aggregate = &word_or),
    AGGREGATE(6165, "bit_xor", OID_INT4, 'i', false, ARGS(OID_INT4), .aggregate = &word_xor),
    AGGREGATE(2240, "bit_and", OID_INT8, 'i', false, ARGS(OID_INT8), .aggregate = &word_and),
    AGGREGATE(2241, "bit_or", OID_INT8, 'i', false, ARGS(OID_INT8), .aggregate = &word_or),
    AGGREGATE(6166, "bit_xor", OID_INT8, 'i', false, ARGS(OID_INT8), .aggregate = &word_xor),
    AGGREGATE(2517, "bool_and", OID_BOOL, 'i', false, ARGS(OID_BOOL), .aggregate = &word_and),
    AGGREGATE(2519, "every", OID_BOOL, 'i', false, ARGS(OID_BOOL), .aggregate = &word_and),
    AGGREGATE(2518, "bool_or", OID_BOOL, 'i', false, ARGS(OID_BOOL), .aggregate = &word_or),
};

const struct func_table func_table_aggregate_minmax = {funcs, KY_COUNT_OF(funcs), NULL, 0};
