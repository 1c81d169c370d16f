/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "exec_fixture.h"
#include "fake_access.h"

#define NUL INT64_MIN
static struct fixture f;

static void
setup(void)
{
    fixture_init(&f);
    fake = (struct fake_access){.next_row_id = 0};
}

static void
teardown(void)
{
    fixture_deinit(&f);
}

TestSuite(exec, .init = setup, .fini = teardown);

Test(exec, values_filter_project)
{
    const int64_t cells[] = {1, 10, 2, NUL, 3, 30};
    struct plan *plan = values(&f, cells, 3, 2);
    plan->filter = binary(&f, ">", input(&f, 1, OID_INT4), int4(&f, 5));
    project(&f, plan, exprs(&f, 1, binary(&f, "+", input(&f, 0, OID_INT4), input(&f, 1, OID_INT4))),
            1);
    cr_assert_str_eq(run(&f, plan), "11|33|");
}

Test(exec, case_evaluates_only_the_branch_taken)
{
    const int64_t cells[] = {0, 5, 2};
    struct expr *x = input(&f, 0, OID_INT4);
    struct expr *quotient = binary(&f, "/", int4(&f, 10), x);
    struct plan *plan = values(&f, cells, 3, 1);
    struct expr *list =
        node(&f, EXPR_CASE, OID_INT4,
             exprs(&f, 3, binary(&f, "=", x, int4(&f, 0)), int4(&f, -1), quotient), 3);
    project(&f, plan, exprs(&f, 1, list), 1);
    cr_assert_str_eq(run(&f, plan), "-1|2|5|");
    project(&f, plan, exprs(&f, 1, quotient), 1);
    cr_assert_str_eq(run(&f, plan), "ERROR 22012");
}

static struct plan *
join(enum plan_kind kind, enum plan_join join_kind, struct plan *left, struct plan *right)
{
    const bool is_half = join_kind == PLAN_JOIN_SEMI || join_kind == PLAN_JOIN_ANTI;
    struct plan *plan =
        plan_new(&f, kind, left, right,
                 is_half ? left->output_count : left->output_count + right->output_count);
    plan->join.kind = join_kind;
    if (kind == PLAN_HASH_JOIN) {
        plan->join.left_keys = exprs(&f, 1, input(&f, 0, OID_INT4));
        plan->join.right_keys = exprs(&f, 1, input(&f, 0, OID_INT4));
        plan->join.key_count = 1;
    } else {
        plan->join.condition =
            binary(&f, "=", input(&f, 0, OID_INT4), input(&f, left->output_count, OID_INT4));
    }
    return plan;
}

Test(exec, joins_of_every_kind)
{
    static const struct {
        enum plan_join kind;
        const char *rows;
    } cases[] = {
        {PLAN_JOIN_INNER, "2 20|2 21|3 30|"},
        {PLAN_JOIN_LEFT, "1 null|2 20|2 21|3 30|null null|"},
        {PLAN_JOIN_RIGHT, "2 20|2 21|3 30|null 40|null 50|"},
        {PLAN_JOIN_FULL, "1 null|2 20|2 21|3 30|null 40|null 50|null null|"},
        {PLAN_JOIN_SEMI, "2|3|"},
        {PLAN_JOIN_ANTI, "1|null|"},
    };
    const int64_t left[] = {1, 2, NUL, 3};
    const int64_t right[] = {2, 20, 3, 30, 4, 40, NUL, 50, 2, 21};
    for (size_t i = 0; i < KY_COUNT_OF(cases); i++) {
        for (int kind = PLAN_NESTED_LOOP; kind <= PLAN_HASH_JOIN; kind++) {
            struct plan *plan = join((enum plan_kind)kind, cases[i].kind, values(&f, left, 4, 1),
                                     values(&f, right, 5, 2));
            if (plan->output_count == 3) {
                project(&f, plan, exprs(&f, 2, input(&f, 0, OID_INT4), input(&f, 2, OID_INT4)), 2);
            }
            for (int suspending = 0; suspending < 2; suspending++) {
                f.is_suspending = suspending != 0;
                cr_assert_str_eq(run_sorted(&f, plan), cases[i].rows, "kind %d join %d: %s", kind,
                                 (int)cases[i].kind, run_sorted(&f, plan));
                cr_assert_eq(f.pending_count > 0, f.is_suspending);
            }
        }
    }
}

/* The prototype: a join over many batches, suspended before each, gives the same rows. */
Test(exec, suspended_join_is_equal)
{
    for (int kind = PLAN_NESTED_LOOP; kind <= PLAN_HASH_JOIN; kind++) {
        struct plan *right =
            plan_new(&f, PLAN_MATERIALIZE, series(&f, int4(&f, 100), int4(&f, 300)), NULL, 1);
        struct plan *plan = join((enum plan_kind)kind, PLAN_JOIN_LEFT,
                                 series(&f, int4(&f, 1), int4(&f, 3000)), right);
        f.is_suspending = false;
        const char *straight = run(&f, plan);
        f.is_suspending = true;
        const char *suspended = run(&f, plan);
        cr_assert_gt(f.pending_count, 5);
        cr_assert_str_eq(straight, suspended);
        cr_assert_not_null(strstr(straight, "|99 null|100 100|"));
    }
}

Test(exec, nested_loop_with_params)
{
    f.statement.outer_slot_count = 1;
    struct plan *right = series(&f, int4(&f, 1), outer(&f, 0, OID_INT4));
    struct plan *plan =
        plan_new(&f, PLAN_NESTED_LOOP, series(&f, int4(&f, 0), int4(&f, 3)), right, 2);
    plan->join.kind = PLAN_JOIN_LEFT;
    plan->join.params = ky_arena_new(&f.arena, struct nest_param);
    plan->join.params[0] = (struct nest_param){0, input(&f, 0, OID_INT4)};
    plan->join.param_count = 1;
    cr_assert_str_eq(run(&f, plan), "0 null|1 1|2 1|2 2|3 1|3 2|3 3|");
    f.is_suspending = true;
    cr_assert_str_eq(run(&f, plan), "0 null|1 1|2 1|2 2|3 1|3 2|3 3|");
}

static struct plan *
sorted(enum plan_kind kind, struct plan *child, bool is_descending, struct expr *limit)
{
    struct plan *plan = plan_new(&f, kind, child, NULL, child->output_count);
    plan->sort.keys = ky_arena_array(&f.arena, struct sort_key, 1);
    plan->sort.keys[0] = (struct sort_key){input(&f, 0, OID_INT4), is_descending, is_descending};
    plan->sort.key_count = 1;
    plan->sort.limit = limit;
    return plan;
}

static struct expr *
int8(int64_t value)
{
    struct expr *expr = node(&f, EXPR_CONST, OID_INT8, NULL, 0);
    expr->value = datum_word(value);
    return expr;
}

Test(exec, sort_top_n_limit)
{
    const int64_t cells[] = {3, 1, NUL, 2, -5, 2};
    struct plan *child = values(&f, cells, 6, 1);
    cr_assert_str_eq(run(&f, sorted(PLAN_SORT, child, false, NULL)), "-5|1|2|2|3|null|");
    cr_assert_str_eq(run(&f, sorted(PLAN_SORT, child, true, NULL)), "null|3|2|2|1|-5|");
    struct plan *top = sorted(PLAN_TOP_N, series(&f, int4(&f, 1), int4(&f, 9000)), true, int8(2));
    top->sort.offset = int8(1);
    cr_assert_str_eq(run(&f, top), "8999|8998|");
    struct plan *ties = sorted(PLAN_LIMIT, sorted(PLAN_SORT, child, false, NULL), false, int8(3));
    ties->sort.is_with_ties = true;
    cr_assert_str_eq(run(&f, ties), "-5|1|2|2|");
    struct plan *limit = sorted(PLAN_LIMIT, child, false, int8(-1));
    cr_assert_str_eq(run(&f, limit), "ERROR 2201W");
    f.budget.limit = 4096;
    cr_assert_str_eq(
        run(&f, sorted(PLAN_SORT, series(&f, int4(&f, 1), int4(&f, 5000)), false, NULL)),
        "ERROR 53200");
}

static void
add_call(struct plan *plan, const char *name, struct expr *arg, oid_t type)
{
    struct agg_call *call = &plan->aggregate.calls[plan->aggregate.call_count++];
    call->func = function(name, arg == NULL ? 0 : 1, arg == NULL ? OID_NONE : arg->type->oid);
    call->args = exprs(&f, 1, arg);
    call->arg_count = arg != NULL;
    call->is_star = arg == NULL;
    call->type = type_get(type);
}

static void
add_set(struct plan *plan, int32_t parent, uint16_t key_count, const uint16_t *keys)
{
    struct agg_set *set = &plan->aggregate.sets[plan->aggregate.set_count++];
    set->keys = ky_arena_array(&f.arena, uint16_t, 8);
    set->bits = ky_arena_array(&f.arena, uint64_t, 1);
    set->key_count = key_count;
    set->parent = parent;
    for (uint16_t i = 0; i < key_count; i++) {
        set->keys[i] = keys[i];
        set->bits[0] |= UINT64_C(1) << keys[i];
    }
}

Test(exec, aggregate)
{
    const int64_t cells[] = {1, 10, 2, 20, 1, 30, NUL, 1, NUL, NUL, 1, 10};
    struct plan *child = values(&f, cells, 6, 2);
    struct plan *plan = plan_new(&f, PLAN_AGGREGATE, child, NULL, 0);
    plan->aggregate.calls = ky_arena_array(&f.arena, struct agg_call, 3);
    plan->aggregate.groups = exprs(&f, 1, input(&f, 0, OID_INT4));
    plan->aggregate.group_count = 1;
    plan->aggregate.sets = ky_arena_array(&f.arena, struct agg_set, 1);
    add_set(plan, -1, 1, (const uint16_t[]){0});
    add_call(plan, "count", NULL, OID_INT8);
    add_call(plan, "sum", input(&f, 1, OID_INT4), OID_INT8);
    add_call(plan, "sum", input(&f, 1, OID_INT4), OID_INT8);
    plan->aggregate.calls[2].is_distinct = true;
    project(&f, plan,
            exprs(&f, 4, input(&f, 0, OID_INT4), input(&f, 1, OID_INT8), input(&f, 2, OID_INT8),
                  input(&f, 3, OID_INT8)),
            4);
    cr_assert_str_eq(run(&f, plan), "1 3 50 40|2 1 20 20|null 2 1 1|");
    f.is_suspending = true;
    cr_assert_str_eq(run(&f, plan), "1 3 50 40|2 1 20 20|null 2 1 1|");
    plan->aggregate.group_count = 0;
    plan->aggregate.sets[0].key_count = 0;
    child->filter = binary(&f, ">", input(&f, 0, OID_INT4), int4(&f, 99));
    project(&f, plan, exprs(&f, 2, input(&f, 0, OID_INT8), input(&f, 1, OID_INT8)), 2);
    cr_assert_str_eq(run(&f, plan), "0 null|");
}

/* Sets that have a parent give the same as if each had seen the rows. */
Test(exec, grouping_sets)
{
    const int64_t cells[] = {1, 7, 10, 1, 8, 20, 2, 7, 10, 1, 7, 20, NUL, 8, 10};
    for (int with_parents = 0; with_parents < 2; with_parents++) {
        struct plan *plan = plan_new(&f, PLAN_AGGREGATE, values(&f, cells, 5, 3), NULL, 0);
        plan->aggregate.calls = ky_arena_array(&f.arena, struct agg_call, 2);
        plan->aggregate.groups = exprs(&f, 2, input(&f, 0, OID_INT4), input(&f, 1, OID_INT4));
        plan->aggregate.group_count = 2;
        plan->aggregate.sets = ky_arena_array(&f.arena, struct agg_set, 4);
        add_set(plan, -1, 2, (const uint16_t[]){1, 0});
        add_set(plan, with_parents ? 0 : -1, 1, (const uint16_t[]){0});
        add_set(plan, with_parents ? 1 : -1, 1, (const uint16_t[]){0});
        add_set(plan, with_parents ? 2 : -1, 0, NULL);
        add_call(plan, "sum", input(&f, 2, OID_INT4), OID_INT8);
        add_call(plan, "sum", input(&f, 2, OID_INT4), OID_INT8);
        plan->aggregate.calls[1].is_distinct = true;
        plan->aggregate.groupings = ky_arena_array(&f.arena, struct agg_grouping, 1);
        plan->aggregate.groupings[0].keys = (uint16_t[]){0, 1};
        plan->aggregate.groupings[0].key_count = 2;
        plan->aggregate.grouping_count = 1;
        project(&f, plan,
                exprs(&f, 5, input(&f, 0, OID_INT4), input(&f, 1, OID_INT4), input(&f, 2, OID_INT8),
                      input(&f, 3, OID_INT8), input(&f, 4, OID_INT4)),
                5);
        const char *wanted = "1 7 30 30 0|1 8 20 20 0|2 7 10 10 0|null 8 10 10 0|"
                             "1 null 50 30 1|2 null 10 10 1|null null 10 10 1|"
                             "1 null 50 30 1|2 null 10 10 1|null null 10 10 1|"
                             "null null 70 30 3|";
        f.is_suspending = false;
        cr_assert_str_eq(run(&f, plan), wanted);
        f.is_suspending = true;
        cr_assert_str_eq(run(&f, plan), wanted);
        plan->left->filter = binary(&f, ">", input(&f, 0, OID_INT4), int4(&f, 99));
        cr_assert_str_eq(run(&f, plan), "null null null null 3|");
    }
}

Test(exec, distinct_and_set_operations)
{
    const int64_t a[] = {1, 1, 2, NUL, NUL, 3};
    const int64_t b[] = {1, NUL, 3, 3};
    struct plan *left = values(&f, a, 6, 1);
    struct plan *right = values(&f, b, 4, 1);
    cr_assert_str_eq(run(&f, plan_new(&f, PLAN_UNIQUE, left, NULL, 1)), "1|2|null|3|");
    struct plan *set = plan_new(&f, PLAN_SET_OPERATION, left, right, 1);
    set->set.operation = SET_INTERSECT;
    cr_assert_str_eq(run(&f, set), "1|null|3|");
    set->set.operation = SET_EXCEPT;
    cr_assert_str_eq(run(&f, set), "2|");
    set->set.is_all = true;
    cr_assert_str_eq(run(&f, set), "1|2|null|");
}

Test(exec, recursive_union)
{
    const int64_t one[] = {1};
    struct plan *work = plan_new(&f, PLAN_WORK_TABLE_SCAN, NULL, NULL, 1);
    work->filter = binary(&f, "<", input(&f, 0, OID_INT4), int4(&f, 5));
    project(&f, work, exprs(&f, 1, binary(&f, "+", input(&f, 0, OID_INT4), int4(&f, 1))), 1);
    struct plan *both = plan_new(&f, PLAN_RECURSIVE_UNION, values(&f, one, 1, 1), work, 1);
    struct plan *scan = plan_new(&f, PLAN_CTE_SCAN, NULL, NULL, 1);
    struct plan *ctes[1] = {both};
    f.statement.ctes = ctes;
    f.statement.cte_count = 1;
    cr_assert_str_eq(run(&f, scan), "1|2|3|4|5|");
}

static struct expr *
subquery(enum subquery_kind kind, struct plan *plan, oid_t type)
{
    struct expr *expr = node(&f, EXPR_SUBQUERY, type, NULL, 0);
    expr->subquery_kind = kind;
    expr->plan = plan;
    return expr;
}

Test(exec, subqueries)
{
    const int64_t cells[] = {1, 2, NUL};
    struct plan *plan = values(&f, cells, 3, 1);
    f.statement.outer_slot_count = 1;
    /* Correlated EXISTS: generate_series(2, x). */
    struct expr *exists =
        subquery(SUBQUERY_EXISTS, series(&f, int4(&f, 2), outer(&f, 0, OID_INT4)), OID_BOOL);
    uint32_t slots[1] = {0};
    exists->outer_slots = slots;
    exists->outer_args = exprs(&f, 1, input(&f, 0, OID_INT4));
    exists->outer_count = 1;
    /* x IN (2, null): hashed and not. */
    const int64_t set[] = {2, NUL};
    struct expr *any = subquery(SUBQUERY_ANY, values(&f, set, 2, 1), OID_BOOL);
    any->any_test = binary(&f, "=", input(&f, 1, OID_INT4), input(&f, 0, OID_INT4));
    struct expr *hashed = subquery(SUBQUERY_ANY, values(&f, set, 2, 1), OID_BOOL);
    hashed->any_test = any->any_test;
    hashed->is_hashed = true;
    project(&f, plan, exprs(&f, 3, exists, any, hashed), 3);
    cr_assert_str_eq(run(&f, plan), "f null null|t t t|f null null|");
    struct expr *scalar = subquery(SUBQUERY_SCALAR, values(&f, set, 2, 1), OID_INT4);
    project(&f, plan, exprs(&f, 1, scalar), 1);
    cr_assert_str_eq(run(&f, plan), "ERROR 21000");
}

Test(exec, window)
{
    const int64_t cells[] = {1, 10, 1, 20, 1, 20, 2, 5};
    struct plan *plan = plan_new(&f, PLAN_WINDOW, values(&f, cells, 4, 2), NULL, 0);
    struct sort_key order = {input(&f, 1, OID_INT4), false, false};
    struct window_call calls[3] = {{0}};
    plan->window.partition = exprs(&f, 1, input(&f, 0, OID_INT4));
    plan->window.partition_count = 1;
    plan->window.order = &order;
    plan->window.order_count = 1;
    plan->window.calls = calls;
    plan->window.call_count = 3;
    calls[0] =
        (struct window_call){.func = function("row_number", 0, 0), .type = type_get(OID_INT8)};
    calls[1] = (struct window_call){.func = function("rank", 0, 0), .type = type_get(OID_INT8)};
    calls[2] = (struct window_call){.func = function("sum", 1, OID_INT4),
                                    .args = exprs(&f, 1, input(&f, 1, OID_INT4)),
                                    .arg_count = 1,
                                    .type = type_get(OID_INT8)};
    project(&f, plan,
            exprs(&f, 4, input(&f, 1, OID_INT4), input(&f, 2, OID_INT8), input(&f, 3, OID_INT8),
                  input(&f, 4, OID_INT8)),
            4);
    cr_assert_str_eq(run(&f, plan), "10 1 1 10|20 2 2 50|20 3 2 50|5 1 1 5|");
}

static struct cat_column columns[2] = {
    {.name = "a", .number = 1, .is_not_null = true},
    {.name = "b", .number = 2},
};
static struct cat_table table = {.name = "t", .columns = columns, .column_count = 2};

static struct plan *
modify(enum plan_kind kind, struct plan *child)
{
    static uint16_t new_columns[2] = {0, 1};
    static bool is_changed[2] = {true, true};
    columns[0].type = columns[1].type = type_get(OID_INT4);
    struct plan *plan = plan_new(&f, kind, child, NULL, 0);
    plan->modify.table = &table;
    plan->modify.new_columns = new_columns;
    plan->modify.is_changed = is_changed;
    plan->modify.row_id_column = 0;
    return plan;
}

Test(exec, insert_keeps_its_place_and_checks)
{
    const int64_t good[] = {1, 2, 3, NUL};
    struct plan *plan = modify(PLAN_INSERT, values(&f, good, 2, 2));
    plan->modify.has_returning = true;
    project(&f, plan, exprs(&f, 2, input(&f, 0, OID_INT4), input(&f, 2, OID_INT8)), 2);
    fake.pending_inserts = 2;
    cr_assert_str_eq(run(&f, plan), "1 1|3 2|");
    cr_assert_eq(f.pending_count, 2);
    cr_assert_eq(fake.insert_calls, 4);
    cr_assert_eq(fake.inserted_count, 2);
    const int64_t bad[] = {NUL, 7};
    cr_assert_str_eq(run(&f, modify(PLAN_INSERT, values(&f, bad, 1, 2))), "ERROR 23502");
    cr_assert_str_eq(f.err.detail, "Failing row contains (null, 7).");
    cr_assert_str_eq(f.err.column_name, "a");
}

/* A statement waits for a row lock; the same thread runs another to its end meanwhile. */
Test(exec, waiting_statement_leaves_the_thread_free)
{
    const int64_t cells[] = {1, 10, 2, 20, 1, 11};
    struct plan *plan = modify(PLAN_UPDATE, values(&f, cells, 3, 2));
    const struct statement_plan waiting = {.root = plan};
    struct exec *exec = NULL;
    struct batch *batch = NULL;
    fake.pending_locks = 1;
    cr_assert_eq(exec_open(&f.context, &waiting, &exec, &f.err), KY_OK);
    cr_assert_eq(exec_next(exec, &batch, &f.err), EXEC_PENDING);
    cr_assert_str_eq(run(&f, series(&f, int4(&f, 1), int4(&f, 3))), "1|2|3|");
    cr_assert_eq(exec_next(exec, &batch, &f.err), EXEC_END);
    cr_assert_eq(exec_rows_changed(exec), 2, "row 1 is changed once");
    cr_assert_eq(fake.update_calls, 2);
    cr_assert_eq(fake.lock_calls, 3);
    exec_close(exec);
}
