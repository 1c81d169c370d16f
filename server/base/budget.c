/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A charge climbs from the statement to the server. Each level is raised with a compare and swap,
 * never above its limit, so that two statements cannot fail each other by overshooting together.
 */

#include "server/base/budget.h"

#include <inttypes.h>

#include "server/base/assert.h"

void
ky_budget_init(struct ky_budget *budget, const char *name, uint64_t limit, struct ky_budget *parent)
{
    budget->name = name;
    budget->limit = limit;
    budget->parent = parent;
    atomic_init(&budget->used, 0);
}

static ky_status
charge_one(struct ky_budget *budget, uint64_t size, struct ky_error *err)
{
    uint64_t limit = budget->limit == 0 ? UINT64_MAX : budget->limit;
    uint64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
    do {
        if (used > limit || size > limit - used) {
            (void)ky_error_set(err, KY_OUT_OF_MEMORY, "out of %s", budget->name);
            return ky_error_detail(err,
                                   "A request for %" PRIu64
                                   " bytes would pass the limit of %" PRIu64 " bytes; %" PRIu64
                                   " bytes are in use.",
                                   size, limit, used);
        }
    } while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, used + size,
                                                    memory_order_relaxed, memory_order_relaxed));
    return KY_OK;
}

static void
release_one(struct ky_budget *budget, uint64_t size)
{
    uint64_t before = atomic_fetch_sub_explicit(&budget->used, size, memory_order_relaxed);
    KY_ASSERT(before >= size);
}

ky_status
ky_budget_charge(struct ky_budget *budget, uint64_t size, struct ky_error *err)
{
    for (struct ky_budget *level = budget; level != NULL; level = level->parent) {
        if (charge_one(level, size, err) != KY_OK) {
            for (struct ky_budget *done = budget; done != level; done = done->parent) {
                release_one(done, size);
            }
            return KY_ERR;
        }
    }
    return KY_OK;
}

void
ky_budget_release(struct ky_budget *budget, uint64_t size)
{
    for (; budget != NULL; budget = budget->parent) {
        release_one(budget, size);
    }
}
