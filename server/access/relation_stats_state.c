/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/access/access_private.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "server/base/log.h"

/*
 * The part "statistics" of a checkpoint. Words of 64 bits, little-endian:
 *
 *     magic, version, words of a relation, relations, commits, rollbacks, reset_us, totals
 *     per relation: oid, counts, upkeep: relation, marks, events (0 for indexes)
 *     CRC-32C of all before it
 *
 * Relations are those of the catalog as of the checkpoint. Whatever is wrong with it, counting
 * begins at 0: no answer but these views depends on it.
 */
static const char part_name[] = "statistics";
static const uint64_t magic = 0x746174736f72796bULL; /* "kyrostat" */
enum {
    VERSION = 1,
    UPKEEP_WORDS = 12,
    HEADER_WORDS = 7 + RELATION_COUNTS,
    ENTRY_WORDS = 1 + RELATION_COUNTS + UPKEEP_WORDS,
};

/* ------------------------------------------------------------------ saving */

static void
put(struct ky_buffer *out, uint64_t word)
{
    ky_store_le64(ky_buffer_extend(out, sizeof(word)), word);
}

static void
put_counts(struct ky_buffer *out, const struct relation_counts *counts)
{
    for (int i = 0; i < RELATION_COUNTS; i++) {
        put(out, counts->of[i]);
    }
}

static void
put_upkeep(struct ky_buffer *out, const struct table_upkeep *upkeep)
{
    const struct upkeep_event *events[] = {&upkeep->vacuum, &upkeep->autovacuum, &upkeep->analyze,
                                           &upkeep->autoanalyze};
    put(out, upkeep->rel);
    put(out, upkeep->analyzed_at);
    put(out, upkeep->inserted_at);
    put(out, upkeep->obsolete_at);
    for (size_t i = 0; i < KY_COUNT_OF(events); i++) {
        put(out, (uint64_t)events[i]->last_us);
        put(out, events[i]->count);
    }
}

static void
put_relation(struct access *access, struct ky_buffer *out, oid_t oid)
{
    struct relation_counts counts;
    struct table_upkeep upkeep = {0};
    access_counts_of(access, oid, &counts);
    ky_mutex_lock(&access->stats.lock);
    const uint64_t *found = ky_map64_find(&access->stats.upkeep, oid);
    if (found != NULL) {
        upkeep = *(const struct table_upkeep *)(uintptr_t)*found;
    }
    ky_mutex_unlock(&access->stats.lock);
    put(out, oid);
    put_counts(out, &counts);
    put_upkeep(out, &upkeep);
}

static uint64_t
put_relations(struct access *access, const struct cat_image *image, struct ky_buffer *out)
{
    uint64_t count = 0;
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        if (!cat_keeps_rows(table) || table->persistence == 't') {
            continue;
        }
        put_relation(access, out, table->oid);
        for (uint16_t j = 0; j < table->index_count; j++) {
            put_relation(access, out, table->indexes[j]->oid);
        }
        count += 1 + (uint64_t)table->index_count;
    }
    return count;
}

static void
put_all(struct access *access, const struct cat_image *image, struct ky_buffer *out)
{
    struct database_counts database;
    struct ky_buffer relations = {0};
    access_database_counts(access, &database);
    const uint64_t count = put_relations(access, image, &relations);
    const uint64_t header[] = {magic,
                               VERSION,
                               ENTRY_WORDS,
                               count,
                               database.commits,
                               database.rollbacks,
                               (uint64_t)database.reset_us};
    for (size_t i = 0; i < KY_COUNT_OF(header); i++) {
        put(out, header[i]);
    }
    put_counts(out, &database.relations);
    ky_buffer_append_slice(out, ky_buffer_slice(&relations));
    put(out, ky_crc32c(0, out->data, out->size));
    ky_buffer_deinit(&relations);
}

/* The part's mark, by which it is known whether anything has happened since. Nothing is counted but
 * by a transaction, and it ends. */
static uint64_t
mark_of_now(struct access *access)
{
    struct database_counts counts;
    access_database_counts(access, &counts);
    return counts.commits + counts.rollbacks + (uint64_t)counts.reset_us;
}

void
access_stats_want_save(struct access *access)
{
    struct part_info saved;
    if (!storage_part_find(access->storage, part_name, &saved) ||
        saved.mark != mark_of_now(access)) {
        storage_want_parts(access->storage);
    }
}

ky_status
stats_save(struct access *access, const struct cat_image *image, struct checkpoint_writer *writer,
           struct ky_error *err)
{
    struct part_info before;
    struct state_sink *sink = NULL;
    const struct part_info info = {
        .name = part_name, .identity = magic, .mark = mark_of_now(access)};
    if (checkpoint_part_find(writer, part_name, &before) && before.mark == info.mark) {
        checkpoint_part_keep(writer, part_name);
        return KY_OK;
    }
    KY_TRY(checkpoint_part_begin(writer, &info, &sink, err));
    struct ky_buffer bytes = {0};
    put_all(access, image, &bytes);
    const ky_status status = sink->write(sink, ky_buffer_slice(&bytes), err);
    ky_buffer_deinit(&bytes);
    KY_TRY(status);
    return checkpoint_part_end(writer, err);
}

/* ------------------------------------------------------------------ loading */

static uint64_t
take(const uint8_t **at)
{
    const uint64_t word = ky_load_le64(*at);
    *at += sizeof(word);
    return word;
}

static void
take_counts(const uint8_t **at, struct relation_counts *counts)
{
    for (int i = 0; i < RELATION_COUNTS; i++) {
        counts->of[i] += take(at);
    }
}

static void
take_upkeep(const uint8_t **at, struct table_upkeep *upkeep)
{
    struct upkeep_event *events[] = {&upkeep->vacuum, &upkeep->autovacuum, &upkeep->analyze,
                                     &upkeep->autoanalyze};
    upkeep->rel = (rel_id_t)take(at);
    upkeep->analyzed_at = take(at);
    upkeep->inserted_at = take(at);
    upkeep->obsolete_at = take(at);
    for (size_t i = 0; i < KY_COUNT_OF(events); i++) {
        events[i]->last_us = (int64_t)take(at);
        events[i]->count = take(at);
    }
}

static void
take_relation(struct relation_stats *stats, const struct cat_image *image, const uint8_t *at)
    KY_REQUIRES(stats->lock) KY_REQUIRES(stats->shards[0].lock)
{
    const oid_t oid = (oid_t)take(&at);
    const bool is_table = image == NULL || cat_get_table(image, oid) != NULL;
    if (!is_table && cat_get_index(image, oid) == NULL) {
        return;
    }
    take_counts(&at, stats_place(stats, oid));
    struct table_upkeep upkeep = {0};
    take_upkeep(&at, &upkeep);
    if (is_table && upkeep.rel != 0) {
        bool is_new = false;
        *stats_upkeep_place(stats, oid, &is_new) = upkeep;
    }
}

static bool
is_sound(struct ky_slice bytes)
{
    const uint8_t *at = bytes.data;
    const size_t words = bytes.size / sizeof(uint64_t);
    if (bytes.size % sizeof(uint64_t) != 0 || words < HEADER_WORDS + 1 || take(&at) != magic ||
        take(&at) != VERSION || take(&at) != ENTRY_WORDS) {
        return false;
    }
    const uint8_t *crc = (const uint8_t *)bytes.data + bytes.size - sizeof(uint64_t);
    return take(&at) == (words - HEADER_WORDS - 1) / ENTRY_WORDS &&
           (words - HEADER_WORDS - 1) % ENTRY_WORDS == 0 &&
           take(&crc) == ky_crc32c(0, bytes.data, bytes.size - sizeof(uint64_t));
}

bool
stats_decode(struct relation_stats *stats, const struct cat_image *image, struct ky_slice bytes)
{
    const uint8_t *at = bytes.data;
    if (!is_sound(bytes)) {
        return false;
    }
    ky_mutex_lock(&stats->lock);
    ky_mutex_lock(&stats->shards[0].lock);
    at += 3 * sizeof(uint64_t);
    const uint64_t count = take(&at);
    atomic_fetch_add_explicit(&stats->shards[0].commits, take(&at), memory_order_relaxed);
    atomic_fetch_add_explicit(&stats->shards[0].rollbacks, take(&at), memory_order_relaxed);
    stats->reset_us = (int64_t)take(&at);
    take_counts(&at, &stats->shards[0].total);
    for (uint64_t i = 0; i < count; i++) {
        take_relation(stats, image, at + i * ENTRY_WORDS * sizeof(uint64_t));
    }
    ky_mutex_unlock(&stats->shards[0].lock);
    ky_mutex_unlock(&stats->lock);
    return true;
}

void
stats_load(struct access *access, const struct cat_image *image)
{
    struct part_info info;
    struct ky_error err;
    struct state_map *map = NULL;
    ky_error_init(&err);
    if (access->stats.is_loaded || !storage_part_find(access->storage, part_name, &info)) {
        return;
    }
    access->stats.is_loaded = true;
    if (storage_part_open(access->storage, part_name, &info, &map, &err) != KY_OK) {
        ky_log(WARN, "access", "statistics not loaded, counting from 0 error=\"%s\"", err.message);
        storage_want_parts(access->storage);
        return;
    }
    if (!stats_decode(&access->stats, image, map->bytes)) {
        ky_log(WARN, "access", "statistics not loaded, counting from 0 error=\"damaged\"");
        storage_want_parts(access->storage);
    }
    map->release(map);
}
