/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "server/session/catalog/funcs_private.h"
#include "server/types/array.h"

/*
 * has_table_privilege and its kin. They answer what the server does: it checks who owns a thing
 * before changing it, but not yet who may read or write it, so every role has every privilege on
 * what exists. Roles, objects and the words for privileges are checked as PostgreSQL does.
 *
 * All forms of a function share one implementation: [role,] object [, column], privilege. The
 * types of the arguments say how role and object are named.
 */
enum object_class {
    OBJECT_TABLE,
    OBJECT_SEQUENCE,
    OBJECT_COLUMN,
    OBJECT_ANY_COLUMN,
    OBJECT_DATABASE,
    OBJECT_SCHEMA,
    OBJECT_PARAMETER,
    OBJECT_OTHER,
};

static const char *const *words_of(enum object_class class)
{
    static const char *const table[] = {"SELECT",     "INSERT",  "UPDATE", "DELETE", "TRUNCATE",
                                        "REFERENCES", "TRIGGER", "RULE",   NULL};
    static const char *const column[] = {"SELECT", "INSERT", "UPDATE", "REFERENCES", NULL};
    static const char *const sequence[] = {"USAGE", "SELECT", "UPDATE", NULL};
    static const char *const database[] = {"CREATE", "TEMPORARY", "TEMP", "CONNECT", NULL};
    static const char *const schema[] = {"CREATE", "USAGE", NULL};
    static const char *const parameter[] = {"SET", "ALTER SYSTEM", NULL};
    static const char *const other[] = {"USAGE", "EXECUTE",      "CREATE", "MEMBER",
                                        "SET",   "ALTER SYSTEM", NULL};
    switch (class) {
    case OBJECT_TABLE:
        return table;
    case OBJECT_COLUMN:
    case OBJECT_ANY_COLUMN:
        return column;
    case OBJECT_SEQUENCE:
        return sequence;
    case OBJECT_DATABASE:
        return database;
    case OBJECT_SCHEMA:
        return schema;
    case OBJECT_PARAMETER:
        return parameter;
    case OBJECT_OTHER:
        return other;
    }
    return other;
}

/* "SELECT, update with grant option": a list, any of which will do. */
static ky_status
check_words(const char *text, enum object_class class, struct ky_error *err)
{
    static const char option[] = " WITH GRANT OPTION";
    const char *const *words = words_of(class);
    for (const char *at = text;;) {
        const char *end = at + strcspn(at, ",");
        const char *first = at + strspn(at, " \t");
        const char *last = end;
        while (last > first && last[-1] == ' ') {
            last--;
        }
        size_t size = (size_t)(last - first);
        size_t option_size = sizeof(option) - 1;
        if (size > option_size && strncasecmp(last - option_size, option, option_size) == 0) {
            size -= option_size;
        }
        bool is_known = false;
        for (const char *const *word = words; *word != NULL; word++) {
            is_known = is_known || (strlen(*word) == size && strncasecmp(*word, first, size) == 0);
        }
        if (!is_known) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "unrecognized privilege type: \"%.*s\"", (int)(last - first),
                                first);
        }
        if (*end == '\0') {
            return KY_OK;
        }
        at = end + 1;
    }
}

static bool
is_name_type(oid_t type)
{
    return type == OID_NAME || type == OID_TEXT;
}

static ky_status
check_role(const struct func_env *env, oid_t type, struct datum value, bool *is_there_out,
           struct ky_error *err)
{
    const struct cat_image *image = funcs_env(env)->image;
    *is_there_out = true;
    if (!is_name_type(type)) {
        *is_there_out = cat_get_role(image, (oid_t)value.word) != NULL;
        return KY_OK;
    }
    const char *name = ky_arena_cstr(env->types.arena, value.bytes);
    return strcmp(name, "public") == 0 || cat_find_role(image, ky_slice_cstr(name)) != NULL
               ? KY_OK
               : ky_error_set(err, KY_UNDEFINED_OBJECT, "role \"%s\" does not exist", name);
}

/* False and KY_OK: an OID that names nothing; the answer is null. */
static ky_status
find_object(struct func_env *env, enum object_class class, oid_t type, struct datum value,
            const struct cat_table **table_out, bool *is_there_out, struct ky_error *err)
{
    const struct cat_image *image = funcs_env(env)->image;
    *table_out = NULL;
    *is_there_out = true;
    const char *name = is_name_type(type) ? ky_arena_cstr(env->types.arena, value.bytes) : NULL;
    switch (class) {
    case OBJECT_DATABASE:
        if (name != NULL && cat_find_database(image, ky_slice_cstr(name)) == NULL) {
            return ky_error_set(err, KY_INVALID_CATALOG_NAME, "database \"%s\" does not exist",
                                name);
        }
        return KY_OK;
    case OBJECT_SCHEMA:
        if (name != NULL && cat_find_schema(image, ky_slice_cstr(name)) == NULL) {
            return ky_error_set(err, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
        }
        *is_there_out = name != NULL || cat_get_schema(image, (oid_t)value.word) != NULL;
        return KY_OK;
    case OBJECT_TABLE:
    case OBJECT_SEQUENCE:
    case OBJECT_COLUMN:
    case OBJECT_ANY_COLUMN: {
        oid_t oid = (oid_t)value.word;
        if (name != NULL) {
            const struct reg_names *names = env->types.reg;
            KY_TRY(names->find_oid(names->self, OID_REGCLASS, value.bytes, &oid, err));
        }
        *table_out = cat_get_table(image, oid);
        *is_there_out = *table_out != NULL;
        return KY_OK;
    }
    case OBJECT_PARAMETER:
    case OBJECT_OTHER:
        return KY_OK;
    }
    return KY_OK;
}

static ky_status
check_column(const struct func_env *env, const struct cat_table *table, oid_t type,
             struct datum value, bool *is_there_out, struct ky_error *err)
{
    if (!is_name_type(type)) {
        *is_there_out = value.word > 0 && value.word <= table->column_count;
        return KY_OK;
    }
    if (cat_find_column(table, value.bytes) == NULL) {
        return ky_error_set(err, KY_UNDEFINED_COLUMN,
                            "column \"%s\" of relation \"%s\" does not exist",
                            ky_arena_cstr(env->types.arena, value.bytes), table->name);
    }
    *is_there_out = true;
    return KY_OK;
}

/* types: what the function declares, for those of its arguments that were given. */
static ky_status
has_privilege(struct func_env *env, enum object_class class, const oid_t *types,
              const struct datum *args, int arg_count, struct datum *out, struct ky_error *err)
{
    int own_count = class == OBJECT_COLUMN ? 3 : 2;
    int at = 0;
    bool is_there = true;
    const struct cat_table *table;
    if (arg_count > own_count) {
        KY_TRY(check_role(env, types[0], args[0], &is_there, err));
        at++;
    }
    bool is_object_there;
    KY_TRY(find_object(env, class, types[at], args[at], &table, &is_object_there, err));
    at++;
    if (class == OBJECT_COLUMN && table != NULL) {
        KY_TRY(check_column(env, table, types[at], args[at], &is_object_there, err));
    }
    at += class == OBJECT_COLUMN;
    KY_TRY(check_words(ky_arena_cstr(env->types.arena, args[at].bytes), class, err));
    *out = is_there && is_object_there ? datum_word(true) : datum_null();
    return KY_OK;
}

/* Two forms name the current role, the others name one by name or by OID. */
#define FORMS(X, class_, name_, id0, id1, id2, id3, id4, id5)        \
    X(class_, name_, id0, 3, OID_NAME, OID_TEXT, OID_TEXT, OID_NONE) \
    X(class_, name_, id1, 3, OID_NAME, OID_OID, OID_TEXT, OID_NONE)  \
    X(class_, name_, id2, 3, OID_OID, OID_TEXT, OID_TEXT, OID_NONE)  \
    X(class_, name_, id3, 3, OID_OID, OID_OID, OID_TEXT, OID_NONE)   \
    X(class_, name_, id4, 2, OID_TEXT, OID_TEXT, OID_NONE, OID_NONE) \
    X(class_, name_, id5, 2, OID_OID, OID_TEXT, OID_NONE, OID_NONE)
#define ALL_FORMS(X)                                                                               \
    FORMS(X, OBJECT_TABLE, has_table_privilege, 1922, 1923, 1924, 1925, 1926, 1927)                \
    FORMS(X, OBJECT_SEQUENCE, has_sequence_privilege, 2181, 2182, 2183, 2184, 2185, 2186)          \
    FORMS(X, OBJECT_ANY_COLUMN, has_any_column_privilege, 3024, 3025, 3026, 3027, 3028, 3029)      \
    FORMS(X, OBJECT_DATABASE, has_database_privilege, 2250, 2251, 2252, 2253, 2254, 2255)          \
    FORMS(X, OBJECT_SCHEMA, has_schema_privilege, 2268, 2269, 2270, 2271, 2272, 2273)              \
    FORMS(X, OBJECT_OTHER, has_function_privilege, 2256, 2257, 2258, 2259, 2260, 2261)             \
    FORMS(X, OBJECT_OTHER, has_language_privilege, 2262, 2263, 2264, 2265, 2266, 2267)             \
    FORMS(X, OBJECT_OTHER, has_type_privilege, 3138, 3139, 3140, 3141, 3142, 3143)                 \
    FORMS(X, OBJECT_OTHER, has_tablespace_privilege, 2390, 2391, 2392, 2393, 2394, 2395)           \
    FORMS(X, OBJECT_OTHER, has_foreign_data_wrapper_privilege, 3000, 3001, 3002, 3003, 3004, 3005) \
    FORMS(X, OBJECT_OTHER, has_server_privilege, 3006, 3007, 3008, 3009, 3010, 3011)               \
    X(OBJECT_PARAMETER, has_parameter_privilege, 6205, 3, OID_NAME, OID_TEXT, OID_TEXT, OID_NONE)  \
    X(OBJECT_PARAMETER, has_parameter_privilege, 6206, 3, OID_OID, OID_TEXT, OID_TEXT, OID_NONE)   \
    X(OBJECT_PARAMETER, has_parameter_privilege, 6207, 2, OID_TEXT, OID_TEXT, OID_NONE, OID_NONE)  \
    X(OBJECT_COLUMN, has_column_privilege, 3012, 4, OID_NAME, OID_TEXT, OID_TEXT, OID_TEXT)        \
    X(OBJECT_COLUMN, has_column_privilege, 3013, 4, OID_NAME, OID_TEXT, OID_INT2, OID_TEXT)        \
    X(OBJECT_COLUMN, has_column_privilege, 3014, 4, OID_NAME, OID_OID, OID_TEXT, OID_TEXT)         \
    X(OBJECT_COLUMN, has_column_privilege, 3015, 4, OID_NAME, OID_OID, OID_INT2, OID_TEXT)         \
    X(OBJECT_COLUMN, has_column_privilege, 3016, 4, OID_OID, OID_TEXT, OID_TEXT, OID_TEXT)         \
    X(OBJECT_COLUMN, has_column_privilege, 3017, 4, OID_OID, OID_TEXT, OID_INT2, OID_TEXT)         \
    X(OBJECT_COLUMN, has_column_privilege, 3018, 4, OID_OID, OID_OID, OID_TEXT, OID_TEXT)          \
    X(OBJECT_COLUMN, has_column_privilege, 3019, 4, OID_OID, OID_OID, OID_INT2, OID_TEXT)          \
    X(OBJECT_COLUMN, has_column_privilege, 3020, 3, OID_TEXT, OID_TEXT, OID_TEXT, OID_NONE)        \
    X(OBJECT_COLUMN, has_column_privilege, 3021, 3, OID_TEXT, OID_INT2, OID_TEXT, OID_NONE)        \
    X(OBJECT_COLUMN, has_column_privilege, 3022, 3, OID_OID, OID_TEXT, OID_TEXT, OID_NONE)         \
    X(OBJECT_COLUMN, has_column_privilege, 3023, 3, OID_OID, OID_INT2, OID_TEXT, OID_NONE)

#define DEFINE(class_, name_, oid_, count_, a_, b_, c_, d_)                         \
    static const oid_t types_##oid_[] = {a_, b_, c_, d_};                           \
    FUNCTION(privilege_##oid_)                                                      \
    {                                                                               \
        return has_privilege(env, class_, types_##oid_, args, arg_count, out, err); \
    }
ALL_FORMS(DEFINE)

/* ------------------------------------------------------------------ roles, default lists */

/* There are no memberships yet: a role has itself, a superuser has all. */
FUNCTION(pg_has_role)
{
    UNUSED_ARGS();
    const struct cat_image *image = funcs_env(env)->image;
    const struct cat_role *roles[2] = {cat_find_role(image, ky_slice_cstr(funcs_env(env)->user)),
                                       NULL};
    int first = arg_count == 3 ? 0 : 1;
    for (int i = first; i < 2; i++) {
        struct datum value = args[i - first];
        bool is_oid = env->arg_types != NULL && env->arg_types[i - first]->oid == OID_OID;
        roles[i] =
            is_oid ? cat_get_role(image, (oid_t)value.word) : cat_find_role(image, value.bytes);
        if (roles[i] == NULL && !is_oid) {
            return ky_error_set(err, KY_UNDEFINED_OBJECT, "role \"%s\" does not exist",
                                ky_arena_cstr(env->types.arena, value.bytes));
        }
    }
    *out = roles[0] == NULL || roles[1] == NULL
               ? datum_null()
               : datum_word(roles[0] == roles[1] || roles[0]->is_superuser);
    return KY_OK;
}

/* The list that stands for a null one: all to the owner, and what PUBLIC has. */
FUNCTION(acldefault)
{
    UNUSED_ARGS();
    static const struct {
        char type;
        const char *owner;
        const char *public;
    } lists[] = {
        {'r', "arwdDxt", NULL}, {'c', NULL, NULL}, {'s', "rwU", NULL}, {'d', "CTc", "Tc"},
        {'n', "UC", NULL},      {'f', "X", "X"},   {'l', "U", "U"},    {'L', "rw", NULL},
        {'t', "C", NULL},       {'F', "U", NULL},  {'S', "U", NULL},   {'T', "U", "U"},
        {'p', "sA", NULL},
    };
    const struct cat_role *role = cat_get_role(funcs_env(env)->image, (oid_t)args[1].word);
    struct datum items[2];
    uint32_t count = 0;
    for (size_t i = 0; i < KY_COUNT_OF(lists); i++) {
        if (lists[i].type != (char)args[0].word) {
            continue;
        }
        if (lists[i].public != NULL) {
            items[count++] = datum_cstr(ky_arena_printf(env->types.arena, "=%s/%s", lists[i].public,
                                                        role == NULL ? "" : role->name));
        }
        if (lists[i].owner != NULL && role != NULL) {
            items[count++] = datum_cstr(ky_arena_printf(env->types.arena, "%s=%s/%s", role->name,
                                                        lists[i].owner, role->name));
        }
    }
    struct ky_slice array = array_make(env->types.arena, type_get(OID_ACLITEM), items, count);
    *out = datum_bytes(array.data, array.size);
    return KY_OK;
}

static const struct func funcs[] = {
#define ENTRY(class_, name_, oid_, count_, a_, b_, c_, d_) \
    FUNC(oid_, #name_, OID_BOOL, count_, types_##oid_, true, 's', privilege_##oid_),
    ALL_FORMS(ENTRY) FUNC(2705, "pg_has_role", OID_BOOL, 3, ARGS(OID_NAME, OID_NAME, OID_TEXT),
                          true, 's', pg_has_role),
    FUNC(2706, "pg_has_role", OID_BOOL, 3, ARGS(OID_NAME, OID_OID, OID_TEXT), true, 's',
         pg_has_role),
    FUNC(2707, "pg_has_role", OID_BOOL, 3, ARGS(OID_OID, OID_NAME, OID_TEXT), true, 's',
         pg_has_role),
    FUNC(2708, "pg_has_role", OID_BOOL, 3, ARGS(OID_OID, OID_OID, OID_TEXT), true, 's',
         pg_has_role),
    FUNC(2709, "pg_has_role", OID_BOOL, 2, ARGS(OID_NAME, OID_TEXT), true, 's', pg_has_role),
    FUNC(2710, "pg_has_role", OID_BOOL, 2, ARGS(OID_OID, OID_TEXT), true, 's', pg_has_role),
    FUNC(3943, "acldefault", OID_ACLITEM_ARRAY, 2, ARGS(OID_CHAR, OID_OID), true, 'i', acldefault),
};

void
privilege_funcs_register(void)
{
    func_register(funcs, KY_COUNT_OF(funcs));
}
