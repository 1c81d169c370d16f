/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "storage/io/io.h"
#include "storage/log/log.h"

/*
 * One file of the log, log/<first lsn, 16 hex>.seg: a header of 4096 bytes, then frames, then
 * zeros. It is made with its full size of written zeros and mapped for its whole life.
 */
enum {
    SEGMENT_HEADER_SIZE = 4096,
    SEGMENT_INDEX_STEP = 64 * 1024, /* bytes of log for each entry of the event index */
};

/* Where a COMMIT frame with events stands; entries ascend in both. */
struct event_mark {
    event_offset_t first_event;
    uint64_t offset;
};

/**
 * Shared. number, epoch, size and bytes never change. Frames are added by the log writer, and
 * anyone may read below log_visible_lsn (or, in recovery, below what was checked).
 */
struct segment {
    uint64_t number;
    uint32_t epoch;
    uint64_t size;
    struct io *io;
    struct io_file *file; /* owned */
    const uint8_t *bytes; /* the whole file */
    /* Exact end of its frames when the log left it early, else 0. Changes only in recovery. */
    uint64_t end_offset;
    /* No manifest lists it any more: its bytes stay for those who still look at them. */
    _Atomic bool is_dropped;
    /* Compaction's: the relocation that last took rows away from it; 0: none did. */
    uint64_t moved_seq;
    /* Of its first frame on; EVENT_UNKNOWN before one is written. Release; acquire by readers. */
    _Atomic event_offset_t first_event;
    /* Sparse event index: written by the log writer, or once under the log's index lock. */
    struct event_mark *marks;    /* owned */
    _Atomic uint32_t mark_count; /* release after the mark is written; acquire by readers */
    _Atomic bool is_indexed;     /* every frame that is visible has been offered to the index */
};

static inline lsn_t
segment_start(const struct segment *segment)
{
    return segment->number * segment->size + SEGMENT_HEADER_SIZE;
}

/* Where its frames must end. */
static inline uint64_t
segment_limit(const struct segment *segment)
{
    return segment->end_offset != 0 ? segment->end_offset : segment->size;
}

struct segment_identity {
    uint8_t system_id[16];
    uint64_t number;
    uint64_t size;
    uint32_t epoch;
};

/* malloc'd paths inside the data directory. */
char *segment_path(const char *dir, uint64_t number, uint64_t size);
/* The number of a segment file's name; false for other names. */
bool segment_parse_name(const char *name, uint64_t size, uint64_t *number_out);

/* Makes the file: zeros, header, sync, under its final name, directory synced. It holds no frame
 * and no manifest names it yet. On failure nothing of it is left but perhaps spare.tmp. */
KY_MUST_CHECK ky_status segment_create(struct io *io, const char *dir,
                                       const struct segment_identity *identity,
                                       struct segment **segment_out, struct ky_error *err);
/* Opens and maps an existing one and checks its header against identity (epoch excepted). */
KY_MUST_CHECK ky_status segment_open(struct io *io, const char *dir,
                                     const struct segment_identity *identity,
                                     struct segment **segment_out, struct ky_error *err);
void segment_free(struct segment *segment);
/* Only zeros from offset to the end of the file? */
bool segment_is_zero(const struct segment *segment, uint64_t offset);

/* Offers a COMMIT frame with events to the sparse index, in log order. */
void segment_index_add(struct segment *segment, uint64_t offset, event_offset_t first_event);
/* Offset of the last indexed frame whose first event is at most event; the header size if none. */
uint64_t segment_index_find(const struct segment *segment, event_offset_t event);
