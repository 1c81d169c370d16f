/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/after.h"
#include "server/session/ddl/ddl_private.h"
#include "server/session/rights.h"

/* FOREIGN KEY constraints: resolving one, checking the rows there are, taking one along when what
 * it refers to goes. */

/* ------------------------------------------------------------------ locks */

static ky_status
lock_parent(struct ddl *ddl, const struct ast_node *node)
{
    const struct ast_constraint *constraint = (const void *)node;
    struct cat_table *parent;
    if (node->kind != AST_CONSTRAINT || constraint->type != AST_CONSTRAINT_FOREIGN_KEY ||
        constraint->referenced == NULL) {
        return KY_OK;
    }
    KY_TRY(bind_relation(&ddl->bind, constraint->referenced, true, &parent, ddl->err));
    return parent == NULL ? KY_OK : ddl_lock(ddl, parent, LOCK_SHARE_ROW_EXCLUSIVE);
}

ky_status
ddl_lock_parents(struct ddl *ddl, const struct ast_list *elements)
{
    for (int32_t i = 0; i < ast_list_count(elements) && !ddl->is_pending; i++) {
        const struct ast_node *element = ast_list_get(elements, i);
        if (element->kind == AST_ALTER_COMMAND) {
            element = ((const struct ast_alter_command *)(const void *)element)->definition;
        }
        if (element == NULL) {
            continue;
        }
        KY_TRY(lock_parent(ddl, element));
        if (element->kind == AST_COLUMN_DEF) {
            const struct ast_column_def *column = (const void *)element;
            for (int32_t c = 0; c < ast_list_count(column->constraints) && !ddl->is_pending; c++) {
                KY_TRY(lock_parent(ddl, ast_list_get(column->constraints, c)));
            }
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ resolving */

static ky_status
named_columns(struct ddl *ddl, const struct cat_table *table, const struct ast_list *names,
              int16_t *columns, uint16_t *count_out)
{
    *count_out = 0;
    if (ast_list_count(names) > KEY_COLUMNS_MAX) {
        return ky_error_set(ddl->err, KY_TOO_MANY_COLUMNS,
                            "cannot have more than %d keys in a foreign key", KEY_COLUMNS_MAX);
    }
    for (int32_t i = 0; i < ast_list_count(names); i++) {
        const char *name = ast_list_text(names, i);
        const struct cat_column *column = cat_find_column(table, ky_slice_cstr(name));
        if (column == NULL) {
            return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN,
                                "column \"%s\" referenced in foreign key constraint does not exist",
                                name);
        }
        columns[(*count_out)++] = column->number;
    }
    return KY_OK;
}

static bool
index_covers(const struct cat_index *index, const int16_t *columns, uint16_t count)
{
    if (!index->is_unique || index->predicate_sql != NULL || index->key_count != count) {
        return false;
    }
    for (uint16_t k = 0; k < count; k++) {
        bool is_found = false;
        for (uint16_t i = 0; i < count; i++) {
            is_found = is_found || columns[i] == index->keys[k].column;
        }
        if (!is_found) {
            return false;
        }
    }
    return true;
}

/* REFERENCES on each of the columns. */
static ky_status
check_rights(const struct ddl *ddl, const struct cat_table *parent, const int16_t *columns,
             uint16_t count)
{
    const oid_t role = session_limited_role(ddl->session);
    for (uint16_t i = 0; role != OID_NONE && i < count; i++) {
        if (acl_on_column(ddl->image, role, parent, columns[i], ACL_REFERENCES) == 0) {
            return rights_denied(parent, ddl->err);
        }
    }
    return KY_OK;
}

/* The referenced columns and the unique index that says they are a key. */
static ky_status
referenced_key(struct ddl *ddl, const struct cat_table *parent, const struct ast_list *names,
               int16_t *columns, uint16_t *count_out)
{
    if (names == NULL) {
        for (uint16_t i = 0; i < parent->index_count; i++) {
            const struct cat_index *index = parent->indexes[i];
            if (!index->is_primary) {
                continue;
            }
            if (index->is_deferrable) {
                return ky_error_set(
                    ddl->err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "cannot use a deferrable primary key for referenced table \"%s\"",
                    parent->name);
            }
            for (uint16_t k = 0; k < index->key_count; k++) {
                columns[k] = index->keys[k].column;
            }
            *count_out = index->key_count;
            return KY_OK;
        }
        return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                            "there is no primary key for referenced table \"%s\"", parent->name);
    }
    KY_TRY(named_columns(ddl, parent, names, columns, count_out));
    for (uint16_t i = 0; i < *count_out; i++) {
        for (uint16_t j = 0; j < i; j++) {
            if (columns[i] == columns[j]) {
                return ky_error_set(
                    ddl->err, KY_INVALID_FOREIGN_KEY,
                    "foreign key referenced-columns list must not contain duplicates");
            }
        }
    }
    bool has_deferrable = false;
    for (uint16_t i = 0; i < parent->index_count; i++) {
        if (index_covers(parent->indexes[i], columns, *count_out)) {
            if (!parent->indexes[i]->is_deferrable) {
                return KY_OK;
            }
            has_deferrable = true;
        }
    }
    return has_deferrable
               ? ky_error_set(
                     ddl->err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     "cannot use a deferrable unique constraint for referenced table \"%s\"",
                     parent->name)
               : ky_error_set(ddl->err, KY_INVALID_FOREIGN_KEY,
                              "there is no unique constraint matching given keys for referenced "
                              "table \"%s\"",
                              parent->name);
}

static bool
has_constraint(const struct cat_table *table, const char *name)
{
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        if (strcmp(table->constraints[i]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* "t_a_b_fkey". */
static ky_status
choose_name(struct ddl *ddl, const struct cat_table *table, const struct ast_constraint *source,
            const struct cat_constraint *constraint, const char **name_out)
{
    if (source->name != NULL) {
        *name_out = ky_arena_strdup(ddl->arena, source->name);
        return !has_constraint(table, source->name)
                   ? KY_OK
                   : ky_error_set(ddl->err, KY_DUPLICATE_OBJECT,
                                  "constraint \"%s\" for relation \"%s\" already exists",
                                  source->name, table->name);
    }
    const char *columns = table->columns[constraint->columns[0] - 1].name;
    for (uint16_t i = 1; i < constraint->column_count; i++) {
        columns = ky_arena_printf(ddl->arena, "%s_%s", columns,
                                  table->columns[constraint->columns[i] - 1].name);
    }
    for (int number = 0;; number++) {
        const char *label = number == 0 ? "fkey" : ky_arena_printf(ddl->arena, "fkey%d", number);
        *name_out = ddl_relation_name(ddl, table->name, columns, label);
        if (!has_constraint(table, *name_out)) {
            return KY_OK;
        }
    }
}

static ky_status
check_types(struct ddl *ddl, const struct cat_table *parent,
            const struct cat_constraint *constraint)
{
    for (uint16_t i = 0; i < constraint->column_count; i++) {
        const struct cat_column *child = &constraint->table->columns[constraint->columns[i] - 1];
        const struct cat_column *key = &parent->columns[constraint->foreign_columns[i] - 1];
        const struct cast *cast = cast_find(child->type->oid, key->type->oid);
        if (child->type == key->type || (cast != NULL && cast->context == CAST_IMPLICIT) ||
            operator_exact(ky_slice_cstr("="), key->type->oid, child->type->oid) != NULL) {
            continue;
        }
        (void)ky_error_set(ddl->err, KY_DATATYPE_MISMATCH,
                           "foreign key constraint \"%s\" cannot be implemented", constraint->name);
        return ky_error_detail(ddl->err,
                               "Key columns \"%s\" and \"%s\" are of incompatible types: %s and "
                               "%s.",
                               child->name, key->name, child->type->sql_name, key->type->sql_name);
    }
    return KY_OK;
}

static ky_status
check_actions(struct ddl *ddl, const struct ast_constraint *source,
              const struct cat_constraint *constraint)
{
    for (uint16_t i = 0; i < constraint->column_count; i++) {
        if (constraint->table->columns[constraint->columns[i] - 1].generated == 0) {
            continue;
        }
        const char *clause = source->on_update >= AST_FK_CASCADE    ? "ON UPDATE"
                             : source->on_delete >= AST_FK_SET_NULL ? "ON DELETE"
                                                                    : NULL;
        if (clause != NULL) {
            return ky_error_set(ddl->err, KY_SYNTAX_ERROR,
                                "invalid %s action for foreign key constraint containing generated "
                                "column",
                                clause);
        }
    }
    for (uint16_t i = 0; i < constraint->delete_column_count; i++) {
        bool is_part = false;
        for (uint16_t c = 0; c < constraint->column_count; c++) {
            is_part = is_part || constraint->columns[c] == constraint->delete_columns[i];
        }
        if (!is_part) {
            return ky_error_set(
                ddl->err, KY_INVALID_COLUMN_REFERENCE,
                "column \"%s\" referenced in ON DELETE SET action must be part of foreign key",
                constraint->table->columns[constraint->delete_columns[i] - 1].name);
        }
    }
    return KY_OK;
}

static ky_status
resolve(struct ddl *ddl, struct cat_table *table, const struct new_foreign *made,
        struct cat_constraint *constraint, struct cat_table **parent_out)
{
    static const char letters[] = {[AST_FK_NO_ACTION] = 'a',
                                   [AST_FK_RESTRICT] = 'r',
                                   [AST_FK_CASCADE] = 'c',
                                   [AST_FK_SET_NULL] = 'n',
                                   [AST_FK_SET_DEFAULT] = 'd'};
    const struct ast_constraint *source = made->source;
    int16_t *columns = ky_arena_array(ddl->arena, int16_t, (size_t)KEY_COLUMNS_MAX * 3);
    int16_t *foreign = columns + KEY_COLUMNS_MAX;
    int16_t *deleted = foreign + KEY_COLUMNS_MAX;
    uint16_t count = 1;
    uint16_t foreign_count;
    struct cat_table *parent;
    if (source->match == AST_MATCH_PARTIAL) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "MATCH PARTIAL not yet implemented");
    }
    KY_TRY(bind_relation(&ddl->bind, source->referenced, false, &parent, ddl->err));
    if (parent->kind != 'r' || parent->sysview != NULL) {
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE,
                            "referenced relation \"%s\" is not a table", parent->name);
    }
    if ((parent->persistence == 't') != (table->persistence == 't')) {
        return ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION,
                            "constraints on %s tables may reference only %s tables",
                            table->persistence == 't' ? "temporary" : "permanent",
                            table->persistence == 't' ? "temporary" : "permanent");
    }
    columns[0] = made->own_column;
    if (source->columns != NULL) {
        KY_TRY(named_columns(ddl, table, source->columns, columns, &count));
    }
    *constraint = (struct cat_constraint){
        .oid = ddl_new_oid(ddl),
        .table = table,
        .kind = CONSTRAINT_FOREIGN,
        .columns = columns,
        .column_count = count,
        .foreign_table = parent->oid,
        .foreign_columns = foreign,
        .on_update = letters[source->on_update],
        .on_delete = letters[source->on_delete],
        .match = source->match == AST_MATCH_FULL ? 'f' : 's',
        .is_deferrable = source->is_deferrable || source->is_deferred,
        .is_deferred = source->is_deferred,
        .is_validated = !source->is_not_valid,
        .delete_columns = deleted,
    };
    KY_TRY(referenced_key(ddl, parent, source->referenced_columns, foreign, &foreign_count));
    if (foreign_count != count) {
        return ky_error_set(
            ddl->err, KY_INVALID_FOREIGN_KEY,
            "number of referencing and referenced columns for foreign key disagree");
    }
    KY_TRY(check_rights(ddl, parent, foreign, count));
    KY_TRY(named_columns(ddl, table, source->on_delete_columns, deleted,
                         &constraint->delete_column_count));
    KY_TRY(check_actions(ddl, source, constraint));
    KY_TRY(choose_name(ddl, table, source, constraint, &constraint->name));
    *parent_out = parent;
    return check_types(ddl, parent, constraint);
}

/* ------------------------------------------------------------------ the rows there are */

static const char *
quoted(struct ddl *ddl, const char *name)
{
    struct ky_buffer text = {0};
    ast_print_identifier(&text, name);
    const char *copy = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return copy;
}

/* One row that refers to nothing, if there is one. */
static const char *
violation_query(struct ddl *ddl, const struct cat_constraint *constraint,
                const struct cat_table *parent)
{
    struct ky_buffer text = {0};
    const struct cat_table *table = constraint->table;
    const uint16_t count = constraint->column_count;
    ky_buffer_append_cstr(&text, "SELECT ");
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_printf(&text, "%sfk.%s", i == 0 ? "" : ", ",
                         quoted(ddl, table->columns[constraint->columns[i] - 1].name));
    }
    ky_buffer_printf(&text, " FROM %s fk LEFT JOIN %s pk ON ", ddl_qualified_name(ddl, table),
                     ddl_qualified_name(ddl, parent));
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_printf(&text, "%spk.%s = fk.%s", i == 0 ? "" : " AND ",
                         quoted(ddl, parent->columns[constraint->foreign_columns[i] - 1].name),
                         quoted(ddl, table->columns[constraint->columns[i] - 1].name));
    }
    ky_buffer_printf(&text, " WHERE pk.%s IS NULL AND (",
                     quoted(ddl, parent->columns[constraint->foreign_columns[0] - 1].name));
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_printf(&text, "%sfk.%s IS NOT NULL",
                         i == 0                     ? ""
                         : constraint->match == 'f' ? " OR "
                                                    : " AND ",
                         quoted(ddl, table->columns[constraint->columns[i] - 1].name));
    }
    ky_buffer_append_cstr(&text, ") LIMIT 1");
    const char *sql = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return sql;
}

ky_status
ddl_validate_foreign(struct ddl *ddl, const struct cat_constraint *constraint)
{
    const struct cat_table *parent = cat_get_table(ddl->image, constraint->foreign_table);
    struct datum values[KEY_COLUMNS_MAX];
    bool is_found;
    if (storage_count(ddl->txn, constraint->table->rel) == 0) {
        return KY_OK;
    }
    KY_TRY(ddl_first_row(ddl, violation_query(ddl, constraint, parent), values,
                         constraint->column_count, &is_found));
    return is_found ? after_child_error(ddl->session, ddl->image, constraint, values, ddl->err)
                    : KY_OK;
}

ky_status
ddl_add_foreign_keys(struct ddl *ddl, oid_t table_oid, const struct new_table *made)
{
    for (uint16_t i = 0; i < made->foreign_count; i++) {
        struct cat_table *table = cat_get_table(ddl->image, table_oid);
        struct cat_constraint constraint;
        struct cat_table *parent;
        KY_TRY(resolve(ddl, table, &made->foreigns[i], &constraint, &parent));
        KY_TRY(catalog_insert(ddl->txn, CAT_CONSTRAINT, &constraint, ddl->err));
        KY_TRY(ddl_changed(ddl));
        KY_TRY(ddl_refresh(ddl));
        if (constraint.is_validated) {
            constraint.table = cat_get_table(ddl->image, table_oid);
            KY_TRY(ddl_validate_foreign(ddl, &constraint));
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ going along */

ky_status
ddl_drop_references(struct ddl *ddl, const struct cat_table *table, int16_t column,
                    const struct cat_index *index, enum ast_behavior behavior, const char *what)
{
    for (uint16_t i = 0; i < table->reference_count; i++) {
        struct cat_constraint *constraint = table->references[i];
        bool is_meant = column == 0 && index == NULL;
        for (uint16_t c = 0; c < constraint->column_count; c++) {
            is_meant = is_meant || constraint->foreign_columns[c] == column;
        }
        is_meant = is_meant || (index != NULL && constraint->index == index);
        if (!is_meant || (constraint->table == table && index == NULL)) {
            continue;
        }
        if (behavior != AST_CASCADE) {
            (void)ky_error_set(ddl->err, KY_DEPENDENT_OBJECTS_STILL_EXIST,
                               "cannot drop %s because other objects depend on it", what);
            (void)ky_error_detail(
                ddl->err, "constraint %s on table %s depends on %s", constraint->name,
                constraint->table->name,
                index != NULL ? ky_arena_printf(ddl->arena, "index %s", index->name) : what);
            return ky_error_hint(ddl->err,
                                 "Use DROP ... CASCADE to drop the dependent objects too.");
        }
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "drop cascades to constraint %s on table %s", constraint->name,
                       constraint->table->name);
        KY_TRY(ddl_erase(ddl, CAT_CONSTRAINT, constraint));
    }
    return KY_OK;
}

ky_status
ddl_lock_references(struct ddl *ddl, const struct cat_table *table)
{
    for (uint16_t i = 0; i < table->reference_count && !ddl->is_pending; i++) {
        KY_TRY(ddl_lock(ddl, table->references[i]->table, LOCK_ACCESS_EXCLUSIVE));
    }
    return ddl->is_pending ? KY_OK : ddl_lock_matviews(ddl, table);
}
