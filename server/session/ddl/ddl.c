/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/base/assert.h"
#include "server/session/after.h"
#include "server/session/ddl/ddl_private.h"
#include "server/session/rights.h"

/* Dispatch and what all handlers share. */

enum { NAME_LOCK_BIT = 0x80000000U };

bool
ddl_handles(enum ast_kind kind)
{
    switch ((int)kind) {
    case AST_CREATE_TABLE:
    case AST_CREATE_VECTORS:
    case AST_CREATE_INDEX:
    case AST_DROP:
    case AST_TRUNCATE:
    case AST_ALTER_TABLE:
    case AST_RENAME:
    case AST_CREATE_VIEW:
    case AST_CREATE_SEQUENCE:
    case AST_ALTER_SEQUENCE:
    case AST_SET_SCHEMA:
    case AST_SET_OWNER:
    case AST_CREATE_SCHEMA:
    case AST_CREATE_ROLE:
    case AST_ALTER_ROLE:
    case AST_DROP_ROLE:
    case AST_COMMENT:
    case AST_CREATE_EXTENSION:
    case AST_CREATE_ENUM:
    case AST_ALTER_ENUM:
    case AST_CREATE_DOMAIN:
    case AST_ALTER_DOMAIN:
    case AST_REINDEX:
    case AST_CLUSTER:
    case AST_GRANT:
    case AST_GRANT_ROLE:
    case AST_DEFAULT_PRIVILEGES:
    case AST_OWNED:
    case AST_ALTER_SETTING:
    case AST_SET_CONSTRAINTS:
    case AST_CREATE_DATABASE:
    case AST_DROP_DATABASE:
        return true;
    default:
        return false;
    }
}

/* Events that were deferred and are not any more are run at once. */
static ky_status
set_constraints(struct ddl *ddl, const struct ast_set_constraints *statement)
{
    strcpy(ddl->session->tag, "SET CONSTRAINTS");
    KY_TRY(after_set_constraints(ddl->session, statement, ddl->image, ddl->err));
    if (statement->is_deferred) {
        return KY_OK;
    }
    enum session_answer answer = after_run_due(ddl->session, ddl->err);
    ddl->is_pending = answer == SESSION_PENDING;
    return answer == SESSION_ERROR ? KY_ERR : KY_OK;
}

/* There is no order of rows to keep: all that is done is looking at the table. */
static ky_status
cluster(struct ddl *ddl, const struct ast_cluster *statement)
{
    struct cat_table *table;
    strcpy(ddl->session->tag, "CLUSTER");
    if (statement->relation == NULL) {
        return KY_OK;
    }
    KY_TRY(ddl_find(ddl, statement->relation, false, &table));
    return ddl_check_owner(ddl, table);
}

static ky_status
dispatch(struct ddl *ddl, const struct ast_node *statement)
{
    const void *node = statement;
    switch ((int)statement->kind) {
    case AST_CREATE_TABLE:
        return ddl_create_table(ddl, node);
    case AST_CREATE_VECTORS:
        return ddl_create_vectors(ddl, node);
    case AST_CREATE_INDEX:
        return ddl_create_index(ddl, node);
    case AST_DROP:
        return ddl_drop(ddl, node);
    case AST_TRUNCATE:
        return ddl_truncate(ddl, node);
    case AST_ALTER_TABLE:
        return ddl_alter_table(ddl, node);
    case AST_RENAME:
        return ddl_rename(ddl, node);
    case AST_CREATE_VIEW:
        return ddl_create_view(ddl, node);
    case AST_CREATE_SEQUENCE:
        return ddl_create_sequence(ddl, node);
    case AST_ALTER_SEQUENCE:
        return ddl_alter_sequence(ddl, node);
    case AST_SET_SCHEMA:
        return ddl_set_schema(ddl, node);
    case AST_CREATE_SCHEMA:
        return ddl_create_schema(ddl, node);
    case AST_CREATE_ROLE:
        return ddl_create_role(ddl, node);
    case AST_ALTER_ROLE:
        return ddl_alter_role(ddl, node);
    case AST_DROP_ROLE:
        return ddl_drop_role(ddl, node);
    case AST_COMMENT:
        return ddl_comment(ddl, node);
    case AST_SET_OWNER:
        return ddl_set_owner(ddl, node);
    case AST_CREATE_EXTENSION:
        return ddl_create_extension(ddl, node);
    case AST_CREATE_ENUM:
        return ddl_create_enum(ddl, node);
    case AST_CREATE_DOMAIN:
        return ddl_create_domain(ddl, node);
    case AST_ALTER_DOMAIN:
        return ddl_alter_domain(ddl, node);
    case AST_ALTER_ENUM:
        return ddl_alter_enum(ddl, node);
    case AST_ANALYZE:
        return ddl_analyze(ddl, node);
    case AST_REINDEX:
        return ddl_reindex(ddl, node);
    case AST_CLUSTER:
        return cluster(ddl, node);
    case AST_GRANT:
        return ddl_grant(ddl, node);
    case AST_GRANT_ROLE:
        return ddl_grant_role(ddl, node);
    case AST_DEFAULT_PRIVILEGES:
        return ddl_default_privileges(ddl, node);
    case AST_OWNED:
        return ddl_owned(ddl, node);
    case AST_ALTER_SETTING:
        return ddl_alter_setting(ddl, node);
    case AST_SET_CONSTRAINTS:
        return set_constraints(ddl, node);
    case AST_CREATE_DATABASE:
        return ky_error_set(
            ddl->err, KY_FEATURE_NOT_SUPPORTED,
            "CREATE DATABASE is not supported: there is one database, \"postgres\"");
    case AST_DROP_DATABASE:
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED, "DROP DATABASE is not supported");
    default:
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED, "this statement is not supported");
    }
}

void
ddl_init(struct ddl *ddl, struct session *session, struct ky_slice sql, struct ky_error *err)
{
    *ddl = (struct ddl){.session = session,
                        .arena = &session->arena,
                        .catalog = server_catalog(session->server),
                        .txn = access_storage_txn(session->txn),
                        .sql = sql,
                        .err = err};
}

void
ddl_deinit(struct ddl *ddl)
{
    for (const struct held_image *held = ddl->held; held != NULL; held = held->next) {
        cat_image_release(held->image);
    }
    ddl->held = NULL;
    ddl->image = NULL;
}

ky_status
ddl_run(struct session *session, const struct ast_node *statement, struct ky_slice sql,
        bool *is_pending_out, struct ky_error *err)
{
    struct ddl ddl;
    ddl_init(&ddl, session, sql, err);
    ky_status status = ddl_refresh(&ddl);
    if (status == KY_OK) {
        txn_set_making_room(ddl.txn,
                            statement->kind == AST_DROP || statement->kind == AST_TRUNCATE);
        status = dispatch(&ddl, statement);
        txn_set_making_room(ddl.txn, false);
    }
    ddl_deinit(&ddl);
    *is_pending_out = status == KY_OK && ddl.is_pending;
    return status;
}

/* ------------------------------------------------------------------ the catalog, locks */

ky_status
ddl_error_at(struct ddl *ddl, int location)
{
    return ky_error_at(ddl->err, parser_position(ddl->sql, location));
}

ky_status
ddl_refresh(struct ddl *ddl)
{
    struct cat_image *image;
    txn_command_increment(ddl->txn);
    KY_TRY(session_image(ddl->session, &image, ddl->err));
    struct held_image *held = ky_arena_new(ddl->arena, struct held_image);
    *held = (struct held_image){image, ddl->held};
    ddl->held = held;
    ddl->image = image;
    struct plan_source text = {.sql = ddl->sql};
    session_bind_context(ddl->session, &ddl->bind, ddl->arena, image, &ddl->env, &text);
    ddl->bind.role = session_limited_role(ddl->session);
    return KY_OK;
}

ky_status
ddl_lock(struct ddl *ddl, const struct cat_table *table, enum table_lock_mode mode)
{
    return session_lock_table(ddl->session, table->oid, mode, false, table->name, &ddl->is_pending,
                              ddl->err);
}

ky_status
ddl_lock_name(struct ddl *ddl, oid_t schema, const char *name)
{
    uint32_t hash = (uint32_t)ky_hash_bytes(name, strlen(name), schema);
    return session_lock_table(ddl->session, hash | NAME_LOCK_BIT, LOCK_EXCLUSIVE, false, name,
                              &ddl->is_pending, ddl->err);
}

ky_status
ddl_schema_of(struct ddl *ddl, const struct ast_range_var *name, oid_t *schema_out)
{
    if (name->schema == NULL) {
        *schema_out = ddl->session->path.creation;
        return *schema_out != OID_NONE ? rights_check_schema(ddl->session, ddl->image, *schema_out,
                                                             ACL_CREATE, ddl->err)
                                       : ky_error_set(ddl->err, KY_INVALID_SCHEMA_NAME,
                                                      "no schema has been selected to create in");
    }
    const struct cat_schema *schema = cat_find_schema(ddl->image, ky_slice_cstr(name->schema));
    if (schema == NULL) {
        return ky_error_set(ddl->err, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist",
                            name->schema);
    }
    if (schema->oid == OID_SCHEMA_PG_CATALOG || schema->oid == OID_SCHEMA_INFORMATION ||
        schema->oid == OID_SCHEMA_KYRO) {
        return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                            "permission denied to create \"%s.%s\"", name->schema, name->name);
    }
    *schema_out = schema->oid;
    return rights_check_schema(ddl->session, ddl->image, schema->oid, ACL_CREATE, ddl->err);
}

ky_status
ddl_find(struct ddl *ddl, const struct ast_range_var *name, bool is_missing_ok,
         struct cat_table **table_out)
{
    KY_TRY(bind_relation(&ddl->bind, name, is_missing_ok, table_out, ddl->err));
    if (*table_out != NULL &&
        ((*table_out)->sysview != NULL || (*table_out)->oid < OID_FIRST_USER)) {
        return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                            "permission denied: \"%s\" is a system catalog", (*table_out)->name);
    }
    return KY_OK;
}

ky_status
ddl_check_kind(struct ddl *ddl, const struct cat_table *table, enum ast_object_type wanted)
{
    const char kind = wanted == AST_OBJECT_VIEW                ? 'v'
                      : wanted == AST_OBJECT_MATERIALIZED_VIEW ? 'm'
                      : wanted == AST_OBJECT_SEQUENCE          ? 'S'
                                                               : 'r';
    return table->kind == kind ? KY_OK
                               : ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a %s",
                                              table->name, ddl_kind_word(kind));
}

const char *
ddl_kind_word(char kind)
{
    return kind == 'v'   ? "view"
           : kind == 'm' ? "materialized view"
           : kind == 'S' ? "sequence"
                         : "table";
}

ky_status
ddl_check_owner(struct ddl *ddl, const struct cat_table *table)
{
    return ddl_owns(ddl, table->owner)
               ? KY_OK
               : ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE, "must be owner of %s %s",
                              ddl_kind_word(table->kind), table->name);
}

ky_status
ddl_check_index_owner(struct ddl *ddl, const struct cat_index *index)
{
    return ddl_owns(ddl, index->table->owner)
               ? KY_OK
               : ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE, "must be owner of index %s",
                              index->name);
}

ky_status
ddl_check_drop(struct ddl *ddl, const struct cat_table *table)
{
    const struct cat_schema *schema = cat_get_schema(ddl->image, table->schema);
    return schema != NULL && ddl_owns(ddl, acl_schema_owner(ddl->image, schema))
               ? KY_OK
               : ddl_check_owner(ddl, table);
}

bool
ddl_owns(const struct ddl *ddl, oid_t owner)
{
    return rights_owns(ddl->session, ddl->image, owner);
}

ky_status
ddl_check_schema_owner(struct ddl *ddl, const struct cat_schema *schema)
{
    return ddl_owns(ddl, acl_schema_owner(ddl->image, schema))
               ? KY_OK
               : ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE, "must be owner of schema %s",
                              schema->name);
}

bool
ddl_name_exists(const struct ddl *ddl, oid_t schema, const char *name)
{
    return cat_find_table(ddl->image, schema, ky_slice_cstr(name)) != NULL ||
           cat_find_index(ddl->image, schema, ky_slice_cstr(name)) != NULL;
}

enum { NAME_SIZE_MAX = 63 };

const char *
ddl_relation_name(struct ddl *ddl, const char *table, const char *column, const char *label)
{
    size_t table_size = strlen(table);
    size_t column_size = column == NULL ? 0 : strlen(column);
    const size_t room = NAME_SIZE_MAX - 1 - strlen(label) - (column == NULL ? 0 : 1);
    while (table_size + column_size > room) {
        const char *text = table_size > column_size ? table : column;
        size_t *longer = table_size > column_size ? &table_size : &column_size;
        do {
            (*longer)--;
        } while (((unsigned char)text[*longer] & 0xc0) == 0x80);
    }
    return ky_arena_printf(ddl->arena, "%.*s%s%.*s_%s", (int)table_size, table,
                           column == NULL ? "" : "_", (int)column_size,
                           column == NULL ? "" : column, label);
}

const char *
ddl_choose_name(struct ddl *ddl, oid_t schema, const char *table, const char *column,
                const char *label)
{
    for (int number = 0;; number++) {
        char digits[16] = "";
        if (number > 0) {
            (void)snprintf(digits, sizeof(digits), "%d", number);
        }
        const char *name = ddl_relation_name(ddl, table, column,
                                             ky_arena_printf(ddl->arena, "%s%s", label, digits));
        if (!ddl_name_exists(ddl, schema, name)) {
            return name;
        }
    }
}

oid_t
ddl_new_oid(struct ddl *ddl)
{
    return catalog_new_oid(ddl->catalog);
}

ky_status
ddl_changed(struct ddl *ddl)
{
    ddl->session->has_catalog_changes = true;
    return storage_counter_raise(ddl->txn, CATALOG_OID_COUNTER, catalog_last_oid(ddl->catalog),
                                 ddl->err);
}

/* ------------------------------------------------------------------ small things */

const char *
ddl_print(struct ddl *ddl, const struct ast_node *node)
{
    struct ky_buffer text = {0};
    ast_print(&text, node);
    const char *copy = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return copy;
}

const struct ast_option *
ddl_option(const struct ast_list *options, const char *name)
{
    for (int32_t i = 0; i < ast_list_count(options); i++) {
        const struct ast_option *option = (const void *)ast_list_get(options, i);
        if (strcmp(option->name, name) == 0) {
            return option;
        }
    }
    return NULL;
}

const char *
ddl_option_text(struct ddl *ddl, const struct ast_option *option)
{
    if (option == NULL || option->value == NULL) {
        return "";
    }
    if (option->value->kind == AST_STRING) {
        return ((const struct ast_string *)(const void *)option->value)->text;
    }
    const struct ast_const *constant = (const void *)option->value;
    if (option->value->kind == AST_CONST && constant->type == AST_CONST_INTEGER) {
        return ky_arena_printf(ddl->arena, "%lld", (long long)constant->integer);
    }
    if (option->value->kind == AST_CONST && constant->text != NULL) {
        return constant->text;
    }
    return "";
}

int64_t
ddl_option_int(const struct ast_option *option, int64_t fallback)
{
    if (option == NULL || option->value == NULL || option->value->kind != AST_CONST) {
        return fallback;
    }
    const struct ast_const *constant = (const void *)option->value;
    return constant->type == AST_CONST_INTEGER ? constant->integer
           : constant->type == AST_CONST_BOOL  ? constant->boolean
                                               : fallback;
}
