/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/rerun.h"

#include "server/base/arena.h"
#include "server/base/budget.h"
#include "server/base/map.h"

/* By the hash of a row's ids: how often it was given out, and from bit 32 on how often it is still
 * to be passed over. */
enum { PASS_SHIFT = 32, NOTE_SIZE = 32 /* of the map, a row */ };
#define GIVEN_MASK ((UINT64_C(1) << PASS_SHIFT) - 1)

struct rerun {
    struct ky_map64 notes;
    struct ky_budget *budget;
    uint64_t charged;
    struct batch kept;
    uint16_t places[BATCH_SIZE_MAX];
};

struct rerun *
rerun_new(struct ky_budget *budget)
{
    struct rerun *rerun = ky_calloc(1, sizeof(*rerun));
    rerun->budget = budget;
    return rerun;
}

void
rerun_free(struct rerun *rerun)
{
    if (rerun != NULL) {
        ky_budget_release(rerun->budget, rerun->charged);
        ky_map64_deinit(&rerun->notes);
        ky_free(rerun);
    }
}

void
rerun_begin(struct rerun *rerun)
{
    size_t cursor = 0;
    uint64_t key;
    uint64_t value;
    while (ky_map64_next(&rerun->notes, &cursor, &key, &value)) {
        value &= GIVEN_MASK;
        *ky_map64_find(&rerun->notes, key) = value << PASS_SHIFT | value;
    }
}

static ky_status
note(struct rerun *rerun, uint64_t key, bool *is_new_out, struct ky_error *err)
{
    bool is_new_key = false;
    uint64_t *value = ky_map64_put(&rerun->notes, key, &is_new_key);
    *is_new_out = *value >> PASS_SHIFT == 0;
    if (!*is_new_out) {
        *value -= UINT64_C(1) << PASS_SHIFT;
        return KY_OK;
    }
    ++*value;
    if (is_new_key) {
        KY_TRY(ky_budget_charge(rerun->budget, NOTE_SIZE, err));
        rerun->charged += NOTE_SIZE;
    }
    return KY_OK;
}

ky_status
rerun_take(struct rerun *rerun, const struct exec *exec, struct batch **batch, struct ky_error *err)
{
    struct exec_origin origins[EXEC_ORIGINS_MAX];
    row_id_t ids[EXEC_ORIGINS_MAX];
    const struct batch *whole = *batch;
    const uint16_t count = exec_origins(exec, origins);
    uint32_t kept = 0;
    for (uint32_t row = 0; row < whole->count; row++) {
        const uint32_t place = batch_place(whole, row);
        bool is_new = false;
        for (uint16_t i = 0; i < count; i++) {
            ids[i] = exec_origin_row(&origins[i], place);
        }
        KY_TRY(note(rerun, ky_hash_bytes(ids, count * sizeof(ids[0]), 0), &is_new, err));
        rerun->places[kept] = (uint16_t)place;
        kept += is_new;
    }
    if (kept < whole->count) {
        rerun->kept = *whole;
        rerun->kept.selection = rerun->places;
        rerun->kept.count = kept;
        *batch = kept == 0 ? NULL : &rerun->kept;
    }
    return KY_OK;
}
