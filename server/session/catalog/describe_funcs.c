/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "parser/parser.h"
#include "server/session/catalog/funcs_private.h"
#include "server/types/reg.h"

/*
 * pg_describe_object and pg_identify_object: what an object is called, given the catalog it is in
 * and its OID. Both come from one description; where there is no such object it is empty.
 */
enum {
    CLASS_PG_TYPE = 1247,
    CLASS_PG_PROC = 1255,
    CLASS_PG_CLASS = 1259,
    CLASS_PG_AUTHID = 1260,
    CLASS_PG_DATABASE = 1262,
    CLASS_PG_ATTRDEF = 2604,
    CLASS_PG_CONSTRAINT = 2606,
    CLASS_PG_NAMESPACE = 2615,
    CLASS_PG_OPERATOR = 2617,
    CLASS_PG_REWRITE = 2618,
    CLASS_PG_EXTENSION = 3079,
    CLASS_PG_COLLATION = 3456,
};

struct description {
    const char *type; /* "table", "function" .. */
    const char *schema;
    const char *name;
    const char *identity;    /* its full name; NULL: there is no such object */
    const char *description; /* as a person would say it */
};

struct describer {
    struct func_env *env;
    struct ky_arena *arena;
    const struct cat_image *image;
    oid_t oid;
    int32_t column;
};

static const char *
quoted(const struct describer *d, const char *name)
{
    struct ky_buffer text = {0};
    ast_print_identifier(&text, name);
    const char *copy = ky_arena_cstr(d->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return copy;
}

static const char *
schema_name(const struct describer *d, oid_t oid)
{
    const struct cat_schema *schema = cat_get_schema(d->image, oid);
    return schema == NULL ? "" : schema->name;
}

/* The name as regclass, regoperator .. show it: with its schema where the path does not lead to it.
 */
static const char *
shown(const struct describer *d, oid_t reg_type, oid_t oid)
{
    const struct reg_names *names = d->env->types.reg;
    struct ky_buffer text = {0};
    (void)names->append_name(names->self, reg_type, oid, &text);
    const char *copy = ky_arena_cstr(d->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return copy;
}

static const char *
qualified(const struct describer *d, const char *schema, const char *name)
{
    return ky_arena_printf(d->arena, "%s.%s", quoted(d, schema), quoted(d, name));
}

static const char *
relation_word(const struct cat_table *table)
{
    switch (table->kind) {
    case 'v':
        return "view";
    case 'm':
        return "materialized view";
    case 'S':
        return "sequence";
    default:
        return "table";
    }
}

static void
describe_relation(const struct describer *d, struct description *out)
{
    const struct cat_table *table = cat_get_table(d->image, d->oid);
    const struct cat_index *index = table == NULL ? cat_get_index(d->image, d->oid) : NULL;
    out->type = d->column != 0 ? "table column" : "relation";
    if (table == NULL && index == NULL) {
        return;
    }
    const char *word = index != NULL ? "index" : relation_word(table);
    const char *name = index != NULL ? index->name : table->name;
    const char *schema = schema_name(d, index != NULL ? index->table->schema : table->schema);
    const char *full = qualified(d, schema, name);
    if (d->column == 0) {
        *out = (struct description){
            word, schema, quoted(d, name), full,
            ky_arena_printf(d->arena, "%s %s", word, shown(d, OID_REGCLASS, d->oid))};
        return;
    }
    if (table == NULL || d->column < 0 || d->column > table->column_count ||
        table->columns[d->column - 1].is_dropped) {
        return;
    }
    const char *column = table->columns[d->column - 1].name;
    *out =
        (struct description){ky_arena_printf(d->arena, "%s column", word), schema, quoted(d, name),
                             ky_arena_printf(d->arena, "%s.%s", full, quoted(d, column)),
                             ky_arena_printf(d->arena, "column %s of %s %s", quoted(d, column),
                                             word, shown(d, OID_REGCLASS, d->oid))};
}

/* Types that SQL has a word for are never qualified. */
static const char *
type_identity(const struct describer *d, const struct type *type)
{
    const struct type *base =
        type->category == 'A' && type->element_oid != OID_NONE ? type_get(type->element_oid) : type;
    const bool is_plain = strcmp(base->sql_name, base->name) == 0 || base->sql_name[0] == '"';
    return is_plain ? ky_arena_printf(d->arena, "%s.%s",
                                      type->oid < OID_OURS_FIRST ? "pg_catalog" : "public",
                                      type->sql_name)
                    : type->sql_name;
}

static void
describe_type(const struct describer *d, struct description *out)
{
    const struct type *type = type_find(d->oid);
    out->type = "type";
    if (type != NULL) {
        *out = (struct description){"type", type->oid < OID_OURS_FIRST ? "pg_catalog" : "public",
                                    quoted(d, type->name), type_identity(d, type),
                                    ky_arena_printf(d->arena, "type %s", type->sql_name)};
        return;
    }
    const struct cat_type *made = cat_get_type(d->image, d->oid);
    if (made != NULL) {
        const char *schema = schema_name(d, made->schema);
        const bool is_array = d->oid != made->oid;
        const char *name = quoted(d, made->name);
        *out = (struct description){
            "type", schema, is_array ? ky_arena_printf(d->arena, "_%s", name) : name,
            ky_arena_printf(d->arena, "%s%s", qualified(d, schema, made->name),
                            is_array ? "[]" : ""),
            ky_arena_printf(d->arena, "type %s", shown(d, OID_REGTYPE, d->oid))};
        return;
    }
    for (size_t i = 0; i < d->image->table_count; i++) {
        const struct cat_table *table = d->image->tables[i];
        if (table->row_type == d->oid) {
            const char *schema = schema_name(d, table->schema);
            *out = (struct description){
                "type", schema, quoted(d, table->name), qualified(d, schema, table->name),
                ky_arena_printf(d->arena, "type %s", shown(d, OID_REGCLASS, table->oid))};
        }
    }
}

static const char *
routine_word(const struct func *func)
{
    return func == NULL ? "routine" : func->kind == FUNC_AGGREGATE ? "aggregate" : "function";
}

static void
describe_routine(const struct describer *d, struct description *out)
{
    const struct func *func = func_find(d->oid);
    out->type = routine_word(func);
    if (func == NULL) {
        return;
    }
    const char *schema = func->oid < OID_OURS_FIRST ? "pg_catalog" : "public";
    const char *signature = shown(d, OID_REGPROCEDURE, d->oid);
    struct ky_buffer text = {0};
    ky_buffer_printf(&text, "%s.%s(", schema, quoted(d, func->name));
    for (int i = 0; i < func->arg_count; i++) {
        const struct type *type = type_find(func->args[i]);
        ky_buffer_printf(&text, "%s%s", i == 0 ? "" : ",",
                         type == NULL ? "???" : type_identity(d, type));
    }
    ky_buffer_append_byte(&text, ')');
    *out = (struct description){out->type, schema, NULL,
                                ky_arena_cstr(d->arena, ky_buffer_slice(&text)),
                                ky_arena_printf(d->arena, "function %s", signature)};
    ky_buffer_deinit(&text);
}

static const char *
operand(const struct describer *d, oid_t oid)
{
    const struct type *type = type_find(oid);
    return type == NULL ? "NONE" : type_identity(d, type);
}

static void
describe_operator(const struct describer *d, struct description *out)
{
    const struct operator* operator= operator_find(d->oid);
    out->type = "operator";
    if (operator!= NULL) {
        const char *schema = operator->oid<OID_OURS_FIRST ? "pg_catalog" : "public";
        *out = (struct description){
            "operator", schema, NULL,
            ky_arena_printf(d->arena, "%s.%s(%s,%s)", schema, operator->name,
                            operand(d, operator->left), operand(d, operator->right)),
            ky_arena_printf(d->arena, "operator %s", shown(d, OID_REGOPERATOR, d->oid))};
    }
}

/* Things that one table has: its defaults, its constraints, a view's rule. */
static void
describe_part(const struct describer *d, oid_t class, struct description *out)
{
    out->type = class == CLASS_PG_ATTRDEF   ? "default value"
                : class == CLASS_PG_REWRITE ? "rule"
                                            : "constraint";
    for (size_t i = 0; i < d->image->table_count && out->identity == NULL; i++) {
        const struct cat_table *table = d->image->tables[i];
        const char *schema = schema_name(d, table->schema);
        const char *word = relation_word(table);
        if (class == CLASS_PG_REWRITE && cat_is_view(table) && table->oid == d->oid) {
            out->identity =
                ky_arena_printf(d->arena, "\"_RETURN\" on %s", qualified(d, schema, table->name));
            out->description = ky_arena_printf(d->arena, "rule _RETURN on %s %s", word,
                                               shown(d, OID_REGCLASS, table->oid));
        }
        for (uint16_t k = 0; class == CLASS_PG_ATTRDEF && k < table->column_count; k++) {
            const struct cat_column *column = &table->columns[k];
            if (column->default_oid == d->oid && !column->is_dropped) {
                out->identity =
                    ky_arena_printf(d->arena, "for %s.%s", qualified(d, schema, table->name),
                                    quoted(d, column->name));
                out->description =
                    ky_arena_printf(d->arena, "default value for column %s of %s %s", column->name,
                                    word, shown(d, OID_REGCLASS, table->oid));
            }
        }
        for (uint16_t k = 0; class == CLASS_PG_CONSTRAINT && k < table->constraint_count; k++) {
            const struct cat_constraint *constraint = table->constraints[k];
            if (constraint->oid == d->oid) {
                out->type = "table constraint";
                out->schema = schema;
                out->identity = ky_arena_printf(d->arena, "%s on %s", quoted(d, constraint->name),
                                                qualified(d, schema, table->name));
                out->description =
                    ky_arena_printf(d->arena, "constraint %s on %s %s", constraint->name, word,
                                    shown(d, OID_REGCLASS, table->oid));
            }
        }
    }
}

/* Things that have a name and nothing else. */
static void
describe_named(const struct describer *d, const char *word, const char *name,
               struct description *out)
{
    out->type = word;
    if (name != NULL) {
        out->name = quoted(d, name);
        out->identity = out->name;
        out->description = ky_arena_printf(d->arena, "%s %s", word, name);
    }
}

static const char *
extension_name(const struct describer *d)
{
    for (size_t i = 0; i < d->image->extension_count; i++) {
        if (d->image->extensions[i]->oid == d->oid) {
            return d->image->extensions[i]->name;
        }
    }
    return NULL;
}

static const char *
database_name(const struct describer *d)
{
    for (size_t i = 0; i < d->image->database_count; i++) {
        if (d->image->databases[i]->oid == d->oid) {
            return d->image->databases[i]->name;
        }
    }
    return NULL;
}

static void
describe_collation(const struct describer *d, struct description *out)
{
    const char *name = shown(d, OID_REGCOLLATION, d->oid);
    out->type = "collation";
    if (name[0] != '\0') {
        *out = (struct description){"collation", "pg_catalog", name,
                                    ky_arena_printf(d->arena, "pg_catalog.%s", name),
                                    ky_arena_printf(d->arena, "collation %s", name)};
    }
}

static ky_status
describe(struct func_env *env, const struct datum *args, struct description *out,
         struct ky_error *err)
{
    const struct describer d = {env, env->types.arena, funcs_env(env)->image, (oid_t)args[1].word,
                                (int32_t)args[2].word};
    const oid_t class = (oid_t)args[0].word;
    const struct cat_schema *schema = cat_get_schema(d.image, d.oid);
    const struct cat_role *role = cat_get_role(d.image, d.oid);
    *out = (struct description){0};
    switch (class) {
    case CLASS_PG_CLASS:
        describe_relation(&d, out);
        return KY_OK;
    case CLASS_PG_TYPE:
        describe_type(&d, out);
        return KY_OK;
    case CLASS_PG_PROC:
        describe_routine(&d, out);
        return KY_OK;
    case CLASS_PG_OPERATOR:
        describe_operator(&d, out);
        return KY_OK;
    case CLASS_PG_ATTRDEF:
    case CLASS_PG_CONSTRAINT:
    case CLASS_PG_REWRITE:
        describe_part(&d, class, out);
        return KY_OK;
    case CLASS_PG_NAMESPACE:
        describe_named(&d, "schema", schema == NULL ? NULL : schema->name, out);
        return KY_OK;
    case CLASS_PG_AUTHID:
        describe_named(&d, "role", role == NULL ? NULL : role->name, out);
        return KY_OK;
    case CLASS_PG_DATABASE:
        describe_named(&d, "database", database_name(&d), out);
        return KY_OK;
    case CLASS_PG_EXTENSION:
        describe_named(&d, "extension", extension_name(&d), out);
        return KY_OK;
    case CLASS_PG_COLLATION:
        describe_collation(&d, out);
        return KY_OK;
    default:
        break;
    }
    /* A catalog whose objects have no description here; anything else is not a catalog. */
    return cat_get_table(d.image, class) != NULL
               ? KY_OK
               : ky_error_set(err, KY_INTERNAL_ERROR, "unrecognized object class: %" PRIu32, class);
}

FUNCTION(pg_describe_object)
{
    UNUSED_ARGS();
    struct description found;
    *out = datum_null();
    if (args[0].word == 0 && args[1].word == 0) {
        return KY_OK;
    }
    KY_TRY(describe(env, args, &found, err));
    *out = found.description == NULL ? datum_null() : datum_cstr(found.description);
    return KY_OK;
}

ROWS(identify_open, 4)
{
    struct description found;
    KY_TRY(describe(env, args, &found, err));
    const char *const words[] = {found.type, found.schema, found.name, found.identity};
    struct datum *row = funcs_rows_add(rows);
    for (size_t i = 0; i < KY_COUNT_OF(words); i++) {
        row[i] = words[i] == NULL ? datum_null() : datum_cstr(words[i]);
    }
    return KY_OK;
}

static const struct func_set identify_set = {
    .open = identify_open,
    .next = funcs_rows_next,
    .column_count = 4,
    .column_names = (const char *const[]){"type", "schema", "name", "identity"},
    .column_types = ARGS(OID_TEXT, OID_TEXT, OID_TEXT, OID_TEXT),
};

/* The default of an argument, by its place from 1. */
FUNCTION(pg_get_function_arg_default)
{
    UNUSED_ARGS();
    const struct func *func = func_find((oid_t)args[0].word);
    const int64_t place = args[1].word - 1;
    *out = datum_null();
    if (func == NULL || place >= func->arg_count || place < func->arg_count - func->default_count) {
        return KY_OK;
    }
    const struct type *type = type_find(func->args[place]);
    const bool is_text = type != NULL && type->oid == OID_TEXT;
    char word[8];
    const char *text = word;
    if (func->default_texts != NULL) {
        text = func->default_texts[place - (func->arg_count - func->default_count)];
    } else if (!func->is_strict) {
        *out = funcs_text(env, ky_arena_printf(env->types.arena, "NULL::%s",
                                               type == NULL ? "text" : type->sql_name));
        return KY_OK;
    } else if (type != NULL && type->oid == OID_BOOL) {
        text = func->default_word != 0 ? "true" : "false";
    } else {
        (void)snprintf(word, sizeof(word), "%d", func->default_word);
    }
    *out = funcs_text(env, is_text ? ky_arena_printf(env->types.arena, "'%s'::text", text) : text);
    return KY_OK;
}

static const struct func funcs[] = {
    FUNC(3537, "pg_describe_object", OID_TEXT, 3, ARGS(OID_OID, OID_OID, OID_INT4), true, 's',
         pg_describe_object),
    ONE_ROW_FUNC(3839, "pg_identify_object", OID_RECORD, 3, ARGS(OID_OID, OID_OID, OID_INT4), true,
                 's', &identify_set),
    FUNC(3808, "pg_get_function_arg_default", OID_TEXT, 2, ARGS(OID_OID, OID_INT4), true, 's',
         pg_get_function_arg_default),
};

void
describe_funcs_register(void)
{
    func_register(funcs, KY_COUNT_OF(funcs));
}
