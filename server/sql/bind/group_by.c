/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/bind/bind_private.h"

/* GROUP BY: output columns by name or number, columns of FROM, expressions. */

static ky_status
bind_group_item(struct binder *b, struct scope *scope, const struct ast_node *node,
                struct expr **out)
{
    struct query *query = scope->query;
    if (node->kind == AST_GROUPING_SET) {
        return bind_error(b, node->location, KY_FEATURE_NOT_SUPPORTED,
                          "GROUPING SETS, ROLLUP and CUBE are not supported");
    }
    bool is_of_from = false;
    if (node->kind == AST_COLUMN_REF) {
        /* A column of FROM wins over an output column. */
        const struct ast_column_ref *ref = (const void *)node;
        struct expr *column = NULL;
        if (ref->names->count == 1 && ref->names->items[0]->kind == AST_STRING) {
            KY_TRY(
                scope_find_column(b, scope, ast_list_text(ref->names, 0), node->location, &column));
        }
        is_of_from = column != NULL && (column->kind != EXPR_COLUMN || column->levels_up == 0);
    }
    *out = NULL;
    if (!is_of_from) {
        KY_TRY(target_by_name(b, query, node, "GROUP BY", out));
        if (*out == NULL) {
            KY_TRY(target_by_number(b, query, node, "GROUP BY", out));
        }
    }
    if (*out == NULL) {
        struct expr *expr;
        KY_TRY(bind_expr_in(b, scope, CLAUSE_GROUP, node, &expr));
        KY_TRY(resolve_unknown(b, expr, &expr));
        *out = target_or_expr(query, expr);
    }
    if (expr_has_aggregate(*out)) {
        return bind_error(b, expr_location(*out), KY_GROUPING_ERROR,
                          "aggregate functions are not allowed in GROUP BY");
    }
    if (expr_has_window(*out)) {
        return bind_error(b, expr_location(*out), KY_WINDOWING_ERROR,
                          "window functions are not allowed in GROUP BY");
    }
    if ((*out)->type->compare == NULL) {
        return bind_error(b, expr_location(*out), KY_UNDEFINED_FUNCTION,
                          "could not identify an equality operator for type %s",
                          (*out)->type->sql_name);
    }
    return KY_OK;
}

static ky_status
add_group_item(struct binder *b, struct scope *scope, const struct ast_node *node)
{
    struct query *query = scope->query;
    struct expr *expr;
    KY_TRY(bind_group_item(b, scope, node, &expr));
    for (uint16_t g = 0; g < query->group_count; g++) {
        if (expr_equal(query->group_by[g], expr)) {
            return KY_OK;
        }
    }
    query->group_by[query->group_count++] = expr;
    return KY_OK;
}

ky_status
bind_group_by(struct binder *b, struct scope *scope, const struct ast_list *list)
{
    int capacity = 0;
    for (int32_t i = 0; i < ast_list_count(list); i++) {
        const struct ast_node *node = ast_list_get(list, i);
        const struct ast_row *row = (const void *)node;
        capacity += node->kind == AST_ROW && !row->is_explicit ? ast_list_count(row->elements) : 1;
    }
    scope->query->group_by = ky_arena_array(b->arena, struct expr *, (size_t)capacity + 1);
    for (int32_t i = 0; i < ast_list_count(list); i++) {
        const struct ast_node *node = ast_list_get(list, i);
        const struct ast_row *row = (const void *)node;
        if (node->kind != AST_ROW || row->is_explicit) {
            KY_TRY(add_group_item(b, scope, node));
            continue;
        }
        for (int32_t e = 0; e < ast_list_count(row->elements); e++) {
            KY_TRY(add_group_item(b, scope, ast_list_get(row->elements, e)));
        }
    }
    return KY_OK;
}
