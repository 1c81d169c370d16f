/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/compiler.h"

/* The one seam for time. Tests install a fake with ky_clock_set. */
struct ky_clock {
    int64_t (*wall_us)(void *self);      /* microseconds since 1970-01-01 UTC */
    int64_t (*monotonic_ns)(void *self); /* never goes back */
    void *self;
};

int64_t ky_wall_us(void);
int64_t ky_monotonic_ns(void);
/* NULL restores the machine's clock. Not while threads run. */
void ky_clock_set(const struct ky_clock *clock);
