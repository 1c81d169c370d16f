/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/build_private.h"

/* SELECT with its clauses, FROM, windows, INSERT, UPDATE, DELETE and MERGE. */

struct ast_select *
build_select(struct parser *p, struct ast_list *targets, struct ast_into *into,
             struct ast_list *from, struct ast_node *where, int32_t location)
{
    struct ast_select *select = NODE(AST_SELECT, ast_select, location);
    select->targets = targets;
    select->into = into;
    select->from = from;
    select->where = where;
    adopt_list(p, &select->node, targets);
    adopt_list(p, &select->node, from);
    adopt(p, &select->node, where);
    return select;
}

/* group carries GROUP BY from its rule. */
void
build_select_grouping(struct parser *p, struct ast_select *select, struct ast_select *group,
                      struct ast_node *having, struct ast_list *windows)
{
    if (group != NULL) {
        select->group_by = group->group_by;
        select->is_group_by_distinct = group->is_group_by_distinct;
        adopt_list(p, &select->node, select->group_by);
    }
    select->having = having;
    select->windows = windows;
    adopt(p, &select->node, having);
    adopt_list(p, &select->node, windows);
}

/*
 * ORDER BY and what follows it. A parenthesised query that has its own already is refused, as in
 * PostgreSQL: (SELECT .. LIMIT 1) LIMIT 2.
 */
struct ast_select *
build_select_tail(struct parser *p, struct ast_select *select, struct ast_list *order_by,
                  struct ast_list *locking, struct ast_select *limit, struct ast_with *with)
{
    if (order_by != NULL) {
        if (select->order_by != NULL) {
            parser_error_at(p, order_by->items[0]->location,
                            "multiple ORDER BY clauses not allowed");
        }
        select->order_by = order_by;
        adopt_list(p, &select->node, order_by);
    }
    select->locking = list_join(p, select->locking, locking);
    if (limit != NULL && limit->offset != NULL) {
        if (select->offset != NULL) {
            parser_error_at(p, limit->offset->location, "multiple OFFSET clauses not allowed");
        }
        select->offset = limit->offset;
        adopt(p, &select->node, limit->offset);
    }
    if (limit != NULL && limit->limit != NULL) {
        if (select->limit != NULL) {
            parser_error_at(p, limit->limit->location, "multiple LIMIT clauses not allowed");
        }
        if (limit->is_with_ties && select->order_by == NULL) {
            parser_error_at(p, -1, "WITH TIES cannot be specified without ORDER BY clause");
        }
        for (int32_t i = 0; limit->is_with_ties && i < ast_list_count(select->locking); i++) {
            const struct ast_locking *lock = (const void *)ast_list_get(select->locking, i);
            if (lock->wait == AST_LOCK_SKIP) {
                parser_error_at(p, -1, "SKIP LOCKED and WITH TIES options cannot be used together");
            }
        }
        select->limit = limit->limit;
        select->is_with_ties = limit->is_with_ties;
        adopt(p, &select->node, limit->limit);
    }
    if (with != NULL) {
        if (select->with != NULL) {
            parser_error_at(p, with->node.location, "multiple WITH clauses not allowed");
        }
        select->with = with;
        adopt(p, &select->node, &with->node);
    }
    return select;
}

struct ast_select *
build_table_select(struct parser *p, struct ast_range_var *relation, int32_t location)
{
    struct ast_node *star = build_star_ref(p, -1);
    struct ast_list *targets = list_add(p, NULL, build_target(p, NULL, star, -1));
    return build_select(p, targets, NULL, list_add(p, NULL, &relation->node), NULL, location);
}

struct ast_select *
build_set_operation(struct parser *p, enum ast_set_operation operation, bool is_all,
                    struct ast_select *left, struct ast_select *right, int32_t location)
{
    struct ast_select *select = NODE(AST_SELECT, ast_select, location);
    select->operation = operation;
    select->is_all = is_all;
    select->left = left;
    select->right = right;
    adopt(p, &select->node, &left->node);
    adopt(p, &select->node, &right->node);
    return select;
}

struct ast_list *
build_values(struct parser *p, struct ast_list *rows, struct ast_list *row, int32_t location)
{
    return list_add(p, rows, build_row(p, false, row, location));
}

struct ast_select *
build_limit(struct parser *p, struct ast_node *limit, bool is_with_ties)
{
    struct ast_select *select = NODE(AST_SELECT, ast_select, -1);
    select->limit = limit;
    select->is_with_ties = is_with_ties;
    return select;
}

struct ast_node *
build_target(struct parser *p, const char *name, struct ast_node *expression, int32_t location)
{
    struct ast_target *target = NODE(AST_TARGET, ast_target, location);
    target->name = name;
    target->expression = expression;
    adopt(p, &target->node, expression);
    return &target->node;
}

struct ast_into *
build_into(struct parser *p, struct ast_range_var *relation, int persistence)
{
    struct ast_into *into = NODE(AST_INTO, ast_into, relation->node.location);
    into->relation = relation;
    into->persistence = (enum ast_persistence)persistence;
    return into;
}

struct ast_node *
build_grouping_set(struct parser *p, enum ast_grouping_set_type type, struct ast_list *items,
                   int32_t location)
{
    struct ast_grouping_set *set = NODE(AST_GROUPING_SET, ast_grouping_set, location);
    set->type = type;
    set->items = items;
    adopt_list(p, &set->node, items);
    return &set->node;
}

/* sort has the direction already. */
struct ast_node *
build_sort(struct parser *p, struct ast_node *expression, struct ast_sort *sort, int nulls)
{
    sort->node.location = expression->location;
    sort->expression = expression;
    sort->nulls = (enum ast_sort_nulls)nulls;
    adopt(p, &sort->node, expression);
    return &sort->node;
}

/* ---- FROM ---- */

struct ast_node *
build_tablesample(struct parser *p, struct ast_range_var *relation, struct ast_list *method,
                  struct ast_list *args, struct ast_node *repeatable, int32_t location)
{
    struct ast_tablesample *node = NODE(AST_TABLESAMPLE, ast_tablesample, location);
    node->relation = &relation->node;
    node->method = method;
    node->args = args;
    node->repeatable = repeatable;
    adopt_list(p, &node->node, args);
    adopt(p, &node->node, repeatable);
    return &node->node;
}

/* alias carries the alias and the column definitions from their rule. */
struct ast_node *
build_func_columns(struct parser *p, struct ast_range_function *function,
                   struct ast_range_function *alias)
{
    function->alias = alias->alias;
    function->columns = alias->columns;
    adopt_list(p, &function->node, alias->columns);
    return &function->node;
}

struct ast_range_function *
build_func_alias(struct parser *p, const struct token *name, struct ast_list *columns)
{
    struct ast_range_function *node = NODE(AST_RANGE_FUNCTION, ast_range_function, -1);
    node->alias = name == NULL ? NULL : build_alias(p, *name, NULL);
    node->columns = columns;
    return node;
}

struct ast_node *
build_range_subquery(struct parser *p, bool is_lateral, struct ast_select *query,
                     struct ast_alias *alias)
{
    struct ast_range_subquery *node =
        NODE(AST_RANGE_SUBQUERY, ast_range_subquery, query->node.location);
    node->is_lateral = is_lateral;
    node->query = query;
    node->alias = alias;
    adopt(p, &node->node, &query->node);
    return &node->node;
}

/* qual carries USING or ON from its rule. */
struct ast_node *
build_join(struct parser *p, int type, bool is_natural, struct ast_node *left,
           struct ast_node *right, struct ast_join *qual, int32_t location)
{
    struct ast_join *join = NODE(AST_JOIN, ast_join, location);
    join->type = (enum ast_join_type)type;
    join->is_natural = is_natural;
    join->left = left;
    join->right = right;
    if (qual != NULL) {
        join->using_columns = qual->using_columns;
        join->using_alias = qual->using_alias;
        join->condition = qual->condition;
        adopt(p, &join->node, qual->condition);
    }
    adopt(p, &join->node, left);
    adopt(p, &join->node, right);
    return &join->node;
}

struct ast_alias *
build_alias(struct parser *p, struct token name, struct ast_list *columns)
{
    struct ast_alias *alias = NODE(AST_ALIAS, ast_alias, name.location);
    alias->name = name.text;
    alias->columns = columns;
    return alias;
}

struct ast_range_function *
build_range_function(struct parser *p, struct ast_list *functions, bool has_ordinality,
                     int32_t location)
{
    struct ast_range_function *node = NODE(AST_RANGE_FUNCTION, ast_range_function, location);
    node->functions = functions;
    node->has_ordinality = has_ordinality;
    adopt_list(p, &node->node, functions);
    return node;
}

struct ast_node *
build_function_item(struct parser *p, struct ast_node *call, struct ast_list *columns)
{
    struct ast_function_item *node = NODE(AST_FUNCTION_ITEM, ast_function_item, call->location);
    node->call = call;
    node->columns = columns;
    adopt(p, &node->node, call);
    adopt_list(p, &node->node, columns);
    return &node->node;
}

struct ast_node *
build_plain_column(struct parser *p, struct token name, struct ast_type_name *type,
                   struct ast_list *collation)
{
    struct ast_column_def *column = NODE(AST_COLUMN_DEF, ast_column_def, name.location);
    column->name = name.text;
    column->type = type;
    column->collation = collation;
    adopt(p, &column->node, &type->node);
    return &column->node;
}

/* ---- windows ---- */

struct ast_window *
build_window(struct parser *p, struct ast_list *partition_by, struct ast_list *order_by,
             struct ast_window *frame)
{
    struct ast_window *window = frame != NULL ? frame : NODE(AST_WINDOW, ast_window, -1);
    window->partition_by = partition_by;
    window->order_by = order_by;
    adopt_list(p, &window->node, partition_by);
    adopt_list(p, &window->node, order_by);
    return window;
}

/* Each bound is a window whose start is set. */
struct ast_window *
build_frame(struct parser *p, struct ast_window *start, struct ast_window *end)
{
    int32_t location = start->node.location;
    if (start->start == AST_UNBOUNDED_FOLLOWING) {
        parser_error_set(p, KY_WINDOWING_ERROR, location,
                         "frame start cannot be UNBOUNDED FOLLOWING");
    } else if (end == NULL && start->start == AST_FOLLOWING) {
        parser_error_set(p, KY_WINDOWING_ERROR, location,
                         "frame starting from following row cannot end with current row");
    }
    start->end = AST_CURRENT_ROW;
    if (end == NULL) {
        adopt(p, &start->node, start->start_offset);
        return start;
    }
    start->is_between = true;
    start->end = end->start;
    start->end_offset = end->start_offset;
    adopt(p, &start->node, start->start_offset);
    adopt(p, &start->node, start->end_offset);
    location = end->node.location;
    if (start->end == AST_UNBOUNDED_PRECEDING) {
        parser_error_set(p, KY_WINDOWING_ERROR, location,
                         "frame end cannot be UNBOUNDED PRECEDING");
    } else if (start->start == AST_CURRENT_ROW && start->end == AST_PRECEDING) {
        parser_error_set(p, KY_WINDOWING_ERROR, location,
                         "frame starting from current row cannot have preceding rows");
    } else if (start->start == AST_FOLLOWING &&
               (start->end == AST_PRECEDING || start->end == AST_CURRENT_ROW)) {
        parser_error_set(p, KY_WINDOWING_ERROR, location,
                         "frame starting from following row cannot have preceding rows");
    }
    return start;
}

/* ---- INSERT, UPDATE, DELETE ---- */

struct ast_insert *
build_insert_rest(struct parser *p, struct ast_list *columns, int overriding,
                  struct ast_select *query)
{
    struct ast_insert *insert = NODE(AST_INSERT, ast_insert, -1);
    insert->columns = columns;
    insert->overriding = (enum ast_overriding)overriding;
    insert->query = query;
    if (query != NULL) {
        adopt(p, &insert->node, &query->node);
    }
    return insert;
}

struct ast_node *
build_insert(struct parser *p, struct ast_insert *insert, struct ast_with *with,
             struct ast_range_var *relation, struct ast_on_conflict *on_conflict,
             struct ast_list *returning, int32_t location)
{
    insert->node.location = location;
    insert->with = with;
    insert->relation = relation;
    insert->on_conflict = on_conflict;
    insert->returning = returning;
    adopt_list(p, &insert->node, insert->columns);
    adopt_list(p, &insert->node, returning);
    if (with != NULL) {
        adopt(p, &insert->node, &with->node);
    }
    if (on_conflict != NULL) {
        adopt_list(p, &insert->node, on_conflict->elements);
        adopt_list(p, &insert->node, on_conflict->sets);
        adopt(p, &insert->node, on_conflict->predicate);
        adopt(p, &insert->node, on_conflict->where);
    }
    return &insert->node;
}

struct ast_update *
build_update_body(struct parser *p, struct ast_list *sets, struct ast_list *from,
                  struct ast_node *where, struct ast_list *returning)
{
    struct ast_update *update = NODE(AST_UPDATE, ast_update, -1);
    update->sets = sets;
    update->from = from;
    update->where = where;
    update->returning = returning;
    adopt_list(p, &update->node, sets);
    adopt_list(p, &update->node, from);
    adopt(p, &update->node, where);
    adopt_list(p, &update->node, returning);
    return update;
}

struct ast_node *
build_update(struct parser *p, struct ast_update *update, struct ast_with *with,
             struct ast_range_var *relation, const struct token *alias, int32_t location)
{
    update->node.location = location;
    update->with = with;
    update->relation = relation;
    if (alias != NULL) {
        relation->alias = build_alias(p, *alias, NULL);
    }
    if (with != NULL) {
        adopt(p, &update->node, &with->node);
    }
    return &update->node;
}

struct ast_node *
build_delete(struct parser *p, struct ast_with *with, struct ast_range_var *relation,
             struct ast_list *using_from, struct ast_node *where, struct ast_list *returning,
             int32_t location)
{
    struct ast_delete *node = NODE(AST_DELETE, ast_delete, location);
    node->with = with;
    node->relation = relation;
    node->using_from = using_from;
    node->where = where;
    node->returning = returning;
    adopt_list(p, &node->node, using_from);
    adopt(p, &node->node, where);
    adopt_list(p, &node->node, returning);
    if (with != NULL) {
        adopt(p, &node->node, &with->node);
    }
    return &node->node;
}

struct ast_node *
build_merge(struct parser *p, struct ast_with *with, struct ast_range_var *relation,
            struct ast_node *source, struct ast_node *condition, struct ast_list *whens,
            int32_t location)
{
    struct ast_merge *merge = NODE(AST_MERGE, ast_merge, location);
    merge->with = with;
    merge->relation = relation;
    merge->source = source;
    merge->condition = condition;
    merge->whens = whens;
    adopt(p, &merge->node, source);
    adopt(p, &merge->node, condition);
    adopt_list(p, &merge->node, whens);
    if (with != NULL) {
        adopt(p, &merge->node, &with->node);
    }
    return &merge->node;
}

struct ast_merge_when *
build_merge_when(struct parser *p, bool is_matched, enum ast_merge_action action,
                 struct ast_node *condition, int32_t location)
{
    struct ast_merge_when *when = NODE(AST_MERGE_WHEN, ast_merge_when, location);
    when->is_matched = is_matched;
    when->action = action;
    when->condition = condition;
    adopt(p, &when->node, condition);
    return when;
}

struct ast_merge_when *
build_merge_insert(struct parser *p, struct ast_merge_when *when, struct ast_list *columns,
                   int overriding, struct ast_node *condition, int32_t location)
{
    when->node.location = location;
    when->columns = columns;
    when->overriding = (enum ast_overriding)overriding;
    when->condition = condition;
    adopt_list(p, &when->node, columns);
    adopt(p, &when->node, condition);
    return when;
}

struct ast_node *
build_current_of(struct parser *p, struct token cursor, int32_t location)
{
    struct ast_current_of *node = NODE(AST_CURRENT_OF, ast_current_of, location);
    node->cursor = cursor.text;
    return &node->node;
}

struct ast_node *
build_multi_assign(struct parser *p, struct ast_list *targets, struct ast_node *source,
                   int32_t location)
{
    struct ast_multi_assign *node = NODE(AST_MULTI_ASSIGN, ast_multi_assign, location);
    node->targets = targets;
    node->source = source;
    adopt_list(p, &node->node, targets);
    adopt(p, &node->node, source);
    return &node->node;
}
