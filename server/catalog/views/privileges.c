/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/views/views_private.h"

/* The information schema's views of roles and of what they may do. */

/* A grant on a relation, or (column not NULL) on a column of it. */
struct grant {
    const struct cat_table *table;
    const struct acl_item *item;
    acl_rights right;
    const char *column;
};

/* Who grants or gets: one of the roles that the role has. */
static bool
is_enabled(const struct sysview_context *context, oid_t role)
{
    return context->role == OID_NONE || acl_inherits(context->image, context->role, role);
}

/* with_public: grants to PUBLIC are shown, as to everybody. */
static bool
is_shown(const struct sysview_context *context, const struct acl_item *item, bool with_public)
{
    if (item->grantee == ACL_PUBLIC) {
        return with_public;
    }
    return is_enabled(context, item->grantor) || is_enabled(context, item->grantee);
}

static void
add_grant(const struct sysview_context *context, struct sysview_rows *rows,
          const struct grant *grant)
{
    const struct acl_item *item = grant->item;
    const bool is_grantable =
        (item->options & grant->right) != 0 || item->grantee == grant->table->owner;
    struct datum *at = sysview_add(rows);
    put_text(&at, view_role_name(context->image, item->grantor));
    put_text(&at, item->grantee == ACL_PUBLIC ? "PUBLIC"
                                              : view_role_name(context->image, item->grantee));
    view_put_relation(&at, context->image, grant->table);
    if (grant->column != NULL) {
        put_text(&at, grant->column);
    }
    put_text(&at, acl_word(grant->right));
    put_text(&at, is_grantable ? "YES" : "NO");
    if (grant->column == NULL) {
        put_text(&at, grant->right == ACL_SELECT ? "YES" : "NO");
    }
}

static void
add_list(const struct sysview_context *context, struct sysview_rows *rows,
         const struct cat_table *table, const struct acl_list *list, const char *column,
         bool with_public)
{
    const acl_rights possible = acl_all(column == NULL ? ACL_OF_TABLE : ACL_OF_COLUMN);
    for (size_t k = 0; k < list->count; k++) {
        const struct acl_item *item = &list->items[k];
        if (!is_shown(context, item, with_public)) {
            continue;
        }
        for (unsigned bit = 0; bit < ACL_RIGHT_COUNT; bit++) {
            const struct grant grant = {table, item, (acl_rights)(1U << bit), column};
            if ((item->rights & possible & grant.right) != 0) {
                add_grant(context, rows, &grant);
            }
        }
    }
}

static const struct sysview_column grant_columns[] = {
    {"grantor", OID_NAME},         {"grantee", OID_NAME},          {"table_catalog", OID_NAME},
    {"table_schema", OID_NAME},    {"table_name", OID_NAME},       {"privilege_type", OID_VARCHAR},
    {"is_grantable", OID_VARCHAR}, {"with_hierarchy", OID_VARCHAR}};

static ky_status
fill_table_grants(const struct sysview_context *context, struct sysview_rows *rows,
                  bool with_public)
{
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        if (table->kind != 'S') {
            struct acl_list list;
            acl_of_table(context->image, table, &list);
            add_list(context, rows, table, &list, NULL, with_public);
        }
    }
    return KY_OK;
}

static ky_status
fill_grants(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    return fill_table_grants(context, rows, true);
}
VIEW(view_is_table_privileges, 13416, OID_SCHEMA_INFORMATION, "table_privileges", 'v',
     grant_columns, fill_grants);

static ky_status
fill_role_grants(const struct sysview_context *context, struct sysview_rows *rows,
                 struct ky_error *err)
{
    (void)err;
    return fill_table_grants(context, rows, false);
}
VIEW(view_is_role_table_grants, 13421, OID_SCHEMA_INFORMATION, "role_table_grants", 'v',
     grant_columns, fill_role_grants);

/* ------------------------------------------------------------------ columns */

static const struct sysview_column column_grant_columns[] = {
    {"grantor", OID_NAME},           {"grantee", OID_NAME},        {"table_catalog", OID_NAME},
    {"table_schema", OID_NAME},      {"table_name", OID_NAME},     {"column_name", OID_NAME},
    {"privilege_type", OID_VARCHAR}, {"is_grantable", OID_VARCHAR}};

/* What is granted on the whole table is granted on each column. */
static ky_status
fill_column_grants(const struct sysview_context *context, struct sysview_rows *rows,
                   bool with_public)
{
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t c = 0; table->kind != 'S' && c < table->column_count; c++) {
            const struct cat_column *column = &table->columns[c];
            struct acl_list list;
            if (column->is_dropped) {
                continue;
            }
            acl_of_table(context->image, table, &list);
            add_list(context, rows, table, &list, column->name, with_public);
            acl_of_column(context->image, table, column->number, &list);
            add_list(context, rows, table, &list, column->name, with_public);
        }
    }
    return KY_OK;
}

static ky_status
fill_column_privileges(const struct sysview_context *context, struct sysview_rows *rows,
                       struct ky_error *err)
{
    (void)err;
    return fill_column_grants(context, rows, true);
}
VIEW(view_is_column_privileges, 13285, OID_SCHEMA_INFORMATION, "column_privileges", 'v',
     column_grant_columns, fill_column_privileges);

static ky_status
fill_role_column_grants(const struct sysview_context *context, struct sysview_rows *rows,
                        struct ky_error *err)
{
    (void)err;
    return fill_column_grants(context, rows, false);
}
VIEW(view_is_role_column_grants, 13344, OID_SCHEMA_INFORMATION, "role_column_grants", 'v',
     column_grant_columns, fill_role_column_grants);

/* ------------------------------------------------------------------ roles */

static const struct sysview_column enabled_columns[] = {{"role_name", OID_NAME}};

static ky_status
fill_enabled_roles(const struct sysview_context *context, struct sysview_rows *rows,
                   struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->role_count; i++) {
        if (is_enabled(context, context->image->roles[i]->oid)) {
            struct datum *at = sysview_add(rows);
            put_text(&at, context->image->roles[i]->name);
        }
    }
    return KY_OK;
}
VIEW(view_is_enabled_roles, 13325, OID_SCHEMA_INFORMATION, "enabled_roles", 'v', enabled_columns,
     fill_enabled_roles);

static const struct sysview_column applicable_columns[] = {
    {"grantee", OID_NAME}, {"role_name", OID_NAME}, {"is_grantable", OID_VARCHAR}};

static ky_status
fill_applicable_roles(const struct sysview_context *context, struct sysview_rows *rows,
                      struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->member_count; i++) {
        const struct cat_member *member = context->image->members[i];
        if (is_enabled(context, member->member)) {
            struct datum *at = sysview_add(rows);
            put_text(&at, view_role_name(context->image, member->member));
            put_text(&at, view_role_name(context->image, member->role));
            put_text(&at, member->is_admin ? "YES" : "NO");
        }
    }
    return KY_OK;
}
VIEW(view_is_applicable_roles, 13236, OID_SCHEMA_INFORMATION, "applicable_roles", 'v',
     applicable_columns, fill_applicable_roles);
