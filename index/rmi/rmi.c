/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Life of a learned index, and changes to it. All changes are made under the lock. What is in the
 * run or in a tail dies by a bit in its row word and lives again the same way; all else is
 * in trees. While a rebuild runs, entries do not come back to life in the run or the frozen
 * part, which it may have read already: they go into the active part, and every change is logged
 * for the rebuild to catch up with.
 */

#include "index/rmi/rmi.h"

#include "index/rmi/gather.h"
#include "index/rmi/rebuild.h"
#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"

struct rmi_delta *
rmi_delta_new(const struct rmi_shape *shape)
{
    struct rmi_delta *delta = (struct rmi_delta *)ky_calloc(1, sizeof(*delta));
    btree_init(&delta->tree);
    delta->shape = *shape;
    return delta;
}

void
rmi_delta_free(void *pointer)
{
    struct rmi_delta *delta = (struct rmi_delta *)pointer;
    if (delta != NULL) {
        btree_deinit(&delta->tree);
        rmi_tail_deinit(&delta->tail);
        rmi_filter_free(delta->filter);
        ky_free(delta);
    }
}

void
rmi_retire(struct rmi_state *state, struct rmi_run *run, struct rmi_delta *delta,
           struct rmi_delta *other)
{
    if (state != NULL) {
        ky_epoch_retire(state, ky_free);
    }
    if (run != NULL) {
        ky_epoch_retire(run, rmi_run_free);
    }
    if (delta != NULL) {
        ky_epoch_retire(delta, rmi_delta_free);
    }
    if (other != NULL) {
        ky_epoch_retire(other, rmi_delta_free);
    }
}

void
rmi_publish(struct rmi *rmi, struct rmi_run *run, struct rmi_delta *active,
            struct rmi_delta *frozen, struct rmi_delta *odd)
{
    struct rmi_state *state = (struct rmi_state *)ky_calloc(1, sizeof(*state));
    state->run = run;
    state->active = active;
    state->frozen = frozen;
    state->odd = odd;
    KY_ASSERT(frozen == NULL || active->filter != NULL);
    const bool is_asked = frozen != NULL || !rmi_delta_is_empty(active);
    atomic_init(&state->filter, is_asked ? active->filter : NULL);
    state->frozen_filter = frozen == NULL ? NULL : frozen->filter;
    atomic_store_explicit(&rmi->state, state, memory_order_release);
    atomic_store_explicit(&rmi->find, rmi_finder_of(run, is_asked), memory_order_release);
}

void
rmi_init(struct rmi *rmi)
{
    ky_mutex_init(&rmi->lock);
    ky_mutex_init(&rmi->rebuild_lock);
    struct rmi_run *run = rmi_run_new_empty();
    atomic_store_explicit(&rmi->reason, "too few keys", memory_order_relaxed);
    rmi_publish(rmi, run, rmi_delta_new(&run->shape), NULL, NULL);
}

void
rmi_deinit(struct rmi *rmi)
{
    struct rmi_state *state = rmi_state_of(rmi);
    rmi_run_free(state->run);
    for (uint32_t i = 0; i < RMI_PARTS; i++) {
        rmi_delta_free(state->parts[i]);
    }
    ky_free(state);
    ky_buffer_deinit(&rmi->changes);
    ky_mutex_deinit(&rmi->lock);
    ky_mutex_deinit(&rmi->rebuild_lock);
}

uint64_t
rmi_delta_find_tail(const struct rmi_delta *delta, struct ky_slice key, row_id_t row_id)
{
    const uint64_t count = rmi_tail_count(&delta->tail);
    if (count == 0 || !rmi_shape_fits(&delta->shape, key)) {
        return UINT64_MAX;
    }
    const uint64_t code = rmi_shape_code(&delta->shape, key);
    const uint64_t at = rmi_tail_lower(&delta->tail, count, code, row_id);
    const bool is_found = at < count && rmi_tail_at(&delta->tail, at)->code == code &&
                          (rmi_tail_word(&delta->tail, at) & RMI_ROW_MASK) == row_id;
    return is_found ? at : UINT64_MAX;
}

/* ---- inserting */

static void
count_entry(struct rmi *rmi)
{
    /* Nobody else writes it: no need for a locked instruction. */
    const uint64_t entries = atomic_load_explicit(&rmi->entries, memory_order_relaxed);
    atomic_store_explicit(&rmi->entries, entries + 1, memory_order_relaxed);
}

static void
revive(struct rmi *rmi, struct rmi_run *run, uint64_t slot)
{
    atomic_fetch_and_explicit(rmi_slot_row(run, slot), ~RMI_ROW_IS_DEAD, memory_order_release);
    atomic_fetch_sub_explicit(&run->dead_count, 1, memory_order_relaxed);
    count_entry(rmi);
}

static bool
tree_has(struct rmi_delta *part, struct ky_slice key, row_id_t row_id)
{
    return atomic_load_explicit(&part->tree.entries, memory_order_relaxed) > 0 &&
           btree_has(&part->tree, key, row_id);
}

static bool
part_has(struct rmi_delta *part, struct ky_slice key, row_id_t row_id)
{
    if (rmi_delta_is_empty(part)) {
        return false;
    }
    const uint64_t at = rmi_delta_find_tail(part, key, row_id);
    if (at != UINT64_MAX && (rmi_tail_word(&part->tail, at) & RMI_ROW_IS_DEAD) == 0) {
        return true;
    }
    return tree_has(part, key, row_id);
}

/* Where new entries go: without a run, beside all the others. */
static struct rmi_delta *
insert_target(const struct rmi_state *state)
{
    const bool has_run = state->run->entry_count > 0;
    return has_run || state->odd == NULL || state->frozen != NULL ? state->active : state->odd;
}

/* Adds to the active part what neither the run nor the other parts hold; is_new: nor does it. */
static bool
insert_into(const struct rmi_state *state, struct ky_slice key, row_id_t row_id, bool is_new)
{
    struct rmi_delta *target = insert_target(state);
    if (rmi_shape_fits(&target->shape, key) && target->shape.is_exact) {
        /* What the tail takes is after all that it holds. */
        const uint64_t code = rmi_shape_code(&target->shape, key);
        if (is_new
                ? rmi_tail_push(&target->tail, code, row_id)
                : rmi_tail_accepts(&target->tail, code, row_id) && !tree_has(target, key, row_id) &&
                      rmi_tail_push(&target->tail, code, row_id)) {
            return true;
        }
    }
    const uint64_t at = is_new ? UINT64_MAX : rmi_delta_find_tail(target, key, row_id);
    if (at != UINT64_MAX) {
        _Atomic uint64_t *row = &rmi_tail_at(&target->tail, at)->row;
        if ((atomic_load_explicit(row, memory_order_relaxed) & RMI_ROW_IS_DEAD) == 0) {
            return false;
        }
        if (tree_has(target, key, row_id)) {
            return false;
        }
        atomic_fetch_and_explicit(row, ~RMI_ROW_IS_DEAD, memory_order_release);
        return true;
    }
    return btree_insert(&target->tree, key, row_id);
}

/* From now on lookups of the key look into the active part, too. */
static void
add_to_filter(struct rmi *rmi, struct rmi_state *state, struct ky_slice key)
{
    struct rmi_delta *active = state->active;
    if (KY_UNLIKELY(active->filter == NULL)) {
        active->filter = rmi_filter_new(rmi_delta_wanted(state->run->entry_count));
    }
    rmi_filter_add(active->filter, rmi_hash_key(key));
    if (KY_UNLIKELY(rmi_state_filter(state) == NULL)) {
        atomic_store_explicit(&state->filter, active->filter, memory_order_release);
        atomic_store_explicit(&rmi->find, rmi_finder_of(state->run, true), memory_order_release);
    }
}

enum known { IS_ABSENT, IS_PRESENT, IS_REVIVED };

/* Is the entry there, or dead in the run and may live again? */
static enum known
find_entry(struct rmi *rmi, const struct rmi_state *state, struct ky_slice key, row_id_t row_id)
{
    struct rmi_run *run = state->run;
    bool may_be_in_parts = true;
    if (rmi_shape_fits(&run->shape, key)) {
        const uint64_t code = rmi_shape_code(&run->shape, key);
        may_be_in_parts = rmi_state_may_be_elsewhere(state, code, key);
        const uint64_t slot = code <= run->last_code ? rmi_run_find(run, key, row_id) : UINT64_MAX;
        if (slot != UINT64_MAX) {
            if ((rmi_slot_word(run, slot) & RMI_ROW_IS_DEAD) == 0) {
                return IS_PRESENT;
            }
            if (!rmi->is_rebuilding && !(may_be_in_parts && part_has(state->active, key, row_id))) {
                revive(rmi, run, slot);
                return IS_REVIVED;
            }
        }
    }
    if (may_be_in_parts) {
        const struct rmi_delta *target = insert_target(state);
        for (uint32_t i = 0; i < RMI_PARTS; i++) {
            if (state->parts[i] != target && part_has(state->parts[i], key, row_id)) {
                return IS_PRESENT;
            }
        }
    }
    return IS_ABSENT;
}

static bool
insert_locked(struct rmi *rmi, struct ky_slice key, row_id_t row_id)
{
    struct rmi_state *state = rmi_state_of(rmi);
    const struct rmi_run *run = state->run;
    /* Rows are numbered as they come: an entry of a new row need not be looked for. */
    const bool is_new = row_id > rmi->row_max;
    if (KY_LIKELY(is_new)) {
        rmi->row_max = row_id;
    } else {
        const enum known known = find_entry(rmi, state, key, row_id);
        if (known != IS_ABSENT) {
            return known == IS_REVIVED;
        }
    }
    if (state->frozen != NULL ||
        (rmi_shape_fits(&run->shape, key) && rmi_shape_code(&run->shape, key) <= run->last_code)) {
        add_to_filter(rmi, state, key);
    }
    if (!insert_into(state, key, row_id, is_new)) {
        return false;
    }
    count_entry(rmi);
    return true;
}

bool
rmi_insert(struct rmi *rmi, struct ky_slice key, row_id_t row_id)
{
    ky_mutex_lock(&rmi->lock);
    const bool is_new = insert_locked(rmi, key, row_id);
    ky_mutex_unlock(&rmi->lock);
    return is_new;
}

enum index_verdict
rmi_insert_unique(struct rmi *rmi, struct ky_slice key, row_id_t row_id, index_judge judge,
                  void *arg, row_id_t *existing_out, bool *is_new_out)
{
    enum { AT_ONCE = 64 };
    row_id_t few[AT_ONCE];
    row_id_t *found = few;
    enum index_verdict verdict = INDEX_IGNORE;
    bool is_own = false;
    *is_new_out = false;
    ky_mutex_lock(&rmi->lock);
    uint32_t count = rmi_find(rmi, key, few, AT_ONCE);
    if (count > AT_ONCE) {
        found = (row_id_t *)ky_malloc(count * sizeof(row_id_t));
        count = KY_MIN(rmi_find(rmi, key, found, count), count);
    }
    for (uint32_t i = 0; i < count && verdict == INDEX_IGNORE; i++) {
        if (found[i] == row_id) {
            is_own = true;
            continue;
        }
        verdict = judge(arg, found[i]);
        if (verdict != INDEX_IGNORE) {
            *existing_out = found[i];
        }
    }
    if (verdict == INDEX_IGNORE && !is_own) {
        *is_new_out = insert_locked(rmi, key, row_id);
    }
    ky_mutex_unlock(&rmi->lock);
    if (found != few) {
        ky_free(found);
    }
    return verdict;
}

/* ---- removing */

static bool
remove_from_part(struct rmi_delta *part, struct ky_slice key, row_id_t row_id)
{
    if (rmi_delta_is_empty(part)) {
        return false;
    }
    const uint64_t at = rmi_delta_find_tail(part, key, row_id);
    if (at != UINT64_MAX) {
        const uint64_t before = atomic_fetch_or_explicit(&rmi_tail_at(&part->tail, at)->row,
                                                         RMI_ROW_IS_DEAD, memory_order_release);
        if ((before & RMI_ROW_IS_DEAD) == 0) {
            return true;
        }
    }
    return btree_remove(&part->tree, key, row_id);
}

static bool
remove_from_run(struct rmi_run *run, struct ky_slice key, row_id_t row_id)
{
    const uint64_t slot = rmi_run_find(run, key, row_id);
    if (slot == UINT64_MAX || (rmi_slot_word(run, slot) & RMI_ROW_IS_DEAD) != 0) {
        return false;
    }
    rmi_slot_mark(run, slot, RMI_ROW_IS_DEAD);
    atomic_fetch_add_explicit(&run->dead_count, 1, memory_order_relaxed);
    return true;
}

bool
rmi_remove(struct rmi *rmi, struct ky_slice key, row_id_t row_id)
{
    ky_mutex_lock(&rmi->lock);
    const struct rmi_state *state = rmi_state_of(rmi);
    bool is_logged = true;
    bool is_removed = remove_from_run(state->run, key, row_id) ||
                      remove_from_part(state->frozen, key, row_id) ||
                      remove_from_part(state->odd, key, row_id);
    if (!is_removed) {
        /* The active part outlives a rebuild. */
        is_logged = false;
        is_removed = remove_from_part(state->active, key, row_id);
    }
    if (is_removed) {
        atomic_fetch_sub_explicit(&rmi->entries, 1, memory_order_relaxed);
    }
    if (is_removed && is_logged && rmi->is_rebuilding) {
        rmi_log_removal(rmi, key, row_id);
    }
    ky_mutex_unlock(&rmi->lock);
    return is_removed;
}
