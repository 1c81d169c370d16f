/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/compact/base_record.h"

#include "server/base/assert.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"

enum { AT_RELATION = 4, AT_ROW_ID = 8, AT_BODY_SIZE = 16, AT_CRC = 20, AT_COMMIT_LSN = 24 };

_Static_assert(RECORD_HEADER_SIZE == 32, "a log record's body stands at the same place");

size_t
base_record_size(const struct base_record *record)
{
    return record_size(record->body.size) + (record->is_event ? sizeof(event_offset_t) : 0);
}

static uint32_t
record_crc(const uint8_t *place, size_t size)
{
    uint32_t crc = ky_crc32c(0, place, AT_CRC);
    return ky_crc32c(crc, place + AT_COMMIT_LSN, size - AT_COMMIT_LSN);
}

void
base_record_encode(uint8_t *place, const struct base_record *record)
{
    size_t body_size = record->body.size;
    KY_ASSERT(body_size <= RECORD_BODY_SIZE_MAX);
    size_t size = base_record_size(record);
    place[0] = RECORD_INSERT;
    place[1] = record->is_event ? RECORD_IS_EVENT : 0;
    ky_store_le16(place + 2, 0);
    ky_store_le32(place + AT_RELATION, record->rel);
    ky_store_le64(place + AT_ROW_ID, record->row_id);
    ky_store_le32(place + AT_BODY_SIZE, (uint32_t)body_size);
    ky_store_le64(place + AT_COMMIT_LSN, record->commit_lsn);
    if (body_size > 0) {
        memcpy(place + RECORD_HEADER_SIZE, record->body.data, body_size);
    }
    size_t end = RECORD_HEADER_SIZE + body_size;
    memset(place + end, 0, size - end);
    if (record->is_event) {
        ky_store_le64(place + size - sizeof(event_offset_t), record->event);
    }
    ky_store_le32(place + AT_CRC, record_crc(place, size));
}

ky_status
base_record_decode(struct ky_slice bytes, bool verify, struct base_record *record_out,
                   size_t *size_out, struct ky_error *err)
{
    const uint8_t *place = bytes.data;
    if (bytes.size < RECORD_HEADER_SIZE) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "invalid base record: it is cut off");
    }
    uint32_t body_size = ky_load_le32(place + AT_BODY_SIZE);
    bool is_event = (place[1] & RECORD_IS_EVENT) != 0;
    if (body_size > RECORD_BODY_SIZE_MAX) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "invalid base record: bad size %u", body_size);
    }
    size_t size = record_size(body_size) + (is_event ? sizeof(event_offset_t) : 0);
    if (size > bytes.size) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "invalid base record: bad size %u", body_size);
    }
    if (verify && record_crc(place, size) != ky_load_le32(place + AT_CRC)) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "invalid base record: checksum does not match");
    }
    if (place[0] != RECORD_INSERT || (place[1] & ~RECORD_IS_EVENT) != 0 ||
        ky_load_le16(place + 2) != 0) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "invalid base record: unknown kind");
    }
    const size_t filled = RECORD_HEADER_SIZE + (size_t)body_size;
    static const uint8_t zeros[8];
    if (verify && memcmp(place + filled, zeros, record_size(body_size) - filled) != 0) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "invalid base record: bytes after its body");
    }
    *record_out = (struct base_record){
        .rel = ky_load_le32(place + AT_RELATION),
        .row_id = ky_load_le64(place + AT_ROW_ID),
        .commit_lsn = ky_load_le64(place + AT_COMMIT_LSN),
        .is_event = is_event,
        .event = is_event ? ky_load_le64(place + size - sizeof(event_offset_t)) : 0,
        .body = ky_slice(place + RECORD_HEADER_SIZE, body_size),
    };
    *size_out = size;
    return KY_OK;
}
