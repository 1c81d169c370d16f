/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "server/session/ddl/ddl_grant.h"
#include "server/session/rights.h"
#include "server/session/utility.h"

/* ALTER ROLE and ALTER DATABASE .. SET: what sessions begin with. */

static ky_status
check_rights(struct ddl *ddl, const struct cat_role *role, const struct cat_database *database)
{
    if (ddl->session->is_superuser) {
        return KY_OK;
    }
    if (role == NULL && database == NULL) {
        return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                            "must be superuser to alter settings globally");
    }
    if (role == NULL) {
        return ddl_owns(ddl, database->owner)
                   ? KY_OK
                   : ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                                  "must be owner of database %s", database->name);
    }
    if (role->is_superuser) {
        return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                            "must be superuser to alter superusers");
    }
    return role->oid == ddl->session->role || ddl_may_create_roles(ddl)
               ? KY_OK
               : ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE, "permission denied");
}

/* "name=value", once the value is known to be one of the setting. */
static ky_status
read_value(struct ddl *ddl, const struct ast_set *set, const char **out)
{
    struct ky_buffer text = {0};
    struct settings tried;
    struct ky_buffer scratch = {0};
    settings_init(&tried);
    ky_status status =
        set->type == AST_SET_FROM_CURRENT ? KY_OK : utility_set_text(set, &text, ddl->err);
    const char *value = (const char *)text.data;
    if (set->type == AST_SET_FROM_CURRENT) {
        value = session_show(ddl->session, set->name, &scratch);
        if (value == NULL) {
            status = ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                                  "unrecognized configuration parameter \"%s\"", set->name);
        }
    }
    if (status == KY_OK) {
        status = settings_set(&tried, set->name, value, false, false, ddl->err);
    }
    if (status == KY_OK) {
        const int found = setting_find(set->name);
        *out = ky_arena_printf(ddl->arena, "%s=%s",
                               found < 0 ? set->name : setting_info(found)->name, value);
    }
    settings_deinit(&tried);
    ky_buffer_deinit(&text);
    ky_buffer_deinit(&scratch);
    return status;
}

static bool
is_of(const char *value, const char *name)
{
    const size_t size = strlen(name);
    return strncasecmp(value, name, size) == 0 && value[size] == '=';
}

/* The values there are, without the setting's, and the new one. */
static const char *const *
change_values(struct ddl *ddl, const struct cat_role_setting *old, const struct ast_set *set,
              const char *value)
{
    size_t count = 0;
    size_t kept = 0;
    while (old != NULL && old->values[count] != NULL) {
        count++;
    }
    const char **values = ky_arena_array(ddl->arena, const char *, count + 2);
    for (size_t i = 0; i < count && set->type != AST_RESET_ALL; i++) {
        const bool is_changed = is_of(old->values[i], set->name);
        if (!is_changed) {
            values[kept++] = old->values[i];
        } else if (value != NULL) {
            values[kept++] = value;
            value = NULL;
        }
    }
    if (value != NULL) {
        values[kept++] = value;
    }
    values[kept] = NULL;
    return values;
}

static ky_status
write_setting(struct ddl *ddl, oid_t database, oid_t role, const struct ast_set *set)
{
    const bool is_set = set->type == AST_SET_VALUE || set->type == AST_SET_FROM_CURRENT;
    const struct cat_role_setting *old = NULL;
    const char *value = NULL;
    for (size_t i = 0; i < ddl->image->role_setting_count; i++) {
        const struct cat_role_setting *found = ddl->image->role_settings[i];
        old = found->database == database && found->role == role ? found : old;
    }
    KY_TRY(is_set ? read_value(ddl, set, &value) : KY_OK);
    const struct cat_role_setting made = {.row_id = old == NULL ? 0 : old->row_id,
                                          .database = database,
                                          .role = role,
                                          .values = change_values(ddl, old, set, value)};
    if (made.values[0] == NULL) {
        KY_TRY(old == NULL ? KY_OK : catalog_erase(ddl->txn, CAT_ROLE_SETTING, old, ddl->err));
    } else {
        KY_TRY(old == NULL ? catalog_insert(ddl->txn, CAT_ROLE_SETTING, &made, ddl->err)
                           : catalog_update(ddl->txn, CAT_ROLE_SETTING, &made, ddl->err));
    }
    return ddl_changed(ddl);
}

ky_status
ddl_alter_setting(struct ddl *ddl, const struct ast_alter_setting *statement)
{
    struct cat_role *role = NULL;
    const struct cat_database *database = NULL;
    if (statement->is_system) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "ALTER SYSTEM is not supported: kyrodb.conf is the server's file");
    }
    strcpy(ddl->session->tag,
           statement->role == NULL && !statement->is_all_roles ? "ALTER DATABASE" : "ALTER ROLE");
    KY_TRY(ddl_lock_grants(ddl));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    KY_TRY(statement->role == NULL ? KY_OK : ddl_named_role(ddl, statement->role, &role));
    if (statement->database != NULL) {
        database = cat_find_database(ddl->image, ky_slice_cstr(statement->database));
        if (database == NULL) {
            return ky_error_set(ddl->err, KY_INVALID_CATALOG_NAME, "database \"%s\" does not exist",
                                statement->database);
        }
    }
    KY_TRY(check_rights(ddl, role, database));
    return write_setting(ddl, database == NULL ? OID_NONE : database->oid,
                         role == NULL ? OID_NONE : role->oid, statement->set);
}

ky_status
ddl_drop_role_settings(struct ddl *ddl, oid_t role)
{
    for (size_t i = 0; i < ddl->image->role_setting_count; i++) {
        const struct cat_role_setting *setting = ddl->image->role_settings[i];
        if (setting->role == role) {
            KY_TRY(catalog_erase(ddl->txn, CAT_ROLE_SETTING, setting, ddl->err));
        }
    }
    return KY_OK;
}
