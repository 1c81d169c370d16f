/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/map.h"
#include "storage/checkpoint/writer.h"

/*
 * Parts: state derived from rows that its owner saves with the checkpoint, each in a file of its
 * own. A part of an earlier checkpoint stays valid as what it is, the state at its position, so
 * keeping one is naming its file again.
 */

/* ------------------------------------------------------------------ writing */

bool
checkpoint_part_find(const struct checkpoint_writer *writer, const char *name,
                     struct part_info *info_out)
{
    const struct checkpoint_part *part = checkpoint_list_part(writer->old, name);
    if (part != NULL) {
        *info_out =
            (struct part_info){part->name, part->identity, part->mark, part->lsn, part->size};
    }
    return part != NULL;
}

static struct checkpoint_part *
add_part(struct checkpoint_writer *writer)
{
    struct checkpoint_list *list = writer->list;
    struct checkpoint_part *part =
        CHECKPOINT_ADD(list->parts, list->part_count, writer->part_capacity);
    memset(part, 0, sizeof(*part));
    return part;
}

void
checkpoint_part_keep(struct checkpoint_writer *writer, const char *name)
{
    const struct checkpoint_part *old = checkpoint_list_part(writer->old, name);
    KY_ASSERT(old != NULL);
    *add_part(writer) = *old;
}

/* The sum goes over blocks as they are cut for the file, so out never holds more than one. */
static ky_status
write_block(struct checkpoint_writer *writer, bool is_all, struct ky_error *err)
{
    struct checkpoint_file *file = &writer->part;
    if (file->out.size == CHECKPOINT_SUM_BLOCK || (is_all && file->out.size > 0)) {
        writer->part_sum = ky_hash_bytes(file->out.data, file->out.size, writer->part_sum);
        return checkpoint_file_flush(writer, file, true, err);
    }
    return KY_OK;
}

static ky_status
sink_write(struct state_sink *sink, struct ky_slice bytes, struct ky_error *err)
{
    struct checkpoint_writer *writer = KY_CONTAINER_OF(sink, struct checkpoint_writer, part_sink);
    const uint8_t *data = bytes.data;
    while (bytes.size > 0) {
        size_t size = KY_MIN(bytes.size, CHECKPOINT_SUM_BLOCK - writer->part.out.size);
        ky_buffer_append(&writer->part.out, data, size);
        data += size;
        bytes.size -= size;
        KY_TRY(write_block(writer, false, err));
    }
    return KY_OK;
}

ky_status
checkpoint_part_begin(struct checkpoint_writer *writer, const struct part_info *info,
                      struct state_sink **sink_out, struct ky_error *err)
{
    KY_ASSERT(writer->part.file == NULL);
    KY_ASSERT(strlen(info->name) < CHECKPOINT_NAME_SIZE);
    uint64_t serial = writer->list->next_serial++;
    KY_TRY(checkpoint_file_open(writer, &writer->part, serial, "part", err));
    struct checkpoint_part *part = add_part(writer);
    memcpy(part->name, info->name, strlen(info->name));
    part->file = serial;
    part->lsn = writer->list->lsn;
    part->identity = info->identity;
    part->mark = info->mark;
    writer->part_sum = 0;
    writer->part_sink.write = sink_write;
    *sink_out = &writer->part_sink;
    return KY_OK;
}

ky_status
checkpoint_part_end(struct checkpoint_writer *writer, struct ky_error *err)
{
    struct checkpoint_part *part = &writer->list->parts[writer->list->part_count - 1];
    KY_TRY(write_block(writer, true, err));
    part->size = writer->part.offset;
    part->sum = writer->part_sum;
    return checkpoint_file_finish(writer, &writer->part, err);
}

static int
compare_parts(const void *left, const void *right)
{
    const struct checkpoint_part *a = left;
    const struct checkpoint_part *b = right;
    return strcmp(a->name, b->name);
}

ky_status
checkpoint_write_parts(struct checkpoint_writer *writer, struct ky_error *err)
{
    struct checkpoint_list *list = writer->list;
    const struct storage_derived *derived = &writer->storage->derived;
    if (derived->save != NULL) {
        KY_TRY(derived->save(derived->arg, writer, writer->pin, err));
        KY_ASSERT(writer->part.file == NULL);
    } else {
        for (uint64_t i = 0; writer->old != NULL && i < writer->old->part_count; i++) {
            *add_part(writer) = writer->old->parts[i];
        }
    }
    if (list->part_count > 0) {
        qsort(list->parts, list->part_count, sizeof(list->parts[0]), compare_parts);
    }
    return KY_OK;
}

void
storage_set_derived(struct storage *storage, const struct storage_derived *derived)
{
    ky_mutex_lock(&storage->checkpoint_lock);
    storage->derived = derived != NULL ? *derived : (struct storage_derived){0};
    ky_mutex_unlock(&storage->checkpoint_lock);
}

/* ------------------------------------------------------------------ reading */

struct part_map {
    struct state_map map;
    struct io *io;
    const uint8_t *bytes;
    uint64_t size;
};

static void
map_release(struct state_map *map)
{
    struct part_map *part = KY_CONTAINER_OF(map, struct part_map, map);
    if (part->size > 0) {
        io_unmap(part->io, part->bytes, part->size);
    }
    ky_free(part);
}

static ky_status
map_part(struct io *io, const char *path, const struct checkpoint_part *part,
         struct state_map **map_out, struct ky_error *err)
{
    struct io_file *file = NULL;
    uint64_t size = 0;
    const uint8_t *bytes = NULL;
    KY_TRY(io_open(io, path, IO_READ, &file, err));
    ky_status status = io_size(file, &size, err);
    if (status == KY_OK && size != part->size) {
        status = ky_error_set(err, KY_DATA_CORRUPTED,
                              "checkpoint file \"%s\" is damaged: it has another size", path);
    }
    if (status == KY_OK && size > 0) {
        status = io_map(file, size, &bytes, err);
    }
    io_close(file);
    KY_TRY(status);
    struct part_map *map = ky_calloc(1, sizeof(*map));
    *map = (struct part_map){.map = {.bytes = ky_slice(bytes, size), .release = map_release},
                             .io = io,
                             .bytes = bytes,
                             .size = size};
    *map_out = &map->map;
    return KY_OK;
}

/* A part that is gone is as bad as one that is damaged. */
static ky_status
missing_is_damage(struct ky_error *err, const char *path)
{
    if (err->sqlstate == KY_UNDEFINED_FILE) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "checkpoint file \"%s\" is missing", path);
    }
    return KY_ERR;
}

void
storage_want_parts(struct storage *storage)
{
    atomic_store_explicit(&storage->wants_parts, true, memory_order_relaxed);
}

bool
storage_part_find(struct storage *storage, const char *name, struct part_info *info_out)
{
    ky_mutex_lock(&storage->checkpoint_lock);
    const struct checkpoint_part *part = checkpoint_list_part(storage->checkpoint, name);
    if (part != NULL) {
        *info_out = (struct part_info){name, part->identity, part->mark, part->lsn, part->size};
    }
    ky_mutex_unlock(&storage->checkpoint_lock);
    return part != NULL;
}

ky_status
storage_part_open(struct storage *storage, const char *name, struct part_info *info_out,
                  struct state_map **map_out, struct ky_error *err)
{
    char file[CHECKPOINT_NAME_SIZE];
    ky_status status = KY_OK;
    *map_out = NULL;
    ky_mutex_lock(&storage->checkpoint_lock);
    const struct checkpoint_part *part = checkpoint_list_part(storage->checkpoint, name);
    if (part != NULL) {
        checkpoint_file_name(file, part->file, "part");
        char *path = io_path(storage->dir, file);
        status = map_part(storage->io, path, part, map_out, err);
        if (status != KY_OK) {
            status = missing_is_damage(err, path);
        }
        free(path);
        *info_out = (struct part_info){name, part->identity, part->mark, part->lsn, part->size};
    }
    ky_mutex_unlock(&storage->checkpoint_lock);
    return status;
}

/* ------------------------------------------------------------------ verifying */

static ky_status
verify_part(const struct checkpoint_source *source, const char *path,
            const struct checkpoint_part *part, struct ky_error *err)
{
    struct state_map *map = NULL;
    if (map_part(source->io, path, part, &map, err) != KY_OK) {
        return missing_is_damage(err, path);
    }
    const uint8_t *bytes = map->bytes.data;
    uint64_t sum = 0;
    for (uint64_t at = 0; at < part->size; at += CHECKPOINT_SUM_BLOCK) {
        sum =
            ky_hash_bytes(bytes + at, KY_MIN((uint64_t)CHECKPOINT_SUM_BLOCK, part->size - at), sum);
    }
    map->release(map);
    if (sum != part->sum) {
        (void)ky_error_set(err, KY_DATA_CORRUPTED,
                           "checkpoint file \"%s\" is damaged: its checksum does not match", path);
        return ky_error_detail(err, "It holds saved state \"%s\", which is rebuilt from rows.",
                               part->name);
    }
    return KY_OK;
}

void
checkpoint_verify_parts(const struct checkpoint_source *source, const struct checkpoint_list *list,
                        checkpoint_damage report, void *arg)
{
    for (uint64_t i = 0; i < list->part_count; i++) {
        char file[CHECKPOINT_NAME_SIZE];
        struct ky_error err;
        ky_error_init(&err);
        checkpoint_file_name(file, list->parts[i].file, "part");
        char *path = io_path(source->dir, file);
        if (verify_part(source, path, &list->parts[i], &err) != KY_OK) {
            report(arg, &err);
        }
        free(path);
    }
}
