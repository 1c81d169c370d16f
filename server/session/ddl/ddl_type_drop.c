/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/session/ddl/ddl_private.h"

/*
 * DROP TYPE. A type is used by columns of it and of its array, and by what is kept as text and
 * names it: defaults, generated columns, checks, indexes, views. With CASCADE all of these go:
 * views first, then each table is altered by one ALTER TABLE, then indexes that are left.
 */

struct table_work {
    const struct cat_table *table;
    struct ast_list commands; /* of an ALTER TABLE */
    const struct cat_index **indexes;
    uint16_t index_count;
};

struct type_drop {
    struct ddl *ddl;
    struct dependents *found;
    const struct cat_type **types;
    size_t type_count;
    struct table_work *works; /* one for each table that is altered */
    size_t work_count;
};

/* ------------------------------------------------------------------ who names a type */

struct naming {
    const struct cat_image *image;
    const struct cat_type *type;
    bool is_found;
};

static void
look_at(void *self, const struct type_place *place, struct type_edit *edit KY_UNUSED)
{
    struct naming *naming = self;
    naming->is_found =
        naming->is_found || cat_get_type(naming->image, place->type->oid) == naming->type;
}

static bool
names_type(struct ddl *ddl, const struct cat_type *type, const char *text)
{
    struct naming naming = {ddl->image, type, false};
    (void)type_text_edit(ddl->arena, ddl->image, text, look_at, &naming);
    return naming.is_found;
}

static bool
is_of(const struct cat_column *column, const struct cat_type *type)
{
    return !column->is_dropped &&
           (column->type->oid == type->oid || column->type->oid == type->array_oid ||
            column->domain == type->oid);
}

/* Does the relation itself use the type, other than through another relation? */
static bool
uses_type(struct ddl *ddl, const struct cat_type *type, const struct cat_table *table)
{
    bool is_used = names_type(ddl, type, table->view_sql);
    for (uint16_t i = 0; i < table->column_count && !is_used; i++) {
        is_used = table->kind == 'r' && (is_of(&table->columns[i], type) ||
                                         names_type(ddl, type, table->columns[i].default_sql));
    }
    for (uint16_t i = 0; i < table->constraint_count && !is_used; i++) {
        is_used = names_type(ddl, type, table->constraints[i]->check_sql);
    }
    for (uint16_t i = 0; i < table->index_count && !is_used; i++) {
        const struct cat_index *index = table->indexes[i];
        is_used = names_type(ddl, type, index->predicate_sql);
        for (uint16_t k = 0; k < index->key_count && !is_used; k++) {
            is_used = names_type(ddl, type, index->keys[k].expression_sql);
        }
    }
    return is_used;
}

/* ------------------------------------------------------------------ what goes */

static struct table_work *
work_of(struct type_drop *drop, const struct cat_table *table)
{
    for (size_t i = 0; i < drop->work_count; i++) {
        if (drop->works[i].table == table) {
            return &drop->works[i];
        }
    }
    struct ky_arena *arena = drop->ddl->arena;
    const size_t commands = 2U * table->column_count + table->constraint_count;
    struct table_work *work = &drop->works[drop->work_count++];
    *work = (struct table_work){
        .table = table,
        .commands = {.items = ky_arena_array(arena, struct ast_node *, commands + 1)},
        .indexes = ky_arena_array(arena, const struct cat_index *, table->index_count + 1U)};
    return work;
}

static void
add_command(struct type_drop *drop, const struct cat_table *table, enum ast_alter_type type,
            const char *name)
{
    struct table_work *work = work_of(drop, table);
    for (int32_t i = 0; i < work->commands.count; i++) {
        const struct ast_alter_command *other = (const void *)work->commands.items[i];
        if (other->type == type && strcmp(other->name, name) == 0) {
            return;
        }
    }
    struct ast_alter_command *command = ky_arena_new(drop->ddl->arena, struct ast_alter_command);
    *command = (struct ast_alter_command){.node = {.kind = AST_ALTER_COMMAND, .location = -1},
                                          .type = type,
                                          .name = name,
                                          .behavior = AST_CASCADE};
    work->commands.items[work->commands.count++] = &command->node;
}

/* "column a of table t" and what is computed from nothing else than it. */
static void
add_column(struct type_drop *drop, const struct cat_table *table, const struct cat_column *column,
           const char *type)
{
    struct ddl *ddl = drop->ddl;
    const char *object = ky_arena_printf(ddl->arena, "column %s of table %s", column->name,
                                         ddl_shown_name(ddl, table));
    ddl_add_dependent(ddl, drop->found, object, type);
    add_command(drop, table, AST_DROP_COLUMN, column->name);
    ddl_add_views(ddl, table, column->number, object, drop->found);
}

static bool
is_column_going(const struct type_drop *drop, const struct cat_table *table, int16_t number)
{
    for (size_t i = 0; i < drop->work_count; i++) {
        const struct table_work *work = &drop->works[i];
        for (int32_t k = 0; work->table == table && k < work->commands.count; k++) {
            const struct ast_alter_command *command = (const void *)work->commands.items[k];
            if (command->type == AST_DROP_COLUMN &&
                strcmp(command->name, table->columns[number - 1].name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void
add_checks(struct type_drop *drop, const struct cat_table *table, const struct cat_type *type,
           const char *what)
{
    struct ddl *ddl = drop->ddl;
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        const struct cat_constraint *check = table->constraints[i];
        bool is_going = !names_type(ddl, type, check->check_sql);
        for (uint16_t k = 0; k < check->column_count && !is_going; k++) {
            is_going = is_column_going(drop, table, check->columns[k]);
        }
        if (!is_going) {
            add_command(drop, table, AST_DROP_CONSTRAINT, check->name);
            ddl_add_dependent(ddl, drop->found,
                              ky_arena_printf(ddl->arena, "constraint %s on table %s", check->name,
                                              ddl_shown_name(ddl, table)),
                              what);
        }
    }
}

static void
add_indexes(struct type_drop *drop, const struct cat_table *table, const struct cat_type *type,
            const char *what)
{
    struct ddl *ddl = drop->ddl;
    for (uint16_t i = 0; i < table->index_count; i++) {
        const struct cat_index *index = table->indexes[i];
        bool is_named = names_type(ddl, type, index->predicate_sql);
        for (uint16_t k = 0; k < index->key_count; k++) {
            is_named = is_named || names_type(ddl, type, index->keys[k].expression_sql);
        }
        for (int16_t c = 1; c <= table->column_count && is_named; c++) {
            is_named = !is_column_going(drop, table, c) || !ddl_index_uses(ddl, index, c);
        }
        if (is_named) {
            struct table_work *work = work_of(drop, table);
            work->indexes[work->index_count++] = index;
            ddl_add_dependent(ddl, drop->found,
                              ky_arena_printf(ddl->arena, "index %s", index->name), what);
        }
    }
}

/* Columns of one of the two types, in the order of the table. */
static void
add_columns(struct type_drop *drop, const struct cat_table *table, oid_t type, const char *what)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        if (table->kind == 'r' && !column->is_dropped && cat_column_type(column) == type &&
            !is_column_going(drop, table, column->number)) {
            add_column(drop, table, column, what);
        }
    }
}

static void
add_texts(struct type_drop *drop, const struct cat_table *table, const struct cat_type *type,
          const char *what)
{
    struct ddl *ddl = drop->ddl;
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        if (column->is_dropped || is_column_going(drop, table, column->number) ||
            !names_type(ddl, type, column->default_sql)) {
            continue;
        }
        if (column->generated != 0) {
            add_column(drop, table, column, what);
            continue;
        }
        add_command(drop, table, AST_COLUMN_DEFAULT, column->name);
        ddl_add_dependent(ddl, drop->found,
                          ky_arena_printf(ddl->arena, "default value for column %s of table %s",
                                          column->name, ddl_shown_name(ddl, table)),
                          what);
    }
    add_checks(drop, table, type, what);
    add_indexes(drop, table, type, what);
}

static int
order_by_oid(const void *a, const void *b)
{
    const oid_t left = (*(struct cat_table *const *)a)->oid;
    const oid_t right = (*(struct cat_table *const *)b)->oid;
    return (left > right) - (left < right);
}

/* Users' relations that use the type, in the order in which they were made. */
static size_t
find_users(struct ddl *ddl, const struct cat_type *type, struct cat_table ***users_out)
{
    struct cat_table **users =
        ky_arena_array(ddl->arena, struct cat_table *, ddl->image->table_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        struct cat_table *table = ddl->image->tables[i];
        if (table->sysview == NULL && uses_type(ddl, type, table)) {
            users[count++] = table;
        }
    }
    qsort(users, count, sizeof(struct cat_table *), order_by_oid);
    *users_out = users;
    return count;
}

struct type_drop *
ddl_type_drop_new(struct ddl *ddl, struct dependents *found)
{
    struct type_drop *drop = ky_arena_new(ddl->arena, struct type_drop);
    *drop = (struct type_drop){
        .ddl = ddl,
        .found = found,
        .types = ky_arena_array(ddl->arena, const struct cat_type *, ddl->image->type_count + 1),
        .works = ky_arena_array(ddl->arena, struct table_work, ddl->image->table_count + 1)};
    return drop;
}

static bool
is_type_going(const struct type_drop *drop, const struct cat_type *type)
{
    for (size_t i = 0; i < drop->type_count; i++) {
        if (drop->types[i] == type) {
            return true;
        }
    }
    return false;
}

/* Is the type what the domain is over, or the element of that? */
static bool
is_domain_over(const struct cat_type *domain, const struct cat_type *type)
{
    const struct cat_domain *over = domain->domain;
    return over->parent != OID_NONE
               ? over->parent == type->oid
               : over->base_oid == type->oid ||
                     (type->array_oid != OID_NONE && over->base_oid == type->array_oid);
}

void
ddl_type_drop_add(struct type_drop *drop, const struct cat_type *type, const char *owner)
{
    struct ddl *ddl = drop->ddl;
    struct dependents *found = drop->found;
    struct cat_table **users;
    const size_t all_count = find_users(ddl, type, &users);
    const char *what = ky_arena_printf(ddl->arena, "type %s", ddl_shown_type(ddl, type->oid));
    const char *array =
        ky_arena_printf(ddl->arena, "type %s", ddl_shown_type(ddl, type->array_oid));
    size_t count = 0;
    drop->types[drop->type_count++] = type;
    if (owner != NULL) {
        ddl_add_dependent(ddl, found, what, owner);
    }
    for (size_t i = 0; i < ddl->image->type_count; i++) {
        const struct cat_type *over = ddl->image->types[i];
        if (over->domain != NULL && !is_type_going(drop, over) && is_domain_over(over, type)) {
            ddl_type_drop_add(drop, over, what);
        }
    }
    for (size_t i = 0; i < all_count; i++) {
        if (ddl_is_dependent(found, users[i])) {
            continue;
        }
        if (cat_is_view(users[i])) { /* told where it names the type, not under a column */
            found->views[found->view_count++] = users[i];
        }
        users[count++] = users[i];
    }
    for (size_t i = 0; i < count; i++) {
        add_columns(drop, users[i], type->array_oid, array);
    }
    for (size_t i = 0; i < count; i++) {
        if (users[i]->kind == 'r') {
            add_columns(drop, users[i], type->oid, what);
            add_texts(drop, users[i], type, what);
            continue;
        }
        const char *object = ky_arena_printf(ddl->arena, "%s %s", ddl_kind_word(users[i]->kind),
                                             ddl_shown_name(ddl, users[i]));
        ddl_add_dependent(ddl, found, object, what);
        ddl_add_views(ddl, users[i], 0, object, found);
    }
}

/* ------------------------------------------------------------------ dropping */

static ky_status
alter_table(struct ddl *ddl, struct table_work *work)
{
    const struct cat_schema *schema = cat_get_schema(ddl->image, work->table->schema);
    struct ast_range_var relation = {.node = {.kind = AST_RANGE_VAR, .location = -1},
                                     .schema = schema == NULL ? NULL : schema->name,
                                     .name = work->table->name};
    const struct ast_alter_table statement = {.node = {.kind = AST_ALTER_TABLE, .location = -1},
                                              .object_type = AST_OBJECT_TABLE,
                                              .relation = &relation,
                                              .commands = &work->commands};
    if (work->commands.count > 0) {
        KY_TRY(ddl_alter_table(ddl, &statement));
        KY_TRY(ddl_refresh(ddl));
    }
    for (uint16_t i = 0; i < work->index_count; i++) {
        const struct cat_index *index = cat_get_index(ddl->image, work->indexes[i]->oid);
        if (index != NULL) {
            KY_TRY(ddl_erase(ddl, CAT_INDEX, index));
            access_index_drop(ddl->session->txn, index->oid);
        }
    }
    return KY_OK;
}

ky_status
ddl_type_drop_run(struct type_drop *drop)
{
    struct ddl *ddl = drop->ddl;
    if (drop->work_count > 0) {
        KY_TRY(ddl_changed(ddl));
        KY_TRY(ddl_refresh(ddl));
    }
    for (size_t i = 0; i < drop->work_count; i++) {
        KY_TRY(alter_table(ddl, &drop->works[i]));
    }
    for (size_t i = 0; i < drop->type_count; i++) {
        KY_TRY(ddl_erase(ddl, CAT_TYPE, drop->types[i]));
    }
    return KY_OK;
}

/* What uses the type, and what uses the domains over it. */
static ky_status
lock_users(struct ddl *ddl, const struct cat_type *type)
{
    struct cat_table **users;
    const size_t count = find_users(ddl, type, &users);
    for (size_t k = 0; k < count && !ddl->is_pending; k++) {
        KY_TRY(ddl_lock(ddl, users[k], LOCK_ACCESS_EXCLUSIVE));
        if (!ddl->is_pending) {
            KY_TRY(ddl_lock_references(ddl, users[k]));
        }
    }
    for (size_t i = 0; i < ddl->image->type_count && !ddl->is_pending; i++) {
        const struct cat_type *over = ddl->image->types[i];
        if (over->domain != NULL && is_domain_over(over, type)) {
            KY_TRY(session_lock_table(ddl->session, over->oid, LOCK_ACCESS_EXCLUSIVE, false,
                                      over->name, &ddl->is_pending, ddl->err));
            if (!ddl->is_pending) {
                KY_TRY(lock_users(ddl, over));
            }
        }
    }
    return KY_OK;
}

ky_status
ddl_lock_types(struct ddl *ddl, const struct cat_type *const *types, size_t count,
               enum ast_behavior behavior)
{
    for (size_t i = 0; i < count && !ddl->is_pending; i++) {
        KY_TRY(session_lock_table(ddl->session, types[i]->oid, LOCK_ACCESS_EXCLUSIVE, false,
                                  types[i]->name, &ddl->is_pending, ddl->err));
    }
    for (size_t i = 0; i < count && behavior == AST_CASCADE && !ddl->is_pending; i++) {
        KY_TRY(lock_users(ddl, types[i]));
    }
    return KY_OK;
}

/* The users' types of a DROP that are there; of the others it says what is to be said. */
static ky_status
find_types(struct ddl *ddl, const struct ast_drop *statement, const struct cat_type **types,
           size_t *count_out)
{
    size_t count = 0;
    for (int32_t i = 0; i < ast_list_count(statement->objects); i++) {
        const struct ast_node *object = ast_list_get(statement->objects, i);
        struct ky_error ignored;
        oid_t oid = OID_NONE;
        int32_t typmod;
        ky_error_init(&ignored);
        const ky_status status =
            bind_type_name(&ddl->bind, (const void *)object, &oid, &typmod, &ignored);
        const struct cat_type *own = status == KY_OK ? cat_get_type(ddl->image, oid) : NULL;
        if (own == NULL) {
            KY_TRY(ddl_drop_none(ddl, statement, object));
            continue;
        }
        if (own->oid != oid) {
            (void)ky_error_set(ddl->err, KY_DEPENDENT_OBJECTS_STILL_EXIST,
                               "cannot drop type %s because type %s requires it",
                               ddl_shown_type(ddl, oid), ddl_shown_type(ddl, own->oid));
            return ky_error_hint(ddl->err, "You can drop type %s instead.",
                                 ddl_shown_type(ddl, own->oid));
        }
        KY_TRY(statement->object_type == AST_OBJECT_DOMAIN
                   ? ddl_find_domain(ddl,
                                     ((const struct ast_type_name *)(const void *)object)->names,
                                     false, &own)
                   : ddl_find_type(ddl, (const void *)object, &own));
        bool is_known = false;
        for (size_t k = 0; k < count; k++) {
            is_known = is_known || types[k] == own;
        }
        if (!is_known) {
            types[count++] = own;
        }
    }
    *count_out = count;
    return KY_OK;
}

ky_status
ddl_drop_type(struct ddl *ddl, const struct ast_drop *statement)
{
    const struct cat_type **types =
        ky_arena_array(ddl->arena, const struct cat_type *, ddl->image->type_count + 1);
    size_t count;
    KY_TRY(find_types(ddl, statement, types, &count));
    KY_TRY(ddl_lock_types(ddl, types, count, statement->behavior));
    if (ddl->is_pending || count == 0) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    struct dependents found;
    ddl_dependents_init(ddl, &found);
    struct type_drop *drop = ddl_type_drop_new(ddl, &found);
    for (size_t i = count; i > 0; i--) { /* PostgreSQL tells those of the last one first */
        const struct cat_type *type = cat_get_type(ddl->image, types[i - 1]->oid);
        if (type != NULL) {
            ddl_type_drop_add(drop, type, NULL);
        }
    }
    const char *what =
        count > 1 ? NULL
                  : ky_arena_printf(ddl->arena, "type %s", ddl_shown_type(ddl, types[0]->oid));
    ky_status status = ddl_drop_found(ddl, &found, statement->behavior, what);
    if (status == KY_OK) {
        status = ddl_type_drop_run(drop);
    }
    ddl_dependents_deinit(&found);
    KY_TRY(status);
    (void)snprintf(ddl->session->tag, SESSION_TAG_SIZE,
                   "DROP %s", /* tables may have been altered */
                   ast_object_type_name(statement->object_type));
    KY_TRY(ddl_changed(ddl));
    return ddl_refresh(ddl);
}
