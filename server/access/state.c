/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "server/access/access_private.h"
#include "server/base/assert.h"
#include "server/base/log.h"

/*
 * Live indexes, trees and collections of vectors, saved with a checkpoint and loaded again at
 * start.
 *
 * What is saved at position P is right for every row that has not changed since: its entry is in
 * the index all the while that it is being written, so it is written; an entry whose row, as of P,
 * is missing or has another key is not. What the file says of rows changed at or after P does not
 * matter: at start, entries of rows that are gone or whose newest version is not older than P are
 * left out, and the rows changed at or after P, which the row directory knows, put in anew. So
 * after a start each live row has exactly its own entry, as if the index had been built.
 *
 * Row ids that were given out but never committed may be given again after a crash. Their entries
 * are not saved (no row as of P), and a row that has such an id later is newer than P.
 *
 * An index that changed little since it was saved is not saved again; the part is kept, and the
 * rows to put in at start are some more. Only a part is kept that this server wrote or loaded:
 * one that was found damaged is replaced by the next checkpoint.
 *
 * A collection is saved again as well when its graph has grown by itself, since linking what is
 * there takes long. A part of one may be older before it is given up: rows put in anew wait beside
 * the graph for the linker, and building would leave no graph at all.
 *
 * An inverted index has any number of entries of a row, so that counts say nothing; its filters are
 * always asked. An entry too many does no harm there, for whoever reads asks the row: while there
 * are old keys, those of rows that are large are kept as they are, and not looked for in the row
 * once for each of them.
 *
 * A file that is damaged, of another version or of an index that was defined differently, and a
 * loaded index that does not have one entry for each row, end in building the index from the rows.
 */
enum {
    /* Changes whenever row format or key encoding do: older parts do not count then. */
    STATE_VERSION = 1,
    RESAVE_FRACTION = 16, /* of the entries may have changed */
    RESAVE_CHANGES = 1000,
    CHANGES_BATCH = 256,
    CHECKED_ROW_SIZE_MAX = 8192, /* of an inverted index, while there are old keys */
};

static void
part_name(char name[32], oid_t index)
{
    (void)snprintf(name, 32, "index-%" PRIu32, index);
}

static uint64_t
hash_number(uint64_t hash, uint64_t number)
{
    return ky_hash_bytes(&number, sizeof(number), hash);
}

static uint64_t
hash_text(uint64_t hash, const char *text)
{
    return text == NULL ? hash_number(hash, UINT64_MAX) : ky_hash_bytes(text, strlen(text), hash);
}

/* Of everything that decides which entries an index has and how their keys look. */
static uint64_t
identity_of(const struct access_index *runtime, const struct cat_index *index)
{
    uint64_t hash = hash_number(STATE_VERSION, index->oid);
    hash = hash_number(hash, index->table->rel);
    hash = hash_number(hash, (uint64_t)index->method);
    hash = hash_number(hash, index->key_count);
    for (uint16_t i = 0; i < index->key_count; i++) {
        const struct cat_key *key = &index->keys[i];
        hash = hash_number(hash, (uint64_t)(uint16_t)key->column);
        hash = hash_number(hash, key->type->oid);
        hash = hash_number(hash, (uint64_t)key->is_descending << 1 | key->is_nulls_first);
        hash = hash_text(hash, key->opclass);
        hash = hash_text(hash, key->expression_sql);
    }
    if (runtime->vectors != NULL) {
        const struct vector_options *options = collection_options(runtime->vectors);
        hash = hash_number(hash, (uint64_t)options->element);
        hash = hash_number(hash, (uint64_t)options->metric);
        hash = hash_number(hash, options->dimension);
        hash = hash_number(hash, options->m);
        hash = hash_number(hash, options->ef_construction);
    }
    return hash_text(hash, index->predicate_sql);
}

static uint64_t
entries_of(const struct access_index *runtime)
{
    struct access_index_stats stats;
    runtime_stats(runtime, &stats);
    return stats.entries;
}

/* Of its graph; 0 for trees. */
static uint64_t
nodes_of(const struct access_index *runtime)
{
    struct collection_stats stats = {0};
    if (runtime->vectors != NULL) {
        collection_stats(runtime->vectors, &stats);
    }
    return stats.nodes;
}

/* ------------------------------------------------------------------ saving */

struct save_filter {
    struct access_index *runtime;
    const struct cat_index *index;
    struct txn *pin;
    bool is_selective; /* a row may be without an entry */
    struct stale_mark mark;
    struct ky_buffer scratch;
};

/* Rows that the predicate leaves out or without a vector: one that somebody is about to change has
 * the entry to come and no old key. */
static bool
is_selective(const struct access_index *runtime, const struct cat_index *index)
{
    const int column = index->keys[0].column;
    return (index->predicate_sql != NULL && !runtime->is_inverted) ||
           (runtime->vectors != NULL &&
            (column == 0 || !index->table->columns[column - 1].is_not_null));
}

/* While nobody has old keys in the index, a row that exists has the entry's key, if it has one. */
static bool
keep_saved(void *arg, struct ky_slice key, row_id_t row_id)
{
    struct save_filter *filter = arg;
    struct row_ref row;
    if (!filter->is_selective && !stale_mark_is_checked(&filter->mark, filter->runtime)) {
        return storage_has_row(filter->pin, filter->runtime->rel, row_id);
    }
    ky_buffer_clear(&filter->scratch);
    if (!storage_get(filter->pin, filter->runtime->rel, row_id, &row)) {
        return false;
    }
    if (filter->runtime->is_inverted && row.body.size > CHECKED_ROW_SIZE_MAX) {
        return true;
    }
    if (!runtime_row_key(filter->runtime, filter->index, row.body, &filter->scratch)) {
        return false;
    }
    const struct ky_slice found = ky_buffer_slice(&filter->scratch);
    return filter->runtime->is_inverted ? inverted_has(found, key) : ky_slice_equal(found, key);
}

static bool
keep_saved_vector(void *arg, row_id_t row_id, const void *values)
{
    const struct save_filter *filter = arg;
    const struct vector_options *options = collection_options(filter->runtime->vectors);
    return keep_saved(
        arg, ky_slice(values, vector_values_size(options->element, options->dimension)), row_id);
}

/* So many rows may have changed. */
static uint64_t
changes_max(const struct access_index *runtime)
{
    const uint64_t live = storage_live_count(runtime->access->storage, runtime->rel);
    return KY_MIN(entries_of(runtime), live) / RESAVE_FRACTION + RESAVE_CHANGES;
}

/* Little has changed since the part was written. */
static bool
is_part_good(const struct access_index *runtime, const struct part_info *part,
             const struct part_info *now)
{
    const uint64_t nodes = nodes_of(runtime);
    const uint64_t before = runtime->part_nodes;
    const uint64_t linked = nodes > before ? nodes - before : before - nodes;
    return part->identity == now->identity && part->lsn == runtime->part_lsn &&
           now->mark - part->mark <= changes_max(runtime) && (nodes == 0) == (before == 0) &&
           linked <= nodes / RESAVE_FRACTION + RESAVE_CHANGES;
}

static ky_status
save_index(struct access_index *runtime, const struct cat_index *index, struct txn *pin,
           struct checkpoint_writer *writer, struct ky_error *err)
{
    char name[32];
    struct part_info before;
    part_name(name, index->oid);
    struct part_info info = {
        .name = name,
        .identity = identity_of(runtime, index),
        .mark = storage_change_count(runtime->access->storage, runtime->rel),
    };
    if (checkpoint_part_find(writer, name, &before) && is_part_good(runtime, &before, &info)) {
        checkpoint_part_keep(writer, name);
        return KY_OK;
    }
    struct state_sink *sink = NULL;
    struct save_filter filter = {.runtime = runtime,
                                 .index = index,
                                 .pin = pin,
                                 .is_selective = is_selective(runtime, index)};
    KY_TRY(checkpoint_part_begin(writer, &info, &sink, err));
    const uint64_t nodes = nodes_of(runtime);
    filter.mark = stale_mark_take(runtime);
    ky_status status =
        runtime->vectors != NULL
            ? collection_save(runtime->vectors, keep_saved_vector, &filter, sink, err)
            : index_save(runtime->tree, keep_saved, &filter, sink, err);
    ky_buffer_deinit(&filter.scratch);
    KY_TRY(status);
    KY_TRY(checkpoint_part_end(writer, err));
    runtime->part_lsn = txn_snapshot(pin);
    runtime->part_nodes = nodes;
    return KY_OK;
}

/* A vector index without an engine has nothing to save. */
static bool
has_state(const struct access_index *runtime)
{
    return runtime->tree != NULL || runtime->vectors != NULL;
}

static ky_status
save_indexes(struct access *access, const struct cat_image *image, struct txn *pin,
             struct checkpoint_writer *writer, struct ky_error *err)
{
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        for (uint16_t j = 0; table->persistence != 't' && j < table->index_count; j++) {
            const struct cat_index *index = table->indexes[j];
            struct access_index *runtime = access_find_runtime(access, index->oid);
            if (runtime != NULL && runtime->rel == table->rel && has_state(runtime)) {
                KY_TRY(save_index(runtime, index, pin, writer, err));
            }
        }
    }
    return KY_OK;
}

ky_status
access_save(void *arg, struct checkpoint_writer *writer, struct txn *pin, struct ky_error *err)
{
    struct access *access = arg;
    struct cat_image *image = NULL;
    /* The catalog as of pin's snapshot, as if pin had changed it. */
    KY_TRY(catalog_acquire(access->catalog, pin, true, &image, err));
    /* What is dropped from now on is freed later. */
    access_hold_dropped(access, true);
    ky_status status = save_indexes(access, image, pin, writer, err);
    access_hold_dropped(access, false);
    if (status == KY_OK) {
        status = stats_save(access, image, writer, err);
    }
    cat_image_release(image);
    return status;
}

/* ------------------------------------------------------------------ loading */

struct load_filter {
    struct txn *txn;
    rel_id_t rel;
    lsn_t lsn;
};

static bool
keep_older(void *arg, struct ky_slice key, row_id_t row_id)
{
    struct load_filter *filter = arg;
    (void)key;
    return storage_row_is_older(filter->txn, filter->rel, row_id, filter->lsn);
}

static bool
keep_older_vector(void *arg, row_id_t row_id, const void *values)
{
    (void)values;
    return keep_older(arg, ky_slice(NULL, 0), row_id);
}

static ky_status
put_in(struct access_index *runtime, struct ky_slice key, row_id_t row_id, struct ky_error *err)
{
    if (runtime->is_inverted) {
        return inverted_insert(runtime, key, row_id, NULL, err);
    }
    return runtime->vectors != NULL
               ? collection_insert(runtime->vectors, row_id, key.data, NULL, err)
               : index_insert(runtime->tree, key, row_id, NULL, err);
}

/* Puts in the rows changed at or after lsn. */
static ky_status
add_changes(struct access_index *runtime, const struct cat_index *index, struct txn *txn, lsn_t lsn,
            struct ky_error *err)
{
    struct storage_scan scan;
    struct row_ref rows[CHANGES_BATCH];
    struct ky_buffer key = {0};
    ky_status status = KY_OK;
    storage_scan_init(&scan, txn, runtime->rel);
    for (uint32_t count;
         status == KY_OK && (count = storage_changes_next(&scan, lsn, rows, CHANGES_BATCH)) > 0;) {
        for (uint32_t i = 0; status == KY_OK && i < count; i++) {
            ky_buffer_clear(&key);
            if (runtime_row_key(runtime, index, rows[i].body, &key)) {
                status = put_in(runtime, ky_buffer_slice(&key), rows[i].row_id, err);
            }
        }
    }
    ky_buffer_deinit(&key);
    return status;
}

/* Of the rows that txn sees, those that have an entry. */
static uint64_t
count_keys(const struct access_index *runtime, const struct cat_index *index, struct txn *txn)
{
    struct storage_scan scan;
    struct row_ref rows[CHANGES_BATCH];
    struct ky_buffer key = {0};
    uint64_t keys = 0;
    storage_scan_init(&scan, txn, runtime->rel);
    for (uint32_t count; (count = storage_scan_next(&scan, rows, CHANGES_BATCH)) > 0;) {
        for (uint32_t i = 0; i < count; i++) {
            ky_buffer_clear(&key);
            keys += runtime_row_key(runtime, index, rows[i].body, &key);
        }
    }
    ky_buffer_deinit(&key);
    return keys;
}

/* Every row has an entry, of a collection every row with a vector. Nobody writes yet, so all counts
 * are exact. */
static bool
is_complete(const struct access_index *runtime, const struct cat_index *index, struct txn *txn)
{
    const uint64_t entries = entries_of(runtime);
    if (runtime->is_inverted) {
        return true;
    }
    if (entries == storage_live_count(runtime->access->storage, runtime->rel)) {
        return true;
    }
    return runtime->vectors != NULL ? entries == count_keys(runtime, index, txn)
                                    : index->predicate_sql != NULL;
}

/* Takes map on success. What was there before goes. */
static ky_status
load_map(struct access_index *runtime, const struct cat_index *index, struct state_map *map,
         struct load_filter *filter, struct ky_error *err)
{
    if (runtime->vectors != NULL) {
        struct collection *loaded = NULL;
        KY_TRY(collection_load(collection_options(runtime->vectors), map,
                               filter == NULL ? NULL : keep_older_vector, filter, &loaded, err));
        collection_free(runtime->vectors);
        runtime->vectors = loaded;
        collection_set_budget(loaded, &runtime->access->vectors);
        return KY_OK;
    }
    struct index *loaded = NULL;
    KY_TRY(index_load(runtime_tree_kind(index), map, filter == NULL ? NULL : keep_older, filter,
                      &loaded, err));
    index_free(runtime->tree);
    runtime_set_tree(runtime, index, loaded);
    return KY_OK;
}

/* Takes map. is_filtered: rows have changed since lsn. */
static ky_status
load_from(struct access_index *runtime, const struct cat_index *index, struct txn *txn,
          struct state_map *map, lsn_t lsn, bool is_filtered, struct ky_error *err)
{
    struct load_filter filter = {.txn = txn, .rel = runtime->rel, .lsn = lsn};
    if (load_map(runtime, index, map, is_filtered ? &filter : NULL, err) != KY_OK) {
        map->release(map);
        return KY_ERR;
    }
    return is_filtered ? add_changes(runtime, index, txn, lsn, err) : KY_OK;
}

/* A tree's part that was saved from just these rows needs no look at each of them; that it is one
 * is known when the counts agree. Rows that are gone with all their neighbours leave no other
 * trace. Where rows may be without entries the counts could agree by chance. */
static ky_status
load_part(struct access_index *runtime, const struct cat_index *index, struct txn *txn,
          struct ky_error *err)
{
    struct storage *storage = runtime->access->storage;
    bool is_filtered =
        index->predicate_sql != NULL || runtime->vectors != NULL || runtime->is_inverted;
    for (;;) {
        char name[32];
        struct part_info info = {0};
        struct state_map *map = NULL;
        part_name(name, index->oid);
        KY_TRY(storage_part_open(storage, name, &info, &map, err));
        KY_ASSERT(map != NULL);
        is_filtered = is_filtered || storage_has_changes(txn, runtime->rel, info.lsn);
        KY_TRY(load_from(runtime, index, txn, map, info.lsn, is_filtered, err));
        if (is_complete(runtime, index, txn)) {
            return KY_OK;
        }
        if (is_filtered) {
            return ky_error_set(err, KY_DATA_CORRUPTED,
                                "saved index does not have one entry for each row");
        }
        is_filtered = true;
    }
}

/* Building a tree is faster than putting in a large part of the rows one by one. A graph is worth
 * having unless most of it is of rows that were. */
static bool
is_outdated(const struct access_index *runtime, const struct part_info *info)
{
    struct storage *storage = runtime->access->storage;
    const uint64_t changes = storage_change_count(storage, runtime->rel) - info->mark;
    const uint64_t live = storage_live_count(storage, runtime->rel);
    return changes > (runtime->vectors != NULL ? live : live / 4) + RESAVE_CHANGES;
}

static void
make_empty(struct access_index *runtime, const struct cat_index *index)
{
    if (runtime->vectors != NULL) {
        const struct vector_options options = *collection_options(runtime->vectors);
        collection_free(runtime->vectors);
        runtime->vectors = collection_new(&options);
        collection_set_budget(runtime->vectors, &runtime->access->vectors);
    } else {
        index_free(runtime->tree);
        runtime_set_tree(runtime, index, index_new(runtime_tree_kind(index)));
    }
}

bool
runtime_load(struct access_index *runtime, const struct cat_index *index, struct txn *txn)
{
    char name[32];
    struct ky_error err;
    struct part_info info = {0};
    ky_error_init(&err);
    part_name(name, index->oid);
    if (!has_state(runtime) || !storage_part_find(runtime->access->storage, name, &info) ||
        info.identity != identity_of(runtime, index) || is_outdated(runtime, &info)) {
        return false;
    }
    if (load_part(runtime, index, txn, &err) != KY_OK) {
        runtime->access->failed_loads++;
        ky_log(WARN, "access", "saved index not loaded, building it index=%" PRIu32 " error=\"%s\"",
               index->oid, err.message);
        make_empty(runtime, index);
        storage_want_parts(runtime->access->storage);
        return false;
    }
    runtime->part_lsn = info.lsn;
    runtime->part_nodes = nodes_of(runtime);
    return true;
}
