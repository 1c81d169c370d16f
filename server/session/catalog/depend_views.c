/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/catalog/opclass.h"
#include "server/catalog/sysview.h"
#include "server/catalog/type_text.h"
#include "server/session/catalog/funcs_private.h"
#include "server/sql/bind/walk.h"

/*
 * pg_depend and pg_rewrite: what an object needs to exist. Both are derived from the catalog image;
 * the tables of a view are found by binding its query, so that nothing stored can go stale. A
 * view's rule has the view's own OID (OIDs are unique in each catalog).
 */
enum {
    CLASS_PG_CLASS = 1259,
    CLASS_PG_TYPE = 1247,
    CLASS_PG_PROC = 1255,
    CLASS_PG_OPCLASS = 2616,
    CLASS_PG_OPERATOR = 2617,
    CLASS_PG_OPFAMILY = 2753,
    CLASS_PG_EXTENSION = 3079,
    CLASS_PG_ATTRDEF = 2604,
    CLASS_PG_CONSTRAINT = 2606,
    CLASS_PG_NAMESPACE = 2615,
    CLASS_PG_REWRITE = 2618,
};

static const struct sysview_column depend_columns[] = {
    {"classid", OID_OID},    {"objid", OID_OID},    {"objsubid", OID_INT4},
    {"refclassid", OID_OID}, {"refobjid", OID_OID}, {"refobjsubid", OID_INT4},
    {"deptype", OID_CHAR},
};

struct depend_object {
    oid_t class;
    oid_t oid;
    int32_t column;
};

static void
add(struct sysview_rows *rows, struct depend_object object, struct depend_object needed, char type)
{
    struct datum *row = sysview_add(rows);
    row[0] = datum_word(object.class);
    row[1] = datum_word(object.oid);
    row[2] = datum_word(object.column);
    row[3] = datum_word(needed.class);
    row[4] = datum_word(needed.oid);
    row[5] = datum_word(needed.column);
    row[6] = datum_word(type);
}

static struct depend_object
relation(oid_t oid, int32_t column)
{
    return (struct depend_object){CLASS_PG_CLASS, oid, column};
}

/* ------------------------------------------------------------------ tables */

static void
add_constraints(struct sysview_rows *rows, const struct cat_table *table)
{
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        const struct cat_constraint *constraint = table->constraints[i];
        const struct depend_object self = {CLASS_PG_CONSTRAINT, constraint->oid, 0};
        for (uint16_t k = 0; k < constraint->column_count; k++) {
            add(rows, self, relation(table->oid, constraint->columns[k]), 'a');
        }
        if (constraint->column_count == 0) {
            add(rows, self, relation(table->oid, 0), 'a');
        }
        if (constraint->kind == CONSTRAINT_FOREIGN) {
            for (uint16_t k = 0; k < constraint->column_count; k++) {
                add(rows, self, relation(constraint->foreign_table, constraint->foreign_columns[k]),
                    'n');
            }
            if (constraint->index != NULL) {
                add(rows, self, relation(constraint->index->oid, 0), 'n');
            }
        } else if (constraint->index != NULL) {
            add(rows, relation(constraint->index->oid, 0), self, 'i');
        }
    }
}

static void
add_indexes(struct sysview_rows *rows, const struct cat_table *table)
{
    for (uint16_t i = 0; i < table->index_count; i++) {
        const struct cat_index *index = table->indexes[i];
        if (index->constraint != OID_NONE) {
            continue; /* it goes with its constraint */
        }
        bool has_column = false;
        for (uint16_t k = 0; k < index->column_count; k++) {
            if (index->keys[k].column > 0) {
                add(rows, relation(index->oid, 0), relation(table->oid, index->keys[k].column),
                    'a');
                has_column = true;
            }
        }
        if (!has_column) {
            add(rows, relation(index->oid, 0), relation(table->oid, 0), 'a');
        }
    }
}

/* A default that names a sequence: nextval('s'::regclass). */
static void
add_default_sequences(struct sysview_rows *rows, const struct cat_image *image,
                      const struct cat_column *column)
{
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *sequence = image->tables[i];
        if (sequence->kind == 'S' && strstr(column->default_sql, "nextval") != NULL &&
            strstr(column->default_sql, sequence->name) != NULL) {
            add(rows, (struct depend_object){CLASS_PG_ATTRDEF, column->default_oid, 0},
                relation(sequence->oid, 0), 'n');
        }
    }
}

static void
add_defaults(struct sysview_rows *rows, const struct cat_image *image,
             const struct cat_table *table)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        if (column->is_dropped || column->default_sql == NULL || column->default_oid == OID_NONE) {
            continue;
        }
        add(rows, (struct depend_object){CLASS_PG_ATTRDEF, column->default_oid, 0},
            relation(table->oid, column->number), 'a');
        add_default_sequences(rows, image, column);
    }
}

static void
add_owner(struct sysview_rows *rows, const struct cat_image *image,
          const struct cat_table *sequence)
{
    const struct cat_table *table = cat_get_table(image, sequence->owner_table);
    if (table == NULL || sequence->owner_column < 1 ||
        sequence->owner_column > table->column_count) {
        return;
    }
    bool is_identity = table->columns[sequence->owner_column - 1].identity != 0;
    add(rows, relation(sequence->oid, 0), relation(table->oid, sequence->owner_column),
        is_identity ? 'i' : 'a');
}

/* ------------------------------------------------------------------ users' types */

static struct depend_object
type_object(oid_t oid)
{
    return (struct depend_object){CLASS_PG_TYPE, oid, 0};
}

struct type_users {
    struct sysview_rows *rows;
    const struct cat_image *image;
    struct depend_object user;
    oid_t last; /* the type told last: once is enough */
};

static void
add_named_type(void *self, const struct type_place *place, struct type_edit *edit KY_UNUSED)
{
    struct type_users *users = self;
    if (place->type->oid != users->last) {
        users->last = place->type->oid;
        add(users->rows, users->user, type_object(place->type->oid), 'n');
    }
}

static void
add_types_in(struct sysview_rows *rows, const struct cat_image *image, struct depend_object user,
             const char *text)
{
    struct type_users users = {rows, image, user, OID_NONE};
    (void)type_text_edit(rows->arena, image, text, add_named_type, &users);
}

/* What a relation and its parts are made of. */
static void
add_types_of(struct sysview_rows *rows, const struct cat_image *image,
             const struct cat_table *table)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        if (column->is_dropped) {
            continue;
        }
        if (cat_column_type(column) >= OID_FIRST_USER) {
            add(rows, relation(table->oid, column->number), type_object(cat_column_type(column)),
                'n');
        }
        add_types_in(rows, image, (struct depend_object){CLASS_PG_ATTRDEF, column->default_oid, 0},
                     column->default_sql);
    }
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        const struct cat_constraint *check = table->constraints[i];
        add_types_in(rows, image, (struct depend_object){CLASS_PG_CONSTRAINT, check->oid, 0},
                     check->check_sql);
    }
    for (uint16_t i = 0; i < table->index_count; i++) {
        const struct cat_index *index = table->indexes[i];
        add_types_in(rows, image, relation(index->oid, 0), index->predicate_sql);
        for (uint16_t k = 0; k < index->key_count; k++) {
            add_types_in(rows, image, relation(index->oid, 0), index->keys[k].expression_sql);
        }
    }
    add_types_in(rows, image, (struct depend_object){CLASS_PG_REWRITE, table->oid, 0},
                 table->view_sql);
}

static void
add_types(struct sysview_rows *rows, const struct cat_image *image)
{
    for (size_t i = 0; i < image->type_count; i++) {
        const struct cat_type *type = image->types[i];
        add(rows, type_object(type->oid),
            (struct depend_object){CLASS_PG_NAMESPACE, type->schema, 0}, 'n');
        if (type->domain == NULL) {
            add(rows, type_object(type->array_oid), type_object(type->oid), 'i');
            continue;
        }
        const struct cat_domain *domain = type->domain;
        const oid_t base = domain->parent != OID_NONE ? domain->parent : domain->base_oid;
        if (base >= OID_FIRST_USER) {
            add(rows, type_object(type->oid), type_object(base), 'n');
        }
        for (uint16_t k = 0; k < domain->check_count; k++) {
            add(rows, (struct depend_object){CLASS_PG_CONSTRAINT, domain->checks[k].oid, 0},
                type_object(type->oid), 'a');
        }
    }
}

/* ------------------------------------------------------------------ views */

struct view_walk {
    struct sysview_rows *rows;
    struct depend_object rule;
};

/* The relations in FROM, in WITH and in the branches of set operations; views are named, not
 * entered. */
static void
walk_tables(struct view_walk *walk, const struct query *query)
{
    if (query == NULL) {
        return;
    }
    for (uint16_t i = 0; i < query->table_count; i++) {
        const struct table_ref *ref = query->tables[i];
        if (ref->table != NULL && ref->table->sysview == NULL) {
            add(walk->rows, walk->rule, relation(ref->table->oid, 0), 'n');
        } else if (ref->kind == TABLE_SUBQUERY && ref->table == NULL) {
            walk_tables(walk, ref->subquery);
        }
    }
    for (uint16_t i = 0; i < query->cte_count; i++) {
        walk_tables(walk, query->ctes[i]->query);
    }
    walk_tables(walk, query->left);
    walk_tables(walk, query->right);
}

static bool
visit(struct expr *expr, int level, void *self)
{
    if (expr->kind == EXPR_SUBQUERY) {
        walk_tables(self, expr->subquery);
    }
    return expr_walk_children(expr, level, visit, self);
}

static void
add_view(const struct sysview_context *context, struct sysview_rows *rows,
         const struct cat_table *view)
{
    struct ast_list statements = {0};
    struct bind_context bind;
    struct func_env env;
    struct query *query;
    struct ky_error ignored; /* a query that does not bind any more names nothing */
    struct view_walk walk = {rows, {CLASS_PG_REWRITE, view->oid, 0}};
    ky_error_init(&ignored);
    add(rows, walk.rule, relation(view->oid, 0), 'i');
    if (parse_sql(rows->arena, ky_slice_cstr(view->view_sql), &statements, &ignored) != KY_OK ||
        statements.count != 1) {
        return;
    }
    const struct ast_statement *statement = (const void *)statements.items[0];
    session_bind_context(context->session, &bind, rows->arena, context->image, &env, NULL);
    bind.sql = view->view_sql;
    bind.sql_size = strlen(view->view_sql);
    if (bind_query(&bind, statement->statement, &query, &ignored) == KY_OK) {
        walk_tables(&walk, query);
        (void)query_walk(query, 0, visit, &walk);
    }
}

/* ------------------------------------------------------------------ extensions */

/* Our numbers: 15000 and above, below those of users. */
static bool
is_ours(oid_t oid)
{
    return oid >= 15000 && oid < OID_FIRST_USER;
}

/* What pgvector's extension has belongs to it once it was created, the rest to ours. */
static oid_t
vector_extension(const struct cat_image *image)
{
    for (size_t i = 0; i < image->extension_count; i++) {
        if (strcmp(image->extensions[i]->name, "vector") == 0) {
            return image->extensions[i]->oid;
        }
    }
    return OID_EXTENSION_KYRO;
}

static void
add_member(struct sysview_rows *rows, oid_t class, oid_t oid, oid_t extension)
{
    add(rows, (struct depend_object){class, oid, 0},
        (struct depend_object){CLASS_PG_EXTENSION, extension, 0}, 'e');
}

static void
add_members(struct sysview_rows *rows, const struct cat_image *image)
{
    oid_t extension = vector_extension(image);
    size_t count;
    const struct type *const *types = type_all(&count);
    for (size_t i = 0; i < count; i++) {
        if (is_ours(types[i]->oid)) {
            add_member(rows, CLASS_PG_TYPE, types[i]->oid, extension);
        }
    }
    const struct func *const *funcs = func_all(&count);
    for (size_t i = 0; i < count; i++) {
        if (is_ours(funcs[i]->oid)) {
            add_member(rows, CLASS_PG_PROC, funcs[i]->oid, extension);
        }
    }
    const struct operator* const * operators = operator_all(&count);
    for (size_t i = 0; i < count; i++) {
        if (is_ours(operators[i]->oid)) {
            add_member(rows, CLASS_PG_OPERATOR, operators[i]->oid, extension);
        }
    }
    const struct cat_opclass *classes = cat_opclass_all(&count);
    for (size_t i = 0; i < count; i++) {
        if (is_ours(classes[i].oid)) {
            add_member(rows, CLASS_PG_OPCLASS, classes[i].oid, extension);
        }
        if (is_ours(classes[i].family)) {
            add_member(rows, CLASS_PG_OPFAMILY, classes[i].family, extension);
        }
    }
    add_member(rows, CLASS_PG_NAMESPACE, OID_SCHEMA_KYRO, OID_EXTENSION_KYRO);
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        if (table->schema == OID_SCHEMA_KYRO) {
            add_member(rows, CLASS_PG_CLASS, table->oid, OID_EXTENSION_KYRO);
        }
    }
}

/* ------------------------------------------------------------------ all of it */

static ky_status
fill_depend(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    const struct cat_image *image = context->image;
    (void)err;
    add_members(rows, image);
    add_types(rows, image);
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        if (table->sysview != NULL) {
            continue;
        }
        add(rows, relation(table->oid, 0),
            (struct depend_object){CLASS_PG_NAMESPACE, table->schema, 0}, 'n');
        add_constraints(rows, table);
        add_indexes(rows, table);
        add_defaults(rows, image, table);
        if (image->type_count > 0) {
            add_types_of(rows, image, table);
        }
        if (table->kind == 'S') {
            add_owner(rows, image, table);
        } else if (cat_is_view(table)) {
            add_view(context, rows, table);
        }
    }
    return KY_OK;
}

static const struct sysview_column rewrite_columns[] = {
    {"oid", OID_OID},
    {"rulename", OID_NAME},
    {"ev_class", OID_OID},
    {"ev_type", OID_CHAR},
    {"ev_enabled", OID_CHAR},
    {"is_instead", OID_BOOL},
    {"ev_qual", OID_PG_NODE_TREE},
    {"ev_action", OID_PG_NODE_TREE},
};

static ky_status
fill_rewrite(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *view = context->image->tables[i];
        if (!cat_is_view(view)) {
            continue;
        }
        struct datum *row = sysview_add(rows);
        row[0] = datum_word(view->oid);
        row[1] = datum_cstr("_RETURN");
        row[2] = datum_word(view->oid);
        row[3] = datum_word('1');
        row[4] = datum_word('O');
        row[5] = datum_word(true);
        row[6] = datum_cstr("<>");
        row[7] = datum_cstr("<>");
    }
    return KY_OK;
}

static const struct sysview depend_view = {.oid = 2608,
                                           .schema = OID_SCHEMA_PG_CATALOG,
                                           .name = "pg_depend",
                                           .kind = 'r',
                                           .columns = depend_columns,
                                           .column_count = KY_COUNT_OF(depend_columns),
                                           .fill = fill_depend};
static const struct sysview rewrite_view = {.oid = CLASS_PG_REWRITE,
                                            .schema = OID_SCHEMA_PG_CATALOG,
                                            .name = "pg_rewrite",
                                            .kind = 'r',
                                            .columns = rewrite_columns,
                                            .column_count = KY_COUNT_OF(rewrite_columns),
                                            .fill = fill_rewrite};

void
depend_views_register(void)
{
    static const struct sysview *const views[] = {&depend_view, &rewrite_view};
    sysview_register(views, KY_COUNT_OF(views));
}
