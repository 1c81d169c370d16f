/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/exec_private.h"

/* LIMIT and OFFSET as numbers: UINT64_MAX is no limit. 2201W, 2201X. */
KY_MUST_CHECK ky_status limit_evaluate(struct op *op, struct eval *limit, struct eval *offset,
                                       uint64_t *limit_out, uint64_t *offset_out,
                                       struct ky_error *err);
