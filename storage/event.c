/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "storage/storage_private.h"

/*
 * Events straight from the log, in commit order. A commit's events are those of the chunks it
 * refers to, in the order of the references, then those of its own frame. The reader stands in
 * one commit, in one part of it (a chunk or the frame itself), before one record.
 *
 * Between two calls segments may be dropped. Every call is inside an epoch, begins by asking
 * whether the log still has what the reader points to, and gives out a copy of the body. A reader
 * keeps the log from being dropped where it stands, but only for so many bytes: `pin`.
 */
struct event_reader {
    struct storage *storage;
    struct ky_list link;   /* of storage->readers */
    _Atomic lsn_t pin;     /* what it reads next; LSN_MAX while it has no place */
    struct ky_buffer body; /* of the event given out last */
    lsn_t lowest;          /* of commit and its parts */
    event_offset_t next;   /* the event to return next */
    lsn_t from;            /* where the next COMMIT frame is looked for */
    bool has_position;     /* from is known */
    bool has_commit;       /* commit is being read */
    struct frame commit;
    uint32_t part; /* chunk index; chunk_count: the frame itself */
    struct ky_slice rest;
    uint32_t record_count; /* left in the part */
    event_offset_t at;     /* offset of the next event in rest */
};

struct event_reader *
event_reader_open(struct storage *storage, event_offset_t from)
{
    struct event_reader *reader = ky_calloc(1, sizeof(*reader));
    reader->storage = storage;
    reader->next = from;
    atomic_init(&reader->pin, LSN_MAX);
    ky_mutex_lock(&storage->reader_lock);
    ky_list_push_back(&storage->readers, &reader->link);
    ky_mutex_unlock(&storage->reader_lock);
    return reader;
}

void
event_reader_close(struct event_reader *reader)
{
    ky_mutex_lock(&reader->storage->reader_lock);
    ky_list_remove(&reader->link);
    ky_mutex_unlock(&reader->storage->reader_lock);
    ky_buffer_deinit(&reader->body);
    ky_free(reader);
}

lsn_t
storage_reader_floor(struct storage *storage)
{
    lsn_t floor = LSN_MAX;
    ky_mutex_lock(&storage->reader_lock);
    ky_list_foreach (item, &storage->readers) {
        const struct event_reader *reader = ky_list_entry(item, struct event_reader, link);
        floor = KY_MIN(floor, atomic_load_explicit(&reader->pin, memory_order_relaxed));
    }
    ky_mutex_unlock(&storage->reader_lock);
    return floor;
}

static ky_status
open_part(struct event_reader *reader, struct ky_error *err)
{
    if (reader->part == reader->commit.chunk_count) {
        reader->rest = reader->commit.records;
        reader->record_count = reader->commit.record_count;
        return KY_OK;
    }
    struct frame_chunk_ref ref;
    memcpy(&ref, &reader->commit.chunks[reader->part], sizeof(ref));
    struct frame chunk;
    KY_TRY(log_frame_at(reader->storage->log, ref.lsn, &chunk, err));
    reader->rest = chunk.records;
    reader->record_count = KY_MIN(ref.record_count, chunk.record_count);
    return KY_OK;
}

/* The next commit with events. False: caught up. Over a dropped segment it finds one too late. */
static bool
next_commit(struct event_reader *reader)
{
    do {
        if (!log_next_commit(reader->storage->log, reader->from, &reader->commit)) {
            return false;
        }
        reader->from = reader->commit.lsn + reader->commit.total_size;
        atomic_store_explicit(&reader->pin, reader->from, memory_order_relaxed);
    } while (reader->commit.event_count == 0 ||
             reader->commit.first_event + reader->commit.event_count <= reader->next);
    reader->at = reader->commit.first_event;
    reader->part = 0;
    reader->lowest = reader->commit.lsn;
    for (uint32_t i = 0; i < reader->commit.chunk_count; i++) {
        reader->lowest = KY_MIN(reader->lowest, reader->commit.chunks[i].lsn);
    }
    atomic_store_explicit(&reader->pin, reader->lowest, memory_order_relaxed);
    return true;
}

static void
fill_event(struct event_reader *reader, const struct record *record, struct event *event)
{
    const struct frame *commit = &reader->commit;
    ky_buffer_clear(&reader->body);
    ky_buffer_append_slice(&reader->body, record->body);
    *event = (struct event){
        .offset = reader->at,
        .kind = record->type == RECORD_INSERT   ? EVENT_INSERT
                : record->type == RECORD_UPDATE ? EVENT_UPDATE
                                                : EVENT_DELETE,
        .rel = record->rel,
        .row_id = record->row_id,
        .commit_lsn = commit->lsn,
        .txid = commit->txid,
        .commit_time = commit->commit_time,
        .is_last = reader->at + 1 == commit->first_event + commit->event_count,
        .body = ky_buffer_slice(&reader->body),
    };
}

/* Moves over one record; true when it is the event looked for. */
static ky_status
step(struct event_reader *reader, struct event *event_out, bool *is_found_out, struct ky_error *err)
{
    struct record record;
    KY_TRY(record_decode(reader->rest, false, &record, err));
    size_t size = record_size(record.body.size);
    reader->rest = ky_slice((const uint8_t *)reader->rest.data + size, reader->rest.size - size);
    reader->record_count--;
    if ((record.flags & RECORD_IS_EVENT) == 0) {
        return KY_OK;
    }
    if (reader->at == reader->next) {
        fill_event(reader, &record, event_out);
        *is_found_out = true;
        reader->next++;
    }
    reader->at++;
    return KY_OK;
}

static ky_status
read_commit(struct event_reader *reader, struct event *event_out, bool *is_found_out,
            struct ky_error *err)
{
    while (!*is_found_out) {
        if (reader->record_count > 0) {
            KY_TRY(step(reader, event_out, is_found_out, err));
        } else if (reader->part < reader->commit.chunk_count) {
            reader->part++;
            KY_TRY(open_part(reader, err));
        } else {
            reader->has_commit = false;
            return KY_OK;
        }
    }
    return KY_OK;
}

static bool
find_position(struct event_reader *reader, enum event_answer *answer_out)
{
    if (reader->next < log_earliest_event(reader->storage->log)) {
        *answer_out = EVENT_GONE;
        return false;
    }
    lsn_t lsn = log_find_event(reader->storage->log, reader->next);
    if (lsn == LSN_MAX || lsn == 0) {
        *answer_out = lsn == 0 ? EVENT_GONE : EVENT_END;
        return false;
    }
    reader->from = lsn;
    reader->has_position = true;
    atomic_store_explicit(&reader->pin, lsn, memory_order_relaxed);
    return true;
}

/* Forgets places that the log has dropped; the event's number finds the place again, or not. */
static void
check_position(struct event_reader *reader)
{
    lsn_t lowest = reader->has_commit ? reader->lowest : reader->from;
    if (reader->has_position && lowest < log_first_lsn(reader->storage->log)) {
        reader->has_position = reader->has_commit = false;
        atomic_store_explicit(&reader->pin, LSN_MAX, memory_order_relaxed);
    }
}

/* What should be there is not: dropped a moment ago, or damage (*err). */
static ky_status
lost_place(struct event_reader *reader, enum event_answer *answer_out)
{
    if (reader->next >= log_earliest_event(reader->storage->log)) {
        return KY_ERR;
    }
    *answer_out = EVENT_GONE;
    reader->has_position = false;
    return KY_OK;
}

static ky_status
reader_next(struct event_reader *reader, struct event *event_out, enum event_answer *answer_out,
            struct ky_error *err)
{
    check_position(reader);
    if (reader->next >= log_next_event(reader->storage->log)) {
        *answer_out = EVENT_END;
        return KY_OK;
    }
    if (!reader->has_position && !find_position(reader, answer_out)) {
        return KY_OK;
    }
    bool is_found = false;
    while (!is_found) {
        if (!reader->has_commit) {
            if (!next_commit(reader)) {
                *answer_out = EVENT_END;
                return KY_OK;
            }
            if (reader->commit.first_event > reader->next) {
                (void)ky_error_set(err, KY_DATA_CORRUPTED, "the log has no event %" PRIu64,
                                   reader->next);
                return lost_place(reader, answer_out);
            }
            if (open_part(reader, err) != KY_OK) {
                return lost_place(reader, answer_out);
            }
            reader->has_commit = true;
        }
        KY_TRY(read_commit(reader, event_out, &is_found, err));
    }
    *answer_out = EVENT_READY;
    return KY_OK;
}

ky_status
event_reader_next(struct event_reader *reader, struct event *event_out,
                  enum event_answer *answer_out, struct ky_error *err)
{
    ky_epoch_enter();
    ky_status status = reader_next(reader, event_out, answer_out, err);
    ky_epoch_leave();
    return status;
}
