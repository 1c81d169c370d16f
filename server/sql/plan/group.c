/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan_private.h"

/* GROUP BY, aggregates and HAVING. */

struct dependent {
    struct level *level;
    struct exprs *groups;
};

/* Columns outside of aggregates and grouped expressions: GROUP BY a primary key allows them. */
static bool
visit_dependent(struct expr *expr, int depth, void *self)
{
    struct dependent *dependent = self;
    if (expr->kind == EXPR_AGGREGATE && expr->levels_up >= depth) {
        return false;
    }
    for (uint32_t i = 0; depth == 0 && i < dependent->groups->count; i++) {
        if (expr_equal(dependent->groups->list[i], expr)) {
            return false;
        }
    }
    if (expr->kind == EXPR_COLUMN && expr->levels_up == depth) {
        struct expr *column = shift_levels(dependent->level->planner, expr, depth);
        for (uint32_t i = 0; i < dependent->groups->count; i++) {
            if (expr_equal(dependent->groups->list[i], column)) {
                return false;
            }
        }
        exprs_add(dependent->level, dependent->groups, column);
        return false;
    }
    return expr_walk_children(expr, depth, visit_dependent, self);
}

/* GROUP BY, and the columns that depend on it. */
static struct exprs
group_keys(struct level *level)
{
    struct query *query = level->query;
    struct exprs groups = {0};
    struct dependent dependent = {level, &groups};
    for (uint16_t i = 0; i < query->group_count; i++) {
        exprs_add(level, &groups, query->group_by[i]);
    }
    for (uint16_t i = 0; query->group_count > 0 && i < query->target_count; i++) {
        (void)visit_dependent(query->targets[i].expr, 0, &dependent);
    }
    if (query->group_count > 0 && query->having != NULL) {
        (void)visit_dependent(query->having, 0, &dependent);
    }
    return groups;
}

/* As many as the keys have values together; PostgreSQL's 200 where some are not known. */
static double
group_rows(struct level *level, double rows)
{
    const struct query *query = level->query;
    double groups = 1;
    for (uint16_t i = 0; i < query->group_count; i++) {
        if (!is_analyzed(level, query->group_by[i])) {
            return KY_MIN(rows, 200.0);
        }
        groups *= distinct_values(level, query->group_by[i], rows);
    }
    return KY_MIN(rows, groups);
}

struct plan *
plan_aggregate(struct level *level, struct plan *child, struct exprs *output)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct exprs calls = {0};
    struct exprs grouped = {0};
    struct input input = output_input(level, output);
    find_calls(level, EXPR_AGGREGATE, &calls);
    struct plan *plan = plan_new(p, PLAN_AGGREGATE);
    plan->left = child;
    struct exprs groups = group_keys(level);
    plan->aggregate.group_count = (uint16_t)groups.count;
    plan->aggregate.groups = fix_list(&input, groups.list, groups.count);
    plan->aggregate.call_count = (uint16_t)calls.count;
    plan->aggregate.calls = ky_arena_array(p->arena, struct agg_call, (size_t)calls.count + 1);
    for (uint32_t i = 0; i < calls.count; i++) {
        const struct expr *call = calls.list[i];
        plan->aggregate.calls[i] = (struct agg_call){
            .func = call->func,
            .args = fix_list(&input, call->args, call->arg_count),
            .arg_count = call->arg_count,
            .filter = fix_expr(&input, call->filter),
            .is_distinct = call->is_distinct,
            .is_star = call->is_star,
            .order = fix_keys(&input, call->order, call->order_count),
            .order_count = call->order_count,
            .type = call->type,
        };
    }
    grouped = groups;
    for (uint32_t i = 0; i < calls.count; i++) {
        exprs_add(level, &grouped, calls.list[i]);
    }
    plan_set_output(p, plan, grouped.list, grouped.count);
    plan->rows = query->group_count == 0 ? 1 : clamp_rows(group_rows(level, child->rows));
    plan->startup_cost = child->total_cost + child->rows * CPU_OPERATOR_COST * (calls.count + 1);
    plan->total_cost = plan->startup_cost + plan->rows * CPU_TUPLE_COST;
    *output = grouped;
    struct input after = output_input(level, output);
    plan->filter = query->having == NULL ? NULL : fix_expr(&after, query->having);
    return plan;
}
