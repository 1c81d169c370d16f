/* SPDX-License-Identifier: Apache-2.0 */
#include "parser_fixture.h"

/*
 * Each line: a statement, a tab, and PostgreSQL 15's answer to it as "SQLSTATE message @position",
 * or "ok" where it parses.
 */
static void
check_malformed(char *line)
{
    char *wanted = strchr(line, '\t');
    cr_assert_not_null(wanted, "%s", line);
    *wanted++ = '\0';
    struct parsed *parsed = parsed_sql(line);
    char answer[1024] = "ok";
    if (parsed->status != KY_OK) {
        snprintf(answer, sizeof(answer), "%s %s @%d", ky_sqlstate_code(parsed->err.sqlstate),
                 parsed->err.message, parsed->err.position);
    }
    cr_expect_str_eq(answer, wanted, "%s", line);
    parsed_free(parsed);
}

Test(error, texts_and_positions_are_postgres)
{
    cr_expect_gt(for_each_line("malformed.txt", check_malformed), 150);
}

Test(error, positions_count_characters)
{
    expect_error("SELECT 'привет', FROM FROM", "42601", "syntax error at or near \"FROM\"", 18);
}

Test(error, a_failed_text_gives_no_statements)
{
    struct parsed *parsed = parsed_sql("SELECT 1; SELECT (");
    cr_expect_eq(parsed->status, KY_ERR);
    cr_expect_eq(parsed->statements.count, 0);
    cr_expect_eq(parsed->err.position, 19);
    parsed_free(parsed);
}

Test(error, a_long_token_is_shown_cut_at_a_character)
{
    char sql[2000] = "SELECT '";
    for (size_t i = 8; i + 2 < sizeof(sql); i += 2) {
        memcpy(sql + i, "\xc3\xa9", 3);
    }
    struct parsed *parsed = parsed_sql(sql);
    cr_expect_eq(parsed->err.sqlstate, KY_SYNTAX_ERROR);
    size_t size = strlen(parsed->err.message);
    cr_expect_eq(parsed->err.message[size - 1], '"');
    cr_expect_eq((unsigned char)parsed->err.message[size - 2], 0xa9);
    parsed_free(parsed);
}

Test(error, hints_are_given_where_postgres_gives_them)
{
    struct parsed *parsed = parsed_sql("SELECT 1 LIMIT 1, 2");
    cr_expect_str_eq(parsed->err.hint, "Use separate LIMIT and OFFSET clauses.");
    parsed_free(parsed);
}
