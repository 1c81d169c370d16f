/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/eval/eval_private.h"
#include "server/func/jsonb_assign.h"
#include "server/types/array.h"

/* EXPR_ASSIGN: an array or jsonb with a part of it changed. args: the whole, the part's new value,
 * then subscripts as EXPR_SUBSCRIPT has them. */

enum { FIRST_SUBSCRIPT = 2 };

static ky_status
assign_array(const struct eval *eval, struct ky_arena *arena, const struct datum *values,
             struct datum *out, struct ky_error *err)
{
    const bool is_slice = eval->expr->is_slice;
    const int per_step = is_slice ? 2 : 1;
    const int count = (eval->arg_count - FIRST_SUBSCRIPT) / per_step;
    struct array_bound bounds[ARRAY_DIMENSIONS_MAX];
    KY_ASSERT(count <= ARRAY_DIMENSIONS_MAX);
    for (uint16_t i = FIRST_SUBSCRIPT; i < eval->arg_count; i++) {
        if (eval->args[i] != NULL && values[i].is_null) {
            return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED,
                                "array subscript in assignment must not be null");
        }
    }
    for (int i = 0; i < count; i++) {
        const int lower = FIRST_SUBSCRIPT + i * per_step;
        const int upper = lower + per_step - 1;
        bounds[i] = (struct array_bound){
            .has_lower = eval->args[lower] != NULL,
            .has_upper = eval->args[upper] != NULL,
        };
        bounds[i].lower = bounds[i].has_lower ? (int32_t)values[lower].word : 0;
        bounds[i].upper = bounds[i].has_upper ? (int32_t)values[upper].word : 0;
    }
    return array_assign(arena, eval->type, values[0], values[1], bounds, count, is_slice, out, err);
}

static ky_status
assign_jsonb(struct eval *eval, struct ky_arena *arena, const struct datum *values,
             struct datum *out, struct ky_error *err)
{
    const int count = eval->arg_count - FIRST_SUBSCRIPT;
    struct func_env *env = &eval->exec->context->env;
    struct jsonb_subscript *path = ky_arena_array(arena, struct jsonb_subscript, (size_t)count);
    env->types.arena = arena;
    for (int i = 0; i < count; i++) {
        const struct datum *value = &values[FIRST_SUBSCRIPT + i];
        if (value->is_null) {
            return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED,
                                "jsonb subscript in assignment must not be null");
        }
        path[i].is_integer = eval->arg_types[FIRST_SUBSCRIPT + i]->oid == OID_INT4;
        path[i].text = path[i].is_integer
                           ? ky_slice_cstr(ky_arena_printf(arena, "%d", (int)value->word))
                           : value->bytes;
    }
    return jsonb_assign(env, values[0], path, count, values[1], out, err);
}

EVAL_RUN(eval_run_assign)
{
    KY_TRY(eval_args(eval, input, selection, count, err));
    struct column *result = eval_begin(eval, selection, count);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = eval_place(selection, row);
        struct datum value = {.is_null = false};
        eval_load_args(eval, place);
        if (eval->type->oid == OID_JSONB) {
            KY_TRY(assign_jsonb(eval, input->arena, eval->arg_values, &value, err));
        } else {
            KY_TRY(assign_array(eval, input->arena, eval->arg_values, &value, err));
        }
        column_set(result, place, value);
    }
    *column_out = result;
    return KY_OK;
}
