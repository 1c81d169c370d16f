/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/bind/bind_private.h"
#include "server/sql/bind/walk.h"

/* Checks, generated columns, index expressions and predicates, defaults: as they are made. */

ky_status
bind_row_rule(struct bind_context *context, const struct cat_table *table, enum bind_rule rule,
              const struct ast_node *node, struct expr **expr_out, struct ky_error *err)
{
    struct binder b;
    struct scope scope;
    struct expr *expr;
    binder_init(&b, context, err);
    scope_init_row(&b, &scope, CLAUSE_CHECK, table);
    const bool is_index = rule == BIND_INDEX_EXPRESSION || rule == BIND_INDEX_PREDICATE;
    if (rule == BIND_INDEX_EXPRESSION || rule == BIND_USING) {
        KY_TRY(bind_expr_in(&b, &scope, rule == BIND_USING ? CLAUSE_USING : CLAUSE_INDEX_EXPRESSION,
                            node, &expr));
        KY_TRY(resolve_unknown(&b, expr, &expr));
    } else if (rule == BIND_INDEX_PREDICATE) {
        KY_TRY(bind_condition(&b, &scope, CLAUSE_INDEX_PREDICATE, "WHERE", node, &expr));
    } else {
        KY_TRY(bind_condition(&b, &scope, CLAUSE_CHECK, "CHECK", node, &expr));
    }
    if (is_index && expr_is_mutable(expr)) {
        return ky_error_set(err, KY_INVALID_OBJECT_DEFINITION,
                            "functions in index %s must be marked IMMUTABLE",
                            rule == BIND_INDEX_EXPRESSION ? "expression" : "predicate");
    }
    *expr_out = expr;
    return binder_finish(&b);
}

struct generated_search {
    const struct cat_table *table;
    const struct expr *found;
};

static bool
visit_generated(struct expr *expr, int level, void *self)
{
    struct generated_search *search = self;
    if (expr->kind == EXPR_INPUT && expr->index < search->table->column_count &&
        search->table->columns[expr->index].generated != 0) {
        search->found = expr;
        return true;
    }
    return expr_walk_children(expr, level, visit_generated, self);
}

static ky_status
coerce_to_column(struct binder *b, const struct cat_column *column, struct expr **expr)
{
    struct expr *made;
    KY_TRY(coerce_or_null(b, *expr, column->type, column->typmod, CAST_ASSIGNMENT, -1, &made));
    if (made == NULL) {
        (void)ky_error_set(b->err, KY_DATATYPE_MISMATCH,
                           "column \"%s\" is of type %s but default expression is of type %s",
                           column->name, column->type->sql_name, (*expr)->type->sql_name);
        return ky_error_hint(b->err, "You will need to rewrite or cast the expression.");
    }
    *expr = made;
    return KY_OK;
}

ky_status
bind_generated(struct bind_context *context, const struct cat_table *table,
               const struct cat_column *column, const struct ast_node *node, struct expr **expr_out,
               struct ky_error *err)
{
    struct binder b;
    struct scope scope;
    struct expr *expr;
    struct generated_search search = {.table = table};
    binder_init(&b, context, err);
    scope_init_row(&b, &scope, CLAUSE_GENERATED, table);
    KY_TRY(bind_expr(&b, &scope, node, &expr));
    if (visit_generated(expr, 0, &search)) {
        (void)bind_error(&b, expr_location(search.found), KY_INVALID_OBJECT_DEFINITION,
                         "cannot use generated column \"%s\" in column generation expression",
                         table->columns[search.found->index].name);
        return ky_error_detail(err,
                               "A generated column cannot reference another generated column.");
    }
    if (expr_is_mutable(expr)) {
        return ky_error_set(err, KY_INVALID_OBJECT_DEFINITION,
                            "generation expression is not immutable");
    }
    KY_TRY(coerce_to_column(&b, column, &expr));
    *expr_out = expr;
    return binder_finish(&b);
}

ky_status
bind_default(struct bind_context *context, const struct cat_column *column,
             const struct ast_node *node, struct expr **expr_out, struct ky_error *err)
{
    struct binder b;
    struct scope scope;
    struct expr *expr;
    binder_init(&b, context, err);
    scope_init(&scope, NULL, NULL);
    scope.clause = CLAUSE_DEFAULT;
    KY_TRY(bind_expr(&b, &scope, node, &expr));
    KY_TRY(coerce_to_column(&b, column, &expr));
    *expr_out = expr;
    return binder_finish(&b);
}

ky_status
bind_default_text(struct bind_context *context, const struct cat_column *column, const char *sql,
                  struct expr **expr_out, struct ky_error *err)
{
    struct bind_context unplaced = *context;
    struct ast_node *node;
    unplaced.sql = NULL; /* errors have no place in the statement */
    KY_TRY(parse_expression(context->arena, ky_slice_cstr(sql), &node, err));
    return bind_default(&unplaced, column, node, expr_out, err);
}
