/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "server/base/assert.h"
#include "server/session/ddl/ddl_private.h"
#include "server/session/rights.h"

/* RENAME and SET SCHEMA. What is kept as text and names the thing says its new name afterwards. */

/* nextval of the sequence, as the server or a user may have written it. */
static bool
draws_from(struct ddl *ddl, const char *text, const struct cat_table *sequence)
{
    static const char cast[] = "::regclass)";
    const struct cat_schema *schema = cat_get_schema(ddl->image, sequence->schema);
    const bool is_seen =
        cat_resolve_table(ddl->image, ddl->bind.path, ky_slice_cstr(sequence->name)) == sequence;
    for (int is_short = 0; is_short <= is_seen; is_short++) {
        const char *form = ddl_nextval_text_of(
            ddl, is_short || schema == NULL ? NULL : schema->name, sequence->name);
        const size_t size = strlen(form) - (sizeof(cast) - 1);
        if (strcmp(text, form) == 0 ||
            (strncmp(text, form, size) == 0 && strcmp(text + size, ")") == 0)) {
            return true;
        }
    }
    return false;
}

/*
 * Defaults of columns that draw from a sequence name it: from the one given, or (NULL) from each
 * one of the schema, which is called new_schema afterwards.
 */
static ky_status
rename_in_defaults(struct ddl *ddl, const struct cat_table *sequence, oid_t schema,
                   const char *new_schema, const char *new_name)
{
    for (size_t t = 0; t < ddl->image->table_count; t++) {
        const struct cat_table *table = ddl->image->tables[t];
        struct new_table *made = NULL;
        for (uint16_t c = 0; table->kind == 'r' && c < table->column_count; c++) {
            const char *text = table->columns[c].default_sql;
            if (text == NULL || strncmp(text, "nextval(", 8) != 0) {
                continue;
            }
            for (size_t i = 0; i < ddl->image->table_count; i++) {
                const struct cat_table *drawn = ddl->image->tables[i];
                const bool is_meant =
                    sequence != NULL ? drawn == sequence : drawn->schema == schema;
                if (drawn->kind != 'S' || !is_meant || !draws_from(ddl, text, drawn)) {
                    continue;
                }
                made = made == NULL ? ddl_as_new_table(ddl, table) : made;
                made->columns[c].default_sql =
                    ddl_nextval_text_of(ddl, new_schema, new_name != NULL ? new_name : drawn->name);
            }
        }
        if (made != NULL) {
            KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &made->table, ddl->err));
        }
    }
    return KY_OK;
}

static ky_status
rename_column(struct ddl *ddl, struct cat_table *table, const struct ast_rename *statement)
{
    struct new_table *made = ddl_as_new_table(ddl, table);
    struct cat_column *column;
    if (cat_find_column(table, ky_slice_cstr(statement->name)) == NULL) {
        return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN, "column \"%s\" does not exist",
                            statement->name);
    }
    KY_TRY(ddl_find_column(ddl, made, statement->name, &column));
    if (cat_find_column(table, ky_slice_cstr(statement->new_name)) != NULL) {
        return ky_error_set(ddl->err, KY_DUPLICATE_COLUMN,
                            "column \"%s\" of relation \"%s\" already exists", statement->new_name,
                            table->name);
    }
    struct bind_watch watch = {
        .table = table->oid, .column = column->number, .new_name = statement->new_name};
    KY_TRY(ddl_rename_in_table(ddl, table, &watch, made->columns));
    KY_TRY(ddl_rename_in_views(ddl, &watch));
    column->name = statement->new_name;
    return catalog_update(ddl->txn, CAT_TABLE, &made->table, ddl->err);
}

static ky_status
write_index_name(struct ddl *ddl, struct cat_index *index, const char *name)
{
    if (ddl_name_exists(ddl, index->table->schema, name)) {
        return ky_error_set(ddl->err, KY_DUPLICATE_TABLE, "relation \"%s\" already exists", name);
    }
    struct cat_index *changed = ky_arena_new(ddl->arena, struct cat_index);
    memcpy(changed, index, sizeof(*changed));
    changed->name = name;
    return catalog_update(ddl->txn, CAT_INDEX, changed, ddl->err);
}

static ky_status
write_constraint_name(struct ddl *ddl, const struct cat_constraint *constraint, const char *name)
{
    struct cat_constraint changed = *constraint;
    changed.name = name;
    return catalog_update(ddl->txn, CAT_CONSTRAINT, &changed, ddl->err);
}

static ky_status
rename_constraint(struct ddl *ddl, struct cat_table *table, const struct ast_rename *statement)
{
    struct cat_constraint *found = NULL;
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        if (strcmp(table->constraints[i]->name, statement->name) == 0) {
            found = table->constraints[i];
        }
        if (strcmp(table->constraints[i]->name, statement->new_name) == 0) {
            return ky_error_set(ddl->err, KY_DUPLICATE_OBJECT,
                                "constraint \"%s\" for relation \"%s\" already exists",
                                statement->new_name, table->name);
        }
    }
    if (found == NULL) {
        return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                            "constraint \"%s\" for table \"%s\" does not exist", statement->name,
                            table->name);
    }
    if (found->index != NULL && found->kind != CONSTRAINT_FOREIGN) {
        KY_TRY(write_index_name(ddl, found->index, statement->new_name));
    }
    KY_TRY(write_constraint_name(ddl, found, statement->new_name));
    return ddl_changed(ddl);
}

/* The relation, locked and read anew; NULL: it is missing, which is no error, or the lock is waited
 * for. */
static ky_status
take_relation(struct ddl *ddl, const struct ast_range_var *name, bool is_if_exists,
              struct cat_table **table_out)
{
    struct cat_table *table;
    *table_out = NULL;
    KY_TRY(ddl_find(ddl, name, is_if_exists, &table));
    if (table == NULL) {
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "relation \"%s\" does not exist, skipping", name->name);
        return KY_OK;
    }
    KY_TRY(ddl_check_owner(ddl, table));
    KY_TRY(ddl_lock(ddl, table, LOCK_ACCESS_EXCLUSIVE));
    if (!ddl->is_pending) {
        KY_TRY(ddl_refresh(ddl));
        *table_out = cat_get_table(ddl->image, table->oid);
        KY_ASSERT(*table_out != NULL);
    }
    return KY_OK;
}

static ky_status
rename_relation(struct ddl *ddl, const struct ast_rename *statement)
{
    struct cat_table *table;
    KY_TRY(take_relation(ddl, statement->relation, statement->is_if_exists, &table));
    if (table == NULL) {
        return KY_OK;
    }
    if (statement->object_type == AST_OBJECT_VIEW ||
        statement->object_type == AST_OBJECT_MATERIALIZED_VIEW ||
        statement->object_type == AST_OBJECT_SEQUENCE) {
        KY_TRY(ddl_check_kind(ddl, table, statement->object_type));
    }
    if (statement->object_type == AST_OBJECT_COLUMN && table->kind == 'S') {
        (void)ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE,
                           "cannot rename columns of relation \"%s\"", table->name);
        return ky_error_detail(ddl->err, "This operation is not supported for sequences.");
    }
    if (statement->object_type == AST_OBJECT_CONSTRAINT) {
        return rename_constraint(ddl, table, statement);
    }
    if (statement->object_type == AST_OBJECT_COLUMN) {
        KY_TRY(rename_column(ddl, table, statement));
        return ddl_changed(ddl);
    }
    if (ddl_name_exists(ddl, table->schema, statement->new_name)) {
        return ky_error_set(ddl->err, KY_DUPLICATE_TABLE, "relation \"%s\" already exists",
                            statement->new_name);
    }
    struct bind_watch watch = {.table = table->oid, .new_name = statement->new_name};
    KY_TRY(ddl_rename_in_views(ddl, &watch));
    if (table->kind == 'S') {
        const struct cat_schema *schema = cat_get_schema(ddl->image, table->schema);
        KY_TRY(rename_in_defaults(ddl, table, table->schema, schema == NULL ? NULL : schema->name,
                                  statement->new_name));
    }
    struct cat_table changed = *table;
    changed.name = statement->new_name;
    KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &changed, ddl->err));
    return ddl_changed(ddl);
}

static ky_status
rename_index(struct ddl *ddl, const struct ast_rename *statement)
{
    strcpy(ddl->session->tag, "ALTER INDEX");
    struct cat_index *index = ddl_find_index(ddl, statement->relation);
    if (index == NULL) {
        return rename_relation(ddl, statement); /* also says that there is none */
    }
    KY_TRY(ddl_check_index_owner(ddl, index));
    KY_TRY(ddl_lock(ddl, index->table, LOCK_SHARE_UPDATE_EXCLUSIVE));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(write_index_name(ddl, index, statement->new_name));
    for (uint16_t i = 0; i < index->table->constraint_count; i++) {
        const struct cat_constraint *constraint = index->table->constraints[i];
        if (constraint->index == index && constraint->kind != CONSTRAINT_FOREIGN) {
            KY_TRY(write_constraint_name(ddl, constraint, statement->new_name));
        }
    }
    return ddl_changed(ddl);
}

static ky_status
rename_schema(struct ddl *ddl, const struct ast_rename *statement)
{
    strcpy(ddl->session->tag, "ALTER SCHEMA");
    const char *name = statement->names != NULL ? ast_name_last(statement->names) : statement->name;
    const struct cat_schema *schema = cat_find_schema(ddl->image, ky_slice_cstr(name));
    if (schema == NULL || schema->row_id == 0) {
        return ky_error_set(ddl->err, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
    }
    KY_TRY(ddl_check_schema_owner(ddl, schema));
    KY_TRY(rights_check_database(ddl->session, ddl->image, ACL_CREATE, ddl->err));
    if (cat_find_schema(ddl->image, ky_slice_cstr(statement->new_name)) != NULL) {
        return ky_error_set(ddl->err, KY_DUPLICATE_SCHEMA, "schema \"%s\" already exists",
                            statement->new_name);
    }
    struct bind_watch watch = {.schema = schema->oid, .new_schema = statement->new_name};
    KY_TRY(ddl_rename_in_views(ddl, &watch));
    KY_TRY(rename_in_defaults(ddl, NULL, schema->oid, statement->new_name, NULL));
    KY_TRY(ddl_refresh(ddl));
    KY_TRY(ddl_rename_in_texts(ddl, NULL, schema->oid, statement->new_name, NULL));
    struct cat_schema changed = *schema;
    changed.name = statement->new_name;
    KY_TRY(catalog_update(ddl->txn, CAT_SCHEMA, &changed, ddl->err));
    return ddl_changed(ddl);
}

ky_status
ddl_set_schema(struct ddl *ddl, const struct ast_set_schema *statement)
{
    struct cat_table *table;
    (void)snprintf(ddl->session->tag, SESSION_TAG_SIZE, "ALTER %s",
                   ast_object_type_name(statement->object_type));
    if (statement->object_type == AST_OBJECT_TYPE || statement->object_type == AST_OBJECT_DOMAIN) {
        return ddl_type_set_schema(ddl, statement);
    }
    if (statement->relation == NULL) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "this form of SET SCHEMA is not supported yet");
    }
    KY_TRY(take_relation(ddl, statement->relation, statement->is_if_exists, &table));
    if (table == NULL) {
        return KY_OK;
    }
    if (statement->object_type != AST_OBJECT_TABLE) {
        KY_TRY(ddl_check_kind(ddl, table, statement->object_type));
    }
    if (table->kind == 'S' && table->owner_table != OID_NONE) {
        (void)ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                           "cannot move an owned sequence into another schema");
        return ky_error_detail(ddl->err, "Sequence \"%s\" is linked to table \"%s\".", table->name,
                               cat_get_table(ddl->image, table->owner_table)->name);
    }
    const struct ast_range_var target = {.schema = statement->new_schema,
                                         .name = statement->relation->name};
    oid_t schema;
    KY_TRY(ddl_schema_of(ddl, &target, &schema));
    if (table->schema == schema) {
        return KY_OK;
    }
    if (ddl_name_exists(ddl, schema, table->name)) {
        return ky_error_set(ddl->err, KY_DUPLICATE_TABLE,
                            "relation \"%s\" already exists in schema \"%s\"", table->name,
                            statement->new_schema);
    }
    struct bind_watch watch = {.table = table->oid, .new_schema = statement->new_schema};
    KY_TRY(ddl_rename_in_views(ddl, &watch));
    if (table->kind == 'S') {
        KY_TRY(rename_in_defaults(ddl, table, schema, statement->new_schema, NULL));
    }
    struct new_table *made = ddl_as_new_table(ddl, table);
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        struct cat_table *moved = ddl->image->tables[i];
        if (moved->kind == 'S' && moved->owner_table == table->oid && moved->owner_column > 0) {
            struct cat_column *column = &made->columns[moved->owner_column - 1];
            if (column->default_sql != NULL && strncmp(column->default_sql, "nextval(", 8) == 0) {
                column->default_sql = ddl_nextval_text(ddl, schema, moved->name);
            }
        }
    }
    table->columns = made->columns; /* of our own image */
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        struct cat_table *moved = ddl->image->tables[i];
        if (moved == table || (moved->kind == 'S' && moved->owner_table == table->oid)) {
            struct cat_table changed = *moved;
            changed.schema = schema;
            KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &changed, ddl->err));
        }
    }
    return ddl_changed(ddl);
}

ky_status
ddl_rename(struct ddl *ddl, const struct ast_rename *statement)
{
    (void)snprintf(ddl->session->tag, SESSION_TAG_SIZE, "ALTER TABLE");
    if (statement->object_type == AST_OBJECT_INDEX) {
        return rename_index(ddl, statement);
    }
    if (statement->object_type == AST_OBJECT_SCHEMA) {
        return rename_schema(ddl, statement);
    }
    if (statement->object_type == AST_OBJECT_TYPE || statement->object_type == AST_OBJECT_DOMAIN) {
        return ddl_type_rename(ddl, statement);
    }
    if (statement->relation == NULL || (statement->object_type != AST_OBJECT_TABLE &&
                                        statement->object_type != AST_OBJECT_COLUMN &&
                                        statement->object_type != AST_OBJECT_CONSTRAINT &&
                                        statement->object_type != AST_OBJECT_VIEW &&
                                        statement->object_type != AST_OBJECT_MATERIALIZED_VIEW &&
                                        statement->object_type != AST_OBJECT_SEQUENCE)) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "this form of RENAME is not supported yet");
    }
    if (statement->relation_type == AST_OBJECT_VIEW ||
        statement->relation_type == AST_OBJECT_MATERIALIZED_VIEW) {
        (void)snprintf(ddl->session->tag, SESSION_TAG_SIZE, "ALTER %s",
                       ast_object_type_name(statement->relation_type));
    }
    if (statement->object_type == AST_OBJECT_VIEW ||
        statement->object_type == AST_OBJECT_MATERIALIZED_VIEW ||
        statement->object_type == AST_OBJECT_SEQUENCE) {
        (void)snprintf(ddl->session->tag, SESSION_TAG_SIZE, "ALTER %s",
                       ast_object_type_name(statement->object_type));
    }
    return rename_relation(ddl, statement);
}
