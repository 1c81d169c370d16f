/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan_private.h"

/*
 * Above the joins, in SQL's order: grouping, HAVING, windows, set-returning targets, DISTINCT,
 * ORDER BY, LIMIT, row locks. `output` always says what bound expressions the plan's columns hold.
 */

struct input
output_input(struct level *level, const struct exprs *output)
{
    return (struct input){
        .level = level, .exprs = output->list, .count = output->count, .is_complex = true};
}

/* ------------------------------------------------------------------ finding calls */

struct finder {
    struct level *level;
    struct exprs *out;
    enum expr_kind kind;
};

static bool
visit_calls(struct expr *expr, int depth, void *self)
{
    struct finder *finder = self;
    const bool is_found = expr->kind == finder->kind &&
                          (expr->kind == EXPR_WINDOW ? depth == 0 : expr->levels_up == depth);
    if (is_found) {
        /* Found in a nested query, it is written as seen from there. */
        expr = shift_levels(finder->level->planner, expr, depth);
        for (uint32_t i = 0; i < finder->out->count; i++) {
            if (expr_equal(finder->out->list[i], expr)) {
                return false;
            }
        }
        exprs_add(finder->level, finder->out, expr);
        return false;
    }
    return expr_walk_children(expr, depth, visit_calls, self);
}

void
find_calls(struct level *level, enum expr_kind kind, struct exprs *out)
{
    struct finder finder = {level, out, kind};
    struct query *query = level->query;
    for (uint16_t i = 0; i < query->target_count; i++) {
        (void)visit_calls(query->targets[i].expr, 0, &finder);
    }
    for (uint16_t i = 0; i < query->order_count; i++) {
        (void)visit_calls(query->order_by[i].expr, 0, &finder);
    }
    for (uint16_t i = 0; i < query->distinct_on_count; i++) {
        (void)visit_calls(query->distinct_on[i], 0, &finder);
    }
    if (query->having != NULL) {
        (void)visit_calls(query->having, 0, &finder);
    }
}

/* ------------------------------------------------------------------ sorting */

static struct plan *
plan_sort(struct level *level, struct plan *child, struct sort_key *keys, uint16_t key_count)
{
    struct plan *plan = plan_above(level->planner, PLAN_SORT, child);
    plan->sort.keys = keys;
    plan->sort.key_count = key_count;
    plan->startup_cost = child->total_cost + sort_cost(child->rows, child->width);
    plan->total_cost = plan->startup_cost + child->rows * CPU_OPERATOR_COST;
    return plan;
}

/* ------------------------------------------------------------------ windows */

static bool
same_window(const struct window_spec *a, const struct window_spec *b)
{
    if (a->partition_count != b->partition_count || a->order_count != b->order_count ||
        a->mode != b->mode || a->start_kind != b->start_kind || a->end_kind != b->end_kind ||
        a->exclude != b->exclude || a->start_offset != b->start_offset ||
        a->end_offset != b->end_offset) {
        return false;
    }
    for (uint16_t i = 0; i < a->partition_count; i++) {
        if (!expr_equal(a->partition[i], b->partition[i])) {
            return false;
        }
    }
    for (uint16_t i = 0; i < a->order_count; i++) {
        if (!expr_equal(a->order[i].expr, b->order[i].expr) ||
            a->order[i].is_descending != b->order[i].is_descending ||
            a->order[i].is_nulls_first != b->order[i].is_nulls_first) {
            return false;
        }
    }
    return true;
}

static struct plan *
plan_one_window(struct level *level, struct plan *child, struct exprs *output,
                const struct window_spec *spec, struct exprs *calls)
{
    struct planner *p = level->planner;
    struct input input = output_input(level, output);
    uint16_t key_count = (uint16_t)(spec->partition_count + spec->order_count);
    if (key_count > 0) {
        struct sort_key *keys = ky_arena_array(p->arena, struct sort_key, key_count);
        for (uint16_t i = 0; i < spec->partition_count; i++) {
            keys[i] = (struct sort_key){.expr = fix_expr(&input, spec->partition[i])};
        }
        struct sort_key *order = fix_keys(&input, spec->order, spec->order_count);
        memcpy(keys + spec->partition_count, order, spec->order_count * sizeof(*order));
        child = plan_sort(level, child, keys, key_count);
    }
    struct plan *plan = plan_above(p, PLAN_WINDOW, child);
    struct window_spec *frame = ky_arena_new(p->arena, struct window_spec);
    *frame = *spec;
    frame->partition = fix_list(&input, spec->partition, spec->partition_count);
    frame->order = fix_keys(&input, spec->order, spec->order_count);
    frame->start_offset = fix_expr(&input, spec->start_offset);
    frame->end_offset = fix_expr(&input, spec->end_offset);
    plan->window.partition = frame->partition;
    plan->window.partition_count = spec->partition_count;
    plan->window.order = frame->order;
    plan->window.order_count = spec->order_count;
    plan->window.frame = frame;
    plan->window.call_count = (uint16_t)calls->count;
    plan->window.calls = ky_arena_array(p->arena, struct window_call, (size_t)calls->count + 1);
    for (uint32_t i = 0; i < calls->count; i++) {
        const struct expr *call = calls->list[i];
        plan->window.calls[i] = (struct window_call){
            .func = call->func,
            .args = fix_list(&input, call->args, call->arg_count),
            .arg_count = call->arg_count,
            .filter = fix_expr(&input, call->filter),
            .is_star = call->is_star,
            .type = call->type,
        };
    }
    for (uint32_t i = 0; i < calls->count; i++) {
        exprs_add(level, output, calls->list[i]);
    }
    plan_set_output(p, plan, output->list, output->count);
    plan->total_cost += child->rows * CPU_TUPLE_COST;
    return plan;
}

static struct plan *
plan_windows(struct level *level, struct plan *child, struct exprs *output)
{
    struct exprs all = {0};
    find_calls(level, EXPR_WINDOW, &all);
    for (uint32_t i = 0; i < all.count; i++) {
        if (all.list[i] == NULL) {
            continue;
        }
        const struct window_spec *spec = all.list[i]->window;
        struct exprs calls = {0};
        for (uint32_t j = i; j < all.count; j++) {
            if (all.list[j] != NULL && same_window(spec, all.list[j]->window)) {
                exprs_add(level, &calls, all.list[j]);
                all.list[j] = NULL;
            }
        }
        child = plan_one_window(level, child, output, spec, &calls);
    }
    return child;
}

/* ------------------------------------------------------------------ targets and order */

static bool
has_expr(const struct exprs *exprs, struct expr *expr)
{
    for (uint32_t i = 0; i < exprs->count; i++) {
        if (exprs->list[i] == expr || expr_equal(exprs->list[i], expr)) {
            return true;
        }
    }
    return false;
}

/* Computes the targets (all of them) and whatever else is to be sorted by. */
static struct plan *
project_targets(struct level *level, struct plan *plan, struct exprs *output, bool with_order)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct input input = output_input(level, output);
    struct exprs wanted = {0};
    for (uint16_t i = 0; i < query->target_count; i++) {
        exprs_add(level, &wanted, query->targets[i].expr);
    }
    for (uint16_t i = 0; with_order && i < query->order_count; i++) {
        if (!has_expr(&wanted, query->order_by[i].expr)) {
            exprs_add(level, &wanted, query->order_by[i].expr);
        }
    }
    for (uint16_t i = 0; with_order && i < query->distinct_on_count; i++) {
        if (!has_expr(&wanted, query->distinct_on[i])) {
            exprs_add(level, &wanted, query->distinct_on[i]);
        }
    }
    bool is_staged;
    const bool has_own_sets = query->has_sets && has_sets(level, output, &is_staged);
    if (has_own_sets && is_staged) {
        plan = plan_sets(level, plan, output, wanted.list, query->target_count);
        input = output_input(level, output);
    }
    struct expr **exprs = fix_list(&input, wanted.list, wanted.count);
    if (has_own_sets && !is_staged) {
        struct plan *above = plan_above(p, PLAN_PROJECT_SET, plan);
        above->rows = plan->rows * 10;
        plan = above;
    } else if (plan->project != NULL) {
        plan = plan_above(p, PLAN_LIMIT, plan);
    }
    plan = plan_project(p, plan, exprs, wanted.count);
    *output = wanted;
    return plan;
}

static uint32_t
visible_count(const struct query *query)
{
    uint32_t count = 0;
    while (count < query->target_count && !query->targets[count].is_hidden) {
        count++;
    }
    return count;
}

/* Drops columns that only sorting needed. */
static struct plan *
trim(struct level *level, struct plan *plan, uint32_t wanted)
{
    struct planner *p = level->planner;
    if (plan->output_count == wanted) {
        return plan;
    }
    struct expr **exprs = ky_arena_array(p->arena, struct expr *, (size_t)wanted + 1);
    for (uint32_t i = 0; i < wanted; i++) {
        exprs[i] = expr_new_input(p, i, plan->output[i]);
    }
    if (plan->project != NULL) {
        plan = plan_above(p, PLAN_LIMIT, plan);
    }
    return plan_project(p, plan, exprs, wanted);
}

static struct plan *
plan_distinct(struct level *level, struct plan *plan, const struct exprs *output)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct input input = output_input(level, output);
    struct plan *unique = plan_above(p, PLAN_UNIQUE, plan);
    if (query->distinct_on_count > 0) {
        unique->unique.key_count = query->distinct_on_count;
        unique->unique.keys = fix_list(&input, query->distinct_on, query->distinct_on_count);
    }
    unique->rows = clamp_rows(plan->rows * 0.5);
    unique->total_cost += plan->rows * CPU_OPERATOR_COST;
    return unique;
}

static double
limit_rows(const struct expr *limit, double rows)
{
    if (limit != NULL && limit->kind == EXPR_CONST && !limit->value.is_null) {
        return KY_MIN(rows, (double)limit->value.word);
    }
    return limit == NULL ? rows : rows * 0.1;
}

static struct plan *
plan_limit(struct level *level, struct plan *plan, const struct exprs *output)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    if (query->limit == NULL && query->offset == NULL) {
        return plan;
    }
    const struct input nothing = {.level = level};
    struct expr *limit = fix_expr(&nothing, query->limit);
    struct expr *offset = fix_expr(&nothing, query->offset);
    if (plan->kind == PLAN_SORT && limit != NULL && !query->is_with_ties && plan->filter == NULL) {
        plan->kind = PLAN_TOP_N;
        plan->sort.limit = limit;
        plan->sort.offset = offset;
        plan->rows = clamp_rows(limit_rows(limit, plan->rows));
        return plan;
    }
    struct plan *above = plan_above(p, PLAN_LIMIT, plan);
    above->sort.limit = limit;
    above->sort.offset = offset;
    above->sort.is_with_ties = query->is_with_ties;
    if (query->is_with_ties) {
        const struct input input = output_input(level, output);
        above->sort.keys = fix_keys(&input, query->order_by, query->order_count);
        above->sort.key_count = query->order_count;
    }
    double rows = clamp_rows(limit_rows(limit, plan->rows));
    if (plan->rows > 0) {
        above->total_cost =
            plan->startup_cost + (plan->total_cost - plan->startup_cost) * rows / plan->rows;
    }
    above->rows = rows;
    return above;
}

/* ------------------------------------------------------------------ row locks */

static bool
has_locks(const struct query *query)
{
    for (uint16_t i = 0; i < query->table_count; i++) {
        if (query->tables[i]->has_lock && query->tables[i]->kind == TABLE_RELATION) {
            return true;
        }
    }
    return false;
}

static struct plan *
plan_locks(struct level *level, struct plan *plan, const struct exprs *output)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct plan *above = plan_above(p, PLAN_LOCK_ROWS, plan);
    uint16_t room = (uint16_t)(query->table_count + 1);
    above->lock.tables = ky_arena_array(p->arena, struct cat_table *, room);
    above->lock.row_id_columns = ky_arena_array(p->arena, uint16_t, room);
    above->lock.modes = ky_arena_array(p->arena, enum row_lock_mode, room);
    above->lock.policies = ky_arena_array(p->arena, enum lock_policy, room);
    for (uint16_t i = 0; i < query->table_count; i++) {
        struct table_ref *ref = query->tables[i];
        if (!ref->has_lock || ref->kind != TABLE_RELATION || ref->table->sysview != NULL) {
            continue;
        }
        for (uint32_t j = 0; j < output->count; j++) {
            const struct expr *column = output->list[j];
            if (column->kind == EXPR_COLUMN && column->table == i &&
                column->column == EXPR_SYSTEM_ROW_ID) {
                uint16_t at = above->lock.count++;
                above->lock.tables[at] = ref->table;
                above->lock.row_id_columns[at] = (uint16_t)j;
                above->lock.modes[at] = ref->lock_mode;
                above->lock.policies[at] = ref->lock_policy;
            }
        }
    }
    p->has_writes = true;
    return above;
}

/* The row ids that locking needs. */
static void
want_row_ids(struct level *level, struct exprs *extra)
{
    for (uint16_t i = 0; i < level->query->table_count; i++) {
        const struct table_ref *ref = level->query->tables[i];
        if (ref->has_lock && ref->kind == TABLE_RELATION && ref->table->sysview == NULL) {
            exprs_add(level, extra,
                      expr_new_column(level->planner, i, EXPR_SYSTEM_ROW_ID, type_get(OID_INT8)));
        }
    }
}

/* ------------------------------------------------------------------ SELECT */

struct plan *
plan_select(struct level *level)
{
    struct planner *p = level->planner;
    level->query = query_without_minmax(level);
    struct query *query = level->query;
    struct exprs extra = {0};
    bool locks = has_locks(query);
    if (locks) {
        want_row_ids(level, &extra);
        level->extra = &extra;
    }
    struct piece piece = plan_from(level);
    if (p->is_failed) {
        return NULL;
    }
    struct plan *plan = piece.plan;
    struct exprs output = piece.output;
    bool is_sorted = query->order_count == 0 || piece.is_sorted;
    struct expr *distance = piece.rel == NULL ? NULL : plan_vector_order(level, plan, &output);
    if (distance != NULL) {
        /* The distance is one column more than the scan's own; it can be projected from there. */
        exprs_add(level, &output, distance);
        plan_set_output(p, plan, output.list, output.count);
        is_sorted = true;
    }
    if (query->has_aggregates) {
        if (query->has_sets) {
            plan = plan_sets(level, plan, &output, query->group_by, query->group_count);
        }
        plan = plan_aggregate(level, plan, &output);
        is_sorted = query->order_count == 0;
    }
    if (query->has_windows) {
        plan = plan_windows(level, plan, &output);
        is_sorted = query->order_count == 0;
    }
    if (locks) {
        /* Locked in the order they are given out, before they are computed. */
        if (!is_sorted) {
            struct input input = output_input(level, &output);
            plan = plan_sort(level, plan, fix_keys(&input, query->order_by, query->order_count),
                             query->order_count);
            is_sorted = true;
        }
        plan = plan_locks(level, plan, &output);
        plan = plan_limit(level, plan, &output);
        plan = project_targets(level, plan, &output, false);
        return trim(level, plan, visible_count(query));
    }
    uint32_t visible = visible_count(query);
    plan = project_targets(level, plan, &output,
                           !is_sorted || query->distinct_on_count > 0 || query->is_with_ties);
    if (p->is_failed) {
        return NULL;
    }
    if (query->is_distinct && query->distinct_on_count == 0) {
        plan = trim(level, plan, visible);
        output.count = visible;
        plan = plan_distinct(level, plan, &output);
        is_sorted = query->order_count == 0;
    }
    if (!is_sorted) {
        struct input input = output_input(level, &output);
        plan = plan_sort(level, plan, fix_keys(&input, query->order_by, query->order_count),
                         query->order_count);
    }
    if (query->distinct_on_count > 0) {
        plan = plan_distinct(level, plan, &output);
    }
    plan = plan_limit(level, plan, &output);
    return trim(level, plan, visible);
}

/* ------------------------------------------------------------------ set operations */

static void
add_children(struct level *level, struct query *query, struct query *same, struct plan ***children,
             uint16_t *count, uint16_t *capacity)
{
    struct planner *p = level->planner;
    bool is_nested = query->kind == QUERY_SET_OPERATION && query->set_operation == SET_UNION &&
                     query->is_all == same->is_all && query->order_count == 0 &&
                     query->limit == NULL && query->offset == NULL && query->cte_count == 0;
    if (is_nested) {
        struct level between;
        level_init(&between, p, level, query);
        add_children(&between, query->left, same, children, count, capacity);
        add_children(&between, query->right, same, children, count, capacity);
        (void)adopt_refs(level, between.outer);
        return;
    }
    struct slot_ref *refs = NULL;
    struct plan *plan = plan_nested(level, query, &refs);
    (void)adopt_refs(level, refs);
    if (*count == *capacity) {
        *capacity = (uint16_t)(*capacity == 0 ? 4 : *capacity * 2);
        struct plan **grown = ky_arena_array(p->arena, struct plan *, *capacity);
        if (*count > 0) {
            memcpy(grown, *children, *count * sizeof(*grown));
        }
        *children = grown;
    }
    (*children)[(*count)++] = plan;
}

static struct plan *
plan_union(struct level *level)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct plan **children = NULL;
    uint16_t count = 0;
    uint16_t capacity = 0;
    add_children(level, query->left, query, &children, &count, &capacity);
    add_children(level, query->right, query, &children, &count, &capacity);
    if (p->is_failed) {
        return NULL;
    }
    struct plan *plan = plan_new(p, PLAN_APPEND);
    plan->append.children = children;
    plan->append.child_count = count;
    plan_copy_output(plan, children[0]);
    for (uint16_t i = 0; i < count; i++) {
        plan->rows += children[i]->rows;
        plan->total_cost += children[i]->total_cost;
    }
    if (query->is_all) {
        return plan;
    }
    struct plan *unique = plan_above(p, PLAN_UNIQUE, plan);
    unique->total_cost += plan->rows * CPU_OPERATOR_COST;
    return unique;
}

struct plan *
plan_set_query(struct level *level)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct plan *plan;
    if (query->set_operation == SET_UNION) {
        plan = plan_union(level);
    } else {
        struct slot_ref *refs = NULL;
        struct plan *left = plan_nested(level, query->left, &refs);
        (void)adopt_refs(level, refs);
        refs = NULL;
        struct plan *right = p->is_failed ? NULL : plan_nested(level, query->right, &refs);
        (void)adopt_refs(level, refs);
        if (p->is_failed) {
            return NULL;
        }
        plan = plan_above(p, PLAN_SET_OPERATION, left);
        plan->right = right;
        plan->set.operation = query->set_operation;
        plan->set.is_all = query->is_all;
        plan->total_cost += right->total_cost;
    }
    if (p->is_failed) {
        return NULL;
    }
    /* ORDER BY names the targets: columns of the virtual row, table 0. */
    struct exprs output = {0};
    for (uint16_t i = 0; i < query->target_count; i++) {
        exprs_add(level, &output, query->targets[i].expr);
    }
    if (query->order_count > 0) {
        struct input input = output_input(level, &output);
        plan = plan_sort(level, plan, fix_keys(&input, query->order_by, query->order_count),
                         query->order_count);
    }
    return plan_limit(level, plan, &output);
}
