/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/func/func.h"

/* A subscript of a jsonb value: a key, or the number of an element (negative: from the end). */
struct jsonb_subscript {
    struct ky_slice text; /* decimal when it was an integer */
    bool is_integer;
};

/* container[path..] = value, as UPDATE .. SET does: what is missing on the way is made, arrays are
 * filled up with nulls. A null container starts as an array or object, a null value is JSON's.
 * 22023, 22P02, 54000. */
KY_MUST_CHECK ky_status jsonb_assign(struct func_env *env, struct datum container,
                                     const struct jsonb_subscript *path, int path_count,
                                     struct datum value, struct datum *out, struct ky_error *err);
