/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "server/catalog/acl.h"
#include "server/session/catalog/funcs_private.h"
#include "server/types/array.h"

/*
 * has_table_privilege and its kin. Functions, types, languages and the like have no grants of their
 * own: everybody has what PUBLIC has by default. Roles, objects and the words for privileges are
 * checked as PostgreSQL does.
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

/* What is asked of: a role, and what it was given by name or number. */
struct asked {
    enum object_class class;
    oid_t role; /* OID_NONE: PUBLIC */
    const struct cat_table *table;
    const struct cat_schema *schema;
    const struct cat_database *database;
    int16_t column;
};

static acl_rights
rights_on(const struct cat_image *image, const struct asked *asked, acl_rights wanted)
{
    acl_rights has = 0;
    switch (asked->class) {
    case OBJECT_TABLE:
    case OBJECT_SEQUENCE:
        return acl_on_table(image, asked->role, asked->table, wanted);
    case OBJECT_COLUMN:
        return acl_on_column(image, asked->role, asked->table, asked->column, wanted);
    case OBJECT_ANY_COLUMN:
        for (int16_t i = 1; i <= (int16_t)asked->table->column_count; i++) {
            has |= acl_on_column(image, asked->role, asked->table, i, wanted);
        }
        return has;
    case OBJECT_SCHEMA:
        return acl_on_schema(image, asked->role, asked->schema, wanted);
    case OBJECT_DATABASE:
        return acl_on_database(image, asked->role, asked->database, wanted);
    case OBJECT_PARAMETER:
    case OBJECT_OTHER:
        break;
    }
    return wanted;
}

static acl_rights
options_on(const struct cat_image *image, const struct asked *asked, acl_rights wanted)
{
    struct acl_list list;
    acl_rights may = 0;
    switch (asked->class) {
    case OBJECT_TABLE:
    case OBJECT_SEQUENCE:
        acl_of_table(image, asked->table, &list);
        return acl_may_grant(image, asked->role, &list, wanted);
    case OBJECT_COLUMN:
    case OBJECT_ANY_COLUMN:
        acl_of_table(image, asked->table, &list);
        may = acl_may_grant(image, asked->role, &list, wanted);
        for (int16_t i = 1; i <= (int16_t)asked->table->column_count; i++) {
            if (asked->class == OBJECT_ANY_COLUMN || i == asked->column) {
                acl_of_column(image, asked->table, i, &list);
                may |= acl_may_grant(image, asked->role, &list, wanted);
            }
        }
        return may;
    case OBJECT_SCHEMA:
        acl_of_schema(image, asked->schema, &list);
        return acl_may_grant(image, asked->role, &list, wanted);
    case OBJECT_DATABASE:
        acl_of_database(image, asked->database, &list);
        return acl_may_grant(image, asked->role, &list, wanted);
    case OBJECT_PARAMETER:
    case OBJECT_OTHER:
        break;
    }
    return acl_is_superuser(image, asked->role) ? wanted : 0;
}

/* One of the words: does the role have it? RULE is a word without a right. */
static bool
has_word(const struct cat_image *image, const struct asked *asked, struct ky_slice word,
         bool is_option)
{
    acl_rights right = acl_right_named(word);
    if (asked->class == OBJECT_PARAMETER) {
        return acl_is_superuser(image, asked->role);
    }
    if (right == 0 && asked->class != OBJECT_OTHER) {
        return false;
    }
    right = right == 0 ? ACL_USAGE : right;
    return (is_option ? options_on(image, asked, right) : rights_on(image, asked, right)) != 0;
}

/* "SELECT, update with grant option": a list, any of which will do. */
static ky_status
check_words(const char *text, const struct cat_image *image, const struct asked *asked,
            bool *has_out, struct ky_error *err)
{
    static const char option[] = " WITH GRANT OPTION";
    const char *const *words = words_of(asked->class);
    *has_out = false;
    for (const char *at = text;;) {
        const char *end = at + strcspn(at, ",");
        const char *first = at + strspn(at, " \t");
        const char *last = end;
        while (last > first && last[-1] == ' ') {
            last--;
        }
        size_t size = (size_t)(last - first);
        size_t option_size = sizeof(option) - 1;
        const bool is_option =
            size > option_size && strncasecmp(last - option_size, option, option_size) == 0;
        size -= is_option ? option_size : 0;
        bool is_known = false;
        for (const char *const *word = words; *word != NULL; word++) {
            is_known = is_known || (strlen(*word) == size && strncasecmp(*word, first, size) == 0);
        }
        if (!is_known) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "unrecognized privilege type: \"%.*s\"", (int)(last - first),
                                first);
        }
        *has_out = *has_out || has_word(image, asked, ky_slice(first, size), is_option);
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

/* An OID that is no role's has what PUBLIC has. */
static ky_status
check_role(const struct func_env *env, oid_t type, struct datum value, oid_t *role_out,
           struct ky_error *err)
{
    const struct cat_image *image = funcs_env(env)->image;
    if (!is_name_type(type)) {
        *role_out = cat_get_role(image, (oid_t)value.word) != NULL ? (oid_t)value.word : ACL_PUBLIC;
        return KY_OK;
    }
    const char *name = ky_arena_cstr(env->types.arena, value.bytes);
    const struct cat_role *role = cat_find_role(image, ky_slice_cstr(name));
    *role_out = role == NULL ? ACL_PUBLIC : role->oid;
    return role != NULL || strcmp(name, "public") == 0
               ? KY_OK
               : ky_error_set(err, KY_UNDEFINED_OBJECT, "role \"%s\" does not exist", name);
}

static const struct cat_database *
database_by_oid(const struct cat_image *image, oid_t oid)
{
    for (size_t i = 0; i < image->database_count; i++) {
        if (image->databases[i]->oid == oid) {
            return image->databases[i];
        }
    }
    return NULL;
}

/* False and KY_OK: an OID that names nothing; the answer is null. */
static ky_status
find_object(struct func_env *env, oid_t type, struct datum value, struct asked *asked,
            bool *is_there_out, struct ky_error *err)
{
    const struct cat_image *image = funcs_env(env)->image;
    *is_there_out = true;
    const char *name = is_name_type(type) ? ky_arena_cstr(env->types.arena, value.bytes) : NULL;
    const oid_t number = (oid_t)value.word;
    switch (asked->class) {
    case OBJECT_DATABASE:
        asked->database = name != NULL ? cat_find_database(image, ky_slice_cstr(name))
                                       : database_by_oid(image, number);
        if (name != NULL && asked->database == NULL) {
            return ky_error_set(err, KY_INVALID_CATALOG_NAME, "database \"%s\" does not exist",
                                name);
        }
        *is_there_out = asked->database != NULL;
        return KY_OK;
    case OBJECT_SCHEMA:
        asked->schema = name != NULL ? cat_find_schema(image, ky_slice_cstr(name))
                                     : cat_get_schema(image, number);
        if (name != NULL && asked->schema == NULL) {
            return ky_error_set(err, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
        }
        *is_there_out = asked->schema != NULL;
        return KY_OK;
    case OBJECT_TABLE:
    case OBJECT_SEQUENCE:
    case OBJECT_COLUMN:
    case OBJECT_ANY_COLUMN: {
        oid_t oid = number;
        if (name != NULL) {
            const struct reg_names *names = env->types.reg;
            KY_TRY(names->find_oid(names->self, OID_REGCLASS, value.bytes, &oid, err));
        }
        asked->table = cat_get_table(image, oid);
        *is_there_out = asked->table != NULL;
        return KY_OK;
    }
    case OBJECT_PARAMETER:
    case OBJECT_OTHER:
        return KY_OK;
    }
    return KY_OK;
}

static ky_status
check_column(const struct func_env *env, struct asked *asked, oid_t type, struct datum value,
             bool *is_there_out, struct ky_error *err)
{
    const struct cat_table *table = asked->table;
    if (!is_name_type(type)) {
        *is_there_out = value.word > 0 && value.word <= table->column_count;
        asked->column = (int16_t)value.word;
        return KY_OK;
    }
    const struct cat_column *column = cat_find_column(table, value.bytes);
    if (column == NULL) {
        return ky_error_set(err, KY_UNDEFINED_COLUMN,
                            "column \"%s\" of relation \"%s\" does not exist",
                            ky_arena_cstr(env->types.arena, value.bytes), table->name);
    }
    asked->column = column->number;
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
    struct asked asked = {.class = class, .role = funcs_session(env)->role};
    if (arg_count > own_count) {
        KY_TRY(check_role(env, types[0], args[0], &asked.role, err));
        at++;
    }
    bool is_there;
    bool has;
    KY_TRY(find_object(env, types[at], args[at], &asked, &is_there, err));
    at++;
    if (class == OBJECT_COLUMN && is_there) {
        KY_TRY(check_column(env, &asked, types[at], args[at], &is_there, err));
    }
    at += class == OBJECT_COLUMN;
    const char *words = ky_arena_cstr(env->types.arena, args[at].bytes);
    if (!is_there) {
        asked.class = OBJECT_OTHER; /* the words are checked all the same */
        *out = datum_null();
        return KY_OK;
    }
    KY_TRY(check_words(words, funcs_env(env)->image, &asked, &has, err));
    *out = datum_word(has);
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

/* USAGE: its rights are the role's; MEMBER: it may SET ROLE; with an admin option, it may grant. */
static ky_status
has_role_words(const char *text, const struct cat_image *image, const oid_t roles[2], bool *has_out,
               struct ky_error *err)
{
    *has_out = false;
    for (const char *at = text;;) {
        const size_t span = strcspn(at, ",");
        const char *first = at + strspn(at, " \t");
        size_t size = (size_t)(at + span - first);
        while (size > 0 && first[size - 1] == ' ') {
            size--;
        }
        const bool is_usage = size == 5 && strncasecmp(first, "USAGE", 5) == 0;
        const bool is_member = size == 6 && strncasecmp(first, "MEMBER", 6) == 0;
        const bool is_admin =
            (size == 23 && strncasecmp(first, "USAGE WITH ADMIN OPTION", size) == 0) ||
            (size == 23 && strncasecmp(first, "USAGE WITH GRANT OPTION", size) == 0) ||
            (size == 24 && strncasecmp(first, "MEMBER WITH ADMIN OPTION", size) == 0) ||
            (size == 24 && strncasecmp(first, "MEMBER WITH GRANT OPTION", size) == 0);
        if (!is_usage && !is_member && !is_admin) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "unrecognized privilege type: \"%.*s\"", (int)size, first);
        }
        *has_out = *has_out || (is_usage    ? acl_inherits(image, roles[0], roles[1])
                                : is_member ? acl_is_member(image, roles[0], roles[1])
                                            : acl_may_admin(image, roles[0], roles[1]));
        if (at[span] == '\0') {
            return KY_OK;
        }
        at += span + 1;
    }
}

FUNCTION(pg_has_role)
{
    const struct cat_image *image = funcs_env(env)->image;
    oid_t roles[2] = {funcs_session(env)->role, OID_NONE};
    int first = arg_count == 3 ? 0 : 1;
    bool has;
    for (int i = first; i < 2; i++) {
        struct datum value = args[i - first];
        bool is_oid = env->arg_types != NULL && env->arg_types[i - first]->oid == OID_OID;
        const struct cat_role *role =
            is_oid ? cat_get_role(image, (oid_t)value.word) : cat_find_role(image, value.bytes);
        if (role == NULL && !is_oid) {
            return ky_error_set(err, KY_UNDEFINED_OBJECT, "role \"%s\" does not exist",
                                ky_arena_cstr(env->types.arena, value.bytes));
        }
        roles[i] = role == NULL ? (oid_t)value.word : role->oid;
    }
    KY_TRY(has_role_words(ky_arena_cstr(env->types.arena, args[2 - first].bytes), image, roles,
                          &has, err));
    *out = datum_word(has);
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
