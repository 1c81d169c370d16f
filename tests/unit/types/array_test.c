/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/array.h"

#include <criterion/criterion.h>

#include "server/types/record.h"
#include "tests/unit/types/types_fixture.h"

static const struct {
    oid_t oid;
    const char *in;
    const char *out;
} ROUNDS[] = {
    {OID_INT4_ARRAY, "{}", "{}"},
    {OID_INT4_ARRAY, " { 1 , 2 ,3 } ", "{1,2,3}"},
    {OID_INT4_ARRAY, "{{1,2},{3,4}}", "{{1,2},{3,4}}"},
    {OID_INT4_ARRAY, "{{},{}}", "22P02 malformed array literal: \"{{},{}}\""},
    {OID_INT4_ARRAY, "{null,NULL}", "{NULL,NULL}"},
    {OID_INT4_ARRAY, "[0:1]={5,6}", "[0:1]={5,6}"},
    {OID_INT4_ARRAY, "[1:2]={5,6}", "{5,6}"},
    {OID_INT4_ARRAY, "[1:3]={5,6}", "22P02 malformed array literal: \"[1:3]={5,6}\""},
    {OID_INT4_ARRAY, "[2:1]={}", "2202E upper bound cannot be less than lower bound"},
    {OID_INT4_ARRAY, "{1,2", "22P02 malformed array literal: \"{1,2\""},
    {OID_INT4_ARRAY, "{1,}", "22P02 malformed array literal: \"{1,}\""},
    {OID_INT4_ARRAY, "{,1}", "22P02 malformed array literal: \"{,1}\""},
    {OID_INT4_ARRAY, "{1}}", "22P02 malformed array literal: \"{1}}\""},
    {OID_INT4_ARRAY, "1", "22P02 malformed array literal: \"1\""},
    {OID_INT4_ARRAY, "", "22P02 malformed array literal: \"\""},
    {OID_INT4_ARRAY, "{{1},{2,3}}", "22P02 malformed array literal: \"{{1},{2,3}}\""},
    {OID_INT4_ARRAY, "{1,{2}}", "22P02 malformed array literal: \"{1,{2}}\""},
    {OID_INT4_ARRAY, "{a}", "22P02 invalid input syntax for type integer: \"a\""},
    {OID_INT4_ARRAY, "{{{{{{{1}}}}}}}",
     "54000 number of array dimensions (7) exceeds the maximum allowed (6)"},
    {OID_TEXT_ARRAY, "{a b,\"c,d\",\"e\\\"f\",\"\",NULL,\"NULL\",g\\,h}",
     "{\"a b\",\"c,d\",\"e\\\"f\",\"\",NULL,\"NULL\",\"g,h\"}"},
    {OID_TEXT_ARRAY, "{\"a\"b}", "22P02 malformed array literal: \"{\"a\"b}\""},
    {OID_TEXT_ARRAY, "{a\"b\"}", "22P02 malformed array literal: \"{a\"b\"}\""},
    {OID_BYTEA_ARRAY, "{\"\\\\x41\"}", "{\"\\\\x41\"}"},
    {OID_VECTOR_ARRAY, "{\"[1,2]\",\"[3]\"}", "{\"[1,2]\",[3]}"},
};

Test(array, text_agrees_with_postgresql)
{
    struct types_fixture fixture;
    types_start(&fixture);
    for (size_t i = 0; i < KY_COUNT_OF(ROUNDS); i++) {
        const char *text = types_round(&fixture, ROUNDS[i].oid, ROUNDS[i].in, -1);
        cr_expect_str_eq(text, ROUNDS[i].out, "'%s': got %s", ROUNDS[i].in, text);
    }
    types_done(&fixture);
}

Test(array, subscripts_outside_are_null)
{
    struct types_fixture fixture;
    types_start(&fixture);
    struct datum value = types_value(&fixture, OID_INT4_ARRAY, "[0:1][1:2]={{1,2},{3,NULL}}");
    cr_expect_eq(array_get(value.bytes, (int32_t[]){1, 1}, 2).word, 3);
    cr_expect_eq(array_get(value.bytes, (int32_t[]){0, 2}, 2).word, 2);
    cr_expect(array_get(value.bytes, (int32_t[]){1, 2}, 2).is_null);
    cr_expect(array_get(value.bytes, (int32_t[]){2, 1}, 2).is_null);
    cr_expect(array_get(value.bytes, (int32_t[]){1}, 1).is_null);
    struct datum oids = types_value(&fixture, OID_OIDVECTOR, "10 20");
    cr_expect_eq(array_get(oids.bytes, (int32_t[]){0}, 1).word, 10);
    types_done(&fixture);
}

Test(array, elements_are_coerced)
{
    struct types_fixture fixture;
    types_start(&fixture);
    const struct type *type = type_get(OID_VARCHAR_ARRAY);
    struct datum value = types_value(&fixture, OID_VARCHAR_ARRAY, "{abcdef,NULL}");
    struct datum out;
    cr_expect_eq(type->coerce(type, &fixture.context, value, 7, false, &out, &fixture.err), KY_ERR);
    cr_expect_eq(fixture.err.sqlstate, KY_STRING_DATA_RIGHT_TRUNCATION);
    cr_assert_eq(type->coerce(type, &fixture.context, value, 7, true, &out, &fixture.err), KY_OK);
    cr_expect_str_eq(types_text(&fixture, OID_VARCHAR_ARRAY, out), "{abc,NULL}");
    types_done(&fixture);
}

Test(record, prints_and_compares_field_by_field)
{
    struct types_fixture fixture;
    types_start(&fixture);
    const struct type *types[] = {type_get(OID_INT4), type_get(OID_TEXT), type_get(OID_TEXT),
                                  type_get(OID_TEXT)};
    struct datum values[] = {datum_word(1), datum_cstr("a \"b"), datum_null(), datum_cstr("")};
    struct ky_slice a = record_make(&fixture.arena, types, NULL, values, 4);
    cr_expect_str_eq(types_text(&fixture, OID_RECORD, datum_bytes(a.data, a.size)),
                     "(1,\"a \"\"b\",,\"\")");
    values[2] = datum_cstr("x");
    struct ky_slice b = record_make(&fixture.arena, types, NULL, values, 4);
    const struct type *record = type_get(OID_RECORD);
    cr_expect_gt(record->compare(record, datum_bytes(a.data, a.size), datum_bytes(b.data, b.size)),
                 0);
    types_done(&fixture);
}
