/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/session_private.h"
#include "server/types/reg.h"

/* to_regclass and its kin: what the cast to regclass finds, and null where it would complain that
 * there is no such thing. */

static bool
is_missing(const struct ky_error *err)
{
    static const enum ky_sqlstate states[] = {
        KY_UNDEFINED_TABLE,     KY_UNDEFINED_OBJECT,   KY_UNDEFINED_FUNCTION,
        KY_INVALID_SCHEMA_NAME, KY_AMBIGUOUS_FUNCTION, KY_INVALID_CATALOG_NAME,
    };
    for (size_t i = 0; i < KY_COUNT_OF(states); i++) {
        if (err->sqlstate == states[i]) {
            return true;
        }
    }
    return false;
}

static ky_status
look_up(struct func_env *env, oid_t reg_type, struct ky_slice name, struct datum *out,
        struct ky_error *err)
{
    const struct reg_names *names = env->types.reg;
    oid_t oid = OID_NONE;
    struct ky_error missing;
    ky_error_init(&missing);
    *out = datum_null();
    if (names == NULL) {
        return KY_OK;
    }
    if (names->find_oid(names->self, reg_type, name, &oid, &missing) == KY_OK) {
        *out = datum_word(oid);
        return KY_OK;
    }
    if (!is_missing(&missing)) {
        *err = missing;
        return KY_ERR;
    }
    return KY_OK;
}

#define TO_REG(name_, reg_type_)                                                          \
    static ky_status name_(struct func_env *env, const struct datum *args, int arg_count, \
                           struct datum *out, struct ky_error *err)                       \
    {                                                                                     \
        (void)arg_count;                                                                  \
        return look_up(env, (reg_type_), args[0].bytes, out, err);                        \
    }
TO_REG(to_regclass, OID_REGCLASS)
TO_REG(to_regtype, OID_REGTYPE)
TO_REG(to_regproc, OID_REGPROC)
TO_REG(to_regnamespace, OID_REGNAMESPACE)
TO_REG(to_regrole, OID_REGROLE)
TO_REG(to_regoper, OID_REGOPER)
TO_REG(to_regoperator, OID_REGOPERATOR)
TO_REG(to_regprocedure, OID_REGPROCEDURE)
TO_REG(to_regcollation, OID_REGCOLLATION)

#define FUNC(oid_, name_, result_)                                               \
    {                                                                            \
        .oid = (oid_), .name = #name_, .result = (result_), .arg_count = 1,      \
        .args = (const oid_t[]){OID_TEXT}, .is_strict = true, .volatility = 's', \
        .kind = FUNC_SCALAR, .scalar = name_                                     \
    }

static const struct func reg_funcs[] = {
    FUNC(3495, to_regclass, OID_REGCLASS),         FUNC(3493, to_regtype, OID_REGTYPE),
    FUNC(3494, to_regproc, OID_REGPROC),           FUNC(4086, to_regnamespace, OID_REGNAMESPACE),
    FUNC(4093, to_regrole, OID_REGROLE),           FUNC(3492, to_regoper, OID_REGOPER),
    FUNC(3476, to_regoperator, OID_REGOPERATOR),   FUNC(3479, to_regprocedure, OID_REGPROCEDURE),
    FUNC(4195, to_regcollation, OID_REGCOLLATION),
};

void
session_reg_register(void)
{
    func_register(reg_funcs, KY_COUNT_OF(reg_funcs));
}
