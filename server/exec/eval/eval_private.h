/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/exec_private.h"

typedef ky_status (*eval_run)(struct eval *eval, const struct eval_input *input,
                              const uint16_t *selection, uint32_t count,
                              const struct column **column_out, struct ky_error *err);

/* One node. Arrays are made on first use and grow with the batches. */
struct eval {
    eval_run run;
    struct exec *exec;
    const struct expr *expr;
    const struct type *type;
    struct eval **args;
    uint16_t arg_count;
    bool is_constant; /* one value for the whole statement, computed when first wanted */
    bool is_known;    /* value holds it */
    uint32_t filled;  /* places of result that hold value */
    struct datum value;
    struct column result;
    uint32_t capacity;    /* of result */
    uint16_t *scratch[2]; /* selections */
    uint32_t scratch_capacity[2];
    struct column *arg_columns; /* by argument */
    struct datum *arg_values;
    const struct type **arg_types;
    struct eval_subquery *subquery;
    struct eval **checks; /* DOMAIN */
    struct eval *older;   /* chain of all of exec */
};

/* Finds the function that runs a kind. NULL: no such kind in plans. */
eval_run eval_run_find(const struct expr *expr);
#define EVAL_RUN(name)                                                                           \
    ky_status name(struct eval *eval, const struct eval_input *input, const uint16_t *selection, \
                   uint32_t count, const struct column **column_out, struct ky_error *err)
EVAL_RUN(eval_run_func);
EVAL_RUN(eval_run_cast);
EVAL_RUN(eval_run_coerce);
EVAL_RUN(eval_run_domain);
EVAL_RUN(eval_run_and);
EVAL_RUN(eval_run_or);
EVAL_RUN(eval_run_not);
EVAL_RUN(eval_run_is_null);
EVAL_RUN(eval_run_bool_test);
EVAL_RUN(eval_run_distinct);
EVAL_RUN(eval_run_case);
EVAL_RUN(eval_run_coalesce);
EVAL_RUN(eval_run_nullif);
EVAL_RUN(eval_run_minmax);
EVAL_RUN(eval_run_array_op);
EVAL_RUN(eval_run_array);
EVAL_RUN(eval_run_subscript);
EVAL_RUN(eval_run_assign);
EVAL_RUN(eval_run_row);
EVAL_RUN(eval_run_field);
EVAL_RUN(eval_run_row_compare);
EVAL_RUN(eval_run_subquery);

KY_MUST_CHECK ky_status eval_subquery_compile(struct eval *eval, struct ky_error *err);

/* Readies result for these places, without nulls. */
struct column *eval_begin(struct eval *eval, const uint16_t *selection, uint32_t count);
/* All arguments for all places, into arg_columns; those of one place, into arg_values. An argument
 * that is not there (an open bound) is left as it is. */
KY_MUST_CHECK ky_status eval_args(struct eval *eval, const struct eval_input *input,
                                  const uint16_t *selection, uint32_t count, struct ky_error *err);
void eval_load_args(struct eval *eval, uint32_t place);
uint16_t *eval_scratch(struct eval *eval, int which, uint32_t count);
/* Calls func on one row with strictness; argument types as given. */
KY_MUST_CHECK ky_status eval_call(struct eval *eval, const struct func *func,
                                  const struct type *const *arg_types,
                                  const struct type *result_type, struct ky_arena *arena,
                                  const struct datum *args, int arg_count, struct datum *out,
                                  struct ky_error *err);

static inline uint32_t
eval_place(const uint16_t *selection, uint32_t row)
{
    return selection == NULL ? row : selection[row];
}
