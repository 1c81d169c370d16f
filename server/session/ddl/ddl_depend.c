/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_private.h"
#include "server/sql/bind/walk.h"

/*
 * What goes with a table or a column, and what has to say its new name. Views and a table's
 * expressions are kept as text; what they name is found by binding it (server/sql/bind/watch.c):
 * they are few and short. A view that another view reads is named, not entered: the other depends
 * on it.
 */

/* Does the view itself name what watch looks for? *tree_out: its query, changed as watch says. */
static bool
view_names(struct ddl *ddl, const struct cat_table *view, struct bind_watch *watch,
           struct ast_node **tree_out)
{
    struct ast_list parsed = {0};
    struct query *query = NULL;
    struct ky_error ignored; /* a query that does not bind any more names nothing */
    ky_error_init(&ignored);
    if (!cat_is_view(view) ||
        parse_sql(ddl->arena, ky_slice_cstr(view->view_sql), &parsed, &ignored) != KY_OK) {
        return false;
    }
    const struct ast_statement *statement = (const void *)ast_list_get(&parsed, 0);
    watch->is_found = watch->is_merged = false;
    const oid_t role = ddl->bind.role;
    ddl->bind.watch = watch;
    ddl->bind.role = OID_NONE; /* it was the owner who named them */
    const ky_status status = bind_query(&ddl->bind, statement->statement, &query, &ignored);
    ddl->bind.watch = NULL;
    ddl->bind.role = role;
    *tree_out = statement->statement;
    return status == KY_OK && watch->is_found;
}

static bool
view_reads(struct ddl *ddl, const struct cat_table *view, const struct cat_table *table,
           int16_t column)
{
    struct bind_watch watch = {.table = table->oid, .column = column};
    struct ast_node *tree;
    return view->oid != table->oid && view_names(ddl, view, &watch, &tree);
}

void
ddl_dependents_init(struct ddl *ddl, struct dependents *found)
{
    *found = (struct dependents){
        .views = ky_arena_array(ddl->arena, struct cat_table *, ddl->image->table_count + 1)};
}

void
ddl_dependents_deinit(struct dependents *found)
{
    ky_buffer_deinit(&found->why);
    ky_buffer_deinit(&found->gone);
}

bool
ddl_is_dependent(const struct dependents *found, const struct cat_table *relation)
{
    for (size_t i = 0; i < found->view_count; i++) {
        if (found->views[i] == relation) {
            return true;
        }
    }
    return false;
}

void
ddl_add_dependent(struct ddl *ddl, struct dependents *found, const char *object, const char *what)
{
    const char *end = found->count++ > 0 ? "\n" : "";
    found->first = found->first == NULL ? object : found->first;
    ky_buffer_append_cstr(&found->why,
                          ky_arena_printf(ddl->arena, "%s%s depends on %s", end, object, what));
    ky_buffer_append_cstr(&found->gone,
                          ky_arena_printf(ddl->arena, "%sdrop cascades to %s", end, object));
}

/* Depth first: a view, then what depends on it. */
void
ddl_add_views(struct ddl *ddl, const struct cat_table *table, int16_t column, const char *what,
              struct dependents *found)
{
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        struct cat_table *view = ddl->image->tables[i];
        if (ddl_is_dependent(found, view) || !view_reads(ddl, view, table, column)) {
            continue;
        }
        found->views[found->view_count++] = view;
        const char *object = ky_arena_printf(ddl->arena, "%s %s", ddl_kind_word(view->kind),
                                             ddl_shown_name(ddl, view));
        ddl_add_dependent(ddl, found, object, what);
        ddl_add_views(ddl, view, 0, object, found);
    }
}

ky_status
ddl_lock_matviews(struct ddl *ddl, const struct cat_table *table)
{
    struct dependents found;
    ky_status status = KY_OK;
    ddl_dependents_init(ddl, &found);
    ddl_add_views(ddl, table, 0, "", &found);
    for (size_t i = 0; i < found.view_count && status == KY_OK && !ddl->is_pending; i++) {
        if (found.views[i]->kind == 'm') {
            status = ddl_lock(ddl, found.views[i], LOCK_ACCESS_EXCLUSIVE);
        }
    }
    ddl_dependents_deinit(&found);
    return status;
}

/* Is the generated column computed from the column? */
static ky_status
is_computed_from(struct ddl *ddl, const struct cat_table *table, const struct cat_column *generated,
                 int16_t column, bool *is_so_out)
{
    struct bind_watch watch = {.table = table->oid, .column = column};
    struct expr *expr;
    *is_so_out = false;
    if (generated->generated == 0 || generated->is_dropped || generated->number == column) {
        return KY_OK;
    }
    ddl->bind.watch = &watch;
    const ky_status status =
        bind_table_expression(&ddl->bind, table, generated->default_sql, NULL, -1, &expr, ddl->err);
    ddl->bind.watch = NULL;
    *is_so_out = watch.is_found;
    return status;
}

/* Generated columns that are computed from the column. */
static ky_status
collect_generated(struct ddl *ddl, const struct cat_table *table, int16_t column, const char *what,
                  struct dependents *found, struct dependent_columns *columns)
{
    const char *what_table = ddl_shown_name(ddl, cat_get_table(ddl->image, table->oid));
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *generated = &table->columns[i];
        bool is_so;
        KY_TRY(is_computed_from(ddl, table, generated, column, &is_so));
        if (is_so) {
            columns->names[columns->count++] = generated->name;
            ddl_add_dependent(
                ddl, found,
                ky_arena_printf(ddl->arena, "column %s of table %s", generated->name, what_table),
                what);
        }
    }
    return KY_OK;
}

static void
tell_cascade(struct ddl *ddl, struct dependents *found)
{
    if (found->count == 1) {
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION, "drop cascades to %s",
                       found->first);
    } else if (found->count > 1) {
        ky_buffer_append_byte(&found->gone, '\0');
        session_notice_detail(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                              (const char *)found->gone.data, "drop cascades to %zu other objects",
                              found->count);
    }
}

ky_status
ddl_drop_found(struct ddl *ddl, struct dependents *found, enum ast_behavior behavior,
               const char *what)
{
    if (found->count > 0 && behavior != AST_CASCADE) {
        const char *text = what == NULL ? "cannot drop desired object(s) because other objects "
                                          "depend on them"
                                        : ky_arena_printf(ddl->arena,
                                                          "cannot drop %s because other objects "
                                                          "depend on it",
                                                          what);
        (void)ky_error_set(ddl->err, KY_DEPENDENT_OBJECTS_STILL_EXIST, "%s", text);
        (void)ky_error_detail(ddl->err, "%.*s", (int)found->why.size,
                              (const char *)found->why.data);
        return ky_error_hint(ddl->err, "Use DROP ... CASCADE to drop the dependent objects too.");
    }
    tell_cascade(ddl, found);
    for (size_t i = found->view_count; i > 0; i--) {
        KY_TRY(ddl_drop_table(ddl, found->views[i - 1]));
    }
    return KY_OK;
}

ky_status
ddl_drop_column_users(struct ddl *ddl, const struct cat_table *table, int16_t column,
                      enum ast_behavior behavior, const char *what,
                      struct dependent_columns *columns_out)
{
    struct dependents found;
    ddl_dependents_init(ddl, &found);
    columns_out->count = 0;
    columns_out->names = ky_arena_array(ddl->arena, const char *, table->column_count + 1U);
    ky_status status = collect_generated(ddl, table, column, what, &found, columns_out);
    if (status == KY_OK) {
        ddl_add_views(ddl, table, column, what, &found);
        status = ddl_drop_found(ddl, &found, behavior, what);
    }
    ddl_dependents_deinit(&found);
    return status;
}

ky_status
ddl_drop_readers(struct ddl *ddl, const struct cat_table *table, enum ast_behavior behavior,
                 const char *what, bool is_one_of_many)
{
    struct dependents found;
    ddl_dependents_init(ddl, &found);
    ddl_add_views(ddl, table, 0, what, &found);
    const ky_status status = ddl_drop_found(ddl, &found, behavior, is_one_of_many ? NULL : what);
    ddl_dependents_deinit(&found);
    return status;
}

ky_status
ddl_drop_contents(struct ddl *ddl, const struct cat_schema *schema, enum ast_behavior behavior)
{
    struct dependents found;
    const char *what = ky_arena_printf(ddl->arena, "schema %s", schema->name);
    ddl_dependents_init(ddl, &found);
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        struct cat_table *table = ddl->image->tables[i];
        const bool is_owned = table->kind == 'S' && table->owner_table != OID_NONE;
        if (table->schema != schema->oid || is_owned || ddl_is_dependent(&found, table)) {
            continue;
        }
        const char *object = ky_arena_printf(ddl->arena, "%s %s", ddl_kind_word(table->kind),
                                             ddl_shown_name(ddl, table));
        found.views[found.view_count++] = table;
        ddl_add_dependent(ddl, &found, object, what);
        ddl_add_views(ddl, table, 0, object, &found);
    }
    struct type_drop *types = ddl_type_drop_new(ddl, &found);
    for (size_t i = 0; i < ddl->image->type_count; i++) {
        if (ddl->image->types[i]->schema == schema->oid) {
            ddl_type_drop_add(types, ddl->image->types[i], what);
        }
    }
    for (size_t i = 0; i < ddl->image->extension_count; i++) {
        const struct cat_extension *extension = ddl->image->extensions[i];
        if (extension->schema == schema->oid) {
            ddl_add_dependent(ddl, &found,
                              ky_arena_printf(ddl->arena, "extension %s", extension->name), what);
        }
    }
    ky_status status = ddl_drop_found(ddl, &found, behavior, what);
    if (status == KY_OK) {
        status = ddl_type_drop_run(types);
    }
    for (size_t i = 0; i < ddl->image->extension_count && status == KY_OK; i++) {
        if (ddl->image->extensions[i]->schema == schema->oid) {
            status = ddl_erase(ddl, CAT_EXTENSION, ddl->image->extensions[i]);
        }
    }
    ddl_dependents_deinit(&found);
    return status;
}

ky_status
ddl_check_type_users(struct ddl *ddl, const struct cat_table *table,
                     const struct cat_column *column, const struct new_table *made)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        bool is_so;
        KY_TRY(is_computed_from(ddl, table, &made->columns[i], column->number, &is_so));
        if (is_so) {
            (void)ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                               "cannot alter type of a column used by a generated column");
            return ky_error_detail(ddl->err, "Column \"%s\" is used by generated column \"%s\".",
                                   column->name, made->columns[i].name);
        }
    }
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        const struct cat_table *view = ddl->image->tables[i];
        if (view_reads(ddl, view, table, column->number)) {
            (void)ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                               "cannot alter type of a column used by a view or rule");
            return ky_error_detail(ddl->err, "rule _RETURN on %s %s depends on column \"%s\"",
                                   ddl_kind_word(view->kind), ddl_shown_name(ddl, view),
                                   column->name);
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ new names */

ky_status
ddl_rename_in_views(struct ddl *ddl, struct bind_watch *watch)
{
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        const struct cat_table *view = ddl->image->tables[i];
        struct ast_node *tree;
        if (view->oid == watch->table || !view_names(ddl, view, watch, &tree)) {
            continue;
        }
        if (watch->is_merged) {
            return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                                "cannot rename a column that view \"%s\" joins by USING or NATURAL",
                                view->name);
        }
        struct cat_table changed = *view;
        changed.view_sql = ddl_print(ddl, tree);
        KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &changed, ddl->err));
    }
    return KY_OK;
}

/* The text with the new name, or itself. */
static ky_status
renamed(struct ddl *ddl, const struct cat_table *table, struct bind_watch *watch, const char **sql,
        bool *is_changed)
{
    struct expr *expr;
    if (*sql == NULL) {
        return KY_OK;
    }
    watch->is_found = false;
    ddl->bind.watch = watch;
    const ky_status status =
        bind_table_expression(&ddl->bind, table, *sql, NULL, -1, &expr, ddl->err);
    ddl->bind.watch = NULL;
    KY_TRY(status);
    if (watch->is_found) {
        const char *text = ddl_print(ddl, watch->tree);
        *sql = **sql == '(' && *text != '(' ? ky_arena_printf(ddl->arena, "(%s)", text) : text;
        *is_changed = true;
    }
    return KY_OK;
}

ky_status
ddl_rename_in_table(struct ddl *ddl, const struct cat_table *table, struct bind_watch *watch,
                    struct cat_column *columns)
{
    bool is_changed = false;
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (columns[i].generated != 0 && !columns[i].is_dropped) {
            KY_TRY(renamed(ddl, table, watch, &columns[i].default_sql, &is_changed));
        }
    }
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        struct cat_constraint changed = *table->constraints[i];
        is_changed = false;
        if (changed.kind == CONSTRAINT_CHECK) {
            KY_TRY(renamed(ddl, table, watch, &changed.check_sql, &is_changed));
        }
        if (is_changed) {
            KY_TRY(catalog_update(ddl->txn, CAT_CONSTRAINT, &changed, ddl->err));
        }
    }
    for (uint16_t i = 0; i < table->index_count; i++) {
        struct cat_index *changed = ky_arena_new(ddl->arena, struct cat_index);
        memcpy(changed, table->indexes[i], sizeof(*changed));
        struct cat_key *keys =
            ky_arena_array(ddl->arena, struct cat_key, changed->column_count + 1U);
        memcpy(keys, changed->keys, changed->column_count * sizeof(*keys));
        is_changed = false;
        for (uint16_t k = 0; k < changed->key_count; k++) {
            KY_TRY(renamed(ddl, table, watch, &keys[k].expression_sql, &is_changed));
        }
        KY_TRY(renamed(ddl, table, watch, &changed->predicate_sql, &is_changed));
        if (is_changed) {
            changed->keys = keys;
            KY_TRY(catalog_update(ddl->txn, CAT_INDEX, changed, ddl->err));
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ columns in expressions */

struct column_search {
    uint32_t index;
};

static bool
visit_column(struct expr *expr, int level, void *self)
{
    const struct column_search *search = self;
    return (expr->kind == EXPR_INPUT && expr->index == search->index) ||
           expr_walk_children(expr, level, visit_column, self);
}

bool
ddl_expression_uses(struct ddl *ddl, const struct cat_table *table, const char *sql, int16_t number)
{
    struct column_search search = {(uint32_t)(number - 1)};
    struct expr *expr;
    struct ky_error ignored;
    ky_error_init(&ignored);
    return sql != NULL &&
           bind_table_expression(&ddl->bind, table, sql, NULL, -1, &expr, &ignored) == KY_OK &&
           visit_column(expr, 0, &search);
}

struct column_list {
    int16_t *numbers;
    uint16_t count;
};

/* In the order in which the expression has them, each once. */
static bool
visit_columns(struct expr *expr, int level, void *self)
{
    struct column_list *list = self;
    bool is_new = expr->kind == EXPR_INPUT;
    for (uint16_t i = 0; is_new && i < list->count; i++) {
        is_new = list->numbers[i] != (int16_t)(expr->index + 1);
    }
    if (is_new) {
        list->numbers[list->count++] = (int16_t)(expr->index + 1);
    }
    return expr_walk_children(expr, level, visit_columns, self);
}

ky_status
ddl_check_columns(struct ddl *ddl, const struct cat_table *table, struct cat_constraint *check)
{
    struct expr *expr;
    KY_TRY(bind_table_expression(&ddl->bind, table, check->check_sql, type_get(OID_BOOL), -1, &expr,
                                 ddl->err));
    struct column_list list = {ky_arena_array(ddl->arena, int16_t, table->column_count + 1U), 0};
    (void)visit_columns(expr, 0, &list);
    check->columns = list.numbers;
    check->column_count = list.count;
    return KY_OK;
}

bool
ddl_index_uses(struct ddl *ddl, const struct cat_index *index, int16_t number)
{
    for (uint16_t i = 0; i < index->column_count; i++) {
        if (index->keys[i].column == number ||
            ddl_expression_uses(ddl, index->table, index->keys[i].expression_sql, number)) {
            return true;
        }
    }
    return ddl_expression_uses(ddl, index->table, index->predicate_sql, number);
}
