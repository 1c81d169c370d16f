/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "server/base/map.h"
#include "storage/storage_private.h"

/*
 * The write set: a vector of changes in order, and the same changes as log records in blocks.
 *
 *     block 0                    block 1                    block 2
 *     [room for header][rec]..   [room for header][rec]..   [room for header][rec]
 *     submitted (CHUNK)          submitted (CHUNK)          open
 *
 * A block has the form of a frame from the start, so the block of a small transaction is
 * submitted as its COMMIT frame without copying. When a block reaches chunk_size it goes ahead
 * as a CHUNK frame and the COMMIT frame names it. A savepoint is a length of the vector: rolling
 * back cuts the vector, the open block, and the counts of kept records of submitted ones.
 *
 * Bodies of own rows that were shown to a caller stay where they are until the statement ends:
 * a block that must grow or is cut leaves its old memory behind in old_frames.
 */

/* ------------------------------------------------------------------ relations */

struct touched *
write_set_touched(const struct txn *txn, rel_id_t rel)
{
    /* The last one used is likely the next: search from the end. */
    for (uint32_t i = txn->touched_count; i > 0; i--) {
        if (txn->touched[i - 1].rel == rel) {
            return &txn->touched[i - 1];
        }
    }
    return NULL;
}

struct touched *
write_set_touch(struct txn *txn, rel_id_t rel)
{
    struct touched *touched = write_set_touched(txn, rel);
    if (touched != NULL) {
        return touched;
    }
    if (txn->touched_count == txn->touched_capacity) {
        txn->touched_capacity = KY_MAX(8, txn->touched_capacity * 2);
        txn->touched = ky_realloc(txn->touched, txn->touched_capacity * sizeof(*txn->touched));
    }
    touched = &txn->touched[txn->touched_count++];
    touched->rel = rel;
    touched->write_count = 0;
    touched->drop_count = 0;
    touched->runs = NULL;
    touched->run_count = touched->run_capacity = 0;
    touched->relation = directory_get(&txn->storage->directory, rel);
    return touched;
}

/* ------------------------------------------------------------------ blocks */

static void
keep_old_frame(struct txn *txn, uint8_t *frame)
{
    struct old_frame *old = ky_malloc(sizeof(*old));
    old->frame = frame;
    old->next = txn->old_frames;
    txn->old_frames = old;
}

/* Moves the block to fresh memory; bodies already shown stay readable. */
static void
block_move(struct txn *txn, struct block *block, uint32_t capacity)
{
    if (!block->is_exposed) {
        block->frame = ky_realloc(block->frame, capacity);
    } else {
        uint8_t *frame = ky_malloc(capacity);
        memcpy(frame, block->frame, block->size);
        keep_old_frame(txn, block->frame);
        block->frame = frame;
        block->is_exposed = false;
    }
    block->capacity = capacity;
}

/* Keeps the larger of a frame and the spare one for the next block: large ones are dear to map. */
static void
spare_frame(struct txn *txn, struct block *block)
{
    if (txn->spare_frame == NULL || txn->spare_capacity < block->capacity) {
        ky_free(txn->spare_frame);
        txn->spare_frame = block->frame;
        txn->spare_capacity = block->capacity;
    } else {
        ky_free(block->frame);
    }
    block->frame = NULL;
}

/* Frames of written blocks that nobody looks at. */
static void
free_written(struct txn *txn, bool with_exposed)
{
    for (uint32_t i = 0; i < txn->block_count; i++) {
        struct block *block = txn->blocks[i];
        if (block->frame != NULL && block->is_submitted && (with_exposed || !block->is_exposed) &&
            atomic_load_explicit(&block->is_written, memory_order_acquire)) {
            spare_frame(txn, block);
        }
    }
}

static struct block *
block_add(struct txn *txn, uint32_t capacity)
{
    if (txn->block_count > 0) {
        free_written(txn, false);
    }
    if (txn->block_count == txn->block_capacity) {
        txn->block_capacity = KY_MAX(4, txn->block_capacity * 2);
        txn->blocks = ky_realloc(txn->blocks, txn->block_capacity * sizeof(struct block *));
    }
    struct block *block = ky_calloc(1, sizeof(*block));
    block->txn = txn;
    if (txn->spare_frame != NULL && txn->spare_capacity >= capacity) {
        block->frame = txn->spare_frame;
        block->capacity = txn->spare_capacity;
        txn->spare_frame = NULL;
    } else {
        block->frame = ky_malloc(capacity);
        block->capacity = capacity;
    }
    block->size = FRAME_HEADER_SIZE;
    txn->blocks[txn->block_count++] = block;
    return block;
}

static void
chunk_done(struct log_entry *entry, ky_status status, const struct ky_error *err)
{
    struct block *block = KY_CONTAINER_OF(entry, struct block, entry);
    KY_ASSERT(status == KY_OK);
    (void)err;
    struct txn *txn = block->txn;
    atomic_store_explicit(&block->is_written, true, memory_order_release);
    txn_flight_done(txn);
}

static void
chunk_install(struct log_entry *entry)
{
    (void)entry;
}

static struct block *
open_block(const struct txn *txn)
{
    if (txn->block_count == 0) {
        return NULL;
    }
    struct block *block = txn->blocks[txn->block_count - 1];
    return block->is_submitted ? NULL : block;
}

void
write_set_flush(struct txn *txn)
{
    struct block *block = open_block(txn);
    if (block == NULL || block->record_count == 0) {
        return;
    }
    block->is_submitted = true;
    block->entry = (struct log_entry){
        .frame = block->frame,
        .size = block->size,
        .flags = FRAME_CHUNK,
        /* Written is enough: the sync of the COMMIT frame covers what is before it. */
        .is_async = true,
        .record_count = block->record_count,
        .event_count = 0,
        .txid = txn_assign_id(txn),
        .install = chunk_install,
        .done = chunk_done,
    };
    txn_flight_add(txn);
    if (atomic_load_explicit(&txn->chunk_floor, memory_order_relaxed) == LSN_MAX) {
        atomic_store_explicit(&txn->chunk_floor, log_visible_lsn(txn->storage->log),
                              memory_order_relaxed);
        /* Pairs with the fence in storage_chunk_floor. */
        atomic_thread_fence(memory_order_seq_cst);
    }
    log_submit(txn->storage->log, &block->entry);
}

/* A block with room for one more record. */
static struct block *
block_for(struct txn *txn, uint32_t size)
{
    uint32_t chunk_size = (uint32_t)txn->storage->options.chunk_size;
    struct block *block = open_block(txn);
    if (block != NULL && block->record_count > 0 && block->size + size > chunk_size) {
        write_set_flush(txn);
        block = NULL;
    }
    if (block == NULL) {
        bool is_first = txn->block_count == 0;
        uint32_t capacity = is_first ? BLOCK_SIZE_MIN : chunk_size;
        return block_add(txn, KY_MAX(capacity, FRAME_HEADER_SIZE + size));
    }
    if (block->capacity - block->size < size) {
        uint32_t wanted = KY_MAX(KY_MIN(block->capacity * 2, chunk_size), block->size + size);
        block_move(txn, block, wanted);
    }
    return block;
}

lsn_t
write_location(const struct txn *txn, const struct write *write)
{
    const struct block *block = txn->blocks[write->block];
    lsn_t lsn = block->is_submitted ? block->entry.lsn : txn->entry.lsn;
    return lsn + write->offset;
}

struct ky_slice
write_set_body(struct txn *txn, const struct write *write)
{
    struct block *block = txn->blocks[write->block];
    if (block->frame != NULL) {
        block->is_exposed = true;
        return ky_slice(block->frame + write->offset + RECORD_HEADER_SIZE, write->body_size);
    }
    const uint8_t *record = log_at(txn->storage->log, write_location(txn, write));
    KY_ASSERT(record != NULL);
    return ky_slice(record + RECORD_HEADER_SIZE, write->body_size);
}

/* ------------------------------------------------------------------ adding and cutting */

static ky_status
check_write(struct txn *txn, const struct record *record, struct ky_error *err)
{
    struct storage *storage = txn->storage;
    if (record->body.size > storage->body_size_max) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "row is too big: size %zu, maximum size %" PRIu64, record->body.size,
                            storage->body_size_max);
    }
    if (txn->write_count >= INDEX_REMOVED - 2) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "cannot have more than %u changes in a transaction", INDEX_REMOVED - 2);
    }
    /* Deleting makes room in the end: it may use the reserve. */
    if ((record->type == RECORD_INSERT || record->type == RECORD_UPDATE) &&
        KY_UNLIKELY(!log_has_space(storage->log)) && !txn->is_making_room) {
        return ky_error_set(err, KY_DISK_FULL, "could not extend log: No space left on device");
    }
    return KY_OK;
}

static struct write *
new_write(struct txn *txn)
{
    if (txn->write_count == txn->write_capacity) {
        txn->write_capacity = KY_MAX(16, txn->write_capacity * 2);
        txn->writes = ky_realloc(txn->writes, txn->write_capacity * sizeof(*txn->writes));
    }
    return &txn->writes[txn->write_count];
}

ky_status
write_set_add(struct txn *txn, const struct record *record_in, struct ky_error *err)
{
    KY_TRY(check_write(txn, record_in, err));
    (void)txn_assign_id(txn);
    struct record record = *record_in;
    struct touched *touched = write_set_touch(txn, record.rel);
    if (record.type == RECORD_INSERT) {
        record.row_id = relation_new_row(touched->relation, txn->self);
        if (record.row_id == ROW_ID_NONE) {
            return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                                "cannot have more than 2^48 row numbers in a relation");
        }
        txn->insert_count++;
    }
    uint32_t size = (uint32_t)record_size(record.body.size);
    struct block *block = block_for(txn, size);
    record.frame_back = block->size;
    record.event_index = block->event_count;
    record_encode(block->frame + block->size, &record);

    bool is_event = (record.flags & RECORD_IS_EVENT) != 0;
    *new_write(txn) = (struct write){
        .row_id = record.row_id,
        .rel = record.rel,
        .command = txn->command,
        .block = txn->block_count - 1,
        .offset = block->size,
        .body_size = (uint32_t)record.body.size,
        .type = (uint8_t)record.type,
        .is_event = is_event,
    };
    write_index_add(txn, touched, txn->write_count++);
    touched->write_count++;
    touched->drop_count += record.type == RECORD_DROP;
    block->size += size;
    block->record_count++;
    block->event_count += is_event;
    return KY_OK;
}

static void
drop_last(struct txn *txn)
{
    struct write *write = &txn->writes[txn->write_count - 1];
    struct block *block = txn->blocks[write->block];
    block->record_count--;
    block->event_count -= write->is_event;
    if (!block->is_submitted) {
        block->size = write->offset;
    }
    struct touched *touched = write_set_touched(txn, write->rel);
    touched->write_count--;
    touched->drop_count -= write->type == RECORD_DROP;
    write_index_remove_last(txn, touched);
    if (write->type == RECORD_INSERT) {
        relation_forget_row(touched->relation, write->row_id);
        txn->insert_count--;
    }
    txn->write_count--;
}

void
write_set_truncate(struct txn *txn, uint64_t count)
{
    KY_ASSERT(count <= txn->write_count);
    uint32_t inserts = txn->insert_count;
    uint64_t before = txn->write_count;
    while (txn->write_count > count) {
        drop_last(txn);
    }
    struct block *block = open_block(txn);
    if (before > count && block != NULL && block->is_exposed) {
        block_move(txn, block, block->capacity);
    }
    if (txn->insert_count < inserts) {
        lock_wake_inserted(txn);
    }
}

/* ------------------------------------------------------------------ memory */

static void
free_old_frames(struct txn *txn)
{
    while (txn->old_frames != NULL) {
        struct old_frame *old = txn->old_frames;
        txn->old_frames = old->next;
        ky_free(old->frame);
        ky_free(old);
    }
}

void
write_set_trim(struct txn *txn)
{
    free_old_frames(txn);
    if (txn->block_count > 1) {
        free_written(txn, true);
    }
}

static void
free_block(struct txn *txn, struct block *block)
{
    if (block->frame != NULL && block->capacity <= BLOCK_KEEP_MAX) {
        spare_frame(txn, block);
    } else {
        ky_free(block->frame);
    }
    ky_free(block);
}

void
write_set_reset(struct txn *txn)
{
    free_old_frames(txn);
    if (txn->spare_frame != NULL && txn->spare_capacity > BLOCK_KEEP_MAX) {
        ky_free(txn->spare_frame);
        txn->spare_frame = NULL;
    }
    for (uint32_t i = 0; i < txn->block_count; i++) {
        free_block(txn, txn->blocks[i]);
    }
    txn->block_count = 0;
    ky_free(txn->commit_frame);
    txn->commit_frame = NULL;
    if (txn->write_capacity > WRITES_KEEP_MAX) {
        ky_free(txn->writes);
        txn->writes = NULL;
        txn->write_capacity = 0;
    }
    write_index_reset(txn);
    txn->write_count = txn->touched_count = txn->insert_count = 0;
}

void
write_set_deinit(struct txn *txn)
{
    write_set_reset(txn);
    ky_free(txn->spare_frame);
    ky_free(txn->writes);
    ky_free(txn->index);
    ky_free(txn->touched);
    ky_free(txn->blocks);
}
