/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/*
 * Who names this column, or this table? Binding finds out for every name what it means, whatever
 * the scopes and aliases; a watch looks on, and writes the new name into the syntax tree.
 *
 *   SELECT t.b, u.x FROM s.t, u            t.b is to be called c:   SELECT t.c AS b, u.x FROM s.t,
 * u s.t is to be called r:   SELECT t.b, u.x FROM s.r AS t, u
 */

static struct bind_watch *
watch_of(const struct binder *b)
{
    return b->view_depth == 0 ? b->context->watch : NULL;
}

static bool
is_watched(const struct bind_watch *watch, const struct cat_table *table)
{
    return table != NULL &&
           (watch->table == OID_NONE ? table->schema == watch->schema : table->oid == watch->table);
}

/* The table reference that a resolved column is of, and its number there; NULL: it is of none. */
static const struct table_ref *
ref_of(const struct scope *scope, const struct expr *expr, uint16_t *column_out)
{
    for (uint16_t i = 0; expr->kind == EXPR_COLUMN && i < expr->levels_up && scope != NULL; i++) {
        scope = scope->parent;
    }
    if (scope == NULL || scope->query == NULL || expr->kind != EXPR_COLUMN ||
        expr->table >= scope->query->table_count) {
        return NULL;
    }
    *column_out = expr->column;
    return scope->query->tables[expr->table];
}

static bool
is_watched_column(const struct bind_watch *watch, const struct scope *scope,
                  const struct expr *expr, const char **name_out)
{
    uint16_t column = 0;
    if (expr->kind == EXPR_INPUT) { /* a table's own expression */
        *name_out = NULL;
        return expr->index + 1 == (uint32_t)watch->column;
    }
    const struct table_ref *ref = ref_of(scope, expr, &column);
    if (ref == NULL || !is_watched(watch, ref->table) || column + 1 != watch->column) {
        return false;
    }
    *name_out = ref->table->columns[column].name;
    return true;
}

static void
write_name(const struct ast_list *names, const char *name)
{
    struct ast_string *last = (void *)names->items[names->count - 1];
    last->text = name;
}

void
watch_column(struct binder *b, const struct scope *scope, const struct ast_column_ref *node,
             const struct expr *expr)
{
    struct bind_watch *watch = watch_of(b);
    const char *own_name = NULL;
    if (watch == NULL || node->names->items[node->names->count - 1]->kind != AST_STRING) {
        return;
    }
    if (watch->column == 0) {
        uint16_t column;
        const struct table_ref *ref = ref_of(scope, expr, &column);
        if (ref != NULL && is_watched(watch, ref->table) &&
            (watch->new_name != NULL || watch->new_schema != NULL) &&
            node->names->count == 3) { /* schema.table.column: its schema need not be said */
            struct ast_list *names = node->names;
            names->items++;
            names->count--;
        }
        return;
    }
    if (!is_watched_column(watch, scope, expr, &own_name)) {
        return;
    }
    watch->is_found = true;
    /* FROM t AS x (a, b) gives it a name that stays. */
    if (watch->new_name != NULL &&
        (own_name == NULL || strcmp(own_name, ast_name_last(node->names)) == 0)) {
        write_name(node->names, watch->new_name);
    }
}

void
watch_star(struct binder *b, const struct scope *scope, const struct expr *expr)
{
    struct bind_watch *watch = watch_of(b);
    const char *own_name;
    if (watch != NULL && watch->column != 0 && is_watched_column(watch, scope, expr, &own_name)) {
        watch->is_found = true;
    }
}

void
watch_merge(struct binder *b, const struct scope *scope, const struct expr *expr)
{
    struct bind_watch *watch = watch_of(b);
    const char *own_name;
    if (watch != NULL && watch->column != 0 && is_watched_column(watch, scope, expr, &own_name)) {
        watch->is_found = watch->is_merged = true;
    }
}

void
watch_relation(struct binder *b, const struct ast_range_var *read, const struct cat_table *table)
{
    struct bind_watch *watch = watch_of(b);
    struct ast_range_var *node = (struct ast_range_var *)(uintptr_t)read;
    if (watch == NULL || watch->column != 0 || !is_watched(watch, table)) {
        return;
    }
    watch->is_found = true;
    if (watch->new_name != NULL && node->alias == NULL) {
        node->alias = ky_arena_new(b->arena, struct ast_alias);
        *node->alias =
            (struct ast_alias){.node = {.kind = AST_ALIAS, .location = -1}, .name = table->name};
    }
    if (watch->new_name != NULL) {
        node->name = watch->new_name;
    }
    if (watch->new_schema != NULL) {
        node->schema = watch->new_schema;
    }
}

void
watch_target(struct binder *b, const struct ast_target *read, const char *label)
{
    struct bind_watch *watch = watch_of(b);
    if (watch != NULL && watch->new_name != NULL && watch->column != 0 && read->name == NULL &&
        strcmp(label, column_label(read->expression)) != 0) {
        ((struct ast_target *)(uintptr_t)read)->name = label;
    }
}
