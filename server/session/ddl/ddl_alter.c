/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/after.h"
#include "server/session/ddl/ddl_private.h"
#include "server/sql/bind/walk.h"

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

static ky_status
drop_index(struct ddl *ddl, struct new_table *made, struct cat_index *index)
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

/* Existing rows read the new column as its default, evaluated now. */
static ky_status
set_missing(struct ddl *ddl, struct cat_column *column, bool *is_volatile_out)
{
    struct expr *expr;
    struct exec_context context = {0};
    struct ky_budget budget;
    if (column->default_sql == NULL || column->generated != 0) {
        return KY_OK;
    }
    KY_TRY(bind_default_text(&ddl->bind, column, column->default_sql, &expr, ddl->err));
    *is_volatile_out = expr_is_volatile(expr);
    if (*is_volatile_out) {
        return KY_OK; /* each row gets a value of its own */
    }
    ky_budget_init(&budget, "work memory", 0, NULL);
    context.access = server_access(ddl->session->server);
    context.txn = ddl->session->txn;
    context.arena = ddl->arena;
    context.budget = &budget;
    context.cancel = &ddl->session->cancel;
    context.image = ddl->image;
    context.session = ddl->session;
    session_env(ddl->session, &context.env, ddl->arena, ddl->image);
    return exec_eval_once(&context, expr, &column->missing, ddl->err);
}

static bool
table_has_rows(struct ddl *ddl, const struct cat_table *table)
{
    return storage_count(ddl->txn, table->rel) > 0;
}

/* Rows get this value in the column. */
static void
set_rewrite(struct ddl *ddl, struct new_table *made, int16_t number, const char *sql)
{
    enum { ALL = ROW_COLUMNS_MAX };
    if (made->rewrites == NULL) {
        made->rewrites = ky_arena_array(ddl->arena, const char *, ALL + 1);
    }
    made->rewrites[number - 1] = sql;
}

static ky_status
add_column(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command)
{
    const struct ast_column_def *definition = (const void *)command->definition;
    for (uint16_t i = 0; i < made->table.column_count; i++) {
        if (!made->columns[i].is_dropped && strcmp(made->columns[i].name, definition->name) == 0) {
            if (command->is_if_exists) {
                session_notice(ddl->session, "NOTICE", KY_DUPLICATE_COLUMN,
                               "column \"%s\" of relation \"%s\" already exists, skipping",
                               definition->name, made->table.name);
                return KY_OK;
            }
            return ky_error_set(ddl->err, KY_DUPLICATE_COLUMN,
                                "column \"%s\" of relation \"%s\" already exists", definition->name,
                                made->table.name);
        }
    }
    const uint16_t sequence_count = made->sequence_count;
    bool is_volatile = false;
    KY_TRY(ddl_add_column(ddl, made, definition));
    KY_TRY(ddl_add_column_rules(ddl, made, definition));
    struct cat_column *column = &made->columns[made->table.column_count - 1];
    if (column->generated == 0 && made->sequence_count == sequence_count) {
        KY_TRY(set_missing(ddl, column, &is_volatile));
    }
    bool has_rows = table_has_rows(ddl, &made->table);
    bool is_computed = column->generated != 0 || made->sequence_count > sequence_count;
    if (has_rows && (is_computed || is_volatile)) {
        set_rewrite(ddl, made, column->number,
                    ky_arena_printf(ddl->arena, "(%s)::%s", column->default_sql,
                                    ddl_type_text(ddl, column->type->oid, column->typmod)));
        return KY_OK;
    }
    if (has_rows && column->is_not_null && column->missing.is_null) {
        return ky_error_set(ddl->err, KY_NOT_NULL_VIOLATION,
                            "column \"%s\" of relation \"%s\" contains null values", column->name,
                            made->table.name);
    }
    return KY_OK;
}

struct column_search {
    uint32_t index;
};

static bool
visit_column(struct expr *expr, int level, void *self)
{
    const struct column_search *search = self;
    return (expr->kind == EXPR_INPUT && expr->index == search->index) ||
           expr_walk_children(expr, level, visit_column, self);
}

/* Does an expression over the table read the column? */
static bool
expression_uses(struct ddl *ddl, const struct cat_table *table, const char *sql, int16_t number)
{
    struct column_search search = {(uint32_t)(number - 1)};
    struct expr *expr;
    struct ky_error ignored;
    ky_error_init(&ignored);
    return sql != NULL &&
           bind_table_expression(&ddl->bind, table, sql, NULL, -1, &expr, &ignored) == KY_OK &&
           visit_column(expr, 0, &search);
}

struct column_list {
    int16_t *numbers;
    uint16_t count;
};

/* In the order in which the expression has them, each once. */
static bool
visit_columns(struct expr *expr, int level, void *self)
{
    struct column_list *list = self;
    bool is_new = expr->kind == EXPR_INPUT;
    for (uint16_t i = 0; is_new && i < list->count; i++) {
        is_new = list->numbers[i] != (int16_t)(expr->index + 1);
    }
    if (is_new) {
        list->numbers[list->count++] = (int16_t)(expr->index + 1);
    }
    return expr_walk_children(expr, level, visit_columns, self);
}

ky_status
ddl_check_columns(struct ddl *ddl, const struct cat_table *table, struct cat_constraint *check)
{
    struct expr *expr;
    KY_TRY(bind_table_expression(&ddl->bind, table, check->check_sql, type_get(OID_BOOL), -1, &expr,
                                 ddl->err));
    struct column_list list = {ky_arena_array(ddl->arena, int16_t, table->column_count + 1U), 0};
    (void)visit_columns(expr, 0, &list);
    check->columns = list.numbers;
    check->column_count = list.count;
    return KY_OK;
}

bool
ddl_index_uses(struct ddl *ddl, const struct cat_index *index, int16_t number)
{
    for (uint16_t i = 0; i < index->column_count; i++) {
        if (index->keys[i].column == number ||
            expression_uses(ddl, index->table, index->keys[i].expression_sql, number)) {
            return true;
        }
    }
    return expression_uses(ddl, index->table, index->predicate_sql, number);
}

static struct cat_table *
identity_sequence(struct ddl *ddl, const struct new_table *made, int16_t number)
{
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        struct cat_table *sequence = ddl->image->tables[i];
        if (sequence->kind == 'S' && sequence->owner_table == made->table.oid &&
            sequence->owner_column == number) {
            return sequence;
        }
    }
    return NULL;
}

static ky_status
drop_column(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command)
{
    struct cat_column *column;
    if (ddl_find_column(ddl, made, command->name, &column) != KY_OK) {
        if (!command->is_if_exists) {
            return KY_ERR;
        }
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "column \"%s\" of relation \"%s\" does not exist, skipping", command->name,
                       made->table.name);
        return KY_OK;
    }
    const char *what =
        ky_arena_printf(ddl->arena, "column %s of table %s", column->name,
                        ddl_shown_name(ddl, cat_get_table(ddl->image, made->table.oid)));
    struct dependent_columns generated;
    KY_TRY(ddl_drop_users(ddl, &made->table, column->number, command->behavior, what, &generated));
    for (uint16_t i = 0; i < generated.count; i++) {
        struct ast_alter_command with_it = *command;
        with_it.name = generated.names[i];
        KY_TRY(drop_column(ddl, made, &with_it));
    }
    KY_TRY(ddl_drop_references(ddl, &made->table, column->number, NULL, command->behavior, what));
    for (uint16_t i = 0; i < made->table.constraint_count; i++) {
        struct cat_constraint *constraint = made->table.constraints[i];
        bool is_used =
            constraint->kind == CONSTRAINT_CHECK &&
            expression_uses(ddl, constraint->table, constraint->check_sql, column->number);
        for (uint16_t j = 0; j < constraint->column_count; j++) {
            is_used = is_used || constraint->columns[j] == column->number;
        }
        if (is_used) {
            KY_TRY(ddl_erase(ddl, CAT_CONSTRAINT, constraint));
        }
    }
    for (uint16_t i = made->table.index_count; i-- > 0;) {
        struct cat_index *index = made->table.indexes[i];
        if (ddl_index_uses(ddl, index, column->number)) {
            KY_TRY(drop_index(ddl, made, index));
        }
    }
    struct cat_table *sequence = identity_sequence(ddl, made, column->number);
    if (sequence != NULL) {
        KY_TRY(ddl_erase(ddl, CAT_TABLE, sequence));
    }
    KY_TRY(ddl_drop_statistics(ddl, column));
    KY_TRY(ddl_drop_comments(ddl, made->table.oid, column->number));
    if (type_is_user(column->type)) {
        /* Lies alike, and is still there when the type is not. */
        column->type = type_get(column->type->storage == TYPE_WORD ? OID_INT8 : OID_BYTEA);
    }
    column->is_dropped = true;
    column->is_not_null = false;
    column->default_sql = NULL;
    column->generated = column->identity = 0;
    column->missing = datum_null();
    column->name = ky_arena_printf(ddl->arena, "........pg.dropped.%d........", column->number);
    return KY_OK;
}

/* 23502 when a row has a null there. A column whose values are being computed is looked at when
 * they are. */
static ky_status
check_no_nulls(struct ddl *ddl, const struct new_table *made, int16_t number,
               const struct cat_table *old)
{
    struct storage_scan scan;
    struct row_ref rows[256];
    const struct cat_column *column = &made->columns[number - 1];
    const bool is_new = number > old->column_count;
    bool is_null = is_new && column->missing.is_null && table_has_rows(ddl, old);
    if (made->rewrites != NULL && made->rewrites[number - 1] != NULL) {
        return KY_OK;
    }
    storage_scan_init(&scan, ddl->txn, old->rel);
    for (uint32_t count; !is_new && (count = storage_scan_next(&scan, rows, 256)) > 0;) {
        for (uint32_t i = 0; i < count && !is_null; i++) {
            is_null = row_get(&old->layout, rows[i].body, (uint16_t)(number - 1)).is_null;
        }
    }
    return is_null ? ky_error_set(ddl->err, KY_NOT_NULL_VIOLATION,
                                  "column \"%s\" of relation \"%s\" contains null values",
                                  column->name, old->name)
                   : KY_OK;
}

/* 23514 when a row violates it. */
static ky_status
check_rows(struct ddl *ddl, const struct cat_table *table, const char *name, const char *sql)
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

static ky_status
drop_constraint(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command)
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
            KY_TRY(drop_index(ddl, made, constraint->index));
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

static ky_status
add_constraint(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command,
               const struct cat_table *table)
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
            KY_TRY(check_no_nulls(ddl, made, column, table));
            made->columns[column - 1].is_not_null = true;
        }
        return KY_OK;
    }
    KY_TRY(ddl_add_constraint(ddl, made, constraint, 0));
    for (uint16_t i = 0; i < made->key_count; i++) {
        for (uint16_t j = 0; made->keys[i].is_primary && j < made->keys[i].column_count; j++) {
            KY_TRY(check_no_nulls(ddl, made, made->keys[i].columns[j], table));
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

static ky_status
validate_constraint(struct ddl *ddl, const struct new_table *made,
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
               : check_rows(ddl, constraint->table, constraint->name, constraint->check_sql));
    struct cat_constraint changed = *constraint;
    changed.is_validated = true;
    return catalog_update(ddl->txn, CAT_CONSTRAINT, &changed, ddl->err);
}

static ky_status
alter_constraint(struct ddl *ddl, const struct new_table *made,
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

/* ------------------------------------------------------------------ types, identity, owner */

static ky_status
alter_type(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command,
           const struct cat_table *table)
{
    const struct ast_column_def *definition = (const void *)command->definition;
    struct cat_column *column;
    struct ky_buffer type_text = {0};
    struct ky_buffer name = {0};
    struct expr *expr;
    oid_t type;
    int32_t typmod;
    KY_TRY(ddl_find_column(ddl, made, command->name, &column));
    const struct cat_column *old = &table->columns[column->number - 1];
    if (column->type != old->type || column->typmod != old->typmod) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "cannot alter type of column \"%s\" twice", column->name);
    }
    KY_TRY(bind_type_name(&ddl->bind, definition->type, &type, &typmod, ddl->err));
    KY_TRY(ddl_check_type_users(ddl, table, column, made));
    if (column->identity != 0) {
        struct cat_column wanted_column = {.type = type_get(type)};
        KY_TRY(ddl_check_identity(ddl, &wanted_column));
    }
    const struct type *wanted = type_get(type);
    const struct cast *cast = cast_find(column->type->oid, type);
    type_format(type, typmod, &type_text);
    ast_print_identifier(&name, column->name);
    const char *shown = ky_arena_cstr(ddl->arena, ky_buffer_slice(&type_text));
    const char *quoted = ky_arena_cstr(ddl->arena, ky_buffer_slice(&name));
    ky_buffer_deinit(&type_text);
    ky_buffer_deinit(&name);
    if (command->expression == NULL && column->type != wanted &&
        (cast == NULL || cast->context == CAST_EXPLICIT)) {
        (void)ky_error_set(ddl->err, KY_DATATYPE_MISMATCH,
                           "column \"%s\" cannot be cast automatically to type %s", column->name,
                           shown);
        return ky_error_hint(ddl->err, "You might need to specify \"USING %s::%s\".", quoted,
                             shown);
    }
    if (command->expression != NULL) {
        KY_TRY(bind_row_rule(&ddl->bind, table, BIND_USING, command->expression, &expr, ddl->err));
    }
    const char *using = command->expression == NULL ? quoted : ddl_print(ddl, command->expression);
    using = ky_arena_printf(ddl->arena, "(%s)::%s", using, ddl_type_text(ddl, type, typmod));
    KY_TRY(bind_table_expression(&ddl->bind, table, using, wanted, typmod, &expr, ddl->err));
    KY_TRY(ddl_drop_statistics(ddl, column));
    struct cat_column changed = *column;
    changed.type = wanted;
    changed.typmod = typmod;
    if (column->default_sql != NULL && column->generated == 0 &&
        bind_default_text(&ddl->bind, &changed, column->default_sql, &expr, ddl->err) != KY_OK) {
        return ky_error_set(ddl->err, KY_DATATYPE_MISMATCH,
                            "default for column \"%s\" cannot be cast automatically to type %s",
                            column->name, shown);
    }
    *column = changed;
    set_rewrite(ddl, made, column->number, using);
    return KY_OK;
}

static ky_status
change_identity(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command)
{
    struct cat_column *column;
    KY_TRY(ddl_find_column(ddl, made, command->name, &column));
    if (command->type == AST_ADD_IDENTITY) {
        KY_TRY(ddl_check_identity(ddl, column));
        if (column->identity != 0) {
            return ky_error_set(ddl->err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                                "column \"%s\" of relation \"%s\" is already an identity column",
                                column->name, made->table.name);
        }
        if (!column->is_not_null) {
            return ky_error_set(ddl->err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                                "column \"%s\" of relation \"%s\" must be declared NOT NULL before "
                                "identity can be added",
                                column->name, made->table.name);
        }
        if (column->default_sql != NULL) {
            return ky_error_set(ddl->err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                                "column \"%s\" of relation \"%s\" already has a default value",
                                column->name, made->table.name);
        }
        return ddl_add_constraint(ddl, made, (const void *)command->definition, column->number);
    }
    if (column->identity == 0) {
        if (command->type == AST_DROP_IDENTITY && command->is_if_exists) {
            session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                           "column \"%s\" of relation \"%s\" is not an identity column, skipping",
                           column->name, made->table.name);
            return KY_OK;
        }
        return ky_error_set(ddl->err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                            "column \"%s\" of relation \"%s\" is not an identity column",
                            column->name, made->table.name);
    }
    struct cat_table *sequence = identity_sequence(ddl, made, column->number);
    if (command->type == AST_DROP_IDENTITY) {
        column->identity = 0;
        column->default_sql = NULL;
        column->default_oid = OID_NONE;
        return sequence == NULL ? KY_OK : ddl_erase(ddl, CAT_TABLE, sequence);
    }
    const struct ast_option *generated = ddl_option(command->options, "generated");
    if (generated != NULL) {
        column->identity = ddl_option_int(generated, 0) != 0 ? 'a' : 'd';
    }
    return sequence == NULL ? KY_OK : ddl_change_sequence(ddl, sequence, command->options);
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
    made->table.owner = role->oid;
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        const struct cat_table *sequence = ddl->image->tables[i];
        if (sequence->kind == 'S' && sequence->owner_table == made->table.oid) {
            struct cat_table changed = *sequence;
            changed.owner = role->oid;
            KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &changed, ddl->err));
        }
    }
    return KY_OK;
}

static ky_status
drop_expression(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command)
{
    struct cat_column *column;
    KY_TRY(ddl_find_column(ddl, made, command->name, &column));
    if (column->generated == 0 && !command->is_if_exists) {
        return ky_error_set(ddl->err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                            "column \"%s\" of relation \"%s\" is not a stored generated column",
                            column->name, made->table.name);
    }
    if (column->generated != 0) {
        column->generated = 0;
        column->default_sql = NULL;
    }
    return KY_OK;
}

static ky_status
drop_not_null(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command)
{
    struct cat_column *column;
    KY_TRY(ddl_find_column(ddl, made, command->name, &column));
    if (column->identity != 0) {
        return ky_error_set(ddl->err, KY_SYNTAX_ERROR,
                            "column \"%s\" of relation \"%s\" is an identity column", column->name,
                            made->table.name);
    }
    for (uint16_t i = 0; i < made->table.index_count; i++) {
        const struct cat_index *index = made->table.indexes[i];
        for (uint16_t k = 0; index->is_primary && k < index->key_count; k++) {
            if (index->keys[k].column == column->number) {
                return ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION,
                                    "column \"%s\" is in a primary key", column->name);
            }
        }
    }
    column->is_not_null = false;
    return KY_OK;
}

static ky_status
set_default(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command)
{
    struct cat_column *column;
    KY_TRY(ddl_find_column(ddl, made, command->name, &column));
    if (column->identity != 0 || column->generated != 0) {
        (void)ky_error_set(ddl->err, KY_SYNTAX_ERROR,
                           "column \"%s\" of relation \"%s\" is %s column", column->name,
                           made->table.name, column->identity != 0 ? "an identity" : "a generated");
        return command->definition != NULL
                   ? KY_ERR
                   : ky_error_hint(ddl->err,
                                   "Use ALTER TABLE ... ALTER COLUMN ... DROP %s instead.",
                                   column->identity != 0 ? "IDENTITY" : "EXPRESSION");
    }
    return ddl_set_default(ddl, made, column, command->definition);
}

static ky_status
run_command(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command,
            const struct cat_table *table)
{
    struct cat_column *column;
    switch ((int)command->type) {
    case AST_ADD_COLUMN:
        return add_column(ddl, made, command);
    case AST_DROP_COLUMN:
        return drop_column(ddl, made, command);
    case AST_COLUMN_DEFAULT:
        return set_default(ddl, made, command);
    case AST_SET_NOT_NULL:
        KY_TRY(ddl_find_column(ddl, made, command->name, &column));
        column->is_not_null = true;
        return check_no_nulls(ddl, made, column->number, table);
    case AST_DROP_NOT_NULL:
        return drop_not_null(ddl, made, command);
    case AST_ADD_CONSTRAINT:
        return add_constraint(ddl, made, command, table);
    case AST_DROP_CONSTRAINT:
        return drop_constraint(ddl, made, command);
    case AST_COLUMN_TYPE:
        return alter_type(ddl, made, command, table);
    case AST_ADD_IDENTITY:
    case AST_SET_IDENTITY:
    case AST_DROP_IDENTITY:
        return change_identity(ddl, made, command);
    case AST_DROP_EXPRESSION:
        return drop_expression(ddl, made, command);
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
        return validate_constraint(ddl, made, command);
    case AST_ALTER_CONSTRAINT:
        return alter_constraint(ddl, made, command);
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
                KY_TRY(check_rows(ddl, table, check->name, check->check_sql));
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
        if (check.is_validated && table_has_rows(ddl, table)) {
            KY_TRY(check_rows(ddl, table, check.name, check.check_sql));
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

static ky_status
refuse_kind(struct ddl *ddl, const struct cat_table *table, const struct ast_list *commands)
{
    const char *action = action_name((const void *)ast_list_get(commands, 0));
    if (action == NULL) {
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a table", table->name);
    }
    (void)ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE,
                       "ALTER action %s cannot be performed on relation \"%s\"", action,
                       table->name);
    return ky_error_detail(ddl->err, "This operation is not supported for %ss.",
                           ddl_kind_word(table->kind));
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
    bool is_owner_only = ast_list_count(statement->commands) == 1;
    for (int32_t i = 0; i < ast_list_count(statement->commands); i++) {
        is_owner_only =
            is_owner_only &&
            ((const struct ast_alter_command *)(const void *)ast_list_get(statement->commands, i))
                    ->type == AST_CHANGE_OWNER;
    }
    if (statement->object_type == AST_OBJECT_VIEW ||
        statement->object_type == AST_OBJECT_SEQUENCE) {
        KY_TRY(ddl_check_kind(ddl, table, statement->object_type));
    }
    if (table->kind != 'r' && !is_owner_only) {
        return refuse_kind(ddl, table, statement->commands);
    }
    if (statement->object_type == AST_OBJECT_VIEW ||
        statement->object_type == AST_OBJECT_SEQUENCE) {
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
