/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "server/session/ddl/ddl_private.h"

/*
 * From a sample of a column to its statistics, by the estimators that PostgreSQL documents: the
 * number of different values after Haas and Stokes, common values where they are surely more
 * frequent than the average of the rest, and bounds that halve, third ... what is left.
 */

struct sampled {
    struct datum value;
    uint32_t place;
};

/* Equal values in a row of sorted ones. */
struct run {
    uint32_t first, count;
};

static int
compare_sampled(const void *a, const void *b, void *type)
{
    const struct sampled *left = a;
    const struct sampled *right = b;
    const struct type *of = type;
    const int order = of->compare(of, left->value, right->value);
    return order != 0 ? order : left->place < right->place ? -1 : left->place > right->place;
}

enum { SORT_RUN = 8192 }; /* values from one look at whether it is cancelled to the next */

/* Merges neighbours of `width` sorted values each from one array into the other. False: cancelled.
 */
static bool
merge_all(struct session *session, const struct type *type, const struct sampled *from,
          struct sampled *to, uint32_t count, uint32_t width)
{
    for (uint64_t first = 0; first < count; first += 2 * (uint64_t)width) {
        const uint64_t middle = KY_MIN(first + width, (uint64_t)count);
        const uint64_t end = KY_MIN(middle + width, (uint64_t)count);
        uint64_t left = first;
        uint64_t right = middle;
        for (uint64_t at = first; at < end; at++) {
            if (at % SORT_RUN == 0 && session_is_cancelled(session)) {
                return false;
            }
            const bool is_left =
                left < middle && (right == end || compare_sampled(&from[left], &from[right],
                                                                  (void *)(uintptr_t)type) < 0);
            to[at] = from[is_left ? left++ : right++];
        }
    }
    return true;
}

/* A merge sort that can be cancelled, then NULL. The result is one of the two arrays. */
static struct sampled *
sort_sampled(struct session *session, const struct type *type, struct sampled *values,
             struct sampled *scratch, uint32_t count)
{
    for (uint32_t first = 0; first < count; first += SORT_RUN) {
        if (session_is_cancelled(session)) {
            return NULL;
        }
        qsort_r(values + first, KY_MIN(count - first, (uint32_t)SORT_RUN), sizeof(*values),
                compare_sampled, (void *)(uintptr_t)type);
    }
    for (uint32_t width = SORT_RUN; width < count; width *= 2) {
        if (!merge_all(session, type, values, scratch, count, width)) {
            return NULL;
        }
        struct sampled *sorted = scratch;
        scratch = values;
        values = sorted;
    }
    return values;
}

static int
compare_runs(const void *a, const void *b)
{
    const struct run *left = a;
    const struct run *right = b;
    if (left->count != right->count) {
        return left->count > right->count ? -1 : 1;
    }
    return left->first < right->first ? -1 : left->first > right->first;
}

/* Values once, values more often: d = once + many different ones in the sample. */
static double
estimate_distinct(const struct column_sample *sample, uint32_t once, uint32_t many,
                  double null_fraction)
{
    double distinct;
    once += sample->wide_count;
    if (many == 0) {
        return -(1 - null_fraction); /* all different: more rows, more values */
    }
    if (once == 0) {
        distinct = many; /* each seen again: there are no others */
    } else {
        const double n = sample->row_count - sample->null_count;
        const double total = sample->table_rows * (1 - null_fraction);
        const double seen = (double)once + many;
        distinct = n * seen / (n - once + once * n / KY_MAX(total, 1));
        distinct = floor(KY_MIN(KY_MAX(distinct, seen), KY_MAX(total, seen)) + 0.5);
    }
    return distinct > 0.1 * sample->table_rows ? -(distinct / sample->table_rows) : distinct;
}

/* How many of the most frequent runs stay: the last one is dropped while its count can as well
 * be chance, two standard deviations of the hypergeometric distribution above the average. */
static uint32_t
common_to_keep(const struct column_sample *sample, const struct run *runs, uint32_t count,
               double distinct, double null_fraction)
{
    const double n = sample->row_count;
    const double total = sample->table_rows;
    if (n >= total || total <= 1) {
        return count;
    }
    const double different = distinct < 0 ? -distinct * total : distinct;
    double above = 0; /* rows of the runs before the last */
    for (uint32_t i = 0; i + 1 < count; i++) {
        above += runs[i].count;
    }
    while (count > 0) {
        double rest = KY_MIN(KY_MAX(1 - above / n - null_fraction, 0), 1);
        const double others = different - (count - 1);
        if (others > 1) {
            rest /= others;
        }
        const double hits = total * runs[count - 1].count / n;
        const double variance =
            n * hits * (total - hits) * (total - n) / (total * total * (total - 1));
        if (runs[count - 1].count > rest * n + 2 * sqrt(KY_MAX(variance, 0)) + 0.5) {
            break;
        }
        count--;
        above -= count > 0 ? runs[count - 1].count : 0;
    }
    return count;
}

static void
set_bounds(struct ky_arena *arena, const struct sampled *sorted, uint32_t left, uint32_t different,
           uint32_t target, struct cat_statistics *out)
{
    const uint32_t count = KY_MIN(different, target + 1);
    if (count < 2) {
        return;
    }
    out->bounds = ky_arena_array(arena, struct datum, count);
    out->bound_count = (uint16_t)count;
    for (uint32_t i = 0; i < count; i++) {
        out->bounds[i] = sorted[(uint64_t)i * (left - 1) / (count - 1)].value;
    }
}

static void
set_correlation(const struct sampled *sorted, uint32_t count, struct cat_statistics *out)
{
    double product_sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        product_sum += (double)i * sorted[i].place;
    }
    /* Both run over 0 .. count - 1. */
    const double n = count;
    const double sum = n * (n - 1) / 2;
    const double square_sum = n * (n - 1) * (2 * n - 1) / 6;
    out->has_correlation = true;
    out->correlation = (n * product_sum - sum * sum) / (n * square_sum - sum * sum);
}

static void
analyze_sorted(struct ky_arena *arena, const struct column_sample *sample, struct sampled *sorted,
               uint32_t target, struct cat_statistics *out)
{
    const uint32_t count = sample->value_count;
    struct run *runs = ky_arena_array(arena, struct run, (size_t)count + 1);
    uint32_t different = 0;
    uint32_t many = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 &&
            sample->type->compare(sample->type, sorted[i - 1].value, sorted[i].value) == 0) {
            many += runs[different - 1].count == 1;
            runs[different - 1].count++;
        } else {
            runs[different++] = (struct run){i, 1};
        }
    }
    out->distinct = estimate_distinct(sample, different - many, many, out->null_fraction);
    if (count > 1) {
        set_correlation(sorted, count, out);
    }
    qsort(runs, different, sizeof(*runs), compare_runs);
    uint32_t common = KY_MIN(many, target);
    const bool is_all = many == different && sample->wide_count == 0 && out->distinct > 0;
    if (!is_all || many > target) {
        common = common_to_keep(sample, runs, common, out->distinct, out->null_fraction);
    }
    out->common = ky_arena_array(arena, struct datum, (size_t)common + 1);
    out->frequencies = ky_arena_array(arena, double, (size_t)common + 1);
    out->common_count = (uint16_t)common;
    for (uint32_t i = 0; i < common; i++) {
        out->common[i] = sorted[runs[i].first].value;
        out->frequencies[i] = (double)runs[i].count / sample->row_count;
        for (uint32_t j = 0; j < runs[i].count; j++) {
            sorted[runs[i].first + j].place = UINT32_MAX; /* not for the bounds */
        }
    }
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (sorted[i].place != UINT32_MAX) {
            sorted[left++] = sorted[i];
        }
    }
    set_bounds(arena, sorted, left, different - common, target, out);
}

ky_status
analyze_column(struct session *session, struct ky_arena *arena, const struct column_sample *sample,
               uint32_t target, struct cat_statistics *statistics_out, struct ky_error *err)
{
    struct cat_statistics *out = statistics_out;
    const uint32_t filled = sample->row_count - sample->null_count;
    out->type = sample->type;
    out->row_count = sample->table_rows;
    out->null_fraction = (double)sample->null_count / sample->row_count;
    out->average_width = sample->type->typlen > 0 ? sample->type->typlen
                         : filled > 0             ? (int32_t)(sample->width_sum / filled)
                                                  : 0;
    if (sample->type->compare == NULL) {
        return KY_OK;
    }
    if (sample->value_count == 0) {
        out->distinct = filled > 0 ? -(1 - out->null_fraction) : 0;
        return KY_OK;
    }
    struct sampled *values = ky_arena_array(arena, struct sampled, sample->value_count);
    struct sampled *scratch = ky_arena_array(arena, struct sampled, sample->value_count);
    for (uint32_t i = 0; i < sample->value_count; i++) {
        values[i] = (struct sampled){sample->values[i], i};
    }
    struct sampled *sorted =
        sort_sampled(session, sample->type, values, scratch, sample->value_count);
    if (sorted == NULL) {
        return ky_error_set(err, KY_QUERY_CANCELED, "canceling statement due to user request");
    }
    analyze_sorted(arena, sample, sorted, target, out);
    return KY_OK;
}
