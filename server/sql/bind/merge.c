/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/*
 * MERGE: the source joined with the target, and what is done with each row of that. A row of the
 * source without one of the target is of interest only where something is inserted.
 */

/* Namespace items: the target's is the first. */
static void
show_target(struct scope *scope, bool is_visible)
{
    scope->items[0].is_table_visible = is_visible;
    scope->items[0].are_columns_visible = is_visible;
}

static ky_status
check_target(struct binder *b, const struct ast_range_var *name)
{
    struct cat_table *table;
    KY_TRY(find_relation(b, name, false, &table));
    if (table->sysview != NULL ||
        (table->kind != 'v' && table->kind != 'm' && table->kind != 'S')) {
        return KY_OK;
    }
    (void)ky_error_set(b->err, KY_FEATURE_NOT_SUPPORTED, "cannot execute MERGE on relation \"%s\"",
                       table->name);
    return ky_error_detail(b->err, "This operation is not supported for %s.",
                           table->kind == 'v'   ? "views"
                           : table->kind == 'm' ? "materialized views"
                                                : "sequences");
}

/* The source sees nothing of the target, and has another name. */
static ky_status
bind_source(struct binder *b, struct scope *scope, struct ast_node *source)
{
    struct ast_list list = {.items = &source, .count = 1, .capacity = 1};
    show_target(scope, false);
    KY_TRY(bind_from(b, scope, &list));
    show_target(scope, true);
    const char *name = scope->items[0].name;
    for (int i = 1; i < scope->item_count; i++) {
        const struct ns_item *item = &scope->items[i];
        if (item->is_table_visible && item->name != NULL && strcmp(item->name, name) == 0) {
            (void)ky_error_set(b->err, KY_DUPLICATE_ALIAS, "name \"%s\" specified more than once",
                               name);
            return ky_error_detail(b->err,
                                   "The name is used both as MERGE target table and data source.");
        }
    }
    return KY_OK;
}

static ky_status
bind_join(struct binder *b, struct scope *scope, const struct ast_merge *node)
{
    struct query *query = scope->query;
    struct from_item *join = ky_arena_new(b->arena, struct from_item);
    KY_TRY(bind_source(b, scope, node->source));
    join->table = -1;
    join->kind = JOIN_INNER;
    for (int32_t i = 0; i < node->whens->count; i++) {
        const struct ast_merge_when *when = (const void *)ast_list_get(node->whens, i);
        join->kind = when->action == AST_MERGE_INSERT ? JOIN_LEFT : join->kind;
    }
    join->left = query->from[0];
    join->right = ky_arena_new(b->arena, struct from_item);
    join->right->table = (int16_t)query->target_table;
    KY_TRY(bind_condition(b, scope, CLAUSE_ON, "JOIN/ON", node->condition, &join->on));
    query->from[0] = join;
    return KY_OK;
}

static ky_status
bind_when(struct binder *b, struct scope *scope, const struct ast_merge_when *node,
          struct merge_action *action)
{
    static const enum merge_kind kinds[] = {[AST_MERGE_NOTHING] = MERGE_NOTHING,
                                            [AST_MERGE_INSERT] = MERGE_INSERT,
                                            [AST_MERGE_UPDATE] = MERGE_UPDATE,
                                            [AST_MERGE_DELETE] = MERGE_DELETE};
    struct query *query = scope->query;
    action->is_matched = node->is_matched;
    action->kind = kinds[node->action];
    show_target(scope, node->is_matched);
    if (node->condition != NULL) {
        KY_TRY(bind_condition(b, scope, CLAUSE_MERGE_WHEN, "WHEN", node->condition,
                              &action->condition));
    }
    switch (node->action) {
    case AST_MERGE_INSERT:
        return bind_merge_insert(b, scope, node, action);
    case AST_MERGE_UPDATE:
        KY_TRY(bind_assignments(b, scope, node->sets));
        action->assignments = query->assignments;
        action->assignment_count = query->assignment_count;
        query->assignments = NULL;
        query->assignment_count = 0;
        return KY_OK;
    case AST_MERGE_NOTHING:
    case AST_MERGE_DELETE:
        return KY_OK;
    }
    return KY_OK;
}

static ky_status
check_reachable(struct binder *b, const struct ast_list *whens)
{
    bool is_ended[2] = {false, false};
    for (int32_t i = 0; i < whens->count; i++) {
        const struct ast_merge_when *when = (const void *)ast_list_get(whens, i);
        if (is_ended[when->is_matched]) {
            return ky_error_set(
                b->err, KY_SYNTAX_ERROR,
                "unreachable WHEN clause specified after unconditional WHEN clause");
        }
        is_ended[when->is_matched] = when->condition == NULL;
    }
    return KY_OK;
}

ky_status
bind_merge(struct binder *b, struct scope *parent, const struct ast_merge *node, struct query **out)
{
    struct query *query = ky_arena_new(b->arena, struct query);
    struct scope scope;
    scope_init(&scope, parent, query);
    query->kind = QUERY_MERGE;
    if (node->with != NULL && node->with->is_recursive) {
        return ky_error_set(b->err, KY_SYNTAX_ERROR,
                            "WITH RECURSIVE is not supported for MERGE statement");
    }
    if (node->with != NULL) {
        KY_TRY(bind_with(b, &scope, node->with));
    }
    KY_TRY(check_reachable(b, node->whens));
    KY_TRY(check_target(b, node->relation));
    KY_TRY(bind_target_table(b, &scope, node->relation, "merge into"));
    KY_TRY(bind_join(b, &scope, node));
    query->merge_actions =
        ky_arena_array(b->arena, struct merge_action, (size_t)node->whens->count);
    for (int32_t i = 0; i < node->whens->count; i++) {
        KY_TRY(bind_when(b, &scope, (const void *)ast_list_get(node->whens, i),
                         &query->merge_actions[query->merge_action_count++]));
    }
    KY_TRY(bind_row_rules(b, query, query->tables[query->target_table]->table));
    *out = query;
    return KY_OK;
}
