/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/func_private.h"

/* Boolean functions. AND, OR and NOT are expressions of the executor, not functions. */

BINARY_TOTAL(bool_and_pair, word, int64_t, word, a &b)
BINARY_TOTAL(bool_or_pair, word, int64_t, word, a | b)

SCALAR(bool_to_text)
{
    *out = datum_cstr(args[0].word ? "true" : "false");
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(2515, "booland_statefunc", OID_BOOL, 'i', true, ARGS(OID_BOOL, OID_BOOL),
         .scalar = bool_and_pair, .kernel = bool_and_pair_kernel),
    FUNC(2516, "boolor_statefunc", OID_BOOL, 'i', true, ARGS(OID_BOOL, OID_BOOL),
         .scalar = bool_or_pair, .kernel = bool_or_pair_kernel),
    FUNC(2971, "text", OID_TEXT, 'i', true, ARGS(OID_BOOL), .scalar = bool_to_text),
};

const struct func_table func_table_bool = {funcs, KY_COUNT_OF(funcs), NULL, 0};
