/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan_private.h"

/*
 * select max(a) from t where b = 1     is     select (select a from t where b = 1 and a is not null
 *                                                     order by a desc limit 1)
 *
 * when an index of t delivers that first row without looking at others that do not count.
 */

static bool
visit_nested(struct expr *expr, int depth, void *self)
{
    return expr->kind == EXPR_SUBQUERY || expr_walk_children(expr, depth, visit_nested, self);
}

static bool
has_nested(struct expr *expr)
{
    return expr != NULL && visit_nested(expr, 0, NULL);
}

static bool
is_candidate(const struct query *query)
{
    return query->kind == QUERY_SELECT && query->has_aggregates && query->group_count == 0 &&
           query->having == NULL && !query->has_windows && !query->has_sets &&
           query->order_count == 0 && !query->is_distinct && query->table_count == 1 &&
           query->from_count == 1 && query->tables[0]->kind == TABLE_RELATION &&
           query->tables[0]->table->sysview == NULL && query->tables[0]->vector_query == NULL &&
           !query->tables[0]->has_lock && !has_nested(query->where) &&
           (query->where == NULL || !expr_is_volatile(query->where));
}

static struct expr *
not_null(struct planner *p, struct expr *arg)
{
    struct expr *expr = ky_arena_new(p->arena, struct expr);
    expr->kind = EXPR_IS_NULL;
    expr->is_negated = true;
    expr->location = -1;
    expr->type = type_get(OID_BOOL);
    expr->typmod = -1;
    expr->arg_count = 1;
    expr->args = ky_arena_array(p->arena, struct expr *, 1);
    expr->args[0] = arg;
    return expr;
}

/* The subquery that gives the call's value, or NULL. */
static struct query *
first_row_query(struct level *level, struct expr *call)
{
    struct planner *p = level->planner;
    const bool is_max = strcmp(call->func->name, "max") == 0;
    if ((!is_max && strcmp(call->func->name, "min") != 0) || call->arg_count != 1 ||
        call->filter != NULL || call->levels_up != 0 || !expr_has_column(call->args[0]) ||
        has_nested(call->args[0]) || expr_is_volatile(call->args[0]) ||
        call->args[0]->type != call->type) {
        return NULL;
    }
    struct expr *arg = expr_one_deeper(p, call->args[0]);
    struct query *first = ky_arena_alloc(p->arena, sizeof(*first));
    *first = *level->query;
    first->has_aggregates = false;
    first->targets = ky_arena_new(p->arena, struct target);
    first->targets[0] = (struct target){.expr = arg, .name = call->func->name};
    first->target_count = 1;
    first->where = expr_and(p, first->where == NULL ? NULL : expr_one_deeper(p, first->where),
                            not_null(p, arg));
    /* Where nulls would come makes no difference, so that either way of an index serves. */
    first->order_by = ky_arena_new(p->arena, struct sort_key);
    first->order_by[0] =
        (struct sort_key){.expr = arg, .is_descending = is_max, .is_nulls_first = is_max};
    first->order_count = 1;
    first->limit = expr_new_const(p, type_get(OID_INT8), datum_word(1));
    first->offset = NULL;
    return first;
}

/* Is the first row that the scan meets the answer? */
static bool
is_first_row(const struct plan *plan)
{
    return plan->kind == PLAN_LIMIT && plan->left != NULL && plan->left->kind == PLAN_INDEX_SCAN &&
           plan->left->filter == NULL;
}

struct replacer {
    struct planner *p;
    const struct exprs *calls;
    struct query **queries;
};

static struct expr *
replace_calls(const struct replacer *replacer, struct expr *expr)
{
    struct planner *p = replacer->p;
    for (uint32_t i = 0; i < replacer->calls->count; i++) {
        if (expr_equal(replacer->calls->list[i], expr)) {
            struct expr *value = ky_arena_new(p->arena, struct expr);
            value->kind = EXPR_SUBQUERY;
            value->subquery_kind = SUBQUERY_SCALAR;
            value->location = expr->location;
            value->type = expr->type;
            value->typmod = expr->typmod;
            value->subquery = replacer->queries[i];
            return value;
        }
    }
    if (expr->arg_count == 0 || expr->args == NULL) {
        return expr;
    }
    struct expr *copy = ky_arena_alloc(p->arena, sizeof(*copy));
    *copy = *expr;
    copy->args = ky_arena_array(p->arena, struct expr *, expr->arg_count);
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        copy->args[i] = expr->args[i] == NULL ? NULL : replace_calls(replacer, expr->args[i]);
    }
    return copy;
}

struct query *
query_without_minmax(struct level *level)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct exprs calls = {0};
    if (!is_candidate(query)) {
        return query;
    }
    for (uint16_t i = 0; i < query->target_count; i++) {
        if (has_nested(query->targets[i].expr)) {
            return query;
        }
    }
    find_calls(level, EXPR_AGGREGATE, &calls);
    const uint32_t slot_count = p->slot_count;
    const uint32_t subquery_count = p->subquery_count;
    struct query **queries = ky_arena_array(p->arena, struct query *, (size_t)calls.count + 1);
    for (uint32_t i = 0; i < calls.count; i++) {
        struct slot_ref *refs = NULL;
        queries[i] = first_row_query(level, calls.list[i]);
        /* Only looked at: it is planned again where it stays. */
        const struct plan *plan = queries[i] == NULL ? NULL : plan_nested(level, queries[i], &refs);
        p->slot_count = slot_count;
        p->subquery_count = subquery_count;
        if (plan == NULL || p->is_failed || !is_first_row(plan)) {
            return query;
        }
    }
    if (calls.count == 0) {
        return query;
    }
    const struct replacer replacer = {p, &calls, queries};
    struct query *copy = ky_arena_alloc(p->arena, sizeof(*copy));
    *copy = *query;
    copy->has_aggregates = false;
    copy->from_count = 0;
    copy->where = NULL;
    copy->targets = ky_arena_array(p->arena, struct target, query->target_count);
    for (uint16_t i = 0; i < query->target_count; i++) {
        copy->targets[i] = query->targets[i];
        copy->targets[i].expr = replace_calls(&replacer, query->targets[i].expr);
    }
    return copy;
}
