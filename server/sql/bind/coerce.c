/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/bind/bind_private.h"

/*
 * From one type to another. A literal without a type is read by the input function of the type that
 * is wanted, here and once; a parameter without a type takes the type that is wanted.
 */

static bool
is_context_enough(const struct cast *cast, enum cast_context context)
{
    if (context == CAST_EXPLICIT || cast->context == CAST_IMPLICIT) {
        return true;
    }
    return context == CAST_ASSIGNMENT && cast->context == CAST_ASSIGNMENT;
}

bool
can_coerce(oid_t source, oid_t target, enum cast_context context)
{
    if (source == target || source == OID_UNKNOWN || target == OID_ANY ||
        type_is_polymorphic(target)) {
        return true;
    }
    const struct cast *cast = cast_find(source, target);
    return cast != NULL && is_context_enough(cast, context);
}

static ky_status
coerce_literal(struct binder *b, struct expr *expr, const struct type *target, int32_t typmod,
               struct expr **out)
{
    if (expr->value.is_null) {
        *out = expr_const(b, target, datum_null(), expr->location);
        return KY_OK;
    }
    struct type_context types = b->context->env->types;
    types.arena = b->arena;
    struct datum value;
    if (target->input == NULL) {
        return bind_error(b, expr->location, KY_FEATURE_NOT_SUPPORTED,
                          "cannot accept a value of type %s", target->sql_name);
    }
    /* The modifier is applied afterwards, but it also says what '7' of an INTERVAL DAY means. */
    const int32_t read_as = target->oid == OID_INTERVAL ? typmod : -1;
    if (target->input(target, &types, expr->value.bytes, read_as, &value, b->err) != KY_OK) {
        return bind_error_at(b, expr->location);
    }
    write_literal_type(b, expr, target);
    *out = expr_const(b, target, value, expr->location);
    return KY_OK;
}

static ky_status
coerce_param(struct binder *b, struct expr *expr, const struct type *target, struct expr **out)
{
    oid_t *known = &b->context->param_types[expr->index - 1];
    if (*known == OID_NONE || *known == OID_UNKNOWN) {
        *known = target->oid;
    } else if (*known != target->oid) {
        (void)bind_error(b, expr->location, KY_AMBIGUOUS_PARAMETER,
                         "inconsistent types deduced for parameter $%u", expr->index);
        return ky_error_detail(b->err, "%s versus %s", type_get(*known)->sql_name,
                               target->sql_name);
    }
    expr->type = target;
    expr->typmod = -1;
    *out = expr;
    return KY_OK;
}

static ky_status
coerce_type(struct binder *b, struct expr *expr, const struct type *target, int32_t typmod,
            enum cast_context context, int location, struct expr **out)
{
    oid_t source = expr->type->oid;
    if (source == target->oid || target->oid == OID_ANY || type_is_polymorphic(target->oid)) {
        *out = expr;
        return KY_OK;
    }
    if (source == OID_UNKNOWN) {
        if (expr->kind == EXPR_CONST) {
            return coerce_literal(b, expr, target, typmod, out);
        }
        if (expr->kind == EXPR_PARAM) {
            return coerce_param(b, expr, target, out);
        }
        source = OID_TEXT;
    }
    const struct cast *cast = cast_find(source, target->oid);
    if (cast == NULL || !is_context_enough(cast, context)) {
        *out = NULL;
        return KY_OK;
    }
    struct expr *made = expr_with_args(b, EXPR_CAST, target, location, 1, expr);
    made->cast = cast;
    made->typmod = cast_takes_typmod(cast) ? typmod : made->typmod;
    made->is_explicit = context == CAST_EXPLICIT;
    *out = fold(b, made);
    return KY_OK;
}

ky_status
coerce_or_null(struct binder *b, struct expr *expr, const struct type *target, int32_t typmod,
               enum cast_context context, int location, struct expr **out)
{
    struct expr *made = NULL;
    KY_TRY(coerce_type(b, expr, target, typmod, context, location, &made));
    if (made != NULL && typmod >= 0 && made->typmod != typmod && target->coerce != NULL) {
        struct expr *coerced = expr_with_args(b, EXPR_COERCE, target, location, 1, made);
        if (is_written(b) && made != expr && made->kind == EXPR_CAST) {
            made->is_explicit = false; /* x::varchar(3) is one cast, not two */
        }
        coerced->typmod = typmod;
        coerced->is_explicit = context == CAST_EXPLICIT;
        made = coerced;
        if (made->args[0]->kind == EXPR_CONST) {
            made = fold(b, made);
        }
    }
    *out = made;
    return KY_OK;
}

ky_status
coerce(struct binder *b, struct expr *expr, const struct type *target, int32_t typmod,
       enum cast_context context, int location, struct expr **out)
{
    struct expr *made;
    KY_TRY(coerce_or_null(b, expr, target, typmod, context, location, &made));
    if (made == NULL) {
        return bind_error(b, location, KY_CANNOT_COERCE, "cannot cast type %s to %s",
                          expr->type->sql_name, target->sql_name);
    }
    *out = made;
    return KY_OK;
}

ky_status
coerce_specific(struct binder *b, struct expr *expr, const struct type *target,
                const char *construct, struct expr **out)
{
    struct expr *made;
    KY_TRY(coerce_or_null(b, expr, target, -1, CAST_ASSIGNMENT, -1, &made));
    if (made == NULL) {
        return bind_error(b, expr_location(expr), KY_DATATYPE_MISMATCH,
                          "argument of %s must be type %s, not type %s", construct,
                          target->sql_name, expr->type->sql_name);
    }
    *out = made;
    return KY_OK;
}

ky_status
coerce_boolean(struct binder *b, struct expr *expr, const char *construct, struct expr **out)
{
    if (expr->type == b->type_bool) {
        *out = expr;
        return KY_OK;
    }
    return coerce_specific(b, expr, b->type_bool, construct, out);
}

/* The first expression whose category differs goes to *odd_out; then the result is NULL. */
static const struct type *
find_common_type(struct expr *const *exprs, int count, const struct type **other_out,
                 struct expr **odd_out)
{
    const struct type *chosen = exprs[0]->type;
    for (int i = 1; i < count; i++) {
        const struct type *next = exprs[i]->type;
        if (next == chosen || next->oid == OID_UNKNOWN) {
            continue;
        }
        if (chosen->oid == OID_UNKNOWN) {
            chosen = next;
        } else if (next->category != chosen->category) {
            *odd_out = exprs[i];
            *other_out = chosen;
            return NULL;
        } else if (!chosen->is_preferred && can_coerce(chosen->oid, next->oid, CAST_IMPLICIT) &&
                   !can_coerce(next->oid, chosen->oid, CAST_IMPLICIT)) {
            chosen = next;
        }
    }
    return chosen->oid == OID_UNKNOWN ? type_get(OID_TEXT) : chosen;
}

const struct type *
common_type_or_null(struct expr *const *exprs, int count)
{
    const struct type *other;
    struct expr *odd;
    return find_common_type(exprs, count, &other, &odd);
}

ky_status
common_type(struct binder *b, struct expr *const *exprs, int count, const char *construct,
            const struct type **type_out)
{
    const struct type *other = NULL;
    struct expr *odd = NULL;
    *type_out = find_common_type(exprs, count, &other, &odd);
    if (*type_out == NULL) {
        return bind_error(b, expr_location(odd), KY_DATATYPE_MISMATCH,
                          "%s types %s and %s cannot be matched", construct, other->sql_name,
                          odd->type->sql_name);
    }
    return KY_OK;
}

ky_status
coerce_common(struct binder *b, struct expr *expr, const struct type *target, const char *construct,
              struct expr **out)
{
    struct expr *made;
    KY_TRY(coerce_or_null(b, expr, target, -1, CAST_IMPLICIT, -1, &made));
    if (made == NULL) {
        return bind_error(b, expr_location(expr), KY_CANNOT_COERCE,
                          "%s could not convert type %s to %s", construct, expr->type->sql_name,
                          target->sql_name);
    }
    *out = made;
    return KY_OK;
}

ky_status
resolve_unknown(struct binder *b, struct expr *expr, struct expr **out)
{
    if (!expr_is_unknown(expr)) {
        *out = expr;
        return KY_OK;
    }
    return coerce(b, expr, type_get(OID_TEXT), -1, CAST_IMPLICIT, -1, out);
}

int32_t
common_typmod(struct expr *const *exprs, int count, const struct type *type)
{
    int32_t typmod = exprs[0]->typmod;
    for (int i = 0; i < count; i++) {
        if (exprs[i]->type != type || exprs[i]->typmod != typmod) {
            return -1;
        }
    }
    return typmod;
}
