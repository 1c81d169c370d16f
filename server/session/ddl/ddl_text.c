/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_private.h"
#include "server/sql/bind/walk.h"

/*
 * The text in which defaults, checks and index expressions are kept: as PostgreSQL shows them, with
 * the types of literals spelled out. A text that would not be read back as the same expression is
 * kept as it was written.
 */

static const char *
printed(struct ddl *ddl, const struct cat_table *table, const struct expr *expr)
{
    struct ky_buffer text = {0};
    struct plan node = {.kind = PLAN_SEQ_SCAN};
    node.scan.table = (struct cat_table *)(uintptr_t)table;
    node.scan.column_count = table->column_count;
    node.scan.columns = ky_arena_array(ddl->arena, struct scan_column, table->column_count + 1U);
    for (uint16_t i = 0; i < table->column_count; i++) {
        node.scan.columns[i] = (struct scan_column){i, table->columns[i].type};
    }
    plan_print_expr(&node, expr, &text);
    const char *copy = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return copy;
}

static bool
is_call(const struct ast_node *node)
{
    return node->kind == AST_FUNCTION_CALL;
}

const char *
ddl_expression_text(struct ddl *ddl, const struct cat_table *table, const struct ast_node *node,
                    const struct type *wanted)
{
    const char *written = ddl_print(ddl, node);
    struct expr *expr;
    struct expr *again;
    struct ky_error ignored;
    ky_error_init(&ignored);
    if (bind_table_expression(&ddl->bind, table, written, wanted, -1, &expr, &ignored) == KY_OK &&
        expr->kind != EXPR_CONST) {
        const char *text = printed(ddl, table, expr);
        bool is_whole = text[0] == '(' || is_call(node);
        if (is_whole && strstr(text, "::regclass") == NULL &&
            bind_table_expression(&ddl->bind, table, text, wanted, -1, &again, &ignored) == KY_OK &&
            expr_equal(expr, again)) {
            return text;
        }
    }
    const bool is_alone = is_call(node) || node->kind == AST_COLUMN_REF;
    return is_alone ? written : ky_arena_printf(ddl->arena, "(%s)", written);
}

const char *
ddl_type_text(struct ddl *ddl, const struct type *type)
{
    struct ky_buffer text = {0};
    type_format(type->oid, -1, &text);
    const char *copy = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return copy;
}

/* 'x' as 'x'::text, -1 as '-1'::integer; anything else as it is written. */
const char *
ddl_default_text(struct ddl *ddl, const struct cat_column *column, const struct ast_node *node)
{
    const char *written = ddl_print(ddl, node);
    const struct ast_const *constant = (const void *)node;
    if (node->kind == AST_CONST && constant->type == AST_CONST_STRING) {
        return ky_arena_printf(ddl->arena, "%s::%s", written, ddl_type_text(ddl, column->type));
    }
    if (node->kind == AST_CONST && constant->type == AST_CONST_BOOL) {
        return constant->boolean ? "true" : "false";
    }
    if (written[0] == '-' && written[1] != '\0' &&
        strspn(written + 1, "0123456789") == strlen(written + 1) && strlen(written) < 10) {
        return ky_arena_printf(ddl->arena, "'%s'::integer", written);
    }
    return written;
}
