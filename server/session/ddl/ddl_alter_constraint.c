/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_alter.h"

/* ALTER TABLE: constraints that come, go, are checked or changed. */

ky_status
ddl_alter_check_rows(struct ddl *ddl, const struct cat_table *table, const char *name,
                     const char *sql)
{
    struct datum none;
    bool is_found;
    const char *query = ky_arena_printf(ddl->arena, "SELECT 1 FROM %s WHERE NOT (%s) LIMIT 1",
                                        ddl_qualified_name(ddl, table), sql);
    KY_TRY(ddl_first_row(ddl, query, &none, 0, &is_found));
    if (!is_found) {
        return KY_OK;
    }
    (void)ky_error_set(ddl->err, KY_CHECK_VIOLATION,
                       "check constraint \"%s\" of relation \"%s\" is violated by some row", name,
                       table->name);
    ky_error_name(ddl->err->table_name, table->name);
    ky_error_name(ddl->err->constraint_name, name);
    return KY_ERR;
}

ky_status
ddl_alter_drop_constraint(struct ddl *ddl, struct new_table *made,
                          const struct ast_alter_command *command)
{
    for (uint16_t i = 0; i < made->table.constraint_count; i++) {
        struct cat_constraint *constraint = made->table.constraints[i];
        if (strcmp(constraint->name, command->name) != 0) {
            continue;
        }
        if (constraint->index != NULL && constraint->kind != CONSTRAINT_FOREIGN) {
            KY_TRY(ddl_drop_references(ddl, &made->table, 0, constraint->index, command->behavior,
                                       ky_arena_printf(ddl->arena, "constraint %s on table %s",
                                                       constraint->name, made->table.name)));
        }
        KY_TRY(ddl_erase(ddl, CAT_CONSTRAINT, constraint));
        if (constraint->index != NULL && constraint->kind != CONSTRAINT_FOREIGN) {
            KY_TRY(ddl_alter_drop_index(ddl, made, constraint->index));
        }
        return KY_OK;
    }
    if (command->is_if_exists) {
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "constraint \"%s\" of relation \"%s\" does not exist, skipping",
                       command->name, made->table.name);
        return KY_OK;
    }
    return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                        "constraint \"%s\" of relation \"%s\" does not exist", command->name,
                        made->table.name);
}

ky_status
ddl_alter_add_constraint(struct ddl *ddl, struct new_table *made,
                         const struct ast_alter_command *command, const struct cat_table *table)
{
    const struct ast_constraint *constraint = (const void *)command->definition;
    for (uint16_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i]->is_primary && constraint->type == AST_CONSTRAINT_PRIMARY_KEY) {
            return ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION,
                                "multiple primary keys for table \"%s\" are not allowed",
                                table->name);
        }
    }
    if (constraint->index_name != NULL) {
        const struct cat_index *index;
        KY_TRY(ddl_use_index(ddl, table, constraint, &index));
        for (uint16_t i = 0; constraint->type == AST_CONSTRAINT_PRIMARY_KEY && i < index->key_count;
             i++) {
            const int16_t column = index->keys[i].column;
            KY_TRY(ddl_alter_check_nulls(ddl, made, column, table));
            made->columns[column - 1].is_not_null = true;
        }
        return KY_OK;
    }
    KY_TRY(ddl_add_constraint(ddl, made, constraint, 0));
    for (uint16_t i = 0; i < made->key_count; i++) {
        for (uint16_t j = 0; made->keys[i].is_primary && j < made->keys[i].column_count; j++) {
            KY_TRY(ddl_alter_check_nulls(ddl, made, made->keys[i].columns[j], table));
        }
    }
    return KY_OK;
}

static struct cat_constraint *
find_constraint(struct ddl *ddl, const struct new_table *made, const char *name)
{
    for (uint16_t i = 0; i < made->table.constraint_count; i++) {
        if (strcmp(made->table.constraints[i]->name, name) == 0) {
            return made->table.constraints[i];
        }
    }
    (void)ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                       "constraint \"%s\" of relation \"%s\" does not exist", name,
                       made->table.name);
    return NULL;
}

ky_status
ddl_alter_validate(struct ddl *ddl, const struct new_table *made,
                   const struct ast_alter_command *command)
{
    struct cat_constraint *constraint = find_constraint(ddl, made, command->name);
    if (constraint == NULL) {
        return KY_ERR;
    }
    if (constraint->kind != CONSTRAINT_FOREIGN && constraint->kind != CONSTRAINT_CHECK) {
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE,
                            "constraint \"%s\" of relation \"%s\" is not a foreign key or check "
                            "constraint",
                            command->name, made->table.name);
    }
    if (constraint->is_validated) {
        return KY_OK;
    }
    KY_TRY(constraint->kind == CONSTRAINT_FOREIGN
               ? ddl_validate_foreign(ddl, constraint)
               : ddl_alter_check_rows(ddl, constraint->table, constraint->name,
                                      constraint->check_sql));
    struct cat_constraint changed = *constraint;
    changed.is_validated = true;
    return catalog_update(ddl->txn, CAT_CONSTRAINT, &changed, ddl->err);
}

ky_status
ddl_alter_constraint(struct ddl *ddl, const struct new_table *made,
                     const struct ast_alter_command *command)
{
    const struct ast_constraint *wanted = (const void *)command->definition;
    struct cat_constraint *constraint = find_constraint(ddl, made, wanted->name);
    if (constraint == NULL) {
        return KY_ERR;
    }
    if (constraint->kind != CONSTRAINT_FOREIGN) {
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE,
                            "constraint \"%s\" of relation \"%s\" is not a foreign key constraint",
                            wanted->name, made->table.name);
    }
    struct cat_constraint changed = *constraint;
    changed.is_deferrable = wanted->is_deferrable || wanted->is_deferred;
    changed.is_deferred = wanted->is_deferred;
    return catalog_update(ddl->txn, CAT_CONSTRAINT, &changed, ddl->err);
}
