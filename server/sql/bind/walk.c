/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/bind/walk.h"

#include <string.h>

#include "server/base/assert.h"
#include "server/types/type_io.h"

static bool
visit_all(struct expr **exprs, uint32_t count, int level, expr_visitor visit, void *self)
{
    for (uint32_t i = 0; i < count; i++) {
        if (exprs[i] != NULL && visit(exprs[i], level, self)) {
            return true;
        }
    }
    return false;
}

static bool
visit_keys(struct sort_key *keys, uint32_t count, int level, expr_visitor visit, void *self)
{
    for (uint32_t i = 0; i < count; i++) {
        if (visit(keys[i].expr, level, self)) {
            return true;
        }
    }
    return false;
}

static bool
visit_one(struct expr *expr, int level, expr_visitor visit, void *self)
{
    return expr != NULL && visit(expr, level, self);
}

bool
expr_walk_children(struct expr *expr, int level, expr_visitor visit, void *self)
{
    if (visit_all(expr->args, expr->args == NULL ? 0 : expr->arg_count, level, visit, self)) {
        return true;
    }
    if (visit_one(expr->any_test, level, visit, self) ||
        visit_one(expr->filter, level, visit, self) ||
        visit_keys(expr->order, expr->order_count, level, visit, self)) {
        return true;
    }
    if (expr->window != NULL) {
        struct window_spec *spec = expr->window;
        if (visit_all(spec->partition, spec->partition_count, level, visit, self) ||
            visit_keys(spec->order, spec->order_count, level, visit, self) ||
            visit_one(spec->start_offset, level, visit, self) ||
            visit_one(spec->end_offset, level, visit, self)) {
            return true;
        }
    }
    return expr->subquery != NULL && query_walk(expr->subquery, level + 1, visit, self);
}

static bool
from_walk(struct from_item *item, int level, expr_visitor visit, void *self)
{
    if (item == NULL || item->table >= 0) {
        return false;
    }
    return visit_one(item->on, level, visit, self) || from_walk(item->left, level, visit, self) ||
           from_walk(item->right, level, visit, self);
}

static bool
table_walk(struct table_ref *ref, int level, expr_visitor visit, void *self)
{
    switch (ref->kind) {
    case TABLE_SUBQUERY:
        return query_walk(ref->subquery, level + 1, visit, self);
    case TABLE_FUNCTION:
        return visit_all(ref->functions, ref->function_count, level, visit, self);
    case TABLE_VALUES:
        for (uint32_t row = 0; row < ref->row_count; row++) {
            if (visit_all(ref->rows[row], ref->column_count, level, visit, self)) {
                return true;
            }
        }
        return false;
    case TABLE_RELATION:
        if (ref->sample != NULL && (visit_one(ref->sample->percent, level, visit, self) ||
                                    visit_one(ref->sample->repeatable, level, visit, self))) {
            return true;
        }
        return ref->vector_query != NULL &&
               (visit_one(ref->vector_query->query, level, visit, self) ||
                visit_one(ref->vector_query->ef, level, visit, self) ||
                visit_one(ref->vector_query->recall, level, visit, self));
    case TABLE_CTE:
    case TABLE_JOIN:
    case TABLE_EXCLUDED:
        return false;
    }
    return false;
}

bool
query_walk(struct query *query, int level, expr_visitor visit, void *self)
{
    for (uint16_t i = 0; i < query->cte_count; i++) {
        if (query_walk(query->ctes[i]->query, level + 1, visit, self)) {
            return true;
        }
    }
    for (uint16_t i = 0; i < query->table_count; i++) {
        if (table_walk(query->tables[i], level, visit, self)) {
            return true;
        }
    }
    for (uint16_t i = 0; i < query->from_count; i++) {
        if (from_walk(query->from[i], level, visit, self)) {
            return true;
        }
    }
    for (uint16_t i = 0; i < query->target_count; i++) {
        if (visit_one(query->targets[i].expr, level, visit, self)) {
            return true;
        }
    }
    for (uint16_t i = 0; i < query->returning_count; i++) {
        if (visit_one(query->returning[i].expr, level, visit, self)) {
            return true;
        }
    }
    for (uint16_t i = 0; i < query->assignment_count; i++) {
        if (visit_one(query->assignments[i].expr, level, visit, self)) {
            return true;
        }
    }
    for (uint16_t i = 0; i < query->merge_action_count; i++) {
        const struct merge_action *action = &query->merge_actions[i];
        if (visit_one(action->condition, level, visit, self)) {
            return true;
        }
        for (uint16_t a = 0; a < action->assignment_count; a++) {
            if (visit_one(action->assignments[a].expr, level, visit, self)) {
                return true;
            }
        }
    }
    if (visit_one(query->where, level, visit, self) ||
        visit_one(query->having, level, visit, self) ||
        visit_one(query->limit, level, visit, self) ||
        visit_one(query->offset, level, visit, self) ||
        visit_one(query->conflict_where, level, visit, self) ||
        visit_all(query->group_by, query->group_count, level, visit, self) ||
        visit_all(query->distinct_on, query->distinct_on_count, level, visit, self) ||
        visit_keys(query->order_by, query->order_count, level, visit, self)) {
        return true;
    }
    return (query->left != NULL && query_walk(query->left, level + 1, visit, self)) ||
           (query->right != NULL && query_walk(query->right, level + 1, visit, self)) ||
           (query->source != NULL && query_walk(query->source, level + 1, visit, self));
}

static bool
datum_equal(const struct type *type, struct datum a, struct datum b)
{
    if (a.is_null || b.is_null) {
        return a.is_null && b.is_null;
    }
    if (type->storage == TYPE_BYTES) {
        return ky_slice_equal(a.bytes, b.bytes);
    }
    return a.word == b.word;
}

static bool
one_equal(const struct expr *a, const struct expr *b)
{
    return a == b || (a != NULL && b != NULL && expr_equal(a, b));
}

static bool
keys_equal(const struct sort_key *a, const struct sort_key *b, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        if (a[i].is_descending != b[i].is_descending ||
            a[i].is_nulls_first != b[i].is_nulls_first || !expr_equal(a[i].expr, b[i].expr)) {
            return false;
        }
    }
    return true;
}

static bool
window_equal(const struct window_spec *a, const struct window_spec *b)
{
    if (a == b) {
        return true;
    }
    if (a == NULL || b == NULL || a->partition_count != b->partition_count ||
        a->order_count != b->order_count || a->mode != b->mode || a->start_kind != b->start_kind ||
        a->end_kind != b->end_kind || a->exclude != b->exclude) {
        return false;
    }
    for (uint16_t i = 0; i < a->partition_count; i++) {
        if (!expr_equal(a->partition[i], b->partition[i])) {
            return false;
        }
    }
    return keys_equal(a->order, b->order, a->order_count) &&
           one_equal(a->start_offset, b->start_offset) && one_equal(a->end_offset, b->end_offset);
}

static bool
texts_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
written_equal(const struct expr_written *a, const struct expr_written *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return texts_equal(a->word, b->word) && texts_equal(a->collation, b->collation) &&
           texts_equal(a->name, b->name) && texts_equal(a->qualifier, b->qualifier) &&
           one_equal(a->case_arg, b->case_arg) && a->is_sql_syntax == b->is_sql_syntax &&
           a->is_variadic == b->is_variadic && a->has_names == b->has_names &&
           a->is_one_row == b->is_one_row && a->is_left_out == b->is_left_out;
}

static bool
shape_equal(const struct func_shape *a, const struct func_shape *b)
{
    if (a == NULL || b == NULL || a->count != b->count) {
        return a == b;
    }
    for (uint16_t i = 0; i < a->count; i++) {
        if (a->types[i] != b->types[i] || a->typmods[i] != b->typmods[i] ||
            strcmp(a->names[i], b->names[i]) != 0) {
            return false;
        }
    }
    return true;
}

bool
expr_equal(const struct expr *a, const struct expr *b)
{
    if (a == b) {
        return true;
    }
    if (a->kind != b->kind || a->type != b->type || a->typmod != b->typmod ||
        a->arg_count != b->arg_count || a->table != b->table || a->column != b->column ||
        a->levels_up != b->levels_up || a->index != b->index || a->is_negated != b->is_negated ||
        a->is_slice != b->is_slice || a->test != b->test || a->func != b->func ||
        !shape_equal(a->shape, b->shape) || a->cast != b->cast ||
        a->subquery_kind != b->subquery_kind || !query_equal(a->subquery, b->subquery) ||
        a->is_distinct != b->is_distinct || a->is_star != b->is_star ||
        a->order_count != b->order_count || !written_equal(a->written, b->written)) {
        return false;
    }
    if (a->kind == EXPR_DOMAIN && a->domain != b->domain) {
        return false;
    }
    if (a->kind == EXPR_CONST && !datum_equal(a->type, a->value, b->value)) {
        return false;
    }
    for (uint16_t i = 0; i < a->arg_count; i++) {
        if (!one_equal(a->args[i], b->args[i])) {
            return false;
        }
    }
    return one_equal(a->filter, b->filter) && one_equal(a->any_test, b->any_test) &&
           keys_equal(a->order, b->order, a->order_count) && window_equal(a->window, b->window);
}

static bool
is_aggregate(struct expr *expr, int level, void *self)
{
    if ((expr->kind == EXPR_AGGREGATE || expr->kind == EXPR_GROUPING) && expr->levels_up == level) {
        return true;
    }
    return expr_walk_children(expr, level, is_aggregate, self);
}

bool
expr_has_aggregate(struct expr *expr)
{
    return is_aggregate(expr, 0, NULL);
}

static bool
is_window(struct expr *expr, int level, void *self)
{
    if (expr->kind == EXPR_WINDOW && level == 0) {
        return true;
    }
    return expr->subquery == NULL && expr_walk_children(expr, level, is_window, self);
}

bool
expr_has_window(struct expr *expr)
{
    return is_window(expr, 0, NULL);
}

static bool
is_set(struct expr *expr, int level, void *self)
{
    if (expr->kind == EXPR_SET && level == 0) {
        return true;
    }
    return expr->subquery == NULL && expr_walk_children(expr, level, is_set, self);
}

bool
expr_has_set(struct expr *expr)
{
    return is_set(expr, 0, NULL);
}

static bool
is_column(struct expr *expr, int level, void *self)
{
    if (expr->kind == EXPR_COLUMN && expr->levels_up == level) {
        return true;
    }
    return expr_walk_children(expr, level, is_column, self);
}

bool
expr_has_column(struct expr *expr)
{
    return is_column(expr, 0, NULL);
}

static bool
is_input(struct expr *expr, int level, void *self)
{
    return expr->kind == EXPR_INPUT || expr_walk_children(expr, level, is_input, self);
}

bool
expr_has_input(struct expr *expr)
{
    return is_input(expr, 0, NULL);
}

static bool
is_volatile(struct expr *expr, int level, void *self)
{
    if ((expr->kind == EXPR_FUNC || expr->kind == EXPR_SET) && expr->func->volatility == 'v') {
        return true;
    }
    return expr_walk_children(expr, level, is_volatile, self);
}

bool
expr_is_volatile(struct expr *expr)
{
    return is_volatile(expr, 0, NULL);
}

static bool
is_func_mutable(oid_t oid)
{
    const struct func *func = oid == OID_NONE ? NULL : func_find(oid);
    return func != NULL && func->volatility != 'i';
}

static bool
is_cast_mutable(const struct cast *cast)
{
    const struct type *source = type_find(cast->source);
    const struct type *target = type_find(cast->target);
    if (source == NULL || target == NULL) {
        return false;
    }
    if (cast->method == CAST_ARRAY) {
        const struct cast *element = cast_find(source->element_oid, target->element_oid);
        return element != NULL && is_cast_mutable(element);
    }
    const struct type_io *out = type_io_of(source);
    const struct type_io *in = type_io_of(target);
    return cast->method == CAST_IN_OUT ? (out != NULL && is_func_mutable(out->output)) ||
                                             (in != NULL && is_func_mutable(in->input))
                                       : is_func_mutable(cast->function_oid);
}

static bool
is_mutable(struct expr *expr, int level, void *self)
{
    if ((expr->kind == EXPR_FUNC || expr->kind == EXPR_SET) && expr->func != NULL &&
        expr->func->volatility != 'i') {
        return true;
    }
    if (expr->kind == EXPR_CAST && expr->cast != NULL && is_cast_mutable(expr->cast)) {
        return true;
    }
    return expr_walk_children(expr, level, is_mutable, self);
}

bool
expr_is_mutable(struct expr *expr)
{
    return is_mutable(expr, 0, NULL);
}
