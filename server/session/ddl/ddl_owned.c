/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_grant.h"
#include "server/session/rights.h"

/* DROP OWNED and REASSIGN OWNED: what belongs to roles, and what they were granted. */

static bool
is_listed(const oid_t *roles, uint16_t count, oid_t role)
{
    for (uint16_t i = 0; i < count; i++) {
        if (roles[i] == role) {
            return true;
        }
    }
    return false;
}

static ky_status
check_roles(struct ddl *ddl, const struct grant_change *named, const char *verb)
{
    for (uint16_t i = 0; i < named->grantee_count; i++) {
        const struct cat_role *role = cat_get_role(ddl->image, named->grantees[i]);
        if (role == NULL || !ddl_owns(ddl, role->oid)) {
            return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                                "permission denied to %s objects", verb);
        }
        if (role->oid < OID_FIRST_USER) {
            return ky_error_set(ddl->err, KY_DEPENDENT_OBJECTS_STILL_EXIST,
                                "cannot %s objects owned by role %s because they are required by "
                                "the database system",
                                strcmp(verb, "drop") == 0 ? "drop" : "reassign ownership of",
                                role->name);
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ DROP OWNED */

/* Relations of a kind, or schemas, types: dropped together, so that their order does not matter. */
static void
name_objects(struct ddl *ddl, const struct grant_change *named, char kind, struct ky_buffer *names)
{
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        const struct cat_table *table = ddl->image->tables[i];
        const struct cat_schema *schema = cat_get_schema(ddl->image, table->schema);
        const bool goes_with_table = table->kind == 'S' && table->owner_table != OID_NONE;
        if (table->kind != kind || table->sysview != NULL || goes_with_table || schema == NULL ||
            !is_listed(named->grantees, named->grantee_count, table->owner)) {
            continue;
        }
        ky_buffer_append_cstr(names, names->size == 0 ? "" : ", ");
        ast_print_identifier(names, schema->name);
        ky_buffer_append_cstr(names, ".");
        ast_print_identifier(names, table->name);
    }
}

static void
name_types(struct ddl *ddl, const struct grant_change *named, struct ky_buffer *names)
{
    for (size_t i = 0; i < ddl->image->type_count; i++) {
        const struct cat_type *type = ddl->image->types[i];
        const struct cat_schema *schema = cat_get_schema(ddl->image, type->schema);
        if (schema != NULL && is_listed(named->grantees, named->grantee_count, type->owner)) {
            ky_buffer_append_cstr(names, names->size == 0 ? "" : ", ");
            ast_print_identifier(names, schema->name);
            ky_buffer_append_cstr(names, ".");
            ast_print_identifier(names, type->name);
        }
    }
}

static void
name_schemas(struct ddl *ddl, const struct grant_change *named, struct ky_buffer *names)
{
    for (size_t i = 0; i < ddl->image->schema_count; i++) {
        const struct cat_schema *schema = ddl->image->schemas[i];
        if (is_listed(named->grantees, named->grantee_count, schema->owner)) {
            ky_buffer_append_cstr(names, names->size == 0 ? "" : ", ");
            ast_print_identifier(names, schema->name);
        }
    }
}

static ky_status
drop_named(struct ddl *ddl, const char *what, struct ky_buffer *names, enum ast_behavior behavior)
{
    struct ast_list parsed = {0};
    if (names->size == 0) {
        return KY_OK;
    }
    const char *sql =
        ky_arena_printf(ddl->arena, "DROP %s %.*s%s", what, (int)names->size,
                        (const char *)names->data, behavior == AST_CASCADE ? " CASCADE" : "");
    ky_buffer_clear(names);
    KY_TRY(parse_sql(ddl->arena, ky_slice_cstr(sql), &parsed, ddl->err));
    const struct ast_statement *statement = (const void *)ast_list_get(&parsed, 0);
    KY_TRY(ddl_drop(ddl, (const struct ast_drop *)(const void *)statement->statement));
    return ddl->is_pending ? KY_OK : ddl_refresh(ddl);
}

static ky_status
drop_objects(struct ddl *ddl, const struct grant_change *named, enum ast_behavior behavior,
             struct ky_buffer *names)
{
    static const struct {
        char kind;
        const char *what;
    } kinds[] = {{'m', "MATERIALIZED VIEW"}, {'v', "VIEW"}, {'r', "TABLE"}, {'S', "SEQUENCE"}};
    for (size_t i = 0; i < KY_COUNT_OF(kinds) && !ddl->is_pending; i++) {
        name_objects(ddl, named, kinds[i].kind, names);
        KY_TRY(drop_named(ddl, kinds[i].what, names, behavior));
    }
    if (!ddl->is_pending) {
        name_types(ddl, named, names);
        KY_TRY(drop_named(ddl, "TYPE", names, behavior));
    }
    if (!ddl->is_pending) {
        name_schemas(ddl, named, names);
        KY_TRY(drop_named(ddl, "SCHEMA", names, behavior));
    }
    return KY_OK;
}

/* Every grant to the role, and what it granted on. */
static ky_status
take_grants(struct ddl *ddl, oid_t role)
{
    const struct cat_image *image = ddl->image;
    for (size_t i = 0; i < image->acl_count; i++) {
        const struct cat_acl *acl = image->acls[i];
        struct grant_items items;
        grant_items_copy(&items, acl->items, acl->count, ddl->arena);
        KY_TRY(grant_items_remove(&items, role, ddl->err));
        if (items.count != acl->count) {
            KY_TRY(ddl_write_acl(ddl, acl->class_oid, acl->object, acl->column, &items));
            KY_TRY(ddl_changed(ddl));
        }
    }
    for (size_t i = 0; i < image->default_acl_count; i++) {
        const struct cat_default_acl *entry = image->default_acls[i];
        struct cat_default_acl changed = *entry;
        struct grant_items items;
        grant_items_copy(&items, entry->items, entry->count, ddl->arena);
        KY_TRY(grant_items_remove(&items, role, ddl->err));
        changed.items = items.items;
        changed.count = items.count;
        if (entry->role == role ||
            ddl_is_default_acl(entry->kind, entry->role, entry->schema, &items)) {
            KY_TRY(catalog_erase(ddl->txn, CAT_DEFAULT_ACL, entry, ddl->err));
            KY_TRY(ddl_changed(ddl));
        } else if (items.count != entry->count) {
            KY_TRY(catalog_update(ddl->txn, CAT_DEFAULT_ACL, &changed, ddl->err));
            KY_TRY(ddl_changed(ddl));
        }
    }
    return ddl_refresh(ddl);
}

static ky_status
drop_owned(struct ddl *ddl, const struct grant_change *named, enum ast_behavior behavior)
{
    struct ky_buffer names = {0};
    strcpy(ddl->session->tag, "DROP OWNED");
    KY_TRY(check_roles(ddl, named, "drop"));
    const ky_status status = drop_objects(ddl, named, behavior, &names);
    ky_buffer_deinit(&names);
    KY_TRY(status);
    for (uint16_t i = 0; i < named->grantee_count && !ddl->is_pending; i++) {
        KY_TRY(take_grants(ddl, named->grantees[i]));
    }
    strcpy(ddl->session->tag, "DROP OWNED");
    return KY_OK;
}

/* ------------------------------------------------------------------ REASSIGN OWNED */

static ky_status
reassign(struct ddl *ddl, const struct grant_change *named, oid_t owner)
{
    const struct cat_image *image = ddl->image;
    for (size_t i = 0; i < image->table_count; i++) {
        struct cat_table changed = *image->tables[i];
        if (is_listed(named->grantees, named->grantee_count, changed.owner)) {
            KY_TRY(ddl_change_acl_owner(ddl, changed.oid, changed.owner, owner));
            changed.owner = owner;
            KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &changed, ddl->err));
        }
    }
    for (size_t i = 0; i < image->schema_count; i++) {
        struct cat_schema changed = *image->schemas[i];
        if (is_listed(named->grantees, named->grantee_count, changed.owner)) {
            KY_TRY(ddl_change_acl_owner(ddl, changed.oid, changed.owner, owner));
            changed.owner = owner;
            KY_TRY(catalog_update(ddl->txn, CAT_SCHEMA, &changed, ddl->err));
        }
    }
    for (size_t i = 0; i < image->type_count; i++) {
        struct cat_type changed = *image->types[i];
        if (is_listed(named->grantees, named->grantee_count, changed.owner)) {
            changed.owner = owner;
            KY_TRY(catalog_update(ddl->txn, CAT_TYPE, &changed, ddl->err));
        }
    }
    return ddl_changed(ddl);
}

static ky_status
lock_tables(struct ddl *ddl, const struct grant_change *named)
{
    const struct cat_image *image = ddl->image;
    for (size_t i = 0; i < image->table_count && !ddl->is_pending; i++) {
        const struct cat_table *table = image->tables[i];
        if (table->sysview == NULL &&
            is_listed(named->grantees, named->grantee_count, table->owner)) {
            KY_TRY(ddl_lock(ddl, table, LOCK_ACCESS_EXCLUSIVE));
        }
    }
    return KY_OK;
}

ky_status
ddl_owned(struct ddl *ddl, const struct ast_owned *statement)
{
    struct grant_change named = {.is_grant = false};
    struct cat_role *owner;
    KY_TRY(ddl_lock_grants(ddl));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    KY_TRY(ddl_read_grantees(ddl, statement->roles, &named));
    if (statement->new_owner == NULL) {
        return drop_owned(ddl, &named, statement->behavior);
    }
    strcpy(ddl->session->tag, "REASSIGN OWNED");
    KY_TRY(check_roles(ddl, &named, "reassign"));
    KY_TRY(ddl_named_role(ddl, statement->new_owner, &owner));
    if (!ddl_owns(ddl, owner->oid)) {
        return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                            "permission denied to reassign objects");
    }
    KY_TRY(lock_tables(ddl, &named));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    return reassign(ddl, &named, owner->oid);
}
