/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/exec_private.h"

/*
 * The inner side of a lookup join: an index scan whose bounds are whole keys, read for many outer
 * rows at a time. The join begins a round, sets the slots for one outer row after the other and
 * notes each row's key; then op_next() gives the inner rows of all of them, in the order in which
 * the keys were noted, and EXEC_END when the round is over.
 */

/* Outer rows of a round. */
enum { LOOKUP_ROWS_MAX = 256 };

/* Sets the slots for the outer row that was noted as `outer`. */
typedef void (*lookup_set_slots)(void *arg, uint32_t outer);

/* An index scan that op_index_lookup can run: equality on all columns of the key. */
bool index_lookup_serves(const struct plan *scan);
/* After opening it. set_slots is called where the scan's filter reads slots. */
void index_lookup_use(struct op *op, lookup_set_slots set_slots, void *arg);
/* A new round without keys; what is left of the one before is dropped. */
void index_lookup_begin(struct op *op);
/* Notes the key of an outer row, for which the slots are set. A key with a null is none.
 * *is_full_out: no more of them in this round. */
KY_MUST_CHECK ky_status index_lookup_note(struct op *op, uint32_t outer, bool *is_full_out,
                                          struct ky_error *err);
/* Of the last batch: the outer row that the inner row at a place belongs to. */
uint32_t index_lookup_outer(const struct op *op, uint32_t place);

extern const struct op_class op_index_lookup;
