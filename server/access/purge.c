/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/access_private.h"
#include "server/base/clock.h"
#include "server/base/epoch.h"
#include "server/base/metric.h"

/*
 * The purger takes out index entries that stood for old versions of rows. Entries of one
 * commit wait until no snapshot can see what was before it. By then the row may have got the
 * same key back (A, B, A), so an entry goes only if the row's newest version has another key
 * and nobody is changing the row: the purger holds the row's lock while it looks and removes.
 */

KY_METRIC(purge_backlog, "kyrodb_index_garbage_bytes", NULL, KY_GAUGE,
          "Index entries of old row versions waiting until no snapshot needs them, bytes.")

void
access_purge_later(struct access *access, struct ky_buffer *entries, lsn_t lsn)
{
    struct garbage *garbage = ky_calloc(1, sizeof(*garbage));
    garbage->entries = *entries;
    garbage->lsn = lsn;
    *entries = (struct ky_buffer){0};
    ky_metric_add(&purge_backlog, (int64_t)garbage->entries.size);
    ky_mutex_lock(&access->purge_lock);
    if (access->purge_last == NULL) {
        access->purge_first = garbage;
    } else {
        access->purge_last->next = garbage;
    }
    access->purge_last = garbage;
    ky_mutex_unlock(&access->purge_lock);
}

void
access_purge_drop(struct access *access, struct access_index *runtime)
{
    ky_mutex_lock(&access->purge_lock);
    runtime->next_dropped = access->dropped;
    access->dropped = runtime;
    ky_mutex_unlock(&access->purge_lock);
}

enum purge_answer { PURGE_DONE, PURGE_LATER };

/* Does the newest version still have this key? Decided on encoded bytes, through the catalog. */
static bool
row_has_key(const struct cat_index *index, struct access_index *runtime, struct ky_slice row,
            struct ky_slice key, struct ky_buffer *scratch)
{
    ky_buffer_clear(scratch);
    return runtime_row_key(runtime, index, row, scratch) &&
           ky_slice_equal(ky_buffer_slice(scratch), key);
}

static enum purge_answer
purge_entry(struct access *access, struct txn *txn, const struct cat_image *image,
            const struct logged_entry *entry, struct ky_slice key, struct ky_buffer *scratch)
{
    struct access_index *runtime = access_find_runtime(access, entry->index);
    const struct cat_index *index = cat_get_index(image, entry->index);
    struct lock_waiter nobody = {0};
    enum lock_answer answer;
    struct ky_error err;
    struct row_ref newest;
    if (runtime == NULL || index == NULL) {
        return PURGE_DONE; /* dropped meanwhile */
    }
    ky_error_init(&err);
    if (storage_lock_row(txn, runtime->rel, entry->row_id, ROW_LOCK_UPDATE, LOCK_POLICY_NOWAIT,
                         &nobody, &answer, &err) != KY_OK ||
        answer != LOCK_GRANTED) {
        return PURGE_LATER;
    }
    enum row_state state = storage_row_state(txn, runtime->rel, entry->row_id, &newest);
    if (state == ROW_IN_PROGRESS) {
        return PURGE_LATER;
    }
    bool is_live = state == ROW_UNCHANGED || state == ROW_CHANGED;
    if (is_live && runtime->is_inverted) {
        inverted_purge(runtime, index, newest.body, key, entry->row_id, scratch);
    } else if (!is_live || !row_has_key(index, runtime, newest.body, key, scratch)) {
        runtime_remove(runtime, key, entry->row_id);
    }
    if (entry->is_key_change) {
        /* release: a scan that reads the lowered count does not meet the entry any more. */
        atomic_fetch_sub_explicit(&runtime->stale_count, 1, memory_order_release);
    }
    return PURGE_DONE;
}

/* Entries that must wait go back to the queue as a garbage of their own. */
static void
purge_batch(struct access *access, struct garbage *garbage)
{
    struct ky_buffer later = {0};
    struct ky_buffer scratch = {0};
    struct logged_entry entry;
    struct ky_slice key;
    struct ky_error err;
    struct cat_image *image;
    struct txn *txn = txn_begin(access->storage, ISOLATION_READ_COMMITTED);
    txn_statement_begin(txn);
    ky_error_init(&err);
    if (catalog_acquire(access->catalog, txn, false, &image, &err) == KY_OK) {
        for (size_t offset = 0; entry_log_next(&garbage->entries, &offset, &entry, &key);) {
            if (purge_entry(access, txn, image, &entry, key, &scratch) == PURGE_LATER) {
                entry_log_add(&later, entry.index, key, entry.row_id, entry.is_key_change != 0);
            }
        }
        cat_image_release(image);
    }
    txn_statement_end(txn);
    txn_rollback(txn);
    ky_buffer_deinit(&scratch);
    ky_metric_add(&purge_backlog, -(int64_t)garbage->entries.size);
    if (later.size > 0) {
        access_purge_later(access, &later, storage_visible_lsn(access->storage));
    }
    ky_buffer_deinit(&later);
}

/* The oldest garbage if its time has come, unlinked. */
static struct garbage *
take_ripe(struct access *access)
{
    struct garbage *garbage = access->purge_first;
    if (garbage == NULL || garbage->lsn >= storage_horizon(access->storage)) {
        return NULL;
    }
    access->purge_first = garbage->next;
    if (garbage->next == NULL) {
        access->purge_last = NULL;
    }
    return garbage;
}

/* A save began meanwhile. */
static void
put_back(struct access *access, struct access_index *dropped)
{
    struct access_index *last = dropped;
    while (last->next_dropped != NULL) {
        last = last->next_dropped;
    }
    last->next_dropped = access->dropped;
    access->dropped = dropped;
}

void
access_hold_dropped(struct access *access, bool is_held)
{
    ky_mutex_lock(&access->purge_lock);
    access->is_dropped_held = is_held;
    ky_mutex_unlock(&access->purge_lock);
}

/* A learned index that somebody or itself wants rebuilt. */
static struct access_index *
take_wanting(struct access *access)
{
    struct access_index *wanting = NULL;
    size_t cursor = 0;
    uint64_t oid;
    uint64_t pointer;
    ky_mutex_lock(&access->lock);
    while (wanting == NULL && ky_map64_next(&access->indexes, &cursor, &oid, &pointer)) {
        struct access_index *runtime = (struct access_index *)(uintptr_t)pointer;
        if (runtime->tree != NULL &&
            (runtime->is_build_wanted || index_wants_maintenance(runtime->tree))) {
            runtime->is_build_wanted = false;
            wanting = runtime;
        }
    }
    ky_mutex_unlock(&access->lock);
    return wanting;
}

/* Rebuilds beside readers and writers. Nobody else frees an index, so it stays meanwhile. One
 * at a time: what waits for the purger waits no longer than one rebuild. */
static void
maintain_one(struct access *access)
{
    struct access_index *runtime = take_wanting(access);
    if (runtime != NULL) {
        index_maintain(runtime->tree);
    }
    /* A run is large: free the old one as soon as its readers have left. */
    ky_epoch_reclaim();
}

void *
access_purge_run(void *arg)
{
    enum { ROUND_MS = 50, MAINTENANCE_MS = 200 };
    struct access *access = arg;
    int64_t maintained_ns = 0;
    ky_mutex_lock(&access->purge_lock);
    while (!access->is_stopping) {
        struct garbage *garbage = take_ripe(access);
        if (garbage == NULL) {
            (void)ky_cond_wait_for(&access->purge_wake, &access->purge_lock, ROUND_MS);
        }
        /* What was dropped before this round began cannot be reached through the registry any
         * more; what is dropped during it stays whole until the next round. */
        struct access_index *dropped = access->is_dropped_held ? NULL : access->dropped;
        if (dropped != NULL) {
            access->dropped = NULL;
        }
        ky_mutex_unlock(&access->purge_lock);
        if (garbage != NULL) {
            purge_batch(access, garbage);
            ky_buffer_deinit(&garbage->entries);
            ky_free(garbage);
        }
        if (ky_monotonic_ns() - maintained_ns > (int64_t)MAINTENANCE_MS * 1000000) {
            maintain_one(access);
            maintained_ns = ky_monotonic_ns();
        }
        ky_mutex_lock(&access->purge_lock);
        if (access->is_dropped_held && dropped != NULL) {
            put_back(access, dropped);
            dropped = NULL;
        }
        while (dropped != NULL) {
            struct access_index *next = dropped->next_dropped;
            runtime_free(dropped);
            dropped = next;
        }
    }
    ky_mutex_unlock(&access->purge_lock);
    return NULL;
}
