/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "server/sql/bind/bind_private.h"

/* Making expression nodes, and raising errors that point into the statement. */

struct expr *
expr_new(struct binder *b, enum expr_kind kind, const struct type *type, int location)
{
    struct expr *expr = ky_arena_new(b->arena, struct expr);
    expr->kind = kind;
    expr->type = type;
    expr->typmod = -1;
    expr->location = location;
    return expr;
}

struct expr *
expr_const(struct binder *b, const struct type *type, struct datum value, int location)
{
    struct expr *expr = expr_new(b, EXPR_CONST, type, location);
    expr->value = value;
    return expr;
}

static const struct type *
system_column_type(uint16_t column)
{
    switch (column) {
    case EXPR_SYSTEM_CTID:
        return type_get(OID_TID);
    case EXPR_SYSTEM_XMIN:
    case EXPR_SYSTEM_XMAX:
        return type_get(OID_XID);
    case EXPR_SYSTEM_CMIN:
    case EXPR_SYSTEM_CMAX:
        return type_get(OID_CID);
    case EXPR_SYSTEM_TABLEOID:
        return type_get(OID_OID);
    case EXPR_SYSTEM_WHOLE_ROW:
        return type_get(OID_RECORD);
    default:
        return type_get(OID_INT8);
    }
}

struct expr *
expr_column(struct binder *b, const struct table_ref *ref, uint16_t table, uint16_t column,
            uint16_t levels_up, int location)
{
    struct expr *expr = expr_new(b, EXPR_COLUMN, NULL, location);
    if (column >= EXPR_SYSTEM_FIRST) {
        expr->type = system_column_type(column);
    } else {
        expr->type = ref->columns[column].type;
        expr->typmod = ref->columns[column].typmod;
        expr->domain = ref->columns[column].domain;
    }
    expr->table = table;
    expr->column = column;
    expr->levels_up = levels_up;
    return expr;
}

struct expr *
expr_with_args(struct binder *b, enum expr_kind kind, const struct type *type, int location,
               int arg_count, ...)
{
    struct expr *expr = expr_new(b, kind, type, location);
    expr->args = ky_arena_array(b->arena, struct expr *, (size_t)arg_count);
    expr->arg_count = (uint16_t)arg_count;
    va_list args;
    va_start(args, arg_count);
    for (int i = 0; i < arg_count; i++) {
        expr->args[i] = va_arg(args, struct expr *);
    }
    va_end(args);
    return expr;
}

struct expr_written *
expr_written_of(struct binder *b, struct expr *expr)
{
    struct expr_written *written = ky_arena_new(b->arena, struct expr_written);
    if (expr->written != NULL) {
        *written = *expr->written;
    }
    expr->written = written;
    return written;
}

struct expr *
expr_not(struct binder *b, struct expr *arg)
{
    return fold(b, expr_with_args(b, EXPR_NOT, b->type_bool, expr_location(arg), 1, arg));
}

int
expr_location(const struct expr *expr)
{
    int leftmost = expr->location;
    switch (expr->kind) {
    case EXPR_FUNC:
    case EXPR_SET:
    case EXPR_CAST:
    case EXPR_COERCE:
    case EXPR_DOMAIN:
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_IS_NULL:
    case EXPR_BOOL_TEST:
    case EXPR_DISTINCT:
    case EXPR_ARRAY_OP:
    case EXPR_SUBSCRIPT:
    case EXPR_FIELD:
        break;
    default:
        return leftmost;
    }
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        int location = expr->args[i] == NULL ? -1 : expr_location(expr->args[i]);
        if (location >= 0 && (leftmost < 0 || location < leftmost)) {
            leftmost = location;
        }
    }
    return leftmost;
}

int
node_location(const struct ast_node *node)
{
    const struct ast_operator *op = (const void *)node;
    int leftmost = node->location;
    while (node->kind == AST_OPERATOR && op->left != NULL) {
        node = op->left;
        op = (const void *)node;
        leftmost = node->location >= 0 && node->location < leftmost ? node->location : leftmost;
    }
    return leftmost;
}

ky_status(bind_error_at)(struct binder *b, int location)
{
    if (b->sql_size > 0 && location >= 0) {
        ky_error_at(b->err, parser_position(ky_slice(b->sql, b->sql_size), location));
    }
    return KY_ERR;
}

ky_status(bind_error)(struct binder *b, int location, enum ky_sqlstate sqlstate, const char *format,
                      ...)
{
    char text[KY_ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ky_error_set(b->err, sqlstate, "%s", text);
    return bind_error_at(b, location);
}
