/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/eval/eval_private.h"

/*
 * Making the state tree, constants, and the front door. A node whose arguments are constants or
 * parameters and which is not volatile is a constant: computed when first wanted (never for
 * zero rows, so that 1/0 in a branch not taken stays silent), kept in the statement's arena.
 */

const struct type *
eval_type(const struct eval *eval)
{
    return eval->type;
}

eval_run
eval_run_find(const struct expr *expr)
{
    switch (expr->kind) {
    case EXPR_FUNC:
        return eval_run_func;
    case EXPR_CAST:
        return eval_run_cast;
    case EXPR_DOMAIN:
        return eval_run_domain;
    case EXPR_COERCE:
        return eval_run_coerce;
    case EXPR_AND:
        return eval_run_and;
    case EXPR_OR:
        return eval_run_or;
    case EXPR_NOT:
        return eval_run_not;
    case EXPR_IS_NULL:
        return eval_run_is_null;
    case EXPR_BOOL_TEST:
        return eval_run_bool_test;
    case EXPR_DISTINCT:
        return eval_run_distinct;
    case EXPR_CASE:
        return eval_run_case;
    case EXPR_COALESCE:
        return eval_run_coalesce;
    case EXPR_NULLIF:
        return eval_run_nullif;
    case EXPR_MINMAX:
        return eval_run_minmax;
    case EXPR_ARRAY_OP:
        return eval_run_array_op;
    case EXPR_ARRAY:
        return eval_run_array;
    case EXPR_SUBSCRIPT:
        return eval_run_subscript;
    case EXPR_ASSIGN:
        return eval_run_assign;
    case EXPR_ROW:
        return eval_run_row;
    case EXPR_FIELD:
        return eval_run_field;
    case EXPR_ROW_COMPARE:
        return eval_run_row_compare;
    case EXPR_SUBQUERY:
        return eval_run_subquery;
    case EXPR_CONST:
    case EXPR_PARAM:
    case EXPR_COLUMN:
    case EXPR_INPUT:
    case EXPR_OUTER:
    case EXPR_AGGREGATE:
    case EXPR_GROUPING:
    case EXPR_WINDOW:
    case EXPR_SET:
    case EXPR_DEFAULT:
        break;
    }
    return NULL;
}

static EVAL_RUN(run_input)
{
    (void)selection;
    (void)count;
    (void)err;
    KY_ASSERT(eval->expr->index < input->column_count);
    *column_out = &input->columns[eval->expr->index];
    return KY_OK;
}

/* The slot's value at every place. */
static EVAL_RUN(run_outer)
{
    (void)input;
    (void)err;
    struct column *result = eval_begin(eval, selection, count);
    const struct datum value = eval->exec->slots[eval->expr->index];
    for (uint32_t row = 0; row < count; row++) {
        column_set(result, eval_place(selection, row), value);
    }
    *column_out = result;
    return KY_OK;
}

uint16_t *
eval_scratch(struct eval *eval, int which, uint32_t count)
{
    if (eval->scratch_capacity[which] < count) {
        const uint32_t capacity = batch_room(count);
        eval->scratch[which] =
            ky_arena_alloc(eval->exec->context->arena, capacity * sizeof(uint16_t));
        eval->scratch_capacity[which] = capacity;
    }
    return eval->scratch[which];
}

struct column *
eval_begin(struct eval *eval, const uint16_t *selection, uint32_t count)
{
    const uint32_t extent = selection == NULL ? count : (uint32_t)selection[count - 1] + 1;
    if (eval->capacity < extent) {
        eval->capacity = batch_room(extent);
        column_init(&eval->result, eval->type, eval->capacity, eval->exec->context->arena);
        eval->result.has_nulls = false;
        eval->filled = 0;
    } else if (eval->result.has_nulls) {
        memset(eval->result.is_null, 0, eval->capacity);
        eval->result.has_nulls = false;
    }
    return &eval->result;
}

static ky_status
constant_value(struct eval *eval, const struct eval_input *input, struct ky_error *err)
{
    const struct eval_input lasting = {input->columns, input->column_count,
                                       eval->exec->context->arena};
    const struct column *column = NULL;
    KY_TRY(eval->run(eval, &lasting, NULL, 1, &column, err));
    eval->value = column_get(column, 0);
    eval->is_known = true;
    eval->filled = 0;
    return KY_OK;
}

static ky_status
constant_column(struct eval *eval, const struct eval_input *input, const uint16_t *selection,
                uint32_t count, const struct column **column_out, struct ky_error *err)
{
    if (!eval->is_known) {
        KY_TRY(constant_value(eval, input, err));
    }
    const uint32_t extent = selection == NULL ? count : (uint32_t)selection[count - 1] + 1;
    if (extent > eval->filled) {
        if (extent > eval->capacity) {
            (void)eval_begin(eval, selection, count);
        }
        while (eval->filled < extent) {
            column_set(&eval->result, eval->filled++, eval->value);
        }
    }
    *column_out = &eval->result;
    return KY_OK;
}

static bool
is_constant(const struct eval *eval)
{
    switch (eval->expr->kind) {
    case EXPR_CONST:
    case EXPR_PARAM:
        return true;
    case EXPR_INPUT:
    case EXPR_OUTER:
    case EXPR_SUBQUERY:
        return false;
    default:
        break;
    }
    if (eval->expr->func != NULL && eval->expr->func->volatility == 'v') {
        return false;
    }
    for (uint16_t i = 0; i < eval->arg_count; i++) {
        if (eval->args[i] != NULL && !eval->args[i]->is_constant) {
            return false;
        }
    }
    return true;
}

static ky_status
compile_args(struct eval *eval, struct ky_error *err)
{
    const struct expr *expr = eval->expr;
    if (expr->arg_count == 0) {
        return KY_OK;
    }
    struct ky_arena *arena = eval->exec->context->arena;
    eval->arg_count = expr->arg_count;
    eval->args = ky_arena_array(arena, struct eval *, expr->arg_count);
    eval->arg_types = ky_arena_array(arena, const struct type *, expr->arg_count);
    eval->arg_values = ky_arena_array(arena, struct datum, expr->arg_count);
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        if (expr->args[i] != NULL) { /* open slice bounds are NULL */
            KY_TRY(eval_compile(eval->exec, expr->args[i], &eval->args[i], err));
            eval->arg_types[i] = expr->args[i]->type;
        }
    }
    return KY_OK;
}

ky_status
eval_compile(struct exec *exec, const struct expr *expr, struct eval **eval_out,
             struct ky_error *err)
{
    struct eval *eval = ky_arena_new(exec->context->arena, struct eval);
    eval->exec = exec;
    eval->expr = expr;
    eval->type = expr->type;
    eval->older = exec->evals;
    exec->evals = eval;
    switch (expr->kind) {
    case EXPR_CONST:
        eval->value = expr->value;
        eval->is_known = true;
        break;
    case EXPR_PARAM:
        if (expr->index == 0 || expr->index > exec->context->param_count) {
            return ky_error_set(err, KY_UNDEFINED_PARAMETER, "no value found for parameter %u",
                                expr->index);
        }
        eval->value = exec->context->params[expr->index - 1];
        eval->is_known = true;
        break;
    case EXPR_INPUT:
        eval->run = run_input;
        break;
    case EXPR_OUTER:
        eval->run = run_outer;
        if (exec->collect != NULL) {
            uses_set(exec->collect, expr->index);
        }
        break;
    default:
        eval->run = eval_run_find(expr);
        if (eval->run == NULL) {
            return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                expr->kind == EXPR_SET
                                    ? "set-returning functions are not allowed here"
                                    : "this kind of expression cannot be evaluated here");
        }
        KY_TRY(compile_args(eval, err));
        if (expr->kind == EXPR_DOMAIN) {
            const struct expr_domain *domain = expr->constraint;
            eval->checks = ky_arena_array(exec->context->arena, struct eval *,
                                          (size_t)domain->check_count + 1);
            for (uint16_t i = 0; i < domain->check_count; i++) {
                KY_TRY(eval_compile(exec, domain->checks[i], &eval->checks[i], err));
            }
        }
        if (expr->kind == EXPR_SUBQUERY) {
            exec->runs_once = true;
            KY_TRY(eval_subquery_compile(eval, err));
        }
        break;
    }
    eval->is_constant = is_constant(eval);
    *eval_out = eval;
    return KY_OK;
}

void
eval_renew_all(struct exec *exec)
{
    for (struct eval *eval = exec->evals; eval != NULL; eval = eval->older) {
        if (eval->expr->kind == EXPR_PARAM) {
            eval->value = exec->context->params[eval->expr->index - 1];
            eval->filled = 0;
        } else if (eval->is_constant && eval->expr->kind != EXPR_CONST) {
            eval->is_known = false;
            eval->filled = 0;
        }
    }
}

ky_status
eval_column(struct eval *eval, const struct eval_input *input, const uint16_t *selection,
            uint32_t count, const struct column **column_out, struct ky_error *err)
{
    KY_ASSERT(count > 0);
    if (eval->is_constant) {
        return constant_column(eval, input, selection, count, column_out, err);
    }
    return eval->run(eval, input, selection, count, column_out, err);
}

ky_status
eval_datum(struct eval *eval, const struct eval_input *input, uint32_t place, struct datum *out,
           struct ky_error *err)
{
    if (eval->is_constant) {
        if (!eval->is_known) {
            KY_TRY(constant_value(eval, input, err));
        }
        *out = eval->value;
        return KY_OK;
    }
    const uint16_t selection = (uint16_t)place;
    const struct column *column = NULL;
    KY_TRY(eval->run(eval, input, place == 0 ? NULL : &selection, 1, &column, err));
    *out = column_get(column, place);
    return KY_OK;
}

ky_status
eval_filter(struct eval *eval, const struct eval_input *input, const uint16_t *selection,
            uint32_t count, uint16_t *places_out, uint32_t *count_out, struct ky_error *err)
{
    if (eval->expr->kind == EXPR_AND && !eval->is_constant) {
        for (uint16_t i = 0; i < eval->arg_count && count > 0; i++) {
            KY_TRY(eval_filter(eval->args[i], input, selection, count, places_out, &count, err));
            selection = places_out;
        }
        *count_out = count;
        return KY_OK;
    }
    const struct column *column = NULL;
    KY_TRY(eval_column(eval, input, selection, count, &column, err));
    uint32_t kept = 0;
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        places_out[kept] = (uint16_t)place;
        kept += column->word[place] != 0 && !column->is_null[place];
    }
    *count_out = kept;
    return KY_OK;
}
