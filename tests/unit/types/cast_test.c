/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "tests/unit/types/types_fixture.h"

static const struct {
    oid_t source;
    const char *text;
    oid_t target;
    const char *out;
} CASTS[] = {
    {OID_FLOAT8, "0.5", OID_INT4, "0"},
    {OID_FLOAT8, "1.5", OID_INT4, "2"},
    {OID_FLOAT8, "2.5", OID_INT4, "2"},
    {OID_FLOAT8, "2147483647.5", OID_INT4, "22003 integer out of range"},
    {OID_FLOAT8, "NaN", OID_INT8, "22003 bigint out of range"},
    {OID_FLOAT8, "9223372036854775807", OID_INT8, "22003 bigint out of range"},
    {OID_FLOAT8, "1e40", OID_FLOAT4, "22003 value out of range: overflow"},
    {OID_FLOAT8, "1e-50", OID_FLOAT4, "22003 value out of range: underflow"},
    {OID_INT8, "2147483648", OID_INT4, "22003 integer out of range"},
    {OID_INT4, "40000", OID_INT2, "22003 smallint out of range"},
    {OID_INT4, "16777217", OID_FLOAT4, "1.6777216e+07"},
    {OID_INT4, "-1", OID_OID, "4294967295"},
    {OID_OID, "4294967295", OID_INT4, "-1"},
    {OID_INT8, "-1", OID_OID, "22003 OID out of range"},
    {OID_INT4, "5", OID_BOOL, "t"},
    {OID_BOOL, "t", OID_INT4, "1"},
    {OID_BOOL, "t", OID_TEXT, "true"},
    {OID_CHAR, "a", OID_INT4, "97"},
    {OID_BPCHAR, "a  ", OID_TEXT, "a"},
    {OID_INT4, "12", OID_TEXT, "12"},
    {OID_TEXT, "12", OID_INT4, "12"},
    {OID_TEXT, "x", OID_INT4, "22P02 invalid input syntax for type integer: \"x\""},
    {OID_NUMERIC, "2.5", OID_INT4, "3"},
    {OID_INT4, "7", OID_NUMERIC, "7"},
    {OID_JSON, "{\"b\":1,\"a\":2}", OID_JSONB, "{\"a\": 2, \"b\": 1}"},
    {OID_JSONB, "1.7", OID_INT4, "2"},
    {OID_JSONB, "\"x\"", OID_INT4, "22023 cannot cast jsonb string to type integer"},
    {OID_JSONB, "true", OID_BOOL, "t"},
    {OID_INT4_ARRAY, "{1,NULL}", OID_TEXT_ARRAY, "{1,NULL}"},
    {OID_TEXT_ARRAY, "{1,2}", OID_INT4_ARRAY, "{1,2}"},
    {OID_INT4_ARRAY, "{1,2}", OID_FLOAT8_ARRAY, "{1,2}"},
    {OID_INT4_ARRAY, "{1,2}", OID_VECTOR, "[1,2]"},
    {OID_FLOAT8_ARRAY, "{1.5,2}", OID_VECTOR, "[1.5,2]"},
    {OID_NUMERIC_ARRAY, "{1.25}", OID_VECTOR, "[1.25]"},
    {OID_FLOAT8_ARRAY, "{1e50}", OID_VECTOR, "22000 infinite value not allowed in vector"},
    {OID_INT4_ARRAY, "{1,NULL}", OID_VECTOR, "22004 array must not contain nulls"},
    {OID_INT4_ARRAY, "{{1},{2}}", OID_VECTOR, "22000 array must be 1-D"},
    {OID_INT4_ARRAY, "{}", OID_VECTOR, "22000 vector must have at least 1 dimension"},
    {OID_VECTOR, "[1,2]", OID_FLOAT4_ARRAY, "{1,2}"},
    {OID_INT4, "1", OID_UUID, "none"},
    {OID_BOOL, "t", OID_FLOAT8, "none"},
};

Test(cast, results_agree_with_postgresql)
{
    struct types_fixture fixture;
    types_start(&fixture);
    for (size_t i = 0; i < KY_COUNT_OF(CASTS); i++) {
        const char *text = types_cast(&fixture, CASTS[i].source, CASTS[i].text, CASTS[i].target);
        cr_expect_str_eq(text, CASTS[i].out, "'%s' to %s: got %s", CASTS[i].text,
                         type_get(CASTS[i].target)->name, text);
    }
    types_done(&fixture);
}

Test(cast, contexts_are_postgresqls)
{
    cr_expect_eq(cast_find(OID_INT4, OID_INT8)->context, CAST_IMPLICIT);
    cr_expect_eq(cast_find(OID_INT8, OID_INT4)->context, CAST_ASSIGNMENT);
    cr_expect_eq(cast_find(OID_INT4, OID_BOOL)->context, CAST_EXPLICIT);
    cr_expect_eq(cast_find(OID_INT4, OID_TEXT)->context, CAST_ASSIGNMENT);
    cr_expect_eq(cast_find(OID_TEXT, OID_INT4)->context, CAST_EXPLICIT);
    cr_expect_eq(cast_find(OID_INT4_ARRAY, OID_INT8_ARRAY)->context, CAST_IMPLICIT);
    cr_expect_eq(cast_find(OID_FLOAT4_ARRAY, OID_VECTOR)->context, CAST_ASSIGNMENT);
    cr_expect_eq(cast_find(OID_VECTOR, OID_FLOAT4_ARRAY)->context, CAST_IMPLICIT);
    cr_expect_eq(cast_find(OID_INT4, OID_INT4), NULL);
    size_t count;
    const struct cast *all = cast_all(&count);
    cr_expect_gt(count, 100);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(cast_find(all[i].source, all[i].target), &all[i]);
    }
}
