/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/failpoint.h"
#include "server/base/log.h"
#include "storage/checkpoint/writer.h"

/*
 * Writing a checkpoint while commits go on. A snapshot at C pins every version that C sees, so
 * pages can be copied one by one at leisure. Position C must be durable before the checkpoint is
 * installed; the log's manifest switches to its list atomically, and only then files that nothing
 * names any more are removed. A crash before the switch leaves files nobody refers to, which the
 * next start removes.
 *
 * A failed write here loses nothing: the old checkpoint stays in force, and no file of it has been
 * touched.
 */
enum {
    WRITE_SIZE = 1024 * 1024,
    DURABLE_WAIT_MS = 10000,
};

/* ------------------------------------------------------------------ files */

ky_status
checkpoint_file_open(struct checkpoint_writer *writer, struct checkpoint_file *file,
                     uint64_t serial, const char *kind, struct ky_error *err)
{
    char name[CHECKPOINT_NAME_SIZE];
    checkpoint_file_name(name, serial, kind);
    char *path = io_path(writer->storage->dir, name);
    ky_status status =
        io_open(writer->storage->io, path, IO_WRITE | IO_CREATE | IO_TRUNCATE, &file->file, err);
    free(path);
    file->offset = 0;
    ky_buffer_clear(&file->out);
    return status;
}

ky_status
checkpoint_file_flush(struct checkpoint_writer *writer, struct checkpoint_file *file, bool is_all,
                      struct ky_error *err)
{
    if (file->out.size == 0 || (!is_all && file->out.size < WRITE_SIZE)) {
        return KY_OK;
    }
    KY_TRY(io_write_paced(file->file, file->offset, file->out.data, file->out.size, err));
    file->offset += file->out.size;
    writer->written_bytes += file->out.size;
    ky_buffer_clear(&file->out);
    return KY_OK;
}

ky_status
checkpoint_file_finish(struct checkpoint_writer *writer, struct checkpoint_file *file,
                       struct ky_error *err)
{
    KY_TRY(checkpoint_file_flush(writer, file, true, err));
    KY_TRY(io_sync(file->file, err));
    io_close(file->file);
    file->file = NULL;
    return KY_OK;
}

void
checkpoint_file_abandon(struct checkpoint_file *file)
{
    io_close(file->file);
    file->file = NULL;
    ky_buffer_deinit(&file->out);
}

/* ------------------------------------------------------------------ the whole */

static struct checkpoint_list *
list_new(const struct checkpoint_writer *writer)
{
    struct storage *storage = writer->storage;
    struct checkpoint_list *list = ky_calloc(1, sizeof(*list));
    list->serial = storage->next_serial;
    list->next_serial = list->serial + 1;
    list->lsn = txn_snapshot(writer->pin);
    list->next_event = log_next_event(storage->log);
    list->highest_txid = atomic_load_explicit(&storage->next_txid, memory_order_relaxed) - 1;
    list->created_us = ky_wall_us();
    memcpy(list->system_id, storage->system_id, sizeof(list->system_id));
    return list;
}

/* Nothing has been committed and no row moved since the checkpoint in force. */
static bool
is_unchanged(const struct checkpoint_writer *writer)
{
    const struct checkpoint_list *old = writer->old;
    if (old == NULL || old->lsn != writer->list->lsn ||
        atomic_load_explicit(&writer->storage->wants_parts, memory_order_relaxed)) {
        return false;
    }
    const struct directory *directory = &writer->storage->directory;
    rel_id_t rel = 0;
    for (uint64_t next = 0; next <= UINT32_MAX && directory_next(directory, (rel_id_t)next, &rel);
         next = (uint64_t)rel + 1) {
        if (storage_has_changes(writer->pin, rel, old->lsn)) {
            return false;
        }
    }
    return true;
}

/* A commit that did not wait for its sync may be visible before it is durable. */
static ky_status
wait_durable(const struct storage *storage, lsn_t lsn, struct ky_error *err)
{
    struct log_stats stats;
    for (int waited_ms = 0; waited_ms < DURABLE_WAIT_MS; waited_ms++) {
        log_stats(storage->log, &stats);
        if (stats.durable_lsn >= lsn) {
            return KY_OK;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return ky_error_set(err, KY_IO_ERROR,
                        "could not write checkpoint: position %" PRIu64 " is not durable yet", lsn);
}

static ky_status
write_list(struct checkpoint_writer *writer, struct ky_error *err)
{
    struct checkpoint_file file = {0};
    ky_status status = checkpoint_file_open(writer, &file, writer->list->serial, "list", err);
    if (status == KY_OK) {
        checkpoint_list_encode(writer->list, &file.out);
        status = checkpoint_file_finish(writer, &file, err);
    }
    checkpoint_file_abandon(&file);
    return status;
}

static ky_status
write_files(struct checkpoint_writer *writer, struct ky_error *err)
{
    struct storage *storage = writer->storage;
    char *folder = io_path(storage->dir, CHECKPOINT_DIR);
    ky_status status = io_make_dir(storage->io, folder, err);
    if (status == KY_OK) {
        status = checkpoint_write_rows(writer, err);
        failpoint("checkpoint-rows");
    }
    if (status == KY_OK) {
        status = checkpoint_write_parts(writer, err);
    }
    if (status == KY_OK) {
        status = write_list(writer, err);
    }
    if (status == KY_OK) {
        status = io_sync_dir(storage->io, folder, err);
    }
    if (status == KY_OK) {
        status = io_sync_dir(storage->io, storage->dir, err);
    }
    free(folder);
    return status;
}

static ky_status
write_checkpoint(struct checkpoint_writer *writer, struct ky_error *err)
{
    struct storage *storage = writer->storage;
    char name[CHECKPOINT_NAME_SIZE];
    checkpoint_file_name(name, writer->list->serial, "list");
    KY_TRY(write_files(writer, err));
    failpoint("checkpoint-files");
    KY_TRY(wait_durable(storage, writer->list->lsn, err));
    struct log_change change = {.checkpoint_name = name, .checkpoint_lsn = writer->list->lsn};
    KY_TRY(log_install(storage->log, &change, err));
    failpoint("checkpoint-done");
    storage->checkpoint = writer->list;
    atomic_store_explicit(&storage->wants_parts, false, memory_order_relaxed);
    writer->list = NULL;
    checkpoint_list_free(writer->old);
    return KY_OK;
}

static ky_status
checkpoint_locked(struct storage *storage, lsn_t *lsn_out, struct ky_error *err)
    KY_REQUIRES(storage->checkpoint_lock)
{
    int64_t start_ns = ky_monotonic_ns();
    struct checkpoint_writer writer = {.storage = storage, .old = storage->checkpoint};
    /* Both before the snapshot: what they say holds for everything it sees. */
    lsn_t recovery_floor = storage_chunk_floor(storage);
    uint64_t relocations = atomic_load_explicit(&storage->relocations, memory_order_acquire);
    writer.pin = txn_begin(storage, ISOLATION_REPEATABLE_READ);
    writer.list = list_new(&writer);
    *lsn_out = writer.list->lsn;
    ky_status status = KY_OK;
    if (!is_unchanged(&writer)) {
        status = write_checkpoint(&writer, err);
        /* Even after a failure: its files may be there. */
        storage->next_serial =
            KY_MAX(storage->next_serial,
                   status == KY_OK ? storage->checkpoint->next_serial : writer.list->next_serial);
        /* After a switch that failed half-way either may be the one that counts. */
        if (!log_has_failed(storage->log)) {
            checkpoint_remove_others(storage->io, storage->dir, storage->checkpoint);
        }
    }
    if (status == KY_OK) {
        atomic_store_explicit(&storage->recovery_floor, recovery_floor, memory_order_release);
        atomic_store_explicit(&storage->checkpoint_relocations, relocations, memory_order_release);
    }
    if (status == KY_OK && writer.written_bytes > 0) {
        ky_log(INFO, "checkpoint",
               "checkpoint written lsn=%" PRIu64 " bytes=%" PRIu64 " pages=%" PRIu64 " of=%" PRIu64
               " parts=%" PRIu64 " took_ms=%" PRId64,
               *lsn_out, writer.written_bytes, writer.written_pages,
               storage->checkpoint->page_count, storage->checkpoint->part_count,
               (ky_monotonic_ns() - start_ns) / 1000000);
    }
    atomic_fetch_add_explicit(&storage->checkpoint_pages, writer.written_pages,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&storage->checkpoint_ns, (uint64_t)(ky_monotonic_ns() - start_ns),
                              memory_order_relaxed);
    txn_rollback(writer.pin);
    checkpoint_file_abandon(&writer.rows);
    checkpoint_file_abandon(&writer.part);
    checkpoint_list_free(writer.list);
    return status;
}

static ky_status
checkpoint(struct storage *storage, _Atomic uint64_t *count, lsn_t *lsn_out, struct ky_error *err)
{
    lsn_t lsn = 0;
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    ky_mutex_lock(&storage->checkpoint_lock);
    ky_status status = checkpoint_locked(storage, &lsn, err);
    ky_mutex_unlock(&storage->checkpoint_lock);
    if (status == KY_OK) {
        *lsn_out = lsn;
    }
    return status;
}

ky_status
storage_checkpoint(struct storage *storage, lsn_t *lsn_out, struct ky_error *err)
{
    return checkpoint(storage, &storage->requested_checkpoints, lsn_out, err);
}

ky_status
storage_checkpoint_timed(struct storage *storage, lsn_t *lsn_out, struct ky_error *err)
{
    return checkpoint(storage, &storage->timed_checkpoints, lsn_out, err);
}

void
storage_checkpoint_counts(const struct storage *storage, struct checkpoint_counts *counts_out)
{
#define COUNT(name) atomic_load_explicit(&storage->name, memory_order_relaxed)
    *counts_out = (struct checkpoint_counts){
        .timed = COUNT(timed_checkpoints),
        .requested = COUNT(requested_checkpoints),
        .pages = COUNT(checkpoint_pages),
        .took_ns = COUNT(checkpoint_ns),
    };
#undef COUNT
}
