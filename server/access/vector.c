/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/access/access_private.h"
#include "server/base/assert.h"
#include "server/catalog/opclass.h"
#include "server/types/vector_value.h"

/*
 * Vector indexes: what the engine is told of them, and searches. An entry stands for a row as long
 * as the row's visible version holds that very vector; the engine asks for each entry that would
 * enter a result, so that rows nobody may see never cost a place.
 */

_Static_assert((int)CAT_DISTANCE_L2 == (int)VECTOR_L2 &&
                   (int)CAT_DISTANCE_INNER_PRODUCT == (int)VECTOR_INNER_PRODUCT &&
                   (int)CAT_DISTANCE_COSINE == (int)VECTOR_COSINE &&
                   (int)CAT_DISTANCE_L1 == (int)VECTOR_L1 &&
                   (int)CAT_DISTANCE_HAMMING == (int)VECTOR_HAMMING &&
                   (int)CAT_DISTANCE_JACCARD == (int)VECTOR_JACCARD,
               "the catalog names the engine's metrics");

/* A number among "name=value" options. */
static uint32_t
option_of(const struct cat_index *index, const char *name)
{
    const size_t size = strlen(name);
    for (const char *const *option = index->options; option != NULL && *option != NULL; option++) {
        if (strncmp(*option, name, size) == 0 && (*option)[size] == '=') {
            return (uint32_t)strtoul(*option + size + 1, NULL, 10);
        }
    }
    return 0;
}

/* What a vector of a type is in the engine. False: it has none (sparsevec). */
static bool
element_of(oid_t type, enum vector_element *element_out)
{
    *element_out = type == OID_HALFVEC ? VECTOR_F16 : type == OID_BIT ? VECTOR_BIT : VECTOR_F32;
    return type == OID_VECTOR || type == OID_HALFVEC || type == OID_BIT;
}

ky_status
runtime_new_vectors(struct access_index *runtime, const struct cat_index *index,
                    struct ky_error *err)
{
    const struct cat_opclass *opclass = cat_index_opclass(index);
    struct vector_options options = {.has_graph = true,
                                     .m = option_of(index, "m"),
                                     .ef_construction = option_of(index, "ef_construction")};
    const bool is_column = index->keys[0].column != 0;
    runtime->vector_column = is_column ? (uint16_t)(index->keys[0].column - 1) : 0;
    runtime->vector_type = index->keys[0].type->oid;
    if (opclass == NULL || !element_of(runtime->vector_type, &options.element)) {
        return KY_OK; /* no engine: the rows themselves are searched */
    }
    const int32_t dimension =
        is_column ? index->table->columns[runtime->vector_column].typmod : index->keys[0].typmod;
    const int32_t most =
        options.element == VECTOR_BIT ? VECTOR_BIT_DIMENSION_MAX : VECTOR_DIMENSION_MAX;
    if (dimension < 1 || dimension > most) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "column does not have dimensions");
    }
    options.metric = (enum vector_metric)opclass->distance;
    options.dimension = (uint32_t)dimension;
    runtime->vectors = collection_new(&options);
    collection_set_budget(runtime->vectors, &runtime->access->vectors);
    return KY_OK;
}

/* The bytes that the engine keeps of a value. */
static struct ky_slice
engine_bytes(const struct access_index *runtime, struct ky_slice value)
{
    return runtime->vector_type == OID_BIT ? ky_slice(bit_data(value), bit_bytes(bit_length(value)))
                                           : value;
}

bool
runtime_vector_key(const struct access_index *runtime, struct datum value, struct ky_buffer *out)
{
    if (value.is_null || runtime->vectors == NULL) {
        return false;
    }
    ky_buffer_append_slice(out, engine_bytes(runtime, value.bytes));
    return true;
}

ky_status
runtime_fill_vectors(struct access_index *runtime, const struct cat_index *index, struct txn *txn,
                     struct ky_error *err)
{
    struct storage_scan scan;
    struct row_ref rows[256];
    struct ky_buffer key = {0};
    ky_status status = KY_OK;
    if (runtime->vectors == NULL) {
        return KY_OK;
    }
    storage_scan_init(&scan, txn, index->table->rel);
    for (uint32_t count;
         status == KY_OK && (count = storage_scan_next(&scan, rows, KY_COUNT_OF(rows))) > 0;) {
        for (uint32_t i = 0; i < count && status == KY_OK; i++) {
            struct key_info info;
            ky_buffer_clear(&key);
            status = runtime_try_row_key(runtime, index, rows[i].body, &key, &info, err);
            if (status == KY_OK && info.has_entry) {
                status = collection_insert(runtime->vectors, rows[i].row_id, key.data, NULL, err);
            }
        }
    }
    ky_buffer_deinit(&key);
    return status;
}

/* ------------------------------------------------------------------ search */

struct access_vector_scan {
    struct access_txn *txn;
    const struct cat_index *index;
    struct access_index *runtime;
    access_filter filter;
    void *arg;
    void *query; /* owned, aligned */
    struct vector_search search;
    struct vector_cursor *cursor; /* NULL for a search of k */
    struct stale_mark mark;       /* taken before the first entry is read */
};

/* Does the row that is seen hold this very vector? */
static bool
is_current(const struct access_vector_scan *scan, struct ky_slice row, const void *values)
{
    const struct access_index *runtime = scan->runtime;
    if (KY_UNLIKELY(runtime->evaluator != NULL)) {
        struct ky_buffer key = {0};
        const bool is_same = runtime_row_key(runtime, scan->index, row, &key) &&
                             memcmp(key.data, values, key.size) == 0;
        ky_buffer_deinit(&key);
        return is_same;
    }
    const struct datum vector = row_get(&scan->index->table->layout, row, runtime->vector_column);
    if (vector.is_null || !stale_mark_is_checked(&scan->mark, runtime)) {
        /* Without old keys in the index a row that has a vector has the entry's. Comparing would
         * read all of the row, which is in no cache. */
        return !vector.is_null;
    }
    const struct ky_slice bytes = engine_bytes(runtime, vector.bytes);
    return memcmp(bytes.data, values, bytes.size) == 0;
}

static bool
accepts(void *arg, row_id_t row_id, const void *values, double distance)
{
    const struct access_vector_scan *scan = arg;
    struct row_ref row;
    (void)distance;
    return storage_get(scan->txn->txn, scan->runtime->rel, row_id, &row) &&
           is_current(scan, row.body, values);
}

/* The filter comes before the vector is looked at: a row is long because of its vector, and the
 * columns that a condition reads lie at its beginning. */
static void
test_rows(void *arg, const row_id_t *row_ids, uint32_t count, bool *passes_out)
{
    const struct access_vector_scan *scan = arg;
    struct row_ref rows[VECTOR_TEST_MAX];
    uint32_t places[VECTOR_TEST_MAX];
    bool passes[VECTOR_TEST_MAX];
    const uint32_t seen =
        storage_get_many(scan->txn->txn, scan->runtime->rel, row_ids, count, rows, places);
    memset(passes_out, false, count);
    if (seen > 0) {
        scan->filter(scan->arg, rows, seen, passes);
    }
    for (uint32_t i = 0; i < seen; i++) {
        passes_out[places[i]] = passes[i];
    }
}

_Static_assert((int)VECTOR_TEST_MAX <= (int)STORAGE_GET_MAX, "one test is one look-up");

/* What the vector operators say of another dimension. */
static ky_status
validate_dimension(const struct access_index *runtime, struct ky_slice value, struct ky_error *err)
{
    const uint32_t wanted = collection_options(runtime->vectors)->dimension;
    const bool is_bit = runtime->vector_type == OID_BIT;
    const uint32_t given = is_bit                                ? bit_length(value)
                           : runtime->vector_type == OID_HALFVEC ? halfvec_dimensions(value)
                                                                 : vector_dimensions(value);
    if (given == wanted) {
        return KY_OK;
    }
    if (is_bit) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "different bit lengths %u and %u", wanted,
                            given);
    }
    return ky_error_set(err, KY_DATA_EXCEPTION, "different %s dimensions %u and %u",
                        type_get(runtime->vector_type)->name, wanted, given);
}

static ky_status
scan_begin(struct access_vector_scan *scan, struct access_txn *txn, const struct cat_index *index,
           const struct access_vector_query *query, struct ky_error *err)
{
    *scan = (struct access_vector_scan){.txn = txn,
                                        .index = index,
                                        .runtime = access_runtime(txn->access, index),
                                        .filter = query->filter,
                                        .arg = query->arg,
                                        .search = query->search};
    KY_ASSERT(scan->runtime->vectors != NULL);
    scan->mark = stale_mark_take(scan->runtime);
    txn_note_read(txn->txn, index->table->rel, index->oid, NULL);
    KY_TRY(validate_dimension(scan->runtime, query->value, err));
    const struct ky_slice bytes = engine_bytes(scan->runtime, query->value);
    scan->query = ky_malloc(bytes.size + 1);
    memcpy(scan->query, bytes.data, bytes.size);
    scan->search.query = scan->query;
    scan->search.test = query->filter == NULL ? NULL : test_rows;
    scan->search.accept = accepts;
    scan->search.arg = scan;
    return KY_OK;
}

/* Hits to rows; a row that was there when it was accepted still is, for the same snapshot. */
static uint32_t
fetch_rows(const struct access_vector_scan *scan, const struct vector_hit *found, uint32_t count,
           struct access_hit *hits)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        hits[kept].distance = found[i].distance;
        if (storage_get(scan->txn->txn, scan->runtime->rel, found[i].row_id, &hits[kept].row)) {
            kept++;
        }
    }
    return kept;
}

static void
count(_Atomic uint64_t *total, uint64_t amount)
{
    if (amount > 0) {
        atomic_fetch_add_explicit(total, amount, memory_order_relaxed);
    }
}

static void
count_search(struct access_index *runtime, const struct vector_search_stats *stats)
{
    struct vector_counts *counts = &runtime->counts;
    count(&counts->searches, 1);
    count(&counts->exact, stats->is_exact);
    count(&counts->widened, stats->is_widened || stats->is_swept);
    count(&counts->ef, stats->is_exact ? 0 : stats->ef);
    count(&counts->visited, stats->visited);
    count(&counts->reranked, stats->reranked);
    count(&counts->tested, stats->tested);
    count(&counts->passed, stats->passed);
}

bool
access_has_vectors(struct access *access, const struct cat_index *index)
{
    return access_runtime(access, index)->vectors != NULL;
}

static void
count_rows(const struct access_vector_scan *scan, uint32_t entries, uint32_t rows)
{
    access_count(scan->txn, scan->runtime->oid, COUNT_RETURNED, entries);
    access_count(scan->txn, scan->runtime->oid, COUNT_FETCHED, rows);
}

ky_status
access_vector_search(struct access_txn *txn, const struct cat_index *index,
                     const struct access_vector_query *query, struct access_hit *hits,
                     uint32_t *count_out, struct vector_search_stats *stats_out,
                     struct ky_error *err)
{
    struct access_vector_scan scan;
    KY_TRY(scan_begin(&scan, txn, index, query, err));
    struct vector_hit *found = ky_malloc(((size_t)query->search.k + 1) * sizeof(*found));
    struct vector_search_stats stats = {0};
    uint32_t found_count = 0;
    ky_status status =
        collection_search(scan.runtime->vectors, &scan.search, found, &found_count, &stats, err);
    if (status == KY_OK) {
        *count_out = fetch_rows(&scan, found, found_count, hits);
        count_search(scan.runtime, &stats);
        access_count(txn, index->oid, COUNT_SCANS, 1);
        count_rows(&scan, found_count, *count_out);
    }
    if (stats_out != NULL) {
        *stats_out = stats;
    }
    ky_free(found);
    ky_free(scan.query);
    return status;
}

ky_status
access_vector_scan_open(struct access_txn *txn, const struct cat_index *index,
                        const struct access_vector_query *query,
                        struct access_vector_scan **scan_out, struct ky_error *err)
{
    struct access_vector_scan *scan = ky_malloc(sizeof(*scan));
    if (scan_begin(scan, txn, index, query, err) != KY_OK ||
        vector_cursor_open(scan->runtime->vectors, &scan->search, &scan->cursor, err) != KY_OK) {
        ky_free(scan->query);
        ky_free(scan);
        return KY_ERR;
    }
    access_count(txn, index->oid, COUNT_SCANS, 1);
    *scan_out = scan;
    return KY_OK;
}

ky_status
access_vector_scan_next(struct access_vector_scan *scan, struct access_hit *hits, uint32_t max,
                        uint32_t *count_out, struct ky_error *err)
{
    struct vector_hit found[ACCESS_VECTOR_BATCH];
    const uint32_t room = KY_MIN(max, (uint32_t)ACCESS_VECTOR_BATCH);
    *count_out = 0;
    for (uint32_t count = 1; count > 0 && *count_out == 0;) {
        KY_TRY(vector_cursor_next(scan->cursor, found, room, &count, err));
        *count_out = fetch_rows(scan, found, count, hits);
        count_rows(scan, count, *count_out);
    }
    return KY_OK;
}

void
access_vector_scan_stats(const struct access_vector_scan *scan,
                         struct vector_search_stats *stats_out)
{
    vector_cursor_stats(scan->cursor, stats_out);
}

void
access_vector_scan_close(struct access_vector_scan *scan)
{
    if (scan == NULL) {
        return;
    }
    struct vector_search_stats stats = {0};
    vector_cursor_stats(scan->cursor, &stats);
    count_search(scan->runtime, &stats);
    vector_cursor_close(scan->cursor);
    ky_free(scan->query);
    ky_free(scan);
}

/* ------------------------------------------------------------------ looking at it */

/* Takes a reference, so that a drop meanwhile does no harm. NULL: not a vector index. */
static struct access_index *
hold_vectors(struct access *access, oid_t index)
{
    ky_mutex_lock(&access->lock);
    uint64_t *found = ky_map64_find(&access->indexes, index);
    struct access_index *runtime = found == NULL ? NULL : (struct access_index *)(uintptr_t)*found;
    if (runtime != NULL && runtime->vectors != NULL) {
        runtime_hold(runtime);
    } else {
        runtime = NULL;
    }
    ky_mutex_unlock(&access->lock);
    return runtime;
}

bool
access_vector_stats(struct access *access, oid_t index, struct vector_options *options_out,
                    struct collection_stats *stats_out, struct access_vector_totals *totals_out)
{
    struct access_index *runtime = hold_vectors(access, index);
    if (runtime == NULL) {
        return false;
    }
    *options_out = *collection_options(runtime->vectors);
    collection_stats(runtime->vectors, stats_out);
    const struct vector_counts *counts = &runtime->counts;
#define TOTAL(name) .name = atomic_load_explicit(&counts->name, memory_order_relaxed)
    *totals_out = (struct access_vector_totals){TOTAL(searches), TOTAL(exact),   TOTAL(widened),
                                                TOTAL(ef),       TOTAL(visited), TOTAL(reranked),
                                                TOTAL(tested),   TOTAL(passed)};
#undef TOTAL
    runtime_free(runtime);
    return true;
}

void
access_vector_memory(struct access *access, uint64_t *used_out, uint64_t *limit_out)
{
    *used_out = atomic_load_explicit(&access->vectors.used, memory_order_relaxed);
    *limit_out = access->vectors.limit;
}

ky_status
access_vector_build(struct access *access, oid_t index, const struct vector_work *work,
                    struct ky_error *err)
{
    struct access_index *runtime = hold_vectors(access, index);
    if (runtime == NULL) {
        return KY_OK;
    }
    ky_status status = collection_build(runtime->vectors, work, err);
    runtime_free(runtime);
    return status;
}

ky_status
access_vector_recall(struct access *access, const struct cat_index *index, uint32_t k, uint32_t ef,
                     float target, uint32_t queries, double *recall_out, struct ky_error *err)
{
    struct access_index *runtime = hold_vectors(access, index->oid);
    if (runtime == NULL) {
        return ky_error_set(err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a vector index", index->name);
    }
    ky_status status = collection_recall(runtime->vectors, k, ef, target, queries, recall_out, err);
    runtime_free(runtime);
    return status;
}
