/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_private.h"

/* ALTER TABLE .. ADD CONSTRAINT .. USING INDEX: an index that is there becomes a key's. */

static ky_status
not_fit(struct ddl *ddl, enum ky_sqlstate sqlstate, const char *message)
{
    (void)ky_error_set(ddl->err, sqlstate, "%s", message);
    if (sqlstate == KY_WRONG_OBJECT_TYPE) {
        (void)ky_error_detail(
            ddl->err, "Cannot create a primary key or unique constraint using such an index.");
    }
    return KY_ERR;
}

/* What PostgreSQL asks of such an index, in its order. */
static ky_status
check_index(struct ddl *ddl, const struct cat_index *index, const struct cat_table *table)
{
    struct ky_arena *arena = ddl->arena;
    const char *name = index->name;
    if (index->constraint != OID_NONE) {
        return not_fit(
            ddl, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
            ky_arena_printf(arena, "index \"%s\" is already associated with a constraint", name));
    }
    if (index->table->oid != table->oid) {
        return not_fit(ddl, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                       ky_arena_printf(arena, "index \"%s\" does not belong to table \"%s\"", name,
                                       table->name));
    }
    if (!index->is_valid) {
        return not_fit(ddl, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                       ky_arena_printf(arena, "index \"%s\" is not valid", name));
    }
    if (!index->is_unique) {
        return not_fit(ddl, KY_WRONG_OBJECT_TYPE,
                       ky_arena_printf(arena, "\"%s\" is not a unique index", name));
    }
    for (uint16_t i = 0; i < index->key_count; i++) {
        if (index->keys[i].column <= 0) {
            return not_fit(ddl, KY_WRONG_OBJECT_TYPE,
                           ky_arena_printf(arena, "index \"%s\" contains expressions", name));
        }
    }
    if (index->predicate_sql != NULL) {
        return not_fit(ddl, KY_WRONG_OBJECT_TYPE,
                       ky_arena_printf(arena, "\"%s\" is a partial index", name));
    }
    for (uint16_t i = 0; i < index->key_count; i++) {
        const struct cat_key *key = &index->keys[i];
        if (key->is_descending || key->is_nulls_first || key->opclass != NULL) {
            return not_fit(ddl, KY_WRONG_OBJECT_TYPE,
                           ky_arena_printf(arena,
                                           "index \"%s\" column number %u does not have default "
                                           "sorting behavior",
                                           name, i + 1U));
        }
    }
    return KY_OK;
}

static ky_status
write_index(struct ddl *ddl, const struct cat_index *index, const char *name, oid_t constraint,
            bool is_primary)
{
    if (strcmp(name, index->name) != 0) {
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"%s\" to "
                       "\"%s\"",
                       index->name, name);
        if (ddl_name_exists(ddl, index->table->schema, name)) {
            return ky_error_set(ddl->err, KY_DUPLICATE_TABLE, "relation \"%s\" already exists",
                                name);
        }
    }
    struct cat_index *changed = ky_arena_new(ddl->arena, struct cat_index);
    memcpy(changed, index, sizeof(*changed));
    changed->name = name;
    changed->constraint = constraint;
    changed->is_primary = is_primary;
    return catalog_update(ddl->txn, CAT_INDEX, changed, ddl->err);
}

ky_status
ddl_use_index(struct ddl *ddl, const struct cat_table *on, const struct ast_constraint *constraint,
              const struct cat_index **index_out)
{
    struct cat_index *index = NULL;
    struct cat_table *table = cat_get_table(ddl->image, on->oid);
    for (size_t i = 0; i < ddl->image->table_count && index == NULL; i++) {
        const struct cat_table *other = ddl->image->tables[i];
        for (uint16_t k = 0; other->schema == table->schema && k < other->index_count; k++) {
            if (strcmp(other->indexes[k]->name, constraint->index_name) == 0) {
                index = other->indexes[k];
            }
        }
    }
    if (index == NULL) {
        return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT, "index \"%s\" does not exist",
                            constraint->index_name);
    }
    KY_TRY(check_index(ddl, index, table));
    const bool is_primary = constraint->type == AST_CONSTRAINT_PRIMARY_KEY;
    int16_t *columns = ky_arena_array(ddl->arena, int16_t, index->key_count);
    for (uint16_t i = 0; i < index->key_count; i++) {
        columns[i] = index->keys[i].column;
    }
    const struct cat_constraint made = {
        .oid = ddl_new_oid(ddl),
        .name = constraint->name != NULL ? constraint->name : index->name,
        .table = table,
        .kind = is_primary ? CONSTRAINT_PRIMARY : CONSTRAINT_UNIQUE,
        .columns = columns,
        .column_count = index->key_count,
        .index = index,
        .is_deferrable = constraint->is_deferrable || constraint->is_deferred,
        .is_deferred = constraint->is_deferred,
        .is_validated = true};
    KY_TRY(write_index(ddl, index, made.name, made.oid, is_primary));
    KY_TRY(catalog_insert(ddl->txn, CAT_CONSTRAINT, &made, ddl->err));
    *index_out = index;
    return KY_OK;
}
