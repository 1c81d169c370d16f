/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading a learned index without locks. A lookup takes the state once and goes to the run; a
 * filter says whether other parts may hold the key. A scan takes a batch from the run first,
 * then from each part what lies before the batch's end, and merges them by key and row id. The
 * same entry may be found in two parts while a rebuild is published, and counts once.
 */

#include "index/rmi/rmi.h"
#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"

/* ---- one key */

/* Live entries with this key; slot holds its code. */
static uint32_t
collect_run(const struct rmi_run *run, uint64_t slot, struct ky_slice key, row_id_t *row_ids,
            uint32_t max)
{
    uint32_t found = 0;
    for (;; slot++) {
        const uint64_t word = rmi_slot_word(run, slot);
        if ((word & RMI_ROW_IS_PAD) != 0 || !rmi_slot_has_key(run, slot, key)) {
            break;
        }
        if ((word & RMI_ROW_IS_DEAD) == 0) {
            if (found < max) {
                row_ids[found] = word & RMI_ROW_MASK;
            }
            found++;
        }
        if (KY_LIKELY((word & RMI_ROW_HAS_TWIN) == 0)) {
            break;
        }
    }
    return found;
}

static uint32_t
find_in_run(const struct rmi_run *run, uint64_t landing, uint64_t code, struct ky_slice key,
            row_id_t *row_ids, uint32_t max)
{
    if (rmi_slot_code(run, landing) != code) {
        return 0;
    }
    if (!run->shape.is_exact && !rmi_slot_has_key(run, landing, key)) {
        const struct target target = {(const uint8_t *)key.data, key.size, 0, false};
        landing = rmi_run_lower(run, &target);
        if (landing == rmi_slot_end(run) || rmi_slot_code(run, landing) != code) {
            return 0;
        }
    }
    return collect_run(run, landing, key, row_ids, max);
}

static uint32_t
find_in_tail(const struct rmi_delta *part, struct ky_slice key, row_id_t *row_ids, uint32_t max)
{
    const uint64_t count = rmi_tail_count(&part->tail);
    if (count == 0 || !rmi_shape_fits(&part->shape, key)) {
        return 0;
    }
    const uint64_t code = rmi_shape_code(&part->shape, key);
    uint32_t found = 0;
    for (uint64_t i = rmi_tail_lower(&part->tail, count, code, 0);
         i < count && rmi_tail_at(&part->tail, i)->code == code; i++) {
        const uint64_t word = rmi_tail_word(&part->tail, i);
        if ((word & RMI_ROW_IS_DEAD) == 0) {
            if (found < max) {
                row_ids[found] = word & RMI_ROW_MASK;
            }
            found++;
        }
    }
    return found;
}

/* In order and each once, from everywhere. */
static uint32_t
find_merged(struct rmi *rmi, struct ky_slice key, row_id_t *row_ids, uint32_t max)
{
    enum { AT_ONCE = 64 };
    struct index_entry entries[AT_ONCE];
    struct index_scan scan = {.lower = key, .upper = key, .has_lower = true, .has_upper = true};
    uint32_t found = 0;
    bool is_over = false;
    for (uint32_t count; !is_over && (count = rmi_scan_next(rmi, &scan, entries, AT_ONCE)) > 0;) {
        for (uint32_t i = 0; i < count && !is_over; i++) {
            is_over = entries[i].key.size != key.size;
            if (!is_over && found < max) {
                row_ids[found] = entries[i].row_id;
            }
            found += !is_over;
        }
    }
    ky_buffer_deinit(&scan.keys);
    ky_buffer_deinit(&scan.last_key);
    return found;
}

/* found: what the run has. */
KY_COLD static uint32_t
find_in_parts(struct rmi *rmi, const struct rmi_state *state, uint32_t found, struct ky_slice key,
              row_id_t *row_ids, uint32_t max)
{
    for (uint32_t i = 0; i < RMI_PARTS; i++) {
        struct rmi_delta *part = state->parts[i];
        if (rmi_delta_is_empty(part)) {
            continue;
        }
        row_id_t one = 0;
        const bool has_room = found == 0;
        uint32_t more = find_in_tail(part, key, has_room ? row_ids : &one, has_room ? max : 1);
        if (more > 0 && found > 0) {
            return find_merged(rmi, key, row_ids, max);
        }
        found += more;
        if (atomic_load_explicit(&part->tree.entries, memory_order_relaxed) == 0) {
            continue;
        }
        more = found == 0 ? btree_find(&part->tree, key, row_ids, max)
                          : btree_find(&part->tree, key, &one, 1);
        if (more > 0 && found > 0) {
            return find_merged(rmi, key, row_ids, max);
        }
        found += more;
    }
    return found;
}

/* What a lookup does whose landing slot has its code, or whose key may be elsewhere. */
static uint32_t
find_at(struct rmi *rmi, const struct rmi_state *state, uint64_t landing, uint64_t code,
        struct ky_slice key, bool may_be_in_parts, row_id_t *row_ids, uint32_t max)
{
    const uint32_t found = find_in_run(state->run, landing, code, key, row_ids, max);
    return may_be_in_parts ? find_in_parts(rmi, state, found, key, row_ids, max) : found;
}

uint32_t
rmi_find_slowly(struct rmi *rmi, struct ky_slice key, row_id_t *row_ids, uint32_t max)
{
    ky_epoch_enter();
    const struct rmi_state *state = rmi_state_of(rmi);
    const struct rmi_run *run = state->run;
    uint32_t found = 0;
    if (rmi_shape_fits(&run->shape, key)) {
        const uint64_t code = rmi_shape_code(&run->shape, key);
        const uint64_t landing = rmi_kernel()->seek(run, code);
        const bool may_be_in_parts = rmi_state_may_be_elsewhere(state, code, key);
        if (rmi_slot_code(run, landing) == code || may_be_in_parts) {
            found = find_at(rmi, state, landing, code, key, may_be_in_parts, row_ids, max);
        }
    } else {
        found = find_in_parts(rmi, state, 0, key, row_ids, max);
    }
    ky_epoch_leave();
    return found;
}

/* ---- many keys */

/* Up to RMI_BATCH keys that fit the run. */
static void
find_chunk(struct rmi *rmi, const struct rmi_state *state, const struct ky_slice *keys,
           uint32_t count, uint32_t per_key, row_id_t *row_ids, uint32_t *counts_out)
{
    const struct rmi_run *run = state->run;
    uint64_t codes[RMI_BATCH] = {0};
    uint64_t slots[RMI_BATCH];
    for (uint32_t i = 0; i < count; i++) {
        codes[i] = rmi_shape_code(&run->shape, keys[i]);
    }
    rmi_kernel()->seek_many(run, codes, count, slots);
    for (uint32_t i = 0; i < count; i++) {
        row_id_t *place = row_ids + (size_t)i * per_key;
        const uint64_t word = rmi_slot_word(run, slots[i]);
        const bool is_code = rmi_slot_code(run, slots[i]) == codes[i];
        const bool may_be_in_parts = rmi_state_may_be_elsewhere(state, codes[i], keys[i]);
        uint32_t found = 0;
        if (KY_LIKELY((word & ~RMI_ROW_MASK) == 0 && is_code && run->shape.is_exact &&
                      !may_be_in_parts && per_key > 0)) {
            *place = word;
            found = 1;
        } else if (is_code || may_be_in_parts) {
            found =
                find_at(rmi, state, slots[i], codes[i], keys[i], may_be_in_parts, place, per_key);
        }
        counts_out[i] = found;
    }
}

void
rmi_find_batch(struct rmi *rmi, const struct ky_slice *keys, uint32_t count, uint32_t per_key,
               row_id_t *row_ids, uint32_t *counts_out)
{
    ky_epoch_enter();
    const struct rmi_state *state = rmi_state_of(rmi);
    const struct rmi_shape *shape = &state->run->shape;
    for (uint32_t i = 0; i < count;) {
        uint32_t fitting = 0;
        while (i + fitting < count && fitting < RMI_BATCH &&
               rmi_shape_fits(shape, keys[i + fitting])) {
            fitting++;
        }
        if (fitting > 0) {
            find_chunk(rmi, state, keys + i, fitting, per_key, row_ids + (size_t)i * per_key,
                       counts_out + i);
            i += fitting;
        } else {
            counts_out[i] =
                find_in_parts(rmi, state, 0, keys[i], row_ids + (size_t)i * per_key, per_key);
            i++;
        }
    }
    ky_epoch_leave();
}

/* ---- scans */

enum { SCAN_MAX = 256, TREES = RMI_PARTS, SOURCES_MAX = 1 + 2 * RMI_PARTS };

struct source {
    struct index_entry entries[SCAN_MAX];
    uint32_t count;
    uint32_t next;
    struct ky_buffer keys;
};

static void
emit(struct btree_output *out, size_t size_before, row_id_t row_id)
{
    out->entries[out->count++] =
        (struct index_entry){.key = {NULL, out->keys->size - size_before}, .row_id = row_id};
}

static void
emit_slot(struct btree_output *out, const struct rmi_run *run, uint64_t slot)
{
    const uint64_t word = rmi_slot_word(run, slot);
    if ((word & (RMI_ROW_IS_PAD | RMI_ROW_IS_DEAD)) == 0) {
        const size_t before = out->keys->size;
        rmi_slot_append_key(run, slot, out->keys);
        emit(out, before, word & RMI_ROW_MASK);
    }
}

static void
walk_run(const struct rmi_run *run, const struct btree_range *range, bool is_backward,
         struct btree_output *out)
{
    uint64_t low = rmi_run_lower(run, &range->low);
    uint64_t high = rmi_run_lower(run, &range->high);
    if (is_backward) {
        for (; high > low && out->count < out->max; high--) {
            emit_slot(out, run, high - 1);
        }
    } else {
        for (; low < high && out->count < out->max; low++) {
            emit_slot(out, run, low);
        }
    }
}

/* Among the tail's first count entries: where a run of its own would have the target. */
static uint64_t
tail_lower(const struct rmi_delta *part, uint64_t count, const struct target *target)
{
    const struct rmi_shape *shape = &part->shape;
    if (target->is_end) {
        return count;
    }
    const size_t shared = KY_MIN(target->size, (size_t)shape->prefix_size);
    const int order = shared == 0 ? 0 : memcmp(target->key, shape->prefix, shared);
    if (order != 0 || target->size < shape->prefix_size) {
        return order <= 0 ? 0 : count;
    }
    const size_t suffix = target->size - shape->prefix_size;
    const size_t own = (size_t)shape->key_size - shape->prefix_size;
    const uint64_t code =
        rmi_code_of(target->key == NULL ? NULL : target->key + shape->prefix_size, suffix);
    /* With equal codes, the shorter key comes first; row ids count between equal keys. */
    const row_id_t row_id = suffix < own ? 0 : suffix > own ? ROW_ID_MAX + 1 : target->row_id;
    return rmi_tail_lower(&part->tail, count, code, row_id);
}

static void
emit_tail(struct btree_output *out, const struct rmi_delta *part, uint64_t i)
{
    const struct rmi_shape *shape = &part->shape;
    const uint64_t word = rmi_tail_word(&part->tail, i);
    if ((word & RMI_ROW_IS_DEAD) != 0) {
        return;
    }
    const size_t before = out->keys->size;
    uint8_t code[RMI_CODE_SIZE];
    ky_store_be64(code, rmi_tail_at(&part->tail, i)->code);
    ky_buffer_append(out->keys, shape->prefix, shape->prefix_size);
    ky_buffer_append(out->keys, code, (size_t)shape->key_size - shape->prefix_size);
    emit(out, before, word & RMI_ROW_MASK);
}

static void
walk_tail(const struct rmi_delta *part, const struct btree_range *range, bool is_backward,
          struct btree_output *out)
{
    /* Both ends within what is there now: an entry that is appended after the lower end was found
     * at the end of the tail may well lie below it. */
    const uint64_t count = rmi_tail_count(&part->tail);
    uint64_t low = tail_lower(part, count, &range->low);
    uint64_t high = tail_lower(part, count, &range->high);
    if (is_backward) {
        for (; high > low && out->count < out->max; high--) {
            emit_tail(out, part, high - 1);
        }
    } else {
        for (; low < high && out->count < out->max; low++) {
            emit_tail(out, part, low);
        }
    }
}

static struct btree_output
source_output(struct source *source, uint32_t max)
{
    return (struct btree_output){source->entries, 0, max, &source->keys};
}

/* Fills sources from the parts; false when none holds anything of the range. */
static uint32_t
fill_parts(const struct rmi_state *state, struct btree_range *range, bool is_backward, uint32_t max,
           struct source *sources, uint32_t count)
{
    struct ky_buffer place = {0};
    for (uint32_t i = 0; i < RMI_PARTS; i++) {
        struct rmi_delta *part = state->parts[i];
        if (rmi_delta_is_empty(part)) {
            continue;
        }
        if (atomic_load_explicit(&part->tree.entries, memory_order_relaxed) > 0) {
            /* A walk may narrow its range to go on after a change: give it its own. */
            struct btree_range *own = (struct btree_range *)ky_malloc(sizeof(*own));
            own->low = range->low;
            own->high = range->high;
            struct btree_output out = source_output(&sources[count], max);
            (void)btree_walk(&part->tree, own, is_backward, &out, &place);
            btree_output_place(&out);
            sources[count].count = out.count;
            count += out.count > 0;
            ky_free(own);
        }
        if (rmi_tail_count(&part->tail) > 0) {
            struct btree_output out = source_output(&sources[count], max);
            walk_tail(part, range, is_backward, &out);
            btree_output_place(&out);
            sources[count].count = out.count;
            count += out.count > 0;
        }
    }
    ky_buffer_deinit(&place);
    return count;
}

static int
compare_entries(const struct index_entry *a, const struct index_entry *b)
{
    const int order = ky_slice_compare(a->key, b->key);
    return order != 0 ? order : (a->row_id > b->row_id) - (a->row_id < b->row_id);
}

/* The next entry among all sources, which is taken from each that has it. */
static const struct index_entry *
take_first(struct source *sources, uint32_t count, bool is_backward)
{
    const struct index_entry *first = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct source *source = &sources[i];
        if (source->next == source->count) {
            continue;
        }
        const struct index_entry *entry = &source->entries[source->next];
        const int order = first == NULL ? -1 : compare_entries(entry, first);
        if (first == NULL || (is_backward ? order > 0 : order < 0)) {
            first = entry;
        }
    }
    for (uint32_t i = 0; first != NULL && i < count; i++) {
        struct source *source = &sources[i];
        if (source->next < source->count &&
            (&source->entries[source->next] == first ||
             compare_entries(&source->entries[source->next], first) == 0)) {
            source->next++;
        }
    }
    return first;
}

/* Several parts hold entries of the range. *is_last_out: nothing comes after what is given out. */
static void
merge_parts(const struct rmi_state *state, struct btree_range *range, bool is_backward,
            struct btree_output *out, bool *is_last_out)
{
    struct source *sources = (struct source *)ky_malloc(SOURCES_MAX * sizeof(*sources));
    for (uint32_t i = 0; i < SOURCES_MAX; i++) {
        /* Not their entries, which are many more bytes than most merges give out. */
        sources[i].count = 0;
        sources[i].next = 0;
        sources[i].keys = (struct ky_buffer){0};
    }
    struct btree_output from_run = source_output(&sources[0], out->max);
    walk_run(state->run, range, is_backward, &from_run);
    btree_output_place(&from_run);
    sources[0].count = from_run.count;
    if (from_run.count == from_run.max) {
        /* Nothing after the run's last entry can be given out now. */
        const struct index_entry *last = &from_run.entries[from_run.count - 1];
        if (is_backward) {
            range->low = btree_target(last->key, last->row_id);
        } else {
            range->high = btree_target(last->key, last->row_id);
        }
    }
    const uint32_t count = fill_parts(state, range, is_backward, out->max, sources, 1);
    bool is_any_full = false;
    for (uint32_t i = 0; i < count; i++) {
        is_any_full = is_any_full || sources[i].count == out->max;
    }
    while (out->count < out->max) {
        const struct index_entry *entry = take_first(sources, count, is_backward);
        if (entry == NULL) {
            break;
        }
        const size_t before = out->keys->size;
        ky_buffer_append(out->keys, entry->key.data, entry->key.size);
        emit(out, before, entry->row_id);
    }
    *is_last_out = !is_any_full && out->count < out->max;
    for (uint32_t i = 0; i < SOURCES_MAX; i++) {
        ky_buffer_deinit(&sources[i].keys);
    }
    ky_free(sources);
}

static bool
has_parts(const struct rmi_state *state)
{
    for (uint32_t i = 0; i < RMI_PARTS; i++) {
        if (!rmi_delta_is_empty(state->parts[i])) {
            return true;
        }
    }
    return false;
}

/* The only part that holds entries is one tree: an index without a run. */
static struct btree *
only_tree(const struct rmi_state *state)
{
    struct btree *only = NULL;
    if (state->run->entry_count > 0) {
        return NULL;
    }
    for (uint32_t i = 0; i < RMI_PARTS; i++) {
        if (rmi_delta_is_empty(state->parts[i])) {
            continue;
        }
        if (only != NULL || rmi_tail_count(&state->parts[i]->tail) > 0) {
            return NULL;
        }
        only = &state->parts[i]->tree;
    }
    return only;
}

uint32_t
rmi_scan_next(struct rmi *rmi, struct index_scan *scan, struct index_entry *entries, uint32_t max)
{
    ky_buffer_clear(&scan->keys);
    if (scan->is_done || max == 0) {
        return 0;
    }
    struct btree_range range;
    btree_range_init(&range, scan);
    if (scan->is_started) {
        btree_range_narrow(&range, scan->is_backward, ky_buffer_slice(&scan->last_key),
                           scan->last_row_id);
    }
    struct btree_output out = {entries, 0, KY_MIN(max, (uint32_t)SCAN_MAX), &scan->keys};
    ky_epoch_enter();
    const struct rmi_state *state = rmi_state_of(rmi);
    struct btree *tree = only_tree(state);
    bool is_last = false;
    if (tree != NULL) {
        struct ky_buffer place = {0};
        is_last = btree_walk(tree, &range, scan->is_backward, &out, &place);
        ky_buffer_deinit(&place);
    } else if (has_parts(state)) {
        merge_parts(state, &range, scan->is_backward, &out, &is_last);
    } else {
        walk_run(state->run, &range, scan->is_backward, &out);
        is_last = out.count < out.max;
    }
    ky_epoch_leave();
    scan->is_done = is_last || out.count == 0;
    if (out.count == 0) {
        return 0;
    }
    btree_output_place(&out);
    const struct index_entry *last = &entries[out.count - 1];
    ky_buffer_clear(&scan->last_key);
    if (last->key.size > 0) {
        ky_buffer_append_slice(&scan->last_key, last->key);
    }
    scan->last_row_id = last->row_id;
    scan->is_started = true;
    return out.count;
}
