/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "server/session/catalog/funcs_private.h"

/* How many bytes tables and indexes take: row records in the log and base files, entries in memory.
 */

static int64_t
index_bytes(const struct func_env *env, oid_t index)
{
    struct access_index_stats stats;
    return access_index_stats(server_access(funcs_session(env)->server), index, &stats)
               ? (int64_t)stats.bytes
               : 0;
}

static int64_t
indexes_bytes(const struct func_env *env, const struct cat_table *table)
{
    int64_t bytes = 0;
    for (uint16_t i = 0; i < table->index_count; i++) {
        bytes += index_bytes(env, table->indexes[i]->oid);
    }
    return bytes;
}

static int64_t
rows_bytes(const struct func_env *env, const struct cat_table *table)
{
    return table->sysview != NULL || table->kind == 'v'
               ? 0
               : (int64_t)storage_relation_bytes(funcs_env(env)->storage, table->rel);
}

/* Null when there is no such relation, as in PostgreSQL. */
FUNCTION(pg_relation_size)
{
    UNUSED_ARGS();
    oid_t oid = (oid_t)args[0].word;
    const struct cat_table *table = cat_get_table(funcs_env(env)->image, oid);
    bool is_main = arg_count == 1 || ky_slice_equal(args[1].bytes, ky_slice_cstr("main"));
    if (table != NULL) {
        *out = datum_word(is_main ? rows_bytes(env, table) : 0);
    } else if (cat_get_index(funcs_env(env)->image, oid) != NULL) {
        *out = datum_word(is_main ? index_bytes(env, oid) : 0);
    } else {
        *out = datum_null();
    }
    return KY_OK;
}

FUNCTION(pg_table_size)
{
    return pg_relation_size(env, args, arg_count, out, err);
}

FUNCTION(pg_indexes_size)
{
    UNUSED_ARGS();
    const struct cat_table *table = cat_get_table(funcs_env(env)->image, (oid_t)args[0].word);
    *out = table == NULL ? datum_null() : datum_word(indexes_bytes(env, table));
    return KY_OK;
}

FUNCTION(pg_total_relation_size)
{
    KY_TRY(pg_relation_size(env, args, arg_count, out, err));
    const struct cat_table *table = cat_get_table(funcs_env(env)->image, (oid_t)args[0].word);
    if (table != NULL) {
        *out = datum_word(out->word + indexes_bytes(env, table));
    }
    return KY_OK;
}

static int64_t
all_bytes(const struct func_env *env)
{
    const struct cat_image *image = funcs_env(env)->image;
    int64_t bytes = 0;
    for (size_t i = 0; i < image->table_count; i++) {
        bytes += rows_bytes(env, image->tables[i]) + indexes_bytes(env, image->tables[i]);
    }
    return bytes;
}

FUNCTION(pg_database_size)
{
    UNUSED_ARGS();
    const struct cat_image *image = funcs_env(env)->image;
    const char *name = ky_arena_cstr(env->types.arena, args[0].bytes);
    const struct cat_database *database = cat_find_database(image, ky_slice_cstr(name));
    if (database == NULL) {
        return ky_error_set(err, KY_INVALID_CATALOG_NAME, "database \"%s\" does not exist", name);
    }
    *out = datum_word(strcmp(database->name, funcs_env(env)->database) == 0 ? all_bytes(env) : 0);
    return KY_OK;
}

FUNCTION(pg_database_size_of_oid)
{
    UNUSED_ARGS();
    const struct cat_image *image = funcs_env(env)->image;
    for (size_t i = 0; i < image->database_count; i++) {
        if (image->databases[i]->oid == (oid_t)args[0].word) {
            bool is_own = strcmp(image->databases[i]->name, funcs_env(env)->database) == 0;
            *out = datum_word(is_own ? all_bytes(env) : 0);
            return KY_OK;
        }
    }
    *out = datum_null();
    return KY_OK;
}

FUNCTION(pg_tablespace_size)
{
    UNUSED_ARGS();
    *out = datum_word(all_bytes(env));
    return KY_OK;
}

FUNCTION(pg_relation_filenode)
{
    UNUSED_ARGS();
    const struct cat_table *table = cat_get_table(funcs_env(env)->image, (oid_t)args[0].word);
    *out = table == NULL || table->kind == 'v' ? datum_null() : datum_word(table->rel);
    return KY_OK;
}

/* Where PostgreSQL would have it: what asks wants to see which relations share a file. */
FUNCTION(pg_relation_filepath)
{
    UNUSED_ARGS();
    KY_TRY(pg_relation_filenode(env, args, arg_count, out, err));
    if (!out->is_null) {
        const struct cat_database *database =
            cat_find_database(funcs_env(env)->image, ky_slice_cstr(funcs_env(env)->database));
        *out = funcs_text(env, ky_arena_printf(env->types.arena, "base/%" PRIu32 "/%" PRIu64,
                                               database == NULL ? 0 : database->oid,
                                               (uint64_t)out->word));
    }
    return KY_OK;
}

FUNCTION(pg_filenode_relation)
{
    UNUSED_ARGS();
    const struct cat_image *image = funcs_env(env)->image;
    *out = datum_null();
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        if (table->kind != 'v' && table->sysview == NULL && (int64_t)table->rel == args[1].word) {
            *out = datum_word(table->oid);
        }
    }
    return KY_OK;
}

static const struct func funcs[] = {
    FUNC(3034, "pg_relation_filepath", OID_TEXT, 1, ARGS(OID_REGCLASS), true, 's',
         pg_relation_filepath),
    FUNC(3454, "pg_filenode_relation", OID_REGCLASS, 2, ARGS(OID_OID, OID_OID), true, 's',
         pg_filenode_relation),
    FUNC(2325, "pg_relation_size", OID_INT8, 1, ARGS(OID_REGCLASS), true, 'v', pg_relation_size),
    FUNC(2332, "pg_relation_size", OID_INT8, 2, ARGS(OID_REGCLASS, OID_TEXT), true, 'v',
         pg_relation_size),
    FUNC(2997, "pg_table_size", OID_INT8, 1, ARGS(OID_REGCLASS), true, 'v', pg_table_size),
    FUNC(2998, "pg_indexes_size", OID_INT8, 1, ARGS(OID_REGCLASS), true, 'v', pg_indexes_size),
    FUNC(2286, "pg_total_relation_size", OID_INT8, 1, ARGS(OID_REGCLASS), true, 'v',
         pg_total_relation_size),
    FUNC(2168, "pg_database_size", OID_INT8, 1, ARGS(OID_NAME), true, 'v', pg_database_size),
    FUNC(2324, "pg_database_size", OID_INT8, 1, ARGS(OID_OID), true, 'v', pg_database_size_of_oid),
    FUNC(2322, "pg_tablespace_size", OID_INT8, 1, ARGS(OID_OID), true, 'v', pg_tablespace_size),
    FUNC(2323, "pg_tablespace_size", OID_INT8, 1, ARGS(OID_NAME), true, 'v', pg_tablespace_size),
    FUNC(2999, "pg_relation_filenode", OID_OID, 1, ARGS(OID_REGCLASS), true, 's',
         pg_relation_filenode),
};

void
size_funcs_register(void)
{
    func_register(funcs, KY_COUNT_OF(funcs));
}
