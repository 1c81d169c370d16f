/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan.h"

#include "server/sql/plan/plan_private.h"

/* The planner's front door, nested queries, common table expressions, and making nodes. */

enum { PLAN_DEPTH_MAX = 150 };

struct plan *
plan_new(struct planner *p, enum plan_kind kind)
{
    struct plan *plan = ky_arena_new(p->arena, struct plan);
    plan->kind = kind;
    return plan;
}

void
plan_set_output(struct planner *p, struct plan *plan, struct expr *const *exprs, uint32_t count)
{
    plan->output_count = (uint16_t)count;
    plan->output = ky_arena_array(p->arena, const struct type *, (size_t)count + 1);
    plan->width = 0;
    for (uint32_t i = 0; i < count; i++) {
        plan->output[i] = exprs[i]->type;
        plan->width += type_width(exprs[i]->type, exprs[i]->typmod);
    }
}

void
plan_copy_output(struct plan *plan, const struct plan *child)
{
    plan->output = child->output;
    plan->output_count = child->output_count;
    plan->width = child->width;
}

struct plan *
plan_above(struct planner *p, enum plan_kind kind, struct plan *child)
{
    struct plan *plan = plan_new(p, kind);
    plan->left = child;
    plan_copy_output(plan, child);
    plan->rows = child->rows;
    plan->startup_cost = child->startup_cost;
    plan->total_cost = child->total_cost;
    return plan;
}

struct plan *
plan_project(struct planner *p, struct plan *plan, struct expr **exprs, uint32_t count)
{
    plan->project = exprs;
    plan_set_output(p, plan, exprs, count);
    plan->total_cost += plan->rows * CPU_OPERATOR_COST * 0.5;
    return plan;
}

void
use_table(struct planner *p, struct cat_table *table, enum table_lock_mode mode)
{
    for (uint16_t i = 0; i < p->used_count; i++) {
        if (p->used[i].table == table) {
            p->used[i].mode = KY_MAX(p->used[i].mode, mode);
            return;
        }
    }
    if (p->used_count == p->used_capacity) {
        uint16_t capacity = (uint16_t)(p->used_capacity == 0 ? 8 : p->used_capacity * 2);
        struct used_table *used = ky_arena_array(p->arena, struct used_table, capacity);
        if (p->used_count > 0) {
            memcpy(used, p->used, p->used_count * sizeof(*used));
        }
        p->used = used;
        p->used_capacity = capacity;
    }
    p->used[p->used_count++] = (struct used_table){table, mode};
}

void
level_init(struct level *level, struct planner *p, struct level *parent, struct query *query)
{
    *level = (struct level){.planner = p, .parent = parent, .query = query};
    level->rels = ky_arena_array(p->arena, struct rel, query->table_count + 1U);
    for (uint16_t i = 0; i < query->table_count; i++) {
        level->rels[i].ref = query->tables[i];
        level->rels[i].table = i;
    }
}

/* ------------------------------------------------------------------ common table expressions */

struct cte_state *
cte_find(struct planner *p, const struct cte *cte)
{
    for (struct cte_state *state = p->ctes; state != NULL; state = state->next) {
        if (state->cte == cte) {
            return state;
        }
    }
    return NULL;
}

static uint16_t
cte_number(struct planner *p)
{
    if (p->cte_count == p->cte_capacity) {
        uint16_t capacity = (uint16_t)(p->cte_capacity == 0 ? 4 : p->cte_capacity * 2);
        struct plan **plans = ky_arena_array(p->arena, struct plan *, capacity);
        const char **names = ky_arena_array(p->arena, const char *, capacity);
        if (p->cte_count > 0) {
            memcpy(plans, p->cte_plans, p->cte_count * sizeof(*plans));
            memcpy(names, p->cte_names, p->cte_count * sizeof(*names));
        }
        p->cte_plans = plans;
        p->cte_names = names;
        p->cte_capacity = capacity;
    }
    return p->cte_count++;
}

/* WITH RECURSIVE r AS (start UNION [ALL] round). */
static struct plan *
plan_recursive(struct level *level, struct cte_state *state, struct slot_ref **refs_out)
{
    struct planner *p = level->planner;
    struct query *query = state->cte->query;
    struct slot_ref *refs = NULL;
    struct level both; /* the UNION is a level of its own between its halves and us */
    level_init(&both, p, level, query);
    plan_ctes(&both);
    struct plan *start = p->is_failed ? NULL : plan_nested(&both, query->left, &refs);
    (void)adopt_refs(&both, refs);
    if (p->is_failed) {
        return NULL;
    }
    state->is_open = true;
    state->rows = start->rows * 10;
    struct plan *round = plan_nested(&both, query->right, &refs);
    (void)adopt_refs(&both, refs);
    state->is_open = false;
    *refs_out = both.outer;
    if (p->is_failed) {
        return NULL;
    }
    struct plan *plan = plan_above(p, PLAN_RECURSIVE_UNION, start);
    plan->right = round;
    plan->recursive.is_distinct = !query->is_all;
    plan->recursive.cte = state->number;
    plan->rows = start->rows + round->rows * 10;
    plan->total_cost = start->total_cost + round->total_cost * 10;
    return plan;
}

void
plan_ctes(struct level *level)
{
    struct planner *p = level->planner;
    for (uint16_t i = 0; i < level->query->cte_count && !p->is_failed; i++) {
        struct cte *cte = level->query->ctes[i];
        struct cte_state *state = ky_arena_new(p->arena, struct cte_state);
        struct slot_ref *refs = NULL;
        if (cte_is_inlined(cte) ||
            (cte->reference_count == 0 && cte->query->kind == QUERY_SELECT)) {
            continue;
        }
        state->cte = cte;
        state->number = cte_number(p);
        p->cte_names[state->number] = cte->name;
        state->next = p->ctes;
        p->ctes = state;
        const bool is_recursive = cte->is_recursive && cte->query->kind == QUERY_SET_OPERATION;
        struct plan *plan = is_recursive ? plan_recursive(level, state, &refs)
                                         : plan_nested(level, cte->query, &refs);
        if (p->is_failed) {
            return;
        }
        (void)adopt_refs(level, refs);
        state->rows = plan->rows;
        if (refs != NULL) {
            state->plan = plan;
            continue;
        }
        p->cte_plans[state->number] = plan;
    }
}

/* ------------------------------------------------------------------ levels */

struct plan *
plan_one(struct level *level)
{
    plan_ctes(level);
    if (level->planner->is_failed) {
        return NULL;
    }
    switch (level->query->kind) {
    case QUERY_SELECT:
    case QUERY_VALUES:
        return plan_select(level);
    case QUERY_SET_OPERATION:
        return plan_set_query(level);
    case QUERY_INSERT:
    case QUERY_UPDATE:
    case QUERY_DELETE:
    case QUERY_MERGE:
        return plan_modify(level);
    }
    KY_UNREACHABLE();
}

struct plan *
plan_nested(struct level *parent, struct query *query, struct slot_ref **refs_out)
{
    struct planner *p = parent->planner;
    struct level level;
    if (++p->depth > PLAN_DEPTH_MAX) {
        plan_fail(p, KY_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        return NULL;
    }
    level_init(&level, p, parent, query);
    struct plan *plan = plan_one(&level);
    p->depth--;
    *refs_out = level.outer;
    return plan;
}

/* ------------------------------------------------------------------ the front door */

static bool
is_change(const struct plan *plan)
{
    return plan->kind == PLAN_INSERT || plan->kind == PLAN_UPDATE || plan->kind == PLAN_DELETE ||
           plan->kind == PLAN_MERGE;
}

/* Foreign keys are looked at after the last row. */
static bool
has_foreign_keys(const struct plan *plan)
{
    return is_change(plan) &&
           plan->modify.table->foreign_count + plan->modify.table->reference_count > 0;
}

static bool
goes_on_after(const struct planner *p, const struct plan *plan)
{
    for (uint16_t i = 0; i < p->cte_count; i++) {
        if (p->cte_plans[i] != NULL && has_foreign_keys(p->cte_plans[i])) {
            return true;
        }
    }
    return has_foreign_keys(plan);
}

static bool
is_point(const struct plan *plan)
{
    if (has_foreign_keys(plan)) {
        return false;
    }
    if (plan->kind == PLAN_INSERT) {
        return plan->left->kind == PLAN_VALUES_SCAN && plan->left->values.row_count == 1;
    }
    const struct plan *scan =
        plan->kind == PLAN_UPDATE || plan->kind == PLAN_DELETE ? plan->left : plan;
    if (scan->kind == PLAN_CURRENT_OF) {
        return true;
    }
    return scan->kind == PLAN_INDEX_SCAN && scan->scan.index->is_unique &&
           scan->scan.bounds.equal_count == scan->scan.index->key_count;
}

/* ORDER BY's own columns are at the end and are no part of the result. */
static uint16_t
visible_targets(const struct query *query)
{
    uint16_t count = 0;
    while (count < query->target_count && !query->targets[count].is_hidden) {
        count++;
    }
    return count;
}

static bool
visit_subqueries(struct expr *expr, int depth, void *self)
{
    return expr->kind == EXPR_SUBQUERY || expr_walk_children(expr, depth, visit_subqueries, self);
}

/* May a function take long or wait (pg_sleep, advisory locks)? */
static bool
visit_slow(struct expr *expr, int depth, void *self)
{
    static const char *const quick[] = {"nextval", "random", "clock_timestamp", "gen_random_uuid",
                                        "timeofday"};
    if (expr->kind == EXPR_FUNC && expr->func->volatility == 'v') {
        for (size_t i = 0; i < KY_COUNT_OF(quick); i++) {
            if (strcmp(expr->func->name, quick[i]) == 0) {
                return expr_walk_children(expr, depth, visit_slow, self);
            }
        }
        return true;
    }
    return expr_walk_children(expr, depth, visit_slow, self);
}

/* May a function work long on one value? */
static bool
visit_long(struct expr *expr, int depth, void *self)
{
    return (expr->kind == EXPR_FUNC && expr->func->can_grow) ||
           expr_walk_children(expr, depth, visit_long, self);
}

/* Does a function change something (a sequence, a setting, an advisory lock)? */
static bool
visit_writes(struct expr *expr, int depth, void *self)
{
    static const char *const names[] = {"nextval", "setval", "set_config", "lo_create",
                                        "lo_unlink"};
    if (expr->kind == EXPR_FUNC && expr->func->volatility == 'v') {
        for (size_t i = 0; i < KY_COUNT_OF(names); i++) {
            if (strcmp(expr->func->name, names[i]) == 0) {
                return true;
            }
        }
    }
    return expr_walk_children(expr, depth, visit_writes, self);
}

ky_status
plan_query(struct plan_context *context, struct query *query, struct statement_plan **plan_out,
           struct ky_error *err)
{
    struct planner p = {.context = context, .arena = context->arena, .err = err};
    struct level level;
    level_init(&level, &p, NULL, query);
    struct plan *root = plan_one(&level);
    if (p.is_failed) {
        return KY_ERR;
    }
    struct statement_plan *plan = ky_arena_new(p.arena, struct statement_plan);
    const bool has_returning = query->kind == QUERY_INSERT || query->kind == QUERY_UPDATE ||
                               query->kind == QUERY_DELETE || query->kind == QUERY_MERGE;
    plan->root = root;
    plan->ctes = p.cte_plans;
    plan->cte_names = p.cte_names;
    plan->cte_count = p.cte_count;
    plan->outer_slot_count = p.slot_count;
    plan->targets = has_returning ? query->returning : query->targets;
    plan->target_count = has_returning ? query->returning_count : visible_targets(query);
    plan->kind = query->kind;
    plan->is_read_only = !p.has_writes && !query_walk(query, 0, visit_writes, NULL);
    plan->may_wait = query_walk(query, 0, visit_slow, NULL) || goes_on_after(&p, root);
    plan->has_subplans = p.cte_count > 0 || query_walk(query, 0, visit_subqueries, NULL);
    plan->may_be_long = query_walk(query, 0, visit_long, NULL);
    plan->is_point = !plan->may_wait && !plan->may_be_long && !plan->has_subplans && is_point(root);
    plan->catalog_lsn = context->image == NULL ? 0 : context->image->lsn;
    plan->table_used_count = p.used_count;
    plan->tables = ky_arena_array(p.arena, struct cat_table *, p.used_count + 1U);
    plan->table_modes = ky_arena_array(p.arena, enum table_lock_mode, p.used_count + 1U);
    for (uint16_t i = 0; i < p.used_count; i++) {
        plan->tables[i] = p.used[i].table;
        plan->table_modes[i] = p.used[i].mode;
        if (plan->tables[i]->kind == 'm' && plan->table_modes[i] == LOCK_ROW_SHARE) {
            return ky_error_set(err, KY_WRONG_OBJECT_TYPE,
                                "cannot lock rows in materialized view \"%s\"",
                                plan->tables[i]->name);
        }
        if (plan->tables[i]->kind == 'm' && !plan->tables[i]->is_populated) {
            plan->unpopulated = plan->tables[i];
        }
    }
    *plan_out = plan;
    return KY_OK;
}
