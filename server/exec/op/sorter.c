/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/sorter.h"

#include "server/base/assert.h"

enum { SORTER_ROOM_FIRST = 64, INSERTION_SORT_MAX = 16 };

void
sorter_init(struct sorter *sorter, const struct type *const *types, uint32_t column_count,
            struct key_column *columns, uint16_t key_count, struct ky_budget *budget)
{
    *sorter = (struct sorter){.columns = columns, .key_count = key_count};
    store_init(&sorter->rows, types, column_count, budget);
    ky_arena_init(&sorter->keys);
    if (budget != NULL) {
        ky_arena_set_spill(&sorter->keys, budget->spill);
    }
}

void
sorter_clear(struct sorter *sorter)
{
    if (sorter->rows.budget != NULL) {
        ky_budget_release(sorter->rows.budget, sorter->charged);
    }
    sorter->charged = 0;
    store_clear(&sorter->rows);
    ky_arena_reset(&sorter->keys);
    sorter->count = 0;
}

void
sorter_deinit(struct sorter *sorter)
{
    if (sorter->rows.types == NULL) {
        return;
    }
    sorter_clear(sorter);
    ky_budget_free(sorter->rows.budget, sorter->entries);
    store_deinit(&sorter->rows);
    ky_arena_deinit(&sorter->keys);
    ky_buffer_deinit(&sorter->scratch);
    *sorter = (struct sorter){.count = 0};
}

struct sort_entry
sorter_encode(struct sorter *sorter, const struct column *const *keys, uint32_t place)
{
    struct sort_entry entry = {.prefix = 0};
    ky_buffer_clear(&sorter->scratch);
    for (uint16_t k = 0; k < sorter->key_count; k++) {
        const struct datum value = column_get(keys[k], place);
        key_encode(&sorter->columns[k], 1, &value, &sorter->scratch);
    }
    const uint8_t *bytes = sorter->scratch.data;
    const size_t size = sorter->scratch.size;
    if (size == 0) {
        return entry;
    }
    entry.lead = bytes[0];
    entry.prefix = ky_slice_prefix(ky_slice(bytes + 1, size - 1));
    if (size > 1 + sizeof(uint64_t)) {
        entry.rest = bytes + 1 + sizeof(uint64_t);
        entry.rest_size = (uint32_t)(size - 1 - sizeof(uint64_t));
    }
    return entry;
}

int
sort_entry_compare(const struct sort_entry *a, const struct sort_entry *b)
{
    if (a->lead != b->lead) {
        return a->lead < b->lead ? -1 : 1;
    }
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    if ((a->rest_size | b->rest_size) == 0) {
        return 0;
    }
    return ky_slice_compare(ky_slice(a->rest, a->rest_size), ky_slice(b->rest, b->rest_size));
}

/* Equal keys keep their input order, so no two entries are equal. */
static inline bool
is_before(const struct sort_entry *a, const struct sort_entry *b)
{
    const int order = sort_entry_compare(a, b);
    return order < 0 || (order == 0 && a->row < b->row);
}

static inline void
swap(struct sort_entry *a, struct sort_entry *b)
{
    const struct sort_entry saved = *a;
    *a = *b;
    *b = saved;
}

static void
insertion_sort(struct sort_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct sort_entry entry = entries[i];
        size_t at = i;
        for (; at > 0 && is_before(&entry, &entries[at - 1]); at--) {
            entries[at] = entries[at - 1];
        }
        entries[at] = entry;
    }
}

static void
sift_down(struct sort_entry *entries, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(&entries[child], &entries[child + 1])) {
            child++;
        }
        if (!is_before(&entries[at], &entries[child])) {
            return;
        }
        swap(&entries[at], &entries[child]);
    }
}

static void
heap_sort(struct sort_entry *entries, size_t count)
{
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(entries, i - 1, count);
    }
    for (size_t end = count; end > 1; end--) {
        swap(&entries[0], &entries[end - 1]);
        sift_down(entries, 0, end - 1);
    }
}

/* Splits around the median of three: everything before the place returned is before what follows.
 */
static size_t
partition(struct sort_entry *entries, size_t count)
{
    struct sort_entry *middle = &entries[count / 2];
    struct sort_entry *last = &entries[count - 1];
    if (is_before(middle, entries)) {
        swap(middle, entries);
    }
    if (is_before(last, middle)) {
        swap(last, middle);
        if (is_before(middle, entries)) {
            swap(middle, entries);
        }
    }
    const struct sort_entry pivot = *middle;
    size_t low = 0;
    size_t high = count - 1;
    for (;;) {
        while (is_before(&entries[low], &pivot)) {
            low++;
        }
        while (is_before(&pivot, &entries[high])) {
            high--;
        }
        if (low >= high) {
            return high + 1;
        }
        swap(&entries[low++], &entries[high--]);
    }
}

/* Quicksort in place: needs no memory of its own, wherever the entries lie. Falls back to a heap
 * sort where the splits are bad. */
static void
sort_entries(struct sort_entry *entries, size_t count, int depth)
{
    while (count > INSERTION_SORT_MAX) {
        if (depth-- == 0) {
            heap_sort(entries, count);
            return;
        }
        const size_t split = partition(entries, count);
        if (split < count - split) {
            sort_entries(entries, split, depth);
            entries += split;
            count -= split;
        } else {
            sort_entries(entries + split, count - split, depth);
            count = split;
        }
    }
    insertion_sort(entries, count);
}

static bool
is_sorted(const struct sort_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (is_before(&entries[i], &entries[i - 1])) {
            return false;
        }
    }
    return true;
}

void
sorter_sort(struct sorter *sorter)
{
    if (sorter->count > 1 && !is_sorted(sorter->entries, sorter->count)) {
        int depth = 2;
        for (uint32_t count = sorter->count; count > 1; count /= 2) {
            depth += 2;
        }
        sort_entries(sorter->entries, sorter->count, depth);
    }
}

uint64_t
sorter_size(const struct sorter *sorter, bool *is_spilled_out)
{
    const uint64_t entries = (uint64_t)sorter->room * sizeof(struct sort_entry);
    *is_spilled_out = sorter->rows.arena.spilled_size > 0 || sorter->keys.spilled_size > 0 ||
                      ky_budget_charged_size(sorter->rows.budget, entries) != entries;
    return sorter->rows.arena.allocated_size + sorter->keys.allocated_size + entries;
}

static ky_status
charge(struct sorter *sorter, struct ky_error *err)
{
    const uint64_t entries = (uint64_t)sorter->room * sizeof(struct sort_entry);
    const uint64_t size = sorter->keys.allocated_size - sorter->keys.spilled_size +
                          ky_budget_charged_size(sorter->rows.budget, entries);
    if (sorter->rows.budget != NULL && size > sorter->charged) {
        KY_TRY(ky_budget_charge(sorter->rows.budget, size - sorter->charged, err));
        sorter->charged = size;
    }
    return KY_OK;
}

ky_status
sorter_add(struct sorter *sorter, const struct column *const *columns,
           const struct column *const *keys, const uint32_t *groups, const uint16_t *selection,
           uint32_t count, struct ky_error *err)
{
    if (sorter->room - sorter->count < count) {
        uint32_t room = sorter->room == 0 ? (uint32_t)SORTER_ROOM_FIRST : sorter->room;
        while (room - sorter->count < count) {
            room *= 2;
        }
        sorter->entries = ky_budget_resize(sorter->rows.budget, sorter->entries,
                                           sorter->count * sizeof(struct sort_entry),
                                           room * sizeof(struct sort_entry));
        sorter->room = room;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t place = selection == NULL ? i : selection[i];
        struct sort_entry entry = sorter_encode(sorter, keys, place);
        entry.lead |= groups == NULL ? 0 : (uint64_t)groups[place] << 8;
        if (entry.rest_size > 0) {
            entry.rest = ky_slice_dup(&sorter->keys, ky_slice(entry.rest, entry.rest_size)).data;
        }
        entry.row = sorter->count;
        sorter->entries[sorter->count++] = entry;
    }
    KY_TRY(charge(sorter, err));
    return store_append_columns(&sorter->rows, columns, selection, count, err);
}

ky_status
sorter_keep(struct sorter *sorter, uint32_t count, struct ky_error *err)
{
    if (sorter->count <= count) {
        return KY_OK;
    }
    struct sorter kept;
    sorter_init(&kept, sorter->rows.types, sorter->rows.column_count, sorter->columns,
                sorter->key_count, sorter->rows.budget);
    struct datum *values = ky_calloc((size_t)sorter->rows.column_count + 1, sizeof(*values));
    kept.entries = ky_budget_resize(sorter->rows.budget, NULL, 0,
                                    (size_t)sorter->room * sizeof(struct sort_entry));
    kept.room = sorter->room;
    ky_status status = KY_OK;
    for (uint32_t i = 0; i < count && status == KY_OK; i++) {
        struct sort_entry entry = sorter->entries[i];
        for (uint32_t c = 0; c < sorter->rows.column_count; c++) {
            values[c] = store_get(&sorter->rows, entry.row, c);
        }
        if (entry.rest_size > 0) {
            entry.rest = ky_slice_dup(&kept.keys, ky_slice(entry.rest, entry.rest_size)).data;
        }
        entry.row = i;
        kept.entries[kept.count++] = entry;
        status = store_append_row(&kept.rows, values, err);
    }
    ky_free(values);
    if (status == KY_OK) {
        status = charge(&kept, err);
    }
    if (status != KY_OK) {
        sorter_deinit(&kept);
        return KY_ERR;
    }
    struct sorter old = *sorter;
    *sorter = kept;
    sorter_deinit(&old);
    return KY_OK;
}
