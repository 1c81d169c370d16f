/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/jsonpath.h"

#include <criterion/criterion.h>

/* The path's text in the arena, or the SQLSTATE of the error. */
static const char *
read_path(struct ky_arena *arena, struct ky_slice text)
{
    const struct type *type = type_get(OID_JSONPATH);
    struct type_context context;
    struct ky_error err = {0};
    struct datum value;
    type_context_init(&context, arena);
    if (type->input(type, &context, text, -1, &value, &err) != KY_OK) {
        return ky_sqlstate_code(err.sqlstate);
    }
    return ky_arena_cstr(arena, value.bytes);
}

static const char *
read_repeated(struct ky_arena *arena, int count, const char *before, const char *inner,
              const char *after)
{
    struct ky_buffer text = {0};
    for (int i = 0; i < count; i++) {
        ky_buffer_append_cstr(&text, before);
    }
    ky_buffer_append_cstr(&text, inner);
    for (int i = 0; i < count; i++) {
        ky_buffer_append_cstr(&text, after);
    }
    const char *result = read_path(arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return result;
}

/* What PostgreSQL prints so that it would be read back as another path. */
Test(jsonpath, an_operation_that_a_step_follows_keeps_its_brackets)
{
    static const char *const paths[] = {
        "(1 + ($ * 2).\"a\")",
        "(1 + (-$).\"a\")",
        "(exists ($)).type()",
        "(!($ == 1)).type()",
        "(($ == 1) is unknown).type()",
        "($ like_regex \"a\").type()",
        "((-1).abs() - -1)",
        "($ starts with \"a\").type()",
    };
    struct ky_arena arena;
    ky_arena_init(&arena);
    for (size_t i = 0; i < KY_COUNT_OF(paths); i++) {
        cr_expect_str_eq(read_path(&arena, ky_slice_cstr(paths[i])), paths[i]);
    }
    ky_arena_deinit(&arena);
}

Test(jsonpath, nesting_has_a_limit_in_every_direction)
{
    const int fits = JSONPATH_HEIGHT_MAX / 2 - 10;
    struct ky_arena arena;
    ky_arena_init(&arena);
    cr_expect_str_eq(read_repeated(&arena, JSONPATH_NESTING_MAX - 10, "(", "$", ")"), "$");
    cr_expect_str_eq(read_repeated(&arena, JSONPATH_NESTING_MAX + 1, "(", "$", ")"), "54001");
    cr_expect_str_neq(read_repeated(&arena, fits, "-", "$", ""), "54001");
    cr_expect_str_eq(read_repeated(&arena, JSONPATH_HEIGHT_MAX, "-", "$", ""), "54001");
    cr_expect_str_neq(read_repeated(&arena, fits, "", "$", ".a"), "54001");
    cr_expect_str_eq(read_repeated(&arena, JSONPATH_HEIGHT_MAX, "", "$", ".a"), "54001");
    cr_expect_str_neq(read_repeated(&arena, fits, "", "1", " + 1"), "54001");
    cr_expect_str_eq(read_repeated(&arena, JSONPATH_HEIGHT_MAX, "", "1", " + 1"), "54001");
    cr_expect_str_neq(read_repeated(&arena, fits, "", "$ == 1", " || $ == 1"), "54001");
    cr_expect_str_eq(read_repeated(&arena, JSONPATH_HEIGHT_MAX, "$ ? (@", "", ")"), "42601");
    cr_expect_str_eq(read_repeated(&arena, JSONPATH_HEIGHT_MAX, "$[", "0", "]"), "54001");
    ky_arena_deinit(&arena);
}

Test(jsonpath, the_wire_form_is_a_version_and_the_text)
{
    const struct type *type = type_get(OID_JSONPATH);
    struct ky_arena arena;
    struct type_context context;
    struct ky_error err = {0};
    struct datum value;
    struct ky_buffer wire = {0};
    ky_arena_init(&arena);
    type_context_init(&context, &arena);
    ky_status status =
        type->receive(type, &context, ky_slice_cstr("\x01strict $.a"), -1, &value, &err);
    cr_assert_eq(status, KY_OK);
    type->send(type, &context, value, &wire);
    cr_expect(ky_slice_is(ky_buffer_slice(&wire), "\x01strict $.\"a\""));
    status = type->receive(type, &context, ky_slice_cstr("\x02$"), -1, &value, &err);
    cr_expect_eq(status, KY_ERR);
    cr_expect_str_eq(err.message, "unsupported jsonpath version number: 2");
    status = type->receive(type, &context, ky_slice(NULL, 0), -1, &value, &err);
    cr_expect_eq(err.sqlstate, KY_PROTOCOL_VIOLATION);
    ky_buffer_deinit(&wire);
    ky_arena_deinit(&arena);
}
