/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/print_private.h"

/* SELECT, FROM, windows, INSERT, UPDATE, DELETE, COPY. */

void
print_with(struct ky_buffer *out, const struct ast_with *with)
{
    if (with != NULL) {
        print_text(out, with->is_recursive ? "WITH RECURSIVE " : "WITH ");
        print_list(out, with->ctes, ", ");
        print_text(out, " ");
    }
}

static void
print_cte(struct ky_buffer *out, const struct ast_cte *cte)
{
    ast_print_identifier(out, cte->name);
    print_paren_list(out, " ", cte->columns);
    print_text(out, " AS ");
    print_if(out, cte->materialized == AST_MATERIALIZED, "MATERIALIZED ");
    print_if(out, cte->materialized == AST_NOT_MATERIALIZED, "NOT MATERIALIZED ");
    print_text(out, "(");
    print_node(out, cte->query);
    print_text(out, ")");
}

/* A side of a set operation: anything but a bare SELECT or VALUES goes in parentheses. */
static void
print_side(struct ky_buffer *out, const struct ast_select *side)
{
    bool is_bare = side->operation == AST_SET_NONE && side->order_by == NULL &&
                   side->limit == NULL && side->offset == NULL && side->locking == NULL &&
                   side->with == NULL;
    print_if(out, !is_bare, "(");
    print_node(out, &side->node);
    print_if(out, !is_bare, ")");
}

static void
print_set_operation(struct ky_buffer *out, const struct ast_select *select)
{
    static const char *const names[] = {"", " UNION ", " INTERSECT ", " EXCEPT "};
    print_side(out, select->left);
    print_text(out, names[select->operation]);
    print_if(out, select->is_all, "ALL ");
    print_side(out, select->right);
}

static void
print_into(struct ky_buffer *out, const struct ast_into *into)
{
    print_text(out, " INTO ");
    print_if(out, into->persistence == AST_TEMPORARY, "TEMPORARY ");
    print_if(out, into->persistence == AST_UNLOGGED, "UNLOGGED ");
    print_text(out, "TABLE ");
    print_node(out, &into->relation->node);
}

static void
print_select_core(struct ky_buffer *out, const struct ast_select *select)
{
    print_text(out, "SELECT");
    print_if(out, select->is_distinct, " DISTINCT");
    print_paren_list(out, " ON ", select->distinct_on);
    print_list_clause(out, " ", select->targets);
    if (select->into != NULL) {
        print_into(out, select->into);
    }
    print_list_clause(out, " FROM ", select->from);
    print_clause(out, " WHERE ", select->where);
    if (select->group_by != NULL) {
        print_text(out, " GROUP BY ");
        print_if(out, select->is_group_by_distinct, "DISTINCT ");
        print_list(out, select->group_by, ", ");
    }
    print_clause(out, " HAVING ", select->having);
    for (int32_t i = 0; i < ast_list_count(select->windows); i++) {
        const struct ast_node *node = select->windows->items[i];
        PRINT_AS(ast_window, window);
        print_text(out, i == 0 ? " WINDOW " : ", ");
        ast_print_identifier(out, window->name);
        print_clause(out, " AS ", node);
    }
}

static void
print_limits(struct ky_buffer *out, const struct ast_select *select)
{
    if (select->offset != NULL) {
        print_clause(out, " OFFSET ", select->offset);
    }
    if (select->limit == NULL) {
        return;
    }
    if (select->is_with_ties) {
        print_text(out, " FETCH FIRST (");
        print_node(out, select->limit);
        print_text(out, ") ROWS WITH TIES");
    } else {
        print_clause(out, " LIMIT ", select->limit);
    }
}

static void
print_select(struct ky_buffer *out, const struct ast_select *select)
{
    print_with(out, select->with);
    if (select->operation != AST_SET_NONE) {
        print_set_operation(out, select);
    } else if (select->values != NULL) {
        print_list_clause(out, "VALUES ", select->values);
    } else {
        print_select_core(out, select);
    }
    print_list_clause(out, " ORDER BY ", select->order_by);
    print_limits(out, select);
    for (int32_t i = 0; i < ast_list_count(select->locking); i++) {
        print_clause(out, " ", select->locking->items[i]);
    }
}

static void
print_locking(struct ky_buffer *out, const struct ast_locking *locking)
{
    static const char *const names[] = {"KEY SHARE", "SHARE", "NO KEY UPDATE", "UPDATE"};
    print_text(out, "FOR ");
    print_text(out, names[locking->strength]);
    print_list_clause(out, " OF ", locking->relations);
    print_if(out, locking->wait == AST_LOCK_NOWAIT, " NOWAIT");
    print_if(out, locking->wait == AST_LOCK_SKIP, " SKIP LOCKED");
}

/* A column in INSERT and SET, or an output column. */
static void
print_target(struct ky_buffer *out, const struct ast_target *target)
{
    print_node(out, target->expression);
    print_name_clause(out, " AS ", target->name);
}

static void
print_column_target(struct ky_buffer *out, const struct ast_target *target)
{
    ast_print_identifier(out, target->name);
    for (int32_t i = 0; i < ast_list_count(target->indirection); i++) {
        const struct ast_node *step = target->indirection->items[i];
        print_if(out, step->kind != AST_SUBSCRIPT, ".");
        print_node(out, step);
    }
}

static void
print_column_targets(struct ky_buffer *out, const struct ast_list *targets)
{
    print_text(out, "(");
    for (int32_t i = 0; i < ast_list_count(targets); i++) {
        print_if(out, i > 0, ", ");
        print_column_target(out, (const struct ast_target *)(const void *)targets->items[i]);
    }
    print_text(out, ")");
}

static void
print_sets(struct ky_buffer *out, const struct ast_list *sets)
{
    print_text(out, " SET ");
    for (int32_t i = 0; i < ast_list_count(sets); i++) {
        const struct ast_node *node = sets->items[i];
        print_if(out, i > 0, ", ");
        if (node->kind == AST_MULTI_ASSIGN) {
            PRINT_AS(ast_multi_assign, assign);
            print_column_targets(out, assign->targets);
            print_clause(out, " = ", assign->source);
        } else {
            PRINT_AS(ast_target, target);
            print_column_target(out, target);
            print_clause(out, " = ", target->expression);
        }
    }
}

static void
print_grouping_set(struct ky_buffer *out, const struct ast_grouping_set *set)
{
    static const char *const names[] = {"", "ROLLUP ", "CUBE ", "GROUPING SETS "};
    print_text(out, names[set->type]);
    print_text(out, "(");
    print_list(out, set->items, ", ");
    print_text(out, ")");
}

void
print_direction(struct ky_buffer *out, enum ast_sort_direction direction, enum ast_sort_nulls nulls)
{
    print_if(out, direction == AST_SORT_ASC, " ASC");
    print_if(out, direction == AST_SORT_DESC, " DESC");
    print_if(out, nulls == AST_NULLS_FIRST, " NULLS FIRST");
    print_if(out, nulls == AST_NULLS_LAST, " NULLS LAST");
}

static void
print_sort(struct ky_buffer *out, const struct ast_sort *sort)
{
    print_node(out, sort->expression);
    if (sort->direction == AST_SORT_USING) {
        print_text(out, " USING ");
        print_operator_name(out, sort->operator_schema, sort->operator_name);
    }
    print_direction(out, sort->direction, sort->nulls);
}

static void
print_bound(struct ky_buffer *out, enum ast_frame_bound bound, const struct ast_node *offset)
{
    static const char *const names[] = {"UNBOUNDED PRECEDING", " PRECEDING", "CURRENT ROW",
                                        " FOLLOWING", "UNBOUNDED FOLLOWING"};
    if (offset != NULL) {
        print_operand(out, offset);
    }
    print_text(out, names[bound]);
}

static void
print_window(struct ky_buffer *out, const struct ast_window *window)
{
    static const char *const modes[] = {"", " RANGE ", " ROWS ", " GROUPS "};
    static const char *const exclusions[] = {"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP",
                                             " EXCLUDE TIES"};
    print_text(out, "(");
    print_name_clause(out, "", window->reference);
    print_list_clause(out, " PARTITION BY ", window->partition_by);
    print_list_clause(out, " ORDER BY ", window->order_by);
    if (window->frame_mode != AST_FRAME_NONE) {
        print_text(out, modes[window->frame_mode]);
        print_if(out, window->is_between, "BETWEEN ");
        print_bound(out, window->start, window->start_offset);
        if (window->is_between) {
            print_text(out, " AND ");
            print_bound(out, window->end, window->end_offset);
        }
        print_text(out, exclusions[window->exclusion]);
    }
    print_text(out, ")");
}

static void
print_range_var(struct ky_buffer *out, const struct ast_range_var *relation)
{
    print_if(out, relation->is_only, "ONLY ");
    if (relation->catalog != NULL) {
        ast_print_identifier(out, relation->catalog);
        print_text(out, ".");
    }
    if (relation->schema != NULL) {
        ast_print_identifier(out, relation->schema);
        print_text(out, ".");
    }
    ast_print_identifier(out, relation->name);
    if (relation->alias != NULL) {
        print_clause(out, " AS ", &relation->alias->node);
    }
}

static void
print_range_subquery(struct ky_buffer *out, const struct ast_range_subquery *range)
{
    print_if(out, range->is_lateral, "LATERAL ");
    print_text(out, "(");
    print_node(out, &range->query->node);
    print_text(out, ")");
    if (range->alias != NULL) {
        print_clause(out, " AS ", &range->alias->node);
    }
}

static void
print_range_function(struct ky_buffer *out, const struct ast_range_function *range)
{
    print_if(out, range->is_lateral, "LATERAL ");
    print_if(out, range->is_rows_from, "ROWS FROM (");
    print_list(out, range->functions, ", ");
    print_if(out, range->is_rows_from, ")");
    print_if(out, range->has_ordinality, " WITH ORDINALITY");
    if (range->alias != NULL) {
        print_clause(out, " AS ", &range->alias->node);
    }
    print_paren_list(out, range->alias == NULL ? " AS " : " ", range->columns);
}

static void
print_join(struct ky_buffer *out, const struct ast_join *join)
{
    static const char *const names[] = {"INNER JOIN ", "LEFT JOIN ", "RIGHT JOIN ", "FULL JOIN ",
                                        "CROSS JOIN "};
    print_text(out, "(");
    print_node(out, join->left);
    print_text(out, join->is_natural ? " NATURAL " : " ");
    print_text(out, names[join->type]);
    print_node(out, join->right);
    print_paren_list(out, " USING ", join->using_columns);
    if (join->using_alias != NULL) {
        print_clause(out, " AS ", &join->using_alias->node);
    }
    print_clause(out, " ON ", join->condition);
    print_text(out, ")");
    if (join->alias != NULL) {
        print_clause(out, " AS ", &join->alias->node);
    }
}

static void
print_tablesample(struct ky_buffer *out, const struct ast_tablesample *sample)
{
    print_node(out, sample->relation);
    print_text(out, " TABLESAMPLE ");
    print_dotted(out, sample->method);
    print_paren_list(out, " ", sample->args);
    if (sample->repeatable != NULL) {
        print_clause(out, " REPEATABLE (", sample->repeatable);
        print_text(out, ")");
    }
}

static void
print_on_conflict(struct ky_buffer *out, const struct ast_on_conflict *conflict)
{
    print_text(out, " ON CONFLICT");
    print_paren_list(out, " ", conflict->elements);
    print_clause(out, " WHERE ", conflict->predicate);
    print_name_clause(out, " ON CONSTRAINT ", conflict->constraint);
    print_text(out, conflict->is_update ? " DO UPDATE" : " DO NOTHING");
    if (conflict->is_update) {
        print_sets(out, conflict->sets);
        print_clause(out, " WHERE ", conflict->where);
    }
}

static const char *const overriding_words[] = {"", " OVERRIDING USER VALUE",
                                               " OVERRIDING SYSTEM VALUE"};

static void
print_insert(struct ky_buffer *out, const struct ast_insert *insert)
{
    print_with(out, insert->with);
    print_clause(out, "INSERT INTO ", &insert->relation->node);
    if (insert->columns != NULL) {
        print_text(out, " ");
        print_column_targets(out, insert->columns);
    }
    print_text(out, overriding_words[insert->overriding]);
    if (insert->query == NULL) {
        print_text(out, " DEFAULT VALUES");
    } else {
        print_clause(out, " ", &insert->query->node);
    }
    if (insert->on_conflict != NULL) {
        print_on_conflict(out, insert->on_conflict);
    }
    print_list_clause(out, " RETURNING ", insert->returning);
}

static void
print_update(struct ky_buffer *out, const struct ast_update *update)
{
    print_with(out, update->with);
    print_clause(out, "UPDATE ", &update->relation->node);
    print_sets(out, update->sets);
    print_list_clause(out, " FROM ", update->from);
    print_clause(out, " WHERE ", update->where);
    print_list_clause(out, " RETURNING ", update->returning);
}

static void
print_delete(struct ky_buffer *out, const struct ast_delete *delete)
{
    print_with(out, delete->with);
    print_clause(out, "DELETE FROM ", &delete->relation->node);
    print_list_clause(out, " USING ", delete->using_from);
    print_clause(out, " WHERE ", delete->where);
    print_list_clause(out, " RETURNING ", delete->returning);
}

static void
print_merge_insert(struct ky_buffer *out, const struct ast_merge_when *when)
{
    print_text(out, "INSERT");
    if (when->columns != NULL) {
        print_text(out, " ");
        print_column_targets(out, when->columns);
    }
    print_text(out, overriding_words[when->overriding]);
    if (when->values == NULL) {
        print_text(out, " DEFAULT VALUES");
    } else {
        print_text(out, " VALUES (");
        print_list(out, when->values, ", ");
        print_text(out, ")");
    }
}

static void
print_merge_when(struct ky_buffer *out, const struct ast_merge_when *when)
{
    print_text(out, when->is_matched ? "WHEN MATCHED" : "WHEN NOT MATCHED");
    print_clause(out, " AND ", when->condition);
    print_text(out, " THEN ");
    switch (when->action) {
    case AST_MERGE_NOTHING:
        print_text(out, "DO NOTHING");
        break;
    case AST_MERGE_INSERT:
        print_merge_insert(out, when);
        break;
    case AST_MERGE_UPDATE:
        print_text(out, "UPDATE");
        print_sets(out, when->sets);
        break;
    case AST_MERGE_DELETE:
        print_text(out, "DELETE");
        break;
    }
}

static void
print_merge(struct ky_buffer *out, const struct ast_merge *merge)
{
    print_with(out, merge->with);
    print_clause(out, "MERGE INTO ", &merge->relation->node);
    print_clause(out, " USING ", merge->source);
    print_clause(out, " ON ", merge->condition);
    print_text(out, " ");
    print_list(out, merge->whens, " ");
}

static void
print_truncate(struct ky_buffer *out, const struct ast_truncate *truncate)
{
    print_list_clause(out, "TRUNCATE ", truncate->relations);
    print_if(out, truncate->is_restart_identity, " RESTART IDENTITY");
    print_behavior(out, truncate->behavior);
}

static void
print_copy(struct ky_buffer *out, const struct ast_copy *copy)
{
    print_text(out, "COPY ");
    if (copy->relation != NULL) {
        print_node(out, &copy->relation->node);
        print_paren_list(out, " ", copy->columns);
    } else {
        print_text(out, "(");
        print_node(out, copy->query);
        print_text(out, ")");
    }
    print_text(out, copy->is_from ? " FROM " : " TO ");
    print_if(out, copy->is_program, "PROGRAM ");
    if (copy->file == NULL) {
        print_text(out, copy->is_from ? "STDIN" : "STDOUT");
    } else {
        ast_print_string(out, copy->file);
    }
    print_generic_options(out, " WITH ", copy->options);
    print_clause(out, " WHERE ", copy->where);
}

static bool
print_modification(struct ky_buffer *out, const struct ast_node *node)
{
    switch (node->kind) {
    case AST_INSERT: {
        PRINT_AS(ast_insert, insert);
        print_insert(out, insert);
        return true;
    }
    case AST_UPDATE: {
        PRINT_AS(ast_update, update);
        print_update(out, update);
        return true;
    }
    case AST_DELETE: {
        PRINT_AS(ast_delete, delete);
        print_delete(out, delete);
        return true;
    }
    case AST_MERGE: {
        PRINT_AS(ast_merge, merge);
        print_merge(out, merge);
        return true;
    }
    case AST_MERGE_WHEN: {
        PRINT_AS(ast_merge_when, when);
        print_merge_when(out, when);
        return true;
    }
    case AST_TRUNCATE: {
        PRINT_AS(ast_truncate, truncate);
        print_truncate(out, truncate);
        return true;
    }
    case AST_COPY: {
        PRINT_AS(ast_copy, copy);
        print_copy(out, copy);
        return true;
    }
    default:
        return false;
    }
}

bool
print_query(struct ky_buffer *out, const struct ast_node *node)
{
    switch (node->kind) {
    case AST_SELECT: {
        PRINT_AS(ast_select, select);
        print_select(out, select);
        return true;
    }
    case AST_CTE: {
        PRINT_AS(ast_cte, cte);
        print_cte(out, cte);
        return true;
    }
    case AST_TARGET: {
        PRINT_AS(ast_target, target);
        print_target(out, target);
        return true;
    }
    case AST_SORT: {
        PRINT_AS(ast_sort, sort);
        print_sort(out, sort);
        return true;
    }
    case AST_WINDOW: {
        PRINT_AS(ast_window, window);
        print_window(out, window);
        return true;
    }
    case AST_LOCKING: {
        PRINT_AS(ast_locking, locking);
        print_locking(out, locking);
        return true;
    }
    case AST_GROUPING_SET: {
        PRINT_AS(ast_grouping_set, set);
        print_grouping_set(out, set);
        return true;
    }
    case AST_RANGE_VAR: {
        PRINT_AS(ast_range_var, relation);
        print_range_var(out, relation);
        return true;
    }
    case AST_RANGE_SUBQUERY: {
        PRINT_AS(ast_range_subquery, range);
        print_range_subquery(out, range);
        return true;
    }
    case AST_RANGE_FUNCTION: {
        PRINT_AS(ast_range_function, range);
        print_range_function(out, range);
        return true;
    }
    case AST_FUNCTION_ITEM: {
        PRINT_AS(ast_function_item, item);
        print_node(out, item->call);
        print_paren_list(out, " AS ", item->columns);
        return true;
    }
    case AST_TABLESAMPLE: {
        PRINT_AS(ast_tablesample, sample);
        print_tablesample(out, sample);
        return true;
    }
    case AST_JOIN: {
        PRINT_AS(ast_join, join);
        print_join(out, join);
        return true;
    }
    case AST_ALIAS: {
        PRINT_AS(ast_alias, alias);
        ast_print_identifier(out, alias->name);
        print_paren_list(out, " ", alias->columns);
        return true;
    }
    default:
        return print_modification(out, node);
    }
}
