/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/assert.h"
#include "server/base/endian.h"
#include "server/base/log.h"
#include "storage/log/log_private.h"

/*
 * A new data directory: the first segment, FORMAT, MANIFEST-1, and last of all CURRENT. Until
 * CURRENT is there the directory is empty for every reader, and the next start begins again.
 */

struct file_list {
    struct log *log;
    uint64_t *numbers; /* owned; segment files that the table does not have */
    size_t count;
    bool has_temp;
};

static void
collect(void *arg, const char *name)
{
    struct file_list *list = arg;
    uint64_t number = 0;
    if (strcmp(name, "spare.tmp") == 0) {
        list->has_temp = true;
    } else if (segment_parse_name(name, list->log->options.segment_size, &number) &&
               log_segment(list->log, number) == NULL) {
        list->numbers = realloc(list->numbers, (list->count + 1) * sizeof(uint64_t));
        KY_ASSERT(list->numbers != NULL);
        list->numbers[list->count++] = number;
    }
}

static ky_status
list_strays(struct log *log, struct file_list *list_out, struct ky_error *err)
{
    *list_out = (struct file_list){.log = log};
    char *log_dir = io_path(log->options.dir, "log");
    ky_status status = io_list(log->options.io, log_dir, collect, list_out, err);
    free(log_dir);
    if (status != KY_OK) {
        free(list_out->numbers);
    }
    return status;
}

ky_status
log_remove_strays(struct log *log, struct ky_error *err)
{
    struct file_list list;
    KY_TRY(list_strays(log, &list, err));
    ky_status status = KY_OK;
    if (list.has_temp) {
        char *path = io_path(log->options.dir, "log/spare.tmp");
        status = io_unlink(log->options.io, path, err);
        free(path);
    }
    for (size_t i = 0; i < list.count && status == KY_OK; i++) {
        char *path = segment_path(log->options.dir, list.numbers[i], log->options.segment_size);
        status = io_unlink(log->options.io, path, err);
        ky_log(INFO, "log", "unlisted segment removed file=%s", path);
        free(path);
    }
    free(list.numbers);
    return status;
}

/* A directory without CURRENT must not hold frames: then CURRENT was lost. */
static ky_status
check_unused(struct log *log, uint64_t number, struct ky_error *err)
{
    char *path = segment_path(log->options.dir, number, log->options.segment_size);
    struct io_file *file = NULL;
    uint64_t size = 0;
    uint8_t magic[4] = {0};
    ky_status status = io_open(log->options.io, path, IO_READ, &file, err);
    if (status == KY_OK) {
        status = io_size(file, &size, err);
    }
    if (status == KY_OK && size >= SEGMENT_HEADER_SIZE + sizeof(magic)) {
        status = io_read_at(file, SEGMENT_HEADER_SIZE, magic, sizeof(magic), err);
    }
    if (status == KY_OK && ky_load_le32(magic) == FRAME_MAGIC) {
        status = ky_error_set(err, KY_DATA_CORRUPTED,
                              "data directory \"%s\" has log segments but no file CURRENT",
                              log->options.dir);
    }
    io_close(file);
    free(path);
    return status;
}

static ky_status
check_all_unused(struct log *log, struct ky_error *err)
{
    struct file_list list;
    KY_TRY(list_strays(log, &list, err));
    ky_status status = KY_OK;
    for (size_t i = 0; i < list.count && status == KY_OK; i++) {
        status = check_unused(log, list.numbers[i], err);
    }
    free(list.numbers);
    return status;
}

ky_status
log_make_segment(struct log *log, uint64_t number, uint32_t epoch, struct segment **segment_out,
                 struct ky_error *err)
{
    struct segment_identity identity = {
        .number = number, .size = log->options.segment_size, .epoch = epoch};
    memcpy(identity.system_id, log->options.system_id, 16);
    KY_TRY(segment_create(log->options.io, log->options.dir, &identity, segment_out, err));
    atomic_store_explicit(&(*segment_out)->is_indexed, true, memory_order_relaxed);
    return KY_OK;
}

/* The entry of the data directory itself. */
static ky_status
sync_parent(struct log *log, struct ky_error *err)
{
    char *parent = strdup(log->options.dir);
    KY_ASSERT(parent != NULL);
    size_t size = strlen(parent);
    while (size > 1 && parent[size - 1] == '/') {
        parent[--size] = '\0';
    }
    char *slash = strrchr(parent, '/');
    const char *path = ".";
    if (slash != NULL) {
        slash[slash == parent ? 1 : 0] = '\0';
        path = parent;
    }
    ky_status status = io_sync_dir(log->options.io, path, err);
    free(parent);
    return status;
}

ky_status
log_create(struct log *log, struct ky_error *err)
{
    struct io *io = log->options.io;
    const char *dir = log->options.dir;
    KY_TRY(io_make_dir(io, dir, err));
    char *log_dir = io_path(dir, "log");
    ky_status status = io_make_dir(io, log_dir, err);
    free(log_dir);
    KY_TRY(status);
    KY_TRY(check_all_unused(log, err));
    KY_TRY(log_remove_strays(log, err));
    KY_TRY(sync_parent(log, err));

    struct segment *segment = NULL;
    log->epoch = 1;
    KY_TRY(log_make_segment(log, 1, log->epoch, &segment, err));
    log_add_segment(log, segment);
    log->active = segment;
    log->active_offset = SEGMENT_HEADER_SIZE;
    log->tail = (struct log_tail){.lsn = segment_start(segment)};
    KY_TRY(manifest_write_format(io, dir, err));
    bool is_unknown = false;
    ky_mutex_lock(&log->manifest_lock);
    status = log_switch_manifest(log, &log->tail, &is_unknown, err);
    ky_mutex_unlock(&log->manifest_lock);
    return status;
}
