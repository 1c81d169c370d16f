/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_alter.h"

#include "server/base/assert.h"
#include "server/session/after.h"
#include "server/session/rights.h"

/* ALTER TABLE. Changes are made on a copy of the table's catalog entry, then written. */

struct new_table *
ddl_as_new_table(struct ddl *ddl, const struct cat_table *table)
{
    struct new_table *made = ky_arena_new(ddl->arena, struct new_table);
    made->table = *table;
    made->capacity = table->column_count;
    made->columns = ky_arena_array(ddl->arena, struct cat_column, table->column_count + 1U);
    memcpy(made->columns, table->columns, table->column_count * sizeof(*made->columns));
    made->table.columns = made->columns;
    made->table.indexes = ky_arena_array(ddl->arena, struct cat_index *, table->index_count + 1U);
    for (uint16_t i = 0; i < table->index_count; i++) {
        made->table.indexes[i] = table->indexes[i];
    }
    return made;
}

ky_status
ddl_alter_drop_index(struct ddl *ddl, struct new_table *made, struct cat_index *index)
{
    uint16_t count = 0;
    for (uint16_t i = 0; i < made->table.index_count; i++) {
        if (made->table.indexes[i] != index) {
            made->table.indexes[count++] = made->table.indexes[i];
        }
    }
    made->table.index_count = count;
    KY_TRY(ddl_erase(ddl, CAT_INDEX, index));
    access_index_drop(ddl->session->txn, index->oid);
    return KY_OK;
}

ky_status
ddl_find_column(struct ddl *ddl, struct new_table *made, const char *name, struct cat_column **out)
{
    for (uint16_t i = 0; i < made->table.column_count; i++) {
        if (!made->columns[i].is_dropped && strcmp(made->columns[i].name, name) == 0) {
            *out = &made->columns[i];
            return KY_OK;
        }
    }
    return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN,
                        "column \"%s\" of relation \"%s\" does not exist", name, made->table.name);
}

bool
ddl_alter_has_rows(struct ddl *ddl, const struct cat_table *table)
{
    return storage_count(ddl->txn, table->rel) > 0;
}

static ky_status
change_owner(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command)
{
    const struct ast_role *node = (const void *)command->definition;
    const char *name = node->type == AST_ROLE_NAME ? node->name : ddl->session->user;
    const struct cat_role *role = cat_find_role(ddl->image, ky_slice_cstr(name));
    if (role == NULL) {
        return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT, "role \"%s\" does not exist", name);
    }
    if (role->oid != made->table.owner) {
        KY_TRY(ddl_check_new_owner(ddl, role));
        if (!ddl->session->is_superuser) {
            const struct cat_schema *schema = cat_get_schema(ddl->image, made->table.schema);
            if (acl_on_schema(ddl->image, role->oid, schema, ACL_CREATE) == 0) {
                return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                                    "permission denied for schema %s", schema->name);
            }
        }
        KY_TRY(ddl_change_acl_owner(ddl, made->table.oid, made->table.owner, role->oid));
    }
    made->table.owner = role->oid;
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        const struct cat_table *sequence = ddl->image->tables[i];
        if (sequence->kind == 'S' && sequence->owner_table == made->table.oid) {
            struct cat_table changed = *sequence;
            changed.owner = role->oid;
            KY_TRY(ddl_change_acl_owner(ddl, sequence->oid, sequence->owner, role->oid));
            KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &changed, ddl->err));
        }
    }
    return KY_OK;
}

static ky_status
run_command(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command,
            const struct cat_table *table)
{
    struct cat_column *column;
    switch ((int)command->type) {
    case AST_ADD_COLUMN:
        return ddl_alter_add_column(ddl, made, command);
    case AST_DROP_COLUMN:
        return ddl_alter_drop_column(ddl, made, command);
    case AST_COLUMN_DEFAULT:
        return ddl_alter_default(ddl, made, command);
    case AST_SET_NOT_NULL:
        KY_TRY(ddl_find_column(ddl, made, command->name, &column));
        column->is_not_null = true;
        return ddl_alter_check_nulls(ddl, made, column->number, table);
    case AST_DROP_NOT_NULL:
        return ddl_alter_drop_not_null(ddl, made, command);
    case AST_ADD_CONSTRAINT:
        return ddl_alter_add_constraint(ddl, made, command, table);
    case AST_DROP_CONSTRAINT:
        return ddl_alter_drop_constraint(ddl, made, command);
    case AST_COLUMN_TYPE:
        return ddl_alter_column_type(ddl, made, command, table);
    case AST_ADD_IDENTITY:
    case AST_SET_IDENTITY:
    case AST_DROP_IDENTITY:
        return ddl_alter_identity(ddl, made, command);
    case AST_DROP_EXPRESSION:
        return ddl_alter_drop_expression(ddl, made, command);
    case AST_CHANGE_OWNER:
        return change_owner(ddl, made, command);
    case AST_SET_STATISTICS:
    case AST_SET_STORAGE:
    case AST_SET_COMPRESSION:
    case AST_SET_OPTIONS:
    case AST_RESET_OPTIONS:
    case AST_CLUSTER_ON:
    case AST_SET_WITHOUT_CLUSTER:
    case AST_SET_WITHOUT_OIDS:
    case AST_REPLICA_IDENTITY:
    case AST_ENABLE_TRIGGER:
    case AST_DISABLE_TRIGGER:
        return KY_OK; /* says how to store or replicate, not what */
    case AST_VALIDATE_CONSTRAINT:
        return ddl_alter_validate(ddl, made, command);
    case AST_ALTER_CONSTRAINT:
        return ddl_alter_constraint(ddl, made, command);
    default:
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "this form of ALTER TABLE is not supported yet");
    }
}

/* Commands are run in this order, whatever order they are written in (PostgreSQL's): a column may
 * be added under the name of one that is dropped, and a key be put on one that is added. */
enum pass { PASS_DROP, PASS_TYPE, PASS_ADD_COLUMN, PASS_ATTRIBUTE, PASS_KEY, PASS_OTHER, PASS_END };

static enum pass
pass_of(const struct ast_alter_command *command)
{
    const struct ast_constraint *constraint = (const void *)command->definition;
    switch ((int)command->type) {
    case AST_DROP_COLUMN:
    case AST_DROP_CONSTRAINT:
    case AST_DROP_NOT_NULL:
    case AST_DROP_IDENTITY:
    case AST_DROP_EXPRESSION:
        return PASS_DROP;
    case AST_COLUMN_DEFAULT:
        return command->definition == NULL ? PASS_DROP : PASS_OTHER;
    case AST_COLUMN_TYPE:
        return PASS_TYPE;
    case AST_ADD_COLUMN:
        return PASS_ADD_COLUMN;
    case AST_SET_NOT_NULL:
    case AST_SET_IDENTITY:
        return PASS_ATTRIBUTE;
    case AST_ADD_CONSTRAINT:
        return constraint->type == AST_CONSTRAINT_PRIMARY_KEY ||
                       constraint->type == AST_CONSTRAINT_UNIQUE
                   ? PASS_KEY
                   : PASS_OTHER;
    default:
        return PASS_OTHER;
    }
}

static ky_status
run_pass(struct ddl *ddl, struct new_table *made, const struct ast_list *commands, enum pass pass,
         const struct cat_table *old, uint16_t *count_out)
{
    *count_out = 0;
    for (int32_t i = 0; i < ast_list_count(commands); i++) {
        const struct ast_alter_command *command = (const void *)ast_list_get(commands, i);
        if (pass_of(command) == pass) {
            (*count_out)++;
            KY_TRY(run_command(ddl, made, command, old));
        }
        if (pass == PASS_DROP && command->behavior == AST_CASCADE) {
            KY_TRY(ddl_changed(ddl));
            KY_TRY(ddl_refresh(ddl)); /* without the views that went with it */
        }
    }
    return KY_OK;
}

/* May a new value be computed from a column that is dropped? */
static bool
reads_dropped(const struct ast_list *commands)
{
    bool has_using = false;
    bool has_drop = false;
    for (int32_t i = 0; i < ast_list_count(commands); i++) {
        const struct ast_alter_command *command = (const void *)ast_list_get(commands, i);
        has_using = has_using || (command->type == AST_COLUMN_TYPE && command->expression != NULL);
        has_drop = has_drop || command->type == AST_DROP_COLUMN;
    }
    return has_using && has_drop;
}

/* *old: the table as it is; what was dropped is written in between, so that others may take its
 * name or be the primary key. */
static ky_status
run_commands(struct ddl *ddl, struct new_table **made, const struct ast_list *commands,
             struct cat_table **old)
{
    uint16_t count;
    KY_TRY(run_pass(ddl, *made, commands, PASS_DROP, *old, &count));
    if (count > 0 && count < ast_list_count(commands) && !reads_dropped(commands)) {
        KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &(*made)->table, ddl->err));
        KY_TRY(ddl_changed(ddl));
        KY_TRY(ddl_refresh(ddl));
        *old = cat_get_table(ddl->image, (*made)->table.oid);
        *made = ddl_as_new_table(ddl, *old);
    }
    for (enum pass pass = PASS_DROP + 1; pass < PASS_END; pass++) {
        KY_TRY(run_pass(ddl, *made, commands, pass, *old, &count));
    }
    return KY_OK;
}

/* Writes the changed entry, then the keys and checks that were added. */
static ky_status
write_changes(struct ddl *ddl, struct new_table *made, const struct cat_table *old)
{
    KY_TRY(ddl_write_sequences(ddl, made));
    if (made->rewrites != NULL) {
        KY_TRY(ddl_changed(ddl));
        KY_TRY(ddl_refresh(ddl));
        KY_TRY(ddl_rewrite(ddl, old, made));
    }
    KY_TRY(ddl_hold_column_types(ddl, &made->table));
    KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &made->table, ddl->err));
    KY_TRY(ddl_changed(ddl));
    KY_TRY(ddl_refresh(ddl));
    struct cat_table *table = cat_get_table(ddl->image, made->table.oid);
    KY_ASSERT(table != NULL);
    if (made->rewrites != NULL) {
        txn_command_increment(ddl->txn);
        for (uint16_t i = 0; i < table->index_count; i++) {
            KY_TRY(ddl_rebuild_index(ddl, table->indexes[i], table));
        }
        KY_TRY(ddl_build_now(ddl));
        KY_TRY(ddl_changed(ddl));
        KY_TRY(ddl_refresh(ddl));
        table = cat_get_table(ddl->image, made->table.oid);
        for (uint16_t i = 0; i < table->constraint_count; i++) {
            const struct cat_constraint *check = table->constraints[i];
            if (check->kind == CONSTRAINT_CHECK && check->is_validated) {
                KY_TRY(ddl_alter_check_rows(ddl, table, check->name, check->check_sql));
            }
        }
    }
    for (uint16_t i = 0; i < made->check_count; i++) {
        struct cat_constraint check = {.oid = ddl_new_oid(ddl),
                                       .name = made->checks[i].name,
                                       .table = table,
                                       .kind = CONSTRAINT_CHECK,
                                       .check_sql = made->checks[i].sql,
                                       .is_validated = !made->checks[i].is_not_valid};
        KY_TRY(ddl_check_columns(ddl, table, &check));
        if (check.is_validated && ddl_alter_has_rows(ddl, table)) {
            KY_TRY(ddl_alter_check_rows(ddl, table, check.name, check.check_sql));
        }
        KY_TRY(catalog_insert(ddl->txn, CAT_CONSTRAINT, &check, ddl->err));
    }
    for (uint16_t i = 0; i < made->key_count; i++) {
        KY_TRY(ddl_add_key(ddl, table, &made->keys[i], true));
    }
    KY_TRY(ddl_changed(ddl));
    if (made->foreign_count > 0) {
        KY_TRY(ddl_refresh(ddl));
        KY_TRY(ddl_add_foreign_keys(ddl, made->table.oid, made));
    }
    return ddl_changed(ddl);
}

/* As PostgreSQL names what is done to a column or constraint; NULL: it is no such thing. */
static const char *
action_name(const struct ast_alter_command *command)
{
    switch ((int)command->type) {
    case AST_ADD_COLUMN:
        return "ADD COLUMN";
    case AST_DROP_COLUMN:
        return "DROP COLUMN";
    case AST_COLUMN_DEFAULT:
        return "ALTER COLUMN ... SET DEFAULT";
    case AST_SET_NOT_NULL:
        return "ALTER COLUMN ... SET NOT NULL";
    case AST_DROP_NOT_NULL:
        return "ALTER COLUMN ... DROP NOT NULL";
    case AST_COLUMN_TYPE:
        return "ALTER COLUMN ... SET DATA TYPE";
    case AST_ADD_CONSTRAINT:
        return "ADD CONSTRAINT";
    case AST_DROP_CONSTRAINT:
        return "DROP CONSTRAINT";
    case AST_VALIDATE_CONSTRAINT:
        return "VALIDATE CONSTRAINT";
    case AST_ALTER_CONSTRAINT:
        return "ALTER CONSTRAINT";
    case AST_ADD_IDENTITY:
        return "ALTER COLUMN ... ADD IDENTITY";
    case AST_SET_IDENTITY:
        return "ALTER COLUMN ... SET";
    case AST_DROP_IDENTITY:
        return "ALTER COLUMN ... DROP IDENTITY";
    case AST_DROP_EXPRESSION:
        return "ALTER COLUMN ... DROP EXPRESSION";
    default:
        return NULL;
    }
}

/* What may be done to a view or a sequence; what a materialized view has of a table, its columns
 * and constraints left out. */
static bool
suits_kind(char kind, enum ast_alter_type action)
{
    switch ((int)action) {
    case AST_CHANGE_OWNER:
        return true;
    case AST_SET_STATISTICS:
    case AST_SET_STORAGE:
    case AST_SET_COMPRESSION:
    case AST_SET_COLUMN_OPTIONS:
    case AST_RESET_COLUMN_OPTIONS:
    case AST_SET_OPTIONS:
    case AST_RESET_OPTIONS:
    case AST_SET_TABLESPACE:
    case AST_SET_ACCESS_METHOD:
    case AST_CLUSTER_ON:
    case AST_SET_WITHOUT_CLUSTER:
        return kind == 'm';
    default:
        return false;
    }
}

static ky_status
check_actions(struct ddl *ddl, const struct cat_table *table, const struct ast_list *commands)
{
    for (int32_t i = 0; i < ast_list_count(commands); i++) {
        const struct ast_alter_command *command = (const void *)ast_list_get(commands, i);
        const char *action = action_name(command);
        if (suits_kind(table->kind, command->type)) {
            continue;
        }
        if (action == NULL) {
            return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a table",
                                table->name);
        }
        (void)ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE,
                           "ALTER action %s cannot be performed on relation \"%s\"", action,
                           table->name);
        return ky_error_detail(ddl->err, "This operation is not supported for %ss.",
                               ddl_kind_word(table->kind));
    }
    return KY_OK;
}

ky_status
ddl_alter_table(struct ddl *ddl, const struct ast_alter_table *statement)
{
    struct cat_table *table;
    strcpy(ddl->session->tag, "ALTER TABLE");
    KY_TRY(ddl_find(ddl, statement->relation, statement->is_if_exists, &table));
    if (table == NULL) {
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "relation \"%s\" does not exist, skipping", statement->relation->name);
        return KY_OK;
    }
    const bool says_kind = statement->object_type == AST_OBJECT_VIEW ||
                           statement->object_type == AST_OBJECT_MATERIALIZED_VIEW ||
                           statement->object_type == AST_OBJECT_SEQUENCE;
    if (says_kind) {
        KY_TRY(ddl_check_kind(ddl, table, statement->object_type));
    }
    if (table->kind != 'r') {
        KY_TRY(check_actions(ddl, table, statement->commands));
    }
    if (says_kind) {
        (void)snprintf(ddl->session->tag, SESSION_TAG_SIZE, "ALTER %s",
                       ast_object_type_name(statement->object_type));
    }
    KY_TRY(ddl_check_owner(ddl, table));
    KY_TRY(ddl_lock(ddl, table, LOCK_ACCESS_EXCLUSIVE));
    if (!ddl->is_pending) {
        KY_TRY(ddl_lock_parents(ddl, statement->commands));
    }
    for (int32_t i = 0; !ddl->is_pending && i < ast_list_count(statement->commands); i++) {
        const struct ast_alter_command *command =
            (const void *)ast_list_get(statement->commands, i);
        if (command->behavior == AST_CASCADE) {
            KY_TRY(ddl_lock_references(ddl, table));
        }
    }
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(after_check_table(ddl->session, table, "ALTER TABLE", ddl->err));
    txn_statement_begin(ddl->txn);
    ky_status status = ddl_refresh(ddl);
    table = status == KY_OK ? cat_get_table(ddl->image, table->oid) : NULL;
    struct new_table *made = table == NULL ? NULL : ddl_as_new_table(ddl, table);
    if (status == KY_OK && table == NULL) {
        status = ky_error_set(ddl->err, KY_UNDEFINED_TABLE, "relation \"%s\" does not exist",
                              statement->relation->name);
    }
    if (status == KY_OK) {
        status = run_commands(ddl, &made, statement->commands, &table);
    }
    if (status == KY_OK) {
        status = write_changes(ddl, made, table);
    }
    txn_statement_end(ddl->txn);
    return status;
}
