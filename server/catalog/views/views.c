/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/views/views.h"

#include "server/catalog/views/views_private.h"

const char *
view_schema_name(const struct cat_image *image, oid_t schema)
{
    const struct cat_schema *found = cat_get_schema(image, schema);
    return found == NULL ? NULL : found->name;
}

bool
view_shows_column(const struct sysview_context *context, const struct cat_table *table,
                  const struct cat_column *column)
{
    return context->role == OID_NONE || acl_inherits(context->image, context->role, table->owner) ||
           acl_on_column(context->image, context->role, table, column->number,
                         acl_all(ACL_OF_COLUMN)) != 0;
}

bool
view_shows(const struct sysview_context *context, const struct cat_table *table)
{
    if (context->role == OID_NONE || acl_inherits(context->image, context->role, table->owner) ||
        acl_on_table(context->image, context->role, table,
                     acl_all(table->kind == 'S' ? ACL_OF_SEQUENCE : ACL_OF_TABLE)) != 0) {
        return true;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (view_shows_column(context, table, &table->columns[i])) {
            return true;
        }
    }
    return false;
}

const char *
view_role_name(const struct cat_image *image, oid_t role)
{
    const struct cat_role *found = cat_get_role(image, role);
    return found == NULL ? NULL : found->name;
}

void
catalog_views_register(void)
{
    static const struct sysview *const views[] = {
        &view_pg_class,
        &view_pg_attribute,
        &view_pg_attrdef,
        &view_pg_index,
        &view_pg_constraint,
        &view_pg_tables,
        &view_pg_views,
        &view_pg_matviews,
        &view_pg_namespace,
        &view_pg_type,
        &view_pg_am,
        &view_pg_collation,
        &view_pg_roles,
        &view_pg_authid,
        &view_pg_database,
        &view_pg_description,
        &view_pg_extension,
        &view_pg_sequence,
        &view_pg_inherits,
        &view_pg_policy,
        &view_pg_trigger,
        &view_pg_statistic,
        &view_pg_statistic_ext,
        &view_pg_stats,
        &view_pg_publication,
        &view_pg_publication_rel,
        &view_pg_publication_namespace,
        &view_pg_enum,
        &view_pg_range,
        &view_pg_tablespace,
        &view_pg_auth_members,
        &view_pg_default_acl,
        &view_pg_db_role_setting,
        &view_pg_shadow,
        &view_pg_user,
        &view_pg_foreign_table,
        &view_pg_foreign_server,
        &view_pg_shdescription,
        &view_pg_opclass,
        &view_pg_opfamily,
        &view_pg_amop,
        &view_pg_available_extensions,
        &view_pg_available_extension_versions,
        &view_is_schemata,
        &view_is_tables,
        &view_is_columns,
        &view_is_table_constraints,
        &view_is_key_column_usage,
        &view_is_referential_constraints,
        &view_is_constraint_column_usage,
        &view_is_check_constraints,
        &view_is_views,
        &view_is_element_types,
        &view_is_domains,
        &view_is_domain_constraints,
        &view_is_column_domain_usage,
        &view_is_table_privileges,
        &view_is_role_table_grants,
        &view_is_column_privileges,
        &view_is_role_column_grants,
        &view_is_enabled_roles,
        &view_is_applicable_roles,
    };
    sysview_register(views, KY_COUNT_OF(views));
}
