/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/budget.h"

#include <criterion/criterion.h>

Test(budget, a_charge_past_the_limit_is_refused_with_53200_and_charges_nothing)
{
    struct ky_budget server;
    struct ky_budget statement;
    struct ky_error err;
    ky_error_init(&err);
    ky_budget_init(&server, "server memory", 100, NULL);
    ky_budget_init(&statement, "work memory", 60, &server);
    cr_assert_eq(ky_budget_charge(&statement, 60, &err), KY_OK);
    cr_assert_eq(ky_budget_charge(&statement, 1, &err), KY_ERR);
    cr_assert_str_eq(ky_sqlstate_code(err.sqlstate), "53200");
    cr_assert_str_eq(err.message, "out of work memory");
    cr_assert_eq(server.used, 60);
    ky_budget_release(&statement, 60);
    cr_assert_eq(server.used, 0);
    cr_assert_eq(statement.used, 0);
}

Test(budget, a_refusing_parent_leaves_the_child_uncharged)
{
    struct ky_budget server;
    struct ky_budget statement;
    struct ky_error err;
    ky_budget_init(&server, "server memory", 10, NULL);
    ky_budget_init(&statement, "work memory", 0, &server);
    cr_assert_eq(ky_budget_charge(&statement, 11, &err), KY_ERR);
    cr_assert_str_eq(err.message, "out of server memory");
    cr_assert_eq(statement.used, 0);
    cr_assert_eq(ky_budget_charge(&statement, UINT64_MAX, &err), KY_ERR);
    cr_assert_eq(ky_budget_charge(&statement, 10, &err), KY_OK);
}
