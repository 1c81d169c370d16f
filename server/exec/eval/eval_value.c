/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/eval/eval_private.h"
#include "server/types/array.h"
#include "server/types/record.h"

/* Arrays, subscripts, rows and fields. All arguments are evaluated for all rows, then each row
 * is put together by itself. */

ky_status
eval_args(struct eval *eval, const struct eval_input *input, const uint16_t *selection,
          uint32_t count, struct ky_error *err)
{
    if (eval->arg_columns == NULL) {
        eval->arg_columns =
            ky_arena_array(eval->exec->context->arena, struct column, (size_t)eval->arg_count + 1);
    }
    for (uint16_t i = 0; i < eval->arg_count; i++) {
        if (eval->args[i] != NULL) {
            const struct column *column = NULL;
            KY_TRY(eval_column(eval->args[i], input, selection, count, &column, err));
            eval->arg_columns[i] = *column;
        }
    }
    return KY_OK;
}

void
eval_load_args(struct eval *eval, uint32_t place)
{
    for (uint16_t i = 0; i < eval->arg_count; i++) {
        if (eval->args[i] != NULL) {
            eval->arg_values[i] = column_get(&eval->arg_columns[i], place);
        }
    }
}

/* value op ANY (array), or ALL when negated: null elements leave the answer open. */
static ky_status
array_op(struct eval *eval, const struct eval_input *input, struct datum value, struct datum array,
         struct datum *out, struct ky_error *err)
{
    const bool is_all = eval->expr->is_negated;
    if (array.is_null) {
        *out = datum_null();
        return KY_OK;
    }
    struct array_view view;
    array_open(array.bytes, &view);
    const struct type *types[2] = {eval->arg_types[0], view.element};
    const uint8_t *cursor = view.first;
    bool is_open = false;
    for (uint32_t i = 0; i < view.count; i++) {
        const struct datum pair[2] = {value, array_next(&view, &cursor)};
        struct datum answer = datum_word(0);
        KY_TRY(eval_call(eval, eval->expr->func, types, eval->type, input->arena, pair, 2, &answer,
                         err));
        if (answer.is_null) {
            is_open = true;
        } else if ((answer.word != 0) != is_all) {
            *out = datum_word(!is_all);
            return KY_OK;
        }
    }
    *out = is_open ? datum_null() : datum_word(is_all);
    return KY_OK;
}

EVAL_RUN(eval_run_array_op)
{
    KY_TRY(eval_args(eval, input, selection, count, err));
    struct column *result = eval_begin(eval, selection, count);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        struct datum value = datum_word(0);
        KY_TRY(array_op(eval, input, column_get(&eval->arg_columns[0], place),
                        column_get(&eval->arg_columns[1], place), &value, err));
        column_set(result, place, value);
    }
    *column_out = result;
    return KY_OK;
}

/* ARRAY[a, b] of arrays: one more dimension; all of one shape, empty ones vanish. */
static ky_status
nest_arrays(struct eval *eval, struct ky_arena *arena, struct datum *out, struct ky_error *err)
{
    struct array_view first = {0};
    struct datum *elements = NULL;
    uint32_t filled = 0;
    for (uint16_t i = 0; i < eval->arg_count; i++) {
        struct array_view view = {0};
        if (!eval->arg_values[i].is_null) {
            array_open(eval->arg_values[i].bytes, &view);
        }
        if (i == 0) {
            first = view;
            elements =
                ky_arena_array(arena, struct datum, (size_t)view.count * eval->arg_count + 1);
        }
        bool is_same = view.dimension_count == first.dimension_count;
        for (int d = 0; is_same && d < view.dimension_count; d++) {
            is_same = view.size[d] == first.size[d] && view.lower[d] == first.lower[d];
        }
        if (!is_same) {
            return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR,
                                "multidimensional arrays must have array expressions with matching "
                                "dimensions");
        }
        const uint8_t *cursor = view.first;
        for (uint32_t e = 0; e < view.count; e++) {
            elements[filled++] = array_next(&view, &cursor);
        }
    }
    const struct type *element = type_get(eval->type->element_oid);
    if (filled == 0) {
        out->bytes = array_make(arena, element, NULL, 0);
        return KY_OK;
    }
    if (first.dimension_count >= ARRAY_DIMENSIONS_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                            first.dimension_count + 1, ARRAY_DIMENSIONS_MAX);
    }
    int32_t size[ARRAY_DIMENSIONS_MAX] = {eval->arg_count};
    int32_t lower[ARRAY_DIMENSIONS_MAX] = {1};
    for (int d = 0; d < first.dimension_count; d++) {
        size[d + 1] = first.size[d];
        lower[d + 1] = first.lower[d];
    }
    out->bytes =
        array_make_shaped(arena, element, elements, first.dimension_count + 1, size, lower);
    return KY_OK;
}

EVAL_RUN(eval_run_array)
{
    if (eval->arg_count > 0) {
        KY_TRY(eval_args(eval, input, selection, count, err));
    }
    struct column *result = eval_begin(eval, selection, count);
    const struct type *element = type_get(eval->type->element_oid);
    const bool is_nested = eval->arg_count > 0 && eval->arg_types[0]->element_oid != OID_NONE &&
                           eval->arg_types[0]->oid != element->oid;
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        eval_load_args(eval, place);
        struct datum value = {.is_null = false};
        if (is_nested) {
            KY_TRY(nest_arrays(eval, input->arena, &value, err));
        } else {
            value.bytes = array_make(input->arena, element, eval->arg_values, eval->arg_count);
        }
        column_set(result, place, value);
    }
    *column_out = result;
    return KY_OK;
}

/* array[lower:upper, ...]: the cut array with lower bounds 1; outside: empty. */
static void
slice_array(struct eval *eval, struct ky_arena *arena, struct datum *out)
{
    struct array_view view;
    array_open(eval->arg_values[0].bytes, &view);
    const int pair_count = (eval->arg_count - 1) / 2;
    int32_t from[ARRAY_DIMENSIONS_MAX];
    int32_t size[ARRAY_DIMENSIONS_MAX];
    int32_t ones[ARRAY_DIMENSIONS_MAX];
    uint64_t total = 1;
    for (int d = 0; d < view.dimension_count; d++) {
        const bool has_lower = d < pair_count && eval->args[1 + 2 * d] != NULL;
        const bool has_upper = d < pair_count && eval->args[2 + 2 * d] != NULL;
        const int64_t end = (int64_t)view.lower[d] + view.size[d] - 1;
        int64_t low = has_lower ? eval->arg_values[1 + 2 * d].word : view.lower[d];
        int64_t high = has_upper ? eval->arg_values[2 + 2 * d].word : end;
        low = KY_MAX(low, (int64_t)view.lower[d]);
        high = KY_MIN(high, end);
        from[d] = (int32_t)(low - view.lower[d]);
        size[d] = high < low ? 0 : (int32_t)(high - low + 1);
        ones[d] = 1;
        total *= (uint64_t)size[d];
    }
    if (view.dimension_count == 0 || pair_count > view.dimension_count || total == 0) {
        out->bytes = array_make(arena, view.element, NULL, 0);
        return;
    }
    struct datum *elements = ky_arena_array(arena, struct datum, total);
    uint64_t filled = 0;
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        const struct datum value = array_next(&view, &cursor);
        int64_t rest = i;
        bool is_inside = true;
        for (int d = view.dimension_count - 1; d >= 0; d--) {
            const int64_t at = rest % view.size[d] - from[d];
            rest /= view.size[d];
            is_inside = is_inside && at >= 0 && at < size[d];
        }
        if (is_inside) {
            elements[filled++] = value;
        }
    }
    out->bytes = array_make_shaped(arena, view.element, elements, view.dimension_count, size, ones);
}

EVAL_RUN(eval_run_subscript)
{
    KY_TRY(eval_args(eval, input, selection, count, err));
    struct column *result = eval_begin(eval, selection, count);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        eval_load_args(eval, place);
        struct datum value = {.is_null = false};
        int32_t subscripts[ARRAY_DIMENSIONS_MAX];
        bool is_null = false;
        for (uint16_t i = 0; i < eval->arg_count; i++) {
            is_null |= eval->args[i] != NULL && eval->arg_values[i].is_null;
        }
        const int subscript_count = eval->arg_count - 1;
        if (is_null || subscript_count > ARRAY_DIMENSIONS_MAX * (eval->expr->is_slice ? 2 : 1)) {
            value = datum_null();
        } else if (eval->expr->is_slice) {
            slice_array(eval, input->arena, &value);
        } else {
            for (int i = 0; i < subscript_count; i++) {
                subscripts[i] = (int32_t)eval->arg_values[i + 1].word;
            }
            value = array_get(eval->arg_values[0].bytes, subscripts, subscript_count);
        }
        column_set(result, place, value);
    }
    *column_out = result;
    return KY_OK;
}

EVAL_RUN(eval_run_row)
{
    if (eval->arg_count > 0) {
        KY_TRY(eval_args(eval, input, selection, count, err));
    }
    struct column *result = eval_begin(eval, selection, count);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        eval_load_args(eval, place);
        const struct ky_slice record =
            record_make(input->arena, eval->arg_types, eval->expr->field_names, eval->arg_values,
                        eval->arg_count);
        column_set(result, place, datum_bytes(record.data, record.size));
    }
    *column_out = result;
    return KY_OK;
}

EVAL_RUN(eval_run_field)
{
    const struct column *argument = NULL;
    KY_TRY(eval_column(eval->args[0], input, selection, count, &argument, err));
    struct column *result = eval_begin(eval, selection, count);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        struct datum value = datum_null();
        if (!argument->is_null[place]) {
            struct record_view view;
            record_open(argument->bytes[place], &view);
            for (uint32_t i = 0; i <= eval->expr->index && i < view.count; i++) {
                value = record_next(&view).value;
            }
        }
        column_set(result, place, value);
    }
    *column_out = result;
    return KY_OK;
}

/* (a, b) < (c, d): the first pair that is not equal decides; a null before that leaves it open. */
static ky_status
row_compare(struct eval *eval, struct ky_arena *arena, struct datum *out, struct ky_error *err)
{
    const uint16_t half = eval->arg_count / 2;
    const char test = eval->expr->test;
    bool is_open = false;
    for (uint16_t i = 0; i < half; i++) {
        const struct datum pair[2] = {eval->arg_values[i], eval->arg_values[half + i]};
        const struct type *types[2] = {eval->arg_types[i], eval->arg_types[half + i]};
        if (pair[0].is_null || pair[1].is_null) {
            if (test != '=' && test != '!') {
                *out = datum_null();
                return KY_OK;
            }
            is_open = true;
            continue;
        }
        const bool is_last = i + 1 == half;
        struct datum answer = datum_word(0);
        if (test == '=' || test == '!') {
            KY_TRY(eval_call(eval, eval->expr->funcs[i], types, eval->type, arena, pair, 2, &answer,
                             err));
            /* '!' compares with <>: one true pair is enough; '=': one false. */
            if (!answer.is_null && (answer.word != 0) == (test == '!')) {
                *out = datum_word(test == '!');
                return KY_OK;
            }
            is_open |= answer.is_null;
            continue;
        }
        if (!is_last && types[0] == types[1]) {
            const int order = types[0]->compare(types[0], pair[0], pair[1]);
            if (order != 0) {
                *out = datum_word((order < 0) == (test == '<' || test == 'l'));
                return KY_OK;
            }
            continue;
        }
        KY_TRY(
            eval_call(eval, eval->expr->funcs[i], types, eval->type, arena, pair, 2, &answer, err));
        if (is_last || answer.is_null) {
            *out = answer;
            return KY_OK;
        }
        /* Operands of two types: equal when the operator gives the same both ways round. */
        const struct datum swapped[2] = {pair[1], pair[0]};
        const struct type *swapped_types[2] = {types[1], types[0]};
        const struct operator* commuted = NULL;
        size_t operator_count = 0;
        const struct operator* const * all = operator_all(&operator_count);
        for (size_t o = 0; o < operator_count && commuted == NULL; o++) {
            if (all[o]->function == eval->expr->funcs[i]) {
                commuted =
                    operator_exact(ky_slice_cstr(all[o]->name), types[1]->oid, types[0]->oid);
            }
        }
        struct datum reverse = datum_word(0);
        if (commuted != NULL) {
            KY_TRY(eval_call(eval, commuted->function, swapped_types, eval->type, arena, swapped, 2,
                             &reverse, err));
        }
        if (answer.word != reverse.word) {
            *out = answer;
            return KY_OK;
        }
    }
    *out = is_open ? datum_null() : datum_word(test == '=');
    return KY_OK;
}

EVAL_RUN(eval_run_row_compare)
{
    KY_TRY(eval_args(eval, input, selection, count, err));
    struct column *result = eval_begin(eval, selection, count);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        eval_load_args(eval, place);
        struct datum value = datum_word(0);
        KY_TRY(row_compare(eval, input->arena, &value, err));
        column_set(result, place, value);
    }
    *column_out = result;
    return KY_OK;
}
