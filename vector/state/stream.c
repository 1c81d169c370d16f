/* SPDX-License-Identifier: Apache-2.0 */

#include "vector/state/stream.h"

#include "server/base/crc32c.h"
#include "server/base/endian.h"

void
stream_writer_init(struct stream_writer *writer, struct state_sink *sink)
{
    *writer = (struct stream_writer){.sink = sink};
    (void)ky_buffer_extend(&writer->block, STREAM_HEADER_SIZE);
}

void
stream_writer_deinit(struct stream_writer *writer)
{
    ky_buffer_deinit(&writer->block);
}

static uint32_t
sum_of(uint32_t number, const void *bytes, size_t size)
{
    uint8_t encoded[4];
    ky_store_le32(encoded, number);
    return ky_crc32c(ky_crc32c(0, encoded, sizeof(encoded)), bytes, size);
}

static ky_status
flush(struct stream_writer *writer, struct ky_error *err)
{
    uint8_t *block = writer->block.data;
    size_t size = writer->block.size - STREAM_HEADER_SIZE;
    ky_store_le32(block, (uint32_t)size);
    ky_store_le32(block + 4, sum_of(writer->number, block + STREAM_HEADER_SIZE, size));
    KY_TRY(writer->sink->write(writer->sink, ky_buffer_slice(&writer->block), err));
    writer->block.size = STREAM_HEADER_SIZE;
    writer->number++;
    return KY_OK;
}

ky_status
stream_put(struct stream_writer *writer, const void *bytes, size_t size, struct ky_error *err)
{
    const char *from = (const char *)bytes;
    while (size > 0) {
        size_t room = STREAM_HEADER_SIZE + STREAM_BLOCK_SIZE - writer->block.size;
        size_t part = KY_MIN(size, room);
        ky_buffer_append(&writer->block, from, part);
        from += part;
        size -= part;
        if (part == room) {
            KY_TRY(flush(writer, err));
        }
    }
    return KY_OK;
}

ky_status
stream_end(struct stream_writer *writer, struct ky_error *err)
{
    if (writer->block.size > STREAM_HEADER_SIZE) {
        KY_TRY(flush(writer, err));
    }
    return flush(writer, err);
}

ky_status
stream_damaged(struct ky_error *err, const char *what)
{
    return ky_error_set(err, KY_DATA_CORRUPTED, "saved vector index is damaged: %s", what);
}

static ky_status
next_block(struct stream_reader *reader, struct ky_error *err)
{
    const uint8_t *bytes = (const uint8_t *)reader->left.data;
    if (reader->left.size < STREAM_HEADER_SIZE) {
        return stream_damaged(err, "it ends early");
    }
    size_t size = ky_load_le32(bytes);
    if (size > STREAM_BLOCK_SIZE || size > reader->left.size - STREAM_HEADER_SIZE) {
        return stream_damaged(err, "a block is too long");
    }
    if (sum_of(reader->number, bytes + STREAM_HEADER_SIZE, size) != ky_load_le32(bytes + 4)) {
        return stream_damaged(err, "a checksum does not match");
    }
    reader->block = ky_slice(bytes + STREAM_HEADER_SIZE, size);
    reader->left =
        ky_slice(bytes + STREAM_HEADER_SIZE + size, reader->left.size - STREAM_HEADER_SIZE - size);
    reader->number++;
    return KY_OK;
}

ky_status
stream_get(struct stream_reader *reader, void *out, size_t size, struct ky_error *err)
{
    char *to = (char *)out;
    while (size > 0) {
        if (reader->block.size == 0) {
            KY_TRY(next_block(reader, err));
            if (reader->block.size == 0) {
                return stream_damaged(err, "it ends early");
            }
        }
        size_t part = KY_MIN(size, reader->block.size);
        memcpy(to, reader->block.data, part);
        reader->block =
            ky_slice((const char *)reader->block.data + part, reader->block.size - part);
        to += part;
        size -= part;
    }
    return KY_OK;
}

ky_status
stream_get_end(struct stream_reader *reader, struct ky_error *err)
{
    if (reader->block.size > 0) {
        return stream_damaged(err, "it is too long");
    }
    KY_TRY(next_block(reader, err));
    if (reader->block.size > 0 || reader->left.size > 0) {
        return stream_damaged(err, "it is too long");
    }
    return KY_OK;
}
