/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/views/views_private.h"
#include "server/types/array.h"

/* Roles, who is in them, what their objects and sessions begin with. */

static const struct sysview_column roles_columns[] = {
    {"rolname", OID_NAME},
    {"rolsuper", OID_BOOL},
    {"rolinherit", OID_BOOL},
    {"rolcreaterole", OID_BOOL},
    {"rolcreatedb", OID_BOOL},
    {"rolcanlogin", OID_BOOL},
    {"rolreplication", OID_BOOL},
    {"rolconnlimit", OID_INT4},
    {"rolpassword", OID_TEXT},
    {"rolvaliduntil", OID_TIMESTAMPTZ},
    {"rolbypassrls", OID_BOOL},
    {"rolconfig", OID_TEXT_ARRAY},
    {"oid", OID_OID},
};
static const struct sysview_column authid_columns[] = {
    {"oid", OID_OID},           {"rolname", OID_NAME},        {"rolsuper", OID_BOOL},
    {"rolinherit", OID_BOOL},   {"rolcreaterole", OID_BOOL},  {"rolcreatedb", OID_BOOL},
    {"rolcanlogin", OID_BOOL},  {"rolreplication", OID_BOOL}, {"rolbypassrls", OID_BOOL},
    {"rolconnlimit", OID_INT4}, {"rolpassword", OID_TEXT},    {"rolvaliduntil", OID_TIMESTAMPTZ},
};

static void
put_valid_until(struct datum **at, const struct cat_role *role)
{
    if (role->valid_until == INT64_MAX) {
        put_null(at);
    } else {
        put_word(at, role->valid_until);
    }
}

FILL(fill_roles)
{
    (void)err;
    for (size_t i = 0; i < context->image->role_count; i++) {
        const struct cat_role *role = context->image->roles[i];
        struct datum *at = sysview_add(rows);
        put_text(&at, role->name);
        put_word(&at, role->is_superuser);
        put_word(&at, role->can_inherit);
        put_word(&at, role->can_create_role);
        put_word(&at, role->can_create_db);
        put_word(&at, role->can_login);
        put_word(&at, role->can_replicate);
        put_word(&at, role->connection_limit);
        put_text(&at, "********");
        put_valid_until(&at, role);
        put_word(&at, role->can_bypass_rls);
        put_null(&at);
        put_word(&at, role->oid);
    }
    return KY_OK;
}
VIEW(view_pg_roles, 12000, OID_SCHEMA_PG_CATALOG, "pg_roles", 'v', roles_columns, fill_roles);

/* Password hashes are nobody's to read: privileges on catalogs are not enforced yet. */
FILL(fill_authid)
{
    (void)err;
    for (size_t i = 0; i < context->image->role_count; i++) {
        const struct cat_role *role = context->image->roles[i];
        struct datum *at = sysview_add(rows);
        put_word(&at, role->oid);
        put_text(&at, role->name);
        put_word(&at, role->is_superuser);
        put_word(&at, role->can_inherit);
        put_word(&at, role->can_create_role);
        put_word(&at, role->can_create_db);
        put_word(&at, role->can_login);
        put_word(&at, role->can_replicate);
        put_word(&at, role->can_bypass_rls);
        put_word(&at, role->connection_limit);
        put_text(&at, role->password);
        put_valid_until(&at, role);
    }
    return KY_OK;
}
VIEW(view_pg_authid, 1260, OID_SCHEMA_PG_CATALOG, "pg_authid", 'r', authid_columns, fill_authid);

static const struct sysview_column members_columns[] = {
    {"roleid", OID_OID}, {"member", OID_OID}, {"grantor", OID_OID}, {"admin_option", OID_BOOL}};

FILL(fill_members)
{
    (void)err;
    for (size_t i = 0; i < context->image->member_count; i++) {
        const struct cat_member *member = context->image->members[i];
        struct datum *at = sysview_add(rows);
        put_word(&at, member->role);
        put_word(&at, member->member);
        put_word(&at, member->grantor);
        put_word(&at, member->is_admin);
    }
    return KY_OK;
}
VIEW(view_pg_auth_members, 1261, OID_SCHEMA_PG_CATALOG, "pg_auth_members", 'r', members_columns,
     fill_members);

static const struct sysview_column default_acl_columns[] = {
    {"oid", OID_OID},
    {"defaclrole", OID_OID},
    {"defaclnamespace", OID_OID},
    {"defaclobjtype", OID_CHAR},
    {"defaclacl", OID_ACLITEM_ARRAY},
};

FILL(fill_default_acl)
{
    (void)err;
    for (size_t i = 0; i < context->image->default_acl_count; i++) {
        const struct cat_default_acl *acl = context->image->default_acls[i];
        const struct acl_list list = {.items = acl->items, .count = acl->count};
        struct datum *at = sysview_add(rows);
        put_word(&at, acl->oid);
        put_word(&at, acl->role);
        put_word(&at, acl->schema);
        put_word(&at, acl->kind);
        *at++ = acl_print(context->image, &list, rows->arena);
    }
    return KY_OK;
}
VIEW(view_pg_default_acl, 826, OID_SCHEMA_PG_CATALOG, "pg_default_acl", 'r', default_acl_columns,
     fill_default_acl);

static const struct sysview_column shadow_columns[] = {
    {"usename", OID_NAME},  {"usesysid", OID_OID},         {"usecreatedb", OID_BOOL},
    {"usesuper", OID_BOOL}, {"userepl", OID_BOOL},         {"usebypassrls", OID_BOOL},
    {"passwd", OID_TEXT},   {"valuntil", OID_TIMESTAMPTZ}, {"useconfig", OID_TEXT_ARRAY}};

/* Roles that may log in. password: what all of them show; NULL: their own. */
static void
add_users(const struct sysview_context *context, struct sysview_rows *rows, const char *password)
{
    for (size_t i = 0; i < context->image->role_count; i++) {
        const struct cat_role *role = context->image->roles[i];
        if (!role->can_login) {
            continue;
        }
        struct datum *at = sysview_add(rows);
        put_text(&at, role->name);
        put_word(&at, role->oid);
        put_word(&at, role->can_create_db);
        put_word(&at, role->is_superuser);
        put_word(&at, role->can_replicate);
        put_word(&at, role->can_bypass_rls);
        put_text(&at, password == NULL ? role->password : password);
        put_valid_until(&at, role);
        put_null(&at);
    }
}

FILL(fill_user)
{
    (void)err;
    add_users(context, rows, "********");
    return KY_OK;
}
VIEW(view_pg_user, 12014, OID_SCHEMA_PG_CATALOG, "pg_user", 'v', shadow_columns, fill_user);

FILL(fill_shadow)
{
    (void)err;
    add_users(context, rows, NULL);
    return KY_OK;
}
VIEW(view_pg_shadow, 12005, OID_SCHEMA_PG_CATALOG, "pg_shadow", 'v', shadow_columns, fill_shadow);

static const struct sysview_column role_setting_columns[] = {
    {"setdatabase", OID_OID}, {"setrole", OID_OID}, {"setconfig", OID_TEXT_ARRAY}};

FILL(fill_role_settings)
{
    (void)err;
    for (size_t i = 0; i < context->image->role_setting_count; i++) {
        const struct cat_role_setting *setting = context->image->role_settings[i];
        uint32_t count = 0;
        while (setting->values[count] != NULL) {
            count++;
        }
        struct datum *values = ky_arena_array(rows->arena, struct datum, count + 1);
        for (uint32_t k = 0; k < count; k++) {
            values[k] = datum_cstr(setting->values[k]);
        }
        const struct ky_slice array = array_make(rows->arena, type_get(OID_TEXT), values, count);
        struct datum *at = sysview_add(rows);
        put_word(&at, setting->database);
        put_word(&at, setting->role);
        *at++ = datum_bytes(array.data, array.size);
    }
    return KY_OK;
}
VIEW(view_pg_db_role_setting, 2964, OID_SCHEMA_PG_CATALOG, "pg_db_role_setting", 'r',
     role_setting_columns, fill_role_settings);
