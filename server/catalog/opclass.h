/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/catalog/catalog.h"

/* How a vector index measures; the order is the vector engine's. */
enum cat_distance {
    CAT_DISTANCE_L2,
    CAT_DISTANCE_INNER_PRODUCT,
    CAT_DISTANCE_COSINE,
    CAT_DISTANCE_L1,
    CAT_DISTANCE_HAMMING,
    CAT_DISTANCE_JACCARD,
    CAT_DISTANCE_COUNT
};

/* An operator class: which operators an index of a column of that type serves. */
struct cat_opclass {
    oid_t oid;
    const char *name;
    enum index_method method;
    oid_t type;
    oid_t family;
    bool is_default;
    enum cat_distance distance; /* of hnsw and ivfflat */
};

/* All of them, built in. */
const struct cat_opclass *cat_opclass_all(size_t *count_out);
/* By name (NULL: the type's default), NULL when there is none. hnsw has no default by pgvector's
 * rules; here it is L2 (Hamming for bits). A missing class of another type is told apart by
 * cat_opclass_exists. */
const struct cat_opclass *cat_opclass_find(enum index_method method, oid_t type, const char *name);
bool cat_opclass_exists(enum index_method method, const char *name);
/* The distance operator of an hnsw or ivfflat class, "<->". */
const char *cat_distance_operator(enum cat_distance distance);
/* The class of an index's first key; NULL for one that has none (an expression of unknown type). */
const struct cat_opclass *cat_index_opclass(const struct cat_index *index);

static inline bool
cat_is_vector_method(enum index_method method)
{
    return method == INDEX_HNSW || method == INDEX_IVFFLAT;
}
