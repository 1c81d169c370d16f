/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "server/base/map.h"
#include "storage/checkpoint/format.h"
#include "storage/storage_private.h"

/*
 * Reading a checkpoint. Nothing in it is believed before its checksum was right, and no number
 * before it was compared with what it may be; then it is put into the directory, if there is one
 * to fill. One section is in memory at a time.
 */
struct loader {
    struct storage *storage; /* NULL: only check */
    const struct checkpoint_source *source;
    const char *path;
    struct io_file *file;
    uint64_t size;
    uint64_t offset;
    uint64_t section_count;
    bool has_end;
    uint8_t *payload; /* owned; SECTION_PAYLOAD_MAX bytes */
    int percent;
};

struct section {
    uint32_t type;
    rel_id_t rel;
    uint64_t payload_size;
    uint64_t sum;
};

static ky_status
damaged(const struct loader *loader, struct ky_error *err, const char *what)
{
    (void)ky_error_set(err, KY_DATA_CORRUPTED, "checkpoint file \"%s\" is damaged: %s",
                       loader->path, what);
    return ky_error_detail(err, "The damage is at offset %" PRIu64 ".", loader->offset);
}

static ky_status
read_header(struct loader *loader, struct ky_error *err)
{
    uint8_t header[CHECKPOINT_HEADER_SIZE];
    if (loader->size < sizeof(header)) {
        return damaged(loader, err, "it is too short");
    }
    KY_TRY(io_read_at(loader->file, 0, header, sizeof(header), err));
    if (ky_load_le64(header) != CHECKPOINT_MAGIC) {
        return damaged(loader, err, "it does not begin like a checkpoint");
    }
    if (ky_load_le32(header + 60) != ky_crc32c(0, header, 60)) {
        return damaged(loader, err, "the checksum of its header does not match");
    }
    if (ky_load_le32(header + 8) != CHECKPOINT_VERSION) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "checkpoint file \"%s\" has version %" PRIu32
                            ", this server reads version %d",
                            loader->path, ky_load_le32(header + 8), CHECKPOINT_VERSION);
    }
    if (ky_load_le64(header + 16) != loader->source->lsn) {
        return damaged(loader, err, "it was made for another log position");
    }
    if (loader->storage != NULL) {
        atomic_store_explicit(&loader->storage->next_txid, ky_load_le64(header + 32) + 1,
                              memory_order_relaxed);
    }
    loader->offset = sizeof(header);
    return KY_OK;
}

static ky_status
read_section(struct loader *loader, struct section *section, struct ky_error *err)
{
    uint8_t header[SECTION_HEADER_SIZE];
    if (loader->size - loader->offset < sizeof(header)) {
        return damaged(loader, err, "it ends early");
    }
    KY_TRY(io_read_at(loader->file, loader->offset, header, sizeof(header), err));
    if (ky_load_le32(header + 28) != ky_crc32c(0, header, 28)) {
        return damaged(loader, err, "the checksum of a section header does not match");
    }
    section->type = ky_load_le32(header);
    section->rel = ky_load_le32(header + 4);
    section->payload_size = ky_load_le64(header + 8);
    section->sum = ky_load_le64(header + 16);
    if (section->payload_size > SECTION_PAYLOAD_MAX || section->payload_size % 8 != 0 ||
        section->payload_size > loader->size - loader->offset - sizeof(header)) {
        return damaged(loader, err, "a section has an impossible size");
    }
    KY_TRY(io_read_at(loader->file, loader->offset + sizeof(header), loader->payload,
                      section->payload_size, err));
    if (ky_hash_bytes(loader->payload, section->payload_size, loader->source->lsn) !=
        section->sum) {
        return damaged(loader, err, "the checksum of a section does not match");
    }
    return KY_OK;
}

static ky_status
load_chunk(struct loader *loader, const struct section *section, struct ky_error *err)
{
    const uint8_t *payload = loader->payload;
    uint64_t base = section->payload_size < 16 ? UINT64_MAX : ky_load_le64(payload);
    uint64_t count = section->payload_size < 16 ? 0 : ky_load_le64(payload + 8);
    if (base % CHUNK_SLOTS != 0 || base > ROW_ID_MAX || count > CHUNK_SLOTS ||
        section->payload_size != 16 + ky_align_up(count * 2, 8) + count * 16) {
        return damaged(loader, err, "a section of rows is malformed");
    }
    const uint8_t *indexes = payload + 16;
    const uint8_t *versions = indexes + ky_align_up(count * 2, 8);
    struct relation *relation =
        loader->storage == NULL ? NULL : directory_get(&loader->storage->directory, section->rel);
    for (uint64_t i = 0; i < count; i++) {
        row_id_t row_id = base + ky_load_le16(indexes + i * 2);
        lsn_t commit_lsn = ky_load_le64(versions + i * 16);
        lsn_t location = ky_load_le64(versions + i * 16 + 8);
        if (row_id == ROW_ID_NONE || commit_lsn >= loader->source->lsn || location == 0 ||
            location >= loader->source->lsn || location % 8 != 0) {
            return damaged(loader, err, "a row has an impossible position");
        }
        if (relation != NULL) {
            relation_load_slot(relation, row_id, commit_lsn, location);
        }
    }
    return KY_OK;
}

static ky_status
load_relation(struct loader *loader, const struct section *section, struct ky_error *err)
{
    const uint8_t *payload = loader->payload;
    if (section->payload_size != 32 || ky_load_le64(payload) == 0 ||
        ky_load_le64(payload) > ROW_ID_MAX + 1) {
        return damaged(loader, err, "a relation is malformed");
    }
    if (loader->storage != NULL) {
        struct relation *relation = directory_get(&loader->storage->directory, section->rel);
        atomic_store_explicit(&relation->next_row_id, ky_load_le64(payload), memory_order_relaxed);
        atomic_store_explicit(&relation->live_count, ky_load_le64(payload + 8),
                              memory_order_relaxed);
        atomic_store_explicit(&relation->appended_bytes, ky_load_le64(payload + 16),
                              memory_order_relaxed);
        atomic_store_explicit(&relation->appended_count, ky_load_le64(payload + 24),
                              memory_order_relaxed);
    }
    return KY_OK;
}

static ky_status
load_number(struct loader *loader, const struct section *section, struct ky_error *err)
{
    if (section->payload_size != 8) {
        return damaged(loader, err, "a number is malformed");
    }
    uint64_t value = ky_load_le64(loader->payload);
    if (section->type == SECTION_END) {
        loader->has_end = true;
        return value == loader->section_count ? KY_OK
                                              : damaged(loader, err, "sections are missing");
    }
    if (loader->storage != NULL) {
        atomic_store_explicit(directory_get_counter(&loader->storage->directory, section->rel),
                              value, memory_order_release);
    }
    return KY_OK;
}

static ky_status
load_section(struct loader *loader, const struct section *section, struct ky_error *err)
{
    switch (section->type) {
    case SECTION_CHUNK:
        return load_chunk(loader, section, err);
    case SECTION_RELATION:
        return load_relation(loader, section, err);
    case SECTION_COUNTER:
    case SECTION_END:
        return load_number(loader, section, err);
    default:
        return damaged(loader, err, "a section has an unknown type");
    }
}

static void
report(struct loader *loader)
{
    int percent = (int)(loader->offset * 50 / loader->size);
    if (loader->storage != NULL && loader->storage->options.on_progress != NULL &&
        percent > loader->percent) {
        loader->percent = percent;
        loader->storage->options.on_progress(loader->storage->options.arg, percent);
    }
}

static ky_status
load_file(struct loader *loader, struct ky_error *err)
{
    KY_TRY(io_size(loader->file, &loader->size, err));
    KY_TRY(read_header(loader, err));
    while (!loader->has_end) {
        struct section section = {0};
        KY_TRY(read_section(loader, &section, err));
        KY_TRY(load_section(loader, &section, err));
        loader->section_count++;
        loader->offset += SECTION_HEADER_SIZE + section.payload_size;
        report(loader);
    }
    return loader->offset == loader->size ? KY_OK
                                          : damaged(loader, err, "something follows its end");
}

ky_status
checkpoint_load(const struct checkpoint_source *source, struct storage *storage,
                struct ky_error *err)
{
    char *dir = io_path(source->dir, source->name);
    char *path = io_path(dir, CHECKPOINT_FILE);
    struct loader loader = {.storage = storage, .source = source, .path = path};
    ky_status status = io_open(source->io, path, IO_READ, &loader.file, err);
    if (status == KY_OK) {
        loader.payload = ky_malloc(SECTION_PAYLOAD_MAX);
        status = load_file(&loader, err);
        ky_free(loader.payload);
        io_close(loader.file);
    } else if (err->sqlstate == KY_UNDEFINED_FILE) {
        status = ky_error_set(err, KY_DATA_CORRUPTED, "checkpoint file \"%s\" is missing", path);
    }
    free(path);
    free(dir);
    return status;
}
