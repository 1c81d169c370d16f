/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/arena.h"
#include "storage/storage_private.h"

/*
 * Events straight from the log, in commit order. A commit's events are those of the chunks it
 * refers to, in the order of the references, then those of its own frame. The reader stands in
 * one commit, in one part of it (a chunk or the frame itself), before one record.
 */
struct event_reader {
    struct storage *storage;
    event_offset_t next; /* the event to return next */
    lsn_t from;          /* where the next COMMIT frame is looked for */
    bool has_position;   /* from is known */
    bool has_commit;     /* commit is being read */
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
    return reader;
}

void
event_reader_close(struct event_reader *reader)
{
    ky_free(reader);
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

/* The next commit with events. False: caught up. */
static bool
next_commit(struct event_reader *reader)
{
    do {
        if (!log_next_commit(reader->storage->log, reader->from, &reader->commit)) {
            return false;
        }
        reader->from = reader->commit.lsn + reader->commit.total_size;
    } while (reader->commit.event_count == 0 ||
             reader->commit.first_event + reader->commit.event_count <= reader->next);
    reader->at = reader->commit.first_event;
    reader->part = 0;
    return true;
}

static void
fill_event(const struct event_reader *reader, const struct record *record, struct event *event)
{
    const struct frame *commit = &reader->commit;
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
        .body = record->body,
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
    return true;
}

ky_status
event_reader_next(struct event_reader *reader, struct event *event_out,
                  enum event_answer *answer_out, struct ky_error *err)
{
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
            KY_TRY(open_part(reader, err));
            reader->has_commit = true;
        }
        KY_TRY(read_commit(reader, event_out, &is_found, err));
    }
    *answer_out = EVENT_READY;
    return KY_OK;
}
