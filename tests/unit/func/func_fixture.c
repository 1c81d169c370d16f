/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/func/func_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { ARGS_MAX = 16 };

void
func_fixture_open(struct func_fixture *fixture)
{
    ky_arena_init(&fixture->arena);
    memset(&fixture->env, 0, sizeof(fixture->env));
    type_context_init(&fixture->env.types, &fixture->arena);
}

void
func_fixture_close(struct func_fixture *fixture)
{
    ky_arena_deinit(&fixture->arena);
}

static const struct type *
find_type(const char *name)
{
    const struct type *type = type_find_name(ky_slice_cstr(name));
    cr_assert_not_null(type, "type %s", name);
    return type;
}

static struct datum
value_of(struct func_fixture *fixture, const char *type_name, const char *text)
{
    struct ky_error err;
    struct datum value;
    const struct type *type = find_type(type_name);
    ky_error_init(&err);
    if (text == NULL) {
        return datum_null();
    }
    cr_assert_eq(type->input(type, &fixture->env.types, ky_slice_cstr(text), -1, &value, &err),
                 KY_OK, "%s", err.message);
    return value;
}

static const char *
text_of(struct func_fixture *fixture, const struct type *type, struct datum value)
{
    if (value.is_null) {
        return "NULL";
    }
    struct ky_buffer buffer = {0};
    type->output(type, &fixture->env.types, value, &buffer);
    const char *text = ky_arena_cstr(&fixture->arena, ky_buffer_slice(&buffer));
    ky_buffer_deinit(&buffer);
    return text;
}

static const char *
error_of(struct func_fixture *fixture, const struct ky_error *err)
{
    return ky_arena_printf(&fixture->arena, "%s: %s", ky_sqlstate_code(err->sqlstate),
                           err->message);
}

static bool
accepts(oid_t declared, const struct type *actual)
{
    switch (declared) {
    case OID_ANY:
    case OID_ANYELEMENT:
        return true;
    case OID_ANYNONARRAY:
    case OID_ANYCOMPATIBLE:
        return actual->category != 'A';
    case OID_ANYARRAY:
    case OID_ANYCOMPATIBLEARRAY:
        return actual->category == 'A';
    default:
        return declared == actual->oid;
    }
}

static const struct func *
find_func(const char *name, int arg_count, const struct type **types)
{
    size_t count;
    const struct func *const *candidates = func_candidates(ky_slice_cstr(name), &count);
    for (size_t i = 0; i < count; i++) {
        const struct func *func = candidates[i];
        bool fits = func->is_variadic ? arg_count >= func->arg_count - 1
                                      : arg_count <= func->arg_count &&
                                            arg_count >= func->arg_count - func->default_count;
        for (int a = 0; fits && a < arg_count; a++) {
            const bool is_repeated = func->is_variadic && a >= func->arg_count - 1;
            fits = accepts(is_repeated ? func->variadic_element : func->args[a], types[a]);
        }
        if (fits) {
            return func;
        }
    }
    cr_assert_fail("no function %s", name);
    return NULL;
}

static const struct type *
result_type(const struct func *func, int arg_count, const struct type **types)
{
    if (type_get(func->result)->typtype != 'p') {
        return type_get(func->result);
    }
    for (int i = 0; i < arg_count; i++) {
        const bool wants_array =
            func->result == OID_ANYARRAY || func->result == OID_ANYCOMPATIBLEARRAY;
        const bool is_array = types[i]->category == 'A';
        if (wants_array == is_array) {
            return types[i];
        }
        if (wants_array && types[i]->array_oid != OID_NONE) {
            return type_get(types[i]->array_oid);
        }
        if (is_array) {
            return type_get(types[i]->element_oid);
        }
    }
    return type_get(OID_TEXT);
}

const char *
fixture_call(struct func_fixture *fixture, const char *name, int arg_count, const char *const *args)
{
    const struct type *types[ARGS_MAX];
    struct datum values[ARGS_MAX];
    struct datum out;
    struct ky_error err;
    ky_error_init(&err);
    for (int i = 0; i < arg_count; i++) {
        types[i] = find_type(args[2 * i]);
        values[i] = value_of(fixture, args[2 * i], args[2 * i + 1]);
    }
    const struct func *func = find_func(name, arg_count, types);
    for (; !func->is_variadic && arg_count < func->arg_count; arg_count++) {
        types[arg_count] = type_get(func->args[arg_count]); /* left out */
        values[arg_count] = func->is_strict ? datum_word(func->default_word) : datum_null();
    }
    fixture->env.arg_types = types;
    if (func_call(func, &fixture->env, values, arg_count, &out, &err) != KY_OK) {
        return error_of(fixture, &err);
    }
    return text_of(fixture, result_type(func, arg_count, types), out);
}

/* Runs the kernel too, where there is one, and checks that both say the same. */
static void
check_kernel(struct func_fixture *fixture, const struct operator* operator,
             const struct type * const * types, const struct datum *values, bool is_ok,
             struct datum expected)
{
    struct column columns[2];
    struct column out;
    struct ky_error err;
    const uint16_t selection[] = {1};
    ky_error_init(&err);
    for (int i = 0; i < 2; i++) {
        column_init(&columns[i], types[i], 2, &fixture->arena);
        column_set(&columns[i], 0, values[i]);
        column_set(&columns[i], 1, values[i]);
    }
    column_init(&out, type_get(operator->result), 2, &fixture->arena);
    ky_status status = operator->function->kernel(&fixture->env, columns, 2, selection, 1, &out,
                                                  &err);
    cr_assert_eq(status == KY_OK, is_ok, "kernel of %s", operator->name);
    if (is_ok) {
        cr_assert_str_eq(text_of(fixture, out.type, column_get(&out, 1)),
                         text_of(fixture, out.type, expected));
    }
    status = operator->function->kernel(&fixture->env, columns, 2, NULL, 2, &out, &err);
    cr_assert_eq(status == KY_OK, is_ok);
    status = operator->function->kernel(&fixture->env, columns, 2, selection, 0, &out, &err);
    cr_assert_eq(status, KY_OK, "lanes that are not selected must not fail");
}

const char *
fixture_operator(struct func_fixture *fixture, const char *name, const char *left_type,
                 const char *left, const char *right_type, const char *right)
{
    const struct type *types[2] = {find_type(left_type), find_type(right_type)};
    struct datum values[2] = {value_of(fixture, left_type, left),
                              value_of(fixture, right_type, right)};
    struct datum out;
    struct ky_error err;
    ky_error_init(&err);
    const struct operator* operator=
        operator_exact(ky_slice_cstr(name), types[0]->oid, types[1]->oid);
    if (operator== NULL) {
        size_t count;
        const struct operator* const * candidates =
            operator_candidates(ky_slice_cstr(name), &count);
        for (size_t i = 0; i < count && operator== NULL; i++) {
            if (accepts(candidates[i]->left, types[0]) && accepts(candidates[i]->right, types[1])) {
                operator= candidates[i];
            }
        }
    }
    cr_assert_not_null(operator, "no operator %s %s %s", left_type, name, right_type);
    fixture->env.arg_types = types;
    ky_status status = func_call(operator->function, &fixture->env, values, 2, &out, &err);
    if (operator->function->kernel != NULL && left != NULL && right != NULL) {
        check_kernel(fixture, operator, types, values, status == KY_OK, out);
    }
    return status == KY_OK ? text_of(fixture, result_type(operator->function, 2, types), out)
                           : error_of(fixture, &err);
}

const char *
fixture_aggregate(struct func_fixture *fixture, const char *name, const char *type_name, int count,
                  const char *const *values, bool by_column)
{
    const struct type *types[1] = {find_type(type_name)};
    const struct func *func = find_func(name, 1, types);
    const struct func_aggregate *aggregate = func->aggregate;
    struct ky_error err;
    struct datum out;
    ky_error_init(&err);
    fixture->env.arg_types = types;
    void *state = ky_arena_calloc(&fixture->arena, 1, aggregate->state_size);
    struct column column;
    uint16_t selection[ARGS_MAX];
    uint32_t selected = 0;
    column_init(&column, types[0], ARGS_MAX, &fixture->arena);
    for (int i = 0; i < count; i++) {
        struct datum value = value_of(fixture, type_name, values[i]);
        if (value.is_null && aggregate->skips_nulls) {
            continue;
        }
        selection[selected++] = (uint16_t)i;
        column_set(&column, (uint32_t)i, value);
        if (!by_column && aggregate->add(&fixture->env, state, &value, 1, &err) != KY_OK) {
            return error_of(fixture, &err);
        }
    }
    if (by_column) {
        cr_assert_not_null(aggregate->add_column);
        if (aggregate->add_column(&fixture->env, state, &column, 1, selection, selected, &err) !=
            KY_OK) {
            return error_of(fixture, &err);
        }
    }
    if (aggregate->combine != NULL) {
        void *whole = ky_arena_calloc(&fixture->arena, 1, aggregate->state_size);
        cr_assert_eq(aggregate->combine(&fixture->env, whole, state, &err), KY_OK);
        state = whole;
    }
    if (aggregate->finish(&fixture->env, state, &out, &err) != KY_OK) {
        return error_of(fixture, &err);
    }
    return text_of(fixture, result_type(func, 1, types), out);
}

const char *
fixture_rows(struct func_fixture *fixture, const char *name, int arg_count, const char *const *args)
{
    const struct type *types[ARGS_MAX];
    struct datum values[ARGS_MAX];
    struct func_rows *rows;
    struct ky_error err;
    struct ky_buffer text = {0};
    ky_error_init(&err);
    for (int i = 0; i < arg_count; i++) {
        types[i] = find_type(args[2 * i]);
        values[i] = value_of(fixture, args[2 * i], args[2 * i + 1]);
    }
    const struct func *func = find_func(name, arg_count, types);
    fixture->env.arg_types = types;
    if (func->set->open(&fixture->env, values, arg_count, &rows, &err) != KY_OK) {
        return error_of(fixture, &err);
    }
    for (;;) {
        struct datum row[2];
        bool has_row;
        cr_assert_eq(func->set->next(&fixture->env, rows, row, &has_row, &err), KY_OK);
        if (!has_row) {
            break;
        }
        for (int i = 0; i < func->set->column_count; i++) {
            oid_t oid = func->set->column_types[i];
            const struct type *type =
                oid == OID_ANYELEMENT ? type_get(types[0]->element_oid) : type_get(oid);
            ky_buffer_printf(&text, "%s%s",
                             text.size == 0 ? ""
                             : i == 0       ? " "
                                            : "=",
                             text_of(fixture, type, row[i]));
        }
    }
    const char *result = ky_arena_cstr(&fixture->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return result;
}
