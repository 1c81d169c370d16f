/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/sql/plan/plan_private.h"

/*
 * The order of joins. Tables joined by inner joins are joined smallest first, preferring those that
 * an equality ties to what is there: by hash, or by looking each row up in an index of the right
 * side when the left one is small. Outer joins stay as they are written.
 */

static void
add_tables(const struct from_item *item, struct tables *tables)
{
    if (item->table >= 0) {
        tables_add(tables, (uint32_t)item->table);
        return;
    }
    add_tables(item->left, tables);
    add_tables(item->right, tables);
}

static void
tables_of_item(const struct level *level, const struct from_item *item, struct tables *tables,
               struct tables *required)
{
    if (item->table >= 0) {
        tables_add(tables, (uint32_t)item->table);
        tables_join(required, &level->rels[item->table].required);
        struct table_ref *ref = level->query->tables[item->table];
        for (uint16_t i = 0; i < ref->function_count; i++) {
            tables_of_expr(ref->functions[i], required);
        }
        if (ref->sample != NULL) {
            tables_of_expr(ref->sample->percent, required);
        }
        if (ref->sample != NULL && ref->sample->repeatable != NULL) {
            tables_of_expr(ref->sample->repeatable, required);
        }
        return;
    }
    tables_of_item(level, item->left, tables, required);
    tables_of_item(level, item->right, tables, required);
}

/* A condition above that no row filled with nulls passes makes an outer join an inner one. */
bool
join_is_inner(const struct from_item *item, const struct quals *above)
{
    if (item->table >= 0 || item->kind == JOIN_FULL) {
        return false;
    }
    if (item->kind == JOIN_INNER || item->kind == JOIN_CROSS) {
        return true;
    }
    struct tables filled = {{0}};
    add_tables(item->kind == JOIN_RIGHT ? item->left : item->right, &filled);
    for (uint32_t i = 0; i < above->count; i++) {
        if (above->list[i] != NULL && expr_is_strict_for(above->list[i]->expr, &filled)) {
            return true;
        }
    }
    return false;
}

void
parts_add(struct level *level, struct parts *parts, const struct part *part)
{
    if (parts->count == parts->capacity) {
        const uint32_t capacity = KY_MAX(parts->capacity * 2, 4U);
        struct part *list = ky_arena_array(level->planner->arena, struct part, capacity);
        if (parts->count > 0) {
            memcpy(list, parts->list, parts->count * sizeof(*list));
        }
        parts->list = list;
        parts->capacity = capacity;
    }
    parts->list[parts->count++] = *part;
}

/* Takes inner joins apart; their ON conditions become ordinary ones. */
static void
flatten(struct level *level, struct from_item *item, struct parts *parts, struct quals *pending)
{
    if (join_is_inner(item, pending)) {
        flatten(level, item->left, parts, pending);
        flatten(level, item->right, parts, pending);
        quals_split(level, pending, item->on);
        return;
    }
    struct part part = {.item = item};
    tables_of_item(level, item, &part.tables, &part.required);
    tables_remove(&part.required, &part.tables);
    parts_add(level, parts, &part);
}

struct parts
parts_of_from(struct level *level, struct quals *pending)
{
    const struct query *query = level->query;
    struct parts parts = {0};
    for (uint16_t i = 0; i < query->from_count; i++) {
        flatten(level, query->from[i], &parts, pending);
    }
    return parts;
}

static bool
is_tied(const struct quals *pending, const struct tables *left, const struct tables *right)
{
    for (uint32_t i = 0; i < pending->count; i++) {
        struct expr *a;
        struct expr *b;
        if (pending->list[i] != NULL && join_key_of(pending->list[i], left, right, &a, &b)) {
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ lookups */

/* What it costs, in rows read in order, to look left's rows up in an index of the item; HUGE_VAL:
 * that cannot be. */
static double
lookup_cost(struct level *level, const struct from_item *item, const struct quals *pending,
            const struct piece *left)
{
    if (item == NULL || item->table < 0 || !level->planner->context->is_nestloop_enabled) {
        return HUGE_VAL;
    }
    const double cost = plan_lookup_cost(level, &level->rels[item->table], pending, &left->tables);
    const double left_rows =
        left->is_sorted ? KY_MIN(left->plan->rows, level->early_rows) : left->plan->rows;
    return cost < 0 ? HUGE_VAL : left_rows * cost;
}

/* What it costs to read a part once, in rows. */
static double
reading_cost(const struct level *level, const struct part *part)
{
    const struct plan *plan = part->piece.plan;
    if (part->item == NULL || part->item->table < 0) {
        return plan->rows;
    }
    return plan->kind == PLAN_INDEX_SCAN || plan->kind == PLAN_BITMAP_SCAN
               ? LOOKUP_COST(plan->rows)
               : level->rels[part->item->table].table_rows;
}

static struct piece
join_part(struct level *level, const struct exprs *all, const struct piece *left, struct part *part,
          struct quals *pending)
{
    bool is_lateral = !tables_is_empty(&part->required);
    if (is_lateral) {
        return join_dependent(level, all, left, part->item, PLAN_JOIN_INNER, pending, false);
    }
    if (part->lookup_pays) {
        return join_dependent(level, all, left, part->item, PLAN_JOIN_INNER, pending, true);
    }
    struct tables both = left->tables;
    tables_join(&both, &part->tables);
    struct quals quals = take_covered(level, pending, &both);
    /* The smaller side is hashed, unless that loses an order. */
    if (!left->is_sorted && left->plan->rows < part->piece.plan->rows) {
        return join_pieces(level, &part->piece, left, PLAN_JOIN_INNER, &quals);
    }
    return join_pieces(level, left, &part->piece, PLAN_JOIN_INNER, &quals);
}

/*
 * The part to begin with: all parts are read once, but for one that is looked up instead. The one
 * whose rows save most by that; where nothing is saved, NULL.
 */
static struct part *
first_part(struct level *level, struct parts *parts, const struct quals *pending)
{
    enum { PARTS_MAX = 12 }; /* pairs are tried */
    struct part *best = NULL;
    double most = 0;
    for (uint32_t i = 0; i < parts->count && parts->count <= PARTS_MAX; i++) {
        struct part *first = &parts->list[i];
        for (uint32_t j = 0; j < parts->count && tables_is_empty(&first->required); j++) {
            const struct part *other = &parts->list[j];
            if (i == j || !tables_is_empty(&other->required)) {
                continue;
            }
            const double saved = reading_cost(level, other) -
                                 lookup_cost(level, other->item, pending, &first->piece);
            if (saved > most) {
                best = first;
                most = saved;
            }
        }
    }
    return best;
}

/* The part to join next: one that is tied to what is there, the smallest of those. */
static struct part *
next_part(struct level *level, struct parts *parts, const struct piece *joined,
          const struct quals *pending)
{
    struct part *best =
        joined == NULL && level->early_table == NULL ? first_part(level, parts, pending) : NULL;
    bool best_tied = false;
    if (best != NULL) {
        return best;
    }
    for (uint32_t i = 0; i < parts->count; i++) {
        struct part *part = &parts->list[i];
        if (joined == NULL && level->early_table != NULL &&
            tables_has(&part->tables, level->early_table->table)) {
            return part; /* its order is to be kept */
        }
        if (part->is_joined ||
            (!tables_is_empty(&part->required) &&
             (joined == NULL || !tables_is_subset(&part->required, &joined->tables)))) {
            continue;
        }
        bool is_dependent = !tables_is_empty(&part->required);
        bool tied =
            joined != NULL && (is_dependent || is_tied(pending, &joined->tables, &part->tables));
        double rows = is_dependent ? 1 : part->piece.plan->rows;
        double best_rows = best == NULL                        ? 0
                           : !tables_is_empty(&best->required) ? 1
                                                               : best->piece.plan->rows;
        if (best == NULL || (tied && !best_tied) || (tied == best_tied && rows < best_rows)) {
            best = part;
            best_tied = tied;
        }
    }
    return best;
}

struct piece
join_parts(struct level *level, const struct exprs *all, struct parts *parts, struct quals *pending)
{
    struct planner *p = level->planner;
    struct piece joined = {0};
    for (uint32_t i = 0; i < parts->count; i++) {
        struct part *part = &parts->list[i];
        if (part->item != NULL && tables_is_empty(&part->required)) {
            part->before = *pending;
            part->before.list = ky_arena_array(p->arena, struct qual *, (size_t)pending->count + 1);
            if (pending->count > 0) {
                memcpy(part->before.list, pending->list, pending->count * sizeof(*pending->list));
            }
            part->piece = plan_item(level, all, part->item, pending);
            if (p->is_failed) {
                return joined;
            }
        }
    }
    for (uint32_t done = 0; done < parts->count; done++) {
        struct part *part = next_part(level, parts, done == 0 ? NULL : &joined, pending);
        if (part == NULL) {
            plan_fail(p, KY_FEATURE_NOT_SUPPORTED, "tables cannot be joined in any order");
            return joined;
        }
        part->is_joined = true;
        if (done == 0) {
            joined = part->piece;
            continue;
        }
        part->lookup_pays =
            tables_is_empty(&part->required) &&
            lookup_cost(level, part->item, pending, &joined) < reading_cost(level, part);
        if (part->lookup_pays) {
            /* Its own conditions were placed in the scan that is thrown away: place them again. */
            for (uint32_t i = 0; i < part->before.count; i++) {
                struct qual *qual = part->before.list[i];
                if (qual != NULL && tables_is_subset(&qual->tables, &part->tables)) {
                    pending->list[i] = qual;
                }
            }
        }
        joined = join_part(level, all, &joined, part, pending);
        if (p->is_failed) {
            return joined;
        }
    }
    return joined;
}

/* ------------------------------------------------------------------ outer joins */

/* With the conditions that it can answer now. */
static struct piece
filtered(struct level *level, struct piece *joined, struct quals *pending)
{
    if (!level->planner->is_failed) {
        struct quals filter = take_covered(level, pending, &joined->tables);
        struct input input = piece_input(level, joined);
        joined->plan = add_filter(level, joined->plan, &filter, &input);
    }
    return *joined;
}

static struct piece
plan_outer_join(struct level *level, const struct exprs *all, struct from_item *item,
                struct quals *pending)
{
    bool is_right = item->kind == JOIN_RIGHT;
    struct from_item *kept = is_right ? item->right : item->left;
    struct from_item *filled = is_right ? item->left : item->right;
    enum plan_join kind = item->kind == JOIN_FULL ? PLAN_JOIN_FULL : PLAN_JOIN_LEFT;
    struct quals on = {0};
    struct quals none = {0};
    struct tables tables = {{0}};
    struct tables required = {{0}};
    quals_split(level, &on, item->on);
    /* Conditions from above may filter the kept side only, and neither of a FULL join. */
    struct piece left = plan_item(level, all, kept, kind == PLAN_JOIN_FULL ? &none : pending);
    if (level->planner->is_failed) {
        return left;
    }
    tables_of_item(level, filled, &tables, &required);
    tables_remove(&required, &tables);
    struct piece joined;
    const bool is_lateral = !tables_is_empty(&required);
    if (!is_lateral && kind == PLAN_JOIN_LEFT && filled->table >= 0) {
        rel_estimate(level, &level->rels[filled->table]);
    }
    if (is_lateral) {
        joined = join_dependent(level, all, &left, filled, kind, &on, false);
    } else if (kind == PLAN_JOIN_LEFT && filled->table >= 0 &&
               lookup_cost(level, filled, &on, &left) < level->rels[filled->table].table_rows) {
        joined = join_dependent(level, all, &left, filled, kind, &on, true);
    } else {
        struct piece right = plan_item(level, all, filled, kind == PLAN_JOIN_FULL ? &none : &on);
        if (level->planner->is_failed) {
            return right;
        }
        struct quals rest = {0};
        for (uint32_t i = 0; i < on.count; i++) {
            if (on.list[i] != NULL) {
                quals_add(level, &rest, on.list[i]);
            }
        }
        joined = join_pieces(level, &left, &right, kind, &rest);
    }
    return filtered(level, &joined, pending);
}

struct piece
plan_item(struct level *level, const struct exprs *all, struct from_item *item,
          struct quals *pending)
{
    if (item->table >= 0) {
        return plan_table(level, all, (uint16_t)item->table, pending, NULL);
    }
    if (!join_is_inner(item, pending)) {
        return plan_outer_join(level, all, item, pending);
    }
    struct parts parts = {0};
    flatten(level, item, &parts, pending);
    struct piece joined = join_parts(level, all, &parts, pending);
    return filtered(level, &joined, pending);
}
