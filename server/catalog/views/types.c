/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/views/views_private.h"
#include "server/types/type_io.h"

/* pg_type and pg_enum: built-in types, and those that users made. */

static const struct sysview_column type_columns[] = {
    {"oid", OID_OID},
    {"typname", OID_NAME},
    {"typnamespace", OID_OID},
    {"typowner", OID_OID},
    {"typlen", OID_INT2},
    {"typbyval", OID_BOOL},
    {"typtype", OID_CHAR},
    {"typcategory", OID_CHAR},
    {"typispreferred", OID_BOOL},
    {"typisdefined", OID_BOOL},
    {"typdelim", OID_CHAR},
    {"typrelid", OID_OID},
    {"typsubscript", OID_REGPROC},
    {"typelem", OID_OID},
    {"typarray", OID_OID},
    {"typinput", OID_REGPROC},
    {"typoutput", OID_REGPROC},
    {"typreceive", OID_REGPROC},
    {"typsend", OID_REGPROC},
    {"typmodin", OID_REGPROC},
    {"typmodout", OID_REGPROC},
    {"typanalyze", OID_REGPROC},
    {"typalign", OID_CHAR},
    {"typstorage", OID_CHAR},
    {"typnotnull", OID_BOOL},
    {"typbasetype", OID_OID},
    {"typtypmod", OID_INT4},
    {"typndims", OID_INT4},
    {"typcollation", OID_OID},
    {"typdefaultbin", OID_PG_NODE_TREE},
    {"typdefault", OID_TEXT},
    {"typacl", OID_ACLITEM_ARRAY},
};

/* What pgvector's extension would have made. */
static bool
is_vector_type(const struct type *type)
{
    return type->oid >= OID_VECTOR && type->oid <= OID_SPARSEVEC_ARRAY;
}

char
view_type_storage(const struct type *type)
{
    return type->typlen > 0                                ? 'p'
           : type->oid == OID_NUMERIC                      ? 'm'
           : is_vector_type(type) && type->category == 'U' ? 'e'
                                                           : 'x';
}

/* own: the user's type that it is or has as its array, or NULL. */
static void
put_type(const struct sysview_context *context, struct sysview_rows *rows, const struct type *type,
         const char *name, oid_t schema, oid_t owner, const struct cat_type *own)
{
    const struct type_io *io =
        type_io_of(own != NULL && own->domain != NULL ? own->domain->base : type);
    const struct cat_domain *domain = own == NULL ? NULL : own->domain;
    struct datum *at = sysview_add(rows);
    put_word(&at, type->oid);
    put_text(&at, name);
    put_word(&at, schema);
    put_word(&at, owner);
    put_word(&at, type->typlen);
    put_word(&at, type->is_by_value);
    put_word(&at, type->typtype);
    put_word(&at, type->category);
    put_word(&at, type->is_preferred);
    put_word(&at, true);
    put_word(&at, type->delimiter == 0 ? ',' : type->delimiter);
    put_word(&at, 0);
    put_word(&at, 0);
    put_word(&at, type->element_oid);
    put_word(&at, type->array_oid);
    put_word(&at, io->input);
    put_word(&at, io->output);
    put_word(&at, io->receive);
    put_word(&at, io->send);
    for (int k = 0; k < 3; k++) {
        put_word(&at, 0);
    }
    put_word(&at, type->align);
    put_word(&at, view_type_storage(type));
    put_word(&at, domain != NULL && domain->is_not_null);
    put_word(&at, domain == NULL               ? OID_NONE
                  : domain->parent != OID_NONE ? domain->parent
                                               : domain->base_oid);
    put_word(&at, domain == NULL || domain->parent != OID_NONE ? -1 : domain->typmod);
    put_word(&at, domain != NULL && domain->parent == OID_NONE && type->category == 'A');
    put_word(&at, type->collation);
    put_text(&at, domain == NULL ? NULL : domain->default_sql);
    put_text(&at, domain == NULL || domain->default_sql == NULL
                      ? NULL
                      : sysview_expression(context, rows, cat_domain_values(rows->arena, domain),
                                           domain->default_sql));
    put_nulls(&at, 1);
}

static ky_status
fill_type(const struct sysview_context *context, struct sysview_rows *rows,
          struct ky_error *err KY_UNUSED)
{
    size_t count;
    const struct type *const *types = type_all(&count);
    for (size_t i = 0; i < count; i++) {
        put_type(context, rows, types[i], types[i]->name,
                 is_vector_type(types[i]) ? OID_SCHEMA_PUBLIC : OID_SCHEMA_PG_CATALOG,
                 OID_ROLE_POSTGRES, NULL);
    }
    for (size_t i = 0; i < context->image->type_count; i++) {
        const struct cat_type *type = context->image->types[i];
        put_type(context, rows, type_get(type->oid), type->name, type->schema, type->owner, type);
        if (type->domain == NULL) {
            put_type(context, rows, type_get(type->array_oid), type->array_name, type->schema,
                     type->owner, NULL);
        }
    }
    return KY_OK;
}
VIEW(view_pg_type, 1247, OID_SCHEMA_PG_CATALOG, "pg_type", 'r', type_columns, fill_type);

static const struct sysview_column enum_columns[] = {{"oid", OID_OID},
                                                     {"enumtypid", OID_OID},
                                                     {"enumsortorder", OID_FLOAT4},
                                                     {"enumlabel", OID_NAME}};

static ky_status
fill_enum(const struct sysview_context *context, struct sysview_rows *rows,
          struct ky_error *err KY_UNUSED)
{
    for (size_t i = 0; i < context->image->type_count; i++) {
        const struct cat_type *type = context->image->types[i];
        for (uint32_t k = 0; k < type->labels.count; k++) {
            const struct enum_label *label = &type->labels.labels[k];
            const double place = (double)label->word / (double)(INT64_C(1) << ENUM_PLACE_BITS);
            struct datum *at = sysview_add(rows);
            put_word(&at, label->oid);
            put_word(&at, type->oid);
            put_real(&at, (double)(float)place);
            put_text(&at, label->name);
        }
    }
    return KY_OK;
}
VIEW(view_pg_enum, 3501, OID_SCHEMA_PG_CATALOG, "pg_enum", 'r', enum_columns, fill_enum);
