/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/mutex.h"
#include "vector/collection.h"
#include "vector/flat/flat.h"

/*
 * What a collection consists of at one moment; private to vector. Replaced as a whole, never
 * changed. An entry is in one of the parts, or, while it moves, in the sealed flat and in the
 * graph: a search that looks at the flats before the graph misses none.
 */
struct view {
    _Atomic uint32_t references; /* the collection's, until replaced, and the cursors' */
    struct flat *active;         /* counted; where new entries go */
    struct flat *sealed;         /* counted; on its way into a graph; may be NULL */
};

struct collection {
    struct vector_options options; /* immutable; no defaults left in it */
    size_t values_size;            /* immutable */
    _Atomic(struct view *) view;   /* counted; release and acquire, read inside the epoch */
    _Atomic uint64_t searches;     /* relaxed: statistics */
    struct ky_mutex lock;          /* inserts, removals, and replacing the view */
};

/* Inside the epoch, or under the lock. */
static inline struct view *
collection_view(const struct collection *collection)
{
    return atomic_load_explicit(&collection->view, memory_order_acquire);
}
/* Counted: parts stay as long as it is held. */
struct view *view_acquire(const struct collection *collection);
void view_release(struct view *view);
