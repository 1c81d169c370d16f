/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/* ON CONFLICT: which unique index decides, and what happens then. */

static bool
has_key(const struct cat_index *index, int16_t column)
{
    for (uint16_t k = 0; k < index->key_count; k++) {
        if (index->keys[k].column == column) {
            return true;
        }
    }
    return false;
}

static ky_status
is_expression_key(struct binder *b, const struct cat_table *table, const struct cat_index *index,
                  struct expr *wanted, bool *answer_out)
{
    *answer_out = false;
    for (uint16_t k = 0; k < index->key_count && !*answer_out; k++) {
        if (index->keys[k].column == 0) {
            struct expr *key;
            KY_TRY(bind_table_expr(b, table, index->keys[k].expression_sql, CLAUSE_CHECK, NULL, -1,
                                   &key));
            *answer_out = expr_equal(key, wanted);
        }
    }
    return KY_OK;
}

/* An expression over the table's own columns, as those of indexes are bound. */
static ky_status
bind_over_table(struct binder *b, const struct cat_table *table, const struct ast_node *node,
                struct expr **out)
{
    struct scope scope;
    scope_init(&scope, NULL, NULL);
    scope.is_input = true;
    scope.clause = CLAUSE_CHECK;
    struct ns_item *item = scope_add_item(b, &scope);
    struct cat_table *mutable_table = cat_get_table(b->image, table->oid);
    item->ref = make_relation_ref(b, mutable_table, NULL);
    item->name = table->name;
    return bind_expr(b, &scope, node, out);
}

static ky_status
is_predicate_fitting(struct binder *b, const struct cat_table *table, const struct cat_index *index,
                     const struct ast_node *predicate, bool *answer_out)
{
    *answer_out = index->predicate_sql == NULL;
    if (*answer_out || predicate == NULL) {
        return KY_OK;
    }
    struct expr *given;
    struct expr *needed;
    KY_TRY(bind_over_table(b, table, predicate, &given));
    KY_TRY(
        bind_table_expr(b, table, index->predicate_sql, CLAUSE_CHECK, b->type_bool, -1, &needed));
    *answer_out = expr_equal(given, needed);
    return KY_OK;
}

static ky_status
is_index_inferred(struct binder *b, const struct cat_table *table, const struct cat_index *index,
                  const struct ast_on_conflict *node, bool *answer_out)
{
    *answer_out = false;
    int count = ast_list_count(node->elements);
    if (!index->is_unique || !index->is_valid) {
        return KY_OK;
    }
    int distinct_columns = 0;
    for (int i = 0; i < count; i++) {
        const struct ast_index_element *element = (const void *)ast_list_get(node->elements, i);
        if (element->name == NULL) {
            struct expr *wanted;
            bool is_key;
            KY_TRY(bind_over_table(b, table, element->expression, &wanted));
            KY_TRY(is_expression_key(b, table, index, wanted, &is_key));
            if (!is_key) {
                return KY_OK;
            }
            distinct_columns++;
            continue;
        }
        const struct cat_column *column = cat_find_column(table, ky_slice_cstr(element->name));
        if (column == NULL) {
            return bind_error(b, element->node.location, KY_UNDEFINED_COLUMN,
                              "column \"%s\" does not exist", element->name);
        }
        if (!has_key(index, column->number)) {
            return KY_OK;
        }
        bool is_repeated = false;
        for (int earlier = 0; earlier < i; earlier++) {
            const struct ast_index_element *other =
                (const void *)ast_list_get(node->elements, earlier);
            is_repeated |= other->name != NULL && strcmp(other->name, element->name) == 0;
        }
        distinct_columns += !is_repeated;
    }
    if (distinct_columns != index->key_count) {
        return KY_OK;
    }
    return is_predicate_fitting(b, table, index, node->predicate, answer_out);
}

static ky_status
find_arbiter(struct binder *b, struct query *query, const struct ast_on_conflict *node)
{
    const struct cat_table *table = query->tables[query->target_table]->table;
    if (node->constraint != NULL) {
        for (uint16_t i = 0; i < table->constraint_count; i++) {
            const struct cat_constraint *constraint = table->constraints[i];
            if (strcmp(constraint->name, node->constraint) != 0) {
                continue;
            }
            if (constraint->kind != CONSTRAINT_PRIMARY && constraint->kind != CONSTRAINT_UNIQUE) {
                return ky_error_set(b->err, KY_WRONG_OBJECT_TYPE,
                                    "constraint in ON CONFLICT clause has no associated index");
            }
            query->conflict_index = constraint->index;
            return KY_OK;
        }
        return bind_error(b, -1, KY_UNDEFINED_OBJECT,
                          "constraint \"%s\" for table \"%s\" does not exist", node->constraint,
                          table->name);
    }
    if (ast_list_count(node->elements) == 0) {
        if (!node->is_update) {
            return KY_OK;
        }
        (void)bind_error(b, node->node.location, KY_SYNTAX_ERROR,
                         "ON CONFLICT DO UPDATE requires inference specification or constraint "
                         "name");
        return ky_error_hint(b->err, "For example, ON CONFLICT (column_name).");
    }
    for (uint16_t i = 0; i < table->index_count; i++) {
        bool is_inferred;
        KY_TRY(is_index_inferred(b, table, table->indexes[i], node, &is_inferred));
        if (is_inferred) {
            query->conflict_index = table->indexes[i];
            return KY_OK;
        }
    }
    return ky_error_set(b->err, KY_INVALID_COLUMN_REFERENCE,
                        "there is no unique or exclusion constraint matching the ON CONFLICT "
                        "specification");
}

ky_status
bind_on_conflict(struct binder *b, struct scope *scope, const struct ast_on_conflict *node)
{
    struct query *query = scope->query;
    query->conflict = node->is_update ? CONFLICT_UPDATE : CONFLICT_NOTHING;
    KY_TRY(find_arbiter(b, query, node));
    if (!node->is_update) {
        return KY_OK;
    }
    struct cat_table *table = query->tables[query->target_table]->table;
    struct table_ref *excluded = make_relation_ref(b, table, "excluded");
    excluded->kind = TABLE_EXCLUDED;
    query->excluded_table = scope_add_table(b, scope, excluded);
    KY_TRY(bind_assignments(b, scope, node->sets));
    if (node->where != NULL) {
        KY_TRY(
            bind_condition(b, scope, CLAUSE_WHERE, "WHERE", node->where, &query->conflict_where));
    }
    struct ns_item *item = &scope->items[scope->item_count - 1];
    item->are_columns_visible = false;
    item->is_table_visible = false;
    return KY_OK;
}
