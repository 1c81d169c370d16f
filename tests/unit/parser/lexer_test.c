/* SPDX-License-Identifier: Apache-2.0 */
#include "parser_fixture.h"

Test(lexer, names_are_folded_unless_quoted)
{
    expect_expression("FooBar", "foobar");
    expect_expression("\"FooBar\"", "\"FooBar\"");
    expect_expression("\"a\"\"b\"", "\"a\"\"b\"");
    expect_expression("_a$1", "\"_a$1\"");
    expect_expression("U&\"d\\0061t\\+000061\"", "data");
    expect_expression("U&\"d!0061ta\" UESCAPE '!'", "data");
    expect_expression("Größe", "\"größe\"");
}

/* 63 bytes, but never half a character. */
Test(lexer, long_names_are_cut_at_a_character)
{
    char name[80];
    memset(name, 'a', 62);
    memcpy(name + 62, "\xc3\xa9zz", 5);
    struct parsed *parsed = parsed_expression(name);
    const struct ast_column_ref *ref = (const void *)parsed->expression;
    cr_expect_eq(strlen(ast_list_text(ref->names, 0)), 62);
    parsed_free(parsed);
    memset(name, 'b', 70);
    name[70] = '\0';
    parsed = parsed_expression(name);
    ref = (const void *)parsed->expression;
    cr_expect_eq(strlen(ast_list_text(ref->names, 0)), PARSER_NAME_SIZE_MAX);
    parsed_free(parsed);
}

Test(lexer, strings_are_decoded)
{
    expect_expression("'it''s'", "'it''s'");
    expect_expression("'a' \n 'b'\n-- between\n'c'", "'abc'");
    expect_expression("E'a\\tb\\n\\'\\x41\\101\\u0042\\U00000043'", "'a\tb\n''AABC'");
    expect_expression("E'\\ud83d\\ude00'", "'\xf0\x9f\x98\x80'");
    expect_expression("E'a' \n '\\\\b'", "E'a\\\\b'");
    expect_expression("'a\\b'", "E'a\\\\b'");
    expect_expression("$$a'b$$", "'a''b'");
    expect_expression("$x$a$$b$y$c$x$", "'a$$b$y$c'");
    expect_expression("U&'\\0441\\043B'", "'\xd1\x81\xd0\xbb'");
    expect_expression("B'01'", "B'01'");
    expect_expression("x'fF'", "X'fF'");
}

Test(lexer, numbers_keep_their_exact_value)
{
    expect_expression("9223372036854775807", "9223372036854775807");
    expect_expression("9223372036854775808", "9223372036854775808");
    expect_expression("-9223372036854775808", "-9223372036854775808");
    expect_expression("1.", "1.");
    expect_expression(".5e-3", ".5e-3");
    struct parsed *parsed = parsed_expression("-9223372036854775808");
    const struct ast_const *constant = (const void *)parsed->expression;
    cr_expect_eq(constant->type, AST_CONST_INTEGER);
    cr_expect_eq(constant->integer, INT64_MIN);
    parsed_free(parsed);
}

/* An operator ends before a comment, and drops a trailing sign unless it has one of ~!@#^&|`?%. */
Test(lexer, operators_end_where_postgres_ends_them)
{
    expect_expression("a<-1", "a < (-1)");
    expect_expression("a*-1", "a * (-1)");
    expect_expression("a@-1", "a @- 1");
    expect_expression("a<->b", "a <-> b");
    expect_expression("a+/* x /* y */ */b", "a + b");
    expect_expression("a+--x\n1", "a + 1");
    expect_expression("a!=b", "a <> b");
    expect_expression("a->>'x'", "a ->> 'x'");
}

Test(lexer, comments_nest)
{
    expect_expression("1 /* a /* b */ c */ + /**/ 2 -- end", "1 + 2");
}

Test(lexer, every_keyword_is_found_and_sorted)
{
    for (int i = 0; i < keyword_count; i++) {
        const char *name = keyword_table[i].name;
        cr_expect_eq(keyword_find(name, strlen(name)), &keyword_table[i], "%s", name);
        cr_expect(i == 0 || strcmp(keyword_table[i - 1].name, name) < 0, "%s", name);
    }
    cr_expect_null(keyword_find("selec", 5));
    cr_expect_null(keyword_find("selectx", 7));
    cr_expect_null(keyword_find("", 0));
    cr_expect_eq(keyword_find("select", 6)->class, KEYWORD_RESERVED);
    cr_expect_eq(keyword_find("vectors", 7)->class, KEYWORD_UNRESERVED);
}

/* Each class is a name exactly where PostgreSQL lets it be one; quoted, every word is. */
Test(lexer, keywords_are_names_according_to_their_class)
{
    for (int i = 0; i < keyword_count; i++) {
        const struct keyword *keyword = &keyword_table[i];
        char sql[200];
        snprintf(sql, sizeof(sql), "CREATE TABLE x (y int, %s int)", keyword->name);
        struct parsed *parsed = parsed_sql(sql);
        bool is_column = keyword->class == KEYWORD_UNRESERVED || keyword->class == KEYWORD_COL_NAME;
        /* These two begin a table element of another kind. */
        if (strcmp(keyword->name, "exclude") != 0 && strcmp(keyword->name, "like") != 0) {
            cr_expect_eq(parsed->status == KY_OK, is_column, "%s", sql);
        }
        parsed_free(parsed);
        snprintf(sql, sizeof(sql), "SELECT 1 AS %s, x.%s, \"%s\" FROM \"%s\"", keyword->name,
                 keyword->name, keyword->name, keyword->name);
        parsed = parsed_sql(sql);
        cr_expect_eq(parsed->status, KY_OK, "%s: %s", sql, parsed->err.message);
        parsed_free(parsed);
        snprintf(sql, sizeof(sql), "SELECT 1 %s", keyword->name);
        parsed = parsed_sql(sql);
        if (keyword->is_bare_label) {
            cr_expect_eq(parsed->status, KY_OK, "%s: %s", sql, parsed->err.message);
        }
        parsed_free(parsed);
    }
}

Test(lexer, broken_utf8_and_zero_bytes_are_refused)
{
    expect_error("SELECT '\xff'", "22021", "invalid byte sequence for encoding \"UTF8\": 0xff", 0);
    expect_error("SELECT '\xc3'", "22021", "invalid byte sequence for encoding \"UTF8\": 0xc3 0x27",
                 0);
    expect_error("SELECT '\xed\xa0\x80'", "22021",
                 "invalid byte sequence for encoding \"UTF8\": 0xed 0xa0 0x80", 0);
    expect_error("SELECT E'\\000'", "22021", "invalid byte sequence for encoding \"UTF8\": 0x00",
                 0);
    expect_error("SELECT E'\\xff'", "22021", "invalid byte sequence for encoding \"UTF8\": 0xff",
                 0);
    struct parsed *parsed = parsed_new();
    ky_status status =
        parse_sql(&parsed->arena, ky_slice("SELECT \0 1", 10), &parsed->statements, &parsed->err);
    cr_expect_eq(status, KY_ERR);
    cr_expect_eq(parsed->err.sqlstate, KY_CHARACTER_NOT_IN_REPERTOIRE);
    parsed_free(parsed);
}
