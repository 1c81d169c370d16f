/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/access.h"

#include <inttypes.h>

#include "server/access/access_private.h"
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/log.h"

/* Opening, the registry of live indexes, and transactions. */

static void
register_runtime(struct access *access, struct access_index *runtime)
{
    ky_mutex_lock(&access->lock);
    *ky_map64_put(&access->indexes, runtime->oid, NULL) = (uint64_t)(uintptr_t)runtime;
    ky_mutex_unlock(&access->lock);
}

/* Takes it out of the registry; the caller frees it. NULL when it is not there. */
static struct access_index *
unregister_runtime(struct access *access, oid_t oid)
{
    ky_mutex_lock(&access->lock);
    uint64_t *found = ky_map64_find(&access->indexes, oid);
    struct access_index *runtime = found == NULL ? NULL : (struct access_index *)(uintptr_t)*found;
    (void)ky_map64_remove(&access->indexes, oid);
    ky_mutex_unlock(&access->lock);
    return runtime;
}

struct access_index *
access_runtime(struct access *access, const struct cat_index *index)
{
    /* relaxed is enough for the cache itself; what it points to was published by the registry's
     * mutex or by the transaction that made it. acquire pairs with the store below. */
    _Atomic(void *) *cache = (_Atomic(void *) *)(uintptr_t)&index->runtime;
    struct access_index *runtime = atomic_load_explicit(cache, memory_order_acquire);
    if (KY_LIKELY(runtime != NULL)) {
        return runtime;
    }
    ky_mutex_lock(&access->lock);
    uint64_t *found = ky_map64_find(&access->indexes, index->oid);
    KY_ASSERT(found != NULL);
    runtime = (struct access_index *)(uintptr_t)*found;
    ky_mutex_unlock(&access->lock);
    atomic_store_explicit(cache, runtime, memory_order_release);
    return runtime;
}

struct access_index *
access_find_runtime(struct access *access, oid_t index)
{
    ky_mutex_lock(&access->lock);
    uint64_t *found = ky_map64_find(&access->indexes, index);
    struct access_index *runtime = found == NULL ? NULL : (struct access_index *)(uintptr_t)*found;
    ky_mutex_unlock(&access->lock);
    return runtime;
}

struct open_counts {
    uint64_t loaded;
    uint64_t built;
};

static ky_status
open_index(struct access *access, const struct cat_image *image, const struct cat_index *index,
           struct txn *txn, struct open_counts *counts, struct ky_error *err)
{
    struct access_index *runtime;
    KY_TRY(runtime_new(access, image, index, &runtime, err));
    if (runtime_load(runtime, index, txn)) {
        counts->loaded++;
    } else if (runtime_fill(runtime, index, txn, err) == KY_OK) {
        counts->built++;
    } else {
        runtime_free(runtime);
        return KY_ERR;
    }
    register_runtime(access, runtime);
    return KY_OK;
}

static ky_status
open_indexes(struct access *access, struct txn *txn, struct ky_error *err)
{
    struct cat_image *image;
    KY_TRY(catalog_acquire(access->catalog, txn, false, &image, err));
    ky_status status = KY_OK;
    struct open_counts counts = {0};
    int64_t start_ns = ky_monotonic_ns();
    for (size_t i = 0; i < image->table_count && status == KY_OK; i++) {
        const struct cat_table *table = image->tables[i];
        for (uint16_t j = 0; j < table->index_count && status == KY_OK; j++) {
            if (access_find_runtime(access, table->indexes[j]->oid) == NULL) {
                status = open_index(access, image, table->indexes[j], txn, &counts, err);
            }
        }
    }
    stats_load(access, image);
    cat_image_release(image);
    ky_log(INFO, "access", "indexes opened loaded=%" PRIu64 " built=%" PRIu64 " took_ms=%" PRId64,
           counts.loaded, counts.built, (ky_monotonic_ns() - start_ns) / 1000000);
    return status;
}

ky_status
access_refresh(struct access *access, struct ky_error *err)
{
    struct txn *txn = txn_begin(access->storage, ISOLATION_READ_COMMITTED);
    txn_statement_begin(txn);
    ky_status status = open_indexes(access, txn, err);
    txn_statement_end(txn);
    txn_rollback(txn);
    return status;
}

ky_status
access_open(struct storage *storage, struct catalog *catalog, uint64_t vector_memory,
            struct access **access_out, struct ky_error *err)
{
    struct access *access = ky_calloc(1, sizeof(*access));
    access->storage = storage;
    access->catalog = catalog;
    ky_mutex_init(&access->lock);
    ky_mutex_init(&access->purge_lock);
    ky_cond_init(&access->purge_wake);
    ky_mutex_init(&access->link_lock);
    ky_cond_init(&access->link_wake);
    atomic_init(&access->is_link_stopping, 0);
    stats_init(&access->stats);
    ky_budget_init(&access->vectors, "memory for vector indexes", vector_memory, NULL);
    ky_status status = access_refresh(access, err);
    ky_thread_start(&access->purger, "purger", access_purge_run, access);
    ky_thread_start(&access->linker, "linker", access_link_run, access);
    if (status != KY_OK) {
        access_close(access);
        return KY_ERR;
    }
    storage_set_derived(storage, &(struct storage_derived){.save = access_save, .arg = access});
    *access_out = access;
    return KY_OK;
}

static void
free_dropped(struct access_index *dropped)
{
    while (dropped != NULL) {
        struct access_index *next = dropped->next_dropped;
        runtime_free(dropped);
        dropped = next;
    }
}

void
access_close(struct access *access)
{
    if (access == NULL) {
        return;
    }
    access_link_stop(access);
    storage_set_derived(access->storage, NULL);
    ky_mutex_lock(&access->purge_lock);
    access->is_stopping = true;
    ky_cond_broadcast(&access->purge_wake);
    ky_mutex_unlock(&access->purge_lock);
    ky_thread_join(&access->purger);
    free_dropped(access->dropped);
    while (access->purge_first != NULL) {
        struct garbage *garbage = access->purge_first;
        access->purge_first = garbage->next;
        ky_buffer_deinit(&garbage->entries);
        ky_free(garbage);
    }
    size_t cursor = 0;
    uint64_t oid;
    uint64_t pointer;
    while (ky_map64_next(&access->indexes, &cursor, &oid, &pointer)) {
        runtime_free((struct access_index *)(uintptr_t)pointer);
    }
    ky_map64_deinit(&access->indexes);
    stats_deinit(&access->stats);
    ky_cond_deinit(&access->link_wake);
    ky_mutex_deinit(&access->link_lock);
    ky_cond_deinit(&access->purge_wake);
    ky_mutex_deinit(&access->purge_lock);
    ky_mutex_deinit(&access->lock);
    ky_free(access);
}

struct storage *
access_storage(struct access *access)
{
    return access->storage;
}

/* ------------------------------------------------------------------ entry logs */

void
entry_log_add(struct ky_buffer *log, oid_t index, struct ky_slice key, row_id_t row_id,
              bool is_key_change)
{
    struct logged_entry entry = {.index = index,
                                 .row_id = row_id,
                                 .key_size = (uint32_t)key.size,
                                 .is_key_change = is_key_change};
    uint8_t *place = ky_buffer_extend(log, ky_align_up(sizeof(entry) + key.size, 8));
    memcpy(place, &entry, sizeof(entry));
    if (key.size > 0) {
        memcpy(place + sizeof(entry), key.data, key.size);
    }
}

bool
entry_log_next(const struct ky_buffer *log, size_t *offset, struct logged_entry *entry_out,
               struct ky_slice *key_out)
{
    if (*offset >= log->size) {
        return false;
    }
    const uint8_t *place = log->data + *offset;
    memcpy(entry_out, place, sizeof(*entry_out));
    *key_out = ky_slice(place + sizeof(*entry_out), entry_out->key_size);
    *offset += ky_align_up(sizeof(*entry_out) + entry_out->key_size, 8);
    return true;
}

void
runtime_remove(struct access_index *runtime, struct ky_slice key, row_id_t row_id)
{
    if (runtime->is_vector) {
        if (runtime->vectors != NULL) {
            (void)collection_remove(runtime->vectors, row_id, key.data);
        }
    } else if (runtime->is_inverted) {
        inverted_remove(runtime, key, row_id);
    } else {
        (void)index_remove(runtime->tree, key, row_id);
    }
}

/* ------------------------------------------------------------------ transactions */

struct access_txn *
access_begin(struct access *access, enum isolation isolation)
{
    struct access_txn *txn = ky_calloc(1, sizeof(*txn));
    txn->access = access;
    txn->isolation = isolation;
    txn->txn = txn_begin(access->storage, isolation);
    return txn;
}

struct txn *
access_storage_txn(struct access_txn *txn)
{
    return txn->txn;
}

static void
txn_free(struct access_txn *txn)
{
    ky_buffer_deinit(&txn->undo);
    ky_buffer_deinit(&txn->garbage);
    ky_buffer_deinit(&txn->created);
    ky_buffer_deinit(&txn->dropped);
    ky_buffer_deinit(&txn->row);
    ky_buffer_deinit(&txn->key);
    ky_buffer_deinit(&txn->old_key);
    ky_buffer_deinit(&txn->new_keys);
    ky_free(txn);
}

/* Takes out everything that this transaction put in after the marks. */
static void
undo_entries(struct access_txn *txn, size_t undo_mark, size_t garbage_mark)
{
    struct logged_entry entry;
    struct ky_slice key;
    for (size_t offset = undo_mark; entry_log_next(&txn->undo, &offset, &entry, &key);) {
        struct access_index *runtime = access_find_runtime(txn->access, entry.index);
        if (runtime != NULL) {
            runtime_remove(runtime, key, entry.row_id);
        }
    }
    for (size_t offset = garbage_mark; entry_log_next(&txn->garbage, &offset, &entry, &key);) {
        struct access_index *runtime = access_find_runtime(txn->access, entry.index);
        if (entry.is_key_change && runtime != NULL) {
            /* release: after the removals above. */
            atomic_fetch_sub_explicit(&runtime->stale_count, 1, memory_order_release);
        }
    }
    txn->undo.size = undo_mark;
    txn->garbage.size = garbage_mark;
}

static void
drop_created(struct access_txn *txn)
{
    for (size_t i = 0; i + sizeof(void *) <= txn->created.size; i += sizeof(void *)) {
        struct access_index *runtime;
        memcpy(&runtime, txn->created.data + i, sizeof(runtime));
        /* The purger may be maintaining it. */
        runtime = unregister_runtime(txn->access, runtime->oid);
        if (runtime != NULL) {
            access_purge_drop(txn->access, runtime);
        }
    }
}

static void
drop_dropped(struct access_txn *txn)
{
    for (size_t i = 0; i + sizeof(oid_t) <= txn->dropped.size; i += sizeof(oid_t)) {
        oid_t oid;
        memcpy(&oid, txn->dropped.data + i, sizeof(oid));
        struct access_index *runtime = unregister_runtime(txn->access, oid);
        if (runtime != NULL) {
            access_purge_drop(txn->access, runtime);
        }
    }
}

/* They are here to stay: the linker may have them. */
static void
rouse_created(struct access_txn *txn)
{
    for (size_t i = 0; i + sizeof(void *) <= txn->created.size; i += sizeof(void *)) {
        struct access_index *runtime;
        memcpy(&runtime, txn->created.data + i, sizeof(runtime));
        atomic_store_explicit(&runtime->is_resting, false, memory_order_relaxed);
    }
}

/* On the log writer thread: only pointers move. */
static void
commit_done(void *arg, ky_status status, const struct txn_result *result,
            const struct ky_error *err)
{
    struct access_txn *txn = arg;
    stats_end(txn, status == KY_OK);
    if (status == KY_OK) {
        if (txn->garbage.size > 0) {
            access_purge_later(txn->access, &txn->garbage, result->lsn);
        }
        rouse_created(txn);
        drop_dropped(txn);
    } else {
        undo_entries(txn, 0, 0);
        drop_created(txn);
    }
    txn_done done = txn->done;
    void *done_arg = txn->done_arg;
    txn_free(txn);
    done(done_arg, status, result, err);
}

void
access_commit(struct access_txn *txn, enum txn_sync sync, txn_done done, void *arg)
{
    txn->done = done;
    txn->done_arg = arg;
    stats_flush(txn);
    txn_commit(txn->txn, sync, commit_done, txn);
}

void
access_rollback(struct access_txn *txn)
{
    stats_flush(txn);
    stats_end(txn, false);
    undo_entries(txn, 0, 0);
    txn_rollback(txn->txn);
    drop_created(txn);
    txn_free(txn);
}

void
access_savepoint_set(struct access_txn *txn, struct access_savepoint *savepoint_out)
{
    txn_savepoint_set(txn->txn, &savepoint_out->storage);
    savepoint_out->undo_count = txn->undo.size;
    savepoint_out->garbage_count = txn->garbage.size;
    savepoint_out->created_count = txn->created.size;
    savepoint_out->dropped_count = txn->dropped.size;
}

void
access_savepoint_rollback(struct access_txn *txn, const struct access_savepoint *savepoint,
                          bool keep_locks)
{
    undo_entries(txn, savepoint->undo_count, savepoint->garbage_count);
    txn_savepoint_rollback(txn->txn, &savepoint->storage, keep_locks);
    /* Indexes made since then stay registered but empty of meaning until the transaction ends:
     * no catalog row names them any more. */
    txn->dropped.size = savepoint->dropped_count;
}

/* ------------------------------------------------------------------ index life */

ky_status
access_index_create(struct access_txn *txn, const struct cat_index *index, struct ky_error *err)
{
    struct access_index *runtime;
    struct cat_image *image = NULL;
    if (index_is_evaluated(index)) {
        KY_TRY(catalog_acquire(txn->access->catalog, txn->txn, true, &image, err));
    }
    ky_status status = runtime_new(txn->access, image, index, &runtime, err);
    cat_image_release(image);
    KY_TRY(status);
    if (runtime_fill(runtime, index, txn->txn, err) != KY_OK) {
        runtime_free(runtime);
        return KY_ERR;
    }
    access_count(txn, index->table->oid, COUNT_SCANS, 1);
    access_count(txn, index->table->oid, COUNT_RETURNED,
                 storage_live_count(txn->access->storage, index->table->rel));
    atomic_store_explicit(&runtime->is_resting, true, memory_order_relaxed);
    register_runtime(txn->access, runtime);
    ky_buffer_append(&txn->created, &runtime, sizeof(struct access_index *));
    return KY_OK;
}

void
access_index_drop(struct access_txn *txn, oid_t index)
{
    ky_buffer_append(&txn->dropped, &index, sizeof(index));
}

void
runtime_stats(const struct access_index *runtime, struct access_index_stats *stats_out)
{
    *stats_out = (struct access_index_stats){0};
    if (runtime->vectors != NULL) {
        struct collection_stats stats;
        collection_stats(runtime->vectors, &stats);
        stats_out->entries = stats.entries;
        stats_out->bytes = stats.bytes;
    } else if (runtime->tree != NULL) {
        struct index_stats stats;
        index_stats(runtime->tree, &stats);
        stats_out->entries = stats.entries;
        stats_out->bytes = stats.bytes;
        stats_out->height = stats.height;
        stats_out->tree = stats;
    }
}

bool
access_index_stats(struct access *access, oid_t oid, struct access_index_stats *stats_out)
{
    ky_mutex_lock(&access->lock);
    uint64_t *found = ky_map64_find(&access->indexes, oid);
    struct access_index *runtime = found == NULL ? NULL : (struct access_index *)(uintptr_t)*found;
    bool is_found = runtime != NULL;
    *stats_out = (struct access_index_stats){0};
    if (is_found) {
        runtime_stats(runtime, stats_out);
    }
    ky_mutex_unlock(&access->lock);
    return is_found;
}

uint32_t
access_index_rebuild(struct access *access, oid_t oid)
{
    uint32_t count = 0;
    size_t cursor = 0;
    uint64_t key;
    uint64_t pointer;
    ky_mutex_lock(&access->lock);
    while (ky_map64_next(&access->indexes, &cursor, &key, &pointer)) {
        struct access_index *runtime = (struct access_index *)(uintptr_t)pointer;
        if ((oid == 0 || runtime->oid == oid) && runtime->tree != NULL &&
            index_kind_of(runtime->tree) == INDEX_KIND_RMI) {
            runtime->is_build_wanted = true;
            count++;
        }
    }
    ky_mutex_unlock(&access->lock);
    return count;
}
