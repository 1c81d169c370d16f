/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/buffer.h"
#include "server/base/error.h"
#include "storage/api/ids.h"

/*
 * One record inside a frame, little-endian, 8-byte aligned, padded with zeros to 8:
 *
 *   0  u8  type          enum record_type
 *   1  u8  flags         RECORD_*
 *   2  u16 reserved      0
 *   4  u32 relation
 *   8  u64 row_id
 *  16  u32 body_size     bytes after the header, without padding
 *  20  u32 crc32c        of bytes 0..19, 24..31 and the body
 *  24  u32 frame_back    this record's distance from the start of its frame's header, / 8
 *  28  u32 event_index   number of event-bearing records before it in the same frame
 *  32  body
 */
enum record_type {
    RECORD_INSERT = 1,
    RECORD_UPDATE = 2,
    RECORD_DELETE = 3,      /* body: the row's identity columns in row format, others null */
    RECORD_DROP = 4,        /* the whole relation goes; row_id 0, no body */
    RECORD_COUNTER = 5,     /* high-water mark of counter `relation`; body u64 */
    RECORD_COUNTER_SET = 6, /* counter `relation` is body, lower than before or not; u64 */
};
enum {
    RECORD_IS_EVENT = 1, /* has an event offset: user relations, not system catalogs */
};
enum { RECORD_HEADER_SIZE = 32, RECORD_BODY_SIZE_MAX = 12 * 1024 * 1024 };
enum { FRAME_BACK_MAX = 16 * 1024 * 1024 }; /* a frame is not larger */

struct record {
    enum record_type type;
    uint8_t flags;
    rel_id_t rel;
    row_id_t row_id;
    uint32_t frame_back; /* bytes from the frame header's start to the record */
    uint32_t event_index;
    struct ky_slice body; /* borrowed from the bytes decoded */
};

/* Bytes that a record with this body takes in a frame. */
static inline size_t
record_size(size_t body_size)
{
    return ky_align_up(RECORD_HEADER_SIZE + body_size, 8);
}

/* Writes header, body and padding at place, which has record_size(record->body.size) bytes. */
void record_encode(uint8_t *place, const struct record *record);
/* Decodes the record at the start of bytes; checks every length and, if asked, the checksum. XX001.
 */
KY_MUST_CHECK ky_status record_decode(struct ky_slice bytes, bool verify, struct record *record_out,
                                      struct ky_error *err);
