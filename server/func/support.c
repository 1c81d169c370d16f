/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/func_private.h"
#include "server/func/utext.h"

/*
 * What btree indexes order by and aggregates keep, under the names of PostgreSQL's support
 * functions. The server itself compares through the types; these are for who calls them.
 */

SCALAR(word_cmp)
{
    *out = datum_word((args[0].word > args[1].word) - (args[0].word < args[1].word));
    return KY_OK;
}

SCALAR(word_difference)
{
    *out = datum_word(args[0].word - args[1].word);
    return KY_OK;
}

SCALAR(char_difference)
{
    *out = datum_word((int64_t)(uint8_t)args[0].word - (int64_t)(uint8_t)args[1].word);
    return KY_OK;
}

SCALAR(real_cmp)
{
    *out = datum_word(float_compare(args[0].real, args[1].real));
    return KY_OK;
}

/* The difference of the first bytes that differ; one that ends there has `end` in place of it, or
 * decides by its size. */
static int64_t
difference(struct ky_slice a, struct ky_slice b, bool has_end)
{
    const uint8_t *left = a.data;
    const uint8_t *right = b.data;
    const size_t shared = KY_MIN(a.size, b.size);
    for (size_t i = 0; i < shared; i++) {
        if (left[i] != right[i]) {
            return (int64_t)left[i] - (int64_t)right[i];
        }
    }
    if (has_end && a.size != b.size) {
        return a.size > b.size ? left[shared] : -(int64_t)right[shared];
    }
    return (a.size > b.size) - (a.size < b.size);
}

static struct ky_slice
without_blanks(struct ky_slice text)
{
    while (text.size > 0 && ((const char *)text.data)[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

SCALAR(bytes_cmp)
{
    *out = datum_word(difference(args[0].bytes, args[1].bytes, false));
    return KY_OK;
}

SCALAR(text_cmp)
{
    const struct type *type = func_arg_type(env, 0);
    const bool is_blank = type != NULL && type->oid == OID_BPCHAR;
    *out = datum_word(
        is_blank ? difference(without_blanks(args[0].bytes), without_blanks(args[1].bytes), true)
                 : difference(args[0].bytes, args[1].bytes, true));
    return KY_OK;
}

SCALAR(bpchar_bytes_cmp)
{
    *out =
        datum_word(difference(without_blanks(args[0].bytes), without_blanks(args[1].bytes), false));
    return KY_OK;
}

static ky_status
order_of(struct func_env *env, const struct datum *args, int *order_out, struct ky_error *err)
{
    const struct type *type = func_arg_type(env, 0);
    if (type == NULL || type->compare == NULL) {
        return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                            "could not identify a comparison function for type %s",
                            type == NULL ? "unknown" : type->sql_name);
    }
    const int order = type->compare(type, args[0], args[1]);
    *order_out = (order > 0) - (order < 0);
    return KY_OK;
}

SCALAR(typed_cmp)
{
    int order;
    KY_TRY(order_of(env, args, &order, err));
    *out = datum_word(order);
    return KY_OK;
}

SCALAR(larger)
{
    int order;
    KY_TRY(order_of(env, args, &order, err));
    *out = args[order >= 0 ? 0 : 1];
    return KY_OK;
}

SCALAR(smaller)
{
    int order;
    KY_TRY(order_of(env, args, &order, err));
    *out = args[order <= 0 ? 0 : 1];
    return KY_OK;
}

#define LARGER(oid, name, type, scalar_) \
    FUNC(oid, name, type, 'i', true, ARGS(type, type), .scalar = scalar_)

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1078, "bpcharcmp", OID_INT4, 'i', true, ARGS(OID_BPCHAR, OID_BPCHAR), .scalar = text_cmp),
    FUNC(1693, "btboolcmp", OID_INT4, 'i', true, ARGS(OID_BOOL, OID_BOOL), .scalar = word_cmp),
    FUNC(358, "btcharcmp", OID_INT4, 'i', true, ARGS(OID_CHAR, OID_CHAR),
         .scalar = char_difference),
    FUNC(2194, "btfloat48cmp", OID_INT4, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT8),
         .scalar = real_cmp),
    FUNC(354, "btfloat4cmp", OID_INT4, 'i', true, ARGS(OID_FLOAT4, OID_FLOAT4), .scalar = real_cmp),
    FUNC(2195, "btfloat84cmp", OID_INT4, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT4),
         .scalar = real_cmp),
    FUNC(355, "btfloat8cmp", OID_INT4, 'i', true, ARGS(OID_FLOAT8, OID_FLOAT8), .scalar = real_cmp),
    FUNC(2190, "btint24cmp", OID_INT4, 'i', true, ARGS(OID_INT2, OID_INT4), .scalar = word_cmp),
    FUNC(2192, "btint28cmp", OID_INT4, 'i', true, ARGS(OID_INT2, OID_INT8), .scalar = word_cmp),
    FUNC(350, "btint2cmp", OID_INT4, 'i', true, ARGS(OID_INT2, OID_INT2),
         .scalar = word_difference),
    FUNC(2191, "btint42cmp", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT2), .scalar = word_cmp),
    FUNC(351, "btint4cmp", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = word_cmp),
    FUNC(2188, "btint48cmp", OID_INT4, 'i', true, ARGS(OID_INT4, OID_INT8), .scalar = word_cmp),
    FUNC(2193, "btint82cmp", OID_INT4, 'i', true, ARGS(OID_INT8, OID_INT2), .scalar = word_cmp),
    FUNC(2189, "btint84cmp", OID_INT4, 'i', true, ARGS(OID_INT8, OID_INT4), .scalar = word_cmp),
    FUNC(842, "btint8cmp", OID_INT4, 'i', true, ARGS(OID_INT8, OID_INT8), .scalar = word_cmp),
    FUNC(359, "btnamecmp", OID_INT4, 'i', true, ARGS(OID_NAME, OID_NAME), .scalar = text_cmp),
    FUNC(246, "btnametextcmp", OID_INT4, 'i', true, ARGS(OID_NAME, OID_TEXT), .scalar = bytes_cmp),
    FUNC(356, "btoidcmp", OID_INT4, 'i', true, ARGS(OID_OID, OID_OID), .scalar = word_cmp),
    FUNC(404, "btoidvectorcmp", OID_INT4, 'i', true, ARGS(OID_OIDVECTOR, OID_OIDVECTOR),
         .scalar = typed_cmp),
    FUNC(2166, "bttext_pattern_cmp", OID_INT4, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = bytes_cmp),
    FUNC(360, "bttextcmp", OID_INT4, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = text_cmp),
    FUNC(253, "bttextnamecmp", OID_INT4, 'i', true, ARGS(OID_TEXT, OID_NAME), .scalar = bytes_cmp),
    FUNC(2794, "bttidcmp", OID_INT4, 'i', true, ARGS(OID_TID, OID_TID), .scalar = typed_cmp),
    FUNC(1954, "byteacmp", OID_INT4, 'i', true, ARGS(OID_BYTEA, OID_BYTEA), .scalar = bytes_cmp),
    FUNC(1092, "date_cmp", OID_INT4, 'i', true, ARGS(OID_DATE, OID_DATE), .scalar = word_cmp),
    FUNC(1315, "interval_cmp", OID_INT4, 'i', true, ARGS(OID_INTERVAL, OID_INTERVAL),
         .scalar = typed_cmp),
    FUNC(4044, "jsonb_cmp", OID_INT4, 'i', true, ARGS(OID_JSONB, OID_JSONB), .scalar = typed_cmp),
    FUNC(1769, "numeric_cmp", OID_INT4, 'i', true, ARGS(OID_NUMERIC, OID_NUMERIC),
         .scalar = typed_cmp),
    FUNC(3251, "pg_lsn_cmp", OID_INT4, 'i', true, ARGS(OID_PG_LSN, OID_PG_LSN),
         .scalar = typed_cmp),
    FUNC(1107, "time_cmp", OID_INT4, 'i', true, ARGS(OID_TIME, OID_TIME), .scalar = word_cmp),
    FUNC(2045, "timestamp_cmp", OID_INT4, 'i', true, ARGS(OID_TIMESTAMP, OID_TIMESTAMP),
         .scalar = word_cmp),
    FUNC(1314, "timestamptz_cmp", OID_INT4, 'i', true, ARGS(OID_TIMESTAMPTZ, OID_TIMESTAMPTZ),
         .scalar = word_cmp),
    FUNC(1358, "timetz_cmp", OID_INT4, 'i', true, ARGS(OID_TIMETZ, OID_TIMETZ),
         .scalar = typed_cmp),
    FUNC(2960, "uuid_cmp", OID_INT4, 'i', true, ARGS(OID_UUID, OID_UUID), .scalar = bytes_cmp),
    FUNC(5096, "xid8cmp", OID_INT4, 'i', true, ARGS(OID_XID8, OID_XID8), .scalar = typed_cmp),
    FUNC(382, "btarraycmp", OID_INT4, 'i', true, ARGS(OID_ANYARRAY, OID_ANYARRAY),
         .scalar = typed_cmp),
    FUNC(2180, "btbpchar_pattern_cmp", OID_INT4, 'i', true, ARGS(OID_BPCHAR, OID_BPCHAR),
         .scalar = bpchar_bytes_cmp),
    LARGER(1063, "bpchar_larger", OID_BPCHAR, larger),
    LARGER(1064, "bpchar_smaller", OID_BPCHAR, smaller),
    LARGER(1138, "date_larger", OID_DATE, larger),
    LARGER(1139, "date_smaller", OID_DATE, smaller),
    LARGER(1965, "oidlarger", OID_OID, larger),
    LARGER(1966, "oidsmaller", OID_OID, smaller),
    LARGER(4187, "pg_lsn_larger", OID_PG_LSN, larger),
    LARGER(4188, "pg_lsn_smaller", OID_PG_LSN, smaller),
    LARGER(2795, "tidlarger", OID_TID, larger),
    LARGER(2796, "tidsmaller", OID_TID, smaller),
    LARGER(1377, "time_larger", OID_TIME, larger),
    LARGER(1378, "time_smaller", OID_TIME, smaller),
    LARGER(2036, "timestamp_larger", OID_TIMESTAMP, larger),
    LARGER(2035, "timestamp_smaller", OID_TIMESTAMP, smaller),
    LARGER(1196, "timestamptz_larger", OID_TIMESTAMPTZ, larger),
    LARGER(1195, "timestamptz_smaller", OID_TIMESTAMPTZ, smaller),
    LARGER(1379, "timetz_larger", OID_TIMETZ, larger),
    LARGER(1380, "timetz_smaller", OID_TIMETZ, smaller),
    LARGER(5097, "xid8_larger", OID_XID8, larger),
    LARGER(5098, "xid8_smaller", OID_XID8, smaller),
    LARGER(515, "array_larger", OID_ANYARRAY, larger),
    LARGER(516, "array_smaller", OID_ANYARRAY, smaller),
};

const struct func_table func_table_support = {funcs, KY_COUNT_OF(funcs), NULL, 0};
