/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A charge climbs from the statement to the server. Each level is raised with a compare and swap,
 * never above its limit, so that two statements cannot fail each other by overshooting together.
 */

#include "server/base/budget.h"

#include <inttypes.h>
#include <string.h>

#include "server/base/arena.h"
#include "server/base/assert.h"

void
ky_budget_init(struct ky_budget *budget, const char *name, uint64_t limit, struct ky_budget *parent)
{
    budget->name = name;
    budget->limit = limit;
    budget->parent = parent;
    budget->spill = NULL;
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
ky_budget_note(struct ky_budget *budget, uint64_t size)
{
    for (; budget != NULL; budget = budget->parent) {
        atomic_fetch_add_explicit(&budget->used, size, memory_order_relaxed);
    }
}

void
ky_budget_release(struct ky_budget *budget, uint64_t size)
{
    for (; budget != NULL; budget = budget->parent) {
        release_one(budget, size);
    }
}

/* ------------------------------------------------------------------ arrays */

uint64_t
ky_budget_charged_size(const struct ky_budget *budget, uint64_t size)
{
    return budget == NULL || budget->spill == NULL || size <= budget->spill->work_mem ? size : 0;
}

void *
ky_budget_resize(struct ky_budget *budget, void *memory, size_t old_size, size_t size)
{
    if (ky_budget_charged_size(budget, size) != 0 || size == 0) {
        return ky_realloc(memory, size);
    }
    void *moved = ky_spill_alloc(budget->spill, size);
    if (moved == NULL) {
        /* The next check says so. Until then it has to live somewhere. */
        moved = ky_malloc(size);
    }
    if (old_size > 0) {
        memcpy(moved, memory, old_size);
    }
    ky_budget_free(budget, memory);
    return moved;
}

void
ky_budget_free(struct ky_budget *budget, void *memory)
{
    if (budget == NULL || budget->spill == NULL || !ky_spill_free(budget->spill, memory)) {
        ky_free(memory);
    }
}

ky_status
ky_budget_check(const struct ky_budget *budget, struct ky_error *err)
{
    return budget == NULL || budget->spill == NULL ? KY_OK : ky_spill_check(budget->spill, err);
}
