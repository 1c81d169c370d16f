/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/log/record.h"

#include "server/base/assert.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"

/*
 * A record checks itself, so that a read of one row can verify what it returns without reading the
 * frame around it. The checksum stands in the middle of the header and covers what is around it.
 */
enum {
    AT_FLAGS = 1,
    AT_RESERVED = 2,
    AT_RELATION = 4,
    AT_ROW_ID = 8,
    AT_BODY_SIZE = 16,
    AT_CRC = 20,
    AT_FRAME_BACK = 24,
    AT_EVENT_INDEX = 28,
};

static uint32_t
record_crc(const uint8_t *place, size_t body_size)
{
    uint32_t crc = ky_crc32c(0, place, AT_CRC);
    return ky_crc32c(crc, place + AT_FRAME_BACK, RECORD_HEADER_SIZE - AT_FRAME_BACK + body_size);
}

void
record_encode(uint8_t *place, const struct record *record)
{
    size_t body_size = record->body.size;
    KY_ASSERT(body_size <= RECORD_BODY_SIZE_MAX);
    KY_ASSERT(record->frame_back % 8 == 0);
    place[0] = (uint8_t)record->type;
    place[AT_FLAGS] = record->flags;
    ky_store_le16(place + AT_RESERVED, 0);
    ky_store_le32(place + AT_RELATION, record->rel);
    ky_store_le64(place + AT_ROW_ID, record->row_id);
    ky_store_le32(place + AT_BODY_SIZE, (uint32_t)body_size);
    ky_store_le32(place + AT_FRAME_BACK, record->frame_back / 8);
    ky_store_le32(place + AT_EVENT_INDEX, record->event_index);
    /* The body may already stand in its place. */
    if (body_size > 0 && record->body.data != place + RECORD_HEADER_SIZE) {
        memmove(place + RECORD_HEADER_SIZE, record->body.data, body_size);
    }
    size_t end = RECORD_HEADER_SIZE + body_size;
    memset(place + end, 0, record_size(body_size) - end);
    ky_store_le32(place + AT_CRC, record_crc(place, body_size));
}

ky_status
record_decode(struct ky_slice bytes, bool verify, struct record *record_out, struct ky_error *err)
{
    const uint8_t *place = bytes.data;
    if (bytes.size < RECORD_HEADER_SIZE) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "invalid log record: it is cut off");
    }
    uint32_t body_size = ky_load_le32(place + AT_BODY_SIZE);
    if (body_size > RECORD_BODY_SIZE_MAX || record_size(body_size) > bytes.size) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "invalid log record: bad size %u", body_size);
    }
    if (verify && record_crc(place, body_size) != ky_load_le32(place + AT_CRC)) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "invalid log record: checksum does not match");
    }
    uint8_t type = place[0];
    if (type < RECORD_INSERT || type > RECORD_COUNTER_SET) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "invalid log record: unknown type %u", type);
    }
    uint32_t back = ky_load_le32(place + AT_FRAME_BACK);
    if (back > FRAME_BACK_MAX / 8) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "invalid log record: bad frame distance");
    }
    *record_out = (struct record){
        .type = (enum record_type)type,
        .flags = place[AT_FLAGS],
        .rel = ky_load_le32(place + AT_RELATION),
        .row_id = ky_load_le64(place + AT_ROW_ID),
        .frame_back = back * 8,
        .event_index = ky_load_le32(place + AT_EVENT_INDEX),
        .body = ky_slice(place + RECORD_HEADER_SIZE, body_size),
    };
    return KY_OK;
}
