/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Making runs: from a source, and from what the index holds while it is in use.
 *
 * A rebuild first freezes the active part, under the lock: from then on new entries go into
 * another one, and removals are logged. It merges the run, the frozen and the odd part without
 * any lock. What it read may have changed meanwhile, so it applies the log to what it built, in
 * rounds, the last one under the lock, and publishes. Why that is enough:
 *
 *   - an entry removed before the merge read it is not in the new run, and removing it again does
 *     nothing; one removed afterwards is, and is marked dead by its logged removal;
 *   - an entry inserted meanwhile is in the active part, which stays, and in its filter, whatever
 *     the last code of the new run will be.
 *
 * Readers of the old state go on with it until they leave their epoch.
 */

#include "index/rmi/rebuild.h"

#include "index/rmi/gather.h"
#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/epoch.h"
#include "server/base/failpoint.h"

enum {
    REBUILD_ENTRIES_MIN = 4096,
    REBUILD_DELTA_SHARE = 8, /* a rebuild when a tree holds an eighth of the run's entries */
    REBUILD_DEAD_SHARE = 4,
    REBUILD_TAIL_SHARE = 1,
    CATCH_UP_ROUNDS = 16,
    CATCH_UP_SIZE = 64 * 1024, /* bytes of log that are applied under the lock */
    MERGE_BATCH = 256,
};

/* ---- the log */

struct logged {
    row_id_t row_id;
    uint64_t key_size;
};

void
rmi_log_removal(struct rmi *rmi, struct ky_slice key, row_id_t row_id)
{
    const struct logged logged = {row_id, key.size};
    ky_buffer_append(&rmi->changes, &logged, sizeof(logged));
    if (key.size > 0) {
        ky_buffer_append_slice(&rmi->changes, key);
    }
}

/* From a run and its odd part that nobody else changes. */
static void
remove_logged(struct rmi_run *run, struct rmi_delta *odd, struct ky_slice key, row_id_t row_id)
{
    const uint64_t slot = rmi_run_find(run, key, row_id);
    if (slot != UINT64_MAX) {
        if ((rmi_slot_word(run, slot) & RMI_ROW_IS_DEAD) == 0) {
            rmi_slot_mark(run, slot, RMI_ROW_IS_DEAD);
            atomic_fetch_add_explicit(&run->dead_count, 1, memory_order_relaxed);
        }
    } else if (odd != NULL) {
        (void)btree_remove(&odd->tree, key, row_id);
    }
}

static void
apply_log(const struct ky_buffer *changes, struct rmi_run *run, struct rmi_delta *odd)
{
    for (size_t offset = 0; offset < changes->size;) {
        struct logged logged;
        memcpy(&logged, changes->data + offset, sizeof(logged));
        offset += sizeof(logged);
        remove_logged(run, odd, ky_slice(changes->data + offset, logged.key_size), logged.row_id);
        offset += logged.key_size;
    }
}

/* ---- making */

void
rmi_make(struct rmi_gather *gather, struct rmi_run **run_out, struct rmi_delta **odd_out,
         const char **reason_out)
{
    rmi_gather_finish(gather);
    struct rmi_run *run = NULL;
    const char *reason = gather->refusal;
    if (reason == NULL) {
        const struct rmi_input input = rmi_gather_input(gather);
        run = rmi_run_new(&gather->shape, &input);
        reason = run == NULL ? "the keys are too large for one run" : "built";
        if (run == NULL) {
            /* Only keys that are kept whole can be too large. */
            KY_ASSERT(gather->odd.count == 0 && !gather->shape.is_exact);
            gather->odd = gather->all;
            gather->all = (struct rmi_keys){0};
        }
    }
    if (run == NULL) {
        run = rmi_run_new_empty();
    }
    *odd_out = NULL;
    if (gather->odd.count > 0) {
        struct ky_error err;
        ky_error_init(&err);
        *odd_out = rmi_delta_new(&rmi_no_shape);
        /* Keys that were in an index already have valid sizes. */
        const ky_status status = btree_build(&(*odd_out)->tree, rmi_gather_next_odd, gather, &err);
        KY_ASSERT(status == KY_OK);
        for (uint64_t i = 0; i < gather->odd.count; i++) {
            (*odd_out)->row_max = KY_MAX((*odd_out)->row_max, gather->odd.rows[i]);
        }
    }
    *run_out = run;
    *reason_out = reason;
}

static void
note_build(struct rmi *rmi, const struct rmi_run *run, const char *reason, int64_t started_ns)
{
    const uint64_t entries = atomic_load_explicit(&rmi->entries, memory_order_relaxed);
    atomic_store_explicit(&rmi->built_entries, entries, memory_order_relaxed);
    atomic_store_explicit(&rmi->build_ns, ky_monotonic_ns() - started_ns, memory_order_relaxed);
    atomic_store_explicit(&rmi->reason, reason, memory_order_relaxed);
    atomic_fetch_add_explicit(&rmi->rebuilds, 1, memory_order_relaxed);
    if (run->entry_count == 0 && entries > 0) {
        atomic_fetch_add_explicit(&rmi->fallbacks, 1, memory_order_relaxed);
    }
}

ky_status
rmi_build(struct rmi *rmi, index_source next, void *arg, struct ky_error *err)
{
    const int64_t started_ns = ky_monotonic_ns();
    struct rmi_gather gather;
    struct index_entry entry;
    rmi_gather_init(&gather, NULL);
    while (next(arg, &entry)) {
        if (entry.key.size > INDEX_KEY_SIZE_MAX) {
            rmi_gather_deinit(&gather);
            return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                                "index row size %zu exceeds btree version 4 maximum %d",
                                entry.key.size, INDEX_KEY_SIZE_MAX);
        }
        KY_ASSERT(entry.row_id <= ROW_ID_MAX);
        rmi_gather_add(&gather, entry.key, entry.row_id);
    }
    struct rmi_run *run = NULL;
    struct rmi_delta *odd = NULL;
    const char *reason = NULL;
    rmi_make(&gather, &run, &odd, &reason);
    rmi_gather_deinit(&gather);
    rmi_judge(rmi, &run, &odd, &reason);
    rmi_adopt(rmi, run, odd, reason);
    atomic_store_explicit(&rmi->build_ns, ky_monotonic_ns() - started_ns, memory_order_relaxed);
    return KY_OK;
}

void
rmi_adopt(struct rmi *rmi, struct rmi_run *run, struct rmi_delta *odd, const char *reason)
{
    const int64_t started_ns = ky_monotonic_ns();
    uint64_t count = run->entry_count;
    count -= atomic_load_explicit(&run->dead_count, memory_order_relaxed);
    if (odd != NULL) {
        count += atomic_load_explicit(&odd->tree.entries, memory_order_relaxed);
    }
    ky_mutex_lock(&rmi->lock);
    struct rmi_state *old = rmi_state_of(rmi);
    KY_ASSERT(atomic_load_explicit(&rmi->entries, memory_order_relaxed) == 0);
    KY_ASSERT(!rmi->is_rebuilding);
    rmi->row_max = KY_MAX(run->row_max, odd == NULL ? 0 : odd->row_max);
    rmi_publish(rmi, run, rmi_delta_new(&run->shape), NULL, odd);
    atomic_store_explicit(&rmi->entries, count, memory_order_relaxed);
    note_build(rmi, run, reason, started_ns);
    ky_mutex_unlock(&rmi->lock);
    rmi_retire(old, old->run, old->active, old->odd);
}

/* ---- merging what is in use */

/* The entries of a part in order: its tree's and its tail's. */
struct part_source {
    struct rmi *view;
    struct index_scan scan;
    struct index_entry entries[MERGE_BATCH];
    uint32_t count;
    uint32_t next;
};

static void
gather_by_key(struct rmi *view, struct rmi_gather *gather)
{
    struct index_entry entries[MERGE_BATCH];
    struct index_scan scan = {0};
    for (uint32_t count; (count = rmi_scan_next(view, &scan, entries, MERGE_BATCH)) > 0;) {
        for (uint32_t i = 0; i < count; i++) {
            rmi_gather_add(gather, entries[i].key, entries[i].row_id);
        }
    }
    ky_buffer_deinit(&scan.keys);
    ky_buffer_deinit(&scan.last_key);
}

static bool
part_next(struct part_source *source, struct index_entry *entry_out)
{
    if (source->next == source->count) {
        source->count = rmi_scan_next(source->view, &source->scan, source->entries, MERGE_BATCH);
        source->next = 0;
        if (source->count == 0) {
            return false;
        }
    }
    *entry_out = source->entries[source->next++];
    return true;
}

/* An exact run's codes need not become keys in between. parts: all but the run. */
static void
gather_by_code(const struct rmi_run *run, struct rmi *parts, struct rmi_gather *gather)
{
    struct part_source *source = (struct part_source *)ky_calloc(1, sizeof(*source));
    source->view = parts;
    struct index_entry entry;
    bool has_entry = part_next(source, &entry);
    for (uint64_t slot = 0; slot < rmi_slot_end(run); slot++) {
        const uint64_t word = rmi_slot_word(run, slot);
        if ((word & (RMI_ROW_IS_PAD | RMI_ROW_IS_DEAD)) != 0) {
            continue;
        }
        const uint64_t code = rmi_slot_code(run, slot);
        const row_id_t row_id = word & RMI_ROW_MASK;
        while (has_entry) {
            if (rmi_shape_fits(&run->shape, entry.key)) {
                const uint64_t other = rmi_shape_code(&run->shape, entry.key);
                if (other > code || (other == code && entry.row_id > row_id)) {
                    break;
                }
            }
            rmi_gather_add(gather, entry.key, entry.row_id);
            has_entry = part_next(source, &entry);
        }
        rmi_gather_add_code(gather, code, row_id);
    }
    while (has_entry) {
        rmi_gather_add(gather, entry.key, entry.row_id);
        has_entry = part_next(source, &entry);
    }
    ky_buffer_deinit(&source->scan.keys);
    ky_buffer_deinit(&source->scan.last_key);
    ky_free(source);
}

void
rmi_gather_state(const struct rmi_state *state, struct rmi_gather *gather)
{
    /* A view of the parts that are merged: an index of its own, for reading. */
    struct rmi_run *empty = NULL;
    struct rmi_state view_state = *state;
    struct rmi view = {.is_rebuilding = false};
    const bool is_exact = state->run->entry_count > 0 && state->run->shape.is_exact;
    if (is_exact) {
        view_state.run = empty = rmi_run_new_empty();
    }
    atomic_init(&view.state, &view_state);
    atomic_init(&view.find, rmi_finder_of(view_state.run, false));
    rmi_gather_init(gather, is_exact ? &state->run->shape : NULL);
    if (is_exact) {
        gather_by_code(state->run, &view, gather);
        rmi_run_free(empty);
    } else {
        gather_by_key(&view, gather);
    }
}

/* Applies the log to what was built until little of it is left. */
static void
catch_up(struct rmi *rmi, struct rmi_run *run, struct rmi_delta *odd)
{
    for (int round = 0; round < CATCH_UP_ROUNDS; round++) {
        ky_mutex_lock(&rmi->lock);
        if (rmi->changes.size <= CATCH_UP_SIZE) {
            ky_mutex_unlock(&rmi->lock);
            return;
        }
        struct ky_buffer changes = rmi->changes;
        rmi->changes = (struct ky_buffer){0};
        ky_mutex_unlock(&rmi->lock);
        apply_log(&changes, run, odd);
        ky_buffer_deinit(&changes);
    }
}

void
rmi_rebuild(struct rmi *rmi)
{
    const int64_t started_ns = ky_monotonic_ns();
    ky_mutex_lock(&rmi->rebuild_lock);
    struct rmi_filter *filter =
        rmi_filter_new(rmi_delta_wanted(atomic_load_explicit(&rmi->entries, memory_order_relaxed)));
    ky_mutex_lock(&rmi->lock);
    struct rmi_state *old = rmi_state_of(rmi);
    struct rmi_delta *active = rmi_delta_new(&old->run->shape);
    active->filter = filter;
    rmi_publish(rmi, old->run, active, old->active, old->odd);
    rmi_retire(old, NULL, NULL, NULL);
    rmi->is_rebuilding = true;
    KY_ASSERT(rmi->changes.size == 0);
    const struct rmi_state *frozen = rmi_state_of(rmi);
    ky_mutex_unlock(&rmi->lock);
    failpoint("rmi-freezing");

    struct rmi_delta *nothing = rmi_delta_new(&rmi_no_shape);
    const struct rmi_state merged = {
        .run = frozen->run, .active = nothing, .frozen = frozen->frozen, .odd = frozen->odd};
    struct rmi_gather gather;
    struct rmi_run *run = NULL;
    struct rmi_delta *odd = NULL;
    const char *reason = NULL;
    rmi_gather_state(&merged, &gather);
    rmi_make(&gather, &run, &odd, &reason);
    rmi_gather_deinit(&gather);
    rmi_delta_free(nothing);
    rmi_judge(rmi, &run, &odd, &reason);
    catch_up(rmi, run, odd);
    failpoint("rmi-built");

    ky_mutex_lock(&rmi->lock);
    apply_log(&rmi->changes, run, odd);
    ky_buffer_deinit(&rmi->changes);
    rmi->changes = (struct ky_buffer){0};
    rmi->is_rebuilding = false;
    old = rmi_state_of(rmi);
    rmi_publish(rmi, run, old->active, NULL, odd);
    note_build(rmi, run, reason, started_ns);
    ky_mutex_unlock(&rmi->lock);
    failpoint("rmi-swapped");
    rmi_retire(old, old->run, old->frozen, old->odd);
    ky_mutex_unlock(&rmi->rebuild_lock);
}

uint64_t
rmi_delta_wanted(uint64_t run_entries)
{
    return KY_MAX(run_entries / REBUILD_DELTA_SHARE, (uint64_t)REBUILD_ENTRIES_MIN);
}

bool
rmi_wants_rebuild(struct rmi *rmi)
{
    ky_epoch_enter();
    const struct rmi_state *state = rmi_state_of(rmi);
    const struct rmi_run *run = state->run;
    const uint64_t inserted =
        atomic_load_explicit(&state->active->tree.entries, memory_order_relaxed);
    const uint64_t appended = rmi_tail_count(&state->active->tail);
    const uint64_t dead = atomic_load_explicit(&run->dead_count, memory_order_relaxed);
    const uint64_t entries = atomic_load_explicit(&rmi->entries, memory_order_relaxed);
    const uint64_t built = atomic_load_explicit(&rmi->built_entries, memory_order_relaxed);
    bool is_wanted = false;
    if (run->entry_count > 0) {
        is_wanted =
            inserted > rmi_delta_wanted(run->entry_count) ||
            appended >
                KY_MAX(run->entry_count / REBUILD_TAIL_SHARE, (uint64_t)REBUILD_ENTRIES_MIN) ||
            dead > KY_MAX(run->entry_count / REBUILD_DEAD_SHARE, (uint64_t)REBUILD_ENTRIES_MIN);
    } else {
        is_wanted = entries > KY_MAX(built * 2, (uint64_t)REBUILD_ENTRIES_MIN);
    }
    ky_epoch_leave();
    return is_wanted;
}
