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
    oid_t key_type;             /* of gin: of what is kept for a value; 0: the type itself */
};

/* How a gin class asks for a value: pg_amop's strategy numbers. jsonb_ops and jsonb_path_ops have
 * places for 15 (@?) and 16 (@@), as PostgreSQL numbers them. */
enum gin_strategy {
    GIN_NONE = 0,
    GIN_ARRAY_OVERLAPS = 1,
    GIN_ARRAY_CONTAINS = 2,
    GIN_ARRAY_CONTAINED = 3,
    GIN_ARRAY_EQUAL = 4,
    GIN_JSONB_CONTAINS = 7,
    GIN_JSONB_EXISTS = 9,
    GIN_JSONB_EXISTS_ANY = 10,
    GIN_JSONB_EXISTS_ALL = 11,
};
/* An operator of a gin family. */
struct cat_gin_operator {
    oid_t oid; /* pg_amop's */
    oid_t family;
    oid_t left, right;
    enum gin_strategy strategy;
    oid_t op;
};
enum {
    GIN_FAMILY_ARRAY = 2745,
    GIN_FAMILY_JSONB = 4036,
    GIN_FAMILY_JSONB_PATH = 4037,
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
/* All operators of gin classes. */
const struct cat_gin_operator *cat_gin_operators(size_t *count_out);
/* How a family answers `column op value`; GIN_NONE: it does not. */
enum gin_strategy cat_gin_strategy(oid_t family, oid_t op);
/* "btree". */
const char *cat_method_name(enum index_method method);
/* The class of a key of an index; NULL as below. */
const struct cat_opclass *cat_key_opclass(const struct cat_index *index, uint16_t key);
/* The class of an index's first key; NULL for one that has none (an expression of unknown type). */
const struct cat_opclass *cat_index_opclass(const struct cat_index *index);

static inline bool
cat_is_vector_method(enum index_method method)
{
    return method == INDEX_HNSW || method == INDEX_IVFFLAT;
}
