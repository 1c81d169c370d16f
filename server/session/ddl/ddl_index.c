/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/catalog/opclass.h"
#include "server/session/cursor.h"
#include "server/session/ddl/ddl_private.h"
#include "server/sql/bind/walk.h"

/* CREATE INDEX, REINDEX. */

static ky_status
index_method(struct ddl *ddl, const char *name, enum index_method *method_out)
{
    static const struct {
        const char *name;
        enum index_method method;
    } methods[] = {{"btree", INDEX_BTREE}, {"hash", INDEX_HASH},       {"gin", INDEX_GIN},
                   {"hnsw", INDEX_HNSW},   {"ivfflat", INDEX_IVFFLAT}, {"rmi", INDEX_RMI}};
    *method_out = ddl_default_method(ddl);
    for (size_t i = 0; name != NULL && i < KY_COUNT_OF(methods); i++) {
        if (strcmp(methods[i].name, name) == 0) {
            *method_out = methods[i].method;
            name = NULL;
        }
    }
    if (name != NULL) {
        return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT, "access method \"%s\" does not exist",
                            name);
    }
    return KY_OK;
}

enum index_method
ddl_default_method(struct ddl *ddl)
{
    const char *kind = settings_text(&ddl->session->settings, SETTING_DEFAULT_INDEX);
    return strcmp(kind, "btree") == 0 ? INDEX_BTREE : INDEX_RMI;
}

const char *const *
ddl_default_index_options(struct ddl *ddl)
{
    static const char *const automatic[] = {"auto=true", NULL};
    const char *kind = settings_text(&ddl->session->settings, SETTING_DEFAULT_INDEX);
    return strcmp(kind, "auto") == 0 ? automatic : NULL;
}

static ky_status
has_no_class(struct ddl *ddl, enum index_method method, const struct type *type)
{
    (void)ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                       "data type %s has no default operator class for access method \"%s\"",
                       type->sql_name, cat_method_name(method));
    return ky_error_hint(ddl->err, "You must specify an operator class for the index or define a "
                                   "default operator class for the data type.");
}

ky_status
ddl_check_class(struct ddl *ddl, enum index_method method, const struct cat_key *key)
{
    const char *name = cat_method_name(method);
    if (cat_opclass_find(method, key->type->oid, key->opclass) != NULL) {
        return KY_OK;
    }
    if (key->opclass == NULL) {
        return has_no_class(ddl, method, key->type);
    }
    if (key->type->oid == OID_VARBIT && cat_opclass_find(method, OID_BIT, key->opclass)) {
        /* A class for bit takes it by PostgreSQL's rules; the method does not. */
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED, "type not supported for %s index",
                            name);
    }
    if (cat_opclass_exists(method, key->opclass)) {
        return ky_error_set(ddl->err, KY_DATATYPE_MISMATCH,
                            "operator class \"%s\" does not accept data type %s", key->opclass,
                            key->type->sql_name);
    }
    return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                        "operator class \"%s\" does not exist for access method \"%s\"",
                        key->opclass, name);
}

static ky_status
check_type(struct ddl *ddl, const struct cat_index *index, const struct cat_key *key)
{
    if (index->method == INDEX_GIN) {
        return ddl_check_class(ddl, index->method, key);
    }
    return cat_is_vector_method(index->method) || key->type->key != NULL
               ? KY_OK
               : has_no_class(ddl, INDEX_BTREE, key->type);
}

static ky_status
read_key(struct ddl *ddl, struct cat_index *index, const struct ast_index_element *element,
         struct cat_key *key)
{
    bool is_descending = element->direction == AST_SORT_DESC;
    *key = (struct cat_key){
        .typmod = -1,
        .is_descending = is_descending,
        .is_nulls_first =
            element->nulls == AST_NULLS_DEFAULT ? is_descending : element->nulls == AST_NULLS_FIRST,
        .opclass = element->opclass == NULL
                       ? NULL
                       : ky_arena_strdup(ddl->arena, ast_name_last(element->opclass)),
    };
    if (element->name != NULL) {
        const struct cat_column *column =
            cat_find_column(index->table, ky_slice_cstr(element->name));
        if (column == NULL) {
            return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN, "column \"%s\" does not exist",
                                element->name);
        }
        key->column = column->number;
        key->type = column->type;
    } else {
        struct expr *expr;
        KY_TRY(bind_row_rule(&ddl->bind, index->table, BIND_INDEX_EXPRESSION, element->expression,
                             &expr, ddl->err));
        key->expression_sql = ddl_expression_text(ddl, index->table, element->expression, NULL);
        key->type = expr->type->oid == OID_UNKNOWN ? type_get(OID_TEXT) : expr->type;
        key->typmod = expr->typmod;
    }
    return check_type(ddl, index, key);
}

static ky_status
hold_key_types(struct ddl *ddl, const struct cat_index *index)
{
    const struct type *types[KEY_COLUMNS_MAX];
    for (uint16_t i = 0; i < index->key_count; i++) {
        types[i] = index->keys[i].type;
    }
    return ddl_hold_types(ddl, types, index->key_count);
}

static ky_status
read_keys(struct ddl *ddl, struct cat_index *index, const struct ast_list *elements,
          const struct ast_list *include)
{
    const uint32_t key_count = (uint32_t)ast_list_count(elements);
    const uint32_t column_count = key_count + (uint32_t)ast_list_count(include);
    if (column_count > KEY_COLUMNS_MAX) {
        return ky_error_set(ddl->err, KY_TOO_MANY_COLUMNS,
                            "cannot use more than 32 columns in an index");
    }
    if (column_count > key_count && index->method != INDEX_BTREE) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "access method \"%s\" does not support included columns",
                            cat_method_name(index->method));
    }
    index->key_count = (uint16_t)key_count;
    index->column_count = (uint16_t)column_count;
    index->keys = ky_arena_array(ddl->arena, struct cat_key, column_count + 1);
    for (uint32_t i = 0; i < key_count; i++) {
        KY_TRY(read_key(ddl, index, (const void *)ast_list_get(elements, (int32_t)i),
                        &index->keys[i]));
    }
    for (uint32_t i = key_count; i < column_count; i++) {
        const struct ast_index_element *element =
            (const void *)ast_list_get(include, (int32_t)(i - key_count));
        if (element->name == NULL) {
            return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                                "expressions are not supported in included columns");
        }
        const struct cat_column *column =
            cat_find_column(index->table, ky_slice_cstr(element->name));
        if (column == NULL) {
            return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN, "column \"%s\" does not exist",
                                element->name);
        }
        index->keys[i] =
            (struct cat_key){.column = column->number, .type = column->type, .typmod = -1};
    }
    return KY_OK;
}

static ky_status
read_predicate(struct ddl *ddl, struct cat_index *index, const struct ast_node *where)
{
    struct expr *expr;
    if (where == NULL) {
        return KY_OK;
    }
    KY_TRY(bind_row_rule(&ddl->bind, index->table, BIND_INDEX_PREDICATE, where, &expr, ddl->err));
    index->predicate_sql = ddl_expression_text(ddl, index->table, where, type_get(OID_BOOL));
    return KY_OK;
}

/* "m=16": what pg_class.reloptions shows. */
static const char *const *
option_texts(struct ddl *ddl, const struct ast_list *options)
{
    int32_t count = ast_list_count(options);
    if (count == 0) {
        return NULL;
    }
    const char **texts = ky_arena_array(ddl->arena, const char *, (size_t)count + 1);
    for (int32_t i = 0; i < count; i++) {
        const struct ast_option *option = (const void *)ast_list_get(options, i);
        const char *text = ddl_option_text(ddl, option);
        texts[i] =
            ky_arena_printf(ddl->arena, "%s=%s", option->name, *text == '\0' ? "true" : text);
    }
    return texts;
}

/* How a key without a name is called: by its function, or "expr". */
static const char *
key_name(struct ddl *ddl, const struct cat_index *index, const struct ast_list *elements,
         uint16_t key)
{
    const struct ast_index_element *element = (const void *)ast_list_get(elements, key);
    if (index->keys[key].column != 0) {
        return index->table->columns[index->keys[key].column - 1].name;
    }
    if (element->expression->kind == AST_FUNCTION_CALL) {
        const struct ast_function_call *call = (const void *)element->expression;
        return ky_arena_strdup(ddl->arena, ast_name_last(call->names));
    }
    return "expr";
}

static bool
is_one_of(const char *const *names, uint16_t count, const char *name)
{
    for (uint16_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The columns' names joined, a repeated one with a number. */
static const char *
default_name(struct ddl *ddl, const struct cat_table *table, const struct cat_index *index,
             const struct ast_list *elements)
{
    const char **names = ky_arena_array(ddl->arena, const char *, index->column_count);
    const char *columns = NULL;
    for (uint16_t i = 0; i < index->column_count; i++) {
        const char *base = i < index->key_count ? key_name(ddl, index, elements, i)
                                                : table->columns[index->keys[i].column - 1].name;
        names[i] = base;
        for (uint16_t number = 1; is_one_of(names, i, names[i]); number++) {
            names[i] = ky_arena_printf(ddl->arena, "%s%u", base, number);
        }
        columns = i == 0 ? names[i] : ky_arena_printf(ddl->arena, "%s_%s", columns, names[i]);
    }
    return ddl_choose_name(ddl, table->schema, table->name, columns, "idx");
}

ky_status
ddl_create_index(struct ddl *ddl, const struct ast_create_index *statement)
{
    struct cat_table *table;
    struct cat_index *index = ky_arena_new(ddl->arena, struct cat_index);
    strcpy(ddl->session->tag, "CREATE INDEX");
    if (ddl_build_is_under_way(ddl)) {
        return ddl_build_finish(ddl);
    }
    if (statement->is_concurrent && (ddl->session->is_block || ddl->session->program_depth > 0)) {
        return ky_error_set(ddl->err, KY_ACTIVE_SQL_TRANSACTION,
                            "CREATE INDEX CONCURRENTLY cannot %s",
                            ddl->session->is_block ? "run inside a transaction block"
                                                   : "be executed from a function");
    }
    KY_TRY(ddl_find(ddl, statement->relation, false, &table));
    if (!cat_keeps_rows(table)) {
        (void)ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "cannot create index on relation \"%s\"",
                           table->name);
        return ky_error_detail(ddl->err, "This operation is not supported for %ss.",
                               ddl_kind_word(table->kind));
    }
    KY_TRY(ddl_check_owner(ddl, table));
    KY_TRY(ddl_lock(ddl, table, LOCK_SHARE));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(cursor_check_table(ddl->session, table, "CREATE INDEX", ddl->err));
    /* Rows committed while we waited belong to the index. */
    txn_statement_begin(ddl->txn);
    ky_status status = ddl_refresh(ddl);
    table = status == KY_OK ? cat_get_table(ddl->image, table->oid) : NULL;
    if (status == KY_OK && table == NULL) {
        status = ky_error_set(ddl->err, KY_UNDEFINED_TABLE, "relation \"%s\" does not exist",
                              statement->relation->name);
    }
    if (status == KY_OK) {
        *index = (struct cat_index){.oid = ddl_new_oid(ddl),
                                    .table = table,
                                    .is_unique = statement->is_unique,
                                    .is_valid = true,
                                    .is_nulls_not_distinct = statement->is_nulls_not_distinct,
                                    .options = option_texts(ddl, statement->options)};
        status = index_method(ddl, statement->access_method, &index->method);
    }
    if (status == KY_OK && statement->access_method == NULL && index->options == NULL) {
        index->options = ddl_default_index_options(ddl);
    }
    if (status == KY_OK && index->is_unique &&
        (index->method == INDEX_HASH || index->method == INDEX_GIN)) {
        status = ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                              "access method \"%s\" does not support unique indexes",
                              cat_method_name(index->method));
    }
    if (status == KY_OK) {
        status = read_predicate(ddl, index, statement->where);
    }
    if (status == KY_OK) {
        status = read_keys(ddl, index, statement->elements, statement->include);
    }
    if (status == KY_OK && cat_is_vector_method(index->method)) {
        status = ddl_check_vector_index(ddl, index, statement->elements, statement->options);
    }
    if (status == KY_OK && index->method == INDEX_GIN) {
        status = ddl_check_gin_index(ddl, index, statement->elements, statement->options);
    }
    if (status == KY_OK) {
        index->name = statement->name != NULL
                          ? ky_arena_strdup(ddl->arena, statement->name)
                          : default_name(ddl, table, index, statement->elements);
        if (ddl_name_exists(ddl, table->schema, index->name)) {
            txn_statement_end(ddl->txn);
            if (!statement->is_if_not_exists) {
                return ky_error_set(ddl->err, KY_DUPLICATE_TABLE, "relation \"%s\" already exists",
                                    index->name);
            }
            session_notice(ddl->session, "NOTICE", KY_DUPLICATE_TABLE,
                           "relation \"%s\" already exists, skipping", index->name);
            return KY_OK;
        }
        status = hold_key_types(ddl, index);
    }
    if (status == KY_OK) {
        status = catalog_insert(ddl->txn, CAT_INDEX, index, ddl->err);
    }
    if (status == KY_OK) {
        ddl_progress_begin(ddl, table, index->oid, false);
        status = access_index_create(ddl->session->txn, index, ddl->err);
    }
    txn_statement_end(ddl->txn);
    KY_TRY(status);
    ddl_build_add(ddl, index);
    ddl_build_start(ddl);
    return ddl_changed(ddl);
}

/* A fresh index under a new OID takes the place of the old one. */
ky_status
ddl_rebuild_index(struct ddl *ddl, struct cat_index *old, struct cat_table *table)
{
    struct cat_index *index = ky_arena_new(ddl->arena, struct cat_index);
    memcpy(index, old, sizeof(*index));
    index->oid = ddl_new_oid(ddl);
    index->table = table;
    index->keys = ky_arena_array(ddl->arena, struct cat_key, old->column_count + 1U);
    memcpy(index->keys, old->keys, old->column_count * sizeof(*index->keys));
    for (uint16_t i = 0; i < old->column_count; i++) {
        if (index->keys[i].column != 0) {
            index->keys[i].type = table->columns[index->keys[i].column - 1].type;
        }
        if (i < old->key_count) {
            KY_TRY(check_type(ddl, index, &index->keys[i]));
        }
    }
    atomic_store_explicit(&index->runtime, NULL, memory_order_relaxed);
    for (uint16_t i = 0; i < old->table->constraint_count; i++) {
        struct cat_constraint *constraint = old->table->constraints[i];
        if (constraint->index == old && constraint->kind != CONSTRAINT_FOREIGN) {
            struct cat_constraint changed = *constraint;
            changed.index = index;
            KY_TRY(catalog_update(ddl->txn, CAT_CONSTRAINT, &changed, ddl->err));
        }
    }
    KY_TRY(catalog_update(ddl->txn, CAT_INDEX, index, ddl->err));
    ddl_progress_begin(ddl, table, index->oid, true);
    KY_TRY(access_index_create(ddl->session->txn, index, ddl->err));
    ddl_build_add(ddl, index);
    access_index_drop(ddl->session->txn, old->oid);
    return KY_OK;
}

ky_status
ddl_reindex(struct ddl *ddl, const struct ast_reindex *statement)
{
    struct cat_table *table = NULL;
    struct cat_index *only = NULL;
    strcpy(ddl->session->tag, "REINDEX");
    if (ddl_build_is_under_way(ddl)) {
        return ddl_build_finish(ddl);
    }
    if (statement->relation == NULL) {
        return KY_OK; /* of everything: indexes cannot be bloated or stale */
    }
    if (strcmp(statement->target, "index") == 0) {
        only = ddl_find_index(ddl, statement->relation);
        if (only == NULL) {
            KY_TRY(ddl_find(ddl, statement->relation, false, &table)); /* says that there is none */
            return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not an index",
                                table->name);
        }
        table = only->table;
        KY_TRY(ddl_check_index_owner(ddl, only));
    } else if (ddl_find_index(ddl, statement->relation) != NULL) {
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE,
                            "\"%s\" is not a table or materialized view",
                            statement->relation->name);
    } else {
        KY_TRY(ddl_find(ddl, statement->relation, false, &table));
        KY_TRY(ddl_check_owner(ddl, table));
    }
    KY_TRY(ddl_lock(ddl, table, LOCK_ACCESS_EXCLUSIVE));
    if (ddl->is_pending) {
        return KY_OK;
    }
    txn_statement_begin(ddl->txn);
    ky_status status = KY_OK;
    for (uint16_t i = 0; i < table->index_count && status == KY_OK; i++) {
        if (only == NULL || table->indexes[i] == only) {
            status = ddl_rebuild_index(ddl, table->indexes[i], table);
        }
    }
    txn_statement_end(ddl->txn);
    KY_TRY(status);
    ddl_build_start(ddl);
    return ddl_changed(ddl);
}
