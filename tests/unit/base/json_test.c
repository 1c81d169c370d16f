/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/json.h"

#include <criterion/criterion.h>

static struct ky_arena arena;
static struct ky_error err;

static void
setup(void)
{
    ky_arena_init(&arena);
    ky_error_init(&err);
}

static void
teardown(void)
{
    ky_arena_deinit(&arena);
}

TestSuite(json, .init = setup, .fini = teardown);

static const struct json_value *
parse(const char *text)
{
    struct json_value *value = NULL;
    cr_assert_eq(json_parse(&arena, ky_slice_cstr(text), &value, &err), KY_OK, "%s: %s %s", text,
                 err.message, err.detail);
    cr_assert_eq(json_validate(ky_slice_cstr(text), &err), KY_OK);
    return value;
}

static void
expect_written(const char *text, const char *expected)
{
    struct ky_buffer out = {0};
    json_write_value(&out, parse(text));
    cr_expect(ky_slice_is(ky_buffer_slice(&out), expected), "%s became %.*s", text, (int)out.size,
              (const char *)out.data);
    ky_buffer_deinit(&out);
}

Test(json, what_is_read_is_written_back_compact)
{
    expect_written(" null ", "null");
    expect_written("[ true , false,\n null\t]", "[true,false,null]");
    expect_written("{}", "{}");
    expect_written("[]", "[]");
    expect_written("{\"a\" : { \"b\" : [ 1 , -2.5e+10 ] } }", "{\"a\":{\"b\":[1,-2.5e+10]}}");
    expect_written("123456789012345678901234567890", "123456789012345678901234567890");
    expect_written("\"\\u0041\\/\\\"\\n\\u001f\"", "\"A/\\\"\\n\\u001f\"");
    expect_written("0", "0");
    expect_written("-0.0E-1", "-0.0E-1");
}

Test(json, escapes_become_utf8)
{
    cr_assert(ky_slice_is(parse("\"\\u00e9\"")->text, "\xc3\xa9"));
    cr_assert(ky_slice_is(parse("\"\\u20AC\"")->text, "\xe2\x82\xac"));
    cr_assert(ky_slice_is(parse("\"\\ud83d\\ude00\"")->text, "\xf0\x9f\x98\x80"));
    cr_assert(ky_slice_is(parse("\"\\ud800\\udc00\"")->text, "\xf0\x90\x80\x80"));
    cr_assert(ky_slice_is(parse("\"\\udbff\\udfff\"")->text, "\xf4\x8f\xbf\xbf"));
    cr_assert(ky_slice_is(parse("\"\\b\\f\\n\\r\\t\"")->text, "\b\f\n\r\t"));
}

Test(json, members_are_found_and_the_last_duplicate_wins)
{
    const struct json_value *object = parse("{\"a\": 1, \"\\u0062\": 2, \"a\": 3, \"\": 4}");
    cr_assert_eq(object->count, 4);
    cr_assert(ky_slice_is(json_get(object, "a")->text, "3"));
    cr_assert(ky_slice_is(json_get(object, "b")->text, "2"));
    cr_assert(ky_slice_is(json_get(object, "")->text, "4"));
    cr_assert_null(json_get(object, "c"));
    cr_assert_null(json_get(json_get(object, "a"), "a"));
    cr_assert_null(json_get(NULL, "a"));
}

static void
expect_invalid(struct ky_slice text, const char *detail)
{
    struct json_value *value = NULL;
    cr_expect_eq(json_parse(&arena, text, &value, &err), KY_ERR, "%s", (const char *)text.data);
    cr_expect_str_eq(ky_sqlstate_code(err.sqlstate), "22P02");
    cr_expect_str_eq(err.message, "invalid input syntax for type json");
    cr_expect_str_eq(err.detail, detail);
    cr_expect_null(value);
    ky_error_init(&err);
    cr_expect_eq(json_validate(text, &err), KY_ERR);
    cr_expect_str_eq(err.detail, detail);
}

Test(json, mistakes_are_named_as_postgresql_names_them)
{
    static const struct {
        const char *text;
        const char *detail;
    } cases[] = {
        {"", "The input string ended unexpectedly."},
        {"[1", "The input string ended unexpectedly."},
        {"\"abc", "The input string ended unexpectedly."},
        {"{\"a\"", "The input string ended unexpectedly."},
        {"{\"a\" 1}", "Expected \":\", but found \"1\"."},
        {"{\"a\":1,}", "Expected string, but found \"}\"."},
        {"{1:2}", "Expected string or \"}\", but found \"1\"."},
        {"{\"a\":1 \"b\"}", "Expected \",\" or \"}\", but found \"\"\"."},
        {"[1 2]", "Expected \",\" or \"]\", but found \"2\"."},
        {"[1,]", "Expected JSON value, but found \"]\"."},
        {"[,]", "Expected array element or \"]\", but found \",\"."},
        {"1 2", "Expected end of input, but found \"2\"."},
        {"nul", "Token \"nul\" is invalid."},
        {"True", "Token \"True\" is invalid."},
        {"01", "Token \"01\" is invalid."},
        {"1.", "Token \"1.\" is invalid."},
        {"-", "Token \"-\" is invalid."},
        {"+1", "Token \"+\" is invalid."},
        {"2020-01", "Token \"-01\" is invalid."},
        {"1.5.6", "Token \".\" is invalid."},
        {"1 2-3", "Expected end of input, but found \"2\"."},
        {"1e", "Token \"1e\" is invalid."},
        {"1x", "Token \"1x\" is invalid."},
        {"'a'", "Token \"'\" is invalid."},
        {"\"\\x\"", "Escape sequence \"\\x\" is invalid."},
        {"\"\\u12g4\"", "\"\\u\" must be followed by four hexadecimal digits."},
        {"\"a\nb\"", "Character with value 0x0a must be escaped."},
    };
    for (size_t i = 0; i < KY_COUNT_OF(cases); i++) {
        expect_invalid(ky_slice_cstr(cases[i].text), cases[i].detail);
    }
    expect_invalid(ky_slice("1\0", 2), "Expected end of input, but found \"\".");
}

Test(json, invalid_utf8_is_refused_and_not_echoed)
{
    expect_invalid(ky_slice_cstr("\"a\xff\""), "The string is not valid UTF-8.");
    expect_invalid(ky_slice_cstr("\"\xed\xa0\x80\""), "The string is not valid UTF-8.");
    expect_invalid(ky_slice_cstr("\"\xc3\""), "The string is not valid UTF-8.");
    expect_invalid(ky_slice_cstr("nul\xff"), "Token \"nul\" is invalid.");
}

Test(json, the_context_shows_the_line_up_to_the_mistake)
{
    cr_assert_eq(json_validate(ky_slice_cstr("{\n  \"a\": bad, \"b\": 1}"), &err), KY_ERR);
    cr_assert_str_eq(err.context, "JSON data, line 2:   \"a\": bad...");
}

static void
expect_undecodable(const char *text, const char *code)
{
    struct json_value *value = NULL;
    cr_expect_eq(json_parse(&arena, ky_slice_cstr(text), &value, &err), KY_ERR);
    cr_expect_str_eq(ky_sqlstate_code(err.sqlstate), code);
    cr_expect_eq(json_validate(ky_slice_cstr(text), &err), KY_OK, "legal as text");
}

Test(json, escapes_no_text_can_hold_are_legal_but_cannot_be_decoded)
{
    expect_undecodable("\"\\u0000\"", "22P05");
    expect_undecodable("\"\\ud83d\"", "22P02");
    expect_undecodable("\"\\ud83dx\"", "22P02");
    expect_undecodable("\"\\ud83d\\n\"", "22P02");
    expect_undecodable("\"\\ud83d\\ud83d\"", "22P02");
    expect_undecodable("\"\\ude00\"", "22P02");
}

static struct ky_slice
nested(size_t depth, char open, char close)
{
    char *text = ky_arena_alloc(&arena, depth * 2);
    memset(text, open, depth);
    memset(text + depth, close, depth);
    return ky_slice(text, depth * 2);
}

Test(json, nesting_past_the_limit_is_54001)
{
    struct json_value *value = NULL;
    cr_assert_eq(json_parse(&arena, nested(JSON_DEPTH_MAX, '[', ']'), &value, &err), KY_OK);
    struct ky_buffer out = {0};
    json_write_value(&out, value);
    cr_assert_eq(out.size, 2 * JSON_DEPTH_MAX);
    ky_buffer_deinit(&out);
    cr_assert_eq(json_parse(&arena, nested(JSON_DEPTH_MAX + 1, '[', ']'), &value, &err), KY_ERR);
    cr_assert_str_eq(ky_sqlstate_code(err.sqlstate), "54001");
    cr_assert_eq(json_validate(nested(1000000, '[', ']'), &err), KY_ERR);
    cr_assert_str_eq(ky_sqlstate_code(err.sqlstate), "54001");
}

Test(json, a_written_string_is_always_valid)
{
    struct ky_buffer out = {0};
    json_write_string(&out, ky_slice("a\0\xff\"\\\x7f\xc3\xa9\t", 9));
    cr_assert(
        ky_slice_is(ky_buffer_slice(&out), "\"a\\u0000\xef\xbf\xbd\\\"\\\\\x7f\xc3\xa9\\t\""));
    ky_buffer_clear(&out);
    json_write_string(&out, ky_slice(NULL, 0));
    cr_assert(ky_slice_is(ky_buffer_slice(&out), "\"\""));
    ky_buffer_deinit(&out);
}
