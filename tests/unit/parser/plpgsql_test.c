/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/plpgsql.h"

#include "parser_fixture.h"

struct program {
    struct ky_arena arena;
    struct ky_error err;
    struct plpgsql_program program;
    ky_status status;
};

static struct program *
program_new(const char *text)
{
    struct program *parsed = ky_calloc(1, sizeof(*parsed));
    ky_arena_init(&parsed->arena);
    ky_error_init(&parsed->err);
    parsed->status =
        parse_plpgsql(&parsed->arena, ky_slice_cstr(text), &parsed->program, &parsed->err);
    return parsed;
}

static void
program_free(struct program *parsed)
{
    ky_arena_deinit(&parsed->arena);
    ky_free(parsed);
}

static void
expect_refused(const char *text, const char *sqlstate, const char *message, int position)
{
    struct program *parsed = program_new(text);
    cr_expect_eq(parsed->status, KY_ERR, "%s", text);
    cr_expect_str_eq(ky_sqlstate_code(parsed->err.sqlstate), sqlstate, "%s", text);
    cr_expect_str_eq(parsed->err.message, message, "%s", text);
    cr_expect_eq(parsed->err.position, position, "%s: %d", text, parsed->err.position);
    program_free(parsed);
}

Test(plpgsql, a_statement_loses_its_into_and_keeps_its_places)
{
    struct program *parsed = program_new("DECLARE a int; b int; BEGIN\n"
                                         "SELECT x INTO STRICT a, b FROM t; END");
    cr_assert_eq(parsed->status, KY_OK, "%s", parsed->err.message);
    const struct plpgsql_execute *execute = (const void *)parsed->program.block->body.first;
    cr_assert_eq(execute->node.kind, PLPGSQL_EXECUTE_SQL);
    cr_expect_eq(execute->node.line, 2);
    cr_expect_eq(execute->target_count, 2);
    cr_expect(execute->is_strict);
    cr_expect(ky_slice_is(execute->sql->sql, "SELECT x                  FROM t"));
    cr_expect_eq(execute->sql->tree->kind, AST_SELECT);
    program_free(parsed);
}

Test(plpgsql, names_mean_the_innermost_or_the_labelled)
{
    struct program *parsed = program_new("<<o>> DECLARE v int; BEGIN <<i>> DECLARE v text; "
                                         "BEGIN v := o.v; END; END");
    cr_assert_eq(parsed->status, KY_OK, "%s", parsed->err.message);
    const struct plpgsql_block *outer = parsed->program.block;
    const struct plpgsql_block *inner = (const void *)outer->body.first;
    const struct plpgsql_assign *assign = (const void *)inner->body.first;
    const char *field;
    cr_expect_eq(assign->target.variable, inner->variables[0]);
    cr_expect_eq(plpgsql_find(assign->value->names, (const char *[]){"o", "v"}, 2, &field),
                 outer->variables[0]);
    cr_expect_eq(plpgsql_find(assign->value->names, (const char *[]){"v", "f"}, 2, &field),
                 inner->variables[0]);
    cr_expect_str_eq(field, "f");
    cr_expect_eq(plpgsql_find(assign->value->names, (const char *[]){"w"}, 1, &field), -1);
    program_free(parsed);
}

Test(plpgsql, a_range_is_told_from_a_query)
{
    struct program *parsed = program_new("DECLARE r record; BEGIN FOR i IN REVERSE 9..1 BY 2 LOOP "
                                         "NULL; END LOOP; FOR r IN SELECT 1 LOOP NULL; END LOOP; "
                                         "FOR i IN a..b LOOP NULL; END LOOP; END");
    cr_assert_eq(parsed->status, KY_OK, "%s", parsed->err.message);
    const struct plpgsql_statement *at = parsed->program.block->body.first;
    cr_expect_eq(at->kind, PLPGSQL_FOR_INTEGER);
    cr_expect(((const struct plpgsql_loop *)(const void *)at)->is_reverse);
    cr_expect_eq(at->next->kind, PLPGSQL_FOR_QUERY);
    cr_expect_eq(at->next->next->kind, PLPGSQL_FOR_INTEGER);
    program_free(parsed);
}

Test(plpgsql, words_of_statements_are_names_where_they_are_assigned_to)
{
    struct program *parsed =
        program_new("DECLARE perform int; raise int; BEGIN perform := 1; raise = 2; END");
    cr_assert_eq(parsed->status, KY_OK, "%s", parsed->err.message);
    cr_expect_eq(parsed->program.block->body.first->kind, PLPGSQL_ASSIGN);
    program_free(parsed);
}

Test(plpgsql, errors_have_places_in_the_body)
{
    expect_refused("BEGIN\n x := 1; END", "42601", "\"x\" is not a known variable", 8);
    expect_refused("BEGIN SELEC 1; END", "42601", "syntax error at or near \"SELEC\"", 7);
    expect_refused("BEGIN PERFORM 1 +; END", "42601", "syntax error at end of input", 18);
    expect_refused("BEGIN IF 'é' = b c d THEN NULL; END IF; END", "42601",
                   "syntax error at or near \"d\"", 20);
    expect_refused("BEGIN OPEN c; END", "0A000", "OPEN is not supported in PL/pgSQL", 7);
    expect_refused("BEGIN", "42601", "syntax error at end of input", 6);
}

Test(plpgsql, deep_nesting_is_an_error_and_not_a_crash)
{
    static const char *const shapes[][2] = {{"BEGIN ", " END;"},
                                            {"LOOP ", " END LOOP;"},
                                            {"IF a THEN ", " END IF;"},
                                            {"CASE WHEN a THEN ", " END CASE;"}};
    for (size_t i = 0; i < KY_COUNT_OF(shapes); i++) {
        struct ky_buffer text = {0};
        ky_buffer_append_cstr(&text, "BEGIN ");
        for (int j = 0; j < 10000; j++) {
            ky_buffer_append_cstr(&text, shapes[i][0]);
        }
        for (int j = 0; j < 10000; j++) {
            ky_buffer_append_cstr(&text, shapes[i][1]);
        }
        ky_buffer_append_cstr(&text, " END");
        ky_buffer_append_byte(&text, 0);
        struct program *parsed = program_new((const char *)text.data);
        cr_expect_eq(parsed->err.sqlstate, KY_STATEMENT_TOO_COMPLEX, "%s", shapes[i][0]);
        program_free(parsed);
        ky_buffer_deinit(&text);
    }
}

Test(plpgsql, too_many_variables_are_an_error)
{
    struct ky_buffer text = {0};
    ky_buffer_append_cstr(&text, "DECLARE ");
    for (int i = 0; i < PLPGSQL_VARIABLES_MAX + 1; i++) {
        ky_buffer_printf(&text, "v%d int; ", i);
    }
    ky_buffer_append_cstr(&text, "BEGIN END");
    ky_buffer_append_byte(&text, 0);
    struct program *parsed = program_new((const char *)text.data);
    cr_expect_eq(parsed->err.sqlstate, KY_STATEMENT_TOO_COMPLEX);
    program_free(parsed);
    ky_buffer_deinit(&text);
}
