/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/crc32c.h"

#include <criterion/criterion.h>

#include "server/base/crc32c_private.h"
#include "server/base/random.h"

Test(crc32c, known_answers)
{
    uint8_t bytes[32] = {0};
    cr_assert_eq(ky_crc32c(0, "", 0), 0);
    cr_assert_eq(ky_crc32c(0, "123456789", 9), 0xe3069283U);
    cr_assert_eq(ky_crc32c(0, bytes, 32), 0x8a9136aaU); /* RFC 3720, B.4 */
    for (int i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)i;
    }
    cr_assert_eq(ky_crc32c(0, bytes, 32), 0x46dd794eU);
    cr_assert_eq(ky_crc32c_portable(0, bytes, 32), 0x46dd794eU);
}

Test(crc32c, both_ways_agree_and_parts_may_be_fed_in_order)
{
    struct ky_prng prng;
    ky_prng_init(&prng, 1);
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)ky_prng_next(&prng);
    }
    for (size_t from = 0; from < 9; from++) {
        for (size_t size = 0; size + from <= sizeof(bytes); size++) {
            uint32_t whole = ky_crc32c(0, bytes + from, size);
            cr_assert_eq(whole, ky_crc32c_portable(0, bytes + from, size));
            size_t cut = ky_prng_below(&prng, size + 1);
            uint32_t parts = ky_crc32c(0, bytes + from, cut);
            cr_assert_eq(whole, ky_crc32c(parts, bytes + from + cut, size - cut));
        }
    }
}
