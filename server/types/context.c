/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/datetime.h"
#include "server/types/type.h"

void
type_context_init(struct type_context *context, struct ky_arena *arena)
{
    *context =
        (struct type_context){.arena = arena, .extra_float_digits = 1, .zone = timezone_utc()};
}
