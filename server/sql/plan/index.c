/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/sql/bind/bind.h"
#include "server/sql/plan/condition.h"

/*
 * Choosing an index: equality on its leading columns, = ANY or a range on the next one. What the
 * bounds say is left in the filter only when they cannot say it exactly. An index is also
 * chosen for the order it delivers, when the query stops early.
 */

/* Columns of the table as columns of rel. */
static bool
visit_input(struct expr *expr, int level, void *self)
{
    if (expr->kind == EXPR_INPUT) {
        expr->kind = EXPR_COLUMN;
        expr->table = *(const uint16_t *)self;
        expr->column = (uint16_t)expr->index;
        expr->index = 0;
    }
    return expr_walk_children(expr, level, visit_input, self);
}

static bool
bind_one(struct planner *p, const struct rel *rel, const char *sql, const struct type *wanted,
         struct expr **out)
{
    struct cat_path path = {.schemas = {OID_SCHEMA_PG_CATALOG, OID_SCHEMA_PUBLIC}, .count = 2};
    struct bind_context bind = {
        .arena = p->arena, .image = p->context->image, .path = &path, .env = p->context->env};
    struct ky_error ignored;
    uint16_t table = rel->table;
    ky_error_init(&ignored);
    if (bind_table_expression(&bind, rel->ref->table, sql, wanted, -1, out, &ignored) != KY_OK) {
        return false;
    }
    (void)visit_input(*out, 0, &table);
    return true;
}

/* False: the index says something that does not bind, and is left alone. */
static bool
read_expressions(struct planner *p, const struct rel *rel, const struct cat_index *index,
                 struct index_exprs *out)
{
    *out = (struct index_exprs){.predicate = NULL};
    for (uint16_t k = 0; k < index->key_count; k++) {
        if (index->keys[k].column == 0 &&
            !bind_one(p, rel, index->keys[k].expression_sql, NULL, &out->keys[k])) {
            return false;
        }
    }
    return index->predicate_sql == NULL ||
           bind_one(p, rel, index->predicate_sql, type_get(OID_BOOL), &out->predicate);
}

/* ------------------------------------------------------------------ predicates */

/* x op constant; *value_out and *strategy_out as if x stood on the left. */
static bool
read_comparison(const struct expr *expr, const struct expr **x_out, const struct expr **value_out,
                char *strategy_out)
{
    if (expr->kind != EXPR_FUNC || expr->op == NULL || expr->op->strategy == 0 ||
        expr->arg_count != 2) {
        return false;
    }
    for (int side = 0; side < 2; side++) {
        if (expr->args[1 - side]->kind == EXPR_CONST && expr->args[side]->kind != EXPR_CONST) {
            *x_out = expr->args[side];
            *value_out = expr->args[1 - side];
            *strategy_out = side == 0 ? expr->op->strategy : mirrored(expr->op->strategy);
            return !(*value_out)->value.is_null;
        }
    }
    return false;
}

/* x q_op v says that x p_op w. */
static bool
comparison_implies(const struct expr *qual, const struct expr *part)
{
    const struct expr *x;
    const struct expr *y;
    const struct expr *v;
    const struct expr *w;
    char given;
    char needed;
    if (!read_comparison(qual, &x, &v, &given) || !read_comparison(part, &y, &w, &needed) ||
        !expr_equal(x, y) || v->type != w->type || v->type->compare == NULL) {
        return false;
    }
    const int order = v->type->compare(v->type, v->value, w->value);
    switch (given) {
    case 3: /* = v */
        return needed == 1   ? order < 0
               : needed == 2 ? order <= 0
               : needed == 3 ? order == 0
               : needed == 4 ? order >= 0
                             : order > 0;
    case 1: /* < v */
        return (needed == 1 || needed == 2) && order <= 0;
    case 2:
        return (needed == 2 && order <= 0) || (needed == 1 && order < 0);
    case 5: /* > v */
        return (needed == 5 || needed == 4) && order >= 0;
    case 4:
        return (needed == 4 && order >= 0) || (needed == 5 && order > 0);
    default:
        return false;
    }
}

/* A strict function of x is true: x is not null. */
static bool
is_strict_in(const struct expr *qual, const struct expr *x, int depth)
{
    if (expr_equal(qual, x)) {
        return true;
    }
    bool is_strict = (qual->kind == EXPR_FUNC && qual->func != NULL && qual->func->is_strict) ||
                     qual->kind == EXPR_CAST ||
                     (qual->kind == EXPR_ARRAY_OP && !qual->is_negated && depth == 0);
    for (uint16_t i = 0; is_strict && depth < 16 && i < qual->arg_count; i++) {
        if (is_strict_in(qual->args[i], x, depth + 1)) {
            return true;
        }
    }
    return false;
}

static bool
part_is_implied(const struct expr *part, const struct quals *quals)
{
    if (part->kind == EXPR_AND) {
        for (uint16_t i = 0; i < part->arg_count; i++) {
            if (!part_is_implied(part->args[i], quals)) {
                return false;
            }
        }
        return true;
    }
    for (uint32_t i = 0; i < quals->count; i++) {
        const struct expr *qual = quals->list[i]->expr;
        bool is_not_null = part->kind == EXPR_IS_NULL && part->is_negated;
        if (expr_equal(qual, part) || comparison_implies(qual, part) ||
            (is_not_null && is_strict_in(qual, part->args[0], 0))) {
            return true;
        }
    }
    return false;
}

bool
plan_index_serves(struct level *level, const struct rel *rel, const struct cat_index *index,
                  struct expr *where, struct expr **key_out)
{
    struct index_exprs exprs;
    struct quals quals = {0};
    if (index->predicate_sql == NULL && index->keys[0].column != 0) {
        *key_out = NULL;
        return true;
    }
    if (where != NULL) {
        quals_split(level, &quals, where);
    }
    if (!read_expressions(level->planner, rel, index, &exprs) ||
        (exprs.predicate != NULL && !part_is_implied(exprs.predicate, &quals))) {
        return false;
    }
    *key_out = exprs.keys[0];
    return true;
}

bool
plan_index_holds(struct level *level, const struct rel *rel, const struct cat_index *index,
                 const struct quals *quals, struct index_exprs *exprs_out)
{
    return index->is_valid && index->key_count <= KY_COUNT_OF(exprs_out->keys) &&
           read_expressions(level->planner, rel, index, exprs_out) &&
           (exprs_out->predicate == NULL || part_is_implied(exprs_out->predicate, quals));
}

/* What one index makes of the conditions. */
struct choice {
    const struct cat_index *index;
    struct index_exprs exprs;
    const struct condition *equal[32];
    uint16_t equal_count;
    const struct condition *any, *lower, *upper, *not_null;
    bool is_sorted, is_backward;
    double rows;
};

static const struct condition *
find_condition(const struct condition *conditions, uint32_t count, const struct choice *choice,
               uint16_t key, const char *strategies)
{
    const struct expr *expr = choice->exprs.keys[key];
    const uint16_t column = (uint16_t)(choice->index->keys[key].column - 1);
    for (uint32_t i = 0; i < count; i++) {
        const bool is_key =
            expr != NULL ? conditions[i].column == NO_COLUMN && expr_equal(conditions[i].side, expr)
                         : conditions[i].column == column;
        if (is_key && strchr(strategies, conditions[i].strategy) != NULL) {
            return &conditions[i];
        }
    }
    return NULL;
}

/* The same value in all rows that the scan gives. */
static bool
is_held_equal(const struct choice *choice, const struct expr *column)
{
    for (uint16_t i = 0; column != NULL && i < choice->equal_count; i++) {
        if (choice->equal[i]->column == column->column) {
            return true;
        }
    }
    return false;
}

/* ORDER BY is the index's order (or its reverse) after the columns held equal. */
static bool
delivers_order(const struct level *level, const struct rel *rel, const struct choice *choice,
               bool *is_backward_out)
{
    const struct query *query = level->query;
    const struct cat_index *index = choice->index;
    uint16_t key = choice->equal_count;
    if (query->order_count == 0 || (query->table_count != 1 && level->early_table != rel) ||
        query->has_aggregates || query->has_windows || query->is_distinct ||
        query->distinct_on_count > 0 || query->has_sets || choice->any != NULL) {
        return false;
    }
    bool is_first = true;
    for (uint16_t i = 0; i < query->order_count; i++) {
        const struct sort_key *order = &query->order_by[i];
        const struct expr *column = key_column(order->expr, rel);
        if (is_held_equal(choice, column)) {
            continue;
        }
        if (key >= index->key_count) {
            return false;
        }
        const struct expr *expr = choice->exprs.keys[key];
        if (expr != NULL ? !expr_equal(order->expr, expr)
                         : column == NULL || column->column + 1 != index->keys[key].column) {
            return false;
        }
        bool is_reverse = order->is_descending != index->keys[key].is_descending;
        bool nulls_reverse = order->is_nulls_first != index->keys[key].is_nulls_first;
        if (is_reverse != nulls_reverse || (!is_first && is_reverse != *is_backward_out)) {
            return false;
        }
        *is_backward_out = is_reverse;
        is_first = false;
        key++;
    }
    return true;
}

/* The part of the table that a condition on a key leaves, unless nobody knows: then otherwise. */
static double
condition_fraction(struct level *level, const struct rel *rel, const struct condition *condition,
                   double otherwise)
{
    if (condition->column == NO_COLUMN || rel->ref->kind != TABLE_RELATION) {
        return otherwise;
    }
    const struct cat_statistics *statistics =
        rel->ref->table->columns[condition->column].statistics;
    if (statistics == NULL || statistics->distinct == 0) {
        return otherwise;
    }
    const double known = analyzed_selectivity(level, condition->qual->expr);
    if (known >= 0) {
        return known;
    }
    return condition->strategy == 3 ? statistics_equal(statistics, rel->table_rows, NULL)
                                    : otherwise;
}

/* Between two conditions of one column, each of which may be missing. */
static double
range_fraction(struct level *level, const struct rel *rel, const struct condition *lower,
               const struct condition *upper)
{
    const double above = lower == NULL ? 1 : condition_fraction(level, rel, lower, -1);
    const double below = upper == NULL ? 1 : condition_fraction(level, rel, upper, -1);
    if (above < 0 || below < 0) {
        return lower != NULL && upper != NULL ? BETWEEN_SELECTIVITY : RANGE_SELECTIVITY;
    }
    if (lower == NULL || upper == NULL) {
        return above * below;
    }
    const double nulls = rel->ref->table->columns[lower->column].statistics->null_fraction;
    return KY_MAX(1e-10, above + below + nulls - 1);
}

static void
judge_index(struct level *level, const struct rel *rel, const struct cat_index *index,
            const struct condition *conditions, uint32_t count, struct choice *choice)
{
    const struct index_exprs exprs = choice->exprs;
    *choice = (struct choice){.index = index, .exprs = exprs, .rows = rel->table_rows};
    if (exprs.predicate != NULL) {
        choice->rows *= 0.5;
    }
    uint16_t key = 0;
    for (; key < index->key_count; key++) {
        const struct condition *equal = find_condition(conditions, count, choice, key, "\3");
        if (equal == NULL) {
            break;
        }
        choice->equal[choice->equal_count++] = equal;
        choice->rows *= condition_fraction(level, rel, equal, 0.005);
    }
    if (key < index->key_count) {
        choice->any = find_condition(conditions, count, choice, key, "a");
        if (choice->any != NULL) {
            choice->rows *= condition_fraction(level, rel, choice->any, 0.05);
        } else {
            choice->lower = find_condition(conditions, count, choice, key, "\4\5");
            choice->upper = find_condition(conditions, count, choice, key, "\1\2");
            choice->rows *= range_fraction(level, rel, choice->lower, choice->upper);
            choice->not_null = find_condition(conditions, count, choice, key, "n");
        }
    }
    if (index->is_unique && choice->equal_count == index->key_count) {
        choice->rows = 1;
    }
    choice->is_sorted = delivers_order(level, rel, choice, &choice->is_backward);
}

static bool
has_bounds(const struct choice *choice)
{
    return choice->equal_count > 0 || choice->any != NULL || choice->lower != NULL ||
           choice->upper != NULL;
}

static bool
is_better(const struct choice *a, const struct choice *b, bool stops_early)
{
    if (b->index == NULL) {
        return true;
    }
    if (stops_early && a->is_sorted != b->is_sorted && a->rows <= b->rows * 100) {
        return a->is_sorted;
    }
    return a->rows < b->rows;
}

/* Inverted bounds of a DESC column: its greater values come first. */
static void
set_range(struct plan *plan, const struct choice *choice, const struct input *input)
{
    struct index_bounds *bounds = &plan->scan.bounds;
    if (choice->lower != NULL) {
        bounds->lower = fix_expr(input, choice->lower->value);
        bounds->is_lower_exclusive = choice->lower->strategy == 5;
    }
    if (choice->upper != NULL) {
        bounds->upper = fix_expr(input, choice->upper->value);
        bounds->is_upper_exclusive = choice->upper->strategy == 1;
    }
}

static bool
is_used(const struct choice *choice, const struct qual *qual)
{
    for (uint16_t i = 0; i < choice->equal_count; i++) {
        if (choice->equal[i]->qual == qual) {
            return true;
        }
    }
    return (choice->any != NULL && choice->any->qual == qual) ||
           (choice->not_null != NULL && expr_equal(choice->not_null->qual->expr, qual->expr)) ||
           (choice->lower != NULL && choice->lower->qual == qual) ||
           (choice->upper != NULL && choice->upper->qual == qual);
}

/* How far the table's rows lie in the order of the index, from 0 to 1: the square of the first
 * key's correlation, as in PostgreSQL's cost_index. */
static double
orderliness(const struct plan *plan)
{
    const struct cat_index *index = plan->scan.index;
    const int16_t column = index->keys[0].column;
    const struct cat_statistics *statistics =
        column <= 0 ? NULL : plan->scan.table->columns[column - 1].statistics;
    if (statistics == NULL || !statistics->has_correlation) {
        return 0;
    }
    const double part = index->key_count > 1 ? 0.75 : 1;
    return part * part * statistics->correlation * statistics->correlation;
}

/* Of the table's pages: between rows that lie anywhere and rows that lie side by side. */
static double
row_pages_cost(const struct plan *plan, const struct rel *rel)
{
    const double anywhere = KY_MIN(plan->rows, rel->pages) * RANDOM_PAGE_COST;
    const double pages = ceil(rel->pages * plan->rows / KY_MAX(rel->table_rows, 1.0));
    const double together = RANDOM_PAGE_COST + KY_MAX(0.0, pages - 1) * SEQ_PAGE_COST;
    return anywhere + orderliness(plan) * (KY_MIN(together, anywhere) - anywhere);
}

/* Down the tree, then index pages as if they lay anywhere, and those of the table. */
static void
set_index_cost(struct level *level, struct plan *plan, const struct rel *rel,
               const struct quals *used, const struct quals *left)
{
    enum { LEAF_ENTRIES = 366 };
    int height = 0;
    int depth = 0;
    for (double entries = rel->table_rows; entries > LEAF_ENTRIES; entries /= LEAF_ENTRIES) {
        height++;
    }
    for (double entries = rel->table_rows; entries > 1; entries /= 2) {
        depth++;
    }
    const double index_pages = 1 + (double)(int64_t)(plan->rows / LEAF_ENTRIES);
    plan->startup_cost = depth * CPU_OPERATOR_COST + (height + 1) * 50 * CPU_OPERATOR_COST;
    plan->total_cost =
        plan->startup_cost + index_pages * RANDOM_PAGE_COST + row_pages_cost(plan, rel) +
        plan->rows * (CPU_INDEX_TUPLE_COST + CPU_TUPLE_COST + quals_cost(used) + quals_cost(left));
    plan->rows = clamp_rows(plan->rows * quals_selectivity(level, left));
}

static struct plan *
make_scan(struct level *level, struct rel *rel, const struct choice *choice,
          const struct quals *quals)
{
    struct planner *p = level->planner;
    struct plan *plan = plan_new(p, PLAN_INDEX_SCAN);
    const struct input nothing = {.level = level};
    struct index_bounds *bounds = &plan->scan.bounds;
    struct quals used = {0};
    struct quals left = {0};
    plan->alias = rel->ref->alias;
    plan->scan.table = rel->ref->table;
    plan->scan.index = (struct cat_index *)(uintptr_t)choice->index;
    plan->scan.is_backward = choice->is_sorted && choice->is_backward;
    bounds->equal_count = choice->equal_count;
    bounds->equal = ky_arena_array(p->arena, struct expr *, choice->equal_count + 1U);
    for (uint16_t i = 0; i < choice->equal_count; i++) {
        bounds->equal[i] = fix_expr(&nothing, choice->equal[i]->value);
    }
    if (choice->any != NULL) {
        bounds->any_array = fix_expr(&nothing, choice->any->value);
    }
    bounds->is_not_null = choice->not_null != NULL;
    set_range(plan, choice, &nothing);
    for (uint32_t i = 0; i < quals->count; i++) {
        quals_add(level, is_used(choice, quals->list[i]) ? &used : &left, quals->list[i]);
    }
    const struct condition *const last[] = {choice->any, choice->lower, choice->upper};
    for (size_t i = 0; i < KY_COUNT_OF(last); i++) {
        if (last[i] != NULL && last[i]->is_derived) {
            quals_add(level, &used, last[i]->qual);
        }
    }
    rel->quals = left; /* what the scan still filters */
    plan->rows = clamp_rows(choice->rows);
    set_index_cost(level, plan, rel, &used, &left);
    rel->index_quals = used;
    return plan;
}

/* False: the index cannot be read for these quals. */
static bool
consider(struct level *level, const struct rel *rel, const struct cat_index *index,
         const struct quals *quals, const struct condition *conditions, uint32_t count,
         struct choice *choice_out)
{
    if ((index->method != INDEX_BTREE && index->method != INDEX_RMI &&
         index->method != INDEX_HASH) ||
        !plan_index_holds(level, rel, index, quals, &choice_out->exprs)) {
        return false;
    }
    judge_index(level, rel, index, conditions, count, choice_out);
    return true;
}

double
plan_lookup_cost(struct level *level, struct rel *rel, const struct quals *pending,
                 const struct tables *left)
{
    enum { ROWS_UNKNOWN = 20 };
    const struct cat_table *table = rel->ref->kind == TABLE_RELATION ? rel->ref->table : NULL;
    struct tables both = *left;
    struct quals quals = {0};
    struct condition *conditions;
    double best = -1;
    if (table == NULL || table->index_count == 0 || table->sysview != NULL ||
        rel->ref->sample != NULL || !level->planner->context->is_indexscan_enabled) {
        return -1;
    }
    tables_add(&both, rel->table);
    for (uint32_t i = 0; i < pending->count; i++) {
        if (pending->list[i] != NULL && tables_is_subset(&pending->list[i]->tables, &both)) {
            quals_add(level, &quals, pending->list[i]);
        }
    }
    const uint32_t count = read_conditions(level, rel, &quals, left, &conditions);
    for (uint16_t i = 0; i < table->index_count; i++) {
        struct choice choice;
        bool is_tied = false;
        if (!consider(level, rel, table->indexes[i], &quals, conditions, count, &choice)) {
            continue;
        }
        for (uint16_t k = 0; k < choice.equal_count; k++) {
            is_tied |= tables_overlap(&choice.equal[k]->qual->tables, left);
        }
        const double rows = choice.equal_count > 0 && !is_analyzed(level, choice.equal[0]->side)
                                ? KY_MIN(choice.rows, (double)ROWS_UNKNOWN)
                                : choice.rows;
        const double cost = choice.equal_count == choice.index->key_count ? JOIN_LOOKUP_COST(rows)
                                                                          : LOOKUP_COST(rows);
        if (is_tied && (best < 0 || cost < best)) {
            best = cost;
        }
    }
    const double inverted = plan_inverted_lookup_cost(level, rel, &quals, left);
    return best < 0 || (inverted >= 0 && inverted < best) ? inverted : best;
}

/* Rows read in order that are as good as what the best ordered index does: all, to begin with. */
static double
rows_to_beat(const struct level *level, const struct choice *best, const struct quals *quals,
             bool stops_early)
{
    enum { LIMIT_UNKNOWN = 10 };
    const struct expr *limit = level->query->limit;
    if (best->index == NULL) {
        return HUGE_VAL;
    }
    if (!best->is_sorted || !stops_early) {
        return best->rows;
    }
    /* It is read until enough rows have passed. */
    const double wanted = limit->kind == EXPR_CONST && !limit->value.is_null
                              ? (double)limit->value.word
                              : LIMIT_UNKNOWN;
    double passing = 1;
    for (uint32_t i = 0; i < quals->count; i++) {
        passing *= is_used(best, quals->list[i]) ? 1 : quals->list[i]->selectivity;
    }
    return KY_MIN(best->rows, wanted / KY_MAX(passing, 1e-10));
}

struct plan *
plan_index_scan(struct level *level, struct rel *rel, const struct quals *quals,
                const struct tables *outer, bool *is_sorted_out)
{
    const struct cat_table *table = rel->ref->table;
    struct planner *p = level->planner;
    bool stops_early = level->query->limit != NULL && !level->query->is_with_ties;
    struct choice best = {0};
    struct condition *conditions;
    *is_sorted_out = false;
    if (table->index_count == 0 || rel->ref->sample != NULL) {
        return NULL;
    }
    const uint32_t count = read_conditions(level, rel, quals, outer, &conditions);
    for (uint16_t i = 0; p->context->is_indexscan_enabled && i < table->index_count; i++) {
        struct choice choice;
        if (consider(level, rel, table->indexes[i], quals, conditions, count, &choice) &&
            (has_bounds(&choice) || (choice.is_sorted && stops_early) ||
             choice.exprs.predicate != NULL) &&
            is_better(&choice, &best, stops_early)) {
            best = choice;
        }
    }
    struct plan *inverted = plan_inverted_scan(level, rel, quals, outer,
                                               rows_to_beat(level, &best, quals, stops_early));
    if (inverted != NULL || best.index == NULL) {
        return inverted;
    }
    /* Most of the table: reading it in order is cheaper, unless sorting is saved. */
    if (best.rows > rel->table_rows * 0.4 && rel->table_rows > 100 && !best.is_sorted &&
        p->context->is_seqscan_enabled) {
        return NULL;
    }
    *is_sorted_out = best.is_sorted;
    return make_scan(level, rel, &best, quals);
}
