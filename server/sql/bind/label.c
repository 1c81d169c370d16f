/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/bind/bind_private.h"

/* The name of an output column without AS, by PostgreSQL's rules. */

/* How good a name is: a cast's type name gives way to a name from its argument. */
enum strength { STRENGTH_NONE, STRENGTH_WEAK, STRENGTH_STRONG };

static enum strength find_label(const struct ast_node *node, const char **name);

static const char *
last_string(const struct ast_list *list)
{
    for (int32_t i = ast_list_count(list) - 1; i >= 0; i--) {
        if (ast_list_get(list, i)->kind == AST_STRING) {
            return ast_list_text(list, i);
        }
    }
    return NULL;
}

static enum strength
strong(const char **name, const char *text)
{
    *name = text;
    return STRENGTH_STRONG;
}

static enum strength
label_of_subquery(const struct ast_select *query, const char **name)
{
    while (query->operation != AST_SET_NONE) {
        query = query->left;
    }
    if (query->values != NULL) {
        return strong(name, "column1");
    }
    if (ast_list_count(query->targets) == 0 || query->targets->items[0]->kind != AST_TARGET) {
        return STRENGTH_NONE;
    }
    const struct ast_target *target = (const void *)query->targets->items[0];
    if (target->name != NULL) {
        return strong(name, target->name);
    }
    return find_label(target->expression, name);
}

static const char *
current_value_label(enum ast_current_value_type type)
{
    switch (type) {
    case AST_CURRENT_DATE:
        return "current_date";
    case AST_CURRENT_TIME:
        return "current_time";
    case AST_CURRENT_TIMESTAMP:
        return "current_timestamp";
    case AST_LOCALTIME:
        return "localtime";
    case AST_LOCALTIMESTAMP:
        return "localtimestamp";
    case AST_CURRENT_ROLE:
        return "current_role";
    case AST_CURRENT_USER:
        return "current_user";
    case AST_USER:
        return "user";
    case AST_SESSION_USER:
        return "session_user";
    case AST_CURRENT_CATALOG:
        return "current_catalog";
    case AST_CURRENT_SCHEMA:
        return "current_schema";
    }
    return "?column?";
}

static enum strength
find_label(const struct ast_node *node, const char **name)
{
    enum strength strength;
    const char *text;
    switch (node->kind) {
    case AST_COLUMN_REF:
        text = last_string(((const struct ast_column_ref *)(const void *)node)->names);
        return text == NULL ? STRENGTH_NONE : strong(name, text);
    case AST_INDIRECTION: {
        const struct ast_indirection *indirection = (const void *)node;
        text = last_string(indirection->steps);
        return text == NULL ? find_label(indirection->arg, name) : strong(name, text);
    }
    case AST_FUNCTION_CALL:
        return strong(name,
                      ast_name_last(((const struct ast_function_call *)(const void *)node)->names));
    case AST_NULLIF:
        return strong(name, "nullif");
    case AST_CAST: {
        const struct ast_cast *cast = (const void *)node;
        strength = find_label(cast->arg, name);
        if (strength != STRENGTH_STRONG) {
            *name = ast_name_last(cast->type->names);
            return STRENGTH_WEAK;
        }
        return strength;
    }
    case AST_COLLATE:
        return find_label(((const struct ast_collate *)(const void *)node)->arg, name);
    case AST_GROUPING:
        return strong(name, "grouping");
    case AST_EXISTS:
        return strong(name, "exists");
    case AST_ARRAY:
    case AST_ARRAY_QUERY:
        return strong(name, "array");
    case AST_SUBQUERY:
        return label_of_subquery(((const struct ast_subquery *)(const void *)node)->query, name);
    case AST_CASE: {
        const struct ast_case *choice = (const void *)node;
        strength = choice->otherwise == NULL ? STRENGTH_NONE : find_label(choice->otherwise, name);
        if (strength != STRENGTH_STRONG) {
            *name = "case";
            return STRENGTH_WEAK;
        }
        return strength;
    }
    case AST_ROW:
        return strong(name, "row");
    case AST_MINMAX:
        switch (((const struct ast_minmax *)(const void *)node)->type) {
        case AST_COALESCE:
            return strong(name, "coalesce");
        case AST_GREATEST:
            return strong(name, "greatest");
        case AST_LEAST:
            return strong(name, "least");
        }
        return STRENGTH_NONE;
    case AST_CURRENT_VALUE:
        return strong(name, current_value_label(
                                ((const struct ast_current_value *)(const void *)node)->type));
    case AST_VECTOR:
        return strong(name, "vector");
    default:
        return STRENGTH_NONE;
    }
}

const char *
column_label(const struct ast_node *node)
{
    const char *name = NULL;
    return find_label(node, &name) == STRENGTH_NONE ? "?column?" : name;
}
