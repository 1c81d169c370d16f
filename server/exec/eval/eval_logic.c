/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/eval/eval_private.h"
#include "server/types/record.h"

/* What decides which rows see which argument: AND, OR, CASE, COALESCE and their kin. Each
 * narrows the selection, so that an argument is evaluated only where it matters. */

/* AND (decisive false) and OR (decisive true) in three-valued logic. */
static ky_status
run_junction(struct eval *eval, const struct eval_input *input, const uint16_t *selection,
             uint32_t count, bool decisive, const struct column **column_out, struct ky_error *err)
{
    struct column *result = eval_begin(eval, selection, count);
    uint16_t *open = eval_scratch(eval, 0, count);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        open[row] = (uint16_t)place;
        result->word[place] = !decisive;
    }
    for (uint16_t i = 0; i < eval->arg_count && count > 0; i++) {
        const struct column *argument = NULL;
        KY_TRY(eval_column(eval->args[i], input, open, count, &argument, err));
        uint32_t kept = 0;
        for (uint32_t row = 0; row < count; row++) {
            const uint32_t place = open[row];
            if (argument->is_null[place]) {
                result->is_null[place] = 1;
                result->has_nulls = true;
            } else if ((argument->word[place] != 0) == decisive) {
                result->word[place] = decisive;
                result->is_null[place] = 0;
                continue;
            }
            open[kept++] = (uint16_t)place;
        }
        count = kept;
    }
    *column_out = result;
    return KY_OK;
}

EVAL_RUN(eval_run_and)
{
    return run_junction(eval, input, selection, count, false, column_out, err);
}

EVAL_RUN(eval_run_or)
{
    return run_junction(eval, input, selection, count, true, column_out, err);
}

EVAL_RUN(eval_run_not)
{
    const struct column *argument = NULL;
    KY_TRY(eval_column(eval->args[0], input, selection, count, &argument, err));
    struct column *result = eval_begin(eval, selection, count);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        result->word[place] = argument->word[place] == 0;
        result->is_null[place] = argument->is_null[place];
    }
    result->has_nulls = argument->has_nulls;
    *column_out = result;
    return KY_OK;
}

/* A composite IS NULL when all its fields are, IS NOT NULL when none is. */
static bool
record_is(struct datum value, bool is_negated)
{
    if (value.is_null) {
        return !is_negated;
    }
    struct record_view view;
    record_open(value.bytes, &view);
    for (uint32_t i = 0; i < view.count; i++) {
        if (record_next(&view).value.is_null == is_negated) {
            return false;
        }
    }
    return true;
}

EVAL_RUN(eval_run_is_null)
{
    const struct column *argument = NULL;
    KY_TRY(eval_column(eval->args[0], input, selection, count, &argument, err));
    struct column *result = eval_begin(eval, selection, count);
    const bool is_negated = eval->expr->is_negated;
    const bool is_record = argument->type->oid == OID_RECORD;
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        result->word[place] = is_record ? record_is(column_get(argument, place), is_negated)
                                        : (argument->is_null[place] != 0) != is_negated;
    }
    *column_out = result;
    return KY_OK;
}

EVAL_RUN(eval_run_bool_test)
{
    const struct column *argument = NULL;
    KY_TRY(eval_column(eval->args[0], input, selection, count, &argument, err));
    struct column *result = eval_begin(eval, selection, count);
    const char test = eval->expr->test;
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        const bool is_null = argument->is_null[place] != 0;
        const bool is_true = !is_null && argument->word[place] != 0;
        const bool is_so = test == 'u' ? is_null : test == 't' ? is_true : !is_null && !is_true;
        result->word[place] = is_so != eval->expr->is_negated;
    }
    *column_out = result;
    return KY_OK;
}

EVAL_RUN(eval_run_distinct)
{
    const struct column *left = NULL;
    const struct column *right = NULL;
    KY_TRY(eval_column(eval->args[0], input, selection, count, &left, err));
    KY_TRY(eval_column(eval->args[1], input, selection, count, &right, err));
    struct column *result = eval_begin(eval, selection, count);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        const struct datum pair[2] = {column_get(left, place), column_get(right, place)};
        bool is_distinct = pair[0].is_null != pair[1].is_null;
        if (!pair[0].is_null && !pair[1].is_null) {
            struct datum equal = datum_word(0);
            KY_TRY(eval_call(eval, eval->expr->func, eval->arg_types, eval->type, input->arena,
                             pair, 2, &equal, err));
            is_distinct = equal.is_null || equal.word == 0;
        }
        result->word[place] = is_distinct != eval->expr->is_negated;
    }
    *column_out = result;
    return KY_OK;
}

/* Copies the places of a branch's column into the result. */
static void
take_places(struct column *result, const struct column *column, const uint16_t *places,
            uint32_t count)
{
    for (uint32_t row = 0; row < count; row++) {
        column_set(result, places[row], column_get(column, places[row]));
    }
}

EVAL_RUN(eval_run_case)
{
    struct column *result = eval_begin(eval, selection, count);
    uint16_t *open = eval_scratch(eval, 0, count);
    uint16_t *chosen = eval_scratch(eval, 1, count);
    for (uint32_t row = 0; row < count; row++) {
        open[row] = (uint16_t)eval_place(selection, row);
    }
    uint16_t i = 0;
    for (; i + 1 < eval->arg_count && count > 0; i = (uint16_t)(i + 2)) {
        const struct column *condition = NULL;
        KY_TRY(eval_column(eval->args[i], input, open, count, &condition, err));
        uint32_t kept = 0;
        uint32_t chosen_count = 0;
        for (uint32_t row = 0; row < count; row++) {
            const uint16_t place = open[row];
            if (!condition->is_null[place] && condition->word[place] != 0) {
                chosen[chosen_count++] = place;
            } else {
                open[kept++] = place;
            }
        }
        count = kept;
        if (chosen_count > 0) {
            const struct column *value = NULL;
            KY_TRY(eval_column(eval->args[i + 1], input, chosen, chosen_count, &value, err));
            take_places(result, value, chosen, chosen_count);
        }
    }
    if (count > 0 && eval->arg_count % 2 == 1) {
        const struct column *value = NULL;
        KY_TRY(eval_column(eval->args[eval->arg_count - 1], input, open, count, &value, err));
        take_places(result, value, open, count);
    } else {
        for (uint32_t row = 0; row < count; row++) {
            column_set(result, open[row], datum_null());
        }
    }
    *column_out = result;
    return KY_OK;
}

EVAL_RUN(eval_run_coalesce)
{
    struct column *result = eval_begin(eval, selection, count);
    uint16_t *open = eval_scratch(eval, 0, count);
    for (uint32_t row = 0; row < count; row++) {
        open[row] = (uint16_t)eval_place(selection, row);
    }
    for (uint16_t i = 0; i < eval->arg_count && count > 0; i++) {
        const struct column *value = NULL;
        KY_TRY(eval_column(eval->args[i], input, open, count, &value, err));
        uint32_t kept = 0;
        for (uint32_t row = 0; row < count; row++) {
            const uint16_t place = open[row];
            if (value->is_null[place]) {
                open[kept++] = place;
            } else {
                column_set(result, place, column_get(value, place));
            }
        }
        count = kept;
    }
    for (uint32_t row = 0; row < count; row++) {
        column_set(result, open[row], datum_null());
    }
    *column_out = result;
    return KY_OK;
}

EVAL_RUN(eval_run_nullif)
{
    const struct column *left = NULL;
    const struct column *right = NULL;
    KY_TRY(eval_column(eval->args[0], input, selection, count, &left, err));
    KY_TRY(eval_column(eval->args[1], input, selection, count, &right, err));
    struct column *result = eval_begin(eval, selection, count);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        const struct datum pair[2] = {column_get(left, place), column_get(right, place)};
        struct datum equal = datum_word(0);
        if (!pair[0].is_null && !pair[1].is_null) {
            KY_TRY(eval_call(eval, eval->expr->func, eval->arg_types, type_get(OID_BOOL),
                             input->arena, pair, 2, &equal, err));
        }
        column_set(result, place, !equal.is_null && equal.word != 0 ? datum_null() : pair[0]);
    }
    *column_out = result;
    return KY_OK;
}

EVAL_RUN(eval_run_minmax)
{
    struct column *result = eval_begin(eval, selection, count);
    for (uint16_t i = 0; i < eval->arg_count; i++) {
        const struct column *argument = NULL;
        KY_TRY(eval_column(eval->args[i], input, selection, count, &argument, err));
        for (uint32_t row = 0; row < count; row++) {
            const uint32_t place = eval_place(selection, row);
            const struct datum value = column_get(argument, place);
            bool is_better = i == 0 || result->is_null[place];
            if (!is_better && !value.is_null) {
                const int order = eval->type->compare(eval->type, value, column_get(result, place));
                is_better = eval->expr->is_negated ? order < 0 : order > 0;
            }
            if (is_better) {
                column_set(result, place, value);
            }
        }
    }
    *column_out = result;
    return KY_OK;
}
