/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/log.h"
#include "storage/backup/copy.h"
#include "storage/storage_private.h"

/*
 * Restoring: a new data directory out of a backup, with the log going on as a later state of the
 * same server has it, ended where it was asked to. The backup's checkpoint and base files say what
 * was before its log; the later directory's manifest says where its segments end, which cannot be
 * seen from the segments alone.
 */
struct restore {
    const struct restore_options *options;
    struct io *io;
    struct copy_list list;
    struct manifest manifest; /* of the target */
    struct manifest later;    /* of options->log */
};

static ky_status
read_manifest(struct io *io, const char *dir, struct manifest *manifest_out, struct ky_error *err)
{
    bool exists = false;
    uint32_t crc = 0;
    KY_TRY(manifest_read(io, dir, &exists, manifest_out, &crc, err));
    if (!exists) {
        return ky_error_set(err, KY_UNDEFINED_FILE, "\"%s\" is not a data directory", dir);
    }
    return KY_OK;
}

/* The later log must be of the same server, and begin where the backup's ends or before. */
static ky_status
check_later(const struct restore *restore, uint64_t last, struct ky_error *err)
{
    const struct manifest *backup = &restore->manifest;
    const struct manifest *later = &restore->later;
    if (memcmp(backup->system_id, later->system_id, sizeof(backup->system_id)) != 0 ||
        backup->segment_size != later->segment_size) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "\"%s\" and \"%s\" are not of the same server",
                            restore->options->backup, restore->options->log);
    }
    if (later->durable_lsn < backup->durable_lsn) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "the log in \"%s\" ends before the backup does", restore->options->log);
    }
    for (uint32_t i = 0; i < later->segment_count; i++) {
        if (later->segments[i].number == last) {
            return KY_OK;
        }
    }
    return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                        "the log in \"%s\" begins after the backup ends", restore->options->log);
}

/* Segments before the backup's last one from the backup, the rest from the later log. */
static ky_status
join_logs(struct restore *restore, struct ky_error *err)
{
    struct manifest *manifest = &restore->manifest;
    const struct manifest *later = &restore->later;
    uint64_t last =
        manifest->segment_count == 0 ? 1 : manifest->segments[manifest->segment_count - 1].number;
    KY_TRY(check_later(restore, last, err));
    uint32_t kept = manifest->segment_count == 0 ? 0 : manifest->segment_count - 1;
    KY_TRY(
        copy_list_add_segments(&restore->list, restore->options->backup, manifest, 0, last, err));
    KY_TRY(copy_list_add_segments(&restore->list, restore->options->log, later, last, UINT64_MAX,
                                  err));
    manifest->segments = ky_realloc(manifest->segments, ((size_t)kept + later->segment_count + 1) *
                                                            sizeof(*manifest->segments));
    manifest->segment_count = kept;
    for (uint32_t i = 0; i < later->segment_count; i++) {
        if (later->segments[i].number >= last) {
            manifest->segments[manifest->segment_count++] = later->segments[i];
        }
    }
    manifest->epoch = later->epoch;
    manifest->durable_lsn = later->durable_lsn;
    manifest->next_event = later->next_event;
    manifest->last_sum = later->last_sum;
    manifest->highest_txid = KY_MAX(manifest->highest_txid, later->highest_txid);
    manifest->generation = KY_MAX(manifest->generation, later->generation) + 1;
    return KY_OK;
}

static ky_status
add_checkpoint(struct restore *restore, struct ky_error *err)
{
    const struct manifest *manifest = &restore->manifest;
    struct checkpoint_source source = {
        .io = restore->io,
        .dir = restore->options->backup,
        .name = manifest->checkpoint_name,
        .lsn = manifest->checkpoint_lsn,
    };
    struct checkpoint_list *checkpoint = NULL;
    if (source.name[0] == '\0') {
        return KY_OK;
    }
    KY_TRY(checkpoint_read_list(&source, &checkpoint, err));
    ky_status status =
        copy_list_add_checkpoint(&restore->list, source.dir, source.name, checkpoint, err);
    checkpoint_list_free(checkpoint);
    return status;
}

static ky_status
restore_files(struct restore *restore, struct ky_error *err)
{
    const struct restore_options *options = restore->options;
    KY_TRY(read_manifest(restore->io, options->backup, &restore->manifest, err));
    if (options->cut.lsn != 0 && options->cut.lsn < restore->manifest.checkpoint_lsn) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "the backup in \"%s\" was made after position %" PRIu64,
                            options->backup, options->cut.lsn);
    }
    if (options->log != NULL) {
        KY_TRY(read_manifest(restore->io, options->log, &restore->later, err));
        KY_TRY(join_logs(restore, err));
    } else {
        KY_TRY(copy_list_add_segments(&restore->list, options->backup, &restore->manifest, 0,
                                      UINT64_MAX, err));
    }
    KY_TRY(copy_list_add_files(&restore->list, options->backup, &restore->manifest, err));
    KY_TRY(add_checkpoint(restore, err));
    return copy_list_run(&restore->list, options->target, &restore->manifest, err);
}

ky_status
storage_restore(const struct restore_options *options, lsn_t *lsn_out, struct ky_error *err)
{
    struct restore restore = {.options = options};
    restore.io = options->io != NULL ? options->io : io_disk();
    restore.list.io = restore.io;
    ky_status status = restore_files(&restore, err);
    lsn_t lsn = restore.manifest.durable_lsn;
    copy_list_deinit(&restore.list);
    manifest_deinit(&restore.manifest);
    manifest_deinit(&restore.later);
    if (status == KY_OK && (options->cut.lsn != 0 || options->cut.time_us != 0)) {
        status = storage_truncate(restore.io, options->target, &options->cut, &lsn, err);
    }
    if (status == KY_OK) {
        *lsn_out = lsn;
    }
    return status;
}
