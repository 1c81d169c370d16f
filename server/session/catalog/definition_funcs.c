/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/catalog/definition.h"
#include "server/session/catalog/funcs_private.h"
#include "server/types/reg.h"

/* pg_get_expr, pg_get_indexdef, pg_get_constraintdef, pg_get_viewdef. */

static struct definition_reader
reader_of(const struct func_env *env)
{
    return (struct definition_reader){
        .session = funcs_session(env), .image = funcs_env(env)->image, .arena = env->types.arena};
}

static struct datum
take_text(const struct func_env *env, struct ky_buffer *buffer)
{
    struct datum text = funcs_text(env, ky_arena_cstr(env->types.arena, ky_buffer_slice(buffer)));
    ky_buffer_deinit(buffer);
    return text;
}

/* Expressions are kept as SQL: the "node tree" is the text itself. */
FUNCTION(pg_get_expr)
{
    UNUSED_ARGS();
    const struct definition_reader reader = reader_of(env);
    const struct cat_table *table = cat_get_table(reader.image, (oid_t)args[1].word);
    const struct deparse_style style = {.is_pretty = arg_count > 2 && args[2].word != 0,
                                        .is_indented = true};
    const char *sql = ky_arena_cstr(reader.arena, args[0].bytes);
    *out = datum_cstr(definition_of_expression(&reader, table, sql, style));
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
append_expression(struct ky_buffer *text, const struct definition_reader *reader,
                  const struct cat_table *table, const char *sql, struct deparse_style style)
{
    bool is_call;
    const char *shown = definition_of_key(reader, table, sql, style, &is_call);
    ky_buffer_printf(text, is_call ? "%s" : "(%s)", shown);
}

static void
append_key(struct ky_buffer *text, const struct definition_reader *reader,
           const struct cat_index *index, uint16_t place, struct deparse_style style)
{
    const struct cat_key *key = &index->keys[place];
    if (key->column > 0) {
        ast_print_identifier(text, index->table->columns[key->column - 1].name);
    } else {
        append_expression(text, reader, index->table, key->expression_sql, style);
    }
}

static void
append_order(struct ky_buffer *text, const struct cat_key *key)
{
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
append_index_rest(struct ky_buffer *text, const struct definition_reader *reader,
                  const struct cat_index *index, struct deparse_style style)
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
        ky_buffer_printf(
            text, " WHERE %s",
            definition_of_expression(reader, index->table, index->predicate_sql, style));
    }
}

static void
append_index(struct ky_buffer *text, const struct definition_reader *reader,
             const struct cat_index *index, struct deparse_style style, bool is_qualified)
{
    const struct cat_schema *schema = cat_get_schema(reader->image, index->table->schema);
    ky_buffer_printf(text, "CREATE %sINDEX ", index->is_unique ? "UNIQUE " : "");
    ast_print_identifier(text, index->name);
    ky_buffer_append_cstr(text, " ON ");
    if (is_qualified) {
        ast_print_identifier(text, schema == NULL ? "public" : schema->name);
        ky_buffer_append_byte(text, '.');
    }
    ast_print_identifier(text, index->table->name);
    ky_buffer_printf(text, " USING %s (", cat_method_name(index->method));
    for (uint16_t i = 0; i < index->column_count; i++) {
        if (i > 0) {
            ky_buffer_append_cstr(text, i == index->key_count ? ") INCLUDE (" : ", ");
        }
        append_key(text, reader, index, i, style);
        if (i < index->key_count) {
            append_order(text, &index->keys[i]);
        }
    }
    ky_buffer_append_byte(text, ')');
    append_index_rest(text, reader, index, style);
}

void
session_index_definition(struct session *session, const struct cat_image *image,
                         struct ky_arena *arena, const struct cat_index *index,
                         struct ky_buffer *text)
{
    const struct definition_reader reader = {session, image, arena};
    append_index(text, &reader, index, (struct deparse_style){.is_indented = true}, true);
}

/* Is the table found without its schema? */
static bool
is_seen(const struct catalog_env *env, const struct cat_table *table)
{
    return cat_resolve_table(env->image, env->path, ky_slice_cstr(table->name)) == table;
}

FUNCTION(pg_get_indexdef)
{
    UNUSED_ARGS();
    const struct definition_reader reader = reader_of(env);
    const struct cat_index *index = cat_get_index(reader.image, (oid_t)args[0].word);
    const bool is_pretty = arg_count > 2 && args[2].word != 0;
    const struct deparse_style style = {.is_pretty = is_pretty, .is_indented = true};
    struct ky_buffer text = {0};
    if (index == NULL) {
        *out = datum_null();
        return KY_OK;
    }
    if (arg_count == 1 || args[1].word == 0) {
        append_index(&text, &reader, index, style,
                     !is_pretty || !is_seen(funcs_env(env), index->table));
    } else if (args[1].word > 0 && args[1].word <= index->column_count) {
        append_key(&text, &reader, index, (uint16_t)(args[1].word - 1), style);
    }
    *out = take_text(env, &text);
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
    if (constraint->on_update != 'a') {
        ky_buffer_printf(text, " ON UPDATE %s", cat_action_words(constraint->on_update));
    }
    if (constraint->on_delete != 'a') {
        ky_buffer_printf(text, " ON DELETE %s", cat_action_words(constraint->on_delete));
    }
    if (constraint->delete_column_count > 0) {
        ky_buffer_append_cstr(text, " (");
        append_columns(text, constraint->table, constraint->delete_columns,
                       constraint->delete_column_count);
        ky_buffer_append_byte(text, ')');
    }
}

/* A check of a domain; NULL: there is none of the OID. */
static const char *
domain_check_text(const struct func_env *env, oid_t oid, struct deparse_style style)
{
    const struct definition_reader reader = reader_of(env);
    for (size_t i = 0; i < reader.image->type_count; i++) {
        const struct cat_domain *domain = reader.image->types[i]->domain;
        for (uint16_t k = 0; domain != NULL && k < domain->check_count; k++) {
            const struct cat_domain_check *check = &domain->checks[k];
            if (check->oid == oid) {
                const struct cat_table *values = cat_domain_values(reader.arena, domain);
                return ky_arena_printf(reader.arena, "CHECK (%s)%s",
                                       definition_of_expression(&reader, values, check->sql, style),
                                       check->is_validated ? "" : " NOT VALID");
            }
        }
    }
    return NULL;
}

FUNCTION(pg_get_constraintdef)
{
    UNUSED_ARGS();
    const struct cat_constraint *constraint =
        find_constraint(funcs_env(env)->image, (oid_t)args[0].word);
    struct ky_buffer text = {0};
    if (constraint == NULL) {
        const char *check = domain_check_text(
            env, (oid_t)args[0].word,
            (struct deparse_style){.is_pretty = arg_count > 1 && args[1].word != 0,
                                   .is_indented = true});
        *out = check == NULL ? datum_null() : datum_cstr(check);
        return KY_OK;
    }
    if (constraint->kind == CONSTRAINT_CHECK) {
        const struct definition_reader reader = reader_of(env);
        const struct deparse_style style = {.is_pretty = arg_count > 1 && args[1].word != 0,
                                            .is_indented = true};
        ky_buffer_printf(
            &text, "CHECK (%s)",
            definition_of_expression(&reader, constraint->table, constraint->check_sql, style));
    } else if (constraint->kind == CONSTRAINT_FOREIGN) {
        append_foreign(&text, funcs_env(env), constraint);
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
    *out = take_text(env, &text);
    return KY_OK;
}

/* (view), (view, is pretty) and (view, width of a line), which is pretty. */
static struct datum
view_text(const struct func_env *env, oid_t oid, const struct datum *args, int arg_count,
          bool is_width)
{
    const struct definition_reader reader = reader_of(env);
    const struct cat_table *table = cat_get_table(reader.image, oid);
    const bool is_pretty = arg_count > 1 && (is_width || args[1].word != 0);
    const struct deparse_style style = {.is_pretty = is_pretty,
                                        .is_indented = true,
                                        .wrap_size = is_width ? (int32_t)args[1].word : 0};
    const bool is_view = table != NULL && table->view_sql != NULL;
    return is_view ? datum_cstr(definition_of_view(&reader, table, style)) : datum_null();
}

FUNCTION(pg_get_viewdef)
{
    UNUSED_ARGS();
    *out = view_text(env, (oid_t)args[0].word, args, arg_count, false);
    return KY_OK;
}

FUNCTION(pg_get_viewdef_wrapped)
{
    UNUSED_ARGS();
    *out = view_text(env, (oid_t)args[0].word, args, arg_count, true);
    return KY_OK;
}

FUNCTION(pg_get_viewdef_named)
{
    const struct reg_names *names = env->types.reg;
    oid_t oid;
    KY_TRY(names->find_oid(names->self, OID_REGCLASS, args[0].bytes, &oid, err));
    *out = view_text(env, oid, args, arg_count, false);
    return KY_OK;
}

static const struct func definition_funcs[] = {
    FUNC(1716, "pg_get_expr", OID_TEXT, 2, ARGS(OID_PG_NODE_TREE, OID_OID), true, 's', pg_get_expr),
    FUNC(2509, "pg_get_expr", OID_TEXT, 3, ARGS(OID_PG_NODE_TREE, OID_OID, OID_BOOL), true, 's',
         pg_get_expr),
    FUNC(1643, "pg_get_indexdef", OID_TEXT, 1, ARGS(OID_OID), true, 's', pg_get_indexdef),
    FUNC(2507, "pg_get_indexdef", OID_TEXT, 3, ARGS(OID_OID, OID_INT4, OID_BOOL), true, 's',
         pg_get_indexdef),
    FUNC(1387, "pg_get_constraintdef", OID_TEXT, 1, ARGS(OID_OID), true, 's', pg_get_constraintdef),
    FUNC(2508, "pg_get_constraintdef", OID_TEXT, 2, ARGS(OID_OID, OID_BOOL), true, 's',
         pg_get_constraintdef),
    FUNC(1640, "pg_get_viewdef", OID_TEXT, 1, ARGS(OID_TEXT), true, 's', pg_get_viewdef_named),
    FUNC(1641, "pg_get_viewdef", OID_TEXT, 1, ARGS(OID_OID), true, 's', pg_get_viewdef),
    FUNC(2505, "pg_get_viewdef", OID_TEXT, 2, ARGS(OID_TEXT, OID_BOOL), true, 's',
         pg_get_viewdef_named),
    FUNC(2506, "pg_get_viewdef", OID_TEXT, 2, ARGS(OID_OID, OID_BOOL), true, 's', pg_get_viewdef),
    FUNC(3159, "pg_get_viewdef", OID_TEXT, 2, ARGS(OID_OID, OID_INT4), true, 's',
         pg_get_viewdef_wrapped),
};

void
definition_funcs_register(void)
{
    func_register(definition_funcs, KY_COUNT_OF(definition_funcs));
    definition_show_in_views();
}
