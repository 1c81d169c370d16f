/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/catalog/views/views_private.h"

/* The parts of information_schema that tools read to list tables, columns and keys. */

const char *
view_database_name(const struct cat_image *image)
{
    for (size_t i = 0; i < image->database_count; i++) {
        if (image->databases[i]->can_connect && !image->databases[i]->is_template) {
            return image->databases[i]->name;
        }
    }
    return NULL;
}

static const struct sysview_column schemata_columns[] = {
    {"catalog_name", OID_NAME},
    {"schema_name", OID_NAME},
    {"schema_owner", OID_NAME},
    {"default_character_set_catalog", OID_NAME},
    {"default_character_set_schema", OID_NAME},
    {"default_character_set_name", OID_NAME},
    {"sql_path", OID_VARCHAR}};

static ky_status
fill_schemata(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    const struct cat_image *image = context->image;
    (void)err;
    for (size_t i = 0; i < image->schema_count; i++) {
        struct datum *at = sysview_add(rows);
        put_text(&at, view_database_name(image));
        put_text(&at, image->schemas[i]->name);
        put_text(&at, view_role_name(image, image->schemas[i]->owner));
        put_nulls(&at, 4);
    }
    return KY_OK;
}
VIEW(view_is_schemata, 14100, OID_SCHEMA_INFORMATION, "schemata", 'v', schemata_columns,
     fill_schemata);

static const struct sysview_column tables_columns[] = {{"table_catalog", OID_NAME},
                                                       {"table_schema", OID_NAME},
                                                       {"table_name", OID_NAME},
                                                       {"table_type", OID_VARCHAR},
                                                       {"self_referencing_column_name", OID_NAME},
                                                       {"reference_generation", OID_VARCHAR},
                                                       {"user_defined_type_catalog", OID_NAME},
                                                       {"user_defined_type_schema", OID_NAME},
                                                       {"user_defined_type_name", OID_NAME},
                                                       {"is_insertable_into", OID_VARCHAR},
                                                       {"is_typed", OID_VARCHAR},
                                                       {"commit_action", OID_VARCHAR}};

static void
put_relation(struct datum **at, const struct cat_image *image, const struct cat_table *table)
{
    put_text(at, view_database_name(image));
    put_text(at, view_schema_name(image, table->schema));
    put_text(at, table->name);
}

void
view_put_relation(struct datum **at, const struct cat_image *image, const struct cat_table *table)
{
    put_relation(at, image, table);
}

static ky_status
fill_tables(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        if ((table->kind == 'r' || table->kind == 'v') && view_shows(context, table)) {
            struct datum *at = sysview_add(rows);
            put_relation(&at, context->image, table);
            put_text(&at, table->kind == 'v'          ? "VIEW"
                          : table->persistence == 't' ? "LOCAL TEMPORARY"
                                                      : "BASE TABLE");
            put_nulls(&at, 5);
            put_text(&at, table->kind == 'v' || table->sysview != NULL ? "NO" : "YES");
            put_text(&at, "NO");
            put_nulls(&at, 1);
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
    {"character_octet_length", OID_INT4},
    {"numeric_precision", OID_INT4},
    {"numeric_precision_radix", OID_INT4},
    {"numeric_scale", OID_INT4},
    {"datetime_precision", OID_INT4},
    {"interval_type", OID_VARCHAR},
    {"interval_precision", OID_INT4},
    {"character_set_catalog", OID_NAME},
    {"character_set_schema", OID_NAME},
    {"character_set_name", OID_NAME},
    {"collation_catalog", OID_NAME},
    {"collation_schema", OID_NAME},
    {"collation_name", OID_NAME},
    {"domain_catalog", OID_NAME},
    {"domain_schema", OID_NAME},
    {"domain_name", OID_NAME},
    {"udt_catalog", OID_NAME},
    {"udt_schema", OID_NAME},
    {"udt_name", OID_NAME},
    {"scope_catalog", OID_NAME},
    {"scope_schema", OID_NAME},
    {"scope_name", OID_NAME},
    {"maximum_cardinality", OID_INT4},
    {"dtd_identifier", OID_NAME},
    {"is_self_referencing", OID_VARCHAR},
    {"is_identity", OID_VARCHAR},
    {"identity_generation", OID_VARCHAR},
    {"identity_start", OID_VARCHAR},
    {"identity_increment", OID_VARCHAR},
    {"identity_maximum", OID_VARCHAR},
    {"identity_minimum", OID_VARCHAR},
    {"identity_cycle", OID_VARCHAR},
    {"is_generated", OID_VARCHAR},
    {"generation_expression", OID_VARCHAR},
    {"is_updatable", OID_VARCHAR},
};

enum { TYPMOD_HEADER = 4, CHARACTER_BYTES = 4, TEXT_BYTES_MAX = 1 << 30 };

static void
put_character_sizes(struct datum **at, const struct cat_column *column)
{
    const oid_t type = column->type->oid;
    const bool is_text = type == OID_VARCHAR || type == OID_BPCHAR || type == OID_TEXT;
    const bool is_limited = type != OID_TEXT && column->typmod >= TYPMOD_HEADER;
    const bool is_bits = (type == OID_BIT || type == OID_VARBIT) && column->typmod >= 0;
    if (is_text && is_limited) {
        put_word(at, column->typmod - TYPMOD_HEADER);
        put_word(at, (int64_t)(column->typmod - TYPMOD_HEADER) * CHARACTER_BYTES);
    } else if (is_text) {
        put_nulls(at, 1);
        put_word(at, TEXT_BYTES_MAX);
    } else if (is_bits) {
        put_word(at, column->typmod);
        put_nulls(at, 1);
    } else {
        put_nulls(at, 2);
    }
}

/* Precision, its radix, scale. */
static void
put_numeric_sizes(struct datum **at, const struct cat_column *column)
{
    const oid_t type = column->type->oid;
    const int32_t typmod = column->typmod;
    const int bits = type == OID_INT2     ? 16
                     : type == OID_INT4   ? 32
                     : type == OID_INT8   ? 64
                     : type == OID_FLOAT4 ? 24
                     : type == OID_FLOAT8 ? 53
                                          : 0;
    if (type == OID_NUMERIC) {
        const bool is_limited = typmod >= TYPMOD_HEADER;
        *(*at)++ =
            is_limited ? datum_word(((typmod - TYPMOD_HEADER) >> 16) & 0xffff) : datum_null();
        put_word(at, 10);
        *(*at)++ = is_limited ? datum_word((typmod - TYPMOD_HEADER) & 0x7ff) : datum_null();
    } else if (bits != 0) {
        put_word(at, bits);
        put_word(at, 2);
        *(*at)++ = type == OID_FLOAT4 || type == OID_FLOAT8 ? datum_null() : datum_word(0);
    } else {
        put_nulls(at, 3);
    }
}

/* Digits of the second. */
static void
put_datetime_precision(struct datum **at, const struct cat_column *column)
{
    enum { DIGITS_ALL = 6, INTERVAL_ALL = 0xffff };
    const oid_t type = column->type->oid;
    const int32_t typmod = column->typmod;
    if (type == OID_DATE) {
        put_word(at, 0);
    } else if (type == OID_TIME || type == OID_TIMETZ || type == OID_TIMESTAMP ||
               type == OID_TIMESTAMPTZ) {
        put_word(at, typmod < 0 ? DIGITS_ALL : typmod);
    } else if (type == OID_INTERVAL) {
        const int32_t digits = typmod & INTERVAL_ALL;
        put_word(at, typmod < 0 || digits == INTERVAL_ALL ? DIGITS_ALL : digits);
    } else {
        put_nulls(at, 1);
    }
}

static const struct cat_table *
identity_sequence(const struct cat_image *image, const struct cat_table *table,
                  const struct cat_column *column)
{
    for (size_t i = 0; column->identity != 0 && i < image->table_count; i++) {
        const struct cat_table *sequence = image->tables[i];
        if (sequence->kind == 'S' && sequence->owner_table == table->oid &&
            sequence->owner_column == column->number) {
            return sequence;
        }
    }
    return NULL;
}

static void
put_identity(struct datum **at, struct sysview_rows *rows, const struct cat_image *image,
             const struct cat_table *table, const struct cat_column *column)
{
    static const int shown[] = {0, 1, 3, 2}; /* start, increment, maximum, minimum */
    const struct cat_table *sequence = identity_sequence(image, table, column);
    put_text(at, column->identity == 0 ? "NO" : "YES");
    put_text(at, column->identity == 0 ? NULL : column->identity == 'a' ? "ALWAYS" : "BY DEFAULT");
    for (size_t i = 0; i < KY_COUNT_OF(shown); i++) {
        put_text(at, sequence == NULL
                         ? NULL
                         : ky_arena_printf(rows->arena, "%" PRId64, sequence->sequence[shown[i]]));
    }
    put_text(at, sequence != NULL && sequence->sequence[5] != 0 ? "YES" : "NO");
}

const char *
view_data_type(const struct type *type)
{
    return type->category == 'A'         ? "ARRAY"
           : type->oid >= OID_OURS_FIRST ? "USER-DEFINED"
                                         : type->sql_name;
}

void
view_put_sizes(struct datum **at, const struct cat_column *column)
{
    put_character_sizes(at, column);
    put_numeric_sizes(at, column);
    put_datetime_precision(at, column);
    put_nulls(at, 5); /* interval, character set */
}

/* Database, schema and name of a type. */
void
view_put_udt(struct datum **at, const struct cat_image *image, const struct type *type)
{
    const struct cat_type *own = type_is_user(type) ? cat_get_type(image, type->oid) : NULL;
    put_text(at, view_database_name(image));
    put_text(at, own == NULL ? "pg_catalog" : view_schema_name(image, own->schema));
    put_text(at, own == NULL ? type->name : own->oid == type->oid ? own->name : own->array_name);
}

/* Database, schema and name of a column's domain. */
static void
put_domain(struct datum **at, const struct cat_image *image, const struct cat_column *column)
{
    const struct cat_type *own =
        column->domain == OID_NONE ? NULL : cat_get_type(image, column->domain);
    if (own == NULL) {
        put_nulls(at, 3);
        return;
    }
    put_text(at, view_database_name(image));
    put_text(at, view_schema_name(image, own->schema));
    put_text(at, own->name);
}

static ky_status
fill_columns(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t k = 0; k < table->column_count; k++) {
            const struct cat_column *column = &table->columns[k];
            const bool is_generated = column->generated != 0;
            if ((table->kind != 'r' && table->kind != 'v') || column->is_dropped ||
                !view_shows_column(context, table, column)) {
                continue;
            }
            struct datum *at = sysview_add(rows);
            put_relation(&at, context->image, table);
            put_text(&at, column->name);
            put_word(&at, column->number);
            const char *shown = sysview_expression(context, rows, table, column->default_sql);
            put_text(&at, is_generated || column->identity != 0 ? NULL : shown);
            put_text(&at, column->is_not_null ? "NO" : "YES");
            put_text(&at, view_data_type(column->type));
            view_put_sizes(&at, column);
            const bool has_collation = column->type->oid == OID_NAME; /* not the default one */
            put_text(&at, has_collation ? view_database_name(context->image) : NULL);
            put_text(&at, has_collation ? "pg_catalog" : NULL);
            put_text(&at, has_collation ? "C" : NULL);
            put_domain(&at, context->image, column);
            view_put_udt(&at, context->image, column->type);
            put_nulls(&at, 4); /* scope, cardinality */
            put_text(&at, ky_arena_printf(rows->arena, "%d", column->number));
            put_text(&at, "NO");
            put_identity(&at, rows, context->image, table, column);
            put_text(&at, is_generated ? "ALWAYS" : "NEVER");
            put_text(&at, is_generated ? shown : NULL);
            put_text(&at, table->kind == 'v' || table->sysview != NULL ? "NO" : "YES");
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
    put_text(at, view_database_name(image));
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
            put_text(&at, view_database_name(image));
            put_text(&at, view_schema_name(image, table->schema));
            put_text(&at, constraint->name);
            put_text(&at, has_unique ? view_database_name(image) : NULL);
            put_text(&at, has_unique ? view_schema_name(image, index->table->schema) : NULL);
            put_text(&at, has_unique ? index->name : NULL);
            put_text(&at, constraint->match == 'f' ? "FULL" : "NONE");
            put_text(&at, cat_action_words(constraint->on_update));
            put_text(&at, cat_action_words(constraint->on_delete));
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
                put_text(&at, view_database_name(image));
                put_text(&at, view_schema_name(image, table->schema));
                put_text(&at, constraint->name);
            }
        }
    }
    return KY_OK;
}
VIEW(view_is_constraint_column_usage, 13300, OID_SCHEMA_INFORMATION, "constraint_column_usage", 'v',
     constraint_usage_columns, fill_constraint_usage);

/* ------------------------------------------------------------------ checks and views */

static const struct sysview_column check_columns[] = {{"constraint_catalog", OID_NAME},
                                                      {"constraint_schema", OID_NAME},
                                                      {"constraint_name", OID_NAME},
                                                      {"check_clause", OID_VARCHAR}};

static void
add_check(const struct sysview_context *context, struct sysview_rows *rows,
          const struct cat_table *table, const char *name, const char *clause)
{
    struct datum *at = sysview_add(rows);
    put_text(&at, view_database_name(context->image));
    put_text(&at, view_schema_name(context->image, table->schema));
    put_text(&at, name);
    put_text(&at, clause);
}

/* CHECK constraints, and NOT NULL, which has no name but the one made up here. */
static ky_status
fill_checks(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t k = 0; k < table->constraint_count; k++) {
            const struct cat_constraint *check = table->constraints[k];
            if (check->kind == CONSTRAINT_CHECK) {
                const char *shown = sysview_expression(context, rows, table, check->check_sql);
                add_check(context, rows, table, check->name,
                          ky_arena_printf(rows->arena, "(%s)", shown));
            }
        }
        for (uint16_t k = 0; table->kind == 'r' && k < table->column_count; k++) {
            const struct cat_column *column = &table->columns[k];
            if (column->is_not_null && !column->is_dropped) {
                add_check(context, rows, table,
                          ky_arena_printf(rows->arena, "%u_%u_%d_not_null", table->schema,
                                          table->oid, column->number),
                          ky_arena_printf(rows->arena, "%s IS NOT NULL", column->name));
            }
        }
    }
    return KY_OK;
}
VIEW(view_is_check_constraints, 13260, OID_SCHEMA_INFORMATION, "check_constraints", 'v',
     check_columns, fill_checks);

static const struct sysview_column view_columns[] = {{"table_catalog", OID_NAME},
                                                     {"table_schema", OID_NAME},
                                                     {"table_name", OID_NAME},
                                                     {"view_definition", OID_VARCHAR},
                                                     {"check_option", OID_VARCHAR},
                                                     {"is_updatable", OID_VARCHAR},
                                                     {"is_insertable_into", OID_VARCHAR},
                                                     {"is_trigger_updatable", OID_VARCHAR},
                                                     {"is_trigger_deletable", OID_VARCHAR},
                                                     {"is_trigger_insertable_into", OID_VARCHAR}};

static ky_status
fill_views(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        if (table->kind == 'v' && view_shows(context, table)) {
            const bool is_own = context->role == OID_NONE ||
                                acl_inherits(context->image, context->role, table->owner);
            struct datum *at = sysview_add(rows);
            put_relation(&at, context->image, table);
            put_text(&at, is_own ? sysview_query(context, rows, table) : NULL);
            put_text(&at, "NONE");
            for (int answer = 0; answer < 5; answer++) {
                put_text(&at, "NO"); /* views are read only */
            }
        }
    }
    return KY_OK;
}
VIEW(view_is_views, 13483, OID_SCHEMA_INFORMATION, "views", 'v', view_columns, fill_views);

/* ------------------------------------------------------------------ arrays' elements */

static const struct sysview_column element_columns[] = {{"object_catalog", OID_NAME},
                                                        {"object_schema", OID_NAME},
                                                        {"object_name", OID_NAME},
                                                        {"object_type", OID_VARCHAR},
                                                        {"collection_type_identifier", OID_NAME},
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
                                                        {"dtd_identifier", OID_NAME}};

static void
add_element(struct sysview_rows *rows, const struct cat_image *image, const struct cat_table *table,
            const struct cat_column *column)
{
    const struct type *element = type_get(column->type->element_oid);
    struct datum *at = sysview_add(rows);
    put_relation(&at, image, table);
    put_text(&at, "TABLE");
    put_text(&at, ky_arena_printf(rows->arena, "%d", column->number));
    put_text(&at, element->oid >= OID_OURS_FIRST ? "USER-DEFINED" : element->sql_name);
    put_nulls(&at, 15);
    view_put_udt(&at, image, element);
    put_nulls(&at, 4);
    put_text(&at, ky_arena_printf(rows->arena, "a%d", column->number));
}

static ky_status
fill_elements(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t k = 0; k < table->column_count; k++) {
            const struct cat_column *column = &table->columns[k];
            if (!column->is_dropped && column->type->category == 'A' &&
                (table->kind == 'r' || table->kind == 'v')) {
                add_element(rows, context->image, table, column);
            }
        }
    }
    return KY_OK;
}
VIEW(view_is_element_types, 13493, OID_SCHEMA_INFORMATION, "element_types", 'v', element_columns,
     fill_elements);
