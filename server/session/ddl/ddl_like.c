/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_private.h"
#include "server/session/rights.h"

/* CREATE TABLE (LIKE t INCLUDING ..): columns, then checks and keys, then plain indexes. */

static struct ast_list *
new_list(struct ddl *ddl, int32_t room)
{
    struct ast_list *list = ky_arena_new(ddl->arena, struct ast_list);
    list->items = ky_arena_array(ddl->arena, struct ast_node *, (size_t)room + 1);
    list->capacity = room;
    return list;
}

static void
add_name(struct ddl *ddl, struct ast_list *list, const char *name)
{
    struct ast_string *string = ky_arena_new(ddl->arena, struct ast_string);
    *string = (struct ast_string){.node.kind = AST_STRING, .text = name};
    list->items[list->count++] = &string->node;
}

static ky_status
find_source(struct ddl *ddl, const struct ast_table_like *like, struct cat_table **table_out)
{
    struct cat_table *table;
    KY_TRY(ddl_find(ddl, like->relation, false, &table));
    KY_TRY(rights_check_table(ddl->session, ddl->image, table, ACL_SELECT, false, ddl->err));
    if (table->kind != 'r' && table->kind != 'v' && table->kind != 'm') {
        (void)ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE,
                           "relation \"%s\" is invalid in LIKE clause", table->name);
        return ky_error_detail(ddl->err, "This operation is not supported for %s.",
                               table->kind == 'S' ? "sequences" : "indexes");
    }
    *table_out = table;
    return KY_OK;
}

/* ------------------------------------------------------------------ columns */

/* A sequence of the column's own that counts as the other one does. */
static ky_status
add_identity(struct ddl *ddl, struct new_table *made, const struct cat_table *source,
             const struct cat_column *column, int16_t number)
{
    static const char *const names[] = {"start",    "increment", "minvalue",
                                        "maxvalue", "cache",     "cycle"};
    struct ast_list *options = new_list(ddl, 6);
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        const struct cat_table *sequence = ddl->image->tables[i];
        if (sequence->kind != 'S' || sequence->owner_table != source->oid ||
            sequence->owner_column != column->number) {
            continue;
        }
        for (size_t k = 0; k < KY_COUNT_OF(names); k++) {
            struct ast_const *value = ky_arena_new(ddl->arena, struct ast_const);
            struct ast_option *option = ky_arena_new(ddl->arena, struct ast_option);
            *value = (struct ast_const){.node.kind = AST_CONST,
                                        .type = AST_CONST_INTEGER,
                                        .integer = sequence->sequence[k]};
            *option = (struct ast_option){
                .node.kind = AST_OPTION, .name = names[k], .value = &value->node};
            options->items[options->count++] = &option->node;
        }
        break;
    }
    const struct ast_constraint identity = {.node.kind = AST_CONSTRAINT,
                                            .type = AST_CONSTRAINT_IDENTITY,
                                            .is_always = column->identity == 'a',
                                            .sequence_options = options};
    struct ast_constraint *kept = ky_arena_new(ddl->arena, struct ast_constraint);
    *kept = identity;
    return ddl_add_constraint(ddl, made, kept, number);
}

ky_status
ddl_like_columns(struct ddl *ddl, struct new_table *made, const struct ast_table_like *like)
{
    struct cat_table *source;
    KY_TRY(find_source(ddl, like, &source));
    for (uint16_t i = 0; i < source->column_count; i++) {
        const struct cat_column *from = &source->columns[i];
        if (from->is_dropped) {
            continue;
        }
        struct cat_column *column;
        KY_TRY(ddl_new_column(ddl, made, from->name, &column));
        column->type = from->type;
        column->typmod = from->typmod;
        column->domain = from->domain;
        column->is_not_null = from->is_not_null;
        const bool is_generated = from->generated != 0;
        const int32_t wanted = is_generated ? AST_LIKE_GENERATED : AST_LIKE_DEFAULTS;
        if (from->identity != 0) {
            if ((like->options & AST_LIKE_IDENTITY) != 0) {
                KY_TRY(add_identity(ddl, made, source, from, column->number));
            }
        } else if (from->default_sql != NULL && (like->options & wanted) != 0) {
            column->generated = from->generated;
            column->default_sql = ky_arena_strdup(ddl->arena, from->default_sql);
            column->default_oid = ddl_new_oid(ddl);
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ checks and keys */

static ky_status
add_key(struct ddl *ddl, struct new_table *made, const struct cat_table *source,
        const struct cat_constraint *from)
{
    const struct cat_index *index = from->index;
    struct ast_constraint *key = ky_arena_new(ddl->arena, struct ast_constraint);
    *key = (struct ast_constraint){.node.kind = AST_CONSTRAINT,
                                   .type = from->kind == CONSTRAINT_PRIMARY
                                               ? AST_CONSTRAINT_PRIMARY_KEY
                                               : AST_CONSTRAINT_UNIQUE,
                                   .columns = new_list(ddl, from->column_count),
                                   .is_nulls_not_distinct = index->is_nulls_not_distinct,
                                   .is_deferrable = from->is_deferrable,
                                   .is_deferred = from->is_deferred};
    for (uint16_t i = 0; i < from->column_count; i++) {
        add_name(ddl, key->columns, source->columns[from->columns[i] - 1].name);
    }
    if (index->column_count > index->key_count) {
        key->include = new_list(ddl, index->column_count - index->key_count);
        for (uint16_t i = index->key_count; i < index->column_count; i++) {
            add_name(ddl, key->include, source->columns[index->keys[i].column - 1].name);
        }
    }
    return ddl_add_constraint(ddl, made, key, 0);
}

ky_status
ddl_like_constraints(struct ddl *ddl, struct new_table *made, const struct ast_table_like *like)
{
    struct cat_table *source;
    KY_TRY(find_source(ddl, like, &source));
    for (uint16_t i = 0; i < source->constraint_count; i++) {
        const struct cat_constraint *from = source->constraints[i];
        const bool is_key = from->kind == CONSTRAINT_PRIMARY || from->kind == CONSTRAINT_UNIQUE;
        if (is_key && (like->options & AST_LIKE_INDEXES) != 0) {
            KY_TRY(add_key(ddl, made, source, from));
        } else if (from->kind == CONSTRAINT_CHECK && (like->options & AST_LIKE_CONSTRAINTS) != 0) {
            KY_TRY(ddl_add_named_check(ddl, made, ky_arena_strdup(ddl->arena, from->name),
                                       ky_arena_strdup(ddl->arena, from->check_sql)));
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ indexes */

/* An expression is named by the function it calls, if it is a call. */
static const char *
key_name(struct ddl *ddl, const struct cat_table *source, const struct cat_key *key)
{
    if (key->column > 0) {
        return source->columns[key->column - 1].name;
    }
    const size_t size = strspn(key->expression_sql, "abcdefghijklmnopqrstuvwxyz_0123456789");
    return size > 0 && key->expression_sql[size] == '('
               ? ky_arena_cstr(ddl->arena, ky_slice(key->expression_sql, size))
               : "expr";
}

/* "a_b" */
static const char *
key_names(struct ddl *ddl, const struct cat_table *source, const struct cat_index *index)
{
    const char *names = "";
    for (uint16_t i = 0; i < index->column_count; i++) {
        names = ky_arena_printf(ddl->arena, "%s%s%s", names, i == 0 ? "" : "_",
                                key_name(ddl, source, &index->keys[i]));
    }
    return names;
}

static ky_status
add_index(struct ddl *ddl, struct cat_table *table, const struct cat_table *source,
          const struct cat_index *from)
{
    struct cat_index *index = ky_arena_new(ddl->arena, struct cat_index);
    *index =
        (struct cat_index){.oid = ddl_new_oid(ddl),
                           .name = ddl_choose_name(ddl, table->schema, table->name,
                                                   key_names(ddl, source, from), "idx"),
                           .table = table,
                           .method = from->method,
                           .is_unique = from->is_unique,
                           .is_nulls_not_distinct = from->is_nulls_not_distinct,
                           .is_valid = true,
                           .key_count = from->key_count,
                           .column_count = from->column_count,
                           .keys = ky_arena_array(ddl->arena, struct cat_key, from->column_count),
                           .predicate_sql = from->predicate_sql,
                           .options = from->options};
    for (uint16_t i = 0; i < from->column_count; i++) {
        index->keys[i] = from->keys[i];
        if (from->keys[i].column > 0) {
            const char *name = source->columns[from->keys[i].column - 1].name;
            index->keys[i].column = cat_find_column(table, ky_slice_cstr(name))->number;
        }
    }
    KY_TRY(catalog_insert(ddl->txn, CAT_INDEX, index, ddl->err));
    KY_TRY(access_index_create(ddl->session->txn, index, ddl->err));
    KY_TRY(ddl_changed(ddl));
    return ddl_refresh(ddl); /* the next one's name is chosen beside this one's */
}

ky_status
ddl_like_indexes(struct ddl *ddl, oid_t table, const struct ast_table_like *like)
{
    struct cat_table *source;
    if ((like->options & AST_LIKE_INDEXES) == 0) {
        return KY_OK;
    }
    for (uint16_t i = 0;; i++) {
        KY_TRY(find_source(ddl, like, &source)); /* anew in each image */
        if (i >= source->index_count) {
            return KY_OK;
        }
        if (source->indexes[i]->constraint == OID_NONE) {
            KY_TRY(add_index(ddl, cat_get_table(ddl->image, table), source, source->indexes[i]));
        }
    }
}

ky_status
ddl_like_lock(struct ddl *ddl, const struct ast_list *elements)
{
    for (int32_t i = 0; i < ast_list_count(elements) && !ddl->is_pending; i++) {
        const struct ast_node *element = ast_list_get(elements, i);
        struct cat_table *source;
        if (element->kind != AST_TABLE_LIKE) {
            continue;
        }
        KY_TRY(find_source(ddl, (const void *)element, &source));
        if (source->sysview == NULL) {
            KY_TRY(ddl_lock(ddl, source, LOCK_ACCESS_SHARE));
        }
    }
    return KY_OK;
}
