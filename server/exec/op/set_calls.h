/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/exec_private.h"

/* One running call of a set-returning function (or one row of a plain one). */
struct set_call {
    const struct expr *expr; /* EXPR_SET; else a plain expression: one row */
    struct eval **args;
    struct eval *plain;
    struct datum *arg_values;
    const struct type **arg_types;
    const struct type **types; /* of values; of a set-returning function only */
    struct func_rows *rows;
    struct datum *values; /* of the current row */
    uint16_t width;       /* columns of a row */
    bool is_done;         /* ended: values are null */
};

KY_MUST_CHECK ky_status set_call_compile(struct exec *exec, const struct expr *expr,
                                         struct set_call *call, struct ky_error *err);
/* Starts it for one row of the input; its state lives in arena. */
KY_MUST_CHECK ky_status set_call_start(struct exec *exec, struct set_call *call,
                                       const struct eval_input *input, uint32_t place,
                                       struct ky_arena *arena, struct ky_error *err);
/* The row as one value: of several columns a record. In arena where it is not borrowed. */
struct datum set_call_value(const struct set_call *call, struct ky_arena *arena);
/* The next row into values; null values once it ended. */
KY_MUST_CHECK ky_status set_call_next(struct exec *exec, struct set_call *call,
                                      struct ky_arena *arena, struct ky_error *err);
