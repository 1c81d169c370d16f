/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/eval/eval_private.h"

/* Function calls, casts and type modifiers. Strictness is settled here: neither kernels nor
 * scalar functions that are strict ever see a null. */

static void
prepare_env(struct eval *eval, struct func_env *env, const struct type *const *arg_types,
            const struct type *result_type, struct ky_arena *arena)
{
    (void)eval;
    env->types.arena = arena;
    env->arg_types = arg_types;
    env->result_type = result_type;
}

ky_status
eval_call(struct eval *eval, const struct func *func, const struct type *const *arg_types,
          const struct type *result_type, struct ky_arena *arena, const struct datum *args,
          int arg_count, struct datum *out, struct ky_error *err)
{
    if (func->is_strict) {
        for (int i = 0; i < arg_count; i++) {
            if (args[i].is_null) {
                *out = datum_null();
                return KY_OK;
            }
        }
    }
    struct func_env *env = &eval->exec->context->env;
    prepare_env(eval, env, arg_types, result_type, arena);
    env->has_variadic_array = false;
    out->is_null = false;
    KY_TRY(func->scalar(env, args, arg_count, out, err));
    return func_check_result(env, result_type, out, err);
}

/* Marks rows with a null argument null and leaves the others in the narrowed selection. */
static const uint16_t *
drop_nulls(struct eval *eval, const uint16_t *selection, uint32_t *count, struct column *result)
{
    bool has_nulls = false;
    for (uint16_t i = 0; i < eval->arg_count; i++) {
        has_nulls |= eval->arg_columns[i].has_nulls;
    }
    if (!has_nulls) {
        return selection;
    }
    uint16_t *kept = eval_scratch(eval, 0, *count);
    uint32_t kept_count = 0;
    for (uint32_t row = 0; row < *count; row++) {
        const uint32_t place = eval_place(selection, row);
        uint8_t is_null = 0;
        for (uint16_t i = 0; i < eval->arg_count; i++) {
            is_null |= eval->arg_columns[i].is_null[place];
        }
        if (is_null) {
            column_set(result, place, datum_null());
        } else {
            kept[kept_count++] = (uint16_t)place;
        }
    }
    *count = kept_count;
    return kept;
}

/* A batch's results lie in its arena until the next batch, however long they are. So now and then,
 * as they grow, it is asked whether the statement may have what they take by now. */
enum { CHECKED_SIZE = 16 * 1024 * 1024 };

static ky_status
check_memory(const struct eval *eval, const struct ky_arena *arena, size_t *room_end,
             struct ky_error *err)
{
    struct ky_budget *budget = eval->exec->context->budget;
    if (KY_LIKELY(arena->allocated_size <= *room_end)) {
        return KY_OK;
    }
    *room_end = arena->allocated_size + CHECKED_SIZE;
    const size_t held = arena->allocated_size - arena->spilled_size;
    KY_TRY(func_check_cancel(&eval->exec->context->env, err));
    KY_TRY(ky_budget_charge(budget, held, err));
    ky_budget_release(budget, held);
    return KY_OK;
}

static ky_status
call_rows(struct eval *eval, struct func_env *env, const uint16_t *selection, uint32_t count,
          struct column *result, struct ky_error *err)
{
    const struct func *func = eval->expr->func;
    size_t room_end = env->types.arena->allocated_size + CHECKED_SIZE;
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        for (uint16_t i = 0; i < eval->arg_count; i++) {
            eval->arg_values[i] = column_get(&eval->arg_columns[i], place);
        }
        struct datum value = datum_word(0);
        KY_TRY(func->scalar(env, eval->arg_values, eval->arg_count, &value, err));
        KY_TRY(func_check_result(env, eval->type, &value, err));
        column_set(result, place, value);
        KY_TRY(check_memory(eval, env->types.arena, &room_end, err));
    }
    return KY_OK;
}

EVAL_RUN(eval_run_func)
{
    const struct func *func = eval->expr->func;
    if (eval->arg_columns == NULL) {
        eval->arg_columns =
            ky_arena_array(eval->exec->context->arena, struct column, (size_t)eval->arg_count + 1);
    }
    for (uint16_t i = 0; i < eval->arg_count; i++) {
        const struct column *column = NULL;
        KY_TRY(eval_column(eval->args[i], input, selection, count, &column, err));
        eval->arg_columns[i] = *column;
    }
    struct column *result = eval_begin(eval, selection, count);
    *column_out = result;
    if (func->is_strict) {
        selection = drop_nulls(eval, selection, &count, result);
        if (count == 0) {
            return KY_OK;
        }
    }
    struct func_env *env = &eval->exec->context->env;
    prepare_env(eval, env, eval->arg_types, eval->type, input->arena);
    env->has_variadic_array = eval->expr->is_slice;
    if (func->kernel != NULL) {
        return func->kernel(env, eval->arg_columns, eval->arg_count, selection, count, result, err);
    }
    return call_rows(eval, env, selection, count, result, err);
}

EVAL_RUN(eval_run_cast)
{
    const struct column *argument = NULL;
    KY_TRY(eval_column(eval->args[0], input, selection, count, &argument, err));
    const struct cast *cast = eval->expr->cast;
    if (cast == NULL || cast->method == CAST_RELABEL) {
        eval->result = *argument;
        eval->result.type = eval->type;
        *column_out = &eval->result;
        return KY_OK;
    }
    struct column *result = eval_begin(eval, selection, count);
    struct type_context *context = &eval->exec->context->env.types;
    context->arena = input->arena;
    size_t room_end = context->arena->allocated_size + CHECKED_SIZE;
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        struct datum value = column_get(argument, place);
        if (!value.is_null) {
            struct datum cast_value = datum_word(0);
            KY_TRY(cast_apply(cast, context, value, eval->expr->typmod, eval->expr->is_explicit,
                              &cast_value, err));
            value = cast_value;
        }
        column_set(result, place, value);
        KY_TRY(check_memory(eval, context->arena, &room_end, err));
    }
    *column_out = result;
    return KY_OK;
}

EVAL_RUN(eval_run_coerce)
{
    const struct column *argument = NULL;
    KY_TRY(eval_column(eval->args[0], input, selection, count, &argument, err));
    if (eval->type->coerce == NULL || eval->expr->typmod < 0) {
        *column_out = argument;
        return KY_OK;
    }
    struct column *result = eval_begin(eval, selection, count);
    struct type_context *context = &eval->exec->context->env.types;
    context->arena = input->arena;
    size_t room_end = context->arena->allocated_size + CHECKED_SIZE;
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        struct datum value = column_get(argument, place);
        if (!value.is_null) {
            struct datum coerced = datum_word(0);
            KY_TRY(eval->type->coerce(eval->type, context, value, eval->expr->typmod,
                                      eval->expr->is_explicit, &coerced, err));
            value = coerced;
        }
        column_set(result, place, value);
        KY_TRY(check_memory(eval, context->arena, &room_end, err));
    }
    *column_out = result;
    return KY_OK;
}
