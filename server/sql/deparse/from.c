/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/deparse/deparse_private.h"

/* The FROM clause: tables with their names and columns, and joins. */

static void print_item(struct printer *p, const struct query *query, const struct from_item *item);

/* ---- functions ---- */

static bool
is_unnest_list(const struct table_ref *ref)
{
    for (uint16_t i = 0; i < ref->function_count; i++) {
        const struct expr *call = ref->functions[i];
        if (call->kind != EXPR_SET || strcmp(call->func->name, "unnest") != 0 ||
            call->arg_count != 1) {
            return false;
        }
    }
    return true;
}

/* f() AS (a integer, b text) */
static const struct ast_list *
defined_columns(const struct table_ref *ref)
{
    const struct ast_range_function *written = (const void *)ref->written;
    return written == NULL || written->node.kind != AST_RANGE_FUNCTION ? NULL : written->columns;
}

static void
print_functions(struct printer *p, const struct table_ref *ref)
{
    if (ref->function_count == 1) {
        dp_expr(p, ref->functions[0], true);
    } else if (is_unnest_list(ref)) {
        dp_put(p, "UNNEST(");
        for (uint16_t i = 0; i < ref->function_count; i++) {
            dp_put(p, i == 0 ? "" : ", ");
            dp_expr(p, ref->functions[i]->args[0], true);
        }
        dp_put(p, ")");
    } else {
        dp_put(p, "ROWS FROM(");
        dp_exprs(p, ref->functions, ref->function_count, ", ");
        dp_put(p, ")");
        const struct ast_range_function *written = (const void *)ref->written;
        for (int32_t i = 0; written != NULL && i < ast_list_count(written->functions); i++) {
            const struct ast_function_item *item =
                (const void *)ast_list_get(written->functions, i);
            p->is_failed |= item->columns != NULL;
        }
    }
    dp_put(p, ref->has_ordinality ? " WITH ORDINALITY" : "");
}

static bool
reads_tables(const struct table_ref *ref)
{
    for (uint16_t i = 0; i < ref->function_count; i++) {
        if (expr_has_column(ref->functions[i])) {
            return true;
        }
    }
    return false;
}

/* ---- names ---- */

static const struct ast_alias *
alias_of(const struct table_ref *ref)
{
    if (ref->written == NULL) {
        return NULL;
    }
    switch (ref->written->kind) {
    case AST_RANGE_VAR:
        return ((const struct ast_range_var *)(const void *)ref->written)->alias;
    case AST_RANGE_SUBQUERY:
        return ((const struct ast_range_subquery *)(const void *)ref->written)->alias;
    case AST_RANGE_FUNCTION:
        return ((const struct ast_range_function *)(const void *)ref->written)->alias;
    default:
        return NULL;
    }
}

static bool
is_only(const struct table_ref *ref)
{
    return ref->written != NULL && ref->written->kind == AST_RANGE_VAR &&
           ((const struct ast_range_var *)(const void *)ref->written)->is_only;
}

/* Have the columns of a relation got other names? */
static bool
has_new_names(const struct table_ref *ref)
{
    for (uint16_t i = 0; i < ref->column_count; i++) {
        if (ref->columns[i].name != NULL &&
            strcmp(ref->columns[i].name, ref->table->columns[i].name) != 0) {
            return true;
        }
    }
    return false;
}

static void
print_column_names(struct printer *p, const struct table_ref *ref, bool has_types)
{
    bool is_first = true;
    dp_put(p, "(");
    for (uint16_t i = 0; i < ref->column_count; i++) {
        if (ref->columns[i].name != NULL) {
            dp_put(p, is_first ? "" : ", ");
            ast_print_identifier(p->out, ref->columns[i].name);
            is_first = false;
            if (has_types) {
                dp_put(p, " ");
                dp_type(p, ref->columns[i].type, ref->columns[i].typmod);
            }
        }
    }
    dp_put(p, ")");
}

static void
print_names(struct printer *p, const struct table_ref *ref, const char *name)
{
    const struct ast_alias *alias = alias_of(ref);
    const bool is_relation = ref->table != NULL;
    const bool has_columns =
        ref->kind == TABLE_FUNCTION ||
        (is_relation ? has_new_names(ref) : alias != NULL && ast_list_count(alias->columns) > 0);
    const char *own = is_relation              ? ref->table->name
                      : ref->kind == TABLE_CTE ? ref->cte->name
                                               : NULL;
    if (alias != NULL || has_columns || own == NULL || strcmp(own, name) != 0) {
        dp_put(p, " ");
        ast_print_identifier(p->out, name);
    }
    if (has_columns) {
        print_column_names(p, ref, defined_columns(ref) != NULL);
    }
}

/* ---- tables ---- */

static void
print_sample(struct printer *p, const struct table_sample *sample)
{
    dp_put(p, sample->is_by_block ? " TABLESAMPLE system (" : " TABLESAMPLE bernoulli (");
    dp_expr(p, sample->percent, false);
    dp_put(p, ")");
    if (sample->repeatable != NULL) {
        dp_put(p, " REPEATABLE (");
        dp_expr(p, sample->repeatable, false);
        dp_put(p, ")");
    }
}

static void
print_table(struct printer *p, const struct query *query, uint16_t table)
{
    const struct table_ref *ref = query->tables[table];
    const char *name = p->level->names[table];
    if (name == NULL) {
        p->is_failed = true;
        return;
    }
    switch (ref->kind) {
    case TABLE_RELATION:
        dp_put(p, is_only(ref) ? "ONLY " : "");
        dp_relation_name(p, ref->table);
        break;
    case TABLE_SUBQUERY:
        if (ref->table != NULL) {
            dp_relation_name(p, ref->table);
            break;
        }
        dp_put(p, ref->is_lateral ? "LATERAL (" : "(");
        dp_query(p, ref->subquery, NULL, true);
        dp_put(p, ")");
        break;
    case TABLE_FUNCTION:
        if (ref->written != NULL && ref->written->kind == AST_RANGE_VAR) {
            p->is_failed = true; /* a sequence */
            return;
        }
        dp_put(p, reads_tables(ref) ? "LATERAL " : "");
        print_functions(p, ref);
        break;
    case TABLE_VALUES:
        dp_put(p, "(");
        dp_values(p, ref);
        dp_put(p, ")");
        break;
    case TABLE_CTE:
        ast_print_identifier(p->out, ref->cte->name);
        break;
    case TABLE_JOIN:
    case TABLE_EXCLUDED:
        p->is_failed = true;
        return;
    }
    print_names(p, ref, name);
    if (ref->sample != NULL) {
        print_sample(p, ref->sample);
    }
}

/* ---- joins ---- */

static void
print_join_word(struct printer *p, const struct from_item *join)
{
    static const char *const words[] = {[JOIN_INNER] = " JOIN ",
                                        [JOIN_LEFT] = " LEFT JOIN ",
                                        [JOIN_RIGHT] = " RIGHT JOIN ",
                                        [JOIN_FULL] = " FULL JOIN ",
                                        [JOIN_CROSS] = " CROSS JOIN "};
    const bool is_cross =
        join->kind == JOIN_CROSS || (join->kind == JOIN_INNER && join->on == NULL);
    dp_keyword(p, is_cross ? words[JOIN_CROSS] : words[join->kind], -INDENT_CLAUSE, INDENT_CLAUSE,
               INDENT_JOIN);
}

static void
print_condition(struct printer *p, const struct from_item *join)
{
    const int32_t count = ast_list_count(join->using_columns);
    for (int32_t i = 0; i < count; i++) {
        dp_put(p, i == 0 ? " USING (" : ", ");
        ast_print_identifier(p->out, ast_list_text(join->using_columns, i));
    }
    if (count > 0) {
        dp_put(p, ")");
        if (join->written->using_alias != NULL) {
            dp_put(p, " AS ");
            ast_print_identifier(p->out, join->written->using_alias->name);
        }
    } else if (join->on != NULL) {
        dp_put(p, " ON ");
        dp_open(p);
        dp_expr(p, join->on, false);
        dp_close(p);
    } else if (join->kind != JOIN_INNER && join->kind != JOIN_CROSS) {
        dp_put(p, " ON TRUE");
    }
}

static void
print_join(struct printer *p, const struct query *query, const struct from_item *join)
{
    const struct ast_alias *alias = join->written->alias;
    const struct from_item *right = join->right;
    const bool has_parentheses = !p->style.is_pretty || alias != NULL;
    const bool has_right = p->style.is_pretty && right->table < 0 && right->written->alias == NULL;
    dp_put(p, has_parentheses ? "(" : "");
    print_item(p, query, join->left);
    print_join_word(p, join);
    dp_put(p, has_right ? "(" : "");
    print_item(p, query, right);
    dp_put(p, has_right ? ")" : "");
    print_condition(p, join);
    dp_put(p, has_parentheses ? ")" : "");
    if (alias != NULL) {
        dp_put(p, " ");
        ast_print_identifier(p->out, alias->name);
        for (int32_t i = 0; i < ast_list_count(alias->columns); i++) {
            dp_put(p, i == 0 ? "(" : ", ");
            ast_print_identifier(p->out, ast_list_text(alias->columns, i));
        }
        dp_put(p, ast_list_count(alias->columns) > 0 ? ")" : "");
    }
}

static void
print_item(struct printer *p, const struct query *query, const struct from_item *item)
{
    if (item->table >= 0) {
        print_table(p, query, (uint16_t)item->table);
    } else {
        print_join(p, query, item);
    }
}

void
dp_from(struct printer *p, const struct query *query)
{
    struct list_layout layout = {.is_first = false};
    for (uint16_t i = 0; i < query->from_count; i++) {
        if (i == 0) {
            dp_clause(p, " FROM ", 2);
            print_item(p, query, query->from[i]);
            continue;
        }
        dp_put(p, ", ");
        dp_item_begin(p, &layout);
        print_item(p, query, query->from[i]);
        dp_item_end(p, &layout);
    }
}
