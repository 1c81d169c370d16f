/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/bind/bind_private.h"

/*
 * After grouping only the grouped expressions, aggregates and what depends on a grouped primary key
 * still have one value per row.
 */

struct group_check {
    struct binder *b;
    const struct query *query;
};

static const struct expr *
grouped_column(const struct query *query, uint16_t table, uint16_t column, uint16_t *key_out)
{
    for (uint16_t i = 0; i < query->group_count; i++) {
        const struct expr *expr = query->group_by[i];
        if (expr->kind == EXPR_COLUMN && expr->levels_up == 0 && expr->table == table &&
            expr->column == column) {
            *key_out = i;
            return expr;
        }
    }
    return NULL;
}

static bool
is_column_grouped(const struct query *query, uint16_t table, uint16_t column)
{
    uint16_t key;
    return grouped_column(query, table, column, &key) != NULL;
}

/* In every grouping set? */
static bool
is_key_common(const struct query *query, uint16_t key)
{
    for (uint32_t i = 0; i < query->grouping_set_count; i++) {
        const struct grouping_set *set = &query->grouping_sets[i];
        uint16_t place = 0;
        while (place < set->key_count && set->keys[place] != key) {
            place++;
        }
        if (place == set->key_count) {
            return false;
        }
    }
    return true;
}

static bool
is_primary_key_grouped(const struct query *query, uint16_t table)
{
    const struct table_ref *ref = query->tables[table];
    if (ref->kind != TABLE_RELATION) {
        return false;
    }
    for (uint16_t i = 0; i < ref->table->constraint_count; i++) {
        const struct cat_constraint *constraint = ref->table->constraints[i];
        if (constraint->kind != CONSTRAINT_PRIMARY) {
            continue;
        }
        uint16_t grouped = 0;
        for (uint16_t c = 0; c < constraint->column_count; c++) {
            uint16_t key;
            const uint16_t column = (uint16_t)(constraint->columns[c] - 1);
            grouped = (uint16_t)(grouped + (grouped_column(query, table, column, &key) != NULL &&
                                            is_key_common(query, key)));
        }
        return grouped == constraint->column_count;
    }
    return false;
}

static const char *
column_name(const struct table_ref *ref, uint16_t column)
{
    switch (column) {
    case EXPR_SYSTEM_CTID:
        return "ctid";
    case EXPR_SYSTEM_XMIN:
        return "xmin";
    case EXPR_SYSTEM_XMAX:
        return "xmax";
    case EXPR_SYSTEM_CMIN:
        return "cmin";
    case EXPR_SYSTEM_CMAX:
        return "cmax";
    case EXPR_SYSTEM_TABLEOID:
        return "tableoid";
    case EXPR_SYSTEM_OFFSET:
        return "kyro_offset";
    case EXPR_SYSTEM_WHOLE_ROW:
        return "*";
    default:
        return ref->columns[column].name;
    }
}

static bool
is_grouped(const struct query *query, const struct expr *expr)
{
    for (uint16_t i = 0; i < query->group_count; i++) {
        if (expr_equal(query->group_by[i], expr)) {
            return true;
        }
    }
    return false;
}

/* GROUPING takes what is grouped by and nothing that depends on it; from further in, columns only.
 */
static bool
check_grouping_args(const struct group_check *check, const struct expr *call, int level)
{
    const struct query *query = check->query;
    for (uint16_t i = 0; i < call->arg_count; i++) {
        const struct expr *arg = call->args[i];
        const bool is_column = arg->kind == EXPR_COLUMN && arg->levels_up == level;
        const bool is_known = is_column ? is_column_grouped(query, arg->table, arg->column)
                                        : level == 0 && is_grouped(query, arg);
        if (!is_known) {
            (void)bind_error(check->b, expr_location(arg), KY_GROUPING_ERROR,
                             "arguments to GROUPING must be grouping expressions of the "
                             "associated query level");
            return true;
        }
    }
    return false;
}

static bool
check_groupings(struct expr *expr, int level, void *self)
{
    if (expr->kind == EXPR_AGGREGATE && expr->levels_up >= level) {
        return false;
    }
    if (expr->kind == EXPR_GROUPING && expr->levels_up >= level) {
        return expr->levels_up == level && check_grouping_args(self, expr, level);
    }
    return expr_walk_children(expr, level, check_groupings, self);
}

static bool
check_expr(struct expr *expr, int level, void *self)
{
    struct group_check *check = self;
    const struct query *query = check->query;
    if (expr->kind == EXPR_AGGREGATE && expr->levels_up >= level) {
        return false;
    }
    if (expr->kind == EXPR_GROUPING && expr->levels_up >= level) {
        return false;
    }
    if (level == 0 && is_grouped(query, expr)) {
        return false;
    }
    if (expr->kind != EXPR_COLUMN) {
        return expr_walk_children(expr, level, check_expr, self);
    }
    if (expr->levels_up != level || is_column_grouped(query, expr->table, expr->column) ||
        is_primary_key_grouped(query, expr->table)) {
        return false;
    }
    const struct table_ref *ref = query->tables[expr->table];
    const char *table = ref->alias == NULL ? "" : ref->alias;
    const char *name = column_name(ref, expr->column);
    if (level > 0) {
        (void)bind_error(check->b, expr->location, KY_GROUPING_ERROR,
                         "subquery uses ungrouped column \"%s.%s\" from outer query", table, name);
    } else {
        (void)bind_error(check->b, expr->location, KY_GROUPING_ERROR,
                         "column \"%s.%s\" must appear in the GROUP BY clause or be used in an "
                         "aggregate function",
                         table, name);
    }
    return true;
}

ky_status
check_grouping(struct binder *b, struct scope *scope)
{
    const struct query *query = scope->query;
    struct group_check check = {b, query};
    for (uint16_t i = 0; i < query->target_count; i++) {
        if (check_groupings(query->targets[i].expr, 0, &check)) {
            return KY_ERR;
        }
    }
    for (uint16_t i = 0; i < query->target_count; i++) {
        if (check_expr(query->targets[i].expr, 0, &check)) {
            return KY_ERR;
        }
    }
    if (query->having != NULL &&
        (check_groupings(query->having, 0, &check) || check_expr(query->having, 0, &check))) {
        return KY_ERR;
    }
    return KY_OK;
}
