/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "index/rmi/filter.h"
#include "index/rmi/run.h"
#include "server/base/random.h"

/* Every key that was added is there; few others are, in numbers that ascend as well as in any. */

enum { KEYS = 50000 };

static double
wrong_share(uint64_t step, uint64_t first, uint32_t keys)
{
    struct rmi_filter *filter = rmi_filter_new(KEYS);
    for (uint64_t i = 0; i < keys; i++) {
        rmi_filter_add(filter, rmi_hash_code(first + i * step, 2));
    }
    uint32_t wrong = 0;
    for (uint64_t i = 0; i < keys; i++) {
        cr_assert(rmi_filter_has(filter, rmi_hash_code(first + i * step, 2)));
    }
    for (uint64_t i = keys; i < 2 * (uint64_t)keys; i++) {
        wrong += rmi_filter_has(filter, rmi_hash_code(first + i * step, 2));
    }
    rmi_filter_free(filter);
    return (double)wrong / keys;
}

Test(rmi_filter, holds_what_was_added_and_little_else)
{
    struct ky_prng prng;
    ky_prng_init(&prng, 2);
    cr_expect_lt(wrong_share(1, 0, KEYS), 0.04);
    cr_expect_lt(wrong_share(1, (uint64_t)1 << 63, KEYS), 0.04);
    cr_expect_lt(wrong_share((uint64_t)1 << 32, 5, KEYS), 0.04);
    for (int i = 0; i < 20; i++) {
        cr_expect_lt(wrong_share(ky_prng_next(&prng) | 1, ky_prng_next(&prng), KEYS), 0.04);
    }
    /* More than it is made for: less use, and still right. */
    cr_expect_lt(wrong_share(7, 1, 4 * KEYS), 0.9);
}

Test(rmi_filter, an_empty_one_holds_nothing)
{
    struct rmi_filter *filter = rmi_filter_new(0);
    for (uint64_t i = 0; i < 1000; i++) {
        cr_expect_not(rmi_filter_has(filter, rmi_hash_code(i, 1)));
    }
    rmi_filter_free(filter);
    rmi_filter_free(NULL);
}

Test(rmi_filter, a_key_has_one_hash_whoever_asks)
{
    uint8_t key[9] = {3};
    ky_store_be64(key + 1, 0x0102030405060708ULL);
    cr_expect_eq(rmi_hash_key(ky_slice(key, 9)), rmi_hash_code(0x0102030405060708ULL, 3));
    cr_expect_neq(rmi_hash_key(ky_slice(key, 8)), rmi_hash_key(ky_slice(key, 9)));
    cr_expect_eq(rmi_hash_key(ky_slice(NULL, 0)), rmi_hash_key(ky_slice("", 0)));
}
