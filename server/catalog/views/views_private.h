/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/catalog/acl.h"
#include "server/catalog/sysview.h"

/* Fills a row from left to right; each view lists its columns in the same order. */
static inline void
put_word(struct datum **at, int64_t word)
{
    *(*at)++ = datum_word(word);
}

static inline void
put_real(struct datum **at, double real)
{
    *(*at)++ = datum_real(real);
}

static inline void
put_null(struct datum **at)
{
    *(*at)++ = datum_null();
}

static inline void
put_nulls(struct datum **at, int count)
{
    while (count-- > 0) {
        put_null(at);
    }
}

/* NULL text is a null value. */
static inline void
put_text(struct datum **at, const char *text)
{
    *(*at)++ = text == NULL ? datum_null() : datum_cstr(text);
}

#define VIEW(variable_, oid_, schema_, name_, kind_, columns_, fill_)        \
    const struct sysview variable_ = {.oid = (oid_),                         \
                                      .schema = (schema_),                   \
                                      .name = (name_),                       \
                                      .kind = (kind_),                       \
                                      .columns = (columns_),                 \
                                      .column_count = KY_COUNT_OF(columns_), \
                                      .fill = (fill_)}

const char *view_schema_name(const struct cat_image *image, oid_t schema);
const char *view_role_name(const struct cat_image *image, oid_t role);
/* The head of a view's fill function. */
#define FILL(name_)                                                                          \
    static ky_status name_(const struct sysview_context *context, struct sysview_rows *rows, \
                           struct ky_error *err)

/* The database, the schema and the name of a relation. */
void view_put_relation(struct datum **at, const struct cat_image *image,
                       const struct cat_table *table);
/* Has the role of the context any right on the relation, or on one of its columns? */
bool view_shows(const struct sysview_context *context, const struct cat_table *table);
bool view_shows_column(const struct sysview_context *context, const struct cat_table *table,
                       const struct cat_column *column);
/* What information_schema says of types: "integer", "ARRAY", "USER-DEFINED"; lengths, precisions
 * and what stands between these and the collation; database, schema and name. */
const char *view_database_name(const struct cat_image *image);
const char *view_data_type(const struct type *type);
void view_put_sizes(struct datum **at, const struct cat_column *column);
void view_put_udt(struct datum **at, const struct cat_image *image, const struct type *type);
/* typstorage: 'p'lain for fixed sizes, 'm'ain for numeric, 'e'xternal for vectors, e'x'tended. */
char view_type_storage(const struct type *type);

extern const struct sysview view_pg_class, view_pg_attribute, view_pg_attrdef, view_pg_index,
    view_pg_constraint, view_pg_tables, view_pg_views, view_pg_matviews;
extern const struct sysview view_pg_namespace, view_pg_type, view_pg_am, view_pg_collation,
    view_pg_roles, view_pg_authid, view_pg_database, view_pg_description, view_pg_extension,
    view_pg_sequence, view_pg_inherits, view_pg_policy, view_pg_trigger, view_pg_statistic_ext,
    view_pg_statistic, view_pg_stats, view_pg_publication, view_pg_publication_rel,
    view_pg_publication_namespace, view_pg_enum, view_pg_range, view_pg_tablespace,
    view_pg_auth_members, view_pg_default_acl, view_pg_db_role_setting, view_pg_shadow,
    view_pg_user, view_pg_foreign_table, view_pg_foreign_server, view_pg_shdescription,
    view_pg_opclass, view_pg_opfamily, view_pg_amop, view_pg_available_extensions,
    view_pg_available_extension_versions;
extern const struct sysview view_is_schemata, view_is_tables, view_is_columns,
    view_is_table_constraints, view_is_key_column_usage, view_is_referential_constraints,
    view_is_constraint_column_usage, view_is_check_constraints, view_is_views, view_is_domains,
    view_is_domain_constraints, view_is_column_domain_usage, view_is_element_types;
extern const struct sysview view_is_table_privileges, view_is_role_table_grants,
    view_is_column_privileges, view_is_role_column_grants, view_is_enabled_roles,
    view_is_applicable_roles;
