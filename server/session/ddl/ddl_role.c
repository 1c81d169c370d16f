/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_grant.h"
#include "server/session/rights.h"

/* Roles and who is in them. */

ky_status
ddl_named_role(struct ddl *ddl, const struct ast_role *node, struct cat_role **role_out)
{
    const char *name = node->type == AST_ROLE_NAME           ? node->name
                       : node->type == AST_ROLE_PUBLIC       ? "public"
                       : node->type == AST_ROLE_SESSION_USER ? ddl->session->session_user
                                                             : ddl->session->user;
    *role_out = cat_find_role(ddl->image, ky_slice_cstr(name));
    return *role_out != NULL
               ? KY_OK
               : ky_error_set(ddl->err, KY_UNDEFINED_OBJECT, "role \"%s\" does not exist", name);
}

ky_status
ddl_check_new_owner(struct ddl *ddl, const struct cat_role *role)
{
    return ddl->session->is_superuser || acl_is_in(ddl->image, ddl->session->role, role->oid)
               ? KY_OK
               : ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE, "must be member of role \"%s\"",
                              role->name);
}

static ky_status
refuse(struct ddl *ddl, const char *message)
{
    return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE, "%s", message);
}

bool
ddl_may_create_roles(const struct ddl *ddl)
{
    const struct cat_role *self = cat_get_role(ddl->image, ddl->session->role);
    return ddl->session->is_superuser || (self != NULL && self->can_create_role);
}

/* ------------------------------------------------------------------ options */

static void
apply_flag(const struct ast_list *options, const char *name, bool *flag)
{
    *flag = ddl_option_int(ddl_option(options, name), *flag) != 0;
}

static ky_status
apply_password(struct ddl *ddl, const struct ast_list *options, struct cat_role *role)
{
    const struct ast_option *password = ddl_option(options, "password");
    if (password == NULL) {
        return KY_OK;
    }
    const char *text = ddl_option_text(ddl, password);
    if (text[0] == '\0') {
        role->password = NULL;
    } else if (strncmp(text, "SCRAM-SHA-256$", 14) == 0) {
        role->password = text;
    } else {
        char secret[256];
        scram_build_secret(text, secret);
        role->password = ky_arena_strdup(ddl->arena, secret);
    }
    return KY_OK;
}

static ky_status
apply_valid_until(struct ddl *ddl, const struct ast_list *options, struct cat_role *role)
{
    const struct ast_option *option = ddl_option(options, "valid_until");
    struct datum value;
    if (option == NULL) {
        return KY_OK;
    }
    const struct ky_slice text = ky_slice_cstr(ddl_option_text(ddl, option));
    const struct type *type = type_get(OID_TIMESTAMPTZ);
    KY_TRY(type->input(type, &ddl->env.types, text, -1, &value, ddl->err));
    role->valid_until = value.word;
    return KY_OK;
}

static ky_status
apply_role_options(struct ddl *ddl, const struct ast_list *options, struct cat_role *role)
{
    apply_flag(options, "superuser", &role->is_superuser);
    apply_flag(options, "createdb", &role->can_create_db);
    apply_flag(options, "createrole", &role->can_create_role);
    apply_flag(options, "inherit", &role->can_inherit);
    apply_flag(options, "login", &role->can_login);
    apply_flag(options, "replication", &role->can_replicate);
    apply_flag(options, "bypassrls", &role->can_bypass_rls);
    role->connection_limit =
        (int32_t)ddl_option_int(ddl_option(options, "connection_limit"), role->connection_limit);
    KY_TRY(apply_valid_until(ddl, options, role));
    return apply_password(ddl, options, role);
}

/* ------------------------------------------------------------------ memberships */

static struct cat_member *
find_member(const struct ddl *ddl, oid_t role, oid_t member)
{
    for (size_t i = 0; i < ddl->image->member_count; i++) {
        struct cat_member *found = ddl->image->members[i];
        if (found->role == role && found->member == member) {
            return found;
        }
    }
    return NULL;
}

static ky_status
add_member(struct ddl *ddl, const struct cat_role *role, const struct cat_role *member,
           bool is_admin)
{
    struct cat_member *found = find_member(ddl, role->oid, member->oid);
    const struct cat_member made = {.row_id = found == NULL ? 0 : found->row_id,
                                    .role = role->oid,
                                    .member = member->oid,
                                    .grantor = ddl->session->role,
                                    .is_admin = is_admin};
    if (role->oid == OID_ROLE_DATABASE_OWNER) {
        return ky_error_set(ddl->err, KY_INTERNAL_ERROR, "role \"%s\" cannot have explicit members",
                            role->name);
    }
    if (acl_is_in(ddl->image, role->oid, member->oid)) {
        return ky_error_set(ddl->err, KY_INVALID_GRANT_OPERATION,
                            "role \"%s\" is a member of role \"%s\"", role->name, member->name);
    }
    if (found != NULL && (!is_admin || found->is_admin)) {
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "role \"%s\" is already a member of role \"%s\"", member->name, role->name);
        return KY_OK;
    }
    KY_TRY(found == NULL ? catalog_insert(ddl->txn, CAT_MEMBER, &made, ddl->err)
                         : catalog_update(ddl->txn, CAT_MEMBER, &made, ddl->err));
    KY_TRY(ddl_changed(ddl));
    return ddl_refresh(ddl); /* the next one may close a circle */
}

static ky_status
remove_member(struct ddl *ddl, const struct cat_role *role, const struct cat_role *member,
              bool only_admin)
{
    struct cat_member *found = find_member(ddl, role->oid, member->oid);
    if (found == NULL || found->row_id == 0) {
        session_notice(ddl->session, "WARNING", KY_WARNING,
                       "role \"%s\" is not a member of role \"%s\"", member->name, role->name);
        return KY_OK;
    }
    if (only_admin) {
        struct cat_member changed = *found;
        changed.is_admin = false;
        KY_TRY(catalog_update(ddl->txn, CAT_MEMBER, &changed, ddl->err));
    } else {
        KY_TRY(catalog_erase(ddl->txn, CAT_MEMBER, found, ddl->err));
    }
    KY_TRY(ddl_changed(ddl));
    return ddl_refresh(ddl);
}

static ky_status
check_may_grant(struct ddl *ddl, const struct cat_role *role)
{
    if (role->is_superuser) {
        return ddl->session->is_superuser ? KY_OK
                                          : refuse(ddl, "must be superuser to alter superusers");
    }
    return ddl_may_create_roles(ddl) || acl_may_admin(ddl->image, ddl->session->role, role->oid)
               ? KY_OK
               : ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                              "must have admin option on role \"%s\"", role->name);
}

ky_status
ddl_grant_role(struct ddl *ddl, const struct ast_grant_role *statement)
{
    strcpy(ddl->session->tag, statement->is_grant ? "GRANT ROLE" : "REVOKE ROLE");
    KY_TRY(ddl_lock_grants(ddl));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    for (int32_t i = 0; i < ast_list_count(statement->roles); i++) {
        const struct ast_role node = {.type = AST_ROLE_NAME,
                                      .name = ast_list_text(statement->roles, i)};
        for (int32_t k = 0; k < ast_list_count(statement->grantees); k++) {
            struct cat_role *role;
            struct cat_role *member;
            KY_TRY(ddl_named_role(ddl, &node, &role));
            KY_TRY(check_may_grant(ddl, role));
            KY_TRY(
                ddl_named_role(ddl, (const void *)ast_list_get(statement->grantees, k), &member));
            KY_TRY(statement->is_grant ? add_member(ddl, role, member, statement->is_option)
                                       : remove_member(ddl, role, member, statement->is_option));
        }
    }
    return KY_OK;
}

/* Roles that CREATE ROLE or ALTER GROUP names: members of the role, or roles that it is put in. */
static ky_status
apply_members(struct ddl *ddl, const struct ast_list *options, const char *option_name,
              const char *role_name, bool is_drop)
{
    const struct ast_option *option = ddl_option(options, option_name);
    const struct ast_list *nodes =
        option == NULL ? NULL : ((const struct ast_node_list *)(const void *)option->value)->list;
    const bool is_in_role = strcmp(option_name, "in_role") == 0;
    for (int32_t i = 0; i < ast_list_count(nodes); i++) {
        struct cat_role *other;
        KY_TRY(ddl_named_role(ddl, (const void *)ast_list_get(nodes, i), &other));
        const struct cat_role *self = cat_find_role(ddl->image, ky_slice_cstr(role_name));
        const struct cat_role *role = is_in_role ? other : self;
        const struct cat_role *member = is_in_role ? self : other;
        KY_TRY(check_may_grant(ddl, role));
        KY_TRY(is_drop ? remove_member(ddl, role, member, false)
                       : add_member(ddl, role, member, strcmp(option_name, "admin") == 0));
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ CREATE, ALTER */

static ky_status
check_attributes(struct ddl *ddl, const struct cat_role *role)
{
    if (ddl->session->is_superuser) {
        return KY_OK;
    }
    if (role->is_superuser) {
        return refuse(ddl, "must be superuser to create superusers");
    }
    if (role->can_replicate) {
        return refuse(ddl, "must be superuser to create replication users");
    }
    if (role->can_bypass_rls) {
        return refuse(ddl, "must be superuser to create bypassrls users");
    }
    return ddl_may_create_roles(ddl) ? KY_OK : refuse(ddl, "permission denied to create role");
}

ky_status
ddl_create_role(struct ddl *ddl, const struct ast_create_role *statement)
{
    struct cat_role role = {.name = statement->name,
                            .can_login = statement->is_user,
                            .can_inherit = true,
                            .connection_limit = -1,
                            .valid_until = INT64_MAX};
    strcpy(ddl->session->tag, "CREATE ROLE");
    KY_TRY(apply_role_options(ddl, statement->options, &role));
    KY_TRY(check_attributes(ddl, &role));
    if (strncmp(statement->name, "pg_", 3) == 0) {
        (void)ky_error_set(ddl->err, KY_RESERVED_NAME, "role name \"%s\" is reserved",
                           statement->name);
        return ky_error_detail(ddl->err, "Role names starting with \"pg_\" are reserved.");
    }
    KY_TRY(ddl_lock_name(ddl, 1, statement->name));
    KY_TRY(ddl->is_pending ? KY_OK : ddl_lock_grants(ddl));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    if (cat_find_role(ddl->image, ky_slice_cstr(statement->name)) != NULL) {
        return ky_error_set(ddl->err, KY_DUPLICATE_OBJECT, "role \"%s\" already exists",
                            statement->name);
    }
    role.oid = ddl_new_oid(ddl);
    KY_TRY(catalog_insert(ddl->txn, CAT_ROLE, &role, ddl->err));
    KY_TRY(ddl_changed(ddl));
    KY_TRY(ddl_refresh(ddl));
    KY_TRY(apply_members(ddl, statement->options, "in_role", role.name, false));
    KY_TRY(apply_members(ddl, statement->options, "admin", role.name, false));
    return apply_members(ddl, statement->options, "role", role.name, false);
}

/* Whoever may not create roles may change the own password. */
static ky_status
check_change(struct ddl *ddl, const struct ast_alter_role *statement, const struct cat_role *role)
{
    if (ddl->session->is_superuser) {
        return KY_OK;
    }
    if (role->is_superuser || ddl_option(statement->options, "superuser") != NULL) {
        return refuse(ddl, "must be superuser to alter superuser roles or change superuser "
                           "attribute");
    }
    if (role->can_replicate || ddl_option(statement->options, "replication") != NULL) {
        return refuse(ddl, "must be superuser to alter replication roles or change replication "
                           "attribute");
    }
    if (ddl_option(statement->options, "bypassrls") != NULL) {
        return refuse(ddl, "must be superuser to change bypassrls attribute");
    }
    const bool is_own_password = role->oid == ddl->session->role &&
                                 ast_list_count(statement->options) == 1 &&
                                 ddl_option(statement->options, "password") != NULL;
    return ddl_may_create_roles(ddl) || is_own_password ? KY_OK : refuse(ddl, "permission denied");
}

ky_status
ddl_alter_role(struct ddl *ddl, const struct ast_alter_role *statement)
{
    struct cat_role *role;
    strcpy(ddl->session->tag, "ALTER ROLE");
    KY_TRY(ddl_lock_grants(ddl));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    KY_TRY(ddl_named_role(ddl, statement->role, &role));
    if (statement->is_add || statement->is_drop) {
        return apply_members(ddl, statement->options, "role", role->name, statement->is_drop);
    }
    if (strncmp(role->name, "pg_", 3) == 0) {
        return ky_error_set(ddl->err, KY_RESERVED_NAME, "role name \"%s\" is reserved", role->name);
    }
    KY_TRY(check_change(ddl, statement, role));
    struct cat_role changed = *role;
    KY_TRY(apply_role_options(ddl, statement->options, &changed));
    KY_TRY(catalog_update(ddl->txn, CAT_ROLE, &changed, ddl->err));
    return ddl_changed(ddl);
}

/* ------------------------------------------------------------------ DROP */

static ky_status
drop_role(struct ddl *ddl, const struct cat_role *role)
{
    if (role->oid == ddl->session->role) {
        return ky_error_set(ddl->err, KY_OBJECT_IN_USE, "current user cannot be dropped");
    }
    if (strcmp(role->name, ddl->session->session_user) == 0) {
        return ky_error_set(ddl->err, KY_OBJECT_IN_USE, "session user cannot be dropped");
    }
    if (role->is_superuser && !ddl->session->is_superuser) {
        return refuse(ddl, "must be superuser to drop superusers");
    }
    if (role->row_id == 0 || role->oid < OID_FIRST_USER) {
        return ky_error_set(ddl->err, KY_DEPENDENT_OBJECTS_STILL_EXIST,
                            "cannot drop role %s because it is required by the database system",
                            role->name);
    }
    KY_TRY(ddl_check_role_unused(ddl, role));
    for (size_t i = 0; i < ddl->image->member_count; i++) {
        const struct cat_member *member = ddl->image->members[i];
        if (member->row_id != 0 && (member->role == role->oid || member->member == role->oid)) {
            KY_TRY(catalog_erase(ddl->txn, CAT_MEMBER, member, ddl->err));
        }
    }
    KY_TRY(ddl_drop_role_settings(ddl, role->oid));
    KY_TRY(ddl_erase(ddl, CAT_ROLE, role));
    KY_TRY(ddl_changed(ddl));
    return ddl_refresh(ddl);
}

ky_status
ddl_drop_role(struct ddl *ddl, const struct ast_drop_role *statement)
{
    strcpy(ddl->session->tag, "DROP ROLE");
    if (!ddl_may_create_roles(ddl)) {
        return refuse(ddl, "permission denied to drop role");
    }
    KY_TRY(ddl_lock_grants(ddl));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    for (int32_t i = 0; i < ast_list_count(statement->roles); i++) {
        const struct ast_role *node = (const void *)ast_list_get(statement->roles, i);
        struct cat_role *role;
        if (node->type != AST_ROLE_NAME) {
            return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                                "cannot use special role specifier in DROP ROLE");
        }
        if (statement->is_if_exists &&
            cat_find_role(ddl->image, ky_slice_cstr(node->name)) == NULL) {
            session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                           "role \"%s\" does not exist, skipping", node->name);
            continue;
        }
        KY_TRY(ddl_named_role(ddl, node, &role));
        KY_TRY(drop_role(ddl, role));
    }
    return KY_OK;
}
