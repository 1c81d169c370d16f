/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/log/record.h"

/*
 * A row version in a base file, little-endian, 8-byte aligned. It has the fields of a log record
 * at their places, so that a body is found the same way, and instead of the frame around it the
 * two numbers that would be found there:
 *
 *   0  u8  type          RECORD_INSERT: whether it once was an update does not matter any more
 *   1  u8  flags         RECORD_IS_EVENT: the event's offset follows the body
 *   2  u16 reserved      0
 *   4  u32 relation
 *   8  u64 row_id
 *  16  u32 body_size
 *  20  u32 crc32c        of bytes 0..19 and all bytes from 24 to its end
 *  24  u64 commit_lsn
 *  32  body, zeros up to a multiple of 8, u64 event offset if it is an event
 */
struct base_record {
    rel_id_t rel;
    row_id_t row_id;
    lsn_t commit_lsn;
    bool is_event;
    event_offset_t event; /* 0 unless is_event */
    struct ky_slice body; /* borrowed */
};

enum { BASE_RECORD_SIZE_MAX = RECORD_HEADER_SIZE + RECORD_BODY_SIZE_MAX + 16 };

size_t base_record_size(const struct base_record *record);
/* Writes base_record_size bytes. */
void base_record_encode(uint8_t *place, const struct base_record *record);
/* Decodes the record at the start of bytes; checks every length and, if asked, the checksum.
 * *size_out: where the next one starts. XX001. */
KY_MUST_CHECK ky_status base_record_decode(struct ky_slice bytes, bool verify,
                                           struct base_record *record_out, size_t *size_out,
                                           struct ky_error *err);
