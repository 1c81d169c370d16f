/* SPDX-License-Identifier: Apache-2.0 */

#include "index/rmi/rmi.h"
#include "server/base/epoch.h"

void
rmi_stats(struct rmi *rmi, struct index_stats *stats_out)
{
    struct index_stats stats = {
        .entries = atomic_load_explicit(&rmi->entries, memory_order_relaxed),
        .rebuilds = atomic_load_explicit(&rmi->rebuilds, memory_order_relaxed),
        .fallbacks = atomic_load_explicit(&rmi->fallbacks, memory_order_relaxed),
        .build_ns = atomic_load_explicit(&rmi->build_ns, memory_order_relaxed),
        .judged_ns = atomic_load_explicit(&rmi->judged_ns, memory_order_relaxed),
        .judged_tree_ns = atomic_load_explicit(&rmi->judged_tree_ns, memory_order_relaxed),
        .reason = atomic_load_explicit(&rmi->reason, memory_order_relaxed),
    };
    ky_epoch_enter();
    const struct rmi_state *state = rmi_state_of(rmi);
    const struct rmi_run *run = state->run;
    const uint64_t dead = atomic_load_explicit(&run->dead_count, memory_order_relaxed);
    stats.bytes = run->bytes;
    stats.run_entries = run->entry_count;
    stats.dead_entries = dead;
    stats.leaves = run->leaf_count;
    stats.model_leaves = run->model_leaves;
    stats.packed_leaves = run->packed_leaves;
    stats.error_p50 = run->spill_p50;
    stats.error_p99 = run->spill_p99;
    stats.error_max = run->spill_max;
    stats.wide_leaves = run->wide_windows;
    stats.model_bytes = run->bytes - rmi_blocks_size(run) - run->rests_size -
                        (run->rest_places == NULL ? 0 : rmi_slot_end(run) * sizeof(uint32_t));
    /* A root, a leaf and a block; a tree beside them is as high as it is. */
    stats.height = run->entry_count > 0 ? 3 : 0;
    stats.nodes = run->leaf_count;
    const struct rmi_filter *filters[] = {rmi_state_filter(state), state->frozen_filter};
    for (size_t i = 0; i < KY_COUNT_OF(filters); i++) {
        stats.bytes += filters[i] == NULL ? 0 : filters[i]->word_count * sizeof(uint64_t);
    }
    for (uint32_t i = 0; i < RMI_PARTS; i++) {
        struct rmi_delta *part = state->parts[i];
        if (part == NULL) {
            continue;
        }
        struct index_stats tree = {0};
        btree_stats(&part->tree, &tree);
        const uint64_t appended = rmi_tail_count(&part->tail);
        stats.bytes += tree.bytes + appended * sizeof(struct rmi_tail_entry);
        stats.nodes += tree.nodes;
        if (run->entry_count == 0) {
            stats.height = KY_MAX(stats.height, tree.height);
        }
        if (part == state->odd) {
            stats.odd_entries += tree.entries;
        } else {
            stats.delta_entries += tree.entries + appended;
        }
    }
    ky_epoch_leave();
    *stats_out = stats;
}
