/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/opclass.h"

#include <string.h>

/* PostgreSQL's btree and gin classes under their numbers, and pgvector's under ours. A family of
 * ours has the number of its class. */

#define BTREE(oid, name, family, type, is_default)                       \
    {                                                                    \
        (oid), (name), INDEX_BTREE, (type), (family), (is_default), 0, 0 \
    }
#define GIN(oid, name, family, type, is_default, key)                      \
    {                                                                      \
        (oid), (name), INDEX_GIN, (type), (family), (is_default), 0, (key) \
    }
#define VECTORS(oid, name, method, type, is_default, distance)                           \
    {                                                                                    \
        (oid), (name), (method), (type), (oid), (is_default), CAT_DISTANCE_##distance, 0 \
    }

static const struct cat_opclass classes[] = {
    BTREE(1978, "int4_ops", 1976, 23, true),
    BTREE(1979, "int2_ops", 1976, 21, true),
    BTREE(1981, "oid_ops", 1989, 26, true),
    BTREE(3122, "date_ops", 434, 1082, true),
    BTREE(3123, "float8_ops", 1970, 701, true),
    BTREE(3124, "int8_ops", 1976, 20, true),
    BTREE(3125, "numeric_ops", 1988, 1700, true),
    BTREE(3126, "text_ops", 1994, 25, true),
    BTREE(3127, "timestamptz_ops", 434, 1184, true),
    BTREE(3128, "timestamp_ops", 434, 1114, true),
    BTREE(4217, "text_pattern_ops", 2095, 25, false),
    BTREE(4218, "varchar_pattern_ops", 2095, 25, false),
    BTREE(4219, "bpchar_pattern_ops", 2097, 1042, false),
    BTREE(10000, "array_ops", 397, 2277, true),
    BTREE(10002, "bit_ops", 423, 1560, true),
    BTREE(10003, "bool_ops", 424, 16, true),
    BTREE(10004, "bpchar_ops", 426, 1042, true),
    BTREE(10006, "bytea_ops", 428, 17, true),
    BTREE(10007, "char_ops", 429, 18, true),
    BTREE(10012, "float4_ops", 1970, 700, true),
    BTREE(10022, "interval_ops", 1982, 1186, true),
    BTREE(10028, "name_ops", 1994, 19, true),
    BTREE(10032, "oidvector_ops", 1991, 30, true),
    BTREE(10034, "record_ops", 2994, 2249, true),
    BTREE(10036, "record_image_ops", 3194, 2249, false),
    BTREE(10038, "time_ops", 1996, 1083, true),
    BTREE(10041, "timetz_ops", 2000, 1266, true),
    BTREE(10043, "varbit_ops", 2002, 1562, true),
    BTREE(10044, "varchar_ops", 1994, 25, false),
    BTREE(10050, "tid_ops", 2789, 27, true),
    BTREE(10053, "xid8_ops", 5067, 5069, true),
    BTREE(10065, "uuid_ops", 2968, 2950, true),
    BTREE(10067, "pg_lsn_ops", 3253, 3220, true),
    BTREE(10069, "enum_ops", 3522, OID_ANYENUM, true),
    BTREE(10088, "jsonb_ops", 4033, 3802, true),
    BTREE(15300, "vector_ops", 15300, OID_VECTOR, true),
    BTREE(15301, "halfvec_ops", 15301, OID_HALFVEC, true),
    BTREE(15302, "sparsevec_ops", 15302, OID_SPARSEVEC, true),
    GIN(10064, "array_ops", GIN_FAMILY_ARRAY, OID_ANYARRAY, true, OID_ANYELEMENT),
    GIN(10090, "jsonb_ops", GIN_FAMILY_JSONB, OID_JSONB, true, OID_TEXT),
    GIN(10091, "jsonb_path_ops", GIN_FAMILY_JSONB_PATH, OID_JSONB, false, OID_INT4),
    VECTORS(15303, "vector_l2_ops", INDEX_HNSW, OID_VECTOR, false, L2),
    VECTORS(15304, "vector_ip_ops", INDEX_HNSW, OID_VECTOR, false, INNER_PRODUCT),
    VECTORS(15305, "vector_cosine_ops", INDEX_HNSW, OID_VECTOR, false, COSINE),
    VECTORS(15306, "vector_l1_ops", INDEX_HNSW, OID_VECTOR, false, L1),
    VECTORS(15307, "halfvec_l2_ops", INDEX_HNSW, OID_HALFVEC, false, L2),
    VECTORS(15308, "halfvec_ip_ops", INDEX_HNSW, OID_HALFVEC, false, INNER_PRODUCT),
    VECTORS(15309, "halfvec_cosine_ops", INDEX_HNSW, OID_HALFVEC, false, COSINE),
    VECTORS(15310, "halfvec_l1_ops", INDEX_HNSW, OID_HALFVEC, false, L1),
    VECTORS(15311, "sparsevec_l2_ops", INDEX_HNSW, OID_SPARSEVEC, false, L2),
    VECTORS(15312, "sparsevec_ip_ops", INDEX_HNSW, OID_SPARSEVEC, false, INNER_PRODUCT),
    VECTORS(15313, "sparsevec_cosine_ops", INDEX_HNSW, OID_SPARSEVEC, false, COSINE),
    VECTORS(15314, "sparsevec_l1_ops", INDEX_HNSW, OID_SPARSEVEC, false, L1),
    VECTORS(15315, "bit_hamming_ops", INDEX_HNSW, OID_BIT, false, HAMMING),
    VECTORS(15316, "bit_jaccard_ops", INDEX_HNSW, OID_BIT, false, JACCARD),
    VECTORS(15317, "vector_l2_ops", INDEX_IVFFLAT, OID_VECTOR, true, L2),
    VECTORS(15318, "vector_ip_ops", INDEX_IVFFLAT, OID_VECTOR, false, INNER_PRODUCT),
    VECTORS(15319, "vector_cosine_ops", INDEX_IVFFLAT, OID_VECTOR, false, COSINE),
    VECTORS(15320, "halfvec_l2_ops", INDEX_IVFFLAT, OID_HALFVEC, false, L2),
    VECTORS(15321, "halfvec_ip_ops", INDEX_IVFFLAT, OID_HALFVEC, false, INNER_PRODUCT),
    VECTORS(15322, "halfvec_cosine_ops", INDEX_IVFFLAT, OID_HALFVEC, false, COSINE),
    VECTORS(15323, "bit_hamming_ops", INDEX_IVFFLAT, OID_BIT, false, HAMMING),
};

const struct cat_opclass *
cat_opclass_all(size_t *count_out)
{
    *count_out = KY_COUNT_OF(classes);
    return classes;
}

/* jsonpath's operators (4012 as 15, 4013 as 16, in both families of jsonb) belong here as well. */
static const struct cat_gin_operator gin_operators[] = {
    {10349, GIN_FAMILY_ARRAY, OID_ANYARRAY, OID_ANYARRAY, GIN_ARRAY_OVERLAPS, 2750},
    {10350, GIN_FAMILY_ARRAY, OID_ANYARRAY, OID_ANYARRAY, GIN_ARRAY_CONTAINS, 2751},
    {10351, GIN_FAMILY_ARRAY, OID_ANYARRAY, OID_ANYARRAY, GIN_ARRAY_CONTAINED, 2752},
    {10352, GIN_FAMILY_ARRAY, OID_ANYARRAY, OID_ANYARRAY, GIN_ARRAY_EQUAL, 1070},
    {10456, GIN_FAMILY_JSONB, OID_JSONB, OID_JSONB, GIN_JSONB_CONTAINS, 3246},
    {10457, GIN_FAMILY_JSONB, OID_JSONB, OID_TEXT, GIN_JSONB_EXISTS, 3247},
    {10458, GIN_FAMILY_JSONB, OID_JSONB, OID_TEXT_ARRAY, GIN_JSONB_EXISTS_ANY, 3248},
    {10459, GIN_FAMILY_JSONB, OID_JSONB, OID_TEXT_ARRAY, GIN_JSONB_EXISTS_ALL, 3249},
    {10462, GIN_FAMILY_JSONB_PATH, OID_JSONB, OID_JSONB, GIN_JSONB_CONTAINS, 3246},
};

const struct cat_gin_operator *
cat_gin_operators(size_t *count_out)
{
    *count_out = KY_COUNT_OF(gin_operators);
    return gin_operators;
}

enum gin_strategy
cat_gin_strategy(oid_t family, oid_t op)
{
    for (size_t i = 0; i < KY_COUNT_OF(gin_operators); i++) {
        if (gin_operators[i].family == family && gin_operators[i].op == op) {
            return gin_operators[i].strategy;
        }
    }
    return GIN_NONE;
}

const char *
cat_method_name(enum index_method method)
{
    switch (method) {
    case INDEX_BTREE:
        return "btree";
    case INDEX_HASH:
        return "hash";
    case INDEX_GIN:
        return "gin";
    case INDEX_RMI:
        return "rmi";
    case INDEX_HNSW:
        return "hnsw";
    case INDEX_IVFFLAT:
        return "ivfflat";
    }
    return "unknown";
}

/* Classes of anyarray take every array, those of anyenum every enum. */
static oid_t
class_type(oid_t oid)
{
    const struct type *type = type_find(oid);
    if (type != NULL && type->typtype == 'e') {
        return OID_ANYENUM;
    }
    return type != NULL && type->category == 'A' && type->element_oid != OID_NONE &&
                   type->typtype == 'b' && oid != OID_INT2VECTOR && oid != OID_OIDVECTOR
               ? (oid_t)OID_ANYARRAY
               : oid;
}

const struct cat_opclass *
cat_opclass_find(enum index_method method, oid_t type, const char *name)
{
    const struct cat_opclass *first = NULL;
    type = class_type(type);
    for (size_t i = 0; i < KY_COUNT_OF(classes); i++) {
        const struct cat_opclass *opclass = &classes[i];
        if (opclass->method != method || opclass->type != type) {
            continue;
        }
        if (name == NULL ? opclass->is_default : strcmp(name, opclass->name) == 0) {
            return opclass;
        }
        first = first == NULL ? opclass : first;
    }
    return name == NULL && cat_is_vector_method(method) ? first : NULL;
}

bool
cat_opclass_exists(enum index_method method, const char *name)
{
    for (size_t i = 0; i < KY_COUNT_OF(classes); i++) {
        if (classes[i].method == method && strcmp(name, classes[i].name) == 0) {
            return true;
        }
    }
    return false;
}

const char *
cat_distance_operator(enum cat_distance distance)
{
    static const char *const names[] = {"<->", "<#>", "<=>", "<+>", "<~>", "<%>"};
    _Static_assert(KY_COUNT_OF(names) == CAT_DISTANCE_COUNT, "one operator each");
    return names[distance];
}

const struct cat_opclass *
cat_key_opclass(const struct cat_index *index, uint16_t key)
{
    const struct cat_key *part = &index->keys[key];
    return part->type == NULL ? NULL
                              : cat_opclass_find(index->method, part->type->oid, part->opclass);
}

const struct cat_opclass *
cat_index_opclass(const struct cat_index *index)
{
    return cat_key_opclass(index, 0);
}
