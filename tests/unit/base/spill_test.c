/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "server/base/arena.h"
#include "server/base/budget.h"

enum { WORK_MEM = 64 * 1024 };

/* An arena that goes on in the file holds what was put into it, and gives the file's space back. */
Test(spill, arena_beyond_work_memory_keeps_its_contents)
{
    struct ky_spill spill;
    struct ky_arena arena;
    ky_spill_init(&spill, "/tmp", WORK_MEM, UINT64_MAX);
    ky_arena_init(&arena);
    ky_arena_set_spill(&arena, &spill);
    enum { COUNT = 4000 };
    static uint32_t *places[COUNT];
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            places[i] = ky_arena_alloc(&arena, 256);
            for (uint32_t j = 0; j < 64; j++) {
                places[i][j] = i * 64 + j;
            }
        }
        cr_assert_gt(arena.spilled_size, 500000, "nothing went to the file");
        cr_expect_leq(arena.allocated_size - arena.spilled_size, WORK_MEM);
        for (uint32_t i = 0; i < COUNT; i++) {
            for (uint32_t j = 0; j < 64; j++) {
                cr_assert_eq(places[i][j], i * 64 + j);
            }
        }
        ky_arena_reset(&arena);
        cr_expect_eq(arena.spilled_size, 0);
        cr_expect_eq(spill.used, 0);
    }
    uint64_t file_size = spill.file_size;
    ky_arena_deinit(&arena);
    cr_expect_leq(file_size, 4 * 1024 * 1024, "the second round took new space");
    ky_spill_deinit(&spill);
}

/* The limit is told at the next check; what was asked for is there nevertheless. */
Test(spill, limit_is_an_error_not_a_crash)
{
    struct ky_spill spill;
    struct ky_budget budget;
    struct ky_error err = {0};
    ky_spill_init(&spill, "/tmp", WORK_MEM, 1024 * 1024);
    ky_budget_init(&budget, "work memory", 0, NULL);
    budget.spill = &spill;
    char *array = ky_budget_resize(&budget, NULL, 0, WORK_MEM);
    memset(array, 'a', WORK_MEM);
    array = ky_budget_resize(&budget, array, WORK_MEM, 8 * WORK_MEM);
    cr_expect_eq(array[WORK_MEM - 1], 'a');
    cr_expect_eq(ky_budget_check(&budget, &err), KY_OK);
    memset(array, 'b', 8 * WORK_MEM);
    array = ky_budget_resize(&budget, array, 8 * WORK_MEM, 32 * WORK_MEM);
    cr_expect_eq(array[8 * WORK_MEM - 1], 'b');
    cr_expect_eq(ky_budget_check(&budget, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_CONFIGURATION_LIMIT_EXCEEDED);
    ky_budget_free(&budget, array);
    cr_expect_eq(spill.used, 0);
    ky_spill_deinit(&spill);
}

/* No file can be made there: 58030, and the memory came from the heap. */
Test(spill, missing_directory_is_an_io_error)
{
    struct ky_spill spill;
    struct ky_error err = {0};
    ky_spill_init(&spill, "/nowhere/at/all", WORK_MEM, UINT64_MAX);
    cr_expect_null(ky_spill_alloc(&spill, 4096));
    cr_expect_eq(ky_spill_check(&spill, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_IO_ERROR);
    ky_spill_deinit(&spill);
}
