/* SPDX-License-Identifier: Apache-2.0 */

#include "index/rmi/tail.h"

_Static_assert(RMI_TAIL_FIRST == 1 << 10, "rmi_tail_at counts on it");

void
rmi_tail_deinit(struct rmi_tail *tail)
{
    for (uint32_t i = 0; i < RMI_TAIL_SEGMENTS; i++) {
        rmi_pages_free(atomic_load_explicit(&tail->segments[i], memory_order_relaxed),
                       ((size_t)RMI_TAIL_FIRST << i) * sizeof(struct rmi_tail_entry));
    }
}

static uint32_t
segment_of(uint64_t i)
{
    return 63 - (uint32_t)__builtin_clzll(i + RMI_TAIL_FIRST) - 10;
}

bool
rmi_tail_accepts(const struct rmi_tail *tail, uint64_t code, row_id_t row_id)
{
    const uint64_t count = rmi_tail_count(tail);
    if (count == 0) {
        return true;
    }
    const uint64_t last_code = rmi_tail_at(tail, count - 1)->code;
    const row_id_t last_row_id = rmi_tail_word(tail, count - 1) & RMI_ROW_MASK;
    return segment_of(count) < RMI_TAIL_SEGMENTS &&
           (code > last_code || (code == last_code && row_id > last_row_id));
}

bool
rmi_tail_push(struct rmi_tail *tail, uint64_t code, row_id_t row_id)
{
    if (!rmi_tail_accepts(tail, code, row_id)) {
        return false;
    }
    const uint64_t count = rmi_tail_count(tail);
    const uint32_t segment = segment_of(count);
    if (atomic_load_explicit(&tail->segments[segment], memory_order_relaxed) == NULL) {
        const size_t size = ((size_t)RMI_TAIL_FIRST << segment) * sizeof(struct rmi_tail_entry);
        atomic_store_explicit(&tail->segments[segment],
                              (struct rmi_tail_entry *)rmi_pages_new(size), memory_order_relaxed);
    }
    struct rmi_tail_entry *entry = rmi_tail_at(tail, count);
    entry->code = code;
    atomic_store_explicit(&entry->row, row_id, memory_order_relaxed);
    atomic_store_explicit(&tail->count, count + 1, memory_order_release);
    return true;
}

uint64_t
rmi_tail_lower(const struct rmi_tail *tail, uint64_t count, uint64_t code, row_id_t row_id)
{
    uint64_t low = 0;
    uint64_t high = count;
    while (low < high) {
        const uint64_t middle = (low + high) / 2;
        const struct rmi_tail_entry *entry = rmi_tail_at(tail, middle);
        const bool is_before = entry->code != code
                                   ? entry->code < code
                                   : (rmi_tail_word(tail, middle) & RMI_ROW_MASK) < row_id;
        if (is_before) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
