/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "parser/print_private.h"

/* Expressions and type names. Casts are printed as CAST(), which needs no parentheses around it; of
 * a string as '..'::type, as PostgreSQL shows them. */

static bool
is_atomic(const struct ast_node *node)
{
    switch (node->kind) {
    case AST_CONST: {
        PRINT_AS(ast_const, constant);
        return !(constant->type == AST_CONST_INTEGER && constant->integer < 0) &&
               !(constant->type == AST_CONST_NUMERIC && constant->text[0] == '-');
    }
    case AST_COLUMN_REF:
    case AST_PARAM:
    case AST_EXISTS:
    case AST_SUBQUERY:
    case AST_ARRAY:
    case AST_ARRAY_QUERY:
    case AST_ROW:
    case AST_CASE:
    case AST_CAST:
    case AST_MINMAX:
    case AST_NULLIF:
    case AST_FUNCTION_CALL:
    case AST_CURRENT_VALUE:
    case AST_VECTOR:
    case AST_INDIRECTION:
    case AST_GROUPING:
        return true;
    default:
        return false;
    }
}

void
print_operand(struct ky_buffer *out, const struct ast_node *node)
{
    bool has_parentheses = !is_atomic(node);
    print_if(out, has_parentheses, "(");
    print_node(out, node);
    print_if(out, has_parentheses, ")");
}

static void
print_const(struct ky_buffer *out, const struct ast_const *constant)
{
    switch (constant->type) {
    case AST_CONST_NULL:
        print_text(out, "NULL");
        return;
    case AST_CONST_BOOL:
        print_text(out, constant->boolean ? "TRUE" : "FALSE");
        return;
    case AST_CONST_INTEGER:
        ky_buffer_printf(out, "%" PRId64, constant->integer);
        return;
    case AST_CONST_NUMERIC:
        print_text(out, constant->text);
        return;
    case AST_CONST_STRING:
        ast_print_string(out, constant->text);
        if (constant->shown_type != NULL) {
            print_clause(out, "::", &constant->shown_type->node);
        }
        return;
    case AST_CONST_BIT:
    case AST_CONST_HEX_BIT:
        print_text(out, constant->type == AST_CONST_BIT ? "B" : "X");
        ky_buffer_append_byte(out, '\'');
        for (const char *at = constant->text; *at != '\0'; at++) {
            print_if(out, *at == '\'', "'");
            ky_buffer_append_byte(out, (uint8_t)*at);
        }
        ky_buffer_append_byte(out, '\'');
        return;
    }
}

static void
print_operator(struct ky_buffer *out, const struct ast_operator *op)
{
    if (op->left != NULL) {
        print_operand(out, op->left);
        print_text(out, " ");
    }
    print_operator_name(out, op->schema, op->name);
    print_text(out, " ");
    print_operand(out, op->right);
}

static void
print_bool(struct ky_buffer *out, const struct ast_bool *node)
{
    if (node->type == AST_NOT) {
        print_text(out, "NOT ");
        print_operand(out, node->args->items[0]);
        return;
    }
    for (int32_t i = 0; i < node->args->count; i++) {
        print_if(out, i > 0, node->type == AST_AND ? " AND " : " OR ");
        print_operand(out, node->args->items[i]);
    }
}

static void
print_is_test(struct ky_buffer *out, const struct ast_is_test *test)
{
    static const char *const names[] = {"NULL", "TRUE", "FALSE", "UNKNOWN"};
    print_operand(out, test->arg);
    print_text(out, test->is_negated ? " IS NOT " : " IS ");
    print_text(out, names[test->type]);
}

static void
print_between(struct ky_buffer *out, const struct ast_between *between)
{
    print_operand(out, between->arg);
    print_text(out, between->is_negated ? " NOT BETWEEN " : " BETWEEN ");
    print_if(out, between->is_symmetric, "SYMMETRIC ");
    print_operand(out, between->low);
    print_text(out, " AND ");
    print_operand(out, between->high);
}

static void
print_in(struct ky_buffer *out, const struct ast_in *in)
{
    print_operand(out, in->arg);
    print_text(out, in->is_negated ? " NOT IN (" : " IN (");
    if (in->query != NULL) {
        print_node(out, &in->query->node);
    } else {
        print_list(out, in->list, ", ");
    }
    print_text(out, ")");
}

static void
print_like(struct ky_buffer *out, const struct ast_like *like)
{
    static const char *const names[] = {"LIKE ", "ILIKE ", "SIMILAR TO "};
    print_operand(out, like->arg);
    print_text(out, like->is_negated ? " NOT " : " ");
    print_text(out, names[like->type]);
    print_operand(out, like->pattern);
    if (like->escape != NULL) {
        print_text(out, " ESCAPE ");
        print_operand(out, like->escape);
    }
}

static void
print_any_all(struct ky_buffer *out, const struct ast_any_all *node)
{
    static const struct {
        const char *name;
        const char *word;
    } words[] = {{"~~", "LIKE"}, {"!~~", "NOT LIKE"}, {"~~*", "ILIKE"}, {"!~~*", "NOT ILIKE"}};
    const char *word = NULL;
    for (size_t i = 0; i < KY_COUNT_OF(words) && node->schema == NULL; i++) {
        word = strcmp(node->name, words[i].name) == 0 ? words[i].word : word;
    }
    print_operand(out, node->left);
    print_text(out, " ");
    if (word != NULL) {
        print_text(out, word);
    } else {
        print_operator_name(out, node->schema, node->name);
    }
    print_text(out, node->is_all ? " ALL (" : " ANY (");
    print_node(out, node->query != NULL ? &node->query->node : node->array);
    print_text(out, ")");
}

static void
print_case(struct ky_buffer *out, const struct ast_case *node)
{
    print_text(out, "CASE");
    print_clause(out, " ", node->arg);
    print_text(out, " ");
    print_list(out, node->whens, " ");
    print_clause(out, " ELSE ", node->otherwise);
    print_text(out, " END");
}

static void
print_window_or_name(struct ky_buffer *out, const struct ast_window *over)
{
    if (over->is_reference_only) {
        ast_print_identifier(out, over->reference);
    } else {
        print_node(out, &over->node);
    }
}

/* words: what stands in front of each argument. */
static void
print_words(struct ky_buffer *out, const char *const *words, const struct ast_list *args)
{
    for (int32_t i = 0; i < ast_list_count(args); i++) {
        print_text(out, words[i]);
        print_operand(out, args->items[i]);
    }
    print_text(out, ")");
}

/* SQL's own spellings. False: the call is spelled as any other. */
static bool
print_sql_syntax(struct ky_buffer *out, const struct ast_function_call *call)
{
    static const struct {
        const char *name;
        const char *words[4];
    } forms[] = {{"extract", {"EXTRACT(", " FROM "}},
                 {"overlay", {"OVERLAY(", " PLACING ", " FROM ", " FOR "}},
                 {"substring", {"SUBSTRING(", " FROM ", " FOR "}},
                 {"overlaps", {"((", ", ", ") OVERLAPS (", ", "}},
                 {"pg_collation_for", {"COLLATION FOR ("}},
                 {"normalize", {"NORMALIZE("}}};
    const char *name = ast_name_last(call->names);
    const int32_t count = ast_list_count(call->args);
    if (!call->is_sql_syntax) {
        return false;
    }
    for (size_t i = 0; i < KY_COUNT_OF(forms); i++) {
        if (strcmp(forms[i].name, name) == 0 && count > 0 && forms[i].words[count - 1] != NULL) {
            print_words(out, forms[i].words, call->args);
            print_if(out, strcmp(name, "overlaps") == 0, ")");
            return true;
        }
    }
    const bool is_zone = strcmp(name, "timezone") == 0;
    if (count == 2 && (is_zone || strcmp(name, "position") == 0)) {
        print_text(out, is_zone ? "(" : "POSITION(");
        print_operand(out, call->args->items[1]);
        print_text(out, is_zone ? " AT TIME ZONE " : " IN ");
        print_operand(out, call->args->items[0]);
        print_text(out, ")");
        return true;
    }
    const char *side = strcmp(name, "btrim") == 0   ? "TRIM(BOTH "
                       : strcmp(name, "ltrim") == 0 ? "TRIM(LEADING "
                       : strcmp(name, "rtrim") == 0 ? "TRIM(TRAILING "
                                                    : NULL;
    if (side != NULL) {
        print_text(out, side);
        print_list(out, call->args, ", ");
        print_text(out, ")");
    }
    return side != NULL;
}

static void
print_function_call(struct ky_buffer *out, const struct ast_function_call *call)
{
    if (print_sql_syntax(out, call)) {
        return;
    }
    print_dotted(out, call->names);
    print_text(out, "(");
    print_if(out, call->is_distinct, "DISTINCT ");
    print_if(out, call->is_star, "*");
    for (int32_t i = 0; i < ast_list_count(call->args); i++) {
        print_if(out, i > 0, ", ");
        print_if(out, call->is_variadic && i == call->args->count - 1, "VARIADIC ");
        print_node(out, call->args->items[i]);
    }
    if (!call->is_within_group) {
        print_list_clause(out, " ORDER BY ", call->order_by);
    }
    print_text(out, ")");
    if (call->is_within_group) {
        print_list_clause(out, " WITHIN GROUP (ORDER BY ", call->order_by);
        print_text(out, ")");
    }
    if (call->filter != NULL) {
        print_clause(out, " FILTER (WHERE ", call->filter);
        print_text(out, ")");
    }
    if (call->over != NULL) {
        print_text(out, " OVER ");
        print_window_or_name(out, call->over);
    }
}

static void
print_current_value(struct ky_buffer *out, const struct ast_current_value *node)
{
    static const char *const names[] = {"CURRENT_DATE",    "CURRENT_TIME",   "CURRENT_TIMESTAMP",
                                        "LOCALTIME",       "LOCALTIMESTAMP", "CURRENT_ROLE",
                                        "CURRENT_USER",    "USER",           "SESSION_USER",
                                        "CURRENT_CATALOG", "CURRENT_SCHEMA"};
    print_text(out, names[node->type]);
    if (node->precision >= 0) {
        ky_buffer_printf(out, "(%d)", (int)node->precision);
    }
}

static void
print_indirection(struct ky_buffer *out, const struct ast_indirection *node)
{
    const struct ast_node *arg = node->arg;
    bool is_bare = arg->kind == AST_PARAM ||
                   (arg->kind == AST_COLUMN_REF && node->steps->items[0]->kind == AST_SUBSCRIPT);
    print_if(out, !is_bare, "(");
    print_node(out, arg);
    print_if(out, !is_bare, ")");
    for (int32_t i = 0; i < node->steps->count; i++) {
        print_if(out, node->steps->items[i]->kind != AST_SUBSCRIPT, ".");
        print_node(out, node->steps->items[i]);
    }
}

static void
print_subscript(struct ky_buffer *out, const struct ast_subscript *node)
{
    print_text(out, "[");
    print_node(out, node->lower);
    print_if(out, node->is_slice, " : ");
    print_node(out, node->upper);
    print_text(out, "]");
}

static void
print_vector(struct ky_buffer *out, const struct ast_vector *vector)
{
    if (vector->text != NULL) {
        print_text(out, vector->text);
        return;
    }
    print_text(out, "[");
    print_list(out, vector->elements, ", ");
    print_text(out, "]");
}

static void
print_type_name(struct ky_buffer *out, const struct ast_type_name *type)
{
    print_if(out, type->is_setof, "SETOF ");
    print_dotted(out, type->names);
    print_paren_list(out, "", type->typmods);
    for (int32_t i = 0; i < type->array_dimensions; i++) {
        print_text(out, "[]");
    }
}

static void
print_call_like(struct ky_buffer *out, const char *name, const struct ast_list *args)
{
    print_text(out, name);
    print_text(out, "(");
    print_list(out, args, ", ");
    print_text(out, ")");
}

static void
print_query_in(struct ky_buffer *out, const char *prefix, const struct ast_subquery *node)
{
    print_text(out, prefix);
    print_text(out, "(");
    print_node(out, &node->query->node);
    print_text(out, ")");
}

bool
print_expression(struct ky_buffer *out, const struct ast_node *node)
{
    switch (node->kind) {
    case AST_CONST: {
        PRINT_AS(ast_const, constant);
        print_const(out, constant);
        return true;
    }
    case AST_COLUMN_REF: {
        PRINT_AS(ast_column_ref, ref);
        print_dotted(out, ref->names);
        return true;
    }
    case AST_PARAM: {
        PRINT_AS(ast_param, param);
        ky_buffer_printf(out, "$%d", (int)param->number);
        return true;
    }
    case AST_OPERATOR: {
        PRINT_AS(ast_operator, op);
        print_operator(out, op);
        return true;
    }
    case AST_BOOL: {
        PRINT_AS(ast_bool, boolean);
        print_bool(out, boolean);
        return true;
    }
    case AST_IS_TEST: {
        PRINT_AS(ast_is_test, test);
        print_is_test(out, test);
        return true;
    }
    case AST_DISTINCT_FROM: {
        PRINT_AS(ast_distinct_from, distinct);
        print_operand(out, distinct->left);
        print_text(out, distinct->is_negated ? " IS NOT DISTINCT FROM " : " IS DISTINCT FROM ");
        print_operand(out, distinct->right);
        return true;
    }
    case AST_BETWEEN: {
        PRINT_AS(ast_between, between);
        print_between(out, between);
        return true;
    }
    case AST_IN: {
        PRINT_AS(ast_in, in);
        print_in(out, in);
        return true;
    }
    case AST_LIKE: {
        PRINT_AS(ast_like, like);
        print_like(out, like);
        return true;
    }
    case AST_ANY_ALL: {
        PRINT_AS(ast_any_all, any);
        print_any_all(out, any);
        return true;
    }
    case AST_EXISTS:
    case AST_SUBQUERY:
    case AST_ARRAY_QUERY: {
        PRINT_AS(ast_subquery, subquery);
        print_query_in(out,
                       node->kind == AST_EXISTS     ? "EXISTS "
                       : node->kind == AST_SUBQUERY ? ""
                                                    : "ARRAY",
                       subquery);
        return true;
    }
    case AST_ARRAY: {
        PRINT_AS(ast_array, array);
        print_text(out, "ARRAY[");
        print_list(out, array->elements, ", ");
        print_text(out, "]");
        return true;
    }
    case AST_ROW: {
        PRINT_AS(ast_row, row);
        print_call_like(out, row->is_explicit ? "ROW" : "", row->elements);
        return true;
    }
    case AST_CASE: {
        PRINT_AS(ast_case, choice);
        print_case(out, choice);
        return true;
    }
    case AST_WHEN: {
        PRINT_AS(ast_when, when);
        print_clause(out, "WHEN ", when->condition);
        print_clause(out, " THEN ", when->result);
        return true;
    }
    case AST_CAST: {
        PRINT_AS(ast_cast, cast);
        const struct ast_const *constant = (const void *)cast->arg;
        if (cast->arg->kind == AST_CONST && constant->type == AST_CONST_STRING) {
            ast_print_string(out, constant->text);
            print_clause(out, "::", &cast->type->node);
            return true;
        }
        print_clause(out, "CAST(", cast->arg);
        print_clause(out, " AS ", &cast->type->node);
        print_text(out, ")");
        return true;
    }
    case AST_COLLATE: {
        PRINT_AS(ast_collate, collate);
        print_operand(out, collate->arg);
        print_text(out, " COLLATE ");
        print_dotted(out, collate->names);
        return true;
    }
    case AST_MINMAX: {
        PRINT_AS(ast_minmax, minmax);
        static const char *const names[] = {"COALESCE", "GREATEST", "LEAST"};
        print_call_like(out, names[minmax->type], minmax->args);
        return true;
    }
    case AST_NULLIF: {
        PRINT_AS(ast_nullif, nullif);
        print_clause(out, "NULLIF(", nullif->left);
        print_clause(out, ", ", nullif->right);
        print_text(out, ")");
        return true;
    }
    case AST_FUNCTION_CALL: {
        PRINT_AS(ast_function_call, call);
        print_function_call(out, call);
        return true;
    }
    case AST_NAMED_ARG: {
        PRINT_AS(ast_named_arg, arg);
        ast_print_identifier(out, arg->name);
        print_clause(out, " => ", arg->arg);
        return true;
    }
    case AST_CURRENT_VALUE: {
        PRINT_AS(ast_current_value, value);
        print_current_value(out, value);
        return true;
    }
    case AST_DEFAULT:
        print_text(out, "DEFAULT");
        return true;
    case AST_VECTOR: {
        PRINT_AS(ast_vector, vector);
        print_vector(out, vector);
        return true;
    }
    case AST_INDIRECTION: {
        PRINT_AS(ast_indirection, indirection);
        print_indirection(out, indirection);
        return true;
    }
    case AST_SUBSCRIPT: {
        PRINT_AS(ast_subscript, subscript);
        print_subscript(out, subscript);
        return true;
    }
    case AST_GROUPING: {
        PRINT_AS(ast_grouping, grouping);
        print_call_like(out, "GROUPING", grouping->args);
        return true;
    }
    case AST_CURRENT_OF: {
        PRINT_AS(ast_current_of, current);
        print_name_clause(out, "CURRENT OF ", current->cursor);
        return true;
    }
    case AST_TYPE_NAME: {
        PRINT_AS(ast_type_name, type);
        print_type_name(out, type);
        return true;
    }
    default:
        return false;
    }
}
