/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "server/sql/bind/walk.h"
#include "tests/unit/sql/sql_fixture.h"

static struct sql_fixture fixture;

static void
setup(void)
{
    sql_fixture_init(&fixture);
}

static void
teardown(void)
{
    sql_fixture_deinit(&fixture);
}

TestSuite(bind, .init = setup, .fini = teardown);

static struct query *
bind(const char *sql)
{
    struct query *query = NULL;
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(sql_fixture_bind(&fixture, sql, &query, &err), KY_OK, "%s: %s", sql, err.message);
    return query;
}

Test(bind, a_point_query_compares_a_column_with_a_constant)
{
    const struct query *query = bind("SELECT abalance FROM accounts WHERE aid = 5");
    cr_assert_eq(query->kind, QUERY_SELECT);
    cr_assert_eq(query->target_count, 1);
    cr_expect_eq(query->targets[0].origin_column, 3);
    cr_expect_eq(query->targets[0].origin_table, sql_fixture_table(&fixture, "accounts")->oid);
    const struct expr *where = query->where;
    cr_assert_eq(where->kind, EXPR_FUNC);
    cr_expect_eq(where->op->strategy, 3);
    cr_expect_eq(where->args[0]->kind, EXPR_COLUMN);
    cr_expect_eq(where->args[0]->column, 0);
    cr_expect_eq(where->args[1]->kind, EXPR_CONST);
    cr_expect_eq(where->args[1]->value.word, 5);
}

Test(bind, parameters_take_their_types_from_where_they_stand)
{
    bind("SELECT a FROM t WHERE a = $1 AND b = $2 AND d > $3 LIMIT $4");
    cr_assert_eq(fixture.context.param_count, 4);
    cr_expect_eq(fixture.params[0], OID_INT4);
    cr_expect_eq(fixture.params[1], OID_TEXT);
    cr_expect_eq(fixture.params[2], OID_TIMESTAMP);
    cr_expect_eq(fixture.params[3], OID_INT8);
    bind("SELECT $1");
    cr_expect_eq(fixture.params[0], OID_TEXT);
    bind("INSERT INTO t (a, c) VALUES ($1, $2)");
    cr_expect_eq(fixture.params[1], OID_NUMERIC);
}

Test(bind, constants_are_computed_once)
{
    const struct query *query = bind("SELECT 1 + 2 * 3, upper('x'), 1 / 0, a + 0 FROM t");
    cr_assert_eq(query->targets[0].expr->kind, EXPR_CONST);
    cr_expect_eq(query->targets[0].expr->value.word, 7);
    cr_expect_eq(query->targets[1].expr->kind, EXPR_CONST);
    cr_expect_eq(query->targets[2].expr->kind, EXPR_FUNC, "an error is left to the executor");
    cr_expect_eq(query->targets[3].expr->kind, EXPR_FUNC);
}

Test(bind, a_list_of_constants_is_one_array)
{
    const struct query *query = bind("SELECT a FROM t WHERE a IN (1, 2, '3')");
    cr_assert_eq(query->where->kind, EXPR_ARRAY_OP);
    cr_expect_eq(query->where->args[1]->kind, EXPR_CONST);
    cr_expect_eq(query->where->args[1]->type->oid, OID_INT4_ARRAY);
    query = bind("SELECT t.a FROM t, u WHERE t.a IN (1, u.a)");
    cr_expect_eq(query->where->kind, EXPR_OR);
}

Test(bind, order_by_shares_the_targets_expression)
{
    const struct query *query = bind("SELECT a + 1 AS x, b FROM t ORDER BY x DESC, a + 1, c");
    cr_assert_eq(query->order_count, 2);
    cr_expect_eq(query->order_by[0].expr, query->targets[0].expr);
    cr_expect(query->order_by[0].is_nulls_first);
    cr_assert_eq(query->target_count, 3);
    cr_expect(query->targets[2].is_hidden);
    cr_expect_eq(query->order_by[1].expr, query->targets[2].expr);
}

Test(bind, a_using_column_appears_once)
{
    const struct query *query = bind("SELECT * FROM t JOIN u USING (a)");
    cr_assert_eq(query->target_count, 7);
    cr_expect_str_eq(query->targets[0].name, "a");
    cr_expect_str_eq(query->targets[6].name, "x");
    cr_expect_eq(query->from[0]->on->kind, EXPR_FUNC);
    query = bind("SELECT a FROM t FULL JOIN u USING (a)");
    cr_expect_eq(query->targets[0].expr->kind, EXPR_COALESCE);
}

Test(bind, outer_columns_count_the_queries_between)
{
    const struct query *query = bind("SELECT (SELECT max(u.a) FROM u WHERE u.a = t.a) FROM t");
    const struct expr *subquery = query->targets[0].expr;
    cr_assert_eq(subquery->kind, EXPR_SUBQUERY);
    const struct expr *where = subquery->subquery->where;
    cr_expect_eq(where->args[0]->levels_up, 0);
    cr_expect_eq(where->args[1]->levels_up, 1);
    /* A set operation is a level of its own. */
    query = bind("SELECT (SELECT t.a UNION SELECT 1) FROM t");
    const struct query *left = query->targets[0].expr->subquery->left;
    cr_expect_eq(left->targets[0].expr->levels_up, 2);
}

Test(bind, an_aggregate_of_outer_columns_is_the_outer_querys)
{
    const struct query *query = bind("SELECT (SELECT count(t.a)) FROM t");
    cr_expect(query->has_aggregates);
    cr_expect_not(query->targets[0].expr->subquery->has_aggregates);
    cr_expect_eq(query->targets[0].expr->subquery->targets[0].expr->levels_up, 1);
}

Test(bind, in_subqueries_test_against_input)
{
    const struct query *query = bind("SELECT a FROM t WHERE a NOT IN (SELECT u.a FROM u)");
    cr_assert_eq(query->where->kind, EXPR_NOT);
    const struct expr *any = query->where->args[0];
    cr_assert_eq(any->kind, EXPR_SUBQUERY);
    cr_expect_eq(any->subquery_kind, SUBQUERY_ANY);
    cr_expect_eq(any->any_test->args[1]->kind, EXPR_INPUT);
}

Test(bind, set_operations_meet_at_a_common_type)
{
    const struct query *query =
        bind("(SELECT a FROM t ORDER BY b LIMIT 1) UNION ALL SELECT 1.5 ORDER BY a");
    cr_assert_eq(query->kind, QUERY_SET_OPERATION);
    cr_expect_eq(query->targets[0].expr->type->oid, OID_NUMERIC);
    cr_expect_eq(query->left->targets[0].expr->type->oid, OID_NUMERIC);
    cr_expect_eq(query->right->targets[0].expr->type->oid, OID_NUMERIC);
    cr_expect_eq(query->left->tables[0]->kind, TABLE_SUBQUERY, "its own order is kept inside");
}

Test(bind, a_recursive_cte_knows_itself)
{
    const struct query *query = bind("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM "
                                     "r WHERE n < 5) SELECT n FROM r");
    cr_assert_eq(query->cte_count, 1);
    const struct cte *cte = query->ctes[0];
    cr_expect(cte->is_recursive);
    cr_expect_eq(cte->query->right->tables[0]->cte, cte);
    cr_expect_eq(query->tables[0]->cte, cte);
}

Test(bind, a_view_is_a_subquery)
{
    const struct query *query = bind("SELECT x.b FROM v x WHERE x.a = 3");
    cr_assert_eq(query->tables[0]->kind, TABLE_SUBQUERY);
    cr_expect_not_null(query->tables[0]->subquery->where);
    cr_expect_str_eq(query->tables[0]->alias, "x");
}

Test(bind, insert_values_go_straight_to_column_types)
{
    const struct query *query =
        bind("INSERT INTO t (c, a, b) VALUES (1, 2, 3), (4.5, '5', DEFAULT)");
    const struct table_ref *values = query->source->tables[0];
    cr_assert_eq(values->row_count, 2);
    cr_expect_eq(query->insert_columns[0], 2);
    cr_expect_eq(values->rows[0][0]->type->oid, OID_NUMERIC);
    cr_expect_eq(values->rows[1][1]->value.word, 5);
    cr_expect_eq(values->rows[0][2]->type->oid, OID_TEXT);
    cr_expect(values->rows[1][2]->value.is_null);
}

Test(bind, inserted_rows_have_defaults_checks_and_generated_columns)
{
    const struct query *query = bind("INSERT INTO g (v) VALUES (1) RETURNING *");
    cr_expect_eq(query->defaults[3]->value.word, 7);
    cr_assert_eq(query->check_count, 1);
    cr_expect_eq(query->checks[0]->args[0]->kind, EXPR_INPUT);
    cr_expect_eq(query->checks[0]->args[0]->index, 1);
    cr_expect_not_null(query->generated[2]);
    cr_expect_eq(query->returning_count, 4);
}

Test(bind, on_conflict_finds_its_index_and_sees_excluded)
{
    const struct query *query =
        bind("INSERT INTO accounts VALUES (1, 2) ON CONFLICT (aid) DO UPDATE "
             "SET bid = excluded.bid + accounts.bid");
    cr_expect_eq(query->conflict, CONFLICT_UPDATE);
    cr_expect_eq(query->conflict_index, sql_fixture_table(&fixture, "accounts")->indexes[0]);
    cr_assert_eq(query->assignment_count, 1);
    cr_expect_eq(query->assignments[0].expr->args[0]->table, query->excluded_table);
    cr_expect_eq(query->assignments[0].expr->args[1]->table, query->target_table);
}

Test(bind, update_has_its_table_first_in_from)
{
    const struct query *query = bind("UPDATE t SET a = u.a, b = DEFAULT FROM u WHERE u.a = t.a");
    cr_assert_eq(query->from_count, 2);
    cr_expect_eq(query->from[0]->table, query->target_table);
    cr_expect_eq(query->assignment_count, 2);
    cr_expect(query->assignments[1].expr->value.is_null);
}

Test(bind, the_vector_form_leaves_ordinary_conditions_in_where)
{
    const struct query *query =
        bind("SELECT * FROM vectors WHERE QUERY = [1, 2, 3] AND MODE = 'ann' "
             "AND EF = 50 AND RECALL = 0.9 AND tag = 'x'");
    const struct vector_query *vector = query->tables[0]->vector_query;
    cr_assert_not_null(vector);
    cr_expect_eq(vector->mode, 'a');
    cr_expect_eq(vector->vector_column, 1);
    cr_expect_eq(vector->query->type->oid, OID_VECTOR);
    cr_expect_eq(vector->ef->value.word, 50);
    cr_expect_eq(vector->recall->type->oid, OID_FLOAT8);
    cr_assert_eq(query->target_count, 2);
    cr_expect_str_eq(query->targets[0].name, "key");
    cr_expect_str_eq(query->targets[1].name, "dist");
    cr_expect_eq(query->order_by[0].expr, query->targets[1].expr);
    cr_expect_eq(query->limit->value.word, 10);
    cr_expect_eq(query->where->kind, EXPR_FUNC);
    query = bind("SELECT key, dist FROM vectors WHERE query = $1 ORDER BY distance LIMIT 3");
    cr_expect_eq(fixture.params[0], OID_VECTOR);
    cr_expect_eq(query->limit->value.word, 3);
    cr_expect_null(query->where);
}

Test(bind, thousands_of_rows_are_bound)
{
    struct ky_buffer sql = {0};
    ky_buffer_append_cstr(&sql, "INSERT INTO u (a, x) VALUES (0, 'r')");
    for (int i = 1; i < 5000; i++) {
        ky_buffer_printf(&sql, ", (%d, 'row %d')", i, i);
    }
    ky_buffer_append_byte(&sql, 0);
    const struct query *query = bind((const char *)sql.data);
    cr_expect_eq(query->source->tables[0]->row_count, 5000);
    ky_buffer_deinit(&sql);
}

static bool
count_columns(struct expr *expr, int level, void *self)
{
    *(int *)self += expr->kind == EXPR_COLUMN;
    return expr_walk_children(expr, level, count_columns, self);
}

Test(bind, a_walk_reaches_subqueries)
{
    struct query *query = bind("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)");
    int count = 0;
    cr_expect_not(query_walk(query, 0, count_columns, &count));
    cr_expect_eq(count, 3);
}
