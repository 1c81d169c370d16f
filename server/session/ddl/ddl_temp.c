/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/session/ddl/ddl_private.h"
#include "server/session/rights.h"

/*
 * Temporary tables live in a schema of their session, pg_temp_<pid>, which its search path begins
 * with. They are stored like others (a crash leaves nothing acknowledged behind, so it need not be
 * told apart) and go with the session; what a crash left goes when the server starts.
 */

static const char PREFIX[] = "pg_temp_";

void
session_temp_name(const struct session *session, char name[SESSION_TEMP_NAME_SIZE])
{
    (void)snprintf(name, SESSION_TEMP_NAME_SIZE, "%s%d", PREFIX, session->pid);
}

ky_status
ddl_temp_schema(struct ddl *ddl, oid_t *schema_out)
{
    char name[SESSION_TEMP_NAME_SIZE];
    session_temp_name(ddl->session, name);
    const struct cat_schema *found = cat_find_schema(ddl->image, ky_slice_cstr(name));
    ddl->session->has_temp = true;
    if (found != NULL) {
        *schema_out = found->oid;
        return KY_OK;
    }
    if (rights_check_database(ddl->session, ddl->image, ACL_TEMPORARY, ddl->err) != KY_OK) {
        return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                            "permission denied to create temporary tables in database \"%s\"",
                            ddl->session->database);
    }
    const struct cat_schema schema = {.oid = ddl_new_oid(ddl),
                                      .name = ky_arena_strdup(ddl->arena, name),
                                      .owner = OID_ROLE_POSTGRES};
    KY_TRY(catalog_insert(ddl->txn, CAT_SCHEMA, &schema, ddl->err));
    KY_TRY(ddl_changed(ddl));
    KY_TRY(ddl_refresh(ddl));
    *schema_out = schema.oid;
    return KY_OK;
}

void
ddl_temp_on_commit(struct session *session, oid_t table, char action)
{
    const struct temp_action entry = {.table = table, .action = action};
    ky_buffer_append(&session->temp_actions, &entry, sizeof(entry));
}

ky_status
ddl_temp_commit(struct session *session, struct ky_error *err)
{
    struct ddl ddl;
    struct ky_buffer *actions = &session->temp_actions;
    size_t kept = 0;
    if (actions->size == 0 || session->txn == NULL) {
        return KY_OK;
    }
    ddl_init(&ddl, session, ky_slice(NULL, 0), err);
    txn_statement_begin(ddl.txn);
    ky_status status = ddl_refresh(&ddl);
    for (size_t at = 0; at < actions->size && status == KY_OK; at += sizeof(struct temp_action)) {
        struct temp_action entry;
        memcpy(&entry, actions->data + at, sizeof(entry));
        struct cat_table *table = cat_get_table(ddl.image, entry.table);
        if (table == NULL) {
            continue; /* dropped, or its making was rolled back */
        }
        memmove(actions->data + kept, &entry, sizeof(entry));
        kept += sizeof(entry);
        if (entry.action == 'd') {
            status = ddl_drop_table(&ddl, table);
        } else if (storage_count(ddl.txn, table->rel) > 0) {
            status = ddl_truncate_table(&ddl, table);
        } else {
            continue;
        }
        if (status == KY_OK) {
            status = ddl_changed(&ddl);
        }
    }
    if (status == KY_OK) {
        actions->size = kept;
    }
    txn_statement_end(ddl.txn);
    txn_command_increment(ddl.txn);
    ddl_deinit(&ddl);
    return status;
}

/* ------------------------------------------------------------------ the end */

static void
dropped(void *arg, ky_status status, const struct txn_result *result, const struct ky_error *err)
{
    (void)err;
    catalog_change_end(arg, status == KY_OK ? result->lsn : 0);
}

static ky_status
drop_schemas(struct ddl *ddl, const char *only, bool *has_any_out)
{
    KY_TRY(ddl_refresh(ddl));
    for (size_t i = 0; i < ddl->image->schema_count; i++) {
        const struct cat_schema *schema = ddl->image->schemas[i];
        bool is_meant = only != NULL ? strcmp(schema->name, only) == 0
                                     : strncmp(schema->name, PREFIX, sizeof(PREFIX) - 1) == 0;
        if (!is_meant) {
            continue;
        }
        for (size_t t = 0; t < ddl->image->table_count; t++) {
            struct cat_table *table = ddl->image->tables[t];
            if (table->schema == schema->oid &&
                (table->kind != 'S' || table->owner_table == OID_NONE)) {
                KY_TRY(ddl_drop_table(ddl, table));
            }
        }
        KY_TRY(ddl_erase(ddl, CAT_SCHEMA, schema));
        KY_TRY(ddl_changed(ddl));
        *has_any_out = true;
    }
    return KY_OK;
}

void
ddl_session_end(struct session *session)
{
    struct ddl ddl;
    struct ky_error err;
    char name[SESSION_TEMP_NAME_SIZE];
    bool has_any = false;
    ky_buffer_deinit(&session->temp_actions);
    if (!session->has_temp) {
        return;
    }
    session_temp_name(session, name);
    ky_error_init(&err);
    session->txn = access_begin(server_access(session->server), ISOLATION_READ_COMMITTED);
    ddl_init(&ddl, session, ky_slice(NULL, 0), &err);
    txn_statement_begin(ddl.txn);
    ky_status status = drop_schemas(&ddl, name, &has_any);
    txn_statement_end(ddl.txn);
    ddl_deinit(&ddl);
    if (status == KY_OK && has_any) {
        catalog_change_begin(ddl.catalog);
        access_commit(session->txn, TXN_ASYNC, dropped, ddl.catalog);
    } else {
        access_rollback(session->txn);
    }
    session->txn = NULL;
    session->has_temp = false;
}
