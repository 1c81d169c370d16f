/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/base/assert.h"
#include "server/session/ddl/ddl_private.h"
#include "server/sql/bind/walk.h"

/*
 * CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW: a table with the columns of a query. Its
 * rows come by an INSERT that the caller runs as any other, so that it may wait and spill.
 */

static ky_status
check_name(struct ddl *ddl, const struct new_table *made, const char *name)
{
    for (uint16_t i = 0; i < made->table.column_count; i++) {
        if (strcmp(made->columns[i].name, name) == 0) {
            return ky_error_set(ddl->err, KY_DUPLICATE_COLUMN,
                                "column \"%s\" specified more than once", name);
        }
    }
    return KY_OK;
}

static ky_status
columns_from_query(struct ddl *ddl, struct new_table *made, const struct query *query,
                   const struct ast_list *names)
{
    uint16_t index = 0;
    for (uint16_t i = 0; i < query->target_count; i++) {
        const struct target *target = &query->targets[i];
        if (target->is_hidden) {
            continue;
        }
        const char *name = index < ast_list_count(names)
                               ? ast_list_text(names, index)
                               : ky_arena_strdup(ddl->arena, target->name);
        KY_TRY(check_name(ddl, made, name));
        struct cat_column *column = ddl_append_column(ddl, made);
        column->name = name;
        column->type =
            target->expr->type->oid == OID_UNKNOWN ? type_get(OID_TEXT) : target->expr->type;
        column->typmod = target->expr->typmod;
        column->domain = query->kind == QUERY_SELECT ? target->expr->domain : OID_NONE;
        index++;
    }
    return index >= ast_list_count(names)
               ? KY_OK
               : ky_error_set(ddl->err, KY_SYNTAX_ERROR, "too many column names were specified");
}

struct query *
ddl_insert_into(struct ky_arena *arena, struct cat_table *table, struct query *source)
{
    struct query *insert = ky_arena_new(arena, struct query);
    struct table_ref *ref = ky_arena_new(arena, struct table_ref);
    insert->kind = QUERY_INSERT;
    insert->tables = ky_arena_array(arena, struct table_ref *, 1);
    insert->tables[0] = ref;
    insert->table_count = 1;
    ref->kind = TABLE_RELATION;
    ref->alias = table->name;
    ref->table = table;
    ref->column_count = table->column_count;
    ref->columns = ky_arena_array(arena, struct table_column, table->column_count + 1U);
    insert->insert_columns = ky_arena_array(arena, uint16_t, table->column_count + 1U);
    for (uint16_t i = 0; i < table->column_count; i++) {
        ref->columns[i] = (struct table_column){table->columns[i].name, table->columns[i].type,
                                                table->columns[i].typmod, OID_NONE};
        insert->insert_columns[i] = i;
    }
    insert->insert_column_count = table->column_count;
    insert->defaults = ky_arena_array(arena, struct expr *, table->column_count + 1U);
    insert->source = source;
    return insert;
}

void
ddl_hold_images(struct plan_source *source, struct cat_image *source_image,
                struct cat_image *table_image)
{
    KY_ASSERT(source->query_images[0] == NULL);
    cat_image_retain(source_image);
    cat_image_retain(table_image);
    source->query_images[0] = source_image;
    source->query_images[1] = table_image;
}

/* ------------------------------------------------------------------ queries that are kept */

ky_status
ddl_bind_text(struct ddl *ddl, const char *sql, struct query **query_out)
{
    struct ast_list parsed = {0};
    const struct bind_context saved = ddl->bind;
    KY_TRY(parse_sql(ddl->bind.arena, ky_slice_cstr(sql), &parsed, ddl->err));
    const struct ast_statement *statement = (const void *)ast_list_get(&parsed, 0);
    ddl->bind.sql = sql;
    ddl->bind.sql_size = 0;
    ddl->bind.param_count = ddl->bind.param_capacity = 0;
    ddl->bind.can_infer_params = false;
    const ky_status status = bind_query(&ddl->bind, statement->statement, query_out, ddl->err);
    ddl->bind = saved;
    return status;
}

static ky_status
check_kept_query(struct ddl *ddl, const struct query *query)
{
    for (uint16_t i = 0; i < query->cte_count; i++) {
        const enum query_kind kind = query->ctes[i]->query->kind;
        if (kind == QUERY_INSERT || kind == QUERY_UPDATE || kind == QUERY_DELETE) {
            return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                                "materialized views must not use data-modifying statements in "
                                "WITH");
        }
    }
    if (ddl_reads_temporary(query)) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "materialized views must not use temporary tables or views");
    }
    return ddl->bind.param_count == 0
               ? KY_OK
               : ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                              "materialized views may not be defined using bound parameters");
}

/* The query's text with schemas, and what it means. The tree that was given stays: it may be run
 * again, by others than the catalog of now. */
static ky_status
keep_query(struct ddl *ddl, const struct ast_node *tree, struct query **query_io,
           const char **sql_out)
{
    KY_TRY(check_kept_query(ddl, *query_io));
    ddl->bind.writes_names = true;
    struct ast_list parsed = {0};
    ky_status status =
        parse_sql(ddl->arena, ky_slice_cstr(ddl_print(ddl, tree)), &parsed, ddl->err);
    if (status == KY_OK) {
        const struct ast_statement *statement = (const void *)ast_list_get(&parsed, 0);
        status = bind_query(&ddl->bind, statement->statement, query_io, ddl->err);
        *sql_out = ddl_print(ddl, statement->statement);
    }
    ddl->bind.writes_names = false;
    KY_TRY(status);
    return ddl_bind_text(ddl, *sql_out, query_io);
}

/* ------------------------------------------------------------------ the statement */

static ky_status
bind_source(struct ddl *ddl, const struct ast_create_table_as *statement,
            const struct plan_source *source, struct ky_arena *arena, struct query **query_out,
            const char **sql_out)
{
    ddl->bind.arena = arena;
    ddl->bind.sql = source->sql.data;
    ddl->bind.sql_size = source->sql.size;
    ddl->bind.variables = source->variables;
    ddl->bind.param_types = source->param_types;
    ddl->bind.param_count = ddl->bind.param_capacity = source->param_count;
    KY_TRY(bind_query(&ddl->bind, statement->query, query_out, ddl->err));
    if (statement->is_materialized_view) {
        KY_TRY(keep_query(ddl, statement->query, query_out, sql_out));
    }
    ddl->bind.variables = NULL;
    ddl->bind.arena = ddl->arena;
    return KY_OK;
}

static ky_status
check_form(const struct session *session, const struct ast_create_table_as *statement,
           struct ky_error *err)
{
    const char *what =
        statement->is_materialized_view ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS";
    if (session->is_read_only) {
        return ky_error_set(err, KY_READ_ONLY_SQL_TRANSACTION,
                            "cannot execute %s in a read-only transaction", what);
    }
    if (statement->query->kind != AST_SELECT) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "this form of CREATE TABLE AS is not supported yet");
    }
    if (!statement->is_materialized_view) {
        return KY_OK;
    }
    const struct ast_range_var *name = statement->into->relation;
    if (statement->into->persistence == AST_UNLOGGED) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "materialized views cannot be unlogged");
    }
    return name->schema != NULL && strcmp(name->schema, "pg_temp") == 0
               ? ky_error_set(err, KY_INSUFFICIENT_PRIVILEGE,
                              "cannot create temporary table within security-restricted operation")
               : KY_OK;
}

static ky_status
make_table(struct ddl *ddl, const struct ast_create_table_as *statement, struct new_table *made,
           const struct query *selected, const char *kept_sql)
{
    if (statement->is_materialized_view) {
        made->table.kind = 'm';
        made->table.view_sql = kept_sql;
        made->table.is_populated = !statement->is_with_no_data;
    }
    if (made->table.persistence == 't' && statement->into->on_commit >= AST_ON_COMMIT_DELETE) {
        ddl_temp_on_commit(ddl->session, made->table.oid,
                           statement->into->on_commit == AST_ON_COMMIT_DROP ? 'd' : 'r');
    }
    KY_TRY(columns_from_query(ddl, made, selected, statement->into->columns));
    return ddl_write_table(ddl, made);
}

ky_status
ddl_create_table_as(struct session *session, const struct ast_create_table_as *statement,
                    struct plan_source *source, struct ky_arena *arena, struct query **query_out,
                    bool *is_done_out, bool *is_pending_out, struct ky_error *err)
{
    struct new_table *made = ky_arena_new(&session->arena, struct new_table);
    struct ddl ddl;
    *is_done_out = *is_pending_out = false;
    KY_TRY(check_form(session, statement, err));
    ddl_init(&ddl, session, source->sql, err);
    txn_statement_begin(ddl.txn);
    ky_status status = ddl_refresh(&ddl);
    struct query *selected = NULL;
    const char *kept_sql = NULL;
    struct cat_image *bound_in = ddl.image;
    if (status == KY_OK) {
        status = bind_source(&ddl, statement, source, arena, &selected, &kept_sql);
    }
    if (status == KY_OK) {
        status = ddl_begin_table(&ddl, statement->into->relation, statement->into->persistence,
                                 statement->is_if_not_exists, made, is_done_out);
    }
    *is_pending_out = ddl.is_pending;
    if (status == KY_OK && !ddl.is_pending && !*is_done_out) {
        status = make_table(&ddl, statement, made, selected, kept_sql);
        if (status == KY_OK) {
            struct cat_table *table = cat_get_table(ddl.image, made->table.oid);
            ddl_hold_images(source, bound_in, ddl.image);
            *query_out = ddl_insert_into(arena, table, selected);
        }
    }
    txn_statement_end(ddl.txn);
    if (*is_done_out || statement->is_with_no_data) {
        *is_done_out = true;
        strcpy(session->tag,
               statement->is_materialized_view ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS");
    }
    ddl_deinit(&ddl);
    return status;
}
