/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "storage/compact/compact_private.h"

/*
 * How many bytes a relation has on disk: its blocks in base files, from their indexes, and its
 * records in the log, dead or alive. The log's part is counted by whoever asks, segment by segment,
 * each byte once: commits count nothing.
 */

/* ------------------------------------------------------------------ base files */

static bool
is_before(const struct base_file *file, uint32_t number, rel_id_t rel)
{
    return base_file_block(file, number).rel < rel;
}

static uint64_t
base_file_bytes(const struct base_file *file, rel_id_t rel)
{
    uint32_t low = 0;
    uint32_t high = file->block_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (is_before(file, middle, rel)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint64_t bytes = 0;
    for (; low < file->block_count; low++) {
        struct base_block block = base_file_block(file, low);
        if (block.rel != rel) {
            break;
        }
        bytes += BASE_BLOCK_HEADER_SIZE + block.payload_size + BASE_INDEX_ENTRY_SIZE;
    }
    return bytes;
}

/* ------------------------------------------------------------------ the log */

static void
count_frame(struct segment_tally *tally, const struct frame *frame)
{
    struct ky_slice rest = frame->records;
    for (uint32_t i = 0; i < frame->record_count; i++) {
        struct record record;
        struct ky_error err;
        ky_error_init(&err);
        if (record_decode(rest, false, &record, &err) != KY_OK) {
            return;
        }
        size_t size = record_size(record.body.size);
        *ky_map64_put(&tally->bytes, record.rel, NULL) += size;
        rest = ky_slice((const uint8_t *)rest.data + size, rest.size - size);
    }
}

static void
count_segment(const struct log *log, struct segment_tally *tally, lsn_t end)
{
    bool is_found = true;
    while (tally->counted_to < end) {
        struct frame frame;
        struct ky_error err;
        ky_error_init(&err);
        if (log_seek_frame(log, tally->counted_to, end, &frame, &is_found, &err) != KY_OK ||
            !is_found || frame.lsn >= end) {
            return;
        }
        count_frame(tally, &frame);
        tally->counted_to = frame.lsn + frame.total_size;
    }
}

static void
tally_free(struct segment_tally *tally)
{
    ky_map64_deinit(&tally->bytes);
    ky_free(tally);
}

/* Brings the list in line with the segments there are, and counts what is new in them. */
static void
update_tallies(struct compactor *compactor) KY_REQUIRES(compactor->tally_lock)
{
    const struct log *log = compactor->storage->log;
    lsn_t visible = log_visible_lsn(log);
    struct segment_tally **place = &compactor->tallies;
    struct log_segment_info info;
    for (lsn_t at = log_first_lsn(log); log_segment_info(log, at, &info); at = info.end) {
        while (*place != NULL && (*place)->number < info.number) {
            struct segment_tally *gone = *place;
            *place = gone->next;
            tally_free(gone);
        }
        if (*place == NULL || (*place)->number != info.number) {
            struct segment_tally *fresh = ky_calloc(1, sizeof(*fresh));
            fresh->number = info.number;
            fresh->counted_to = info.start;
            fresh->next = *place;
            *place = fresh;
        }
        count_segment(log, *place, KY_MIN(info.end, visible));
        place = &(*place)->next;
    }
}

void
tally_deinit(struct compactor *compactor)
{
    while (compactor->tallies != NULL) {
        struct segment_tally *gone = compactor->tallies;
        compactor->tallies = gone->next;
        tally_free(gone);
    }
}

static uint64_t
log_bytes_of(struct compactor *compactor, rel_id_t rel)
{
    uint64_t bytes = 0;
    ky_mutex_lock(&compactor->tally_lock);
    ky_epoch_enter();
    update_tallies(compactor);
    ky_epoch_leave();
    for (const struct segment_tally *tally = compactor->tallies; tally != NULL;
         tally = tally->next) {
        const uint64_t *found = ky_map64_find(&tally->bytes, rel);
        bytes += found == NULL ? 0 : *found;
    }
    ky_mutex_unlock(&compactor->tally_lock);
    return bytes;
}

uint64_t
storage_relation_bytes(struct storage *storage, rel_id_t rel)
{
    uint64_t bytes = 0;
    ky_epoch_enter();
    const struct base_set *set = &storage->base;
    for (const struct base_file *f = compact_next_file(set, 0); f != NULL;
         f = compact_next_file(set, f->id + 1)) {
        bytes += base_file_bytes(f, rel);
    }
    ky_epoch_leave();
    return bytes + log_bytes_of(storage->compactor, rel);
}
