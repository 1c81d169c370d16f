/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan_private.h"

/*
 * FROM and WHERE. Conditions go down to the lowest place that has their tables, but not below an
 * outer join that may have filled those tables with nulls. Joins are made in join_order.c.
 */

struct quals
take_covered(struct level *level, struct quals *pending, const struct tables *tables)
{
    struct quals taken = {0};
    for (uint32_t i = 0; i < pending->count; i++) {
        struct qual *qual = pending->list[i];
        if (qual != NULL && tables_is_subset(&qual->tables, tables)) {
            quals_add(level, &taken, qual);
            pending->list[i] = NULL;
        }
    }
    return taken;
}

struct input
piece_input(struct level *level, const struct piece *piece)
{
    return (struct input){
        .level = level, .exprs = piece->output.list, .count = piece->output.count};
}

/* ------------------------------------------------------------------ which columns are read */

static void
collect_query(struct level *level, struct exprs *out)
{
    struct query *query = level->query;
    collect_begin(level);
    for (uint16_t i = 0; i < query->target_count; i++) {
        collect_columns(level, out, query->targets[i].expr);
    }
    for (uint16_t i = 0; i < query->returning_count; i++) {
        collect_columns(level, out, query->returning[i].expr);
    }
    for (uint16_t i = 0; i < query->group_count; i++) {
        collect_columns(level, out, query->group_by[i]);
    }
    for (uint16_t i = 0; i < query->distinct_on_count; i++) {
        collect_columns(level, out, query->distinct_on[i]);
    }
    for (uint16_t i = 0; i < query->order_count; i++) {
        collect_columns(level, out, query->order_by[i].expr);
    }
    for (uint16_t i = 0; i < query->assignment_count && query->kind == QUERY_UPDATE; i++) {
        collect_columns(level, out, query->assignments[i].expr);
    }
    for (uint16_t i = 0; i < query->merge_action_count; i++) {
        const struct merge_action *action = &query->merge_actions[i];
        collect_columns(level, out, action->condition);
        for (uint16_t a = 0; a < action->assignment_count; a++) {
            collect_columns(level, out, action->assignments[a].expr);
        }
    }
    collect_columns(level, out, query->where);
    collect_columns(level, out, query->having);
}

static void
collect_from(struct level *level, struct exprs *out, struct from_item *item)
{
    if (item->table >= 0) {
        struct table_ref *ref = level->query->tables[item->table];
        for (uint16_t i = 0; i < ref->function_count; i++) {
            collect_columns(level, out, ref->functions[i]);
        }
        if (ref->sample != NULL) {
            collect_columns(level, out, ref->sample->percent);
            collect_columns(level, out, ref->sample->repeatable);
        }
        return;
    }
    collect_columns(level, out, item->on);
    collect_from(level, out, item->left);
    collect_from(level, out, item->right);
}

/* Columns that a LATERAL subquery reads from this level. */
struct lateral {
    struct level *level;
    struct exprs found;
};

static bool
visit_lateral(struct expr *expr, int depth, void *self)
{
    struct lateral *lateral = self;
    if (expr->kind == EXPR_COLUMN && expr->levels_up == depth) {
        exprs_add(lateral->level, &lateral->found, expr);
    }
    return expr_walk_children(expr, depth, visit_lateral, self);
}

static void
collect_lateral(struct level *level, struct exprs *out)
{
    for (uint16_t i = 0; i < level->query->table_count; i++) {
        struct table_ref *ref = level->query->tables[i];
        if (ref->kind != TABLE_SUBQUERY || !ref->is_lateral) {
            continue;
        }
        struct lateral lateral = {.level = level};
        (void)query_walk(ref->subquery, 1, visit_lateral, &lateral);
        for (uint32_t j = 0; j < lateral.found.count; j++) {
            const struct expr *found = lateral.found.list[j];
            struct expr *column =
                expr_new_column(level->planner, found->table, found->column, found->type);
            collect_columns(level, out, column);
            tables_add(&level->rels[i].required, column->table);
        }
    }
}

/* The columns of one table, of all that are read. */
static struct exprs
columns_of(struct level *level, const struct exprs *all, uint16_t table)
{
    struct exprs own = {0};
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->list[i]->table == table) {
            exprs_add(level, &own, all->list[i]);
        }
    }
    return own;
}

/* ------------------------------------------------------------------ scans */

/* A row is looked up by its place: that of one page. */
static struct plan *
scan_current_of(struct level *level, struct rel *rel, const struct quals *quals)
{
    struct planner *p = level->planner;
    struct plan *plan = plan_new(p, PLAN_CURRENT_OF);
    use_table(p, rel->ref->table, LOCK_ACCESS_SHARE);
    plan->alias = rel->ref->alias;
    plan->scan.table = rel->ref->table;
    plan->scan.cursor = level->query->current_of;
    rel->quals = *quals;
    plan->rows = 1;
    plan->total_cost = RANDOM_PAGE_COST + CPU_TUPLE_COST;
    return plan;
}

static struct table_sample *
plan_sample(struct level *level, const struct table_sample *sample)
{
    const struct input nothing = {.level = level};
    if (sample == NULL) {
        return NULL;
    }
    struct table_sample *planned = ky_arena_new(level->planner->arena, struct table_sample);
    planned->is_by_block = sample->is_by_block;
    planned->percent = fix_expr(&nothing, sample->percent);
    planned->repeatable = fix_expr(&nothing, sample->repeatable);
    return planned;
}

static struct plan *
scan_relation(struct level *level, struct rel *rel, const struct quals *quals,
              const struct tables *outer, bool *is_sorted_out)
{
    struct planner *p = level->planner;
    struct cat_table *table = rel->ref->table;
    struct plan *plan = NULL;
    *is_sorted_out = false;
    rel->index_quals = (struct quals){0};
    if (KY_UNLIKELY(level->query->current_of != NULL) && rel->table == level->query->target_table) {
        return scan_current_of(level, rel, quals);
    }
    if (table->sysview == NULL) {
        use_table(p, table, rel->ref->has_lock ? LOCK_ROW_SHARE : LOCK_ACCESS_SHARE);
        plan = plan_index_scan(level, rel, quals, outer, is_sorted_out);
        if (plan != NULL) {
            return plan;
        }
    }
    plan = plan_new(p, table->sysview != NULL ? PLAN_SYSVIEW_SCAN : PLAN_SEQ_SCAN);
    plan->alias = rel->ref->alias;
    plan->scan.table = table;
    plan->scan.sample = plan_sample(level, rel->ref->sample);
    rel->quals = *quals;
    plan->rows = clamp_rows(rel->table_rows * quals_selectivity(level, quals));
    plan->total_cost =
        rel->pages * SEQ_PAGE_COST + rel->table_rows * (CPU_TUPLE_COST + quals_cost(quals));
    if (!p->context->is_seqscan_enabled) {
        plan->startup_cost += DISABLE_COST;
        plan->total_cost += DISABLE_COST;
    }
    return plan;
}

/* scan.columns are the table's columns that are read, in output order. */
static void
set_scan_columns(struct level *level, struct plan *plan, const struct exprs *columns)
{
    struct planner *p = level->planner;
    plan->scan.column_count = (uint16_t)columns->count;
    plan->scan.columns = ky_arena_array(p->arena, struct scan_column, (size_t)columns->count + 1);
    for (uint32_t i = 0; i < columns->count; i++) {
        plan->scan.columns[i] =
            (struct scan_column){columns->list[i]->column, columns->list[i]->type};
    }
    plan_set_output(p, plan, columns->list, columns->count);
}

static struct plan *
scan_subquery(struct level *level, struct query *query)
{
    struct slot_ref *refs = NULL;
    struct plan *plan = plan_nested(level, query, &refs);
    if (plan == NULL) {
        return NULL;
    }
    /* What a LATERAL subquery asks of this level comes from the left of the nested loop around it.
     */
    for (struct slot_ref *ref = adopt_refs(level, refs); ref != NULL; ref = ref->next) {
        ask_frame_slot(level, ref->expr, ref->slot);
    }
    return plan;
}

/* A CTE used once: planned in the level that has it, for the level that reads it. */
static struct plan *
scan_inlined(struct level *level, const struct table_ref *ref, struct quals *quals)
{
    struct planner *p = level->planner;
    struct level *owner = level;
    for (uint16_t i = 0; i < ref->cte_levels_up && owner->parent != NULL; i++) {
        owner = owner->parent;
    }
    struct query *query = ref->cte->query;
    if (owner == level) {
        query = push_quals(level, query, quals);
    }
    struct slot_ref *refs = NULL;
    struct plan *plan = plan_nested(owner, query, &refs);
    for (struct slot_ref *r = refs; r != NULL; r = r->next) {
        r->expr = shift_levels(p, r->expr, -(int)ref->cte_levels_up);
    }
    (void)adopt_refs(level, refs);
    return plan;
}

static struct plan *
scan_cte(struct level *level, struct rel *rel, struct quals *quals)
{
    struct planner *p = level->planner;
    struct cte_state *state = cte_find(p, rel->ref->cte);
    if (state == NULL && cte_is_inlined(rel->ref->cte)) {
        return scan_inlined(level, rel->ref, quals);
    }
    if (state == NULL) {
        plan_fail(p, KY_INTERNAL_ERROR, "common table expression was not planned");
        return NULL;
    }
    if (!state->is_open && state->plan != NULL) {
        return plan_above(p, PLAN_LIMIT, state->plan); /* shared: filters go above */
    }
    struct plan *plan = plan_new(p, state->is_open ? PLAN_WORK_TABLE_SCAN : PLAN_CTE_SCAN);
    plan->alias = rel->ref->alias;
    plan->cte.cte = state->number;
    plan->rows = clamp_rows(state->rows);
    plan->total_cost = plan->rows * CPU_TUPLE_COST * 2;
    return plan;
}

static struct plan *
scan_other(struct level *level, struct rel *rel, struct quals *quals)
{
    struct planner *p = level->planner;
    struct table_ref *ref = rel->ref;
    const struct input nothing = {.level = level};
    struct plan *plan;
    switch (ref->kind) {
    case TABLE_SUBQUERY:
        return scan_subquery(level, push_quals(level, ref->subquery, quals));
    case TABLE_CTE:
        return scan_cte(level, rel, quals);
    case TABLE_FUNCTION:
        plan = plan_new(p, PLAN_FUNCTION_SCAN);
        plan->function.functions = fix_list(&nothing, ref->functions, ref->function_count);
        plan->function.function_count = ref->function_count;
        plan->function.has_ordinality = ref->has_ordinality;
        break;
    case TABLE_VALUES:
        plan = plan_new(p, PLAN_VALUES_SCAN);
        plan->values.row_count = ref->row_count;
        plan->values.rows = ky_arena_array(p->arena, struct expr **, ref->row_count + 1U);
        for (uint32_t i = 0; i < ref->row_count; i++) {
            plan->values.rows[i] = fix_list(&nothing, ref->rows[i], ref->column_count);
        }
        break;
    case TABLE_RELATION:
    case TABLE_JOIN:
    case TABLE_EXCLUDED:
    default:
        plan_fail(p, KY_INTERNAL_ERROR, "table of this kind cannot be scanned");
        return NULL;
    }
    plan->alias = ref->alias;
    plan->rows = clamp_rows(rel->table_rows);
    plan->total_cost = plan->rows * CPU_TUPLE_COST;
    return plan;
}

/* The types that a scan of something other than a relation yields: all its columns. */
static void
set_full_output(struct level *level, struct plan *plan, const struct table_ref *ref)
{
    if (plan->output != NULL) {
        return; /* a nested query's own */
    }
    plan->output_count = ref->column_count;
    plan->output =
        ky_arena_array(level->planner->arena, const struct type *, ref->column_count + 1U);
    for (uint16_t i = 0; i < ref->column_count; i++) {
        plan->output[i] = ref->columns[i].type;
        plan->width += type_width(ref->columns[i].type, ref->columns[i].typmod);
    }
}

/* A filter of its own node above, when the node has a filter already or is not a plain scan. */
struct plan *
add_filter(struct level *level, struct plan *plan, const struct quals *quals,
           const struct input *input)
{
    if (quals->count == 0) {
        return plan;
    }
    struct plan *filter = plan;
    bool can_hold = plan->project == NULL &&
                    (plan->kind == PLAN_SEQ_SCAN || plan->kind == PLAN_INDEX_SCAN ||
                     plan->kind == PLAN_BITMAP_SCAN || plan->kind == PLAN_CURRENT_OF ||
                     plan->kind == PLAN_SYSVIEW_SCAN || plan->kind == PLAN_FUNCTION_SCAN ||
                     plan->kind == PLAN_VALUES_SCAN || plan->kind == PLAN_CTE_SCAN ||
                     plan->kind == PLAN_WORK_TABLE_SCAN || plan->kind == PLAN_NESTED_LOOP ||
                     plan->kind == PLAN_HASH_JOIN);
    if (!can_hold) {
        /* A Limit without bounds passes its input on: a place for the filter. */
        filter = plan_above(level->planner, PLAN_LIMIT, plan);
    }
    struct expr *more = fix_quals(input, quals);
    filter->filter = expr_and(level->planner, filter->filter, more);
    if (filter->kind == PLAN_BITMAP_SCAN) {
        filter->scan.rest = expr_and(level->planner, filter->scan.rest, more);
    }
    filter->rows = clamp_rows(filter->rows * quals_selectivity(level, quals));
    return filter;
}

struct piece
plan_table(struct level *level, const struct exprs *all, uint16_t table, struct quals *pending,
           const struct tables *outer)
{
    struct rel *rel = &level->rels[table];
    struct piece piece = {.rel = rel};
    tables_add(&piece.tables, table);
    rel_estimate(level, rel);
    for (uint32_t i = 0; i < pending->count; i++) {
        struct qual *qual = pending->list[i];
        if (qual != NULL && qual->selectivity < 0) {
            qual->selectivity = expr_selectivity(level, qual->expr);
        }
    }
    struct quals quals = take_covered(level, pending, &piece.tables);
    piece.output = columns_of(level, all, table);
    if (rel->ref->kind == TABLE_RELATION) {
        struct quals with_joins = quals;
        if (outer != NULL) {
            struct tables both = piece.tables;
            tables_join(&both, outer);
            struct quals join_quals = take_covered(level, pending, &both);
            with_joins = (struct quals){0};
            for (uint32_t i = 0; i < quals.count; i++) {
                quals_add(level, &with_joins, quals.list[i]);
            }
            for (uint32_t i = 0; i < join_quals.count; i++) {
                quals_add(level, &with_joins, join_quals.list[i]);
            }
        }
        piece.plan = scan_relation(level, rel, &with_joins, outer, &piece.is_sorted);
        set_scan_columns(level, piece.plan, &piece.output);
        struct input input = piece_input(level, &piece);
        piece.plan->filter = fix_quals(&input, &rel->quals);
        piece.plan->scan.index_condition =
            rel->index_quals.count == 0 ? NULL : fix_quals(&input, &rel->index_quals);
        if (piece.plan->kind == PLAN_BITMAP_SCAN) {
            plan_inverted_finish(&input, rel, piece.plan);
        }
        piece.plan->scan.is_count_only = piece.plan->kind == PLAN_SEQ_SCAN &&
                                         piece.output.count == 0 && piece.plan->filter == NULL;
        return piece;
    }
    piece.plan = scan_other(level, rel, &quals);
    if (piece.plan == NULL) {
        return piece;
    }
    set_full_output(level, piece.plan, rel->ref);
    /* The output is every column of the table, read or not. */
    piece.output = (struct exprs){0};
    for (uint16_t i = 0; i < rel->ref->column_count; i++) {
        exprs_add(level, &piece.output,
                  expr_new_column(level->planner, table, i, rel->ref->columns[i].type));
    }
    struct input input = piece_input(level, &piece);
    piece.plan = add_filter(level, piece.plan, &quals, &input);
    return piece;
}

/* ------------------------------------------------------------------ EXISTS and IN */

enum { SEMI_LOOKUP_ROWS = 50 };

/* Numbers of tables beyond the query's own stand for subqueries that become joins. */
static void
take_ins(struct level *level, struct quals *pending, struct parts *parts, uint32_t *next_table)
{
    for (uint32_t i = 0; i < pending->count && !level->planner->is_failed; i++) {
        struct quals ties;
        struct piece piece = {0};
        if (pending->list[i] == NULL || *next_table >= TABLES_MAX ||
            !table_from_in(level, pending->list[i], (uint16_t)*next_table, &ties, &piece)) {
            continue;
        }
        (*next_table)++;
        pending->list[i] = NULL;
        for (uint32_t j = 0; j < ties.count; j++) {
            quals_add(level, pending, ties.list[j]);
        }
        parts_add(level, parts, &(struct part){.tables = piece.tables, .piece = piece});
    }
}

/* Takes the conditions that can be semi joins out of pending. */
static uint32_t
take_semis(struct level *level, struct quals *pending, struct semi *semis, uint32_t next_table)
{
    uint32_t count = 0;
    if (!level->planner->context->is_hashjoin_enabled) {
        return 0;
    }
    for (uint32_t i = 0; i < pending->count; i++) {
        const uint32_t table = next_table + count;
        if (pending->list[i] != NULL && table < TABLES_MAX &&
            semi_from_qual(level, pending->list[i], (uint16_t)table, &semis[count])) {
            count++;
            pending->list[i] = NULL;
        }
    }
    return count;
}

/* As a condition: looked up for each of a few rows. */
static void
put_back(struct level *level, struct quals *pending, const struct semi *semi)
{
    struct qual *qual = qual_new(level, semi->exists);
    qual->selectivity = 0.5;
    quals_add(level, pending, qual);
}

static struct piece
join_semi(struct level *level, const struct piece *left, struct semi *semi)
{
    struct slot_ref *refs = NULL;
    struct piece right = {.plan = plan_nested(level, semi->query, &refs)};
    (void)adopt_refs(level, refs);
    if (level->planner->is_failed) {
        return right;
    }
    tables_add(&right.tables, semi->table);
    for (uint16_t i = 0; i < semi->query->target_count; i++) {
        exprs_add(level, &right.output,
                  expr_new_column(level->planner, semi->table, i, right.plan->output[i]));
    }
    struct piece joined = join_pieces(level, left, &right, semi->join, &semi->on);
    joined.plan->rows = clamp_rows(left->plan->rows * 0.5);
    /* The join gives out the left side's columns only. */
    joined.output = left->output;
    plan_set_output(level->planner, joined.plan, joined.output.list, joined.output.count);
    return joined;
}

struct piece
plan_from(struct level *level)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct exprs all = {0};
    struct quals pending = {0};
    struct piece piece = {0};
    collect_query(level, &all);
    for (uint16_t i = 0; i < query->from_count; i++) {
        collect_from(level, &all, query->from[i]);
    }
    if (level->extra != NULL) {
        for (uint32_t i = 0; i < level->extra->count; i++) {
            collect_columns(level, &all, level->extra->list[i]);
        }
    }
    collect_lateral(level, &all);
    quals_split(level, &pending, query->where);
    if (query->from_count == 0) {
        piece.plan = plan_new(p, PLAN_RESULT);
        piece.plan->rows = 1;
        piece.plan->total_cost = 0.01;
        plan_set_output(p, piece.plan, NULL, 0);
        struct input input = piece_input(level, &piece);
        piece.plan->filter = fix_quals(&input, &pending);
        return piece;
    }
    plan_early_stop(level, &pending);
    uint32_t next_table = query->table_count;
    struct parts parts = parts_of_from(level, &pending);
    if (level->early_table == NULL) {
        take_ins(level, &pending, &parts, &next_table);
    }
    struct semi *semis = ky_arena_array(p->arena, struct semi, (size_t)pending.count + 1);
    const uint32_t semi_count = take_semis(level, &pending, semis, next_table);
    piece = join_parts(level, &all, &parts, &pending);
    for (uint32_t i = 0; i < semi_count && !p->is_failed; i++) {
        if (semis[i].has_index && piece.plan->rows < SEMI_LOOKUP_ROWS) {
            put_back(level, &pending, &semis[i]);
        } else {
            piece = join_semi(level, &piece, &semis[i]);
        }
    }
    if (p->is_failed) {
        return piece;
    }
    /* What is left reads no table, or needs all of them. */
    struct quals rest = {0};
    for (uint32_t i = 0; i < pending.count; i++) {
        if (pending.list[i] != NULL) {
            quals_add(level, &rest, pending.list[i]);
        }
    }
    struct input input = piece_input(level, &piece);
    piece.plan = add_filter(level, piece.plan, &rest, &input);
    return piece;
}
