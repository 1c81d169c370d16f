/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/views/views_private.h"

/* information_schema: domains, domain_constraints, column_domain_usage. */

static void
put_name(struct datum **at, const struct cat_image *image, oid_t schema, const char *name)
{
    put_text(at, view_database_name(image));
    put_text(at, view_schema_name(image, schema));
    put_text(at, name);
}

static const struct sysview_column domain_columns[] = {
    {"domain_catalog", OID_NAME},
    {"domain_schema", OID_NAME},
    {"domain_name", OID_NAME},
    {"data_type", OID_VARCHAR},
    {"character_maximum_length", OID_INT4},
    {"character_octet_length", OID_INT4},
    {"character_set_catalog", OID_NAME},
    {"character_set_schema", OID_NAME},
    {"character_set_name", OID_NAME},
    {"collation_catalog", OID_NAME},
    {"collation_schema", OID_NAME},
    {"collation_name", OID_NAME},
    {"numeric_precision", OID_INT4},
    {"numeric_precision_radix", OID_INT4},
    {"numeric_scale", OID_INT4},
    {"datetime_precision", OID_INT4},
    {"interval_type", OID_VARCHAR},
    {"interval_precision", OID_INT4},
    {"domain_default", OID_VARCHAR},
    {"udt_catalog", OID_NAME},
    {"udt_schema", OID_NAME},
    {"udt_name", OID_NAME},
    {"scope_catalog", OID_NAME},
    {"scope_schema", OID_NAME},
    {"scope_name", OID_NAME},
    {"maximum_cardinality", OID_INT4},
    {"dtd_identifier", OID_NAME},
};

static ky_status
fill_domains(const struct sysview_context *context, struct sysview_rows *rows,
             struct ky_error *err KY_UNUSED)
{
    enum { LENGTHS = 2, NUMBERS = 4 };
    for (size_t i = 0; i < context->image->type_count; i++) {
        const struct cat_type *type = context->image->types[i];
        if (type->domain == NULL) {
            continue;
        }
        const struct cat_table *values = cat_domain_values(rows->arena, type->domain);
        struct datum sizes[LENGTHS + NUMBERS + 5];
        struct datum *size = sizes;
        view_put_sizes(&size, &values->columns[0]);
        struct datum *at = sysview_add(rows);
        put_name(&at, context->image, type->schema, type->name);
        /* As PostgreSQL has it: of a domain over another one only the other is named. */
        const struct cat_type *parent = type->domain->parent == OID_NONE
                                            ? NULL
                                            : cat_get_type(context->image, type->domain->parent);
        const struct type *base = type->domain->base;
        put_text(&at, parent != NULL || (base->oid >= OID_OURS_FIRST && base->category != 'A')
                          ? "USER-DEFINED"
                          : base->sql_name);
        for (int k = 0; k < LENGTHS; k++) {
            *at++ = parent != NULL ? datum_null() : sizes[k];
        }
        put_nulls(&at, 6); /* character set, collation */
        for (int k = 0; k < NUMBERS; k++) {
            *at++ = parent != NULL ? datum_null() : sizes[LENGTHS + k];
        }
        put_nulls(&at, 2); /* interval */
        put_text(&at, sysview_expression(context, rows, values, type->domain->default_sql));
        if (parent != NULL) {
            put_name(&at, context->image, parent->schema, parent->name);
        } else {
            view_put_udt(&at, context->image, base);
        }
        put_nulls(&at, 4); /* scope, cardinality */
        put_text(&at, "1");
    }
    return KY_OK;
}
VIEW(view_is_domains, 13320, OID_SCHEMA_INFORMATION, "domains", 'v', domain_columns, fill_domains);

static const struct sysview_column constraint_columns[] = {
    {"constraint_catalog", OID_NAME}, {"constraint_schema", OID_NAME},
    {"constraint_name", OID_NAME},    {"domain_catalog", OID_NAME},
    {"domain_schema", OID_NAME},      {"domain_name", OID_NAME},
    {"is_deferrable", OID_VARCHAR},   {"initially_deferred", OID_VARCHAR}};

static ky_status
fill_constraints(const struct sysview_context *context, struct sysview_rows *rows,
                 struct ky_error *err KY_UNUSED)
{
    for (size_t i = 0; i < context->image->type_count; i++) {
        const struct cat_type *type = context->image->types[i];
        for (uint16_t k = 0; type->domain != NULL && k < type->domain->check_count; k++) {
            struct datum *at = sysview_add(rows);
            put_name(&at, context->image, type->schema, type->domain->checks[k].name);
            put_name(&at, context->image, type->schema, type->name);
            put_text(&at, "NO");
            put_text(&at, "NO");
        }
    }
    return KY_OK;
}
VIEW(view_is_domain_constraints, 13310, OID_SCHEMA_INFORMATION, "domain_constraints", 'v',
     constraint_columns, fill_constraints);

static const struct sysview_column usage_columns[] = {
    {"domain_catalog", OID_NAME}, {"domain_schema", OID_NAME}, {"domain_name", OID_NAME},
    {"table_catalog", OID_NAME},  {"table_schema", OID_NAME},  {"table_name", OID_NAME},
    {"column_name", OID_NAME}};

static ky_status
fill_usage(const struct sysview_context *context, struct sysview_rows *rows,
           struct ky_error *err KY_UNUSED)
{
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t k = 0; k < table->column_count; k++) {
            const struct cat_column *column = &table->columns[k];
            const struct cat_type *type = column->domain == OID_NONE || column->is_dropped
                                              ? NULL
                                              : cat_get_type(context->image, column->domain);
            if (type != NULL && (table->kind == 'r' || table->kind == 'v')) {
                struct datum *at = sysview_add(rows);
                put_name(&at, context->image, type->schema, type->name);
                put_name(&at, context->image, table->schema, table->name);
                put_text(&at, column->name);
            }
        }
    }
    return KY_OK;
}
VIEW(view_is_column_domain_usage, 13280, OID_SCHEMA_INFORMATION, "column_domain_usage", 'v',
     usage_columns, fill_usage);
