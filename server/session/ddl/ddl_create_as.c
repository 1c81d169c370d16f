/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/session/ddl/ddl_private.h"

/* CREATE TABLE AS and SELECT INTO. */

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
        struct cat_column *column = ddl_append_column(ddl, made);
        column->name = index < ast_list_count(names) ? ast_list_text(names, index)
                                                     : ky_arena_strdup(ddl->arena, target->name);
        column->type =
            target->expr->type->oid == OID_UNKNOWN ? type_get(OID_TEXT) : target->expr->type;
        column->typmod = target->expr->typmod;
        index++;
    }
    return KY_OK;
}

static struct query *
insert_into(struct ky_arena *arena, struct cat_table *table, struct query *source)
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
                                                table->columns[i].typmod};
        insert->insert_columns[i] = i;
    }
    insert->insert_column_count = table->column_count;
    insert->defaults = ky_arena_array(arena, struct expr *, table->column_count + 1U);
    insert->source = source;
    return insert;
}

ky_status
ddl_create_table_as(struct session *session, const struct ast_create_table_as *statement,
                    const struct plan_source *source, struct ky_arena *arena,
                    struct query **query_out, bool *is_done_out, bool *is_pending_out,
                    struct ky_error *err)
{
    struct new_table *made = ky_arena_new(&session->arena, struct new_table);
    struct ddl ddl = {.session = session,
                      .arena = &session->arena,
                      .catalog = server_catalog(session->server),
                      .txn = access_storage_txn(session->txn),
                      .err = err};
    *is_done_out = *is_pending_out = false;
    if (statement->is_materialized_view || statement->query->kind != AST_SELECT) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "this form of CREATE TABLE AS is not supported yet");
    }
    txn_statement_begin(ddl.txn);
    ky_status status = ddl_refresh(&ddl);
    struct query *selected = NULL;
    if (status == KY_OK) {
        ddl.bind.arena = arena;
        ddl.bind.param_types = source->param_types;
        ddl.bind.param_count = ddl.bind.param_capacity = source->param_count;
        status = bind_query(&ddl.bind, statement->query, &selected, err);
        ddl.bind.arena = ddl.arena;
    }
    if (status == KY_OK) {
        status = ddl_begin_table(&ddl, statement->into->relation, statement->into->persistence,
                                 statement->is_if_not_exists, made, is_done_out);
    }
    *is_pending_out = ddl.is_pending;
    if (status == KY_OK && !ddl.is_pending && !*is_done_out) {
        if (made->table.persistence == 't' && statement->into->on_commit >= AST_ON_COMMIT_DELETE) {
            ddl_temp_on_commit(session, made->table.oid,
                               statement->into->on_commit == AST_ON_COMMIT_DROP ? 'd' : 'r');
        }
        status = columns_from_query(&ddl, made, selected, statement->into->columns);
        if (status == KY_OK) {
            status = ddl_write_table(&ddl, made);
        }
        if (status == KY_OK) {
            struct cat_table *table = cat_get_table(ddl.image, made->table.oid);
            cat_image_retain(ddl.image);
            cat_image_release(session->held_image);
            session->held_image = ddl.image; /* the query points into it */
            *query_out = insert_into(arena, table, selected);
        }
    }
    txn_statement_end(ddl.txn);
    if (*is_done_out || statement->is_with_no_data) {
        *is_done_out = true;
        strcpy(session->tag, "CREATE TABLE AS");
    }
    ddl_deinit(&ddl);
    return status;
}
