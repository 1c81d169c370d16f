/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/walk.h"

/* Are two queries the same? GROUP BY (SELECT ..) names the target that says it again. */

static bool
one_equal(const struct expr *a, const struct expr *b)
{
    return a == b || (a != NULL && b != NULL && expr_equal(a, b));
}

static bool
all_equal(struct expr *const *a, struct expr *const *b, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        if (!one_equal(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

static bool
table_equal(const struct table_ref *a, const struct table_ref *b)
{
    const bool is_simple = a->kind == TABLE_RELATION || a->kind == TABLE_SUBQUERY ||
                           a->kind == TABLE_FUNCTION || a->kind == TABLE_JOIN;
    return is_simple && a->kind == b->kind && a->table == b->table &&
           a->column_count == b->column_count && a->is_lateral == b->is_lateral &&
           a->has_ordinality == b->has_ordinality && !a->has_lock && !b->has_lock &&
           a->vector_query == NULL && b->vector_query == NULL && a->sample == NULL &&
           b->sample == NULL && a->function_count == b->function_count &&
           all_equal(a->functions, b->functions, a->function_count) &&
           query_equal(a->subquery, b->subquery);
}

static bool
from_equal(const struct from_item *a, const struct from_item *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return a->table == b->table && a->kind == b->kind && one_equal(a->on, b->on) &&
           from_equal(a->left, b->left) && from_equal(a->right, b->right);
}

static bool
order_equal(const struct query *a, const struct query *b)
{
    for (uint16_t i = 0; i < a->order_count; i++) {
        if (a->order_by[i].is_descending != b->order_by[i].is_descending ||
            a->order_by[i].is_nulls_first != b->order_by[i].is_nulls_first ||
            !expr_equal(a->order_by[i].expr, b->order_by[i].expr)) {
            return false;
        }
    }
    return true;
}

static bool
targets_equal(const struct query *a, const struct query *b)
{
    for (uint16_t i = 0; i < a->target_count; i++) {
        if (a->targets[i].is_hidden != b->targets[i].is_hidden ||
            !expr_equal(a->targets[i].expr, b->targets[i].expr)) {
            return false;
        }
    }
    return true;
}

static bool
froms_equal(const struct query *a, const struct query *b)
{
    for (uint16_t i = 0; i < a->table_count; i++) {
        if (!table_equal(a->tables[i], b->tables[i])) {
            return false;
        }
    }
    for (uint16_t i = 0; i < a->from_count; i++) {
        if (!from_equal(a->from[i], b->from[i])) {
            return false;
        }
    }
    return true;
}

static bool
grouping_sets_equal(const struct query *a, const struct query *b)
{
    for (uint32_t i = 0; i < a->grouping_set_count; i++) {
        const struct grouping_set *set = &a->grouping_sets[i];
        if (set->key_count != b->grouping_sets[i].key_count ||
            memcmp(set->keys, b->grouping_sets[i].keys, set->key_count * sizeof(*set->keys)) != 0) {
            return false;
        }
    }
    return true;
}

static bool
is_comparable(const struct query *query)
{
    return (query->kind == QUERY_SELECT || query->kind == QUERY_SET_OPERATION) &&
           query->cte_count == 0;
}

bool
query_equal(const struct query *a, const struct query *b)
{
    if (a == b || a == NULL || b == NULL) {
        return a == b;
    }
    return is_comparable(a) && is_comparable(b) && a->kind == b->kind &&
           a->table_count == b->table_count && a->from_count == b->from_count &&
           a->target_count == b->target_count && a->group_count == b->group_count &&
           a->grouping_set_count == b->grouping_set_count && grouping_sets_equal(a, b) &&
           a->has_aggregates == b->has_aggregates && a->is_distinct == b->is_distinct &&
           a->distinct_on_count == b->distinct_on_count && a->order_count == b->order_count &&
           a->is_with_ties == b->is_with_ties && a->set_operation == b->set_operation &&
           a->is_all == b->is_all && froms_equal(a, b) && targets_equal(a, b) &&
           one_equal(a->where, b->where) && one_equal(a->having, b->having) &&
           one_equal(a->limit, b->limit) && one_equal(a->offset, b->offset) &&
           all_equal(a->group_by, b->group_by, a->group_count) &&
           all_equal(a->distinct_on, b->distinct_on, a->distinct_on_count) && order_equal(a, b) &&
           query_equal(a->left, b->left) && query_equal(a->right, b->right);
}
