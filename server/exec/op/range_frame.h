/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/func/func.h"

/*
 * RANGE n PRECEDING and FOLLOWING: the value that lies so far from a row's, and where others lie
 * to it. Sums that no value of the type can reach are beyond all values, not errors.
 */
struct range_frame {
    const struct type *type;
    const struct func *plus, *minus; /* dates and their kind: value and interval */
    const struct func *at_most, *at_least;
};

struct range_bound {
    enum { BOUND_VALUE, BOUND_BELOW_ALL, BOUND_ABOVE_ALL, BOUND_ANYWHERE } kind;
    struct datum value;
};

/* 0A000 when the types do not go together; the binder has seen to that. */
KY_MUST_CHECK ky_status range_frame_open(struct range_frame *frame, const struct type *type,
                                         const struct type *offset_type, struct ky_error *err);
/* 22013: negative, or not a number. */
KY_MUST_CHECK ky_status range_frame_check(const struct range_frame *frame, struct datum offset,
                                          struct ky_error *err);
KY_MUST_CHECK ky_status range_frame_bound(const struct range_frame *frame, struct func_env *env,
                                          struct datum base, struct datum offset, bool is_minus,
                                          struct range_bound *bound_out, struct ky_error *err);
/* value <= bound, or with is_least value >= bound; value is not null. */
KY_MUST_CHECK ky_status range_frame_holds(const struct range_frame *frame, struct func_env *env,
                                          struct datum value, const struct range_bound *bound,
                                          bool is_least, bool *holds_out, struct ky_error *err);
