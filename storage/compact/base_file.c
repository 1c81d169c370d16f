/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/compact/base_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "storage/compact/base_private.h"
#include "storage/log/frame.h"

/*
 * Reading base files. Opening checks the header and the whole index, so that block numbers, places
 * and counts can be trusted afterwards; a block's own bytes are checked when somebody walks it. A
 * row that is read by its location is found without either.
 */

void
base_name(char name[64], uint64_t id)
{
    memset(name, 0, 64);
    (void)snprintf(name, 64, "base/%016" PRIx64 ".base", id);
}

bool
base_parse_name(const char *name, uint64_t *id_out)
{
    int used = 0;
    return strlen(name) == 21 && sscanf(name, "%16" SCNx64 ".base%n", id_out, &used) == 1 &&
           used == 21;
}

void
base_describe(const struct base_file *file, struct log_file *listed_out)
{
    *listed_out = (struct log_file){
        .kind = LOG_FILE_BASE,
        .size = file->size,
        .checksum = file->checksum,
        .info = {file->id, file->record_count},
    };
    base_name(listed_out->name, file->id);
}

static ky_status
damaged(struct ky_error *err, const char *path, uint64_t offset, const char *what)
{
    (void)ky_error_set(err, KY_DATA_CORRUPTED,
                       "base file \"%s\" is damaged at offset %" PRIu64 ": %s", path, offset, what);
    return KY_ERR;
}

static void
decode_block(const uint8_t *at, struct base_block *block_out)
{
    *block_out = (struct base_block){
        .offset = ky_load_le64(at),
        .payload_size = ky_load_le64(at + 8),
        .rel = ky_load_le32(at + 16),
        .record_count = ky_load_le32(at + 20),
        .first_row = ky_load_le64(at + 24),
        .last_row = ky_load_le64(at + 32),
        .min_commit_lsn = ky_load_le64(at + 40),
        .max_commit_lsn = ky_load_le64(at + 48),
        .payload_sum = ky_load_le64(at + 56),
    };
}

struct base_block
base_file_block(const struct base_file *file, uint32_t number)
{
    struct base_block block;
    KY_ASSERT(number < file->block_count);
    decode_block(file->bytes + file->index_offset + (uint64_t)number * BASE_INDEX_ENTRY_SIZE,
                 &block);
    return block;
}

static const char *
header_fault(const uint8_t *at, const struct base_identity *identity)
{
    if (ky_load_le32(at) != BASE_MAGIC) {
        return "not a base file";
    }
    if (ky_load_le32(at + 4092) != ky_crc32c(0, at, 4092)) {
        return "header checksum does not match";
    }
    if (ky_load_le16(at + 4) != BASE_MAJOR || ky_load_le32(at + 16) != 0 ||
        ky_load_le32(at + 20) != BASE_LAYOUT_ROWS) {
        return "written by a later format";
    }
    if (memcmp(at + 24, identity->system_id, 16) != 0) {
        return "it belongs to another data directory";
    }
    if (ky_load_le64(at + 40) != identity->id) {
        return "it is another file";
    }
    return NULL;
}

/* What a sum does not promise: that the blocks lie one behind the other and are in order. */
static const char *
block_fault(const struct base_file *file, const struct base_block *block,
            const struct base_block *before, uint64_t place)
{
    if (block->offset != place ||
        block->payload_size > file->index_offset - place - BASE_BLOCK_HEADER_SIZE ||
        block->payload_size % 8 != 0) {
        return "a block is out of place";
    }
    if (block->record_count == 0 ||
        block->record_count > block->payload_size / RECORD_HEADER_SIZE ||
        block->first_row == ROW_ID_NONE || block->first_row > block->last_row ||
        block->last_row > ROW_ID_MAX || block->min_commit_lsn > block->max_commit_lsn) {
        return "a block is malformed";
    }
    if (before != NULL && (block->rel < before->rel ||
                           (block->rel == before->rel && block->first_row < before->last_row))) {
        return "blocks are out of order";
    }
    return NULL;
}

static const char *
index_fault(const struct base_file *file, uint64_t *offset_out)
{
    uint64_t place = BASE_HEADER_SIZE;
    uint64_t record_count = 0;
    struct base_block before;
    for (uint32_t i = 0; i < file->block_count; i++) {
        *offset_out = file->index_offset + (uint64_t)i * BASE_INDEX_ENTRY_SIZE;
        if (file->index_offset - place < BASE_BLOCK_HEADER_SIZE) {
            return "there are more blocks than fit";
        }
        struct base_block block = base_file_block(file, i);
        const char *fault = block_fault(file, &block, i == 0 ? NULL : &before, place);
        if (fault != NULL) {
            return fault;
        }
        if (block.min_commit_lsn < file->min_commit_lsn ||
            block.max_commit_lsn > file->max_commit_lsn) {
            return "a block is outside its file's commits";
        }
        record_count += block.record_count;
        place += BASE_BLOCK_HEADER_SIZE + block.payload_size;
        before = block;
    }
    *offset_out = 0;
    if (place != file->index_offset || record_count != file->record_count) {
        return "blocks are missing";
    }
    return NULL;
}

ky_status
base_file_decode(struct base_file *file, struct ky_slice bytes,
                 const struct base_identity *identity, const char *path, struct ky_error *err)
{
    const uint8_t *at = bytes.data;
    if (bytes.size < BASE_HEADER_SIZE) {
        return damaged(err, path, 0, "it is too short");
    }
    const char *fault = header_fault(at, identity);
    if (fault != NULL) {
        return damaged(err, path, 0, fault);
    }
    file->id = identity->id;
    file->seed = frame_seed(identity->system_id);
    file->bytes = at;
    file->size = bytes.size;
    file->checksum = frame_payload_sum(file->seed, at, BASE_HEADER_SIZE);
    file->index_offset = ky_load_le64(at + 56);
    file->block_count = ky_load_le32(at + 64);
    file->record_count = ky_load_le64(at + 80);
    file->record_bytes = ky_load_le64(at + 88);
    file->min_commit_lsn = ky_load_le64(at + 96);
    file->max_commit_lsn = ky_load_le64(at + 104);
    uint64_t index_size = (uint64_t)file->block_count * BASE_INDEX_ENTRY_SIZE;
    if (ky_load_le64(at + 48) != bytes.size || bytes.size > BASE_FILE_SIZE_MAX ||
        index_size > bytes.size - BASE_HEADER_SIZE ||
        file->index_offset != bytes.size - index_size || file->index_offset % 8 != 0) {
        return damaged(err, path, 48, "bad size");
    }
    if (frame_payload_sum(file->seed, at + file->index_offset, index_size) !=
        ky_load_le64(at + 72)) {
        return damaged(err, path, file->index_offset, "the checksum of its index does not match");
    }
    uint64_t offset = 0;
    fault = index_fault(file, &offset);
    return fault == NULL ? KY_OK : damaged(err, path, offset, fault);
}

static ky_status
map_file(struct base_file *file, const struct base_identity *identity,
         const struct log_file *listed, struct ky_error *err)
{
    const char *path = file->file->path;
    uint64_t size = 0;
    KY_TRY(io_size(file->file, &size, err));
    if (size < BASE_HEADER_SIZE || (listed != NULL && size != listed->size)) {
        return damaged(err, path, size, "it has another size than the manifest says");
    }
    const uint8_t *bytes = NULL;
    KY_TRY(io_map(file->file, size, &bytes, err));
    file->bytes = bytes;
    file->size = size;
    KY_TRY(base_file_decode(file, ky_slice(bytes, size), identity, path, err));
    if (listed != NULL && listed->checksum != file->checksum) {
        return damaged(err, path, 0, "it is not the file that the manifest names");
    }
    return KY_OK;
}

ky_status
base_file_open(struct io *io, const char *dir, const struct base_identity *identity,
               const struct log_file *listed, struct base_file **file_out, struct ky_error *err)
{
    char name[64];
    base_name(name, identity->id);
    char *path = io_path(dir, name);
    struct base_file *file = ky_calloc(1, sizeof(*file));
    file->io = io;
    ky_status status = io_open(io, path, IO_READ, &file->file, err);
    if (status != KY_OK && err->sqlstate == KY_UNDEFINED_FILE) {
        status = ky_error_set(err, KY_DATA_CORRUPTED, "base file \"%s\" is missing", path);
    }
    if (status == KY_OK) {
        status = map_file(file, identity, listed, err);
    }
    free(path);
    if (status != KY_OK) {
        base_file_free(file);
        return KY_ERR;
    }
    *file_out = file;
    return KY_OK;
}

void
base_file_free(struct base_file *file)
{
    if (file != NULL) {
        if (file->file != NULL) {
            if (file->bytes != NULL) {
                io_unmap(file->io, file->bytes, file->size);
            }
            io_close(file->file);
        }
        ky_free(file);
    }
}

static const char *
file_path(const struct base_file *file)
{
    return file->file == NULL ? "?" : file->file->path;
}

ky_status
base_file_check_block(const struct base_file *file, uint32_t number, struct ky_slice *records_out,
                      struct ky_error *err)
{
    struct base_block block = base_file_block(file, number);
    const uint8_t *at = file->bytes + block.offset;
    if (ky_load_le32(at) != BASE_BLOCK_MAGIC || ky_load_le32(at + 28) != ky_crc32c(0, at, 28) ||
        ky_load_le32(at + 4) != block.rel || ky_load_le64(at + 8) != block.payload_size ||
        ky_load_le64(at + 16) != block.payload_sum || ky_load_le32(at + 24) != block.record_count) {
        return damaged(err, file_path(file), block.offset, "bad block header");
    }
    const uint8_t *payload = at + BASE_BLOCK_HEADER_SIZE;
    if (frame_payload_sum(file->seed, payload, block.payload_size) != block.payload_sum) {
        return damaged(err, file_path(file), block.offset,
                       "the checksum of the block does not match");
    }
    *records_out = ky_slice(payload, block.payload_size);
    return KY_OK;
}

static const char *
check_records(const struct base_block *block, struct ky_slice rest, uint64_t *bytes)
{
    row_id_t row_id = block->first_row;
    for (uint32_t i = 0; i < block->record_count; i++) {
        struct base_record record;
        struct ky_error ignored;
        size_t size = 0;
        ky_error_init(&ignored);
        if (base_record_decode(rest, true, &record, &size, &ignored) != KY_OK) {
            return "a record is damaged";
        }
        bool is_first = i == 0;
        bool is_last = i + 1 == block->record_count;
        if (record.rel != block->rel || record.row_id < row_id ||
            (is_first && record.row_id != block->first_row) ||
            (is_last && record.row_id != block->last_row) ||
            record.commit_lsn < block->min_commit_lsn ||
            record.commit_lsn > block->max_commit_lsn) {
            return "a record is in the wrong block";
        }
        row_id = record.row_id;
        *bytes += size;
        rest = ky_slice((const uint8_t *)rest.data + size, rest.size - size);
    }
    return rest.size == 0 ? NULL : "something follows the last record of a block";
}

ky_status
base_file_check(const struct base_file *file, struct ky_error *err)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < file->block_count; i++) {
        struct ky_slice records;
        KY_TRY(base_file_check_block(file, i, &records, err));
        struct base_block block = base_file_block(file, i);
        const char *fault = check_records(&block, records, &bytes);
        if (fault != NULL) {
            return damaged(err, file_path(file), block.offset, fault);
        }
    }
    if (bytes != file->record_bytes) {
        return damaged(err, file_path(file), 88, "records are missing");
    }
    return KY_OK;
}
