/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/op/scan.h"

/*
 * READ COMMITTED meets a row that another transaction changed since the snapshot: its newest
 * version is looked at alone, as PostgreSQL does (EvalPlanQual): the scan's bounds, filter and
 * projection are evaluated for it, and the statement goes on with the outcome in the row's place.
 * The caller holds the row's lock.
 */
struct recheck;

/* The scan that can be rechecked: of one stored table, also below a plain sort. NULL: the statement
 * must run again. */
struct op *recheck_scan(struct op *child);
/* For the operator that gives the rows to be locked. *recheck_out NULL: it has no such scan. */
KY_MUST_CHECK ky_status recheck_open(struct op *child, struct recheck **recheck_out,
                                     struct ky_error *err);
/* The newest version as a batch of the child's output with one row, valid until the next call;
 * NULL: gone, or it does not match any more. */
KY_MUST_CHECK ky_status recheck_row(struct recheck *recheck, row_id_t row_id,
                                    struct batch **batch_out, struct ky_error *err);
