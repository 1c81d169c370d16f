/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan_private.h"

/* Sets of tables, lists of quals, and questions about bound expressions. */

bool
tables_is_empty(const struct tables *set)
{
    uint64_t all = 0;
    for (int i = 0; i < TABLES_WORDS; i++) {
        all |= set->bits[i];
    }
    return all == 0;
}

bool
tables_is_subset(const struct tables *set, const struct tables *of)
{
    uint64_t outside = 0;
    for (int i = 0; i < TABLES_WORDS; i++) {
        outside |= set->bits[i] & ~of->bits[i];
    }
    return outside == 0;
}

bool
tables_overlap(const struct tables *a, const struct tables *b)
{
    uint64_t both = 0;
    for (int i = 0; i < TABLES_WORDS; i++) {
        both |= a->bits[i] & b->bits[i];
    }
    return both != 0;
}

void
tables_join(struct tables *set, const struct tables *more)
{
    for (int i = 0; i < TABLES_WORDS; i++) {
        set->bits[i] |= more->bits[i];
    }
}

void
tables_remove(struct tables *set, const struct tables *less)
{
    for (int i = 0; i < TABLES_WORDS; i++) {
        set->bits[i] &= ~less->bits[i];
    }
}

uint32_t
tables_count(const struct tables *set)
{
    uint32_t count = 0;
    for (int i = 0; i < TABLES_WORDS; i++) {
        count += (uint32_t)__builtin_popcountll(set->bits[i]);
    }
    return count;
}

static bool
visit_tables(struct expr *expr, int level, void *self)
{
    if (expr->kind == EXPR_COLUMN) {
        if (expr->levels_up == level) {
            tables_add(self, expr->table);
        }
        return false;
    }
    if (expr->kind == EXPR_CONST || expr->kind == EXPR_PARAM) {
        return false;
    }
    return expr_walk_children(expr, level, visit_tables, self);
}

void
tables_of_expr(struct expr *expr, struct tables *set)
{
    (void)visit_tables(expr, 0, set);
}

/* ---- lists ---- */

void
exprs_add(struct level *level, struct exprs *exprs, struct expr *expr)
{
    if (exprs->count == exprs->capacity) {
        const uint32_t capacity = exprs->capacity == 0 ? 8 : exprs->capacity * 2;
        struct expr **list =
            ky_arena_alloc(level->planner->arena, (size_t)capacity * sizeof(struct expr *));
        if (exprs->count > 0) {
            memcpy(list, exprs->list, exprs->count * sizeof(struct expr *));
        }
        exprs->list = list;
        exprs->capacity = capacity;
    }
    exprs->list[exprs->count++] = expr;
}

void
quals_add(struct level *level, struct quals *quals, struct qual *qual)
{
    if (quals->count == quals->capacity) {
        const uint32_t capacity = quals->capacity == 0 ? 4 : quals->capacity * 2;
        struct qual **list =
            ky_arena_alloc(level->planner->arena, (size_t)capacity * sizeof(struct qual *));
        if (quals->count > 0) {
            memcpy(list, quals->list, quals->count * sizeof(struct qual *));
        }
        quals->list = list;
        quals->capacity = capacity;
    }
    quals->list[quals->count++] = qual;
}

struct qual *
qual_new(struct level *level, struct expr *expr)
{
    struct qual *qual = ky_arena_new(level->planner->arena, struct qual);
    qual->expr = expr;
    tables_of_expr(expr, &qual->tables);
    qual->is_volatile = expr_is_volatile(expr);
    qual->selectivity = -1;
    return qual;
}

void
quals_split(struct level *level, struct quals *quals, struct expr *expr)
{
    if (expr == NULL) {
        return;
    }
    if (expr->kind == EXPR_AND) {
        for (uint16_t i = 0; i < expr->arg_count; i++) {
            quals_split(level, quals, expr->args[i]);
        }
        return;
    }
    if (expr->kind == EXPR_CONST && !expr->value.is_null && expr->value.word != 0) {
        return;
    }
    quals_add(level, quals, qual_new(level, expr));
}

/* ---- columns ---- */

struct collector {
    struct level *level;
    struct exprs *out;
};

static void
collect_one(struct collector *collector, struct expr *column)
{
    struct level *level = collector->level;
    struct rel *rel = &level->rels[column->table];
    const uint32_t width = rel->ref->column_count;
    if (rel->marks == NULL) {
        rel->marks = ky_arena_array(level->planner->arena, uint32_t,
                                    width + EXPR_SYSTEM_LAST - EXPR_SYSTEM_FIRST + 1U);
    }
    const uint32_t place = column->column >= EXPR_SYSTEM_FIRST
                               ? width + (uint32_t)(column->column - EXPR_SYSTEM_FIRST)
                               : column->column;
    if (rel->marks[place] == level->generation) {
        return;
    }
    rel->marks[place] = level->generation;
    if (column->levels_up != 0) {
        column = expr_new_column(level->planner, column->table, column->column, column->type);
    }
    exprs_add(level, collector->out, column);
}

static bool
visit_columns(struct expr *expr, int level, void *self)
{
    struct collector *collector = self;
    if (expr->kind == EXPR_COLUMN) {
        if (expr->levels_up == level) {
            collect_one(collector, expr);
        }
        return false;
    }
    if (expr->kind == EXPR_CONST || expr->kind == EXPR_PARAM) {
        return false;
    }
    return expr_walk_children(expr, level, visit_columns, self);
}

void
collect_begin(struct level *level)
{
    level->generation++;
}

void
collect_columns(struct level *level, struct exprs *out, struct expr *expr)
{
    struct collector collector = {level, out};
    if (expr != NULL) {
        (void)visit_columns(expr, 0, &collector);
    }
}

/* ---- making expressions ---- */

struct expr *
expr_new_column(struct planner *p, uint16_t table, uint16_t column, const struct type *type)
{
    struct expr *expr = ky_arena_new(p->arena, struct expr);
    expr->kind = EXPR_COLUMN;
    expr->location = -1;
    expr->type = type;
    expr->typmod = -1;
    expr->table = table;
    expr->column = column;
    return expr;
}

struct expr *
expr_new_const(struct planner *p, const struct type *type, struct datum value)
{
    struct expr *expr = ky_arena_new(p->arena, struct expr);
    expr->kind = EXPR_CONST;
    expr->location = -1;
    expr->type = type;
    expr->typmod = -1;
    expr->value = value;
    return expr;
}

struct expr *
expr_new_input(struct planner *p, uint32_t index, const struct type *type)
{
    struct expr *expr = ky_arena_new(p->arena, struct expr);
    expr->kind = EXPR_INPUT;
    expr->location = -1;
    expr->type = type;
    expr->typmod = -1;
    expr->index = index;
    return expr;
}

/* ---- strictness ---- */

/* Is the value null whenever all columns of tables are null? */
static bool
is_null_with(const struct expr *expr, const struct tables *tables)
{
    switch (expr->kind) {
    case EXPR_COLUMN:
        return expr->levels_up == 0 && tables_has(tables, expr->table);
    case EXPR_FUNC:
        if (!expr->func->is_strict) {
            return false;
        }
        for (uint16_t i = 0; i < expr->arg_count; i++) {
            if (is_null_with(expr->args[i], tables)) {
                return true;
            }
        }
        return false;
    case EXPR_CAST:
    case EXPR_COERCE:
    case EXPR_DOMAIN:
    case EXPR_NOT:
        return is_null_with(expr->args[0], tables);
    case EXPR_ARRAY_OP:
        return !expr->is_negated && expr->func->is_strict && is_null_with(expr->args[0], tables);
    default:
        return false;
    }
}

bool
expr_is_strict_for(const struct expr *expr, const struct tables *tables)
{
    switch (expr->kind) {
    case EXPR_IS_NULL:
        return expr->is_negated && is_null_with(expr->args[0], tables);
    case EXPR_AND:
        for (uint16_t i = 0; i < expr->arg_count; i++) {
            if (expr_is_strict_for(expr->args[i], tables)) {
                return true;
            }
        }
        return false;
    case EXPR_OR:
        for (uint16_t i = 0; i < expr->arg_count; i++) {
            if (!expr_is_strict_for(expr->args[i], tables)) {
                return false;
            }
        }
        return true;
    case EXPR_SUBQUERY: /* of no rows false, else null */
        return expr->subquery_kind == SUBQUERY_ANY && is_null_with(expr->any_test, tables);
    default:
        return is_null_with(expr, tables);
    }
}
