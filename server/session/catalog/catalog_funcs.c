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

/* Stored SQL as the session's search path lets one read it. */
static struct datum
take_sql(const struct func_env *env, struct ky_buffer *buffer)
{
    const char *text = ky_arena_cstr(env->types.arena, ky_buffer_slice(buffer));
    ky_buffer_deinit(buffer);
    return datum_cstr(
        type_text_show(env->types.arena, env_of(env)->image, env_of(env)->path, text));
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

/* ------------------------------------------------------------------ definitions */

/* Without one pair of parentheses around the whole. */
static struct ky_slice
without_parentheses(struct ky_slice text)
{
    const char *bytes = text.data;
    int depth = 0;
    bool is_quoted = false;
    if (text.size < 2 || bytes[0] != '(' || bytes[text.size - 1] != ')') {
        return text;
    }
    for (size_t i = 0; i < text.size; i++) {
        is_quoted = is_quoted != (bytes[i] == '\'');
        depth += is_quoted ? 0 : (bytes[i] == '(') - (bytes[i] == ')');
        if (depth == 0 && i + 1 < text.size) {
            return text; /* the first one ends before the last */
        }
    }
    return ky_slice(bytes + 1, text.size - 2);
}

/* nextval('public.s'::regclass) as nextval('s'::regclass) where the search path finds s. */
static struct datum
shorten_nextval(const struct func_env *env, struct datum value)
{
    static const char before[] = "nextval('";
    static const char after[] = "'::regclass)";
    const struct reg_names *names = env->types.reg;
    struct ky_slice text = value.bytes;
    size_t start = sizeof(before) - 1;
    size_t end = sizeof(after) - 1;
    struct ky_error ignored;
    oid_t oid;
    ky_error_init(&ignored);
    if (names == NULL || text.size <= start + end || memcmp(text.data, before, start) != 0 ||
        memcmp((const char *)text.data + text.size - end, after, end) != 0) {
        return value;
    }
    const struct ky_slice name = ky_slice((const char *)text.data + start, text.size - start - end);
    if (memchr(name.data, '\'', name.size) != NULL ||
        names->find_oid(names->self, OID_REGCLASS, name, &oid, &ignored) != KY_OK) {
        return value;
    }
    struct ky_buffer shown = {0};
    ky_buffer_append_cstr(&shown, before);
    (void)names->append_name(names->self, OID_REGCLASS, oid, &shown);
    ky_buffer_append_cstr(&shown, after);
    return take_text(env, &shown);
}

/* Expressions are kept as SQL: the "node tree" is the text itself. */
FUNCTION(pg_get_expr)
{
    UNUSED_ARGS();
    const char *text = ky_arena_cstr(env->types.arena, args[0].bytes);
    *out = shorten_nextval(env, datum_cstr(type_text_show(env->types.arena, env_of(env)->image,
                                                          env_of(env)->path, text)));
    if (arg_count > 2 && args[2].word != 0) {
        out->bytes = without_parentheses(out->bytes); /* pretty */
    }
    return KY_OK;
}

static void
append_columns(struct ky_buffer *text, const struct cat_table *table, const int16_t *columns,
               uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_append_cstr(text, i == 0 ? "" : ", ");
        ast_print_identifier(text, table->columns[columns[i] - 1].name);
    }
}

static void
append_key(struct ky_buffer *text, const struct cat_index *index, uint16_t place, bool is_column)
{
    const struct cat_key *key = &index->keys[place];
    if (key->column > 0) {
        ast_print_identifier(text, index->table->columns[key->column - 1].name);
    } else if (is_column) {
        ky_buffer_append_cstr(text, key->expression_sql);
    } else {
        bool is_call = key->expression_sql[0] != '(';
        ky_buffer_printf(text, is_call ? "%s" : "(%s)", key->expression_sql);
    }
    if (is_column) {
        return;
    }
    if (key->opclass != NULL) {
        ky_buffer_printf(text, " %s", key->opclass);
    }
    if (key->is_descending) {
        ky_buffer_printf(text, " DESC%s", key->is_nulls_first ? "" : " NULLS LAST");
    } else if (key->is_nulls_first) {
        ky_buffer_printf(text, " NULLS FIRST");
    }
}

/* A word as it is, anything else as a string. */
static void
append_option_value(struct ky_buffer *text, const char *value)
{
    const size_t start = text->size;
    ast_print_identifier(text, value);
    if (text->size == start || text->data[start] == '"') {
        text->size = start;
        ast_print_string(text, value);
    }
}

static void
append_index_rest(struct ky_buffer *text, const struct cat_index *index)
{
    if (index->is_nulls_not_distinct) {
        ky_buffer_append_cstr(text, " NULLS NOT DISTINCT");
    }
    for (const char *const *option = index->options; option != NULL && *option != NULL; option++) {
        const char *equals = strchr(*option, '=');
        size_t name_size = equals == NULL ? strlen(*option) : (size_t)(equals - *option);
        ky_buffer_append_cstr(text, option == index->options ? " WITH (" : ", ");
        ky_buffer_printf(text, "%.*s", (int)name_size, *option);
        if (equals != NULL) {
            ky_buffer_append_byte(text, '=');
            append_option_value(text, equals + 1);
        }
    }
    if (index->options != NULL && index->options[0] != NULL) {
        ky_buffer_append_byte(text, ')');
    }
    if (index->predicate_sql != NULL) {
        ky_buffer_printf(text, " WHERE %s", index->predicate_sql);
    }
}

void
session_index_definition(const struct cat_image *image, const struct cat_index *index,
                         struct ky_buffer *text)
{
    const struct cat_schema *schema = cat_get_schema(image, index->table->schema);
    ky_buffer_printf(text, "CREATE %sINDEX ", index->is_unique ? "UNIQUE " : "");
    ast_print_identifier(text, index->name);
    ky_buffer_append_cstr(text, " ON ");
    ast_print_identifier(text, schema == NULL ? "public" : schema->name);
    ky_buffer_append_byte(text, '.');
    ast_print_identifier(text, index->table->name);
    ky_buffer_printf(text, " USING %s (", cat_method_name(index->method));
    for (uint16_t i = 0; i < index->column_count; i++) {
        if (i > 0) {
            ky_buffer_append_cstr(text, i == index->key_count ? ") INCLUDE (" : ", ");
        }
        append_key(text, index, i, i >= index->key_count);
    }
    ky_buffer_append_byte(text, ')');
    append_index_rest(text, index);
}

FUNCTION(pg_get_indexdef)
{
    UNUSED_ARGS();
    const struct cat_index *index = cat_get_index(env_of(env)->image, (oid_t)args[0].word);
    struct ky_buffer text = {0};
    if (index == NULL) {
        *out = datum_null();
        return KY_OK;
    }
    if (arg_count > 1 && args[1].word > 0) {
        if (args[1].word > index->column_count) {
            *out = datum_cstr("");
            return KY_OK;
        }
        const struct cat_key *key = &index->keys[args[1].word - 1];
        bool is_pretty = arg_count > 2 && args[2].word != 0;
        bool is_wrapped = key->column == 0 && !is_pretty && key->expression_sql[0] == '(';
        ky_buffer_append_cstr(&text, is_wrapped ? "(" : "");
        append_key(&text, index, (uint16_t)(args[1].word - 1), true);
        ky_buffer_append_cstr(&text, is_wrapped ? ")" : "");
        *out = take_sql(env, &text);
        return KY_OK;
    }
    session_index_definition(env_of(env)->image, index, &text);
    *out = take_sql(env, &text);
    return KY_OK;
}

static const struct cat_constraint *
find_constraint(const struct cat_image *image, oid_t oid)
{
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        for (uint16_t k = 0; k < table->constraint_count; k++) {
            if (table->constraints[k]->oid == oid) {
                return table->constraints[k];
            }
        }
    }
    return NULL;
}

static const char *
action_words(char action)
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
        return NULL;
    }
}

static bool
is_in_path(const struct catalog_env *env, oid_t schema)
{
    for (uint16_t i = 0; i < env->path->count; i++) {
        if (env->path->schemas[i] == schema) {
            return true;
        }
    }
    return false;
}

static void
append_foreign(struct ky_buffer *text, const struct catalog_env *env,
               const struct cat_constraint *constraint)
{
    const struct cat_table *parent = cat_get_table(env->image, constraint->foreign_table);
    const struct cat_schema *schema =
        parent == NULL ? NULL : cat_get_schema(env->image, parent->schema);
    ky_buffer_append_cstr(text, "FOREIGN KEY (");
    append_columns(text, constraint->table, constraint->columns, constraint->column_count);
    ky_buffer_append_cstr(text, ") REFERENCES ");
    if (schema != NULL && !is_in_path(env, parent->schema)) {
        ast_print_identifier(text, schema->name);
        ky_buffer_append_byte(text, '.');
    }
    if (parent != NULL) {
        ast_print_identifier(text, parent->name);
        ky_buffer_append_byte(text, '(');
        append_columns(text, parent, constraint->foreign_columns, constraint->column_count);
        ky_buffer_append_byte(text, ')');
    }
    if (constraint->match == 'f') {
        ky_buffer_append_cstr(text, " MATCH FULL");
    }
    if (action_words(constraint->on_update) != NULL) {
        ky_buffer_printf(text, " ON UPDATE %s", action_words(constraint->on_update));
    }
    if (action_words(constraint->on_delete) != NULL) {
        ky_buffer_printf(text, " ON DELETE %s", action_words(constraint->on_delete));
    }
    if (constraint->delete_column_count > 0) {
        ky_buffer_append_cstr(text, " (");
        append_columns(text, constraint->table, constraint->delete_columns,
                       constraint->delete_column_count);
        ky_buffer_append_byte(text, ')');
    }
}

FUNCTION(pg_get_constraintdef)
{
    UNUSED_ARGS();
    const struct cat_constraint *constraint =
        find_constraint(env_of(env)->image, (oid_t)args[0].word);
    struct ky_buffer text = {0};
    if (constraint == NULL) {
        *out = datum_null();
        return KY_OK;
    }
    if (constraint->kind == CONSTRAINT_CHECK) {
        bool is_pretty = arg_count > 1 && args[1].word != 0;
        struct ky_slice check = ky_slice_cstr(constraint->check_sql);
        check = is_pretty ? without_parentheses(check) : check;
        ky_buffer_printf(&text, "CHECK (%.*s)", (int)check.size, (const char *)check.data);
    } else if (constraint->kind == CONSTRAINT_FOREIGN) {
        append_foreign(&text, env_of(env), constraint);
    } else {
        const struct cat_index *index = constraint->index;
        ky_buffer_printf(
            &text, "%s%s (", constraint->kind == CONSTRAINT_PRIMARY ? "PRIMARY KEY" : "UNIQUE",
            index != NULL && index->is_nulls_not_distinct ? " NULLS NOT DISTINCT" : "");
        append_columns(&text, constraint->table, constraint->columns, constraint->column_count);
        for (uint16_t i = constraint->column_count; index != NULL && i < index->column_count; i++) {
            ky_buffer_append_cstr(&text, i == constraint->column_count ? ") INCLUDE (" : ", ");
            ast_print_identifier(&text, index->table->columns[index->keys[i].column - 1].name);
        }
        ky_buffer_append_byte(&text, ')');
    }
    if (constraint->is_deferrable) {
        ky_buffer_append_cstr(&text, " DEFERRABLE");
    }
    if (constraint->is_deferred) {
        ky_buffer_append_cstr(&text, " INITIALLY DEFERRED");
    }
    if (!constraint->is_validated) {
        ky_buffer_append_cstr(&text, " NOT VALID");
    }
    *out = take_sql(env, &text);
    return KY_OK;
}

/* As PostgreSQL gives it: a blank before, a semicolon behind, which pg_dump cuts off. */
FUNCTION(pg_get_viewdef)
{
    UNUSED_ARGS();
    const struct cat_table *table = cat_get_table(env_of(env)->image, (oid_t)args[0].word);
    struct ky_buffer text = {0};
    if (table == NULL || table->view_sql == NULL) {
        *out = datum_null();
        return KY_OK;
    }
    ky_buffer_printf(&text, " %s;", table->view_sql);
    *out = take_sql(env, &text);
    return KY_OK;
}

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

static const struct func catalog_funcs[] = {
    FUNC(89, "version", OID_TEXT, 0, NULL, true, 's', version),
    FUNC(861, "current_database", OID_NAME, 0, NULL, true, 's', current_database),
    FUNC(745, "current_user", OID_NAME, 0, NULL, true, 's', current_user_name),
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
    FUNC(1716, "pg_get_expr", OID_TEXT, 2, ARGS(OID_PG_NODE_TREE, OID_OID), true, 's', pg_get_expr),
    FUNC(2509, "pg_get_expr", OID_TEXT, 3, ARGS(OID_PG_NODE_TREE, OID_OID, OID_BOOL), true, 's',
         pg_get_expr),
    FUNC(1643, "pg_get_indexdef", OID_TEXT, 1, ARGS(OID_OID), true, 's', pg_get_indexdef),
    FUNC(2507, "pg_get_indexdef", OID_TEXT, 3, ARGS(OID_OID, OID_INT4, OID_BOOL), true, 's',
         pg_get_indexdef),
    FUNC(1387, "pg_get_constraintdef", OID_TEXT, 1, ARGS(OID_OID), true, 's', pg_get_constraintdef),
    FUNC(2508, "pg_get_constraintdef", OID_TEXT, 2, ARGS(OID_OID, OID_BOOL), true, 's',
         pg_get_constraintdef),
    FUNC(1641, "pg_get_viewdef", OID_TEXT, 1, ARGS(OID_OID), true, 's', pg_get_viewdef),
    FUNC(2506, "pg_get_viewdef", OID_TEXT, 2, ARGS(OID_OID, OID_BOOL), true, 's', pg_get_viewdef),
    FUNC(1348, "obj_description", OID_TEXT, 1, ARGS(OID_OID), true, 's', obj_description),
    FUNC(1215, "obj_description", OID_TEXT, 2, ARGS(OID_OID, OID_NAME), true, 's', obj_description),
    FUNC(1216, "col_description", OID_TEXT, 2, ARGS(OID_OID, OID_INT4), true, 's', col_description),
};

void
session_catalog_register(void)
{
    func_register(catalog_funcs, KY_COUNT_OF(catalog_funcs));
    size_funcs_register();
    server_funcs_register();
    privilege_funcs_register();
    object_funcs_register();
    index_property_register();
    proc_views_register();
    depend_views_register();
    stat_funcs_register();
}
