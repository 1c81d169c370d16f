/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/deparse/deparse.h"

#include <criterion/criterion.h>
#include <string.h>

#include "server/sql/bind/walk.h"
#include "tests/unit/sql/sql_fixture.h"

/*
 * What is printed is read back as the same: that is what pg_dump and the catalog's own texts live
 * on. How it looks is compared with PostgreSQL in tests/sql/catalog.
 */

static struct sql_fixture fixture;
static struct deparse_context context;

static void
setup(void)
{
    sql_fixture_init(&fixture);
    fixture.context.keeps_written = true;
    context = (struct deparse_context){.arena = &fixture.arena,
                                       .image = &fixture.image,
                                       .path = &fixture.path,
                                       .types = &fixture.env.types};
}

static void
teardown(void)
{
    sql_fixture_deinit(&fixture);
}

TestSuite(deparse, .init = setup, .fini = teardown);

static const struct deparse_style styles[] = {
    {0}, {.is_indented = true}, {.is_pretty = true}, {.is_pretty = true, .is_indented = true}};

static const char *
taken(struct ky_buffer *text)
{
    const char *copy = ky_arena_cstr(&fixture.arena, ky_buffer_slice(text));
    ky_buffer_deinit(text);
    return copy;
}

static struct expr *
bind(const struct cat_table *table, const char *sql)
{
    struct expr *expr = NULL;
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(bind_table_expression(&fixture.context, table, sql, NULL, -1, &expr, &err), KY_OK,
                 "%s: %s", sql, err.message);
    return expr;
}

static const char *
print(const struct cat_table *table, struct deparse_style style, const struct expr *expr)
{
    struct ky_buffer text = {0};
    cr_assert(deparse_expr(&context, table, style, expr, &text));
    return taken(&text);
}

Test(deparse, an_expression_is_read_back_as_itself)
{
    static const char *const expressions[] = {
        "a > 0",
        "a > 0 AND b <> 'x' OR NOT (c > 1.5 AND a IS NULL)",
        "a + 1 * 2 - (3 - a) / -a % 5",
        "a - (a - (a - 1)) - 1",
        "(a + 1)::numeric(10,2) = c::int",
        "a IN (1, 2, 3) AND a NOT IN (4, 5)",
        "a IN (a, 1)",
        "(a, b) IN ((1, 'x'), (2, 'y'))",
        "a BETWEEN 1 AND 2 OR a NOT BETWEEN SYMMETRIC 5 AND 3",
        "b LIKE 'a%' OR b NOT ILIKE 'b' ESCAPE '!' OR b SIMILAR TO 'c|d'",
        "(a, b) < (1, 'x') OR (a, b) = (1, 'x') OR (a, b) IS NOT DISTINCT FROM (1, 'x')",
        "a IS DISTINCT FROM 1 AND (a > 1) IS NOT TRUE AND (a > 1) IS UNKNOWN",
        "CASE WHEN a > 1 THEN 'x' WHEN a > 2 THEN b END",
        "CASE a WHEN 1 THEN 2 WHEN 2.5 THEN 3 ELSE c END",
        "COALESCE(a, 1) + NULLIF(a, 2) + GREATEST(a, 3) - LEAST(a, 4)",
        "e[1] + e[a] > 0 AND e[1:2] = e[:3] AND (e || 1)[2] = 0",
        "e = ARRAY[1, a] OR e = '{1,2}' OR e = ARRAY[]::int[]",
        "a = ANY (e) AND a <> ALL (ARRAY[1, 2])",
        "EXTRACT(year FROM d) > 2000 AND d AT TIME ZONE 'UTC' > now()",
        "SUBSTRING(b FROM 1 FOR 2) = OVERLAY(b PLACING 'x' FROM 1) || TRIM(LEADING 'x' FROM b)",
        "POSITION('a' || b IN b) = strpos(b, 'a')",
        "CURRENT_DATE > d::date AND CURRENT_TIMESTAMP(2) > d AND CURRENT_USER = b",
        "b COLLATE \"C\" > 'x' OR lower(b COLLATE \"C\") = b",
        "b = 'it''s \\ ' || E'\\n' AND b <> ''",
        "'abc'::varchar(2) = b OR b::char(3) = 'x' OR '1'::numeric(3,1) = c",
        "concat(b, 'x', a) = format('%s', VARIADIC ARRAY['x'])",
        "d + '1 day' > d - interval '2 hours' * 3",
        "NULL::bool OR a = NULL OR 1 = 1",
        "a = -1 OR a = - 1 OR c = -1.5 OR a = +a OR @ a = 1",
    };
    const struct cat_table *table = sql_fixture_table(&fixture, "t");
    for (size_t i = 0; i < KY_COUNT_OF(expressions); i++) {
        const struct expr *expr = bind(table, expressions[i]);
        for (size_t s = 0; s < KY_COUNT_OF(styles); s++) {
            const char *text = print(table, styles[s], expr);
            cr_expect(expr_equal(expr, bind(table, text)), "%s as %s", expressions[i], text);
        }
    }
}

Test(deparse, an_expression_means_the_same_to_a_tree_that_runs)
{
    static const char *const expressions[] = {
        "a > 0 AND b <> 'x' OR NOT (c > 1.5 AND a IS NULL)",
        "a IN (1, 2, 3) AND a BETWEEN 1 AND 2 + 3",
        "CASE a WHEN 1 THEN 2 ELSE c END > '5'",
        "d > '2020-01-01' AND b = 'x'::varchar(3)",
    };
    const struct cat_table *table = sql_fixture_table(&fixture, "t");
    for (size_t i = 0; i < KY_COUNT_OF(expressions); i++) {
        const char *text = print(table, styles[0], bind(table, expressions[i]));
        fixture.context.keeps_written = false;
        cr_expect(expr_equal(bind(table, expressions[i]), bind(table, text)), "%s as %s",
                  expressions[i], text);
        fixture.context.keeps_written = true;
    }
}

static const char *
print_query(const char *sql, struct deparse_style style)
{
    struct ky_buffer text = {0};
    struct query *query = NULL;
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(sql_fixture_bind(&fixture, sql, &query, &err), KY_OK, "%s: %s", sql, err.message);
    cr_assert(deparse_query(&context, NULL, style, query, &text), "%s", sql);
    return taken(&text);
}

Test(deparse, a_query_is_read_back_and_printed_the_same)
{
    static const char *const queries[] = {
        "SELECT * FROM t",
        "SELECT a AS x, b || 'y', count(*) FROM t GROUP BY a, b HAVING count(*) > 1 ORDER BY 2 "
        "DESC",
        "SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, c NULLS FIRST LIMIT 5 OFFSET 2",
        "SELECT t.a, x FROM t JOIN u ON t.a = u.a LEFT JOIN g ON g.id = u.a WHERE x IS NULL",
        "SELECT * FROM t JOIN u USING (a), accounts",
        "SELECT * FROM t FULL JOIN u USING (a) ORDER BY a",
        "SELECT * FROM (t JOIN u USING (a)) j WHERE j.a > 1",
        "SELECT * FROM t x(p, q), (SELECT a, count(*) FROM u GROUP BY a) s(k, n) WHERE p = k",
        "SELECT a FROM t WHERE a IN (SELECT a FROM u WHERE u.a = t.a) AND EXISTS (SELECT 1 FROM t)",
        "SELECT a, (SELECT max(x) FROM u WHERE u.a = t.a) FROM t WHERE (a, b) < (SELECT a, x FROM "
        "u)",
        "SELECT a FROM t WHERE a > ALL (SELECT a FROM u) OR a = ANY (ARRAY(SELECT a FROM u))",
        "SELECT a FROM t UNION ALL SELECT a FROM u INTERSECT SELECT 1 ORDER BY a LIMIT 1",
        "(SELECT a FROM t ORDER BY b LIMIT 1) EXCEPT (SELECT a FROM u UNION SELECT 2)",
        "WITH w(k) AS MATERIALIZED (SELECT a FROM t) SELECT k FROM w WHERE k IN (SELECT k FROM w)",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT * "
        "FROM r",
        "VALUES (1, 'x'), (2, NULL)",
        "SELECT * FROM (VALUES (1, 'x'), (2, 'y')) v(n, s) WHERE n > 1",
        "SELECT a, g FROM t, generate_series(1, t.a) g, unnest(ARRAY[1], ARRAY['x']) WITH "
        "ORDINALITY",
        "SELECT * FROM t LEFT JOIN LATERAL (SELECT x FROM u WHERE u.a = t.a LIMIT 1) l ON true",
        "SELECT sum(a) OVER w, rank() OVER (w ORDER BY b), lag(a) OVER (ORDER BY a ROWS 2 "
        "PRECEDING) "
        "FROM t WINDOW w AS (PARTITION BY b)",
        "SELECT count(DISTINCT a) FILTER (WHERE a > 1), string_agg(b, ',' ORDER BY a DESC) FROM t",
        "SELECT a FROM v WHERE v.a > 1 FOR UPDATE NOWAIT",
        "SELECT CASE WHEN a > 1 THEN (SELECT b FROM t x WHERE x.a = t.a) END, b FROM t ORDER BY a "
        "+ 1",
    };
    for (size_t i = 0; i < KY_COUNT_OF(queries); i++) {
        for (size_t s = 0; s < KY_COUNT_OF(styles); s++) {
            const char *text = print_query(queries[i], styles[s]);
            cr_expect_str_eq(print_query(text, styles[s]), text, "%s", queries[i]);
        }
    }
}

Test(deparse, without_a_search_path_relations_have_their_schema)
{
    context.path = NULL;
    cr_expect_str_eq(print_query("SELECT a FROM t", styles[0]), "SELECT t.a FROM public.t");
}

Test(deparse, a_parameter_has_no_text)
{
    struct ky_buffer text = {0};
    struct query *query = NULL;
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(sql_fixture_bind(&fixture, "SELECT $1::int", &query, &err), KY_OK);
    cr_expect_not(deparse_query(&context, NULL, styles[0], query, &text));
    ky_buffer_deinit(&text);
}
