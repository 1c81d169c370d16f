/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/record.h"

#include "server/func/func_private.h"
#include "server/func/json_text.h"

/* Rows as values: comparing them, and what they are as JSON. */

static ky_status
compare_records(struct datum a, struct datum b, int *order_out, struct ky_error *err)
{
    struct record_view x;
    struct record_view y;
    record_open(a.bytes, &x);
    record_open(b.bytes, &y);
    if (x.count != y.count) {
        return ky_error_set(err, KY_DATATYPE_MISMATCH,
                            "cannot compare record types with different numbers of columns");
    }
    for (uint32_t i = 0; i < x.count; i++) {
        const struct record_field left = record_next(&x);
        const struct record_field right = record_next(&y);
        if (left.type != right.type) {
            return ky_error_set(
                err, KY_DATATYPE_MISMATCH,
                "cannot compare dissimilar column types %s and %s at record column %u",
                left.type->sql_name, right.type->sql_name, i + 1);
        }
        if (left.type->compare == NULL) {
            return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                                "could not identify a comparison function for type %s",
                                left.type->sql_name);
        }
    }
    const struct type *type = type_get(OID_RECORD);
    *order_out = type->compare(type, a, b);
    return KY_OK;
}

#define RECORD_COMPARISON(name, sign)                           \
    SCALAR(name)                                                \
    {                                                           \
        int order;                                              \
        KY_TRY(compare_records(args[0], args[1], &order, err)); \
        *out = datum_word(order sign 0);                        \
        return KY_OK;                                           \
    }
RECORD_COMPARISON(record_eq, ==)
RECORD_COMPARISON(record_ne, !=)
RECORD_COMPARISON(record_lt, <)
RECORD_COMPARISON(record_gt, >)
RECORD_COMPARISON(record_le, <=)
RECORD_COMPARISON(record_ge, >=)

/* As stored: 1.0 and 1.00 differ, and a type without an order will do. Two nulls are alike. */
static bool
has_equal_image(struct datum a, struct datum b)
{
    struct record_view x;
    struct record_view y;
    record_open(a.bytes, &x);
    record_open(b.bytes, &y);
    bool is_equal = x.count == y.count;
    for (uint32_t i = 0; is_equal && i < x.count; i++) {
        const struct record_field left = record_next(&x);
        const struct record_field right = record_next(&y);
        is_equal = left.type == right.type && left.value.is_null == right.value.is_null &&
                   (left.value.is_null || (left.type->storage == TYPE_BYTES
                                               ? ky_slice_equal(left.value.bytes, right.value.bytes)
                                               : left.value.word == right.value.word));
    }
    return is_equal;
}

SCALAR(record_image_eq)
{
    *out = datum_word(has_equal_image(args[0], args[1]));
    return KY_OK;
}

SCALAR(record_image_ne)
{
    *out = datum_word(!has_equal_image(args[0], args[1]));
    return KY_OK;
}

SCALAR(row_to_json)
{
    struct ky_buffer text = {0};
    const bool is_pretty = arg_count > 1 && args[1].word != 0;
    ky_status status = json_append_record(env, args[0].bytes, is_pretty ? ",\n " : ",", &text, err);
    if (status == KY_OK) {
        struct ky_slice kept = ky_slice_dup(env->types.arena, ky_buffer_slice(&text));
        *out = datum_bytes(kept.data, kept.size);
    }
    ky_buffer_deinit(&text);
    return status;
}

/* Facts as in pg_proc. */
#define PAIR ARGS(OID_RECORD, OID_RECORD)
static const struct func funcs[] = {
    FUNC(2981, "record_eq", OID_BOOL, 'i', true, PAIR, .scalar = record_eq),
    FUNC(2982, "record_ne", OID_BOOL, 'i', true, PAIR, .scalar = record_ne),
    FUNC(2983, "record_lt", OID_BOOL, 'i', true, PAIR, .scalar = record_lt),
    FUNC(2984, "record_gt", OID_BOOL, 'i', true, PAIR, .scalar = record_gt),
    FUNC(2985, "record_le", OID_BOOL, 'i', true, PAIR, .scalar = record_le),
    FUNC(2986, "record_ge", OID_BOOL, 'i', true, PAIR, .scalar = record_ge),
    FUNC(3181, "record_image_eq", OID_BOOL, 'i', true, PAIR, .scalar = record_image_eq),
    FUNC(3182, "record_image_ne", OID_BOOL, 'i', true, PAIR, .scalar = record_image_ne),
    FUNC(3155, "row_to_json", OID_JSON, 's', true, ARGS(OID_RECORD), .scalar = row_to_json),
    FUNC(3156, "row_to_json", OID_JSON, 's', true, ARGS(OID_RECORD, OID_BOOL),
         .scalar = row_to_json),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(2988, "=", OID_RECORD, OID_RECORD, OID_BOOL, 2981, 2988, 2989, 3, true),
    OPERATOR(2989, "<>", OID_RECORD, OID_RECORD, OID_BOOL, 2982, 2989, 2988, 0, false),
    OPERATOR(2990, "<", OID_RECORD, OID_RECORD, OID_BOOL, 2983, 2991, 2993, 1, false),
    OPERATOR(2991, ">", OID_RECORD, OID_RECORD, OID_BOOL, 2984, 2990, 2992, 5, false),
    OPERATOR(2992, "<=", OID_RECORD, OID_RECORD, OID_BOOL, 2985, 2993, 2991, 2, false),
    OPERATOR(2993, ">=", OID_RECORD, OID_RECORD, OID_BOOL, 2986, 2992, 2990, 4, false),
    OPERATOR(3188, "*=", OID_RECORD, OID_RECORD, OID_BOOL, 3181, 3188, 3189, 0, false),
    OPERATOR(3189, "*<>", OID_RECORD, OID_RECORD, OID_BOOL, 3182, 3189, 3188, 0, false),
};

const struct func_table func_table_record = {funcs, KY_COUNT_OF(funcs), operators,
                                             KY_COUNT_OF(operators)};
