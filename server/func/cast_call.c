/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/func_private.h"
#include "server/types/cast.h"

/*
 * Casts under the names of their functions: date(now()), int4(2.7), timestamp(t, 3). A cast that is
 * written as one never comes here: the executor applies it itself.
 */

SCALAR(call_cast)
{
    const struct type *source = env->arg_types == NULL ? NULL : env->arg_types[0];
    const struct cast *cast = source == NULL || env->result_type == NULL
                                  ? NULL
                                  : cast_find(source->oid, env->result_type->oid);
    if (cast == NULL) {
        return ky_error_set(err, KY_CANNOT_COERCE, "cannot cast the argument's type");
    }
    const int32_t typmod = arg_count > 1 ? (int32_t)args[1].word : -1;
    return cast_apply(cast, &env->types, args[0], typmod, true, out, err);
}

/* The same type with a modifier: a length, a precision. */
SCALAR(call_length)
{
    const struct type *type = env->result_type;
    const int32_t typmod = (int32_t)args[1].word;
    const bool is_explicit = arg_count > 2 && args[2].word != 0;
    *out = args[0];
    return type == NULL || type->coerce == NULL || typmod < 0
               ? KY_OK
               : type->coerce(type, &env->types, args[0], typmod, is_explicit, out, err);
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(77, "int4", OID_INT4, 'i', true, ARGS(OID_CHAR), .scalar = call_cast),
    FUNC(78, "char", OID_CHAR, 'i', true, ARGS(OID_INT4), .scalar = call_cast),
    FUNC(235, "float8", OID_FLOAT8, 'i', true, ARGS(OID_INT2), .scalar = call_cast),
    FUNC(236, "float4", OID_FLOAT4, 'i', true, ARGS(OID_INT2), .scalar = call_cast),
    FUNC(237, "int2", OID_INT2, 'i', true, ARGS(OID_FLOAT8), .scalar = call_cast),
    FUNC(238, "int2", OID_INT2, 'i', true, ARGS(OID_FLOAT4), .scalar = call_cast),
    FUNC(311, "float8", OID_FLOAT8, 'i', true, ARGS(OID_FLOAT4), .scalar = call_cast),
    FUNC(312, "float4", OID_FLOAT4, 'i', true, ARGS(OID_FLOAT8), .scalar = call_cast),
    FUNC(313, "int4", OID_INT4, 'i', true, ARGS(OID_INT2), .scalar = call_cast),
    FUNC(314, "int2", OID_INT2, 'i', true, ARGS(OID_INT4), .scalar = call_cast),
    FUNC(316, "float8", OID_FLOAT8, 'i', true, ARGS(OID_INT4), .scalar = call_cast),
    FUNC(317, "int4", OID_INT4, 'i', true, ARGS(OID_FLOAT8), .scalar = call_cast),
    FUNC(318, "float4", OID_FLOAT4, 'i', true, ARGS(OID_INT4), .scalar = call_cast),
    FUNC(319, "int4", OID_INT4, 'i', true, ARGS(OID_FLOAT4), .scalar = call_cast),
    FUNC(401, "text", OID_TEXT, 'i', true, ARGS(OID_BPCHAR), .scalar = call_cast),
    FUNC(406, "text", OID_TEXT, 'i', true, ARGS(OID_NAME), .scalar = call_cast),
    FUNC(407, "name", OID_NAME, 'i', true, ARGS(OID_TEXT), .scalar = call_cast),
    FUNC(408, "bpchar", OID_BPCHAR, 'i', true, ARGS(OID_NAME), .scalar = call_cast),
    FUNC(409, "name", OID_NAME, 'i', true, ARGS(OID_BPCHAR), .scalar = call_cast),
    FUNC(480, "int4", OID_INT4, 'i', true, ARGS(OID_INT8), .scalar = call_cast),
    FUNC(481, "int8", OID_INT8, 'i', true, ARGS(OID_INT4), .scalar = call_cast),
    FUNC(482, "float8", OID_FLOAT8, 'i', true, ARGS(OID_INT8), .scalar = call_cast),
    FUNC(483, "int8", OID_INT8, 'i', true, ARGS(OID_FLOAT8), .scalar = call_cast),
    FUNC(652, "float4", OID_FLOAT4, 'i', true, ARGS(OID_INT8), .scalar = call_cast),
    FUNC(653, "int8", OID_INT8, 'i', true, ARGS(OID_FLOAT4), .scalar = call_cast),
    FUNC(668, "bpchar", OID_BPCHAR, 'i', true, ARGS(OID_BPCHAR, OID_INT4, OID_BOOL),
         .scalar = call_length),
    FUNC(669, "varchar", OID_VARCHAR, 'i', true, ARGS(OID_VARCHAR, OID_INT4, OID_BOOL),
         .scalar = call_length),
    FUNC(714, "int2", OID_INT2, 'i', true, ARGS(OID_INT8), .scalar = call_cast),
    FUNC(754, "int8", OID_INT8, 'i', true, ARGS(OID_INT2), .scalar = call_cast),
    FUNC(860, "bpchar", OID_BPCHAR, 'i', true, ARGS(OID_CHAR), .scalar = call_cast),
    FUNC(944, "char", OID_CHAR, 'i', true, ARGS(OID_TEXT), .scalar = call_cast),
    FUNC(946, "text", OID_TEXT, 'i', true, ARGS(OID_CHAR), .scalar = call_cast),
    FUNC(1079, "regclass", OID_REGCLASS, 's', true, ARGS(OID_TEXT), .scalar = call_cast),
    FUNC(1174, "timestamptz", OID_TIMESTAMPTZ, 's', true, ARGS(OID_DATE), .scalar = call_cast),
    FUNC(1178, "date", OID_DATE, 's', true, ARGS(OID_TIMESTAMPTZ), .scalar = call_cast),
    FUNC(1200, "interval", OID_INTERVAL, 'i', true, ARGS(OID_INTERVAL, OID_INT4),
         .scalar = call_length),
    FUNC(1287, "oid", OID_OID, 'i', true, ARGS(OID_INT8), .scalar = call_cast),
    FUNC(1288, "int8", OID_INT8, 'i', true, ARGS(OID_OID), .scalar = call_cast),
    FUNC(1316, "time", OID_TIME, 'i', true, ARGS(OID_TIMESTAMP), .scalar = call_cast),
    FUNC(1370, "interval", OID_INTERVAL, 'i', true, ARGS(OID_TIME), .scalar = call_cast),
    FUNC(1388, "timetz", OID_TIMETZ, 's', true, ARGS(OID_TIMESTAMPTZ), .scalar = call_cast),
    FUNC(1400, "name", OID_NAME, 'i', true, ARGS(OID_VARCHAR), .scalar = call_cast),
    FUNC(1401, "varchar", OID_VARCHAR, 'i', true, ARGS(OID_NAME), .scalar = call_cast),
    FUNC(1419, "time", OID_TIME, 'i', true, ARGS(OID_INTERVAL), .scalar = call_cast),
    FUNC(1683, "bit", OID_BIT, 'i', true, ARGS(OID_INT4, OID_INT4), .scalar = call_cast),
    FUNC(1684, "int4", OID_INT4, 'i', true, ARGS(OID_BIT), .scalar = call_cast),
    FUNC(1685, "bit", OID_BIT, 'i', true, ARGS(OID_BIT, OID_INT4, OID_BOOL), .scalar = call_length),
    FUNC(1687, "varbit", OID_VARBIT, 'i', true, ARGS(OID_VARBIT, OID_INT4, OID_BOOL),
         .scalar = call_length),
    FUNC(1703, "numeric", OID_NUMERIC, 'i', true, ARGS(OID_NUMERIC, OID_INT4),
         .scalar = call_length),
    FUNC(1740, "numeric", OID_NUMERIC, 'i', true, ARGS(OID_INT4), .scalar = call_cast),
    FUNC(1742, "numeric", OID_NUMERIC, 'i', true, ARGS(OID_FLOAT4), .scalar = call_cast),
    FUNC(1743, "numeric", OID_NUMERIC, 'i', true, ARGS(OID_FLOAT8), .scalar = call_cast),
    FUNC(1744, "int4", OID_INT4, 'i', true, ARGS(OID_NUMERIC), .scalar = call_cast),
    FUNC(1745, "float4", OID_FLOAT4, 'i', true, ARGS(OID_NUMERIC), .scalar = call_cast),
    FUNC(1746, "float8", OID_FLOAT8, 'i', true, ARGS(OID_NUMERIC), .scalar = call_cast),
    FUNC(1779, "int8", OID_INT8, 'i', true, ARGS(OID_NUMERIC), .scalar = call_cast),
    FUNC(1781, "numeric", OID_NUMERIC, 'i', true, ARGS(OID_INT8), .scalar = call_cast),
    FUNC(1782, "numeric", OID_NUMERIC, 'i', true, ARGS(OID_INT2), .scalar = call_cast),
    FUNC(1783, "int2", OID_INT2, 'i', true, ARGS(OID_NUMERIC), .scalar = call_cast),
    FUNC(1961, "timestamp", OID_TIMESTAMP, 'i', true, ARGS(OID_TIMESTAMP, OID_INT4),
         .scalar = call_length),
    FUNC(1967, "timestamptz", OID_TIMESTAMPTZ, 'i', true, ARGS(OID_TIMESTAMPTZ, OID_INT4),
         .scalar = call_length),
    FUNC(1968, "time", OID_TIME, 'i', true, ARGS(OID_TIME, OID_INT4), .scalar = call_length),
    FUNC(1969, "timetz", OID_TIMETZ, 'i', true, ARGS(OID_TIMETZ, OID_INT4), .scalar = call_length),
    FUNC(2019, "time", OID_TIME, 's', true, ARGS(OID_TIMESTAMPTZ), .scalar = call_cast),
    FUNC(2024, "timestamp", OID_TIMESTAMP, 'i', true, ARGS(OID_DATE), .scalar = call_cast),
    FUNC(2027, "timestamp", OID_TIMESTAMP, 's', true, ARGS(OID_TIMESTAMPTZ), .scalar = call_cast),
    FUNC(2028, "timestamptz", OID_TIMESTAMPTZ, 's', true, ARGS(OID_TIMESTAMP), .scalar = call_cast),
    FUNC(2029, "date", OID_DATE, 'i', true, ARGS(OID_TIMESTAMP), .scalar = call_cast),
    FUNC(2046, "time", OID_TIME, 'i', true, ARGS(OID_TIMETZ), .scalar = call_cast),
    FUNC(2047, "timetz", OID_TIMETZ, 's', true, ARGS(OID_TIME), .scalar = call_cast),
    FUNC(2075, "bit", OID_BIT, 'i', true, ARGS(OID_INT8, OID_INT4), .scalar = call_cast),
    FUNC(2076, "int8", OID_INT8, 'i', true, ARGS(OID_BIT), .scalar = call_cast),
    FUNC(2557, "bool", OID_BOOL, 'i', true, ARGS(OID_INT4), .scalar = call_cast),
    FUNC(2558, "int4", OID_INT4, 'i', true, ARGS(OID_BOOL), .scalar = call_cast),
    FUNC(2580, "float8", OID_FLOAT8, 'i', true, ARGS(OID_JSONB), .scalar = call_cast),
    FUNC(3449, "numeric", OID_NUMERIC, 'i', true, ARGS(OID_JSONB), .scalar = call_cast),
    FUNC(3450, "int2", OID_INT2, 'i', true, ARGS(OID_JSONB), .scalar = call_cast),
    FUNC(3451, "int4", OID_INT4, 'i', true, ARGS(OID_JSONB), .scalar = call_cast),
    FUNC(3452, "int8", OID_INT8, 'i', true, ARGS(OID_JSONB), .scalar = call_cast),
    FUNC(3453, "float4", OID_FLOAT4, 'i', true, ARGS(OID_JSONB), .scalar = call_cast),
    FUNC(3556, "bool", OID_BOOL, 'i', true, ARGS(OID_JSONB), .scalar = call_cast),
    FUNC(5071, "xid", OID_XID, 'i', true, ARGS(OID_XID8), .scalar = call_cast),
};

const struct func_table func_table_cast_call = {funcs, KY_COUNT_OF(funcs), NULL, 0};
