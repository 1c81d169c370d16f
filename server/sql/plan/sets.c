/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan_private.h"

/*
 * Set-returning calls inside of other expressions, f(unnest(a)) + 1, and those that are grouped by.
 * The innermost calls come first, one ProjectSet for each depth, passing its input on; what is left
 * is an ordinary projection.
 */

struct set_finder {
    struct level *level;
    const struct exprs *known;
    struct exprs found;
};

static bool
is_known(const struct exprs *known, struct expr *expr)
{
    for (uint32_t i = 0; i < known->count; i++) {
        if (expr_equal(known->list[i], expr)) {
            return true;
        }
    }
    return false;
}

/* Is there a call in expr, itself left out, that nothing below computes yet? */
static bool
visit_unknown(struct expr *expr, int depth, void *self)
{
    const struct set_finder *finder = self;
    if (depth > 0) {
        return false;
    }
    if (is_known(finder->known, expr)) {
        return false;
    }
    return expr->kind == EXPR_SET || expr_walk_children(expr, depth, visit_unknown, self);
}

static bool
visit_innermost(struct expr *expr, int depth, void *self)
{
    struct set_finder *finder = self;
    if (depth > 0 || is_known(finder->known, expr)) {
        return false;
    }
    if (expr->kind == EXPR_SET && !expr_walk_children(expr, depth, visit_unknown, self)) {
        if (!is_known(&finder->found, expr)) {
            exprs_add(finder->level, &finder->found, expr);
        }
        return false;
    }
    return expr_walk_children(expr, depth, visit_innermost, self);
}

bool
has_sets(struct level *level, const struct exprs *output, bool *are_nested_out)
{
    struct set_finder finder = {.level = level, .known = output};
    bool has_any = false;
    *are_nested_out = false;
    for (uint16_t i = 0; i < level->query->target_count; i++) {
        struct expr *target = level->query->targets[i].expr;
        if (!is_known(output, target)) {
            has_any = has_any || visit_unknown(target, 0, &finder);
            *are_nested_out =
                *are_nested_out || expr_walk_children(target, 0, visit_unknown, &finder);
        }
    }
    return has_any;
}

struct plan *
plan_sets(struct level *level, struct plan *plan, struct exprs *output, struct expr **roots,
          uint16_t root_count)
{
    struct planner *p = level->planner;
    for (;;) {
        struct set_finder finder = {.level = level, .known = output};
        for (uint16_t i = 0; i < root_count; i++) {
            (void)visit_innermost(roots[i], 0, &finder);
        }
        if (finder.found.count == 0) {
            return plan;
        }
        const struct input input = {
            .level = level, .exprs = output->list, .count = output->count, .is_complex = true};
        const uint32_t count = output->count + finder.found.count;
        struct expr **exprs = ky_arena_array(p->arena, struct expr *, count);
        struct exprs wider = {0};
        for (uint32_t i = 0; i < count; i++) {
            const bool is_passed = i < output->count;
            struct expr *expr = is_passed ? output->list[i] : finder.found.list[i - output->count];
            exprs[i] = is_passed ? expr_new_input(p, i, expr->type) : fix_expr(&input, expr);
            exprs_add(level, &wider, expr);
        }
        struct plan *above = plan_above(p, PLAN_PROJECT_SET, plan);
        above->rows = plan->rows * 10;
        plan = plan_project(p, above, exprs, count);
        *output = wider;
    }
}
