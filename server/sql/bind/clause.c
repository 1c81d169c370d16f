/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/* ORDER BY, DISTINCT, LIMIT and row locks. */

enum { VECTOR_LIMIT_DEFAULT = 10 };

ky_status
bind_sort_options(struct binder *b, const struct ast_sort *sort, struct sort_key *key)
{
    key->is_descending = sort->direction == AST_SORT_DESC;
    if (sort->direction == AST_SORT_USING) {
        if (strcmp(sort->operator_name, ">") == 0) {
            key->is_descending = true;
        } else if (strcmp(sort->operator_name, "<") != 0) {
            (void)bind_error(b, sort->node.location, KY_WRONG_OBJECT_TYPE,
                             "operator %s is not a valid ordering operator", sort->operator_name);
            return ky_error_hint(b->err, "Ordering operators must be \"<\" or \">\" members of "
                                         "btree operator families.");
        }
    }
    key->is_nulls_first =
        sort->nulls == AST_NULLS_DEFAULT ? key->is_descending : sort->nulls == AST_NULLS_FIRST;
    if (key->expr->type->compare == NULL) {
        (void)bind_error(b, node_location(sort->expression), KY_UNDEFINED_FUNCTION,
                         "could not identify an ordering operator for type %s",
                         key->expr->type->sql_name);
        return ky_error_hint(b->err, "Use an explicit ordering operator or modify the query.");
    }
    return KY_OK;
}

/* A key that is an expression and nothing else: windows and aggregates. */
ky_status
bind_sort_key(struct binder *b, struct scope *scope, const struct ast_sort *sort,
              struct sort_key *key_out)
{
    struct expr *expr;
    KY_TRY(bind_expr(b, scope, sort->expression, &expr));
    *key_out = (struct sort_key){0};
    KY_TRY(resolve_unknown(b, expr, &key_out->expr));
    return bind_sort_options(b, sort, key_out);
}

/* ---- names and ordinals of the target list ---- */

ky_status
target_by_name(struct binder *b, const struct query *query, const struct ast_node *node,
               const char *construct, struct expr **out)
{
    const struct ast_column_ref *ref = (const void *)node;
    *out = NULL;
    if (node->kind != AST_COLUMN_REF || ref->names->count != 1 ||
        ref->names->items[0]->kind != AST_STRING) {
        return KY_OK;
    }
    const char *name = ast_list_text(ref->names, 0);
    uint16_t width = query_width(query);
    for (uint16_t i = 0; i < width; i++) {
        if (strcmp(query->targets[i].name, name) != 0) {
            continue;
        }
        if (*out != NULL && !expr_equal(*out, query->targets[i].expr)) {
            return bind_error(b, node->location, KY_AMBIGUOUS_COLUMN, "%s \"%s\" is ambiguous",
                              construct, name);
        }
        if (*out == NULL) {
            *out = query->targets[i].expr;
        }
    }
    return KY_OK;
}

ky_status
target_by_number(struct binder *b, const struct query *query, const struct ast_node *node,
                 const char *construct, struct expr **out)
{
    const struct ast_const *number = (const void *)node;
    *out = NULL;
    if (node->kind != AST_CONST) {
        return KY_OK;
    }
    if (number->type != AST_CONST_INTEGER) {
        return bind_error(b, node->location, KY_SYNTAX_ERROR, "non-integer constant in %s",
                          construct);
    }
    if (number->integer < 1 || number->integer > query_width(query)) {
        return bind_error(b, node->location, KY_INVALID_COLUMN_REFERENCE,
                          "%s position %lld is not in select list", construct,
                          (long long)number->integer);
    }
    *out = query->targets[number->integer - 1].expr;
    return KY_OK;
}

struct expr *
target_or_expr(const struct query *query, struct expr *expr)
{
    for (uint16_t i = 0; i < query->target_count; i++) {
        if (expr_equal(query->targets[i].expr, expr)) {
            return query->targets[i].expr;
        }
    }
    return expr;
}

static bool
is_target(const struct query *query, const struct expr *expr, bool can_be_hidden)
{
    for (uint16_t i = 0; i < query->target_count; i++) {
        if (query->targets[i].expr == expr && (can_be_hidden || !query->targets[i].is_hidden)) {
            return true;
        }
    }
    return false;
}

/* ORDER BY's and DISTINCT ON's way of reading a name: output columns first. */
static ky_status
bind_output_expr(struct binder *b, struct scope *scope, const struct ast_node *node,
                 enum clause clause, const char *construct, struct expr **out)
{
    struct query *query = scope->query;
    KY_TRY(target_by_name(b, query, node, construct, out));
    if (*out == NULL) {
        KY_TRY(target_by_number(b, query, node, construct, out));
    }
    if (*out != NULL) {
        return KY_OK;
    }
    if (query->kind == QUERY_SET_OPERATION) {
        if (node->kind == AST_COLUMN_REF) {
            return bind_expr_in(b, scope, clause, node, out);
        }
        (void)bind_error(b, node_location(node), KY_FEATURE_NOT_SUPPORTED,
                         "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
        ky_error_detail(b->err,
                        "Only result column names can be used, not expressions or functions.");
        return ky_error_hint(b->err, "Add the expression/function to every SELECT, or move the "
                                     "UNION into a FROM clause.");
    }
    struct expr *expr;
    KY_TRY(bind_expr_in(b, scope, clause, node, &expr));
    KY_TRY(resolve_unknown(b, expr, &expr));
    *out = target_or_expr(query, expr);
    if (*out == expr && !is_target(query, expr, true)) {
        add_hidden_target(b, query, expr);
    }
    return KY_OK;
}

static ky_status
bind_order_by(struct binder *b, struct scope *scope, const struct ast_list *list)
{
    struct query *query = scope->query;
    int count = ast_list_count(list);
    query->order_by = ky_arena_array(b->arena, struct sort_key, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        const struct ast_sort *sort = (const void *)ast_list_get(list, i);
        struct sort_key key = {0};
        KY_TRY(bind_output_expr(b, scope, sort->expression, CLAUSE_ORDER, "ORDER BY", &key.expr));
        KY_TRY(bind_sort_options(b, sort, &key));
        bool is_repeated = false;
        for (uint16_t k = 0; k < query->order_count; k++) {
            is_repeated |= query->order_by[k].expr == key.expr;
        }
        if (!is_repeated) {
            query->order_by[query->order_count++] = key;
        }
    }
    if (count == 0 && scope->distance != NULL) {
        struct expr *distance = target_or_expr(query, scope->distance);
        if (!is_target(query, distance, true)) {
            add_hidden_target(b, query, distance);
        }
        query->order_by[0].expr = distance;
        query->order_count = 1;
    }
    return KY_OK;
}

/* ---- DISTINCT ---- */

static ky_status
bind_distinct_on(struct binder *b, struct scope *scope, const struct ast_list *list)
{
    struct query *query = scope->query;
    int count = ast_list_count(list);
    query->distinct_on = ky_arena_array(b->arena, struct expr *, (size_t)count);
    for (int i = 0; i < count; i++) {
        struct expr *expr;
        KY_TRY(bind_output_expr(b, scope, ast_list_get(list, i), CLAUSE_DISTINCT_ON,
                                "SELECT DISTINCT ON", &expr));
        query->distinct_on[query->distinct_on_count++] = expr;
    }
    /* ORDER BY must begin with these expressions, in any order among themselves. */
    uint16_t matched = 0;
    bool is_ended = false;
    for (uint16_t k = 0; k < query->order_count; k++) {
        bool is_distinct = false;
        for (uint16_t i = 0; i < query->distinct_on_count; i++) {
            is_distinct |= query->distinct_on[i] == query->order_by[k].expr;
        }
        if (is_distinct && is_ended) {
            return bind_error(b, node_location(ast_list_get(list, 0)), KY_INVALID_COLUMN_REFERENCE,
                              "SELECT DISTINCT ON expressions must match initial ORDER BY "
                              "expressions");
        }
        is_ended |= !is_distinct;
        matched = (uint16_t)(matched + is_distinct);
    }
    uint16_t total = query->order_count;
    if (is_written(b)) {
        return KY_OK;
    }
    struct sort_key *keys =
        ky_arena_array(b->arena, struct sort_key, (size_t)total + query->distinct_on_count);
    if (total > 0) {
        memcpy(keys, query->order_by, total * sizeof(*keys));
    }
    for (uint16_t i = 0; i < query->distinct_on_count; i++) {
        bool is_ordered = false;
        for (uint16_t k = 0; k < total; k++) {
            is_ordered |= keys[k].expr == query->distinct_on[i];
        }
        if (is_ordered) {
            continue;
        }
        if (is_ended) {
            return bind_error(b, node_location(ast_list_get(list, i)), KY_INVALID_COLUMN_REFERENCE,
                              "SELECT DISTINCT ON expressions must match initial ORDER BY "
                              "expressions");
        }
        keys[total++] = (struct sort_key){.expr = query->distinct_on[i]};
    }
    query->order_by = keys;
    query->order_count = total;
    return KY_OK;
}

ky_status
bind_distinct(struct binder *b, struct scope *scope, const struct ast_select *node)
{
    struct query *query = scope->query;
    if (node->distinct_on != NULL) {
        return bind_distinct_on(b, scope, node->distinct_on);
    }
    query->is_distinct = node->is_distinct;
    if (!query->is_distinct) {
        return KY_OK;
    }
    for (uint16_t i = 0; i < query->target_count; i++) {
        const struct target *target = &query->targets[i];
        if (target->is_hidden) {
            return bind_error(b, expr_location(target->expr), KY_INVALID_COLUMN_REFERENCE,
                              "for SELECT DISTINCT, ORDER BY expressions must appear in select "
                              "list");
        }
        if (target->expr->type->compare == NULL && target->expr->type->oid != OID_UNKNOWN) {
            return bind_error(b, expr_location(target->expr), KY_UNDEFINED_FUNCTION,
                              "could not identify an equality operator for type %s",
                              target->expr->type->sql_name);
        }
    }
    return KY_OK;
}

/* ---- LIMIT ---- */

static ky_status
bind_row_count(struct binder *b, struct scope *scope, enum clause clause,
               const struct ast_node *node, struct expr **out)
{
    struct expr *expr;
    const char *name = clause_name(clause);
    KY_TRY(bind_expr_in(b, scope, clause, node, &expr));
    KY_TRY(coerce_specific(b, expr, type_get(OID_INT8), name, &expr));
    if (expr_has_column(expr)) {
        return bind_error(b, expr_location(expr), KY_INVALID_COLUMN_REFERENCE,
                          "argument of %s must not contain variables", name);
    }
    bool is_all = expr->kind == EXPR_CONST && expr->value.is_null;
    *out = is_all && !is_written(b) ? NULL : expr;
    return KY_OK;
}

ky_status
bind_limit(struct binder *b, struct scope *scope, const struct ast_select *node)
{
    struct query *query = scope->query;
    if (node->offset != NULL) {
        KY_TRY(bind_row_count(b, scope, CLAUSE_OFFSET, node->offset, &query->offset));
    }
    const struct ast_const *limit = (const void *)node->limit;
    if (node->is_with_ties && limit != NULL && limit->node.kind == AST_CONST &&
        limit->type == AST_CONST_NULL) {
        return ky_error_set(b->err, KY_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
                            "row count cannot be null in FETCH FIRST ... WITH TIES clause");
    }
    if (node->limit != NULL) {
        KY_TRY(bind_row_count(b, scope, CLAUSE_LIMIT, node->limit, &query->limit));
    } else if (scope->distance != NULL) {
        query->limit = expr_const(b, type_get(OID_INT8), datum_word(VECTOR_LIMIT_DEFAULT), -1);
    }
    query->is_with_ties = node->is_with_ties;
    if (query->is_with_ties && query->order_count == 0) {
        return bind_error(b, -1, KY_SYNTAX_ERROR,
                          "WITH TIES cannot be specified without ORDER BY clause");
    }
    return KY_OK;
}

ky_status
bind_order_and_limit(struct binder *b, struct scope *scope, const struct ast_select *node)
{
    if (node->order_by != NULL || scope->distance != NULL) {
        KY_TRY(bind_order_by(b, scope, node->order_by));
    }
    if (node->group_by != NULL) {
        scope->query->is_group_distinct = node->is_group_by_distinct;
        KY_TRY(bind_group_by(b, scope, node->group_by));
    }
    if (node->is_distinct || node->distinct_on != NULL) {
        KY_TRY(bind_distinct(b, scope, node));
    }
    return bind_limit(b, scope, node);
}

/* ---- FOR UPDATE ---- */

static void lock_query(struct query *query, enum row_lock_mode mode, enum lock_policy policy,
                       bool is_printed);

static void
lock_table(struct table_ref *ref, enum row_lock_mode mode, enum lock_policy policy, bool is_printed)
{
    if (ref->kind == TABLE_RELATION || is_printed) {
        ref->lock_mode = ref->has_lock ? KY_MAX(ref->lock_mode, mode) : mode;
        ref->lock_policy = KY_MAX(ref->lock_policy, policy);
        ref->has_lock = true;
    } else if (ref->kind == TABLE_SUBQUERY) {
        ref->is_view_locked = ref->table != NULL;
        lock_query(ref->subquery, mode, policy, false);
    }
}

static void
lock_query(struct query *query, enum row_lock_mode mode, enum lock_policy policy, bool is_printed)
{
    if (query->kind != QUERY_SELECT) {
        return;
    }
    for (uint16_t i = 0; i < query->table_count; i++) {
        lock_table(query->tables[i], mode, policy, is_printed);
    }
}

/* A name without a schema, and not a join's. */
static ky_status
check_locked_name(struct binder *b, const struct scope *scope, const struct ast_range_var *name,
                  const char *clause)
{
    if (name->schema != NULL) {
        return bind_error(b, name->node.location, KY_SYNTAX_ERROR,
                          "%s must specify unqualified relation names", clause);
    }
    for (int i = 0; i < scope->item_count; i++) {
        const struct ns_item *item = &scope->items[i];
        if (item->ref == NULL && item->name != NULL && strcmp(item->name, name->name) == 0) {
            return bind_error(b, name->node.location, KY_FEATURE_NOT_SUPPORTED,
                              "%s cannot be applied to a join", clause);
        }
    }
    return KY_OK;
}

static ky_status
check_locked_kind(struct binder *b, const struct table_ref *ref, const struct ast_range_var *name,
                  const char *clause)
{
    const char *kind = ref->kind == TABLE_FUNCTION ? "a function"
                       : ref->kind == TABLE_VALUES ? "VALUES"
                       : ref->kind == TABLE_CTE    ? "a WITH query"
                                                   : NULL;
    return kind == NULL ? KY_OK
                        : bind_error(b, name->node.location, KY_FEATURE_NOT_SUPPORTED,
                                     "%s cannot be applied to %s", clause, kind);
}

ky_status
bind_locking(struct binder *b, struct scope *scope, const struct ast_select *node)
{
    static const char *const names[] = {[AST_FOR_KEY_SHARE] = "FOR KEY SHARE",
                                        [AST_FOR_SHARE] = "FOR SHARE",
                                        [AST_FOR_NO_KEY_UPDATE] = "FOR NO KEY UPDATE",
                                        [AST_FOR_UPDATE] = "FOR UPDATE"};
    static const enum row_lock_mode modes[] = {ROW_LOCK_KEY_SHARE, ROW_LOCK_SHARE,
                                               ROW_LOCK_NO_KEY_UPDATE, ROW_LOCK_UPDATE};
    static const enum lock_policy policies[] = {[AST_LOCK_WAIT] = LOCK_POLICY_WAIT,
                                                [AST_LOCK_SKIP] = LOCK_POLICY_SKIP,
                                                [AST_LOCK_NOWAIT] = LOCK_POLICY_NOWAIT};
    struct query *query = scope->query;
    for (int32_t i = 0; i < ast_list_count(node->locking); i++) {
        const struct ast_locking *lock = (const void *)ast_list_get(node->locking, i);
        const char *problem = query->kind == QUERY_SET_OPERATION ? "UNION/INTERSECT/EXCEPT"
                              : query->is_distinct || query->distinct_on_count > 0
                                  ? "DISTINCT clause"
                              : query->group_count > 0 ? "GROUP BY clause"
                              : query->having != NULL  ? "HAVING clause"
                              : query->has_aggregates  ? "aggregate functions"
                              : query->has_windows     ? "window functions"
                              : query->has_sets ? "set-returning functions in the target list"
                                                : NULL;
        if (problem != NULL) {
            return bind_error(b, -1, KY_FEATURE_NOT_SUPPORTED, "%s is not allowed with %s",
                              names[lock->strength], problem);
        }
        if (lock->relations == NULL) {
            lock_query(query, modes[lock->strength], policies[lock->wait], is_written(b));
            continue;
        }
        for (int32_t r = 0; r < lock->relations->count; r++) {
            const struct ast_range_var *name = (const void *)ast_list_get(lock->relations, r);
            struct table_ref *found = NULL;
            KY_TRY(check_locked_name(b, scope, name, names[lock->strength]));
            for (uint16_t t = 0; t < query->table_count; t++) {
                if (strcmp(query->tables[t]->alias, name->name) == 0) {
                    found = query->tables[t];
                }
            }
            if (found != NULL) {
                KY_TRY(check_locked_kind(b, found, name, names[lock->strength]));
            } else {
                return bind_error(b, name->node.location, KY_UNDEFINED_TABLE,
                                  "relation \"%s\" in %s clause not found in FROM clause",
                                  name->name, names[lock->strength]);
            }
            lock_table(found, modes[lock->strength], policies[lock->wait], is_written(b));
        }
    }
    return KY_OK;
}
