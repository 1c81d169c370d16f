/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/base/random.h"
#include "server/func/func_private.h"

/* Chance, types, sizes. */

SCALAR(random_float)
{
    uint64_t bits;
    ky_random_bytes(&bits, sizeof(bits));
    *out = datum_real((double)(bits >> 11) * 0x1p-53);
    return KY_OK;
}

SCALAR(type_of)
{
    const struct type *type = func_arg_type(env, 0);
    *out = datum_word(type == NULL ? OID_UNKNOWN : type->oid);
    return KY_OK;
}

/* Five digits at most, then the next unit; rounded half away from zero. */
SCALAR(size_pretty)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    int64_t size = args[0].word;
    char *text = ky_arena_alloc(env->types.arena, 32);
    if (size > -10240 && size < 10240) {
        *out = datum_bytes(text, (size_t)snprintf(text, 32, "%lld bytes", (long long)size));
        return KY_OK;
    }
    size /= 512; /* twice the number of kB, so that a half survives */
    size_t unit = 0;
    while (unit + 1 < KY_COUNT_OF(units) && (size <= -20479 || size >= 20479)) {
        size /= 1024;
        unit++;
    }
    const int64_t rounded = (size + (size > 0) - (size < 0)) / 2;
    *out =
        datum_bytes(text, (size_t)snprintf(text, 32, "%lld %s", (long long)rounded, units[unit]));
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1598, "random", OID_FLOAT8, 'v', true, NO_ARGS, .scalar = random_float),
    FUNC(1619, "pg_typeof", OID_REGTYPE, 's', false, ARGS(OID_ANY), .scalar = type_of),
    FUNC(2288, "pg_size_pretty", OID_TEXT, 'i', true, ARGS(OID_INT8), .scalar = size_pretty),
};

const struct func_table func_table_system = {funcs, KY_COUNT_OF(funcs), NULL, 0};
