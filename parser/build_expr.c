/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/build_private.h"

/* Operators, tests, calls and type names. */

struct ast_node *
build_cast(struct parser *p, struct ast_node *arg, struct ast_type_name *type, int32_t location)
{
    struct ast_cast *node = NODE(AST_CAST, ast_cast, location);
    node->arg = arg;
    node->type = type;
    adopt(p, &node->node, arg);
    adopt(p, &node->node, &type->node);
    return &node->node;
}

struct ast_node *
build_typed_literal(struct parser *p, struct ast_type_name *type, struct token text)
{
    return build_cast(p, build_string_const(p, AST_CONST_STRING, text), type, type->node.location);
}

struct ast_node *
build_collate(struct parser *p, struct ast_node *arg, struct ast_list *names, int32_t location)
{
    struct ast_collate *node = NODE(AST_COLLATE, ast_collate, location);
    node->arg = arg;
    node->names = names;
    adopt(p, &node->node, arg);
    return &node->node;
}

struct ast_node *
build_qual_operator(struct parser *p, struct op_name op, struct ast_node *left,
                    struct ast_node *right)
{
    struct ast_operator *node = NODE(AST_OPERATOR, ast_operator, op.location);
    node->schema = op.schema;
    node->name = op.name;
    node->left = left;
    node->right = right;
    adopt(p, &node->node, left);
    adopt(p, &node->node, right);
    return &node->node;
}

struct ast_node *
build_operator(struct parser *p, struct token op, struct ast_node *left, struct ast_node *right)
{
    return build_qual_operator(p, (struct op_name){NULL, op.text, op.location}, left, right);
}

/* A minus before a number makes another number, whatever its sign; -9223372036854775808 needs it.
 */
struct ast_node *
build_minus(struct parser *p, struct token op, struct ast_node *arg)
{
    if (arg->kind == AST_CONST) {
        const struct ast_const *constant = (const void *)arg;
        if (constant->type == AST_CONST_INTEGER || constant->type == AST_CONST_NUMERIC) {
            arg->location = op.location;
            return build_negated_number(p, arg);
        }
    }
    return build_operator(p, op, NULL, arg);
}

/* Chains are kept flat, so that a thousand ORs are not a thousand levels deep. */
struct ast_node *
build_bool(struct parser *p, enum ast_bool_type type, struct ast_node *left, struct ast_node *right,
           int32_t location)
{
    struct ast_bool *node = (struct ast_bool *)(void *)left;
    if (left == NULL || left->kind != AST_BOOL || node->type != type) {
        node = NODE(AST_BOOL, ast_bool, location);
        node->type = type;
        if (left != NULL) {
            node->args = list_add(p, NULL, left);
        }
    }
    node->args = list_add(p, node->args, right);
    adopt_list(p, &node->node, node->args);
    return &node->node;
}

struct ast_node *
build_like(struct parser *p, enum ast_like_type type, bool is_negated, struct ast_node *arg,
           struct ast_node *pattern, struct ast_node *escape, int32_t location)
{
    struct ast_like *node = NODE(AST_LIKE, ast_like, location);
    node->type = type;
    node->is_negated = is_negated;
    node->arg = arg;
    node->pattern = pattern;
    node->escape = escape;
    adopt(p, &node->node, arg);
    adopt(p, &node->node, pattern);
    adopt(p, &node->node, escape);
    return &node->node;
}

struct ast_node *
build_is_test(struct parser *p, enum ast_is_test_type type, bool is_negated, struct ast_node *arg,
              int32_t location)
{
    struct ast_is_test *node = NODE(AST_IS_TEST, ast_is_test, location);
    node->type = type;
    node->is_negated = is_negated;
    node->arg = arg;
    adopt(p, &node->node, arg);
    return &node->node;
}

struct ast_node *
build_distinct_from(struct parser *p, bool is_negated, struct ast_node *left,
                    struct ast_node *right, int32_t location)
{
    struct ast_distinct_from *node = NODE(AST_DISTINCT_FROM, ast_distinct_from, location);
    node->is_negated = is_negated;
    node->left = left;
    node->right = right;
    adopt(p, &node->node, left);
    adopt(p, &node->node, right);
    return &node->node;
}

struct ast_node *
build_overlaps(struct parser *p, struct ast_row *left, struct ast_row *right, int32_t location)
{
    if (ast_list_count(left->elements) != 2) {
        parser_error_at(p, left->node.location,
                        "wrong number of parameters on left side of OVERLAPS expression");
    } else if (ast_list_count(right->elements) != 2) {
        parser_error_at(p, right->node.location,
                        "wrong number of parameters on right side of OVERLAPS expression");
    }
    struct ast_list *args = list_join(p, list_join(p, NULL, left->elements), right->elements);
    return build_call_list(p, "overlaps", args, location);
}

struct ast_node *
build_between(struct parser *p, bool is_negated, bool is_symmetric, struct ast_node *arg,
              struct ast_node *low, struct ast_node *high, int32_t location)
{
    struct ast_between *node = NODE(AST_BETWEEN, ast_between, location);
    node->is_negated = is_negated;
    node->is_symmetric = is_symmetric;
    node->arg = arg;
    node->low = low;
    node->high = high;
    adopt(p, &node->node, arg);
    adopt(p, &node->node, low);
    adopt(p, &node->node, high);
    return &node->node;
}

/* in has the list or the query already. */
struct ast_node *
build_in(struct parser *p, bool is_negated, struct ast_node *arg, struct ast_in *in,
         int32_t location)
{
    in->node.location = location;
    in->is_negated = is_negated;
    in->arg = arg;
    adopt(p, &in->node, arg);
    adopt_list(p, &in->node, in->list);
    if (in->query != NULL) {
        adopt(p, &in->node, &in->query->node);
    }
    return &in->node;
}

struct ast_node *
build_any_all(struct parser *p, struct op_name op, bool is_all, struct ast_node *left,
              struct ast_node *array, struct ast_select *query)
{
    struct ast_any_all *node = NODE(AST_ANY_ALL, ast_any_all, op.location);
    node->is_all = is_all;
    node->schema = op.schema;
    node->name = op.name;
    node->left = left;
    node->array = array;
    node->query = query;
    adopt(p, &node->node, left);
    adopt(p, &node->node, array);
    if (query != NULL) {
        adopt(p, &node->node, &query->node);
    }
    return &node->node;
}

struct ast_node *
build_subquery(struct parser *p, enum ast_kind kind, struct ast_select *query, int32_t location)
{
    struct ast_subquery *node = NODE(kind, ast_subquery, location);
    node->query = query;
    adopt(p, &node->node, &query->node);
    return &node->node;
}

struct ast_node *
build_grouping(struct parser *p, struct ast_list *args, int32_t location)
{
    struct ast_grouping *node = NODE(AST_GROUPING, ast_grouping, location);
    node->args = args;
    adopt_list(p, &node->node, args);
    return &node->node;
}

struct ast_node *
build_case(struct parser *p, struct ast_node *arg, struct ast_list *whens,
           struct ast_node *otherwise, int32_t location)
{
    struct ast_case *node = NODE(AST_CASE, ast_case, location);
    node->arg = arg;
    node->whens = whens;
    node->otherwise = otherwise;
    adopt(p, &node->node, arg);
    adopt_list(p, &node->node, whens);
    adopt(p, &node->node, otherwise);
    return &node->node;
}

struct ast_node *
build_when(struct parser *p, struct ast_node *condition, struct ast_node *result, int32_t location)
{
    struct ast_when *node = NODE(AST_WHEN, ast_when, location);
    node->condition = condition;
    node->result = result;
    adopt(p, &node->node, condition);
    adopt(p, &node->node, result);
    return &node->node;
}

struct ast_node *
build_minmax(struct parser *p, enum ast_minmax_type type, struct ast_list *args, int32_t location)
{
    struct ast_minmax *node = NODE(AST_MINMAX, ast_minmax, location);
    node->type = type;
    node->args = args;
    adopt_list(p, &node->node, args);
    return &node->node;
}

struct ast_node *
build_nullif(struct parser *p, struct ast_node *left, struct ast_node *right, int32_t location)
{
    struct ast_nullif *node = NODE(AST_NULLIF, ast_nullif, location);
    node->left = left;
    node->right = right;
    adopt(p, &node->node, left);
    adopt(p, &node->node, right);
    return &node->node;
}

struct ast_node *
build_current(struct parser *p, enum ast_current_value_type type, struct token token,
              const struct token *precision)
{
    struct ast_current_value *node = NODE(AST_CURRENT_VALUE, ast_current_value, token.location);
    node->type = type;
    node->precision = precision == NULL ? -1 : token_int(p, *precision);
    return &node->node;
}

/* ---- calls ---- */

struct ast_node *
build_named_arg(struct parser *p, struct token name, struct ast_node *arg)
{
    struct ast_named_arg *node = NODE(AST_NAMED_ARG, ast_named_arg, name.location);
    node->name = name.text;
    node->arg = arg;
    adopt(p, &node->node, arg);
    return &node->node;
}

struct ast_function_call *
build_call(struct parser *p, struct ast_list *names, struct ast_list *args,
           struct ast_list *order_by)
{
    struct ast_function_call *node =
        NODE(AST_FUNCTION_CALL, ast_function_call, names->items[0]->location);
    node->names = names;
    node->args = args;
    node->order_by = order_by;
    adopt_list(p, &node->node, args);
    adopt_list(p, &node->node, order_by);
    return node;
}

struct ast_node *
build_aggregate(struct parser *p, struct ast_function_call *call, struct ast_node *within_group,
                struct ast_node *filter, struct ast_window *over)
{
    if (within_group != NULL) {
        int32_t location = within_group->location;
        if (call->order_by != NULL) {
            parser_error_at(p, location, "cannot use multiple ORDER BY clauses with WITHIN GROUP");
        } else if (call->is_distinct) {
            parser_error_at(p, location, "cannot use DISTINCT with WITHIN GROUP");
        } else if (call->is_variadic) {
            parser_error_at(p, location, "cannot use VARIADIC with WITHIN GROUP");
        }
        call->order_by = ((struct ast_node_list *)(void *)within_group)->list;
        call->is_within_group = true;
        adopt_list(p, &call->node, call->order_by);
    }
    call->filter = filter;
    call->over = over;
    adopt(p, &call->node, filter);
    if (over != NULL) {
        adopt(p, &call->node, &over->node);
    }
    return &call->node;
}

/* What SQL spells in its own way: EXTRACT(year FROM x). */
struct ast_node *
build_call_list(struct parser *p, const char *name, struct ast_list *args, int32_t location)
{
    struct ast_list *names =
        list_add(p, NULL, build_name(p, (struct token){"pg_catalog", location, 0}));
    names = list_add(p, names, build_name(p, (struct token){name, location, 0}));
    struct ast_function_call *call = build_call(p, names, args, NULL);
    call->is_sql_syntax = true;
    return &call->node;
}

struct ast_node *
build_call2(struct parser *p, const char *name, struct ast_node *first, struct ast_node *second,
            int32_t location)
{
    struct ast_list *args = list_add(p, NULL, first);
    if (second != NULL) {
        args = list_add(p, args, second);
    }
    return build_call_list(p, name, args, location);
}

/* substring(a, b): a keyword used as an ordinary function's name. */
struct ast_node *
build_plain_call(struct parser *p, struct token name, struct ast_list *args)
{
    return &build_call(p, list_add(p, NULL, build_name(p, name)), args, NULL)->node;
}

/* substring(text FOR count) counts from 1. */
struct ast_node *
build_substring_for(struct parser *p, struct ast_node *text, struct ast_node *count,
                    int32_t location)
{
    struct ast_node *length =
        build_cast(p, count, build_system_type(p, "int4", NULL, -1), count->location);
    struct ast_list *args = list4(p, text, build_int(p, 1, -1), length, NULL);
    return build_call_list(p, "substring", args, location);
}

/* ---- types ---- */

struct ast_type_name *
build_type(struct parser *p, struct ast_list *names, struct ast_list *typmods)
{
    struct ast_type_name *node = NODE(AST_TYPE_NAME, ast_type_name, names->items[0]->location);
    node->names = names;
    node->typmods = typmods;
    adopt_list(p, &node->node, typmods);
    return node;
}

struct ast_type_name *
build_system_type(struct parser *p, const char *name, struct ast_list *typmods, int32_t location)
{
    struct ast_list *names =
        list_add(p, NULL, build_name(p, (struct token){"pg_catalog", location, 0}));
    names = list_add(p, names, build_name(p, (struct token){name, location, 0}));
    return build_type(p, names, typmods);
}

struct ast_type_name *
build_float(struct parser *p, struct token precision, int32_t location)
{
    if (precision.text == NULL) {
        return build_system_type(p, "float8", NULL, location);
    }
    int32_t bits = token_int(p, precision);
    if (bits < 1) {
        parser_error_set(p, KY_INVALID_PARAMETER_VALUE, precision.location,
                         "precision for type float must be at least 1 bit");
    } else if (bits > 53) {
        parser_error_set(p, KY_INVALID_PARAMETER_VALUE, precision.location,
                         "precision for type float must be less than 54 bits");
    }
    return build_system_type(p, bits <= 24 ? "float4" : "float8", NULL, location);
}

struct ast_list *
build_int_list(struct parser *p, int64_t value)
{
    return list_add(p, NULL, build_int(p, value, -1));
}

struct ast_type_name *
build_interval(struct parser *p, struct token precision, int32_t location)
{
    struct ast_list *typmods =
        list_add(p, build_int_list(p, AST_INTERVAL_ALL), build_number(p, precision));
    return build_system_type(p, "interval", typmods, location);
}

/* second is the list made for SECOND [(precision)]. */
struct ast_list *
build_interval_second(struct parser *p, struct ast_list *second, int32_t fields)
{
    second->items[0] = build_int(p, fields | AST_INTERVAL_SECOND, -1);
    return second;
}

struct ast_list *
build_typmods(struct parser *p, struct ast_list *args)
{
    for (int32_t i = 0; i < args->count; i++) {
        if (args->items[i]->kind == AST_NAMED_ARG) {
            parser_error_at(p, args->items[i]->location,
                            "type modifier cannot have parameter name");
        }
    }
    return args;
}

/* size 0 stands for a type that has length 1 when none is given. */
struct token
build_character_name(int32_t location, int is_varying)
{
    return is_varying ? (struct token){"varchar", location, 1}
                      : (struct token){"bpchar", location, 0};
}
