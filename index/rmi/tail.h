/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "index/rmi/run.h"

/*
 * Entries that were inserted in ascending order beyond the end of a run: an array that only
 * grows, in segments that never move. Same shape as the run, which is exact. Private to index/rmi.
 * One writer, under the index's lock; readers see the first rmi_tail_count entries.
 */
enum { RMI_TAIL_FIRST = 1024, RMI_TAIL_SEGMENTS = 24 };

struct rmi_tail_entry {
    uint64_t code;
    _Atomic uint64_t row; /* RMI_ROW_IS_DEAD */
};

struct rmi_tail {
    _Atomic(struct rmi_tail_entry *) segments[RMI_TAIL_SEGMENTS]; /* owned; twice as long each */
    _Atomic uint64_t count;
};

void rmi_tail_deinit(struct rmi_tail *tail);
/* There is room, and the entry comes after the last one. */
bool rmi_tail_accepts(const struct rmi_tail *tail, uint64_t code, row_id_t row_id);
/* False when it does not accept it. */
bool rmi_tail_push(struct rmi_tail *tail, uint64_t code, row_id_t row_id);
/* The first at or after it of the tail's first count entries; count when there is none. Places that
 * are to make a range must be found with one and the same count: the tail grows meanwhile. */
uint64_t rmi_tail_lower(const struct rmi_tail *tail, uint64_t count, uint64_t code,
                        row_id_t row_id);

static inline uint64_t
rmi_tail_count(const struct rmi_tail *tail)
{
    /* Acquire pairs with the release in rmi_tail_push: the entries are complete. */
    return atomic_load_explicit(&tail->count, memory_order_acquire);
}

static inline struct rmi_tail_entry *
rmi_tail_at(const struct rmi_tail *tail, uint64_t i)
{
    const uint64_t place = i + RMI_TAIL_FIRST;
    const uint32_t bits = 63 - (uint32_t)__builtin_clzll(place);
    struct rmi_tail_entry *segment =
        atomic_load_explicit(&tail->segments[bits - 10], memory_order_relaxed);
    return segment + (place - ((uint64_t)1 << bits));
}

static inline uint64_t
rmi_tail_word(const struct rmi_tail *tail, uint64_t i)
{
    return atomic_load_explicit(&rmi_tail_at(tail, i)->row, memory_order_acquire);
}
