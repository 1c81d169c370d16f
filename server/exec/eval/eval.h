/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/sql/expr.h"
#include "server/types/batch.h"

/*
 * Expressions at run time: a tree of states that mirrors the expression, made once per
 * statement, evaluated over whole batches. Results lie at the same places as the input
 * rows, so a selection narrows work without moving data.
 */
struct exec;
struct eval;

/* What an evaluation reads, and where bytes of results go. */
struct eval_input {
    const struct column *columns; /* EXPR_INPUT */
    uint32_t column_count;
    struct ky_arena *arena;
};

/* For another run: parameters have other values, constants are computed anew. */
void eval_renew_all(struct exec *exec);
KY_MUST_CHECK ky_status eval_compile(struct exec *exec, const struct expr *expr,
                                     struct eval **eval_out, struct ky_error *err);

/* Evaluates the places of selection (NULL: 0..count-1), count > 0. The column is valid until the
 * next evaluation, its bytes as long as the arena, the input or the statement; other places are
 * undefined. */
KY_MUST_CHECK ky_status eval_column(struct eval *eval, const struct eval_input *input,
                                    const uint16_t *selection, uint32_t count,
                                    const struct column **column_out, struct ky_error *err);
/* The places where a boolean is true, in order. places_out may be selection itself. */
KY_MUST_CHECK ky_status eval_filter(struct eval *eval, const struct eval_input *input,
                                    const uint16_t *selection, uint32_t count, uint16_t *places_out,
                                    uint32_t *count_out, struct ky_error *err);
/* One row. */
KY_MUST_CHECK ky_status eval_datum(struct eval *eval, const struct eval_input *input,
                                   uint32_t place, struct datum *out, struct ky_error *err);
const struct type *eval_type(const struct eval *eval);
/* Sets is_used[i - shift] for every input column i >= shift that expr reads. */
void eval_mark_inputs(const struct expr *expr, uint32_t shift, uint8_t *is_used);
/* How many leading columns of its input a node's filter and projection can see. */
uint32_t eval_input_count(const struct plan *plan);
