/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "server/catalog/opclass.h"
#include "server/sql/bind/bind_private.h"
#include "server/types/vector_value.h"

/*
 * KyroDB's own search syntax over one relation with one vector column:
 *   SELECT * FROM t WHERE QUERY = [..] [AND MODE = 'ANN'] [AND EF = n] [AND RECALL = r] [AND ..]
 * The four words leave WHERE and become the table's vector_query. They mean nothing special
 * where the relation has a column of that name.
 */

enum vector_word { WORD_NONE = -1, WORD_QUERY, WORD_MODE, WORD_EF, WORD_RECALL, WORD_COUNT };

static enum vector_word
find_word(const struct table_ref *ref, const struct ast_node *node, const struct ast_node **value)
{
    static const char *const words[WORD_COUNT] = {"query", "mode", "ef", "recall"};
    const struct ast_operator *op = (const void *)node;
    if (node->kind != AST_OPERATOR || op->left == NULL || op->left->kind != AST_COLUMN_REF ||
        strcmp(op->name, "=") != 0) {
        return WORD_NONE;
    }
    const struct ast_list *names = ((const struct ast_column_ref *)(const void *)op->left)->names;
    if (names->count != 1 || names->items[0]->kind != AST_STRING) {
        return WORD_NONE;
    }
    const char *name = ast_list_text(names, 0);
    for (int word = 0; word < WORD_COUNT; word++) {
        if (strcmp(words[word], name) != 0) {
            continue;
        }
        for (uint16_t i = 0; i < ref->column_count; i++) {
            if (ref->columns[i].name != NULL && strcmp(ref->columns[i].name, name) == 0) {
                return WORD_NONE;
            }
        }
        *value = op->right;
        return (enum vector_word)word;
    }
    return WORD_NONE;
}

static bool
find_vector_column(const struct query *query, uint16_t *column_out)
{
    int found = 0;
    if (query->table_count != 1 || query->tables[0]->kind != TABLE_RELATION ||
        query->tables[0]->sample != NULL) {
        return false;
    }
    const struct table_ref *ref = query->tables[0];
    for (uint16_t i = 0; i < ref->column_count; i++) {
        if (ref->columns[i].name != NULL && ref->columns[i].type->oid == OID_VECTOR) {
            *column_out = i;
            found++;
        }
    }
    return found == 1;
}

static ky_status
bind_query_vector(struct binder *b, struct scope *scope, const struct ast_node *value,
                  int32_t dimensions, struct expr **out)
{
    struct expr *expr;
    KY_TRY(bind_expr_in(b, scope, CLAUSE_WHERE, value, &expr));
    KY_TRY(coerce(b, expr, type_get(OID_VECTOR), -1, CAST_EXPLICIT, expr_location(expr), &expr));
    if (dimensions > 0 && expr->kind == EXPR_CONST && !expr->value.is_null) {
        uint32_t given = vector_dimensions(expr->value.bytes);
        if (given != (uint32_t)dimensions) {
            return bind_error(b, expr_location(expr), KY_DATA_EXCEPTION,
                              "expected %d dimensions, not %u", dimensions, given);
        }
    }
    if (expr_has_column(expr)) {
        return bind_error(b, expr_location(expr), KY_INVALID_COLUMN_REFERENCE,
                          "argument of QUERY must not contain variables");
    }
    *out = expr;
    return KY_OK;
}

static ky_status
read_mode(struct binder *b, const struct ast_node *value, char *mode_out)
{
    static const struct {
        const char *name;
        char mode;
    } modes[] = {{"exact", 'e'}, {"ann", 'a'}, {"auto", 'u'}};
    const struct ast_const *text = (const void *)value;
    if (value->kind != AST_CONST || text->type != AST_CONST_STRING) {
        return bind_error(b, value->location, KY_INVALID_PARAMETER_VALUE,
                          "MODE must be a string constant");
    }
    for (size_t i = 0; i < KY_COUNT_OF(modes); i++) {
        if (strcasecmp(modes[i].name, text->text) == 0) {
            *mode_out = modes[i].mode;
            return KY_OK;
        }
    }
    (void)bind_error(b, value->location, KY_INVALID_PARAMETER_VALUE,
                     "invalid value for MODE: \"%s\"", text->text);
    return ky_error_hint(b->err, "Available values: ANN, EXACT, AUTO.");
}

static ky_status
bind_setting(struct binder *b, struct scope *scope, const struct ast_node *value, oid_t type,
             const char *name, struct expr **out)
{
    struct expr *expr;
    KY_TRY(bind_expr_in(b, scope, CLAUSE_WHERE, value, &expr));
    if (expr_has_column(expr)) {
        return bind_error(b, expr_location(expr), KY_INVALID_COLUMN_REFERENCE,
                          "argument of %s must not contain variables", name);
    }
    return coerce_specific(b, expr, type_get(type), name, out);
}

/* The collection's own distance: that of the column's vector index, else L2. */
static const char *
distance_name(const struct cat_table *table, uint16_t column)
{
    static const char *const names[] = {
        [CAT_DISTANCE_L2] = "l2_distance",
        [CAT_DISTANCE_INNER_PRODUCT] = "vector_negative_inner_product",
        [CAT_DISTANCE_COSINE] = "cosine_distance",
        [CAT_DISTANCE_L1] = "l1_distance",
    };
    for (uint16_t i = 0; table != NULL && i < table->index_count; i++) {
        const struct cat_index *index = table->indexes[i];
        const struct cat_opclass *opclass =
            cat_is_vector_method(index->method) && index->keys[0].column == column + 1
                ? cat_index_opclass(index)
                : NULL;
        if (opclass != NULL && (size_t)opclass->distance < KY_COUNT_OF(names)) {
            return names[opclass->distance];
        }
    }
    return names[CAT_DISTANCE_L2];
}

static ky_status
make_distance(struct binder *b, struct scope *scope, uint16_t column, struct expr *vector)
{
    struct expr *args[2] = {item_column(b, scope, &scope->items[0], column, 0, vector->location),
                            vector};
    const char *name = distance_name(scope->query->tables[0]->table, column);
    return make_call(b, scope, name, args, 2, vector->location, &scope->distance);
}

ky_status
bind_vector_form(struct binder *b, struct scope *scope, const struct ast_select *node,
                 const struct ast_node **where_out)
{
    const struct ast_node *where = node->where;
    struct query *query = scope->query;
    uint16_t column = 0;
    if (!find_vector_column(query, &column)) {
        return KY_OK;
    }
    const struct ast_bool *all = (const void *)where;
    bool is_and = where->kind == AST_BOOL && all->type == AST_AND;
    struct ast_node *single[1] = {NULL};
    int count = is_and ? all->args->count : 1;
    const struct ast_node *values[WORD_COUNT] = {NULL};
    struct ast_list *rest = ky_arena_new(b->arena, struct ast_list);
    rest->items = ky_arena_array(b->arena, struct ast_node *, (size_t)count);
    for (int i = 0; i < count; i++) {
        const struct ast_node *term = is_and ? all->args->items[i] : where;
        const struct ast_node *value = NULL;
        enum vector_word word = find_word(query->tables[0], term, &value);
        if (word == WORD_NONE || values[word] != NULL) {
            single[0] = is_and ? all->args->items[i] : node->where;
            rest->items[rest->count++] = single[0];
        } else {
            values[word] = value;
        }
    }
    if (values[WORD_QUERY] == NULL) {
        return KY_OK;
    }
    struct table_ref *ref = query->tables[0];
    struct vector_query *vector_query = ky_arena_new(b->arena, struct vector_query);
    vector_query->vector_column = column;
    vector_query->mode = 'e';
    KY_TRY(bind_query_vector(b, scope, values[WORD_QUERY], ref->columns[column].typmod,
                             &vector_query->query));
    if (values[WORD_MODE] != NULL) {
        KY_TRY(read_mode(b, values[WORD_MODE], &vector_query->mode));
    }
    if (values[WORD_EF] != NULL) {
        KY_TRY(bind_setting(b, scope, values[WORD_EF], OID_INT4, "EF", &vector_query->ef));
    }
    if (values[WORD_RECALL] != NULL) {
        KY_TRY(bind_setting(b, scope, values[WORD_RECALL], OID_FLOAT8, "RECALL",
                            &vector_query->recall));
    }
    KY_TRY(make_distance(b, scope, column, vector_query->query));
    ref->vector_query = vector_query;
    if (rest->count == 0) {
        *where_out = NULL;
    } else if (rest->count == 1) {
        *where_out = rest->items[0];
    } else {
        struct ast_bool *remaining = ky_arena_new(b->arena, struct ast_bool);
        *remaining = *all;
        remaining->args = rest;
        *where_out = &remaining->node;
    }
    return KY_OK;
}
