/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/log_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/assert.h"

struct fixture_entry {
    struct log_entry base;
    struct log_fixture *fixture;
    struct fixture_entry *next;
    bool is_done;
    ky_status status;
};

void
log_fixture_init(struct log_fixture *fixture, struct io *io)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->io = io;
    fixture->dir = "data";
    fixture->segment_size = FIXTURE_SEGMENT_SIZE;
    ky_mutex_init(&fixture->lock);
    ky_cond_init(&fixture->changed);
}

void
log_fixture_deinit(struct log_fixture *fixture)
{
    while (fixture->entries != NULL) {
        struct fixture_entry *entry = fixture->entries;
        fixture->entries = entry->next;
        free(entry->base.frame);
        free(entry);
    }
    ky_cond_deinit(&fixture->changed);
    ky_mutex_deinit(&fixture->lock);
}

/* ------------------------------------------------------------------ what a transaction writes */

static uint32_t
record_count_of(uint32_t number)
{
    return 1 + number % 3;
}

/* Every seventh transaction sends its first record ahead in a CHUNK frame. */
static bool
has_chunk(uint32_t number)
{
    return number % 7 == 0;
}

static size_t
body_size_of(uint32_t number, uint32_t index)
{
    return number % 50 == 49 ? 9000 : 5 + (number * 7 + index * 13) % 90;
}

static uint8_t
body_byte(uint32_t number, uint32_t index, size_t at)
{
    return (uint8_t)(number * 31 + index * 7 + at * 3);
}

/* Records [first, end) of a transaction; returns bytes, 0 place: only counts them. */
static size_t
put_records(uint8_t *place, uint32_t number, uint32_t first, uint32_t end, size_t frame_back)
{
    size_t total = 0;
    for (uint32_t i = first; i < end; i++) {
        size_t size = body_size_of(number, i);
        if (place != NULL) {
            uint8_t *body = malloc(size);
            KY_ASSERT(body != NULL);
            for (size_t at = 0; at < size; at++) {
                body[at] = body_byte(number, i, at);
            }
            struct record record = {
                .type = RECORD_INSERT,
                .flags = RECORD_IS_EVENT,
                .rel = number,
                .row_id = i + 1,
                .frame_back = (uint32_t)(frame_back + total),
                .event_index = i - first,
                .body = ky_slice(body, size),
            };
            record_encode(place + total, &record);
            free(body);
        }
        total += record_size(size);
    }
    return total;
}

uint8_t *
log_fixture_frame(uint32_t number, bool is_chunk, lsn_t chunk_lsn, struct frame *frame_out)
{
    bool refers = !is_chunk && has_chunk(number);
    uint32_t first = refers ? 1 : 0;
    uint32_t end = is_chunk ? 1 : record_count_of(number);
    size_t start = FRAME_HEADER_SIZE + (refers ? sizeof(struct frame_chunk_ref) : 0);
    size_t size = start + put_records(NULL, number, first, end, 0);
    uint8_t *bytes = calloc(1, size);
    KY_ASSERT(bytes != NULL);
    (void)put_records(bytes + start, number, first, end, start);
    if (refers) {
        struct frame_chunk_ref ref = {.lsn = chunk_lsn, .record_count = 1, .event_count = 1};
        memcpy(bytes + FRAME_HEADER_SIZE, &ref, sizeof(ref));
    }
    *frame_out = (struct frame){
        .flags = is_chunk ? FRAME_CHUNK : FRAME_COMMIT,
        .total_size = (uint32_t)size,
        .record_count = end - first,
        .chunk_count = refers ? 1 : 0,
        .txid = number,
        .event_count = is_chunk ? 0 : record_count_of(number),
    };
    return bytes;
}

static void
fail(struct log_fixture *fixture, const char *what, uint64_t number)
{
    if (fixture->fault[0] == '\0') {
        (void)snprintf(fixture->fault, sizeof(fixture->fault), "%s (%" PRIu64 ")", what, number);
    }
}

static void
check_records(struct log_fixture *fixture, struct ky_slice records, uint32_t number, uint32_t first,
              uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        struct record record;
        struct ky_error err = {0};
        if (record_decode(records, true, &record, &err) != KY_OK) {
            fail(fixture, err.message, number);
            return;
        }
        bool is_same = record.rel == number && record.row_id == i + 1 &&
                       record.body.size == body_size_of(number, i);
        const uint8_t *body = record.body.data;
        for (size_t at = 0; is_same && at < record.body.size; at++) {
            is_same = body[at] == body_byte(number, i, at);
        }
        if (!is_same) {
            fail(fixture, "wrong row", number);
            return;
        }
        size_t size = record_size(record.body.size);
        records = ky_slice((const uint8_t *)records.data + size, records.size - size);
    }
    if (records.size != 0) {
        fail(fixture, "more rows than written", number);
    }
}

/* ------------------------------------------------------------------ reading back */

static ky_status
apply(void *arg, const struct frame *frame, struct ky_error *err)
{
    struct log_fixture *fixture = arg;
    (void)err;
    uint32_t number = (uint32_t)frame->txid;
    if (fixture->seen_count == FIXTURE_TXNS_MAX || log_fixture_has(fixture, number)) {
        fail(fixture, "transaction twice", number);
        return KY_OK;
    }
    fixture->seen_lsn[fixture->seen_count] = frame->lsn;
    fixture->seen[fixture->seen_count++] = number;
    if (frame->first_event != fixture->next_event && fixture->from == 0) {
        fail(fixture, "event offsets are not dense", number);
    }
    fixture->next_event = frame->first_event + frame->event_count;
    if (frame->event_count != record_count_of(number)) {
        fail(fixture, "wrong event count", number);
    }
    if (frame->chunk_count != (has_chunk(number) ? 1u : 0u)) {
        fail(fixture, "wrong chunk count", number);
        return KY_OK;
    }
    check_records(fixture, frame->records, number, frame->chunk_count, record_count_of(number));
    return KY_OK;
}

/* Chunks can be reached only when the log is open. */
static void
check_chunks(struct log_fixture *fixture)
{
    for (uint32_t i = 0; i < fixture->seen_count; i++) {
        struct frame frame;
        struct frame chunk;
        struct ky_error err = {0};
        uint32_t number = fixture->seen[i];
        if (!has_chunk(number)) {
            continue;
        }
        if (log_frame_at(fixture->log, fixture->seen_lsn[i], &frame, &err) != KY_OK ||
            frame.chunk_count != 1 ||
            log_frame_at(fixture->log, frame.chunks[0].lsn, &chunk, &err) != KY_OK ||
            chunk.flags != FRAME_CHUNK || chunk.txid != number) {
            fail(fixture, "chunk not found", number);
            continue;
        }
        check_records(fixture, chunk.records, number, 0, 1);
    }
}

bool
log_fixture_has(const struct log_fixture *fixture, uint32_t number)
{
    for (uint32_t i = 0; i < fixture->seen_count; i++) {
        if (fixture->seen[i] == number) {
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ driving */

static void
on_fatal(void *arg, const struct ky_error *err)
{
    struct log_fixture *fixture = arg;
    (void)err;
    ky_mutex_lock(&fixture->lock);
    fixture->fatal_count++;
    ky_cond_broadcast(&fixture->changed);
    ky_mutex_unlock(&fixture->lock);
}

ky_status
log_fixture_open(struct log_fixture *fixture, struct ky_error *err)
{
    struct log_options options = {
        .io = fixture->io,
        .dir = fixture->dir,
        .segment_size = fixture->segment_size,
        .spare_segments = 1,
        .is_sync_off = fixture->is_sync_off,
        .system_id = "fixture-system-i",
        .on_fatal = on_fatal,
        .arg = fixture,
    };
    fixture->seen_count = 0;
    fixture->next_event = 0;
    fixture->fatal_count = 0;
    fixture->waiting = 0;
    KY_TRY(log_open(&options, fixture->from, apply, fixture, &fixture->log, err));
    check_chunks(fixture);
    return KY_OK;
}

void
log_fixture_close(struct log_fixture *fixture)
{
    log_close(fixture->log);
    fixture->log = NULL;
}

static void
done(struct log_entry *base, ky_status status, const struct ky_error *err)
{
    struct fixture_entry *entry = KY_CONTAINER_OF(base, struct fixture_entry, base);
    struct log_fixture *fixture = entry->fixture;
    (void)err;
    ky_mutex_lock(&fixture->lock);
    entry->is_done = true;
    entry->status = status;
    fixture->waiting--;
    if (base->flags == FRAME_COMMIT) {
        (status == KY_OK ? fixture->is_acked : fixture->is_refused)[base->txid] = true;
    }
    ky_cond_broadcast(&fixture->changed);
    ky_mutex_unlock(&fixture->lock);
}

/* One frame with records [first, end), after room for chunk references. */
static struct fixture_entry *
entry_new(struct log_fixture *fixture, uint32_t number, uint32_t first, uint32_t end,
          uint32_t chunk_count)
{
    struct fixture_entry *entry = calloc(1, sizeof(*entry));
    KY_ASSERT(entry != NULL);
    size_t start = FRAME_HEADER_SIZE + chunk_count * sizeof(struct frame_chunk_ref);
    size_t size = start + put_records(NULL, number, first, end, 0);
    entry->base.frame = calloc(1, size);
    KY_ASSERT(entry->base.frame != NULL);
    (void)put_records(entry->base.frame + start, number, first, end, start);
    entry->base.size = (uint32_t)size;
    entry->base.record_count = end - first;
    entry->base.chunk_count = chunk_count;
    entry->base.txid = number;
    entry->base.done = done;
    entry->fixture = fixture;
    ky_mutex_lock(&fixture->lock);
    entry->next = fixture->entries;
    fixture->entries = entry;
    fixture->waiting++;
    ky_mutex_unlock(&fixture->lock);
    return entry;
}

static bool
wait_entry(struct fixture_entry *entry)
{
    struct log_fixture *fixture = entry->fixture;
    ky_mutex_lock(&fixture->lock);
    while (!entry->is_done && fixture->fatal_count == 0) {
        ky_cond_wait(&fixture->changed, &fixture->lock);
    }
    bool is_good = entry->is_done && entry->status == KY_OK;
    ky_mutex_unlock(&fixture->lock);
    return is_good;
}

void
log_fixture_orphan_chunk(struct log_fixture *fixture, uint32_t number)
{
    struct fixture_entry *entry = entry_new(fixture, number, 0, 1, 0);
    entry->base.flags = FRAME_CHUNK;
    log_submit(fixture->log, &entry->base);
    (void)wait_entry(entry);
}

void
log_fixture_submit(struct log_fixture *fixture, uint32_t number, bool is_async)
{
    KY_ASSERT(number < FIXTURE_TXNS_MAX);
    struct fixture_entry *chunk = NULL;
    if (has_chunk(number)) {
        chunk = entry_new(fixture, number, 0, 1, 0);
        chunk->base.flags = FRAME_CHUNK;
        chunk->base.is_async = true;
        log_submit(fixture->log, &chunk->base);
        if (!wait_entry(chunk)) {
            fixture->is_refused[number] = chunk->is_done;
            return;
        }
    }
    uint32_t first = chunk == NULL ? 0 : 1;
    struct fixture_entry *entry = entry_new(fixture, number, first, record_count_of(number), first);
    entry->base.flags = FRAME_COMMIT;
    entry->base.is_async = is_async;
    entry->base.may_sync_here = !is_async && number % 2 == 1;
    entry->base.event_count = record_count_of(number);
    if (chunk != NULL) {
        struct frame_chunk_ref ref = {.lsn = chunk->base.lsn, .record_count = 1, .event_count = 1};
        memcpy(entry->base.frame + FRAME_HEADER_SIZE, &ref, sizeof(ref));
    }
    log_submit(fixture->log, &entry->base);
}

void
log_fixture_wait(struct log_fixture *fixture)
{
    ky_mutex_lock(&fixture->lock);
    while (fixture->waiting > 0 && fixture->fatal_count == 0) {
        ky_cond_wait(&fixture->changed, &fixture->lock);
    }
    ky_mutex_unlock(&fixture->lock);
}

bool
log_fixture_commit(struct log_fixture *fixture, uint32_t number)
{
    log_fixture_submit(fixture, number, false);
    log_fixture_wait(fixture);
    return fixture->is_acked[number];
}
