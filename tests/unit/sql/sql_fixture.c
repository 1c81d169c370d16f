/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sql/sql_fixture.h"

#include "server/catalog/acl.h"

/* The catalog's look-ups over a handful of tables: plain loops, and no storage to link. */

enum { TABLES_MAX = 16, COLUMNS_MAX = 16 };

struct cat_table *
cat_find_table(const struct cat_image *image, oid_t schema, struct ky_slice name)
{
    for (size_t i = 0; i < image->table_count; i++) {
        if (image->tables[i]->schema == schema && ky_slice_is(name, image->tables[i]->name)) {
            return image->tables[i];
        }
    }
    return NULL;
}

struct cat_table *
cat_get_table(const struct cat_image *image, oid_t oid)
{
    for (size_t i = 0; i < image->table_count; i++) {
        if (image->tables[i]->oid == oid) {
            return image->tables[i];
        }
    }
    return NULL;
}

struct cat_index *
cat_get_index(const struct cat_image *image, oid_t oid)
{
    for (size_t i = 0; i < image->table_count; i++) {
        for (uint16_t k = 0; k < image->tables[i]->index_count; k++) {
            if (image->tables[i]->indexes[k]->oid == oid) {
                return image->tables[i]->indexes[k];
            }
        }
    }
    return NULL;
}

struct cat_index *
cat_find_index(const struct cat_image *image, oid_t schema, struct ky_slice name)
{
    for (size_t i = 0; i < image->table_count; i++) {
        for (uint16_t k = 0; k < image->tables[i]->index_count; k++) {
            struct cat_index *index = image->tables[i]->indexes[k];
            if (image->tables[i]->schema == schema && ky_slice_is(name, index->name)) {
                return index;
            }
        }
    }
    return NULL;
}

/* There are no users' types. */
const struct type *
cat_find_type(const struct cat_image *image KY_UNUSED, oid_t schema KY_UNUSED,
              struct ky_slice name KY_UNUSED)
{
    return NULL;
}

const struct type *
cat_resolve_type(const struct cat_image *image KY_UNUSED, const struct cat_path *path KY_UNUSED,
                 struct ky_slice name KY_UNUSED)
{
    return NULL;
}

struct cat_type *
cat_get_type(const struct cat_image *image KY_UNUSED, oid_t oid KY_UNUSED)
{
    return NULL;
}

struct cat_schema *
cat_find_schema(const struct cat_image *image, struct ky_slice name)
{
    for (size_t i = 0; i < image->schema_count; i++) {
        if (ky_slice_is(name, image->schemas[i]->name)) {
            return image->schemas[i];
        }
    }
    return NULL;
}

struct cat_schema *
cat_get_schema(const struct cat_image *image, oid_t oid)
{
    for (size_t i = 0; i < image->schema_count; i++) {
        if (image->schemas[i]->oid == oid) {
            return image->schemas[i];
        }
    }
    return NULL;
}

acl_rights
acl_on_schema(const struct cat_image *image, oid_t role, const struct cat_schema *schema,
              acl_rights wanted)
{
    (void)image, (void)role, (void)schema;
    return wanted;
}

struct cat_role *
cat_find_role(const struct cat_image *image, struct ky_slice name)
{
    (void)image;
    (void)name;
    return NULL;
}

struct cat_role *
cat_get_role(const struct cat_image *image, oid_t oid)
{
    (void)image;
    (void)oid;
    return NULL;
}

struct cat_column *
cat_find_column(const struct cat_table *table, struct ky_slice name)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].is_dropped && ky_slice_is(name, table->columns[i].name)) {
            return &table->columns[i];
        }
    }
    return NULL;
}

struct cat_table *
cat_resolve_table(const struct cat_image *image, const struct cat_path *path, struct ky_slice name)
{
    for (uint16_t i = 0; i < path->count; i++) {
        struct cat_table *table = cat_find_table(image, path->schemas[i], name);
        if (table != NULL) {
            return table;
        }
    }
    return NULL;
}

/* ---- making tables ---- */

static struct cat_table *
add_table(struct sql_fixture *fixture, const char *name)
{
    struct cat_table *table = ky_arena_new(&fixture->arena, struct cat_table);
    table->oid = (oid_t)(OID_FIRST_USER + 100 * fixture->image.table_count);
    table->name = name;
    table->schema = OID_SCHEMA_PUBLIC;
    table->kind = 'r';
    table->persistence = 'p';
    table->columns = ky_arena_array(&fixture->arena, struct cat_column, COLUMNS_MAX);
    table->indexes = ky_arena_array(&fixture->arena, struct cat_index *, 4);
    table->constraints = ky_arena_array(&fixture->arena, struct cat_constraint *, 4);
    fixture->image.tables[fixture->image.table_count++] = table;
    return table;
}

static struct cat_column *
add_column(struct cat_table *table, const char *name, oid_t type, int32_t typmod)
{
    struct cat_column *column = &table->columns[table->column_count++];
    column->name = name;
    column->number = (int16_t)table->column_count;
    column->type = type_get(type);
    column->typmod = typmod;
    column->missing = datum_null();
    return column;
}

static void
add_primary_key(struct sql_fixture *fixture, struct cat_table *table, const char *name)
{
    struct ky_arena *arena = &fixture->arena;
    struct cat_index *index = ky_arena_new(arena, struct cat_index);
    index->oid = table->oid + 1;
    index->name = name;
    index->table = table;
    index->method = INDEX_BTREE;
    index->is_unique = index->is_primary = index->is_valid = true;
    index->key_count = index->column_count = 1;
    index->keys = ky_arena_new(arena, struct cat_key);
    index->keys[0].column = 1;
    index->keys[0].type = table->columns[0].type;
    index->constraint = table->oid + 2;
    table->indexes[table->index_count++] = index;
    struct cat_constraint *constraint = ky_arena_new(arena, struct cat_constraint);
    int16_t *columns = ky_arena_array(arena, int16_t, 1);
    columns[0] = 1;
    constraint->oid = table->oid + 2;
    constraint->name = name;
    constraint->table = table;
    constraint->kind = CONSTRAINT_PRIMARY;
    constraint->columns = columns;
    constraint->column_count = 1;
    constraint->index = index;
    table->constraints[table->constraint_count++] = constraint;
    table->columns[0].is_not_null = true;
}

static void
finish_tables(struct sql_fixture *fixture)
{
    for (size_t i = 0; i < fixture->image.table_count; i++) {
        struct cat_table *table = fixture->image.tables[i];
        const struct type *types[COLUMNS_MAX];
        for (uint16_t c = 0; c < table->column_count; c++) {
            types[c] = table->columns[c].type;
        }
        row_layout_init(&table->layout, types, table->column_count, &fixture->arena);
    }
}

static void
add_tables(struct sql_fixture *fixture)
{
    struct cat_table *t = add_table(fixture, "t");
    add_column(t, "a", OID_INT4, -1);
    add_column(t, "b", OID_TEXT, -1);
    add_column(t, "c", OID_NUMERIC, ((10 << 16) | 2) + 4);
    add_column(t, "d", OID_TIMESTAMP, -1);
    add_column(t, "e", OID_INT4_ARRAY, -1);
    add_column(t, "f", OID_JSON, -1);

    struct cat_table *u = add_table(fixture, "u");
    add_column(u, "a", OID_INT4, -1);
    add_column(u, "x", OID_VARCHAR, 14);

    struct cat_table *accounts = add_table(fixture, "accounts");
    add_column(accounts, "aid", OID_INT4, -1);
    add_column(accounts, "bid", OID_INT4, -1);
    add_column(accounts, "abalance", OID_INT4, -1);
    add_column(accounts, "filler", OID_BPCHAR, 88);
    add_primary_key(fixture, accounts, "accounts_pkey");

    struct cat_table *g = add_table(fixture, "g");
    add_column(g, "id", OID_INT4, -1)->identity = 'a';
    add_column(g, "v", OID_INT4, -1);
    struct cat_column *generated = add_column(g, "w", OID_INT4, -1);
    generated->generated = 's';
    generated->default_sql = "(v * 2)";
    add_column(g, "s", OID_INT4, -1)->default_sql = "7";
    struct cat_constraint *check = ky_arena_new(&fixture->arena, struct cat_constraint);
    check->name = "g_v_check";
    check->table = g;
    check->kind = CONSTRAINT_CHECK;
    check->check_sql = "(v > 0)";
    g->constraints[g->constraint_count++] = check;

    struct cat_table *vectors = add_table(fixture, "vectors");
    add_column(vectors, "key", OID_INT8, -1);
    add_column(vectors, "vector", OID_VECTOR, 3);
    add_column(vectors, "tag", OID_TEXT, -1);
    add_primary_key(fixture, vectors, "vectors_pkey");
    vectors->is_vectors = true;

    struct cat_table *view = add_table(fixture, "v");
    view->kind = 'v';
    view->view_sql = "SELECT a, b FROM t WHERE a > 1";
    add_column(view, "a", OID_INT4, -1);
    add_column(view, "b", OID_TEXT, -1);
}

void
sql_fixture_init(struct sql_fixture *fixture)
{
    *fixture = (struct sql_fixture){0};
    ky_arena_init(&fixture->arena);
    fixture->image.tables = ky_arena_array(&fixture->arena, struct cat_table *, TABLES_MAX);
    fixture->image.schemas = ky_arena_array(&fixture->arena, struct cat_schema *, 2);
    static const char *const names[] = {"pg_catalog", "public"};
    static const oid_t oids[] = {OID_SCHEMA_PG_CATALOG, OID_SCHEMA_PUBLIC};
    for (int i = 0; i < 2; i++) {
        struct cat_schema *schema = ky_arena_new(&fixture->arena, struct cat_schema);
        schema->oid = oids[i];
        schema->name = names[i];
        schema->owner = OID_ROLE_POSTGRES;
        fixture->image.schemas[i] = schema;
    }
    fixture->image.schema_count = 2;
    add_tables(fixture);
    finish_tables(fixture);
    fixture->path = (struct cat_path){.schemas = {OID_SCHEMA_PG_CATALOG, OID_SCHEMA_PUBLIC},
                                      .count = 2,
                                      .creation = OID_SCHEMA_PUBLIC};
    type_context_init(&fixture->env.types, &fixture->arena);
    fixture->context = (struct bind_context){.arena = &fixture->arena,
                                             .image = &fixture->image,
                                             .path = &fixture->path,
                                             .env = &fixture->env,
                                             .param_types = fixture->params,
                                             .param_capacity = 64,
                                             .user = "postgres",
                                             .session_user = "postgres",
                                             .database = "postgres",
                                             .can_infer_params = true};
}

void
sql_fixture_deinit(struct sql_fixture *fixture)
{
    ky_arena_deinit(&fixture->arena);
}

ky_status
sql_fixture_bind(struct sql_fixture *fixture, const char *sql, struct query **query_out,
                 struct ky_error *err)
{
    struct ast_list statements = {0};
    KY_TRY(parse_sql(&fixture->arena, ky_slice_cstr(sql), &statements, err));
    const struct ast_statement *statement = (const void *)statements.items[0];
    fixture->context.sql = sql;
    fixture->context.sql_size = strlen(sql);
    fixture->context.param_count = 0;
    return bind_query(&fixture->context, statement->statement, query_out, err);
}

struct cat_table *
sql_fixture_table(struct sql_fixture *fixture, const char *name)
{
    return cat_find_table(&fixture->image, OID_SCHEMA_PUBLIC, ky_slice_cstr(name));
}
