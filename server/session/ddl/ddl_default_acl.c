/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/session/ddl/ddl_grant.h"
#include "server/session/rights.h"

/*
 * ALTER DEFAULT PRIVILEGES: what a role's new objects begin with. An entry without a schema stands
 * in place of the kind's own default, one with a schema comes on top of that.
 */

static char
kind_of(enum ast_object_type type)
{
    switch ((int)type) {
    case AST_OBJECT_TABLE:
        return 'r';
    case AST_OBJECT_SEQUENCE:
        return 'S';
    case AST_OBJECT_FUNCTION:
        return 'f';
    case AST_OBJECT_TYPE:
        return 'T';
    default:
        return 'n';
    }
}

static enum acl_class
class_of(char kind)
{
    return kind == 'r'   ? ACL_OF_TABLE
           : kind == 'S' ? ACL_OF_SEQUENCE
           : kind == 'f' ? ACL_OF_FUNCTION
           : kind == 'T' ? ACL_OF_TYPE
                         : ACL_OF_SCHEMA;
}

const char *
ddl_default_acl_word(char kind)
{
    return kind == 'r'   ? "relations"
           : kind == 'S' ? "sequences"
           : kind == 'f' ? "functions"
           : kind == 'T' ? "types"
                         : "schemas";
}

/* For "invalid privilege type %s for relation". */
static const char *
one_word(char kind)
{
    return kind == 'r'   ? "relation"
           : kind == 'S' ? "sequence"
           : kind == 'f' ? "function"
           : kind == 'T' ? "type"
                         : "schema";
}

static struct cat_default_acl *
find_entry(const struct cat_image *image, oid_t role, oid_t schema, char kind)
{
    for (size_t i = 0; i < image->default_acl_count; i++) {
        struct cat_default_acl *entry = image->default_acls[i];
        if (entry->role == role && entry->schema == schema && entry->kind == kind) {
            return entry;
        }
    }
    return NULL;
}

static int
compare_items(const void *a, const void *b)
{
    const struct acl_item *one = a;
    const struct acl_item *other = b;
    return one->grantee != other->grantee
               ? (one->grantee < other->grantee ? -1 : 1)
               : (one->grantor > other->grantor) - (one->grantor < other->grantor);
}

static bool
is_same(const struct grant_items *items, const struct acl_list *list)
{
    bool is_equal = items->count == list->count;
    for (size_t i = 0; is_equal && i < list->count; i++) {
        bool is_found = false;
        for (uint16_t k = 0; k < items->count; k++) {
            is_found =
                is_found || memcmp(&items->items[k], &list->items[i], sizeof(items->items[k])) == 0;
        }
        is_equal = is_found;
    }
    return is_equal;
}

bool
ddl_is_default_acl(char kind, oid_t role, oid_t schema, const struct grant_items *items)
{
    struct acl_list initial;
    acl_default(class_of(kind), role, &initial);
    initial.count = schema == OID_NONE ? initial.count : 0;
    return is_same(items, &initial);
}

/* ------------------------------------------------------------------ the statement */

static ky_status
read_default_rights(struct ddl *ddl, const struct ast_grant *statement, acl_rights *rights_out)
{
    const char kind = kind_of(statement->object_type);
    const acl_rights all = acl_all(class_of(kind));
    *rights_out = statement->privileges == NULL ? all : 0;
    for (int32_t i = 0; i < ast_list_count(statement->privileges); i++) {
        const struct ast_privilege *node = (const void *)ast_list_get(statement->privileges, i);
        acl_rights right;
        if (node->columns != NULL) {
            return ky_error_set(ddl->err, KY_INVALID_GRANT_OPERATION,
                                "default privileges cannot be set for columns");
        }
        KY_TRY(ddl_read_right(ddl, node, all, one_word(kind), &right));
        *rights_out |= right;
    }
    return KY_OK;
}

static ky_status
write_entry(struct ddl *ddl, struct cat_default_acl *entry, const struct grant_items *items,
            bool is_needless)
{
    entry->items = items->items;
    entry->count = items->count;
    if (is_needless) {
        KY_TRY(entry->row_id == 0 ? KY_OK
                                  : catalog_erase(ddl->txn, CAT_DEFAULT_ACL, entry, ddl->err));
    } else if (entry->row_id == 0) {
        entry->oid = ddl_new_oid(ddl);
        KY_TRY(catalog_insert(ddl->txn, CAT_DEFAULT_ACL, entry, ddl->err));
    } else {
        KY_TRY(catalog_update(ddl->txn, CAT_DEFAULT_ACL, entry, ddl->err));
    }
    KY_TRY(ddl_changed(ddl));
    return ddl_refresh(ddl);
}

static ky_status
change_entry(struct ddl *ddl, oid_t role, oid_t schema, char kind, struct grant_change *change)
{
    const struct cat_default_acl *found = find_entry(ddl->image, role, schema, kind);
    struct cat_default_acl entry = {.role = role, .schema = schema, .kind = kind};
    struct acl_list initial;
    struct grant_items items;
    acl_default(class_of(kind), role, &initial);
    initial.count = schema == OID_NONE ? initial.count : 0;
    if (found != NULL) {
        entry = *found;
    }
    grant_items_copy(&items, found != NULL ? found->items : initial.items,
                     found != NULL ? found->count : initial.count, ddl->arena);
    change->grantor = role;
    KY_TRY(grant_items_change(&items, change, role, ddl->err));
    if (items.count > 1) {
        qsort(items.items, items.count, sizeof(*items.items), compare_items);
    }
    return write_entry(ddl, &entry, &items, ddl_is_default_acl(kind, role, schema, &items));
}

static ky_status
change_role(struct ddl *ddl, const struct ast_default_privileges *statement, oid_t role,
            struct grant_change *change)
{
    const char kind = kind_of(statement->grant->object_type);
    if (statement->schemas == NULL) {
        return change_entry(ddl, role, OID_NONE, kind, change);
    }
    for (int32_t i = 0; i < ast_list_count(statement->schemas); i++) {
        const char *name = ast_list_text(statement->schemas, i);
        const struct cat_schema *schema = cat_find_schema(ddl->image, ky_slice_cstr(name));
        if (schema == NULL) {
            return ky_error_set(ddl->err, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist",
                                name);
        }
        KY_TRY(change_entry(ddl, role, schema->oid, kind, change));
    }
    return KY_OK;
}

ky_status
ddl_default_privileges(struct ddl *ddl, const struct ast_default_privileges *statement)
{
    const struct ast_grant *grant = statement->grant;
    struct grant_change change = {.is_grant = grant->is_grant,
                                  .is_option = grant->is_option,
                                  .is_cascade = grant->behavior == AST_CASCADE};
    strcpy(ddl->session->tag, "ALTER DEFAULT PRIVILEGES");
    KY_TRY(ddl_read_grantees(ddl, grant->grantees, &change));
    KY_TRY(read_default_rights(ddl, grant, &change.rights));
    if (grant->object_type == AST_OBJECT_SCHEMA && statement->schemas != NULL) {
        return ky_error_set(ddl->err, KY_INVALID_GRANT_OPERATION,
                            "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS");
    }
    KY_TRY(ddl_lock_grants(ddl));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    if (statement->roles == NULL) {
        return change_role(ddl, statement, ddl->session->role, &change);
    }
    for (int32_t i = 0; i < ast_list_count(statement->roles); i++) {
        struct cat_role *role;
        KY_TRY(ddl_named_role(ddl, (const void *)ast_list_get(statement->roles, i), &role));
        KY_TRY(ddl_check_new_owner(ddl, role));
        KY_TRY(change_role(ddl, statement, role->oid, &change));
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ new objects */

static ky_status
apply(struct ddl *ddl, char kind, oid_t class_oid, oid_t object, oid_t owner, oid_t schema)
{
    const struct cat_default_acl *whole = find_entry(ddl->image, owner, OID_NONE, kind);
    const struct cat_default_acl *more =
        schema == OID_NONE ? NULL : find_entry(ddl->image, owner, schema, kind);
    struct acl_list initial;
    struct grant_items items;
    if (whole == NULL && more == NULL) {
        return KY_OK;
    }
    acl_default(class_of(kind), owner, &initial);
    grant_items_copy(&items, whole != NULL ? whole->items : initial.items,
                     whole != NULL ? whole->count : initial.count, ddl->arena);
    for (uint16_t i = 0; more != NULL && i < more->count; i++) {
        struct acl_item item = more->items[i];
        struct grant_change change = {.is_grant = true,
                                      .grantor = item.grantor,
                                      .grantees = &item.grantee,
                                      .grantee_count = 1,
                                      .rights = item.rights};
        KY_TRY(grant_items_change(&items, &change, owner, ddl->err));
        if (item.options != 0) {
            change.is_option = true;
            change.rights = item.options;
            KY_TRY(grant_items_change(&items, &change, owner, ddl->err));
        }
    }
    qsort(items.items, items.count, sizeof(*items.items), compare_items);
    return is_same(&items, &initial) ? KY_OK : ddl_write_acl(ddl, class_oid, object, 0, &items);
}

ky_status
ddl_apply_default_acl(struct ddl *ddl, const struct cat_table *table)
{
    return apply(ddl, table->kind == 'S' ? 'S' : 'r', CLASS_PG_CLASS, table->oid, table->owner,
                 table->schema);
}

ky_status
ddl_apply_default_schema_acl(struct ddl *ddl, const struct cat_schema *schema)
{
    return apply(ddl, 'n', CLASS_PG_NAMESPACE, schema->oid, schema->owner, OID_NONE);
}
