/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "server/base/compiler.h"
#include "storage/api/ids.h"

/*
 * A checkpoint is a list file and the files that it names, all in the folder ckpt/ and named by
 * serial numbers, 16 hex digits. Later checkpoints name again what has not changed.
 *
 *   <serial>.list   what the manifest names: everything but rows and parts
 *   <serial>.rows   pages of the row directory
 *   <serial>.part   one saved part (an index, a collection): its owner's bytes, nothing else
 *
 * Little-endian. List file:
 *   header, 128 bytes
 *      0 u64 magic "KYCKLIST"   8 u32 version (2)       12 u32 header_size (128)
 *     16 u32 incompat 0        20 u32 reserved 0        24 u64 serial
 *     32 u64 next_serial       40 u64 lsn               48 u64 next_event
 *     56 u64 highest_txid      64 i64 created, us       72 u8[16] system id
 *     88 u64 relation_count    96 u64 counter_count    104 u64 page_count
 *    112 u64 part_count       120 u64 reserved 0
 *   relation_count struct checkpoint_relation, ascending rel
 *   counter_count struct checkpoint_counter, ascending id
 *   page_count struct checkpoint_page, ascending (rel, page)
 *   part_count struct checkpoint_part, ascending name
 *   u32 0, u32 crc32c of everything before
 *
 * Rows file: header, 64 bytes
 *      0 u64 magic "KYCKROWS"   8 u32 version (2)       12 u32 header_size (64)
 *     16 u64 serial            24 u8[16] system id      40 zeros     60 u32 crc32c of bytes 0..59
 *   then pages where the list says: 16 bytes { u32 rel, u32 count, u64 page }, count versions,
 *   zeros up to a multiple of 8. A version is three numbers (seven bits a byte, lowest first, the
 *   high bit says that more follow): slots skipped since the one before; commit_lsn and location,
 *   each minus the one before, / 8, sign in bit 0.
 *   The list's sum of a page is XXH3-64 of these bytes.
 *
 * The list's sum of a part: XXH3-64 of each CHECKPOINT_SUM_BLOCK bytes, seeded with the sum of the
 * block before, the first with 0.
 */
#define CHECKPOINT_LIST_MAGIC 0x5453494C4B43594BULL /* "KYCKLIST" */
#define CHECKPOINT_ROWS_MAGIC 0x53574F524B43594BULL /* "KYCKROWS" */
#define CHECKPOINT_DIR "ckpt"
enum {
    CHECKPOINT_VERSION = 2,
    CHECKPOINT_LIST_HEADER_SIZE = 128,
    CHECKPOINT_LIST_SIZE_MAX = 1 << 30,
    CHECKPOINT_ROWS_HEADER_SIZE = 64,
    CHECKPOINT_SUM_BLOCK = 1 << 20,
    CHECKPOINT_PAGE_HEADER_SIZE = 16,
    /* Every slot: a skip below 4096 and two 64-bit numbers. */
    CHECKPOINT_PAGE_SIZE_MAX = 16 + 4096 * (2 + 10 + 10) + 8,
    CHECKPOINT_NAME_SIZE = 64,
    CHECKPOINT_ROWS_FILES_MAX = 8, /* that one list names */
};

struct checkpoint_relation {
    rel_id_t rel;
    uint32_t reserved;
    row_id_t next_row_id;
    uint64_t live;
    uint64_t appended_bytes;
    uint64_t appended_count;
};
_Static_assert(sizeof(struct checkpoint_relation) == 40, "on disk");

struct checkpoint_counter {
    rel_id_t id;
    uint32_t reserved;
    uint64_t value;
};
_Static_assert(sizeof(struct checkpoint_counter) == 16, "on disk");

/* PAGE_SLOTS rows of a relation, from row id page * PAGE_SLOTS on. */
struct checkpoint_page {
    rel_id_t rel;
    uint32_t count; /* of rows; not 0 */
    uint64_t page;
    uint64_t file; /* serial of the rows file */
    uint64_t offset;
    uint64_t size;
    uint64_t sum;
    lsn_t lsn;        /* of the checkpoint that wrote it */
    lsn_t change_lsn; /* of the newest change in the page; may be above lsn */
};
_Static_assert(sizeof(struct checkpoint_page) == 64, "on disk");

struct checkpoint_part {
    char name[CHECKPOINT_NAME_SIZE]; /* zeros behind; at least one */
    uint64_t file;
    uint64_t size;
    uint64_t sum;
    lsn_t lsn;         /* the state it was saved from */
    uint64_t identity; /* the owner's */
    uint64_t mark;     /* the owner's */
};
_Static_assert(sizeof(struct checkpoint_part) == 112, "on disk");
