/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_private.h"
#include "server/sql/bind/walk.h"
#include "server/sql/deparse/deparse.h"

/*
 * The text in which defaults, checks and index expressions are kept: as PostgreSQL shows them, with
 * the types of literals spelled out and relations named in full, so that it means the same under
 * any settings. A text that would not be read back as the same expression is kept as it was
 * written.
 */

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

typedef ky_status (*bind_text)(struct ddl *ddl, const void *self, const char *sql,
                               struct expr **expr_out, struct ky_error *err);

static bool
reads_as(struct ddl *ddl, bind_text bind, const void *self, const char *sql,
         const struct expr *expr)
{
    struct expr *again;
    struct ky_error ignored;
    ky_error_init(&ignored);
    return bind(ddl, self, sql, &again, &ignored) == KY_OK && expr_equal(expr, again);
}

/* NULL: it is kept as it was written. */
static const char *
shown_text(struct ddl *ddl, const struct cat_table *table, bind_text bind, const void *self,
           const char *own)
{
    struct expr *meant;
    struct expr *shown;
    struct ky_error ignored;
    struct ky_buffer buffer = {0};
    struct type_context types;
    ky_error_init(&ignored);
    type_context_init(&types, ddl->arena);
    types.reg = ddl->env.types.reg;
    const struct deparse_context deparse = {
        .arena = ddl->arena, .image = ddl->image, .types = &types};
    if (bind(ddl, self, own, &meant, &ignored) != KY_OK) {
        return NULL;
    }
    ddl->bind.keeps_written = true;
    bool is_same = bind(ddl, self, own, &shown, &ignored) == KY_OK &&
                   deparse_expr(&deparse, table, (struct deparse_style){0}, shown, &buffer);
    const char *text = ky_arena_cstr(ddl->arena, ky_buffer_slice(&buffer));
    ky_buffer_deinit(&buffer);
    is_same = is_same && reads_as(ddl, bind, self, text, shown);
    ddl->bind.keeps_written = false;
    return is_same && reads_as(ddl, bind, self, text, meant) ? text : NULL;
}

/* ---- expressions over a table's columns ---- */

struct table_text {
    const struct cat_table *table;
    const struct type *wanted;
};

static ky_status
bind_over_table(struct ddl *ddl, const void *self, const char *sql, struct expr **expr_out,
                struct ky_error *err)
{
    const struct table_text *about = self;
    return bind_table_expression(&ddl->bind, about->table, sql, about->wanted, -1, expr_out, err);
}

const char *
ddl_expression_text(struct ddl *ddl, const struct cat_table *table, const struct ast_node *node,
                    const struct type *wanted)
{
    const char *own = written(ddl, table, node, wanted);
    const struct table_text about = {table, wanted};
    const char *text = shown_text(ddl, table, bind_over_table, &about, own);
    const bool is_alone = node->kind == AST_FUNCTION_CALL || node->kind == AST_COLUMN_REF;
    return text != NULL ? text : is_alone ? own : ky_arena_printf(ddl->arena, "(%s)", own);
}

/* ---- defaults ---- */

static ky_status
bind_as_default(struct ddl *ddl, const void *self, const char *sql, struct expr **expr_out,
                struct ky_error *err)
{
    return bind_default_text(&ddl->bind, self, sql, expr_out, err);
}

const char *
ddl_default_text(struct ddl *ddl, const struct cat_column *column, const struct ast_node *node)
{
    const char *own = written(ddl, NULL, node, column->type);
    const char *text = shown_text(ddl, NULL, bind_as_default, column, own);
    return text != NULL ? text : own;
}

/* can_be_bare: without the schema where the search path finds the type. */
static const char *
type_text(struct ddl *ddl, oid_t type, int32_t typmod, bool can_be_bare)
{
    struct ky_buffer text = {0};
    const struct cat_type *own = cat_get_type(ddl->image, type);
    const struct cat_schema *schema = own == NULL ? NULL : cat_get_schema(ddl->image, own->schema);
    if (schema == NULL) {
        type_format(type, typmod, &text);
    } else {
        if (!can_be_bare || !cat_is_type_visible(ddl->image, ddl->bind.path, own)) {
            ast_print_identifier(&text, schema->name);
            ky_buffer_append_byte(&text, '.');
        }
        ast_print_identifier(&text, own->name);
        ky_buffer_append_cstr(&text, own->oid == type ? "" : "[]");
    }
    const char *copy = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return copy;
}

const char *
ddl_type_text(struct ddl *ddl, oid_t type, int32_t typmod)
{
    return type_text(ddl, type, typmod, false);
}

const char *
ddl_shown_type(struct ddl *ddl, oid_t type)
{
    return type_text(ddl, type, -1, true);
}
