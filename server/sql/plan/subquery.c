/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan_private.h"

/*
 * Subqueries made part of the query around them:
 *
 *   from v where v.a = 5                       the condition goes down into v, if v has it per row
 *   where exists (select .. from u             a semi join with u: its own conditions stay below,
 *                 where u.a = t.a and u.b > 1) those that name t become the join's
 *   where t.a in (select u.a from u ..)        the same as exists (.. u.a = t.a ..); or, when t can
 * be looked up by a, an inner join with the distinct rows
 *
 * A bound tree is shared with other plans of the statement, so what changes is copied first.
 */

/* ------------------------------------------------------------------ looking */

static bool
visit_subquery(struct expr *expr, int depth, void *self)
{
    return expr->kind == EXPR_SUBQUERY || expr_walk_children(expr, depth, visit_subquery, self);
}

static bool
has_subquery(struct expr *expr)
{
    return visit_subquery(expr, 0, NULL);
}

/* Reads the level that lies *self above the place where the walk began. */
static bool
visit_above(struct expr *expr, int depth, void *self)
{
    const int above = *(const int *)self;
    if ((expr->kind == EXPR_COLUMN || expr->kind == EXPR_AGGREGATE ||
         expr->kind == EXPR_GROUPING) &&
        expr->levels_up == depth + above) {
        return true;
    }
    return expr_walk_children(expr, depth, visit_above, self);
}

static bool
visit_volatile(struct expr *expr, int depth, void *self)
{
    if ((expr->kind == EXPR_FUNC || expr->kind == EXPR_SET) && expr->func->volatility == 'v') {
        return true;
    }
    return expr_walk_children(expr, depth, visit_volatile, self);
}

static bool
has_locks(const struct query *query)
{
    for (uint16_t i = 0; i < query->table_count; i++) {
        if (query->tables[i]->has_lock) {
            return true;
        }
    }
    return false;
}

static bool
has_vector_form(const struct query *query)
{
    for (uint16_t i = 0; i < query->table_count; i++) {
        if (query->tables[i]->vector_query != NULL) {
            return true;
        }
    }
    return false;
}

bool
cte_is_inlined(const struct cte *cte)
{
    return !cte->is_materialized && !cte->is_recursive &&
           (cte->reference_count == 1 || cte->is_not_materialized) &&
           (cte->query->kind == QUERY_SELECT || cte->query->kind == QUERY_SET_OPERATION) &&
           !has_locks(cte->query) && !query_walk(cte->query, 0, visit_volatile, NULL);
}

/* ------------------------------------------------------------------ rewriting */

/* Columns of one level become expressions; those of the levels above move by `shift`. */
struct rewriter {
    struct planner *p;
    struct expr *(*replace)(void *self, struct expr *column);
    void *self;
    int shift;
};

static struct expr *
rewrite(const struct rewriter *rewriter, struct expr *expr)
{
    struct planner *p = rewriter->p;
    if (expr->kind == EXPR_CONST || expr->kind == EXPR_PARAM) {
        return expr;
    }
    if (expr->kind == EXPR_INPUT || (expr->kind == EXPR_COLUMN && expr->levels_up == 0)) {
        return rewriter->replace(rewriter->self, expr);
    }
    struct expr *copy = ky_arena_alloc(p->arena, sizeof(*copy));
    *copy = *expr;
    if (expr->kind == EXPR_COLUMN) {
        copy->levels_up = (uint16_t)((int)expr->levels_up + rewriter->shift);
        return copy;
    }
    if (expr->arg_count > 0 && expr->args != NULL) {
        copy->args = ky_arena_array(p->arena, struct expr *, expr->arg_count);
        for (uint16_t i = 0; i < expr->arg_count; i++) {
            copy->args[i] = expr->args[i] == NULL ? NULL : rewrite(rewriter, expr->args[i]);
        }
    }
    return copy;
}

static struct expr *
keep_column(void *self, struct expr *column)
{
    (void)self;
    return column;
}

struct expr *
expr_one_deeper(struct planner *p, struct expr *expr)
{
    const struct rewriter rewriter = {.p = p, .replace = keep_column, .shift = 1};
    return rewrite(&rewriter, expr);
}

/* ------------------------------------------------------------------ conditions into subqueries */

struct pushed {
    const struct query *query;
    bool is_possible;
};

/* Elsewhere the row has null in the place of the key. */
static bool
is_in_all_sets(const struct query *query, uint16_t key)
{
    for (uint32_t i = 0; i < query->grouping_set_count; i++) {
        const struct grouping_set *set = &query->grouping_sets[i];
        bool is_found = false;
        for (uint16_t k = 0; k < set->key_count; k++) {
            is_found |= set->keys[k] == key;
        }
        if (!is_found) {
            return false;
        }
    }
    return true;
}

static bool
visit_pushable(struct expr *expr, int depth, void *self)
{
    struct pushed *pushed = self;
    if (expr->kind == EXPR_COLUMN && expr->levels_up == 0) {
        const struct query *query = pushed->query;
        if (expr->column >= query->target_count) {
            pushed->is_possible = false;
            return true;
        }
        struct expr *target = query->targets[expr->column].expr;
        bool is_grouped = !query->has_aggregates;
        bool is_nulled = false;
        for (uint16_t i = 0; query->has_aggregates && i < query->group_count; i++) {
            if (expr_equal(query->group_by[i], target)) {
                is_grouped = true;
                is_nulled |= !is_in_all_sets(query, i);
            }
        }
        is_grouped = is_grouped && !is_nulled;
        if (!is_grouped || has_subquery(target) || expr_is_volatile(target)) {
            pushed->is_possible = false;
            return true;
        }
        return false;
    }
    if (expr->kind == EXPR_SUBQUERY || expr->kind == EXPR_AGGREGATE ||
        expr->kind == EXPR_GROUPING) {
        pushed->is_possible = false;
        return true;
    }
    return expr_walk_children(expr, depth, visit_pushable, self);
}

static struct expr *
replace_by_target(void *self, struct expr *column)
{
    const struct query *query = self;
    return query->targets[column->column].expr;
}

struct query *
push_quals(struct level *level, struct query *query, struct quals *quals)
{
    struct planner *p = level->planner;
    if (query->kind != QUERY_SELECT || query->limit != NULL || query->offset != NULL ||
        query->distinct_on_count > 0 || query->has_windows || query->has_sets ||
        (query->has_aggregates && query->group_count == 0) || has_locks(query) ||
        has_vector_form(query) || query->from_count == 0) {
        return query;
    }
    struct quals kept = {0};
    struct query *copy = NULL;
    const struct rewriter rewriter = {
        .p = p, .replace = replace_by_target, .self = query, .shift = 1};
    for (uint32_t i = 0; i < quals->count; i++) {
        struct qual *qual = quals->list[i];
        struct pushed pushed = {query, true};
        (void)visit_pushable(qual->expr, 0, &pushed);
        if (!pushed.is_possible || qual->is_volatile || tables_is_empty(&qual->tables)) {
            quals_add(level, &kept, qual);
            continue;
        }
        if (copy == NULL) {
            copy = ky_arena_alloc(p->arena, sizeof(*copy));
            *copy = *query;
        }
        copy->where = expr_and(p, copy->where, rewrite(&rewriter, qual->expr));
    }
    *quals = kept;
    return copy == NULL ? query : copy;
}

/* ------------------------------------------------------------------ EXISTS as a join */

struct semi_builder {
    struct level *level;
    struct query *query; /* the copy; its targets are the columns that conditions read */
    uint16_t table;      /* what the outer level calls it */
    uint16_t capacity;
};

static struct expr *
replace_by_output(void *self, struct expr *column)
{
    struct semi_builder *builder = self;
    struct query *query = builder->query;
    uint16_t place = 0;
    if (column->kind == EXPR_INPUT) {
        place = (uint16_t)column->index;
    } else {
        while (place < query->target_count && !expr_equal(query->targets[place].expr, column)) {
            place++;
        }
        if (place == query->target_count) {
            KY_ASSERT(place < builder->capacity);
            query->targets[query->target_count++] =
                (struct target){.expr = column, .name = "?column?"};
        }
    }
    return expr_new_column(builder->level->planner, builder->table, place, column->type);
}

static uint32_t
count_columns(const struct expr *expr)
{
    uint32_t count = expr->kind == EXPR_COLUMN;
    for (uint16_t i = 0; expr->args != NULL && i < expr->arg_count; i++) {
        count += expr->args[i] == NULL ? 0 : count_columns(expr->args[i]);
    }
    return count;
}

/* Is it nothing but rows that pass a condition? */
static bool
is_plain(const struct query *query)
{
    const bool is_limited =
        query->limit != NULL && (query->limit->kind != EXPR_CONST || query->limit->value.is_null ||
                                 query->limit->value.word < 1);
    return query->kind == QUERY_SELECT && query->cte_count == 0 && !is_limited &&
           query->offset == NULL && !query->has_aggregates && !query->has_windows &&
           !query->has_sets && query->distinct_on_count == 0 && query->from_count > 0 &&
           query->where != NULL && !has_locks(query) && !has_vector_form(query);
}

/* An equality of something inside with something outside. */
static bool
is_tie(struct expr *expr)
{
    static const int one = 1;
    if (expr->kind != EXPR_FUNC || expr->op == NULL || expr->op->strategy != 3 ||
        !expr->op->is_hashable || expr->arg_count != 2) {
        return false;
    }
    int above = one;
    const bool left = visit_above(expr->args[0], 0, &above);
    const bool right = visit_above(expr->args[1], 0, &above);
    return left != right && expr_has_column(expr->args[left ? 1 : 0]) &&
           !expr_has_column(expr->args[left ? 0 : 1]);
}

/* An index of the only table of query begins with a column that expr ties to the outside. */
static bool
has_index_for(const struct query *query, struct expr *expr)
{
    if (query->table_count != 1 || query->tables[0]->kind != TABLE_RELATION || !is_tie(expr)) {
        return false;
    }
    const struct cat_table *table = query->tables[0]->table;
    for (uint16_t i = 0; i < table->index_count; i++) {
        const struct cat_index *index = table->indexes[i];
        for (int side = 0; side < 2; side++) {
            const struct expr *own = expr->args[side];
            if (own->kind == EXPR_COLUMN && own->levels_up == 0 && index->is_valid &&
                index->predicate_sql == NULL && index->keys[0].column == own->column + 1 &&
                (index->method == INDEX_BTREE || index->method == INDEX_RMI)) {
                return true;
            }
        }
    }
    return false;
}

static bool
build_semi(struct level *level, struct expr *sublink, struct semi *semi)
{
    struct planner *p = level->planner;
    struct query *inner = sublink->subquery;
    struct quals conjuncts = {0};
    int above = 1;
    if (!is_plain(inner)) {
        return false;
    }
    quals_split(level, &conjuncts, inner->where);
    struct query *copy = ky_arena_alloc(p->arena, sizeof(*copy));
    *copy = *inner;
    copy->where = NULL;
    copy->target_count = 0;
    copy->order_count = 0;
    copy->limit = NULL;
    copy->is_distinct = false;
    bool has_tie = false;
    uint32_t columns = 0;
    for (uint32_t i = 0; i < conjuncts.count; i++) {
        struct expr *expr = conjuncts.list[i]->expr;
        if (!visit_above(expr, 0, &above)) {
            copy->where = expr_and(p, copy->where, expr);
            conjuncts.list[i] = NULL;
        } else if (has_subquery(expr) || expr_is_volatile(expr) || expr_has_aggregate(expr)) {
            return false;
        } else {
            columns += count_columns(expr);
            has_tie |= is_tie(expr);
            semi->has_index |= has_index_for(inner, expr);
        }
    }
    /* Nothing else of it may look outside. */
    if (!has_tie || query_walk(copy, 0, visit_above, &above)) {
        return false;
    }
    struct semi_builder builder = {.level = level, .query = copy, .table = semi->table};
    builder.capacity = (uint16_t)columns;
    copy->targets = ky_arena_array(p->arena, struct target, (size_t)columns + 1);
    const struct rewriter rewriter = {
        .p = p, .replace = replace_by_output, .self = &builder, .shift = -1};
    for (uint32_t i = 0; i < conjuncts.count; i++) {
        if (conjuncts.list[i] != NULL) {
            struct qual *qual = qual_new(level, rewrite(&rewriter, conjuncts.list[i]->expr));
            qual->selectivity = 0.33;
            quals_add(level, &semi->on, qual);
        }
    }
    semi->query = copy;
    return true;
}

/* ------------------------------------------------------------------ IN as EXISTS, or as a table */

/* = of each column of the subquery, nothing else. */
static bool
is_equality(const struct expr *test)
{
    if (test->kind == EXPR_AND) {
        for (uint16_t i = 0; i < test->arg_count; i++) {
            if (!is_equality(test->args[i])) {
                return false;
            }
        }
        return true;
    }
    return test->kind == EXPR_FUNC && test->op != NULL && test->op->strategy == 3 &&
           test->op->is_hashable && test->arg_count == 2;
}

static bool
is_in(const struct expr *expr)
{
    return expr->kind == EXPR_SUBQUERY && expr->subquery_kind == SUBQUERY_ANY &&
           is_equality(expr->any_test) && !has_subquery(expr->any_test) &&
           !expr_is_volatile(expr->any_test) && !expr_has_aggregate(expr->any_test);
}

/* The test as a condition of the subquery. */
static struct expr *
replace_inside(void *self, struct expr *expr)
{
    struct semi_builder *builder = self;
    if (expr->kind == EXPR_INPUT) {
        return builder->query->targets[expr->index].expr;
    }
    struct expr *outside = ky_arena_alloc(builder->level->planner->arena, sizeof(*outside));
    *outside = *expr;
    outside->levels_up = 1;
    return outside;
}

/* x IN (select y ..) as EXISTS (select .. where x = y), or NULL. */
static struct expr *
exists_from_in(struct level *level, const struct expr *in)
{
    struct planner *p = level->planner;
    struct query *inner = in->subquery;
    if (inner->limit != NULL || inner->kind != QUERY_SELECT) {
        return NULL;
    }
    for (uint16_t i = 0; i < inner->target_count; i++) {
        if (has_subquery(inner->targets[i].expr) || expr_is_volatile(inner->targets[i].expr)) {
            return NULL;
        }
    }
    struct query *copy = ky_arena_alloc(p->arena, sizeof(*copy));
    *copy = *inner;
    struct semi_builder builder = {.level = level, .query = inner};
    const struct rewriter rewriter = {
        .p = p, .replace = replace_inside, .self = &builder, .shift = 1};
    copy->where = expr_and(p, copy->where, rewrite(&rewriter, in->any_test));
    struct expr *exists = ky_arena_alloc(p->arena, sizeof(*exists));
    *exists = *in;
    exists->subquery_kind = SUBQUERY_EXISTS;
    exists->subquery = copy;
    exists->any_test = NULL;
    return exists;
}

static struct expr *
replace_by_table(void *self, struct expr *expr)
{
    const struct semi_builder *builder = self;
    return expr->kind == EXPR_INPUT ? expr_new_column(builder->level->planner, builder->table,
                                                      (uint16_t)expr->index, expr->type)
                                    : expr;
}

bool
table_from_in(struct level *level, const struct qual *qual, uint16_t table, struct quals *ties_out,
              struct piece *piece_out)
{
    struct planner *p = level->planner;
    int above = 1;
    if (table >= TABLES_MAX || !is_in(qual->expr) ||
        query_walk(qual->expr->subquery, 0, visit_above, &above) ||
        query_walk(qual->expr->subquery, 0, visit_volatile, NULL)) {
        return false;
    }
    struct semi_builder builder = {.level = level, .table = table};
    const struct rewriter rewriter = {.p = p, .replace = replace_by_table, .self = &builder};
    struct quals ties = {0};
    struct tables tables = {{0}};
    double least = -1;
    double most_rows = 0;
    tables_add(&tables, table);
    quals_split(level, &ties, rewrite(&rewriter, qual->expr->any_test));
    for (uint16_t i = 0; i < level->query->table_count; i++) {
        struct rel *rel = &level->rels[i];
        if (!tables_has(&qual->tables, i) || rel->ref->kind != TABLE_RELATION) {
            continue;
        }
        rel_estimate(level, rel);
        const double cost = plan_lookup_cost(level, rel, &ties, &tables);
        if (cost >= 0 && (least < 0 || cost < least)) {
            least = cost;
            most_rows = rel->table_rows;
        }
    }
    if (least < 0) {
        return false;
    }
    struct slot_ref *refs = NULL;
    const uint32_t slot_count = p->slot_count;
    const uint32_t subquery_count = p->subquery_count;
    struct plan *plan = plan_nested(level, qual->expr->subquery, &refs);
    if (p->is_failed || plan->rows * least >= most_rows) {
        p->slot_count = slot_count;
        p->subquery_count = subquery_count;
        return false;
    }
    (void)adopt_refs(level, refs);
    const bool is_distinct = qual->expr->subquery->is_distinct || plan->kind == PLAN_UNIQUE;
    piece_out->plan = is_distinct ? plan : plan_above(p, PLAN_UNIQUE, plan);
    piece_out->tables = tables;
    for (uint16_t i = 0; i < piece_out->plan->output_count; i++) {
        exprs_add(level, &piece_out->output,
                  expr_new_column(p, table, i, piece_out->plan->output[i]));
    }
    for (uint32_t i = 0; i < ties.count; i++) {
        ties.list[i]->selectivity = 0.005;
    }
    *ties_out = ties;
    return true;
}

bool
semi_from_qual(struct level *level, const struct qual *qual, uint16_t table, struct semi *semi_out)
{
    struct expr *expr = qual->expr;
    const bool is_anti = expr->kind == EXPR_NOT;
    struct expr *sublink = is_anti ? expr->args[0] : expr;
    if (!is_anti && is_in(sublink)) {
        sublink = exists_from_in(level, sublink);
        if (sublink == NULL) {
            return false;
        }
    }
    if (sublink->kind != EXPR_SUBQUERY || sublink->subquery_kind != SUBQUERY_EXISTS ||
        table >= TABLES_MAX) {
        return false;
    }
    *semi_out = (struct semi){
        .join = is_anti ? PLAN_JOIN_ANTI : PLAN_JOIN_SEMI, .table = table, .exists = expr};
    if (sublink != expr && !is_anti) {
        semi_out->exists = sublink;
    }
    return build_semi(level, sublink, semi_out);
}
