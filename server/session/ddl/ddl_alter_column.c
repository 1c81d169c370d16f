/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_alter.h"
#include "server/sql/bind/walk.h"

/* ALTER TABLE: columns that come, go, or become something else. */

/* Existing rows read the new column as its default, evaluated now. */
static ky_status
set_missing(struct ddl *ddl, struct cat_column *column, bool has_rows, bool *is_volatile_out)
{
    const struct cat_domain *domain = cat_get_domain(ddl->image, column->domain);
    const char *sql = column->default_sql;
    struct expr *expr;
    struct exec_context context = {0};
    struct ky_budget budget;
    if (sql == NULL && domain != NULL) {
        sql = domain->default_sql;
    }
    if (domain != NULL && has_rows) { /* their value has to be the domain's, null or not */
        sql = ky_arena_printf(ddl->arena, "(%s)::%s", sql == NULL ? "NULL" : sql,
                              ddl_type_text(ddl, column->domain, -1));
    }
    if (sql == NULL || column->generated != 0) {
        return KY_OK;
    }
    KY_TRY(bind_default_text(&ddl->bind, column, sql, &expr, ddl->err));
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

ky_status
ddl_alter_add_column(struct ddl *ddl, struct new_table *made,
                     const struct ast_alter_command *command)
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
    const bool has_rows = ddl_alter_has_rows(ddl, &made->table);
    if (column->generated == 0 && made->sequence_count == sequence_count) {
        KY_TRY(set_missing(ddl, column, has_rows, &is_volatile));
    }
    bool is_computed = column->generated != 0 || made->sequence_count > sequence_count;
    if (has_rows && (is_computed || is_volatile)) {
        set_rewrite(ddl, made, column->number,
                    ky_arena_printf(
                        ddl->arena, "(%s)::%s", column->default_sql,
                        ddl_type_text(ddl, cat_column_type(column), cat_column_typmod(column))));
        return KY_OK;
    }
    if (has_rows && column->is_not_null && column->missing.is_null) {
        return ky_error_set(ddl->err, KY_NOT_NULL_VIOLATION,
                            "column \"%s\" of relation \"%s\" contains null values", column->name,
                            made->table.name);
    }
    return KY_OK;
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

ky_status
ddl_alter_drop_column(struct ddl *ddl, struct new_table *made,
                      const struct ast_alter_command *command)
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
    KY_TRY(ddl_drop_column_users(ddl, &made->table, column->number, command->behavior, what,
                                 &generated));
    for (uint16_t i = 0; i < generated.count; i++) {
        struct ast_alter_command with_it = *command;
        with_it.name = generated.names[i];
        KY_TRY(ddl_alter_drop_column(ddl, made, &with_it));
    }
    KY_TRY(ddl_drop_references(ddl, &made->table, column->number, NULL, command->behavior, what));
    for (uint16_t i = 0; i < made->table.constraint_count; i++) {
        struct cat_constraint *constraint = made->table.constraints[i];
        bool is_used =
            constraint->kind == CONSTRAINT_CHECK &&
            ddl_expression_uses(ddl, constraint->table, constraint->check_sql, column->number);
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
            KY_TRY(ddl_alter_drop_index(ddl, made, index));
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
    column->domain = OID_NONE;
    column->is_not_null = false;
    column->default_sql = NULL;
    column->generated = column->identity = 0;
    column->missing = datum_null();
    column->name = ky_arena_printf(ddl->arena, "........pg.dropped.%d........", column->number);
    return KY_OK;
}

ky_status
ddl_alter_check_nulls(struct ddl *ddl, const struct new_table *made, int16_t number,
                      const struct cat_table *old)
{
    struct storage_scan scan;
    struct row_ref rows[256];
    const struct cat_column *column = &made->columns[number - 1];
    const bool is_new = number > old->column_count;
    bool is_null = is_new && column->missing.is_null && ddl_alter_has_rows(ddl, old);
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

ky_status
ddl_alter_column_type(struct ddl *ddl, struct new_table *made,
                      const struct ast_alter_command *command, const struct cat_table *table)
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
    const struct cat_type *domain = ddl->bind.found_domain;
    const oid_t named = type;
    type = domain == NULL ? type : domain->domain->base_oid;
    KY_TRY(ddl_check_type_users(ddl, table, column, made));
    if (column->identity != 0) {
        struct cat_column wanted_column = {.type = type_get(type)};
        KY_TRY(ddl_check_identity(ddl, &wanted_column));
    }
    const struct type *wanted = type_get(type);
    const struct cast *cast = cast_find(column->type->oid, type);
    type_format(named, domain == NULL ? typmod : -1, &type_text);
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
    using = ky_arena_printf(ddl->arena, "(%s)::%s", using,
                            ddl_type_text(ddl, named, domain == NULL ? typmod : -1));
    KY_TRY(bind_table_expression(&ddl->bind, table, using, wanted, typmod, &expr, ddl->err));
    KY_TRY(ddl_drop_statistics(ddl, column));
    struct cat_column changed = *column;
    changed.type = wanted;
    changed.typmod = typmod;
    changed.domain = domain == NULL ? OID_NONE : domain->oid;
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

ky_status
ddl_alter_identity(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command)
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

ky_status
ddl_alter_drop_expression(struct ddl *ddl, struct new_table *made,
                          const struct ast_alter_command *command)
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

ky_status
ddl_alter_drop_not_null(struct ddl *ddl, struct new_table *made,
                        const struct ast_alter_command *command)
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

ky_status
ddl_alter_default(struct ddl *ddl, struct new_table *made, const struct ast_alter_command *command)
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
