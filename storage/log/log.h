/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/list.h"
#include "storage/api/ids.h"
#include "storage/api/log_counts.h"
#include "storage/log/record.h"

/*
 * The log: frames in segments, one writer thread, group commit, recovery.
 *
 * Frame header, 96 bytes, little-endian:
 *    0 u32 magic "KYFR"         4 u16 header_size (96)      6 u16 flags FRAME_*
 *    8 u32 total_size (header + payload, multiple of 8, <= FRAME_SIZE_MAX)
 *   12 u32 record_count
 *   16 u64 lsn                  equals the frame's position in the log
 *   24 u64 txid                32 i64 commit_time (us since 1970)
 *   40 u32 epoch (+1 at every start)                        44 u32 chunk_count
 *   48 u64 durable_lsn          what was known to be synced when this was written
 *   56 u64 prev_sum             payload_sum of the frame before it in the log
 *   64 u64 payload_sum          XXH3-64 of the payload, seeded with the system id
 *   72 u64 first_event          offset of its first event-bearing record (COMMIT frames)
 *   80 u32 event_count          events of the whole transaction, chunks included
 *   84 u32 reserved 0           88 u32 reserved 0           92 u32 crc32c of bytes 0..91
 * Payload of a COMMIT frame: chunk_count references (struct frame_chunk_ref), then records.
 * Payload of a CHUNK frame: records of a transaction whose COMMIT frame comes later.
 */
enum {
    FRAME_COMMIT = 1,
    FRAME_CHUNK = 2,
    FRAME_PAD = 4, /* no payload; the log goes on at the start of the next segment */
};
enum { FRAME_HEADER_SIZE = 96, FRAME_SIZE_MAX = 16 * 1024 * 1024 };

/* Names part of an earlier CHUNK frame that the transaction keeps (savepoints may drop the rest).
 */
struct frame_chunk_ref {
    lsn_t lsn;             /* of the CHUNK frame */
    uint32_t record_count; /* its first record_count records count */
    uint32_t event_count;  /* event-bearing ones among them */
};

struct frame {
    uint16_t flags;
    uint32_t total_size;
    uint32_t record_count;
    uint32_t chunk_count;
    lsn_t lsn;
    txid_t txid;
    int64_t commit_time;
    uint32_t epoch;
    lsn_t durable_lsn;
    event_offset_t first_event;
    uint32_t event_count;
    const struct frame_chunk_ref *chunks; /* borrowed, chunk_count of them */
    struct ky_slice records;              /* borrowed: the records' bytes */
};

struct io;
struct log;

/**
 * One frame on its way to the disk. Embedded in its owner; untouched by the owner from
 * log_submit until done() is called. The callbacks run in log order, on the log writer thread or
 * inside log_submit when may_sync_here is set, and must not block or call back into the log except
 * log_submit.
 */
struct log_entry {
    struct log_entry *next; /* the queue's */
    uint8_t *frame;         /* FRAME_HEADER_SIZE free bytes, then the payload; borrowed */
    uint32_t size;          /* header + payload, multiple of 8 */
    uint16_t flags;         /* FRAME_COMMIT or FRAME_CHUNK */
    bool is_async;          /* synchronous_commit = off: acknowledged before its sync */
    bool may_sync_here;     /* log_submit may write, sync and answer it; its caller can wait */
    uint32_t record_count;
    uint32_t chunk_count;
    uint32_t event_count;
    txid_t txid;
    lsn_t lsn;                  /* out: the frame's position */
    event_offset_t first_event; /* out */
    int64_t commit_time;        /* out */

    /* May refuse at its turn (SERIALIZABLE); then nothing is written, done() gets KY_ERR. The last
     * check before the entry gets its position, which is lsn already. NULL: never. */
    ky_status (*admit)(struct log_entry *entry, struct ky_error *err);
    /* Written, not yet durable: make it part of what readers will see. For COMMIT frames. */
    void (*install)(struct log_entry *entry);
    /* The whole group is written and installed: its order in the log is fixed, its sync begins.
     * Called before done(), not for entries that are refused. May be NULL. */
    void (*placed)(struct log_entry *entry);
    /* After visible_lsn moved past the whole group. err is set when status is KY_ERR. */
    void (*done)(struct log_entry *entry, ky_status status, const struct ky_error *err);
};

struct log_options {
    struct io *io;           /* borrowed */
    const char *dir;         /* the data directory */
    uint64_t segment_size;   /* a multiple of 64 KiB; 64 MiB unless a test says otherwise */
    uint32_t spare_segments; /* pre-zeroed segments held ready; >= 1 */
    bool is_sync_off;        /* fsync = off */
    uint8_t system_id[16]; /* all zero: the directory's own, or a random one for a new directory */
    /* The log cannot go on (failed write or sync): called once, on the thread that wrote. Commits
     * that wait are never answered. The owner ends the process. */
    void (*on_fatal)(void *arg, const struct ky_error *err);
    /* visible_lsn moved: wakes subscribers. On the thread that wrote; must be quick. May be NULL.
     */
    void (*on_visible)(void *arg, lsn_t visible_lsn, event_offset_t next_event);
    void *arg;
};

/* Called for each committed transaction in log order during log_recover. chunk frames are passed
 * by log_frame_at. Return KY_ERR to stop recovery. */
typedef ky_status (*log_apply)(void *arg, const struct frame *frame, struct ky_error *err);

/**
 * Opens or creates the log of a data directory: reads the manifest, maps the segments, applies
 * every whole transaction from the position `from` on (the checkpoint's), applies the torn-tail
 * and uncertain-tail rules, and starts the writer. Damage to acknowledged data: XX001 naming
 * file, offset and position; nothing was changed on disk.
 */
KY_MUST_CHECK ky_status log_open(const struct log_options *options, lsn_t from, log_apply apply,
                                 void *apply_arg, struct log **log_out, struct ky_error *err);
/* Writes what is queued, stops the writer, closes files. */
void log_close(struct log *log);

/* Queues a frame. Any thread. Order of submission by one thread is log order. With may_sync_here,
 * when the log is idle, its frame fits and syncs are short, it is answered before this returns. */
void log_submit(struct log *log, struct log_entry *entry);
/* Queues a mark: done() is called once everything submitted before is durable and visible. Only
 * `done` of the entry is used. */
void log_submit_mark(struct log *log, struct log_entry *entry);
/* Largest entry size that log_submit takes: FRAME_SIZE_MAX or what fits into one segment. A larger
 * one is answered 54000 by done(). */
uint32_t log_frame_size_max(const struct log *log);
/* False while no space can be made for more: writers answer 53100 "could not extend log: No space
 * left on device". */
bool log_has_space(const struct log *log);
/* Held, the log makes no segment but the one in reserve, and has no space: what room the disk has
 * is somebody else's. A segment being made is waited for. Not from the log's own threads. */
void log_hold(struct log *log, bool is_held);

/* End of the last frame that is durable and installed: what a new snapshot sees. acquire. */
lsn_t log_visible_lsn(const struct log *log);
/* End of the last frame that is written and installed, durable or not. acquire. */
lsn_t log_installed_lsn(const struct log *log);
/* Offset that the next event will get; events below it are durable. */
event_offset_t log_next_event(const struct log *log);
event_offset_t log_earliest_event(const struct log *log);

/* Positions from `from` on, `size` of them, and their bytes. */
struct log_span {
    lsn_t from;
    uint64_t size;
    const uint8_t *bytes;
};

/* Bytes of the log at a position, from a mapped segment: valid until the segment is released, which
 * waits for epochs and for every snapshot that may look at it. NULL when out of range. */
const uint8_t *log_at(const struct log *log, lsn_t lsn);
/* The same, and how far around it positions have their bytes in the same place: valid as long. */
const uint8_t *log_span_at(const struct log *log, lsn_t lsn, struct log_span *span_out);
/* Decodes the frame at a position without checking its payload sum. XX001. */
KY_MUST_CHECK ky_status log_frame_at(const struct log *log, lsn_t lsn, struct frame *frame_out,
                                     struct ky_error *err);

/* Finds the COMMIT frame that holds an event: its position, or LSN_MAX when offset is not yet
 * written, or 0 when it is gone. Uses segment headers and a sparse in-memory index. */
lsn_t log_find_event(const struct log *log, event_offset_t offset);
/* The next COMMIT frame at or after a position, below visible_lsn; false at the end. */
bool log_next_commit(const struct log *log, lsn_t from, struct frame *frame_out);

/* Numbers for /metrics and kyro views. */
struct log_stats {
    lsn_t visible_lsn;
    lsn_t written_lsn;
    lsn_t durable_lsn;
    uint64_t segment_count;
    uint64_t bytes_on_disk;
    uint32_t epoch;
    txid_t highest_txid; /* seen at recovery or since */
};
void log_stats(const struct log *log, struct log_stats *stats_out);
void log_counts(struct log_counts *counts_out);

/* A file besides the segments that the manifest lists. A listed file that is missing is damage;
 * one of these kinds that is not listed is a stray and may be removed at start. */
enum log_file_kind { LOG_FILE_BASE = 1, LOG_FILE_CHECKPOINT = 2 };
struct log_file {
    char name[64]; /* path inside the data directory, zero-terminated, zeros behind */
    enum log_file_kind kind;
    uint64_t size;
    uint64_t checksum; /* of what its kind says */
    uint64_t info[2];  /* what its kind says */
};

/* What one switch of the manifest changes; zero means nothing. The files are durable already. */
struct log_change {
    const struct log_file *add; /* after what is removed */
    uint32_t add_count;
    /* Asked for every file listed so far. NULL: all stay. */
    bool (*removes)(void *arg, const struct log_file *file);
    void *arg;
    const char *checkpoint_name; /* NULL: stays as it is */
    lsn_t checkpoint_lsn;        /* must be durable */
    /* Segments that end at or below this position are listed no longer; 0: all stay. Their bytes
     * stay mapped until log_release_segment. */
    lsn_t keep_from;
    /* Events below can no longer be read; never goes back. */
    event_offset_t history_event;
};
/**
 * Switches to a manifest with the change made, atomically. Any thread. On failure nothing has
 * changed; or the log has failed, on_fatal is called, and nobody knows which manifest counts: then
 * no file that either of them names may be removed.
 */
KY_MUST_CHECK ky_status log_install(struct log *log, const struct log_change *change,
                                    struct ky_error *err);
/* A segment for those who drop them: one thread at a time, no other takes segments away. */
struct segment;
struct log_segment_info {
    uint64_t number;
    lsn_t start; /* of its first frame */
    lsn_t end;   /* of its last possible byte */
    uint64_t size;
    bool is_dropped;
    event_offset_t first_event; /* UINT64_MAX: it holds no frame yet */
    struct segment *segment;
};
/* The first segment that ends above a position; false when there is none. */
bool log_segment_info(const struct log *log, lsn_t above, struct log_segment_info *info_out);
/* Removes the file of a dropped segment. What cannot be removed is a stray at the next start. */
KY_MUST_CHECK ky_status log_unlink_segment(struct log *log, const struct log_segment_info *info,
                                           struct ky_error *err);
/* Takes a dropped segment out of the table, waits for who is inside an epoch, unmaps it. No
 * snapshot may look at it any more. */
void log_release_segment(struct log *log, const struct log_segment_info *info);
/* The frame at a position or the next one in log order below end, pads skipped. *found_out false:
 * there is none. XX001 when bytes there do not decode. */
KY_MUST_CHECK ky_status log_seek_frame(const struct log *log, lsn_t from, lsn_t end,
                                       struct frame *frame_out, bool *found_out,
                                       struct ky_error *err);
void log_system_id(const struct log *log, uint8_t system_id_out[16]);
/* Does the log still reach back to its first frame? */
bool log_is_complete(const struct log *log);
/* The first position that the log still has. */
lsn_t log_first_lsn(const struct log *log);
/* Position up to which everything is on the device. */
lsn_t log_durable_lsn(const struct log *log);

/* A failed write or sync ended the log, or is about to. */
bool log_has_failed(const struct log *log);

/* What the manifest says, read before log_open. Creates nothing. All zero for an empty directory.
 * The checkpoint's name is "" when there is none. */
struct log_manifest_info {
    bool exists;
    lsn_t checkpoint_lsn;
    char checkpoint_name[64];
    uint8_t system_id[16];
    uint64_t segment_size;
    struct log_file *files; /* owned */
    uint32_t file_count;
};
KY_MUST_CHECK ky_status log_read_manifest(struct io *io, const char *dir,
                                          struct log_manifest_info *info_out, struct ky_error *err);
void log_manifest_info_deinit(struct log_manifest_info *info);
