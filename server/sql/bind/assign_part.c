/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/bind/bind_private.h"
#include "server/types/array.h"

/* Assignment to a part of a column: SET a[1] = x, SET a[2:3] = x, SET j['key'] = x. */

static ky_status
check_target(struct binder *b, const struct ast_target *target, const struct type *type,
             const struct subscript_run *run)
{
    const struct ast_list *steps = target->indirection;
    const int location = target->node.location;
    if (run->end > run->first && type->oid != OID_JSONB && type->element_oid == OID_NONE) {
        return bind_error(b, location, KY_DATATYPE_MISMATCH,
                          "cannot subscript type %s because it does not support subscripting",
                          type->sql_name);
    }
    if (type->oid != OID_JSONB && run->end - run->first > ARRAY_DIMENSIONS_MAX) {
        return bind_error(b, location, KY_PROGRAM_LIMIT_EXCEEDED,
                          "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                          (int)(run->end - run->first), ARRAY_DIMENSIONS_MAX);
    }
    if (run->end == steps->count) {
        return KY_OK;
    }
    if (steps->items[run->end]->kind == AST_STAR) {
        return bind_error(b, location, KY_FEATURE_NOT_SUPPORTED,
                          "row expansion via \"*\" is not supported here");
    }
    const bool is_element = run->end > run->first && !run->is_slice && type->oid != OID_JSONB;
    const struct type *inner = is_element ? type_get(type->element_oid) : type;
    return bind_error(b, location, KY_DATATYPE_MISMATCH,
                      "cannot assign to field \"%s\" of column \"%s\" because its type %s is not a "
                      "composite type",
                      ast_list_text(steps, run->end), target->name, inner->sql_name);
}

static ky_status
bind_part_value(struct binder *b, struct scope *scope, const struct ast_target *target,
                const struct type *type, int32_t typmod, const struct ast_node *node,
                struct expr *value, struct expr **out)
{
    if (value == NULL && node->kind == AST_DEFAULT) {
        return bind_error(b, node->location, KY_FEATURE_NOT_SUPPORTED,
                          "cannot set an array element to DEFAULT");
    }
    if (value == NULL) {
        KY_TRY(bind_expr(b, scope, node, &value));
    }
    KY_TRY(coerce_or_null(b, value, type, typmod, CAST_ASSIGNMENT, -1, out));
    if (*out == NULL) {
        (void)bind_error(b, expr_location(value), KY_DATATYPE_MISMATCH,
                         "subscripted assignment to \"%s\" requires type %s but expression is of "
                         "type %s",
                         target->name, type->sql_name, value->type->sql_name);
        return ky_error_hint(b->err, "You will need to rewrite or cast the expression.");
    }
    return KY_OK;
}

ky_status
bind_part(struct binder *b, struct scope *scope, const struct ast_target *target,
          const struct cat_column *column, struct expr *base, const struct ast_node *node,
          struct expr *value, struct expr **out)
{
    const struct ast_list *steps = target->indirection;
    const struct subscript_run run = subscript_run_at(steps, 0);
    const struct type *type = column->type;
    const bool is_jsonb = type->oid == OID_JSONB;
    const int per_step = run.is_slice ? 2 : 1;
    struct expr *expr = expr_new(b, EXPR_ASSIGN, type, target->node.location);
    KY_TRY(check_target(b, target, type, &run));
    expr->typmod = column->typmod;
    expr->is_slice = run.is_slice;
    expr->arg_count = (uint16_t)(2 + per_step * (run.end - run.first));
    expr->args = ky_arena_array(b->arena, struct expr *, expr->arg_count);
    expr->args[0] = base;
    KY_TRY(is_jsonb ? bind_jsonb_subscripts(b, scope, steps, &run, expr->args + 2)
                    : bind_array_subscripts(b, scope, steps, &run, expr->args + 2));
    KY_TRY(bind_part_value(b, scope, target,
                           is_jsonb || run.is_slice ? type : type_get(type->element_oid),
                           column->typmod, node, value, &expr->args[1]));
    *out = expr;
    return KY_OK;
}
