/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/sql/plan/plan_private.h"

/*
 * How many rows, and at what cost: PostgreSQL's units and its answers when it has no
 * statistics. Row counts of tables are live.
 */
enum { PAGE_ROOM = 8168, ROW_OVERHEAD = 28, UNKNOWN_PAGES = 10, DISTINCT_DEFAULT = 200 };

#define EQUAL_SELECTIVITY 0.005
#define MATCH_SELECTIVITY 0.005
#define MATCHING_SELECTIVITY 0.01 /* what is in a value, of many things that could be */
#define UNKNOWN_SELECTIVITY 0.5

int
type_width(const struct type *type, int32_t typmod)
{
    if (type->typlen > 0) {
        return type->typlen;
    }
    if (type->oid == OID_VECTOR && typmod > 0) {
        return 8 + 4 * typmod;
    }
    if ((type->oid == OID_VARCHAR || type->oid == OID_BPCHAR) && typmod > 4) {
        const int most = (typmod - 4) * 4 + 4;
        if (type->oid == OID_BPCHAR || most <= 32) {
            return most;
        }
        return 32 + (KY_MIN(most, 1000) - 32) / 2;
    }
    return 32;
}

double
clamp_rows(double rows)
{
    return rows <= 1.0 ? 1.0 : rint(rows);
}

/* PostgreSQL's guess where the fraction is not known: a tenth. */
static double
sampled_rows(const struct table_sample *sample, double rows)
{
    if (sample == NULL) {
        return rows;
    }
    const bool is_known = sample->percent->kind == EXPR_CONST && !sample->percent->value.is_null &&
                          sample->percent->value.real >= 0 && sample->percent->value.real <= 100;
    return clamp_rows(rows * (is_known ? sample->percent->value.real / 100 : 0.1));
}

void
rel_estimate(struct level *level, struct rel *rel)
{
    const struct table_ref *ref = rel->ref;
    struct storage *storage = level->planner->context->storage;
    int width = 0;
    switch (ref->kind) {
    case TABLE_RELATION:
        if (ref->table->sysview != NULL) {
            rel->table_rows = 400;
            rel->pages = 10;
            break;
        }
        for (uint16_t i = 0; i < ref->table->column_count; i++) {
            const struct cat_column *column = &ref->table->columns[i];
            width += column->is_dropped ? 0 : type_width(column->type, column->typmod);
        }
        rel->table_rows =
            storage == NULL ? 0 : (double)storage_live_count(storage, ref->table->rel);
        if (rel->table_rows < 1) {
            rel->pages = UNKNOWN_PAGES;
            rel->table_rows =
                UNKNOWN_PAGES * KY_MAX(1.0, floor(PAGE_ROOM / (double)(width + ROW_OVERHEAD)));
        } else {
            rel->pages = ceil(rel->table_rows * (width + ROW_OVERHEAD) / PAGE_ROOM);
        }
        rel->table_rows = sampled_rows(ref->sample, rel->table_rows);
        break;
    case TABLE_FUNCTION:
        rel->table_rows =
            ref->functions[0]->kind == EXPR_SET && ref->functions[0]->func->is_set ? 1000 : 1;
        if (ref->functions[0]->kind == EXPR_SET && ref->functions[0]->func != NULL &&
            strcmp(ref->functions[0]->func->name, "unnest") == 0) {
            rel->table_rows = 10;
        }
        break;
    case TABLE_VALUES:
        rel->table_rows = ref->row_count;
        break;
    case TABLE_SUBQUERY:
    case TABLE_CTE:
    case TABLE_JOIN:
    case TABLE_EXCLUDED:
        rel->table_rows = 100; /* set by whoever plans the subquery */
        break;
    }
    rel->rows = rel->table_rows;
}

/* ---- selectivity ---- */

bool
is_unique_column(const struct rel *rel, uint16_t column)
{
    const struct cat_table *table = rel->ref->kind == TABLE_RELATION ? rel->ref->table : NULL;
    if (table == NULL) {
        return false;
    }
    if (table->sysview != NULL) {
        return table->column_count > 0 && column == 0 && strcmp(table->columns[0].name, "oid") == 0;
    }
    for (uint16_t i = 0; i < table->index_count; i++) {
        const struct cat_index *index = table->indexes[i];
        if (index->is_unique && index->key_count == 1 && index->predicate_sql == NULL &&
            index->keys[0].column == (int16_t)(column + 1)) {
            return true;
        }
    }
    return false;
}

static const struct expr *
strip(const struct expr *expr)
{
    while (expr->kind == EXPR_CAST || expr->kind == EXPR_COERCE) {
        expr = expr->args[0];
    }
    return expr;
}

/* Distinct values of an expression, as far as one can tell. */
static double
distinct_of(struct level *level, const struct expr *expr)
{
    expr = strip(expr);
    if (expr->kind != EXPR_COLUMN || expr->levels_up != 0 ||
        expr->table >= level->query->table_count) {
        return DISTINCT_DEFAULT;
    }
    const struct rel *rel = &level->rels[expr->table];
    if (rel->ref->kind == TABLE_RELATION && expr->column < EXPR_SYSTEM_FIRST &&
        is_unique_column(rel, expr->column)) {
        return KY_MAX(rel->table_rows, 1.0);
    }
    const struct cat_statistics *statistics = column_statistics(level, expr);
    if (statistics != NULL && statistics->distinct != 0) {
        return statistics_distinct(statistics, rel->table_rows);
    }
    if (expr->type->oid == OID_BOOL) {
        return 2;
    }
    return KY_MAX(1.0, KY_MIN(rel->table_rows, (double)DISTINCT_DEFAULT));
}

double
distinct_values(struct level *level, const struct expr *expr, double rows)
{
    return KY_MAX(1.0, KY_MIN(distinct_of(level, expr), rows));
}

bool
is_analyzed(struct level *level, const struct expr *expr)
{
    const struct cat_statistics *statistics = column_statistics(level, expr);
    return statistics != NULL && statistics->distinct != 0;
}

static double
array_count(const struct expr *array)
{
    if (array->kind == EXPR_ARRAY) {
        return array->arg_count;
    }
    if (array->kind == EXPR_CONST && !array->value.is_null) {
        /* Not decoded here: a rough count by size is enough. */
        const double bytes = (double)array->value.bytes.size;
        return KY_MAX(1.0, KY_MIN(bytes / 8, 1000.0));
    }
    return 10;
}

/* = ANY and <> ALL of an array. */
static double
analyzed_array(struct level *level, const struct expr *expr)
{
    const struct cat_statistics *statistics = column_statistics(level, expr->args[0]);
    if (statistics == NULL || expr->op == NULL || statistics->distinct == 0) {
        return -1;
    }
    const double rows = level->rels[strip(expr->args[0])->table].table_rows;
    const double any = statistics_in(statistics, rows, expr->args[1]);
    if (expr->op->strategy == 3 && !expr->is_negated) {
        return any;
    }
    return strcmp(expr->op->name, "<>") == 0 && expr->is_negated
               ? KY_MAX(0.0, 1 - any - statistics->null_fraction)
               : -1;
}

double
analyzed_selectivity(struct level *level, const struct expr *expr)
{
    if (expr->kind == EXPR_ARRAY_OP) {
        return analyzed_array(level, expr);
    }
    if (expr->kind != EXPR_FUNC || expr->op == NULL || expr->arg_count != 2) {
        return -1;
    }
    const bool is_unequal = expr->op->strategy == 0 && strcmp(expr->op->name, "<>") == 0;
    char strategy = expr->op->strategy;
    if (strategy == 0 && !is_unequal) {
        return -1;
    }
    const struct expr *value = expr->args[1];
    const struct cat_statistics *statistics = column_statistics(level, expr->args[0]);
    const struct expr *column = strip(expr->args[0]);
    if (statistics == NULL) {
        statistics = column_statistics(level, expr->args[1]);
        column = strip(expr->args[1]);
        value = expr->args[0];
        strategy = strategy == 0 ? 0 : (char)(6 - strategy);
    }
    if (statistics == NULL || statistics->distinct == 0 ||
        column_statistics(level, value) != NULL || strip(value)->kind == EXPR_COLUMN) {
        return -1;
    }
    if (value->kind == EXPR_CONST && value->value.is_null) {
        return 0;
    }
    const struct datum *known = statistics_constant(statistics, value);
    if (known == NULL && value->kind == EXPR_CONST) {
        return -1; /* of a type that is ordered in another way */
    }
    const double rows = level->rels[column->table].table_rows;
    if (strategy == 3 || is_unequal) {
        const double equal = is_unique_column(&level->rels[column->table], column->column)
                                 ? 1 / KY_MAX(rows, 1.0)
                                 : statistics_equal(statistics, rows, known);
        return is_unequal ? KY_MAX(0.0, 1 - equal - statistics->null_fraction) : equal;
    }
    return known == NULL ? -1 : statistics_compare(statistics, strategy, *known);
}

static double
operator_selectivity(struct level *level, const struct expr *expr)
{
    const double analyzed = analyzed_selectivity(level, expr);
    if (analyzed >= 0) {
        return analyzed;
    }
    const char strategy = expr->op->strategy;
    if (strategy == 3) {
        const double left = distinct_of(level, expr->args[0]);
        const double right = distinct_of(level, expr->args[1]);
        const bool is_left = strip(expr->args[0])->kind == EXPR_COLUMN;
        const bool is_right = strip(expr->args[1])->kind == EXPR_COLUMN;
        if (!is_left && !is_right) {
            return EQUAL_SELECTIVITY;
        }
        return 1.0 / (is_left && is_right ? KY_MAX(left, right) : is_left ? left : right);
    }
    if (strategy != 0) {
        return RANGE_SELECTIVITY;
    }
    const char *name = expr->op->name;
    if (strcmp(name, "<>") == 0) {
        return 1 - EQUAL_SELECTIVITY;
    }
    if (strcmp(name, "~~") == 0 || strcmp(name, "~") == 0 || strcmp(name, "~~*") == 0 ||
        strcmp(name, "~*") == 0) {
        return MATCH_SELECTIVITY;
    }
    if (name[0] == '!' && name[1] == '~') {
        return 1 - MATCH_SELECTIVITY;
    }
    static const char *const matching[] = {"@>", "<@", "&&", "?", "?|", "?&", "@?", "@@"};
    for (size_t i = 0; i < KY_COUNT_OF(matching); i++) {
        if (strcmp(name, matching[i]) == 0) {
            return MATCHING_SELECTIVITY;
        }
    }
    return UNKNOWN_SELECTIVITY;
}

/* Of the rows for which a comparison is neither true nor false. */
static double
null_fraction(struct level *level, const struct expr *expr)
{
    if (expr->kind != EXPR_FUNC || analyzed_selectivity(level, expr) < 0) {
        return 0;
    }
    const struct cat_statistics *statistics = column_statistics(level, expr->args[0]);
    statistics = statistics != NULL ? statistics : column_statistics(level, expr->args[1]);
    return statistics == NULL ? 0 : statistics->null_fraction;
}

static double
combine_selectivity(struct level *level, const struct expr *expr)
{
    double result = expr->kind == EXPR_AND ? 1 : 0;
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        const double one = expr_selectivity(level, expr->args[i]);
        result = expr->kind == EXPR_AND ? result * one : result + one - result * one;
    }
    return result;
}

double
expr_selectivity(struct level *level, struct expr *expr)
{
    switch (expr->kind) {
    case EXPR_CONST:
        return !expr->value.is_null && expr->value.word != 0 ? 1 : 0;
    case EXPR_AND:
    case EXPR_OR:
        return combine_selectivity(level, expr);
    case EXPR_NOT:
        return KY_MAX(0.0, 1 - expr_selectivity(level, expr->args[0]) -
                               null_fraction(level, expr->args[0]));
    case EXPR_FUNC:
        return expr->op != NULL && expr->arg_count == 2 ? operator_selectivity(level, expr)
                                                        : RANGE_SELECTIVITY;
    case EXPR_IS_NULL: {
        const struct cat_statistics *statistics = column_statistics(level, expr->args[0]);
        if (statistics != NULL) {
            return expr->is_negated ? 1 - statistics->null_fraction : statistics->null_fraction;
        }
        return expr->is_negated ? 1 - EQUAL_SELECTIVITY : EQUAL_SELECTIVITY;
    }
    case EXPR_COLUMN: {
        const struct cat_statistics *statistics = column_statistics(level, expr);
        const struct datum yes = datum_word(1);
        return statistics == NULL || expr->type->oid != OID_BOOL
                   ? UNKNOWN_SELECTIVITY
                   : statistics_equal(statistics, level->rels[expr->table].table_rows, &yes);
    }
    case EXPR_ARRAY_OP: {
        const double analyzed = analyzed_selectivity(level, expr);
        if (analyzed >= 0) {
            return analyzed;
        }
        const double one = 1.0 / distinct_of(level, expr->args[0]);
        const double many = KY_MIN(1.0, one * array_count(expr->args[1]));
        return expr->is_negated ? 1 - many : many;
    }
    default:
        return UNKNOWN_SELECTIVITY;
    }
}

/* A qual column < constant (or >, as is_lower wants it) with a fraction that comes from
 * statistics. */
static bool
is_analyzed_bound(struct level *level, const struct expr *expr, bool is_lower)
{
    if (expr->kind != EXPR_FUNC || expr->op == NULL || expr->arg_count != 2 ||
        expr->args[1]->kind != EXPR_CONST) {
        return false;
    }
    const char strategy = expr->op->strategy;
    return (is_lower ? strategy == 4 || strategy == 5 : strategy == 1 || strategy == 2) &&
           column_statistics(level, expr->args[0]) != NULL &&
           analyzed_selectivity(level, expr) >= 0;
}

/* The qual that bounds the column of a lower bound from above; count: there is none. */
static uint32_t
find_upper(struct level *level, const struct quals *quals, uint32_t lower, const bool *is_used)
{
    const struct expr *column = strip(quals->list[lower]->expr->args[0]);
    for (uint32_t i = 0; i < quals->count; i++) {
        const struct expr *expr = quals->list[i]->expr;
        if (is_used[i] || !is_analyzed_bound(level, expr, false)) {
            continue;
        }
        const struct expr *other = strip(expr->args[0]);
        if (other->table == column->table && other->column == column->column) {
            return i;
        }
    }
    return quals->count;
}

double
quals_selectivity(struct level *level, const struct quals *quals)
{
    double result = 1;
    int lower = 0;
    int upper = 0;
    bool *is_used = ky_arena_calloc(level->planner->arena, (size_t)quals->count + 1, sizeof(bool));
    for (uint32_t i = 0; i < quals->count; i++) {
        if (!is_analyzed_bound(level, quals->list[i]->expr, true)) {
            continue;
        }
        const uint32_t other = find_upper(level, quals, i, is_used);
        if (other < quals->count) {
            is_used[i] = is_used[other] = true;
            const double nulls =
                column_statistics(level, quals->list[i]->expr->args[0])->null_fraction;
            result *= KY_MAX(1e-10, quals->list[i]->selectivity + quals->list[other]->selectivity +
                                        nulls - 1);
        }
    }
    for (uint32_t i = 0; i < quals->count; i++) {
        const struct expr *expr = quals->list[i]->expr;
        if (is_used[i]) {
            continue;
        }
        result *= quals->list[i]->selectivity;
        if (expr->kind == EXPR_FUNC && expr->op != NULL) {
            lower += expr->op->strategy == 4 || expr->op->strategy == 5;
            upper += expr->op->strategy == 1 || expr->op->strategy == 2;
        }
    }
    for (int pairs = KY_MIN(lower, upper); pairs > 0; pairs--) {
        result *= BETWEEN_SELECTIVITY / (RANGE_SELECTIVITY * RANGE_SELECTIVITY);
    }
    return result;
}

double
quals_cost(const struct quals *quals)
{
    double cost = 0;
    for (uint32_t i = 0; i < quals->count; i++) {
        cost += CPU_OPERATOR_COST;
        const struct expr *expr = quals->list[i]->expr;
        if (expr->kind == EXPR_SUBQUERY || expr->kind == EXPR_NOT) {
            cost += CPU_OPERATOR_COST * 10;
        }
    }
    return cost;
}

double
sort_cost(double rows, int width)
{
    (void)width;
    const double compared = rows < 2 ? 2 : rows;
    return 2.0 * CPU_OPERATOR_COST * compared * log2(compared);
}
