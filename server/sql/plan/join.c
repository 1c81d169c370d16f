/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/sql/plan/plan_private.h"

/*
 * Two pieces of FROM become one: by hash on what equalities tie, by a nested loop without them, or
 * by a nested loop whose right side reads the left one's row (LATERAL, a lookup in an index).
 */

bool
join_key_of(const struct qual *qual, const struct tables *left, const struct tables *right,
            struct expr **left_out, struct expr **right_out)
{
    struct expr *expr = qual->expr;
    if (expr->kind != EXPR_FUNC || expr->op == NULL || expr->op->strategy != 3 ||
        !expr->op->is_hashable || expr->arg_count != 2 ||
        !types_hash_alike(expr->args[0]->type, expr->args[1]->type)) {
        return false;
    }
    struct tables a = {{0}};
    struct tables b = {{0}};
    tables_of_expr(expr->args[0], &a);
    tables_of_expr(expr->args[1], &b);
    if (tables_is_empty(&a) || tables_is_empty(&b)) {
        return false;
    }
    bool is_straight = tables_is_subset(&a, left) && tables_is_subset(&b, right);
    bool is_crossed = tables_is_subset(&a, right) && tables_is_subset(&b, left);
    *left_out = expr->args[is_straight ? 0 : 1];
    *right_out = expr->args[is_straight ? 1 : 0];
    return is_straight || is_crossed;
}

static struct exprs
join_output(struct level *level, const struct piece *left, const struct piece *right)
{
    struct exprs output = {0};
    for (uint32_t i = 0; i < left->output.count; i++) {
        exprs_add(level, &output, left->output.list[i]);
    }
    for (uint32_t i = 0; i < right->output.count; i++) {
        exprs_add(level, &output, right->output.list[i]);
    }
    return output;
}

static void
finish_join(struct level *level, struct plan *plan, struct piece *joined, const struct piece *left,
            const struct piece *right, enum plan_join kind, double selectivity)
{
    joined->plan = plan;
    joined->rel = NULL;
    /* Every join gives rows in the order of its left side. */
    joined->is_sorted = left->is_sorted && kind != PLAN_JOIN_FULL && kind != PLAN_JOIN_RIGHT;
    joined->tables = left->tables;
    tables_join(&joined->tables, &right->tables);
    plan->left = left->plan;
    plan->right = right->plan;
    plan->join.kind = kind;
    plan_set_output(level->planner, plan, joined->output.list, joined->output.count);
    double rows = left->plan->rows * right->plan->rows * selectivity;
    if (kind == PLAN_JOIN_LEFT || kind == PLAN_JOIN_FULL) {
        rows = KY_MAX(rows, left->plan->rows);
    }
    plan->rows = clamp_rows(rows);
}

/*
 * Selectivity of the equalities: the side with fewer values finds each of them on the other side.
 * Where nobody knows the values: one match for each row of the larger side.
 */
static double
key_selectivity(struct level *level, const struct piece *left, const struct piece *right,
                struct expr *const *left_keys, struct expr *const *right_keys, uint32_t key_count)
{
    const double larger = KY_MAX(left->plan->rows, right->plan->rows);
    double result = 1;
    bool is_known = key_count > 0;
    for (uint32_t i = 0; i < key_count; i++) {
        is_known =
            is_known && is_analyzed(level, left_keys[i]) && is_analyzed(level, right_keys[i]);
        if (is_known) {
            result /= KY_MAX(distinct_values(level, left_keys[i], HUGE_VAL),
                             distinct_values(level, right_keys[i], HUGE_VAL));
        }
    }
    return is_known ? result : key_count == 0 ? 1 : 1 / KY_MAX(larger, 1.0);
}

static struct plan *
materialized(struct level *level, struct plan *plan)
{
    if (plan->kind == PLAN_MATERIALIZE || plan->kind == PLAN_CTE_SCAN) {
        return plan;
    }
    struct plan *above = plan_above(level->planner, PLAN_MATERIALIZE, plan);
    above->total_cost += plan->rows * CPU_OPERATOR_COST;
    return above;
}

struct piece
join_pieces(struct level *level, const struct piece *left, const struct piece *right,
            enum plan_join kind, const struct quals *quals)
{
    struct planner *p = level->planner;
    struct piece joined = {.output = join_output(level, left, right)};
    struct input left_input = piece_input(level, left);
    struct input right_input = piece_input(level, right);
    struct input both = piece_input(level, &joined);
    struct quals rest = {0};
    struct expr **left_keys = ky_arena_array(p->arena, struct expr *, (size_t)quals->count + 1);
    struct expr **right_keys = ky_arena_array(p->arena, struct expr *, (size_t)quals->count + 1);
    const struct func **equal =
        ky_arena_array(p->arena, const struct func *, (size_t)quals->count + 1);
    struct expr **left_exprs = ky_arena_array(p->arena, struct expr *, (size_t)quals->count + 1);
    struct expr **right_exprs = ky_arena_array(p->arena, struct expr *, (size_t)quals->count + 1);
    uint16_t key_count = 0;
    double selectivity = 1;
    for (uint32_t i = 0; i < quals->count; i++) {
        struct expr *left_key;
        struct expr *right_key;
        if ((p->context->is_hashjoin_enabled || kind == PLAN_JOIN_FULL) &&
            join_key_of(quals->list[i], &left->tables, &right->tables, &left_key, &right_key)) {
            left_exprs[key_count] = left_key;
            right_exprs[key_count] = right_key;
            left_keys[key_count] = fix_expr(&left_input, left_key);
            right_keys[key_count] = fix_expr(&right_input, right_key);
            equal[key_count++] = quals->list[i]->expr->func;
        } else {
            quals_add(level, &rest, quals->list[i]);
            selectivity *= quals->list[i]->selectivity < 0 ? 0.33 : quals->list[i]->selectivity;
        }
    }
    struct plan *plan = plan_new(p, key_count > 0 ? PLAN_HASH_JOIN : PLAN_NESTED_LOOP);
    struct piece inner = *right;
    if (key_count == 0) {
        inner.plan = materialized(level, right->plan);
    }
    finish_join(level, plan, &joined, left, &inner, kind,
                selectivity *
                    key_selectivity(level, left, right, left_exprs, right_exprs, key_count));
    plan->join.condition = fix_quals(&both, &rest);
    plan->join.left_keys = left_keys;
    plan->join.right_keys = right_keys;
    plan->join.key_equal = equal;
    plan->join.key_count = key_count;
    plan->startup_cost = left->plan->startup_cost + (key_count > 0 ? right->plan->total_cost : 0);
    plan->total_cost =
        left->plan->total_cost + right->plan->total_cost +
        (key_count > 0 ? (left->plan->rows + right->plan->rows) * CPU_OPERATOR_COST * 2
                       : left->plan->rows * right->plan->rows * CPU_OPERATOR_COST) +
        plan->rows * CPU_TUPLE_COST;
    bool reads_tables = false;
    for (uint32_t i = 0; i < rest.count; i++) {
        reads_tables |= !tables_is_empty(&rest.list[i]->tables);
    }
    if (kind == PLAN_JOIN_FULL && key_count == 0 && reads_tables) {
        plan_fail(p, KY_FEATURE_NOT_SUPPORTED,
                  "FULL JOIN is only supported with merge-joinable or hash-joinable join "
                  "conditions");
    }
    return joined;
}

/* Sets the slots that the right side asks for from the left one's columns. */
static void
set_nest_params(struct level *level, struct plan *plan, const struct piece *left,
                const struct param_frame *frame)
{
    struct planner *p = level->planner;
    struct input input = piece_input(level, left);
    uint16_t count = 0;
    for (const struct slot_ref *ref = frame->refs; ref != NULL; ref = ref->next) {
        count++;
    }
    plan->join.params = ky_arena_array(p->arena, struct nest_param, count + 1U);
    for (const struct slot_ref *ref = frame->refs; ref != NULL; ref = ref->next) {
        plan->join.params[plan->join.param_count++] =
            (struct nest_param){ref->slot, fix_expr(&input, ref->expr)};
    }
}

struct piece
join_dependent(struct level *level, const struct exprs *all, const struct piece *left,
               struct from_item *item, enum plan_join kind, struct quals *pending,
               bool takes_join_quals)
{
    struct planner *p = level->planner;
    struct param_frame frame = {.outer = level->frame, .tables = &left->tables};
    level->frame = &frame;
    struct piece right = item->table >= 0 ? plan_table(level, all, (uint16_t)item->table, pending,
                                                       takes_join_quals ? &left->tables : NULL)
                                          : plan_item(level, all, item, pending);
    level->frame = frame.outer;
    if (p->is_failed) {
        return right;
    }
    struct piece joined = {.output = join_output(level, left, &right)};
    struct plan *plan = plan_new(p, PLAN_NESTED_LOOP);
    finish_join(level, plan, &joined, left, &right, kind, 1);
    set_nest_params(level, plan, left, &frame);
    struct quals rest = take_covered(level, pending, &joined.tables);
    struct input both = piece_input(level, &joined);
    if (kind == PLAN_JOIN_LEFT) {
        plan->join.condition = fix_quals(&both, &rest);
    } else {
        plan->filter = fix_quals(&both, &rest);
    }
    plan->startup_cost = left->plan->startup_cost;
    plan->total_cost = left->plan->total_cost + left->plan->rows * right.plan->total_cost;
    return joined;
}
