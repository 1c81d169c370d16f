/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "storage/backup/copy.h"
#include "storage/storage_private.h"

/*
 * A backup of a running server: a data directory with everything that was durable at one position.
 * It begins with a checkpoint, so that what is restored starts fast. Then, under checkpoint_lock
 * and the log's manifest lock, which nobody holds for long, the files are opened; they are copied
 * without any lock while commits, checkpoints and compaction go on. The copy's manifest says where
 * its log ends; bytes behind that are zeros.
 *
 * A crash in the middle leaves a target without CURRENT, which is no data directory.
 */

/* The manifest that the copy gets, and the log's part of the list. */
static ky_status
list_files(struct storage *storage, struct copy_list *list, struct manifest *manifest_out,
           struct ky_error *err) KY_REQUIRES(storage->checkpoint_lock)
{
    struct manifest manifest;
    log_manifest_hold(storage->log, &manifest);
    ky_status status = KY_OK;
    uint64_t size = manifest.segment_size;
    uint64_t last = manifest.durable_lsn / size;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < manifest.segment_count; i++) {
        if (manifest.segments[i].number <= last) {
            manifest.segments[kept++] = manifest.segments[i];
        }
    }
    manifest.segment_count = kept;
    status = copy_list_add_segments(list, storage->dir, &manifest, 0, last, err);
    if (status == KY_OK && kept > 0 && manifest.segments[kept - 1].number == last) {
        status = copy_list_add_segments(list, storage->dir, &manifest, last, last + 1, err);
        if (status == KY_OK) {
            struct copy_item *item = &list->items[list->count - 1];
            /* At least its header. */
            item->copy_size = KY_MAX(manifest.durable_lsn - last * size, (uint64_t)4096);
            item->total_size = size;
        }
    }
    if (status == KY_OK) {
        status = copy_list_add_files(list, storage->dir, &manifest, err);
    }
    if (status == KY_OK && storage->checkpoint != NULL) {
        status = copy_list_add_checkpoint(list, storage->dir, manifest.checkpoint_name,
                                          storage->checkpoint, err);
    }
    log_manifest_release(storage->log);
    if (status != KY_OK) {
        manifest_deinit(&manifest);
        return KY_ERR;
    }
    *manifest_out = manifest;
    return KY_OK;
}

ky_status
storage_backup(struct storage *storage, const char *target, struct backup_result *result_out,
               struct ky_error *err)
{
    int64_t start_ns = ky_monotonic_ns();
    struct copy_list list = {.io = storage->io};
    struct manifest manifest = {0};
    lsn_t lsn = 0;
    KY_TRY(storage_checkpoint(storage, &lsn, err));
    ky_mutex_lock(&storage->checkpoint_lock);
    ky_status status = list_files(storage, &list, &manifest, err);
    ky_mutex_unlock(&storage->checkpoint_lock);
    if (status == KY_OK) {
        status = copy_list_run(&list, target, &manifest, err);
    }
    if (status == KY_OK) {
        *result_out = (struct backup_result){
            .lsn = manifest.durable_lsn,
            .next_event = manifest.next_event,
            .bytes = list.copied_bytes,
            .files = list.count,
        };
        ky_log(INFO, "backup",
               "backup finished lsn=%" PRIu64 " files=%zu bytes=%" PRIu64 " took_ms=%" PRId64,
               manifest.durable_lsn, list.count, list.copied_bytes,
               (ky_monotonic_ns() - start_ns) / 1000000);
    }
    copy_list_deinit(&list);
    manifest_deinit(&manifest);
    return status;
}
