/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/deparse/deparse_private.h"

/*
 * Expressions. In the plain style every operator has parentheses of its own. In the pretty style
 * an operand has them, unless it is known to bind tighter than what is around it: names, calls and
 * casts do; + - * / % among themselves by their two ranks, to the left; comparisons below NOT, AND
 * and OR; AND below OR. All else is in doubt and gets parentheses.
 */

void
dp_open(struct printer *p)
{
    if (!p->style.is_pretty) {
        dp_put(p, "(");
    }
}

void
dp_close(struct printer *p)
{
    if (!p->style.is_pretty) {
        dp_put(p, ")");
    }
}

/* ---- who needs parentheses ---- */

static bool
is_bool(const struct expr *expr)
{
    return expr->kind == EXPR_AND || expr->kind == EXPR_OR || expr->kind == EXPR_NOT;
}

static bool
is_operator(const struct expr *expr)
{
    return expr->kind == EXPR_FUNC && expr->op != NULL;
}

/* 1 for + and -, 2 for * / %, 0 for anything else. */
static int
arithmetic_rank(const struct expr *expr)
{
    if (expr->arg_count != 2 || strlen(expr->op->name) != 1) {
        return 0;
    }
    return strchr("+-", expr->op->name[0]) != NULL    ? 1
           : strchr("*/%", expr->op->name[0]) != NULL ? 2
                                                      : 0;
}

static bool
is_operator_simple(const struct expr *expr, const struct expr *parent)
{
    if (!is_operator(parent)) {
        return is_bool(parent);
    }
    const int rank = arithmetic_rank(expr);
    const int parent_rank = arithmetic_rank(parent);
    if (rank == 0 || parent_rank == 0 || rank < parent_rank) {
        return false;
    }
    return rank > parent_rank || expr == parent->args[0];
}

static bool
is_bool_simple(const struct expr *expr, const struct expr *parent)
{
    if (expr->kind == EXPR_OR) {
        return parent->kind == EXPR_OR;
    }
    return parent->kind == EXPR_AND || parent->kind == EXPR_OR;
}

static bool
is_simple(const struct expr *expr, const struct expr *parent)
{
    if (expr->written != NULL && (expr->written->word != NULL || expr->written->name != NULL)) {
        return true;
    }
    switch (expr->kind) {
    case EXPR_CONST:
    case EXPR_PARAM:
    case EXPR_COLUMN:
    case EXPR_INPUT:
    case EXPR_CASE:
    case EXPR_COALESCE:
    case EXPR_NULLIF:
    case EXPR_MINMAX:
    case EXPR_ARRAY:
    case EXPR_SUBSCRIPT:
    case EXPR_ROW:
    case EXPR_AGGREGATE:
    case EXPR_GROUPING:
    case EXPR_WINDOW:
    case EXPR_SET:
        return true;
    case EXPR_FUNC:
        return expr->op == NULL || is_operator_simple(expr, parent);
    case EXPR_CAST:
    case EXPR_COERCE:
        if (expr->written != NULL && expr->written->collation != NULL) {
            return false;
        }
        return dp_is_cast_function(expr) || is_simple(expr->args[0], expr);
    case EXPR_DOMAIN:
        return true;
    case EXPR_FIELD:
        return parent->kind != EXPR_FIELD;
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
        return is_bool_simple(expr, parent);
    case EXPR_IS_NULL:
    case EXPR_BOOL_TEST:
    case EXPR_DISTINCT:
    case EXPR_SUBQUERY:
        return is_bool(parent);
    case EXPR_ARRAY_OP:
    case EXPR_ROW_COMPARE:
    case EXPR_OUTER:
    case EXPR_ASSIGN:
    case EXPR_DEFAULT:
        return false;
    }
    return false;
}

void
dp_operand(struct printer *p, const struct expr *expr, bool shows_implicit,
           const struct expr *parent)
{
    const bool has_parentheses = p->style.is_pretty && !is_simple(expr, parent);
    dp_put(p, has_parentheses ? "(" : "");
    dp_expr(p, expr, shows_implicit);
    dp_put(p, has_parentheses ? ")" : "");
}

/* ---- the kinds ---- */

void
dp_exprs(struct printer *p, struct expr *const *exprs, uint32_t count, const char *between)
{
    for (uint32_t i = 0; i < count; i++) {
        dp_put(p, i == 0 ? "" : between);
        dp_expr(p, exprs[i], true);
    }
}

static void
print_operator(struct printer *p, const struct expr *expr)
{
    dp_open(p);
    if (expr->arg_count == 2) {
        dp_operand(p, expr->args[0], true, expr);
        dp_put(p, " ");
    }
    dp_put(p, expr->op->name);
    dp_put(p, " ");
    dp_operand(p, expr->args[expr->arg_count - 1], true, expr);
    dp_close(p);
}

static void
print_bool(struct printer *p, const struct expr *expr)
{
    dp_open(p);
    dp_put(p, expr->kind == EXPR_NOT ? "NOT " : "");
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        dp_put(p, i == 0 ? "" : expr->kind == EXPR_AND ? " AND " : " OR ");
        dp_operand(p, expr->args[i], false, expr);
    }
    dp_close(p);
}

static void
print_test(struct printer *p, const struct expr *expr, bool shows_implicit, const char *word)
{
    dp_open(p);
    dp_operand(p, expr->args[0], shows_implicit, expr);
    dp_put(p, expr->is_negated ? " IS NOT " : " IS ");
    dp_put(p, word);
    dp_close(p);
}

static void
print_distinct(struct printer *p, const struct expr *expr)
{
    dp_open(p);
    dp_operand(p, expr->args[0], true, expr);
    dp_put(p, " IS DISTINCT FROM ");
    dp_operand(p, expr->args[1], true, expr);
    dp_close(p);
}

static void
print_case(struct printer *p, const struct expr *expr)
{
    const struct expr *arg = expr->written == NULL ? NULL : expr->written->case_arg;
    const char *between = p->style.is_indented ? "" : " ";
    dp_keyword(p, "CASE", 0, INDENT_ITEM, 0);
    if (arg != NULL) {
        dp_put(p, " ");
        dp_expr(p, arg, true);
    }
    uint16_t i = 0;
    for (; i + 1 < expr->arg_count; i = (uint16_t)(i + 2)) {
        const struct expr *when = expr->args[i];
        if (arg != NULL && is_operator(when) && when->arg_count == 2) {
            when = when->args[1];
        }
        dp_put(p, between);
        dp_keyword(p, "WHEN ", 0, 0, 0);
        dp_expr(p, when, false);
        dp_put(p, " THEN ");
        dp_expr(p, expr->args[i + 1], true);
    }
    dp_put(p, between);
    dp_keyword(p, "ELSE ", 0, 0, 0);
    dp_expr(p, expr->args[i], true);
    dp_put(p, between);
    dp_keyword(p, "END", -INDENT_ITEM, 0, 0);
}

static void
print_list_call(struct printer *p, const char *name, const struct expr *expr)
{
    dp_put(p, name);
    dp_exprs(p, expr->args, expr->arg_count, ", ");
    dp_put(p, ")");
}

static void
print_array_op(struct printer *p, const struct expr *expr)
{
    const struct expr *array = expr->args[1];
    dp_open(p);
    dp_operand(p, expr->args[0], true, expr);
    ky_buffer_printf(p->out, " %s %s (", expr->op->name, expr->is_negated ? "ALL" : "ANY");
    dp_operand(p, array, true, expr);
    if (array->kind == EXPR_SUBQUERY && array->subquery_kind == SUBQUERY_SCALAR) {
        dp_put(p, "::"); /* or it would be read as rows to compare with */
        dp_type(p, array->type, array->typmod);
    }
    dp_put(p, ")");
    dp_close(p);
}

static void
print_array(struct printer *p, const struct expr *expr)
{
    print_list_call(p, "ARRAY[", expr);
    p->out->data[p->out->size - 1] = ']';
    if (expr->arg_count == 0) {
        dp_put(p, "::");
        dp_type(p, expr->type, -1);
    }
}

static void
print_subscript(struct printer *p, const struct expr *expr)
{
    const struct expr *arg = expr->args[0];
    const bool is_bare =
        arg->kind == EXPR_COLUMN || arg->kind == EXPR_INPUT || arg->kind == EXPR_FIELD;
    dp_put(p, is_bare ? "" : "(");
    dp_expr(p, arg, true);
    dp_put(p, is_bare ? "" : ")");
    for (uint16_t i = 1; i < expr->arg_count; i++) {
        const bool is_lower = expr->is_slice && i % 2 == 1;
        dp_put(p, expr->is_slice && !is_lower ? ":" : "[");
        if (expr->args[i] != NULL) {
            dp_expr(p, expr->args[i], false);
        }
        dp_put(p, is_lower ? "" : "]");
    }
}

static void
print_field(struct printer *p, const struct expr *expr)
{
    const struct expr *arg = expr->args[0];
    const bool has_names = (arg->kind == EXPR_SET || arg->kind == EXPR_FUNC) &&
                           arg->func->set != NULL &&
                           (int)expr->index < arg->func->set->column_count;
    if (!has_names) {
        p->is_failed = true;
        return;
    }
    dp_put(p, "(");
    dp_expr(p, arg, true);
    dp_put(p, ").");
    ast_print_identifier(p->out, arg->func->set->column_names[expr->index]);
}

/* A whole row of a subquery or a function is all columns of its table. */
static void
print_row(struct printer *p, const struct expr *expr)
{
    if (expr->field_names == NULL) {
        print_list_call(p, "ROW(", expr);
        return;
    }
    if (expr->arg_count == 0 || expr->args[0]->kind != EXPR_COLUMN) {
        p->is_failed = true;
        return;
    }
    struct expr whole = *expr->args[0];
    whole.column = EXPR_SYSTEM_WHOLE_ROW;
    dp_column(p, &whole);
}

static const char *
row_operator(const struct expr *expr)
{
    return expr->test == 'l' ? "<=" : expr->test == 'g' ? ">=" : expr->test == '<' ? "<" : ">";
}

static void
print_row_compare(struct printer *p, const struct expr *expr)
{
    const uint16_t count = expr->arg_count / 2;
    dp_put(p, "(ROW(");
    dp_exprs(p, expr->args, count, ", ");
    ky_buffer_printf(p->out, ") %s ROW(", row_operator(expr));
    dp_exprs(p, expr->args + count, count, ", ");
    dp_put(p, "))");
}

/* ---- subqueries ---- */

/* The left side of IN and its kind, and the operator. */
static const char *
print_compared(struct printer *p, const struct expr *test)
{
    if (is_operator(test) && test->arg_count == 2) {
        dp_expr(p, test->args[0], true);
        return test->op->name;
    }
    dp_put(p, "(");
    const char *name = NULL;
    if (test->kind == EXPR_ROW_COMPARE) {
        dp_exprs(p, test->args, test->arg_count / 2U, ", ");
        name = row_operator(test);
    } else {
        for (uint16_t i = 0; is_bool(test) && i < test->arg_count; i++) {
            dp_put(p, i == 0 ? "" : ", ");
            if (is_operator(test->args[i])) {
                dp_expr(p, test->args[i]->args[0], true);
                name = test->args[i]->op->name;
            }
        }
    }
    dp_put(p, ")");
    p->is_failed |= name == NULL;
    return name == NULL ? "" : name;
}

static void
print_subquery(struct printer *p, const struct expr *expr)
{
    dp_put(p, expr->subquery_kind == SUBQUERY_ARRAY ? "ARRAY(" : "(");
    bool has_parentheses = true;
    switch (expr->subquery_kind) {
    case SUBQUERY_SCALAR:
    case SUBQUERY_ARRAY:
        has_parentheses = false;
        break;
    case SUBQUERY_EXISTS:
        dp_put(p, "EXISTS ");
        break;
    case SUBQUERY_ANY:
    case SUBQUERY_ALL: {
        const char *name = print_compared(p, expr->any_test);
        const bool is_any = expr->subquery_kind == SUBQUERY_ANY;
        if (expr->written != NULL && expr->written->is_one_row) {
            ky_buffer_printf(p->out, " %s ", name);
        } else if (is_any && strcmp(name, "=") == 0) {
            dp_put(p, " IN ");
        } else {
            ky_buffer_printf(p->out, " %s %s ", name, is_any ? "ANY" : "ALL");
        }
        break;
    }
    }
    dp_put(p, has_parentheses ? "(" : "");
    dp_query(p, expr->subquery, NULL, false);
    dp_put(p, has_parentheses ? "))" : ")");
}

/* ---- all of them ---- */

static void
print_cast_or_arg(struct printer *p, const struct expr *expr, bool shows_implicit)
{
    if (expr->written != NULL && expr->written->collation != NULL) {
        dp_open(p);
        dp_operand(p, expr->args[0], shows_implicit, expr);
        dp_put(p, " COLLATE ");
        ast_print_identifier(p->out, expr->written->collation);
        dp_close(p);
    } else if (expr->is_explicit || shows_implicit) {
        dp_cast(p, expr);
    } else {
        dp_operand(p, expr->args[0], false, expr);
    }
}

static bool
print_as_written(struct printer *p, const struct expr *expr)
{
    const struct expr_written *written = expr->written;
    if (written == NULL || (written->word == NULL && written->name == NULL)) {
        return false;
    }
    if (written->word != NULL) {
        dp_put(p, written->word);
        return true;
    }
    if (written->qualifier != NULL) {
        ast_print_identifier(p->out, written->qualifier);
        dp_put(p, ".");
    }
    ast_print_identifier(p->out, written->name);
    return true;
}

void
dp_expr(struct printer *p, const struct expr *expr, bool shows_implicit)
{
    static const char *const tests[] = {['t'] = "TRUE", ['f'] = "FALSE", ['u'] = "UNKNOWN"};
    if (print_as_written(p, expr)) {
        return;
    }
    switch (expr->kind) {
    case EXPR_CONST:
        dp_const(p, expr, LABEL_WHERE_NEEDED);
        break;
    case EXPR_COLUMN:
    case EXPR_INPUT:
        dp_column(p, expr);
        break;
    case EXPR_FUNC:
    case EXPR_SET:
        if (is_operator(expr)) {
            print_operator(p, expr);
        } else {
            dp_call(p, expr);
        }
        break;
    case EXPR_CAST:
    case EXPR_COERCE:
        print_cast_or_arg(p, expr, shows_implicit);
        break;
    case EXPR_DOMAIN:
        dp_open(p);
        dp_operand(p, expr->args[0], false, expr);
        dp_close(p);
        dp_put(p, "::");
        dp_type(p, type_get(expr->domain), -1);
        break;
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
        print_bool(p, expr);
        break;
    case EXPR_IS_NULL:
        print_test(p, expr, true, "NULL");
        break;
    case EXPR_BOOL_TEST:
        print_test(p, expr, false, tests[(uint8_t)expr->test]);
        break;
    case EXPR_DISTINCT:
        print_distinct(p, expr);
        break;
    case EXPR_CASE:
        print_case(p, expr);
        break;
    case EXPR_COALESCE:
        print_list_call(p, "COALESCE(", expr);
        break;
    case EXPR_NULLIF:
        print_list_call(p, "NULLIF(", expr);
        break;
    case EXPR_MINMAX:
        print_list_call(p, expr->is_negated ? "LEAST(" : "GREATEST(", expr);
        break;
    case EXPR_ARRAY_OP:
        print_array_op(p, expr);
        break;
    case EXPR_ARRAY:
        print_array(p, expr);
        break;
    case EXPR_SUBSCRIPT:
        print_subscript(p, expr);
        break;
    case EXPR_ROW:
        print_row(p, expr);
        break;
    case EXPR_FIELD:
        print_field(p, expr);
        break;
    case EXPR_ROW_COMPARE:
        print_row_compare(p, expr);
        break;
    case EXPR_SUBQUERY:
        print_subquery(p, expr);
        break;
    case EXPR_AGGREGATE:
        dp_aggregate(p, expr);
        break;
    case EXPR_GROUPING:
        print_list_call(p, "GROUPING(", expr);
        break;
    case EXPR_WINDOW:
        dp_window(p, expr);
        break;
    case EXPR_PARAM:
    case EXPR_OUTER:
    case EXPR_ASSIGN: /* stands in UPDATE and INSERT only */
    case EXPR_DEFAULT:
        p->is_failed = true;
        break;
    }
}

bool
deparse_is_call(const struct expr *expr)
{
    switch (expr->kind) {
    case EXPR_FUNC: {
        const bool is_infix = expr->written != NULL && expr->written->is_sql_syntax &&
                              (strcmp(expr->func->name, "timezone") == 0 ||
                               strcmp(expr->func->name, "overlaps") == 0);
        return expr->op == NULL && !is_infix;
    }
    case EXPR_COALESCE:
    case EXPR_NULLIF:
    case EXPR_MINMAX:
        return true;
    default:
        return expr->written != NULL && expr->written->word != NULL;
    }
}

bool
deparse_expr(const struct deparse_context *context, const struct cat_table *table,
             struct deparse_style style, const struct expr *expr, struct ky_buffer *out)
{
    struct printer printer = {.context = context, .style = style, .table = table, .out = out};
    dp_expr(&printer, expr, false);
    return !printer.is_failed;
}
