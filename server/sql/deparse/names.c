/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/catalog/type_text.h"
#include "server/sql/deparse/deparse_private.h"

/*
 * What tables are called. A name that a query further out has given already is followed by _1, _2
 * and so on, so that every name means one table in all of the text.
 */

/* In PostgreSQL a view's query has two more tables, which rules know by these names. */
static bool
is_rule_name(const char *name)
{
    return strcmp(name, "old") == 0 || strcmp(name, "new") == 0;
}

static bool
is_taken(const struct deparse_level *level, const char *name)
{
    if (is_rule_name(name)) {
        return true;
    }
    for (; level != NULL; level = level->parent) {
        for (uint16_t i = 0; i < level->query->table_count; i++) {
            if (level->names[i] != NULL && strcmp(level->names[i], name) == 0) {
                return true;
            }
        }
    }
    return false;
}

void
dp_level_begin(struct printer *p, struct deparse_level *level, const struct query *query)
{
    struct ky_arena *arena = p->context->arena;
    level->parent = p->level;
    level->query = query;
    level->names = ky_arena_array(arena, const char *, query->table_count + 1U);
    memset(level->names, 0, (query->table_count + 1U) * sizeof(*level->names));
    p->level = level;
    for (uint16_t i = 0; i < query->table_count; i++) {
        const char *given = query->tables[i]->alias;
        const char *name = given;
        for (int copy = 1; name != NULL && is_taken(level, name); copy++) {
            name = ky_arena_printf(arena, "%s_%d", given, copy);
        }
        level->names[i] = name;
    }
}

void
dp_level_end(struct printer *p)
{
    p->level = p->level->parent;
}

const char *
dp_system_name(uint16_t column)
{
    switch (column) {
    case EXPR_SYSTEM_CTID:
        return "ctid";
    case EXPR_SYSTEM_XMIN:
        return "xmin";
    case EXPR_SYSTEM_TABLEOID:
        return "tableoid";
    case EXPR_SYSTEM_OFFSET:
        return "kyro_offset";
    default:
        return NULL;
    }
}

static void
print_input(struct printer *p, const struct expr *expr)
{
    if (p->table == NULL || expr->index >= p->table->column_count) {
        p->is_failed = true;
        return;
    }
    if (p->table->kind == CAT_DOMAIN_VALUES) {
        dp_put(p, "VALUE");
        return;
    }
    ast_print_identifier(p->out, p->table->columns[expr->index].name);
}

void
dp_column(struct printer *p, const struct expr *expr)
{
    const struct deparse_level *level = p->level;
    if (expr->kind == EXPR_INPUT) {
        print_input(p, expr);
        return;
    }
    for (uint16_t i = 0; i < expr->levels_up && level != NULL; i++) {
        level = level->parent;
    }
    if (level == NULL || expr->table >= level->query->table_count ||
        level->names[expr->table] == NULL) {
        p->is_failed = true;
        return;
    }
    const struct table_ref *ref = level->query->tables[expr->table];
    const char *name = expr->column < ref->column_count ? ref->columns[expr->column].name
                                                        : dp_system_name(expr->column);
    ast_print_identifier(p->out, level->names[expr->table]);
    dp_put(p, ".");
    if (name != NULL) {
        ast_print_identifier(p->out, name);
    } else if (expr->column == EXPR_SYSTEM_WHOLE_ROW) {
        dp_put(p, "*");
    } else {
        p->is_failed = true;
    }
}

/* A user's type has its schema where the path does not find it. */
void
dp_type(struct printer *p, const struct type *type, int32_t typmod)
{
    const struct deparse_context *context = p->context;
    const struct cat_type *own =
        type_is_user(type) ? cat_get_type(context->image, type->oid) : NULL;
    if (own == NULL) {
        type_format(type->oid, typmod, p->out);
        return;
    }
    const struct cat_schema *schema = cat_get_schema(context->image, own->schema);
    const bool is_seen =
        context->path != NULL && cat_is_type_visible(context->image, context->path, own);
    if (!is_seen && schema != NULL) {
        ast_print_identifier(p->out, schema->name);
        dp_put(p, ".");
    }
    ast_print_identifier(p->out, own->name);
    dp_put(p, own->oid == type->oid ? "" : "[]");
}

/* A WITH query of the same name would be taken for the relation. */
static bool
is_hidden_by_with(const struct printer *p, const char *name)
{
    for (const struct deparse_level *level = p->level; level != NULL; level = level->parent) {
        for (uint16_t i = 0; i < level->query->cte_count; i++) {
            if (strcmp(level->query->ctes[i]->name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

void
dp_relation_name(struct printer *p, const struct cat_table *table)
{
    const struct deparse_context *context = p->context;
    const bool is_seen =
        context->path != NULL &&
        cat_resolve_table(context->image, context->path, ky_slice_cstr(table->name)) == table &&
        !is_hidden_by_with(p, table->name);
    const struct cat_schema *schema = cat_get_schema(context->image, table->schema);
    if (!is_seen && schema != NULL) {
        ast_print_identifier(p->out, schema->name);
        dp_put(p, ".");
    }
    ast_print_identifier(p->out, table->name);
}
