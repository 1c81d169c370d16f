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

static bool
is_column_grouped(const struct query *query, uint16_t table, uint16_t column)
{
    for (uint16_t i = 0; i < query->group_count; i++) {
        const struct expr *expr = query->group_by[i];
        if (expr->kind == EXPR_COLUMN && expr->levels_up == 0 && expr->table == table &&
            expr->column == column) {
            return true;
        }
    }
    return false;
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
            grouped =
                (uint16_t)(grouped +
                           is_column_grouped(query, table, (uint16_t)(constraint->columns[c] - 1)));
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
check_expr(struct expr *expr, int level, void *self)
{
    struct group_check *check = self;
    const struct query *query = check->query;
    if (expr->kind == EXPR_AGGREGATE && expr->levels_up >= level) {
        return false;
    }
    if (level == 0) {
        for (uint16_t i = 0; i < query->group_count; i++) {
            if (expr_equal(query->group_by[i], expr)) {
                return false;
            }
        }
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
        if (check_expr(query->targets[i].expr, 0, &check)) {
            return KY_ERR;
        }
    }
    if (query->having != NULL && check_expr(query->having, 0, &check)) {
        return KY_ERR;
    }
    return KY_OK;
}
