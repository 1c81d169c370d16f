/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/bind/walk.h"
#include "server/sql/plan/plan_private.h"

/* INSERT, UPDATE, DELETE, MERGE: a plan for the rows, and a node that changes the table. */

enum { NOT_GIVEN = UINT16_MAX };

struct system_search {
    const struct query *query;
    const struct type *types[EXPR_SYSTEM_LAST - EXPR_SYSTEM_FIRST + 1]; /* NULL: not read */
};

static bool
visit_system_column(struct expr *expr, int level, void *self)
{
    struct system_search *search = self;
    if (expr->kind == EXPR_COLUMN && expr->levels_up == level &&
        expr->table == search->query->target_table && expr->column >= EXPR_SYSTEM_FIRST) {
        search->types[expr->column - EXPR_SYSTEM_FIRST] = expr->type;
    }
    return expr_walk_children(expr, level, visit_system_column, self);
}

/* The system columns that RETURNING reads of the row as it is now. Of a deleted row some are the
 * old version's, which the scan gives. */
static void
find_system_columns(struct level *level, struct plan *plan)
{
    const struct query *query = level->query;
    struct system_search search = {.query = query};
    for (uint16_t i = 0; i < query->returning_count; i++) {
        (void)visit_system_column(query->returning[i].expr, 0, &search);
    }
    const bool is_delete = query->kind == QUERY_DELETE;
    plan->modify.system_columns =
        ky_arena_array(level->planner->arena, struct scan_column, KY_COUNT_OF(search.types));
    for (uint16_t column = EXPR_SYSTEM_FIRST; column <= EXPR_SYSTEM_LAST; column++) {
        const bool is_old = is_delete && column != EXPR_SYSTEM_XMAX;
        const struct type *type = search.types[column - EXPR_SYSTEM_FIRST];
        if (type != NULL && column != EXPR_SYSTEM_ROW_ID && !is_old) {
            plan->modify.system_columns[plan->modify.system_count++] =
                (struct scan_column){column, type};
        }
    }
}

/* RETURNING over the table's columns, the row id, then the child's columns. */
static void
set_returning(struct level *level, struct plan *plan, const struct exprs *child_output)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    const struct cat_table *table = plan->modify.table;
    plan->modify.has_returning = query->has_returning;
    if (!query->has_returning) {
        plan->output = ky_arena_array(p->arena, const struct type *, 1);
        plan->output_count = 0;
        return;
    }
    struct exprs row = {0};
    for (uint16_t i = 0; i < table->column_count; i++) {
        exprs_add(level, &row, expr_new_column(p, query->target_table, i, table->columns[i].type));
    }
    exprs_add(level, &row,
              expr_new_column(p, query->target_table, EXPR_SYSTEM_ROW_ID, type_get(OID_INT8)));
    find_system_columns(level, plan);
    for (uint16_t i = 0; i < plan->modify.system_count; i++) {
        exprs_add(level, &row,
                  expr_new_column(p, query->target_table, plan->modify.system_columns[i].column,
                                  plan->modify.system_columns[i].type));
    }
    for (uint32_t i = 0; child_output != NULL && i < child_output->count; i++) {
        exprs_add(level, &row, child_output->list[i]);
    }
    const struct input input = {
        .level = level, .exprs = row.list, .count = row.count, .is_complex = true};
    struct expr **exprs = ky_arena_array(p->arena, struct expr *, query->returning_count + 1U);
    for (uint16_t i = 0; i < query->returning_count; i++) {
        exprs[i] = fix_expr(&input, query->returning[i].expr);
    }
    plan->project = exprs;
    plan_set_output(p, plan, exprs, query->returning_count);
}

/* CHECKs and generated columns are over the new row already (EXPR_INPUT by column). */
static void
set_row_rules(struct plan *plan, const struct query *query)
{
    plan->modify.checks = query->checks;
    plan->modify.check_names = query->check_names;
    plan->modify.check_count = query->check_count;
    plan->modify.generated = query->generated;
}

/* DO UPDATE: over the existing row's columns, then the excluded row's. */
static void
set_conflict(struct level *level, struct plan *plan)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    const struct cat_table *table = plan->modify.table;
    plan->modify.conflict = query->conflict;
    plan->modify.arbiter = query->conflict_index;
    if (query->conflict != CONFLICT_UPDATE) {
        return;
    }
    struct exprs pair = {0};
    for (int side = 0; side < 2; side++) {
        for (uint16_t i = 0; i < table->column_count; i++) {
            exprs_add(level, &pair,
                      expr_new_column(p, side == 0 ? query->target_table : query->excluded_table, i,
                                      table->columns[i].type));
        }
    }
    const struct input input = {.level = level, .exprs = pair.list, .count = pair.count};
    plan->modify.conflict_values =
        ky_arena_array(p->arena, struct expr *, table->column_count + 1U);
    for (uint16_t i = 0; i < query->assignment_count; i++) {
        plan->modify.conflict_values[query->assignments[i].column] =
            fix_expr(&input, query->assignments[i].expr);
    }
    plan->modify.conflict_where = fix_expr(&input, query->conflict_where);
}

static struct plan *
plan_insert(struct level *level)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct cat_table *table = query->tables[query->target_table]->table;
    const struct input nothing = {.level = level};
    struct plan *plan = plan_new(p, PLAN_INSERT);
    struct plan *child;
    if (query->source != NULL) {
        struct slot_ref *refs = NULL;
        child = plan_nested(level, query->source, &refs);
        (void)adopt_refs(level, refs);
    } else {
        child = plan_new(p, PLAN_RESULT); /* DEFAULT VALUES: one row of nothing */
        child->rows = 1;
        plan_set_output(p, child, NULL, 0);
    }
    if (p->is_failed) {
        return NULL;
    }
    plan->left = child;
    plan->alias = query->tables[query->target_table]->alias;
    plan->rows = query->has_returning ? child->rows : 0;
    plan->startup_cost = child->startup_cost;
    plan->total_cost = child->total_cost;
    plan->modify.table = table;
    plan->modify.new_columns = ky_arena_array(p->arena, uint16_t, table->column_count + 1U);
    plan->modify.defaults = ky_arena_array(p->arena, struct expr *, table->column_count + 1U);
    for (uint16_t i = 0; i < table->column_count; i++) {
        plan->modify.new_columns[i] = NOT_GIVEN;
        plan->modify.defaults[i] =
            query->defaults == NULL ? NULL : fix_expr(&nothing, query->defaults[i]);
    }
    for (uint16_t i = 0; i < query->insert_column_count; i++) {
        plan->modify.new_columns[query->insert_columns[i]] = i;
    }
    set_row_rules(plan, query);
    set_conflict(level, plan);
    set_returning(level, plan, NULL);
    return plan;
}

/* The scan below UPDATE and DELETE gives the row id, and what RETURNING and SET read. */
static struct plan *
plan_change(struct level *level)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    bool is_update = query->kind == QUERY_UPDATE;
    struct cat_table *table = query->tables[query->target_table]->table;
    struct exprs extra = {0};
    struct expr *row_id =
        expr_new_column(p, query->target_table, EXPR_SYSTEM_ROW_ID, type_get(OID_INT8));
    exprs_add(level, &extra, row_id);
    for (uint16_t i = 0; is_update && i < table->column_count; i++) {
        exprs_add(level, &extra,
                  expr_new_column(p, query->target_table, i, table->columns[i].type));
    }
    level->extra = &extra;
    struct piece piece = plan_from(level);
    if (p->is_failed) {
        return NULL;
    }
    struct exprs output = piece.output;
    const struct input input = {.level = level, .exprs = output.list, .count = output.count};
    struct plan *plan = plan_new(p, is_update ? PLAN_UPDATE : PLAN_DELETE);
    struct plan *child = piece.plan;
    plan->modify.table = table;
    plan->alias = query->tables[query->target_table]->alias;
    if (is_update) {
        /* The child computes the new values behind what it reads. */
        struct exprs wanted = output;
        struct expr **exprs = ky_arena_array(p->arena, struct expr *,
                                             (size_t)output.count + query->assignment_count + 1);
        for (uint32_t i = 0; i < output.count; i++) {
            exprs[i] = expr_new_input(p, i, output.list[i]->type);
        }
        plan->modify.new_columns = ky_arena_array(p->arena, uint16_t, table->column_count + 1U);
        plan->modify.is_changed = ky_arena_array(p->arena, bool, table->column_count + 1U);
        for (uint16_t i = 0; i < table->column_count; i++) {
            for (uint32_t j = 0; j < output.count; j++) {
                if (output.list[j]->table == query->target_table && output.list[j]->column == i) {
                    plan->modify.new_columns[i] = (uint16_t)j;
                }
            }
        }
        for (uint16_t i = 0; i < query->assignment_count; i++) {
            uint32_t place = output.count + i;
            exprs[place] = fix_expr(&input, query->assignments[i].expr);
            plan->modify.new_columns[query->assignments[i].column] = (uint16_t)place;
            plan->modify.is_changed[query->assignments[i].column] = true;
            exprs_add(level, &wanted, query->assignments[i].expr);
        }
        for (uint16_t i = 0; query->generated != NULL && i < table->column_count; i++) {
            if (query->generated[i] != NULL) {
                plan->modify.is_changed[i] = true;
            }
        }
        if (child->project != NULL) {
            child = plan_above(p, PLAN_LIMIT, child);
        }
        child = plan_project(p, child, exprs, output.count + query->assignment_count);
    }
    for (uint32_t i = 0; i < output.count; i++) {
        if (output.list[i]->table == query->target_table &&
            output.list[i]->column == EXPR_SYSTEM_ROW_ID) {
            plan->modify.row_id_column = (uint16_t)i;
        }
    }
    plan->left = child;
    plan->rows = query->has_returning ? child->rows : 0;
    plan->startup_cost = child->startup_cost;
    plan->total_cost = child->total_cost;
    set_row_rules(plan, query);
    set_returning(level, plan, &output);
    return plan;
}

/* Where the child has the row id, and each column of the table as it was. */
static void
find_old_row(const struct query *query, struct plan *plan, const struct exprs *output)
{
    for (uint32_t i = 0; i < output->count; i++) {
        const struct expr *column = output->list[i];
        if (column->table != query->target_table) {
            continue;
        }
        if (column->column == EXPR_SYSTEM_ROW_ID) {
            plan->modify.row_id_column = (uint16_t)i;
        } else if (column->column < plan->modify.table->column_count) {
            plan->modify.new_columns[column->column] = (uint16_t)i;
        }
    }
}

static void
plan_merge_action(const struct input *input, const struct query *query,
                  const struct merge_action *action, const struct plan *plan,
                  struct merge_plan *merge)
{
    struct planner *p = input->level->planner;
    const uint16_t column_count = plan->modify.table->column_count;
    merge->is_matched = action->is_matched;
    merge->kind = action->kind;
    merge->condition = fix_expr(input, action->condition);
    merge->values = ky_arena_array(p->arena, struct expr *, column_count + 1U);
    merge->is_changed = ky_arena_array(p->arena, bool, column_count + 1U);
    for (uint16_t i = 0; i < action->assignment_count; i++) {
        const struct assignment *assignment = &action->assignments[i];
        merge->values[assignment->column] = fix_expr(input, assignment->expr);
        merge->is_changed[assignment->column] = true;
    }
    for (uint16_t i = 0; query->generated != NULL && i < column_count; i++) {
        merge->is_changed[i] = merge->is_changed[i] || query->generated[i] != NULL;
    }
}

/* The join below MERGE gives the target's row id and columns, and what WHEN reads. What a row of
 * it comes to is evaluated only once it is known which WHEN is its. */
static struct plan *
plan_merge(struct level *level)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct cat_table *table = query->tables[query->target_table]->table;
    struct exprs extra = {0};
    exprs_add(level, &extra,
              expr_new_column(p, query->target_table, EXPR_SYSTEM_ROW_ID, type_get(OID_INT8)));
    for (uint16_t i = 0; i < table->column_count; i++) {
        exprs_add(level, &extra,
                  expr_new_column(p, query->target_table, i, table->columns[i].type));
    }
    level->extra = &extra;
    struct piece piece = plan_from(level);
    if (p->is_failed) {
        return NULL;
    }
    const struct input input = {
        .level = level, .exprs = piece.output.list, .count = piece.output.count};
    struct plan *plan = plan_new(p, PLAN_MERGE);
    plan->left = piece.plan;
    plan->alias = query->tables[query->target_table]->alias;
    plan->startup_cost = piece.plan->startup_cost;
    plan->total_cost = piece.plan->total_cost;
    plan->modify.table = table;
    plan->modify.new_columns = ky_arena_array(p->arena, uint16_t, table->column_count + 1U);
    find_old_row(query, plan, &piece.output);
    plan->modify.merge_count = query->merge_action_count;
    plan->modify.merges = ky_arena_array(p->arena, struct merge_plan, query->merge_action_count);
    for (uint16_t i = 0; i < query->merge_action_count; i++) {
        plan_merge_action(&input, query, &query->merge_actions[i], plan, &plan->modify.merges[i]);
    }
    set_row_rules(plan, query);
    set_returning(level, plan, &piece.output);
    return plan;
}

struct plan *
plan_modify(struct level *level)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct cat_table *table = query->tables[query->target_table]->table;
    p->has_writes = true;
    use_table(p, table, LOCK_ROW_EXCLUSIVE);
    return query->kind == QUERY_INSERT  ? plan_insert(level)
           : query->kind == QUERY_MERGE ? plan_merge(level)
                                        : plan_change(level);
}
