/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan.h"

#include <criterion/criterion.h>
#include <math.h>

#include "server/base/json.h"
#include "tests/unit/sql/sql_fixture.h"

/* Plans as EXPLAIN shows them: the shape says which rule applied. No storage: tables of unknown
 * size. */

uint64_t
storage_live_count(const struct storage *storage, rel_id_t rel)
{
    (void)storage;
    (void)rel;
    return 0;
}

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

TestSuite(plan, .init = setup, .fini = teardown);

static ky_status
plan(const char *sql, struct statement_plan **plan_out, struct ky_error *err)
{
    struct query *query = NULL;
    ky_error_init(err);
    KY_TRY(sql_fixture_bind(&fixture, sql, &query, err));
    struct plan_context context = {.arena = &fixture.arena,
                                   .image = &fixture.image,
                                   .env = &fixture.env,
                                   .is_seqscan_enabled = true,
                                   .is_indexscan_enabled = true,
                                   .is_hashjoin_enabled = true,
                                   .is_nestloop_enabled = true,
                                   .is_sort_enabled = true};
    return plan_query(&context, query, plan_out, err);
}

static struct statement_plan *
must_plan(const char *sql)
{
    struct statement_plan *made = NULL;
    struct ky_error err;
    cr_assert(plan(sql, &made, &err) == KY_OK, "%s: %s", sql, err.message);
    return made;
}

static const struct {
    const char *sql, *plan;
} shapes[] = {
    {"SELECT abalance FROM accounts WHERE aid = $1", "Index Scan using accounts_pkey on accounts\n"
                                                     "  Index Cond: (aid = $1)"},
    {"SELECT a, b FROM t WHERE a > 1 ORDER BY b DESC LIMIT 3", "Limit\n"
                                                               "  ->  Sort\n"
                                                               "        Sort Key: b DESC\n"
                                                               "        ->  Seq Scan on t\n"
                                                               "              Filter: (a > 1)"},
    {"SELECT t.a, u.x FROM t JOIN u ON t.a = u.a WHERE t.b = 'x'",
     "Hash Join\n"
     "  Hash Cond: (u.a = t.a)\n"
     "  ->  Seq Scan on u\n"
     "  ->  Hash\n"
     "        ->  Seq Scan on t\n"
     "              Filter: (b = 'x'::text)"},
    {"SELECT t.a, u.x FROM t LEFT JOIN u ON t.a = u.a AND u.x = 'y' WHERE u.x IS NULL",
     "Hash Left Join\n"
     "  Hash Cond: (t.a = u.a)\n"
     "  Filter: (u.x IS NULL)\n"
     "  ->  Seq Scan on t\n"
     "  ->  Hash\n"
     "        ->  Seq Scan on u\n"
     "              Filter: ((x)::text = 'y'::text)"},
    {"SELECT t.a, u.x FROM t RIGHT JOIN u ON t.a = u.a", "Hash Left Join\n"
                                                         "  Hash Cond: (u.a = t.a)\n"
                                                         "  ->  Seq Scan on u\n"
                                                         "  ->  Hash\n"
                                                         "        ->  Seq Scan on t"},
    {"SELECT t.a, u.x FROM t FULL JOIN u ON t.a = u.a", "Hash Full Join\n"
                                                        "  Hash Cond: (t.a = u.a)\n"
                                                        "  ->  Seq Scan on t\n"
                                                        "  ->  Hash\n"
                                                        "        ->  Seq Scan on u"},
    {"SELECT a, count(*), sum(a) FROM t GROUP BY a HAVING count(*) > 1 ORDER BY 2 DESC",
     "Sort\n"
     "  Sort Key: count(*) DESC\n"
     "  ->  HashAggregate\n"
     "        Group Key: a\n"
     "        Filter: (count(*) > 1)\n"
     "        ->  Seq Scan on t"},
    {"SELECT count(*) FROM t", "Aggregate\n"
                               "  ->  Seq Scan on t"},
    {"SELECT DISTINCT b FROM t ORDER BY b", "Sort\n"
                                            "  Sort Key: b\n"
                                            "  ->  HashAggregate\n"
                                            "        ->  Seq Scan on t"},
    {"SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b", "Unique\n"
                                                         "  ->  Sort\n"
                                                         "        Sort Key: a, b\n"
                                                         "        ->  Seq Scan on t"},
    {"SELECT row_number() OVER (PARTITION BY a ORDER BY b), a FROM t", "WindowAgg\n"
                                                                       "  ->  Sort\n"
                                                                       "        Sort Key: a, b\n"
                                                                       "        ->  Seq Scan on t"},
    {"SELECT unnest(e), a FROM t", "ProjectSet\n"
                                   "  ->  Seq Scan on t"},
    {"SELECT a FROM t UNION SELECT a FROM u ORDER BY 1", "Sort\n"
                                                         "  Sort Key: a\n"
                                                         "  ->  HashAggregate\n"
                                                         "        ->  Append\n"
                                                         "              ->  Seq Scan on t\n"
                                                         "              ->  Seq Scan on u"},
    {"SELECT a FROM t INTERSECT SELECT a FROM u", "HashSetOp\n"
                                                  "  ->  Seq Scan on t\n"
                                                  "  ->  Seq Scan on u"},
    {"SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)", "Hash Semi Join\n"
                                                                       "  Hash Cond: (t.a = u.a)\n"
                                                                       "  ->  Seq Scan on t\n"
                                                                       "  ->  Hash\n"
                                                                       "        ->  Seq Scan on u"},
    {"SELECT * FROM t WHERE a IN (SELECT a FROM u)", "Hash Semi Join\n"
                                                     "  Hash Cond: (t.a = u.a)\n"
                                                     "  ->  Seq Scan on t\n"
                                                     "  ->  Hash\n"
                                                     "        ->  Seq Scan on u"},
    {"SELECT * FROM t WHERE a NOT IN (SELECT a FROM u)", "Seq Scan on t\n"
                                                         "  Filter: (NOT (hashed SubPlan 1))\n"
                                                         "  SubPlan 1\n"
                                                         "    ->  Seq Scan on u"},
    {"SELECT * FROM accounts WHERE aid IN (SELECT 1::bigint UNION ALL SELECT 2)",
     "Nested Loop\n"
     "  ->  HashAggregate\n"
     "        ->  Append\n"
     "              ->  Result\n"
     "              ->  Result\n"
     "  ->  Index Scan using accounts_pkey on accounts\n"
     "        Index Cond: (aid = $0)"},
    {"SELECT a, (SELECT max(x) FROM u WHERE u.a = t.a) FROM t", "Seq Scan on t\n"
                                                                "  SubPlan 1\n"
                                                                "    ->  Aggregate\n"
                                                                "          ->  Seq Scan on u\n"
                                                                "                Filter: (a = $0)"},
    {"SELECT * FROM t, LATERAL (SELECT x FROM u WHERE u.a = t.a LIMIT 1) s",
     "Nested Loop\n"
     "  ->  Seq Scan on t\n"
     "  ->  Limit\n"
     "        ->  Seq Scan on u\n"
     "              Filter: (a = $0)"},
    {"SELECT * FROM t, unnest(t.e) g", "Nested Loop\n"
                                       "  ->  Seq Scan on t\n"
                                       "  ->  Function Scan on g"},
    {"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r WHERE n < 5) SELECT * FROM r",
     "CTE Scan on r\n"
     "  CTE r\n"
     "    ->  Recursive Union\n"
     "          ->  Result\n"
     "          ->  WorkTable Scan on r\n"
     "                Filter: (r.c1 < 5)"},
    {"WITH c AS (SELECT a FROM t) SELECT * FROM c WHERE a = 1", "Seq Scan on t\n"
                                                                "  Filter: (a = 1)"},
    {"INSERT INTO u VALUES (1,'x'),(2,'y')", "Insert on u\n"
                                             "  ->  Values Scan on *VALUES*"},
    {"INSERT INTO accounts(aid, bid) VALUES (1,2) ON CONFLICT (aid) DO UPDATE SET bid = "
     "excluded.bid + accounts.bid RETURNING aid, bid",
     "Insert on accounts\n"
     "  ->  Values Scan on *VALUES*"},
    {"UPDATE accounts SET abalance = abalance + $2 WHERE aid = $1 RETURNING abalance",
     "Update on accounts\n"
     "  ->  Index Scan using accounts_pkey on accounts\n"
     "        Index Cond: (aid = $1)"},
    {"UPDATE t SET b = u.x FROM u WHERE u.a = t.a RETURNING t.a, u.x",
     "Update on t\n"
     "  ->  Hash Join\n"
     "        Hash Cond: (u.a = t.a)\n"
     "        ->  Seq Scan on u\n"
     "        ->  Hash\n"
     "              ->  Seq Scan on t"},
    {"DELETE FROM accounts WHERE aid = 5", "Delete on accounts\n"
                                           "  ->  Index Scan using accounts_pkey on accounts\n"
                                           "        Index Cond: (aid = 5)"},
    {"SELECT * FROM accounts WHERE aid = 5 FOR UPDATE",
     "LockRows\n"
     "  ->  Index Scan using accounts_pkey on accounts\n"
     "        Index Cond: (aid = 5)"},
    {"SELECT * FROM accounts ORDER BY aid LIMIT 10",
     "Limit\n"
     "  ->  Index Scan using accounts_pkey on accounts"},
    {"SELECT * FROM accounts ORDER BY aid DESC LIMIT 10",
     "Limit\n"
     "  ->  Index Scan Backward using accounts_pkey on accounts"},
    {"SELECT * FROM accounts WHERE aid IN (1,2,3)",
     "Index Scan using accounts_pkey on accounts\n"
     "  Index Cond: (aid = ANY ('{1,2,3}'::integer[]))"},
    {"SELECT * FROM accounts WHERE aid = ANY($1)", "Index Scan using accounts_pkey on accounts\n"
                                                   "  Index Cond: (aid = ANY ($1))"},
    {"SELECT * FROM accounts WHERE aid = 5::bigint", "Index Scan using accounts_pkey on accounts\n"
                                                     "  Index Cond: (aid = '5'::bigint)"},
    {"SELECT * FROM accounts WHERE aid = 99999999999",
     "Index Scan using accounts_pkey on accounts\n"
     "  Index Cond: (aid = '99999999999'::bigint)"},
    {"SELECT * FROM accounts WHERE aid = $1::bigint", "Index Scan using accounts_pkey on accounts\n"
                                                      "  Index Cond: (aid = $1)"},
    {"SELECT * FROM accounts WHERE aid BETWEEN 1 AND 10",
     "Index Scan using accounts_pkey on accounts\n"
     "  Index Cond: ((aid >= 1) AND (aid <= 10))"},
    {"SELECT min(aid), max(aid) FROM accounts",
     "Result\n"
     "  InitPlan 1 (returns $0)\n"
     "    ->  Limit\n"
     "          ->  Index Scan using accounts_pkey on accounts\n"
     "                Index Cond: (aid IS NOT NULL)\n"
     "  InitPlan 2 (returns $1)\n"
     "    ->  Limit\n"
     "          ->  Index Scan Backward using accounts_pkey on accounts\n"
     "                Index Cond: (aid IS NOT NULL)"},
    {"SELECT min(bid), max(aid) FROM accounts", "Aggregate\n"
                                                "  ->  Seq Scan on accounts"},
    {"SELECT * FROM v WHERE a = 5", "Seq Scan on t\n"
                                    "  Filter: ((a > 1) AND (a = 5))"},
    {"SELECT * FROM (SELECT a, count(*) FROM t GROUP BY a) s WHERE a = 5",
     "HashAggregate\n"
     "  Group Key: a\n"
     "  ->  Seq Scan on t\n"
     "        Filter: (a = 5)"},
    {"SELECT 1 WHERE false", "Result\n"
                             "  One-Time Filter: false"},
    {"SELECT * FROM t WHERE 1 = 0", "Seq Scan on t\n"
                                    "  Filter: false"},
    {"SELECT * FROM accounts a JOIN t ON t.a = a.aid WHERE t.b = 'x'",
     "Hash Join\n"
     "  Hash Cond: (t.a = a.aid)\n"
     "  ->  Seq Scan on t\n"
     "        Filter: (b = 'x'::text)\n"
     "  ->  Hash\n"
     "        ->  Seq Scan on accounts a"},
    {"SELECT key FROM vectors ORDER BY vector <-> '[1,2,3]' LIMIT 5",
     "Limit\n"
     "  ->  Sort\n"
     "        Sort Key: ((vector <-> '[1,2,3]'::vector))\n"
     "        ->  Seq Scan on vectors"},
    {"SELECT a AS x FROM t ORDER BY a + 1", "Sort\n"
                                            "  Sort Key: ((a + 1))\n"
                                            "  ->  Seq Scan on t"},
    {"SELECT a FROM t GROUP BY a ORDER BY count(*)", "Sort\n"
                                                     "  Sort Key: count(*)\n"
                                                     "  ->  HashAggregate\n"
                                                     "        Group Key: a\n"
                                                     "        ->  Seq Scan on t"},
    {"SELECT abalance, count(*) FROM accounts GROUP BY aid", "HashAggregate\n"
                                                             "  Group Key: aid\n"
                                                             "  ->  Seq Scan on accounts"},
    {"SELECT * FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND u.x = 'q' AND u.a > "
     "t.a - 1 LIMIT 1) AND t.a > 3",
     "Hash Anti Join\n"
     "  Hash Cond: (t.a = u.a)\n"
     "  Join Filter: (u.a > (t.a - 1))\n"
     "  ->  Seq Scan on t\n"
     "        Filter: (a > 3)\n"
     "  ->  Hash\n"
     "        ->  Seq Scan on u\n"
     "              Filter: ((x)::text = 'q'::text)"},
    {"SELECT unnest(e) + 1, generate_series(1, unnest(e)) FROM t", "ProjectSet\n"
                                                                   "  ->  ProjectSet\n"
                                                                   "        ->  Seq Scan on t"},
    {"SELECT * FROM (SELECT aid, count(*) FROM accounts GROUP BY aid, ROLLUP (bid)) s WHERE aid = "
     "5",
     "HashAggregate\n"
     "  Hash Key: aid, bid\n"
     "  Hash Key: aid\n"
     "  ->  Index Scan using accounts_pkey on accounts\n"
     "        Index Cond: (aid = 5)"},
    {"SELECT * FROM (SELECT aid, count(*) FROM accounts GROUP BY ROLLUP (aid)) s WHERE aid = 5",
     "Subquery Scan\n"
     "  Filter: (aid = 5)\n"
     "  ->  MixedAggregate\n"
     "        Hash Key: aid\n"
     "        Group Key: ()\n"
     "        ->  Seq Scan on accounts"},
    {"SELECT * FROM (SELECT aid, count(*) FROM accounts GROUP BY aid) s WHERE aid = 5",
     "HashAggregate\n"
     "  Group Key: aid\n"
     "  ->  Index Scan using accounts_pkey on accounts\n"
     "        Index Cond: (aid = 5)"},
    {"WITH c AS (SELECT * FROM accounts) SELECT * FROM c WHERE aid = 1",
     "Index Scan using accounts_pkey on accounts\n"
     "  Index Cond: (aid = 1)"},
    {"SELECT * FROM t WHERE a IN (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT t.a + 1)",
     "Seq Scan on t\n"
     "  Filter: (SubPlan 1)\n"
     "  SubPlan 1\n"
     "    ->  Append\n"
     "          ->  Result\n"
     "          ->  Result\n"
     "          ->  Result"},
    {"SELECT * FROM t WHERE EXISTS (SELECT 1 FROM accounts WHERE aid = t.a) AND a = 1",
     "Seq Scan on t\n"
     "  Filter: ((a = 1) AND (SubPlan 1))\n"
     "  SubPlan 1\n"
     "    ->  Index Scan using accounts_pkey on accounts\n"
     "          Index Cond: (aid = $0)"},
    {"SELECT rank() OVER (ORDER BY a), (SELECT max(r) FROM (SELECT row_number() OVER () r FROM u) "
     "z) FROM t",
     "WindowAgg\n"
     "  InitPlan 1 (returns $0)\n"
     "    ->  Aggregate\n"
     "          ->  WindowAgg\n"
     "                ->  Seq Scan on u\n"
     "  ->  Sort\n"
     "        Sort Key: a\n"
     "        ->  Seq Scan on t"},
    {"UPDATE accounts SET bid = 1 WHERE EXISTS (SELECT 1 FROM t WHERE t.a = aid)",
     "Update on accounts\n"
     "  ->  Hash Semi Join\n"
     "        Hash Cond: (accounts.aid = t.a)\n"
     "        ->  Seq Scan on accounts\n"
     "        ->  Hash\n"
     "              ->  Seq Scan on t"},
};

Test(plan, shapes)
{
    for (size_t i = 0; i < KY_COUNT_OF(shapes); i++) {
        const struct explain_options options = {.format = 't'};
        struct ky_buffer out = {0};
        plan_explain(must_plan(shapes[i].sql), &options, NULL, NULL, NULL, &out);
        ky_buffer_append_byte(&out, 0);
        cr_expect_str_eq((const char *)out.data, shapes[i].plan, "%s\n%s", shapes[i].sql,
                         (const char *)out.data);
        ky_buffer_deinit(&out);
    }
}

Test(plan, point_statements_are_one_node)
{
    const struct statement_plan *made = must_plan("SELECT abalance FROM accounts WHERE aid = $1");
    cr_expect(made->is_point);
    cr_expect(made->is_read_only);
    cr_expect_eq(made->root->kind, PLAN_INDEX_SCAN);
    cr_expect_null(made->root->left);
    cr_expect_null(made->root->filter);
    cr_expect_eq(made->root->scan.bounds.equal_count, 1);
    cr_expect_eq(made->target_count, 1);
    made = must_plan("UPDATE accounts SET abalance = abalance + $2 WHERE aid = $1");
    cr_expect(made->is_point);
    cr_expect_not(made->is_read_only);
    cr_expect_not(must_plan("SELECT abalance FROM accounts WHERE aid > $1")->is_point);
}

Test(plan, locks_name_every_table_once_at_its_strongest)
{
    const struct statement_plan *made =
        must_plan("UPDATE accounts SET bid = 1 FROM t, accounts b WHERE t.a = accounts.aid "
                  "AND b.aid = t.a AND EXISTS (SELECT 1 FROM u WHERE u.a = t.a)");
    cr_assert_eq(made->table_used_count, 3);
    for (uint16_t i = 0; i < made->table_used_count; i++) {
        const bool is_target = strcmp(made->tables[i]->name, "accounts") == 0;
        cr_expect_eq(made->table_modes[i], is_target ? LOCK_ROW_EXCLUSIVE : LOCK_ACCESS_SHARE);
    }
    made = must_plan("SELECT 1 FROM accounts FOR UPDATE");
    cr_expect_eq(made->table_modes[0], LOCK_ROW_SHARE);
}

Test(plan, hidden_targets_are_no_result)
{
    const struct statement_plan *made = must_plan("SELECT a FROM t ORDER BY c + 1");
    cr_expect_eq(made->target_count, 1);
    cr_expect_eq(made->root->output_count, 1);
}

Test(plan, integers_of_another_width_keep_their_meaning)
{
    /* Too great for the key: null, which finds nothing. */
    const struct plan *scan = must_plan("SELECT 1 FROM accounts WHERE aid = 3000000000")->root;
    cr_assert_eq(scan->kind, PLAN_INDEX_SCAN);
    cr_expect(scan->scan.bounds.equal[0]->value.is_null);
    /* A range must not lose rows that way. */
    scan = must_plan("SELECT 1 FROM accounts WHERE aid < 3000000000")->root;
    cr_expect_eq(scan->kind, PLAN_SEQ_SCAN);
    scan = must_plan("SELECT 1 FROM accounts WHERE aid = $1::bigint")->root;
    cr_assert_eq(scan->kind, PLAN_INDEX_SCAN);
    cr_expect_eq(scan->scan.bounds.equal[0]->kind, EXPR_CASE);
    cr_expect_eq(scan->scan.bounds.equal[0]->type->oid, OID_INT4);
}

Test(plan, ranges_of_unknown_values_are_as_in_postgres)
{
    const double all = must_plan("SELECT 1 FROM accounts")->root->rows;
    const struct plan *scan =
        must_plan("SELECT 1 FROM accounts WHERE aid BETWEEN $1::int AND $2::int")->root;
    cr_assert_eq(scan->kind, PLAN_INDEX_SCAN);
    cr_expect_float_eq(scan->rows, fmax(1, rint(all * 0.005)), 0.1);
    scan = must_plan("SELECT 1 FROM accounts WHERE aid > $1::int")->root;
    cr_expect_float_eq(scan->rows, rint(all / 3), 0.1);
}

Test(plan, rows_in_the_order_of_an_index_cost_less)
{
    static const char query[] = "SELECT 1 FROM accounts WHERE aid > $1::int ORDER BY aid";
    struct cat_statistics statistics = {.distinct = -1, .has_correlation = true, .correlation = 0};
    struct cat_table *accounts = sql_fixture_table(&fixture, "accounts");
    statistics.type = accounts->columns[0].type;
    accounts->columns[0].statistics = &statistics;
    const double apart = must_plan(query)->root->total_cost;
    statistics.correlation = -0.5;
    const double half = must_plan(query)->root->total_cost;
    statistics.correlation = 1;
    const double together = must_plan(query)->root->total_cost;
    cr_expect_lt(together, half);
    cr_expect_lt(half, apart);
}

Test(plan, what_may_wait_is_known)
{
    cr_expect_not(must_plan("SELECT a FROM t")->may_wait);
    cr_expect_not(must_plan("SELECT random(), (SELECT max(a) FROM t)")->may_wait);
    cr_expect_not(must_plan("SELECT (SELECT abalance FROM accounts WHERE aid = 1)")->is_point);
}

Test(plan, partial_indexes_are_not_all_rows)
{
    struct cat_table *accounts = sql_fixture_table(&fixture, "accounts");
    accounts->indexes[0]->predicate_sql = "bid > 1";
    cr_expect_eq(must_plan("SELECT 1 FROM accounts WHERE aid = 1")->root->kind, PLAN_SEQ_SCAN);
}

Test(plan, vector_index_orders_rows)
{
    struct cat_table *vectors = sql_fixture_table(&fixture, "vectors");
    struct cat_index index = *vectors->indexes[0];
    struct cat_key key = {.column = 2, .type = vectors->columns[1].type};
    index.method = INDEX_HNSW;
    index.is_unique = index.is_primary = false;
    index.keys = &key;
    struct cat_index *indexes[] = {vectors->indexes[0], &index};
    vectors->indexes = indexes;
    vectors->index_count = 2;
    const struct plan *root =
        must_plan(
            "SELECT key, vector <-> $1 FROM vectors WHERE tag = 'a' ORDER BY vector <-> $1 LIMIT 5")
            ->root;
    cr_assert_eq(root->kind, PLAN_LIMIT);
    cr_assert_eq(root->left->kind, PLAN_VECTOR_SCAN);
    cr_expect_not_null(root->left->filter);
    /* The distance is the column after the scan's own, not computed again. */
    cr_expect_eq(root->left->project[1]->kind, EXPR_INPUT);
    cr_expect_eq(root->left->project[1]->index, root->left->scan.column_count);
    /* Another metric, the other direction, a second key: sorted. */
    const char *const others[] = {
        "SELECT key FROM vectors ORDER BY vector <=> '[1,2,3]' LIMIT 5",
        "SELECT key FROM vectors ORDER BY vector <-> '[1,2,3]' DESC LIMIT 5",
        "SELECT key FROM vectors ORDER BY vector <-> '[1,2,3]', key LIMIT 5"};
    for (size_t i = 0; i < KY_COUNT_OF(others); i++) {
        for (root = must_plan(others[i])->root; root->left != NULL; root = root->left) {
        }
        cr_expect_eq(root->kind, PLAN_SEQ_SCAN, "%s", others[i]);
    }
    /* All rows in order: streamed, and strictly so. */
    root = must_plan("SELECT key FROM vectors ORDER BY vector <-> '[1,2,3]'")->root;
    root = root->kind == PLAN_LIMIT ? root->left : root;
    cr_assert_eq(root->kind, PLAN_VECTOR_SCAN);
    cr_expect_null(root->scan.k);
    cr_expect_eq(root->scan.vector_mode, 'e');
    /* Conditions that a btree answers are tried first. */
    root = must_plan("SELECT key FROM vectors WHERE key IN (1, 2) ORDER BY vector <-> '[1,2,3]' "
                     "LIMIT 5")
               ->root;
    for (; root->kind == PLAN_LIMIT; root = root->left) {
    }
    cr_assert_eq(root->kind, PLAN_VECTOR_SCAN);
    cr_assert_not_null(root->left);
    cr_expect_eq(root->left->kind, PLAN_INDEX_SCAN);
}

Test(plan, full_join_needs_an_equality)
{
    struct statement_plan *made = NULL;
    struct ky_error err;
    cr_expect_eq(plan("SELECT 1 FROM t FULL JOIN u ON t.a < u.a", &made, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_FEATURE_NOT_SUPPORTED);
}

Test(plan, json_is_json)
{
    const struct explain_options options = {.format = 'j', .has_costs = true};
    struct ky_buffer out = {0};
    struct json_value *value = NULL;
    struct ky_error err;
    plan_explain(
        must_plan("SELECT t.a FROM t JOIN u ON t.a = u.a WHERE b = '\"' ORDER BY 1 LIMIT 2"),
        &options, NULL, NULL, NULL, &out);
    cr_assert_eq(json_parse(&fixture.arena, ky_buffer_slice(&out), &value, &err), KY_OK);
    const struct json_value *root = json_get(value->first, "Plan");
    cr_assert_not_null(root);
    cr_expect_not_null(json_get(root, "Node Type"));
    cr_expect_not_null(json_get(root, "Total Cost"));
    ky_buffer_deinit(&out);
}

Test(plan, structured_forms_are_laid_out_as_postgresql_does)
{
    static const struct {
        char format;
        const char *text;
    } forms[] = {
        {'j', "[\n"
              "  {\n"
              "    \"Plan\": {\n"
              "      \"Node Type\": \"Limit\",\n"
              "      \"Parallel Aware\": false,\n"
              "      \"Async Capable\": false,\n"
              "      \"Plans\": [\n"
              "        {\n"
              "          \"Node Type\": \"Sort\",\n"
              "          \"Parent Relationship\": \"Outer\",\n"
              "          \"Parallel Aware\": false,\n"
              "          \"Async Capable\": false,\n"
              "          \"Sort Key\": [\"b\", \"a DESC\"],\n"
              "          \"Plans\": [\n"
              "            {\n"
              "              \"Node Type\": \"Seq Scan\",\n"
              "              \"Parent Relationship\": \"Outer\",\n"
              "              \"Parallel Aware\": false,\n"
              "              \"Async Capable\": false,\n"
              "              \"Relation Name\": \"t\",\n"
              "              \"Alias\": \"t\",\n"
              "              \"Filter\": \"(b <> '<'::text)\"\n"
              "            }\n"
              "          ]\n"
              "        }\n"
              "      ]\n"
              "    }\n"
              "  }\n"
              "]"},
        {'y', "- Plan: \n"
              "    Node Type: \"Limit\"\n"
              "    Parallel Aware: false\n"
              "    Async Capable: false\n"
              "    Plans: \n"
              "      - Node Type: \"Sort\"\n"
              "        Parent Relationship: \"Outer\"\n"
              "        Parallel Aware: false\n"
              "        Async Capable: false\n"
              "        Sort Key: \n"
              "          - \"b\"\n"
              "          - \"a DESC\"\n"
              "        Plans: \n"
              "          - Node Type: \"Seq Scan\"\n"
              "            Parent Relationship: \"Outer\"\n"
              "            Parallel Aware: false\n"
              "            Async Capable: false\n"
              "            Relation Name: \"t\"\n"
              "            Alias: \"t\"\n"
              "            Filter: \"(b <> '<'::text)\""},
        {'x', "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n"
              "  <Query>\n"
              "    <Plan>\n"
              "      <Node-Type>Limit</Node-Type>\n"
              "      <Parallel-Aware>false</Parallel-Aware>\n"
              "      <Async-Capable>false</Async-Capable>\n"
              "      <Plans>\n"
              "        <Plan>\n"
              "          <Node-Type>Sort</Node-Type>\n"
              "          <Parent-Relationship>Outer</Parent-Relationship>\n"
              "          <Parallel-Aware>false</Parallel-Aware>\n"
              "          <Async-Capable>false</Async-Capable>\n"
              "          <Sort-Key>\n"
              "            <Item>b</Item>\n"
              "            <Item>a DESC</Item>\n"
              "          </Sort-Key>\n"
              "          <Plans>\n"
              "            <Plan>\n"
              "              <Node-Type>Seq Scan</Node-Type>\n"
              "              <Parent-Relationship>Outer</Parent-Relationship>\n"
              "              <Parallel-Aware>false</Parallel-Aware>\n"
              "              <Async-Capable>false</Async-Capable>\n"
              "              <Relation-Name>t</Relation-Name>\n"
              "              <Alias>t</Alias>\n"
              "              <Filter>(b &lt;&gt; '&lt;'::text)</Filter>\n"
              "            </Plan>\n"
              "          </Plans>\n"
              "        </Plan>\n"
              "      </Plans>\n"
              "    </Plan>\n"
              "  </Query>\n"
              "</explain>"},
    };
    for (size_t i = 0; i < KY_COUNT_OF(forms); i++) {
        const struct explain_options options = {.format = forms[i].format};
        struct ky_buffer out = {0};
        plan_explain(must_plan("SELECT * FROM t WHERE b <> '<' ORDER BY b, a DESC LIMIT 1"),
                     &options, NULL, NULL, NULL, &out);
        ky_buffer_append_byte(&out, 0);
        cr_expect_str_eq((const char *)out.data, forms[i].text, "%s", (const char *)out.data);
        ky_buffer_deinit(&out);
    }
}

Test(plan, many_rows_of_values_are_not_quadratic)
{
    struct ky_buffer sql = {0};
    ky_buffer_append_cstr(&sql, "INSERT INTO u VALUES (0, 'x')");
    for (int i = 1; i < 10000; i++) {
        ky_buffer_printf(&sql, ", (%d, 'x')", i);
    }
    ky_buffer_append_byte(&sql, 0);
    const struct statement_plan *made = must_plan((const char *)sql.data);
    cr_expect_eq(made->root->left->values.row_count, 10000);
    cr_expect_not(made->is_point);
    ky_buffer_deinit(&sql);
}
