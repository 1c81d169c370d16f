/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/*
 * Which function or operator a name and argument types mean: chapter 10 of PostgreSQL's manual.
 * An exact match wins; then those reachable by implicit casts, the most exact ones, those with
 * preferred types, and last the categories that literals without a type suggest.
 */

struct candidate {
    const void *object; /* struct func or struct operator */
    oid_t *args;
    bool is_variadic;
};

static char
category_of(oid_t oid, bool *is_preferred_out)
{
    const struct type *type = type_find(oid);
    *is_preferred_out = type != NULL && type->is_preferred;
    return type == NULL ? 'X' : type->category;
}

static bool
are_reachable(const oid_t *inputs, const oid_t *targets, int count)
{
    for (int i = 0; i < count; i++) {
        if (!can_coerce(inputs[i], targets[i], CAST_IMPLICIT)) {
            return false;
        }
    }
    return true;
}

/* ---- polymorphic types ---- */

bool
type_is_polymorphic(oid_t oid)
{
    switch (oid) {
    case OID_ANYELEMENT:
    case OID_ANYARRAY:
    case OID_ANYNONARRAY:
    case OID_ANYENUM:
    case OID_ANYCOMPATIBLE:
    case OID_ANYCOMPATIBLEARRAY:
        return true;
    default:
        return false;
    }
}

struct polymorphs {
    oid_t element;
    oid_t array;
    oid_t compatible; /* element of the anycompatible family */
    bool is_conflict;
};

static void
add_compatible(struct polymorphs *found, oid_t oid)
{
    if (found->compatible == OID_NONE || found->compatible == oid) {
        found->compatible = oid;
        return;
    }
    const struct type *old = type_get(found->compatible);
    const struct type *next = type_get(oid);
    if (old->category != next->category) {
        found->is_conflict = true;
    } else if (!old->is_preferred && can_coerce(old->oid, oid, CAST_IMPLICIT) &&
               !can_coerce(oid, old->oid, CAST_IMPLICIT)) {
        found->compatible = oid;
    } else if (!can_coerce(oid, old->oid, CAST_IMPLICIT)) {
        found->is_conflict = true;
    }
}

static struct polymorphs
find_polymorphs(const oid_t *declared, const oid_t *actual, int count)
{
    struct polymorphs found = {0};
    bool is_enum = false;
    for (int i = 0; i < count; i++) {
        is_enum |= declared[i] == OID_ANYENUM;
        if (actual[i] == OID_UNKNOWN || !type_is_polymorphic(declared[i])) {
            continue;
        }
        const struct type *type = type_get(actual[i]);
        bool is_array = type->element_oid != OID_NONE && type->category == 'A';
        switch (declared[i]) {
        case OID_ANYNONARRAY:
            found.is_conflict |= is_array;
            __attribute__((fallthrough));
        case OID_ANYELEMENT:
        case OID_ANYENUM:
            found.is_conflict |= declared[i] == OID_ANYENUM && type->typtype != 'e';
            found.is_conflict |= found.element != OID_NONE && found.element != actual[i];
            found.element = actual[i];
            break;
        case OID_ANYARRAY:
            found.is_conflict |= !is_array;
            found.is_conflict |= found.array != OID_NONE && found.array != actual[i];
            found.array = actual[i];
            break;
        case OID_ANYCOMPATIBLEARRAY:
            found.is_conflict |= !is_array;
            if (is_array) {
                add_compatible(&found, type->element_oid);
            }
            break;
        default:
            add_compatible(&found, actual[i]);
            break;
        }
    }
    if (found.array != OID_NONE && !found.is_conflict) {
        oid_t element = type_get(found.array)->element_oid;
        found.is_conflict |= found.element != OID_NONE && found.element != element;
        found.element = element;
    }
    found.is_conflict |= is_enum && found.element == OID_NONE; /* literals are of no enum */
    if (found.array == OID_NONE && found.element != OID_NONE) {
        found.array = type_get(found.element)->array_oid;
    }
    return found;
}

static oid_t
polymorph(const struct polymorphs *found, oid_t declared)
{
    oid_t compatible = found->compatible == OID_NONE ? (oid_t)OID_TEXT : found->compatible;
    switch (declared) {
    case OID_ANYELEMENT:
    case OID_ANYNONARRAY:
    case OID_ANYENUM:
        return found->element;
    case OID_ANYARRAY:
        return found->array;
    case OID_ANYCOMPATIBLE:
        return compatible;
    case OID_ANYCOMPATIBLEARRAY:
        return type_get(compatible)->array_oid;
    default:
        return declared;
    }
}

ky_status
resolve_polymorphic(struct binder *b, oid_t *declared, const oid_t *actual, int count, oid_t result,
                    int location, oid_t *result_out)
{
    bool is_any = type_is_polymorphic(result);
    for (int i = 0; i < count; i++) {
        is_any |= type_is_polymorphic(declared[i]);
    }
    *result_out = result;
    if (!is_any) {
        return KY_OK;
    }
    struct polymorphs found = find_polymorphs(declared, actual, count);
    for (int i = 0; i <= count; i++) {
        oid_t *place = i == count ? result_out : &declared[i];
        if (type_is_polymorphic(*place)) {
            *place = polymorph(&found, *place);
            if (*place == OID_NONE) {
                return bind_error(b, location, KY_DATATYPE_MISMATCH,
                                  "could not determine polymorphic type because input has type "
                                  "unknown");
            }
        }
    }
    return KY_OK;
}

static bool
are_polymorphs_consistent(const oid_t *declared, const oid_t *actual, int count)
{
    return !find_polymorphs(declared, actual, count).is_conflict;
}

/* ---- the choice among several ---- */

static int
keep_best(struct candidate *candidates, int candidate_count, const oid_t *inputs,
          const char *categories, int count)
{
    int best = -1;
    int kept = 0;
    for (int c = 0; c < candidate_count; c++) {
        int score = 0;
        for (int i = 0; i < count; i++) {
            bool is_preferred = false;
            if (inputs[i] == OID_UNKNOWN) {
                continue;
            }
            if (candidates[c].args[i] == inputs[i]) {
                score++;
            } else if (categories != NULL &&
                       category_of(candidates[c].args[i], &is_preferred) == categories[i] &&
                       is_preferred) {
                score++;
            }
        }
        if (score > best) {
            best = score;
            kept = 0;
        }
        if (score == best) {
            candidates[kept++] = candidates[c];
        }
    }
    return kept;
}

/* What the candidates say literal i is; false: they disagree. */
static bool
guess_category(const struct candidate *candidates, int candidate_count, int i, char *category_out,
               bool *has_preferred_out)
{
    char category = 0;
    bool has_preferred = false;
    bool is_conflict = false;
    for (int c = 0; c < candidate_count; c++) {
        bool is_preferred;
        char next = category_of(candidates[c].args[i], &is_preferred);
        if (category == 0 || (next != category && next == 'S')) {
            category = next;
            has_preferred = is_preferred;
        } else if (next == category) {
            has_preferred |= is_preferred;
        } else {
            is_conflict = true;
        }
    }
    *category_out = category;
    *has_preferred_out = has_preferred;
    return !is_conflict || category == 'S';
}

static int
keep_guessed(struct candidate *candidates, int candidate_count, const oid_t *inputs, int count)
{
    char categories[FUNC_ARGS_MAX];
    bool has_preferred[FUNC_ARGS_MAX];
    for (int i = 0; i < count; i++) {
        if (inputs[i] == OID_UNKNOWN &&
            !guess_category(candidates, candidate_count, i, &categories[i], &has_preferred[i])) {
            return candidate_count;
        }
    }
    int kept = 0;
    struct candidate swap;
    for (int c = 0; c < candidate_count; c++) {
        bool is_kept = true;
        for (int i = 0; i < count && is_kept; i++) {
            bool is_preferred;
            if (inputs[i] == OID_UNKNOWN) {
                is_kept = category_of(candidates[c].args[i], &is_preferred) == categories[i] &&
                          (is_preferred || !has_preferred[i]);
            }
        }
        if (is_kept) {
            swap = candidates[kept];
            candidates[kept++] = candidates[c];
            candidates[c] = swap;
        }
    }
    return kept == 0 ? candidate_count : kept;
}

/* NULL: ambiguous. */
static struct candidate *
select_candidate(struct candidate *candidates, int candidate_count, const oid_t *inputs, int count)
{
    char categories[FUNC_ARGS_MAX];
    int unknown_count = 0;
    for (int i = 0; i < count; i++) {
        bool is_preferred;
        categories[i] = category_of(inputs[i], &is_preferred);
        unknown_count += inputs[i] == OID_UNKNOWN;
    }
    candidate_count = keep_best(candidates, candidate_count, inputs, NULL, count);
    if (candidate_count > 1) {
        candidate_count = keep_best(candidates, candidate_count, inputs, categories, count);
    }
    if (candidate_count > 1 && unknown_count > 0) {
        candidate_count = keep_guessed(candidates, candidate_count, inputs, count);
    }
    if (candidate_count == 1) {
        return &candidates[0];
    }
    if (unknown_count == 0 || unknown_count == count) {
        return NULL;
    }
    /* Last: literals are of the one type that all others have. */
    oid_t known = OID_UNKNOWN;
    oid_t assumed[FUNC_ARGS_MAX];
    for (int i = 0; i < count; i++) {
        if (inputs[i] != OID_UNKNOWN) {
            if (known != OID_UNKNOWN && known != inputs[i]) {
                return NULL;
            }
            known = inputs[i];
        }
    }
    for (int i = 0; i < count; i++) {
        assumed[i] = known;
    }
    struct candidate *only = NULL;
    for (int c = 0; c < candidate_count; c++) {
        if (are_reachable(assumed, candidates[c].args, count) &&
            are_polymorphs_consistent(candidates[c].args, assumed, count)) {
            if (only != NULL) {
                return NULL;
            }
            only = &candidates[c];
        }
    }
    return only;
}

/* ---- functions ---- */

static const char *
signature(struct binder *b, const char *name, struct expr *const *args, int count)
{
    const char *text = name;
    text = ky_arena_printf(b->arena, "%s(", name);
    for (int i = 0; i < count; i++) {
        text =
            ky_arena_printf(b->arena, "%s%s%s", text, i == 0 ? "" : ", ", args[i]->type->sql_name);
    }
    return ky_arena_printf(b->arena, "%s)", text);
}

/* The declared types laid over arg_count arguments; false when the counts do not fit. */
static bool
lay_out(struct binder *b, const struct func *func, int arg_count, bool is_variadic_call,
        struct candidate *candidate)
{
    candidate->object = func;
    candidate->is_variadic = false;
    bool is_spread = func->is_variadic && !is_variadic_call;
    if (is_spread) {
        if (arg_count < func->arg_count) {
            return false;
        }
        candidate->is_variadic = true;
    } else if (arg_count > func->arg_count || arg_count < func->arg_count - func->default_count) {
        return false;
    }
    if (is_variadic_call && !func->is_variadic) {
        return false;
    }
    candidate->args = ky_arena_array(b->arena, oid_t, (size_t)arg_count + 1);
    for (int i = 0; i < arg_count; i++) {
        if (is_spread && i >= func->arg_count - 1) {
            candidate->args[i] = func->variadic_element != OID_NONE
                                     ? func->variadic_element
                                     : func->args[func->arg_count - 1];
        } else {
            candidate->args[i] = func->args[i];
        }
    }
    return true;
}

static ky_status
accept(struct binder *b, const struct candidate *candidate, const oid_t *inputs, int arg_count,
       int location, struct resolved_call *call_out)
{
    const struct func *func = candidate->object;
    oid_t result;
    KY_TRY(resolve_polymorphic(b, candidate->args, inputs, arg_count, func->result, location,
                               &result));
    call_out->func = func;
    call_out->args = candidate->args;
    call_out->result = type_get(result);
    call_out->is_variadic = candidate->is_variadic;
    call_out->is_type_cast = false;
    return KY_OK;
}

static bool
is_same_shape(const struct candidate *a, const struct candidate *b, int count)
{
    return memcmp(a->args, b->args, (size_t)count * sizeof(oid_t)) == 0;
}

/* int4(x), text(x): a type's name used as a function. */
static bool
resolve_type_cast(struct binder *b, const char *name, const struct expr *arg,
                  struct resolved_call *call_out)
{
    const struct type *type = type_find_name(ky_slice_cstr(name));
    if (type == NULL) {
        type = cat_resolve_type(b->image, b->context->path, ky_slice_cstr(name));
    }
    if (type == NULL || type->typtype == 'p' || type->typtype == 'd') {
        return false;
    }
    const struct cast *cast = cast_find(arg->type->oid, type->oid);
    if (arg->type->oid != OID_UNKNOWN && arg->type != type &&
        (cast == NULL || (cast->method != CAST_RELABEL && cast->method != CAST_IN_OUT))) {
        return false;
    }
    *call_out = (struct resolved_call){.result = type, .is_type_cast = true};
    return true;
}

ky_status
resolve_function(struct binder *b, const struct ast_list *names, struct expr **args, int arg_count,
                 bool is_variadic_call, int location, struct resolved_call *call_out)
{
    const char *name = ast_name_last(names);
    const char *schema = ast_name_schema(names);
    const char *shown = schema == NULL ? name : ky_arena_printf(b->arena, "%s.%s", schema, name);
    const bool is_foreign = schema != NULL && strcmp(schema, "pg_catalog") != 0;
    if (arg_count > FUNC_ARGS_MAX) {
        return bind_error(b, location, KY_TOO_MANY_ARGUMENTS,
                          "cannot pass more than %d arguments to a function", FUNC_ARGS_MAX);
    }
    if (schema != NULL && cat_find_schema(b->image, ky_slice_cstr(schema)) == NULL &&
        strcmp(schema, "pg_catalog") != 0) {
        return bind_error(b, location, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist",
                          schema);
    }
    /* What PostgreSQL has is in pg_catalog; ours may be where an extension would put it. */
    bool is_information = schema != NULL && strcmp(schema, "information_schema") == 0;
    oid_t inputs[FUNC_ARGS_MAX + 1];
    for (int i = 0; i < arg_count; i++) {
        inputs[i] = args[i]->type->oid;
    }
    size_t all_count;
    const struct func *const *all = func_candidates(ky_slice_cstr(name), &all_count);
    struct candidate *candidates =
        ky_arena_array(b->arena, struct candidate, all_count == 0 ? 1 : all_count);
    int fitting = 0;
    for (size_t f = 0; f < all_count; f++) {
        struct candidate next;
        if (func_is_of_information_schema(all[f])
                ? !is_information
                : is_foreign && (is_information || all[f]->oid < OID_OURS_FIRST)) {
            continue;
        }
        if (!lay_out(b, all[f], arg_count, is_variadic_call, &next)) {
            continue;
        }
        if (!next.is_variadic &&
            memcmp(next.args, inputs, (size_t)arg_count * sizeof(oid_t)) == 0) {
            return accept(b, &next, inputs, arg_count, location, call_out);
        }
        candidates[fitting++] = next;
    }
    if (arg_count == 1 && !is_variadic_call && resolve_type_cast(b, name, args[0], call_out)) {
        return KY_OK;
    }
    int reachable = 0;
    for (int c = 0; c < fitting; c++) {
        if (!are_reachable(inputs, candidates[c].args, arg_count) ||
            !are_polymorphs_consistent(candidates[c].args, inputs, arg_count)) {
            continue;
        }
        bool is_shadowed = false;
        for (int other = 0; other < reachable; other++) {
            if (is_same_shape(&candidates[c], &candidates[other], arg_count)) {
                if (candidates[other].is_variadic && !candidates[c].is_variadic) {
                    candidates[other] = candidates[c];
                }
                is_shadowed = true;
            }
        }
        if (!is_shadowed) {
            candidates[reachable++] = candidates[c];
        }
    }
    if (reachable == 0) {
        (void)bind_error(b, location, KY_UNDEFINED_FUNCTION, "function %s does not exist",
                         signature(b, shown, args, arg_count));
        return ky_error_hint(b->err, "No function matches the given name and argument types. You "
                                     "might need to add explicit type casts.");
    }
    const struct candidate *chosen =
        reachable == 1 ? &candidates[0]
                       : select_candidate(candidates, reachable, inputs, arg_count);
    if (chosen == NULL) {
        (void)bind_error(b, location, KY_AMBIGUOUS_FUNCTION, "function %s is not unique",
                         signature(b, shown, args, arg_count));
        return ky_error_hint(b->err, "Could not choose a best candidate function. You might need "
                                     "to add explicit type casts.");
    }
    return accept(b, chosen, inputs, arg_count, location, call_out);
}

/* ---- operators ---- */

static ky_status
error_operator(struct binder *b, enum ky_sqlstate sqlstate, const char *name, oid_t left,
               oid_t right, int location)
{
    const char *what = sqlstate == KY_AMBIGUOUS_FUNCTION ? "is not unique" : "does not exist";
    const char *right_name = type_get(right)->sql_name;
    const char *text =
        left == OID_NONE
            ? ky_arena_printf(b->arena, "%s %s", name, right_name)
            : ky_arena_printf(b->arena, "%s %s %s", type_get(left)->sql_name, name, right_name);
    (void)bind_error(b, location, sqlstate, "operator %s: %s", what, text);
    if (sqlstate == KY_AMBIGUOUS_FUNCTION) {
        return ky_error_hint(b->err, "Could not choose a best candidate operator. You might need "
                                     "to add explicit type casts.");
    }
    return ky_error_hint(b->err, left == OID_NONE
                                     ? "No operator matches the given name and argument type. You "
                                       "might need to add an explicit type cast."
                                     : "No operator matches the given name and argument types. "
                                       "You might need to add explicit type casts.");
}

/* varchar has no operators of its own: text's are meant. */
static oid_t
operand_type(oid_t oid)
{
    return oid == OID_VARCHAR ? (oid_t)OID_TEXT : oid;
}

ky_status
resolve_operator(struct binder *b, const char *schema, const char *name, oid_t left, oid_t right,
                 int location, const struct operator** operator_out)
{
    (void)schema;
    struct ky_slice key = ky_slice_cstr(name);
    oid_t exact_left = operand_type(left == OID_UNKNOWN ? right : left);
    oid_t exact_right = operand_type(right == OID_UNKNOWN && left != OID_NONE ? left : right);
    const struct operator* op = operator_exact(key, exact_left, exact_right);
    if (op != NULL && exact_right != OID_UNKNOWN) {
        *operator_out = op;
        return KY_OK;
    }
    size_t all_count;
    const struct operator* const * all = operator_candidates(key, &all_count);
    struct candidate *candidates =
        ky_arena_array(b->arena, struct candidate, all_count == 0 ? 1 : all_count);
    int count = left == OID_NONE ? 1 : 2;
    oid_t inputs[2] = {left == OID_NONE ? right : left, right};
    int reachable = 0;
    for (size_t i = 0; i < all_count; i++) {
        if ((all[i]->left == OID_NONE) != (left == OID_NONE)) {
            continue;
        }
        oid_t targets[2] = {left == OID_NONE ? all[i]->right : all[i]->left, all[i]->right};
        if (!are_reachable(inputs, targets, count) ||
            !are_polymorphs_consistent(targets, inputs, count)) {
            continue;
        }
        oid_t *args = ky_arena_array(b->arena, oid_t, 2);
        memcpy(args, targets, sizeof(targets));
        candidates[reachable++] = (struct candidate){all[i], args, false};
    }
    if (reachable == 0) {
        return error_operator(b, KY_UNDEFINED_FUNCTION, name, left, right, location);
    }
    const struct candidate *chosen =
        reachable == 1 ? &candidates[0] : select_candidate(candidates, reachable, inputs, count);
    if (chosen == NULL) {
        return error_operator(b, KY_AMBIGUOUS_FUNCTION, name, left, right, location);
    }
    *operator_out = chosen->object;
    return KY_OK;
}

ky_status
coerce_operands(struct binder *b, const struct operator* op, struct expr **left,
                struct expr **right, int location, const struct type **result_out)
{
    oid_t declared[2];
    oid_t actual[2];
    struct expr **places[2];
    int count = 0;
    if (left != NULL) {
        declared[count] = op->left;
        actual[count] = (*left)->type->oid;
        places[count++] = left;
    }
    declared[count] = op->right;
    actual[count] = (*right)->type->oid;
    places[count++] = right;
    oid_t result;
    KY_TRY(resolve_polymorphic(b, declared, actual, count, op->result, location, &result));
    for (int i = 0; i < count; i++) {
        if (actual[i] != declared[i]) {
            KY_TRY(coerce(b, *places[i], type_get(declared[i]), -1, CAST_IMPLICIT, -1, places[i]));
        }
    }
    *result_out = type_get(result);
    return KY_OK;
}

ky_status
make_operator(struct binder *b, const char *schema, const char *name, struct expr *left,
              struct expr *right, int location, struct expr **out)
{
    const struct operator* op;
    KY_TRY(resolve_operator(b, schema, name, left == NULL ? OID_NONE : left->type->oid,
                            right->type->oid, location, &op));
    const struct type *result;
    KY_TRY(coerce_operands(b, op, left == NULL ? NULL : &left, &right, location, &result));
    struct expr *expr = left == NULL
                            ? expr_with_args(b, EXPR_FUNC, result, location, 1, right)
                            : expr_with_args(b, EXPR_FUNC, result, location, 2, left, right);
    expr->func = op->function;
    expr->op = op;
    *out = fold(b, expr);
    return KY_OK;
}
