/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/session/ddl/ddl_grant.h"
#include "server/session/rights.h"

/* What keeps a role from being dropped: what it owns, what it was granted or granted. */

struct use {
    oid_t object;
    int32_t column;
    const char *text;
};
struct uses {
    struct ddl *ddl;
    oid_t role;
    struct ky_buffer found; /* struct use */
};

static void
add_use(struct uses *uses, oid_t object, int32_t column, const char *what, const char *kind,
        const char *name)
{
    const struct use use = {object, column,
                            ky_arena_printf(uses->ddl->arena, "%s %s %s", what, kind, name)};
    ky_buffer_append(&uses->found, &use, sizeof(use));
}

/* The oldest first. */
static int
compare_uses(const void *a, const void *b)
{
    const struct use *one = a;
    const struct use *other = b;
    return one->object != other->object
               ? (one->object < other->object ? -1 : 1)
               : (one->column > other->column) - (one->column < other->column);
}

static bool
is_in_list(const struct acl_item *items, uint16_t count, oid_t role)
{
    for (uint16_t i = 0; i < count; i++) {
        if (items[i].grantee == role || items[i].grantor == role) {
            return true;
        }
    }
    return false;
}

static void
add_grants(struct uses *uses)
{
    const struct cat_image *image = uses->ddl->image;
    for (size_t i = 0; i < image->acl_count; i++) {
        const struct cat_acl *acl = image->acls[i];
        if (!is_in_list(acl->items, acl->count, uses->role)) {
            continue;
        }
        const struct cat_table *table = cat_get_table(image, acl->object);
        const struct cat_schema *schema = cat_get_schema(image, acl->object);
        const bool is_own = (table != NULL && table->owner == uses->role) ||
                            (schema != NULL && schema->owner == uses->role);
        if (is_own) {
            continue; /* told already */
        }
        if (table != NULL && acl->column > 0 && acl->column <= table->column_count) {
            add_use(uses, acl->object, acl->column, "privileges for column",
                    table->columns[acl->column - 1].name,
                    ky_arena_printf(uses->ddl->arena, "of %s %s", rights_kind_word(table),
                                    ddl_shown_name(uses->ddl, table)));
        } else if (table != NULL) {
            add_use(uses, acl->object, 0, "privileges for", rights_kind_word(table),
                    ddl_shown_name(uses->ddl, table));
        } else if (schema != NULL) {
            add_use(uses, acl->object, 0, "privileges for", "schema", schema->name);
        } else {
            for (size_t k = 0; k < image->database_count; k++) {
                if (image->databases[k]->oid == acl->object) {
                    add_use(uses, acl->object, 0, "privileges for", "database",
                            image->databases[k]->name);
                }
            }
        }
    }
}

static void
add_default_acls(struct uses *uses)
{
    const struct cat_image *image = uses->ddl->image;
    for (size_t i = 0; i < image->default_acl_count; i++) {
        const struct cat_default_acl *acl = image->default_acls[i];
        const struct cat_role *role = cat_get_role(image, acl->role);
        const struct cat_schema *schema = cat_get_schema(image, acl->schema);
        if (role != NULL &&
            (acl->role == uses->role || is_in_list(acl->items, acl->count, uses->role))) {
            add_use(uses, acl->oid, 0, acl->role == uses->role ? "owner of" : "privileges for",
                    "default privileges on new",
                    ky_arena_printf(uses->ddl->arena, "%s belonging to role %s%s%s",
                                    ddl_default_acl_word(acl->kind), role->name,
                                    schema == NULL ? "" : " in schema ",
                                    schema == NULL ? "" : schema->name));
        }
    }
}

static void
add_owned(struct uses *uses)
{
    const struct cat_image *image = uses->ddl->image;
    for (size_t i = 0; i < image->database_count; i++) {
        if (image->databases[i]->owner == uses->role) {
            add_use(uses, image->databases[i]->oid, 0, "owner of", "database",
                    image->databases[i]->name);
        }
    }
    for (size_t i = 0; i < image->schema_count; i++) {
        if (image->schemas[i]->owner == uses->role) {
            add_use(uses, image->schemas[i]->oid, 0, "owner of", "schema", image->schemas[i]->name);
        }
    }
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        if (table->owner == uses->role) {
            add_use(uses, table->oid, 0, "owner of", rights_kind_word(table),
                    ddl_shown_name(uses->ddl, table));
        }
    }
    for (size_t i = 0; i < image->type_count; i++) {
        if (image->types[i]->owner == uses->role) {
            add_use(uses, image->types[i]->oid, 0, "owner of", "type",
                    ddl_shown_type(uses->ddl, image->types[i]->oid));
        }
    }
}

ky_status
ddl_check_role_unused(struct ddl *ddl, const struct cat_role *role)
{
    struct uses uses = {.ddl = ddl, .role = role->oid};
    struct ky_buffer lines = {0};
    add_owned(&uses);
    add_grants(&uses);
    add_default_acls(&uses);
    struct use *found = (void *)uses.found.data;
    const size_t count = uses.found.size / sizeof(*found);
    if (count > 1) {
        qsort(found, count, sizeof(*found), compare_uses);
    }
    for (size_t i = 0; i < count; i++) {
        ky_buffer_printf(&lines, "%s%s", i == 0 ? "" : "\n", found[i].text);
    }
    const char *text = ky_arena_cstr(ddl->arena, ky_buffer_slice(&lines));
    ky_buffer_deinit(&uses.found);
    ky_buffer_deinit(&lines);
    if (count == 0) {
        return KY_OK;
    }
    (void)ky_error_set(ddl->err, KY_DEPENDENT_OBJECTS_STILL_EXIST,
                       "role \"%s\" cannot be dropped because some objects depend on it",
                       role->name);
    return ky_error_detail(ddl->err, "%s", text);
}
