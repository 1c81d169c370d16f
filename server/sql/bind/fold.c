/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/bind/bind_private.h"

/*
 * Constant folding, done as nodes are made, so a node's constant arguments are already folded.
 * What fails stays as it is: the executor raises the error if it ever gets there
 * (CASE WHEN false THEN 1/0 END never does).
 */

static bool
are_constant(const struct expr *expr)
{
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        if (expr->args[i] == NULL || expr->args[i]->kind != EXPR_CONST) {
            return false;
        }
    }
    return true;
}

/* Casts that read the time zone or DateStyle are not constant; all of category D and T are left. */
static bool
is_cast_immutable(const struct cast *cast)
{
    if (cast->method == CAST_RELABEL) {
        return true;
    }
    const struct type *source = type_find(cast->source);
    const struct type *target = type_find(cast->target);
    if (source == NULL || target == NULL) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        const struct type *type = i == 0 ? source : target;
        if (type->category == 'D' || type->category == 'T' || type->category == 'P' ||
            type->category == 'A' || (type->oid >= OID_REGPROCEDURE && type->oid <= OID_REGTYPE) ||
            type->oid == OID_REGPROC || type->oid == OID_REGNAMESPACE || type->oid == OID_REGROLE ||
            type->oid == OID_BYTEA) {
            return false;
        }
    }
    return true;
}

static struct expr *
folded(struct binder *b, const struct expr *expr, struct datum value)
{
    struct expr *constant = expr_const(b, expr->type, value, expr_location(expr));
    constant->typmod = expr->typmod;
    return constant;
}

/* A longer one is made when it is wanted: a plan does not keep it, and a few words of a statement
 * do not take the memory of thousands. */
enum { FOLDED_SIZE_MAX = 1024 * 1024 };

static bool
fold_func(struct binder *b, const struct expr *expr, struct datum *value)
{
    const struct func *func = expr->func;
    if (func->volatility != 'i' || func->kind != FUNC_SCALAR || func->is_set ||
        func->scalar == NULL || expr->type->typtype == 'p' || !are_constant(expr)) {
        return false;
    }
    struct datum args[FUNC_ARGS_MAX];
    const struct type *types[FUNC_ARGS_MAX];
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        args[i] = expr->args[i]->value;
        types[i] = expr->args[i]->type;
        if (args[i].is_null && func->is_strict) {
            *value = datum_null();
            return true;
        }
    }
    struct func_env *env = b->context->env;
    struct ky_arena *saved = env->types.arena;
    struct ky_error ignored;
    ky_error_init(&ignored);
    const struct ky_arena_mark mark = ky_arena_mark(b->arena);
    env->size_max = FOLDED_SIZE_MAX;
    env->types.arena = b->arena;
    env->arg_types = types;
    env->result_type = expr->type;
    env->has_variadic_array = expr->is_slice;
    ky_status status = func_call(func, env, args, expr->arg_count, value, &ignored);
    env->types.arena = saved;
    env->arg_types = NULL;
    const bool is_folded =
        status == KY_OK && func_check_result(env, expr->type, value, &ignored) == KY_OK;
    env->size_max = 0;
    if (!is_folded) {
        ky_arena_rewind(b->arena, mark);
    }
    return is_folded;
}

static bool
fold_cast(struct binder *b, const struct expr *expr, struct datum *value)
{
    if (expr->args[0]->kind != EXPR_CONST) {
        return false;
    }
    if (expr->args[0]->value.is_null) {
        *value = datum_null();
        return true;
    }
    struct type_context types = b->context->env->types;
    types.arena = b->arena;
    struct ky_error ignored;
    ky_error_init(&ignored);
    if (expr->kind == EXPR_COERCE) {
        return expr->type->coerce(expr->type, &types, expr->args[0]->value, expr->typmod,
                                  expr->is_explicit, value, &ignored) == KY_OK;
    }
    return is_cast_immutable(expr->cast) &&
           cast_apply(expr->cast, &types, expr->args[0]->value, expr->typmod, expr->is_explicit,
                      value, &ignored) == KY_OK;
}

/* AND and OR: neutral constants go, a deciding one wins. */
static struct expr *
fold_bool(struct binder *b, struct expr *expr)
{
    bool decisive = expr->kind == EXPR_OR;
    uint16_t kept = 0;
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        struct expr *arg = expr->args[i];
        if (arg->kind == EXPR_CONST && !arg->value.is_null) {
            if ((arg->value.word != 0) == decisive) {
                return folded(b, expr, datum_word(decisive));
            }
            continue;
        }
        expr->args[kept++] = arg;
    }
    if (kept == 0) {
        return folded(b, expr, datum_word(!decisive));
    }
    if (kept == 1) {
        return expr->args[0];
    }
    expr->arg_count = kept;
    return expr;
}

struct expr *
fold(struct binder *b, struct expr *expr)
{
    struct datum value;
    if (is_written(b)) {
        return expr;
    }
    switch (expr->kind) {
    case EXPR_FUNC:
        return fold_func(b, expr, &value) ? folded(b, expr, value) : expr;
    case EXPR_CAST:
    case EXPR_COERCE:
        return fold_cast(b, expr, &value) ? folded(b, expr, value) : expr;
    case EXPR_AND:
    case EXPR_OR:
        return fold_bool(b, expr);
    case EXPR_NOT:
        if (expr->args[0]->kind != EXPR_CONST) {
            return expr;
        }
        value = expr->args[0]->value;
        return folded(b, expr, value.is_null ? value : datum_word(value.word == 0));
    case EXPR_IS_NULL:
        if (expr->args[0]->kind != EXPR_CONST) {
            return expr;
        }
        return folded(b, expr, datum_word(expr->args[0]->value.is_null != expr->is_negated));
    default:
        return expr;
    }
}
