/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/arena.h"

#include <criterion/criterion.h>

Test(arena, everything_is_aligned_and_keeps_its_bytes)
{
    struct ky_arena arena;
    ky_arena_init(&arena);
    uint8_t *places[2000];
    for (size_t i = 0; i < 2000; i++) {
        places[i] = ky_arena_alloc(&arena, i);
        cr_assert_eq((uintptr_t)places[i] % 16, 0);
        memset(places[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < 2000; i++) {
        for (size_t j = 0; j < i; j++) {
            cr_assert_eq(places[i][j], (uint8_t)(i & 0xff));
        }
    }
    ky_arena_deinit(&arena);
    cr_assert_eq(arena.allocated_size, 0);
}

Test(arena, a_request_for_nothing_gets_an_address)
{
    struct ky_arena arena;
    ky_arena_init(&arena);
    cr_assert_not_null(ky_arena_alloc(&arena, 0));
    cr_assert_eq(arena.allocated_size, 0);
    ky_arena_deinit(&arena);
}

Test(arena, rewinding_drops_what_came_after_the_mark_and_nothing_else)
{
    struct ky_arena arena;
    ky_arena_init(&arena);
    struct ky_arena_mark start = ky_arena_mark(&arena);
    char *kept = ky_arena_strdup(&arena, "kept");
    char *big = ky_arena_alloc(&arena, 3000000);
    memset(big, 'x', 3000000);
    struct ky_arena_mark mark = ky_arena_mark(&arena);
    size_t size = arena.allocated_size;
    for (int i = 0; i < 100; i++) {
        memset(ky_arena_alloc(&arena, 20000), 1, 20000);
    }
    memset(ky_arena_alloc(&arena, 5000000), 2, 5000000);
    ky_arena_rewind(&arena, mark);
    cr_assert_eq(arena.allocated_size, size);
    cr_assert_str_eq(kept, "kept");
    cr_assert_eq(big[2999999], 'x');
    memset(ky_arena_alloc(&arena, 100), 3, 100);
    cr_assert_str_eq(kept, "kept");
    ky_arena_rewind(&arena, start);
    cr_assert_eq(arena.allocated_size, 0);
    cr_assert_not_null(ky_arena_alloc(&arena, 1));
    ky_arena_deinit(&arena);
}

Test(arena, resetting_keeps_one_small_block)
{
    struct ky_arena arena;
    ky_arena_init(&arena);
    for (int i = 0; i < 1000; i++) {
        (void)ky_arena_alloc(&arena, 5000);
    }
    ky_arena_reset(&arena);
    cr_assert_gt(arena.allocated_size, 0);
    cr_assert_leq(arena.allocated_size, 64 * 1024);
    size_t kept = arena.allocated_size;
    (void)ky_arena_alloc(&arena, 1000);
    cr_assert_eq(arena.allocated_size, kept);
    ky_arena_deinit(&arena);
}

Test(arena, copies_and_formats_text)
{
    struct ky_arena arena;
    ky_arena_init(&arena);
    cr_assert_str_eq(ky_arena_printf(&arena, "%s-%d", "a", 7), "a-7");
    cr_assert_str_eq(ky_arena_cstr(&arena, ky_slice("abcdef", 3)), "abc");
    cr_assert_str_eq(ky_arena_cstr(&arena, ky_slice(NULL, 0)), "");
    cr_assert(ky_slice_is(ky_slice_dup(&arena, ky_slice_cstr("x")), "x"));
    int *numbers = ky_arena_array(&arena, int, 1000);
    cr_assert_eq(numbers[999], 0);
    ky_arena_deinit(&arena);
}
