/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/sql/plan/plan_private.h"
#include "server/types/array.h"

/*
 * Selectivity of a condition on one column from what ANALYZE found: common values are looked at
 * one by one, the rest is spread evenly over the other values (equality) or lies between the
 * bounds of the histogram (order).
 */
static bool
is_integer(oid_t oid)
{
    return oid == OID_INT2 || oid == OID_INT4 || oid == OID_INT8 || oid == OID_OID;
}

static bool
is_real(oid_t oid)
{
    return oid == OID_FLOAT4 || oid == OID_FLOAT8;
}

static bool
is_text(oid_t oid)
{
    return oid == OID_TEXT || oid == OID_VARCHAR;
}

/* Values of both lie alike and are ordered alike. */
static bool
is_alike(oid_t a, oid_t b)
{
    return a == b || (is_integer(a) && is_integer(b)) || (is_real(a) && is_real(b)) ||
           (is_text(a) && is_text(b));
}

const struct cat_statistics *
column_statistics(struct level *level, const struct expr *expr)
{
    const oid_t seen_as = expr->type->oid;
    while (expr->kind == EXPR_CAST || expr->kind == EXPR_COERCE) {
        expr = expr->args[0];
    }
    if (expr->kind != EXPR_COLUMN || expr->levels_up != 0 || expr->column >= EXPR_SYSTEM_FIRST ||
        expr->table >= level->query->table_count /* a subquery that became a join */) {
        return NULL;
    }
    const struct table_ref *ref = level->rels[expr->table].ref;
    if (ref->kind != TABLE_RELATION || ref->table->sysview != NULL ||
        !is_alike(expr->type->oid, seen_as)) {
        return NULL;
    }
    const struct cat_statistics *statistics = ref->table->columns[expr->column].statistics;
    return statistics != NULL && statistics->type->compare != NULL ? statistics : NULL;
}

double
statistics_distinct(const struct cat_statistics *statistics, double table_rows)
{
    const double distinct =
        statistics->distinct < 0 ? -statistics->distinct * table_rows : statistics->distinct;
    return KY_MAX(1.0, rint(distinct));
}

static double
clamp_fraction(double fraction)
{
    return KY_MIN(KY_MAX(fraction, 0.0), 1.0);
}

static double
common_sum(const struct cat_statistics *statistics)
{
    double sum = 0;
    for (uint16_t i = 0; i < statistics->common_count; i++) {
        sum += statistics->frequencies[i];
    }
    return sum;
}

double
statistics_equal(const struct cat_statistics *statistics, double table_rows,
                 const struct datum *value)
{
    const struct type *type = statistics->type;
    const uint16_t count = statistics->common_count;
    const double distinct = statistics_distinct(statistics, table_rows);
    if (value == NULL) { /* not known yet: any of the values */
        const double one = (1 - statistics->null_fraction) / distinct;
        return count > 0 ? KY_MIN(one, statistics->frequencies[0]) : one;
    }
    for (uint16_t i = 0; i < count; i++) {
        if (type->compare(type, statistics->common[i], *value) == 0) {
            return statistics->frequencies[i];
        }
    }
    double rest = clamp_fraction(1 - common_sum(statistics) - statistics->null_fraction);
    if (distinct - count > 1) {
        rest /= distinct - count;
    }
    return count > 0 ? KY_MIN(rest, statistics->frequencies[count - 1]) : rest;
}

/* Where a value lies between two bounds, 0 to 1; by the first bytes that differ for texts. */
static double
place_between(const struct type *type, struct datum low, struct datum high, struct datum value)
{
    double numbers[3];
    const struct datum *const values[3] = {&low, &high, &value};
    size_t same = 0;
    if (type->storage == TYPE_BYTES) {
        if (!is_text(type->oid)) {
            return 0.5;
        }
        const uint8_t *a = low.bytes.data;
        const uint8_t *b = high.bytes.data;
        while (same < low.bytes.size && same < high.bytes.size && a[same] == b[same]) {
            same++;
        }
    }
    for (int i = 0; i < 3; i++) {
        if (type->storage == TYPE_WORD) {
            numbers[i] = (double)values[i]->word;
        } else if (type->storage == TYPE_FLOAT) {
            numbers[i] = values[i]->real;
        } else {
            const uint8_t *bytes = values[i]->bytes.data;
            numbers[i] = 0;
            for (size_t k = same; k < same + 8; k++) {
                numbers[i] = numbers[i] * 256 + (k < values[i]->bytes.size ? bytes[k] : 0);
            }
        }
    }
    const double width = numbers[1] - numbers[0];
    return width > 0 && isfinite(width) ? clamp_fraction((numbers[2] - numbers[0]) / width) : 0.5;
}

/* The part of the histogram's values that is less than value. */
static double
histogram_below(const struct cat_statistics *statistics, struct datum value)
{
    const struct type *type = statistics->type;
    uint32_t low = 0; /* bounds[0..low) are less than value */
    uint32_t high = statistics->bound_count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (type->compare(type, statistics->bounds[middle], value) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const double bins = statistics->bound_count - 1;
    double below = 0;
    if (low >= statistics->bound_count) {
        below = 1;
    } else if (low > 0) {
        below = (low - 1 +
                 place_between(type, statistics->bounds[low - 1], statistics->bounds[low], value)) /
                bins;
    }
    /* Nothing is certain at the ends: the sample did not see everything. */
    const double least = 0.01 / bins;
    return KY_MIN(KY_MAX(below, least), 1 - least);
}

double
statistics_compare(const struct cat_statistics *statistics, char strategy, struct datum value)
{
    const struct type *type = statistics->type;
    const bool is_less = strategy == 1 || strategy == 2;
    const bool has_equal = strategy == 2 || strategy == 4;
    double common = 0;
    for (uint16_t i = 0; i < statistics->common_count; i++) {
        const int order = type->compare(type, statistics->common[i], value);
        if (order == 0 ? has_equal : is_less ? order < 0 : order > 0) {
            common += statistics->frequencies[i];
        }
    }
    double rest = clamp_fraction(1 - common_sum(statistics) - statistics->null_fraction);
    if (statistics->bound_count >= 2) {
        const double below = histogram_below(statistics, value);
        rest *= is_less ? below : 1 - below;
    } else if (statistics->common_count > 0) {
        rest *= 0.5;
    } else {
        return 1.0 / 3.0;
    }
    return clamp_fraction(common + rest);
}

const struct datum *
statistics_constant(const struct cat_statistics *statistics, const struct expr *expr)
{
    while (expr->kind == EXPR_COERCE && expr->arg_count > 0 &&
           is_alike(expr->type->oid, expr->args[0]->type->oid)) {
        expr = expr->args[0];
    }
    return expr->kind == EXPR_CONST && !expr->value.is_null &&
                   is_alike(expr->type->oid, statistics->type->oid)
               ? &expr->value
               : NULL;
}

double
statistics_in(const struct cat_statistics *statistics, double table_rows, const struct expr *array)
{
    double sum = 0;
    if (array->kind == EXPR_ARRAY) {
        for (uint16_t i = 0; i < array->arg_count; i++) {
            sum += statistics_equal(statistics, table_rows,
                                    statistics_constant(statistics, array->args[i]));
        }
        return clamp_fraction(sum);
    }
    if (array->kind != EXPR_CONST || array->value.is_null) {
        return clamp_fraction(10 * statistics_equal(statistics, table_rows, NULL));
    }
    struct array_view view;
    array_open(array->value.bytes, &view);
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        const struct datum value = array_next(&view, &cursor);
        if (!value.is_null) {
            const bool is_known = is_alike(view.element->oid, statistics->type->oid);
            sum += statistics_equal(statistics, table_rows, is_known ? &value : NULL);
        }
    }
    return clamp_fraction(sum);
}
