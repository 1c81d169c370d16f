/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/epoch.h"
#include "storage/storage_private.h"

/*
 * How a transaction ends. A small one submits its only block as the COMMIT frame. One that sent
 * CHUNK frames ahead sends its open block ahead as well, and once all are written, and so have
 * their positions, a COMMIT frame that holds only references to them. A transaction without
 * writes that raised a counter waits for the counter's frame.
 *
 * install() runs on the log writer thread before visible_lsn moves: it makes the versions part
 * of the directory, where no snapshot sees them yet. Row locks go in placed(), when the frame is
 * written and its sync begins: whoever waited for one looks at the newest version and commits after
 * this transaction, so neither becomes durable without the other. Such a transaction has seen what
 * is not durable yet (txn_is_settled), shows nothing of it before it is, and its snapshots from
 * then on begin at what is installed. All other locks go in done(), after visible_lsn has moved, so
 * that whoever waited for them sees the commit in its next snapshot.
 *
 * A crash before the COMMIT frame is whole leaves CHUNK frames that nothing refers to; a crash
 * after it finds the transaction whole in the log, and recovery applies it.
 */
enum { INSTALL_FOLDS = 128 };

static const struct txn_result no_result;

static void
release_all(struct txn *txn)
{
    if (txn->insert_count > 0) {
        lock_wake_inserted(txn);
    }
    lock_set_release(txn, 0);
}

static void
finish(struct txn *txn, ky_status status, const struct txn_result *result,
       const struct ky_error *err)
{
    release_all(txn);
    if (txn->is_guarded_commit) {
        txn->is_guarded_commit = false;
        txn_unregister(txn);
    }
    txn_done done = txn->done;
    void *arg = txn->done_arg;
    struct txn_result copy = *result;
    txn_recycle(txn);
    if (done != NULL) {
        done(arg, status, &copy, err);
    }
}

/* Inserted rows never existed; locks go; frames in flight keep the object until written. */
static void
abandon(struct txn *txn)
{
    txn_unregister(txn);
    for (uint32_t i = 0; i < txn->write_count; i++) {
        const struct write *write = &txn->writes[i];
        if (write->type == RECORD_INSERT) {
            relation_forget_row(write_set_touched(txn, write->rel)->relation, write->row_id);
        }
    }
    release_all(txn);
}

/* ------------------------------------------------------------------ installing */

struct install_run {
    struct txn *txn;
    struct relation *relation; /* locked, or NULL */
    struct fold_item folds[INSTALL_FOLDS];
    uint32_t fold_count;
};

static void
add_fold(struct install_run *run, rel_id_t rel, row_id_t row_id)
{
    if (run->fold_count == INSTALL_FOLDS) {
        janitor_push(&run->txn->storage->janitor, run->folds, run->fold_count);
        run->fold_count = 0;
    }
    run->folds[run->fold_count++] =
        (struct fold_item){.rel = rel, .row_id = row_id, .commit_lsn = run->txn->entry.lsn};
}

static void
install_write(struct install_run *run, const struct write *write) KY_REQUIRES(run->relation->lock)
{
    struct txn *txn = run->txn;
    struct install install = {
        .type = (enum record_type)write->type,
        .row_id = write->row_id,
        .commit_lsn = txn->entry.lsn,
        .location = write_location(txn, write),
        .record_size = record_size(write->body_size),
    };
    if (relation_install(run->relation, &install)) {
        add_fold(run, write->rel, write->row_id);
    }
}

/* Neighbouring writes to one relation share one hold of its lock. */
static void
commit_install(struct log_entry *entry) KY_NO_THREAD_SAFETY_ANALYSIS
{
    struct txn *txn = KY_CONTAINER_OF(entry, struct txn, entry);
    struct install_run run;
    run.txn = txn;
    run.relation = NULL;
    run.fold_count = 0;
    rel_id_t rel = 0;
    ky_epoch_enter();
    for (uint32_t i = 0; i < txn->write_count; i++) {
        const struct write *write = &txn->writes[i];
        if (run.relation == NULL || write->rel != rel) {
            if (run.relation != NULL) {
                ky_mutex_unlock(&run.relation->lock);
            }
            rel = write->rel;
            run.relation = directory_get(&txn->storage->directory, rel);
            ky_mutex_lock(&run.relation->lock);
        }
        if (write->type == RECORD_DROP) {
            atomic_store_explicit(&run.relation->drop_lsn, entry->lsn, memory_order_release);
            atomic_store_explicit(&run.relation->live_count, 0, memory_order_relaxed);
            add_fold(&run, rel, ROW_ID_NONE);
        } else {
            install_write(&run, write);
        }
    }
    if (run.relation != NULL) {
        ky_mutex_unlock(&run.relation->lock);
    }
    ky_epoch_leave();
    janitor_push(&txn->storage->janitor, run.folds, run.fold_count);
}

static void
commit_placed(struct log_entry *entry)
{
    lock_set_release_rows(KY_CONTAINER_OF(entry, struct txn, entry));
}

static void
commit_done(struct log_entry *entry, ky_status status, const struct ky_error *err)
{
    struct txn *txn = KY_CONTAINER_OF(entry, struct txn, entry);
    if (status != KY_OK) {
        abandon(txn);
        txn->insert_count = 0;
        finish(txn, KY_ERR, &no_result, err);
        return;
    }
    struct txn_result result = {
        .lsn = entry->lsn,
        .first_event = entry->first_event,
        .event_count = entry->event_count,
    };
    finish(txn, KY_OK, &result, NULL);
}

/* ------------------------------------------------------------------ submitting */

static ky_status
commit_admit(struct log_entry *entry, struct ky_error *err)
{
    return guard_admit(KY_CONTAINER_OF(entry, struct txn, entry), entry->lsn, err);
}

static void
submit_commit(struct txn *txn)
{
    txn->entry.flags = FRAME_COMMIT;
    txn->entry.is_async = txn->sync == TXN_ASYNC;
    txn->entry.txid = txn_assign_id(txn);
    txn->entry.admit = txn->is_guarded_commit ? commit_admit : NULL;
    txn->entry.install = commit_install;
    txn->entry.placed = commit_placed;
    txn->entry.done = commit_done;
    log_submit(txn->storage->log, &txn->entry);
}

/* All chunks are written: their positions are known. */
static void
submit_references(struct txn *txn)
{
    uint32_t count = 0;
    uint32_t event_count = 0;
    for (uint32_t i = 0; i < txn->block_count; i++) {
        count += txn->blocks[i]->record_count > 0;
        event_count += txn->blocks[i]->event_count;
    }
    size_t size = FRAME_HEADER_SIZE + count * sizeof(struct frame_chunk_ref);
    KY_ASSERT(size <= FRAME_SIZE_MAX);
    txn->commit_frame = ky_malloc(size);
    uint8_t *place = txn->commit_frame + FRAME_HEADER_SIZE;
    for (uint32_t i = 0; i < txn->block_count; i++) {
        const struct block *block = txn->blocks[i];
        if (block->record_count == 0) {
            continue;
        }
        struct frame_chunk_ref ref = {
            .lsn = block->entry.lsn,
            .record_count = block->record_count,
            .event_count = block->event_count,
        };
        memcpy(place, &ref, sizeof(ref));
        place += sizeof(ref);
    }
    txn->entry = (struct log_entry){
        .frame = txn->commit_frame,
        .size = (uint32_t)size,
        .chunk_count = count,
        .event_count = event_count,
    };
    submit_commit(txn);
}

static void
submit_block(struct txn *txn, const struct block *block)
{
    txn->entry = (struct log_entry){
        .frame = block->frame,
        .size = block->size,
        .record_count = block->record_count,
        .event_count = block->event_count,
        .may_sync_here = txn->sync == TXN_SYNC_HERE,
    };
    submit_commit(txn);
}

void
txn_flight_add(struct txn *txn)
{
    /* The owner is the only one who adds; it waits here when it is too far ahead. */
    ky_mutex_lock(&txn->flight_lock);
    while (atomic_load_explicit(&txn->in_flight, memory_order_relaxed) > BLOCKS_IN_FLIGHT_MAX) {
        ky_cond_wait(&txn->flight_cond, &txn->flight_lock);
    }
    atomic_fetch_add_explicit(&txn->in_flight, 1, memory_order_relaxed);
    ky_mutex_unlock(&txn->flight_lock);
}

void
txn_flight_done(struct txn *txn)
{
    ky_mutex_lock(&txn->flight_lock);
    /* Release and acquire: the last one sees what the others left behind. */
    uint32_t before = atomic_fetch_sub_explicit(&txn->in_flight, 1, memory_order_acq_rel);
    ky_cond_signal(&txn->flight_cond);
    ky_mutex_unlock(&txn->flight_lock);
    if (before != 1) {
        return;
    }
    switch (txn->finish) {
    case TXN_FINISH_COMMIT:
        submit_references(txn);
        return;
    case TXN_FINISH_READ_ONLY:
        finish(txn, KY_OK, &no_result, NULL);
        return;
    case TXN_FINISH_ROLLBACK:
        txn_recycle(txn);
        return;
    case TXN_FINISH_NONE:
        break;
    }
    KY_UNREACHABLE();
}

/* The last reference but those of frames in flight is given up. */
static void
finish_later(struct txn *txn, enum txn_finish how)
{
    txn->finish = how;
    txn_flight_done(txn);
}

static void
settled_end(struct log_entry *entry, ky_status status, const struct ky_error *err)
{
    (void)status;
    (void)err;
    txn_flight_done(KY_CONTAINER_OF(entry, struct txn, entry));
}

void
txn_commit(struct txn *txn, enum txn_sync sync, txn_done done, void *arg)
{
    /* A guarded commit keeps its snapshot registered until it is admitted: what it must be compared
     * with is remembered as long. */
    txn->is_guarded_commit = txn_is_guarded(txn) && txn->write_count > 0;
    if (txn->is_guarded_commit) {
        guard_prepare(txn);
    } else {
        txn_unregister(txn);
    }
    txn->sync = sync;
    txn->done = done;
    txn->done_arg = arg;
    if (txn->write_count == 0 && !txn_is_settled(txn)) {
        txn_flight_add(txn); /* the answer tells of it: not before it is durable */
        txn->entry = (struct log_entry){.done = settled_end};
        log_submit_mark(txn->storage->log, &txn->entry);
    }
    if (txn->write_count == 0) {
        if (atomic_load_explicit(&txn->in_flight, memory_order_acquire) == 1) {
            finish(txn, KY_OK, &no_result, NULL);
        } else {
            finish_later(txn, TXN_FINISH_READ_ONLY);
        }
        return;
    }
    bool has_chunks = false;
    for (uint32_t i = 0; i < txn->block_count; i++) {
        has_chunks |= txn->blocks[i]->is_submitted && txn->blocks[i]->record_count > 0;
    }
    if (has_chunks) {
        write_set_flush(txn);
        finish_later(txn, TXN_FINISH_COMMIT);
    } else {
        /* Frames in flight (counters, chunks rolled back) come before this one in the log. */
        submit_block(txn, txn->blocks[txn->block_count - 1]);
    }
}

void
txn_rollback(struct txn *txn)
{
    abandon(txn);
    txn->insert_count = 0;
    if (atomic_load_explicit(&txn->in_flight, memory_order_acquire) == 1) {
        txn_recycle(txn);
    } else {
        finish_later(txn, TXN_FINISH_ROLLBACK);
    }
}

/* ------------------------------------------------------------------ settling */

bool
txn_is_settled(const struct txn *txn)
{
    return txn->seen_lsn <= log_visible_lsn(txn->storage->log);
}

static void
settled(struct log_entry *entry, ky_status status, const struct ky_error *err)
{
    struct txn *txn = KY_CONTAINER_OF(entry, struct txn, entry);
    (void)status;
    (void)err;
    void (*done)(void *arg) = txn->settle_done;
    void *arg = txn->settle_arg;
    txn_flight_done(txn); /* the transaction may be gone afterwards */
    done(arg);
}

void
txn_settle(struct txn *txn, void (*done)(void *arg), void *arg)
{
    txn_flight_add(txn);
    txn->settle_done = done;
    txn->settle_arg = arg;
    txn->entry = (struct log_entry){.done = settled};
    log_submit_mark(txn->storage->log, &txn->entry);
}
