/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/utf8.h"

#include <criterion/criterion.h>
#include <string.h>

static size_t
size_of(const char *text)
{
    return ky_utf8_sequence_size(text, strlen(text));
}

Test(utf8, accepts_what_rfc_3629_accepts)
{
    cr_assert_eq(size_of("a"), 1);
    cr_assert_eq(size_of("\xc2\x80"), 2);
    cr_assert_eq(size_of("\xe0\xa0\x80"), 3);
    cr_assert_eq(size_of("\xef\xbf\xbf"), 3);
    cr_assert_eq(size_of("\xf0\x90\x80\x80"), 4);
    cr_assert_eq(size_of("\xf4\x8f\xbf\xbf"), 4);
}

Test(utf8, refuses_overlong_surrogate_too_large_and_cut)
{
    const char *const bad[] = {"",
                               "\x80",
                               "\xc0\x80",
                               "\xc1\xbf",
                               "\xe0\x9f\xbf",
                               "\xed\xa0\x80",
                               "\xf0\x8f\xbf\xbf",
                               "\xf4\x90\x80\x80",
                               "\xf5\x80\x80\x80",
                               "\xc3",
                               "\xe2\x82",
                               "\xe2\x28\xa1"};
    for (size_t i = 0; i < KY_COUNT_OF(bad); i++) {
        cr_assert_eq(size_of(bad[i]), 0, "%zu", i);
    }
}

Test(utf8, cuts_between_characters)
{
    const char *text = "a\xe2\x82\xac"
                       "b";
    const size_t expected[] = {0, 1, 1, 1, 4, 5, 5};
    for (size_t limit = 0; limit < KY_COUNT_OF(expected); limit++) {
        cr_assert_eq(ky_utf8_cut(text, 5, limit), expected[limit]);
    }
}
