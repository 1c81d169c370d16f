/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/exec.h"

/*
 * The rows that a locking statement has given out, known by the ids of what it locked for them.
 * Run again with a later snapshot it meets them again, they are locked, and passes them over; a
 * row that comes twice is passed over as often as it was given out.
 */
struct rerun;

/* The budget outlives it. */
struct rerun *rerun_new(struct ky_budget *budget);
/* NULL is nothing. */
void rerun_free(struct rerun *rerun);
/* The statement starts over: all rows so far are to be passed over. */
void rerun_begin(struct rerun *rerun);
/* Notes the rows of a batch that exec has given out, or passes them over: the batch becomes one of
 * the others, NULL when there are none. Valid until the next call. 53200. */
KY_MUST_CHECK ky_status rerun_take(struct rerun *rerun, const struct exec *exec,
                                   struct batch **batch, struct ky_error *err);
