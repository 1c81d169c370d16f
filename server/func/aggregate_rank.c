/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/aggregate.h"

/*
 * Hypothetical-set aggregates: rank(a, b) WITHIN GROUP (ORDER BY x, y) is the rank that a row of a
 * and b would have among the others. The executor feeds the rows in order, so it is enough to count
 * those that come before it, are no different from it, and are new.
 */
struct hypothetical {
    int64_t row_count;
    int64_t before;        /* rows before the hypothetical one */
    int64_t before_values; /* of them, different from the row before */
    int64_t peers;         /* rows equal to it */
    struct datum *last;    /* the row before */
    int last_count;
};

static int
compare_values(const struct func_env *env, int place, int key, struct datum a, struct datum b)
{
    const struct func_order *order = &env->order[key];
    const struct type *type = env->arg_types[place];
    if (a.is_null || b.is_null) {
        const int nulls = order->is_nulls_first ? -1 : 1;
        return a.is_null && b.is_null ? 0 : a.is_null ? nulls : -nulls;
    }
    const int result = type->compare(type, a, b);
    return order->is_descending ? -result : result;
}

static int
compare_rows(const struct func_env *env, int count, const struct datum *a, const struct datum *b)
{
    int result = 0;
    for (int i = 0; i < count && result == 0; i++) {
        result = compare_values(env, count + i, i, a[i], b[i]);
    }
    return result;
}

static void
keep_row(struct func_env *env, struct hypothetical *state, const struct datum *row, int count)
{
    if (state->last == NULL) {
        state->last = ky_arena_array(env->types.arena, struct datum, (size_t)count + 1);
        state->last_count = count;
    }
    for (int i = 0; i < count; i++) {
        state->last[i] = row[i];
        if (!row[i].is_null && env->arg_types[count + i]->storage == TYPE_BYTES) {
            state->last[i].bytes = ky_slice_dup(env->types.arena, row[i].bytes);
        }
    }
}

AGGREGATE_ADD(add_row)
{
    struct hypothetical *counts = state;
    const int count = arg_count / 2;
    const struct datum *row = args + count;
    KY_ASSERT(env->order != NULL);
    const int order = compare_rows(env, count, row, args);
    counts->row_count++;
    counts->peers += order == 0;
    if (order < 0) {
        counts->before++;
        if (counts->last == NULL || compare_rows(env, count, row, counts->last) != 0) {
            counts->before_values++;
            keep_row(env, counts, row, count);
        }
    }
    return KY_OK;
}

AGGREGATE_FINISH(rank_finish)
{
    const struct hypothetical *counts = state;
    *out = datum_word(counts->before + 1);
    return KY_OK;
}

AGGREGATE_FINISH(dense_rank_finish)
{
    const struct hypothetical *counts = state;
    *out = datum_word(counts->before_values + 1);
    return KY_OK;
}

AGGREGATE_FINISH(percent_rank_finish)
{
    const struct hypothetical *counts = state;
    *out = datum_real(counts->row_count == 0 ? 0.0
                                             : (double)counts->before / (double)counts->row_count);
    return KY_OK;
}

/* The hypothetical row is one of those counted. */
AGGREGATE_FINISH(cume_dist_finish)
{
    const struct hypothetical *counts = state;
    *out =
        datum_real((double)(counts->before + counts->peers + 1) / (double)(counts->row_count + 1));
    return KY_OK;
}

#define HYPOTHETICAL(name)                         \
    static const struct func_aggregate name = {    \
        .state_size = sizeof(struct hypothetical), \
        .add = add_row,                            \
        .finish = name##_finish,                   \
        .is_memory_growing = true,                 \
        .is_ordered_set = true,                    \
        .is_hypothetical = true,                   \
        .direct_count = 1,                         \
    }
HYPOTHETICAL(rank);
HYPOTHETICAL(dense_rank);
HYPOTHETICAL(percent_rank);
HYPOTHETICAL(cume_dist);

#define RANK_FUNC(oid, name, result, aggregate_)                                 \
    AGGREGATE(oid, name, result, 'i', false, ARGS(OID_ANY), .is_variadic = true, \
              .variadic_element = OID_ANY, .aggregate = aggregate_)

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    RANK_FUNC(3986, "rank", OID_INT8, &rank),
    RANK_FUNC(3988, "percent_rank", OID_FLOAT8, &percent_rank),
    RANK_FUNC(3990, "cume_dist", OID_FLOAT8, &cume_dist),
    RANK_FUNC(3992, "dense_rank", OID_INT8, &dense_rank),
};

const struct func_table func_table_aggregate_rank = {funcs, KY_COUNT_OF(funcs), NULL, 0};
