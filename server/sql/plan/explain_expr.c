/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/catalog.h"
#include "server/sql/plan/plan.h"

/* Plan expressions as SQL, in PostgreSQL's way of writing them: (a = 5), 'x'::text. */

static const char *
node_column(const struct plan *node, uint32_t index, const char **alias_out)
{
    *alias_out = NULL;
    while (node != NULL) {
        switch (node->kind) {
        case PLAN_SEQ_SCAN:
        case PLAN_INDEX_SCAN:
        case PLAN_SYSVIEW_SCAN:
        case PLAN_VECTOR_SCAN:
            if (index < node->scan.column_count &&
                node->scan.columns[index].column < node->scan.table->column_count) {
                *alias_out = node->alias;
                return node->scan.table->columns[node->scan.columns[index].column].name;
            }
            return NULL;
        case PLAN_NESTED_LOOP:
        case PLAN_HASH_JOIN:
            if (index < node->left->output_count) {
                node = node->left;
            } else {
                index -= node->left->output_count;
                node = node->right;
            }
            break;
        case PLAN_SORT:
        case PLAN_TOP_N:
        case PLAN_LIMIT:
        case PLAN_MATERIALIZE:
        case PLAN_UNIQUE:
        case PLAN_LOCK_ROWS:
        case PLAN_AGGREGATE:
        case PLAN_WINDOW:
            node = node->left;
            break;
        default:
            return NULL;
        }
        if (node != NULL && node->project != NULL) {
            if (index >= node->output_count || node->project[index]->kind != EXPR_INPUT) {
                return NULL;
            }
            index = node->project[index]->index;
        }
        if (node != NULL && node->kind == PLAN_AGGREGATE) {
            if (index >= node->aggregate.group_count ||
                node->aggregate.groups[index]->kind != EXPR_INPUT) {
                return NULL;
            }
            index = node->aggregate.groups[index]->index;
        }
    }
    return NULL;
}

static void
print_input(const struct plan *node, uint32_t index, struct ky_buffer *out)
{
    const char *alias;
    const char *name = node_column(node, index, &alias);
    bool is_join = node != NULL && (node->kind == PLAN_NESTED_LOOP || node->kind == PLAN_HASH_JOIN);
    if (name == NULL) {
        ky_buffer_printf(out, "$%u", index);
    } else if (is_join && alias != NULL) {
        ky_buffer_printf(out, "%s.%s", alias, name);
    } else {
        ky_buffer_append_cstr(out, name);
    }
}

static void
print_const(const struct expr *expr, struct ky_buffer *out)
{
    struct ky_arena arena;
    struct type_context context;
    struct ky_buffer text = {0};
    if (expr->value.is_null) {
        ky_buffer_printf(out, "NULL::%s", expr->type->sql_name);
        return;
    }
    ky_arena_init(&arena);
    type_context_init(&context, &arena);
    expr->type->output(expr->type, &context, expr->value, &text);
    bool is_bare = expr->type->oid == OID_INT4 || expr->type->oid == OID_BOOL;
    if (is_bare) {
        ky_buffer_append_slice(out, ky_buffer_slice(&text));
    } else {
        ky_buffer_append_byte(out, '\'');
        for (size_t i = 0; i < text.size; i++) {
            ky_buffer_append_cstr(out, text.data[i] == '\'' ? "'" : "");
            ky_buffer_append_byte(out, text.data[i]);
        }
        ky_buffer_append_cstr(out, "'::");
        type_format(expr->type->oid, expr->typmod, out);
    }
    ky_buffer_deinit(&text);
    ky_arena_deinit(&arena);
}

static void
print_list(const struct plan *node, struct expr *const *args, uint32_t count, const char *between,
           struct ky_buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        ky_buffer_append_cstr(out, i == 0 ? "" : between);
        plan_print_expr(node, args[i], out);
    }
}

static void
print_func(const struct plan *node, const struct expr *expr, struct ky_buffer *out)
{
    if (expr->op != NULL && expr->arg_count == 2) {
        ky_buffer_append_byte(out, '(');
        plan_print_expr(node, expr->args[0], out);
        ky_buffer_printf(out, " %s ", expr->op->name);
        plan_print_expr(node, expr->args[1], out);
        ky_buffer_append_byte(out, ')');
        return;
    }
    if (expr->op != NULL && expr->arg_count == 1) {
        ky_buffer_printf(out, "(%s ", expr->op->name);
        plan_print_expr(node, expr->args[0], out);
        ky_buffer_append_byte(out, ')');
        return;
    }
    ky_buffer_printf(out, "%s(", expr->func->name);
    print_list(node, expr->args, expr->arg_count, ", ", out);
    ky_buffer_append_byte(out, ')');
}

static void
print_case(const struct plan *node, const struct expr *expr, struct ky_buffer *out)
{
    ky_buffer_append_cstr(out, "CASE");
    uint16_t i = 0;
    for (; i + 1 < expr->arg_count; i = (uint16_t)(i + 2)) {
        ky_buffer_append_cstr(out, " WHEN ");
        plan_print_expr(node, expr->args[i], out);
        ky_buffer_append_cstr(out, " THEN ");
        plan_print_expr(node, expr->args[i + 1], out);
    }
    ky_buffer_append_cstr(out, " ELSE ");
    plan_print_expr(node, expr->args[i], out);
    ky_buffer_append_cstr(out, " END");
}

static void
print_postfix(const struct plan *node, const struct expr *expr, const char *word,
              struct ky_buffer *out)
{
    ky_buffer_append_byte(out, '(');
    plan_print_expr(node, expr->args[0], out);
    ky_buffer_printf(out, " %s)", word);
}

static void
print_bool_test(const struct plan *node, const struct expr *expr, struct ky_buffer *out)
{
    const char *word = expr->test == 't'   ? (expr->is_negated ? "IS NOT TRUE" : "IS TRUE")
                       : expr->test == 'f' ? (expr->is_negated ? "IS NOT FALSE" : "IS FALSE")
                                           : (expr->is_negated ? "IS NOT UNKNOWN" : "IS UNKNOWN");
    print_postfix(node, expr, word, out);
}

static void
print_call(const struct plan *node, const struct expr *expr, const char *name,
           struct ky_buffer *out)
{
    ky_buffer_printf(out, "%s(", name);
    print_list(node, expr->args, expr->arg_count, ", ", out);
    ky_buffer_append_byte(out, ')');
}

void
plan_print_expr(const struct plan *node, const struct expr *expr, struct ky_buffer *out)
{
    switch (expr->kind) {
    case EXPR_CONST:
        print_const(expr, out);
        break;
    case EXPR_PARAM:
        ky_buffer_printf(out, "$%u", expr->index);
        break;
    case EXPR_INPUT:
        print_input(node, expr->index, out);
        break;
    case EXPR_OUTER:
        ky_buffer_printf(out, "$%u", expr->index);
        break;
    case EXPR_FUNC:
        print_func(node, expr, out);
        break;
    case EXPR_CAST:
    case EXPR_COERCE:
        ky_buffer_append_byte(out, '(');
        plan_print_expr(node, expr->args[0], out);
        ky_buffer_append_cstr(out, ")::");
        type_format(expr->type->oid, expr->typmod, out);
        break;
    case EXPR_AND:
    case EXPR_OR:
        ky_buffer_append_byte(out, '(');
        print_list(node, expr->args, expr->arg_count, expr->kind == EXPR_AND ? " AND " : " OR ",
                   out);
        ky_buffer_append_byte(out, ')');
        break;
    case EXPR_NOT:
        ky_buffer_append_cstr(out, "(NOT ");
        plan_print_expr(node, expr->args[0], out);
        ky_buffer_append_byte(out, ')');
        break;
    case EXPR_IS_NULL:
        print_postfix(node, expr, expr->is_negated ? "IS NOT NULL" : "IS NULL", out);
        break;
    case EXPR_BOOL_TEST:
        print_bool_test(node, expr, out);
        break;
    case EXPR_DISTINCT:
        ky_buffer_append_byte(out, '(');
        print_list(node, expr->args, 2,
                   expr->is_negated ? " IS NOT DISTINCT FROM " : " IS DISTINCT FROM ", out);
        ky_buffer_append_byte(out, ')');
        break;
    case EXPR_CASE:
        print_case(node, expr, out);
        break;
    case EXPR_COALESCE:
        print_call(node, expr, "COALESCE", out);
        break;
    case EXPR_NULLIF:
        print_call(node, expr, "NULLIF", out);
        break;
    case EXPR_MINMAX:
        print_call(node, expr, expr->is_negated ? "LEAST" : "GREATEST", out);
        break;
    case EXPR_ARRAY_OP:
        ky_buffer_append_byte(out, '(');
        plan_print_expr(node, expr->args[0], out);
        ky_buffer_printf(out, " %s %s (", expr->op == NULL ? "=" : expr->op->name,
                         expr->is_negated ? "ALL" : "ANY");
        plan_print_expr(node, expr->args[1], out);
        ky_buffer_append_cstr(out, "))");
        break;
    case EXPR_ARRAY:
        ky_buffer_append_cstr(out, "ARRAY[");
        print_list(node, expr->args, expr->arg_count, ", ", out);
        ky_buffer_append_byte(out, ']');
        break;
    case EXPR_SUBSCRIPT:
        plan_print_expr(node, expr->args[0], out);
        ky_buffer_append_cstr(out, "[...]");
        break;
    case EXPR_ROW:
        print_call(node, expr, "ROW", out);
        break;
    case EXPR_FIELD:
        plan_print_expr(node, expr->args[0], out);
        ky_buffer_printf(out, ".f%u", expr->index + 1);
        break;
    case EXPR_ROW_COMPARE:
        print_call(node, expr, "ROW", out);
        break;
    case EXPR_SUBQUERY:
        ky_buffer_append_cstr(out, expr->is_hashed ? "(hashed SubPlan)" : "(SubPlan)");
        break;
    case EXPR_AGGREGATE:
    case EXPR_WINDOW:
    case EXPR_SET:
        print_func(node, expr, out);
        break;
    case EXPR_COLUMN:
    case EXPR_DEFAULT:
        ky_buffer_append_cstr(out, "?");
        break;
    }
}
