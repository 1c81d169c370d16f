/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/log/frame.h"

#include <inttypes.h>
#define XXH_INLINE_ALL 1
#include <xxhash.h>

#include "server/base/crc32c.h"
#include "server/base/endian.h"

/*
 * The header carries its own CRC32C over its first 92 bytes, so sizes can be trusted before the
 * payload is read; the payload has an XXH3-64 sum, made by the thread that built it. The header's
 * lsn must equal the place where it was found: bytes that were misdirected or that are left over
 * from another time do not decode. docs/data-file.md draws every byte.
 */
enum {
    AT_HEADER_SIZE = 4,
    AT_FLAGS = 6,
    AT_TOTAL_SIZE = 8,
    AT_RECORD_COUNT = 12,
    AT_LSN = 16,
    AT_TXID = 24,
    AT_COMMIT_TIME = 32,
    AT_EPOCH = 40,
    AT_CHUNK_COUNT = 44,
    AT_DURABLE_LSN = 48,
    AT_PREV_SUM = 56,
    AT_PAYLOAD_SUM = 64,
    AT_FIRST_EVENT = 72,
    AT_EVENT_COUNT = 80,
    AT_RESERVED = 84,
    AT_CRC = 92,
};

_Static_assert(sizeof(struct frame_chunk_ref) == 16, "a chunk reference is 16 bytes on disk");
_Static_assert(offsetof(struct frame_chunk_ref, record_count) == 8, "as drawn in data-file.md");
_Static_assert(offsetof(struct frame_chunk_ref, event_count) == 12, "as drawn in data-file.md");
_Static_assert(FRAME_HEADER_SIZE == AT_CRC + 4, "the checksum ends the header");

uint64_t
frame_seed(const uint8_t system_id[16])
{
    return XXH3_64bits(system_id, 16);
}

uint64_t
frame_payload_sum(uint64_t seed, const uint8_t *payload, size_t size)
{
    return XXH3_64bits_withSeed(payload, size, seed);
}

void
frame_encode_header(uint8_t *place, const struct frame *frame, struct frame_sums sums)
{
    ky_store_le32(place, FRAME_MAGIC);
    ky_store_le16(place + AT_HEADER_SIZE, FRAME_HEADER_SIZE);
    ky_store_le16(place + AT_FLAGS, frame->flags);
    ky_store_le32(place + AT_TOTAL_SIZE, frame->total_size);
    ky_store_le32(place + AT_RECORD_COUNT, frame->record_count);
    ky_store_le64(place + AT_LSN, frame->lsn);
    ky_store_le64(place + AT_TXID, frame->txid);
    ky_store_le64(place + AT_COMMIT_TIME, (uint64_t)frame->commit_time);
    ky_store_le32(place + AT_EPOCH, frame->epoch);
    ky_store_le32(place + AT_CHUNK_COUNT, frame->chunk_count);
    ky_store_le64(place + AT_DURABLE_LSN, frame->durable_lsn);
    ky_store_le64(place + AT_PREV_SUM, sums.prev_sum);
    ky_store_le64(place + AT_PAYLOAD_SUM, sums.payload_sum);
    ky_store_le64(place + AT_FIRST_EVENT, frame->first_event);
    ky_store_le32(place + AT_EVENT_COUNT, frame->event_count);
    ky_store_le64(place + AT_RESERVED, 0);
    ky_store_le32(place + AT_CRC, ky_crc32c(0, place, AT_CRC));
}

static ky_status
bad(struct ky_error *err, lsn_t lsn, const char *what)
{
    return ky_error_set(err, KY_DATA_CORRUPTED, "invalid log frame at position %" PRIu64 ": %s",
                        lsn, what);
}

/* What the checksum does not promise: that the writer knew what it wrote. */
static const char *
header_fault(const struct frame *frame, const uint8_t *data, size_t size, lsn_t lsn)
{
    if (frame->lsn != lsn) {
        return "it belongs to another position";
    }
    if (frame->total_size < FRAME_HEADER_SIZE || frame->total_size > FRAME_SIZE_MAX ||
        frame->total_size % 8 != 0 || frame->total_size > size) {
        return "bad size";
    }
    if (frame->flags != FRAME_COMMIT && frame->flags != FRAME_CHUNK && frame->flags != FRAME_PAD) {
        return "unknown kind";
    }
    if (ky_load_le64(data + AT_RESERVED) != 0) {
        return "reserved bytes are in use";
    }
    if (frame->durable_lsn > lsn) {
        return "it knows the future";
    }
    size_t payload_size = frame->total_size - (size_t)FRAME_HEADER_SIZE;
    bool may_refer = frame->flags == FRAME_COMMIT;
    if (may_refer ? frame->chunk_count > payload_size / sizeof(struct frame_chunk_ref)
                  : frame->chunk_count != 0) {
        return "bad count of chunks";
    }
    if (frame->flags == FRAME_PAD && frame->total_size != FRAME_HEADER_SIZE) {
        return "bad size";
    }
    return NULL;
}

ky_status
frame_decode(struct ky_slice bytes, lsn_t lsn, struct frame *frame_out, struct frame_sums *sums_out,
             struct ky_error *err)
{
    const uint8_t *data = bytes.data;
    if (bytes.size < FRAME_HEADER_SIZE) {
        return bad(err, lsn, "it is cut off");
    }
    if (ky_load_le32(data) != FRAME_MAGIC ||
        ky_load_le16(data + AT_HEADER_SIZE) != FRAME_HEADER_SIZE) {
        return bad(err, lsn, "no frame header");
    }
    if (ky_load_le32(data + AT_CRC) != ky_crc32c(0, data, AT_CRC)) {
        return bad(err, lsn, "header checksum does not match");
    }
    struct frame frame = {
        .flags = ky_load_le16(data + AT_FLAGS),
        .total_size = ky_load_le32(data + AT_TOTAL_SIZE),
        .record_count = ky_load_le32(data + AT_RECORD_COUNT),
        .chunk_count = ky_load_le32(data + AT_CHUNK_COUNT),
        .lsn = ky_load_le64(data + AT_LSN),
        .txid = ky_load_le64(data + AT_TXID),
        .commit_time = (int64_t)ky_load_le64(data + AT_COMMIT_TIME),
        .epoch = ky_load_le32(data + AT_EPOCH),
        .durable_lsn = ky_load_le64(data + AT_DURABLE_LSN),
        .first_event = ky_load_le64(data + AT_FIRST_EVENT),
        .event_count = ky_load_le32(data + AT_EVENT_COUNT),
    };
    const char *fault = header_fault(&frame, data, bytes.size, lsn);
    if (fault != NULL) {
        return bad(err, lsn, fault);
    }
    size_t refs_size = frame.chunk_count * sizeof(struct frame_chunk_ref);
    /* Frames are 8-byte aligned in a segment, so the references can be read in place. */
    frame.chunks = (const struct frame_chunk_ref *)(const void *)(data + FRAME_HEADER_SIZE);
    frame.records = ky_slice(data + FRAME_HEADER_SIZE + refs_size,
                             frame.total_size - FRAME_HEADER_SIZE - refs_size);
    if (sums_out != NULL) {
        sums_out->prev_sum = ky_load_le64(data + AT_PREV_SUM);
        sums_out->payload_sum = ky_load_le64(data + AT_PAYLOAD_SUM);
    }
    *frame_out = frame;
    return KY_OK;
}

struct ky_slice
frame_payload(const struct frame *frame)
{
    return ky_slice(frame->chunks, frame->total_size - (size_t)FRAME_HEADER_SIZE);
}
