/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/clock.h"

#include <criterion/criterion.h>

static int64_t
fake(void *self)
{
    return *(int64_t *)self;
}

Test(clock, the_machines_clock_runs)
{
    int64_t before = ky_monotonic_ns();
    cr_assert_geq(ky_monotonic_ns(), before);
    cr_assert_gt(ky_wall_us(), INT64_C(1700000000000000));
}

Test(clock, a_test_installs_its_own_and_gives_it_back)
{
    int64_t now = 42;
    struct ky_clock clock = {fake, fake, &now};
    ky_clock_set(&clock);
    cr_assert_eq(ky_wall_us(), 42);
    now = 43;
    cr_assert_eq(ky_monotonic_ns(), 43);
    ky_clock_set(NULL);
    cr_assert_gt(ky_wall_us(), 43);
}
