/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/base/random.h"
#include "server/func/func_private.h"

/*
 * Chance, and types. random() draws from the session's generator: xoroshiro128** (Blackman and
 * Vigna), seeded by splitmix64, as PostgreSQL's. So a seed gives the numbers it gives there.
 */

static uint64_t
rotate(uint64_t word, int by)
{
    return word << by | word >> (64 - by);
}

static uint64_t
splitmix64(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t word = *state;
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

static uint64_t
xoroshiro128(uint64_t state[2])
{
    const uint64_t first = state[0];
    const uint64_t mixed = state[1] ^ first;
    state[0] = rotate(first, 24) ^ mixed ^ (mixed << 16);
    state[1] = rotate(mixed, 37);
    return rotate(first * 5, 7) * 9;
}

SCALAR(random_float)
{
    uint64_t once[2] = {0, 0};
    uint64_t *state = env->random != NULL ? env->random : once;
    if (state[0] == 0 && state[1] == 0) {
        ky_random_bytes(state, sizeof(once));
    }
    *out = datum_real((double)(xoroshiro128(state) >> 12) * 0x1p-52);
    return KY_OK;
}

SCALAR(set_seed)
{
    const double seed = args[0].real;
    if (isnan(seed) || seed < -1 || seed > 1) {
        if (isnan(seed)) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "setseed parameter NaN is out of allowed range [-1,1]");
        }
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "setseed parameter %g is out of allowed range [-1,1]", seed);
    }
    if (env->random != NULL) {
        uint64_t state = (uint64_t)(int64_t)((double)((UINT64_C(1) << 52) - 1) * seed);
        env->random[0] = splitmix64(&state);
        env->random[1] = splitmix64(&state);
    }
    *out = datum_cstr("");
    return KY_OK;
}

SCALAR(type_of)
{
    const struct type *type = func_arg_type(env, 0);
    *out = datum_word(type == NULL ? OID_UNKNOWN : type->oid);
    return KY_OK;
}

/* What values of a type are compared by. An expression's own COLLATE is not known here. */
SCALAR(collation_for)
{
    enum { OID_COLLATION_C = 950 };
    const struct type *type = func_arg_type(env, 0);
    *out = datum_null();
    if (type == NULL || type->oid == OID_UNKNOWN) {
        return KY_OK;
    }
    if (type->collation == OID_NONE) {
        return ky_error_set(err, KY_DATATYPE_MISMATCH, "collations are not supported by type %s",
                            type->sql_name);
    }
    *out = datum_cstr(type->collation == OID_COLLATION_C ? "\"C\"" : "\"default\"");
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1598, "random", OID_FLOAT8, 'v', true, NO_ARGS, .scalar = random_float),
    FUNC(1599, "setseed", OID_VOID, 'v', true, ARGS(OID_FLOAT8), .scalar = set_seed),
    FUNC(1619, "pg_typeof", OID_REGTYPE, 's', false, ARGS(OID_ANY), .scalar = type_of),
    FUNC(3162, "pg_collation_for", OID_TEXT, 's', false, ARGS(OID_ANY), .scalar = collation_for),
};

const struct func_table func_table_system = {funcs, KY_COUNT_OF(funcs), NULL, 0};
