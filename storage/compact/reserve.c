/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/base/log.h"
#include "server/base/metric.h"
#include "storage/compact/compact_private.h"

/*
 * Room for compaction on a full disk: `reserve`, a file of written zeros in the data directory that
 * says nothing. When a run meets a full disk the file is removed and the run begins again with what
 * that gave back. Until the file is there again the log does not grow (log_hold), so that the room
 * is compaction's and not taken by the next insert; writers are answered 53100 meanwhile.
 *
 * The file is made under another name first: one that is there is whole. A server that was killed
 * while it was gone holds the log at the next start, unless it can be made at once.
 */
KY_METRIC(metric_reserve, "kyrodb_disk_reserve_bytes", NULL, KY_GAUGE,
          "Bytes of the disk kept for compaction on a full disk; 0 while they are not there.")
KY_METRIC(metric_given, "kyrodb_disk_reserve_given", NULL, KY_GAUGE,
          "1 while the reserve was given back to a full disk and the log is held, otherwise 0.")

static const uint64_t RESERVE_SIZE_MIN = 16 * 1024 * 1024;

static void
show_state(const struct compactor *compactor)
{
    ky_metric_set(&metric_reserve, compactor->has_reserve ? (int64_t)compactor->reserve_size : 0);
    ky_metric_set(&metric_given, compactor->is_short ? 1 : 0);
}

static ky_status
fill(struct io *io, const char *path, uint64_t size, struct ky_error *err)
{
    struct io_file *file = NULL;
    KY_TRY(io_open(io, path, IO_WRITE | IO_CREATE | IO_TRUNCATE, &file, err));
    ky_status status = io_fill_zeros(file, size, err);
    if (status == KY_OK) {
        status = io_sync(file, err);
    }
    io_close(file);
    return status;
}

static ky_status
make(const struct storage *storage, uint64_t size, struct ky_error *err)
{
    char *temp_path = io_path(storage->dir, "reserve.tmp");
    char *path = io_path(storage->dir, "reserve");
    ky_status status = fill(storage->io, temp_path, size, err);
    if (status == KY_OK) {
        status = io_rename(storage->io, temp_path, path, err);
    }
    if (status == KY_OK) {
        status = io_sync_dir(storage->io, storage->dir, err);
    } else {
        struct ky_error ignored;
        ky_error_init(&ignored);
        ky_status removed = io_unlink(storage->io, temp_path, &ignored);
        (void)removed;
    }
    free(temp_path);
    free(path);
    return status;
}

static bool
is_there(const struct storage *storage, uint64_t size)
{
    struct ky_error ignored;
    struct io_file *file = NULL;
    uint64_t found = 0;
    ky_error_init(&ignored);
    char *path = io_path(storage->dir, "reserve");
    bool is_good = io_open(storage->io, path, IO_READ, &file, &ignored) == KY_OK &&
                   io_size(file, &found, &ignored) == KY_OK && found == size;
    io_close(file);
    free(path);
    return is_good;
}

void
reserve_make(struct compactor *compactor)
{
    struct storage *storage = compactor->storage;
    struct ky_error err;
    if (compactor->reserve_size == 0 || compactor->has_reserve) {
        return;
    }
    ky_error_init(&err);
    if (make(storage, compactor->reserve_size, &err) == KY_OK) {
        compactor->has_reserve = true;
        ky_log(INFO, "compact", "disk reserve made bytes=%" PRIu64, compactor->reserve_size);
    } else if (!compactor->is_short) {
        ky_log(WARN, "compact", "no disk reserve could be made error=\"%s\"", err.message);
    }
    compactor->is_short = !compactor->has_reserve;
    log_hold(storage->log, compactor->is_short);
    show_state(compactor);
}

void
reserve_open(struct compactor *compactor, bool is_new)
{
    struct storage *storage = compactor->storage;
    uint64_t size = storage->options.reserve_size;
    compactor->reserve_size = size == STORAGE_RESERVE_AUTO
                                  ? KY_MAX(RESERVE_SIZE_MIN, storage->options.segment_size)
                                  : size;
    if (compactor->reserve_size == 0) {
        struct ky_error ignored;
        ky_error_init(&ignored);
        char *path = io_path(storage->dir, "reserve");
        ky_status removed = io_unlink(storage->io, path, &ignored);
        (void)removed;
        free(path);
        return;
    }
    compactor->has_reserve = !is_new && is_there(storage, compactor->reserve_size);
    show_state(compactor);
    if (!is_new) {
        reserve_make(compactor);
    }
}

bool
reserve_give(struct compactor *compactor)
{
    struct storage *storage = compactor->storage;
    struct ky_error err;
    if (!compactor->has_reserve) {
        return false;
    }
    ky_error_init(&err);
    log_hold(storage->log, true);
    char *path = io_path(storage->dir, "reserve");
    ky_status status = io_unlink(storage->io, path, &err);
    free(path);
    compactor->has_reserve = status != KY_OK;
    compactor->is_short = status == KY_OK;
    if (status != KY_OK) {
        log_hold(storage->log, false);
        ky_log(ERROR, "compact", "disk reserve not given back error=\"%s\"", err.message);
        return false;
    }
    show_state(compactor);
    ky_log(WARN, "compact", "disk is full, its reserve is compaction's now bytes=%" PRIu64,
           compactor->reserve_size);
    return true;
}
