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

/* Types live in pg_catalog; vector and its kin may also be named in the schemas their extension may
 * be put in. */
static const struct type *
find_type(struct binder *b, const struct ast_list *names)
{
    const char *schema = ast_name_schema(names);
    const struct type *type = type_find_name(ky_slice_cstr(ast_name_last(names)));
    if (type == NULL || schema == NULL || strcmp(schema, "pg_catalog") == 0) {
        return type;
    }
    bool is_ours = type->oid >= OID_VECTOR && type->oid <= OID_SPARSEVEC_ARRAY;
    return is_ours && cat_find_schema(b->image, ky_slice_cstr(schema)) != NULL ? type : NULL;
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
    const struct type *type = find_type(b, name->names);
    if (type == NULL) {
        return bind_error(b, location, KY_UNDEFINED_OBJECT, "type \"%s\" does not exist",
                          full_name(b, name->names));
    }
    *typmod_out = -1;
    if (ast_list_count(name->typmods) > 0) {
        KY_TRY(read_typmod(b, name, type, typmod_out));
    }
    if (name->array_dimensions > 0) {
        const struct type *array = type_find(type->array_oid);
        if (array == NULL) {
            return bind_error(b, location, KY_UNDEFINED_OBJECT, "type \"%s[]\" does not exist",
                              full_name(b, name->names));
        }
        type = array;
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
    *oid_out = type->oid;
    return KY_OK;
}
