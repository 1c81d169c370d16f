/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/cpu.h"

#include <criterion/criterion.h>

Test(cpu, there_is_a_core_and_vnni_implies_avx512)
{
    const struct ky_cpu *cpu = ky_cpu();
    cr_assert_geq(cpu->core_count, 1);
    cr_assert(!cpu->has_avx512_vnni || cpu->has_avx512);
    cr_assert_eq(cpu, ky_cpu());
}
