/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Is the run worth having? For an index that was told to find out (kyro.default_index = auto): a
 * B+tree of the same entries is built, the same keys are looked up in both, and the slower one is
 * thrown away. That doubles the cost of a build, so it is done again only when the index has
 * doubled.
 */

#include "index/rmi/rebuild.h"
#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/random.h"

enum {
    JUDGE_ENTRIES_MIN = 16384, /* below, either is in the cache */
    JUDGE_PROBES = 4096,
    JUDGE_ROUNDS = 3,
};

struct run_source {
    const struct rmi_run *run;
    uint64_t slot;
    struct ky_buffer key;
};

static bool
next_of_run(void *arg, struct index_entry *entry_out)
{
    struct run_source *source = (struct run_source *)arg;
    for (; source->slot < rmi_slot_end(source->run); source->slot++) {
        const uint64_t word = rmi_slot_word(source->run, source->slot);
        if ((word & (RMI_ROW_IS_PAD | RMI_ROW_IS_DEAD)) == 0) {
            ky_buffer_clear(&source->key);
            rmi_slot_append_key(source->run, source->slot++, &source->key);
            *entry_out = (struct index_entry){ky_buffer_slice(&source->key), word & RMI_ROW_MASK};
            return true;
        }
    }
    return false;
}

static struct rmi_delta *
tree_of_run(const struct rmi_run *run)
{
    struct rmi_delta *tree = rmi_delta_new(&rmi_no_shape);
    struct run_source source = {.run = run};
    struct ky_error err;
    ky_error_init(&err);
    const ky_status status = btree_build(&tree->tree, next_of_run, &source, &err);
    KY_ASSERT(status == KY_OK);
    ky_buffer_deinit(&source.key);
    tree->row_max = run->row_max;
    return tree;
}

/* Keys of random entries, one after another in bytes. */
struct probes {
    struct ky_buffer bytes;
    struct ky_slice keys[JUDGE_PROBES];
};

static void
draw_probes(const struct rmi_run *run, struct probes *probes)
{
    struct ky_prng prng;
    ky_prng_init(&prng, run->entry_count);
    for (uint32_t i = 0; i < JUDGE_PROBES;) {
        const uint64_t slot = ky_prng_below(&prng, rmi_slot_end(run));
        if ((rmi_slot_word(run, slot) & RMI_ROW_IS_PAD) == 0) {
            const size_t before = probes->bytes.size;
            rmi_slot_append_key(run, slot, &probes->bytes);
            probes->keys[i++] = ky_slice(NULL, probes->bytes.size - before);
        }
    }
    const uint8_t *at = probes->bytes.data;
    for (uint32_t i = 0; i < JUDGE_PROBES; i++) {
        probes->keys[i].data = at;
        at += probes->keys[i].size;
    }
}

/* Each lookup waits for the one before: what a statement for one row sees. */
static int64_t
time_run(struct rmi *view, const struct probes *probes)
{
    const int64_t started_ns = ky_monotonic_ns();
    uint64_t waits = 0;
    for (uint32_t i = 0; i < JUDGE_PROBES; i++) {
        row_id_t row_id = 0;
        (void)rmi_find(view, probes->keys[i + (waits >> 60)], &row_id, 1);
        waits = row_id;
    }
    return ky_monotonic_ns() - started_ns;
}

static int64_t
time_tree(struct btree *tree, const struct probes *probes)
{
    const int64_t started_ns = ky_monotonic_ns();
    uint64_t waits = 0;
    for (uint32_t i = 0; i < JUDGE_PROBES; i++) {
        row_id_t row_id = 0;
        (void)btree_find(tree, probes->keys[i + (waits >> 60)], &row_id, 1);
        waits = row_id;
    }
    return ky_monotonic_ns() - started_ns;
}

static void
measure(struct rmi *rmi, struct rmi_run *run, struct rmi_delta *tree)
{
    struct probes *probes = (struct probes *)ky_calloc(1, sizeof(*probes));
    struct rmi_delta *nothing = rmi_delta_new(&rmi_no_shape);
    struct rmi_state state = {.run = run, .active = nothing};
    struct rmi view = {.is_rebuilding = false};
    atomic_init(&view.state, &state);
    atomic_init(&view.find, rmi_finder_of(run, false));
    draw_probes(run, probes);
    int64_t run_ns = INT64_MAX;
    int64_t tree_ns = INT64_MAX;
    for (int round = 0; round < JUDGE_ROUNDS; round++) {
        const int64_t run_took_ns = time_run(&view, probes);
        const int64_t tree_took_ns = time_tree(&tree->tree, probes);
        run_ns = KY_MIN(run_ns, run_took_ns);
        tree_ns = KY_MIN(tree_ns, tree_took_ns);
    }
    atomic_store_explicit(&rmi->judged_ns, run_ns / JUDGE_PROBES, memory_order_relaxed);
    atomic_store_explicit(&rmi->judged_tree_ns, tree_ns / JUDGE_PROBES, memory_order_relaxed);
    rmi_delta_free(nothing);
    ky_buffer_deinit(&probes->bytes);
    ky_free(probes);
}

void
rmi_judge(struct rmi *rmi, struct rmi_run **run, struct rmi_delta **odd, const char **reason)
{
    const uint64_t entries = (*run)->entry_count;
    const int64_t before_ns = atomic_load_explicit(&rmi->judged_ns, memory_order_relaxed);
    const int64_t before_tree_ns = atomic_load_explicit(&rmi->judged_tree_ns, memory_order_relaxed);
    if (!rmi->is_judging || entries < JUDGE_ENTRIES_MIN) {
        return;
    }
    if (entries < rmi->judged_entries * 2 && before_ns <= before_tree_ns) {
        *reason = "measured faster than a B+tree";
        return;
    }
    struct rmi_delta *tree = tree_of_run(*run);
    measure(rmi, *run, tree);
    rmi->judged_entries = entries;
    if (atomic_load_explicit(&rmi->judged_ns, memory_order_relaxed) <=
        atomic_load_explicit(&rmi->judged_tree_ns, memory_order_relaxed)) {
        *reason = "measured faster than a B+tree";
        rmi_delta_free(tree);
        return;
    }
    *reason = "measured slower than a B+tree, which it is now";
    if (*odd != NULL) {
        struct index_entry entries_of_odd[64];
        struct index_scan scan = {0};
        for (uint32_t count;
             (count = btree_scan_next(&(*odd)->tree, &scan, entries_of_odd, 64)) > 0;) {
            for (uint32_t i = 0; i < count; i++) {
                (void)btree_insert(&tree->tree, entries_of_odd[i].key, entries_of_odd[i].row_id);
            }
        }
        ky_buffer_deinit(&scan.keys);
        ky_buffer_deinit(&scan.last_key);
        tree->row_max = KY_MAX(tree->row_max, (*odd)->row_max);
        rmi_delta_free(*odd);
    }
    rmi_run_free(*run);
    *run = rmi_run_new_empty();
    *odd = tree;
}
