/* SPDX-License-Identifier: Apache-2.0 */
#include "parser_fixture.h"

/* prefix, then middle count times, then core, then suffix count times. */
static char *
repeated(const char *prefix, const char *middle, const char *core, const char *suffix, int count)
{
    struct ky_buffer text = {0};
    ky_buffer_append_cstr(&text, prefix);
    for (int i = 0; i < count; i++) {
        ky_buffer_append_cstr(&text, middle);
    }
    ky_buffer_append_cstr(&text, core);
    for (int i = 0; i < count; i++) {
        ky_buffer_append_cstr(&text, suffix);
    }
    ky_buffer_append_byte(&text, 0);
    return (char *)text.data;
}

static enum ky_sqlstate
parse_repeated(const char *prefix, const char *middle, const char *core, const char *suffix,
               int count)
{
    char *sql = repeated(prefix, middle, core, suffix, count);
    struct parsed *parsed = parsed_sql(sql);
    enum ky_sqlstate sqlstate = parsed->err.sqlstate;
    parsed_free(parsed);
    ky_free(sql);
    return sqlstate;
}

/* Whatever can be nested in itself, ten thousand deep. */
Test(limit, deep_nesting_is_an_error_and_not_a_crash)
{
    static const char *const shapes[][4] = {
        {"SELECT ", "(", "1", ")"},
        {"SELECT ", "f(", "1", ")"},
        {"SELECT ", "- ", "a", ""},
        {"SELECT ", "NOT ", "a", ""},
        {"SELECT ", "1 + (", "1", ")"},
        {"SELECT 1", " + 1", "", ""},
        {"SELECT a", "::text", "", ""},
        {"SELECT a", " IS NULL", "", ""},
        {"SELECT a", " COLLATE c", "", ""},
        {"SELECT ", "CASE WHEN a THEN ", "1", " END"},
        {"SELECT ", "ARRAY[", "1", "]"},
        {"SELECT ", "[", "a", "]"},
        {"SELECT ", "a[", "1", "]"},
        {"", "(", "SELECT 1", ")"},
        {"SELECT 1", " UNION SELECT 1", "", ""},
        {"", "SELECT (", "SELECT 1", ")"},
        {"", "SELECT * FROM (", "SELECT 1", ") AS a"},
        {"SELECT * FROM t", " JOIN t ON a", "", ""},
        {"SELECT * FROM ", "(", "t JOIN t ON a", ")"},
        {"", "WITH a AS (", "SELECT 1", ") SELECT 1"},
        {"CREATE TABLE t (a int DEFAULT ", "(", "1", "))"},
    };
    for (size_t i = 0; i < KY_COUNT_OF(shapes); i++) {
        enum ky_sqlstate sqlstate =
            parse_repeated(shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], 10000);
        cr_expect_eq(sqlstate, KY_STATEMENT_TOO_COMPLEX, "%s%s: %s", shapes[i][0], shapes[i][1],
                     ky_sqlstate_code(sqlstate));
    }
}

Test(limit, nesting_below_the_limit_parses)
{
    cr_expect_eq(parse_repeated("SELECT ", "(", "1", ")", 2000), KY_SUCCESSFUL_COMPLETION);
    cr_expect_eq(parse_repeated("SELECT ", "f(", "1", ")", 900), KY_SUCCESSFUL_COMPLETION);
    cr_expect_eq(parse_repeated("SELECT 1", " + 1", "", "", 1900), KY_SUCCESSFUL_COMPLETION);
}

/* Generated conditions may be long: they are lists, not depth. */
Test(limit, long_lists_are_not_deep)
{
    cr_expect_eq(parse_repeated("SELECT a", " OR a = 1", "", "", 50000), KY_SUCCESSFUL_COMPLETION);
    cr_expect_eq(parse_repeated("SELECT a", " AND a = 1", "", "", 50000), KY_SUCCESSFUL_COMPLETION);
    cr_expect_eq(parse_repeated("SELECT a IN (1", ", 1", ")", "", 50000), KY_SUCCESSFUL_COMPLETION);
    cr_expect_eq(parse_repeated("VALUES (1)", ", (1, 2)", "", "", 50000), KY_SUCCESSFUL_COMPLETION);
    cr_expect_eq(parse_repeated("SELECT 1", "; SELECT 1", "", "", 20000), KY_SUCCESSFUL_COMPLETION);
}

/* Left-deep chains inside nested ones: the sum of both counts, not the larger. */
Test(limit, no_tree_is_higher_than_promised)
{
    char *chain = repeated("1", " + 1", "", "", 400);
    struct ky_buffer sql = {0};
    ky_buffer_append_cstr(&sql, "SELECT ");
    for (int i = 0; i < 10; i++) {
        ky_buffer_append_cstr(&sql, "f(");
    }
    for (int i = 0; i < 10; i++) {
        ky_buffer_append_cstr(&sql, i == 0 ? chain : chain + 1);
        ky_buffer_append_cstr(&sql, ")");
    }
    ky_buffer_append_byte(&sql, 0);
    struct parsed *parsed = parsed_sql((const char *)sql.data);
    cr_expect_eq(parsed->err.sqlstate, KY_STATEMENT_TOO_COMPLEX);
    parsed_free(parsed);
    ky_buffer_deinit(&sql);
    ky_free(chain);
}

Test(limit, an_operator_longer_than_a_name_is_refused)
{
    char *sql = repeated("SELECT 1 ", "@", " 1", "", PARSER_NAME_SIZE_MAX + 1);
    struct parsed *parsed = parsed_sql(sql);
    cr_expect_eq(parsed->err.sqlstate, KY_SYNTAX_ERROR);
    cr_expect_eq(strncmp(parsed->err.message, "operator too long", 17), 0);
    parsed_free(parsed);
    ky_free(sql);
}
