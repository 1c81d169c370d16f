/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/func_private.h"
#include "server/types/array.h"
#include "server/types/user_type.h"

/* Enums: their order, and the labels there are. A value is its place in the order, so comparisons
 * are those of words; which enum is meant only the type of an argument says. */

#define ENUM_COMPARISON(name, sign) BINARY_TOTAL(name, word, int64_t, word, a sign b)
ENUM_COMPARISON(enum_eq, ==)
ENUM_COMPARISON(enum_ne, !=)
ENUM_COMPARISON(enum_lt, <)
ENUM_COMPARISON(enum_le, <=)
ENUM_COMPARISON(enum_gt, >)
ENUM_COMPARISON(enum_ge, >=)
BINARY_TOTAL(enum_cmp, word, int64_t, word, (a > b) - (a < b))
BINARY_TOTAL(enum_smaller, word, int64_t, word, KY_MIN(a, b))
BINARY_TOTAL(enum_larger, word, int64_t, word, KY_MAX(a, b))

static ky_status
labels_of(const struct func_env *env, const struct type **type_out,
          const struct enum_labels **labels_out, struct ky_error *err)
{
    const struct type *type = func_arg_type(env, 0);
    if (type == NULL || type->typtype != 'e') {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "could not determine actual enum type");
    }
    *type_out = type;
    *labels_out = enum_labels_of(type, &env->types);
    return KY_OK;
}

static ky_status
end_of(const struct func_env *env, bool is_first, struct datum *out, struct ky_error *err)
{
    const struct type *type;
    const struct enum_labels *labels;
    KY_TRY(labels_of(env, &type, &labels, err));
    if (labels->count == 0) {
        return ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE, "enum %s contains no values",
                            type->sql_name);
    }
    const struct enum_label *label = &labels->labels[is_first ? 0 : labels->count - 1];
    KY_TRY(enum_check_use(type, &env->types, label, err));
    *out = datum_word(label->word);
    return KY_OK;
}

SCALAR(enum_first)
{
    (void)args;
    (void)arg_count;
    return end_of(env, true, out, err);
}

SCALAR(enum_last)
{
    (void)args;
    (void)arg_count;
    return end_of(env, false, out, err);
}

/* All labels from the first argument to the second; null ones are no bounds. */
SCALAR(enum_range)
{
    const struct type *type;
    const struct enum_labels *labels;
    const bool has_bounds = arg_count == 2;
    uint32_t count = 0;
    KY_TRY(labels_of(env, &type, &labels, err));
    struct datum *values = ky_arena_array(env->types.arena, struct datum, labels->count + 1U);
    for (uint32_t i = 0; i < labels->count; i++) {
        const int64_t word = labels->labels[i].word;
        if (has_bounds && ((!args[0].is_null && word < args[0].word) ||
                           (!args[1].is_null && word > args[1].word))) {
            continue;
        }
        KY_TRY(enum_check_use(type, &env->types, &labels->labels[i], err));
        values[count++] = datum_word(word);
    }
    const struct ky_slice array = array_make(env->types.arena, type, values, count);
    *out = datum_bytes(array.data, array.size);
    return KY_OK;
}

/* Facts as in pg_proc and pg_operator. */
#define PAIR ARGS(OID_ANYENUM, OID_ANYENUM)
static const struct func funcs[] = {
    FUNC(3508, "enum_eq", OID_BOOL, 'i', true, PAIR, .scalar = enum_eq, .kernel = enum_eq_kernel),
    FUNC(3509, "enum_ne", OID_BOOL, 'i', true, PAIR, .scalar = enum_ne, .kernel = enum_ne_kernel),
    FUNC(3510, "enum_lt", OID_BOOL, 'i', true, PAIR, .scalar = enum_lt, .kernel = enum_lt_kernel),
    FUNC(3511, "enum_gt", OID_BOOL, 'i', true, PAIR, .scalar = enum_gt, .kernel = enum_gt_kernel),
    FUNC(3512, "enum_le", OID_BOOL, 'i', true, PAIR, .scalar = enum_le, .kernel = enum_le_kernel),
    FUNC(3513, "enum_ge", OID_BOOL, 'i', true, PAIR, .scalar = enum_ge, .kernel = enum_ge_kernel),
    FUNC(3514, "enum_cmp", OID_INT4, 'i', true, PAIR, .scalar = enum_cmp,
         .kernel = enum_cmp_kernel),
    FUNC(3524, "enum_smaller", OID_ANYENUM, 'i', true, PAIR, .scalar = enum_smaller,
         .kernel = enum_smaller_kernel),
    FUNC(3525, "enum_larger", OID_ANYENUM, 'i', true, PAIR, .scalar = enum_larger,
         .kernel = enum_larger_kernel),
    FUNC(3528, "enum_first", OID_ANYENUM, 's', false, ARGS(OID_ANYENUM), .scalar = enum_first),
    FUNC(3529, "enum_last", OID_ANYENUM, 's', false, ARGS(OID_ANYENUM), .scalar = enum_last),
    FUNC(3530, "enum_range", OID_ANYARRAY, 's', false, PAIR, .scalar = enum_range),
    FUNC(3531, "enum_range", OID_ANYARRAY, 's', false, ARGS(OID_ANYENUM), .scalar = enum_range),
};

#define ENUM_OPERATOR(oid, name, function, commutator, negator, strategy, is_hashable)     \
    OPERATOR(oid, name, OID_ANYENUM, OID_ANYENUM, OID_BOOL, function, commutator, negator, \
             strategy, is_hashable)
static struct operator_row operators[] = {
    ENUM_OPERATOR(3516, "=", 3508, 3516, 3517, 3, true),
    ENUM_OPERATOR(3517, "<>", 3509, 3517, 3516, 0, false),
    ENUM_OPERATOR(3518, "<", 3510, 3519, 3521, 1, false),
    ENUM_OPERATOR(3519, ">", 3511, 3518, 3520, 5, false),
    ENUM_OPERATOR(3520, "<=", 3512, 3521, 3519, 2, false),
    ENUM_OPERATOR(3521, ">=", 3513, 3520, 3518, 4, false),
};

const struct func_table func_table_enum = {funcs, KY_COUNT_OF(funcs), operators,
                                           KY_COUNT_OF(operators)};
