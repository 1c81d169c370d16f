/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "parser/parser.h"
#include "server/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses must print to text that parses and prints the same. */
static void
check_round_trip(struct ky_arena *arena, const struct ast_node *statement)
{
    struct ky_buffer first = {0};
    struct ky_buffer second = {0};
    struct ast_list again;
    struct ky_error err;
    ky_error_init(&err);
    ast_print(&first, statement);
    ky_status status = parse_sql(arena, ky_buffer_slice(&first), &again, &err);
    if (status != KY_OK) {
        /* Parentheses the printer adds may reach the parser's own depth first. */
        KY_ASSERT(err.sqlstate == KY_STATEMENT_TOO_COMPLEX);
    } else {
        KY_ASSERT(again.count == 1);
        ast_print(&second, again.items[0]);
        KY_ASSERT(ky_slice_equal(ky_buffer_slice(&first), ky_buffer_slice(&second)));
    }
    ky_buffer_deinit(&first);
    ky_buffer_deinit(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ky_arena arena;
    struct ky_error err;
    struct ast_list statements;
    ky_arena_init(&arena);
    ky_error_init(&err);
    if (parse_sql(&arena, ky_slice(data, size), &statements, &err) == KY_OK) {
        for (int32_t i = 0; i < statements.count; i++) {
            const struct ast_statement *statement = (const void *)statements.items[i];
            KY_ASSERT(statement->offset >= 0 && statement->size > 0);
            KY_ASSERT((size_t)statement->offset + (size_t)statement->size <= size);
            KY_ASSERT(statement->statement->depth <= AST_DEPTH_MAX);
            check_round_trip(&arena, statement->statement);
        }
    } else {
        KY_ASSERT(err.sqlstate != KY_SUCCESSFUL_COMPLETION && err.message[0] != '\0');
        KY_ASSERT(err.position >= 0 && (size_t)err.position <= size + 1);
    }
    ky_arena_deinit(&arena);
    return 0;
}
