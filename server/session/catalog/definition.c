/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/catalog/definition.h"

#include "server/catalog/sysview.h"
#include "server/catalog/type_text.h"

static void
begin(const struct definition_reader *reader, struct bind_context *bind, struct func_env *env,
      struct deparse_context *deparse)
{
    session_bind_context(reader->session, bind, reader->arena, reader->image, env, NULL);
    bind->keeps_written = true;
    *deparse = (struct deparse_context){
        .arena = reader->arena, .image = reader->image, .path = bind->path, .types = &env->types};
}

static const char *
take(const struct definition_reader *reader, struct ky_buffer *text)
{
    const char *copy = ky_arena_cstr(reader->arena, ky_buffer_slice(text));
    ky_buffer_deinit(text);
    return copy;
}

/* Several expressions are the fields of a row. */
static bool
print_fields(const struct deparse_context *deparse, struct bind_context *bind,
             const struct cat_table *table, const char *sql, struct deparse_style style,
             struct ky_buffer *text)
{
    struct expr *row;
    struct ky_error ignored;
    ky_error_init(&ignored);
    const char *list = ky_arena_printf(deparse->arena, "ROW(%s)", sql);
    bool is_printed = bind_table_expression(bind, table, list, NULL, -1, &row, &ignored) == KY_OK &&
                      row->kind == EXPR_ROW;
    for (uint16_t i = 0; is_printed && i < row->arg_count; i++) {
        ky_buffer_append_cstr(text, i == 0 ? "" : ", ");
        is_printed = deparse_expr(deparse, table, style, row->args[i], text);
    }
    return is_printed;
}

/* A column's default or what it is generated from has the column's type in the end: a cast that
 * is not seen, though what it is of may stand in parentheses for it. */
static const struct cat_column *
column_of(const struct cat_table *table, const char *sql)
{
    for (uint16_t i = 0; table != NULL && i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        if (column->default_sql != NULL && !column->is_dropped &&
            strcmp(column->default_sql, sql) == 0) {
            return column;
        }
    }
    return NULL;
}

static ky_status
bind_kept(struct bind_context *bind, const struct cat_table *table, const char *sql,
          struct expr **expr_out)
{
    const struct cat_column *column = column_of(table, sql);
    struct ky_error ignored;
    ky_error_init(&ignored);
    if (column != NULL && column->generated == 0 &&
        bind_default_text(bind, column, sql, expr_out, &ignored) == KY_OK) {
        return KY_OK;
    }
    const bool is_generated = column != NULL && column->generated != 0;
    return bind_table_expression(bind, table, sql, is_generated ? column->type : NULL,
                                 is_generated ? column->typmod : -1, expr_out, &ignored);
}

const char *
definition_of_key(const struct definition_reader *reader, const struct cat_table *table,
                  const char *sql, struct deparse_style style, bool *is_call_out)
{
    struct bind_context bind;
    struct func_env env = {0};
    struct deparse_context deparse;
    struct ky_buffer text = {0};
    struct expr *expr = NULL;
    begin(reader, &bind, &env, &deparse);
    *is_call_out = sql[0] != '(';
    if (bind_kept(&bind, table, sql, &expr) == KY_OK) {
        if (deparse_expr(&deparse, table, style, expr, &text)) {
            *is_call_out = deparse_is_call(expr);
            return take(reader, &text);
        }
    } else if (print_fields(&deparse, &bind, table, sql, style, &text)) {
        return take(reader, &text);
    }
    ky_buffer_deinit(&text);
    return type_text_show(reader->arena, reader->image, bind.path, sql);
}

const char *
definition_of_expression(const struct definition_reader *reader, const struct cat_table *table,
                         const char *sql, struct deparse_style style)
{
    bool ignored;
    return definition_of_key(reader, table, sql, style, &ignored);
}

const char *
definition_of_view(const struct definition_reader *reader, const struct cat_table *view,
                   struct deparse_style style)
{
    struct bind_context bind;
    struct func_env env = {0};
    struct deparse_context deparse;
    struct ast_list statements = {0};
    struct ky_buffer text = {0};
    struct query *query;
    struct ky_error ignored;
    ky_error_init(&ignored);
    begin(reader, &bind, &env, &deparse);
    bind.sql = view->view_sql;
    if (parse_sql(reader->arena, ky_slice_cstr(view->view_sql), &statements, &ignored) == KY_OK &&
        statements.count == 1) {
        const struct ast_statement *statement = (const void *)statements.items[0];
        if (bind_query(&bind, statement->statement, &query, &ignored) == KY_OK &&
            deparse_query(&deparse, view, style, query, &text)) {
            ky_buffer_append_byte(&text, ';');
            return take(reader, &text);
        }
    }
    ky_buffer_deinit(&text);
    return ky_arena_printf(reader->arena, " %s;",
                           type_text_show(reader->arena, reader->image, bind.path, view->view_sql));
}

/* ---- for the views of the catalog ---- */

static const char *
show_expression(const struct sysview_context *context, struct ky_arena *arena,
                const struct cat_table *table, const char *sql)
{
    const struct definition_reader reader = {context->session, context->image, arena};
    return context->session == NULL
               ? sql
               : definition_of_expression(&reader, table, sql,
                                          (struct deparse_style){.is_indented = true});
}

static const char *
show_view(const struct sysview_context *context, struct ky_arena *arena,
          const struct cat_table *view)
{
    const struct definition_reader reader = {context->session, context->image, arena};
    return context->session == NULL
               ? view->view_sql
               : definition_of_view(&reader, view, (struct deparse_style){.is_indented = true});
}

void
definition_show_in_views(void)
{
    static const struct sysview_texts texts = {.expression = show_expression, .view = show_view};
    sysview_show_texts(&texts);
}
