/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/deparse/deparse_private.h"

/* Queries: SELECT, VALUES, set operations, WITH. */

static void print_body(struct printer *p, struct query *query, const struct cat_table *view,
                       bool names_columns);

static uint16_t
width_of(const struct query *query)
{
    uint16_t width = query->target_count;
    while (width > 0 && query->targets[width - 1].is_hidden) {
        width--;
    }
    return width;
}

/* What a column is called outside: a view's columns may have been renamed. */
static const char *
outer_name(const struct query *query, const struct cat_table *view, uint16_t column)
{
    return view != NULL && column < view->column_count ? view->columns[column].name
                                                       : query->targets[column].name;
}

/* ---- the target list ---- */

/* Prints the target; the name it has by itself, or NULL when none may be relied on. */
static const char *
print_target(struct printer *p, const struct expr *expr, bool names_columns)
{
    if (expr->written != NULL && expr->written->name != NULL) {
        dp_expr(p, expr, true);
        return expr->written->name;
    }
    if (expr->kind != EXPR_COLUMN) {
        dp_expr(p, expr, true);
        return names_columns ? NULL : "?column?";
    }
    const struct deparse_level *level = p->level;
    for (uint16_t i = 0; i < expr->levels_up && level != NULL; i++) {
        level = level->parent;
    }
    if (expr->column == EXPR_SYSTEM_WHOLE_ROW) {
        /* t.* would be all of its columns. */
        p->is_failed |= level == NULL || level->names[expr->table] == NULL;
        if (!p->is_failed) {
            ast_print_identifier(p->out, level->names[expr->table]);
        }
        return p->is_failed ? NULL : level->names[expr->table];
    }
    dp_column(p, expr);
    if (p->is_failed) {
        return NULL;
    }
    if (expr->column >= level->query->tables[expr->table]->column_count) {
        return dp_system_name(expr->column);
    }
    return level->query->tables[expr->table]->columns[expr->column].name;
}

static void
print_targets(struct printer *p, const struct query *query, const struct cat_table *view,
              bool names_columns)
{
    struct list_layout layout = {.is_first = true, .minds_lines = true};
    const uint16_t width = width_of(query);
    for (uint16_t i = 0; i < width; i++) {
        dp_put(p, i == 0 ? " " : ", ");
        dp_item_begin(p, &layout);
        const char *own = print_target(p, query->targets[i].expr, names_columns);
        const char *name = outer_name(query, view, i);
        if (own == NULL || strcmp(own, name) != 0) {
            dp_put(p, " AS ");
            ast_print_identifier(p->out, name);
        }
        dp_item_end(p, &layout);
    }
}

/* ---- sorting and grouping ---- */

/*
 * A constant alone would be a column's number, a call in parentheses is no CUBE: in doubt there
 * are parentheses.
 */
void
dp_sort_item(struct printer *p, const struct expr *expr)
{
    const bool is_named = expr->written != NULL && expr->written->name != NULL;
    if (expr->kind == EXPR_CONST && expr->written == NULL) {
        dp_const(p, expr, LABEL_ALWAYS);
        return;
    }
    const bool is_function =
        (expr->kind == EXPR_FUNC && expr->op == NULL) || expr->kind == EXPR_SET ||
        expr->kind == EXPR_AGGREGATE || expr->kind == EXPR_WINDOW ||
        ((expr->kind == EXPR_CAST || expr->kind == EXPR_COERCE) &&
         (expr->written == NULL || expr->written->collation == NULL) && dp_is_cast_function(expr));
    const bool has_parentheses = expr->kind != EXPR_COLUMN && expr->kind != EXPR_INPUT &&
                                 !is_named && (p->style.is_pretty || is_function);
    dp_put(p, has_parentheses ? "(" : "");
    dp_expr(p, expr, true);
    dp_put(p, has_parentheses ? ")" : "");
}

static void
print_direction(struct printer *p, const struct sort_key *key)
{
    dp_put(p, key->is_descending ? " DESC" : "");
    if (key->is_nulls_first != key->is_descending) {
        dp_put(p, key->is_nulls_first ? " NULLS FIRST" : " NULLS LAST");
    }
}

void
dp_sort_keys(struct printer *p, const struct sort_key *keys, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        dp_put(p, i == 0 ? "" : ", ");
        dp_sort_item(p, keys[i].expr);
        print_direction(p, &keys[i]);
    }
}

/* Of a set operation: columns by their numbers. */
static void
print_sort_numbers(struct printer *p, const struct query *query)
{
    for (uint16_t i = 0; i < query->order_count; i++) {
        uint16_t column = 0;
        while (column < query->target_count &&
               query->targets[column].expr != query->order_by[i].expr) {
            column++;
        }
        p->is_failed |= column == query->target_count;
        ky_buffer_printf(p->out, "%s%d", i == 0 ? "" : ", ", column + 1);
        print_direction(p, &query->order_by[i]);
    }
}

static void
print_items(struct printer *p, struct expr *const *items, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        dp_put(p, i == 0 ? "" : ", ");
        dp_sort_item(p, items[i]);
    }
}

/* Inside of ROLLUP and CUBE a set of one is written without parentheses. */
static void
print_grouping_set(struct printer *p, const struct query *query, const struct grouping *grouping,
                   bool is_inside_sets)
{
    static const char *const words[] = {[GROUPING_EMPTY] = "(",
                                        [GROUPING_SIMPLE] = "(",
                                        [GROUPING_ROLLUP] = "ROLLUP(",
                                        [GROUPING_CUBE] = "CUBE(",
                                        [GROUPING_SETS] = "GROUPING SETS ("};
    const bool is_bare =
        grouping->kind == GROUPING_SIMPLE && grouping->key_count == 1 && !is_inside_sets;
    dp_put(p, is_bare ? "" : words[grouping->kind]);
    for (uint16_t i = 0; i < grouping->key_count; i++) {
        dp_put(p, i == 0 ? "" : ", ");
        dp_sort_item(p, query->group_by[grouping->keys[i]]);
    }
    for (uint32_t i = 0; i < grouping->part_count; i++) {
        dp_put(p, i == 0 ? "" : ", ");
        print_grouping_set(p, query, grouping->parts[i], grouping->kind == GROUPING_SETS);
    }
    dp_put(p, is_bare ? "" : ")");
}

static void
print_grouping(struct printer *p, const struct query *query)
{
    for (uint32_t i = 0; i < query->grouping_count; i++) {
        dp_put(p, i == 0 ? "" : ", ");
        print_grouping_set(p, query, query->groupings[i], false);
    }
    if (query->grouping_count == 0) {
        print_items(p, query->group_by, query->group_count);
    }
}

/* ---- one SELECT ---- */

static void
begin_body(struct printer *p)
{
    if (p->style.is_indented) {
        p->indent += INDENT_CLAUSE;
        dp_put(p, " ");
    }
}

static void
print_windows(struct printer *p, const struct query *query)
{
    for (uint16_t i = 0; i < query->window_count; i++) {
        if (i == 0) {
            dp_clause(p, " WINDOW ", 1);
        } else {
            dp_put(p, ", ");
        }
        ast_print_identifier(p->out, query->windows[i]->name);
        dp_put(p, " AS ");
        dp_window_spec(p, query->windows[i]);
    }
}

static void
print_select(struct printer *p, const struct query *query, const struct cat_table *view,
             bool names_columns)
{
    begin_body(p);
    dp_put(p, "SELECT");
    if (query->distinct_on_count > 0) {
        dp_put(p, " DISTINCT ON (");
        print_items(p, query->distinct_on, query->distinct_on_count);
        dp_put(p, ")");
    } else if (query->is_distinct) {
        dp_put(p, " DISTINCT");
    }
    print_targets(p, query, view, names_columns);
    dp_from(p, query);
    if (query->where != NULL) {
        dp_clause(p, " WHERE ", 1);
        dp_expr(p, query->where, false);
    }
    if (query->group_count > 0 || query->grouping_count > 0) {
        dp_clause(p, " GROUP BY ", 1);
        dp_put(p, query->is_group_distinct ? "DISTINCT " : "");
        print_grouping(p, query);
    }
    if (query->having != NULL) {
        dp_clause(p, " HAVING ", 0);
        dp_expr(p, query->having, false);
    }
    print_windows(p, query);
}

/* ---- VALUES ---- */

void
dp_values(struct printer *p, const struct table_ref *values)
{
    dp_put(p, "VALUES ");
    for (uint32_t r = 0; r < values->row_count; r++) {
        dp_put(p, r == 0 ? "(" : ", (");
        for (uint16_t i = 0; i < values->column_count; i++) {
            dp_put(p, i == 0 ? "" : ",");
            dp_expr(p, values->rows[r][i], false);
        }
        dp_put(p, ")");
    }
}

static bool
has_other_names(const struct query *query, const struct cat_table *view)
{
    for (uint16_t i = 0; view != NULL && i < query->target_count; i++) {
        if (strcmp(outer_name(query, view, i), query->targets[i].name) != 0) {
            return true;
        }
    }
    return false;
}

static void
print_values_query(struct printer *p, const struct query *query, const struct cat_table *view,
                   bool names_columns)
{
    if (has_other_names(query, view)) {
        print_select(p, query, view, names_columns);
        return;
    }
    begin_body(p);
    dp_values(p, query->tables[0]);
}

/* ---- UNION and its kind ---- */

/* One without clauses of its own is written in place; others are queries in parentheses. */
static bool
is_bare(const struct query *query)
{
    return query->cte_count == 0 && query->order_count == 0 && query->limit == NULL &&
           query->offset == NULL;
}

static bool
is_nested(const struct query *query)
{
    return query->kind == QUERY_SET_OPERATION && is_bare(query);
}

static void
print_branch(struct printer *p, struct query *branch, const struct cat_table *view,
             bool names_columns)
{
    if (is_nested(branch)) {
        struct deparse_level level;
        dp_level_begin(p, &level, branch);
        print_body(p, branch, view, names_columns);
        dp_level_end(p);
        return;
    }
    dp_put(p, is_bare(branch) ? "" : "(");
    dp_query(p, branch, view, names_columns);
    dp_put(p, is_bare(branch) ? "" : ")");
}

static void
print_set_operation(struct printer *p, const struct query *query, const struct cat_table *view,
                    bool names_columns)
{
    static const char *const words[] = {
        [SET_UNION] = "UNION ", [SET_INTERSECT] = "INTERSECT ", [SET_EXCEPT] = "EXCEPT "};
    const bool is_same =
        query->left->set_operation == query->set_operation && query->left->is_all == query->is_all;
    const bool has_left = is_nested(query->left) && !is_same;
    const bool has_right = is_nested(query->right);
    const int left_step = has_left ? INDENT_CLAUSE : 0;
    const int right_step = has_right ? INDENT_CLAUSE : 0;
    if (has_left) {
        dp_put(p, "(");
        dp_keyword(p, "", left_step, 0, 0);
    }
    print_branch(p, query->left, view, names_columns);
    if (has_left) {
        dp_keyword(p, ") ", -left_step, 0, 0);
    } else if (p->style.is_indented) {
        dp_keyword(p, "", 0, 0, 0);
    } else {
        dp_put(p, " ");
    }
    dp_put(p, words[query->set_operation]);
    dp_put(p, query->is_all ? "ALL " : "");
    dp_put(p, has_right ? "(" : "");
    dp_keyword(p, "", right_step, 0, 0);
    print_branch(p, query->right, view, false);
    p->indent -= p->style.is_indented ? right_step : 0;
    if (has_right) {
        dp_keyword(p, ")", 0, 0, 0);
    }
}

/* ---- WITH ---- */

static void
print_with(struct printer *p, const struct query *query)
{
    if (query->cte_count == 0) {
        return;
    }
    begin_body(p);
    dp_put(p, query->with->is_recursive ? "WITH RECURSIVE " : "WITH ");
    for (uint16_t i = 0; i < query->cte_count; i++) {
        const struct cte *cte = query->ctes[i];
        const int32_t column_count = ast_list_count(cte->written->columns);
        dp_put(p, i == 0 ? "" : ", ");
        ast_print_identifier(p->out, cte->name);
        for (int32_t c = 0; c < column_count; c++) {
            dp_put(p, c == 0 ? "(" : ", ");
            ast_print_identifier(p->out, ast_list_text(cte->written->columns, c));
        }
        dp_put(p, column_count > 0 ? ")" : "");
        dp_put(p, cte->written->materialized == AST_MATERIALIZED       ? " AS MATERIALIZED ("
                  : cte->written->materialized == AST_NOT_MATERIALIZED ? " AS NOT MATERIALIZED ("
                                                                       : " AS (");
        dp_keyword(p, "", 0, 0, 0);
        dp_query(p, cte->query, NULL, true);
        dp_keyword(p, "", 0, 0, 0);
        dp_put(p, ")");
    }
    if (p->style.is_indented) {
        p->indent -= INDENT_CLAUSE;
        dp_keyword(p, "", 0, 0, 0);
    } else {
        dp_put(p, " ");
    }
}

/* ---- the whole ---- */

static void
print_body(struct printer *p, struct query *query, const struct cat_table *view, bool names_columns)
{
    switch (query->kind) {
    case QUERY_SELECT:
        print_select(p, query, view, names_columns);
        break;
    case QUERY_VALUES:
        print_values_query(p, query, view, names_columns);
        break;
    case QUERY_SET_OPERATION:
        print_set_operation(p, query, view, names_columns);
        break;
    case QUERY_INSERT:
    case QUERY_UPDATE:
    case QUERY_DELETE:
    case QUERY_MERGE:
        p->is_failed = true;
        break;
    }
}

static void
print_limit(struct printer *p, const struct query *query)
{
    if (query->offset != NULL) {
        dp_clause(p, " OFFSET ", 0);
        dp_expr(p, query->offset, false);
    }
    if (query->limit == NULL) {
        return;
    }
    if (query->is_with_ties) {
        dp_clause(p, " FETCH FIRST (", 0);
        dp_expr(p, query->limit, false);
        dp_put(p, ") ROWS WITH TIES");
        return;
    }
    dp_clause(p, " LIMIT ", 0);
    if (query->limit->kind == EXPR_CONST && query->limit->value.is_null) {
        dp_put(p, "ALL");
    } else {
        dp_expr(p, query->limit, false);
    }
}

static void
print_locks(struct printer *p, const struct query *query)
{
    static const char *const words[] = {[ROW_LOCK_KEY_SHARE] = " FOR KEY SHARE",
                                        [ROW_LOCK_SHARE] = " FOR SHARE",
                                        [ROW_LOCK_NO_KEY_UPDATE] = " FOR NO KEY UPDATE",
                                        [ROW_LOCK_UPDATE] = " FOR UPDATE"};
    for (uint16_t i = 0; i < query->table_count; i++) {
        const struct table_ref *ref = query->tables[i];
        if (ref->has_lock) {
            dp_clause(p, words[ref->lock_mode], 0);
            dp_put(p, " OF ");
            ast_print_identifier(p->out, p->level->names[i]);
            dp_put(p, ref->lock_policy == LOCK_POLICY_NOWAIT ? " NOWAIT"
                      : ref->lock_policy == LOCK_POLICY_SKIP ? " SKIP LOCKED"
                                                             : "");
        }
    }
}

/* The vector form's conditions are not in the tree as they were written. */
static bool
has_lost_parts(const struct query *query)
{
    for (uint16_t i = 0; i < query->table_count; i++) {
        if (query->tables[i]->vector_query != NULL) {
            return true;
        }
    }
    return false;
}

void
dp_query(struct printer *p, struct query *query, const struct cat_table *view, bool names_columns)
{
    const int indent = p->indent;
    struct deparse_level level;
    p->is_failed |= has_lost_parts(query);
    dp_level_begin(p, &level, query);
    print_with(p, query);
    print_body(p, query, view, names_columns);
    if (query->order_count > 0) {
        dp_clause(p, " ORDER BY ", 1);
        if (query->kind == QUERY_SET_OPERATION) {
            print_sort_numbers(p, query);
        } else {
            dp_sort_keys(p, query->order_by, query->order_count);
        }
    }
    print_limit(p, query);
    print_locks(p, query);
    dp_level_end(p);
    p->indent = indent;
}

bool
deparse_query(const struct deparse_context *context, const struct cat_table *view,
              struct deparse_style style, struct query *query, struct ky_buffer *out)
{
    struct printer printer = {.context = context, .style = style, .out = out};
    dp_query(&printer, query, view, true);
    return !printer.is_failed;
}
