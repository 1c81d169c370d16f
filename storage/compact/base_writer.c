/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "storage/compact/base_file.h"
#include "storage/compact/base_private.h"
#include "storage/log/frame.h"

/*
 * Writing a base file: blocks as they fill, then the index, and the header last of all. Nobody
 * refers to the file before it is synced and the manifest names it, so a crash at any point leaves
 * a stray that the next start removes.
 */
enum {
    WRITE_SIZE = 1024 * 1024,
};

static ky_status
write_out(struct base_writer *writer, struct ky_error *err)
{
    size_t size = writer->out.size;
    if (size == 0) {
        return KY_OK;
    }
    KY_TRY(io_write_paced(writer->file, writer->offset, writer->out.data, size, err));
    writer->offset += size;
    ky_buffer_clear(&writer->out);
    return writer->pace == NULL ? KY_OK : writer->pace(writer->arg, size, err);
}

ky_status
base_writer_begin(struct base_writer *writer, struct ky_error *err)
{
    char name[64];
    KY_ASSERT(writer->identity.id <= BASE_ID_MAX);
    base_name(name, writer->identity.id);
    writer->path = io_path(writer->dir, name);
    writer->seed = frame_seed(writer->identity.system_id);
    writer->offset = BASE_HEADER_SIZE;
    writer->min_commit_lsn = LSN_MAX;
    return io_open(writer->io, writer->path, IO_WRITE | IO_CREATE | IO_TRUNCATE, &writer->file,
                   err);
}

static void
begin_block(struct base_writer *writer, const struct base_record *record)
{
    writer->block_start = writer->out.size;
    writer->block = (struct base_block){
        .offset = writer->offset + writer->out.size,
        .rel = record->rel,
        .first_row = record->row_id,
        .min_commit_lsn = LSN_MAX,
    };
    memset(ky_buffer_extend(&writer->out, BASE_BLOCK_HEADER_SIZE), 0, BASE_BLOCK_HEADER_SIZE);
}

static void
index_block(struct base_writer *writer)
{
    const struct base_block *block = &writer->block;
    uint8_t *at = ky_buffer_extend(&writer->index, BASE_INDEX_ENTRY_SIZE);
    ky_store_le64(at, block->offset);
    ky_store_le64(at + 8, block->payload_size);
    ky_store_le32(at + 16, block->rel);
    ky_store_le32(at + 20, block->record_count);
    ky_store_le64(at + 24, block->first_row);
    ky_store_le64(at + 32, block->last_row);
    ky_store_le64(at + 40, block->min_commit_lsn);
    ky_store_le64(at + 48, block->max_commit_lsn);
    ky_store_le64(at + 56, block->payload_sum);
    writer->block_count++;
}

static ky_status
end_block(struct base_writer *writer, struct ky_error *err)
{
    struct base_block *block = &writer->block;
    if (block->record_count == 0) {
        return KY_OK;
    }
    uint8_t *at = writer->out.data + writer->block_start;
    block->payload_size = writer->out.size - writer->block_start - BASE_BLOCK_HEADER_SIZE;
    block->payload_sum =
        frame_payload_sum(writer->seed, at + BASE_BLOCK_HEADER_SIZE, block->payload_size);
    ky_store_le32(at, BASE_BLOCK_MAGIC);
    ky_store_le32(at + 4, block->rel);
    ky_store_le64(at + 8, block->payload_size);
    ky_store_le64(at + 16, block->payload_sum);
    ky_store_le32(at + 24, block->record_count);
    ky_store_le32(at + 28, ky_crc32c(0, at, 28));
    index_block(writer);
    block->record_count = 0;
    return writer->out.size >= WRITE_SIZE ? write_out(writer, err) : KY_OK;
}

ky_status
base_writer_add(struct base_writer *writer, const struct base_record *record, lsn_t *location_out,
                struct ky_error *err)
{
    struct base_block *block = &writer->block;
    size_t size = base_record_size(record);
    bool is_full = writer->out.size - writer->block_start + size > BASE_BLOCK_SIZE;
    if (block->record_count > 0 && (block->rel != record->rel || is_full)) {
        KY_TRY(end_block(writer, err));
    }
    if (block->record_count == 0) {
        begin_block(writer, record);
    }
    *location_out = base_location(writer->identity.id, writer->offset + (uint64_t)writer->out.size);
    base_record_encode(ky_buffer_extend(&writer->out, size), record);
    block->record_count++;
    block->last_row = record->row_id;
    block->min_commit_lsn = KY_MIN(block->min_commit_lsn, record->commit_lsn);
    block->max_commit_lsn = KY_MAX(block->max_commit_lsn, record->commit_lsn);
    writer->min_commit_lsn = KY_MIN(writer->min_commit_lsn, record->commit_lsn);
    writer->max_commit_lsn = KY_MAX(writer->max_commit_lsn, record->commit_lsn);
    writer->record_count++;
    writer->record_bytes += size;
    return KY_OK;
}

uint64_t
base_writer_size(const struct base_writer *writer)
{
    return writer->offset + writer->out.size + writer->index.size;
}

static void
encode_header(const struct base_writer *writer, uint8_t *at)
{
    memset(at, 0, BASE_HEADER_SIZE);
    ky_store_le32(at, BASE_MAGIC);
    ky_store_le16(at + 4, BASE_MAJOR);
    ky_store_le32(at + 20, BASE_LAYOUT_ROWS);
    memcpy(at + 24, writer->identity.system_id, 16);
    ky_store_le64(at + 40, writer->identity.id);
    ky_store_le64(at + 48, writer->offset + writer->index.size);
    ky_store_le64(at + 56, writer->offset);
    ky_store_le32(at + 64, writer->block_count);
    ky_store_le64(at + 72, frame_payload_sum(writer->seed, writer->index.data, writer->index.size));
    ky_store_le64(at + 80, writer->record_count);
    ky_store_le64(at + 88, writer->record_bytes);
    ky_store_le64(at + 96, writer->min_commit_lsn);
    ky_store_le64(at + 104, writer->max_commit_lsn);
    ky_store_le64(at + 112, (uint64_t)ky_wall_us());
    ky_store_le32(at + 4092, ky_crc32c(0, at, 4092));
}

static ky_status
write_end(struct base_writer *writer, struct ky_error *err)
{
    uint8_t header[BASE_HEADER_SIZE];
    KY_TRY(end_block(writer, err));
    KY_TRY(write_out(writer, err));
    encode_header(writer, header);
    KY_TRY(io_write_bytes_at(writer->file, writer->offset, writer->index.data, writer->index.size,
                             err));
    KY_TRY(io_write_bytes_at(writer->file, 0, header, sizeof(header), err));
    KY_TRY(io_sync(writer->file, err));
    char *dir = io_path(writer->dir, "base");
    ky_status status = io_sync_dir(writer->io, dir, err);
    free(dir);
    return status;
}

static void
writer_deinit(struct base_writer *writer)
{
    io_close(writer->file);
    writer->file = NULL;
    free(writer->path);
    writer->path = NULL;
    ky_buffer_deinit(&writer->out);
    ky_buffer_deinit(&writer->index);
}

ky_status
base_writer_finish(struct base_writer *writer, struct base_file **file_out, struct ky_error *err)
{
    KY_ASSERT(writer->record_count > 0);
    KY_TRY(write_end(writer, err));
    KY_TRY(base_file_open(writer->io, writer->dir, &writer->identity, NULL, file_out, err));
    writer_deinit(writer);
    return KY_OK;
}

void
base_writer_abandon(struct base_writer *writer)
{
    if (writer->path != NULL) {
        struct ky_error ignored;
        ky_error_init(&ignored);
        io_close(writer->file);
        writer->file = NULL;
        /* Left behind it is a stray: the next start removes it. */
        ky_status removed = io_unlink(writer->io, writer->path, &ignored);
        (void)removed;
        writer_deinit(writer);
    }
}
