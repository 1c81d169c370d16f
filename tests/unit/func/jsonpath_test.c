/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "tests/unit/func/func_fixture.h"

#define EXPECT(expression, expected)                                                     \
    do {                                                                                 \
        const char *got_ = (expression);                                                 \
        cr_expect_str_eq(got_, expected, "%s: %s, not %s", #expression, got_, expected); \
    } while (0)

Test(func_jsonpath, finds_in_lax_and_strict_mode)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(OPER("jsonb", "{\"a\":[1,2]}", "@?", "jsonpath", "$.a[*] ? (@ > 1)"), "t");
    EXPECT(OPER("jsonb", "{\"a\":[1,2]}", "@@", "jsonpath", "$.a[*] > 5"), "f");
    EXPECT(OPER("jsonb", "{\"a\":1}", "@?", "jsonpath", "strict $.b"), "NULL");
    EXPECT(OPER("jsonb", "{\"a\":1}", "@@", "jsonpath", "$.a"), "NULL");
    EXPECT(CALL("jsonb_path_query_array", "jsonb", "[{\"a\":1},{\"a\":[2,\"x\"]}]", "jsonpath",
                "$.a[*] ? (@ < $max)", "jsonb", "{\"max\": 9}", "bool", "f"),
           "[1, 2]");
    EXPECT(CALL("jsonb_path_query_first", "jsonb", "\"10:00:00+02\"", "jsonpath", "$.datetime()",
                "jsonb", "{}", "bool", "f"),
           "\"10:00:00+02:00\"");
    EXPECT(CALL("jsonb_path_match", "jsonb", "{\"a\":1}", "jsonpath", "strict $.b", "jsonb", "{}",
                "bool", "f"),
           "2203A: JSON object does not contain key \"b\"");
    EXPECT(CALL("jsonb_path_match", "jsonb", "{\"a\":1}", "jsonpath", "strict $.b", "jsonb", "{}",
                "bool", "t"),
           "NULL");
    EXPECT(ROWS("jsonb_path_query", "jsonb", "[1,[2]]", "jsonpath", "$.**", "jsonb", "{}", "bool",
                "f"),
           "[1, [2]] 1 [2] 2");
    func_fixture_close(&fixture);
}

/* A silent run keeps the path's errors to itself, not those that no path may have. */
Test(func_jsonpath, some_errors_are_never_silent)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(CALL("jsonb_path_exists", "jsonb", "1", "jsonpath", "$ ? (@ == $x)", "jsonb", "{}",
                "bool", "t"),
           "42704: could not find jsonpath variable \"x\"");
    EXPECT(CALL("jsonb_path_exists", "jsonb", "1", "jsonpath", "$", "jsonb", "[]", "bool", "t"),
           "22023: \"vars\" argument is not an object");
    EXPECT(CALL("jsonb_path_exists", "jsonb", "\"a\"", "jsonpath", "$ ? (@ like_regex \"(\")",
                "jsonb", "{}", "bool", "t"),
           "2201B: invalid regular expression: parentheses () not balanced");
    EXPECT(CALL("jsonb_path_exists", "jsonb", "\"2020-01-01\"", "jsonpath",
                "$.datetime() ? (@ < \"2020-01-01 00:00:00+00\".datetime())", "jsonb", "{}", "bool",
                "t"),
           "0A000: cannot convert value from date to timestamptz without time zone usage");
    func_fixture_close(&fixture);
}

/* Levels of the value times filters of the path: each fits, together they do not. */
Test(func_jsonpath, depth_of_a_run_has_a_limit)
{
    enum { DEPTH = 200, FILTERS = 20 };
    static const char filter[] = "$.**{200} ? (exists(";
    char value[2 * DEPTH + 2] = {0};
    struct ky_buffer path = {0};
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    memset(value, '[', DEPTH);
    value[DEPTH] = '1';
    memset(value + DEPTH + 1, ']', DEPTH);
    EXPECT(CALL("jsonb_path_exists", "jsonb", value, "jsonpath", "$.**{200}", "jsonb", "{}", "bool",
                "f"),
           "t");
    for (int i = 0; i < FILTERS; i++) {
        ky_buffer_append_cstr(&path, filter);
    }
    ky_buffer_append_cstr(&path, "$");
    for (int i = 0; i < FILTERS; i++) {
        ky_buffer_append_cstr(&path, "))");
    }
    ky_buffer_append_byte(&path, '\0');
    EXPECT(CALL("jsonb_path_exists", "jsonb", value, "jsonpath", (const char *)path.data, "jsonb",
                "{}", "bool", "f"),
           "54001: stack depth limit exceeded");
    ky_buffer_deinit(&path);
    func_fixture_close(&fixture);
}
