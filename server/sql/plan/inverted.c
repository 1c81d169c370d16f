/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/sql/plan/condition.h"

/*
 * Scans of inverted indexes: conditions `column op value` of an AND list whose operator is one of
 * the key's class, with a value that is there before the table is scanned. All that one index
 * answers are asked of it together. It names rows that may fit; the scan asks the conditions again.
 *
 * How many rows it names is asked of the index itself where the value is a constant, and else
 * guessed as PostgreSQL does. A scan that would name a large part of the table is not made; should
 * a value that was not known do so at run time, all of the table is read in its place.
 */

/* Of the table: more rows are read in order. */
#define INVERTED_SHARE_MAX 0.25

/* A qual that the index answers. */
struct search {
    struct index_search asked; /* the value is bound, not fixed */
    bool is_mirrored;          /* the value stands on the left */
    struct qual *qual;
};
struct search_choice {
    const struct cat_index *index;
    struct search *list; /* in the order of the index's columns */
    uint16_t count;
    double rows; /* that it names */
};

static bool
is_key(const struct rel *rel, const struct cat_index *index, const struct index_exprs *exprs,
       uint16_t key, const struct expr *side)
{
    if (exprs->keys[key] != NULL) {
        return expr_equal(side, exprs->keys[key]);
    }
    const struct expr *column = key_column(side, rel);
    return column != NULL && column->column + 1 == index->keys[key].column;
}

/* The value has the type that the strategy takes. */
static bool
takes_value(const struct type *key, enum gin_strategy strategy, const struct type *value)
{
    switch (strategy) {
    case GIN_ARRAY_OVERLAPS:
    case GIN_ARRAY_CONTAINS:
    case GIN_ARRAY_CONTAINED:
    case GIN_ARRAY_EQUAL:
        return value == key;
    case GIN_JSONB_CONTAINS:
        return value->oid == OID_JSONB;
    case GIN_JSONB_EXISTS:
        return value->oid == OID_TEXT;
    case GIN_JSONB_EXISTS_ANY:
    case GIN_JSONB_EXISTS_ALL:
        return value->oid == OID_TEXT_ARRAY;
    case GIN_NONE:
        break;
    }
    return false;
}

/* A key of the index with a class that answers `side op value`; or `value op side`. */
static bool
find_key(const struct rel *rel, const struct cat_index *index, const struct index_exprs *exprs,
         const struct expr *expr, int side, struct index_search *out)
{
    const oid_t op = side == 0 ? expr->op->oid : expr->op->commutator;
    for (uint16_t key = 0; key < index->key_count; key++) {
        const struct cat_opclass *opclass = cat_key_opclass(index, key);
        const enum gin_strategy strategy =
            opclass == NULL ? GIN_NONE : cat_gin_strategy(opclass->family, op);
        if (strategy != GIN_NONE && is_key(rel, index, exprs, key, expr->args[side]) &&
            takes_value(index->keys[key].type, strategy, expr->args[1 - side]->type)) {
            *out = (struct index_search){key, strategy, expr->args[1 - side]};
            return true;
        }
    }
    return false;
}

static bool
read_search(const struct rel *rel, const struct cat_index *index, const struct index_exprs *exprs,
            struct qual *qual, const struct tables *outer, struct search *out)
{
    const struct expr *expr = qual->expr;
    if (expr->kind != EXPR_FUNC || expr->op == NULL || expr->arg_count != 2) {
        return false;
    }
    for (int side = 0; side < 2; side++) {
        if (value_is_known(expr->args[1 - side], outer) &&
            find_key(rel, index, exprs, expr, side, &out->asked)) {
            out->is_mirrored = side == 1;
            out->qual = qual;
            return true;
        }
    }
    return false;
}

/* The part of the table that a search names. */
static double
search_fraction(struct level *level, const struct rel *rel, const struct cat_index *index,
                const struct index_search *search, double otherwise)
{
    const struct plan_context *context = level->planner->context;
    const struct expr *value = search->value;
    if (value->kind != EXPR_CONST) {
        return otherwise;
    }
    if (value->value.is_null) {
        return 0;
    }
    return context->match_rows == NULL ? otherwise
                                       : context->match_rows(context->match_arg, index, search->key,
                                                             search->strategy, value->value) /
                                             KY_MAX(rel->table_rows, 1.0);
}

/* False: the index does not help. */
static bool
choose(struct level *level, const struct rel *rel, const struct cat_index *index,
       const struct quals *quals, const struct tables *outer, struct search_choice *out)
{
    struct ky_arena *arena = level->planner->arena;
    struct index_exprs exprs;
    if (index->method != INDEX_GIN || !plan_index_holds(level, rel, index, quals, &exprs)) {
        return false;
    }
    *out = (struct search_choice){
        .index = index, .list = ky_arena_array(arena, struct search, (size_t)quals->count + 1)};
    double fraction = 1;
    for (uint32_t i = 0; i < quals->count && out->count < UINT16_MAX; i++) {
        struct qual *qual = quals->list[i];
        struct search found;
        if (qual == NULL || !read_search(rel, index, &exprs, qual, outer, &found)) {
            continue;
        }
        const double guess =
            qual->selectivity >= 0 ? qual->selectivity : expr_selectivity(level, qual->expr);
        fraction *= KY_MIN(1.0, search_fraction(level, rel, index, &found.asked, guess));
        uint16_t place = out->count++;
        for (; place > 0 && out->list[place - 1].asked.key > found.asked.key; place--) {
            out->list[place] = out->list[place - 1];
        }
        out->list[place] = found;
    }
    out->rows = clamp_rows(rel->table_rows * fraction);
    return out->count > 0;
}

static bool
is_used(const struct search_choice *choice, const struct qual *qual)
{
    for (uint16_t i = 0; i < choice->count; i++) {
        if (choice->list[i].qual == qual) {
            return true;
        }
    }
    return false;
}

/* With the column on the left. */
static struct qual *
asked_qual(struct level *level, const struct search *search)
{
    if (!search->is_mirrored) {
        return search->qual;
    }
    struct ky_arena *arena = level->planner->arena;
    struct qual *qual = ky_arena_new(arena, struct qual);
    struct expr *expr = ky_arena_new(arena, struct expr);
    *qual = *search->qual;
    *expr = *search->qual->expr;
    expr->args = ky_arena_array(arena, struct expr *, 2);
    expr->args[0] = search->qual->expr->args[1];
    expr->args[1] = search->qual->expr->args[0];
    expr->op = operator_find(expr->op->commutator);
    expr->func = expr->op->function;
    qual->expr = expr;
    return qual;
}

/* PostgreSQL's: pages cost between what random ones and ones side by side do, the less the more of
 * the table is read. */
static void
set_cost(struct level *level, struct plan *plan, const struct rel *rel, const struct quals *used,
         const struct quals *left)
{
    enum { LEAF_ENTRIES = 366, TREE_COMPARISONS = 50 };
    const double all_pages = KY_MAX(rel->pages, 1.0);
    const double pages = KY_MIN(plan->rows, all_pages);
    const double page_cost =
        RANDOM_PAGE_COST - (RANDOM_PAGE_COST - SEQ_PAGE_COST) * sqrt(pages / all_pages);
    plan->startup_cost = plan->scan.search_count * TREE_COMPARISONS * CPU_OPERATOR_COST +
                         (1 + floor(plan->rows / LEAF_ENTRIES)) * RANDOM_PAGE_COST +
                         plan->rows * CPU_INDEX_TUPLE_COST;
    plan->total_cost = plan->startup_cost + pages * page_cost +
                       plan->rows * (CPU_TUPLE_COST + quals_cost(used) + quals_cost(left));
    plan->rows = clamp_rows(plan->rows * quals_selectivity(level, left));
}

static struct plan *
make_scan(struct level *level, struct rel *rel, const struct search_choice *choice,
          const struct quals *quals)
{
    struct planner *p = level->planner;
    struct plan *plan = plan_new(p, PLAN_BITMAP_SCAN);
    const struct input nothing = {.level = level};
    struct quals used = {0};
    struct quals left = {0};
    plan->alias = rel->ref->alias;
    plan->scan.table = rel->ref->table;
    plan->scan.index = (struct cat_index *)(uintptr_t)choice->index;
    plan->scan.searches = ky_arena_array(p->arena, struct index_search, choice->count);
    plan->scan.search_count = choice->count;
    rel->asked_quals = (struct quals){0};
    for (uint16_t i = 0; i < choice->count; i++) {
        const struct search *search = &choice->list[i];
        plan->scan.searches[i] = search->asked;
        plan->scan.searches[i].value = fix_expr(&nothing, search->asked.value);
        quals_add(level, &used, search->qual);
        quals_add(level, &rel->asked_quals, asked_qual(level, search));
    }
    for (uint32_t i = 0; i < quals->count; i++) {
        if (!is_used(choice, quals->list[i])) {
            quals_add(level, &left, quals->list[i]);
        }
    }
    rel->quals = left;
    rel->index_quals = used;
    plan->rows = choice->rows;
    set_cost(level, plan, rel, &used, &left);
    return plan;
}

static bool
find_best(struct level *level, const struct rel *rel, const struct quals *quals,
          const struct tables *outer, struct search_choice *best)
{
    const struct cat_table *table = rel->ref->table;
    *best = (struct search_choice){.index = NULL};
    for (uint16_t i = 0; i < table->index_count; i++) {
        struct search_choice one;
        if (choose(level, rel, table->indexes[i], quals, outer, &one) &&
            (best->index == NULL || one.rows < best->rows ||
             (one.rows <= best->rows && one.count > best->count))) {
            *best = one;
        }
    }
    return best->index != NULL;
}

struct plan *
plan_inverted_scan(struct level *level, struct rel *rel, const struct quals *quals,
                   const struct tables *outer, double rows_max)
{
    const struct plan_context *context = level->planner->context;
    struct search_choice best;
    if (!context->is_bitmapscan_enabled || !find_best(level, rel, quals, outer, &best) ||
        best.rows >= rows_max ||
        (context->is_seqscan_enabled && best.rows > rel->table_rows * INVERTED_SHARE_MAX &&
         best.rows > 1)) {
        return NULL;
    }
    return make_scan(level, rel, &best, quals);
}

double
plan_inverted_lookup_cost(struct level *level, struct rel *rel, const struct quals *quals,
                          const struct tables *left)
{
    struct search_choice best;
    bool is_tied = false;
    if (!level->planner->context->is_bitmapscan_enabled ||
        !find_best(level, rel, quals, left, &best)) {
        return -1;
    }
    for (uint16_t i = 0; i < best.count; i++) {
        is_tied = is_tied || tables_overlap(&best.list[i].qual->tables, left);
    }
    return is_tied ? LOOKUP_COST(best.rows) : -1;
}

void
plan_inverted_finish(const struct input *input, const struct rel *rel, struct plan *plan)
{
    struct planner *p = input->level->planner;
    struct plan *index = ky_arena_new(p->arena, struct plan);
    plan->scan.rest = plan->filter;
    *index = *plan;
    index->kind = PLAN_BITMAP_INDEX;
    index->scan.index_condition = fix_quals(input, &rel->asked_quals);
    index->filter = NULL;
    index->output_count = 0;
    index->startup_cost = 0;
    index->total_cost = plan->startup_cost;
    index->width = 0;
    plan->filter = expr_and(p, plan->scan.index_condition, plan->filter);
    plan->left = index;
}
