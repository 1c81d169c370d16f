/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "parser/plpgsql.h"
#include "server/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block parses to a program whose variables are all there, or to an error with a place in it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ky_arena arena;
    struct ky_error err;
    struct plpgsql_program program;
    ky_arena_init(&arena);
    ky_error_init(&err);
    if (parse_plpgsql(&arena, ky_slice(data, size), &program, &err) == KY_OK) {
        KY_ASSERT(program.block != NULL);
        KY_ASSERT(program.found >= 0 && program.found < program.variable_count);
        for (int32_t i = 0; i < program.block->variable_count; i++) {
            KY_ASSERT(program.block->variables[i] < program.variable_count);
        }
    } else {
        KY_ASSERT(err.sqlstate != KY_SUCCESSFUL_COMPLETION && err.message[0] != '\0');
        KY_ASSERT(err.position >= 0 && (size_t)err.position <= size + 1);
    }
    ky_arena_deinit(&arena);
    return 0;
}
