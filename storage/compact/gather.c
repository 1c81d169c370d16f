/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/arena.h"
#include "server/base/epoch.h"
#include "storage/compact/compact_private.h"

/*
 * Which versions in some segments and base files must move: every record is looked up in the
 * directory, which either says that this is where a version is that can be seen from now on, or
 * does not. Records of
 * transactions that never committed, of rows that changed, of relations that were dropped are
 * nobody's and stay behind. One frame or block at a time inside an epoch.
 */
struct lookup {
    struct job *job;
    rel_id_t rel;
    struct relation *relation; /* of this epoch; NULL: there is none */
    bool is_known;
};

static void
add_entry(struct job *job, const struct compact_entry *entry)
{
    if (job->entry_count == job->entry_capacity) {
        job->entry_capacity = KY_MAX(4096U, job->entry_capacity * 2);
        job->entries = ky_realloc(job->entries, job->entry_capacity * sizeof(*job->entries));
    }
    job->entries[job->entry_count++] = *entry;
}

static void
look_up(struct lookup *lookup, rel_id_t rel, row_id_t row_id, lsn_t location)
{
    struct job *job = lookup->job;
    if (!lookup->is_known || lookup->rel != rel) {
        lookup->rel = rel;
        lookup->relation = directory_find(&job->storage->directory, rel);
        lookup->is_known = true;
        /* The rows of a dropped one are seen by old snapshots only. */
        if (lookup->relation != NULL &&
            atomic_load_explicit(&lookup->relation->drop_lsn, memory_order_acquire) <
                job->snapshots.visible) {
            lookup->relation = NULL;
        }
    }
    struct compact_entry entry = {.rel = rel, .row_id = row_id, .location = location};
    if (lookup->relation != NULL &&
        relation_uses(lookup->relation, row_id, location, &job->snapshots, &entry.commit_lsn)) {
        add_entry(job, &entry);
    }
}

static ky_status
gather_frame(struct job *job, const struct frame *frame, struct ky_error *err)
{
    struct lookup lookup = {.job = job};
    struct ky_slice rest = frame->records;
    lsn_t location = frame->lsn + frame->total_size - rest.size;
    for (uint32_t i = 0; i < frame->record_count; i++) {
        struct record record;
        KY_TRY(record_decode(rest, false, &record, err));
        size_t size = record_size(record.body.size);
        if ((record.type == RECORD_INSERT || record.type == RECORD_UPDATE) &&
            record.row_id != ROW_ID_NONE && record.row_id <= ROW_ID_MAX) {
            look_up(&lookup, record.rel, record.row_id, location);
        }
        location += size;
        rest = ky_slice((const uint8_t *)rest.data + size, rest.size - size);
    }
    return KY_OK;
}

/* One frame and what follows from it. *at moves on; *is_end: there are no more. */
static ky_status
gather_next(struct job *job, lsn_t *at, lsn_t end, bool *is_end, struct ky_error *err)
{
    struct frame frame;
    bool is_found = false;
    KY_TRY(log_seek_frame(job->storage->log, *at, end, &frame, &is_found, err));
    *is_end = !is_found || frame.lsn >= end;
    if (*is_end) {
        return KY_OK;
    }
    *at = frame.lsn + frame.total_size;
    return gather_frame(job, &frame, err);
}

static ky_status
gather_segment(struct job *job, const struct log_segment_info *info, job_flush flush,
               struct ky_error *err)
{
    bool is_end = false;
    lsn_t at = info->start;
    while (!is_end) {
        ky_epoch_enter();
        ky_status status = gather_next(job, &at, info->end, &is_end, err);
        ky_epoch_leave();
        KY_TRY(status);
        KY_TRY(job_check(job, err));
        if (job->entry_count >= JOB_ENTRIES_MAX) {
            KY_TRY(flush(job, err));
        }
    }
    return KY_OK;
}

static ky_status
gather_block(struct job *job, const struct base_file *file, uint32_t number, struct ky_error *err)
{
    struct lookup lookup = {.job = job};
    struct base_block block = base_file_block(file, number);
    struct ky_slice rest;
    KY_TRY(base_file_check_block(file, number, &rest, err));
    uint64_t offset = block.offset + BASE_BLOCK_HEADER_SIZE;
    for (uint32_t i = 0; i < block.record_count; i++) {
        struct base_record record;
        size_t size = 0;
        KY_TRY(base_record_decode(rest, false, &record, &size, err));
        look_up(&lookup, record.rel, record.row_id, base_location(file->id, offset));
        offset += size;
        rest = ky_slice((const uint8_t *)rest.data + size, rest.size - size);
    }
    return KY_OK;
}

static ky_status
gather_file(struct job *job, const struct base_file *file, job_flush flush, struct ky_error *err)
{
    for (uint32_t i = 0; i < file->block_count; i++) {
        ky_epoch_enter();
        ky_status status = gather_block(job, file, i, err);
        ky_epoch_leave();
        KY_TRY(status);
        KY_TRY(job_check(job, err));
        if (job->entry_count >= JOB_ENTRIES_MAX) {
            KY_TRY(flush(job, err));
        }
    }
    return KY_OK;
}

ky_status
compact_gather(struct job *job, job_flush flush, struct ky_error *err)
{
    struct compactor *compactor = job->compactor;
    for (uint32_t i = 0; i < job->segment_count; i++) {
        KY_TRY(gather_segment(job, &job->segments[i], flush, err));
        atomic_fetch_add_explicit(&compactor->sources_scanned, 1, memory_order_relaxed);
    }
    for (uint32_t i = 0; i < job->file_count; i++) {
        if (job->files[i]->live_count > 0) {
            KY_TRY(gather_file(job, job->files[i], flush, err));
        }
        atomic_fetch_add_explicit(&compactor->sources_scanned, 1, memory_order_relaxed);
    }
    return job->entry_count > 0 ? flush(job, err) : KY_OK;
}
