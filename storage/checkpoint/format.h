/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "server/base/compiler.h"

/*
 * A checkpoint is a directory checkpoint-<position, 16 hex digits>; its file "rows" holds the row
 * directory and the counters as a snapshot at that position saw them. Little-endian, everything a
 * multiple of 8 bytes:
 *
 *   header, 64 bytes
 *      0 u64 magic "KYROROWS"   8 u32 version (1)      12 u32 header_size (64)
 *     16 u64 lsn               24 u64 next_event       32 u64 highest_txid
 *     40 i64 created, us       48 u64 reserved 0       56 u32 reserved 0
 *     60 u32 crc32c of bytes 0..59
 *   sections, each a header of 32 bytes and a payload
 *      0 u32 type               4 u32 relation          8 u64 payload_size
 *     16 u64 payload sum (XXH3-64, seeded with lsn)    24 u32 reserved 0
 *     28 u32 crc32c of bytes 0..27
 *   CHUNK     u64 first row id, u64 count, count u16 slot numbers padded to 8,
 *             count of { u64 commit_lsn, u64 location of the record }
 *   RELATION  u64 next row id, u64 live rows, u64 bytes and u64 number of records ever
 *   COUNTER   u64 value
 *   END       u64 number of sections before it
 * Nothing follows END.
 */
#define CHECKPOINT_MAGIC 0x53574F524F52594BULL /* "KYROROWS" */
enum {
    CHECKPOINT_VERSION = 1,
    CHECKPOINT_HEADER_SIZE = 64,
    SECTION_HEADER_SIZE = 32,
    SECTION_PAYLOAD_MAX = 16 + 65536 * 2 + 65536 * 16,
};
enum section_type { SECTION_CHUNK = 1, SECTION_RELATION, SECTION_COUNTER, SECTION_END };

#define CHECKPOINT_PREFIX "checkpoint-"
#define CHECKPOINT_FILE "rows"
