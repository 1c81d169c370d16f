/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/clock.h"

#include <time.h>

#include "server/base/assert.h"

static struct timespec
read_clock(clockid_t id)
{
    struct timespec now = {0};
    int result = clock_gettime(id, &now);
    KY_ASSERT(result == 0);
    return now;
}

static int64_t
machine_wall_us(void *self)
{
    (void)self;
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t
machine_monotonic_ns(void *self)
{
    (void)self;
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static const struct ky_clock machine_clock = {machine_wall_us, machine_monotonic_ns, NULL};

/* Immutable while threads run. */
static struct ky_clock current_clock = {machine_wall_us, machine_monotonic_ns, NULL};

int64_t
ky_wall_us(void)
{
    return current_clock.wall_us(current_clock.self);
}

int64_t
ky_monotonic_ns(void)
{
    return current_clock.monotonic_ns(current_clock.self);
}

void
ky_clock_set(const struct ky_clock *clock)
{
    current_clock = clock != NULL ? *clock : machine_clock;
}
