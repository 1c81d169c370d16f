/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/bind/bind_private.h"

/* GROUP BY: output columns by name or number, columns of FROM, expressions. */

static ky_status
bind_group_item(struct binder *b, struct scope *scope, const struct ast_node *node,
                struct expr **out)
{
    struct query *query = scope->query;
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

static bool
is_target(const struct query *query, const struct expr *expr)
{
    for (uint16_t i = 0; i < query->target_count; i++) {
        if (query->targets[i].expr == expr) {
            return true;
        }
    }
    return false;
}

/* In select a as x, a as y .. group by rollup (x, y) there are two keys. */
static bool
is_same_key(const struct query *query, const struct expr *a, const struct expr *b)
{
    return a == b || (expr_equal(a, b) && !(is_target(query, a) && is_target(query, b)));
}

ky_status
add_group_key(struct binder *b, struct scope *scope, const struct ast_node *node, uint16_t *key_out)
{
    struct query *query = scope->query;
    struct expr *expr;
    KY_TRY(bind_group_item(b, scope, node, &expr));
    for (uint16_t g = 0; g < query->group_count; g++) {
        if (is_same_key(query, query->group_by[g], expr)) {
            *key_out = g;
            return KY_OK;
        }
    }
    if (query->group_count >= ROW_COLUMNS_MAX + 64) {
        return ky_error_set(b->err, KY_TOO_MANY_COLUMNS, "target lists can have at most %d entries",
                            ROW_COLUMNS_MAX + 64);
    }
    *key_out = query->group_count;
    query->group_by[query->group_count++] = expr;
    return KY_OK;
}

/* The list of what is a list: (a, b), but not ROW(a, b), and what ROLLUP and its kind hold. */
static const struct ast_list *
items_of(const struct ast_node *node)
{
    const struct ast_row *row = (const void *)node;
    const struct ast_grouping_set *set = (const void *)node;
    return node->kind == AST_GROUPING_SET               ? set->items
           : node->kind == AST_ROW && !row->is_explicit ? row->elements
                                                        : NULL;
}

static size_t
count_keys(const struct ast_list *list)
{
    size_t count = 0;
    for (int32_t i = 0; i < ast_list_count(list); i++) {
        const struct ast_list *items = items_of(ast_list_get(list, i));
        count += items == NULL ? 1 : count_keys(items);
    }
    return count;
}

static ky_status
bind_plain_list(struct binder *b, struct scope *scope, const struct ast_list *list)
{
    uint16_t key;
    for (int32_t i = 0; i < ast_list_count(list); i++) {
        const struct ast_node *node = ast_list_get(list, i);
        const struct ast_list *items = items_of(node);
        if (items != NULL) {
            KY_TRY(bind_plain_list(b, scope, items));
        } else {
            KY_TRY(add_group_key(b, scope, node, &key));
        }
    }
    return KY_OK;
}

ky_status
bind_group_by(struct binder *b, struct scope *scope, const struct ast_list *list)
{
    scope->query->group_by = ky_arena_array(b->arena, struct expr *, count_keys(list) + 1);
    for (int32_t i = 0; i < ast_list_count(list); i++) {
        if (ast_list_get(list, i)->kind == AST_GROUPING_SET) {
            return bind_grouping_sets(b, scope, list);
        }
    }
    return bind_plain_list(b, scope, list);
}
