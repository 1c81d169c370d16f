/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/base/assert.h"
#include "server/session/ddl/ddl_private.h"
#include "server/sql/bind/walk.h"

/* CREATE TABLE, and tables that an INSERT makes. */

/* ------------------------------------------------------------------ constraints */

static ky_status
key_columns(struct ddl *ddl, struct new_table *made, const struct ast_constraint *constraint,
            int16_t own_column, struct new_key *key)
{
    if (constraint->columns == NULL) {
        key->columns[0] = own_column;
        key->column_count = 1;
        return KY_OK;
    }
    if (constraint->columns->count > 32) {
        return ky_error_set(ddl->err, KY_TOO_MANY_COLUMNS,
                            "cannot use more than 32 columns in an index");
    }
    for (int32_t i = 0; i < constraint->columns->count; i++) {
        const char *name = ast_list_text(constraint->columns, i);
        int16_t number = ddl_column_number(made, name);
        if (number == 0 && key->is_primary && cat_get_table(ddl->image, made->table.oid) != NULL) {
            return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN,
                                "column \"%s\" of relation \"%s\" does not exist", name,
                                made->table.name);
        }
        if (number == 0) {
            (void)ky_error_set(ddl->err, KY_UNDEFINED_COLUMN,
                               "column \"%s\" named in key does not exist", name);
            return ddl_error_at(ddl, constraint->node.location);
        }
        for (uint16_t k = 0; k < key->column_count; k++) {
            if (key->columns[k] == number) {
                (void)ky_error_set(ddl->err, KY_DUPLICATE_COLUMN,
                                   "column \"%s\" appears twice in %s constraint", name,
                                   key->is_primary ? "primary key" : "unique");
                return ddl_error_at(ddl, constraint->node.location);
            }
        }
        key->columns[key->column_count++] = number;
    }
    return KY_OK;
}

/* UNIQUE PRIMARY KEY is one key: it is the primary one, and takes the name that is given. */
static bool
merge_key(struct ddl *ddl, struct new_table *made, const struct new_key *key)
{
    for (struct new_key *old = made->keys; old < key; old++) {
        const bool is_equal =
            old->column_count == key->column_count &&
            memcmp(old->columns, key->columns, key->column_count * sizeof(*key->columns)) == 0 &&
            ast_list_count(old->source->include) == 0 &&
            ast_list_count(key->source->include) == 0 &&
            old->is_nulls_not_distinct == key->is_nulls_not_distinct &&
            old->is_deferrable == key->is_deferrable && old->is_deferred == key->is_deferred;
        if (!is_equal || (old->source->name != NULL && key->source->name != NULL)) {
            continue;
        }
        if (key->source->name != NULL) {
            old->source = key->source;
            old->name = ky_arena_strdup(ddl->arena, key->source->name);
        } else if (key->is_primary && old->source->name == NULL) {
            old->name = ddl_choose_name(ddl, made->table.schema, made->table.name, NULL, "pkey");
        }
        old->is_primary = old->is_primary || key->is_primary;
        return true;
    }
    return false;
}

static ky_status
add_key(struct ddl *ddl, struct new_table *made, const struct ast_constraint *constraint,
        int16_t own_column)
{
    bool is_primary = constraint->type == AST_CONSTRAINT_PRIMARY_KEY;
    if (constraint->index_name != NULL) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "cannot use an existing index in CREATE TABLE");
    }
    for (uint16_t i = 0; is_primary && i < made->key_count; i++) {
        if (made->keys[i].is_primary) {
            (void)ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION,
                               "multiple primary keys for table \"%s\" are not allowed",
                               made->table.name);
            return ddl_error_at(ddl, constraint->node.location);
        }
    }
    if (made->key_count == KY_COUNT_OF(made->keys)) {
        return ky_error_set(ddl->err, KY_PROGRAM_LIMIT_EXCEEDED, "too many keys");
    }
    struct new_key *key = &made->keys[made->key_count++];
    *key = (struct new_key){.source = constraint,
                            .is_primary = is_primary,
                            .is_nulls_not_distinct = constraint->is_nulls_not_distinct,
                            .is_deferrable = constraint->is_deferrable || constraint->is_deferred,
                            .is_deferred = constraint->is_deferred};
    KY_TRY(key_columns(ddl, made, constraint, own_column, key));
    for (uint16_t i = 0; is_primary && i < key->column_count; i++) {
        made->columns[key->columns[i] - 1].is_not_null = true;
    }
    if (merge_key(ddl, made, key)) {
        made->key_count--;
        return KY_OK;
    }
    const char *first = made->columns[key->columns[0] - 1].name;
    const char *columns = first;
    for (uint16_t i = 1; i < key->column_count; i++) {
        columns =
            ky_arena_printf(ddl->arena, "%s_%s", columns, made->columns[key->columns[i] - 1].name);
    }
    for (int32_t i = 0; i < ast_list_count(constraint->include); i++) {
        columns =
            ky_arena_printf(ddl->arena, "%s_%s", columns, ast_list_text(constraint->include, i));
    }
    key->name = constraint->name != NULL
                    ? ky_arena_strdup(ddl->arena, constraint->name)
                    : ddl_choose_name(ddl, made->table.schema, made->table.name,
                                      is_primary ? NULL : columns, is_primary ? "pkey" : "key");
    for (uint16_t i = 0; i + 1 < made->key_count; i++) {
        if (strcmp(made->keys[i].name, key->name) == 0) {
            key->name = ky_arena_printf(ddl->arena, "%s%u", key->name, i + 1U);
        }
    }
    return KY_OK;
}

struct column_names {
    uint32_t first;
    bool has_one, has_more;
};

static bool
visit_column(struct expr *expr, int level, void *self)
{
    struct column_names *names = self;
    if (expr->kind == EXPR_INPUT) {
        names->has_more = names->has_more || (names->has_one && names->first != expr->index);
        names->has_one = true;
        names->first = expr->index;
    }
    return expr_walk_children(expr, level, visit_column, self);
}

/* The one column that a check is about; NULL: none, or several. */
static const char *
only_column(struct ddl *ddl, const struct new_table *made, const char *sql)
{
    struct column_names names = {0};
    struct expr *expr;
    struct ky_error ignored;
    ky_error_init(&ignored);
    if (bind_table_expression(&ddl->bind, &made->table, sql, NULL, -1, &expr, &ignored) != KY_OK) {
        return NULL;
    }
    (void)visit_column(expr, 0, &names);
    return names.has_one && !names.has_more ? made->columns[names.first].name : NULL;
}

/* A name that is no check's of the table in the making and no constraint's of the one there is. */
static bool
is_constraint_name(const struct ddl *ddl, const struct new_table *made, const char *name)
{
    const struct cat_table *table = cat_get_table(ddl->image, made->table.oid);
    for (uint16_t i = 0; i + 1 < made->check_count; i++) {
        if (strcmp(made->checks[i].name, name) == 0) {
            return true;
        }
    }
    for (uint16_t i = 0; table != NULL && i < table->constraint_count; i++) {
        if (strcmp(table->constraints[i]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static const char *
choose_check_name(struct ddl *ddl, const struct new_table *made, const char *column)
{
    const char *name = ddl_relation_name(ddl, made->table.name, column, "check");
    for (uint32_t number = 1; is_constraint_name(ddl, made, name); number++) {
        name = ddl_relation_name(ddl, made->table.name, column,
                                 ky_arena_printf(ddl->arena, "check%u", number));
    }
    return name;
}

ky_status
ddl_add_named_check(struct ddl *ddl, struct new_table *made, const char *name, const char *sql)
{
    if (made->check_count == KY_COUNT_OF(made->checks)) {
        return ky_error_set(ddl->err, KY_PROGRAM_LIMIT_EXCEEDED, "too many check constraints");
    }
    made->checks[made->check_count++] = (struct new_check){.name = name, .sql = sql};
    if (is_constraint_name(ddl, made, name)) {
        return ky_error_set(ddl->err, KY_DUPLICATE_OBJECT, "check constraint \"%s\" already exists",
                            name);
    }
    return KY_OK;
}

static ky_status
add_check(struct ddl *ddl, struct new_table *made, const struct ast_constraint *constraint)
{
    if (made->check_count == KY_COUNT_OF(made->checks)) {
        return ky_error_set(ddl->err, KY_PROGRAM_LIMIT_EXCEEDED, "too many check constraints");
    }
    struct expr *expr;
    KY_TRY(bind_row_rule(&ddl->bind, &made->table, BIND_CHECK, constraint->expression, &expr,
                         ddl->err));
    struct new_check *check = &made->checks[made->check_count++];
    check->sql = ddl_expression_text(ddl, &made->table, constraint->expression, type_get(OID_BOOL));
    check->is_not_valid = constraint->is_not_valid;
    if (constraint->name == NULL) {
        check->name = choose_check_name(ddl, made, only_column(ddl, made, check->sql));
        return KY_OK;
    }
    check->name = ky_arena_strdup(ddl->arena, constraint->name);
    if (is_constraint_name(ddl, made, check->name)) {
        return cat_get_table(ddl->image, made->table.oid) == NULL
                   ? ky_error_set(ddl->err, KY_DUPLICATE_OBJECT,
                                  "check constraint \"%s\" already exists", check->name)
                   : ky_error_set(ddl->err, KY_DUPLICATE_OBJECT,
                                  "constraint \"%s\" for relation \"%s\" already exists",
                                  check->name, made->table.name);
    }
    return KY_OK;
}

ky_status
ddl_add_constraint(struct ddl *ddl, struct new_table *made, const struct ast_constraint *constraint,
                   int16_t own_column)
{
    struct cat_column *column = own_column == 0 ? NULL : &made->columns[own_column - 1];
    switch (constraint->type) {
    case AST_CONSTRAINT_NULL:
        return KY_OK;
    case AST_CONSTRAINT_NOT_NULL:
        column->is_not_null = true;
        return KY_OK;
    case AST_CONSTRAINT_DEFAULT:
        return ddl_set_default(ddl, made, column, constraint->expression);
    case AST_CONSTRAINT_IDENTITY:
        return ddl_add_identity(ddl, made, column, constraint);
    case AST_CONSTRAINT_GENERATED:
        return ddl_set_generated(ddl, made, column, constraint->expression);
    case AST_CONSTRAINT_CHECK:
        return add_check(ddl, made, constraint);
    case AST_CONSTRAINT_PRIMARY_KEY:
    case AST_CONSTRAINT_UNIQUE:
        return add_key(ddl, made, constraint, own_column);
    case AST_CONSTRAINT_EXCLUDE:
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "exclusion constraints are not supported");
    case AST_CONSTRAINT_FOREIGN_KEY:
        if (made->foreign_count == NEW_FOREIGN_MAX) {
            return ky_error_set(ddl->err, KY_PROGRAM_LIMIT_EXCEEDED, "too many foreign keys");
        }
        made->foreigns[made->foreign_count++] = (struct new_foreign){constraint, own_column};
        return KY_OK;
    }
    KY_UNREACHABLE();
}

/* ------------------------------------------------------------------ writing */

ky_status
ddl_add_key(struct ddl *ddl, struct cat_table *table, const struct new_key *key, bool is_filled)
{
    struct cat_index *index = ky_arena_new(ddl->arena, struct cat_index);
    struct cat_constraint *constraint = ky_arena_new(ddl->arena, struct cat_constraint);
    if (ddl_name_exists(ddl, table->schema, key->name)) {
        return ky_error_set(ddl->err, KY_DUPLICATE_TABLE, "relation \"%s\" already exists",
                            key->name);
    }
    *index = (struct cat_index){.oid = ddl_new_oid(ddl),
                                .name = key->name,
                                .table = table,
                                .method = ddl_default_method(ddl),
                                .options = ddl_default_index_options(ddl),
                                .is_unique = true,
                                .is_primary = key->is_primary,
                                .is_nulls_not_distinct = key->is_nulls_not_distinct,
                                .is_valid = true,
                                .is_deferrable = key->is_deferrable,
                                .constraint = ddl_new_oid(ddl),
                                .key_count = key->column_count};
    const struct ast_list *include = key->source == NULL ? NULL : key->source->include;
    const uint32_t included = (uint32_t)ast_list_count(include);
    if (key->column_count + included > KEY_COLUMNS_MAX) {
        return ky_error_set(ddl->err, KY_TOO_MANY_COLUMNS,
                            "cannot use more than 32 columns in an index");
    }
    index->column_count = (uint16_t)(key->column_count + included);
    index->keys = ky_arena_array(ddl->arena, struct cat_key, index->column_count);
    for (uint32_t i = 0; i < included; i++) {
        const char *name = ast_list_text(include, (int32_t)i);
        const struct cat_column *column = cat_find_column(table, ky_slice_cstr(name));
        if (column == NULL) {
            return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN,
                                "column \"%s\" named in key does not exist", name);
        }
        index->keys[key->column_count + i] =
            (struct cat_key){.column = column->number, .type = column->type, .typmod = -1};
    }
    for (uint16_t i = 0; i < key->column_count; i++) {
        const struct type *type = table->columns[key->columns[i] - 1].type;
        if (type->key == NULL) {
            (void)ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                               "data type %s has no default operator class for access method "
                               "\"btree\"",
                               type->sql_name);
            return ky_error_hint(ddl->err, "You must specify an operator class for the index or "
                                           "define a default operator class for the data type.");
        }
        index->keys[i] = (struct cat_key){.column = key->columns[i], .type = type, .typmod = -1};
    }
    *constraint =
        (struct cat_constraint){.oid = index->constraint,
                                .name = key->name,
                                .table = table,
                                .kind = key->is_primary ? CONSTRAINT_PRIMARY : CONSTRAINT_UNIQUE,
                                .columns = key->columns,
                                .column_count = key->column_count,
                                .index = index,
                                .is_deferrable = key->is_deferrable,
                                .is_deferred = key->is_deferred,
                                .is_validated = true};
    KY_TRY(catalog_insert(ddl->txn, CAT_INDEX, index, ddl->err));
    KY_TRY(catalog_insert(ddl->txn, CAT_CONSTRAINT, constraint, ddl->err));
    (void)is_filled;
    return access_index_create(ddl->session->txn, index, ddl->err);
}

ky_status
ddl_write_sequences(struct ddl *ddl, const struct new_table *made)
{
    for (uint16_t i = 0; i < made->sequence_count; i++) {
        const struct new_sequence *sequence = &made->sequences[i];
        struct cat_table table = {.oid = sequence->oid,
                                  .name = sequence->name,
                                  .schema = made->table.schema,
                                  .kind = 'S',
                                  .persistence = made->table.persistence,
                                  .rel = sequence->oid,
                                  .owner = made->table.owner,
                                  .sequence_type = sequence->type,
                                  .owner_table = made->table.oid,
                                  .owner_column = sequence->column};
        KY_TRY(ddl_sequence_options(ddl, sequence->options, sequence->type, NULL, table.sequence));
        KY_TRY(catalog_insert(ddl->txn, CAT_TABLE, &table, ddl->err));
        KY_TRY(ddl_apply_default_acl(ddl, &table));
    }
    return KY_OK;
}

/* Defaults, checks and generated columns must bind against the finished table. */
static ky_status
check_expressions(struct ddl *ddl, struct cat_table *table)
{
    struct expr *expr;
    for (uint16_t i = 0; i < table->column_count; i++) {
        struct cat_column *column = &table->columns[i];
        if (column->default_sql == NULL) {
            continue;
        }
        if (column->generated != 0) {
            KY_TRY(bind_table_expression(&ddl->bind, table, column->default_sql, column->type,
                                         column->typmod, &expr, ddl->err));
        } else {
            KY_TRY(bind_default_text(&ddl->bind, column, column->default_sql, &expr, ddl->err));
        }
    }
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        if (table->constraints[i]->kind == CONSTRAINT_CHECK) {
            KY_TRY(bind_table_expression(&ddl->bind, table, table->constraints[i]->check_sql,
                                         type_get(OID_BOOL), -1, &expr, ddl->err));
        }
    }
    return KY_OK;
}

ky_status
ddl_write_table(struct ddl *ddl, struct new_table *made)
{
    struct cat_table *table = &made->table;
    KY_TRY(ddl_hold_column_types(ddl, table));
    KY_TRY(catalog_insert(ddl->txn, CAT_TABLE, table, ddl->err));
    KY_TRY(ddl_apply_default_acl(ddl, table));
    KY_TRY(ddl_write_sequences(ddl, made));
    for (uint16_t i = 0; i < made->check_count; i++) {
        struct cat_constraint check = {.oid = ddl_new_oid(ddl),
                                       .name = made->checks[i].name,
                                       .table = table,
                                       .kind = CONSTRAINT_CHECK,
                                       .check_sql = made->checks[i].sql,
                                       .is_validated = true};
        KY_TRY(ddl_check_columns(ddl, table, &check));
        KY_TRY(catalog_insert(ddl->txn, CAT_CONSTRAINT, &check, ddl->err));
    }
    for (uint16_t i = 0; i < made->key_count; i++) {
        KY_TRY(ddl_add_key(ddl, table, &made->keys[i], false));
    }
    KY_TRY(ddl_changed(ddl));
    KY_TRY(ddl_refresh(ddl));
    struct cat_table *written = cat_get_table(ddl->image, table->oid);
    KY_ASSERT(written != NULL);
    KY_TRY(check_expressions(ddl, written));
    return ddl_add_foreign_keys(ddl, table->oid, made);
}

ky_status
ddl_begin_table(struct ddl *ddl, const struct ast_range_var *name, enum ast_persistence persistence,
                bool is_if_not_exists, struct new_table *made, bool *is_done_out)
{
    oid_t schema;
    bool is_temp_name = name->schema != NULL && strcmp(name->schema, "pg_temp") == 0;
    bool is_temp = persistence == AST_TEMPORARY || is_temp_name;
    *is_done_out = false;
    if (is_temp && name->schema != NULL && !is_temp_name) {
        return ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION,
                            "cannot create temporary relation in non-temporary schema");
    }
    KY_TRY(is_temp ? ddl_temp_schema(ddl, &schema) : ddl_schema_of(ddl, name, &schema));
    KY_TRY(ddl_lock_name(ddl, schema, name->name));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    if (ddl_name_exists(ddl, schema, name->name)) {
        if (!is_if_not_exists) {
            return ky_error_set(ddl->err, KY_DUPLICATE_TABLE, "relation \"%s\" already exists",
                                name->name);
        }
        session_notice(ddl->session, "NOTICE", KY_DUPLICATE_TABLE,
                       "relation \"%s\" already exists, skipping", name->name);
        *is_done_out = true;
        return KY_OK;
    }
    KY_TRY(ddl_check_type_name(ddl, schema, name->name));
    oid_t oid = ddl_new_oid(ddl);
    made->table = (struct cat_table){.oid = oid,
                                     .name = ky_arena_strdup(ddl->arena, name->name),
                                     .schema = schema,
                                     .kind = 'r',
                                     .persistence = is_temp ? 't' : 'p',
                                     .rel = oid,
                                     .owner = ddl->session->role,
                                     .row_type = ddl_new_oid(ddl)};
    return KY_OK;
}

static ky_status
refuse_table_forms(struct ddl *ddl, const struct ast_create_table *statement)
{
    const char *what = ast_list_count(statement->inherits) > 0 ? "table inheritance"
                       : statement->partition_by != NULL || statement->partition_of != NULL
                           ? "partitioned tables"
                           : NULL;
    return what == NULL
               ? KY_OK
               : ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED, "%s are not supported yet", what);
}

static ky_status
add_element(struct ddl *ddl, struct new_table *made, const struct ast_node *element,
            bool wants_columns)
{
    if (element->kind == AST_TABLE_LIKE) {
        return wants_columns ? ddl_like_columns(ddl, made, (const void *)element)
                             : ddl_like_constraints(ddl, made, (const void *)element);
    }
    if (element->kind == AST_COLUMN_DEF) {
        return wants_columns ? ddl_add_column(ddl, made, (const void *)element)
                             : ddl_add_column_rules(ddl, made, (const void *)element);
    }
    if (wants_columns) {
        return KY_OK;
    }
    return ddl_add_constraint(ddl, made, (const void *)element, 0);
}

ky_status
ddl_create_table(struct ddl *ddl, const struct ast_create_table *statement)
{
    struct new_table *made = ky_arena_new(ddl->arena, struct new_table);
    bool is_done;
    strcpy(ddl->session->tag, "CREATE TABLE");
    KY_TRY(refuse_table_forms(ddl, statement));
    KY_TRY(ddl_begin_table(ddl, statement->relation, statement->persistence,
                           statement->is_if_not_exists, made, &is_done));
    if (ddl->is_pending || is_done) {
        return KY_OK;
    }
    if (statement->on_commit != AST_ON_COMMIT_NONE && made->table.persistence != 't') {
        return ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION,
                            "ON COMMIT can only be used on temporary tables");
    }
    if (statement->on_commit == AST_ON_COMMIT_DROP ||
        statement->on_commit == AST_ON_COMMIT_DELETE) {
        ddl_temp_on_commit(ddl->session, made->table.oid,
                           statement->on_commit == AST_ON_COMMIT_DROP ? 'd' : 'r');
    }
    KY_TRY(ddl_lock_parents(ddl, statement->elements));
    if (!ddl->is_pending) {
        KY_TRY(ddl_like_lock(ddl, statement->elements));
    }
    if (ddl->is_pending) {
        return KY_OK;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < ast_list_count(statement->elements); i++) {
            KY_TRY(add_element(ddl, made, ast_list_get(statement->elements, i), pass == 0));
        }
    }
    KY_TRY(ddl_write_table(ddl, made));
    for (int32_t i = 0; i < ast_list_count(statement->elements); i++) {
        const struct ast_node *element = ast_list_get(statement->elements, i);
        if (element->kind == AST_TABLE_LIKE) {
            KY_TRY(ddl_like_indexes(ddl, made->table.oid, (const void *)element));
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ implicit tables */

enum value_kind { VALUE_OTHER, VALUE_INTEGER, VALUE_TEXT, VALUE_VECTOR };

static enum value_kind
kind_of(const struct ast_node *value, int32_t *dimension_out)
{
    const struct ast_const *constant = (const void *)value;
    if (value->kind == AST_VECTOR) {
        *dimension_out = ((const struct ast_vector *)(const void *)value)->count;
        return VALUE_VECTOR;
    }
    if (value->kind != AST_CONST) {
        return VALUE_OTHER;
    }
    return constant->type == AST_CONST_INTEGER  ? VALUE_INTEGER
           : constant->type == AST_CONST_STRING ? VALUE_TEXT
                                                : VALUE_OTHER;
}

/* The two values of a plain INSERT ... VALUES (k, v); false for any other form. */
static bool
two_values(const struct ast_insert *insert, const struct ast_node **key_out,
           const struct ast_node **value_out)
{
    if (insert->query == NULL || insert->columns != NULL ||
        ast_list_count(insert->query->values) == 0) {
        return false;
    }
    const struct ast_row *row = (const void *)ast_list_get(insert->query->values, 0);
    if (row->node.kind != AST_ROW || ast_list_count(row->elements) != 2) {
        return false;
    }
    *key_out = ast_list_get(row->elements, 0);
    *value_out = ast_list_get(row->elements, 1);
    return true;
}

static ky_status
make_implicit(struct ddl *ddl, const struct ast_insert *insert, enum value_kind kind,
              int32_t dimension)
{
    if (kind == VALUE_VECTOR) {
        const struct ast_create_vectors create = {.node = {.kind = AST_CREATE_VECTORS},
                                                  .relation = insert->relation,
                                                  .is_if_not_exists = true,
                                                  .dimension = dimension};
        return ddl_create_vectors(ddl, &create);
    }
    struct ast_list parsed = {0};
    KY_TRY(parse_sql(ddl->arena,
                     ky_slice_cstr("CREATE TABLE IF NOT EXISTS t (key bigint PRIMARY KEY, "
                                   "value text)"),
                     &parsed, ddl->err));
    const struct ast_statement *statement = (const void *)ast_list_get(&parsed, 0);
    struct ast_create_table create =
        *(const struct ast_create_table *)(const void *)statement->statement;
    create.relation = insert->relation;
    return ddl_create_table(ddl, &create);
}

ky_status
ddl_implicit_table(struct session *session, const struct ast_insert *insert, bool *was_made_out,
                   bool *is_pending_out, struct ky_error *err)
{
    const struct ast_node *key;
    const struct ast_node *value;
    int32_t dimension = 0;
    *was_made_out = *is_pending_out = false;
    if (!two_values(insert, &key, &value)) {
        return KY_OK;
    }
    enum value_kind kind = kind_of(value, &dimension);
    if (kind_of(key, &dimension) != VALUE_INTEGER || (kind != VALUE_TEXT && kind != VALUE_VECTOR)) {
        return KY_OK;
    }
    struct ddl ddl = {.session = session,
                      .arena = &session->arena,
                      .catalog = server_catalog(session->server),
                      .txn = access_storage_txn(session->txn),
                      .err = err};
    struct cat_table *table = NULL;
    KY_TRY(ddl_refresh(&ddl));
    ky_status status = bind_relation(&ddl.bind, insert->relation, true, &table, err);
    if (status == KY_OK && table == NULL) {
        txn_statement_begin(ddl.txn);
        status = make_implicit(&ddl, insert, kind, dimension);
        txn_statement_end(ddl.txn);
        *is_pending_out = ddl.is_pending;
        *was_made_out = status == KY_OK && !ddl.is_pending;
    } else if (status == KY_OK && table->is_vectors && table->columns[1].typmod == -1 &&
               kind == VALUE_VECTOR) {
        status = ddl_vectors_dimension(session, table, (uint32_t)dimension, is_pending_out, err);
        *was_made_out = status == KY_OK && !*is_pending_out;
    }
    ddl_deinit(&ddl);
    return status;
}
