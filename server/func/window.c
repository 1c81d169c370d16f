/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/func_private.h"

/* Window functions proper: the executor knows them by name; here are only their rows. */

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    WINDOW(3100, "row_number", OID_INT8, 'i', false, NO_ARGS, .window = WINDOW_ROW_NUMBER),
    WINDOW(3101, "rank", OID_INT8, 'i', false, NO_ARGS, .window = WINDOW_RANK),
    WINDOW(3102, "dense_rank", OID_INT8, 'i', false, NO_ARGS, .window = WINDOW_DENSE_RANK),
    WINDOW(3103, "percent_rank", OID_FLOAT8, 'i', false, NO_ARGS, .window = WINDOW_PERCENT_RANK),
    WINDOW(3104, "cume_dist", OID_FLOAT8, 'i', false, NO_ARGS, .window = WINDOW_CUME_DIST),
    WINDOW(3105, "ntile", OID_INT4, 'i', true, ARGS(OID_INT4), .window = WINDOW_NTILE),
    WINDOW(3106, "lag", OID_ANYELEMENT, 'i', true, ARGS(OID_ANYELEMENT), .window = WINDOW_LAG),
    WINDOW(3107, "lag", OID_ANYELEMENT, 'i', true, ARGS(OID_ANYELEMENT, OID_INT4),
           .window = WINDOW_LAG),
    WINDOW(3108, "lag", OID_ANYCOMPATIBLE, 'i', true,
           ARGS(OID_ANYCOMPATIBLE, OID_INT4, OID_ANYCOMPATIBLE), .window = WINDOW_LAG),
    WINDOW(3109, "lead", OID_ANYELEMENT, 'i', true, ARGS(OID_ANYELEMENT), .window = WINDOW_LEAD),
    WINDOW(3110, "lead", OID_ANYELEMENT, 'i', true, ARGS(OID_ANYELEMENT, OID_INT4),
           .window = WINDOW_LEAD),
    WINDOW(3111, "lead", OID_ANYCOMPATIBLE, 'i', true,
           ARGS(OID_ANYCOMPATIBLE, OID_INT4, OID_ANYCOMPATIBLE), .window = WINDOW_LEAD),
    WINDOW(3112, "first_value", OID_ANYELEMENT, 'i', true, ARGS(OID_ANYELEMENT),
           .window = WINDOW_FIRST_VALUE),
    WINDOW(3113, "last_value", OID_ANYELEMENT, 'i', true, ARGS(OID_ANYELEMENT),
           .window = WINDOW_LAST_VALUE),
    WINDOW(3114, "nth_value", OID_ANYELEMENT, 'i', true, ARGS(OID_ANYELEMENT, OID_INT4),
           .window = WINDOW_NTH_VALUE),
};

const struct func_table func_table_window = {funcs, KY_COUNT_OF(funcs), NULL, 0};
