/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/catalog/funcs_private.h"

/* What an access method, an index or one of its columns can do, by PostgreSQL's names. */

static bool
is_ordered(enum index_method method)
{
    return method == INDEX_BTREE || method == INDEX_RMI;
}

static bool
is_for_vectors(enum index_method method)
{
    return method == INDEX_HNSW || method == INDEX_IVFFLAT;
}

static struct datum
answer(bool is_true)
{
    return datum_word(is_true);
}

FUNCTION(pg_indexam_has_property)
{
    UNUSED_ARGS();
    const enum index_method method = (enum index_method)args[0].word;
    const struct ky_slice name = args[1].bytes;
    *out = datum_null();
    if (!is_ordered(method) && !is_for_vectors(method) && method != INDEX_HASH &&
        method != INDEX_GIN) {
        return KY_OK;
    }
    if (ky_slice_is(name, "can_order") || ky_slice_is(name, "can_unique") ||
        ky_slice_is(name, "can_include")) {
        *out = answer(is_ordered(method));
    } else if (ky_slice_is(name, "can_multi_col")) {
        *out = answer(is_ordered(method) || method == INDEX_GIN);
    } else if (ky_slice_is(name, "can_exclude")) {
        *out = answer(false); /* there are no exclusion constraints */
    }
    return KY_OK;
}

FUNCTION(pg_index_has_property)
{
    UNUSED_ARGS();
    const struct cat_index *index = cat_get_index(funcs_env(env)->image, (oid_t)args[0].word);
    const struct ky_slice name = args[1].bytes;
    *out = datum_null();
    if (index == NULL) {
        return KY_OK;
    }
    if (ky_slice_is(name, "index_scan")) {
        *out = answer(index->method != INDEX_GIN);
    } else if (ky_slice_is(name, "clusterable") || ky_slice_is(name, "backward_scan")) {
        *out = answer(is_ordered(index->method));
    } else if (ky_slice_is(name, "bitmap_scan")) {
        *out = answer(!is_for_vectors(index->method));
    }
    return KY_OK;
}

/* Of a column that is a key. */
static struct datum
key_property(const struct cat_index *index, const struct cat_key *key, struct ky_slice name)
{
    const bool has_order = is_ordered(index->method);
    if (ky_slice_is(name, "asc")) {
        return answer(has_order && !key->is_descending);
    }
    if (ky_slice_is(name, "desc")) {
        return answer(has_order && key->is_descending);
    }
    if (ky_slice_is(name, "nulls_first")) {
        return answer(has_order && key->is_nulls_first);
    }
    if (ky_slice_is(name, "nulls_last")) {
        return answer(has_order && !key->is_nulls_first);
    }
    if (ky_slice_is(name, "search_array") || ky_slice_is(name, "search_nulls")) {
        return answer(has_order);
    }
    return datum_null();
}

FUNCTION(pg_index_column_has_property)
{
    UNUSED_ARGS();
    const struct cat_index *index = cat_get_index(funcs_env(env)->image, (oid_t)args[0].word);
    const int64_t number = args[1].word;
    const struct ky_slice name = args[2].bytes;
    *out = datum_null();
    if (index == NULL || number < 1 || number > index->column_count) {
        return KY_OK;
    }
    const bool is_key = number <= index->key_count;
    if (ky_slice_is(name, "returnable")) {
        *out = answer(is_ordered(index->method));
    } else if (ky_slice_is(name, "orderable")) {
        *out = answer(is_key && is_ordered(index->method));
    } else if (ky_slice_is(name, "distance_orderable")) {
        *out = answer(is_key && is_for_vectors(index->method));
    } else if (is_key) {
        *out = key_property(index, &index->keys[number - 1], name);
    }
    return KY_OK;
}

static const struct func funcs[] = {
    FUNC(636, "pg_indexam_has_property", OID_BOOL, 2, ARGS(OID_OID, OID_TEXT), true, 's',
         pg_indexam_has_property),
    FUNC(637, "pg_index_has_property", OID_BOOL, 2, ARGS(OID_REGCLASS, OID_TEXT), true, 's',
         pg_index_has_property),
    FUNC(638, "pg_index_column_has_property", OID_BOOL, 3, ARGS(OID_REGCLASS, OID_INT4, OID_TEXT),
         true, 's', pg_index_column_has_property),
};

void
index_property_register(void)
{
    func_register(funcs, KY_COUNT_OF(funcs));
}
