/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

enum { SEQUENCE_COLUMNS = 3 };

#include "server/catalog/opclass.h"
#include "server/catalog/views/views_private.h"
#include "server/types/array.h"

/* What relations are made of: pg_class, pg_attribute, pg_attrdef, pg_index, pg_constraint. */

static const struct sysview_column class_columns[] = {
    {"oid", OID_OID},
    {"relname", OID_NAME},
    {"relnamespace", OID_OID},
    {"reltype", OID_OID},
    {"reloftype", OID_OID},
    {"relowner", OID_OID},
    {"relam", OID_OID},
    {"relfilenode", OID_OID},
    {"reltablespace", OID_OID},
    {"relpages", OID_INT4},
    {"reltuples", OID_FLOAT4},
    {"relallvisible", OID_INT4},
    {"reltoastrelid", OID_OID},
    {"relhasindex", OID_BOOL},
    {"relisshared", OID_BOOL},
    {"relpersistence", OID_CHAR},
    {"relkind", OID_CHAR},
    {"relnatts", OID_INT2},
    {"relchecks", OID_INT2},
    {"relhasrules", OID_BOOL},
    {"relhastriggers", OID_BOOL},
    {"relhassubclass", OID_BOOL},
    {"relrowsecurity", OID_BOOL},
    {"relforcerowsecurity", OID_BOOL},
    {"relispopulated", OID_BOOL},
    {"relreplident", OID_CHAR},
    {"relispartition", OID_BOOL},
    {"relrewrite", OID_OID},
    {"relfrozenxid", OID_XID},
    {"relminmxid", OID_XID},
    {"relacl", OID_ACLITEM_ARRAY},
    {"reloptions", OID_TEXT_ARRAY},
    {"relpartbound", OID_PG_NODE_TREE},
};

struct class_row {
    oid_t oid;
    const char *name;
    oid_t schema;
    oid_t row_type;
    oid_t owner;
    oid_t method;
    int64_t rel;
    bool has_index, has_triggers;
    char persistence;
    char kind;
    int column_count;
    int check_count;
    bool is_populated; /* kind m */
    const char *const *options;
    struct datum acl;
};

static struct datum
text_array(const struct sysview_rows *rows, const char *const *texts)
{
    uint32_t count = 0;
    if (texts == NULL) {
        return datum_null();
    }
    while (texts[count] != NULL) {
        count++;
    }
    if (count == 0) {
        return datum_null();
    }
    struct datum *values = ky_arena_array(rows->arena, struct datum, count);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = datum_cstr(texts[i]);
    }
    struct ky_slice array = array_make(rows->arena, type_get(OID_TEXT), values, count);
    return datum_bytes(array.data, array.size);
}

static void
add_class(struct sysview_rows *rows, const struct class_row *row)
{
    struct datum *at = sysview_add(rows);
    put_word(&at, row->oid);
    put_text(&at, row->name);
    put_word(&at, row->schema);
    put_word(&at, row->row_type);
    put_word(&at, 0);
    put_word(&at, row->owner);
    put_word(&at, row->method);
    put_word(&at, row->rel);
    put_word(&at, 0);
    put_word(&at, 0);
    put_real(&at, -1);
    put_word(&at, 0);
    put_word(&at, 0);
    put_word(&at, row->has_index);
    put_word(&at, false);
    put_word(&at, row->persistence);
    put_word(&at, row->kind);
    put_word(&at, row->column_count);
    put_word(&at, row->check_count);
    put_word(&at, row->kind == 'v' || row->kind == 'm'); /* relhasrules */
    put_word(&at, row->has_triggers);
    for (int i = 0; i < 3; i++) {
        put_word(&at, false);
    }
    put_word(&at, row->kind != 'm' || row->is_populated);
    put_word(&at, row->kind == 'r' || row->kind == 'm' ? 'd' : 'n');
    put_word(&at, false);
    put_word(&at, 0);
    put_word(&at, 0);
    put_word(&at, 0);
    *at++ = row->acl;
    *at++ = text_array(rows, row->options);
    put_null(&at);
}

static struct datum
table_acl(const struct sysview_context *context, const struct sysview_rows *rows,
          const struct cat_table *table)
{
    struct acl_list list;
    acl_of_table(context->image, table, &list);
    return acl_print(context->image, &list, rows->arena);
}

static ky_status
fill_class(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        struct class_row row = {.oid = table->oid,
                                .name = table->name,
                                .schema = table->schema,
                                .row_type = table->row_type,
                                .owner = table->owner,
                                .method = table->kind == 'r' || table->kind == 'm' ? 2 : 0,
                                .rel = (int64_t)table->rel,
                                .has_index = table->index_count > 0,
                                .has_triggers = table->foreign_count + table->reference_count > 0,
                                .persistence = table->persistence,
                                .kind = table->kind,
                                .is_populated = table->is_populated,
                                .column_count = table->column_count,
                                .options = table->options,
                                .acl = table_acl(context, rows, table)};
        for (uint16_t k = 0; k < table->constraint_count; k++) {
            row.check_count += table->constraints[k]->kind == CONSTRAINT_CHECK;
        }
        add_class(rows, &row);
        for (uint16_t k = 0; k < table->index_count; k++) {
            const struct cat_index *index = table->indexes[k];
            add_class(rows, &(struct class_row){.oid = index->oid,
                                                .name = index->name,
                                                .schema = table->schema,
                                                .owner = table->owner,
                                                .method = (oid_t)index->method,
                                                .rel = index->oid,
                                                .persistence = table->persistence,
                                                .kind = 'i',
                                                .column_count = index->column_count,
                                                .options = index->options,
                                                .acl = datum_null()});
        }
    }
    return KY_OK;
}
VIEW(view_pg_class, 1259, OID_SCHEMA_PG_CATALOG, "pg_class", 'r', class_columns, fill_class);

/* ------------------------------------------------------------------ pg_attribute */

static const struct sysview_column attribute_columns[] = {
    {"attrelid", OID_OID},
    {"attname", OID_NAME},
    {"atttypid", OID_OID},
    {"attstattarget", OID_INT4},
    {"attlen", OID_INT2},
    {"attnum", OID_INT2},
    {"attndims", OID_INT4},
    {"attcacheoff", OID_INT4},
    {"atttypmod", OID_INT4},
    {"attbyval", OID_BOOL},
    {"attalign", OID_CHAR},
    {"attstorage", OID_CHAR},
    {"attcompression", OID_CHAR},
    {"attnotnull", OID_BOOL},
    {"atthasdef", OID_BOOL},
    {"atthasmissing", OID_BOOL},
    {"attidentity", OID_CHAR},
    {"attgenerated", OID_CHAR},
    {"attisdropped", OID_BOOL},
    {"attislocal", OID_BOOL},
    {"attinhcount", OID_INT4},
    {"attcollation", OID_OID},
    {"attacl", OID_ACLITEM_ARRAY},
    {"attoptions", OID_TEXT_ARRAY},
    {"attfdwoptions", OID_TEXT_ARRAY},
    {"attmissingval", OID_ANYARRAY},
};

/* As in PostgreSQL, what an identity column takes from its sequence is no default. */
static bool
has_default(const struct cat_column *column)
{
    return column->default_sql != NULL && column->identity == 0;
}

static void
add_attribute(struct sysview_rows *rows, oid_t relation, int number,
              const struct cat_column *column, struct datum acl)
{
    struct datum *at = sysview_add(rows);
    const struct type *type = column->type;
    put_word(&at, relation);
    put_text(&at, column->name);
    put_word(&at, column->is_dropped ? 0 : cat_column_type(column));
    put_word(&at, -1);
    put_word(&at, type->typlen);
    put_word(&at, number);
    put_word(&at, type->category == 'A' && column->domain == OID_NONE);
    put_word(&at, -1);
    put_word(&at, cat_column_typmod(column));
    put_word(&at, type->is_by_value);
    put_word(&at, type->align);
    put_word(&at, view_type_storage(type));
    put_word(&at, 0);
    put_word(&at, column->is_not_null);
    put_word(&at, has_default(column));
    put_word(&at, false);
    put_word(&at, column->identity);
    put_word(&at, column->generated);
    put_word(&at, column->is_dropped);
    put_word(&at, true);
    put_word(&at, 0);
    put_word(&at, type->collation);
    *at++ = acl;
    put_nulls(&at, 3);
}

static struct datum
column_acl(const struct sysview_context *context, const struct sysview_rows *rows,
           const struct cat_table *table, const struct cat_column *column)
{
    struct acl_list list;
    acl_of_column(context->image, table, column->number, &list);
    return acl_print(context->image, &list, rows->arena);
}

static void
add_sequence_attributes(struct sysview_rows *rows, oid_t sequence)
{
    static const struct {
        const char *name;
        oid_t type;
    } columns[] = {{"last_value", OID_INT8}, {"log_cnt", OID_INT8}, {"is_called", OID_BOOL}};
    for (int i = 0; i < (int)KY_COUNT_OF(columns); i++) {
        const struct cat_column column = {.name = columns[i].name,
                                          .type = type_get(columns[i].type),
                                          .typmod = -1,
                                          .is_not_null = true};
        add_attribute(rows, sequence, i + 1, &column, datum_null());
    }
}

/* A key over an expression is called by its function, or "expr". */
static struct cat_column
index_column(struct sysview_rows *rows, const struct cat_index *index, uint16_t key)
{
    const struct cat_key *found = &index->keys[key];
    struct cat_column column = {.type = found->type, .typmod = found->typmod};
    if (found->column > 0) {
        column = index->table->columns[found->column - 1];
        column.is_not_null = false;
        column.default_sql = NULL;
        column.identity = column.generated = 0;
        return column;
    }
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    const size_t size = strspn(found->expression_sql, letters);
    column.name = size > 0 && found->expression_sql[size] == '('
                      ? ky_arena_printf(rows->arena, "%.*s", (int)size, found->expression_sql)
                      : "expr";
    return column;
}

static ky_status
fill_attribute(const struct sysview_context *context, struct sysview_rows *rows,
               struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t k = 0; k < table->column_count; k++) {
            add_attribute(rows, table->oid, table->columns[k].number, &table->columns[k],
                          column_acl(context, rows, table, &table->columns[k]));
        }
        if (table->kind == 'S') {
            add_sequence_attributes(rows, table->oid);
        }
        for (uint16_t k = 0; k < table->index_count; k++) {
            const struct cat_index *index = table->indexes[k];
            for (uint16_t key = 0; key < index->column_count; key++) {
                const struct cat_column column = index_column(rows, index, key);
                add_attribute(rows, index->oid, key + 1, &column, datum_null());
            }
        }
    }
    return KY_OK;
}
VIEW(view_pg_attribute, 1249, OID_SCHEMA_PG_CATALOG, "pg_attribute", 'r', attribute_columns,
     fill_attribute);

/* ------------------------------------------------------------------ pg_attrdef */

static const struct sysview_column attrdef_columns[] = {
    {"oid", OID_OID}, {"adrelid", OID_OID}, {"adnum", OID_INT2}, {"adbin", OID_PG_NODE_TREE}};

static ky_status
fill_attrdef(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t k = 0; k < table->column_count; k++) {
            if (has_default(&table->columns[k])) {
                struct datum *at = sysview_add(rows);
                put_word(&at, table->columns[k].default_oid);
                put_word(&at, table->oid);
                put_word(&at, table->columns[k].number);
                put_text(&at, table->columns[k].default_sql);
            }
        }
    }
    return KY_OK;
}
VIEW(view_pg_attrdef, 2604, OID_SCHEMA_PG_CATALOG, "pg_attrdef", 'r', attrdef_columns,
     fill_attrdef);

/* ------------------------------------------------------------------ pg_index */

static const struct sysview_column index_columns[] = {
    {"indexrelid", OID_OID},         {"indrelid", OID_OID},
    {"indnatts", OID_INT2},          {"indnkeyatts", OID_INT2},
    {"indisunique", OID_BOOL},       {"indnullsnotdistinct", OID_BOOL},
    {"indisprimary", OID_BOOL},      {"indisexclusion", OID_BOOL},
    {"indimmediate", OID_BOOL},      {"indisclustered", OID_BOOL},
    {"indisvalid", OID_BOOL},        {"indcheckxmin", OID_BOOL},
    {"indisready", OID_BOOL},        {"indislive", OID_BOOL},
    {"indisreplident", OID_BOOL},    {"indkey", OID_INT2VECTOR},
    {"indcollation", OID_OIDVECTOR}, {"indclass", OID_OIDVECTOR},
    {"indoption", OID_INT2VECTOR},   {"indexprs", OID_PG_NODE_TREE},
    {"indpred", OID_PG_NODE_TREE},
};

/* int2vector and oidvector: one dimension, lower bound 0. */
static struct datum
vector_of(const struct sysview_rows *rows, oid_t element, const struct datum *values, int32_t count)
{
    int32_t lower = 0;
    struct ky_slice bytes =
        array_make_shaped(rows->arena, type_get(element), values, 1, &count, &lower);
    return datum_bytes(bytes.data, bytes.size);
}

/* The expressions among an index's keys, as pg_get_expr gives them; null when there are none. */
static struct datum
key_expressions(const struct sysview_rows *rows, const struct cat_index *index)
{
    const char *text = NULL;
    for (uint16_t i = 0; i < index->key_count; i++) {
        if (index->keys[i].column == 0) {
            text = ky_arena_printf(rows->arena, "%s%s%s", text == NULL ? "" : text,
                                   text == NULL ? "" : ", ", index->keys[i].expression_sql);
        }
    }
    return text == NULL ? datum_null() : datum_cstr(text);
}

static void
add_index(struct sysview_rows *rows, const struct cat_index *index)
{
    struct datum *keys = ky_arena_array(rows->arena, struct datum, index->column_count);
    struct datum *collations = ky_arena_array(rows->arena, struct datum, index->key_count);
    struct datum *classes = ky_arena_array(rows->arena, struct datum, index->key_count);
    struct datum *options = ky_arena_array(rows->arena, struct datum, index->key_count);
    for (uint16_t i = 0; i < index->column_count; i++) {
        keys[i] = datum_word(index->keys[i].column);
    }
    for (uint16_t i = 0; i < index->key_count; i++) {
        const struct cat_key *key = &index->keys[i];
        collations[i] = datum_word(key->type == NULL ? 0 : key->type->collation);
        const struct cat_opclass *opclass =
            key->type == NULL ? NULL
                              : cat_opclass_find(index->method, key->type->oid, key->opclass);
        classes[i] = datum_word(opclass == NULL ? 0 : opclass->oid);
        options[i] = datum_word((key->is_descending ? 1 : 0) | (key->is_nulls_first ? 2 : 0));
    }
    struct datum *at = sysview_add(rows);
    put_word(&at, index->oid);
    put_word(&at, index->table->oid);
    put_word(&at, index->column_count);
    put_word(&at, index->key_count);
    put_word(&at, index->is_unique);
    put_word(&at, index->is_nulls_not_distinct);
    put_word(&at, index->is_primary);
    put_word(&at, false);
    put_word(&at, !index->is_deferrable);
    put_word(&at, false);
    put_word(&at, index->is_valid);
    put_word(&at, false);
    put_word(&at, true);
    put_word(&at, true);
    put_word(&at, false);
    *at++ = vector_of(rows, OID_INT2, keys, index->column_count);
    *at++ = vector_of(rows, OID_OID, collations, index->key_count);
    *at++ = vector_of(rows, OID_OID, classes, index->key_count);
    *at++ = vector_of(rows, OID_INT2, options, index->key_count);
    *at++ = key_expressions(rows, index);
    put_text(&at, index->predicate_sql);
}

static ky_status
fill_index(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t k = 0; k < table->index_count; k++) {
            add_index(rows, table->indexes[k]);
        }
    }
    return KY_OK;
}
VIEW(view_pg_index, 2610, OID_SCHEMA_PG_CATALOG, "pg_index", 'r', index_columns, fill_index);

/* ------------------------------------------------------------------ pg_constraint */

static const struct sysview_column constraint_columns[] = {
    {"oid", OID_OID},
    {"conname", OID_NAME},
    {"connamespace", OID_OID},
    {"contype", OID_CHAR},
    {"condeferrable", OID_BOOL},
    {"condeferred", OID_BOOL},
    {"convalidated", OID_BOOL},
    {"conrelid", OID_OID},
    {"contypid", OID_OID},
    {"conindid", OID_OID},
    {"conparentid", OID_OID},
    {"confrelid", OID_OID},
    {"confupdtype", OID_CHAR},
    {"confdeltype", OID_CHAR},
    {"confmatchtype", OID_CHAR},
    {"conislocal", OID_BOOL},
    {"coninhcount", OID_INT4},
    {"connoinherit", OID_BOOL},
    {"conkey", OID_INT2_ARRAY},
    {"confkey", OID_INT2_ARRAY},
    {"conpfeqop", OID_OID_ARRAY},
    {"conppeqop", OID_OID_ARRAY},
    {"conffeqop", OID_OID_ARRAY},
    {"confdelsetcols", OID_INT2_ARRAY},
    {"conexclop", OID_OID_ARRAY},
    {"conbin", OID_PG_NODE_TREE},
};

static struct datum
numbers_array(const struct sysview_rows *rows, const int16_t *numbers, uint16_t count)
{
    if (numbers == NULL || count == 0) {
        return datum_null();
    }
    struct datum *values = ky_arena_array(rows->arena, struct datum, count);
    for (uint16_t i = 0; i < count; i++) {
        values[i] = datum_word(numbers[i]);
    }
    struct ky_slice array = array_make(rows->arena, type_get(OID_INT2), values, count);
    return datum_bytes(array.data, array.size);
}

static void
add_domain_check(struct sysview_rows *rows, const struct cat_type *type,
                 const struct cat_domain_check *check)
{
    struct datum *at = sysview_add(rows);
    put_word(&at, check->oid);
    put_text(&at, check->name);
    put_word(&at, type->schema);
    put_word(&at, CONSTRAINT_CHECK);
    put_word(&at, false);
    put_word(&at, false);
    put_word(&at, check->is_validated);
    put_word(&at, 0);
    put_word(&at, type->oid);
    for (int i = 0; i < 3; i++) {
        put_word(&at, 0);
    }
    for (int i = 0; i < 3; i++) {
        put_word(&at, ' ');
    }
    put_word(&at, true);
    put_word(&at, 0);
    put_word(&at, false);
    put_nulls(&at, 7);
    put_text(&at, check->sql);
}

static ky_status
fill_constraint(const struct sysview_context *context, struct sysview_rows *rows,
                struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t k = 0; k < table->constraint_count; k++) {
            const struct cat_constraint *constraint = table->constraints[k];
            bool is_foreign = constraint->kind == CONSTRAINT_FOREIGN;
            struct datum *at = sysview_add(rows);
            put_word(&at, constraint->oid);
            put_text(&at, constraint->name);
            put_word(&at, table->schema);
            put_word(&at, constraint->kind);
            put_word(&at, constraint->is_deferrable);
            put_word(&at, constraint->is_deferred);
            put_word(&at, constraint->is_validated);
            put_word(&at, table->oid);
            put_word(&at, 0);
            put_word(&at, constraint->index == NULL ? 0 : constraint->index->oid);
            put_word(&at, 0);
            put_word(&at, constraint->foreign_table);
            put_word(&at, is_foreign ? constraint->on_update : ' ');
            put_word(&at, is_foreign ? constraint->on_delete : ' ');
            put_word(&at, is_foreign ? constraint->match : ' ');
            put_word(&at, true);
            put_word(&at, 0);
            put_word(&at, constraint->kind != CONSTRAINT_CHECK);
            *at++ = numbers_array(rows, constraint->columns, constraint->column_count);
            *at++ = numbers_array(rows, constraint->foreign_columns, constraint->column_count);
            put_nulls(&at, 5);
            put_text(&at, constraint->check_sql);
        }
    }
    for (size_t i = 0; i < context->image->type_count; i++) {
        const struct cat_type *type = context->image->types[i];
        for (uint16_t k = 0; type->domain != NULL && k < type->domain->check_count; k++) {
            add_domain_check(rows, type, &type->domain->checks[k]);
        }
    }
    return KY_OK;
}
VIEW(view_pg_constraint, 2606, OID_SCHEMA_PG_CATALOG, "pg_constraint", 'r', constraint_columns,
     fill_constraint);

/* ------------------------------------------------------------------ pg_tables and its kin */

static const struct sysview_column tables_columns[] = {
    {"schemaname", OID_NAME},  {"tablename", OID_NAME},  {"tableowner", OID_NAME},
    {"tablespace", OID_NAME},  {"hasindexes", OID_BOOL}, {"hasrules", OID_BOOL},
    {"hastriggers", OID_BOOL}, {"rowsecurity", OID_BOOL}};

static ky_status
fill_tables(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        if (table->kind == 'r') {
            struct datum *at = sysview_add(rows);
            put_text(&at, view_schema_name(context->image, table->schema));
            put_text(&at, table->name);
            put_text(&at, view_role_name(context->image, table->owner));
            put_null(&at);
            put_word(&at, table->index_count > 0);
            put_word(&at, false);
            put_word(&at, false);
            put_word(&at, false);
        }
    }
    return KY_OK;
}
VIEW(view_pg_tables, 12050, OID_SCHEMA_PG_CATALOG, "pg_tables", 'v', tables_columns, fill_tables);

static const struct sysview_column views_columns[] = {{"schemaname", OID_NAME},
                                                      {"viewname", OID_NAME},
                                                      {"viewowner", OID_NAME},
                                                      {"definition", OID_TEXT}};

static ky_status
fill_views(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        if (table->kind == 'v') {
            struct datum *at = sysview_add(rows);
            put_text(&at, view_schema_name(context->image, table->schema));
            put_text(&at, table->name);
            put_text(&at, view_role_name(context->image, table->owner));
            put_text(&at, sysview_query(context, rows, table));
        }
    }
    return KY_OK;
}
VIEW(view_pg_views, 12046, OID_SCHEMA_PG_CATALOG, "pg_views", 'v', views_columns, fill_views);

static const struct sysview_column matviews_columns[] = {
    {"schemaname", OID_NAME}, {"matviewname", OID_NAME}, {"matviewowner", OID_NAME},
    {"tablespace", OID_NAME}, {"hasindexes", OID_BOOL},  {"ispopulated", OID_BOOL},
    {"definition", OID_TEXT}};

static ky_status
fill_matviews(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        if (table->kind == 'm') {
            struct datum *at = sysview_add(rows);
            put_text(&at, view_schema_name(context->image, table->schema));
            put_text(&at, table->name);
            put_text(&at, view_role_name(context->image, table->owner));
            put_null(&at);
            put_word(&at, table->index_count > 0);
            put_word(&at, table->is_populated);
            put_text(&at, sysview_query(context, rows, table));
        }
    }
    return KY_OK;
}
VIEW(view_pg_matviews, 12038, OID_SCHEMA_PG_CATALOG, "pg_matviews", 'v', matviews_columns,
     fill_matviews);
