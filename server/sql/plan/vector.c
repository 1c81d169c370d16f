/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/plan_private.h"

/*
 * ORDER BY distance through a vector index. Recognised are the operators and the functions behind
 * them, with the indexed column on either side; `inner_product(..) DESC` and `1 - (a <=> b) DESC`
 * are what they mean. WHERE is no obstacle: conditions are asked inside of the search, and one that
 * limits the same distance becomes its radius. Where a btree finds the rows of WHERE, it stays
 * below as the first try: few rows are measured one by one, exactly.
 */

/* ORDER BY's key, read. */
struct distance {
    enum cat_distance kind;
    const struct func *func;
    struct expr *column;
    struct expr *value;
    struct expr *expr; /* the distance itself; ascending */
};

static const struct {
    const char *function;
    enum cat_distance kind;
} distance_functions[] = {
    {"l2_distance", CAT_DISTANCE_L2},
    {"vector_negative_inner_product", CAT_DISTANCE_INNER_PRODUCT},
    {"halfvec_negative_inner_product", CAT_DISTANCE_INNER_PRODUCT},
    {"sparsevec_negative_inner_product", CAT_DISTANCE_INNER_PRODUCT},
    {"cosine_distance", CAT_DISTANCE_COSINE},
    {"l1_distance", CAT_DISTANCE_L1},
    {"hamming_distance", CAT_DISTANCE_HAMMING},
    {"jaccard_distance", CAT_DISTANCE_JACCARD},
};

static bool
is_vector_type(const struct type *type)
{
    return type->oid == OID_VECTOR || type->oid == OID_HALFVEC || type->oid == OID_SPARSEVEC ||
           type->oid == OID_BIT;
}

/* `column <op> value`, either way round. */
static bool
read_distance(struct expr *expr, struct distance *out)
{
    if (expr->kind != EXPR_FUNC || expr->arg_count != 2 || !is_vector_type(expr->args[0]->type) ||
        expr->args[0]->type != expr->args[1]->type || expr->func->result != OID_FLOAT8) {
        return false;
    }
    for (size_t i = 0; i < KY_COUNT_OF(distance_functions); i++) {
        if (strcmp(expr->func->name, distance_functions[i].function) != 0) {
            continue;
        }
        for (int side = 0; side < 2; side++) {
            struct tables reads = {{0}};
            struct expr *column = expr->args[side];
            struct expr *value = expr->args[1 - side];
            tables_of_expr(value, &reads);
            if (tables_is_empty(&reads) && !expr_is_volatile(value) && expr_has_column(column)) {
                *out = (struct distance){.kind = distance_functions[i].kind,
                                         .func = expr->func,
                                         .column = column,
                                         .value = value,
                                         .expr = expr};
                return true;
            }
        }
    }
    return false;
}

/* inner_product(a, b) descending is a <#> b ascending. */
static bool
read_inner_product(struct planner *p, struct expr *expr, struct distance *out)
{
    if (expr->kind != EXPR_FUNC || expr->arg_count != 2 ||
        strcmp(expr->func->name, "inner_product") != 0) {
        return false;
    }
    const oid_t type = expr->args[0]->type->oid;
    const struct operator* found = operator_exact(ky_slice_cstr("<#>"), type, type);
    if (found == NULL) {
        return false;
    }
    struct expr *made = ky_arena_new(p->arena, struct expr);
    *made = *expr;
    made->func = found->function;
    made->op = found;
    return read_distance(made, out);
}

/* 1 - distance, descending, is the distance ascending. */
static bool
read_similarity(struct expr *expr, struct distance *out)
{
    return expr->kind == EXPR_FUNC && expr->op != NULL && expr->arg_count == 2 &&
           strcmp(expr->op->name, "-") == 0 && expr->type->oid == OID_FLOAT8 &&
           (expr->args[0]->kind == EXPR_CONST || expr->args[0]->kind == EXPR_CAST) &&
           !expr_has_column(expr->args[0]) && read_distance(expr->args[1], out);
}

static bool
read_order(struct level *level, const struct sort_key *key, struct distance *out)
{
    if (!key->is_descending) {
        return read_distance(key->expr, out);
    }
    return read_inner_product(level->planner, key->expr, out) || read_similarity(key->expr, out);
}

static bool
is_key(const struct cat_index *index, const struct expr *key, const struct expr *column)
{
    if (key != NULL) {
        return expr_equal(key, column);
    }
    return column->kind == EXPR_COLUMN && column->levels_up == 0 &&
           column->column < EXPR_SYSTEM_FIRST && index->keys[0].column == column->column + 1;
}

static struct cat_index *
find_index(struct level *level, const struct distance *distance)
{
    const struct cat_table *table = level->query->tables[0]->table;
    for (uint16_t i = 0; i < table->index_count; i++) {
        struct cat_index *index = table->indexes[i];
        const struct cat_opclass *opclass =
            cat_is_vector_method(index->method) ? cat_index_opclass(index) : NULL;
        struct expr *key = NULL;
        if (opclass != NULL && index->is_valid && opclass->distance == distance->kind &&
            opclass->type == distance->column->type->oid && opclass->type != OID_SPARSEVEC &&
            plan_index_serves(level, &level->rels[0], index, level->query->where, &key) &&
            is_key(index, key, distance->column)) {
            return index;
        }
    }
    return NULL;
}

static bool
has_vector_index(const struct cat_table *table)
{
    for (uint16_t i = 0; i < table->index_count; i++) {
        if (cat_is_vector_method(table->indexes[i]->method)) {
            return true;
        }
    }
    return false;
}

static bool
says_not_null(const struct expr *where, const struct expr *column)
{
    if (where == NULL) {
        return false;
    }
    for (uint16_t i = 0; where->kind == EXPR_AND && i < where->arg_count; i++) {
        if (says_not_null(where->args[i], column)) {
            return true;
        }
    }
    return where->kind == EXPR_IS_NULL && where->is_negated && expr_equal(where->args[0], column);
}

static bool
may_be_null(const struct query *query, const struct expr *column)
{
    const bool is_not_null = column->kind == EXPR_COLUMN && column->column < EXPR_SYSTEM_FIRST &&
                             query->tables[0]->table->columns[column->column].is_not_null;
    return !is_not_null && !says_not_null(query->where, column);
}

/* Why not, for EXPLAIN; NULL: there is nothing to say. */
static const char *
explain_refusal(struct level *level, const struct distance *distance, bool is_distance)
{
    const struct query *query = level->query;
    const struct sort_key *key = &query->order_by[0];
    struct distance descending;
    if (query->order_count > 1 && is_distance) {
        return "more than one sort key";
    }
    if (is_distance && key->is_nulls_first && may_be_null(query, distance->column)) {
        return "rows without a vector would have to come first";
    }
    if (!is_distance) {
        return key->is_descending && read_distance(key->expr, &descending)
                   ? "the order is descending"
                   : NULL;
    }
    if (!level->planner->context->is_indexscan_enabled) {
        return "enable_indexscan is off";
    }
    return find_index(level, distance) == NULL
               ? "no index of this column has an operator class for this distance"
               : NULL;
}

/* A condition that keeps the same distance below a value: the search's radius. */
static struct expr *
find_radius(struct level *level, struct expr *where, const struct expr *distance)
{
    if (where == NULL) {
        return NULL;
    }
    if (where->kind == EXPR_AND) {
        struct expr *found = NULL;
        for (uint16_t i = 0; i < where->arg_count && found == NULL; i++) {
            found = find_radius(level, where->args[i], distance);
        }
        return found;
    }
    if (where->kind != EXPR_FUNC || where->op == NULL || where->arg_count != 2) {
        return NULL;
    }
    const char strategy = where->op->strategy;
    const bool is_below = strategy == 1 || strategy == 2;
    const bool is_above = strategy == 4 || strategy == 5;
    struct expr *side = where->args[is_below ? 0 : 1];
    struct expr *bound = where->args[is_below ? 1 : 0];
    struct tables reads = {{0}};
    tables_of_expr(bound, &reads);
    return (is_below || is_above) && bound->type->oid == OID_FLOAT8 && tables_is_empty(&reads) &&
                   !expr_is_volatile(bound) && expr_equal(side, distance)
               ? bound
               : NULL;
}

/* The search's mode: what the form says; all rows in order want a strict one. */
static char
mode_of(const struct level *level, const struct vector_query *form)
{
    const struct query *query = level->query;
    if (form != NULL) {
        return form->mode;
    }
    const bool is_all = query->limit == NULL || query->is_with_ties;
    return is_all && level->planner->context->is_seqscan_enabled ? 'e' : 'u';
}

/* The scan of WHERE by another index goes below, as a source of row ids. */
static struct plan *
as_source(struct planner *p, const struct plan *scan)
{
    struct plan *source = ky_arena_new(p->arena, struct plan);
    const uint16_t count = scan->scan.column_count;
    *source = *scan;
    source->scan.columns = ky_arena_array(p->arena, struct scan_column, (size_t)count + 1);
    if (count > 0) {
        memcpy(source->scan.columns, scan->scan.columns, count * sizeof(struct scan_column));
    }
    source->scan.columns[count] = (struct scan_column){EXPR_SYSTEM_ROW_ID, type_get(OID_INT8)};
    source->scan.column_count = (uint16_t)(count + 1);
    source->project = ky_arena_array(p->arena, struct expr *, 1);
    source->project[0] = expr_new_input(p, count, type_get(OID_INT8));
    source->output = ky_arena_array(p->arena, const struct type *, 1);
    source->output[0] = type_get(OID_INT8);
    source->output_count = 1;
    return source;
}

/* matches: of the table's rows, those that pass a filter which is asked inside of the search. */
static void
set_cost(struct plan *scan, double wanted, double table_rows, double matches)
{
    /* Logarithmic visits, as pgvector counts them: what matters is to be below a sort of all. A
     * filter costs as many more as it refuses, at most all rows. */
    const double asked = wanted * table_rows / KY_MAX(matches, 1);
    const double visits = KY_MIN(table_rows, 40.0 + KY_MAX(asked, wanted)) + 10.0;
    scan->rows = clamp_rows(KY_MIN(wanted, scan->rows));
    scan->startup_cost = visits * CPU_INDEX_TUPLE_COST;
    scan->total_cost = scan->startup_cost + scan->rows * (CPU_TUPLE_COST + CPU_OPERATOR_COST);
}

struct expr *
plan_vector_order(struct level *level, struct plan *scan, const struct exprs *output)
{
    struct planner *p = level->planner;
    struct query *query = level->query;
    struct distance distance = {0};
    if ((scan->kind != PLAN_SEQ_SCAN && scan->kind != PLAN_INDEX_SCAN &&
         scan->kind != PLAN_BITMAP_SCAN) ||
        query->table_count != 1 || query->tables[0]->kind != TABLE_RELATION ||
        query->tables[0]->sample != NULL || query->order_count == 0 || query->has_aggregates ||
        query->has_windows || query->is_distinct || query->distinct_on_count > 0 ||
        !has_vector_index(query->tables[0]->table)) {
        return NULL;
    }
    const bool is_distance = read_order(level, &query->order_by[0], &distance);
    struct cat_index *index =
        is_distance && query->order_count == 1 && p->context->is_indexscan_enabled &&
                !(query->order_by[0].is_nulls_first && may_be_null(query, distance.column))
            ? find_index(level, &distance)
            : NULL;
    if (index == NULL) {
        scan->remark = explain_refusal(level, &distance, is_distance);
        return NULL;
    }
    const struct input nothing = {.level = level};
    const struct vector_query *form = query->tables[0]->vector_query;
    const bool has_k = query->limit != NULL && !query->is_with_ties && !query->tables[0]->has_lock;
    struct plan *source = scan->kind != PLAN_SEQ_SCAN ? as_source(p, scan) : NULL;
    struct expr *radius = find_radius(level, query->where, distance.expr);
    if (source != NULL) {
        if (scan->kind == PLAN_INDEX_SCAN) {
            scan->filter = expr_and(p, scan->filter, scan->scan.index_condition);
        }
        scan->left = source;
    }
    scan->kind = PLAN_VECTOR_SCAN;
    scan->scan.index = index;
    scan->scan.index_condition = NULL;
    scan->scan.bounds = (struct index_bounds){0};
    scan->scan.is_count_only = false;
    scan->scan.is_backward = false;
    const struct input own = {
        .level = level, .exprs = output->list, .count = output->count, .is_complex = false};
    const bool is_column = index->keys[0].column != 0;
    scan->scan.vector_column = is_column ? distance.column->column : 0;
    scan->scan.vector_expr = is_column ? NULL : fix_expr(&own, distance.column);
    scan->scan.vector_query = fix_expr(&nothing, distance.value);
    scan->scan.distance = distance.kind;
    scan->scan.vector_func = distance.func;
    scan->scan.vector_mode = mode_of(level, form);
    scan->scan.is_vector_form = form != NULL;
    scan->scan.ef = form == NULL ? NULL : fix_expr(&nothing, form->ef);
    scan->scan.recall = form == NULL ? NULL : fix_expr(&nothing, form->recall);
    scan->scan.k = has_k ? fix_expr(&nothing, query->limit) : NULL;
    scan->scan.k_offset = has_k ? fix_expr(&nothing, query->offset) : NULL;
    scan->scan.radius = radius == NULL ? NULL : fix_expr(&nothing, radius);
    const double wanted = has_k && query->limit->kind == EXPR_CONST && !query->limit->value.is_null
                              ? (double)query->limit->value.word
                          : has_k ? 10
                                  : scan->rows;
    scan->scan.vector_rows = level->rels[0].table_rows;
    scan->scan.vector_matches = scan->rows;
    set_cost(scan, wanted, scan->scan.vector_rows,
             source == NULL ? scan->scan.vector_matches : scan->scan.vector_rows);
    return distance.expr;
}
