/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/assert.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(assert, a_true_condition_passes)
{
    KY_ASSERT(1 + 1 == 2);
}

Test(assert, a_false_condition_aborts, .signal = SIGABRT)
{
    KY_ASSERT(1 + 1 == 3);
}
