/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/error.h"
#include "storage/api/ids.h"

/*
 * The vectors of one column of one relation, for search. Derived state, like an index: an
 * entry may be invisible, gone, or of another version of its row; the caller's accept
 * decides, and only accepted entries count toward k.
 *
 * Threads: any number of searches without locks; inserts and removals serialise inside.
 */
enum vector_metric { VECTOR_L2, VECTOR_INNER_PRODUCT, VECTOR_COSINE, VECTOR_L1 };
enum { VECTOR_DIMENSION_MAX = 16000, VECTOR_K_MAX = 1 << 20 };

struct collection;
struct collection *collection_new(uint32_t dimension, enum vector_metric metric);
void collection_free(struct collection *collection);

/* The same (row, vector) is held once. values is copied; dimension floats. 53200. */
KY_MUST_CHECK ky_status collection_insert(struct collection *collection, row_id_t row_id,
                                          const float *values, struct ky_error *err);
bool collection_remove(struct collection *collection, row_id_t row_id, const float *values);

struct vector_hit {
    row_id_t row_id;
    double distance; /* as SQL shows it: true L2; negative inner product; cosine distance; L1 */
};
/* Does this entry stand for a row that the searcher sees (and that passes its filter)? values is
 * the entry's vector: the row's visible version must hold the same. */
typedef bool (*vector_accept)(void *arg, row_id_t row_id, const float *values, double distance);

/* The k nearest accepted entries, nearest first, ties by row id. Exact. *is_cancelled is looked at
 * now and then: then 57014. */
KY_MUST_CHECK ky_status collection_search_exact(struct collection *collection, const float *query,
                                                uint32_t k, vector_accept accept, void *arg,
                                                const _Atomic int *is_cancelled,
                                                struct vector_hit *hits, uint32_t *count_out,
                                                struct ky_error *err);

struct collection_stats {
    uint64_t entries;
    uint64_t bytes;
    uint64_t searches;
};
void collection_stats(const struct collection *collection, struct collection_stats *stats_out);
