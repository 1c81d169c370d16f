/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/image.h"

#include <stdlib.h>

#include "server/base/assert.h"
#include "server/catalog/store.h"
#include "server/catalog/sysview.h"

/*
 * Building: scan the stored relation of each kind, decode every row into the image's arena,
 * then turn the OIDs of links into pointers and fill the maps. The system relations are the
 * same in every image, so they live in one static set with maps of its own.
 */

enum {
    NAME_TABLE = 't',
    NAME_INDEX = 'i',
    NAME_SCHEMA = 's',
    NAME_TYPE = 'y',
    NAME_ROLE = 'r',
    NAME_DATABASE = 'd'
};

/* Images hold what name maps need: kind, schema, name. */
static struct ky_slice
name_key(char kind, oid_t schema, struct ky_slice name, uint8_t *space, size_t space_size)
{
    size_t name_size = KY_MIN(name.size, space_size - 5);
    space[0] = (uint8_t)kind;
    memcpy(space + 1, &schema, 4);
    memcpy(space + 5, name.data, name_size);
    return ky_slice(space, 5 + name_size);
}

enum { NAME_KEY_SIZE = 5 + 256 };

static void
add_name(struct ky_smap *names, char kind, oid_t schema, const char *name, void *object)
{
    uint8_t space[NAME_KEY_SIZE];
    (void)ky_smap_put(names, name_key(kind, schema, ky_slice_cstr(name), space, sizeof(space)),
                      object);
}

static void
add_oid(struct ky_map64 *oids, char kind, oid_t oid, const void *object)
{
    *ky_map64_put(oids, (uint64_t)kind << 32 | oid, NULL) = (uint64_t)(uintptr_t)object;
}

static void *
find_oid(const struct ky_map64 *oids, char kind, oid_t oid)
{
    uint64_t *found = ky_map64_find(oids, (uint64_t)kind << 32 | oid);
    return found == NULL ? NULL : (void *)(uintptr_t)*found;
}

/* ------------------------------------------------------------------ system relations */

static struct {
    struct ky_arena arena;
    struct cat_table **tables;
    size_t count;
    struct ky_smap names;
    struct ky_map64 oids;
} system_set;

/* Types that there are no values of (anyarray, aclitem[]) stand as text. */
static const struct type *
system_type(oid_t oid)
{
    const struct type *type = type_find(oid);
    const bool is_shown = type != NULL && (type->typtype != 'p' || oid == OID_ANYARRAY);
    return is_shown ? type : type_get(OID_TEXT);
}

static struct cat_table *
system_table(const struct sysview *view)
{
    struct ky_arena *arena = &system_set.arena;
    struct cat_table *table = ky_arena_new(arena, struct cat_table);
    table->oid = view->oid;
    table->name = view->name;
    table->schema = view->schema;
    table->kind = view->kind;
    table->persistence = 'p';
    table->rel = view->kind == 'r' ? view->oid : 0;
    table->owner = OID_ROLE_POSTGRES;
    table->sysview = view;
    table->column_count = view->column_count;
    table->columns = ky_arena_array(arena, struct cat_column, view->column_count);
    for (uint16_t i = 0; i < view->column_count; i++) {
        table->columns[i] = (struct cat_column){.name = view->columns[i].name,
                                                .number = (int16_t)(i + 1),
                                                .type = system_type(view->columns[i].type),
                                                .typmod = -1,
                                                .missing = datum_null()};
    }
    return table;
}

void
image_system_tables(struct cat_table ***tables_out, size_t *count_out)
{
    if (system_set.tables == NULL) {
        size_t count;
        const struct sysview *const *views = sysview_all(&count);
        ky_arena_init(&system_set.arena);
        struct cat_table **tables =
            ky_arena_array(&system_set.arena, struct cat_table *, count + 1);
        for (size_t i = 0; i < count; i++) {
            tables[i] = system_table(views[i]);
            add_name(&system_set.names, NAME_TABLE, views[i]->schema, views[i]->name, tables[i]);
            add_oid(&system_set.oids, NAME_TABLE, views[i]->oid, tables[i]);
        }
        system_set.count = count;
        system_set.tables = tables;
    }
    *tables_out = system_set.tables;
    *count_out = system_set.count;
}

/* ------------------------------------------------------------------ reading */

/* Objects of one kind in reading order, with their links. */
struct reading {
    void **objects;
    struct store_link *links;
    size_t count;
};

static ky_status
read_kind(struct txn *txn, struct ky_arena *arena, enum cat_kind kind, struct reading *reading,
          struct ky_error *err)
{
    struct storage_scan scan;
    struct row_ref rows[64];
    size_t capacity = 0;
    storage_scan_init(&scan, txn, store_relation(kind));
    for (;;) {
        uint32_t count = storage_scan_next(&scan, rows, KY_COUNT_OF(rows));
        if (count == 0) {
            return KY_OK;
        }
        if (reading->count + count > capacity) {
            capacity = KY_MAX(capacity * 2, reading->count + count + 64);
            void **objects = ky_arena_array(arena, void *, capacity);
            struct store_link *links = ky_arena_array(arena, struct store_link, capacity);
            if (reading->count > 0) {
                memcpy(objects, reading->objects, reading->count * sizeof(*objects));
                memcpy(links, reading->links, reading->count * sizeof(*links));
            }
            reading->objects = objects;
            reading->links = links;
        }
        for (uint32_t i = 0; i < count; i++) {
            void *object;
            KY_TRY(store_decode(kind, rows[i].body, arena, &object, &reading->links[reading->count],
                                err));
            /* row_id is the first member of every object. */
            memcpy(object, &rows[i].row_id, sizeof(row_id_t));
            reading->objects[reading->count++] = object;
        }
    }
}

static void
finish_table(struct ky_arena *arena, struct cat_table *table)
{
    const struct type **types = ky_arena_array(arena, const struct type *, table->column_count);
    for (uint16_t i = 0; i < table->column_count; i++) {
        types[i] = table->columns[i].type;
    }
    row_layout_init(&table->layout, types, table->column_count, arena);
    for (uint16_t i = 0; i < table->column_count; i++) {
        table->layout.missing[i] = table->columns[i].missing;
    }
}

/* The unique index that a foreign key's columns name, in any order; the primary key first. */
static struct cat_index *
referenced_index(const struct cat_constraint *constraint, const struct cat_table *table)
{
    struct cat_index *found = NULL;
    for (uint16_t i = 0; i < table->index_count; i++) {
        struct cat_index *index = table->indexes[i];
        if (!index->is_unique || index->is_deferrable || index->predicate_sql != NULL ||
            index->key_count != constraint->column_count) {
            continue;
        }
        bool is_same = true;
        for (uint16_t k = 0; k < index->key_count && is_same; k++) {
            is_same = false;
            for (uint16_t c = 0; c < constraint->column_count; c++) {
                is_same = is_same || constraint->foreign_columns[c] == index->keys[k].column;
            }
        }
        if (is_same && (found == NULL || index->is_primary)) {
            found = index;
        }
    }
    return found;
}

/* Foreign keys to what they refer to, and back. */
static void
link_foreign_keys(struct ky_arena *arena, struct image_private *inside,
                  const struct reading *constraints)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < constraints->count; i++) {
            struct cat_constraint *constraint = constraints->objects[i];
            struct cat_table *table =
                constraint->kind == CONSTRAINT_FOREIGN
                    ? find_oid(&inside->oids, NAME_TABLE, constraint->foreign_table)
                    : NULL;
            if (table == NULL) {
                continue;
            }
            if (pass == 0) {
                constraint->index = referenced_index(constraint, table);
                constraint->table->foreign_count++;
                table->reference_count++;
                continue;
            }
            if (table->references == NULL) {
                table->references =
                    ky_arena_array(arena, struct cat_constraint *, table->reference_count);
                table->reference_count = 0;
            }
            table->references[table->reference_count++] = constraint;
        }
    }
}

static ky_status
link_children(struct ky_arena *arena, struct image_private *inside, struct reading *indexes,
              struct reading *constraints, struct ky_error *err)
{
    for (size_t i = 0; i < indexes->count; i++) {
        struct cat_index *index = indexes->objects[i];
        index->table = find_oid(&inside->oids, NAME_TABLE, indexes->links[i].table);
        if (index->table == NULL) {
            return ky_error_set(err, KY_DATA_CORRUPTED, "index %u belongs to no table", index->oid);
        }
        index->table->index_count++;
        add_name(&inside->names, NAME_INDEX, index->table->schema, index->name, index);
        add_oid(&inside->oids, NAME_INDEX, index->oid, index);
    }
    for (size_t i = 0; i < constraints->count; i++) {
        struct cat_constraint *constraint = constraints->objects[i];
        constraint->table = find_oid(&inside->oids, NAME_TABLE, constraints->links[i].table);
        if (constraint->table == NULL) {
            return ky_error_set(err, KY_DATA_CORRUPTED, "constraint %u belongs to no table",
                                constraint->oid);
        }
        constraint->index = find_oid(&inside->oids, NAME_INDEX, constraints->links[i].index);
        if (constraint->index != NULL && constraint->kind != CONSTRAINT_FOREIGN) {
            constraint->index->is_deferrable = constraint->is_deferrable;
        }
        constraint->table->constraint_count++;
    }
    for (size_t i = 0; i < indexes->count; i++) {
        struct cat_table *table = ((struct cat_index *)indexes->objects[i])->table;
        if (table->indexes == NULL) {
            table->indexes = ky_arena_array(arena, struct cat_index *, table->index_count);
            table->index_count = 0;
        }
        table->indexes[table->index_count++] = indexes->objects[i];
    }
    for (size_t i = 0; i < constraints->count; i++) {
        struct cat_table *table = ((struct cat_constraint *)constraints->objects[i])->table;
        if (table->constraints == NULL) {
            table->constraints =
                ky_arena_array(arena, struct cat_constraint *, table->constraint_count);
            table->constraint_count = 0;
        }
        table->constraints[table->constraint_count++] = constraints->objects[i];
    }
    link_foreign_keys(arena, inside, constraints);
    return KY_OK;
}

static struct cat_schema builtin_schemas[] = {
    {0, OID_SCHEMA_PG_CATALOG, "pg_catalog", OID_ROLE_POSTGRES},
    {0, OID_SCHEMA_PG_TOAST, "pg_toast", OID_ROLE_POSTGRES},
    {0, OID_SCHEMA_INFORMATION, "information_schema", OID_ROLE_POSTGRES},
};

/* Roles that are there from the beginning; directories of before may have one of them stored. */
#define PREDEFINED(oid_, name_)                                                      \
    {                                                                                \
        .oid = (oid_), .name = (name_), .can_inherit = true, .connection_limit = -1, \
        .valid_until = INT64_MAX                                                     \
    }
static struct cat_role builtin_roles[] = {
    PREDEFINED(OID_ROLE_DATABASE_OWNER, "pg_database_owner"),
    PREDEFINED(OID_ROLE_READ_ALL_DATA, "pg_read_all_data"),
    PREDEFINED(OID_ROLE_WRITE_ALL_DATA, "pg_write_all_data"),
    PREDEFINED(OID_ROLE_MONITOR, "pg_monitor"),
    PREDEFINED(OID_ROLE_READ_ALL_SETTINGS, "pg_read_all_settings"),
    PREDEFINED(OID_ROLE_READ_ALL_STATS, "pg_read_all_stats"),
    PREDEFINED(OID_ROLE_STAT_SCAN_TABLES, "pg_stat_scan_tables"),
    PREDEFINED(OID_ROLE_READ_SERVER_FILES, "pg_read_server_files"),
    PREDEFINED(OID_ROLE_WRITE_SERVER_FILES, "pg_write_server_files"),
    PREDEFINED(OID_ROLE_EXECUTE_SERVER_PROGRAM, "pg_execute_server_program"),
    PREDEFINED(OID_ROLE_SIGNAL_BACKEND, "pg_signal_backend"),
    PREDEFINED(OID_ROLE_CHECKPOINT, "pg_checkpoint"),
};
static struct cat_member builtin_members[] = {
    {0, OID_ROLE_READ_ALL_SETTINGS, OID_ROLE_MONITOR, OID_ROLE_POSTGRES, false},
    {0, OID_ROLE_READ_ALL_STATS, OID_ROLE_MONITOR, OID_ROLE_POSTGRES, false},
    {0, OID_ROLE_STAT_SCAN_TABLES, OID_ROLE_MONITOR, OID_ROLE_POSTGRES, false},
};

static void
add_roles(struct cat_image *image, struct ky_arena *arena, const struct reading *roles,
          const struct reading *members)
{
    image->roles =
        ky_arena_array(arena, struct cat_role *, roles->count + KY_COUNT_OF(builtin_roles));
    for (size_t i = 0; i < roles->count; i++) {
        image->roles[image->role_count++] = roles->objects[i];
    }
    for (size_t i = 0; roles->count > 0 && i < KY_COUNT_OF(builtin_roles); i++) {
        bool is_stored = false;
        for (size_t k = 0; k < roles->count; k++) {
            is_stored = is_stored || image->roles[k]->oid == builtin_roles[i].oid;
        }
        if (!is_stored) {
            image->roles[image->role_count++] = &builtin_roles[i];
        }
    }
    image->members =
        ky_arena_array(arena, struct cat_member *, members->count + KY_COUNT_OF(builtin_members));
    for (size_t i = 0; i < KY_COUNT_OF(builtin_members); i++) {
        image->members[image->member_count++] = &builtin_members[i];
    }
    for (size_t i = 0; i < members->count; i++) {
        image->members[image->member_count++] = members->objects[i];
    }
}

static void
fill_maps(struct cat_image *image, struct image_private *inside)
{
    for (size_t i = 0; i < image->table_count; i++) {
        struct cat_table *table = image->tables[i];
        if (table->sysview == NULL) {
            finish_table(&inside->arena, table);
            add_name(&inside->names, NAME_TABLE, table->schema, table->name, table);
            add_oid(&inside->oids, NAME_TABLE, table->oid, table);
        }
    }
    for (size_t i = 0; i < image->schema_count; i++) {
        add_name(&inside->names, NAME_SCHEMA, 0, image->schemas[i]->name, image->schemas[i]);
        add_oid(&inside->oids, NAME_SCHEMA, image->schemas[i]->oid, image->schemas[i]);
    }
    for (size_t i = 0; i < image->role_count; i++) {
        add_name(&inside->names, NAME_ROLE, 0, image->roles[i]->name, image->roles[i]);
        add_oid(&inside->oids, NAME_ROLE, image->roles[i]->oid, image->roles[i]);
    }
    for (size_t i = 0; i < image->database_count; i++) {
        add_name(&inside->names, NAME_DATABASE, 0, image->databases[i]->name, image->databases[i]);
    }
}

/* To their columns; what does not fit any is not believed. */
static void
link_statistics(const struct cat_image *image, struct image_private *inside)
{
    for (size_t i = 0; i < image->statistics_count; i++) {
        struct cat_statistics *statistics = image->statistics[i];
        struct cat_table *table = find_oid(&inside->oids, NAME_TABLE, statistics->table);
        if (table == NULL || statistics->column < 1 || statistics->column > table->column_count) {
            continue;
        }
        struct cat_column *column = &table->columns[statistics->column - 1];
        if (!column->is_dropped && column->type == statistics->type) {
            column->statistics = statistics;
        }
    }
}

static int
compare_acls(const void *a, const void *b)
{
    const struct cat_acl *one = *(const struct cat_acl *const *)a;
    const struct cat_acl *other = *(const struct cat_acl *const *)b;
    return one->class_oid != other->class_oid ? (one->class_oid < other->class_oid ? -1 : 1)
           : one->object != other->object
               ? (one->object < other->object ? -1 : 1)
               : (one->column > other->column) - (one->column < other->column);
}

/* Before tables are read, whose columns are of them. */
static void
add_types(struct cat_image *image, struct image_private *inside, const struct reading *schemas,
          bool is_committed)
{
    /* Enums first: domains may be over them. */
    for (size_t i = 0; i < 2 * image->type_count; i++) {
        struct cat_type *type = image->types[i % image->type_count];
        if ((type->domain != NULL) != (i >= image->type_count)) {
            continue;
        }
        if (type->domain != NULL) {
            const struct type *base = type_find(type->domain->base_oid);
            type->domain->base = base == NULL ? type_get(OID_TEXT) : base;
        }
        const char *schema = "public";
        for (size_t k = 0; k < schemas->count; k++) {
            const struct cat_schema *found = schemas->objects[k];
            schema = found->oid == type->schema ? found->name : schema;
        }
        const struct user_type known = {.oid = type->oid,
                                        .array_oid = type->array_oid,
                                        .name = type->name,
                                        .array_name = type->array_name,
                                        .schema = schema,
                                        .labels = type->labels,
                                        .base = type->domain == NULL ? NULL : type->domain->base};
        user_type_put(&known, image->lsn, is_committed);
        add_name(&inside->names, NAME_TYPE, type->schema, type->name,
                 (void *)(uintptr_t)type_get(type->oid));
        add_oid(&inside->oids, NAME_TYPE, type->oid, type);
        if (type->domain == NULL) {
            add_name(&inside->names, NAME_TYPE, type->schema, type->array_name,
                     (void *)(uintptr_t)type_get(type->array_oid));
            add_oid(&inside->oids, NAME_TYPE, type->array_oid, type);
        }
    }
}

static ky_status
image_fill(struct txn *txn, struct cat_image *image, struct image_private *inside,
           bool is_committed, struct ky_error *err)
{
    struct ky_arena *arena = &inside->arena;
    struct reading readings[CAT_KIND_COUNT] = {0};
    KY_TRY(read_kind(txn, arena, CAT_TYPE, &readings[CAT_TYPE], err));
    KY_TRY(read_kind(txn, arena, CAT_SCHEMA, &readings[CAT_SCHEMA], err));
    image->types = (struct cat_type **)(void *)readings[CAT_TYPE].objects;
    image->type_count = readings[CAT_TYPE].count;
    add_types(image, inside, &readings[CAT_SCHEMA], is_committed);
    for (int kind = 0; kind < CAT_KIND_COUNT; kind++) {
        if (kind != CAT_TYPE && kind != CAT_SCHEMA) {
            KY_TRY(read_kind(txn, arena, (enum cat_kind)kind, &readings[kind], err));
        }
    }
    struct cat_table **system_tables;
    size_t system_count;
    image_system_tables(&system_tables, &system_count);

    struct reading *tables = &readings[CAT_TABLE];
    image->table_count = tables->count + system_count;
    image->tables = ky_arena_array(arena, struct cat_table *, image->table_count + 1);
    if (tables->count > 0) {
        memcpy(image->tables, tables->objects, tables->count * sizeof(*image->tables));
    }
    if (system_count > 0) {
        memcpy(image->tables + tables->count, system_tables, system_count * sizeof(*system_tables));
    }

    struct reading *schemas = &readings[CAT_SCHEMA];
    image->schema_count = schemas->count + KY_COUNT_OF(builtin_schemas);
    image->schemas = ky_arena_array(arena, struct cat_schema *, image->schema_count);
    for (size_t i = 0; i < KY_COUNT_OF(builtin_schemas); i++) {
        image->schemas[i] = &builtin_schemas[i];
    }
    for (size_t i = 0; i < schemas->count; i++) {
        image->schemas[KY_COUNT_OF(builtin_schemas) + i] = schemas->objects[i];
    }
    add_roles(image, arena, &readings[CAT_ROLE], &readings[CAT_MEMBER]);
    image->databases = (struct cat_database **)(void *)readings[CAT_DATABASE].objects;
    image->database_count = readings[CAT_DATABASE].count;
    image->extensions = (struct cat_extension **)(void *)readings[CAT_EXTENSION].objects;
    image->extension_count = readings[CAT_EXTENSION].count;
    image->comments = (struct cat_comment **)(void *)readings[CAT_COMMENT].objects;
    image->comment_count = readings[CAT_COMMENT].count;
    image->statistics = (struct cat_statistics **)(void *)readings[CAT_STATISTICS].objects;
    image->statistics_count = readings[CAT_STATISTICS].count;
    image->acls = (struct cat_acl **)(void *)readings[CAT_ACL].objects;
    image->acl_count = readings[CAT_ACL].count;
    if (image->acl_count > 1) {
        qsort(image->acls, image->acl_count, sizeof(*image->acls), compare_acls);
    }
    image->default_acls = (struct cat_default_acl **)(void *)readings[CAT_DEFAULT_ACL].objects;
    image->default_acl_count = readings[CAT_DEFAULT_ACL].count;
    image->role_settings = (struct cat_role_setting **)(void *)readings[CAT_ROLE_SETTING].objects;
    image->role_setting_count = readings[CAT_ROLE_SETTING].count;
    fill_maps(image, inside);
    link_statistics(image, inside);
    return link_children(arena, inside, &readings[CAT_INDEX], &readings[CAT_CONSTRAINT], err);
}

static void
image_destroy(struct image_private *inside)
{
    ky_smap_deinit(&inside->names);
    ky_map64_deinit(&inside->oids);
    /* The image itself lies in this arena. */
    struct ky_arena arena = inside->arena;
    ky_arena_deinit(&arena);
}

static _Atomic uint64_t last_number;

ky_status
image_build(struct txn *txn, bool is_committed, struct cat_image **image_out, struct ky_error *err)
{
    struct ky_arena arena;
    ky_arena_init(&arena);
    struct image_private *inside = ky_arena_new(&arena, struct image_private);
    struct cat_image *image = ky_arena_new(&arena, struct cat_image);
    inside->arena = arena;
    image->private_state = inside;
    image->lsn = txn_snapshot(txn);
    image->number = atomic_fetch_add_explicit(&last_number, 1, memory_order_relaxed) + 1;
    atomic_init(&inside->reference_count, 1);
    if (image_fill(txn, image, inside, is_committed, err) != KY_OK) {
        image_destroy(inside);
        return KY_ERR;
    }
    *image_out = image;
    return KY_OK;
}

void
cat_image_retain(struct cat_image *image)
{
    struct image_private *inside = image->private_state;
    atomic_fetch_add_explicit(&inside->reference_count, 1, memory_order_relaxed);
}

void
cat_image_release(struct cat_image *image)
{
    if (image == NULL) {
        return;
    }
    struct image_private *inside = image->private_state;
    /* acq_rel: whoever drops the last reference sees all other users' reads finished. */
    if (atomic_fetch_sub_explicit(&inside->reference_count, 1, memory_order_acq_rel) == 1) {
        image_destroy(inside);
    }
}

/* ------------------------------------------------------------------ finding */

static void *
find_name(const struct cat_image *image, char kind, oid_t schema, struct ky_slice name)
{
    const struct image_private *inside = image->private_state;
    uint8_t space[NAME_KEY_SIZE];
    return ky_smap_find(&inside->names, name_key(kind, schema, name, space, sizeof(space)));
}

struct cat_table *
cat_find_table(const struct cat_image *image, oid_t schema, struct ky_slice name)
{
    uint8_t space[NAME_KEY_SIZE];
    struct cat_table *table = find_name(image, NAME_TABLE, schema, name);
    return table != NULL ? table
                         : ky_smap_find(&system_set.names,
                                        name_key(NAME_TABLE, schema, name, space, sizeof(space)));
}

struct cat_table *
cat_get_table(const struct cat_image *image, oid_t oid)
{
    const struct image_private *inside = image->private_state;
    struct cat_table *table = find_oid(&inside->oids, NAME_TABLE, oid);
    return table != NULL ? table : find_oid(&system_set.oids, NAME_TABLE, oid);
}

struct cat_index *
cat_find_index(const struct cat_image *image, oid_t schema, struct ky_slice name)
{
    return find_name(image, NAME_INDEX, schema, name);
}

struct cat_index *
cat_get_index(const struct cat_image *image, oid_t oid)
{
    const struct image_private *inside = image->private_state;
    return find_oid(&inside->oids, NAME_INDEX, oid);
}

struct cat_schema *
cat_find_schema(const struct cat_image *image, struct ky_slice name)
{
    return find_name(image, NAME_SCHEMA, 0, name);
}

struct cat_schema *
cat_get_schema(const struct cat_image *image, oid_t oid)
{
    const struct image_private *inside = image->private_state;
    return find_oid(&inside->oids, NAME_SCHEMA, oid);
}

const struct type *
cat_find_type(const struct cat_image *image, oid_t schema, struct ky_slice name)
{
    return find_name(image, NAME_TYPE, schema, name);
}

struct cat_type *
cat_get_type(const struct cat_image *image, oid_t oid)
{
    const struct image_private *inside = image->private_state;
    return find_oid(&inside->oids, NAME_TYPE, oid);
}

struct cat_role *
cat_find_role(const struct cat_image *image, struct ky_slice name)
{
    return find_name(image, NAME_ROLE, 0, name);
}

struct cat_role *
cat_get_role(const struct cat_image *image, oid_t oid)
{
    const struct image_private *inside = image->private_state;
    return find_oid(&inside->oids, NAME_ROLE, oid);
}

struct cat_database *
cat_find_database(const struct cat_image *image, struct ky_slice name)
{
    return find_name(image, NAME_DATABASE, 0, name);
}

const struct type *
cat_resolve_type(const struct cat_image *image, const struct cat_path *path, struct ky_slice name)
{
    const struct type *type = NULL;
    for (uint16_t i = 0; i < path->count && type == NULL; i++) {
        type = cat_find_type(image, path->schemas[i], name);
    }
    return type;
}

struct cat_column *
cat_find_column(const struct cat_table *table, struct ky_slice name)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        struct cat_column *column = &table->columns[i];
        if (!column->is_dropped && ky_slice_is(name, column->name)) {
            return column;
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

const char *
cat_action_words(char action)
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
