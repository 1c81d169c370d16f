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
    struct plan node = {.kind = PLAN_SEQ_SCAN, .is_stored_text = true};
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

/* As it was written, but meaning the same under any search path. */
static const char *
written(struct ddl *ddl, const struct cat_table *table, const struct ast_node *node,
        const struct type *wanted)
{
    const char *text = ddl_print(ddl, node);
    struct bind_watch watch = {0}; /* for the tree */
    struct expr *expr;
    struct ky_error ignored;
    if (ddl->image->type_count == 0) {
        return text;
    }
    ky_error_init(&ignored);
    ddl->bind.watch = &watch;
    ddl->bind.writes_names = true;
    const ky_status status =
        bind_table_expression(&ddl->bind, table, text, wanted, -1, &expr, &ignored);
    ddl->bind.writes_names = false;
    ddl->bind.watch = NULL;
    return status == KY_OK ? ddl_print(ddl, watch.tree) : text;
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
    const char *own = written(ddl, table, node, wanted);
    struct expr *expr;
    struct expr *again;
    struct ky_error ignored;
    ky_error_init(&ignored);
    if (bind_table_expression(&ddl->bind, table, own, wanted, -1, &expr, &ignored) == KY_OK &&
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
    return is_alone ? own : ky_arena_printf(ddl->arena, "(%s)", own);
}

/* 'x' as 'x'::text, -1 as '-1'::integer; anything else as it is written. */
const char *
ddl_default_text(struct ddl *ddl, const struct cat_column *column, const struct ast_node *node)
{
    const struct ast_const *constant = (const void *)node;
    if (node->kind == AST_CONST && constant->type == AST_CONST_STRING) {
        return ky_arena_printf(ddl->arena, "%s::%s", ddl_print(ddl, node),
                               ddl_type_text(ddl, column->type->oid, -1));
    }
    if (node->kind == AST_CONST && constant->type == AST_CONST_BOOL) {
        return constant->boolean ? "true" : "false";
    }
    const char *own = written(ddl, NULL, node, NULL);
    if (own[0] == '-' && own[1] != '\0' && strspn(own + 1, "0123456789") == strlen(own + 1) &&
        strlen(own) < 10) {
        return ky_arena_printf(ddl->arena, "'%s'::integer", own);
    }
    return own;
}

const char *
ddl_type_text(struct ddl *ddl, oid_t type, int32_t typmod)
{
    struct ky_buffer text = {0};
    const struct cat_type *own = cat_get_type(ddl->image, type);
    const struct cat_schema *schema = own == NULL ? NULL : cat_get_schema(ddl->image, own->schema);
    if (schema == NULL) {
        type_format(type, typmod, &text);
    } else {
        ast_print_identifier(&text, schema->name);
        ky_buffer_append_byte(&text, '.');
        ast_print_identifier(&text, own->name);
        ky_buffer_append_cstr(&text, own->oid == type ? "" : "[]");
    }
    const char *copy = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return copy;
}
