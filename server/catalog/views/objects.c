/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/views/views_private.h"

/* Objects that are not relations, and the catalogs of what the server does not have. */

static const struct sysview_column namespace_columns[] = {
    {"oid", OID_OID}, {"nspname", OID_NAME}, {"nspowner", OID_OID}, {"nspacl", OID_ACLITEM_ARRAY}};

FILL(fill_namespace)
{
    (void)err;
    for (size_t i = 0; i < context->image->schema_count; i++) {
        const struct cat_schema *schema = context->image->schemas[i];
        struct datum *at = sysview_add(rows);
        struct acl_list list;
        put_word(&at, schema->oid);
        put_text(&at, schema->name);
        put_word(&at, acl_schema_owner(context->image, schema));
        acl_of_schema(context->image, schema, &list);
        *at++ = acl_print(context->image, &list, rows->arena);
    }
    return KY_OK;
}
VIEW(view_pg_namespace, 2615, OID_SCHEMA_PG_CATALOG, "pg_namespace", 'r', namespace_columns,
     fill_namespace);

/* ------------------------------------------------------------------ pg_collation */

static const struct sysview_column collation_columns[] = {
    {"oid", OID_OID},           {"collname", OID_NAME},
    {"collnamespace", OID_OID}, {"collowner", OID_OID},
    {"collprovider", OID_CHAR}, {"collisdeterministic", OID_BOOL},
    {"collencoding", OID_INT4}, {"collcollate", OID_TEXT},
    {"collctype", OID_TEXT},    {"colliculocale", OID_TEXT},
    {"collversion", OID_TEXT},
};

FILL(fill_collation)
{
    (void)context;
    (void)err;
    for (int i = 0; i < 2; i++) {
        struct datum *at = sysview_add(rows);
        put_word(&at, i == 0 ? OID_COLLATION_DEFAULT : OID_COLLATION_C);
        put_text(&at, i == 0 ? "default" : "C");
        put_word(&at, OID_SCHEMA_PG_CATALOG);
        put_word(&at, OID_ROLE_POSTGRES);
        put_word(&at, i == 0 ? 'd' : 'c');
        put_word(&at, true);
        put_word(&at, -1);
        put_text(&at, i == 0 ? NULL : "C");
        put_text(&at, i == 0 ? NULL : "C");
        put_nulls(&at, 2);
    }
    return KY_OK;
}
VIEW(view_pg_collation, 3456, OID_SCHEMA_PG_CATALOG, "pg_collation", 'r', collation_columns,
     fill_collation);

/* ------------------------------------------------------------------ pg_database */

static const struct sysview_column database_columns[] = {
    {"oid", OID_OID},
    {"datname", OID_NAME},
    {"datdba", OID_OID},
    {"encoding", OID_INT4},
    {"datlocprovider", OID_CHAR},
    {"datistemplate", OID_BOOL},
    {"datallowconn", OID_BOOL},
    {"datconnlimit", OID_INT4},
    {"datfrozenxid", OID_XID},
    {"datminmxid", OID_XID},
    {"dattablespace", OID_OID},
    {"datcollate", OID_TEXT},
    {"datctype", OID_TEXT},
    {"daticulocale", OID_TEXT},
    {"datcollversion", OID_TEXT},
    {"datacl", OID_ACLITEM_ARRAY},
};

FILL(fill_database)
{
    enum { ENCODING_UTF8 = 6, TABLESPACE_DEFAULT = 1663 };
    (void)err;
    for (size_t i = 0; i < context->image->database_count; i++) {
        const struct cat_database *database = context->image->databases[i];
        struct datum *at = sysview_add(rows);
        put_word(&at, database->oid);
        put_text(&at, database->name);
        put_word(&at, database->owner);
        put_word(&at, ENCODING_UTF8);
        put_word(&at, 'c');
        put_word(&at, database->is_template);
        put_word(&at, database->can_connect);
        put_word(&at, -1);
        put_word(&at, 0);
        put_word(&at, 0);
        put_word(&at, TABLESPACE_DEFAULT);
        put_text(&at, "C.UTF-8");
        put_text(&at, "C.UTF-8");
        put_nulls(&at, 2);
        struct acl_list list;
        acl_of_database(context->image, database, &list);
        *at++ = acl_print(context->image, &list, rows->arena);
    }
    return KY_OK;
}
VIEW(view_pg_database, 1262, OID_SCHEMA_PG_CATALOG, "pg_database", 'r', database_columns,
     fill_database);

/* ------------------------------------------------------------------ comments, extensions */

static const struct sysview_column description_columns[] = {
    {"objoid", OID_OID}, {"classoid", OID_OID}, {"objsubid", OID_INT4}, {"description", OID_TEXT}};

/* Comments on databases and roles are pg_shdescription's. */
static bool
is_shared(const struct cat_comment *comment)
{
    enum { CLASS_PG_AUTHID = 1260 };
    return comment->class_oid == CLASS_PG_AUTHID || comment->class_oid == CLASS_PG_DATABASE;
}

static const struct sysview_column shdescription_columns[] = {
    {"objoid", OID_OID}, {"classoid", OID_OID}, {"description", OID_TEXT}};

FILL(fill_shdescription)
{
    (void)err;
    for (size_t i = 0; i < context->image->comment_count; i++) {
        const struct cat_comment *comment = context->image->comments[i];
        if (is_shared(comment)) {
            struct datum *at = sysview_add(rows);
            put_word(&at, comment->object);
            put_word(&at, comment->class_oid);
            put_text(&at, comment->text);
        }
    }
    return KY_OK;
}
VIEW(view_pg_shdescription, 2396, OID_SCHEMA_PG_CATALOG, "pg_shdescription", 'r',
     shdescription_columns, fill_shdescription);

FILL(fill_description)
{
    (void)err;
    for (size_t i = 0; i < context->image->comment_count; i++) {
        const struct cat_comment *comment = context->image->comments[i];
        if (is_shared(comment)) {
            continue;
        }
        struct datum *at = sysview_add(rows);
        put_word(&at, comment->object);
        put_word(&at, comment->class_oid);
        put_word(&at, comment->column);
        put_text(&at, comment->text);
    }
    return KY_OK;
}
VIEW(view_pg_description, 2609, OID_SCHEMA_PG_CATALOG, "pg_description", 'r', description_columns,
     fill_description);

static const struct sysview_column extension_columns[] = {
    {"oid", OID_OID},
    {"extname", OID_NAME},
    {"extowner", OID_OID},
    {"extnamespace", OID_OID},
    {"extrelocatable", OID_BOOL},
    {"extversion", OID_TEXT},
    {"extconfig", OID_OID_ARRAY},
    {"extcondition", OID_TEXT_ARRAY},
};

/* What is ours beyond PostgreSQL (schema kyro, vector types and functions) belongs to an extension
 * with a built-in OID, so that pg_dump leaves it out. */
FILL(fill_extension)
{
    (void)err;
    struct datum *own = sysview_add(rows);
    put_word(&own, OID_EXTENSION_KYRO);
    put_text(&own, "kyro");
    put_word(&own, OID_ROLE_POSTGRES);
    put_word(&own, OID_SCHEMA_KYRO);
    put_word(&own, false);
    put_text(&own, KYRO_VERSION);
    put_nulls(&own, 2);
    for (size_t i = 0; i < context->image->extension_count; i++) {
        const struct cat_extension *extension = context->image->extensions[i];
        struct datum *at = sysview_add(rows);
        put_word(&at, extension->oid);
        put_text(&at, extension->name);
        put_word(&at, OID_ROLE_POSTGRES);
        put_word(&at, extension->schema);
        put_word(&at, false);
        put_text(&at, extension->version);
        put_nulls(&at, 2);
    }
    return KY_OK;
}
VIEW(view_pg_extension, 3079, OID_SCHEMA_PG_CATALOG, "pg_extension", 'r', extension_columns,
     fill_extension);

static const struct sysview_column sequence_columns[] = {
    {"seqrelid", OID_OID},      {"seqtypid", OID_OID},  {"seqstart", OID_INT8},
    {"seqincrement", OID_INT8}, {"seqmax", OID_INT8},   {"seqmin", OID_INT8},
    {"seqcache", OID_INT8},     {"seqcycle", OID_BOOL},
};

FILL(fill_sequence)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        if (table->kind == 'S') {
            struct datum *at = sysview_add(rows);
            put_word(&at, table->oid);
            put_word(&at, table->sequence_type);
            put_word(&at, table->sequence[0]);
            put_word(&at, table->sequence[1]);
            put_word(&at, table->sequence[3]);
            put_word(&at, table->sequence[2]);
            put_word(&at, table->sequence[4]);
            put_word(&at, table->sequence[5] != 0);
        }
    }
    return KY_OK;
}
VIEW(view_pg_sequence, 2224, OID_SCHEMA_PG_CATALOG, "pg_sequence", 'r', sequence_columns,
     fill_sequence);

/* ------------------------------------------------------------------ what there is none of */

FILL(fill_nothing)
{
    (void)context;
    (void)rows;
    (void)err;
    return KY_OK;
}

#define EMPTY(variable_, oid_, name_, ...)                                    \
    static const struct sysview_column variable_##_columns[] = {__VA_ARGS__}; \
    VIEW(variable_, oid_, OID_SCHEMA_PG_CATALOG, name_, 'r', variable_##_columns, fill_nothing)

EMPTY(view_pg_inherits, 2611, "pg_inherits", {"inhrelid", OID_OID}, {"inhparent", OID_OID},
      {"inhseqno", OID_INT4}, {"inhdetachpending", OID_BOOL});
EMPTY(view_pg_policy, 3256, "pg_policy", {"oid", OID_OID}, {"polname", OID_NAME},
      {"polrelid", OID_OID}, {"polcmd", OID_CHAR}, {"polpermissive", OID_BOOL},
      {"polroles", OID_OID_ARRAY}, {"polqual", OID_PG_NODE_TREE},
      {"polwithcheck", OID_PG_NODE_TREE});
EMPTY(view_pg_trigger, 2620, "pg_trigger", {"oid", OID_OID}, {"tgrelid", OID_OID},
      {"tgparentid", OID_OID}, {"tgname", OID_NAME}, {"tgfoid", OID_OID}, {"tgtype", OID_INT2},
      {"tgenabled", OID_CHAR}, {"tgisinternal", OID_BOOL}, {"tgconstrrelid", OID_OID},
      {"tgconstrindid", OID_OID}, {"tgconstraint", OID_OID}, {"tgdeferrable", OID_BOOL},
      {"tginitdeferred", OID_BOOL}, {"tgnargs", OID_INT2}, {"tgattr", OID_INT2VECTOR},
      {"tgargs", OID_BYTEA}, {"tgqual", OID_PG_NODE_TREE}, {"tgoldtable", OID_NAME},
      {"tgnewtable", OID_NAME});
EMPTY(view_pg_statistic_ext, 3381, "pg_statistic_ext", {"oid", OID_OID}, {"stxrelid", OID_OID},
      {"stxname", OID_NAME}, {"stxnamespace", OID_OID}, {"stxowner", OID_OID},
      {"stxstattarget", OID_INT4}, {"stxkeys", OID_INT2VECTOR}, {"stxkind", OID_CHAR_ARRAY},
      {"stxexprs", OID_PG_NODE_TREE});
EMPTY(view_pg_publication, 6104, "pg_publication", {"oid", OID_OID}, {"pubname", OID_NAME},
      {"pubowner", OID_OID}, {"puballtables", OID_BOOL}, {"pubinsert", OID_BOOL},
      {"pubupdate", OID_BOOL}, {"pubdelete", OID_BOOL}, {"pubtruncate", OID_BOOL},
      {"pubviaroot", OID_BOOL});
EMPTY(view_pg_publication_rel, 6106, "pg_publication_rel", {"oid", OID_OID}, {"prpubid", OID_OID},
      {"prrelid", OID_OID}, {"prqual", OID_PG_NODE_TREE}, {"prattrs", OID_INT2VECTOR});
EMPTY(view_pg_publication_namespace, 6237, "pg_publication_namespace", {"oid", OID_OID},
      {"pnpubid", OID_OID}, {"pnnspid", OID_OID});
EMPTY(view_pg_range, 3541, "pg_range", {"rngtypid", OID_OID}, {"rngsubtype", OID_OID},
      {"rngmultitypid", OID_OID}, {"rngcollation", OID_OID}, {"rngsubopc", OID_OID},
      {"rngcanonical", OID_REGPROC}, {"rngsubdiff", OID_REGPROC});
EMPTY(view_pg_tablespace, 1213, "pg_tablespace", {"oid", OID_OID}, {"spcname", OID_NAME},
      {"spcowner", OID_OID}, {"spcacl", OID_ACLITEM_ARRAY}, {"spcoptions", OID_TEXT_ARRAY});
EMPTY(view_pg_foreign_table, 3118, "pg_foreign_table", {"ftrelid", OID_OID}, {"ftserver", OID_OID},
      {"ftoptions", OID_TEXT_ARRAY});
EMPTY(view_pg_foreign_server, 1417, "pg_foreign_server", {"oid", OID_OID}, {"srvname", OID_NAME},
      {"srvowner", OID_OID}, {"srvfdw", OID_OID}, {"srvtype", OID_TEXT}, {"srvversion", OID_TEXT},
      {"srvacl", OID_ACLITEM_ARRAY}, {"srvoptions", OID_TEXT_ARRAY});
