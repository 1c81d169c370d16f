/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/opclass.h"

#include "server/catalog/views/views_private.h"

/* Access methods, operator classes and families, extensions that could be made. */

static const struct sysview_column am_columns[] = {
    {"oid", OID_OID}, {"amname", OID_NAME}, {"amhandler", OID_REGPROC}, {"amtype", OID_CHAR}};

static ky_status
fill_am(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    static const struct {
        oid_t oid;
        const char *name;
        char type;
    } methods[] = {{2, "heap", 't'},
                   {INDEX_BTREE, "btree", 'i'},
                   {INDEX_HASH, "hash", 'i'},
                   {INDEX_GIN, "gin", 'i'},
                   {INDEX_RMI, "rmi", 'i'},
                   {INDEX_HNSW, "hnsw", 'i'},
                   {INDEX_IVFFLAT, "ivfflat", 'i'}};
    (void)context;
    (void)err;
    for (size_t i = 0; i < KY_COUNT_OF(methods); i++) {
        struct datum *at = sysview_add(rows);
        put_word(&at, methods[i].oid);
        put_text(&at, methods[i].name);
        put_word(&at, 0);
        put_word(&at, methods[i].type);
    }
    return KY_OK;
}
VIEW(view_pg_am, 2601, OID_SCHEMA_PG_CATALOG, "pg_am", 'r', am_columns, fill_am);

static oid_t
schema_of(const struct cat_opclass *opclass)
{
    return opclass->oid >= OID_OURS_FIRST ? OID_SCHEMA_PUBLIC : OID_SCHEMA_PG_CATALOG;
}

static const struct sysview_column opclass_columns[] = {
    {"oid", OID_OID},          {"opcmethod", OID_OID},   {"opcname", OID_NAME},
    {"opcnamespace", OID_OID}, {"opcowner", OID_OID},    {"opcfamily", OID_OID},
    {"opcintype", OID_OID},    {"opcdefault", OID_BOOL}, {"opckeytype", OID_OID},
};

static ky_status
fill_opclass(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    size_t count;
    const struct cat_opclass *classes = cat_opclass_all(&count);
    (void)context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        struct datum *at = sysview_add(rows);
        put_word(&at, classes[i].oid);
        put_word(&at, classes[i].method);
        put_text(&at, classes[i].name);
        put_word(&at, schema_of(&classes[i]));
        put_word(&at, OID_ROLE_POSTGRES);
        put_word(&at, classes[i].family);
        put_word(&at, classes[i].type);
        put_word(&at, classes[i].is_default);
        put_word(&at, classes[i].key_type);
    }
    return KY_OK;
}
VIEW(view_pg_opclass, 2616, OID_SCHEMA_PG_CATALOG, "pg_opclass", 'r', opclass_columns,
     fill_opclass);

static const struct sysview_column opfamily_columns[] = {
    {"oid", OID_OID},          {"opfmethod", OID_OID}, {"opfname", OID_NAME},
    {"opfnamespace", OID_OID}, {"opfowner", OID_OID},
};

static ky_status
fill_opfamily(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    size_t count;
    const struct cat_opclass *classes = cat_opclass_all(&count);
    (void)context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        bool is_listed = false;
        for (size_t k = 0; k < i; k++) {
            is_listed = is_listed || classes[k].family == classes[i].family;
        }
        if (is_listed) {
            continue;
        }
        struct datum *at = sysview_add(rows);
        put_word(&at, classes[i].family);
        put_word(&at, classes[i].method);
        put_text(&at, classes[i].name);
        put_word(&at, schema_of(&classes[i]));
        put_word(&at, OID_ROLE_POSTGRES);
    }
    return KY_OK;
}
VIEW(view_pg_opfamily, 2753, OID_SCHEMA_PG_CATALOG, "pg_opfamily", 'r', opfamily_columns,
     fill_opfamily);

static const struct sysview_column amop_columns[] = {
    {"oid", OID_OID},           {"amopfamily", OID_OID},    {"amoplefttype", OID_OID},
    {"amoprighttype", OID_OID}, {"amopstrategy", OID_INT2}, {"amoppurpose", OID_CHAR},
    {"amopopr", OID_OID},       {"amopmethod", OID_OID},    {"amopsortfamily", OID_OID},
};

/* gin's only: what the other methods do is known by the operators themselves. */
static ky_status
fill_amop(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    size_t count;
    const struct cat_gin_operator *operators = cat_gin_operators(&count);
    (void)context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        struct datum *at = sysview_add(rows);
        put_word(&at, operators[i].oid);
        put_word(&at, operators[i].family);
        put_word(&at, operators[i].left);
        put_word(&at, operators[i].right);
        put_word(&at, (int64_t)operators[i].strategy);
        put_word(&at, 's');
        put_word(&at, operators[i].op);
        put_word(&at, INDEX_GIN);
        put_word(&at, 0);
    }
    return KY_OK;
}
VIEW(view_pg_amop, 2602, OID_SCHEMA_PG_CATALOG, "pg_amop", 'r', amop_columns, fill_amop);

/* ------------------------------------------------------------------ extensions */

static const char *
installed_version(const struct cat_image *image, const char *name)
{
    for (size_t i = 0; i < image->extension_count; i++) {
        if (strcmp(image->extensions[i]->name, name) == 0) {
            return image->extensions[i]->version;
        }
    }
    return NULL;
}

static const struct sysview_column available_columns[] = {
    {"name", OID_NAME},
    {"default_version", OID_TEXT},
    {"installed_version", OID_TEXT},
    {"comment", OID_TEXT},
};

static ky_status
fill_available(const struct sysview_context *context, struct sysview_rows *rows,
               struct ky_error *err)
{
    (void)err;
    size_t count;
    const struct cat_available_extension *available = cat_available_extensions(&count);
    for (size_t i = 0; i < count; i++) {
        struct datum *at = sysview_add(rows);
        put_text(&at, available[i].name);
        put_text(&at, available[i].version);
        put_text(&at, installed_version(context->image, available[i].name));
        put_text(&at, available[i].comment);
    }
    return KY_OK;
}
VIEW(view_pg_available_extensions, 12080, OID_SCHEMA_PG_CATALOG, "pg_available_extensions", 'v',
     available_columns, fill_available);

static const struct sysview_column available_version_columns[] = {
    {"name", OID_NAME},      {"version", OID_TEXT},        {"installed", OID_BOOL},
    {"superuser", OID_BOOL}, {"trusted", OID_BOOL},        {"relocatable", OID_BOOL},
    {"schema", OID_NAME},    {"requires", OID_NAME_ARRAY}, {"comment", OID_TEXT},
};

static ky_status
fill_available_versions(const struct sysview_context *context, struct sysview_rows *rows,
                        struct ky_error *err)
{
    (void)err;
    size_t count;
    const struct cat_available_extension *available = cat_available_extensions(&count);
    for (size_t i = 0; i < count; i++) {
        const char *installed = installed_version(context->image, available[i].name);
        struct datum *at = sysview_add(rows);
        put_text(&at, available[i].name);
        put_text(&at, available[i].version);
        put_word(&at, installed != NULL && strcmp(installed, available[i].version) == 0);
        put_word(&at, true);
        put_word(&at, true);
        put_word(&at, true);
        put_nulls(&at, 2);
        put_text(&at, available[i].comment);
    }
    return KY_OK;
}
VIEW(view_pg_available_extension_versions, 12084, OID_SCHEMA_PG_CATALOG,
     "pg_available_extension_versions", 'v', available_version_columns, fill_available_versions);
