/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/error.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "server/base/utf8.h"

Test(error, setting_clears_what_an_earlier_error_left)
{
    struct ky_error err;
    ky_error_init(&err);
    (void)ky_error_set(&err, KY_UNDEFINED_TABLE, "relation \"%s\" does not exist", "t");
    (void)ky_error_detail(&err, "Detail %d.", 1);
    (void)ky_error_hint(&err, "Hint.");
    (void)ky_error_context(&err, "line 1");
    (void)ky_error_at(&err, 7);
    (void)ky_error_at(&err, 9);
    ky_error_name(err.table_name, "t");
    cr_assert_str_eq(err.message, "relation \"t\" does not exist");
    cr_assert_str_eq(err.detail, "Detail 1.");
    cr_assert_eq(err.position, 7);
    cr_assert_eq(ky_error_set(&err, KY_SYNTAX_ERROR, "was: %s", err.message), KY_ERR);
    cr_assert_str_eq(err.message, "was: relation \"t\" does not exist");
    cr_assert_str_empty(err.detail);
    cr_assert_str_empty(err.hint);
    cr_assert_str_empty(err.context);
    cr_assert_str_empty(err.table_name);
    cr_assert_eq(err.position, 0);
}

Test(error, long_texts_are_cut_between_characters)
{
    char text[KY_ERROR_TEXT_SIZE + 100];
    struct ky_error err;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 4 < sizeof(text); i += 4) {
            memcpy(text + i, "\xf0\x9f\x98\x80", 5);
        }
        (void)ky_error_set(&err, KY_SYNTAX_ERROR, "%s", text);
        size_t size = strlen(err.message);
        cr_assert_geq(size, KY_ERROR_TEXT_SIZE - 4);
        cr_assert_eq((size - shift) % 4, 0);
        ky_error_name(err.column_name, text);
        cr_assert_eq((strlen(err.column_name) - shift) % 4, 0);
        cr_assert_geq(strlen(err.column_name), KY_ERROR_NAME_SIZE - 4);
    }
}

Test(error, errno_is_saved_and_named)
{
    struct ky_error err;
    (void)ky_error_set_errno(&err, KY_IO_ERROR, ENOENT, "could not open file \"%s\"", "x");
    cr_assert_eq(err.saved_errno, ENOENT);
    cr_assert_str_eq(err.message, "could not open file \"x\": No such file or directory");
}

Test(error, codes_are_found_both_ways_and_are_unique)
{
    for (unsigned i = 0; i < KY_SQLSTATE_COUNT; i++) {
        const char *code = ky_sqlstate_code((enum ky_sqlstate)i);
        cr_assert_eq(strlen(code), 5);
        cr_assert_eq(ky_sqlstate_find(code), i, "%s stands twice", code);
    }
    cr_assert_eq(ky_sqlstate_find("42P01"), KY_UNDEFINED_TABLE);
    cr_assert_eq(ky_sqlstate_find("ZZZZZ"), KY_SQLSTATE_COUNT);
}

Test(error, any_code_can_be_given_and_the_next_error_forgets_it)
{
    struct ky_error err;
    ky_error_init(&err);
    ky_error_set_code(&err, "KY001");
    cr_assert_str_eq(ky_error_code(&err), "KY001");
    cr_assert_eq(err.sqlstate, KY_RAISE_EXCEPTION);
    ky_error_set_code(&err, "22012");
    cr_assert_str_eq(ky_error_code(&err), "22012");
    cr_assert_eq(err.sqlstate, KY_DIVISION_BY_ZERO);
    ky_error_set_code(&err, "KY001");
    (void)ky_error_set(&err, KY_SYNTAX_ERROR, "another");
    cr_assert_str_eq(ky_error_code(&err), "42601");
}

Test(error, conditions_are_found_by_name_all_of_them)
{
    unsigned place = 0;
    enum ky_sqlstate found;
    cr_assert(ky_condition_next("division_by_zero", 16, &place, &found));
    cr_assert_eq(found, KY_DIVISION_BY_ZERO);
    cr_assert_not(ky_condition_next("division_by_zero", 16, &place, &found));

    /* 22004 and 39004 have one name. */
    place = 0;
    cr_assert(ky_condition_next("null_value_not_allowed", 22, &place, &found));
    cr_assert_str_eq(ky_sqlstate_code(found), "22004");
    cr_assert(ky_condition_next("null_value_not_allowed", 22, &place, &found));
    cr_assert_str_eq(ky_sqlstate_code(found), "39004");
    cr_assert_not(ky_condition_next("null_value_not_allowed", 22, &place, &found));

    static const char *const none[] = {"", "division", "division_by_zero_", "DIVISION_BY_ZERO",
                                       "successful_completion"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        place = 0;
        cr_assert_not(ky_condition_next(none[i], strlen(none[i]), &place, &found), "%s", none[i]);
    }
}
