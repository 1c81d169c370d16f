/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "parser/parser.h"
#include "server/sql/deparse/deparse_private.h"

/* Calls: of functions, also in SQL's own spellings, of aggregates and in windows. */

/* ---- EXTRACT(year FROM x) and its kind ---- */

static void
print_parts(struct printer *p, const struct expr *expr, const char *const *words)
{
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        dp_put(p, words[i]);
        dp_expr(p, expr->args[i], false);
    }
    dp_put(p, ")");
}

static void
print_extract(struct printer *p, const struct expr *expr)
{
    const struct ky_slice field = expr->args[0]->value.bytes;
    dp_put(p, "EXTRACT(");
    ky_buffer_append_slice(p->out, field);
    dp_put(p, " FROM ");
    dp_expr(p, expr->args[1], false);
    dp_put(p, ")");
}

static void
print_trim(struct printer *p, const struct expr *expr)
{
    const char side = expr->func->name[0];
    dp_put(p, side == 'b' ? "TRIM(BOTH" : side == 'l' ? "TRIM(LEADING" : "TRIM(TRAILING");
    if (expr->arg_count > 1) {
        dp_put(p, " ");
        dp_expr(p, expr->args[1], false);
    }
    dp_put(p, " FROM ");
    dp_expr(p, expr->args[0], false);
    dp_put(p, ")");
}

static bool
print_sql_syntax(struct printer *p, const struct expr *expr)
{
    static const struct {
        const char *name;
        const char *words[4];
    } forms[] = {{"overlay", {"OVERLAY(", " PLACING ", " FROM ", " FOR "}},
                 {"substring", {"SUBSTRING(", " FROM ", " FOR "}},
                 {"pg_collation_for", {"COLLATION FOR ("}},
                 {"normalize", {"NORMALIZE("}},
                 {"overlaps", {"((", ", ", ") OVERLAPS (", ", "}}};
    const char *name = expr->func->name;
    const uint16_t count = expr->arg_count;
    if (strcmp(name, "timezone") == 0 && count == 2) {
        dp_put(p, "(");
        dp_operand(p, expr->args[1], false, expr);
        dp_put(p, " AT TIME ZONE ");
        dp_operand(p, expr->args[0], false, expr);
        dp_put(p, ")");
        return true;
    }
    if (strcmp(name, "extract") == 0 && expr->args[0]->kind == EXPR_CONST) {
        print_extract(p, expr);
        return true;
    }
    if (strcmp(name, "position") == 0) {
        dp_put(p, "POSITION((");
        dp_expr(p, expr->args[1], false);
        dp_put(p, ") IN (");
        dp_expr(p, expr->args[0], false);
        dp_put(p, "))");
        return true;
    }
    if (strcmp(name, "btrim") == 0 || strcmp(name, "ltrim") == 0 || strcmp(name, "rtrim") == 0) {
        print_trim(p, expr);
        return true;
    }
    const bool is_pattern = strcmp(name, "substring") == 0 && expr->args[1]->type->category == 'S';
    if (is_pattern && count == 3) {
        print_parts(p, expr, (const char *const[]){"SUBSTRING(", " SIMILAR ", " ESCAPE "});
        return true;
    }
    for (size_t i = 0; i < KY_COUNT_OF(forms) && !is_pattern; i++) {
        if (strcmp(forms[i].name, name) == 0 && forms[i].words[count - 1] != NULL) {
            print_parts(p, expr, forms[i].words);
            dp_put(p, strcmp(name, "overlaps") == 0 ? ")" : "");
            return true;
        }
    }
    return false;
}

/* ---- plain calls ---- */

static bool
is_left_out(const struct expr *expr)
{
    return expr->written != NULL && expr->written->is_left_out;
}

static void
print_arguments(struct printer *p, const struct expr *expr)
{
    const struct expr_written *written = expr->written;
    bool is_first = true;
    bool has_gap = false;
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        if (is_left_out(expr->args[i])) {
            has_gap = true;
            continue;
        }
        dp_put(p, is_first ? "" : ", ");
        is_first = false;
        if (written != NULL && written->has_names && has_gap) {
            ky_buffer_printf(p->out, "%s => ", expr->func->arg_names[i]);
        }
        if (written != NULL && written->is_variadic && i + 1 == expr->arg_count) {
            dp_put(p, "VARIADIC ");
        }
        dp_expr(p, expr->args[i], true);
    }
}

void
dp_call(struct printer *p, const struct expr *expr)
{
    if (expr->written != NULL && expr->written->is_sql_syntax && print_sql_syntax(p, expr)) {
        return;
    }
    ast_print_identifier(p->out, expr->func->name);
    dp_put(p, "(");
    print_arguments(p, expr);
    dp_put(p, ")");
}

static void
print_filter(struct printer *p, const struct expr *expr)
{
    if (expr->filter != NULL) {
        dp_put(p, ") FILTER (WHERE ");
        dp_expr(p, expr->filter, false);
    }
    dp_put(p, ")");
}

void
dp_aggregate(struct printer *p, const struct expr *expr)
{
    const bool is_ordered_set =
        expr->func->aggregate != NULL && expr->func->aggregate->is_ordered_set;
    ast_print_identifier(p->out, expr->func->name);
    dp_put(p, expr->is_distinct ? "(DISTINCT " : "(");
    if (is_ordered_set) {
        dp_exprs(p, expr->args, (uint32_t)(expr->arg_count - expr->order_count), ", ");
        dp_put(p, ") WITHIN GROUP (ORDER BY ");
        dp_sort_keys(p, expr->order, expr->order_count);
    } else {
        dp_put(p, expr->is_star ? "*" : "");
        print_arguments(p, expr);
        if (expr->order_count > 0) {
            dp_put(p, " ORDER BY ");
            dp_sort_keys(p, expr->order, expr->order_count);
        }
    }
    print_filter(p, expr);
}

/* ---- windows ---- */

static void
print_bound(struct printer *p, char kind, const struct expr *offset)
{
    switch (kind) {
    case 'u':
        dp_put(p, "UNBOUNDED PRECEDING");
        break;
    case 'U':
        dp_put(p, "UNBOUNDED FOLLOWING");
        break;
    case 'c':
        dp_put(p, "CURRENT ROW");
        break;
    default:
        dp_expr(p, offset, false);
        dp_put(p, kind == 'p' ? " PRECEDING" : " FOLLOWING");
        break;
    }
}

static void
print_frame(struct printer *p, const struct window_spec *spec)
{
    dp_put(p, spec->mode == 'r' ? "ROWS " : spec->mode == 'g' ? "GROUPS " : "RANGE ");
    dp_put(p, spec->written->is_between ? "BETWEEN " : "");
    print_bound(p, spec->start_kind, spec->start_offset);
    if (spec->written->is_between) {
        dp_put(p, " AND ");
        print_bound(p, spec->end_kind, spec->end_offset);
    }
    dp_put(p, spec->exclude == 'c'   ? " EXCLUDE CURRENT ROW"
              : spec->exclude == 'g' ? " EXCLUDE GROUP"
              : spec->exclude == 't' ? " EXCLUDE TIES"
                                     : "");
}

void
dp_window_spec(struct printer *p, const struct window_spec *spec)
{
    const struct ast_window *written = spec->written;
    const char *between = "";
    dp_put(p, "(");
    if (written->reference != NULL) {
        ast_print_identifier(p->out, written->reference);
        between = " ";
    } else if (spec->partition_count > 0) {
        dp_put(p, "PARTITION BY ");
        for (uint16_t i = 0; i < spec->partition_count; i++) {
            dp_put(p, i == 0 ? "" : ", ");
            dp_sort_item(p, spec->partition[i]);
        }
        between = " ";
    }
    if (ast_list_count(written->order_by) > 0) {
        dp_put(p, between);
        dp_put(p, "ORDER BY ");
        dp_sort_keys(p, spec->order, spec->order_count);
        between = " ";
    }
    if (written->frame_mode != AST_FRAME_NONE) {
        dp_put(p, between);
        print_frame(p, spec);
    }
    dp_put(p, ")");
}

void
dp_window(struct printer *p, const struct expr *expr)
{
    ast_print_identifier(p->out, expr->func->name);
    dp_put(p, expr->is_star ? "(*" : "(");
    print_arguments(p, expr);
    print_filter(p, expr);
    dp_put(p, " OVER ");
    if (expr->window->name != NULL) {
        ast_print_identifier(p->out, expr->window->name);
    } else {
        dp_window_spec(p, expr->window);
    }
}
