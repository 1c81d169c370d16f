/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/map.h"
#include "storage/log/segment.h"
#include "storage/storage_private.h"

/* Inside of compaction, for the files of this folder only. What follows is called under
 * compactor->lock unless it says otherwise; Clang cannot follow that through struct job. */

enum {
    JOB_SEGMENTS_MAX = 16,  /* dropped with one checkpoint */
    JOB_SEGMENTS_SHORT = 4, /* the same on a full disk: less is written before room is made */
    JOB_ENTRIES_MAX = 1024 * 1024, /* versions sorted and written at a time */
    JOB_FILES_MAX = 64,            /* base files rewritten by one job */
    RELOCATE_BATCH = 256,          /* slots changed in one hold of a relation's lock */
    SMALL_FILES_MAX = 8,           /* so many small base files become one */
};

/* A version that is to move. */
struct compact_entry {
    rel_id_t rel;
    row_id_t row_id;
    lsn_t location;
    lsn_t commit_lsn;
};

/* A file that is unlinked and listed nowhere, waiting for the snapshots that may look at it. */
struct retired {
    struct retired *next;
    struct log_segment_info segment;
    struct base_file *file; /* NULL: it is the segment */
    struct blocker *blockers;
    uint32_t blocker_count;
};

/* Bytes of each relation's records in one segment, as far as it has been read. */
struct segment_tally {
    struct segment_tally *next; /* ascending numbers */
    uint64_t number;
    lsn_t counted_to;
    struct ky_map64 bytes; /* by relation */
};

struct compactor {
    struct storage *storage;
    struct ky_mutex lock; /* one run at a time; guards the base set and what follows */
    struct retired *retired;
    lsn_t surveyed_lsn; /* visible_lsn when the base files were counted last */
    int64_t surveyed_ns;
    uint64_t reserve_size; /* 0: there is none */
    bool has_reserve;      /* the file is there */
    bool is_short;         /* it is not, for lack of room, and the log is held */

    struct ky_mutex tally_lock;
    struct segment_tally *tallies;

    struct ky_mutex wake_lock;
    struct ky_cond wake;
    bool is_stopping_locked; /* guarded by wake_lock */
    _Atomic bool is_stopping;
    bool is_started;
    struct ky_thread thread;

    /* Settings. */
    _Atomic uint64_t retention_bytes;
    _Atomic int64_t retention_seconds;
    _Atomic uint64_t reader_bytes;

    /* For storage_compact_stats; relaxed: they are numbers to look at. */
    _Atomic int phase;
    _Atomic uint64_t sources_total;
    _Atomic uint64_t sources_scanned;
    _Atomic uint64_t rows_to_move;
    _Atomic uint64_t rows_moved;
    _Atomic int64_t started_us;
    _Atomic int64_t finished_us;
    _Atomic uint64_t runs;
    _Atomic uint64_t failures;
    _Atomic uint64_t base_rows;
    _Atomic uint64_t base_dead;
    _Atomic uint64_t retired_bytes;
    struct ky_mutex total_lock;
    struct compact_result total;
};

/* One round: some sources, everything alive in them, what becomes of it. */
struct job {
    struct compactor *compactor;
    struct storage *storage;
    uint64_t rate;             /* bytes a second; 0: no limit */
    const _Atomic int *cancel; /* NULL: nobody can */
    uint32_t segments_max;
    int64_t pace_ns; /* when the next byte may be written */
    struct snapshot_set snapshots;
    struct log_segment_info segments[JOB_SEGMENTS_MAX];
    uint32_t segment_count;
    event_offset_t history_event;
    struct base_file *files[JOB_FILES_MAX];
    uint32_t file_count;
    struct compact_entry *entries; /* owned */
    uint32_t entry_count;
    uint32_t entry_capacity;
    struct compact_result result;
};

/* ------------------------------------------------------------------ floor.c */

struct compact_floor {
    lsn_t lsn; /* segments that end at or below may go */
    enum retention_reason reason;
    event_offset_t history_event; /* events from here on can be read; UINT64_MAX: all there are */
};
/* What retention alone asks for; checkpoint and transactions left out. */
struct compact_floor compact_retention_floor(struct compactor *compactor);
/* What can go now: retention, the checkpoint in force, transactions that lie across the border. */
KY_MUST_CHECK ky_status compact_floor(struct compactor *compactor, struct compact_floor *floor_out,
                                      struct ky_error *err);
/* Bytes of segments that end at or below a position. */
uint64_t compact_log_bytes_below(struct compactor *compactor, lsn_t lsn);

/* ------------------------------------------------------------------ survey.c */

/* base_set_from without those that are only waited for. */
struct base_file *compact_next_file(const struct base_set *set, uint64_t id);
/* Counts the versions that live in each base file. */
void compact_survey(struct compactor *compactor);
/* Takes base files into the job that are worth rewriting: as many as fit. */
void compact_choose_files(struct job *job, enum compact_depth depth);

/* ------------------------------------------------------------------ gather.c */

/* Called with a full or a last batch of entries. */
typedef ky_status (*job_flush)(struct job *job, struct ky_error *err);
/* Finds all versions in the job's sources that somebody needs. */
KY_MUST_CHECK ky_status compact_gather(struct job *job, job_flush flush, struct ky_error *err);

/* ------------------------------------------------------------------ job.c */

struct job_options {
    enum compact_depth depth;
    uint64_t rate;             /* bytes a second; 0: no limit */
    const _Atomic int *cancel; /* NULL: nobody can */
    uint32_t segments_max;     /* dropped by one job; 0: JOB_SEGMENTS_MAX */
};
/* 57P01 or 57014 when the job is to end early. */
KY_MUST_CHECK ky_status job_check(const struct job *job, struct ky_error *err);

/* Does one job, if there is one. */
KY_MUST_CHECK ky_status compact_job(struct compactor *compactor, const struct job_options *options,
                                    struct compact_result *result, bool *is_more_out,
                                    struct ky_error *err) KY_REQUIRES(compactor->lock);

/* ------------------------------------------------------------------ reserve.c */

/* At start. A new directory gets its reserve from the thread. */
void reserve_open(struct compactor *compactor, bool is_new);
/* Makes it if it is wanted and not there; holds the log when that fails, and lets it go after. */
void reserve_make(struct compactor *compactor);
/* Holds the log and gives the room back to the file system. False: there was none to give. */
bool reserve_give(struct compactor *compactor);

/* ------------------------------------------------------------------ retire.c */

void retire_segment(struct compactor *compactor, const struct log_segment_info *segment);
void retire_file(struct compactor *compactor, struct base_file *file);
/* Unmaps what nobody looks at any more. */
void retire_poll(struct compactor *compactor);
/* At close: nobody looks at anything. */
void retire_all(struct compactor *compactor);

/* ------------------------------------------------------------------ tally.c */
void tally_deinit(struct compactor *compactor);

/* ------------------------------------------------------------------ compactor.c */
struct compactor *compactor_new(struct storage *storage);
/* Starts the thread, if it is asked for. */
void compactor_start(struct compactor *compactor);
/* Ends the thread; a run under way gives up. */
void compactor_stop(struct compactor *compactor);
void compactor_free(struct compactor *compactor);
