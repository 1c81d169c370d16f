/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/buffer.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(buffer, a_zeroed_buffer_is_empty_and_grows)
{
    struct ky_buffer buffer = {0};
    for (int i = 0; i < 1000; i++) {
        ky_buffer_append_byte(&buffer, (uint8_t)i);
    }
    cr_assert_eq(buffer.size, 1000);
    cr_assert_eq(buffer.data[999], 999 & 0xff);
    ky_buffer_deinit(&buffer);
    cr_assert_null(buffer.data);
    ky_buffer_append(&buffer, NULL, 0);
    cr_assert_eq(buffer.size, 0);
}

Test(buffer, extending_an_empty_one_by_nothing_is_legal)
{
    struct ky_buffer buffer = {0};
    cr_assert_not_null(ky_buffer_extend(&buffer, 0));
    cr_assert_eq(buffer.size, 0);
    ky_buffer_deinit(&buffer);
}

Test(buffer, numbers_are_big_endian)
{
    struct ky_buffer buffer = {0};
    ky_buffer_append_be16(&buffer, 0x0102);
    ky_buffer_append_be32(&buffer, 0x03040506);
    ky_buffer_append_be64(&buffer, 0x0708090a0b0c0d0eULL);
    for (size_t i = 0; i < 14; i++) {
        cr_assert_eq(buffer.data[i], i + 1);
    }
    ky_buffer_deinit(&buffer);
}

Test(buffer, printing_grows_as_needed_and_adds_no_zero)
{
    struct ky_buffer buffer = {0};
    char expected[4000] = "";
    for (int i = 0; i < 50; i++) {
        ky_buffer_printf(&buffer, "%d,%s;", i, "abcdefghijklmnopqrstuvwxyz");
        sprintf(expected + strlen(expected), "%d,%s;", i, "abcdefghijklmnopqrstuvwxyz");
    }
    cr_assert(ky_slice_is(ky_buffer_slice(&buffer), expected));
    ky_buffer_deinit(&buffer);
}

Test(buffer, consuming_moves_the_rest_to_the_front)
{
    struct ky_buffer buffer = {0};
    ky_buffer_append_cstr(&buffer, "hello world");
    ky_buffer_consume(&buffer, 6);
    cr_assert(ky_slice_is(ky_buffer_slice(&buffer), "world"));
    ky_buffer_consume(&buffer, 5);
    cr_assert_eq(buffer.size, 0);
    ky_buffer_deinit(&buffer);
}

Test(buffer, shrinking_touches_only_an_empty_one)
{
    struct ky_buffer buffer = {0};
    (void)memset(ky_buffer_extend(&buffer, 10000), 0, 10000);
    ky_buffer_shrink(&buffer, 100);
    cr_assert_geq(buffer.capacity, 10000);
    ky_buffer_clear(&buffer);
    ky_buffer_shrink(&buffer, 100);
    cr_assert_eq(buffer.capacity, 100);
    ky_buffer_shrink(&buffer, 0);
    cr_assert_null(buffer.data);
    ky_buffer_deinit(&buffer);
}
