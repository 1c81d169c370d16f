/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/mvcc/janitor.h"

#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "storage/storage_private.h"

/*
 * The queue is in commit order, so a round ends at the first item the horizon has not passed:
 * a long-running snapshot costs nothing but the memory of what it keeps. A round sees one
 * horizon; folding a row once takes away everything below it, so later items of the same row in
 * the same round are skipped through a small cache.
 */
enum {
    FOLD_BLOCK_ITEMS = 1024,
    FOLD_BATCH = 256,
    FOLD_CACHE_SLOTS = 1024,
    JANITOR_PAUSE_MS = 10,
    JANITOR_PAUSE_MAX_MS = 100,
};

struct fold_block {
    struct fold_block *next;
    uint32_t start;
    uint32_t end;
    struct fold_item items[FOLD_BLOCK_ITEMS];
};

void
janitor_push(struct janitor *janitor, const struct fold_item *items, uint32_t count)
{
    if (count == 0) {
        return;
    }
    ky_mutex_lock(&janitor->lock);
    for (uint32_t i = 0; i < count; i++) {
        struct fold_block *block = janitor->last;
        if (block == NULL || block->end == FOLD_BLOCK_ITEMS) {
            struct fold_block *fresh = ky_malloc(sizeof(*fresh));
            fresh->next = NULL;
            fresh->start = fresh->end = 0;
            if (block == NULL) {
                janitor->first = fresh;
            } else {
                block->next = fresh;
            }
            janitor->last = block = fresh;
        }
        block->items[block->end++] = items[i];
    }
    bool was_empty = janitor->count == 0;
    janitor->count += count;
    if (was_empty) {
        ky_cond_signal(&janitor->cond);
    }
    ky_mutex_unlock(&janitor->lock);
}

static uint32_t
take(struct janitor *janitor, lsn_t horizon, struct fold_item *items)
{
    uint32_t count = 0;
    ky_mutex_lock(&janitor->lock);
    while (count < FOLD_BATCH && janitor->first != NULL) {
        struct fold_block *block = janitor->first;
        if (block->start == block->end) {
            janitor->first = block->next;
            if (janitor->first == NULL) {
                janitor->last = NULL;
            }
            ky_free(block);
            continue;
        }
        if (block->items[block->start].commit_lsn >= horizon) {
            break;
        }
        items[count++] = block->items[block->start++];
    }
    janitor->count -= count;
    ky_mutex_unlock(&janitor->lock);
    return count;
}

/* Rows folded in this round, by hash; a miss only costs a second look. */
struct fold_cache {
    struct {
        row_id_t row_id;
        rel_id_t rel;
    } rows[FOLD_CACHE_SLOTS];
};

static bool
cache_has(struct fold_cache *cache, const struct fold_item *item)
{
    uint64_t hash = (item->row_id * 0x9e3779b97f4a7c15ULL) ^ (item->rel * 0x85ebca6bULL);
    size_t at = (size_t)((hash >> 32) % FOLD_CACHE_SLOTS);
    if (cache->rows[at].row_id == item->row_id && cache->rows[at].rel == item->rel) {
        return true;
    }
    cache->rows[at].row_id = item->row_id;
    cache->rows[at].rel = item->rel;
    return false;
}

static void
fold_items(struct storage *storage, const struct fold_item *items, uint32_t count, lsn_t horizon,
           struct fold_cache *cache)
{
    for (uint32_t i = 0; i < count;) {
        rel_id_t rel = items[i].rel;
        uint32_t end = i;
        while (end < count && items[end].rel == rel && items[end].row_id != ROW_ID_NONE) {
            end++;
        }
        ky_epoch_enter();
        struct relation *relation = directory_find(&storage->directory, rel);
        if (relation != NULL && end > i) {
            ky_mutex_lock(&relation->lock);
            for (uint32_t at = i; at < end; at++) {
                if (!cache_has(cache, &items[at])) {
                    relation_fold(relation, items[at].row_id, horizon);
                }
            }
            ky_mutex_unlock(&relation->lock);
        }
        ky_epoch_leave();
        if (end == i) {
            directory_remove(&storage->directory, rel);
            end++;
        }
        i = end;
    }
}

uint64_t
janitor_run(struct janitor *janitor)
{
    struct fold_item items[FOLD_BATCH];
    struct fold_cache *cache = NULL;
    lsn_t horizon = storage_horizon(janitor->storage);
    uint64_t total = 0;
    for (;;) {
        uint32_t count = take(janitor, horizon, items);
        if (count == 0) {
            break;
        }
        if (cache == NULL) {
            cache = ky_calloc(1, sizeof(*cache));
        }
        fold_items(janitor->storage, items, count, horizon, cache);
        total += count;
    }
    ky_free(cache);
    return total;
}

static void *
janitor_main(void *arg)
{
    struct janitor *janitor = arg;
    int64_t pause_ms = JANITOR_PAUSE_MS;
    ky_mutex_lock(&janitor->lock);
    while (!janitor->is_stopping) {
        if (janitor->count == 0) {
            ky_cond_wait(&janitor->cond, &janitor->lock);
            pause_ms = JANITOR_PAUSE_MS;
        }
        /* Let some work gather; a stop cuts the pause short. */
        (void)ky_cond_wait_for(&janitor->cond, &janitor->lock, pause_ms);
        ky_mutex_unlock(&janitor->lock);
        bool is_stuck = janitor_run(janitor) == 0;
        pause_ms = is_stuck ? KY_MIN(pause_ms * 2, JANITOR_PAUSE_MAX_MS) : JANITOR_PAUSE_MS;
        ky_mutex_lock(&janitor->lock);
    }
    ky_mutex_unlock(&janitor->lock);
    return NULL;
}

void
janitor_start(struct janitor *janitor, struct storage *storage)
{
    janitor->storage = storage;
    janitor->is_stopping = false;
    janitor->first = janitor->last = NULL;
    janitor->count = 0;
    ky_mutex_init(&janitor->lock);
    ky_cond_init(&janitor->cond);
    ky_thread_start(&janitor->thread, "kyro-janitor", janitor_main, janitor);
}

void
janitor_stop(struct janitor *janitor)
{
    ky_mutex_lock(&janitor->lock);
    janitor->is_stopping = true;
    ky_cond_signal(&janitor->cond);
    ky_mutex_unlock(&janitor->lock);
    ky_thread_join(&janitor->thread);
}

void
janitor_deinit(struct janitor *janitor)
{
    while (janitor->first != NULL) {
        struct fold_block *block = janitor->first;
        janitor->first = block->next;
        ky_free(block);
    }
    ky_cond_deinit(&janitor->cond);
    ky_mutex_deinit(&janitor->lock);
}
