/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "server/base/random.h"
#include "tests/unit/types/types_fixture.h"

struct round_case {
    oid_t oid;
    int32_t typmod;
    const char *in;
    const char *out; /* what PostgreSQL prints, or its SQLSTATE and message */
};

static const struct round_case ROUNDS[] = {
    {OID_BOOL, -1, " TRUE ", "t"},
    {OID_BOOL, -1, "of", "f"},
    {OID_BOOL, -1, "o", "22P02 invalid input syntax for type boolean: \"o\""},
    {OID_BOOL, -1, "", "22P02 invalid input syntax for type boolean: \"\""},
    {OID_INT2, -1, "-32768", "-32768"},
    {OID_INT2, -1, "32768", "22003 value \"32768\" is out of range for type smallint"},
    {OID_INT4, -1, " 42 ", "42"},
    {OID_INT4, -1, "+7", "7"},
    {OID_INT4, -1, "-2147483648", "-2147483648"},
    {OID_INT4, -1, "2147483648", "22003 value \"2147483648\" is out of range for type integer"},
    {OID_INT4, -1, "99999999999", "22003 value \"99999999999\" is out of range for type integer"},
    {OID_INT4, -1, "abc", "22P02 invalid input syntax for type integer: \"abc\""},
    {OID_INT4, -1, "1.5", "22P02 invalid input syntax for type integer: \"1.5\""},
    {OID_INT4, -1, "", "22P02 invalid input syntax for type integer: \"\""},
    {OID_INT4, -1, "-", "22P02 invalid input syntax for type integer: \"-\""},
    {OID_INT8, -1, "-9223372036854775808", "-9223372036854775808"},
    {OID_INT8, -1, "9223372036854775807", "9223372036854775807"},
    {OID_INT8, -1, "9223372036854775808",
     "22003 value \"9223372036854775808\" is out of range for type bigint"},
    {OID_OID, -1, "4294967295", "4294967295"},
    {OID_OID, -1, "-1", "4294967295"},
    {OID_OID, -1, "4294967296", "22003 value \"4294967296\" is out of range for type oid"},
    {OID_XID8, -1, "18446744073709551615", "18446744073709551615"},
    {OID_PG_LSN, -1, "16/b374D848", "16/B374D848"},
    {OID_PG_LSN, -1, "16", "22P02 invalid input syntax for type pg_lsn: \"16\""},
    {OID_TID, -1, "(1,2)", "(1,2)"},
    {OID_TID, -1, "(1,70000)", "22P02 invalid input syntax for type tid: \"(1,70000)\""},
    {OID_FLOAT8, -1, "0.1", "0.1"},
    {OID_FLOAT8, -1, "1e20", "1e+20"},
    {OID_FLOAT8, -1, "1e23", "9.999999999999999e+22"},
    {OID_FLOAT8, -1, "-infinity", "-Infinity"},
    {OID_FLOAT8, -1, "nan", "NaN"},
    {OID_FLOAT8, -1, "1e400", "22003 \"1e400\" is out of range for type double precision"},
    {OID_FLOAT8, -1, "1e-400", "22003 \"1e-400\" is out of range for type double precision"},
    {OID_FLOAT8, -1, "5e-324", "5e-324"},
    {OID_FLOAT8, -1, "1.2.3", "22P02 invalid input syntax for type double precision: \"1.2.3\""},
    {OID_FLOAT4, -1, "16777216", "1.6777216e+07"},
    {OID_FLOAT4, -1, "1e39", "22003 \"1e39\" is out of range for type real"},
    {OID_FLOAT4, -1, "x", "22P02 invalid input syntax for type real: \"x\""},
    {OID_TEXT, -1, "h\xC3\xA9", "h\xC3\xA9"},
    {OID_TEXT, -1, "h\xFF", "22021 invalid byte sequence for encoding \"UTF8\": 0xff"},
    {OID_VARCHAR, 7, "abc", "abc"},
    {OID_VARCHAR, 7, "abc  ", "abc"},
    {OID_VARCHAR, 7, "abcd", "22001 value too long for type character varying(3)"},
    {OID_VARCHAR, 7, "\xC3\xA9\xC3\xA9\xC3\xA9", "\xC3\xA9\xC3\xA9\xC3\xA9"},
    {OID_BPCHAR, 7, "a", "a  "},
    {OID_BPCHAR, 7, "abcd", "22001 value too long for type character(3)"},
    {OID_CHAR, -1, "abc", "a"},
    {OID_CHAR, -1, "", ""},
    {OID_BYTEA, -1, "\\xDeadBeef", "\\xdeadbeef"},
    {OID_BYTEA, -1, "a\\\\b\\001", "\\x615c6201"},
    {OID_BYTEA, -1, "\\xabc", "22023 invalid hexadecimal data: odd number of digits"},
    {OID_BYTEA, -1, "\\xzz", "22023 invalid hexadecimal digit: \"z\""},
    {OID_BYTEA, -1, "\\9", "22P02 invalid input syntax for type bytea"},
    {OID_UUID, -1, "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}",
     "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
    {OID_UUID, -1, "a0ee-bc99-9c0b4ef8bb6d6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
    {OID_UUID, -1, "a0ee", "22P02 invalid input syntax for type uuid: \"a0ee\""},
    {OID_JSON, -1, " {\"a\" : 1}", " {\"a\" : 1}"},
    {OID_JSON, -1, "{a}", "22P02 invalid input syntax for type json"},
    {OID_JSONB, -1, "{\"bb\":1, \"a\":[1,2,{}], \"a\" : 2.50,\"c\":\"x\\n\"}",
     "{\"a\": 2.50, \"c\": \"x\\n\", \"bb\": 1}"},
    {OID_JSONB, -1, "[1e2,true,null]", "[100, true, null]"},
    {OID_JSONB, -1, "\"\\u0000\"", "22P05 unsupported Unicode escape sequence"},
    {OID_JSONB, -1, "nope", "22P02 invalid input syntax for type json"},
    {OID_REGCLASS, -1, "1259", "1259"},
    {OID_REGCLASS, -1, "-", "-"},
    {OID_REGCLASS, -1, "nope", "42P01 relation \"nope\" does not exist"},
    {OID_REGTYPE, -1, "int4", "integer"},
    {OID_REGTYPE, -1, "character varying", "character varying"},
    {OID_REGTYPE, -1, "nope", "42704 type \"nope\" does not exist"},
    {OID_INT2VECTOR, -1, "1 2  3", "1 2 3"},
    {OID_OIDVECTOR, -1, "", ""},
    {OID_VECTOR, -1, "[1,2,3]", "[1,2,3]"},
    {OID_VECTOR, -1, " [ 1. , 2e1,\t-0.5 ] ", "[1,20,-0.5]"},
    {OID_VECTOR, -1, "[]", "22000 vector must have at least 1 dimension"},
    {OID_VECTOR, -1, "[1,]", "22P02 invalid input syntax for type vector: \"[1,]\""},
    {OID_VECTOR, -1, "[1,2", "22P02 invalid input syntax for type vector: \"[1,2\""},
    {OID_VECTOR, -1, "1,2", "22P02 invalid input syntax for type vector: \"1,2\""},
    {OID_VECTOR, -1, "[NaN]", "22000 NaN not allowed in vector"},
    {OID_VECTOR, -1, "[Infinity]", "22000 infinite value not allowed in vector"},
    {OID_VECTOR, -1, "[4e38,1]", "22003 \"4e38\" is out of range for type vector"},
    {OID_VECTOR, -1, "[1.23456789]", "[1.2345679]"},
    {OID_VECTOR, 3, "[1,2]", "22000 expected 3 dimensions, not 2"},
};

Test(type, text_input_and_output_agree_with_postgresql)
{
    struct types_fixture fixture;
    types_start(&fixture);
    for (size_t i = 0; i < KY_COUNT_OF(ROUNDS); i++) {
        const struct round_case *c = &ROUNDS[i];
        const char *text = types_round(&fixture, c->oid, c->in, c->typmod);
        cr_expect_str_eq(text, c->out, "%s '%s': got %s", type_get(c->oid)->name, c->in, text);
    }
    types_done(&fixture);
}

Test(type, registry_is_sorted_and_consistent)
{
    size_t count;
    const struct type *const *all = type_all(&count);
    for (size_t i = 0; i < count; i++) {
        const struct type *type = all[i];
        cr_expect(i == 0 || all[i - 1]->oid < type->oid, "%s", type->name);
        cr_expect_eq(type_find(type->oid), type);
        cr_expect_eq(type_find_name(ky_slice_cstr(type->name)), type);
        cr_expect_neq(type->input, NULL, "%s", type->name);
        cr_expect_eq(type->compare == NULL, type->key == NULL, "%s", type->name);
        cr_expect_eq(type->compare == NULL, type->hash == NULL, "%s", type->name);
        if (type->array_oid != 0) {
            cr_expect_eq(type_get(type->array_oid)->element_oid, type->oid, "%s", type->name);
        }
    }
    cr_expect_eq(type_find(600), NULL);
    cr_expect_eq(type_find_name(ky_slice_cstr("point")), NULL);
}

static const char *
format_of(struct ky_arena *arena, oid_t oid, int32_t typmod)
{
    struct ky_buffer out = {0};
    type_format(oid, typmod, &out);
    const char *text = ky_arena_cstr(arena, ky_buffer_slice(&out));
    ky_buffer_deinit(&out);
    return text;
}

Test(type, format_shows_modifiers_where_postgresql_does)
{
    struct types_fixture fixture;
    types_start(&fixture);
    struct ky_arena *arena = &fixture.arena;
    cr_expect_str_eq(format_of(arena, OID_VARCHAR, 24), "character varying(20)");
    cr_expect_str_eq(format_of(arena, OID_VARCHAR_ARRAY, 24), "character varying(20)[]");
    cr_expect_str_eq(format_of(arena, OID_BPCHAR, 5), "character(1)");
    cr_expect_str_eq(format_of(arena, OID_INT4_ARRAY, -1), "integer[]");
    cr_expect_str_eq(format_of(arena, OID_VECTOR, 3), "vector(3)");
    cr_expect_str_eq(format_of(arena, OID_TIMESTAMPTZ, 3), "timestamp(3) with time zone");
    cr_expect_str_eq(format_of(arena, OID_NUMERIC, ((10 << 16) | 2) + 4), "numeric(10,2)");
    cr_expect_str_eq(format_of(arena, OID_CHAR, -1), "\"char\"");
    cr_expect_str_eq(format_of(arena, 0, -1), "-");
    types_done(&fixture);
}

Test(type, typmod_limits_are_refused)
{
    struct types_fixture fixture;
    types_start(&fixture);
    int32_t typmod;
    const struct type *vector = type_get(OID_VECTOR);
    cr_expect_eq(vector->typmod_in(&(int32_t){16000}, 1, &typmod, &fixture.err), KY_OK);
    cr_expect_eq(typmod, 16000);
    cr_expect_eq(vector->typmod_in(&(int32_t){16001}, 1, &typmod, &fixture.err), KY_ERR);
    cr_expect_str_eq(fixture.err.message, "dimensions for type vector cannot exceed 16000");
    cr_expect_eq(type_get(OID_VARCHAR)->typmod_in(&(int32_t){0}, 1, &typmod, &fixture.err), KY_ERR);
    cr_expect_str_eq(fixture.err.message, "length for type varchar must be at least 1");
    types_done(&fixture);
}

/* For each type, texts in ascending order. */
static const struct order_case {
    oid_t oid;
    const char *texts[12];
} ORDERS[] = {
    {OID_INT4, {"-2147483648", "-1", "0", "1", "2147483647"}},
    {OID_OID, {"0", "1", "2147483648", "4294967295"}},
    {OID_PG_LSN, {"0/0", "0/1", "7FFFFFFF/0", "80000000/0", "FFFFFFFF/FFFFFFFF"}},
    {OID_FLOAT8, {"-Infinity", "-1.5", "-1e-300", "0", "1e-300", "2", "Infinity", "NaN"}},
    {OID_FLOAT4, {"-2", "-1", "0", "1e-40", "1", "NaN"}},
    {OID_TEXT, {"", "a", "aa", "ab", "b", "\xC3\xA9"}},
    {OID_BYTEA, {"\\x", "\\x00", "\\x0000", "\\x0001", "\\x00ff", "\\x01", "\\xff", "\\xff00"}},
    {OID_BPCHAR, {"", "a", "a!", "b"}},
    {OID_BOOL, {"f", "t"}},
    {OID_UUID, {"00000000-0000-0000-0000-000000000000", "10000000-0000-0000-0000-000000000000"}},
    {OID_INT4_ARRAY, {"{}", "{1}", "{1,1}", "{1,2}", "{1,NULL}", "{2}", "{NULL}"}},
    {OID_TEXT_ARRAY, {"{}", "{\"\"}", "{a}", "{a,b}", "{aa}", "{b}"}},
    {OID_VECTOR, {"[-2]", "[-1]", "[0]", "[0,1]", "[1]", "[1,0]"}},
    {OID_JSONB,
     {"[]", "null", "\"a\"", "\"b\"", "-1", "1.5", "false", "true", "[1]", "[0,0]", "{}",
      "{\"a\":1}"}},
    {OID_NUMERIC, {"-Infinity", "-10", "-1.5", "0", "0.001", "1", "10", "1e40", "Infinity", "NaN"}},
    {OID_INTERVAL, {"-1 mons", "0", "1 day", "25:00:00", "1 mon"}},
};

static int
sign(int order)
{
    return (order > 0) - (order < 0);
}

Test(type, compare_key_and_hash_agree)
{
    struct types_fixture fixture;
    types_start(&fixture);
    for (size_t c = 0; c < KY_COUNT_OF(ORDERS); c++) {
        const struct type *type = type_get(ORDERS[c].oid);
        for (int i = 0; i < 12 && ORDERS[c].texts[i] != NULL; i++) {
            for (int j = 0; j < 12 && ORDERS[c].texts[j] != NULL; j++) {
                struct datum a = types_value(&fixture, type->oid, ORDERS[c].texts[i]);
                struct datum b = types_value(&fixture, type->oid, ORDERS[c].texts[j]);
                struct ky_buffer x = {0};
                struct ky_buffer y = {0};
                type->key(type, a, &x);
                type->key(type, b, &y);
                int expected = sign(i - j);
                cr_expect_eq(sign(type->compare(type, a, b)), expected, "%s %s %s", type->name,
                             ORDERS[c].texts[i], ORDERS[c].texts[j]);
                cr_expect_eq(sign(ky_slice_compare(ky_buffer_slice(&x), ky_buffer_slice(&y))),
                             expected, "%s key %s %s", type->name, ORDERS[c].texts[i],
                             ORDERS[c].texts[j]);
                if (i == j) {
                    cr_expect_eq(type->hash(type, a), type->hash(type, b));
                } else {
                    size_t shorter = KY_MIN(x.size, y.size);
                    cr_expect(memcmp(x.data, y.data, shorter) != 0, "%s: a key is a prefix",
                              type->name);
                }
                ky_buffer_deinit(&x);
                ky_buffer_deinit(&y);
            }
        }
    }
    types_done(&fixture);
}

/* Different texts of one value. */
Test(type, equal_values_hash_and_encode_alike)
{
    static const struct {
        oid_t oid;
        const char *a;
        const char *b;
    } PAIRS[] = {{OID_FLOAT8, "0", "-0"},        {OID_BPCHAR, "a", "a  "},
                 {OID_JSONB, "[1.0]", "[1.00]"}, {OID_VECTOR, "[0]", "[-0]"},
                 {OID_NUMERIC, "1.0", "1.000"},  {OID_INTERVAL, "1 day", "24:00:00"}};
    struct types_fixture fixture;
    types_start(&fixture);
    for (size_t i = 0; i < KY_COUNT_OF(PAIRS); i++) {
        const struct type *type = type_get(PAIRS[i].oid);
        struct datum a = types_value(&fixture, type->oid, PAIRS[i].a);
        struct datum b = types_value(&fixture, type->oid, PAIRS[i].b);
        struct ky_buffer x = {0};
        struct ky_buffer y = {0};
        type->key(type, a, &x);
        type->key(type, b, &y);
        cr_expect_eq(type->compare(type, a, b), 0, "%s", type->name);
        cr_expect_eq(type->hash(type, a), type->hash(type, b), "%s", type->name);
        cr_expect(ky_slice_equal(ky_buffer_slice(&x), ky_buffer_slice(&y)), "%s", type->name);
        ky_buffer_deinit(&x);
        ky_buffer_deinit(&y);
    }
    types_done(&fixture);
}

/* Whatever goes out in binary comes back the same; a byte less is refused. */
Test(type, binary_output_is_accepted_back)
{
    static const struct {
        oid_t oid;
        const char *text;
    } VALUES[] = {{OID_BOOL, "t"},
                  {OID_CHAR, "x"},
                  {OID_INT2, "-2"},
                  {OID_INT4, "-3"},
                  {OID_INT8, "-4"},
                  {OID_OID, "4000000000"},
                  {OID_TID, "(7,8)"},
                  {OID_PG_LSN, "A/B"},
                  {OID_FLOAT4, "1.1"},
                  {OID_FLOAT8, "-1.1e-100"},
                  {OID_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
                  {OID_JSONB, "{\"a\": [1, \"b\"]}"},
                  {OID_INT4_ARRAY, "[2:3][0:1]={{1,2},{3,NULL}}"},
                  {OID_TEXT_ARRAY, "{\"a b\",NULL,\"NULL\",\"\"}"},
                  {OID_INT2VECTOR, "1 2 3"},
                  {OID_VECTOR, "[1,2.5,-3]"},
                  {OID_NUMERIC, "123.4500"},
                  {OID_DATE, "2024-02-29"}};
    struct types_fixture fixture;
    types_start(&fixture);
    for (size_t i = 0; i < KY_COUNT_OF(VALUES); i++) {
        const struct type *type = type_get(VALUES[i].oid);
        struct datum value = types_value(&fixture, type->oid, VALUES[i].text);
        struct ky_buffer wire = {0};
        type->send(type, &fixture.context, value, &wire);
        struct datum back;
        cr_assert_eq(
            type->receive(type, &fixture.context, ky_buffer_slice(&wire), -1, &back, &fixture.err),
            KY_OK, "%s: %s", type->name, fixture.err.message);
        cr_expect_str_eq(types_text(&fixture, type->oid, back), VALUES[i].text);
        cr_expect_eq(type->receive(type, &fixture.context, ky_slice(wire.data, wire.size - 1), -1,
                                   &back, &fixture.err),
                     KY_ERR, "%s cut", type->name);
        ky_buffer_deinit(&wire);
    }
    types_done(&fixture);
}
