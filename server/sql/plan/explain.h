/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/sql/plan/plan.h"

/* What EXPLAIN's files share. */

/* A subquery that runs once, before it is wanted first: an InitPlan. */
bool plan_is_init(const struct expr *expr);
/* Output column index of a node. */
void plan_print_output(const struct plan *node, uint32_t index, struct ky_buffer *out);
