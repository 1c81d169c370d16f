/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/sql/bind/bind_private.h"

/*
 * GROUPING SETS, ROLLUP and CUBE. Each item of GROUP BY comes to one or more sets of keys:
 *
 *   a                            (a)
 *   rollup (a, (b, c))           (a, b, c) (a) ()
 *   cube (a, b)                  () (a) (b) (a, b)
 *   grouping sets ((a), cube b)  (a) () (b)
 *
 * All of it together comes to each set of the first item with each of the second, and so on. GROUP
 * BY DISTINCT drops what comes twice. What was written is kept for printing.
 */

/* ---- from the syntax tree ---- */

static struct grouping *
grouping_new(struct binder *b, enum grouping_kind kind, size_t part_room)
{
    struct grouping *grouping = ky_arena_new(b->arena, struct grouping);
    grouping->kind = kind;
    grouping->parts = ky_arena_array(b->arena, struct grouping *, part_room + 1);
    return grouping;
}

static const struct ast_list *
row_elements(const struct ast_node *node)
{
    const struct ast_row *row = (const void *)node;
    return node->kind == AST_ROW && !row->is_explicit ? row->elements : NULL;
}

static size_t
count_elements(const struct ast_node *node)
{
    const struct ast_list *elements = row_elements(node);
    size_t count = elements == NULL;
    for (int32_t i = 0; i < ast_list_count(elements); i++) {
        count += count_elements(ast_list_get(elements, i));
    }
    return count;
}

static ky_status
add_keys(struct binder *b, struct scope *scope, const struct ast_node *node,
         struct grouping *grouping)
{
    const struct ast_list *elements = row_elements(node);
    for (int32_t i = 0; i < ast_list_count(elements); i++) {
        KY_TRY(add_keys(b, scope, ast_list_get(elements, i), grouping));
    }
    if (elements != NULL) {
        return KY_OK;
    }
    uint16_t key;
    KY_TRY(add_group_key(b, scope, node, &key));
    for (uint16_t i = 0; i < grouping->key_count; i++) {
        if (grouping->keys[i] == key) {
            return KY_OK;
        }
    }
    grouping->keys[grouping->key_count++] = key;
    return KY_OK;
}

/* An expression, or several in parentheses. */
static ky_status
bind_simple(struct binder *b, struct scope *scope, const struct ast_node *node,
            struct grouping **out)
{
    struct grouping *grouping = grouping_new(b, GROUPING_SIMPLE, 0);
    grouping->keys = ky_arena_array(b->arena, uint16_t, count_elements(node) + 1);
    *out = grouping;
    return add_keys(b, scope, node, grouping);
}

static size_t
count_parts(const struct ast_grouping_set *set)
{
    size_t count = 0;
    for (int32_t i = 0; i < ast_list_count(set->items); i++) {
        const struct ast_grouping_set *part = (const void *)ast_list_get(set->items, i);
        const bool is_sets = part->node.kind == AST_GROUPING_SET && part->type == AST_GROUPING_SETS;
        count += is_sets ? count_parts(part) : 1;
    }
    return count;
}

static ky_status bind_set(struct binder *b, struct scope *scope,
                          const struct ast_grouping_set *node, struct grouping **out);

/* Sets inside of sets are sets of the outer one. */
static ky_status
add_parts(struct binder *b, struct scope *scope, const struct ast_grouping_set *node,
          struct grouping *grouping)
{
    for (int32_t i = 0; i < ast_list_count(node->items); i++) {
        const struct ast_node *item = ast_list_get(node->items, i);
        const struct ast_grouping_set *set = (const void *)item;
        if (item->kind != AST_GROUPING_SET) {
            KY_TRY(bind_simple(b, scope, item, &grouping->parts[grouping->part_count++]));
        } else if (set->type == AST_GROUPING_SETS) {
            KY_TRY(add_parts(b, scope, set, grouping));
        } else {
            KY_TRY(bind_set(b, scope, set, &grouping->parts[grouping->part_count++]));
        }
    }
    return KY_OK;
}

static ky_status
bind_set(struct binder *b, struct scope *scope, const struct ast_grouping_set *node,
         struct grouping **out)
{
    static const enum grouping_kind kinds[] = {[AST_GROUPING_EMPTY] = GROUPING_EMPTY,
                                               [AST_GROUPING_ROLLUP] = GROUPING_ROLLUP,
                                               [AST_GROUPING_CUBE] = GROUPING_CUBE,
                                               [AST_GROUPING_SETS] = GROUPING_SETS};
    struct grouping *grouping = grouping_new(b, kinds[node->type], count_parts(node));
    KY_TRY(add_parts(b, scope, node, grouping));
    if (grouping->kind == GROUPING_CUBE && grouping->part_count > CUBE_PARTS_MAX) {
        return bind_error(b, node->node.location, KY_TOO_MANY_COLUMNS,
                          "CUBE is limited to %d elements", CUBE_PARTS_MAX);
    }
    *out = grouping;
    return KY_OK;
}

/* A key of its own; what the list has named before adds nothing. */
static ky_status
add_plain_item(struct binder *b, struct scope *scope, const struct ast_node *node, bool *is_plain)
{
    struct query *query = scope->query;
    const struct ast_list *elements = row_elements(node);
    for (int32_t i = 0; i < ast_list_count(elements); i++) {
        KY_TRY(add_plain_item(b, scope, ast_list_get(elements, i), is_plain));
    }
    if (elements != NULL) {
        return KY_OK;
    }
    struct grouping *grouping;
    KY_TRY(bind_simple(b, scope, node, &grouping));
    if (!is_plain[grouping->keys[0]]) {
        is_plain[grouping->keys[0]] = true;
        query->groupings[query->grouping_count++] = grouping;
    }
    return KY_OK;
}

/* ---- what it comes to ---- */

/* Sets of a list of groupings, or one more than there may be. */
static uint64_t
count_sets(const struct grouping *grouping)
{
    uint64_t count = 0;
    switch (grouping->kind) {
    case GROUPING_EMPTY:
    case GROUPING_SIMPLE:
        return 1;
    case GROUPING_ROLLUP:
        return (uint64_t)grouping->part_count + 1;
    case GROUPING_CUBE:
        return UINT64_C(1) << grouping->part_count;
    case GROUPING_SETS:
        for (uint32_t i = 0; i < grouping->part_count && count <= GROUPING_SETS_MAX; i++) {
            count += count_sets(grouping->parts[i]);
        }
        break;
    }
    return count;
}

/* set with the keys of a simple grouping that it has not. */
static struct grouping_set
set_with(struct binder *b, const struct grouping_set *set, const struct grouping *simple)
{
    struct grouping_set more = {.key_count = set->key_count};
    more.keys = ky_arena_array(b->arena, uint16_t, (size_t)set->key_count + simple->key_count + 1);
    memcpy(more.keys, set->keys, set->key_count * sizeof(*set->keys));
    for (uint16_t i = 0; i < simple->key_count; i++) {
        uint16_t place = 0;
        while (place < more.key_count && more.keys[place] != simple->keys[i]) {
            place++;
        }
        if (place == more.key_count) {
            more.keys[more.key_count++] = simple->keys[i];
        }
    }
    return more;
}

struct set_list {
    struct grouping_set *sets;
    uint32_t count;
};

/* Each set that grouping comes to, joined with set. */
static void
add_sets(struct binder *b, struct set_list *list, const struct grouping_set *set,
         const struct grouping *grouping)
{
    switch (grouping->kind) {
    case GROUPING_EMPTY:
        list->sets[list->count++] = *set;
        break;
    case GROUPING_SIMPLE:
        list->sets[list->count++] = set_with(b, set, grouping);
        break;
    case GROUPING_ROLLUP:
        for (uint32_t size = grouping->part_count + 1; size-- > 0;) {
            struct grouping_set sum = *set;
            for (uint32_t i = 0; i < size; i++) {
                sum = set_with(b, &sum, grouping->parts[i]);
            }
            list->sets[list->count++] = sum;
        }
        break;
    case GROUPING_CUBE:
        for (uint32_t bits = 0; bits < UINT32_C(1) << grouping->part_count; bits++) {
            struct grouping_set sum = *set;
            for (uint32_t i = 0; i < grouping->part_count; i++) {
                sum = (bits >> i & 1) != 0 ? set_with(b, &sum, grouping->parts[i]) : sum;
            }
            list->sets[list->count++] = sum;
        }
        break;
    case GROUPING_SETS:
        for (uint32_t i = 0; i < grouping->part_count; i++) {
            add_sets(b, list, set, grouping->parts[i]);
        }
        break;
    }
}

static int
compare_keys(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static int
compare_sets(const void *a, const void *b)
{
    const struct grouping_set *left = a;
    const struct grouping_set *right = b;
    if (left->key_count != right->key_count) {
        return left->key_count < right->key_count ? -1 : 1;
    }
    for (uint16_t i = 0; i < left->key_count; i++) {
        if (left->keys[i] != right->keys[i]) {
            return left->keys[i] < right->keys[i] ? -1 : 1;
        }
    }
    return 0;
}

static void
drop_doubles(struct set_list *list)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        qsort(list->sets[i].keys, list->sets[i].key_count, sizeof(uint16_t), compare_keys);
    }
    qsort(list->sets, list->count, sizeof(*list->sets), compare_sets);
    for (uint32_t i = 0; i < list->count; i++) {
        if (kept == 0 || compare_sets(&list->sets[kept - 1], &list->sets[i]) != 0) {
            list->sets[kept++] = list->sets[i];
        }
    }
    list->count = kept;
}

/* The smallest first; sets of one size stay in their order. */
static struct grouping_set *
sort_by_size(struct binder *b, const struct set_list *list, uint16_t key_count)
{
    struct grouping_set *sorted = ky_arena_array(b->arena, struct grouping_set, list->count);
    uint32_t count = 0;
    for (uint16_t size = 0; size <= key_count; size++) {
        for (uint32_t i = 0; i < list->count; i++) {
            if (list->sets[i].key_count == size) {
                sorted[count++] = list->sets[i];
            }
        }
    }
    return sorted;
}

static ky_status
expand(struct binder *b, struct query *query)
{
    static uint16_t no_keys[1];
    struct grouping_set empty = {.keys = no_keys};
    struct set_list list = {.sets = &empty, .count = 1};
    for (uint32_t i = 0; i < query->grouping_count; i++) {
        const struct grouping *grouping = query->groupings[i];
        const uint64_t count = list.count * count_sets(grouping);
        if (count > GROUPING_SETS_MAX) {
            return bind_error(b, -1, KY_STATEMENT_TOO_COMPLEX,
                              "too many grouping sets present (maximum %d)", GROUPING_SETS_MAX);
        }
        struct set_list product = {
            .sets = ky_arena_array(b->arena, struct grouping_set, (size_t)count + 1)};
        for (uint32_t s = 0; s < list.count; s++) {
            add_sets(b, &product, &list.sets[s], grouping);
        }
        list = product;
    }
    if (query->is_group_distinct) {
        drop_doubles(&list);
    }
    query->grouping_sets = sort_by_size(b, &list, query->group_count);
    query->grouping_set_count = list.count;
    if (list.count == 1 && query->group_count > 0) {
        /* Nothing but a list of keys. */
        query->grouping_set_count = 0;
        query->grouping_count = 0;
    }
    return KY_OK;
}

ky_status
bind_grouping_sets(struct binder *b, struct scope *scope, const struct ast_list *list)
{
    struct query *query = scope->query;
    size_t room = 1;
    for (int32_t i = 0; i < ast_list_count(list); i++) {
        room += count_elements(ast_list_get(list, i));
    }
    bool *is_plain = ky_arena_array(b->arena, bool, ROW_COLUMNS_MAX + 64);
    query->groupings = ky_arena_array(b->arena, struct grouping *, room);
    for (int32_t i = 0; i < ast_list_count(list); i++) {
        const struct ast_grouping_set *set = (const void *)ast_list_get(list, i);
        if (set->node.kind != AST_GROUPING_SET) {
            KY_TRY(add_plain_item(b, scope, &set->node, is_plain));
        } else if (set->type != AST_GROUPING_EMPTY) {
            KY_TRY(bind_set(b, scope, set, &query->groupings[query->grouping_count++]));
        }
    }
    if (query->grouping_count == 0) {
        query->groupings[query->grouping_count++] = grouping_new(b, GROUPING_EMPTY, 0);
    }
    return expand(b, query);
}

/* ---- GROUPING ---- */

ky_status
bind_grouping(struct binder *b, struct scope *scope, const struct ast_grouping *node,
              struct expr **out)
{
    const int32_t count = ast_list_count(node->args);
    if (count > GROUPING_ARGS_MAX) {
        return bind_error(b, node->node.location, KY_TOO_MANY_ARGUMENTS,
                          "GROUPING must have fewer than %d arguments", GROUPING_ARGS_MAX + 1);
    }
    struct expr *call = expr_new(b, EXPR_GROUPING, type_get(OID_INT4), node->node.location);
    call->args = ky_arena_array(b->arena, struct expr *, (size_t)count);
    for (int32_t i = 0; i < count; i++) {
        KY_TRY(bind_expr(b, scope, ast_list_get(node->args, i), &call->args[call->arg_count++]));
    }
    *out = call;
    return check_aggregate(b, scope, call);
}
