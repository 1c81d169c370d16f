/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/backup/copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/arena.h"

/*
 * Copying a data directory. All files are opened before the first byte is copied, under the locks
 * that keep them listed; from then on it does not matter what happens to their names. Everything
 * that is copied never changes, but for the last segment, of which only durable bytes are taken.
 */
enum { COPY_SIZE = 1024 * 1024 };

void
copy_list_deinit(struct copy_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        io_close(list->items[i].file);
    }
    ky_free(list->items);
    *list = (struct copy_list){0};
}

ky_status
copy_list_add(struct copy_list *list, const char *dir, const char *name, uint64_t copy_size,
              uint64_t total_size, struct ky_error *err)
{
    struct io_file *file = NULL;
    uint64_t size = 0;
    char *path = io_path(dir, name);
    ky_status status = io_open(list->io, path, IO_READ, &file, err);
    if (status == KY_OK) {
        status = io_size(file, &size, err);
    } else if (err->sqlstate == KY_UNDEFINED_FILE) {
        status = ky_error_set(err, KY_DATA_CORRUPTED, "file \"%s\" is missing", path);
    }
    if (status == KY_OK && copy_size != UINT64_MAX && copy_size > size) {
        status = ky_error_set(err, KY_DATA_CORRUPTED, "file \"%s\" ends early", path);
    }
    free(path);
    if (status != KY_OK) {
        io_close(file);
        return KY_ERR;
    }
    if (list->count == list->capacity) {
        list->capacity = KY_MAX(list->capacity * 2, (size_t)64);
        list->items = ky_realloc(list->items, list->capacity * sizeof(*list->items));
    }
    struct copy_item *item = &list->items[list->count++];
    *item = (struct copy_item){.file = file};
    (void)snprintf(item->name, sizeof(item->name), "%s", name);
    item->copy_size = copy_size == UINT64_MAX ? size : copy_size;
    item->total_size = KY_MAX(total_size, item->copy_size);
    return KY_OK;
}

ky_status
copy_list_add_checkpoint(struct copy_list *list, const char *dir, const char *name,
                         const struct checkpoint_list *checkpoint, struct ky_error *err)
{
    char file[CHECKPOINT_NAME_SIZE];
    uint64_t seen[CHECKPOINT_ROWS_FILES_MAX];
    uint32_t count = 0;
    KY_TRY(copy_list_add(list, dir, name, UINT64_MAX, 0, err));
    for (uint64_t i = 0; i < checkpoint->page_count; i++) {
        uint32_t at = 0;
        while (at < count && seen[at] != checkpoint->pages[i].file) {
            at++;
        }
        if (at == count) {
            seen[count++] = checkpoint->pages[i].file;
            checkpoint_file_name(file, checkpoint->pages[i].file, "rows");
            KY_TRY(copy_list_add(list, dir, file, UINT64_MAX, 0, err));
        }
    }
    for (uint64_t i = 0; i < checkpoint->part_count; i++) {
        checkpoint_file_name(file, checkpoint->parts[i].file, "part");
        KY_TRY(copy_list_add(list, dir, file, UINT64_MAX, 0, err));
    }
    return KY_OK;
}

ky_status
copy_list_add_segments(struct copy_list *list, const char *dir, const struct manifest *manifest,
                       uint64_t first, uint64_t end, struct ky_error *err)
{
    for (uint32_t i = 0; i < manifest->segment_count; i++) {
        uint64_t number = manifest->segments[i].number;
        char name[64];
        if (number < first || number >= end) {
            continue;
        }
        (void)snprintf(name, sizeof(name), "log/%016" PRIx64 ".seg",
                       number * manifest->segment_size);
        KY_TRY(copy_list_add(list, dir, name, manifest->segment_size, 0, err));
    }
    return KY_OK;
}

ky_status
copy_list_add_files(struct copy_list *list, const char *dir, const struct manifest *manifest,
                    struct ky_error *err)
{
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        if (manifest->files[i].kind != LOG_FILE_CHECKPOINT) {
            KY_TRY(
                copy_list_add(list, dir, manifest->files[i].name, manifest->files[i].size, 0, err));
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ copying */

static void
note_entry(void *arg, const char *name)
{
    if (strcmp(name, "LOCK") != 0) {
        *(bool *)arg = true;
    }
}

static ky_status
check_empty(struct io *io, const char *target, struct ky_error *err)
{
    bool has_entry = false;
    KY_TRY(io_list(io, target, note_entry, &has_entry, err));
    if (has_entry) {
        return ky_error_set(err, KY_DUPLICATE_FILE, "directory \"%s\" exists but is not empty",
                            target);
    }
    return KY_OK;
}

static ky_status
copy_bytes(struct copy_list *list, const struct copy_item *item, struct io_file *out,
           uint8_t *buffer, struct ky_error *err)
{
    for (uint64_t at = 0; at < item->total_size;) {
        size_t size = (size_t)KY_MIN((uint64_t)COPY_SIZE, item->total_size - at);
        size_t from_file =
            at < item->copy_size ? (size_t)KY_MIN((uint64_t)size, item->copy_size - at) : 0;
        if (from_file > 0) {
            KY_TRY(io_read_at(item->file, at, buffer, from_file, err));
        }
        memset(buffer + from_file, 0, size - from_file);
        KY_TRY(io_write_bytes_at(out, at, buffer, size, err));
        list->copied_bytes += size;
        at += size;
    }
    return io_sync(out, err);
}

static ky_status
copy_item(struct copy_list *list, const struct copy_item *item, const char *target, uint8_t *buffer,
          struct ky_error *err)
{
    struct io_file *out = NULL;
    char *path = io_path(target, item->name);
    ky_status status = io_open(list->io, path, IO_WRITE | IO_CREATE | IO_EXCLUSIVE, &out, err);
    if (status == KY_OK) {
        status = copy_bytes(list, item, out, buffer, err);
    }
    io_close(out);
    free(path);
    return status;
}

static const char *const folders[] = {"log", CHECKPOINT_DIR, "base"};

static ky_status
make_folders(struct io *io, const char *target, struct ky_error *err)
{
    ky_status status = KY_OK;
    for (size_t i = 0; i < KY_COUNT_OF(folders) && status == KY_OK; i++) {
        char *path = io_path(target, folders[i]);
        status = io_make_dir(io, path, err);
        free(path);
    }
    return status;
}

static ky_status
sync_folders(struct io *io, const char *target, struct ky_error *err)
{
    ky_status status = KY_OK;
    for (size_t i = 0; i < KY_COUNT_OF(folders) && status == KY_OK; i++) {
        char *path = io_path(target, folders[i]);
        status = io_sync_dir(io, path, err);
        free(path);
    }
    return status == KY_OK ? io_sync_dir(io, target, err) : status;
}

static ky_status
copy_all(struct copy_list *list, const char *target, const struct manifest *manifest,
         struct ky_error *err)
{
    struct io *io = list->io;
    uint32_t crc = 0;
    bool is_unknown = false;
    KY_TRY(check_empty(io, target, err));
    KY_TRY(make_folders(io, target, err));
    uint8_t *buffer = ky_malloc(COPY_SIZE);
    ky_status status = KY_OK;
    for (size_t i = 0; i < list->count && status == KY_OK; i++) {
        status = copy_item(list, &list->items[i], target, buffer, err);
    }
    ky_free(buffer);
    KY_TRY(status);
    KY_TRY(sync_folders(io, target, err));
    KY_TRY(manifest_write_format(io, target, err));
    return manifest_install(io, target, manifest, &crc, &is_unknown, err);
}

ky_status
copy_list_run(struct copy_list *list, const char *target, const struct manifest *manifest,
              struct ky_error *err)
{
    struct io_file *lock = NULL;
    KY_TRY(io_lock_dir(list->io, target, &lock, err));
    ky_status status = copy_all(list, target, manifest, err);
    io_close(lock);
    return status;
}
