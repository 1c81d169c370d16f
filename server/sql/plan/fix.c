/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/parser.h"
#include "server/sql/plan/plan_private.h"

/*
 * Bound expressions become plan expressions. A column of this level is a place of the node's input;
 * one of an outer level is a slot that the outer level sets before it runs this one:
 *
 *   select (select max(b) from t where t.a = u.a) from u
 *
 * Inside, u.a is slot 0; outside, the subquery carries outer_slots {0} and outer_args {u.a}. Deeper
 * levels hand what they need to the level around them until it is that level's own column.
 */

void
plan_fail(struct planner *p, enum ky_sqlstate sqlstate, const char *message)
{
    if (!p->is_failed) {
        p->is_failed = true;
        (void)ky_error_set(p->err, sqlstate, "%s", message);
    }
}

static struct expr *
expr_copy(struct planner *p, const struct expr *expr)
{
    struct expr *copy = ky_arena_alloc(p->arena, sizeof(*copy));
    *copy = *expr;
    return copy;
}

static struct expr *
new_outer(struct planner *p, const struct expr *expr, uint32_t slot)
{
    struct expr *outer = ky_arena_new(p->arena, struct expr);
    outer->kind = EXPR_OUTER;
    outer->location = expr->location;
    outer->type = expr->type;
    outer->typmod = expr->typmod;
    outer->index = slot;
    return outer;
}

/* ---- levels ---- */

struct shifter {
    struct planner *p;
    int by;
};

static struct expr *
shift_one(const struct shifter *shifter, struct expr *expr)
{
    struct planner *p = shifter->p;
    if (expr == NULL || expr->kind == EXPR_CONST || expr->kind == EXPR_PARAM) {
        return expr;
    }
    if (expr->kind == EXPR_SUBQUERY) {
        plan_fail(p, KY_FEATURE_NOT_SUPPORTED,
                  "subquery inside an aggregate of an outer query is not supported");
        return expr;
    }
    struct expr *copy = expr_copy(p, expr);
    if (expr->kind == EXPR_COLUMN || expr->kind == EXPR_AGGREGATE || expr->kind == EXPR_GROUPING) {
        copy->levels_up = (uint16_t)((int)expr->levels_up - shifter->by);
    }
    if (expr->arg_count > 0 && expr->args != NULL) {
        copy->args = ky_arena_array(p->arena, struct expr *, expr->arg_count);
        for (uint16_t i = 0; i < expr->arg_count; i++) {
            copy->args[i] = shift_one(shifter, expr->args[i]);
        }
    }
    copy->filter = shift_one(shifter, expr->filter);
    if (expr->order_count > 0) {
        copy->order = ky_arena_array(p->arena, struct sort_key, expr->order_count);
        for (uint16_t i = 0; i < expr->order_count; i++) {
            copy->order[i] = expr->order[i];
            copy->order[i].expr = shift_one(shifter, expr->order[i].expr);
        }
    }
    return copy;
}

struct expr *
shift_levels(struct planner *p, struct expr *expr, int by)
{
    const struct shifter shifter = {p, by};
    return by == 0 ? expr : shift_one(&shifter, expr);
}

/* The slot of an expression of an outer level. */
static struct expr *
ask_outside(struct level *level, struct expr *expr)
{
    struct planner *p = level->planner;
    if (level->parent == NULL) {
        plan_fail(p, KY_INTERNAL_ERROR, "column of an outer query without an outer query");
        return expr;
    }
    struct expr *outside = shift_levels(p, expr, 1);
    for (struct slot_ref *ref = level->outer; ref != NULL; ref = ref->next) {
        if (expr_equal(ref->expr, outside)) {
            return new_outer(p, expr, ref->slot);
        }
    }
    struct slot_ref *ref = ky_arena_new(p->arena, struct slot_ref);
    ref->expr = outside;
    ref->slot = p->slot_count++;
    ref->next = level->outer;
    level->outer = ref;
    return new_outer(p, expr, ref->slot);
}

struct slot_ref *
adopt_refs(struct level *level, struct slot_ref *refs)
{
    struct planner *p = level->planner;
    struct slot_ref *own = NULL;
    struct slot_ref **own_end = &own;
    for (struct slot_ref *ref = refs; ref != NULL; ref = ref->next) {
        const bool is_own = ref->expr->levels_up == 0;
        struct slot_ref *copy = ky_arena_new(p->arena, struct slot_ref);
        copy->slot = ref->slot;
        if (is_own) {
            copy->expr = ref->expr;
            *own_end = copy;
            own_end = &copy->next;
        } else {
            copy->expr = shift_levels(p, ref->expr, 1);
            copy->next = level->outer;
            level->outer = copy;
        }
    }
    return own;
}

/* table.column, for EXPLAIN; NULL for what has no such name. */
static const char *
column_name(const struct level *level, const struct expr *column)
{
    if (column->table >= level->query->table_count) {
        return NULL; /* a subquery that became a join */
    }
    const struct table_ref *ref = level->query->tables[column->table];
    if (ref->alias == NULL || column->column >= ref->column_count ||
        ref->columns[column->column].name == NULL) {
        return NULL;
    }
    struct ky_buffer text = {0};
    ast_print_identifier(&text, ref->alias);
    ky_buffer_append_byte(&text, '.');
    ast_print_identifier(&text, ref->columns[column->column].name);
    const char *name = ky_arena_cstr(level->planner->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return name;
}

static struct expr *
new_left(struct level *level, const struct expr *column, uint32_t slot)
{
    struct expr *outer = new_outer(level->planner, column, slot);
    outer->shown = column_name(level, column);
    return outer;
}

/* A column to the left of a nested loop around us. */
static struct expr *
ask_frame(struct level *level, struct expr *expr)
{
    struct planner *p = level->planner;
    struct param_frame *frame = level->frame;
    while (frame != NULL && !tables_has(frame->tables, expr->table)) {
        frame = frame->outer;
    }
    if (frame == NULL) {
        plan_fail(p, KY_INTERNAL_ERROR, "column is not in the plan's input");
        return expr;
    }
    for (struct slot_ref *ref = frame->refs; ref != NULL; ref = ref->next) {
        if (expr_equal(ref->expr, expr)) {
            return new_left(level, expr, ref->slot);
        }
    }
    struct slot_ref *ref = ky_arena_new(p->arena, struct slot_ref);
    ref->expr = expr;
    ref->slot = p->slot_count++;
    ref->next = frame->refs;
    frame->refs = ref;
    return new_left(level, expr, ref->slot);
}

void
ask_frame_slot(struct level *level, struct expr *expr, uint32_t slot)
{
    struct planner *p = level->planner;
    struct param_frame *frame = level->frame;
    while (frame != NULL && !tables_has(frame->tables, expr->table)) {
        frame = frame->outer;
    }
    if (frame == NULL) {
        plan_fail(p, KY_INTERNAL_ERROR, "column is not in the plan's input");
        return;
    }
    struct slot_ref *ref = ky_arena_new(p->arena, struct slot_ref);
    ref->expr = expr;
    ref->slot = slot;
    ref->next = frame->refs;
    frame->refs = ref;
}

/* ---- fixing ---- */

static struct expr *
fix_column(const struct input *input, struct expr *expr)
{
    struct level *level = input->level;
    if (expr->levels_up > 0) {
        return ask_outside(level, expr);
    }
    for (uint32_t i = 0; i < input->count; i++) {
        const struct expr *have = input->exprs[i];
        if (have->kind == EXPR_COLUMN && have->table == expr->table &&
            have->column == expr->column && have->levels_up == 0) {
            return expr_new_input(level->planner, i + input->shift, expr->type);
        }
    }
    return ask_frame(level, expr);
}

static bool
is_hashable_test(const struct expr *test)
{
    if (test->kind == EXPR_AND) {
        for (uint16_t i = 0; i < test->arg_count; i++) {
            if (!is_hashable_test(test->args[i])) {
                return false;
            }
        }
        return true;
    }
    return test->kind == EXPR_FUNC && test->op != NULL && test->op->is_hashable &&
           test->arg_count == 2 && types_hash_alike(test->args[0]->type, test->args[1]->type);
}

static struct expr *
fix_subquery(const struct input *input, struct expr *expr)
{
    struct level *level = input->level;
    struct planner *p = level->planner;
    struct expr *copy = expr_copy(p, expr);
    struct slot_ref *refs = NULL;
    copy->index = ++p->subquery_count; /* EXPLAIN's number */
    copy->plan = plan_nested(level, expr->subquery, &refs);
    if (p->is_failed) {
        return expr;
    }
    struct slot_ref *own = adopt_refs(level, refs);
    for (struct slot_ref *ref = own; ref != NULL; ref = ref->next) {
        copy->outer_count++;
    }
    copy->outer_slots = ky_arena_array(p->arena, uint32_t, (size_t)copy->outer_count + 1);
    copy->outer_args = ky_arena_array(p->arena, struct expr *, (size_t)copy->outer_count + 1);
    uint16_t i = 0;
    for (struct slot_ref *ref = own; ref != NULL; ref = ref->next, i++) {
        copy->outer_slots[i] = ref->slot;
        copy->outer_args[i] = fix_expr(input, ref->expr);
    }
    if (expr->any_test != NULL) {
        struct input inner = *input;
        inner.shift += copy->plan->output_count;
        copy->any_test = fix_expr(&inner, expr->any_test);
        copy->is_hashed =
            expr->subquery_kind == SUBQUERY_ANY && refs == NULL && is_hashable_test(copy->any_test);
    }
    return copy;
}

static struct expr *
find_complex(const struct input *input, struct expr *expr)
{
    for (uint32_t i = 0; i < input->count; i++) {
        struct expr *have = input->exprs[i];
        if (have->kind == expr->kind && have->kind != EXPR_COLUMN && expr_equal(have, expr)) {
            return expr_new_input(input->level->planner, i + input->shift, expr->type);
        }
    }
    return NULL;
}

/*
 * What is grouped by is null where its set leaves it out; a constant of the same value is not, nor
 * is another output column of the same expression.
 */
static struct expr *
find_key(const struct input *input, const struct expr *expr)
{
    const bool can_be_key = input->is_complex && input->level->query->grouping_set_count > 0;
    for (uint32_t i = 0; can_be_key && i < input->count; i++) {
        if (input->exprs[i] == expr) {
            return expr_new_input(input->level->planner, i + input->shift, expr->type);
        }
    }
    return NULL;
}

static struct expr *
fix_args(const struct input *input, struct expr *expr)
{
    struct expr **args = NULL;
    struct planner *p = input->level->planner;
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        struct expr *arg = fix_expr(input, expr->args[i]);
        if (arg != expr->args[i] && args == NULL) {
            args = ky_arena_array(p->arena, struct expr *, expr->arg_count);
            memcpy(args, expr->args, i * sizeof(*args));
        }
        if (args != NULL) {
            args[i] = arg;
        }
    }
    if (args == NULL) {
        return expr;
    }
    struct expr *copy = expr_copy(p, expr);
    copy->args = args;
    return copy;
}

struct expr *
fix_expr(const struct input *input, struct expr *expr)
{
    if (expr == NULL) {
        return NULL;
    }
    struct expr *key = find_key(input, expr);
    if (key != NULL) {
        return key;
    }
    switch (expr->kind) {
    case EXPR_COLUMN:
        return fix_column(input, expr);
    case EXPR_CONST:
    case EXPR_PARAM:
    case EXPR_INPUT:
    case EXPR_OUTER:
    case EXPR_DEFAULT:
        return expr;
    default:
        break;
    }
    if (input->is_complex) {
        struct expr *found = find_complex(input, expr);
        if (found != NULL) {
            return found;
        }
    }
    if (expr->kind == EXPR_SUBQUERY) {
        return fix_subquery(input, expr);
    }
    if ((expr->kind == EXPR_AGGREGATE || expr->kind == EXPR_GROUPING) && expr->levels_up > 0) {
        return ask_outside(input->level, expr);
    }
    if (expr->kind == EXPR_AGGREGATE || expr->kind == EXPR_GROUPING || expr->kind == EXPR_WINDOW) {
        plan_fail(input->level->planner, KY_INTERNAL_ERROR,
                  "aggregate or window call is not in the plan's input");
        return expr;
    }
    return fix_args(input, expr);
}

struct expr **
fix_list(const struct input *input, struct expr **exprs, uint32_t count)
{
    struct expr **list =
        ky_arena_alloc(input->level->planner->arena, ((size_t)count + 1) * sizeof(struct expr *));
    for (uint32_t i = 0; i < count; i++) {
        list[i] = fix_expr(input, exprs[i]);
    }
    return list;
}

struct sort_key *
fix_keys(const struct input *input, const struct sort_key *keys, uint32_t count)
{
    struct sort_key *list =
        ky_arena_array(input->level->planner->arena, struct sort_key, (size_t)count + 1);
    for (uint32_t i = 0; i < count; i++) {
        list[i] = keys[i];
        list[i].expr = fix_expr(input, keys[i].expr);
    }
    return list;
}

struct expr *
expr_and(struct planner *p, struct expr *left, struct expr *right)
{
    if (left == NULL || right == NULL) {
        return left == NULL ? right : left;
    }
    struct expr *both = ky_arena_new(p->arena, struct expr);
    const uint16_t left_count = left->kind == EXPR_AND ? left->arg_count : 1;
    const uint16_t right_count = right->kind == EXPR_AND ? right->arg_count : 1;
    both->kind = EXPR_AND;
    both->location = -1;
    both->type = left->type;
    both->typmod = -1;
    both->arg_count = (uint16_t)(left_count + right_count);
    both->args = ky_arena_array(p->arena, struct expr *, both->arg_count);
    for (uint16_t i = 0; i < left_count; i++) {
        both->args[i] = left->kind == EXPR_AND ? left->args[i] : left;
    }
    for (uint16_t i = 0; i < right_count; i++) {
        both->args[left_count + i] = right->kind == EXPR_AND ? right->args[i] : right;
    }
    return both;
}

struct expr *
fix_quals(const struct input *input, const struct quals *quals)
{
    struct planner *p = input->level->planner;
    if (quals->count == 0) {
        return NULL;
    }
    if (quals->count == 1) {
        return fix_expr(input, quals->list[0]->expr);
    }
    struct expr *all = ky_arena_new(p->arena, struct expr);
    all->kind = EXPR_AND;
    all->location = -1;
    all->type = type_get(OID_BOOL);
    all->typmod = -1;
    all->arg_count = (uint16_t)quals->count;
    all->args = ky_arena_array(p->arena, struct expr *, quals->count);
    for (uint32_t i = 0; i < quals->count; i++) {
        all->args[i] = fix_expr(input, quals->list[i]->expr);
    }
    return all;
}
