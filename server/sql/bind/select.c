/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/* One SELECT: its target list, and the order in which its clauses are bound. */

struct target_list {
    struct target *targets;
    uint16_t count;
    uint16_t capacity;
    struct ast_list *spelled; /* NULL: stars stay as they are */
};

static struct target *
add_target(struct binder *b, struct target_list *list)
{
    if (list->count == list->capacity) {
        uint16_t capacity = list->capacity == 0 ? 8 : (uint16_t)(list->capacity * 2);
        struct target *targets = ky_arena_array(b->arena, struct target, capacity);
        if (list->count > 0) {
            memcpy(targets, list->targets, list->count * sizeof(*targets));
        }
        list->targets = targets;
        list->capacity = capacity;
    }
    return &list->targets[list->count++];
}

/* Which table's column a plain column comes from, for RowDescription. */
static void
set_origin(const struct scope *scope, struct target *target)
{
    const struct expr *expr = target->expr;
    if (expr->kind != EXPR_COLUMN || expr->levels_up != 0 || expr->column >= EXPR_SYSTEM_FIRST ||
        scope->query == NULL || expr->table >= scope->query->table_count) {
        return;
    }
    const struct table_ref *ref = scope->query->tables[expr->table];
    if (ref->table != NULL) {
        target->origin_table = ref->table->oid;
        target->origin_column = (int16_t)(expr->column + 1);
        return;
    }
    const struct query *source = ref->kind == TABLE_SUBQUERY ? ref->subquery
                                 : ref->kind == TABLE_CTE    ? ref->cte->query
                                                             : NULL;
    if (source != NULL && expr->column < source->target_count && !source->has_returning) {
        target->origin_table = source->targets[expr->column].origin_table;
        target->origin_column = source->targets[expr->column].origin_column;
    }
}

static void
spell_target(struct binder *b, struct ast_node *node, struct target_list *list)
{
    struct ast_list *spelled = list->spelled;
    if (spelled->count == spelled->capacity) {
        const int32_t capacity = KY_MAX(spelled->capacity * 2, 8);
        struct ast_node **items = ky_arena_array(b->arena, struct ast_node *, (size_t)capacity);
        if (spelled->count > 0) {
            memcpy(items, spelled->items, (size_t)spelled->count * sizeof(*items));
        }
        spelled->items = items;
        spelled->capacity = capacity;
    }
    spelled->items[spelled->count++] = node;
}

static ky_status
check_target_count(struct binder *b, const struct target_list *list)
{
    if (list->count > ROW_COLUMNS_MAX + 64) {
        return ky_error_set(b->err, KY_TOO_MANY_COLUMNS, "target lists can have at most %d entries",
                            ROW_COLUMNS_MAX + 64);
    }
    return KY_OK;
}

/*
 * A view's columns are those of the day it was made: what a star stands for is written in its
 * place. A column is named with its table, where that can be seen; merged ones have no table.
 */
static void
spell_column(struct binder *b, struct scope *scope, const struct ns_item *item, const char *name,
             const struct expr *expr, struct target_list *list)
{
    const char *table = item->name;
    const struct query *query = scope->query;
    uint16_t levels_up;
    if (table == NULL && expr->kind == EXPR_COLUMN && expr->levels_up == 0 &&
        expr->table < query->table_count &&
        expr->column < query->tables[expr->table]->column_count) {
        const struct table_ref *ref = query->tables[expr->table];
        const struct ns_item *seen =
            ref->alias == NULL ? NULL : scope_find_item(b, scope, NULL, ref->alias, &levels_up);
        if (seen != NULL && levels_up == 0 && seen->ref == ref) {
            table = ref->alias;
            name = ref->columns[expr->column].name;
        }
    }
    struct ast_column_ref *column = ky_arena_new(b->arena, struct ast_column_ref);
    struct ast_list *names = ky_arena_new(b->arena, struct ast_list);
    struct ast_target *part = ky_arena_new(b->arena, struct ast_target);
    names->items = ky_arena_array(b->arena, struct ast_node *, 2);
    const char *const texts[2] = {table, name};
    for (int i = table == NULL; i < 2; i++) {
        struct ast_string *text = ky_arena_new(b->arena, struct ast_string);
        *text = (struct ast_string){.node = {.kind = AST_STRING, .location = -1}, .text = texts[i]};
        names->items[names->count++] = &text->node;
    }
    *column =
        (struct ast_column_ref){.node = {.kind = AST_COLUMN_REF, .location = -1}, .names = names};
    *part = (struct ast_target){.node = {.kind = AST_TARGET, .location = -1},
                                .expression = &column->node};
    spell_target(b, &part->node, list);
}

static ky_status
expand_item(struct binder *b, struct scope *scope, const struct scope *at,
            const struct ns_item *item, uint16_t levels_up, int location, struct target_list *list)
{
    uint16_t count = item_column_count(item);
    for (uint16_t i = 0; i < count; i++) {
        const char *name = item_column_name(item, i);
        if (name == NULL) {
            continue;
        }
        KY_TRY(check_target_count(b, list));
        struct target *target = add_target(b, list);
        target->expr = item_column(b, at, item, i, levels_up, location);
        target->name = name;
        watch_star(b, at, target->expr);
        set_origin(scope, target);
        if (list->spelled != NULL) {
            spell_column(b, scope, item, name, target->expr, list);
        }
    }
    return KY_OK;
}

/* KyroDB's vector form: * is key and dist. */
static ky_status
expand_vector_star(struct binder *b, struct scope *scope, int location, struct target_list *list)
{
    const struct table_ref *ref = scope->query->tables[0];
    uint16_t key = 0;
    const struct cat_table *table = ref->table;
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        const struct cat_constraint *constraint = table->constraints[i];
        if (constraint->kind == CONSTRAINT_PRIMARY && constraint->column_count > 0) {
            key = (uint16_t)(constraint->columns[0] - 1);
        }
    }
    for (uint16_t i = 0; i < ref->column_count; i++) {
        if (ref->columns[i].name != NULL && strcmp(ref->columns[i].name, "key") == 0) {
            key = i;
        }
    }
    struct target *target = add_target(b, list);
    target->expr = item_column(b, scope, &scope->items[0], key, 0, location);
    target->name = ref->columns[key].name;
    set_origin(scope, target);
    target = add_target(b, list);
    target->expr = scope->distance;
    target->name = "dist";
    return KY_OK;
}

/* r.* of a row that the program around the query has. */
static ky_status
expand_variable(struct binder *b, const struct ast_column_ref *ref, struct target_list *list,
                bool *is_row_out)
{
    struct expr *row;
    KY_TRY(bind_variable(b, ref->names, true, ref->node.location, &row));
    *is_row_out = row != NULL && row->kind == EXPR_ROW;
    for (uint16_t i = 0; *is_row_out && i < row->arg_count; i++) {
        struct target *target = add_target(b, list);
        target->expr = row->args[i];
        target->name = row->field_names[i];
    }
    return KY_OK;
}

static ky_status
expand_star(struct binder *b, struct scope *scope, const struct ast_column_ref *ref,
            struct target_list *list)
{
    const struct ast_list *names = ref->names;
    int location = ref->node.location;
    if (names->count > 1) {
        uint16_t levels_up;
        const char *table = ast_list_text(names, names->count - 2);
        const char *schema = names->count > 2 ? ast_list_text(names, names->count - 3) : NULL;
        const struct ns_item *item = scope_find_item(b, scope, schema, table, &levels_up);
        if (item == NULL) {
            bool is_row;
            KY_TRY(expand_variable(b, ref, list, &is_row));
            return is_row ? KY_OK : error_missing_table(b, scope, table, location);
        }
        const struct scope *at = scope;
        for (uint16_t i = 0; i < levels_up; i++) {
            at = at->parent;
        }
        return expand_item(b, scope, at, item, levels_up, location, list);
    }
    if (scope->distance != NULL) {
        return expand_vector_star(b, scope, location, list);
    }
    bool is_any = false;
    for (int i = 0; i < scope->item_count; i++) {
        if (i >= scope->visible_from && scope->items[i].are_columns_visible) {
            is_any = true;
            KY_TRY(expand_item(b, scope, scope, &scope->items[i], 0, location, list));
        }
    }
    if (!is_any) {
        return bind_error(b, location, KY_SYNTAX_ERROR,
                          "SELECT * with no tables specified is not valid");
    }
    return KY_OK;
}

/* (f(x)).*: the fields of a composite. */
static ky_status
expand_composite(struct binder *b, struct scope *scope, const struct ast_indirection *node,
                 enum clause clause, struct target_list *list)
{
    struct ast_list steps = *node->steps;
    steps.count--;
    struct expr *expr;
    if (steps.count > 0) {
        struct ast_indirection inner = *node;
        inner.steps = &steps;
        KY_TRY(bind_expr_in(b, scope, clause, &inner.node, &expr));
    } else {
        if (node->arg->kind == AST_COLUMN_REF) {
            /* (t).* is t.* */
            const struct ast_column_ref *ref = (const void *)node->arg;
            uint16_t levels_up;
            const char *name = ast_name_last(ref->names);
            if (ref->names->count == 1) {
                const struct ns_item *item = scope_find_item(b, scope, NULL, name, &levels_up);
                if (item != NULL && levels_up == 0) {
                    return expand_item(b, scope, scope, item, 0, node->node.location, list);
                }
            }
        }
        KY_TRY(bind_expr_in(b, scope, clause, node->arg, &expr));
    }
    const char **names;
    const struct type **types;
    int count = composite_fields(composite_source(scope, expr), &names, &types, b->arena);
    if (count == 0) {
        return bind_error(b, node->node.location, KY_FEATURE_NOT_SUPPORTED,
                          "record type has not been registered");
    }
    for (int i = 0; i < count; i++) {
        struct target *target = add_target(b, list);
        target->expr = make_field(b, expr, i, types[i], node->node.location);
        target->name = names[i];
    }
    return KY_OK;
}

static bool
ends_in_star(const struct ast_list *list)
{
    return ast_list_count(list) > 0 && list->items[list->count - 1]->kind == AST_STAR;
}

static ky_status
bind_one_target(struct binder *b, struct scope *scope, const struct ast_target *node,
                enum clause clause, struct target_list *list)
{
    const struct ast_node *expression = node->expression;
    if (expression->kind == AST_STAR) {
        struct ast_node star = *expression;
        struct ast_node *items[] = {&star};
        struct ast_list names = {.items = items, .count = 1, .capacity = 1};
        struct ast_column_ref ref = {.node = *expression, .names = &names};
        return expand_star(b, scope, &ref, list);
    }
    if (expression->kind == AST_COLUMN_REF) {
        const struct ast_column_ref *ref = (const void *)expression;
        if (ends_in_star(ref->names)) {
            return expand_star(b, scope, ref, list);
        }
    }
    if (expression->kind == AST_INDIRECTION &&
        ends_in_star(((const struct ast_indirection *)(const void *)expression)->steps)) {
        return expand_composite(b, scope, (const void *)expression, clause, list);
    }
    struct expr *expr;
    const char *label = column_label(expression);
    KY_TRY(bind_expr_in(b, scope, clause, expression, &expr));
    watch_target(b, node, label);
    if (!scope->are_unknowns_kept) {
        KY_TRY(resolve_unknown(b, expr, &expr));
    }
    KY_TRY(check_target_count(b, list));
    struct target *target = add_target(b, list);
    target->expr = expr;
    target->name = node->name != NULL ? node->name : column_label(expression);
    set_origin(scope, target);
    return KY_OK;
}

ky_status
bind_targets(struct binder *b, struct scope *scope, const struct ast_list *nodes,
             enum clause clause, struct target **targets_out, uint16_t *count_out)
{
    struct target_list list = {0};
    struct ast_list spelled = {0};
    list.spelled = b->context->writes_names && scope->distance == NULL ? &spelled : NULL;
    for (int32_t i = 0; i < ast_list_count(nodes); i++) {
        struct ast_node *node = ast_list_get(nodes, i);
        const int32_t before = spelled.count;
        KY_TRY(bind_one_target(b, scope, (const void *)node, clause, &list));
        if (list.spelled != NULL && spelled.count == before) {
            spell_target(b, node, &list);
        }
    }
    if (spelled.count > 0) {
        *(struct ast_list *)(uintptr_t)nodes = spelled;
    }
    *targets_out = list.targets;
    *count_out = list.count;
    return KY_OK;
}

void
add_hidden_target(struct binder *b, struct query *query, struct expr *expr)
{
    struct target *targets =
        ky_arena_array(b->arena, struct target, (size_t)query->target_count + 1);
    if (query->target_count > 0) {
        memcpy(targets, query->targets, query->target_count * sizeof(*targets));
    }
    targets[query->target_count] =
        (struct target){.expr = expr, .name = "?column?", .is_hidden = true};
    query->targets = targets;
    query->target_count++;
}

uint16_t
query_width(const struct query *query)
{
    if (query->has_returning) {
        return query->returning_count;
    }
    uint16_t width = query->target_count;
    while (width > 0 && query->targets[width - 1].is_hidden) {
        width--;
    }
    return width;
}

void
query_columns(struct binder *b, const struct query *query, const struct ast_list *aliases,
              struct table_column **columns_out, uint16_t *count_out)
{
    uint16_t count = query_width(query);
    const struct target *targets = query->has_returning ? query->returning : query->targets;
    struct table_column *columns = ky_arena_array(b->arena, struct table_column, (size_t)count + 1);
    for (uint16_t i = 0; i < count; i++) {
        columns[i].name = i < ast_list_count(aliases) ? ast_list_text(aliases, i) : targets[i].name;
        columns[i].type = targets[i].expr->type;
        columns[i].typmod = targets[i].expr->typmod;
        /* Of several branches or rows the first one's says nothing of the others. */
        columns[i].domain = query->kind == QUERY_SET_OPERATION || query->kind == QUERY_VALUES
                                ? OID_NONE
                                : targets[i].expr->domain;
    }
    *columns_out = columns;
    *count_out = count;
}

ky_status
bind_select_body(struct binder *b, struct scope *scope, const struct ast_select *node)
{
    struct query *query = scope->query;
    const struct ast_node *where = node->where;
    KY_TRY(bind_from(b, scope, node->from));
    if (where != NULL) {
        KY_TRY(bind_vector_form(b, scope, node, &where));
    }
    if (node->windows != NULL) {
        KY_TRY(bind_named_windows(b, scope, node->windows));
    }
    KY_TRY(bind_targets(b, scope, node->targets, CLAUSE_TARGET, &query->targets,
                        &query->target_count));
    if (where != NULL) {
        KY_TRY(bind_condition(b, scope, CLAUSE_WHERE, "WHERE", where, &query->where));
    }
    if (node->having != NULL) {
        KY_TRY(bind_condition(b, scope, CLAUSE_HAVING, "HAVING", node->having, &query->having));
    }
    KY_TRY(bind_order_and_limit(b, scope, node));
    if (is_written(b)) {
        KY_TRY(bind_all_windows(b, scope));
    }
    query->has_aggregates = scope->has_aggregates || query->group_count > 0 ||
                            ast_list_count(node->group_by) > 0 || node->having != NULL;
    if (query->has_aggregates) {
        KY_TRY(check_grouping(b, scope));
    }
    if (node->locking != NULL) {
        KY_TRY(bind_locking(b, scope, node));
    }
    return KY_OK;
}

ky_status
bind_select(struct binder *b, struct scope *parent, const struct ast_select *node,
            bool are_unknowns_kept, struct query **out)
{
    if (b->query_depth >= BIND_DEPTH_MAX) {
        (void)ky_error_set(b->err, KY_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        return ky_error_hint(b->err, "Queries are nested more than %d levels deep.",
                             BIND_DEPTH_MAX);
    }
    b->query_depth++;
    struct query *query = ky_arena_new(b->arena, struct query);
    struct scope scope;
    scope_init(&scope, parent, query);
    scope.are_unknowns_kept = are_unknowns_kept;
    if (node->with != NULL) {
        KY_TRY(bind_with(b, &scope, node->with));
    }
    if (node->operation != AST_SET_NONE) {
        query->kind = QUERY_SET_OPERATION;
        KY_TRY(bind_set_operation(b, &scope, node));
    } else if (node->values != NULL) {
        query->kind = QUERY_VALUES;
        KY_TRY(bind_values(b, &scope, node));
    } else {
        query->kind = QUERY_SELECT;
        KY_TRY(bind_select_body(b, &scope, node));
    }
    b->query_depth--;
    *out = query;
    return KY_OK;
}
