/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/ddl/ddl_private.h"

/* CREATE INDEX, REINDEX. */

static ky_status
index_method(struct ddl *ddl, const char *name, enum index_method *method_out)
{
    static const struct {
        const char *name;
        enum index_method method;
    } methods[] = {{"btree", INDEX_BTREE},
                   {"hash", INDEX_HASH},
                   {"hnsw", INDEX_HNSW},
                   {"ivfflat", INDEX_IVFFLAT},
                   {"rmi", INDEX_RMI}};
    *method_out = INDEX_BTREE;
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
    return *method_out != INDEX_RMI ? KY_OK
                                    : ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                                                   "access method \"rmi\" is not supported yet");
}

static bool
is_vector_method(enum index_method method)
{
    return method == INDEX_HNSW || method == INDEX_IVFFLAT;
}

static ky_status
check_option(struct ddl *ddl, const struct ast_list *options, const char *name, int64_t fallback,
             int64_t low, int64_t high)
{
    int64_t value = ddl_option_int(ddl_option(options, name), fallback);
    if (value >= low && value <= high) {
        return KY_OK;
    }
    (void)ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                       "value %lld out of bounds for option \"%s\"", (long long)value, name);
    return ky_error_detail(ddl->err, "Valid values are between \"%lld\" and \"%lld\".",
                           (long long)low, (long long)high);
}

static ky_status
check_vector_index(struct ddl *ddl, const struct cat_index *index, const struct ast_list *options)
{
    static const char *const opclasses[] = {"vector_l2_ops", "vector_ip_ops", "vector_cosine_ops",
                                            "vector_l1_ops"};
    const struct cat_key *key = &index->keys[0];
    const struct cat_column *column = &index->table->columns[key->column - 1];
    bool is_known = false;
    if (index->key_count != 1 || index->is_unique) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "access method \"%s\" does not support %s indexes",
                            index->method == INDEX_HNSW ? "hnsw" : "ivfflat",
                            index->is_unique ? "unique" : "multicolumn");
    }
    if (column->type->oid != OID_VECTOR) {
        return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                            "data type %s has no default operator class for access method \"%s\"",
                            column->type->sql_name,
                            index->method == INDEX_HNSW ? "hnsw" : "ivfflat");
    }
    if (column->typmod < 1) {
        return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                            "column does not have dimensions");
    }
    for (size_t i = 0; key->opclass != NULL && i < KY_COUNT_OF(opclasses); i++) {
        is_known = is_known || strcmp(opclasses[i], key->opclass) == 0;
    }
    if (key->opclass != NULL && !is_known) {
        return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                            "operator class \"%s\" does not exist for access method \"%s\"",
                            key->opclass, index->method == INDEX_HNSW ? "hnsw" : "ivfflat");
    }
    if (index->method == INDEX_IVFFLAT) {
        return check_option(ddl, options, "lists", 100, 1, 32768);
    }
    KY_TRY(check_option(ddl, options, "m", 16, 2, 100));
    return check_option(ddl, options, "ef_construction", 64, 4, 1000);
}

static ky_status
read_keys(struct ddl *ddl, struct cat_index *index, const struct ast_list *elements)
{
    uint16_t count = (uint16_t)ast_list_count(elements);
    if (count > 32) {
        return ky_error_set(ddl->err, KY_TOO_MANY_COLUMNS,
                            "cannot use more than 32 columns in an index");
    }
    index->key_count = index->column_count = count;
    index->keys = ky_arena_array(ddl->arena, struct cat_key, count);
    for (uint16_t i = 0; i < count; i++) {
        const struct ast_index_element *element = (const void *)ast_list_get(elements, i);
        if (element->name == NULL) {
            return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                                "expression indexes are not supported yet");
        }
        const struct cat_column *column =
            cat_find_column(index->table, ky_slice_cstr(element->name));
        if (column == NULL) {
            return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN, "column \"%s\" does not exist",
                                element->name);
        }
        bool is_descending = element->direction == AST_SORT_DESC;
        index->keys[i] = (struct cat_key){
            .column = column->number,
            .type = column->type,
            .is_descending = is_descending,
            .is_nulls_first = element->nulls == AST_NULLS_DEFAULT
                                  ? is_descending
                                  : element->nulls == AST_NULLS_FIRST,
            .opclass = element->opclass == NULL
                           ? NULL
                           : ky_arena_strdup(ddl->arena, ast_name_last(element->opclass)),
        };
        if (!is_vector_method(index->method) && column->type->key == NULL) {
            (void)ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                               "data type %s has no default operator class for access method "
                               "\"btree\"",
                               column->type->sql_name);
            return ky_error_hint(ddl->err, "You must specify an operator class for the index or "
                                           "define a default operator class for the data type.");
        }
    }
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
        texts[i] = ky_arena_printf(ddl->arena, "%s=%s", option->name, ddl_option_text(ddl, option));
    }
    return texts;
}

static const char *
default_name(struct ddl *ddl, const struct cat_table *table, const struct cat_index *index)
{
    const char *columns = table->columns[index->keys[0].column - 1].name;
    for (uint16_t i = 1; i < index->key_count; i++) {
        columns = ky_arena_printf(ddl->arena, "%s_%s", columns,
                                  table->columns[index->keys[i].column - 1].name);
    }
    return ddl_choose_name(ddl, table->schema, table->name, columns, "idx");
}

ky_status
ddl_create_index(struct ddl *ddl, const struct ast_create_index *statement)
{
    struct cat_table *table;
    struct cat_index *index = ky_arena_new(ddl->arena, struct cat_index);
    strcpy(ddl->session->tag, "CREATE INDEX");
    KY_TRY(ddl_find(ddl, statement->relation, false, &table));
    if (table->kind != 'r') {
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE,
                            "cannot create index on relation \"%s\"", table->name);
    }
    KY_TRY(ddl_check_owner(ddl, table));
    if (statement->where != NULL) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "partial indexes are not supported yet");
    }
    if (ast_list_count(statement->include) > 0) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED, "INCLUDE is not supported yet");
    }
    KY_TRY(ddl_lock(ddl, table, LOCK_SHARE));
    if (ddl->is_pending) {
        return KY_OK;
    }
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
    if (status == KY_OK) {
        status = read_keys(ddl, index, statement->elements);
    }
    if (status == KY_OK && is_vector_method(index->method)) {
        status = check_vector_index(ddl, index, statement->options);
    }
    if (status == KY_OK) {
        index->name = statement->name != NULL ? ky_arena_strdup(ddl->arena, statement->name)
                                              : default_name(ddl, table, index);
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
        status = catalog_insert(ddl->txn, CAT_INDEX, index, ddl->err);
    }
    if (status == KY_OK) {
        status = access_index_create(ddl->session->txn, index, ddl->err);
    }
    txn_statement_end(ddl->txn);
    KY_TRY(status);
    return ddl_changed(ddl);
}

/* A fresh index under a new OID takes the place of the old one. */
static ky_status
rebuild(struct ddl *ddl, struct cat_index *old)
{
    struct cat_index *index = ky_arena_new(ddl->arena, struct cat_index);
    memcpy(index, old, sizeof(*index));
    index->oid = ddl_new_oid(ddl);
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
    KY_TRY(access_index_create(ddl->session->txn, index, ddl->err));
    access_index_drop(ddl->session->txn, old->oid);
    return KY_OK;
}

ky_status
ddl_reindex(struct ddl *ddl, const struct ast_reindex *statement)
{
    struct cat_table *table = NULL;
    struct cat_index *only = NULL;
    strcpy(ddl->session->tag, "REINDEX");
    if (statement->relation == NULL) {
        return KY_OK; /* of everything: indexes cannot be bloated or stale */
    }
    if (strcmp(statement->target, "index") == 0) {
        for (uint16_t i = 0; i < ddl->session->path.count && only == NULL; i++) {
            only = cat_find_index(ddl->image, ddl->session->path.schemas[i],
                                  ky_slice_cstr(statement->relation->name));
        }
        if (only == NULL) {
            return ky_error_set(ddl->err, KY_UNDEFINED_TABLE, "relation \"%s\" does not exist",
                                statement->relation->name);
        }
        table = only->table;
    } else {
        KY_TRY(ddl_find(ddl, statement->relation, false, &table));
    }
    KY_TRY(ddl_check_owner(ddl, table));
    KY_TRY(ddl_lock(ddl, table, LOCK_ACCESS_EXCLUSIVE));
    if (ddl->is_pending) {
        return KY_OK;
    }
    txn_statement_begin(ddl->txn);
    ky_status status = KY_OK;
    for (uint16_t i = 0; i < table->index_count && status == KY_OK; i++) {
        if (only == NULL || table->indexes[i] == only) {
            status = rebuild(ddl, table->indexes[i]);
        }
    }
    txn_statement_end(ddl->txn);
    KY_TRY(status);
    return ddl_changed(ddl);
}
