/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/mutex.h"
#include "storage/log/frame.h"
#include "storage/log/manifest.h"
#include "storage/log/segment.h"

/* Inside of struct log, for the files of this folder only. */

enum {
    LOG_BATCH_ENTRIES_MAX = 1024,
    LOG_BATCH_SIZE_MAX = 8 * 1024 * 1024, /* a batch is closed when it has reached this */
    LOG_SPARE_RETRY_MS = 1000,
    /* After a sync of more than LOG_SYNC_SHORT_NS no committer writes itself for LOG_REST_SYNCS
     * times as long: its thread has more to do than wait for a slow disk. */
    LOG_SYNC_SHORT_NS = 2 * 1000 * 1000,
    LOG_REST_SYNCS = 20,
};

/*
 * Segments by number: slots[number - first]. A table is never changed but by filling empty slots;
 * when it is full a larger one replaces it, and the old one stays until close, for readers that
 * still look at it.
 */
struct segment_table {
    uint64_t first;
    uint64_t capacity;
    struct segment_table *previous; /* owned */
    struct segment *_Atomic slots[];
};

/* What is written with one call and one sync. */
struct log_batch {
    struct log_entry *entries[LOG_BATCH_ENTRIES_MAX]; /* in order, refused ones included */
    struct ky_error *errors[LOG_BATCH_ENTRIES_MAX];   /* owned; NULL: accepted */
    uint32_t count;
    struct iovec parts[LOG_BATCH_ENTRIES_MAX];
    uint32_t part_count;
    uint64_t size;
    uint32_t commit_count;
    uint64_t start_offset;
    lsn_t durable_lsn; /* when the batch began */
};

/* A place in the log and what must be known to continue there. */
struct log_tail {
    lsn_t lsn; /* end of the last frame */
    event_offset_t next_event;
    uint64_t last_sum; /* payload sum of the last COMMIT or CHUNK frame */
};

struct log {
    struct log_options options; /* immutable after open; dir is owned */
    uint64_t seed;
    uint32_t epoch;
    unsigned segment_shift; /* log2 of segment_size, or 0 when it is no power of two */

    struct segment_table *_Atomic table; /* release when replaced; acquire by readers */

    /* Positions, each written under write_lock only. Release, acquire: bytes and indexes below. */
    _Atomic lsn_t visible_lsn;
    _Atomic lsn_t installed_lsn; /* >= visible_lsn */
    _Atomic lsn_t written_lsn;
    _Atomic lsn_t durable_lsn;
    _Atomic event_offset_t next_event; /* events below are durable */
    _Atomic txid_t highest_txid;
    _Atomic event_offset_t history_event; /* the manifest's; events below are gone */

    /* Submitted entries, newest first. Push: release. The writer, under write_lock, takes all:
     * acquire. */
    struct log_entry *_Atomic queue;
    _Atomic bool is_writer_asleep; /* sequentially consistent with queue */

    struct ky_mutex lock; /* guards what follows; taken after no other lock */
    struct ky_cond writer_wake;
    struct ky_cond maker_wake;
    struct ky_cond segment_ready;
    bool is_closing;
    bool is_writer_done;
    struct segment **ready; /* owned array of segments the writer may go on to, in order */
    uint32_t ready_count;
    uint32_t ready_capacity;
    uint64_t last_number;        /* of the newest segment made */
    bool is_held;                /* see log_hold */
    bool is_making;              /* the maker is at it */
    bool is_maker_failing;       /* the last attempt to make a spare met a full disk */
    _Atomic bool is_maker_fatal; /* maker_error ends the log. Also read, relaxed, without lock */
    struct ky_error maker_error;
    struct log_tail durable; /* a consistent set, for the manifest */

    struct ky_mutex manifest_lock; /* before lock; guards manifest and its files */
    struct manifest manifest;      /* as installed last */
    uint32_t manifest_crc;

    struct ky_mutex index_lock; /* lazy building of event indexes */

    _Atomic bool has_space;
    _Atomic bool is_failed; /* a write or sync failed: nothing is answered any more */

    /* Who has it writes frames: the writer thread, or a committer by itself (write_here). Guards
     * what follows once the threads run. Before lock; a committer only tries it. */
    struct ky_mutex write_lock;
    struct segment *active;
    uint64_t active_offset;
    struct log_tail tail; /* of what has been placed */
    int64_t last_commit_time;
    int64_t rest_until_ns; /* no committer writes before; monotonic */
    struct log_batch batch;

    struct ky_thread writer;
    struct ky_thread maker;
};

/* ------------------------------------------------------------------ log.c */
uint64_t log_number(const struct log *log, lsn_t lsn);
struct segment *log_segment(const struct log *log, uint64_t number);
/* The next segment after number that the table has; NULL at the end. */
struct segment *log_segment_after(const struct log *log, uint64_t number);
/* Publishes a segment. Before the threads start, or by the spare maker. */
void log_add_segment(struct log *log, struct segment *segment);
/* Takes a segment out of the table: in recovery, or under manifest_lock. The caller frees it. */
void log_remove_segment(struct log *log, struct segment *segment);
uint64_t log_first_number(const struct log *log);
void log_push_ready(struct log *log, struct segment *segment) KY_REQUIRES(log->lock);
/* Installs a manifest of the segments in the table with the given tail as durable; epoch and
 * checkpoint as in log->manifest.
 */
KY_MUST_CHECK ky_status log_switch_manifest(struct log *log, const struct log_tail *durable,
                                            bool *is_unknown_out, struct ky_error *err)
    KY_REQUIRES(log->manifest_lock);
/* Hands an error that nothing can follow to the writer, which tells the owner. */
void log_fail_from_maker(struct log *log, const struct ky_error *err);
void log_free(struct log *log);

/* ------------------------------------------------------------------ writer.c, spare.c */
void *log_writer_run(void *arg);
void *log_maker_run(void *arg);
void log_update_space(struct log *log) KY_REQUIRES(log->lock);

/* ------------------------------------------------------------------ create.c */
KY_MUST_CHECK ky_status log_create(struct log *log, struct ky_error *err);
/* Removes segment files and spare.tmp that the table does not have. */
KY_MUST_CHECK ky_status log_remove_strays(struct log *log, struct ky_error *err);
KY_MUST_CHECK ky_status log_make_segment(struct log *log, uint64_t number, uint32_t epoch,
                                         struct segment **segment_out, struct ky_error *err);

/* ------------------------------------------------------------------ scan.c */
struct log_scan {
    struct log_tail end;     /* of the valid frames */
    struct log_tail durable; /* the part of them that is proven to be on the device */
    struct segment *last;    /* segment that end is in */
    txid_t highest_txid;
};
/* Reads and checks all frames from a position on; decides between torn tail and XX001. */
KY_MUST_CHECK ky_status log_scan(struct log *log, lsn_t from, struct log_scan *scan_out,
                                 struct ky_error *err);

/* ------------------------------------------------------------------ rewrite.c */
/* Settles what is left after the scan: continues in place, or moves the uncertain frames into fresh
 * segments; installs the manifest of the new epoch. *tail_out: where writing goes on. */
KY_MUST_CHECK ky_status log_settle(struct log *log, const struct log_scan *scan,
                                   struct ky_error *err);
