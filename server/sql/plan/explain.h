/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/sql/plan/explain_format.h"
#include "server/sql/plan/plan.h"

/* What EXPLAIN's files share. */

/* One statement being explained. */
struct explain {
    const struct statement_plan *plan;
    const struct plan *top;
    const struct explain_options *options;
    explain_lookup lookup;
    void *arg;
    struct explain_out out;
};

/* A subquery that runs once, before it is wanted first: an InitPlan. */
bool plan_is_init(const struct expr *expr);
/* Output column index of a node. */
void plan_print_output(const struct plan *node, uint32_t index, struct ky_buffer *out);

/* ------------------------------------------------------------------ explain_detail.c */

/* The columns that the node gives, with VERBOSE. */
void explain_tell_output(struct explain *explain, const struct plan *node);
void explain_tell_details(struct explain *explain, const struct plan *node);
bool explain_is_modify(const struct plan *node);

/* ------------------------------------------------------------------ explain_numbers.c */

/* Behind the heading of the text form. */
void explain_write_numbers(struct explain *explain, const struct plan *node);
/* The same as properties. A node that never ran has zeros. */
void explain_tell_numbers(struct explain *explain, const struct plan *node);
/* What ANALYZE measured of it; NULL: it never ran. */
const struct explain_actual *explain_measured(const struct explain *explain,
                                              const struct plan *node);
/* What else was measured: rows removed, the operator's note. */
void explain_tell_measured(struct explain *explain, const struct plan *node);
