/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/* Calls: scalar functions, set-returning functions, aggregates and window functions. */

/* ---- where a call may stand ---- */

/* The lowest level of the columns and aggregates in an aggregate's arguments: the query it is of.
 */
struct level_search {
    int lowest;               /* -1: none yet */
    const struct expr *inner; /* an aggregate of the lowest level */
};

static bool
find_level(struct expr *expr, int level, void *self)
{
    struct level_search *search = self;
    if (expr->kind == EXPR_COLUMN || expr->kind == EXPR_AGGREGATE || expr->kind == EXPR_GROUPING) {
        int up = expr->levels_up - level;
        if (up >= 0 && (search->lowest < 0 || up < search->lowest)) {
            search->lowest = up;
        }
    }
    return expr_walk_children(expr, level, find_level, self);
}

static bool
find_aggregate_at(struct expr *expr, int level, void *self)
{
    struct level_search *search = self;
    if ((expr->kind == EXPR_AGGREGATE || expr->kind == EXPR_GROUPING) &&
        expr->levels_up - level == search->lowest) {
        search->inner = expr;
        return true;
    }
    return expr_walk_children(expr, level, find_aggregate_at, self);
}

static bool
visit_call(struct expr *call, expr_visitor visit, void *self)
{
    return expr_walk_children(call, 0, visit, self);
}

ky_status
check_aggregate(struct binder *b, struct scope *scope, struct expr *call)
{
    struct level_search search = {.lowest = -1};
    (void)visit_call(call, find_level, &search);
    search.lowest = KY_MAX(search.lowest, 0);
    if (visit_call(call, find_aggregate_at, &search)) {
        return bind_error(b, search.inner->location, KY_GROUPING_ERROR,
                          "aggregate function calls cannot be nested");
    }
    for (uint16_t i = 0; i < call->arg_count; i++) {
        if (expr_has_window(call->args[i])) {
            return bind_error(b, expr_location(call->args[i]), KY_GROUPING_ERROR,
                              "aggregate function calls cannot contain window function calls");
        }
        if (expr_has_set(call->args[i])) {
            return bind_error(
                b, expr_location(call->args[i]), KY_FEATURE_NOT_SUPPORTED,
                "aggregate function calls cannot contain set-returning function calls");
        }
    }
    struct scope *at = scope;
    for (int i = 0; i < search.lowest; i++) {
        at = at->parent;
    }
    call->levels_up = (uint16_t)search.lowest;
    switch (at->clause) {
    case CLAUSE_TARGET:
    case CLAUSE_HAVING:
    case CLAUSE_ORDER:
    case CLAUSE_DISTINCT_ON:
    case CLAUSE_WINDOW:
        if (at->query != NULL && !at->is_input) {
            at->has_aggregates = true;
            return KY_OK;
        }
        break;
    default:
        break;
    }
    return bind_error(b, call->location, KY_GROUPING_ERROR, "%s are not allowed in %s",
                      call->kind == EXPR_GROUPING ? "grouping operations" : "aggregate functions",
                      clause_name(at->clause));
}

static ky_status
check_window(struct binder *b, struct scope *scope, struct expr *call)
{
    switch (scope->clause) {
    case CLAUSE_TARGET:
    case CLAUSE_ORDER:
    case CLAUSE_DISTINCT_ON:
        break;
    default:
        return bind_error(b, call->location, KY_WINDOWING_ERROR,
                          "window functions are not allowed in %s", clause_name(scope->clause));
    }
    for (uint16_t i = 0; i < call->arg_count; i++) {
        if (expr_has_window(call->args[i])) {
            return bind_error(b, expr_location(call->args[i]), KY_WINDOWING_ERROR,
                              "window function calls cannot be nested");
        }
    }
    scope->query->has_windows = true;
    return KY_OK;
}

static ky_status
check_set(struct binder *b, struct scope *scope, int location)
{
    switch (scope->clause) {
    case CLAUSE_TARGET:
    case CLAUSE_ORDER:
    case CLAUSE_DISTINCT_ON:
    case CLAUSE_GROUP:
        if (scope->query != NULL && scope->query->kind == QUERY_SELECT) {
            scope->query->has_sets = true;
            return KY_OK;
        }
        break;
    case CLAUSE_FROM_FUNCTION:
        return KY_OK;
    default:
        break;
    }
    return bind_error(b, location, KY_FEATURE_NOT_SUPPORTED,
                      "set-returning functions are not allowed in %s", clause_name(scope->clause));
}

/* ---- windows ---- */

static struct named_window *
find_window(struct scope *scope, const char *name)
{
    for (int i = 0; i < scope->window_count; i++) {
        if (strcmp(scope->windows[i].name, name) == 0) {
            return &scope->windows[i];
        }
    }
    return NULL;
}

static ky_status
get_window(struct binder *b, struct scope *scope, const char *name, int location,
           struct named_window **out)
{
    *out = find_window(scope, name);
    if (*out == NULL) {
        return bind_error(b, location, KY_UNDEFINED_OBJECT, "window \"%s\" does not exist", name);
    }
    if ((*out)->spec == NULL) {
        KY_TRY(bind_window_spec(b, scope, (*out)->ast, &(*out)->spec));
        (*out)->spec->name = name;
    }
    return KY_OK;
}

ky_status
bind_named_windows(struct binder *b, struct scope *scope, const struct ast_list *windows)
{
    int count = ast_list_count(windows);
    scope->windows = ky_arena_array(b->arena, struct named_window, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        const struct ast_window *window = (const void *)ast_list_get(windows, i);
        if (find_window(scope, window->name) != NULL) {
            return bind_error(b, window->node.location, KY_WINDOWING_ERROR,
                              "window \"%s\" is already defined", window->name);
        }
        scope->windows[i] = (struct named_window){
            .name = window->name, .ast = window, .has_frame = window->frame_mode != AST_FRAME_NONE};
        scope->window_count = i + 1;
    }
    return KY_OK;
}

ky_status
bind_all_windows(struct binder *b, struct scope *scope)
{
    struct query *query = scope->query;
    query->windows =
        ky_arena_array(b->arena, struct window_spec *, (size_t)scope->window_count + 1);
    for (int i = 0; i < scope->window_count; i++) {
        struct named_window *window;
        KY_TRY(get_window(b, scope, scope->windows[i].name, scope->windows[i].ast->node.location,
                          &window));
        query->windows[query->window_count++] = window->spec;
    }
    return KY_OK;
}

/* What RANGE measures the distance between values of a type in; NULL: it cannot. */
static const struct type *
range_offset_type(const struct type *type, const struct type *offset)
{
    switch (type->oid) {
    case OID_INT2:
    case OID_INT4:
        return type_get(offset->oid == OID_INT2 || offset->oid == OID_INT8 ? offset->oid
                                                                           : OID_INT4);
    case OID_INT8:
    case OID_FLOAT8:
    case OID_NUMERIC:
        return type;
    case OID_FLOAT4:
        return type_get(OID_FLOAT8);
    case OID_DATE:
    case OID_TIME:
    case OID_TIMETZ:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
    case OID_INTERVAL:
        return type_get(OID_INTERVAL);
    default:
        return NULL;
    }
}

static ky_status
bind_frame_offset(struct binder *b, struct scope *scope, const struct ast_window *node,
                  const struct window_spec *spec, const struct ast_node *offset, struct expr **out)
{
    struct expr *expr;
    KY_TRY(bind_expr_in(b, scope, CLAUSE_FRAME, offset, &expr));
    if (expr_has_column(expr)) {
        return bind_error(b, expr_location(expr), KY_INVALID_COLUMN_REFERENCE,
                          "argument of %s must not contain variables",
                          node->frame_mode == AST_FRAME_ROWS     ? "ROWS"
                          : node->frame_mode == AST_FRAME_GROUPS ? "GROUPS"
                                                                 : "RANGE");
    }
    if (node->frame_mode != AST_FRAME_RANGE) {
        return coerce_specific(b, expr, type_get(OID_INT8),
                               node->frame_mode == AST_FRAME_ROWS ? "ROWS" : "GROUPS", out);
    }
    if (spec->order_count != 1) {
        return bind_error(b, node->node.location, KY_WINDOWING_ERROR,
                          "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY "
                          "column");
    }
    const struct type *type = range_offset_type(spec->order[0].expr->type, expr->type);
    if (type == NULL) {
        return bind_error(b, expr_location(expr), KY_FEATURE_NOT_SUPPORTED,
                          "RANGE with offset PRECEDING/FOLLOWING is not supported for column type "
                          "%s",
                          spec->order[0].expr->type->sql_name);
    }
    if (!can_coerce(expr->type->oid, type->oid, CAST_IMPLICIT)) {
        (void)bind_error(b, expr_location(expr), KY_FEATURE_NOT_SUPPORTED,
                         "RANGE with offset PRECEDING/FOLLOWING is not supported for column type "
                         "%s and offset type %s",
                         spec->order[0].expr->type->sql_name, expr->type->sql_name);
        return ky_error_hint(b->err, "Cast the offset value to an appropriate type.");
    }
    return coerce_specific(b, expr, type, "RANGE", out);
}

static ky_status
bind_frame(struct binder *b, struct scope *scope, const struct ast_window *node,
           struct window_spec *spec)
{
    static const char bounds[] = {[AST_UNBOUNDED_PRECEDING] = 'u',
                                  [AST_PRECEDING] = 'p',
                                  [AST_CURRENT_ROW] = 'c',
                                  [AST_FOLLOWING] = 'f',
                                  [AST_UNBOUNDED_FOLLOWING] = 'U'};
    static const char exclusions[] = {[AST_EXCLUDE_NONE] = 'n',
                                      [AST_EXCLUDE_CURRENT_ROW] = 'c',
                                      [AST_EXCLUDE_GROUP] = 'g',
                                      [AST_EXCLUDE_TIES] = 't'};
    spec->mode = 'a';
    spec->start_kind = 'u';
    spec->end_kind = 'c';
    spec->exclude = 'n';
    if (node->frame_mode == AST_FRAME_NONE) {
        return KY_OK;
    }
    spec->mode = node->frame_mode == AST_FRAME_ROWS     ? 'r'
                 : node->frame_mode == AST_FRAME_GROUPS ? 'g'
                                                        : 'a';
    spec->start_kind = bounds[node->start];
    spec->end_kind = bounds[node->end];
    spec->exclude = exclusions[node->exclusion];
    if (spec->mode == 'g' && spec->order_count == 0) {
        return bind_error(b, node->node.location, KY_WINDOWING_ERROR,
                          "GROUPS mode requires an ORDER BY clause");
    }
    if (node->start_offset != NULL) {
        KY_TRY(bind_frame_offset(b, scope, node, spec, node->start_offset, &spec->start_offset));
    }
    if (node->end_offset != NULL) {
        KY_TRY(bind_frame_offset(b, scope, node, spec, node->end_offset, &spec->end_offset));
    }
    return KY_OK;
}

ky_status
bind_window_spec(struct binder *b, struct scope *scope, const struct ast_window *node,
                 struct window_spec **spec_out)
{
    struct named_window *base = NULL;
    if (node->reference != NULL) {
        KY_TRY(get_window(b, scope, node->reference, node->node.location, &base));
        if (node->is_reference_only) {
            *spec_out = base->spec;
            return KY_OK;
        }
        const char *problem = NULL;
        if (node->partition_by != NULL) {
            problem = "cannot override PARTITION BY clause of window \"%s\"";
        } else if (node->order_by != NULL && base->spec->order_count > 0) {
            problem = "cannot override ORDER BY clause of window \"%s\"";
        } else if (base->has_frame) {
            problem = "cannot copy window \"%s\" because it has a frame clause";
        }
        if (problem != NULL) {
            const char *quote = strstr(problem, "\"%s\"");
            return bind_error(b, node->node.location, KY_WINDOWING_ERROR, "%.*s\"%s\"%s",
                              (int)(quote - problem), problem, node->reference, quote + 4);
        }
    }
    struct window_spec *spec = ky_arena_new(b->arena, struct window_spec);
    spec->written = node;
    int partition_count = ast_list_count(node->partition_by);
    int order_count = ast_list_count(node->order_by);
    spec->partition = ky_arena_array(b->arena, struct expr *, (size_t)partition_count + 1);
    spec->order = ky_arena_array(b->arena, struct sort_key, (size_t)order_count + 1);
    enum clause saved = scope->clause;
    scope->clause = CLAUSE_WINDOW;
    ky_status status = KY_OK;
    for (int i = 0; i < partition_count && status == KY_OK; i++) {
        struct expr *expr;
        status = bind_expr(b, scope, ast_list_get(node->partition_by, i), &expr);
        if (status == KY_OK) {
            status = resolve_unknown(b, expr, &spec->partition[spec->partition_count++]);
        }
    }
    for (int i = 0; i < order_count && status == KY_OK; i++) {
        status = bind_sort_key(b, scope, (const void *)ast_list_get(node->order_by, i),
                               &spec->order[spec->order_count++]);
    }
    scope->clause = saved;
    KY_TRY(status);
    if (base != NULL) {
        spec->partition = base->spec->partition;
        spec->partition_count = base->spec->partition_count;
        if (order_count == 0) {
            spec->order = base->spec->order;
            spec->order_count = base->spec->order_count;
        }
    }
    KY_TRY(bind_frame(b, scope, node, spec));
    *spec_out = spec;
    return KY_OK;
}

/* ---- the call itself ---- */

/* What stands for argument i when a call does not give it. */
static struct expr *
left_out(struct binder *b, const struct func *func, int i)
{
    const struct type *type = type_find(func->args[i]);
    struct datum value = func->is_strict ? datum_word(func->default_word) : datum_null();
    if (func->default_texts != NULL) {
        const char *text = func->default_texts[i - (func->arg_count - func->default_count)];
        struct type_context context;
        struct ky_error err;
        type_context_init(&context, b->arena);
        ky_status status = type->input(type, &context, ky_slice_cstr(text), -1, &value, &err);
        KY_ASSERT(status == KY_OK);
    }
    struct expr *made = expr_const(b, type == NULL ? type_get(OID_TEXT) : type, value, -1);
    if (is_written(b)) {
        expr_written_of(b, made)->is_left_out = true;
    }
    return made;
}

static ky_status
apply_arguments(struct binder *b, const struct resolved_call *resolved, struct expr *call,
                struct expr **args, int arg_count)
{
    const struct func *func = resolved->func;
    int total = resolved->is_variadic ? arg_count : KY_MAX(arg_count, func->arg_count);
    call->args = ky_arena_array(b->arena, struct expr *, (size_t)total + 1);
    call->arg_count = (uint16_t)total;
    for (int i = 0; i < total; i++) {
        if (i >= arg_count) {
            /* An argument left out. */
            call->args[i] = left_out(b, func, i);
        } else if (resolved->args[i] == OID_ANY && is_written(b)) {
            call->args[i] = args[i];
        } else if (resolved->args[i] == OID_ANY) {
            KY_TRY(resolve_unknown(b, args[i], &call->args[i]));
        } else if (args[i]->type->oid == resolved->args[i]) {
            call->args[i] = args[i];
        } else {
            KY_TRY(coerce(b, args[i], type_get(resolved->args[i]), -1, CAST_IMPLICIT, -1,
                          &call->args[i]));
        }
    }
    return KY_OK;
}

static ky_status
wrong_use(struct binder *b, const struct ast_function_call *node, const char *what,
          const char *name, const char *kind)
{
    return bind_error(b, node->node.location, KY_WRONG_OBJECT_TYPE,
                      "%s specified, but %s is not %s", what, name, kind);
}

static ky_status
check_call_form(struct binder *b, const struct ast_function_call *node, const struct func *func)
{
    const char *name = func->name;
    int location = node->node.location;
    if (func->kind == FUNC_SCALAR) {
        const char *aggregate = "an aggregate function";
        if (node->is_star) {
            return bind_error(b, location, KY_WRONG_OBJECT_TYPE,
                              "%s(*) specified, but %s is not an aggregate function", name, name);
        }
        if (node->is_distinct) {
            return wrong_use(b, node, "DISTINCT", name, aggregate);
        }
        if (node->is_within_group) {
            return wrong_use(b, node, "WITHIN GROUP", name, aggregate);
        }
        if (node->order_by != NULL) {
            return wrong_use(b, node, "ORDER BY", name, aggregate);
        }
        if (node->filter != NULL) {
            return wrong_use(b, node, "FILTER", name, aggregate);
        }
        if (node->over != NULL) {
            return wrong_use(b, node, "OVER", name, "a window function nor an aggregate function");
        }
        return KY_OK;
    }
    const bool is_ordered_set = func->aggregate != NULL && func->aggregate->is_ordered_set;
    if (is_ordered_set && !node->is_within_group) {
        return bind_error(b, location, KY_WRONG_OBJECT_TYPE,
                          "WITHIN GROUP is required for ordered-set aggregate %s", name);
    }
    if (is_ordered_set && node->over != NULL) {
        return bind_error(b, location, KY_FEATURE_NOT_SUPPORTED,
                          "OVER is not supported for ordered-set aggregate %s", name);
    }
    if (!is_ordered_set && node->is_within_group) {
        return bind_error(b, location, KY_WRONG_OBJECT_TYPE,
                          "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP",
                          name);
    }
    if (func->kind == FUNC_WINDOW && node->over == NULL) {
        return bind_error(b, location, KY_WRONG_OBJECT_TYPE,
                          "window function %s requires an OVER clause", name);
    }
    if (func->kind == FUNC_WINDOW && node->filter != NULL) {
        return bind_error(b, location, KY_FEATURE_NOT_SUPPORTED,
                          "FILTER is not implemented for non-aggregate window functions");
    }
    if (func->kind == FUNC_AGGREGATE && ast_list_count(node->args) == 0 && !node->is_star &&
        !node->is_within_group) {
        return bind_error(b, location, KY_WRONG_OBJECT_TYPE,
                          "%s(*) must be used to call a parameterless aggregate function", name);
    }
    if (node->over != NULL && node->is_distinct) {
        return bind_error(b, location, KY_FEATURE_NOT_SUPPORTED,
                          "DISTINCT is not implemented for window functions");
    }
    if (node->over != NULL && node->order_by != NULL) {
        return bind_error(b, location, KY_FEATURE_NOT_SUPPORTED,
                          "aggregate ORDER BY is not implemented for window functions");
    }
    return KY_OK;
}

/* The arguments of a hypothetical row get the types of the columns it would lie among. */
static ky_status
match_hypothetical(struct binder *b, const struct ast_function_call *node, struct expr **args,
                   int direct_count, int order_count)
{
    if (direct_count != order_count) {
        const struct ast_string *name =
            (const void *)ast_list_get(node->names, ast_list_count(node->names) - 1);
        struct ky_buffer types = {0};
        for (int i = 0; i < direct_count + order_count; i++) {
            ky_buffer_printf(&types, "%s%s", i == 0 ? "" : ", ", args[i]->type->sql_name);
        }
        (void)bind_error(b, node->node.location, KY_UNDEFINED_FUNCTION,
                         "function %s(%.*s) does not exist", name->text, (int)types.size,
                         (const char *)types.data);
        ky_buffer_deinit(&types);
        return ky_error_hint(b->err,
                             "To use the hypothetical-set aggregate %s, the number of hypothetical "
                             "direct arguments (here %d) must match the number of ordering columns "
                             "(here %d).",
                             name->text, direct_count, order_count);
    }
    for (int i = 0; i < order_count; i++) {
        struct expr *pair[2] = {args[direct_count + i], args[i]};
        const struct type *type;
        KY_TRY(common_type(b, pair, 2, "WITHIN GROUP", &type));
        KY_TRY(coerce_common(b, pair[1], type, "WITHIN GROUP", &args[i]));
        KY_TRY(coerce_common(b, pair[0], type, "WITHIN GROUP", &args[direct_count + i]));
    }
    return KY_OK;
}

/* ORDER BY inside an aggregate call. direct_count arguments were written before WITHIN GROUP. */
static ky_status
bind_aggregate_order(struct binder *b, struct scope *scope, const struct ast_function_call *node,
                     struct expr *call, int direct_count)
{
    int count = ast_list_count(node->order_by);
    call->order = ky_arena_array(b->arena, struct sort_key, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        const struct ast_sort *sort = (const void *)ast_list_get(node->order_by, i);
        struct sort_key *key = &call->order[i];
        if (node->is_within_group) {
            key->expr = call->args[direct_count + i];
            KY_TRY(bind_sort_options(b, sort, key));
            continue;
        }
        KY_TRY(bind_sort_key(b, scope, sort, key));
        bool is_argument = false;
        for (uint16_t a = 0; a < call->arg_count; a++) {
            if (expr_equal(key->expr, call->args[a])) {
                key->expr = call->args[a];
                is_argument = true;
                break;
            }
        }
        if (call->is_distinct && !is_argument) {
            return bind_error(b, expr_location(key->expr), KY_INVALID_COLUMN_REFERENCE,
                              "in an aggregate with DISTINCT, ORDER BY expressions must appear in "
                              "argument list");
        }
    }
    call->order_count = (uint16_t)count;
    return KY_OK;
}

static ky_status
finish_aggregate(struct binder *b, struct scope *scope, const struct ast_function_call *node,
                 struct expr *call, int direct_count)
{
    call->is_distinct = node->is_distinct;
    call->is_star = node->is_star;
    if (call->is_distinct && (call->arg_count == 0 || call->args[0]->type->compare == NULL)) {
        (void)bind_error(b, node->node.location, KY_UNDEFINED_FUNCTION,
                         "could not identify an equality operator for type %s",
                         call->arg_count == 0 ? "any" : call->args[0]->type->sql_name);
        return KY_ERR;
    }
    KY_TRY(bind_aggregate_order(b, scope, node, call, direct_count));
    if (node->filter != NULL) {
        KY_TRY(bind_condition(b, scope, CLAUSE_FILTER, "FILTER", node->filter, &call->filter));
    }
    if (node->over != NULL) {
        call->kind = EXPR_WINDOW;
        KY_TRY(bind_window_spec(b, scope, node->over, &call->window));
        return check_window(b, scope, call);
    }
    call->kind = EXPR_AGGREGATE;
    return check_aggregate(b, scope, call);
}

static ky_status
finish_call(struct binder *b, struct scope *scope, const struct func *func, struct expr *call,
            struct expr **out)
{
    call->func = func;
    if (func->is_set) {
        call->kind = EXPR_SET;
        KY_TRY(check_set(b, scope, call->location));
        if (func->set != NULL && func->set->column_count > 1) {
            call->type = type_get(OID_RECORD);
        }
    }
    *out = call;
    return KY_OK;
}

/* ---- arguments by name ---- */

static bool
has_named(const struct ast_list *args)
{
    for (int i = 0; i < ast_list_count(args); i++) {
        if (ast_list_get(args, i)->kind == AST_NAMED_ARG) {
            return true;
        }
    }
    return false;
}

/* The place of the argument called name; -1: the function has none. */
static int
place_of_name(const struct func *func, const char *name)
{
    for (int i = 0; func->arg_names != NULL && i < func->arg_count; i++) {
        if (strcmp(func->arg_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

/* Lays named and positional arguments over func's places; false: they do not fit. What is left out
 * is NULL in placed. */
static bool
place_arguments(const struct func *func, const struct ast_list *list, struct expr *const *args,
                struct expr **placed)
{
    int count = ast_list_count(list);
    if (count > func->arg_count) {
        return false;
    }
    memset(placed, 0, func->arg_count * sizeof(struct expr *));
    for (int i = 0; i < count; i++) {
        const struct ast_node *node = ast_list_get(list, i);
        int place =
            node->kind != AST_NAMED_ARG
                ? i
                : place_of_name(func, ((const struct ast_named_arg *)(const void *)node)->name);
        if (place < 0 || placed[place] != NULL) {
            return false;
        }
        placed[place] = args[i];
    }
    for (int i = 0; i < func->arg_count - func->default_count; i++) {
        if (placed[i] == NULL) {
            return false;
        }
    }
    return true;
}

/* Makes a call with names one without, for the first function whose names fit. Without any it
 * stays as it is: the error names all arguments given. */
static ky_status
bind_named_arguments(struct binder *b, struct scope *scope, const struct ast_function_call *node,
                     struct expr ***args_out, int *count_out)
{
    int count = ast_list_count(node->args);
    struct expr **args = ky_arena_array(b->arena, struct expr *, (size_t)count + 1);
    const char *signature = "";
    bool is_named = false;
    for (int i = 0; i < count; i++) {
        const struct ast_node *arg = ast_list_get(node->args, i);
        const char *label = "";
        if (arg->kind == AST_NAMED_ARG) {
            const struct ast_named_arg *named = (const void *)arg;
            is_named = true;
            label = ky_arena_printf(b->arena, "%s => ", named->name);
            arg = named->arg;
        } else if (is_named) {
            return bind_error(b, arg->location, KY_SYNTAX_ERROR,
                              "positional argument cannot follow named argument");
        }
        KY_TRY(bind_expr(b, scope, arg, &args[i]));
        signature = ky_arena_printf(b->arena, "%s%s%s%s", signature, i == 0 ? "" : ", ", label,
                                    args[i]->type->sql_name);
    }
    const char *name = ast_name_last(node->names);
    size_t candidate_count;
    const struct func *const *candidates = func_candidates(ky_slice_cstr(name), &candidate_count);
    for (size_t f = 0; f < candidate_count; f++) {
        const struct func *func = candidates[f];
        struct expr **placed = ky_arena_array(b->arena, struct expr *, (size_t)func->arg_count + 1);
        if (!place_arguments(func, node->args, args, placed)) {
            continue;
        }
        for (int i = 0; i < func->arg_count; i++) {
            if (placed[i] == NULL) {
                placed[i] = left_out(b, func, i);
            }
        }
        *args_out = placed;
        *count_out = func->arg_count;
        return KY_OK;
    }
    (void)bind_error(b, node->node.location, KY_UNDEFINED_FUNCTION,
                     "function %s(%s) does not exist", name, signature);
    return ky_error_hint(b->err, "No function matches the given name and argument types. You "
                                 "might need to add explicit type casts.");
}

/* VARIADIC ARRAY[a, b] is a, b. Another array stays one argument. */
static int
spread_variadic(struct binder *b, struct expr ***args, int count)
{
    struct expr *last = (*args)[count - 1];
    if (last->kind != EXPR_ARRAY || count - 1 + last->arg_count > FUNC_ARGS_MAX) {
        return count;
    }
    struct expr **spread = ky_arena_array(b->arena, struct expr *, (size_t)count + last->arg_count);
    memcpy(spread, *args, (size_t)(count - 1) * sizeof(*spread));
    memcpy(spread + count - 1, last->args, last->arg_count * sizeof(*spread));
    *args = spread;
    return count - 1 + last->arg_count;
}

/* VARIADIC array, and the function takes it as it is. */
static ky_status
take_array(struct binder *b, const struct ast_function_call *node, const struct func *func,
           struct expr *call)
{
    const struct expr *last = call->args[call->arg_count - 1];
    call->is_slice = true;
    if (func->variadic_element == OID_ANY && last->type->category != 'A' &&
        last->type->oid != OID_UNKNOWN) {
        return bind_error(b, ast_list_get(node->args, ast_list_count(node->args) - 1)->location,
                          KY_DATATYPE_MISMATCH, "VARIADIC argument must be an array");
    }
    return KY_OK;
}

/* Parameters of type void stand for what a function gives out, in calls as JDBC's writes them:
 * {? = call f(?)}. They are no arguments. */
static int
drop_void_parameters(struct expr **args, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (args[i]->kind != EXPR_PARAM || args[i]->type->oid != OID_VOID) {
            args[kept++] = args[i];
        }
    }
    return kept;
}

/* Arguments that VARIADIC stands for are one array, written as such. */
static void
note_written(struct binder *b, const struct ast_function_call *node,
             const struct resolved_call *resolved, struct expr *call, bool is_named)
{
    const struct func *func = resolved->func;
    const uint16_t first = func->arg_count == 0 ? 0 : (uint16_t)(func->arg_count - 1);
    const bool is_gathered = resolved->is_variadic && func->args[first] != OID_ANY;
    if (is_gathered) {
        const struct type *element = call->args[first]->type;
        const struct type *type = type_find(element->array_oid);
        struct expr *array = expr_new(b, EXPR_ARRAY, type == NULL ? element : type, -1);
        array->args = call->args + first;
        array->arg_count = (uint16_t)(call->arg_count - first);
        struct expr **args = ky_arena_array(b->arena, struct expr *, (size_t)first + 1);
        memcpy(args, call->args, first * sizeof(*args));
        args[first] = array;
        call->args = args;
        call->arg_count = (uint16_t)(first + 1);
    }
    if (is_gathered || node->is_variadic || node->is_sql_syntax || is_named) {
        struct expr_written *written = expr_written_of(b, call);
        written->is_variadic = is_gathered || node->is_variadic;
        written->is_sql_syntax = node->is_sql_syntax;
        written->has_names = is_named;
    }
}

enum { PG_TYPEOF = 1619 };

/* What pg_typeof says of a domain's value, once that is computed: the value itself has the base
 * type. */
static struct expr *
name_domain(struct binder *b, struct expr *value)
{
    struct expr *name =
        expr_const(b, type_get(OID_REGTYPE), datum_word((int64_t)value->domain), -1);
    struct expr *is_null = expr_with_args(b, EXPR_IS_NULL, b->type_bool, -1, 1, value);
    return expr_with_args(b, EXPR_CASE, name->type, -1, 3, is_null, name, name);
}

ky_status
bind_call(struct binder *b, struct scope *scope, const struct ast_function_call *node,
          struct expr **out)
{
    int location = node->node.location;
    int direct_count = ast_list_count(node->args);
    int order_count = node->is_within_group ? ast_list_count(node->order_by) : 0;
    int count = direct_count + order_count;
    struct expr **args = ky_arena_array(b->arena, struct expr *, (size_t)count + 1);
    bool is_named = has_named(node->args);
    if (is_named) {
        KY_TRY(bind_named_arguments(b, scope, node, &args, &count));
    }
    for (int i = 0; i < direct_count && !is_named; i++) {
        KY_TRY(bind_expr(b, scope, ast_list_get(node->args, i), &args[i]));
    }
    for (int i = 0; i < order_count; i++) {
        const struct ast_sort *sort = (const void *)ast_list_get(node->order_by, i);
        KY_TRY(bind_expr(b, scope, sort->expression, &args[direct_count + i]));
    }
    if (order_count == 0 && !is_named) {
        count = direct_count = drop_void_parameters(args, count);
    }
    bool is_variadic = node->is_variadic;
    if (is_variadic && count > 0 && !is_written(b)) {
        int spread = spread_variadic(b, &args, count);
        is_variadic = spread == count;
        count = spread;
    }
    struct resolved_call resolved;
    KY_TRY(resolve_function(b, node->names, args, count, is_variadic, location, &resolved));
    if (resolved.is_type_cast) {
        return coerce(b, args[0], resolved.result, -1, CAST_EXPLICIT, location, out);
    }
    const struct func *func = resolved.func;
    KY_TRY(check_call_form(b, node, func));
    if (func->aggregate != NULL && func->aggregate->is_hypothetical) {
        KY_TRY(match_hypothetical(b, node, args, direct_count, order_count));
    }
    struct expr *call = expr_new(b, EXPR_FUNC, resolved.result, location);
    KY_TRY(apply_arguments(b, &resolved, call, args, count));
    if (is_variadic) {
        KY_TRY(take_array(b, node, func, call));
    }
    if (is_written(b)) {
        note_written(b, node, &resolved, call, is_named);
    }
    KY_TRY(finish_call(b, scope, func, call, out));
    if (func->kind != FUNC_SCALAR) {
        return finish_aggregate(b, scope, node, call, direct_count);
    }
    *out = count == 1 && func->oid == PG_TYPEOF && args[0]->domain != OID_NONE && !is_written(b)
               ? name_domain(b, args[0])
               : fold(b, call);
    return KY_OK;
}

ky_status
make_call(struct binder *b, struct scope *scope, const char *name, struct expr **args,
          int arg_count, int location, struct expr **out)
{
    struct ast_string item = {.node = {.kind = AST_STRING, .location = location}, .text = name};
    struct ast_node *items[] = {&item.node};
    struct ast_list names = {.items = items, .count = 1, .capacity = 1};
    struct resolved_call resolved;
    KY_TRY(resolve_function(b, &names, args, arg_count, false, location, &resolved));
    if (resolved.is_type_cast) {
        return coerce(b, args[0], resolved.result, -1, CAST_EXPLICIT, location, out);
    }
    struct expr *call = expr_new(b, EXPR_FUNC, resolved.result, location);
    KY_TRY(apply_arguments(b, &resolved, call, args, arg_count));
    KY_TRY(finish_call(b, scope, resolved.func, call, out));
    *out = fold(b, call);
    return KY_OK;
}
