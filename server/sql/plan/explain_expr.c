/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/explain.h"

/* Plan expressions as SQL, in PostgreSQL's way of writing them: (a = 5), 'x'::text. */

bool
plan_is_init(const struct expr *expr)
{
    return expr->outer_count == 0 &&
           (expr->subquery_kind == SUBQUERY_SCALAR || expr->subquery_kind == SUBQUERY_EXISTS ||
            expr->subquery_kind == SUBQUERY_ARRAY);
}

/* An output column of a node: what it projects, or a column of its input. */
static void print_output(const struct plan *node, uint32_t index, bool is_qualified,
                         struct ky_buffer *out);

static void
print_scan_column(const struct plan *node, uint32_t index, bool is_qualified, struct ky_buffer *out)
{
    static const struct {
        uint16_t column;
        const char *name;
    } system[] = {{EXPR_SYSTEM_CTID, "ctid"},         {EXPR_SYSTEM_XMIN, "xmin"},
                  {EXPR_SYSTEM_TABLEOID, "tableoid"}, {EXPR_SYSTEM_WHOLE_ROW, "*"},
                  {EXPR_SYSTEM_ROW_ID, "ctid"},       {EXPR_SYSTEM_OFFSET, "kyro_offset"},
                  {EXPR_SYSTEM_XMAX, "xmax"},         {EXPR_SYSTEM_CMIN, "cmin"},
                  {EXPR_SYSTEM_CMAX, "cmax"}};
    const char *name = "distance"; /* of a vector scan: the column after the others */
    if (index < node->scan.column_count) {
        const uint16_t column = node->scan.columns[index].column;
        for (size_t i = 0; i < KY_COUNT_OF(system); i++) {
            name = system[i].column == column ? system[i].name : name;
        }
        name =
            column < node->scan.table->column_count ? node->scan.table->columns[column].name : name;
    }
    if (is_qualified && node->alias != NULL) {
        ky_buffer_printf(out, "%s.", node->alias);
    }
    ky_buffer_append_cstr(out, name);
}

static void
print_call_of(const struct plan *below, const struct func *func, struct expr *const *args,
              uint16_t arg_count, bool is_star, struct ky_buffer *out)
{
    ky_buffer_printf(out, "%s(", func->name);
    for (uint16_t i = 0; i < arg_count; i++) {
        ky_buffer_append_cstr(out, i == 0 ? "" : ", ");
        /* Limit: a node whose input is its child's output. */
        const struct plan above = {.kind = PLAN_LIMIT, .left = (struct plan *)(uintptr_t)below};
        plan_print_expr(&above, args[i], out);
    }
    ky_buffer_append_cstr(out, is_star ? "*)" : ")");
}

static void
print_aggregate(const struct plan *node, uint32_t index, struct ky_buffer *out)
{
    const struct plan above = {.kind = PLAN_LIMIT, .left = node->left};
    if (index < node->aggregate.group_count) {
        plan_print_expr(&above, node->aggregate.groups[index], out);
        return;
    }
    index -= node->aggregate.group_count;
    if (index < node->aggregate.call_count) {
        const struct agg_call *call = &node->aggregate.calls[index];
        print_call_of(node->left, call->func, call->args, call->arg_count, call->is_star, out);
        return;
    }
    const struct agg_grouping *grouping =
        &node->aggregate.groupings[index - node->aggregate.call_count];
    for (uint16_t i = 0; i < grouping->key_count; i++) {
        ky_buffer_append_cstr(out, i == 0 ? "GROUPING(" : ", ");
        plan_print_expr(&above, node->aggregate.groups[grouping->keys[i]], out);
    }
    ky_buffer_append_byte(out, ')');
}

/* RETURNING: the table's columns, the row id, then what the child gave. */
static void
print_returned(const struct plan *node, uint32_t index, bool is_qualified, struct ky_buffer *out)
{
    const struct cat_table *table = node->modify.table;
    if (index > table->column_count && node->left != NULL) {
        print_output(node->left, index - table->column_count - 1, is_qualified, out);
        return;
    }
    if (is_qualified) {
        ky_buffer_printf(out, "%s.", node->alias != NULL ? node->alias : table->name);
    }
    ky_buffer_append_cstr(out, index < table->column_count ? table->columns[index].name : "ctid");
}

/* A column of a node's input, as EXPR_INPUT numbers them. */
static void
print_input(const struct plan *node, uint32_t index, bool is_qualified, struct ky_buffer *out)
{
    if (node == NULL) {
        ky_buffer_printf(out, "$%u", index);
        return;
    }
    switch (node->kind) {
    case PLAN_SEQ_SCAN:
    case PLAN_INDEX_SCAN:
    case PLAN_BITMAP_SCAN:
    case PLAN_BITMAP_INDEX:
    case PLAN_CURRENT_OF:
    case PLAN_SYSVIEW_SCAN:
    case PLAN_VECTOR_SCAN:
        print_scan_column(node, index, is_qualified, out);
        return;
    case PLAN_NESTED_LOOP:
    case PLAN_HASH_JOIN:
        if (index < node->left->output_count) {
            print_output(node->left, index, true, out);
        } else {
            print_output(node->right, index - node->left->output_count, true, out);
        }
        return;
    case PLAN_AGGREGATE:
        print_aggregate(node, index, out);
        return;
    case PLAN_INSERT:
    case PLAN_UPDATE:
    case PLAN_DELETE:
    case PLAN_MERGE:
        print_returned(node, index, is_qualified, out);
        return;
    case PLAN_WINDOW:
        if (index >= node->left->output_count) {
            const struct window_call *call = &node->window.calls[index - node->left->output_count];
            print_call_of(node->left, call->func, call->args, call->arg_count, call->is_star, out);
            ky_buffer_append_cstr(out, " OVER (?)");
            return;
        }
        print_output(node->left, index, is_qualified, out);
        return;
    case PLAN_APPEND:
        print_output(node->append.children[0], index, is_qualified, out);
        return;
    case PLAN_CTE_SCAN:
    case PLAN_WORK_TABLE_SCAN:
    case PLAN_VALUES_SCAN:
    case PLAN_FUNCTION_SCAN:
        ky_buffer_printf(out, node->kind == PLAN_VALUES_SCAN ? "%s.column%u" : "%s.c%u",
                         node->alias == NULL ? "" : node->alias, index + 1);
        return;
    default:
        if (node->left != NULL) {
            print_output(node->left, index, is_qualified, out);
        } else {
            ky_buffer_printf(out, "$%u", index);
        }
        return;
    }
}

static void
print_output(const struct plan *node, uint32_t index, bool is_qualified, struct ky_buffer *out)
{
    if (node->project == NULL) {
        print_input(node, index, is_qualified, out);
        return;
    }
    const struct expr *expr = node->project[index];
    if (expr->kind == EXPR_INPUT) {
        print_input(node, expr->index, is_qualified, out);
        return;
    }
    /* Computed below: shown as PostgreSQL shows it, in parentheses of its own. */
    ky_buffer_append_byte(out, '(');
    plan_print_expr(node, expr, out);
    ky_buffer_append_byte(out, ')');
}

void
plan_print_output(const struct plan *node, uint32_t index, struct ky_buffer *out)
{
    if (node->project != NULL) {
        plan_print_expr(node, node->project[index], out);
    } else {
        print_input(node, index, true, out);
    }
}

static void
print_type(const struct plan *node, const struct type *type, int32_t typmod, struct ky_buffer *out)
{
    if (node != NULL && node->is_stored_text) {
        type_format_full(type->oid, typmod, out);
    } else {
        type_format(type->oid, typmod, out);
    }
}

static void
print_const(const struct plan *node, const struct expr *expr, struct ky_buffer *out)
{
    struct ky_arena arena;
    struct type_context context;
    struct ky_buffer text = {0};
    if (expr->value.is_null) {
        ky_buffer_append_cstr(out, "NULL::");
        print_type(node, expr->type, -1, out);
        return;
    }
    ky_arena_init(&arena);
    type_context_init(&context, &arena);
    expr->type->output(expr->type, &context, expr->value, &text);
    if (expr->type->oid == OID_BOOL) {
        ky_buffer_append_cstr(out, expr->value.word != 0 ? "true" : "false");
    } else if (expr->type->oid == OID_INT4 && expr->value.word >= 0) {
        ky_buffer_append_slice(out, ky_buffer_slice(&text));
    } else {
        ky_buffer_append_byte(out, '\'');
        for (size_t i = 0; i < text.size; i++) {
            ky_buffer_append_cstr(out, text.data[i] == '\'' ? "'" : "");
            ky_buffer_append_byte(out, text.data[i]);
        }
        ky_buffer_append_cstr(out, "'::");
        print_type(node, expr->type, expr->typmod, out);
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

static void
print_row_compare(const struct plan *node, const struct expr *expr, struct ky_buffer *out)
{
    const uint16_t count = expr->arg_count / 2;
    const char *op = expr->test == 'l'   ? "<="
                     : expr->test == 'g' ? ">="
                     : expr->test == '<' ? "<"
                                         : ">";
    ky_buffer_append_cstr(out, "(ROW(");
    print_list(node, expr->args, count, ", ", out);
    ky_buffer_printf(out, ") %s ROW(", op);
    print_list(node, expr->args + count, count, ", ", out);
    ky_buffer_append_cstr(out, "))");
}

void
plan_print_expr(const struct plan *node, const struct expr *expr, struct ky_buffer *out)
{
    switch (expr->kind) {
    case EXPR_CONST:
        print_const(node, expr, out);
        break;
    case EXPR_PARAM:
        ky_buffer_printf(out, "$%u", expr->index);
        break;
    case EXPR_INPUT:
        print_input(node, expr->index, false, out);
        break;
    case EXPR_OUTER:
        if (expr->shown != NULL) {
            ky_buffer_append_cstr(out, expr->shown);
        } else {
            ky_buffer_printf(out, "$%u", expr->index);
        }
        break;
    case EXPR_FUNC:
        print_func(node, expr, out);
        break;
    case EXPR_CAST:
    case EXPR_COERCE:
        ky_buffer_append_byte(out, '(');
        plan_print_expr(node, expr->args[0], out);
        ky_buffer_append_cstr(out, ")::");
        print_type(node, expr->type, expr->typmod, out);
        break;
    case EXPR_DOMAIN:
        ky_buffer_append_byte(out, '(');
        plan_print_expr(node, expr->args[0], out);
        ky_buffer_printf(out, ")::%s", expr->constraint->shown);
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
    case EXPR_ASSIGN:
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
        print_row_compare(node, expr, out);
        break;
    case EXPR_SUBQUERY:
        if (plan_is_init(expr)) {
            ky_buffer_printf(out, "$%u", expr->index - 1);
        } else {
            ky_buffer_printf(out, expr->is_hashed ? "(hashed SubPlan %u)" : "(SubPlan %u)",
                             expr->index);
        }
        break;
    case EXPR_AGGREGATE:
    case EXPR_GROUPING:
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
