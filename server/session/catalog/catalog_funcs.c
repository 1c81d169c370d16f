/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/catalog/opclass.h"
#include "server/catalog/type_text.h"
#include "server/session/catalog/funcs_private.h"
#include "server/session/catalog/relation_stats.h"
#include "server/types/encoding.h"
#include "server/types/reg.h"

/* Functions that read the catalog: names of things, definitions, what the search path shows. */

static const struct catalog_env *
env_of(const struct func_env *env)
{
    return env->self;
}

static struct datum
copy_text(const struct func_env *env, const char *text)
{
    return text == NULL ? datum_null() : datum_cstr(ky_arena_strdup(env->types.arena, text));
}

static struct datum
take_text(const struct func_env *env, struct ky_buffer *buffer)
{
    struct datum text = copy_text(env, ky_arena_cstr(env->types.arena, ky_buffer_slice(buffer)));
    ky_buffer_deinit(buffer);
    return text;
}

#if defined(__x86_64__)
#define KY_PLATFORM "x86_64-pc-linux-gnu"
#elif defined(__aarch64__)
#define KY_PLATFORM "aarch64-unknown-linux-gnu"
#else
#define KY_PLATFORM "linux-gnu"
#endif
#ifdef __clang__
#define KY_COMPILER "clang " __clang_version__
#else
#define KY_COMPILER "gcc " __VERSION__
#endif

FUNCTION(version)
{
    UNUSED_ARGS();
    *out = datum_cstr("PostgreSQL 15.0 (KyroDB " KYRO_VERSION ") on " KY_PLATFORM
                      ", compiled by " KY_COMPILER ", 64-bit");
    return KY_OK;
}

FUNCTION(current_database)
{
    UNUSED_ARGS();
    *out = copy_text(env, env_of(env)->database);
    return KY_OK;
}

FUNCTION(current_user_name)
{
    UNUSED_ARGS();
    *out = copy_text(env, env_of(env)->user);
    return KY_OK;
}

FUNCTION(session_user_name)
{
    UNUSED_ARGS();
    *out = copy_text(env, env_of(env)->session_user);
    return KY_OK;
}

FUNCTION(current_schema)
{
    UNUSED_ARGS();
    const struct cat_schema *schema =
        cat_get_schema(env_of(env)->image, env_of(env)->path->creation);
    *out = copy_text(env, schema == NULL ? NULL : schema->name);
    return KY_OK;
}

/* ------------------------------------------------------------------ the search path */

FUNCTION(pg_table_is_visible)
{
    UNUSED_ARGS();
    const struct cat_image *image = env_of(env)->image;
    oid_t oid = (oid_t)args[0].word;
    const struct cat_table *table = cat_get_table(image, oid);
    const struct cat_index *index = table == NULL ? cat_get_index(image, oid) : NULL;
    if (table == NULL && index == NULL) {
        *out = datum_null();
        return KY_OK;
    }
    const char *name = table != NULL ? table->name : index->name;
    oid_t schema = table != NULL ? table->schema : index->table->schema;
    const struct cat_path *path = env_of(env)->path;
    struct ky_slice key = {(const uint8_t *)name, strlen(name)};
    *out = datum_word(false);
    for (uint16_t i = 0; i < path->count; i++) {
        if (path->schemas[i] == schema) {
            *out = datum_word(true);
            return KY_OK;
        }
        if (cat_find_table(image, path->schemas[i], key) != NULL ||
            cat_find_index(image, path->schemas[i], key) != NULL) {
            return KY_OK; /* hidden by an earlier one */
        }
    }
    return KY_OK;
}

FUNCTION(pg_type_is_visible)
{
    UNUSED_ARGS();
    const oid_t oid = (oid_t)args[0].word;
    const struct cat_type *type = cat_get_type(env_of(env)->image, oid);
    if (oid >= OID_FIRST_USER && type == NULL) {
        *out = datum_null();
        return KY_OK;
    }
    *out = datum_word(type == NULL ||
                      cat_is_type_visible(env_of(env)->image, env_of(env)->path, type));
    return KY_OK;
}

FUNCTION(always_visible)
{
    UNUSED_ARGS();
    *out = datum_word(true);
    return KY_OK;
}

/* ------------------------------------------------------------------ names */

FUNCTION(pg_get_userbyid)
{
    UNUSED_ARGS();
    const struct cat_role *role = cat_get_role(env_of(env)->image, (oid_t)args[0].word);
    if (role != NULL) {
        *out = copy_text(env, role->name);
        return KY_OK;
    }
    char text[48];
    snprintf(text, sizeof(text), "unknown (OID=%u)", (unsigned)args[0].word);
    *out = copy_text(env, text);
    return KY_OK;
}

/* These print otherwise with a modifier that says nothing (-1) than without one. */
static const char *
name_without_modifier(oid_t type)
{
    return type == OID_BIT            ? "bit"
           : type == OID_BIT_ARRAY    ? "bit[]"
           : type == OID_BPCHAR       ? "character"
           : type == OID_BPCHAR_ARRAY ? "character[]"
                                      : NULL;
}

FUNCTION(format_type)
{
    UNUSED_ARGS();
    struct ky_buffer text = {0};
    if (args[0].is_null) {
        *out = datum_null();
        return KY_OK;
    }
    if (type_find((oid_t)args[0].word) == NULL) {
        *out = datum_cstr(args[0].word == 0 ? "-" : "???");
        return KY_OK;
    }
    if (args[0].word >= OID_FIRST_USER) {
        const struct reg_names *names = env->types.reg;
        if (!names->append_name(names->self, OID_REGTYPE, (oid_t)args[0].word, &text)) {
            ky_buffer_append_cstr(&text, "???");
        }
        *out = take_text(env, &text);
        return KY_OK;
    }
    const char *bare = args[1].is_null ? name_without_modifier((oid_t)args[0].word) : NULL;
    if (bare != NULL) {
        *out = datum_cstr(bare);
        return KY_OK;
    }
    type_format((oid_t)args[0].word, args[1].is_null ? -1 : (int32_t)args[1].word, &text);
    *out = take_text(env, &text);
    return KY_OK;
}

/* Ordinary tables of users could be published; there are no publications yet. */
FUNCTION(pg_relation_is_publishable)
{
    UNUSED_ARGS();
    const struct cat_table *table = cat_get_table(env_of(env)->image, (oid_t)args[0].word);
    *out = datum_word(table != NULL && table->kind == 'r' && table->sysview == NULL);
    return KY_OK;
}

/* There are no extended statistics, so no OID is one. */
FUNCTION(pg_get_statisticsobjdef_columns)
{
    UNUSED_ARGS();
    *out = datum_null();
    return KY_OK;
}

FUNCTION(pg_encoding_to_char)
{
    UNUSED_ARGS();
    *out = datum_cstr(encoding_name(args[0].word));
    return KY_OK;
}

/* ------------------------------------------------------------------ comments */

static const char *
find_comment(const struct cat_image *image, oid_t object, oid_t class_oid, int32_t column)
{
    for (size_t i = 0; i < image->comment_count; i++) {
        const struct cat_comment *comment = image->comments[i];
        if (comment->object == object && (class_oid == 0 || comment->class_oid == class_oid) &&
            comment->column == column) {
            return comment->text;
        }
    }
    return NULL;
}

FUNCTION(obj_description)
{
    UNUSED_ARGS();
    const struct cat_image *image = env_of(env)->image;
    oid_t class_oid = 0;
    if (arg_count > 1) {
        const struct cat_table *catalog =
            cat_find_table(image, OID_SCHEMA_PG_CATALOG, args[1].bytes);
        if (catalog == NULL) {
            *out = datum_null();
            return KY_OK;
        }
        class_oid = catalog->oid;
    }
    *out = copy_text(env, find_comment(image, (oid_t)args[0].word, class_oid, 0));
    return KY_OK;
}

FUNCTION(col_description)
{
    UNUSED_ARGS();
    enum { OID_PG_CLASS = 1259 };
    *out = args[1].word == 0 ? datum_null()
                             : copy_text(env, find_comment(env_of(env)->image, (oid_t)args[0].word,
                                                           OID_PG_CLASS, (int32_t)args[1].word));
    return KY_OK;
}

/* ------------------------------------------------------------------ the table */

/* Types by their OIDs, as a function's arguments are listed. */
FUNCTION(oidvectortypes)
{
    UNUSED_ARGS();
    struct array_view view;
    array_open(args[0].bytes, &view);
    const uint8_t *cursor = view.first;
    struct ky_buffer text = {0};
    for (uint32_t i = 0; i < view.count; i++) {
        const struct datum oid = array_next(&view, &cursor);
        const struct type *type = type_find((oid_t)oid.word);
        ky_buffer_printf(&text, "%s%s", i == 0 ? "" : ", ", type == NULL ? "???" : type->sql_name);
    }
    *out = take_text(env, &text);
    return KY_OK;
}

static const struct func catalog_funcs[] = {
    FUNC(89, "version", OID_TEXT, 0, NULL, true, 's', version),
    FUNC(861, "current_database", OID_NAME, 0, NULL, true, 's', current_database),
    FUNC(745, "current_user", OID_NAME, 0, NULL, true, 's', current_user_name),
    FUNC(710, "getpgusername", OID_NAME, 0, NULL, true, 's', current_user_name),
    FUNC(1349, "oidvectortypes", OID_TEXT, 1, ARGS(OID_OIDVECTOR), true, 's', oidvectortypes),
    FUNC(746, "session_user", OID_NAME, 0, NULL, true, 's', session_user_name),
    FUNC(1402, "current_schema", OID_NAME, 0, NULL, true, 's', current_schema),
    FUNC(2079, "pg_table_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', pg_table_is_visible),
    FUNC(2080, "pg_type_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', pg_type_is_visible),
    FUNC(2081, "pg_function_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', always_visible),
    FUNC(1642, "pg_get_userbyid", OID_NAME, 1, ARGS(OID_OID), true, 's', pg_get_userbyid),
    FUNC(1081, "format_type", OID_TEXT, 2, ARGS(OID_OID, OID_INT4), false, 's', format_type),
    FUNC(1597, "pg_encoding_to_char", OID_NAME, 1, ARGS(OID_INT4), true, 's', pg_encoding_to_char),
    FUNC(6174, "pg_get_statisticsobjdef_columns", OID_TEXT, 1, ARGS(OID_OID), true, 's',
         pg_get_statisticsobjdef_columns),
    FUNC(6121, "pg_relation_is_publishable", OID_BOOL, 1, ARGS(OID_REGCLASS), true, 's',
         pg_relation_is_publishable),
    FUNC(1348, "obj_description", OID_TEXT, 1, ARGS(OID_OID), true, 's', obj_description),
    FUNC(1215, "obj_description", OID_TEXT, 2, ARGS(OID_OID, OID_NAME), true, 's', obj_description),
    FUNC(1216, "col_description", OID_TEXT, 2, ARGS(OID_OID, OID_INT4), true, 's', col_description),
};

void
session_catalog_register(void)
{
    func_register(catalog_funcs, KY_COUNT_OF(catalog_funcs));
    definition_funcs_register();
    size_funcs_register();
    server_funcs_register();
    privilege_funcs_register();
    object_funcs_register();
    index_property_register();
    proc_views_register();
    depend_views_register();
    control_funcs_register();
    describe_funcs_register();
    extension_funcs_register();
    sequence_funcs_register();
    zone_funcs_register();
    stat_funcs_register();
}
