/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/func/func_private.h"
#include "server/types/datetime.h"

/* The heads of an aggregate's functions. */
#define AGGREGATE_ADD(name)                                                            \
    static ky_status name(struct func_env *env KY_UNUSED, void *state,                 \
                          const struct datum *args KY_UNUSED, int arg_count KY_UNUSED, \
                          struct ky_error *err KY_UNUSED)
#define AGGREGATE_FINISH(name)                                                                  \
    static ky_status name(struct func_env *env KY_UNUSED, const void *state, struct datum *out, \
                          struct ky_error *err KY_UNUSED)
#define AGGREGATE_COMBINE(name)                                                           \
    static ky_status name(struct func_env *env KY_UNUSED, void *state, const void *other, \
                          struct ky_error *err KY_UNUSED)

/* Bytes that a state owns in its arena, replaced in place when the new ones fit. */
struct held_bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
};
void held_bytes_set(struct held_bytes *held, struct ky_arena *arena, struct ky_slice value);

/* interval * factor and interval / divisor, PostgreSQL's cascade of remainders. */
KY_MUST_CHECK ky_status func_interval_multiply(struct interval value, double factor,
                                               struct interval *out, struct ky_error *err);
KY_MUST_CHECK ky_status func_interval_divide(struct interval value, double divisor,
                                             struct interval *out, struct ky_error *err);
