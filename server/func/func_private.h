/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/assert.h"
#include "server/func/func.h"

/* What the files of functions share: the shape of their tables and the signatures. */

struct operator_row {
    struct operator operator;
    oid_t function; /* becomes operator.function when the registry is made */
};

struct func_table {
    const struct func *funcs;
    size_t func_count;
    struct operator_row *operators;
    size_t operator_count;
};

#define ARGS(...)                                                                              \
    .arg_count = (uint8_t)KY_COUNT_OF(((const oid_t[]){__VA_ARGS__})), .args = (const oid_t[]) \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }
#define NO_ARGS .arg_count = 0, .args = NULL
#define FUNC_ROW(kind_, oid_, name_, result_, volatility_, strict_, args_, ...)   \
    {                                                                             \
        .oid = oid_, .name = name_, .result = result_, .volatility = volatility_, \
        .is_strict = strict_, .kind = kind_, args_, __VA_ARGS__                   \
    }
#define FUNC(...) FUNC_ROW(FUNC_SCALAR, __VA_ARGS__)
#define AGGREGATE(...) FUNC_ROW(FUNC_AGGREGATE, __VA_ARGS__)
#define WINDOW(...) FUNC_ROW(FUNC_WINDOW, __VA_ARGS__)
#define OPERATOR(oid_, name_, left_, right_, result_, function_, commutator_, negator_, strategy_, \
                 hashable_)                                                                        \
    {                                                                                              \
        .operator= {.oid = oid_,                                                                   \
                    .name = name_,                                                                 \
                    .left = left_,                                                                 \
                    .right = right_,                                                               \
                    .result = result_,                                                             \
                    .commutator = commutator_,                                                     \
                    .negator = negator_,                                                           \
                    .strategy = strategy_,                                                         \
                    .is_hashable = hashable_},                                                     \
        .function = function_                                                                      \
    }

/* The head of a scalar function, of a kernel. */
#define SCALAR(name)                                                                          \
    static ky_status name(struct func_env *env KY_UNUSED, const struct datum *args KY_UNUSED, \
                          int arg_count KY_UNUSED, struct datum *out,                         \
                          struct ky_error *err KY_UNUSED)
#define KERNEL(name)                                                                          \
    static ky_status name(struct func_env *env KY_UNUSED, const struct column *args,          \
                          int arg_count KY_UNUSED, const uint16_t *selection, uint32_t count, \
                          struct column *out, struct ky_error *err KY_UNUSED)

/* Runs body for each place of the selection; the straight loop is the one that vectorises. */
#define EACH_PLACE(i, body)                             \
    if (selection == NULL) {                            \
        for (uint32_t i = 0; i < count; i++) {          \
            body;                                       \
        }                                               \
    } else {                                            \
        for (uint32_t row_ = 0; row_ < count; row_++) { \
            const uint32_t i = selection[row_];         \
            body;                                       \
        }                                               \
    }

/* A function of two words (of two doubles) that cannot fail, as scalar and kernel. The result is
 * a word; expression uses a and b. */
#define BINARY_TOTAL(name, field, ctype, result_field, expression)                                 \
    SCALAR(name)                                                                                   \
    {                                                                                              \
        const ctype a = args[0].field;                                                             \
        const ctype b = args[1].field;                                                             \
        *out = (struct datum){.result_field = (expression)};                                       \
        return KY_OK;                                                                              \
    }                                                                                              \
    KERNEL(name##_kernel)                                                                          \
    {                                                                                              \
        const ctype *left = args[0].field;                                                         \
        const ctype *right = args[1].field;                                                        \
        __typeof__(out->result_field) result = out->result_field;                                  \
        EACH_PLACE(i, const ctype a = left[i]; const ctype b = right[i]; result[i] = (expression)) \
        return KY_OK;                                                                              \
    }

/* PostgreSQL's order of floats: NaN equals NaN and is above everything. */
static inline int
float_compare(double a, double b)
{
    if (__builtin_isnan(a)) {
        return __builtin_isnan(b) ? 0 : 1;
    }
    if (__builtin_isnan(b)) {
        return -1;
    }
    return (a > b) - (a < b);
}

/* The type of an argument, as called if the caller said so, else as declared. */
static inline const struct type *
func_arg_type(const struct func_env *env, int index)
{
    return env->arg_types == NULL ? NULL : env->arg_types[index];
}

/* Compares two values of a type known by OID. */
static inline int
compare_as(oid_t oid, struct datum a, struct datum b)
{
    const struct type *type = type_get(oid);
    return type->compare(type, a, b);
}

/* An arena copy of a buffer's content, as a datum; empties and frees the buffer. */
struct datum func_take_buffer(struct func_env *env, struct ky_buffer *buffer);
/* A 128-bit integer as numeric. */
struct ky_slice func_numeric_from_int128(struct ky_arena *arena, __int128 value);
/* The array type of an array value. */
const struct type *func_array_type(struct ky_slice array);
/* The text form of a value, in the arena. */
struct ky_slice func_output(struct func_env *env, const struct type *type, struct datum value);

/* The files' tables. */
#define FUNC_TABLES(X)  \
    X(compare)          \
    X(compare_datetime) \
    X(int)              \
    X(float)            \
    X(numeric)          \
    X(bool)             \
    X(text)             \
    X(like)             \
    X(regex_func)       \
    X(interval)         \
    X(datetime)         \
    X(datetime_unit)    \
    X(array)            \
    X(set)              \
    X(json)             \
    X(vector)           \
    X(vector_call)      \
    X(halfvec)          \
    X(sparsevec)        \
    X(bit)              \
    X(enum)             \
    X(window)           \
    X(string)           \
    X(system)           \
    X(size)             \
    X(lsn)              \
    X(ident)            \
    X(clock)            \
    X(support)          \
    X(hash)             \
    X(convert)          \
    X(degree)           \
    X(aggregate_rank)   \
    X(timetz)           \
    X(overlaps)         \
    X(json_object)      \
    X(jsonb)            \
    X(jsonpath)         \
    X(json_record)      \
    X(encode)           \
    X(cast_call)        \
    X(type_call)        \
    X(uuid)             \
    X(to_char)          \
    X(to_number)        \
    X(aggregate_basic)  \
    X(aggregate_minmax) X(aggregate_statistics) X(aggregate_collect) X(aggregate_ordered) X(record)
#define DECLARE_TABLE(name) extern const struct func_table func_table_##name;
FUNC_TABLES(DECLARE_TABLE)
#undef DECLARE_TABLE
