/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan_private.h"

/*
 * ORDER BY a.x LIMIT 10 over joins: when an index delivers a in that order and every other table
 * can be looked up by what is there already, reading stops with the tenth row that passes.
 */

enum { UNKNOWN_LIMIT = 100 };

/* The tables of a part of FROM, in the order in which they can be looked up. */
struct walk {
    struct level *level;
    uint16_t first;     /* the table that is read in order */
    struct tables have; /* it and those that were looked up */
    double cost;        /* of looking up, per row */
    double other_rows;  /* of the other tables */
};

/* The table that all of ORDER BY is of, or -1. */
static int
ordering_table(const struct query *query)
{
    int table = -1;
    for (uint16_t i = 0; i < query->order_count; i++) {
        const struct expr *expr = query->order_by[i].expr;
        if (expr->kind != EXPR_COLUMN || expr->levels_up != 0 ||
            (table >= 0 && expr->table != table)) {
            return -1;
        }
        table = expr->table;
    }
    return table >= 0 && query->tables[table]->kind == TABLE_RELATION &&
                   query->tables[table]->table->sysview == NULL
               ? table
               : -1;
}

static bool
has_table(const struct from_item *item, uint16_t table)
{
    return item->table >= 0 ? item->table == table
                            : has_table(item->left, table) || has_table(item->right, table);
}

/* Looks the item up by the tables that are there. */
static bool
look_up(struct walk *walk, const struct from_item *item, const struct quals *quals)
{
    if (item->table < 0) {
        return false;
    }
    struct rel *rel = &walk->level->rels[item->table];
    if (rel->ref->kind != TABLE_RELATION || !tables_is_empty(&rel->required)) {
        return false;
    }
    rel_estimate(walk->level, rel);
    const double cost = plan_lookup_cost(walk->level, rel, quals, &walk->have);
    if (cost < 0) {
        return false;
    }
    tables_add(&walk->have, rel->table);
    walk->cost += cost;
    walk->other_rows += rel->table_rows;
    return true;
}

/* The items of inner joins. */
static void
collect_items(struct level *level, struct from_item *item, struct from_item **items,
              uint32_t *count, struct quals *quals)
{
    if (join_is_inner(item, quals)) {
        collect_items(level, item->left, items, count, quals);
        collect_items(level, item->right, items, count, quals);
        quals_split(level, quals, item->on);
        return;
    }
    items[(*count)++] = item;
}

static bool walk_item(struct walk *walk, struct from_item *item, struct quals *quals);

static bool
walk_inner(struct walk *walk, struct from_item **items, uint32_t count, struct quals *quals)
{
    for (uint32_t i = 0; i < count; i++) {
        if (has_table(items[i], walk->first)) {
            if (!walk_item(walk, items[i], quals)) {
                return false;
            }
            items[i] = items[--count];
            break;
        }
    }
    while (count > 0) {
        uint32_t i = 0;
        while (i < count && !look_up(walk, items[i], quals)) {
            i++;
        }
        if (i == count) {
            return false;
        }
        items[i] = items[--count];
    }
    return true;
}

static bool
walk_item(struct walk *walk, struct from_item *item, struct quals *quals)
{
    if (item->table >= 0) {
        return true; /* the first */
    }
    if (join_is_inner(item, quals)) {
        struct from_item **items =
            ky_arena_array(walk->level->planner->arena, struct from_item *, TABLES_MAX);
        uint32_t count = 0;
        collect_items(walk->level, item, items, &count, quals);
        return walk_inner(walk, items, count, quals);
    }
    const bool is_right = item->kind == JOIN_RIGHT;
    struct from_item *kept = is_right ? item->right : item->left;
    if (item->kind == JOIN_FULL || !has_table(kept, walk->first) || !walk_item(walk, kept, quals)) {
        return false;
    }
    struct quals on = {0};
    quals_split(walk->level, &on, item->on);
    return look_up(walk, is_right ? item->left : item->right, &on);
}

/* Rows of the table to be read until enough are found, by the conditions on all tables. */
static double
rows_to_read(struct level *level, const struct quals *quals)
{
    const struct query *query = level->query;
    double rows = UNKNOWN_LIMIT;
    if (query->limit->kind == EXPR_CONST && !query->limit->value.is_null) {
        rows = (double)query->limit->value.word;
    }
    if (query->offset != NULL) {
        rows += query->offset->kind == EXPR_CONST && !query->offset->value.is_null
                    ? (double)query->offset->value.word
                    : UNKNOWN_LIMIT;
    }
    for (uint32_t i = 0; i < quals->count; i++) {
        if (tables_count(&quals->list[i]->tables) == 1) {
            rows /= KY_MAX(expr_selectivity(level, quals->list[i]->expr), 1e-9);
        }
    }
    return rows;
}

void
plan_early_stop(struct level *level, const struct quals *pending)
{
    const struct query *query = level->query;
    const int first = ordering_table(query);
    if (query->limit == NULL || query->is_with_ties || query->table_count < 2 || first < 0 ||
        query->table_count > TABLES_MAX || query->has_aggregates || query->has_windows ||
        query->is_distinct || query->distinct_on_count > 0 || query->has_sets ||
        !level->planner->context->is_nestloop_enabled) {
        return;
    }
    struct rel *rel = &level->rels[first];
    struct walk walk = {.level = level, .first = (uint16_t)first};
    struct from_item **items =
        ky_arena_array(level->planner->arena, struct from_item *, TABLES_MAX);
    struct quals quals = {0};
    uint32_t count = 0;
    rel_estimate(level, rel);
    tables_add(&walk.have, rel->table);
    for (uint32_t i = 0; i < pending->count; i++) {
        quals_add(level, &quals, pending->list[i]);
    }
    for (uint16_t i = 0; i < query->from_count; i++) {
        collect_items(level, query->from[i], items, &count, &quals);
    }
    if (!walk_inner(&walk, items, count, &quals)) {
        return;
    }
    const double rows = rows_to_read(level, &quals);
    const double all = rel->table_rows + walk.other_rows;
    if (rows > rel->table_rows || rows * (1 + walk.cost) > all) {
        return;
    }
    /* The table's own conditions may be better served by another index. */
    struct quals own = {0};
    for (uint32_t i = 0; i < quals.count; i++) {
        if (tables_is_subset(&quals.list[i]->tables, &(struct tables){{0}}) ||
            (tables_count(&quals.list[i]->tables) == 1 &&
             tables_has(&quals.list[i]->tables, rel->table))) {
            quals_add(level, &own, quals.list[i]);
        }
    }
    bool is_sorted = false;
    level->early_table = rel;
    level->early_rows = rows;
    if (plan_index_scan(level, rel, &own, NULL, &is_sorted) == NULL || !is_sorted) {
        level->early_table = NULL;
    }
}
