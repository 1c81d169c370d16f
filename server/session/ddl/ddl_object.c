/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/session/ddl/ddl_private.h"
#include "server/session/rights.h"
#include "server/sql/bind/walk.h"

/* Views, schemas, extensions. */

ky_status
ddl_fresh_relation_in(struct ddl *ddl, oid_t schema, const char *name,
                      struct cat_table **existing_out)
{
    KY_TRY(ddl_lock_name(ddl, schema, name));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    *existing_out = cat_find_table(ddl->image, schema, ky_slice_cstr(name));
    if (*existing_out == NULL && ddl_name_exists(ddl, schema, name)) {
        return ky_error_set(ddl->err, KY_DUPLICATE_TABLE, "relation \"%s\" already exists", name);
    }
    return *existing_out == NULL ? ddl_check_type_name(ddl, schema, name) : KY_OK;
}

ky_status
ddl_fresh_relation(struct ddl *ddl, const struct ast_range_var *name, oid_t *schema_out,
                   struct cat_table **existing_out)
{
    KY_TRY(ddl_schema_of(ddl, name, schema_out));
    return ddl_fresh_relation_in(ddl, *schema_out, name->name, existing_out);
}

/* 42701; 42P16 for a column of a type that no table has. */
static ky_status
check_view_columns(struct ddl *ddl, const struct cat_table *view, const struct query *query)
{
    for (uint16_t i = 0; i < view->column_count; i++) {
        for (uint16_t k = 0; k < i; k++) {
            if (strcmp(view->columns[i].name, view->columns[k].name) == 0) {
                return ky_error_set(ddl->err, KY_DUPLICATE_COLUMN,
                                    "column \"%s\" specified more than once",
                                    view->columns[i].name);
            }
        }
        const struct expr *expr = query->targets[i].expr;
        if (expr->kind == EXPR_ROW && expr->field_names == NULL) {
            return ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION,
                                "column \"%s\" has pseudo-type record", view->columns[i].name);
        }
    }
    return KY_OK;
}

/* OR REPLACE: the columns that are there stay, more may follow. 42P16. */
static ky_status
check_replacement(struct ddl *ddl, const struct cat_table *old, const struct cat_table *view)
{
    if (view->column_count < old->column_count) {
        return ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION, "cannot drop columns from view");
    }
    for (uint16_t i = 0; i < old->column_count; i++) {
        const struct cat_column *was = &old->columns[i];
        const struct cat_column *is = &view->columns[i];
        if (strcmp(was->name, is->name) != 0) {
            (void)ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION,
                               "cannot change name of view column \"%s\" to \"%s\"", was->name,
                               is->name);
            return ky_error_hint(ddl->err, "Use ALTER VIEW ... RENAME COLUMN ... to change name of "
                                           "view column instead.");
        }
        if (was->type != is->type || was->typmod != is->typmod || was->domain != is->domain) {
            struct ky_buffer types[2] = {{0}, {0}};
            type_format(cat_column_type(was), cat_column_typmod(was), &types[0]);
            type_format(cat_column_type(is), cat_column_typmod(is), &types[1]);
            (void)ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION,
                               "cannot change data type of view column \"%s\" from %.*s to %.*s",
                               was->name, (int)types[0].size, (const char *)types[0].data,
                               (int)types[1].size, (const char *)types[1].data);
            ky_buffer_deinit(&types[0]);
            ky_buffer_deinit(&types[1]);
            return KY_ERR;
        }
    }
    return KY_OK;
}

static bool
visit_temporary(struct expr *expr, int level, void *self)
{
    return (expr->subquery != NULL && ddl_reads_temporary(expr->subquery)) ||
           expr_walk_children(expr, level, visit_temporary, self);
}

bool
ddl_reads_temporary(const struct query *query)
{
    for (uint16_t i = 0; i < query->table_count; i++) {
        const struct table_ref *ref = query->tables[i];
        if ((ref->table != NULL && ref->table->persistence == 't') || /* a table or a view */
            (ref->subquery != NULL && ddl_reads_temporary(ref->subquery))) {
            return true;
        }
    }
    return query_walk((struct query *)(uintptr_t)query, 0, visit_temporary, NULL);
}

/* RECURSIVE VIEW v (a) AS q: WITH RECURSIVE v (a) AS (q) SELECT a FROM v. */
static ky_status
recursive_query(struct ddl *ddl, const struct ast_create_view *statement,
                struct ast_select **query_out)
{
    struct ast_list parsed = {0};
    struct ky_buffer names = {0};
    struct ky_buffer text = {0};
    for (int32_t i = 0; i < ast_list_count(statement->columns); i++) {
        ky_buffer_append_cstr(&names, i == 0 ? "" : ", ");
        ast_print_identifier(&names, ast_list_text(statement->columns, i));
    }
    const char *columns = ky_arena_cstr(ddl->arena, ky_buffer_slice(&names));
    ky_buffer_append_cstr(&text, "WITH RECURSIVE ");
    ast_print_identifier(&text, statement->relation->name);
    ky_buffer_printf(&text, " (%s) AS (%s) SELECT %s FROM ", columns,
                     ddl_print(ddl, &statement->query->node), columns);
    ast_print_identifier(&text, statement->relation->name);
    const char *sql = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&names);
    ky_buffer_deinit(&text);
    KY_TRY(parse_sql(ddl->arena, ky_slice_cstr(sql), &parsed, ddl->err));
    const struct ast_statement *made = (const void *)ast_list_get(&parsed, 0);
    *query_out = (struct ast_select *)(void *)made->statement;
    return KY_OK;
}

/* Binds the view's query; *is_temporary: as said, or as what it reads. */
static ky_status
bind_view(struct ddl *ddl, const struct ast_create_view *statement, struct ast_select *select,
          struct query **query_out, bool *is_temporary)
{
    uint16_t count = 0;
    ddl->bind.writes_names = true;
    ky_status status = bind_query(&ddl->bind, &select->node, query_out, ddl->err);
    ddl->bind.writes_names = false;
    KY_TRY(status);
    for (uint16_t i = 0; i < (*query_out)->target_count; i++) {
        count = (uint16_t)(count + !(*query_out)->targets[i].is_hidden);
    }
    if (ast_list_count(statement->columns) > count) {
        return ky_error_set(ddl->err, KY_SYNTAX_ERROR,
                            "CREATE VIEW specifies more column names than columns");
    }
    if (!*is_temporary && ddl_reads_temporary(*query_out)) {
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "view \"%s\" will be a temporary view", statement->relation->name);
        *is_temporary = true;
    }
    return KY_OK;
}

ky_status
ddl_create_view(struct ddl *ddl, const struct ast_create_view *statement)
{
    oid_t schema;
    struct cat_table *existing = NULL;
    struct query *query;
    struct ast_select *select = statement->query;
    const struct ast_range_var *name = statement->relation;
    const bool is_temp_name = name->schema != NULL && strcmp(name->schema, "pg_temp") == 0;
    bool is_temporary = statement->persistence == AST_TEMPORARY || is_temp_name;
    strcpy(ddl->session->tag, "CREATE VIEW");
    if (statement->is_recursive) {
        KY_TRY(recursive_query(ddl, statement, &select));
    }
    if (is_temporary && name->schema != NULL && !is_temp_name) {
        return ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION,
                            "cannot create temporary relation in non-temporary schema");
    }
    KY_TRY(bind_view(ddl, statement, select, &query, &is_temporary));
    KY_TRY(is_temporary ? ddl_temp_schema(ddl, &schema) : ddl_schema_of(ddl, name, &schema));
    KY_TRY(ddl_fresh_relation_in(ddl, schema, name->name, &existing));
    if (ddl->is_pending) {
        return KY_OK;
    }
    if (existing != NULL && (!statement->is_or_replace || existing->kind != 'v')) {
        return ky_error_set(
            ddl->err, statement->is_or_replace ? KY_WRONG_OBJECT_TYPE : KY_DUPLICATE_TABLE,
            statement->is_or_replace ? "\"%s\" is not a view" : "relation \"%s\" already exists",
            statement->relation->name);
    }
    KY_TRY(bind_view(ddl, statement, select, &query, &is_temporary)); /* after the lock, again */
    oid_t oid = existing != NULL ? existing->oid : ddl_new_oid(ddl);
    struct cat_table view = {.row_id = existing != NULL ? existing->row_id : 0,
                             .oid = oid,
                             .name = statement->relation->name,
                             .schema = schema,
                             .kind = 'v',
                             .persistence = is_temporary ? 't' : 'p',
                             .owner = ddl->session->role,
                             .row_type = ddl_new_oid(ddl),
                             .view_sql = ddl_print(ddl, &select->node)};
    view.columns = ky_arena_array(ddl->arena, struct cat_column, query->target_count + 1U);
    for (uint16_t i = 0; i < query->target_count; i++) {
        const struct target *target = &query->targets[i];
        if (target->is_hidden) {
            continue;
        }
        uint16_t number = view.column_count++;
        view.columns[number] = (struct cat_column){
            .name = number < ast_list_count(statement->columns)
                        ? ast_list_text(statement->columns, number)
                        : target->name,
            .number = (int16_t)(number + 1),
            .type =
                target->expr->type->oid == OID_UNKNOWN ? type_get(OID_TEXT) : target->expr->type,
            .typmod = target->expr->typmod,
            .domain = query->kind == QUERY_SELECT ? target->expr->domain : OID_NONE,
            .missing = datum_null()};
    }
    KY_TRY(check_view_columns(ddl, &view, query));
    if (existing != NULL) {
        KY_TRY(check_replacement(ddl, existing, &view));
    }
    KY_TRY(ddl_hold_column_types(ddl, &view));
    KY_TRY(existing != NULL ? catalog_update(ddl->txn, CAT_TABLE, &view, ddl->err)
                            : catalog_insert(ddl->txn, CAT_TABLE, &view, ddl->err));
    KY_TRY(existing != NULL ? KY_OK : ddl_apply_default_acl(ddl, &view));
    return ddl_changed(ddl);
}

ky_status
ddl_create_schema(struct ddl *ddl, const struct ast_create_schema *statement)
{
    const struct cat_role *owner = cat_get_role(ddl->image, ddl->session->role);
    strcpy(ddl->session->tag, "CREATE SCHEMA");
    if (statement->owner != NULL) {
        struct cat_role *named;
        KY_TRY(ddl_named_role(ddl, statement->owner, &named));
        owner = named;
    }
    const char *name = statement->name != NULL || owner == NULL ? statement->name : owner->name;
    KY_TRY(rights_check_database(ddl->session, ddl->image, ACL_CREATE, ddl->err));
    KY_TRY(owner == NULL ? KY_OK : ddl_check_new_owner(ddl, owner));
    const oid_t owner_oid = owner == NULL ? ddl->session->role : owner->oid;
    KY_TRY(ddl_lock_name(ddl, OID_NONE, name));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    if (cat_find_schema(ddl->image, ky_slice_cstr(name)) != NULL) {
        if (statement->is_if_not_exists) {
            session_notice(ddl->session, "NOTICE", KY_DUPLICATE_SCHEMA,
                           "schema \"%s\" already exists, skipping", name);
            return KY_OK;
        }
        return ky_error_set(ddl->err, KY_DUPLICATE_SCHEMA, "schema \"%s\" already exists", name);
    }
    if (strncmp(name, "pg_", 3) == 0) {
        (void)ky_error_set(ddl->err, KY_RESERVED_NAME, "unacceptable schema name \"%s\"", name);
        return ky_error_detail(ddl->err, "The prefix \"pg_\" is reserved for system schemas.");
    }
    /* What comes with extensions is in "public", whoever made it last. */
    const bool is_public =
        strcmp(name, "public") == 0 && cat_get_schema(ddl->image, OID_SCHEMA_PUBLIC) == NULL;
    struct cat_schema schema = {
        .oid = is_public ? OID_SCHEMA_PUBLIC : ddl_new_oid(ddl), .name = name, .owner = owner_oid};
    KY_TRY(catalog_insert(ddl->txn, CAT_SCHEMA, &schema, ddl->err));
    KY_TRY(ddl_apply_default_schema_acl(ddl, &schema));
    return ddl_changed(ddl);
}

ky_status
ddl_set_owner(struct ddl *ddl, const struct ast_set_owner *statement)
{
    struct cat_role *role;
    const char *name = ast_name_last(statement->names);
    if (statement->object_type == AST_OBJECT_TYPE || statement->object_type == AST_OBJECT_DOMAIN) {
        return ddl_type_set_owner(ddl, statement);
    }
    if (statement->object_type != AST_OBJECT_SCHEMA) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "changing the owner of this kind of object is not supported yet");
    }
    strcpy(ddl->session->tag, "ALTER SCHEMA");
    const struct cat_schema *schema = cat_find_schema(ddl->image, ky_slice_cstr(name));
    if (schema == NULL) {
        return ky_error_set(ddl->err, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
    }
    KY_TRY(ddl_check_schema_owner(ddl, schema));
    KY_TRY(ddl_named_role(ddl, statement->owner, &role));
    KY_TRY(ddl_check_new_owner(ddl, role));
    KY_TRY(rights_check_database(ddl->session, ddl->image, ACL_CREATE, ddl->err));
    struct cat_schema changed = *schema;
    changed.owner = role->oid;
    KY_TRY(ddl_change_acl_owner(ddl, schema->oid, acl_schema_owner(ddl->image, schema), role->oid));
    KY_TRY(catalog_update(ddl->txn, CAT_SCHEMA, &changed, ddl->err));
    return ddl_changed(ddl);
}

/* ------------------------------------------------------------------ extensions */

ky_status
ddl_create_extension(struct ddl *ddl, const struct ast_create_extension *statement)
{
    strcpy(ddl->session->tag, "CREATE EXTENSION");
    if (rights_check_database(ddl->session, ddl->image, ACL_CREATE, ddl->err) != KY_OK) {
        (void)ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                           "permission denied to create extension \"%s\"", statement->name);
        return ky_error_hint(ddl->err, "Must have CREATE privilege on current database to create "
                                       "this extension.");
    }
    for (size_t i = 0; i < ddl->image->extension_count; i++) {
        if (strcmp(ddl->image->extensions[i]->name, statement->name) != 0) {
            continue;
        }
        if (statement->is_if_not_exists) {
            session_notice(ddl->session, "NOTICE", KY_DUPLICATE_OBJECT,
                           "extension \"%s\" already exists, skipping", statement->name);
            return KY_OK;
        }
        return ky_error_set(ddl->err, KY_DUPLICATE_OBJECT, "extension \"%s\" already exists",
                            statement->name);
    }
    const struct cat_available_extension *available = cat_find_available(statement->name);
    if (available == NULL) {
        (void)ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED, "extension \"%s\" is not available",
                           statement->name);
        return ky_error_hint(ddl->err, "The extension must first be installed on the system where "
                                       "PostgreSQL is running.");
    }
    struct cat_extension extension = {.oid = ddl_new_oid(ddl),
                                      .name = available->name,
                                      .version = available->version,
                                      .schema = OID_SCHEMA_PUBLIC};
    KY_TRY(catalog_insert(ddl->txn, CAT_EXTENSION, &extension, ddl->err));
    return ddl_changed(ddl);
}
