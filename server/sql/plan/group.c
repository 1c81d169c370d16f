/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan_private.h"

/*
 * GROUP BY, aggregates and HAVING.
 *
 * Grouping sets are ordered in chains, each set with the next smaller one that it contains:
 *
 *   cube (a, b)     (a, b) (a)   (b)   ()
 *
 * and each knows the smallest earlier set that has all its keys. What the executor learns of that
 * one's groups, it need not learn again from the rows.
 */

struct dependent {
    struct level *level;
    struct exprs *groups;
};

/* Columns outside of aggregates and grouped expressions: GROUP BY a primary key allows them. */
static bool
visit_dependent(struct expr *expr, int depth, void *self)
{
    struct dependent *dependent = self;
    if ((expr->kind == EXPR_AGGREGATE || expr->kind == EXPR_GROUPING) && expr->levels_up >= depth) {
        return false;
    }
    for (uint32_t i = 0; depth == 0 && i < dependent->groups->count; i++) {
        if (expr_equal(dependent->groups->list[i], expr)) {
            return false;
        }
    }
    if (expr->kind == EXPR_COLUMN && expr->levels_up == depth) {
        struct expr *column = shift_levels(dependent->level->planner, expr, depth);
        for (uint32_t i = 0; i < dependent->groups->count; i++) {
            if (expr_equal(dependent->groups->list[i], column)) {
                return false;
            }
        }
        exprs_add(dependent->level, dependent->groups, column);
        return false;
    }
    return expr_walk_children(expr, depth, visit_dependent, self);
}

/*
 * Output columns come first, in their order: of two that are the same expression, any other
 * reading of it means the first. places_out: where each of group_by is.
 */
static void
add_own_keys(struct level *level, struct exprs *groups, uint16_t *places_out)
{
    const struct query *query = level->query;
    for (uint16_t t = 0; t <= query->target_count; t++) {
        for (uint16_t i = 0; i < query->group_count; i++) {
            const bool is_next = t == query->target_count
                                     ? places_out[i] == UINT16_MAX
                                     : query->group_by[i] == query->targets[t].expr;
            if (is_next && places_out[i] == UINT16_MAX) {
                places_out[i] = (uint16_t)groups->count;
                exprs_add(level, groups, query->group_by[i]);
            }
        }
    }
}

/* GROUP BY, and the columns that depend on it. */
static struct exprs
group_keys(struct level *level, uint16_t *places_out)
{
    struct query *query = level->query;
    struct exprs groups = {0};
    struct dependent dependent = {level, &groups};
    for (uint16_t i = 0; i < query->group_count; i++) {
        places_out[i] = query->grouping_set_count == 0 ? i : UINT16_MAX;
        if (query->grouping_set_count == 0) {
            exprs_add(level, &groups, query->group_by[i]);
        }
    }
    if (query->grouping_set_count > 0) {
        add_own_keys(level, &groups, places_out);
    }
    for (uint16_t i = 0; query->group_count > 0 && i < query->target_count; i++) {
        (void)visit_dependent(query->targets[i].expr, 0, &dependent);
    }
    if (query->group_count > 0 && query->having != NULL) {
        (void)visit_dependent(query->having, 0, &dependent);
    }
    return groups;
}

/* ------------------------------------------------------------------ grouping sets */

static void
set_add(struct agg_set *set, uint16_t key)
{
    set->keys[set->key_count++] = key;
    set->bits[key / 64] |= UINT64_C(1) << (key % 64);
}

/* Room for count keys. */
static struct agg_set
set_new(struct planner *p, uint16_t count)
{
    return (struct agg_set){.keys = ky_arena_array(p->arena, uint16_t, (size_t)count + 1),
                            .bits = ky_arena_array(p->arena, uint64_t, (size_t)count / 64 + 1)};
}

static bool
is_subset(const struct agg_set *set, const struct agg_set *of, uint32_t words)
{
    uint64_t more = 0;
    for (uint32_t i = 0; i < words; i++) {
        more |= set->bits[i] & ~of->bits[i];
    }
    return more == 0;
}

/* The keys of set, those of the smaller one first and in its order. */
static void
order_keys(struct planner *p, struct agg_set *set, const struct agg_set *smaller)
{
    uint16_t *keys = ky_arena_array(p->arena, uint16_t, (size_t)set->key_count + 1);
    uint16_t count = 0;
    for (uint16_t i = 0; i < smaller->key_count; i++) {
        keys[count++] = smaller->keys[i];
    }
    for (uint16_t i = 0; i < set->key_count; i++) {
        if (!agg_set_has(smaller, set->keys[i])) {
            keys[count++] = set->keys[i];
        }
    }
    set->keys = keys;
}

struct chains {
    struct agg_set *sets; /* the smallest first */
    uint32_t words;       /* of their bits */
    uint32_t *tops;       /* the largest of each chain */
    uint32_t *below;      /* the next smaller of the chain, + 1; 0: none */
    uint32_t chain_count;
};

/* Puts a set that the chains have already below the other. */
static bool
lay_on_same(struct chains *chains, uint32_t place)
{
    struct agg_set *set = &chains->sets[place];
    for (uint32_t i = 0; i < chains->chain_count; i++) {
        for (uint32_t at = chains->tops[i] + 1; at != 0; at = chains->below[at - 1]) {
            const struct agg_set *same = &chains->sets[at - 1];
            if (same->key_count == set->key_count && is_subset(set, same, chains->words)) {
                *set = *same;
                chains->below[place] = chains->below[at - 1];
                chains->below[at - 1] = place + 1;
                return true;
            }
        }
    }
    return false;
}

/* A set goes on top of the first chain that ends in one of its subsets. */
static void
chain_set(struct planner *p, struct chains *chains, uint32_t place)
{
    struct agg_set *set = &chains->sets[place];
    uint32_t chain = 0;
    while (chain < chains->chain_count &&
           !is_subset(&chains->sets[chains->tops[chain]], set, chains->words)) {
        chain++;
    }
    if (chain < chains->chain_count) {
        order_keys(p, set, &chains->sets[chains->tops[chain]]);
        chains->below[place] = chains->tops[chain] + 1;
    } else {
        chains->chain_count++;
    }
    chains->tops[chain] = place;
}

static int32_t
find_parent(const struct agg_set *sets, uint32_t count, const struct agg_set *set, uint32_t words)
{
    int32_t parent = -1;
    for (uint32_t i = 0; i < count; i++) {
        if ((parent < 0 || sets[i].key_count < sets[parent].key_count) &&
            is_subset(set, &sets[i], words)) {
            parent = (int32_t)i;
        }
    }
    return parent;
}

/* The sets chain by chain, those without keys last. */
static struct agg_set *
order_sets(struct planner *p, struct agg_set *sets, uint32_t count, uint32_t words)
{
    struct chains chains = {.sets = sets, .words = words};
    struct agg_set *ordered = ky_arena_array(p->arena, struct agg_set, (size_t)count + 1);
    uint32_t done = 0;
    chains.tops = ky_arena_array(p->arena, uint32_t, (size_t)count + 1);
    chains.below = ky_arena_array(p->arena, uint32_t, (size_t)count + 1);
    for (uint32_t i = 0; i < count; i++) {
        if (sets[i].key_count > 0 && !lay_on_same(&chains, i)) {
            chain_set(p, &chains, i);
        }
    }
    for (uint32_t i = 0; i < chains.chain_count; i++) {
        for (uint32_t at = chains.tops[i] + 1; at != 0; at = chains.below[at - 1]) {
            ordered[done++] = sets[at - 1];
        }
    }
    for (uint32_t i = 0; i < count && sets[i].key_count == 0; i++) {
        ordered[done++] = sets[i];
    }
    for (uint32_t i = 0; i < done; i++) {
        ordered[i].parent = find_parent(ordered, i, &ordered[i], words);
    }
    return ordered;
}

/* What depends on a primary key does so in every set: it is a key of each. */
static void
plan_grouping_sets(struct level *level, struct plan *plan, const uint16_t *places)
{
    struct planner *p = level->planner;
    const struct query *query = level->query;
    const uint32_t count = KY_MAX(query->grouping_set_count, 1U);
    const uint16_t group_count = plan->aggregate.group_count;
    struct agg_set *sets = ky_arena_array(p->arena, struct agg_set, count);
    sets[0] = set_new(p, group_count);
    for (uint16_t k = 0; query->grouping_set_count == 0 && k < query->group_count; k++) {
        set_add(&sets[0], k);
    }
    for (uint32_t i = 0; i < query->grouping_set_count; i++) {
        sets[i] = set_new(p, group_count);
        for (uint16_t k = 0; k < query->grouping_sets[i].key_count; k++) {
            set_add(&sets[i], places[query->grouping_sets[i].keys[k]]);
        }
    }
    sets = order_sets(p, sets, count, (uint32_t)group_count / 64 + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct agg_set own = sets[i];
        sets[i] = set_new(p, group_count);
        sets[i].parent = own.parent;
        for (uint16_t k = 0; k < own.key_count; k++) {
            set_add(&sets[i], own.keys[k]);
        }
        for (uint16_t k = query->group_count; k < group_count; k++) {
            set_add(&sets[i], k);
            sets[i].dependent_count++;
        }
    }
    plan->aggregate.sets = sets;
    plan->aggregate.set_count = count;
    plan->aggregate.has_sets = query->grouping_set_count > 0;
}

/* GROUPING(..) of this level, over the keys. */
static void
plan_groupings(struct level *level, struct plan *plan, const struct exprs *calls,
               const uint16_t *places)
{
    struct planner *p = level->planner;
    const struct query *query = level->query;
    plan->aggregate.grouping_count = (uint16_t)calls->count;
    plan->aggregate.groupings =
        ky_arena_array(p->arena, struct agg_grouping, (size_t)calls->count + 1);
    for (uint32_t i = 0; i < calls->count; i++) {
        const struct expr *call = calls->list[i];
        struct agg_grouping *grouping = &plan->aggregate.groupings[i];
        grouping->keys = ky_arena_array(p->arena, uint16_t, (size_t)call->arg_count + 1);
        grouping->key_count = call->arg_count;
        for (uint16_t a = 0; a < call->arg_count; a++) {
            uint16_t key = 0;
            while (!expr_equal(query->group_by[key], call->args[a])) {
                key++;
                KY_ASSERT(key < query->group_count);
            }
            grouping->keys[a] = places[key];
        }
    }
}

/* ------------------------------------------------------------------ the node */

/* As many as the keys have values together; PostgreSQL's 200 where some are not known. */
static double
set_rows(struct level *level, const struct agg_set *set, const struct exprs *groups, double rows)
{
    double count = 1;
    for (uint16_t i = 0; i < set->key_count - set->dependent_count; i++) {
        struct expr *key = groups->list[set->keys[i]];
        if (!is_analyzed(level, key)) {
            return KY_MIN(rows, 200.0);
        }
        count *= distinct_values(level, key, rows);
    }
    return set->key_count == 0 ? 1 : KY_MIN(rows, count);
}

static double
group_rows(struct level *level, const struct plan *plan, const struct exprs *groups, double rows)
{
    double total = 0;
    for (uint32_t i = 0; i < plan->aggregate.set_count; i++) {
        total += set_rows(level, &plan->aggregate.sets[i], groups, rows);
    }
    return clamp_rows(total);
}

struct plan *
plan_aggregate(struct level *level, struct plan *child, struct exprs *output)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct exprs calls = {0};
    struct exprs groupings = {0};
    struct exprs grouped = {0};
    struct input input = output_input(level, output);
    find_calls(level, EXPR_AGGREGATE, &calls);
    find_calls(level, EXPR_GROUPING, &groupings);
    struct plan *plan = plan_new(p, PLAN_AGGREGATE);
    plan->left = child;
    uint16_t *places = ky_arena_array(p->arena, uint16_t, (size_t)query->group_count + 1);
    struct exprs groups = group_keys(level, places);
    plan->aggregate.group_count = (uint16_t)groups.count;
    plan->aggregate.groups = fix_list(&input, groups.list, groups.count);
    plan_grouping_sets(level, plan, places);
    plan_groupings(level, plan, &groupings, places);
    plan->aggregate.call_count = (uint16_t)calls.count;
    plan->aggregate.calls = ky_arena_array(p->arena, struct agg_call, (size_t)calls.count + 1);
    for (uint32_t i = 0; i < calls.count; i++) {
        const struct expr *call = calls.list[i];
        plan->aggregate.calls[i] = (struct agg_call){
            .func = call->func,
            .args = fix_list(&input, call->args, call->arg_count),
            .arg_count = call->arg_count,
            .filter = fix_expr(&input, call->filter),
            .is_distinct = call->is_distinct,
            .is_star = call->is_star,
            .order = fix_keys(&input, call->order, call->order_count),
            .order_count = call->order_count,
            .type = call->type,
        };
    }
    grouped = groups;
    for (uint32_t i = 0; i < calls.count; i++) {
        exprs_add(level, &grouped, calls.list[i]);
    }
    for (uint32_t i = 0; i < groupings.count; i++) {
        exprs_add(level, &grouped, groupings.list[i]);
    }
    plan_set_output(p, plan, grouped.list, grouped.count);
    plan->rows = group_rows(level, plan, &groups, child->rows);
    plan->startup_cost = child->total_cost + child->rows * CPU_OPERATOR_COST * (calls.count + 1);
    plan->total_cost = plan->startup_cost + plan->rows * CPU_TUPLE_COST;
    *output = grouped;
    struct input after = output_input(level, output);
    plan->filter = query->having == NULL ? NULL : fix_expr(&after, query->having);
    return plan;
}
