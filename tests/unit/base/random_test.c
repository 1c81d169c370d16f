/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/random.h"

#include <criterion/criterion.h>
#include <string.h>

Test(random, bytes_differ_until_a_seed_is_installed)
{
    uint8_t a[40] = {0};
    uint8_t b[40] = {0};
    ky_random_bytes(a, sizeof(a));
    ky_random_bytes(b, sizeof(b));
    cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
    ky_random_seed_for_tests(5);
    ky_random_bytes(a, sizeof(a));
    ky_random_seed_for_tests(5);
    ky_random_bytes(b, sizeof(b));
    cr_assert_eq(memcmp(a, b, sizeof(a)), 0);
}

Test(random, numbers_stay_below_their_bound_and_reach_all_of_it)
{
    struct ky_prng prng;
    ky_prng_init(&prng, 3);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        counts[ky_prng_below(&prng, 7)]++;
        double d = ky_prng_double(&prng);
        cr_assert(d >= 0.0 && d < 1.0);
    }
    for (int i = 0; i < 7; i++) {
        cr_assert(counts[i] > 9500 && counts[i] < 10500, "%d: %d", i, counts[i]);
    }
    cr_assert_eq(ky_prng_below(&prng, 1), 0);
}
