/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/after.h"
#include "server/session/ddl/ddl_private.h"
#include "server/session/rights.h"

/* DROP of everything, TRUNCATE. */

static struct ast_range_var
range_of(const struct ast_node *object)
{
    const struct ast_node_list *names = (const void *)object;
    return (struct ast_range_var){.node = {.kind = AST_RANGE_VAR, .location = object->location},
                                  .schema = ast_name_schema(names->list),
                                  .name = ast_name_last(names->list)};
}

ky_status
ddl_drop_table(struct ddl *ddl, struct cat_table *table)
{
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        KY_TRY(ddl_erase(ddl, CAT_CONSTRAINT, table->constraints[i]));
    }
    for (uint16_t i = 0; i < table->index_count; i++) {
        KY_TRY(ddl_erase(ddl, CAT_INDEX, table->indexes[i]));
        access_index_drop(ddl->session->txn, table->indexes[i]->oid);
    }
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        struct cat_table *sequence = ddl->image->tables[i];
        if (sequence->kind == 'S' && sequence->owner_table == table->oid) {
            KY_TRY(ddl_erase(ddl, CAT_TABLE, sequence));
        }
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        KY_TRY(ddl_drop_statistics(ddl, &table->columns[i]));
    }
    KY_TRY(ddl_erase(ddl, CAT_TABLE, table));
    if (cat_keeps_rows(table)) {
        KY_TRY(storage_drop(ddl->txn, table->rel, ddl->err));
    }
    return KY_OK;
}

/* Every table that refers to this one is dropped by the same statement; its constraints go now, so
 * that the order of the names does not matter. */
static bool
goes_with(struct ddl *ddl, const struct ast_drop *statement, const struct cat_table *table)
{
    for (uint16_t i = 0; i < table->reference_count; i++) {
        bool is_named = table->references[i]->table == table;
        for (int32_t j = 0; j < ast_list_count(statement->objects) && !is_named; j++) {
            struct ast_range_var name = range_of(ast_list_get(statement->objects, j));
            struct cat_table *other = NULL;
            struct ky_error ignored;
            ky_error_init(&ignored);
            is_named = bind_relation(&ddl->bind, &name, true, &other, &ignored) == KY_OK &&
                       other == table->references[i]->table;
        }
        if (!is_named) {
            return false;
        }
    }
    for (uint16_t i = 0; i < table->reference_count; i++) {
        if (table->references[i]->table != table &&
            ddl_erase(ddl, CAT_CONSTRAINT, table->references[i]) != KY_OK) {
            return false;
        }
    }
    return true;
}

/* 3F000 when it names a schema that is not there. */
static ky_status
check_schema(struct ddl *ddl, const struct ast_range_var *name)
{
    return name->schema == NULL || cat_find_schema(ddl->image, ky_slice_cstr(name->schema)) != NULL
               ? KY_OK
               : ky_error_set(ddl->err, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist",
                              name->schema);
}

static ky_status
hint_of_kind(struct ddl *ddl, char kind)
{
    return ky_error_hint(ddl->err, "Use DROP %s to remove a %s.",
                         kind == 'v'   ? "VIEW"
                         : kind == 'm' ? "MATERIALIZED VIEW"
                         : kind == 'S' ? "SEQUENCE"
                                       : "TABLE",
                         ddl_kind_word(kind));
}

static ky_status
drop_relation(struct ddl *ddl, const struct ast_drop *statement, const struct ast_range_var *name,
              char kind)
{
    struct cat_table *table;
    KY_TRY(ddl_find(ddl, name, true, &table));
    bool is_vectors = statement->object_type == AST_OBJECT_VECTORS;
    if (table == NULL) {
        if (statement->is_if_exists && check_schema(ddl, name) != KY_OK) {
            session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION, "%s, skipping",
                           ddl->err->message);
            ky_error_init(ddl->err);
            return KY_OK;
        }
        if (statement->is_if_exists) {
            session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                           "%s \"%s\" does not exist, skipping",
                           is_vectors ? "vectors" : ddl_kind_word(kind), name->name);
            return KY_OK;
        }
        KY_TRY(check_schema(ddl, name));
        return ky_error_set(ddl->err, KY_UNDEFINED_TABLE, "%s \"%s\" does not exist",
                            is_vectors ? "vectors" : ddl_kind_word(kind), name->name);
    }
    if (table->kind != kind || (is_vectors && !table->is_vectors)) {
        (void)ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a %s", table->name,
                           is_vectors ? "vector collection" : ddl_kind_word(kind));
        return is_vectors && table->kind == 'r' ? KY_ERR : hint_of_kind(ddl, table->kind);
    }
    KY_TRY(ddl_check_drop(ddl, table));
    KY_TRY(ddl_lock(ddl, table, LOCK_ACCESS_EXCLUSIVE));
    if (!ddl->is_pending && statement->behavior == AST_CASCADE) {
        KY_TRY(ddl_lock_references(ddl, table));
    }
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(after_check_table(ddl->session, table, "DROP TABLE", ddl->err));
    oid_t oid = table->oid;
    KY_TRY(ddl_refresh(ddl));
    table = cat_get_table(ddl->image, oid);
    if (table == NULL) {
        return statement->is_if_exists
                   ? KY_OK
                   : ky_error_set(ddl->err, KY_UNDEFINED_TABLE, "%s \"%s\" does not exist",
                                  ddl_kind_word(kind), name->name);
    }
    const char *what =
        ky_arena_printf(ddl->arena, "%s %s", ddl_kind_word(kind), ddl_shown_name(ddl, table));
    KY_TRY(ddl_drop_readers(ddl, table, statement->behavior, what,
                            ast_list_count(statement->objects) > 1));
    if (!goes_with(ddl, statement, table)) {
        KY_TRY(ddl_drop_references(ddl, table, 0, NULL, statement->behavior, what));
    }
    KY_TRY(ddl_drop_table(ddl, table));
    KY_TRY(ddl_changed(ddl));
    return ddl_refresh(ddl);
}

struct cat_index *
ddl_find_index(struct ddl *ddl, const struct ast_range_var *name)
{
    if (name->schema != NULL) {
        const struct cat_schema *schema = cat_find_schema(ddl->image, ky_slice_cstr(name->schema));
        return schema == NULL ? NULL
                              : cat_find_index(ddl->image, schema->oid, ky_slice_cstr(name->name));
    }
    struct cat_index *index = NULL;
    for (uint16_t i = 0; i < ddl->session->path.count && index == NULL; i++) {
        index =
            cat_find_index(ddl->image, ddl->session->path.schemas[i], ky_slice_cstr(name->name));
    }
    return index;
}

static ky_status
drop_index(struct ddl *ddl, const struct ast_drop *statement, const struct ast_range_var *name)
{
    struct cat_index *index = ddl_find_index(ddl, name);
    if (index == NULL) {
        if (statement->is_if_exists) {
            session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                           "index \"%s\" does not exist, skipping", name->name);
            return KY_OK;
        }
        struct cat_table *other;
        KY_TRY(bind_relation(&ddl->bind, name, true, &other, ddl->err));
        if (other == NULL) {
            KY_TRY(check_schema(ddl, name));
            return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT, "index \"%s\" does not exist",
                                name->name);
        }
        (void)ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not an index", other->name);
        return hint_of_kind(ddl, other->kind);
    }
    KY_TRY(ddl_check_index_owner(ddl, index));
    if (index->constraint != OID_NONE) {
        (void)ky_error_set(ddl->err, KY_DEPENDENT_OBJECTS_STILL_EXIST,
                           "cannot drop index %s because constraint %s on table %s requires it",
                           index->name, index->name, index->table->name);
        return ky_error_hint(ddl->err, "You can drop constraint %s on table %s instead.",
                             index->name, index->table->name);
    }
    KY_TRY(ddl_lock(ddl, index->table, LOCK_ACCESS_EXCLUSIVE));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    index = ddl_find_index(ddl, name);
    if (index == NULL) {
        return KY_OK;
    }
    KY_TRY(ddl_drop_references(ddl, index->table, 0, index, statement->behavior,
                               ky_arena_printf(ddl->arena, "index %s", index->name)));
    KY_TRY(ddl_erase(ddl, CAT_INDEX, index));
    access_index_drop(ddl->session->txn, index->oid);
    KY_TRY(ddl_changed(ddl));
    return ddl_refresh(ddl);
}

static ky_status
lock_types_of(struct ddl *ddl, oid_t schema, enum ast_behavior behavior)
{
    const struct cat_type **types =
        ky_arena_array(ddl->arena, const struct cat_type *, ddl->image->type_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < ddl->image->type_count; i++) {
        if (ddl->image->types[i]->schema == schema) {
            types[count++] = ddl->image->types[i];
        }
    }
    return ddl_lock_types(ddl, types, count, behavior);
}

static ky_status
drop_schema(struct ddl *ddl, const struct ast_drop *statement, const char *name)
{
    struct cat_schema *schema = cat_find_schema(ddl->image, ky_slice_cstr(name));
    if (schema == NULL) {
        if (statement->is_if_exists) {
            session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                           "schema \"%s\" does not exist, skipping", name);
            return KY_OK;
        }
        return ky_error_set(ddl->err, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
    }
    if (schema->row_id == 0 || schema->oid == OID_SCHEMA_KYRO) {
        return ky_error_set(ddl->err, KY_DEPENDENT_OBJECTS_STILL_EXIST,
                            "cannot drop schema %s because it is required by the database system",
                            name);
    }
    KY_TRY(ddl_check_schema_owner(ddl, schema));
    oid_t oid = schema->oid;
    KY_TRY(lock_types_of(ddl, oid, statement->behavior));
    if (ddl->is_pending) {
        return KY_OK;
    }
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        struct cat_table *table = ddl->image->tables[i];
        if (table->schema != oid || statement->behavior != AST_CASCADE) {
            continue;
        }
        if (table->kind == 'S' && table->owner_table != OID_NONE) {
            continue; /* goes with its table */
        }
        KY_TRY(ddl_lock(ddl, table, LOCK_ACCESS_EXCLUSIVE));
        if (!ddl->is_pending) {
            KY_TRY(ddl_lock_matviews(ddl, table));
        }
        if (ddl->is_pending) {
            return KY_OK;
        }
        KY_TRY(after_check_table(ddl->session, table, "DROP TABLE", ddl->err));
    }
    for (size_t i = 0; statement->behavior == AST_CASCADE && i < ddl->image->table_count; i++) {
        const struct cat_table *table = ddl->image->tables[i];
        for (uint16_t k = 0; table->schema == oid && k < table->reference_count; k++) {
            if (table->references[k]->table->schema != oid) {
                KY_TRY(ddl_erase(ddl, CAT_CONSTRAINT, table->references[k]));
            }
        }
    }
    KY_TRY(ddl_drop_contents(ddl, schema, statement->behavior));
    strcpy(ddl->session->tag, "DROP SCHEMA"); /* tables may have been altered */
    KY_TRY(ddl_erase(ddl, CAT_SCHEMA, schema));
    KY_TRY(ddl_changed(ddl));
    return ddl_refresh(ddl);
}

static ky_status
drop_extension(struct ddl *ddl, const struct ast_drop *statement, const char *name)
{
    for (size_t i = 0; i < ddl->image->extension_count; i++) {
        if (strcmp(ddl->image->extensions[i]->name, name) == 0) {
            if (!ddl->session->is_superuser) {
                return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                                    "must be owner of extension %s", name);
            }
            KY_TRY(ddl_erase(ddl, CAT_EXTENSION, ddl->image->extensions[i]));
            return ddl_changed(ddl);
        }
    }
    if (statement->is_if_exists) {
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "extension \"%s\" does not exist, skipping", name);
        return KY_OK;
    }
    return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT, "extension \"%s\" does not exist", name);
}

static ky_status
drop_one(struct ddl *ddl, const struct ast_drop *statement, const struct ast_node *object)
{
    if (object->kind != AST_NODE_LIST) {
        return ddl_drop_none(ddl, statement, object);
    }
    struct ast_range_var name = range_of(object);
    switch ((int)statement->object_type) {
    case AST_OBJECT_TABLE:
    case AST_OBJECT_VECTORS:
        return drop_relation(ddl, statement, &name, 'r');
    case AST_OBJECT_VIEW:
        return drop_relation(ddl, statement, &name, 'v');
    case AST_OBJECT_MATERIALIZED_VIEW:
        return drop_relation(ddl, statement, &name, 'm');
    case AST_OBJECT_SEQUENCE:
        return drop_relation(ddl, statement, &name, 'S');
    case AST_OBJECT_INDEX:
        return drop_index(ddl, statement, &name);
    case AST_OBJECT_SCHEMA:
        return drop_schema(ddl, statement, name.name);
    case AST_OBJECT_EXTENSION:
        return drop_extension(ddl, statement, name.name);
    default:
        return ddl_drop_none(ddl, statement, object);
    }
}

/* Does another one of the objects from `from` on read the view that objects[from] names? */
static ky_status
is_read_by_others(struct ddl *ddl, const struct ast_list *objects, int32_t from, bool *is_read_out)
{
    struct dependents found;
    struct cat_table *view;
    ky_status status = KY_OK;
    *is_read_out = false;
    struct ast_range_var name = range_of(ast_list_get(objects, from));
    KY_TRY(ddl_find(ddl, &name, true, &view));
    if (view == NULL) {
        return KY_OK;
    }
    ddl_dependents_init(ddl, &found);
    ddl_add_views(ddl, view, 0, "", &found);
    for (int32_t i = from + 1; status == KY_OK && i < ast_list_count(objects); i++) {
        struct cat_table *other;
        name = range_of(ast_list_get(objects, i));
        status = ddl_find(ddl, &name, true, &other);
        *is_read_out = *is_read_out || (status == KY_OK && other != NULL && other != view &&
                                        ddl_is_dependent(&found, other));
    }
    ddl_dependents_deinit(&found);
    return status;
}

/* Views that are dropped together, those first that others do not read. */
static ky_status
order_views(struct ddl *ddl, const struct ast_list *objects)
{
    for (int32_t i = 0; i + 1 < objects->count; i++) {
        for (int32_t tries = objects->count - i; tries > 1; tries--) {
            bool is_read;
            KY_TRY(is_read_by_others(ddl, objects, i, &is_read));
            if (!is_read) {
                break;
            }
            struct ast_node *first = objects->items[i];
            memmove(&objects->items[i], &objects->items[i + 1],
                    (size_t)(objects->count - i - 1) * sizeof(struct ast_node *));
            objects->items[objects->count - 1] = first;
        }
    }
    return KY_OK;
}

ky_status
ddl_drop(struct ddl *ddl, const struct ast_drop *statement)
{
    (void)snprintf(ddl->session->tag, SESSION_TAG_SIZE, "DROP %s",
                   ast_object_type_name(statement->object_type));
    if (statement->object_type == AST_OBJECT_TYPE || statement->object_type == AST_OBJECT_DOMAIN) {
        return ddl_drop_type(ddl, statement);
    }
    if ((statement->object_type == AST_OBJECT_VIEW ||
         statement->object_type == AST_OBJECT_MATERIALIZED_VIEW) &&
        ast_list_count(statement->objects) > 1) {
        KY_TRY(order_views(ddl, statement->objects));
    }
    for (int32_t i = 0; i < ast_list_count(statement->objects); i++) {
        KY_TRY(drop_one(ddl, statement, ast_list_get(statement->objects, i)));
        if (ddl->is_pending) {
            /* What was dropped before is found missing when the statement runs again. */
            return i == 0 ? KY_OK
                          : ky_error_set(ddl->err, KY_LOCK_NOT_AVAILABLE,
                                         "could not lock all relations to drop; try again");
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ TRUNCATE */

/* New storage and new indexes; the old ones go at commit. */
ky_status
ddl_truncate_table(struct ddl *ddl, struct cat_table *table)
{
    struct cat_table changed = *table;
    changed.rel = ddl_new_oid(ddl);
    KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &changed, ddl->err));
    for (uint16_t i = 0; i < table->index_count; i++) {
        struct cat_index *old = table->indexes[i];
        struct cat_index *index = ky_arena_new(ddl->arena, struct cat_index);
        memcpy(index, old, sizeof(*index));
        index->oid = ddl_new_oid(ddl);
        index->table = &changed;
        atomic_store_explicit(&index->runtime, NULL, memory_order_relaxed);
        KY_TRY(catalog_update(ddl->txn, CAT_INDEX, index, ddl->err));
        for (uint16_t j = 0; j < table->constraint_count; j++) {
            if (table->constraints[j]->index == old &&
                table->constraints[j]->kind != CONSTRAINT_FOREIGN) {
                struct cat_constraint constraint = *table->constraints[j];
                constraint.index = index;
                KY_TRY(catalog_update(ddl->txn, CAT_CONSTRAINT, &constraint, ddl->err));
            }
        }
        KY_TRY(access_index_create(ddl->session->txn, index, ddl->err));
        access_index_drop(ddl->session->txn, old->oid);
    }
    return storage_drop(ddl->txn, table->rel, ddl->err);
}

static ky_status
restart_sequences(struct ddl *ddl, const struct cat_table *table)
{
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        const struct cat_table *sequence = ddl->image->tables[i];
        if (sequence->kind == 'S' && sequence->owner_table == table->oid) {
            struct cat_table changed = *sequence;
            KY_TRY(ddl_restart_sequence(ddl, &changed, NULL));
            KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &changed, ddl->err));
        }
    }
    return KY_OK;
}

/* The tables of one TRUNCATE: those named, with CASCADE all that refer to them. */
struct truncate_set {
    struct cat_table **tables;
    uint32_t count, capacity;
};

static bool
truncate_has(const struct truncate_set *set, oid_t table)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->tables[i]->oid == table) {
            return true;
        }
    }
    return false;
}

static void
truncate_add(struct ddl *ddl, struct truncate_set *set, struct cat_table *table)
{
    if (set->count == set->capacity) {
        uint32_t capacity = set->capacity * 2 + 8;
        struct cat_table **tables = ky_arena_array(ddl->arena, struct cat_table *, capacity);
        if (set->count > 0) {
            memcpy(tables, set->tables, set->count * sizeof(struct cat_table *));
        }
        set->tables = tables;
        set->capacity = capacity;
    }
    set->tables[set->count++] = table;
}

static ky_status
truncate_references(struct ddl *ddl, const struct ast_truncate *statement, struct truncate_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        for (uint16_t k = 0; k < set->tables[i]->reference_count; k++) {
            struct cat_table *child = set->tables[i]->references[k]->table;
            if (truncate_has(set, child->oid)) {
                continue;
            }
            if (statement->behavior == AST_CASCADE) {
                session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                               "truncate cascades to table \"%s\"", child->name);
                truncate_add(ddl, set, child);
                continue;
            }
            (void)ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                               "cannot truncate a table referenced in a foreign key constraint");
            (void)ky_error_detail(ddl->err, "Table \"%s\" references \"%s\".", child->name,
                                  set->tables[i]->name);
            return ky_error_hint(ddl->err,
                                 "Truncate table \"%s\" at the same time, or use TRUNCATE ... "
                                 "CASCADE.",
                                 child->name);
        }
    }
    return KY_OK;
}

ky_status
ddl_truncate(struct ddl *ddl, const struct ast_truncate *statement)
{
    struct truncate_set set = {0};
    strcpy(ddl->session->tag, "TRUNCATE TABLE");
    for (int32_t i = 0; i < ast_list_count(statement->relations); i++) {
        struct cat_table *table;
        KY_TRY(ddl_find(ddl, (const void *)ast_list_get(statement->relations, i), false, &table));
        if (table->kind != 'r') {
            return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a table",
                                table->name);
        }
        KY_TRY(rights_check_table(ddl->session, ddl->image, table, ACL_TRUNCATE, false, ddl->err));
        if (!truncate_has(&set, table->oid)) {
            truncate_add(ddl, &set, table);
        }
    }
    const uint32_t named_count = set.count;
    for (uint32_t i = 0; i < set.count; i++) {
        KY_TRY(ddl_lock(ddl, set.tables[i], LOCK_ACCESS_EXCLUSIVE));
        if (ddl->is_pending) {
            return KY_OK;
        }
        KY_TRY(after_check_table(ddl->session, set.tables[i], "TRUNCATE", ddl->err));
        if (i + 1 == named_count) {
            KY_TRY(truncate_references(ddl, statement, &set));
        }
    }
    KY_TRY(ddl_refresh(ddl));
    for (uint32_t i = 0; i < set.count; i++) {
        struct cat_table *table = cat_get_table(ddl->image, set.tables[i]->oid);
        if (table == NULL) {
            return ky_error_set(ddl->err, KY_UNDEFINED_TABLE, "relation \"%s\" does not exist",
                                set.tables[i]->name);
        }
        KY_TRY(ddl_truncate_table(ddl, table));
        if (statement->is_restart_identity) {
            KY_TRY(restart_sequences(ddl, table));
        }
    }
    return ddl_changed(ddl);
}
