/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"
#include "server/types/array.h"

/* Values made of parts, parts of values, and the session's own values. */

/* ---- arrays and vectors ---- */

static struct expr *
fold_array(struct binder *b, struct expr *array)
{
    const struct type *element = type_get(array->type->element_oid);
    struct datum *values = ky_arena_array(b->arena, struct datum, (size_t)array->arg_count + 1);
    for (uint16_t i = 0; i < array->arg_count; i++) {
        if (array->args[i]->kind != EXPR_CONST || array->args[i]->type != element) {
            return array;
        }
        values[i] = array->args[i]->value;
    }
    struct datum value = {.bytes = array_make(b->arena, element, values, array->arg_count)};
    return expr_const(b, array->type, value, array->location);
}

ky_status
bind_array(struct binder *b, struct scope *scope, const struct ast_array *node,
           const struct type *wanted, struct expr **out)
{
    int count = ast_list_count(node->elements);
    int location = node->node.location;
    if (count == 0 && wanted == NULL) {
        (void)bind_error(b, location, KY_INDETERMINATE_DATATYPE,
                         "cannot determine type of empty array");
        return ky_error_hint(
            b->err, "Explicitly cast to the desired type, for example ARRAY[]::integer[].");
    }
    if (count > UINT16_MAX) {
        return bind_error(b, location, KY_STATEMENT_TOO_COMPLEX, "too many array elements");
    }
    struct expr *array = expr_new(b, EXPR_ARRAY, wanted, location);
    array->arg_count = (uint16_t)count;
    array->args = ky_arena_array(b->arena, struct expr *, (size_t)count + 1);
    bool is_nested = false;
    for (int i = 0; i < count; i++) {
        const struct ast_node *element = ast_list_get(node->elements, i);
        if (element->kind == AST_ARRAY) {
            is_nested = true;
            KY_TRY(bind_array(b, scope, (const void *)element, wanted, &array->args[i]));
        } else {
            KY_TRY(bind_expr(b, scope, element, &array->args[i]));
        }
    }
    const struct type *element_type = NULL;
    if (wanted != NULL) {
        element_type = is_nested ? wanted : type_get(wanted->element_oid);
    } else {
        KY_TRY(common_type(b, array->args, count, "ARRAY", &element_type));
        is_nested |= element_type->category == 'A';
        array->type = is_nested ? element_type : type_find(element_type->array_oid);
        if (array->type == NULL) {
            return bind_error(b, location, KY_UNDEFINED_OBJECT,
                              "could not find array type for data type %s", element_type->sql_name);
        }
    }
    for (int i = 0; i < count; i++) {
        if (wanted != NULL) {
            KY_TRY(coerce(b, array->args[i], element_type, -1, CAST_EXPLICIT,
                          expr_location(array->args[i]), &array->args[i]));
        } else {
            KY_TRY(coerce_common(b, array->args[i], element_type, "ARRAY", &array->args[i]));
        }
    }
    *out = is_nested || is_written(b) ? array : fold_array(b, array);
    return KY_OK;
}

ky_status
bind_vector(struct binder *b, struct scope *scope, const struct ast_vector *node, struct expr **out)
{
    const struct type *type = type_get(OID_VECTOR);
    int location = node->node.location;
    if (node->elements == NULL) {
        struct expr *text = expr_const(
            b, b->type_unknown, datum_cstr(node->text == NULL ? "[]" : node->text), location);
        return coerce(b, text, type, -1, CAST_EXPLICIT, location, out);
    }
    struct ast_array array = {.node = node->node, .elements = node->elements};
    struct expr *elements;
    KY_TRY(bind_array(b, scope, &array, type_get(OID_FLOAT8_ARRAY), &elements));
    return coerce(b, elements, type, -1, CAST_EXPLICIT, location, out);
}

/* ---- fields and subscripts ---- */

int
composite_fields(const struct expr *expr, const char ***names_out, const struct type ***types_out,
                 struct ky_arena *arena)
{
    int count = 0;
    if (expr->kind == EXPR_ROW) {
        count = expr->arg_count;
    } else if ((expr->kind == EXPR_SET || expr->kind == EXPR_FUNC) && expr->func->set != NULL &&
               expr->func->set->column_count > 1) {
        count = expr->func->set->column_count;
    }
    *names_out = ky_arena_array(arena, const char *, (size_t)count + 1);
    *types_out = ky_arena_array(arena, const struct type *, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        if (expr->kind == EXPR_ROW) {
            (*names_out)[i] = expr->field_names != NULL ? expr->field_names[i]
                                                        : ky_arena_printf(arena, "f%d", i + 1);
            (*types_out)[i] = expr->args[i]->type;
        } else {
            (*names_out)[i] = expr->func->set->column_names[i];
            (*types_out)[i] =
                func_set_type(expr->func->set, i, expr->arg_count > 0 ? expr->args[0]->type : NULL);
        }
    }
    return count;
}

const struct expr *
composite_source(const struct scope *scope, const struct expr *expr)
{
    for (uint16_t i = 0; expr->kind == EXPR_COLUMN && i < expr->levels_up && scope != NULL; i++) {
        scope = scope->parent;
    }
    const struct query *query = scope == NULL ? NULL : scope->query;
    while (query != NULL && expr->kind == EXPR_COLUMN && expr->table < query->table_count) {
        const struct table_ref *ref = query->tables[expr->table];
        const struct query *inner = ref->kind == TABLE_SUBQUERY ? ref->subquery
                                    : ref->kind == TABLE_CTE    ? ref->cte->query
                                                                : NULL;
        /* A set operation's columns are of both sides. */
        if (inner == NULL || inner->kind != QUERY_SELECT || expr->column >= inner->target_count) {
            break;
        }
        expr = inner->targets[expr->column].expr;
        query = expr->kind == EXPR_COLUMN && expr->levels_up > 0 ? NULL : inner;
    }
    return expr;
}

struct expr *
make_field(struct binder *b, struct expr *composite, int index, const struct type *type,
           int location)
{
    if (composite->kind == EXPR_ROW) {
        return composite->args[index];
    }
    struct expr *field = expr_with_args(b, EXPR_FIELD, type, location, 1, composite);
    field->index = (uint32_t)index;
    return field;
}

static ky_status
bind_field(struct binder *b, struct scope *scope, const struct ast_node *written, struct expr *arg,
           const char *name, int location, struct expr **out)
{
    bool is_row =
        arg->kind == EXPR_ROW || (arg->kind == EXPR_COLUMN && arg->column == EXPR_SYSTEM_WHOLE_ROW);
    if (is_row && written != NULL && written->kind == AST_COLUMN_REF) {
        /* (t).a is t.a */
        const struct ast_column_ref *ref = (const void *)written;
        int32_t count = ref->names->count;
        count -= ref->names->items[count - 1]->kind == AST_STAR;
        struct ast_node **items = ky_arena_array(b->arena, struct ast_node *, (size_t)count + 1);
        memcpy(items, ref->names->items, (size_t)count * sizeof(struct ast_node *));
        struct ast_string last = {.node = {.kind = AST_STRING, .location = location}, .text = name};
        items[count] = &last.node;
        struct ast_list names = {.items = items, .count = count + 1, .capacity = count + 1};
        struct ast_column_ref column = {.node = ref->node, .names = &names};
        return bind_column_ref(b, scope, &column, out);
    }
    const char **names;
    const struct type **types;
    int count = composite_fields(composite_source(scope, arg), &names, &types, b->arena);
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = make_field(b, arg, i, types[i], location);
            return KY_OK;
        }
    }
    if (arg->type->oid == OID_RECORD) {
        return bind_error(b, location, KY_UNDEFINED_COLUMN,
                          "could not identify column \"%s\" in record data type", name);
    }
    return bind_error(b, location, KY_DATATYPE_MISMATCH,
                      "column notation .%s applied to type %s, which is not a composite type", name,
                      arg->type->sql_name);
}

static ky_status
bind_bound(struct binder *b, struct scope *scope, const struct ast_node *node, struct expr **out)
{
    *out = NULL;
    if (node == NULL) {
        return KY_OK;
    }
    struct expr *expr;
    KY_TRY(bind_expr(b, scope, node, &expr));
    KY_TRY(coerce_or_null(b, expr, type_get(OID_INT4), -1, CAST_ASSIGNMENT, -1, out));
    if (*out == NULL) {
        return bind_error(b, expr_location(expr), KY_DATATYPE_MISMATCH,
                          "array subscript must have type integer");
    }
    return KY_OK;
}

/* A name is an array of "char" that counts from 0: the character of that number. */
static ky_status
bind_name_subscript(struct binder *b, struct scope *scope, const struct ast_subscript *subscript,
                    struct expr *arg, struct expr **out)
{
    int location = subscript->node.location;
    struct expr *args[3] = {NULL, NULL, expr_const(b, type_get(OID_INT4), datum_word(1), -1)};
    KY_TRY(coerce(b, arg, type_get(OID_TEXT), -1, CAST_EXPLICIT, location, &args[0]));
    KY_TRY(bind_bound(b, scope, subscript->upper, &args[1]));
    KY_TRY(make_operator(b, NULL, "+", args[1], args[2], location, &args[1]));
    KY_TRY(make_call(b, scope, "substr", args, 3, location, out));
    return coerce(b, *out, type_get(OID_CHAR), -1, CAST_EXPLICIT, location, out);
}

struct subscript_run
subscript_run_at(const struct ast_list *steps, int32_t first)
{
    struct subscript_run run = {.first = first, .end = first};
    while (run.end < steps->count && steps->items[run.end]->kind == AST_SUBSCRIPT) {
        run.is_slice |=
            ((const struct ast_subscript *)(const void *)steps->items[run.end])->is_slice;
        run.end++;
    }
    return run;
}

ky_status
bind_array_subscripts(struct binder *b, struct scope *scope, const struct ast_list *steps,
                      const struct subscript_run *run, struct expr **out)
{
    for (int32_t i = run->first; i < run->end; i++) {
        const struct ast_subscript *subscript = (const void *)steps->items[i];
        if (run->is_slice && !subscript->is_slice) {
            *out++ = expr_const(b, type_get(OID_INT4), datum_word(1), -1);
        } else if (run->is_slice) {
            KY_TRY(bind_bound(b, scope, subscript->lower, out++));
        }
        KY_TRY(bind_bound(b, scope, subscript->upper, out++));
    }
    return KY_OK;
}

ky_status
bind_jsonb_subscripts(struct binder *b, struct scope *scope, const struct ast_list *steps,
                      const struct subscript_run *run, struct expr **out)
{
    for (int32_t i = run->first; i < run->end; i++) {
        const struct ast_subscript *subscript = (const void *)steps->items[i];
        const struct ast_node *node =
            subscript->upper != NULL ? subscript->upper : subscript->lower;
        const int location = node == NULL ? subscript->node.location : node->location;
        struct expr *key;
        if (subscript->is_slice) {
            return bind_error(b, location, KY_DATATYPE_MISMATCH,
                              "jsonb subscript does not support slices");
        }
        KY_TRY(bind_expr(b, scope, node, &key));
        const oid_t type = key->type->oid;
        const bool is_integer = !expr_is_unknown(key) &&
                                (type == OID_INT4 || can_coerce(type, OID_INT4, CAST_IMPLICIT));
        const bool is_text =
            type == OID_TEXT || expr_is_unknown(key) || can_coerce(type, OID_TEXT, CAST_IMPLICIT);
        if (!is_integer && !is_text) {
            (void)bind_error(b, expr_location(key), KY_DATATYPE_MISMATCH,
                             "subscript type %s is not supported", key->type->sql_name);
            return ky_error_hint(b->err,
                                 "jsonb subscript must be coercible to either integer or text.");
        }
        KY_TRY(coerce(b, key, type_get(is_integer ? OID_INT4 : OID_TEXT), -1, CAST_IMPLICIT,
                      location, out++));
    }
    return KY_OK;
}

/* A jsonb value's subscripts are a path: a number may be a key, a key the number of an element. */
static ky_status
bind_jsonb_element(struct binder *b, struct scope *scope, const struct ast_list *steps,
                   const struct subscript_run *run, struct expr *arg, struct expr **out)
{
    const int location = steps->items[run->first]->location;
    struct expr *path = expr_new(b, EXPR_ARRAY, type_get(OID_TEXT_ARRAY), location);
    path->arg_count = (uint16_t)(run->end - run->first);
    path->args = ky_arena_array(b->arena, struct expr *, path->arg_count);
    KY_TRY(bind_jsonb_subscripts(b, scope, steps, run, path->args));
    for (uint16_t i = 0; i < path->arg_count; i++) {
        KY_TRY(coerce(b, path->args[i], type_get(OID_TEXT), -1, CAST_EXPLICIT, location,
                      &path->args[i]));
    }
    return make_operator(b, NULL, "#>", arg, fold(b, path), location, out);
}

/* Subscripts from steps[*step]; moves *step past them. */
static ky_status
bind_subscripts(struct binder *b, struct scope *scope, const struct ast_list *steps, int32_t *step,
                struct expr *arg, struct expr **out)
{
    const struct subscript_run run = subscript_run_at(steps, *step);
    const int32_t first = run.first;
    const int32_t end = run.end;
    const bool is_slice = run.is_slice;
    *step = end;
    int location = steps->items[first]->location;
    if (arg->type->oid == OID_JSONB && !is_written(b)) {
        return bind_jsonb_element(b, scope, steps, &run, arg, out);
    }
    if (arg->type->oid == OID_NAME && !is_slice && end == first + 1) {
        return bind_name_subscript(b, scope, (const void *)steps->items[first], arg, out);
    }
    const bool is_json = arg->type->oid == OID_JSONB && !is_slice;
    if (arg->type->element_oid == OID_NONE && !is_json) {
        return bind_error(b, expr_location(arg), KY_DATATYPE_MISMATCH,
                          "cannot subscript type %s because it does not support subscripting",
                          arg->type->sql_name);
    }
    int per_step = is_slice ? 2 : 1;
    const struct type *type = is_slice || is_json ? arg->type : type_get(arg->type->element_oid);
    struct expr *expr = expr_new(b, EXPR_SUBSCRIPT, type, location);
    expr->is_slice = is_slice;
    expr->typmod = arg->typmod;
    expr->arg_count = (uint16_t)(1 + per_step * (end - first));
    expr->args = ky_arena_array(b->arena, struct expr *, expr->arg_count);
    expr->args[0] = arg;
    KY_TRY(is_json ? bind_jsonb_subscripts(b, scope, steps, &run, expr->args + 1)
                   : bind_array_subscripts(b, scope, steps, &run, expr->args + 1));
    *out = expr;
    return KY_OK;
}

ky_status
bind_indirection(struct binder *b, struct scope *scope, const struct ast_indirection *node,
                 struct expr **out)
{
    struct expr *expr;
    KY_TRY(bind_expr(b, scope, node->arg, &expr));
    int32_t step = 0;
    while (step < node->steps->count) {
        const struct ast_node *item = ast_list_get(node->steps, step);
        switch (item->kind) {
        case AST_SUBSCRIPT:
            KY_TRY(bind_subscripts(b, scope, node->steps, &step, expr, &expr));
            break;
        case AST_STRING:
            KY_TRY(bind_field(b, scope, step == 0 ? node->arg : NULL, expr,
                              ast_list_text(node->steps, step), node->node.location, &expr));
            step++;
            break;
        default:
            return bind_error(b, node->node.location, KY_SYNTAX_ERROR,
                              "row expansion via \"*\" is not supported here");
        }
    }
    *out = expr;
    return KY_OK;
}

/* ---- CURRENT_DATE and its family ---- */

static ky_status
make_current_value(struct binder *b, struct scope *scope, const struct ast_current_value *node,
                   struct expr **out)
{
    const struct type *name = type_get(OID_NAME);
    int location = node->node.location;
    oid_t time_type = OID_NONE;
    switch (node->type) {
    case AST_CURRENT_DATE:
        time_type = OID_DATE;
        break;
    case AST_CURRENT_TIME:
        time_type = OID_TIMETZ;
        break;
    case AST_CURRENT_TIMESTAMP:
        time_type = OID_TIMESTAMPTZ;
        break;
    case AST_LOCALTIME:
        time_type = OID_TIME;
        break;
    case AST_LOCALTIMESTAMP:
        time_type = OID_TIMESTAMP;
        break;
    case AST_CURRENT_ROLE:
    case AST_CURRENT_USER:
    case AST_USER:
        *out = expr_const(b, name, datum_cstr(b->context->user), location);
        return KY_OK;
    case AST_SESSION_USER:
        *out = expr_const(b, name, datum_cstr(b->context->session_user), location);
        return KY_OK;
    case AST_CURRENT_CATALOG:
        *out = expr_const(b, name, datum_cstr(b->context->database), location);
        return KY_OK;
    case AST_CURRENT_SCHEMA:
        return make_call(b, scope, "current_schema", NULL, 0, location, out);
    }
    struct expr *now;
    KY_TRY(make_call(b, scope, "now", NULL, 0, location, &now));
    return coerce(b, now, type_get(time_type), KY_MIN(node->precision, 6), CAST_EXPLICIT, location,
                  out);
}

ky_status
bind_current_value(struct binder *b, struct scope *scope, const struct ast_current_value *node,
                   struct expr **out)
{
    static const char *const words[] = {
        [AST_CURRENT_DATE] = "CURRENT_DATE",           [AST_CURRENT_TIME] = "CURRENT_TIME",
        [AST_CURRENT_TIMESTAMP] = "CURRENT_TIMESTAMP", [AST_LOCALTIME] = "LOCALTIME",
        [AST_LOCALTIMESTAMP] = "LOCALTIMESTAMP",       [AST_CURRENT_ROLE] = "CURRENT_ROLE",
        [AST_CURRENT_USER] = "CURRENT_USER",           [AST_USER] = "USER",
        [AST_SESSION_USER] = "SESSION_USER",           [AST_CURRENT_CATALOG] = "CURRENT_CATALOG",
        [AST_CURRENT_SCHEMA] = "CURRENT_SCHEMA"};
    KY_TRY(make_current_value(b, scope, node, out));
    if (is_written(b)) {
        expr_written_of(b, *out)->word =
            node->precision < 0 ? words[node->type]
                                : ky_arena_printf(b->arena, "%s(%d)", words[node->type],
                                                  KY_MIN(node->precision, 6));
    }
    return KY_OK;
}
