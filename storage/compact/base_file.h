/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/buffer.h"
#include "storage/compact/base_record.h"
#include "storage/io/io.h"
#include "storage/log/log.h"

/*
 * A base file: row versions that left the log, sorted by relation and row id, never changed.
 *
 *   base/<id, 16 hex>.base
 *   header, 4096 bytes, little-endian, zero where nothing is drawn
 *      0 u32 magic "KYBF"      4 u16 major 1, u16 minor 0
 *      8 u32 compat           12 u32 ro_compat          16 u32 incompat
 *     20 u32 layout (0: rows) 24 u8[16] system_id       40 u64 id
 *     48 u64 file_size        56 u64 index_offset       64 u32 block_count
 *     68 u32 0                72 u64 index_sum          80 u64 record_count
 *     88 u64 record_bytes     96 u64 lowest commit_lsn 104 u64 highest commit_lsn
 *    112 i64 created_us     4092 u32 crc32c of bytes 0..4091
 *   blocks from 4096 on, one behind the other
 *      0 u32 magic "KYBB"      4 u32 relation            8 u64 payload_size
 *     16 u64 payload_sum      24 u32 record_count       28 u32 crc32c of bytes 0..27
 *     32 records (base_record.h) of one relation, row ids not falling
 *   index at index_offset, 64 bytes for each block
 *      0 u64 offset of the block   8 u64 payload_size   16 u32 relation   20 u32 record_count
 *     24 u64 first row_id         32 u64 last row_id    40 u64 lowest commit_lsn
 *     48 u64 highest commit_lsn   56 u64 payload_sum
 *
 * Sums are XXH3-64 seeded with XXH3-64 of the system id. The manifest's entry holds the size and,
 * as checksum, the sum of the header; the header holds the index's, the index the blocks'. So one
 * number vouches for every byte. info of the entry: id, record_count.
 */
enum {
    BASE_HEADER_SIZE = 4096,
    BASE_BLOCK_HEADER_SIZE = 32,
    BASE_INDEX_ENTRY_SIZE = 64,
    BASE_BLOCK_SIZE = 64 * 1024, /* a block is ended above this; a longer record has its own */
    BASE_MAJOR = 1,
};

/*
 * Where a version is: a position in the log, or bit 63, the id of a base file (28 bits) and an
 * offset in it (35 bits, a multiple of 8). Every place in a base file compares above every one in
 * the log.
 */
enum { BASE_OFFSET_BITS = 35, BASE_ID_BITS = 28 };
#define BASE_LOCATION ((lsn_t)1 << 63)
#define BASE_FILE_SIZE_MAX ((uint64_t)1 << BASE_OFFSET_BITS)
#define BASE_ID_MAX (((uint64_t)1 << BASE_ID_BITS) - 1)

static inline bool
location_is_base(lsn_t location)
{
    return (location & BASE_LOCATION) != 0;
}

static inline uint64_t
location_base_id(lsn_t location)
{
    return (location & ~BASE_LOCATION) >> BASE_OFFSET_BITS;
}

static inline uint64_t
location_base_offset(lsn_t location)
{
    return location & (BASE_FILE_SIZE_MAX - 1);
}

static inline lsn_t
base_location(uint64_t id, uint64_t offset)
{
    return BASE_LOCATION | id << BASE_OFFSET_BITS | offset;
}

/* Shared; immutable but for what is atomic. */
struct base_file {
    uint64_t id;
    uint64_t size;
    uint64_t checksum;
    uint64_t seed;
    struct io *io;
    struct io_file *file; /* owned */
    const uint8_t *bytes; /* the whole file */
    uint64_t index_offset;
    uint32_t block_count;
    uint64_t record_count;
    uint64_t record_bytes;
    lsn_t min_commit_lsn;
    lsn_t max_commit_lsn;
    _Atomic bool is_dropped; /* listed no more; some snapshot may still look at it */
    /* Guarded by the compactor's run: rows that live here as counted last, and the relocation that
     * last took some away. */
    uint64_t live_count;
    uint64_t moved_seq;
};

/* An entry of the index, decoded. */
struct base_block {
    uint64_t offset; /* of its header */
    uint64_t payload_size;
    rel_id_t rel;
    uint32_t record_count;
    row_id_t first_row;
    row_id_t last_row;
    lsn_t min_commit_lsn;
    lsn_t max_commit_lsn;
    uint64_t payload_sum;
};

struct base_identity {
    uint8_t system_id[16];
    uint64_t id;
};

/* "base/<id>.base" into a buffer of 64 bytes, zeros behind. */
void base_name(char name[64], uint64_t id);
/* The id of a file name inside base/; false for other names. */
bool base_parse_name(const char *name, uint64_t *id_out);
/* What the manifest says of a file. */
void base_describe(const struct base_file *file, struct log_file *listed_out);

/**
 * Opens and maps a listed file and checks header and index; blocks are checked by whoever walks
 * them. Damage: XX001 with the file and the offset. listed NULL: any size and checksum.
 */
KY_MUST_CHECK ky_status base_file_open(struct io *io, const char *dir,
                                       const struct base_identity *identity,
                                       const struct log_file *listed, struct base_file **file_out,
                                       struct ky_error *err);
void base_file_free(struct base_file *file);
struct base_block base_file_block(const struct base_file *file, uint32_t number);
/* Checks a block's header and sum; then its records may be walked. XX001. */
KY_MUST_CHECK ky_status base_file_check_block(const struct base_file *file, uint32_t number,
                                              struct ky_slice *records_out, struct ky_error *err);
/* Checks every block and record against the index and the header. XX001. */
KY_MUST_CHECK ky_status base_file_check(const struct base_file *file, struct ky_error *err);

/* The bytes of a file before it is mapped: what base_file_open believes. For the fuzzer too. */
KY_MUST_CHECK ky_status base_file_decode(struct base_file *file, struct ky_slice bytes,
                                         const struct base_identity *identity, const char *path,
                                         struct ky_error *err);

/* ------------------------------------------------------------------ writing */

/* Called after every so many bytes on their way to the disk; KY_ERR ends the writing. */
typedef ky_status (*base_pace)(void *arg, uint64_t bytes, struct ky_error *err);

/* One file being written, by one thread. */
struct base_writer {
    struct io *io;
    const char *dir;
    struct base_identity identity;
    base_pace pace; /* may be NULL */
    void *arg;
    /* The writer's own. */
    char *path;
    struct io_file *file;
    uint64_t seed;
    uint64_t offset; /* of the file, where out goes */
    struct ky_buffer out;
    struct ky_buffer index;
    struct base_block block; /* open; record_count 0: none */
    size_t block_start;      /* of its header in out */
    uint32_t block_count;
    uint64_t record_count;
    uint64_t record_bytes;
    lsn_t min_commit_lsn;
    lsn_t max_commit_lsn;
};

/* Fill in io, dir, identity, pace and arg before. The directory base/ must exist. */
KY_MUST_CHECK ky_status base_writer_begin(struct base_writer *writer, struct ky_error *err);
/* Records come by relation and row id. *location_out: where it will be. */
KY_MUST_CHECK ky_status base_writer_add(struct base_writer *writer,
                                        const struct base_record *record, lsn_t *location_out,
                                        struct ky_error *err);
/* Bytes so far. */
uint64_t base_writer_size(const struct base_writer *writer);
/* Writes the rest, syncs file and directory, opens it. The writer is over. */
KY_MUST_CHECK ky_status base_writer_finish(struct base_writer *writer, struct base_file **file_out,
                                           struct ky_error *err);
/* Gives up: closes and removes the file. Also after a failed finish; harmless twice. */
void base_writer_abandon(struct base_writer *writer);
