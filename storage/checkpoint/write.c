/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/crc32c.h"
#include "server/base/epoch.h"
#include "server/base/log.h"
#include "server/base/map.h"
#include "storage/checkpoint/format.h"
#include "storage/storage_private.h"

/*
 * Writing a checkpoint while commits go on. A snapshot at C pins every version that C sees, so the
 * chunks can be copied one by one at leisure. Position C must be durable before the checkpoint is
 * installed; the log's manifest switches to it atomically, and only then the old one is removed.
 * A crash before the switch leaves a directory nobody refers to, which the next start removes.
 *
 * A failed write here loses nothing: the old checkpoint stays in force.
 */
enum {
    WRITE_SIZE = 4 * 1024 * 1024,
    DURABLE_WAIT_MS = 10000,
};

struct writer {
    struct storage *storage;
    struct txn *pin;
    lsn_t lsn;
    struct io_file *file;
    uint64_t offset; /* of the file, where out goes */
    struct ky_buffer out;
    struct ky_buffer payload;
    uint64_t section_count;
};

static ky_status
write_out(struct writer *writer, struct ky_error *err)
{
    KY_TRY(
        io_write_bytes_at(writer->file, writer->offset, writer->out.data, writer->out.size, err));
    writer->offset += writer->out.size;
    ky_buffer_clear(&writer->out);
    return KY_OK;
}

static void
append_le64(struct ky_buffer *buffer, uint64_t value)
{
    ky_store_le64(ky_buffer_extend(buffer, 8), value);
}

/* Takes what is in payload as one section. */
static ky_status
end_section(struct writer *writer, enum section_type type, rel_id_t rel, struct ky_error *err)
{
    uint8_t header[SECTION_HEADER_SIZE] = {0};
    ky_store_le32(header, (uint32_t)type);
    ky_store_le32(header + 4, rel);
    ky_store_le64(header + 8, writer->payload.size);
    ky_store_le64(header + 16,
                  ky_hash_bytes(writer->payload.data, writer->payload.size, writer->lsn));
    ky_store_le32(header + 28, ky_crc32c(0, header, 28));
    ky_buffer_append(&writer->out, header, sizeof(header));
    ky_buffer_append(&writer->out, writer->payload.data, writer->payload.size);
    ky_buffer_clear(&writer->payload);
    writer->section_count++;
    return writer->out.size >= WRITE_SIZE ? write_out(writer, err) : KY_OK;
}

static ky_status
write_header(struct writer *writer, struct ky_error *err)
{
    struct storage *storage = writer->storage;
    uint8_t header[CHECKPOINT_HEADER_SIZE] = {0};
    ky_store_le64(header, CHECKPOINT_MAGIC);
    ky_store_le32(header + 8, CHECKPOINT_VERSION);
    ky_store_le32(header + 12, CHECKPOINT_HEADER_SIZE);
    ky_store_le64(header + 16, writer->lsn);
    ky_store_le64(header + 24, log_next_event(storage->log));
    ky_store_le64(header + 32, atomic_load_explicit(&storage->next_txid, memory_order_relaxed) - 1);
    ky_store_le64(header + 40, (uint64_t)ky_wall_us());
    ky_store_le32(header + 60, ky_crc32c(0, header, 60));
    ky_buffer_append(&writer->out, header, sizeof(header));
    return write_out(writer, err);
}

/* What a chunk shows at the snapshot, copied inside one epoch. */
struct chunk_image {
    uint32_t count;
    uint16_t indexes[CHUNK_SLOTS];
    struct {
        lsn_t commit_lsn;
        lsn_t location;
    } versions[CHUNK_SLOTS];
};

static void
copy_chunk(const struct writer *writer, rel_id_t rel, row_id_t base, struct chunk_image *image)
{
    image->count = 0;
    ky_epoch_enter();
    const struct relation *relation = directory_find(&writer->storage->directory, rel);
    const struct chunk *chunk = relation == NULL ? NULL : relation_chunk(relation, base);
    for (uint32_t i = 0; chunk != NULL && i < CHUNK_SLOTS; i++) {
        struct version version;
        if (slot_version_at(&chunk->slots[i], writer->lsn, &version)) {
            image->indexes[image->count] = (uint16_t)i;
            image->versions[image->count].commit_lsn = version.commit_lsn;
            image->versions[image->count].location = version.location;
            image->count++;
        }
    }
    ky_epoch_leave();
}

static ky_status
write_chunk(struct writer *writer, rel_id_t rel, row_id_t base, const struct chunk_image *image,
            struct ky_error *err)
{
    if (image->count == 0) {
        return KY_OK;
    }
    append_le64(&writer->payload, base);
    append_le64(&writer->payload, image->count);
    size_t index_size = ky_align_up(image->count * sizeof(uint16_t), 8);
    uint8_t *place = ky_buffer_extend(&writer->payload, index_size);
    memset(place, 0, index_size);
    memcpy(place, image->indexes, image->count * sizeof(uint16_t));
    ky_buffer_append(&writer->payload, image->versions, image->count * sizeof(image->versions[0]));
    return end_section(writer, SECTION_CHUNK, rel, err);
}

static ky_status
write_relation(struct writer *writer, rel_id_t rel, struct chunk_image *image, struct ky_error *err)
{
    ky_epoch_enter();
    struct relation *relation = directory_find(&writer->storage->directory, rel);
    bool exists = relation != NULL &&
                  atomic_load_explicit(&relation->drop_lsn, memory_order_acquire) >= writer->lsn;
    row_id_t end = 0;
    uint64_t bytes = 0;
    uint64_t count = 0;
    if (exists) {
        end = atomic_load_explicit(&relation->next_row_id, memory_order_acquire);
        bytes = atomic_load_explicit(&relation->appended_bytes, memory_order_relaxed);
        count = atomic_load_explicit(&relation->appended_count, memory_order_relaxed);
    }
    ky_epoch_leave();
    if (!exists) {
        return KY_OK;
    }
    uint64_t live = 0;
    for (row_id_t base = 0; base < end; base += CHUNK_SLOTS) {
        copy_chunk(writer, rel, base, image);
        live += image->count;
        KY_TRY(write_chunk(writer, rel, base, image, err));
    }
    append_le64(&writer->payload, end);
    append_le64(&writer->payload, live);
    append_le64(&writer->payload, bytes);
    append_le64(&writer->payload, count);
    return end_section(writer, SECTION_RELATION, rel, err);
}

static ky_status
write_relations(struct writer *writer, struct chunk_image *image, struct ky_error *err)
{
    const struct directory *directory = &writer->storage->directory;
    rel_id_t rel = 0;
    for (uint64_t next = 0; next <= UINT32_MAX && directory_next(directory, (rel_id_t)next, &rel);
         next = (uint64_t)rel + 1) {
        KY_TRY(write_relation(writer, rel, image, err));
        _Atomic uint64_t *counter = directory_find_counter(directory, rel);
        if (counter != NULL) {
            append_le64(&writer->payload, atomic_load_explicit(counter, memory_order_acquire));
            KY_TRY(end_section(writer, SECTION_COUNTER, rel, err));
        }
    }
    append_le64(&writer->payload, writer->section_count);
    return end_section(writer, SECTION_END, 0, err);
}

static ky_status
write_file(struct writer *writer, const char *path, struct ky_error *err)
{
    KY_TRY(
        io_open(writer->storage->io, path, IO_WRITE | IO_CREATE | IO_TRUNCATE, &writer->file, err));
    struct chunk_image *image = ky_malloc(sizeof(*image));
    ky_status status = write_header(writer, err);
    if (status == KY_OK) {
        status = write_relations(writer, image, err);
    }
    if (status == KY_OK) {
        status = write_out(writer, err);
    }
    if (status == KY_OK) {
        status = io_sync(writer->file, err);
    }
    io_close(writer->file);
    ky_free(image);
    return status;
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
write_checkpoint(struct writer *writer, const char *name, struct ky_error *err)
{
    struct storage *storage = writer->storage;
    char *dir = io_path(storage->dir, name);
    char *path = io_path(dir, CHECKPOINT_FILE);
    ky_status status = io_make_dir(storage->io, dir, err);
    if (status == KY_OK) {
        status = write_file(writer, path, err);
    }
    if (status == KY_OK) {
        status = io_sync_dir(storage->io, dir, err);
    }
    if (status == KY_OK) {
        status = io_sync_dir(storage->io, storage->dir, err);
    }
    if (status == KY_OK) {
        status = wait_durable(storage, writer->lsn, err);
    }
    if (status == KY_OK) {
        struct log_change change = {.checkpoint_name = name, .checkpoint_lsn = writer->lsn};
        status = log_install(storage->log, &change, err);
    }
    free(path);
    free(dir);
    return status;
}

static ky_status
checkpoint_locked(struct storage *storage, lsn_t *lsn_out, struct ky_error *err)
    KY_REQUIRES(storage->checkpoint_lock)
{
    int64_t start_ns = ky_monotonic_ns();
    struct writer writer = {.storage = storage};
    writer.pin = txn_begin(storage, ISOLATION_REPEATABLE_READ);
    writer.lsn = txn_snapshot(writer.pin);
    char name[sizeof(storage->checkpoint_name)];
    (void)snprintf(name, sizeof(name), CHECKPOINT_PREFIX "%016" PRIx64, writer.lsn);
    ky_status status = KY_OK;
    if (strcmp(name, storage->checkpoint_name) != 0) {
        status = write_checkpoint(&writer, name, err);
        if (status == KY_OK) {
            memcpy(storage->checkpoint_name, name, sizeof(name));
            ky_log(INFO, "checkpoint",
                   "checkpoint finished lsn=%" PRIu64 " bytes=%" PRIu64 " took_ms=%" PRId64,
                   writer.lsn, writer.offset, (ky_monotonic_ns() - start_ns) / 1000000);
        }
        checkpoint_remove_others(storage->io, storage->dir, storage->checkpoint_name);
    }
    txn_rollback(writer.pin);
    ky_buffer_deinit(&writer.out);
    ky_buffer_deinit(&writer.payload);
    *lsn_out = writer.lsn;
    return status;
}

ky_status
storage_checkpoint(struct storage *storage, lsn_t *lsn_out, struct ky_error *err)
{
    lsn_t lsn = 0;
    ky_mutex_lock(&storage->checkpoint_lock);
    ky_status status = checkpoint_locked(storage, &lsn, err);
    ky_mutex_unlock(&storage->checkpoint_lock);
    if (status == KY_OK) {
        *lsn_out = lsn;
    }
    return status;
}

/* ------------------------------------------------------------------ removing */

struct stray_list {
    const char *keep;
    char **names; /* owned */
    size_t count;
};

static void
note_stray(void *arg, const char *name)
{
    struct stray_list *list = arg;
    if (strncmp(name, CHECKPOINT_PREFIX, strlen(CHECKPOINT_PREFIX)) == 0 &&
        strcmp(name, list->keep) != 0) {
        list->names = ky_realloc(list->names, (list->count + 1) * sizeof(char *));
        list->names[list->count++] = ky_strdup(name);
    }
}

static void
note_name(void *arg, const char *name)
{
    struct stray_list *list = arg;
    list->names = ky_realloc(list->names, (list->count + 1) * sizeof(char *));
    list->names[list->count++] = ky_strdup(name);
}

static void
list_free(struct stray_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        ky_free(list->names[i]);
    }
    ky_free(list->names);
}

static ky_status
remove_checkpoint(struct io *io, const char *dir, struct ky_error *err)
{
    struct stray_list files = {0};
    ky_status status = io_list(io, dir, note_name, &files, err);
    for (size_t i = 0; status == KY_OK && i < files.count; i++) {
        char *path = io_path(dir, files.names[i]);
        status = io_unlink(io, path, err);
        free(path);
    }
    list_free(&files);
    return status == KY_OK ? io_remove_dir(io, dir, err) : status;
}

/* What cannot be removed now is tried again at the next start. */
void
checkpoint_remove_others(struct io *io, const char *dir, const char *keep)
{
    struct ky_error err;
    ky_error_init(&err);
    struct stray_list list = {.keep = keep};
    ky_status status = io_list(io, dir, note_stray, &list, &err);
    for (size_t i = 0; i < list.count; i++) {
        char *path = io_path(dir, list.names[i]);
        if (remove_checkpoint(io, path, &err) != KY_OK) {
            status = KY_ERR;
        }
        free(path);
    }
    if (status != KY_OK) {
        ky_log(WARN, "checkpoint", "old checkpoint not removed error=\"%s\"", err.message);
    }
    list_free(&list);
}
