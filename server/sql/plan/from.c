/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/sql/plan/plan_private.h"

/*
 * FROM and WHERE. Conditions go down to the lowest place that has their tables, but not below an
 * outer join that may have filled those tables with nulls. Tables joined by inner joins are
 * joined smallest first, preferring those that an equality ties to what is there: by hash, or by
 * looking each row up in an index of the right side when the left one is small.
 */

/* Conditions of `pending` that can be evaluated with these tables; their places become NULL. */
static struct quals
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

static struct input
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

static struct plan *
scan_relation(struct level *level, struct rel *rel, const struct quals *quals,
              const struct tables *outer, bool *is_sorted_out)
{
    struct planner *p = level->planner;
    struct cat_table *table = rel->ref->table;
    struct plan *plan = NULL;
    *is_sorted_out = false;
    rel->index_quals = (struct quals){0};
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
static struct plan *
add_filter(struct level *level, struct plan *plan, const struct quals *quals,
           const struct input *input)
{
    if (quals->count == 0) {
        return plan;
    }
    struct plan *filter = plan;
    bool can_hold = plan->project == NULL &&
                    (plan->kind == PLAN_SEQ_SCAN || plan->kind == PLAN_INDEX_SCAN ||
                     plan->kind == PLAN_SYSVIEW_SCAN || plan->kind == PLAN_FUNCTION_SCAN ||
                     plan->kind == PLAN_VALUES_SCAN || plan->kind == PLAN_CTE_SCAN ||
                     plan->kind == PLAN_WORK_TABLE_SCAN || plan->kind == PLAN_NESTED_LOOP ||
                     plan->kind == PLAN_HASH_JOIN);
    if (!can_hold) {
        /* A Limit without bounds passes its input on: a place for the filter. */
        filter = plan_above(level->planner, PLAN_LIMIT, plan);
    }
    filter->filter = expr_and(level->planner, filter->filter, fix_quals(input, quals));
    filter->rows = clamp_rows(filter->rows * quals_selectivity(level, quals));
    return filter;
}

static struct piece
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

/* ------------------------------------------------------------------ joins */

/* Types whose words are equal exactly when their values are: integers and object numbers. */
static bool
is_number_word(const struct type *type)
{
    return type->oid == OID_INT2 || type->oid == OID_INT4 || type->oid == OID_INT8 ||
           type->oid == OID_OID || strncmp(type->name, "reg", 3) == 0;
}

/* An equality between the two sides, of one type and hashable. */
static bool
hash_key_of(const struct qual *qual, const struct tables *left, const struct tables *right,
            struct expr **left_out, struct expr **right_out)
{
    struct expr *expr = qual->expr;
    if (expr->kind != EXPR_FUNC || expr->op == NULL || expr->op->strategy != 3 ||
        !expr->op->is_hashable || expr->arg_count != 2 ||
        expr->args[0]->type->storage != expr->args[1]->type->storage ||
        (expr->args[0]->type != expr->args[1]->type &&
         (!is_number_word(expr->args[0]->type) || !is_number_word(expr->args[1]->type)))) {
        return false;
    }
    struct tables a = {{0}};
    struct tables b = {{0}};
    tables_of_expr(expr->args[0], &a);
    tables_of_expr(expr->args[1], &b);
    if (tables_is_empty(&a) || tables_is_empty(&b)) {
        return false;
    }
    bool is_straight = tables_is_subset(&a, left) && tables_is_subset(&b, right);
    bool is_crossed = tables_is_subset(&a, right) && tables_is_subset(&b, left);
    *left_out = expr->args[is_straight ? 0 : 1];
    *right_out = expr->args[is_straight ? 1 : 0];
    return is_straight || is_crossed;
}

static struct exprs
join_output(struct level *level, const struct piece *left, const struct piece *right)
{
    struct exprs output = {0};
    for (uint32_t i = 0; i < left->output.count; i++) {
        exprs_add(level, &output, left->output.list[i]);
    }
    for (uint32_t i = 0; i < right->output.count; i++) {
        exprs_add(level, &output, right->output.list[i]);
    }
    return output;
}

static void
finish_join(struct level *level, struct plan *plan, struct piece *joined, const struct piece *left,
            const struct piece *right, enum plan_join kind, double selectivity)
{
    joined->plan = plan;
    joined->rel = NULL;
    joined->is_sorted = false;
    joined->tables = left->tables;
    tables_join(&joined->tables, &right->tables);
    plan->left = left->plan;
    plan->right = right->plan;
    plan->join.kind = kind;
    plan_set_output(level->planner, plan, joined->output.list, joined->output.count);
    double rows = left->plan->rows * right->plan->rows * selectivity;
    if (kind == PLAN_JOIN_LEFT || kind == PLAN_JOIN_FULL) {
        rows = KY_MAX(rows, left->plan->rows);
    }
    plan->rows = clamp_rows(rows);
}

/*
 * Selectivity of the equalities: the side with fewer values finds each of them on the other side.
 * Where nobody knows the values: one match for each row of the larger side.
 */
static double
key_selectivity(struct level *level, const struct piece *left, const struct piece *right,
                struct expr *const *left_keys, struct expr *const *right_keys, uint32_t key_count)
{
    const double larger = KY_MAX(left->plan->rows, right->plan->rows);
    double result = 1;
    bool is_known = key_count > 0;
    for (uint32_t i = 0; i < key_count; i++) {
        is_known =
            is_known && is_analyzed(level, left_keys[i]) && is_analyzed(level, right_keys[i]);
        if (is_known) {
            result /= KY_MAX(distinct_values(level, left_keys[i], HUGE_VAL),
                             distinct_values(level, right_keys[i], HUGE_VAL));
        }
    }
    return is_known ? result : key_count == 0 ? 1 : 1 / KY_MAX(larger, 1.0);
}

static struct plan *
materialized(struct level *level, struct plan *plan)
{
    if (plan->kind == PLAN_MATERIALIZE || plan->kind == PLAN_CTE_SCAN) {
        return plan;
    }
    struct plan *above = plan_above(level->planner, PLAN_MATERIALIZE, plan);
    above->total_cost += plan->rows * CPU_OPERATOR_COST;
    return above;
}

/* Joins two pieces with conditions that both sides together can evaluate. */
static struct piece
join_pieces(struct level *level, const struct piece *left, const struct piece *right,
            enum plan_join kind, const struct quals *quals)
{
    struct planner *p = level->planner;
    struct piece joined = {.output = join_output(level, left, right)};
    struct input left_input = piece_input(level, left);
    struct input right_input = piece_input(level, right);
    struct input both = piece_input(level, &joined);
    struct quals rest = {0};
    struct expr **left_keys = ky_arena_array(p->arena, struct expr *, (size_t)quals->count + 1);
    struct expr **right_keys = ky_arena_array(p->arena, struct expr *, (size_t)quals->count + 1);
    const struct func **equal =
        ky_arena_array(p->arena, const struct func *, (size_t)quals->count + 1);
    struct expr **left_exprs = ky_arena_array(p->arena, struct expr *, (size_t)quals->count + 1);
    struct expr **right_exprs = ky_arena_array(p->arena, struct expr *, (size_t)quals->count + 1);
    uint16_t key_count = 0;
    double selectivity = 1;
    for (uint32_t i = 0; i < quals->count; i++) {
        struct expr *left_key;
        struct expr *right_key;
        if ((p->context->is_hashjoin_enabled || kind == PLAN_JOIN_FULL) &&
            hash_key_of(quals->list[i], &left->tables, &right->tables, &left_key, &right_key)) {
            left_exprs[key_count] = left_key;
            right_exprs[key_count] = right_key;
            left_keys[key_count] = fix_expr(&left_input, left_key);
            right_keys[key_count] = fix_expr(&right_input, right_key);
            equal[key_count++] = quals->list[i]->expr->func;
        } else {
            quals_add(level, &rest, quals->list[i]);
            selectivity *= quals->list[i]->selectivity < 0 ? 0.33 : quals->list[i]->selectivity;
        }
    }
    struct plan *plan = plan_new(p, key_count > 0 ? PLAN_HASH_JOIN : PLAN_NESTED_LOOP);
    struct piece inner = *right;
    if (key_count == 0) {
        inner.plan = materialized(level, right->plan);
    }
    finish_join(level, plan, &joined, left, &inner, kind,
                selectivity *
                    key_selectivity(level, left, right, left_exprs, right_exprs, key_count));
    plan->join.condition = fix_quals(&both, &rest);
    plan->join.left_keys = left_keys;
    plan->join.right_keys = right_keys;
    plan->join.key_equal = equal;
    plan->join.key_count = key_count;
    plan->startup_cost = left->plan->startup_cost + (key_count > 0 ? right->plan->total_cost : 0);
    plan->total_cost =
        left->plan->total_cost + right->plan->total_cost +
        (key_count > 0 ? (left->plan->rows + right->plan->rows) * CPU_OPERATOR_COST * 2
                       : left->plan->rows * right->plan->rows * CPU_OPERATOR_COST) +
        plan->rows * CPU_TUPLE_COST;
    bool reads_tables = false;
    for (uint32_t i = 0; i < rest.count; i++) {
        reads_tables |= !tables_is_empty(&rest.list[i]->tables);
    }
    if (kind == PLAN_JOIN_FULL && key_count == 0 && reads_tables) {
        plan_fail(p, KY_FEATURE_NOT_SUPPORTED,
                  "FULL JOIN is only supported with merge-joinable or hash-joinable join "
                  "conditions");
    }
    return joined;
}

/* Sets the slots that the right side asks for from the left one's columns. */
static void
set_nest_params(struct level *level, struct plan *plan, const struct piece *left,
                const struct param_frame *frame)
{
    struct planner *p = level->planner;
    struct input input = piece_input(level, left);
    uint16_t count = 0;
    for (const struct slot_ref *ref = frame->refs; ref != NULL; ref = ref->next) {
        count++;
    }
    plan->join.params = ky_arena_array(p->arena, struct nest_param, count + 1U);
    for (const struct slot_ref *ref = frame->refs; ref != NULL; ref = ref->next) {
        plan->join.params[plan->join.param_count++] =
            (struct nest_param){ref->slot, fix_expr(&input, ref->expr)};
    }
}

static struct piece plan_item(struct level *level, const struct exprs *all, struct from_item *item,
                              struct quals *pending);

/* Nested loop whose right side reads the left one's row: LATERAL, or an index lookup. */
static struct piece
join_dependent(struct level *level, const struct exprs *all, const struct piece *left,
               struct from_item *item, enum plan_join kind, struct quals *pending,
               bool takes_join_quals)
{
    struct planner *p = level->planner;
    struct param_frame frame = {.outer = level->frame, .tables = &left->tables};
    level->frame = &frame;
    struct piece right = item->table >= 0 ? plan_table(level, all, (uint16_t)item->table, pending,
                                                       takes_join_quals ? &left->tables : NULL)
                                          : plan_item(level, all, item, pending);
    level->frame = frame.outer;
    if (p->is_failed) {
        return right;
    }
    struct piece joined = {.output = join_output(level, left, &right)};
    struct plan *plan = plan_new(p, PLAN_NESTED_LOOP);
    finish_join(level, plan, &joined, left, &right, kind, 1);
    set_nest_params(level, plan, left, &frame);
    struct quals rest = take_covered(level, pending, &joined.tables);
    struct input both = piece_input(level, &joined);
    if (kind == PLAN_JOIN_LEFT) {
        plan->join.condition = fix_quals(&both, &rest);
    } else {
        plan->filter = fix_quals(&both, &rest);
    }
    plan->startup_cost = left->plan->startup_cost;
    plan->total_cost = left->plan->total_cost + left->plan->rows * right.plan->total_cost;
    return joined;
}

/* ------------------------------------------------------------------ inner joins, flattened */

struct part {
    struct from_item *item;
    struct tables tables;
    struct tables required; /* LATERAL */
    struct piece piece;     /* planned on its own; not for dependent ones */
    bool is_joined;
    bool lookup_pays;    /* an index lookup for each row on the left */
    struct quals before; /* conditions as they were before it was planned */
};

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
        return;
    }
    tables_of_item(level, item->left, tables, required);
    tables_of_item(level, item->right, tables, required);
}

/* Takes inner joins apart; their ON conditions become ordinary ones. */
static void
flatten(struct level *level, struct from_item *item, struct part *parts, uint32_t *count,
        struct quals *pending)
{
    bool is_inner = item->table < 0 && (item->kind == JOIN_INNER || item->kind == JOIN_CROSS);
    if (is_inner) {
        flatten(level, item->left, parts, count, pending);
        flatten(level, item->right, parts, count, pending);
        quals_split(level, pending, item->on);
        return;
    }
    struct part *part = &parts[(*count)++];
    *part = (struct part){.item = item};
    tables_of_item(level, item, &part->tables, &part->required);
    tables_remove(&part->required, &part->tables);
}

static bool
is_tied(const struct quals *pending, const struct tables *left, const struct tables *right)
{
    for (uint32_t i = 0; i < pending->count; i++) {
        struct expr *a;
        struct expr *b;
        if (pending->list[i] != NULL && hash_key_of(pending->list[i], left, right, &a, &b)) {
            return true;
        }
    }
    return false;
}

/* Would an index of the table be looked up by the left side's values? */
static bool
has_lookup(struct level *level, const struct part *part, const struct quals *pending,
           const struct tables *left)
{
    if (part->item->table < 0) {
        return false;
    }
    const struct table_ref *ref = level->query->tables[part->item->table];
    if (ref->kind != TABLE_RELATION || ref->table->index_count == 0) {
        return false;
    }
    for (uint32_t i = 0; i < pending->count; i++) {
        struct expr *own;
        struct expr *other;
        if (pending->list[i] == NULL ||
            !hash_key_of(pending->list[i], left, &part->tables, &other, &own) ||
            own->kind != EXPR_COLUMN || own->type != other->type) {
            continue;
        }
        for (uint16_t j = 0; j < ref->table->index_count; j++) {
            const struct cat_index *index = ref->table->indexes[j];
            if (index->keys[0].column == own->column + 1 && index->is_valid &&
                index->predicate_sql == NULL &&
                (index->method == INDEX_BTREE || index->method == INDEX_RMI)) {
                return true;
            }
        }
    }
    return false;
}

static struct piece
join_part(struct level *level, const struct exprs *all, const struct piece *left, struct part *part,
          struct quals *pending)
{
    bool is_lateral = !tables_is_empty(&part->required);
    if (is_lateral) {
        return join_dependent(level, all, left, part->item, PLAN_JOIN_INNER, pending, false);
    }
    /* A lookup costs about as much as reading a dozen rows. */
    if (part->lookup_pays) {
        return join_dependent(level, all, left, part->item, PLAN_JOIN_INNER, pending, true);
    }
    struct tables both = left->tables;
    tables_join(&both, &part->tables);
    struct quals quals = take_covered(level, pending, &both);
    /* The smaller side is hashed. */
    if (left->plan->rows < part->piece.plan->rows) {
        return join_pieces(level, &part->piece, left, PLAN_JOIN_INNER, &quals);
    }
    return join_pieces(level, left, &part->piece, PLAN_JOIN_INNER, &quals);
}

/* The part to join next: one that is tied to what is there, the smallest of those. */
static struct part *
next_part(struct part *parts, uint32_t count, const struct piece *joined,
          const struct quals *pending)
{
    struct part *best = NULL;
    bool best_tied = false;
    for (uint32_t i = 0; i < count; i++) {
        struct part *part = &parts[i];
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

static struct piece
join_parts(struct level *level, const struct exprs *all, struct part *parts, uint32_t count,
           struct quals *pending)
{
    struct planner *p = level->planner;
    struct piece joined = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (tables_is_empty(&parts[i].required)) {
            parts[i].before = *pending;
            parts[i].before.list =
                ky_arena_array(p->arena, struct qual *, (size_t)pending->count + 1);
            if (pending->count > 0) {
                memcpy(parts[i].before.list, pending->list,
                       pending->count * sizeof(*pending->list));
            }
            parts[i].piece = plan_item(level, all, parts[i].item, pending);
            if (p->is_failed) {
                return joined;
            }
        }
    }
    for (uint32_t done = 0; done < count; done++) {
        struct part *part = next_part(parts, count, done == 0 ? NULL : &joined, pending);
        if (part == NULL) {
            plan_fail(p, KY_FEATURE_NOT_SUPPORTED, "tables cannot be joined in any order");
            return joined;
        }
        part->is_joined = true;
        if (done == 0) {
            joined = part->piece;
            continue;
        }
        part->lookup_pays = tables_is_empty(&part->required) && p->context->is_nestloop_enabled &&
                            has_lookup(level, part, pending, &joined.tables) &&
                            joined.plan->rows * 12 < level->rels[part->item->table].table_rows;
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
    if (!tables_is_empty(&required)) {
        joined = join_dependent(level, all, &left, filled, kind, &on, false);
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
    if (level->planner->is_failed) {
        return joined;
    }
    struct quals filter = take_covered(level, pending, &joined.tables);
    struct input input = piece_input(level, &joined);
    joined.plan = add_filter(level, joined.plan, &filter, &input);
    return joined;
}

static uint32_t
count_parts(const struct from_item *item)
{
    return item->table >= 0 ? 1 : count_parts(item->left) + count_parts(item->right);
}

static struct piece
plan_item(struct level *level, const struct exprs *all, struct from_item *item,
          struct quals *pending)
{
    if (item->table >= 0) {
        return plan_table(level, all, (uint16_t)item->table, pending, NULL);
    }
    if (item->kind != JOIN_INNER && item->kind != JOIN_CROSS) {
        return plan_outer_join(level, all, item, pending);
    }
    struct part *parts = ky_arena_array(level->planner->arena, struct part, count_parts(item) + 1U);
    uint32_t count = 0;
    flatten(level, item, parts, &count, pending);
    struct piece joined = join_parts(level, all, parts, count, pending);
    if (level->planner->is_failed) {
        return joined;
    }
    struct quals filter = take_covered(level, pending, &joined.tables);
    struct input input = piece_input(level, &joined);
    joined.plan = add_filter(level, joined.plan, &filter, &input);
    return joined;
}

/* ------------------------------------------------------------------ EXISTS */

enum { SEMI_LOOKUP_ROWS = 50 };

/* Takes the EXISTS conditions that can be joins out of pending. */
static uint32_t
take_semis(struct level *level, struct quals *pending, struct semi *semis, struct qual **semi_quals)
{
    uint32_t count = 0;
    if (!level->planner->context->is_hashjoin_enabled) {
        return 0;
    }
    for (uint32_t i = 0; i < pending->count; i++) {
        struct qual *qual = pending->list[i];
        const uint32_t table = level->query->table_count + count;
        if (qual != NULL && table < TABLES_MAX &&
            semi_from_qual(level, qual, (uint16_t)table, &semis[count])) {
            qual->selectivity = 0.5;
            semi_quals[count++] = qual;
            pending->list[i] = NULL;
        }
    }
    return count;
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
    uint32_t room = 0;
    for (uint16_t i = 0; i < query->from_count; i++) {
        room += count_parts(query->from[i]);
    }
    struct part *parts = ky_arena_array(p->arena, struct part, (size_t)room + 1);
    uint32_t count = 0;
    for (uint16_t i = 0; i < query->from_count; i++) {
        flatten(level, query->from[i], parts, &count, &pending);
    }
    struct semi *semis = ky_arena_array(p->arena, struct semi, (size_t)pending.count + 1);
    struct qual **semi_quals = ky_arena_array(p->arena, struct qual *, (size_t)pending.count + 1);
    const uint32_t semi_count = take_semis(level, &pending, semis, semi_quals);
    piece = join_parts(level, &all, parts, count, &pending);
    for (uint32_t i = 0; i < semi_count && !p->is_failed; i++) {
        if (semis[i].has_index && piece.plan->rows < SEMI_LOOKUP_ROWS) {
            quals_add(level, &pending, semi_quals[i]); /* looked up for each of the few rows */
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
