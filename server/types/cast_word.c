/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Casts among booleans, integers, floats and oids. Widening keeps the word or double as it is, so
 * it is a relabel here even where pg_cast names a function. Floats round half to even.
 */
#include <math.h>

#include "server/types/types_private.h"

#define CAST_PARAMETERS                                                                         \
    const struct type_context *context KY_UNUSED, struct datum value, int32_t typmod KY_UNUSED, \
        bool is_explicit KY_UNUSED, struct datum *out, struct ky_error *err KY_UNUSED

static KY_COLD ky_status
out_of_range(struct ky_error *err, const char *what)
{
    return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", what);
}

static ky_status
word_to_int2(CAST_PARAMETERS)
{
    if (value.word < INT16_MIN || value.word > INT16_MAX) {
        return out_of_range(err, "smallint");
    }
    *out = value;
    return KY_OK;
}

static ky_status
word_to_int4(CAST_PARAMETERS)
{
    if (value.word < INT32_MIN || value.word > INT32_MAX) {
        return out_of_range(err, "integer");
    }
    *out = value;
    return KY_OK;
}

static ky_status
int8_to_oid(CAST_PARAMETERS)
{
    if (value.word < 0 || value.word > UINT32_MAX) {
        return out_of_range(err, "OID");
    }
    *out = value;
    return KY_OK;
}

/* The same 32 bits with and without a sign. */
static ky_status
word_to_oid(CAST_PARAMETERS)
{
    *out = datum_word((int64_t)(uint32_t)value.word);
    return KY_OK;
}

static ky_status
oid_to_int4(CAST_PARAMETERS)
{
    *out = datum_word((int32_t)(uint32_t)value.word);
    return KY_OK;
}

static ky_status
xid8_to_xid(CAST_PARAMETERS)
{
    *out = datum_word((int64_t)(uint32_t)value.word);
    return KY_OK;
}

static ky_status
word_to_bool(CAST_PARAMETERS)
{
    *out = datum_word(value.word != 0);
    return KY_OK;
}

static ky_status
char_to_int4(CAST_PARAMETERS)
{
    *out = datum_word((int8_t)value.word);
    return KY_OK;
}

static ky_status
int4_to_char(CAST_PARAMETERS)
{
    if (value.word < INT8_MIN || value.word > INT8_MAX) {
        return out_of_range(err, "\"char\"");
    }
    *out = datum_word((uint8_t)value.word);
    return KY_OK;
}

static ky_status
word_to_float8(CAST_PARAMETERS)
{
    *out = datum_real((double)value.word);
    return KY_OK;
}

static ky_status
word_to_float4(CAST_PARAMETERS)
{
    *out = datum_real((double)(float)value.word);
    return KY_OK;
}

static ky_status
float8_to_float4(CAST_PARAMETERS)
{
    float narrow = (float)value.real;
    if (isinf(narrow) && !isinf(value.real)) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
    }
    if (narrow == 0 && value.real != 0) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow");
    }
    *out = datum_real((double)narrow);
    return KY_OK;
}

/* limit is one above the largest integer, and exact. NaN fails both comparisons. */
static ky_status
real_to_word(double real, double limit, const char *what, struct datum *out, struct ky_error *err)
{
    double rounded = rint(real);
    if (!(rounded >= -limit && rounded < limit)) {
        return out_of_range(err, what);
    }
    *out = datum_word((int64_t)rounded);
    return KY_OK;
}

static ky_status
real_to_int2(CAST_PARAMETERS)
{
    return real_to_word(value.real, 0x1p15, "smallint", out, err);
}

static ky_status
real_to_int4(CAST_PARAMETERS)
{
    return real_to_word(value.real, 0x1p31, "integer", out, err);
}

static ky_status
real_to_int8(CAST_PARAMETERS)
{
    return real_to_word(value.real, 0x1p63, "bigint", out, err);
}

#define FN(source, target, context, fn, oid)                  \
    {                                                         \
        (source), (target), (context), CAST_FUNCTION, fn, oid \
    }
#define RELABEL(source, target, context, oid)                  \
    {                                                          \
        (source), (target), (context), CAST_RELABEL, NULL, oid \
    }

const struct cast word_casts[] = {
    FN(OID_BOOL, OID_INT4, CAST_EXPLICIT, word_to_bool, 2558),
    FN(OID_INT4, OID_BOOL, CAST_EXPLICIT, word_to_bool, 2557),
    FN(OID_CHAR, OID_INT4, CAST_EXPLICIT, char_to_int4, 77),
    FN(OID_INT4, OID_CHAR, CAST_EXPLICIT, int4_to_char, 78),
    RELABEL(OID_INT2, OID_INT4, CAST_IMPLICIT, 313),
    RELABEL(OID_INT2, OID_INT8, CAST_IMPLICIT, 754),
    RELABEL(OID_INT4, OID_INT8, CAST_IMPLICIT, 481),
    FN(OID_INT8, OID_INT4, CAST_ASSIGNMENT, word_to_int4, 480),
    FN(OID_INT8, OID_INT2, CAST_ASSIGNMENT, word_to_int2, 714),
    FN(OID_INT4, OID_INT2, CAST_ASSIGNMENT, word_to_int2, 314),
    FN(OID_INT2, OID_FLOAT4, CAST_IMPLICIT, word_to_float4, 236),
    FN(OID_INT2, OID_FLOAT8, CAST_IMPLICIT, word_to_float8, 235),
    FN(OID_INT4, OID_FLOAT4, CAST_IMPLICIT, word_to_float4, 318),
    FN(OID_INT4, OID_FLOAT8, CAST_IMPLICIT, word_to_float8, 316),
    FN(OID_INT8, OID_FLOAT4, CAST_IMPLICIT, word_to_float4, 652),
    FN(OID_INT8, OID_FLOAT8, CAST_IMPLICIT, word_to_float8, 482),
    FN(OID_FLOAT4, OID_INT2, CAST_ASSIGNMENT, real_to_int2, 238),
    FN(OID_FLOAT4, OID_INT4, CAST_ASSIGNMENT, real_to_int4, 319),
    FN(OID_FLOAT4, OID_INT8, CAST_ASSIGNMENT, real_to_int8, 653),
    RELABEL(OID_FLOAT4, OID_FLOAT8, CAST_IMPLICIT, 311),
    FN(OID_FLOAT8, OID_INT2, CAST_ASSIGNMENT, real_to_int2, 237),
    FN(OID_FLOAT8, OID_INT4, CAST_ASSIGNMENT, real_to_int4, 317),
    FN(OID_FLOAT8, OID_INT8, CAST_ASSIGNMENT, real_to_int8, 483),
    FN(OID_FLOAT8, OID_FLOAT4, CAST_ASSIGNMENT, float8_to_float4, 312),
    FN(OID_INT8, OID_OID, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_OID, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_OID, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_OID, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
    FN(OID_XID8, OID_XID, CAST_EXPLICIT, xid8_to_xid, 5071),
    RELABEL(OID_REGPROC, OID_REGPROCEDURE, CAST_IMPLICIT, 0),
    RELABEL(OID_REGPROCEDURE, OID_REGPROC, CAST_IMPLICIT, 0),
    RELABEL(OID_REGOPER, OID_REGOPERATOR, CAST_IMPLICIT, 0),
    RELABEL(OID_REGOPERATOR, OID_REGOPER, CAST_IMPLICIT, 0),
    FN(OID_INT8, OID_REGPROC, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_REGPROC, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_REGPROC, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_REGPROC, CAST_IMPLICIT, 0),
    RELABEL(OID_REGPROC, OID_OID, CAST_IMPLICIT, 0),
    RELABEL(OID_REGPROC, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_REGPROC, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
    FN(OID_INT8, OID_REGPROCEDURE, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_REGPROCEDURE, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_REGPROCEDURE, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_REGPROCEDURE, CAST_IMPLICIT, 0),
    RELABEL(OID_REGPROCEDURE, OID_OID, CAST_IMPLICIT, 0),
    RELABEL(OID_REGPROCEDURE, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_REGPROCEDURE, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
    FN(OID_INT8, OID_REGOPER, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_REGOPER, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_REGOPER, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_REGOPER, CAST_IMPLICIT, 0),
    RELABEL(OID_REGOPER, OID_OID, CAST_IMPLICIT, 0),
    RELABEL(OID_REGOPER, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_REGOPER, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
    FN(OID_INT8, OID_REGOPERATOR, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_REGOPERATOR, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_REGOPERATOR, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_REGOPERATOR, CAST_IMPLICIT, 0),
    RELABEL(OID_REGOPERATOR, OID_OID, CAST_IMPLICIT, 0),
    RELABEL(OID_REGOPERATOR, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_REGOPERATOR, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
    FN(OID_INT8, OID_REGCLASS, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_REGCLASS, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_REGCLASS, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_REGCLASS, CAST_IMPLICIT, 0),
    RELABEL(OID_REGCLASS, OID_OID, CAST_IMPLICIT, 0),
    RELABEL(OID_REGCLASS, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_REGCLASS, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
    FN(OID_INT8, OID_REGTYPE, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_REGTYPE, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_REGTYPE, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_REGTYPE, CAST_IMPLICIT, 0),
    RELABEL(OID_REGTYPE, OID_OID, CAST_IMPLICIT, 0),
    RELABEL(OID_REGTYPE, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_REGTYPE, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
    FN(OID_INT8, OID_REGCONFIG, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_REGCONFIG, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_REGCONFIG, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_REGCONFIG, CAST_IMPLICIT, 0),
    RELABEL(OID_REGCONFIG, OID_OID, CAST_IMPLICIT, 0),
    RELABEL(OID_REGCONFIG, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_REGCONFIG, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
    FN(OID_INT8, OID_REGDICTIONARY, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_REGDICTIONARY, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_REGDICTIONARY, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_REGDICTIONARY, CAST_IMPLICIT, 0),
    RELABEL(OID_REGDICTIONARY, OID_OID, CAST_IMPLICIT, 0),
    RELABEL(OID_REGDICTIONARY, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_REGDICTIONARY, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
    FN(OID_INT8, OID_REGNAMESPACE, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_REGNAMESPACE, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_REGNAMESPACE, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_REGNAMESPACE, CAST_IMPLICIT, 0),
    RELABEL(OID_REGNAMESPACE, OID_OID, CAST_IMPLICIT, 0),
    RELABEL(OID_REGNAMESPACE, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_REGNAMESPACE, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
    FN(OID_INT8, OID_REGROLE, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_REGROLE, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_REGROLE, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_REGROLE, CAST_IMPLICIT, 0),
    RELABEL(OID_REGROLE, OID_OID, CAST_IMPLICIT, 0),
    RELABEL(OID_REGROLE, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_REGROLE, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
    FN(OID_INT8, OID_REGCOLLATION, CAST_IMPLICIT, int8_to_oid, 1287),
    FN(OID_INT2, OID_REGCOLLATION, CAST_IMPLICIT, word_to_oid, 313),
    FN(OID_INT4, OID_REGCOLLATION, CAST_IMPLICIT, word_to_oid, 0),
    RELABEL(OID_OID, OID_REGCOLLATION, CAST_IMPLICIT, 0),
    RELABEL(OID_REGCOLLATION, OID_OID, CAST_IMPLICIT, 0),
    RELABEL(OID_REGCOLLATION, OID_INT8, CAST_ASSIGNMENT, 1288),
    FN(OID_REGCOLLATION, OID_INT4, CAST_ASSIGNMENT, oid_to_int4, 0),
};
const size_t word_casts_count = KY_COUNT_OF(word_casts);
