/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/* Type names: schema, modifiers, array brackets. */

enum { TYPMOD_WORDS_MAX = 8 };

static const char *
full_name(struct binder *b, const struct ast_list *names)
{
    const char *text = ast_list_text(names, 0);
    for (int32_t i = 1; i < names->count; i++) {
        text = ky_arena_printf(b->arena, "%s.%s", text, ast_list_text(names, i));
    }
    return text;
}

/* Built-in types live in pg_catalog; vector and its kin may also be named in the schemas their
 * extension may be put in. */
static const struct type *
find_built_in(const char *schema, const char *name)
{
    const struct type *type = type_find_name(ky_slice_cstr(name));
    if (type == NULL || schema == NULL || strcmp(schema, "pg_catalog") == 0) {
        return type;
    }
    return type->oid >= OID_VECTOR && type->oid <= OID_SPARSEVEC_ARRAY ? type : NULL;
}

static ky_status
find_type(struct binder *b, const struct ast_list *names, int location,
          const struct type **type_out)
{
    const char *schema = ast_name_schema(names);
    const char *name = ast_name_last(names);
    const struct cat_schema *where =
        schema == NULL ? NULL : cat_find_schema(b->image, ky_slice_cstr(schema));
    if (schema != NULL && where == NULL) {
        return bind_error(b, location, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist",
                          schema);
    }
    const struct type *type = find_built_in(schema, name);
    if (type == NULL) {
        type = where != NULL ? cat_find_type(b->image, where->oid, ky_slice_cstr(name))
                             : cat_resolve_type(b->image, b->context->path, ky_slice_cstr(name));
    }
    if (type == NULL) {
        return bind_error(b, location, KY_UNDEFINED_OBJECT, "type \"%s\" does not exist",
                          full_name(b, names));
    }
    *type_out = type;
    return KY_OK;
}

/* "s", "mood": the name of a user's type that means it under any search path. */
static struct ast_list *
whole_name(struct binder *b, const struct type *type)
{
    const struct cat_type *own = cat_get_type(b->image, type->oid);
    const struct cat_schema *schema = own == NULL ? NULL : cat_get_schema(b->image, own->schema);
    if (schema == NULL) {
        return NULL;
    }
    const char *const texts[] = {schema->name, own->oid == type->oid ? own->name : own->array_name};
    struct ast_list *names = ky_arena_new(b->arena, struct ast_list);
    *names = (struct ast_list){.items = ky_arena_array(b->arena, struct ast_node *, 2), .count = 2};
    for (int i = 0; i < 2; i++) {
        struct ast_string *name = ky_arena_new(b->arena, struct ast_string);
        *name = (struct ast_string){.node = {.kind = AST_STRING, .location = -1}, .text = texts[i]};
        names->items[i] = &name->node;
    }
    return names;
}

static void
write_schema(struct binder *b, const struct ast_type_name *name, const struct type *type)
{
    if (!b->context->writes_names || !type_is_user(type) || ast_name_schema(name->names)) {
        return;
    }
    struct ast_list *names = whole_name(b, type);
    if (names != NULL) {
        ((struct ast_type_name *)(uintptr_t)name)->names = names;
    }
}

void
write_literal_type(struct binder *b, const struct expr *literal, const struct type *type)
{
    if (!b->context->writes_names || !type_is_user(type) || literal->source == NULL) {
        return;
    }
    const struct type *element = type->typtype == 'e' ? type : type_get(type->element_oid);
    struct ast_type_name *name = ky_arena_new(b->arena, struct ast_type_name);
    *name = (struct ast_type_name){.node = {.kind = AST_TYPE_NAME, .location = -1},
                                   .names = whole_name(b, element),
                                   .array_dimensions = element != type};
    if (name->names != NULL) {
        ((struct ast_const *)(uintptr_t)literal->source)->shown_type = name;
    }
}

static ky_status
read_typmod(struct binder *b, const struct ast_type_name *name, const struct type *type,
            int32_t *typmod_out)
{
    int32_t words[TYPMOD_WORDS_MAX];
    int count = ast_list_count(name->typmods);
    int location = name->node.location;
    if (type->typmod_in == NULL) {
        return bind_error(b, location, KY_SYNTAX_ERROR,
                          "type modifier is not allowed for type \"%s\"", type->sql_name);
    }
    if (count > TYPMOD_WORDS_MAX) {
        return bind_error(b, location, KY_INVALID_PARAMETER_VALUE,
                          "invalid type modifier for type \"%s\"", type->sql_name);
    }
    for (int i = 0; i < count; i++) {
        const struct ast_node *node = ast_list_get(name->typmods, i);
        bool is_negative = false;
        if (node->kind == AST_OPERATOR) {
            const struct ast_operator *minus = (const void *)node;
            is_negative = minus->left == NULL && strcmp(minus->name, "-") == 0;
            node = is_negative ? minus->right : node;
        }
        const struct ast_const *word = (const void *)node;
        if (node->kind == AST_CONST && word->type == AST_CONST_STRING && !is_negative) {
            struct datum number;
            struct type_context types = b->context->env->types;
            types.arena = b->arena;
            const struct type *integer = type_get(OID_INT4);
            if (integer->input(integer, &types, ky_slice_cstr(word->text), -1, &number, b->err) !=
                KY_OK) {
                return bind_error_at(b, location);
            }
            words[i] = (int32_t)number.word;
            continue;
        }
        if (node->kind != AST_CONST || word->type != AST_CONST_INTEGER ||
            word->integer > INT32_MAX) {
            return bind_error(b, node->location < 0 ? location : node->location, KY_SYNTAX_ERROR,
                              "type modifiers must be simple constants or identifiers");
        }
        words[i] = (int32_t)(is_negative ? -word->integer : word->integer);
    }
    if (type->typmod_in(words, count, typmod_out, b->err) != KY_OK) {
        return bind_error_at(b, location);
    }
    return KY_OK;
}

ky_status
bind_type(struct binder *b, const struct ast_type_name *name, const struct type **type_out,
          int32_t *typmod_out)
{
    int location = name->node.location;
    const struct type *type;
    KY_TRY(find_type(b, name->names, location, &type));
    write_schema(b, name, type);
    *typmod_out = -1;
    b->context->found_domain = NULL;
    if (ast_list_count(name->typmods) > 0) {
        KY_TRY(read_typmod(b, name, type, typmod_out));
    }
    if (name->array_dimensions > 0) {
        const struct type *array = type_find(type->array_oid);
        if (type->typtype == 'd') {
            return bind_error(b, location, KY_FEATURE_NOT_SUPPORTED,
                              "arrays of domains are not supported yet");
        }
        if (array == NULL) {
            return bind_error(b, location, KY_UNDEFINED_OBJECT, "type \"%s[]\" does not exist",
                              full_name(b, name->names));
        }
        type = array;
    }
    if (type->typtype == 'd') {
        const struct cat_type *found = cat_get_type(b->image, type->oid);
        b->context->found_domain = found;
        *typmod_out = found->domain->typmod;
        type = found->domain->base;
    }
    *type_out = type;
    return KY_OK;
}

ky_status
bind_type_name(struct bind_context *context, const struct ast_type_name *name, oid_t *oid_out,
               int32_t *typmod_out, struct ky_error *err)
{
    struct binder b;
    binder_init(&b, context, err);
    const struct type *type;
    KY_TRY(bind_type(&b, name, &type, typmod_out));
    *oid_out = context->found_domain == NULL ? type->oid : context->found_domain->oid;
    return KY_OK;
}
