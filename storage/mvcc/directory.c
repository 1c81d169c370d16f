/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "storage/mvcc/directory_private.h"

/*
 * Relations are found through a radix tree of three levels (12 + 10 + 10 bits of the id).
 * Inner tables are published with release stores and live as long as the directory; the
 * entries of relations come and go under the directory's lock, and a removed relation is
 * retired through the epochs. Rows are in directory_rows.c.
 */
struct directory_low {
    _Atomic(struct relation *) relations[1 << DIRECTORY_LOW_BITS];
    _Atomic(_Atomic uint64_t *) counters[1 << DIRECTORY_LOW_BITS];
};

struct directory_mid {
    _Atomic(struct directory_low *) lows[1 << DIRECTORY_MID_BITS];
};

static unsigned
top_index(rel_id_t rel)
{
    return rel >> (DIRECTORY_MID_BITS + DIRECTORY_LOW_BITS);
}

static unsigned
mid_index(rel_id_t rel)
{
    return (rel >> DIRECTORY_LOW_BITS) & ((1U << DIRECTORY_MID_BITS) - 1);
}

static unsigned
low_index(rel_id_t rel)
{
    return rel & ((1U << DIRECTORY_LOW_BITS) - 1);
}

/* Acquire pairs with the release store that published the table or relation. */
static struct directory_low *
find_low(const struct directory *directory, rel_id_t rel)
{
    struct directory_mid *mid =
        atomic_load_explicit(&directory->top[top_index(rel)], memory_order_acquire);
    return mid == NULL ? NULL
                       : atomic_load_explicit(&mid->lows[mid_index(rel)], memory_order_acquire);
}

static struct directory_low *
get_low(struct directory *directory, rel_id_t rel) KY_REQUIRES(directory->lock)
{
    struct directory_mid *mid =
        atomic_load_explicit(&directory->top[top_index(rel)], memory_order_relaxed);
    if (mid == NULL) {
        mid = ky_calloc(1, sizeof(*mid));
        atomic_store_explicit(&directory->top[top_index(rel)], mid, memory_order_release);
    }
    struct directory_low *low =
        atomic_load_explicit(&mid->lows[mid_index(rel)], memory_order_relaxed);
    if (low == NULL) {
        low = ky_calloc(1, sizeof(*low));
        atomic_store_explicit(&mid->lows[mid_index(rel)], low, memory_order_release);
    }
    return low;
}

void
directory_init(struct directory *directory)
{
    ky_mutex_init(&directory->lock);
    for (size_t i = 0; i < KY_COUNT_OF(directory->top); i++) {
        atomic_init(&directory->top[i], NULL);
    }
}

static void
low_free(struct directory_low *low)
{
    for (size_t i = 0; i < KY_COUNT_OF(low->relations); i++) {
        struct relation *relation = atomic_load_explicit(&low->relations[i], memory_order_relaxed);
        if (relation != NULL) {
            relation_free(relation);
        }
        _Atomic uint64_t *counter = atomic_load_explicit(&low->counters[i], memory_order_relaxed);
        ky_free((void *)(uintptr_t)counter);
    }
    ky_free(low);
}

void
directory_deinit(struct directory *directory)
{
    for (size_t i = 0; i < KY_COUNT_OF(directory->top); i++) {
        struct directory_mid *mid = atomic_load_explicit(&directory->top[i], memory_order_relaxed);
        for (size_t j = 0; mid != NULL && j < KY_COUNT_OF(mid->lows); j++) {
            struct directory_low *low = atomic_load_explicit(&mid->lows[j], memory_order_relaxed);
            if (low != NULL) {
                low_free(low);
            }
        }
        ky_free(mid);
    }
    ky_mutex_deinit(&directory->lock);
}

struct relation *
directory_find(const struct directory *directory, rel_id_t rel)
{
    struct directory_low *low = find_low(directory, rel);
    return low == NULL
               ? NULL
               : atomic_load_explicit(&low->relations[low_index(rel)], memory_order_acquire);
}

struct relation *
directory_get(struct directory *directory, rel_id_t rel)
{
    struct relation *relation = directory_find(directory, rel);
    if (KY_LIKELY(relation != NULL)) {
        return relation;
    }
    ky_mutex_lock(&directory->lock);
    struct directory_low *low = get_low(directory, rel);
    relation = atomic_load_explicit(&low->relations[low_index(rel)], memory_order_relaxed);
    if (relation == NULL) {
        relation = relation_new(rel);
        atomic_store_explicit(&low->relations[low_index(rel)], relation, memory_order_release);
    }
    ky_mutex_unlock(&directory->lock);
    return relation;
}

static void
relation_release(void *relation)
{
    relation_free(relation);
}

void
directory_remove(struct directory *directory, rel_id_t rel)
{
    ky_mutex_lock(&directory->lock);
    struct directory_low *low = find_low(directory, rel);
    struct relation *relation = NULL;
    if (low != NULL) {
        relation =
            atomic_exchange_explicit(&low->relations[low_index(rel)], NULL, memory_order_acq_rel);
    }
    ky_mutex_unlock(&directory->lock);
    if (relation != NULL) {
        ky_epoch_retire(relation, relation_release);
    }
}

static bool
low_next(const struct directory_low *low, unsigned *index)
{
    for (; *index < KY_COUNT_OF(low->relations); (*index)++) {
        if (atomic_load_explicit(&low->relations[*index], memory_order_acquire) != NULL ||
            atomic_load_explicit(&low->counters[*index], memory_order_acquire) != NULL) {
            return true;
        }
    }
    return false;
}

bool
directory_next(const struct directory *directory, rel_id_t rel, rel_id_t *rel_out)
{
    uint64_t next = rel;
    while (next <= UINT32_MAX) {
        rel_id_t at = (rel_id_t)next;
        struct directory_mid *mid =
            atomic_load_explicit(&directory->top[top_index(at)], memory_order_acquire);
        if (mid == NULL) {
            unsigned shift = DIRECTORY_MID_BITS + DIRECTORY_LOW_BITS;
            next = ((next >> shift) + 1) << shift;
            continue;
        }
        struct directory_low *low = find_low(directory, at);
        unsigned index = low_index(at);
        if (low != NULL && low_next(low, &index)) {
            *rel_out = (at & ~((1U << DIRECTORY_LOW_BITS) - 1)) + index;
            return true;
        }
        next = ((next >> DIRECTORY_LOW_BITS) + 1) << DIRECTORY_LOW_BITS;
    }
    return false;
}

_Atomic uint64_t *
directory_find_counter(const struct directory *directory, rel_id_t counter)
{
    struct directory_low *low = find_low(directory, counter);
    return low == NULL
               ? NULL
               : atomic_load_explicit(&low->counters[low_index(counter)], memory_order_acquire);
}

_Atomic uint64_t *
directory_get_counter(struct directory *directory, rel_id_t counter)
{
    _Atomic uint64_t *place = directory_find_counter(directory, counter);
    if (place != NULL) {
        return place;
    }
    ky_mutex_lock(&directory->lock);
    struct directory_low *low = get_low(directory, counter);
    place = atomic_load_explicit(&low->counters[low_index(counter)], memory_order_relaxed);
    if (place == NULL) {
        place = ky_calloc(1, sizeof(*place));
        atomic_store_explicit(&low->counters[low_index(counter)], place, memory_order_release);
    }
    ky_mutex_unlock(&directory->lock);
    return place;
}
