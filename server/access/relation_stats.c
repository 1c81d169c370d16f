/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/relation_stats.h"

#include "server/access/access_private.h"
#include "server/base/clock.h"

void
stats_init(struct relation_stats *stats)
{
    for (int i = 0; i < STATS_SHARDS; i++) {
        ky_mutex_init(&stats->shards[i].lock);
    }
    ky_mutex_init(&stats->lock);
}

static void
free_values(struct ky_map64 *map)
{
    size_t cursor = 0;
    uint64_t oid;
    uint64_t pointer;
    while (ky_map64_next(map, &cursor, &oid, &pointer)) {
        ky_free((void *)(uintptr_t)pointer);
    }
    ky_map64_clear(map);
}

void
stats_deinit(struct relation_stats *stats) KY_NO_THREAD_SAFETY_ANALYSIS
{
    for (int i = 0; i < STATS_SHARDS; i++) {
        free_values(&stats->shards[i].relations);
        ky_map64_deinit(&stats->shards[i].relations);
        ky_mutex_deinit(&stats->shards[i].lock);
    }
    free_values(&stats->upkeep);
    ky_map64_deinit(&stats->upkeep);
    ky_mutex_deinit(&stats->lock);
}

/* ------------------------------------------------------------------ counting */

static void
add(struct relation_counts *to, const struct relation_counts *from)
{
    for (int i = 0; i < RELATION_COUNTS; i++) {
        to->of[i] += from->of[i];
    }
}

void
access_count(struct access_txn *txn, oid_t relation, enum relation_count which, uint64_t count)
{
    /* The last one is likely the next: search from the end. */
    for (uint32_t i = txn->counted; i > 0; i--) {
        if (txn->counts[i - 1].relation == relation) {
            txn->counts[i - 1].counts.of[which] += count;
            return;
        }
    }
    if (txn->counted == STATS_PENDING_MAX) {
        stats_flush(txn);
    }
    struct pending_counts *pending = &txn->counts[txn->counted++];
    *pending = (struct pending_counts){.relation = relation};
    pending->counts.of[which] = count;
}

static struct relation_counts *
place_in(struct stats_shard *shard, oid_t relation) KY_REQUIRES(shard->lock)
{
    bool is_new = false;
    uint64_t *place = ky_map64_put(&shard->relations, relation, &is_new);
    if (is_new) {
        *place = (uint64_t)(uintptr_t)ky_calloc(1, sizeof(struct relation_counts));
    }
    return (struct relation_counts *)(uintptr_t)*place;
}

struct relation_counts *
stats_place(struct relation_stats *stats, oid_t relation)
{
    return place_in(&stats->shards[0], relation);
}

/* Transactions of a thread come from one pool, in memory of its own, more or less. */
static struct stats_shard *
shard_of(const struct access_txn *txn)
{
    return &txn->access->stats.shards[ky_hash_u64((uintptr_t)txn->txn) % STATS_SHARDS];
}

static void
flush_into(struct access_txn *txn, struct stats_shard *shard) KY_REQUIRES(shard->lock)
{
    for (uint32_t i = 0; i < txn->counted; i++) {
        add(place_in(shard, txn->counts[i].relation), &txn->counts[i].counts);
        add(&shard->total, &txn->counts[i].counts);
    }
    txn->counted = 0;
}

void
stats_flush(struct access_txn *txn)
{
    struct stats_shard *shard = shard_of(txn);
    if (txn->counted > 0) {
        ky_mutex_lock(&shard->lock);
        flush_into(txn, shard);
        ky_mutex_unlock(&shard->lock);
    }
}

void
stats_end(struct access_txn *txn, bool is_committed)
{
    struct stats_shard *shard = shard_of(txn);
    atomic_fetch_add_explicit(is_committed ? &shard->commits : &shard->rollbacks, 1,
                              memory_order_relaxed);
}

/* ------------------------------------------------------------------ asking */

void
access_counts_of(struct access *access, oid_t relation, struct relation_counts *counts_out)
{
    *counts_out = (struct relation_counts){0};
    for (int i = 0; i < STATS_SHARDS; i++) {
        struct stats_shard *shard = &access->stats.shards[i];
        ky_mutex_lock(&shard->lock);
        const uint64_t *found = ky_map64_find(&shard->relations, relation);
        if (found != NULL) {
            add(counts_out, (const struct relation_counts *)(uintptr_t)*found);
        }
        ky_mutex_unlock(&shard->lock);
    }
}

void
access_database_counts(struct access *access, struct database_counts *counts_out)
{
    *counts_out = (struct database_counts){0};
    for (int i = 0; i < STATS_SHARDS; i++) {
        struct stats_shard *shard = &access->stats.shards[i];
        ky_mutex_lock(&shard->lock);
        add(&counts_out->relations, &shard->total);
        ky_mutex_unlock(&shard->lock);
        counts_out->commits += atomic_load_explicit(&shard->commits, memory_order_relaxed);
        counts_out->rollbacks += atomic_load_explicit(&shard->rollbacks, memory_order_relaxed);
    }
    ky_mutex_lock(&access->stats.lock);
    counts_out->reset_us = access->stats.reset_us;
    ky_mutex_unlock(&access->stats.lock);
}

/* ------------------------------------------------------------------ upkeep */

struct table_upkeep *
stats_upkeep_place(struct relation_stats *stats, oid_t table, bool *is_new_out)
{
    uint64_t *place = ky_map64_put(&stats->upkeep, table, is_new_out);
    if (*is_new_out) {
        *place = (uint64_t)(uintptr_t)ky_calloc(1, sizeof(struct table_upkeep));
    }
    return (struct table_upkeep *)(uintptr_t)*place;
}

static bool
has_statistics(const struct cat_table *table)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].statistics != NULL) {
            return true;
        }
    }
    return false;
}

/* No obsolete row is left, or none that compaction takes to be worth it. */
static void
mark_vacuumed(struct access *access, oid_t table, struct table_upkeep *upkeep)
{
    struct relation_counts counts;
    access_counts_of(access, table, &counts);
    upkeep->inserted_at = counts.of[COUNT_INSERTED];
    upkeep->obsolete_at = counts.of[COUNT_UPDATED] + counts.of[COUNT_DELETED];
}

/* Everything that compaction looks after is one: a run of it is one for each table. is_by_hand: the
 * newest was a VACUUM's. */
static struct table_upkeep *
upkeep_of(struct access *access, const struct cat_table *table, bool is_by_hand)
    KY_REQUIRES(access->stats.lock)
{
    int64_t finished_us;
    const uint64_t compactions = storage_compact_runs(access->storage, &finished_us);
    bool is_new = false;
    struct table_upkeep *upkeep = stats_upkeep_place(&access->stats, table->oid, &is_new);
    if (is_new) {
        upkeep->rel = table->rel;
        upkeep->compactions = compactions;
        if (has_statistics(table)) {
            upkeep->analyzed_at = storage_change_count(access->storage, table->rel);
        }
    }
    if (upkeep->rel != table->rel) {
        upkeep->rel = table->rel;
        upkeep->analyzed_at = 0;
        mark_vacuumed(access, table->oid, upkeep);
    }
    if (upkeep->compactions != compactions) {
        mark_vacuumed(access, table->oid, upkeep);
        const uint64_t runs = compactions - upkeep->compactions - is_by_hand;
        if (runs > 0) {
            upkeep->autovacuum.last_us = finished_us;
            upkeep->autovacuum.count += runs;
        }
        upkeep->compactions = compactions;
    }
    return upkeep;
}

struct table_upkeep
access_upkeep_of(struct access *access, const struct cat_table *table)
{
    ky_mutex_lock(&access->stats.lock);
    const struct table_upkeep upkeep = *upkeep_of(access, table, false);
    ky_mutex_unlock(&access->stats.lock);
    return upkeep;
}

static void
note(struct upkeep_event *event)
{
    event->last_us = ky_wall_us();
    event->count++;
}

void
access_note_analyzed(struct access *access, const struct cat_table *table, uint64_t changes,
                     bool is_auto)
{
    ky_mutex_lock(&access->stats.lock);
    struct table_upkeep *upkeep = upkeep_of(access, table, false);
    upkeep->analyzed_at = changes;
    note(is_auto ? &upkeep->autoanalyze : &upkeep->analyze);
    ky_mutex_unlock(&access->stats.lock);
}

void
access_note_vacuumed(struct access *access, const struct cat_table *table)
{
    ky_mutex_lock(&access->stats.lock);
    struct table_upkeep *upkeep = upkeep_of(access, table, true);
    mark_vacuumed(access, table->oid, upkeep);
    note(&upkeep->vacuum);
    ky_mutex_unlock(&access->stats.lock);
}

uint64_t
access_changes_since_analyze(struct access *access, const struct cat_table *table)
{
    const struct table_upkeep upkeep = access_upkeep_of(access, table);
    const uint64_t now = storage_change_count(access->storage, table->rel);
    return now > upkeep.analyzed_at ? now - upkeep.analyzed_at : 0;
}

/* ------------------------------------------------------------------ forgetting */

static void
forget_counts(struct stats_shard *shard, oid_t relation) KY_REQUIRES(shard->lock)
{
    const uint64_t *found = ky_map64_find(&shard->relations, relation);
    if (found != NULL) {
        ky_free((void *)(uintptr_t)*found);
        (void)ky_map64_remove(&shard->relations, relation);
    }
}

static void
reset_upkeep(struct access *access, const struct cat_table *table) KY_REQUIRES(access->stats.lock)
{
    struct table_upkeep *upkeep = upkeep_of(access, table, false);
    *upkeep = (struct table_upkeep){
        .rel = table->rel,
        .analyzed_at = storage_change_count(access->storage, table->rel),
        .compactions = upkeep->compactions,
    };
}

static void
reset_all(struct access *access, const struct cat_image *image) KY_REQUIRES(access->stats.lock)
{
    for (int i = 0; i < STATS_SHARDS; i++) {
        struct stats_shard *shard = &access->stats.shards[i];
        ky_mutex_lock(&shard->lock);
        free_values(&shard->relations);
        shard->total = (struct relation_counts){0};
        ky_mutex_unlock(&shard->lock);
        atomic_store_explicit(&shard->commits, 0, memory_order_relaxed);
        atomic_store_explicit(&shard->rollbacks, 0, memory_order_relaxed);
    }
    for (size_t i = 0; i < image->table_count; i++) {
        if (cat_keeps_rows(image->tables[i])) {
            reset_upkeep(access, image->tables[i]);
        }
    }
    access->stats.reset_us = ky_wall_us();
}

void
access_stats_reset(struct access *access, const struct cat_image *image, oid_t relation)
{
    ky_mutex_lock(&access->stats.lock);
    if (relation == OID_NONE) {
        reset_all(access, image);
    }
    for (int i = 0; relation != OID_NONE && i < STATS_SHARDS; i++) {
        struct stats_shard *shard = &access->stats.shards[i];
        ky_mutex_lock(&shard->lock);
        forget_counts(shard, relation);
        ky_mutex_unlock(&shard->lock);
    }
    const struct cat_table *table = cat_get_table(image, relation);
    if (table != NULL && table->sysview == NULL) {
        reset_upkeep(access, table);
    }
    ky_mutex_unlock(&access->stats.lock);
}

static void
sweep_map(struct ky_map64 *map, const struct cat_image *image)
{
    size_t cursor = 0;
    uint64_t oid;
    uint64_t pointer;
    while (ky_map64_next(map, &cursor, &oid, &pointer)) {
        if (cat_get_table(image, (oid_t)oid) == NULL && cat_get_index(image, (oid_t)oid) == NULL) {
            ky_free((void *)(uintptr_t)pointer);
            (void)ky_map64_remove(map, oid);
            cursor = 0; /* the map moved */
        }
    }
}

void
access_stats_sweep(struct access *access, const struct cat_image *image)
{
    for (int i = 0; i < STATS_SHARDS; i++) {
        struct stats_shard *shard = &access->stats.shards[i];
        ky_mutex_lock(&shard->lock);
        sweep_map(&shard->relations, image);
        ky_mutex_unlock(&shard->lock);
    }
    ky_mutex_lock(&access->stats.lock);
    sweep_map(&access->stats.upkeep, image);
    ky_mutex_unlock(&access->stats.lock);
}
