/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/catalog/type_text.h"
#include "server/sql/bind/bind_private.h"

/*
 * Domains. An expression has the base type, so that functions, operators and indexes take it as
 * they take that; what makes a value the domain's is a node of its own, which looks at it.
 * Conditions of the domains it is over come first, those of one domain in the order of their names.
 */

static int
order_by_name(const void *a, const void *b)
{
    const struct cat_domain_check *const *x = a;
    const struct cat_domain_check *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static ky_status
bind_checks(struct binder *b, const struct cat_domain *domain, struct expr_domain *made)
{
    const struct cat_domain *parent = cat_get_domain(b->image, domain->parent);
    const struct cat_table *values = cat_domain_values(b->arena, domain);
    const struct cat_domain_check **order =
        ky_arena_array(b->arena, const struct cat_domain_check *, domain->check_count + 1U);
    if (parent != NULL) {
        KY_TRY(bind_checks(b, parent, made));
    }
    for (uint16_t i = 0; i < domain->check_count; i++) {
        order[i] = &domain->checks[i];
    }
    qsort(order, domain->check_count, sizeof(*order), order_by_name);
    for (uint16_t i = 0; i < domain->check_count; i++) {
        KY_TRY(bind_table_expr(b, values, order[i]->sql, CLAUSE_CHECK, b->type_bool, -1,
                               &made->checks[made->check_count]));
        made->check_names[made->check_count++] = order[i]->name;
    }
    return KY_OK;
}

static ky_status
constraint_of(struct binder *b, const struct cat_type *type, struct expr_domain **out)
{
    const struct cat_schema *schema = cat_get_schema(b->image, type->schema);
    struct expr_domain *made = ky_arena_new(b->arena, struct expr_domain);
    const char *quoted = type_get(type->oid)->sql_name;
    uint32_t count = 0;
    made->schema = schema == NULL ? "" : schema->name;
    made->name = type->name;
    made->shown = b->context->path != NULL && cat_is_type_visible(b->image, b->context->path, type)
                      ? quoted
                      : ky_arena_printf(b->arena, "%s.%s", made->schema, quoted);
    made->is_not_null = cat_domain_is_not_null(b->image, type->domain);
    for (const struct cat_domain *at = type->domain; at != NULL;
         at = cat_get_domain(b->image, at->parent)) {
        count += at->check_count;
    }
    made->checks = ky_arena_array(b->arena, struct expr *, count + 1U);
    made->check_names = ky_arena_array(b->arena, const char *, count + 1U);
    struct bind_watch *watch = b->context->watch; /* looks at what is around, not at this */
    b->context->watch = NULL;
    const ky_status status =
        is_written(b) ? KY_OK : bind_checks(b, type->domain, made); /* such a tree is not run */
    b->context->watch = watch;
    *out = made;
    return status;
}

/* Aggregates, parameters and their kin are known by where they lie. */
static bool
may_be_copied(const struct expr *value)
{
    return value->kind == EXPR_CONST || value->kind == EXPR_COLUMN || value->kind == EXPR_CAST ||
           value->kind == EXPR_COERCE || value->kind == EXPR_INPUT;
}

ky_status
bind_domain(struct binder *b, const struct cat_type *domain, struct expr *value, struct expr **out)
{
    struct expr_domain *constraint;
    KY_TRY(constraint_of(b, domain, &constraint));
    if (!is_written(b) && !constraint->is_not_null && constraint->check_count == 0 &&
        may_be_copied(value)) {
        struct expr *same = ky_arena_new(b->arena, struct expr);
        *same = *value;
        same->domain = domain->oid;
        *out = same;
        return KY_OK;
    }
    struct expr *made = expr_with_args(b, EXPR_DOMAIN, value->type, value->location, 1, value);
    made->typmod = value->typmod;
    made->domain = domain->oid;
    made->constraint = constraint;
    *out = made;
    return KY_OK;
}

ky_status
bind_domain_rule(struct binder *b, const struct cat_column *column, struct expr **out)
{
    const struct cat_type *domain = cat_get_type(b->image, column->domain);
    struct expr *value = expr_new(b, EXPR_INPUT, column->type, -1);
    *out = NULL;
    if (domain == NULL || domain->domain == NULL) {
        return KY_OK;
    }
    value->index = (uint32_t)(column->number - 1);
    value->typmod = column->typmod;
    KY_TRY(bind_domain(b, domain, value, &value));
    if (value->kind == EXPR_DOMAIN) { /* else all values are its own */
        struct expr *yes = expr_const(b, b->type_bool, datum_word(true), -1);
        struct expr *is_null = expr_with_args(b, EXPR_IS_NULL, b->type_bool, -1, 1, value);
        *out = expr_with_args(b, EXPR_CASE, b->type_bool, -1, 3, is_null, yes, yes);
    }
    return KY_OK;
}
