/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/views/views_private.h"

/* The parts of information_schema that tools read to list tables, columns and keys. */

static const char *
database_name(const struct cat_image *image)
{
    for (size_t i = 0; i < image->database_count; i++) {
        if (image->databases[i]->can_connect && !image->databases[i]->is_template) {
            return image->databases[i]->name;
        }
    }
    return NULL;
}

static const struct sysview_column schemata_columns[] = {
    {"catalog_name", OID_NAME}, {"schema_name", OID_NAME}, {"schema_owner", OID_NAME}};

static ky_status
fill_schemata(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    const struct cat_image *image = context->image;
    (void)err;
    for (size_t i = 0; i < image->schema_count; i++) {
        struct datum *at = sysview_add(rows);
        put_text(&at, database_name(image));
        put_text(&at, image->schemas[i]->name);
        put_text(&at, view_role_name(image, image->schemas[i]->owner));
    }
    return KY_OK;
}
VIEW(view_is_schemata, 14100, OID_SCHEMA_INFORMATION, "schemata", 'v', schemata_columns,
     fill_schemata);

static const struct sysview_column tables_columns[] = {{"table_catalog", OID_NAME},
                                                       {"table_schema", OID_NAME},
                                                       {"table_name", OID_NAME},
                                                       {"table_type", OID_VARCHAR},
                                                       {"is_insertable_into", OID_VARCHAR}};

static void
put_relation(struct datum **at, const struct cat_image *image, const struct cat_table *table)
{
    put_text(at, database_name(image));
    put_text(at, view_schema_name(image, table->schema));
    put_text(at, table->name);
}

static ky_status
fill_tables(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        if (table->kind == 'r' || table->kind == 'v') {
            struct datum *at = sysview_add(rows);
            put_relation(&at, context->image, table);
            put_text(&at, table->kind == 'v' ? "VIEW" : "BASE TABLE");
            put_text(&at, table->kind == 'v' || table->sysview != NULL ? "NO" : "YES");
        }
    }
    return KY_OK;
}
VIEW(view_is_tables, 14101, OID_SCHEMA_INFORMATION, "tables", 'v', tables_columns, fill_tables);

static const struct sysview_column columns_columns[] = {
    {"table_catalog", OID_NAME},
    {"table_schema", OID_NAME},
    {"table_name", OID_NAME},
    {"column_name", OID_NAME},
    {"ordinal_position", OID_INT4},
    {"column_default", OID_VARCHAR},
    {"is_nullable", OID_VARCHAR},
    {"data_type", OID_VARCHAR},
    {"character_maximum_length", OID_INT4},
    {"numeric_precision", OID_INT4},
    {"numeric_scale", OID_INT4},
    {"udt_schema", OID_NAME},
    {"udt_name", OID_NAME},
    {"is_identity", OID_VARCHAR},
    {"is_generated", OID_VARCHAR},
};

enum { TYPMOD_HEADER = 4 };

static void
put_sizes(struct datum **at, const struct cat_column *column)
{
    oid_t type = column->type->oid;
    int32_t typmod = column->typmod;
    bool is_text = (type == OID_VARCHAR || type == OID_BPCHAR) && typmod >= TYPMOD_HEADER;
    bool is_numeric = type == OID_NUMERIC && typmod >= TYPMOD_HEADER;
    int bits = type == OID_INT2 ? 16 : type == OID_INT4 ? 32 : type == OID_INT8 ? 64 : 0;
    if (is_text) {
        put_word(at, typmod - TYPMOD_HEADER);
    } else {
        put_null(at);
    }
    if (is_numeric) {
        put_word(at, ((typmod - TYPMOD_HEADER) >> 16) & 0xffff);
        put_word(at, (typmod - TYPMOD_HEADER) & 0x7ff);
    } else if (bits != 0) {
        put_word(at, bits);
        put_word(at, 0);
    } else {
        put_nulls(at, 2);
    }
}

static ky_status
fill_columns(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t k = 0; k < table->column_count; k++) {
            const struct cat_column *column = &table->columns[k];
            if ((table->kind != 'r' && table->kind != 'v') || column->is_dropped) {
                continue;
            }
            struct datum *at = sysview_add(rows);
            put_relation(&at, context->image, table);
            put_text(&at, column->name);
            put_word(&at, column->number);
            put_text(&at, column->generated == 0 ? column->default_sql : NULL);
            put_text(&at, column->is_not_null ? "NO" : "YES");
            put_text(&at, column->type->category == 'A'         ? "ARRAY"
                          : column->type->oid >= OID_OURS_FIRST ? "USER-DEFINED"
                                                                : column->type->sql_name);
            put_sizes(&at, column);
            put_text(&at, "pg_catalog");
            put_text(&at, column->type->name);
            put_text(&at, column->identity == 0 ? "NO" : "YES");
            put_text(&at, column->generated == 0 ? "NEVER" : "ALWAYS");
        }
    }
    return KY_OK;
}
VIEW(view_is_columns, 14102, OID_SCHEMA_INFORMATION, "columns", 'v', columns_columns, fill_columns);

/* ------------------------------------------------------------------ keys */

static const struct sysview_column constraint_columns[] = {
    {"constraint_catalog", OID_NAME},    {"constraint_schema", OID_NAME},
    {"constraint_name", OID_NAME},       {"table_catalog", OID_NAME},
    {"table_schema", OID_NAME},          {"table_name", OID_NAME},
    {"constraint_type", OID_VARCHAR},    {"is_deferrable", OID_VARCHAR},
    {"initially_deferred", OID_VARCHAR}, {"enforced", OID_VARCHAR},
    {"nulls_distinct", OID_VARCHAR},
};

static const char *
constraint_type(enum constraint_kind kind)
{
    switch (kind) {
    case CONSTRAINT_PRIMARY:
        return "PRIMARY KEY";
    case CONSTRAINT_UNIQUE:
        return "UNIQUE";
    case CONSTRAINT_FOREIGN:
        return "FOREIGN KEY";
    case CONSTRAINT_CHECK:
        break;
    }
    return "CHECK";
}

static void
put_constraint(struct datum **at, const struct cat_image *image,
               const struct cat_constraint *constraint)
{
    put_text(at, database_name(image));
    put_text(at, view_schema_name(image, constraint->table->schema));
    put_text(at, constraint->name);
    put_relation(at, image, constraint->table);
}

static ky_status
fill_constraints(const struct sysview_context *context, struct sysview_rows *rows,
                 struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t k = 0; k < table->constraint_count; k++) {
            struct datum *at = sysview_add(rows);
            put_constraint(&at, context->image, table->constraints[k]);
            const struct cat_constraint *constraint = table->constraints[k];
            put_text(&at, constraint_type(constraint->kind));
            put_text(&at, constraint->is_deferrable ? "YES" : "NO");
            put_text(&at, constraint->is_deferred ? "YES" : "NO");
            put_text(&at, "YES");
            put_text(&at, constraint->kind != CONSTRAINT_UNIQUE ? NULL
                          : constraint->index != NULL && constraint->index->is_nulls_not_distinct
                              ? "NO"
                              : "YES");
        }
    }
    return KY_OK;
}
VIEW(view_is_table_constraints, 14103, OID_SCHEMA_INFORMATION, "table_constraints", 'v',
     constraint_columns, fill_constraints);

static const struct sysview_column usage_columns[] = {
    {"constraint_catalog", OID_NAME},
    {"constraint_schema", OID_NAME},
    {"constraint_name", OID_NAME},
    {"table_catalog", OID_NAME},
    {"table_schema", OID_NAME},
    {"table_name", OID_NAME},
    {"column_name", OID_NAME},
    {"ordinal_position", OID_INT4},
    {"position_in_unique_constraint", OID_INT4},
};

/* Where a foreign key's column stands in the key that it refers to. */
static void
put_position(struct datum **at, const struct cat_constraint *constraint, uint16_t column)
{
    const struct cat_index *index =
        constraint->kind == CONSTRAINT_FOREIGN ? constraint->index : NULL;
    for (uint16_t k = 0; index != NULL && k < index->key_count; k++) {
        if (index->keys[k].column == constraint->foreign_columns[column]) {
            put_word(at, k + 1);
            return;
        }
    }
    put_null(at);
}

static ky_status
fill_usage(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t k = 0; k < table->constraint_count; k++) {
            const struct cat_constraint *constraint = table->constraints[k];
            for (uint16_t c = 0;
                 constraint->kind != CONSTRAINT_CHECK && c < constraint->column_count; c++) {
                struct datum *at = sysview_add(rows);
                put_constraint(&at, context->image, constraint);
                put_text(&at, table->columns[constraint->columns[c] - 1].name);
                put_word(&at, c + 1);
                put_position(&at, constraint, c);
            }
        }
    }
    return KY_OK;
}
VIEW(view_is_key_column_usage, 14104, OID_SCHEMA_INFORMATION, "key_column_usage", 'v',
     usage_columns, fill_usage);

static const struct sysview_column referential_columns[] = {
    {"constraint_catalog", OID_NAME},       {"constraint_schema", OID_NAME},
    {"constraint_name", OID_NAME},          {"unique_constraint_catalog", OID_NAME},
    {"unique_constraint_schema", OID_NAME}, {"unique_constraint_name", OID_NAME},
    {"match_option", OID_VARCHAR},          {"update_rule", OID_VARCHAR},
    {"delete_rule", OID_VARCHAR},
};

static const char *
action_rule(char action)
{
    switch (action) {
    case 'r':
        return "RESTRICT";
    case 'c':
        return "CASCADE";
    case 'n':
        return "SET NULL";
    case 'd':
        return "SET DEFAULT";
    default:
        return "NO ACTION";
    }
}

static ky_status
fill_referential(const struct sysview_context *context, struct sysview_rows *rows,
                 struct ky_error *err)
{
    (void)err;
    const struct cat_image *image = context->image;
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        for (uint16_t k = 0; k < table->constraint_count; k++) {
            const struct cat_constraint *constraint = table->constraints[k];
            if (constraint->kind != CONSTRAINT_FOREIGN) {
                continue;
            }
            const struct cat_index *index = constraint->index;
            bool has_unique = index != NULL && index->constraint != OID_NONE;
            struct datum *at = sysview_add(rows);
            put_text(&at, database_name(image));
            put_text(&at, view_schema_name(image, table->schema));
            put_text(&at, constraint->name);
            put_text(&at, has_unique ? database_name(image) : NULL);
            put_text(&at, has_unique ? view_schema_name(image, index->table->schema) : NULL);
            put_text(&at, has_unique ? index->name : NULL);
            put_text(&at, constraint->match == 'f' ? "FULL" : "NONE");
            put_text(&at, action_rule(constraint->on_update));
            put_text(&at, action_rule(constraint->on_delete));
        }
    }
    return KY_OK;
}
VIEW(view_is_referential_constraints, 13339, OID_SCHEMA_INFORMATION, "referential_constraints", 'v',
     referential_columns, fill_referential);

static const struct sysview_column constraint_usage_columns[] = {
    {"table_catalog", OID_NAME},      {"table_schema", OID_NAME},
    {"table_name", OID_NAME},         {"column_name", OID_NAME},
    {"constraint_catalog", OID_NAME}, {"constraint_schema", OID_NAME},
    {"constraint_name", OID_NAME},
};

/* The columns that a constraint is about: of a foreign key, those it refers to. */
static ky_status
fill_constraint_usage(const struct sysview_context *context, struct sysview_rows *rows,
                      struct ky_error *err)
{
    (void)err;
    const struct cat_image *image = context->image;
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        for (uint16_t k = 0; k < table->constraint_count; k++) {
            const struct cat_constraint *constraint = table->constraints[k];
            bool is_foreign = constraint->kind == CONSTRAINT_FOREIGN;
            const struct cat_table *about =
                is_foreign ? cat_get_table(image, constraint->foreign_table) : table;
            const int16_t *columns = is_foreign ? constraint->foreign_columns : constraint->columns;
            for (uint16_t c = 0; about != NULL && c < constraint->column_count; c++) {
                struct datum *at = sysview_add(rows);
                put_relation(&at, image, about);
                put_text(&at, about->columns[columns[c] - 1].name);
                put_text(&at, database_name(image));
                put_text(&at, view_schema_name(image, table->schema));
                put_text(&at, constraint->name);
            }
        }
    }
    return KY_OK;
}
VIEW(view_is_constraint_column_usage, 13300, OID_SCHEMA_INFORMATION, "constraint_column_usage", 'v',
     constraint_usage_columns, fill_constraint_usage);
