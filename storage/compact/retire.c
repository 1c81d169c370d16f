/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "server/base/log.h"
#include "storage/compact/compact_private.h"

/*
 * From "no manifest lists it" to "its memory is gone". The file is unlinked at once; its bytes stay
 * mapped for the snapshots that may hold a body in it: those registered when every version that
 * can be seen from now on had already moved. A snapshot that is older than everything in the file,
 * and looks at nothing newer than itself, cannot hold one, and is not waited for: an old report
 * does not keep the disk full of what was written after it began.
 */
static void
push(struct compactor *compactor, struct retired *retired, lsn_t min_commit_lsn, uint64_t size)
{
    retired->blocker_count =
        storage_blockers(compactor->storage, min_commit_lsn, &retired->blockers);
    retired->next = compactor->retired;
    compactor->retired = retired;
    atomic_fetch_add_explicit(&compactor->retired_bytes, size, memory_order_relaxed);
}

void
retire_segment(struct compactor *compactor, const struct log_segment_info *segment)
{
    struct retired *retired = ky_calloc(1, sizeof(*retired));
    retired->segment = *segment;
    struct ky_error err;
    ky_error_init(&err);
    if (log_unlink_segment(compactor->storage->log, segment, &err) != KY_OK) {
        ky_log(WARN, "compact", "dropped segment not removed error=\"%s\"", err.message);
    }
    /* A record's commit stands at or after the record. */
    push(compactor, retired, segment->start, segment->size);
}

void
retire_file(struct compactor *compactor, struct base_file *file)
{
    struct retired *retired = ky_calloc(1, sizeof(*retired));
    retired->file = file;
    atomic_store_explicit(&file->is_dropped, true, memory_order_release);
    struct ky_error err;
    ky_error_init(&err);
    if (io_unlink(file->io, file->file->path, &err) != KY_OK) {
        ky_log(WARN, "compact", "old base file not removed error=\"%s\"", err.message);
    }
    push(compactor, retired, file->min_commit_lsn, file->size);
}

static bool
is_free(struct retired *retired)
{
    while (retired->blocker_count > 0 &&
           blocker_is_gone(&retired->blockers[retired->blocker_count - 1])) {
        retired->blocker_count--;
    }
    return retired->blocker_count == 0;
}

static void
release(struct compactor *compactor, struct retired *retired)
{
    struct storage *storage = compactor->storage;
    uint64_t size = retired->file != NULL ? retired->file->size : retired->segment.size;
    if (retired->file != NULL) {
        base_set_remove(&storage->base, retired->file);
        ky_epoch_wait();
        base_file_free(retired->file);
    } else {
        log_release_segment(storage->log, &retired->segment);
    }
    atomic_fetch_sub_explicit(&compactor->retired_bytes, size, memory_order_relaxed);
    free(retired->blockers);
    ky_free(retired);
}

void
retire_poll(struct compactor *compactor)
{
    struct retired **place = &compactor->retired;
    while (*place != NULL) {
        struct retired *retired = *place;
        if (is_free(retired)) {
            *place = retired->next;
            release(compactor, retired);
        } else {
            place = &retired->next;
        }
    }
}

void
retire_all(struct compactor *compactor)
{
    /* Their memory is still in the base set and in the segment table, which free it. */
    while (compactor->retired != NULL) {
        struct retired *retired = compactor->retired;
        compactor->retired = retired->next;
        free(retired->blockers);
        ky_free(retired);
    }
}
