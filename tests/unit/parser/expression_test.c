/* SPDX-License-Identifier: Apache-2.0 */
#include "parser_fixture.h"

/* PostgreSQL's manual, 4.1.6: each line sets two neighbours of that table against each other. */
Test(expression, precedence_is_postgres)
{
    expect_expression("a OR b AND c", "a OR (b AND c)");
    expect_expression("NOT a AND b", "(NOT a) AND b");
    expect_expression("NOT a = b", "NOT (a = b)");
    expect_expression("NOT a IS NULL", "NOT (a IS NULL)");
    expect_expression("a = b IS NULL", "(a = b) IS NULL");
    expect_expression("a < b BETWEEN 1 AND 2", "a < (b BETWEEN 1 AND 2)");
    expect_expression("a LIKE b || c", "a LIKE (b || c)");
    expect_expression("a = b LIKE c", "a = (b LIKE c)");
    expect_expression("a || b + c", "a || (b + c)");
    expect_expression("a + b || c", "(a + b) || c");
    expect_expression("a + b * c", "a + (b * c)");
    expect_expression("a * b ^ c", "a * (b ^ c)");
    expect_expression("a ^ b ^ c", "(a ^ b) ^ c");
    expect_expression("a - b - c", "(a - b) - c");
    expect_expression("-a ^ b", "(- a) ^ b");
    expect_expression("-2 ^ 2", "(-2) ^ 2");
    expect_expression("a ^ b AT TIME ZONE 'x'", "a ^ (b AT TIME ZONE 'x')");
    expect_expression("a AT TIME ZONE b COLLATE c", "(a AT TIME ZONE (b COLLATE c))");
    expect_expression("-a COLLATE c", "(- a) COLLATE c");
    expect_expression("-a::int", "- CAST(a AS pg_catalog.int4)");
    expect_expression("a.b::text", "CAST(a.b AS text)");
    expect_expression("a <-> b < c", "(a <-> b) < c");
    expect_expression("a OPERATOR(pg_catalog.*) b + c", "a OPERATOR(pg_catalog.*) (b + c)");
    expect_expression("a BETWEEN 1 AND 2 AND b", "(a BETWEEN 1 AND 2) AND b");
    expect_expression("a IN (1) = b", "(a IN (1)) = b");
    expect_expression("a = ANY (b) AND c", "(a = ANY (b)) AND c");
    expect_expression("a IS DISTINCT FROM b = c", "a IS DISTINCT FROM (b = c)");
}

Test(expression, and_and_or_chains_are_flat)
{
    expect_expression("a AND b AND c AND d", "a AND b AND c AND d");
    expect_expression("a OR b OR c AND d", "a OR b OR (c AND d)");
    expect_expression("a AND (b AND c)", "a AND (b AND c)");
}

Test(expression, a_minus_belongs_to_its_number)
{
    struct parsed *parsed = parsed_expression("- 5");
    const struct ast_const *constant = (const void *)parsed->expression;
    cr_expect_eq(constant->node.kind, AST_CONST);
    cr_expect_eq(constant->integer, -5);
    cr_expect_eq(constant->node.location, 0);
    parsed_free(parsed);
    /* As PostgreSQL folds them: its number may be of another type then. */
    expect_expression("- - 5", "5");
    expect_expression("- - - 5", "-5");
    expect_expression("- -3.5e1", "3.5e1");
    expect_expression("- -9223372036854775808", "9223372036854775808");
    expect_expression("+ -3.5", "+ (-3.5)");
    expect_expression("- + 5", "- (+ 5)");
    expect_expression("a - -5", "a - (-5)");
}

Test(expression, brackets_are_vectors_or_subscripts)
{
    expect_expression("a[1]", "a[1]");
    expect_expression("a = [1]", "a = [1]");
    expect_expression("a <-> [ 1 , -2.5e3, +.5 ]", "a <-> [1,-2.5e3,+.5]");
    expect_expression("[1, 2]", "[1,2]");
    expect_expression("[]", "[]");
    expect_expression("[a, 1 + 1]", "[a, 1 + 1]");
    expect_expression("f([1, 2], [3])", "f([1,2], [3])");
    expect_expression("ARRAY[[1, 2], [3, 4]]", "ARRAY[ARRAY[1, 2], ARRAY[3, 4]]");
    expect_expression("a[1:2][:][b:]", "a[1 : 2][ : ][b : ]");
    expect_expression("(ARRAY[1, 2])[1]", "(ARRAY[1, 2])[1]");
    struct parsed *parsed = parsed_expression("a = [1, 2, 3]");
    const struct ast_operator *op = (const void *)parsed->expression;
    const struct ast_vector *vector = (const void *)op->right;
    cr_expect_eq(vector->node.kind, AST_VECTOR);
    cr_expect_eq(vector->count, 3);
    cr_expect_str_eq(vector->text, "[1,2,3]");
    parsed_free(parsed);
}

Test(expression, type_names_take_their_catalog_spelling)
{
    static const char *const pairs[][2] = {
        {"int", "pg_catalog.int4"},
        {"SMALLINT", "pg_catalog.int2"},
        {"double precision", "pg_catalog.float8"},
        {"float(24)", "pg_catalog.float4"},
        {"char", "pg_catalog.bpchar(1)"},
        {"\"char\"", "\"char\""},
        {"character varying", "pg_catalog.\"varchar\""},
        {"timestamp(3) with time zone", "pg_catalog.timestamptz(3)"},
        {"interval day to second(2)", "pg_catalog.\"interval\"(7176, 2)"},
        {"bit", "pg_catalog.\"bit\"(1)"},
        {"vector(3)", "vector(3)"},
        {"s.t[][4]", "s.t[][]"},
        {"text array", "text[]"},
    };
    for (size_t i = 0; i < KY_COUNT_OF(pairs); i++) {
        struct parsed *parsed = parsed_new();
        struct ast_type_name *type = NULL;
        cr_assert_eq(
            parse_type_name(&parsed->arena, ky_slice_cstr(pairs[i][0]), &type, &parsed->err), KY_OK,
            "%s: %s", pairs[i][0], parsed->err.message);
        parsed_print(parsed, &type->node);
        cr_expect_str_eq(parsed_text(parsed), pairs[i][1]);
        parsed_free(parsed);
    }
}

Test(expression, nothing_may_follow_an_expression_or_a_type)
{
    struct parsed *parsed = parsed_expression("1 + 1; SELECT 1");
    cr_expect_eq(parsed->status, KY_ERR);
    cr_expect_str_eq(parsed->err.message, "syntax error at or near \";\"");
    cr_expect_eq(parsed->err.position, 6);
    struct ast_type_name *type = NULL;
    cr_expect_eq(parse_type_name(&parsed->arena, ky_slice_cstr("int 5"), &type, &parsed->err),
                 KY_ERR);
    cr_expect_eq(parse_type_name(&parsed->arena, ky_slice_cstr(""), &type, &parsed->err), KY_ERR);
    parsed_free(parsed);
}
