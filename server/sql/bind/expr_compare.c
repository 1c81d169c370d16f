/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"
#include "server/types/array.h"

/* Comparisons with more than two sides: IN, BETWEEN, ANY, rows, and subqueries in expressions. */

static bool
is_equality(const char *name)
{
    return strcmp(name, "=") == 0;
}

static bool
is_inequality(const char *name)
{
    return strcmp(name, "<>") == 0;
}

static struct expr *
combine(struct binder *b, enum expr_kind kind, struct expr **args, int count, int location)
{
    if (count == 1) {
        return args[0];
    }
    struct expr *expr = expr_new(b, kind, b->type_bool, location);
    expr->args = args;
    expr->arg_count = (uint16_t)count;
    return fold(b, expr);
}

ky_status
bind_row_operator(struct binder *b, const char *schema, const char *name, struct expr *const *left,
                  struct expr *const *right, int count, int location, struct expr **out)
{
    if (count == 0) {
        return bind_error(b, location, KY_FEATURE_NOT_SUPPORTED,
                          "cannot compare rows of zero length");
    }
    if (is_equality(name) || is_inequality(name) || count == 1) {
        struct expr **tests = ky_arena_array(b->arena, struct expr *, (size_t)count);
        for (int i = 0; i < count; i++) {
            KY_TRY(make_operator(b, schema, name, left[i], right[i], location, &tests[i]));
            KY_TRY(coerce_boolean(b, tests[i], "row comparison operator", &tests[i]));
        }
        *out = combine(b, is_inequality(name) ? EXPR_OR : EXPR_AND, tests, count, location);
        return KY_OK;
    }
    static const char *const names[] = {"<", "<=", ">", ">="};
    char test = 0;
    for (size_t i = 0; i < KY_COUNT_OF(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            test = "<l>g"[i];
        }
    }
    if (test == 0) {
        (void)bind_error(b, location, KY_FEATURE_NOT_SUPPORTED,
                         "could not determine interpretation of row comparison operator %s", name);
        return ky_error_hint(b->err, "Row comparison operators must be associated with btree "
                                     "operator families.");
    }
    struct expr *expr = expr_new(b, EXPR_ROW_COMPARE, b->type_bool, location);
    expr->arg_count = (uint16_t)(2 * count);
    expr->args = ky_arena_array(b->arena, struct expr *, expr->arg_count);
    expr->funcs = ky_arena_array(b->arena, const struct func *, (size_t)count);
    expr->test = test;
    for (int i = 0; i < count; i++) {
        const struct operator* op;
        const struct type *ignored;
        expr->args[i] = left[i];
        expr->args[count + i] = right[i];
        KY_TRY(resolve_operator(b, schema, name, left[i]->type->oid, right[i]->type->oid, location,
                                &op));
        KY_TRY(coerce_operands(b, op, &expr->args[i], &expr->args[count + i], location, &ignored));
        expr->funcs[i] = op->function;
    }
    *out = expr;
    return KY_OK;
}

/* One side against the other where either may be a row constructor. */
static ky_status
compare(struct binder *b, const char *name, struct expr *left, struct expr *right, int location,
        struct expr **out)
{
    if (left->kind == EXPR_ROW && right->kind == EXPR_ROW) {
        if (left->arg_count != right->arg_count) {
            return bind_error(b, location, KY_SYNTAX_ERROR,
                              "unequal number of entries in row expressions");
        }
        return bind_row_operator(b, NULL, name, left->args, right->args, left->arg_count, location,
                                 out);
    }
    KY_TRY(make_operator(b, NULL, name, left, right, location, out));
    return coerce_boolean(b, *out, name, out);
}

/* left op ANY (array). */
static ky_status
make_array_op(struct binder *b, const char *schema, const char *name, bool is_all,
              struct expr *left, struct expr *array, int location, struct expr **out)
{
    const struct type *element = NULL;
    if (!expr_is_unknown(array)) {
        if (array->type->element_oid == OID_NONE || array->type->category != 'A') {
            return bind_error(b, location, KY_WRONG_OBJECT_TYPE,
                              "op ANY/ALL (array) requires array on right side");
        }
        element = type_get(array->type->element_oid);
    } else {
        element = b->type_unknown;
    }
    const struct operator* op;
    KY_TRY(resolve_operator(b, schema, name, left->type->oid, element->oid, location, &op));
    oid_t declared[2] = {op->left, op->right};
    oid_t actual[2] = {left->type->oid, element->oid};
    oid_t result;
    KY_TRY(resolve_polymorphic(b, declared, actual, 2, op->result, location, &result));
    if (result != OID_BOOL) {
        return bind_error(b, location, KY_WRONG_OBJECT_TYPE,
                          "op ANY/ALL (array) requires operator to yield boolean");
    }
    KY_TRY(coerce(b, left, type_get(declared[0]), -1, CAST_IMPLICIT, -1, &left));
    const struct type *array_type = type_find(type_get(declared[1])->array_oid);
    if (array_type == NULL) {
        return bind_error(b, location, KY_UNDEFINED_OBJECT,
                          "could not find array type for data type %s",
                          type_get(declared[1])->sql_name);
    }
    KY_TRY(coerce(b, array, array_type, -1, CAST_IMPLICIT, -1, &array));
    struct expr *expr = expr_with_args(b, EXPR_ARRAY_OP, b->type_bool, location, 2, left, array);
    expr->func = op->function;
    expr->op = op;
    expr->is_negated = is_all;
    *out = expr;
    return KY_OK;
}

/* The items of IN that have no columns, as one array; a constant one when all are constants. */
static ky_status
make_in_array(struct binder *b, struct expr **items, int count, const struct type *element,
              int location, struct expr **out)
{
    bool are_constant = true;
    for (int i = 0; i < count; i++) {
        KY_TRY(coerce_common(b, items[i], element, "IN", &items[i]));
        are_constant &= items[i]->kind == EXPR_CONST && !is_written(b);
    }
    const struct type *array = type_get(element->array_oid);
    if (!are_constant) {
        *out = expr_new(b, EXPR_ARRAY, array, location);
        (*out)->args = items;
        (*out)->arg_count = (uint16_t)count;
        return KY_OK;
    }
    struct datum *values = ky_arena_array(b->arena, struct datum, (size_t)count);
    for (int i = 0; i < count; i++) {
        values[i] = items[i]->value;
    }
    struct datum value = {.bytes = array_make(b->arena, element, values, (uint32_t)count)};
    *out = expr_const(b, array, value, location);
    return KY_OK;
}

static ky_status
bind_in_list(struct binder *b, struct scope *scope, const struct ast_in *node, struct expr **out)
{
    const char *name = node->is_negated ? "<>" : "=";
    int location = node->node.location;
    int count = ast_list_count(node->list);
    struct expr *left;
    KY_TRY(bind_expr(b, scope, node->arg, &left));
    struct expr **plain = ky_arena_array(b->arena, struct expr *, (size_t)count + 1);
    struct expr **tests = ky_arena_array(b->arena, struct expr *, (size_t)count + 1);
    struct expr **others = ky_arena_array(b->arena, struct expr *, (size_t)count + 1);
    struct expr **all = ky_arena_array(b->arena, struct expr *, (size_t)count + 1);
    int plain_count = 0;
    int test_count = 0;
    int other_count = 0;
    plain[0] = left; /* takes part in choosing the type */
    for (int i = 0; i < count; i++) {
        struct expr *item;
        KY_TRY(bind_expr(b, scope, ast_list_get(node->list, i), &item));
        all[i] = item;
        const bool has_column = expr_has_column(item) || (is_written(b) && expr_has_input(item));
        if (left->kind == EXPR_ROW || item->kind == EXPR_ROW || has_column) {
            others[other_count++] = item;
        } else {
            plain[++plain_count] = item;
        }
    }
    const struct type *element = plain_count > 1 && plain_count < UINT16_MAX
                                     ? common_type_or_null(plain, plain_count + 1)
                                     : NULL;
    if (element != NULL && element->array_oid != OID_NONE && element->oid != OID_RECORD) {
        struct expr *array;
        KY_TRY(make_in_array(b, plain + 1, plain_count, element, location, &array));
        KY_TRY(make_array_op(b, NULL, name, node->is_negated, left, array, location,
                             &tests[test_count]));
        test_count++;
    } else {
        others = all;
        other_count = count;
    }
    for (int i = 0; i < other_count; i++) {
        KY_TRY(compare(b, name, left, others[i], location, &tests[test_count]));
        test_count++;
    }
    if (test_count > UINT16_MAX) {
        return bind_error(b, location, KY_STATEMENT_TOO_COMPLEX, "too many items in IN");
    }
    const enum expr_kind kind = node->is_negated ? EXPR_AND : EXPR_OR;
    if (is_written(b)) {
        *out = tests[0]; /* PostgreSQL adds one comparison at a time */
        for (int i = 1; i < test_count; i++) {
            *out = expr_with_args(b, kind, b->type_bool, location, 2, *out, tests[i]);
        }
        return KY_OK;
    }
    *out = combine(b, kind, tests, test_count, location);
    return KY_OK;
}

ky_status
bind_in(struct binder *b, struct scope *scope, const struct ast_in *node, struct expr **out)
{
    if (node->query == NULL) {
        return bind_in_list(b, scope, node, out);
    }
    struct ast_any_all any = {
        .node = node->node, .name = "=", .left = node->arg, .query = node->query};
    any.node.kind = AST_ANY_ALL;
    KY_TRY(bind_any_all(b, scope, &any, out));
    if (node->is_negated) {
        *out = expr_not(b, *out);
    }
    return KY_OK;
}

/* ---- subqueries ---- */

static ky_status
bind_any_subquery(struct binder *b, struct scope *scope, const struct ast_any_all *node,
                  struct expr **out)
{
    int location = node->node.location;
    struct query *query;
    KY_TRY(bind_select(b, scope, node->query, false, &query));
    struct expr *left;
    KY_TRY(bind_expr(b, scope, node->left, &left));
    /* A whole row, t IN (SELECT ..), is one value; a row written out is several. */
    bool is_list = left->kind == EXPR_ROW && left->field_names == NULL;
    struct expr **left_items = is_list ? left->args : &left;
    uint16_t left_count = is_list ? left->arg_count : 1;
    uint16_t width = query_width(query);
    if (left_count < width) {
        return bind_error(b, location, KY_SYNTAX_ERROR, "subquery has too many columns");
    }
    if (left_count > width) {
        return bind_error(b, location, KY_SYNTAX_ERROR, "subquery has too few columns");
    }
    struct expr **right_items = ky_arena_array(b->arena, struct expr *, width);
    for (uint16_t i = 0; i < width; i++) {
        const struct expr *target = query->targets[i].expr;
        right_items[i] = expr_new(b, EXPR_INPUT, target->type, target->location);
        right_items[i]->typmod = target->typmod;
        right_items[i]->index = i;
    }
    struct expr *test;
    KY_TRY(bind_row_operator(b, node->schema, node->name, left_items, right_items, width, location,
                             &test));
    struct expr *expr = expr_new(b, EXPR_SUBQUERY, b->type_bool, location);
    expr->subquery_kind = node->is_all ? SUBQUERY_ALL : SUBQUERY_ANY;
    expr->subquery = query;
    expr->any_test = test;
    *out = expr;
    return KY_OK;
}

ky_status
bind_any_all(struct binder *b, struct scope *scope, const struct ast_any_all *node,
             struct expr **out)
{
    if (node->query != NULL) {
        return bind_any_subquery(b, scope, node, out);
    }
    struct expr *left;
    struct expr *array;
    KY_TRY(bind_expr(b, scope, node->left, &left));
    KY_TRY(bind_expr(b, scope, node->array, &array));
    return make_array_op(b, node->schema, node->name, node->is_all, left, array,
                         node->node.location, out);
}

ky_status
bind_subquery_expr(struct binder *b, struct scope *scope, const struct ast_node *node,
                   struct expr **out)
{
    if (clause_is_rule(scope->clause)) {
        const char *plural = clause_name(scope->clause);
        return bind_error(b, node->location, KY_FEATURE_NOT_SUPPORTED,
                          "cannot use subquery in %.*s", (int)strlen(plural) - 1, plural);
    }
    const struct ast_subquery *subquery = (const void *)node;
    struct expr *expr = expr_new(b, EXPR_SUBQUERY, b->type_bool, node->location);
    KY_TRY(bind_select(b, scope, subquery->query, false, &expr->subquery));
    *out = expr;
    if (node->kind == AST_EXISTS) {
        expr->subquery_kind = SUBQUERY_EXISTS;
        return KY_OK;
    }
    if (query_width(expr->subquery) != 1) {
        return bind_error(b, node->location, KY_SYNTAX_ERROR,
                          query_width(expr->subquery) == 0
                              ? "subquery must return a column"
                              : "subquery must return only one column");
    }
    const struct expr *value = expr->subquery->targets[0].expr;
    if (node->kind == AST_SUBQUERY) {
        expr->subquery_kind = SUBQUERY_SCALAR;
        expr->type = value->type;
        expr->typmod = value->typmod;
        return KY_OK;
    }
    expr->subquery_kind = SUBQUERY_ARRAY;
    expr->type = value->type->category == 'A' ? value->type : type_find(value->type->array_oid);
    if (expr->type == NULL) {
        return bind_error(b, node->location, KY_UNDEFINED_OBJECT,
                          "could not find array type for data type %s", value->type->sql_name);
    }
    return KY_OK;
}

/* ---- BETWEEN, LIKE, IS DISTINCT FROM ---- */

static ky_status
between(struct binder *b, struct expr *arg, struct expr *low, struct expr *high, bool is_negated,
        int location, struct expr **out)
{
    struct expr **tests = ky_arena_array(b->arena, struct expr *, 2);
    KY_TRY(compare(b, is_negated ? "<" : ">=", arg, low, location, &tests[0]));
    KY_TRY(compare(b, is_negated ? ">" : "<=", arg, high, location, &tests[1]));
    *out = combine(b, is_negated ? EXPR_OR : EXPR_AND, tests, 2, location);
    return KY_OK;
}

ky_status
bind_between(struct binder *b, struct scope *scope, const struct ast_between *node,
             struct expr **out)
{
    int location = node->node.location;
    struct expr *arg;
    struct expr *low;
    struct expr *high;
    KY_TRY(bind_expr(b, scope, node->arg, &arg));
    KY_TRY(bind_expr(b, scope, node->low, &low));
    KY_TRY(bind_expr(b, scope, node->high, &high));
    KY_TRY(between(b, arg, low, high, node->is_negated, location, out));
    if (node->is_symmetric) {
        struct expr **both = ky_arena_array(b->arena, struct expr *, 2);
        both[0] = *out;
        KY_TRY(between(b, arg, high, low, node->is_negated, location, &both[1]));
        *out = combine(b, node->is_negated ? EXPR_AND : EXPR_OR, both, 2, location);
    }
    return KY_OK;
}

ky_status
bind_like(struct binder *b, struct scope *scope, const struct ast_like *node, struct expr **out)
{
    static const char *const names[3][2] = {{"~~", "!~~"}, {"~~*", "!~~*"}, {"~", "!~"}};
    int location = node->node.location;
    struct expr *arg;
    struct expr *pattern[2];
    KY_TRY(bind_expr(b, scope, node->arg, &arg));
    KY_TRY(bind_expr(b, scope, node->pattern, &pattern[0]));
    int count = 1;
    if (node->escape != NULL) {
        KY_TRY(bind_expr(b, scope, node->escape, &pattern[1]));
        count = 2;
    }
    if (node->type == AST_LIKE_SIMILAR) {
        KY_TRY(make_call(b, scope, "similar_to_escape", pattern, count, location, &pattern[0]));
    } else if (count == 2) {
        KY_TRY(make_call(b, scope, "like_escape", pattern, count, location, &pattern[0]));
    }
    return make_operator(b, NULL, names[node->type][node->is_negated], arg, pattern[0], location,
                         out);
}

static ky_status
make_distinct(struct binder *b, struct expr *left, struct expr *right, bool is_negated,
              int location, struct expr **out)
{
    const struct operator* op;
    const struct type *ignored;
    KY_TRY(resolve_operator(b, NULL, "=", left->type->oid, right->type->oid, location, &op));
    KY_TRY(coerce_operands(b, op, &left, &right, location, &ignored));
    struct expr *expr = expr_with_args(b, EXPR_DISTINCT, b->type_bool, location, 2, left, right);
    expr->func = op->function;
    expr->op = op;
    expr->is_negated = is_negated && !is_written(b);
    *out = is_negated && is_written(b) ? expr_not(b, expr) : expr;
    return KY_OK;
}

ky_status
bind_distinct_from(struct binder *b, struct scope *scope, const struct ast_distinct_from *node,
                   struct expr **out)
{
    int location = node->node.location;
    struct expr *left;
    struct expr *right;
    KY_TRY(bind_expr(b, scope, node->left, &left));
    KY_TRY(bind_expr(b, scope, node->right, &right));
    if (left->kind != EXPR_ROW || right->kind != EXPR_ROW) {
        return make_distinct(b, left, right, node->is_negated, location, out);
    }
    if (left->arg_count != right->arg_count || left->arg_count == 0) {
        return bind_error(b, location, KY_SYNTAX_ERROR,
                          "unequal number of entries in row expressions");
    }
    struct expr **tests = ky_arena_array(b->arena, struct expr *, left->arg_count);
    const bool is_negated_after = is_written(b) && node->is_negated;
    for (uint16_t i = 0; i < left->arg_count; i++) {
        KY_TRY(make_distinct(b, left->args[i], right->args[i],
                             node->is_negated && !is_negated_after, location, &tests[i]));
    }
    if (is_negated_after) {
        *out = expr_not(b, combine(b, EXPR_OR, tests, left->arg_count, location));
        return KY_OK;
    }
    *out = combine(b, node->is_negated ? EXPR_AND : EXPR_OR, tests, left->arg_count, location);
    return KY_OK;
}
