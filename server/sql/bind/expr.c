/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/* Expressions: one function per kind of syntax node, the simple ones here. */

const char *
clause_name(enum clause clause)
{
    switch (clause) {
    case CLAUSE_NONE:
        return "FROM clause of their own query level";
    case CLAUSE_TARGET:
    case CLAUSE_ORDER:
    case CLAUSE_DISTINCT_ON:
        return "this place";
    case CLAUSE_WHERE:
        return "WHERE";
    case CLAUSE_ON:
        return "JOIN conditions";
    case CLAUSE_FROM_FUNCTION:
        return "functions in FROM";
    case CLAUSE_GROUP:
        return "GROUP BY";
    case CLAUSE_HAVING:
        return "HAVING";
    case CLAUSE_LIMIT:
        return "LIMIT";
    case CLAUSE_OFFSET:
        return "OFFSET";
    case CLAUSE_FILTER:
        return "FILTER";
    case CLAUSE_WINDOW:
        return "window definitions";
    case CLAUSE_FRAME:
        return "window ROWS";
    case CLAUSE_VALUES:
        return "VALUES";
    case CLAUSE_UPDATE:
        return "UPDATE";
    case CLAUSE_MERGE_WHEN:
        return "MERGE WHEN conditions";
    case CLAUSE_RETURNING:
        return "RETURNING";
    case CLAUSE_CHECK:
        return "check constraints";
    case CLAUSE_GENERATED:
        return "column generation expressions";
    case CLAUSE_INDEX_EXPRESSION:
        return "index expressions";
    case CLAUSE_INDEX_PREDICATE:
        return "index predicates";
    case CLAUSE_USING:
        return "transform expressions";
    case CLAUSE_DEFAULT:
        return "DEFAULT expressions";
    case CLAUSE_EXECUTE:
        return "EXECUTE parameters";
    }
    return "this place";
}

bool
clause_is_rule(enum clause clause)
{
    return clause == CLAUSE_CHECK || clause == CLAUSE_GENERATED ||
           clause == CLAUSE_INDEX_EXPRESSION || clause == CLAUSE_INDEX_PREDICATE ||
           clause == CLAUSE_USING || clause == CLAUSE_DEFAULT;
}

static ky_status
bind_numeric_text(struct binder *b, const char *text, int location, struct expr **out)
{
    const struct type *type = type_get(OID_NUMERIC);
    struct type_context types = b->context->env->types;
    types.arena = b->arena;
    struct datum value;
    if (type->input(type, &types, ky_slice_cstr(text), -1, &value, b->err) != KY_OK) {
        return bind_error_at(b, location);
    }
    *out = expr_const(b, type, value, location);
    return KY_OK;
}

static ky_status
bind_bits(struct binder *b, const struct ast_const *node, struct expr **out)
{
    const struct type *type = type_find(OID_BIT);
    if (type == NULL || type->input == NULL) {
        return bind_error(b, node->node.location, KY_FEATURE_NOT_SUPPORTED,
                          "bit strings are not supported");
    }
    const char *text =
        ky_arena_printf(b->arena, "%c%s", node->type == AST_CONST_BIT ? 'b' : 'x', node->text);
    struct type_context types = b->context->env->types;
    types.arena = b->arena;
    struct datum value;
    if (type->input(type, &types, ky_slice_cstr(text), -1, &value, b->err) != KY_OK) {
        return bind_error_at(b, node->node.location);
    }
    *out = expr_const(b, type, value, node->node.location);
    return KY_OK;
}

static ky_status
bind_const(struct binder *b, const struct ast_const *node, struct expr **out)
{
    int location = node->node.location;
    switch (node->type) {
    case AST_CONST_NULL:
        *out = expr_const(b, b->type_unknown, datum_null(), location);
        return KY_OK;
    case AST_CONST_BOOL:
        *out = expr_const(b, b->type_bool, datum_word(node->boolean), location);
        return KY_OK;
    case AST_CONST_INTEGER: {
        bool is_small = node->integer >= INT32_MIN && node->integer <= INT32_MAX;
        *out = expr_const(b, type_get(is_small ? OID_INT4 : OID_INT8), datum_word(node->integer),
                          location);
        return KY_OK;
    }
    case AST_CONST_NUMERIC:
        return bind_numeric_text(b, node->text, location, out);
    case AST_CONST_STRING:
        *out = expr_const(b, b->type_unknown, datum_cstr(node->text), location);
        (*out)->source = node;
        return KY_OK;
    case AST_CONST_BIT:
    case AST_CONST_HEX_BIT:
        return bind_bits(b, node, out);
    }
    return KY_OK;
}

static ky_status
bind_param(struct binder *b, const struct ast_param *node, struct expr **out)
{
    struct bind_context *context = b->context;
    int location = node->node.location;
    uint16_t limit = context->can_infer_params ? context->param_capacity : context->param_count;
    if (node->number < 1 || node->number > limit) {
        return bind_error(b, location, KY_UNDEFINED_PARAMETER, "there is no parameter $%d",
                          node->number);
    }
    if (node->number > context->param_count) {
        for (int i = context->param_count; i < node->number; i++) {
            context->param_types[i] = OID_NONE;
        }
        context->param_count = (uint16_t)node->number;
    }
    oid_t known = context->param_types[node->number - 1];
    const struct cat_type *domain =
        cat_get_domain(b->image, known) == NULL ? NULL : cat_get_type(b->image, known);
    if (domain != NULL) { /* its values come and are shown as the base type's */
        known = domain->domain->base_oid;
    }
    const struct type *type = known == OID_NONE ? b->type_unknown : type_find(known);
    if (type == NULL) {
        return bind_error(b, location, KY_UNDEFINED_OBJECT, "type with OID %u does not exist",
                          known);
    }
    struct expr *expr = expr_new(b, EXPR_PARAM, type, location);
    expr->index = (uint32_t)node->number;
    if (expr_is_unknown(expr)) {
        struct unknown_param *unknown = ky_arena_new(b->arena, struct unknown_param);
        unknown->expr = expr;
        unknown->next = b->unknown_params;
        b->unknown_params = unknown;
    }
    *out = expr;
    return domain == NULL ? KY_OK : bind_domain(b, domain, expr, out);
}

static bool
is_null_literal(const struct ast_node *node)
{
    return node->kind == AST_CONST &&
           ((const struct ast_const *)(const void *)node)->type == AST_CONST_NULL;
}

static ky_status
bind_elements(struct binder *b, struct scope *scope, const struct ast_list *list,
              struct expr ***out)
{
    int32_t count = ast_list_count(list);
    *out = ky_arena_array(b->arena, struct expr *, (size_t)count + 1);
    for (int32_t i = 0; i < count; i++) {
        KY_TRY(bind_expr(b, scope, ast_list_get(list, i), &(*out)[i]));
    }
    return KY_OK;
}

/* (a, b) = (1, 2), and (a, b) = (SELECT ..). */
static ky_status
bind_row_comparison(struct binder *b, struct scope *scope, const struct ast_operator *node,
                    struct expr **out)
{
    const struct ast_row *left = (const void *)node->left;
    struct expr **left_args;
    KY_TRY(bind_elements(b, scope, left->elements, &left_args));
    int count = ast_list_count(left->elements);
    if (node->right->kind == AST_SUBQUERY) {
        struct expr *subquery = NULL;
        const struct ast_subquery *right = (const void *)node->right;
        struct ast_any_all any = {.node = node->node,
                                  .schema = node->schema,
                                  .name = node->name,
                                  .left = node->left,
                                  .query = right->query};
        any.node.kind = AST_ANY_ALL;
        KY_TRY(bind_any_all(b, scope, &any, &subquery));
        if (is_written(b)) {
            expr_written_of(b, subquery)->is_one_row = true;
        }
        *out = subquery;
        return KY_OK;
    }
    const struct ast_row *right = (const void *)node->right;
    struct expr **right_args;
    KY_TRY(bind_elements(b, scope, right->elements, &right_args));
    if (count != ast_list_count(right->elements)) {
        return bind_error(b, node->node.location, KY_SYNTAX_ERROR,
                          "unequal number of entries in row expressions");
    }
    return bind_row_operator(b, node->schema, node->name, left_args, right_args, count,
                             node->node.location, out);
}

static ky_status
bind_operator(struct binder *b, struct scope *scope, const struct ast_operator *node,
              struct expr **out)
{
    int location = node->node.location;
    if (node->left != NULL && node->left->kind == AST_ROW &&
        (node->right->kind == AST_ROW || node->right->kind == AST_SUBQUERY)) {
        return bind_row_comparison(b, scope, node, out);
    }
    struct expr *left = NULL;
    struct expr *right;
    if (node->left != NULL) {
        KY_TRY(bind_expr(b, scope, node->left, &left));
    }
    KY_TRY(bind_expr(b, scope, node->right, &right));
    return make_operator(b, node->schema, node->name, left, right, location, out);
}

static ky_status
bind_bool(struct binder *b, struct scope *scope, const struct ast_bool *node, struct expr **out)
{
    static const char *const names[] = {[AST_AND] = "AND", [AST_OR] = "OR", [AST_NOT] = "NOT"};
    static const enum expr_kind kinds[] = {
        [AST_AND] = EXPR_AND, [AST_OR] = EXPR_OR, [AST_NOT] = EXPR_NOT};
    if (ast_list_count(node->args) > UINT16_MAX) {
        return bind_error(b, node->node.location, KY_STATEMENT_TOO_COMPLEX,
                          "too many terms in one condition");
    }
    struct expr *expr = expr_new(b, kinds[node->type], b->type_bool, node->node.location);
    expr->arg_count = (uint16_t)ast_list_count(node->args);
    KY_TRY(bind_elements(b, scope, node->args, &expr->args));
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        KY_TRY(coerce_boolean(b, expr->args[i], names[node->type], &expr->args[i]));
    }
    *out = fold(b, expr);
    return KY_OK;
}

static ky_status
bind_is_test(struct binder *b, struct scope *scope, const struct ast_is_test *node,
             struct expr **out)
{
    int location = node->node.location;
    struct expr *arg;
    KY_TRY(bind_expr(b, scope, node->arg, &arg));
    if (node->type != AST_IS_NULL) {
        static const char *const names[2][4] = {
            {"", "IS TRUE", "IS FALSE", "IS UNKNOWN"},
            {"", "IS NOT TRUE", "IS NOT FALSE", "IS NOT UNKNOWN"}};
        KY_TRY(coerce_boolean(b, arg, names[node->is_negated][node->type], &arg));
        *out = expr_with_args(b, EXPR_BOOL_TEST, b->type_bool, location, 1, arg);
        (*out)->test = "ntfu"[node->type];
        (*out)->is_negated = node->is_negated;
        return KY_OK;
    }
    if (arg->kind == EXPR_ROW && arg->arg_count > 0 && !is_written(b)) {
        /* A row is null when all of it is, and not null when none of it is. */
        struct expr *all = expr_new(b, EXPR_AND, b->type_bool, location);
        all->args = ky_arena_array(b->arena, struct expr *, arg->arg_count);
        all->arg_count = arg->arg_count;
        for (uint16_t i = 0; i < arg->arg_count; i++) {
            all->args[i] = expr_with_args(b, EXPR_IS_NULL, b->type_bool, location, 1, arg->args[i]);
            all->args[i]->is_negated = node->is_negated;
        }
        *out = all->arg_count == 1 ? all->args[0] : fold(b, all);
        return KY_OK;
    }
    *out = expr_with_args(b, EXPR_IS_NULL, b->type_bool, location, 1, arg);
    (*out)->is_negated = node->is_negated;
    *out = fold(b, *out);
    return KY_OK;
}

static ky_status
bind_case(struct binder *b, struct scope *scope, const struct ast_case *node, struct expr **out)
{
    int location = node->node.location;
    int when_count = ast_list_count(node->whens);
    struct expr *arg = NULL;
    if (node->arg != NULL) {
        KY_TRY(bind_expr(b, scope, node->arg, &arg));
        KY_TRY(resolve_unknown(b, arg, &arg));
    }
    struct expr *expr = expr_new(b, EXPR_CASE, NULL, location);
    expr->arg_count = (uint16_t)(2 * when_count + 1);
    expr->args = ky_arena_array(b->arena, struct expr *, expr->arg_count);
    /* PostgreSQL lets ELSE decide first. */
    struct expr **results = ky_arena_array(b->arena, struct expr *, (size_t)when_count + 1);
    for (int i = 0; i < when_count; i++) {
        const struct ast_when *when = (const void *)ast_list_get(node->whens, i);
        struct expr *condition;
        KY_TRY(bind_expr(b, scope, when->condition, &condition));
        if (arg != NULL) {
            KY_TRY(make_operator(b, NULL, "=", arg, condition, when->node.location, &condition));
        }
        KY_TRY(coerce_boolean(b, condition, "CASE/WHEN", &expr->args[(size_t)2 * (size_t)i]));
        KY_TRY(bind_expr(b, scope, when->result, &results[i + 1]));
    }
    if (node->otherwise != NULL) {
        KY_TRY(bind_expr(b, scope, node->otherwise, &results[0]));
    } else {
        results[0] = expr_const(b, b->type_unknown, datum_null(), -1);
    }
    KY_TRY(common_type(b, results, when_count + 1, "CASE", &expr->type));
    for (int i = 0; i <= when_count; i++) {
        int place = i == 0 ? 2 * when_count : 2 * i - 1;
        KY_TRY(coerce_common(b, results[i], expr->type, i == 0 ? "CASE/ELSE" : "CASE/WHEN",
                             &expr->args[place]));
    }
    expr->typmod = common_typmod(expr->args + 2 * when_count, 1, expr->type);
    for (int i = 0; i < when_count; i++) {
        if (expr->args[2 * i + 1]->typmod != expr->typmod) {
            expr->typmod = -1;
        }
    }
    if (arg != NULL && is_written(b)) {
        expr_written_of(b, expr)->case_arg = arg;
    }
    *out = expr;
    return KY_OK;
}

static ky_status
bind_minmax(struct binder *b, struct scope *scope, const struct ast_minmax *node, struct expr **out)
{
    static const char *const names[] = {
        [AST_COALESCE] = "COALESCE", [AST_GREATEST] = "GREATEST", [AST_LEAST] = "LEAST"};
    const char *name = names[node->type];
    struct expr *expr = expr_new(b, node->type == AST_COALESCE ? EXPR_COALESCE : EXPR_MINMAX, NULL,
                                 node->node.location);
    expr->arg_count = (uint16_t)ast_list_count(node->args);
    KY_TRY(bind_elements(b, scope, node->args, &expr->args));
    KY_TRY(common_type(b, expr->args, expr->arg_count, name, &expr->type));
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        KY_TRY(coerce_common(b, expr->args[i], expr->type, name, &expr->args[i]));
    }
    expr->typmod = common_typmod(expr->args, expr->arg_count, expr->type);
    expr->is_negated = node->type == AST_LEAST;
    if (expr->kind == EXPR_MINMAX && expr->type->compare == NULL) {
        return bind_error(b, node->node.location, KY_UNDEFINED_FUNCTION,
                          "could not identify a comparison function for type %s",
                          expr->type->sql_name);
    }
    *out = expr;
    return KY_OK;
}

static ky_status
bind_nullif(struct binder *b, struct scope *scope, const struct ast_nullif *node, struct expr **out)
{
    struct expr *left;
    struct expr *right;
    KY_TRY(bind_expr(b, scope, node->left, &left));
    KY_TRY(bind_expr(b, scope, node->right, &right));
    const struct operator* op;
    const struct type *ignored;
    KY_TRY(resolve_operator(b, NULL, "=", left->type->oid, right->type->oid, node->node.location,
                            &op));
    KY_TRY(coerce_operands(b, op, &left, &right, node->node.location, &ignored));
    *out = expr_with_args(b, EXPR_NULLIF, left->type, node->node.location, 2, left, right);
    (*out)->func = op->function;
    (*out)->op = op;
    return KY_OK;
}

ky_status
bind_cast(struct binder *b, struct scope *scope, const struct ast_cast *node, struct expr **out)
{
    const struct type *type;
    int32_t typmod;
    KY_TRY(bind_type(b, node->type, &type, &typmod));
    const struct cat_type *domain = b->context->found_domain;
    struct expr *arg;
    if (node->arg->kind == AST_ARRAY && type->element_oid != OID_NONE) {
        KY_TRY(bind_array(b, scope, (const void *)node->arg, type, &arg));
    } else {
        KY_TRY(bind_expr(b, scope, node->arg, &arg));
    }
    int location = node->node.location;
    KY_TRY(
        coerce(b, arg, type, typmod, CAST_EXPLICIT, location < 0 ? arg->location : location, out));
    if (domain != NULL) {
        return bind_domain(b, domain, *out, out);
    }
    if ((*out)->domain != OID_NONE && !is_written(b)) { /* of a domain over int, x::int is none */
        struct expr *bare = ky_arena_new(b->arena, struct expr);
        *bare = **out;
        bare->domain = OID_NONE;
        *out = bare;
    }
    return KY_OK;
}

static ky_status
bind_collate(struct binder *b, struct scope *scope, const struct ast_collate *node,
             struct expr **out)
{
    static const char *const known[] = {"default", "C", "POSIX", "ucs_basic"};
    const char *name = ast_name_last(node->names);
    bool is_known = false;
    for (size_t i = 0; i < KY_COUNT_OF(known); i++) {
        is_known |= strcmp(known[i], name) == 0;
    }
    if (!is_known) {
        return bind_error(b, node->node.location, KY_UNDEFINED_OBJECT,
                          "collation \"%s\" for encoding \"UTF8\" does not exist", name);
    }
    KY_TRY(bind_expr(b, scope, node->arg, out));
    KY_TRY(resolve_unknown(b, *out, out));
    if ((*out)->type->collation == 0 && (*out)->type->category != 'A') {
        return bind_error(b, node->node.location, KY_DATATYPE_MISMATCH,
                          "collations are not supported by type %s", (*out)->type->sql_name);
    }
    if (is_written(b)) {
        struct expr *collated =
            expr_with_args(b, EXPR_COERCE, (*out)->type, node->node.location, 1, *out);
        collated->typmod = (*out)->typmod;
        expr_written_of(b, collated)->collation = name;
        *out = collated;
    }
    return KY_OK;
}

static bool
is_star(const struct ast_node *node)
{
    const struct ast_column_ref *ref = (const void *)node;
    const struct ast_indirection *path = (const void *)node;
    const struct ast_list *steps = node->kind == AST_COLUMN_REF    ? ref->names
                                   : node->kind == AST_INDIRECTION ? path->steps
                                                                   : NULL;
    return ast_list_count(steps) > 0 && steps->items[steps->count - 1]->kind == AST_STAR;
}

/* ROW(t.*, 1): the columns of t, as in a target list. */
static ky_status
bind_starred(struct binder *b, struct scope *scope, const struct ast_row *node, struct expr *row)
{
    const int32_t count = ast_list_count(node->elements);
    struct ast_list list = {.count = count, .capacity = count};
    struct target *targets;
    list.items = ky_arena_array(b->arena, struct ast_node *, (size_t)count);
    for (int32_t i = 0; i < count; i++) {
        struct ast_target *target = ky_arena_new(b->arena, struct ast_target);
        target->node = (struct ast_node){.kind = AST_TARGET, .location = -1};
        target->expression = ast_list_get(node->elements, i);
        list.items[i] = &target->node;
    }
    KY_TRY(bind_targets(b, scope, &list, scope->clause, &targets, &row->arg_count));
    row->args = ky_arena_array(b->arena, struct expr *, (size_t)row->arg_count + 1);
    for (uint16_t i = 0; i < row->arg_count; i++) {
        row->args[i] = targets[i].expr;
    }
    return KY_OK;
}

static ky_status
bind_row(struct binder *b, struct scope *scope, const struct ast_row *node, struct expr **out)
{
    struct expr *row = expr_new(b, EXPR_ROW, type_get(OID_RECORD), node->node.location);
    row->arg_count = (uint16_t)ast_list_count(node->elements);
    for (int32_t i = 0; scope->query != NULL && i < ast_list_count(node->elements); i++) {
        if (is_star(ast_list_get(node->elements, i))) {
            *out = row;
            return bind_starred(b, scope, node, row);
        }
    }
    KY_TRY(bind_elements(b, scope, node->elements, &row->args));
    for (uint16_t i = 0; i < row->arg_count; i++) {
        KY_TRY(resolve_unknown(b, row->args[i], &row->args[i]));
    }
    *out = row;
    return KY_OK;
}

ky_status
bind_expr(struct binder *b, struct scope *scope, const struct ast_node *node, struct expr **out)
{
    int location = node->location;
    switch (node->kind) {
    case AST_CONST:
        return bind_const(b, (const void *)node, out);
    case AST_COLUMN_REF:
        return bind_column_ref(b, scope, (const void *)node, out);
    case AST_PARAM:
        return bind_param(b, (const void *)node, out);
    case AST_OPERATOR:
        return bind_operator(b, scope, (const void *)node, out);
    case AST_BOOL:
        return bind_bool(b, scope, (const void *)node, out);
    case AST_IS_TEST:
        return bind_is_test(b, scope, (const void *)node, out);
    case AST_DISTINCT_FROM: {
        const struct ast_distinct_from *test = (const void *)node;
        if (is_null_literal(test->right) || is_null_literal(test->left)) {
            struct ast_is_test is_null = {.node = *node, .type = AST_IS_NULL};
            is_null.is_negated = !test->is_negated;
            is_null.arg = is_null_literal(test->right) ? test->left : test->right;
            return bind_is_test(b, scope, &is_null, out);
        }
        return bind_distinct_from(b, scope, test, out);
    }
    case AST_BETWEEN:
        return bind_between(b, scope, (const void *)node, out);
    case AST_IN:
        return bind_in(b, scope, (const void *)node, out);
    case AST_LIKE:
        return bind_like(b, scope, (const void *)node, out);
    case AST_ANY_ALL:
        return bind_any_all(b, scope, (const void *)node, out);
    case AST_EXISTS:
    case AST_SUBQUERY:
    case AST_ARRAY_QUERY:
        return bind_subquery_expr(b, scope, node, out);
    case AST_ARRAY:
        return bind_array(b, scope, (const void *)node, NULL, out);
    case AST_ROW:
        return bind_row(b, scope, (const void *)node, out);
    case AST_CASE:
        return bind_case(b, scope, (const void *)node, out);
    case AST_CAST:
        return bind_cast(b, scope, (const void *)node, out);
    case AST_COLLATE:
        return bind_collate(b, scope, (const void *)node, out);
    case AST_MINMAX:
        return bind_minmax(b, scope, (const void *)node, out);
    case AST_NULLIF:
        return bind_nullif(b, scope, (const void *)node, out);
    case AST_FUNCTION_CALL:
        return bind_call(b, scope, (const void *)node, out);
    case AST_CURRENT_VALUE:
        return bind_current_value(b, scope, (const void *)node, out);
    case AST_VECTOR:
        return bind_vector(b, scope, (const void *)node, out);
    case AST_INDIRECTION:
        return bind_indirection(b, scope, (const void *)node, out);
    case AST_DEFAULT:
        return bind_error(b, location, KY_SYNTAX_ERROR, "DEFAULT is not allowed in this context");
    case AST_GROUPING:
        return bind_grouping(b, scope, (const void *)node, out);
    default:
        return bind_error(b, location, KY_SYNTAX_ERROR, "an expression was expected here");
    }
}

ky_status
bind_expr_in(struct binder *b, struct scope *scope, enum clause clause, const struct ast_node *node,
             struct expr **out)
{
    enum clause saved = scope->clause;
    scope->clause = clause;
    ky_status status = bind_expr(b, scope, node, out);
    scope->clause = saved;
    return status;
}

ky_status
bind_condition(struct binder *b, struct scope *scope, enum clause clause, const char *construct,
               const struct ast_node *node, struct expr **out)
{
    struct expr *expr;
    KY_TRY(bind_expr_in(b, scope, clause, node, &expr));
    return coerce_boolean(b, expr, construct, out);
}
